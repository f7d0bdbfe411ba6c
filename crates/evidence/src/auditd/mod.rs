//! The log of Linux's audit daemon, raw and enriched (`log_format = ENRICHED`), and laurel's JSON lines.
//!
//! | shape | written by |
//! |---|---|
//! | `type=SYSCALL msg=audit(1684329817.579:2995): arch=c000003e syscall=59 …`, also with `node=web01` before it | auditd, `ausearch --raw` |
//! | the same with `ARCH=x86_64 SYSCALL=execve UID="root" …` behind a byte 0x1d (or where a copy has lost that byte) | auditd, enriched |
//! | `{"ID":"1684329817.579:2995","SYSCALL":{…},"EXECVE":{"ARGV":[…]},"PATH":[…]}` | laurel |
//!
//! A line is a record. Records of one node, second, millisecond and serial number are one event, as for auparse(3), also where records of other events stand
//! between them. Where auparse counts time to know that no more is to come, here it is distance, so that the same bytes
//! give the same events: a record that begins more than [`join::REACH`] bytes behind the last one of its event begins a new event. The kernel writes an event's
//! records in one go. What joins no other record is an event by itself, as are laurel's lines.
//!
//! The log source of an event is product `linux`, channel `auditd`, and as provider the type of its first record; `EXECVE` if it has such a record, since that is
//! what starts a program. Field names are in `docs/fields.md`: those of the records, decoded, and a few that are worked out from several records.
//! Values of system calls and architectures are named as the enriched format names them, by the tables beside this file, which a script there
//! takes from the C headers (Linux 6.1, audit 3.0.9); other architectures than x86_64, i386 and aarch64 keep their numbers.

mod address;
mod cut;
mod facts;
mod join;
mod laurel;
mod line;
mod names;
mod pairs;
mod read;

use crate::{Cutter, Format, Reader};

/// Lines of a head that are looked at to recognise the format.
const LOOKED_AT: usize = 16;

/// The log of Linux's audit daemon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Auditd;

impl Format for Auditd {
    fn name(&self) -> &'static str {
        "auditd"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        let lines = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).split(|byte| *byte == b'\n');
        let is_ours = |line: &[u8]| line::header(line).is_some() || laurel::is_line(line);
        lines.filter(|line| !line.trim_ascii().is_empty()).take(LOOKED_AT).any(is_ours)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<cut::AuditCutter>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::AuditReader::new())
    }
}

#[cfg(test)]
mod tests;
