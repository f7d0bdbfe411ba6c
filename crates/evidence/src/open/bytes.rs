//! Bytes as they stand: sections of files and of memory, heads, and what is set aside to be read in any order.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// How much of a piece is looked at to tell what it is.
pub(super) const HEAD: usize = 64 << 10;

/// Archives up to this size are set aside in memory, larger ones in a temporary file.
const IN_MEMORY: usize = 4 << 20;

/// Where a [`Section`]'s bytes are.
#[derive(Clone)]
enum Store {
    File(Arc<File>),
    Memory(Arc<Vec<u8>>),
}

/// A part of something that can be read at any place, and by several readers at once.
#[derive(Clone)]
pub(super) struct Section {
    store: Store,
    start: u64,
    end: u64,
    at: u64,
    count: Option<Arc<AtomicU64>>,
}

impl Section {
    /// The first `len` bytes of a file; `count` tells how many were read.
    pub fn of_file(file: File, len: u64, count: Option<Arc<AtomicU64>>) -> Self {
        Self { store: Store::File(Arc::new(file)), start: 0, end: len, at: 0, count }
    }

    /// Bytes that lie in memory.
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        let end = bytes.len() as u64;
        Self { store: Store::Memory(Arc::new(bytes)), start: 0, end, at: 0, count: None }
    }

    /// The same, of whose reading nobody is told.
    pub fn uncounted(self) -> Self {
        Self { count: None, ..self }
    }

    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    pub fn position(&self) -> u64 {
        self.at - self.start
    }

    /// `len` bytes from `start`; `None` if not all of them are there.
    pub fn part(&self, start: u64, len: u64) -> Option<Self> {
        let start = self.start.checked_add(start)?;
        let end = start.checked_add(len)?;
        (end <= self.end).then(|| Self { start, end, at: start, ..self.clone() })
    }

    /// Passes over `bytes`, as far as there are so many; tells over how many.
    pub fn skip(&mut self, bytes: u64) -> u64 {
        let skipped = bytes.min(self.end - self.at);
        self.at += skipped;
        skipped
    }
}

impl Read for Section {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = left.min(out.len());
        let Some(out) = out.get_mut(..wanted) else { return Ok(0) };
        let read = match &self.store {
            Store::File(file) => read_at(file, out, self.at)?,
            Store::Memory(bytes) => {
                let from = usize::try_from(self.at).unwrap_or(usize::MAX);
                bytes.get(from..).unwrap_or_default().read(out)?
            }
        };
        self.at += read as u64;
        if let Some(count) = &self.count {
            count.fetch_add(read as u64, Relaxed);
        }
        Ok(read)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "place outside of the archive");
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.position().checked_add_signed(by),
        };
        let to = to.ok_or_else(outside)?;
        self.at = self.start.checked_add(to.min(self.len())).ok_or_else(outside)?;
        Ok(self.position())
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, at)
}

#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, at)
}

/// What is read from: a section where that is possible, else a stream.
pub(super) enum Source {
    Section(Section),
    Stream(Box<dyn Read + Send>),
}

impl Source {
    /// Passes over `bytes`; tells over how many, fewer only at the end.
    pub fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        match self {
            Self::Section(section) => Ok(section.skip(bytes)),
            Self::Stream(stream) => io::copy(&mut stream.take(bytes), &mut io::sink()),
        }
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Section(section) => section.read(out),
            Self::Stream(stream) => stream.read(out),
        }
    }
}

/// Something of which the first bytes have been read already.
pub(super) struct Headed<R> {
    head: Vec<u8>,
    at: usize,
    error: Option<io::Error>,
    rest: R,
}

impl<R: Read> Headed<R> {
    /// Reads up to [`HEAD`] bytes ahead.
    ///
    /// # Errors
    /// When not one byte can be read; an error behind the first byte comes when it is read.
    pub fn new(mut rest: R) -> io::Result<Self> {
        let mut head = Vec::new();
        let error = (&mut rest).take(HEAD as u64).read_to_end(&mut head).err();
        match error {
            Some(error) if head.is_empty() => Err(error),
            error => Ok(Self { head, at: 0, error, rest }),
        }
    }

    pub fn head(&self) -> &[u8] {
        &self.head
    }
}

impl<R: Read> Read for Headed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut ahead = self.head.get(self.at..).unwrap_or_default();
        if !ahead.is_empty() {
            let read = ahead.read(out)?;
            self.at += read;
            return Ok(read);
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.rest.read(out),
        }
    }
}

/// Sets a stream aside, so that it can be read in any order.
///
/// # Errors
/// When the stream breaks off, is longer than `limit`, or the temporary file cannot be written.
pub(super) fn spool(stream: &mut dyn Read, limit: u64) -> io::Result<Section> {
    let (mut spool, mut buffer) = (Spool::new(limit), Vec::new());
    loop {
        buffer.clear();
        if stream.take(1 << 20).read_to_end(&mut buffer)? == 0 {
            return Ok(spool.finish());
        }
        spool.add(&buffer)?;
    }
}

/// Bytes that are set aside: in memory if they are few, else in a temporary file that has no name.
pub(super) struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    len: u64,
    limit: u64,
}

impl Spool {
    /// Nothing yet, and never more than `limit` bytes.
    pub const fn new(limit: u64) -> Self {
        Self { memory: Vec::new(), file: None, len: 0, limit }
    }

    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Adds bytes behind those that are there.
    ///
    /// # Errors
    /// When there are too many, or the temporary file cannot be written.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = self.len + bytes.len() as u64;
        if len > self.limit {
            let limit = self.limit;
            return Err(io::Error::other(format!("limit: more than {limit} bytes of an archive to be set aside")));
        }
        if self.file.is_none() && self.memory.len() + bytes.len() <= IN_MEMORY {
            self.memory.extend_from_slice(bytes);
        } else {
            self.write(bytes).map_err(|error| {
                // What of it was written stands in the way of whatever comes next.
                self.limit = self.len;
                let reason = super::reason(&error);
                io::Error::new(
                    error.kind(),
                    format!("the archive could not be set aside in a temporary file: {reason}"),
                )
            })?;
        }
        self.len = len;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(&std::mem::take(&mut self.memory))?;
        file.write_all(bytes)
    }

    /// What was added, to be read.
    pub fn finish(self) -> Section {
        match self.file {
            Some(file) => Section::of_file(file, self.len, None),
            None => Section::of_bytes(self.memory),
        }
    }
}
