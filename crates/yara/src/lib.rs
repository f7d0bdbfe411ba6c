//! YARA rules, looked for in files.
//!
//! ```text
//! paths ──Loader──▶ Rules ──scanner, one a thread──▶ matches ──▶ facts about the file, which Sigma rules judge
//!            └──▶ Refused: file, line, reason
//! ```
//!
//! Rules are compiled and run by yara-x (<https://virustotal.github.io/yara-x>), whose syntax and modules are those of YARA 4. Each file of rules is a namespace of its
//! own. Beside its strings a rule may ask `filename`, `filepath` and `extension`, as rules for other scanners do.
//!
//! Promised here: a rule that cannot be compiled costs itself alone and is told with file, line and reason; a file that takes too long is told as not
//! scanned.

mod scan;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use artifact::{Patterns, Scanner};
use sha2::{Digest, Sha256};
use yara_x::{Compiler, SourceCode};

/// Names that rules may ask beside what stands in the file; as those of other scanners.
const GLOBALS: [&str; 3] = ["filename", "filepath", "extension"];
/// The longest file of rules, in bytes; large public collections in one file have some 20 MB.
const LONGEST: u64 = 64 << 20;
/// How deep folders of rules nest.
const DEPTH: usize = 32;

/// A rule that could not be compiled, or a file or folder of rules that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file or folder.
    pub path: String,
    /// The line in it, counted from 1; nothing where the whole file is meant.
    pub line: Option<u64>,
    /// Why.
    pub reason: String,
}

/// Rules that are ready to be looked for; shared by all threads.
#[derive(Clone, Copy)]
pub struct Rules(&'static yara_x::Rules);

impl std::fmt::Debug for Rules {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} YARA rules", self.count())
    }
}

impl Rules {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.iter().len()
    }

    /// How many there are of one pack.
    pub fn count_of(&self, pack: &Pack) -> usize {
        self.0.iter().filter(|rule| pack.origins.iter().any(|origin| origin == rule.namespace())).count()
    }
}

impl Patterns for Rules {
    fn scanner(&self) -> Box<dyn Scanner> {
        Box::new(scan::FileScanner::new(self.0))
    }
}

/// Files of rules that came together.
#[derive(Clone, Debug, Default)]
pub struct Pack {
    origins: Vec<String>,
    hash: Sha256,
}

impl Pack {
    /// The SHA-256 over its files, in lower case hexadecimal.
    pub fn sha256(&self) -> String {
        self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Compiles rules.
pub struct Loader {
    compiler: Compiler<'static>,
    pack: Pack,
    refused: Vec<Refused>,
    unreadable: bool,
}

impl Default for Loader {
    fn default() -> Self {
        let mut compiler = Compiler::new();
        // What rules for YARA 4 may say, and nothing that reads other files than those that were given.
        compiler.relaxed_re_syntax(true).enable_includes(false);
        for global in GLOBALS {
            // Fails for names that are taken, which these are not.
            let _ = compiler.define_global(global, "");
        }
        Self { compiler, pack: Pack::default(), refused: Vec::new(), unreadable: false }
    }
}

impl Loader {
    /// Adds the rules of one text, which is called `origin` in messages.
    pub fn add(&mut self, origin: &str, text: &[u8]) {
        self.compiler.new_namespace(origin);
        self.pack.origins.push(origin.to_owned());
        self.pack.hash.update(text);
        let before = self.compiler.errors().len();
        let _ = self.compiler.add_source(SourceCode::from(text).with_origin(origin));
        for error in self.compiler.errors().get(before..).unwrap_or_default() {
            // Line and title are told in the form for machines alone.
            let told = serde_json::to_value(error).unwrap_or_default();
            let title = told.get("title").and_then(serde_json::Value::as_str).unwrap_or("this is no rule");
            let label = told.pointer("/labels/0/text").and_then(serde_json::Value::as_str).unwrap_or_default();
            let reason = if label.is_empty() { title.to_owned() } else { format!("{title}: {label}") };
            let line = told.get("line").and_then(serde_json::Value::as_u64);
            self.refused.push(Refused { path: origin.to_owned(), line, reason });
        }
    }

    /// Adds the rules of a file, or of all files in a folder whose names end in `.yar` or `.yara`.
    pub fn add_path(&mut self, path: &Path) {
        match files(path, 0) {
            Ok(files) => files.iter().for_each(|file| self.add_file(file)),
            Err(error) => self.refuse(path, &error),
        }
    }

    fn add_file(&mut self, path: &Path) {
        let read = || match fs::metadata(path)?.len() {
            0..=LONGEST => fs::read(path),
            more => Err(io::Error::other(format!("limit: expected at most {LONGEST} bytes of rules, found {more}"))),
        };
        match read() {
            Ok(text) => self.add(&path.display().to_string(), &text),
            Err(error) => self.refuse(path, &error),
        }
    }

    fn refuse(&mut self, path: &Path, error: &io::Error) {
        self.unreadable = true;
        self.refused.push(Refused { path: path.display().to_string(), line: None, reason: error.to_string() });
    }

    /// What was added since this was last asked.
    pub fn pack(&mut self) -> Pack {
        std::mem::take(&mut self.pack)
    }

    /// The rules that could be compiled, those that could not, and whether a path could not be read.
    pub fn finish(self) -> (Rules, Vec<Refused>, bool) {
        // A scanner borrows the rules, and readers live as long as they like: a process compiles rules once, and keeps them.
        (Rules(Box::leak(Box::new(self.compiler.build()))), self.refused, self.unreadable)
    }
}

/// The files of rules behind a path, sorted.
fn files(path: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        let is_rules = entry.extension().is_some_and(|ending| ending == "yar" || ending == "yara");
        if is_rules || entry.is_dir() && depth < DEPTH {
            found.extend(files(&entry, depth + 1)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
