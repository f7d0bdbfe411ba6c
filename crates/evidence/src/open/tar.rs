//! Tar archives, read as a stream: the headers by the `tar` crate, whose own iterator borrows the archive and so
//! cannot hand out members that live on by themselves.
//!
//! POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".

use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use event::Time;
use tar::{EntryType, Header, PaxExtensions};

use super::{
    bytes::{Section, Source},
    limits::Budget,
};

const BLOCK: u64 = 512;

/// The longest name that is kept; longer ones are cut (PATH_MAX of Linux).
pub(super) const NAME: usize = 4096;

/// The longest extended header that is read.
const EXTENDED: u64 = 1 << 20;

/// How much behind the end mark is read, so that a compressed stream's checksum is looked at.
const TRAILER: u64 = 1 << 20;

/// Whether a stream that begins with `head` is a tar archive: the checksum of the first header tells.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.first_chunk::<512>().is_some_and(|block| checksum_is_right(block) && block.first() != Some(&0))
}

fn checksum_is_right(block: &[u8; 512]) -> bool {
    let sum: u32 =
        block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
    Header::from_byte_slice(block).cksum().is_ok_and(|said| said == sum)
}

/// A member of an archive.
pub(super) enum Entry {
    /// A file.
    File { name: String, size: u64, modified: Option<Time>, source: Source },
    /// Something that is no file; why it is left out.
    Other { name: String, reason: String },
}

/// An archive, read from its beginning to its end.
pub(super) struct Tar {
    stream: Arc<Mutex<Stream>>,
    budget: Arc<Budget>,
    ended: bool,
}

/// The archive's bytes, shared with the member that is being read.
struct Stream {
    source: Source,
    /// Where the next byte of `source` stands in the archive.
    at: u64,
    /// How many bytes of the current member are to come.
    left: u64,
    /// How many bytes fill the member's last block.
    padding: u64,
    /// The current member's number; older members have ended.
    number: u64,
}

/// What extended headers say of the member behind them.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Tar {
    pub fn new(source: Source, budget: &Arc<Budget>) -> Self {
        let stream = Stream { source, at: 0, left: 0, padding: 0, number: 0 };
        Self { stream: Arc::new(Mutex::new(stream)), budget: Arc::clone(budget), ended: false }
    }

    /// The next member that is a file or is to be named; `None` at the end.
    ///
    /// # Errors
    /// When the archive breaks off or has no header where one must be; it has ended then.
    pub fn next(&mut self) -> io::Result<Option<Entry>> {
        if self.ended {
            return Ok(None);
        }
        let stream = Arc::clone(&self.stream);
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = self.advance(&mut stream);
        self.ended = !matches!(entry, Ok(Some(_)));
        entry
    }

    fn advance(&self, stream: &mut Stream) -> io::Result<Option<Entry>> {
        let mut extended = Extended::default();
        loop {
            stream.finish_member()?;
            let Some(block) = stream.header()? else { return Ok(None) };
            if !self.budget.member() {
                return Ok(None); // The budget is broken, which is told for the whole file.
            }
            let header = Header::from_byte_slice(&block);
            let size = header.entry_size()?;
            match header.entry_type() {
                EntryType::GNULongName => extended.name = Some(stream.extended(size)?),
                EntryType::XHeader => extended.read(&stream.extended(size)?),
                EntryType::GNULongLink | EntryType::XGlobalHeader => stream.begin_member(size),
                EntryType::Directory => {
                    stream.begin_member(extended.size.unwrap_or(size));
                    extended = Extended::default();
                }
                _ => return self.entry(stream, header, extended).map(Some),
            }
        }
    }

    fn entry(&self, stream: &mut Stream, header: &Header, extended: Extended) -> io::Result<Entry> {
        let name = extended.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let name = String::from_utf8_lossy(name.get(..NAME).unwrap_or(&name)).into_owned();
        let size = extended.size.unwrap_or(header.entry_size()?);
        let kind = header.entry_type();
        if kind == EntryType::GNUSparse {
            stream.skip_sparse_map(header)?;
        }
        stream.begin_member(size);
        let reason = match kind {
            EntryType::Regular | EntryType::Continuous if !extended.sparse => {
                return Ok(Entry::File { name, size, modified: modified(header), source: self.member(stream) });
            }
            EntryType::GNUSparse | EntryType::Regular | EntryType::Continuous => "sparse file in a tar archive".into(),
            EntryType::Symlink => "symbolic link, not followed".into(),
            EntryType::Link => "hard link to another member".into(),
            EntryType::Fifo => "named pipe".into(),
            EntryType::Char | EntryType::Block => "device".into(),
            other => format!("member of the unknown kind {:#04x}", other.as_byte()),
        };
        Ok(Entry::Other { name, reason })
    }

    /// The current member's bytes: a section where the archive is one, which spares copies.
    fn member(&self, stream: &Stream) -> Source {
        match &stream.source {
            Source::Section(archive) if let Some(part) = whole(archive, stream.left) => Source::Section(part),
            _ => Source::Stream(Box::new(Member { stream: Arc::clone(&self.stream), number: stream.number })),
        }
    }
}

