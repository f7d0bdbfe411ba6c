//! What the policy and the ledger say of a login.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use event::{Request, Values};
use foldhash::HashMap;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::{
    Class, LOGIND,
    past::Past,
    release::Releases,
    told::{Certificate, Standing, Told},
};
use crate::{
    Granted, What,
    grant::{SKEW, person_of},
    ledger::Written,
    policy::{LONGEST, Permit, Policy, Rule, Scope, Standing as StandingAccess, contains},
};

/// The longest part of a forced command that sshd logs, in bytes (`session.c`).
const LOGGED: usize = 900;
/// What is cut off in the grant's times, which are of whole seconds.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The policy with the ledger: what logins are explained by.
pub struct Covered {
    /// The policy.
    pub policy: Arc<Policy>,
    hosts_by_address: HashMap<IpAddr, Server>,
    authorities: Vec<String>,
    /// Authorities of before, and until when they were trusted.
    retired: Vec<(String, Timestamp)>,
    /// The policies of the past.
    past: Past,
    /// In the order of the ledger, which is nearly that in which they are used.
    grants: Vec<Known>,
    /// Where each stands, by its serial; the highest one.
    places: HashMap<u64, usize>,
    newest: u64,
    /// Where those of a host and account stand, by when they begin.
    of_account: HashMap<(Arc<str>, Arc<str>), Begun>,
    /// The requests that were approved and not granted yet, with by whom.
    approved: HashMap<u64, Vec<Arc<str>>>,
    /// Until when it is known what was granted.
    last: Timestamp,
    /// How far clocks may differ: as was said, and a minute at the least.
    skew: SignedDuration,
    tolerance: SignedDuration,
    /// Grants that do not name the entry before them, each with how many follow that do not either.
    pub(super) misplaced: Vec<(Told, u64)>,
    /// Whether the last grant was one of them.
    is_misplaced: bool,
    /// What the gate refused.
    pub(super) refused: Vec<Told>,
    /// Grants that broke the glass, by serial.
    pub(super) glass: Vec<(u64, Told)>,
    /// When the ledger's time was taken back.
    pub(super) clock_back: Vec<Told>,
    releases: Releases,
    /// By its fingerprint, what opens the gate.
    enrolled: HashMap<String, Enrolled>,
    /// The key of each host that is certified.
    host_keys: HashMap<String, String>,
    texts: HashMap<String, Arc<str>>,
    /// By their texts, packed as [`Values`].
    networks: HashMap<Vec<u8>, Arc<[IpNet]>>,
}

/// When grants begin, and where they stand; in order once the ledger is read.
type Begun = Vec<(Timestamp, usize)>;

/// What is kept of a grant; a ledger may have a hundred thousand.
struct Known {
    serial: u64,
    person: Arc<str>,
    host: Arc<str>,
    account: Arc<str>,
    rule: Arc<str>,
    key: Box<str>,
    key_id: Box<str>,
    sources: Arc<[IpNet]>,
    from: Timestamp,
    until: Timestamp,
    approvals: Box<[Arc<str>]>,
    /// The first of them of whose approval the ledger has no entry.
    unproven: Option<Arc<str>>,
    command: Option<Arc<str>>,
    /// What it permits, in the order of [`Permit::ALL`].
    permits: [bool; Permit::ALL.len()],
    break_glass: bool,
    revoked: Option<Timestamp>,
    /// The policy that it was given by, where the ledger has its text.
    given_by: Option<Arc<Policy>>,
    /// Why its rule does not give it; worked out when it is first used.
    astray: OnceLock<Option<Box<(Class, String)>>>,
}

/// A key that opens the gate: a person's, an invitation's, or a host's, which asks what is revoked.
struct Enrolled {
    who: Arc<str>,
    is_host: bool,
    /// The number of the invitation that it is, if it is one.
    invitation: Option<u64>,
    from: Timestamp,
    until: Timestamp,
}

impl Known {
    fn permits(&self) -> impl Iterator<Item = Permit> {
        Permit::ALL.into_iter().zip(self.permits).filter_map(|(permit, is_given)| is_given.then_some(permit))
    }
}

