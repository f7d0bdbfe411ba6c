//! `dreamcatcher rules`: list, check, test, update.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::{
    fs,
    io::{Cursor, Read, Write},
    net::TcpListener,
    thread::JoinHandle,
};

use common::{Place, Run, any_start, has_reason, lines, rule, starts};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::{ZipWriter, write::SimpleFileOptions};

#[test]
fn the_shipped_rules_pass_their_cases() {
    let run = Place::new().run(&["rules", "test"]);
    run.ends(0, &[" 0 failed"]);
    assert!(!run.out.contains(": 0 passed"));
}

#[test]
fn list_names_every_rule_and_what_is_not_used() {
    let place = Place::new();
    let zeek = any_start("low").replace("product: windows, category: process_creation", "product: zeek, service: dns");
    place.file("rules.yml", any_start("high") + "---\n" + &zeek.replace("Any start", "Dns"));
    let run = place.run(&["rules", "list", "--rules", "rules.yml", "--no-shipped-rules"]);
    run.ends(0, &["no reader yet for the log source", "Dns"]);
    assert!(
        run.out.starts_with("high          Any start  [product=windows category=process_creation]  rules.yml\n"),
        "{}",
        run.out
    );
    let run = place.run(&["rules", "list", "--rules", "rules.yml", "--no-shipped-rules", "--json"]);
    let listed = lines(&run.out);
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["title"], &listed[0]["level"], &listed[0]["path"]),
        (&json!("Any start"), &json!("high"), &json!("rules.yml"))
    );
    let shipped = place.run(&["rules", "list", "--json"]);
    let files =
        |folder: fs::ReadDir| folder.flat_map(|entry| fs::read_dir(entry.unwrap().path()).into_iter().flatten());
    let is_rule = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "yml");
    // A file of a correlation holds the rules that it names as well.
    let documents = |entry: &fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).unwrap();
        text.lines().filter(|line| line.starts_with("title:")).count()
    };
    let expected: usize = files(fs::read_dir(common::root().join("rules")).unwrap())
        .map(Result::unwrap)
        .filter(is_rule)
        .map(|entry| documents(&entry))
        .sum();
    assert_eq!(lines(&shipped.out).len(), expected);
}

#[test]
fn check_counts_what_can_be_used_and_what_cannot() {
    let place = Place::new();
    let zeek = any_start("low").replace("product: windows", "product: zeek");
    let values = rule("Values", "low", "User|expand: '%admins%'");
    let correlation = "title: Many\nname: many\ncorrelation: {type: event_count, rules: [Any start], group-by: [Image], \
                       timespan: 5m, condition: {gte: 10}}\nlevel: high\n";
    place.file("rules/some.yml", [&any_start("high"), &zeek, &values, correlation, "title: bad\n"].join("---\n"));
    let run = place.run(&["rules", "check", "rules"]);
    run.ends(
        0,
        &["1 files: 1 rules loaded (0 correlations), 2 not applicable, 2 refused", "%admins%", "names 'Any start'"],
    );
    place.file("values.yml", "admins: [a]\n");
    place
        .run(&["rules", "check", "rules", "--placeholders", "values.yml"])
        .ends(0, &["2 rules loaded (0 correlations), 1 not applicable"]);
    place.run(&["rules", "check", "rules", "nowhere"]).ends(4, &["nowhere", "1 rules loaded"]);
    place.run(&["rules", "check"]).ends(3, &["PATH"]);
    let (_, report) = place.report(&["rules", "--rules", "rules"]);
    has_reason(&report["summary"]["rules"]["refused"], "some.yml", "names 'Any start'");
}

#[test]
fn check_names_all_that_has_nothing_to_look_at_if_asked() {
    let place = Place::new();
    let zeek = |number| {
        any_start("low").replace("product: windows", "product: zeek").replace("Any start", &format!("Z{number}"))
    };
    place.file("rules.yml", (0..9).map(zeek).collect::<Vec<_>>().join("---\n"));
    let run = place.run(&["rules", "check", "rules.yml"]);
    run.ends(0, &["Z2", "… and 6 more", "--all"]);
    assert!(!run.out.contains("Z3"));
    let run = place.run(&["rules", "check", "--all", "rules.yml"]);
    run.ends(0, &["Z0", "Z8"]);
    assert!(!run.out.contains("more"));
}

