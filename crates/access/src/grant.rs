//! A grant: who may log in where, as whom, from where, until when, and why.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What a grant says: its record in the ledger, from which logins are explained. Anyone can make one; to sign a
/// certificate takes a [`Grant`]. `T` holds its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted<T = String> {
    /// Its number, and its certificate's serial; counted up from one.
    pub serial: u64,
    /// The request that it answers.
    pub request: u64,
    /// Who may log in.
    pub person: T,
    /// The service provider the person works for; empty for own staff.
    pub provider: T,
    /// The host, by the policy's name for it.
    pub host: T,
    /// The account on the host.
    pub account: T,
    /// The certified key's fingerprint, `SHA256:…`.
    pub key: T,
    /// The certificate's key id.
    pub key_id: T,
    /// The fingerprint of the certificate authority's key, `SHA256:…`.
    pub authority: T,
    /// The certificate's principals.
    pub principals: Vec<T>,
    /// The networks (CIDR) that the certificate may be used from; empty for any.
    pub sources: Vec<T>,
    /// The only command it lets run.
    pub force_command: Option<T>,
    /// The certificate's extensions: `permit-pty`, `permit-port-forwarding`, ….
    pub extensions: Vec<T>,
    /// From when it holds; whole seconds, as in the certificate.
    pub from: Timestamp,
    /// Until when it holds; whole seconds, as in the certificate.
    pub until: Timestamp,
    /// The policy's rule that allows it.
    pub rule: T,
    /// Why the person wants to log in.
    pub reason: Option<T>,
    /// The ticket that the work belongs to.
    pub ticket: Option<T>,
    /// Who approved it.
    pub approvals: Vec<T>,
    /// What proved the person beside the enrolled key.
    pub second_factor: SecondFactor,
    /// Whether it was given by breaking the glass.
    pub break_glass: bool,
}

/// A certificate begins this much before it is signed, for hosts whose clocks are behind. It gives nothing away: that time is over.
pub(crate) const SKEW: SignedDuration = SignedDuration::from_secs(30);
/// How many digits of the ledger's hash stand in a key id.
const HEAD: usize = 16;

/// The key id of a certificate. It names the ledger's last entry: sshd's logs, which others keep, bear witness to the ledger's past.
pub(crate) fn key_id(serial: u64, person: &str, principal: &str, last: &str) -> String {
    format!("dreamcatcher:{serial}:{person}:{principal}:{}", last.get(..HEAD).unwrap_or(last))
}

/// The person that a key id names, if it is one that [`key_id`] gives for this serial and principal.
pub(crate) fn person_of<'a>(key_id: &'a str, serial: u64, principal: &str) -> Option<&'a str> {
    let (named, head) = key_id.strip_prefix("dreamcatcher:")?.rsplit_once(':')?;
    let rest = named.strip_prefix(itoa::Buffer::new().format(serial))?.strip_prefix(':')?;
    let is_head = head.len() == HEAD && head.bytes().all(|byte| byte.is_ascii_hexdigit());
    rest.strip_suffix(principal)?.strip_suffix(':').filter(|_| is_head)
}

impl<T: AsRef<str>> Granted<T> {
    /// What its key id names as the ledger's entry before it.
    fn named_before(&self) -> &str {
        self.key_id.as_ref().rsplit_once(':').map_or("", |(_, head)| head)
    }

    /// Why it cannot stand behind the entry of this hash; `None` where its key id names that one, as the gate writes it.
    pub(crate) fn misplaced(&self, previous: &str) -> Option<String> {
        let named = self.named_before();
        let is_named = named.len() == HEAD && previous.starts_with(named);
        (!is_named).then(|| {
            let found = previous.get(..HEAD).unwrap_or(previous);
            format!("the key id of grant {} names '{named}' as the entry before it, which is {found}", self.serial)
        })
    }
}

/// What proved a person beside the enrolled key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// The touch of a FIDO key (`sk-…`).
    Touch,
    /// A one-time code (RFC 6238).
    Totp,
}

/// A grant that stands in the ledger: what a certificate is signed from. Its only maker is the ledger, from a decision
/// that allows it, after the entry is on the disk.
#[derive(Debug)]
pub struct Grant(Granted);

impl Grant {
    /// Of a record that stands in the ledger.
    pub(crate) fn written(granted: Granted) -> Self {
        Self(granted)
    }

    /// What it says.
    pub fn granted(&self) -> &Granted {
        &self.0
    }
}

/// The one principal of a certificate: an account on a host. The host's sshd takes it for that account only.
pub(crate) fn principal(account: &str, host: &str) -> String {
    format!("{account}@{host}")
}
