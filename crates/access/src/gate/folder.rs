//! The gate's folder: what stands where, and how it begins.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ssh_key::PublicKey;

use crate::{Error, What, ca::Authority, error::Result, ledger::Ledger, policy::Policy, private, seal, seal::Seal};

/// The most that is read of a policy.
const LONGEST_POLICY: u64 = 1 << 20;

/// The folder of a gate: mode 0700, the gate's account's own.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// `gate.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The program that enrolled keys run: this one, by its absolute path.
    pub program: PathBuf,
    /// The socket of the ssh-agent that holds the authority's key; the gate's own file does, encrypted, if not said.
    pub agent: Option<PathBuf>,
}

/// A policy as it is written, with the SHA-256 of its text in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// The text of `access.toml`.
    pub text: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// How a gate begins.
#[derive(Debug)]
pub struct Begin<'a> {
    /// As in [`Settings`].
    pub settings: Settings,
    /// Encrypts the authority's key with this instead of the gate's seal: an ssh-agent has to hold it then.
    pub passphrase: Option<&'a str>,
    /// When.
    pub now: Timestamp,
}

impl Folder {
    /// The folder at this path, which is ours alone.
    pub fn new(path: &Path) -> Result<Self> {
        let meta = fs::metadata(path).map_err(|error| Error::file(path, error))?;
        if !meta.is_dir() || meta.mode() & 0o077 != 0 {
            let mode = meta.mode() & 0o7777;
            return Err(Error::file(path, format!("expected a folder of mode 0700, found {mode:04o}")));
        }
        let user = rustix::process::geteuid().as_raw();
        if meta.uid() != user {
            return Err(Error::file(
                path,
                format!("belongs to user {}, but this is user {user}: run as the gate's account", meta.uid()),
            ));
        }
        let path = path.canonicalize().map_err(|error| Error::file(path, error))?;
        is_quotable(&path)?;
        Ok(Self(path))
    }

    /// Makes the folder of a new gate with its keys and its ledger. Nothing that is there is touched.
    pub fn begin(path: &Path, begin: &Begin<'_>) -> Result<Self> {
        is_quotable(&begin.settings.program)?;
        let made = DirBuilder::new().mode(0o700).create(path);
        if let Err(error) =
            made.as_ref().map_err(|error| (error.kind() != std::io::ErrorKind::AlreadyExists).then_some(error))
        {
            error.map_or(Ok(()), |error| Err(Error::file(path, error)))?;
        }
        let folder = Self::new(path)?;
        let text = toml::to_string(&begin.settings).map_err(|error| Error::file(&folder.0, error))?;
        private::create(&folder.0.join("gate.toml"), text.as_bytes())?;
        let gate = Seal::create(&folder.seal())?;
        let seal_authority = |secret: &[u8]| match begin.passphrase {
            Some(passphrase) => seal::seal_with_passphrase(passphrase, secret),
            None => gate.seal(secret),
        };
        let authority = Authority::create(&folder.authority_key(), "dreamcatcher authority", seal_authority)?;
        let hosts = Authority::create(&folder.host_authority_key(), "dreamcatcher hosts", |secret| gate.seal(secret))?;
        let begun = What::Begun { authority: authority.fingerprint(), host_authority: hosts.fingerprint() };
        Ledger::create(&folder.ledger())?.write(|| begin.now, |under_way| under_way.append("local", begun))?;
        Ok(folder)
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the ledger stands.
    pub fn ledger(&self) -> PathBuf {
        self.0.join("ledger.db")
    }

    /// Where the policy stands.
    pub fn policy_file(&self) -> PathBuf {
        self.0.join("access.toml")
    }

    /// Where sshd finds the keys that may come to the gate.
    pub fn authorized_keys(&self) -> PathBuf {
        self.0.join("authorized_keys")
    }

    pub(super) fn seal(&self) -> PathBuf {
        self.0.join("seal.key")
    }

    /// Where the authority's key stands, encrypted.
    pub fn authority_key(&self) -> PathBuf {
        self.0.join("authority.age")
    }

    /// Where the next authority's key stands while the one before is replaced.
    pub(super) fn next_authority_key(&self) -> PathBuf {
        self.0.join("authority-next.age")
    }

    fn host_authority_key(&self) -> PathBuf {
        self.0.join("host-authority.age")
    }

    /// Reads `gate.toml`.
    pub fn settings(&self) -> Result<Settings> {
        let path = self.0.join("gate.toml");
        let text = fs::read_to_string(&path).map_err(|error| Error::file(&path, error))?;
        let settings: Settings = toml::from_str(&text).map_err(|error| Error::file(&path, error))?;
        is_quotable(&settings.program)?;
        Ok(settings)
    }

    /// Reads the policy.
    pub fn policy(&self) -> Result<(Policy, PolicyText)> {
        let path = self.policy_file();
        let length = fs::metadata(&path).map_err(|error| Error::file(&path, error))?.len();
        if length > LONGEST_POLICY {
            return Err(Error::file(&path, format!("expected at most {LONGEST_POLICY} bytes, found {length}")));
        }
        let text = fs::read_to_string(&path).map_err(|error| Error::file(&path, error))?;
        let policy = Policy::parse(&text).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Error::file(&path, problems.join("; "))
        })?;
        let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&text));
        Ok((policy, PolicyText { text, sha256 }))
    }

    /// The authority that signs people's certificates: in the ssh-agent, if the settings name one.
    pub(super) fn authority(&self, settings: &Settings, seal: &Seal) -> Result<Authority> {
        match &settings.agent {
            Some(socket) => Authority::in_agent(self.authority_public()?, self.0.join(socket)),
            None => Authority::open(&self.authority_key(), seal),
        }
    }

    /// The public key of the authority that signs people's certificates.
    pub fn authority_public(&self) -> Result<PublicKey> {
        public_key(&self.authority_key().with_extension("pub"))
    }

    /// The authority that signs hosts' certificates.
    pub(super) fn host_authority(&self, seal: &Seal) -> Result<Authority> {
        Authority::open(&self.host_authority_key(), seal)
    }

    /// The public key of the authority that signs hosts' certificates.
    pub fn host_authority_public(&self) -> Result<PublicKey> {
        public_key(&self.host_authority_key().with_extension("pub"))
    }
}

fn public_key(path: &Path) -> Result<PublicKey> {
    PublicKey::read_openssh_file(path).map_err(|error| Error::file(path, error))
}

/// Paths stand between quotes in `authorized_keys`, and a shell reads what stands there.
fn is_quotable(path: &Path) -> Result<()> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
    let is_plain = path.as_os_str().as_encoded_bytes().iter().all(plain);
    if path.is_absolute() && is_plain {
        return Ok(());
    }
    Err(Error::file(path, "expected an absolute path of letters, digits and '/', '.', '_', '-', '+'"))
}
