//! 7z archives by the `sevenz-rust2` crate. What is packed together can only be unpacked from its beginning, so an
//! archive is unpacked when it is opened, all members into one place.
//!
//! 7-Zip's `DOC/7zFormat.txt`.

use std::{
    io::{self, Read, Seek},
    sync::{Arc, atomic::AtomicU64},
};

use event::Time;
use sevenz_rust2::{Archive, ArchiveEntry, BlockDecoder, Error, Password};

use super::{
    Refused,
    bytes::{Section, Source, Spool},
    limits::{Budget, Expanded},
};

/// Memory for the list of members, and for what each decompressor remembers, in KiB.
const LIST: usize = 64 << 10;
const MEMORY: usize = 256 << 10;

/// How much is unpacked at once.
const BUFFER: usize = 64 << 10;

/// Whether a file that begins with `head` is a 7z archive.
pub(super) fn is_seven_zip(head: &[u8]) -> bool {
    head.starts_with(b"7z\xbc\xaf\x27\x1c")
}

/// A member of an archive.
pub(super) struct Entry {
    pub name: String,
    pub size: u64,
    pub modified: Option<Time>,
    unpacked: Result<Unpacked, Refused>,
}

/// What came out of a member: where it stands, and why there is no more of it.
struct Unpacked {
    start: u64,
    len: u64,
    failure: Option<String>,
}

impl Entry {
    fn new(file: &ArchiveEntry, unpacked: Result<Unpacked, Refused>) -> Self {
        let modified = file.has_last_modified_date.then(|| Time::from_filetime(file.last_modified_date.into()));
        Self { name: file.name.replace('\\', "/"), size: file.size, modified: modified.flatten(), unpacked }
    }
}

/// An archive's members: those with content as they are packed, then the empty ones.
pub(super) struct SevenZip {
    place: Section,
    entries: std::vec::IntoIter<Entry>,
    budget: Arc<Budget>,
    /// Why the archive, or something behind its members, could not be read.
    pub failure: Option<Refused>,
}

impl SevenZip {
    /// Unpacks an archive: what is encrypted with `password`, unless that is empty.
    pub fn new(mut archive: Section, password: &str, budget: &Arc<Budget>) -> Self {
        let mut unpacker = Unpacker {
            stored: Arc::new(AtomicU64::new(archive.len())),
            budget: Arc::clone(budget),
            spool: Spool::new(budget.limits.spool),
            entries: Vec::new(),
        };
        let failure = unpacker.archive(&mut archive, &Password::new(password)).err();
        let Unpacker { spool, entries, .. } = unpacker;
        Self { place: spool.finish(), entries: entries.into_iter(), budget: Arc::clone(budget), failure }
    }

    /// The next member; `None` at the end, or where the limit on members is reached.
    pub fn next(&mut self) -> Option<Entry> {
        let entry = self.entries.next()?;
        self.budget.member().then_some(entry)
    }

    /// The bytes of a member; where it is damaged, the error comes behind those that could be unpacked.
    pub fn open(&self, entry: Entry) -> Result<Source, Refused> {
        let Unpacked { start, len, failure } = entry.unpacked?;
        let section = self.place.part(start, len).ok_or_else(|| Refused::Failed("it could not be unpacked".to_owned()));
        Ok(match failure {
            None => Source::Section(section?),
            Some(reason) => Source::Stream(Box::new(section?.chain(Failing(reason)))),
        })
    }
}

/// An error to be read.
struct Failing(String);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::InvalidData, self.0.clone()))
    }
}

/// An archive that is being unpacked.
struct Unpacker {
    /// How many bytes it has.
    stored: Arc<AtomicU64>,
    budget: Arc<Budget>,
    spool: Spool,
    entries: Vec<Entry>,
}

impl Unpacker {
    fn archive(&mut self, archive: &mut (impl Read + Seek), password: &Password) -> Result<(), Refused> {
        let list = Archive::read_with_memory_limit(archive, password, LIST).map_err(refused)?;
        if list.files.len() as u64 > self.budget.limits.members {
            return Err(Refused::Failed(self.budget.too_many_members()));
        }
        // What does not fit its checksum is looked at all the same, as 7-Zip unpacks it.
        let mut unchecked = list.clone();
        unchecked.files.iter_mut().for_each(|file| file.has_crc = false);
        let mut result = Ok(());
        for block in 0..list.blocks.len() {
            let packed = decoder(block, &list, password, archive);
            let files = Vec::from_iter(packed.entries().iter().filter(|file| file.has_stream).cloned());
            let behind = self.block(decoder(block, &unchecked, password, archive), &files);
            result = result.and(behind);
            if self.budget.broken().is_some() {
                return Ok(());
            }
        }
        let empty = list.files.iter().filter(|file| !file.has_stream && !file.is_directory && !file.is_anti_item);
        let nothing = || Ok(Unpacked { start: 0, len: 0, failure: None });
        self.entries.extend(empty.map(|file| Entry::new(file, nothing())));
        result
    }

