//! What the list of a 7z archive says (7-Zip's `7zFormat.txt`). The list stands behind the members and is mostly compressed itself.
//!
//! All numbers are the archive's own, so every loop reads at least a byte of the list a turn, and ends with it.

use std::io::Read;

use lzma_rust2::{Lzma2Reader, LzmaReader};

use super::{
    archive::{List, MEMBERS},
    read::{u32_at, u64_at, wide_text},
};

/// The longest list that is unpacked, how often one may be packed, and the longest name, in code units.
const LIST: u64 = 16 << 20;
const PACKED: usize = 4;
const NAME: usize = 512;

/// Identifiers of coders.
const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];
const COPY: &[u8] = &[0x00];
const LZMA: &[u8] = &[0x03, 0x01, 0x01];
const LZMA2: &[u8] = &[0x21];

/// A coder: its identifier and its properties.
type Coder<'a> = (&'a [u8], &'a [u8]);

/// The streams of an archive, as far as the list's own packing needs.
#[derive(Default)]
struct Streams<'a> {
    position: u64,
    size: u64,
    /// Of all folders (which are what is packed together).
    coders: Vec<Coder<'a>>,
    /// How many streams come out of each folder, and whether it has a checksum.
    folders: Vec<(u64, bool)>,
    unpacked: u64,
}

/// Tells what an archive lists; `None` where its list cannot be understood.
pub(super) fn list(bytes: &[u8], list: &mut List) -> Option<()> {
    let offset = usize::try_from(u64_at(bytes, 12)?).ok()?;
    let size = usize::try_from(u64_at(bytes, 20)?).ok()?;
    let packed = bytes.get(32..)?;
    if size == 0 {
        return Some(());
    }
    let mut header = packed.get(offset..)?.get(..size)?.to_vec();
    for _ in 0..PACKED {
        let mut rest = header.split_first_chunk::<1>()?.1;
        match header.first()? {
            0x01 => return files(&mut rest, list),
            0x17 => {
                let streams = streams(&mut rest)?;
                if streams.coders.iter().any(|(id, _)| *id == AES) {
                    list.is_encrypted = true;
                    return Some(());
                }
                header = unpacked(packed, &streams)?;
            }
            _ => return None,
        }
    }
    None
}

/// A list that is packed by one coder.
fn unpacked(packed: &[u8], streams: &Streams<'_>) -> Option<Vec<u8>> {
    let bytes = packed.get(usize::try_from(streams.position).ok()?..)?.get(..usize::try_from(streams.size).ok()?)?;
    let [(id, properties)] = streams.coders.as_slice() else { return None };
    let size = u32::try_from(streams.unpacked).ok().filter(|size| u64::from(*size) <= LIST)?;
    // More of the dictionary than there are bytes is never looked at.
    let dictionary = |wanted: u32| wanted.min(size).max(1 << 12);
    let mut list = Vec::new();
    let read = match *id {
        COPY => bytes.take(LIST).read_to_end(&mut list),
        LZMA => {
            let reader = LzmaReader::new_with_props(
                bytes,
                size.into(),
                *properties.first()?,
                dictionary(u32_at(properties, 1)?),
                None,
            );
            reader.ok()?.take(LIST).read_to_end(&mut list)
        }
        LZMA2 => Lzma2Reader::new(bytes, dictionary(u32::MAX), None).take(size.into()).read_to_end(&mut list),
        _ => return None,
    };
    read.ok().map(|_| list)
}

/// Goes through a list that is not packed (or no longer).
fn files(rest: &mut &[u8], list: &mut List) -> Option<()> {
    loop {
        match byte(rest)? {
            // Properties of the archive, of which 7-Zip writes none.
            0x02 => while property(rest)?.is_some() {},
            0x03 => drop(streams(rest)?),
            0x04 => list.is_encrypted |= streams(rest)?.coders.iter().any(|(id, _)| *id == AES),
            0x05 => {
                number(rest)?;
                while let Some((kind, value)) = property(rest)? {
                    if kind == 0x11 {
                        names(value, list)?;
                    }
                }
            }
            0x00 => return Some(()),
            _ => return None,
        }
    }
}

/// The next property with its value; `None` within where there is no further one.
fn property<'a>(rest: &mut &'a [u8]) -> Option<Option<(u8, &'a [u8])>> {
    let kind = byte(rest)?;
    if kind == 0 {
        return Some(None);
    }
    let len = usize::try_from(number(rest)?).ok()?;
    Some(Some((kind, take(rest, len)?)))
}

/// Names in UTF-16, each with a zero behind it.
fn names(value: &[u8], list: &mut List) -> Option<()> {
    let (external, names) = value.split_first()?;
    if *external != 0 {
        return None;
    }
    let (mut units, _) = names.as_chunks::<2>();
    while let Some(end) = units.iter().position(|unit| *unit == [0, 0]) {
        let (name, rest) = units.split_at(end);
        if list.members.len() < MEMBERS {
            list.members.push(wide_text(name.as_flattened(), NAME));
        } else {
            list.is_cut = true;
        }
        units = rest.get(1..)?;
    }
    Some(())
}

