use std::{collections::BTreeMap, io::Cursor, sync::Arc};

use event::{Class, Damage, Detector, Encoding, Event, Interest, LogSource, Piece, Position, Seen, TextGroup, Value};
use proptest::prelude::*;
use serde_json::{Value as Tree, json};

use super::Json;
use crate::{Block, Format, Output};

type Fields = BTreeMap<String, Vec<String>>;

/// More than any line.
const BYTE: u64 = 1 << 40;

/// An event as it was shown.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    /// Or [`BYTE`] and the byte.
    line: u64,
    channel: String,
    provider: String,
    event_id: u32,
    host: String,
    time: String,
    text: bool,
    fields: Fields,
}

impl Shown {
    fn field(&self, name: &str) -> Vec<&str> {
        self.fields.get(name).map(|values| values.iter().map(String::as_str).collect()).unwrap_or_default()
    }
}

/// Keeps what it is shown; checks that the fields it asks for are those of the whole record.
#[derive(Default)]
struct Keeper {
    interest: Arc<Interest>,
    word: &'static str,
    shown: Vec<Shown>,
}

impl Detector for Keeper {
    fn class(&mut self, source: &LogSource<'_>) -> Class {
        assert_eq!(source.product, "windows");
        Class(source.event_id % 4)
    }

    fn interest(&self, _: Class) -> Arc<Interest> {
        Arc::clone(&self.interest)
    }

    fn text_hits(&mut self, _: TextGroup, raw: &[u8], _: Encoding, hits: &mut Vec<usize>) -> bool {
        hits.extend(memchr::memmem::find_iter(raw, self.word));
        true
    }

    fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
        let mut fields = Fields::new();
        event.record.visit(&mut |name, value| {
            fields.entry(name.to_owned()).or_default().push(value.text().into_owned());
        });
        if !self.interest.fields.is_empty() {
            let mut wanted = Fields::new();
            for (slot, value) in event.fields {
                let name = self.interest.fields[usize::from(*slot)].clone();
                wanted.entry(name).or_default().push(value.text().into_owned());
            }
            assert_eq!(wanted, fields);
        }
        let source = event.record.source();
        self.shown.push(Shown {
            line: match event.record.position() {
                Position::Offset(byte) => BYTE + byte,
                line => line.number(),
            },
            channel: source.channel.to_owned(),
            provider: source.provider.to_owned(),
            event_id: source.event_id,
            host: event.record.host().into_owned(),
            time: event.time.map(|time| time.to_string()).unwrap_or_default(),
            text: event.text,
            fields,
        });
    }
}

fn blocks(bytes: &[u8]) -> Vec<Block> {
    let mut cutter = Json.cutter();
    let mut input = Cursor::new(bytes);
    std::iter::from_fn(|| cutter.cut(&mut input).unwrap()).collect()
}

fn read_with(bytes: &[u8], interest: Interest, word: &'static str) -> (Vec<Shown>, Output) {
    let mut keeper = Keeper { interest: Arc::new(interest), word, shown: Vec::new() };
    let piece = Arc::new(Piece { path: "test".to_owned() });
    let mut reader = Json.reader();
    let mut output = Output::default();
    for block in blocks(bytes) {
        reader.read(&piece, &block, &mut keeper, &mut output);
    }
    assert_eq!(output.records as usize, keeper.shown.len());
    (keeper.shown, output)
}

/// Reads once without wanting fields, and once wanting all there are.
fn read(text: impl AsRef<[u8]>) -> (Vec<Shown>, Output) {
    let bytes = text.as_ref();
    let (shown, output) = read_with(bytes, Interest { wanted: true, ..Interest::default() }, "");
    let mut fields: Vec<String> = shown.iter().flat_map(|event| event.fields.keys().cloned()).collect();
    fields.sort();
    fields.dedup();
    let again = read_with(bytes, Interest { wanted: true, fields, ..Interest::default() }, "");
    assert_eq!((&shown, &output), (&again.0, &again.1));
    (shown, output)
}

fn one(text: &str) -> Shown {
    assert!(Json.recognises(text.as_bytes(), ""), "not recognised: {text}");
    let (shown, output) = read(text);
    assert_eq!(output.damages, []);
    let [event] = shown.try_into().unwrap();
    event
}

fn damages(output: &Output) -> Vec<(u64, u64, &str)> {
    output.damages.iter().map(|damage| (damage.position.number(), damage.records, damage.reason.as_str())).collect()
}

const FLAT: &str = r#"{"EventID":1,"Channel":"Security","SourceName":"P"}"#;

#[test]
fn evtx_dump() {
    let event = one(r##"{"Event":{"#attributes":{"xmlns":"http://schemas.microsoft.com/win/2004/08/events/event"},
        "System":{"Provider":{"#attributes":{"Name":"Prov","Guid":"{1}","EventSourceName":"Src"}},
        "EventID":{"#attributes":{"Qualifiers":16384},"#text":7036},"Version":0,"Keywords":"0x80","Correlation":null,
        "TimeCreated":{"#attributes":{"SystemTime":"2020-01-02T03:04:05.6789Z"}},"EventRecordID":12,
        "Execution":{"#attributes":{"ProcessID":4,"ThreadID":5}},"Channel":"System","Computer":"HOST",
        "Security":{"#attributes":{"UserID":"S-1-5-18"}}},
        "EventData":{"Data":{"#text":["a","b"]},"Binary":null,"Name":"x","Name_1":"y","Odd_1":"z","Channel":"own","EventID":9},
        "RenderingInfo":{"Message":"words"}}}"##);
    assert_eq!((event.event_id, &*event.channel, &*event.provider), (7036, "System", "Prov"));
    assert_eq!((&*event.host, &*event.time, event.line), ("HOST", "2020-01-02T03:04:05.6789Z", 1));
    for (name, values) in [
        ("EventID", vec!["7036"]),
        ("EventID_Qualifiers", vec!["16384"]),
        ("Provider_Name", vec!["Prov"]),
        ("Provider_Guid", vec!["{1}"]),
        ("Provider_EventSourceName", vec!["Src"]),
        ("Keywords", vec!["0x80"]),
        ("SystemTime", vec!["2020-01-02T03:04:05.6789Z"]),
        ("EventRecordID", vec!["12"]),
        ("Execution_ProcessID", vec!["4"]),
        ("UserID", vec!["S-1-5-18"]),
        ("Data", vec!["a", "b"]),
        ("Binary", vec![""]),
        ("Name", vec!["x", "y"]),
        ("Odd_1", vec!["z"]),
        ("Channel", vec!["own"]),
        ("Message", vec![]),
        ("Correlation", vec![]),
        ("Event", vec![]),
    ] {
        assert_eq!(event.field(name), values, "{name}");
    }
}

