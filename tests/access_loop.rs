//! The whole loop with nothing made up: invitation, second factor, approval, certificate, login to a real sshd, its log, and the hunt that
//! explains it from the gate's own ledger. Gate, server, provider, staff and intruder have addresses and accounts of their own.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[allow(dead_code, reason = "each test program uses its part")]
mod access_world;
mod common;
#[path = "common/gate.rs"]
mod gate;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use access_world::{Random, Server, World, missing, wait_for};
use gate::{Came, Person, run};
use serde_json::Value;

/// The gate's account is the first that the world makes.
const GATE_ACCOUNT: &str = "30000";

struct Scene {
    world: World,
    program: PathBuf,
    gate: Server,
    web: Server,
    account: String,
    /// Of the provider, our own, and the intruder.
    addresses: [String; 3],
}

impl Scene {
    fn new(folder: &Path) -> Self {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        let mut random = Random::new();
        let mut octet = || 1 + random.below(250);
        let addresses = [("198.51.100", octet()), ("192.0.2", octet()), ("203.0.113", octet())];
        let addresses = addresses.map(|(network, last)| format!("{network}.{last}"));
        let (web, account, gate_account) = (random.name("web"), random.name("d"), random.name("g"));
        let gate = Server { name: random.name("gate"), address: "10.0.0.5".into() };
        let web = Server { name: web, address: "10.0.0.11".into() };
        let all: Vec<&str> = addresses.iter().chain([&gate.address, &web.address]).map(String::as_str).collect();
        let mut world = World::new(folder, &all, &[(&gate_account, "no password"), (&account, "no password")]);
        // Where tests are built may be a folder that the gate's account cannot enter.
        let program = folder.join("dreamcatcher");
        fs::copy(env!("CARGO_BIN_EXE_dreamcatcher"), &program).unwrap();
        world.syslog(&gate.name);
        world.syslog(&web.name);
        let mut scene = Self { world, program, gate, web, account, addresses };
        scene.begin(&gate_account);
        scene
    }

    fn path(&self, below: &str) -> PathBuf {
        self.world.folder.join(below)
    }

    fn new_key(&self, path: &Path) {
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(path).status();
        assert!(made.unwrap().success());
    }

    /// The gate begins, and its sshd.
    fn begin(&mut self, gate_account: &str) {
        let folder = self.path("gate");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(&folder, Some(30_000), Some(30_000)).unwrap();
        let program = self.program.display().to_string();
        self.at_gate(&["init", "--program", &program]).fine();
        let policy = format!(
            "timezone = \"UTC\"\n[staff]\npeople = [\"bob\"]\nnetworks = [\"192.0.2.0/24\"]\n[providers.webcare]\npeople = [\"alice\"]\n\
             networks = [\"198.51.100.0/24\"]\n[hosts.{}]\naddresses = [\"{}\"]\n[[rules]]\nname = \"upkeep\"\nwho = [\"webcare\"]\nhosts = [\"{0}\"]\n\
             accounts = [\"{}\"]\nwhen = [\"always\"]\nat_most = \"1h\"\napprovals = 1\napproved_by = [\"staff\"]\nreason = true\n",
            self.web.name, self.web.address, self.account
        );
        fs::write(self.path("access.toml"), &policy).unwrap();
        fs::write(folder.join("access.toml"), policy).unwrap();
        let key = self.path("gate.host");
        self.new_key(&key);
        let config = format!(
            "ListenAddress {}\nHostKey {}\nPidFile none\nStrictModes no\nLogLevel VERBOSE\nUsePAM no\nUseDNS no\nPasswordAuthentication no\n\
             AllowUsers {gate_account}\nAuthorizedKeysFile {}/authorized_keys\n",
            self.gate.address,
            key.display(),
            folder.display()
        );
        self.world.sshd(&self.gate, &config, 0);
        fs::write(self.path("gate.account"), gate_account).unwrap();
    }

    /// `dreamcatcher access …` as the gate's account on its host.
    fn at_gate(&self, arguments: &[&str]) -> Came {
        let mut command = self.world.command("setpriv");
        command.args(["--reuid", GATE_ACCOUNT, "--regid", GATE_ACCOUNT, "--clear-groups"]);
        command.arg(&self.program).args(["access", arguments[0], "--folder"]).arg(self.path("gate"));
        run(with(command, &arguments[1..]), "")
    }

    /// ssh to the gate from an address.
    fn ask(&self, from: &str, key: &Path, request: &str) -> Command {
        let account = fs::read_to_string(self.path("gate.account")).unwrap();
        let mut ssh = self.world.command("ssh");
        ssh.args([
            "-F",
            "none",
            "-T",
            "-b",
            from,
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ]);
        ssh.args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        ssh.arg(format!("{account}@{}", self.gate.address)).arg(request).env_remove("SSH_AUTH_SOCK");
        ssh
    }

    /// Invites and enrols a person.
    fn enrol(&self, name: &str, from: &str) -> Person {
        let (given, key) = (self.path("gate").join(name), self.path(&format!("key-{name}")));
        self.at_gate(&["invite", name, "--output", &given.display().to_string()]).fine();
        // By a way that nobody else can read.
        let invitation = self.path(&format!("invitation-{name}"));
        fs::copy(given, &invitation).unwrap();
        self.new_key(&key);
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        let mut ssh = self.ask(from, &invitation, &format!("enrol {}", public.trim()));
        let mut child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut shown = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let secret = loop {
            line.clear();
            assert_ne!(shown.read_line(&mut line).unwrap(), 0, "a secret");
            if let Some(secret) = line.strip_prefix("or type its secret there: ") {
                let secret: String = secret.chars().filter(|c| !c.is_whitespace()).collect();
                break data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
            }
        };
        let person = Person { key, secret };
        writeln!(child.stdin.take().unwrap(), "{}", person.code(now())).unwrap();
        let mut rest = String::new();
        shown.read_to_string(&mut rest).unwrap();
        assert!(child.wait().unwrap().success(), "{rest}");
        person
    }

