//! Where the records of a chunk are: its header, the walk along its records, and what stands behind them.

use event::{Damage, Position, Time};
use memchr::memmem;

use super::{FILE_HEADER, FILE_SIGNATURE};

/// Size of a chunk.
pub(super) const CHUNK: usize = 0x1_0000;
/// Size of a chunk's header; records follow.
pub(super) const CHUNK_HEADER: usize = 512;
/// What a chunk begins with.
pub(super) const CHUNK_SIGNATURE: &[u8] = b"ElfChnk\0";
/// What a record begins with.
const RECORD_SIGNATURE: &[u8] = b"\x2a\x2a\0\0";
/// A record's header (signature, size, id, time) and the copy of its size behind it.
const RECORD_HEADER: usize = 24;
const SMALLEST_RECORD: usize = RECORD_HEADER + 4;
/// The flag that says that there are no checksums, in a file's header as in a chunk's.
pub(super) const NO_CHECKSUM: u32 = 4;

/// A record's header, and where it stands in its chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) at: usize,
    pub(super) size: usize,
    pub(super) id: u64,
    pub(super) written: u64,
}

impl RecordHeader {
    /// Where the record's binary XML begins and ends.
    pub(super) fn content(&self) -> (usize, usize) {
        (self.at + RECORD_HEADER, self.end() - 4)
    }

    /// Where the next record begins.
    pub(super) fn end(&self) -> usize {
        self.at + self.size
    }

    /// When it was written.
    pub(super) fn time(&self) -> Option<Time> {
        Time::from_filetime(self.written)
    }

    /// The record's header at `at`, whatever its size.
    fn head(chunk: &[u8], at: usize) -> Option<Self> {
        let head: &[u8; RECORD_HEADER] = chunk.get(at..)?.first_chunk()?;
        let (signature, rest) = head.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let (id, written) = rest.split_first_chunk::<8>()?;
        let record = Self {
            at,
            size: u32::from_le_bytes(*size) as usize,
            id: u64::from_le_bytes(*id),
            written: u64::from_le_bytes(*written.first_chunk()?),
        };
        (signature == RECORD_SIGNATURE).then_some(record)
    }

    /// The record at `at`, if its size can be one and it ends by `end`.
    fn read(chunk: &[u8], at: usize, end: usize) -> Option<Self> {
        Self::head(chunk, at).filter(|record| (SMALLEST_RECORD..=end.saturating_sub(at)).contains(&record.size))
    }

    /// Whether the copy of the size behind the record is right.
    fn is_closed(&self, chunk: &[u8]) -> bool {
        u32_at(chunk, self.end() - 4) == Some(self.size as u32)
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// What a chunk's header says of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkHeader {
    pub(super) first_id: u64,
    pub(super) last_id: u64,
    pub(super) free_space: usize,
    flags: u32,
}

impl ChunkHeader {
    /// The header of a chunk that begins with the signature; `None` for any other.
    pub(super) fn read(chunk: &[u8]) -> Option<Self> {
        if !chunk.starts_with(CHUNK_SIGNATURE) {
            return None;
        }
        Some(Self {
            first_id: u64_at(chunk, 24)?,
            last_id: u64_at(chunk, 32)?,
            free_space: u32_at(chunk, 48)? as usize,
            flags: u32_at(chunk, 120)?,
        })
    }

    /// Whether its ids can be those of a chunk's records at all.
    pub(super) fn is_plausible(&self) -> bool {
        let most = (CHUNK / SMALLEST_RECORD) as u64;
        self.last_id.checked_sub(self.first_id).is_some_and(|more| more < most)
    }
}

/// The most records that `bytes` bytes can hold.
pub(super) fn most_records(bytes: usize) -> u64 {
    (bytes / SMALLEST_RECORD) as u64
}

/// Where the first chunk begins in a log of which `head` is the beginning: behind the file's header, or at the first
/// step of 4 KiB at which a chunk or its first record stands, whatever is before it. `None` if this is no log.
pub(super) fn first_chunk(head: &[u8]) -> Option<usize> {
    if head.starts_with(FILE_SIGNATURE) {
        return Some(FILE_HEADER.min(head.len()));
    }
    let head = head.get(..CHUNK).unwrap_or(head);
    let is_chunk = |at: &usize| {
        let first = RecordHeader::read(head, at + CHUNK_HEADER, head.len());
        head.get(*at..).is_some_and(|rest| rest.starts_with(CHUNK_SIGNATURE))
            || first.is_some_and(|record| record.is_closed(head))
    };
    (0..head.len()).step_by(FILE_HEADER).find(is_chunk)
}

/// The records of a chunk; kept from chunk to chunk to save allocations.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The records that the chunk holds by right, in order.
    pub(super) live: Vec<RecordHeader>,
    /// Whole records of another time, in the space that the live ones leave.
    pub(super) slack: Vec<RecordHeader>,
    /// What is broken.
    pub(super) damages: Vec<Damage>,
    /// Parts of the chunk where no live record is.
    gaps: Vec<(usize, usize)>,
}

