//! How records lie in bytes: `struct utmp` and `struct lastlog` of glibc (`bits/utmp.h`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use event::Time;

/// Types of records that mean something of their own (utmp(5)).
pub(super) const EMPTY: u16 = 0;
pub(super) const RUN_LVL: u16 = 1;
pub(super) const BOOT_TIME: u16 = 2;
pub(super) const NEW_TIME: u16 = 3;
pub(super) const OLD_TIME: u16 = 4;
pub(super) const LOGIN_PROCESS: u16 = 6;
pub(super) const USER_PROCESS: u16 = 7;
pub(super) const DEAD_PROCESS: u16 = 8;

/// Their names, by number.
const TYPES: [&str; 10] = [
    "EMPTY",
    "RUN_LVL",
    "BOOT_TIME",
    "NEW_TIME",
    "OLD_TIME",
    "INIT_PROCESS",
    "LOGIN_PROCESS",
    "USER_PROCESS",
    "DEAD_PROCESS",
    "ACCOUNTING",
];

/// No such record is older than this: 1 January 1980; and none, for plausibility, younger than the year 2100.
const FIRST: i64 = 315_532_800;
const LAST: i64 = 4_102_444_800;

/// Seconds of a year.
const YEAR: i64 = 31_622_400;

/// The bytes at a record's end that may be anything: the address and the room for what may come.
pub(super) const TRAILER: usize = 36;

/// How wide times and the session are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// 32 bits: x86-64 and most others.
    Narrow,
    /// 64 bits: aarch64.
    Wide,
}

/// Takes bytes apart from front to back.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    /// Text up to its NUL.
    fn text<const N: usize>(&mut self) -> Option<&'a [u8]> {
        let taken = self.take::<N>()?.as_slice();
        let end = memchr::memchr(0, taken).unwrap_or(taken.len());
        taken.get(..end)
    }

    fn short(&mut self) -> Option<u16> {
        self.take().map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// A time; 32 bits last until 2106, as newer systems read them.
    fn time(&mut self, width: Width) -> Option<i64> {
        match width {
            Width::Narrow => self.take().map(|bytes| u32::from_le_bytes(*bytes).into()),
            Width::Wide => self.take().map(|bytes| i64::from_le_bytes(*bytes)),
        }
    }
}

/// A record of wtmp, btmp or utmp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'a> {
    pub(super) kind: u16,
    pub(super) pid: u32,
    pub(super) line: &'a [u8],
    pub(super) id: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) host: &'a [u8],
    pub(super) signal: u16,
    pub(super) exit: u16,
    pub(super) session: i64,
    seconds: i64,
    micros: i64,
    address: [u8; 16],
}

impl<'a> Raw<'a> {
    /// `None` where there are too few bytes.
    pub(super) fn of(bytes: &'a [u8], width: Width) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let (kind, _padding) = (bytes.short()?, bytes.short()?);
        Some(Self {
            kind,
            pid: bytes.take().map(|pid| u32::from_le_bytes(*pid))?,
            line: bytes.text::<32>()?,
            id: bytes.text::<4>()?,
            user: bytes.text::<32>()?,
            host: bytes.text::<256>()?,
            signal: bytes.short()?,
            exit: bytes.short()?,
            session: bytes.time(width)?,
            seconds: bytes.time(width)?,
            micros: bytes.time(width)?,
            address: *bytes.take()?,
        })
    }

    /// The name of its type.
    pub(super) fn type_name(&self) -> Option<&'static str> {
        TYPES.get(usize::from(self.kind)).copied()
    }

    pub(super) fn time(&self) -> Option<Time> {
        let micros = if (0..1_000_000).contains(&self.micros) { self.micros } else { 0 };
        let seconds = Some(self.seconds).filter(|seconds| *seconds != 0)?;
        Some(Time::from_nanos(seconds.checked_mul(1_000_000_000)?.checked_add(micros * 1000)?))
    }

    /// The client's address; none where it is all zeros.
    pub(super) fn address(&self) -> Option<IpAddr> {
        let [a, b, c, d, rest @ ..] = self.address;
        match (rest == [0; 12], [a, b, c, d] == [0; 4]) {
            (true, true) => None,
            (true, false) => Some(Ipv4Addr::new(a, b, c, d).into()),
            _ => Some(Ipv6Addr::from(self.address).to_canonical()),
        }
    }

    /// What cannot stand in a record that was written whole. Names may hold any byte: clients choose them; a clock that was never set
    /// is in its first year.
    pub(super) fn problem(&self) -> Option<String> {
        if self.type_name().is_none() {
            return Some(format!("expected a type from 0 to 9, found {}", self.kind));
        }
        if !is_printable(self.line) || self.host.iter().any(u8::is_ascii_control) {
            return Some("expected the names of a terminal and of a client, found other bytes".to_owned());
        }
        let is_time = (0..YEAR).contains(&self.seconds) || (FIRST..LAST).contains(&self.seconds);
        if self.kind != EMPTY && !(is_time && (0..1_000_000).contains(&self.micros)) {
            return Some(format!("expected a time, found {} s and {} µs", self.seconds, self.micros));
        }
        None
    }

    /// Whether it looks like a record beyond doubt, or like a place that was never used or was given up.
    pub(super) fn is_plausible(&self) -> bool {
        self.problem().is_none() && (self.kind == EMPTY || self.is_one())
    }

    /// Whether it looks like a record of something beyond doubt.
    pub(super) fn is_one(&self) -> bool {
        self.kind != EMPTY && self.seconds >= FIRST && !self.line.is_empty() && self.problem().is_none()
    }
}

fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// A record of lastlog.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last<'a> {
    seconds: i64,
    pub(super) line: &'a [u8],
    pub(super) host: &'a [u8],
}

impl<'a> Last<'a> {
    /// `None` where there are too few bytes.
    pub(super) fn of(bytes: &'a [u8], width: Width) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        Some(Self { seconds: bytes.time(width)?, line: bytes.text::<32>()?, host: bytes.text::<256>()? })
    }

    pub(super) fn time(&self) -> Option<Time> {
        let seconds = Some(self.seconds).filter(|seconds| *seconds != 0)?;
        Some(Time::from_nanos(seconds.checked_mul(1_000_000_000)?))
    }

    /// Names of terminals are short; a field that is full is any text.
    fn is_plausible(&self) -> bool {
        (FIRST..LAST).contains(&self.seconds)
            && (1..32).contains(&self.line.len())
            && is_printable(self.line)
            && is_printable(self.host)
    }
}

/// Whether the first records are of lastlog: each of them is plausible or of zeros, and not all are of zeros.
pub(super) fn fits_lastlog(head: &[u8], width: Width, looked_at: usize) -> bool {
    let size = if width == Width::Narrow { 292 } else { 296 };
    let mut found = 0;
    let users = head.chunks_exact(size).filter(|bytes| bytes.iter().any(|byte| *byte != 0)).take(looked_at);
    for bytes in users {
        if !Last::of(bytes, width).is_some_and(|last| last.is_plausible()) {
            return false;
        }
        found += 1;
    }
    found > 0
}
