//! Lines of access logs as servers write them by themselves: who, when in brackets, the request in quotes, then the answer.

use std::net::Ipv6Addr;

use super::{
    entry::{Column, Entry},
    proxies::address,
    stamp::{self, CLF},
};

/// What a client says of whose its connection is (RFC 1413).
pub(super) const IDENTITY: &str = "identity";

/// How many places of a line are tried as that of its time.
const MAX_TIMES: usize = 8;

/// Reads a line in the Common or Combined Log Format, also with a virtual host before it and more fields behind it; false if it
/// is none.
pub(super) fn access<'a>(line: &'a str, entry: &mut Entry<'a>) -> bool {
    // So few times are tried that a line of nothing else costs no more than others.
    times(line).take(MAX_TIMES).any(|at| {
        let found = at_time(line, at, entry).is_some();
        if !found && entry.stamp.is_some() {
            entry.clear();
        }
        found
    })
}

/// Where a time may stand in brackets. A user's name may look like one, but never has a quote.
fn times(line: &str) -> impl Iterator<Item = usize> {
    let is_time = |at: &usize| *at > 0 && line.get(at + 1 + CLF..).is_some_and(|rest| rest.starts_with("] \""));
    memchr::memchr_iter(b'[', line.as_bytes()).filter(is_time)
}

/// A line by the time whose bracket stands at `at`: what stands before it, the time, what stands behind it.
fn parts(line: &str, at: usize) -> Option<(&str, &str, &str)> {
    let (before, rest) = line.split_at_checked(at)?;
    let (time, tail) = rest.get(1..)?.split_at_checked(CLF)?;
    Some((before.strip_suffix(' ')?, time, tail))
}

/// Reads a line up to its time, if `is_tail` holds for what stands behind it, which then was read before, behind another time; false if it is none.
/// What the entry held is then gone.
pub(super) fn with_tail<'a>(line: &'a str, entry: &mut Entry<'a>, is_tail: impl FnOnce(&str) -> bool) -> bool {
    let parts = times(line).next().and_then(|at| parts(line, at));
    parts.is_some_and(|(before, time, tail)| {
        is_tail(tail) && stamp::clf(time).is_some() && {
            entry.clear();
            who(before, entry).is_some()
        }
    })
}

/// Reads a line whose time may stand in brackets at `at`.
fn at_time<'a>(line: &'a str, at: usize, entry: &mut Entry<'a>) -> Option<()> {
    let (before, time, tail) = parts(line, at)?;
    let stamp = stamp::clf(time)?;
    let (request, rest) = quoted(tail.strip_prefix("] \"")?, is_answer)?;
    entry.stamp = Some(stamp);
    who(before, entry)?;
    entry.set(Column::Request, request);
    answer(rest, entry)?;
    entry.tail = tail;
    Some(())
}

/// What stands before a quote that is not escaped and behind which `ends` holds, and what stands behind it.
pub(super) fn quoted(text: &str, ends: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'\\') {
            at += 2;
            continue;
        }
        let behind = text.get(at + 1..)?;
        if ends(behind) {
            return Some((text.get(..at)?, behind));
        }
        at += 1;
    }
}

/// Whether a status stands here.
fn is_answer(text: &str) -> bool {
    matches!(text.as_bytes(), [b' ', b'0'..=b'9' | b'-', ..])
}

pub(super) fn is_status(text: &str) -> bool {
    text == "-" || text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_address(text: &str) -> bool {
    is_ipv4(text) || text.contains(':') && text.parse::<Ipv6Addr>().is_ok() || text == "unix:"
}

/// Whether four numbers stand here; quicker than reading them.
fn is_ipv4(text: &str) -> bool {
    let (mut points, mut digits) = (0, 0);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits < 3 => digits += 1,
            b'.' if digits > 0 => (points, digits) = (points + 1, 0),
            _ => return false,
        }
    }
    points == 3 && digits > 0
}

/// Splits a host from its port.
pub(super) fn host_and_port(text: &str) -> (&str, &str) {
    text.rsplit_once(':').filter(|(_, port)| is_number(port)).unwrap_or((text, ""))
}

/// A text up to its first blank, and what stands behind it. Words are short here, so that each byte is looked at by itself.
fn first_word(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| byte == b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (word, rest.strip_prefix(' ').unwrap_or_default())
}

/// `client identity user`, with a virtual host before it or without identity and user.
fn who<'a>(before: &'a str, entry: &mut Entry<'a>) -> Option<()> {
    let (first, rest) = first_word(before);
    let (second, more) = first_word(rest);
    let has_host = || {
        let (host, port) = host_and_port(first);
        let is_host = !host.is_empty() && (!host.contains(':') || host.starts_with('['));
        is_host && !port.is_empty() && second != "-"
            || is_address(second)
            || second != "-" && (more == "-" || more.starts_with("- "))
    };
    let rest = if is_address(first) {
        entry.set(Column::Client, first);
        rest
    } else if !first.is_empty() && !second.is_empty() && has_host() {
        let (host, port) = host_and_port(first);
        entry.set_word(Column::Host, host);
        entry.set_word(Column::Port, port);
        entry.set(Column::Client, second);
        more
    } else if second == "-" && !more.is_empty() {
        entry.set_word(Column::Client, first);
        rest
    } else {
        return None;
    };
    let (identity, user) = first_word(rest);
    entry.add(IDENTITY, identity);
    // Some servers write more than identity and user here; the last is the user.
    entry.set_word(Column::User, if user.ends_with(" -") { "-" } else { user });
    Some(())
}

