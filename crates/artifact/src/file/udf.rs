//! Images of disks in UDF (ECMA-167; OSTA UDF 1.02 to 2.60): what files they hold. Partitions of type 1 are read, as images to be opened by a double click
//! have them; rewritten and virtual ones are told as not read.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    iso::{FOLDERS, MEMBERS, Member, limit},
    read::{u16_at, u32_at, u64_at},
};

/// Sizes of a sector: of optical disks, and of others.
const SECTORS: [usize; 2] = [2048, 512];
/// Where the anchor stands, in sectors.
const ANCHOR: usize = 256;
/// Descriptors of a volume, extents of a file, and folders within one another that are looked at.
const DESCRIPTORS: usize = 64;
const EXTENTS: usize = 4096;
const DEPTH: usize = 16;

/// Tags of descriptors (ECMA-167, 3/7.2.1 and 4/7.2.1).
const ANCHOR_TAG: u16 = 2;
const PARTITION: u16 = 5;
const VOLUME: u16 = 6;
const END: u16 = 8;
const FILE_SET: u16 = 256;
const NAME: u16 = 257;
const FILE: u16 = 261;
const EXTENDED_FILE: u16 = 266;

/// Whether an image says that it is UDF: one of the structures at its beginning is that standard's (ECMA-167, 2/9.1).
pub(super) fn is_udf(image: &[u8]) -> bool {
    let structures = (0..DESCRIPTORS).map_while(|number| image.get(32_768 + number * 2048..)?.get(1..6));
    structures.into_iter().any(|name| matches!(name, b"NSR02" | b"NSR03"))
}

/// The files of an image, the first [`MEMBERS`] of them, and what of it could not be read.
pub(super) fn members(image: &[u8]) -> (Vec<Member<'_>>, Vec<String>) {
    let Some(volume) = SECTORS.into_iter().find_map(|sector| Volume::of(image, sector)) else {
        let reason = "expected a UDF volume with partitions of type 1, found another, which was not read";
        return (Vec::new(), vec![reason.to_owned()]);
    };
    let mut walk = Walk { volume, seen: BTreeSet::new(), members: Vec::new(), left: image.len(), damages: Vec::new() };
    let root = walk.volume.root();
    if root.and_then(|root| walk.folder(root, "", 0)).is_none() {
        walk.damages.push("expected the root folder of a UDF image, found none".to_owned());
    }
    (walk.members, walk.damages)
}

/// A block of a partition: the number of the partition, and the block's.
type Place = (u16, u32);

/// A volume whose partitions are known.
struct Volume<'a> {
    image: &'a [u8],
    block: usize,
    /// Where the partition of each map begins, in blocks.
    partitions: Vec<usize>,
    file_set: Place,
}

/// A file's or folder's entry.
struct Entry<'a> {
    /// Where it begins, for telling it from others.
    at: usize,
    is_folder: bool,
    size: usize,
    /// Its bytes stand within it.
    embedded: Option<&'a [u8]>,
    extents: Vec<(Place, usize)>,
}

impl<'a> Volume<'a> {
    /// Reads what describes the volume, if its sectors are so long.
    fn of(image: &'a [u8], sector: usize) -> Option<Self> {
        let at = |number: usize| image.get(number.checked_mul(sector)?..);
        let anchor = at(ANCHOR).filter(|anchor| u16_at(anchor, 0) == Some(ANCHOR_TAG))?;
        let count = (u32_at(anchor, 16)? as usize / sector).min(DESCRIPTORS);
        let first = u32_at(anchor, 20)? as usize;
        let (mut begins, mut volume) = (Vec::new(), None);
        for descriptor in (first..first.checked_add(count)?).map_while(at) {
            match u16_at(descriptor, 0)? {
                PARTITION => begins.push((u16_at(descriptor, 22)?, u32_at(descriptor, 188)? as usize)),
                VOLUME => volume = Some(descriptor),
                END => break,
                _ => {}
            }
        }
        let volume = volume?;
        let block = u32_at(volume, 212)? as usize;
        let mut partitions = Vec::new();
        let mut maps = volume.get(440..)?.get(..u32_at(volume, 264)? as usize)?;
        for _ in 0..u32_at(volume, 268)?.min(8) {
            let ([1, length @ 6], number) = (maps.get(..2)?, u16_at(maps, 4)?) else { return None };
            partitions.push(begins.iter().find(|(known, _)| *known == number)?.1);
            maps = maps.get(usize::from(*length)..)?;
        }
        let is_sound = SECTORS.contains(&block);
        is_sound.then_some(())?;
        Some(Self { image, block, partitions, file_set: (u16_at(volume, 256)?, u32_at(volume, 252)?) })
    }

