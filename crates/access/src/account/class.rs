//! What a login, or a log, can be found to be: one rule of the report for each.

use std::sync::{Arc, LazyLock};

use event::{Level, RuleInfo};

/// What is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Nothing in the policy or ledger explains the login.
    NoGrant,
    /// A password, where only certificates let people in.
    Password,
    /// A plain key, where only certificates let people in.
    PlainKey,
    /// A certificate of ours whose serial the ledger does not have.
    UnknownSerial,
    /// A certificate before or after its time.
    Expired,
    /// A certificate that was revoked before.
    Revoked,
    /// On another host than granted.
    OtherHost,
    /// As another account than granted.
    OtherAccount,
    /// From another network than granted.
    OtherSource,
    /// At a time at which its rule is closed.
    OutsideWindow,
    /// A grant that lacks the approvals its rule asks for.
    NotApproved,
    /// A certificate of an authority that is not ours.
    OtherAuthority,
    /// A certificate whose key id or key is not that of the grant.
    Forged,
    /// Breaking glass.
    BreakGlass,
    /// A session that goes on after its grant has ended.
    Outlasts,
    /// Explained, but from a machine that is itself a server.
    Hop,
    /// A certificate that sshd refused.
    CertificateRefused,
    /// A request that the gate refused.
    RequestRefused,
    /// A session without the line that let it in.
    AcceptedMissing,
    /// A log file missing between others.
    LogMissing,
    /// The host's clock was turned back.
    ClockBack,
    /// A package installed that nobody released.
    NotReleased,
    /// An account used from a network, with a key or at an hour that it never was before; or for the first time, or the first time in months.
    Unusual,
    /// A server that logs in to others for the first time.
    ServerLogsIn,
    /// A grant that its rule does not give.
    BeyondRule,
    /// A grant whose key id does not name the entry before it: the ledger's past is another.
    LedgerChanged,
    /// A certificate of ours, newer than the ledger.
    LedgerOld,
}

/// How a class is told.
struct Text {
    class: Class,
    id: &'static str,
    title: &'static str,
    level: Level,
    description: &'static str,
    tags: &'static [&'static str],
    innocent: &'static str,
}

