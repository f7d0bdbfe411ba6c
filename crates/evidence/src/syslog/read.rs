//! Reads blocks of syslog text: finds the records, looks up what their log sources are called, and hands over the
//! fields that are wanted.

use std::{borrow::Cow, ops::Range, sync::Arc};

use event::{Detector, Event, LogSource, Piece, Position, Record, Time, Value};

use super::{
    cut::goes_on,
    facts::Facts,
    header::{Header, header, is_remark},
    show::{Known, Programs, source},
    stamp::{Stamp, Yearless},
    years::Years,
};
use crate::{
    Block, Output, Reader,
    json::pass::{Damages, Lines, Values, Words, decode, reuse},
    xml::XmlReader,
};

const NO_YEAR: &str = "the lines give no year: it was worked out so that months go forward and nothing is later than today, \
                       or than the date in the file's name";
const NO_ZONE: &str = "the lines give no time zone: their times were taken for UTC";
const NO_HEADER: &str = "expected a time, a host and a program as syslog lines begin with, found another line";

/// Reads blocks. Serves one detector as long as it lives, since it remembers that detector's answers.
pub(super) struct SyslogReader {
    latest: Time,
    programs: Programs,
    values: Values<'static>,
    /// For what Sysmon writes.
    xml: XmlReader,
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
            words: Words::default(),
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
        Self { latest, programs: Programs::default(), values: Vec::new(), xml: XmlReader::default() }
    }

    fn lines(&mut self, pass: &mut Pass<'_>, detector: &mut dyn Detector, output: &mut Output) {
        let text = pass.text;
        let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        while start < text.len() {
            let end = record_end(text.as_bytes(), start);
            let line = text.get(start..end).unwrap_or_default();
            let line = line.strip_suffix('\n').unwrap_or(line);
            match header(line) {
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
                    self.show(pass, &header, start..end, detector, output);
                }
                None if line.trim_ascii().is_empty() || is_remark(line) => {}
                None => pass.damages.push(&pass.lines, start, NO_HEADER),
            }
            start = end;
        }
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
        let known = self.programs.known(header.program, detector);
        let interest = known.interest();
        if !interest.wanted {
            return;
        }
        let group = interest.text;
        // Characters that a message writes in another way (`\033`, `#012`) are none of the plain ones.
        let may_stand = |group| pass.words.may_stand(group, pass.text, range.clone(), Vec::new, detector);
        let text = group.is_some_and(may_stand);
        let time = pass.time(header.stamp, range.start);
        let mut values = reuse(std::mem::take(&mut self.values));
        known.values(header, &mut pass.facts, &mut values);
        let line = pass.text.get(range.clone()).unwrap_or_default();
        let record = SyslogRecord { header, known: &known, line, start: range.start, lines: &pass.lines };
        let event = Event { piece: pass.piece, class: known.class(), time, fields: &values, text, record: &record };
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
    known: &'a Known,
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
        self.known.visit(self.header, visit);
    }

    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        visit(Value::Text(self.line.trim_end_matches(['\r', '\n'])));
    }
}
