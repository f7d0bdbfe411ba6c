//! Rules made fast: for every class of log source one program.
//!
//! ```text
//! rules ──by log source──▶ those that can apply ──fold──▶ what is left to ask ──▶ program
//!                          (index, not a condition)      (EventID, provider known)   slots, scanners, anchors
//! ```
//!
//! A program knows which fields its rules ask for, scans each value once for all of them ([`scanner`]), and evaluates a
//! rule only if one of its anchors was seen: tests of which at least one must be true whenever the rule is ([`anchor`]).
//! Anything here may only make evaluation cheaper, never leave a rule out; `plain` is the judge.

mod anchor;
mod class;
mod fold;
mod literals;
mod needed;
mod program;
mod raw_text;
mod required;
mod scanner;
mod source_cache;
mod text_filter;
mod words;

pub(crate) use class::Classes;
pub(crate) use fold::Constant;
pub(crate) use program::{BoundTest, Node, Program, ProgramRule, View};
pub(crate) use scanner::Scanned;
pub(crate) use source_cache::SourceCache;
