//! Finds many literals in one pass over a text.
//!
//! Each literal is represented by one *gram* of it, a few successive bytes, the one that fewest other literals have. A text is
//! gone through byte by byte; a table of hashed grams passes over nearly all of it, and where a gram stands its literals
//! are compared in place. Beside an automaton of the same literals this takes a fraction of the time and memory to build, and
//! with thousands of literals less to run, since the table stays in the fast caches.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Lengths of grams in bytes. A literal has grams of the greatest length that fits in it.
const WIDTHS: [usize; 3] = [1, 2, 4];
/// Places of the table for each long gram in it, and the bounds of their number.
const PLACES_PER_GRAM: usize = 16;
const MIN_PLACES: usize = 1 << 10;
const MAX_PLACES: usize = 1 << 18;
/// Places of the table in which grams are counted.
const MAX_COUNTS: usize = 1 << 16;

/// Literals, numbered in the order in which they were given.
#[derive(Default)]
pub struct Literals {
    literals: Vec<Box<[u8]>>,
    /// By gram: the literals, and how many of their bytes stand before it.
    grams: HashMap<Gram, Vec<(u32, u32)>, RandomState>,
    /// By hash: whether there is such a gram of four bytes. (A byte each: with bits half the time goes into shifting them.)
    long: Vec<bool>,
    /// By the last two bytes: whether a shorter gram ends with them.
    short: Vec<bool>,
}

/// Successive bytes, the last one lowest, and their number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Gram {
    bytes: u32,
    width: usize,
}

impl Gram {
    /// The last `width` of four bytes.
    fn of(last: u32, width: usize) -> Self {
        Self { bytes: last & (u32::MAX >> (32 - 8 * width)), width }
    }

    fn of_window(window: &[u8]) -> Self {
        Self::of(window.iter().fold(0, |gram, byte| gram << 8 | u32::from(*byte)), window.len())
    }
}

impl Literals {
    /// Takes literals; empty ones are never found.
    pub fn new<'l>(literals: impl Iterator<Item = &'l [u8]>) -> Self {
        let literals: Vec<Box<[u8]>> = literals.map(Into::into).collect();
        // By hash; two grams of one hash count together, which only makes them seem more common.
        let mut counts = vec![0u16; MAX_COUNTS.min(literals.len() * 32).next_power_of_two()];
        let mask = counts.len() - 1;
        for window in literals.iter().flat_map(|literal| windows(literal)) {
            if let Some(count) = counts.get_mut(hash(Gram::of_window(window).bytes, mask)) {
                *count = count.saturating_add(1);
            }
        }
        let mut grams: HashMap<Gram, Vec<(u32, u32)>, RandomState> = HashMap::default();
        grams.reserve(literals.len());
        for (number, literal) in (0..).zip(&literals) {
            let count = |window| counts.get(hash(Gram::of_window(window).bytes, mask)).copied();
            let cost = |window| (count(window), commonness(window));
            if let Some((before, window)) = (0..).zip(windows(literal)).min_by_key(|(_, window)| cost(window)) {
                grams.entry(Gram::of_window(window)).or_default().push((number, before));
            }
        }
        let mut all = Self { literals, grams, ..Self::default() };
        all.draw_tables();
        all
    }

    fn draw_tables(&mut self) {
        let long: Vec<u32> = self.grams.keys().filter(|gram| gram.width == 4).map(|gram| gram.bytes).collect();
        if !long.is_empty() {
            let places = (long.len() * PLACES_PER_GRAM).next_power_of_two().clamp(MIN_PLACES, MAX_PLACES);
            self.long = vec![false; places];
            long.into_iter().for_each(|gram| set(&mut self.long, hash(gram, places - 1)));
        }
        for gram in self.grams.keys().filter(|gram| gram.width < 4) {
            self.short.resize(1 << 16, false);
            match gram.width {
                1 => (0..=0xff).for_each(|before: usize| set(&mut self.short, before << 8 | gram.bytes as usize)),
                _ => set(&mut self.short, gram.bytes as usize),
            }
        }
    }

    /// Calls `found` with a literal's number and its start wherever one stands in `text`.
    pub fn find(&self, text: &[u8], found: &mut impl FnMut(usize, usize)) {
        let (mut from, mut gram) = (0, 0);
        while let Some(end) = self.next(text, from, &mut gram) {
            let is_long = has(&self.long, hash(gram, self.long.len().wrapping_sub(1)));
            let is_short = has(&self.short, gram as usize & 0xffff);
            for (width, stands) in WIDTHS.into_iter().zip([is_short, is_short, is_long]) {
                if stands && width <= end {
                    self.compare(Gram::of(gram, width), end - width, text, found);
                }
            }
            from = end;
        }
    }

    /// Behind which byte from `from` on a gram may end; `gram` holds the last four bytes. By itself, so that all of it
    /// stays in registers.
    #[inline(never)]
    fn next(&self, text: &[u8], from: usize, gram: &mut u32) -> Option<usize> {
        let (long, short, mask) = (self.long.as_slice(), self.short.as_slice(), self.long.len().wrapping_sub(1));
        let mut last = *gram;
        for (at, byte) in (from..).zip(text.get(from..)?) {
            last = last << 8 | u32::from(*byte);
            if has(long, hash(last, mask)) | has(short, last as usize & 0xffff) {
                *gram = last;
                return Some(at + 1);
            }
        }
        None
    }

    fn compare(&self, gram: Gram, at: usize, text: &[u8], found: &mut impl FnMut(usize, usize)) {
        for (number, before) in self.grams.get(&gram).map(Vec::as_slice).unwrap_or_default() {
            let number = *number as usize;
            let Some(literal) = self.literals.get(number) else { continue };
            let Some(start) = at.checked_sub(*before as usize) else { continue };
            if text.get(start..start + literal.len()) == Some(literal) {
                found(number, start);
            }
        }
    }

    /// A literal's length in bytes.
    pub fn length(&self, literal: usize) -> usize {
        self.literals.get(literal).map_or(0, |literal| literal.len())
    }
}

