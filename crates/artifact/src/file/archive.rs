//! Archives that are not opened: what their own lists say, and whether they are encrypted (RARLAB's "RAR 5.0 archive format" and technote of RAR 4).

use super::{
    read::{text, u16_at, u32_at},
    seven_zip,
};
use crate::Facts;

/// Members that are told, blocks that are looked at, and the longest name.
pub(super) const MEMBERS: usize = 256;
const BLOCKS: usize = 65_536;
pub(super) const NAME: usize = 1024;

/// What a list says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct List {
    pub(crate) members: Vec<String>,
    /// Whether the list itself is encrypted, or a member.
    pub(crate) is_encrypted: bool,
    /// Rounds of a hash that a try of a password costs, where the archive says so.
    pub(crate) rounds: u64,
    /// Whether there are more members than were told.
    pub(super) is_cut: bool,
    /// Whether there are more blocks than were looked at.
    is_endless: bool,
    /// Why the list could not be read.
    pub(crate) damage: Option<String>,
}

impl List {
    /// The list of an archive, RAR or 7z by its first bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut list = Self::default();
        let (read, kind) = if bytes.starts_with(b"7z") {
            (seven_zip::list(bytes, &mut list), "a 7z archive")
        } else if let Some(blocks) = bytes.strip_prefix(b"Rar!\x1a\x07\x01\0") {
            (rar5(blocks, &mut list), "a RAR 5 archive")
        } else {
            (rar4(bytes.get(7..).unwrap_or_default(), &mut list), "a RAR archive")
        };
        list.damage = match read {
            None => {
                Some(format!("expected {kind} with a list that can be read, found one that ends or is of another kind"))
            }
            Some(()) if list.is_endless => {
                Some(format!("limit: {BLOCKS} blocks of {kind} were looked at, and no more"))
            }
            Some(()) => {
                list.is_cut.then(|| format!("limit: the first {MEMBERS} members of {kind} were listed, and no more"))
            }
        };
        list
    }
}

/// Tells what an archive lists.
///
/// # Errors
/// What could not be read of the list.
pub fn facts(bytes: &[u8], facts: &mut Facts) -> Result<(), String> {
    let list = List::of(bytes);
    facts.tell("Encrypted", if list.is_encrypted { "true" } else { "" });
    list.members.into_iter().for_each(|name| facts.tell("Member", name));
    list.damage.map_or(Ok(()), Err)
}

/// Goes through the blocks of RAR 5; `None` where they end or cannot be understood.
fn rar5(mut blocks: &[u8], list: &mut List) -> Option<()> {
    for _ in 0..BLOCKS {
        if blocks.is_empty() {
            return Some(());
        }
        let mut rest = blocks.get(4..)?;
        let size = usize::try_from(number(&mut rest)?).ok()?;
        let behind = rest.get(size..)?;
        let mut header = rest.get(..size)?;
        let kind = number(&mut header)?;
        let flags = number(&mut header)?;
        if flags & 1 != 0 {
            number(&mut header)?;
        }
        let data = if flags & 2 != 0 { usize::try_from(number(&mut header)?).ok()? } else { 0 };
        match kind {
            2 => match rar5_name(header) {
                Some(name) if list.members.len() < MEMBERS => list.members.push(name),
                name => list.is_cut |= name.is_some(),
            },
            // All that follows is encrypted.
            4 => list.is_encrypted = true,
            _ => {}
        }
        if matches!(kind, 4 | 5) {
            return Some(());
        }
        blocks = behind.get(data..)?;
    }
    list.is_endless = !blocks.is_empty();
    Some(())
}

/// The name in the header of a file, of which type and flags are read.
fn rar5_name(mut header: &[u8]) -> Option<String> {
    let flags = number(&mut header)?;
    number(&mut header)?;
    number(&mut header)?;
    let fixed = [2, 4].iter().filter(|flag| flags & **flag != 0).count() * 4;
    header = header.get(fixed..)?;
    number(&mut header)?;
    number(&mut header)?;
    let len = usize::try_from(number(&mut header)?).ok()?;
    header.get(..len).map(|name| text(name, NAME))
}

