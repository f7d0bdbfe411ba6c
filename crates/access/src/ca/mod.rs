//! The certificate authorities: one signs people's certificates, from grants, another those of hosts.
//!
//! Format: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.certkeys>.

pub mod agent;
mod krl;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use signature::Signer;
use ssh_key::{
    Algorithm, Certificate, PrivateKey, PublicKey, Signature,
    certificate::{Builder, CertType},
    private::Ed25519Keypair,
    public::KeyData,
    rand_core::OsRng,
};

pub use krl::{Krl, revokes};

use crate::{Error, Grant, error::Result, factor::key, private, seal::Seal};

/// An authority: its public key, and who can sign with the private one.
pub struct Authority {
    public: PublicKey,
    signer: Holder,
}

/// Who holds an authority's private key.
enum Holder {
    /// We do, decrypted, as long as the process lives.
    Here(Box<PrivateKey>),
    /// An ssh-agent does, at this socket.
    Agent(PathBuf),
}

impl Authority {
    /// Makes a new Ed25519 key. `seal` encrypts it before it is written to `path`; beside it goes `path.pub`.
    pub fn create(path: &Path, comment: &str, seal: impl FnOnce(&[u8]) -> Result<Vec<u8>>) -> Result<Self> {
        let mut key = PrivateKey::from(Ed25519Keypair::random(&mut OsRng));
        key.set_comment(comment);
        let text = key.to_openssh(ssh_key::LineEnding::LF).map_err(|error| Error::Authority(error.to_string()))?;
        private::create(path, &seal(text.as_bytes())?)?;
        let public = key.public_key().clone();
        let line = public.to_openssh().map_err(|error| Error::Authority(error.to_string()))?;
        private::replace(&path.with_extension("pub"), format!("{line}\n").as_bytes(), 0o600)?;
        Ok(Self { public, signer: Holder::Here(Box::new(key)) })
    }

    /// Reads the key that `create` wrote with the gate's seal.
    pub fn open(path: &Path, seal: &Seal) -> Result<Self> {
        let text = seal.unseal(&path.display().to_string(), &private::read(path)?)?;
        let key = private_key(path, &text)?;
        Ok(Self { public: key.public_key().clone(), signer: Holder::Here(Box::new(key)) })
    }

    /// An authority whose key an ssh-agent holds; through it, a hardware token may. Refused where the agent does not have it.
    pub fn in_agent(public: PublicKey, socket: PathBuf) -> Result<Self> {
        agent::Agent::connect(&socket)?.expect_key(&public)?;
        Ok(Self { public, signer: Holder::Agent(socket) })
    }

    /// Its public key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its fingerprint, `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        key::fingerprint(&self.public)
    }

    /// Signs the certificate of a grant over the key that it names.
    pub fn certify(&self, grant: &Grant, subject: &PublicKey) -> Result<Certificate> {
        let granted = grant.granted();
        if key::fingerprint(subject) != granted.key || self.fingerprint() != granted.authority {
            return Err(Error::Authority("the grant names another key".into()));
        }
        let build = || {
            let (from, until) = (granted.from.as_second(), granted.until.as_second());
            let mut builder = builder(subject, CertType::User, granted.serial, from, until)?;
            builder.key_id(&granted.key_id)?;
            for principal in &granted.principals {
                builder.valid_principal(principal)?;
            }
            if !granted.sources.is_empty() {
                builder.critical_option("source-address", granted.sources.join(","))?;
            }
            if let Some(command) = &granted.force_command {
                builder.critical_option("force-command", command)?;
            }
            for extension in &granted.extensions {
                builder.extension(extension, "")?;
            }
            builder.sign(self)
        };
        self.signed(granted.principals.is_empty(), build())
    }

    /// Signs the certificate of a host's key, for the names and addresses that clients call it by. `from` and `until` are
    /// seconds since 1970.
    pub fn certify_host(
        &self,
        serial: u64,
        key: &PublicKey,
        names: &[String],
        from: i64,
        until: i64,
    ) -> Result<Certificate> {
        let build = || {
            let mut builder = builder(key, CertType::Host, serial, from, until)?;
            builder.key_id(names.first().map(String::as_str).unwrap_or_default())?;
            for name in names {
                builder.valid_principal(name)?;
            }
            builder.sign(self)
        };
        self.signed(names.is_empty(), build())
    }

    /// A certificate without principals would be one for all of them.
    fn signed(&self, for_all: bool, certificate: ssh_key::Result<Certificate>) -> Result<Certificate> {
        if for_all {
            return Err(Error::Authority("expected a principal, found none".into()));
        }
        let certificate = certificate.map_err(|error| Error::Authority(format!("cannot sign: {error}")))?;
        // An agent may be anybody's: what it signed is looked at.
        certificate.verify_signature().map_err(|error| Error::Authority(format!("the signature is wrong: {error}")))?;
        Ok(certificate)
    }
}

/// A certificate that is begun.
fn builder(key: &PublicKey, kind: CertType, serial: u64, from: i64, until: i64) -> ssh_key::Result<Builder> {
    let seconds = |time: i64| u64::try_from(time).map_err(|_| ssh_key::Error::Time);
    let mut builder = Builder::new_with_random_nonce(&mut OsRng, key.clone(), seconds(from)?, seconds(until)?)?;
    builder.cert_type(kind)?.serial(serial)?;
    Ok(builder)
}

/// The Ed25519 key in `text`.
fn private_key(path: &Path, text: &[u8]) -> Result<PrivateKey> {
    let key = PrivateKey::from_openssh(text).map_err(|error| Error::file(path, error))?;
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(Error::file(path, format!("expected an Ed25519 key, found {}", key.algorithm())));
    }
    Ok(key)
}

/// Decrypts an authority's key that a passphrase encrypted and hands it to an ssh-agent.
pub fn unlock(path: &Path, text: &[u8], socket: &Path) -> Result<PublicKey> {
    let key = private_key(path, text)?;
    agent::Agent::connect(socket)?.add(&key, None, None)?;
    Ok(key.public_key().clone())
}

impl Signer<Signature> for Authority {
    fn try_sign(&self, message: &[u8]) -> signature::Result<Signature> {
        match &self.signer {
            Holder::Here(key) => key.try_sign(message),
            Holder::Agent(socket) => agent::Agent::connect(socket)
                .and_then(|mut agent| agent.sign(&self.public, message))
                .map_err(signature::Error::from_source),
        }
    }
}

/// Asked for by [`ssh_key::SigningKey`].
impl From<&Authority> for KeyData {
    fn from(authority: &Authority) -> Self {
        authority.public.key_data().clone()
    }
}
