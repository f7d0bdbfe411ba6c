//! Ruling out, over raw bytes, that a record holds any of some words.

use aho_corasick::packed::{MatchKind, Searcher};
use event::{Encoding, is_plain};

use crate::{
    compile::{
        literals::Literals,
        raw_text::{RawText, ascii_runs},
    },
    fold::fold_char,
    pattern::{Part, Pattern},
};

/// Finds the places where one of some words may stand. Each word is represented by a *run* of its characters that stand
/// in raw bytes as they are, whatever the format (no quotes, backslashes or markup), and the run by a *window*: two or
/// three of its characters, rare ones, which are looked for by a vectorised search. Raw text has a search of its own, [`RawText`].
pub struct TextFilter {
    utf8: Option<Search>,
    utf16: Option<Search>,
    raw: Option<RawText>,
}

/// One encoding's search: spellings of windows, and by spelling the runs to compare there.
pub struct Search {
    finder: Finder,
    runs: Vec<Vec<Run>>,
}

enum Finder {
    /// Vectorised, for few spellings.
    Packed(Searcher),
    Grams(Literals),
}

/// A word's run of plain characters (folded), and how many characters of it stand before the window.
#[derive(Clone, PartialEq)]
pub struct Run {
    pub chars: Vec<char>,
    pub before: usize,
}

impl TextFilter {
    /// A filter for patterns, in the encodings in which no pattern could be satisfied without a run in the raw bytes.
    pub fn new<'p>(patterns: impl Iterator<Item = &'p Pattern> + Clone) -> Self {
        Self {
            utf8: Search::new(patterns.clone(), Encoding::Utf8),
            utf16: Search::new(patterns.clone(), Encoding::Utf16Le),
            raw: RawText::new(patterns),
        }
    }

    /// Appends the offsets of all places where a run may stand; false if it may be anywhere.
    pub fn hits(&self, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) -> bool {
        let search = match encoding {
            Encoding::RawText => {
                self.raw.iter().for_each(|search| search.hits(raw, hits));
                return self.raw.is_some();
            }
            Encoding::Utf8 => &self.utf8,
            Encoding::Utf16Le => &self.utf16,
        };
        let Some(search) = search else { return false };
        let first = hits.len();
        search.hits(raw, encoding, hits);
        hits.get_mut(first..).unwrap_or_default().sort_unstable();
        true
    }

    /// Whether there is a search for every encoding.
    pub fn is_complete(&self) -> bool {
        self.utf8.is_some() && self.utf16.is_some() && self.raw.is_some()
    }
}

/// Whether patterns are few enough for a vectorised search, in UTF-8 and in UTF-16.
pub fn is_packed<'p>(patterns: impl Iterator<Item = &'p Pattern> + Clone) -> bool {
    let is_packed = |encoding| Search::new(patterns.clone(), encoding).is_some_and(|search| search.is_packed());
    [Encoding::Utf8, Encoding::Utf16Le].into_iter().all(is_packed)
}

impl Search {
    /// A search for patterns; `None` where one of them has no run.
    pub fn new<'p>(patterns: impl Iterator<Item = &'p Pattern> + Clone, encoding: Encoding) -> Option<Self> {
        let widths = NARROWEST..=widest(encoding);
        let windows = widths.rev().find_map(|width| windows(patterns.clone(), width, encoding))?;
        let (mut written, mut runs) = (Vec::new(), Vec::new());
        for (window, window_runs) in windows {
            for spelling in spellings(&window) {
                written.push(match encoding {
                    Encoding::Utf8 | Encoding::RawText => spelling.into_bytes(),
                    Encoding::Utf16Le => spelling.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                });
                runs.push(window_runs.clone());
            }
        }
        Some(Self { finder: Finder::new(&written), runs })
    }

    /// Whether it is a vectorised one.
    pub fn is_packed(&self) -> bool {
        matches!(self.finder, Finder::Packed(_))
    }

    /// Appends the offsets of all places where a run may stand, in no order.
    pub fn hits(&self, raw: &[u8], encoding: Encoding, hits: &mut Vec<usize>) {
        self.finder.find(raw, &mut |spelling, at| {
            let runs = self.runs.get(spelling).map(Vec::as_slice).unwrap_or_default();
            if runs.iter().any(|run| run.may_stand(raw, at, encoding)) {
                hits.push(at);
            }
        });
    }
}

impl Finder {
    fn new(spellings: &[Vec<u8>]) -> Self {
        let mut searcher = aho_corasick::packed::Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        // None where the words are too many for a vectorised search, or the processor has none.
        match searcher.extend(spellings).build() {
            Some(searcher) => Self::Packed(searcher),
            None => Self::Grams(Literals::new(spellings.iter().map(Vec::as_slice))),
        }
    }

