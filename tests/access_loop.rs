//! The whole loop with nothing made up: invitation, second factor, approval, certificate, login to a real sshd, its log, and the hunt that
//! explains it from the gate's own ledger. Gate, server, provider, staff and intruder have machines and addresses of their own.

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
    path::{Path, PathBuf},
    process::Command,
};

use access_world::{
    Machine, Random, World,
    gate::{Gate, keep_certificate},
    introduce, missing, persist, wait_for,
};
use gate::run;
use serde_json::Value;

struct Scene {
    folder: PathBuf,
    gate: Gate,
    web: Machine,
    account: String,
    provider: Machine,
    office: Machine,
    intruder: Machine,
    /// Keeps the network.
    _world: World,
}

impl Scene {
    fn new(folder: &Path) -> Self {
        let mut random = Random::new();
        let mut octet = || 1 + random.below(250);
        let (provider, office, intruder) =
            (format!("198.51.100.{}", octet()), format!("192.0.2.{}", octet()), format!("203.0.113.{}", octet()));
        let (account, gate_account) = (random.name("d"), random.name("g"));
        let mut world = World::new(folder, &[(&gate_account, ""), (&account, "")]);
        // Where tests are built may be a folder that the gate's account cannot enter.
        let program = folder.join("dreamcatcher");
        gate::install(&program);
        let mut machine = |prefix: &str, address: &str| world.machine(&random.name(prefix), address, true);
        let (gate, web) = (machine("gate", "10.0.0.5"), machine("web", "10.0.0.11"));
        let (provider, office, intruder) =
            (machine("pc", &provider), machine("desk", &office), machine("box", &intruder));
        introduce(&[&gate, &web, &provider, &office, &intruder]);
        // Each code takes a step of time; the gate's clock must not come to be ahead of the hosts'.
        let mut gate = Gate::new(gate, &gate_account, &program, -240);
        let policy = format!(
            "timezone = \"UTC\"\n[staff]\npeople = [\"bob\"]\nnetworks = [\"192.0.2.0/24\"]\n[providers.webcare]\npeople = [\"alice\"]\n\
             networks = [\"198.51.100.0/24\"]\n[hosts.{}]\naddresses = [\"{}\"]\n[[rules]]\nname = \"upkeep\"\nwho = [\"webcare\"]\nhosts = [\"{0}\"]\n\
             accounts = [\"{account}\"]\nwhen = [\"always\"]\nat_most = \"1h\"\napprovals = 1\napproved_by = [\"staff\"]\nreason = true\n",
            web.name, web.address
        );
        fs::write(folder.join("access.toml"), &policy).unwrap();
        gate.policy(&policy);
        gate.machine.start_sshd();
        let folder = folder.to_owned();
        Self { folder, gate, web, account, provider, office, intruder, _world: world }
    }

    /// Whether somebody gets in.
    fn login(&self, from: &Machine, key: &Path) -> bool {
        let mut ssh = from.command("ssh");
        ssh.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        ssh.arg(format!("{}@{}", self.account, self.web.name)).arg("true");
        persist(ssh, |ssh| run(ssh, "")).status == 0
    }

    /// What a hunt through the server's log finds: titles, each with how often.
    fn hunt(&self, ledger: &Path) -> BTreeMap<String, usize> {
        let mut hunt = Command::new(&self.gate.program);
        hunt.args(["hunt", "--format", "jsonl", "--no-shipped-rules", "--quiet", "--access"])
            .arg(self.folder.join("access.toml"));
        hunt.arg("--ledger").arg(ledger).arg(self.web.log());
        let mut found = BTreeMap::new();
        for line in run(hunt, "").fine().out.lines() {
            let finding: Value = serde_json::from_str(line).unwrap();
            *found.entry(finding["rule"]["title"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        found
    }
}

#[test]
fn a_login_that_was_granted_is_explained_and_a_stolen_one_is_found() {
    if let Some(reason) = missing() {
        return common::skipped(reason);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    scene.gate.set_up(&scene.web);
    scene.web.start_sshd();
    let (gate, path) = (&scene.gate, |name: &str| scene.folder.join(name));
    let alice = gate.enrol(&scene.provider, "alice", &path("alice"));
    let bob = gate.enrol(&scene.office, "bob", &path("bob"));
    gate.trust(&scene.provider, &alice);

    // Alice asks and waits; Bob approves.
    let request = format!("request {} --as {} --reason disk is full --wait 5", scene.web.name, scene.account);
    let granted = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| gate.ask(&scene.provider, &alice, &request).fine());
        wait_for("the request", || gate.ask(&scene.office, &bob, "list").out.contains("request 1: alice"));
        gate.ask(&scene.office, &bob, "approve 1").fine();
        waiting.join().unwrap()
    });
    keep_certificate(&alice.key, &granted);

    assert!(scene.login(&scene.provider, &alice.key), "the granted login: {}", scene.web.logged());
    scene.web.settle();
    let exported = path("ledger.jsonl");
    fs::write(&exported, gate.export()).unwrap();
    assert_eq!(scene.hunt(&exported), BTreeMap::new(), "explained by the export");
    assert_eq!(scene.hunt(&gate.folder().join("ledger.db")), BTreeMap::new(), "explained by the ledger itself");

    // The same login, by a ledger that ends before the grant.
    let without: String =
        fs::read_to_string(&exported).unwrap().lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(path("without.jsonl"), without).unwrap();
    assert_eq!(
        scene.hunt(&path("without.jsonl")),
        BTreeMap::from([("Certificate newer than the ledger".to_owned(), 1)])
    );

    // Key and certificate are stolen.
    assert!(!scene.login(&scene.intruder, &alice.key));
    scene.web.settle();
    assert_eq!(scene.hunt(&exported), BTreeMap::from([("Certificate refused".to_owned(), 1)]));
}
