//! What a program carries along: its resources.

use super::{Pe, Table};
use crate::file::{
    kind::Type,
    read::{u16_at, u32_at},
};

/// Entries of all folders together that are looked at.
const ENTRIES: usize = 16_384;

/// The type of version resources.
const VERSION: u32 = 16;

/// The types of pictures, letters and the like, in which nobody hides a program: cursors, bitmaps, icons, fonts.
const PICTURES: &[u32] = &[1, 2, 3, 8];

/// What is told of resources.
#[derive(Debug, Default)]
pub struct Resources<'a> {
    /// The first version resource.
    pub version: Option<&'a [u8]>,
    /// The largest resource of no known type.
    pub largest: &'a [u8],
    /// How many bytes all have together.
    pub size: u64,
    /// Whether there are more than were looked at.
    is_cut: bool,
}

impl Resources<'_> {
    /// What was not looked at.
    pub fn damage(&self) -> Option<String> {
        self.is_cut.then(|| format!("limit: {ENTRIES} entries of the program's resources were looked at, and no more"))
    }
}

/// A folder of resources that is being gone through.
struct Walk<'a> {
    table: &'a [u8],
    left: usize,
    found: Resources<'a>,
}

impl<'a> Pe<'a> {
    /// Looks through the resources, which are folders of three levels: type, name, language.
    pub fn resources(&self) -> Resources<'a> {
        let table = self.table(Table::Resources).and_then(|(address, _)| self.at(address)).unwrap_or_default();
        let mut walk = Walk { table, left: ENTRIES, found: Resources::default() };
        walk.folder(self, 0, 0, 0);
        walk.found
    }
}

impl<'a> Walk<'a> {
    fn folder(&mut self, pe: &Pe<'a>, at: usize, level: u32, kind: u32) {
        let count = |offset| u16_at(self.table, at + offset).map_or(0, usize::from);
        for number in 0..count(12) + count(14) {
            let entry = at + 16 + 8 * number;
            let (Some(name), Some(to)) = (u32_at(self.table, entry), u32_at(self.table, entry + 4)) else { return };
            if self.left == 0 {
                self.found.is_cut = true;
                return;
            }
            self.left -= 1;
            let kind = if level == 0 { name } else { kind };
            let place = (to & 0x7fff_ffff) as usize;
            match (to >> 31, level) {
                (1, 0..=1) => self.folder(pe, place, level + 1, kind),
                (0, _) => self.leaf(pe, place, kind),
                _ => {}
            }
        }
    }

    fn leaf(&mut self, pe: &Pe<'a>, at: usize, kind: u32) {
        let (Some(address), Some(size)) = (u32_at(self.table, at), u32_at(self.table, at + 4)) else { return };
        let Some(bytes) = pe.at(address) else { return };
        let bytes = bytes.get(..size as usize).unwrap_or(bytes);
        self.found.size += bytes.len() as u64;
        let is_unknown = || !PICTURES.contains(&kind) && Type::of(bytes, "") == Type::Data;
        if bytes.len() > self.found.largest.len() && is_unknown() {
            self.found.largest = bytes;
        }
        if kind == VERSION && self.found.version.is_none() {
            self.found.version = Some(bytes);
        }
    }
}