    /// Calls `found` with the number and the place of every spelling in `raw`.
    fn find(&self, raw: &[u8], found: &mut impl FnMut(usize, usize)) {
        match self {
            Self::Packed(searcher) => {
                let mut from = 0;
                while let Some(spelling) = searcher.find_in(raw, (from..raw.len()).into()) {
                    found(spelling.pattern().as_usize(), spelling.start());
                    from = spelling.start() + 1;
                }
            }
            Self::Grams(literals) => literals.find(raw, found),
        }
    }
}

/// The fewest characters that a window has.
const NARROWEST: usize = 2;

/// The most characters that a window has. The vectorised search compares up to four bytes; but each letter more doubles
/// the spellings.
fn widest(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Utf8 | Encoding::RawText => 3,
        Encoding::Utf16Le => 2,
    }
}

/// The windows that represent patterns, with the runs that each stands for; `None` where a pattern has none.
fn windows<'p>(
    patterns: impl Iterator<Item = &'p Pattern>,
    width: usize,
    encoding: Encoding,
) -> Option<Vec<(String, Vec<Run>)>> {
    let mut windows: Vec<(String, Vec<Run>)> = Vec::new();
    for pattern in patterns {
        let best = |run: &Vec<char>| best_window(run, width).map_or(u64::MAX, |(window, _)| commonness(&window));
        let runs = if encoding == Encoding::RawText { ascii_runs(pattern) } else { plain_runs(pattern) };
        let run = runs.into_iter().min_by_key(best)?;
        let known = windows.iter_mut().find_map(|(window, runs)| Some((find(&run, window)?, runs)));
        match known {
            Some((before, runs)) => runs.push(Run { chars: run, before }),
            None => {
                let (window, before) = best_window(&run, width)?;
                windows.push((window, vec![Run { chars: run, before }]));
            }
        }
    }
    Some(windows)
}

impl Run {
    /// Whether the run may stand in `raw` so that its window begins at `at`.
    pub fn may_stand(&self, raw: &[u8], at: usize, encoding: Encoding) -> bool {
        let width = match encoding {
            Encoding::Utf8 | Encoding::RawText => 1,
            Encoding::Utf16Le => 2,
        };
        let (before, behind) = self.chars.split_at(self.before.min(self.chars.len()));
        let forward = behind.iter().enumerate().map(|(index, c)| (*c, Some(at + index * width)));
        let backward = before.iter().rev().enumerate().map(|(index, c)| (*c, at.checked_sub((index + 1) * width)));
        compare(raw, forward, encoding) && compare(raw, backward, encoding)
    }
}

