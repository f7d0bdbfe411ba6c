//! Rules and events made up from bytes, for comparing the fast path with the slow one.
//!
//! ```text
//! bytes ──Choices──▶ Theme (a few words) ──▶ MadeRule: YAML, and what would satisfy it (Want)
//!                                                    └──▶ MadeRecord: values that do, or nearly do ──▶ compare
//! ```
//!
//! Every decision takes its bytes from [`Choices`], so that the same bytes make the same case: the property tests draw
//! them from proptest, the fuzz target `matcher` (which includes this folder) from libFuzzer. Bytes that have run out
//! count as zeros, which choose what is simplest.
//!
//! Values are made from what the rules ask, with a reading of Sigma that shares no code with the crate's own.

pub mod case;
mod choices;
mod item;
mod record;
mod rule;
mod theme;
mod want;

pub use case::{Case, compare};
