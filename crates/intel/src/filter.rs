//! Ruling out, over raw bytes, that a record names any indicator.
//!
//! What is looked for in raw bytes must stand there as it is whatever the format, and must not depend on what stands beside it: escapes
//! (`\nevil.example`) and values without space between them (event logs) would be taken for parts of a name. So a name is represented by
//! the few characters around one of its points (a [`Gram`]), a hash by its first eight bytes wherever they may begin, an IPv4 address by
//! every way to read digits around points. Whether these are of an indicator, a blocked Bloom filter says: one place of 32 bytes a question.

use std::ops::Range;

use event::Encoding;

use crate::{
    kind::{self, Gram, Kind},
    set::Indicators,
};

/// See the module.
#[derive(Debug, Default)]
pub struct Filter {
    bloom: Bloom,
    /// By the character before a point and the two behind it: a bit for each length of gram that there is.
    shapes: Vec<u8>,
    /// The two characters before a point and the two behind it, of grams that have so many; see [`pair`].
    pairs: Sixteen,
    /// The first two bytes of each hash.
    hashes: Sixteen,
    /// The lengths of networks, and of addresses, looked for.
    lengths: Vec<u8>,
    has_six: bool,
}

/// Bits of the filter for each indicator: one question in some thousands is answered wrongly, and costs decoding a record.
const BITS: usize = 24;

impl Filter {
    /// A filter for all indicators.
    pub fn new(indicators: &Indicators) -> Self {
        let [four, six] = &indicators.lengths;
        let mut filter = Self {
            bloom: Bloom::new(indicators.len() * BITS),
            shapes: vec![0; 1 << 15],
            pairs: Sixteen::default(),
            hashes: Sixteen::default(),
            lengths: four.clone(),
            has_six: !six.is_empty(),
        };
        indicators.all().for_each(|(kind, bytes)| filter.add(kind, bytes));
        filter
    }

    fn add(&mut self, kind: Kind, bytes: &[u8]) {
        match (kind, bytes) {
            (Kind::Hash, _) => {
                if let Some(first) = bytes.first_chunk::<8>().map(|first| u64::from_be_bytes(*first)) {
                    self.hashes.insert((first >> 48) as u16);
                    self.bloom.insert(mix(first, HASH));
                }
            }
            (Kind::Address, [a, b, c, d]) => self.add_address([*a, *b, *c, *d], 32),
            (Kind::Network, [a, b, c, d, length]) => self.add_address([*a, *b, *c, *d], *length),
            (Kind::Address | Kind::Network, _) => {}
            (Kind::Url, _) => self.add_host(bytes),
            (Kind::FilePath, _) => self.add_gram(bytes.rsplit(|byte| *byte == b'/').next().unwrap_or_default()),
            (Kind::Domain | Kind::FileName | Kind::MailAddress, _) => self.add_gram(bytes),
        }
    }

    fn add_host(&mut self, url: &[u8]) {
        let host = url.split(|byte| matches!(byte, b'/' | b':')).next().unwrap_or_default();
        let four = std::str::from_utf8(host).ok().and_then(|host| host.parse::<std::net::Ipv4Addr>().ok());
        match four {
            Some(four) => {
                self.add_address(four.octets(), 32);
                if !self.lengths.contains(&32) {
                    self.lengths.insert(0, 32);
                }
            }
            None => self.add_gram(host),
        }
    }

    fn add_address(&mut self, octets: [u8; 4], length: u8) {
        self.bloom.insert(address_key(u32::from_be_bytes(octets), length));
    }

    fn add_gram(&mut self, text: &[u8]) {
        let Some(gram) = kind::gram(text) else { return };
        let [.., second, last] = gram.before;
        if let Some(shape) = self.shapes.get_mut(shape(last, gram.behind)) {
            *shape |= 1 << (gram.length - 1);
        }
        if gram.length > 1 {
            self.pairs.insert(pair(second, last, gram.behind));
        }
        self.bloom.insert(gram_key(gram));
    }

    /// Appends, in rising order, offsets of all places where an indicator may stand.
    pub fn hits(&self, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) {
        let first = hits.len();
        match encoding {
            Encoding::Utf8 | Encoding::RawText => self.scan(&Bytes(raw), hits),
            Encoding::Utf16Le => self.scan(&Units(raw), hits),
        }
        if !self.hashes.is_empty() || self.has_six {
            hits.get_mut(first..).unwrap_or_default().sort_unstable();
        }
    }