/// Whether characters stand at places; a UTF-8 byte that is not ASCII cannot be compared, so it may be anything, and
/// so may all beyond it.
fn compare(raw: &[u8], chars: impl Iterator<Item = (char, Option<usize>)>, encoding: Encoding) -> bool {
    for (c, place) in chars {
        let Some(rest) = place.and_then(|place| raw.get(place..)) else { return false };
        let stands = match (encoding, rest) {
            (Encoding::Utf8 | Encoding::RawText, [byte, ..]) if byte.is_ascii() => char::from(*byte),
            (Encoding::Utf8 | Encoding::RawText, [_, ..]) => return true,
            (Encoding::Utf16Le, [low, high, ..]) => {
                char::from_u32(u32::from(u16::from_le_bytes([*low, *high]))).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return false,
        };
        if fold_char(stands) != c {
            return false;
        }
    }
    true
}

/// The runs of plain characters of a pattern's literals.
fn plain_runs(pattern: &Pattern) -> Vec<Vec<char>> {
    let literals = pattern.parts().iter().filter_map(|part| match part {
        Part::Literal(text) => Some(text.chars().map(fold_char).collect::<Vec<char>>()),
        _ => None,
    });
    let literals = literals.filter(|literal| !could_be_a_number(literal));
    literals.flat_map(|literal| literal.split(|c| !is_plain(*c)).map(<[char]>::to_vec).collect::<Vec<_>>()).collect()
}

/// Numbers, times, GUIDs, SIDs and bytes are text only once they are decoded; a word that could stand in one cannot be
/// looked for in raw bytes.
fn could_be_a_number(text: &[char]) -> bool {
    let hexadecimal = |c: &char| matches!(c, '0'..='9' | 'a'..='f' | 'x' | '{' | '}' | '-');
    let decimal = |c: &char| matches!(c, '0'..='9' | 'e' | '.' | '-' | '+');
    let time = |c: &char| matches!(c, '0'..='9' | 't' | 'z' | '-' | ':' | '.' | '+' | ' ');
    let sid = |c: &char| matches!(c, '0'..='9' | 's' | '-');
    text.iter().all(hexadecimal)
        || text.iter().all(decimal)
        || text.iter().all(time)
        || text.iter().all(sid)
        || "true false -inf nan".contains(&text.iter().collect::<String>())
}

/// The rarest window of a run, and where it stands.
fn best_window(run: &[char], width: usize) -> Option<(String, usize)> {
    let windows = run.windows(width).enumerate().map(|(at, window)| (window.iter().collect::<String>(), at));
    windows.min_by_key(|(window, _)| commonness(window))
}

fn find(run: &[char], window: &str) -> Option<usize> {
    let window: Vec<char> = window.chars().collect();
    run.windows(window.len()).position(|other| other == window)
}

/// How often a window stands in logs, as a guess: the product of its characters' frequencies in a thousand.
pub fn commonness(window: &str) -> u64 {
    let frequency = |c: char| match c {
        'e' => 90,
        't' | 'a' | 'o' | 'i' | 'n' | 's' | ' ' => 65,
        'r' => 55,
        'l' | 'd' | 'c' => 40,
        'u' | 'm' | 'p' | 'h' => 30,
        'g' | 'f' | '.' | '0'..='9' => 20,
        'b' | 'w' | 'y' | 'v' | '-' => 14,
        'k' | ':' | '_' => 8,
        _ => 4,
    };
    window.chars().map(frequency).product()
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

    fn filter(words: &[&str]) -> TextFilter {
        let patterns: Vec<Pattern> =
            words.iter().map(|word| Pattern::parse(word).open_start().open_end().folded()).collect();
        TextFilter::new(patterns.iter())
    }

    fn is_hit(filter: &TextFilter, text: &str) -> (bool, bool) {
        let mut hits = Vec::new();
        filter.hits(text.as_bytes(), Encoding::Utf8, &mut hits);
        let utf8 = !hits.is_empty();
        hits.clear();
        let odd: Vec<u8> = [1].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        filter.hits(&odd, Encoding::Utf16Le, &mut hits);
        let utf16 = !hits.is_empty();
        hits.clear();
        filter.hits(text.as_bytes(), Encoding::RawText, &mut hits);
        assert_eq!(utf8, !hits.is_empty(), "raw text differs in {text}");
        (utf8, utf16)
    }

    const WORDS: [&str; 5] = ["sekurlsa::", "gentilkiwi.com", r"\mimilib.dll", "Kiwi Legit Printer", "vault::ca"];

    #[test]
    fn every_spelling_of_a_word_is_a_hit() {
        let filter = filter(&WORDS);
        for text in [
            "SEKURLSA::logonpasswords",
            "x\u{17f}ekurlsa::",
            "www.gentil\u{212a}iwi.com",
            "C:\\MimiLib.DLL",
            "a kiwi legit printer",
            ":::vault::cav",
        ] {
            assert_eq!(is_hit(&filter, text), (true, true), "{text}");
        }
    }

    #[test]
    fn a_window_alone_is_none() {
        let filter = filter(&WORDS);
        for text in ["::1", "fe80::ca", "[System.Text]::ASCII", "kiwi", ""] {
            assert_eq!(is_hit(&filter, text), (false, false), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_ruled_out_is_not() {
        // By encoding: UTF-8, UTF-16, raw text.
        let rules_out = |word: &str| {
            let filter = filter(&[word]);
            [Encoding::Utf8, Encoding::Utf16Le, Encoding::RawText]
                .map(|encoding| filter.hits(b"", encoding, &mut vec![]))
        };
        assert_eq!(rules_out("S-1-5-21"), [false, false, true]);
        assert_eq!(rules_out("dead"), [false, false, true]);
        assert_eq!(rules_out("</>"), [false, false, true]);
        assert_eq!(rules_out("ä"), [false, false, false]);
        assert_eq!(rules_out("*"), [false, false, false]);
        assert_eq!(rules_out("@"), [false, false, false]);
    }

    #[test]
    fn words_of_raw_text_are_found_at_every_place() {
        let words = ["sh -i >& /dev/tcp/", "<&196;exec", "a'b\\\"c", "Grüße/aus", "long enough to pass over"];
        for chosen in [&words[..], &words[..2], &["<>"], &["x>y", "sh -i"]] {
            let filter = filter(chosen);
            for (word, before) in chosen.iter().flat_map(|word| (0..12).map(move |before| (word, before))) {
                let text = format!("{}{}tail", "x".repeat(before), word.replace(r"\\", r"\").to_uppercase());
                let mut hits = Vec::new();
                assert!(filter.hits(text.as_bytes(), Encoding::RawText, &mut hits));
                assert!(hits.iter().any(|hit| (before..text.len() - 4).contains(hit)), "{text}: {hits:?}");
            }
        }
    }
}
