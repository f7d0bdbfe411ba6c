//! Sentences with names to be filled in: `{name}` is a name's value, and what stands in `[brackets]` is left out where a name in it has none.

/// Fills in the names; `None` where one outside brackets has no value.
pub fn fill(template: &str, value: &dyn Fn(&str) -> String) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '[']) {
        let (before, behind) = rest.split_at(at);
        text.push_str(before);
        let closing = if behind.starts_with('{') { '}' } else { ']' };
        let Some((inner, after)) = behind.get(1..)?.split_once(closing) else { break };
        if closing == '}' {
            let value = value(inner);
            if value.is_empty() {
                return None;
            }
            text.push_str(&value);
        } else {
            text.push_str(&fill(inner, value).unwrap_or_default());
        }
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_value_is_left_out() {
        let value = |name: &str| if name == "a" { "1".to_owned() } else { String::new() };
        assert_eq!(fill("x {a}[, {b}][; {a}]", &value).as_deref(), Some("x 1; 1"));
        assert_eq!(fill("x {b}", &value), None);
        assert_eq!(fill("no names", &value).as_deref(), Some("no names"));
    }
}
