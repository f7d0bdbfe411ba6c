//! What stands in a history: commands with their times.

use std::{borrow::Cow, ops::Range};

use super::History;

/// What may replace a byte in zsh's files (`Meta` in zsh's `Src/zsh.h`).
const META: u8 = 0x83;

/// A command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// All that belongs to it.
    pub(super) range: Range<usize>,
    /// Seconds since 1970.
    pub(super) time: Option<i64>,
    /// How long it ran, in seconds, where that is told.
    pub(super) duration: Option<i64>,
    pub(super) command: Cow<'a, [u8]>,
}

/// Takes what stands in a history, in its order.
pub(super) trait Sink<'a> {
    fn entry(&mut self, entry: Entry<'a>);
    /// A line that is no part of a command.
    fn damage(&mut self, at: usize, reason: &str);
    /// A time without a command.
    fn lone_time(&mut self, at: usize);
}

/// Goes through a history, or a block of it.
pub(super) fn each<'a>(history: History, bytes: &'a [u8], sink: &mut dyn Sink<'a>) {
    let mut lines = Lines { bytes, at: if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 } };
    match history {
        History::Timed => timed(&mut lines, sink),
        History::Zsh => joined(&mut lines, b'\\', &mut |range, command| sink.entry(zsh(range, command))),
        History::PowerShell => joined(&mut lines, b'`', &mut |range, command| {
            sink.entry(Entry { range, command, ..Entry::default() });
        }),
        History::Fish => fish(&mut lines, sink),
        History::Lines => {
            for (range, line) in lines {
                sink.entry(Entry { range, command: Cow::Borrowed(line), ..Entry::default() });
            }
        }
    }
}

/// Lines that are not empty, without their ends.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// The next line, empty or not.
    fn any(&mut self) -> Option<(Range<usize>, &'a [u8])> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let range = self.at..self.at + end;
        self.at = range.end;
        let line = rest.get(..end)?;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some((range, line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (Range<usize>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (range, line) = self.any()?;
            if !line.trim_ascii().is_empty() {
                return Some((range, line));
            }
        }
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    let is_number = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// The seconds of `#1700000000`.
pub(super) fn time_line(line: &[u8]) -> Option<i64> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_prefix(b"#").filter(|digits| digits.len() == 10).and_then(number)
}

/// Begin, duration and command of `: 1700000000:0;command`.
pub(super) fn extended(line: &[u8]) -> Option<(i64, i64, &[u8])> {
    let rest = line.strip_prefix(b":")?.trim_ascii_start();
    let colon = memchr::memchr(b':', rest.get(..20).unwrap_or(rest))?;
    let (begin, rest) = (rest.get(..colon)?, rest.get(colon + 1..)?);
    let semicolon = memchr::memchr(b';', rest.get(..20).unwrap_or(rest))?;
    let (duration, command) = (rest.get(..semicolon)?, rest.get(semicolon + 1..)?);
    Some((number(begin)?, number(duration)?, command))
}

/// A command of bash that is being gathered.
struct Open {
    /// Where its time stands, or else the command itself.
    start: usize,
    time: Option<i64>,
    command: Option<Range<usize>>,
}

impl Open {
    fn finish<'a>(self, bytes: &'a [u8], sink: &mut dyn Sink<'a>) {
        let Self { start, time, command } = self;
        let end = command.as_ref().map_or(start, |range| range.end);
        let text = command.and_then(|range| bytes.get(range)).unwrap_or_default();
        let text = text.strip_suffix(b"\n").map_or(text, |text| text.strip_suffix(b"\r").unwrap_or(text));
        if !text.trim_ascii().is_empty() {
            sink.entry(Entry { range: start..end, time, duration: None, command: Cow::Borrowed(text) });
        } else if time.is_some() {
            sink.lone_time(start);
        }
    }
}

/// bash with times. A time behind a time is a command that looks like one if a third follows; lines before the first time are commands
/// of their own.
fn timed<'a>(lines: &mut Lines<'a>, sink: &mut dyn Sink<'a>) {
    let mut open = Open { start: lines.at, time: None, command: None };
    let mut ahead = lines.any();
    while let Some((range, line)) = ahead {
        ahead = lines.any();
        let time = time_line(line);
        let next_is_time = ahead.as_ref().is_none_or(|(_, line)| time_line(line).is_some());
        let is_command = time.is_none() || open.time.is_some() && open.command.is_none() && next_is_time;
        if is_command && open.time.is_some() {
            let start = open.command.as_ref().map_or(range.start, |known| known.start);
            open.command = Some(start..range.end);
        } else {
            let (start, command) = (range.start, is_command.then_some(range));
            std::mem::replace(&mut open, Open { start, time, command }).finish(lines.bytes, sink);
        }
    }
    open.finish(lines.bytes, sink);
}

