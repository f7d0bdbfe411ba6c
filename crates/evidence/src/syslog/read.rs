//! Reads blocks of syslog text: finds the records, looks up what their log sources are called, and hands over the
//! fields that are wanted.

use std::{borrow::Cow, collections::HashMap, hash::BuildHasher, ops::Range, sync::Arc};

use event::{Class, Detector, Event, Interest, LogSource, Piece, Position, Record, Slot, Time, Value};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{
    cut::{continues_command, goes_on},
    facts::Facts,
    header::{Header, bare, header, is_remark},
    programs::Program,
    stamp::{Stamp, Yearless},
    sudo,
    years::Dates,
};
use crate::{
    Block, Clock, Local, Output, Reader,
    json::pass::{Damages, Lines, Values, Words, decode, reuse},
};

/// Programs that are remembered; their names are at most 255 bytes long.
const MAX_PROGRAMS: usize = 4096;

/// The log that all syslog records are of.
const CHANNEL: &str = "syslog";

const NO_DAY: &str = "29 February does not exist in the year that it would be of: such lines were read without a time";
const BARE: &str =
    "the lines are those that sshd -e writes: they give neither time nor host, and a user's name may forge some";
const NO_HEADER: &str = "expected a time, a host and a program as syslog lines begin with, found another line";

/// Fields of the header that a detector may want, with how to get them.
const HEADER_FIELDS: [HeaderField; 8] = [
    ("message", |header| header.message),
    ("program", |header| header.program),
    ("pid", |header| header.pid),
    ("host", |header| header.host),
    ("facility", |header| header.facility),
    ("severity", |header| header.severity),
    ("message_id", |header| header.message_id),
    ("structured_data", |header| header.data),
];

/// A field's name and how to get it.
type HeaderField = (&'static str, for<'a> fn(&Header<'a>) -> &'a str);

/// What the detector wants of a class.
struct Wanted {
    class: Class,
    interest: Arc<Interest>,
    /// Which of [`HEADER_FIELDS`] are wanted.
    header: Vec<(Slot, HeaderField)>,
    /// Fields that are in the message, by name.
    facts: HashMap<String, Slot, RandomState>,
}

impl Wanted {
    fn new(class: Class, interest: Arc<Interest>) -> Self {
        let (mut header, mut facts) = (Vec::new(), HashMap::default());
        for (name, slot) in interest.fields.iter().zip(0..Slot::MAX) {
            match HEADER_FIELDS.iter().find(|(known, _)| known == name) {
                Some(field) => header.push((slot, *field)),
                None => drop(facts.entry(name.clone()).or_insert(slot)),
            }
        }
        Self { class, interest, header, facts }
    }
}

/// What is remembered of a program.
struct Known {
    name: String,
    program: Program,
    wanted: Arc<Wanted>,
}

/// Reads blocks. Serves one detector as long as it lives, since it remembers that detector's answers.
pub(super) struct SyslogReader {
    clock: Clock,
    local: Local,
    programs: Programs,
    by_class: HashMap<Class, Arc<Wanted>>,
    values: Values<'static>,
    facts: Facts<'static>,
    /// Whether all lines are sshd's and have no header.
    bare: bool,
}

/// The programs that were met.
#[derive(Default)]
struct Programs {
    list: Vec<Known>,
    /// By name: the place in the list.
    places: HashTable<usize>,
    hasher: RandomState,
    /// The program asked for last; logs repeat themselves.
    last: usize,
}

impl Programs {
    /// The place of a program in the list.
    fn find(&mut self, name: &str) -> Option<usize> {
        let is = |place: &usize| self.list.get(*place).is_some_and(|known| known.name == name);
        if !is(&self.last) {
            self.last = *self.places.find(self.hasher.hash_one(name), is)?;
        }
        Some(self.last)
    }

    fn add(&mut self, known: Known) -> usize {
        if self.list.len() >= MAX_PROGRAMS {
            self.list.clear();
            self.places.clear();
        }
        self.last = self.list.len();
        let hash_of =
            |place: &usize| self.hasher.hash_one(self.list.get(*place).map_or("", |known| known.name.as_str()));
        self.places.insert_unique(self.hasher.hash_one(known.name.as_str()), self.last, hash_of);
        self.list.push(known);
        self.last
    }
}

/// A block that is being read.
struct Pass<'a> {
    piece: &'a Arc<Piece>,
    text: &'a str,
    lines: Lines<'a>,
    words: Words,
    damages: Damages,
    dates: Dates,
    local: Local,
    /// The last day whose year was asked for, with its midnight if it were in UTC.
    midnight: Option<((u8, u8, i16), Option<i64>)>,
    no_year: bool,
    no_zone: bool,
    no_day: bool,
}

