//! The gate against the real thing: Debian's sshd and ssh on loopback. From an invitation to a login, and what must not work.

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
    io::{Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use gate::{Came, House, Person, is_root, me, run, wait_for};
use sha2::{Digest, Sha256};
use ssh_key::{private::Ed25519Keypair, rand_core::OsRng};

/// Alice of a provider, Bob and Carol of our own staff; one rule that needs approval and one that does not.
const POLICY: &str = r#"
timezone = "UTC"
[staff]
people = ["bob", "carol"]
networks = ["127.0.0.0/8"]
[providers.webcare]
people = ["alice"]
networks = ["127.0.0.0/8"]
[hosts.web01]
addresses = ["192.0.2.10"]
[hosts.web02]
[[rules]]
name = "upkeep"
who = ["webcare"]
hosts = ["web01"]
accounts = ["ME"]
when = ["always"]
at_most = "30m"
[[rules]]
name = "careful"
who = ["webcare"]
hosts = ["web02"]
accounts = ["ME"]
when = ["always"]
at_most = "1h"
approvals = 1
approved_by = ["staff"]
reason = true
command = "/bin/echo only this"
permit = ["terminal"]
"#;

/// Writes a certificate beside a key, as ssh looks for it.
fn keep_certificate(person: &Person, came: &Came) {
    let certificate = format!("{}-cert.pub", person.key.display());
    fs::write(certificate, &came.out).unwrap();
}

/// What ssh-keygen says of the certificate.
fn keygen(person: &Person) -> String {
    let output =
        Command::new("ssh-keygen").arg("-L").arg("-f").arg(format!("{}-cert.pub", person.key.display())).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn from_nothing_to_a_login() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let alice = house.enrol("alice");
    let account = me();

    // A certificate over the enrolled key itself, with nothing but ssh on the client.
    let came = house.ask_anew(&alice, &format!("request web01 --as {account} --reason disk is full")).fine();
    keep_certificate(&alice, &came);
    let said = keygen(&alice);
    let entries = house.entries();
    let granted = &entries.last().unwrap()["what"]["granted"];
    let lines = [
        "user certificate".to_owned(),
        format!("Key ID: \"{}\"", granted["key_id"].as_str().unwrap()),
        "Serial: 1\n".to_owned(),
        format!("                {account}@web01\n"),
        "source-address 127.0.0.0/8".to_owned(),
        "Extensions: (none)".to_owned(),
        format!("{} (using ssh-ed25519)", granted["authority"].as_str().unwrap()),
    ];
    for line in lines {
        assert!(said.contains(&line), "expected {line} in {said}");
    }
    assert!(granted["key_id"].as_str().unwrap().starts_with(&format!("dreamcatcher:1:alice:{account}@web01:")));

    let login = house.ssh(&alice.key, "web01", "echo in", "").fine();
    assert_eq!(login.out, "in\n");
    let log = house.log("web01");
    let accepted = log.lines().find(|line| line.contains("Accepted publickey")).unwrap();
    assert!(accepted.contains(&format!("ID {} (serial 1)", granted["key_id"].as_str().unwrap())), "{accepted}");
}

#[test]
fn a_new_phone_for_the_same_key() {
    let mut house = House::new(POLICY);
    house.open_gate();
    let alice = house.enrol("alice");
    let again = house.enrol_key(&house.invite("alice"), alice.key.clone());
    let request = format!("request web01 --as {}", me());
    house.ask_anew(&alice, &request).fails(5, "the code is wrong");
    house.ask_anew(&again, &request).fine();
    let invited = house.ssh_command(&house.invite("bob"), "gate");
    let enrol = |mut ssh: Command| {
        ssh.arg(format!("enrol {}", fs::read_to_string(alice.key.with_extension("pub")).unwrap().trim()));
        run(ssh, "").fails(5, "enrolled for alice already");
    };
    enrol(invited);
    let keys = fs::read_to_string(house.path("gate/authorized_keys")).unwrap();
    let public = fs::read_to_string(alice.key.with_extension("pub")).unwrap();
    assert_eq!(keys.matches(public.trim()).count(), 1, "{keys}");
    let enrolled = house.entries().iter().filter(|entry| entry["what"].get("enrolled").is_some()).count();
    assert_eq!(enrolled, 2);
}

#[test]
fn one_command_for_the_person_and_nothing_stays_behind() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let alice = house.enrol("alice");
    house.turn_clock(0);
    // The code of enrolment is used up; the one after it is allowed for by a step of drift.
    let code = alice.code(house.now() + 30);
    let socket = house.start_agent("agent");
    let mut config = fs::read_to_string(house.path("ssh_config")).unwrap();
    config = format!("Host gate\n  IdentityFile {}\n  IdentitiesOnly yes\n{config}", alice.key.display());
    fs::write(house.path("ssh_config"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dreamcatcher"));
    command
        .args(["access", "ssh", "web01", "--as", &me(), "--gate", "gate", "--ssh-config"])
        .arg(house.path("ssh_config"));
    command.args(["--", "echo", "in"]).env("SSH_AUTH_SOCK", &socket).env("XDG_DATA_HOME", house.path("data"));
    let came = run(command, &format!("{code}\n")).fine();
    assert_eq!(came.out, "in\n", "{came:?}");

    let mut list = Command::new("ssh-add");
    list.arg("-l").env("SSH_AUTH_SOCK", &socket);
    assert!(run(list, "").fine().out.contains("ED25519-CERT"), "key and certificate are in the agent");
    let kept: Vec<_> =
        fs::read_dir(house.path("data/dreamcatcher/access")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(fs::read_to_string(&kept[0]).unwrap().starts_with("ssh-ed25519-cert-v01@openssh.com "));
}

#[test]
fn two_pairs_of_eyes() {
    let mut house = House::new(POLICY);
    house.open_gate();
    let (alice, bob) = (house.enrol("alice"), house.enrol("bob"));
    let request = format!("request web02 --as {} --reason new release", me());
    let came = house.ask_anew(&alice, &request).fails(6, "request 1 waits for the approval of bob or carol");
    assert_eq!(came.out, "");
    house.ask_anew(&alice, "collect 1").fails(6, "waits");
    house.ask_anew(&alice, "approve 1").fails(5, "nobody approves a request of their own");
    assert!(house.ask(&bob, "list").fine().out.contains("request 1: alice, from 127.0.0.1, wants to log in to web02"));
    house.ask_anew(&bob, "approve 1").fine();
    house.ask_anew(&bob, "approve 1").fails(5, "needs no further approval");
    house.ask_anew(&bob, "collect 1").fails(5, "there is no request 1 of yours");
    let came = house.ask_anew(&alice, "collect 1").fine();
    keep_certificate(&alice, &came);
    let said = keygen(&alice);
    assert!(said.contains("force-command /bin/echo only this") && said.contains("permit-pty"), "{said}");
    house.ask_anew(&alice, "collect 1").fails(5, "was granted before");
    house.ask_anew(&alice, &request).fails(6, "request 2 waits");
    house.ask(&bob, "deny 2 --reason not today").fine();
    house.ask_anew(&alice, "collect 2").fails(5, "not today");
    let entries = house.entries();
    let granted = entries.iter().find_map(|entry| entry["what"].get("granted")).unwrap();
    assert_eq!((&granted["approvals"][0], &granted["request"]), (&"bob".into(), &1.into()));
    assert_eq!(house.count("refused"), 2, "what was tried stands in the ledger");
}

#[test]
fn what_must_not_work_at_the_gate() {
    let mut house = House::new(POLICY);
    house.open_gate();
    let alice = house.enrol("alice");
    let request = format!("request web01 --as {}", me());

    // A code counts once, and one that is older not at all.
    house.turn_clock(60);
    let code = alice.code(house.now());
    let ask = |command: &str, code: &str| house.ssh(&alice.key, "gate", command, &format!("{code}\n"));
    ask(&request, &code).fine();
    ask(&request, &code).fails(5, "used before");
    ask(&request, &alice.code(house.now() - 30)).fails(5, "used before");
    ask(&request, "").fails(5, "the code is wrong");
    ask(&request, "000000x").fails(5, "the code is wrong");

    // The fifth wrong one in a row: only waiting helps.
    ask(&request, "12345").fails(5, "the code is wrong");
    house.turn_clock(120);
    house.ask(&alice, &request).fails(5, "5 wrong codes; the next try is possible at");
    for wrong in 6..=10 {
        house.turn_clock(120 + (wrong - 5) * 1000);
        ask(&request, "1").fails(5, "the code is wrong");
    }
    house.turn_clock(120 + 6 * 1000);
    house.ask(&alice, &request).fails(5, "locked after 10 wrong codes");
    house.local(&["unlock", "alice", "--reason", "she called"]).fine();
    house.ask(&alice, &request).fine();

    // What the policy does not allow; what is no command.
    house.ask_anew(&alice, "request web01 --as nobody").fails(5, "no rule lets alice log in to web01 as nobody");
    house.ask_anew(&alice, &format!("request web03 --as {}", me())).fails(5, "knows no host called web03");
    house.ask_anew(&alice, &format!("request web02 --as {}", me())).fails(5, "it needs a reason");
    ask("sh -c id", "").fails(3, "expected a command, found 'sh'");
    ask("list; id", "").fails(3, "expected a command, found 'list;'");
    assert!(ask("", "").fine().out.starts_with("request HOST"), "help, not a shell");
    ask("enrol ssh-ed25519 AAAA", "").fails(5, "takes an invitation");

    // Neither terminal nor forwarding, whatever the client asks for.
    let mut forward = house.ssh_command(&alice.key, "gate");
    forward.args(["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", "list"]);
    assert_ne!(run(forward, "").status, 0);

    // The clock goes back: no grant.
    house.turn_clock(-100_000);
    house.ask(&alice, &request).fails(3, "the clock stands at");
}

#[test]
fn an_invitation_counts_once_and_a_day() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.local(&["invite", "mallory", "--output", "/dev/null/x"]).fails(5, "knows nobody called mallory");
    let alice = house.enrol("alice");
    let again = fs::read_to_string(alice.key.with_extension("pub")).unwrap().trim().to_owned();
    let used = house.path("invitation-alice");
    house.ssh(&used, "gate", &format!("enrol {again}"), "").fails(255, "Permission denied");
    let invitation = house.invite("carol");
    house.ssh(&invitation, "gate", "list", "").fails(5, "an invitation is for enrol only");
    house.ssh(&invitation, "gate", &format!("enrol {again}"), "").fails(5, "the key is enrolled for alice already");
    let key = house.path("carol");
    house.new_key(&key);
    let enrol = format!("enrol {}", fs::read_to_string(key.with_extension("pub")).unwrap().trim());
    house.ssh(&invitation, "gate", &enrol, "1\n2\n3\n").fails(5, "nothing is enrolled");
    house.turn_clock(24 * 3600 + 5);
    house.ssh(&invitation, "gate", &enrol, "1\n").fails(5, "older than a day");
}

#[test]
fn revoked_is_revoked() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let (alice, bob) = (house.enrol("alice"), house.enrol("bob"));
    let request = format!("request web01 --as {}", me());
    let came = house.ask_anew(&alice, &request).fine();
    keep_certificate(&alice, &came);
    house.ssh(&alice.key, "web01", "true", "").fine();
    house.ask(&alice, "revoke 1 --reason done").fine();
    house.ask(&alice, "revoke 1 --reason done").fails(5, "was revoked before");

    // The host fetches with its own key what is revoked.
    let revoked = house.etc("web01").join("dreamcatcher/revoked");
    let host_key = house.etc("web01").join("ssh_host_ed25519_key");
    house.fetch_revoked("web01");
    house.ssh(&host_key, "gate", "list", "").fails(5, "a host may ask for krl and authorities only");
    house.ssh(&alice.key, "web01", "true", "").fails(255, "Permission denied");
    let query = |key: &Path| {
        let mut query = Command::new("ssh-keygen");
        query.args(["-Q", "-f"]).arg(&revoked).arg(key);
        run(query, "")
    };
    let certificate = format!("{}-cert.pub", alice.key.display());
    assert!(query(Path::new(&certificate)).out.contains("REVOKED"));
    assert!(query(&bob.key.with_extension("pub")).out.contains("ok"));

    // A lost key takes its grants along, opens the gate no more, and counts nowhere.
    house.ask_anew(&alice, &request).fine();
    let fingerprint = |person: &Person| {
        let mut show = Command::new("ssh-keygen");
        show.args(["-l", "-f"]).arg(person.key.with_extension("pub"));
        run(show, "").out.split(' ').nth(1).unwrap().to_owned()
    };
    house.ask(&alice, &format!("revoke {} --reason mine", fingerprint(&bob))).fails(5, "not yours to revoke");
    let lost = format!("revoke {} --reason laptop stolen", fingerprint(&alice));
    house.ssh(&bob.key, "gate", &lost, "1\n").fails(5, "the code is wrong");
    house.ask(&alice, "list").fine();
    house.ask(&bob, &lost).fine();
    house.ask(&alice, "list").fails(255, "Permission denied");
    house.fetch_revoked("web01");
    assert!(query(&alice.key.with_extension("pub")).out.contains("REVOKED"));
    assert_eq!(house.count("revoked"), 2);
    let lost = fs::read_to_string(alice.key.with_extension("pub")).unwrap().trim().to_owned();
    let invitation = house.invite("alice");
    house.ssh(&invitation, "gate", &format!("enrol {lost}"), "").fails(5, "the key was revoked; enrol another");
}

#[test]
fn an_agent_may_hold_the_authority() {
    let mut house = House::begin(POLICY, &["--agent", "agent.sock"]);
    house.open_gate();
    let alice = house.enrol("alice");
    let request = format!("request web01 --as {}", me());
    house.ask_anew(&alice, &request).fails(3, "no ssh-agent");
    house.start_agent("gate/agent.sock");
    house.ask_anew(&alice, &request).fails(3, "does not hold");
    let gate = house.gate().display().to_string();
    house.access_with_input(&["agent", "--folder", &gate], "wrong\n").fails(3, "cannot decrypt");
    house.access_with_input(&["agent", "--folder", &gate], "correct horse battery staple\n").fine();
    let came = house.ask_anew(&alice, &request).fine();
    keep_certificate(&alice, &came);
    assert!(keygen(&alice).contains("Serial: 1\n"), "{}", keygen(&alice));
    assert_eq!(house.count("granted"), 1, "no grant was written that could not be signed");
}

#[test]
fn two_people_release_a_package() {
    let mut house = House::new(POLICY);
    house.open_gate();
    let (alice, bob, carol) = (house.enrol("alice"), house.enrol("bob"), house.enrol("carol"));
    let package = house.path("patch.deb");
    fs::write(&package, "harmless").unwrap();
    let mut config = fs::read_to_string(house.path("ssh_config")).unwrap();
    config = format!("Host gate\n  IdentityFile {}\n  IdentitiesOnly yes\n{config}", bob.key.display());
    fs::write(house.path("bob_config"), config).unwrap();
    house.turn_clock(60);
    let config = house.path("bob_config").display().to_string();
    let arguments = [
        "release",
        &package.display().to_string(),
        "--reason",
        "fixes the pump",
        "--gate",
        "gate",
        "--ssh-config",
        &config,
    ];
    let came = house.access_with_input(&arguments, &format!("{}\n", bob.code(house.now()))).fine();
    let sum = Command::new("sha256sum").arg(&package).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    assert!(came.out.contains(&sum) && came.out.contains("release 1 waits"), "{came:?}");
    house.ask_anew(&bob, "approve-release 1").fails(5, "nobody approves a release twice");
    house.ask_anew(&alice, "approve-release 1").fails(5, "for our own staff");
    assert_eq!(house.count("released"), 0);
    house.ask_anew(&carol, "approve-release 1").fine();
    let entries = house.entries();
    let released = entries.iter().find_map(|entry| entry["what"].get("released")).unwrap();
    assert_eq!(released["sha256"], sum);
    assert_eq!(released["approvals"], serde_json::json!(["bob", "carol"]));
}

#[test]
fn a_setup_is_checked_and_taken_back() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let etc = house.etc("web01");
    let pam = house.path("web01-pam");
    assert!(fs::read_to_string(&pam).unwrap().contains("pam_exec.so quiet"));
    let text = |path: &Path| path.display().to_string();
    let place = ["--etc", &text(&etc), "--pam", &text(&pam)].map(str::to_owned);
    let place: Vec<&str> = place.iter().map(String::as_str).collect();
    let setup = house.path("web01.json").display().to_string();
    let former = etc.join("dreamcatcher/principals/former");
    fs::write(&former, "former@web01\n").unwrap();
    house.access(&[&["host-setup", "web01", "--apply", &setup], &place[..]].concat()).fine();
    assert!(!former.exists(), "of an account that the policy does not name any more");
    let principals = etc.join("dreamcatcher/principals");
    assert_eq!(fs::metadata(principals.join(me())).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::metadata(principals).unwrap().permissions().mode() & 0o777, 0o755);
    house.access(&[&["host-setup", "web01", "--undo"], &place[..]].concat()).fine();
    assert_eq!(fs::read_to_string(&pam).unwrap(), "auth required pam_unix.so\n");
    assert!(!etc.join("dreamcatcher").exists() && !etc.join("sshd_config.d/00-dreamcatcher.conf").exists());

    // Where sshd would not do what the setup says, nothing stays.
    let config = fs::read_to_string(etc.join("sshd_config")).unwrap();
    fs::write(etc.join("sshd_config"), format!("PasswordAuthentication yes\n{config}")).unwrap();
    let apply = [&["host-setup", "web01", "--apply", &setup], &place[..]].concat();
    house.access(&apply).fails(3, "expected 'passwordauthentication no', found 'passwordauthentication yes'");
    assert!(!etc.join("sshd_config.d/00-dreamcatcher.conf").exists());
    assert_eq!(fs::read_to_string(&pam).unwrap(), "auth required pam_unix.so\n");
    fs::write(etc.join("sshd_config"), "NoSuchThing yes\n").unwrap();
    house.access(&apply).fails(3, "sshd -t refuses it");
    house.access(&[&apply[..], &["--sshd", "/no/sshd"]].concat()).fails(3, "cannot run sshd");
}

