//! `dreamcatcher logins`: who logged in, from where, how, and for how long.
//!
//! ```text
//! records ──▶ steps of logins ──▶ in the order of time ──▶ sessions ──▶ in the order of their beginnings ──▶ printer
//! ```
//!
//! Pieces that are copies of others are left out, and of steps that two logs tell alike (a journal beside its auth.log) there is one.
//!
//! Both times what waits for its order waits in a file, with twenty-four bytes of each step in memory.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Arc,
};

use anyhow::{Context, Result};
use event::{
    At, Attempt, Class, Detector, Encoding, Event, Interest, LogSource, Outcome, Piece, Place, Position, Seen,
    Sessions, Step, TextGroup, Time, Values,
};
use evidence::{LoginFields, Output, PieceTally, Sink};
use report::{LoginFormat, LoginPrinter, Spool, Style, Zone};

use crate::{
    cli::LoginsArguments,
    copies::Copies,
    destination::Destination,
    formats::formats,
    hunt::{colour, evidence_summary, terminal_width},
    reading::{self, Reading},
    select,
    site::Site,
    status::Status,
};

/// Runs the subcommand.
pub fn run(arguments: &LoginsArguments) -> Result<Status> {
    let site = Site::load(arguments.site.as_deref())?;
    let zone = site.zone(arguments.timezone.as_ref())?;
    let formats = formats(&arguments.reading, &site, None)?;
    let filter = Filter::new(arguments, &zone)?;
    let output = Destination::open(arguments.output.as_deref(), &arguments.paths)?;
    let mut writer = output.writer()?;
    let to_standard = arguments.output.is_none();
    let width = if to_standard { terminal_width() } else { None };
    let style = Style { zone: zone.clone(), width, colour: colour(arguments.color, to_standard) };
    let cannot = "cannot write the list";
    let mut printer = arguments.format.printer(&mut writer, style).context(cannot)?;
    let mut steps =
        Steps { spool: Spool::new()?, pieces: Vec::new(), copies: Copies::default(), untimed: 0, packed: Vec::new() };
    let mut attempts = Spool::new()?;
    let reading = Reading {
        paths: &arguments.paths,
        readable: &[],
        formats: &formats,
        outputs: &[&output],
        hash: arguments.format.has_summary() || tells_summary(arguments),
        threads: reading::threads(arguments.threads),
        quiet: arguments.quiet,
    };
    let tally = reading.run(LoginDetector::default, &mut steps).context(cannot)?;
    let repeated = join(&mut steps, &mut attempts).context(cannot)?;
    print(&steps.pieces, &mut attempts, &filter, &mut *printer).context(cannot)?;
    let mut summary = evidence_summary(&tally, &zone);
    summary.skipped.extend(left_out(&steps, repeated));
    printer.end(&summary).context(cannot)?;
    drop(printer);
    writer.flush().context(cannot)?;
    drop(writer);
    output.keep()?;
    if tells_summary(arguments) {
        let style = Style { zone, width: None, colour: false };
        report::write_reading(&summary, &mut io::stderr().lock(), &style)?;
    }
    Ok(if tally.unreadable_arguments.is_empty() { Status::Finished } else { Status::Unreadable })
}

/// What is not in the list.
fn left_out(steps: &Steps, repeated: u64) -> Vec<report::Failure> {
    let mut list = Vec::new();
    let mut add = |path: &str, reason| list.push(report::Failure { path: path.to_owned(), reason });
    if steps.untimed > 0 {
        let untimed = steps.untimed;
        let reason = format!("{untimed} records tell of logins but not of their time: they are not in the list");
        add("records without a time", reason);
    }
    for (copy, first) in &steps.copies.found {
        add(&copy.path, format!("it tells the same logins as {}: it is a copy, and they are listed once", first.path));
    }
    if repeated > 0 {
        let reason =
            format!("{repeated} records tell of logins what a record of another log tells alike: it counts once");
        add("records in two logs", reason);
    }
    list
}

/// Whether the tally goes to standard error: when the list itself goes elsewhere or is for machines.
fn tells_summary(arguments: &LoginsArguments) -> bool {
    !arguments.quiet && (arguments.format != LoginFormat::Text || arguments.output.is_some())
}

