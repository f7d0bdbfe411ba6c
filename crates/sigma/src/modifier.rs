//! Field modifiers (Sigma specification v2.1, appendix "Sigma modifiers"): from `field|modifier|…: values` to tests.

use std::sync::Arc;

use base64::Engine as _;

use crate::{
    pattern::{Part, Pattern},
    rule::Placeholders,
    test::{Comparison, Expr, Matcher, Network, Number, RegexSource, Test, TimePart},
    yaml::{Entry, Kind, Node, Problem},
};

/// Why an item cannot be used.
pub enum Unusable {
    /// The rule is wrong.
    Refused(Problem),
    /// The rule is right, but something it needs is not there: what, and what to do.
    NotApplicable(String),
}

impl From<Problem> for Unusable {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// What a field's modifiers ask for, before its values are known.
#[derive(Default)]
struct Modifiers {
    /// `contains`, `startswith`, `endswith`: where anything may stand around.
    open_start: bool,
    open_end: bool,
    all: bool,
    cased: bool,
    neq: bool,
    exists: bool,
    expand: bool,
    windash: bool,
    cidr: bool,
    fieldref: bool,
    regex: bool,
    regex_flags: String,
    /// `wide` and `base64`, in the order written.
    encodings: Vec<Encoding>,
    comparison: Option<Comparison>,
    time_part: Option<TimePart>,
}

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Utf16Le,
    Utf16Be,
    Utf16Bom,
    Base64,
    Base64Offset,
}

/// Turns one entry of a selection into an expression.
pub fn item(entry: &Entry, placeholders: &Placeholders) -> Result<Expr, Unusable> {
    let mut names = entry.key.split('|');
    let field = names.next().unwrap_or_default();
    let modifiers = Modifiers::read(names, entry.line)?;
    let field = (!field.is_empty()).then(|| Arc::<str>::from(field));
    modifiers.check(field.is_some(), entry.line)?;
    if matches!(&entry.value.kind, Kind::List(items) if items.is_empty()) {
        return Err(Problem::new(entry.line, format!("'{}' has an empty list of values", entry.key)).into());
    }
    let values = match &entry.value.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    let mut terms = Vec::new();
    for value in values {
        terms.push(modifiers.value(field.as_ref(), value, placeholders)?);
    }
    let joined = match terms.len() {
        1 => terms.remove(0),
        _ if modifiers.all => Expr::All(terms),
        _ => Expr::Any(terms),
    };
    Ok(if modifiers.neq { Expr::Not(Box::new(joined)) } else { joined })
}

/// A word that may stand anywhere in the record.
pub fn keyword(node: &Node) -> Result<Expr, Problem> {
    let text = node.as_str().ok_or_else(|| Problem::new(node.line, "expected a word to look for"))?;
    let pattern = Pattern::parse(text).open_start().open_end().folded();
    Ok(Expr::Test(Test { field: None, matcher: Matcher::Pattern { pattern, cased: false } }))
}