/// One network, and windows around the present.
fn narrow(window: &str) -> String {
    format!(
        r#"
timezone = "UTC"
[providers.webcare]
people = ["alice"]
networks = ["127.0.0.1/32"]
[hosts.web01]
[hosts.web02]
[[rules]]
name = "narrow"
who = ["webcare"]
hosts = ["web01", "web02"]
accounts = ["ME"]
when = ["{window}"]
at_most = "2h"
command = "/bin/echo only this"
"#
    )
}

#[test]
fn limits_hold_at_the_host() {
    let mut house = House::new(&narrow("always"));
    house.open_gate();
    house.start_server("web01");
    house.start_server("web02");
    let alice = house.enrol("alice");
    let request = format!("request web01 --as {}", me());
    let came = house.ask_anew(&alice, &request).fine();
    keep_certificate(&alice, &came);
    // Whatever the client asks for, the forced command is what runs.
    for asked in ["echo dodged", "sh", ""] {
        let login = house.ssh(&alice.key, "web01", asked, "echo dodged\n").fine();
        assert_eq!(login.out, "only this\n", "{asked}");
    }
    house.ssh(&alice.key, "web02", "true", "").fails(255, "Permission denied");
    let from = |host: &str, command: &str| {
        let mut ssh = house.ssh_command(&alice.key, host);
        ssh.args(["-o", "BindAddress=127.0.0.9", command]);
        run(ssh, &format!("{}\n", alice.code(house.now())))
    };
    from("web01", "true").fails(255, "Permission denied");
    assert!(house.log("web01").contains("not from a permitted source address"), "{}", house.log("web01"));
    house.turn_clock(90);
    from("gate", &request).fails(5, "lets nobody in from 127.0.0.9");
    // Neither a terminal nor forwarding, as the rule permits none.
    let mut forward = house.ssh_command(&alice.key, "web01");
    forward.args(["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", "-N"]);
    assert_ne!(run(forward, "").status, 0);
}

