//! What of an incident is known from the campaign: `data/known.toml`. An overlap, never an attribution.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::{Resemblance, Step};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    techniques: BTreeMap<String, String>,
    tools: BTreeMap<String, String>,
}

/// The file is part of the program, and a test reads it.
static KNOWN: LazyLock<Known> =
    LazyLock::new(|| toml::from_str(include_str!("../data/known.toml")).unwrap_or_default());

/// Techniques, tools and indicators of the campaign in these steps, each with the first step that shows it.
pub fn resemblance(steps: &[Step]) -> Vec<Resemblance> {
    let mut found = BTreeMap::<String, (String, usize)>::new();
    for (number, step) in steps.iter().enumerate() {
        let mut add = |what: &str, known_for: &str| {
            found.entry(what.to_owned()).or_insert_with(|| (known_for.to_owned(), number));
        };
        for finding in &step.findings {
            for technique in finding.rule.techniques() {
                if let Some(known_for) = KNOWN.techniques.get(&technique) {
                    add(&technique, known_for);
                }
            }
            if finding.rule.id.starts_with("indicator:") {
                add(&finding.rule.title, "an indicator that reports of attacks name");
            }
            if finding.rule.tags.iter().any(|tag| tag == "attack.g0032" || tag == "attack.c0022") {
                add(&finding.rule.title, "a rule made for this campaign");
            }
        }
        // Words of the findings that are alike are alike.
        let texts =
            step.findings.iter().take(8).flat_map(|finding| finding.matched.iter().chain(finding.context.iter()));
        let texts = texts.map(|one| one.value.to_lowercase()).collect::<Vec<_>>().join("\n");
        for (tool, known_for) in KNOWN.tools.iter().filter(|(tool, _)| texts.contains(tool.as_str())) {
            add(tool, known_for);
        }
    }
    let mut found: Vec<Resemblance> =
        found.into_iter().map(|(what, (known_for, step))| Resemblance { what, known_for, step }).collect();
    found.sort_by(|a, b| (a.step, &a.what).cmp(&(b.step, &b.what)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_can_be_read() {
        let known = toml::from_str::<Known>(include_str!("../data/known.toml")).unwrap();
        assert!(known.tools.keys().all(|tool| tool == &tool.to_lowercase()));
    }
}
