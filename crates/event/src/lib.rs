//! The words all other crates speak.
//!
//! ```text
//! bytes ──readers──▶ events ──detectors──▶ findings ──▶ report
//!           ▲                    │   └─▶ observations ──followers──▶ findings
//!           └──── interest ◀─────┘
//! ```
//!
//! A reader (crate `evidence`) turns bytes into [`Event`]s. Before it decodes a record it tells the
//! [`Detector`] what kind of record it is (its [`LogSource`]) and learns which fields are worth
//! decoding (its [`Interest`]); it then hands over those [`Value`]s alone, still in the form they have
//! in the file. Whoever needs more asks the event's [`Record`], which decodes everything. What a
//! detector sees, it tells as a [`Finding`]; what only says something together with others, as an [`Observation`], which a [`Follower`]
//! sees in the order of time.
//!
//! Promised here: nothing in this crate does I/O, and every text that a value has is the same whoever
//! asks for it, since [`Value::text`] is the one place where values become text. Left to others: which
//! names fields have (readers follow `docs/fields.md`) and what they mean to a rule (`taxonomy/`).

mod detector;
mod finding;
mod follower;
mod level;
mod login;
mod observation;
mod place;
mod session;
mod source;
mod time;
mod value;

pub use detector::{
    Class, Detector, Encoding, Event, Everything, Interest, Needed, Nothing, Record, Slot, TextGroup, Unless, Wanted,
    is_plain,
};
pub use finding::{Correlated, Finding, FindingId, Matched, RuleInfo, Sighting};
pub use follower::Follower;
pub use level::Level;
pub use login::{Certificate, Key, Link, Login, Logout, Outcome, Request, Step};
pub use observation::{MAX_TIMES, Observation, Observations, Seen, Values};
pub use place::{Damage, Piece, Place, Position};
pub use session::{At, Attempt, End, Sessions};
pub use source::LogSource;
pub use time::Time;
pub use value::Value;