/// What says how streams are packed.
fn streams<'a>(rest: &mut &'a [u8]) -> Option<Streams<'a>> {
    let mut streams = Streams::default();
    loop {
        match byte(rest)? {
            0x06 => packs(rest, &mut streams)?,
            0x07 => folders(rest, &mut streams)?,
            0x08 => substreams(rest, &streams)?,
            0x00 => return Some(streams),
            _ => return None,
        }
    }
}

fn packs(rest: &mut &[u8], streams: &mut Streams<'_>) -> Option<()> {
    streams.position = number(rest)?;
    let packs = number(rest)?;
    loop {
        match byte(rest)? {
            0x09 => {
                for _ in 0..packs {
                    streams.size = streams.size.checked_add(number(rest)?)?;
                }
            }
            0x0a => drop(digests(rest, packs)?),
            0x00 => return Some(()),
            _ => return None,
        }
    }
}

fn folders<'a>(rest: &mut &'a [u8], streams: &mut Streams<'a>) -> Option<()> {
    if byte(rest)? != 0x0b {
        return None;
    }
    let count = number(rest)?;
    // Somewhere else than here: 7-Zip does not write that.
    if byte(rest)? != 0 {
        return None;
    }
    for _ in 0..count {
        let out = folder(rest, &mut streams.coders)?;
        streams.folders.push((out, false));
    }
    loop {
        match byte(rest)? {
            0x0c => {
                for (out, _) in &streams.folders {
                    for _ in 0..*out {
                        streams.unpacked = number(rest)?;
                    }
                }
            }
            0x0a => {
                let known = digests(rest, count)?;
                streams.folders.iter_mut().zip(known).for_each(|(folder, is_known)| folder.1 = is_known);
            }
            0x00 => return Some(()),
            _ => return None,
        }
    }
}

/// Reads one folder, and tells how many streams its coders give.
fn folder<'a>(rest: &mut &'a [u8], coders: &mut Vec<Coder<'a>>) -> Option<u64> {
    let (mut streams_in, mut streams_out) = (0_u64, 0_u64);
    for _ in 0..number(rest)? {
        let flags = byte(rest)?;
        let id = take(rest, usize::from(flags & 0x0f))?;
        let (taken, given) = if flags & 0x10 != 0 { (number(rest)?, number(rest)?) } else { (1, 1) };
        streams_in = streams_in.checked_add(taken)?;
        streams_out = streams_out.checked_add(given)?;
        let len = if flags & 0x20 != 0 { usize::try_from(number(rest)?).ok()? } else { 0 };
        coders.push((id, take(rest, len)?));
    }
    let bound = streams_out.checked_sub(1)?;
    for _ in 0..bound {
        number(rest)?;
        number(rest)?;
    }
    let packed = streams_in.checked_sub(bound)?;
    for _ in 0..if packed > 1 { packed } else { 0 } {
        number(rest)?;
    }
    Some(streams_out)
}

/// Passes over what says how folders are divided into members.
fn substreams(rest: &mut &[u8], streams: &Streams<'_>) -> Option<()> {
    let mut members: Vec<u64> = streams.folders.iter().map(|_| 1).collect();
    loop {
        match byte(rest)? {
            0x0d => {
                for count in &mut members {
                    *count = number(rest)?;
                }
            }
            0x09 => {
                for count in &members {
                    for _ in 1..*count {
                        number(rest)?;
                    }
                }
            }
            0x0a => {
                let mut unknown =
                    members.iter().zip(&streams.folders).filter(|(count, (_, is_known))| **count != 1 || !is_known);
                let unknown = unknown.try_fold(0_u64, |sum, (count, _)| sum.checked_add(*count))?;
                digests(rest, unknown)?;
            }
            0x00 => return Some(()),
            _ => return None,
        }
    }
}

/// Passes over checksums, and tells which are there.
fn digests(rest: &mut &[u8], count: u64) -> Option<Vec<bool>> {
    let count = usize::try_from(count).ok()?;
    let is_all = byte(rest)? != 0;
    // Each that is there takes four bytes, each that may be one bit.
    if is_all {
        take(rest, count.checked_mul(4)?)?;
        return Some(vec![true; count]);
    }
    let bits = take(rest, count.div_ceil(8))?;
    let known: Vec<bool> =
        (0..count).map(|at| bits.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)).collect();
    take(rest, known.iter().filter(|is_known| **is_known).count() * 4)?;
    Some(known)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(len)?;
    *rest = behind;
    Some(taken)
}

/// A number: as many ones as its first byte begins with say how many bytes follow, the lowest first; the rest of the first byte is the highest part.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let first = byte(rest)?;
    let more = first.leading_ones();
    let low = take(rest, more as usize)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let high = u64::from(first) & (0x7f_u64 >> more.min(7));
    Some(if more >= 7 { low } else { low | high << (8 * more) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let of = |mut bytes: &[u8]| number(&mut bytes);
        assert_eq!(of(&[0x7f]), Some(0x7f));
        assert_eq!(of(&[0x81, 0x02]), Some(0x102));
        assert_eq!(of(&[0xc1, 0x02, 0x03]), Some(0x1_0302));
        assert_eq!(of(&[0xff, 1, 0, 0, 0, 0, 0, 0, 0]), Some(1));
        assert_eq!(of(&[0xff, 1]), None);
    }
}
