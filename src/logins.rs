//! `dreamcatcher logins`: who logged in, from where, how, and for how long.
//!
//! ```text
//! records ──▶ steps of logins ──▶ in the order of time ──▶ sessions ──▶ in the order of their beginnings ──▶ printer
//! ```
//!
//! Both times what waits for its order waits in a file, with twenty-four bytes of each step in memory.

use std::{
    env,
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context, Result};
use event::{
    At, Attempt, Class, Detector, Encoding, Event, Interest, LogSource, Outcome, Piece, Place, Position, Seen,
    Sessions, Step, TextGroup, Time, Values,
};
use evidence::{Format, Limits, Output, PieceTally, Progress, Scan, Sink, Tally};
use report::{LoginFormat, LoginPrinter, Spool, Style, Zone};

use crate::{
    cli::LoginsArguments,
    confine,
    formats::formats,
    hunt::{colour, evidence_summary, terminal_width},
    progress, select,
    site::Site,
    status::Status,
};

/// Runs the subcommand.
pub fn run(arguments: &LoginsArguments) -> Result<Status> {
    let site = Site::load(arguments.site.as_deref())?;
    let zone = match &arguments.timezone {
        Some(zone) => zone.clone(),
        None => site.zone()?.unwrap_or_default(),
    };
    let formats = formats(&arguments.reading, &site)?;
    let filter = Filter::new(arguments, &zone)?;
    let mut writer = BufWriter::with_capacity(1 << 16, io::stdout());
    let style = Style { zone: zone.clone(), width: terminal_width(), colour: colour(arguments.color, true) };
    let cannot = "cannot write the list";
    let mut printer = arguments.format.printer(&mut writer, style).context(cannot)?;
    let mut steps = Steps { spool: Spool::new()?, pieces: Vec::new(), untimed: 0, packed: Vec::new() };
    let mut attempts = Spool::new()?;
    confine_to(arguments);
    let tally = scan(arguments, &formats, &mut steps).context(cannot)?;
    join(&mut steps, &mut attempts).context(cannot)?;
    print(&steps.pieces, &mut attempts, &filter, &mut *printer).context(cannot)?;
    let mut summary = evidence_summary(&tally, &zone);
    if steps.untimed > 0 {
        let reason =
            format!("{} records tell of logins but not of their time: they are not in the list", steps.untimed);
        summary.skipped.push(report::Failure { path: "records without a time".to_owned(), reason });
    }
    printer.end(&summary).context(cannot)?;
    drop(printer);
    writer.flush().context(cannot)?;
    if !arguments.quiet && arguments.format != LoginFormat::Text {
        let style = Style { zone, width: None, colour: false };
        report::write_reading(&summary, &mut io::stderr().lock(), &style)?;
    }
    Ok(if tally.unreadable_arguments.is_empty() { Status::Finished } else { Status::Unreadable })
}

fn confine_to(arguments: &LoginsArguments) {
    let readable: Vec<PathBuf> = arguments.paths.iter().filter(|path| path.as_os_str() != "-").cloned().collect();
    confine::confine(&readable, &[env::temp_dir().as_path()]);
}

fn scan(arguments: &LoginsArguments, formats: &[Box<dyn Format>], steps: &mut Steps) -> io::Result<Tally> {
    let progress = Progress::default();
    let no_evidence: Vec<PathBuf> = if cfg!(unix) { vec!["/dev/stdout".into()] } else { Vec::new() };
    let threads = arguments.threads.or(std::thread::available_parallelism().ok()).map_or(1, Into::into);
    let scan = Scan {
        formats,
        limits: Limits::default(),
        no_evidence: &no_evidence,
        hash: arguments.format == LoginFormat::Text || !arguments.quiet,
        threads,
        progress: &progress,
    };
    progress::during(!arguments.quiet, &progress, || scan.run(&arguments.paths, LoginDetector::default, steps))
}

/// Observes what records tell of logins.
struct LoginDetector {
    /// Of records that may tell something, and of others.
    interests: [Arc<Interest>; 2],
    packed: Vec<u8>,
}

impl Default for LoginDetector {
    fn default() -> Self {
        let interest = |wanted| Arc::new(Interest { wanted, ..Interest::default() });
        Self { interests: [interest(true), interest(false)], packed: Vec::new() }
    }
}

const MAY_TELL: Class = Class(0);
const TELLS_NOTHING: Class = Class(1);

impl Detector for LoginDetector {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        if evidence::tells_of_logins(source) { MAY_TELL } else { TELLS_NOTHING }
    }

    fn interest(&self, class: Class) -> Arc<Interest> {
        let [may_tell, nothing] = &self.interests;
        Arc::clone(if class == MAY_TELL { may_tell } else { nothing })
    }

    fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
        false
    }

    fn look(&mut self, event: &Event<'_>, seen: &mut Seen) {
        let Some(step) = evidence::step(event.record) else { return };
        self.packed.clear();
        step.pack(&mut self.packed);
        seen.observations.push(event.time, 0, event.record.position(), Values::packed(&self.packed));
    }
}

/// The steps of all logins, in files until all are there.
struct Steps {
    spool: Spool,
    pieces: Vec<Arc<Piece>>,
    untimed: u64,
    packed: Vec<u8>,
}

