//! Images of whole disks: partitions (UEFI 2.10, 5.2 and 5.3) and virtual disks of a fixed or growing size (Microsoft's "Virtual Hard Disk Image Format
//! Specification" 1.0). Of their file systems FAT is read; others are told.

use std::borrow::Cow;

use super::{
    fat,
    iso::{Member, limit},
    read::{u16_at, u32_at, u64_at},
};

const SECTOR: usize = 512;

/// Partitions that are looked at.
const PARTITIONS: usize = 128;

/// So many bytes of a disk that grows with its use are put together.
const UNFOLDED: usize = 128 << 20;

/// What an image holds.
#[derive(Default)]
pub struct Image<'a> {
    pub members: Vec<Member<'a>>,
    /// What could not be read.
    pub damages: Vec<String>,
    /// What is not read, and why.
    pub notes: Vec<String>,
}

/// Whether bytes begin as a disk does: with a file system, or with a table of partitions.
pub(super) fn is_disk(head: &[u8]) -> bool {
    u16_at(head, SECTOR - 2) == Some(0xaa55) && (file_system(head).is_some() || !partitions(head).is_empty())
}

/// The files of an image.
pub fn image(bytes: &[u8]) -> Image<'_> {
    if !bytes.starts_with(b"conectix") {
        return of_disk(bytes);
    }
    let mut damages = Vec::new();
    match unfolded(bytes, &mut damages) {
        Ok(disk) => {
            let Image { members, damages: more, notes } = of_disk(&disk);
            let members = members.into_iter().map(|Member { path, bytes, is_hidden }| Member {
                path,
                bytes: Cow::Owned(bytes.into_owned()),
                is_hidden,
            });
            Image { members: members.collect(), damages: damages.into_iter().chain(more).collect(), notes }
        }
        Err(reason) => Image { damages: vec![reason], ..Image::default() },
    }
}

fn of_disk(disk: &[u8]) -> Image<'_> {
    if disk.starts_with(b"vhdxfile") {
        let note = "this is a virtual disk (VHDX), whose files were not looked at".to_owned();
        return Image { notes: vec![note], ..Image::default() };
    }
    if file_system(disk).is_some() {
        return of_volume(disk);
    }
    let mut found = Image::default();
    let mut places = partitions(disk);
    if places.is_empty() {
        found.damages.push("expected a file system or partitions in the image of a disk, found none".to_owned());
    }
    if places.len() > PARTITIONS {
        places.truncate(PARTITIONS);
        limit(&mut found.damages, format!("{PARTITIONS} partitions of the image were looked at"));
    }
    let is_one = places.len() == 1;
    for (number, start) in (1..).zip(places) {
        let Image { mut members, damages, notes } = of_volume(disk.get(start..).unwrap_or_default());
        if !is_one {
            members.iter_mut().for_each(|member| member.path = format!("partition {number}/{}", member.path));
        }
        found.members.extend(members);
        found.damages.extend(damages);
        found.notes.extend(notes);
    }
    found
}

fn of_volume(volume: &[u8]) -> Image<'_> {
    if fat::is_fat(volume) {
        let (members, damages) = fat::members(volume);
        return Image { members, damages, notes: Vec::new() };
    }
    let name = file_system(volume).unwrap_or("a file system of no known kind");
    let note = format!("this image holds {name}, whose files were not looked at");
    Image { notes: vec![note], ..Image::default() }
}

/// The file system that a volume begins with.
fn file_system(volume: &[u8]) -> Option<&'static str> {
    match volume.get(3..11)? {
        b"NTFS    " => Some("NTFS"),
        b"EXFAT   " => Some("exFAT"),
        b"-FVE-FS-" => Some("a volume that BitLocker encrypted"),
        _ => fat::is_fat(volume).then_some("FAT"),
    }
}

