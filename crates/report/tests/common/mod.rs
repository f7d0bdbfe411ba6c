//! Findings and summaries from JSON that was written by hand, and the printers run over them.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{Damage, Finding, LogSource, Matched, Piece, Place, Position, Record, RuleInfo, Time, Value as FieldValue};
use incident::{
    Action, Entity, EntityKind, Incident, IncidentId, Incidents, Link, LinkKind, Part, Resemblance, Step, Tactic,
};
use proptest::prelude::*;
use report::{
    Evidence, Failure, Format, NotApplicable, NumberGap, RulePack, RuleProblem, Rules, Style, Summary, Suppressed,
    TimeGap, Unknown, Zone,
};
use serde_json::Value;

/// The project's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares what cases, folders below `tests/golden/FOLDER` of which there are at least so many, give with what is expected of them: texts by
/// the names of their files.
pub fn check_cases(folder: &str, least: usize, outputs: impl Fn(&Path) -> Vec<(&'static str, String)>) {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut cases: Vec<_> =
        fs::read_dir(root().join("tests/golden").join(folder)).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= least, "the cases are gone: {cases:?}");
    let mut wrong = Vec::new();
    for (path, output) in
        cases.iter().flat_map(|case| outputs(case).into_iter().map(|(name, output)| (case.join(name), output)))
    {
        if update {
            fs::write(&path, output).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(output.as_str()) {
            wrong.push(format!("{}:\n{output}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "not as expected (UPDATE_GOLDEN=1 writes anew):\n{}", wrong.join("\n"));
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

/// Characters that do harm somewhere, and some that do not.
fn character() -> impl Strategy<Value = char> {
    let harmful: Vec<char> =
        "\u{0}\u{7}\u{8}\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{9d}\u{ad}\u{301}\u{61c}\u{200b}\u{200d}\u{200e}\u{202a}\u{202e}\u{2028}\
         \u{2029}\u{2060}\u{2066}\u{2069}\u{feff}\u{fe0f}\u{fffe}\u{e000}\u{e0041}\u{10ffff}=+-@;,\"' |[]m31\\{}u<>&%＝＋－＠"
            .chars()
            .collect();
    prop_oneof![4 => prop::sample::select(harmful), 1 => any::<char>(), 2 => prop::char::range('a', 'z')]
}

pub fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![9 => prop::collection::vec(character(), 0..12), 1 => prop::collection::vec(character(), 300..900)]
        .prop_map(String::from_iter)
}

/// Said again, apart from the code under test: what must never come out.
pub fn does_harm(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{10ffff}')
}

/// The output without our own colours, which are nothing but `ESC [ numbers m`.
pub fn without_colours(output: &str) -> String {
    let mut parts = output.split('\u{1b}');
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (codes, rest) = part.split_once('m').unwrap();
        assert!(
            codes.starts_with('[') && codes[1..].chars().all(|code| code.is_ascii_digit() || code == ';'),
            "{codes:?}"
        );
        plain.push_str(rest);
    }
    plain
}

pub fn assert_valid(validator: &jsonschema::Validator, value: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value}");
}

/// `findings` findings, half of them in sixty incidents; five of them say what another one says.
pub fn many(findings: usize) -> Told {
    let rules: Vec<Arc<RuleInfo>> = event::Level::ALL
        .into_iter()
        .skip(1)
        .map(|level| {
            let rule = serde_json::json!({"id": format!("rule-{level}"), "title": format!("A rule of level {level} with a title of usual length"),
                "path": "r.yml", "level": level.as_str(), "tags": ["attack.t1059.001"]});
            Arc::new(rule_info(&rule))
        })
        .collect();
    let piece = Arc::new(Piece { path: "evidence/hosts/Microsoft-Windows-Sysmon%4Operational.evtx".to_owned() });
    let all: Vec<Arc<Finding>> =
        (0..findings).map(|number| Arc::new(one_of_many(number, findings, &rules, &piece))).collect();
    let (linked, single) = all.split_at(findings / 2);
    let incidents = linked
        .chunks(linked.len().div_ceil(60))
        .enumerate()
        .map(|(number, chunk)| one_incident(number, chunk))
        .collect();
    let incidents = Incidents { incidents, single: single.to_vec(), limits: Vec::new() };
    let summary = Summary { program: "0.1.0".to_owned(), findings: findings as u64, ..Summary::default() };
    Told { zone: Zone::utc(), incidents, summary }
}

fn one_of_many(number: usize, of: usize, rules: &[Arc<RuleInfo>], piece: &Arc<Piece>) -> Finding {
    // The last ones repeat the one before them.
    let said = if number + 5 >= of { of - 6 } else { number };
    let record = ToyRecord {
        host: format!("host-{}", said % 7),
        channel: "Microsoft-Windows-Sysmon/Operational".to_owned(),
        provider: "Microsoft-Windows-Sysmon".to_owned(),
        event_id: 1,
        position: Position::Record(number as u64),
    };
    let command = format!(
        "C:\\Windows\\System32\\cmd.exe /c value-{said} --with some more arguments as command lines have them in ordinary logs"
    );
    let matched = vec![
        Matched { field: "Image".to_owned(), value: "C:\\Windows\\System32\\cmd.exe".to_owned() },
        Matched { field: "CommandLine".to_owned(), value: command },
    ];
    let time = Time::from_nanos(1_790_000_000_000_000_000 + number as i64 * 61_000_000_000);
    let place = Place { piece: Arc::clone(piece), position: record.position };
    Finding::new(&rules[said % rules.len()], Some(time), place, &record, matched)
}

fn one_incident(number: usize, findings: &[Arc<Finding>]) -> Incident {
    let step = |finding: &Arc<Finding>| Step {
        span: finding.time.map(|time| (time, time)),
        times: 1,
        host: finding.host.clone(),
        sentence: format!("the user m.keller ran {}", finding.matched[1].value),
        level: finding.rule.level,
        findings: vec![Arc::clone(finding)],
    };
    let steps: Vec<Step> = findings.iter().map(step).collect();
    let link = |to| Link {
        from: to - 1,
        to,
        kind: LinkKind::SameProcess,
        strength: 0.9,
        why: "the same process did both".to_owned(),
    };
    let host = |host: usize| {
        let named = steps.iter().enumerate().filter(|(_, step)| step.host == format!("host-{host}"));
        (Entity { kind: EntityKind::Host, name: format!("host-{host}") }, named.map(|(step, _)| step).collect())
    };
    Incident {
        id: IncidentId([0, 0, 0, 0, 1, number as u8]),
        title: format!("Somebody ran programs on seven hosts, for the {number}th time"),
        level: event::Level::Critical,
        rank: vec![Part { points: 100 - number as u32, reason: "a critical finding".to_owned() }],
        span: findings[0].time.zip(findings[findings.len() - 1].time),
        hosts: (0..7).map(|host| format!("host-{host}")).collect(),
        accounts: vec!["m.keller".to_owned()],
        links: (1..steps.len()).map(link).collect(),
        entities: (0..7).map(host).collect(),
        tactics: vec![Tactic::Execution],
        techniques: vec!["T1059.001".to_owned()],
        resemblance: Vec::new(),
        actions: vec![Action { what: "Take the hosts off the network".to_owned(), detail: String::new() }],
        steps,
    }
}
