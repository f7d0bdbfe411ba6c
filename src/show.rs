//! `dreamcatcher show`: one record whole, with its neighbours.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read, Write},
};

use anyhow::{Context, Result, bail};
use evidence::Limits;
use report::plain;

use crate::{
    cli::ShowArguments,
    status::{Status, WithStatus},
};

/// Longer lines are shown up to here.
const MAX_LINE: u64 = 1 << 20;

/// Runs the subcommand.
pub fn run(arguments: &ShowArguments) -> Result<Status> {
    let Some((path, number)) = place(&arguments.place) else {
        bail!("expected a place such as Security.evtx#4711 or events.jsonl#L12, found '{}'", arguments.place);
    };
    let mut opened = evidence::open_one(path, &Limits::default())
        .map_err(|error| WithStatus(Status::Unreadable, format!("cannot read {path}: {error}")))?;
    let is_event_log = evidence::Format::recognises(&evidence::Evtx, opened.head(), &opened.name);
    if is_event_log {
        show_records(&mut opened, path, number, arguments.context)
    } else {
        show_lines(opened, path, number, arguments.context)
    }
}

/// The path, and the number behind `#` (a record) or `#L` (a line).
fn place(text: &str) -> Option<(&str, u64)> {
    let (path, number) = text.rsplit_once('#')?;
    Some((path, number.strip_prefix('L').unwrap_or(number).parse().ok()?))
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

/// Shows a line of text; JSON that stands on one line is spread out.
fn show_lines(reader: impl Read, path: &str, number: u64, context: usize) -> Result<Status> {
    let mut reader = BufReader::new(reader);
    let mut before = VecDeque::new();
    let mut out = io::stdout().lock();
    let mut seen = false;
    for line in 1..=number.saturating_add(context as u64) {
        let Some(text) = read_line(&mut reader)? else { break };
        if line < number {
            before.push_back((line, text));
            if before.len() > context {
                before.pop_front();
            }
            continue;
        }
        for (line, text) in before.drain(..) {
            writeln!(out, "--- line {line}\n{}\n", plain(&shortened(&text)))?;
        }
        if line == number {
            seen = true;
            writeln!(out, "==> line {line}")?;
            spread(&text).lines().try_for_each(|line| writeln!(out, "{}", plain(line)))?;
            writeln!(out)?;
        } else {
            writeln!(out, "--- line {line}\n{}\n", plain(&shortened(&text)))?;
        }
    }
    if !seen {
        bail!("{path} has no line {number}");
    }
    Ok(Status::Finished)
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.last() != Some(&b'\n') && bytes.len() as u64 == MAX_LINE {
        skip_line(reader)?;
    }
    Ok(Some(String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned()))
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
