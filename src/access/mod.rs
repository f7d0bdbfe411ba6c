//! `dreamcatcher access`: who may log in where, granted for a while, and accounted for.

mod audit;
mod check;
#[cfg(unix)]
mod grant;
mod suggest;
mod what_can;
mod who_can;

use std::path::{Path, PathBuf};

use access::policy::Policy;
use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand};

use crate::status::Status;

/// Arguments of `access`.
#[derive(Args, Debug)]
pub struct AccessArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: AccessCommand,
}

/// The subcommands of `access`.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// What has to do with granting.
    #[cfg(unix)]
    #[command(flatten)]
    Grant(grant::cli::GrantCommand),
    /// Check a policy, and explain it back in sentences.
    Check(PolicyArguments),
    /// Who can get in to a host: the rules about it, in sentences.
    WhoCan {
        /// The host, by any of its names or addresses.
        host: String,
        #[command(flatten)]
        policy: PolicyArguments,
    },
    /// What a person can get in to: the rules about them, in sentences.
    WhatCan {
        /// The person.
        person: String,
        #[command(flatten)]
        policy: PolicyArguments,
    },
    /// Write the smallest policy that explains the logins in logs, each line with how often it was used and when last.
    Suggest(suggest::SuggestArguments),
    /// List standing access found on a host: keys, passwords, sudo, groups, sshd's settings; each with the line that mends it.
    Audit(audit::AuditArguments),
}

/// Where the policy is.
#[derive(Args, Debug)]
pub struct PolicyArguments {
    /// The policy (see docs/access.md).
    #[arg(long, value_name = "FILE", default_value = "access.toml")]
    pub access: PathBuf,
}

/// Runs the subcommand.
pub fn run(command: &AccessCommand) -> Result<Status> {
    match command {
        #[cfg(unix)]
        AccessCommand::Grant(command) => grant::run(command),
        AccessCommand::Check(arguments) => check::run(arguments),
        AccessCommand::WhoCan { host, policy } => who_can::run(host, policy),
        AccessCommand::WhatCan { person, policy } => what_can::run(person, policy),
        AccessCommand::Suggest(arguments) => suggest::run(arguments),
        AccessCommand::Audit(arguments) => audit::run(arguments),
    }
}

/// Reads a policy.
pub fn policy(path: &Path) -> Result<Policy> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Policy::parse(&text).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
        anyhow!(problems.join("\ndreamcatcher: "))
    })
}

/// Prints sentences, a line each.
fn print(sentences: &[String]) -> Result<Status> {
    let mut out = std::io::stdout().lock();
    for sentence in sentences {
        std::io::Write::write_all(&mut out, format!("{}\n", report::plain(sentence)).as_bytes())?;
    }
    Ok(Status::Finished)
}
