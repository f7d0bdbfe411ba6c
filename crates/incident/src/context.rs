//! What a finding's record says of who and what was concerned.

use std::{
    hash::BuildHasher,
    sync::{Arc, LazyLock},
};

use event::{Event, Matched, Value};
use foldhash::{HashMap, fast::FixedState};

/// The fields that name entities, sorted; `docs/incidents.md` tells what each is taken for.
pub const FIELDS: &[&str] = &[
    "AccountName",
    "Attachment",
    "CallingProcessId",
    "CommandLine",
    "Contents",
    "ContextInfo",
    "Data",
    "DestinationHostname",
    "DestinationIp",
    "DestinationPort",
    "Details",
    "Detection ID",
    "Detection User",
    "Domain",
    "EventType",
    "ExecutionProcessID",
    "Execution_ProcessID",
    "FileName",
    "From",
    "FromDomain",
    "Hashes",
    "HostApplication",
    "HostName",
    "Image",
    "ImageLoaded",
    "ImagePath",
    "Initiated",
    "Inside",
    "IpAddress",
    "IpPort",
    "LinkDomain",
    "LogonId",
    "LogonType",
    "MemberName",
    "MessageId",
    "Name",
    "NewProcessId",
    "NewProcessName",
    "ObjectDN",
    "ObjectName",
    "ParentCommandLine",
    "ParentImage",
    "ParentProcessGuid",
    "ParentProcessId",
    "ParentProcessName",
    "Path",
    "PipeName",
    "Process Name",
    "ProcessGuid",
    "ProcessID",
    "ProcessId",
    "ProcessName",
    "ProgramLink",
    "QueryName",
    "RelativeTargetName",
    "ScriptBlockId",
    "ScriptBlockText",
    "ServiceFileName",
    "ServiceName",
    "Sha256",
    "ShareLink",
    "ShareName",
    "Signed",
    "SourceAddress",
    "SourceImage",
    "SourceIp",
    "SourceProcessGUID",
    "SourceProcessGuid",
    "SourceProcessId",
    "Subject",
    "SubjectLogonId",
    "SubjectUserName",
    "SubjectUserSid",
    "TargetFilename",
    "TargetImage",
    "TargetLogonId",
    "TargetObject",
    "TargetProcessGUID",
    "TargetProcessGuid",
    "TargetProcessId",
    "TargetServerName",
    "TargetUserName",
    "TargetUserSid",
    "TaskName",
    "To",
    "Url",
    "User",
    "UserName",
    "WorkstationName",
    "acct",
    "action",
    "addr",
    "auid",
    "c-ip",
    "certificate_id",
    "command",
    "command_line",
    "created_file",
    "cs-host",
    "cs-method",
    "cs-uri-stem",
    "cs-user-agent",
    "cs-username",
    "destination_address",
    "destination_port",
    "exe",
    "key_fingerprint",
    "method",
    "outcome",
    "param1",
    "parent_exe",
    "path",
    "pid",
    "ppid",
    "process.pid",
    "program",
    "run_as_user",
    "s-ip",
    "sc-status",
    "server_address",
    "ses",
    "source_address",
    "user",
    "winlog.process.pid",
    "working_directory",
];

/// The places of the fields in their list.
static NUMBERS: LazyLock<HashMap<&str, usize>> = LazyLock::new(|| FIELDS.iter().copied().zip(0..).collect());

/// Bytes of a value that are kept; scripts are longer.
const MAX_VALUE: usize = 1024;
/// Values of a record that are kept.
const MAX_VALUES: usize = 64;

/// Contexts that are remembered, since records repeat themselves.
const MAX_KNOWN: usize = 4096;

/// What records say of who and what was concerned; what many say stands there once.
#[derive(Default)]
pub struct Contexts {
    known: HashMap<u64, Arc<[Matched]>>,
    /// The fields of the record at hand, by their place in [`FIELDS`], with the ends of their values in `text`.
    fields: Vec<(usize, usize)>,
    text: String,
}

impl Contexts {
    /// What a record says, in the order of its fields.
    pub fn of(&mut self, event: &Event<'_>) -> Arc<[Matched]> {
        let (fields, text) = (&mut self.fields, &mut self.text);
        fields.clear();
        text.clear();
        event.record.visit(&mut |field, value| {
            let Some(field) = (fields.len() < MAX_VALUES).then(|| NUMBERS.get(field)).flatten() else { return };
            if push_kept(&value, MAX_VALUE, text) {
                fields.push((*field, text.len()));
            }
        });
        let hash = FixedState::default().hash_one((&*fields, &*text));
        if let Some(known) = self.known.get(&hash).filter(|known| is_same(known, values(fields, text))) {
            return Arc::clone(known);
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        let whole = |(field, value): (&str, &str)| Matched { field: field.to_owned(), value: value.to_owned() };
        let context: Arc<[Matched]> = values(fields, text).map(whole).collect();
        self.known.insert(hash, Arc::clone(&context));
        context
    }
}

fn is_same<'a>(context: &'a [Matched], values: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
    context.iter().map(|one| (one.field.as_str(), one.value.as_str())).eq(values)
}

/// The fields of a record with their values.
fn values<'a>(fields: &'a [(usize, usize)], text: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let starts = std::iter::once(0).chain(fields.iter().map(|(_, end)| *end));
    let values = fields.iter().zip(starts);
    values.filter_map(|((field, end), start)| Some((*FIELDS.get(*field)?, text.get(start..*end)?)))
}

/// Appends the beginning of a value's text; false, and nothing, if it only says that there is none.
pub fn push_kept(value: &Value<'_>, bytes: usize, out: &mut String) -> bool {
    let begin = out.len();
    value.write_text(out);
    let written = out.get(begin..).unwrap_or_default();
    let kept = if is_nothing(written) { 0 } else { shortened(written, bytes).len() };
    out.truncate(begin + kept);
    kept > 0
}

/// Whether a value only says that there is none.
pub fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "-" | "?" | "(null)" | "{00000000-0000-0000-0000-000000000000}" | "S-1-0-0")
}

/// The beginning of a text, of at most so many bytes.
pub fn shortened(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_can_be_looked_up() {
        assert!(FIELDS.is_sorted() && FIELDS.iter().all(|field| NUMBERS.contains_key(field)));
    }
}
