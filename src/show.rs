//! `dreamcatcher show`: one record whole, with its neighbours.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read, Write},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use event::{Event, Everything};
use evidence::{Format, Limits, Opened, Output};
use report::plain;

use crate::{
    cli::ShowArguments,
    formats,
    site::Site,
    status::{Status, WithStatus},
};

/// Longer lines are shown up to here.
const MAX_LINE: u64 = 1 << 20;

/// Runs the subcommand.
pub fn run(arguments: &ShowArguments) -> Result<Status> {
    let Some((path, is_byte, number)) = place(&arguments.place) else {
        bail!(
            "expected a place such as Security.evtx#4711, events.jsonl#L12 or events.json#@3456, found '{}'",
            arguments.place
        );
    };
    let mut opened = evidence::open_one(path, &Limits::default())
        .map_err(|error| WithStatus(Status::Unreadable, format!("cannot read {path}: {error}")))?;
    let formats = formats::knowing(&Site::default());
    let format = formats.iter().find(|format| format.recognises(opened.head(), &opened.name));
    let format = format.or_else(|| formats.iter().find(|format| format.takes_unknown()));
    match format {
        _ if is_byte => show_from(opened, path, number),
        Some(format) if format.name() == "evtx" => show_records(&mut opened, path, number, arguments.context),
        Some(format) if opened.head().contains(&0) => show_fields(&**format, &mut opened, path, number),
        _ => show_lines(opened, path, number, arguments.context),
    }
}

/// Shows a record of a format that is no text: what rules see of it.
fn show_fields(format: &dyn Format, opened: &mut Opened, path: &str, number: u64) -> Result<Status> {
    let piece = Arc::clone(&opened.piece);
    let (mut cutter, mut reader) = (format.cutter(), format.reader());
    while let Some(block) = cutter.cut(opened).with_context(|| format!("cannot read {path}"))? {
        let mut found = None;
        let mut looking = Everything(|event: &Event<'_>| {
            if event.record.position().number() == number {
                found = Some(fields(event));
            }
        });
        reader.read(&piece, &block, &mut looking, &mut Output::default());
        if let Some(fields) = found {
            let mut out = io::stdout().lock();
            writeln!(out, "==> record {number}")?;
            fields.iter().try_for_each(|(name, value)| writeln!(out, "{name}: {}", plain(value)))?;
            return Ok(Status::Finished);
        }
    }
    bail!("{path} has no record {number}")
}

/// All that rules can see of an event.
fn fields(event: &Event<'_>) -> Vec<(String, String)> {
    let mut fields = vec![("time".to_owned(), event.time.map(|time| time.to_string()).unwrap_or_default())];
    event.record.visit(&mut |name, value| fields.push((name.to_owned(), value.text().into_owned())));
    fields
}

/// The path, and the number behind `#` (a record), `#L` (a line) or `#@` (a byte, which is told of it).
fn place(text: &str) -> Option<(&str, bool, u64)> {
    let (path, number) = text.rsplit_once('#')?;
    let byte = number.strip_prefix('@');
    Some((path, byte.is_some(), byte.unwrap_or(number.strip_prefix('L').unwrap_or(number)).parse().ok()?))
}

