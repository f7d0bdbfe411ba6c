//! `dreamcatcher access suggest`: the smallest policy that explains the logins observed.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use access::account::Suggestion;
use anyhow::{Context, Result};
use clap::Args;
use event::{Nothing, Piece, Step};
use evidence::{Output, PieceTally, Sink};

use crate::{
    accounting::{Accounted, LOGINS},
    cli::ReadingArguments,
    destination::Destination,
    formats, hunt,
    reading::{self, Reading},
    site::Site,
    status::Status,
};

/// Arguments of `access suggest`.
#[derive(Args, Debug)]
pub struct SuggestArguments {
    /// Evidence: files, folders, archives (.zip, .tar, .gz, .zst), or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    reading: ReadingArguments,
    /// Do not show progress, nor what was read.
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the subcommand.
pub fn run(arguments: &SuggestArguments) -> Result<Status> {
    let site = Site::load(None)?;
    let formats = formats::formats(&arguments.reading, &site, None)?;
    let output = Destination::open(None, &arguments.paths)?;
    let reading = Reading {
        paths: &arguments.paths,
        readable: &[],
        formats: &formats,
        outputs: &[&output],
        hash: false,
        threads: reading::threads(None),
        quiet: arguments.quiet,
    };
    let (mut logins, untimed) = (Logins(Suggestion::default()), AtomicU64::new(0));
    let tally = reading.run(|| Accounted::new(Nothing, true, &untimed), &mut logins)?;
    io::stdout().write_all(logins.0.policy().as_bytes()).context("cannot write the policy")?;
    if !arguments.quiet {
        let style = report::Style::default();
        let summary = hunt::evidence_summary(&tally, &style.zone);
        report::write_reading(&summary, &mut io::stderr().lock(), &style)?;
    }
    Ok(if tally.unreadable_arguments.is_empty() { Status::Finished } else { Status::Unreadable })
}

/// Takes logins as they come; their order does not matter.
struct Logins(Suggestion);

impl Sink for Logins {
    fn begin(&mut self, _piece: &Arc<Piece>, _format: &'static str) -> io::Result<()> {
        Ok(())
    }

    fn output(&mut self, _piece: &Arc<Piece>, output: Output) -> io::Result<()> {
        for observation in output.seen.observations.iter().filter(|observation| observation.rule == LOGINS) {
            if let Some(Step::Login(login)) = Step::unpack(observation.values) {
                self.0.login(observation.time, &login.host, &login);
            }
        }
        Ok(())
    }

    fn end(&mut self, _piece: &PieceTally) -> io::Result<()> {
        Ok(())
    }
}
