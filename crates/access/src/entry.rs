//! The entries of the ledger: enrolments, requests, approvals, grants, revocations, administrative changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Granted, SecondFactor};

/// One entry. Its text is its JSON, and its hash the SHA-256 of that text; the next entry has it as `previous`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, counted up from one.
    pub sequence: u64,
    /// When it was written, by the gate's clock.
    pub time: Timestamp,
    /// Who did it: a person of the policy, `gate` for what the gate does by itself, or `local` for who works on the gate's host.
    pub who: String,
    /// The hash of the entry before it, in hexadecimal; 64 zeros in the first.
    pub previous: String,
    /// What was done.
    pub what: What,
}

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// The ledger begins.
    Begun {
        /// The fingerprint of the authority that signs people's certificates.
        authority: String,
        /// The fingerprint of the authority that signs hosts' certificates.
        host_authority: String,
    },
    /// A person was invited to enrol a key.
    Invited {
        /// The number of the invitation.
        invitation: u64,
        /// Who may enrol.
        person: String,
        /// The fingerprint of the key that opens the gate for it, once.
        key: String,
        /// That key as in `authorized_keys`.
        public_key: String,
        /// Until when.
        until: Timestamp,
    },
    /// A person enrolled a key.
    Enrolled {
        /// Whose it is.
        person: String,
        /// The invitation that was used up.
        invitation: u64,
        /// The key's fingerprint.
        key: String,
        /// The key as in `authorized_keys`.
        public_key: String,
        /// What proves the person beside it.
        second_factor: SecondFactor,
    },
    /// An enrolled key, with its second factor, or an invitation counts no more.
    KeyRevoked {
        /// Whose it was.
        person: String,
        /// Its fingerprint.
        key: String,
        /// Why: lost, replaced, left the firm.
        reason: String,
    },
    /// A one-time code was right; it is used up.
    CodeAccepted {
        /// Whose it was.
        person: String,
        /// The enrolled key it belongs to.
        key: String,
        /// Its time step: seconds since 1970 divided by 30.
        step: u64,
    },
    /// The touch of a FIDO key counted; it is used up.
    TouchAccepted {
        /// Whose it was.
        person: String,
        /// The enrolled key that was touched.
        key: String,
        /// The connection that it opened.
        connection: String,
    },
    /// A one-time code was wrong, or used before.
    CodeRefused {
        /// Whose it should have been.
        person: String,
        /// The enrolled key it came over.
        key: String,
        /// What was wrong with it.
        reason: String,
    },
    /// A person locked out after too many wrong codes may try again.
    Unlocked {
        /// Who.
        person: String,
        /// Why.
        reason: String,
    },
    /// A login was asked for.
    Requested(Requested),
    /// A person approved a request.
    Approved {
        /// Which one.
        request: u64,
        /// The enrolled key it came over.
        key: String,
        /// What proved the person beside it.
        second_factor: SecondFactor,
    },
    /// A request was denied, by a person or (`who` is `gate`) by the policy.
    Denied {
        /// Which one.
        request: u64,
        /// Who asked; empty in entries of before this was written.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        person: String,
        /// Why.
        reasons: Vec<String>,
    },
    /// The gate refused what an enrolled person tried beyond a request: approving their own, for one.
    Refused {
        /// Who tried.
        person: String,
        /// What.
        attempt: String,
        /// Why not.
        reason: String,
    },
    /// A certificate was granted.
    Granted(Box<Granted>),
    /// A grant counts no more.
    Revoked {
        /// Which one.
        serial: u64,
        /// Why.
        reason: String,
    },
    /// A host's key was certified.
    HostCertified {
        /// The host.
        host: String,
        /// The certificate's serial; hosts' are counted by themselves.
        serial: u64,
        /// The key's fingerprint.
        key: String,
        /// The key as in `authorized_keys`: with it the host may ask the gate what is revoked.
        public_key: String,
        /// The names and addresses that it holds for.
        principals: Vec<String>,
        /// Until when.
        until: Timestamp,
    },
    /// A patch or package was put forward for release.
    ReleaseRequested {
        /// The number of the release.
        release: u64,
        /// The file's name.
        name: String,
        /// Its SHA-256, in hexadecimal.
        sha256: String,
        /// Why.
        reason: String,
    },
    /// A person approved a release.
    ReleaseApproved {
        /// Which one.
        release: u64,
        /// The enrolled key it came over.
        key: String,
        /// What proved the person beside it.
        second_factor: SecondFactor,
    },
    /// A patch or package is released: two people approved its hash.
    Released {
        /// The number of the release.
        release: u64,
        /// The file's name.
        name: String,
        /// Its SHA-256, in hexadecimal.
        sha256: String,
        /// Why.
        reason: String,
        /// Who approved it.
        approvals: Vec<String>,
    },
    /// The gate works by another text of the policy from here on.
    PolicyChanged {
        /// The SHA-256 of `access.toml`, in hexadecimal.
        sha256: String,
        /// Its text, by which the grants that follow are judged; older versions did not keep it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Another key signs people's certificates from here on.
    AuthorityChanged {
        /// Its fingerprint.
        authority: String,
        /// The fingerprint of the one before it.
        previous: String,
        /// That key as in `authorized_keys`.
        previous_key: String,
        /// Until when hosts trust the one before.
        trusted_until: Timestamp,
        /// Why.
        reason: String,
    },
    /// The clock was ahead when the last entries were written: an administrator asks to go on from the right time.
    ClockBackRequested {
        /// The number of the wish.
        clock_back: u64,
        /// Why.
        reason: String,
    },
    /// One of our own people approved that.
    ClockBackApproved {
        /// Which one.
        clock_back: u64,
        /// The enrolled key it came over.
        key: String,
        /// What proved the person beside it.
        second_factor: SecondFactor,
    },
    /// The ledger's time goes back: the only entry whose time is before that of the one before it.
    ClockBack {
        /// Which wish it grants.
        clock_back: u64,
        /// The time of the entry before.
        from: Timestamp,
        /// The time from here on.
        to: Timestamp,
        /// Why.
        reason: String,
        /// Who approved it.
        approvals: Vec<String>,
    },
    /// Any other change by an administrator.
    Administered {
        /// What was changed.
        change: String,
        /// Why.
        reason: String,
    },
}