    fn scan(&self, text: &impl Text, hits: &mut Vec<usize>) {
        let mut harmless = 0..0;
        let is_hit = |point: &usize| self.is_at_point(text, *point, &mut harmless);
        hits.extend(memchr::memchr_iter(b'.', text.raw()).filter(is_hit));
        if !self.hashes.is_empty() {
            self.scan_hashes(text, hits);
        }
        if self.has_six {
            scan_six(text, hits);
        }
    }

    /// Whether an indicator may stand around a point. `harmless` is where the last address stands that is not looked for.
    fn is_at_point<T: Text>(&self, text: &T, point: usize, harmless: &mut Range<usize>) -> bool {
        let [second, last, behind @ ..] = text.near(point).map(|byte| byte.to_ascii_lowercase());
        if last.is_ascii_digit()
            && behind.first().is_some_and(u8::is_ascii_digit)
            && self.is_address(text, point, harmless)
        {
            return true;
        }
        let mut lengths = self.shapes.get(shape(last, behind)).copied().unwrap_or(0);
        if lengths > 1 && !self.pairs.contains(pair(second, last, behind)) {
            lengths &= 1;
        }
        if lengths == 0 {
            return false;
        }
        let mut before = [0; 8];
        before.iter_mut().rev().zip(text.before(point)).for_each(|(slot, byte)| *slot = byte.to_ascii_lowercase());
        while lengths != 0 {
            let length = lengths.trailing_zeros() as u8 + 1;
            lengths &= lengths - 1;
            if self.bloom.contains(gram_key(Gram { before, length, behind })) {
                return true;
            }
        }
        false
    }

    /// Whether the point may be the first of an IPv4 address that is looked for.
    fn is_address<T: Text>(&self, text: &T, point: usize, harmless: &mut Range<usize>) -> bool {
        if self.lengths.is_empty() {
            return false;
        }
        let before = |back: isize| text.at(point, -back);
        let digits = (1..=4).take_while(|back| before(*back).is_ascii_digit()).count() as isize;
        // Mostly the second or third point of one.
        if !T::RUNS_TOGETHER && before(digits + 1) == b'.' && before(digits + 2).is_ascii_digit() {
            return false;
        }
        let is_whole = !T::RUNS_TOGETHER
            && digits <= 3
            && !matches!(before(digits + 1), b'%' | b'#' | b'\\')
            && !before(digits + 1).is_ascii_alphanumeric();
        let start = point - digits as usize * T::WIDTH;
        if is_whole && is_repeated(text.raw(), harmless, start) {
            return false;
        }
        let Some((middle, last)) = middle(text, point) else { return false };
        let (mut first, mut scale) = (0u32, 1);
        for back in 1..=digits.min(3) {
            first += u32::from(before(back) - b'0') * scale;
            scale *= 10;
            if is_whole && back < digits || first > 255 {
                continue;
            }
            if self.is_any_last(text, first << 24 | middle, last) {
                return true;
            }
        }
        if is_whole {
            *harmless = start..last + text.from(last).take_while(u8::is_ascii_digit).count() * T::WIDTH;
        }
        false
    }

    /// Whether an address is looked for that goes on with the digits at `last`.
    fn is_any_last<T: Text>(&self, text: &T, start: u32, last: usize) -> bool {
        let mut number = 0u32;
        for ahead in 0..3 {
            let digit = text.at(last, ahead);
            if !digit.is_ascii_digit() {
                break;
            }
            number = number * 10 + u32::from(digit - b'0');
            let is_end = T::RUNS_TOGETHER || !text.at(last, ahead + 1).is_ascii_digit();
            if number <= 255 && is_end && self.is_listed(start | number) {
                return true;
            }
        }
        false
    }

    fn is_listed(&self, address: u32) -> bool {
        self.lengths.iter().any(|length| self.bloom.contains(address_key(address & kind::mask4(*length), *length)))
    }

