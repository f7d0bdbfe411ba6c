//! Windows programs and libraries (Microsoft's "PE Format", revision of 2024).
//!
//! Read by our own code, since libraries for it read what tables promise: a table of a million names that all point to the
//! same long text costs them its square. Here every table has a most, every text a length. `goblin` is the judge in tests.

mod exports;
mod facts;
mod imports;
mod resources;
mod signature;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../../../../../tests/common/pe.rs"]
pub(super) mod tiny;
mod version;

use std::ops::Range;

pub use self::{
    exports::Exports,
    facts::{Portrait, facts},
    imports::Import,
    signature::{Signature, State},
};
use super::read::{text, u16_at, u32_at};

/// Windows loads no file with more sections.
const SECTIONS: usize = 96;

/// The longest name that is kept.
const NAME: usize = 256;

/// Entries of a debug directory that are looked at.
const DEBUG_ENTRIES: usize = 32;

/// Tables that the header points to, by their number.
#[derive(Clone, Copy)]
enum Table {
    Exports = 0,
    Imports = 1,
    Resources = 2,
    Certificates = 4,
    Debug = 6,
    DelayImports = 13,
    Managed = 14,
}

/// A part of the file that is loaded as one.
#[derive(Debug)]
struct Section {
    name: String,
    address: u32,
    stored: Range<usize>,
}

/// A file whose headers have been read.
pub struct Pe<'a> {
    bytes: &'a [u8],
    /// Where the optional header begins.
    optional: usize,
    /// Where the table of tables begins, and how many entries it has.
    tables: (usize, usize),
    is_64: bool,
    base: u64,
    sections: Vec<Section>,
}

impl<'a> Pe<'a> {
    /// Reads the headers.
    ///
    /// # Errors
    /// What was expected and what stands there.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let short = || "the file ends within the headers of the program".to_owned();
        let start = u32_at(bytes, 60).map(|at| at as usize).ok_or_else(short)?;
        let rest = bytes.get(start..).ok_or_else(short)?;
        if !rest.starts_with(b"PE\0\0") {
            return Err(format!("expected the header of a program at byte {start}, found none"));
        }
        let optional = start + 24;
        let sections = u16_at(rest, 6).map(usize::from).ok_or_else(short)?;
        let length = u16_at(rest, 20).map(usize::from).ok_or_else(short)?;
        let is_64 = match u16_at(bytes, optional).ok_or_else(short)? {
            0x10b => false,
            0x20b => true,
            other => return Err(format!("expected an optional header of kind 10b or 20b, found {other:x}")),
        };
        if sections > SECTIONS {
            return Err(format!("expected at most {SECTIONS} sections, found {sections}"));
        }
        let (tables, base) = if is_64 {
            (optional + 112, super::read::u64_at(bytes, optional + 24))
        } else {
            (optional + 96, u32_at(bytes, optional + 28).map(u64::from))
        };
        let count = u32_at(bytes, tables - 4).map_or(0, |count| count.min(16) as usize);
        let mut pe = Self {
            bytes,
            optional,
            tables: (tables, count),
            is_64,
            base: base.unwrap_or_default(),
            sections: Vec::new(),
        };
        pe.sections = (0..sections).map_while(|number| pe.section(optional + length + 40 * number)).collect();
        Ok(pe)
    }

    fn section(&self, at: usize) -> Option<Section> {
        let header = self.bytes.get(at..)?.get(..40)?;
        let (stored, start) = (u32_at(header, 16)? as usize, u32_at(header, 20)? as usize);
        let end = start.saturating_add(stored).min(self.bytes.len());
        Some(Section { name: text(header, 8), address: u32_at(header, 12)?, stored: start.min(end)..end })
    }

    fn table(&self, table: Table) -> Option<(u32, u32)> {
        let (tables, count) = self.tables;
        let number = table as usize;
        let at = tables + 8 * number;
        let entry = (u32_at(self.bytes, at)?, u32_at(self.bytes, at + 4)?);
        (number < count && entry.0 != 0).then_some(entry)
    }

    /// The file's bytes from an address up to the end of its section; headers are loaded as they stand.
    fn at(&self, address: u32) -> Option<&'a [u8]> {
        let holds = |section: &&Section| {
            address.checked_sub(section.address).is_some_and(|within| (within as usize) < section.stored.len())
        };
        match self.sections.iter().find(holds) {
            Some(section) => {
                let stored = self.bytes.get(section.stored.clone())?;
                stored.get((address - section.address) as usize..)
            }
            None if self.sections.iter().all(|section| address < section.address) => self.bytes.get(address as usize..),
            None => None,
        }
    }

    fn text_at(&self, address: u32) -> Option<String> {
        self.at(address).map(|bytes| text(bytes, NAME))
    }

    fn number(&self, at: usize) -> u16 {
        u16_at(self.bytes, self.optional.saturating_add(at)).unwrap_or_default()
    }

    fn file_header(&self, at: usize) -> u16 {
        u16_at(self.bytes, (self.optional + at).saturating_sub(20)).unwrap_or_default()
    }

    /// Whether it is a library.
    pub fn is_library(&self) -> bool {
        self.file_header(18) & 0x2000 != 0
    }

    /// The processor it is for.
    pub fn machine(&self) -> String {
        match self.file_header(0) {
            0x14c => "x86".into(),
            0x8664 => "x64".into(),
            0xaa64 => "arm64".into(),
            0x1c0 | 0x1c4 => "arm".into(),
            other => format!("{other:#x}"),
        }
    }

    /// What it is started as: `GUI`, `console`, `native` (drivers), …
    pub fn subsystem(&self) -> String {
        match self.number(68) {
            1 => "native".into(),
            2 => "GUI".into(),
            3 => "console".into(),
            10..=13 => "EFI".into(),
            other => other.to_string(),
        }
    }

    /// The linker's version and that of the Windows it was built for: files of one build have the same.
    fn build(&self) -> [u16; 3] {
        [self.number(2), self.number(40), self.number(42)]
    }

    /// Whether it is for .NET.
    pub fn is_managed(&self) -> bool {
        self.table(Table::Managed).is_some()
    }

    /// Where the table of certificates stands; it is not loaded, and so is found by its offset.
    fn certificates(&self) -> Option<Range<usize>> {
        let (start, len) = self.table(Table::Certificates)?;
        let (start, len) = (start as usize, len as usize);
        Some(start..start.checked_add(len)?)
    }

    /// What stands behind all sections and is no certificate.
    fn overlay(&self) -> &'a [u8] {
        let end = self.sections.iter().map(|section| section.stored.end).max().unwrap_or(self.bytes.len());
        let until = self.certificates().map_or(self.bytes.len(), |range| range.start.clamp(end, self.bytes.len()));
        self.bytes.get(end..until).unwrap_or_default()
    }

    /// Where the builder kept the debug information: the path that CodeView's record holds.
    fn pdb(&self) -> Option<String> {
        let (address, len) = self.table(Table::Debug)?;
        let entries = self.at(address)?;
        let count = (len as usize / 28).min(DEBUG_ENTRIES);
        entries.as_chunks::<28>().0.iter().take(count).find_map(|entry| {
            let at = u32_at(entry, 24).filter(|_| u32_at(entry, 12) == Some(2))?;
            let record = self.bytes.get(at as usize..)?;
            record.starts_with(b"RSDS").then(|| text(record.get(24..).unwrap_or_default(), 2 * NAME))
        })
    }
}
