//! What a rule asks is answered, as far as the log source alone can answer it.

use crate::{
    fold,
    test::{Expr, Matcher, Test},
};

/// Sigma's name of the event's number.
pub const EVENT_ID: &str = "EventID";
/// Sigma's name of the provider.
pub const PROVIDER: &str = "Provider_Name";

/// What is known of every event of a class.
pub struct Known<'k> {
    /// The event's number; `None` stands for all numbers that no rule names.
    pub event_id: Option<u32>,
    /// The provider's name as written; `None` stands for all that no rule names.
    pub provider: Option<&'k str>,
}

impl Known<'_> {
    /// Whether a test's truth is known.
    fn answers(&self, test: &Test) -> Option<bool> {
        let (literal, known) = constant(test)?;
        Some(match known {
            Constant::EventId => self.event_id.is_some_and(|id| literal == id.to_string()),
            Constant::Provider => self.provider.is_some_and(|provider| literal == fold::fold(provider)),
        })
    }
}

/// The two fields whose exact values are part of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constant {
    /// [`EVENT_ID`].
    EventId,
    /// [`PROVIDER`].
    Provider,
}

/// The text that a test asks of one of those fields, if it asks for one exact text whatever its case.
pub fn constant(test: &Test) -> Option<(&str, Constant)> {
    let constant = match test.field.as_deref() {
        Some(EVENT_ID) => Constant::EventId,
        Some(PROVIDER) => Constant::Provider,
        _ => return None,
    };
    match &test.matcher {
        Matcher::Pattern { pattern, cased: false } => pattern.as_literal().map(|literal| (literal, constant)),
        _ => None,
    }
}

/// What an expression's truth is for all events of which `known` is true, as far as that can be told.
pub fn truth(expr: &Expr, known: &Known<'_>) -> Option<bool> {
    match expr {
        Expr::Test(test) => known.answers(test),
        Expr::Not(term) => truth(term, known).map(|truth| !truth),
        Expr::All(terms) => decided(terms, known, false),
        Expr::Any(terms) => decided(terms, known, true),
    }
}

/// The truth of terms of which one that is `decisive` decides.
fn decided(terms: &[Expr], known: &Known<'_>, decisive: bool) -> Option<bool> {
    let mut all_known = true;
    for term in terms {
        match truth(term, known) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!decisive)
}
