//! What the policy and the ledger say of a login.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use foldhash::HashMap;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::{
    Class,
    past::Past,
    release::Releases,
    told::{Certificate, Standing, Told},
};
use crate::{
    Entry, Granted, What,
    policy::{Policy, Rule, Scope, Standing as StandingAccess, contains},
};

/// The policy with the ledger: what logins are explained by.
pub struct Covered {
    /// The policy.
    pub policy: Arc<Policy>,
    hosts_by_address: HashMap<IpAddr, String>,
    authorities: Vec<String>,
    /// Authorities of before, and until when they were trusted.
    retired: Vec<(String, Timestamp)>,
    /// The policies of the past.
    past: Past,
    /// By serial, which is counted up as time goes on: logins of one time find theirs beside one another.
    grants: BTreeMap<u64, Known>,
    /// How far clocks may differ.
    tolerance: SignedDuration,
    /// What the gate refused.
    pub(super) refused: Vec<Told>,
    /// When the ledger's time was taken back.
    pub(super) clock_back: Vec<Told>,
    releases: Releases,
    texts: HashMap<String, Arc<str>>,
}

/// What is kept of a grant; a ledger may have a hundred thousand.
struct Known {
    person: Arc<str>,
    host: Arc<str>,
    account: Arc<str>,
    rule: Arc<str>,
    key: String,
    key_id: String,
    sources: Vec<IpNet>,
    from: Timestamp,
    until: Timestamp,
    approvals: Vec<Arc<str>>,
    has_command: bool,
    break_glass: bool,
    revoked: Option<Timestamp>,
    /// The policy that it was given by, where the ledger has its text.
    given_by: Option<Arc<Policy>>,
}

/// What explains a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Explained {
    /// When its grant ends, in nanoseconds since 1970, and the grant's serial.
    pub until: Option<(i64, u64)>,
    /// Who logged in; empty where it is not known.
    pub person: Arc<str>,
}

/// Why a login is a finding, and whether it is explained all the same.
pub(super) type Judgement = (Option<Explained>, Option<(Class, String)>);

fn found(class: Class, why: String) -> Judgement {
    (None, Some((class, why)))
}

/// Explained by a grant; where that broke the glass, a finding all the same. `until`: see [`Explained`].
fn by_grant(known: &Known, until: Option<(i64, u64)>) -> Judgement {
    let broken = || (Class::BreakGlass, format!("{} broke glass by rule {}", known.person, known.rule));
    (Some(Explained { until, person: Arc::clone(&known.person) }), known.break_glass.then(broken))
}

impl Covered {
    /// The kinds of entries that nothing is learned from: most of a ledger are of these.
    pub const NOT_ASKED: [&str; 4] = ["requested", "approved", "code_accepted", "touch_accepted"];

    /// A policy without a ledger. `tolerance` is how far clocks may differ.
    pub fn new(policy: Policy, tolerance: SignedDuration) -> Self {
        let policy = Arc::new(policy);
        let (authorities, releases) = (policy.authorities.clone(), Releases::new(Arc::clone(&policy)));
        Self {
            hosts_by_address: addresses(&policy),
            policy,
            authorities,
            retired: Vec::new(),
            past: Past::default(),
            grants: BTreeMap::new(),
            tolerance: tolerance.max(SignedDuration::from_mins(1)),
            refused: Vec::new(),
            clock_back: Vec::new(),
            releases,
            texts: HashMap::default(),
        }
    }

    /// Takes an entry of the ledger; `path` is where the ledger lies.
    pub fn entry(&mut self, path: &str, entry: &Entry) {
        match &entry.what {
            What::Begun { authority, .. } => self.authorities.push(authority.clone()),
            What::AuthorityChanged { authority, previous, trusted_until, .. } => {
                self.authorities.push(authority.clone());
                self.retired.push((previous.clone(), *trusted_until));
            }
            What::PolicyChanged { sha256, text } => self.past.changed(sha256, text.as_deref()),
            What::ClockBack { from, to, reason, approvals, .. } => {
                let by = crate::policy::and(approvals);
                let why =
                    format!("the gate's clock was ahead: {by} took the ledger back from {from} to {to}: {reason}");
                self.clock_back.push(told(path, entry, "", why));
            }
            What::Granted(granted) => self.granted(granted),
            What::Revoked { serial, .. } => {
                if let Some(known) = self.grants.get_mut(serial) {
                    known.revoked.get_or_insert(entry.time);
                }
            }
            What::Denied { reasons, request, person } if entry.who == "gate" => {
                self.refused(path, entry, person, format!("request {request}: {}", reasons.join("; ")));
            }
            What::Refused { person, attempt, reason } => {
                self.refused(path, entry, person, format!("{attempt}: {reason}"));
            }
            What::CodeRefused { person, reason, .. } => self.refused(path, entry, person, reason.clone()),
            What::Released { name, sha256, .. } => self.releases.release(name, sha256),
            _ => {}
        }
    }

