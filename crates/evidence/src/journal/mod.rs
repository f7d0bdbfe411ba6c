//! systemd's journal as `journalctl` writes it: `-o json` (also `json-sse`, `json-seq`, `json-pretty`, and entries in an array) and
//! `-o export` (<https://systemd.io/JOURNAL_EXPORT_FORMATS>).
//!
//! An entry is the same record as the line that `journalctl -o short` prints of it or rsyslog writes: product `linux`, channel
//! `syslog`, the program as provider, and the same fields. Which of an entry's fields is believed to say what, is as in `journalctl`
//! (`output_short` in systemd's `src/shared/logs-show.c`):
//!
//! | field | believed |
//! |---|---|
//! | `message` | `MESSAGE` |
//! | `program` | `SYSLOG_IDENTIFIER`, or else `_COMM` |
//! | `pid` | `_PID`, or else `SYSLOG_PID` |
//! | `host` | `_HOSTNAME` |
//! | `facility`, `severity` | `SYSLOG_FACILITY`, `PRIORITY`, by their names |
//! | time | `_SOURCE_REALTIME_TIMESTAMP` (when the kernel took the message from the program), or else `__REALTIME_TIMESTAMP` (when the journal stored it) |
//!
//! All that is not believed is a field under its own name: `_UID`, `_EXE`, `_CMDLINE`, `_SYSTEMD_UNIT`, … A word that a rule looks for
//! anywhere is looked for in the values of all fields.
//!
//! `journalctl` leaves values over 4096 bytes out of JSON (`null`) unless it is called with `--all`; that is told in a note.

mod entry;
mod export;
mod json;
mod read;

use crate::{Cutter, Format, Reader, json::JsonCutter};

/// The journal as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct JournalJson;

impl Format for JournalJson {
    fn name(&self) -> &'static str {
        "journal (json)"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        json::recognises(head)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<JsonCutter>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::<read::JournalReader<json::JsonEntries>>::default()
    }
}

/// The journal in its export format.
#[derive(Clone, Copy, Debug, Default)]
pub struct JournalExport;

impl Format for JournalExport {
    fn name(&self) -> &'static str {
        "journal (export)"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        export::recognises(head)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<export::ExportCutter>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::<read::JournalReader<export::ExportEntries>>::default()
    }
}

#[cfg(test)]
mod tests;
