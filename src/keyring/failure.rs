//! Why a key is not there, and what the client is told.

use tracing::warn;

use super::tls::words;
use crate::kms::KmsError;
use crate::model::{KeyId, Refusal, TenantId};

/// Why a key is not there.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    Database,
    Unknown(KeyId),
    Refused(TenantId),
    Disabled(TenantId),
    Forgotten(TenantId),
    Denied(TenantId, String),
    Unreachable(String),
    Mismatch(KeyId),
}

impl Failure {
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::Database => Refusal::new(
                "SV005",
                "the keyring's database does not answer",
                "Look at the keyring setting and its database. See docs/errors.md#sv005.",
            ),
            Self::Unknown(kid) => Refusal::new(
                "SV003",
                format!("the key {kid} is not in the keyring"),
                "It was forgotten, or the keyring is of another backup than the data. See docs/errors.md#sv003.",
            ),
            Self::Refused(tenant) => Refusal::new(
                "SV006",
                format!("the tenant {tenant} is not known and on_new_tenant is \"refuse\""),
                "Register it with `pgseal tenant add`. See docs/errors.md#sv006.",
            ),
            Self::Disabled(tenant) => Refusal::new(
                "SV006",
                format!("the tenant {tenant} is disabled"),
                "`pgseal tenant enable` opens it again. See docs/errors.md#sv006.",
            ),
            Self::Forgotten(tenant) => Refusal::new(
                "SV006",
                format!("the tenant {tenant} was forgotten: its keys are destroyed"),
                "`pgseal tenant add` begins it anew; what was sealed stays lost. See docs/errors.md#sv006.",
            ),
            Self::Denied(_, reason) => Refusal::new(
                "SV004",
                format!("KMS denies the tenant's key: {reason}"),
                "The key's owner revoked it, or the key policy lacks a permission. See docs/errors.md#sv004.",
            ),
            Self::Unreachable(reason) => Refusal::new(
                "SV005",
                format!("KMS does not answer: {reason}"),
                "Try again; look at the network and credentials of pgseal. See docs/errors.md#sv005.",
            ),
            Self::Mismatch(kid) => Refusal::new(
                "SV003",
                format!("the keyring's row {kid} holds another key"),
                "Restore the keyring from a backup. See docs/errors.md#sv003.",
            ),
        }
    }

    pub(super) fn of_kms(tenant: &TenantId, error: KmsError) -> Self {
        match error {
            KmsError::Denied { reason, .. } => Self::Denied(tenant.clone(), reason),
            KmsError::Unreachable(reason) => Self::Unreachable(reason),
        }
    }

    /// An outage is asked about again at once; a no is remembered a little.
    pub(super) fn lasts(&self) -> bool {
        !self.is_outage()
    }

    /// Nobody said no: whoever would say it does not answer.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Database | Self::Unreachable(_))
    }

    /// A no that this tenant's change may have lifted.
    pub(super) fn concerns(&self, changed: &TenantId) -> bool {
        match self {
            Self::Refused(tenant)
            | Self::Disabled(tenant)
            | Self::Forgotten(tenant)
            | Self::Denied(tenant, _) => tenant == changed,
            Self::Unknown(_) | Self::Mismatch(_) => true,
            Self::Database | Self::Unreachable(_) => false,
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(cause: tokio_postgres::Error) -> Self {
        warn!(cause = %words(&cause), "the keyring's database does not do what it is asked");
        Self::Database
    }
}
