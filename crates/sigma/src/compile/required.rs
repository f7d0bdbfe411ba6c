//! Literals that a regular expression cannot match without.

use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this are not worth looking for.
const MAX_LITERALS: usize = 64;
/// Shorter literals stand in too many values to tell anything.
pub const MIN_LENGTH: usize = 3;

/// Case-folded literals of which at least one stands in every text (case-folded) that `source` matches; `None` if
/// there is no such set worth looking for.
pub fn literals(source: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::parse(source).ok()?;
    let best = required(&hir, 0)?;
    let worth = best.len() <= MAX_LITERALS && best.iter().all(|literal| literal.len() >= MIN_LENGTH);
    worth.then_some(best)
}

fn required(hir: &Hir, depth: usize) -> Option<Vec<String>> {
    if depth > 100 {
        return None;
    }
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![crate::fold::fold(std::str::from_utf8(&literal.0).ok()?)]),
        HirKind::Capture(capture) => required(&capture.sub, depth + 1),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub, depth + 1),
        HirKind::Concat(parts) => concat(parts, depth),
        HirKind::Alternation(parts) => {
            let sets: Option<Vec<Vec<String>>> = parts.iter().map(|part| required(part, depth + 1)).collect();
            sets.map(|sets| sets.concat()).filter(|set| set.len() <= MAX_LITERALS)
        }
        _ => None,
    }
}

/// The best set among the parts, where neighbouring parts that are one character each, whatever their case, join
/// into one literal (`(?i)abc` is three classes).
fn concat(parts: &[Hir], depth: usize) -> Option<Vec<String>> {
    let mut best: Option<Vec<String>> = None;
    let mut consider = |set: Vec<String>| {
        let score = |set: &[String]| set.iter().map(String::len).min().unwrap_or(0) * 8 / (7 + set.len());
        if best.as_ref().is_none_or(|best| score(&set) > score(best)) {
            best = Some(set);
        }
    };
    let mut run = String::new();
    for part in parts {
        if let Some(text) = one_spelling(part) {
            run.push_str(&text);
            continue;
        }
        if !run.is_empty() {
            consider(vec![std::mem::take(&mut run)]);
        }
        if let Some(set) = required(part, depth + 1) {
            consider(set);
        }
    }
    if !run.is_empty() {
        consider(vec![run]);
    }
    best
}

/// The folded text of a part that matches one text only, but for case.
fn one_spelling(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok().map(crate::fold::fold),
        HirKind::Class(Class::Unicode(class)) => {
            let chars = || class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let count: usize = class.ranges().iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum();
            let first = crate::fold::fold_char(chars().next()?);
            (count <= 4 && chars().all(|c| crate::fold::fold_char(c) == first)).then(|| first.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_must_stand_in_every_match() {
        for (source, expected) in [
            (r"\d+mimikatz\s", Some(vec!["mimikatz"])),
            (r"(?i)InvOKe-\w+", Some(vec!["invoke-"])),
            (r"(foobar|bazqux)\d", Some(vec!["foobar", "bazqux"])),
            (r"a.b.c", None),
            (r"(abc)?\d", None),
            (r"(abcd){2}\d", Some(vec!["abcd"])),
            (r"abc|\d", None),
        ] {
            let expected = expected.map(|set| set.into_iter().map(String::from).collect::<Vec<_>>());
            assert_eq!(literals(source), expected, "{source}");
        }
    }
}
