//! The exit status.

use std::{fmt, process::ExitCode};

/// How the program ended. Where several hold, the first of this list does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// 3: what was typed, or a configuration file, is wrong.
    Usage,
    /// 4: a path that was given could not be read at all.
    Unreadable,
    /// 5: the gate denied what was asked for.
    Denied,
    /// 6: what was asked for waits for the approval of others.
    Waiting,
    /// 2: a rule was refused, with `--strict`.
    Refused,
    /// 1: something was found at or above the level of `--fail-on`.
    Found,
    /// 0: finished.
    Finished,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(match status {
            Status::Finished => 0,
            Status::Found => 1,
            Status::Refused => 2,
            Status::Usage => 3,
            Status::Unreadable => 4,
            Status::Denied => 5,
            Status::Waiting => 6,
        })
    }
}

impl Status {
    /// The status that an error asks for: usage, unless it says otherwise.
    pub fn of(error: &anyhow::Error) -> Self {
        error.downcast_ref::<WithStatus>().map_or(Status::Usage, |error| error.0)
    }
}

/// Marks an error with the status it ends the program with.
#[derive(Debug)]
pub struct WithStatus(pub Status, pub String);

impl fmt::Display for WithStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl std::error::Error for WithStatus {}
