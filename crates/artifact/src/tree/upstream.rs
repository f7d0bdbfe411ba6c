//! A copy of a project against its original: what was added, changed or left out. A trojanised project is the original and a little more.
//!
//! Two folders are gone through at the same time, when all else has been read. What is under `.git` is left out: it never is the same.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{Damage, Detector, Piece, Position, Time};
use evidence::{Block, Cutter, Format, Output, Reader};

use crate::{
    Facts, Kind, Shower,
    file::{Type, Whole},
};

/// Files of one copy that are compared, and how deep folders nest.
const FILES: usize = 200_000;
const DEPTH: usize = 64;
/// Differences of one copy that are told.
const TOLD: usize = 10_000;
/// The largest file whose lines are compared; of larger ones it is told that they differ.
const LARGEST: u64 = 8 << 20;
/// Lines that are told of one file, and characters of one line.
const LINES: usize = 64;
const LINE: usize = 500;

/// Compares copies with their original. It takes no evidence for itself.
#[derive(Clone, Debug)]
pub struct Upstream {
    original: PathBuf,
    copies: Vec<PathBuf>,
}

impl Upstream {
    /// Compares each of `copies` that is a folder with the folder `original`.
    pub fn new(original: &Path, copies: &[PathBuf]) -> Self {
        Self { original: original.to_owned(), copies: copies.to_vec() }
    }
}

impl Format for Upstream {
    fn name(&self) -> &'static str {
        "copy of a project"
    }

    fn recognises(&self, _head: &[u8], _name: &str) -> bool {
        false
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<Whole>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Nothing)
    }

    fn end(&self, detector: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        let mut shower = Shower::default();
        if !shower.wants(Kind::Tree, detector) {
            return Vec::new();
        }
        let mut outputs = Vec::new();
        for copy in &self.copies {
            let mut comparison = Comparison { original: &self.original, copy, found: Vec::new(), damages: Vec::new() };
            comparison.run();
            let damages = comparison.damages.drain(..).map(|(path, reason)| {
                let damage = Damage { position: Position::Record(1), records: 0, reason };
                (Arc::new(Piece { path }), Output { damages: vec![damage], ..Output::default() })
            });
            outputs.extend(damages);
            for (path, facts) in comparison.found {
                let (piece, mut output) = (Arc::new(Piece { path }), Output::default());
                shower.show(&piece, &facts, detector, &mut output.seen);
                outputs.push((piece, output));
            }
        }
        outputs
    }
}

/// Reads nothing, since nothing is recognised.
struct Nothing;

impl Reader for Nothing {
    fn read(&mut self, _: &Arc<Piece>, _: &Block, _: &mut dyn Detector, _: &mut Output) {}
}

/// One copy while it is compared.
struct Comparison<'a> {
    original: &'a Path,
    copy: &'a Path,
    /// Each with the label of its file.
    found: Vec<(String, Facts)>,
    /// What could not be compared, and why.
    damages: Vec<(String, String)>,
}

impl Comparison<'_> {
    fn run(&mut self) {
        if !self.copy.is_dir() || !self.original.is_dir() {
            let reason =
                format!("expected two folders to compare, found no folder in '{}' or here", self.original.display());
            return self.damage(self.copy, reason);
        }
        let (theirs, ours) = (self.files(self.original), self.files(self.copy));
        let all: BTreeSet<&PathBuf> = theirs.iter().chain(&ours).collect();
        let is_in = |set: &[PathBuf], path: &PathBuf| set.binary_search(path).is_ok();
        for path in all {
            if self.found.len() >= TOLD {
                let reason =
                    format!("limit: {TOLD} differences from '{}' are told, and no more", self.original.display());
                return self.damage(self.copy, reason);
            }
            let compared = match (is_in(&theirs, path), is_in(&ours, path)) {
                (true, true) => self.changed(path),
                (false, _) => self.added(path),
                (true, false) => {
                    self.tell(path, "missing", None, |_| {});
                    Ok(())
                }
            };
            if let Err(error) = compared {
                self.damage(&self.copy.join(path), format!("cannot be compared with the original: {error}"));
            }
        }
    }

    fn damage(&mut self, path: &Path, reason: String) {
        self.damages.push((path.display().to_string(), reason));
    }

    /// The files below a folder, by their paths in it, sorted.
    fn files(&mut self, folder: &Path) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![(PathBuf::new(), 0)]);
        while let Some((below, depth)) = folders.pop() {
            if files.len() >= FILES || depth > DEPTH {
                let reason =
                    format!("limit: {FILES} files, and folders nested {DEPTH} deep, were compared, and no more");
                self.damage(&folder.join(&below), reason);
                break;
            }
            let entries = match fs::read_dir(folder.join(&below)) {
                Ok(entries) => entries,
                Err(error) => {
                    self.damage(&folder.join(&below), format!("cannot be compared: {error}"));
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = below.join(entry.file_name());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && entry.file_name() != ".git" => folders.push((path, depth + 1)),
                    // Links are not followed.
                    Ok(kind) if kind.is_file() => files.push(path),
                    _ => {}
                }
            }
        }
        files.sort();
        files
    }

    fn added(&mut self, path: &Path) -> io::Result<()> {
        let bytes = read(&self.copy.join(path))?;
        let known = HashSet::new();
        let bytes = bytes.as_deref();
        self.tell(path, "added", bytes, |facts| lines(bytes.unwrap_or_default(), &known, "AddedLine", facts));
        Ok(())
    }

    fn changed(&mut self, path: &Path) -> io::Result<()> {
        let (original, copy) = (self.original.join(path), self.copy.join(path));
        let (Some(theirs), Some(ours)) = (read(&original)?, read(&copy)?) else {
            if !is_same(&original, &copy)? {
                self.tell(path, "changed", None, |_| {});
            }
            return Ok(());
        };
        if theirs != ours {
            self.tell(path, "changed", Some(&ours), |facts| {
                lines(&ours, &all_lines(&theirs), "AddedLine", facts);
                lines(&theirs, &all_lines(&ours), "RemovedLine", facts);
            });
        }
        Ok(())
    }

    /// Tells one difference.
    fn tell(&mut self, path: &Path, difference: &str, bytes: Option<&[u8]>, more: impl FnOnce(&mut Facts)) {
        let label = self.copy.join(path);
        let modified = fs::metadata(&label).and_then(|about| about.modified()).ok();
        let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let nanos = since.and_then(|since| i64::try_from(since.as_nanos()).ok());
        let mut facts = Facts::new(Kind::Tree, Position::Record(1), Some(Time::from_nanos(nanos.unwrap_or(0))));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        facts.tell("Inside", self.copy.display().to_string());
        facts.tell("Path", path.display().to_string());
        facts.tell("Name", name.clone());
        facts.tell("Setting", "upstream");
        facts.tell("Difference", difference);
        if let Some(bytes) = bytes {
            let kind = Type::of(bytes, &name);
            facts.tell("Type", kind.name());
            facts.tell("Class", kind.class().name());
        }
        more(&mut facts);
        self.found.push((label.display().to_string(), facts));
    }
}

