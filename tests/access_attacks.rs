//! Attacks on access, against the real sshd: each ends in exactly its finding, and honest logins of every kind in none.
//!
//! Certificates are signed by ssh-keygen and grants written through the crate's types, so that what is tested here is the accounting alone. Names,
//! addresses and times are drawn anew each run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]
#![cfg(target_os = "linux")]

mod access_world;
mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use access::{Entry, Granted, SecondFactor, What};
use access_world::{Random, Server, World, missing, run};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How many honest logins there are; fewer, in a hurry, if DREAMCATCHER_HONEST says so.
fn honest_logins() -> usize {
    std::env::var("DREAMCATCHER_HONEST").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

/// What the ledger says, as `access ledger export` writes it.
struct Ledger {
    lines: String,
    previous: String,
    sequence: u64,
}

impl Ledger {
    fn new() -> Self {
        Self { lines: String::new(), previous: "0".repeat(64), sequence: 0 }
    }

    fn add(&mut self, time: Timestamp, who: &str, what: What) {
        self.sequence += 1;
        let entry = Entry { sequence: self.sequence, time, who: who.into(), previous: self.previous.clone(), what };
        let text = serde_json::to_string(&entry).unwrap();
        self.previous = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.lines += &format!("{{\"hash\":\"{}\",\"entry\":{text}}}\n", self.previous);
    }
}

fn keygen(path: &Path, comment: &str) {
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path));
}

fn fingerprint(key: &Path) -> String {
    let told = run(Command::new("ssh-keygen").args(["-l", "-f"]).arg(key.with_extension("pub")));
    told.split(' ').nth(1).unwrap().to_owned()
}

/// Everything of one run.
struct Scene {
    world: World,
    random: Random,
    ledger: Ledger,
    servers: Vec<Server>,
    policy: String,
    /// The accounts: of certificates, of standing access, of whatever nobody listed.
    accounts: [String; 3],
    /// The addresses: the provider's, our own, the attacker's.
    addresses: [String; 3],
    ca: PathBuf,
    serial: u64,
    /// What is to be found: the finding's title and the account.
    expected: BTreeMap<(String, String), usize>,
}

/// A grant to be, and what may be wrong with its certificate.
struct Grant<'a> {
    host: &'a str,
    account: &'a str,
    rule: &'a str,
    from: SignedDuration,
    until: SignedDuration,
    command: Option<&'a str>,
    sources: Vec<String>,
    approvals: &'a [&'a str],
    break_glass: bool,
}

impl Scene {
    fn new(folder: &Path) -> Self {
        let mut random = Random::new();
        let accounts = [random.name("d"), random.name("a"), random.name("x")];
        let octet = |random: &mut Random| 1 + random.below(250);
        let addresses = [
            format!("198.51.100.{}", octet(&mut random)),
            format!("192.0.2.{}", octet(&mut random)),
            format!("203.0.113.{}", octet(&mut random)),
        ];
        let net = octet(&mut random);
        let servers: Vec<Server> = (0..2)
            .map(|number| Server { name: random.name("srv"), address: format!("10.0.{net}.{}", 11 + number) })
            .collect();
        let all: Vec<&str> =
            addresses.iter().chain(servers.iter().map(|server| &server.address)).map(String::as_str).collect();
        let passwords: Vec<(&str, &str)> = accounts.iter().map(|account| (account.as_str(), "correct horse")).collect();
        let mut world = World::new(folder, &all, &passwords);
        let ca = folder.join("ca");
        keygen(&ca, "ca");
        servers.iter().for_each(|server| world.syslog(&server.name));
        let (ledger, policy, expected) = (Ledger::new(), String::new(), BTreeMap::new());
        let mut scene = Self { world, random, ledger, servers, policy, accounts, addresses, ca, serial: 0, expected };
        scene.serial = 1000 + scene.random.below(1 << 40);
        scene.world_of_sshd();
        scene
    }

    fn config(&self, server: &Server) -> String {
        let here = self.world.folder.display();
        let name = &server.name;
        format!(
            "ListenAddress {}\nHostKey {here}/{name}.host\nTrustedUserCAKeys {here}/{name}.trusted\n\
             AuthorizedPrincipalsFile {here}/principals/{name}/%u\nLogLevel VERBOSE\nUsePAM yes\nPasswordAuthentication yes\n\
             KbdInteractiveAuthentication no\nStrictModes no\nMaxStartups 100\nPidFile none\nUseDNS no\n",
            server.address
        )
    }

