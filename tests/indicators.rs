//! Indicators, by the whole program: each kind in each kind of evidence, lists of every form, what is expired or taken back, hostile lists.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::fmt::Write as _;

use common::{Place, lines};
use serde_json::{Value, json};

const SHA256: &str = "c39ecc7d9f1e225a37304345731fffe72cdb95b21aeb06aa6022f6d338777012";
const SHA1: &str = "28978e987bc59e75ca22562924eab93355cf679e";
const MD5: &str = "cc9cf047aec871cefb1c7d4b8d5d3432";

/// One of each kind: as a list has it, as evidence has it, the finding's rule, its level.
const KINDS: [(&str, &str, &str, &str); 10] = [
    (SHA256, "C39ECC7D9F1E225A37304345731FFFE72CDB95B21AEB06AA6022F6D338777012", "hash", "high"),
    (SHA1, SHA1, "hash", "high"),
    (MD5, MD5, "hash", "high"),
    ("evil[.]example", "cdn.EVIL.example", "domain", "medium"),
    ("hxxps://site.example/wp-content/x.php", "http://site.example/wp-content/x.php?id=1", "url", "high"),
    ("198.51.100.7", "198.51.100.7", "address", "low"),
    ("203.0.113.0/24", "203.0.113.9", "network", "low"),
    ("2001:db8::17", "2001:DB8:0::17", "address", "low"),
    ("offer-viewer.exe", "offer-viewer.exe", "file-name", "low"),
    ("hr@people.example", "HR@people.example", "mail-address", "medium"),
];

/// A record of each kind of evidence that names `{}`, and the name of the file it is in.
const EVIDENCE: [(&str, &str); 21] = [
    ("auth.log", "Nov  3 08:00:00 web01 sshd[1]: Connection from {} port 22\n"),
    ("messages", "2026-11-03T08:00:00+00:00 web01 kernel: said {}\n"),
    ("audit.log", "type=EXECVE msg=audit(1793692800.000:7): argc=2 a0=\"curl\" a1=\"{}\"\n"),
    ("laurel.log", "{\"ID\":\"1793692800.000:7\",\"EXECVE\":{\"argc\":2,\"ARGV\":[\"curl\",\"{}\"]}}\n"),
    ("access.log", "192.0.2.1 - - [03/Nov/2026:08:00:00 +0000] \"GET /a HTTP/1.1\" 200 5 \"{}\" \"Mozilla/5.0\"\n"),
    ("error.log", "2026/11/03 08:00:00 [error] 1#1: *1 upstream said {} here, client: 192.0.2.1, server: a\n"),
    (
        "u_ex.log",
        "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem cs(Referer) c-ip sc-status\n\
         2026-11-03 08:00:00 GET /a {} 192.0.2.1 200\n",
    ),
    (".bash_history", "#1793692800\ncurl {}\n"),
    (
        "journal.json",
        "{\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1793692800000000\",\"_HOSTNAME\":\"web01\",\"SYSLOG_IDENTIFIER\":\"app\",\"MESSAGE\":\"said {} now\"}\n",
    ),
    (
        "journal.export",
        "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1793692800000000\n_HOSTNAME=web01\nSYSLOG_IDENTIFIER=app\nMESSAGE=said {} now\n\n",
    ),
    (
        "windows.jsonl",
        "{\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"Some-Provider\"}},\"EventID\":7,\"Channel\":\"Some/Channel\",\"Computer\":\"ws1\",\
         \"EventRecordID\":1,\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2026-11-03T08:00:00Z\"}}},\"EventData\":{\"Some\":\"said {} now\"}}}\n",
    ),
    (
        "windows.xml",
        "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System><Provider Name=\"Some-Provider\"/><EventID>7</EventID>\
         <Channel>Some/Channel</Channel><Computer>ws1</Computer><EventRecordID>1</EventRecordID><TimeCreated SystemTime=\"2026-11-03T08:00:00Z\"/>\
         </System><EventData><Data Name=\"Some\">said {} now</Data></EventData></Event>\n",
    ),
    (
        "mail.eml",
        "From: Jo <jo@a.example>\nTo: me@b.example\nSubject: hello\nDate: Tue, 03 Nov 2026 08:00:00 +0000\n\nsee {} please\n",
    ),
    (
        "received.eml",
        "Received: from x ({}) by mx.b.example; Tue, 03 Nov 2026 08:00:00 +0000\nFrom: Jo <jo@a.example>\nTo: me@b.example\nSubject: hello\n\nsee below\n",
    ),
    (
        "page.eml",
        "From: Jo <jo@a.example>\nTo: me@b.example\nSubject: hello\nMIME-Version: 1.0\nContent-Type: text/html\n\n<html><body><p>all about it</p><p>{}</p></body></html>\n",
    ),
    (
        "attached.eml",
        "From: Jo <jo@a.example>\nTo: me@b.example\nSubject: hello\nMIME-Version: 1.0\nContent-Type: text/plain\n\
         Content-Disposition: attachment; filename=notes.txt\n\nfirst\nsaid {} now\n",
    ),
    (
        "chat.txt",
        "03.11.26, 08:41 - Jo: hello\n03.11.26, 08:42 - Jo: look at {} then\n03.11.26, 08:43 - Me: who are you?\n03.11.26, 08:44 - Jo: a recruiter\n",
    ),
    ("script.js", "#!/usr/bin/env node\nconst a = require('https');\n// said {} now\nfunction b() { return a; }\n"),
    ("notes.txt", "one\ntwo {} three\n"),
    (".vscode/tasks.json", "{\"version\": \"2.0.0\", \"tasks\": [], \"note\": \"said {} now\"}\n"),
    ("program.elf", "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0said {} now\0more\0"),
];