    /// Says that the ledger was read: what it does not have was not granted, and not released.
    pub fn has_ledger(&mut self) {
        self.releases.has_ledger();
    }

    /// What a command installs and nobody released.
    pub(super) fn unreleased(&self, command: &str) -> Option<String> {
        self.releases.command(command)
    }

    /// What is under release, and what was released.
    pub fn releases(&self) -> &Releases {
        &self.releases
    }

    fn refused(&mut self, path: &str, entry: &Entry, person: &str, reason: String) {
        self.refused.push(told(path, entry, person, reason));
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(text.to_owned(), Arc::clone(&new));
        new
    }

    fn granted(&mut self, granted: &Granted) {
        let known = Known {
            person: self.text(&granted.person),
            host: self.text(&granted.host),
            account: self.text(&granted.account),
            rule: self.text(&granted.rule),
            key: granted.key.clone(),
            key_id: granted.key_id.clone(),
            sources: granted.sources.iter().filter_map(|source| source.parse().ok()).collect(),
            from: granted.from,
            until: granted.until,
            approvals: granted.approvals.iter().map(|person| self.text(person)).collect(),
            has_command: granted.force_command.is_some(),
            break_glass: granted.break_glass,
            revoked: None,
            given_by: self.past.now(),
        };
        self.grants.insert(granted.serial, known);
    }

    /// The person whose grant has this serial.
    pub(super) fn person_of(&self, serial: u64) -> Option<&str> {
        self.grants.get(&serial).map(|known| &*known.person)
    }

    /// Whether a grant lets nothing be run but one command.
    pub(super) fn has_command(&self, serial: u64) -> bool {
        self.grants.get(&serial).is_some_and(|known| known.has_command)
    }

    /// What an accepted login at a host of the policy is.
    pub(super) fn judge(&self, told: &Told) -> Judgement {
        let (explained, why) = match &told.certificate {
            Some(certificate) => self.by_certificate(told, certificate),
            None => self.by_standing(told),
        };
        if why.as_ref().is_none_or(|(class, _)| *class == Class::OtherSource)
            && let Some(hop) = self.hop(told, explained.as_ref())
        {
            return (explained, Some((Class::Hop, hop)));
        }
        (explained, why)
    }

    fn by_certificate(&self, told: &Told, certificate: &Certificate) -> Judgement {
        let serial = certificate.serial;
        if !self.authorities.is_empty() && !self.authorities.contains(&certificate.authority) {
            return found(Class::OtherAuthority, format!("{} is no authority of ours", certificate.authority));
        }
        let at = told.time().to_jiff() - self.tolerance;
        if let Some((_, until)) = self.retired.iter().find(|(key, until)| *key == certificate.authority && at > *until)
        {
            return found(Class::OtherAuthority, format!("{} was trusted until {until}", certificate.authority));
        }
        let Some(known) = self.grants.get(&serial) else {
            return found(Class::UnknownSerial, format!("the ledger has no grant {serial}"));
        };
        if let Some((class, why)) = self.misused(told, certificate, known) {
            let why = format!(
                "grant {serial} is for {} on {} as {}, until {}: {why}",
                known.person, known.host, known.account, known.until
            );
            return found(class, why);
        }
        by_grant(known, event::Time::from_jiff(known.until).map(|until| (until.as_nanos(), serial)))
    }

    /// The rule by which a grant was given, as it was then; as it is now, where the ledger does not have the policy of then.
    fn rule_of<'a>(&'a self, known: &'a Known) -> Option<&'a Rule> {
        known.given_by.as_deref().unwrap_or(&self.policy).rule(&known.rule)
    }

