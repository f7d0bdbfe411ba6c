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
mod yara;

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
            let mut command = cli::Arguments::command().disable_help_subcommand(true);
            command.build();
            let mut out = std::io::stdout().lock();
            clap_mangen::Man::new(command.clone()).render(&mut out)?;
            write_subcommands(&command, &mut out)?;
            out.flush()?;
            Ok(Status::Finished)
        }
    }
}

/// Appends to a manual page what it has to say of each subcommand, and of theirs.
fn write_subcommands(command: &clap::Command, out: &mut dyn Write) -> std::io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        let name = subcommand.get_bin_name().unwrap_or(subcommand.get_name());
        writeln!(out, ".SH \"{}\"", name.to_uppercase())?;
        let page = clap_mangen::Man::new(subcommand.clone());
        page.render_synopsis_section(out)?;
        page.render_description_section(out)?;
        page.render_options_section(out)?;
        if subcommand.get_after_long_help().or(subcommand.get_after_help()).is_some() {
            page.render_extra_section(out)?;
        }
        write_subcommands(subcommand, out)?;
    }
    Ok(())
}

/// Whoever read our output has read enough, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
