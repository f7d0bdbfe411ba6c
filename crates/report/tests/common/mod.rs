//! Findings and summaries from JSON that was written by hand, and the printers run over them.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{borrow::Cow, path::PathBuf, sync::Arc};

use event::{Damage, Finding, LogSource, Matched, Piece, Place, Position, Record, RuleInfo, Time, Value as FieldValue};
use incident::{
    Action, Entity, EntityKind, Incident, IncidentId, Incidents, Link, LinkKind, Part, Resemblance, Step, Tactic,
};
use report::{
    Evidence, Failure, Format, NotApplicable, NumberGap, RulePack, RuleProblem, Rules, Style, Summary, Suppressed,
    TimeGap, Unknown, Zone,
};
use serde_json::Value;

/// The project's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a printer of `format` writes.
pub fn print(format: Format, style: &Style, findings: &[Finding], summary: &Summary) -> String {
    let mut out = Vec::new();
    let mut printer = format.printer(&mut out, style.clone()).unwrap();
    findings.iter().for_each(|finding| printer.finding(finding).unwrap());
    printer.end(summary).unwrap();
    drop(printer);
    String::from_utf8(out).unwrap()
}

/// A record that has no more than a finding takes from it.
pub struct ToyRecord {
    pub host: String,
    pub channel: String,
    pub provider: String,
    pub event_id: u32,
    pub position: Position,
}

impl Record for ToyRecord {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "toy", channel: &self.channel, provider: &self.provider, event_id: self.event_id }
    }
    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.host)
    }
    fn position(&self) -> Position {
        self.position
    }
    fn visit(&self, _: &mut dyn FnMut(&str, FieldValue<'_>)) {}
}

/// A case as its `findings.json` has it.
pub struct Case {
    pub zone: Zone,
    pub findings: Vec<Finding>,
    pub summary: Summary,
}

impl Case {
    pub fn parse(text: &str) -> Self {
        let case: Value = serde_json::from_str(text).unwrap();
        let rules: Vec<_> = list(&case, "rules", |rule| Arc::new(rule_info(rule)));
        let findings: Vec<_> = list(&case, "findings", |one| finding(one, &rules));
        let mut summary = summary(&case["summary"]);
        summary.findings = findings.len() as u64;
        Self { zone: text_or(&case, "timezone", "UTC").parse().unwrap(), findings, summary }
    }
}

fn text(value: &Value, key: &str) -> String {
    text_or(value, key, "")
}

fn text_or(value: &Value, key: &str, or: &str) -> String {
    value.get(key).map_or(or, |text| text.as_str().unwrap_or_else(|| panic!("{key} is no text"))).to_owned()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).map_or(0, |number| number.as_u64().unwrap_or_else(|| panic!("{key} is no number")))
}

fn time(value: &Value, key: &str) -> Option<Time> {
    value.get(key).map(|time| Time::parse(time.as_str().unwrap()).unwrap())
}

fn list<T>(value: &Value, key: &str, each: impl Fn(&Value) -> T) -> Vec<T> {
    value.get(key).map_or(Vec::new(), |list| list.as_array().unwrap().iter().map(each).collect())
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    list(value, key, |text| text.as_str().unwrap().to_owned())
}

fn position(value: &Value) -> Position {
    match (value.get("record"), value.get("line"), value.get("offset")) {
        (Some(number), None, None) => Position::Record(number.as_u64().unwrap()),
        (None, Some(number), None) => Position::Line(number.as_u64().unwrap()),
        (None, None, Some(number)) => Position::Offset(number.as_u64().unwrap()),
        _ => panic!("no position, or several: {value}"),
    }
}

fn rule_info(rule: &Value) -> RuleInfo {
    RuleInfo {
        id: text(rule, "id"),
        title: text(rule, "title"),
        path: text(rule, "path"),
        level: text(rule, "level").parse().unwrap(),
        status: text(rule, "status"),
        description: text(rule, "description"),
        author: text(rule, "author"),
        tags: texts(rule, "tags"),
        false_positives: texts(rule, "false_positives"),
    }
}

fn finding(one: &Value, rules: &[Arc<RuleInfo>]) -> Finding {
    let record = ToyRecord {
        host: text(one, "host"),
        channel: text(one, "channel"),
        provider: text(one, "provider"),
        event_id: number(one, "event_id") as u32,
        position: position(one),
    };
    let matched = list(one, "matched", |pair| Matched {
        field: pair[0].as_str().unwrap().to_owned(),
        value: pair[1].as_str().unwrap().to_owned(),
    });
    let place = Place { piece: Arc::new(Piece { path: text(one, "path") }), position: record.position };
    Finding::new(&rules[number(one, "rule") as usize], time(one, "time"), place, &record, matched)
}

fn summary(value: &Value) -> Summary {
    let failure = |one: &Value| Failure { path: text(one, "path"), reason: text(one, "reason") };
    Summary {
        accounting: Vec::new(),
        indicators: None,
        program: text(value, "program"),
        rules: rules(&value["rules"]),
        evidence: list(value, "evidence", evidence),
        unknown: list(value, "unknown", |one| Unknown { path: text(one, "path"), looks_like: text(one, "looks_like") }),
        skipped: list(value, "skipped", failure),
        failures: list(value, "failures", failure),
        suppressed: list(value, "suppressed", |one| Suppressed {
            rule: text(one, "rule"),
            reason: text(one, "reason"),
            findings: number(one, "findings"),
            expired: one["expired"] == true,
        }),
        findings: 0,
        known: number(value, "known"),
        outside_time: number(value, "outside_time"),
    }
}