impl Modifiers {
    fn read<'n>(names: impl Iterator<Item = &'n str>, line: usize) -> Result<Self, Problem> {
        let mut modifiers = Self::default();
        for name in names {
            modifiers.add(name).map_err(|message| Problem::new(line, message))?;
        }
        Ok(modifiers)
    }

    fn add(&mut self, name: &str) -> Result<(), String> {
        match name {
            "contains" => (self.open_start, self.open_end) = (true, true),
            "startswith" => self.open_end = true,
            "endswith" => self.open_start = true,
            "all" => self.all = true,
            "cased" => self.cased = true,
            "neq" => self.neq = true,
            "exists" => self.exists = true,
            "expand" => self.expand = true,
            "windash" => self.windash = true,
            "cidr" => self.cidr = true,
            "fieldref" => self.fieldref = true,
            "re" => self.regex = true,
            "i" | "m" | "s" if self.regex => self.regex_flags.push_str(name),
            "ignorecase" if self.regex => self.regex_flags.push('i'),
            "multiline" if self.regex => self.regex_flags.push('m'),
            "dotall" if self.regex => self.regex_flags.push('s'),
            "i" | "m" | "s" | "ignorecase" | "multiline" | "dotall" => {
                return Err(format!("the modifier '{name}' belongs after 're'"));
            }
            "wide" | "utf16le" => self.encodings.push(Encoding::Utf16Le),
            "utf16be" => self.encodings.push(Encoding::Utf16Be),
            "utf16" => self.encodings.push(Encoding::Utf16Bom),
            "base64" => self.encodings.push(Encoding::Base64),
            "base64offset" => self.encodings.push(Encoding::Base64Offset),
            other => return self.add_comparison(other),
        }
        Ok(())
    }

    fn add_comparison(&mut self, name: &str) -> Result<(), String> {
        match name {
            "lt" => self.comparison = Some(Comparison::Lt),
            "lte" => self.comparison = Some(Comparison::Lte),
            "gt" => self.comparison = Some(Comparison::Gt),
            "gte" => self.comparison = Some(Comparison::Gte),
            "minute" => self.time_part = Some(TimePart::Minute),
            "hour" => self.time_part = Some(TimePart::Hour),
            "day" => self.time_part = Some(TimePart::Day),
            "week" => self.time_part = Some(TimePart::Week),
            "month" => self.time_part = Some(TimePart::Month),
            "year" => self.time_part = Some(TimePart::Year),
            other => return Err(format!("unknown modifier '{other}'")),
        }
        Ok(())
    }

    /// Refuses modifiers that make no sense together, rather than dropping one of them.
    fn check(&self, has_field: bool, line: usize) -> Result<(), Problem> {
        let kinds = [
            ("re", self.regex),
            ("cidr", self.cidr),
            ("exists", self.exists),
            ("fieldref", self.fieldref),
            ("a comparison", self.comparison.is_some() || self.time_part.is_some()),
        ];
        let chosen: Vec<&str> = kinds.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        let text_only = self.windash || !self.encodings.is_empty();
        let anchored = self.open_start || self.open_end;
        let problem = match chosen.as_slice() {
            [first, second, ..] => Some(format!("the modifiers '{first}' and '{second}' do not go together")),
            [only] if text_only => Some(format!("'{only}' does not go together with an encoding or windash")),
            [only] if anchored && *only != "fieldref" => {
                Some(format!("'{only}' does not go together with contains, startswith or endswith"))
            }
            [only] if !has_field && *only != "re" => Some(format!("'{only}' needs the name of a field before it")),
            _ => None,
        };
        problem.map_or(Ok(()), |message| Err(Problem::new(line, message)))
    }

    fn value(&self, field: Option<&Arc<str>>, node: &Node, placeholders: &Placeholders) -> Result<Expr, Unusable> {
        let test = |matcher| Expr::Test(Test { field: field.cloned(), matcher });
        let refused = |message: String| Unusable::Refused(Problem::new(node.line, message));
        let text = match &node.kind {
            Kind::Scalar(text) => text.as_str(),
            Kind::Null if field.is_some() && self.is_plain() => return Ok(test(Matcher::Null)),
            Kind::Null => return Err(refused("null does not go together with these modifiers".into())),
            _ => return Err(refused("expected a text, number or null as value".into())),
        };
        let mut terms = Vec::new();
        for text in self.expanded(text, node.line, placeholders)? {
            let matchers = self.matchers(&text, field.is_none()).map_err(refused)?;
            terms.extend(matchers.into_iter().map(test));
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expr::Any(terms) })
    }

    /// The texts that a value stands for.
    fn expanded(&self, text: &str, line: usize, placeholders: &Placeholders) -> Result<Vec<String>, Unusable> {
        if !self.expand {
            return Ok(vec![text.to_owned()]);
        }
        let as_written = |value: &str| value.to_owned();
        placeholders.expand(text, line, if self.regex { &regex::escape } else { &as_written })
    }

    /// What one text asks of a field's value: one of these must hold.
    fn matchers(&self, text: &str, is_keyword: bool) -> Result<Vec<Matcher>, String> {
        let matcher = if self.exists {
            Matcher::Exists(parse_bool(text).ok_or_else(|| format!("exists takes true or false, not '{text}'"))?)
        } else if self.cidr {
            Matcher::Cidr(Network::parse(text)?)
        } else if self.fieldref {
            let (open_start, open_end, cased) = (self.open_start, self.open_end, self.cased);
            Matcher::FieldRef { other: text.into(), open_start, open_end, cased }
        } else if self.regex {
            Matcher::Regex(self.regex(text)?)
        } else if self.time_part.is_some() || self.comparison.is_some() {
            self.number(text)?
        } else {
            let patterns = self.patterns(text, is_keyword)?.into_iter();
            return Ok(patterns.map(|pattern| Matcher::Pattern { pattern, cased: self.cased }).collect());
        };
        Ok(vec![matcher])
    }

    fn is_plain(&self) -> bool {
        !(self.open_start || self.open_end || self.regex || self.cidr || self.fieldref || self.exists || self.expand)
            && self.comparison.is_none()
            && self.time_part.is_none()
            && self.encodings.is_empty()
            && !self.windash
    }

    fn regex(&self, text: &str) -> Result<RegexSource, String> {
        let flags = if self.regex_flags.is_empty() { String::new() } else { format!("(?{})", self.regex_flags) };
        RegexSource::new(format!("{flags}{}", without_word_borders(text)))
    }

    fn number(&self, text: &str) -> Result<Matcher, String> {
        let number = Number::parse(text).ok_or_else(|| format!("expected a number, found '{text}'"))?;
        let comparison = self.comparison.unwrap_or(Comparison::Eq);
        Ok(self
            .time_part
            .map_or(Matcher::Compare(comparison, number), |part| Matcher::TimePart(part, comparison, number)))
    }

    fn patterns(&self, text: &str, is_keyword: bool) -> Result<Vec<Pattern>, String> {
        let mut patterns = vec![Pattern::parse(text)];
        if self.windash {
            patterns = patterns.iter().map(windash).collect::<Result<Vec<_>, _>>()?.concat();
        }
        if !self.encodings.is_empty() {
            patterns = patterns.iter().map(|pattern| self.encode(pattern)).collect::<Result<Vec<_>, _>>()?.concat();
        }
        let finish = |mut pattern: Pattern| {
            if self.open_start || is_keyword {
                pattern = pattern.open_start();
            }
            if self.open_end || is_keyword {
                pattern = pattern.open_end();
            }
            if self.cased { pattern } else { pattern.folded() }
        };
        Ok(patterns.into_iter().map(finish).collect())
    }

    fn encode(&self, pattern: &Pattern) -> Result<Vec<Pattern>, String> {
        let text = pattern.as_literal().ok_or("wildcards do not go together with wide, utf16 or base64")?;
        let mut variants = vec![text.as_bytes().to_vec()];
        let mut still_text = true;
        for encoding in &self.encodings {
            if *encoding != Encoding::Base64 && *encoding != Encoding::Base64Offset && !still_text {
                return Err("an encoding as UTF-16 must come before base64".into());
            }
            still_text = false;
            variants = variants.iter().flat_map(|bytes| encode(*encoding, bytes, text)).collect();
        }
        Ok(variants
            .iter()
            .map(|bytes| Pattern::literal(bytes.iter().map(|byte| char::from(*byte)).collect::<String>()))
            .collect())
    }
}

