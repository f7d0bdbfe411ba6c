//! Conditions: `selection and not 1 of filter_*` (Sigma specification v2.1, "Condition").

/// A parsed condition, still with names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of these.
    And(Vec<Condition>),
    /// One of these.
    Or(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A search identifier by its name.
    Name(String),
    /// `all of` (or, if false, `1 of`) the search identifiers that the pattern names.
    Of {
        /// All of them, or one.
        all: bool,
        /// A name with `*` for any characters; `them` means `*`.
        pattern: String,
    },
}

/// Conditions of more operators than this nobody writes, and recursion over them must end.
const MAX_DEPTH: usize = 64;

/// Reads a condition.
///
/// # Errors
/// What was expected and what stands there.
pub fn parse(text: &str) -> Result<Condition, String> {
    if text.contains('|') {
        return Err("an aggregation ('|') in a condition is no longer part of Sigma; write a correlation rule".into());
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, depth: 0 };
    let condition = parser.or()?;
    match parser.tokens.first() {
        None => Ok(condition),
        Some(token) => Err(format!("expected 'and', 'or' or the end of the condition, found '{token}'")),
    }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        match c {
            '_' | '-' | '*' | '.' | '?' => word.push(c),
            c if c.is_alphanumeric() => word.push(c),
            '(' | ')' | ' ' | '\t' | '\n' | '\r' => {
                if !word.is_empty() {
                    tokens.push(std::mem::take(&mut word));
                }
                if matches!(c, '(' | ')') {
                    tokens.push(c.into());
                }
            }
            other => return Err(format!("unexpected character {other:?} in the condition")),
        }
    }
    Ok(tokens)
}

struct Parser<'t> {
    tokens: &'t [String],
    depth: usize,
}

impl Parser<'_> {
    fn take(&mut self, word: &str) -> bool {
        match self.tokens {
            [first, rest @ ..] if first.eq_ignore_ascii_case(word) => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn or(&mut self) -> Result<Condition, String> {
        let mut terms = vec![self.and()?];
        while self.take("or") {
            terms.push(self.and()?);
        }
        Ok(single_or(terms, Condition::Or))
    }

    fn and(&mut self) -> Result<Condition, String> {
        let mut terms = vec![self.not()?];
        while self.take("and") {
            terms.push(self.not()?);
        }
        Ok(single_or(terms, Condition::And))
    }

    fn not(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the condition is nested more than {MAX_DEPTH} deep"));
        }
        let condition = if self.take("not") { Condition::Not(Box::new(self.not()?)) } else { self.primary()? };
        self.depth -= 1;
        Ok(condition)
    }

    fn primary(&mut self) -> Result<Condition, String> {
        if self.take("(") {
            let inner = self.or()?;
            return if self.take(")") { Ok(inner) } else { Err("a '(' in the condition is not closed".into()) };
        }
        let [word, rest @ ..] = self.tokens else {
            return Err("the condition ends where a name is expected".into());
        };
        if matches!(word.to_ascii_lowercase().as_str(), ")" | "and" | "or" | "of") {
            return Err(format!("expected a name, found '{word}'"));
        }
        match rest {
            [of, pattern, rest @ ..] if of.eq_ignore_ascii_case("of") => {
                let all = quantifier(word)?;
                self.tokens = rest;
                let pattern = if pattern.eq_ignore_ascii_case("them") { "*".into() } else { pattern.clone() };
                Ok(Condition::Of { all, pattern })
            }
            _ => {
                self.tokens = rest;
                Ok(Condition::Name(word.clone()))
            }
        }
    }
}

fn quantifier(word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "all" => Ok(true),
        "1" | "any" => Ok(false),
        other => Err(format!("'{other} of' is not part of Sigma; use '1 of' or 'all of'")),
    }
}

fn single_or(mut terms: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match (terms.pop(), terms.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            terms.push(last);
            join(terms)
        }
        (None, _) => join(terms),
    }
}

/// Whether a search identifier's name is meant by the pattern of an `of`. Names that begin with `_` are meant only
/// by patterns that begin so too.
pub fn names(pattern: &str, name: &str) -> bool {
    let hidden = name.starts_with('_') && !pattern.starts_with('_');
    !hidden && crate::pattern::Pattern::parse(pattern).matches(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Condition {
        Condition::Name(text.into())
    }

    #[test]
    fn not_binds_closer_than_and_closer_than_or() {
        let parsed = parse("a or not b and (c OR d) and 1 of sel_*").unwrap();
        let of = Condition::Of { all: false, pattern: "sel_*".into() };
        let and =
            Condition::And(vec![Condition::Not(Box::new(name("b"))), Condition::Or(vec![name("c"), name("d")]), of]);
        assert_eq!(parsed, Condition::Or(vec![name("a"), and]));
        assert_eq!(parse("all of them").unwrap(), Condition::Of { all: true, pattern: "*".into() });
    }

    #[test]
    fn what_is_no_condition_is_refused_with_a_reason() {
        for (text, part) in [
            ("a and", "ends where"),
            ("(a or b", "not closed"),
            ("a b", "found 'b'"),
            ("selection | count() > 5", "correlation"),
            ("3 of them", "3 of"),
            ("a and or b", "found 'or'"),
            ("a & b", "'&'"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(parse(&format!("{}a{}", "(".repeat(9999), ")".repeat(9999))).is_err());
        assert!(parse(&"not ".repeat(9999)).is_err());
    }

    #[test]
    fn hidden_names_are_not_among_them() {
        assert!(names("*", "selection") && names("sel*", "selection") && !names("*", "_hidden"));
        assert!(names("_*", "_hidden"));
    }
}
