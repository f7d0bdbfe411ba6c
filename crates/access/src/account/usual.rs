//! What is usual is learned from the evidence itself: which account of which host is used from which networks, with which keys, at which hours.

use std::{collections::BTreeMap, net::IpAddr};

use event::Finding;
use foldhash::HashMap;
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::{Class, told::Told};
use crate::policy::and;

/// How many accounts, and servers, are remembered.
const MAX: usize = 1 << 16;
/// How many networks and keys of an account are remembered; one with more has no usual ones.
const MAX_WAYS: usize = 16;
/// How long an account has to be known before anything about it is unusual, in nanoseconds: two weeks.
const WEEKS: i64 = 14 * 86_400_000_000_000;
/// How often it has to have been used.
const LOGINS: u64 = 8;

/// What is usual.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Usual {
    accounts: HashMap<String, Habits>,
    /// The hosts by their addresses and names.
    servers: BTreeMap<String, String>,
    /// Of hosts by which name: when a login to it was first seen, and whether one came from it.
    hosts: HashMap<String, Host>,
}

#[derive(Default, Serialize, Deserialize)]
struct Host {
    since: i64,
    logs_in: bool,
}

/// How an account is used.
#[derive(Default, Serialize, Deserialize)]
struct Habits {
    since: i64,
    logins: u64,
    networks: Vec<String>,
    keys: Vec<String>,
    /// How often in each hour of the day (UTC).
    hours: [u32; 24],
}

impl Usual {
    /// Takes note that a host has an address.
    pub fn server(&mut self, host: &str, address: &str) {
        let is_own = address.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback() && !address.is_unspecified());
        if is_own && !host.is_empty() && self.servers.len() < MAX {
            self.servers.entry(address.to_owned()).or_insert_with(|| host.to_owned());
        }
    }

    /// Addresses, and the hosts that have them.
    pub fn servers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.servers.iter().map(|(address, host)| (address.as_str(), host.as_str()))
    }

    /// Takes an accepted login, and tells what is unusual about it.
    pub fn login(&mut self, told: &Told, findings: &mut Vec<Finding>) {
        if told.service != "ssh" || told.method.is_empty() || told.user.is_empty() {
            return;
        }
        findings.extend(self.server_logs_in(told));
        let name = format!("{}\0{}", told.host, told.user);
        if self.accounts.len() >= MAX && !self.accounts.contains_key(&name) {
            return;
        }
        let habits = self.accounts.entry(name).or_insert_with(|| Habits { since: told.time, ..Habits::default() });
        if let Some(why) = habits.login(told) {
            findings.push(told.finding(Class::Unusual, why));
        }
    }

    /// Whether it comes from a machine that for weeks was only logged in to.
    fn server_logs_in(&mut self, told: &Told) -> Option<Finding> {
        if self.hosts.len() >= MAX {
            self.hosts.clear();
        }
        let new = || Host { since: told.time, logs_in: false };
        self.hosts.entry(told.host.to_string()).or_insert_with(new);
        let from = self.servers.get(&told.source).unwrap_or(&told.source);
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

impl Habits {
    fn login(&mut self, told: &Told) -> Option<String> {
        let (network, key) = (network(told), way(told));
        let is_settled = self.logins >= LOGINS && told.time - self.since >= WEEKS;
        let mut news = Vec::new();
        if note(&mut self.networks, &network) && is_settled {
            news.push(format!("from {network}, before only from {}", and(&self.before(true))));
        }
        if note(&mut self.keys, &key) && is_settled {
            news.push(format!("with {key}, before only with {}", and(&self.before(false))));
        }
        let hour = told.time().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).hour();
        let hours = usize::try_from(hour).ok().and_then(|hour| self.hours.get_mut(hour));
        let is_new_hour = hours.as_ref().is_some_and(|hours| **hours == 0);
        if let Some(hours) = hours {
            *hours = hours.saturating_add(1);
        }
        self.logins += 1;
        if news.is_empty() {
            return None;
        }
        if is_new_hour {
            news.push(format!("never before between {hour:02}:00 and {:02}:00 UTC", hour + 1));
        }
        let days = (told.time - self.since) / 86_400_000_000_000;
        Some(format!("{} (known for {days} days, {} logins)", news.join("; "), self.logins - 1))
    }

    /// What was known before the newest.
    fn before(&self, networks: bool) -> Vec<&String> {
        let known = if networks { &self.networks } else { &self.keys };
        let count = known.len().saturating_sub(1);
        known.iter().take(count).collect()
    }
}

/// Adds what is not there yet. True if it is new and there were few enough for that to mean something.
fn note(known: &mut Vec<String>, new: &str) -> bool {
    if known.len() >= MAX_WAYS || known.iter().any(|one| one == new) {
        return false;
    }
    known.push(new.to_owned());
    true
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
