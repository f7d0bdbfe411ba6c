//! JSON lines for Timesketch: <https://timesketch.org/guides/user/import-from-json-csv/>.

use std::io::{self, BufWriter, Write};

use event::{Finding, Time};
use incident::{Incident, Step};
use serde::Serialize;

use super::Told;
use crate::{Zone, csv::matched_text, json::write_json, place_text, plain::shorten};

/// The longest that is said of what matched, in columns.
const MATCHED: usize = 2000;

/// A JSON object a line, one for each finding: those of incidents in the order of their steps, then single observations.
pub(super) fn write(told: &Told<'_>, out: &mut dyn Write, zone: &Zone) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let mut put = |row: &Row<'_>| -> io::Result<()> {
        write_json(row, &mut out)?;
        out.write_all(b"\n")
    };
    for incident in &told.incidents {
        for (number, step) in incident.steps.iter().enumerate() {
            for finding in &step.findings {
                put(&Row::of(finding, zone).in_step(incident, number + 1, step))?;
            }
        }
    }
    told.single.iter().try_for_each(|finding| put(&Row::of(finding, zone)))?;
    out.flush()
}

/// The first three are what Timesketch asks for.
#[derive(Serialize)]
struct Row<'a> {
    message: &'a str,
    datetime: String,
    timestamp_desc: &'static str,
    level: &'static str,
    rule: &'a str,
    rule_id: &'a str,
    techniques: Vec<String>,
    host: &'a str,
    channel: &'a str,
    event_id: u32,
    matched: String,
    evidence: String,
    finding_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<usize>,
    tag: Vec<String>,
}

impl<'a> Row<'a> {
    fn of(finding: &'a Finding, zone: &Zone) -> Self {
        let rule = &finding.rule;
        Self {
            message: &rule.title,
            // A moment is asked for of every row: as Plaso does it, what has none stands at the beginning of time and says so.
            datetime: zone.rfc3339_to(finding.time.unwrap_or(Time::from_nanos(0)), 6),
            timestamp_desc: if finding.time.is_some() { "Event Logged" } else { "Not a time" },
            level: rule.level.as_str(),
            rule: &rule.title,
            rule_id: &rule.id,
            techniques: rule.techniques(),
            host: &finding.host,
            channel: &finding.channel,
            event_id: finding.event_id,
            matched: shorten(&matched_text(finding, zone), MATCHED),
            evidence: place_text(&finding.place),
            finding_id: finding.id.to_string(),
            incident_id: None,
            incident: None,
            step: None,
            tag: vec!["dreamcatcher".to_owned(), rule.level.as_str().to_owned()],
        }
    }

    fn in_step(mut self, incident: &'a Incident, number: usize, step: &'a Step) -> Self {
        self.message = &step.sentence;
        self.incident_id = Some(incident.id.to_string());
        self.incident = Some(&incident.title);
        self.step = Some(number);
        self.tag.push(format!("incident-{}", incident.id));
        self
    }
}