    fn world_of_sshd(&mut self) {
        let here = self.world.folder.clone();
        for number in 0..self.servers.len() {
            let name = self.servers[number].name.clone();
            keygen(&here.join(format!("{name}.host")), "host");
            fs::copy(here.join("ca.pub"), here.join(format!("{name}.trusted"))).unwrap();
            for account in &self.accounts {
                let folder = here.join("principals").join(&name);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(account), format!("{account}@{name}\n")).unwrap();
            }
            let config = self.config(&self.servers[number]);
            self.world.sshd(&self.servers[number], &config, 0);
        }
        let [provider, own, _] = &self.addresses;
        let [deploy, admin, _] = &self.accounts;
        let [one, two] = [&self.servers[0], &self.servers[1]];
        keygen(&here.join("standing"), "anna");
        self.policy = format!(
            "timezone = \"Europe/Berlin\"\n[staff]\npeople = [\"anna\", \"ben\"]\n[providers.webcare]\npeople = [\"mia\"]\n\
             [hosts.{}]\naddresses = [\"{}\"]\n[hosts.{}]\naddresses = [\"{}\"]\n\
             [[rules]]\nname = \"work\"\nwho = [\"webcare\"]\nhosts = [\"{0}\", \"{2}\"]\naccounts = [\"{deploy}\"]\nfrom = [\"{provider}\"]\n\
             when = [\"always\"]\nat_most = \"2h\"\nbecome = [\"root\"]\n\
             [[rules]]\nname = \"anywhere\"\nwho = [\"webcare\"]\nhosts = [\"{0}\", \"{2}\"]\naccounts = [\"{deploy}\"]\n\
             from = [\"0.0.0.0/0\", \"::/0\"]\nwhen = [\"always\"]\nat_most = \"2h\"\napprovals = 1\n\
             [[rules]]\nname = \"closed\"\nwho = [\"webcare\"]\nhosts = [\"{0}\", \"{2}\"]\naccounts = [\"{deploy}\"]\nfrom = [\"{provider}\"]\n\
             when = [\"2020-01-01 00:00-24:00\"]\nat_most = \"2h\"\n\
             [[break_glass]]\nname = \"fire\"\nwho = [\"webcare\"]\nhosts = [\"{0}\"]\naccounts = [\"{deploy}\"]\nfrom = [\"{provider}\"]\nat_most = \"2h\"\n\
             [[standing]]\nname = \"admin\"\nwho = [\"anna\"]\nhosts = [\"{0}\", \"{2}\"]\naccounts = [\"{admin}\"]\nfrom = [\"{own}\"]\nkeys = [\"{}\"]\n",
            one.name,
            one.address,
            two.name,
            two.address,
            fingerprint(&here.join("standing")),
        );
        self.authorize(admin, &here.join("standing"));
        let authority = fingerprint(&self.ca);
        self.ledger.add(
            Timestamp::now() - (30 * 24).hours(),
            "local",
            What::Begun { authority, host_authority: "SHA256:h".into() },
        );
    }

    fn authorize(&self, account: &str, key: &Path) {
        let file = self.world.folder.join("home").join(account).join(".ssh/authorized_keys");
        let known = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, known + &fs::read_to_string(key.with_extension("pub")).unwrap()).unwrap();
    }

    fn grant(&self) -> Grant<'static> {
        Grant {
            host: "",
            account: "",
            rule: "work",
            from: SignedDuration::from_mins(-10),
            until: SignedDuration::from_mins(50),
            command: None,
            sources: vec![format!("{}/32", self.addresses[0])],
            approvals: &[],
            break_glass: false,
        }
    }

    /// Grants, and signs a certificate as the grant says; `sign` has the last word on what ssh-keygen is told.
    fn certify(&mut self, grant: &Grant<'_>, ca: &Path, sign: impl FnOnce(&mut Vec<String>)) -> PathBuf {
        self.serial += 1 + self.random.below(9);
        let (now, serial) = (Timestamp::now(), self.serial);
        let account = if grant.account.is_empty() { self.accounts[0].clone() } else { grant.account.to_owned() };
        let host = if grant.host.is_empty() { self.servers[0].name.clone() } else { grant.host.to_owned() };
        let key = self.world.folder.join(format!("key{serial}"));
        keygen(&key, "grant");
        let second = |length: SignedDuration| Timestamp::from_second((now + length).as_second()).unwrap();
        let granted = Granted {
            serial,
            request: serial,
            person: "mia".into(),
            provider: "webcare".into(),
            host: host.clone(),
            account: account.clone(),
            key: fingerprint(&key),
            key_id: format!("grant {serial} mia {account}@{host}"),
            authority: fingerprint(&self.ca),
            principals: vec![format!("{account}@{host}")],
            sources: grant.sources.clone(),
            force_command: grant.command.map(str::to_owned),
            extensions: vec!["permit-pty".into()],
            from: second(grant.from),
            until: second(grant.until),
            rule: grant.rule.into(),
            reason: None,
            ticket: None,
            approvals: grant.approvals.iter().map(|one| (*one).to_owned()).collect(),
            second_factor: SecondFactor::Totp,
            break_glass: grant.break_glass,
        };
        let validity = |at: Timestamp| at.strftime("%Y%m%d%H%M%S").to_string();
        let mut told: Vec<String> = vec![
            "-I".into(),
            granted.key_id.clone(),
            "-z".into(),
            serial.to_string(),
            "-n".into(),
            granted.principals[0].clone(),
            "-V".into(),
            format!("{}:{}", validity(granted.from), validity(granted.until)),
            "-O".into(),
            "clear".into(),
            "-O".into(),
            "permit-pty".into(),
        ];
        if !granted.sources.is_empty() {
            told.extend(["-O".into(), format!("source-address={}", granted.sources.join(","))]);
        }
        if let Some(command) = &granted.force_command {
            told.extend(["-O".into(), format!("force-command={command}")]);
        }
        sign(&mut told);
        let mut command = Command::new("ssh-keygen");
        run(command.env("TZ", "UTC").args(["-q", "-s"]).arg(ca).args(&told).arg(key.with_extension("pub")));
        self.ledger.add(granted.from, "gate", What::Granted(Box::new(granted)));
        key
    }

    fn expect(&mut self, title: &str, account: usize) {
        let account = self.accounts[account].clone();
        *self.expected.entry((title.into(), account)).or_default() += 1;
    }

    fn login(&self, from: usize, account: usize, to: usize, key: &Path, what: &str) -> bool {
        self.world.login(&self.addresses[from], &self.accounts[account], &self.servers[to], key, what)
    }

    /// Hunts, and gives titles and accounts of what was found, and all of it in JSON.
    fn hunt(&self) -> (BTreeMap<(String, String), usize>, String) {
        let folder = &self.world.folder;
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("access.toml", &self.policy);
        write("ledger.jsonl", &self.ledger.lines);
        let year = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
        let out = run(Command::new(env!("CARGO_BIN_EXE_dreamcatcher"))
            .current_dir(folder)
            .args([
                "hunt",
                "--access",
                "access.toml",
                "--ledger",
                "ledger.jsonl",
                "--format",
                "jsonl",
                "--no-shipped-rules",
            ])
            .args(["--quiet", "--year", &year.to_string(), "logs"]));
        let mut found = BTreeMap::new();
        for line in out.lines() {
            let finding: Value = serde_json::from_str(line).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let title = text(&finding["rule"]["title"]);
            assert!(!title.is_empty(), "{line}");
            let user = text(&finding["matched"]["user"]);
            *found.entry((title, user)).or_default() += 1;
        }
        (found, out)
    }
}