#[test]
fn a_file_of_rules_that_is_reached_twice_counts_once() {
    let place = Place::new();
    place.file("rules/sub/any.yml", any_start("high"));
    place.file("rules/OTHER.YML", any_start("low").replace("Any start", "Other"));
    place.file("log.jsonl", starts(&["a"]));
    let rules = |paths: &[&'static str]| paths.iter().flat_map(|path| ["--rules", path]).collect::<Vec<_>>();
    for paths in [
        &["rules"][..],
        &["rules", "rules"],
        &["rules", "rules/sub"],
        &["rules/sub", "rules"],
        &["rules", "./rules/../rules/sub/any.yml"],
    ] {
        let findings = place.findings(&[&["log.jsonl", "--no-shipped-rules"], &rules(paths)[..]].concat());
        let mut titles: Vec<&str> = findings.iter().map(|one| one["rule"]["title"].as_str().unwrap()).collect();
        titles.sort_unstable();
        assert_eq!(titles, ["Any start", "Other"], "{paths:?}");
    }
}

#[test]
#[cfg(unix)]
fn what_cannot_be_read_of_a_folder_of_rules_costs_itself() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Place::new();
    place.file("rules/a/any.yml", any_start("high"));
    place.file("rules/b/inner.yml", any_start("high"));
    place.file("rules/c/other.yml", any_start("low").replace("Any start", "Other"));
    symlink("../a/any.yml", place.path().join("rules/c/link.yml")).unwrap();
    symlink("..", place.path().join("rules/c/round")).unwrap();
    symlink("nowhere", place.path().join("rules/c/readme")).unwrap();
    let closed = place.path().join("rules/b");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["rules", "check", "rules"];
    let program = env!("CARGO_BIN_EXE_dreamcatcher");
    let is_forbidden = fs::read_dir(&closed).is_err();
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", program];
    let may_change = place.run_as("setpriv".as_ref(), &[&nobody[..], &["--version"]].concat()).output();
    let run = match (is_forbidden, may_change.is_ok_and(|probe| probe.status.success())) {
        (true, _) => place.run(&arguments),
        (false, true) => {
            Run::of(place.run_as("setpriv".as_ref(), &[&nobody[..], &arguments].concat()).output().unwrap())
        }
        (false, false) => {
            return common::skipped("this runs as root and cannot become nobody, so nothing is forbidden to it");
        }
    };
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    run.ends(
        0,
        &["2 rules loaded", "rules/b:0: cannot be read: ", "rules/c/link.yml:0: links", "rules/c/round:0: links"],
    );
    assert!(!run.out.contains("readme") && run.out.contains("3 refused"), "{run:?}");
}

#[test]
fn a_correlation_that_needs_a_rule_without_evidence_is_told() {
    let place = Place::new();
    let base = |title: &str, product: &str| {
        format!(
            "title: {title}\nname: {title}\nlogsource: {{category: process_creation, product: {product}}}\n\
             detection: {{a: {{Image: x}}, condition: a}}\n"
        )
    };
    let temporal = |title: &str, condition: &str| {
        format!(
            "title: {title}\ncorrelation: {{type: temporal, rules: [one, two, zeek], timespan: 5m, \
             group-by: [Computer]{condition}}}\nlevel: high\n"
        )
    };
    let rules = [
        base("one", "windows"),
        base("two", "windows"),
        base("zeek", "zeek"),
        temporal("All three", ""),
        temporal("Two of them", ", condition: {gte: 2}"),
        temporal("More than two", ", condition: {gt: 2}"),
        temporal("Either", ", condition: one or zeek"),
        temporal("Both", ", condition: one and zeek"),
        temporal("Not that one", ", condition: one and not zeek"),
    ];
    place.file("rules.yml", rules.join("---\n"));
    let run = place.run(&["rules", "check", "rules.yml"]);
    run.ends(0, &["5 rules loaded (3 correlations), 4 not applicable, 0 refused"]);
    for title in ["All three", "More than two", "Both"] {
        assert!(run.out.contains(&format!("                  {title} (")), "{title}: {}", run.out);
    }
    assert!(run.out.contains("the correlation needs rules that are not applicable: 'zeek'"), "{}", run.out);
}