impl Pass<'_> {
    /// The moment of a stamp, which is that of the line walked last.
    fn time(&mut self, stamp: Stamp) -> Option<Time> {
        match stamp {
            Stamp::None => None,
            Stamp::Zoned(time) => Some(time),
            Stamp::Local(time) => Some(self.local.moment(time)),
            Stamp::Yearless(stamp) => {
                self.no_year = true;
                let day = (stamp.month, stamp.day, self.dates.year());
                let midnight = match self.midnight {
                    Some((known, midnight)) if known == day => midnight,
                    _ => Yearless { nanos: 0, ..stamp }.time(day.2).map(Time::as_nanos),
                };
                self.midnight = Some((day, midnight));
                self.no_day |= midnight.is_none();
                Some(self.local.moment(Time::from_nanos(midnight?.checked_add(stamp.nanos)?)))
            }
        }
    }

    fn note(&self, clock: &Clock, is_bare: bool, notes: &mut Vec<String>) {
        notes.extend(self.no_year.then(|| self.dates.years.note()));
        notes.extend(self.no_zone.then(|| clock.zone_note()));
        notes.extend(is_bare.then(|| BARE.to_owned()));
        notes.extend(self.no_day.then(|| NO_DAY.to_owned()));
    }
}

impl Reader for SyslogReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let text = decode(&block.bytes, block.line, &mut output.notes);
        let mut pass = Pass {
            piece,
            text: &text,
            lines: Lines::new(text.as_bytes(), block.line),
            words: Words::of_raw_text(),
            damages: Damages::default(),
            dates: block.dates.clone().unwrap_or_else(|| Dates::unknown(&self.clock)),
            local: self.local.clone(),
            midnight: None,
            no_year: false,
            no_zone: false,
            no_day: false,
        };
        self.lines(&mut pass, detector, output);
        pass.note(&self.clock, self.bare, &mut output.notes);
        output.damages.append(&mut pass.damages.list);
    }
}

