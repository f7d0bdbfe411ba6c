//! Opens what it is given: paths in, pieces of evidence out, one after the other.
//!
//! ```text
//! paths ──walk──▶ files ──Tap──▶ gzip, zstd, bzip2, xz ──▶ zip, tar, 7z ──▶ members ──▶ …
//!                         │                │
//!                         ▼                ▼
//!                   bytes as stored   Opened: label, head, bytes to read (text as UTF-8)
//!                    (are hashed)
//! ```
//!
//! What is inside is told by content, never by name. A label names a file, and behind `!/` the path inside each
//! archive; a compressed stream has no paths inside and so adds nothing to a label: `logs.tar.gz!/var/log/auth.log`.
//! A second member of the same name is labelled `name (2)`. The bytes that the label names are what a piece's size
//! and SHA-256 are of (`sha256sum auth.log.gz` gives the same).
//!
//! Promised here: the order of the pieces depends on what is there, not on the order in which it was given; nothing
//! is ever written under a name that stands in an archive; what the attacker's containers may cost is bounded by
//! [`Limits`]; and all that is left out is told as an [`Aside`].

mod bytes;
mod codec;
mod layer;
mod limits;
mod looks;
mod seven_zip;
mod tap;
mod tar;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod walk;
mod zip;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{self, Read},
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use event::{Piece, Time};

use self::{
    bytes::{Headed, Section, Source},
    codec::Codec,
    limits::Budget,
    seven_zip::{SevenZip, is_seven_zip},
    tap::Pool,
    text::Mark,
    walk::{Found, Kind},
};
use crate::About;
pub use layer::{ShowFile, layer};
pub use limits::Limits;
pub(crate) use looks::is_marked;
pub(crate) use tap::Tap;
pub(crate) use text::Replaced;

/// Something that was not read, or that there is nothing to read of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aside {
    /// Left out on purpose: links, special files, encrypted members.
    Skipped {
        /// Its label.
        path: String,
        /// Why.
        reason: String,
    },
    /// Could not be read, or not to its end.
    Failed {
        /// Its label.
        path: String,
        /// What was expected and what stands there.
        reason: String,
    },
    /// A file without a byte.
    Empty {
        /// Its label.
        path: String,
    },
}

/// A piece of evidence, ready to be read.
pub struct Opened {
    /// Its label.
    pub piece: Arc<Piece>,
    /// The last part of its name, without the ending of a compressed stream: for [`crate::Format::recognises`].
    pub name: String,
    /// How many bytes the label names, as far as that is known before they are read.
    pub size: Option<u64>,
    /// What was undone to read it, outermost first: `gzip`, `UTF-16 (little endian)`.
    pub layers: Vec<&'static str>,
    /// When it was last modified, as the file system, the archive or the compressed stream says.
    pub modified: Option<Time>,
    input: Headed<Box<dyn Read + Send>>,
    /// The piece's bytes where they stand.
    section: Option<Section>,
    tap: Tap,
    replaced: Replaced,
}

impl Opened {
    /// What is known of it beside its bytes.
    pub(crate) fn about(&self) -> About<'_> {
        let again = self.section.clone().map(|section| Box::new(section.uncounted()) as Box<dyn Read + Send>);
        About { path: &self.piece.path, name: &self.name, modified: self.modified, again }
    }

    /// The first 64 KiB, or all if it is shorter.
    pub fn head(&self) -> &[u8] {
        self.input.head()
    }

    /// A few words on what a piece of no known format looks like: `PNG image`, `text`, `unknown binary`, …
    pub fn looks_like(&self) -> &'static str {
        match zip::is_zip(self.head()) {
            true => looks::zip_looks_like(self.head()).unwrap_or("zip archive"),
            false => looks::looks_like(self.head()),
        }
    }

    /// What had to be replaced of it, as far as it was read.
    pub(crate) fn replaced(&self) -> Replaced {
        self.replaced.clone()
    }

    /// Where the bytes behind the label are read and hashed.
    pub(crate) fn tap(&self) -> Tap {
        self.tap.clone()
    }
}

/// The whole piece, from its first byte.
impl Read for Opened {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.input.read(out)
    }
}