const ALONE: [&str; 3] = ["--no-shipped-rules", "--no-shipped-indicators", "--indicators"];

fn place_with(list: &str) -> Place {
    let place = Place::new();
    place.file("list.txt", list);
    place
}

fn hunt(place: &Place, evidence: &str, list: &str) -> Vec<Value> {
    place.findings(&[&[evidence], &ALONE[..], &[list]].concat())
}

#[test]
fn every_kind_is_found_in_every_evidence() {
    let list: String = KINDS.iter().map(|(listed, ..)| format!("{listed}\n")).collect();
    let place = place_with(&list);
    for (name, record) in EVIDENCE {
        for (_, written, kind, level) in KINDS {
            let file = place.file(&format!("{kind}/{name}"), record.replace("{}", written));
            let found = hunt(&place, &file, "list.txt");
            assert_eq!(found.len(), 1, "{written} in {name}: {found:?}");
            let rule = found[0]["rule"]["id"].as_str().unwrap();
            assert!(rule.starts_with(&format!("indicator:{kind}:")), "{rule} in {name}");
            assert_eq!(found[0]["level"], level);
            assert!(found[0]["matched"]["indicator_source"].as_str().unwrap().starts_with("list.txt, line "));
        }
        let file =
            place.file(&format!("honest/{name}"), record.replace("{}", "http://honest.example/198.51.100.70.exe"));
        assert_eq!(hunt(&place, &file, "list.txt"), Vec::<Value>::new(), "{name}");
    }
}

/// Files of every kind, by each of their hashes; also where no reader knows them, and in mail.
#[test]
fn files_are_known_by_their_hashes() {
    let pdf = "%PDF-1.7\n1 0 obj <<>> endobj\n";
    let mail = format!(
        "From: Jo <jo@a.example>\nTo: me@b.example\nSubject: hello\nMIME-Version: 1.0\nContent-Type: application/pdf\n\
         Content-Disposition: attachment; filename=a.pdf\n\n{pdf}"
    );
    for (name, bytes, [md5, sha1, sha256]) in [
        ("a.pdf", pdf, hashes(pdf)),
        ("a.txt", "said this now\n", hashes("said this now\n")),
        ("a.png", "\x7fPNG\r\n\x1a\n and so on", hashes("\x7fPNG\r\n\x1a\n and so on")),
        ("a.eml", &mail, hashes(pdf)),
    ] {
        for hash in [md5, sha1, sha256] {
            let place = place_with(&format!("{hash}\n"));
            place.file(name, bytes);
            let found = hunt(&place, name, "list.txt");
            let ids: Vec<&Value> = found.iter().map(|one| &one["rule"]["id"]).collect();
            assert_eq!(ids, [&json!(format!("indicator:hash:{hash}"))], "{name}");
        }
    }
}

/// The archive itself is known, not only what is in it.
#[test]
fn archives_are_known_by_their_hashes() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("Offer/Job description.txt", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut writer, b"nothing but words").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let place = place_with(&format!("{}\n", hashes(&bytes)[1]));
    place.file("offer.zip", &bytes);
    let (_, report) = place.report(&[&["offer.zip"], &ALONE[..], &["list.txt"]].concat());
    let found = report["findings"].as_array().unwrap();
    assert_eq!((found.len(), &found[0]["evidence"]["path"]), (1, &json!("offer.zip")));
    let unknown = report["summary"]["unknown"].as_array().unwrap();
    assert_eq!((unknown.len(), &unknown[0]["path"]), (1, &json!("offer.zip!/Offer/Job description.txt")));
}

