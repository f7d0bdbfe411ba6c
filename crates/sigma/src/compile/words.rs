//! Which of the words that a rule looks for anywhere in a record it cannot do without.

use crate::{
    pattern::{Part, Pattern},
    test::{Expr, Matcher, Test},
};

/// Words of which one stands in every record for which the rule's answer depends on words at all: where none of them stands, the rule
/// may be evaluated as if no word did. `None` for a regular expression.
pub fn needed(expr: &Expr) -> Vec<Option<&Pattern>> {
    match expr {
        Expr::Test(Test { field: Some(_), .. }) => Vec::new(),
        Expr::Test(test) => vec![pattern(test)],
        Expr::Not(term) => needed(term),
        Expr::Any(terms) => terms.iter().flat_map(needed).collect(),
        // One term that is false without its words is enough to make all of it false; the one of the longest words is the best.
        Expr::All(terms) => {
            let enough = terms.iter().filter(|term| needs_a_word(term)).map(needed);
            enough.max_by_key(|words| shortest(words)).unwrap_or_else(|| terms.iter().flat_map(needed).collect())
        }
    }
}

fn pattern(test: &Test) -> Option<&Pattern> {
    match &test.matcher {
        Matcher::Pattern { pattern, .. } => Some(pattern),
        _ => None,
    }
}

/// Whether an expression is surely false where none of its words stands.
fn needs_a_word(expr: &Expr) -> bool {
    match expr {
        Expr::Test(test) => test.field.is_none(),
        Expr::Not(_) => false,
        Expr::Any(terms) => terms.iter().all(needs_a_word),
        Expr::All(terms) => terms.iter().any(needs_a_word),
    }
}

/// The length of the shortest word, each measured by its longest literal.
fn shortest(words: &[Option<&Pattern>]) -> usize {
    let length = |part: &Part| if let Part::Literal(text) = part { text.len() } else { 0 };
    let longest = |word: &Option<&Pattern>| word.map_or(0, |word| word.parts().iter().map(length).max().unwrap_or(0));
    words.iter().map(longest).min().unwrap_or(0)
}