#[test]
fn a_certificate_ends_with_its_window() {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    // A window that is open now, for at least ten minutes, and closes within the rule's two hours; over midnight if need be.
    let (begin, end) = (&now - jiff::Span::new().hours(1), &now + jiff::Span::new().minutes(20));
    let days = "Mon-Sun";
    let window = format!("{days} {}-{}", begin.strftime("%H:%M"), end.strftime("%H:%M"));
    let mut house = House::new(&narrow(&window));
    house.open_gate();
    let alice = house.enrol("alice");
    let request = format!("request web01 --as {}", me());
    house.ask_anew(&alice, &request).fine();
    let entries = house.entries();
    let granted = entries.iter().find_map(|entry| entry["what"].get("granted")).unwrap();
    let expected = end.with().second(0).subsec_nanosecond(0).build().unwrap().timestamp();
    assert_eq!(granted["until"], expected.to_string());
    house.turn_clock(3600);
    house.ask(&alice, &request).fails(5, "rule narrow is open");
    house.ask_anew(&alice, &format!("{request} --for 0s")).fails(5, "no time at all");
    house.policy("[[rules]]\nname = \"no\"\nnonsense = 1\n");
    house.ask_anew(&alice, &request).fails(3, "there is no such key");
    assert_eq!(house.count("granted"), 1);
    assert_eq!(house.count("policy_changed"), 1);
}