/// By the tools that everybody has.
fn hashes(bytes: impl AsRef<[u8]>) -> [String; 3] {
    let place = Place::new();
    place.file("bytes", bytes);
    ["md5sum", "sha1sum", "sha256sum"].map(|tool| {
        let output = std::process::Command::new(tool).arg(place.path().join("bytes")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
    })
}

#[test]
fn an_address_is_found_in_wtmp_and_in_what_auditd_encodes() {
    let place = place_with("198.51.100.7\nevil.example\n");
    // AF_INET, port 443.
    let saddr = "020001BBC6336407000000000000000000";
    let log = format!("type=SOCKADDR msg=audit(1793692800.000:7): saddr={saddr}\n");
    place.file("a/audit.log", log);
    assert_eq!(hunt(&place, "a", "list.txt").len(), 1);
    let encoded: String = "curl\0http://evil.example/x".bytes().map(|byte| format!("{byte:02X}")).collect();
    place.file("b/audit.log", format!("type=PROCTITLE msg=audit(1793692800.000:7): proctitle={encoded}\n"));
    assert_eq!(hunt(&place, "b", "list.txt").len(), 1);
}

#[test]
fn what_is_escaped_is_found_as_it_was_meant() {
    let place = place_with(&format!("evil.example\n{MD5}\n198.51.100.7\n"));
    let (_, record) = EVIDENCE[10];
    for (written, found) in [
        ("\\nevil.example", 1),
        ("\\u003cevil.example\\u003e", 1),
        ("evil\\u002eexample", 1),
        ("\\u0065vil.example", 1),
        (&*format!("\\u000a{MD5}"), 1),
        ("\\u0020198.51.100.7", 1),
        ("https%3A%2F%2Fevil.example%2F", 1),
        ("\\\\nevil.example", 0),
    ] {
        place.file("log.jsonl", record.replace("{}", written));
        assert_eq!(hunt(&place, "log.jsonl", "list.txt").len(), found, "{written}");
    }
    let (_, record) = EVIDENCE[11];
    for written in ["&#101;vil.example", "evil&#46;example", "&lt;evil.example&gt;", "evil<!-- -->.example"] {
        place.file("log.xml", record.replace("{}", written));
        assert_eq!(hunt(&place, "log.xml", "list.txt").len(), 1, "{written}");
    }
}

#[test]
fn host_and_path_are_one_where_a_web_log_has_them_apart() {
    let place = place_with("https://site.example/a/x.php\nhttps://site.example/b?id=7\n");
    let log = "#Software: proxy\n#Version: 1.0\n#Fields: date time c-ip cs-method cs-host cs-uri-stem cs-uri-query sc-status\n\
               2026-11-03 08:00:00 192.0.2.1 POST site.example /a/x.php - 200\n\
               2026-11-03 08:00:01 192.0.2.1 GET site.example /b id=7 200\n\
               2026-11-03 08:00:02 192.0.2.1 GET other.example /a/x.php - 200\n";
    place.file("proxy.log", log);
    let found = hunt(&place, "proxy.log", "list.txt");
    let ids: Vec<&Value> = found.iter().map(|one| &one["rule"]["id"]).collect();
    assert_eq!(ids, ["indicator:url:site.example/a/x.php", "indicator:url:site.example/b?id=7"]);
}

fn stix(id: u32, pattern: &str, more: Value) -> Value {
    let mut object = json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--00000000-0000-4000-8000-{id:012}"),
        "created_by_ref": "identity--1", "name": "Dream job of 2025", "pattern": pattern, "pattern_type": "stix",
        "valid_from": "2025-10-23T00:00:00Z", "labels": ["attack.t1566.002"],
    });
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

fn said(words: &[&str]) -> String {
    let lines = words.iter().map(|word| EVIDENCE[1].1.replace("{}", word));
    lines.collect()
}