/// When a member was modified; 0 where whoever packed it did not say.
fn modified(header: &Header) -> Option<Time> {
    let seconds = header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok()).filter(|seconds| *seconds > 0)?;
    seconds.checked_mul(1_000_000_000).map(Time::from_nanos)
}

fn whole(archive: &Section, len: u64) -> Option<Section> {
    archive.part(archive.position(), len)
}

impl Extended {
    fn read(&mut self, bytes: &[u8]) {
        for extension in PaxExtensions::new(bytes).flatten() {
            match extension.key() {
                Ok("path") => self.name = Some(extension.value_bytes().to_vec()),
                Ok("size") => self.size = extension.value().ok().and_then(|size| size.parse().ok()),
                Ok(key) if key.starts_with("GNU.sparse.") => self.sparse = true,
                _ => {}
            }
        }
    }
}

impl Stream {
    fn begin_member(&mut self, size: u64) {
        self.number += 1;
        self.left = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
    }

    /// Passes over what was not read of the current member.
    fn finish_member(&mut self) -> io::Result<()> {
        for bytes in [std::mem::take(&mut self.left), std::mem::take(&mut self.padding)] {
            let skipped = self.source.skip(bytes)?;
            self.at += skipped;
            if skipped < bytes {
                let reason = format!("the tar archive ends at byte {} within a member", self.at);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
            }
        }
        Ok(())
    }

    /// The next header; `None` at the end mark.
    fn header(&mut self) -> io::Result<Option<[u8; 512]>> {
        let mut block = [0; 512];
        let at = self.at;
        self.source.read_exact(&mut block).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof if error.get_ref().is_none() || is_plain_end(&error) => {
                io::Error::new(error.kind(), format!("the tar archive ends at byte {at} without its end mark"))
            }
            _ => error,
        })?;
        self.at += BLOCK;
        if block.iter().all(|byte| *byte == 0) {
            self.source.skip(TRAILER)?;
            return Ok(None);
        }
        if !checksum_is_right(&block) {
            let reason = format!("expected a tar header at byte {at}, its checksum is wrong");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(Some(block))
    }

    /// What stands in an extended header; nothing if it is over the limit, so that the member keeps its short name.
    fn extended(&mut self, size: u64) -> io::Result<Vec<u8>> {
        self.begin_member(size);
        let mut bytes = Vec::new();
        if size <= EXTENDED {
            let read = (&mut self.source).take(size).read_to_end(&mut bytes)? as u64;
            self.left -= read;
            self.at += read;
        }
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Ok(bytes)
    }

    /// Passes over the blocks of a sparse file's map that do not fit its header.
    fn skip_sparse_map(&mut self, header: &Header) -> io::Result<()> {
        let mut more = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
        while more {
            let mut block = [0; 512];
            self.source.read_exact(&mut block)?;
            self.at += BLOCK;
            // GNU tar manual, struct sparse_header: 21 entries of 24 bytes, then `isextended`.
            more = block.get(504) == Some(&1);
        }
        Ok(())
    }
}

/// Whether `read_exact` made the error, not the stream below.
fn is_plain_end(error: &io::Error) -> bool {
    error.to_string() == "failed to fill whole buffer"
}

/// The bytes of one member; ended when the archive has moved on.
struct Member {
    stream: Arc<Mutex<Stream>>,
    number: u64,
}

impl Read for Member {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = usize::try_from(stream.left).unwrap_or(usize::MAX).min(out.len());
        if stream.number != self.number || wanted == 0 {
            return Ok(0);
        }
        let read = stream.source.read(out.get_mut(..wanted).unwrap_or_default())?;
        if read == 0 {
            let reason = format!("the tar archive ends at byte {} within this member", stream.at);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        stream.left -= read as u64;
        stream.at += read as u64;
        Ok(read)
    }
}