/// Observes what records tell of logins.
struct LoginDetector {
    /// Of records that may tell something, and of others.
    interests: [Arc<Interest>; 2],
    fields: LoginFields,
    packed: Vec<u8>,
}

impl Default for LoginDetector {
    fn default() -> Self {
        let interest = |wanted| Arc::new(Interest { wanted, ..Interest::default() });
        Self { interests: [interest(true), interest(false)], fields: LoginFields::default(), packed: Vec::new() }
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
        let Some(step) = evidence::step(event.record, &mut self.fields) else { return };
        self.packed.clear();
        step.pack(&mut self.packed);
        seen.observations.push_packed(event.time, 0, event.record.position(), Values::packed(&self.packed));
    }
}

/// The steps of all logins, in files until all are there.
struct Steps {
    spool: Spool,
    pieces: Vec<Arc<Piece>>,
    copies: Copies,
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
            let (time, position) = (observation.time.as_nanos(), observation.position.number());
            [&time.to_le_bytes(), &position.to_le_bytes(), observation.values.bytes()]
                .into_iter()
                .for_each(|bytes| self.copies.observed(bytes));
        }
        Ok(())
    }

    fn end(&mut self, piece: &PieceTally) -> io::Result<()> {
        self.copies.end(piece);
        Ok(())
    }
}

/// The folder that a piece stands in: where records do not name their machine, it stands for it, since a folder holds the logs of one.
fn folder(piece: &Piece) -> &str {
    piece.path.rsplit_once(['/', '\\', '!']).map_or("", |(folder, _)| folder)
}

/// How many different steps of one second are remembered.
const MAX_REMEMBERED: usize = 1 << 16;

/// Tells steps that another log has told already: of one second, and alike in all that they say, the machine and the process among it.
#[derive(Default)]
struct Repeats {
    second: i64,
    /// Of each step of this second how often each piece has told it.
    told: HashMap<Vec<u8>, HashMap<usize, u64>>,
    count: u64,
}

impl Repeats {
    /// Whether another piece has told this step at least as often as this one now has.
    fn knows(&mut self, time: i64, piece: usize, step: &Step<'_>, bytes: &[u8]) -> bool {
        if !names_process(step) {
            return false;
        }
        let second = time.div_euclid(1_000_000_000);
        if std::mem::replace(&mut self.second, second) != second {
            self.told.clear();
        }
        if self.told.len() >= MAX_REMEMBERED && !self.told.contains_key(bytes) {
            return false;
        }
        let told = self.told.entry(bytes.to_vec()).or_default();
        let here = told.get(&piece).copied().unwrap_or_default() + 1;
        told.insert(piece, here);
        let is_known = told.iter().any(|(other, times)| *other != piece && *times >= here);
        self.count += u64::from(is_known);
        is_known
    }
}

/// Whether a step says on which machine and in which process it was: then no other step is the same.
fn names_process(step: &Step<'_>) -> bool {
    let of = match step {
        Step::Login(login) | Step::Hint(login) => &login.link(),
        Step::Request(request) => &request.of,
        Step::Child(of, _) => of,
        Step::Logout(logout) => &logout.of,
    };
    !of.host.is_empty() && of.session.starts_with("pid ")
}

/// Puts sessions together, and has them wait for the order of their beginnings; gives how many steps were told twice.
fn join(steps: &mut Steps, attempts: &mut Spool) -> io::Result<u64> {
    let (mut sessions, mut done, mut number, mut packed) = (Sessions::default(), Vec::new(), 0, Vec::new());
    let pieces = steps.copies.without(&steps.pieces);
    let mut repeats = Repeats::default();
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
        let Some(Some(piece)) = pieces.get(place.0) else { return Ok(()) };
        let Some(step) = Step::unpack(values) else { return Ok(()) };
        if repeats.knows(time, place.0, &step, values.bytes()) {
            return Ok(());
        }
        let scope = folder(piece);
        sessions.step(&At { time: Time::from_nanos(time), number, place, scope }, step, &mut done);
        number += 1;
        keep(&mut done)
    })?;
    sessions.finish(&mut done);
    keep(&mut done)?;
    Ok(repeats.count)
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