/// Where the partitions of a disk begin, in bytes.
fn partitions(disk: &[u8]) -> Vec<usize> {
    let entries = disk.get(446..510).unwrap_or_default().as_chunks::<16>().0;
    let mut places = Vec::new();
    for entry in entries.iter().filter(|entry| entry.iter().any(|byte| *byte != 0)) {
        let (state, kind) = (entry.first().copied(), entry.get(4).copied().unwrap_or_default());
        let (start, count) = (u32_at(entry, 8).unwrap_or_default(), u32_at(entry, 12).unwrap_or_default());
        // Whatever else ends with the same two bytes.
        if !matches!(state, Some(0 | 0x80)) || kind == 0 || start == 0 || count == 0 {
            return Vec::new();
        }
        match kind {
            0xee => return guid_partitions(disk),
            _ => places.push((start as usize).saturating_mul(SECTOR)),
        }
    }
    places
}

/// The same by the newer table, which has no most.
fn guid_partitions(disk: &[u8]) -> Vec<usize> {
    let Some(header) = disk.get(SECTOR..).filter(|header| header.starts_with(b"EFI PART")) else { return Vec::new() };
    let number = |at: usize| u32_at(header, at).map_or(0, |number| number as usize);
    let start = u64_at(header, 72).and_then(|start| usize::try_from(start).ok()).unwrap_or_default();
    let entries = disk.get(start.saturating_mul(SECTOR)..).unwrap_or_default();
    let entries = entries.chunks_exact(number(84).max(128)).take(number(80));
    let used = entries.filter(|entry| entry.iter().take(16).any(|byte| *byte != 0));
    let begin = |entry: &[u8]| usize::try_from(u64_at(entry, 32)?).ok()?.checked_mul(SECTOR);
    used.filter_map(begin).take(PARTITIONS + 1).collect()
}

/// A number of 32 bits, big endian.
fn big(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// A number of 64 bits, big endian, that counts bytes of the file.
fn big_place(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))?;
    usize::try_from(bytes).ok()
}

