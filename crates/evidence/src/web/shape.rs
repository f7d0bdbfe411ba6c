//! Which shape a line has.

use std::sync::LazyLock;

use super::{access::access, entry::Entry, error::error, json::json, layout::Layouts};

/// Lines that are looked at to recognise a piece.
const LOOKED_AT: usize = 32;

/// How much of a piece [`crate::Format::recognises`] is given at most.
const HEAD: usize = 64 << 10;

/// Formats of Nginx Proxy Manager and NPMplus, whose installations are many.
const SHIPPED: &str = r#"
log_format proxy '[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $server] "$http_user_agent" "$http_referer"';
log_format proxy_unsent '[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] "$http_user_agent" "$http_referer"';
log_format standard '[$time_local] $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $server] "$http_user_agent" "$http_referer"';
log_format npmplus '[$time_local] $host $remote_addr $request_time "$request" $status $body_bytes_sent $bytes_sent $http_referer $http_user_agent';
"#;

/// What lines may be, beside the shapes that are known without a description.
#[derive(Clone, Debug)]
pub(super) struct Shapes {
    given: Layouts,
    shipped: Layouts,
}

impl Shapes {
    pub(super) fn new(given: Layouts) -> Self {
        // Read once, since every piece of evidence is asked whether it is such a log. A test holds that they have no fault.
        static LAYOUTS: LazyLock<Layouts> = LazyLock::new(|| Layouts::parse(SHIPPED).unwrap_or_default());
        Self { given, shipped: LAYOUTS.clone() }
    }

    /// Takes a line apart; false if it has no known shape. What the user has described comes first.
    pub(super) fn read<'a>(&'a self, line: &'a str, entry: &mut Entry<'a>) -> bool {
        let described =
            |layouts: &'a Layouts, entry: &mut Entry<'a>| layouts.0.iter().any(|layout| layout.read(line, entry));
        if described(&self.given, entry) {
            return true;
        }
        match line.as_bytes().first() {
            None => false,
            Some(b'{') => json(line, entry),
            Some(b'[') => error(line, entry) || described(&self.shipped, entry),
            _ => access(line, entry) || error(line, entry),
        }
    }

    /// Whether a line is one of an access log, if it has the shape of one.
    pub(super) fn may_be_access(&self, line: &str) -> bool {
        self.given.0.is_empty() && !line.starts_with(['{', '['])
    }

    /// Whether bytes are a line that begins a record.
    pub(super) fn begin(&self, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        self.read(without_end(&text), &mut Entry::default())
    }
}

/// A line without what ends it.
pub(super) fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Whether `head` is the beginning of such a log: half of its first lines are such lines.
pub(super) fn recognises(head: &[u8], layouts: &Layouts) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.first() == Some(&0) {
        return false;
    }
    let shapes = Shapes::new(layouts.clone());
    let mut lines: Vec<&[u8]> = head.split_inclusive(|byte| *byte == b'\n').take(LOOKED_AT + 1).collect();
    if lines.len() > LOOKED_AT || lines.len() > 1 && head.len() >= HEAD {
        // The last may not be whole.
        lines.pop();
    }
    let (mut looked_at, mut found, mut goes_on) = (0, 0, false);
    for line in lines.into_iter().filter(|line| !line.trim_ascii().is_empty()) {
        let text = String::from_utf8_lossy(line);
        let mut entry = Entry::default();
        let is_record = shapes.read(without_end(&text), &mut entry);
        goes_on = if is_record { entry.source.is_error() } else { goes_on };
        found += usize::from(is_record);
        looked_at += usize::from(is_record || !goes_on);
    }
    found > 0 && found * 2 >= looked_at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_a_format() {
        assert_eq!(Layouts::parse(SHIPPED).unwrap().0.len(), 4);
    }

    #[test]
    fn logs_are_recognised_and_others_are_not() {
        let is_web = |head: &[u8]| recognises(head, &Layouts::default());
        assert!(is_web(b"::1 - - [22/Nov/2026:05:34:28 +0000] \"GET /\xff HTTP/1.1\" 200 5\r\n"));
        assert!(is_web(b"2026/11/22 05:34:28 [error] 1#1: x\nStack trace:\n#0 main\n#1 main\n"));
        assert!(!is_web(b""));
        assert!(!is_web(b"\x00\x00"));
        assert!(!is_web(b"a\nb\nc\n::1 - - [22/Nov/2026:05:34:28 +0000] \"GET / HTTP/1.1\" 200 5\n"));
        assert!(!is_web(b"{\"Event\":{\"System\":{\"EventID\":1}}}\n"));
        assert!(!is_web(
            b"Nov 22 05:34:28 web01 nginx: ::1 - - [22/Nov/2026:05:34:28 +0000] \"GET / HTTP/1.1\" 200 5\n"
        ));
        assert!(!is_web(
            b"2026-11-22T05:34:28+00:00 web01 nginx[1]: ::1 - - [22/Nov/2026:05:34:28 +0000] \"x\" 200 5\n"
        ));
    }
}
