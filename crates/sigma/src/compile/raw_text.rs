//! Finds, in raw text, the places where any number of words may stand, whatever their case.
//!
//! Every character of raw text stands for itself, so a word can be looked for by any *run* of its ASCII characters. Of the best run *grams* are taken, a few
//! successive bytes each, one beginning at each of `stride` successive places. Wherever a word stands, one of its grams begins at a
//! multiple of `stride`; so only these places are looked at. A table of hashed grams passes over nearly all of them, whatever the number of words. The shortest
//! word rules the stride: a few short ones are looked for by a vectorised search beside it.

use std::collections::HashMap;

use event::Encoding;
use foldhash::fast::RandomState;
use memchr::memmem;

use crate::{
    compile::text_filter::{Run, Search, commonness},
    fold::fold_char,
    pattern::{Part, Pattern},
};

/// Places of the table: they fit into the processor's fastest cache.
const PLACES: usize = 1 << 15;
/// The most places that are passed over at once.
const MAX_STRIDE: usize = 8;
/// What is beyond ASCII and folds to ASCII: LATIN SMALL LETTER LONG S and KELVIN SIGN.
const FOLDING: [&str; 2] = ["\u{17f}", "\u{212a}"];

/// Words with runs of so many characters are long.
const LONG: usize = 8;

/// A search for words.
pub struct RawText {
    /// For short words, where they are few.
    packed: Option<Search>,
    grams: Option<Grams>,
}

/// A search for grams.
struct Grams {
    /// By hash: whether there is such a gram.
    table: Vec<bool>,
    /// By gram: the runs it stands for.
    runs: HashMap<u32, Vec<Run>, RandomState>,
    /// Bytes of a gram, from 2 to 4.
    width: usize,
    stride: usize,
}

impl RawText {
    /// A search for patterns, or `None` where some pattern has no run of two ASCII characters.
    pub fn new<'p>(patterns: impl Iterator<Item = &'p Pattern> + Clone) -> Option<Self> {
        let (long, short): (Vec<&Pattern>, Vec<&Pattern>) =
            patterns.clone().partition(|pattern| longest_run(pattern) >= LONG);
        let packed = Search::new(short.iter().copied(), Encoding::RawText);
        match packed.filter(|search| !short.is_empty() && search.is_packed()) {
            Some(packed) => Some(Self { packed: Some(packed), grams: Grams::new(long.into_iter()) }),
            None => Some(Self { packed: None, grams: Some(Grams::new(patterns)?) }),
        }
    }

    /// Appends the offsets of all places where a word may stand, in rising order.
    pub fn hits(&self, raw: &[u8], hits: &mut Vec<usize>) {
        let first = hits.len();
        self.grams.iter().for_each(|grams| grams.find(raw, hits));
        self.packed.iter().for_each(|search| search.hits(raw, Encoding::RawText, hits));
        if !raw.is_ascii() {
            FOLDING.iter().for_each(|other| hits.extend(memmem::find_iter(raw, other.as_bytes())));
        }
        hits.get_mut(first..).unwrap_or_default().sort_unstable();
    }
}

impl Grams {
    fn new<'p>(patterns: impl Iterator<Item = &'p Pattern> + Clone) -> Option<Self> {
        let shortest = patterns.clone().map(longest_run).min()?;
        let width = match shortest {
            0 | 1 => return None,
            2 => 2,
            3 | 4 => 3,
            _ => 4,
        };
        let stride = (shortest - width + 1).min(MAX_STRIDE);
        let mut search = Self { table: vec![false; PLACES], runs: HashMap::default(), width, stride };
        patterns.for_each(|pattern| search.add(pattern));
        Some(search)
    }

    fn add(&mut self, pattern: &Pattern) {
        let long = self.width + self.stride - 1;
        let best = ascii_runs(pattern).into_iter().filter_map(|run| {
            let common = |gram: &[char]| commonness(&gram.iter().collect::<String>());
            let cost = |window: &[char]| window.windows(self.width).map(common).sum::<u64>();
            let (at, cost) = run.windows(long).map(cost).enumerate().min_by_key(|(_, cost)| *cost)?;
            Some((cost, at, run))
        });
        let Some((_, first, run)) = best.min_by_key(|(cost, ..)| *cost) else { return };
        for at in first..first + self.stride {
            let bytes = run.iter().skip(at).take(self.width).map(|c| *c as u8);
            let gram = fold_bytes(bytes.rev().fold(0, |gram, byte| gram << 8 | u32::from(byte))) & self.mask();
            if let Some(place) = self.table.get_mut(hash(gram)) {
                *place = true;
            }
            let known = self.runs.entry(gram).or_default();
            let run = Run { chars: run.clone(), before: at };
            if !known.contains(&run) {
                known.push(run);
            }
        }
    }

    fn find(&self, raw: &[u8], hits: &mut Vec<usize>) {
        let mut from = 0;
        while let Some((at, gram)) = self.next(raw, from) {
            let runs = self.runs.get(&gram).map(Vec::as_slice).unwrap_or_default();
            if runs.iter().any(|run| run.may_stand(raw, at, Encoding::RawText)) {
                hits.push(at);
            }
            from = at + self.stride;
        }
    }

    /// Where from `from` on (a multiple of the stride) a gram may stand, with the gram. By itself, so that all of it stays in
    /// registers.
    #[inline(never)]
    fn next(&self, raw: &[u8], from: usize) -> Option<(usize, u32)> {
        let table = self.table.first_chunk::<PLACES>()?;
        let (mut at, stride, mask) = (from, self.stride, self.mask());
        while let Some(window) = raw.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            let gram = fold_bytes(u32::from_le_bytes(*window)) & mask;
            if table.get(hash(gram)).is_some_and(|known| *known) {
                return Some((at, gram));
            }
            at += stride;
        }
        // The last grams, with fewer than four bytes before the end.
        while at + self.width <= raw.len() {
            let bytes = raw.get(at..).unwrap_or_default();
            let gram = fold_bytes(bytes.iter().rev().fold(0, |gram, byte| gram << 8 | u32::from(*byte))) & mask;
            if table.get(hash(gram)).is_some_and(|known| *known) {
                return Some((at, gram));
            }
            at += stride;
        }
        None
    }

    /// The bits of a gram in four bytes.
    const fn mask(&self) -> u32 {
        u32::MAX >> (32 - 8 * self.width)
    }
}

/// Makes capitals small, and some other characters one another; which of them stands there is looked at later.
const fn fold_bytes(gram: u32) -> u32 {
    gram | 0x2020_2020
}

/// Fibonacci hashing.
const fn hash(gram: u32) -> usize {
    (gram.wrapping_mul(0x9e37_79b1) >> (u32::BITS - PLACES.ilog2())) as usize
}

fn longest_run(pattern: &Pattern) -> usize {
    ascii_runs(pattern).iter().map(Vec::len).max().unwrap_or(0)
}

/// The runs of ASCII characters of a pattern's literals, folded.
pub fn ascii_runs(pattern: &Pattern) -> Vec<Vec<char>> {
    let literals = pattern.parts().iter().filter_map(|part| match part {
        Part::Literal(text) => Some(text.chars().map(fold_char).collect::<Vec<char>>()),
        _ => None,
    });
    literals.flat_map(|text| text.split(|c| !c.is_ascii()).map(<[char]>::to_vec).collect::<Vec<_>>()).collect()
}
