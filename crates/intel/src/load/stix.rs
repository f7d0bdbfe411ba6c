//! STIX 2.1 (<https://docs.oasis-open.org/cti/stix/v2.1/>): indicators with their patterns, and who made them.

use std::collections::HashMap;

use event::Time;
use serde_json::Value;

use super::{Loader, pattern, techniques};
use crate::set::Statement;

/// Names of identities, which may stand behind the indicators that refer to them.
pub(super) struct Names {
    identities: HashMap<String, String>,
    /// The first statement that was made by this list.
    first: usize,
}

/// Identities of one list that are remembered.
const MAX_IDENTITIES: usize = 10_000;

impl Names {
    pub(super) fn new(loader: &Loader) -> Self {
        Self { identities: HashMap::new(), first: loader.indicators.statement_count() }
    }

    /// Puts names in place of ids, now that all are known.
    pub(super) fn resolve(&self, loader: &mut Loader) {
        for statement in loader.indicators.statements_from(self.first) {
            if statement.reporter.starts_with("identity--") {
                statement.reporter = self.identities.get(&statement.reporter).cloned().unwrap_or_default();
            }
        }
    }
}

/// An object of a bundle. All but indicators and identities say nothing by which something could be found.
pub(super) fn object(loader: &mut Loader, names: &mut Names, object: &Value, line: u64) {
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "identity" if names.identities.len() < MAX_IDENTITIES => {
            names.identities.insert(text("id").to_owned(), text("name").to_owned());
        }
        "indicator" => indicator(loader, object, line),
        "" => loader.problem(line, || "expected an object of STIX or MISP, found another".into()),
        _ => {}
    }
}

fn indicator(loader: &mut Loader, object: &Value, line: u64) {
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    if object.get("revoked") == Some(&Value::Bool(true)) {
        return loader.leave_out("revoked by its source");
    }
    if !matches!(text("pattern_type"), "" | "stix") {
        return loader.problem(line, || {
            format!("expected a pattern of STIX, found one of {}", super::shortened(text("pattern_type")))
        });
    }
    let time = |name| match text(name) {
        "" => Ok(None),
        text => Time::parse(text)
            .map(Some)
            .ok_or_else(|| format!("expected a time in {name}, found '{}'", super::shortened(text))),
    };
    let (first_seen, valid_until) = match (time("valid_from"), time("valid_until")) {
        (Ok(from), Ok(until)) => (from, until),
        (Err(reason), _) | (_, Err(reason)) => return loader.problem(line, || reason),
    };
    let alternatives = match pattern::parse(text("pattern")) {
        Ok(alternatives) => alternatives,
        Err(reason) => return loader.problem(line, || format!("{} ({})", reason, super::shortened(text("id")))),
    };
    let statement = Statement {
        name: name(text("name"), text("pattern")),
        reporter: text("created_by_ref").to_owned(),
        techniques: known_techniques(object),
        first_seen,
        valid_until,
        ..Statement::default()
    };
    let statement = loader.statement(statement);
    for alternative in alternatives {
        together(loader, &alternative, statement, line);
    }
}

/// Its name, but for one that only repeats what the pattern says.
fn name(name: &str, pattern: &str) -> String {
    let is_told = pattern.contains(name.rsplit(' ').next().unwrap_or_default());
    if is_told { String::new() } else { name.to_owned() }
}

/// Adds comparisons that have to hold together: the one that says most is reported, if the others stand in the record too.
fn together(loader: &mut Loader, comparisons: &[pattern::Comparison], statement: u32, line: u64) {
    let mut entries = Vec::new();
    for comparison in comparisons {
        match loader.indicators.entry(comparison.hint, &comparison.value) {
            Ok(entry) => entries.push(entry),
            Err(reason) => return loader.refuse(line, &comparison.value, reason),
        }
    }
    let level = |entry: &u32| loader.indicators.get(*entry).map(|(kind, _)| kind.level());
    let Some(weightiest) = entries.iter().copied().rev().max_by_key(level) else { return };
    entries.retain(|entry| *entry != weightiest);
    loader.indicators.report(weightiest, statement, line, &entries);
    loader.used();
}

/// The techniques of its labels, phases and references.
fn known_techniques(object: &Value) -> Vec<String> {
    let list = |name| object.get(name).and_then(Value::as_array).into_iter().flatten();
    let labels = list("labels").filter_map(Value::as_str);
    let references = list("external_references").filter_map(|reference| reference.get("external_id")?.as_str());
    let mut known: Vec<String> = labels.chain(references).flat_map(techniques).collect();
    known.sort();
    known.dedup();
    known
}
