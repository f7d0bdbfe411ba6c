//! Case folding: what "case-insensitive" means, beyond ASCII.

/// Unicode's simple case folding (CaseFolding.txt, status C and S): one character becomes one character, so that
/// `?` in a pattern stays one character.
pub fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    match c {
        // These two are folded in Turkic languages only.
        '\u{130}' | '\u{131}' => return c,
        // These three have no single upper case, but a twin.
        '\u{1fd3}' => return '\u{390}',
        '\u{1fe3}' => return '\u{3b0}',
        '\u{fb05}' => return '\u{fb06}',
        _ => {}
    }
    let upper = single(c.to_uppercase()).unwrap_or(c);
    single(upper.to_lowercase()).unwrap_or(upper)
}

fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next();
    if mapped.next().is_some() { None } else { first }
}

/// Appends `text` folded to `out`.
pub fn fold_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        if let Some(added) = out.get_mut(start..) {
            added.make_ascii_lowercase();
        }
    } else {
        out.extend(text.chars().map(fold_char));
    }
}

/// `text` folded.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

    use super::*;

    /// The regex crate's tables are the judge: two characters are equal under `(?i)` if and only if their foldings are.
    #[test]
    fn folding_is_unicode_simple_case_folding() {
        let equal_under_judge = |c: char| {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
            class.case_fold_simple();
            class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect::<BTreeSet<char>>()
        };
        // The standard library may know a newer Unicode than the judge, who takes its additions for unassigned.
        let unassigned = regex::Regex::new(r"\A\p{Cn}\z").unwrap();
        let mut by_folding = BTreeMap::<char, BTreeSet<char>>::new();
        for c in (0..=0x10ffff).filter_map(char::from_u32).filter(|c| !unassigned.is_match(&c.to_string())) {
            by_folding.entry(fold_char(c)).or_default().insert(c);
        }
        for (folded, equal) in by_folding {
            assert_eq!(equal, equal_under_judge(folded), "{folded:?}");
        }
    }
}