/// In the order of the classes.
const TEXTS: [Text; 27] = [
    Text {
        class: Class::NoGrant,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e01",
        title: "Login that nothing explains",
        level: Level::High,
        description: "Somebody got in to a host that the access policy covers, and neither a grant nor standing access explains it.",
        tags: &["attack.initial-access", "attack.t1078", "attack.t1021.004"],
        innocent: "an account or key that was forgotten when the policy was written: access suggest and access audit find these",
    },
    Text {
        class: Class::Password,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e02",
        title: "Login by password where only certificates are allowed",
        level: Level::High,
        description: "The account is for people with short-lived certificates, but a password let somebody in: passwords were not switched off, or were switched on again.",
        tags: &["attack.initial-access", "attack.t1078.003", "attack.t1110"],
        innocent: "host-setup was not run on this host yet",
    },
    Text {
        class: Class::PlainKey,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e03",
        title: "Login by a plain key where only certificates are allowed",
        level: Level::High,
        description: "The account is for people with short-lived certificates, but a key in authorized_keys let somebody in: an old key that was left there, or one that was planted.",
        tags: &["attack.persistence", "attack.t1098.004", "attack.t1078"],
        innocent: "an old key that was never taken out of authorized_keys",
    },
    Text {
        class: Class::UnknownSerial,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e04",
        title: "Certificate that was never granted",
        level: Level::Critical,
        description: "A certificate signed by our own authority let somebody in, but the ledger knows no grant of its serial: the authority's key was used beside the gate, or the log line is made up.",
        tags: &["attack.credential-access", "attack.t1649", "attack.t1078"],
        innocent: "the ledger given is older than the logs",
    },
    Text {
        class: Class::Expired,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e05",
        title: "Certificate used outside of its time",
        level: Level::High,
        description: "A certificate let somebody in before or after the time that it was granted for. sshd would not allow that: its clock, or the log, is wrong.",
        tags: &["attack.initial-access", "attack.t1078", "attack.t1070.006"],
        innocent: "clocks that differ by more than a minute (--skew)",
    },
    Text {
        class: Class::Revoked,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e06",
        title: "Revoked certificate let somebody in",
        level: Level::Critical,
        description: "A grant was revoked, and its certificate was used afterwards: the list of revoked certificates did not reach this host.",
        tags: &["attack.initial-access", "attack.t1078"],
        innocent: "the host fetches the list of revoked certificates too rarely",
    },
    Text {
        class: Class::OtherHost,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e07",
        title: "Access used on another host than it was granted for",
        level: Level::High,
        description: "A certificate or key let somebody in to a host that it was not meant for: the host does not ask for principals as host-setup writes them.",
        tags: &["attack.lateral-movement", "attack.t1021.004", "attack.t1078"],
        innocent: "a host that goes by a name the policy does not have",
    },
    Text {
        class: Class::OtherAccount,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e08",
        title: "Access used as another account than it was granted for",
        level: Level::High,
        description: "A certificate or key let somebody in as an account that it was not meant for.",
        tags: &["attack.privilege-escalation", "attack.t1078"],
        innocent: "an account that was renamed",
    },
    Text {
        class: Class::OtherSource,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e09",
        title: "Access used from another network than it was granted for",
        level: Level::High,
        description: "A key or certificate that is known was used from an address that its owner does not come from: it may be stolen.",
        tags: &["attack.initial-access", "attack.t1078", "attack.t1563.001"],
        innocent: "the owner works from elsewhere, or the provider has a new network",
    },
    Text {
        class: Class::OutsideWindow,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e0a",
        title: "Login at a time at which the policy is closed",
        level: Level::High,
        description: "The login would be explained at another time, but its rule is closed at this one.",
        tags: &["attack.initial-access", "attack.t1078"],
        innocent: "the policy's windows were changed after the grant",
    },
    Text {
        class: Class::NotApproved,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e0b",
        title: "Grant that nobody approved",
        level: Level::High,
        description: "The ledger has the grant, but not the approvals by other people that its rule asks for.",
        tags: &["attack.defense-evasion", "attack.t1556", "attack.t1078"],
        innocent: "the rule asks for more approvals than it did when the grant was given",
    },
    Text {
        class: Class::OtherAuthority,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e0c",
        title: "Certificate of an authority that is not ours",
        level: Level::Critical,
        description: "A host let somebody in by a certificate that another authority signed: somebody made the host trust a second one.",
        tags: &["attack.persistence", "attack.t1556", "attack.t1649"],
        innocent: "an authority of ours that neither the policy nor the ledger names",
    },
    Text {
        class: Class::Forged,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e0d",
        title: "Certificate that is not the one granted",
        level: Level::Critical,
        description: "The serial is one of the ledger, but the key id or the key is not that of the grant: the certificate was made beside the gate, or the log line is made up.",
        tags: &["attack.credential-access", "attack.t1649", "attack.t1036"],
        innocent: "none known",
    },
    Text {
        class: Class::BreakGlass,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e0e",
        title: "Glass was broken",
        level: Level::Medium,
        description: "Somebody used the access that is kept for emergencies. Each use is reported, so that somebody asks what the emergency was.",
        tags: &["attack.initial-access", "attack.t1078"],
        innocent: "an emergency",
    },
    Text {
        class: Class::Outlasts,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e0f",
        title: "Session that outlasts its grant",
        level: Level::Medium,
        description: "A session went on after its grant had ended. sshd checks a certificate only at the beginning; host-setup ends such sessions.",
        tags: &["attack.persistence", "attack.t1078"],
        innocent: "work that took longer than thought",
    },
    Text {
        class: Class::Hop,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e10",
        title: "Login from a server",
        level: Level::High,
        description: "The login would be explained, but it comes from a machine that is itself a server: somebody who is in there goes on from it, perhaps with a forwarded agent.",
        tags: &["attack.lateral-movement", "attack.t1021.004", "attack.t1563.001"],
        innocent: "a jump host: name its address in the rule's from",
    },
    Text {
        class: Class::CertificateRefused,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e11",
        title: "Certificate refused",
        level: Level::Medium,
        description: "Somebody tried to get in with a certificate or key that sshd refused: expired, revoked, for another host or account, from another network, or of an authority that is not ours.",
        tags: &["attack.initial-access", "attack.t1078"],
        innocent: "somebody who tried again after the grant had ended",
    },
    Text {
        class: Class::RequestRefused,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e12",
        title: "Request refused at the gate",
        level: Level::Medium,
        description: "Somebody with an enrolled key asked the gate for what the policy does not allow, or with a code that was wrong or used before.",
        tags: &["attack.credential-access", "attack.t1078", "attack.t1111"],
        innocent: "a slip of the pen",
    },
    Text {
        class: Class::AcceptedMissing,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e13",
        title: "Session whose login is missing from the log",
        level: Level::High,
        description: "Other records tell of a session, but the line that says who was let in, from where and by what is not there: it may have been deleted.",
        tags: &["attack.defense-evasion", "attack.t1070.002"],
        innocent: "logs of a host that are given in part, or with another time zone than they were written in",
    },
    Text {
        class: Class::LogMissing,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e14",
        title: "Log file missing",
        level: Level::Medium,
        description: "Of a covered host's rotated logs one is missing between others: logins in it cannot be explained.",
        tags: &["attack.defense-evasion", "attack.t1070.002"],
        innocent: "the file was not collected",
    },
    Text {
        class: Class::ClockBack,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e15",
        title: "Clock turned back",
        level: Level::High,
        description: "The times in a covered host's log go back: with its clock turned back sshd takes expired certificates, and what happened seems to have happened earlier.",
        tags: &["attack.defense-evasion", "attack.t1070.006"],
        innocent: "a machine without a clock of its own, after it was started; a log in local time when summer time ends",
    },
    Text {
        class: Class::NotReleased,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e16",
        title: "Package that nobody released",
        level: Level::High,
        description: "A package of a kind that needs a release was brought to a covered host, but the ledger has no release of it.",
        tags: &["attack.initial-access", "attack.t1195.002"],
        innocent: "an update that was tested but not released",
    },
    Text {
        class: Class::Unusual,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e17",
        title: "Account used in a way it was not used before",
        level: Level::Low,
        description: "An account that was used for weeks from the same networks, with the same keys and at the same hours was used in another way; or one that was never used on this host, or not for months, was used now.",
        tags: &["attack.initial-access", "attack.t1078"],
        innocent: "a journey, a new line, a new key, a new colleague, a long evening",
    },
    Text {
        class: Class::ServerLogsIn,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e18",
        title: "Server that begins to log in to others",
        level: Level::Medium,
        description: "A machine that is logged in to, and for weeks did not log in to others itself, does so now.",
        tags: &["attack.lateral-movement", "attack.t1021.004"],
        innocent: "new automation",
    },
    Text {
        class: Class::BeyondRule,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e19",
        title: "Grant that its rule does not give",
        level: Level::Critical,
        description: "The ledger has the grant, but the rule that it names does not give as much: the grant was written beside the gate.",
        tags: &["attack.credential-access", "attack.t1649", "attack.t1556", "attack.t1078"],
        innocent: "a rule that was changed since, where the ledger does not have the policy of that time",
    },
    Text {
        class: Class::LedgerChanged,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e1a",
        title: "Ledger whose past is not the one of its certificates",
        level: Level::Critical,
        description: "The gate writes the hash of the ledger's last entry into each certificate's key id. A grant names another one: what stands before it was written anew, or the grant was written beside the gate.",
        tags: &["attack.defense-evasion", "attack.t1565.001", "attack.t1070"],
        innocent: "none known",
    },
    Text {
        class: Class::LedgerOld,
        id: "6d2f0c1e-7a54-4a35-9f0a-0c7f3b1d4e1b",
        title: "Certificate newer than the ledger",
        level: Level::High,
        description: "A certificate signed by our own authority let somebody in after the last entry of the ledger given, with a serial that comes after its last: only a newer ledger can tell whether it was granted.",
        tags: &["attack.initial-access", "attack.t1078"],
        innocent: "a grant given since: hunt again with a new export of the ledger",
    },
];

impl Class {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TEXTS.iter().map(|text| text.class)
    }

    /// What a report says of it.
    pub fn rule(self) -> Arc<RuleInfo> {
        static RULES: LazyLock<[Arc<RuleInfo>; TEXTS.len()]> =
            LazyLock::new(|| TEXTS.each_ref().map(|text| Arc::new(text.rule())));
        let [first, ..] = &*RULES;
        Arc::clone(RULES.get(self as usize).unwrap_or(first))
    }
}

impl Text {
    fn rule(&self) -> RuleInfo {
        RuleInfo {
            id: self.id.into(),
            title: self.title.into(),
            path: "accounting".into(),
            level: self.level,
            status: "experimental".into(),
            description: self.description.into(),
            author: "Dreamcatcher".into(),
            tags: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            false_positives: vec![self.innocent.into()],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_class_has_its_own_text() {
        let ids: BTreeSet<String> = Class::all().map(|class| class.rule().id.clone()).collect();
        assert_eq!(ids.len(), TEXTS.len());
        assert!(Class::all().map(|class| class as usize).eq(0..TEXTS.len()));
        assert_eq!(Class::LedgerOld as usize + 1, TEXTS.len());
    }
}
