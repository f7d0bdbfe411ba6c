//! Lines of error logs: nginx, Apache 2.2 and 2.4, Tomcat.

use super::{
    access::host_and_port,
    decode::Escape,
    entry::{Column, Entry, Source},
    stamp,
};

/// Names of the fields that only error logs have.
const MESSAGE: &str = "message";
const SEVERITY: &str = "severity";
const MODULE: &str = "module";

/// Reads the first line of a record of an error log; false if it is none.
pub(super) fn error<'a>(line: &'a str, entry: &mut Entry<'a>) -> bool {
    let read = match line.as_bytes() {
        [b'[', ..] => apache(line),
        [_, _, _, _, b'/', ..] => nginx(line),
        [_, _, b'-', ..] => tomcat(line),
        [b'A'..=b'Z', _, _, b' ', ..] => java(line),
        _ => None,
    };
    if let Some(found) = read {
        *entry = found;
        return true;
    }
    false
}

fn entry(source: Source, stamp: stamp::Stamp) -> Entry<'static> {
    Entry { source, stamp: Some(stamp), ..Entry::default() }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `2026/11/22 05:34:28 [error] 12#34: *5 message, client: 203.0.113.9, server: _, request: "GET / HTTP/1.1", host: "a"`
fn nginx(line: &str) -> Option<Entry<'_>> {
    let stamp = stamp::nginx(line.as_bytes().first_chunk::<19>()?)?;
    let (severity, rest) = line.get(19..)?.strip_prefix(" [")?.split_once("] ")?;
    let (process, message) = rest.split_once(": ")?;
    let (pid, tid) = process.split_once('#').filter(|(pid, tid)| is_word(pid) && is_word(tid))?;
    if !is_word(severity) {
        return None;
    }
    let mut entry = Entry { escape: Escape::None, ..entry(Source::NginxError, stamp) };
    entry.add(SEVERITY, severity);
    entry.add("pid", pid);
    entry.add("tid", tid);
    let numbered = message.strip_prefix('*').and_then(|rest| rest.split_once(' '));
    let (connection, message) = numbered.filter(|(number, _)| is_word(number)).unwrap_or(("", message));
    entry.add("connection", connection);
    nginx_context(message, &mut entry);
    entry.add(MESSAGE, message);
    Some(entry)
}

/// What nginx adds to a message: `, client: …, server: …, request: "…"`, in this order (ngx_http_log_error).
fn nginx_context<'a>(message: &'a str, entry: &mut Entry<'a>) {
    const NAMES: [(&str, Option<Column>); 8] = [
        (", client: ", Some(Column::Client)),
        (", server: ", None),
        (", login: ", Some(Column::User)),
        (", request: ", Some(Column::Request)),
        (", subrequest: ", None),
        (", upstream: ", None),
        (", host: ", Some(Column::Host)),
        (", referrer: ", Some(Column::Referer)),
    ];
    let mut rest = message;
    for (index, (name, column)) in NAMES.iter().enumerate() {
        let Some((_, behind)) = rest.split_once(name) else { continue };
        let ends = NAMES.iter().skip(index + 1).filter_map(|(next, _)| behind.find(next));
        let (value, behind) = behind.split_at(ends.min().unwrap_or(behind.len()));
        let value = value.strip_prefix('"').map_or(value, |value| value.strip_suffix('"').unwrap_or(value));
        rest = behind;
        match column {
            Some(column) => entry.set_word(*column, value),
            None => entry.add(name.trim_matches([',', ' ', ':']), value),
        }
    }
}

