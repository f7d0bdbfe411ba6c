//! The decision.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::{Permit, Policy, Rule, and, contains};

/// What a proven person asks for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The person, as proven by their key.
    pub person: &'a str,
    /// The host, by any of its names.
    pub host: &'a str,
    /// The account there.
    pub account: &'a str,
    /// The address that the person comes from.
    pub source: IpAddr,
    /// Now.
    pub at: Timestamp,
    /// How long access is wanted; as long as the rule allows if not said.
    pub length: Option<SignedDuration>,
    /// Why, in the person's words; empty if not said.
    pub reason: &'a str,
    /// The ticket it is for; empty if not said.
    pub ticket: &'a str,
    /// Whether a second factor was proven.
    pub second_factor: bool,
    /// Who approved this request.
    pub approvals: &'a [Approval],
    /// Whether glass is to be broken.
    pub break_glass: bool,
}

/// One person's approval of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who, as proven by their key.
    pub person: String,
    /// When.
    pub at: Timestamp,
}

/// What comes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be granted, on these terms.
    Allow(Box<Terms>),
    /// It may be granted once all of this is there.
    Need(Vec<Missing>),
    /// It may not be granted.
    Deny(Vec<Why>),
}

/// What a grant may say at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The rule that allows it.
    pub rule: String,
    /// Who.
    pub person: String,
    /// The party that the person belongs to.
    pub party: String,
    /// The host, by its id.
    pub host: String,
    /// The account there.
    pub account: String,
    /// From when on.
    pub from: Timestamp,
    /// Until when: the rule's length, the window's end or an excepted day, whichever is first.
    pub until: Timestamp,
    /// The networks it may be used from.
    pub sources: Vec<IpNet>,
    /// The only command that is run.
    pub command: Option<String>,
    /// What is permitted beside the login.
    pub permits: Vec<Permit>,
    /// Those whose approval was needed and given.
    pub approved_by: Vec<String>,
    /// Whether glass is broken.
    pub break_glass: bool,
}

/// What a request still lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// A second factor.
    SecondFactor,
    /// A reason.
    Reason,
    /// A ticket.
    Ticket,
    /// So many more approvals, by some of these.
    Approvals {
        /// How many more.
        more: u32,
        /// Who may still approve.
        by: Vec<String>,
    },
}

/// Why a request is denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The policy does not know the person.
    UnknownPerson(String),
    /// The policy does not know the host.
    UnknownHost(String),
    /// No rule lets this person log in there as this account.
    NoRule {
        /// The person.
        person: String,
        /// The host.
        host: String,
        /// The account.
        account: String,
    },
    /// The length that was asked for is none.
    NoLength,
    /// The rule does not let the person come from there.
    OtherSource {
        /// The rule.
        rule: String,
        /// Where the person comes from.
        source: IpAddr,
    },
    /// The rule is closed at this time.
    OutsideWindow {
        /// The rule.
        rule: String,
        /// When it is open.
        open: String,
    },
}

impl Policy {
    /// Decides a request: by the first rule in the file that allows it; else what the first lacks that could; else why every one refuses.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let Some(party) = self.party_of(request.person) else {
            return Decision::Deny(vec![Why::UnknownPerson(request.person.to_owned())]);
        };
        let Some(host) = self.host(request.host) else {
            return Decision::Deny(vec![Why::UnknownHost(request.host.to_owned())]);
        };
        if request.length.is_some_and(|length| !length.is_positive()) {
            return Decision::Deny(vec![Why::NoLength]);
        }
        let covers = |rule: &&Rule| {
            rule.break_glass == request.break_glass && rule.scope.covers(request.person, &host.id, request.account)
        };
        let (mut need, mut deny) = (None, Vec::new());
        for rule in self.rules.iter().filter(covers) {
            match rule.decide(request, &host.id, &party.id) {
                Decision::Need(missing) => need = need.or(Some(missing)),
                Decision::Deny(why) => deny.extend(why),
                allow => return allow,
            }
        }
        match need {
            Some(missing) => Decision::Need(missing),
            None if deny.is_empty() => Decision::Deny(vec![Why::NoRule {
                person: request.person.to_owned(),
                host: host.id.clone(),
                account: request.account.to_owned(),
            }]),
            None => Decision::Deny(deny),
        }
    }
}

impl Rule {
    /// Decides a request that this rule covers.
    fn decide(&self, request: &Request<'_>, host: &str, party: &str) -> Decision {
        let rule = || self.scope.name.clone();
        let sources = self.scope.people.get(request.person).cloned().unwrap_or_default();
        if !contains(&sources, request.source) {
            return Decision::Deny(vec![Why::OtherSource { rule: rule(), source: request.source }]);
        }
        let length = request.length.map_or(self.at_most, |length| length.min(self.at_most));
        let until = request.at.checked_add(length).ok();
        let Some(until) = until.and_then(|limit| self.scope.when.open_until(request.at, limit)) else {
            return Decision::Deny(vec![Why::OutsideWindow { rule: rule(), open: self.scope.when.to_string() }]);
        };
        let (missing, approved_by) = self.missing(request);
        if !missing.is_empty() {
            return Decision::Need(missing);
        }
        Decision::Allow(Box::new(Terms {
            rule: rule(),
            person: request.person.to_owned(),
            party: party.to_owned(),
            host: host.to_owned(),
            account: request.account.to_owned(),
            from: request.at,
            until,
            sources: sources.to_vec(),
            command: self.command.clone(),
            permits: self.permits.clone(),
            approved_by,
            break_glass: self.break_glass,
        }))
    }

    /// What is missing, and who approved.
    fn missing(&self, request: &Request<'_>) -> (Vec<Missing>, Vec<String>) {
        let mut missing = Vec::new();
        let is_blank = |text: &str| text.trim().is_empty();
        missing.extend((!request.second_factor).then_some(Missing::SecondFactor));
        missing.extend((self.needs_reason && is_blank(request.reason)).then_some(Missing::Reason));
        missing.extend((self.needs_ticket && is_blank(request.ticket)).then_some(Missing::Ticket));
        let may = |person: &&String| *person != request.person;
        let has = |person: &String| {
            request.approvals.iter().any(|approval| approval.person == *person && approval.at <= request.at)
        };
        let (approved, by): (Vec<String>, Vec<String>) =
            self.approvers.iter().filter(may).cloned().partition(|person| has(person));
        let more = self.approvals.saturating_sub(u32::try_from(approved.len()).unwrap_or(u32::MAX));
        missing.extend((more > 0).then_some(Missing::Approvals { more, by }));
        (missing, if self.approvals > 0 { approved } else { Vec::new() })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecondFactor => f.write_str("a second factor"),
            Self::Reason => f.write_str("a reason"),
            Self::Ticket => f.write_str("a ticket"),
            Self::Approvals { more: 1, by } => write!(f, "the approval of {}", super::joined(by, "or")),
            Self::Approvals { more, by } => write!(f, "{more} approvals by {}", and(by)),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPerson(person) => write!(f, "the policy knows nobody called {person}"),
            Self::UnknownHost(host) => write!(f, "the policy knows no host called {host}"),
            Self::NoRule { person, host, account } => {
                write!(f, "no rule lets {person} log in to {host} as {account}")
            }
            Self::NoLength => f.write_str("the time asked for is no time at all"),
            Self::OtherSource { rule, source } => write!(f, "rule {rule} lets nobody in from {source}"),
            Self::OutsideWindow { rule, open } => write!(f, "rule {rule} is open {open} only"),
        }
    }
}
