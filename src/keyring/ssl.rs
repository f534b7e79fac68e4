//! Encryption towards PostgreSQL, in libpq's words: whom a connection of ours trusts and as whom it introduces itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};

/// The protocol's name in TLS (ALPN), as PostgreSQL 17 and its clients use it.
const ALPN: &[u8] = b"postgresql";

/// libpq's `sslmode`, but for `allow` and `prefer`, which fall back to plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Plaintext.
    Disable,
    /// Encrypted, whoever answers.
    Require,
    /// Encrypted, and the certificate is signed by the authority of `sslrootcert`.
    VerifyCa,
    /// Encrypted, and besides the certificate's name is the host's.
    VerifyFull,
}

/// Whose signature on the server's certificate counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Roots {
    /// The system's.
    #[default]
    System,
    /// A PEM file's.
    File(PathBuf),
}

/// How a connection of ours to PostgreSQL is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssl {
    /// `sslmode`.
    pub mode: SslMode,
    /// `sslrootcert`.
    pub roots: Roots,
    /// `sslcert` and `sslkey`: PEM files that we introduce ourselves with.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// `sslnegotiation=direct`: the handshake comes first, as PostgreSQL 17 understands it.
    pub direct: bool,
}

/// libpq's options as they are met in a URL.
#[derive(Debug, Clone, Default)]
pub struct SslOptions {
    mode: Option<SslMode>,
    roots: Option<Roots>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    direct: bool,
}

impl SslOptions {
    /// Takes one option of a URL's query, percent-encoded; false: it is none of these.
    ///
    /// # Errors
    /// A value that is not allowed, in words for the operator.
    pub fn take(&mut self, name: &str, value: &str) -> Result<bool, String> {
        let file = || {
            percent_decoded(value)
                .map(PathBuf::from)
                .ok_or_else(|| format!("{name} is no text after its percent signs are read"))
        };
        match name {
            "sslmode" => self.mode = Some(mode(value)?),
            "sslrootcert" if value == "system" => self.roots = Some(Roots::System),
            "sslrootcert" => self.roots = Some(Roots::File(file()?)),
            "sslcert" => self.cert = Some(file()?),
            "sslkey" => self.key = Some(file()?),
            "sslnegotiation" => match value {
                "postgres" => self.direct = false,
                "direct" => self.direct = true,
                other => {
                    return Err(format!(
                        "sslnegotiation \"{other}\" is not allowed: say postgres or direct"
                    ));
                }
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What they mean together; `unsaid` is the mode if none was named.
    ///
    /// # Errors
    /// Options that contradict each other, in words for the operator.
    pub fn together(self, unsaid: SslMode) -> Result<Ssl, String> {
        let mut mode = self.mode.unwrap_or(unsaid);
        if mode == SslMode::Disable && self.direct {
            return Err("sslnegotiation=direct needs sslmode=require or stronger".to_owned());
        }
        match (&self.roots, mode) {
            (Some(Roots::System), SslMode::Require | SslMode::VerifyCa) => {
                return Err("sslrootcert=system needs sslmode=verify-full: public authorities sign for everybody".to_owned());
            }
            (None, SslMode::VerifyCa) => {
                return Err(
                    "sslmode=verify-ca needs sslrootcert, the file of the authority".to_owned(),
                );
            }
            // Whoever names an authority wants it to be asked: so libpq, too.
            (Some(Roots::File(_)), SslMode::Require) => mode = SslMode::VerifyCa,
            _ => {}
        }
        let identity = match (self.cert, self.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => return Err("sslcert and sslkey are needed together".to_owned()),
        };
        Ok(Ssl {
            mode,
            roots: self.roots.unwrap_or_default(),
            identity,
            direct: self.direct,
        })
    }
}

fn mode(value: &str) -> Result<SslMode, String> {
    Ok(match value {
        "disable" => SslMode::Disable,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        "allow" | "prefer" => {
            return Err(format!(
                "sslmode \"{value}\" is not allowed, because it falls back to plaintext when somebody on the way says so: say disable, require, verify-ca or verify-full"
            ));
        }
        other => {
            return Err(format!(
                "sslmode \"{other}\" is not allowed: say disable, require, verify-ca or verify-full"
            ));
        }
    })
}

/// A value of a URL as text; `None` if a percent sign is followed by no number, or the bytes are no UTF-8.
fn percent_decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

impl Ssl {
    /// The TLS client, its files read now; none for plaintext.
    ///
    /// # Errors
    /// What is wrong with a file, in words for the operator.
    pub fn client(&self) -> Result<Option<Arc<ClientConfig>>, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|cause| cause.to_string())?;
        let authorities = match self.mode {
            SslMode::Disable => return Ok(None),
            SslMode::Require => None,
            SslMode::VerifyCa | SslMode::VerifyFull => Some(self.roots.read()?),
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verification {
                authorities,
                names: self.mode == SslMode::VerifyFull,
                provider,
            }));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let words =
                    |cause: &dyn ToString| format!("sslcert, sslkey: {}", cause.to_string());
                builder
                    .with_client_auth_cert(chain(cert)?, private_key(key)?)
                    .map_err(|cause| words(&cause))?
            }
        };
        if self.direct {
            config.alpn_protocols = vec![ALPN.to_vec()];
        }
        Ok(Some(Arc::new(config)))
    }
}

