//! `listen`: where clients connect.

use std::path::{Path, PathBuf};

use super::{ConfigError, File, OneOrMore, Source, error};

/// Where clients connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `host:port`.
    Tcp(String),
    /// A socket file.
    Unix(PathBuf),
}

/// The port of a listener that names none.
const PORT: u16 = 6432;
pub(super) const SOCKET: &str =
    "has a port that is no number: say /folder, /folder:port or /folder/.s.PGSQL.port";

/// The socket's file as libpq names it, from a folder, a folder and a port, or the file itself.
#[must_use]
pub fn socket_file(text: &str, port: u16) -> Option<PathBuf> {
    let path = Path::new(text);
    if path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(".s.PGSQL."))
    {
        return Some(path.to_owned());
    }
    let (folder, port) = match text.rsplit_once(':') {
        Some((folder, port)) => (folder, port.parse().ok()?),
        None => (text, port),
    };
    Some(Path::new(folder).join(format!(".s.PGSQL.{port}")))
}

pub(super) fn listen(file: &File, source: &Source<'_>) -> Result<Vec<Listen>, ConfigError> {
    let in_file = file.listen.as_ref().map(OneOrMore::joined);
    let Some((text, place)) = source.get("listen", in_file.as_ref()) else {
        return Ok(vec![Listen::Tcp(format!("127.0.0.1:{PORT}"))]);
    };
    listen_at(&text).map_err(|message| error(place, message))
}

/// Reads a list of places to listen at, separated by commas.
///
/// # Errors
/// What is wrong and what is allowed.
pub fn listen_at(text: &str) -> Result<Vec<Listen>, String> {
    let one = |text: &str| {
        if text.starts_with('/') {
            return socket_file(text, PORT)
                .map(Listen::Unix)
                .ok_or_else(|| format!("\"{text}\" {SOCKET}"));
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Listen::Tcp(text.to_owned()))
            }
            _ => Err(format!(
                "\"{text}\" is not allowed: say host:port or the folder of a Unix socket, several separated by commas"
            )),
        }
    };
    text.split(',').map(|text| one(text.trim())).collect()
}

pub(super) fn socket_mode(file: &File, source: &Source<'_>) -> Result<u32, ConfigError> {
    match source.get("socket_mode", file.socket_mode.as_ref()) {
        None => Ok(0o777),
        Some((text, place)) => u32::from_str_radix(&text, 8)
            .ok()
            .filter(|mode| *mode <= 0o777)
            .ok_or_else(|| error(place, "say the permissions in octal, such as \"0770\"")),
    }
}
