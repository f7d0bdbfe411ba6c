//! What stands before a record's own words: `node=web01 type=SYSCALL msg=audit(1684329817.579:2995): `.

use event::Time;

/// Longest header in bytes.
pub(super) const MAX_HEADER: usize = 512;

/// The beginning of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// The machine; empty where the line does not say.
    pub(super) node: &'a [u8],
    /// The record's type as written: a name, a number or `UNKNOWN[1420]`.
    pub(super) kind: &'a [u8],
    /// Which event the record is of: seconds, milliseconds and serial number as written.
    pub(super) stamp: &'a [u8],
    /// How many bytes of the line stand before the record's own words.
    pub(super) length: usize,
}

/// The header of a line; `None` if it begins with none.
#[inline]
pub(super) fn header(line: &[u8]) -> Option<Header<'_>> {
    let head = line.get(..MAX_HEADER).unwrap_or(line);
    let (node, rest) = match head.strip_prefix(b"node=") {
        Some(named) => split(named, b' ')?,
        None => (Default::default(), head),
    };
    let (kind, rest) = split(rest.strip_prefix(b"type=")?, b' ')?;
    let (stamp, rest) = split(rest.strip_prefix(b"msg=").unwrap_or(rest).strip_prefix(b"audit(")?, b')')?;
    let rest = rest.strip_prefix(b":")?;
    let (seconds, serial) = split(stamp, b':')?;
    let is_stamp = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let is_serial = !serial.is_empty() && serial.iter().all(u8::is_ascii_digit);
    let is_record = !kind.is_empty() && !seconds.is_empty() && seconds.iter().all(is_stamp) && is_serial;
    let length = head.len() - rest.trim_ascii_start().len();
    is_record.then_some(Header { node, kind, stamp, length })
}

/// What stands before and behind the first `byte`.
#[inline]
fn split(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|other| *other == byte)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// The moment in a stamp: seconds since 1970 with decimals.
pub(super) fn time(stamp: &[u8]) -> Option<Time> {
    let (moment, _) = split(stamp, b':')?;
    let (seconds, decimals) = split(moment, b'.').unwrap_or((moment, b""));
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<i64>().ok();
    let decimals = decimals.get(..9).unwrap_or(decimals);
    let nanos = if decimals.is_empty() { 0 } else { number(decimals)? * 10_i64.pow(9 - decimals.len() as u32) };
    Some(Time::from_nanos(number(seconds)?.checked_mul(1_000_000_000)?.checked_add(nanos)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_taken_apart() {
        let line = b"node=web01 type=SYSCALL msg=audit(1684329817.579:2995): arch=c000003e";
        let found = header(line).unwrap();
        assert_eq!(
            (found.node, found.kind, found.stamp),
            (&b"web01"[..], &b"SYSCALL"[..], &b"1684329817.579:2995"[..])
        );
        assert_eq!(&line[found.length..], b"arch=c000003e");
        assert_eq!(time(found.stamp).unwrap().to_string(), "2023-05-17T13:23:37.579Z");
        assert!(header(b"type=1400 audit(1.2:3): x").is_some());
        for line in
            ["", "type=", "type=A", "type=A msg=audit(1.2:3)", "type=A msg=audit(1.2): x", "type=A msg=audit(a:3): x"]
        {
            assert_eq!(header(line.as_bytes()), None, "{line}");
        }
        assert_eq!(time(b"99999999999999999999.1:1"), None);
    }
}