/// What a stolen, copied or forged key or certificate leads to.
fn stolen(scene: &mut Scene) {
    let here = scene.world.folder.clone();
    let ca = scene.ca.clone();
    // A key stolen and used from another network.
    assert!(scene.login(2, 1, 0, &here.join("standing"), "true"));
    scene.expect("Access used from another network than it was granted for", 1);
    // A certificate copied and used from elsewhere; after its time; on another host; as another account.
    let granted = scene.grant();
    let key = scene.certify(&granted, &ca, |_| {});
    assert!(!scene.login(2, 0, 0, &key, "true"));
    assert!(!scene.login(0, 0, 1, &key, "true"));
    assert!(!scene.login(0, 2, 0, &key, "true"));
    let old = Grant { from: SignedDuration::from_mins(-90), until: SignedDuration::from_mins(-30), ..scene.grant() };
    let key = scene.certify(&old, &ca, |_| {});
    assert!(!scene.login(0, 0, 0, &key, "true"));
    (0..3).for_each(|_| scene.expect("Certificate refused", 0));
    scene.expect("Certificate refused", 2);
    // After it was revoked, on a host that does not know.
    let granted = scene.grant();
    let key = scene.certify(&granted, &ca, |_| {});
    let revoked = What::Revoked { serial: scene.serial, reason: "lost".into() };
    scene.ledger.add(Timestamp::now() - 5.minutes(), "ben", revoked);
    assert!(scene.login(0, 0, 0, &key, "true"));
    scene.expect("Revoked certificate let somebody in", 0);
    // The forced command dodged, by whoever signs the same certificate without it.
    let forced = Grant { command: Some("/bin/true"), ..scene.grant() };
    let key = scene.certify(&forced, &ca, |told| {
        told.truncate(told.len() - 2);
    });
    assert!(scene.login(0, 0, 0, &key, "id"));
    scene.expect("Certificate that is not the one granted", 0);
    // A key id of one's own.
    let granted = scene.grant();
    let key = scene.certify(&granted, &ca, |told| told[1] = "grant 1 anna".into());
    assert!(scene.login(0, 0, 0, &key, "true"));
    scene.expect("Certificate that is not the one granted", 0);
    // Agent forwarding abused for a hop from one server to the other.
    let hop = Grant {
        host: &scene.servers[1].name.clone(),
        rule: "anywhere",
        sources: Vec::new(),
        approvals: &["ben"],
        ..scene.grant()
    };
    let key = scene.certify(&hop, &ca, |_| {});
    assert!(scene.world.login(&scene.servers[0].address, &scene.accounts[0], &scene.servers[1], &key, "true"));
    scene.expect("Login from a server", 0);
}