/// An agent with one FIDO key in software, whose owner touches it or does not.
fn fido_agent(socket: &Path, pair: Ed25519Keypair, touched: bool) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            serve_fido(client, &pair, touched);
        }
    });
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn fido_blob(pair: &Ed25519Keypair) -> Vec<u8> {
    [string(b"sk-ssh-ed25519@openssh.com"), string(&pair.public.0), string(b"ssh:")].concat()
}

/// OpenSSH's PROTOCOL.u2f and PROTOCOL.agent, the little of them that ssh asks for.
fn serve_fido(mut client: UnixStream, pair: &Ed25519Keypair, touched: bool) {
    let mut length = [0; 4];
    while client.read_exact(&mut length).is_ok() {
        let mut message = vec![0; u32::from_be_bytes(length) as usize];
        client.read_exact(&mut message).unwrap();
        let answer = match message[0] {
            11 => [&[12, 0, 0, 0, 1][..], &string(&fido_blob(pair)), &string(b"fido")].concat(),
            13 => {
                let (_, data) = take(&message[1..]);
                let (data, _) = take(data);
                let (flags, counter) = ([u8::from(touched)], 7_u32.to_be_bytes());
                let signed = [&Sha256::digest(b"ssh:")[..], &flags, &counter, &Sha256::digest(data)[..]].concat();
                let signature = signature::Signer::<ssh_key::Signature>::sign(pair, &signed);
                let blob = [
                    string(b"sk-ssh-ed25519@openssh.com"),
                    string(signature.as_bytes()),
                    flags.to_vec(),
                    counter.to_vec(),
                ];
                [vec![14], string(&blob.concat())].concat()
            }
            _ => vec![5],
        };
        client.write_all(&string(&answer)).unwrap();
    }
}

