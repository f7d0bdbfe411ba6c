//! What a hunt does with its findings: it prints each, or links them to incidents and tells these at the end.

use std::{
    io::{self, Write},
    mem::ManuallyDrop,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use event::{Finding, Level, Observation, Piece, Step};
use incident::{IncidentId, Incidents, Limits, Linker};
use report::{Printer, Style, Summary};

use crate::{
    cli::{HuntArguments, HuntFormat},
    destination::Destination,
};

/// Takes the findings of a hunt.
pub struct Telling<'a> {
    /// Where each is printed, if they are.
    printer: Option<Box<dyn Printer + Send + 'a>>,
    /// What links them, if anything of incidents is asked for. It is not given back piece by piece: the process is about to end.
    linker: Option<ManuallyDrop<Linker>>,
    /// How many there were.
    pub findings: u64,
    /// The most severe level of a finding.
    worst: Option<Level>,
}

impl<'a> Telling<'a> {
    /// What the arguments ask for; `printer` where findings are listed.
    pub fn new(printer: Option<Box<dyn Printer + Send + 'a>>, links: bool) -> Self {
        let linker = links.then(|| ManuallyDrop::new(Linker::new(Limits::default())));
        Self { printer, linker, findings: 0, worst: None }
    }

    /// Takes a finding.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub fn finding(&mut self, finding: Finding) -> io::Result<()> {
        self.findings += 1;
        self.worst = self.worst.max(Some(finding.rule.level));
        if let Some(printer) = &mut self.printer {
            printer.finding(&finding)?;
        }
        if let Some(linker) = &mut self.linker {
            linker.finding(finding);
        }
        Ok(())
    }

    /// Takes note of the addresses of machines.
    pub fn addresses<'n>(&mut self, servers: impl Iterator<Item = (&'n str, &'n str)>) {
        if let Some(linker) = &mut self.linker {
            servers.for_each(|(host, address)| linker.address(host, address));
        }
    }

    /// Takes an observation of a trace.
    pub fn trace(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>) {
        if let Some(linker) = &mut self.linker {
            linker.observe(piece, observation);
        }
    }

    /// Takes what an observation tells of a login.
    pub fn login(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>, step: &Step<'_>) {
        if let Some(linker) = &mut self.linker {
            linker.login(piece, observation, step);
        }
    }

    /// Links what was found, on so many threads; `contacts` are those to be told.
    pub fn link(&mut self, contacts: &[String], threads: usize) -> Option<Incidents> {
        self.linker.as_mut().map(|linker| linker.incidents(contacts, threads))
    }

    /// Ends the list of findings, if there is one.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub fn end(&mut self, summary: &Summary) -> io::Result<()> {
        self.printer.as_mut().map_or(Ok(()), |printer| printer.end(summary))
    }

    /// The most severe level of what the report tells: incidents, and findings that stand alone.
    pub fn worst(&self, form: HuntFormat, incidents: Option<&Incidents>) -> Option<Level> {
        match (form, incidents) {
            (HuntFormat::Incidents(_), Some(Incidents { incidents, single, .. })) => {
                incidents.iter().map(|one| one.level).chain(single.iter().map(|one| one.rule.level)).max()
            }
            _ => self.worst,
        }
    }
}

/// Whether findings are to be linked.
pub fn links(arguments: &HuntArguments, form: HuntFormat) -> bool {
    matches!(form, HuntFormat::Incidents(_)) || arguments.html.is_some()
}

/// Writes the incidents in the form that was asked for, if one of theirs was.
///
/// # Errors
/// When there is none of the id that was asked for, or the report cannot be written.
pub fn write(
    form: HuntFormat,
    incidents: &Incidents,
    only: Option<IncidentId>,
    summary: &Summary,
    out: &mut dyn Write,
    style: &Style,
) -> Result<()> {
    let HuntFormat::Incidents(format) = form else { return Ok(()) };
    if let Some(id) = only
        && !incidents.incidents.iter().any(|incident| incident.id == id)
    {
        bail!("there is no incident {id} in this evidence; without --incident the report names those that there are");
    }
    report::write_incidents(format, incidents, summary, only, out, style).context("cannot write the report")
}

/// Writes the page of all incidents.
///
/// # Errors
/// When it cannot be written.
pub fn write_page(page: Destination, incidents: &Incidents, summary: &Summary, style: &Style) -> Result<()> {
    let mut out = page.writer()?;
    report::write_html(incidents, summary, &mut out, style).context("cannot write the page")?;
    out.flush().context("cannot write the page")?;
    drop(out);
    page.keep()
}
