//! What a finding's record says of who and what was concerned.

use std::sync::Arc;

use event::{Event, Matched};

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
    "QueryName",
    "RelativeTargetName",
    "ScriptBlockId",
    "ScriptBlockText",
    "ServiceFileName",
    "ServiceName",
    "Sha256",
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
];

/// Bytes of a value that are kept; scripts are longer.
const MAX_VALUE: usize = 1024;
/// Values of a record that are kept.
const MAX_VALUES: usize = 64;

/// What a record says of who and what was concerned, in the order of its fields.
pub fn context(event: &Event<'_>) -> Arc<[Matched]> {
    let mut context = Vec::new();
    event.record.visit(&mut |field, value| {
        if context.len() >= MAX_VALUES || FIELDS.binary_search(&field).is_err() {
            return;
        }
        let text = value.text();
        if !is_nothing(&text) {
            context.push(Matched { field: field.to_owned(), value: shortened(&text, MAX_VALUE).to_owned() });
        }
    });
    context.into()
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
        assert!(FIELDS.is_sorted());
    }
}
