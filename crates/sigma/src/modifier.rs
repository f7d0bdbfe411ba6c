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
    /// The rule is right, but a placeholder has no values.
    NoValues(String),
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
        let matcher = if self.exists {
            Matcher::Exists(
                parse_bool(text).ok_or_else(|| refused(format!("exists takes true or false, not '{text}'")))?,
            )
        } else if self.cidr {
            Matcher::Cidr(Network::parse(text).map_err(refused)?)
        } else if self.fieldref {
            Matcher::FieldRef {
                other: text.into(),
                open_start: self.open_start,
                open_end: self.open_end,
                cased: self.cased,
            }
        } else if self.regex {
            Matcher::Regex(self.regex(text).map_err(refused)?)
        } else if self.time_part.is_some() || self.comparison.is_some() {
            self.number(text).map_err(refused)?
        } else {
            let terms: Vec<Expr> = self
                .patterns(text, field.is_none(), placeholders, node.line)?
                .into_iter()
                .map(|pattern| test(Matcher::Pattern { pattern, cased: self.cased }))
                .collect();
            return Ok(if terms.len() == 1 {
                terms.into_iter().next().unwrap_or(Expr::Any(vec![]))
            } else {
                Expr::Any(terms)
            });
        };
        Ok(test(matcher))
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
        RegexSource::new(format!("{flags}{text}"))
    }

    fn number(&self, text: &str) -> Result<Matcher, String> {
        let number = Number::parse(text).ok_or_else(|| format!("expected a number, found '{text}'"))?;
        let comparison = self.comparison.unwrap_or(Comparison::Eq);
        Ok(self
            .time_part
            .map_or(Matcher::Compare(comparison, number), |part| Matcher::TimePart(part, comparison, number)))
    }

    fn patterns(
        &self,
        text: &str,
        is_keyword: bool,
        placeholders: &Placeholders,
        line: usize,
    ) -> Result<Vec<Pattern>, Unusable> {
        let written =
            if self.expand { placeholders.expand(text).map_err(Unusable::NoValues)? } else { vec![text.to_owned()] };
        let mut patterns: Vec<Pattern> = written.iter().map(|text| Pattern::parse(text)).collect();
        if self.windash {
            let variants: Result<Vec<_>, _> = patterns.iter().map(windash).collect();
            patterns = variants.map_err(|message| Problem::new(line, message))?.concat();
        }
        if !self.encodings.is_empty() {
            let mut encoded = Vec::new();
            for pattern in &patterns {
                encoded.extend(self.encode(pattern).map_err(|message| Problem::new(line, message))?);
            }
            patterns = encoded;
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
    let end = if padded.len() % 3 == 0 { encoded.len() } else { encoded.len().saturating_sub(1) };
    encoded.get(start..end).unwrap_or_default().to_vec()
}

/// Every variant in which the dashes that begin an argument are replaced by another of the signs that Windows programs
/// take for a dash. As in pySigma, a dash counts if no letter or digit stands before it and one stands after it.
fn windash(pattern: &Pattern) -> Result<Vec<Pattern>, String> {
    const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];
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
            let begins = matches!(c, '-' | '/')
                && !before.is_some_and(is_word)
                && chars.peek().is_some_and(|next| is_word(*next));
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
