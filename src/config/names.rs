//! Names of settings: a variable that names none is a mistake, and a mistyped `PGSEAL_RULES` would protect nothing.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};

use super::{ConfigError, File, error};

/// What begins the names of settings in the environment.
const PREFIX: &str = "PGSEAL_";
/// Read before the configuration.
const OTHERS: [&str; 2] = ["PGSEAL_CONFIG", "PGSEAL_LOG"];

/// The settings that the environment holds.
///
/// # Errors
/// The first whose value is no UTF-8.
pub fn environment() -> Result<HashMap<String, String>, ConfigError> {
    let mut settings = HashMap::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let value = value.into_string();
        let value = value.map_err(|_| error(name, "is no UTF-8"))?;
        settings.insert(name.to_owned(), value);
    }
    Ok(settings)
}

/// # Errors
/// A variable that begins as pgseal's do and is none, with the one that was probably meant.
pub(super) fn all_known(env: &HashMap<String, String>) -> Result<(), ConfigError> {
    let mut known: Vec<String> = settings().iter().map(|name| variable(name)).collect();
    known.extend(OTHERS.map(str::to_owned));
    let mut unknown: Vec<&String> = env
        .iter()
        .filter(|(name, value)| {
            name.starts_with(PREFIX) && !known.contains(name) && !is_of_a_service(name, value)
        })
        .map(|(name, _)| name)
        .collect();
    unknown.sort();
    let Some(name) = unknown.first() else {
        return Ok(());
    };
    let nearest = known
        .iter()
        .min_by_key(|known| strsim::damerau_levenshtein(known, name));
    let meant = nearest.map(|meant| format!(": {meant} may be meant"));
    Err(error(
        name.as_str(),
        format!("is no setting{}", meant.unwrap_or_default()),
    ))
}

/// The variable of a setting.
pub(super) fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_ascii_uppercase())
}

/// What Kubernetes tells every pod of a Service whose name begins with `pgseal`, such as `PGSEAL_SERVICE_HOST`,
/// `PGSEAL_PORT=tcp://10.0.0.1:6432` and `PGSEAL_PORT_6432_TCP_ADDR`.
fn is_of_a_service(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|start| value.starts_with(start));
    let of_a_port = |rest: &str| {
        let mut parts = rest.split('_');
        parts.next().is_some_and(|port| port.parse::<u16>().is_ok()) && parts.next().is_some()
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || is_url && name.ends_with("_PORT")
        || name
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| of_a_port(rest))
}

/// The keys of the file.
fn settings() -> &'static [&'static str] {
    let mut fields = Fields(&[]);
    // Always an error: nothing is read.
    drop(File::deserialize(&mut fields));
    fields.0
}

/// Reads nothing, and notes which keys are asked for.
struct Fields(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Fields {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is nothing to read"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&str, &str)]) -> Option<String> {
        let env = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let known = all_known(&env.collect());
        known.err().map(|error| error.to_string())
    }

    #[test]
    fn a_mistyped_variable_is_an_error_that_names_the_nearest() {
        for (name, meant) in [
            ("PGSEAL_RULE", "PGSEAL_RULES"),
            ("PGSEAL_KEYRNIG", "PGSEAL_KEYRING"),
            ("PGSEAL_TLS_CERTIFICATE", "PGSEAL_TLS_CERT"),
            ("PGSEAL_LOGS", "PGSEAL_LOG"),
        ] {
            let wanted = format!("{name}: is no setting: {meant} may be meant");
            assert_eq!(told(&[(name, "x")]), Some(wanted));
        }
    }

    #[test]
    fn settings_and_what_kubernetes_tells_of_a_service_are_known() {
        let all = settings();
        assert!(all.len() > 20 && all.contains(&"rules"), "{all:?}");
        let own = all.iter().map(|name| variable(name));
        for name in own.chain(OTHERS.map(str::to_owned)) {
            assert_eq!(told(&[(&name, "x")]), None);
        }
        let pod = [
            ("PGSEAL_SERVICE_HOST", "10.0.0.1"),
            ("PGSEAL_SERVICE_PORT", "6432"),
            ("PGSEAL_SERVICE_PORT_POSTGRES", "6432"),
            ("PGSEAL_PORT", "tcp://10.0.0.1:6432"),
            ("PGSEAL_PORT_6432_TCP", "tcp://10.0.0.1:6432"),
            ("PGSEAL_PORT_6432_TCP_PROTO", "tcp"),
            ("PGSEAL_REPLICAS_PORT_6432_TCP_ADDR", "10.0.0.1"),
        ];
        assert_eq!(told(&pod), None);
        assert!(told(&[("PGSEAL_PORT", "6432")]).is_some());
    }
}
