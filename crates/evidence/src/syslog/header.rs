//! What stands before a message: priority, time, host, program, process id.

use super::{
    facts::Facts,
    programs::Program,
    stamp::{Stamp, Yearless, clock, stamp},
};

/// Lines of a head that are looked at to recognise the format.
const LOOKED_AT: usize = 32;
/// Longest name of a host or a program (RFC 5424 section 6 allows 255).
const MAX_NAME: usize = 255;

/// The facilities by number (RFC 5424 section 6.2.1), by the names that syslog.conf has for them.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "security", "console", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
/// The severities by number.
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// A line taken apart. What a line does not say is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) host: &'a str,
    pub(crate) program: &'a str,
    pub(crate) pid: &'a str,
    pub(crate) facility: &'static str,
    pub(crate) severity: &'static str,
    /// RFC 5424's MSGID.
    pub(crate) message_id: &'a str,
    /// RFC 5424's structured data, as written.
    pub(crate) data: &'a str,
    pub(crate) message: &'a str,
}

/// A record that was kept by its parts.
impl Default for Header<'_> {
    fn default() -> Self {
        Self::of(Stamp::None, "")
    }
}

/// A facility's name by its number; empty for numbers that mean none.
pub(crate) fn facility(number: usize) -> &'static str {
    FACILITIES.get(number).copied().unwrap_or_default()
}

/// A severity's name by its number; empty for numbers that mean none.
pub(crate) fn severity(number: usize) -> &'static str {
    SEVERITIES.get(number).copied().unwrap_or_default()
}

impl<'a> Header<'a> {
    const fn of(stamp: Stamp, message: &'a str) -> Self {
        Self { stamp, host: "", program: "", pid: "", facility: "", severity: "", message_id: "", data: "", message }
    }
}

/// A line of `sshd -e`, which has no header; `None` for an empty one.
pub(super) fn bare(line: &str) -> Option<Header<'_>> {
    let message = line.strip_suffix('\r').unwrap_or(line);
    (!message.is_empty()).then(|| Header { program: "sshd", ..Header::of(Stamp::None, message) })
}

/// Takes a line apart; `None` if it is no syslog line.
pub(super) fn header(line: &str) -> Option<Header<'_>> {
    let (priority, rest) = priority(line);
    let (versioned, rest) = match rest.strip_prefix("1 ") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (stamp, rest) = match stamp(rest) {
        Some(found) => found,
        // RFC 5424's "no time".
        None if versioned => (Stamp::None, rest.strip_prefix("- ")?),
        None => return None,
    };
    let mut found = if versioned {
        protocol(rest, stamp)?
    } else {
        // A program that stands alone behind an ISO time may be RFC 5424 without what comes before its time.
        let tagged = tagged(rest, stamp);
        let is_sure = tagged.as_ref().is_some_and(|found| !found.program.is_empty());
        let other = || protocol(rest, stamp).filter(|found| is_process(found.pid));
        if is_sure || matches!(stamp, Stamp::Yearless(_)) { tagged? } else { other().or(tagged)? }
    };
    let is_level = |name: &str| !name.is_empty() && LEVELS.contains(&name.trim_matches(['[', ']']));
    // Other logs have a level or a part of the program where host and program should be.
    let is_other = || is_level(found.host) || is_level(found.program) || found.host.starts_with('[');
    if !matches!(stamp, Stamp::Yearless(_)) && is_other() {
        return None;
    }
    // The kernel's own ring buffer has no host: `[    1.5] usb 1-1: …`.
    if stamp == Stamp::None && !versioned && found.pid.is_empty() && found.program != "kernel" {
        return None;
    }
    if let Some(priority) = priority {
        found.facility = facility(usize::from(priority >> 3));
        found.severity = severity(usize::from(priority & 7));
    }
    found.message = trimmed(found.message);
    Some(found)
}

/// How a line of the usual shape begins (`Aug 18 09:06:20 web01 sshd[123]: …`): the next one mostly begins as it does, but for the time of day and
/// the process.
pub(super) struct Beginning<'a> {
    /// `Aug 18 `.
    day: &'a str,
    /// ` web01 sshd[`.
    names: &'a str,
    stamp: Yearless,
    header: Header<'a>,
}

impl<'a> Beginning<'a> {
    /// The beginning of a line, which says `header`; `None` if it has another shape.
    pub(super) fn of(line: &'a str, header: &Header<'a>) -> Option<Self> {
        let Stamp::Yearless(stamp) = header.stamp else { return None };
        let (day, rest) = line.split_at_checked("Aug 18 ".len())?;
        let rest = rest.get("09:06:20".len()..)?;
        let names = rest.get(..=rest.find('[')?)?;
        let named =
            names.strip_prefix(' ')?.strip_prefix(header.host)?.strip_prefix(' ')?.strip_prefix(header.program)?;
        let is_usual = named == "[" && header.facility.is_empty() && !header.host.is_empty();
        is_usual.then_some(Self { day, names, stamp, header: *header })
    }

