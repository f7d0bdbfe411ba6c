//! STIX's pattern language (STIX 2.1, section 9), as far as it compares what indicators are: hashes, names, addresses, URLs, joined by AND and OR.

use crate::kind::Hint;

/// A comparison: an indicator of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) hint: Hint,
    pub(super) value: String,
}

/// Comparisons that have to hold together.
type Together = Vec<Comparison>;

/// Parentheses within one another, and sets of comparisons that a pattern stands for.
const MAX_DEPTH: usize = 16;
const MAX_ALTERNATIVES: usize = 256;
const MAX_PATTERN: usize = 64 << 10;

/// Reads a pattern: one of the alternatives has to hold.
pub(super) fn parse(pattern: &str) -> Result<Vec<Together>, String> {
    if pattern.len() > MAX_PATTERN {
        return Err("expected a pattern of at most 64 KiB".into());
    }
    let mut parser = Parser { rest: pattern, depth: 0 };
    let alternatives = parser.observations()?;
    match parser.next()? {
        None => Ok(alternatives),
        Some(token) => Err(format!("expected OR or the pattern's end, found '{}'", token.text())),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'p> {
    /// A mark: brackets, parentheses, comparison operators, commas.
    Mark(&'p str),
    /// A word, or an object's path.
    Word(&'p str),
    Text(String),
}

impl Token<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Mark(text) | Self::Word(text) => text,
            Self::Text(text) => text,
        }
    }
}

struct Parser<'p> {
    rest: &'p str,
    depth: usize,
}

impl<'p> Parser<'p> {
    fn next(&mut self) -> Result<Option<Token<'p>>, String> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let length = match first {
            '\'' => return self.text().map(|text| Some(Token::Text(text))),
            '[' | ']' | '(' | ')' | ',' | '=' => 1,
            '!' | '<' | '>' => self.rest.chars().take_while(|c| matches!(c, '!' | '<' | '>' | '=')).count(),
            _ => return Ok(Some(Token::Word(self.word()))),
        };
        Ok(Some(Token::Mark(self.take(length))))
    }

    fn take(&mut self, length: usize) -> &'p str {
        let (token, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        token
    }

    /// A word; a path may hold quoted keys: `file:hashes.'SHA-256'`.
    fn word(&mut self) -> &'p str {
        let mut is_quoted = false;
        let is_end = |c: char| {
            is_quoted ^= c == '\'';
            !is_quoted && (c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | ',' | '=' | '!' | '<' | '>'))
        };
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn text(&mut self) -> Result<String, String> {
        let (mut text, mut chars) = (String::new(), self.rest.char_indices().skip(1));
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(text);
                }
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c => text.push(c),
            }
        }
        Err("expected a quote at the end of a text, found the pattern's end".into())
    }

    fn is_next(&mut self, wanted: &str) -> Result<bool, String> {
        let before = self.rest;
        let is_next = self.next()?.is_some_and(|token| !matches!(token, Token::Text(_)) && token.text() == wanted);
        if !is_next {
            self.rest = before;
        }
        Ok(is_next)
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        if self.is_next(wanted)? {
            return Ok(());
        }
        let found = self.next()?;
        Err(format!("expected {wanted} in a pattern, found '{}'", found.as_ref().map_or("its end", Token::text)))
    }

    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("expected at most {MAX_DEPTH} parentheses within one another"));
        }
        let read = inside(self)?;
        self.depth -= 1;
        self.expect(")")?;
        Ok(read)
    }

    /// `[…] OR […]`. What several observations say together no single record can.
    fn observations(&mut self) -> Result<Vec<Together>, String> {
        let mut all = Vec::new();
        loop {
            if self.is_next("(")? {
                all.extend(self.deeper(Self::observations)?);
            } else {
                self.expect("[")?;
                all.extend(self.or()?);
                self.expect("]")?;
            }
            for wide in ["AND", "FOLLOWEDBY", "WITHIN", "REPEATS", "START"] {
                if self.is_next(wide)? {
                    return Err(format!("expected a pattern of single observations, found {wide} between them"));
                }
            }
            if !self.is_next("OR")? {
                return bounded(all);
            }
        }
    }

    fn or(&mut self) -> Result<Vec<Together>, String> {
        let mut all = self.and()?;
        while self.is_next("OR")? {
            all.extend(self.and()?);
        }
        bounded(all)
    }

    fn and(&mut self) -> Result<Vec<Together>, String> {
        let mut all = self.comparison()?;
        while self.is_next("AND")? {
            let more = self.comparison()?;
            if all.len() * more.len() > MAX_ALTERNATIVES {
                return bounded(vec![Vec::new(); MAX_ALTERNATIVES + 1]);
            }
            all = all.iter().flat_map(|one| more.iter().map(|other| [one.as_slice(), other].concat())).collect();
        }
        Ok(all)
    }

    fn comparison(&mut self) -> Result<Vec<Together>, String> {
        if self.is_next("(")? {
            return self.deeper(Self::or);
        }
        let path = match self.next()? {
            Some(Token::Word(path)) if path != "NOT" => path,
            found => {
                return Err(format!(
                    "expected a comparison, found '{}'",
                    found.as_ref().map_or("the pattern's end", Token::text)
                ));
            }
        };
        let hint = hint(path)
            .ok_or_else(|| format!("expected a hash, name, address, domain or URL to compare, found '{path}'"))?;
        let operator = self.next()?;
        let operator = operator.as_ref().map_or("", Token::text).to_owned();
        let is_subset = operator == "ISSUBSET" && hint == Hint::Address;
        let values = match operator.as_str() {
            "=" => vec![self.value()?],
            "IN" => self.values()?,
            _ if is_subset => vec![self.value()?],
            other => return Err(format!("expected = or IN in a comparison, found '{other}'")),
        };
        bounded(values.into_iter().map(|value| vec![Comparison { hint, value }]).collect())
    }

    fn value(&mut self) -> Result<String, String> {
        match self.next()? {
            Some(Token::Text(text)) => Ok(text),
            found => Err(format!(
                "expected a text in quotes, found '{}'",
                found.as_ref().map_or("the pattern's end", Token::text)
            )),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        self.expect("(")?;
        let mut values = vec![self.value()?];
        while self.is_next(",")? {
            values.push(self.value()?);
        }
        self.expect(")")?;
        Ok(values)
    }
}

