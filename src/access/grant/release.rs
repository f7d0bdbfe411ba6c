//! `access release`: a file's hash goes to the gate.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::{cli::ReleaseArguments, expect_success, ssh_to_gate};
use crate::status::Status;

/// Puts a file forward.
pub fn run(arguments: &ReleaseArguments) -> Result<Status> {
    let path = &arguments.file;
    let name = path.file_name().and_then(|name| name.to_str()).context("the file's name is no text")?;
    if name.contains(' ') {
        bail!("expected a file's name without blanks, found '{name}'");
    }
    let sha256 = hash(path).with_context(|| format!("cannot read {}", path.display()))?;
    println!("{sha256}  {name}");
    let mut ssh = ssh_to_gate(&arguments.reach);
    ssh.args(["release", &sha256, name, "--reason", &arguments.reason]);
    expect_success(ssh.status().context("cannot run ssh")?, "the gate did not take it")?;
    Ok(Status::Finished)
}

/// A file's SHA-256, in hexadecimal.
fn hash(path: &Path) -> io::Result<String> {
    let (mut hasher, mut file) = (Sha256::new(), BufReader::with_capacity(1 << 16, File::open(path)?));
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(bytes);
        let length = bytes.len();
        file.consume(length);
    }
}
