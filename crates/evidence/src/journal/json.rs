//! Entries as JSON: an object whose values are text, `null` for text that is too long, an array of numbers for bytes that are no
//! printable text, or an array of these for a field of several values.

use std::borrow::Cow;

use memchr::{memchr3, memmem};

use super::{
    entry::Entry,
    read::{Entries, Sink},
};
use crate::json::{pass::decode, unescape};

/// What stands before an entry in `-o json-sse` and `-o json-seq`.
const EVENT: &str = "data: ";
const SEPARATOR: u8 = 0x1e;

/// Whether `head` is the beginning of the journal as JSON.
pub(super) fn recognises(head: &[u8]) -> bool {
    let text = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let Gap::Entry(start) = gap(text, 0) else { return false };
    let mut parser = Parser { text, at: start, hidden: false };
    match parser.entry() {
        Ok(entry) => {
            entry.has("__REALTIME_TIMESTAMP") || entry.has("__CURSOR") || entry.has("_BOOT_ID") && entry.has("MESSAGE")
        }
        // Cut short, or damaged.
        Err(_) => [r#""__REALTIME_TIMESTAMP""#, r#""__CURSOR""#]
            .iter()
            .any(|name| memmem::find(head, name.as_bytes()).is_some()),
    }
}

/// Entries as JSON.
#[derive(Debug, Default)]
pub(super) struct JsonEntries;

impl Entries for JsonEntries {
    fn text<'b>(bytes: &'b [u8], line: u64, notes: &mut Vec<String>) -> Cow<'b, [u8]> {
        match decode(bytes, line, notes) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    }

    fn each<'a>(bytes: &'a [u8], sink: &mut dyn Sink<'a>) {
        // `text` has made it UTF-8.
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let mut at = 0;
        loop {
            match gap(text, at) {
                Gap::End => return,
                Gap::Other(start, end) => {
                    sink.damage(start, "expected a JSON object, found another line");
                    at = end;
                }
                Gap::Entry(start) => {
                    let mut parser = Parser { text, at: start, hidden: false };
                    match parser.entry() {
                        Ok(entry) => {
                            at = parser.at;
                            sink.entry(entry, start..at);
                        }
                        Err(reason) => {
                            sink.damage(start, &reason);
                            at = resume(text, start);
                        }
                    }
                }
            }
        }
    }
}

/// What stands between entries.
enum Gap {
    /// An entry begins here.
    Entry(usize),
    /// A line that is no part of an entry, with its end.
    Other(usize, usize),
    End,
}

fn gap(text: &str, mut at: usize) -> Gap {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        at += match rest.as_bytes().first() {
            None => return Gap::End,
            Some(b'{') => return Gap::Entry(at),
            Some(b' ' | b'\t' | b'\r' | b'\n' | b'[' | b']' | b',' | &SEPARATOR) => 1,
            Some(_) if rest.starts_with(EVENT) => EVENT.len(),
            Some(_) if rest.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
            Some(_) => {
                let end = rest.find('\n').unwrap_or(rest.len());
                return Gap::Other(at, at + end);
            }
        };
    }
}

/// Where to go on behind an entry that could not be read: at the next line that begins one.
fn resume(text: &str, start: usize) -> usize {
    let lines = memchr::memchr_iter(b'\n', text.as_bytes().get(start..).unwrap_or_default());
    let begins = |line: &str| line.starts_with(['{', char::from(SEPARATOR)]) || line.starts_with(EVENT);
    lines.map(|at| start + at + 1).find(|at| begins(text.get(*at..).unwrap_or_default())).unwrap_or(text.len())
}

/// Reads one object.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    hidden: bool,
}