/// A place as it waits in a file: the number of the piece, and the position in it.
type Standing = (usize, Position);

fn pack_place((piece, position): Standing, out: &mut Vec<u8>) {
    [&*piece.to_string(), position.kind(), &position.number().to_string()]
        .into_iter()
        .for_each(|text| Values::pack(Some(text), out));
}

fn unpack_place(values: &mut Values<'_>) -> Option<Standing> {
    let piece = values.next()??.parse().ok()?;
    let (kind, number) = (values.next()??, values.next()??.parse().ok()?);
    let kinds = [Position::Record(number), Position::Line(number), Position::Offset(number)];
    Some((piece, kinds.into_iter().find(|position| position.kind() == kind)?))
}

impl Sink for Steps {
    fn begin(&mut self, piece: &Arc<Piece>, _format: &'static str) -> io::Result<()> {
        self.pieces.push(Arc::clone(piece));
        Ok(())
    }

    fn output(&mut self, _piece: &Arc<Piece>, output: Output) -> io::Result<()> {
        let observations = output.seen.observations;
        self.untimed += observations.untimed;
        for observation in observations.iter() {
            self.packed.clear();
            pack_place((self.pieces.len().saturating_sub(1), observation.position), &mut self.packed);
            self.packed.extend(observation.values.bytes());
            self.spool.push(observation.time.as_nanos(), &self.packed)?;
        }
        Ok(())
    }

    fn end(&mut self, _piece: &PieceTally) -> io::Result<()> {
        Ok(())
    }
}

/// The folder that a piece stands in: where records do not name their machine, it stands for it, since a folder holds the logs of one.
fn folder(piece: &Piece) -> &str {
    piece.path.rsplit_once(['/', '\\', '!']).map_or("", |(folder, _)| folder)
}

/// Puts sessions together, and has them wait for the order of their beginnings.
fn join(steps: &mut Steps, attempts: &mut Spool) -> io::Result<()> {
    let (mut sessions, mut done, mut number, mut packed) = (Sessions::default(), Vec::new(), 0, Vec::new());
    let pieces = &steps.pieces;
    let mut keep = |done: &mut Vec<Attempt<Standing>>| {
        done.drain(..).try_for_each(|attempt| {
            packed.clear();
            pack_place(attempt.place, &mut packed);
            attempt.pack(&mut packed);
            attempts.push(attempt.number.cast_signed(), &packed)
        })
    };
    steps.spool.read(|time, bytes| {
        let mut values = Values::packed(bytes);
        let Some(place) = unpack_place(&mut values) else { return Ok(()) };
        let Some(step) = Step::unpack(values) else { return Ok(()) };
        let scope = pieces.get(place.0).map_or("", |piece| folder(piece));
        sessions.step(&At { time: Time::from_nanos(time), number, place, scope }, step, &mut done);
        number += 1;
        keep(&mut done)
    })?;
    sessions.finish(&mut done);
    keep(&mut done)
}

/// Prints what is asked for.
fn print(
    pieces: &[Arc<Piece>],
    attempts: &mut Spool,
    filter: &Filter,
    printer: &mut (dyn LoginPrinter + '_),
) -> io::Result<()> {
    attempts.read(|number, bytes| {
        let mut values = Values::packed(bytes);
        let Some((piece, position)) = unpack_place(&mut values) else { return Ok(()) };
        let Some(piece) = pieces.get(piece) else { return Ok(()) };
        let place = Place { piece: Arc::clone(piece), position };
        match Attempt::unpack(&mut values, number.cast_unsigned(), place) {
            Some(attempt) if filter.wants(&attempt) => printer.attempt(&attempt),
            _ => Ok(()),
        }
    })
}

/// Which logins are asked for.
struct Filter<'a> {
    users: &'a [String],
    hosts: &'a [String],
    sources: &'a [String],
    outcomes: &'a [Outcome],
    since: Option<Time>,
    until: Option<Time>,
}

impl<'a> Filter<'a> {
    fn new(arguments: &'a LoginsArguments, zone: &Zone) -> Result<Self> {
        let time = |text: &Option<String>| text.as_deref().map(|text| select::parse_time(text, zone)).transpose();
        Ok(Self {
            users: &arguments.user,
            hosts: &arguments.host,
            sources: &arguments.source,
            outcomes: &arguments.outcome,
            since: time(&arguments.since)?,
            until: time(&arguments.until)?,
        })
    }

    fn wants(&self, attempt: &Attempt<Place>) -> bool {
        let login = &attempt.login;
        let any = |wanted: &[String], names: &[&str]| {
            let named = |pattern: &String| names.iter().any(|name| sigma::wildcard(pattern, name));
            wanted.is_empty() || wanted.iter().any(named)
        };
        any(self.users, &[&login.user, &format!("{}\\{}", login.domain, login.user)])
            && any(self.hosts, &[&login.host])
            && any(self.sources, &[&login.source, &login.source_host])
            && (self.outcomes.is_empty() || self.outcomes.contains(&login.outcome))
            && self.since.is_none_or(|since| attempt.time >= since)
            && self.until.is_none_or(|until| attempt.time < until)
    }
}
