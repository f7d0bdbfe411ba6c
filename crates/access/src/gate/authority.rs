//! Another key for the authority: the one before is trusted for a while, and signs no more.
//!
//! The new key is made beside the old one, then the ledger is written, then the old key is replaced. A crash before the ledger leaves all as it was; one
//! after it is made good before anything is signed.

use std::{fs, io, path::Path};

use jiff::SignedDuration;
use ssh_key::PublicKey;

use super::{Gate, LOCAL, whole};
use crate::{
    What,
    ca::Authority,
    error::{Error, Result},
    factor::key,
    policy::LONGEST,
    private, seal,
};

/// Where the new key comes from.
#[derive(Debug)]
pub enum NewKey<'a> {
    /// The gate makes and keeps it.
    Sealed,
    /// It is made, encrypted with this passphrase; the ssh-agent gets it by `access agent`.
    Passphrase(&'a str),
    /// The ssh-agent, or a token behind it, has it: this is its public key.
    InAgent(PublicKey),
}

impl Gate {
    /// Has another key sign people's certificates from now on. Hosts trust the one before for `overlap`; where that is nothing, it is
    /// revoked at once. Returns the new key's fingerprint.
    pub fn rotate(&mut self, new: &NewKey<'_>, overlap: SignedDuration, reason: &str) -> Result<String> {
        if overlap.is_negative() || overlap > LONGEST {
            return Err(Error::Usage(format!("expected an overlap of 0s to {} hours", LONGEST.as_hours())));
        }
        let previous = self.ledger.view().authority()?;
        self.finish_rotation(&previous)?;
        let previous_key = key::line(&self.folder.authority_public()?)?;
        let public = self.new_key(new)?;
        let authority = key::fingerprint(&public);
        if authority == previous {
            return Err(Error::Usage("expected another key, found the one that signs now".into()));
        }
        self.write(|under_way| {
            let trusted_until = whole(under_way.now() + overlap)?;
            let (authority, reason) = (authority.clone(), reason.to_owned());
            let what = What::AuthorityChanged { authority, previous, previous_key, trusted_until, reason };
            under_way.append(LOCAL, what).map(|_| ())
        })?;
        self.finish_rotation(&authority)?;
        if matches!(new, NewKey::InAgent(_)) {
            // The encrypted key of before is nobody's any more.
            remove(&self.folder.authority_key())?;
        }
        Ok(authority)
    }

    /// Makes the new key beside the old one. What a rotation that failed has left there is not known to the ledger, and goes.
    fn new_key(&self, new: &NewKey<'_>) -> Result<PublicKey> {
        let path = self.folder.next_authority_key();
        let public = path.with_extension("pub");
        for left in [&path, &public] {
            remove(left)?;
        }
        match (new, &self.settings.agent) {
            (NewKey::Sealed, None) => {
                let made = Authority::create(&path, COMMENT, |secret| self.seal.seal(secret))?;
                Ok(made.public().clone())
            }
            (NewKey::Passphrase(passphrase), Some(_)) => {
                let made = Authority::create(&path, COMMENT, |secret| seal::seal_with_passphrase(passphrase, secret))?;
                Ok(made.public().clone())
            }
            (NewKey::InAgent(key), Some(socket)) => {
                let held = Authority::in_agent(key.clone(), self.folder.path().join(socket))?;
                private::replace(&public, format!("{}\n", key::line(key)?).as_bytes(), 0o600)?;
                Ok(held.public().clone())
            }
            (NewKey::Sealed, Some(_)) => Err(Error::Usage("an ssh-agent holds the key: expected a passphrase".into())),
            (_, None) => Err(Error::Usage("the gate itself holds the key: gate.toml names no agent".into())),
        }
    }

    /// Puts the new key in place of the old one, if the ledger says that it counts.
    pub(super) fn finish_rotation(&self, authority: &str) -> Result<()> {
        let next = self.folder.next_authority_key();
        let public = next.with_extension("pub");
        let is_next = PublicKey::read_openssh_file(&public).is_ok_and(|key| key::fingerprint(&key) == authority);
        if !is_next {
            return Ok(());
        }
        let now = self.folder.authority_key();
        // The public key last: as long as it is there, this is not finished.
        if next.exists() {
            rename(&next, &now)?;
        }
        rename(&public, &now.with_extension("pub"))
    }

    /// Those whose certificates hosts trust, a line each: as `TrustedUserCAKeys` has them.
    pub fn authorities(&self) -> Result<String> {
        let now = (self.clock)();
        let current = self.ledger.view().authority()?;
        self.finish_rotation(&current)?;
        let mut text = format!("{}\n", key::line(&self.folder.authority_public()?)?);
        for one in self.ledger.view().retired()?.into_iter().filter(|one| now < one.trusted_until) {
            text.push_str(&format!("{} until {}\n", one.public_key, one.trusted_until));
        }
        Ok(text)
    }
}

/// The remark of the key.
const COMMENT: &str = "dreamcatcher authority";

fn rename(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        // Another process has done it.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(from, error)),
        _ => private::sync_folder(to),
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(path, error)),
        _ => Ok(()),
    }
}
