//! Correlations that can find nothing, since rules that they need have nothing to look at.

use std::{collections::HashSet, sync::Arc};

use event::RuleInfo;

use crate::{
    correlate::{Number, Plan},
    correlation::{Measure, Seen, Test},
};

/// The correlations that can find nothing once the rules of these numbers are gone, with the reason. What is only there for others is left
/// to these.
pub fn idle(plan: &Plan, gone: &HashSet<u32>) -> Vec<(Arc<RuleInfo>, String)> {
    let mut at_work: Vec<Vec<bool>> =
        plan.correlations.iter().map(|planned| vec![false; planned.elements.len()]).collect();
    let mut idle = Vec::new();
    let mut correlations = plan.correlations.iter().enumerate().peekable();
    // Those that are named come before those that name them.
    for (source, uses) in plan.uses.iter().enumerate() {
        let own = correlations.next_if(|(_, planned)| planned.source == source);
        let works = match own {
            None => !gone.contains(&(source as u32)),
            Some((number, planned)) => {
                let elements = at_work.get(number).map(Vec::as_slice).unwrap_or_default();
                // What could never hold anyway is left as it is written.
                let works = !elements.contains(&false) || can_hold(&planned.measure, &planned.test, elements);
                if !works && !planned.silent {
                    let titles = planned.elements.iter().map(|rule| rule.title.as_str());
                    idle.push((Arc::clone(&planned.info), reason(elements, titles)));
                }
                works
            }
        };
        for used in uses.iter().filter(|_| works) {
            let element = at_work.get_mut(used.correlation).and_then(|all| all.get_mut(usize::from(used.element)));
            element.into_iter().for_each(|element| *element = true);
        }
    }
    idle
}

fn reason<'t>(at_work: &[bool], titles: impl Iterator<Item = &'t str>) -> String {
    if !at_work.contains(&true) {
        return "none of the rules that the correlation names is applicable".to_owned();
    }
    let missing: Vec<String> =
        titles.zip(at_work).filter(|(_, works)| !**works).map(|(title, _)| format!("'{title}'")).collect();
    format!("the correlation needs rules that are not applicable: {}", missing.join(", "))
}

/// Whether a correlation can find anything with those of its rules alone that are at work.
fn can_hold(measure: &Measure, test: &Test, at_work: &[bool]) -> bool {
    let most = at_work.iter().filter(|works| **works).count() as u64;
    match test {
        _ if most == 0 => false,
        Test::Seen(seen) => can_be_seen(seen, at_work),
        Test::Compare(comparisons) if matches!(measure, Measure::Rules | Measure::RulesInOrder) => {
            let holds = |seen: u64| comparisons.iter().all(|(how, number)| how.holds(Number::from(seen).cmp(number)));
            (1..=most).any(holds)
        }
        Test::Compare(_) => true,
    }
}

/// Whether an expression can be true; that a rule is not seen can always be.
fn can_be_seen(seen: &Seen, at_work: &[bool]) -> bool {
    match seen {
        Seen::All(terms) => terms.iter().all(|term| can_be_seen(term, at_work)),
        Seen::Any(terms) => terms.iter().any(|term| can_be_seen(term, at_work)),
        Seen::Not(_) => true,
        Seen::Rule(rule) => at_work.get(*rule).copied().unwrap_or_default(),
    }
}
