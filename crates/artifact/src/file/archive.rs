//! Archives that are not opened: what their own lists say, and whether they are encrypted (RARLAB's "RAR 5.0 archive format" and technote of RAR 4;
//! 7-Zip's `7zFormat.txt`).

use super::read::{text, u16_at, u32_at, u64_at};
use crate::Facts;

/// Members that are told, blocks that are looked at, and the longest name.
const MEMBERS: usize = 256;
const BLOCKS: usize = 65_536;
const NAME: usize = 1024;

/// The identifier of 7-Zip's AES.
const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];

/// What a list says.
#[derive(Default)]
struct List {
    members: Vec<String>,
    is_encrypted: bool,
}

/// Tells what a RAR archive lists.
pub fn rar_facts(bytes: &[u8], facts: &mut Facts) {
    let mut list = List::default();
    match bytes.strip_prefix(b"Rar!\x1a\x07\x01\0") {
        Some(blocks) => drop(rar5(blocks, &mut list)),
        None => drop(rar4(bytes.get(7..).unwrap_or_default(), &mut list)),
    }
    tell(list, facts);
}

/// Tells whether a 7z archive's list is encrypted. Lists are compressed and not read.
pub fn seven_zip_facts(bytes: &[u8], facts: &mut Facts) {
    let place = |at| u64_at(bytes, at).and_then(|number| usize::try_from(number).ok());
    let header = place(12).and_then(|offset| bytes.get(offset.checked_add(32)?..));
    let header = header.and_then(|header| header.get(..place(20)?)).unwrap_or_default();
    let is_encrypted = memchr::memmem::find(header, AES).is_some();
    tell(List { members: Vec::new(), is_encrypted }, facts);
}

fn tell(list: List, facts: &mut Facts) {
    facts.tell("Encrypted", if list.is_encrypted { "true" } else { "" });
    list.members.into_iter().for_each(|name| facts.tell("Member", name));
}

/// Goes through the blocks of RAR 5; `None` where they end or cannot be understood.
fn rar5(mut blocks: &[u8], list: &mut List) -> Option<()> {
    for _ in 0..BLOCKS {
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
            2 if list.members.len() < MEMBERS => list.members.extend(rar5_name(header)),
            // All that follows is encrypted.
            4 => list.is_encrypted = true,
            _ => {}
        }
        if matches!(kind, 4 | 5) {
            break;
        }
        blocks = behind.get(data..)?;
    }
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
        let (kind, flags, size) = (*blocks.get(2)?, u16_at(blocks, 3)?, usize::from(u16_at(blocks, 5)?));
        let data = if flags & 0x8000 != 0 || kind == 0x74 { u32_at(blocks, 7)? as usize } else { 0 };
        match kind {
            0x73 => list.is_encrypted |= flags & 0x80 != 0,
            0x74 => {
                list.is_encrypted |= flags & 4 != 0;
                let start = if flags & 0x100 != 0 { 40 } else { 32 };
                let name = blocks.get(start..).and_then(|name| name.get(..usize::from(u16_at(blocks, 26)?)));
                list.members.extend(name.filter(|_| list.members.len() < MEMBERS).map(|name| text(name, NAME)));
            }
            _ => {}
        }
        if kind == 0x7b || size < 7 || kind == 0x73 && list.is_encrypted {
            break;
        }
        blocks = blocks.get(size.checked_add(data)?..)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use event::Position;

    use super::*;
    use crate::Kind;

    fn told(bytes: &[u8], name: &'static str) -> Vec<String> {
        let mut told = Facts::new(Kind::File, Position::Record(1), None);
        match bytes.starts_with(b"Rar!") {
            true => rar_facts(bytes, &mut told),
            false => seven_zip_facts(bytes, &mut told),
        }
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
    fn lists_of_7z() {
        let mut bytes = vec![0; 40];
        bytes[..6].copy_from_slice(b"7z\xbc\xaf\x27\x1c");
        (bytes[12], bytes[20]) = (2, 6);
        assert_eq!(told(&bytes, "Encrypted"), [""; 0]);
        bytes[34..38].copy_from_slice(AES);
        assert_eq!(told(&bytes, "Encrypted"), ["true"]);
    }
}
