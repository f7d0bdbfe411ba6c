//! A whole record, for whoever needs more than the fields a detector asked for.

use std::{borrow::Cow, collections::HashSet};

use event::{LogSource, Position, Record, Time, Value};

use super::{
    names::{Node, Role},
    pass::Lines,
    scan::{Heads, Leaf, Scanner},
    time,
    value::{self, Kind, unescape},
};

/// What the detector called a log source, and the texts it was asked with.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) channel: String,
    pub(super) provider: String,
    pub(super) event_id: u32,
    pub(super) powershell: bool,
}

/// The record the scanner read last.
pub(super) struct JsonRecord<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) scanner: &'a Scanner,
    pub(super) source: &'a Source,
    pub(super) lines: &'a Lines<'a>,
}

/// The text of a leaf as it is written, without quotes.
pub(super) fn raw<'a>(text: &'a str, leaf: &Leaf) -> &'a str {
    text.get(leaf.start as usize..leaf.end as usize).unwrap_or_default()
}

/// The value of a leaf; `unescaped` is its text if it is one with escapes.
pub(super) fn leaf_value<'a>(text: &'a str, leaf: &Leaf, node: Option<&Node>, unescaped: Option<&'a str>) -> Value<'a> {
    let raw = raw(text, leaf);
    match leaf.kind {
        Kind::Text => Value::Text(unescaped.unwrap_or(raw)),
        Kind::True => Value::Bool(true),
        Kind::False => Value::Bool(false),
        Kind::Null => Value::Null,
        Kind::Number => {
            let is_keywords = node.is_some_and(|node| !node.own && node.name.as_deref() == Some("Keywords"));
            is_keywords.then(|| value::keywords(raw)).flatten().unwrap_or_else(|| value::number(raw))
        }
    }
}

/// The text of a leaf, unescaped.
pub(super) fn leaf_text<'a>(text: &'a str, leaf: &Leaf) -> Cow<'a, str> {
    let raw = raw(text, leaf);
    if leaf.kind != Kind::Text || memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    unescape(raw, &mut out);
    Cow::Owned(out)
}

impl JsonRecord<'_> {
    fn role_text(&self, role: Role) -> Option<Cow<'_, str>> {
        let leaf = self.scanner.leaves.get(self.scanner.heads.get(role)?)?;
        Some(leaf_text(self.text, leaf))
    }

    /// When the event happened; see the module's documentation for what is believed.
    pub(super) fn time(&self) -> Option<Time> {
        let written = |role| time::written(&self.role_text(role)?);
        let sysmon = [&self.source.channel, &self.source.provider].iter().any(|name| is_sysmon(name));
        if let Some(system) = written(Role::SystemTime) {
            return Some(system.time);
        }
        if sysmon && let Some(utc) = written(Role::UtcTime) {
            return Some(utc.time);
        }
        let own = written(Role::Written);
        if let Some(own) = &own
            && own.zoned
        {
            return Some(own.time);
        }
        written(Role::Collected).or(own).map(|written| written.time)
    }

    /// The names of fields in the event's own data, which shadow those elsewhere.
    fn own_names(&self) -> HashSet<&str> {
        let nodes = self.scanner.leaves.iter().filter_map(|leaf| self.scanner.names.get(leaf.node));
        nodes.filter(|node| node.own).filter_map(|node| node.name.as_deref()).collect()
    }
}

fn is_sysmon(name: &str) -> bool {
    name.as_bytes().windows(6).any(|part| part.eq_ignore_ascii_case(b"sysmon"))
}

/// The name of the field that leaf `number` is; `None` if it is none.
pub(super) fn field_name<'a>(
    node: &'a Node,
    leaf: &Leaf,
    number: usize,
    heads: &Heads,
    powershell: bool,
) -> Option<&'a str> {
    if node.container && leaf.kind == Kind::Null {
        return None;
    }
    let own = || match node.powershell {
        Some(name) if powershell => Some(name),
        _ => node.name.as_deref(),
    };
    let Some((role, _)) = node.role else { return own() };
    match (role.field(), heads.get(role)) {
        (Some(field), Some(believed)) if believed == number => Some(field),
        (Some(field), Some(_)) => own().filter(|name| *name != field),
        _ => own(),
    }
}

impl Record for JsonRecord<'_> {
    fn source(&self) -> LogSource<'_> {
        LogSource {
            product: "windows",
            channel: &self.source.channel,
            provider: &self.source.provider,
            event_id: self.source.event_id,
        }
    }

    fn host(&self) -> Cow<'_, str> {
        self.role_text(Role::Computer).unwrap_or_default()
    }

    fn position(&self) -> Position {
        Position::Line(self.lines.line(self.start))
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        let own = self.own_names();
        for (number, leaf) in self.scanner.leaves.iter().enumerate() {
            let Some(node) = self.scanner.names.get(leaf.node) else { continue };
            let name = field_name(node, leaf, number, &self.scanner.heads, self.source.powershell);
            let Some(name) = name else { continue };
            if !node.own && own.contains(name) {
                continue;
            }
            let text = leaf_text(self.text, leaf);
            visit(name, leaf_value(self.text, leaf, Some(node), Some(&text)));
        }
    }
}