    /// Looks for hashes.
    fn scan_hashes<T: Text>(&self, text: &T, hits: &mut Vec<usize>) {
        let mut behind = 0;
        for place in text.digits() {
            if place < behind {
                continue;
            }
            let back = text.before(place).take_while(u8::is_ascii_hexdigit).count();
            let length = back + text.from(place).take_while(u8::is_ascii_hexdigit).count();
            let start = place - back * T::WIDTH;
            behind = start + length * T::WIDTH;
            if length >= SHORTEST && self.is_in_run(text, start, length) {
                hits.push(place);
            }
        }
    }

    /// Whether a hash may stand in a run of hexadecimal digits: in text at its end, in an event log anywhere.
    fn is_in_run<T: Text>(&self, text: &T, start: usize, length: usize) -> bool {
        let number = |number: u64, digit: u8| number << 4 | u64::from(kind::digit(digit).unwrap_or_default());
        let is_hash = |first: u64| self.hashes.contains((first >> 48) as u16) && self.bloom.contains(mix(first, HASH));
        if T::RUNS_TOGETHER {
            let mut digits = text.from(start);
            let mut first = digits.by_ref().take(15).fold(0, number);
            return digits.take(length - SHORTEST + 1).any(|digit| {
                first = number(first, digit);
                is_hash(first)
            });
        }
        let of_size = |size: usize| Some(text.from(start + length.checked_sub(size)?).take(16).fold(0, number));
        [32, 40, 64].into_iter().filter_map(of_size).any(is_hash)
    }
}

/// Whether the address at `known` stands at `start` again: logs repeat themselves.
fn is_repeated(raw: &[u8], known: &Range<usize>, start: usize) -> bool {
    let address = raw.get(known.clone()).unwrap_or_default();
    let behind = raw.get(start..).and_then(|rest| rest.strip_prefix(address)).filter(|_| !address.is_empty());
    behind.is_some_and(|behind| !behind.first().is_some_and(u8::is_ascii_digit))
}

/// The second and third number of an IPv4 address whose first point is given, and where its last number begins.
fn middle<T: Text>(text: &T, point: usize) -> Option<(u32, usize)> {
    let (mut ahead, mut middle) = (1, 0);
    for _ in 0..2 {
        let mut number = 0;
        let first = ahead;
        while ahead < first + 3 && text.at(point, ahead).is_ascii_digit() {
            number = number * 10 + u32::from(text.at(point, ahead) - b'0');
            ahead += 1;
        }
        if number > 255 || ahead == first || text.at(point, ahead) != b'.' {
            return None;
        }
        ahead += 1;
        middle = middle << 8 | number;
    }
    Some((middle << 8, point + ahead as usize * T::WIDTH))
}

/// Looks for what may be an IPv6 address: hexadecimal digits with two colons next to one another, or with seven. Whether it is one of
/// those looked for is not asked.
fn scan_six<T: Text>(text: &T, hits: &mut Vec<usize>) {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    let mut behind = 0;
    for colon in memchr::memchr_iter(b':', text.raw()) {
        if colon < behind || !is_part(text.at(colon, 1)) {
            continue;
        }
        let (mut ahead, mut colons, mut is_double, mut is_last) = (0, 0, false, false);
        while is_part(text.at(colon, ahead)) {
            let is_colon = text.at(colon, ahead) == b':';
            is_double |= is_colon && is_last;
            (colons, is_last, ahead) = (colons + usize::from(is_colon), is_colon, ahead + 1);
        }
        behind = colon + ahead as usize * T::WIDTH;
        if is_double || colons >= 7 {
            hits.push(colon);
        }
    }
}

/// Raw bytes as characters; what is no ASCII is some other character, or zero.
trait Text {
    /// Bytes a character.
    const WIDTH: usize;
    /// Whether values stand there without anything between them.
    const RUNS_TOGETHER: bool;

    fn raw(&self) -> &[u8];

    /// The character so many behind the one at `place`.
    fn at(&self, place: usize, ahead: isize) -> u8;

    /// The two characters before a point, and the two behind it.
    fn near(&self, point: usize) -> [u8; 4];

    /// The characters before `place`, the last one first.
    fn before(&self, place: usize) -> impl Iterator<Item = u8>;

    /// The characters from `place` on.
    fn from(&self, place: usize) -> impl Iterator<Item = u8>;

    /// Places, in rising order, from which on [`WORD`] characters are hexadecimal digits: one or more in each run that may be a hash.
    fn digits(&self) -> impl Iterator<Item = usize>;
}