/// Lines that go on behind one that ends with `joint`, which then stands for the line end.
fn joined<'a>(lines: &mut Lines<'a>, joint: u8, found: &mut dyn FnMut(Range<usize>, Cow<'a, [u8]>)) {
    while let Some((mut range, line)) = lines.next() {
        let mut command = Cow::Borrowed(line);
        while command.last() == Some(&joint) {
            let Some((more, line)) = lines.any() else { break };
            range.end = more.end;
            let text = command.to_mut();
            text.pop();
            text.push(b'\n');
            text.extend(line);
        }
        found(range, command);
    }
}

/// An entry of zsh, with or without a time.
fn zsh(range: Range<usize>, text: Cow<'_, [u8]>) -> Entry<'_> {
    let told = extended(&text).map(|(begin, duration, command)| (begin, duration, text.len() - command.len()));
    let (time, duration, start) = match told {
        Some((begin, duration, start)) => (Some(begin), Some(duration), start),
        // A backslash keeps a command from looking like a time.
        None => (None, None, usize::from(text.starts_with(b"\\:"))),
    };
    // A blank keeps a backslash at the end from joining lines.
    let end = text.len() - usize::from(text.ends_with(b"\\ "));
    let command = match text {
        Cow::Borrowed(text) => unmetafied(text.get(start..end).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(unmetafied(text.get(start..end).unwrap_or_default()).into_owned()),
    };
    Entry { range, time, duration, command }
}

/// Decodes the bytes that zsh stores as two (`unmetafy` in zsh's `Src/utils.c`).
fn unmetafied(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(META, text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == META { bytes.next().map_or(META, |next| next ^ 0x20) } else { *byte });
    }
    Cow::Owned(plain)
}

/// Items `- cmd: …` with what is indented below them.
fn fish<'a>(lines: &mut Lines<'a>, sink: &mut dyn Sink<'a>) {
    let mut open: Option<Entry<'a>> = None;
    for (range, line) in lines {
        if let Some(command) = line.strip_prefix(b"- cmd: ") {
            let entry = Entry { range, command: unescaped(command), ..Entry::default() };
            if let Some(entry) = open.replace(entry) {
                sink.entry(entry);
            }
            continue;
        }
        match &mut open {
            Some(entry) if line.starts_with(b" ") => {
                entry.range.end = range.end;
                let time = line.strip_prefix(b"  when: ").and_then(number);
                entry.time = entry.time.or(time);
            }
            _ => sink.damage(range.start, "expected '- cmd: ' or what is indented below it, found another line"),
        }
    }
    if let Some(entry) = open {
        sink.entry(entry);
    }
}

/// Decodes fish's `\\` and `\n`.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        let (decoded, length) = match (byte, behind.first()) {
            (b'\\', Some(b'\\')) => (b'\\', 1),
            (b'\\', Some(b'n')) => (b'\n', 1),
            _ => (*byte, 0),
        };
        plain.push(decoded);
        rest = behind.get(length..).unwrap_or_default();
    }
    Cow::Owned(plain)
}
