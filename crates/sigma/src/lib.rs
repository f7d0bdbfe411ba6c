//! Sigma: rules loaded and compiled, matched against events.
//!
//! ```text
//! YAML ──yaml──▶ nodes ──rule, modifier──▶ rules ──compile──▶ programs ──matcher──▶ findings
//!                            │ refused, with file, line, reason     │      (one for a class of log source)
//!                            └─────▶ correlations ──correlate──▶ findings ◀── observations, in the order of time
//! ```
//!
//! [`Loaded`] reads files of rules; what cannot be honoured is refused aloud, never dropped. [`Loaded::compile`] makes
//! [`Rules`] of them, which give each thread its [`SigmaDetector`]. The fast path is judged by [`plain`], a direct
//! reading of the specification. Left to others: which evidence there is (`evidence`), and what fields mean beyond
//! Sigma's names (`taxonomy/`, read by [`Taxonomy`]).
//!
//! Specification: <https://github.com/SigmaHQ/sigma-specification> v2.1.

mod compile;
mod condition;
pub mod correlate;
mod correlation;
mod fold;
mod idle;
mod load;
mod matcher;
mod memo;
mod modifier;
mod pattern;
pub mod plain;
mod rule;
mod suppress;
mod taxonomy;
mod test;
mod yaml;

pub use correlate::Correlator;
pub use correlation::Correlation;
pub use load::{Loaded, NotApplicable, Refused};
pub use matcher::{Rules, SigmaDetector};
pub use rule::{Filter, LogSourceSpec, Placeholders, Rule};
pub use suppress::Suppression;
pub use taxonomy::Taxonomy;
pub use yaml::Problem;

/// Whether `text` is described by `pattern`, with Sigma's wildcards and whatever the case.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    pattern::Pattern::parse(pattern).folded().matches(&fold::fold(text))
}
