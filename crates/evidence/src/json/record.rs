//! A whole record, for whoever needs more than the fields a detector asked for.

use std::{borrow::Cow, collections::HashSet};

use event::{LogSource, Position, Record, Time, Value};

use super::{
    elastic::{Form, Moved},
    names::{Node, Role, rank_of_event_id},
    pass::{Lines, Places},
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
    pub(super) dialect: Dialect,
}

/// How fields are called that are not the event's own data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dialect {
    /// As they are, or by what is known of single names.
    Own,
    /// As PowerShell's `Get-WinEvent` calls them.
    GetWinEvent,
    /// As Winlogbeat does, and Elastic's pipelines behind it.
    Winlogbeat(Option<Moved>),
}

impl Dialect {
    pub(super) fn moved(self) -> Option<Moved> {
        match self {
            Self::Winlogbeat(moved) => moved,
            Self::Own | Self::GetWinEvent => None,
        }
    }
}

/// Whose record it is, as far as the key of the event's number tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shipper {
    Any,
    GetWinEvent,
    Winlogbeat,
}

impl Shipper {
    #[inline]
    pub(super) fn of(heads: &Heads) -> Self {
        match heads.rank(Role::EventId) {
            Some(rank_of_event_id::WINLOGBEAT | rank_of_event_id::WINLOGBEAT_6) => Self::Winlogbeat,
            Some(rank_of_event_id::GET_WIN_EVENT) => Self::GetWinEvent,
            _ => Self::Any,
        }
    }

    pub(super) fn dialect(self, channel: &str, event_id: u32) -> Dialect {
        match self {
            Self::Any => Dialect::Own,
            Self::GetWinEvent => Dialect::GetWinEvent,
            Self::Winlogbeat => Dialect::Winlogbeat(Moved::of(channel, event_id)),
        }
    }
}

/// The record the scanner read last.
pub(super) struct JsonRecord<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) scanner: &'a Scanner,
    pub(super) source: &'a Source,
    pub(super) lines: &'a Lines<'a>,
    pub(super) places: Places,
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

/// Appends a leaf's text as the event itself writes it, where Elastic writes it otherwise; false where it does not.
pub(super) fn restore(text: &str, leaf: &Leaf, scanner: &Scanner, dialect: Dialect, out: &mut String) -> bool {
    if dialect.moved().is_none() {
        return false;
    }
    let Some(row) = scanner.names.get(leaf.node).and_then(|node| node.moved(dialect)) else { return false };
    match &row.form {
        Form::Same => return false,
        Form::Behind(before) => out.push_str(before),
        Form::BehindField(path, between) => {
            let is_it = |other: &&Leaf| scanner.names.get(other.node).is_some_and(|node| node.is_at(path));
            let Some(before) = scanner.leaves.iter().find(is_it) else { return false };
            out.push_str(&leaf_text(text, before));
            out.push_str(between);
        }
        Form::Words(words) => {
            let own = leaf_text(text, leaf);
            let Some((_, word)) = words.iter().find(|(theirs, _)| *theirs == own) else { return false };
            out.push_str(word);
            return true;
        }
    }
    out.push_str(&leaf_text(text, leaf));
    true
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

    /// A leaf's text as the event itself writes it.
    fn text(&self, leaf: &Leaf) -> Cow<'_, str> {
        let mut restored = String::new();
        match restore(self.text, leaf, self.scanner, self.source.dialect, &mut restored) {
            true => Cow::Owned(restored),
            false => leaf_text(self.text, leaf),
        }
    }

    /// The names of fields in the event's own data, which shadow those elsewhere.
    fn own_names(&self) -> HashSet<&str> {
        let nodes = || self.scanner.leaves.iter().filter_map(|leaf| self.scanner.names.get(leaf.node));
        let unnamed = nodes().filter(|node| self.is_unnamed(node)).map(|_| "Data");
        nodes().filter(|node| node.own).filter_map(|node| node.name.as_deref()).chain(unnamed).collect()
    }

    /// Whether it is unnamed data to which the shipper gave a name.
    fn is_unnamed(&self, node: &Node) -> bool {
        node.is_param && matches!(self.source.dialect, Dialect::Winlogbeat(_))
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
    dialect: Dialect,
) -> Option<&'a str> {
    if node.container && leaf.kind == Kind::Null {
        return None;
    }
    let own = || node.name(dialect);
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
        self.places.position(self.lines, self.start)
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        let own = self.own_names();
        for (number, leaf) in self.scanner.leaves.iter().enumerate() {
            let Some(node) = self.scanner.names.get(leaf.node) else { continue };
            let name = field_name(node, leaf, number, &self.scanner.heads, self.source.dialect);
            let Some(name) = name else { continue };
            if !node.own && own.contains(name) {
                continue;
            }
            let text = self.text(leaf);
            let value = leaf_value(self.text, leaf, Some(node), Some(&text));
            visit(name, value);
            if self.is_unnamed(node) {
                visit("Data", value);
            }
        }
    }
}