/// Digits of the shortest hash.
const SHORTEST: usize = 32;
/// Characters that are looked at together.
const WORD: usize = 8;

/// One in each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The higher byte of each character of UTF-16 in a word.
const HIGHER: u64 = 0xff00_ff00_ff00_ff00;

/// Whether all eight bytes of a word are hexadecimal digits.
const fn are_digits(word: u64) -> bool {
    if word & (0x80 * ONES) != 0 {
        return false;
    }
    let lower = word | (0x20 * ONES);
    let digits = at_least(word, b'0') & !at_least(word, b'9' + 1);
    let letters = at_least(lower, b'a') & !at_least(lower, b'f' + 1);
    (digits | letters) & (0x80 * ONES) == 0x80 * ONES
}

/// Sets the highest bit of those bytes that are at least `byte`, of a word whose bytes are ASCII.
const fn at_least(word: u64, byte: u8) -> u64 {
    word.wrapping_add((0x80 - byte as u64) * ONES)
}

struct Bytes<'r>(&'r [u8]);

impl Text for Bytes<'_> {
    const WIDTH: usize = 1;
    const RUNS_TOGETHER: bool = false;

    fn raw(&self) -> &[u8] {
        self.0
    }

    fn at(&self, place: usize, ahead: isize) -> u8 {
        place.checked_add_signed(ahead).and_then(|at| self.0.get(at)).copied().unwrap_or(0)
    }

    fn near(&self, point: usize) -> [u8; 4] {
        match point.checked_sub(2).and_then(|at| self.0.get(at..)).and_then(<[u8]>::first_chunk::<5>) {
            Some([a, b, _, c, d]) => [*a, *b, *c, *d],
            None => [-2, -1, 1, 2].map(|ahead| self.at(point, ahead)),
        }
    }

    fn before(&self, place: usize) -> impl Iterator<Item = u8> {
        self.0.get(..place).unwrap_or_default().iter().rev().copied()
    }

    fn from(&self, place: usize) -> impl Iterator<Item = u8> {
        self.0.get(place..).unwrap_or_default().iter().copied()
    }

    fn digits(&self) -> impl Iterator<Item = usize> {
        let word = |at: &usize| self.0.get(*at..).and_then(<[u8]>::first_chunk::<WORD>);
        let is_run = move |at: &usize| word(at).is_some_and(|word| are_digits(u64::from_le_bytes(*word)));
        (0..self.0.len()).step_by(SHORTEST - WORD).filter(is_run)
    }
}

/// UTF-16, little endian, at any alignment.
struct Units<'r>(&'r [u8]);

/// A character of UTF-16, if it is one of Latin-1.
const fn narrow([low, high]: [u8; 2]) -> u8 {
    if high == 0 { low } else { 0 }
}

/// Whether the [`WORD`] characters of these bytes are digits, and how many bytes in they begin.
fn digits_at([first, second]: [u64; 2]) -> Option<usize> {
    let other = if (first | second) & HIGHER == 0 { 0 } else { 1 };
    let of_other = if other == 0 { 0 } else { !HIGHER };
    // Each character in one byte, those of one word between those of the other.
    let word = (first >> (8 * other)) | (second << (8 - 8 * other));
    ((first | second) & of_other == 0 && are_digits(word)).then_some(other)
}

impl Text for Units<'_> {
    const WIDTH: usize = 2;
    const RUNS_TOGETHER: bool = true;

    fn raw(&self) -> &[u8] {
        self.0
    }

    fn at(&self, place: usize, ahead: isize) -> u8 {
        let unit = place.checked_add_signed(ahead * 2).and_then(|at| self.0.get(at..at + 2));
        if let Some([low, 0]) = unit { *low } else { 0 }
    }

    fn near(&self, point: usize) -> [u8; 4] {
        match point.checked_sub(4).and_then(|at| self.0.get(at..)).and_then(<[u8]>::first_chunk::<10>) {
            Some([a, b, c, d, _, _, e, f, g, h]) => [[*a, *b], [*c, *d], [*e, *f], [*g, *h]].map(narrow),
            None => [-2, -1, 1, 2].map(|ahead| self.at(point, ahead)),
        }
    }

    fn before(&self, place: usize) -> impl Iterator<Item = u8> {
        self.0.get(..place).unwrap_or_default().as_rchunks().1.iter().rev().map(|unit| narrow(*unit))
    }

    fn from(&self, place: usize) -> impl Iterator<Item = u8> {
        self.0.get(place..).unwrap_or_default().as_chunks().0.iter().map(|unit| narrow(*unit))
    }

    fn digits(&self) -> impl Iterator<Item = usize> {
        let words = |at: usize| {
            self.0.get(at..).and_then(<[u8]>::first_chunk::<{ 2 * WORD }>)?.as_chunks::<WORD>().0.try_into().ok()
        };
        let place = move |at: usize| {
            let words: [[u8; WORD]; 2] = words(at)?;
            digits_at(words.map(u64::from_le_bytes)).map(|other| at + other)
        };
        (0..self.0.len()).step_by(2 * (SHORTEST - WORD)).filter_map(place)
    }
}

