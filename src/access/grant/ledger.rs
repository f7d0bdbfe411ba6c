//! `access ledger verify` and `export`.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use access::ledger::{Ledger, read_export};
use anyhow::{Context, Result, bail};

use super::cli::LedgerCommand;
use crate::status::Status;

/// Runs a subcommand of `access ledger`.
pub fn run(command: &LedgerCommand) -> Result<Status> {
    match command {
        LedgerCommand::Verify { ledger, noted, export } => verify(ledger, noted, export.as_deref()),
        LedgerCommand::Export { ledger } => {
            let mut out = BufWriter::new(io::stdout().lock());
            Ledger::read(ledger)?.export(&mut out)?;
            out.flush()?;
            Ok(Status::Finished)
        }
    }
}

fn verify(path: &Path, noted: &[String], export: Option<&Path>) -> Result<Status> {
    let mut known = noted.iter().map(|text| parse(text)).collect::<Result<Vec<_>>>()?;
    if let Some(export) = export {
        let file = File::open(export).with_context(|| format!("cannot read {}", export.display()))?;
        let head = read_export(&mut BufReader::new(file), &[], |entry| entry.read().map(drop))
            .with_context(|| export.display().to_string())?;
        known.push((head.sequence, head.hash));
    }
    let mut first = [0];
    if File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *b"{" {
        bail!(
            "{0} is an export of a ledger, and holds no more than what is to be verified: give it beside the ledger, as --export {0}",
            path.display()
        );
    }
    let verified = Ledger::read(path)?.verify(&known)?;
    println!(
        "{} entries, the chain is whole; the last: {}:{}",
        verified.entries, verified.head.sequence, verified.head.hash
    );
    Ok(Status::Finished)
}

fn parse(text: &str) -> Result<(u64, String)> {
    let parts = text.split_once(':').and_then(|(number, hash)| Some((number.parse().ok()?, hash.to_ascii_lowercase())));
    parts.with_context(|| format!("expected NUMBER:HASH, found '{text}'"))
}
