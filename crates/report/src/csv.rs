use std::{
    fmt::Write as _,
    io::{self, Write},
};

use event::{Finding, Position};

use crate::{
    Printer, Summary, Zone,
    json::by_field,
    place_text,
    plain::{Shown, is_plain_ascii, show_by},
};

/// The first row.
const HEADER: &str = "time,level,host,rule,techniques,channel,provider,event_id,matched,evidence,record,line,offset,\
                      rule_id,rule_path,id\r\n";

/// The longest text that stands in a cell, in UTF-16 code units. Spreadsheets hold 32,767 of them in a cell; what is
/// beyond must not come to stand in another one, where it could begin a formula.
const CELL: usize = 32_000;

/// Prints a table, a row a finding, as RFC 4180 has it.
///
/// Cells hold texts in their harmless form ([`crate::plain`]), and none of them can be taken for a formula, whatever
/// separator a spreadsheet assumes.
pub struct Csv<'a> {
    out: &'a mut (dyn Write + Send),
    zone: Zone,
    begun: bool,
    row: String,
}

impl<'a> Csv<'a> {
    /// A printer to `out` with times in `zone`.
    pub fn new(out: &'a mut (dyn Write + Send), zone: Zone) -> Self {
        Self { out, zone, begun: false, row: String::new() }
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        self.out.write_all(HEADER.as_bytes())
    }
}

impl Printer for Csv<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.begin()?;
        self.row.clear();
        let rule = &finding.rule;
        let position = finding.place.position;
        let number = |kind: Position| match position.kind() == kind.kind() {
            true => position.number().to_string(),
            false => String::new(),
        };
        let cells = [
            &finding.time.map_or_else(String::new, |time| self.zone.rfc3339(time)),
            rule.level.as_str(),
            &finding.host,
            &rule.title,
            &rule.techniques().join(" "),
            &finding.channel,
            &finding.provider,
            &finding.event_id.to_string(),
            &matched_text(finding, &self.zone),
            &finding.place.piece.path,
            &number(Position::Record(0)),
            &number(Position::Line(0)),
            &number(Position::Offset(0)),
            &rule.id,
            &rule.path,
            &finding.id.to_string(),
        ];
        cells.iter().for_each(|text| push_cell(text, &mut self.row));
        self.row.pop();
        self.row.push_str("\r\n");
        self.out.write_all(self.row.as_bytes())
    }

    fn end(&mut self, _: &Summary) -> io::Result<()> {
        self.begin()?;
        self.out.flush()
    }
}

/// `Field: value | Field: value`, a field of several values once for each; of a correlation also how many events there are, and the last.
pub(crate) fn matched_text(finding: &Finding, zone: &Zone) -> String {
    let mut out = String::new();
    for (field, values) in by_field(&finding.matched) {
        for value in values {
            let between = if out.is_empty() { "" } else { " | " };
            // Writing to a String cannot fail.
            let _ = write!(out, "{between}{field}: {value}");
        }
    }
    if let Some(correlated) = &finding.correlated {
        let between = if out.is_empty() { "" } else { " | " };
        let last = &correlated.last;
        let (time, place) = (zone.rfc3339(last.time), place_text(&last.place));
        let _ = write!(out, "{between}{} events, the last {time} at {place}", correlated.events);
    }
    out
}

/// Appends a cell and the comma behind it.
pub(crate) fn push_cell(text: &str, row: &mut String) {
    // A semicolon may get an apostrophe.
    let shown = match is_plain_ascii(text) && text.len() <= CELL / 2 {
        true => Shown { text: text.to_owned(), left_out: 0 },
        false => show_by(text, CELL, |unit, _| if unit == ";" { 2 } else { unit.encode_utf16().count() }),
    };
    let mut cell = defused(&shown.text);
    if shown.left_out > 0 {
        let _ = write!(cell, "… (+{} characters; jsonl has all)", shown.left_out);
    }
    if cell.contains([',', '"', ';', '|']) || cell.starts_with(' ') || cell.ends_with(' ') {
        row.push('"');
        row.push_str(&cell.replace('"', "\"\""));
        row.push('"');
    } else {
        row.push_str(&cell);
    }
    row.push(',');
}

/// The text with an apostrophe wherever a spreadsheet could see a formula begin: at the beginning, and behind
/// every `;`, which many countries' spreadsheets take for the separator even within quotes.
fn defused(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len() + 1);
    for (number, part) in plain.split(';').enumerate() {
        if number > 0 {
            out.push(';');
        }
        if begins_formula(part) {
            out.push('\'');
        }
        out.push_str(part);
    }
    out
}

/// Whether a cell with this text could be taken for a formula: it begins with `=`, `+`, `-`, `@` or one of their other
/// forms in Unicode, behind blanks and quotation marks, if any. A line break or tab in front counts too.
fn begins_formula(text: &str) -> bool {
    let quotes = [' ', '"', '\'', '“', '”', '„', '‘', '’', '`', '＂', '＇'];
    text.trim_start_matches(quotes).starts_with([
        '=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫', '⁼', '⁺', '⁻', '₌', '₊', '₋', '−', '↵', '⇥',
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut row = String::new();
        push_cell(text, &mut row);
        row.trim_end_matches(',').to_owned()
    }

    #[test]
    fn no_cell_begins_a_formula() {
        let cases = [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-enc x", "'-enc x"),
            (" \t=1", "' ⇥=1"),
            ("\t=1", "'⇥=1"),
            ("\r=1", "\\u{d}=1"),
            ("\"=1", "\"'\"\"=1\""),
            ("＝1", "'＝1"),
            ("'=1", "''=1"),
            ("a;=cmd|'/c calc'!A0", "\"a;'=cmd|'/c calc'!A0\""),
            ("a; \"+1", "\"a;' \"\"+1\""),
            ("a,=1", "\"a,=1\""),
        ];
        for (text, expected) in cases {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_cell_is_never_longer_than_a_spreadsheet_can_hold() {
        for text in ["x".repeat(100_000), "\"".repeat(100_000), "\u{1b}".repeat(100_000), ";=".repeat(50_000)] {
            let shown = cell(&text);
            let content = shown.trim_matches('"').replace("\"\"", "\"");
            assert!(content.encode_utf16().count() < 32_767, "{}", content.len());
            assert!(content.contains("characters; jsonl has all)"));
        }
    }
}
