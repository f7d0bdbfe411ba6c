//! From a thousand findings to the story of what happened.
//!
//! ```text
//! records ──Linked──▶ findings with their context ──┐
//!                └──▶ traces (observations) ────────┴──in the order of time──▶ Linker ──▶ Incidents
//! ```
//!
//! A finding alone says that a rule was satisfied. What happened is a story: this program was written by that one, which came with
//! that mail. An [`Incident`] is what strong links hold together; each [`Link`] says in a sentence why.
//!
//! Promised here: the same evidence gives the same incidents with the same ids; nothing is learned from afar; what is kept is bounded.
//! Left to others: how it looks (`report`).

mod actions;
mod arrivals;
mod assemble;
mod common;
mod context;
mod entity;
mod facts;
mod graph;
mod incident;
mod kept;
mod known;
mod linked;
mod linker;
mod mention;
mod names;
mod processes;
mod rank;
mod saved;
mod story;
mod symbols;
mod template;
#[cfg(test)]
mod tests;
mod told;
mod trace;
mod why;

pub use entity::{Entity, EntityKind};
pub use incident::{Action, Incident, IncidentId, Incidents, Link, LinkKind, Part, Resemblance, Step, Tactic};
pub use linked::Linked;
pub use linker::{Limits, Linker};
pub use trace::TRACES;
