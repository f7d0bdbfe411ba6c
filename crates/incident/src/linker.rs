//! The linker: fed with traces and findings, gives incidents.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use event::{Finding, Login, Observation, Outcome, Piece, Place, Step as LoginStep};
use foldhash::{HashMap, HashMapExt};

use crate::{
    EntityKind, Incidents,
    arrivals::{Arrival, Arrivals},
    assemble::{self, Linked},
    graph::{self, Lists},
    kept::{Kept, Run},
    mention::{Common, Weight, came_with, mentions},
    names,
    processes::Processes,
    told::Told,
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
    pub(crate) limits: Limits,
    pub(crate) findings: Kept,
    pub(crate) processes: Processes,
    pub(crate) told: Told,
    /// Machines by their addresses; of an address that several had, the one named first.
    pub(crate) addresses: BTreeMap<String, String>,
    pub(crate) logins: Vec<Arrival>,
    pub(crate) more_logins: u64,
}

impl Linker {
    /// One that keeps no more than that.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a finding.
    pub fn finding(&mut self, finding: Finding) {
        self.findings.push(finding, self.limits.findings);
    }

    /// Takes an observation of [`TRACES`](crate::TRACES).
    pub fn observe(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>) {
        let Some(trace) = Trace::unpack(observation) else { return };
        let place = || Place { piece: Arc::clone(piece), position: observation.position };
        match trace.kind {
            Kind::Connection => {
                let [address, other, domain] = trace.values();
                self.address(trace.host, address);
                self.told.domain(domain, other);
            }
            Kind::Query => {
                let [domain, results] = trace.values();
                results.split(';').for_each(|address| self.told.domain(domain, address));
            }
            Kind::Event => self.told.event(place(), &trace),
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
                    place: place(),
                });
            }
            _ => {
                match trace.kind {
                    Kind::File => self.told.download(&trace),
                    Kind::AuditProcess => self.told.audited(place(), &trace),
                    _ => {}
                }
                self.processes.observe(observation.time, &trace);
            }
        }
    }

    /// Takes what a record tells of a login, as the accounting has it.
    pub fn login(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>, step: &LoginStep<'_>) {
        let (LoginStep::Login(login) | LoginStep::Hint(login)) = step else { return };
        let Login { outcome: Outcome::Accepted, user, host, source, source_host, session, key, .. } = login else {
            return;
        };
        if is_address(source) || !source_host.is_empty() {
            self.arrive(Arrival {
                time: observation.time,
                host: names::host(host),
                from: source.to_string(),
                from_host: names::host(source_host),
                account: names::account(user),
                session: session.to_string(),
                key: key.as_ref().map(|key| key.fingerprint.to_string()).unwrap_or_default(),
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

    /// What came of the findings, which it forgets then, worked out on so many threads. `report_to` are those to be told of incidents, as `site.toml` names them.
    pub fn incidents(&mut self, report_to: &[String], threads: usize) -> Incidents {
        self.findings.shed(self.limits.findings);
        let limits = self.limits_reached();
        self.processes.set_clocks();
        let (mut findings, runs) = std::mem::take(&mut self.findings).in_order();
        for finding in findings.iter_mut().filter_map(Arc::get_mut) {
            if let Some(correlated) = &finding.correlated {
                finding.context = self.told.context(correlated);
            }
        }
        let lists = self.lists(&findings, &runs);
        let spans: Vec<Option<(i64, i64)>> = runs.iter().map(|run| run.span).collect();
        let mut groups = graph::Groups::of_each(runs.len());
        one_record(&findings, &runs, &mut groups);
        graph::join(&spans, &lists, &mut groups);
        let linked = Linked::new(&findings, &runs, &lists, &self.processes);
        Incidents { limits, ..assemble::incidents(&linked, groups, report_to, threads) }
    }

    /// All that runs of findings name, with those that do, in the order of time.
    fn lists(&mut self, findings: &[Arc<Finding>], runs: &[Run]) -> Lists {
        let mut lists = Lists::default();
        let firsts: Vec<&Finding> = firsts(findings, runs).collect();
        let mut reached = BTreeSet::new();
        let arrivals = Arrivals::new(&self.logins, &self.addresses);
        for (number, finding) in (0..).zip(&firsts) {
            for (common, weight) in mentions(finding, &mut self.processes, &self.told) {
                lists.add(common, number, weight);
            }
            for (arrival, weight) in arrivals.of(finding) {
                reached.insert(arrival);
                lists.add(Common::Login(arrival), number, weight);
                if let Some(before) = arrivals.before(arrival) {
                    reached.insert(before);
                    lists.add(Common::Login(before), number, weight);
                }
                let Some(arrival) = arrivals.get(arrival) else { continue };
                let machine = self.processes.symbols.number(&arrival.host);
                // Which machines a correlation concerns, its logins alone may tell; that links nothing.
                lists.add(Common::Entity(EntityKind::Host, machine), number, Weight { strength: 0.0, ..weight });
                for (common, weight) in came_with(arrival, &mut self.processes.symbols) {
                    lists.add(common, number, weight);
                }
            }
        }
        for (arrival, number, weight) in arrivals.departures(&firsts, &reached) {
            lists.add(Common::Login(arrival), number as u32, weight);
        }
        lists.sort();
        lists
    }

    fn limits_reached(&self) -> Vec<String> {
        let told = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        [
            told(self.findings.beyond, "findings of lower level are more than can be linked; --findings lists them"),
            told(self.processes.beyond, "events of processes and files are more than are kept to link findings by"),
            told(
                self.told.beyond,
                "names of addresses, downloads and events of correlations are more than are kept to link findings by",
            ),
            told(self.more_logins, "logins from elsewhere are more than are kept to link findings by"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The first finding of each run.
fn firsts<'a>(findings: &'a [Arc<Finding>], runs: &'a [Run]) -> impl Iterator<Item = &'a Finding> {
    runs.iter().filter_map(|run| findings.get(*run.members.first()? as usize).map(|finding| &**finding))
}

/// Joins what one record says, and a correlation with its events.
fn one_record(findings: &[Arc<Finding>], runs: &[Run], groups: &mut graph::Groups) {
    let mut known = HashMap::<&Place, u32>::with_capacity(runs.len());
    for (number, run) in (0..).zip(runs) {
        for finding in run.members.iter().filter_map(|member| findings.get(*member as usize)) {
            let events = finding.correlated.iter().flat_map(|one| one.firsts.iter().chain([&one.last]));
            for place in std::iter::once(&finding.place).chain(events.map(|event| &event.place)) {
                let other = *known.entry(place).or_insert(number);
                groups.same_record(other, number);
            }
        }
    }
}
