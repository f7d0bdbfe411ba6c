//! `access`: who may log in where, as whom, until when and why.

pub mod cli;
mod gate;
mod host_setup;
mod ledger;
mod release;
mod session;
mod ssh;

use std::process::Command;

use access::Error;

use self::cli::{AccessCommand, ReachArguments};
use crate::status::{Status, WithStatus};

/// Runs a subcommand of `access`.
pub fn run(command: &AccessCommand) -> anyhow::Result<Status> {
    let done = match command {
        AccessCommand::Init(arguments) => gate::init(arguments),
        AccessCommand::Gate(arguments) => gate::serve(arguments),
        AccessCommand::Invite { folder, person, output } => gate::invite(folder, person, output),
        AccessCommand::Revoke { folder, what, reason } => gate::revoke(folder, what, reason),
        AccessCommand::Unlock { folder, person, reason } => gate::unlock(folder, person, reason),
        AccessCommand::Agent(folder) => gate::agent(folder),
        AccessCommand::Krl(folder) => gate::krl(folder),
        AccessCommand::Ssh(arguments) => ssh::run(arguments),
        AccessCommand::Release(arguments) => release::run(arguments),
        AccessCommand::Ledger { command } => ledger::run(command),
        AccessCommand::HostSetup(arguments) => host_setup::run(arguments),
        AccessCommand::Session(arguments) => session::run(arguments),
    };
    done.map_err(|error| match error.downcast_ref::<Error>() {
        Some(Error::Denied(reason)) => WithStatus(Status::Denied, reason.clone()).into(),
        Some(Error::Waiting(reason)) => WithStatus(Status::Waiting, reason.clone()).into(),
        _ => error,
    })
}

/// ssh to the gate, about to be given what to ask there.
fn ssh_to_gate(reach: &ReachArguments) -> Command {
    let mut ssh = ssh(reach);
    ssh.arg("-T").arg(&reach.gate);
    ssh
}

/// ssh with the configuration that was asked for.
fn ssh(reach: &ReachArguments) -> Command {
    let mut ssh = Command::new("ssh");
    if let Some(config) = &reach.ssh_config {
        ssh.arg("-F").arg(config);
    }
    ssh
}
