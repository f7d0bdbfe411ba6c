use std::borrow::Cow;

/// One try to log in, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// The account, as the client named it.
    pub user: Cow<'a, str>,
    /// Whether the account was unknown, or one that the configuration refuses; sshd calls both `invalid user`.
    pub is_unknown: bool,
    /// The machine that was logged in to; empty where the log does not say.
    pub host: &'a str,
    /// The client's address.
    pub source: &'a str,
    /// The client's port.
    pub port: Option<u16>,
    /// `password`, `publickey`, `keyboard-interactive`, `hostbased`, `none`, `gssapi-with-mic`.
    pub method: &'a str,
    /// What came of it.
    pub outcome: Outcome,
    /// The key it was tried with.
    pub key: Option<Key<'a>>,
    /// The certificate of that key.
    pub certificate: Option<Certificate<'a>>,
    /// How many such tries the line stands for (`message repeated 3 times`).
    pub times: u64,
}

/// What came of a try to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The client is in.
    Accepted,
    /// One of several factors was right.
    Partial,
    /// Refused.
    Failed,
}

impl Outcome {
    /// `accepted`, `partial` or `failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// `ED25519`, `RSA`, `ECDSA`, `ED25519-SK`, …; without `-CERT`.
    pub kind: &'a str,
    /// `SHA256:…`, in old logs MD5 in hexadecimal; empty where a certificate is told without it.
    pub fingerprint: &'a str,
}

/// An OpenSSH certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Its key id, as written.
    pub id: Cow<'a, str>,
    /// Its serial.
    pub serial: u64,
    /// The authority's kind of key.
    pub authority_kind: &'a str,
    /// The authority's fingerprint.
    pub authority: &'a str,
}
