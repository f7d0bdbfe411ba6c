//! Access: who may log in where, as whom, from where, until when and why; and whether every login had that leave.
//!
//! ```text
//! access.toml ──policy──▶ decision ──gate──▶ Grant ──ca──▶ certificate ──▶ sshd ──▶ log
//!                            ▲                 │                                     │
//!     enrolled keys, TOTP ──factor             └──▶ ledger ──account──▶ explained? ◀─┘
//! ```
//!
//! A certificate is signed from a [`Grant`] and from nothing else, and a `Grant` is only made by writing an allowed
//! decision into the ledger. What is unknown is denied. The ledger is append-only and hash-chained: what is in it can be
//! proved, and a change to its past be found.
//!
//! Left to others: reading logs (`evidence`), sshd itself (OpenSSH), the terminal (the program).
//!
//! Certificates: OpenSSH's `PROTOCOL.certkeys`; revocation lists: `PROTOCOL.krl`; one-time codes: RFC 6238.

pub mod account;
pub mod audit;
#[cfg(unix)]
pub mod ca;
pub mod entry;
pub mod error;
#[cfg(unix)]
pub mod factor;
mod files;
#[cfg(unix)]
pub mod gate;
pub mod grant;
#[cfg(unix)]
pub mod host;
pub mod ledger;
pub mod policy;
#[cfg(unix)]
pub mod private;
#[cfg(unix)]
pub mod seal;
mod sshd;

pub use entry::{Entry, What};
pub use error::{Error, Result};
pub use grant::{Grant, Granted, SecondFactor};
