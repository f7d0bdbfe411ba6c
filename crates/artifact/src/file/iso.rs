//! Images of disks (ECMA-119, ISO 9660; Joliet for long names; UDF): what files they hold.

use std::{borrow::Cow, collections::BTreeSet};

use super::{read::u32_at, udf};

const SECTOR: usize = 2048;

/// Volume descriptors that are looked at.
const DESCRIPTORS: usize = 16;

/// Files that are looked at, and folders, and how deep these nest.
pub const MEMBERS: usize = 4096;
pub(super) const FOLDERS: usize = 4096;
const DEPTH: usize = 16;

/// A file in an image.
pub struct Member<'a> {
    /// Its path, with `/` between folders.
    pub path: String,
    /// Its bytes, as far as they are there.
    pub bytes: Cow<'a, [u8]>,
    /// Whether Windows does not show it.
    pub is_hidden: bool,
}

/// A folder's records or a file's bytes: where they begin, how many there are.
type Extent = (usize, usize);

/// Adds to what could not be read that there is more than `done`; once is enough.
pub(super) fn limit(damages: &mut Vec<String>, done: String) {
    let reason = format!("limit: {done}, and no more");
    if !damages.contains(&reason) {
        damages.push(reason);
    }
}

struct Walk<'a> {
    image: &'a [u8],
    is_joliet: bool,
    /// Where the folders begin that were gone through: they may lead in a circle.
    seen: BTreeSet<usize>,
    members: Vec<Member<'a>>,
    damages: Vec<String>,
}

/// The files of an image, the first [`MEMBERS`] of each of its file systems, and what could not be read. Windows shows UDF where an image has it;
/// what only the other names is told behind it.
pub fn members(image: &[u8]) -> (Vec<Member<'_>>, Vec<String>) {
    let is_udf = udf::is_udf(image);
    let (mut members, mut damages) = if is_udf { udf::members(image) } else { (Vec::new(), Vec::new()) };
    match iso_members(image) {
        Ok((others, more)) => {
            damages.extend(more);
            let start = |member: &Member<'_>| (member.bytes.as_ptr(), member.bytes.len());
            let known: BTreeSet<_> = members.iter().map(start).collect();
            members.extend(others.into_iter().filter(|member| !known.contains(&start(member))));
        }
        Err(reason) if !is_udf => damages.push(reason),
        Err(_) => {}
    }
    (members, damages)
}

/// The files that ISO 9660 names, and what was not looked at.
///
/// # Errors
/// When there is no folder to begin with.
fn iso_members(image: &[u8]) -> Result<(Vec<Member<'_>>, Vec<String>), String> {
    let descriptors = (16..16 + DESCRIPTORS).filter_map(|sector| image.get(sector * SECTOR..)?.get(..SECTOR));
    let descriptors: Vec<&[u8]> = descriptors.filter(|descriptor| descriptor.get(1..6) == Some(b"CD001")).collect();
    let is_joliet = |descriptor: &&&[u8]| descriptor.first() == Some(&2) && descriptor.get(88..90) == Some(b"%/");
    let joliet = descriptors.iter().find(is_joliet);
    let chosen = joliet.or_else(|| descriptors.iter().find(|descriptor| descriptor.first() == Some(&1)));
    let root = chosen.and_then(|descriptor| extent(descriptor.get(156..)?));
    let root = root.ok_or("expected the image's root folder, found none")?;
    let mut walk =
        Walk { image, is_joliet: joliet.is_some(), seen: BTreeSet::new(), members: Vec::new(), damages: Vec::new() };
    walk.folder(root, "", 0);
    Ok((walk.members, walk.damages))
}

/// Where a record (9.1) says that its bytes stand.
fn extent(record: &[u8]) -> Option<Extent> {
    Some(((u32_at(record, 2)? as usize).checked_mul(SECTOR)?, u32_at(record, 10)? as usize))
}

