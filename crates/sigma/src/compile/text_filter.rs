//! Ruling out, over raw bytes, that a record holds any of some words.

use aho_corasick::AhoCorasick;
use event::Encoding;

use crate::{
    fold::fold_char,
    pattern::{Part, Pattern},
};

/// Finds the places where one of some words may stand. Each word is represented by a *window*: two or three of its
/// characters, rare ones, that stand in the raw bytes as they are, whatever the format (no quotes, backslashes or markup).
pub struct TextFilter {
    utf8: AhoCorasick,
    utf16: AhoCorasick,
}

const WINDOW: usize = 3;

impl TextFilter {
    /// A filter for patterns, or `None` where some pattern could be satisfied without a window in the raw bytes.
    pub fn new<'p>(patterns: impl Iterator<Item = &'p Pattern>) -> Option<Self> {
        let mut windows: Vec<String> = Vec::new();
        for pattern in patterns {
            let literals = pattern.parts().iter().filter_map(|part| match part {
                Part::Literal(text) => Some(text.chars().map(fold_char).collect::<String>()),
                _ => None,
            });
            let literals: Vec<String> = literals.filter(|text| !could_be_a_number(text)).collect();
            if literals.iter().any(|text| windows.iter().any(|window| text.contains(window.as_str()))) {
                continue;
            }
            windows.push(literals.iter().flat_map(|text| candidates(text)).max_by_key(|window| rarity(window))?);
        }
        let spelled = |encode: fn(&str) -> Vec<u8>| {
            let spellings = windows.iter().flat_map(|window| spellings(window)).map(|text| encode(&text));
            AhoCorasick::new(spellings).ok()
        };
        Some(Self {
            utf8: spelled(|text| text.as_bytes().to_vec())?,
            utf16: spelled(|text| text.encode_utf16().flat_map(u16::to_le_bytes).collect())?,
        })
    }

    /// Appends the offsets of all places where a window stands.
    pub fn hits(&self, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) {
        let automaton = match encoding {
            Encoding::Utf8 => &self.utf8,
            Encoding::Utf16Le => &self.utf16,
        };
        hits.extend(automaton.find_iter(raw).map(|found| found.start()));
    }
}

/// Numbers, times, GUIDs, SIDs and bytes are text only once they are decoded; a word that could stand in one cannot be
/// looked for in raw bytes.
fn could_be_a_number(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f' | 'x' | 's' | 't' | 'z' | 'n' | 'i' | '{' | '}' | '-' | ':' | '.' | '+' | ' '))
        || "true false".contains(text)
}

/// All windows of a word.
fn candidates(text: &str) -> Vec<String> {
    let plain =
        |c: &char| c.is_ascii() && !c.is_ascii_control() && !matches!(c, '"' | '\'' | '\\' | '/' | '&' | '<' | '>');
    let chars: Vec<char> = text.chars().collect();
    chars
        .windows(WINDOW)
        .filter(|window| window.iter().all(|c| plain(c)))
        .map(|window| window.iter().collect())
        .collect()
}

/// The more, the rarer in logs and the fewer its spellings.
fn rarity(window: &str) -> u32 {
    window
        .bytes()
        .map(|byte| match byte {
            b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b't' | b's' | b'c' | b'd' | b'l' | b'm' | b'w' => 1,
            b'0'..=b'9' | b'.' | b'-' | b' ' | b'k' => 2,
            b'a'..=b'z' => 3,
            _ => 5,
        })
        .sum()
}

/// All texts that fold to the window.
fn spellings(window: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    for c in window.chars() {
        let mut forms = vec![c];
        forms.extend(c.is_ascii_lowercase().then(|| c.to_ascii_uppercase()));
        forms.extend(['\u{212a}', '\u{17f}'].into_iter().filter(|other| fold_char(*other) == c));
        texts = texts.iter().flat_map(|text| forms.iter().map(move |form| format!("{text}{form}"))).collect();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(words: &[&str]) -> Option<TextFilter> {
        let patterns: Vec<Pattern> =
            words.iter().map(|word| Pattern::parse(word).open_start().open_end().folded()).collect();
        TextFilter::new(patterns.iter())
    }

    #[test]
    fn every_spelling_of_a_word_is_a_hit() {
        let filter = filter(&["sekurlsa::", "gentilkiwi.com", r"\mimilib.dll", "Kiwi Legit Printer"]).unwrap();
        for text in [
            "SEKURLSA::logonpasswords",
            "x\u{17f}ekurlsa::",
            "www.gentil\u{212a}iwi.com",
            "C:\\MimiLib.DLL",
            "a kiwi legit printer",
        ] {
            let mut hits = Vec::new();
            filter.hits(text.as_bytes(), Encoding::Utf8, &mut hits);
            assert!(!hits.is_empty(), "{text} in UTF-8");
            hits.clear();
            let odd: Vec<u8> = [1].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
            filter.hits(&odd, Encoding::Utf16Le, &mut hits);
            assert!(!hits.is_empty(), "{text} in UTF-16");
        }
    }

    #[test]
    fn what_cannot_be_ruled_out_is_not() {
        assert!(filter(&["S-1-5-21"]).is_none());
        assert!(filter(&["dead"]).is_none());
        assert!(filter(&["ä"]).is_none());
        assert!(filter(&["*"]).is_none());
    }
}
