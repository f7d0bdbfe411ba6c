//! The files of a host, at `/` or collected in a folder: read as they are, at most 16 MiB of each, never through links that lead out of the folder.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The most that is read of a file, in bytes.
const LONGEST: u64 = 16 << 20;
/// How many names of a folder are looked at.
const MOST: usize = 4096;

/// The files of a host, by their paths there.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

impl Files {
    /// Those below `root`.
    pub fn below(root: &Path) -> io::Result<Self> {
        Ok(Self { root: root.canonicalize()?, unread: Vec::new() })
    }

    /// A file's text by its path on the host; `None` if it is not there. What is no UTF-8 is replaced.
    pub fn read(&mut self, path: &str) -> Option<String> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file's bytes by its path on the host; `None` if it is not there.
    pub fn bytes(&mut self, path: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.open(path).and_then(|file| match file {
            Some(file) => file.take(LONGEST + 1).read_to_end(&mut bytes).map(Some),
            None => Ok(None),
        });
        match read {
            Ok(Some(length)) if length as u64 > LONGEST => {
                self.unread.push(format!("{path}: expected at most {LONGEST} bytes, found more"));
            }
            Ok(Some(_)) => return Some(bytes),
            Ok(None) => {}
            Err(error) => self.unread.push(format!("{path}: {error}")),
        }
        None
    }

    /// A file by its path on the host; `None` if it is not there.
    pub fn open(&self, path: &str) -> io::Result<Option<File>> {
        let whole = self.root.join(path.trim_start_matches('/'));
        let real = match whole.canonicalize() {
            Ok(real) => real,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if !real.starts_with(&self.root) {
            return Err(io::Error::other("it is a link that leads out of the folder"));
        }
        if !real.metadata()?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        File::open(real).map(Some)
    }

    /// The names in a folder, sorted; none if it is not there.
    pub fn list(&mut self, folder: &str) -> Vec<String> {
        let whole = self.root.join(folder.trim_start_matches('/'));
        let entries = whole.canonicalize().and_then(|real| match real.starts_with(&self.root) {
            true => std::fs::read_dir(real),
            false => Err(io::Error::other("it is a link that leads out of the folder")),
        });
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                    self.unread.push(format!("{folder}: {error}"));
                }
                return Vec::new();
            }
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.take(MOST + 1).collect();
        if names.len() > MOST {
            self.unread.push(format!("{folder}: expected at most {MOST} names, found more"));
        }
        names.sort();
        names
    }
}
