//! `access check`, `who-can`, `what-can`, `suggest` and `audit`, as they are typed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::{fs, path::Path, process::Command};

use access::policy::Policy;

/// Status, standard output and standard error.
fn dreamcatcher(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_dreamcatcher")).current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

/// The example of docs/policy.md.
fn example() -> String {
    let document = fs::read_to_string(common::root().join("docs/policy.md")).unwrap();
    document.split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_documents_policy_is_explained_and_asked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("access.toml"), example()).unwrap();
    let (status, out, err) = dreamcatcher(folder.path(), &["access", "check"]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("anyone of webcare may log in to web01 and web02 as deploy, from 198.51.100.0/24,"), "{out}");
    let (status, out, _) = dreamcatcher(folder.path(), &["access", "who-can", "10.0.0.11"]);
    assert_eq!((status, out.lines().count()), (0, 3), "{out}");
    let gate = "the gate is access on web02: whoever is enrolled gets in there by their key";
    let (_, out, _) = dreamcatcher(folder.path(), &["access", "who-can", "web02"]);
    assert!(out.contains(gate), "{out}");
    let (status, out, _) = dreamcatcher(folder.path(), &["access", "what-can", "anna"]);
    assert_eq!((status, out.lines().count()), (0, 3), "{out}");
    assert!(out.contains(gate), "{out}");
    let (status, _, err) = dreamcatcher(folder.path(), &["access", "what-can", "eve"]);
    assert_eq!((status, err.as_str()), (3, "dreamcatcher: the policy knows nobody called eve\n"));
    let wrong = example().replace("approvals = 1", "aprovals = 1\nfour_eyes = true");
    fs::write(folder.path().join("access.toml"), wrong).unwrap();
    let (status, _, err) = dreamcatcher(folder.path(), &["access", "check"]);
    assert_eq!(status, 3);
    assert!(err.contains("rules.0.aprovals: there is no such key") && err.contains("rules.0.four_eyes"), "{err}");
}

#[test]
fn a_suggested_policy_explains_what_it_was_made_from() {
    let folder = tempfile::tempdir().unwrap();
    for log in
        ["sshd/openssh-8.4/verbose.iso.log", "sshd/openssh-9.2/verbose.iso.log", "sshd/openssh-10.0/verbose.iso.log"]
    {
        let log = common::root().join("tests/recordings").join(log).display().to_string();
        let (status, policy, _) = dreamcatcher(folder.path(), &["access", "suggest", "--quiet", &log]);
        assert_eq!(status, 0);
        Policy::parse(&policy).unwrap_or_else(|problems| panic!("{problems:?}\n{policy}"));
        assert!(policy.contains(" logins are left out"), "the recording has a login by no method at all");
        fs::write(folder.path().join("access.toml"), policy).unwrap();
        let (status, found, err) = dreamcatcher(
            folder.path(),
            &["hunt", &log, "--access", "access.toml", "--no-shipped-rules", "--format", "jsonl", "--quiet"],
        );
        assert_eq!((status, err.as_str()), (0, ""));
        // Certificates need the ledger, and a login by no method at all no policy allows.
        let others = found.lines().filter(|line| !line.contains("\"Certificate ") && !line.contains("\"kiosk\""));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new());
        assert!(found.contains("Certificate that was never granted"));
    }
}