/// What explains a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Explained {
    /// When its grant ends, in nanoseconds since 1970, and the grant's serial.
    pub until: Option<(i64, u64)>,
    /// Who logged in by a grant.
    pub person: Option<Arc<str>>,
    /// The standing access that it was, by its place in the policy: any of its people.
    pub standing: Option<usize>,
    /// Whether it was a host that asked the gate by itself.
    pub is_host: bool,
    /// The serial of its grant, where that broke the glass.
    pub glass: Option<u64>,
}

/// Why a login is a finding, and whether it is explained all the same.
pub(super) type Judgement = (Option<Explained>, Option<(Class, String)>);

fn found(class: Class, why: String) -> Judgement {
    (None, Some((class, why)))
}

/// Explained by a grant; where that broke the glass, a finding all the same. `until`: see [`Explained`].
fn by_grant(known: &Known, until: Option<(i64, u64)>) -> Judgement {
    let broken = || (Class::BreakGlass, format!("{} broke glass by rule {}", known.person, known.rule));
    let (person, glass) = (Some(Arc::clone(&known.person)), known.break_glass.then_some(known.serial));
    let explained = Explained { until, person, glass, ..Explained::default() };
    (Some(explained), known.break_glass.then(broken))
}

impl Covered {
    /// The kinds of entries that nothing is learned from: most of a ledger are of these.
    pub const NOT_ASKED: [&str; 3] = ["requested", "code_accepted", "touch_accepted"];

    /// A policy without a ledger. `skew` is how far clocks may differ; that a minute is nothing goes without saying.
    pub fn new(policy: Policy, skew: SignedDuration) -> Self {
        let policy = Arc::new(policy);
        let (authorities, releases) = (policy.authorities.clone(), Releases::new(Arc::clone(&policy)));
        Self {
            hosts_by_address: addresses(&policy),
            policy,
            authorities,
            retired: Vec::new(),
            past: Past::default(),
            grants: Vec::new(),
            places: HashMap::default(),
            newest: 0,
            of_account: HashMap::default(),
            approved: HashMap::default(),
            last: Timestamp::MIN,
            skew,
            tolerance: skew.max(SignedDuration::from_mins(1)),
            misplaced: Vec::new(),
            is_misplaced: false,
            refused: Vec::new(),
            glass: Vec::new(),
            clock_back: Vec::new(),
            releases,
            enrolled: HashMap::default(),
            host_keys: HashMap::default(),
            texts: HashMap::default(),
            networks: HashMap::default(),
        }
    }

