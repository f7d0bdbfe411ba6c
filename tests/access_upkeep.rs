//! The upkeep of a gate and its hosts, against Debian's own sshd: another authority, a clock that was ahead, revocation that reaches sessions, configurations
//! that say otherwise than the setup, and waiting in vain.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "common/gate.rs"]
mod gate;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use gate::{Came, House, Person, is_root, me, run, wait_for, write_program};

const POLICY: &str = r#"
timezone = "UTC"
clock_approvals = 1
[staff]
people = ["bob", "carol"]
networks = ["127.0.0.0/8"]
[providers.webcare]
people = ["alice", "dora"]
networks = ["127.0.0.0/8"]
[hosts.web01]
[hosts.web02]
[[rules]]
name = "upkeep"
who = ["webcare"]
hosts = ["web01"]
accounts = ["ME"]
when = ["always"]
at_most = "1h"
[[rules]]
name = "careful"
who = ["webcare"]
hosts = ["web02"]
accounts = ["ME"]
when = ["always"]
at_most = "1h"
approvals = 1
"#;

/// Two people of the provider, each with a code that was not used yet. The gate's clock must not come to be further ahead of the host's.
fn pair(house: &House) -> (Person, Person) {
    let pair = (house.enrol("alice"), house.enrol("dora"));
    house.turn_clock(30);
    pair
}

/// Asks for a certificate over a new key, and keeps both beside one another.
fn certify(house: &House, person: &Person, name: &str) -> PathBuf {
    let key = house.path(name);
    house.new_key(&key);
    let public = fs::read_to_string(key.with_extension("pub")).unwrap().trim().to_owned();
    let came = house.ask(person, &format!("request web01 --as {} --key {public}", me())).fine();
    fs::write(format!("{}-cert.pub", key.display()), came.out).unwrap();
    key
}

fn login(house: &House, key: &Path) -> Came {
    house.ssh(key, "web01", "echo in", "")
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn another_key_signs_and_the_one_before_is_trusted_for_a_while() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let (alice, dora) = pair(&house);
    let old = certify(&house, &alice, "old");
    login(&house, &old).fine();
    let rotate = |overlap: &str| house.local(&["rotate-authority", "--overlap", overlap, "--reason", "every year"]);
    rotate("tomorrow").fails(3, "expected a length such as 2h");
    rotate("900h").fails(3, "expected an overlap of 0s to 168 hours");
    let came = rotate("2h").fine();
    assert_eq!(came.out.matches("ssh-ed25519 ").count(), 2, "{came:?}");
    assert!(came.out.contains(" until "), "{came:?}");
    let new = certify(&house, &dora, "new");
    // A host that does not know yet refuses it.
    login(&house, &new).fails(255, "Permission denied");
    house.fetch_revoked("web01");
    let trusted = house.etc("web01").join("dreamcatcher/authority.pub");
    assert_eq!(lines(&trusted), 2);
    login(&house, &new).fine();
    login(&house, &old).fine();

    // A setup made now has both; what is revoked counts for either.
    let (etc, gate) = (house.etc("web02").display().to_string(), house.gate().display().to_string());
    let setup = house.access(&["host-setup", "web02", "--folder", &gate, "--etc", &etc]).fine();
    assert_eq!(setup.out.matches("ssh-ed25519 ").count(), 2, "{setup:?}");
    house.ask(&alice, "revoke 1 --reason done").fine();
    house.fetch_revoked("web01");
    login(&house, &old).fails(255, "Permission denied");
    login(&house, &new).fine();

    // When the time is over the old one is not handed out any more, and its certificates are revoked as a whole.
    house.turn_clock(2 * 3600 + 300);
    house.fetch_revoked("web01");
    assert_eq!(lines(&trusted), 1);
    login(&house, &new).fine();
    let verified = house.access(&["ledger", "verify", &house.ledger()]).fine();
    assert!(verified.out.contains("the chain is whole"));
    assert_eq!(house.count("authority_changed"), 1);
}

