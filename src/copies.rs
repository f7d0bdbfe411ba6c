//! Pieces of evidence that tell the same as another piece: a log that was collected twice, or a rotated one beside its compressed copy.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hasher},
    sync::Arc,
};

use event::Piece;
use evidence::PieceTally;
use foldhash::quality::{FoldHasher, RandomState};

/// Tells copies by what was observed in them: the same events with the same values in the same places, among as many records. So what is
/// left out of a copy stands in the piece that it is a copy of, whatever else is in it.
#[derive(Default)]
pub struct Copies {
    /// The key is new for each run, so that nobody can make two pieces that only seem alike.
    state: RandomState,
    /// What was observed in the piece that is being read.
    current: Option<FoldHasher<'static>>,
    known: HashMap<Signature, Arc<Piece>>,
    /// The copies, each with the piece that it is a copy of.
    pub found: Vec<(Arc<Piece>, Arc<Piece>)>,
}

/// Format, whole and damaged records, the hash of what was observed.
type Signature = (&'static str, u64, u64, u64);

impl Copies {
    /// Takes what was observed, in the order of the evidence.
    pub fn observed(&mut self, bytes: &[u8]) {
        let current = self.current.get_or_insert_with(|| self.state.build_hasher());
        current.write_usize(bytes.len());
        current.write(bytes);
    }

    /// Ends the piece that is being read.
    pub fn end(&mut self, tally: &PieceTally) {
        let Some(hasher) = self.current.take() else { return };
        let signature = (tally.format, tally.records, tally.damaged_records, hasher.finish());
        match self.known.get(&signature) {
            Some(first) => self.found.push((Arc::clone(&tally.piece), Arc::clone(first))),
            None => drop(self.known.insert(signature, Arc::clone(&tally.piece))),
        }
    }

    /// Those pieces, in their order, that are no copies; `None` in place of one that is.
    pub fn without<'p>(&self, pieces: &'p [Arc<Piece>]) -> Vec<Option<&'p Arc<Piece>>> {
        let copies: HashSet<*const Piece> = self.found.iter().map(|(copy, _)| Arc::as_ptr(copy)).collect();
        pieces.iter().map(|piece| Some(piece).filter(|piece| !copies.contains(&Arc::as_ptr(piece)))).collect()
    }
}
