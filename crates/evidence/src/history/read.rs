//! Reads blocks of a history.

use std::sync::Arc;

use event::{Detector, LogSource, Piece, Position, Time, Value, Wanted};

use super::{
    History,
    entries::{Entry, Sink, each},
    shell,
};
use crate::{
    Block, Output, Reader,
    few::{FewFields, Field},
    json::pass::{Damages, Lines, Words, count, many_lines},
};

const NO_TIMES: &str = "the history has no times";

/// Reads blocks of one way of writing.
pub(super) struct HistoryReader {
    history: History,
}

impl HistoryReader {
    pub(super) fn new(history: History) -> Self {
        Self { history }
    }
}

/// A block that is being read.
struct Pass<'a, 'r> {
    piece: &'r Arc<Piece>,
    bytes: &'a [u8],
    lines: Lines<'a>,
    words: Words,
    damages: Damages,
    source: LogSource<'r>,
    user: &'r str,
    wanted: Wanted,
    detector: &'r mut dyn Detector,
    output: &'r mut Output,
    no_times: bool,
    /// The first line of a command that is not UTF-8, and how many more there are; the same for times without a command.
    broken: Option<(u64, usize)>,
    lone: Option<(u64, usize)>,
}

impl Reader for HistoryReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let name = piece.path.rsplit(['/', '\\']).next().unwrap_or_default();
        let told = shell(name).unwrap_or_default();
        let source = match self.history {
            History::PowerShell => {
                LogSource { product: "windows", channel: "PSReadLine", provider: "PSReadLine", event_id: 0 }
            }
            History::Timed => shell_source("bash"),
            History::Zsh => shell_source("zsh"),
            History::Fish => shell_source("fish"),
            History::Lines => shell_source(&told),
        };
        let mut pass = Pass {
            piece,
            bytes: &block.bytes,
            lines: Lines::new(&block.bytes, block.line),
            words: Words::default(),
            damages: Damages::default(),
            wanted: Wanted::of(&source, detector),
            source,
            user: user(&piece.path),
            detector,
            output,
            no_times: false,
            broken: None,
            lone: None,
        };
        each(self.history, &block.bytes, &mut pass);
        pass.end();
    }
}

fn shell_source(shell: &str) -> LogSource<'_> {
    LogSource { product: "linux", channel: "shell_history", provider: shell, event_id: 0 }
}

/// Whose home a file lies in; empty where its path does not tell.
fn user(path: &str) -> &str {
    let mut folders = path.split(['/', '\\', '!']).rev().skip(1).filter(|folder| !folder.is_empty()).peekable();
    let mut inner = "";
    while let Some(folder) = folders.next() {
        if folder.eq_ignore_ascii_case("home") || folder.eq_ignore_ascii_case("Users") {
            return inner;
        }
        // A home of its own: `/root`, `/var/root`.
        if folder == "root" && folders.peek().is_none_or(|above| !above.eq_ignore_ascii_case("home")) {
            return folder;
        }
        inner = folder;
    }
    ""
}

impl Pass<'_, '_> {
    fn end(mut self) {
        let notes = &mut self.output.notes;
        if self.no_times {
            notes.push(NO_TIMES.to_owned());
        }
        let told = [
            (self.broken, "bytes that are not UTF-8 were read as U+FFFD"),
            (self.lone, "a time without a command, which may have been removed"),
        ];
        for (places, what) in told {
            if let Some((first, more)) = places {
                notes.push(format!("{}: {what}", many_lines(first, more)));
            }
        }
        self.output.damages.append(&mut self.damages.list);
    }
}

impl<'a> Sink<'a> for Pass<'a, '_> {
    fn entry(&mut self, entry: Entry<'a>) {
        self.output.records += 1;
        self.damages.good();
        self.no_times |= entry.time.is_none();
        let line = self.lines.line(entry.range.start);
        if std::str::from_utf8(&entry.command).is_err() {
            count(&mut self.broken, line);
        }
        let interest = &self.wanted.interest;
        if !interest.wanted {
            return;
        }
        let (words, bytes, detector) = (&mut self.words, self.bytes, &mut *self.detector);
        // Escapes of zsh and fish stand for none of the plain characters.
        let may_stand = |group| words.may_stand(group, bytes, entry.range.clone(), Vec::new, detector);
        let text = interest.text.is_some_and(may_stand);
        let command = String::from_utf8_lossy(&entry.command);
        let told = |name, value| Field { name, value, stands: false };
        let mut fields = vec![
            Field { name: "command", value: Value::Text(&command), stands: true },
            told("program", Value::Text(self.source.provider)),
            told("user", Value::Text(self.user)),
        ];
        fields.extend(entry.duration.map(|seconds| told("duration", Value::Int(seconds))));
        fields.retain(|field| !field.value.is_empty());
        let record = FewFields { source: self.source, position: Position::Line(line), fields: &fields };
        let time = entry.time.and_then(|seconds| Some(Time::from_nanos(seconds.checked_mul(1_000_000_000)?)));
        record.show(&self.wanted, self.piece, time, text, self.detector, self.output);
    }

    fn damage(&mut self, at: usize, reason: &str) {
        self.damages.push(&self.lines, at, reason);
    }

    fn lone_time(&mut self, at: usize) {
        count(&mut self.lone, self.lines.line(at));
    }
}
