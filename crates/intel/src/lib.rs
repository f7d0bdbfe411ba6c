//! Indicators as a detector: hashes, domains, URLs, addresses, names of files, mail addresses, in every evidence.
//!
//! ```text
//! lists ──Loader──▶ Indicators ──Filter──▶ Indicated (one a thread)
//!                                            raw bytes of a block ──Filter──▶ records that may name one ──Finder──▶ findings
//! ```
//!
//! What comes in are lists (STIX 2.1 bundles, MISP events, CSV, plain lists; [`Loader`]), written by anybody: each entry that is
//! none is a [`Refused`] with file and line. What goes out are [`event::Finding`]s, whose [`event::RuleInfo`] is made from the
//! indicator and what is said of it.
//!
//! [`Indicated`] wraps another detector and is one more searcher for words anywhere in a record ([`event::Interest::text`]): a
//! [`filter::Filter`] rules records out by the raw bytes of whole blocks, and only of the others every value is decoded and looked at
//! ([`find::Finder`]). So a hunt pays for indicators by the points in its evidence, not by their number.
//!
//! Promised here: the filter never rules out a record of which a value names an indicator as it stands there; a million indicators take
//! less than 100 MB (of hashes, about 70); what is found in a record depends on the record and the lists alone. Left to others: what level
//! of finding is reported (the program), and in which values text stands (readers).

mod detector;
mod filter;
mod find;
mod finding;
mod kind;
mod load;
mod set;
#[cfg(test)]
mod tests;

pub use detector::{Chosen, Counts, Indicated, Intel};
pub use kind::{Hint, Kind};
pub use load::{Loaded, Loader};
pub use set::{Indicators, Refused, Source, Statement};
