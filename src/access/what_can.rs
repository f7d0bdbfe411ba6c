//! `dreamcatcher access what-can`: what a person can get in to.

use anyhow::{Result, anyhow};

use super::{PolicyArguments, policy, print};
use crate::status::Status;

/// Runs the subcommand.
pub fn run(person: &str, arguments: &PolicyArguments) -> Result<Status> {
    let sentences = policy(&arguments.access)?.what_can(person);
    let sentences = sentences.ok_or_else(|| anyhow!("the policy knows nobody called {person}"))?;
    if sentences.is_empty() { print(&[format!("{person} may log in nowhere")]) } else { print(&sentences) }
}