/// `[Sun Nov 22 05:34:36.318718 2026] [core:error] [pid 1:tid 2] (13)Permission denied: [client ::1:5] AH00128: message`
fn apache(line: &str) -> Option<Entry<'_>> {
    let (time, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let mut entry = entry(Source::ApacheError, stamp::apache(time)?);
    let mut rest = severity(rest, &mut entry)?;
    let has_port = entry.others.iter().any(|(name, _)| *name == MODULE);
    while let Some((name, value, behind)) = group(rest) {
        match name {
            "client" | "remote" => peer(value, has_port, &mut entry),
            "pid" => {
                let (pid, tid) = value.split_once(":tid ").unwrap_or((value, ""));
                entry.add("pid", pid);
                entry.add("tid", tid);
            }
            _ => entry.add(name, value),
        }
        rest = behind;
    }
    entry.add(MESSAGE, rest);
    // `(70014)End of file found: [client 192.0.2.1:5] AH02006: …`
    let status = rest.strip_prefix('(').and_then(|rest| rest.split_once(": ["));
    if let Some(("client", value, behind)) = status.and_then(|(before, _)| group(rest.get(before.len() + 3..)?)) {
        peer(value, has_port, &mut entry);
        rest = behind;
    }
    if let Some((code, _)) = rest.split_once(": ").filter(|(code, _)| code.starts_with("AH") && is_word(code)) {
        entry.add("error_code", code);
    }
    if let Some((_, referer)) = rest.rsplit_once(", referer: ") {
        entry.set_word(Column::Referer, referer);
    }
    Some(entry)
}

/// `[core:error] ` or `[error] `, and what follows.
fn severity<'a>(text: &'a str, entry: &mut Entry<'a>) -> Option<&'a str> {
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    let (module, severity) = inside.split_once(':').unwrap_or(("", inside));
    entry.add(MODULE, module);
    entry.add(SEVERITY, severity);
    (is_word(severity) && (module.is_empty() || is_word(module))).then(|| rest.strip_prefix(' ').unwrap_or(rest))
}

/// `[name value] `, and what follows.
fn group(text: &str) -> Option<(&str, &str, &str)> {
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    let (name, value) = inside.split_once(' ')?;
    matches!(name, "client" | "remote" | "pid" | "tid").then(|| (name, value, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// The client, with its port since Apache 2.4; an IPv6 address is not told from one with a port by its form.
fn peer<'a>(text: &'a str, has_port: bool, entry: &mut Entry<'a>) {
    let (address, port) = if has_port { host_and_port(text) } else { (text, "") };
    entry.set_word(Column::Client, address.trim_matches(['[', ']']));
    entry.set_word(Column::ClientPort, port);
}

/// `22-Nov-2026 05:34:28.123 SEVERE [main] org.apache.catalina.core.StandardContext.startInternal message`
fn tomcat(line: &str) -> Option<Entry<'_>> {
    let (stamp, rest) = stamp::tomcat(line)?;
    let mut entry = entry(Source::TomcatError, stamp);
    let (severity, rest) = rest.split_once(' ')?;
    let (thread, rest) = rest.strip_prefix('[')?.split_once("] ")?;
    let (logger, message) = rest.split_once(' ').unwrap_or((rest, ""));
    for (name, text) in [(SEVERITY, severity), ("thread", thread), ("logger", logger)] {
        entry.add(name, text);
    }
    entry.others.push((MESSAGE, message));
    Some(entry)
}

/// `Nov 22, 2026 5:34:28 AM org.apache.catalina.core.StandardService startInternal`; the message is on the next line.
fn java(line: &str) -> Option<Entry<'_>> {
    let (stamp, logger) = stamp::java(line)?;
    let mut entry = entry(Source::TomcatError, stamp);
    entry.add("logger", logger);
    Some(entry)
}

/// Takes in the lines behind the first: `record` is all of them, `first` the first.
pub(super) fn take_in<'a>(entry: &mut Entry<'a>, record: &'a str, first: &'a str) {
    let more = record.get(first.len()..).unwrap_or_default().trim_start_matches(['\r', '\n']);
    if let Some((_, message)) = entry.others.iter_mut().find(|(name, _)| *name == MESSAGE) {
        // The message is what the first line ends with.
        *message = record.get(first.len() - message.len()..).unwrap_or(message).trim_start_matches(['\r', '\n']);
        return;
    }
    let is_level = |word: &str| !word.is_empty() && !word.contains([' ', '.', '\n', '\t']);
    let (severity, message) = more.split_once(": ").filter(|(word, _)| is_level(word)).unwrap_or(("", more));
    entry.add(SEVERITY, severity);
    entry.add(MESSAGE, message);
}