impl Walk {
    /// Finds the records of `chunk`, which stands at `offset` of its file and may be cut short.
    pub(super) fn walk(&mut self, chunk: &[u8], offset: u64) {
        self.live.clear();
        self.slack.clear();
        self.damages.clear();
        self.gaps.clear();
        let end = match ChunkHeader::read(chunk) {
            Some(header) => {
                let trusted = self.check(chunk, &header, offset) && header.is_plausible();
                self.live_records(chunk, offset, &header, trusted)
            }
            None => {
                self.search(chunk, offset);
                return;
            }
        };
        self.gaps.push((end, chunk.len()));
        self.find_slack(chunk);
    }

    fn damage(&mut self, position: Position, records: u64, reason: String) {
        self.damages.push(Damage { position, records, reason });
    }

    /// Checks size and checksums; true if the header is as it was written.
    fn check(&mut self, chunk: &[u8], header: &ChunkHeader, offset: u64) -> bool {
        let here = Position::Offset(offset);
        if chunk.len() < CHUNK {
            self.damage(here, 0, format!("chunk has {} of {CHUNK} bytes", chunk.len()));
        }
        if header.flags & NO_CHECKSUM != 0 {
            return true;
        }
        let mut hash = crc32fast::Hasher::new();
        hash.update(chunk.get(..120).unwrap_or_default());
        hash.update(chunk.get(128..CHUNK_HEADER).unwrap_or_default());
        let (found, expected) = (hash.finalize(), u32_at(chunk, 124).unwrap_or_default());
        let trusted = found == expected;
        if !trusted {
            let reason = format!("chunk header's checksum is {found:#010x} where the header says {expected:#010x}");
            self.damage(here, 0, reason);
        }
        let Some(records) = chunk.get(CHUNK_HEADER..header.free_space) else {
            if chunk.len() == CHUNK {
                let reason = format!("chunk header says that free space begins at {:#x}", header.free_space);
                self.damage(here, 0, reason);
            }
            return trusted;
        };
        let (found, expected) = (crc32fast::hash(records), u32_at(chunk, 52).unwrap_or_default());
        if found != expected {
            let reason =
                format!("checksum of the chunk's records is {found:#010x} where its header says {expected:#010x}");
            self.damage(here, 0, reason);
        }
        trusted
    }

    /// Walks along the records from one to the next; tells where the live ones end.
    fn live_records(&mut self, chunk: &[u8], offset: u64, header: &ChunkHeader, trusted: bool) -> usize {
        let free = header.free_space;
        let end = if (CHUNK_HEADER..=chunk.len()).contains(&free) { free } else { chunk.len() };
        let ids = trusted.then_some((header.first_id, header.last_id));
        let mut at = CHUNK_HEADER;
        while at + SMALLEST_RECORD <= end {
            if let Some(record) = RecordHeader::read(chunk, at, end).filter(|record| follows(record, chunk, end)) {
                self.live.push(record);
                at = record.end();
                if ids.is_some_and(|(_, last)| last == record.id) {
                    return at;
                }
                continue;
            }
            let before = self.live.last().map(|record| record.id).or(ids.map(|(first, _)| first.wrapping_sub(1)));
            let torn =
                RecordHeader::head(chunk, at).filter(|torn| before.map(|id| id.wrapping_add(1)) == Some(torn.id));
            let before = torn.map(|torn| torn.id).or(before);
            let range = (before.map_or(0, |id| id.wrapping_add(1)), ids.map_or(u64::MAX, |(_, last)| last));
            let next = find(chunk, at + 4, end, |record| (range.0..=range.1).contains(&record.id));
            let gap = next.map_or(end, |next| next.at) - at;
            if let Some(torn) = torn {
                self.take_torn(torn, gap);
            }
            let Some(next) = next else { break };
            let records = missing(before, next.id, gap).max(torn.is_none().into());
            if records > 0 {
                self.lost(chunk, offset, (at, next.at), records);
            }
            at = next.at;
        }
        self.check_end(chunk, offset, (at, end), ids);
        at
    }