/// The kind of an entry, as the ledger's column has it: its name in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub &'static str);

/// Whom or what an entry is looked up by; empty for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject<'a>(pub &'a str);

impl What {
    /// The fingerprint of the authority that signs people's certificates from this entry on, if it says so.
    pub fn authority(&self) -> Option<&str> {
        match self {
            Self::Begun { authority, .. } | Self::AuthorityChanged { authority, .. } => Some(authority),
            _ => None,
        }
    }

    /// What an entry is looked up by: its kind, its subject and its number.
    pub(crate) fn keys(&self) -> (Kind, Subject<'_>, u64) {
        let (kind, subject, number) = match self {
            Self::Begun { .. } => ("begun", "", 0),
            Self::Invited { key, invitation, .. } => ("invited", key.as_str(), *invitation),
            Self::Enrolled { key, invitation, .. } => ("enrolled", key.as_str(), *invitation),
            Self::KeyRevoked { key, .. } => ("key_revoked", key.as_str(), 0),
            Self::CodeAccepted { person, step, .. } => ("code_accepted", person.as_str(), *step),
            Self::TouchAccepted { connection, .. } => ("touch_accepted", connection.as_str(), 0),
            Self::CodeRefused { person, .. } => ("code_refused", person.as_str(), 0),
            Self::Unlocked { person, .. } => ("unlocked", person.as_str(), 0),
            Self::Requested(requested) => ("requested", requested.person.as_str(), requested.request),
            Self::Approved { request, .. } => ("approved", "", *request),
            Self::Denied { request, .. } => ("denied", "", *request),
            Self::Refused { person, .. } => ("refused", person.as_str(), 0),
            Self::Granted(granted) => ("granted", granted.person.as_str(), granted.serial),
            Self::Revoked { serial, .. } => ("revoked", "", *serial),
            Self::HostCertified { host, serial, .. } => ("host_certified", host.as_str(), *serial),
            Self::ReleaseRequested { release, sha256, .. } => ("release_requested", sha256.as_str(), *release),
            Self::ReleaseApproved { release, .. } => ("release_approved", "", *release),
            Self::Released { release, sha256, .. } => ("released", sha256.as_str(), *release),
            Self::PolicyChanged { sha256, text } => ("policy_changed", sha256.as_str(), u64::from(text.is_some())),
            Self::AuthorityChanged { authority, .. } => ("authority_changed", authority.as_str(), 0),
            Self::ClockBackRequested { clock_back, .. } => ("clock_back_requested", "", *clock_back),
            Self::ClockBackApproved { clock_back, .. } => ("clock_back_approved", "", *clock_back),
            Self::ClockBack { clock_back, .. } => ("clock_back", "", *clock_back),
            Self::Administered { .. } => ("administered", "", 0),
        };
        (Kind(kind), Subject(subject), number)
    }
}

/// A login that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requested {
    /// The number of the request, counted up from one.
    pub request: u64,
    /// Who asks.
    pub person: String,
    /// The enrolled key that the person came with.
    pub enrolled_key: String,
    /// The fingerprint of the key to certify.
    pub key: String,
    /// That key as in `authorized_keys`.
    pub public_key: String,
    /// The host.
    pub host: String,
    /// The account on the host.
    pub account: String,
    /// The address that the request came from.
    pub source: String,
    /// For how many seconds; `None` for as long as the rule allows.
    pub seconds: Option<u64>,
    /// Why.
    pub reason: Option<String>,
    /// The ticket that the work belongs to.
    pub ticket: Option<String>,
    /// What proved the person beside the enrolled key.
    pub second_factor: SecondFactor,
    /// Whether the glass is to be broken.
    pub break_glass: bool,
}
