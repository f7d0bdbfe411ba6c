//! Zip archives: the directory by the `zip` crate, which keeps no index in memory and loses no member that has
//! the name of another; the members by readers of our own, which live on by themselves and can be held to limits.
//!
//! PKWARE APPNOTE.TXT 6.3.10.

use std::{
    io::{self, BufReader, Read, Seek, SeekFrom},
    sync::Arc,
};

use event::Time;
use zip::{
    CompressionMethod,
    read::{Config, ZipFileEntry},
    unstable::read::ZipIterable,
};

use super::{
    Refused,
    bytes::{Section, Source},
    codec::Codec,
    limits::Budget,
};

/// The most that is read of an archive to find and read its directory.
const DIRECTORY: u64 = 64 << 20;

/// Whether a file that begins with `head` is a zip archive (also an empty, or a split one of one part).
pub(super) fn is_zip(head: &[u8]) -> bool {
    [&b"PK\x03\x04"[..], b"PK\x05\x06", b"PK\x07\x08PK\x03\x04"].iter().any(|magic| head.starts_with(magic))
}

/// A member of an archive.
pub(super) struct Entry {
    pub name: String,
    pub size: u64,
    /// When it was modified, in local time as if it were UTC.
    pub modified: Option<Time>,
    header: u64,
    stored: u64,
    crc: u32,
    method: CompressionMethod,
    encrypted: bool,
    link: bool,
}

/// An archive's members, in the order of its directory.
pub(super) struct Zip {
    archive: Section,
    entries: std::vec::IntoIter<Entry>,
    /// Where the local headers stand, sorted, and where the directory does.
    headers: Vec<u64>,
    budget: Arc<Budget>,
    /// Why the directory could not be read to its end.
    pub failure: Option<String>,
}

impl Entry {
    fn new(entry: &ZipFileEntry<'_>) -> Self {
        let name = entry.name().unwrap_or_else(|_| String::from_utf8_lossy(entry.name_raw()));
        Self {
            name: name.replace('\\', "/"),
            size: entry.size(),
            modified: entry.last_modified().and_then(moment),
            header: entry.header_start(),
            stored: entry.compressed_size(),
            crc: entry.crc32(),
            method: entry.compression(),
            encrypted: entry.encrypted(),
            link: entry.is_symlink(),
        }
    }
}