/// What changes to a server or to the gate lead to.
fn planted(scene: &mut Scene) {
    let here = scene.world.folder.clone();
    let ca = scene.ca.clone();
    // A key planted for an account that nobody listed, and for one that has certificates.
    keygen(&here.join("planted"), "x");
    for (account, title) in
        [(2, "Login that nothing explains"), (0, "Login by a plain key where only certificates are allowed")]
    {
        scene.authorize(&scene.accounts[account], &here.join("planted"));
        assert!(scene.login(2, account, 0, &here.join("planted"), "true"));
        scene.expect(title, account);
    }
    // A password where none should be.
    assert!(scene.world.login_by_password(&scene.addresses[0], &scene.accounts[0], &scene.servers[0], "correct horse"));
    scene.expect("Login by password where only certificates are allowed", 0);
    // A second authority trusted by an intruder.
    keygen(&here.join("second"), "second");
    let trusted = here.join(format!("{}.trusted", scene.servers[0].name));
    let known = fs::read_to_string(&trusted).unwrap();
    fs::write(&trusted, known + &fs::read_to_string(here.join("second.pub")).unwrap()).unwrap();
    let granted = scene.grant();
    let key = scene.certify(&granted, &here.join("second"), |_| {});
    assert!(scene.login(0, 0, 0, &key, "true"));
    scene.expect("Certificate of an authority that is not ours", 0);
    // Given by the gate although the rule is closed, or asks for an approval; glass broken.
    let kinds: [(&str, &[&str], bool, &str); 3] = [
        ("closed", &[], false, "Login at a time at which the policy is closed"),
        ("anywhere", &["mia"], false, "Grant that nobody approved"),
        ("fire", &[], true, "Glass was broken"),
    ];
    for (rule, approvals, break_glass, title) in kinds {
        let granted = Grant { rule, approvals, break_glass, ..scene.grant() };
        let key = scene.certify(&granted, &ca, |_| {});
        assert!(scene.login(0, 0, 0, &key, "true"));
        scene.expect(title, 0);
    }
    // What the gate refuses.
    for reason in ["rule closed is open 2020-01-01 only", "the requester may not approve", "the key is not mia's"] {
        let refused =
            What::Refused { person: scene.accounts[0].clone(), attempt: "request".into(), reason: reason.into() };
        scene.ledger.add(Timestamp::now(), "gate", refused);
        scene.expect("Request refused at the gate", 0);
    }
    let replayed =
        What::CodeRefused { person: scene.accounts[0].clone(), key: "SHA256:k".into(), reason: "used before".into() };
    scene.ledger.add(Timestamp::now(), "gate", replayed);
    scene.expect("Request refused at the gate", 0);
}

