//! Whatever is wrong with the gate's folder, the policy, the ledger or the clock: a clear error or a denial, never a grant.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;
#[path = "common/gate.rs"]
mod gate;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use common::Place;
use gate::{Came, House, Person, run};

const POLICY: &str = r#"
timezone = "Europe/Berlin"
[providers.webcare]
people = ["alice"]
networks = ["127.0.0.0/8"]
[hosts.web01]
[[rules]]
name = "upkeep"
who = ["webcare"]
hosts = ["web01"]
accounts = ["deploy"]
when = ["always"]
at_most = "30m"
"#;

const REQUEST: &str = "request web01 --as deploy";

/// Where a database says of what kind it is, and of which version (SQLite's file format, section 1.3).
const USER_VERSION: usize = 60;
const APPLICATION: usize = 68;

/// Asks the gate as its sshd would, with the next code.
fn ask(house: &House, alice: &Person) -> Came {
    let fingerprint = Command::new("ssh-keygen").args(["-l", "-f"]).arg(alice.key.with_extension("pub")).output();
    let fingerprint = String::from_utf8(fingerprint.unwrap().stdout).unwrap();
    let offset = house.now() - jiff::Timestamp::now().as_second();
    house.turn_clock(offset + 30);
    let mut gate = Command::new(house.path("dreamcatcher"));
    gate.args(["access", "gate", "--folder"]).arg(house.gate());
    gate.args(["--key", fingerprint.split(' ').nth(1).unwrap()]);
    gate.env("SSH_CONNECTION", "127.0.0.1 40000 127.0.0.1 22").env("SSH_ORIGINAL_COMMAND", REQUEST);
    run(gate, &format!("{}\n", alice.code(house.now())))
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Changes the bytes of a file.
fn change(path: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    how(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// A copy of the gate's folder, to be put back.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// What is done to the gate's folder, and what the gate says then.
type Sabotage = (&'static str, &'static str, fn(&Path));

const FILES: [Sabotage; 17] = [
    ("seal.key", "expected mode 0600, found 0644: others may read the key", |path| set_mode(path, 0o644)),
    ("seal.key", "expected a line AGE-SECRET-KEY-…", |path| fs::write(path, "").unwrap()),
    ("seal.key", "seal.key", |path| fs::remove_file(path).unwrap()),
    ("authority.age", "expected mode 0600, found 0640: others may read the key", |path| set_mode(path, 0o640)),
    ("authority.age", "cannot decrypt", |path| change(path, |bytes| bytes.truncate(bytes.len() - 9))),
    ("authority.age", "authority.age", |path| fs::remove_file(path).unwrap()),
    ("", "expected a folder of mode 0700, found 0755", |path| set_mode(path, 0o755)),
    ("gate.toml", "unknown field", |path| change(path, |bytes| bytes.extend(b"\nshell = true\n"))),
    ("access.toml", "access.toml", |path| fs::remove_file(path).unwrap()),
    ("access.toml", "knows nobody called alice", |path| fs::write(path, "").unwrap()),
    ("ledger.db", "expected a ledger, found no file", |path| fs::remove_file(path).unwrap()),
    ("ledger.db", "found another database", |path| fs::write(path, "").unwrap()),
    ("ledger.db", "damaged", |path| fs::write(path, "not a database, but long enough to look like one").unwrap()),
    ("ledger.db", "damaged", |path| change(path, |bytes| bytes[4096..].fill(0x5a))),
    ("ledger.db", "damaged", |path| change(path, |bytes| bytes.truncate(bytes.len() / 2))),
    ("ledger.db", "expected version 1, found 7: written by another version", |path| {
        change(path, |bytes| bytes[USER_VERSION..][..4].copy_from_slice(&[0, 0, 0, 7]));
    }),
    ("ledger.db", "found another database", |path| change(path, |bytes| bytes[APPLICATION] ^= 1)),
];

/// Policies that are none.
const POLICIES: [(&str, &str, &str); 9] = [
    ("Europe/Berlin", "Europe/Bärlin", "is not a time zone"),
    ("\"always\"", "\"Mon-Fri 08:00-18:00 Mars/Olympus\"", "rules.upkeep.when"),
    ("hosts = [\"web01\"]", "hosts = []", "hosts is empty, so it would allow nothing"),
    ("who = [\"webcare\"]", "who = []", "who is empty, so it would allow nothing"),
    ("accounts = [\"deploy\"]", "accounts = []", "accounts is empty, so it would allow nothing"),
    ("when = [\"always\"]", "when = []", "no window is given"),
    ("at_most = \"30m\"", "at_most = \"30m\"\napprovals = 1", "approv"),
    ("at_most = \"30m\"", "at_most = \"30m\"\nfrom = [\"198.51.100.0/24\"]", "may come from none of 198.51.100.0/24"),
    ("[[rules]]", "[[rules]]\nallow_all = true", "there is no such key"),
];

#[test]
fn a_gate_that_cannot_be_relied_on_grants_nothing() {
    let mut house = House::new(POLICY);
    house.open_gate();
    let alice = house.enrol("alice");
    let (folder, kept) = (house.gate(), house.path("kept"));
    copy(&folder, &kept);
    let mut clock = 0;
    let mut refused = |what: &str, words: &str, sabotage: &dyn Fn()| {
        sabotage();
        clock += 30;
        house.turn_clock(clock);
        let came = ask(&house, &alice);
        assert!(matches!(came.status, 3 | 5) && came.out.is_empty(), "{what}: {came:?}");
        assert!(came.err.contains(words) && !came.err.contains("panicked"), "{what}: expected '{words}': {came:?}");
        copy(&kept, &folder);
    };
    for (file, words, sabotage) in FILES {
        refused(file, words, &|| sabotage(&folder.join(file)));
    }
    for (old, new, words) in POLICIES {
        assert!(POLICY.contains(old));
        refused(new, words, &|| house.policy(&POLICY.replacen(old, new, 1)));
    }
    house.turn_clock(clock);
    let came = ask(&house, &alice).fine();
    assert!(came.out.starts_with("ssh-ed25519-cert-v01@openssh.com "), "as it was it grants: {came:?}");
    assert_eq!(house.count("granted"), 1);
}

/// Of two rules about the same login the first that is satisfied counts, and the check says so.
#[test]
fn rules_that_overlap_are_told_and_the_first_counts() {
    let second = POLICY.split_once("[[rules]]").unwrap().1.replace("upkeep", "more").replace("30m", "8h");
    let policy = format!("{POLICY}[[rules]]{second}");
    let mut house = House::new(&policy);
    house.open_gate();
    let alice = house.enrol("alice");
    ask(&house, &alice).fine();
    let entries = house.entries();
    let granted = entries.iter().find_map(|entry| entry["what"].get("granted")).unwrap();
    assert_eq!(granted["rule"], "upkeep");
    let check = house.access(&["check", "--access", &house.gate().join("access.toml").display().to_string()]).fine();
    assert!((check.out + &check.err).contains("more too is about alice on web01 as deploy"));
}

#[test]
fn a_clock_that_jumps_gets_no_grant() {
    let mut house = House::new(POLICY);
    house.open_gate();
    let alice = house.enrol("alice");
    // The person's authenticator goes right; the gate's clock does not.
    let ahead = |seconds: i64| {
        house.turn_clock(seconds);
        house.ssh(&alice.key, "gate", REQUEST, &format!("{}\n", alice.code(jiff::Timestamp::now().as_second())))
    };
    ahead(365 * 86_400).fails(5, "the code is wrong");
    // And back, with what was noted in between in the ledger.
    ahead(30).fails(3, "the clock stands at");
    ahead(-86_400).fails(3, "the clock stands at");
    assert_eq!(house.count("granted"), 0);
}

#[test]
fn without_ssh_nothing_is_pretended() {
    let place = Place::new();
    place.file("patch.deb", "harmless");
    let mut release = place.command(&["access", "release", "patch.deb", "--reason", "x", "--gate", "gate"]);
    common::Run::of(release.env("PATH", "/nowhere").output().unwrap()).ends(3, &["cannot run ssh"]);
    let login = ["access", "ssh", "web01", "--as", "deploy", "--gate", "gate"];
    let without_agent = place.command(&login).env_remove("SSH_AUTH_SOCK").output().unwrap();
    common::Run::of(without_agent).ends(3, &["no ssh-agent: SSH_AUTH_SOCK is not set"]);
    let mut house = House::new(POLICY);
    let socket = house.start_agent("agent");
    let mut command = place.command(&login);
    command.env("SSH_AUTH_SOCK", socket).env("PATH", "/nowhere");
    common::Run::of(command.output().unwrap()).ends(3, &["cannot run ssh"]);
}

/// What a hunt is given: a ledger or a policy that is none ends it, so that nobody takes its silence for an all-clear.
#[test]
fn a_hunt_says_what_is_wrong_with_ledger_and_policy() {
    let house = House::new(POLICY);
    let (place, ledger) = (Place::new(), house.gate().join("ledger.db"));
    place.file("logs/auth.log", "Nov 22 05:28:45 web01 sshd[1]: Server listening on 0.0.0.0 port 22.\n");
    place.file("access.toml", POLICY);
    let given = |ledger: &Path, words: &str| {
        let ledger = ledger.display().to_string();
        let run = place.run(&["hunt", "logs", "--no-shipped-rules", "--access", "access.toml", "--ledger", &ledger]);
        run.ends(3, &["cannot read the ledger", words]);
        assert_eq!(run.out, "", "{run:?}");
    };
    let changed = |name: &str, how: &dyn Fn(&mut Vec<u8>)| -> PathBuf {
        let path = place.path().join(name);
        fs::copy(&ledger, &path).unwrap();
        change(&path, how);
        path
    };
    given(Path::new("nowhere"), "nowhere");
    given(&changed("other", &|bytes| bytes[USER_VERSION + 3] = 9), "expected version 1, found 9");
    given(&changed("foreign", &|bytes| bytes[APPLICATION] ^= 1), "found another database");
    given(&changed("damaged", &|bytes| bytes[4096..].fill(0x5a)), "damaged");
    let export = house.access(&["ledger", "export", &ledger.display().to_string()]).fine().out;
    place.file("export.jsonl", export.replace("local", "gate"));
    given(&place.path().join("export.jsonl"), "the chain of hashes is broken");
    place.file("empty.jsonl", "");
    given(&place.path().join("empty.jsonl"), "it is empty");
    place.file("cut.jsonl", &export[..export.len() / 2]);
    given(&place.path().join("cut.jsonl"), "line 1");
    place.file("access.toml", POLICY.replace("always", "Mon-Fri 8-18"));
    let run = place.run(&["hunt", "logs", "--no-shipped-rules", "--access", "access.toml"]);
    run.ends(3, &["is not a window"]);
}
