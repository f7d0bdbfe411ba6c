//! Text that does nothing where it is shown.
//!
//! Evidence is written by the attacker, and so is much that a report repeats of it. Everything that is not a plain,
//! visible character (controls, ANSI sequences with their ESC, changes of direction, zero-width and other format
//! characters, variation selectors, blanks that are not the blank, private use, unassigned) is shown as its number:
//! `\u{1b}`. Line breaks and tabs, which scripts are full of, are shown as `↵` and `⇥`. A combining mark stands
//! on a visible character, and no more than two on one, since more grow over the lines around them.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// How many combining marks may stand on one character.
const MARKS: usize = 2;

/// `text` without anything that is more, or less, than a visible character: `\u{1b}` for ESC, and so on.
pub fn plain(text: &str) -> Cow<'_, str> {
    if is_plain_ascii(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    units(text, |unit, _, _| {
        out.push_str(unit);
        true
    });
    Cow::Owned(out)
}

/// Whether a text is all printable ASCII, as most are, so that it is shown as it is.
pub(crate) fn is_plain_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The beginning of a text, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// What is shown.
    pub text: String,
    /// How many characters are left out behind it.
    pub left_out: usize,
}

/// As much of `text` as fits into `limit` columns, in [`plain`] form.
pub(crate) fn show(text: &str, limit: usize) -> Shown {
    if is_plain_ascii(text) {
        let (shown, rest) = text.split_at_checked(limit).unwrap_or((text, ""));
        return Shown { text: shown.to_owned(), left_out: rest.len() };
    }
    show_by(text, limit, |_, columns| columns)
}

/// As much of `text` as fits into `limit`, in [`plain`] form, where `measure` tells from what is shown for a character,
/// and its columns, how much it takes.
pub(crate) fn show_by(text: &str, limit: usize, measure: fn(&str, usize) -> usize) -> Shown {
    let mut shown = Shown { text: String::new(), left_out: 0 };
    let mut used = 0;
    units(text, |unit, columns, rest| {
        used += measure(unit, columns);
        if used > limit {
            shown.left_out = rest.chars().count();
            return false;
        }
        shown.text.push_str(unit);
        true
    });
    shown
}

/// `text` in [`plain`] form, shortened to `limit` columns with an ellipsis where it is longer.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let whole = show(text, limit);
    if whole.left_out == 0 {
        return whole.text;
    }
    let mut shown = show(text, limit.saturating_sub(1)).text;
    if limit > 0 {
        shown.push('…');
    }
    shown
}

/// The end of a text in [`plain`] form, shortened to `limit` columns with an ellipsis before it where it is longer.
pub(crate) fn shorten_front(plain: &str, limit: usize) -> String {
    if columns(plain) <= limit {
        return plain.to_owned();
    }
    let mut used = 1;
    let fits = |(_, character): &(usize, char)| {
        used += character.width().unwrap_or(0);
        used <= limit
    };
    // A mark at the border stays with its character: both or neither.
    let kept = plain.char_indices().rev().take_while(fits);
    let begin = kept.filter(|(_, character)| character.width() != Some(0)).last().map_or(plain.len(), |(at, _)| at);
    format!("…{}", plain.get(begin..).unwrap_or_default())
}

/// The columns that a text in [`plain`] form takes.
pub(crate) fn columns(plain: &str) -> usize {
    plain.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// A text in [`plain`] form with blanks up to `width` columns.
pub(crate) fn pad(mut plain: String, width: usize) -> String {
    let missing = width.saturating_sub(columns(&plain));
    plain.extend(std::iter::repeat_n(' ', missing));
    plain
}

/// Breaks a text in [`plain`] form into lines of at most `width` columns, at blanks where the line is not left
/// too short by that.
pub(crate) fn wrap(plain: &str, width: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = plain;
    while let Some((line, behind)) = break_line(rest, width.max(8)) {
        lines.push(line);
        rest = behind;
    }
    lines.push(rest);
    lines
}

/// The first line and what follows it, or `None` where all fits into one.
fn break_line(text: &str, width: usize) -> Option<(&str, &str)> {
    let (mut used, mut blank) = (0, None);
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            let cut = blank.filter(|blank| *blank > at / 2).unwrap_or(at);
            let (line, rest) = text.split_at_checked(cut)?;
            return Some((line, rest.strip_prefix(' ').unwrap_or(rest)));
        }
        if character == ' ' {
            blank = Some(at);
        }
    }
    None
}

