//! Groups of findings to incidents: what repeats itself folded, in the order of time, with what it is called and how it ranks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use event::{Finding, Level, Place, Time};
use foldhash::{HashMap, HashMapExt};

use crate::{
    Entity, EntityKind, Incident, IncidentId, Incidents, Link, Step, Tactic, actions,
    common::is_common_account,
    facts::Facts,
    graph::{Groups, Joined, Lists},
    kept::Run,
    known,
    mention::Common,
    names,
    processes::{ONE_START, Processes},
    rank,
    story::sentence,
    why,
};

/// Entities of an incident that are told.
const MAX_ENTITIES: usize = 200;

/// Makes incidents of groups, on so many threads.
pub fn incidents(linked: &Linked<'_>, mut groups: Groups, report_to: &[String], threads: usize) -> Incidents {
    let mut members = BTreeMap::<u32, Vec<u32>>::new();
    for number in 0..linked.runs.len() as u32 {
        members.entry(groups.of(number)).or_default().push(number);
    }
    let mut joined = HashMap::<u32, Vec<Joined>>::new();
    for link in std::mem::take(&mut groups.joined) {
        joined.entry(groups.of(link.from)).or_default().push(link);
    }
    let groups_of = groups_of_rules(linked, &members);
    let is_rare = |rule: &str| members.len() > 1 && groups_of.get(rule) == Some(&1);
    let (mut result, mut told) = (Incidents::default(), Vec::new());
    for (group, members) in &members {
        let all = || members.iter().flat_map(|run| linked.run(*run));
        let level = all().map(|finding| finding.rule.level).max().unwrap_or(Level::Informational);
        if level <= Level::Low && (all().nth(1).is_none() || level == Level::Informational) {
            result.single.extend(all().cloned());
        } else {
            told.push(Group { linked, members, links: joined.remove(group).unwrap_or_default(), level });
        }
    }
    result.incidents = in_parallel(&told, threads, |group| group.incident(report_to, &is_rare));
    result.incidents.sort_by(|a, b| (b.points(), b.level, a.id).cmp(&(a.points(), a.level, b.id)));
    result
        .single
        .sort_by(|a, b| (a.time.is_none(), a.time, a.id, &a.place).cmp(&(b.time.is_none(), b.time, b.id, &b.place)));
    result
}

/// What comes of each group, in any order: who is done with one takes the next, since some are far larger than others.
fn in_parallel(
    groups: &[Group<'_>],
    threads: usize,
    incident: impl Fn(&Group<'_>) -> Incident + Sync,
) -> Vec<Incident> {
    let next = AtomicUsize::new(0);
    let some = || std::iter::from_fn(|| groups.get(next.fetch_add(1, Relaxed)).map(&incident)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(groups.len())).map(|_| scope.spawn(some)).collect();
        let mut all = some();
        for other in others {
            all.append(&mut other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    })
}

/// In how many groups each rule found something.
fn groups_of_rules<'a>(linked: &Linked<'a>, groups: &BTreeMap<u32, Vec<u32>>) -> HashMap<&'a str, u32> {
    let mut counts = HashMap::new();
    for runs in groups.values() {
        let firsts = runs
            .iter()
            .filter_map(|run| linked.findings.get(*linked.runs.get(*run as usize)?.members.first()? as usize));
        let rules: BTreeSet<&str> = firsts.map(|finding| finding.rule.id.as_str()).collect();
        rules.into_iter().for_each(|rule| *counts.entry(rule).or_default() += 1);
    }
    counts
}

/// What is told of each run: pairs of the run and the number of what it names, sorted.
fn named(lists: &Lists) -> Vec<(u32, u32)> {
    let is_told = |common| matches!(common, Common::Entity(..) | Common::Local(..) | Common::Process(_));
    let told = lists.mentions().iter().filter(|mention| is_told(lists.get(mention.common)));
    let mut named: Vec<(u32, u32)> = told.map(|mention| (mention.finding, mention.common)).collect();
    named.sort_unstable();
    named
}

/// All that was linked.
pub struct Linked<'a> {
    findings: &'a [Arc<Finding>],
    runs: &'a [Run],
    named: Vec<(u32, u32)>,
    lists: &'a Lists,
    processes: &'a Processes,
}

impl<'a> Linked<'a> {
    /// Runs of these findings, by what `lists` has of them.
    pub fn new(findings: &'a [Arc<Finding>], runs: &'a [Run], lists: &'a Lists, processes: &'a Processes) -> Self {
        Self { findings, runs, named: named(lists), lists, processes }
    }

    /// The findings of a run.
    fn run(&self, number: u32) -> impl Iterator<Item = &Arc<Finding>> {
        let members = self.runs.get(number as usize).into_iter().flat_map(|run| &run.members);
        members.filter_map(|member| self.findings.get(*member as usize))
    }

