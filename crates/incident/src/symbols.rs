//! One number for each text: what is compared often is compared fast, and kept once.

use std::sync::Arc;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

/// The number of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Symbol(u32);

/// Texts, each with its number.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Symbols {
    numbers: HashMap<Arc<str>, Symbol>,
    texts: Vec<Arc<str>>,
}

impl Symbols {
    /// The number of a text, a new one if it has none yet.
    pub fn number(&mut self, text: &str) -> Symbol {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let (new, text) = (Symbol(self.texts.len() as u32), Arc::<str>::from(text));
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, new);
        new
    }

    /// The number of a text, if it has one.
    pub fn known(&self, text: &str) -> Option<Symbol> {
        self.numbers.get(text).copied()
    }

    /// The text of a number.
    pub fn text(&self, symbol: Symbol) -> &str {
        self.texts.get(symbol.0 as usize).map_or("", |text| text)
    }
}

impl From<Vec<String>> for Symbols {
    fn from(texts: Vec<String>) -> Self {
        let mut symbols = Self::default();
        texts.iter().for_each(|text| {
            symbols.number(text);
        });
        symbols
    }
}

impl From<Symbols> for Vec<String> {
    fn from(symbols: Symbols) -> Self {
        symbols.texts.iter().map(|text| (**text).to_owned()).collect()
    }
}
