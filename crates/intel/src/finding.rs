//! Findings of indicators in plain words.

use std::sync::Arc;

use event::{Event, Finding, Matched, Place, RuleInfo, Time};

use crate::{
    kind::{self, Kind},
    set::{Indicators, Said, Statement},
};

/// What a report says of an indicator in place of a rule.
pub(crate) fn rule(indicators: &Indicators, number: u32) -> Option<RuleInfo> {
    let (kind, bytes) = indicators.get(number)?;
    let shown = kind::shown(kind, bytes);
    let first = indicators.said(number).next()?;
    let statements: Vec<&Statement> = indicators.said(number).map(|said| said.statement).collect();
    let mut techniques: Vec<&String> = statements.iter().flat_map(|statement| &statement.techniques).collect();
    techniques.sort_unstable();
    techniques.dedup();
    let path = indicators.sources.get(first.statement.source as usize).map(|source| source.path.clone());
    let (title, meaning, harmless) = words(kind);
    let mut authors: Vec<&str> = statements.iter().map(|statement| statement.reporter.as_str()).collect();
    authors.retain(|author| !author.is_empty());
    authors.dedup();
    Some(RuleInfo {
        id: format!("indicator:{}:{shown}", kind.name()),
        title: format!("{title}: {shown}"),
        path: path.unwrap_or_default(),
        level: kind.level(),
        status: String::new(),
        description: format!("{meaning} It is named by {}.", about(&statements)),
        author: authors.join(", "),
        tags: techniques
            .into_iter()
            .map(|technique| format!("attack.{}", technique.to_ascii_lowercase()))
            .chain(["explain.known".to_owned()])
            .collect(),
        false_positives: vec![harmless.to_owned()],
    })
}

/// Who names it, and as part of what.
fn about(statements: &[&Statement]) -> String {
    let mut all: Vec<String> = Vec::new();
    for statement in statements {
        let reporter = if statement.reporter.is_empty() { "a list" } else { &statement.reporter };
        let said = match statement.name.as_str() {
            "" => reporter.to_owned(),
            name => format!("{reporter} ({name})"),
        };
        if !all.contains(&said) {
            all.push(said);
        }
    }
    all.join(", ")
}

/// Title, meaning and innocent explanation of a kind.
const fn words(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Hash => (
            "Known malicious file",
            "A file with exactly this content is known from an attack. Do not open it; find out how it came here and on which machines it is.",
            "A harmless file that was put on a list by mistake, such as a genuine program that attackers bring along",
        ),
        Kind::Url => (
            "Known malicious address of a page",
            "This page, on a site that attackers own or have broken into, is known from an attack. Find out which program asked for it, and why.",
            "Somebody who looked into the attack, or a mail that warns of it",
        ),
        Kind::Domain => (
            "Known malicious domain",
            "Sites of this name are known from an attack. Many are honest ones that were broken into: find out which program asked for it, and what was fetched.",
            "Honest visitors of a site that was broken into",
        ),
        Kind::Address => (
            "Address known from an attack",
            "This address was used in an attack. Addresses are shared by many sites and change hands: alone it says little.",
            "Other sites at the same address, or its owner of today",
        ),
        Kind::Network => (
            "Network known from an attack",
            "An address of this network was seen. Networks have many owners: alone it says little.",
            "Others in the same network",
        ),
        Kind::FileName => (
            "Name of a file known from an attack",
            "A file of this name is known from an attack. Names are easily shared: look where it lies, and at its content.",
            "An honest file of the same name",
        ),
        Kind::FilePath => (
            "Place of a file known from an attack",
            "A file of this name in this folder is known from an attack. Look at its content and at who put it there.",
            "Software that keeps a file of this name in the same folder",
        ),
        Kind::MailAddress => (
            "Mail address known from an attack",
            "This mail address is known from an attack. Ask whoever had mail from it what came with it.",
            "The owner of a mailbox that was broken into",
        ),
    }
}

/// A finding: which values name the indicator, then, of each list, what it says and how old that is.
pub(crate) fn finding(
    indicators: &Indicators,
    rule: &Arc<RuleInfo>,
    event: &Event<'_>,
    matched: Vec<Matched>,
    said: &[Said<'_>],
) -> Finding {
    let place = Place { piece: Arc::clone(event.piece), position: event.record.position() };
    let mut finding = Finding::new(rule, event.time, place, event.record, matched);
    // Behind its id, which lists that are brought up to date must not change.
    let told = |field: &str, value: String| Matched { field: field.to_owned(), value };
    let shown = rule.id.splitn(3, ':').nth(2).unwrap_or_default();
    finding.matched.push(told("indicator", shown.to_owned()));
    for Said { statement, line, .. } in said {
        finding.matched.push(told("indicator_source", source(indicators, statement, *line)));
        if let Some(first_seen) = statement.first_seen {
            finding.matched.push(told("indicator_first_seen", age(first_seen, event.time)));
        }
        if let Some(until) = statement.valid_until {
            finding.matched.push(told("indicator_valid_until", until.to_string()));
        }
    }
    finding
}

fn source(indicators: &Indicators, statement: &Statement, line: u32) -> String {
    let path = indicators.sources.get(statement.source as usize).map_or("", |source| source.path.as_str());
    let parts = [statement.reporter.as_str(), statement.name.as_str()];
    let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match said.as_slice() {
        [] => format!("{path}, line {line}"),
        said => format!("{} ({path}, line {line})", said.join(": ")),
    }
}

/// Since when it is known, and how old that was when the event happened.
fn age(first_seen: Time, event: Option<Time>) -> String {
    const DAY: i64 = 86_400_000_000_000;
    let days = event.map(|event| event.as_nanos().saturating_sub(first_seen.as_nanos()) / DAY);
    match days {
        None => first_seen.to_string(),
        Some(days @ 0..) => format!("{first_seen}, {days} days before the event"),
        Some(days) => format!("{first_seen}, {} days after the event", -days),
    }
}