/// A file that is small enough to be compared by its lines.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LARGEST).then_some(bytes))
}

/// Whether two files have the same bytes.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (fs::File::open(one)?, fs::File::open(other)?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        one.by_ref().take(1 << 20).read_to_end(&mut left)?;
        other.by_ref().take(1 << 20).read_to_end(&mut right)?;
        if left != right || left.is_empty() {
            return Ok(left == right);
        }
    }
}

fn all_lines(bytes: &[u8]) -> HashSet<&[u8]> {
    bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect()
}

/// Tells the lines of a text that are not among those known, wherever they stand; of other data none.
fn lines(bytes: &[u8], known: &HashSet<&[u8]>, field: &'static str, facts: &mut Facts) {
    if memchr::memchr(0, bytes).is_some() {
        return;
    }
    let new = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut count = 0;
    for line in new.filter(|line| !line.is_empty() && !known.contains(line)) {
        count += 1;
        if count <= LINES {
            facts.tell(field, String::from_utf8_lossy(line).chars().take(LINE).collect::<String>());
        }
    }
    facts.count(if field == "AddedLine" { "AddedLines" } else { "RemovedLines" }, count as u64);
}

#[cfg(test)]
mod tests {
    use event::{Event, Everything};

    use super::*;

    #[test]
    fn what_differs_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for tree in ["original", "copy"] {
            file(&format!("{tree}/same.js"), b"a\n");
            file(&format!("{tree}/.git/HEAD"), tree.as_bytes());
        }
        file("original/src/main.js", b"one\n  two\nthree\n");
        file("copy/src/main.js", b"one\ntwo\neval(atob('x'))\n");
        file("original/gone.txt", b"x");
        file("copy/lib/new.exe", b"\x7fELF\0");
        let large = vec![b'x'; LARGEST as usize + 1];
        file("original/large.bin", &large);
        file("copy/large.bin", &large);
        let paths = [folder.path().join("copy"), folder.path().join("original/gone.txt")];
        let mut told = Vec::new();
        let mut keep = Everything(|event: &Event<'_>| {
            let mut fields = Vec::new();
            event.record.visit(&mut |name, value| {
                if name != "Inside" {
                    fields.push(format!("{name}={}", value.text()));
                }
            });
            told.push(fields.join(" "));
        });
        let outputs = Upstream::new(&folder.path().join("original"), &paths).end(&mut keep);
        assert_eq!(
            told,
            [
                "Path=gone.txt Name=gone.txt Setting=upstream Difference=missing",
                "Path=lib/new.exe Name=new.exe Setting=upstream Difference=added Type=ELF Class=program",
                "Path=src/main.js Name=main.js Setting=upstream Difference=changed Type=JavaScript Class=script \
                 AddedLine=eval(atob('x')) AddedLines=1 RemovedLine=three RemovedLines=1",
            ]
        );
        let reasons: Vec<_> = outputs.iter().flat_map(|(_, output)| &output.damages).collect();
        assert_eq!(reasons.len(), 1, "{reasons:?}");
    }
}