/// The largest archive that is shown as it is stored, in bytes; larger ones are collections of evidence.
const STORED: u64 = 64 << 20;

/// What an [`Opener`] comes upon next.
#[allow(clippy::large_enum_variant, reason = "it is moved once for each file")]
pub enum Next {
    /// A piece of evidence.
    Piece(Opened),
    /// An archive as it is stored, whose members come next; only of an opener [`Opener::showing_archives`].
    Archive(Opened),
    /// Something that is to be told.
    Aside(Aside),
}

/// Goes through all evidence behind some paths. Pieces are to be read before the next is asked for: a member of a tar
/// archive ends when its archive goes on.
pub struct Opener {
    files: std::vec::IntoIter<Found>,
    unreadable: Vec<(String, String)>,
    limits: Limits,
    /// The archives that stand open, outermost first, all in the same file.
    open: Vec<Archive>,
    budget: Arc<Budget>,
    /// The label of the file that `open` and `budget` belong to.
    file: String,
    pool: Arc<Pool>,
    stdin: Option<Box<dyn Read + Send>>,
    /// The only labels that are asked for.
    only: Option<Only>,
    shows_archives: bool,
    files_total: u64,
    bytes_total: u64,
    files_done: u64,
    /// Sizes of the files before the current one.
    bytes_before: u64,
}

/// The labels that are asked for.
struct Only {
    labels: BTreeSet<String>,
    /// Whether they are wanted as they are stored, whatever is in them.
    stored: bool,
}

impl Only {
    /// Whether a label is asked for, or one that may be found inside.
    fn leads_to(&self, label: &str) -> bool {
        let inside = format!("{label}!/");
        let next = self.labels.range::<str, _>((Bound::Included(inside.as_str()), Bound::Unbounded)).next();
        self.labels.contains(label) || next.is_some_and(|next| next.starts_with(&inside))
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Skipped(reason) => Self::new(io::ErrorKind::Unsupported, reason),
            Refused::Failed(reason) => Self::new(io::ErrorKind::InvalidData, reason),
        }
    }
}

/// An archive whose members are being gone through.
struct Archive {
    label: String,
    depth: u32,
    members: Members,
    names: Names,
}

enum Members {
    Zip(Box<zip::Zip>),
    Tar(tar::Tar),
    SevenZip(SevenZip),
}

/// The kinds of archives.
#[derive(Clone, Copy)]
enum Container {
    Zip,
    Tar,
    SevenZip,
}

impl Container {
    /// The kind of an archive that begins with `head`; documents and packages that are zip archives are none.
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            _ if zip::is_zip(head) => looks::zip_looks_like(head).is_none().then_some(Self::Zip),
            _ if is_seven_zip(head) => Some(Self::SevenZip),
            _ => tar::is_tar(head).then_some(Self::Tar),
        }
    }
}

/// Why a member of an archive is not read.
#[derive(Clone)]
enum Refused {
    /// It is of a kind that is left out.
    Skipped(String),
    /// It is damaged.
    Failed(String),
}

impl Refused {
    /// What is told of the member with that label.
    fn aside(self, path: String) -> Aside {
        match self {
            Self::Skipped(reason) => Aside::Skipped { path, reason },
            Self::Failed(reason) => Aside::Failed { path, reason },
        }
    }
}

/// Something of which it is not known yet what it is.
struct Node {
    label: String,
    name: String,
    size: Option<u64>,
    modified: Option<Time>,
    depth: u32,
    source: Source,
}

impl Opener {
    /// Walks the paths (files, folders, `-` for standard input); nothing is read yet.
    pub fn new(paths: &[PathBuf], limits: &Limits) -> Self {
        Self::without(&[], paths, limits)
    }

    /// The same, passing over files that are no evidence, such as the report that is being written.
    pub fn without(no_evidence: &[PathBuf], paths: &[PathBuf], limits: &Limits) -> Self {
        let walk = walk::walk(paths, no_evidence);
        let size = |found: &Found| if let Kind::File(size) = found.kind { size } else { 0 };
        Self {
            files_total: walk.found.len() as u64,
            bytes_total: walk.found.iter().map(size).sum(),
            files: walk.found.into_iter(),
            unreadable: walk.unreadable,
            limits: limits.clone(),
            open: Vec::new(),
            budget: Arc::default(),
            file: String::new(),
            pool: Arc::default(),
            stdin: Some(Box::new(io::stdin())),
            only: None,
            shows_archives: false,
            files_done: 0,
            bytes_before: 0,
        }
    }

