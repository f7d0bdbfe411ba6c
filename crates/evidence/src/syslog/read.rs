//! Reads blocks of syslog text: finds the records, looks up what their log sources are called, and hands over the
//! fields that are wanted.

use std::{borrow::Cow, ops::Range, sync::Arc};

use event::{Detector, Event, LogSource, Piece, Position, Record, Time, Value};

use super::{
    cut::{continues_command, goes_on},
    facts::Facts,
    header::{Beginning, Header, bare, header, is_remark},
    show::{Known, Programs, source},
    sshd::repeated,
    stamp::{Stamp, Yearless},
    sudo,
    years::Dates,
};
use crate::{
    Block, Clock, Local, Output, Reader,
    json::pass::{Damages, Lines, Values, Words, decode, reuse},
    xml::XmlReader,
};

const NO_DAY: &str = "29 February does not exist in the year that it would be of: such lines were read without a time";
const BARE: &str =
    "the lines are those that sshd -e writes: they give neither time nor host, and a user's name may forge some";
const NO_HEADER: &str = "expected a time, a host and a program as syslog lines begin with, found another line";

/// Reads blocks. Serves one detector as long as it lives, since it remembers that detector's answers.
pub(super) struct SyslogReader {
    clock: Clock,
    local: Local,
    programs: Programs,
    values: Values<'static>,
    facts: Facts<'static>,
    /// For what Sysmon writes.
    xml: XmlReader,
    /// Whether all lines are sshd's and have no header.
    bare: bool,
}

/// A block that is being read.
struct Pass<'a> {
    piece: &'a Arc<Piece>,
    text: &'a str,
    /// The number of the first line.
    first: u64,
    lines: Lines<'a>,
    words: Words,
    damages: Damages,
    dates: Dates,
    local: Local,
    /// How the line before began.
    beginning: Option<Beginning<'a>>,
    /// The last day whose year was asked for, with its midnight if it were in UTC.
    midnight: Option<((u8, u8, i16), Option<i64>)>,
    no_year: bool,
    no_zone: bool,
    no_day: bool,
}

impl<'a> Pass<'a> {
    /// Takes the next line apart.
    fn header(&mut self, line: &'a str) -> Option<Header<'a>> {
        // A line of the same day is no step of the walk.
        if let Some(found) = self.beginning.as_ref().and_then(|beginning| beginning.header(line)) {
            return Some(found);
        }
        self.beginning = None;
        self.dates.walk.line(line.as_bytes());
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let found = header(line)?;
        self.beginning = Beginning::of(line, &found);
        Some(found)
    }

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
            first: block.line,
            lines: Lines::new(text.as_bytes(), block.line),
            words: Words::of_raw_text(),
            damages: Damages::default(),
            dates: block.dates.clone().unwrap_or_else(|| Dates::unknown(&self.clock)),
            local: self.local.clone(),
            beginning: None,
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
            values: Vec::new(),
            facts: Facts::default(),
            xml: XmlReader::default(),
            bare: false,
        }
    }

    /// Reads lines of sshd without header.
    pub(super) fn bare(clock: &Clock) -> Self {
        Self { bare: true, ..Self::new(clock) }
    }

    fn lines(&mut self, pass: &mut Pass<'_>, detector: &mut dyn Detector, output: &mut Output) {
        let text = pass.text;
        let (mut start, mut number) = (0, pass.first);
        while start < text.len() {
            pass.lines.know(start, number);
            let (mut end, mut lines) = record_end(text.as_bytes(), start);
            let line = line(text, start, end);
            match if self.bare { bare(line) } else { pass.header(line) } {
                Some(header) if header.program == "sysmon" && header.message.starts_with("<Event>") => {
                    let event = (header.message, pass.lines.line(start));
                    match self.xml.show_embedded(pass.piece, event, detector, output) {
                        Ok(()) => {
                            output.records += 1;
                            pass.damages.good();
                        }
                        Err(reason) => pass.damages.push(&pass.lines, start, &reason),
                    }
                }
                Some(header) => {
                    output.records += 1;
                    pass.damages.good();
                    let joined = if header.program == "sudo" {
                        joined(text, header.message, &mut end, &mut lines)
                    } else {
                        None
                    };
                    let message = joined.as_deref().unwrap_or(header.message);
                    self.show(pass, &Header { message, ..header }, start..end, detector, output);
                }
                None if line.trim_ascii().is_empty() || is_remark(line) => {}
                None => pass.damages.push(&pass.lines, start, NO_HEADER),
            }
            start = end;
            number += lines;
        }
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
        let known = self.programs.known(header.program, detector);
        let interest = known.interest();
        if !interest.wanted {
            return;
        }
        let group = interest.text;
        // Characters that a message writes in another way (`\033`, `#012`) are none of the plain ones.
        let may_stand = |group| pass.words.may_stand(group, pass.text, range.clone(), Vec::new, detector);
        let text = group.is_some_and(may_stand);
        if interest.text_only && !text {
            return;
        }
        let needed = known.needed_actions().filter(|_| !text);
        let mut facts = std::mem::take(&mut self.facts).reuse(header.message, needed);
        known.facts(header, &mut facts);
        if !facts.matters() {
            self.facts = facts.reuse("", None);
            return;
        }
        let time = pass.time(header.stamp);
        let mut values = reuse(std::mem::take(&mut self.values));
        known.values(header, &facts, &mut values);
        let line = pass.text.get(range.clone()).unwrap_or_default();
        let record =
            SyslogRecord { header, known: &known, facts: &facts, line, start: range.start, lines: &pass.lines };
        let event = Event { piece: pass.piece, class: known.class(), time, fields: &values, text, record: &record };
        detector.look(&event, &mut output.seen);
        self.values = reuse(values);
        self.facts = facts.reuse("", None);
    }
}