/// A string of the protocol, and what follows it.
fn take(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    bytes[4..].split_at(length)
}

#[test]
fn the_touch_of_a_fido_key_is_the_second_factor() {
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let pair = Ed25519Keypair::random(&mut OsRng);
    let line = format!("sk-ssh-ed25519@openssh.com {}", data_encoding::BASE64.encode(&fido_blob(&pair)));
    let public = house.path("fido.pub");
    fs::write(&public, format!("{line}\n")).unwrap();
    let invitation = house.invite("alice");
    let came = house.ssh(&invitation, "gate", &format!("enrol {line}"), "").fine();
    assert!(!came.out.contains("authenticator") && came.out.contains("is enrolled for alice"), "{came:?}");
    let sockets = [true, false].map(|touched| {
        let socket = house.path(&format!("fido-{touched}"));
        fido_agent(&socket, pair.clone(), touched);
        socket
    });
    let ask = |socket: &Path, host: &str, command: &str| {
        let mut ssh = house.ssh_command(&public, host);
        ssh.env("SSH_AUTH_SOCK", socket).arg(command);
        run(ssh, "")
    };
    let request = format!("request web01 --as {}", me());
    let came = ask(&sockets[0], "gate", &request).fine();
    assert!(came.out.starts_with("sk-ssh-ed25519-cert-v01@openssh.com "), "{came:?}");
    fs::write(house.path("fido-cert.pub"), came.out).unwrap();
    let mut login = house.ssh_command(&public, "web01");
    login.arg("-o").arg(format!("CertificateFile={}", house.path("fido-cert.pub").display()));
    login.env("SSH_AUTH_SOCK", &sockets[0]).args(["echo", "in"]);
    assert_eq!(run(login, "").fine().out, "in\n");
    ask(&sockets[1], "gate", &request).fails(255, "Permission denied");

    // What others ask for over a connection that is kept open takes a touch of their own.
    let kept = |arguments: &[&str]| {
        let mut ssh = house.ssh_command(&public, "gate");
        let control = format!("ControlPath={}", house.path("control").display());
        ssh.env("SSH_AUTH_SOCK", &sockets[0]).args(["-o", &control]).args(arguments);
        run(ssh, "")
    };
    kept(&["-o", "ControlMaster=yes", "-o", "ControlPersist=60", "list"]).fine();
    kept(&[&request]).fine();
    kept(&[&request]).fails(5, "the touch was used before; connect anew");
    kept(&["-O", "exit"]).fine();
    ask(&sockets[0], "gate", &request).fine();
    let entries = house.entries();
    let granted = entries.iter().find_map(|entry| entry["what"].get("granted")).unwrap();
    assert_eq!(granted["second_factor"], "touch");
}