/// Calls `each` for every character of `text` with how it is shown, how many columns that takes, and the text from
/// that character on; until it returns false.
fn units(text: &str, mut each: impl FnMut(&str, usize, &str) -> bool) {
    // How many more marks may stand where we are; none at the beginning and behind a blank.
    let mut room = 0;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let rest = text.get(at..).unwrap_or_default();
        let width = character.width().unwrap_or(0);
        let number = hidden(character) || (width == 0 && room == 0);
        room = match (number, width) {
            (false, 0) => room - 1,
            _ => {
                if number || character == ' ' {
                    0
                } else {
                    MARKS
                }
            }
        };
        let go_on = match character {
            '\r' if rest.starts_with("\r\n") => {
                characters.next();
                each("↵", 1, rest)
            }
            '\n' => each("↵", 1, rest),
            '\t' => each("⇥", 1, rest),
            _ if number => {
                let number = format!("\\u{{{:x}}}", u32::from(character));
                each(&number, number.len(), rest)
            }
            _ => each(character.encode_utf8(&mut [0; 4]), width, rest),
        };
        if !go_on {
            return;
        }
    }
}

/// Whether a character is not a plain, visible one.
pub(crate) fn hidden(character: char) -> bool {
    match character {
        ' '..='~' => false,
        // Invisible, though Unicode counts them among letters, marks and symbols: fillers, joiners, variation
        // selectors, the blank of Braille (Default_Ignorable_Code_Point, UAX #44).
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => true,
        '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffc}' => true,
        '\u{e0000}'..='\u{e0fff}' => true,
        _ => is_unprintable(character),
    }
}

/// Whether the standard library counts a character as not printable: controls, format characters, separators,
/// private use and unassigned (general categories C and Z).
fn is_unprintable(character: char) -> bool {
    if character.escape_debug().len() == 1 {
        return false;
    }
    // Combining marks are escaped too, but only at the beginning of a text.
    let mut text = String::from("a");
    text.push(character);
    text.escape_debug().count() > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_characters_stand_as_they_are() {
        let cases = [
            ("C:\\Windows\\a \"b\" 'c'", "C:\\Windows\\a \"b\" 'c'"),
            ("Ärger, naïve, 北京, Привет, 😀", "Ärger, naïve, 北京, Привет, 😀"),
            ("e\u{301}", "e\u{301}"),
            ("\u{301}e \u{301}", "\\u{301}e \\u{301}"),
            ("e\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}\\u{301}\\u{301}"),
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            ("\u{9b}31m\u{7f}\u{85}", "\\u{9b}31m\\u{7f}\\u{85}"),
            ("one\r\ntwo\nthree\rfour\tfive", "one↵two↵three\\u{d}four⇥five"),
            ("cod\u{202e}txt.exe", "cod\\u{202e}txt.exe"),
            ("a\u{200b}b\u{feff}c\u{ad}d", "a\\u{200b}b\\u{feff}c\\u{ad}d"),
            ("a\u{a0}b\u{3000}c\u{2028}d", "a\\u{a0}b\\u{3000}c\\u{2028}d"),
            ("❤\u{fe0f}\u{e0041}", "❤\\u{fe0f}\\u{e0041}"),
            ("\u{e000}\u{fffe}\u{378}\u{10ffff}", "\\u{e000}\\u{fffe}\\u{378}\\u{10ffff}"),
            ("\u{fffd}", "\u{fffd}"),
        ];
        for (text, shown) in cases {
            assert_eq!(plain(text), shown, "{text:?}");
        }
    }

    #[test]
    fn every_character_below_300000_is_visible_or_a_number() {
        for character in '\u{0}'..='\u{30000}' {
            let text = format!("a{character}");
            let shown = plain(&text);
            let stays = shown == text;
            assert_eq!(stays, !hidden(character), "{character:?}");
            assert!(!stays || !character.is_control() && (character == ' ' || !character.is_whitespace()));
        }
    }

    #[test]
    fn shortening_counts_columns_not_bytes() {
        let cases = [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "abcd…"),
            ("北京北京", 8, "北京北京"),
            ("北京北京", 7, "北京北…"),
            ("北京北京", 6, "北京…"),
            ("a\u{1b}b", 8, "a\\u{1b}b"),
            ("a\u{1b}b", 7, "a…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
            ("", 0, ""),
        ];
        for (text, limit, shown) in cases {
            assert_eq!(shorten(text, limit), shown, "{text:?} to {limit}");
            assert!(columns(shown) <= limit, "{shown}");
        }
        assert_eq!(show(&"x".repeat(1000), 300).left_out, 700);
    }

    #[test]
    fn the_end_of_a_place_is_what_counts() {
        assert_eq!(shorten_front("logs/Sysmon.evtx#17", 19), "logs/Sysmon.evtx#17");
        assert_eq!(shorten_front("logs/Sysmon.evtx#17", 8), "…evtx#17");
        assert_eq!(shorten_front("北京北京", 4), "…京");
        assert_eq!(shorten_front("ae\u{301}", 1), "…");
    }

    #[test]
    fn wrapping_loses_nothing_but_blanks_at_breaks() {
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("abcdefghijklmnop", 8), ["abcdefgh", "ijklmnop"]);
        assert_eq!(wrap("a bcdefghijklmnop", 8), ["a bcdefg", "hijklmno", "p"]);
        assert_eq!(wrap("北京北京北京", 8), ["北京北京", "北京"]);
        assert_eq!(wrap("", 8), [""]);
    }
}