    /// What is wrong with the use of a certificate whose grant is known.
    fn misused(&self, told: &Told, certificate: &Certificate, known: &Known) -> Option<(Class, String)> {
        if certificate.id != known.key_id {
            return Some((Class::Forged, format!("its key id is {}", known.key_id)));
        }
        if !told.key.is_empty() && told.key != known.key {
            return Some((Class::Forged, format!("its key is {}", known.key)));
        }
        let is_no_address = !told.source.is_empty() && told.address().is_none();
        let elsewhere = || (Class::OtherSource, format!("it was used from '{}'", told.source));
        self.beyond(told, known).or_else(|| (is_no_address && !known.sources.is_empty()).then(elsewhere))
    }

    /// How a login goes beyond a grant.
    fn beyond(&self, told: &Told, known: &Known) -> Option<(Class, String)> {
        let at = told.time().to_jiff();
        if *told.host != *known.host {
            return Some((Class::OtherHost, format!("it was used on {}", told.host)));
        }
        if told.user != *known.account {
            return Some((Class::OtherAccount, format!("it was used as {}", told.user)));
        }
        if known.revoked.is_some_and(|revoked| at > revoked + self.tolerance) {
            return Some((Class::Revoked, "it was revoked before".into()));
        }
        if at > known.until + self.tolerance || at < known.from - self.tolerance {
            return Some((Class::Expired, format!("it was used at {at}")));
        }
        let rule = self.rule_of(known);
        if let Some(why) = rule.and_then(|rule| self.not_approved(rule, known)) {
            return Some((Class::NotApproved, why));
        }
        if let Some(rule) = rule.filter(|rule| !self.is_open(&rule.scope, at)) {
            return Some((Class::OutsideWindow, format!("rule {} is open {} only", known.rule, rule.scope.when)));
        }
        let is_elsewhere = |address: IpAddr| !known.sources.is_empty() && !contains(&known.sources, address);
        let elsewhere = told.address().filter(|address| is_elsewhere(*address))?;
        Some((Class::OtherSource, format!("it was used from {elsewhere}")))
    }

    fn not_approved(&self, rule: &Rule, known: &Known) -> Option<String> {
        let by: Vec<&str> = known.approvals.iter().filter(|by| **by != known.person).map(|by| &**by).collect();
        let counts = |person: &&String| by.contains(&person.as_str());
        let approved = rule.approvers.iter().filter(counts).count();
        (approved < rule.approvals as usize)
            .then(|| format!("rule {} asks for {} approvals, it has {approved}", known.rule, rule.approvals))
    }

    /// Whether a scope is open at a moment, give or take what clocks differ.
    fn is_open(&self, scope: &Scope, at: Timestamp) -> bool {
        [at, at - self.tolerance, at + self.tolerance].into_iter().any(|at| scope.when.contains(at))
    }

    /// A login without a certificate: standing access is all that explains it.
    fn by_standing(&self, told: &Told) -> Judgement {
        let is_remote = told.service == "ssh" || !told.source.is_empty();
        let mut nearest: Option<(Class, String)> = None;
        for standing in &self.policy.standing {
            if !is_used(standing, told, is_remote) {
                continue;
            }
            match self.misfit(&standing.scope, told, is_remote) {
                None => {
                    let explained = Explained {
                        until: None,
                        person: standing.scope.people.keys().next().map_or("", String::as_str).into(),
                    };
                    return (Some(explained), None);
                }
                Some(misfit) if !told.key.is_empty() || misfit.0 > Class::OtherAccount => {
                    nearest = nearest.max(Some(misfit));
                }
                Some(_) => {}
            }
        }
        if let Some((class, why)) = nearest {
            return found(class, why);
        }
        self.without_certificate(told, is_remote)
    }

    fn without_certificate(&self, told: &Told, is_remote: bool) -> Judgement {
        let reaches = |rule: &&Rule| rule.scope.reaches(&told.host, &told.user);
        let rule = self.policy.rules.iter().find(reaches).filter(|_| is_remote);
        match (rule, told.method.as_str()) {
            (Some(rule), "publickey") => {
                found(Class::PlainKey, format!("{} is for certificates by rule {}", told.user, rule.scope.name))
            }
            (Some(rule), "password" | "keyboard-interactive") => {
                found(Class::Password, format!("{} is for certificates by rule {}", told.user, rule.scope.name))
            }
            _ => found(Class::NoGrant, format!("nothing lets anyone in to {} as {} like this", told.host, told.user)),
        }
    }

