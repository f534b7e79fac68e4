//! Connections of pgseal's own to the protected database: keyring and catalog.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_postgres::config::{Host, SslMode as DriverMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Connection, Error, NoTls, Socket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ssl::{SslMode, SslOptions};

const UNREADABLE: &str = "the URL cannot be read: say postgres://user@host/database, with ?sslmode=disable|verify-ca|verify-full and &sslrootcert=file if need be";

/// How long a connection may take to come up, to each host, where the URL does not say it (`connect_timeout`).
const CONNECT: Duration = Duration::from_secs(10);

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
    let (url, options) = without_ssl(url)?;
    let mut config: tokio_postgres::Config = url.parse().map_err(|_| UNREADABLE.to_owned())?;
    config.application_name("pgseal");
    // Never a silent downgrade: keys travel wrapped, but the role's password does not.
    let unsaid = if config.get_hosts().iter().any(is_remote) {
        SslMode::VerifyFull
    } else {
        SslMode::Disable
    };
    let mut ssl = options.together(unsaid)?;
    if ssl.mode == SslMode::Require {
        ssl.mode = SslMode::VerifyFull;
    }
    let limit = config.get_connect_timeout().copied().unwrap_or(CONNECT);
    config.connect_timeout(limit);
    let Some(client) = ssl.client()? else {
        config.ssl_mode(DriverMode::Disable);
        return opened(&config, NoTls, notices).await;
    };
    config.ssl_mode(DriverMode::Require);
    if ssl.direct {
        config.ssl_negotiation(tokio_postgres::config::SslNegotiation::Direct);
    }
    opened(&config, Tls(TlsConnector::from(client)), notices).await
}

async fn opened<T>(
    config: &tokio_postgres::Config,
    tls: T,
    notices: Option<mpsc::Sender<String>>,
) -> Result<Client, String>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    // The driver's own limit does not count what the server has to say.
    let limit = config.get_connect_timeout().copied().unwrap_or(CONNECT);
    let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX);
    let connected = tokio::time::timeout(limit.saturating_mul(hosts.max(1)), config.connect(tls));
    let (client, connection) = match connected.await {
        Ok(connected) => connected.map_err(|cause| unreachable(config, &words(&cause)))?,
        Err(_) => return Err(unreachable(config, "no answer in time")),
    };
    tokio::spawn(drive(connection, notices));
    Ok(client)
}

/// Why the database that the setting `keyring` names cannot be reached, and where it was looked for.
fn unreachable(config: &tokio_postgres::Config, cause: &str) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate();
    let places = hosts.map(|(at, host)| {
        let port = ports.get(at).or(ports.first()).unwrap_or(&5432);
        match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("{}:{port}", folder.display()),
        }
    });
    let places = places.collect::<Vec<_>>().join(", ");
    format!("keyring at {places}: {cause}")
}

fn is_remote(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name != "localhost"
                && !name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => false,
    }
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
    let config: tokio_postgres::Config = without_ssl(url)?.0.parse().map_err(|_| UNREADABLE)?;
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

/// The URL as the driver knows it, and libpq's options for encryption, of which the driver knows too few. Every mode that
/// encrypts also verifies here.
fn without_ssl(url: &str) -> Result<(String, SslOptions), String> {
    let mut options = SslOptions::default();
    let Some((address, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), options));
    };
    let mut kept = Vec::new();
    for option in query.split('&') {
        let taken = match option.split_once('=') {
            Some((name, value)) => options.take(name, value)?,
            None => false,
        };
        if !taken {
            kept.push(option);
        }
    }
    Ok((format!("{address}?{}", kept.join("&")), options))
}

/// What a database error says: the server's message if it has one, else the error and its cause.
#[must_use]
pub fn words(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => format!("{} ({})", error.message(), error.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
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

    #[tokio::test]
    async fn what_cannot_be_reached_is_named_without_its_password() {
        let told = connect("postgres://u:secret@127.0.0.1:1/d?sslmode=disable").await;
        let told = told.err().unwrap();
        assert!(told.starts_with("keyring at 127.0.0.1:1: "), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn libpq_s_way_to_name_files_is_understood() {
        let (url, options) = without_ssl(
            "postgres://u@h/d?connect_timeout=3&sslmode=verify-ca&sslrootcert=/etc/ca.pem",
        )
        .unwrap();
        assert_eq!(url, "postgres://u@h/d?connect_timeout=3");
        let ssl = options.together(SslMode::Disable).unwrap();
        assert_eq!(ssl.mode, SslMode::VerifyCa);
        assert!(without_ssl("postgres://u@h/d?sslmode=prefer").is_err());
    }
}