/// Shows the record of JSON or XML that begins at a byte.
fn show_from(mut reader: impl Read, path: &str, byte: u64) -> Result<Status> {
    let mut bytes = Vec::new();
    let read = io::copy(&mut reader.by_ref().take(byte), &mut io::sink());
    read.and_then(|_| reader.take(MAX_LINE).read_to_end(&mut bytes)).with_context(|| format!("cannot read {path}"))?;
    if bytes.is_empty() {
        bail!("{path} has no byte {byte}");
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut out = io::stdout().lock();
    writeln!(out, "==> byte {byte}")?;
    spread(first_record(&text)).lines().try_for_each(|line| writeln!(out, "{}", plain(line)))?;
    Ok(Status::Finished)
}

/// The record that a text begins with: a value of JSON, an event of XML, or else its first line.
fn first_record(text: &str) -> &str {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let end = match values.next() {
        Some(Ok(_)) => values.byte_offset(),
        _ if text.trim_start().starts_with('<') => event_end(text).unwrap_or(text.len()),
        _ => text.find('\n').unwrap_or(text.len()),
    };
    text.get(..end).unwrap_or(text)
}

fn show_records(reader: &mut dyn Read, path: &str, number: u64, context: usize) -> Result<Status> {
    let records = evidence::show(reader, number, context).with_context(|| format!("cannot read {path}"))?;
    if !records.iter().any(|record| record.id == number) {
        bail!("{path} has no record {number}");
    }
    let mut out = io::stdout().lock();
    for record in records {
        let written = record.written.map(|time| time.to_string()).unwrap_or_default();
        let mark = if record.id == number { "==>" } else { "---" };
        writeln!(out, "{mark} record {}, written {written}", record.id)?;
        match &record.xml {
            Ok(xml) => xml.lines().try_for_each(|line| writeln!(out, "{}", plain(line)))?,
            Err(reason) => writeln!(out, "not readable: {}", plain(reason))?,
        }
        writeln!(out)?;
    }
    Ok(Status::Finished)
}

/// Shows the record that begins on a line, and the lines around it; JSON is spread out.
fn show_lines(reader: impl Read, path: &str, number: u64, context: usize) -> Result<Status> {
    let mut lines = Lines { reader: BufReader::new(reader), number: 0 };
    let mut before = VecDeque::new();
    let first = loop {
        let Some(text) = lines.next()? else { bail!("{path} has no line {number}") };
        if lines.number == number {
            break text;
        }
        before.push_back((lines.number, text));
        if before.len() > context {
            before.pop_front();
        }
    };
    let mut out = io::stdout().lock();
    before.iter().try_for_each(|(line, text)| show_neighbour(&mut out, *line, text))?;
    let record = lines.rest_of_record(first)?;
    writeln!(out, "==> line {number}")?;
    spread(&record).lines().try_for_each(|line| writeln!(out, "{}", plain(line)))?;
    writeln!(out)?;
    for _ in 0..context {
        let Some(text) = lines.next()? else { break };
        show_neighbour(&mut out, lines.number, &text)?;
    }
    Ok(Status::Finished)
}

fn show_neighbour(out: &mut impl Write, line: u64, text: &str) -> io::Result<()> {
    writeln!(out, "--- line {line}\n{}\n", plain(&shortened(text)))
}

/// Lines of text, counted from 1.
struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        if self.reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        if bytes.last() != Some(&b'\n') && bytes.len() as u64 == MAX_LINE {
            skip_line(&mut self.reader)?;
        }
        self.number += 1;
        Ok(Some(String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned()))
    }

    /// The record that begins with the line `record`: to the brace or the tag that closes it.
    fn rest_of_record(&mut self, mut record: String) -> io::Result<String> {
        let is_xml = record.trim_start().starts_with('<');
        let mut depth = open_braces(&record);
        let mut closed = closes_event(&record);
        while (if is_xml { !closed } else { depth > 0 }) && (record.len() as u64) < MAX_LINE {
            let Some(line) = self.next()? else { break };
            depth += open_braces(&line);
            closed = closes_event(&line);
            record.push('\n');
            record.push_str(&line);
        }
        Ok(record)
    }
}

/// How many more braces a line of JSON opens than it closes.
fn open_braces(line: &str) -> i64 {
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for byte in line.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => depth -= 1,
            _ => {}
        }
    }
    depth
}

/// Whether a line of XML holds the closing tag of an event, of any namespace prefix.
fn closes_event(line: &str) -> bool {
    event_end(line).is_some()
}

/// Where the first closing tag of an event ends.
fn event_end(text: &str) -> Option<usize> {
    let closing = text.match_indices("Event>").find(|(at, _)| {
        let before = text.get(..*at).unwrap_or_default();
        before.ends_with('/') || before.ends_with(':') && before.rfind('<') == before.rfind("</")
    });
    closing.map(|(at, word)| at + word.len())
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let mut rest = Vec::new();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut rest)?;
        if read == 0 || rest.last() == Some(&b'\n') {
            return Ok(());
        }
    }
}

fn spread(text: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(text.trim_end_matches(','));
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| text.to_owned())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
