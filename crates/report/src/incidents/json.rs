use std::{
    io::{self, BufWriter, Write},
    sync::Arc,
};

use event::{Finding, Time};
use incident::{Action, Entity, Incident, Link, Part, Resemblance, Step, Tactic};
use serde::{Serialize, Serializer};

use super::Told;
use crate::{
    Summary, Zone,
    json::{FindingView, write_json},
};

/// One JSON object: incidents and single observations a line each, limits, and the summary.
pub(super) fn write(told: &Told<'_>, summary: &Summary, out: &mut dyn Write, zone: &Zone) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    out.write_all(b"{\"incidents\":[")?;
    lines(told.incidents.iter().map(|one| IncidentView::of(one, zone)), &mut out)?;
    out.write_all(b"],\"single\":[")?;
    lines(told.single.iter().map(|finding| FindingView::of(finding, zone)), &mut out)?;
    out.write_all(b"],\"limits\":")?;
    write_json(&told.limits, &mut out)?;
    out.write_all(b",\"summary\":\n")?;
    summary.to_json(zone, &mut out)?;
    out.write_all(b"\n}\n")?;
    out.flush()
}

/// Each value on a line of its own, with commas between them.
fn lines(values: impl Iterator<Item = impl Serialize>, out: &mut impl Write) -> io::Result<()> {
    let mut any = false;
    for value in values {
        out.write_all(if any { b",\n" } else { b"\n" })?;
        any = true;
        write_json(&value, &mut *out)?;
    }
    out.write_all(if any { b"\n" } else { b"" })
}

/// A list whose values are made one at a time, since an incident may have very many findings.
struct Each<'a, T, V>(&'a [T], &'a Zone, fn(&'a T, &'a Zone) -> V);

impl<T, V: Serialize> Serialize for Each<'_, T, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(values, zone, view) = self;
        serializer.collect_seq(values.iter().map(|value| view(value, zone)))
    }
}

/// An incident, in the order of keys that `docs/report.md` gives.
#[derive(Serialize)]
struct IncidentView<'a> {
    id: String,
    title: &'a str,
    level: &'static str,
    points: u32,
    rank: Vec<PartView<'a>>,
    from: Option<String>,
    until: Option<String>,
    hosts: &'a [String],
    accounts: &'a [String],
    tactics: Vec<&'static str>,
    techniques: &'a [String],
    steps: Each<'a, Step, StepView<'a>>,
    links: Vec<LinkView<'a>>,
    entities: Vec<EntityView<'a>>,
    resemblance: Vec<ResemblanceView<'a>>,
    actions: Vec<ActionView<'a>>,
}

impl<'a> IncidentView<'a> {
    fn of(incident: &'a Incident, zone: &'a Zone) -> Self {
        let (from, until) = moments(incident.span, zone);
        Self {
            id: incident.id.to_string(),
            title: &incident.title,
            level: incident.level.as_str(),
            points: incident.points(),
            rank: incident.rank.iter().map(PartView::of).collect(),
            from,
            until,
            hosts: &incident.hosts,
            accounts: &incident.accounts,
            tactics: incident.tactics.iter().copied().map(Tactic::as_str).collect(),
            techniques: &incident.techniques,
            steps: Each(&incident.steps, zone, StepView::of),
            links: incident.links.iter().map(LinkView::of).collect(),
            entities: incident.entities.iter().map(|(entity, steps)| EntityView::of(entity, steps)).collect(),
            resemblance: incident.resemblance.iter().map(ResemblanceView::of).collect(),
            actions: incident.actions.iter().map(ActionView::of).collect(),
        }
    }
}

fn moments(span: Option<(Time, Time)>, zone: &Zone) -> (Option<String>, Option<String>) {
    (span.map(|(from, _)| zone.rfc3339(from)), span.map(|(_, until)| zone.rfc3339(until)))
}

#[derive(Serialize)]
struct PartView<'a> {
    points: u32,
    reason: &'a str,
}

impl<'a> PartView<'a> {
    fn of(part: &'a Part) -> Self {
        Self { points: part.points, reason: &part.reason }
    }
}

#[derive(Serialize)]
struct StepView<'a> {
    from: Option<String>,
    until: Option<String>,
    times: u64,
    host: &'a str,
    sentence: &'a str,
    level: &'static str,
    findings: Each<'a, Arc<Finding>, FindingView<'a>>,
}

impl<'a> StepView<'a> {
    fn of(step: &'a Step, zone: &'a Zone) -> Self {
        let (from, until) = moments(step.span, zone);
        Self {
            from,
            until,
            times: step.times,
            host: &step.host,
            sentence: &step.sentence,
            level: step.level.as_str(),
            findings: Each(&step.findings, zone, |finding, zone| FindingView::of(finding, zone)),
        }
    }
}

#[derive(Serialize)]
struct LinkView<'a> {
    from: usize,
    to: usize,
    kind: &'static str,
    strength: f32,
    why: &'a str,
}

impl<'a> LinkView<'a> {
    fn of(link: &'a Link) -> Self {
        Self { from: link.from, to: link.to, kind: link.kind.as_str(), strength: link.strength, why: &link.why }
    }
}

#[derive(Serialize)]
struct EntityView<'a> {
    kind: &'static str,
    name: &'a str,
    steps: &'a [usize],
}

impl<'a> EntityView<'a> {
    fn of(entity: &'a Entity, steps: &'a [usize]) -> Self {
        Self { kind: entity.kind.as_str(), name: &entity.name, steps }
    }
}

#[derive(Serialize)]
struct ResemblanceView<'a> {
    what: &'a str,
    known_for: &'a str,
    step: usize,
}

impl<'a> ResemblanceView<'a> {
    fn of(one: &'a Resemblance) -> Self {
        Self { what: &one.what, known_for: &one.known_for, step: one.step }
    }
}

#[derive(Serialize)]
struct ActionView<'a> {
    what: &'a str,
    detail: &'a str,
}

impl<'a> ActionView<'a> {
    fn of(action: &'a Action) -> Self {
        Self { what: &action.what, detail: &action.detail }
    }
}
