//! Streams to clients and to PostgreSQL: TCP, Unix sockets, TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Clock;
use super::end_point::end_point;
use crate::keyring::ssl::{chain, private_key};
use crate::session::Leg;

/// How long a connection to PostgreSQL may take to come up.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// SSLRequest with its length (manual 55.7).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// The protocol's name in TLS (ALPN), as PostgreSQL 17 and its clients use it.
const ALPN: &[u8] = b"postgresql";

/// Any stream of bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// How the kernel finds out that a peer is gone without a word; `None` leaves it to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// How long a peer may be silent before it is asked; `None`: it never is.
    pub idle: Option<Duration>,
    /// How long it has to answer before it is asked again.
    pub interval: Option<Duration>,
    /// How often it is asked.
    pub count: Option<u32>,
    /// How long sent bytes may stay unacknowledged.
    pub user_timeout: Option<Duration>,
}

/// Sets what both legs have: no delay, keepalive.
pub(super) fn tune(stream: &TcpStream, keepalive: &Keepalive) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    if let Some(idle) = keepalive.idle {
        let mut asking = socket2::TcpKeepalive::new().with_time(idle);
        if let Some(interval) = keepalive.interval {
            asking = asking.with_interval(interval);
        }
        if let Some(count) = keepalive.count {
            asking = asking.with_retries(count);
        }
        socket.set_tcp_keepalive(&asking)?;
    }
    if let Some(limit) = keepalive.user_timeout {
        socket.set_tcp_user_timeout(Some(limit))?;
    }
    Ok(())
}

/// How to reach PostgreSQL.
#[derive(Clone)]
pub enum Dial {
    /// By TCP; with TLS if there is a client for it.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// The TLS client; none: plaintext.
        tls: Option<Arc<ClientConfig>>,
        /// The handshake comes first, without a request for it.
        direct: bool,
    },
    /// By a Unix socket.
    Unix(std::path::PathBuf),
}

impl Dial {
    pub(super) async fn connect(
        &self,
        keepalive: &Keepalive,
        clock: &Clock,
    ) -> io::Result<(Box<dyn Stream>, Leg)> {
        clock
            .timeout(DIAL_TIMEOUT, self.connect_now(keepalive))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn connect_now(&self, keepalive: &Keepalive) -> io::Result<(Box<dyn Stream>, Leg)> {
        match self {
            Self::Unix(path) => Ok((Box::new(UnixStream::connect(path).await?), Leg::Plain)),
            Self::Tcp {
                host,
                port,
                tls,
                direct,
            } => {
                let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
                tune(&stream, keepalive)?;
                let Some(tls) = tls else {
                    return Ok((Box::new(stream), Leg::Plain));
                };
                if !direct {
                    stream.write_all(&SSL_REQUEST).await?;
                    if stream.read_u8().await? != b'S' {
                        return Err(io::Error::other(
                            "PostgreSQL does not offer TLS and sslmode does not allow plaintext",
                        ));
                    }
                }
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                let connector = TlsConnector::from(tls.clone());
                let stream = connector.connect(name, stream).await?;
                let tls = stream.get_ref().1;
                if *direct && tls.alpn_protocol().is_none() {
                    return Err(io::Error::other(
                        "the server does not know direct TLS, which needs PostgreSQL 17",
                    ));
                }
                let certificate = tls.peer_certificates().and_then(<[_]>::first);
                let leg = Leg::Tls {
                    end_point: certificate.and_then(|certificate| end_point(certificate)),
                };
                Ok((Box::new(stream), leg))
            }
        }
    }
}

/// TLS towards clients.
pub struct Acceptor {
    tls: TlsAcceptor,
    leg: Leg,
}

impl Acceptor {
    /// Reads a certificate chain and its key from PEM files.
    ///
    /// # Errors
    /// What is wrong with the files, in words for the operator.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| cause.to_string())?;
        let chain = chain(cert)?;
        let leg = Leg::Tls {
            end_point: chain.first().and_then(|first| end_point(first)),
        };
        let mut config = builder
            .with_no_client_auth()
            .with_single_cert(chain, private_key(key)?)
            .map_err(|cause| format!("{}, {}: {cause}", cert.display(), key.display()))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self {
            tls: TlsAcceptor::from(Arc::new(config)),
            leg,
        })
    }

    /// The handshake, behind SSLRequest or at once (`direct`): then the client must name the protocol, as PostgreSQL 17 has
    /// it, for else a browser could be made to speak to a database.
    pub(super) async fn accept<S: Stream + 'static>(
        &self,
        stream: S,
        direct: bool,
        limit: Duration,
        clock: &Clock,
    ) -> io::Result<(Box<dyn Stream>, Leg)> {
        let handshake = clock.timeout(limit, self.tls.accept(stream));
        let mut stream = handshake.await??;
        if direct && stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            stream.shutdown().await?;
            return Err(io::Error::other(
                "direct TLS without ALPN protocol negotiation",
            ));
        }
        Ok((Box::new(stream), self.leg.clone()))
    }
}