    /// The server is set up as the gate says.
    fn set_up(&mut self) {
        let etc = self.path("etc");
        fs::create_dir_all(etc.join("sshd_config.d")).unwrap();
        let key = etc.join("ssh_host_ed25519_key");
        self.new_key(&key);
        let config = format!(
            "Include {}/sshd_config.d/*.conf\nListenAddress {}\nHostKey {}\nPidFile none\nStrictModes no\nUseDNS no\n",
            etc.display(),
            self.web.address,
            key.display()
        );
        fs::write(etc.join("sshd_config"), &config).unwrap();
        let pam = self.path("pam");
        fs::write(&pam, "").unwrap();
        let (public, setup) = (self.path("gate/web.pub"), self.path("gate/web.json"));
        fs::copy(key.with_extension("pub"), &public).unwrap();
        fs::set_permissions(&public, fs::Permissions::from_mode(0o644)).unwrap();
        let text = |path: &Path| path.display().to_string();
        let place = ["--etc", &text(&etc), "--pam", &text(&pam), "--key-path", &text(&key)].map(str::to_owned);
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let name = self.web.name.clone();
        let prepare = ["host-setup", &name, "--host-key", &text(&public), "--output", &text(&setup)].map(str::to_owned);
        let prepare: Vec<&str> = prepare.iter().map(String::as_str).collect();
        self.at_gate(&[&prepare[..], &place].concat()).fine();
        let mut apply = self.world.command(&text(&self.program));
        apply.args(["access", "host-setup", &name, "--apply"]).arg(&setup);
        run(with(apply, &place), "").fine();
        self.world.sshd(&self.web, &config, 0);
    }

    /// What a hunt through the server's log finds: titles, each with how often.
    fn hunt(&self, ledger: &Path) -> BTreeMap<String, usize> {
        let mut hunt = Command::new(&self.program);
        hunt.args(["hunt", "--format", "jsonl", "--no-shipped-rules", "--quiet", "--access"])
            .arg(self.path("access.toml"));
        let year = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year().to_string();
        hunt.arg("--ledger").arg(ledger).args(["--year", &year]).arg(self.world.log(&self.web.name));
        let mut found = BTreeMap::new();
        for line in run(hunt, "").fine().out.lines() {
            let finding: Value = serde_json::from_str(line).unwrap();
            *found.entry(finding["rule"]["title"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        found
    }
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[test]
fn a_login_that_was_granted_is_explained_and_a_stolen_one_is_found() {
    if let Some(reason) = missing() {
        return common::skipped(reason);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    scene.set_up();
    let [provider, own, intruder] = scene.addresses.clone();
    let (alice, bob) = (scene.enrol("alice", &provider), scene.enrol("bob", &own));

    // Alice asks and waits; Bob approves. Both use the code after that of their enrolment.
    let request = format!("request {} --as {} --reason disk is full --wait 5", scene.web.name, scene.account);
    let mut ssh = scene.ask(&provider, &alice.key, &request);
    let mut waiting = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(waiting.stdin.take().unwrap(), "{}", alice.code(now() + 30)).unwrap();
    let listed = || run(scene.ask(&own, &bob.key, "list"), "").out.contains("request 1: alice");
    wait_for("the request", listed);
    run(scene.ask(&own, &bob.key, "approve 1"), &format!("{}\n", bob.code(now() + 30))).fine();
    let granted = waiting.wait_with_output().unwrap();
    assert!(granted.status.success());
    fs::write(format!("{}-cert.pub", alice.key.display()), granted.stdout).unwrap();

    assert!(scene.world.login(&provider, &scene.account, &scene.web, &alice.key, "true"), "the granted login");
    let exported = scene.path("ledger.jsonl");
    let ledger = scene.path("gate/ledger.db");
    let mut export = Command::new(&scene.program);
    export.args(["access", "ledger", "export"]).arg(&ledger);
    fs::write(&exported, run(export, "").fine().out).unwrap();
    assert_eq!(scene.hunt(&exported), BTreeMap::new(), "explained by the export");
    assert_eq!(scene.hunt(&ledger), BTreeMap::new(), "explained by the ledger itself");

    // The same login, if the ledger did not have the grant.
    let without: String =
        fs::read_to_string(&exported).unwrap().lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(scene.path("without.jsonl"), without).unwrap();
    assert_eq!(
        scene.hunt(&scene.path("without.jsonl")),
        BTreeMap::from([("Certificate that was never granted".to_owned(), 1)])
    );

    // Key and certificate are stolen.
    assert!(!scene.world.login(&intruder, &scene.account, &scene.web, &alice.key, "true"));
    let refused = || fs::read_to_string(scene.world.log(&scene.web.name)).unwrap().contains(&intruder);
    wait_for("the refusal in the log", refused);
    assert_eq!(scene.hunt(&exported), BTreeMap::from([("Certificate refused".to_owned(), 1)]));
}
