//! Logs in the W3C's Extended Log File Format: columns that a line `#Fields:` names, which may change within a file.

use std::sync::Arc;

use event::{Detector, Piece, Time};

use super::{
    decode::Escape,
    entry::{Column, Entry, Source},
    proxies::Proxies,
    shape::without_end,
    show::{Pass, Shower},
    stamp,
};
use crate::{Block, Output, Reader, json::pass::decode};

const NO_FIELDS: &str = "expected a line #Fields: that names the columns, found none before this line";
const NO_TIME: &str = "there is no date in some lines, so their time is not known";

/// Whether `head` begins with directives, of which one names columns.
pub(super) fn recognises(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.take_while(|line| line.first() == Some(&b'#')).any(|line| line.starts_with(b"#Fields:"))
}

/// What a column holds.
enum What<'a> {
    Column(Column),
    Date,
    Time,
    Other(&'a str),
}

/// What lines are read by.
#[derive(Default)]
struct Header<'a> {
    columns: Vec<What<'a>>,
    source: Source,
    /// Columns are separated by tabs (ISA Server).
    tabs: bool,
    /// The day that `#Date:` tells.
    date: Option<Time>,
}

impl<'a> Header<'a> {
    /// Reads a line that begins with `#`.
    fn directive(&mut self, line: &'a str) {
        if let Some(names) = line.strip_prefix("#Fields:") {
            let names = names.trim_matches([' ', '\t']);
            self.tabs = names.contains('\t');
            let names: Vec<&str> = names.split([' ', '\t']).filter(|name| !name.is_empty()).collect();
            self.source = source(&names);
            self.columns = names.into_iter().map(what).collect();
        } else if let Some(date) = line.strip_prefix("#Date:") {
            self.date = date.trim_ascii().get(..10).and_then(stamp::day);
        }
    }

    /// Takes a line apart.
    ///
    /// # Errors
    /// How many columns it has.
    fn entry(&self, line: &'a str, fields: &mut Vec<&'a str>) -> Result<Entry<'a>, usize> {
        let mut entry = Entry { source: self.source, escape: Escape::Plus, ..Entry::default() };
        let line = line.trim_end_matches(' ');
        fields.clear();
        fields.extend(line.split(if self.tabs { '\t' } else { ' ' }));
        let (plain, wanted) = (fields.len(), self.columns.len());
        if plain != wanted || fields.iter().any(|text| text.len() > 1 && text.starts_with('"') && text.ends_with('"')) {
            fields.clear();
            split_quoted(line, fields);
            entry.escape = Escape::Doubled;
        }
        if fields.len() != wanted {
            return Err(plain);
        }
        let (mut date, mut time) = (self.date, None);
        for (what, text) in self.columns.iter().zip(fields.iter()) {
            match what {
                What::Column(column) => entry.set_word(*column, text),
                What::Date => date = stamp::day(text),
                What::Time => time = Some(*text),
                What::Other(name) => entry.add(name, text),
            }
        }
        entry.stamp = date.zip(time).and_then(|(date, time)| stamp::on_day(date, time));
        Ok(entry)
    }
}

/// Splits a line at blanks outside of quotes; the quotes are left out.
fn split_quoted<'a>(line: &'a str, fields: &mut Vec<&'a str>) {
    let mut rest = line;
    loop {
        let inside = rest.strip_prefix('"');
        let end = inside.and_then(closing);
        let (text, behind) = match inside.zip(end) {
            Some((inside, end)) => (inside.get(..end), inside.get(end + 1..)),
            None => {
                let end = rest.find([' ', '\t']).unwrap_or(rest.len());
                (rest.get(..end), rest.get(end..))
            }
        };
        fields.push(text.unwrap_or_default());
        match behind.unwrap_or_default().strip_prefix([' ', '\t']) {
            Some(behind) => rest = behind,
            None => return,
        }
    }
}

/// Where the quote is that ends a text; two are one that is meant.
fn closing(inside: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += inside.get(at..)?.find('"')?;
        let behind = inside.get(at + 1..)?;
        if !behind.starts_with('"') {
            return (behind.is_empty() || behind.starts_with([' ', '\t'])).then_some(at);
        }
        at += 2;
    }
}