    /// Where a block begins, in bytes.
    fn at(&self, (partition, block): Place) -> Option<usize> {
        let begin = self.partitions.get(usize::from(partition))?;
        begin.checked_add(block as usize)?.checked_mul(self.block)
    }

    fn root(&self) -> Option<Place> {
        let set = self.image.get(self.at(self.file_set)?..).filter(|set| u16_at(set, 0) == Some(FILE_SET))?;
        Some((u16_at(set, 408)?, u32_at(set, 404)?))
    }

    /// Reads an entry (4/14.9, 4/14.17).
    fn entry(&self, place: Place) -> Option<Entry<'a>> {
        let at = self.at(place)?;
        let entry = self.image.get(at..)?.get(..self.block)?;
        let lengths = match u16_at(entry, 0)? {
            FILE => 168,
            EXTENDED_FILE => 208,
            _ => return None,
        };
        let behind = entry.get(lengths + 8..)?.get(u32_at(entry, lengths)? as usize..)?;
        let described = behind.get(..u32_at(entry, lengths + 4)? as usize)?;
        let is_folder = *entry.get(27)? == 4;
        let size = usize::try_from(u64_at(entry, 56)?).ok()?;
        // The two highest bits of a length say whether it was recorded at all.
        let extent = |bytes: &[u8], place| Some((place, u32_at(bytes, 0).filter(|len| len >> 30 == 0)? as usize));
        let (embedded, extents) = match u16_at(entry, 34)? & 7 {
            0 => (
                None,
                described.chunks_exact(8).filter_map(|bytes| extent(bytes, (place.0, u32_at(bytes, 4)?))).collect(),
            ),
            1 => {
                let extents = described.chunks_exact(16);
                (None, extents.filter_map(|bytes| extent(bytes, (u16_at(bytes, 8)?, u32_at(bytes, 4)?))).collect())
            }
            3 => (Some(described), Vec::new()),
            _ => return None,
        };
        Some(Entry { at, is_folder, size, embedded, extents })
    }
}

struct Walk<'a> {
    volume: Volume<'a>,
    /// Where the folders begin that were gone through: they may lead in a circle.
    seen: BTreeSet<usize>,
    members: Vec<Member<'a>>,
    /// So many bytes of files in several pieces may still be put together.
    left: usize,
    damages: Vec<String>,
}

impl<'a> Walk<'a> {
    /// Goes through a folder; `None` where there is none.
    fn folder(&mut self, place: Place, path: &str, depth: usize) -> Option<()> {
        let entry = self.volume.entry(place).filter(|entry| entry.is_folder)?;
        if depth > DEPTH || self.seen.len() >= FOLDERS {
            limit(&mut self.damages, format!("{FOLDERS} folders of the image, {DEPTH} deep, were looked at"));
            return Some(());
        }
        if !self.seen.insert(entry.at) {
            return Some(());
        }
        let records = self.bytes(&entry)?;
        let mut rest: &[u8] = &records;
        while self.members.len() < MEMBERS && u16_at(rest, 0) == Some(NAME) {
            let Some(len) = self.record(rest, path, depth) else { break };
            rest = rest.get(len..).unwrap_or_default();
        }
        Some(())
    }

    /// Looks at what a record of a folder names (4/14.4), and gives the record's length.
    fn record(&mut self, record: &[u8], path: &str, depth: usize) -> Option<usize> {
        let (flags, len) = (*record.get(18)?, usize::from(*record.get(19)?));
        let begin = 38 + usize::from(u16_at(record, 36)?);
        let name = record.get(begin..begin + len)?;
        let place = (u16_at(record, 28)?, u32_at(record, 24)?);
        // Deleted, or the folder above.
        if flags & 0x0c == 0 {
            let name = name_of(name);
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            self.member(place, path, flags, depth);
        }
        Some((begin + len).next_multiple_of(4))
    }

