//! Files into blocks of chunks, and what the chunks that are not there should have held.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use event::{Damage, Position};

use super::{
    FILE_HEADER, FILE_SIGNATURE,
    reader::{file_checksums, is_blank},
    walk::{self, CHUNK, CHUNK_HEADER, ChunkHeader},
};
use crate::{Block, Cutter};

/// Chunks in a block.
const CHUNKS: usize = 16;

/// Cuts an event log into blocks of chunks; the file header comes with the first one.
#[derive(Debug, Default)]
pub(super) struct EvtxCutter {
    /// Bytes cut so far.
    offset: u64,
    started: bool,
    finished: bool,
    header: Option<FileHeader>,
    /// Chunks seen so far.
    chunks: u64,
    /// The first of the blank chunks that came last, by its number and offset.
    blank: Option<(u64, u64)>,
    /// The last record of the last chunk that was not blank, and of all of them.
    last_id: Option<u64>,
    highest_id: Option<u64>,
    /// The records of all chunks so far: the first and the last of each run of numbers.
    seen: BTreeMap<u64, u64>,
}

/// What a sound file header says.
#[derive(Clone, Copy, Debug)]
struct FileHeader {
    chunks: u64,
    next_id: u64,
}

impl FileHeader {
    /// A header without its signature is believed if its checksum is right.
    fn read(header: &[u8]) -> Option<Self> {
        let (found, expected) = file_checksums(header);
        let unchecked = header.starts_with(FILE_SIGNATURE) && walk::u32_at(header, 120)? & walk::NO_CHECKSUM != 0;
        let chunks = header.get(42..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))?;
        (unchecked || found == expected).then_some(Self { chunks: chunks.into(), next_id: walk::u64_at(header, 24)? })
    }
}

impl Cutter for EvtxCutter {
    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>> {
        if self.finished {
            return Ok(None);
        }
        let mut block = Block { offset: self.offset, ..Block::default() };
        block.bytes.reserve_exact(FILE_HEADER + CHUNKS * CHUNK);
        let mut start = 0;
        if !std::mem::replace(&mut self.started, true) {
            read_up_to(input, CHUNK, &mut block.bytes)?;
            start = walk::first_chunk(&block.bytes).unwrap_or_default();
            if start == FILE_HEADER {
                self.header = FileHeader::read(&block.bytes);
            }
        }
        read_up_to(input, start + CHUNKS * CHUNK, &mut block.bytes)?;
        self.offset += block.bytes.len() as u64;
        for (number, chunk) in block.bytes.get_mut(start..).unwrap_or_default().chunks_mut(CHUNK).enumerate() {
            let offset = block.offset + (start + number * CHUNK) as u64;
            self.look_at(chunk, offset, &mut block.damages);
        }
        if block.bytes.len() < start + CHUNKS * CHUNK {
            self.finished = true;
            self.look_at_end(&mut block.damages);
            if block.bytes.is_empty() && block.damages.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(block))
    }
}

/// Reads until there are `len` bytes or no more.
fn read_up_to(input: &mut dyn Read, len: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    input.take(len.saturating_sub(bytes.len()) as u64).read_to_end(bytes).map(drop)
}

impl EvtxCutter {
    fn look_at(&mut self, chunk: &mut [u8], offset: u64, damages: &mut Vec<Damage>) {
        let number = self.chunks;
        self.chunks += 1;
        if is_blank(chunk) {
            self.blank = self.blank.or(Some((number, offset)));
            return;
        }
        let header = ChunkHeader::read(chunk).filter(ChunkHeader::is_plausible);
        if let Some((first, at)) = self.blank.take() {
            let records = gap(self.last_id, header.map(|header| header.first_id), number - first);
            damages.push(blank_damage(at, number - first, records));
        }
        if let Some(header) = header {
            self.blot_out_copies(chunk, header.free_space);
            self.see(header.first_id, header.last_id);
        }
        self.last_id = header.map(|header| header.last_id);
        self.highest_id = self.highest_id.max(self.last_id);
    }

    /// Windows builds chunks in memory that it does not clear, so that behind a chunk's last record there often
    /// are some of the chunk before it. What has been seen must not be taken for another record.
    fn blot_out_copies(&self, chunk: &mut [u8], free_space: usize) {
        let mut at = free_space.max(CHUNK_HEADER).min(chunk.len());
        while let Some(record) = walk::find(chunk, at, chunk.len(), |_| true) {
            at = record.end();
            let seen = self.seen.range(..=record.id).next_back().is_some_and(|(_, last)| record.id <= *last);
            if let Some(signature) = chunk.get_mut(record.at..record.at + 4).filter(|_| seen) {
                signature.fill(0);
            }
        }
    }

    fn see(&mut self, first: u64, last: u64) {
        match self.seen.range_mut(..=first).next_back() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => drop(self.seen.insert(first, last)),
        }
    }

    /// At the end of the file: whether the file header says that there is more.
    fn look_at_end(&mut self, damages: &mut Vec<Damage>) {
        let Some(header) = self.header else { return };
        let (end, at) = self.blank.unwrap_or((self.chunks, self.offset));
        let Some(missing) = header.chunks.checked_sub(end).filter(|missing| *missing > 0) else { return };
        let records = gap(self.highest_id, Some(header.next_id), missing);
        damages.push(match self.blank {
            Some(_) => blank_damage(at, missing, records),
            None => {
                let reason = format!("file ends after {end} of {} chunks", header.chunks);
                Damage { position: Position::Offset(at), records, reason }
            }
        });
    }
}

fn blank_damage(at: u64, chunks: u64, records: u64) -> Damage {
    let reason = format!("expected {chunks} chunks of records, found zeros");
    Damage { position: Position::Offset(at), records, reason }
}

/// How many records are missing between two ids; 0 where that many do not fit into the chunks.
fn gap(last: Option<u64>, next: Option<u64>, chunks: u64) -> u64 {
    let missing = last.zip(next).and_then(|(last, next)| next.checked_sub(last)?.checked_sub(1));
    let most = chunks.saturating_mul(walk::most_records(CHUNK));
    missing.filter(|missing| *missing <= most).unwrap_or_default()
}
