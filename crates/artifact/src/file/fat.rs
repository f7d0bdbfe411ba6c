//! The file system FAT in its three widths (ECMA-107; Microsoft's "FAT32 File System Specification" 1.03): what files it holds.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    iso::{FOLDERS, MEMBERS, Member, limit},
    read::{u16_at, u32_at},
};

/// Folders within one another that are looked at.
const DEPTH: usize = 16;

/// Bytes of an entry of a folder, and the most entries of one folder: Windows allows no more.
const ENTRY: usize = 32;
const ENTRIES: usize = 1 << 16;

/// Attributes of an entry.
const HIDDEN: u8 = 2;
const LABEL: u8 = 8;
const FOLDER: u8 = 16;
/// All four lowest: a part of a long name.
const LONG: u8 = 15;

/// A volume whose beginning has been read; lengths in bytes.
struct Volume<'a> {
    image: &'a [u8],
    cluster: usize,
    /// Where the table of clusters begins, and how many bits an entry of it has.
    table: usize,
    bits: u8,
    /// The folder of the volume itself: where it begins and how long it is; in the widest kind it is a chain of clusters as others.
    root: (usize, usize),
    root_cluster: u32,
    /// Where the second cluster begins, which is the first, and how many there are.
    data: usize,
    clusters: u32,
}

/// Whether bytes begin as a volume does.
pub(super) fn is_fat(head: &[u8]) -> bool {
    Volume::of(head).is_some()
}

/// The files of a volume, the first [`MEMBERS`] of them, and what of it could not be read.
pub(super) fn members(image: &[u8]) -> (Vec<Member<'_>>, Vec<String>) {
    let Some(volume) = Volume::of(image) else { return (Vec::new(), Vec::new()) };
    let steps = 4 * (1024 + image.len() / ENTRY);
    let mut walk =
        Walk { volume, seen: BTreeSet::new(), members: Vec::new(), left: image.len(), steps, damages: Vec::new() };
    let (start, len) = walk.volume.root;
    let root = match walk.volume.root_cluster {
        0 => Cow::Borrowed(walk.volume.image.get(start..).map_or(&[][..], |rest| rest.get(..len).unwrap_or(rest))),
        cluster => walk.chain(cluster, ENTRIES * ENTRY),
    };
    walk.folder(&root, "", 0);
    (walk.members, walk.damages)
}

impl<'a> Volume<'a> {
    /// Reads the first sector (FAT32 specification, "Boot Sector and BPB Structure"); `None` where its numbers cannot be those of a volume.
    fn of(image: &'a [u8]) -> Option<Self> {
        let (sector, per_cluster) = (usize::from(u16_at(image, 11)?), usize::from(*image.get(13)?));
        let (reserved, tables) = (usize::from(u16_at(image, 14)?), usize::from(*image.get(16)?));
        let (entries, narrow) = (usize::from(u16_at(image, 17)?), usize::from(u16_at(image, 22)?));
        let is_sound = matches!(sector, 512 | 1024 | 2048 | 4096)
            && per_cluster.is_power_of_two()
            && reserved > 0
            && matches!(tables, 1 | 2)
            && *image.get(21)? >= 0xf0
            && matches!(image.first()?, 0xeb | 0xe9)
            && u16_at(image, 510)? == 0xaa55;
        is_sound.then_some(())?;
        let length = if narrow > 0 { narrow } else { u32_at(image, 36).filter(|len| *len > 0)? as usize };
        let total = match u16_at(image, 19)? {
            0 => u32_at(image, 32)? as usize,
            total => usize::from(total),
        };
        let root = reserved.checked_add(length.checked_mul(tables)?)?;
        let data = root.checked_add((entries * ENTRY).div_ceil(sector))?;
        let clusters = u32::try_from(total.checked_sub(data)? / per_cluster).ok().filter(|count| *count > 0)?;
        let bits = match (narrow, clusters) {
            (0, _) => 32,
            (_, 0..4085) => 12,
            _ => 16,
        };
        Some(Self {
            image,
            cluster: per_cluster * sector,
            table: reserved * sector,
            bits,
            root: (root.checked_mul(sector)?, entries * ENTRY),
            root_cluster: if bits == 32 { u32_at(image, 44)? } else { 0 },
            data: data.checked_mul(sector)?,
            clusters,
        })
    }

    /// The cluster that follows one; `None` at the end of the chain, and where it leads nowhere.
    fn next(&self, cluster: u32) -> Option<u32> {
        let at = |bits: usize| self.table.checked_add((cluster as usize).checked_mul(bits)? / 8);
        let next = match self.bits {
            12 => u32::from(u16_at(self.image, at(12)?)?) >> (4 * (cluster & 1)) & 0xfff,
            16 => u16_at(self.image, at(16)?)?.into(),
            _ => u32_at(self.image, at(32)?)? & 0x0fff_ffff,
        };
        (2..self.clusters.saturating_add(2)).contains(&next).then_some(next)
    }

    /// Where a cluster begins.
    fn at(&self, cluster: u32) -> Option<usize> {
        self.data.checked_add((cluster.checked_sub(2)? as usize).checked_mul(self.cluster)?)
    }
}

struct Walk<'a> {
    volume: Volume<'a>,
    /// The folders that were gone through: they may lead in a circle.
    seen: BTreeSet<u32>,
    members: Vec<Member<'a>>,
    /// So many bytes of files in several pieces may still be put together, and so many steps taken from cluster to cluster.
    left: usize,
    steps: usize,
    damages: Vec<String>,
}