/// The expression without the backslashes before `<` and `>`, which say nothing in the expressions that rules are written in, but
/// mean the borders of words here.
fn without_word_borders(text: &str) -> String {
    let (mut out, mut chars) = (String::with_capacity(text.len()), text.chars().peekable());
    while let Some(c) = chars.next() {
        if c == '\\' && matches!(chars.peek(), Some('<' | '>')) {
            continue;
        }
        out.push(c);
        if c == '\\' {
            out.extend(chars.next());
        }
    }
    out
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

fn encode(encoding: Encoding, bytes: &[u8], text: &str) -> Vec<Vec<u8>> {
    let standard = base64::engine::general_purpose::STANDARD;
    match encoding {
        Encoding::Utf16Le => vec![text.encode_utf16().flat_map(u16::to_le_bytes).collect()],
        Encoding::Utf16Be => vec![text.encode_utf16().flat_map(u16::to_be_bytes).collect()],
        Encoding::Utf16Bom => {
            vec![[0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()]
        }
        Encoding::Base64 => vec![standard.encode(bytes).into_bytes()],
        Encoding::Base64Offset => (0..3).map(|offset| base64_at(offset, bytes)).collect(),
    }
}

/// The characters of base64 that depend on `bytes` alone when they stand `offset` bytes after a group of three begins.
fn base64_at(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let padded: Vec<u8> = [0].repeat(offset).into_iter().chain(bytes.iter().copied()).collect();
    let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&padded).into_bytes();
    let start = [0, 2, 3].get(offset).copied().unwrap_or(0);
    let end = if padded.len().is_multiple_of(3) { encoded.len() } else { encoded.len().saturating_sub(1) };
    encoded.get(start..end).unwrap_or_default().to_vec()
}

/// The signs that Windows programs take for a dash.
const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];

/// Every variant in which the dashes that begin an argument are replaced by another of the signs that Windows programs
/// take for a dash. As in pySigma, a dash counts if no letter or digit stands before it and one stands after it.
fn windash(pattern: &Pattern) -> Result<Vec<Pattern>, String> {
    const MAX_PLACES: u32 = 5;
    let places = dash_places(pattern);
    if places > MAX_PLACES {
        return Err(format!(
            "windash on more than {MAX_PLACES} dashes gives too many variants; write the value in parts with contains|all"
        ));
    }
    let variant = |combination: usize| {
        let mut digits = combination;
        replace_dashes(pattern, &mut || {
            let dash = DASHES.get(digits % DASHES.len()).copied().unwrap_or('-');
            digits /= DASHES.len();
            dash
        })
    };
    Ok((0..DASHES.len().pow(places)).map(variant).collect())
}

fn dash_places(pattern: &Pattern) -> u32 {
    let mut places = 0;
    replace_dashes(pattern, &mut || {
        places += 1;
        '-'
    });
    places
}