    /// Takes a line apart that begins so, as [`header`] does; `None` if it does not.
    pub(super) fn header(&self, line: &'a str) -> Option<Header<'a>> {
        let (day, rest) = line.split_at_checked(self.day.len())?;
        let time = rest.as_bytes().first_chunk::<8>().filter(|_| day == self.day)?;
        let rest = rest.get(time.len()..)?.strip_prefix(self.names)?;
        let digits = rest.bytes().take(MAX_NAME).take_while(u8::is_ascii_digit).count();
        let (pid, message) = rest.split_at_checked(digits)?;
        let stamp = Stamp::Yearless(Yearless { nanos: clock(*time)?, ..self.stamp });
        Some(Header { stamp, pid, message: trimmed(message.strip_prefix("]: ")?), ..self.header })
    }
}

/// A message without the blanks before it and the carriage return behind.
fn trimmed(mut message: &str) -> &str {
    while let Some(rest) = message.strip_prefix(' ') {
        message = rest;
    }
    while let Some(rest) = message.strip_suffix('\r') {
        message = rest;
    }
    message
}

/// What other programs' logs call the severity of a line.
const LEVELS: [&str; 12] =
    ["INFO", "WARN", "WARNING", "ERROR", "DEBUG", "TRACE", "FATAL", "NOTICE", "CRITICAL", "info", "error", "debug"];

/// `<38>`: eight times the facility, and the severity.
fn priority(line: &str) -> (Option<u8>, &str) {
    let read = || {
        let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
        let number = number.parse::<u8>().ok().filter(|number| *number < 192)?;
        Some((Some(number), rest))
    };
    read().unwrap_or((None, line))
}

fn is_process(pid: &str) -> bool {
    pid.is_empty() || pid.bytes().all(|byte| byte.is_ascii_digit())
}

/// The next word and what is behind the blank that ends it.
fn word(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let window = bytes.get(..=MAX_NAME).unwrap_or(bytes);
    let end = window.iter().position(|byte| *byte == b' ')?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// `web01 sshd[123]: message`; the host may be absent.
fn tagged(rest: &str, stamp: Stamp) -> Option<Header<'_>> {
    let empty = Header::of(stamp, rest);
    let (host, behind) = word(rest)?;
    if host.ends_with(':') {
        let (program, pid, message) = tag(rest)?;
        return Some(Header { program, pid, message, ..empty });
    }
    if host.is_empty() {
        return None;
    }
    let (facility, severity, host, behind) = match selector(host) {
        Some((facility, severity)) => (facility, severity, "", behind),
        None => match word(behind).and_then(|(word, behind)| Some((selector(word)?, behind))) {
            Some(((facility, severity), behind)) => (facility, severity, host, behind),
            None => ("", "", host, behind),
        },
    };
    let (program, pid, message) = tag(behind).unwrap_or(("", "", behind));
    Some(Header { host, program, pid, facility, severity, message, ..empty })
}

/// `authpriv.info`, as busybox writes before the program.
fn selector(word: &str) -> Option<(&'static str, &'static str)> {
    // Without a general search, since this is asked of every line.
    let point = word.bytes().position(|byte| byte == b'.')?;
    let (facility, severity) = (word.get(..point)?, word.get(point + 1..)?);
    let severity = match severity {
        "warn" => "warning",
        "error" => "err",
        "panic" => "emerg",
        other => other,
    };
    let known = |names: &'static [&'static str], name: &str| names.iter().find(|known| **known == name).copied();
    Some((known(&FACILITIES, facility)?, known(&SEVERITIES, severity)?))
}

/// `sshd[123]: message` and `sudo: message`.
fn tag(text: &str) -> Option<(&str, &str, &str)> {
    let bytes = text.as_bytes();
    let window = bytes.get(..=MAX_NAME).unwrap_or(bytes);
    let end = window.iter().position(|byte| matches!(byte, b' ' | b':' | b'['))?;
    let (name, rest) = text.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    if let Some(rest) = rest.strip_prefix(':') {
        return Some((name, "", rest));
    }
    let inside = rest.strip_prefix('[')?;
    let end = inside.bytes().take(MAX_NAME).position(|byte| byte == b']')?;
    let (pid, rest) = (inside.get(..end)?, inside.get(end + 1..)?);
    Some((name, pid, rest.strip_prefix(':').unwrap_or(rest)))
}

