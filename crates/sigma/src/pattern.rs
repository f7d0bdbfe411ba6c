//! Sigma's string values: text with the wildcards `*` and `?`.

use crate::fold::fold;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Exactly this text.
    Literal(String),
    /// `*`: any characters, or none.
    Any,
    /// `?`: one character.
    One,
}

/// A string value (Sigma specification v2.1, "Wildcards" and "Escaping"). Neighbouring literals and
/// neighbouring `*` are one part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// Reads a value as written in a rule. A backslash escapes `*`, `?` and `\`; before anything else it is itself.
    pub fn parse(text: &str) -> Self {
        let mut pattern = Self::default();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match (c, chars.peek()) {
                ('\\', Some('*' | '?' | '\\')) => pattern.push_char(chars.next().unwrap_or(c)),
                ('*', _) => pattern.push(Part::Any),
                ('?', _) => pattern.push(Part::One),
                _ => pattern.push_char(c),
            }
        }
        pattern
    }

    /// A pattern without wildcards.
    pub fn literal(text: impl Into<String>) -> Self {
        let mut pattern = Self::default();
        pattern.push(Part::Literal(text.into()));
        pattern
    }

    /// Its parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text, if there are no wildcards.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// With `*` before it.
    pub fn open_start(mut self) -> Self {
        if self.parts.first() != Some(&Part::Any) {
            self.parts.insert(0, Part::Any);
        }
        self
    }

    /// With `*` after it.
    pub fn open_end(mut self) -> Self {
        self.push(Part::Any);
        self
    }

    /// Its literals case-folded.
    pub fn folded(&self) -> Self {
        self.map_literals(fold)
    }

    /// Its literals changed by `change`.
    pub fn map_literals(&self, change: impl Fn(&str) -> String) -> Self {
        let parts = self.parts.iter().map(|part| match part {
            Part::Literal(text) => Part::Literal(change(text)),
            other => other.clone(),
        });
        Self { parts: parts.collect() }
    }

    /// Appends a part, joining it to the last one where both are literals or `*`.
    pub fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (Some(Part::Any), Part::Any) => {}
            (_, Part::Literal(text)) if text.is_empty() => {}
            (Some(Part::Literal(last)), Part::Literal(text)) => last.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    fn push_char(&mut self, c: char) {
        match self.parts.last_mut() {
            Some(Part::Literal(last)) => last.push(c),
            _ => self.parts.push(Part::Literal(c.into())),
        }
    }

    /// Whether the whole of `text` is described. Case matters: fold both before for a comparison where it does not.
    ///
    /// Greedy with one place to go back to (the last `*`), so time is at most the product of the lengths.
    pub fn matches(&self, text: &str) -> bool {
        let (mut at, mut rest) = (0, text);
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let advanced = match self.parts.get(at) {
                Some(Part::Any) if at + 1 == self.parts.len() => return true,
                Some(Part::Any) => {
                    retry = Some((at + 1, rest));
                    Some(rest)
                }
                Some(Part::Literal(literal)) => rest.strip_prefix(literal.as_str()),
                Some(Part::One) => skip_char(rest),
                None if rest.is_empty() => return true,
                None => None,
            };
            if let Some(after) = advanced {
                (at, rest) = (at + 1, after);
                continue;
            }
            let Some((again, from)) = retry.and_then(|(again, from)| self.next_start(again, from)) else {
                return false;
            };
            retry = Some((again, from));
            (at, rest) = (again, from);
        }
    }

    /// The next place behind `from`'s first character where the part at `again` (after a `*`) can begin.
    fn next_start<'t>(&self, again: usize, from: &'t str) -> Option<(usize, &'t str)> {
        let after = skip_char(from)?;
        match self.parts.get(again) {
            Some(Part::Literal(literal)) => {
                let found = memchr::memmem::find(after.as_bytes(), literal.as_bytes())?;
                Some((again, after.get(found..)?))
            }
            _ => Some((again, after)),
        }
    }
}

fn skip_char(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().map(|_| chars.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_read_as_the_specification_says() {
        let literal = |text: &str| Part::Literal(text.into());
        for (written, parts) in [
            (r"a\b", vec![literal(r"a\b")]),
            (r"a\\b", vec![literal(r"a\b")]),
            (r"\\\\host", vec![literal(r"\\host")]),
            (r"a\*b", vec![literal("a*b")]),
            (r"a\\*b", vec![literal(r"a\"), Part::Any, literal("b")]),
            (r"a\\\*b", vec![literal(r"a\*b")]),
            (r"**?", vec![Part::Any, Part::One]),
            (r"end\", vec![literal(r"end\")]),
        ] {
            assert_eq!(Pattern::parse(written).parts(), parts, "{written}");
        }
    }

    fn as_regex(pattern: &Pattern) -> regex::Regex {
        let body: String = pattern
            .parts()
            .iter()
            .map(|part| match part {
                Part::Literal(text) => regex::escape(text),
                Part::Any => "(?s:.*)".into(),
                Part::One => "(?s:.)".into(),
            })
            .collect();
        regex::Regex::new(&format!(r"\A{body}\z")).unwrap()
    }

    proptest! {
        #[test]
        fn matches_what_the_same_regular_expression_matches(written in r"[ab\\*?ü]{0,12}", text in r"[abü]{0,16}") {
            let pattern = Pattern::parse(&written);
            prop_assert_eq!(pattern.matches(&text), as_regex(&pattern).is_match(&text));
        }
    }
}