/// The disk that a growing one holds, up to the last block that is in use.
///
/// # Errors
/// When it is of another kind or its tables are not there.
fn unfolded(bytes: &[u8], damages: &mut Vec<String>) -> Result<Vec<u8>, String> {
    let header = big_place(bytes, 16).and_then(|at| bytes.get(at..)).filter(|header| header.starts_with(b"cxsparse"));
    let header = header.filter(|_| big(bytes, 60) == Some(3));
    let header = header.ok_or("expected a virtual disk of growing size, found another, which was not read")?;
    let table = big_place(header, 16).and_then(|at| bytes.get(at..)).unwrap_or_default();
    let (count, block) = (big(header, 28).unwrap_or_default() as usize, big(header, 32).unwrap_or_default() as usize);
    if block < SECTOR || !block.is_power_of_two() {
        return Err(format!("expected blocks of a virtual disk, found such of {block} bytes"));
    }
    let map = (block / SECTOR / 8).next_multiple_of(SECTOR);
    let most = UNFOLDED / block;
    let mut disk = Vec::new();
    for (number, sector) in table.as_chunks::<4>().0.iter().take(count).map(|at| u32::from_be_bytes(*at)).enumerate() {
        if sector == u32::MAX {
            continue;
        }
        if number >= most {
            limit(damages, format!("{UNFOLDED} bytes of the virtual disk were put together"));
            break;
        }
        let start = (sector as usize).saturating_mul(SECTOR).saturating_add(map);
        let stored = bytes.get(start..).unwrap_or_default();
        disk.resize(number * block, 0);
        disk.extend_from_slice(stored.get(..block).unwrap_or(stored));
    }
    Ok(disk)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::{super::kind::Type, *};

    /// A volume with files, each in a folder or none, whose clusters do not stand in a row; `hidden.txt` is hidden. `width` is that of a table's entries.
    pub fn volume(width: usize, files: &[(&str, &[u8])]) -> Vec<u8> {
        let clusters = match width {
            12 => 1000,
            16 => 5000,
            _ => 70_000,
        };
        let (reserved, entries) = (if width == 32 { 32 } else { 1 }, if width == 32 { 0 } else { 64 });
        let table = (clusters + 2) * width / 8 / SECTOR + 1;
        let data = reserved + table + entries * 32 / SECTOR;
        let mut volume = Made { bytes: vec![0; (data + 200) * SECTOR], width, reserved, data, next: 2 };
        let mut folders = BTreeMap::<&str, Vec<u8>>::new();
        for (path, bytes) in files {
            let (folder, name) = path.split_once('/').unwrap_or(("", path));
            let cluster = volume.store(bytes);
            let attributes = if name == "hidden.txt" { 2 } else { 32 };
            folders.entry(folder).or_default().extend(entry(name, attributes, cluster, bytes.len()));
        }
        let mut root = folders.remove("").unwrap_or_default();
        for (name, mut records) in folders {
            records.extend(entry(".", 16, 2, 0));
            let cluster = volume.store(&records);
            root.extend(entry(name, 16, cluster, 0));
        }
        let begin = if width == 32 { volume.store(&root) } else { 0 };
        let mut put = |at: usize, bytes: &[u8]| volume.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[0xeb, 0x3c, 0x90]);
        put(11, &[0, 2, 1, reserved as u8, 0, 1, entries as u8, 0]);
        put(21, &[0xf8]);
        put(32, &((data + clusters) as u32).to_le_bytes());
        match width {
            32 => {
                put(36, &(table as u32).to_le_bytes());
                put(44, &begin.to_le_bytes());
            }
            _ => {
                put(22, &(table as u16).to_le_bytes());
                put((reserved + table) * SECTOR, &root);
            }
        }
        put(510, &[0x55, 0xaa]);
        volume.bytes
    }

    struct Made {
        bytes: Vec<u8>,
        width: usize,
        reserved: usize,
        data: usize,
        next: u32,
    }

    impl Made {
        /// Stores bytes in every second cluster, and gives the first.
        fn store(&mut self, bytes: &[u8]) -> u32 {
            let first = self.next;
            let mut chunks = bytes.chunks(SECTOR).peekable();
            while let Some(chunk) = chunks.next() {
                let at = (self.data + self.next as usize - 2) * SECTOR;
                self.bytes[at..at + chunk.len()].copy_from_slice(chunk);
                let next = if chunks.peek().is_some() { self.next + 2 } else { 0x0fff_ffff };
                self.link(self.next as usize, next);
                self.next += 2;
            }
            first
        }

        fn link(&mut self, cluster: usize, to: u32) {
            let at = self.reserved * SECTOR + cluster * self.width / 8;
            let place = &mut self.bytes[at..at + 4];
            let before = u32::from_le_bytes(place.try_into().unwrap());
            let (shift, mask) = match self.width {
                12 => (4 * (cluster % 2), 0xfff),
                16 => (0, 0xffff),
                _ => (0, 0x0fff_ffff),
            };
            place.copy_from_slice(&(before & !(mask << shift) | (to & mask) << shift).to_le_bytes());
        }
    }

    /// The entry of a folder, behind those of its long name.
    fn entry(name: &str, attributes: u8, cluster: u32, size: usize) -> Vec<u8> {
        let mut short = vec![b' '; 11];
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric).take(8);
        letters.enumerate().for_each(|(at, byte)| short[at] = byte.to_ascii_uppercase());
        if name == "." {
            short[0] = b'.';
        }
        let sum = short.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
        let mut units: Vec<u16> = name.encode_utf16().chain([0]).collect();
        units.resize(units.len().next_multiple_of(13), 0xffff);
        let parts = units.chunks(13).enumerate().rev();
        let last = units.len() / 13;
        let mut bytes: Vec<u8> = parts
            .flat_map(|(number, part)| {
                let mut bytes = vec![0; 32];
                bytes[0] = (number as u8 + 1) | if number + 1 == last { 0x40 } else { 0 };
                (bytes[11], bytes[13]) = (15, sum);
                let places = (1..11).chain(14..26).chain(28..32).step_by(2);
                places.zip(part).for_each(|(at, unit)| bytes[at..at + 2].copy_from_slice(&unit.to_le_bytes()));
                bytes
            })
            .collect();
        let mut own = vec![0; 32];
        own[..11].copy_from_slice(&short);
        own[11] = attributes;
        own[20..22].copy_from_slice(&((cluster >> 16) as u16).to_le_bytes());
        own[26..28].copy_from_slice(&(cluster as u16).to_le_bytes());
        own[28..32].copy_from_slice(&(size as u32).to_le_bytes());
        bytes.extend(own);
        bytes
    }

    fn long() -> Vec<u8> {
        (0..3000u32).map(|number| (number / 7) as u8).collect()
    }

    fn files() -> Vec<u8> {
        volume(16, &[("Job description.pdf.lnk", b"link")])
    }

    fn told(bytes: &[u8]) -> (Vec<(String, usize)>, usize, usize) {
        let Image { members, damages, notes } = image(bytes);
        (members.into_iter().map(|member| (member.path, member.bytes.len())).collect(), damages.len(), notes.len())
    }

    #[test]
    fn files_of_the_three_widths() {
        let long = long();
        for width in [12, 16, 32] {
            let bytes = volume(
                width,
                &[("Stellenbeschreibung für Bewerber.pdf.exe", &long), ("hidden.txt", b"x"), ("sub/a.dll", b"y")],
            );
            assert_eq!(Type::of(&bytes[..65_536], "offer.img"), Type::DiskImage);
            let image = image(&bytes);
            let told: Vec<_> =
                image.members.iter().map(|member| (member.path.as_str(), &*member.bytes, member.is_hidden)).collect();
            let name = "Stellenbeschreibung für Bewerber.pdf.exe";
            assert_eq!(
                told,
                [(name, &long[..], false), ("hidden.txt", b"x", true), ("sub/a.dll", b"y", false)],
                "{width}"
            );
            assert_eq!((image.damages.len(), image.notes.len()), (0, 0));
        }
    }

    /// A disk of one partition that begins at sector 63.
    fn partitioned(kind: u8, volume: &[u8]) -> Vec<u8> {
        let mut disk = vec![0; 63 * SECTOR];
        disk[446..462].copy_from_slice(&[0, 0, 0, 0, kind, 0, 0, 0, 63, 0, 0, 0, 0, 0, 1, 0]);
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        disk.extend(volume);
        disk
    }

    #[test]
    fn partitions_of_both_tables() {
        let expected = (vec![("Job description.pdf.lnk".to_owned(), 4)], 0, 0);
        let disk = partitioned(6, &files());
        assert_eq!(Type::of(&disk, ""), Type::DiskImage);
        assert_eq!(told(&disk), expected);
        let mut newer = partitioned(0xee, &files());
        newer[512..520].copy_from_slice(b"EFI PART");
        newer[512 + 72] = 2;
        newer[512 + 80] = 4;
        newer[512 + 84] = 128;
        newer[1024] = 1;
        newer[1024 + 32] = 63;
        assert_eq!(told(&newer), expected);
        let two = [partitioned(6, &files())[..446].to_vec(), {
            let mut rest = partitioned(6, &files())[446..].to_vec();
            let first = rest[..16].to_vec();
            rest[16..32].copy_from_slice(&first);
            rest
        }]
        .concat();
        assert_eq!(told(&two).0[1].0, "partition 2/Job description.pdf.lnk");
        let mut other = vec![0; 4096];
        other[3..11].copy_from_slice(b"NTFS    ");
        assert_eq!(told(&partitioned(7, &other)), (vec![], 0, 1));
    }

    #[test]
    fn virtual_disks() {
        let expected = (vec![("Job description.pdf.lnk".to_owned(), 4)], 0, 0);
        let disk = partitioned(6, &files());
        // Of a fixed size: the disk, and what describes it.
        let mut foot = vec![0; SECTOR];
        foot[..8].copy_from_slice(b"conectix");
        foot[60..64].copy_from_slice(&2u32.to_be_bytes());
        assert_eq!(told(&[&disk[..], &foot].concat()), expected);
        // Of a growing size: blocks in any order, of which one is not there.
        foot[60..64].copy_from_slice(&3u32.to_be_bytes());
        foot[16..24].copy_from_slice(&512u64.to_be_bytes());
        let block = 4096;
        let blocks: Vec<&[u8]> = disk.chunks(block).collect();
        let mut header = vec![0; 1024];
        header[..8].copy_from_slice(b"cxsparse");
        header[16..24].copy_from_slice(&1536u64.to_be_bytes());
        header[28..32].copy_from_slice(&(blocks.len() as u32).to_be_bytes());
        header[32..36].copy_from_slice(&(block as u32).to_be_bytes());
        let table = (4 * blocks.len()).next_multiple_of(SECTOR);
        let (mut places, mut stored) = (vec![0xff; table], Vec::new());
        for (number, bytes) in blocks.iter().enumerate().rev().filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0))
        {
            let sector = (1536 + table + stored.len()) / SECTOR;
            places[4 * number..4 * number + 4].copy_from_slice(&(sector as u32).to_be_bytes());
            stored.extend([vec![0; SECTOR], bytes.to_vec(), vec![0; block - bytes.len()]].concat());
        }
        let growing = [&foot[..], &header, &places, &stored].concat();
        assert!(growing.len() < disk.len());
        assert_eq!(Type::of(&growing, ""), Type::DiskImage);
        assert_eq!(told(&growing), expected);
        for at in (0..growing.len()).step_by(37) {
            let mut broken = growing.clone();
            broken[at] ^= 0xff;
            image(&broken);
            image(&growing[..at]);
        }
        assert_eq!(told(&[&b"conectix"[..], &[0; 1000]].concat()), (vec![], 1, 0));
        assert_eq!(told(b"vhdxfile"), (vec![], 0, 1));
    }

    #[test]
    fn limits_are_told() {
        let mut far = vec![0; 4096];
        far[..8].copy_from_slice(b"conectix");
        far[16..24].copy_from_slice(&512u64.to_be_bytes());
        far[60..64].copy_from_slice(&3u32.to_be_bytes());
        far[512..520].copy_from_slice(b"cxsparse");
        far[512 + 16..512 + 24].copy_from_slice(&2048u64.to_be_bytes());
        far[512 + 28..512 + 32].copy_from_slice(&400u32.to_be_bytes());
        far[512 + 32..512 + 36].copy_from_slice(&(2u32 << 20).to_be_bytes());
        far[2048..3648].fill(0xff);
        far[3640..3644].fill(0);
        assert!(image(&far).damages.iter().any(|damage| damage.starts_with("limit: ")));
        // Folders within one another, each in the one before.
        let mut deep = volume(16, &[("a/b", b"")]);
        let root = deep.windows(11).position(|name| name == b"A          ").unwrap();
        let folder: Vec<u8> = deep[root..root + 32].to_vec();
        let data = deep.windows(11).rposition(|name| name == b"B          ").unwrap() / SECTOR * SECTOR;
        let first = u16::from_le_bytes([folder[26], folder[27]]);
        for number in 0..20 {
            let at = data + number * SECTOR;
            deep[at..at + 64].fill(0);
            deep[at..at + 32].copy_from_slice(&folder);
            deep[at + 26..at + 28].copy_from_slice(&(first + number as u16 + 1).to_le_bytes());
        }
        assert_eq!(told(&deep).1, 1);
    }

    #[test]
    fn damaged_volumes_are_read_without_panic() {
        for width in [12, 16, 32] {
            let bytes = volume(width, &[("a long name with blanks.exe", &long()), ("sub/a.dll", b"y")]);
            let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
            for at in used.into_iter().step_by(3).take(400) {
                let mut broken = bytes.clone();
                broken[at] ^= 0xff;
                image(&broken);
            }
        }
    }

    #[test]
    fn what_is_no_disk() {
        let mut bytes = vec![0x41; 4096];
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        assert_ne!(Type::of(&bytes, ""), Type::DiskImage);
        bytes[446..462].fill(0);
        assert_ne!(Type::of(&bytes, ""), Type::DiskImage);
        bytes[..510].fill(0);
        assert_eq!(Type::of(&bytes, ""), Type::Data);
    }
}
