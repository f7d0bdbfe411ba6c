//! What Elastic's ingest pipelines take out of an event's own data and put elsewhere, back under the event's own names.
//! `elastic.txt` beside this file says what they move.

use std::{collections::HashMap, sync::LazyLock};

/// An event of a log whose data the pipelines move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Moved {
    log: &'static str,
    /// The event's number, if the table names it; so there are few that differ.
    event: Option<u32>,
}

/// A field of Elastic's.
#[derive(Debug)]
pub(super) struct Field {
    rows: Vec<Row>,
}

/// What it is in some events.
#[derive(Debug)]
pub(super) struct Row {
    log: &'static str,
    /// Empty for all.
    events: Vec<u32>,
    pub(super) name: &'static str,
    pub(super) form: Form,
}

/// How the event itself writes the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Same,
    /// With this before it.
    Behind(&'static str),
    /// With the value of another of Elastic's fields before it, and this between them.
    BehindField(&'static str, &'static str),
    /// In other words.
    Words(Vec<(&'static str, &'static str)>),
}

/// By Elastic's name.
static FIELDS: LazyLock<HashMap<&'static str, Field>> = LazyLock::new(|| {
    let mut fields: HashMap<&'static str, Field> = HashMap::new();
    for (path, row) in include_str!("elastic.txt").lines().filter_map(row) {
        fields.entry(path).or_insert_with(|| Field { rows: Vec::new() }).rows.push(row);
    }
    fields
});

/// Elastic's name and what it is, from a line of the table; `None` for a comment.
fn row(line: &'static str) -> Option<(&'static str, Row)> {
    let mut words = line.split_ascii_whitespace().filter(|_| !line.starts_with('#'));
    let (log, events, path, name) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let events = events.split(',').filter_map(|number| number.parse().ok()).collect();
    let form: Vec<&str> = words.collect();
    Some((path, Row { log, events, name, form: Form::read(&form) }))
}

impl Form {
    fn read(words: &[&'static str]) -> Self {
        let Some(first) = words.first() else { return Self::Same };
        match first.strip_suffix("{}") {
            Some(before) => match before.strip_prefix('{').and_then(|before| before.split_once('}')) {
                Some((path, between)) => Self::BehindField(path, between),
                None => Self::Behind(before),
            },
            None => Self::Words(words.iter().filter_map(|word| word.split_once('=')).collect()),
        }
    }
}

impl Field {
    /// The field of Elastic's that is called so.
    pub(super) fn named(path: &str) -> Option<&'static Self> {
        FIELDS.get(path)
    }

    /// What it is in an event.
    pub(super) fn of(&self, event: Moved) -> Option<&Row> {
        self.rows.iter().find(|row| row.log == event.log && row.is_of(event.event))
    }
}

impl Row {
    fn is_of(&self, event: Option<u32>) -> bool {
        self.events.is_empty() || event.is_some_and(|event| self.events.contains(&event))
    }
}

impl Moved {
    /// An event of this log; `None` if nothing is moved in it.
    pub(super) fn of(channel: &str, event_id: u32) -> Option<Self> {
        let is = |name: &str| channel.eq_ignore_ascii_case(name);
        let log = match () {
            () if is("Microsoft-Windows-Sysmon/Operational") => "sysmon",
            () if is("Security") => "security",
            () if is("Microsoft-Windows-PowerShell/Operational") || is("PowerShellCore/Operational") => "powershell",
            () => return None,
        };
        let rows = FIELDS.values().flat_map(|field| &field.rows).filter(|row| row.log == log);
        let named = rows.flat_map(|row| &row.events).any(|event| *event == event_id);
        Some(Self { log, event: named.then_some(event_id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let text = include_str!("elastic.txt");
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert_eq!(FIELDS.values().map(|field| field.rows.len()).sum::<usize>(), lines);
        let rows = || FIELDS.values().flat_map(|field| &field.rows);
        assert!(rows().all(|row| matches!(row.log, "sysmon" | "security" | "powershell")));
        // Every field that another's form names is one of this table's or beside it; every word has another.
        assert!(rows().all(|row| !matches!(&row.form, Form::Words(words) if words.len() < 2)));
        let form = |path: &str| rows().find(|row| row.name == path).map(|row| row.form.clone()).unwrap();
        assert_eq!(form("User"), Form::BehindField("user.domain", "\\"));
        assert_eq!(form("Initiated"), Form::Words(vec![("egress", "true"), ("ingress", "false")]));
    }

    #[test]
    fn few_events_differ() {
        let sysmon = |id| Moved::of("microsoft-windows-sysmon/operational", id).unwrap();
        let executable = |id| Field::named("process.executable").unwrap().of(sysmon(id)).unwrap().name;
        assert_eq!(
            (executable(1), executable(8), executable(10), executable(20)),
            ("Image", "SourceImage", "SourceImage", "Destination")
        );
        let mut different: Vec<Moved> = (0..100_000).map(sysmon).collect();
        different.sort_unstable_by_key(|moved| moved.event);
        different.dedup();
        assert!(different.len() < 40, "{}", different.len());
        assert_eq!(Moved::of("System", 1), None);
    }
}