impl<'a> Walk<'a> {
    fn folder(&mut self, records: &[u8], path: &str, depth: usize) {
        let mut long = LongName::default();
        for entry in records.as_chunks::<ENTRY>().0 {
            let (first, attributes) = (entry.first().copied(), entry.get(11).copied().unwrap_or_default());
            if first == Some(0) {
                break;
            }
            if first == Some(0xe5) {
                long = LongName::default();
            } else if attributes & 0x3f == LONG {
                long.add(entry);
            } else {
                let name = std::mem::take(&mut long).of(entry).unwrap_or_else(|| short_name(entry));
                if attributes & LABEL == 0 && !matches!(name.as_str(), "." | "..") {
                    self.entry(entry, attributes, &name, path, depth);
                }
            }
            if self.members.len() >= MEMBERS {
                break;
            }
        }
    }

    fn entry(&mut self, entry: &[u8], attributes: u8, name: &str, path: &str, depth: usize) {
        let high = if self.volume.bits == 32 { u16_at(entry, 20).unwrap_or_default() } else { 0 };
        let cluster = u32::from(high) << 16 | u32::from(u16_at(entry, 26).unwrap_or_default());
        let size = u32_at(entry, 28).unwrap_or_default() as usize;
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        if attributes & FOLDER == 0 {
            let bytes = self.chain(cluster, size);
            self.members.push(Member { path, bytes, is_hidden: attributes & HIDDEN != 0 });
        } else if depth >= DEPTH || self.seen.len() >= FOLDERS {
            limit(&mut self.damages, format!("{FOLDERS} folders of the image, {DEPTH} deep, were looked at"));
        } else if self.seen.insert(cluster) {
            let records = self.chain(cluster, ENTRIES * ENTRY);
            self.folder(&records, &path, depth + 1);
        }
    }

    /// The first bytes of a chain of clusters, as far as they are there; where it stands in several pieces they are put together.
    fn chain(&mut self, first: u32, size: usize) -> Cow<'a, [u8]> {
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        let (mut cluster, mut missing) = (Some(first), size);
        while let Some(start) = cluster.filter(|_| missing > 0).and_then(|cluster| self.volume.at(cluster)) {
            let Some(steps) = self.steps.checked_sub(1) else {
                limit(&mut self.damages, "as many clusters of the image as it has bytes for were looked at".to_owned());
                break;
            };
            self.steps = steps;
            let len = missing.min(self.volume.cluster);
            match pieces.last_mut() {
                Some((begin, so_far)) if *begin + *so_far == start => *so_far += len,
                _ => pieces.push((start, len)),
            }
            missing -= len;
            cluster = cluster.and_then(|cluster| self.volume.next(cluster));
        }
        let image = self.volume.image;
        let bytes = |(start, len): &(usize, usize)| {
            let bytes = image.get(*start..).unwrap_or_default();
            bytes.get(..*len).unwrap_or(bytes)
        };
        if let [piece] = pieces.as_slice() {
            return Cow::Borrowed(bytes(piece));
        }
        let mut all = Vec::new();
        for piece in pieces.iter().map(bytes) {
            let Some(left) = self.left.checked_sub(piece.len()) else {
                limit(
                    &mut self.damages,
                    "as many bytes of files in pieces as the image has were put together".to_owned(),
                );
                break;
            };
            self.left = left;
            all.extend_from_slice(piece);
        }
        Cow::Owned(all)
    }
}

/// A long name whose parts stand before the entry that it is of, the last first.
#[derive(Default)]
struct LongName {
    units: Vec<u16>,
    sum: u8,
}

impl LongName {
    fn add(&mut self, entry: &[u8; ENTRY]) {
        let [number, ..] = entry;
        // The part that comes first is the last and says so.
        if number & 0x40 != 0 {
            self.units.clear();
            self.sum = entry.get(13).copied().unwrap_or_default();
        }
        let places = (1..11).chain(14..26).chain(28..32).step_by(2);
        let units = places.filter_map(|at| u16_at(entry, at)).take_while(|unit| *unit != 0 && *unit != 0xffff);
        let before: Vec<u16> = units.collect();
        // A name has 255 characters at most.
        if self.units.len() < 260 {
            self.units.splice(0..0, before);
        }
    }

    /// The name, if it is that of this entry: its parts say the sum of the short name.
    fn of(self, entry: &[u8]) -> Option<String> {
        let sum = entry.get(..11)?.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
        if self.units.is_empty() || self.sum != sum {
            return None;
        }
        let name: String = char::decode_utf16(self.units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        Some(name.replace('/', "_"))
    }
}

/// The name of eight characters and an ending of three; two bits say that they are shown in small letters.
fn short_name(entry: &[u8]) -> String {
    let case = entry.get(12).copied().unwrap_or_default();
    let part = |from: usize, to: usize, bit: u8| {
        let part: String = entry.get(from..to).unwrap_or_default().iter().map(|byte| char::from(*byte)).collect();
        if case & bit == 0 { part.trim_end().to_owned() } else { part.trim_end().to_lowercase() }
    };
    let (name, ending) = (part(0, 8, 8), part(8, 11, 16));
    let name = if ending.is_empty() { name } else { format!("{name}.{ending}") };
    name.replace('/', "_")
}
