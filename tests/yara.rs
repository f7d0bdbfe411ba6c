//! YARA rules, by the whole program: ours, given ones, wrong ones, and what a build without them says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use common::Place;
use serde_json::Value;

/// A file that does nothing and is of no use: what a rule of ours knows, and the like that it must not take for it.
#[cfg(feature = "yara")]
fn cases() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<u8>)> {
    let program = |text: &str| [b"MZ\x90\0".as_slice(), &[0; 60], text.as_bytes(), &[0; 8]].concat();
    let linux = |text: &str| [b"\x7fELF\x02\x01\x01\0".as_slice(), &[0; 56], text.as_bytes(), &[0; 8]].concat();
    let shortcut = |text: &str| {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [b"L\0\0\0\x01\x14\x02\0".as_slice(), &[0; 68], &wide].concat()
    };
    let script = |count: usize, more: &str| {
        let names: String = (0..count).map(|n| format!("var _0x{n:06x}=1;")).collect();
        format!("const a=require('child_process');\n{names}\n{more}\n").into_bytes()
    };
    vec![
        ("DreamJob_loader_name", "a.dll", program("DroneEXEHijackingLoader.dll"), program("DroneLoader.dll")),
        (
            "DreamJob_build_path",
            "b.exe",
            program("E:\\Work\\Troy\\Loader\\x64\\Loader.pdb"),
            program("E:\\Work\\Roy\\Loader.pdb"),
        ),
        (
            "DreamJob_user_agent",
            "c.exe",
            program("Mozilla/5.0 Chrome/107.0.0.0 Safari/537.36 Edg/107.0.1418.42"),
            program("Mozilla/5.0 Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.86"),
        ),
        ("DreamJob_linux_backdoor_path", "d", linux("/.config/guiconfigd"), linux("/.config/gui.conf")),
        (
            "DreamJob_shortcut_wuauclt",
            "e.lnk",
            shortcut("wuauclt /UpdateDeploymentProvider x.dll /RunHandlerComServer"),
            shortcut("wuauclt /detectnow"),
        ),
        (
            "ContagiousInterview_obfuscated_loader",
            "f.js",
            script(80, "fetch('https://a.example')"),
            script(80, "a.exec('ls')"),
        ),
    ]
}

#[cfg(feature = "yara")]
fn rules_of(findings: &[Value]) -> Vec<&str> {
    let all = findings.iter().filter_map(|finding| match &finding["matched"]["YaraRule"] {
        Value::String(rule) => Some(vec![rule.as_str()]),
        Value::Array(rules) => Some(rules.iter().filter_map(Value::as_str).collect()),
        _ => None,
    });
    all.flatten().collect()
}

#[cfg(feature = "yara")]
#[test]
fn ours_match_what_they_are_for_and_nothing_like_it() {
    for (rule, name, bytes, other) in cases() {
        let place = Place::new();
        place.file(name, bytes);
        let found = place.findings(&[name]);
        assert_eq!(rules_of(&found), [rule], "{found:?}");
        place.file(name, other);
        assert_eq!(rules_of(&place.findings(&[name])), [""; 0], "{rule}");
    }
}

/// In texts, pictures, settings, archives, attachments; by scores.
#[cfg(feature = "yara")]
#[test]
fn given_rules_are_looked_for_in_every_file() {
    let place = Place::new();
    place.file("rules/word.yar", "rule word { strings: $a = \"xyzzy\" condition: $a }\nrule sure { meta: score = 80 strings: $a = \"plugh\" condition: $a }");
    place.file("rules/more/name.yara", "rule word { meta: score = 5 condition: filename == \"odd.name\" }");
    for (name, level) in [("a/notes.txt", "medium"), ("a/package.json", "medium"), ("a/a.py", "medium")] {
        place.file(name, "{\"said\": \"xyzzy\"}\n");
        let found = place.findings(&["--yara", "rules", name]);
        assert_eq!((rules_of(&found), &found[0]["level"]), (vec!["word"], &Value::from(level)), "{name}");
        assert!(found[0]["evidence"]["path"].as_str().unwrap().ends_with(name));
    }
    place.file("b/picture.png", b"\x89PNG\r\n\x1a\n plugh");
    let found = place.findings(&["--yara", "rules", "b"]);
    assert_eq!((rules_of(&found), &found[0]["level"]), (vec!["sure"], &Value::from("high")));
    place.file("c/odd.name", "nothing");
    let found = place.findings(&["--yara", "rules", "c"]);
    assert_eq!((rules_of(&found), &found[0]["level"]), (vec!["word"], &Value::from("low")));
    place.file(
        "d.eml",
        "From: Jo <jo@a.example>\nTo: me@b.example\nSubject: hello\nMIME-Version: 1.0\nContent-Type: application/octet-stream\n\
         Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=a.bin\n\nAAB4eXp6eQAA\n",
    );
    assert_eq!(rules_of(&place.findings(&["--yara", "rules", "d.eml"])), ["word"]);
}

#[cfg(feature = "yara")]
#[test]
fn a_wrong_rule_is_told_and_costs_itself_alone() {
    let place = Place::new();
    place.file(
        "rules.yar",
        "rule wrong { condition: $a }\nrule right { condition: filesize > 0 }\ninclude \"other.yar\"\n",
    );
    place.file("a.txt", "x");
    let (status, report) = place.report(&["--yara", "rules.yar", "a.txt"]);
    let refused = report["summary"]["rules"]["refused"].as_array().unwrap();
    assert_eq!((status, refused.len(), refused[0]["line"].as_u64()), (0, 2, Some(1)), "{refused:?}");
    assert_eq!(rules_of(report["findings"].as_array().unwrap()), ["right"]);
    let packs = report["summary"]["rules"]["packs"].as_array().unwrap();
    let pack = packs.iter().find(|pack| pack["name"] == "YARA, rules.yar").unwrap();
    assert_eq!(pack["rules"], 1);
    place.run(&["hunt", "--strict", "--yara", "rules.yar", "a.txt"]).ends(2, &[]);
    place.run(&["hunt", "--yara", "not-there.yar", "a.txt"]).ends(4, &["not-there.yar"]);
}

#[cfg(not(feature = "yara"))]
#[test]
fn a_build_without_yara_says_so() {
    let place = Place::new();
    place.file("a.pdf", "%PDF-1.7\n");
    place.file("a.yar", "rule a { condition: true }");
    let (_, report) = place.report(&["a.pdf"]);
    let reasons: Vec<&Value> =
        report["summary"]["rules"]["not_applicable"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert!(reasons.iter().any(|reason| reason.as_str().unwrap().contains("without YARA")), "{reasons:?}");
    place.run(&["hunt", "--yara", "a.yar", "a.pdf"]).ends(3, &["--features yara"]);
}