#[test]
fn evtx_dump_with_separate_attributes_and_user_data() {
    let event = one(
        r##"{"Event_attributes":{"xmlns":"http"},"Event":{"System":{"Provider_attributes":{"Name":"Prov"},"EventID":104,
        "TimeCreated_attributes":{"SystemTime":"2020-01-02T03:04:05Z"},"Channel":"System"},
        "UserData":{"LogFileCleared":{"#attributes":{"xmlns":"u"},"SubjectUserName":"tony","BackupPath":null,
        "Cert":{"#attributes":{"fileRef":"f"},"Subject":{"CN":"c"}},"Cert_1":{"#attributes":{"fileRef":"g"}}}}}}"##,
    );
    assert_eq!((event.event_id, &*event.provider, &*event.time), (104, "Prov", "2020-01-02T03:04:05Z"));
    assert_eq!(event.field("SubjectUserName"), ["tony"]);
    assert_eq!(event.field("BackupPath"), [""]);
    assert_eq!(event.field("Cert_fileRef"), ["f", "g"]);
    assert_eq!(event.field("Cert"), [""]);
    assert_eq!(event.field("LogFileCleared"), [""; 0]);
    assert_eq!(event.field("CN"), ["c"]);
    let names: Vec<&str> = event.fields.keys().map(String::as_str).collect();
    assert!(!names.iter().any(|name| name.contains("xmlns")), "{names:?}");
}

#[test]
fn without_event_around_it() {
    let event = one(
        r#"{"System":{"Provider":{"Name":"Prov"},"EventID":{"Value":4624},"TimeCreated":{"SystemTime":1600000000.5},
        "Channel":"Security","Computer":"HOST"},"EventData":{"LogonType":3}}"#,
    );
    assert_eq!((event.event_id, &*event.provider, &*event.host), (4624, "Prov", "HOST"));
    assert_eq!((&*event.time, event.field("LogonType")), ("2020-09-13T12:26:40.5Z", vec!["3"]));
}

#[test]
fn winlogbeat_nested_and_dotted() {
    let nested = r#"{"@timestamp":"2020-01-02T03:04:05.678Z","winlog":{"channel":"Security","provider_name":"Prov",
        "event_id":"4688","computer_name":"HOST","record_id":7,"process":{"pid":4,"thread":{"id":5}},"user":{"identifier":"S"},
        "event_data":{"NewProcessName":"C:\\a.exe","A.B":"dot"},"user_data":{"xml_name":"U","Deep":{"X":"x"}}},
        "event":{"code":4688,"provider":"Prov"},"host":{"name":"other"},"message":"m"}"#;
    let dotted = r#"{"winlog.event_data.NewProcessName":"C:\\a.exe","winlog.event_data.A.B":"dot","winlog.user_data.xml_name":"U",
        "winlog.user_data.Deep":{"X":"x"},"event.code":4688,"event.provider":"Prov","host.name":"other","message":"m",
        "winlog.event_id":"4688","winlog.computer_name":"HOST","winlog.record_id":7,"winlog.process.pid":4,
        "winlog.process.thread.id":5,"winlog.user.identifier":"S","@timestamp":"2020-01-02T03:04:05.678Z",
        "winlog.provider_name":"Prov","winlog.channel":"Security"}"#;
    let event = one(nested);
    assert_eq!(event, one(dotted));
    assert_eq!((event.event_id, &*event.channel, &*event.provider), (4688, "Security", "Prov"));
    assert_eq!((&*event.host, &*event.time), ("HOST", "2020-01-02T03:04:05.678Z"));
    for (name, value) in [
        ("NewProcessName", "C:\\a.exe"),
        ("A.B", "dot"),
        ("X", "x"),
        ("EventID", "4688"),
        ("event.code", "4688"),
        ("EventRecordID", "7"),
        ("Execution_ProcessID", "4"),
        ("Execution_ThreadID", "5"),
        ("UserID", "S"),
        ("Message", "m"),
        ("host.name", "other"),
    ] {
        assert_eq!(event.field(name), [value], "{name}");
    }
}

#[test]
fn winlogbeat_6() {
    let event = one(
        r#"{"@timestamp":"2019-05-18T20:19:20.065Z","record_number":"76","event_id":4103,"log_name":"Log","source_name":"Prov",
        "computer_name":"HOST","event_data":{"Payload":"p"},"process_id":4,"host":{"name":"other"}}"#,
    );
    assert_eq!((event.event_id, &*event.channel, &*event.provider), (4103, "Log", "Prov"));
    assert_eq!((&*event.host, event.field("Payload")), ("HOST", vec!["p"]));
    assert_eq!((event.field("EventRecordID"), event.field("Execution_ProcessID")), (vec!["76"], vec!["4"]));
}

