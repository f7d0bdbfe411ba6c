//! Findings and summaries from JSON that was written by hand, and the printers run over them.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{borrow::Cow, path::PathBuf, sync::Arc};

use event::{Damage, Finding, LogSource, Matched, Piece, Place, Position, Record, RuleInfo, Time, Value as FieldValue};
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
