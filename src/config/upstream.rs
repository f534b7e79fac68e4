//! `upstream`: where PostgreSQL is and how the way there is encrypted.

use super::listen::{SOCKET, socket_file};
use super::{ConfigError, Upstream, error};
use crate::keyring::ssl::{SslMode, SslOptions};

/// Reads `postgres://host:port?options`, or a Unix socket's folder or file.
///
/// # Errors
/// What is wrong and what is allowed, with the place.
pub(super) fn upstream_of(url: &str, place: &str) -> Result<Upstream, ConfigError> {
    if url.starts_with('/') {
        let socket = socket_file(url, 5432).ok_or_else(|| error(place, SOCKET))?;
        return Ok(Upstream::Unix(socket));
    }
    let bad = |what: &str| {
        error(
            place,
            format!(
                "{what}: say postgres://host:port, with ?sslmode=disable|require|verify-ca|verify-full if need be, or a Unix socket directory"
            ),
        )
    };
    let rest = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
        .ok_or_else(|| bad("is no URL"))?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let address = address.trim_end_matches('/');
    if address.contains(['@', '/']) {
        return Err(bad(
            "names a user, password or database, which clients bring themselves",
        ));
    }
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (
            host,
            port.parse()
                .map_err(|_| bad("has a port that is no number"))?,
        ),
        _ => (address, 5432),
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err(bad("has no host"));
    }
    let mut options = SslOptions::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let taken = options.take(name, value);
        if !taken.map_err(|words| error(place, words))? {
            return Err(bad(&format!("has an unknown option \"{name}\"")));
        }
    }
    let loopback = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let unsaid = if loopback {
        SslMode::Disable
    } else {
        SslMode::VerifyFull
    };
    let ssl = options.together(unsaid);
    let ssl = ssl.map_err(|words| error(place, words))?;
    Ok(Upstream::Tcp { host, port, ssl })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_upstream_is_verified_unless_the_url_says_otherwise() {
        let mode = |url: &str| match upstream_of(url, "upstream") {
            Ok(Upstream::Tcp { ssl, .. }) => Ok(ssl.mode),
            Ok(Upstream::Unix(_)) => Ok(SslMode::Disable),
            Err(error) => Err(error.message),
        };
        assert_eq!(mode("postgres://db.example:5432"), Ok(SslMode::VerifyFull));
        assert_eq!(mode("postgres://127.0.0.1:5432"), Ok(SslMode::Disable));
        assert_eq!(
            mode("postgres://db.example?sslmode=require"),
            Ok(SslMode::Require)
        );
        assert_eq!(mode("/run/postgresql"), Ok(SslMode::Disable));
        for (url, word) in [
            ("postgres://db.example?sslmode=prefer", "plaintext"),
            ("postgres://h?sslmode=verify-ca", "sslrootcert"),
            ("postgres://h?sslcert=/c", "sslkey"),
            ("postgres://h?application_name=x", "application_name"),
            ("postgres://u@h", "clients bring"),
            ("postgres://:5432", "no host"),
        ] {
            assert!(mode(url).is_err_and(|words| words.contains(word)), "{url}");
        }
    }
}