/// RFC 5424 from the host on: `web01 sshd 123 - [meta sequenceId="1"] message`.
fn protocol(rest: &str, stamp: Stamp) -> Option<Header<'_>> {
    let value = |word| if word == "-" { "" } else { word };
    let (host, rest) = word(rest)?;
    let (program, rest) = word(rest)?;
    let (pid, rest) = word(rest)?;
    let (message_id, rest) = word(rest)?;
    if [host, program, pid, message_id].contains(&"") {
        return None;
    }
    let (data, message) = data(rest)?;
    let message = message.trim_start_matches(' ').trim_start_matches('\u{feff}');
    Some(Header {
        stamp,
        host: value(host),
        program: value(program),
        pid: value(pid),
        facility: "",
        severity: "",
        message_id: value(message_id),
        data,
        message,
    })
}

/// Splits structured data from the message behind it.
fn data(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('-') {
        return (rest.is_empty() || rest.starts_with(' ')).then_some(("", rest));
    }
    let (mut open, mut quoted, mut escaped) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if open => quoted = !quoted,
            b'[' if !open => open = true,
            b']' if open && !quoted => open = false,
            _ if open => {}
            b' ' | b'\r' if at > 0 => return text.split_at_checked(at),
            _ => return None,
        }
    }
    (!open && !text.is_empty()).then_some((text, ""))
}

/// Whether `head` is the beginning of syslog text: half of its first lines are such lines.
pub(super) fn recognises(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if matches!(head.first(), Some(b'{' | 0)) {
        return false;
    }
    let lines = head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(LOOKED_AT);
    let (mut looked_at, mut found) = (0, 0);
    for line in lines {
        // Bytes that are not UTF-8 stand in messages.
        let beginning = line.get(..2 * MAX_NAME).unwrap_or(line);
        let text = beginning.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        if is_remark(text) {
            continue;
        }
        looked_at += usize::from(!text.starts_with([' ', '\t']));
        // Many logs begin with an ISO time and a word; only syslog goes on with a program.
        let is_sure = |header: Header<'_>| !header.program.is_empty() || matches!(header.stamp, Stamp::Yearless(_));
        found += usize::from(header(text).is_some_and(is_sure));
    }
    found > 0 && found * 2 >= looked_at
}

/// Whether `head` is the beginning of what `sshd -e` writes: three of four of its first lines are messages that only sshd has.
pub(super) fn recognises_bare(head: &[u8]) -> bool {
    let lines = head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(LOOKED_AT);
    let (mut looked_at, mut found) = (0, 0);
    for line in lines {
        looked_at += 1;
        let mut facts = Facts::default();
        let text = line.trim_ascii_end().utf8_chunks().next().map_or("", |chunk| chunk.valid());
        Program::Sshd.facts("sshd", text, &mut facts);
        // PAM's modules speak for any program.
        found += usize::from(facts.iter().next().is_some() && !text.starts_with("pam_"));
    }
    found > 0 && found * 4 >= looked_at * 3
}

