//! Logins that lead from one machine to another.

use std::collections::{BTreeMap, BTreeSet};

use event::{Finding, Place, Time};
use foldhash::{HashMap, HashMapExt};

use crate::{LinkKind, common::is_common_session, facts::Facts, mention::Weight, names};

/// A login that came from elsewhere.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub time: Time,
    /// Where to.
    pub host: String,
    /// The client's address, and its name where the log tells it.
    pub from: String,
    pub from_host: String,
    pub account: String,
    /// What its session is called there.
    pub session: String,
    /// The key's fingerprint, where there is one.
    pub key: String,
    /// Where it stands.
    pub place: Place,
}

/// So long after a login what happens is taken for its session's, in seconds.
const SESSION: i64 = 30 * 60;
/// So long before a login somebody at the other machine may have set about it, in seconds.
const BEFORE: i64 = 10 * 60;

/// So long a visit lasts, in nanoseconds.
const VISIT: i64 = 3600 * 1_000_000_000;

/// All of them, by where they led to.
pub struct Arrivals<'a> {
    list: &'a [Arrival],
    addresses: &'a BTreeMap<String, String>,
    /// Numbers of arrivals at a machine, in the order of time.
    by_host: HashMap<&'a str, Vec<u32>>,
    by_place: HashMap<&'a Place, u32>,
    /// How many there are in an hour from one machine to another.
    often: HashMap<(&'a str, &'a str, i64), u32>,
}

/// So many logins an hour from one machine to another say no less than one.
const RARE: f32 = 3.0;

fn hour(arrival: &Arrival) -> (&str, &str, i64) {
    (&arrival.host, &arrival.from, arrival.time.as_nanos().div_euclid(VISIT))
}

impl<'a> Arrivals<'a> {
    /// Of arrivals in the order of time.
    pub fn new(list: &'a [Arrival], addresses: &'a BTreeMap<String, String>) -> Self {
        let mut by_host = HashMap::<&str, Vec<u32>>::new();
        for (number, arrival) in list.iter().enumerate() {
            by_host.entry(&arrival.host).or_default().push(number as u32);
        }
        let by_place = list.iter().zip(0..).map(|(arrival, number)| (&arrival.place, number)).collect();
        let mut often = HashMap::new();
        list.iter().for_each(|arrival| *often.entry(hour(arrival)).or_default() += 1);
        Self { list, addresses, by_host, by_place, often }
    }