#[test]
fn test_tells_a_case_whose_outcome_is_not_the_expected() {
    let place = Place::new();
    place.file("own/evil.yml", rule("Evil", "high", "CommandLine: evil"));
    let case = |expect: &str, command_line: &str| {
        let event: Value = serde_json::from_str(&starts(&[command_line])).unwrap();
        json!({"expect": expect, "why": format!("it is {command_line}"), "event": event}).to_string() + "\n"
    };
    place.file("own/evil.cases.jsonl", case("match", "evil") + &case("silent", "good"));
    place.run(&["rules", "test", "own"]).ends(0, &["1 rules with cases: 2 passed, 0 failed"]);
    place.file(
        "own/evil.cases.jsonl",
        case("match", "good") + "\n" + &case("silent", "evil") + &case("maybe", "x") + "{}\n",
    );
    place.run(&["rules", "test", "own"]).ends(
        1,
        &[
            "cases.jsonl:1: expected a match: it is good",
            "cases.jsonl:3: expected silence: it is evil",
            "'maybe'",
            "0 passed, 4 failed",
        ],
    );
    place.run(&["rules", "test", "nowhere"]).ends(3, &["cannot read nowhere"]);
}

/// A release archive, deflated as SigmaHQ's are.
fn archive(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The packs that a hunt says it used, and the titles of what it found.
fn used(place: &Place, options: &[&str]) -> (Vec<String>, usize) {
    let (status, report) = place.report(&[&["log.jsonl"], options].concat());
    assert_eq!(status, 0);
    let name = |pack: &Value| pack["name"].as_str().unwrap().to_owned();
    let packs = report["summary"]["rules"]["packs"].as_array().unwrap().iter().map(name).collect();
    (packs, report["findings"].as_array().unwrap().len())
}

#[test]
fn update_from_a_file_is_used_by_default_and_told() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["a"]));
    place.file("own.yml", rule("Own", "low", "CommandLine: a"));
    let rules = any_start("high");
    let bytes =
        archive(&[("rules/windows/any.yml", &rules), ("README.md", "no rule"), ("rules/bad.yml", "title: bad\n")]);
    place.file("rules.zip", &bytes);
    assert_eq!(used(&place, &[]), (vec!["shipped with dreamcatcher".into()], 0));
    place.run(&["rules", "update", "rules.zip"]).ends(0, &[&sha256(&bytes), "1 rules in", "1 refused"]);
    assert_eq!(used(&place, &[]), (vec!["shipped with dreamcatcher".into(), "SigmaHQ, from rules.zip".into()], 1));
    place.run(&["hunt", "log.jsonl"]).ends(0, &["SigmaHQ, from rules.zip"]);
    place.run(&["rules", "list"]).ends(0, &["Any start"]);
    // Rules that are named take their place.
    assert_eq!(used(&place, &["--rules", "own.yml"]), (vec!["shipped with dreamcatcher".into(), "own.yml".into()], 1));
    let kept = place.path().join(".local/share/dreamcatcher/sigmahq");
    assert!(fs::read_to_string(kept.join("pin.toml")).unwrap().contains(&sha256(&bytes)));
    assert!(!kept.join("rules/README.md").exists());
    // An update that is killed between its two steps leaves those of before, and the next one puts them right.
    fs::rename(&kept, kept.with_extension("old")).unwrap();
    place.run(&["hunt", "log.jsonl"]).ends(0, &["SigmaHQ, from rules.zip"]);
    place.run(&["rules", "update", "rules.zip"]).ends(0, &["1 rules in"]);
    assert!(kept.exists() && !kept.with_extension("old").exists());
}

/// Serves one answer to one request on 127.0.0.1; gives the address, and later what was asked.
fn serve(status: &'static str, body: Vec<u8>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/sigma_all_rules.zip", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).unwrap();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    (address, served)
}

