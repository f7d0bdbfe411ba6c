use proptest::prelude::*;

use super::{JournalExport, JournalJson, export::ExportBorders};
use crate::{
    Format,
    testing::{read, read_blocks, smallest_blocks},
};

const JSON: &str = r#"{"__REALTIME_TIMESTAMP":"1795325712766066","_SOURCE_REALTIME_TIMESTAMP":"1795325712700000","SYSLOG_IDENTIFIER":"sudo","_COMM":"sudo","_PID":"7","_HOSTNAME":"web01","PRIORITY":"5","SYSLOG_FACILITY":"10","MESSAGE":"    anna : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id","_UID":"0","TAG":["a","b"]}
{"__REALTIME_TIMESTAMP":"1795325713000000","_COMM":"x","MESSAGE":[110,101,101,100,108,101,255],"PRIORITY":"9","BIG":null}
"#;

fn export(message: &[u8]) -> Vec<u8> {
    let mut bytes = b"__CURSOR=c\n__REALTIME_TIMESTAMP=1795325713000000\n_COMM=x\nMESSAGE\n".to_vec();
    bytes.extend((message.len() as u64).to_le_bytes());
    bytes.extend(message);
    bytes.extend(b"\n_UID=0\n\n");
    bytes
}

#[test]
fn entries_are_the_messages_that_a_line_would_be() {
    let (keeper, output) = read(&JournalJson, "x", JSON.as_bytes());
    assert_eq!(
        keeper.shown,
        [
            "syslog/sudo line 1 2026-11-22T05:35:12.7Z message=anna : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id \
             program=sudo pid=7 host=web01 facility=authpriv severity=notice action=sudo outcome=accepted user=anna \
             terminal=pts/0 working_directory=/ run_as_user=root command=/usr/bin/id __REALTIME_TIMESTAMP=1795325712766066 \
             _SOURCE_REALTIME_TIMESTAMP=1795325712700000 _COMM=sudo _UID=0 TAG=a TAG=b",
            "syslog/x line 2 2026-11-22T05:35:13Z message=needle\u{fffd} program=x __REALTIME_TIMESTAMP=1795325713000000 \
             PRIORITY=9 BIG=",
        ]
    );
    assert_eq!((keeper.text, output.records, output.damages.len()), (vec![false, true], 2, 0));
    assert_eq!(output.notes.len(), 2, "{:?}", output.notes);
}

#[test]
fn the_shapes_of_json_are_one() {
    let expected = read(&JournalJson, "x", JSON.as_bytes()).0.shown.len();
    let events: String = JSON.lines().map(|line| format!("data: {line}\n\n")).collect();
    let sequence: String = JSON.lines().map(|line| format!("\u{1e}{line}\n")).collect();
    let pretty = JSON.replace(",\"", ",\n\t\"").replace("{\"", "{\n\t\"").replace("}\n", "\n}\n");
    let array = format!("[\n{}\n]\n", JSON.trim().replace("}\n", "},\n"));
    for text in [events, sequence, pretty, array] {
        assert!(JournalJson.recognises(text.as_bytes(), ""), "{text}");
        let (keeper, output) = read(&JournalJson, "x", text.as_bytes());
        assert_eq!((keeper.shown.len(), &*output.damages), (expected, &[][..]), "{text}");
    }
    for text in ["{\"Event\":{\"System\":{}}}", "{\"MESSAGE\":\"x\"}", "", "a=b\n"] {
        assert!(!JournalJson.recognises(text.as_bytes(), ""), "{text}");
        assert!(!JournalExport.recognises(text.as_bytes(), ""), "{text}");
    }
}

#[test]
fn binary_values_hold_anything() {
    let forged = b"two\n\n__CURSOR=forged\nMESSAGE=forged\n\n\xff";
    let bytes = [export(forged), export(b"")].concat();
    assert!(JournalExport.recognises(&bytes, ""));
    let (keeper, output) = read(&JournalExport, "x", &bytes);
    let text = String::from_utf8_lossy(forged);
    let first = format!(
        "syslog/x line 1 2026-11-22T05:35:13Z message={text} program=x __CURSOR=c __REALTIME_TIMESTAMP=1795325713000000 _UID=0"
    );
    assert_eq!(keeper.shown[0], first);
    assert_eq!((output.records, output.damages.len(), output.notes.len()), (2, 0, 1));
}

#[test]
fn a_broken_entry_costs_itself() {
    let json = format!("{JSON}no json\n{{\"MESSAGE\":\"cut\n{{\"a\":{{}}}}\n{{\"a\":\"b\"}}\n{JSON}");
    let (keeper, output) = read(&JournalJson, "x", json.as_bytes());
    let reasons: Vec<&str> = output.damages.iter().map(|damage| damage.reason.as_str()).collect();
    assert_eq!(keeper.shown.len(), 4);
    assert_eq!(
        reasons,
        [
            "expected a JSON object, found another line",
            "expected the end of a string, found the line's end",
            "expected text, a number, an array or null, found '{'",
            "expected an entry with __REALTIME_TIMESTAMP, __CURSOR or MESSAGE, found none of them",
        ]
    );
    let mut broken = export(b"lost");
    let length = broken.iter().position(|byte| *byte == 4).unwrap();
    broken[length + 7] = 0xff;
    let bytes = [export(b"a"), broken, export(b"b")].concat();
    let (keeper, output) = read(&JournalExport, "x", &bytes);
    assert_eq!((keeper.shown.len(), output.damages.len()), (2, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Cuts and changed bytes: no panic, and what lies before them is read.
    #[test]
    fn anything_is_survived(at in 0usize..2000, byte: u8, cut: bool, more in prop::collection::vec(any::<u8>(), 0..40)) {
        let whole = [JSON.as_bytes().to_vec(), export(b"needle\n\n"), more, export(b"x"), JSON.as_bytes().to_vec()].concat();
        let at = at % whole.len();
        let mut bytes = whole.clone();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        for format in [&JournalJson as &dyn Format, &JournalExport] {
            let _ = format.recognises(&bytes, "");
            read(format, "x", &bytes);
        }
        if at > JSON.len() {
            prop_assert!(read(&JournalJson, "x", &bytes).1.records >= 2);
        }
    }

    /// The size of blocks does not matter.
    #[test]
    fn blocks_do_not_matter(messages in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'='), any::<u8>()], 0..9), 1..6), junk in "[A-Z=\n]{0,6}") {
        let mut bytes: Vec<u8> = messages.iter().flat_map(|message| export(message)).collect();
        bytes.extend(junk.as_bytes());
        let whole = read(&JournalExport, "x", &bytes);
        let parts = read_blocks(&JournalExport, "x", &smallest_blocks::<ExportBorders>(&bytes));
        prop_assert_eq!(whole.0.shown, parts.0.shown);
        prop_assert_eq!(whole.1.records, parts.1.records);
        prop_assert!(whole.1.records >= messages.len() as u64);
    }
}