    /// Unpacks the files that are packed together.
    ///
    /// # Errors
    /// What is wrong behind the files.
    fn block(&mut self, decoder: BlockDecoder<'_, impl Read + Seek>, files: &[ArchiveEntry]) -> Result<(), Refused> {
        let mut left = files.iter();
        let unpacked = decoder.for_each_entries(&mut |file, bytes| {
            if !file.has_stream {
                return Ok(true);
            }
            let Some(file) = left.next() else { return Ok(false) };
            let unpacked = self.file(file, bytes);
            let goes_on = match &unpacked {
                Ok(unpacked) => unpacked.len == file.size,
                Err(refused) => matches!(refused, Refused::Skipped(_)),
            };
            self.entries.push(Entry::new(file, unpacked));
            Ok(goes_on)
        });
        let behind = match unpacked {
            Ok(true) => return Ok(()),
            Ok(false) => Refused::Failed("it is packed together with a file before it that is damaged".to_owned()),
            Err(error) if left.as_slice().is_empty() => return Err(refused(error)),
            Err(error) => refused(error),
        };
        self.entries.extend(left.map(|file| Entry::new(file, Err(behind.clone()))));
        Ok(())
    }

    /// Unpacks a file; one that breaks off is kept as far as it goes.
    fn file(&mut self, file: &ArchiveEntry, bytes: &mut dyn Read) -> Result<Unpacked, Refused> {
        if is_link(file) {
            io::copy(bytes, &mut io::sink()).map_err(|error| refused(error.into()))?;
            return Err(Refused::Skipped("symbolic link, not followed".to_owned()));
        }
        let mut bytes = Expanded::new(bytes, &self.stored, &self.budget);
        let (start, mut hash, mut buffer) = (self.spool.len(), crc32fast::Hasher::new(), vec![0; BUFFER]);
        let failure = loop {
            let read = match bytes.read(&mut buffer) {
                Ok(0) => break None,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) => break Some(words(&error)),
            };
            hash.update(read);
            if let Err(error) = self.spool.add(read) {
                break Some(super::reason(&error));
            }
        };
        let (expected, found) = (file.crc, u64::from(hash.finalize()));
        let wrong = (file.has_crc && found != expected)
            .then(|| format!("expected the 7z member's CRC-32 to be {expected:08x}, found {found:08x}"));
        Ok(Unpacked { start, len: self.spool.len() - start, failure: failure.or(wrong) })
    }
}

fn decoder<'a, R: Read + Seek>(
    block: usize,
    list: &'a Archive,
    password: &'a Password,
    archive: &'a mut R,
) -> BlockDecoder<'a, R> {
    BlockDecoder::new_with_memory_limit(1, MEMORY, block, list, password, archive)
}

/// Whether a member is a link, of Windows or of Unix, whose type stands in the upper half if a bit says so.
fn is_link(file: &ArchiveEntry) -> bool {
    const REPARSE_POINT: u32 = 0x400;
    const UNIX: u32 = 0x8000;
    let attributes = if file.has_windows_attributes { file.windows_attributes } else { 0 };
    attributes & REPARSE_POINT != 0 || attributes & UNIX != 0 && (attributes >> 16) & 0o170_000 == 0o120_000
}

/// An error of the library.
fn refused(error: Error) -> Refused {
    match error {
        Error::PasswordRequired => Refused::Skipped("encrypted".to_owned()),
        Error::UnsupportedCompressionMethod(method) => {
            Refused::Skipped(format!("compressed by a method that is not read ({method})"))
        }
        Error::MaxMemLimited { max_kb, .. } => {
            Refused::Failed(format!("limit: unpacking takes more than {max_kb} KiB of memory"))
        }
        Error::Io(error, _) | Error::MaybeBadPassword(error) => Refused::Failed(words(&error)),
        error => Refused::Failed(words(&io::Error::other(error))),
    }
}

/// An error of reading, which may hold one of the library, in our words.
fn words(error: &io::Error) -> String {
    let reason = match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        None => super::reason(error),
        Some(Error::Other(reason) | Error::Unsupported(reason)) => super::lower(reason),
        Some(Error::ChecksumVerificationFailed | Error::NextHeaderCrcMismatch) => "a checksum does not fit".to_owned(),
        Some(_) => "its list of members cannot be understood".to_owned(),
    };
    format!("the 7z archive is damaged: {reason}")
}
