//! `access release`: a file's hash goes to the gate.

use std::{fs::File, io};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::{cli::ReleaseArguments, grant::ssh_to_gate};
use crate::status::Status;

/// Puts a file forward.
pub fn run(arguments: &ReleaseArguments) -> Result<Status> {
    let path = &arguments.file;
    let name = path.file_name().and_then(|name| name.to_str()).context("the file's name is no text")?;
    if name.contains(' ') {
        bail!("expected a file's name without blanks, found '{name}'");
    }
    let mut hasher = Sha256::new();
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    io::copy(&mut file, &mut hasher).with_context(|| format!("cannot read {}", path.display()))?;
    let sha256: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{sha256}  {name}");
    let mut ssh = ssh_to_gate(&arguments.reach);
    ssh.args(["release", &sha256, name, "--reason", &arguments.reason]);
    let status = ssh.status().context("cannot run ssh")?;
    Ok(if status.success() { Status::Finished } else { Status::Denied })
}
