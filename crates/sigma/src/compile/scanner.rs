//! One pass over a value for all tests on its field.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::{
    compile::{literals::Literals, required},
    pattern::{Part, Pattern},
    test::{Matcher, Network},
};

/// Finds which of many tests a text satisfies.
#[derive(Default)]
pub struct Scanner {
    /// Tests that ask for the whole text, by that text (folded).
    whole: HashMap<Box<str>, Vec<Use>, RandomState>,
    /// All other literals (folded), and what each is used for.
    literals: Literals,
    uses: Vec<Vec<Use>>,
    /// Tests that ask whether the text is an address in a network.
    networks: Vec<(u32, Network)>,
}

/// What a scan has found out already, so that a literal that stands in a text a thousand times is looked into once.
#[derive(Default)]
pub struct Scanned {
    scan: u32,
    /// By test: the scan that answered it last.
    tests: Vec<u32>,
}

impl Scanned {
    fn begin(&mut self) {
        if self.scan == u32::MAX {
            self.tests.clear();
            self.scan = 0;
        }
        self.scan += 1;
    }

    /// Whether a test is answered for the first time in this scan.
    fn is_first(&mut self, test: u32) -> bool {
        let index = test as usize;
        if self.tests.len() <= index {
            self.tests.resize(index + 1, 0);
        }
        self.tests.get_mut(index).is_some_and(|last| std::mem::replace(last, self.scan) != self.scan)
    }
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
    whole: HashMap<Box<str>, Vec<Use>, RandomState>,
    literals: HashMap<String, Vec<Use>, RandomState>,
    networks: Vec<(u32, Network)>,
}

impl ScannerBuilder {
    /// Adds a test, or returns false: the test is none of a network, and has no literal that is worth looking for.
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
            Matcher::Cidr(network) => {
                self.networks.push((test, *network));
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
        Scanner {
            whole: self.whole,
            literals: Literals::new(literals.iter().map(|(literal, _)| literal.as_bytes())),
            uses: literals.into_iter().map(|(_, uses)| uses).collect(),
            networks: self.networks,
        }
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
    /// Calls `hit` once for every test that the text satisfies. `matcher` gives a test's matcher.
    pub fn scan<'m>(
        &self,
        text: &str,
        folded: &str,
        matcher: impl Fn(u32) -> Option<&'m Matcher>,
        scanned: &mut Scanned,
        hit: &mut dyn FnMut(u32),
    ) {
        scanned.begin();
        let mut answer = |used: &Use, stands: bool| {
            let satisfied = match used.place {
                Placement::Verify => {
                    scanned.is_first(used.test)
                        && matcher(used.test).is_some_and(|matcher| matcher.matches(text, folded))
                }
                _ => stands && scanned.is_first(used.test),
            };
            if satisfied {
                hit(used.test);
            }
        };
        for used in self.whole.get(folded).map(Vec::as_slice).unwrap_or_default() {
            answer(used, true);
        }
        self.literals.find(folded.as_bytes(), &mut |literal, start| {
            for used in self.uses.get(literal).map(Vec::as_slice).unwrap_or_default() {
                let stands = match used.place {
                    Placement::Start => start == 0,
                    Placement::End => start + self.literals.length(literal) == folded.len(),
                    Placement::Anywhere | Placement::Verify => true,
                };
                answer(used, stands);
            }
        });
        if let (false, Ok(address)) = (self.networks.is_empty(), text.trim().parse()) {
            self.networks.iter().filter(|(_, network)| network.contains(address)).for_each(|(test, _)| hit(*test));
        }
    }
}
