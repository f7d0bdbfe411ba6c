//! Entries in the export format: lines `NAME=value`; a value that is not printable text stands behind a line with the name alone,
//! as its length in eight bytes (little endian), the bytes, and a line end; an empty line ends an entry.

use std::{borrow::Cow, ops::Range};

use memchr::{memchr, memmem};

use super::{
    entry::Entry,
    read::{Entries, Sink},
};
use crate::cut::{Borders, MAX_RECORD, TextCutter};

/// Longest name of a field (systemd's `journal_field_valid`).
const MAX_NAME: usize = 64;
const LENGTH: usize = 8;

const NO_FIELD: &str = "expected a field with a name and '=' or a length, found another line";

/// What stands next.
enum Step {
    Field {
        name: Range<usize>,
        value: Range<usize>,
        end: usize,
    },
    /// The empty line behind an entry.
    End(usize),
    /// A line that is no field, with its end.
    Broken(usize),
    /// What is there does not say.
    More,
}

fn is_name(name: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    (1..=MAX_NAME).contains(&name.len()) && name.iter().all(is_part)
}

/// Looks at what stands at `at`; `ended`: nothing follows `bytes`.
fn step(bytes: &[u8], at: usize, ended: bool) -> Step {
    let rest = bytes.get(at..).unwrap_or_default();
    let line = match memchr(b'\n', rest) {
        Some(end) => rest.get(..end).unwrap_or_default(),
        None if rest.is_empty() || !ended => return Step::More,
        None => rest,
    };
    let end = (at + line.len() + 1).min(bytes.len());
    if line.is_empty() {
        return Step::End(end);
    }
    let equals = memchr(b'=', line).unwrap_or(line.len());
    if !line.get(..equals).is_some_and(is_name) {
        return Step::Broken(end);
    }
    let name = at..at + equals;
    if equals < line.len() {
        return Step::Field { name, value: at + equals + 1..at + line.len(), end };
    }
    binary(bytes, name, end, ended)
}

/// A value behind its length, which stands at `start`.
fn binary(bytes: &[u8], name: Range<usize>, start: usize, ended: bool) -> Step {
    let unknown = || if ended { Step::Broken(start) } else { Step::More };
    let Some((length, rest)) = bytes.get(start..).and_then(|rest| rest.split_first_chunk::<LENGTH>()) else {
        return unknown();
    };
    let length = u64::from_le_bytes(*length);
    let Some(length) = usize::try_from(length).ok().filter(|length| *length <= MAX_RECORD) else {
        return Step::Broken(start);
    };
    let value = start + LENGTH..start + LENGTH + length;
    match rest.get(length) {
        Some(b'\n') => Step::Field { name, end: value.end + 1, value },
        None if ended && rest.len() == length => Step::Field { name, end: value.end, value },
        Some(_) => Step::Broken(start),
        None => unknown(),
    }
}

/// Whether `head` is the beginning of the journal in its export format, or of a piece of it.
pub(super) fn recognises(head: &[u8]) -> bool {
    const TIME: &[u8] = b"__REALTIME_TIMESTAMP=";
    let begins = matches!(step(head, 0, false), Step::Field { .. } | Step::End(_));
    begins && memmem::find_iter(head, TIME).any(|at| at == 0 || head.get(at - 1) == Some(&b'\n'))
}

/// Cuts one piece.
pub(super) type ExportCutter = TextCutter<ExportBorders>;

/// Finds the ends of entries by going from field to field.
#[derive(Default)]
pub(super) struct ExportBorders {
    /// Where the next field begins.
    at: usize,
    /// Up to where the line at `at` is known not to end.
    searched: usize,
}

impl ExportBorders {
    /// The next border.
    fn next(&mut self, buffer: &[u8], ended: bool) -> Option<usize> {
        loop {
            // A long line is not searched from its beginning each time more of it is there.
            let new = buffer.get(self.searched.max(self.at)..).unwrap_or_default();
            if self.searched > self.at && !ended && memchr(b'\n', new).is_none() {
                self.searched = buffer.len();
                return None;
            }
            match step(buffer, self.at, ended) {
                Step::Field { end, .. } | Step::Broken(end) => self.at = end,
                Step::End(end) => {
                    self.at = end;
                    return Some(end);
                }
                Step::More => {
                    let rest = buffer.get(self.at..).unwrap_or_default();
                    self.searched = if memchr(b'\n', rest).is_none() { buffer.len() } else { 0 };
                    return None;
                }
            }
        }
    }
}

impl Borders for ExportBorders {
    fn last(&mut self, buffer: &[u8], ended: bool) -> Option<usize> {
        std::iter::from_fn(|| self.next(buffer, ended)).last()
    }

    fn first(&mut self, buffer: &[u8], ended: bool) -> Result<usize, usize> {
        self.next(buffer, ended).ok_or(self.at.min(buffer.len()))
    }

    fn passed(&mut self, bytes: usize) {
        self.at = self.at.saturating_sub(bytes);
        self.searched = self.searched.saturating_sub(bytes);
    }
}

/// Entries in the export format.
#[derive(Debug, Default)]
pub(super) struct ExportEntries;

impl Entries for ExportEntries {
    fn text<'b>(bytes: &'b [u8], _line: u64, _notes: &mut Vec<String>) -> Cow<'b, [u8]> {
        Cow::Borrowed(bytes)
    }

    fn each<'a>(bytes: &'a [u8], sink: &mut dyn Sink<'a>) {
        let (mut at, mut start) = (0, 0);
        let mut entry = Entry::default();
        let mut fault: Option<String> = None;
        loop {
            let end = match step(bytes, at, true) {
                Step::Field { name, value, end } => {
                    let name = bytes.get(name).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
                    let value = Cow::Borrowed(bytes.get(value).unwrap_or_default());
                    fault = fault.or(entry.add_bytes(name, value).err());
                    at = end;
                    continue;
                }
                Step::Broken(end) => {
                    fault.get_or_insert_with(|| NO_FIELD.to_owned());
                    at = end;
                    continue;
                }
                Step::End(end) => Some(end),
                Step::More => None,
            };
            let entry = std::mem::take(&mut entry);
            match fault.take() {
                Some(reason) => sink.damage(start, &reason),
                None if entry.fields.is_empty() => {}
                None => sink.entry(entry, start..at),
            }
            let Some(end) = end else { return };
            (at, start) = (end, end);
        }
    }
}
