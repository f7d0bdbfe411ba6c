//! Histories of shells: the commands typed, as the shell kept them.
//!
//! | file | recognised by | a command is |
//! |---|---|---|
//! | bash, with times | `#1700000000` lines | all lines between two such lines |
//! | zsh | `: 1700000000:0;command`, or its name | a line; a backslash at its end joins it with the next |
//! | fish | `- cmd: …`, `  when: …` | such an item |
//! | PowerShell's PSReadLine | its name, `ConsoleHost_history.txt` | a line; a backtick at its end joins it with the next |
//! | bash without times, sh, python, psql, … | its name, `…_history`, as the content is any text | a line |
//!
//! The log source is product `linux` and channel `shell_history`, with the shell as provider; for PowerShell product `windows`, channel and provider
//! `PSReadLine`. Whose history it is, is taken from the path (`home/alice/…`, `root/…`) where that tells.
//!
//! Which of bash's two shapes a file has is decided at its beginning, as bash does: a file that begins with a time has times. A
//! `#1700000000` in a file without is the comment that somebody typed. Where two times stand together, the command between them may have been
//! removed; that is told in a note.

mod entries;
mod read;

use crate::{
    Cutter, Format, Reader,
    cut::{LineBorders, LineRule, TextCutter},
};

/// A history, by the way in which it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// bash with times.
    Timed,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    PowerShell,
    /// A command a line.
    Lines,
}

impl History {
    /// One for each way.
    pub const ALL: [Self; 5] = [Self::Timed, Self::Zsh, Self::Fish, Self::PowerShell, Self::Lines];

    /// What a piece is that begins with `head`.
    fn of(head: &[u8], name: &str) -> Option<Self> {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let first = lines.next().unwrap_or_default();
        if first.starts_with(b"- cmd: ") && lines.next().is_some_and(|line| line.starts_with(b"  when: ")) {
            return Some(Self::Fish);
        }
        if entries::time_line(first).is_some() {
            return Some(Self::Timed);
        }
        if entries::extended(first).is_some() {
            return Some(Self::Zsh);
        }
        let shell = shell(name).filter(|_| is_text(head))?;
        Some(match shell.as_str() {
            "zsh" => Self::Zsh,
            "consolehost" => Self::PowerShell,
            _ => Self::Lines,
        })
    }
}

/// The shell that a file's name tells, in lower case: `zsh` of `.zsh_history`, `bash` of `alice-bash_history.1`.
fn shell(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    if name.trim_start_matches('.') == "zhistory" {
        return Some("zsh".to_owned());
    }
    let (before, behind) = name.rsplit_once("_history")?;
    let is_copy = |ending: &str| {
        ending.is_empty()
            || ending.bytes().all(|byte| byte.is_ascii_digit())
            || ["txt", "old", "bak", "save", "orig"].contains(&ending)
    };
    let shell = before.rsplit(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_history = behind.split(['.', '-', '_', '~']).all(is_copy) && !shell.is_empty();
    is_history.then(|| shell.to_owned())
}

/// Next to no control characters but those of text.
fn is_text(head: &[u8]) -> bool {
    let odd = |byte: &&u8| **byte < b' ' && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x1b);
    head.iter().filter(odd).count() <= head.len() / 10
}

impl Format for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        Self::of(head, name) == Some(*self)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        match self {
            Self::Timed => Box::<TextCutter<LineBorders<TimeLine>>>::default(),
            Self::Zsh => Box::<TextCutter<LineBorders<Unjoined<b'\\'>>>>::default(),
            Self::PowerShell => Box::<TextCutter<LineBorders<Unjoined<b'`'>>>>::default(),
            Self::Fish => Box::<TextCutter<LineBorders<FishItem>>>::default(),
            Self::Lines => Box::<TextCutter<LineBorders<AnyLine>>>::default(),
        }
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::HistoryReader::new(*self))
    }
}

/// Every line begins a record.
#[derive(Default)]
struct AnyLine;

impl LineRule for AnyLine {
    const AHEAD: usize = 0;

    fn begins(_text: &[u8], _at: usize) -> bool {
        true
    }
}

/// A line behind one that does not end with `JOINT`.
#[derive(Default)]
struct Unjoined<const JOINT: u8>;

impl<const JOINT: u8> LineRule for Unjoined<JOINT> {
    const AHEAD: usize = 0;

    fn begins(text: &[u8], at: usize) -> bool {
        let line = text.get(..at).unwrap_or_default().strip_suffix(b"\n").unwrap_or_default();
        line.strip_suffix(b"\r").unwrap_or(line).last() != Some(&JOINT)
    }
}

/// An item of fish's list.
#[derive(Default)]
struct FishItem;

impl LineRule for FishItem {
    const AHEAD: usize = 7;

    fn begins(text: &[u8], at: usize) -> bool {
        text.get(at..).unwrap_or_default().starts_with(b"- cmd: ")
    }
}

/// The first of the times before a command.
#[derive(Default)]
struct TimeLine;

impl LineRule for TimeLine {
    const AHEAD: usize = 13;

    fn begins(text: &[u8], at: usize) -> bool {
        let (before, behind) = text.split_at_checked(at).unwrap_or_default();
        let line = behind.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let before = before.strip_suffix(b"\n").unwrap_or_default();
        let start = memchr::memrchr(b'\n', before.get(before.len().saturating_sub(Self::AHEAD)..).unwrap_or_default());
        let last = match start {
            Some(_) => before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default(),
            None if before.len() < Self::AHEAD => before,
            None => b"",
        };
        line.len() < Self::AHEAD && entries::time_line(line).is_some() && entries::time_line(last).is_none()
    }
}

#[cfg(test)]
mod tests;
