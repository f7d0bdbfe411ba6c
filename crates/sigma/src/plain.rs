//! The slow path: Sigma's specification read directly, one rule and one record at a time, with nothing remembered
//! and nothing ruled out. It is the judge of the fast path, and serves where speed does not matter (suppressions,
//! `rules test`).

use std::{cell::RefCell, collections::HashMap};

use event::{Record, Value};
use regex::Regex;

use crate::{
    fold::fold,
    pattern::{Part, Pattern},
    rule::Rule,
    taxonomy::{Entry, Taxonomy},
    test::{Expr, Matcher, Test},
};

/// A whole record as names and texts; `None` stands for null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    fields: Vec<(String, Option<String>)>,
    /// In what words are looked for that may stand anywhere.
    texts: Vec<String>,
}

impl Fields {
    /// All fields of a record.
    pub fn of(record: &dyn Record) -> Self {
        let mut fields = Vec::new();
        record.visit(&mut |name, value| {
            let text = (!matches!(value, Value::Null)).then(|| value.text().into_owned());
            fields.push((name.to_owned(), text));
        });
        let mut texts = Vec::new();
        record.visit_text(&mut |value| texts.push(value.text().into_owned()));
        Self { fields, texts }
    }

    /// Adds a field's value.
    pub fn add(&mut self, name: &str, text: &str) {
        self.fields.push((name.to_owned(), Some(text.to_owned())));
        self.texts.push(text.to_owned());
    }

    /// The values of a field.
    pub fn get<'f>(&'f self, name: &str) -> impl Iterator<Item = Option<&'f str>> {
        self.fields.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_deref())
    }
}

/// Evaluates rules plainly.
#[derive(Default)]
pub struct Judge {
    /// Patterns as regular expressions, which are matched by another engine than the fast path's.
    expressions: RefCell<HashMap<(Pattern, bool), Option<Regex>>>,
}

impl Judge {
    /// Whether a rule is satisfied by a record.
    pub fn matches(&self, rule: &Rule, taxonomy: &Taxonomy, record: &dyn Record) -> bool {
        let entries = taxonomy.entries_for(&rule.logsource).unwrap_or_default();
        let fields = Fields::of(record);
        let applies = |entry: &&Entry| {
            entry.source.includes(&record.source())
                && entry.conditions.iter().all(|(field, values)| {
                    fields.get(field).flatten().any(|text| values.iter().any(|value| fold(value) == fold(text)))
                })
        };
        entries.iter().filter(applies).any(|entry| self.holds(&rule.expr, entry, &fields))
    }

    /// Whether an expression is satisfied by fields whose names are those of an entry.
    pub(crate) fn holds(&self, expr: &Expr, entry: &Entry, fields: &Fields) -> bool {
        match expr {
            Expr::All(terms) => terms.iter().all(|term| self.holds(term, entry, fields)),
            Expr::Any(terms) => terms.iter().any(|term| self.holds(term, entry, fields)),
            Expr::Not(term) => !self.holds(term, entry, fields),
            Expr::Test(test) => self.asks(test, entry, fields),
        }
    }

    fn asks(&self, test: &Test, entry: &Entry, fields: &Fields) -> bool {
        let Some(field) = test.field.as_deref() else {
            return fields.texts.iter().any(|text| self.satisfies(&test.matcher, text, entry, fields));
        };
        let values: Vec<Option<&str>> = natives(entry, field).flat_map(|name| fields.get(name)).collect();
        match &test.matcher {
            Matcher::Exists(wanted) => values.is_empty() != *wanted,
            Matcher::Null => values.iter().all(Option::is_none),
            matcher => values.iter().any(|value| match value {
                None => matches!(matcher, Matcher::Pattern { pattern, .. } if pattern.as_literal() == Some("")),
                Some(text) => translated(entry, field, text).any(|text| self.satisfies(matcher, text, entry, fields)),
            }),
        }
    }

    fn satisfies(&self, matcher: &Matcher, text: &str, entry: &Entry, fields: &Fields) -> bool {
        match matcher {
            Matcher::Pattern { pattern, cased } => {
                let mut expressions = self.expressions.borrow_mut();
                let expression =
                    expressions.entry((pattern.clone(), *cased)).or_insert_with(|| as_regex(pattern, *cased));
                expression.as_ref().is_some_and(|expression| expression.is_match(text))
            }
            Matcher::FieldRef { other, open_start, open_end, cased } => {
                let relates = |other: &str| {
                    let mut pattern = Pattern::literal(other);
                    pattern = if *open_start { pattern.open_start() } else { pattern };
                    pattern = if *open_end { pattern.open_end() } else { pattern };
                    as_regex(&pattern, *cased).is_some_and(|expression| expression.is_match(text))
                };
                let others = natives(entry, other).flat_map(|name| fields.get(name)).flatten();
                others.flat_map(|text| translated(entry, other, text)).any(relates)
            }
            other => other.matches(text, &fold(text)),
        }
    }
}

/// A value, and the same in the words of the rules.
fn translated<'n>(entry: &'n Entry, field: &str, text: &'n str) -> impl Iterator<Item = &'n str> {
    let translation = entry.values.get(field).and_then(|values| values.get(text));
    std::iter::once(text).chain(translation.map(String::as_str))
}

/// What a field is called in the record.
fn natives<'n>(entry: &'n Entry, field: &'n str) -> impl Iterator<Item = &'n str> {
    let names = entry.fields.get(field);
    let own = names.is_none().then_some(field);
    names.into_iter().flatten().map(String::as_str).chain(own)
}

fn as_regex(pattern: &Pattern, cased: bool) -> Option<Regex> {
    let part = |part: &Part| match part {
        Part::Literal(text) => regex::escape(text),
        Part::Any => ".*".into(),
        Part::One => ".".into(),
    };
    let body: String = pattern.parts().iter().map(part).collect();
    let flags = if cased { "s" } else { "si" };
    Regex::new(&format!(r"(?{flags})\A(?:{body})\z")).ok()
}