    /// What keeps standing access from explaining a login.
    fn misfit(&self, scope: &Scope, told: &Told, is_remote: bool) -> Option<(Class, String)> {
        let of = |what: &str| format!("standing access {} is {what}", scope.name);
        if !scope.hosts.iter().any(|host| **host == *told.host) {
            return Some((Class::OtherHost, of(&format!("not for {}", told.host))));
        }
        if !scope.accounts.contains(&told.user) {
            return Some((Class::OtherAccount, of(&format!("not for the account {}", told.user))));
        }
        if is_remote && told.address().is_none_or(|address| !scope.lets_in_from(address)) {
            return Some((Class::OtherSource, of(&format!("not for anyone from {}", told.source))));
        }
        let at = told.time().to_jiff();
        (!self.is_open(scope, at)).then(|| (Class::OutsideWindow, of(&format!("open {} only", scope.when))))
    }

    /// Whether a login that no line of sshd describes could have been granted, or stands.
    pub(super) fn could_be(&self, told: &Told) -> Judgement {
        let of_account = |known: &&Known| *known.host == *told.host && *known.account == *told.user;
        let grants = || self.grants.values().filter(of_account);
        let fitting = grants().filter(|known| self.beyond(told, known).is_none());
        if let Some(known) = fitting.min_by_key(|known| (known.break_glass, known.from)) {
            return by_grant(known, None);
        }
        let stands = |standing: &StandingAccess| {
            let is_remote = !told.source.is_empty();
            (is_remote || standing.console) && self.misfit(&standing.scope, told, is_remote).is_none()
        };
        if self.policy.standing.iter().any(stands) {
            return (Some(Explained::default()), None);
        }
        let beyond = grants().filter_map(|known| self.beyond(told, known));
        match beyond.filter(|(class, _)| *class != Class::Expired).min() {
            Some((class, why)) => found(class, format!("{} had a grant, but {why}", told.user)),
            None => found(Class::NoGrant, format!("nothing lets anyone in to {} as {}", told.host, told.user)),
        }
    }

    /// Whether the policy lets anyone who is in as one account become another.
    pub(super) fn may_become(&self, host: &str, by: &str, to: &str) -> bool {
        let rules = self.policy.rules.iter().map(|rule| &rule.scope);
        let mut scopes = rules.chain(self.policy.standing.iter().map(|standing| &standing.scope));
        scopes.any(|scope| scope.reaches(host, by) && scope.may_become.iter().any(|one| one == to))
    }

    /// A login from a machine that the policy covers, unless a rule names that very address.
    fn hop(&self, told: &Told, explained: Option<&Explained>) -> Option<String> {
        let address = told.address()?;
        let from = self.hosts_by_address.get(&address).filter(|host| **host != *told.host)?;
        let alone = IpNet::from(address);
        let granted = explained.and_then(|explained| explained.until).and_then(|(_, serial)| self.grants.get(&serial));
        let standing = self.policy.standing.iter().map(|standing| &standing.scope);
        let is_named = granted.is_some_and(|known| known.sources.contains(&alone))
            || explained.is_some()
                && granted.is_none()
                && standing
                    .filter(|scope| scope.reaches(&told.host, &told.user))
                    .any(|scope| scope.people.values().any(|networks| networks.contains(&alone)));
        (!is_named).then(|| format!("{address} is {from}"))
    }
}

/// The ids of hosts by their addresses.
fn addresses(policy: &Policy) -> HashMap<IpAddr, String> {
    let mut by_address = HashMap::default();
    for host in policy.hosts.values() {
        for address in &host.addresses {
            by_address.entry(address.to_canonical()).or_insert_with(|| host.id.clone());
        }
    }
    by_address
}

/// What an entry of the ledger tells, as a record does.
fn told(path: &str, entry: &Entry, person: &str, reason: String) -> Told {
    let at = Standing::of(path.into(), event::Position::Record(entry.sequence));
    let time = event::Time::from_jiff(entry.time).map_or(0, event::Time::as_nanos);
    Told { time, at, user: person.to_owned(), service: "gate".into(), reason, ..Told::default() }
}

/// Whether standing access is about a login of this kind.
fn is_used(standing: &StandingAccess, told: &Told, is_remote: bool) -> bool {
    if !is_remote {
        return standing.console;
    }
    match told.method.as_str() {
        "publickey" => standing.keys.contains(&told.key),
        "password" | "keyboard-interactive" => standing.password,
        _ => false,
    }
}