/// ` status bytes "referer" "user agent" …`
fn answer<'a>(rest: &'a str, entry: &mut Entry<'a>) -> Option<()> {
    let rest = rest.strip_prefix(' ')?;
    let (status, rest) = first_word(rest);
    if !is_status(status) {
        return None;
    }
    entry.set(Column::Status, status);
    let (bytes, behind) = first_word(rest);
    let has_bytes = is_number(bytes) || bytes == "-";
    if has_bytes {
        entry.set(Column::Bytes, bytes);
    }
    tail(if has_bytes { behind } else { rest }, entry);
    Some(())
}

/// What formats have behind the Common Log Format. Referer and user agent come first, in quotes; of what comes then, a list of
/// addresses is X-Forwarded-For, and what names itself (`rt=0.123`) has a name.
fn tail<'a>(mut rest: &'a str, entry: &mut Entry<'a>) {
    let (mut count, mut first, mut is_quoted) = (0, "", true);
    loop {
        rest = rest.trim_start_matches(' ');
        if rest.is_empty() {
            break;
        }
        // Where one quote is never closed, none behind it is.
        let found = rest.strip_prefix('"').filter(|_| is_quoted).map(|inside| quoted(inside, is_end));
        is_quoted &= found != Some(None);
        if let Some((text, behind)) = found.flatten() {
            count += 1;
            match count {
                1 => first = text,
                2 => entry.set(Column::Agent, text),
                _ if is_list_of_addresses(text) => entry.set_word(Column::ForwardedFor, text),
                _ => {}
            }
            rest = behind;
            continue;
        }
        let (word, behind) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
        rest = behind;
        if let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_name(name)) {
            entry.add(name, value.trim_matches('"'));
        }
    }
    match count {
        0 => {}
        1 if !first.contains("://") => entry.set(Column::Agent, first),
        _ => entry.set(Column::Referer, first),
    }
}

fn is_end(behind: &str) -> bool {
    behind.is_empty() || behind.starts_with(' ')
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn is_list_of_addresses(text: &str) -> bool {
    text.split(',').all(|text| address(text.trim_ascii()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a line says, in the order of the columns.
    fn told(line: &str) -> Option<String> {
        let mut entry = Entry::default();
        access(line, &mut entry).then(|| {
            let columns = super::super::entry::COLUMNS.iter();
            let named = columns.filter_map(|(column, name)| Some(format!("{name}={}", entry.get(*column)?)));
            named.chain(entry.others.iter().map(|(name, text)| format!("{name}={text}"))).collect::<Vec<_>>().join("|")
        })
    }

    #[test]
    fn every_form_is_read() {
        const TIME: &str = "[22/Nov/2026:05:34:28 +0000]";
        for (line, expected) in [
            (r#"::1 - - TIME "GET / HTTP/1.1" 200 -"#, "c-ip=::1|request=GET / HTTP/1.1|sc-status=200"),
            (
                r#"198.51.100.7 - a \x22 c TIME "-" 408 5 "-" """#,
                r"c-ip=198.51.100.7|cs-username=a \x22 c|sc-status=408|sc-bytes=5|cs-user-agent=",
            ),
            (
                r#"www.example:443 host.example - anna TIME "x" 200 5"#,
                "c-ip=host.example|cs-username=anna|cs-host=www.example|s-port=443|request=x|sc-status=200|sc-bytes=5",
            ),
            (
                r#"a.example 192.0.2.1 - id - TIME "x" 200 5"#,
                "c-ip=192.0.2.1|cs-host=a.example|request=x|sc-status=200|sc-bytes=5",
            ),
            (r#"a.example host - - TIME "x" 200 5"#, "c-ip=host|cs-host=a.example|request=x|sc-status=200|sc-bytes=5"),
            (r#"host - - TIME "a"b" 200 5"#, "c-ip=host|request=a\"b|sc-status=200|sc-bytes=5"),
            (r#"192.0.2.1 TIME "x" 200 "agent""#, "c-ip=192.0.2.1|request=x|sc-status=200|cs-user-agent=agent"),
            (
                r#"::1 - - TIME "x" 200 5 "http://a" "b \"c\" \\" "192.0.2.1, ::2" rt=0.1 "q" uct="-" 7"#,
                r#"c-ip=::1|request=x|sc-status=200|sc-bytes=5|cs-referer=http://a|cs-user-agent=b \"c\" \\|x-forwarded-for=192.0.2.1, ::2|rt=0.1"#,
            ),
            (
                r#"::1 - [22/Nov/2026:05:34:28 +0000] TIME "x" 200 5"#,
                "c-ip=::1|cs-username=[22/Nov/2026:05:34:28 +0000]|request=x|sc-status=200|sc-bytes=5",
            ),
        ] {
            assert_eq!(told(&line.replace("TIME", TIME)).as_deref(), Some(expected), "{line}");
        }
        // As long as it is, no line is gone through again and again.
        let started = std::time::Instant::now();
        for (start, part) in [
            ("::1 - - ", "TIME \"x\" "),
            ("::1 - - ", "TIME \" "),
            ("::1 - - ", "["),
            ("::1 - - TIME \"x\" 200 5 ", "\"a "),
            ("::1 - - TIME \"x\" 200 5 ", "\"\\ \" "),
            ("::1 - - TIME \"", "\" 2"),
        ] {
            told(&[start, &part.repeat((4 << 20) / part.len())].concat().replace("TIME", TIME));
        }
        assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
        for line in [
            "",
            "[",
            r#"word TIME "x" 200 5"#,
            r#"Nov 22 05:34:28 web01 nginx: ::1 - - TIME "x" 200 5"#,
            r#"::1 - - TIME "x 200 5"#,
            r#"::1 - - TIME "x" 2000 5"#,
            r#"::1 - - TIME x 200 5"#,
            r#"::1 - - [22/Nov/2026:05:34:28] "x" 200 5"#,
        ] {
            assert_eq!(told(&line.replace("TIME", TIME)), None, "{line}");
        }
    }
}
