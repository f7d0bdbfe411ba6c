//! Correlations: against a plain reference, the specification's own examples, and by hand where it is edges that count.

// Helpers of tests are tests too; clippy sees that only within `#[test]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod case;
mod edges;
mod equals_reference;
mod fraction;
mod log;
mod reference;
mod refusals;
mod saved;
mod specification;
