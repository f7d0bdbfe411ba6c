//! Anchors: tests of which at least one must be true whenever a rule is.

use crate::compile::program::Node;

/// How many events, as a guess, satisfy a test: popular values of short text satisfy many.
pub struct Cost<'c> {
    /// By test: in how many places rules ask it.
    pub uses: &'c [u32],
    /// By test: the length of the literal that it cannot do without; 0 if it has none and so cannot be an anchor.
    pub lengths: &'c [usize],
}

impl Cost<'_> {
    fn of(&self, test: u32) -> Option<f64> {
        let length = *self.lengths.get(test as usize)?;
        let uses = *self.uses.get(test as usize)?;
        (length > 0).then(|| f64::from(1 + uses) / (length * length) as f64)
    }
}

/// The cheapest set of anchors of `node`; `None` if it can be true without any.
pub fn anchors(node: &Node, cost: &Cost<'_>) -> Option<Vec<u32>> {
    best(node, cost).map(|(_, tests)| tests)
}

fn best(node: &Node, cost: &Cost<'_>) -> Option<(f64, Vec<u32>)> {
    match node {
        Node::Test(test) => cost.of(*test).map(|cost| (cost, vec![*test])),
        Node::Not(_) => None,
        Node::All(terms) => terms.iter().filter_map(|term| best(term, cost)).min_by(|a, b| a.0.total_cmp(&b.0)),
        Node::Any(terms) => {
            let sets: Option<Vec<_>> = terms.iter().map(|term| best(term, cost)).collect();
            let sets = sets?;
            let sum = sets.iter().map(|(cost, _)| cost).sum();
            Some((sum, sets.into_iter().flat_map(|(_, tests)| tests).collect()))
        }
    }
}