#[cfg(test)]
mod tests {
    use super::{super::entry::COLUMNS, *};

    fn told(record: &str) -> Option<String> {
        let mut entry = Entry::default();
        let first = record.lines().next().unwrap_or_default();
        if !error(first, &mut entry) {
            return None;
        }
        if first.len() < record.len() {
            take_in(&mut entry, record, first);
        }
        let columns = COLUMNS.iter().filter_map(|(column, name)| Some(format!("{name}={}", entry.get(*column)?)));
        let others = entry.others.iter().map(|(name, text)| format!("{name}={text}"));
        Some(columns.chain(others).collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn every_server_is_understood() {
        for (line, expected) in [
            (
                r#"2026/11/22 05:34:35 [error] 1#2: *48 connect() failed (111: x) while a, client: ::1, server: s, request: "GET /?x=1 HTTP/1.1", upstream: "http://u/", host: "h""#,
                r#"c-ip=::1|cs-host=h|request=GET /?x=1 HTTP/1.1|severity=error|pid=1|tid=2|connection=48|server=s|upstream=http://u/|message=connect() failed (111: x) while a, client: ::1, server: s, request: "GET /?x=1 HTTP/1.1", upstream: "http://u/", host: "h""#,
            ),
            ("2026/11/22 05:34:36 [notice] 6072#6072: exit", "severity=notice|pid=6072|tid=6072|message=exit"),
            (
                "[Sun Nov 22 05:34:37.404930 2026] [auth_basic:error] [pid 1:tid 2] [client 203.0.113.9:40749] AH01617: user a, referer: b",
                "c-ip=203.0.113.9|c-port=40749|cs-referer=b|module=auth_basic|severity=error|pid=1|tid=2|message=AH01617: user a, referer: b|error_code=AH01617",
            ),
            (
                "[Wed Apr 16 16:09:40.056610 2025] [ssl:info] [pid 1] (70014)End of file found: [client 2001:db8:7::7:5] AH02006: SSL",
                "c-ip=2001:db8:7::7|c-port=5|module=ssl|severity=info|pid=1|message=(70014)End of file found: [client 2001:db8:7::7:5] AH02006: SSL|error_code=AH02006",
            ),
            (
                "[Sun Dec 04 04:47:44 2005] [error] [client 192.0.2.1] Directory [x] forbidden",
                "c-ip=192.0.2.1|severity=error|message=Directory [x] forbidden",
            ),
            (
                "22-Nov-2026 05:34:28.123 SEVERE [main] org.apache.A.b It failed\n\tjava.lang.Error: x\n\t\tat y",
                "severity=SEVERE|thread=main|logger=org.apache.A.b|message=It failed\n\tjava.lang.Error: x\n\t\tat y",
            ),
            (
                "Nov 22, 2026 5:34:28 AM org.apache.A b\nSEVERE: It failed\njava.lang.Error: x\n\tat y",
                "logger=org.apache.A b|severity=SEVERE|message=It failed\njava.lang.Error: x\n\tat y",
            ),
            ("2026/11/22 05:34:36 [error] 1#2: a\nStack trace:", "severity=error|pid=1|tid=2|message=a\nStack trace:"),
        ] {
            assert_eq!(told(line).as_deref(), Some(expected), "{line}");
        }
        for line in [
            "",
            "[Sun Nov 22 2026] [error] x",
            "[x] [y] z",
            "2026/11/22 05:34:35 error",
            "22-Nov-2026 x",
            "Nov 22 05:34:28 a b: c",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }
}