#[test]
fn an_audit_tells_each_way_in_with_what_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |path: &str, text: &str| {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    };
    // Of the empty key: its fingerprint is that of no bytes behind the kind.
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    write(
        "etc/passwd",
        "root:x:0:0::/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\nold:x:1001:1::/home/old:/bin/sh\n\
         weak:$1$aa$bb:1005:1::/:/bin/sh\nblank::1006:1::/:/bin/sh\nshut:*:1007:1::/:/bin/sh\n+@netgroup::::::\n",
    );
    write("etc/shadow", "root:*:1:::::\nanna:!$6$x$y:1:::::\nold::1:::::\n");
    write("etc/group", "sudo:x:27:anna\nusers:x:100:old\n");
    write("etc/sudoers", "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\nold ALL=(ALL) NOPASSWD: ALL\n");
    write("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\n");
    write("etc/ssh/sshd_config.d/1.conf", "PasswordAuthentication no\nPermitRootLogin yes\n");
    write("home/anna/.ssh/authorized_keys", &format!("{key} anna\n"));
    write("home/old/.ssh/authorized_keys", &format!("# old\ncert-authority {key} ca\n"));
    let (status, out, _) = dreamcatcher(root, &["access", "audit", "."]);
    assert_eq!(status, 1, "{out}");
    for (found, mend) in [
        ("/etc/shadow:3: old needs no password at all", "passwd --lock old"),
        ("/etc/passwd:4: weak has a password that can be used", "passwd --lock weak"),
        ("/etc/passwd:5: blank needs no password at all", "passwd --lock blank"),
        ("/etc/group:1: anna is in sudo, which leads to root", "gpasswd --delete anna sudo"),
        ("/etc/sudoers:3: old may use sudo without a password", "sed -i '3s/^/# /' /etc/sudoers && visudo -c"),
        ("/etc/ssh/sshd_config.d/1.conf:2: PermitRootLogin is yes", "PermitRootLogin no"),
        (
            "/home/anna/.ssh/authorized_keys:1: a key that lets people in as anna",
            "sed -i '1s/^/# /' /home/anna/.ssh/authorized_keys",
        ),
        ("/home/old/.ssh/authorized_keys:2: an authority", "sed -i '2s/^/# /' /home/old/.ssh/authorized_keys"),
    ] {
        let lines: Vec<&str> = out.lines().collect();
        let at = lines.iter().position(|line| line.starts_with(found)).unwrap_or_else(|| panic!("{found}\n{out}"));
        assert!(lines[at + 1].contains(mend), "{mend}\n{out}");
    }
    assert!(!out.contains("PasswordAuthentication is") && !out.contains("anna has a password"), "{out}");
    assert!(out.contains("the same key opens anna and old"), "{out}");
    let fingerprint = out.split("SHA256:").nth(1).unwrap().get(..43).unwrap();
    let policy = format!(
        "[staff]\npeople = [\"anna\"]\nnetworks = [\"192.0.2.0/24\"]\n[hosts.web01]\n[[standing]]\nname = \"a\"\nwho = [\"anna\"]\n\
         hosts = [\"web01\"]\naccounts = [\"anna\"]\nkeys = [\"SHA256:{fingerprint}\"]\n"
    );
    write("access.toml", &policy);
    let (_, out, _) = dreamcatcher(root, &["access", "audit", ".", "--access", "access.toml", "--host", "web01"]);
    assert!(
        !out.contains("/home/anna") && out.contains("/home/old") && out.contains("1 more are of the policy"),
        "{out}"
    );
}

