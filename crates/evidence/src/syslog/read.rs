//! Reads blocks of syslog text: finds the records, looks up what their log sources are called, and hands over the
//! fields that are wanted.

use std::{borrow::Cow, collections::HashMap, ops::Range, sync::Arc};

use event::{Class, Detector, Event, Interest, LogSource, Piece, Position, Record, Slot, Time, Value};

use super::{
    cut::goes_on,
    facts::Facts,
    header::{Header, header, is_remark},
    programs::Program,
    stamp::{Stamp, Yearless},
    years::Years,
};
use crate::{
    Block, Output, Reader,
    json::pass::{Damages, Lines, Values, Words, decode, reuse},
};

/// Programs that are remembered, and the length of their names.
const MAX_PROGRAMS: usize = 4096;
const MAX_NAME: usize = 255;

/// The log that all syslog records are of.
const CHANNEL: &str = "syslog";

const NO_YEAR: &str = "the lines give no year: it was worked out so that months go forward and nothing is later than today, \
                       or than the date in the file's name";
const NO_ZONE: &str = "the lines give no time zone: their times were taken for UTC";
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
    facts: HashMap<String, Slot>,
}

impl Wanted {
    fn new(class: Class, interest: Arc<Interest>) -> Self {
        let (mut header, mut facts) = (Vec::new(), HashMap::new());
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
#[derive(Clone)]
struct Known {
    program: Program,
    wanted: Arc<Wanted>,
}

/// Reads blocks. Serves one detector as long as it lives, since it remembers that detector's answers.
pub(super) struct SyslogReader {
    latest: Time,
    programs: HashMap<String, Known>,
    by_class: HashMap<Class, Arc<Wanted>>,
    /// The program asked for last; logs repeat themselves.
    last: Option<(String, Known)>,
    values: Values<'static>,
}

/// A block that is being read.
struct Pass<'a> {
    piece: &'a Arc<Piece>,
    text: &'a str,
    lines: Lines<'a>,
    words: Words,
    damages: Damages,
    years: Years<'a>,
    /// The last day whose year was asked for, with its midnight.
    midnight: Option<((u8, u8, i16), i64)>,
    facts: Facts<'a>,
    no_year: bool,
    no_zone: bool,
}

impl Pass<'_> {
    /// The moment of a stamp; `at` is where its line begins.
    fn time(&mut self, stamp: Stamp, at: usize) -> Option<Time> {
        match stamp {
            Stamp::None => None,
            Stamp::Zoned(time) | Stamp::Local(time) => Some(time),
            Stamp::Yearless(stamp) => {
                let day = (stamp.month, stamp.day, self.years.year(at));
                if let Some((known, midnight)) = self.midnight
                    && known == day
                {
                    return Some(Time::from_nanos(midnight.checked_add(stamp.nanos)?));
                }
                let midnight = Yearless { nanos: 0, ..stamp }.time(day.2)?.as_nanos();
                self.midnight = Some((day, midnight));
                Some(Time::from_nanos(midnight.checked_add(stamp.nanos)?))
            }
        }
    }

    fn note(&self, output: &mut Output) {
        for (holds, note) in [(self.no_year, NO_YEAR), (self.no_zone, NO_ZONE)] {
            if holds {
                output.notes.push(note.to_owned());
            }
        }
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
            years: Years::new(&text, date_in_name(&piece.path).unwrap_or(self.latest)),
            midnight: None,
            facts: Facts::default(),
            no_year: false,
            no_zone: false,
        };
        self.lines(&mut pass, detector, output);
        pass.note(output);
        output.damages.append(&mut pass.damages.list);
    }
}

/// The end of the day in the name of a rotated file: `auth.log-20260823`, `secure-20260823.gz`.
fn date_in_name(path: &str) -> Option<Time> {
    let name = path.rsplit(['/', '\\']).next()?;
    let digits =
        name.split(['-', '.', '_']).rev().find(|part| part.len() == 8 && part.bytes().all(|b| b.is_ascii_digit()))?;
    let number = |range: Range<usize>| digits.get(range)?.parse::<i16>().ok();
    let date = jiff::civil::Date::new(number(0..4)?, number(4..6)? as i8, number(6..8)? as i8).ok()?;
    let after = date.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    (date.year() >= 1990).then(|| Time::from_jiff(after.timestamp())).flatten()
}

impl SyslogReader {
    pub(super) fn new(latest: Time) -> Self {
        Self { latest, programs: HashMap::new(), by_class: HashMap::new(), last: None, values: Vec::new() }
    }

    fn lines(&mut self, pass: &mut Pass<'_>, detector: &mut dyn Detector, output: &mut Output) {
        let text = pass.text;
        let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        while start < text.len() {
            let end = record_end(text.as_bytes(), start);
            let line = text.get(start..end).unwrap_or_default();
            let line = line.strip_suffix('\n').unwrap_or(line);
            match header(line) {
                Some(header) => {
                    output.records += 1;
                    pass.damages.good();
                    self.show(pass, &header, start..end, detector, output);
                }
                None if line.trim_ascii().is_empty() || is_remark(line) => {}
                None => pass.damages.push(&pass.lines, start, NO_HEADER),
            }
            start = end;
        }
    }

    /// What is known of a program's records.
    fn known(&mut self, name: &str, detector: &mut dyn Detector) -> Known {
        if let Some((last, known)) = &self.last
            && last == name
        {
            return known.clone();
        }
        let known = match self.programs.get(name) {
            Some(known) => known.clone(),
            None => self.learn(name, detector),
        };
        self.last = Some((name.to_owned(), known.clone()));
        known
    }

    fn learn(&mut self, name: &str, detector: &mut dyn Detector) -> Known {
        let class = detector.class(&LogSource { product: "linux", channel: CHANNEL, provider: name, event_id: 0 });
        let interest = || Arc::new(Wanted::new(class, detector.interest(class)));
        let wanted = Arc::clone(self.by_class.entry(class).or_insert_with(interest));
        let known = Known { program: Program::named(name), wanted };
        if self.programs.len() >= MAX_PROGRAMS {
            self.programs.clear();
        }
        if name.len() <= MAX_NAME {
            self.programs.insert(name.to_owned(), known.clone());
        }
        known
    }

    fn show<'a>(
        &mut self,
        pass: &mut Pass<'a>,
        header: &Header<'a>,
        range: Range<usize>,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        pass.no_year |= matches!(header.stamp, Stamp::Yearless(_));
        pass.no_zone |= matches!(header.stamp, Stamp::Yearless(_) | Stamp::Local(_));
        let Known { program, wanted } = self.known(header.program, detector);
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
        let time = pass.time(header.stamp, range.start);
        pass.facts.clear();
        if !wanted.facts.is_empty() {
            program.facts(header.program, header.message, &mut pass.facts);
        }
        let mut values = reuse(std::mem::take(&mut self.values));
        let told = wanted.header.iter().map(|(slot, (_, get))| (*slot, get(header)));
        values.extend(told.filter(|(_, text)| !text.is_empty()).map(|(slot, text)| (slot, Value::Text(text))));
        let facts = pass.facts.iter().filter_map(|(name, text)| Some((*wanted.facts.get(name)?, Value::Text(text))));
        values.extend(facts);
        let line = pass.text.get(range.clone()).unwrap_or_default();
        let record = SyslogRecord { header, program, line, start: range.start, lines: &pass.lines };
        let event = Event { piece: pass.piece, class: wanted.class, time, fields: &values, text, record: &record };
        detector.look(&event, &mut output.seen);
        self.values = reuse(values);
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
