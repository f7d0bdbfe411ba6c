//! `dreamcatcher access check`: what the policy says, told back.

use anyhow::Result;

use super::{PolicyArguments, policy, print};
use crate::status::Status;

/// Runs the subcommand.
pub fn run(arguments: &PolicyArguments) -> Result<Status> {
    let policy = policy(&arguments.access)?;
    let notes = policy.notes.iter().map(|note| format!("note: {note}"));
    print(&policy.sentences().into_iter().chain(notes).collect::<Vec<_>>())
}