#[test]
fn a_stolen_authority_is_revoked_at_once() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let (alice, dora) = pair(&house);
    let old = certify(&house, &alice, "old");
    login(&house, &old).fine();
    house.local(&["rotate-authority", "--overlap", "0s", "--reason", "stolen"]).fine();
    // Even where the host still has the old key: the list of what is revoked names it.
    let trusted = house.etc("web01").join("dreamcatcher/authority.pub");
    let before = fs::read(&trusted).unwrap();
    house.fetch_revoked("web01");
    fs::write(&trusted, before).unwrap();
    login(&house, &old).fails(255, "Permission denied");
    house.fetch_revoked("web01");
    login(&house, &old).fails(255, "Permission denied");
    login(&house, &certify(&house, &dora, "new")).fine();
}

/// A crash between the ledger and the keys' files is made good before anything is signed.
#[test]
fn a_rotation_that_was_cut_off_is_finished() {
    let mut house = House::new(POLICY);
    house.open_gate();
    let alice = house.enrol("alice");
    let keep = |name: &str| fs::read(house.gate().join(name)).unwrap();
    let old = [keep("authority.age"), keep("authority.pub")];
    house.local(&["rotate-authority", "--overlap", "1h", "--reason", "test"]).fine();
    let new = [keep("authority.age"), keep("authority.pub")];
    // As it was after the ledger was written: both keys there, the old one in place. Then with the first of the two files replaced.
    for (age, public) in [(&old[0], &old[1]), (&new[0], &old[1])] {
        house.write_gate("authority.age", age);
        house.write_gate("authority.pub", public);
        if age == &old[0] {
            house.write_gate("authority-next.age", &new[0]);
        }
        house.write_gate("authority-next.pub", &new[1]);
        house.ask_anew(&alice, &format!("request web01 --as {}", me())).fine();
        assert!(keep("authority.age") == new[0] && keep("authority.pub") == new[1]);
        assert!(!house.gate().join("authority-next.pub").exists() && !house.gate().join("authority-next.age").exists());
    }
    // Before the ledger was written: what was left counts for nothing.
    house.write_gate("authority-next.age", &old[0]);
    house.write_gate("authority-next.pub", &old[1]);
    house.ask_anew(&alice, &format!("request web01 --as {}", me())).fine();
    house.local(&["rotate-authority", "--overlap", "1h", "--reason", "again"]).fine();
    // Keys that are others than the ledger says sign nothing.
    house.write_gate("authority.age", &old[0]);
    house.write_gate("authority.pub", &old[1]);
    house.ask_anew(&alice, &format!("request web01 --as {}", me())).fails(3, "as the ledger says, found");
}

#[test]
fn an_agent_gets_the_new_key() {
    let mut house = House::begin(POLICY, &["--agent", "agent.sock"]);
    house.open_gate();
    let alice = house.enrol("alice");
    house.start_agent("gate/agent.sock");
    let gate = house.gate().display().to_string();
    let request = format!("request web01 --as {}", me());
    let rotate = ["rotate-authority", "--folder", &gate, "--overlap", "1h", "--reason", "test"];
    house.access_with_input(&rotate, "another horse battery\n").fine();
    house.ask_anew(&alice, &request).fails(3, "does not hold");
    house.access_with_input(&["agent", "--folder", &gate], "another horse battery\n").fine();
    house.ask_anew(&alice, &request).fine();
    // One that the agent has of itself, as from a token.
    let token = house.path("token");
    house.new_key(&token);
    let public = token.with_extension("pub").display().to_string();
    let by_token = [&rotate[..], &["--public", &public]].concat();
    house.access(&by_token).fails(3, "does not hold");
    let mut add = Command::new("ssh-add");
    add.arg(&token).env("SSH_AUTH_SOCK", house.gate().join("agent.sock"));
    run(add, "").fine();
    house.access(&by_token).fine();
    house.ask_anew(&alice, &request).fine();
    assert!(!house.gate().join("authority.age").exists(), "nobody has that key any more");
}