#[test]
fn update_from_a_server() {
    let place = Place::new();
    let data = place.path().join("data");
    place.file("log.jsonl", starts(&["a"]));
    let bytes = archive(&[("any.yml", &any_start("high"))]);
    let update = |address: &str, more: &[&str]| {
        let arguments = [&["rules", "update", address], more].concat();
        Run::of(place.command(&arguments).env("XDG_DATA_HOME", &data).output().unwrap())
    };
    let (address, served) = serve("200 OK", bytes.clone());
    update(&address, &["--sha256", &sha256(&bytes).to_uppercase()]).ends(0, &[&sha256(&bytes), "1 rules in"]);
    assert!(served.join().unwrap().starts_with("GET /sigma_all_rules.zip HTTP/1.1"));
    let hunt = Run::of(place.command(&["hunt", "log.jsonl"]).env("XDG_DATA_HOME", &data).output().unwrap());
    hunt.ends(0, &["Any start", &format!("SigmaHQ, from {address}")]);
    // What fails changes nothing.
    let pin = fs::read_to_string(data.join("dreamcatcher/sigmahq/pin.toml")).unwrap();
    let (address, _) = serve("404 Not Found", b"gone".to_vec());
    update(&address, &[]).ends(3, &["cannot fetch", "404"]);
    let (address, _) = serve("200 OK", archive(&[("other.yml", &any_start("low"))]));
    update(&address, &["--sha256", &sha256(&bytes)]).ends(3, &["nothing was changed"]);
    update("http://127.0.0.1:9/none.zip", &[]).ends(3, &["cannot fetch"]);
    assert_eq!(fs::read_to_string(data.join("dreamcatcher/sigmahq/pin.toml")).unwrap(), pin);
    let names: Vec<_> =
        fs::read_dir(data.join("dreamcatcher")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["sigmahq"], "nothing is left behind");
}

#[test]
fn an_update_that_is_none_changes_nothing() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["a"]));
    place.file("good.zip", archive(&[("any.yml", &any_start("high"))]));
    place.run(&["rules", "update", "good.zip"]).ends(0, &[]);
    let mut cut = archive(&[("any.yml", &any_start("low"))]);
    cut.truncate(cut.len() / 2);
    place.file("cut.zip", cut);
    place.file("text.zip", "no archive");
    place.file("none.zip", archive(&[("README.md", "no rules")]));
    for (source, reason) in [
        ("nowhere.zip", "cannot read nowhere.zip"),
        ("text.zip", "not a zip archive"),
        ("cut.zip", "zip"),
        ("none.zip", "no Sigma rules in none.zip"),
    ] {
        place.run(&["rules", "update", source]).ends(3, &[reason]);
        assert_eq!(used(&place, &[]).1, 1, "{source}");
    }
}

#[test]
fn rules_that_were_changed_since_they_were_fetched_are_refused() {
    let place = Place::new();
    place.file("log.jsonl", starts(&["a"]));
    place.file(
        "rules.zip",
        archive(&[("any.yml", &any_start("high")), ("other.yml", &rule("Other", "low", "Image: b"))]),
    );
    let kept = ".local/share/dreamcatcher/sigmahq/rules";
    let (any, other) = (format!("{kept}/any.yml"), format!("{kept}/other.yml"));
    let changes: [&dyn Fn(); 3] = [
        &|| drop(place.file(&any, rule("Any start", "low", "Image: nothing"))),
        &|| fs::remove_file(place.path().join(&other)).unwrap(),
        &|| drop(place.file(&format!("{kept}/more.yml"), any_start("low"))),
    ];
    for change in changes {
        place.run(&["rules", "update", "rules.zip"]).ends(0, &[]);
        assert_eq!(used(&place, &[]).1, 1);
        change();
        place.run(&["hunt", "log.jsonl"]).ends(3, &["are not those that were fetched"]);
        // There is a way on.
        place.file("own.yml", any_start("high"));
        assert_eq!(used(&place, &["--rules", "own.yml"]).1, 1);
    }
}

#[test]
fn members_that_lead_out_of_the_archive_are_not_written() {
    let place = Place::new();
    let evil = any_start("low");
    let data = place.path().join("deep/data");
    let absolute = place.path().join("absolute.yml").display().to_string();
    let names = ["../../../../up.yml", &absolute, "a/../../up.yml", "..\\..\\..\\up.yml", "good.yml"];
    place.file("rules.zip", archive(&names.map(|name| (name, evil.as_str()))));
    let run = Run::of(place.command(&["rules", "update", "rules.zip"]).env("XDG_DATA_HOME", &data).output().unwrap());
    run.ends(0, &[]);
    assert_eq!(place.names(), ["deep", "rules.zip"]);
    let below = |folder: &str| -> Vec<String> {
        let folder = place.path().join(folder);
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!((below("deep"), below("deep/data")), (vec!["data".into()], vec!["dreamcatcher".into()]));
    assert_eq!(below("deep/data/dreamcatcher"), ["sigmahq"]);
}
