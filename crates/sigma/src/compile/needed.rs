//! The values of one field without one of which no rule of a program can be true, so that readers need not show other events.

use std::collections::{BTreeMap, BTreeSet};

use event::{Needed, Slot};

use super::program::{BoundTest, Node, ProgramRule};
use crate::test::Matcher;

/// Values, case-folded, by the translation of a slot's values (none).
type Translations = Vec<Vec<BTreeMap<String, String>>>;

/// The field of which fewest values are needed; `None` if there is no such field. Rules that look for words anywhere are true only of events in which
/// words may stand, and so need no value.
pub fn among(rules: &[ProgramRule], tests: &[BoundTest], translations: &Translations) -> Option<Needed> {
    let needed = (0..translations.len() as Slot).filter_map(|slot| {
        let mut values = BTreeSet::new();
        for rule in rules {
            values.extend(of_node(&rule.node, slot, tests, translations)?);
        }
        Some((slot, values))
    });
    let (slot, values) = needed.min_by_key(|(_, values)| values.len())?;
    Some(Needed { slot, values: values.into_iter().map(str::to_owned).collect(), unless: Vec::new() })
}

/// The values of which the field has one whenever the node is true.
fn of_node<'t>(
    node: &Node,
    slot: Slot,
    tests: &'t [BoundTest],
    translations: &Translations,
) -> Option<BTreeSet<&'t str>> {
    match node {
        Node::Not(_) => None,
        Node::All(terms) => {
            let of_terms = terms.iter().filter_map(|term| of_node(term, slot, tests, translations));
            of_terms.min_by_key(BTreeSet::len)
        }
        Node::Any(terms) => {
            let mut values = BTreeSet::new();
            for term in terms {
                values.extend(of_node(term, slot, tests, translations)?);
            }
            Some(values)
        }
        Node::Test(number) => of_test(tests.get(*number as usize)?, slot, translations),
    }
}

fn of_test<'t>(test: &'t BoundTest, slot: Slot, translations: &Translations) -> Option<BTreeSet<&'t str>> {
    let Some(own) = test.slot else { return Some(BTreeSet::new()) };
    let is_translated = || {
        translations.get(usize::from(slot)).and_then(|views| views.get(test.view)).is_none_or(|view| !view.is_empty())
    };
    match &test.matcher {
        // Null is an empty text to rules.
        Matcher::Pattern { pattern, cased: false } if own == slot && !is_translated() => {
            pattern.as_literal().filter(|literal| !literal.is_empty()).map(|literal| BTreeSet::from([literal]))
        }
        _ => None,
    }
}
