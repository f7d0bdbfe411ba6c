//! `dreamcatcher hunt`: evidence in, findings out.

use std::{
    env,
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use event::{Level, Piece};
use evidence::{Evtx, Format, Json, Limits, Output, PieceTally, Progress, Scan, Sink, Tally, Xml};
use report::{Printer, Style, Summary, Zone};
use sigma::{NotApplicable, Rules};

use crate::{
    cli::{Colour, HuntArguments},
    confine,
    packs::Packs,
    progress,
    select::{self, SelectedDetector, Selection},
    site::Site,
    status::Status,
};

/// The formats of evidence, in the order in which they are asked.
pub fn formats() -> Vec<Box<dyn Format>> {
    vec![Box::new(Evtx), Box::new(Xml), Box::new(Json)]
}

/// Runs a hunt.
pub fn run(arguments: &HuntArguments) -> Result<Status> {
    let site = Site::load(arguments.site.as_deref())?;
    let zone = match &arguments.timezone {
        Some(zone) => zone.clone(),
        None => site.zone()?.unwrap_or_default(),
    };
    let selection = Selection::load(arguments, &zone)?;
    let threads = arguments.threads.or(std::thread::available_parallelism().ok()).map_or(1, Into::into);
    let mut packs = Packs::load(&arguments.rules, threads)?;
    packs.loaded.rules.retain(|rule| select::is_chosen(rule, arguments));
    let chosen = packs.loaded.rules.len() as u64;
    let rules = packs.loaded.compile(&packs.taxonomy);
    announce(&packs, arguments.quiet);

    let output = Destination::open(arguments.output.as_deref())?;
    let mut writer = output.writer()?;
    let style = Style { zone, width: width(arguments), colour: colour(arguments) };
    let printer = arguments.format.printer(&mut writer, style)?;
    confine_to(arguments);
    let mut sink = Printing { printer, findings: 0, worst: None };
    let tally = scan(arguments, threads, &rules, &selection, &mut sink)?;

    let usable = chosen.saturating_sub(packs.loaded.not_applicable.len() as u64);
    let summary = summary(&packs, usable, &tally, &selection, sink.findings);
    sink.printer.end(&summary)?;
    let worst = sink.worst;
    drop(sink);
    writer.flush()?;
    drop(writer);
    output.keep()?;
    if arguments.format != report::Format::Text || arguments.output.is_some() {
        tell_summary(arguments, &summary)?;
    }
    Ok(status(arguments, &packs, &tally, worst))
}

/// Tells, before the work begins, what a person would otherwise wonder about afterwards.
fn announce(packs: &Packs, quiet: bool) {
    if quiet || !io::stderr().is_terminal() {
        return;
    }
    for pack in &packs.packs {
        eprintln!("{} rules: {}", pack.rules, report::plain(&format!("{} {}", pack.name, pack.version)));
    }
}

fn scan(
    arguments: &HuntArguments,
    threads: usize,
    rules: &Rules,
    selection: &Selection,
    sink: &mut Printing<'_>,
) -> Result<Tally> {
    let (formats, progress) = (formats(), Progress::default());
    let scan = Scan { formats: &formats, limits: Limits::default(), threads, progress: &progress };
    let detector = || SelectedDetector::new(rules.detector(), selection);
    let tally = progress::during(!arguments.quiet, &progress, || scan.run(&arguments.paths, detector, sink))?;
    Ok(tally)
}

/// Hands findings to the printer.
struct Printing<'a> {
    printer: Box<dyn Printer + Send + 'a>,
    findings: u64,
    worst: Option<Level>,
}

impl Sink for Printing<'_> {
    fn begin(&mut self, _piece: &Arc<Piece>, _format: &'static str) -> io::Result<()> {
        Ok(())
    }

    fn output(&mut self, _piece: &Arc<Piece>, output: Output) -> io::Result<()> {
        for finding in &output.findings {
            self.findings += 1;
            self.worst = self.worst.max(Some(finding.rule.level));
            self.printer.finding(finding)?;
        }
        Ok(())
    }

    fn end(&mut self, _piece: &PieceTally) -> io::Result<()> {
        Ok(())
    }
}

/// Where the report goes: standard output, or a file that is there whole or not at all.
enum Destination<'a> {
    Standard,
    File { path: &'a Path, file: tempfile::NamedTempFile },
}

impl<'a> Destination<'a> {
    fn open(path: Option<&'a Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::Standard) };
        let file = tempfile::Builder::new().prefix(".dreamcatcher-").tempfile_in(folder_of(path));
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self::File { path, file })
    }

    fn writer(&self) -> Result<BufWriter<Box<dyn Write + Send>>> {
        let inner: Box<dyn Write + Send> = match self {
            Self::Standard => Box::new(io::stdout()),
            Self::File { file, .. } => Box::new(file.reopen()?),
        };
        Ok(BufWriter::with_capacity(1 << 16, inner))
    }

    fn keep(self) -> Result<()> {
        let Self::File { path, file } = self else { return Ok(()) };
        make_readable(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }
}

/// Temporary files are made for their owner alone; a report has the rights of any file.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &File) -> io::Result<()> {
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn confine_to(arguments: &HuntArguments) {
    let temporary = env::temp_dir();
    let mut writable = vec![temporary.as_path()];
    writable.extend(arguments.output.as_deref().map(folder_of));
    let readable: Vec<PathBuf> = arguments.paths.iter().filter(|path| path.as_os_str() != "-").cloned().collect();
    confine::confine(&readable, &writable);
}

