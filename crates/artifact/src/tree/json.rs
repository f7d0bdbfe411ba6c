//! JSON as editors write it: with comments, and commas before closing brackets.

use serde_json::Value;

/// Reads it.
///
/// # Errors
/// What was expected and where.
pub fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(&plain(text)).map_err(|error| format!("expected JSON, found: {error}"))
}

/// The same without comments and needless commas.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut in_string = false;
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\\', Some(_)) if in_string => {
                plain.push(c);
                plain.extend(rest.next());
                continue;
            }
            ('"', _) => in_string = !in_string,
            ('/', Some('/')) if !in_string => {
                rest.by_ref().find(|c| *c == '\n');
                continue;
            }
            ('/', Some('*')) if !in_string => {
                let mut star = false;
                rest.by_ref().skip(1).find(|c| std::mem::replace(&mut star, *c == '*') && *c == '/');
                continue;
            }
            (']' | '}', _) if !in_string => {
                let kept = plain.trim_end();
                if kept.ends_with(',') {
                    plain.truncate(kept.len() - 1);
                }
            }
            _ => {}
        }
        plain.push(c);
    }
    plain
}

/// A text, or that of an object's `value` (an argument with its quoting).
pub fn text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("value")?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_and_commas() {
        let text = "// a\n{\"a\": \"x // y /* z\\\"\", /* b */ \"c\": [1, 2, ], }";
        assert_eq!(parse(text).unwrap(), json!({"a": "x // y /* z\"", "c": [1, 2]}));
        assert!(parse("{/*").is_err());
    }
}
