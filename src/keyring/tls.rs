//! Connections of pgseal's own to the protected database: keyring and catalog.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Connection, Error, NoTls, Socket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const UNREADABLE: &str = "the keyring's URL cannot be read: say postgres://user@host/database, with ?sslmode=disable|verify-full and &sslrootcert=file if need be";

/// Connects with a libpq-style URL; the connection's task ends with the client.
///
/// # Errors
/// Why not, in words for the operator; never the URL, which may hold a password.
pub async fn connect(url: &str) -> Result<Client, String> {
    open(url, None).await
}

/// The same, with what the database notifies it of.
pub(super) async fn connect_and_hear(
    url: &str,
    notices: mpsc::Sender<String>,
) -> Result<Client, String> {
    open(url, Some(notices)).await
}

async fn open(url: &str, notices: Option<mpsc::Sender<String>>) -> Result<Client, String> {
    let (url, roots) = without_roots(url);
    let mut config: tokio_postgres::Config = url.parse().map_err(|_| UNREADABLE.to_owned())?;
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
        let tls = Tls(TlsConnector::from(Arc::new(verifying(roots.as_deref())?)));
        let (client, connection) = config.connect(tls).await.map_err(|cause| words(&cause))?;
        tokio::spawn(drive(connection, notices));
        return Ok(client);
    }
    let (client, connection) = config.connect(NoTls).await.map_err(|cause| words(&cause))?;
    tokio::spawn(drive(connection, notices));
    Ok(client)
}

/// Runs a connection to its end, and passes on the payloads of its notifications.
async fn drive<S, T>(mut connection: Connection<S, T>, notices: Option<mpsc::Sender<String>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|task| connection.poll_message(task)).await {
        if let (AsyncMessage::Notification(notice), Some(notices)) = (message, &notices) {
            // A full queue means that more changed than can be followed one by one: the poll finds the rest.
            notices.try_send(notice.payload().to_owned()).ok();
        }
    }
}

/// The name of the database that a URL leads to.
///
/// # Errors
/// That the URL cannot be read; never the URL, which may hold a password.
pub fn database_of(url: &str) -> Result<String, String> {
    let config: tokio_postgres::Config = without_roots(url).0.parse().map_err(|_| UNREADABLE)?;
    let name = config.get_dbname().or_else(|| config.get_user());
    name.map(str::to_owned).ok_or_else(|| UNREADABLE.to_owned())
}

/// The same URL, but of this database.
#[must_use]
pub fn with_database(url: &str, name: &str) -> String {
    if !url.contains("://") {
        // libpq's other form, where the last word counts.
        let name = name.replace('\\', "\\\\").replace('\'', "\\'");
        return format!("{url} dbname='{name}'");
    }
    let sign = if url.contains('?') { '&' } else { '?' };
    let mut url = format!("{url}{sign}dbname=");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

/// The URL as the driver knows it, which is without libpq's `sslrootcert` and `sslmode=verify-full`, and the file with the
/// roots. Every mode that encrypts also verifies here.
fn without_roots(url: &str) -> (String, Option<PathBuf>) {
    let Some((address, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut roots = None;
    let mut kept = Vec::new();
    for option in query.split('&') {
        match option.split_once('=') {
            Some(("sslrootcert", path)) => roots = Some(PathBuf::from(path)),
            Some(("sslmode", "verify-full")) => kept.push("sslmode=require"),
            _ => kept.push(option),
        }
    }
    (format!("{address}?{}", kept.join("&")), roots)
}

/// What a database error says: the server's message if it has one, else the error and its cause.
pub(super) fn words(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => format!("{} ({})", error.message(), error.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
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

/// The driver's view of our TLS library. Channel binding is not offered: SCRAM without it authenticates both sides, and
/// the certificate is verified besides.
#[derive(Clone)]
struct Tls(TlsConnector);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = TlsTo;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<TlsTo, InvalidDnsNameError> {
        let name = ServerName::try_from(host.to_owned())?;
        Ok(TlsTo {
            connector: self.0.clone(),
            name,
        })
    }
}

/// One handshake to come.
struct TlsTo {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for TlsTo {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let handshake = self.connector.connect(self.name, socket);
        Box::pin(async move { handshake.await.map(|stream| Encrypted(Box::new(stream))) })
    }
}

/// An encrypted connection.
struct Encrypted(Box<TlsStream<Socket>>);

impl tokio_postgres::tls::TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(task, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(task, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        for (url, name) in [
            ("postgres://u@h/app", "crm"),
            ("postgres://u@h/app?sslmode=disable", "a b&c"),
            ("host=h user=u dbname=app", "it's"),
        ] {
            assert_eq!(database_of(url), Ok("app".to_owned()));
            assert_eq!(database_of(&with_database(url, name)), Ok(name.to_owned()));
        }
        assert_eq!(database_of("postgres://u@h"), Ok("u".to_owned()));
    }

    #[test]
    fn libpq_s_way_to_name_roots_is_understood() {
        let (url, roots) = without_roots(
            "postgres://u@h/d?connect_timeout=3&sslmode=verify-full&sslrootcert=/etc/ca.pem",
        );
        assert_eq!(url, "postgres://u@h/d?connect_timeout=3&sslmode=require");
        assert_eq!(roots, Some(PathBuf::from("/etc/ca.pem")));
        assert_eq!(
            without_roots("postgres://u@h/d"),
            ("postgres://u@h/d".to_owned(), None)
        );
    }
}
