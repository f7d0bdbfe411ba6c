//! Logs of package managers: what was installed, upgraded and removed.
//!
//! | file | a line |
//! |---|---|
//! | dpkg's `dpkg.log` | `2026-11-17 08:41:12 upgrade agent:amd64 1.1-1 1.2-1`, in local time |
//! | dnf's `dnf.rpm.log` | `2026-11-17T08:41:12+0100 SUBDEBUG Upgrade: agent-1.2-1.x86_64` |
//! | zypper's `zypp/history` | `2026-11-17 08:41:12\|install\|agent\|1.2-1\|x86_64\|root@web01\|tools\|…`, in local time |
//!
//! The log source is product `linux` and channel `packages`, with `dpkg`, `dnf` or `zypper` as provider. Lines name no host.

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
    Zypper,
}

impl Manager {
    const fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Dnf => "dnf",
            Self::Zypper => "zypper",
        }
    }
}

impl Packages {
    /// One for each package manager, with what is known of clocks.
    pub fn all(clock: &Clock) -> [Self; 3] {
        [Manager::Dpkg, Manager::Dnf, Manager::Zypper].map(|manager| Self { manager, clock: clock.clone() })
    }
}

impl Format for Packages {
    fn name(&self) -> &'static str {
        match self.manager {
            Manager::Dpkg => "dpkg.log",
            Manager::Dnf => "dnf.rpm.log",
            Manager::Zypper => "zypp/history",
        }
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let mut lines = lines.filter(|line| !line.is_empty() && !read::is_comment(self.manager, line));
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
