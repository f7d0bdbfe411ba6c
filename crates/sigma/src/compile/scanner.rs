//! One pass over a value for all tests on its field.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{
    compile::required,
    pattern::{Part, Pattern},
    test::Matcher,
};

/// Finds which of many tests a text satisfies.
#[derive(Default)]
pub struct Scanner {
    /// Tests that ask for the whole text, by that text (folded).
    whole: HashMap<Box<str>, Vec<Use>>,
    /// All other literals (folded), and what each is used for.
    automaton: Option<AhoCorasick>,
    literals: Vec<Vec<Use>>,
}

/// A test that a literal belongs to.
#[derive(Clone, Copy)]
struct Use {
    test: u32,
    place: Placement,
}

/// What is known once a test's literal was seen.
#[derive(Clone, Copy, PartialEq)]
enum Placement {
    /// True.
    Anywhere,
    /// True if the literal stands at the start.
    Start,
    /// True if it stands at the end.
    End,
    /// To be seen.
    Verify,
}

/// Collects tests for a [`Scanner`].
#[derive(Default)]
pub struct ScannerBuilder {
    whole: HashMap<Box<str>, Vec<Use>>,
    literals: HashMap<String, Vec<Use>>,
}

impl ScannerBuilder {
    /// Adds a test, or returns false: the test has no literal that is worth looking for.
    pub fn add(&mut self, test: u32, matcher: &Matcher) -> bool {
        match matcher {
            Matcher::Pattern { pattern, cased } => self.add_pattern(test, pattern, *cased),
            Matcher::Regex(regex) => {
                let Some(literals) = required::literals(regex.source()) else { return false };
                for literal in literals {
                    self.literals.entry(literal).or_default().push(Use { test, place: Placement::Verify });
                }
                true
            }
            _ => false,
        }
    }

    fn add_pattern(&mut self, test: u32, pattern: &Pattern, cased: bool) -> bool {
        let folded = if cased { pattern.folded() } else { pattern.clone() };
        let verify = |place| if cased { Placement::Verify } else { place };
        if let Some(text) = folded.as_literal() {
            self.whole.entry(text.into()).or_default().push(Use { test, place: verify(Placement::Anywhere) });
            return true;
        }
        let Some((literal, place)) = longest_literal(&folded) else { return false };
        self.literals.entry(literal.to_owned()).or_default().push(Use { test, place: verify(place) });
        true
    }

    /// The scanner of all tests that were added.
    pub fn build(self) -> Scanner {
        let mut literals: Vec<(String, Vec<Use>)> = self.literals.into_iter().collect();
        literals.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let automaton = if literals.is_empty() {
            None
        } else {
            let words = literals.iter().map(|(literal, _)| literal);
            // Overlapping matches are wanted, so the standard kind. It fails only past 2^31 states.
            AhoCorasick::builder().match_kind(MatchKind::Standard).build(words).ok()
        };
        Scanner { whole: self.whole, automaton, literals: literals.into_iter().map(|(_, uses)| uses).collect() }
    }
}

fn longest_literal(pattern: &Pattern) -> Option<(&str, Placement)> {
    let parts = pattern.parts();
    let place = match parts {
        [Part::Any, Part::Literal(_), Part::Any] => Placement::Anywhere,
        [Part::Literal(_), Part::Any] => Placement::Start,
        [Part::Any, Part::Literal(_)] => Placement::End,
        _ => Placement::Verify,
    };
    let literals = parts.iter().filter_map(|part| match part {
        Part::Literal(text) => Some(text.as_str()),
        _ => None,
    });
    literals.max_by_key(|text| text.len()).map(|text| (text, place))
}

impl Scanner {
    /// Calls `hit` for every test that the text satisfies, perhaps more than once. `matcher` gives a test's matcher.
    pub fn scan<'m>(
        &self,
        text: &str,
        folded: &str,
        matcher: impl Fn(u32) -> Option<&'m Matcher>,
        hit: &mut dyn FnMut(u32),
    ) {
        let holds = |test: u32| matcher(test).is_some_and(|matcher| matcher.matches(text, folded));
        if let Some(uses) = self.whole.get(folded) {
            for used in uses {
                if used.place == Placement::Anywhere || holds(used.test) {
                    hit(used.test);
                }
            }
        }
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_overlapping_iter(folded) {
            for used in self.literals.get(found.pattern().as_usize()).map(Vec::as_slice).unwrap_or_default() {
                let satisfied = match used.place {
                    Placement::Anywhere => true,
                    Placement::Start => found.start() == 0,
                    Placement::End => found.end() == folded.len(),
                    Placement::Verify => holds(used.test),
                };
                if satisfied {
                    hit(used.test);
                }
            }
        }
    }
}