    /// Shows archives that are files, or stand in one as they are, before their members.
    pub(crate) const fn showing_archives(mut self, shows_archives: bool) -> Self {
        self.shows_archives = shows_archives;
        self
    }

    /// The paths given that are not there or cannot be read at all, each with its reason.
    pub fn unreadable_arguments(&self) -> &[(String, String)] {
        &self.unreadable
    }

    /// How many files there are, and of how many bytes together.
    pub fn total(&self) -> (u64, u64) {
        (self.files_total, self.bytes_total)
    }

    /// How many files have been gone through, and how many bytes have been read.
    pub fn done(&self) -> (u64, u64) {
        let read = self.budget.read.load(Relaxed);
        let current = if self.budget.size > 0 { read.min(self.budget.size) } else { read };
        (self.files_done, self.bytes_before + current)
    }

    /// Gives up the file that is being gone through.
    pub(crate) fn give_up(&mut self) -> String {
        self.open.clear();
        self.file.clone()
    }

    #[cfg(test)]
    pub(crate) fn with_stdin(mut self, stdin: impl Read + Send + 'static) -> Self {
        self.stdin = Some(Box::new(stdin));
        self
    }

    fn next_file(&mut self) -> Option<Next> {
        loop {
            self.end_file();
            let Found { label, path, kind } = self.files.next()?;
            self.file = label.clone();
            self.budget = Arc::new(Budget::new(&self.limits, if let Kind::File(size) = kind { size } else { 0 }));
            let mut modified = None;
            let (source, size) = match kind {
                Kind::Skipped(reason) => return Some(Next::Aside(Aside::Skipped { path: label, reason })),
                Kind::Failed(reason) => return Some(Next::Aside(Aside::Failed { path: label, reason })),
                Kind::Stdin => (self.stdin.take().map(|stdin| self.stream(stdin)).ok_or_else(already_read), None),
                Kind::Pipe => (File::open(&path).map(|pipe| self.stream(pipe)), None),
                Kind::File(size) => (self.file(&path, size, &mut modified), Some(size)),
            };
            let name = base_name(&label).to_owned();
            let next = match source {
                Ok(source) => self.classify(Node { name, label, size, modified, depth: 0, source }),
                Err(error) => Some(Next::Aside(Aside::Failed { path: label, reason: reason(&error) })),
            };
            if let Some(next) = next.or_else(|| self.next_member()) {
                return Some(next);
            }
        }
    }

    fn end_file(&mut self) {
        if self.file.is_empty() {
            return;
        }
        self.files_done += 1;
        self.bytes_before += if self.budget.size > 0 { self.budget.size } else { self.budget.read.load(Relaxed) };
        self.budget = Arc::default();
        self.file.clear();
    }

    fn stream(&self, stream: impl Read + Send + 'static) -> Source {
        Source::Stream(Box::new(limits::Counted::new(stream, &self.budget.read)))
    }

    fn file(&self, path: &Path, size: u64, modified: &mut Option<Time>) -> io::Result<Source> {
        let file = File::open(path)?;
        let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
        *modified = written.and_then(|time| Time::from_jiff(jiff::Timestamp::try_from(time).ok()?));
        Ok(match size {
            // Files of the kernel's have no size, but may have bytes.
            0 => self.stream(file),
            size => Source::Section(Section::of_file(file, size, Some(Arc::clone(&self.budget.read)))),
        })
    }