    fn member(&mut self, place: Place, path: String, flags: u8, depth: usize) {
        let found = match flags & 2 != 0 {
            true => self.folder(place, &path, depth + 1),
            false => self.volume.entry(place).and_then(|entry| self.bytes(&entry)).map(|bytes| {
                self.members.push(Member { path: path.clone(), bytes, is_hidden: flags & 1 != 0 });
            }),
        };
        if found.is_none() && self.damages.len() < DESCRIPTORS {
            self.damages.push(format!("expected what '{path}' holds, found that it is not there"));
        }
    }

    /// The bytes of an entry as far as they are there; where they stand in several pieces they are put together.
    fn bytes(&mut self, entry: &Entry<'a>) -> Option<Cow<'a, [u8]>> {
        if let Some(bytes) = entry.embedded {
            return Some(Cow::Borrowed(bytes.get(..entry.size).unwrap_or(bytes)));
        }
        let image = self.volume.image;
        if entry.extents.len() > EXTENTS {
            limit(&mut self.damages, format!("{EXTENTS} pieces of a file of the image were looked at"));
        }
        let pieces = entry.extents.iter().take(EXTENTS).map(|(place, len)| {
            let piece = image.get(self.volume.at(*place)?..)?;
            Some(piece.get(..*len).unwrap_or(piece))
        });
        let pieces: Vec<&[u8]> = pieces.collect::<Option<_>>()?;
        if let [piece] = pieces.as_slice() {
            return Some(Cow::Borrowed(piece.get(..entry.size).unwrap_or(piece)));
        }
        let (most, mut bytes) = (entry.size.min(self.left), Vec::new());
        for piece in pieces {
            bytes.extend_from_slice(piece.get(..most - bytes.len()).unwrap_or(piece));
        }
        self.left -= bytes.len();
        if bytes.len() < entry.size && self.damages.len() < DESCRIPTORS {
            self.damages.push("limit: the files of the image are more than it has bytes".to_owned());
        }
        Some(Cow::Owned(bytes))
    }
}

/// A name in OSTA's compressed Unicode: the first byte says how many bits a character has.
fn name_of(name: &[u8]) -> String {
    let name: String = match name.split_first() {
        Some((8 | 254, bytes)) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Some((_, bytes)) => {
            let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        None => String::new(),
    };
    name.replace('/', "_")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::iso;

    /// Made by genisoimage 1.1.11 (`-udf -J`): `a.txt` and `sub/long name.bin`.
    fn image() -> Vec<u8> {
        let path = format!("{}/tests/archives/udf-and-iso.iso.gz", env!("CARGO_MANIFEST_DIR"));
        let mut image = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut image).unwrap();
        image
    }

    fn told(image: &[u8]) -> Vec<(String, usize)> {
        let (members, damages) = iso::members(image);
        assert_eq!(damages, [""; 0]);
        members.into_iter().map(|member| (member.path, member.bytes.len())).collect()
    }

    #[test]
    fn files_of_an_image_with_and_without_iso_9660() {
        let mut image = image();
        let expected = [("a.txt".to_owned(), 6), ("sub/long name.bin".to_owned(), 5000)];
        assert_eq!(told(&image), expected);
        for descriptor in 16..20 {
            let at = descriptor * 2048 + 1;
            if &image[at..at + 5] == b"CD001" {
                image[at..at + 5].copy_from_slice(b"XXXXX");
            }
        }
        assert_eq!(told(&image), expected);
        // The anchor is gone: said, not passed over.
        image[256 * 2048] = 0;
        assert_eq!(iso::members(&image).1.len(), 1);
    }

    #[test]
    fn damaged_images_are_read_without_panic() {
        let image = image();
        let used: Vec<usize> = (0..image.len()).filter(|at| image[*at] != 0).collect();
        for at in used.into_iter().filter(|at| *at > 256 * 2048).step_by(3).take(2000) {
            let mut broken = image.clone();
            broken[at] ^= 0xff;
            iso::members(&broken);
        }
        (0..image.len()).step_by(4099).for_each(|len| drop(iso::members(&image[..len])));
    }
}