impl<'a> Walk<'a> {
    fn folder(&mut self, (start, len): Extent, path: &str, depth: usize) {
        if depth > DEPTH || self.seen.len() >= FOLDERS {
            return limit(&mut self.damages, format!("{FOLDERS} folders of the image, {DEPTH} deep, were looked at"));
        }
        if !self.seen.insert(start) {
            return;
        }
        let records = self.image.get(start..).unwrap_or_default();
        let records = records.get(..len).unwrap_or(records);
        for mut sector in records.chunks(SECTOR) {
            while let Some(record) = sector.first().and_then(|len| sector.get(..usize::from(*len))) {
                // The rest of a sector that no record fits into is zero.
                if record.len() < 34 || self.members.len() >= MEMBERS {
                    break;
                }
                self.record(record, path, depth);
                sector = sector.get(record.len()..).unwrap_or_default();
            }
        }
    }

    fn record(&mut self, record: &[u8], path: &str, depth: usize) {
        let len = record.get(32).map_or(0, |len| usize::from(*len));
        let (Some(name), Some(extent), Some(flags)) = (record.get(33..33 + len), extent(record), record.get(25)) else {
            return;
        };
        // The folder itself and the one above.
        if matches!(name, [0 | 1]) {
            return;
        }
        let path = if path.is_empty() { self.name(name) } else { format!("{path}/{}", self.name(name)) };
        if flags & 2 != 0 {
            return self.folder(extent, &path, depth + 1);
        }
        let bytes = self.image.get(extent.0..).unwrap_or_default();
        let bytes = bytes.get(..extent.1).unwrap_or(bytes);
        self.members.push(Member { path, bytes: Cow::Borrowed(bytes), is_hidden: flags & 1 != 0 });
    }

    /// A name without its version number.
    fn name(&self, name: &[u8]) -> String {
        let name = match self.is_joliet {
            true => {
                let units = name.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
                char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            false => String::from_utf8_lossy(name).into_owned(),
        };
        let name = name.split(';').next().unwrap_or_default().trim_end_matches('.');
        name.replace('/', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &[u8], sector: u32, len: u32, flags: u8) -> Vec<u8> {
        let mut record = vec![0; 33];
        record[2..6].copy_from_slice(&sector.to_le_bytes());
        record[10..14].copy_from_slice(&len.to_le_bytes());
        record[25] = flags;
        record[32] = name.len() as u8;
        record.extend(name);
        record.resize(record.len().next_multiple_of(2), 0);
        record[0] = record.len() as u8;
        record
    }

    /// An image with a file, and a folder that holds a file and itself.
    fn image() -> Vec<u8> {
        let mut image = vec![0; 22 * SECTOR];
        let mut put = |sector: usize, at: usize, bytes: &[u8]| {
            image[sector * SECTOR + at..sector * SECTOR + at + bytes.len()].copy_from_slice(bytes);
        };
        put(16, 0, b"\x01CD001\x01");
        put(16, 156, &record(&[0], 18, 2048, 2));
        put(17, 0, b"\xffCD001\x01");
        let root = [record(&[0], 18, 2048, 2), record(b"A.TXT;1", 20, 5, 1), record(b"SUB", 19, 2048, 2)].concat();
        put(18, 0, &root);
        put(19, 0, &[record(b"B.EXE;1", 21, 9999, 0), record(b"LOOP", 18, 2048, 2)].concat());
        put(20, 0, b"hello");
        image
    }

    #[test]
    fn files_of_an_image() {
        let image = image();
        let (members, damages) = members(&image);
        assert_eq!(damages, [""; 0]);
        let told: Vec<_> =
            members.iter().map(|member| (member.path.as_str(), member.bytes.len(), member.is_hidden)).collect();
        assert_eq!(told, [("A.TXT", 5, true), ("SUB/B.EXE", 2048, false)]);
        assert_eq!(*members[0].bytes, *b"hello");
        assert_eq!(super::members(&[0; 50_000]).1.len(), 1);
    }

    #[test]
    fn limits_are_told() {
        // Folders within one another, each with a file.
        let mut image = image();
        image.resize((30 + DEPTH) * SECTOR, 0);
        for number in 0..DEPTH + 4 {
            let (sector, next) = (18 + number, 19 + number as u32);
            let records = [record(b"A.TXT;1", 16, 1, 0), record(b"SUB", next, 2048, 2)].concat();
            image[sector * SECTOR..][..SECTOR].fill(0);
            image[sector * SECTOR..][..records.len()].copy_from_slice(&records);
        }
        let (members, damages) = members(&image);
        assert_eq!(members.len(), DEPTH + 1);
        assert!(damages.len() == 1 && damages[0].starts_with("limit: "), "{damages:?}");
    }
}