#[test]
fn a_clock_that_was_ahead_is_set_right_by_two_people() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let (alice, bob) = (house.enrol("alice"), house.enrol("bob"));
    let request = format!("request web01 --as {}", me());
    let before = house.now();
    house.turn_clock(100_000);
    house.ask(&alice, &request).fine();
    let invitation = house.invite("carol");
    house.turn_clock(60);
    house.ask_anew(&alice, &request).fails(3, "see access clock-back");
    let clock_back = || house.local(&["clock-back", "--reason", "wrong time server"]);
    clock_back().fails(6, "clock-back 1 waits for the approval of 1 of your own people");
    house.ask_anew(&alice, &request).fails(3, "see access clock-back");
    house.ask_anew(&alice, "approve-clock 1").fails(5, "for our own people");
    house.ask_anew(&bob, "approve-clock 7").fails(5, "clock-back 7 is not known");
    house.ssh(&bob.key, "gate", "approve-clock 1", "1\n").fails(5, "the code is wrong");
    assert_eq!(house.count("clock_back"), 0);
    let came = house.ask_anew(&bob, "approve-clock 1").fine();
    assert!(came.out.contains("goes on from the time of the clock"), "{came:?}");
    house.ask_anew(&bob, "approve-clock 1").fails(5, "is done already");
    clock_back().fails(3, "nothing to take back");

    // All goes on as before; what was given in the time that was none counts no more.
    house.ask_anew(&alice, &request).fine();
    house.ssh(&invitation, "gate", "help", "").fails(255, "Permission denied");
    assert!(house.access(&["ledger", "verify", &house.ledger()]).fine().out.contains("the chain is whole"));
    let export = house.access(&["ledger", "export", &house.ledger()]).fine().out;
    let path = house.gate().join("export.jsonl");
    fs::write(&path, export).unwrap();
    house.access(&["ledger", "verify", &path.display().to_string()]).fails(3, "is an export of a ledger");
    let entries = house.entries();
    let of = |kind: &str| entries.iter().find(|entry| entry["what"].get(kind).is_some()).unwrap();
    let back = &of("clock_back")["what"]["clock_back"];
    assert_eq!((&back["approvals"], &back["reason"]), (&serde_json::json!(["bob"]), &"wrong time server".into()));
    assert_eq!(
        of("revoked")["what"]["revoked"],
        serde_json::json!({"serial": 1, "reason": "given while the clock was ahead"})
    );
    let to: jiff::Timestamp = back["to"].as_str().unwrap().parse().unwrap();
    assert!((before..before + 1000).contains(&to.as_second()), "{to}");
}

#[test]
fn without_a_word_of_the_policy_an_administrator_sets_the_clock_right() {
    let mut house = House::new(&POLICY.replace("clock_approvals = 1", ""));
    house.open_gate();
    let alice = house.enrol("alice");
    house.local(&["clock-back", "--reason", "why not"]).fails(3, "nothing to take back");
    house.turn_clock(5000);
    house.local(&["unlock", "alice", "--reason", "test"]).fine();
    house.turn_clock(60);
    house.local(&["clock-back", "--reason", "test"]).fine();
    house.ask_anew(&alice, &format!("request web01 --as {}", me())).fine();
    assert_eq!((house.count("clock_back_requested"), house.count("clock_back")), (1, 1));
}

