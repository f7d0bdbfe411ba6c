//! Windows events as JSON, in the shapes people have.
//!
//! | shape | written by |
//! |---|---|
//! | `{"Event":{"System":{…},"EventData":{…}}}` | evtx_dump and its like; also without `Event` around it |
//! | `{"winlog":{"event_id":…,"event_data":{…}}}`, also with dots: `"winlog.event_id"` | Winlogbeat 7 and later |
//! | `{"event_id":…,"log_name":…,"event_data":{…}}` | Winlogbeat 6 |
//! | `{"EventID":…,"Channel":…,"Image":…}` | NXLog, Splunk, the Security-Datasets |
//! | `{"Id":…,"LogName":…,"Properties":[…]}` | `Get-WinEvent \| ConvertTo-Json` |
//!
//! Each may stand in an Elasticsearch hit's `_source`. Layout does not matter: one a line, one after another over many
//! lines, in an array, in an array somewhere in an object.
//!
//! A record is a Windows event if it has an event id in its `System` section, or an event id and a channel or a
//! provider. Where several keys say the same, the one believed is, in this order, for the
//!
//! - event id: `winlog.event_id`, `EventID`, `EventId`, `EventCode`, `event_id`, `Id`, `event.code`
//! - channel: `winlog.channel`, `Channel`, `LogName`, `log_name`
//! - provider: `winlog.provider_name`, `Provider_Name`, `SourceName`, `source_name`, `ProviderName`,
//!   `EventSourceName`, `event.provider`, `Source`
//! - machine: `winlog.computer_name`, `Computer`, `ComputerName`, `Hostname`, `computer_name`, `MachineName`,
//!   `host.name` (`host` alone is the collector in the Security-Datasets)
//! - time: Windows' own `SystemTime`; Sysmon's `UtcTime`; `TimeCreated`, `EventTime` and the like if they have a
//!   zone; `@timestamp`; at last `TimeCreated` or `EventTime` without a zone, taken for UTC. So late because shippers
//!   write the machine's local time there, while `@timestamp` is UTC and seconds late at most.
//!
//! The `System` section of an event comes before all of these. What is believed is the field that `docs/fields.md`
//! names; the others stay fields under their own names. Fields outside of the sections of Windows events are named
//! by their path with dots.
//!
//! A record without a channel is of the one that its provider writes to, if that is one ([`provider`]).
//!
//! Winlogbeat names unnamed data `param1`, `param2`, …, which some events truly have: they are fields of these names and
//! values of `Data` too. Elastic's ingest pipelines move much of an event's own data to fields of the Elastic Common
//! Schema; it is shown under the event's own names again ([`elastic`]), unless the event's own data has them.
//!
//! Known limits: what those pipelines change beyond words (`DWORD (0x00000001)` becomes `1`, a process id is decimal) or
//! leave out (`QueryResults`, the details of PowerShell's 4103 and of the classic log) is not brought back.

mod cut;
mod elastic;
mod names;
pub(crate) mod pass;
mod provider;
mod read;
mod record;
mod scan;
mod time;
mod value;

pub(crate) use cut::JsonCutter;
pub(crate) use names::{has_attributes_alone, is_namespace, system_attribute_name};
pub(crate) use time::{moment, plain as plain_time};
pub(crate) use value::unescape;

use crate::{Cutter, Format, Reader};

/// How much of a piece is looked at to recognise it, and to find the array that holds its records.
const HEAD: usize = 64 << 10;

/// Windows events as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn recognises(&self, head: &[u8], _name: &str) -> bool {
        read::recognises(head)
    }

    fn cutter(&self) -> Box<dyn Cutter + Send> {
        Box::<JsonCutter>::default()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(read::JsonReader::new())
    }
}

#[cfg(test)]
mod tests;
