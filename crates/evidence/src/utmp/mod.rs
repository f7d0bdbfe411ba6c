//! Who was logged in: wtmp, btmp, utmp (utmp(5)) and lastlog, as glibc lays them out, little endian.
//!
//! | file | a record is | bytes |
//! |---|---|---|
//! | wtmp | a login, its end, a boot, …; appended | 384, or 400 where times have 64 bits (aarch64) |
//! | btmp | a login that failed; appended | the same |
//! | utmp | a terminal, and who is there now | the same |
//! | lastlog | the last login of the user whose number is that of the record | 292 or 296 |
//!
//! A record is of product `linux`, and its channel is the file's kind. The kind is decided by content where that says it: only wtmp
//! has boots and run levels, and only btmp has records of type LOGIN_PROCESS of a user other than `LOGIN`. Else the file's name
//! decides, and where that says nothing it is wtmp.
//!
//! Records of wtmp, btmp and utmp are numbered from 1 (record n begins at byte (n − 1) × 384), those of lastlog are their user's number.
//! A record that cannot be one costs itself; where bytes are missing or were added, records are read on from where they go on.
//! A record of zeros in wtmp or btmp, which are only appended to, is told as damage, and the tally tells of the gap and of clocks that
//! go back: intruders who remove their traces overwrite records.

mod cut;
mod read;
mod record;

use crate::{
    Cutter, Format, Reader,
    cut::{Borders, TextCutter},
};
use record::{DEAD_PROCESS, EMPTY, LOGIN_PROCESS, Raw, Width};

/// Records of a head that are looked at.
const LOOKED_AT: usize = 64;

/// What a file of logins holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Wtmp,
    Btmp,
    Utmp,
    Lastlog,
}

/// Logins of one kind, with times of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utmp {
    kind: Kind,
    width: Width,
}

impl Utmp {
    /// One for each kind and width.
    pub fn all() -> impl Iterator<Item = Self> {
        let kinds = [Kind::Wtmp, Kind::Btmp, Kind::Utmp, Kind::Lastlog];
        kinds.into_iter().flat_map(|kind| [Width::Narrow, Width::Wide].map(|width| Self { kind, width }))
    }

    /// How long a record is.
    const fn size(self) -> usize {
        match (self.kind, self.width) {
            (Kind::Lastlog, Width::Narrow) => 292,
            (Kind::Lastlog, Width::Wide) => 296,
            (_, Width::Narrow) => 384,
            (_, Width::Wide) => 400,
        }
    }

    /// The number of the record that begins at or behind an offset.
    const fn number_at(self, offset: u64) -> u64 {
        let before = offset.div_ceil(self.size() as u64);
        if matches!(self.kind, Kind::Lastlog) { before } else { before + 1 }
    }

    /// What a piece is that begins with `head`.
    fn of(head: &[u8], name: &str) -> Option<Self> {
        let is_called = |word: &str| name.to_ascii_lowercase().contains(word);
        let zeros = head.iter().all(|byte| *byte == 0);
        if !is_called("lastlog") {
            let fits = |width: &Width| Look::at(head, *width).is_some_and(|look| look.fits());
            let named = ["wtmp", "btmp", "utmp"].iter().any(|word| is_called(word));
            let width = [Width::Narrow, Width::Wide].into_iter().find(fits);
            if let Some(width) = width.or((named && zeros).then_some(Width::Narrow)) {
                return Some(Self { kind: kind(Look::at(head, width).unwrap_or_default(), is_called), width });
            }
        }
        // Its first field may be any bytes, so what says that it is something else is asked first.
        let fits = |width: &Width| record::fits_lastlog(head, *width, LOOKED_AT) && !crate::open::is_marked(head);
        let width = [Width::Narrow, Width::Wide].into_iter().find(fits);
        let width = width.or((is_called("lastlog") && zeros).then_some(Width::Narrow))?;
        Some(Self { kind: Kind::Lastlog, width })
    }
}

/// Which of the three files whose records are alike.
fn kind(look: Look, is_called: impl Fn(&str) -> bool) -> Kind {
    match (look.of_wtmp, look.of_btmp) {
        (true, false) if is_called("utmp") => Kind::Utmp,
        (true, false) => Kind::Wtmp,
        (false, true) => Kind::Btmp,
        _ if is_called("btmp") => Kind::Btmp,
        _ if is_called("utmp") => Kind::Utmp,
        _ => Kind::Wtmp,
    }
}

/// What the first records look like.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    records: usize,
    /// Those that are as they must be, and those of places that were never used or were given up.
    good: usize,
    empty: usize,
    /// Whether there is one that only wtmp and utmp have, or only btmp.
    of_wtmp: bool,
    of_btmp: bool,
}

impl Look {
    /// `None` where there is no whole record.
    fn at(head: &[u8], width: Width) -> Option<Self> {
        let size = Utmp { kind: Kind::Wtmp, width }.size();
        let mut look = Self::default();
        for bytes in head.chunks_exact(size).take(LOOKED_AT) {
            look.records += 1;
            let Some(raw) = Raw::of(bytes, width).filter(Raw::is_plausible) else { continue };
            if raw.kind == EMPTY {
                look.empty += 1;
                continue;
            }
            look.good += 1;
            let is_try = raw.kind == LOGIN_PROCESS && !matches!(raw.user, b"" | b"LOGIN");
            look.of_btmp |= is_try;
            look.of_wtmp |= matches!(raw.kind, 1..=5 | DEAD_PROCESS);
        }
        (look.records > 0).then_some(look)
    }

    /// Whether these are such records: at most a quarter is damaged.
    fn fits(&self) -> bool {
        self.good > 0 && (self.good + self.empty) * 4 >= self.records * 3
    }
}

impl Format for Utmp {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Wtmp => "wtmp",
            Kind::Btmp => "btmp",
            Kind::Utmp => "utmp",
            Kind::Lastlog => "lastlog",
        }
    }

    fn recognises(&self, head: &[u8], name: &str) -> bool {
        Self::of(head, name) == Some(*self)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        match self.size() {
            292 => Box::<TextCutter<FixedBorders<292>>>::default(),
            296 => Box::<TextCutter<FixedBorders<296>>>::default(),
            _ => Box::new(cut::UtmpCutter::new(*self)),
        }
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::UtmpReader::new(*self))
    }
}

/// Borders between records of lastlog; where one stands says whose it is, so none can be looked for elsewhere.
#[derive(Default)]
struct FixedBorders<const SIZE: usize>;

impl<const SIZE: usize> Borders for FixedBorders<SIZE> {
    fn last(&mut self, buffer: &[u8], _ended: bool) -> Option<usize> {
        Some(buffer.len() / SIZE * SIZE).filter(|border| *border > 0)
    }

    fn first(&mut self, buffer: &[u8], _ended: bool) -> Result<usize, usize> {
        if buffer.len() >= SIZE { Ok(SIZE) } else { Err(0) }
    }

    fn passed(&mut self, _bytes: usize) {}
}

#[cfg(test)]
mod tests;