#[test]
fn a_match_block_against_the_setup_is_found() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let etc = house.etc("web01");
    let text = |path: &Path| path.display().to_string();
    let (setup, pam) = (text(&house.path("web01.json")), text(&house.path("web01-pam")));
    let etc_text = text(&etc);
    let apply = ["host-setup", "web01", "--apply", &setup, "--etc", &etc_text, "--pam", &pam];
    let config = fs::read_to_string(etc.join("sshd_config")).unwrap();
    let write = |more: &str| fs::write(etc.join("sshd_config"), format!("{config}{more}")).unwrap();
    write("Match Address 10.0.0.0/8\n    X11Forwarding no\n");
    house.access(&apply).fine();
    write("Match User daemon,bin Address 10.0.0.0/8\n    PasswordAuthentication yes\n");
    let came = house.access(&apply);
    let came = came.fails(3, "a Match block says 'passwordauthentication yes' for daemon from some addresses");
    assert!(came.err.contains("and 1 more of the kind: take it out, or name the account with --leave"), "{came:?}");
    house.access(&[&apply[..], &["--leave", "daemon", "--leave", "bin"]].concat()).fine();
    write("Match Group daemon\n    AuthorizedKeysFile /etc/keys\n");
    house.access(&apply).fails(3, "a Match block says 'authorizedkeysfile /etc/keys' for daemon (");
    // The setup of before stays as it was.
    assert!(etc.join("sshd_config.d/00-dreamcatcher.conf").exists());
}

#[test]
fn keys_open_the_accounts_of_standing_access_alone() {
    let standing = "[[standing]]\nname = \"nightly\"\nwho = [\"bob\"]\nhosts = [\"web01\"]\naccounts = [\"daemon\"]\n\
        keys = [\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"]\n";
    let mut house = House::new(&format!("{POLICY}{standing}"));
    house.open_gate();
    house.start_server("web01");
    let etc = house.etc("web01");
    let text = |path: &Path| path.display().to_string();
    let [config, ours] = ["sshd_config", "sshd_config.d/00-dreamcatcher.conf"].map(|name| etc.join(name));
    let sshd = |user: &str| {
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.args(["-T", "-C", &format!("user={user},host=h,addr=192.0.2.1"), "-f"]).arg(&config);
        run(sshd, "").fine().out
    };
    assert!(sshd("daemon").contains("\nauthorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n"));
    assert!(sshd("daemon").contains("\npasswordauthentication no\n"));
    assert!(sshd("bin").contains("\nauthorizedkeysfile none\n"));

    // Where the host keeps them elsewhere, the setup is not written, until it says so.
    fs::remove_file(&ours).unwrap();
    let before = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{before}AuthorizedKeysFile /etc/keys/%u\n")).unwrap();
    let (setup, pam, gate) = (text(&house.path("web01.json")), text(&house.path("web01-pam")), text(&house.gate()));
    let place = ["--etc", &text(&etc), "--pam", &pam].map(str::to_owned);
    let place: Vec<&str> = place.iter().map(String::as_str).collect();
    let apply = [&["host-setup", "web01", "--apply", &setup], &place[..]].concat();
    house.access(&apply).fails(3, "found '/etc/keys/%u': use --authorized-keys-file");
    assert!(!ours.exists());
    let keys = ["--folder", &gate, "--authorized-keys-file", "/etc/keys/%u", "--output", &setup];
    house.access(&[&["host-setup", "web01"], &keys[..], &place[..]].concat()).fine();
    house.access(&apply).fine();
    assert!(sshd("daemon").contains("\nauthorizedkeysfile /etc/keys/%u\n"));
    assert!(sshd("bin").contains("\nauthorizedkeysfile none\n"));
}

#[test]
fn waiting_in_vain_has_a_status_of_its_own() {
    let mut house = House::new(POLICY);
    house.open_gate();
    let alice = house.enrol("alice");
    let socket = house.start_agent("agent");
    let config = fs::read_to_string(house.path("ssh_config")).unwrap();
    let own = format!("Host gate\n  IdentityFile {}\n  IdentitiesOnly yes\n{config}", alice.key.display());
    fs::write(house.path("own_config"), own).unwrap();
    let ask = |more: &[&str]| {
        let offset = house.now() - jiff::Timestamp::now().as_second();
        house.turn_clock(offset + 30);
        let mut command = Command::new(env!("CARGO_BIN_EXE_dreamcatcher"));
        command.args(["access", "ssh", "--ssh-config"]).arg(house.path("own_config")).args(more);
        command.env("SSH_AUTH_SOCK", &socket).env("XDG_DATA_HOME", house.path("data"));
        run(command, &format!("{}\n", alice.code(house.now())))
    };
    let me = me();
    ask(&["web02", "--as", &me, "--gate", "gate", "--wait", "0"]).fails(6, "waits for the approval of bob or carol");
    ask(&["web02", "--as", &me, "--gate", "gate", "--wait", "1"]).fails(6, "request 2 waits for an approval");
    ask(&["web01", "--as", "nobody", "--gate", "gate"]).fails(5, "no rule lets alice");
    ask(&["web01", "--as", &me, "--gate", "nowhere.invalid"]).fails(3, "the gate gave no certificate");
}

