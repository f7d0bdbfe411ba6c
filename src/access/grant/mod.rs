//! The granting side of `access`: the gate, the person's side of it, hosts, the ledger.

pub mod cli;
mod gate;
mod host_setup;
mod ledger;
mod release;
mod session;
mod ssh;

use std::process::{Command, ExitStatus};

use access::Error;

use self::cli::{GrantCommand, ReachArguments};
use crate::status::{Status, WithStatus};

/// Runs a subcommand of the granting side.
pub fn run(command: &GrantCommand) -> anyhow::Result<Status> {
    let done = match command {
        GrantCommand::Init(arguments) => gate::init(arguments),
        GrantCommand::Gate(arguments) => gate::serve(arguments),
        GrantCommand::Invite { folder, person, output } => gate::invite(folder, person, output),
        GrantCommand::Revoke { folder, what, reason } => gate::revoke(folder, what, reason),
        GrantCommand::Unlock { folder, person, reason } => gate::unlock(folder, person, reason),
        GrantCommand::RotateAuthority(arguments) => gate::rotate(arguments),
        GrantCommand::ClockBack { folder, reason } => gate::clock_back(folder, reason),
        GrantCommand::Agent(folder) => gate::agent(folder),
        GrantCommand::Krl(folder) => gate::krl(folder),
        GrantCommand::Ssh(arguments) => ssh::run(arguments),
        GrantCommand::Release(arguments) => release::run(arguments),
        GrantCommand::Ledger { command } => ledger::run(command),
        GrantCommand::HostSetup(arguments) => host_setup::run(arguments),
        GrantCommand::Session(arguments) => session::run(arguments),
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

/// What ssh to the gate ended with: the gate's own status. It has told the person why.
fn expect_success(status: ExitStatus, otherwise: &str) -> anyhow::Result<()> {
    let of_gate = match status.code() {
        Some(0) => return Ok(()),
        Some(5) => Status::Denied,
        Some(6) => Status::Waiting,
        _ => Status::Usage,
    };
    Err(WithStatus(of_gate, otherwise.to_owned()).into())
}

/// ssh with the configuration that was asked for.
fn ssh(reach: &ReachArguments) -> Command {
    let mut ssh = Command::new("ssh");
    if let Some(config) = &reach.ssh_config {
        ssh.arg("-F").arg(config);
    }
    ssh
}

/// Keeps what is in memory from core dumps, and from other processes of the same account. Best effort, as `confine`.
fn guard_memory() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
