//! `dreamcatcher access who-can`: who can get in to a host.

use anyhow::{Result, anyhow};

use super::{PolicyArguments, policy, print};
use crate::status::Status;

/// Runs the subcommand.
pub fn run(host: &str, arguments: &PolicyArguments) -> Result<Status> {
    let sentences = policy(&arguments.access)?.who_can(host);
    let sentences = sentences.ok_or_else(|| anyhow!("the policy knows no host called {host}"))?;
    if sentences.is_empty() { print(&[format!("nobody may log in to {host}")]) } else { print(&sentences) }
}