/// The windows of a literal that can be its gram.
fn windows(literal: &[u8]) -> impl Iterator<Item = &[u8]> {
    let width = WIDTHS.into_iter().rev().find(|width| *width <= literal.len());
    literal.windows(width.unwrap_or(1))
}

/// Fibonacci hashing: the upper bits of the product depend on all of the gram.
#[inline]
fn hash(gram: u32, mask: usize) -> usize {
    (gram.wrapping_mul(0x9e37_79b1) >> (u32::BITS - MAX_PLACES.ilog2())) as usize & mask
}

#[inline]
fn has(table: &[bool], place: usize) -> bool {
    table.get(place).is_some_and(|has| *has)
}

fn set(table: &mut [bool], place: usize) {
    if let Some(has) = table.get_mut(place) {
        *has = true;
    }
}

/// How common a window's bytes are in logs, as a guess: letters that words are made of, blanks.
fn commonness(window: &[u8]) -> u32 {
    let of = |byte: &u8| match byte {
        b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b's' | b't' | b' ' | b'\\' => 4,
        b'c' | b'd' | b'l' | b'm' | b'p' | b'u' | b'w' | b'.' | b'0'..=b'9' => 3,
        b'b' | b'f' | b'g' | b'h' | b'k' | b'v' | b'y' | b'-' | b'/' | b':' => 2,
        _ => 1,
    };
    window.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(literals: &[String], text: &str) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        let finder = Literals::new(literals.iter().map(String::as_bytes));
        finder.find(text.as_bytes(), &mut |literal, start| all.push((literal, start)));
        all.sort_unstable();
        all
    }

    proptest! {
        #[test]
        fn every_place_of_every_literal_is_found(
            literals in proptest::collection::vec("[abß]{0,7}", 0..20),
            text in "[abß]{0,60}",
        ) {
            let mut expected = Vec::new();
            for (number, literal) in literals.iter().enumerate().filter(|(_, literal)| !literal.is_empty()) {
                let starts = (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(literal.as_bytes()));
                expected.extend(starts.map(|at| (number, at)));
            }
            expected.sort_unstable();
            prop_assert_eq!(found(&literals, &text), expected);
        }
    }
}
