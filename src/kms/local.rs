//! The embedded key file: for trying out, air-gapped places and tests.

use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use async_trait::async_trait;

use super::{Generated, KeyContext, Kms, KmsError};
use crate::model::Secret;

const NONCE_LEN: usize = 12;

/// A root key in a file that only its owner can read.
pub struct LocalKms {
    cipher: Aes256Gcm,
    arn: String,
}

impl LocalKms {
    /// Opens the key file, or makes it (mode 0600) if there is none.
    ///
    /// # Errors
    /// What is wrong with the file, in words for the operator.
    pub fn open(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let root = match std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
        {
            Ok(mut file) => {
                let mut root = zeroize::Zeroizing::new([0; 32]);
                getrandom::fill(root.as_mut())
                    .map_err(|_| "the operating system gives no random bytes".to_owned())?;
                file.write_all(root.as_ref())
                    .and_then(|()| file.sync_all())
                    .map_err(|cause| format!("{name} cannot be written: {cause}"))?;
                Secret::new(&root)
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => read(path)?,
            Err(cause) => return Err(format!("{name} cannot be made: {cause}")),
        };
        let arn = format!("local:{}", crate::keys::key_id(&root));
        Ok(Self {
            cipher: Aes256Gcm::new(root.expose().into()),
            arn,
        })
    }
}

fn read(path: &Path) -> Result<Secret, String> {
    let name = path.display();
    let mut file =
        std::fs::File::open(path).map_err(|cause| format!("{name} cannot be read: {cause}"))?;
    let mode = file
        .metadata()
        .map_err(|cause| format!("{name}: {cause}"))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "{name} can be read by others (mode {:o}): chmod 600 it",
            mode & 0o777
        ));
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes)
        .map_err(|cause| format!("{name} cannot be read: {cause}"))?;
    let root = <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
        format!(
            "{name} is no key file: it has {} bytes instead of 32",
            bytes.len()
        )
    })?;
    Ok(Secret::new(root))
}

/// Unambiguous bytes of a context: lengths before texts.
fn context_bytes(context: &KeyContext) -> Vec<u8> {
    let texts = context.iter().flat_map(|(name, value)| [name, value]);
    texts
        .flat_map(|text| {
            [
                &u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes(),
                text.as_bytes(),
            ]
            .concat()
        })
        .collect()
}

fn no_random() -> KmsError {
    KmsError::Unreachable("no random bytes".to_owned())
}

#[async_trait]
impl Kms for LocalKms {
    async fn generate(&self, key_arn: &str, context: &KeyContext) -> Result<Generated, KmsError> {
        self.check(key_arn)?;
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut()).map_err(|_| no_random())?;
        let secret = Secret::new(&bytes);
        Ok(Generated {
            wrapped: self.wrap(key_arn, &secret, context).await?,
            secret,
            key_arn: self.arn.clone(),
        })
    }

    async fn wrap(
        &self,
        key_arn: &str,
        secret: &Secret,
        context: &KeyContext,
    ) -> Result<Vec<u8>, KmsError> {
        self.check(key_arn)?;
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| no_random())?;
        let payload = Payload {
            msg: secret.expose().as_slice(),
            aad: &context_bytes(context),
        };
        let wrapped = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| KmsError::Unreachable("wrapping failed".to_owned()))?;
        Ok([&nonce[..], &wrapped].concat())
    }

    async fn unwrap(
        &self,
        key_arn: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<Secret, KmsError> {
        self.check(key_arn)?;
        let invalid = || KmsError::denied("the wrapped key is not one of this key file");
        let (nonce, msg) = wrapped
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(invalid)?;
        let payload = Payload {
            msg,
            aad: &context_bytes(context),
        };
        let plain = zeroize::Zeroizing::new(
            self.cipher
                .decrypt(&Nonce::from(*nonce), payload)
                .map_err(|_| invalid())?,
        );
        <&[u8; 32]>::try_from(plain.as_slice())
            .map(Secret::new)
            .map_err(|_| invalid())
    }

    async fn verify(&self, key_arn: &str) -> Result<String, KmsError> {
        self.check(key_arn).map(|()| self.arn.clone())
    }

    async fn rewrap(
        &self,
        from_arn: &str,
        to_arn: &str,
        wrapped: &[u8],
        _context: &KeyContext,
    ) -> Result<Vec<u8>, KmsError> {
        // A key file holds one key: there is nothing to change to.
        self.check(from_arn)?;
        self.check(to_arn)?;
        Ok(wrapped.to_vec())
    }

    fn default_key(&self) -> &str {
        &self.arn
    }
}

impl LocalKms {
    fn check(&self, key_arn: &str) -> Result<(), KmsError> {
        if key_arn == self.arn {
            Ok(())
        } else {
            Err(KmsError::denied(format!(
                "the key {key_arn} is not in this key file"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wrapped_key_opens_under_its_own_context_only() {
        let folder = tempfile::tempdir().unwrap();
        let kms = LocalKms::open(&folder.path().join("key")).unwrap();
        let context = KeyContext::from([("tenant".to_owned(), "a".to_owned())]);
        let made = kms.generate(kms.default_key(), &context).await.unwrap();
        let (secret, wrapped) = (made.secret, made.wrapped);
        let again = LocalKms::open(&folder.path().join("key")).unwrap();
        assert_eq!(
            again
                .unwrap(kms.default_key(), &wrapped, &context)
                .await
                .ok()
                .unwrap()
                .expose(),
            secret.expose()
        );
        let other = KeyContext::from([("tenant".to_owned(), "b".to_owned())]);
        assert!(matches!(
            again.unwrap(kms.default_key(), &wrapped, &other).await,
            Err(KmsError::Denied { .. })
        ));
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        drop(LocalKms::open(&path).unwrap());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(LocalKms::open(&path).err().unwrap().contains("chmod 600"));
    }
}
