//! Which indicators stand in a text: the exact answer, for values that the [`crate::filter::Filter`] could not rule out.
//!
//! An indicator stands where a text names it whole: a hash between characters that are no letters or digits, a domain with what may be
//! before it (`www.`), a URL to where its path or a part of it ends, a file's name beside what is in no name. Letters of ASCII are
//! compared without their case.

use std::net::Ipv6Addr;

use crate::{
    kind::{self, Kind, MAX_NAME, is_local, is_name, parts_names},
    set::Indicators,
};

/// An indicator that stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its number.
    pub indicator: u32,
    /// Whether something that says more stands at the same place: a URL beside its domain, a path beside its name.
    pub is_lesser: bool,
}

/// Starts of a name, and folders above it, that are tried.
const MAX_STARTS: usize = 16;
/// Ends of a URL that are tried.
const MAX_ENDS: usize = 64;

/// Finds indicators; keeps its memory from text to text.
#[derive(Debug, Default)]
pub struct Finder {
    key: Vec<u8>,
    lower: String,
    decoded: Vec<u8>,
}

impl Finder {
    /// Appends the indicators that stand in `text`, as it is or with its percent-encoding undone; one that stands there twice may be told twice.
    pub fn find(&mut self, indicators: &Indicators, text: &str, found: &mut Vec<Found>) {
        let mut lower = std::mem::take(&mut self.lower);
        lower.clear();
        lower.push_str(text);
        lower.make_ascii_lowercase();
        let mut pass = Pass { indicators, text: lower.as_bytes(), key: &mut self.key, found };
        pass.run();
        pass.six();
        self.decoded.clear();
        if decode(lower.as_bytes(), &mut self.decoded) {
            Pass { indicators, text: &self.decoded, key: &mut self.key, found }.run();
        }
        self.lower = lower;
    }
}

/// Undoes the percent-encoding of characters that need it (RFC 3986, section 2.2); false where there is none.
fn decode(text: &[u8], out: &mut Vec<u8>) -> bool {
    let (mut rest, mut is_other) = (text, false);
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (before, behind) = rest.split_at(at);
        out.extend(before);
        let byte = match behind {
            [_, high, low, ..] => kind::digit(*high).zip(kind::digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        let byte = byte.filter(|byte| !kind::is_gram(*byte));
        is_other |= byte.is_some();
        out.push(byte.unwrap_or(b'%'));
        rest = behind.get(if byte.is_some() { 3 } else { 1 }..).unwrap_or_default();
    }
    out.extend(rest);
    is_other
}

/// One pass over a text in lower case.
struct Pass<'p, 't> {
    indicators: &'p Indicators,
    text: &'t [u8],
    key: &'p mut Vec<u8>,
    found: &'p mut Vec<Found>,
}

/// Whether a byte goes on with a host's name.
const fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || byte >= 0x80
}

