//! Keys that people enrol, and keys that are certified.

use ssh_key::{Algorithm, HashAlg, PublicKey};

use crate::{Error, SecondFactor, error::Result};

/// The longest line of a public key that is looked at.
const LONGEST: usize = 2048;

/// Reads a public key in the form of `authorized_keys`, without options. Its comment is dropped: it is anyone's text.
pub fn parse(text: &str) -> Result<PublicKey> {
    let usage = |reason: String| Error::Usage(format!("public key: {reason}"));
    if text.len() > LONGEST {
        return Err(usage(format!("expected at most {LONGEST} characters, found {}", text.len())));
    }
    let key = PublicKey::from_openssh(text.trim());
    let mut key = key.map_err(|error| usage(format!("expected 'ssh-ed25519 AAAA…' or another type, {error}")))?;
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {}
        other => return Err(usage(format!("expected Ed25519, ECDSA or a FIDO key (sk-), found {other}"))),
    }
    key.set_comment("");
    Ok(key)
}

/// `SHA256:…`, as sshd logs it.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The key in the form of `authorized_keys`, without options and comment.
pub fn line(key: &PublicKey) -> Result<String> {
    key.to_openssh().map(|line| line.trim().to_owned()).map_err(|error| Error::Usage(format!("public key: {error}")))
}

/// What proves a person beside the key: the touch of a FIDO key, else a code.
pub fn second_factor(key: &PublicKey) -> SecondFactor {
    match key.algorithm() {
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => SecondFactor::Touch,
        _ => SecondFactor::Totp,
    }
}