/// Whose signature on the server's certificate counts.
#[derive(Debug)]
struct Authorities {
    roots: RootCertStore,
    /// The certificates that the operator gave, as they are.
    given: Vec<CertificateDer<'static>>,
}

impl Roots {
    fn read(&self) -> Result<Authorities, String> {
        let mut roots = RootCertStore::empty();
        let mut given = Vec::new();
        match self {
            Self::File(path) => {
                given = chain(path)?;
                for certificate in &given {
                    roots
                        .add(certificate.clone())
                        .map_err(|cause| format!("{}: {cause}", path.display()))?;
                }
                if given.is_empty() {
                    return Err(format!("{} holds no certificate", path.display()));
                }
            }
            Self::System => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        Ok(Authorities { roots, given })
    }
}

/// The certificates of a PEM file, in their order.
///
/// # Errors
/// What is wrong with the file, in words for the operator.
pub fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| format!("{}: {cause}", path.display()))
}

/// The private key of a PEM file.
///
/// # Errors
/// What is wrong with the file, in words for the operator.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|cause| format!("{}: {cause} (it must be unencrypted PEM)", path.display()))
}

/// Checks of a certificate what `sslmode` says.
#[derive(Debug)]
struct Verification {
    /// `None`: whoever has signed it.
    authorities: Option<Authorities>,
    /// Whether it must bear the host's name.
    names: bool,
    provider: Arc<CryptoProvider>,
}

impl Verification {
    fn is_signed(
        &self,
        certificate: &CertificateDer<'_>,
        parsed: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let Some(Authorities { roots, given }) = &self.authorities else {
            return Ok(());
        };
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(parsed, roots, intermediates, now, algorithms)
            .or_else(|error| {
                // A self-signed certificate says that it is an authority, as `openssl req -x509` writes it and the manual
                // recommends it for trying out. Here it is the very one that the operator trusts, and it has not expired:
                // that was checked first.
                if is_authority(&error) && given.contains(certificate) {
                    Ok(())
                } else {
                    Err(error)
                }
            })
    }
}

fn is_authority(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => {
            cause.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
        }
        _ => false,
    }
}

impl ServerCertVerifier for Verification {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        self.is_signed(certificate, &parsed, intermediates, now)?;
        if self.names {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Ssl, String> {
        let mut options = SslOptions::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            assert!(options.take(name, value)?, "{name}");
        }
        options.together(SslMode::VerifyFull)
    }

    #[test]
    fn modes_are_libpq_s_without_those_that_fall_back() {
        let mode = |query: &str| read(query).map(|ssl| ssl.mode);
        assert_eq!(mode(""), Ok(SslMode::VerifyFull));
        assert_eq!(mode("sslmode=disable"), Ok(SslMode::Disable));
        assert_eq!(mode("sslmode=require"), Ok(SslMode::Require));
        assert_eq!(
            mode("sslmode=require&sslrootcert=/ca"),
            Ok(SslMode::VerifyCa)
        );
        assert_eq!(
            mode("sslmode=verify-ca&sslrootcert=/ca"),
            Ok(SslMode::VerifyCa)
        );
        assert_eq!(mode("sslrootcert=system"), Ok(SslMode::VerifyFull));
        for (query, word) in [
            ("sslmode=prefer", "plaintext"),
            ("sslmode=allow", "plaintext"),
            ("sslmode=yes", "verify-ca"),
            ("sslmode=verify-ca", "sslrootcert"),
            ("sslmode=require&sslrootcert=system", "verify-full"),
            ("sslcert=/c", "sslkey"),
            ("sslkey=/k", "sslcert"),
            ("sslmode=disable&sslnegotiation=direct", "require"),
            ("sslnegotiation=maybe", "postgres"),
        ] {
            assert!(
                read(query).is_err_and(|words| words.contains(word)),
                "{query}"
            );
        }
    }

    #[test]
    fn paths_are_percent_encoded() {
        let ssl = read("sslcert=/my%20files/c.pem&sslkey=%2Fk").unwrap();
        assert_eq!(ssl.identity, Some(("/my files/c.pem".into(), "/k".into())));
        assert!(read("sslrootcert=/a%2").is_err() && read("sslrootcert=/a%zz").is_err());
    }
}