#[test]
fn what_elastic_moves_is_brought_back() {
    let event = |channel: &str, id: u32, fields: &str| {
        one(&format!(r#"{{"winlog":{{"channel":"{channel}","event_id":"{id}"{fields}}}"#))
    };
    let sysmon = |id, fields: &str| event("Microsoft-Windows-Sysmon/Operational", id, fields);
    let process = r#"},"process":{"executable":"C:\\a.exe","command_line":"a \"b\"","pid":77,"working_directory":"C:\\",
        "parent":{"executable":"C:\\p.exe","command_line":"p"},"pe":{"original_file_name":"A.EXE","imphash":"ff"},
        "hash":{"md5":"aa","sha256":"bb"}},"user":{"domain":"NT AUTHORITY","name":"SYSTEM"}"#;
    let start = sysmon(1, process);
    for (name, values) in [
        ("Image", vec!["C:\\a.exe"]),
        ("process.executable", vec![]),
        ("CommandLine", vec!["a \"b\""]),
        ("ProcessId", vec!["77"]),
        ("CurrentDirectory", vec!["C:\\"]),
        ("ParentImage", vec!["C:\\p.exe"]),
        ("ParentCommandLine", vec!["p"]),
        ("OriginalFileName", vec!["A.EXE"]),
        ("Hashes", vec!["IMPHASH=ff", "MD5=aa", "SHA256=bb"]),
        ("User", vec!["NT AUTHORITY\\SYSTEM"]),
    ] {
        assert_eq!(start.field(name), values, "{name}");
    }
    // What a field is depends on the event; with dots it is the same.
    let executable = r#"},"process.executable":"C:\\a.exe","process.entity_id":"{1}","file.path":"C:\\f""#;
    for (id, name, path) in
        [(1, "Image", "TargetFilename"), (7, "Image", "ImageLoaded"), (10, "SourceImage", "TargetFilename")]
    {
        let event = sysmon(id, executable);
        assert_eq!((event.field(name), event.field(path)), (vec!["C:\\a.exe"], vec!["C:\\f"]), "{id}");
    }
    let security = event("Security", 4688, executable);
    assert_eq!((security.field("NewProcessName"), security.field("Image")), (vec!["C:\\a.exe"], vec![]));
    assert_eq!(event("Security", 4689, executable).field("ProcessName"), ["C:\\a.exe"]);
    assert_eq!(event("System", 1, executable).field("process.executable"), ["C:\\a.exe"]);
    for (direction, initiated) in [("egress", "true"), ("ingress", "false"), ("unknown", "unknown")] {
        let event = sysmon(3, &format!(r#"}},"network":{{"direction":"{direction}"}},"destination":{{"port":443}}"#));
        assert_eq!((event.field("Initiated"), event.field("DestinationPort")), (vec![initiated], vec!["443"]));
    }
    // The event's own data is believed.
    let both =
        sysmon(1, r#","event_data":{"Image":"own","User":"U"}},"process":{"executable":"moved"},"user":{"name":"n"}"#);
    assert_eq!((both.field("Image"), both.field("User")), (vec!["own"], vec!["U"]));
    // Of a record that is not Winlogbeat's such keys are what they are called.
    let other = one(r#"{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","process":{"executable":"x"}}"#);
    assert_eq!((other.field("process.executable"), other.field("Image")), (vec!["x"], vec![]));
}

#[test]
fn unnamed_data_of_winlogbeat_is_data() {
    let event = one(
        r#"{"winlog":{"channel":"Windows PowerShell","event_id":400,"event_data":{"param1":"Available","param2":"a\nb",
        "parameter":"p","param":"q"}}}"#,
    );
    assert_eq!(event.field("Data"), ["Available", "a\nb"]);
    assert_eq!(
        (event.field("param1"), event.field("param"), event.field("parameter")),
        (vec!["Available"], vec!["q"], vec!["p"])
    );
    let six =
        one(r#"{"event_id":400,"log_name":"Windows PowerShell","Data":"x","event_data":{"param1":"y","Data":"z"}}"#);
    assert_eq!(six.field("Data"), ["y", "z"]);
    let other = one(r#"{"Event":{"System":{"EventID":7036,"Channel":"System"},"EventData":{"param1":"x"}}}"#);
    assert_eq!((other.field("param1"), other.field("Data")), (vec!["x"], vec![]));
}

#[test]
fn a_record_without_channel_is_of_its_providers() {
    let channel = |provider: &str| one(&format!(r#"{{"EventID":1,"SourceName":"{provider}"}}"#)).channel;
    assert_eq!(channel("Microsoft-Windows-Sysmon"), "Microsoft-Windows-Sysmon/Operational");
    assert_eq!(channel("Microsoft Windows security auditing."), "Security");
    assert_eq!(channel("POWERSHELL"), "Windows PowerShell");
    assert_eq!(channel("Microsoft-Windows-Eventlog"), "");
    assert_eq!(one(r#"{"EventID":1,"SourceName":"PowerShell","Channel":"Mine"}"#).channel, "Mine");
}

#[test]
fn flat() {
    let event = one(
        r#"{"Keywords":-9223372036854775808,"Image":"C:\\a.exe","host":"collector","Hostname":"HOST","RecordNumber":5,
        "EventID":1,"SourceName":"Microsoft-Windows-Sysmon","ProviderName":"own","tags":["x","y"],"ProcessId":"77",
        "@timestamp":"2020-06-10T02:50:56.537Z","EventTime":"2020-06-09 22:50:54","UtcTime":"2020-06-10 02:50:54.631",
        "Channel":"Microsoft-Windows-Sysmon\/Operational","deep":{"er":[1,{"x":true}]}}"#,
    );
    assert_eq!(&*event.channel, "Microsoft-Windows-Sysmon/Operational");
    assert_eq!((&*event.host, &*event.time), ("HOST", "2020-06-10T02:50:54.631Z"));
    for (name, values) in [
        ("Provider_Name", vec!["Microsoft-Windows-Sysmon"]),
        ("ProviderName", vec!["own"]),
        ("SourceName", vec![]),
        ("Computer", vec!["HOST"]),
        ("host", vec!["collector"]),
        ("EventRecordID", vec!["5"]),
        ("Keywords", vec!["0x8000000000000000"]),
        ("tags", vec!["x", "y"]),
        ("ProcessId", vec!["77"]),
        ("deep.er", vec!["1"]),
        ("deep.er.x", vec!["true"]),
        ("EventTime", vec!["2020-06-09 22:50:54"]),
    ] {
        assert_eq!(event.field(name), values, "{name}");
    }
}

#[test]
fn which_time_is_believed() {
    let time = |fields: &str| one(&format!(r#"{{"EventID":1,"Channel":"Security",{fields}}}"#)).time;
    let (local, utc) = (r#""EventTime":"2020-06-09 22:50:54""#, r#""UtcTime":"2020-06-10 02:50:54.631""#);
    let collected = r#""@timestamp":"2020-06-10T02:50:56.537Z""#;
    assert_eq!(time(&format!("{local},{utc},{collected}")), "2020-06-10T02:50:56.537Z");
    assert_eq!(time(local), "2020-06-09T22:50:54Z");
    assert_eq!(time(&format!(r#"{collected},"TimeCreated":"2020-06-09T22:50:54.1-04:00""#)), "2020-06-10T02:50:54.1Z");
    assert_eq!(time(&format!(r#"{collected},"SystemTime":"2020-06-10 02:50:54.5""#)), "2020-06-10T02:50:54.5Z");
    assert_eq!(time(r#""EventTime":"never""#), "");
}

#[test]
fn powershell() {
    let event = one(
        r#"{"Id":7045,"Version":0,"Qualifiers":16384,"ProviderName":"Service Control Manager","ProviderId":"g","LogName":"System",
        "RecordId":3,"MachineName":"HOST","TimeCreated":"\/Date(1603787334351)\/","ProcessId":600,"ThreadId":8,
        "UserId":{"BinaryLength":12,"AccountDomainSid":null,"Value":"S-1-5-18"},"Keywords":-9187343239835811840,
        "Properties":[{"Value":"svc"},{"Value":17}],"Message":"A service was installed"}"#,
    );
    assert_eq!((event.event_id, &*event.channel, &*event.provider), (7045, "System", "Service Control Manager"));
    assert_eq!((&*event.host, &*event.time), ("HOST", "2020-10-27T08:28:54.351Z"));
    for (name, values) in [
        ("Data", vec!["svc", "17"]),
        ("UserID", vec!["S-1-5-18"]),
        ("Execution_ProcessID", vec!["600"]),
        ("EventID_Qualifiers", vec!["16384"]),
        ("Provider_Guid", vec!["g"]),
        ("EventRecordID", vec!["3"]),
        ("Keywords", vec!["0x8080000000000000"]),
        ("Message", vec!["A service was installed"]),
    ] {
        assert_eq!(event.field(name), values, "{name}");
    }
}

#[test]
fn elasticsearch() {
    let hit = r#"{"_index":"i","_id":"1","Channel":"no","_source":{"EventID":1,"Channel":"Security","_source":{"x":1}},"sort":[1]}"#;
    let event = one(hit);
    assert_eq!(event.channel, "Security");
    assert_eq!(event.fields.keys().collect::<Vec<_>>(), ["Channel", "EventID", "_source.x"]);
    let response = format!(r#"{{"took":1,"hits":{{"total":{{"value":2}},"hits":[{hit},{hit}],"max":[]}},"x":"y"}}"#);
    assert!(Json.recognises(response.as_bytes(), ""));
    let (shown, output) = read(&response);
    assert_eq!((shown.len(), output.damages), (2, vec![]));
    assert_eq!(shown[0], event);
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Tree>(&response).unwrap()).unwrap();
    let both = format!("{pretty}\n{response}\n{FLAT}\n");
    let (shown, output) = read(&both);
    assert_eq!((shown.len(), damages(&output)), (5, vec![]));
}

#[test]
fn any_layout() {
    let tree: Tree = serde_json::from_str(FLAT).unwrap();
    let pretty = serde_json::to_string_pretty(&tree).unwrap();
    let array = serde_json::to_string_pretty(&vec![&tree; 3]).unwrap();
    let length = FLAT.len() as u64;
    let layouts = [
        (format!("{FLAT}\n{FLAT}\n{FLAT}"), [1, 2, 3]),
        (format!("\u{feff}{FLAT}\r\n\r\n{FLAT}\r\n{FLAT}\r\n"), [1, 3, 4]),
        (format!("{FLAT}{FLAT} {FLAT}"), [1, BYTE + length, BYTE + 2 * length + 1]),
        (format!("[{FLAT},{FLAT},{FLAT}]"), [1, BYTE + length + 2, BYTE + 2 * length + 3]),
        (format!("[\n{FLAT},\n{FLAT},\n{FLAT}\n]\n"), [2, 3, 4]),
        (format!("[{FLAT}]\n[{FLAT}]\n[{FLAT}]\n"), [1, 2, 3]),
        (format!("{pretty}\n{pretty}\n{pretty}\n"), [1, 6, 11]),
        (format!("Record 1\n{pretty}\nRecord 2\n{pretty}\nRecord 3\n{pretty}\n"), [2, 8, 14]),
        (array.clone(), [2, 7, 12]),
        (array.replace("  ", "\t"), [2, 7, 12]),
        (format!("{{\"a\":1,\n\"records\": {array},\n\"count\": 3}}\n"), [3, 8, 13]),
    ];
    for (text, lines) in layouts {
        assert!(Json.recognises(text.as_bytes(), ""), "{text}");
        let (shown, output) = read(&text);
        assert_eq!(damages(&output), [], "{text}");
        assert_eq!(shown.iter().map(|event| event.line).collect::<Vec<_>>(), lines, "{text}");
    }
}

#[test]
fn other_json_is_not_recognised() {
    let texts = [
        "",
        "   \n",
        "{}",
        "[]",
        "[[[[",
        "plain text {",
        r#"{"eventVersion":"1.08","eventID":"x","eventSource":"ec2.amazonaws.com","Records":[{"eventName":"y"}]}"#,
        r#"{"ts":1588316963.4,"uid":"C","id_orig_h":"10.0.1.5","method":"GET"}"#,
        r#"{"EventID":1}"#,
        r#"{"Channel":"Security"}"#,
        r#"{"EventID":1,"Channel"#,
        "Record 1\n<?xml version=\"1.0\"?>\n<Event>",
    ];
    for text in texts {
        assert!(!Json.recognises(text.as_bytes(), "a.json"), "{text}");
    }
    // The head may end within the first record.
    assert!(Json.recognises(br#"{"EventID":1,"Channel":"Security","Message":"cut he"#, ""));
}

#[test]
fn a_bad_beginning_does_not_hide_what_follows() {
    let event = r#"{"EventID":1,"Channel":"Security","X":"x"}"#;
    let other = r#"{"name":"no event"}"#;
    for (text, good, bad) in [
        (format!("curity\",\"X\":1}}\n{event}\n{event}\n"), 2, 1),
        (format!("# exported by hand\n{event}\n"), 1, 1),
        (format!("\"X\": [1,\n  2]\n}}\n{event}\n"), 1, 3),
        (format!("{}{event}\n", format!("{other}\n").repeat(500)), 1, 500),
    ] {
        assert!(Json.recognises(text.as_bytes(), ""), "{text}");
        let (shown, output) = read(&text);
        let lost: u64 = output.damages.iter().map(|damage| damage.records).sum();
        assert_eq!((shown.len(), lost), (good, bad), "{text}: {:?}", output.damages);
    }
    for text in ["a {\n b", "a\n{\"b\":1}\n", "a\n {", "x = {\n\"EventID\":1,\"Channel\":\"a\"}"] {
        assert!(!Json.recognises(text.as_bytes(), ""), "{text}");
    }
}

#[test]
fn a_first_record_longer_than_the_head_is_judged_by_its_keys() {
    let long = "A".repeat(100_000);
    for (text, is_event) in [
        (format!(r#"{{"CommandLine":"{long}","EventID":1,"Channel":"Security"}}"#), true),
        (format!(r#"{{"Channel":"Security","Other":"{long}","EventID":1}}"#), true),
        (format!(r#"{{"Event":{{"EventData":{{"X":"{long}"}},"System":{{"EventID":1}}}}}}"#), true),
        (format!(r#"{{"winlog":{{"event_data":{{"X":"{long}"}},"event_id":1,"channel":"Security"}}}}"#), true),
        (format!(r#"{{"Other":"{long}","EventID":1,"Channel":"Security"}}"#), false),
        (format!(r#"{{"Id":1,"data":"{long}"}}"#), false),
    ] {
        assert_eq!(Json.recognises(&text.as_bytes()[..64 << 10], ""), is_event, "{}", &text[..60]);
        if is_event {
            assert_eq!(read(&text).0.len(), 1);
        }
    }
}

#[test]
fn a_line_cut_short_costs_that_line() {
    let cuts = [
        r#"{"EventID":1,"Channel":"Secu"#,
        r#"{"EventID":1,"Channel":"Secu\"#,
        r#"{"EventID":1,"Channel":"#,
        r#"{"EventID":1,"Channel""#,
        r#"{"EventID":1,"#,
        r#"{"EventID":1"#,
        r#"{"EventID":"#,
        r#"{"a":[1,"#,
        r#"{"a":{"#,
        r#"{"#,
        r#"{"a":tru"#,
        r#"{"a":-"#,
    ];
    for cut in cuts {
        let (shown, output) = read(format!("{FLAT}\n{cut}\n{FLAT}\n{cut}"));
        assert_eq!(shown.iter().map(|event| event.line).collect::<Vec<_>>(), [1, 3], "{cut}");
        let found = damages(&output);
        assert_eq!(
            found.iter().map(|(line, records, _)| (*line, *records)).collect::<Vec<_>>(),
            [(2, 1), (4, 1)],
            "{found:?}"
        );
    }
    let (_, output) = read(format!("{FLAT}\n{}\n{FLAT}\n", cuts[0]));
    assert_eq!(damages(&output), [(2, 1, "cut short: expected a closing '\"', found a line end")]);
}

#[test]
fn a_record_cut_short_in_a_pretty_array_costs_that_record() {
    let tree: Tree = serde_json::from_str(FLAT).unwrap();
    let array = serde_json::to_string_pretty(&vec![&tree; 3]).unwrap();
    let mut lines: Vec<&str> = array.lines().collect();
    lines.drain(8..11);
    let (shown, output) = read(lines.join("\n"));
    assert_eq!(shown.iter().map(|event| event.line).collect::<Vec<_>>(), [2, 9]);
    assert_eq!(damages(&output), [(7, 1, "cut short: expected the record's end, found the next record")]);
}

#[test]
fn bad_records_cost_themselves() {
    let deep = format!(r#"{{"EventID":1,"x":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let long_key = format!(r#"{{"{}":1}}"#, "k".repeat(5000));
    let cases = [
        (r#"{"a" 1}"#, "expected ':' behind a key, found '1'"),
        (r#"{"a":1 "b":2}"#, "expected ',' or '}', found '\"'"),
        (r#"{"a":[1 2]}"#, "expected ',' or ']', found '2'"),
        (r#"{a:1}"#, "expected a key, found 'a'"),
        (r#"{"a":yes}"#, "expected a value, found 'y'"),
        (&deep, "expected no more than 128 levels of nesting, found one more"),
        (&long_key, "expected a record of fewer and shorter names, found too many or one over 4096 bytes"),
        (
            r#"{"EventID":1}"#,
            "not a Windows event: expected a channel or a provider beside the event id, found neither",
        ),
        (r#"{"eventName":"x"}"#, "not a Windows event: expected an event id, found none"),
        (
            r#"{"EventID":"x","Channel":"y"}"#,
            "not a Windows event: expected a number as event id, found something else",
        ),
        ("# comment {", "expected a JSON object, found '#'"),
        ("\"text\"", "expected a JSON object, found '\"'"),
        ("}", "expected a JSON object, found '}'"),
        ("\u{0}", "expected a JSON object, found byte 0x00"),
    ];
    for (bad, reason) in cases {
        let (shown, output) = read(format!("{FLAT}\n{bad}\n{FLAT}\n"));
        assert_eq!(shown.iter().map(|event| event.line).collect::<Vec<_>>(), [1, 3], "{bad}");
        assert_eq!(damages(&output), [(2, 1, reason)]);
    }
    // In an array on one line too.
    let (shown, output) = read(format!(r#"[{FLAT},{{"a":nope,"b":"}}"}},{FLAT}]"#));
    assert_eq!((shown.len(), output.damages.len()), (2, 1));
}

#[test]
fn equal_damages_in_a_row_are_one_and_their_number_is_bounded() {
    let (_, output) = read(format!("{FLAT}\n{}{FLAT}\n", "{}\n".repeat(50_000)));
    assert_eq!(damages(&output), [(2, 50_000, "not a Windows event: expected an event id, found none")]);
    let (_, output) = read(format!("{FLAT}\n{}", "{}\n#\n".repeat(50_000)));
    assert_eq!(output.damages.iter().map(|damage| damage.records).sum::<u64>(), 100_000);
    assert!(output.damages.len() <= 1000);
}

#[test]
fn bytes_that_are_not_utf8_are_read_with_a_note() {
    let mut bytes = format!("{FLAT}\n").into_bytes();
    bytes.extend_from_slice(b"{\"EventID\":1,\"Channel\":\"Security\",\"User\":\"J\xf6rg\"}\n");
    bytes.extend_from_slice(FLAT.as_bytes());
    let (shown, output) = read(&bytes);
    assert_eq!((shown.len(), shown[1].field("User"), shown[2].line), (3, vec!["J\u{fffd}rg"], 3));
    assert_eq!(output.notes, ["line 2: bytes that are not UTF-8 were read as U+FFFD"]);
    assert_eq!(output.damages, []);
}

#[test]
fn values_keep_their_kind_and_are_borrowed() {
    struct Kinds;
    impl Detector for Kinds {
        fn class(&mut self, _: &LogSource<'_>) -> Class {
            Class(0)
        }
        fn interest(&self, _: Class) -> Arc<Interest> {
            let fields = ["t", "e", "s", "n", "i", "u", "f", "b", "Channel"].map(str::to_owned).to_vec();
            Arc::new(Interest { wanted: true, fields, ..Interest::default() })
        }
        fn text_hits(&mut self, _: TextGroup, _: &[u8], _: Encoding, _: &mut Vec<usize>) -> bool {
            true
        }
        fn look(&mut self, event: &Event<'_>, _: &mut Seen) {
            let expected = [
                (0, Value::Text("plain")),
                (1, Value::Text("a\"\u{e4}\n")),
                (2, Value::Text("\u{fffd}")),
                (3, Value::Null),
                (4, Value::Int(-5)),
                (5, Value::UInt(u64::MAX)),
                (6, Value::Float(0.25)),
                (7, Value::Bool(true)),
                (8, Value::Text("S")),
            ];
            assert_eq!(event.fields, expected);
        }
    }
    let text = r#"{"t":"plain","e":"a\"\u00e4\n","s":"\ud800","n":null,"i":-5,"u":18446744073709551615,"f":0.25,"b":true,"Channel":"S","EventID":1}"#;
    let mut output = Output::default();
    let piece = Arc::new(Piece { path: String::new() });
    Json.reader().read(&piece, &blocks(text.as_bytes())[0], &mut Kinds, &mut output);
    assert_eq!(output.records, 1);
}

#[test]
fn words_are_found_in_whatever_way_they_are_written() {
    let text = |record: &str, word| {
        let interest = Interest { wanted: true, fields: Vec::new(), text: Some(TextGroup(1)), ..Interest::default() };
        let (shown, _) = read_with(format!("{FLAT}\n{record}\n{FLAT}\n").as_bytes(), interest, word);
        shown.iter().map(|event| event.text).collect::<Vec<_>>()
    };
    let record = r#"{"EventID":1,"Channel":"S","x":"C:\\users\\evil.exe \u00e4"}"#;
    assert_eq!(text(record, "evil"), [false, true, false]);
    assert_eq!(text(record, "absent"), [false, false, false]);
    assert_eq!(text(record, "Security"), [true, false, true]);
    // What may be written as its number cannot be ruled out.
    let record = r#"{"EventID":1,"Channel":"S","x":"\u0065vil"}"#;
    assert_eq!(text(record, "evil"), [false, true, false]);
    assert_eq!(text(record, "Security"), [true, true, true]);
}

#[test]
fn many_different_names_stay_bounded() {
    let mut text = String::new();
    for record in 0..40 {
        let keys: Vec<String> = (0..1000).map(|key| format!("\"k{record}x{key}\":{key}")).collect();
        text += &format!("{{\"EventID\":{record},\"Channel\":\"S{record}\",{}}}\n", keys.join(","));
    }
    let (shown, output) = read(&text);
    assert_eq!((shown.len(), output.damages.len()), (40, 0));
    assert_eq!((shown[39].field("k39x7"), shown[39].fields.len()), (vec!["7"], 1002));
    let keys: Vec<String> = (0..100_000).map(|key| format!("\"k{key}\":{key}")).collect();
    let (shown, output) = read(format!("{{{}}}\n{FLAT}\n", keys.join(",")));
    assert_eq!((shown.len(), output.damages.len()), (1, 1));
}

/// Several megabytes in each layout: the blocks are whole records and tell their lines.
#[test]
fn large_pieces_are_cut_between_records() {
    let record = |number: usize| json!({"EventID": number, "Channel": "S", "x": {"y": ["}", "{", "\\\"\n{"]}, "pad": "p".repeat(300)});
    let records: Vec<Tree> = (0..8000).map(record).collect();
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    let pretty: String = records.iter().map(|record| serde_json::to_string_pretty(record).unwrap() + "\n").collect();
    let layouts = [
        lines.clone(),
        pretty,
        serde_json::to_string(&records).unwrap(),
        serde_json::to_string_pretty(&records).unwrap(),
        serde_json::to_string_pretty(&json!({"hits": {"hits": records}})).unwrap(),
        lines.replace('\n', ""),
    ];
    for text in layouts {
        let cut = blocks(text.as_bytes());
        assert!(cut.len() >= 3 && cut.iter().all(|block| block.bytes.len() <= 1 << 20), "{}", cut.len());
        for block in &cut {
            let before = &text.as_bytes()[..block.offset as usize];
            assert_eq!(block.line, 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64);
            assert_eq!(&text.as_bytes()[block.offset as usize..][..block.bytes.len()], block.bytes);
        }
        let (shown, output) = read_with(text.as_bytes(), Interest { wanted: true, ..Interest::default() }, "");
        assert_eq!(damages(&output), []);
        assert!(shown.iter().map(|event| event.event_id as usize).eq(0..8000));
        let newlines: Vec<usize> = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
        for event in shown.iter().step_by(97) {
            let line = event.line as usize;
            let from = match event.line.checked_sub(BYTE) {
                Some(byte) => byte as usize,
                None if line == 1 => 0,
                None => newlines[line - 2] + 1,
            };
            let record = &text[from..];
            assert!(line == 1 || record.trim_start().starts_with('{'), "{}", event.line);
            let number = format!("\"EventID\":{},", event.event_id);
            assert!(event.line < BYTE || record.replacen(": ", ":", 1).starts_with(&format!("{{{number}")), "{number}");
        }
    }
}

/// Gives bytes without holding them: `head`, then `length` times `byte`, then `tail`.
fn long(head: &str, byte: u8, length: u64, tail: &str) -> impl std::io::Read + use<> {
    use std::io::Read;
    let (head, tail) = (Cursor::new(head.to_owned().into_bytes()), Cursor::new(tail.to_owned().into_bytes()));
    head.chain(std::io::repeat(byte).take(length)).chain(tail)
}

#[test]
fn a_record_over_the_limit_is_skipped() {
    let heads = [
        (format!("{FLAT}\n{{\"EventID\":1,\"x\":\""), format!("\"}}\n{FLAT}\n"), 2),
        (format!("{FLAT}\n"), format!("\n{FLAT}\n"), 2),
        (format!("[{FLAT},{{\"x\":\""), format!("\"}},{FLAT}]"), 1),
        ("{\"x\":\"".to_owned(), format!("\n{FLAT}\n{FLAT}"), 1),
    ];
    for (head, tail, line) in heads {
        let mut cutter = Json.cutter();
        let mut input = long(&head, b'x', 100_000_000, &tail);
        let mut keeper =
            Keeper { interest: Arc::new(Interest { wanted: true, ..Interest::default() }), ..Keeper::default() };
        let mut output = Output::default();
        while let Some(block) = cutter.cut(&mut input).unwrap() {
            assert!(block.bytes.len() <= 65 << 20);
            Json.reader().read(&Arc::new(Piece { path: String::new() }), &block, &mut keeper, &mut output);
        }
        let reason = "expected a record of at most 67108864 bytes, found a longer one".to_owned();
        assert_eq!(output.damages, [Damage { position: Position::Line(line), records: 1, reason }]);
        assert_eq!(keeper.shown.len(), 2);
    }
}

#[test]
fn a_long_record_within_the_limit_is_read() {
    let mut cutter = Json.cutter();
    let mut input = long(&format!("{FLAT}\n{{\"EventID\":1,\"Channel\":\"S\",\"x\":\""), b'x', 20_000_000, "\"}\n");
    let mut keeper =
        Keeper { interest: Arc::new(Interest { wanted: true, ..Interest::default() }), ..Keeper::default() };
    let mut output = Output::default();
    while let Some(block) = cutter.cut(&mut input).unwrap() {
        Json.reader().read(&Arc::new(Piece { path: String::new() }), &block, &mut keeper, &mut output);
    }
    assert_eq!((keeper.shown.len(), keeper.shown[1].line, output.damages.len()), (2, 2, 0));
}

/// A small generator, so that one number decides a layout.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn write_text(text: &str, dice: &mut Dice, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if dice.roll(8) == 0 {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else if c == '/' && dice.roll(2) == 0 {
            out.push_str("\\/");
        } else {
            let quoted = serde_json::to_string(&c.to_string()).unwrap();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    out.push('"');
}

fn write_tree(tree: &Tree, pretty: bool, indent: usize, dice: &mut Dice, out: &mut String) {
    let line = |out: &mut String, indent: usize| {
        if pretty {
            out.push('\n');
            out.push_str(&"  ".repeat(indent));
        }
    };
    match tree {
        Tree::String(text) => write_text(text, dice, out),
        Tree::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                line(out, indent + 1);
                write_tree(item, pretty, indent + 1, dice, out);
            }
            line(out, indent);
            out.push(']');
        }
        Tree::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let first = dice.roll(members.len().max(1) as u64) as usize;
            members.rotate_left(first);
            out.push('{');
            for (number, (key, value)) in members.into_iter().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                line(out, indent + 1);
                write_text(key, dice, out);
                out.push_str([":", ": ", " : "][dice.roll(3) as usize]);
                write_tree(value, pretty, indent + 1, dice, out);
            }
            line(out, indent);
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn write_layout(records: &[Tree], dice: &mut Dice) -> String {
    let (layout, source) = (dice.roll(6), dice.roll(3) == 0);
    let mut out = String::new();
    let write = |record: &Tree, pretty, indent, dice: &mut Dice, out: &mut String| {
        let wrapped = json!({"_index": "i", "_source": record, "_score": null});
        write_tree(if source { &wrapped } else { record }, pretty, indent, dice, out);
    };
    match layout {
        0 | 1 => {
            for record in records {
                write(record, layout == 1, 0, dice, &mut out);
                out.push('\n');
            }
        }
        2 | 3 => {
            let list = if source {
                records.iter().map(|record| json!({"_source": record})).collect()
            } else {
                records.to_vec()
            };
            write_tree(&Tree::Array(list), layout == 3, 0, dice, &mut out);
        }
        4 => records.iter().for_each(|record| write(record, false, 0, dice, &mut out)),
        _ => {
            let hits: Vec<Tree> = records.iter().map(|record| json!({"_source": record})).collect();
            let pretty = dice.roll(2) == 0;
            write_tree(&json!({"hits": {"hits": hits}}), pretty, 0, dice, &mut out);
        }
    }
    out
}

/// The text of each scalar in a value that is one or an array of them.
fn scalars(tree: &Tree) -> Vec<String> {
    match tree {
        Tree::Null => vec![String::new()],
        Tree::String(text) => vec![text.clone()],
        Tree::Array(items) => items.iter().flat_map(scalars).collect(),
        other => vec![other.to_string()],
    }
}

/// The slow reading of a record: what its fields are, taken from the tree.
fn slowly(record: &Tree) -> Fields {
    let mut fields = Fields::new();
    let mut add = |name: &str, tree: &Tree| {
        let values = scalars(tree);
        if !values.is_empty() {
            fields.entry(name.to_owned()).or_default().extend(values);
        }
    };
    let rename = |name: &str| match name {
        "channel" => "Channel".to_owned(),
        "event_id" => "EventID".to_owned(),
        "provider_name" | "SourceName" => "Provider_Name".to_owned(),
        other => other.to_owned(),
    };
    if let Some(event) = record.get("Event") {
        let system = event["System"].as_object().unwrap();
        for (name, value) in system.iter().filter(|(name, _)| *name != "Provider") {
            add(name, value);
        }
        add("Provider_Name", &system["Provider"]["#attributes"]["Name"]);
        event["EventData"].as_object().unwrap().iter().for_each(|(name, value)| add(name, value));
    } else if let Some(winlog) = record.get("winlog") {
        for (name, value) in winlog.as_object().unwrap().iter().filter(|(name, _)| *name != "event_data") {
            add(&rename(name), value);
        }
        winlog["event_data"].as_object().unwrap().iter().for_each(|(name, value)| add(name, value));
    } else {
        record.as_object().unwrap().iter().for_each(|(name, value)| add(&rename(name), value));
    }
    fields
}

fn any_scalar() -> impl Strategy<Value = Tree> {
    prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        any::<u64>().prop_map(Tree::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Tree::from),
        any::<String>().prop_map(Tree::from),
        "[\\\\\"{}\\[\\],:\n/a \u{e4}\u{1f600}]{0,12}".prop_map(Tree::from),
    ]
}

fn any_value() -> impl Strategy<Value = Tree> {
    prop_oneof![4 => any_scalar(), 1 => prop::collection::vec(any_scalar(), 0..4).prop_map(Tree::from)]
}

prop_compose! {
    fn any_record()(
        shape in 0..3,
        id in any::<u32>(),
        channel in "[A-Z\\\\/\" \u{e4}]{1,6}",
        provider in any::<String>(),
        own in prop::collection::btree_map("[A-Za-z\\\\\"\u{e4}]{1,3}", any_value(), 0..8),
    ) -> Tree {
        let own: serde_json::Map<String, Tree> = own.into_iter().filter(|(name, _)| name != "Id").collect();
        match shape {
            0 => json!({"Event": {"System": {"Provider": {"#attributes": {"Name": provider}}, "EventID": id, "Channel": channel}, "EventData": own}}),
            1 => json!({"winlog": {"event_id": id, "channel": channel, "provider_name": provider, "event_data": own}}),
            _ => {
                let mut flat = own;
                flat.insert("EventID".to_owned(), id.into());
                flat.insert("Channel".to_owned(), channel.into());
                flat.insert("SourceName".to_owned(), provider.into());
                Tree::Object(flat)
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The fast reading gives what serde_json reads, in any layout, order of keys and way of escaping.
    #[test]
    fn reads_what_serde_json_reads(records in prop::collection::vec(any_record(), 1..6), seed in any::<u64>()) {
        let text = write_layout(&records, &mut Dice(seed));
        prop_assert!(Json.recognises(text.as_bytes(), ""), "{}", text);
        let (shown, output) = read(&text);
        prop_assert_eq!(damages(&output), vec![], "{}", &text);
        let slow: Vec<Fields> = records.iter().map(slowly).collect();
        let fast: Vec<Fields> = shown.into_iter().map(|event| event.fields).collect();
        prop_assert_eq!(fast, slow, "{}", text);
    }

    /// Whatever the bytes, every line between good ones costs no good record, and nothing panics.
    #[test]
    fn survives_anything(middle in prop::collection::vec("[{}\\[\\]\",:\\\\ 0-9a-z\t]{0,30}", 0..6)) {
        let text = format!("{FLAT}\n{}\n{FLAT}\n", middle.join("\n"));
        let (shown, _) = read(&text);
        prop_assert!(shown.len() >= 2);
    }

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        Json.recognises(&bytes, "");
        read(&bytes);
    }
}
