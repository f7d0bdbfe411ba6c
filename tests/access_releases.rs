//! Packages that nobody released, in whole hunts: what package managers, programs started, shells and web servers tell, and files in the evidence.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use std::{fs, io::Write, path::Path, process::Command};

use access::{Entry, What};
use sha2::{Digest, Sha256};

const POLICY: &str = r#"
[hosts.web01]
[releases]
packages = ["agent*"]
paths = ["/updates/*.deb"]
"#;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A ledger that releases files of these names and hashes.
fn ledger(released: &[(&str, String)]) -> String {
    let (mut lines, mut previous) = (String::new(), "0".repeat(64));
    for (sequence, (name, sha256_of)) in (1..).zip(released) {
        let what = What::Released {
            release: sequence,
            name: (*name).into(),
            sha256: sha256_of.clone(),
            reason: "tested".into(),
            approvals: vec!["anna".into(), "ben".into()],
        };
        let time = "2026-11-16T08:00:00Z".parse().unwrap();
        let entry = Entry { sequence, time, who: "gate".into(), previous: previous.clone(), what };
        let text = serde_json::to_string(&entry).unwrap();
        previous = sha256(text.as_bytes());
        lines += &format!("{{\"hash\":\"{previous}\",\"entry\":{text}}}\n");
    }
    lines
}

fn write(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
    fs::write(folder.join(path), bytes).unwrap();
}

/// Where in `logs` something is found that nobody released, and why. `agent_1.2_amd64.deb`, which holds `harmless`, is released, and the same for dnf.
fn hunt(folder: &Path, policy: &str, more: &[&str]) -> Vec<(String, String)> {
    let released = ["agent_1.2_amd64.deb", "agent-1.2-1.x86_64.rpm"].map(|name| (name, sha256(b"harmless")));
    hunt_by(folder, policy, &ledger(&released), more)
}

fn hunt_by(folder: &Path, policy: &str, ledger: &str, more: &[&str]) -> Vec<(String, String)> {
    write(folder, "access.toml", policy);
    write(folder, "ledger.jsonl", ledger);
    let mut hunt = Command::new(env!("CARGO_BIN_EXE_dreamcatcher"));
    hunt.current_dir(folder).args(["hunt", "logs", "--access", "access.toml", "--ledger", "ledger.jsonl"]);
    let out = hunt.args(["--no-shipped-rules", "--format", "jsonl", "--quiet"]).args(more).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    let found = |line: &str| {
        let finding: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        assert_eq!(text(&finding["rule"]["title"]), "Package that nobody released");
        (text(&finding["evidence"]["path"]), text(&finding["matched"]["reason"]))
    };
    String::from_utf8(out.stdout).unwrap().lines().map(found).collect()
}

/// What an honest server has: other packages, and the released one.
fn honest(folder: &Path) {
    write(
        folder,
        "logs/web01/dpkg.log",
        "2026-11-17 08:41:10 startup archives unpack\n2026-11-17 08:41:12 upgrade openssl:amd64 3.0.1-1 3.0.2-1\n\
         2026-11-17 08:41:13 install agent:amd64 <none> 1:1.2\n2026-11-17 08:41:14 status installed agent:amd64 1:1.2\n\
         2026-11-18 08:41:14 remove agent:amd64 1:1.1 <none>\n",
    );
    write(
        folder,
        "logs/web01/dnf.rpm.log",
        "2026-11-17T08:41:10+0100 INFO --- logging initialized ---\n2026-11-17T08:41:12+0100 SUBDEBUG Installed: agent-1.2-1.x86_64\n2026-11-17T08:41:12+0100 SUBDEBUG Upgraded: agent-1.1-1.x86_64\n",
    );
    write(
        folder,
        "logs/web01/zypp/history",
        "# installed\n2026-11-17 08:41:12|install|agent|1.2-1|x86_64|root@web01|tools|0|\n2026-11-17 08:41:13|install|nginx|1-1|x86_64|||0|\n",
    );
    write(
        folder,
        "logs/web01/root/.bash_history",
        "apt-get update\ndpkg -i /tmp/agent_1.2_amd64.deb\napt install nginx\ncat agent_9_amd64.deb\n",
    );
    write(
        folder,
        "logs/web01/access.log",
        "192.0.2.7 - - [17/Nov/2026:09:00:00 +0000] \"GET /updates/agent_1.2_amd64.deb HTTP/1.1\" 200 9 \"-\" \"apt\"\n\
         192.0.2.7 - - [17/Nov/2026:09:00:01 +0000] \"GET /updates/agent_9_amd64.deb HTTP/1.1\" 404 9 \"-\" \"apt\"\n\
         192.0.2.7 - - [17/Nov/2026:09:00:02 +0000] \"GET /updates/Packages.gz HTTP/1.1\" 200 9 \"-\" \"apt\"\n",
    );
    write(folder, "logs/cache/agent_1.2_amd64.deb", "harmless");
    write(folder, "logs/cache/openssl_3.0.2-1_amd64.deb", "of the distribution");
}

