//! `kms_routes`: how the keys of some ARNs are reached.

use serde::Deserialize;

use super::{ConfigError, File, Source, error};
use crate::kms::aws::Route;

/// One entry of `kms_routes`.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteEntry {
    keys: String,
    role_arn: Option<String>,
    external_id: Option<String>,
    endpoint: Option<String>,
    #[serde(default)]
    replicas: Vec<String>,
}

#[derive(Deserialize)]
struct RoutesFromEnv {
    kms_routes: Vec<RouteEntry>,
}

pub(super) fn routes(file: &File, source: &Source<'_>) -> Result<Vec<Route>, ConfigError> {
    let (entries, place) = match source.get("kms_routes", None) {
        Some((text, place)) => {
            let read = toml::from_str::<RoutesFromEnv>(&format!("kms_routes = {text}"));
            let read = read.map_err(|cause| error(&place, cause.message()))?;
            (read.kms_routes, place)
        }
        None => (
            file.kms_routes.clone().unwrap_or_default(),
            format!("{}:{}: kms_routes", source.file, source.line("kms_routes")),
        ),
    };
    let mut routes: Vec<Route> = Vec::new();
    for entry in entries {
        if !entry.keys.starts_with("arn:") {
            return Err(error(
                place,
                format!("keys = \"{}\" is no beginning of an ARN", entry.keys),
            ));
        }
        if entry.external_id.is_some() && entry.role_arn.is_none() {
            return Err(error(place, "external_id needs role_arn"));
        }
        if routes.iter().any(|route| route.keys == entry.keys) {
            return Err(error(place, format!("{} has two entries", entry.keys)));
        }
        routes.push(Route {
            keys: entry.keys,
            role_arn: entry.role_arn,
            external_id: entry.external_id,
            endpoint: entry.endpoint,
            replicas: entry.replicas,
        });
    }
    Ok(routes)
}

pub(super) fn only_routes(file: &File, source: &Source<'_>) -> Result<bool, ConfigError> {
    let in_file = file.kms_only_routes.map(|only| only.to_string());
    match source.get("kms_only_routes", in_file.as_ref()) {
        None => Ok(false),
        Some((text, place)) => text.parse().map_err(|_| error(place, "say true or false")),
    }
}