/// The moment of an MS-DOS time (APPNOTE 4.4.6), if it is UTC; 1980-01-01 stands for no time.
fn moment(time: zip::DateTime) -> Option<Time> {
    let signed = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(time.year()).ok().filter(|_| time.datepart() != zip::DateTime::default().datepart())?;
    let (month, day) = (signed(time.month())?, signed(time.day())?);
    let (hour, minute, second) = (signed(time.hour())?, signed(time.minute())?, signed(time.second().min(59))?);
    let civil = jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Time::from_jiff(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

impl Zip {
    /// Reads the directory.
    ///
    /// # Errors
    /// When there is none, or none that can be understood.
    pub fn new(archive: Section, budget: &Arc<Budget>) -> io::Result<Self> {
        let damaged = |error: zip::result::ZipError| {
            io::Error::new(io::ErrorKind::InvalidData, format!("the zip archive is damaged: {}", words(&error)))
        };
        let mut directory =
            ZipIterable::try_new(Directory::new(archive.clone()), Config::default()).map_err(damaged)?;
        let (mut entries, mut failure) = (Vec::new(), None);
        for (index, entry) in directory.files().map_err(damaged)?.enumerate() {
            match entry {
                Err(error) => failure = Some(format!("the zip archive's directory is damaged: {}", words(&error))),
                Ok(_) if index as u64 > budget.limits.members => {
                    failure = Some(budget.too_many_members());
                    break;
                }
                // What is named like a folder and has content is none.
                Ok(entry) if entry.is_dir() && entry.size() == 0 => {}
                Ok(entry) => entries.push(Entry::new(&entry)),
            }
        }
        let mut headers: Vec<u64> = entries.iter().map(|entry| entry.header).collect();
        headers.sort_unstable();
        Ok(Self { archive, entries: entries.into_iter(), headers, budget: Arc::clone(budget), failure })
    }

    /// The next member; `None` at the end, or where the limit on members is reached.
    pub fn next(&mut self) -> Option<Entry> {
        let entry = self.entries.next()?;
        self.budget.member().then_some(entry)
    }

    /// The expanded bytes of a member; the checksum is looked at when they have been read to their end.
    pub fn open(&self, entry: &Entry) -> Result<Source, Refused> {
        if entry.encrypted {
            return Err(Refused::Skipped("encrypted".to_owned()));
        }
        if entry.link {
            return Err(Refused::Skipped("symbolic link, not followed".to_owned()));
        }
        let codec = Codec::of_zip(entry.method).map_err(Refused::Skipped)?;
        let section = self.data(entry).map_err(Refused::Failed)?;
        let failed = |error: io::Error| Refused::Failed(super::reason(&error));
        let bytes: Box<dyn Read + Send> = match codec {
            Codec::Stored => Box::new(section),
            codec => codec.expand(section, &self.budget).map_err(failed)?,
        };
        let hash = crc32fast::Hasher::new();
        Ok(Source::Stream(Box::new(Checked { inner: bytes, hash, left: entry.size, crc: entry.crc })))
    }

    /// Where the member's stored bytes stand. They may not reach into the next member: archives in which they do
    /// are made to give more than they hold.
    fn data(&self, entry: &Entry) -> Result<Section, String> {
        let mut header = [0; 30];
        let mut place = self.archive.part(entry.header, 30).ok_or("the member lies outside of the archive")?;
        place.read_exact(&mut header).map_err(|error| super::reason(&error))?;
        let [b'P', b'K', 3, 4, .., n0, n1, e0, e1] = header else {
            return Err(format!("expected a zip member at byte {}, found no header", entry.header));
        };
        let names = u64::from(u16::from_le_bytes([n0, n1])) + u64::from(u16::from_le_bytes([e0, e1]));
        let start = entry.header.saturating_add(30 + names);
        let after = self.headers.partition_point(|header| *header <= entry.header);
        let next = self.headers.get(after).copied().unwrap_or_else(|| self.archive.len());
        let twice = after >= 2 && self.headers.get(after - 2) == Some(&entry.header);
        if twice || start.saturating_add(entry.stored) > next {
            return Err("the member's bytes overlap with another's, as they do in zip bombs alone".to_owned());
        }
        self.archive.part(start, entry.stored).ok_or_else(|| "the member reaches beyond the archive".to_owned())
    }
}

/// An archive as it is read to find its directory. The library remembers every place that may be one, so that what
/// it reads is limited.
struct Directory {
    inner: BufReader<Section>,
    at: u64,
    len: u64,
    left: u64,
}

impl Directory {
    fn new(archive: Section) -> Self {
        let len = archive.len();
        Self { inner: BufReader::with_capacity(16 << 10, archive), at: 0, len, left: DIRECTORY }
    }
}

impl Read for Directory {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)? as u64;
        self.at += read;
        self.left = self.left.checked_sub(read).ok_or_else(|| {
            io::Error::other(format!("limit: more than {DIRECTORY} bytes to be read for a zip archive's directory"))
        })?;
        Ok(usize::try_from(read).unwrap_or(usize::MAX))
    }
}

impl Seek for Directory {
    /// Keeps what is buffered, if that is near enough: the library seeks before each member.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let to = to.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the archive"))?;
        let to = to.min(self.len);
        match i64::try_from(i128::from(to) - i128::from(self.at)) {
            Ok(by) => self.inner.seek_relative(by)?,
            Err(_) => self.inner.seek(SeekFrom::Start(to)).map(drop)?,
        }
        self.at = to;
        Ok(to)
    }
}

/// The library's error without its introduction.
fn words(error: &zip::result::ZipError) -> String {
    let text = error.to_string();
    let text = text.trim_start_matches("invalid Zip archive: ").trim_start_matches("unsupported Zip archive: ");
    super::lower(text)
}

/// Holds a member to the size and checksum that the directory gives it.
struct Checked {
    inner: Box<dyn Read + Send>,
    hash: crc32fast::Hasher,
    left: u64,
    crc: u32,
}

impl Read for Checked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        let wrong = |reason: String| Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        let Some(left) = self.left.checked_sub(read as u64) else {
            return wrong("the zip member is longer than the directory says".to_owned());
        };
        self.left = left;
        self.hash.update(out.get(..read).unwrap_or_default());
        if read > 0 || out.is_empty() {
            return Ok(read);
        }
        let found = self.hash.clone().finalize();
        match (left, found == self.crc) {
            (0, true) => Ok(0),
            (0, false) => wrong(format!("expected the zip member's CRC-32 to be {:08x}, found {found:08x}", self.crc)),
            (left, _) => wrong(format!("the zip member ends {left} bytes before the size that the directory gives")),
        }
    }
}
