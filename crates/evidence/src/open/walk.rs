//! The files behind the paths of a command line.

use std::{
    collections::BTreeMap,
    fs::{self, File, FileType},
    io,
    path::{Path, PathBuf},
};

use super::reason;

/// The label and path of standard input.
pub(super) const STDIN: &str = "-";

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file of this many bytes.
    File(u64),
    /// A named pipe that was given itself.
    Pipe,
    /// Standard input.
    Stdin,
    /// Something that is left out, and why.
    Skipped(String),
    /// Something that could not be read, and why.
    Failed(String),
}

/// Something found on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// How a person would name it.
    pub label: String,
    /// Where it is.
    pub path: PathBuf,
    pub kind: Kind,
}

/// All that was found, sorted by label, and the paths given that lead nowhere, each with its reason.
pub(super) struct Walk {
    pub found: Vec<Found>,
    pub unreadable: Vec<(String, String)>,
}

/// Walks what the paths lead to. The order of the paths, and whether a file is reached twice, makes no difference:
/// of several names that a file was reached by, the shortest stays, of equally short ones the first in order.
/// Files at `no_evidence` are passed over.
pub(super) fn walk(paths: &[PathBuf], no_evidence: &[PathBuf]) -> Walk {
    let mut walker = Walker { found: BTreeMap::new() };
    let mut unreadable: Vec<(String, String)> = Vec::new();
    for path in paths {
        if let Err(reason) = walker.argument(path) {
            unreadable.push((path.to_string_lossy().into_owned(), reason));
        }
    }
    for path in no_evidence.iter().filter_map(|path| path.canonicalize().ok()) {
        walker.found.remove(&path);
    }
    unreadable.sort();
    unreadable.dedup();
    let mut found: Vec<Found> = walker.found.into_values().collect();
    found.sort_by(|a, b| (&a.label, &a.path).cmp(&(&b.label, &b.path)));
    Walk { found, unreadable }
}

struct Walker {
    /// By canonical path.
    found: BTreeMap<PathBuf, Found>,
}

impl Walker {
    /// A path as given. A link is followed, since someone asked for it by name.
    fn argument(&mut self, path: &Path) -> Result<(), String> {
        let reason = |error: io::Error| reason(&error);
        if path.as_os_str() == STDIN {
            self.add(path.to_owned(), path.to_owned(), Kind::Stdin);
            return Ok(());
        }
        // A path like /dev/fd/63 leads to a pipe and has no canonical path.
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let metadata = fs::metadata(path).map_err(reason)?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            fs::read_dir(path).map_err(reason)?;
            self.folder(path.to_owned(), canonical);
        } else if kind.is_file() {
            File::open(path).map_err(reason)?;
            self.add(canonical, path.to_owned(), Kind::File(metadata.len()));
        } else if special(kind) == "named pipe" {
            self.add(canonical, path.to_owned(), Kind::Pipe);
        } else {
            return Err(format!("expected a file or a folder, found a {}", special(kind)));
        }
        Ok(())
    }

    /// Everything below a folder. Links are not followed, so that below a canonical path all paths are canonical
    /// and no circle can be walked.
    fn folder(&mut self, path: PathBuf, canonical: PathBuf) {
        let mut folders = vec![(path, canonical)];
        while let Some((path, canonical)) = folders.pop() {
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) => {
                    self.add(canonical, path, Kind::Failed(reason(&error)));
                    continue;
                }
            };
            for entry in entries {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        self.add(canonical.clone(), path.clone(), Kind::Failed(reason(&error)));
                        break;
                    }
                };
                let (path, canonical) = (path.join(entry.file_name()), canonical.join(entry.file_name()));
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push((path, canonical)),
                    kind => {
                        let kind = kind.and_then(|kind| below(&entry, kind));
                        self.add(canonical, path, kind.unwrap_or_else(|error| Kind::Failed(reason(&error))));
                    }
                }
            }
        }
    }

    fn add(&mut self, canonical: PathBuf, path: PathBuf, kind: Kind) {
        let found = Found { label: path.to_string_lossy().into_owned(), path, kind };
        let rank = |found: &Found| {
            // What was given by name and can be read goes before what is left out in a folder.
            (matches!(found.kind, Kind::Skipped(_)), found.label.len(), found.label.clone())
        };
        match self.found.get(&canonical) {
            Some(known) if rank(known) <= rank(&found) => {}
            _ => {
                self.found.insert(canonical, found);
            }
        }
    }
}

/// What something in a folder is that is no folder.
fn below(entry: &fs::DirEntry, kind: FileType) -> io::Result<Kind> {
    if kind.is_symlink() {
        return Ok(Kind::Skipped("symbolic link, not followed".to_owned()));
    }
    if kind.is_file() {
        return Ok(Kind::File(entry.metadata()?.len()));
    }
    Ok(Kind::Skipped(special(kind).to_owned()))
}

#[cfg(unix)]
fn special(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "device"
    } else {
        "special file"
    }
}

#[cfg(not(unix))]
fn special(_kind: FileType) -> &'static str {
    "special file"
}
