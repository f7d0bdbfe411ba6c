//! An entry of the journal, whatever it was written as.

use std::borrow::Cow;

use event::Time;

use crate::syslog::header::{Header, facility, severity};

/// Most values of one entry; the journal itself allows 1024 (`ENTRY_FIELD_COUNT_MAX`).
const MAX_VALUES: usize = 65_536;

/// A field with one of its values.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    /// `None` where `journalctl` left it out as too long.
    pub(super) value: Option<Cow<'a, str>>,
}

/// The fields of one entry, in their order.
#[derive(Debug, Default)]
pub(super) struct Entry<'a> {
    pub(super) fields: Vec<Field<'a>>,
    /// Characters of a value may be written in another way than as they are.
    pub(super) hidden: bool,
    /// Values that were not UTF-8.
    pub(super) broken: bool,
}

/// Which fields of an entry are believed, by their places among all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Believed {
    message: Option<usize>,
    program: Option<usize>,
    pid: Option<usize>,
    host: Option<usize>,
    facility: Option<usize>,
    severity: Option<usize>,
}

impl Believed {
    fn holds(&self, place: usize) -> bool {
        let Self { message, program, pid, host, facility, severity } = *self;
        [message, program, pid, host, facility, severity].contains(&Some(place))
    }
}

impl<'a> Entry<'a> {
    /// Adds a value.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn add(&mut self, name: &'a str, value: Option<Cow<'a, str>>) -> Result<(), String> {
        if self.fields.len() >= MAX_VALUES {
            return Err(format!("expected an entry of at most {MAX_VALUES} values, found more"));
        }
        self.fields.push(Field { name, value });
        Ok(())
    }

    /// Adds a value of any bytes.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn add_bytes(&mut self, name: &'a str, bytes: Cow<'a, [u8]>) -> Result<(), String> {
        self.broken |= std::str::from_utf8(&bytes).is_err();
        let text = match bytes {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        };
        self.add(name, Some(text))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// Whether these are fields of an entry at all.
    pub(super) fn is_whole(&self) -> bool {
        ["__REALTIME_TIMESTAMP", "__CURSOR", "MESSAGE"].iter().any(|name| self.has(name))
    }

    /// The place of the first of these fields that has a value.
    fn find(&self, names: &[&str]) -> Option<usize> {
        let place = |name: &&str| self.fields.iter().position(|field| field.name == *name && field.value.is_some());
        names.iter().find_map(place)
    }

    fn text(&self, place: Option<usize>) -> &str {
        place.and_then(|place| self.fields.get(place)).and_then(|field| field.value.as_deref()).unwrap_or_default()
    }

    /// Which fields are believed.
    pub(super) fn believed(&self) -> Believed {
        let number = |name| self.find(&[name]).filter(|place| self.text(Some(*place)).parse::<usize>().is_ok());
        Believed {
            message: self.find(&["MESSAGE"]),
            program: self.find(&["SYSLOG_IDENTIFIER", "_COMM"]),
            pid: self.find(&["_PID", "SYSLOG_PID"]),
            host: self.find(&["_HOSTNAME"]),
            facility: number("SYSLOG_FACILITY").filter(|place| !facility(self.number(*place)).is_empty()),
            severity: number("PRIORITY").filter(|place| !severity(self.number(*place)).is_empty()),
        }
    }

    fn number(&self, place: usize) -> usize {
        self.text(Some(place)).parse().unwrap_or(usize::MAX)
    }

    /// The entry as what stands before a message, and the message.
    pub(super) fn header(&self, believed: &Believed) -> Header<'_> {
        let number = |place: Option<usize>| place.map_or(usize::MAX, |place| self.number(place));
        Header {
            host: self.text(believed.host),
            program: self.text(believed.program),
            pid: self.text(believed.pid),
            facility: facility(number(believed.facility)),
            severity: severity(number(believed.severity)),
            // As in a line: programs such as sudo begin with blanks.
            message: self.text(believed.message).trim_start_matches(' ').trim_end_matches('\r'),
            ..Header::default()
        }
    }

    /// The fields that are not believed, under their own names.
    pub(super) fn others(&self, believed: &Believed) -> impl Iterator<Item = &Field<'a>> {
        let is_other = move |(place, _): &(usize, &Field<'a>)| !believed.holds(*place);
        self.fields.iter().enumerate().filter(is_other).map(|(_, field)| field)
    }

    /// When it happened.
    pub(super) fn time(&self) -> Option<Time> {
        ["_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"].iter().find_map(|name| {
            let micros: i64 = self.text(self.find(&[name])).parse().ok()?;
            Some(Time::from_nanos(micros.checked_mul(1000)?))
        })
    }
}