    /// What a run names.
    fn named(&self, run: u32) -> impl Iterator<Item = Common> {
        let start = self.named.partition_point(|(other, _)| *other < run);
        let named = self.named.iter().skip(start).take_while(move |(other, _)| *other == run);
        named.map(|(_, common)| self.lists.get(*common))
    }
}

/// Findings that belong together, and what is known of them.
struct Group<'a> {
    linked: &'a Linked<'a>,
    /// Numbers of runs.
    members: &'a [u32],
    links: Vec<Joined>,
    /// The most severe of its findings'.
    level: Level,
}

/// The steps of a group, and for each run the number of its step.
type Folded = (Vec<Step>, HashMap<u32, usize>);

impl Group<'_> {
    fn incident(&self, report_to: &[String], is_rare: &dyn Fn(&str) -> bool) -> Incident {
        let (steps, step_of) = self.fold();
        let links = self.step_links(&step_of);
        let entities = self.entities(&steps, &step_of);
        let tags = || steps.iter().flat_map(|step| &step.findings).flat_map(|finding| &finding.rule.tags);
        let tactics: BTreeSet<Tactic> = tags().filter_map(|tag| Tactic::of_tag(tag)).collect();
        let techniques: BTreeSet<String> =
            steps.iter().flat_map(|step| &step.findings).flat_map(|finding| finding.rule.techniques()).collect();
        let of_kind = |kind: EntityKind| {
            let mut found: Vec<(usize, &str)> = entities
                .iter()
                .filter(|(entity, _)| entity.kind == kind)
                .filter_map(|(entity, steps)| Some((*steps.first()?, entity.name.as_str())))
                .collect();
            found.sort_unstable();
            found.into_iter().map(|(_, name)| name.to_owned()).collect::<Vec<_>>()
        };
        let first = steps.iter().filter_map(|step| step.span.map(|(first, _)| first)).min();
        let last = steps.iter().filter_map(|step| step.span.map(|(_, last)| last)).max();
        let id = steps.iter().flat_map(|step| &step.findings).map(|finding| finding.id).min();
        let id = IncidentId(id.and_then(|id| id.0.first_chunk::<6>().copied()).unwrap_or_default());
        let mut incident = Incident {
            id,
            title: String::new(),
            level: self.level,
            rank: Vec::new(),
            span: first.zip(last),
            hosts: of_kind(EntityKind::Host),
            accounts: of_kind(EntityKind::Account),
            resemblance: known::resemblance(&steps),
            steps,
            links,
            entities,
            tactics: tactics.into_iter().collect(),
            techniques: techniques.into_iter().collect(),
            actions: Vec::new(),
        };
        incident.title = why::title(&incident);
        incident.rank = rank::rank(&incident, is_rare);
        incident.actions = actions::actions(&incident, report_to);
        incident
    }

    /// Steps in the order of time. One record is one step, whatever rules it satisfied; what is told in the same words happened again.
    fn fold(&self) -> Folded {
        let mut records = BTreeMap::<usize, Vec<u32>>::new();
        let mut first_of = HashMap::<&Place, usize>::new();
        for (at, member) in self.members.iter().enumerate() {
            let Some(finding) = self.linked.run(*member).next() else { continue };
            let first = *first_of.entry(&finding.place).or_insert(at);
            records.entry(first).or_default().push(*member);
        }
        let (mut steps, mut step_of) = (Vec::<Step>::new(), HashMap::new());
        let mut known = HashMap::<(String, String), usize>::new();
        for runs in records.into_values() {
            let mut all: Vec<Arc<Finding>> = runs.iter().flat_map(|run| self.linked.run(*run)).cloned().collect();
            all.sort_by(|a, b| b.rule.level.cmp(&a.rule.level).then(a.rule.title.cmp(&b.rule.title)));
            let Some(worst) = all.first() else { continue };
            let (host, sentence) = (names::host(&worst.host), sentence(worst));
            let number = *known.entry((host.clone(), sentence.clone())).or_insert(steps.len());
            step_of.extend(runs.iter().map(|run| (*run, number)));
            let (level, span) = (worst.rule.level, span(&all));
            match steps.get_mut(number) {
                None => steps.push(Step { span, times: 0, host, sentence, level, findings: all }),
                Some(step) => {
                    step.span = join(step.span, span);
                    step.level = step.level.max(level);
                    step.findings.extend(all);
                }
            }
        }
        steps.iter_mut().for_each(|step| step.times = times(&step.findings));
        (steps, step_of)
    }

    /// The links between steps; of several between two, the strongest.
    fn step_links(&self, step_of: &HashMap<u32, usize>) -> Vec<Link> {
        let mut best = BTreeMap::<(usize, usize), &Joined>::new();
        for joined in &self.links {
            let (Some(from), Some(to)) = (step_of.get(&joined.from), step_of.get(&joined.to)) else { continue };
            let (from, to) = (*from.min(to), *from.max(to));
            if from == to {
                continue;
            }
            let slot = best.entry((from, to)).or_insert(joined);
            if joined.strength > slot.strength {
                *slot = joined;
            }
        }
        let link = |((from, to), joined): ((usize, usize), &Joined)| {
            let common = self.linked.lists.get(joined.common);
            let why = why::why(joined.kind, &common, self.linked.processes);
            Link { from, to, kind: joined.kind, strength: joined.strength, why }
        };
        best.into_iter().map(link).collect()
    }

    /// Whom and what the steps name, those of most steps first.
    fn entities(&self, steps: &[Step], step_of: &HashMap<u32, usize>) -> Vec<(Entity, Vec<usize>)> {
        let mut found = BTreeMap::<Entity, BTreeSet<usize>>::new();
        let mut add = |kind, name: String, step| {
            if !name.is_empty() {
                found.entry(Entity { kind, name }).or_default().insert(step);
            }
        };
        for (number, step) in steps.iter().enumerate() {
            add(EntityKind::Host, step.host.clone(), number);
        }
        for member in self.members {
            let Some(step) = step_of.get(member).copied() else { continue };
            for common in self.linked.named(*member) {
                match common {
                    Common::Entity(kind, name) => {
                        let name = self.linked.processes.symbols.text(name);
                        if kind != EntityKind::Account || !is_common_account(name) {
                            add(kind, name.to_owned(), step);
                        }
                    }
                    // Accounts are named as anybody calls them, too.
                    Common::Local(kind, host, name) if kind != EntityKind::Account => {
                        let symbols = &self.linked.processes.symbols;
                        add(kind, format!("{} {}", symbols.text(host), symbols.text(name)), step);
                    }
                    Common::Process(number) => {
                        if let Some(process) = self.linked.processes.get(number) {
                            add(EntityKind::Process, why::process(process, self.linked.processes), step);
                        }
                    }
                    _ => {}
                }
            }
        }
        let mut entities: Vec<(Entity, Vec<usize>)> =
            found.into_iter().map(|(entity, steps)| (entity, steps.into_iter().collect())).collect();
        entities.sort_by(|(a, one), (b, other)| other.len().cmp(&one.len()).then_with(|| a.cmp(b)));
        let mut is_host =
            entities.iter().map(|(entity, _)| entity.kind == EntityKind::Host).collect::<Vec<_>>().into_iter();
        let mut left = MAX_ENTITIES;
        entities.retain(|_| {
            let keep = is_host.next() == Some(true) || left > 0;
            left = left.saturating_sub(1);
            keep
        });
        entities
    }
}

