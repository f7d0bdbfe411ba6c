//! Standing access that is found on a host: keys, passwords, sudo, groups, sshd's settings; each with the line that mends it.
//!
//! ```text
//! the host's files, at / or collected in a folder ──▶ Access: what stands where, and what mends it
//! ```
//!
//! sshd's configuration is followed as sshd does, account by account (`sshd`), sudo's with all that it includes. Left to others: mending. The lines that
//! mend keep the numbers of other lines as they are, so that they may be run one after another.

pub(crate) mod accounts;
mod keys;
mod sshd;
mod sudo;
mod unused;

use std::{collections::BTreeSet, io, path::Path};

use accounts::Account;

use crate::{
    files::Files,
    policy::{Policy, and},
    sshd::{Config, Place},
};

/// How many names stand in one sentence.
const NAMES: usize = 8;

/// Something that lets people in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The file, as it is called on the host, and the line; 0 for the file as a whole.
    pub place: (String, usize),
    /// What it is.
    pub what: String,
    /// The line that mends it, for a shell on the host.
    pub mend: String,
}

/// What is known of a host.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The host's id there.
    pub host: &'a str,
    /// Fingerprints of further authorities that are ours, as the ledger names them.
    pub authorities: &'a [String],
}

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// What lets people in and is not of the policy.
    pub open: Vec<Access>,
    /// How many ways in the policy explains.
    pub explained: usize,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

/// An audit that is under way.
struct Auditor<'a> {
    files: Files,
    accounts: Vec<Account>,
    known: Option<Known<'a>>,
    audit: Audit,
}

/// Looks through the files of a host that lie below `root`. What is `known` of it is left out.
///
/// # Errors
/// When the folder cannot be opened, or holds no host's files.
pub fn audit(root: &Path, known: Option<Known<'_>>) -> io::Result<Audit> {
    let mut files = Files::below(root)?;
    let Some(accounts) = accounts::read(&mut files) else {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "there is no etc/passwd in it, so it holds no host's files",
        ));
    };
    let mut auditor = Auditor { files, accounts, known, audit: Audit::default() };
    accounts::passwords(&mut auditor);
    accounts::groups(&mut auditor);
    sudo::check(&mut auditor);
    let config = Config::read(&mut auditor.files, sshd::FILE);
    if let Some(config) = &config {
        sshd::check(&mut auditor, config);
    } else {
        auditor
            .files
            .unread
            .push(format!("{}: not there, so keys are looked for where sshd does by itself", sshd::FILE));
    }
    keys::check(&mut auditor, &config.unwrap_or_default());
    unused::check(&mut auditor);
    Ok(auditor.end())
}

impl Auditor<'_> {
    fn found(&mut self, (path, line): (&str, usize), what: String, mend: String) {
        self.audit.open.push(Access { place: (path.to_owned(), line), what, mend });
    }

    /// Whether the policy lets people who are in as this account become root.
    fn may_be_root(&self, account: &str) -> bool {
        let Some(Known { policy, host, .. }) = self.known else { return false };
        let rules = policy.rules.iter().map(|rule| &rule.scope);
        let mut scopes = rules.chain(policy.standing.iter().map(|standing| &standing.scope));
        scopes.any(|scope| scope.reaches(host, account) && scope.may_become.iter().any(|one| one == "root"))
    }

    /// What stands for a whole file comes last of it: mending it may add lines.
    fn end(self) -> Audit {
        let Self { mut audit, files, .. } = self;
        let key = |access: &Access| (access.place.0.clone(), access.place.1 == 0, access.place.1, access.what.clone());
        audit.open.sort_by_cached_key(key);
        audit.open.dedup();
        audit.unread = files.unread;
        audit.unread.dedup();
        audit
    }
}

/// The accounts that something holds for: surely, or from some addresses only.
#[derive(Default)]
struct Whom {
    sure: BTreeSet<String>,
    some: BTreeSet<String>,
}

impl Whom {
    fn add(&mut self, account: &str, is_sure: bool) {
        let names = if is_sure { &mut self.sure } else { &mut self.some };
        names.insert(account.to_owned());
    }

    /// `anna and ben, and carl from some addresses`.
    fn names(&self) -> String {
        let sure: Vec<&String> = self.sure.iter().collect();
        let some: Vec<&String> = self.some.difference(&self.sure).collect();
        match (sure.is_empty(), some.is_empty()) {
            (_, true) => listed(&sure),
            (true, false) => format!("{} from some addresses", listed(&some)),
            (false, false) => format!("{}, and {} from some addresses", listed(&sure), listed(&some)),
        }
    }
}

/// Names in a sentence; where there are many, the first of them.
fn listed<T: std::fmt::Display>(names: &[T]) -> String {
    match names.get(..NAMES).filter(|first| first.len() < names.len()) {
        Some(first) => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} and {} more", first.join(", "), names.len() - NAMES)
        }
        None => and(names),
    }
}

/// The line that makes remarks of lines of a file.
fn remark((path, line): (&str, usize), last: usize) -> String {
    let lines = if last > line { format!("{line},{last}") } else { line.to_string() };
    format!("sed -i '{lines}s/^/# /' {}", quoted(path))
}

/// A place as [`Auditor::found`] takes it.
fn at(place: &Place) -> (&str, usize) {
    (&place.0, place.1)
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