    /// Takes a record whose header is the one to be expected, although it does not end as it should: its size
    /// may be wrong, or its end overwritten. What is left of it may still be read.
    fn take_torn(&mut self, torn: RecordHeader, gap: usize) {
        let fits = (SMALLEST_RECORD..=gap).contains(&torn.size);
        self.live.push(RecordHeader { size: if fits { torn.size } else { gap }, ..torn });
        let reason = format!("size {} of the record is not repeated where it should end", torn.size);
        self.damage(Position::Record(torn.id), 0, reason);
    }

    /// Tells of the bytes between two records, or behind the last one.
    fn lost(&mut self, chunk: &[u8], offset: u64, (from, to): (usize, usize), records: u64) {
        self.gaps.push((from, to));
        let found = chunk.get(from..).unwrap_or_default();
        let found: String = found.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let reason = format!("expected a record, found {} bytes that are none (they begin with {found})", to - from);
        self.damage(Position::Offset(offset + from as u64), records, reason);
    }

    /// Behind the last record that was found: whether there ought to be more.
    fn check_end(&mut self, chunk: &[u8], offset: u64, (at, end): (usize, usize), ids: Option<(u64, u64)>) {
        let blank = chunk.get(at..end).unwrap_or_default().iter().all(|byte| *byte == 0);
        let Some((first, last)) = ids else {
            if !blank {
                self.lost(chunk, offset, (at, end), 1);
            }
            return;
        };
        let read_to = self.live.last().map_or(first.wrapping_sub(1), |record| record.id);
        let records = last.saturating_sub(read_to);
        if records > 0 && records <= most_records(CHUNK) {
            let reason = format!("records {} to {last} are missing", read_to.wrapping_add(1));
            self.damage(Position::Offset(offset + at as u64), records, reason);
        } else if !blank && end < CHUNK {
            self.lost(chunk, offset, (at, end), 0);
        }
    }

    /// A chunk whose header is gone: takes every whole record in it.
    fn search(&mut self, chunk: &[u8], offset: u64) {
        let found: String = chunk.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let (mut at, mut lost) = (0, 0);
        while let Some(record) = find(chunk, at, chunk.len(), |_| true) {
            let last = self.live.last().map(|record| record.id);
            lost += missing(last, record.id, record.at - at);
            at = record.end();
            self.live.push(record);
        }
        let count = self.live.len();
        let reason = format!("expected the signature of a chunk, found {found}; {count} whole records stand in it");
        self.damage(Position::Offset(offset), lost, reason);
    }

    /// Takes the whole records from where no live ones are, unless they are copies of live ones or of each other.
    fn find_slack(&mut self, chunk: &[u8]) {
        let mut known: Vec<u64> = Vec::new();
        for (from, to) in std::mem::take(&mut self.gaps) {
            let mut at = from;
            while let Some(record) = find(chunk, at, to, |_| true) {
                at = record.end();
                self.slack.push(record);
            }
        }
        if self.slack.is_empty() {
            return;
        }
        known.extend(self.live.iter().map(|record| record.id));
        known.sort_unstable();
        self.slack.retain(|record| known.binary_search(&record.id).is_err());
        self.slack.sort_by_key(|record| record.id);
        self.slack.dedup_by_key(|record| record.id);
    }
}

/// Whether a record at its right place is one: its size stands behind it, or the next one does.
fn follows(record: &RecordHeader, chunk: &[u8], end: usize) -> bool {
    let next = record.end();
    record.is_closed(chunk) || next == end || chunk.get(next..).is_some_and(|rest| rest.starts_with(RECORD_SIGNATURE))
}

/// The first whole record within `from..to` whose header is accepted.
pub(super) fn find(
    chunk: &[u8],
    from: usize,
    to: usize,
    accept: impl Fn(&RecordHeader) -> bool,
) -> Option<RecordHeader> {
    let searched = chunk.get(from..to)?;
    let places = memmem::find_iter(searched, RECORD_SIGNATURE).map(|at| from + at).filter(|at| at.is_multiple_of(4));
    let records = places.filter_map(|at| RecordHeader::read(chunk, at, to));
    records.filter(|record| record.is_closed(chunk)).find(accept)
}

/// How many records are missing between two ids, as far as `bytes` bytes could have held them.
fn missing(before: Option<u64>, next: u64, bytes: usize) -> u64 {
    let missing = before.and_then(|before| next.checked_sub(before.wrapping_add(1)));
    missing.filter(|count| *count <= most_records(bytes)).unwrap_or_default()
}