/// What `journalctl` says between records: `-- Boot 5e… --`, `-- No entries --`.
pub(super) fn is_remark(line: &str) -> bool {
    line.starts_with("-- ") && line.trim_end().ends_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Option<[&str; 5]> {
        header(line).map(|found| [found.host, found.program, found.pid, found.facility, found.message])
    }

    #[test]
    fn every_shape_is_taken_apart() {
        let cases = [
            ("Aug 18 09:06:20 web01 sshd[123]: hello", ["web01", "sshd", "123", "", "hello"]),
            ("<86>Aug 18 09:06:20 web01 sshd[123]: hello", ["web01", "sshd", "123", "authpriv", "hello"]),
            ("Aug 18 09:06:20 web01 sudo:     anna : TTY=x", ["web01", "sudo", "", "", "anna : TTY=x"]),
            ("Aug 18 09:06:20 web01 -- MARK --", ["web01", "", "", "", "-- MARK --"]),
            ("Aug 18 09:06:20 sshd[12]: hello", ["", "sshd", "12", "", "hello"]),
            ("Aug 18 09:06:20 combo sshd(pam_unix)[19]: x", ["combo", "sshd(pam_unix)", "19", "", "x"]),
            ("Aug 18 09:06:20 web01 authpriv.info sshd[1]: x", ["web01", "sshd", "1", "authpriv", "x"]),
            ("Aug 18 09:06:20 authpriv.info sshd[1]: x", ["", "sshd", "1", "authpriv", "x"]),
            ("Aug 18 09:06:20 web01 sshd[1]:", ["web01", "sshd", "1", "", ""]),
            ("Aug 18 09:06:20 web01 postfix/smtpd[1]: x\r", ["web01", "postfix/smtpd", "1", "", "x"]),
            ("<86>1 2026-11-22T05:27:39Z web01 sshd 175 - -  x", ["web01", "sshd", "175", "authpriv", "x"]),
            ("1 2026-11-22T05:27:39Z web01 sshd 175 - - x", ["web01", "sshd", "175", "", "x"]),
            ("2026-11-22T05:27:39Z web01 sshd 175 - - x", ["web01", "sshd", "175", "", "x"]),
            (r#"<38>1 - fw sshd - - [a b="\"] \\"][c] x [y]"#, ["fw", "sshd", "", "auth", "x [y]"]),
            ("[15500.802524] web01 sshd[1]: x", ["web01", "sshd", "1", "", "x"]),
            ("[15500.802524] web01 kernel: x", ["web01", "kernel", "", "", "x"]),
            ("Sun 2026-11-22 05:35:12 UTC web01 ssh.service[9]: x", ["web01", "ssh.service", "9", "", "x"]),
        ];
        for (line, expected) in cases {
            assert_eq!(parts(line), Some(expected), "{line}");
        }
        let found = header(r#"<38>1 - fw sshd - m1 [a b="\"] \\"][c] x"#).unwrap();
        assert_eq!((found.data, found.message_id, found.severity), (r#"[a b="\"] \\"][c]"#, "m1", "info"));
    }

    #[test]
    fn lines_that_begin_as_the_one_before_are_taken_apart_as_all_are() {
        let same = [
            "Aug 18 09:06:21 web01 sshd[7]: hello",
            "Aug 18 23:59:60 web01 sshd[]:   hello\r",
            "Aug 18 09:06:20 web01 sshd[123]: ",
        ];
        let others = [
            "Aug 18 09:06:20 web01 sshd[123]:hello",
            "Aug 18 09:06:20 web01 sshd[x]: hello",
            "Aug 18 09:06:20 web01 sshd[123] hello",
            "Aug 18 09:06:20.5 web01 sshd[123]: hello",
            "Aug 18 24:06:20 web01 sshd[123]: hello",
            "Aug 19 09:06:20 web01 sshd[123]: hello",
            "Aug 18 09:06:20 web01 sshd-session[123]: hello",
            "Aug 18 09:06:20 web0",
            "Aug 18 09:06:\u{e4}0 web01 sshd[123]: hello",
            "",
        ];
        let first = "Aug 18 09:06:20 web01 sshd[123]: hello [x]";
        let beginning = Beginning::of(first, &header(first).unwrap()).unwrap();
        for line in same {
            assert_eq!(beginning.header(line), Some(header(line).unwrap()), "{line}");
        }
        for line in others {
            assert_eq!(beginning.header(line), None, "{line}");
        }
        for line in [
            "<86>Aug 18 09:06:20 web01 sshd[123]: hello",
            "Aug 18 2026 09:06:20 web01 sshd[123]: hello",
            "Aug 18 09:06:20 web01 authpriv.info sshd[1]: x",
            "Aug 18 09:06:20 sshd[12]: hello",
            "Aug 18 09:06:20.25 web01 sshd[12]: hello",
            "Aug 8 09:06:20 web01 sshd[12]: hello",
            "Aug 18 09:06:20 web01 sudo: [x]",
        ] {
            assert!(Beginning::of(line, &header(line).unwrap()).is_none(), "{line}");
        }
    }

    #[test]
    fn other_logs_are_no_syslog() {
        for line in [
            "",
            "Aug 18 09:06:20",
            "Server listening on 0.0.0.0 port 22.",
            "2026-11-22T05:27:39Z INFO server: started",
            "2026-11-22T05:27:39Z [error] server: started",
            "2026-11-22T05:27:39Z [AUTH] WARN: something",
            "[    1.500000] usb 1-1: new device",
            "[15521.327233] device eth0: entered promiscuous mode",
            "type=SYSCALL msg=audit(1795325317.746:1): arch=c000003e",
            "198.51.100.7 - - [22/Nov/2026:05:27:39 +0000] \"GET / HTTP/1.1\" 200 1",
            "<200>Aug 18 09:06:20 web01 sshd[123]: hello",
        ] {
            assert_eq!(parts(line), None, "{line}");
        }
        assert!(!recognises(b"{\"a\": 1}\n"));
        assert!(!recognises(b"some words\nand more\nAug 18 09:06:20 web01 sshd[1]: x\n"));
        assert!(!recognises(b"2026-11-22T05:27:39Z 344 [Note] more\n2026-11-22T05:27:39Z stdout F {}\n"));
        assert!(recognises(b"-- Boot 12 --\nAug 18 09:06:20 web01 sshd[1]: x\n  more\n  more\n  more\n"));
        assert!(recognises(b"Aug 18 09:06:20 web01 sshd[1]: \xff"));
    }
}
