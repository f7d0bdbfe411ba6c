//! A layer for the ATT&CK Navigator, format 4.5:
//! <https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md>.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use event::Level;
use serde_json::{Value, json};

use super::Told;
use crate::{json::write_json, plain::shorten, terminal::page::counted};

/// Colours of the levels, least severe first.
const COLOURS: [&str; Level::ALL.len()] = ["#e2e8f0", "#bfdbfe", "#fde68a", "#fdba74", "#f87171"];
/// How many incidents a technique's comment names.
const NAMED: usize = 10;

/// A technique as it was seen.
#[derive(Default)]
struct Seen {
    level: Option<Level>,
    /// The worst of them.
    incidents: Vec<String>,
    more_incidents: u64,
    single: u64,
}

/// One layer: each technique coloured by the most severe level in which it was seen, with the incidents in its comment.
pub(super) fn write(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let techniques: Vec<Value> = seen(told).into_iter().map(|(technique, seen)| view(&technique, &seen)).collect();
    let legend: Vec<Value> = Level::ALL
        .into_iter()
        .zip(COLOURS)
        .map(|(level, colour)| json!({ "label": level.as_str(), "color": colour }))
        .collect();
    let layer = json!({
        "name": "Dreamcatcher",
        "description": "Techniques seen in the evidence, coloured by the most severe level.",
        "domain": "enterprise-attack",
        "versions": { "layer": "4.5" },
        "hideDisabled": false,
        "gradient": { "colors": COLOURS, "minValue": 1, "maxValue": COLOURS.len() },
        "legendItems": legend,
        "techniques": techniques,
    });
    let mut text = Vec::new();
    write_json(&layer, &mut text)?;
    text.push(b'\n');
    out.write_all(&text)
}

fn seen(told: &Told<'_>) -> BTreeMap<String, Seen> {
    let mut techniques: BTreeMap<String, Seen> = BTreeMap::new();
    for incident in &told.incidents {
        for technique in &incident.techniques {
            let seen = techniques.entry(technique.clone()).or_default();
            if seen.incidents.len() < NAMED {
                seen.incidents.push(format!("{} {}", incident.id, shorten(&incident.title, 100)));
            } else {
                seen.more_incidents += 1;
            }
        }
        for finding in incident.steps.iter().flat_map(|step| &step.findings) {
            for technique in finding.rule.techniques() {
                let seen = techniques.entry(technique).or_default();
                seen.level = seen.level.max(Some(finding.rule.level));
            }
        }
    }
    for finding in told.single {
        for technique in finding.rule.techniques() {
            let seen = techniques.entry(technique).or_default();
            seen.level = seen.level.max(Some(finding.rule.level));
            seen.single += 1;
        }
    }
    techniques
}

fn view(technique: &str, seen: &Seen) -> Value {
    let mut lines = seen.incidents.clone();
    if seen.more_incidents > 0 {
        lines.push(counted(seen.more_incidents, "more incident", "more incidents"));
    }
    if seen.single > 0 {
        lines.push(counted(seen.single, "single observation", "single observations"));
    }
    json!({
        "techniqueID": technique,
        "score": seen.level.map_or(1, |level| level as u32 + 1),
        "comment": lines.join("\n"),
        "enabled": true,
        "showSubtechniques": technique.contains('.'),
    })
}
