//! `kms`: what wraps data keys.

use std::path::PathBuf;

use super::routes::{only_routes, routes};
use super::{ConfigError, File, Source, error, missing};
use crate::kms::aws::Route;

/// Where data keys are wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KmsConfig {
    /// A key file: for trying out.
    Local(PathBuf),
    /// AWS KMS.
    Aws {
        /// `kms_key`: the default key.
        key: String,
        /// `kms_routes`: roles, endpoints and replicas by key.
        routes: Vec<Route>,
        /// `kms_only_routes`: keys that no route names are refused.
        only_routes: bool,
    },
}

const NO_ARN: &str = "is no KMS key's ARN: say arn:aws:kms:region:account:key/id, or …:alias/name";

pub(super) fn kms(file: &File, source: &Source<'_>) -> Result<KmsConfig, ConfigError> {
    match source.get("kms", file.kms.as_ref()) {
        None => Ok(local(file, source)),
        Some((kms, place)) => match kms.as_str() {
            "local" => Ok(local(file, source)),
            "aws" => aws(file, source),
            other => Err(error(
                place,
                format!("\"{other}\" is not allowed: say \"local\" or \"aws\""),
            )),
        },
    }
}

fn local(file: &File, source: &Source<'_>) -> KmsConfig {
    let path = source.get("kms_file", file.kms_file.as_ref());
    KmsConfig::Local(path.map_or_else(|| "pgseal-local.key".into(), |(path, _)| path.into()))
}

fn aws(file: &File, source: &Source<'_>) -> Result<KmsConfig, ConfigError> {
    let key = source.get("kms_key", file.kms_key.as_ref());
    let (key, place) =
        key.ok_or_else(|| missing("kms_key", "kms = \"aws\" needs the default key's ARN"))?;
    if !is_key_arn(&key) {
        return Err(error(place, format!("\"{key}\" {NO_ARN}")));
    }
    Ok(KmsConfig::Aws {
        key,
        routes: routes(file, source)?,
        only_routes: only_routes(file, source)?,
    })
}

/// `arn:<partition>:kms:<region>:<account>:key/<id>`, or an alias'.
fn is_key_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else {
        return false;
    };
    let named = ["key/", "alias/"].iter().any(|kind| {
        resource
            .strip_prefix(kind)
            .is_some_and(|name| !name.is_empty())
    });
    (*arn, *service) == ("arn", "kms")
        && named
        && ![partition, region, account]
            .iter()
            .any(|part| part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn the_default_key_is_an_arn() {
        let read = |key: &str| {
            let env = [
                ("PGSEAL_UPSTREAM", "postgres://h"),
                ("PGSEAL_KMS", "aws"),
                ("PGSEAL_KMS_KEY", key),
            ];
            let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let config = Config::load(None, &env.into_iter().collect());
            config.map_err(|error| error.to_string()).err()
        };
        for key in [
            "arn:aws:kms:eu-central-1:111122223333:key/bf4b",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/a/b",
        ] {
            assert_eq!(read(key), None);
        }
        for key in [
            "hello",
            "alias/main",
            "arn:aws:s3:::bucket",
            "arn:aws:kms:eu-central-1:111122223333:key/",
            "arn:aws:kms::111122223333:key/bf4b",
        ] {
            let wanted = format!("PGSEAL_KMS_KEY: \"{key}\" {NO_ARN}");
            assert_eq!(read(key), Some(wanted));
        }
    }
}
