//! Standing access that is found on a host: keys, passwords, sudo, groups, sshd's settings; each with the line that mends it.
//!
//! ```text
//! the host's files, at / or collected in a folder ──▶ Finding: what stands where, and what mends it
//! ```
//!
//! Files are read as they are, at most 16 MiB of each, and never through links that lead out of the folder. Left to others: mending.

mod accounts;
mod keys;
mod sshd;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::policy::Policy;

/// The most that is read of a file, in bytes.
const LONGEST: u64 = 16 << 20;

/// Something that lets people in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// The file, as it is called on the host, and the line; 0 for the file as a whole.
    pub place: (String, usize),
    /// What it is.
    pub what: String,
    /// The line that mends it, for a shell on the host.
    pub mend: String,
}

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// What lets people in and is not of the policy.
    pub open: Vec<Access>,
    /// How many keys the policy explains.
    pub explained: usize,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

/// The files of a host.
struct Files<'a> {
    root: PathBuf,
    audit: &'a mut Audit,
}

/// Looks through the files of a host that lie below `root`. With a policy, what it allows on `host` is left out.
///
/// # Errors
/// When the folder cannot be opened, or holds no host's files.
pub fn audit(root: &Path, policy: Option<(&Policy, &str)>) -> io::Result<Audit> {
    let mut audit = Audit::default();
    let mut files = Files { root: root.canonicalize()?, audit: &mut audit };
    let Some(passwd) = files.read("/etc/passwd") else {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "there is no etc/passwd in it, so it holds no host's files",
        ));
    };
    let accounts = accounts::parse(&passwd);
    accounts::passwords(&mut files, &accounts);
    accounts::groups(&mut files);
    accounts::sudoers(&mut files);
    let sshd = sshd::settings(&mut files);
    sshd::check(&mut files, &sshd);
    keys::check(&mut files, &accounts, policy);
    accounts::unused(&mut files, &accounts);
    audit.open.sort();
    audit.open.dedup();
    Ok(audit)
}

impl Files<'_> {
    /// A file's text by its path on the host; `None` if it is not there. What is no UTF-8 is replaced.
    fn read(&mut self, path: &str) -> Option<String> {
        let mut bytes = Vec::new();
        match self.open(path) {
            Ok(Some(file)) => match file.take(LONGEST).read_to_end(&mut bytes) {
                Ok(_) => return Some(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) => self.audit.unread.push(format!("{path}: {error}")),
            },
            Ok(None) => {}
            Err(error) => self.audit.unread.push(format!("{path}: {error}")),
        }
        None
    }

    fn open(&self, path: &str) -> io::Result<Option<File>> {
        let whole = self.root.join(path.trim_start_matches('/'));
        let real = match whole.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
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

    /// The names of files in a folder, sorted.
    fn list(&self, folder: &str) -> Vec<String> {
        let whole = self.root.join(folder.trim_start_matches('/'));
        let Ok(entries) = whole.canonicalize().and_then(std::fs::read_dir) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.take(4096).collect();
        names.sort();
        names
    }

    fn found(&mut self, path: &str, line: usize, what: String, mend: String) {
        self.audit.open.push(Access { place: (path.to_owned(), line), what, mend });
    }
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+:=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Lines with their numbers, from 1, without blanks at their ends; empty ones and remarks are left out.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let all = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    all.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
