//! Gaps in the logs of a covered host, in whole hunts: a line that is gone while others tell of the session, and files that are gone between others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use std::{fs, path::Path, process::Command};

const POLICY: &str = r#"
[staff]
people = ["anna"]
networks = ["192.0.2.0/24"]
[hosts.web01]
[[standing]]
name = "anna"
who = ["anna"]
hosts = ["web01"]
accounts = ["anna"]
keys = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
"#;

const MISSING_LINE: &str = "Session whose login is missing from the log";
const MISSING_FILE: &str = "Log file missing";

/// A session in sshd's lines, at an hour of a day of November.
fn session(day: u32, hour: u32, process: u32) -> String {
    let key = "A".repeat(43);
    let line = |second: u32, text: &str| {
        format!("2026-11-{day:02}T{hour:02}:00:{second:02}.000000+00:00 web01 sshd[{process}]: {text}\n")
    };
    [
        line(1, &format!("Accepted publickey for anna from 192.0.2.7 port {process} ssh2: ED25519 SHA256:{key}")),
        line(1, "pam_unix(sshd:session): session opened for user anna(uid=1000) by (uid=0)"),
        line(40, "pam_unix(sshd:session): session closed for user anna"),
    ]
    .concat()
}

/// A login in wtmp: glibc's `struct utmp`, 384 bytes.
fn wtmp(second: i32, source: &str) -> Vec<u8> {
    let mut record = vec![0; 384];
    let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &7_i16.to_le_bytes());
    put(4, &900_i32.to_le_bytes());
    put(8, b"pts/3");
    put(40, b"ts/3");
    put(44, b"anna");
    put(76, source.as_bytes());
    put(340, &second.to_le_bytes());
    record
}

fn write(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
    fs::write(folder.join(path), bytes).unwrap();
}

/// Titles, each with why, of what a hunt through `logs` finds.
fn hunt(folder: &Path) -> Vec<(String, String)> {
    hunt_by(folder, POLICY)
}

fn hunt_by(folder: &Path, policy: &str) -> Vec<(String, String)> {
    write(folder, "access.toml", policy);
    let mut hunt = Command::new(env!("CARGO_BIN_EXE_dreamcatcher"));
    hunt.current_dir(folder).args([
        "hunt",
        "logs",
        "--access",
        "access.toml",
        "--no-shipped-rules",
        "--format",
        "jsonl",
    ]);
    let out = hunt.args(["--quiet", "--threads", "2"]).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    let found = |line: &str| {
        let finding: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        (text(&finding["rule"]["title"]), text(&finding["matched"]["reason"]))
    };
    String::from_utf8(out.stdout).unwrap().lines().map(found).collect()
}

#[test]
fn further_lines_of_a_session_tell_of_the_one_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let honest = session(20, 9, 4001) + &session(20, 11, 4003);
    let gone = session(20, 10, 4002).lines().skip(1).map(|line| format!("{line}\n")).collect::<String>();
    write(folder.path(), "logs/auth.log", &honest);
    assert_eq!(hunt(folder.path()), []);
    write(folder.path(), "logs/auth.log", session(20, 9, 4001) + &gone + &session(20, 11, 4003));
    let found = hunt(folder.path());
    assert_eq!(found.iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>(), [MISSING_LINE], "{found:?}");
}

/// All that sshd and PAM said of a session is gone.
#[test]
fn systemd_logind_tells_of_lines_that_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let logind =
        |hour: u32, text: &str| format!("2026-11-20T{hour:02}:00:02.000000+00:00 web01 systemd-logind[500]: {text}\n");
    let opened = |hour| logind(hour, &format!("New session {hour} of user anna."));
    let honest = logind(8, "New seat seat0.")
        + &logind(8, "New session 7 of user anna.")
        + &session(20, 9, 4001)
        + &opened(9)
        + &logind(9, "Removed session 9.")
        + &logind(9, "New session 'c3' of user 'gdm' with class 'greeter' and type 'wayland'.");
    write(folder.path(), "logs/auth.log", honest.clone() + &session(20, 11, 4003) + &opened(11));
    assert_eq!(hunt(folder.path()), []);
    write(folder.path(), "logs/auth.log", honest + &opened(10) + &session(20, 11, 4003) + &opened(11));
    let why = "systemd-logind tells of the session, but no line says who was let in, and how";
    assert_eq!(hunt(folder.path()), [(MISSING_LINE.to_owned(), why.to_owned())]);
}

/// Whatever a host has in sudo's place.
#[test]
fn pkexec_and_doas_tell_who_became_whom() {
    for (program, line) in [
        ("pkexec", "anna: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/home/anna] [COMMAND=/usr/bin/id]"),
        ("doas", "anna ran command /usr/bin/id as root from /home/anna"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let line = format!("2026-11-20T09:00:20.000000+00:00 web01 {program}[4100]: {line}\n");
        write(folder.path(), "logs/auth.log", session(20, 9, 4001) + &line);
        let expected =
            ("Login that nothing explains".to_owned(), format!("nothing lets anna become root by {program}"));
        assert_eq!(hunt(folder.path()), [expected]);
        assert_eq!(hunt_by(folder.path(), &format!("{POLICY}become = [\"root\"]\n")), [], "{program}");
    }
}

#[test]
fn wtmp_tells_of_a_line_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let text = session(20, 9, 4001) + &session(20, 11, 4003);
    write(folder.path(), "logs/web01/var/log/auth.log", &text);
    // 2026-11-20T09:00:01Z, with its line; an hour later, without one.
    let second = 1_795_165_201;
    write(folder.path(), "logs/web01/var/log/wtmp", wtmp(second, "192.0.2.7"));
    assert_eq!(hunt(folder.path()), []);
    write(
        folder.path(),
        "logs/web01/var/log/wtmp",
        [wtmp(second, "192.0.2.7"), wtmp(second + 3600, "203.0.113.9")].concat(),
    );
    let found = hunt(folder.path());
    assert_eq!(found.iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>(), [MISSING_LINE], "{found:?}");
}