/// How often something was seen: each record counts once, or as often as a correlation says that begins with it.
fn times(findings: &[Arc<Finding>]) -> u64 {
    let mut times = HashMap::<&Place, u64>::new();
    for finding in findings {
        let events = finding.correlated.as_ref().map_or(1, |correlated| correlated.events);
        let most = times.entry(&finding.place).or_default();
        *most = events.max(*most);
    }
    times.into_values().sum::<u64>().saturating_sub(told_twice(findings))
}

/// How many starts of a process both Sysmon and the Security log tell of.
fn told_twice(findings: &[Arc<Finding>]) -> u64 {
    let (mut by_sysmon, mut by_security) = (BTreeSet::new(), BTreeSet::new());
    for finding in findings {
        let facts = Facts(finding);
        let Some((started, time)) = facts.started().zip(finding.time) else { continue };
        let starts = if facts.is_security() { &mut by_security } else { &mut by_sysmon };
        starts.insert((started, time.as_nanos()));
    }
    let is_told = |(started, time): &((u32, String), i64)| {
        let around =
            (started.clone(), time.saturating_sub(ONE_START))..=(started.clone(), time.saturating_add(ONE_START));
        by_sysmon.range(around).next().is_some()
    };
    by_security.iter().filter(|start| is_told(start)).count() as u64
}

fn span(findings: &[Arc<Finding>]) -> Option<(Time, Time)> {
    let ends = findings.iter().filter_map(|finding| {
        let last = finding.correlated.as_ref().map(|correlated| correlated.last.time);
        finding.time.map(|time| (time, last.unwrap_or(time).max(time)))
    });
    ends.map(Some).reduce(join).flatten()
}

fn join(one: Option<(Time, Time)>, other: Option<(Time, Time)>) -> Option<(Time, Time)> {
    match (one, other) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (one, other) => one.or(other),
    }
}
