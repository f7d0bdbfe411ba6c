//! `dreamcatcher access audit`: standing access that is found on a host, each with the line that mends it.

use std::path::{Path, PathBuf};

use access::{What, audit::Known, ledger::Written};
use anyhow::{Context, Result, anyhow};
use clap::Args;
use jiff::Timestamp;

use super::{policy, print};
use crate::{accounting::read_ledger, status::Status};

/// Arguments of `access audit`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("where").required(true))]
pub struct AuditArguments {
    /// A folder that holds a host's files, such as a mounted disk or what was collected of etc, home and root.
    #[arg(value_name = "DIR", group = "where")]
    folder: Option<PathBuf>,
    /// This machine.
    #[arg(long, group = "where")]
    local: bool,
    /// Leave out what this policy knows: standing access, and who may become root.
    #[arg(long, value_name = "FILE", requires = "host")]
    access: Option<PathBuf>,
    /// The ledger, or its export: the authorities that it names are ours.
    #[arg(long, value_name = "FILE", requires = "access")]
    ledger: Option<PathBuf>,
    /// Which host of the policy it is.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
}

/// Runs the subcommand. Status 1 says that something was found.
pub fn run(arguments: &AuditArguments) -> Result<Status> {
    let root = arguments.folder.as_deref().unwrap_or(Path::new("/"));
    let policy = arguments.access.as_deref().map(policy).transpose()?;
    let mut authorities = Vec::new();
    if let Some(ledger) = &arguments.ledger {
        let now = Timestamp::now();
        let mut learn = |written: &Written<'_>| {
            let entry = written.read()?;
            if let What::AuthorityChanged { previous, trusted_until, .. } = &entry.what
                && *trusted_until <= now
            {
                authorities.retain(|known| known != previous);
            }
            authorities.extend(entry.what.authority().map(str::to_owned));
            Ok(())
        };
        read_ledger(ledger, &mut learn).with_context(|| format!("cannot read the ledger {}", ledger.display()))?;
    }
    let known = match policy.as_ref().zip(arguments.host.as_deref()) {
        Some((policy, host)) => {
            let host = policy.host(host).ok_or_else(|| anyhow!("the policy knows no host called {host}"))?;
            Some(Known { policy, host: &host.id, authorities: &authorities })
        }
        None => None,
    };
    let audit = access::audit::audit(root, known).with_context(|| format!("cannot audit {}", root.display()))?;
    let mut sentences: Vec<String> = Vec::new();
    for access in &audit.open {
        let (path, line) = &access.place;
        let line = if *line > 0 { format!(":{line}") } else { String::new() };
        sentences.push(format!("{path}{line}: {}", access.what));
        sentences.push(format!("    {}", access.mend));
    }
    sentences.extend(audit.unread.iter().map(|unread| format!("could not be read: {unread}")));
    sentences.push(format!("{} ways in; {} more are of the policy", audit.open.len(), audit.explained));
    print(&sentences)?;
    Ok(if audit.open.is_empty() { Status::Finished } else { Status::Found })
}
