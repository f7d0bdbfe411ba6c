//! Reads blocks of records.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use event::{Damage, Detector, LogSource, Piece, Position, Time, Value, Wanted};

use super::{
    Kind, Utmp,
    record::{BOOT_TIME, DEAD_PROCESS, Last, NEW_TIME, OLD_TIME, RUN_LVL, Raw, USER_PROCESS},
};
use crate::{
    Block, Output, Reader, add_to_runs,
    few::{FewFields, Field},
};

const ZEROS: &str = "expected a record, found zeros, with which records are wiped";

/// Reads blocks of one kind.
pub(super) struct UtmpReader {
    utmp: Utmp,
}

/// A record's fields, in their own memory.
#[derive(Default)]
struct Told<'a> {
    list: Vec<(&'static str, Cow<'a, str>, bool)>,
}

impl<'a> Told<'a> {
    /// Adds what stands in the record, if it is not empty.
    fn add(&mut self, name: &'static str, bytes: &'a [u8]) {
        if !bytes.is_empty() {
            self.list.push((name, String::from_utf8_lossy(bytes), true));
        }
    }

    /// Adds a number, if it is not zero.
    fn number(&mut self, name: &'static str, number: impl Into<i64>) {
        let number = number.into();
        if number != 0 {
            self.list.push((name, Cow::Owned(number.to_string()), true));
        }
    }

    /// Adds what the reader makes of the record.
    fn means(&mut self, name: &'static str, word: impl Into<Cow<'a, str>>) {
        self.list.push((name, word.into(), false));
    }

    /// The client's name and address; the name may be an address, too.
    fn client(&mut self, host: &'a [u8], address: Option<IpAddr>) {
        self.add("source_host", host);
        let named = || std::str::from_utf8(host).ok()?.parse().ok();
        if let Some(address) = address.or_else(named) {
            self.list.push(("source_address", Cow::Owned(address.to_string()), true));
        }
    }
}

impl Told<'_> {
    fn show(
        &self,
        wanted: &Wanted,
        (piece, source, number): (&Arc<Piece>, LogSource<'_>, u64),
        time: Option<Time>,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        if !wanted.interest.wanted {
            return;
        }
        let fields: Vec<Field<'_>> = self
            .list
            .iter()
            .map(|(name, text, stands)| Field { name, value: Value::Text(text), stands: *stands })
            .collect();
        let record = FewFields { source, position: Position::Record(number), fields: &fields };
        // Words may be in an address, which does not stand there as text.
        record.show(wanted, piece, time, wanted.interest.text.is_some(), detector, output);
    }
}

impl Reader for UtmpReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        output.damages.extend(block.damages.iter().cloned());
        let source = self.source();
        let wanted = Wanted::of(&source, detector);
        let size = self.utmp.size();
        let first = self.utmp.number_at(block.offset);
        let records = block.bytes.chunks_exact(size);
        let rest = records.remainder().len();
        for (bytes, number) in records.zip(first..) {
            if bytes.iter().all(|byte| *byte == 0) {
                self.zeros(number, output);
                continue;
            }
            match self.told(bytes, number) {
                Ok((told, time)) => {
                    output.records += 1;
                    if matches!(self.utmp.kind, Kind::Wtmp | Kind::Btmp) {
                        add_to_runs(&mut output.runs, number, time);
                    }
                    told.show(&wanted, (piece, source, number), time, detector, output);
                }
                Err(reason) => output.damages.push(Damage { position: Position::Record(number), records: 1, reason }),
            }
        }
        if rest > 0 {
            let reason = format!("expected a record of {size} bytes, found the first {rest}");
            let number = first + (block.bytes.len() / size) as u64;
            output.damages.push(Damage { position: Position::Record(number), records: 1, reason });
        }
    }
}

impl UtmpReader {
    pub(super) fn new(utmp: Utmp) -> Self {
        Self { utmp }
    }

    fn source(&self) -> LogSource<'static> {
        let channel = match self.utmp.kind {
            Kind::Wtmp => "wtmp",
            Kind::Btmp => "btmp",
            Kind::Utmp => "utmp",
            Kind::Lastlog => "lastlog",
        };
        LogSource { product: "linux", channel, provider: "", event_id: 0 }
    }

    /// Takes note of a record of zeros: a place that was never used, or one that was wiped.
    fn zeros(&self, number: u64, output: &mut Output) {
        if matches!(self.utmp.kind, Kind::Utmp | Kind::Lastlog) {
            return;
        }
        if let Some(last) = output.damages.last_mut()
            && last.reason == ZEROS
            && last.position.number() + last.records == number
        {
            last.records += 1;
            return;
        }
        output.damages.push(Damage { position: Position::Record(number), records: 1, reason: ZEROS.to_owned() });
    }

    /// What a record tells, and when it was written.
    fn told<'a>(&self, bytes: &'a [u8], number: u64) -> Result<(Told<'a>, Option<Time>), String> {
        let short = || format!("expected a record of {} bytes, found {}", self.utmp.size(), bytes.len());
        if self.utmp.kind == Kind::Lastlog {
            let last = Last::of(bytes, self.utmp.width).ok_or_else(short)?;
            return Ok((told_of_last(&last, number), last.time()));
        }
        let raw = Raw::of(bytes, self.utmp.width).ok_or_else(short)?;
        if let Some(problem) = raw.problem() {
            return Err(problem);
        }
        let name = raw.type_name().unwrap_or_default();
        let mut told = Told::default();
        told.means("type", name);
        self.meaning(&raw, &mut told);
        told.add("user", raw.user);
        told.add("terminal", raw.line);
        told.add("id", raw.id);
        told.number("pid", raw.pid);
        match raw.kind {
            // There the kernel's release stands in the client's place.
            RUN_LVL | BOOT_TIME => told.add("kernel_release", raw.host),
            _ => told.client(raw.host, raw.address()),
        }
        told.number("session", raw.session);
        told.number("termination_signal", raw.signal);
        told.number("exit_status", raw.exit);
        Ok((told, raw.time()))
    }

    /// What happened, in the words that all kinds of logs share.
    fn meaning(&self, raw: &Raw<'_>, told: &mut Told<'_>) {
        let action = match raw.kind {
            _ if self.utmp.kind == Kind::Btmp => "login",
            USER_PROCESS => "login",
            DEAD_PROCESS => "session_closed",
            BOOT_TIME => "boot",
            RUN_LVL if raw.user == b"shutdown" => "shutdown",
            RUN_LVL => "run_level_changed",
            NEW_TIME | OLD_TIME => "clock_changed",
            _ => return,
        };
        told.means("action", action);
        if action == "login" {
            told.means("outcome", if self.utmp.kind == Kind::Btmp { "failed" } else { "accepted" });
        }
    }
}

/// What a record of lastlog tells; `uid` is its number.
fn told_of_last<'a>(last: &Last<'a>, uid: u64) -> Told<'a> {
    let mut told = Told::default();
    told.means("action", "login");
    told.means("outcome", "accepted");
    told.means("uid", uid.to_string());
    told.add("terminal", last.line);
    told.client(last.host, None);
    told
}
