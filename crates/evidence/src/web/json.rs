//! Access logs in JSON, one object a line, as nginx writes them where `log_format … escape=json` has variables' names as keys.

use super::{
    decode::Escape,
    entry::{Column, Entry},
    layout::{What, variable},
    stamp,
};

/// Keys of the time beside nginx's own variables.
const TIMES: [&str; 5] = ["time", "timestamp", "@timestamp", "date", "datetime"];

/// Reads a line; false if it is no request.
pub(super) fn json<'a>(line: &'a str, entry: &mut Entry<'a>) -> bool {
    let Some(found) = object(line) else { return false };
    let has = |column| found.get(column).is_some();
    // An object with these and a time is no other kind of log.
    let is_request = (has(Column::Request) || has(Column::Method) || has(Column::Uri)) && has(Column::Status);
    if is_request && found.stamp.is_some() {
        *entry = found;
        return true;
    }
    false
}

/// Reads a flat object; `None` if it is none, or if objects or arrays stand in it.
fn object(line: &str) -> Option<Entry<'_>> {
    let mut entry = Entry { escape: Escape::Json, ..Entry::default() };
    let mut rest = line.trim_ascii_start().strip_prefix('{')?.trim_ascii_start();
    loop {
        let (name, behind) = string(rest)?;
        let behind = behind.trim_ascii_start().strip_prefix(':')?.trim_ascii_start();
        let (text, behind) = if behind.starts_with('"') { string(behind)? } else { bare(behind)? };
        member(name, text, &mut entry);
        let behind = behind.trim_ascii_start();
        if behind.starts_with('}') {
            return behind.get(1..)?.trim_ascii().is_empty().then_some(entry);
        }
        rest = behind.strip_prefix(',')?.trim_ascii_start();
    }
}

fn string(text: &str) -> Option<(&str, &str)> {
    super::access::quoted(text.strip_prefix('"')?, |_| true)
}

/// A number, `true`, `false` or `null`.
fn bare(text: &str) -> Option<(&str, &str)> {
    let end = text.find([',', '}', ' '])?;
    let (word, rest) = text.split_at(end);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    // A variable that is empty leaves nothing where a number was to stand.
    word.bytes().all(is_plain).then_some((if word == "null" { "" } else { word }, rest))
}

fn member<'a>(name: &'a str, text: &'a str, entry: &mut Entry<'a>) {
    match variable(name) {
        Some(What::Time(_)) => entry.stamp = entry.stamp.or_else(|| stamp::any(text)),
        Some(What::Column(column)) => entry.set_word(column, text),
        _ if TIMES.contains(&name) => entry.stamp = entry.stamp.or_else(|| stamp::any(text)),
        _ => entry.add(name, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_and_other_objects_are_not() {
        let line = r#"{"time":"2026-11-22T05:34:28+00:00","remote_addr":"::1","request":"GET /?a=\"b\" HTTP/1.1","status":200,"x":,"rt": 0.1 , "http_referer":""}"#;
        let mut entry = Entry::default();
        assert!(json(line, &mut entry));
        assert_eq!(entry.get(Column::Client), Some("::1"));
        assert_eq!(entry.get(Column::Request), Some(r#"GET /?a=\"b\" HTTP/1.1"#));
        assert_eq!(entry.get(Column::Status), Some("200"));
        assert_eq!(entry.get(Column::Referer), None);
        assert_eq!(entry.others, [("rt", "0.1")]);
        assert!(entry.stamp.is_some());
        for line in [
            "",
            "{",
            "{}",
            r#"{"status":200}"#,
            r#"{"time":"2026-11-22T05:34:28Z","status":200,"request":{}}"#,
            r#"{"a":"b"#,
        ] {
            assert!(!json(line, &mut Entry::default()), "{line}");
        }
    }
}