/// Needs root, for PAM's file is the system's: it is replaced in a mount namespace, in which this sshd runs alone.
#[test]
fn a_session_ends_when_its_certificate_is_revoked() {
    if !is_root() {
        return;
    }
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let revoked = house.etc("web01").join("dreamcatcher/revoked");
    let of_setup = fs::read_to_string(house.path("web01-pam")).unwrap();
    let line = of_setup.lines().find(|line| line.contains("access session --revoked")).unwrap();
    assert!(line.contains(&revoked.display().to_string()), "{line}");
    let line = line.replace("/usr/local/bin/dreamcatcher", env!("CARGO_BIN_EXE_dreamcatcher"));
    let pam = format!("{}{line}\n", fs::read_to_string("/etc/pam.d/sshd").unwrap());
    house.start_with_pam("web01", &pam, ":");
    let (alice, dora) = pair(&house);
    let (first, second) = (certify(&house, &alice, "first"), certify(&house, &dora, "second"));
    let begin = |key: &Path, name: &str| {
        let came = house.path(name);
        let mut ssh = house.ssh_command(key, "web01");
        ssh.arg(format!("touch {}; sleep 600", came.display())).stdin(Stdio::null());
        let child = ssh.spawn().unwrap();
        wait_for("the session", || came.exists());
        child
    };
    let (mut one, mut other) = (begin(&first, "one"), begin(&second, "other"));
    house.ask(&alice, "revoke 1 --reason done").fine();
    std::thread::sleep(Duration::from_secs(1));
    assert!(one.try_wait().unwrap().is_none(), "the host does not know yet");
    house.fetch_revoked("web01");
    let since = Instant::now();
    wait_for("the session to end", || one.try_wait().unwrap().is_some());
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    assert!(other.try_wait().unwrap().is_none(), "another grant's session goes on");
    other.kill().unwrap();
    other.wait().unwrap();
}

/// What an account puts into its `~/.pam_environment` is not in the environment of the watch, which runs as root.
#[test]
fn the_watch_takes_nothing_from_the_account() {
    if !is_root() {
        return;
    }
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let (etc, setup) = (house.etc("web01").display().to_string(), house.path("web01.json").display().to_string());
    let (pam, told, watch) = (house.path("web01-pam"), house.path("told"), house.path("watch"));
    fs::copy("/etc/pam.d/sshd", &pam).unwrap();
    house
        .access(&["host-setup", "web01", "--apply", &setup, "--etc", &etc, "--pam", &pam.display().to_string()])
        .fine();
    write_program(&watch, &format!("#!/bin/sh\nenv > {}\n", told.display()));
    let pam = fs::read_to_string(&pam).unwrap().replace("/usr/local/bin/dreamcatcher", &watch.display().to_string());
    // The account's home, as nobody else sees it.
    let hostile = "mount -t tmpfs none /root; echo 'HOSTILE DEFAULT=1' > /root/.pam_environment";
    house.start_with_pam("web01", &format!("{pam}session required pam_env.so user_readenv=1\n"), hostile);
    let (alice, _) = pair(&house);
    let certified = certify(&house, &alice, "first");
    let came = house.ssh(&certified, "web01", "env", "").fine();
    assert!(came.out.contains("HOSTILE=1"), "the account's own session has it: {came:?}");
    let told = fs::read_to_string(&told).unwrap();
    assert!(told.contains("PAM_TYPE=") && !told.contains("HOSTILE"), "{told}");
}
