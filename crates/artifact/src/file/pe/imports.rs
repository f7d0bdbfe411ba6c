//! Which libraries a program needs.

use super::{NAME, Pe, Table};
use crate::file::read::{text, u32_at, u64_at};

/// Libraries that are looked at.
const LIBRARIES: usize = 1024;

/// Functions that are looked at, of all libraries together.
const FUNCTIONS: usize = 1 << 16;

/// Functions by which further ones are found while the program runs.
const RESOLVERS: &[&str] = &["GetProcAddress", "LdrGetProcedureAddress"];

/// A library that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name, in lower case.
    pub library: String,
    /// How many of its functions are named.
    pub functions: u32,
    /// Whether it is loaded when first used only.
    pub is_delayed: bool,
}

impl Import {
    /// Whether its name is that of a set of functions, which Windows finds by a table rather than in a file.
    pub fn is_of_a_set(&self) -> bool {
        ["api-ms-win-", "ext-ms-win-"].iter().any(|begin| self.library.starts_with(begin))
    }
}

/// What is imported.
#[derive(Debug, Default)]
pub struct Imports {
    pub libraries: Vec<Import>,
    /// Whether functions are found at run time.
    pub resolves: bool,
    /// Whether there is more than was looked at.
    pub is_cut: bool,
}

impl Imports {
    /// Whether no more libraries are looked at.
    fn is_full(&mut self) -> bool {
        let is_full = self.libraries.len() >= LIBRARIES;
        self.is_cut |= is_full;
        is_full
    }

    /// What was not looked at.
    pub fn damage(&self) -> Option<String> {
        self.is_cut.then(|| {
            format!("limit: {LIBRARIES} libraries and {FUNCTIONS} functions that the program needs were looked at, and no more")
        })
    }

    /// How many functions there are.
    pub fn functions(&self) -> u64 {
        self.libraries.iter().map(|import| u64::from(import.functions)).sum()
    }
}

impl Pe<'_> {
    /// What it imports, at once or when first used.
    pub fn imports(&self) -> Imports {
        let mut imports = Imports::default();
        let mut left = FUNCTIONS;
        let table = |table| self.table(table).and_then(|(address, _)| self.at(address)).unwrap_or_default();
        for entry in table(Table::Imports).as_chunks::<20>().0 {
            let (Some(names), Some(name), Some(bound)) = (u32_at(entry, 0), u32_at(entry, 12), u32_at(entry, 16))
            else {
                break;
            };
            if name == 0 || imports.is_full() {
                break;
            }
            self.import(name, if names == 0 { bound } else { names }, false, &mut left, &mut imports);
        }
        for entry in table(Table::DelayImports).as_chunks::<32>().0 {
            let (Some(flags), Some(name), Some(names)) = (u32_at(entry, 0), u32_at(entry, 4), u32_at(entry, 16)) else {
                break;
            };
            if name == 0 || imports.is_full() {
                break;
            }
            // Before Visual C++ 7 these were addresses in memory.
            let based = |address: u32| match flags & 1 {
                1 => address,
                _ => u32::try_from(u64::from(address).saturating_sub(self.base)).unwrap_or_default(),
            };
            self.import(based(name), based(names), true, &mut left, &mut imports);
        }
        imports
    }

    fn import(&self, name: u32, names: u32, is_delayed: bool, left: &mut usize, imports: &mut Imports) {
        let Some(library) = self.text_at(name).filter(|name| !name.is_empty()) else { return };
        let list = self.at(names).unwrap_or_default();
        let mut functions = 0;
        loop {
            let at = functions as usize;
            let (entry, by_number) = if self.is_64 {
                let entry = u64_at(list, 8 * at).unwrap_or_default();
                (entry, entry >> 63 == 1)
            } else {
                let entry = u32_at(list, 4 * at).unwrap_or_default();
                (u64::from(entry), entry >> 31 == 1)
            };
            if entry == 0 {
                break;
            }
            if *left == 0 {
                imports.is_cut = true;
                break;
            }
            *left -= 1;
            functions += 1;
            if !by_number && !imports.resolves {
                let name = u32::try_from(entry).ok().and_then(|at| self.at(at)?.get(2..)).map(|name| text(name, NAME));
                imports.resolves = name.is_some_and(|name| RESOLVERS.contains(&name.as_str()));
            }
        }
        imports.libraries.push(Import { library: library.to_ascii_lowercase(), functions, is_delayed });
    }
}
