//! How a script's text looks: lines, blanks, names and texts as obfuscators make them.

use crate::{Facts, file::entropy::hundredths};

/// Tells it.
pub fn facts(bytes: &[u8], facts: &mut Facts) {
    let lines = bytes.split(|byte| *byte == b'\n');
    let longest = lines.clone().map(<[u8]>::len).max().unwrap_or_default();
    facts.count("Lines", lines.clone().count() as u64);
    facts.count("LongestLine", longest as u64);
    facts.count("CodeBehindBlanks", lines.map(blanks).max().unwrap_or_default() as u64);
    facts.count("ObfuscatedNames", names(bytes));
    facts.count("LongestEncoded", encoded(bytes) as u64);
    facts.count("Entropy", hundredths(bytes));
    facts.count("HexEscapes", escapes(bytes));
    facts.count("StringArray", string_array(bytes));
    facts.count("RotatedArrays", rotations(bytes));
    facts.count("HexIndexCalls", index_calls(bytes));
}

/// How many blanks stand before code that has other code on its left: text pushed out of sight.
fn blanks(line: &[u8]) -> usize {
    let (mut most, mut run, mut begun) = (0, 0, false);
    for byte in line {
        match byte {
            b' ' | b'\t' if begun => run += 1,
            b' ' | b'\t' | b'\r' => {}
            _ => {
                most = most.max(run);
                (run, begun) = (0, true);
            }
        }
    }
    most
}

/// Names as the common obfuscator makes them: `_0x` and at least four hexadecimal digits.
fn names(bytes: &[u8]) -> u64 {
    let found = memchr::memmem::find_iter(bytes, "_0x");
    found.filter(|at| digits(bytes.get(at + 3..).unwrap_or_default(), 4) == 4).count() as u64
}

/// The hexadecimal digits that a text begins with, up to `most`.
fn digits(text: &[u8], most: usize) -> usize {
    text.iter().take(most).take_while(|byte| byte.is_ascii_hexdigit()).count()
}

/// The longest run of characters of Base64 or hexadecimal digits.
fn encoded(bytes: &[u8]) -> usize {
    let runs = bytes.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')));
    runs.map(<[u8]>::len).max().unwrap_or_default()
}

/// So many letters one behind the other are no longer bytes that happen to be letters.
const WORD: usize = 4;

/// Letters and digits of whole words written as `\x61` or `\u0061`, which nobody needs.
fn escapes(bytes: &[u8]) -> u64 {
    let (mut count, mut run, mut end) = (0, 0, 0);
    for at in memchr::memchr_iter(b'\\', bytes) {
        let Some(len) = escaped_letter(bytes.get(at + 1..).unwrap_or_default()) else { continue };
        run = if at == end { run + 1 } else { 1 };
        count += match run {
            WORD => WORD,
            longer if longer > WORD => 1,
            _ => 0,
        };
        end = at + 1 + len;
    }
    count as u64
}

/// How long the escape of a letter or digit is that stands behind a backslash.
fn escaped_letter(text: &[u8]) -> Option<usize> {
    let (digits, len) = match text {
        [b'x', rest @ ..] => (rest.get(..2), 3),
        [b'u', b'0', b'0', rest @ ..] => (rest.get(..2), 5),
        _ => (None, 0),
    };
    let code = u8::from_str_radix(str::from_utf8(digits?).ok()?, 16).ok()?;
    code.is_ascii_alphanumeric().then_some(len)
}

/// How many texts stand in the longest list of nothing but texts.
fn string_array(bytes: &[u8]) -> u64 {
    let (mut most, mut at) = (0, 0);
    while let Some(open) = bytes.get(at..).and_then(|rest| memchr::memchr(b'[', rest)) {
        let (count, end) = texts(bytes, at + open + 1);
        most = most.max(count);
        at = end;
    }
    most
}

