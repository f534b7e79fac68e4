//! `auth`: who makes sure who clients are.

use std::path::PathBuf;

use super::{ConfigError, File, Source, error};

/// What is asked for a role that `auth_file` does not name, as PgBouncer has it.
const QUERY: &str = "SELECT rolname, CASE WHEN rolvaliduntil < pg_catalog.now() THEN NULL ELSE rolpassword END FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin";

/// Who makes sure who clients are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthConfig {
    /// PostgreSQL.
    Relay,
    /// pgseal, by verifiers.
    Terminate {
        /// `auth_file`.
        file: Option<PathBuf>,
        /// `auth_query`, run with the keyring's URL.
        query: Option<String>,
    },
}

pub(super) fn auth(
    file: &File,
    source: &Source<'_>,
    keyring: bool,
) -> Result<AuthConfig, ConfigError> {
    let path = source.get("auth_file", file.auth_file.as_ref());
    let query = source.get("auth_query", file.auth_query.as_ref());
    let mode = source.get("auth", file.auth.as_ref());
    match mode.as_ref().map(|(mode, place)| (mode.as_str(), place)) {
        None | Some(("relay", _)) => match path.or(query) {
            None => Ok(AuthConfig::Relay),
            Some((_, place)) => Err(error(place, "needs auth = \"terminate\"")),
        },
        Some(("terminate", place)) => {
            let query = match (&path, query) {
                (_, Some((query, _))) => Some(query),
                (Some(_), None) => None,
                (None, None) => Some(QUERY.to_owned()),
            };
            if query.is_some() && !keyring {
                return Err(error(
                    place,
                    "needs auth_file, or keyring, with whose URL auth_query is run",
                ));
            }
            Ok(AuthConfig::Terminate {
                file: path.map(|(path, _)| path.into()),
                query,
            })
        }
        Some((other, place)) => Err(error(
            place,
            format!("\"{other}\" is not allowed: say \"relay\" or \"terminate\""),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<AuthConfig, ConfigError> {
        let upstream = [("PGSEAL_UPSTREAM", "postgres://h")];
        let env = upstream.iter().chain(pairs);
        let env = env.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Config::load(None, &env.collect()).map(|config| config.auth)
    }

    #[test]
    fn verifiers_come_from_somewhere() {
        const TERMINATE: (&str, &str) = ("PGSEAL_AUTH", "terminate");
        const KEYRING: (&str, &str) = ("PGSEAL_KEYRING", "postgres://u@h/d");
        const FILE: (&str, &str) = ("PGSEAL_AUTH_FILE", "/users");
        assert_eq!(read(&[]), Ok(AuthConfig::Relay));
        let file = Some(PathBuf::from("/users"));
        let terminate = |file, query| Ok(AuthConfig::Terminate { file, query });
        assert_eq!(read(&[TERMINATE, FILE]), terminate(file.clone(), None));
        assert_eq!(
            read(&[TERMINATE, KEYRING]),
            terminate(None, Some(QUERY.to_owned()))
        );
        let query = ("PGSEAL_AUTH_QUERY", "SELECT f($1)");
        assert_eq!(
            read(&[TERMINATE, FILE, KEYRING, query]),
            terminate(file, Some("SELECT f($1)".to_owned()))
        );
        for bad in [
            &[TERMINATE][..],
            &[FILE],
            &[query],
            &[("PGSEAL_AUTH", "md5")],
            &[TERMINATE, FILE, query],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
