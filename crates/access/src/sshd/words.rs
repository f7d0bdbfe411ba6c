//! Words of sshd's configuration: how OpenSSH cuts lines (`strdelim`, `argv_split`) and matches patterns (`match_pattern_list`).

/// What ends a word.
const BLANK: [char; 3] = [' ', '\t', '\r'];

/// A line's keyword in lower case, and what stands behind it; `None` for empty lines and remarks.
pub(super) fn keyword(line: &str) -> Option<(String, &str)> {
    let mut rest = line.trim_end_matches([' ', '\t', '\r', '\u{c}']).trim_start_matches(BLANK);
    let word = delimited(&mut rest)?;
    (!word.is_empty() && !word.starts_with('#')).then(|| (word.to_ascii_lowercase(), rest))
}

/// The next word of `rest`, as far as a blank, or one `=` between blanks; quotes hold blanks together.
pub(super) fn delimited<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = *rest;
    if text.is_empty() {
        return None;
    }
    if let Some(quoted) = text.strip_prefix('"') {
        let (word, after) = quoted.split_once('"')?;
        *rest = after.trim_start_matches(BLANK);
        return Some(word);
    }
    let end = text.find(|c| BLANK.contains(&c) || c == '=' || c == '"').unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let after = after.trim_start_matches(BLANK);
    *rest = after.strip_prefix('=').map_or(after, |after| after.trim_start_matches(BLANK));
    Some(word)
}

/// The words of a line: single and double quotes hold blanks together, a backslash stands before quotes, blanks and itself, a `#` begins a remark.
pub(super) fn arguments(line: &str) -> Vec<String> {
    let (mut words, mut letters) = (Vec::new(), line.chars().peekable());
    loop {
        while letters.next_if(|c| BLANK.contains(c)).is_some() {}
        match letters.peek() {
            None | Some('#') => return words,
            Some(_) => {}
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(letter) = letters.next() {
            let escaped = |c: &char| matches!(c, '\'' | '"' | '\\') || *c == ' ' && quote.is_none();
            match letter {
                '\\' => word.push(letters.next_if(escaped).unwrap_or('\\')),
                '\'' | '"' if quote.is_none() => quote = Some(letter),
                _ if quote == Some(letter) => quote = None,
                _ if quote.is_none() && BLANK.contains(&letter) => break,
                _ => word.push(letter),
            }
        }
        words.push(word);
    }
}

/// The longest pattern that fits anything, as in OpenSSH.
const LONGEST: usize = 1023;

/// Whether a text is as a pattern of `*` and `?` says. The time is at most the product of the lengths.
pub(crate) fn fits(text: &str, pattern: &str) -> bool {
    pattern.len() <= LONGEST
        && like(text, pattern, |pattern, letter| {
            let mut letters = pattern.chars();
            (letters.next()? == letter || pattern.starts_with('?')).then_some(letters.as_str())
        })
}

/// The same with glob(7)'s `[…]` and `\`.
pub(super) fn glob(text: &str, pattern: &str) -> bool {
    like(text, pattern, |pattern, letter| {
        let mut letters = pattern.chars();
        match letters.next()? {
            '?' => Some(letters.as_str()),
            '\\' => (letters.next()? == letter).then_some(letters.as_str()),
            '[' => in_brackets(letters.as_str(), letter),
            other => (other == letter).then_some(letters.as_str()),
        }
    })
}

/// Goes through a text with `one`, which takes a letter by what a pattern begins with, and gives what is left of the pattern.
fn like<'p>(text: &str, pattern: &'p str, one: impl Fn(&'p str, char) -> Option<&'p str>) -> bool {
    let (mut text, mut pattern) = (text, pattern);
    // Behind the last `*`, and from where on it was tried.
    let mut again: Option<(&str, &'p str)> = None;
    loop {
        if let Some(behind) = pattern.strip_prefix('*') {
            (pattern, again) = (behind, Some((text, behind)));
            continue;
        }
        let mut letters = text.chars();
        match letters.next() {
            None => return pattern.is_empty(),
            Some(letter) => match one(pattern, letter) {
                Some(left) => (text, pattern) = (letters.as_str(), left),
                None => {
                    let Some((from, behind)) = again else { return false };
                    let mut letters = from.chars();
                    letters.next();
                    (text, pattern, again) = (letters.as_str(), behind, Some((letters.as_str(), behind)));
                }
            },
        }
    }
}

/// Takes a letter by `a-z]` or `!a-z]`, and gives what stands behind the bracket.
fn in_brackets(pattern: &str, letter: char) -> Option<&str> {
    let is_not = pattern.starts_with(['!', '^']);
    let inside = if is_not { pattern.get(1..)? } else { pattern };
    // A bracket that comes first is meant itself.
    let end = inside.char_indices().skip(1).find(|(_, c)| *c == ']').map(|(at, _)| at)?;
    let letters: Vec<char> = inside.get(..end)?.chars().collect();
    let (mut at, mut is_in) = (letters.as_slice(), false);
    while let [first, rest @ ..] = at {
        (is_in, at) = match rest {
            ['-', last, rest @ ..] => (is_in || (*first..=*last).contains(&letter), rest),
            rest => (is_in || *first == letter, rest),
        };
    }
    (is_in != is_not).then(|| inside.get(end + 1..)).flatten()
}

/// What a list of patterns says of a text (`match_pattern_list`): whether one of them fits and none behind a `!` does. `None` where one of those does.
pub(super) fn listed(text: &str, list: &str) -> Option<bool> {
    let mut is_listed = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if fits(text, pattern) => return None,
            Some(_) => {}
            None => is_listed |= fits(text, pattern),
        }
    }
    Some(is_listed)
}