fn replace_dashes(pattern: &Pattern, next: &mut dyn FnMut() -> char) -> Pattern {
    let mut replaced = Pattern::default();
    let mut before = None;
    for part in pattern.parts() {
        let Part::Literal(text) = part else {
            replaced.push(part.clone());
            before = None;
            continue;
        };
        let mut changed = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let begins =
                DASHES.contains(&c) && !before.is_some_and(is_word) && chars.peek().is_some_and(|next| is_word(*next));
            changed.push(if begins { next() } else { c });
            before = Some(c);
        }
        replaced.push(Part::Literal(changed));
    }
    replaced
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn read(text: &str, placeholders: &str) -> Result<Expr, String> {
        let (documents, _) = yaml::documents(text);
        let placeholders = Placeholders::parse(placeholders).unwrap();
        match item(&documents[0].entries()[0], &placeholders) {
            Ok(expr) => Ok(expr),
            Err(Unusable::Refused(problem)) => Err(problem.to_string()),
            Err(Unusable::NotApplicable(reason)) => Err(reason),
        }
    }

    /// Whether a value satisfies an entry of a selection; the entry is one of text matchers.
    fn holds(text: &str, value: &str) -> bool {
        fn ask(expr: &Expr, value: &str) -> bool {
            match expr {
                Expr::All(terms) => terms.iter().all(|term| ask(term, value)),
                Expr::Any(terms) => terms.iter().any(|term| ask(term, value)),
                Expr::Not(term) => !ask(term, value),
                Expr::Test(test) => test.matcher.matches(value, &crate::fold::fold(value)),
            }
        }
        ask(&read(text, "srv: ['a.b', C]").unwrap(), value)
    }

    #[test]
    fn modifiers_mean_what_the_specification_says() {
        for (entry, value, expected) in [
            ("F: Text", "tEXT", true),
            ("F|cased: Text", "text", false),
            ("F|contains: [b, x]", "abc", true),
            ("F|contains|all: [b, x]", "abc", false),
            ("F|startswith: ab", "ABC", true),
            ("F|endswith: bc", "abcd", false),
            ("F: 'a*d'", "abcd", true),
            ("F: 'a?d'", "abcd", false),
            (r"F: 'a\*d'", "abcd", false),
            ("F|neq: a", "b", true),
            ("F|neq: [a, b]", "b", false),
            ("F|re: ^a.c$", "ABC", false),
            ("F|re|i: ^a.c$", "ABC", true),
            ("F|re|s: a.c", "a\nc", true),
            ("F|re|m: ^c$", "a\nc", true),
            ("F|base64: foo", "Zm9v", true),
            ("F|base64offset|contains: foobar", "xxxZvb2Jhcgxx", true),
            ("F|wide|base64offset|contains: ping", "cABpAG4AZwA", true),
            ("F|utf16be|base64: a", "AGE=", true),
            ("F|utf16|base64: a", "//5hAA==", true),
            ("F|windash|contains: ' -enc'", "powershell /ENC", true),
            ("F|windash|contains: ' \u{2013}enc'", "powershell \u{2015}enc", true),
            ("F|windash|contains: a-b", "a/b", false),
            ("F|cidr: 10.0.0.0/8", "10.1.1.1", true),
            ("F|gte: 5", "5", true),
            ("F|lt: 5", "5", false),
            ("F|hour|gte: 18", "2026-01-01T19:00:00Z", true),
            ("F|expand: 'x%srv%y'", "xa.by", true),
            (r"F|expand: 'x\%srv\%'", "x%srv%", true),
            ("F|re|expand: '^%srv%$'", "aXb", false),
            ("F|re|expand: '^%srv%$'", "a.b", true),
        ] {
            assert_eq!(holds(entry, value), expected, "{entry} on {value:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (entry, part) in [
            ("F|frobnicate: a", "unknown modifier 'frobnicate'"),
            ("F|i: a", "belongs after 're'"),
            ("F|re|cidr: a", "do not go together"),
            ("F|re|contains: a", "does not go together"),
            ("F|cidr: nowhere", "not a network"),
            ("F|gt: much", "expected a number"),
            ("F|exists: maybe", "true or false"),
            ("F: []", "empty list"),
            ("F: {a: b}", "expected a text"),
            ("F|contains: ~", "null"),
            ("F|base64: 'a*'", "wildcards"),
            ("F|base64|wide: a", "before base64"),
            ("F|windash: '-a -b -c -d -e -f'", "too many variants"),
            ("F|expand: '%other%'", "%other% has no values"),
            ("F|expand: '%many%%many%%many%%many%%many%'", "or more texts; at most 10000"),
        ] {
            let problem = read(entry, "many: [a, b, c, d, e, f, g]").unwrap_err();
            assert!(problem.contains(part), "{entry}: {problem}");
        }
    }
}
