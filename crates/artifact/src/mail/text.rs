//! Text as it is searched, and what in it only deceives the eye.

use unicode_normalization::UnicodeNormalization;

/// How much of a text is looked at, in bytes.
pub(crate) const MAX_TEXT: usize = 256 << 10;

/// The beginning of a text of at most `limit` bytes.
pub(crate) fn beginning(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// A text for searching: compatible forms made one (NFKC), lower case, what nobody sees left out, and a single blank for each
/// run of anything but letters and digits, also at both ends.
pub(super) fn normalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    let mut push = |c: char| {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    };
    for word in text.split_inclusive(' ') {
        if word.is_ascii() {
            word.chars().for_each(|c| push(c.to_ascii_lowercase()));
        } else {
            word.chars().filter(|c| !is_invisible(*c)).nfkc().flat_map(char::to_lowercase).for_each(&mut push);
        }
    }
    push(' ');
    out
}

/// Characters without a look of their own: they part words for machines and not for people.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}')
}

/// What in a short text (a name, a subject) only deceives the eye.
pub(super) fn tricks(text: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut tell = |is_there: bool, name| {
        if is_there {
            found.push(name);
        }
    };
    // Joiners belong to emoji and to some scripts, so one alone says nothing.
    tell(text.chars().any(|c| is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}')), "invisible characters");
    tell(text.chars().any(is_turned), "turned direction");
    tell(text.chars().any(is_styled), "styled letters");
    tell(text.split(|c: char| !c.is_alphanumeric()).any(has_mixed_scripts), "letters of several alphabets");
    tell(has_inner_capital_i(text), "capital I for small l");
    tell(text.chars().filter(|c| is_pictograph(*c)).count() >= 1, "pictures");
    found
}

/// Characters that turn the direction of writing (Unicode Bidirectional Algorithm, explicit formatting).
pub(super) const fn is_turned(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Mathematical, enclosed and other letters that are Latin ones in disguise.
const fn is_styled(c: char) -> bool {
    matches!(c, '\u{1d400}'..='\u{1d7ff}' | '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}' | '\u{1d00}'..='\u{1d7f}')
}

/// Pictures in place of words: emoji, dingbats, arrows.
const fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1f2ff}')
}

/// Whether a word has Latin letters beside Cyrillic, Greek or Armenian ones.
pub(super) fn has_mixed_scripts(word: &str) -> bool {
    if word.is_ascii() {
        return false;
    }
    let is_latin = |c: char| matches!(c, 'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}');
    let is_other = |c: char| matches!(c, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}');
    // µ and the like are compatibility characters, not Greek.
    word.chars().any(is_latin) && word.chars().any(is_other)
}

/// `DecIined`: a capital I between small letters.
fn has_inner_capital_i(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(3).any(|three| matches!(three, [b'a'..=b'z', b'I', b'a'..=b'z']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_searched_without_regard_to_how_it_is_dressed() {
        assert_eq!(normalised("  Ver\u{200b}ify, ＹＯＵＲ  Account!"), " verify your account ");
        assert_eq!(normalised("Gehälter\u{ad}n\n\n§"), " gehältern ");
        assert_eq!(normalised(""), " ");
    }

    #[test]
    fn what_deceives_the_eye_is_told() {
        let cases: [(&str, &[&str]); 7] = [
            ("Ordinary, Größe 5 µm", &[]),
            ("Pаypal", &["letters of several alphabets"]),
            ("DecIined", &["capital I for small l"]),
            ("𝐏𝐚𝐲", &["styled letters"]),
            ("a\u{200b}b", &["invisible characters"]),
            ("offer_\u{202e}fdp.exe", &["invisible characters", "turned direction"]),
            ("🔥 Sale", &["pictures"]),
        ];
        for (text, expected) in cases {
            assert_eq!(tricks(text), expected, "{text}");
        }
    }
}