/// A number of RAR 5: seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The same of RAR 4.
fn rar4(mut blocks: &[u8], list: &mut List) -> Option<()> {
    for _ in 0..BLOCKS {
        if blocks.is_empty() {
            return Some(());
        }
        let (kind, flags, size) = (*blocks.get(2)?, u16_at(blocks, 3)?, usize::from(u16_at(blocks, 5)?));
        let data = if flags & 0x8000 != 0 || kind == 0x74 { u32_at(blocks, 7)? as usize } else { 0 };
        match kind {
            0x73 => list.is_encrypted |= flags & 0x80 != 0,
            0x74 => {
                list.is_encrypted |= flags & 4 != 0;
                let start = if flags & 0x100 != 0 { 40 } else { 32 };
                let name = blocks.get(start..).and_then(|name| name.get(..usize::from(u16_at(blocks, 26)?)));
                match name {
                    Some(name) if list.members.len() < MEMBERS => list.members.push(text(name, NAME)),
                    name => list.is_cut |= name.is_some(),
                }
            }
            _ => {}
        }
        if kind == 0x7b || size < 7 || kind == 0x73 && list.is_encrypted {
            return Some(());
        }
        blocks = blocks.get(size.checked_add(data)?..)?;
    }
    list.is_endless = !blocks.is_empty();
    Some(())
}

#[cfg(test)]
mod tests {
    use event::Position;

    use super::*;
    use crate::Kind;

    fn told(bytes: &[u8], name: &'static str) -> Vec<String> {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        let _ = facts(bytes, &mut told);
        told.values(name).map(|value| value.into_owned()).collect()
    }

    fn block5(kind: u8, flags: u8, behind: &[u8]) -> Vec<u8> {
        [&[0; 4][..], &[behind.len() as u8 + 2, kind, flags], behind].concat()
    }

    #[test]
    fn lists_of_rar() {
        let file = [&[0, 5, 0, 0, 0, 9][..], b"offer.exe"].concat();
        let main = block5(1, 0, &[0]);
        // The size of the data stands before the file's own fields.
        let member = [block5(2, 2, &[&[3][..], &file].concat()), b"abc".to_vec()].concat();
        let five = [b"Rar!\x1a\x07\x01\0", &main[..], &member, &member, &block5(5, 0, &[0])].concat();
        assert_eq!(told(&five, "Member"), ["offer.exe", "offer.exe"]);
        assert_eq!(told(&five, "Encrypted"), [""; 0]);
        let locked = [b"Rar!\x1a\x07\x01\0", &block5(4, 0, &[0, 0])[..], &[7; 90]].concat();
        assert_eq!(told(&locked, "Encrypted"), ["true"]);
        let mut old = [b"Rar!\x1a\x07\0", &[0, 0, 0x73, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0][..]].concat();
        let mut file = vec![0; 32];
        (file[2], file[3], file[4], file[5], file[7], file[26]) = (0x74, 4, 0x80, 32 + 5, 2, 5);
        old.extend(file);
        old.extend(b"a.pdfXX");
        assert_eq!(told(&old, "Member"), ["a.pdf"]);
        assert_eq!(told(&old, "Encrypted"), ["true"]);
        (0..five.len()).for_each(|len| drop(told(&five[..len.max(4)], "Member")));
    }

    #[test]
    fn limits_are_told() {
        let five = [b"Rar!\x1a\x07\x01\0", &block5(3, 0, &[]).repeat(BLOCKS + 1)[..]].concat();
        let four = [b"Rar!\x1a\x07\0", &[0, 0, 0x75, 0, 0, 7, 0].repeat(BLOCKS + 1)[..]].concat();
        for bytes in [five, four] {
            let damage = List::of(&bytes).damage.unwrap();
            assert!(damage.starts_with("limit: 65536 blocks"), "{damage}");
        }
    }

    /// Made by 7-Zip 26.02 (`7z a`, `-mhc=off`, `-pharmless`, `-mhe=on`) of two files without content worth hiding.
    #[test]
    fn lists_of_7z() {
        let file = |name: &str| std::fs::read(format!("{}/tests/archives/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for (name, members, is_encrypted) in [
            ("packed.7z", &["Offer", "Offer/Job description.pdf", "Offer/Viewer.exe"][..], false),
            ("plain-list.7z", &["Offer", "Offer/Job description.pdf", "Offer/Viewer.exe"], false),
            ("encrypted.7z", &["Offer", "Offer/Job description.pdf", "Offer/Viewer.exe"], true),
            ("encrypted-list.7z", &[], true),
        ] {
            let bytes = file(name);
            let mut list = List::of(&bytes);
            list.members.sort();
            assert_eq!(
                (list.members.as_slice(), list.is_encrypted, list.damage),
                (&members.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()[..], is_encrypted, None),
                "{name}"
            );
            (0..bytes.len()).for_each(|len| drop(List::of(&bytes[..len])));
            for at in 0..bytes.len() {
                let mut broken = bytes.clone();
                broken[at] ^= 0x55;
                List::of(&broken);
            }
        }
    }
}