    /// Takes an entry of the ledger; `path` is where the ledger lies.
    ///
    /// # Errors
    /// When the entry is not known to this version.
    pub fn entry(&mut self, path: &str, written: &Written<'_>) -> serde_json::Result<()> {
        if let Some(granted) = written.granted() {
            self.granted(path, written, &granted);
            return Ok(());
        }
        let entry = written.read()?;
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
                self.clock_back.push(told(path, written, "", why));
            }
            What::Approved { request, .. } => {
                let by = self.text(&entry.who);
                self.approved.entry(*request).or_default().push(by);
            }
            What::Granted(granted) => self.granted(path, written, granted),
            What::Revoked { serial, .. } => {
                let place = self.places.get(serial);
                if let Some(known) = place.and_then(|place| self.grants.get_mut(*place)) {
                    known.revoked.get_or_insert(entry.time);
                }
            }
            What::Denied { reasons, request, person } if entry.who == "gate" => {
                self.refused(path, written, person, format!("request {request}: {}", reasons.join("; ")));
            }
            What::Refused { person, attempt, reason } => {
                self.refused(path, written, person, format!("{attempt}: {reason}"));
            }
            What::CodeRefused { person, reason, .. } => self.refused(path, written, person, reason.clone()),
            What::Invited { invitation, person, key, until, .. } => {
                self.opens(key, person, entry.time, *until).invitation = Some(*invitation);
            }
            What::Enrolled { person, invitation, key, .. } => {
                let of_it = |known: &&mut Enrolled| known.invitation == Some(*invitation);
                if let Some(used) = self.enrolled.values_mut().find(of_it) {
                    used.until = used.until.min(entry.time);
                }
                self.opens(key, person, entry.time, Timestamp::MAX);
            }
            What::HostCertified { host, key, .. } => self.certified(host, key, entry.time),
            What::KeyRevoked { key, .. } => {
                if let Some(known) = self.enrolled.get_mut(key) {
                    known.until = known.until.min(entry.time);
                }
            }
            What::Released { name, sha256, .. } => self.releases.release(name, sha256),
            _ => {}
        }
        Ok(())
    }

    /// Takes note of an address that a host's own log tells of. What the policy says of an address counts more.
    pub(super) fn learn(&mut self, host: &str, address: &str) {
        let (Some(host), Ok(address)) = (self.policy.host_of(host, ""), address.parse::<IpAddr>()) else { return };
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() {
            return;
        }
        let new = || Server { host: Some(host.id.clone()), is_named: false };
        let known = self.hosts_by_address.entry(address).or_insert_with(new);
        if !known.is_named && known.host.as_ref() != Some(&host.id) {
            known.host = None;
        }
    }

    /// Says that the ledger was read, of which the last entry was written at `last`: what it does not have until then was not granted, and not
    /// released.
    pub fn has_ledger(&mut self, last: Option<Timestamp>) {
        self.last = last.unwrap_or(Timestamp::MIN);
        self.of_account.values_mut().for_each(|begun| begun.sort_unstable());
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

    fn refused(&mut self, path: &str, entry: &Written<'_>, person: &str, reason: String) {
        self.refused.push(told(path, entry, person, reason));
    }

    /// Whether a grant names the entry before it, as the gate writes it. Of those that follow one another and do not, the first is told.
    fn is_in_place<T: AsRef<str>>(&mut self, path: &str, entry: &Written<'_>, granted: &Granted<T>) {
        let why = granted.misplaced(entry.previous);
        let was_misplaced = std::mem::replace(&mut self.is_misplaced, why.is_some());
        match (why, self.misplaced.last_mut()) {
            (Some(_), Some((_, more))) if was_misplaced => *more += 1,
            (Some(why), _) => self.misplaced.push((told(path, entry, granted.person.as_ref(), why), 0)),
            (None, _) => {}
        }
    }

    fn is_glass_broken<T: AsRef<str>>(&mut self, path: &str, entry: &Written<'_>, granted: &Granted<T>) {
        if granted.break_glass {
            let Granted { serial, person, rule, host, account, .. } = granted;
            let [person, rule, host, account] = [person, rule, host, account].map(AsRef::as_ref);
            let why = format!(
                "{person} broke glass by rule {rule}: grant {serial} is for {host} as {account}, and no login by it is told of"
            );
            self.glass.push((*serial, told(path, entry, person, why)));
        }
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(text.to_owned(), Arc::clone(&new));
        new
    }

    /// From here on a key opens the gate; one that does already, from when it did.
    fn opens(&mut self, key: &str, who: &str, from: Timestamp, until: Timestamp) -> &mut Enrolled {
        let is_open = |known: &&Enrolled| *known.who == *who && known.until >= from;
        let from = self.enrolled.get(key).filter(is_open).map_or(from, |known| known.from);
        let new = Enrolled { who: self.text(who), is_host: false, invitation: None, from, until };
        let known = self.enrolled.entry(key.to_owned()).insert_entry(new);
        known.into_mut()
    }

    /// From here on a host's key opens the gate, until another one takes its place: how long its certificate holds does not matter to that.
    fn certified(&mut self, host: &str, key: &str, at: Timestamp) {
        let before = self.host_keys.insert(host.to_owned(), key.to_owned()).filter(|before| before != key);
        if let Some(replaced) = before.and_then(|before| self.enrolled.get_mut(&before)) {
            replaced.until = replaced.until.min(at);
        }
        self.opens(key, host, at, Timestamp::MAX).is_host = true;
    }

    /// The networks of these texts; most grants have those of another one.
    fn networks<T: AsRef<str>>(&mut self, written: &[T]) -> Arc<[IpNet]> {
        let mut key = Vec::new();
        written.iter().for_each(|network| Values::pack(Some(network.as_ref()), &mut key));
        let read = || written.iter().filter_map(|network| network.as_ref().parse().ok()).collect();
        Arc::clone(self.networks.entry(key).or_insert_with(read))
    }

    fn granted<T: AsRef<str>>(&mut self, path: &str, entry: &Written<'_>, granted: &Granted<T>) {
        self.is_in_place(path, entry, granted);
        self.is_glass_broken(path, entry, granted);
        let approved = self.approved.remove(&granted.request).unwrap_or_default();
        let approvals: Vec<Arc<str>> = granted.approvals.iter().map(|person| self.text(person.as_ref())).collect();
        let known = Known {
            serial: granted.serial,
            person: self.text(granted.person.as_ref()),
            host: self.text(granted.host.as_ref()),
            account: self.text(granted.account.as_ref()),
            rule: self.text(granted.rule.as_ref()),
            key: granted.key.as_ref().into(),
            key_id: granted.key_id.as_ref().into(),
            sources: self.networks(&granted.sources),
            from: granted.from,
            until: granted.until,
            unproven: approvals.iter().find(|by| !approved.contains(by)).cloned(),
            approvals: approvals.into(),
            command: granted.force_command.as_ref().map(|command| self.text(command.as_ref())),
            permits: Permit::ALL.map(|one| granted.extensions.iter().any(|name| name.as_ref() == one.extension())),
            break_glass: granted.break_glass,
            revoked: None,
            given_by: self.past.now(),
            astray: OnceLock::new(),
        };
        self.newest = self.newest.max(granted.serial);
        let place = *self.places.entry(granted.serial).or_insert(self.grants.len());
        let of_account = (Arc::clone(&known.host), Arc::clone(&known.account));
        self.of_account.entry(of_account).or_default().push((known.from, place));
        match self.grants.get_mut(place) {
            Some(before) => *before = known,
            None => self.grants.push(known),
        }
    }

    fn grant(&self, serial: u64) -> Option<&Known> {
        self.grants.get(*self.places.get(&serial)?)
    }

    /// Whether a certificate that sshd refused is one that whoever was then let in may well have offered: another one of theirs, or one that
    /// their agent holds for somebody else's hosts.
    pub(super) fn is_theirs(&self, certificate: &Certificate, let_in: &Explained) -> bool {
        if self.is_foreign(certificate) {
            return true;
        }
        let Some(known) = self.grant(certificate.serial) else { return false };
        let standing = let_in.standing.and_then(|place| self.policy.standing.get(place));
        let_in.person.as_ref() == Some(&known.person)
            || standing.is_some_and(|standing| standing.scope.people.contains_key(&*known.person))
    }

    fn is_foreign(&self, certificate: &Certificate) -> bool {
        !self.authorities.is_empty() && !self.authorities.contains(&certificate.authority)
    }

    /// The serial of the grant that a login used, where that broke the glass.
    pub(super) fn broken_glass(&self, told: &Told, explained: Option<&Explained>) -> Option<u64> {
        let known = told.certificate.as_ref().and_then(|certificate| self.grant(certificate.serial));
        let by_certificate = known.filter(|known| known.break_glass).map(|known| known.serial);
        by_certificate.or_else(|| explained?.glass)
    }

    /// How what was started in a session goes beyond its grant. What the grant has as its one command sshd calls `forced-command`.
    pub(super) fn exceeds(&self, serial: u64, Request { of, kind, what, terminal }: &Request<'_>) -> Option<String> {
        let known = self.grant(serial)?;
        let forced = kind.starts_with("forced-command");
        // What a client asks for stands there without its port; what is started, with it.
        let is_started = forced || matches!(&**kind, "shell" | "command") || kind == "subsystem" && of.port.is_some();
        if !terminal.is_empty() && !known.permits().any(|one| one == Permit::Terminal) {
            return Some(format!("grant {serial} permits no terminal, but one was opened ({terminal})"));
        }
        let command = known.command.as_deref().filter(|_| is_started)?;
        let logged = what.trim_end_matches(char::REPLACEMENT_CHARACTER);
        // Of a longer one sshd logs the beginning. The last character may be lost by the cut.
        let is_cut = command.len() > LOGGED && logged.len() + 4 > LOGGED;
        if forced && (logged == command || is_cut && command.starts_with(logged)) {
            return None;
        }
        Some(format!("grant {serial} lets only '{command}' run, but what ran was {kind} {what}").trim_end().to_owned())
    }

    /// What an accepted login at a host of the policy is.
    pub(super) fn judge(&self, told: &Told) -> Judgement {
        let (explained, why) = match &told.certificate {
            Some(certificate) => self.by_certificate(told, certificate),
            None => self.by_standing(told),
        };
        if why.as_ref().is_none_or(|(class, _)| *class == Class::OtherSource)
            && !explained.as_ref().is_some_and(|explained| explained.is_host)
            && let Some(hop) = self.hop(told, explained.as_ref())
        {
            return (explained, Some((Class::Hop, hop)));
        }
        (explained, why)
    }

    /// What a login by a certificate is.
    pub(super) fn by_certificate(&self, told: &Told, certificate: &Certificate) -> Judgement {
        let serial = certificate.serial;
        if self.is_foreign(certificate) {
            return found(Class::OtherAuthority, format!("{} is no authority of ours", certificate.authority));
        }
        let at = told.time().to_jiff() - self.tolerance;
        if let Some((_, until)) = self.retired.iter().find(|(key, until)| *key == certificate.authority && at > *until)
        {
            return found(Class::OtherAuthority, format!("{} was trusted until {until}", certificate.authority));
        }
        let Some(known) = self.grant(serial) else { return self.not_in_the_ledger(told, certificate) };
        if let Some((class, why)) = self.misused(told, certificate, known) {
            let why = format!(
                "grant {serial} is for {} on {} as {}, until {}: {why}",
                known.person, known.host, known.account, known.until
            );
            return found(class, why);
        }
        by_grant(known, event::Time::from_jiff(known.until).map(|until| (until.as_nanos(), serial)))
    }

    fn not_in_the_ledger(&self, told: &Told, certificate: &Certificate) -> Judgement {
        let serial = certificate.serial;
        if serial <= self.newest || told.time().to_jiff() <= self.last || !self.releases.is_judged() {
            return found(Class::UnknownSerial, format!("the ledger has no grant {serial}"));
        }
        if !self.is_like_ours(told, certificate) {
            let why =
                format!("no rule gives what its key id {} says, to somebody from {}", certificate.id, told.source);
            return found(Class::UnknownSerial, format!("the ledger has no grant {serial}, and {why}"));
        }
        let (last, newest) = (self.last, self.newest);
        let why =
            format!("the ledger ends at {last}, with grant {newest}: only a newer one can tell of grant {serial}");
        found(Class::LedgerOld, why)
    }

    /// Whether the gate may have given a certificate that the ledger does not reach to: its key id is one of the gate's, and names somebody whom a
    /// rule lets in like this.
    fn is_like_ours(&self, told: &Told, certificate: &Certificate) -> bool {
        let principal = format!("{}@{}", told.user, told.host);
        let Some(person) = person_of(&certificate.id, certificate.serial, &principal) else { return false };
        let lets_in = |rule: &Rule| {
            let networks = rule.scope.people.get(person).filter(|_| rule.scope.reaches(&told.host, &told.user));
            networks.is_some_and(|networks| told.address().is_none_or(|address| contains(networks, address)))
        };
        self.policy.rules.iter().any(lets_in)
    }

    /// The rule by which a grant was given, as it was then; as it is now, where the ledger does not have the policy of then.
    fn rule_of<'a>(&'a self, known: &'a Known) -> Option<&'a Rule> {
        known.given_by.as_deref().unwrap_or(&self.policy).rule(&known.rule)
    }

    /// What is wrong with the use of a certificate whose grant is known.
    fn misused(&self, told: &Told, certificate: &Certificate, known: &Known) -> Option<(Class, String)> {
        if *certificate.id != *known.key_id {
            return Some((Class::Forged, format!("its key id is {}", known.key_id)));
        }
        if !told.key.is_empty() && *told.key != *known.key {
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
        if let Some(revoked) = known.revoked.filter(|revoked| at > *revoked + self.skew) {
            let seconds = at.duration_since(revoked).as_secs_f64();
            return Some((Class::Revoked, format!("it was revoked {seconds:.0} s before, at {revoked}")));
        }
        if at > known.until + self.tolerance || at < known.from - self.tolerance {
            return Some((Class::Expired, format!("it was used at {at}")));
        }
        if let Some(astray) = known.astray.get_or_init(|| self.astray(known).map(Box::new)) {
            return Some((**astray).clone());
        }
        if let Some(rule) = self.rule_of(known).filter(|rule| !self.is_open(&rule.scope, at)) {
            return Some((Class::OutsideWindow, format!("rule {} is open {} only", known.rule, rule.scope.when)));
        }
        let is_elsewhere = |address: IpAddr| !known.sources.is_empty() && !contains(&known.sources, address);
        let elsewhere = told.address().filter(|address| is_elsewhere(*address))?;
        Some((Class::OtherSource, format!("it was used from {elsewhere}")))
    }

    /// Why the rule that a grant names does not give it.
    fn astray(&self, known: &Known) -> Option<(Class, String)> {
        let Some(rule) = self.rule_of(known) else {
            let which = if known.given_by.is_some() { "the policy of that time" } else { "the policy" };
            return Some((Class::BeyondRule, format!("{which} has no rule {}", known.rule)));
        };
        let beyond = |what: &str| (Class::BeyondRule, format!("rule {} {what}", known.rule));
        not_approved(rule, known)
            .map(|why| (Class::NotApproved, why))
            .or_else(|| exceeds(rule, known).map(|what| beyond(&what)))
    }

    /// Whether a scope is open at a moment, give or take what clocks differ.
    fn is_open(&self, scope: &Scope, at: Timestamp) -> bool {
        [at, at - self.tolerance, at + self.tolerance].into_iter().any(|at| scope.when.contains(at))
    }

    /// A login without a certificate: standing access is all that explains it.
    fn by_standing(&self, told: &Told) -> Judgement {
        let is_remote = told.service == "ssh" || !told.source.is_empty();
        let mut nearest: Option<(Class, String)> = None;
        for (place, standing) in self.policy.standing.iter().enumerate() {
            if !is_used(standing, told, is_remote) {
                continue;
            }
            match self.misfit(&standing.scope, told, is_remote) {
                None => return (Some(Explained { standing: Some(place), ..Explained::default() }), None),
                Some(misfit) if !told.key.is_empty() || misfit.0 > Class::OtherAccount => {
                    nearest = nearest.max(Some(misfit));
                }
                Some(_) => {}
            }
        }
        if let Some(gate) = &self.policy.gate
            && (&*told.host, &told.user, told.method.as_str()) == (&*gate.host, &gate.account, "publickey")
        {
            return self.at_the_gate(told);
        }
        if let Some((class, why)) = nearest {
            return found(class, why);
        }
        self.without_certificate(told, is_remote)
    }

    /// A login to the gate: by an enrolled key, as long as it is.
    fn at_the_gate(&self, told: &Told) -> Judgement {
        let Some(known) = self.enrolled.get(&told.key) else {
            return found(Class::NoGrant, "its key was never enrolled at the gate".into());
        };
        let at = told.time().to_jiff();
        if at < known.from - self.tolerance || at > known.until + self.skew {
            let why = format!("its key opened the gate to {} from {} until {}", known.who, known.from, known.until);
            return found(Class::NoGrant, why);
        }
        let (is_host, person) = (known.is_host, Some(Arc::clone(&known.who)));
        (Some(Explained { person, is_host, ..Explained::default() }), None)
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
        let grants = || self.grants_about(told);
        let fitting = grants().filter(|known| self.beyond(told, known).is_none());
        if let Some(known) = fitting.min_by_key(|known| (known.break_glass, known.from)) {
            return by_grant(known, None);
        }
        let stands = |standing: &StandingAccess| {
            let is_remote = !told.source.is_empty();
            (is_remote || standing.console || told.service == LOGIND)
                && self.misfit(&standing.scope, told, is_remote).is_none()
        };
        if let Some(place) = self.policy.standing.iter().position(stands) {
            return (Some(Explained { standing: Some(place), ..Explained::default() }), None);
        }
        let beyond = grants().filter_map(|known| self.beyond(told, known));
        match beyond.filter(|(class, _)| *class != Class::Expired).min() {
            Some((class, why)) => found(class, format!("{} had a grant, but {why}", told.user)),
            None => found(Class::NoGrant, format!("nothing lets anyone in to {} as {}", told.host, told.user)),
        }
    }

    /// The grants of a login's host and account that may hold at its time: none is longer than [`LONGEST`].
    fn grants_about(&self, told: &Told) -> impl Iterator<Item = &Known> {
        let account = self.texts.get(&told.user).map(|account| (Arc::clone(&told.host), Arc::clone(account)));
        let (at, tolerance) = (told.time().to_jiff(), self.tolerance);
        let earliest = at.saturating_sub(LONGEST + tolerance).unwrap_or(Timestamp::MIN);
        let latest = at.saturating_add(tolerance).unwrap_or(Timestamp::MAX);
        let all = account.and_then(|account| self.of_account.get(&account)).map(Vec::as_slice).unwrap_or_default();
        let begun = all.partition_point(|(from, _)| *from < earliest);
        let places = all.iter().skip(begun).take_while(move |(from, _)| *from <= latest);
        let grants = places.filter_map(|(_, place)| self.grants.get(*place));
        grants.filter(move |known| *known.host == *told.host && *known.account == *told.user)
    }

    /// Whether the policy lets anyone who is in as one account become another.
    pub(super) fn may_become(&self, host: &str, by: &str, to: &str) -> bool {
        // Of a number it is not known whose it is: then it is asked whether anyone there may.
        let is_by = |scope: &&Scope| match by.starts_with('#') {
            true => scope.hosts.iter().any(|one| one == host),
            false => scope.reaches(host, by),
        };
        let rules = self.policy.rules.iter().map(|rule| &rule.scope);
        let mut scopes = rules.chain(self.policy.standing.iter().map(|standing| &standing.scope));
        // Whoever may become root may become anyone: su from a root shell names who logged in, not root.
        let leads = |one: &String| one == to || one == "root";
        scopes.any(|scope| is_by(&scope) && scope.may_become.iter().any(leads))
    }

    /// A login from a machine that the policy covers, unless a rule names that very address.
    fn hop(&self, told: &Told, explained: Option<&Explained>) -> Option<String> {
        let address = told.address()?;
        let from = self.hosts_by_address.get(&address)?.host.as_deref().filter(|host| **host != *told.host)?;
        let alone = IpNet::from(address);
        let granted = explained.and_then(|explained| explained.until).and_then(|(_, serial)| self.grant(serial));
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

fn not_approved(rule: &Rule, known: &Known) -> Option<String> {
    if let Some(by) = &known.unproven {
        return Some(format!("it names {by} as who approved it, but the ledger has no such approval"));
    }
    let counts = |person: &&String| known.approvals.iter().any(|by| **by == ***person) && **person != *known.person;
    let approved = rule.approvers.iter().filter(counts).count();
    (approved < rule.approvals as usize)
        .then(|| format!("rule {} asks for {} approvals, it has {approved}", known.rule, rule.approvals))
}

/// What a grant has that its rule does not give.
fn exceeds(rule: &Rule, known: &Known) -> Option<String> {
    let scope = &rule.scope;
    let Some(networks) = scope.people.get(&*known.person) else { return Some(format!("is not for {}", known.person)) };
    if !scope.reaches(&known.host, &known.account) {
        return Some(format!("is not for {} on {}", known.account, known.host));
    }
    let is_within = |source: &IpNet| networks.iter().any(|network| network.contains(source));
    if known.sources.is_empty() || !known.sources.iter().all(is_within) {
        return Some("does not let anyone in from all of its networks".to_owned());
    }
    if known.until.duration_since(known.from) > rule.at_most + SKEW + SECOND {
        return Some(format!("gives no more than {:#}", rule.at_most));
    }
    if rule.command.is_some() && rule.command.as_deref() != known.command.as_deref() {
        return Some("has another command".to_owned());
    }
    if let Some(permit) = known.permits().find(|permit| !rule.permits.contains(permit)) {
        return Some(format!("does not permit {}", permit.as_str()));
    }
    match (rule.break_glass, known.break_glass) {
        (true, false) => Some("is for breaking glass".to_owned()),
        (false, true) => Some("is not for breaking glass".to_owned()),
        _ => None,
    }
}

/// Which host has an address.
struct Server {
    /// Its id; `None` where several say so of themselves, as containers do.
    host: Option<String>,
    is_named: bool,
}

/// The hosts by the addresses that the policy names.
fn addresses(policy: &Policy) -> HashMap<IpAddr, Server> {
    let mut by_address = HashMap::default();
    for host in policy.hosts.values() {
        for address in &host.addresses {
            let named = || Server { host: Some(host.id.clone()), is_named: true };
            by_address.entry(address.to_canonical()).or_insert_with(named);
        }
    }
    by_address
}

/// What an entry of the ledger tells, as a record does.
fn told(path: &str, entry: &Written<'_>, person: &str, reason: String) -> Told {
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