/// Whose log it is, by its columns.
fn source(names: &[&str]) -> Source {
    const IIS: [&str; 5] = ["sc-substatus", "sc-win32-status", "s-siteid", "s-sitename", "x-session"];
    const PROXY: [&str; 9] = [
        "s-action",
        "s-hierarchy",
        "sc-filter-result",
        "cs-categories",
        "cs-uri-scheme",
        "cs-protocol",
        "r-ip",
        "r-host",
        "r-dns",
    ];
    let has =
        |known: &[&str]| names.iter().any(|name| known.contains(name) || known == PROXY && name.starts_with("rs("));
    match (has(&IIS), has(&PROXY)) {
        (_, true) => Source::Proxy,
        (true, _) => Source::Iis,
        _ => Source::Access,
    }
}

fn what(name: &str) -> What<'_> {
    let column = match name {
        "date" => return What::Date,
        "time" => return What::Time,
        "c-ip" => Column::Client,
        "c-port" => Column::ClientPort,
        "cs-username" => Column::User,
        "cs-host" | "cs(Host)" | "r-host" => Column::Host,
        "s-port" | "cs-uri-port" => Column::Port,
        "s-ip" | "r-ip" => Column::ServerAddress,
        "s-computername" => Column::Computer,
        "s-sitename" => Column::Site,
        "cs-method" => Column::Method,
        "cs-uri" | "c-uri" => Column::Uri,
        "cs-uri-stem" | "cs-uri-path" => Column::Stem,
        "cs-uri-query" => Column::Query,
        "cs-uri-scheme" => Column::Scheme,
        "cs-uri-extension" => Column::Extension,
        "cs-version" => Column::Version,
        "sc-status" => Column::Status,
        "sc-bytes" | "bytes" => Column::Bytes,
        "cs-bytes" => Column::BytesReceived,
        "time-taken" => Column::TimeTaken,
        "cs(User-Agent)" | "c-agent" => Column::Agent,
        "cs(Referer)" => Column::Referer,
        "cs(Cookie)" => Column::Cookie,
        "cs(Content-Type)" => Column::ContentType,
        "cs(X-Forwarded-For)" | "X-Forwarded-For" => Column::ForwardedFor,
        other => return What::Other(other),
    };
    What::Column(column)
}

/// Reads blocks.
pub(super) struct W3cReader {
    shower: Shower,
}

impl W3cReader {
    pub(super) fn behind(proxies: Proxies) -> Self {
        Self { shower: Shower::behind(proxies) }
    }
}

impl Reader for W3cReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let text = decode(&block.bytes, block.line, &mut output.notes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut header = Header::default();
        block.header.iter().flat_map(|header| header.lines()).for_each(|line| header.directive(line));
        let mut pass = Pass::new(piece, text, block);
        let (mut start, mut fields, mut no_time) = (0, Vec::new(), false);
        while start < text.len() {
            let rest = text.as_bytes().get(start..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest).map_or(text.len(), |at| start + at + 1);
            let line = without_end(text.get(start..end).unwrap_or_default());
            if line.starts_with('#') {
                header.directive(line);
            } else if header.columns.is_empty() && !line.trim_ascii().is_empty() {
                pass.damages.push(&pass.lines, start, NO_FIELDS);
            } else if !line.trim_ascii().is_empty() {
                match header.entry(line, &mut fields) {
                    Ok(mut entry) => {
                        no_time |= entry.stamp.is_none();
                        self.shower.show(&mut pass, &mut entry, start..end, detector, output);
                    }
                    Err(found) => {
                        let reason =
                            format!("expected {} columns as #Fields: names them, found {found}", header.columns.len());
                        pass.damages.push(&pass.lines, start, &reason);
                    }
                }
            }
            start = end;
        }
        if no_time {
            output.notes.push(NO_TIME.to_owned());
        }
        pass.finish(output);
    }
}