#[test]
fn a_bundle_of_stix_is_honoured() {
    let place = Place::new();
    let bundle = json!({ "type": "bundle", "id": "bundle--1", "objects": [
        stix(1, "[domain-name:value = 'evil.example' OR ipv4-addr:value = '198.51.100.7']", json!({})),
        stix(2, "[domain-name:value = 'revoked.example']", json!({ "revoked": true })),
        stix(3, "[domain-name:value = 'old.example']", json!({ "valid_until": "2026-11-01T00:00:00Z" })),
        stix(4, "[domain-name:value = 'young.example']", json!({ "valid_until": "2027-01-01T00:00:00Z" })),
        stix(5, &format!("[file:name = 'both.exe' AND file:hashes.MD5 = '{MD5}']"), json!({})),
        stix(6, "[process:pid = '7']", json!({})),
        stix(7, "[domain-name:value = 'localhost']", json!({})),
        { "type": "identity", "id": "identity--1", "name": "A Reporter" },
        { "type": "malware", "name": "x" },
    ]});
    place.file("bundle.json", serde_json::to_string_pretty(&bundle).unwrap());
    let words = [
        "evil.example",
        "198.51.100.7",
        "revoked.example",
        "old.example",
        "young.example",
        MD5,
        &format!("both.exe {MD5}"),
    ];
    place.file("messages", said(&words));
    let (_, report) = place.report(&[&["messages"], &ALONE[..], &["bundle.json"]].concat());
    let found = report["findings"].as_array().unwrap();
    let ids: Vec<String> =
        found.iter().map(|one| one["rule"]["id"].as_str().unwrap().replace("indicator:", "")).collect();
    assert_eq!(ids, ["domain:evil.example", "address:198.51.100.7", "domain:young.example", &format!("hash:{MD5}")]);
    assert_eq!(found[0]["techniques"], json!(["T1566.002"]));
    assert_eq!(found[0]["matched"]["indicator_first_seen"], "2025-10-23T00:00:00Z, 376 days before the event");
    assert_eq!(found[2]["matched"]["indicator_valid_until"], "2027-01-01T00:00:00Z");
    let source = found[0]["matched"]["indicator_source"].as_str().unwrap();
    assert!(source.starts_with("A Reporter: Dream job of 2025 (bundle.json, line "), "{source}");
    let known = &report["summary"]["indicators"];
    assert_eq!(known["left_out"], json!([{ "reason": "revoked by its source", "entries": 1 }]));
    assert_eq!(known["expired"], 1);
    let reasons: Vec<&str> =
        known["refused"].as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            "expected a hash, name, address, domain or URL to compare, found 'process:pid' (indicator--00000000-0000-4000-8000-000000000006)",
            "expected a domain such as evil.example in ASCII (punycode), found 'localhost'",
        ]
    );
}

#[test]
fn events_of_misp_are_honoured() {
    let place = Place::new();
    let attribute = |kind: &str, value: &str, to_ids: bool| json!({ "type": kind, "category": "x", "value": value, "to_ids": to_ids });
    let event = json!({ "Event": {
        "info": "Wave of 2025", "date": "2025-10-23", "Orgc": { "name": "A CERT" },
        "Tag": [{ "name": "misp-galaxy:mitre-attack-pattern=\"Phishing - T1566\"" }],
        "Attribute": [
            attribute("domain|ip", "evil.example|198.51.100.7", true),
            attribute("domain", "context.example", false),
            attribute("comment", "x", true),
        ],
        "Object": [{ "name": "file", "Attribute": [attribute("filename|sha1", &format!("svchost.exe|{SHA1}"), true)] }],
    }});
    place.file("event.json", json!({ "response": [event] }).to_string());
    place.file("messages", said(&["evil.example", "198.51.100.7", "context.example", "svchost.exe", SHA1]));
    let (_, report) = place.report(&[&["messages"], &ALONE[..], &["event.json"]].concat());
    let found = report["findings"].as_array().unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0]["techniques"], json!(["T1566"]));
    assert_eq!(found[0]["matched"]["indicator_source"], "A CERT: Wave of 2025 (event.json, line 1)");
    assert_eq!(report["summary"]["indicators"]["left_out"][0]["entries"], 1);
    assert_eq!(
        report["summary"]["indicators"]["refused"][0]["reason"],
        "expected an attribute of a kind that is looked for, found 'comment'"
    );
}

#[test]
fn tables_are_read_by_the_names_of_their_columns() {
    let place = Place::new();
    place.file(
        "one.csv",
        "indicator,type,campaign,reported_by,first_seen\nevil.example,domain,Wave,ESET,2025-10\nx,sha256,Wave,ESET,\n",
    );
    place.file("two.csv", format!("# a feed\n\"first_seen_utc\";\"sha1_hash\";\"file_name\"\n\"2025-10-23 08:00:00\";\"{SHA1}\";\"dropper-x.exe\"\n"));
    place.file("messages", said(&["evil.example", SHA1, "dropper-x.exe"]));
    let (_, report) = place.report(&[&["messages"], &ALONE[..], &["one.csv", "--indicators", "two.csv"]].concat());
    assert_eq!(report["findings"].as_array().unwrap().len(), 3, "{report}");
    assert_eq!(report["findings"][0]["matched"]["indicator_source"], "ESET: Wave (one.csv, line 2)");
    assert_eq!(
        report["summary"]["indicators"]["refused"],
        json!([{
            "path": "one.csv", "line": 3, "reason": "expected an MD5, SHA-1 or SHA-256 in hexadecimal, found 'x'"
        }])
    );
}

