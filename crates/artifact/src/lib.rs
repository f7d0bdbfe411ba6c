//! Mail, files and source trees to events: facts taken from what was sent or downloaded.
//!
//! ```text
//! bytes ──recognised by content──▶ Format ──one artifact──▶ Facts ──show──▶ detector
//!                                            └─ what lies inside it ─▶ Facts, of the same `Inside`
//! ```
//!
//! A fact is what anybody who looks at the bytes would agree to (this name, this link, this signature); what it means is
//! judged by Sigma rules over `product: artifact`, so that every judgement can be read and tuned. What lies inside an artifact (a mail's attachment, an
//! archive's member) is an artifact with facts of its own, which name the outermost one in `Inside`, by which correlations
//! join weak signs.
//!
//! Promised here: nothing of an artifact is executed, fetched or written; time and memory are bounded by limits of our own counting, and the
//! limit that was hit is a [`event::Damage`].

mod conversation;
mod facts;
pub mod file;
mod mail;
mod patterns;
mod strings;
pub mod tree;

pub use conversation::Conversation;
pub use facts::{Facts, Kind, Shower};
pub use mail::{Mail, Mbox, Organisation};
pub use patterns::{Match, Patterns, Scanner};