    pub fn get(&self, number: u32) -> Option<&'a Arrival> {
        self.list.get(number as usize)
    }

    /// The machine that a login came from, if it is known and another one.
    fn from(&self, arrival: &'a Arrival) -> Option<&'a str> {
        let known = self.addresses.get(&arrival.from).map(String::as_str);
        let from = known.or(Some(arrival.from_host.as_str())).filter(|from| !from.is_empty())?;
        (from != arrival.host).then_some(from)
    }

    /// The logins in whose session a finding was made: the last ones before it, by session, address or account.
    pub fn of(&self, finding: &Finding) -> Vec<(u32, Weight)> {
        let told: Vec<u32> = self.told_by(finding);
        let weight = Weight { strength: 0.9, within: 4.0 * SESSION as f32, kind: LinkKind::Login };
        match told.as_slice() {
            [] => self.around(finding).into_iter().collect(),
            told => told.iter().map(|number| (*number, weight)).collect(),
        }
    }

    /// The last login before a finding that fits it.
    fn around(&self, finding: &Finding) -> Option<(u32, Weight)> {
        let (host, time) = (names::host(&finding.host), finding.time?);
        let list = self.by_host.get(host.as_str())?;
        let facts = Facts(finding);
        let sessions = ["LogonId", "SubjectLogonId", "TargetLogonId"].map(|field| names::session(facts.get(field)));
        let pid = format!("pid {}", facts.get("pid"));
        let source = facts.first(&["source_address", "IpAddress"]);
        let account = names::account(facts.account());
        let end = list.partition_point(|number| self.get(*number).is_some_and(|arrival| arrival.time <= time));
        const BACK: usize = 16;
        list.get(end.saturating_sub(BACK)..end)?.iter().rev().find_map(|number| {
            let arrival = self.get(*number)?;
            let apart = (time.as_nanos() - arrival.time.as_nanos()) / 1_000_000_000;
            let is_session = !arrival.session.is_empty()
                && !is_common_session(&arrival.session)
                && (sessions.contains(&arrival.session) || arrival.session == pid);
            let is_source = !source.is_empty() && source == arrival.from;
            let is_account =
                !account.is_empty() && account == arrival.account && !crate::common::is_common_account(&account);
            let strength = match () {
                () if is_session => 0.8,
                () if apart > SESSION => return None,
                () if is_source => 0.75,
                () if is_account => 0.45,
                // What happened on a machine, by whomever, soon after somebody came in.
                () if account.is_empty() && finding.correlated.is_some() => 0.55,
                () => return None,
            };
            Some((*number, Weight { strength, within: 4.0 * SESSION as f32, kind: LinkKind::Login }))
        })
    }

    /// The logins that a correlation counts among its events.
    fn told_by(&self, finding: &Finding) -> Vec<u32> {
        let Some(correlated) = &finding.correlated else { return Vec::new() };
        let places = correlated.firsts.iter().map(|first| &first.place).chain([&correlated.last.place]);
        let mut told: Vec<u32> = places.filter_map(|place| self.by_place.get(place).copied()).collect();
        told.sort_unstable();
        told.dedup();
        told
    }

    /// The login that one goes on from: another one to the machine from the same address within the hour, or that by which the same account had come to
    /// the machine that it now went on from.
    pub fn before(&self, number: u32) -> Option<u32> {
        let arrival = self.get(number)?;
        let here = self.by_host.get(arrival.host.as_str())?;
        let is_same = |other: &Arrival| other.from == arrival.from && !other.from.is_empty();
        self.last(here, arrival, VISIT, is_same).or_else(|| {
            let there = self.by_host.get(self.from(arrival)?)?;
            self.last(there, arrival, 12 * VISIT, |other| other.account == arrival.account)
        })
    }

    /// The last of these logins before one that is like it, not longer ago than that.
    fn last(&self, list: &[u32], arrival: &Arrival, within: i64, is_like: impl Fn(&Arrival) -> bool) -> Option<u32> {
        const BACK: usize = 64;
        let end = list.partition_point(|other| self.get(*other).is_some_and(|other| other.time < arrival.time));
        list.get(..end)?.iter().rev().take(BACK).copied().find(|other| {
            let other = self.get(*other);
            other.is_some_and(|other| is_like(other) && arrival.time.as_nanos() - other.time.as_nanos() <= within)
        })
    }

    /// For each login in whose session something was found, and whose machine of origin is known: the last finding there before it, one that names
    /// the machine or account if there is any.
    pub fn departures(&self, findings: &[&Finding], reached: &BTreeSet<u32>) -> Vec<(u32, usize, Weight)> {
        let mut by_host = HashMap::<String, Vec<usize>>::new();
        // Whoever logs off goes nowhere from there.
        let is_end = |finding: &Finding| Facts(finding).is_security() && matches!(finding.event_id, 4634 | 4647);
        let timed = findings.iter().enumerate().filter(|(_, finding)| finding.time.is_some() && !is_end(finding));
        for (number, finding) in timed {
            by_host.entry(names::host(&finding.host)).or_default().push(number);
        }
        let time = |number: usize| findings.get(number).and_then(|finding| finding.time);
        let departure = |number: &u32| {
            let arrival = self.get(*number)?;
            let there = by_host.get(self.from(arrival)?)?;
            let end = there.partition_point(|number| time(*number) <= Some(arrival.time));
            let before = there.get(..end)?.iter().rev().take(8);
            let names = |finding: &Finding| {
                let command = Facts(finding).command().to_lowercase();
                command.contains(&arrival.host) || command.contains(&arrival.account) && !arrival.account.is_empty()
            };
            let recent = before.filter_map(|number| {
                let apart = (arrival.time.as_nanos() - time(*number)?.as_nanos()) / 1_000_000_000;
                (apart <= BEFORE).then_some((*number, apart))
            });
            let best = recent
                .min_by_key(|(number, apart)| (!findings.get(*number).is_some_and(|finding| names(finding)), *apart));
            let (finding, _) = best?;
            let strength = if findings.get(finding).is_some_and(|finding| names(finding)) { 0.85 } else { 0.45 };
            // Who comes again and again may just work there.
            let often = self.often.get(&hour(arrival)).copied().unwrap_or_default() as f32;
            let strength = strength * (RARE / often).min(1.0);
            Some((*number, finding, Weight { strength, within: 4.0 * SESSION as f32, kind: LinkKind::Login }))
        };
        reached.iter().filter_map(departure).collect()
    }
}