/// The lines of a record without the last line end.
fn line(text: &str, start: usize, end: usize) -> &str {
    let line = text.get(start..end).unwrap_or_default();
    line.strip_suffix('\n').unwrap_or(line)
}

/// The message of sudo's record that ends at `end`, with the rest of its command in the lines behind; `end` moves behind these, and `lines` counts
/// them.
fn joined(text: &str, message: &str, end: &mut usize, lines: &mut u64) -> Option<String> {
    let (user, first) = message.split_once(" : ")?;
    let (mut whole, mut last) = (None, first);
    loop {
        let (next_end, more) = record_end(text.as_bytes(), *end);
        let next = line(text, *end, next_end);
        if !continues_command(next.as_bytes()) {
            return whole;
        }
        let Some(found) = header(next).filter(|found| found.program == "sudo") else { return whole };
        let Some((_, rest)) = sudo::continued(found.message).filter(|(other, _)| *other == user) else { return whole };
        sudo::join(whole.get_or_insert_with(|| message.to_owned()), last, rest);
        (last, *end) = (rest, next_end);
        *lines += more;
    }
}

/// Where the record that begins at `start` ends (behind its last line), and how many lines it has.
fn record_end(bytes: &[u8], start: usize) -> (usize, u64) {
    let (mut end, mut lines) = (start, 0);
    loop {
        lines += 1;
        let rest = bytes.get(end..).unwrap_or_default();
        end = memchr::memchr(b'\n', rest).map_or(bytes.len(), |at| end + at + 1);
        if !bytes.get(end).is_some_and(|first| goes_on(*first)) {
            return (end, lines);
        }
    }
}

/// A line, taken apart further when asked.
struct SyslogRecord<'a> {
    header: &'a Header<'a>,
    known: &'a Known,
    facts: &'a Facts<'a>,
    /// All of it, as it stands in the log.
    line: &'a str,
    start: usize,
    lines: &'a Lines<'a>,
}

impl Record for SyslogRecord<'_> {
    fn source(&self) -> LogSource<'_> {
        source(self.header.program)
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.header.host)
    }

    fn position(&self) -> Position {
        Position::Line(self.lines.line(self.start))
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.known.visit(self.header, self.facts, visit);
    }

    fn times(&self) -> u64 {
        repeated(self.header.message).map_or(1, |(times, _)| times)
    }

    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        visit(Value::Text(self.line.trim_end_matches(['\r', '\n'])));
    }
}
