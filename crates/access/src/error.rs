//! What can go wrong.

use std::path::{Path, PathBuf};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy, or a second factor, does not allow it. The reason is for the person who asked.
    #[error("{0}")]
    Denied(String),
    /// It may be allowed later: others have to approve first.
    #[error("{0}")]
    Waiting(String),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The ledger cannot be used, or its past was changed.
    #[error("ledger: {0}")]
    Ledger(String),
    /// The authority's key cannot be used.
    #[error("certificate authority: {0}")]
    Authority(String),
    /// Another program, or the connection to it, failed.
    #[error("{0}")]
    Failed(String),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// That `path` cannot be used, and why.
    pub fn file(path: &Path, reason: impl ToString) -> Self {
        Self::File { path: path.to_owned(), reason: reason.to_string() }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
        Self::Ledger(match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => "locked by another process for too long; try again".into(),
            Some(DatabaseCorrupt | NotADatabase) => format!("damaged: {error}"),
            _ => error.to_string(),
        })
    }
}
