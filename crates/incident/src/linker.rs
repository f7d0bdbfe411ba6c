//! The linker: fed with traces and findings, gives incidents.

use std::{collections::BTreeMap, sync::Arc};

use event::{Finding, Login, Observation, Outcome, Piece, Place, Step as LoginStep};
use foldhash::{HashMap, HashMapExt};

use crate::{
    Incidents,
    arrivals::{Arrival, Arrivals},
    assemble,
    graph::{self, Mention},
    mention::{Common, Weight, came_with, mentions},
    names,
    processes::Processes,
    trace::{Kind, Trace, is_address},
};

/// How much a linker keeps.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Findings; beyond, those of lower level are only counted.
    pub findings: usize,
    /// Logins from one machine to another.
    pub logins: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { findings: 300_000, logins: 200_000 }
    }
}

/// Takes findings in any order and observations in the order of time, and tells what belongs together.
#[derive(Default)]
pub struct Linker {
    limits: Limits,
    findings: Vec<Finding>,
    beyond: u64,
    processes: Processes,
    /// Machines by their addresses; of an address that several had, the one named first.
    addresses: BTreeMap<String, String>,
    logins: Vec<Arrival>,
    more_logins: u64,
}

impl Linker {
    /// One that keeps no more than that.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a finding.
    pub fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
        if self.findings.len() >= self.limits.findings.saturating_mul(2).max(2) {
            self.shed();
        }
    }

    /// Keeps the more severe findings; among equals, which ones depends on their ids alone.
    fn shed(&mut self) {
        if self.findings.len() > self.limits.findings {
            self.findings.sort_by_key(|finding| (std::cmp::Reverse(finding.rule.level), finding.id));
            self.beyond += (self.findings.len() - self.limits.findings) as u64;
            self.findings.truncate(self.limits.findings);
        }
    }

    /// Takes an observation of [`TRACES`](crate::TRACES).
    pub fn observe(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>) {
        let Some(trace) = Trace::unpack(observation) else { return };
        match trace.kind {
            Kind::Connection => {
                let [address] = trace.values();
                self.address(trace.host, address);
            }
            Kind::Logon => {
                let [address, session, account, workstation] = trace.values();
                self.arrive(Arrival {
                    time: observation.time,
                    host: names::host(trace.host),
                    from: address.trim_start_matches("::ffff:").to_owned(),
                    from_host: names::host(workstation),
                    account: names::account(account),
                    session: names::session(session),
                    key: String::new(),
                    place: Place { piece: Arc::clone(piece), position: observation.position },
                });
            }
            _ => self.processes.observe(observation.time, &trace),
        }
    }

    /// Takes what a record tells of a login, as the accounting has it.
    pub fn login(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>) {
        let Some(LoginStep::Login(login) | LoginStep::Hint(login)) = LoginStep::unpack(observation.values) else {
            return;
        };
        let Login { outcome: Outcome::Accepted, user, host, source, source_host, session, key, .. } = login else {
            return;
        };
        if is_address(&source) || !source_host.is_empty() {
            self.arrive(Arrival {
                time: observation.time,
                host: names::host(&host),
                from: source.into_owned(),
                from_host: names::host(&source_host),
                account: names::account(&user),
                session: session.into_owned(),
                key: key.map(|key| key.fingerprint.into_owned()).unwrap_or_default(),
                place: Place { piece: Arc::clone(piece), position: observation.position },
            });
        }
    }

    /// Takes note that a machine has an address.
    pub fn address(&mut self, host: &str, address: &str) {
        const MAX_ADDRESSES: usize = 100_000;
        if is_address(address) && self.addresses.len() < MAX_ADDRESSES {
            let host = names::host(host);
            self.addresses.entry(address.to_owned()).or_insert(host);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        if self.logins.len() < self.limits.logins {
            self.logins.push(arrival);
        } else {
            self.more_logins += 1;
        }
    }

    /// What came of it all. `report_to` are those to be told of incidents, as `site.toml` names them.
    pub fn incidents(mut self, report_to: &[String]) -> Incidents {
        self.shed();
        let mut findings: Vec<Arc<Finding>> = std::mem::take(&mut self.findings).into_iter().map(Arc::new).collect();
        findings.sort_by(|a, b| (a.time, &a.host, a.id, &a.place).cmp(&(b.time, &b.host, b.id, &b.place)));
        // What has no time comes last.
        let untimed = findings.partition_point(|finding| finding.time.is_none());
        findings.rotate_left(untimed);
        let lists = self.lists(&findings);
        let times: Vec<Option<f64>> =
            findings.iter().map(|finding| finding.time.map(|time| time.as_nanos() as f64 / 1e9)).collect();
        let groups = graph::groups(&times, &lists);
        let limits = self.limits_reached();
        assemble::incidents(&findings, groups, &lists, &self.processes, report_to, limits)
    }

    /// All that findings name, with those that do, in the order of time.
    fn lists(&mut self, findings: &[Arc<Finding>]) -> Vec<(Common, Vec<Mention>)> {
        let mut numbers = HashMap::<Common, usize>::new();
        let mut lists = Vec::<(Common, Vec<Mention>)>::new();
        let mut add = |common: Common, finding: usize, weight: Weight| {
            let number = *numbers.entry(common).or_insert_with_key(|common| {
                lists.push((common.clone(), Vec::new()));
                lists.len() - 1
            });
            let list = lists.get_mut(number).map(|(_, list)| list);
            list.into_iter().for_each(|list| list.push(Mention { finding: finding as u32, weight }));
        };
        let mut reached = std::collections::BTreeSet::new();
        let arrivals = Arrivals::new(&self.logins, &self.addresses);
        for (number, finding) in findings.iter().enumerate() {
            for (common, weight) in mentions(finding, &mut self.processes) {
                add(common, number, weight);
            }
            for (arrival, weight) in arrivals.of(finding) {
                reached.insert(arrival);
                add(Common::Login(arrival), number, weight);
                if let Some(before) = arrivals.before(arrival) {
                    reached.insert(before);
                    add(Common::Login(before), number, weight);
                }
                for (common, weight) in arrivals.get(arrival).into_iter().flat_map(came_with) {
                    add(common, number, weight);
                }
            }
        }
        for (arrival, number, weight) in arrivals.departures(findings, &reached) {
            add(Common::Login(arrival), number, weight);
        }
        lists.iter_mut().for_each(|(_, list)| list.sort_by_key(|mention| mention.finding));
        lists
    }

    fn limits_reached(&self) -> Vec<String> {
        let told = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        [
            told(self.beyond, "findings of lower level are more than can be linked; --findings lists them"),
            told(self.processes.beyond, "events of processes and files are more than are kept to link findings by"),
            told(self.more_logins, "logins from elsewhere are more than are kept to link findings by"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