/// Needs root, for PAM's file is the system's: it is replaced in a mount namespace, in which this sshd runs alone.
#[test]
fn a_session_ends_with_its_certificate() {
    if !is_root() {
        return;
    }
    let mut house = House::new(POLICY);
    house.open_gate();
    house.start_server("web01");
    let line = format!("session optional pam_exec.so quiet {} access session\n", env!("CARGO_BIN_EXE_dreamcatcher"));
    let pam = fs::read_to_string("/etc/pam.d/sshd").unwrap() + &line;
    house.start_with_pam("web01", &pam, ":");
    let alice = house.enrol("alice");
    let came = house.ask_anew(&alice, &format!("request web01 --as {} --for 40s", me())).fine();
    keep_certificate(&alice, &came);
    // The gate's clock is half a minute ahead: the certificate ends in 70 seconds at the latest.
    let begin = Instant::now();
    let marker = format!("1000{}", std::process::id());
    let login = house.ssh(&alice.key, "web01", &format!("sleep {marker} & echo in; sleep 600; echo survived"), "");
    assert!(login.out == "in\n" && login.status != 0, "{login:?}");
    assert!(begin.elapsed() < Duration::from_secs(90), "{:?}", begin.elapsed());
    let mut left = Command::new("pgrep");
    left.args(["-f", &format!("^sleep {marker}$")]);
    wait_for("what the session began to end", || run_again(&mut left).is_empty());
}

fn run_again(command: &mut Command) -> Vec<u8> {
    command.output().unwrap().stdout
}
