//! Syslog text, in the shapes that files and `journalctl` have.
//!
//! | shape | written by |
//! |---|---|
//! | `Aug 18 09:06:20 web01 sshd[123]: …` | RFC 3164: rsyslog's and syslog-ng's traditional files, `journalctl -o short`, also with decimals (`short-precise`) |
//! | `2026-08-18T09:06:20.123456+02:00 web01 sshd[123]: …` | rsyslog's files since 2023, `journalctl -o short-iso` and `short-iso-precise` |
//! | `<38>1 2026-08-18T09:06:20Z web01 sshd 123 - - …` | RFC 5424, also without what stands before the time |
//! | `Tue 2026-08-18 09:06:20 CEST web01 sshd[123]: …` | `journalctl -o short-full`, `with-unit` |
//! | `1787043980.123456 web01 sshd[123]: …`, `[15500.802524] web01 sshd[123]: …` | `journalctl -o short-unix`, `short-monotonic` |
//! | `Aug 18 09:06:20 web01 authpriv.info sshd[123]: …` | busybox (Alpine, routers) |
//!
//! Each of them may begin with a priority (`<38>`). A line is a record; lines that begin with a blank go on with the
//! record before them, as `journalctl` prints messages of several lines. What `journalctl` says itself (`-- Boot … --`) is passed over.
//!
//! The log source of a record is product `linux`, channel `syslog`, and as provider the program that wrote it, as the line names it
//! (`sshd`, `sshd-session`, `CRON`, `postfix/smtpd`; `ssh.service` in `journalctl -o with-unit`). `taxonomy/linux.yml` says which programs a Sigma
//! service means. Files do not tell their facility, so the program stands for it. What Sysmon for Linux writes (`sysmon: <Event>…`) is an
//! event of its own log, `Linux-Sysmon/Operational`, as its XML says.
//!
//! Times: a line without a zone is of the zone that [`crate::Clock`] names, or else taken for UTC. A line without a year gets one by its
//! place in the file: months go forward, a step back of more than seven days begins a new year. The years of the whole file follow from one of these, the
//! first that there is: the year that [`crate::Clock`] gives for the last line; a line that gives its year; the date in the file's name
//! (`auth.log-20260823`), its time of modification, or today, none of which the last line is after; there 29 February is in a leap year.
//! A file as it stands is read through once more for that when the first time is wanted; of what comes as a stream, the first 64 MiB are looked through.
//! All of this is told in a note.

mod accounts;
mod cut;
pub(crate) mod facts;
pub(crate) mod header;
mod pam;
mod programs;
mod read;
pub(crate) mod show;
mod sshd;
mod stamp;
mod sudo;
mod years;

use event::Time;

use crate::{Clock, Cutter, Format, Reader, cut::BLOCK};
pub use sshd::login;
pub use years::Dates;

/// Syslog text.
#[derive(Clone, Debug)]
pub struct Syslog {
    clock: Clock,
    /// Aimed size of a block in bytes; nothing but speed depends on it.
    block: usize,
}

impl Syslog {
    /// Reads logs whose times are completed by what is known of their clocks.
    pub const fn new(clock: Clock) -> Self {
        Self { clock, block: BLOCK }
    }

    /// Reads logs in which nothing is later than `latest`.
    pub const fn until(latest: Time) -> Self {
        Self::new(Clock::until(latest))
    }

    /// The same in blocks of another size.
    pub fn in_blocks_of(self, block: usize) -> Self {
        Self { block, ..self }
    }
}

/// What `sshd -e` writes: its messages without header.
#[derive(Clone, Debug, Default)]
pub struct SshdErrors(Syslog);

impl Format for SshdErrors {
    fn name(&self) -> &'static str {
        "sshd"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        header::recognises_bare(head)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        self.0.cutter()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::SyslogReader::bare(&self.0.clock))
    }
}

/// Nothing in a log is later than now.
impl Default for Syslog {
    fn default() -> Self {
        Self::new(Clock::default())
    }
}

impl Format for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        header::recognises(head)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::new(cut::SyslogCutter::new(&self.clock, self.block))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::SyslogReader::new(&self.clock))
    }
}

/// What a message of sshd says, as fields; for other logs in which sshd writes.
pub(crate) fn sshd_fields(message: &str, visit: &mut dyn FnMut(&str, &str)) {
    let mut facts = facts::Facts::default();
    programs::Program::named("sshd").facts("sshd", message, &mut facts);
    facts.iter().for_each(|(name, value)| visit(name, value));
}

#[cfg(test)]
mod tests;
