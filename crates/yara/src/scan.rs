//! One thread's scanner.

use std::time::Duration;

use artifact::{Match, Scanner};
use yara_x::{MetaValue, Rule};

/// A file that takes longer is told as not scanned.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Rules that are told of one file.
const RULES: usize = 256;
/// Places of strings that are told of one rule, and bytes of each.
const PLACES: usize = 4;
const PLACE: usize = 60;
/// Matches of one string that are looked for: conditions count them.
const MATCHES: usize = 10_000;

pub(crate) struct FileScanner {
    scanner: yara_x::Scanner<'static>,
}

impl FileScanner {
    pub(crate) fn new(rules: &'static yara_x::Rules) -> Self {
        let mut scanner = yara_x::Scanner::new(rules);
        scanner.set_timeout(TIMEOUT).max_matches_per_pattern(MATCHES);
        Self { scanner }
    }
}

impl Scanner for FileScanner {
    fn scan(&mut self, path: &str, name: &str, bytes: &[u8]) -> Result<Vec<Match>, String> {
        let extension = name.rfind('.').and_then(|at| name.get(at..)).unwrap_or_default();
        for (global, value) in super::GLOBALS.into_iter().zip([name, path, extension]) {
            // All of them are defined when rules are compiled.
            let _ = self.scanner.set_global(global, value);
        }
        let results =
            self.scanner.scan(bytes).map_err(|error| format!("YARA rules could not be looked for: {error}"))?;
        Ok(results.matching_rules().take(RULES).map(|rule| of(&rule)).collect())
    }
}

/// What is told of a rule that matches.
fn of(rule: &Rule<'_, '_>) -> Match {
    let score = rule.metadata().find_map(|(name, value)| match value {
        MetaValue::Integer(score) if name.eq_ignore_ascii_case("score") => u64::try_from(score).ok(),
        _ => None,
    });
    let places = rule.patterns().flat_map(|pattern| {
        let name = pattern.identifier();
        pattern.matches().take(PLACES).map(move |found| {
            let text = found.data().get(..PLACE).unwrap_or(found.data()).escape_ascii();
            format!("{name} at {}: {text}", found.range().start)
        })
    });
    Match {
        rule: rule.identifier().to_owned(),
        tags: rule.tags().map(|tag| tag.identifier().to_owned()).collect(),
        score,
        places: places.take(PLACES).collect(),
    }
}
