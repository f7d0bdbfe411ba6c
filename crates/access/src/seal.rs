//! Secrets at rest, encrypted with [age](https://age-encryption.org/v1).

use std::path::Path;

use age::{
    scrypt,
    secrecy::{ExposeSecret, SecretString},
    x25519,
};
use zeroize::Zeroizing;

use crate::{Error, error::Result, private};

/// The gate's own age key, which its secrets are encrypted to.
pub struct Seal(x25519::Identity);

impl Seal {
    /// Makes a new key, in a file of mode 0600.
    pub fn create(path: &Path) -> Result<Self> {
        let identity = x25519::Identity::generate();
        private::create(path, format!("{}\n", identity.to_string().expose_secret()).as_bytes())?;
        Ok(Self(identity))
    }

    /// Reads the key, as `age-keygen` writes it.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = private::read(path)?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-"));
        let identity = line.and_then(|line| line.trim().parse().ok());
        identity
            .map(Self)
            .ok_or_else(|| Error::file(path, "expected a line AGE-SECRET-KEY-…, found none that is whole"))
    }

    /// Encrypts a secret.
    pub fn seal(&self, secret: &[u8]) -> Result<Vec<u8>> {
        age::encrypt(&self.0.to_public(), secret).map_err(|error| Error::Failed(format!("cannot encrypt: {error}")))
    }

    /// Decrypts a secret; `what` names it where that fails.
    pub fn unseal(&self, what: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let opened = age::decrypt(&self.0, sealed).map(Zeroizing::new);
        opened.map_err(|error| Error::Failed(format!("cannot decrypt {what}: {error}")))
    }
}

/// Encrypts a secret with a passphrase.
pub fn seal_with_passphrase(passphrase: &str, secret: &[u8]) -> Result<Vec<u8>> {
    let recipient = scrypt::Recipient::new(SecretString::from(passphrase));
    age::encrypt(&recipient, secret).map_err(|error| Error::Failed(format!("cannot encrypt: {error}")))
}

/// Decrypts a secret that a passphrase encrypted; `what` names it where that fails.
pub fn unseal_with_passphrase(passphrase: &str, what: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let identity = scrypt::Identity::new(SecretString::from(passphrase));
    let opened = age::decrypt(&identity, sealed).map(Zeroizing::new);
    opened.map_err(|error| Error::Failed(format!("cannot decrypt {what}: {error}")))
}