    /// The next thing in the archives that stand open; `None` when they have all ended.
    fn next_member(&mut self) -> Option<Next> {
        loop {
            if let Some(reason) = self.budget.broken() {
                let reason = reason.to_owned();
                if self.open.is_empty() {
                    return None;
                }
                self.open.clear();
                return Some(Next::Aside(Aside::Failed { path: self.file.clone(), reason }));
            }
            let archive = self.open.last_mut()?;
            let label = archive.label.clone();
            let next = match archive.next(self.only.as_ref()) {
                Ok(Some(Member::Node(node))) => self.classify(node),
                Ok(Some(Member::Aside(aside))) => Some(Next::Aside(aside)),
                Ok(None) => {
                    // An archive that ended because a limit was broken is still told of.
                    if self.budget.broken().is_none() {
                        self.open.pop();
                    }
                    None
                }
                Err(reason) => {
                    self.open.pop();
                    Some(Next::Aside(Aside::Failed { path: label, reason }))
                }
            };
            if next.is_some() {
                return next;
            }
        }
    }

    /// Tells what a node is: an archive is opened and gives nothing itself, all else is a piece.
    fn classify(&mut self, node: Node) -> Option<Next> {
        let path = node.label.clone();
        match self.try_classify(node) {
            Ok(next) => next,
            Err(error) => Some(Next::Aside(Aside::Failed { path, reason: reason(&error) })),
        }
    }

    fn try_classify(&mut self, node: Node) -> io::Result<Option<Next>> {
        let Node { label, mut name, size, mut modified, mut depth, source } = node;
        let section = if let Source::Section(section) = &source { Some(section.clone()) } else { None };
        let tap = Tap::new(Box::new(source), &self.pool);
        let mut input = Headed::new(Box::new(tap.clone()) as Box<dyn Read + Send>)?;
        if input.head().is_empty() {
            return Ok(Some(Next::Aside(Aside::Empty { path: label })));
        }
        let (mut layers, replaced) = (Vec::new(), Replaced::default());
        if !self.only.as_ref().is_some_and(|only| only.stored && only.labels.contains(&label)) {
            while let Some(codec) = Codec::of(input.head()) {
                depth = self.deeper(depth)?;
                modified = codec.modified(input.head()).or(modified);
                input = Headed::new(codec.expand(input, &self.budget)?)?;
                layers.push(codec.name());
                name = codec.strip(&name);
            }
            if let Some(container) = Container::of(input.head()) {
                tap.without_hash();
                let depth = self.deeper(depth)?;
                let section = section.filter(|_| layers.is_empty());
                let shown = section.clone().filter(|section| self.shows_archives && section.len() <= STORED);
                let shown = shown.map(|section| self.stored(&label, name, modified, section)).transpose()?;
                self.enter(label, depth, container, input, section)?;
                return Ok(shown.map(Next::Archive));
            }
            if let Some(mark) = Mark::of(input.head()) {
                layers.push(mark.name());
                input = Headed::new(mark.decode(input, &replaced)?)?;
            }
        }
        let piece = Arc::new(Piece { path: label });
        let section = section.filter(|_| layers.is_empty());
        Ok(Some(Next::Piece(Opened { piece, name, size, layers, modified, input, section, tap, replaced })))
    }

    fn deeper(&self, depth: u32) -> io::Result<u32> {
        match depth < self.limits.depth {
            true => Ok(depth + 1),
            false => {
                let reason = format!("limit: more than {} containers inside one another", self.limits.depth);
                Err(io::Error::other(reason))
            }
        }
    }

    fn enter(
        &mut self,
        label: String,
        depth: u32,
        container: Container,
        mut input: Headed<Box<dyn Read + Send>>,
        section: Option<Section>,
    ) -> io::Result<()> {
        let members = match (container, section) {
            (Container::Tar, Some(section)) => Members::Tar(tar::Tar::new(Source::Section(section), &self.budget)),
            (Container::Tar, None) => Members::Tar(tar::Tar::new(Source::Stream(Box::new(input)), &self.budget)),
            (_, section) => {
                let archive = section.map_or_else(|| bytes::spool(&mut input, self.limits.spool), Ok)?;
                match container {
                    Container::SevenZip => Members::SevenZip(SevenZip::new(archive, "", &self.budget)),
                    _ => Members::Zip(Box::new(zip::Zip::new(archive, &self.budget)?)),
                }
            }
        };
        self.open.push(Archive { label, depth, members, names: Names::default() });
        Ok(())
    }