/// The place of a shape: fifteen bits of the character before a point and the two behind it.
fn shape(last: u8, [first, second]: [u8; 2]) -> usize {
    let fold = |byte: u8| usize::from(byte & 0x1f);
    fold(last) << 10 | fold(first) << 5 | fold(second)
}

/// A number for the two characters before a point and the two behind it, which few others have.
fn pair(second: u8, last: u8, [first, further]: [u8; 2]) -> u16 {
    (u32::from_le_bytes([second, last, first, further]).wrapping_mul(0x9e37_79b1) >> 16) as u16
}

/// A set of numbers of sixteen bits.
#[derive(Debug, Default)]
struct Sixteen(Vec<u64>);

impl Sixteen {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn insert(&mut self, number: u16) {
        self.0.resize(1 << 10, 0);
        self.0.get_mut(usize::from(number >> 6)).into_iter().for_each(|word| *word |= 1 << (number & 63));
    }

    fn contains(&self, number: u16) -> bool {
        self.0.get(usize::from(number >> 6)).is_some_and(|word| word >> (number & 63) & 1 != 0)
    }
}

const HASH: u64 = 0x9e37_79b9_7f4a_7c15;
const ADDRESS: u64 = 0xc2b2_ae3d_27d4_eb4f;
const GRAM: u64 = 0x1656_67b1_9e37_79f9;

/// Two numbers as one that looks random.
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ b) * u128::from(0xa076_1d64_78bd_642f_u64 ^ b.rotate_left(32));
    (product as u64) ^ (product >> 64) as u64
}

fn address_key(address: u32, length: u8) -> u64 {
    mix(u64::from(address) << 8 | u64::from(length), ADDRESS)
}

fn gram_key(gram: Gram) -> u64 {
    let kept = u64::from_be_bytes(gram.before) & (u64::MAX >> (64 - 8 * u32::from(gram.length.clamp(1, 8))));
    let [first, second] = gram.behind;
    mix(mix(kept, GRAM) ^ (u64::from(first) << 16 | u64::from(second) << 8 | u64::from(gram.length)), GRAM)
}

/// A Bloom filter in blocks of 32 bytes, each of which answers by itself: one bit in each of its eight words (F. Putze, P. Sanders,
/// J. Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007; the constants are those of Apache Parquet).
#[derive(Debug, Default)]
struct Bloom {
    blocks: Vec<[u32; 8]>,
}

const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

impl Bloom {
    fn new(bits: usize) -> Self {
        Self { blocks: vec![[0; 8]; bits.div_ceil(256).max(1)] }
    }

    fn block(&self, key: u64) -> usize {
        (((key >> 32) * self.blocks.len() as u64) >> 32) as usize
    }

    fn bits(key: u64) -> [u32; 8] {
        SALT.map(|salt| 1 << ((key as u32).wrapping_mul(salt) >> 27))
    }

    fn insert(&mut self, key: u64) {
        let at = self.block(key);
        if let Some(block) = self.blocks.get_mut(at) {
            block.iter_mut().zip(Self::bits(key)).for_each(|(word, bit)| *word |= bit);
        }
    }

    fn contains(&self, key: u64) -> bool {
        let block = self.blocks.get(self.block(key));
        let is_set = |(word, salt): (&u32, u32)| word >> ((key as u32).wrapping_mul(salt) >> 27) & 1 != 0;
        block.is_some_and(|block| block.iter().zip(SALT).all(is_set))
    }
}
