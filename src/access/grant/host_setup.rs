//! `access host-setup`: what a host's sshd needs; printed on the gate, applied on the host, taken back.

use std::{fs, path::Path};

use access::{
    gate::Folder,
    host::{self, Facts, Setup},
    private,
};
use anyhow::{Context, Result, bail};

use super::{cli::HostSetupArguments, gate::open};
use crate::status::Status;

/// Prints, applies or takes back.
pub fn run(arguments: &HostSetupArguments) -> Result<Status> {
    if arguments.undo {
        host::undo(&arguments.etc, &arguments.pam, &arguments.sshd)?;
        println!("taken back; now let sshd read its configuration again: systemctl reload ssh");
        return Ok(Status::Finished);
    }
    match &arguments.apply {
        Some(file) => apply(arguments, file),
        None => prepare(arguments),
    }
}

fn apply(arguments: &HostSetupArguments, file: &Path) -> Result<Status> {
    let setup: Setup =
        serde_json::from_str(&read(file)?).with_context(|| format!("{}: expected a setup", file.display()))?;
    if setup.host != arguments.host {
        bail!("{}: expected a setup of {}, found one of {}", file.display(), arguments.host, setup.host);
    }
    host::apply(&setup, &arguments.sshd, &arguments.leave)?;
    println!("written and checked; now let sshd read its configuration again: systemctl reload ssh");
    Ok(Status::Finished)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn prepare(arguments: &HostSetupArguments) -> Result<Status> {
    let folder = Folder::new(&arguments.folder.folder)?;
    let mut gate = open(&arguments.folder)?;
    let (policy, _) = folder.policy()?;
    let Some(host) = policy.host(&arguments.host) else { bail!("the policy knows no host called {}", arguments.host) };
    let certificate = match &arguments.host_key {
        None => None,
        Some(path) => Some(gate.certify_host(&host.id, &read(path)?)?),
    };
    let gate_key = arguments.gate.as_ref().map(|_| read(&arguments.gate_key)).transpose();
    let gate_key =
        gate_key.context("the host is to know the gate by the key of its sshd: name its public key by --gate-key")?;
    let facts = Facts {
        authorities: &gate.authorities()?,
        krl: &gate.krl()?,
        certificate: certificate.as_deref().map(|certificate| (arguments.key_path.as_path(), certificate)),
        gate: arguments.gate.as_deref().zip(gate_key.as_deref()),
        authorized_keys: &arguments.authorized_keys_file,
        etc: &arguments.etc,
        pam: &arguments.pam,
        program: &arguments.program,
    };
    let setup = Setup::new(&policy, &host.id, &facts)?;
    print!("{}", setup.print());
    if certificate.is_some() {
        println!("for known_hosts of whoever logs in:\n    {}", gate.known_hosts()?.trim_end());
    }
    if let Some(output) = &arguments.output {
        private::replace(output, serde_json::to_string_pretty(&setup)?.as_bytes(), 0o600)?;
        println!("on {}: dreamcatcher access host-setup {} --apply {}", host.id, host.id, output.display());
    }
    Ok(Status::Finished)
}