    /// An archive as it is stored.
    fn stored(&self, label: &str, name: String, modified: Option<Time>, section: Section) -> io::Result<Opened> {
        let size = Some(section.len());
        let tap = Tap::new(Box::new(section.uncounted()), &self.pool);
        let input = Headed::new(Box::new(tap.clone()) as Box<dyn Read + Send>)?;
        let (piece, replaced) = (Arc::new(Piece { path: label.to_owned() }), Replaced::default());
        Ok(Opened { piece, name, size, layers: Vec::new(), modified, input, section: None, tap, replaced })
    }
}

impl Iterator for Opener {
    type Item = Next;

    fn next(&mut self) -> Option<Next> {
        match self.next_member() {
            Some(next) => Some(next),
            None => self.next_file(),
        }
    }
}

/// What an archive gives.
enum Member {
    Node(Node),
    Aside(Aside),
}

impl Archive {
    /// The next member; the error is the reason why the archive ends here.
    fn next(&mut self, only: Option<&Only>) -> Result<Option<Member>, String> {
        let is_passed = |label: &str| only.is_some_and(|only| !only.leads_to(label));
        loop {
            let member = match &mut self.members {
                Members::Zip(zip) => match zip.next() {
                    Some(entry) => {
                        let label = self.names.label(&self.label, &entry.name);
                        if is_passed(&label) {
                            continue;
                        }
                        let opened = zip.open(&entry);
                        node(&entry.name, entry.size, entry.modified, opened, label, self.depth)
                    }
                    None => return zip.failure.take().map_or(Ok(None), Err),
                },
                Members::SevenZip(archive) => match archive.next() {
                    Some(entry) => {
                        let label = self.names.label(&self.label, &entry.name);
                        if is_passed(&label) {
                            continue;
                        }
                        let (name, size, modified) = (entry.name.clone(), entry.size, entry.modified);
                        node(&name, size, modified, archive.open(entry), label, self.depth)
                    }
                    None => {
                        let failure = archive.failure.take().map(|failure| failure.aside(self.label.clone()));
                        return Ok(failure.map(Member::Aside));
                    }
                },
                Members::Tar(tar) => match tar.next().map_err(|error| reason(&error))? {
                    Some(entry) => {
                        let (tar::Entry::File { name, .. } | tar::Entry::Other { name, .. }) = &entry;
                        let label = self.names.label(&self.label, name.strip_prefix("./").unwrap_or(name));
                        if is_passed(&label) {
                            continue;
                        }
                        node_of_tar(entry, label, self.depth)
                    }
                    None => return Ok(None),
                },
            };
            return Ok(Some(member));
        }
    }
}

/// A member of a zip or 7z archive.
fn node(
    name: &str,
    size: u64,
    modified: Option<Time>,
    opened: Result<Source, Refused>,
    label: String,
    depth: u32,
) -> Member {
    match opened {
        Ok(source) => {
            Member::Node(Node { label, name: base_name(name).to_owned(), size: Some(size), modified, depth, source })
        }
        Err(refused) => Member::Aside(refused.aside(label)),
    }
}

fn node_of_tar(entry: tar::Entry, label: String, depth: u32) -> Member {
    match entry {
        tar::Entry::File { name, size, modified, source } => {
            let name = base_name(&name).to_owned();
            Member::Node(Node { label, name, size: Some(size), modified, depth, source })
        }
        tar::Entry::Other { reason, .. } => Member::Aside(Aside::Skipped { path: label, reason }),
    }
}

/// Labels that no two members of an archive share. Keeps hashes, not names, so that memory is bounded by the limit
/// on members.
#[derive(Default)]
struct Names {
    seen: HashMap<u64, u32>,
    state: RandomState,
}

impl Names {
    fn label(&mut self, archive: &str, name: &str) -> String {
        let mut count = *self.seen.entry(self.state.hash_one(name)).and_modify(|count| *count += 1).or_insert(1);
        if count == 1 {
            return format!("{archive}!/{name}");
        }
        loop {
            let numbered = format!("{name} ({count})");
            let known = self.seen.entry(self.state.hash_one(&numbered)).or_insert(0);
            *known += 1;
            if *known == 1 {
                self.seen.insert(self.state.hash_one(name), count);
                return format!("{archive}!/{numbered}");
            }
            count += 1;
        }
    }
}

