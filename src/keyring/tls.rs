//! Connections of pgseal's own to the protected database: keyring and catalog.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::{Client, Error, NoTls};

/// Connects with a libpq-style URL; the connection's task ends with the client.
///
/// # Errors
/// Why not, in words for the operator; never the URL, which may hold a password.
pub async fn connect(url: &str) -> Result<Client, String> {
    let mut config: tokio_postgres::Config = url.parse().map_err(|_| {
        "the keyring's URL cannot be read: say postgres://user@host/database".to_owned()
    })?;
    config.application_name("pgseal");
    let remote = config.get_hosts().iter().any(|host| matches!(host, tokio_postgres::config::Host::Tcp(name) if name != "localhost" && !name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())));
    if remote
        && config.get_ssl_mode() == tokio_postgres::config::SslMode::Prefer
        && !url.contains("sslmode=")
    {
        // Never a silent downgrade: keys travel wrapped, but the role's password does not.
        config.ssl_mode(tokio_postgres::config::SslMode::Require);
    }
    if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
        let tls = tokio_postgres_rustls::MakeRustlsConnect::new(verifying(None)?);
        let (client, connection) = config.connect(tls).await.map_err(|cause| words(&cause))?;
        tokio::spawn(connection);
        return Ok(client);
    }
    let (client, connection) = config.connect(NoTls).await.map_err(|cause| words(&cause))?;
    tokio::spawn(connection);
    Ok(client)
}

/// What a database error says, with the server's message if it has one.
pub(super) fn words(error: &Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |error| format!("{} ({})", error.message(), error.code().code()),
    )
}

/// A TLS client that checks the server's certificate and name, against this PEM file or the system's roots.
///
/// # Errors
/// What is wrong with the roots, in words for the operator.
pub fn verifying(roots: Option<&Path>) -> Result<ClientConfig, String> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(path) => {
            let read = CertificateDer::pem_file_iter(path)
                .map_err(|cause| format!("{}: {cause}", path.display()))?;
            for certificate in read {
                let certificate =
                    certificate.map_err(|cause| format!("{}: {cause}", path.display()))?;
                store
                    .add(certificate)
                    .map_err(|cause| format!("{}: {cause}", path.display()))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| cause.to_string())?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}
