//! Logs of package managers: what was installed, upgraded and removed.
//!
//! | file | a line |
//! |---|---|
//! | dpkg's `dpkg.log` | `2026-11-17 08:41:12 upgrade agent:amd64 1.1-1 1.2-1`, in local time |
//! | dnf's `dnf.rpm.log` | `2026-11-17T08:41:12+0100 SUBDEBUG Upgrade: agent-1.2-1.x86_64` |
//!
//! The log source is product `linux` and channel `packages`, with `dpkg` or `dnf` as provider. Lines name no host.

mod read;
#[cfg(test)]
mod tests;

use crate::{
    Clock, Cutter, Format, Reader,
    cut::{LineBorders, LineRule, TextCutter},
};

/// The log of a package manager.
#[derive(Clone, Debug)]
pub struct Packages {
    manager: Manager,
    clock: Clock,
}

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Dpkg,
    Dnf,
}

impl Packages {
    /// One for each package manager, with what is known of clocks.
    pub fn all(clock: &Clock) -> [Self; 2] {
        [Manager::Dpkg, Manager::Dnf].map(|manager| Self { manager, clock: clock.clone() })
    }
}

impl Format for Packages {
    fn name(&self) -> &'static str {
        match self.manager {
            Manager::Dpkg => "dpkg.log",
            Manager::Dnf => "dnf.rpm.log",
        }
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let first = lines.next().and_then(|line| std::str::from_utf8(line).ok());
        first.is_some_and(|line| read::entry(self.manager, line).is_some())
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<TextCutter<LineBorders<AnyLine>>>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::PackagesReader::new(self.manager, self.clock.clone()))
    }
}

/// Every line begins a record.
#[derive(Default)]
struct AnyLine;

impl LineRule for AnyLine {
    const AHEAD: usize = 0;

    fn begins(_text: &[u8], _at: usize) -> bool {
        true
    }
}