fn rules(value: &Value) -> Rules {
    let problem =
        |one: &Value| RuleProblem { path: text(one, "path"), line: one["line"].as_u64(), reason: text(one, "reason") };
    Rules {
        loaded: number(value, "loaded"),
        packs: list(value, "packs", |pack| RulePack {
            name: text(pack, "name"),
            version: text(pack, "version"),
            sha256: text(pack, "sha256"),
            rules: number(pack, "rules"),
        }),
        not_applicable: list(value, "not_applicable", |one| NotApplicable {
            reason: text(one, "reason"),
            rules: number(one, "rules"),
        }),
        refused: list(value, "refused", problem),
        not_run: list(value, "not_run", problem),
    }
}

fn evidence(value: &Value) -> Evidence {
    Evidence {
        path: text(value, "path"),
        format: text(value, "format"),
        bytes: number(value, "bytes"),
        sha256: text(value, "sha256"),
        records: number(value, "read"),
        damaged: number(value, "damaged"),
        damages: list(value, "damages", |one| Damage {
            position: position(one),
            records: number(one, "records"),
            reason: text(one, "reason"),
        }),
        more_damages: number(value, "more_damages"),
        gaps: list(value, "gaps", |gap| NumberGap {
            after: number(gap, "after"),
            before: number(gap, "before"),
            from: time(gap, "from"),
            until: time(gap, "until"),
        }),
        more_gaps: number(value, "more_gaps"),
        silences: list(value, "silences", |gap| TimeGap {
            from: time(gap, "from").unwrap(),
            until: time(gap, "until").unwrap(),
        }),
        notes: texts(value, "notes"),
    }
}

/// A case as its `incidents.json` has it: rules, findings and summary as above, and incidents that name findings by number.
pub struct Told {
    pub zone: Zone,
    pub incidents: Incidents,
    pub summary: Summary,
}

impl Told {
    pub fn parse(text: &str) -> Self {
        let Case { zone, findings, summary } = Case::parse(text);
        let case: Value = serde_json::from_str(text).unwrap();
        let findings: Vec<Arc<Finding>> = findings.into_iter().map(Arc::new).collect();
        let incidents = Incidents {
            incidents: list(&case, "incidents", |one| incident(one, &findings)),
            single: list(&case, "single", |number| Arc::clone(&findings[number.as_u64().unwrap() as usize])),
            limits: texts(&case, "limits"),
        };
        Self { zone, incidents, summary }
    }
}

fn incident(one: &Value, findings: &[Arc<Finding>]) -> Incident {
    let steps = list(one, "steps", |step| Step {
        span: time(step, "from").map(|from| (from, time(step, "until").unwrap_or(from))),
        times: step.get("times").map_or(1, |times| times.as_u64().unwrap()),
        host: text(step, "host"),
        sentence: text(step, "sentence"),
        level: text(step, "level").parse().unwrap(),
        findings: list(step, "findings", |number| Arc::clone(&findings[number.as_u64().unwrap() as usize])),
    });
    let times = steps.iter().filter_map(|step: &Step| step.span);
    let span = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    Incident {
        id: incident_id(&text(one, "id")),
        title: text(one, "title"),
        level: text(one, "level").parse().unwrap(),
        rank: list(one, "rank", |part| Part { points: at(part, 0).as_u64().unwrap() as u32, reason: word(part, 1) }),
        span,
        hosts: texts(one, "hosts"),
        accounts: texts(one, "accounts"),
        steps,
        links: list(one, "links", link),
        entities: list(one, "entities", |entity| {
            let kind = KINDS.into_iter().find(|kind| kind.as_str() == word(entity, 0)).unwrap();
            let steps = at(entity, 2).as_array().unwrap().iter().map(|step| step.as_u64().unwrap() as usize).collect();
            (Entity { kind, name: word(entity, 1) }, steps)
        }),
        tactics: texts(one, "tactics").iter().map(|name| tactic(name)).collect(),
        techniques: texts(one, "techniques"),
        resemblance: list(one, "resemblance", |one| Resemblance {
            what: word(one, 0),
            known_for: word(one, 1),
            step: at(one, 2).as_u64().unwrap() as usize,
        }),
        actions: list(one, "actions", |one| Action { what: word(one, 0), detail: word(one, 1) }),
    }
}

/// An id from its twelve hexadecimal digits.
pub fn incident_id(text: &str) -> IncidentId {
    let digits = u64::from_str_radix(text, 16).unwrap().to_be_bytes();
    IncidentId(digits[2..].try_into().unwrap())
}

fn link(one: &Value) -> Link {
    let kind = text(one, "kind");
    Link {
        from: number(one, "from") as usize,
        to: number(one, "to") as usize,
        kind: LINK_KINDS.into_iter().find(|known| known.as_str() == kind).unwrap(),
        strength: one["strength"].as_f64().unwrap() as f32,
        why: text(one, "why"),
    }
}

fn tactic(name: &str) -> Tactic {
    Tactic::ALL.into_iter().find(|tactic| tactic.as_str() == name).unwrap()
}

fn at(list: &Value, number: usize) -> &Value {
    &list[number]
}

fn word(list: &Value, number: usize) -> String {
    list[number].as_str().unwrap().to_owned()
}

const KINDS: [EntityKind; 7] = [
    EntityKind::Host,
    EntityKind::Account,
    EntityKind::Process,
    EntityKind::File,
    EntityKind::Domain,
    EntityKind::Address,
    EntityKind::Mail,
];

const LINK_KINDS: [LinkKind; 5] =
    [LinkKind::SameProcess, LinkKind::Delivered, LinkKind::Login, LinkKind::SameSession, LinkKind::SameEntity];
