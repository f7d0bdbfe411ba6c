//! What a library offers.

use std::collections::BTreeMap;

use super::{NAME, Pe, Table};
use crate::file::read::{text, u16_at, u32_at};

/// Names and addresses that are looked at: Windows' own libraries have up to some 17,000.
const MOST: usize = 1 << 16;

/// Bytes of names that are kept.
const NAMES: usize = 1 << 20;

/// Libraries that functions are handed on to, and families of names, that are kept.
const KEPT: usize = 64;

/// So many functions whose names begin alike are a family.
const FAMILY: usize = 3;

/// A table of exports.
#[derive(Debug, Default)]
pub struct Exports {
    /// The library's name as its builder called it.
    pub name: String,
    /// How many functions there are.
    pub functions: u64,
    /// Their names, as far as they have some.
    pub names: Vec<String>,
    /// How many functions are another library's.
    pub forwarders: u64,
    /// The libraries that these are of, in lower case and without ending.
    pub forwards_to: Vec<String>,
    /// The first words that at least [`FAMILY`] names of its own functions have in common (`pcre` of `pcre_exec`), in lower case.
    pub families: Vec<String>,
    /// Whether there is more than was looked at.
    is_cut: bool,
}

impl Exports {
    /// How many functions have code in the library itself.
    pub const fn own(&self) -> u64 {
        self.functions - self.forwarders
    }

    /// What was not looked at.
    pub fn damage(&self) -> Option<String> {
        self.is_cut.then(|| {
            format!("limit: {MOST} exported functions and {NAMES} bytes of their names were looked at, and no more")
        })
    }
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
        // An address within the table itself is not code but the name of another library's function.
        let is_forwarder = |function: u32| function.checked_sub(address).is_some_and(|within| within < len);
        let functions = self.at(field(28)?).unwrap_or_default().as_chunks::<4>().0;
        let count = functions.len().min(field(20)? as usize);
        for function in functions.iter().take(count.min(MOST)).map(|at| u32::from_le_bytes(*at)) {
            exports.functions += u64::from(function != 0);
            if is_forwarder(function) {
                exports.forwarders += 1;
                self.forward(function, &mut exports.forwards_to);
            }
        }
        let names = self.at(field(32)?).unwrap_or_default().as_chunks::<4>().0;
        let named = names.len().min(field(24)? as usize);
        exports.is_cut = count.max(named) > MOST;
        let numbers = field(36).and_then(|at| self.at(at)).unwrap_or_default();
        let is_own = |at: usize| {
            let function = u16_at(numbers, 2 * at).and_then(|number| functions.get(usize::from(number)));
            !function.is_some_and(|function| is_forwarder(u32::from_le_bytes(*function)))
        };
        let (mut left, mut families) = (NAMES, BTreeMap::<String, usize>::new());
        for (at, name) in names.iter().take(named.min(MOST)).enumerate() {
            let Some(name) = self.text_at(u32::from_le_bytes(*name)) else { continue };
            let Some(rest) = left.checked_sub(name.len()) else {
                exports.is_cut = true;
                break;
            };
            left = rest;
            let family = family(&name);
            if !family.is_empty() && is_own(at) {
                *families.entry(family).or_default() += 1;
            }
            exports.names.push(name);
        }
        let families = families.into_iter().filter(|(_, count)| *count >= FAMILY).map(|(family, _)| family);
        exports.families = families.take(KEPT).collect();
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

/// What a name begins with and others of one library share: what stands before the first `_`, or its first word (`Direct` of `DirectInput8Create`).
/// Nothing of names that C++ compilers made.
fn family(name: &str) -> String {
    if name.starts_with(['?', '@']) {
        return String::new();
    }
    let name = name.trim_start_matches('_');
    let is_lower = |c: char| c.is_ascii_lowercase();
    let word = name.char_indices().skip(1).zip(name.chars()).find_map(|((at, c), before)| {
        (c == '_' || c.is_ascii_uppercase() && is_lower(before) || c.is_ascii_digit()).then_some(at)
    });
    name.get(..word.unwrap_or(name.len())).unwrap_or_default().to_ascii_lowercase()
}
