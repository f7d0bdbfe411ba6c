//! MISP's events (<https://www.misp-standard.org/rfc/misp-standard-core.html>): attributes, alone and in objects.

use event::Time;
use serde_json::Value;

use super::{Loader, moment, techniques};
use crate::{kind::Hint, set::Statement};

/// What an event says of all its attributes.
#[derive(Debug, Default)]
pub(super) struct Known {
    name: String,
    reporter: String,
    techniques: Vec<String>,
    date: Option<Time>,
}

/// An event with its attributes and objects. Others that it refers to are no part of it.
pub(super) fn event(loader: &mut Loader, event: &Value, line: u64) {
    let text = |name| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let reporter = ["Orgc", "Org"].iter().find_map(|name| event.get(name)?.get("name")?.as_str());
    let known = Known {
        name: text("info").to_owned(),
        reporter: reporter.unwrap_or_default().to_owned(),
        techniques: tags(event),
        date: moment(text("date")),
    };
    let attributes = |of: &'_ Value| of.get("Attribute").and_then(Value::as_array).cloned().unwrap_or_default();
    attributes(event).iter().for_each(|one| attribute(loader, one, &known, line));
    for object in event.get("Object").and_then(Value::as_array).into_iter().flatten() {
        if object.get("deleted") == Some(&Value::Bool(true)) {
            continue;
        }
        attributes(object).iter().for_each(|one| attribute(loader, one, &known, line));
    }
}

/// An attribute.
pub(super) fn attribute(loader: &mut Loader, attribute: &Value, known: &Known, line: u64) {
    let text = |name| attribute.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, value) = (text("type"), text("value"));
    if attribute.get("deleted") == Some(&Value::Bool(true)) {
        return loader.leave_out("deleted by its source");
    }
    let is_sign = match attribute.get("to_ids") {
        Some(Value::Bool(is_sign)) => *is_sign,
        Some(Value::String(text)) => text == "1" || text == "true",
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        _ => false,
    };
    if !is_sign {
        return loader.leave_out("not for detection, as its source says (to_ids)");
    }
    let parts = parts(kind, value);
    if parts.is_empty() {
        return loader.problem(line, || {
            format!("expected an attribute of a kind that is looked for, found '{}'", super::shortened(kind))
        });
    }
    let mut all = tags(attribute);
    all.extend(known.techniques.iter().cloned());
    let statement = Statement {
        name: known.name.clone(),
        reporter: known.reporter.clone(),
        techniques: all,
        first_seen: moment(text("first_seen")).or(known.date),
        ..Statement::default()
    };
    let statement = loader.statement(statement);
    parts.into_iter().for_each(|(hint, part)| loader.entry(hint, part, statement, line));
}

/// The indicators that an attribute is made of. Of a name with a hash, the hash counts: the name may be anybody's.
fn parts<'v>(kind: &str, value: &'v str) -> Vec<(Hint, &'v str)> {
    if let Some(("filename", _)) = kind.split_once('|') {
        return value.rsplit_once('|').map(|(_, hash)| (Hint::Hash, hash)).into_iter().collect();
    }
    let (first, second) = value.split_once('|').unwrap_or((value, ""));
    match kind {
        "md5" | "sha1" | "sha256" => vec![(Hint::Hash, value)],
        "domain" | "hostname" => vec![(Hint::Domain, value)],
        "hostname|port" => vec![(Hint::Domain, first)],
        "domain|ip" => vec![(Hint::Domain, first), (Hint::Address, second)],
        "url" | "uri" | "link" => vec![(Hint::Url, value)],
        "ip-src" | "ip-dst" => vec![(Hint::Address, value)],
        "ip-src|port" | "ip-dst|port" => vec![(Hint::Address, first)],
        "filename" => vec![(Hint::File, value)],
        "email" | "email-src" | "email-dst" | "email-reply-to" => vec![(Hint::Mail, value)],
        _ => Vec::new(),
    }
}

/// The techniques among the tags: `misp-galaxy:mitre-attack-pattern="Phishing - T1566"`.
fn tags(of: &Value) -> Vec<String> {
    let tags = of.get("Tag").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| tag.get("name")?.as_str()).flat_map(techniques).collect()
}
