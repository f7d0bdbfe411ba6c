//! What bounds the work that one file, written by an attacker, can cause.

use std::{
    io::{self, Read},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Bounds on what one file that was given, with all the containers in it, may cost. What goes beyond ends the
/// container it stands in, which is told as a failure; what came before stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many containers (archives and compressed streams) may stand inside one another.
    pub depth: u32,
    /// How many members the archives of one file may have together.
    pub members: u64,
    /// How many bytes may come out of one file's compressed streams together.
    pub expanded: u64,
    /// How many bytes may come out of a compressed stream, or a whole file, for each byte of it.
    pub ratio: u64,
    /// `ratio` is measured once this many bytes came out.
    pub ratio_after: u64,
    /// How many bytes of an archive that cannot be read where it stands (a zip inside another container) may be
    /// set aside in a temporary file without a name.
    pub spool: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 4, members: 100_000, expanded: 64 << 30, ratio: 1_000, ratio_after: 64 << 20, spool: 4 << 30 }
    }
}

/// What one file has used of its [`Limits`]; shared by everything that reads from it.
#[derive(Debug, Default)]
pub(super) struct Budget {
    pub limits: Limits,
    /// The file's size; 0 for a stream, whose bytes are counted in `read` instead.
    pub size: u64,
    /// Bytes of the file read so far.
    pub read: Arc<AtomicU64>,
    expanded: AtomicU64,
    members: AtomicU64,
    broken: OnceLock<String>,
}

impl Budget {
    pub fn new(limits: &Limits, size: u64) -> Self {
        Self { limits: limits.clone(), size, ..Self::default() }
    }

    /// Which limit of the whole file was broken, if one was: nothing more is to be taken from the file.
    pub fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Counts a member of an archive; false if there are too many.
    pub fn member(&self) -> bool {
        let within = self.members.fetch_add(1, Relaxed) < self.limits.members;
        if !within {
            self.break_off(self.too_many_members());
        }
        within
    }

    /// How many bytes came out of compressed streams.
    pub fn expanded(&self) -> u64 {
        self.expanded.load(Relaxed)
    }

    pub fn too_many_members(&self) -> String {
        format!("limit: more than {} members in the archives of one file", self.limits.members)
    }

    fn break_off(&self, reason: String) -> io::Error {
        let error = io::Error::other(reason.clone());
        let _ = self.broken.set(reason);
        error
    }

    fn expand(&self, bytes: u64) -> io::Result<()> {
        let total = self.expanded.fetch_add(bytes, Relaxed) + bytes;
        if total > self.limits.expanded {
            let allowed = self.limits.expanded;
            return Err(self.break_off(format!("limit: more than {allowed} bytes came out of the file")));
        }
        // The size alone would let what is read of a stream pass; what is read alone would count bytes of a
        // file twice that were read twice.
        let stored = if self.size > 0 { self.size } else { self.read.load(Relaxed) };
        match self.over_ratio(total, stored) {
            true => Err(self.break_off(self.ratio_reason("the file"))),
            false => Ok(()),
        }
    }

    fn over_ratio(&self, out: u64, stored: u64) -> bool {
        out > self.limits.ratio_after && out > stored.max(1).saturating_mul(self.limits.ratio)
    }

    fn ratio_reason(&self, what: &str) -> String {
        let Limits { ratio, ratio_after, .. } = self.limits;
        format!("limit: more than {ratio} bytes for each byte of {what} (and more than {ratio_after}) came out of it")
    }
}

/// Counts the bytes that pass.
pub(super) struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub fn new(inner: R, count: &Arc<AtomicU64>) -> Self {
        Self { inner, count: Arc::clone(count) }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.count.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// What comes out of a decompressor, held to the limits.
pub(super) struct Expanded<R> {
    inner: R,
    stored: Arc<AtomicU64>,
    out: u64,
    budget: Arc<Budget>,
}

impl<R> Expanded<R> {
    /// `stored` counts what goes into the decompressor.
    pub fn new(inner: R, stored: &Arc<AtomicU64>, budget: &Arc<Budget>) -> Self {
        Self { inner, stored: Arc::clone(stored), out: 0, budget: Arc::clone(budget) }
    }
}

impl<R: Read> Read for Expanded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(reason) = self.budget.broken() {
            return Err(io::Error::other(reason.to_owned()));
        }
        let read = self.inner.read(out)?;
        self.out += read as u64;
        self.budget.expand(read as u64)?;
        if self.budget.over_ratio(self.out, self.stored.load(Relaxed)) {
            return Err(io::Error::other(self.budget.ratio_reason("a compressed stream")));
        }
        Ok(read)
    }
}