fn colour(arguments: &HuntArguments) -> bool {
    match arguments.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            arguments.output.is_none()
                && io::stdout().is_terminal()
                && env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
        }
    }
}

/// The width of the terminal, if the report goes to one.
fn width(arguments: &HuntArguments) -> Option<usize> {
    let to_terminal = arguments.output.is_none() && io::stdout().is_terminal();
    to_terminal.then(|| usize::from(console::Term::stdout().size().1).clamp(60, 160))
}

fn summary(packs: &Packs, loaded: u64, tally: &Tally, selection: &Selection, findings: u64) -> Summary {
    let failure =
        |unread: &evidence::Unread| report::Failure { path: unread.path.clone(), reason: unread.reason.clone() };
    let empty =
        tally.empty.iter().map(|path| report::Failure { path: path.clone(), reason: "the file is empty".into() });
    let unknown = |unknown: &evidence::Unknown| report::Unknown {
        path: unknown.path.clone(),
        looks_like: unknown.looks_like.clone(),
    };
    Summary {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        rules: rules_summary(packs, loaded),
        evidence: tally.pieces.iter().map(piece_summary).collect(),
        unknown: tally.unknown.iter().map(unknown).collect(),
        skipped: tally.skipped.iter().map(failure).chain(empty).collect(),
        failures: tally.unreadable_arguments.iter().chain(&tally.failures).map(failure).collect(),
        suppressed: selection.suppressed(),
        findings,
        known: selection.known(),
        outside_time: selection.outside_time(),
    }
}

/// What came of the rules, for reports.
pub fn rules_summary(packs: &Packs, loaded: u64) -> report::Rules {
    let mut reasons = std::collections::BTreeMap::<&str, u64>::new();
    for NotApplicable { reason, .. } in &packs.loaded.not_applicable {
        *reasons.entry(reason).or_default() += 1;
    }
    let problem = |path: &str, line: usize, reason: String| report::RuleProblem {
        path: path.to_owned(),
        line: (line > 0).then_some(line as u64),
        reason,
    };
    report::Rules {
        loaded,
        packs: packs.packs.clone(),
        not_applicable: reasons
            .into_iter()
            .map(|(reason, rules)| report::NotApplicable { reason: reason.to_owned(), rules })
            .collect(),
        refused: packs
            .loaded
            .refused
            .iter()
            .map(|refused| problem(&refused.path, refused.line, refused.reason.clone()))
            .collect(),
        not_run: packs
            .loaded
            .correlations
            .iter()
            .map(|rule| {
                problem(&rule.info.path, rule.line, format!("correlations do not run yet: {}", rule.info.title))
            })
            .collect(),
    }
}

fn piece_summary(piece: &PieceTally) -> report::Evidence {
    let numbering = &piece.numbering;
    let gap = |gap: &evidence::Gap| report::NumberGap {
        after: gap.first.saturating_sub(1),
        before: gap.last.saturating_add(1),
        from: gap.before,
        until: gap.after,
    };
    let step = |step: &evidence::ClockStep| {
        format!("the clock goes back behind record {}, from {} to {}", step.record, step.from, step.to)
    };
    let mut notes = piece.notes.clone();
    notes.extend(numbering.steps.iter().map(step));
    if numbering.repeated > 0 {
        notes.push(format!("{} records have a number that another record has", numbering.repeated));
    }
    if numbering.too_broken {
        notes.push("the numbers of records break off too often to tell which are missing".into());
    }
    report::Evidence {
        path: piece.piece.path.clone(),
        format: piece.format.to_owned(),
        bytes: piece.size,
        sha256: piece.sha256.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()).unwrap_or_default(),
        records: piece.records,
        damaged: piece.damaged_records,
        damages: piece.damages.clone(),
        more_damages: piece.damage_count.saturating_sub(piece.damages.len() as u64),
        gaps: numbering.gaps.iter().map(gap).collect(),
        more_gaps: numbering.gap_count.saturating_sub(numbering.gaps.len() as u64),
        silences: numbering
            .silences
            .iter()
            .map(|silence| report::TimeGap { from: silence.from, until: silence.until })
            .collect(),
        notes,
    }
}

/// The tally on standard error, when the report itself goes elsewhere or is for machines.
fn tell_summary(arguments: &HuntArguments, summary: &Summary) -> Result<()> {
    if arguments.quiet {
        return Ok(());
    }
    let zone = arguments.timezone.clone().unwrap_or_else(Zone::utc);
    let style = Style { zone, width: None, colour: false };
    report::write_summary(summary, &mut io::stderr().lock(), &style)?;
    Ok(())
}

fn status(arguments: &HuntArguments, packs: &Packs, tally: &Tally, worst: Option<Level>) -> Status {
    if !tally.unreadable_arguments.is_empty() {
        Status::Unreadable
    } else if arguments.rules.strict && !packs.loaded.refused.is_empty() {
        Status::Refused
    } else if arguments.fail_on.is_some_and(|level| worst >= Some(level)) {
        Status::Found
    } else {
        Status::Finished
    }
}
