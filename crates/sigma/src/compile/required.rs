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

/// The best set among the parts, where neighbouring parts that match few texts join into literals (`(?i)abc` is three classes).
fn concat(parts: &[Hir], depth: usize) -> Option<Vec<String>> {
    let mut best: Option<Vec<String>> = None;
    let mut consider = |set: Vec<String>| {
        let score = |set: &[String]| {
            let shortest = set.iter().map(String::len).min().filter(|length| *length >= MIN_LENGTH);
            shortest.unwrap_or(0) * 1000 / (7 + set.len())
        };
        if best.as_ref().is_none_or(|best| score(&set) > score(best)) {
            best = Some(set);
        }
    };
    let mut run = vec![String::new()];
    for part in parts {
        let texts = texts(part, depth + 1);
        if let Some(joined) = texts.as_ref().and_then(|texts| product(&run, texts)) {
            if joined.len() > run.len() {
                consider(run);
            }
            run = joined;
            continue;
        }
        consider(std::mem::replace(&mut run, texts.clone().unwrap_or_else(|| vec![String::new()])));
        if let (None, Some(set)) = (texts, required(part, depth + 1)) {
            consider(set);
        }
    }
    consider(run);
    best
}

/// All texts, case-folded, that an expression matches, if they are few.
fn texts(hir: &Hir, depth: usize) -> Option<Vec<String>> {
    if depth > 100 {
        return None;
    }
    let mut all = match hir.kind() {
        HirKind::Empty => vec![String::new()],
        HirKind::Literal(literal) => vec![crate::fold::fold(std::str::from_utf8(&literal.0).ok()?)],
        HirKind::Class(Class::Unicode(class)) => {
            let count: usize = class.ranges().iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum();
            let chars = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let folded = |c: char| crate::fold::fold_char(c).into();
            if count > MAX_LITERALS { return None } else { chars.map(folded).collect() }
        }
        HirKind::Capture(capture) => texts(&capture.sub, depth + 1)?,
        HirKind::Repetition(repetition) if (repetition.min, repetition.max) == (0, Some(1)) => {
            let mut all = texts(&repetition.sub, depth + 1)?;
            all.push(String::new());
            all
        }
        HirKind::Concat(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                all = product(&all, &texts(part, depth + 1)?)?;
            }
            all
        }
        HirKind::Alternation(parts) => {
            let sets: Option<Vec<Vec<String>>> = parts.iter().map(|part| texts(part, depth + 1)).collect();
            sets?.concat()
        }
        _ => return None,
    };
    all.sort_unstable();
    all.dedup();
    (all.len() <= MAX_LITERALS).then_some(all)
}

/// Each text with each ending, if they are few.
fn product(texts: &[String], endings: &[String]) -> Option<Vec<String>> {
    let joined = || texts.iter().flat_map(|text| endings.iter().map(move |ending| format!("{text}{ending}")));
    (texts.len() * endings.len() <= MAX_LITERALS).then(|| joined().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_must_stand_in_every_match() {
        for (source, expected) in [
            (r"\d+mimikatz\s", Some(vec!["mimikatz"])),
            (r"(?i)InvOKe-\w+", Some(vec!["invoke-"])),
            (r"(foobar|bazqux)\d", Some(vec!["bazqux", "foobar"])),
            (r"a.b.c", None),
            (r"(abc)?\d", None),
            (r"(abcd){2}\d", Some(vec!["abcd"])),
            (r"abc|\d", None),
            (r"\.(php[3-4]?|cgi)$", Some(vec![".cgi", ".php", ".php3", ".php4"])),
            (
                r"(?i)\.(php[3-8]?|aspx?|jspx?)$",
                Some(vec![
                    ".asp", ".aspx", ".jsp", ".jspx", ".php", ".php3", ".php4", ".php5", ".php6", ".php7", ".php8",
                ]),
            ),
            (r"(?i)/(a|b)c.", Some(vec!["/ac", "/bc"])),
            (r"mimikatz[0-9][0-9]", Some(vec!["mimikatz"])),
            (r"(one|two)(three|four)?.", Some(vec!["one", "two"])),
        ] {
            let expected = expected.map(|set| set.into_iter().map(String::from).collect::<Vec<_>>());
            assert_eq!(literals(source), expected, "{source}");
        }
    }
}
