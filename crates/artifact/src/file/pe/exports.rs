//! What a library offers.

use super::{NAME, Pe, Table};
use crate::file::read::{text, u32_at};

/// Names and addresses that are looked at: Windows' own libraries have up to some 17,000.
const MOST: usize = 1 << 16;

/// Names that are kept.
const KEPT: usize = 64;

/// A table of exports.
#[derive(Debug, Default)]
pub struct Exports {
    /// The library's name as its builder called it.
    pub name: String,
    /// How many functions there are.
    pub functions: u64,
    /// The first names.
    pub names: Vec<String>,
    /// How many functions are another library's.
    pub forwarders: u64,
    /// The libraries that these are of, in lower case and without ending.
    pub forwards_to: Vec<String>,
}

impl Pe<'_> {
    /// What it exports; nothing where it has no such table.
    pub fn exports(&self) -> Exports {
        self.try_exports().unwrap_or_default()
    }

    fn try_exports(&self) -> Option<Exports> {
        let (address, len) = self.table(Table::Exports)?;
        let table = self.at(address)?;
        let field = |at| u32_at(table, at);
        let mut exports = Exports { name: self.text_at(field(12)?).unwrap_or_default(), ..Exports::default() };
        let functions = self.at(field(28)?).unwrap_or_default().as_chunks::<4>().0;
        for function in functions.iter().take(MOST.min(field(20)? as usize)).map(|at| u32::from_le_bytes(*at)) {
            exports.functions += u64::from(function != 0);
            // An address within the table itself is not code but the name of another library's function.
            if function.checked_sub(address).is_some_and(|within| within < len) {
                exports.forwarders += 1;
                self.forward(function, &mut exports.forwards_to);
            }
        }
        let names = self.at(field(32)?).unwrap_or_default().as_chunks::<4>().0;
        let names = names.iter().take(KEPT.min(field(24)? as usize));
        exports.names = names.filter_map(|at| self.text_at(u32::from_le_bytes(*at))).collect();
        Some(exports)
    }

    fn forward(&self, function: u32, to: &mut Vec<String>) {
        let Some(target) = self.at(function).map(|bytes| text(bytes, NAME)) else { return };
        let library = target.rsplit_once('.').map_or("", |(library, _)| library).to_ascii_lowercase();
        if to.len() < KEPT && !library.is_empty() && !to.contains(&library) {
            to.push(library);
        }
    }
}
