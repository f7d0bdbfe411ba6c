//! Where messages begin and end.

use std::io::{self, Read};

use event::Time;
use evidence::{About, Block, Borders, Cutter, LineBorders, LineRule, TextCutter};

/// How much of a line is looked at to tell whether it begins a message.
const LINE: usize = 256;
/// Header fields that tell a message from other text of names and values (RFC 5322, section 3.6).
const FIELDS: [&str; 12] = [
    "from",
    "to",
    "subject",
    "date",
    "received",
    "message-id",
    "return-path",
    "delivered-to",
    "mime-version",
    "sender",
    "reply-to",
    "content-type",
];

/// Whether text begins with a header of a message: lines that are fields, of which three are known, one of them
/// `From`, `Received` or `Return-Path`.
pub(super) fn is_message(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let (mut known, mut is_field) = (Vec::<String>::new(), false);
    for line in head.split(|byte| *byte == b'\n').take(400) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if is_field && matches!(line.first(), Some(b' ' | b'\t')) {
            continue;
        }
        let Some(name) = field_name(line) else { break };
        is_field = true;
        let name = name.to_ascii_lowercase();
        if FIELDS.contains(&name.as_str()) && !known.contains(&name) {
            known.push(name);
        }
    }
    let has = |name: &str| known.iter().any(|known| known == name);
    known.len() >= 3 && (has("from") || has("received") || has("return-path"))
}

/// The name before the colon of a header field (RFC 5322, section 2.2: printable ASCII).
fn field_name(line: &[u8]) -> Option<&str> {
    let colon = memchr::memchr(b':', line.get(..LINE).unwrap_or(line))?;
    let name = line.get(..colon)?.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(|byte| matches!(byte, b'!'..=b'9' | b';'..=b'~'));
    is_name.then(|| std::str::from_utf8(name).ok())?
}

/// Whether text begins with the line that stands before a message of a mailbox, and a message behind it.
pub(super) fn is_mailbox(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    is_from_line(line) && head.get(line.len() + 1..).is_some_and(is_message)
}

/// `From address Wed Aug 21 16:23:53 2002`, also with a zone.
fn is_from_line(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let is_year = |word: &[u8]| word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    rest.contains(&b':') && rest.split(|byte| *byte == b' ').rev().take(4).any(is_year)
}

/// Cuts mail, and tells each block when the file was written: mail that has no date is dated by that.
pub(super) struct Dated<B> {
    cutter: TextCutter<B>,
    modified: Option<Time>,
}

impl<B: Borders> Dated<B> {
    /// Cuts as `cutter` does.
    pub(super) const fn new(cutter: TextCutter<B>) -> Self {
        Self { cutter, modified: None }
    }
}

impl<B: Borders> Cutter for Dated<B> {
    fn begin(&mut self, about: About<'_>) {
        self.modified = about.modified;
    }

    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        let block = self.cutter.cut(input)?;
        Ok(block.map(|block| Block { modified: self.modified, ..block }))
    }
}

/// A file that is one record.
#[derive(Default)]
pub(crate) struct Whole;

impl Borders for Whole {
    fn last(&mut self, _buffer: &[u8], _ended: bool) -> Option<usize> {
        None
    }

    fn first(&mut self, buffer: &[u8], _ended: bool) -> Result<usize, usize> {
        Err(buffer.len())
    }

    fn passed(&mut self, _bytes: usize) {}
}

/// Messages of a mailbox.
pub(super) type Mbox = LineBorders<FromLine>;

/// A line `From …` behind an empty one.
#[derive(Default)]
pub(super) struct FromLine;

impl LineRule for FromLine {
    const AHEAD: usize = LINE;

    fn begins(text: &[u8], at: usize) -> bool {
        let (before, behind) = text.split_at_checked(at).unwrap_or_default();
        let is_behind_empty = before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n");
        let line = behind.get(..LINE).unwrap_or(behind).split(|byte| *byte == b'\n').next().unwrap_or_default();
        is_behind_empty && is_from_line(line)
    }
}

/// When the line before a message says that it came (RFC 4155), in UTC.
pub(super) fn came(line: &[u8]) -> Option<Time> {
    let line = str::from_utf8(line).ok().filter(|line| line.len() <= LINE)?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| word.contains(':')).filter(|at| *at >= 3)?;
    let (month, day, clock) = (words.get(at - 2)?, words.get(at - 1)?, words.get(at)?);
    let year =
        words.iter().skip(at + 1).find(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))?;
    let date = mail_parser::DateTime::parse_rfc822(&format!("{day} {month} {year} {clock} +0000"))?;
    super::message::moment(&date)
}

/// The messages of a block of a mailbox, each with where it begins: behind its `From ` line.
pub(super) fn messages(block: &[u8]) -> Vec<(usize, &[u8])> {
    let starts = memchr::memmem::find_iter(block, b"\nFrom ").map(|at| at + 1);
    let mut borders: Vec<usize> = starts.filter(|at| FromLine::begins(block, *at)).collect();
    borders.push(block.len());
    let mut begin = 0;
    let mut found = Vec::new();
    for end in borders {
        let bytes = block.get(begin..end).unwrap_or_default();
        let line = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        let line = if bytes.starts_with(b"From ") { line } else { 0 };
        if let Some(message) = bytes.get(line..).filter(|message| !message.trim_ascii().is_empty()) {
            found.push((begin, message));
        }
        begin = end;
    }
    found
}
