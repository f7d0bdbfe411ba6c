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

mod auditd;
mod block;
mod civil;
mod clock;
mod cut;
mod evtx;
mod few;
mod history;
mod journal;
mod json;
mod logins;
mod open;
mod packages;
mod scan;
mod syslog;
mod tally;
#[cfg(test)]
mod testing;
mod utmp;
mod web;
mod xml;

pub use auditd::Auditd;
pub use block::{About, Block, Cutter, Format, Output, Reader, Run};
pub use clock::{Clock, Local};
pub use cut::{Borders, LineBorders, LineRule, TextCutter};
pub use evtx::{Evtx, RecordXml, records_xml, show};
pub use history::History;
pub use journal::{JournalExport, JournalJson};
pub use json::Json;
pub use logins::{Fields as LoginFields, numbered, step, tells_of_logins};
pub use open::{Aside, Limits, Next, Opened, Opener, ShowFile, enclosing, layer, open_one, stored};
pub use packages::Packages;
pub use scan::{Progress, Scan, Sink};
pub use syslog::{Dates, SshdErrors, Syslog, login};
pub use tally::{ClockStep, Gap, KEPT, Numbering, PieceTally, Silence, Tally, Totals, Unknown, Unread, add_to_runs};
pub use utmp::Utmp;
pub use web::{Layouts, Proxies, W3c, Web};
pub use xml::Xml;
