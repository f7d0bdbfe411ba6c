//! Bytes to events: walks what it is given, looks into containers, recognises formats by their content and
//! reads them.
//!
//! ```text
//! paths ──open──▶ pieces ──Cutter──▶ blocks ──Reader──▶ events ──▶ detector
//!                 (one at a time,     (in parallel, any order)
//!                  in order)
//! ```
//!
//! A [`Format`] is recognised by content, cut into [`Block`]s of whole records by its [`Cutter`], one piece
//! after another, and read by its [`Reader`], each thread its own. What a block gave comes together again in
//! the order of the evidence, so that the number of threads changes nothing but the time it takes.
//!
//! Promised here: nothing is lost in silence. What cannot be read is a [`event::Damage`] that costs as
//! little around it as possible, is counted, and names its place and reason.

mod block;

pub use block::{Block, Cutter, Format, Output, Reader, Run};
