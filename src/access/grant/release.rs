//! `access release`: a file's hash goes to the gate.

use std::fs::File;

use anyhow::{Context, Result, bail};

use super::{cli::ReleaseArguments, expect_success, ssh_to_gate};
use crate::{releases::sha256, status::Status};

/// Puts a file forward.
pub fn run(arguments: &ReleaseArguments) -> Result<Status> {
    let path = &arguments.file;
    let name = path.file_name().and_then(|name| name.to_str()).context("the file's name is no text")?;
    if name.contains(' ') {
        bail!("expected a file's name without blanks, found '{name}'");
    }
    let sha256 = File::open(path)
        .and_then(|mut file| sha256(&mut file))
        .with_context(|| format!("cannot read {}", path.display()))?;
    println!("{sha256}  {name}");
    let mut ssh = ssh_to_gate(&arguments.reach);
    ssh.args(["release", &sha256, name, "--reason", &arguments.reason]);
    expect_success(ssh.status().context("cannot run ssh")?, "the gate did not take it")?;
    Ok(Status::Finished)
}