#[test]
fn an_honest_server_has_none() {
    let folder = tempfile::tempdir().unwrap();
    honest(folder.path());
    assert_eq!(hunt(folder.path(), POLICY, &[]), []);
    assert_eq!(hunt(folder.path(), "[hosts.web01]\n", &[]), []);
}

#[test]
fn what_nobody_released_is_found_wherever_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    honest(folder.path());
    let more = |path: &str, line: &str| {
        let path = folder.path().join(path);
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, text + line).unwrap();
    };
    more("logs/web01/dpkg.log", "2026-11-19 08:41:13 upgrade agent:amd64 1:1.2 1:1.3\n");
    more("logs/web01/dnf.rpm.log", "2026-11-19T08:41:12+0100 SUBDEBUG Upgrade: agent-extra-1.2-1.x86_64\n");
    more("logs/web01/zypp/history", "2026-11-19 08:41:12|install|agent|1.3-1|x86_64|root@web01|tools|0|\n");
    more(
        "logs/web01/root/.bash_history",
        "cd /tmp && sudo dpkg -i ./agent_1.3_amd64.deb\napt-get install -y agent=1.3\n",
    );
    more(
        "logs/web01/access.log",
        "192.0.2.7 - - [19/Nov/2026:09:00:00 +0000] \"GET /updates/agent_1.3_amd64.deb HTTP/1.1\" 200 9 \"-\" \"apt\"\n",
    );
    more(
        "logs/web01/audit.log",
        "type=SYSCALL msg=audit(1795165201.123:100): arch=c000003e syscall=59 success=yes exit=0 items=2 ppid=1 pid=2 auid=1000 uid=0 gid=0 euid=0 tty=pts0 ses=1 comm=\"dpkg\" exe=\"/usr/bin/dpkg\" key=(null)\n\
         type=EXECVE msg=audit(1795165201.123:100): argc=3 a0=\"dpkg\" a1=\"-i\" a2=\"/tmp/agent_1.4_amd64.deb\"\n",
    );
    write(folder.path(), "logs/cache/agent_1.2_amd64.deb", "not harmless any more");
    write(folder.path(), "logs/cache/agent_1.5_amd64.deb", "nobody knows");
    let found = hunt(folder.path(), POLICY, &[]);
    let why = |path: &str| -> Vec<&str> {
        found.iter().filter(|(place, _)| place.contains(path)).map(|(_, why)| why.as_str()).collect()
    };
    assert_eq!(why("dpkg.log"), ["the ledger has no release of agent 1.3"]);
    assert_eq!(why("dnf.rpm.log"), ["the ledger has no release of agent-extra 1.2-1"]);
    assert_eq!(why("zypp/history"), ["the ledger has no release of agent 1.3-1"]);
    let typed = ["the ledger has no release of agent_1.3_amd64.deb", "the ledger has no release of agent 1.3"];
    assert_eq!(why(".bash_history"), typed);
    assert_eq!(why("access.log"), ["the ledger has no release of agent_1.3_amd64.deb"]);
    assert_eq!(why("audit.log"), ["the ledger has no release of agent_1.4_amd64.deb"]);
    let files = why("cache");
    assert!(files[0].starts_with("agent_1.2_amd64.deb is another file than the one released"), "{files:?}");
    assert!(files[1].starts_with("the ledger has no release of agent_1.5_amd64.deb, nor of its SHA-256"), "{files:?}");
    assert_eq!(found.len(), 9, "{found:?}");
    // Whatever the number of threads; and nothing where the finding is not wanted.
    assert_eq!(hunt(folder.path(), POLICY, &["--threads", "1"]), found);
    assert_eq!(hunt(folder.path(), POLICY, &["--level", "critical"]), []);
    // Where the policy names nothing, a released name with another hash is still told.
    let by_default = hunt(folder.path(), "[hosts.web01]\n", &[]);
    assert_eq!(by_default.len(), 1, "{by_default:?}");
}