#[test]
fn hostile_lists_are_told_and_end() {
    let deep = "[".repeat(100_000);
    let long = "a".repeat(3 << 20);
    let many: String = (0..100_000).fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "no indicator {line}");
        all
    });
    let patterns =
        json!([stix(1, &format!("[{}]", "(".repeat(50_000)), json!({})), stix(2, "[url:value IN (", json!({}))])
            .to_string();
    let place = Place::new();
    place.file("messages", said(&["evil.example"]));
    for (name, list, told) in [
        ("deep.json", deep.as_str(), 1),
        ("long.txt", &long, 1),
        ("long.csv", &format!("indicator,type\n\"{long}\n"), 1),
        ("many.txt", &many, 101),
        ("patterns.json", &patterns, 2),
        (
            "cut.json",
            "{\"objects\":[{\"type\":\"indicator\",\"pattern\":\"[domain-name:value = 'evil.example']\"},{\"ty",
            1,
        ),
        ("binary.txt", "\0\u{1}\u{2}", 1),
        ("markup.txt", "\u{1b}[31mred <script>\n", 1),
    ] {
        place.file(name, list);
        let (_, report) = place.report(&[&["messages"], &ALONE[..], &[name]].concat());
        assert_eq!(
            report["summary"]["indicators"]["refused"].as_array().unwrap().len(),
            told,
            "{name}: {}",
            report["summary"]["indicators"]
        );
        let found = usize::from(name == "cut.json");
        assert_eq!(report["findings"].as_array().unwrap().len(), found, "{name}");
    }
    let run = place.run(&[&["hunt", "messages"], &ALONE[..], &["markup.txt"]].concat());
    assert!(!run.out.contains('\u{1b}'), "{}", run.out);
    let run = place.run(&[&["hunt", "messages"], &ALONE[..], &["absent.txt"]].concat());
    assert_eq!(run.status, 4);
}

#[test]
fn a_huge_list_gives_the_same_bytes_on_any_number_of_threads() {
    let place = Place::new();
    let mut list = String::from("evil.example\n198.51.100.7\n");
    for number in 0..200_000u64 {
        let _ = writeln!(list, "n{number}.listed{}.example", number % 977);
        let _ = writeln!(list, "{:064x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    place.file("list.txt", list);
    let mut log = String::new();
    for line in 0..50_000 {
        let name = match line % 1000 {
            7 => "evil.example",
            8 => "n977.listed0.example",
            9 => "198.51.100.7",
            _ => "honest.example",
        };
        let _ = writeln!(log, "2026-11-03T08:00:00+00:00 web01 app[{line}]: asked for {name}");
    }
    place.file("messages", log);
    let run = |threads| {
        let options = ["hunt", "messages", "--format", "json", "--quiet", "--threads", threads];
        place.run(&[&options[..], &ALONE, &["list.txt"]].concat()).out
    };
    let report: Value = serde_json::from_str(&run("1")).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 150);
    assert_eq!(report["summary"]["indicators"]["loaded"], 400_001, "{}", report["summary"]["indicators"]);
    assert_eq!(run("1"), run("2"));
    assert_eq!(run("2"), run("5"));
}

#[test]
fn the_shipped_indicators_are_always_looked_for_unless_they_are_left_out() {
    let place = Place::new();
    place.file("messages", said(&[SHA256, "www2.markham.ca/css1/style.css", "nothing"]));
    let found = place.findings(&["messages", "--no-shipped-rules"]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0]["rule"]["path"], "intel/operation-dreamjob.csv");
    assert_eq!(place.findings(&["messages", "--no-shipped-rules", "--no-shipped-indicators"]).len(), 0);
    let (_, report) = place.report(&["messages", "--no-shipped-rules"]);
    assert_eq!(report["summary"]["indicators"]["refused"], json!([]));
    // Findings of indicators are selected, suppressed and known as others are.
    assert_eq!(place.findings(&["messages", "--no-shipped-rules", "--exclude-rule", "indicator:hash:*"]).len(), 1);
    assert_eq!(place.findings(&["messages", "--no-shipped-rules", "--level", "critical"]).len(), 0);
    let run = place.run(&["hunt", "messages", "--no-shipped-rules", "--format", "jsonl", "--quiet"]);
    place.file("known.jsonl", &run.out);
    assert_eq!(lines(&run.out).len(), 2);
    assert_eq!(place.findings(&["messages", "--no-shipped-rules", "--known", "known.jsonl"]).len(), 0);
}