/// Opens the piece named by a label such as `backup.zip!/logs/Security.evtx` again.
///
/// # Errors
/// When there is no such file, no such member in it, or it cannot be read.
pub fn open_one(label: &str, limits: &Limits) -> io::Result<Opened> {
    let file = file_of(label).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no file at {label}")))?;
    let mut opener = Opener::new(&[PathBuf::from(file)], limits).showing_archives(true);
    if let Some((path, reason)) = opener.unreadable.first() {
        return Err(io::Error::other(format!("{path}: {reason}")));
    }
    opener.only = Some(Only { labels: [label.to_owned()].into(), stored: false });
    for next in &mut opener {
        match next {
            Next::Piece(opened) | Next::Archive(opened) if opened.piece.path == label => return Ok(opened),
            Next::Piece(_) | Next::Archive(_) => {}
            Next::Aside(Aside::Empty { path }) => return Err(io::Error::other(format!("{path} is empty"))),
            Next::Aside(Aside::Skipped { path, reason } | Aside::Failed { path, reason }) => {
                return Err(io::Error::other(format!("{path}: {reason}")));
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, format!("no piece of evidence in {file} is named {label}")))
}

/// Shows the bytes behind labels as they are stored: nothing is unpacked but the archives around them. Each file is gone through once.
///
/// Of a label that is not there, or cannot be read, the error is shown.
pub fn stored(labels: &BTreeSet<String>, limits: &Limits, show: &mut dyn FnMut(&str, io::Result<&mut dyn Read>)) {
    let mut by_file: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for label in labels {
        by_file.entry(file_of(label).unwrap_or_default()).or_default().insert(label.clone());
    }
    for (file, mut missing) in by_file {
        let mut opener = Opener::new(&[PathBuf::from(file)], limits);
        opener.only = Some(Only { labels: missing.clone(), stored: true });
        for next in &mut opener {
            match next {
                Next::Piece(mut opened) if missing.remove(&opened.piece.path) => {
                    show(&Arc::clone(&opened.piece).path, Ok(&mut opened));
                }
                Next::Aside(Aside::Empty { path }) if missing.remove(&path) => show(&path, Ok(&mut io::empty())),
                Next::Piece(_) | Next::Archive(_) | Next::Aside(Aside::Empty { .. }) => {}
                Next::Aside(Aside::Skipped { path, reason } | Aside::Failed { path, reason }) => {
                    if missing.remove(&path) {
                        show(&path, Err(io::Error::other(reason)));
                    }
                }
            }
        }
        missing.iter().for_each(|label| show(label, Err(io::ErrorKind::NotFound.into())));
    }
}

/// The file that a label begins with: all of it, or what stands before one of its `!/`.
fn file_of(label: &str) -> Option<&str> {
    if label == walk::STDIN || label.starts_with("-!/") {
        return Some(walk::STDIN);
    }
    enclosing(label).find(|path| Path::new(path).is_file())
}

/// What a label leads through, outermost first: its file, the archives in it, the label itself. A name may hold `!/`, so that not each of them is there.
pub fn enclosing(label: &str) -> impl Iterator<Item = &str> {
    let ends = label.match_indices("!/").map(|(at, _)| at).chain([label.len()]);
    ends.filter_map(|end| label.get(..end))
}

fn base_name(path: &str) -> &str {
    path.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or(path)
}

fn already_read() -> io::Error {
    io::Error::other("standard input has been read already")
}

/// An error as a reason: in lower case, without the system's number for it.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    lower(text.split(" (os error ").next().unwrap_or(&text))
}

/// Text with its first letter in lower case, unless the word is an abbreviation.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Bytes read and files gone through so far, for [`crate::Progress`].
pub(crate) fn publish(opener: &Opener, files: &AtomicU64, bytes: &AtomicU64) {
    let (files_done, bytes_done) = opener.done();
    files.store(files_done, Relaxed);
    bytes.store(bytes_done, Relaxed);
}