/// As it is stored, whether it lies in an archive or is one that is looked into.
#[test]
fn packages_are_compared_as_they_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let tar = |members: &[(&str, &[u8])]| {
        let root = tempfile::tempdir().unwrap();
        members.iter().for_each(|(name, bytes)| write(root.path(), name, bytes));
        let names = members.iter().map(|(name, _)| name);
        Command::new("tar").arg("-C").arg(root.path()).arg("-cz").args(names).output().unwrap().stdout
    };
    let apk = |text: &str| tar(&[(".PKGINFO", b"pkgname = agent\n".as_slice()), ("usr/bin/agent", text.as_bytes())]);
    let (known, other) = (apk("harmless"), apk("changed"));
    let backup = tar(&[
        ("cache/agent_1.2_amd64.deb", b"harmless".as_slice()),
        ("old/agent_1.2_amd64.deb", b"not harmless any more"),
        ("cache/agent-1.2-r0.apk", &other),
        ("cache/agent-1.4-r0.apk", &known),
        ("cache/nginx_1_amd64.deb", b"of the distribution"),
    ]);
    write(folder.path(), "logs/web01/backup.tar.gz", tar(&[("inner.tar.gz", &backup)]));
    write(folder.path(), "logs/web01/agent-1.2-r0.apk", &known);
    write(folder.path(), "logs/web01/agent-1.3-r0.apk", &other);
    let released = [("agent_1.2_amd64.deb", sha256(b"harmless")), ("agent-1.2-r0.apk", sha256(&known))];
    let mut found = hunt_by(folder.path(), POLICY, &ledger(&released), &[]);
    found.sort();
    let found: Vec<(&str, &str)> =
        found.iter().map(|(path, why)| (path.as_str(), why.split([':', ',']).next().unwrap_or_default())).collect();
    let is_another = |name: &str| format!("{name} is another file than the one released");
    assert_eq!(
        found,
        [
            ("logs/web01/agent-1.3-r0.apk", "the ledger has no release of agent-1.3-r0.apk"),
            ("logs/web01/backup.tar.gz!/inner.tar.gz!/cache/agent-1.2-r0.apk", &is_another("agent-1.2-r0.apk")),
            ("logs/web01/backup.tar.gz!/inner.tar.gz!/old/agent_1.2_amd64.deb", &is_another("agent_1.2_amd64.deb")),
        ]
    );
}

/// What Debian's own tools build, install and log.
#[test]
fn dpkg_itself_tells_of_what_was_not_released() {
    if !Path::new("/usr/bin/dpkg-deb").exists() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: dpkg is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for file in ["status", "available", "info/format", "updates/x"] {
        write(&root, &format!("var/lib/dpkg/{file}"), if file == "info/format" { "1\n" } else { "" });
    }
    fs::remove_file(root.join("var/lib/dpkg/updates/x")).unwrap();
    let log = folder.path().join("logs/web01/dpkg.log");
    let mut files = Vec::new();
    for version in ["1:1.2", "1:1.3"] {
        let control = format!(
            "Package: shipyard-agent\nVersion: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: empty\n"
        );
        write(folder.path(), &format!("{version}/DEBIAN/control"), control);
        fs::create_dir_all(folder.path().join("logs/web01/incoming")).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let out =
                Command::new(program).args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap();
            assert!(out.status.success(), "{out:?}");
        };
        let text = |path: &Path| path.display().to_string();
        let incoming = folder.path().join("logs/web01/incoming");
        run("dpkg-deb", &["--build", "--root-owner-group", &text(&folder.path().join(version)), &text(&incoming)]);
        let file = incoming.join(format!("shipyard-agent_{}_all.deb", &version[2..]));
        let (root, log) = (format!("--root={}", root.display()), format!("--log={}", log.display()));
        run("dpkg", &["--force-not-root", "--force-bad-path", &root, &log, "-i", &text(&file)]);
        files.push(file);
    }
    let released = [("shipyard-agent_1.2_all.deb", sha256(&fs::read(&files[0]).unwrap()))];
    let policy = "[hosts.web01]\n[releases]\npackages = [\"shipyard-*\"]\n";
    let found = hunt_by(folder.path(), policy, &ledger(&released), &[]);
    let why: Vec<&str> = found.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(why.len(), 2, "{found:?} {}", fs::read_to_string(&log).unwrap());
    assert!(why.contains(&"the ledger has no release of shipyard-agent 1.3"), "{why:?}");
    assert!(
        why.iter().any(|why| why.starts_with("the ledger has no release of shipyard-agent_1.3_all.deb, nor")),
        "{why:?}"
    );
}