/// What changes to a log, or to a clock, lead to.
fn covered_up(scene: &mut Scene) {
    let ca = scene.ca.clone();
    // The line that let somebody in deleted; all else of the session remains.
    let granted = scene.grant();
    let key = scene.certify(&granted, &ca, |_| {});
    let log = scene.world.log(&scene.servers[1].name);
    let elsewhere = Grant { host: &scene.servers[1].name.clone(), ..scene.grant() };
    let deleted = scene.certify(&elsewhere, &ca, |_| {});
    std::thread::sleep(std::time::Duration::from_secs(22));
    assert!(scene.login(0, 0, 1, &deleted, "true"));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let serial = format!("(serial {})", scene.serial);
    let text = fs::read_to_string(&log).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains(&serial)).collect();
    assert!(kept.len() < text.lines().count());
    fs::write(&log, kept.join("\n") + "\n").unwrap();
    scene.expect("Session whose login is missing from the log", 0);
    // A forged line with a made-up serial.
    let now = (Timestamp::now() + 40.seconds()).strftime("%b %e %H:%M:%S");
    let forged = format!(
        "{now} {} sshd[999999]: Accepted publickey for {} from {} port 4022 ssh2: ED25519-CERT SHA256:{} ID grant 9 (serial 9) CA ED25519 {}\n",
        scene.servers[1].name,
        scene.accounts[0],
        scene.addresses[0],
        "A".repeat(43),
        fingerprint(&scene.ca)
    );
    let package = format!(
        "{now} {} sudo: {} : PWD=/ ; USER=root ; COMMAND=/usr/bin/dpkg -i /tmp/agent_{}_amd64.deb\n",
        scene.servers[1].name,
        scene.accounts[0],
        scene.random.below(99)
    );
    fs::write(&log, fs::read_to_string(&log).unwrap() + &forged + &package).unwrap();
    scene.expect("Certificate that was never granted", 0);
    *scene.expected.entry(("Package that nobody released".into(), "root".into())).or_default() += 1;
    // The host's clock turned back, so that an expired certificate is good again.
    let back = SignedDuration::from_mins(100);
    let old = Grant {
        from: -back - SignedDuration::from_mins(10),
        until: -back + SignedDuration::from_mins(20),
        ..scene.grant()
    };
    let key_of_before = scene.certify(&old, &ca, |_| {});
    let config = scene.config(&scene.servers[0]);
    let server = Server { name: scene.servers[0].name.clone(), address: scene.servers[0].address.clone() };
    assert!(scene.login(0, 0, 0, &key, "true"));
    // Both end; then the first begins again with its clock turned back.
    scene.world.stop_last();
    scene.world.stop_last();
    scene.world.sshd(&server, &config, -100);
    assert!(scene.login(0, 0, 0, &key_of_before, "true"));
    *scene.expected.entry(("Clock turned back".into(), String::new())).or_default() += 1;
}

/// Logs in honestly, in every way that is allowed.
fn honest(scene: &mut Scene, count: usize) {
    let here = scene.world.folder.clone();
    let ca = scene.ca.clone();
    let mut keys = Vec::new();
    for number in 0..8 {
        let to = number % 2;
        let host = scene.servers[to].name.clone();
        let base = scene.grant();
        let grant = match number % 4 {
            0 | 1 => Grant { host: &host, ..base },
            2 => Grant { host: &host, rule: "anywhere", sources: Vec::new(), approvals: &["anna"], ..base },
            _ => Grant { host: &host, command: Some("/bin/true"), ..base },
        };
        let from = if number % 4 == 2 { vec![0, 1, 2] } else { vec![0] };
        keys.push((scene.certify(&grant, &ca, |_| {}), to, from));
    }
    for _ in 0..count {
        if scene.random.below(4) == 0 {
            let to = scene.random.below(2) as usize;
            assert!(scene.login(1, 1, to, &here.join("standing"), "true"));
        } else {
            let (key, to, from) = &keys[scene.random.below(keys.len() as u64) as usize];
            let from = from[scene.random.0 as usize % from.len()];
            let (key, to) = (key.clone(), *to);
            let what = ["true", "exit 0", "id"][scene.random.below(3) as usize];
            assert!(scene.login(from, 0, to, &key, what));
        }
    }
}

#[test]
fn each_attack_ends_in_exactly_its_finding_and_honest_logins_in_none() {
    if let Some(missing) = missing() {
        return common::skipped(missing);
    }
    let folder = tempfile::Builder::new().prefix("dreamcatcher-access-").tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    honest(&mut scene, honest_logins());
    std::thread::sleep(std::time::Duration::from_secs(1));
    let (found, out) = scene.hunt();
    assert_eq!(found, BTreeMap::new(), "honest logins: {out}");
    stolen(&mut scene);
    planted(&mut scene);
    covered_up(&mut scene);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let (found, out) = scene.hunt();
    if found != scene.expected {
        let logs = scene.servers.iter().map(|server| fs::read_to_string(scene.world.log(&server.name)).unwrap());
        println!("{}", logs.collect::<String>());
    }
    assert_eq!(found, scene.expected, "{out}");
}
