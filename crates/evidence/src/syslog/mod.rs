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
//! Times: a line without a zone is taken for UTC. A line without a year gets one within its block of lines: months go
//! forward through the file, a line that gives its year speaks for its neighbours, 29 February only is in a leap
//! year, and the last line is the latest that is not after the date in the file's name (`auth.log-20260823`) or else after now.
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

use std::time::{SystemTime, UNIX_EPOCH};

use event::Time;

use crate::{Cutter, Format, Reader};
pub use sshd::login;

/// Syslog text.
#[derive(Clone, Copy, Debug)]
pub struct Syslog {
    latest: Time,
}

impl Syslog {
    /// Reads logs in which nothing is later than `latest`; years that are not in a log are chosen so.
    pub const fn until(latest: Time) -> Self {
        Self { latest }
    }
}

/// Nothing in a log is later than now.
impl Default for Syslog {
    fn default() -> Self {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Self { latest: Time::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)) }
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
        Box::<cut::SyslogCutter>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::SyslogReader::new(self.latest))
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
