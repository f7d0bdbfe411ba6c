//! What is usual is learned from the evidence itself: which account of which host is used from which networks, with which keys, at which hours.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use event::Finding;
use foldhash::HashMap;
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::{Class, told::Told};
use crate::policy::and;

/// How many accounts, and servers, are remembered.
const MAX: usize = 1 << 16;
/// How many names of an address are remembered: two are as many as it takes to know that it is nobody's, but one host may have several.
const MAX_NAMES: usize = 8;
/// How many networks and keys of an account are remembered, and of all accounts; beyond, nothing about it is unusual.
const MAX_WAYS: usize = 256;
const MAX_ALL_WAYS: usize = 1 << 20;
/// How many of them are named.
const NAMED: usize = 4;
/// How long an account or host has to be known before anything about it is unusual, in nanoseconds: two weeks.
const WEEKS: i64 = 14 * DAY;
/// How often it has to have been used.
const LOGINS: u64 = 8;
/// How often each network, key or account of it has to have been used on average: where new ones are nothing rare, one more says nothing.
const EACH: u64 = 4;
/// How often an account has to have been used before its hours alone say something.
const HOURLY: u64 = 64;
/// How long an account has to have been unused for its use to be told, in nanoseconds.
const DORMANT: i64 = 90 * DAY;
const DAY: i64 = 86_400_000_000_000;

/// What is usual.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Usual {
    accounts: HashMap<String, Habits>,
    /// The networks and keys of all accounts.
    ways: usize,
    /// By address, the names of those that say that they have it: containers' addresses are those of others, too.
    servers: BTreeMap<String, BTreeSet<String>>,
    hosts: HashMap<String, Host>,
}

/// How a host is used.
#[derive(Default, Serialize, Deserialize)]
struct Host {
    /// When a login to it was first seen, or to another from it.
    since: i64,
    /// Logins to it, and how many accounts they were to.
    logins: u64,
    accounts: u64,
    /// Whether one came from it.
    logs_in: bool,
}

/// How an account of a host is used.
#[derive(Default, Serialize, Deserialize)]
struct Habits {
    since: i64,
    last: i64,
    logins: u64,
    /// How many logins to its host there had been at its last one.
    host_logins: u64,
    networks: Vec<String>,
    keys: Vec<String>,
    /// How often in each hour of the day (UTC).
    hours: [u32; 24],
}

/// Whether something is known for long enough, and used often enough, for what is new about it to be rare.
fn is_settled(told: &Told, since: i64, logins: u64, known: usize) -> bool {
    told.time - since >= WEEKS && logins >= LOGINS.max(EACH * known as u64)
}

impl Usual {
    /// Takes note that a host has an address.
    pub fn server(&mut self, host: &str, address: &str) {
        let is_own = address.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback() && !address.is_unspecified());
        if is_own && !host.is_empty() && self.servers.len() < MAX {
            let names = self.servers.entry(address.to_owned()).or_default();
            if names.len() < MAX_NAMES && !names.iter().any(|known| known.eq_ignore_ascii_case(host)) {
                names.insert(host.to_owned());
            }
        }
    }

    /// Addresses, and the hosts that have them.
    pub fn servers(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = |(address, names)| std::iter::repeat(address).zip(names);
        self.servers.iter().flat_map(pairs).map(|(address, host): (&String, &String)| (address.as_str(), host.as_str()))
    }

    /// Takes an accepted login, and tells what is unusual about it.
    pub fn login(&mut self, told: &Told, findings: &mut Vec<Finding>) {
        if told.service != "ssh" || told.method.is_empty() || told.user.is_empty() {
            return;
        }
        findings.extend(self.server_logs_in(told));
        let name = format!("{}\0{}", told.host, told.user);
        let is_new = !self.accounts.contains_key(&name);
        if self.accounts.len() >= MAX && is_new {
            return;
        }
        let Some(host) = self.hosts.get_mut(&*told.host) else { return };
        let first = host.login(told, is_new);
        let new = || Habits { since: told.time, last: told.time, ..Habits::default() };
        let habits = self.accounts.entry(name).or_insert_with(new);
        let before = habits.ways();
        let why = habits.login(told, host.logins, self.ways < MAX_ALL_WAYS);
        self.ways += habits.ways() - before;
        findings.extend(first.or(why).map(|why| told.finding(Class::Unusual, why)));
    }

    /// Whether it comes from a machine that for weeks was only logged in to.
    fn server_logs_in(&mut self, told: &Told) -> Option<Finding> {
        if self.hosts.len() >= MAX {
            self.hosts.clear();
        }
        let new = || Host { since: told.time, ..Host::default() };
        self.hosts.entry(told.host.to_string()).or_insert_with(new);
        // An address that several have is nobody's name.
        let names = self.servers.get(&told.source).filter(|names| names.len() == 1);
        let from = names.and_then(BTreeSet::first).unwrap_or(&told.source);
        if **from == *told.host {
            return None;
        }
        let host = self.hosts.get_mut(from)?;
        let is_new = !host.logs_in && told.time - host.since >= WEEKS;
        host.logs_in = true;
        is_new.then(|| {
            let why = format!("{from} ({}) was only logged in to before", told.source);
            told.finding(Class::ServerLogsIn, why)
        })
    }
}