/// A host whose ways in stand where sshd and sudo look, not where one would.
fn crooked_host(root: &std::path::Path) {
    let write = |path: &str, text: &str| {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    };
    let key = |byte: u8| {
        let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[byte; 32]].concat();
        format!("ssh-ed25519 {}", data_encoding::BASE64.encode(&blob))
    };
    write(
        "etc/passwd",
        "root:x:0:0::/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\nben:x:1001:27::/home/ben:/bin/sh\n\
         web:x:33:33::/srv:/usr/sbin/nologin\n",
    );
    write("etc/shadow", "root:*:1:::::\nanna:*:1:::::\nben:*:1:::::\nweb:!:1:::::\n");
    write("etc/group", "root:x:0:\nsudo:x:27:\nops:x:50:anna,ben\nanna:x:1000:\n");
    write(
        "etc/sudoers",
        "Defaults env_reset\n@includedir /etc/sudoers.d\nUser_Alias PAIR = anna, %ops\n#include /etc/more\n%sudo ALL=(ALL:ALL) ALL\n",
    );
    write(
        "etc/sudoers.d/pair",
        "Cmnd_Alias UPKEEP = /usr/bin/apt, \\\n    /usr/bin/dpkg\nPAIR ALL = NOPASSWD: \\\n    UPKEEP\n",
    );
    write("etc/sudoers.d/left.out", "web ALL=(ALL) ALL\n");
    write("etc/more", "#33 ALL=(ALL) ALL\nDefaults !authenticate\n");
    write(
        "etc/ssh/sshd_config",
        "Include sshd_config.d/*.conf\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\n\
         TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsFile /etc/ssh/principals/%u\nRevokedKeys /etc/ssh/revoked\n\
         AuthorizedKeysFile /etc/keys/%u\n\
         Match Group ops Address 10.0.0.0/8\n    PasswordAuthentication yes\n\
         Match User ben\n    AuthorizedKeysFile /srv/%U.keys\n    AuthorizedKeysCommand /usr/bin/ask %u\n\
         Match User root\n    KbdInteractiveAuthentication yes\n    AuthenticationMethods publickey,keyboard-interactive\n",
    );
    write("etc/ssh/sshd_config.d/a.conf", "Match User anna\n    PermitEmptyPasswords yes\n");
    write("etc/ssh/ca.pub", &format!("{} ca\n", key(7)));
    write("etc/ssh/principals/anna", "anna@web01\nanyone\n");
    write("etc/keys/anna", &format!("{} anna\n", key(1)));
    write("srv/1001.keys", &format!("from=\"10.0.0.1\" {} ben\n", key(2)));
    write("home/anna/.ssh/authorized_keys", &format!("{} nobody looks here\n", key(3)));
}

#[test]
fn an_audit_looks_where_sshd_and_sudo_look() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    crooked_host(root);
    let (status, out, _) = dreamcatcher(root, &["access", "audit", "."]);
    assert_eq!(status, 1);
    let found: Vec<&str> = out.lines().filter(|line| line.starts_with("/etc") || line.starts_with("/srv")).collect();
    let expected = [
        "/etc/group:2: ben is in sudo, which leads to root",
        "/etc/keys/anna:1: a key that lets people in as anna, from anywhere and for anything: SHA256:",
        "/etc/more:1: web (#33) may use sudo: #33 ALL=(ALL) ALL",
        "/etc/more:2: sudo asks for no password: Defaults !authenticate",
        "/etc/ssh/ca.pub:1: an authority whose certificates let people in as anna, ben, root and web: SHA256:",
        "/etc/ssh/principals/anna:1: certificates for the principal anna@web01 let people in as anna",
        "/etc/ssh/principals/anna:2: certificates for the principal anyone let people in as anna",
        "/etc/ssh/sshd_config:10: PasswordAuthentication is yes for anna and ben from some addresses: passwords let people in",
        "/etc/ssh/sshd_config:13: /usr/bin/ask %u decides which keys let people in for ben; what it answers is not known",
        "/etc/ssh/sshd_config.d/a.conf:2: PermitEmptyPasswords is yes for anna: accounts without a password let anyone in",
        "/etc/sudoers.d/pair:3: anna and ben (PAIR) may use sudo without a password: PAIR ALL = NOPASSWD:     UPKEEP; UPKEEP is /usr/bin/apt,     /usr/bin/dpkg",
        "/srv/1001.keys:1: a key that lets people in as ben: SHA256:",
    ];
    assert_eq!(found.len(), expected.len(), "{out}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "expected {expected}\nfound    {found}");
    }
    // What a policy and ledger know is left out.
    let authority = found[4].split("SHA256:").nth(1).unwrap().get(..43).unwrap();
    let policy = format!(
        "authorities = [\"SHA256:{authority}\"]\n[staff]\npeople = [\"anna\"]\nnetworks = [\"192.0.2.0/24\"]\n[hosts.web01]\n\
         [[rules]]\nname = \"a\"\nwho = [\"anna\"]\nhosts = [\"web01\"]\naccounts = [\"anna\"]\nwhen = [\"always\"]\nat_most = \"1h\"\nbecome = [\"root\"]\n"
    );
    fs::write(root.join("access.toml"), policy).unwrap();
    let (_, out, _) = dreamcatcher(root, &["access", "audit", ".", "--access", "access.toml", "--host", "web01"]);
    assert!(!out.contains("ca.pub") && !out.contains("anna@web01") && out.contains("principal anyone"), "{out}");
    assert!(out.contains("ben (PAIR) may use sudo") && !out.contains("anna and ben (PAIR)"), "{out}");
}

