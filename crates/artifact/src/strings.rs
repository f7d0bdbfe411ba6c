//! The texts in bytes of any kind, in UTF-8 and UTF-16.

use std::borrow::Cow;

/// The shortest text, in bytes: `a.b.cd`.
const SHORTEST: usize = 6;
/// The longest text that is shown at once, and how much of it stands in the next one again, so that what is looked for is whole in one of them.
const LONGEST: usize = 8192;
const AGAIN: usize = 2048;

/// Shows all texts: runs of characters none of which is a control, first those of one byte a character (and UTF-8), then those of ASCII in UTF-16, little endian.
pub fn visit(bytes: &[u8], visit: &mut dyn FnMut(&str)) {
    for run in bytes.split(|byte| is_control(*byte)).filter(|run| run.len() >= SHORTEST) {
        parts(run, visit);
    }
    for start in [0, 1] {
        let (units, _) = bytes.get(start..).unwrap_or_default().as_chunks::<2>();
        let is_text = |unit: &[u8; 2]| matches!(unit, [low, 0] if low.is_ascii() && !is_control(*low));
        for run in units.chunk_by(|a, b| is_text(a) && is_text(b)).filter(|run| run.len() >= SHORTEST) {
            let text: Vec<u8> = run.iter().map(|[low, _]| *low).collect();
            parts(&text, visit);
        }
    }
}

const fn is_control(byte: u8) -> bool {
    byte < b' ' && byte != b'\t' || byte == 0x7f
}

fn parts(run: &[u8], visit: &mut dyn FnMut(&str)) {
    let mut rest = run;
    while let Some(part) = rest.get(..LONGEST) {
        visit(&lossy(part));
        rest = rest.get(LONGEST - AGAIN..).unwrap_or_default();
    }
    visit(&lossy(rest));
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Vec<String> {
        let mut texts = Vec::new();
        visit(bytes, &mut |text| texts.push(text.to_owned()));
        texts
    }

    #[test]
    fn texts_stand_between_controls() {
        assert_eq!(
            texts(b"\x7fELF\x01\0http://a.example/x\0short\nsecond line\n"),
            ["http://a.example/x", "second line"]
        );
    }

    #[test]
    fn wide_texts_are_found_at_any_place() {
        let wide: Vec<u8> = "evil.example".bytes().flat_map(|byte| [byte, 0]).collect();
        for before in [&b""[..], b"\x01"] {
            assert_eq!(texts(&[before, &wide, &[0xff, 0xff]].concat()), ["evil.example"]);
        }
    }

    #[test]
    fn what_is_shorter_than_the_overlap_is_whole_in_one_part() {
        let word = "w".repeat(AGAIN - 2);
        for before in [0, LONGEST - AGAIN, LONGEST - AGAIN + 1, LONGEST - 1, 3 * LONGEST] {
            let text = format!("{} {word} ", ".".repeat(before));
            assert!(texts(text.as_bytes()).iter().any(|part| part.contains(&format!(" {word} "))), "{before}");
        }
    }
}