impl Host {
    /// Takes a login; tells the first one of an account where new ones are rare.
    fn login(&mut self, told: &Told, is_new: bool) -> Option<String> {
        let Self { since, logins, accounts, .. } = *self;
        self.logins += 1;
        self.accounts += u64::from(is_new);
        (is_new && is_settled(told, since, logins, accounts as usize)).then(|| {
            let (host, days) = (&told.host, (told.time - since) / DAY);
            format!("its first login; {host} is known for {days} days, {logins} logins by {accounts} accounts")
        })
    }
}

impl Habits {
    /// How many networks and keys are known.
    fn ways(&self) -> usize {
        self.networks.len() + self.keys.len()
    }

    /// Takes a login, by when there were so many to its host; tells what is new about it. What was not known before is remembered if it `may` be.
    fn login(&mut self, told: &Told, host_logins: u64, may: bool) -> Option<String> {
        let mut news = Vec::new();
        if let Some(before) = self.newly(told, &network(told), may, |habits| &mut habits.networks) {
            news.push(format!("from {}, before only from {before}", network(told)));
        }
        if let Some(before) = self.newly(told, &way(told), may, |habits| &mut habits.keys) {
            news.push(format!("with {}, before only with {before}", way(told)));
        }
        let unused = told.time - self.last;
        // The host's log went on meanwhile.
        if unused >= DORMANT && host_logins.saturating_sub(self.host_logins) > LOGINS {
            news.push(format!("for the first time in {} days", unused / DAY));
        }
        news.extend(self.new_hour(told, !news.is_empty()));
        let days = (told.time - self.since) / DAY;
        let why = format!("{} (known for {days} days, {} logins)", news.join("; "), self.logins);
        self.logins += 1;
        (self.last, self.host_logins) = (told.time.max(self.last), host_logins);
        (!news.is_empty()).then_some(why)
    }

    /// Takes note of a network or key; where it is new and that is rare, gives those before it.
    fn newly(&mut self, told: &Told, new: &str, may: bool, of: fn(&mut Self) -> &mut Vec<String>) -> Option<String> {
        let (since, logins, known) = (self.since, self.logins, of(self));
        if !may || known.len() >= MAX_WAYS || known.iter().any(|one| one == new) {
            return None;
        }
        let is_rare = is_settled(told, since, logins, known.len());
        let before = is_rare.then(|| named(known));
        known.push(new.to_owned());
        before
    }

    /// Takes note of the hour; tells one that it was never used in, beside other news, and alone if it was used often, and never near that hour.
    fn new_hour(&mut self, told: &Told, has_news: bool) -> Option<String> {
        let hour = usize::try_from(told.time().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).hour()).ok()?;
        let used = |hour: usize| self.hours.get(hour % 24).is_some_and(|times| *times > 0);
        let is_rare = self.logins >= HOURLY && is_settled(told, self.since, self.logins, 1);
        let is_far = is_rare && !used(hour + 23) && !used(hour + 1);
        let is_new = !used(hour) && (has_news || is_far);
        if let Some(times) = self.hours.get_mut(hour) {
            *times = times.saturating_add(1);
        }
        is_new.then(|| format!("never before between {hour:02}:00 and {:02}:00 UTC", hour + 1))
    }
}

/// Networks or keys, by name as long as they are few.
fn named(known: &[String]) -> String {
    match known.split_at_checked(NAMED) {
        Some((first, more)) if !more.is_empty() => format!("{} and {} more", first.join(", "), more.len()),
        _ => and(known),
    }
}

/// The network that an address stands for: people's addresses change within it.
fn network(told: &Told) -> String {
    match told.address() {
        Some(IpAddr::V4(address)) => Ipv4Net::new(address, 24).map(|net| net.trunc().to_string()),
        Some(IpAddr::V6(address)) => Ipv6Net::new(address, 64).map(|net| net.trunc().to_string()),
        None => return told.source.clone(),
    }
    .unwrap_or_default()
}

/// What it was done with: a key, a certificate of an authority, or the method.
fn way(told: &Told) -> String {
    match &told.certificate {
        Some(certificate) => format!("a certificate of {}", certificate.authority),
        None if told.key.is_empty() => told.method.clone(),
        None => format!("the key {}", told.key),
    }
}
