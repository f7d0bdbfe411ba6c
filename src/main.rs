//! The program: reads what was typed, builds from it what is meant, runs it, and decides the exit status in one place.

mod access;
mod accounting;
mod chronicle;
mod cli;
mod confine;
mod copies;
mod destination;
mod explain;
mod formats;
mod hunt;
mod incidents;
mod indicators;
mod logins;
mod packs;
mod progress;
mod reading;
mod releases;
mod rules;
mod select;
mod show;
mod site;
mod status;
mod update;

use std::{io::Write, process::ExitCode};

use clap::{CommandFactory, Parser, error::ErrorKind};

use crate::{cli::Command, status::Status};

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let status = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Status::Finished,
                _ => Status::Usage,
            };
            // There is nowhere left to say that the terminal is gone.
            let _ = error.print();
            return status.into();
        }
    };
    match run(arguments.command) {
        Ok(status) => status.into(),
        Err(error) if is_broken_pipe(&error) => Status::Finished.into(),
        Err(error) => {
            eprintln!("dreamcatcher: {}", report::plain(&format!("{error:#}")));
            Status::of(&error).into()
        }
    }
}

fn run(command: Command) -> anyhow::Result<Status> {
    match command {
        Command::Hunt(arguments) => hunt::run(&arguments),
        Command::Access(arguments) => access::run(&arguments.command),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Logins(arguments) => logins::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments.command),
        Command::Show(arguments) => show::run(&arguments),
        Command::Completions { shell } => {
            // Into memory first: the generator panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut cli::Arguments::command(), "dreamcatcher", &mut script);
            std::io::stdout().write_all(&script)?;
            Ok(Status::Finished)
        }
        Command::Man => {
            clap_mangen::Man::new(cli::Arguments::command()).render(&mut std::io::stdout())?;
            Ok(Status::Finished)
        }
    }
}

/// Whoever read our output has read enough, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