/// The texts that stand one behind the other from here on, up to the end of their list (0 if something else is in it), and where they end.
fn texts(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let (mut count, mut due) = (0, true);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b']' => return (count, at),
            b'"' | b'\'' if due => {
                let Some(end) = text_end(bytes, at) else { return (0, bytes.len()) };
                (count, at, due) = (count + 1, end, false);
            }
            b',' if !due => due = true,
            _ if byte.is_ascii_whitespace() => {}
            _ => return (0, at),
        }
        at += 1;
    }
    (0, at)
}

/// Where a text ends that begins with its quote at `at`.
fn text_end(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = *bytes.get(at)?;
    let mut end = at + 1;
    loop {
        end += memchr::memchr3(quote, b'\\', b'\n', bytes.get(end..)?)?;
        match bytes.get(end)? {
            b'\\' => end += 2,
            byte => return (*byte == quote).then_some(end),
        }
    }
}

/// Lists whose first is made their last, or the other way round: `a.push(a.shift())`, `a['push'](a['shift']())`.
fn rotations(bytes: &[u8]) -> u64 {
    let turned = |taken: &[u8], put: &[u8]| {
        let found = memchr::memmem::find_iter(bytes, taken);
        found.filter(|at| is_rotation(bytes.get(at.saturating_sub(80)..*at).unwrap_or_default(), put)).count()
    };
    (turned(b"shift", b"push") + turned(b"pop", b"unshift")) as u64
}

/// Whether `a.push(a.` or `a['push'](a['` stands before the word that takes.
fn is_rotation(before: &[u8], put: &[u8]) -> bool {
    let name = |text: &'_ [u8]| text.iter().rev().take_while(|byte| is_name(**byte)).count();
    let member = |text: &mut &[u8]| {
        let left = text.trim_ascii_end();
        let left = left.strip_suffix(b".").or_else(|| left.strip_suffix(b"['")).or_else(|| left.strip_suffix(b"[\""));
        left.map(|left| *text = left).is_some()
    };
    let mut left = before;
    if !member(&mut left) {
        return false;
    }
    let (rest, taken_from) = left.split_at(left.len() - name(left));
    let Some(rest) = rest.trim_ascii_end().strip_suffix(b"(") else { return false };
    let rest = rest.strip_suffix(b"']").or_else(|| rest.strip_suffix(b"\"]")).unwrap_or(rest);
    let Some(mut rest) = rest.strip_suffix(put) else { return false };
    member(&mut rest) && !taken_from.is_empty() && rest.ends_with(taken_from)
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// Calls with a short hexadecimal number, and at most a text behind it: `b(0x1f3)`, `b(0x1f3, 'k%9)')`, by which the texts of scrambled lists are fetched.
fn index_calls(bytes: &[u8]) -> u64 {
    let is_call = |at: &usize| {
        let called = at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| is_name(*byte));
        let number = bytes.get(at + 3..).unwrap_or_default();
        let len = digits(number, 7);
        let behind = number.get(len..).unwrap_or_default().trim_ascii_start();
        called
            && (1..7).contains(&len)
            && matches!(behind, [b')', ..] | [b',', b'\'' | b'"', ..] | [b',', b' ', b'\'' | b'"', ..])
    };
    memchr::memmem::find_iter(bytes, "(0x").filter(is_call).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_texts() {
        assert_eq!(string_array(br#"a=["b", 'c\'d',"e",]; b = ['x', 1]; c = [["y","z"]]"#), 3);
        assert_eq!(string_array(b"[\"a\nb\"]"), 0);
        assert_eq!(string_array(b"[[[['a'"), 0);
    }

    #[test]
    fn lists_that_are_turned() {
        assert_eq!(rotations(b"e['push'](e['shift']());x.push(x.shift()); y.unshift( y.pop())"), 3);
        assert_eq!(rotations(b"done.push(queue.shift()); shift; push(shift)"), 0);
    }

    #[test]
    fn letters_as_numbers() {
        assert_eq!(escapes(br"'\x61\u0062\x63\u0064e\x41\x42\x43\x00\x44'"), 4);
        assert_eq!(escapes(br"\x61\x62\x63\x64\x65\x66"), 6);
        assert_eq!(index_calls(b"b(0x1f3)+c(0x1,'k')+d(0x1+2)+(0x3)+e(0xdeadbeef)"), 2);
    }
}