/// Lines of a real sudo (tests/recordings/auditd), of which nothing else tells.
#[test]
fn auditd_alone_tells_who_became_whom() {
    for (kind, by) in [("raw", "#152"), ("enriched", "anna")] {
        let folder = tempfile::tempdir().unwrap();
        let recorded = format!("{}/tests/recordings/auditd/audit-{kind}.log", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(recorded).unwrap();
        let sudo: Vec<&str> = text.lines().filter(|line| line.contains("exe=\"/usr/bin/sudo\"")).collect();
        assert!(!sudo.is_empty());
        write(folder.path(), "logs/web01/audit.log", sudo.join("\n") + "\n");
        let found = hunt(folder.path());
        let expected = ("Login that nothing explains".to_owned(), format!("nothing lets {by} become root by sudo"));
        assert_eq!(found, [expected], "{kind}");
        assert_eq!(hunt_by(folder.path(), &format!("{POLICY}become = [\"root\"]\n")), [], "{kind}");
    }
}

/// All lines of logins are gone, and sshd still says who connects.
#[test]
fn connections_without_any_login_show_what_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let connection = |hour| {
        format!(
            "2026-11-20T{hour:02}:00:00.000000+00:00 web01 sshd[7]: Connection from 192.0.2.7 port 7 on 10.0.0.1 port 22\n"
        )
    };
    // 2026-11-20T10:00:01Z.
    write(folder.path(), "logs/web01/var/log/wtmp", wtmp(1_795_168_801, "192.0.2.7"));
    let title = |found: Vec<(String, String)>| found.into_iter().map(|(title, _)| title).collect::<Vec<_>>();
    write(folder.path(), "logs/web01/var/log/auth.log", connection(9));
    assert_eq!(title(hunt(folder.path())), [MISSING_LINE]);
    write(folder.path(), "logs/web01/var/log/auth.log", connection(11));
    assert_eq!(title(hunt(folder.path())), Vec::<String>::new(), "the log begins after it; anna may be who it was");
}

/// One further terminal over a connection, and a terminal of tmux, in wtmp.
#[test]
fn what_happens_within_a_session_is_no_login() {
    let folder = tempfile::tempdir().unwrap();
    let long = session(20, 9, 4001).replace("09:00:40", "09:50:00");
    write(folder.path(), "logs/web01/var/log/auth.log", long);
    // 2026-11-20T09:00:01Z, with its line; half an hour later over the same connection.
    let second = 1_795_165_201;
    let all =
        [wtmp(second, "192.0.2.7"), wtmp(second + 1800, "192.0.2.7"), wtmp(second + 1900, "tmux(77).%0")].concat();
    write(folder.path(), "logs/web01/var/log/wtmp", all);
    assert_eq!(hunt(folder.path()), []);
}

/// What is deleted on the host does not help whoever came in, where another host keeps a copy of its log.
#[test]
fn a_copy_that_another_host_keeps_counts() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = session(20, 10, 4002).replace("192.0.2.7", "203.0.113.9");
    let gone: String = stranger.lines().skip(1).map(|line| format!("{line}\n")).collect();
    write(folder.path(), "logs/web01/auth.log", session(20, 9, 4001) + &gone + &session(20, 11, 4003));
    write(folder.path(), "logs/loghost/remote.log", &stranger);
    let found = hunt(folder.path());
    let titles: Vec<&str> = found.iter().map(|(title, _)| title.as_str()).collect();
    assert_eq!(titles, ["Access used from another network than it was granted for"], "{found:?}");
}

#[test]
fn a_file_by_date_that_is_gone_is_told_and_silence_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let days = [(3, 1), (10, 8), (17, 15), (24, 22)];
    for (date, day) in days {
        write(folder.path(), &format!("logs/web01/secure-202611{date:02}"), session(day, 9, 4000 + day));
    }
    assert_eq!(hunt(folder.path()), [], "a week of which only one day has logins");
    fs::remove_file(folder.path().join("logs/web01/secure-20261117")).unwrap();
    write(folder.path(), "logs/web01/secure-20261027", session(1, 8, 3999).replace("2026-11-01", "2026-10-25"));
    let found = hunt(folder.path());
    assert_eq!(found, [(MISSING_FILE.to_owned(), "secure-20261117 is not among the evidence".to_owned())]);
    // Nothing was rotated then: the next file has all of it.
    write(folder.path(), "logs/web01/secure-20261124", session(12, 9, 4012) + &session(22, 9, 4022));
    assert_eq!(hunt(folder.path()), []);
}
