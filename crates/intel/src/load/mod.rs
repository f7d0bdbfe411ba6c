//! Lists of indicators: files and folders read, each entry that is none named with its line and reason.

mod json;
mod list;
mod misp;
mod pattern;
mod stix;
mod table;

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use event::Time;

use crate::{
    kind::{Hint, Refusal},
    set::{Indicators, Refused, Source, Statement},
};

/// Problems of one list that are told one by one.
const MAX_TOLD: usize = 100;
/// A list larger than this is none.
const MAX_FILE: u64 = 1 << 30;
/// Bytes that are kept of a name, and techniques of an entry.
const MAX_SAID: usize = 200;
const MAX_TECHNIQUES: usize = 16;
/// Folders within folders, and files in all of them.
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 10_000;

/// Indicators while they are loaded, and what came of it.
#[derive(Debug, Default)]
pub struct Loader {
    indicators: Indicators,
    /// Entries and lists that are not used, in the order in which they were read.
    pub refused: Vec<Refused>,
    /// Entries that their list itself takes back or marks as no signs (`revoked`, `to_ids` false): how many, by reason.
    pub left_out: Vec<(String, u64)>,
    /// Whether a path was given of which nothing could be read.
    pub unreadable: bool,
    /// Of the list that is read: its path and number, problems told, all problems.
    list: List,
}

/// The list that is read.
#[derive(Debug, Default)]
struct List {
    path: String,
    source: u32,
    problems: usize,
}

impl Loader {
    /// Adds the lists of a file or folder (walked in the order of names; hidden files and documents left out).
    pub fn add_path(&mut self, path: &Path) {
        let mut files = Vec::new();
        if let Err(error) = walk(path, 0, &mut files) {
            self.unreadable = true;
            self.refuse_list(path, &error.to_string());
        }
        for file in files {
            if let Err(error) = self.add_file(&file) {
                self.unreadable = self.unreadable || file == path;
                self.refuse_list(&file, &error.to_string());
            }
        }
    }

    fn add_file(&mut self, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        if size > MAX_FILE {
            return Err(io::Error::other("larger than 1 GiB, which no list of indicators is"));
        }
        self.indicators.expect(size);
        self.add(&path.to_string_lossy(), &mut BufReader::with_capacity(1 << 16, file.take(MAX_FILE)))
    }

    /// Adds one list, whatever its form; `path` is for reports.
    ///
    /// # Errors
    /// When it cannot be read on, or is no list of a known form.
    pub fn add(&mut self, path: &str, input: &mut dyn BufRead) -> io::Result<()> {
        let source = self.indicators.sources.len() as u32;
        self.indicators.sources.push(Source { path: path.to_owned(), used: 0 });
        self.list = List { path: path.to_owned(), source, problems: 0 };
        let head = input.fill_buf()?;
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let skip = head.len() - text.len();
        if text.contains(&0) {
            return Err(io::Error::other(
                "expected JSON, CSV or a list of indicators in UTF-8, found something binary",
            ));
        }
        let is_json = matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
        let header = table::Header::of(text);
        input.consume(skip);
        let read = match (is_json, header) {
            (true, _) => json::read(self, input),
            (false, Some(header)) => table::read(self, &header, input),
            (false, None) => list::read(self, input),
        };
        self.tell_rest();
        read
    }

    /// The indicators, to be looked for.
    pub fn finish(mut self) -> Loaded {
        self.indicators.finish();
        Loaded {
            indicators: self.indicators,
            refused: self.refused,
            left_out: self.left_out,
            unreadable: self.unreadable,
        }
    }

    fn refuse_list(&mut self, path: &Path, reason: &str) {
        let path = path.to_string_lossy().into_owned();
        self.refused.push(Refused { path, line: 0, reason: format!("cannot be used: {reason}") });
    }

    /// Adds an entry of the list, or tells why it is none.
    fn entry(&mut self, hint: Hint, text: &str, statement: u32, line: u64) {
        match self.indicators.add(hint, text, statement, line) {
            Ok(_) => self.used(),
            Err(reason) => self.refuse(line, text, reason),
        }
    }

    fn used(&mut self) {
        if let Some(source) = self.indicators.sources.last_mut() {
            source.used += 1;
        }
    }

    fn refuse(&mut self, line: u64, text: &str, reason: Refusal) {
        self.problem(line, || format!("{reason}, found '{}'", shortened(text)));
    }

    fn problem(&mut self, line: u64, reason: impl FnOnce() -> String) {
        self.list.problems += 1;
        if self.list.problems <= MAX_TOLD {
            self.refused.push(Refused { path: self.list.path.clone(), line, reason: reason() });
        }
    }

    fn tell_rest(&mut self) {
        let more = self.list.problems.saturating_sub(MAX_TOLD);
        if more > 0 {
            let reason = format!("{more} more entries are no indicators");
            self.refused.push(Refused { path: self.list.path.clone(), line: 0, reason });
        }
    }

    /// Counts an entry that is left out on purpose.
    fn leave_out(&mut self, reason: &str) {
        match self.left_out.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => self.left_out.push((reason.to_owned(), 1)),
        }
    }

    /// The number of what the list says.
    fn statement(&mut self, said: Statement) -> u32 {
        let (mut name, mut reporter, mut techniques) = (said.name, said.reporter, said.techniques);
        [&mut name, &mut reporter].into_iter().for_each(cut);
        techniques.truncate(MAX_TECHNIQUES);
        self.indicators.statement(Statement { source: self.list.source, name, reporter, techniques, ..said })
    }
}

/// What came of loading.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What is looked for.
    pub indicators: Indicators,
    /// See [`Loader::refused`].
    pub refused: Vec<Refused>,
    /// See [`Loader::left_out`].
    pub left_out: Vec<(String, u64)>,
    /// See [`Loader::unreadable`].
    pub unreadable: bool,
}

fn walk(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth > MAX_DEPTH {
        return Err(io::Error::other("folders lie deeper in one another than eight"));
    }
    let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        let is_document = name.starts_with('.') || name.ends_with(".md") || name.starts_with("readme");
        if is_document || entry.file_type()?.is_symlink() {
            continue;
        }
        if files.len() >= MAX_FILES {
            return Err(io::Error::other("expected at most 10,000 lists"));
        }
        walk(&entry.path(), depth + 1, files)?;
    }
    Ok(())
}

/// Leaves the beginning of a text.
fn cut(text: &mut String) {
    let end = (0..=MAX_SAID.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
}

/// The beginning of an entry, for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A moment, or the first one of a day, month or year: `2025-10-23T08:00:00Z`, `2025-10-23`, `2025-10`, `2025`.
fn moment(text: &str) -> Option<Time> {
    let text = text.trim().trim_matches('"');
    match text.len() {
        4 => Time::parse(&format!("{text}-01-01T00:00:00Z")),
        7 => Time::parse(&format!("{text}-01T00:00:00Z")),
        10 if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse::<i64>().ok()?.checked_mul(1_000_000_000).map(Time::from_nanos)
        }
        10 => Time::parse(&format!("{text}T00:00:00Z")),
        _ => Time::parse(text),
    }
}

/// The techniques that a label, tag or reference names.
fn techniques(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    words.filter_map(|word| {
        let word = word.strip_prefix("attack.").unwrap_or(word);
        let (number, below) = word.strip_prefix(['t', 'T'])?.split_once('.').unwrap_or((word.get(1..)?, ""));
        let is_number = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_technique = is_number(number, 4) && (below.is_empty() || is_number(below, 3));
        is_technique.then(|| word.to_ascii_uppercase())
    })
}
