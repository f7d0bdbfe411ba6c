use std::{
    io::{self, Read},
    sync::Arc,
};

use event::{Damage, Detector, Piece, Seen, Time};

use crate::syslog::Dates;

/// A kind of evidence: how it is recognised, cut into blocks, and read.
pub trait Format: Sync + Send {
    /// Its name in reports: `evtx`, `json`, …
    fn name(&self) -> &'static str;

    /// Whether a piece that begins with `head` (its first 64 KiB, or all of it if shorter) is of this format.
    /// The content decides; `name` may only break ties.
    fn recognises(&self, head: &[u8], name: &str) -> bool;

    /// A cutter for one piece.
    fn cutter(&self) -> Box<dyn Cutter + Send>;

    /// A reader for one thread.
    fn reader(&self) -> Box<dyn Reader>;

    /// Whether anything can be found in pieces of this format; if not, they are not read, and told as of unknown format. Logs are always read: their
    /// records are counted.
    fn is_wanted(&self, _detector: &mut dyn Detector) -> bool {
        true
    }

    /// Whether it also looks at what no format recognises. Such a piece stays one of unknown format.
    fn takes_unknown(&self) -> bool {
        false
    }

    /// What only all pieces together tell: shown to `detector` when the last of them has been read, each output with the piece that it is about.
    fn end(&self, _detector: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        Vec::new()
    }
}

/// Cuts one piece into blocks of whole records, in order. Cheap: it only finds the borders.
pub trait Cutter {
    /// Learns what is known of the piece beside its bytes; called at most once, before the first cut.
    fn begin(&mut self, _about: About<'_>) {}

    /// The next block, or `None` at the end. Reads ahead as far as the format needs, keeps no more than a block
    /// and the limit of one record in memory.
    ///
    /// # Errors
    /// When `input` cannot be read on; what came before stands.
    fn cut(&mut self, input: &mut dyn Read) -> io::Result<Option<Block>>;
}

/// What is known of a piece beside its bytes.
#[derive(Default)]
pub struct About<'a> {
    /// Its label.
    pub path: &'a str,
    /// The last part of its name, without the ending of a compressed stream.
    pub name: &'a str,
    /// When it was last modified, as the file system, the archive or the compressed stream says.
    pub modified: Option<Time>,
    /// The same bytes once more, where they can be read again: the piece is a file as it stands.
    pub again: Option<Box<dyn Read + Send>>,
}

/// Some whole records of one piece of evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Where the block begins in its piece, in bytes.
    pub offset: u64,
    /// The line it begins on, counted from 1, where the format has lines.
    pub line: u64,
    /// Whether it begins within a line, behind other records.
    pub within_line: bool,
    /// The records.
    pub bytes: Vec<u8>,
    /// What stands earlier in the piece and says how these records are to be read (the names of their columns).
    pub header: Option<Arc<str>>,
    /// What the cutter had to leave out before this block (a line over the limit, a header that is none).
    pub damages: Vec<Damage>,
    /// How to tell the years of lines that give none, where the format has such lines.
    pub dates: Option<Dates>,
    /// When the piece was last modified, where its records are dated by that.
    pub modified: Option<Time>,
    /// The last part of the piece's name, without the ending of a compressed stream, where it is a fact about the record.
    pub name: Option<Arc<str>>,
}

/// Reads blocks, in any order; what it keeps between them only makes it faster and is bounded.
pub trait Reader {
    /// Shows every record of `block` to `detector` and tells of it in `output`.
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output);
}

/// What reading a block gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// Records that were whole.
    pub records: u64,
    /// What could not be read, in the order of the evidence.
    pub damages: Vec<Damage>,
    /// What the detector saw.
    pub seen: Seen,
    /// Unbroken runs of numbered records, in the order of the evidence, for telling gaps. Empty where
    /// records have no numbers.
    pub runs: Vec<Run>,
    /// Remarks on the piece that are neither damage nor finding, e.g. "log was not closed (dirty)".
    pub notes: Vec<String>,
}

/// Records with consecutive numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first record's number.
    pub first: u64,
    /// The last record's number.
    pub last: u64,
    /// The earliest time in the run.
    pub from: Option<Time>,
    /// The latest time in the run.
    pub until: Option<Time>,
}
