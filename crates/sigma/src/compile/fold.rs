//! Constant folding: what a rule asks is answered, as far as the log source alone can answer it.

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

/// An expression that is equal to `expr` for all events of which `known` is true. [`Expr::All`] of nothing is true,
/// [`Expr::Any`] of nothing is false.
pub fn fold(expr: &Expr, known: &Known<'_>) -> Expr {
    match expr {
        Expr::Test(test) => match known.answers(test) {
            Some(true) => truth(),
            Some(false) => falsehood(),
            None => expr.clone(),
        },
        Expr::Not(term) => negate(fold(term, known)),
        Expr::All(terms) => {
            let mut kept = Vec::new();
            for term in terms {
                match fold(term, known) {
                    Expr::Any(none) if none.is_empty() => return falsehood(),
                    Expr::All(inner) => kept.extend(inner),
                    other => kept.push(other),
                }
            }
            single(kept, Expr::All)
        }
        Expr::Any(terms) => {
            let mut kept = Vec::new();
            for term in terms {
                match fold(term, known) {
                    Expr::All(none) if none.is_empty() => return truth(),
                    Expr::Any(inner) => kept.extend(inner),
                    other => kept.push(other),
                }
            }
            single(kept, Expr::Any)
        }
    }
}

fn truth() -> Expr {
    Expr::All(Vec::new())
}

fn falsehood() -> Expr {
    Expr::Any(Vec::new())
}

/// Whether an expression is false whatever the event.
pub fn is_false(expr: &Expr) -> bool {
    matches!(expr, Expr::Any(none) if none.is_empty())
}

/// Whether an expression is true whatever the event.
pub fn is_true(expr: &Expr) -> bool {
    matches!(expr, Expr::All(none) if none.is_empty())
}

fn negate(expr: Expr) -> Expr {
    match expr {
        Expr::All(none) if none.is_empty() => falsehood(),
        Expr::Any(none) if none.is_empty() => truth(),
        Expr::Not(inner) => *inner,
        other => Expr::Not(Box::new(other)),
    }
}

fn single(mut terms: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    if terms.len() == 1 { terms.remove(0) } else { join(terms) }
}