impl<'a> Parser<'a> {
    fn entry(&mut self) -> Result<Entry<'a>, String> {
        let mut entry = Entry::default();
        self.expect(b'{')?;
        if self.next() == Some(b'}') {
            self.at += 1;
            return Ok(entry);
        }
        loop {
            let (start, end) = self.string()?;
            let name = self.text.get(start..end).unwrap_or_default();
            self.expect(b':')?;
            self.value(name, &mut entry)?;
            if self.ends(b'}')? {
                entry.hidden = self.hidden;
                return Ok(entry);
            }
        }
    }

    /// The next byte that is no blank; stays before it.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    fn unexpected<T>(&mut self, expected: &str) -> Result<T, String> {
        Err(match self.next() {
            Some(found @ b'!'..=b'~') => format!("expected {expected}, found '{}'", char::from(found)),
            Some(found) => format!("expected {expected}, found byte {found:#04x}"),
            None => format!("expected {expected}, found the end"),
        })
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.next() != Some(byte) {
            return self.unexpected(&format!("'{}'", char::from(byte)));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether the object or array ends; otherwise passes the comma.
    fn ends(&mut self, bracket: u8) -> Result<bool, String> {
        match self.next() {
            Some(b',') => {}
            Some(found) if found == bracket => {}
            _ => return self.unexpected(&format!("',' or '{}'", char::from(bracket))),
        }
        let ended = self.next() == Some(bracket);
        self.at += 1;
        Ok(ended)
    }

    /// Where a string's inside begins and ends.
    fn string(&mut self) -> Result<(usize, usize), String> {
        if self.next() != Some(b'"') {
            return self.unexpected("'\"'");
        }
        let start = self.at + 1;
        let mut at = start;
        loop {
            let rest = self.text.as_bytes().get(at..).unwrap_or_default();
            at += memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
            match self.text.as_bytes().get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.hidden |= self.text.as_bytes().get(at + 1) == Some(&b'u');
                    at += 2;
                }
                Some(_) => return Err("expected the end of a string, found the line's end".to_owned()),
                None => return Err("expected the end of a string, found the end".to_owned()),
            }
        }
        self.at = at + 1;
        Ok((start, at))
    }

    fn value(&mut self, name: &'a str, entry: &mut Entry<'a>) -> Result<(), String> {
        match self.next() {
            Some(b'[') => self.array(name, entry),
            _ => self.single(name, entry),
        }
    }

    fn single(&mut self, name: &'a str, entry: &mut Entry<'a>) -> Result<(), String> {
        match self.next() {
            Some(b'"') => {
                let (start, end) = self.string()?;
                entry.add(name, Some(unescaped(self.text.get(start..end).unwrap_or_default())))
            }
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => match self.literal() {
                "null" => entry.add(name, None),
                text => entry.add(name, Some(Cow::Borrowed(text))),
            },
            _ => self.unexpected("text, a number, an array or null"),
        }
    }

    /// A number or word.
    fn literal(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = rest.bytes().take_while(|byte| is_part(*byte)).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Bytes, or several values each of which may be bytes.
    fn array(&mut self, name: &'a str, entry: &mut Entry<'a>) -> Result<(), String> {
        self.expect(b'[')?;
        match self.next() {
            Some(b'0'..=b'9') => {
                let bytes = self.bytes()?;
                return entry.add_bytes(name, Cow::Owned(bytes));
            }
            Some(b']') => {
                self.at += 1;
                return entry.add(name, Some(Cow::Borrowed("")));
            }
            _ => {}
        }
        loop {
            if self.next() == Some(b'[') {
                self.at += 1;
                let bytes = self.bytes()?;
                entry.add_bytes(name, Cow::Owned(bytes))?;
            } else {
                self.single(name, entry)?;
            }
            if self.ends(b']')? {
                return Ok(());
            }
        }
    }

    /// Numbers behind `[`, to the bracket that closes it.
    fn bytes(&mut self) -> Result<Vec<u8>, String> {
        self.hidden = true;
        let mut bytes = Vec::new();
        loop {
            let at = self.next().map(|_| self.at).unwrap_or_default();
            match self.literal().parse::<u8>() {
                Ok(byte) => bytes.push(byte),
                Err(_) => {
                    self.at = at;
                    return self.unexpected("a number from 0 to 255");
                }
            }
            if self.ends(b']')? {
                return Ok(bytes);
            }
        }
    }
}

fn unescaped(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = String::new();
    unescape(raw, &mut text);
    Cow::Owned(text)
}