/// The lines that mend are run one after another, on a copy; then what they were about is not found any more.
#[test]
fn what_mends_mends() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    crooked_host(root);
    let (_, out, _) = dreamcatcher(root, &["access", "audit", "."]);
    let mends: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("    sed ")).collect();
    assert!(mends.len() >= 11, "{out}");
    for mend in mends {
        // Of each line what changes files, below the copy's root.
        let command = format!("sed {}", mend.split(" && ").next().unwrap());
        let (script, path) = command.rsplit_once(' ').unwrap();
        let done = Command::new("sh").args(["-c", &format!("{script} {}{path}", root.display())]).status().unwrap();
        assert!(done.success(), "{command}");
    }
    let (_, out, _) = dreamcatcher(root, &["access", "audit", "."]);
    let left: Vec<&str> = out.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
    assert_eq!(left, ["usermod --gid nogroup ben"], "{out}");
}

#[test]
fn an_audit_tells_which_accounts_nobody_uses() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::create_dir_all(root.join("var/log")).unwrap();
    let passwd = "root:x:0:0::/root:/bin/bash\nanna:x:1000:1::/home/anna:/bin/bash\nold:x:1001:1::/home/old:/bin/sh\nnew:x:1002:1::/:/bin/sh\n";
    fs::write(root.join("etc/passwd"), passwd).unwrap();
    let audit = || {
        let (_, out, _) = dreamcatcher(root, &["access", "audit", "."]);
        let found: Vec<String> = out.lines().filter(|line| line.contains("nobody ")).map(str::to_owned).collect();
        found
    };
    assert_eq!(
        audit(),
        [
            "could not be read: /var/log: neither lastlog nor wtmp is there, so it is not known which accounts nobody uses"
        ]
    );
    let record = |user: &str, second: u32| {
        let mut record = vec![0; 384];
        record[0] = 7;
        record[44..44 + user.len()].copy_from_slice(user.as_bytes());
        record[340..344].copy_from_slice(&second.to_le_bytes());
        record
    };
    // 2026-01-01, 2026-03-02, 2026-06-30.
    let (first, second, third) = (1_767_225_600, 1_772_409_600, 1_782_777_600);
    fs::write(root.join("var/log/wtmp"), [record("old", first), record("anna", second)].concat()).unwrap();
    assert_eq!(
        audit(),
        ["could not be read: /var/log: lastlog or wtmp tell of too short a time to say which accounts nobody uses"]
    );
    fs::write(root.join("var/log/wtmp.1"), record("old", first)).unwrap();
    fs::write(root.join("var/log/wtmp"), [record("anna", second), record("anna", third)].concat()).unwrap();
    let by_wtmp = [
        "/etc/passwd:3: nobody logged in to old since 2026-01-01",
        "/etc/passwd:4: nobody logged in to new since 2026-01-01 at least",
    ];
    assert_eq!(audit(), by_wtmp);
    let mut lastlog = vec![0; 292 * 1003];
    for (uid, time) in [(1000, third), (1001, first)] {
        lastlog[292 * uid..292 * uid + 4].copy_from_slice(&time.to_le_bytes());
    }
    fs::write(root.join("var/log/lastlog"), lastlog).unwrap();
    assert_eq!(
        audit(),
        ["/etc/passwd:3: nobody logged in to old since 2026-01-01", "/etc/passwd:4: nobody ever logged in to new"]
    );
}
