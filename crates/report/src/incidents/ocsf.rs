//! The Open Cybersecurity Schema Framework, version 1.5: <https://schema.ocsf.io/1.5.0>.

use std::{
    io::{self, BufWriter, Write},
    sync::Arc,
};

use event::{Finding, Level, Time};
use incident::{Incident, Tactic};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::Told;
use crate::{
    Summary,
    json::{PlaceView, by_field, write_json},
};

/// The schema's version.
const VERSION: &str = "1.5.0";
/// The class Detection Finding.
const DETECTION: u32 = 2004;
/// The class Incident Finding.
const INCIDENT: u32 = 2005;
/// The activity Create.
const CREATE: u32 = 1;
/// The type Rule of an analytic.
const RULE: u32 = 1;

/// A JSON object a line: each incident, followed by its findings; then single observations.
pub(super) fn write(told: &Told<'_>, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for incident in &told.incidents {
        line(&incident_finding(incident, summary), &mut out)?;
        for finding in findings(incident) {
            line(&detection_finding(finding, Some(incident), summary), &mut out)?;
        }
    }
    for finding in told.single {
        line(&detection_finding(finding, None, summary), &mut out)?;
    }
    out.flush()
}

fn line(event: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    write_json(event, &mut *out)?;
    out.write_all(b"\n")
}

fn findings(incident: &Incident) -> impl Iterator<Item = &Arc<Finding>> {
    incident.steps.iter().flat_map(|step| &step.findings)
}

/// An incident finding. Its findings are made one at a time, since there may be very many.
#[derive(Serialize)]
struct IncidentFinding<'a> {
    #[serde(flatten)]
    event: Value,
    finding_info_list: Infos<'a>,
}

struct Infos<'a>(&'a Incident);

impl Serialize for Infos<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(findings(self.0).map(|finding| finding_info(finding)))
    }
}

fn incident_finding<'a>(incident: &'a Incident, summary: &Summary) -> IncidentFinding<'a> {
    let attacks: Vec<Value> = incident
        .tactics
        .iter()
        .map(|tactic| json!({ "tactic": tactic_view(*tactic) }))
        .chain(incident.techniques.iter().map(|technique| attack(technique)))
        .collect();
    let mut event =
        event(INCIDENT, incident.level, incident.span.map(|(from, _)| from), summary, &incident.id.to_string());
    extend(
        &mut event,
        json!({
            "message": incident.title,
            "desc": incident.title,
            "status_id": 1,
            // The schema wants to know who has it in hand.
            "assignee_group": { "name": "unassigned" },
            "attacks": attacks,
            "unmapped": { "incident_id": incident.id.to_string(), "points": incident.points(), "hosts": incident.hosts, "accounts": incident.accounts },
        }),
    );
    if let Some((from, until)) = incident.span {
        extend(&mut event, json!({ "start_time": millis(from), "end_time": millis(until) }));
    }
    IncidentFinding { event, finding_info_list: Infos(incident) }
}

fn detection_finding(finding: &Finding, incident: Option<&Incident>, summary: &Summary) -> Value {
    let rule = &finding.rule;
    let begin = incident.and_then(|one| one.span).map(|(from, _)| from);
    let group = incident.map_or_else(String::new, |one| one.id.to_string());
    let mut event = event(DETECTION, rule.level, finding.time.or(begin), summary, &group);
    let matched: serde_json::Map<String, Value> =
        by_field(&finding.matched).into_iter().map(|(field, values)| (field.to_owned(), json!(values))).collect();
    let data = json!({ "place": PlaceView::of(&finding.place), "matched": matched });
    extend(
        &mut event,
        json!({
            "message": rule.title,
            "status_id": 1,
            "is_alert": rule.level >= Level::Medium,
            "finding_info": finding_info(finding),
            "evidences": [{ "data": data }],
        }),
    );
    if !finding.host.is_empty() {
        extend(&mut event, json!({ "resources": [{ "name": finding.host, "type": "host" }] }));
    }
    event
}

/// What every event has. A finding without a time of its own has that of its incident; where that has none, the schema's zero.
fn event(class: u32, level: Level, time: Option<Time>, summary: &Summary, incident: &str) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "product": { "name": "Dreamcatcher", "vendor_name": "Dreamcatcher", "version": summary.program },
    });
    if !incident.is_empty() {
        extend(&mut metadata, json!({ "correlation_uid": incident }));
    }
    json!({
        "class_uid": class,
        "category_uid": class / 1000,
        "activity_id": CREATE,
        "type_uid": class * 100 + CREATE,
        "severity_id": level as u32 + 1,
        "severity": severity(level),
        "time": time.map_or(0, millis),
        "metadata": metadata,
    })
}

fn finding_info(finding: &Finding) -> Value {
    let rule = &finding.rule;
    let mut info = json!({
        "uid": finding.id.to_string(),
        "title": rule.title,
        "analytic": { "name": rule.title, "uid": rule.id, "type": "Rule", "type_id": RULE },
        "attacks": rule.techniques().iter().map(|technique| attack(technique)).collect::<Vec<_>>(),
    });
    if let Some(time) = finding.time {
        let last = finding.correlated.as_ref().map_or(time, |correlated| correlated.last.time);
        extend(&mut info, json!({ "first_seen_time": millis(time), "last_seen_time": millis(last) }));
    }
    info
}

fn attack(technique: &str) -> Value {
    match technique.split_once('.') {
        Some((main, _)) => json!({ "technique": { "uid": main }, "sub_technique": { "uid": technique } }),
        None => json!({ "technique": { "uid": technique } }),
    }
}

fn tactic_view(tactic: Tactic) -> Value {
    json!({ "uid": super::words::tactic_number(tactic), "name": super::words::phase(tactic) })
}

const fn severity(level: Level) -> &'static str {
    match level {
        Level::Informational => "Informational",
        Level::Low => "Low",
        Level::Medium => "Medium",
        Level::High => "High",
        Level::Critical => "Critical",
    }
}

/// Milliseconds since 1970.
const fn millis(time: Time) -> i64 {
    time.as_nanos().div_euclid(1_000_000)
}

/// Adds the keys of one object to another.
fn extend(object: &mut Value, more: impl Serialize) {
    if let (Value::Object(object), Ok(Value::Object(more))) = (object, serde_json::to_value(more)) {
        object.extend(more);
    }
}
