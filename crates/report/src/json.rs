mod finding;
mod summary;

use std::io::{self, Write};

use event::Finding;
use serde::Serialize;
use serde_json::ser::Formatter;

use crate::{
    Printer, Summary, Zone,
    plain::{hidden, is_plain_ascii},
};
pub(crate) use finding::{FindingView, PlaceView, by_field};
use summary::SummaryView;

/// Prints a JSON object a line, one for each finding; the summary is no part of it.
pub struct Jsonl<'a> {
    out: &'a mut (dyn Write + Send),
    zone: Zone,
    line: Vec<u8>,
}

impl<'a> Jsonl<'a> {
    /// A printer to `out` with times in `zone`.
    pub fn new(out: &'a mut (dyn Write + Send), zone: Zone) -> Self {
        Self { out, zone, line: Vec::new() }
    }
}

impl Printer for Jsonl<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.line.clear();
        write_json(&FindingView::of(finding, &self.zone), &mut self.line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }

    fn end(&mut self, _: &Summary) -> io::Result<()> {
        self.out.flush()
    }
}

/// Prints one JSON object with all findings, a line each, and the summary.
pub struct Json<'a> {
    out: &'a mut (dyn Write + Send),
    zone: Zone,
    begun: bool,
    line: Vec<u8>,
}

impl<'a> Json<'a> {
    /// A printer to `out` with times in `zone`.
    pub fn new(out: &'a mut (dyn Write + Send), zone: Zone) -> Self {
        Self { out, zone, begun: false, line: Vec::new() }
    }
}

impl Printer for Json<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let before: &[u8] = if self.begun { b",\n" } else { b"{\"findings\":[\n" };
        self.begun = true;
        self.line.clear();
        self.line.extend_from_slice(before);
        write_json(&FindingView::of(finding, &self.zone), &mut self.line)?;
        self.out.write_all(&self.line)
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        self.out.write_all(if self.begun { b"\n],\"summary\":\n" } else { b"{\"findings\":[],\"summary\":\n" })?;
        summary.to_json(&self.zone, self.out)?;
        self.out.write_all(b"\n}\n")?;
        self.out.flush()
    }
}

impl Summary {
    /// Writes the summary as one JSON object on one line, with times in `zone`; what `json` reports have under
    /// `summary` (`docs/report.schema.json`).
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn to_json(&self, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
        let mut text = Vec::new();
        write_json(&SummaryView::of(self, zone), &mut text)?;
        out.write_all(&text)
    }
}

/// In many small writes: into memory, or through a buffer.
pub(crate) fn write_json(value: &impl Serialize, out: impl Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Harmless);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Compact JSON in which every character that is not plainly visible is written as `\uXXXX`, so that it does nothing
/// to a terminal and cannot be overlooked; parsers give back the same text. (What serde_json escapes by itself,
/// `"`, `\` and U+0000–U+001F, does not come here.)
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if is_plain_ascii(fragment) {
            return out.write_all(fragment.as_bytes());
        }
        let mut from = 0;
        for (at, character) in fragment.char_indices().filter(|(_, character)| hidden(*character)) {
            out.write_all(fragment.get(from..at).unwrap_or_default().as_bytes())?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            from = at + character.len_utf8();
        }
        out.write_all(fragment.get(from..).unwrap_or_default().as_bytes())
    }
}