impl SyslogReader {
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            local: clock.local(),
            clock: clock.clone(),
            programs: Programs::default(),
            by_class: HashMap::new(),
            values: Vec::new(),
            facts: Facts::default(),
            bare: false,
        }
    }

    /// Reads lines of sshd without header.
    pub(super) fn bare(clock: &Clock) -> Self {
        Self { bare: true, ..Self::new(clock) }
    }

    fn lines(&mut self, pass: &mut Pass<'_>, detector: &mut dyn Detector, output: &mut Output) {
        let text = pass.text;
        let mut start = 0;
        while start < text.len() {
            let mut end = record_end(text.as_bytes(), start);
            let line = line(text, start, end);
            pass.dates.walk.line(line.as_bytes());
            let line = line.strip_prefix('\u{feff}').unwrap_or(line);
            match if self.bare { bare(line) } else { header(line) } {
                Some(header) => {
                    output.records += 1;
                    pass.damages.good();
                    let joined = if header.program == "sudo" { joined(text, header.message, &mut end) } else { None };
                    let message = joined.as_deref().unwrap_or(header.message);
                    self.show(pass, &Header { message, ..header }, start..end, detector, output);
                }
                None if line.trim_ascii().is_empty() || is_remark(line) => {}
                None => pass.damages.push(&pass.lines, start, NO_HEADER),
            }
            start = end;
        }
    }

    /// Asks the detector about a program's records.
    fn learn(&mut self, name: &str, detector: &mut dyn Detector) -> usize {
        let class = detector.class(&LogSource { product: "linux", channel: CHANNEL, provider: name, event_id: 0 });
        let interest = || Arc::new(Wanted::new(class, detector.interest(class)));
        let wanted = Arc::clone(self.by_class.entry(class).or_insert_with(interest));
        self.programs.add(Known { name: name.to_owned(), program: Program::named(name), wanted })
    }

    fn show(
        &mut self,
        pass: &mut Pass<'_>,
        header: &Header<'_>,
        range: Range<usize>,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        pass.no_zone |= matches!(header.stamp, Stamp::Yearless(_) | Stamp::Local(_));
        let place = match self.programs.find(header.program) {
            Some(place) => place,
            None => self.learn(header.program, detector),
        };
        let Some(Known { program, wanted, .. }) = self.programs.list.get(place) else { return };
        if !wanted.interest.wanted {
            return;
        }
        let group = wanted.interest.text;
        // Characters that a message writes in another way (`\033`, `#012`) are none of the plain ones.
        let may_stand = |group| pass.words.may_stand(group, pass.text, range.clone(), Vec::new, detector);
        let text = group.is_some_and(may_stand);
        if wanted.interest.text_only && !text {
            return;
        }
        let time = pass.time(header.stamp);
        let mut facts = std::mem::take(&mut self.facts).reuse();
        if !wanted.facts.is_empty() {
            program.facts(header.program, header.message, &mut facts);
        }
        let mut values = reuse(std::mem::take(&mut self.values));
        let told = wanted.header.iter().map(|(slot, (_, get))| (*slot, get(header)));
        values.extend(told.filter(|(_, text)| !text.is_empty()).map(|(slot, text)| (slot, Value::Text(text))));
        let told = facts.iter().filter_map(|(name, text)| Some((*wanted.facts.get(name)?, Value::Text(text))));
        values.extend(told);
        let line = pass.text.get(range.clone()).unwrap_or_default();
        let record = SyslogRecord { header, program: *program, line, start: range.start, lines: &pass.lines };
        let event = Event { piece: pass.piece, class: wanted.class, time, fields: &values, text, record: &record };
        detector.look(&event, &mut output.seen);
        self.values = reuse(values);
        self.facts = facts.reuse();
    }
}

/// The lines of a record without the last line end.
fn line(text: &str, start: usize, end: usize) -> &str {
    let line = text.get(start..end).unwrap_or_default();
    line.strip_suffix('\n').unwrap_or(line)
}

/// The message of sudo's record that ends at `end`, with the rest of its command in the lines behind; `end` moves behind these.
fn joined(text: &str, message: &str, end: &mut usize) -> Option<String> {
    let (user, first) = message.split_once(" : ")?;
    let (mut whole, mut last) = (None, first);
    loop {
        let next_end = record_end(text.as_bytes(), *end);
        let next = line(text, *end, next_end);
        if !continues_command(next.as_bytes()) {
            return whole;
        }
        let Some(found) = header(next).filter(|found| found.program == "sudo") else { return whole };
        let Some((_, rest)) = sudo::continued(found.message).filter(|(other, _)| *other == user) else { return whole };
        sudo::join(whole.get_or_insert_with(|| message.to_owned()), last, rest);
        (last, *end) = (rest, next_end);
    }
}

/// Where the record that begins at `start` ends: behind its last line.
fn record_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        end = memchr::memchr(b'\n', rest).map_or(bytes.len(), |at| end + at + 1);
        if !bytes.get(end).is_some_and(|first| goes_on(*first)) {
            return end;
        }
    }
}

/// A line, taken apart further when asked.
struct SyslogRecord<'a> {
    header: &'a Header<'a>,
    program: Program,
    /// All of it, as it stands in the log.
    line: &'a str,
    start: usize,
    lines: &'a Lines<'a>,
}

impl Record for SyslogRecord<'_> {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "linux", channel: CHANNEL, provider: self.header.program, event_id: 0 }
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.header.host)
    }

    fn position(&self) -> Position {
        Position::Line(self.lines.line(self.start))
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        for (name, get) in HEADER_FIELDS {
            let text = get(self.header);
            if !text.is_empty() {
                visit(name, Value::Text(text));
            }
        }
        let mut facts = Facts::default();
        self.program.facts(self.header.program, self.header.message, &mut facts);
        facts.iter().for_each(|(name, text)| visit(name, Value::Text(text)));
    }

    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        visit(Value::Text(self.line.trim_end_matches(['\r', '\n'])));
    }
}
