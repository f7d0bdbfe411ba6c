//! Patterns that are looked for in whole files, by whoever knows them: what matches is a fact.

use std::{fmt::Debug, sync::Arc};

use crate::{Facts, Kind};

/// Patterns, made ready once and shared by all readers.
pub trait Patterns: Debug + Send + Sync {
    /// What one thread looks for them with.
    fn scanner(&self) -> Box<dyn Scanner>;
}

/// Looks for patterns.
pub trait Scanner {
    /// The rules that match a file of this path and name that holds `bytes`.
    ///
    /// # Errors
    /// Why the file could not be looked through.
    fn scan(&mut self, path: &str, name: &str, bytes: &[u8]) -> Result<Vec<Match>, String>;
}

/// A rule that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its name.
    pub rule: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// How much it says, up to 100, if it says so itself.
    pub score: Option<u64>,
    /// Where the first of its strings stand: `$a at 10: offer`.
    pub places: Vec<String>,
}

/// One thread's scanner, if there is anything to be looked for; made when first needed.
#[derive(Default)]
pub(crate) struct Looker {
    patterns: Option<Arc<dyn Patterns>>,
    scanner: Option<Box<dyn Scanner>>,
}

impl Looker {
    pub(crate) fn new(patterns: Option<&Arc<dyn Patterns>>) -> Self {
        Self { patterns: patterns.cloned(), scanner: None }
    }

    /// Adds what matches in a file to the facts about it; gives why it could not be looked through.
    pub(crate) fn tell(&mut self, path: &str, name: &str, bytes: &[u8], facts: &mut Facts) -> Option<String> {
        self.matches(path, name, bytes).map(|matches| add(matches, facts)).err()
    }

    /// The same for facts that hold what the file holds.
    pub(crate) fn tell_held(&mut self, facts: &mut Facts) -> Option<String> {
        if self.patterns.is_none() || facts.kind() != Kind::File {
            return None;
        }
        let [path, name] = ["Path", "Name"].map(|field| facts.values(field).next().unwrap_or_default().into_owned());
        self.matches(&path, &name, facts.content()).map(|matches| add(matches, facts)).err()
    }

    fn matches(&mut self, path: &str, name: &str, bytes: &[u8]) -> Result<Vec<Match>, String> {
        let Some(patterns) = &self.patterns else { return Ok(Vec::new()) };
        let scanned = self.scanner.get_or_insert_with(|| patterns.scanner()).scan(path, name, bytes);
        if scanned.is_err() {
            // What it is like now nobody knows.
            self.scanner = None;
        }
        scanned
    }
}

fn add(matches: Vec<Match>, facts: &mut Facts) {
    if let Some(score) = matches.iter().filter_map(|found| found.score).max() {
        facts.count("YaraScore", score);
    }
    for Match { rule, tags, places, .. } in matches {
        places.iter().for_each(|place| facts.tell("YaraMatch", format!("{rule}: {place}")));
        tags.into_iter().for_each(|tag| facts.tell("YaraTag", tag));
        facts.tell("YaraRule", rule);
    }
}