fn bounded(alternatives: Vec<Together>) -> Result<Vec<Together>, String> {
    if alternatives.len() > MAX_ALTERNATIVES {
        return Err(format!("expected a pattern of at most {MAX_ALTERNATIVES} alternatives"));
    }
    Ok(alternatives)
}

/// What an object's path names.
fn hint(path: &str) -> Option<Hint> {
    let (object, property) = path.split_once(':')?;
    let property = property.replace(['\'', '-'], "").to_ascii_lowercase();
    Some(match (object, property.as_str()) {
        ("file" | "artifact", "hashes.md5" | "hashes.sha1" | "hashes.sha256") => Hint::Hash,
        ("file" | "directory", "name" | "path") => Hint::File,
        ("domain-name", "value") => Hint::Domain,
        ("url", "value") => Hint::Url,
        ("ipv4-addr" | "ipv6-addr", "value") => Hint::Address,
        ("network-traffic", "dst_ref.value" | "src_ref.value") => Hint::Any,
        ("email-addr", "value") => Hint::Mail,
        ("email-message", "from_ref.value" | "sender_ref.value" | "to_refs[*].value") => Hint::Mail,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &str) -> Result<Vec<Vec<String>>, String> {
        let alternatives = parse(pattern)?;
        Ok(alternatives.into_iter().map(|all| all.into_iter().map(|one| one.value).collect()).collect())
    }

    #[test]
    fn alternatives_and_what_belongs_together_are_told_apart() {
        for (pattern, meant) in [
            ("[domain-name:value = 'evil.example']", vec![vec!["evil.example"]]),
            ("[ file:hashes.'SHA-256'='aa' OR file:hashes.MD5 = 'bb' ]", vec![vec!["aa"], vec!["bb"]]),
            ("[file:name = 'it\\'s.exe' AND file:hashes.MD5 = 'bb']", vec![vec!["it's.exe", "bb"]]),
            ("[url:value='a'] OR ([url:value='b'] OR [url:value='c'])", vec![vec!["a"], vec!["b"], vec!["c"]]),
            (
                "[ipv4-addr:value IN ('a','b') AND (url:value='c' OR url:value='d')]",
                vec![vec!["a", "c"], vec!["a", "d"], vec!["b", "c"], vec!["b", "d"]],
            ),
            ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", vec![vec!["198.51.100.0/24"]]),
        ] {
            assert_eq!(
                shown(pattern),
                Ok(meant.iter().map(|all| all.iter().map(|one| (*one).to_owned()).collect()).collect())
            );
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        let deep = format!("{}[url:value='a']", "(".repeat(20));
        let wide = format!("[{}]", ["(url:value='a' OR url:value='b')"; 12].join(" AND "));
        for (pattern, why) in [
            ("", "expected [ in a pattern, found 'its end'"),
            ("[url:value = 'a'", "expected ] in a pattern, found 'its end'"),
            ("[url:value = 'a", "expected a quote at the end of a text, found the pattern's end"),
            ("[url:value != 'a']", "expected = or IN in a comparison, found '!='"),
            ("[url:value MATCHES 'a']", "expected = or IN in a comparison, found 'MATCHES'"),
            ("[NOT url:value = 'a']", "expected a comparison, found 'NOT'"),
            ("[process:pid = 'a']", "expected a hash, name, address, domain or URL to compare, found 'process:pid'"),
            (
                "[url:value = 'a'] AND [url:value = 'b']",
                "expected a pattern of single observations, found AND between them",
            ),
            (
                "[url:value = 'a'] WITHIN 5 SECONDS",
                "expected a pattern of single observations, found WITHIN between them",
            ),
            ("[url:value = 5]", "expected a text in quotes, found '5'"),
            (&deep, "expected at most 16 parentheses within one another"),
            (&wide, "expected a pattern of at most 256 alternatives"),
        ] {
            assert_eq!(shown(pattern), Err(why.to_owned()), "{pattern}");
        }
    }
}