impl<'t> Pass<'_, 't> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(start) = self.text.iter().skip(at).position(|byte| is_host(*byte)).map(|first| at + first) {
            let length = self.text.iter().skip(start).take_while(|byte| is_host(**byte)).count();
            at = start + length;
            self.token(start, at);
        }
    }

    fn at(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    fn look_up(&mut self, kind: Kind, bytes: &[u8], is_lesser: bool) -> bool {
        let indicator = self.indicators.find(kind, bytes);
        self.found.extend(indicator.map(|indicator| Found { indicator, is_lesser }));
        indicator.is_some()
    }

    /// Looks at a longest run of characters that may be in a host's name.
    fn token(&mut self, start: usize, end: usize) {
        if end - start >= 32 {
            self.hashes(start, end);
        }
        let token = self.slice(start, end);
        if memchr::memchr(b'.', token).is_none() {
            return;
        }
        let stop = start + token.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
        let dots = token.iter().take_while(|byte| **byte == b'.').count();
        self.names(start, stop, end);
        let host = self.slice(start + dots, stop);
        let is_url = self.urls(start + dots, stop);
        let is_mail = self.mail(start, stop);
        self.addresses(host, is_url);
        self.domain(host, is_url || is_mail);
    }

    fn hashes(&mut self, start: usize, end: usize) {
        let token = self.slice(start, end);
        for run in token.split(|byte| !byte.is_ascii_alphanumeric() && *byte < 0x80) {
            if !matches!(run.len(), 32 | 40 | 64) {
                continue;
            }
            let mut key = std::mem::take(self.key);
            key.clear();
            if kind::unhex(run, &mut key).is_some() {
                self.look_up(Kind::Hash, &key, false);
            }
            *self.key = key;
        }
    }

    /// Of the domain and those above it the longest that is known.
    fn domain(&mut self, mut host: &[u8], is_lesser: bool) {
        // Of one that is longer, what stands behind the first point of its end.
        if let Some(start) = host.len().checked_sub(self.indicators.longest(Kind::Domain) + 1) {
            let end = host.get(start..).unwrap_or_default();
            let Some(point) = memchr::memchr(b'.', end) else { return };
            host = end.get(point + 1..).unwrap_or_default();
        }
        loop {
            if self.look_up(Kind::Domain, host, is_lesser) {
                return;
            }
            let Some(point) = memchr::memchr(b'.', host) else { return };
            host = host.get(point + 1..).unwrap_or_default();
        }
    }

    /// IPv4 addresses, also such as `198.51.100.7-198.51.100.9`.
    fn addresses(&mut self, host: &[u8], is_lesser: bool) {
        for part in host.split(|byte| *byte == b'-') {
            let text = std::str::from_utf8(part).unwrap_or_default().trim_matches('.');
            let Ok(address) = text.parse::<std::net::Ipv4Addr>() else { continue };
            let number = u32::from(address);
            let [lengths, _] = &self.indicators.lengths;
            for length in lengths {
                let [a, b, c, d] = (number & kind::mask4(*length)).to_be_bytes();
                let is_known = match length {
                    32 => self.look_up(Kind::Address, &[a, b, c, d], is_lesser),
                    _ => self.look_up(Kind::Network, &[a, b, c, d, *length], is_lesser),
                };
                if is_known {
                    break;
                }
            }
        }
    }

    fn mail(&mut self, start: usize, end: usize) -> bool {
        let Some(at) = start.checked_sub(1).filter(|at| self.at(*at) == b'@') else { return false };
        let longest = self.indicators.longest(Kind::MailAddress);
        let local = self.slice(0, at).iter().rev().take(longest).take_while(|byte| is_local(**byte)).count();
        self.look_up(Kind::MailAddress, self.slice(at - local, end), false)
    }

    /// Of the URLs that begin with the host at `start..end` the longest that is known.
    fn urls(&mut self, start: usize, end: usize) -> bool {
        let mut path = end;
        let digits = self.text.iter().skip(end + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if self.at(end) == b':' && digits > 0 {
            path = end + 1 + digits;
        }
        let longest = self.indicators.longest(Kind::Url);
        let is_segment = start > 0 && self.at(start - 1) == b'/' && (start < 2 || self.at(start - 2) != b'/');
        if !matches!(self.at(path), b'/' | b'?') || is_segment || end - start > longest {
            return false;
        }
        let mut key = std::mem::take(self.key);
        let host = self.slice(start, end);
        let with_port = self.slice(start, path);
        let mut is_known = false;
        for host in [with_port, host].into_iter().take(if path == end { 1 } else { 2 }) {
            key.clear();
            key.extend(host);
            if self.at(path) == b'?' {
                key.push(b'/');
            }
            is_known = is_known || self.longest_path(&mut key, path);
        }
        *self.key = key;
        is_known
    }

    /// Looks up what `key` begins and the path at `path` goes on with, the longest first.
    fn longest_path(&mut self, key: &mut Vec<u8>, path: usize) -> bool {
        let goes_on = |byte: u8| {
            byte > b' ' && byte != 0x7f && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'|' | b'\\' | b'^')
        };
        let longest = self
            .text
            .iter()
            .skip(path)
            .take(self.indicators.longest(Kind::Url))
            .take_while(|byte| goes_on(**byte))
            .count();
        let is_word =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'%' | b'+') || byte >= 0x80;
        let goes_on = |at: usize| is_word(self.at(at)) || self.at(at) == b'.' && is_word(self.at(at + 1));
        let ends: Vec<usize> = (path + 1..=path + longest).filter(|at| !goes_on(*at)).take(MAX_ENDS).collect();
        let host = key.len();
        ends.into_iter().rev().any(|end| {
            key.truncate(host);
            key.extend(self.slice(path, end));
            self.look_up(Kind::Url, key, false)
        })
    }

    /// Names of files that end at `stop`, where a run of characters of host names, which goes on to `end` with points, does.
    fn names(&mut self, start: usize, stop: usize, end: usize) {
        let (longest, is_part) = (self.indicators.longest(Kind::FileName), is_name(self.at(end)));
        if is_part {
            return;
        }
        let run = self.slice(0, start).iter().rev().take(MAX_NAME).take_while(|byte| is_name(**byte)).count();
        let mut first = start - run;
        let (mut name, mut tried) = (None, 0);
        // Names may hold spaces and the like, so each word before may be where one begins.
        while stop - first <= longest && tried < MAX_STARTS {
            if let Some(indicator) = self.indicators.find(Kind::FileName, self.slice(first, stop)) {
                name = Some(indicator);
            }
            tried += 1;
            let before = self.slice(0, first);
            let gap = before.iter().rev().take(MAX_NAME).take_while(|byte| !is_name(**byte)).count();
            if before.iter().rev().take(gap.max(1)).any(|byte| parts_names(*byte)) || before.len() == gap {
                break;
            }
            let word = before.iter().rev().skip(gap).take(MAX_NAME).take_while(|byte| is_name(**byte)).count();
            first -= gap + word;
        }
        let is_path = self.paths(stop);
        self.found.extend(name.map(|indicator| Found { indicator, is_lesser: is_path }));
    }

    /// Of the paths that end at `stop` the longest that is known.
    fn paths(&mut self, stop: usize) -> bool {
        let longest = self.indicators.longest(Kind::FilePath);
        if longest == 0 {
            return false;
        }
        let mut key = std::mem::take(self.key);
        key.clear();
        let (mut folders, mut best, mut is_slash) = (0, None, false);
        // From the end to the start, with one `/` for each run of separators.
        for byte in self.slice(0, stop).iter().rev() {
            let byte = if *byte == b'\\' { b'/' } else { *byte };
            let is_end = byte != b'/' && parts_names(byte);
            if (byte == b'/' || is_end) && !is_slash {
                folders += 1;
                best = self.path(&key).filter(|_| folders > 1).or(best);
            }
            if is_end || folders > MAX_STARTS || key.len() > longest {
                break;
            }
            if byte != b'/' || !is_slash {
                key.push(byte);
            }
            is_slash = byte == b'/';
        }
        if key.len() <= longest && !is_slash {
            best = self.path(&key).filter(|_| folders > 0).or(best);
        }
        *self.key = key;
        self.found.extend(best.map(|indicator| Found { indicator, is_lesser: false }));
        best.is_some()
    }

    /// The path whose characters stand in `reversed` from its end to its start.
    fn path(&self, reversed: &[u8]) -> Option<u32> {
        let path: Vec<u8> = reversed.iter().rev().copied().collect();
        self.indicators.find(Kind::FilePath, &path)
    }

    /// IPv6 addresses.
    fn six(&mut self) {
        let [_, lengths] = &self.indicators.lengths;
        if lengths.is_empty() {
            return;
        }
        let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
        let mut at = 0;
        while let Some(colon) = memchr::memchr(b':', self.slice(at, self.text.len())).map(|colon| at + colon) {
            let back = self.slice(at, colon).iter().rev().take_while(|byte| is_part(byte)).count();
            let run = self.text.iter().skip(colon).take_while(|byte| is_part(byte)).count();
            let (start, end) = (colon - back, colon + run);
            at = end;
            let beside = [start.checked_sub(1).map_or(0, |before| self.at(before)), self.at(end)];
            let is_part_of_more = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
            if run < 2
                || beside.iter().any(is_part_of_more)
                || self.at(end) == b'.' && self.at(end + 1).is_ascii_digit()
            {
                continue;
            }
            self.six_in(self.slice(start, end));
        }
    }

    fn six_in(&mut self, run: &[u8]) {
        // A colon may part the address from what is before or behind it.
        let run = run.strip_prefix(b":").filter(|rest| !rest.starts_with(b":")).unwrap_or(run);
        let run = run.strip_suffix(b":").filter(|rest| !rest.ends_with(b":")).unwrap_or(run);
        let Some(address) = std::str::from_utf8(run).ok().and_then(|run| run.parse::<Ipv6Addr>().ok()) else { return };
        let [_, lengths] = &self.indicators.lengths;
        for length in lengths {
            let bytes = (u128::from(address) & kind::mask6(*length)).to_be_bytes();
            let is_known = match length {
                128 => self.look_up(Kind::Address, &bytes, false),
                _ => self.look_up(Kind::Network, &[bytes.as_slice(), &[*length]].concat(), false),
            };
            if is_known {
                return;
            }
        }
    }
}
