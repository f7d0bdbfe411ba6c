//! What to do now: `data/actions.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Action, EntityKind, Incident, Step, common::is_common_account, template::fill};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Actions {
    action: Vec<Advice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advice {
    #[serde(default)]
    tactics: Vec<String>,
    #[serde(default)]
    techniques: Vec<String>,
    #[serde(default)]
    contacts: bool,
    what: String,
    detail: String,
}

/// The file is part of the program, and a test reads it.
static ADVICE: LazyLock<Vec<Advice>> = LazyLock::new(|| {
    let actions = toml::from_str::<Actions>(include_str!("../data/actions.toml"));
    actions.map(|actions| actions.action).unwrap_or_default()
});

/// Names of a kind that an action tells; of more, how many.
const MAX_NAMES: usize = 6;

/// What to do now about an incident; `report_to` are those to be told.
pub fn actions(incident: &Incident, report_to: &[String]) -> Vec<Action> {
    let concerns = |advice: &&Advice| {
        let tactic = |name: &String| incident.tactics.iter().any(|tactic| tactic.as_str() == name);
        let technique = |number: &String| incident.techniques.iter().any(|one| one.starts_with(number.as_str()));
        let is_always = advice.tactics.is_empty() && advice.techniques.is_empty();
        is_always || advice.tactics.iter().any(tactic) || advice.techniques.iter().any(technique)
    };
    let told = ADVICE.iter().filter(|advice| concerns(advice) && (!advice.contacts || !report_to.is_empty()));
    told.filter_map(|advice| {
        let value = |name: &str| match name {
            "places" => places(incident, &advice.techniques),
            name => value(incident, report_to, name),
        };
        Some(Action { what: fill(&advice.what, &value)?, detail: advice.detail.clone() })
    })
    .collect()
}

/// The machines on which techniques were seen; all of the incident's where the evidence does not say.
fn places(incident: &Incident, techniques: &[String]) -> String {
    let shows = |step: &&Step| {
        let mut seen = step.findings.iter().flat_map(|finding| finding.rule.techniques());
        seen.any(|one| techniques.iter().any(|technique| one.starts_with(technique.as_str())))
    };
    let mut places: Vec<&str> = Vec::new();
    for step in incident.steps.iter().filter(shows).filter(|step| !step.host.is_empty()) {
        if !places.contains(&step.host.as_str()) {
            places.push(&step.host);
        }
    }
    if places.is_empty() { hosts(incident) } else { list(&places) }
}

fn hosts(incident: &Incident) -> String {
    list(&incident.hosts.iter().map(String::as_str).filter(|host| !host.is_empty()).collect::<Vec<_>>())
}

fn value(incident: &Incident, report_to: &[String], name: &str) -> String {
    let of = |kind: EntityKind| {
        let mut names: Vec<&str> = incident
            .entities
            .iter()
            .filter(|(entity, _)| entity.kind == kind)
            // What belongs to one machine has that in front.
            .map(|(entity, _)| match kind {
                EntityKind::Task | EntityKind::Service => entity.name.split_once(' ').map_or("", |(_, name)| name),
                _ => entity.name.as_str(),
            })
            .filter(|name| !name.is_empty())
            .collect();
        names.dedup();
        list(&names)
    };
    let texts = |names: &[String]| list(&names.iter().map(String::as_str).collect::<Vec<_>>());
    match name {
        "hosts" => hosts(incident),
        "accounts" => {
            texts(&incident.accounts.iter().filter(|name| !is_common_account(name)).cloned().collect::<Vec<_>>())
        }
        "addresses" => of(EntityKind::Address),
        "domains" => of(EntityKind::Domain),
        "hashes" => of(EntityKind::Hash),
        "keys" => of(EntityKind::Key),
        "grants" => of(EntityKind::Certificate),
        "tasks" => of(EntityKind::Task),
        "services" => of(EntityKind::Service),
        "first" => incident.span.map(|(first, _)| day(first)).unwrap_or_default(),
        "contacts" => report_to.join("; "),
        _ => String::new(),
    }
}

/// `a, b and c`; of many, the first ones and how many more there are.
fn list(names: &[&str]) -> String {
    let (shown, more) = names.split_at_checked(MAX_NAMES).unwrap_or((names, &[]));
    match (shown, more.len()) {
        (shown, more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        ([first @ .., last], 0) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        (shown, _) => shown.concat(),
    }
}

/// The day of a moment, in UTC.
fn day(time: event::Time) -> String {
    time.to_jiff().strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_actions_can_be_read() {
        toml::from_str::<Actions>(include_str!("../data/actions.toml")).unwrap();
    }

    #[test]
    fn lists_are_short() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(list(&["1", "2", "3", "4", "5", "6", "7", "8"]), "1, 2, 3, 4, 5, 6 and 2 more");
    }

    #[test]
    fn a_day_is_a_date() {
        assert_eq!(day(event::Time::from_nanos(1_795_000_000_000_000_000)), "2026-11-18");
    }
}
