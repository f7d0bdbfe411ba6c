//! Attacks on access, against the real sshd and a real gate: each ends in exactly its finding, and honest logins of every kind in none.
//!
//! Every grant is asked of the gate over ssh, by enrolled people with codes. What an intruder makes without the gate is made as they would: by
//! ssh-keygen with an authority's key that was stolen, by a line added to a file. Names, addresses, hours and windows are drawn anew each run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "each test program uses its part")]
mod access_world;
mod common;
#[path = "common/gate.rs"]
mod gate;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use access::{Entry, What};
use access_world::{
    FIRST_ACCOUNT, Machine, Random, World, append, fingerprint,
    gate::{Gate, QUESTION, converse, keep_certificate},
    introduce, missing, new_key, persist, wait_for,
};
use gate::{Came, Person, run, write_program};
use jiff::{SignedDuration, Timestamp, Zoned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How many honest logins there are; fewer, in a hurry, if DREAMCATCHER_HONEST says so.
fn honest_logins() -> usize {
    std::env::var("DREAMCATCHER_HONEST").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

/// The password of the one account that may use it, and of root.
const PASSWORD: &str = "correct horse";
const MINUTE: i64 = 60;

/// Names, drawn.
struct Names {
    /// Of the provider; of our own.
    mia: String,
    tom: String,
    anna: String,
    ben: String,
    /// Accounts: for work, with approval, for one command, with forwarding, of a rule that is closed, for emergencies.
    deploy: String,
    careful: String,
    single: String,
    tunnel: String,
    night: String,
    fire: String,
    /// Accounts with standing access by key, by password and at the machine, by key and password; one that nobody listed.
    admin: String,
    desk: String,
    twice: String,
    unlisted: String,
}

/// Everything of one run.
struct Scene {
    folder: PathBuf,
    random: Random,
    gate: Gate,
    one: Machine,
    two: Machine,
    provider: Machine,
    office: Machine,
    intruder: Machine,
    names: Names,
    mia: Person,
    tom: Person,
    anna: Person,
    ben: Person,
    /// The zone, and the windows that are open now, and not.
    windows: [String; 3],
    keys: AtomicUsize,
    /// Entries of the ledger that no gate wrote, by hand.
    smuggled: Vec<(Timestamp, What)>,
    /// What is to be found: the finding's title and the account.
    expected: BTreeMap<(String, String), usize>,
    /// Keeps the network.
    _world: World,
}

/// Gate, two servers, the provider's machine, ours, and the intruder's.
fn machines(world: &mut World, random: &mut Random) -> [Machine; 6] {
    let kinds = [
        ("gate", "10.0.1"),
        ("srv", "10.0.2"),
        ("srv", "10.0.3"),
        ("pc", "198.51.100"),
        ("desk", "192.0.2"),
        ("box", "203.0.113"),
    ];
    let machines = kinds.map(|(prefix, network)| {
        let (name, address) = (random.name(prefix), format!("{network}.{}", 1 + random.below(250)));
        world.machine(&name, &address, random.below(2) == 0)
    });
    introduce(&machines.each_ref());
    machines
}

/// A zone, a window that is open for hours before and after now, and one that is not.
fn windows(random: &mut Random) -> [String; 3] {
    let zone = *random.one(&["Europe/Berlin", "Asia/Tokyo", "America/New_York", "UTC"]);
    let now = Timestamp::now().in_tz(zone).unwrap();
    let mut minutes = |least: u64| (least + random.below(180)) as i64;
    [zone.to_owned(), window(-minutes(480), minutes(240), &now), window(minutes(600), minutes(840), &now)]
}

/// A window around the present by so many minutes, in local time.
fn window(from: i64, until: i64, now: &Zoned) -> String {
    let at = |minutes: i64| (now + SignedDuration::from_mins(minutes)).strftime("%H:%M").to_string();
    format!("Mon-Sun {}-{}", at(from), at(until))
}

/// Why sshd refuses certificates, in words of the finding.
const REFUSED: [&str; 6] = [
    "it was used from",
    "it was used on",
    "it was used as",
    "it was used at",
    "it was revoked",
    "is no authority of ours",
];

impl Scene {
    fn new(folder: &Path) -> Self {
        let mut random = Random::new();
        let names = draw(&mut random);
        let gate_account = random.name("g");
        let accounts: Vec<(&str, &str)> = [&gate_account]
            .into_iter()
            .chain(names.accounts())
            .map(|account| {
                (account.as_str(), if [&names.desk, &names.twice].contains(&account) { PASSWORD } else { "" })
            })
            .collect();
        let mut world = World::new(folder, &accounts);
        let program = folder.join("dreamcatcher");
        gate::install(&program);
        let [gate, one, two, provider, office, intruder] = machines(&mut world, &mut random);
        let windows = windows(&mut random);
        // Yesterday's work comes first: the gate's clock begins some hours back, and comes to the present.
        let begin = -(180 + random.below(180) as i64) * MINUTE;
        let mut gate = Gate::new(gate, &gate_account, &program, begin);
        new_key(&folder.join("standing"));
        gate.policy(&policy(&names, &windows, (&gate, [&one, &two]), folder, [&provider, &office]));
        gate.machine.start_sshd();
        let enrol = |from, name: &str| gate.enrol(from, name, &folder.join(name));
        let (mia, tom) = (enrol(&provider, &names.mia), enrol(&provider, &names.tom));
        let (anna, ben) = (enrol(&office, &names.anna), enrol(&office, &names.ben));
        let (folder, keys, expected) = (folder.to_owned(), AtomicUsize::new(0), BTreeMap::new());
        let mut scene = Self {
            folder,
            random,
            gate,
            one,
            two,
            provider,
            office,
            intruder,
            names,
            mia,
            tom,
            anna,
            ben,
            windows,
            keys,
            smuggled: Vec::new(),
            expected,
            _world: world,
        };
        scene.set_up();
        scene
    }

    /// One server is set up by the gate, the other by hand, as its people log in with a password.
    fn set_up(&mut self) {
        self.gate.set_up(&self.one);
        self.gate.trust(&self.provider, &self.mia);
        let authority = fs::read_to_string(self.gate.folder().join("authority.pub")).unwrap();
        append(&self.two.path("/etc/ssh/authority.pub"), &authority);
        let config = "HostKey /etc/ssh/ssh_host_ed25519_key\nTrustedUserCAKeys /etc/ssh/authority.pub\n\
            AuthorizedPrincipalsFile /etc/ssh/principals/%u\nLogLevel VERBOSE\n";
        let twice = format!("Match User {}\nAuthenticationMethods publickey,password\n", self.names.twice);
        append(&self.two.path("/etc/ssh/sshd_config.d/own.conf"), &format!("{config}{twice}"));
        fs::create_dir(self.two.path("/etc/ssh/principals")).unwrap();
        for account in self.names.accounts() {
            let line = format!("{account}@{}\n", self.two.name);
            append(&self.two.path(&format!("/etc/ssh/principals/{account}")), &line);
        }
        let standing = fs::read_to_string(self.folder.join("standing.pub")).unwrap();
        for server in [&self.one, &self.two] {
            for account in [&self.names.admin, &self.names.twice] {
                server.give(self.names.number(account), &authorized_keys(account), &standing);
            }
            set_root_password(server);
            let sudo = format!("Defaults !lecture\n{} ALL=(root) NOPASSWD: ALL\n", self.names.deploy);
            append(&server.path("/etc/sudoers"), &sudo);
        }
        self.one.start_sshd();
        self.two.start_sshd();
    }

    /// A path for a new key.
    fn new_path(&self) -> PathBuf {
        self.folder.join(format!("key{}", self.keys.fetch_add(1, Relaxed)))
    }

    /// A new key with the gate's certificate for it.
    fn certificate(&self, person: &Person, server: &Machine, account: &str, more: &str) -> PathBuf {
        let (key, from) = (self.new_path(), self.machine_of(person));
        let request = format!("request {} --as {account} {more}", server.name);
        self.gate.certificate(from, person, &key, &request).fine();
        key
    }

    /// The same where somebody of ours has to approve.
    fn approved(&self, server: &Machine, account: &str) -> PathBuf {
        let (key, number) = (self.new_path(), self.gate.entries("requested").len() + 1);
        let request = format!("request {} --as {account} --reason disk is full", server.name);
        self.gate.certificate(&self.provider, &self.mia, &key, &request).fails(6, "waits for the approval");
        self.gate.ask(&self.office, &self.ben, &format!("approve {number}")).fine();
        keep_certificate(&key, &self.gate.ask(&self.provider, &self.mia, &format!("collect {number}")).fine());
        key
    }

    fn machine_of(&self, person: &Person) -> &Machine {
        let is_ours = [&self.anna, &self.ben].iter().any(|one| one.key == person.key);
        if is_ours { &self.office } else { &self.provider }
    }

    fn expect(&mut self, title: &str, account: impl Fn(&Names) -> String) {
        *self.expected.entry((title.into(), account(&self.names))).or_default() += 1;
    }

    /// Hunts, and gives titles and accounts of what was found, and all of it in JSON.
    fn hunt(&self) -> (BTreeMap<(String, String), usize>, String) {
        self.gate.machine.settle();
        self.one.settle();
        self.two.settle();
        let write = |name: &str, text: &str| fs::write(self.folder.join(name), text).unwrap();
        write("access.toml", &self.policy());
        write("ledger.jsonl", &self.ledger());
        let mut hunt = Command::new(&self.gate.program);
        hunt.current_dir(&self.folder).args(["hunt", "--access", "access.toml", "--ledger", "ledger.jsonl"]);
        let year = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
        hunt.args(["--format", "jsonl", "--no-shipped-rules", "--quiet", "--year", &year.to_string(), "logs"]);
        let out = run(hunt, "").fine().out;
        let mut found = BTreeMap::new();
        for line in out.lines() {
            let finding: Value = serde_json::from_str(line).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let title = text(&finding["rule"]["title"]);
            assert!(!title.is_empty(), "{line}");
            let reason = text(&finding["matched"]["reason"]);
            let refused = REFUSED.iter().find(|why| title == "Certificate refused" && reason.contains(**why));
            let title = refused.map_or(title.clone(), |why| format!("{title}: {why}"));
            *found.entry((title, text(&finding["matched"]["user"]))).or_default() += 1;
        }
        (found, out)
    }

    /// The gate's ledger, with what an intruder on the gate has put into it: the chain of hashes is as it should be.
    fn ledger(&self) -> String {
        let mut ledger = self.gate.export();
        for (time, what) in &self.smuggled {
            let last: Value = serde_json::from_str(ledger.lines().last().unwrap()).unwrap();
            let mut entry: Entry = serde_json::from_value(last["entry"].clone()).unwrap();
            entry.sequence += 1;
            entry.time = *time;
            entry.who = "gate".into();
            entry.previous = last["hash"].as_str().unwrap().to_owned();
            entry.what = what.clone();
            let text = serde_json::to_string(&entry).unwrap();
            let hash: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            ledger += &format!("{{\"hash\":\"{hash}\",\"entry\":{text}}}\n");
        }
        ledger
    }

    fn policy(&self) -> String {
        let (servers, people) = ([&self.one, &self.two], [&self.provider, &self.office]);
        policy(&self.names, &self.windows, (&self.gate, servers), &self.folder, people)
    }

    /// What the servers' logs say, for a failure.
    fn logs(&self) -> String {
        [&self.gate.machine, &self.one, &self.two].map(Machine::logged).concat()
    }

    fn login(&self, from: &Machine, to: &Machine, account: &str, key: &Path) -> Came {
        reach(ssh(from, to, account, key, &["true"]), "")
    }

    #[track_caller]
    fn gets_in(&self, from: &Machine, to: &Machine, account: &str, key: &Path) {
        let came = self.login(from, to, account, key);
        assert_eq!(came.status, 0, "{came:?}\n{}", self.logs());
    }

    #[track_caller]
    fn is_kept_out(&self, from: &Machine, to: &Machine, account: &str, key: &Path) {
        let came = self.login(from, to, account, key);
        assert!(came.status == 255 && came.err.contains("Permission denied"), "{came:?}\n{}", self.logs());
    }
}

/// Runs ssh with this input.
fn reach(command: Command, input: &str) -> Came {
    persist(command, |ssh| run(ssh, input))
}

impl Names {
    fn accounts(&self) -> [&String; 10] {
        let Self { deploy, careful, single, tunnel, night, fire, admin, desk, twice, unlisted, .. } = self;
        [deploy, careful, single, tunnel, night, fire, admin, desk, twice, unlisted]
    }

    /// An account's number; that of the gate is 0.
    fn number(&self, account: &str) -> u32 {
        1 + self.accounts().iter().position(|one| *one == account).unwrap() as u32
    }
}

fn draw(random: &mut Random) -> Names {
    let mut name = |prefix: &str| random.name(prefix);
    Names {
        mia: name("m"),
        tom: name("t"),
        anna: name("a"),
        ben: name("b"),
        deploy: name("dep"),
        careful: name("car"),
        single: name("sin"),
        tunnel: name("tun"),
        night: name("nig"),
        fire: name("fir"),
        admin: name("adm"),
        desk: name("des"),
        twice: name("twi"),
        unlisted: name("unl"),
    }
}

/// The policy.
fn policy(
    names: &Names,
    [zone, open, closed]: &[String; 3],
    (gate, [one, two]): (&Gate, [&Machine; 2]),
    folder: &Path,
    [provider, office]: [&Machine; 2],
) -> String {
    let rule = |name: &str, account: &str, more: &str| {
        format!(
            "[[rules]]\nname = \"{name}\"\nwho = [\"webcare\"]\nhosts = [\"all\"]\naccounts = [\"{account}\"]\nat_most = \"8h\"\n{more}\n"
        )
    };
    let from = format!("from = [\"{}\"]\nwhen = ", provider.address);
    let usual = format!("{from}[\"{open}\"]\n");
    let rules = [
        rule("work", &names.deploy, &format!("{usual}permit = [\"terminal\"]\nbecome = [\"root\"]")),
        rule(
            "careful",
            &names.careful,
            "from = [\"0.0.0.0/0\", \"::/0\"]\nwhen = [\"always\"]\napprovals = 1\nreason = true",
        ),
        rule("single", &names.single, &format!("{usual}command = \"/usr/bin/id -u\"")),
        rule(
            "tunnel",
            &names.tunnel,
            &format!("{usual}permit = [\"port-forwarding\", \"agent-forwarding\", \"x11-forwarding\"]"),
        ),
        rule("night", &names.night, &format!("{from}[\"{closed}\"]")),
    ];
    let Names { mia, tom, anna, ben, fire, admin, desk, twice, .. } = names;
    let (rules, key, office) = (rules.concat(), fingerprint(&folder.join("standing")), &office.address);
    format!(
        "timezone = \"{zone}\"\n[staff]\npeople = [\"{anna}\", \"{ben}\"]\n[providers.webcare]\npeople = [\"{mia}\", \"{tom}\"]\n\
         [hosts.{}]\naddresses = [\"{}\"]\n[gate]\nhost = \"{}\"\naccount = \"{}\"\n[hosts.{one}]\naddresses = [\"{}\"]\n[hosts.{two}]\naddresses = [\"{}\"]\n[groups]\nall = [\"{one}\", \"{two}\"]\n{rules}\
         [[break_glass]]\nname = \"fire\"\nwho = [\"staff\"]\nhosts = [\"all\"]\naccounts = [\"{fire}\"]\nfrom = [\"{office}\"]\nat_most = \"8h\"\n\
         [[standing]]\nname = \"admin\"\nwho = [\"{anna}\"]\nhosts = [\"all\"]\naccounts = [\"{admin}\"]\nfrom = [\"{office}\"]\nkeys = [\"{key}\"]\n\
         [[standing]]\nname = \"desk\"\nwho = [\"{ben}\"]\nhosts = [\"{two}\"]\naccounts = [\"{desk}\"]\nfrom = [\"{office}\"]\npassword = true\nconsole = true\n\
         [[standing]]\nname = \"twice\"\nwho = [\"{ben}\"]\nhosts = [\"{two}\"]\naccounts = [\"{twice}\"]\nfrom = [\"{office}\"]\nkeys = [\"{key}\"]\n",
        gate.machine.name,
        gate.machine.address,
        gate.machine.name,
        gate.account,
        one.address,
        two.address,
        one = one.name,
        two = two.name,
    )
}

fn authorized_keys(account: &str) -> String {
    format!("/home/{account}/.ssh/authorized_keys")
}

/// su asks for it.
fn set_root_password(server: &Machine) {
    let shadow = server.path("/etc/shadow");
    let hash = access_world::run(Command::new("openssl").args(["passwd", "-6", PASSWORD]));
    let text = fs::read_to_string(&shadow).unwrap();
    let rest: String = text.lines().filter(|line| !line.starts_with("root:")).map(|line| format!("{line}\n")).collect();
    fs::write(shadow, format!("root:{}:19000:0:99999:7:::\n{rest}", hash.trim())).unwrap();
}

/// ssh with a key, and the certificate beside it if there is one.
fn ssh(from: &Machine, to: &Machine, account: &str, key: &Path, more: &[&str]) -> Command {
    let mut ssh = from.command("ssh");
    ssh.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(key);
    ssh.arg(format!("{account}@{}", to.name)).args(more);
    ssh
}

/// Options by which ssh shows no key.
const PASSWORD_ALONE: [&str; 2] = ["PreferredAuthentications=password", "PubkeyAuthentication=no"];

/// ssh with a password.
fn with_password(from: &Machine, to: &Machine, account: &str, options: &[&str]) -> Command {
    let ask = from.path("/root/askpass");
    if !ask.exists() {
        write_program(&ask, &format!("#!/bin/sh\necho '{PASSWORD}'\n"));
    }
    let mut ssh = from.command("ssh");
    ssh.env("SSH_ASKPASS", "/root/askpass").env("SSH_ASKPASS_REQUIRE", "force");
    for option in options {
        ssh.args(["-o", option]);
    }
    ssh.arg(format!("{account}@{}", to.name)).arg("true");
    ssh
}

fn run_quietly(command: &mut Command) {
    access_world::run(command);
}

/// What one does honestly: a command, what it is given to read, and what it has to say.
struct Honest {
    command: Command,
    input: String,
    says: String,
}

fn honest(command: Command) -> Honest {
    Honest { command, input: String::new(), says: String::new() }
}

fn has_sudo() -> bool {
    Path::new("/usr/bin/sudo").exists()
}

/// The keys that honest people have.
struct Keys {
    work: Vec<[PathBuf; 2]>,
    careful: [PathBuf; 2],
    single: [PathBuf; 2],
    tunnel: [PathBuf; 2],
}

impl Scene {
    /// The grants of honest people, from the gate.
    fn honest_keys(&self) -> Keys {
        let servers = [&self.one, &self.two];
        let work = |person: &Person| servers.map(|server| self.certificate(person, server, &self.names.deploy, ""));
        Keys {
            work: vec![work(&self.mia), work(&self.tom), work(&self.mia)],
            careful: servers.map(|server| self.approved(server, &self.names.careful)),
            single: servers.map(|server| self.certificate(&self.tom, server, &self.names.single, "")),
            tunnel: servers.map(|server| self.certificate(&self.mia, server, &self.names.tunnel, "")),
        }
    }

    /// One honest login; of 78 in a row each is of another kind, from another machine or to another server.
    fn honest_login(&mut self, number: usize, keys: &Keys) -> Honest {
        let (kind, away, which) = (number % 13, number / 13 % 3, number / 39 % 2);
        let own = self.random.one(&keys.work)[which].clone();
        let (names, server) = (&self.names, [&self.one, &self.two][which]);
        let provider = &self.provider;
        let work = |more: &[&str]| ssh(provider, server, &names.deploy, &own, more);
        match kind {
            0 | 1 => honest(work(&["exit 0"])),
            2 => {
                let from = [&self.provider, &self.office, &self.intruder][away];
                honest(ssh(from, server, &names.careful, &keys.careful[which], &["true"]))
            }
            // Whatever is asked for, the one command is what runs.
            3 => Honest {
                says: (FIRST_ACCOUNT + names.number(&names.single)).to_string(),
                ..honest(ssh(provider, server, &names.single, &keys.single[which], &["cat /etc/passwd"]))
            },
            4 => honest(ssh(&self.office, server, &names.admin, &self.folder.join("standing"), &["true"])),
            5 => honest(with_password(&self.office, &self.two, &names.desk, &PASSWORD_ALONE)),
            6 => {
                let mut sftp = provider.command("sftp");
                sftp.args(["-q", "-b", "-", "-o", "IdentitiesOnly=yes", "-i"]).arg(&own);
                sftp.arg(format!("{}@{}", names.deploy, server.name));
                Honest { input: "pwd\n".into(), says: names.deploy.clone(), ..honest(sftp) }
            }
            7 => {
                let there = format!("{}:22", self.gate.machine.name);
                let tunnel = ssh(provider, server, &names.tunnel, &keys.tunnel[which], &["-W", &there]);
                Honest { says: "SSH-2.0-".into(), ..honest(tunnel) }
            }
            8 => honest(work(&["-tt", "true"])),
            9 => {
                // An agent of its own, which the server's side can reach.
                let mut forwarding = provider.command("ssh-agent");
                forwarding.env("DISPLAY", ":0").args(["ssh", "-A", "-X", "-o", "IdentitiesOnly=yes", "-i"]);
                forwarding.arg(&keys.tunnel[which]).arg(format!("{}@{}", names.tunnel, server.name));
                forwarding.arg("test -S \"$SSH_AUTH_SOCK\"");
                honest(forwarding)
            }
            10 => {
                // Several sessions over one connection.
                let there = format!("{}@{}", names.deploy, server.name);
                let script = "ssh -fNM -S $1 -o IdentitiesOnly=yes -i $2 $3 && ssh -S $1 $3 true && ssh -S $1 -tt $3 true \
                              && ssh -S $1 -O exit $3";
                let mut shared = provider.command("sh");
                shared.args(["-c", script, "sh"]).arg(self.new_path()).arg(&own).arg(there);
                honest(shared)
            }
            11 => {
                let standing = self.folder.join("standing").display().to_string();
                let both = ["PreferredAuthentications=publickey,password", &format!("IdentityFile={standing}")];
                honest(with_password(&self.office, &self.two, &names.twice, &both))
            }
            _ if has_sudo() && away > 0 => honest(work(&["sudo", "-n", "true"])),
            _ => Honest { input: format!("{PASSWORD}\n"), ..honest(work(&["su", "root", "-c", "true"])) },
        }
    }

    /// Logs in honestly in every way that is allowed, in an order that is drawn, some at once.
    fn log_in_honestly(&mut self, count: usize) {
        let keys = self.honest_keys();
        let mut all: Vec<(u64, Honest)> =
            (0..count).map(|number| (self.random.below(u64::MAX), self.honest_login(number, &keys))).collect();
        all.sort_by_key(|(place, _)| *place);
        let waiting = Mutex::new(all.into_iter().map(|(_, one)| one));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let Some(one) = waiting.lock().unwrap().next() else { return };
                        let what = format!("{:?}", one.command);
                        let came = reach(one.command, &one.input);
                        assert!(came.status == 0 && came.out.contains(&one.says), "{what}: {came:?}\n{}", self.logs());
                    }
                });
            }
        });
        self.log_in_at_once();
        self.log_in_at_the_machine();
        if has_sudo() {
            self.roll_out_what_was_released();
        } else {
            common::skipped("sudo is not installed");
        }
    }

    /// `dreamcatcher access ssh`: key, question, certificate, agent and login in one.
    fn log_in_at_once(&self) {
        let socket = self.folder.join("agent");
        let mut agent = self.provider.command("ssh-agent");
        let mut agent = agent.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        wait_for("ssh-agent", || socket.exists());
        let config = self.provider.path("/root/.ssh/config");
        let own = format!("Host {}\n  IdentityFile {}\n", self.gate.machine.name, self.mia.key.display());
        let usual = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{own}Host *\n  {usual}")).unwrap();
        for server in [&self.one, &self.two] {
            let mut command = self.provider.command(&self.gate.program.display().to_string());
            command.env("SSH_AUTH_SOCK", &socket).args(["access", "ssh", &server.name, "--as", &self.names.deploy]);
            command.args(["--gate", &self.gate.reached(), "--", "true"]);
            let came = persist(command, |command| converse(command, QUESTION, || self.gate.next_code(&self.mia)));
            assert_eq!(came.status, 0, "{came:?}\n{}", self.logs());
        }
        fs::write(&config, usual).unwrap();
        agent.kill().unwrap();
        agent.wait().unwrap();
    }

    /// login(1) on a terminal of the second server.
    fn log_in_at_the_machine(&self) {
        let mut login = self.two.command("script");
        login.args(["-qec", &format!("login {}", self.names.desk), "/dev/null"]);
        let mut child = login.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, mut shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut read_until = |text: &str| {
            let (mut all, mut part) = (Vec::new(), [0; 512]);
            while !String::from_utf8_lossy(&all).contains(text) {
                let length = std::io::Read::read(&mut shown, &mut part).unwrap();
                assert_ne!(length, 0, "{text} after {}", String::from_utf8_lossy(&all));
                all.extend_from_slice(&part[..length]);
            }
        };
        let mut write = |text: &str| std::io::Write::write_all(&mut input, text.as_bytes()).unwrap();
        read_until("Password: ");
        write(&format!("{PASSWORD}\n"));
        read_until("$ ");
        write("exit\n");
        drop(input);
        assert!(child.wait().unwrap().success(), "{}", self.logs());
    }

    /// A harmless package, rolled out by sudo and dpkg into a folder of its own.
    fn roll_out(&self, name: &str, key: &Path) {
        let (source, root) = (self.folder.join(format!("{name}-source")), self.folder.join("root"));
        fs::create_dir_all(source.join("DEBIAN")).unwrap();
        let control = format!(
            "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: empty\n"
        );
        fs::write(source.join("DEBIAN/control"), control).unwrap();
        run_quietly(
            Command::new("dpkg-deb").args(["--build", "--root-owner-group"]).arg(&source).arg(self.package(name)),
        );
        for below in ["info", "updates"] {
            fs::create_dir_all(root.join("var/lib/dpkg").join(below)).unwrap();
        }
        let status = root.join("var/lib/dpkg/status");
        fs::File::options().create(true).append(true).open(status).unwrap();
        let (root, package) = (root.display().to_string(), self.package(name).display().to_string());
        let dpkg = format!("sudo -n /usr/bin/dpkg --root={root} --log={root}/log -i {package}");
        let came = reach(ssh(&self.provider, &self.one, &self.names.deploy, key, &[&dpkg]), "");
        assert_eq!(came.status, 0, "{came:?}\n{}", self.logs());
    }

    fn package(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}_1_all.deb"))
    }

    fn roll_out_what_was_released(&self) {
        let name = format!("{}-agent", self.names.deploy);
        // The hash is of no account to what a log can tell; the gate takes what two people say.
        let release = format!("release {} {name}_1_all.deb --reason tested", "0".repeat(64));
        self.gate.ask(&self.office, &self.anna, &release).fine();
        self.gate.ask(&self.office, &self.ben, "approve-release 1").fine();
        let key = self.certificate(&self.mia, &self.one, &self.names.deploy, "");
        self.roll_out(&name, &key);
    }
}

/// What a stolen or copied key or certificate leads to.
fn stolen(scene: &mut Scene, old: &Path) {
    let names = &scene.names;
    // A key that opens a door for years, used from another network.
    scene.gets_in(&scene.intruder, &scene.one, &names.admin, &scene.folder.join("standing"));
    // A certificate with its key, copied: used from elsewhere, on another host, as another account; after its time.
    let key = scene.certificate(&scene.mia, &scene.one, &names.deploy, "");
    scene.is_kept_out(&scene.intruder, &scene.one, &names.deploy, &key);
    scene.is_kept_out(&scene.provider, &scene.two, &names.deploy, &key);
    scene.is_kept_out(&scene.provider, &scene.one, &names.unlisted, &key);
    scene.is_kept_out(&scene.provider, &scene.one, &names.deploy, old);
    scene.expect("Access used from another network than it was granted for", |names| names.admin.clone());
    for why in ["it was used from", "it was used on", "it was used at"] {
        scene.expect(&format!("Certificate refused: {why}"), |names| names.deploy.clone());
    }
    scene.expect("Certificate refused: it was used as", |names| names.unlisted.clone());
    // Principals added by whoever is in already: then sshd lets the same certificate in.
    let principals = scene.two.path(&format!("/etc/ssh/principals/{}", scene.names.deploy));
    append(&principals, &format!("{}@{}\n", scene.names.deploy, scene.one.name));
    scene.gets_in(&scene.provider, &scene.two, &scene.names.deploy, &key);
    scene.expect("Access used on another host than it was granted for", |names| names.deploy.clone());
    let line = format!("{}@{}\n", scene.names.deploy, scene.one.name);
    append(&scene.one.path(&format!("/etc/ssh/dreamcatcher/principals/{}", scene.names.unlisted)), &line);
    scene.gets_in(&scene.provider, &scene.one, &scene.names.unlisted, &key);
    scene.expect("Access used as another account than it was granted for", |names| names.unlisted.clone());
}

/// What a revoked certificate leads to: on a host that does not know, and on one that has fetched what is revoked.
fn revoked(scene: &mut Scene, key: &Path) {
    scene.gets_in(&scene.provider, &scene.one, &scene.names.deploy, key);
    scene.expect("Revoked certificate let somebody in", |names| names.deploy.clone());
    reach(scene.one.command("/etc/ssh/dreamcatcher/fetch-revoked"), "").fine();
    scene.is_kept_out(&scene.provider, &scene.one, &scene.names.deploy, key);
    scene.expect("Certificate refused: it was revoked", |names| names.deploy.clone());
}

/// The key of an authority.
struct Stolen {
    key: PathBuf,
}

impl Stolen {
    /// The gate's own, from a copy of its folder.
    fn from(scene: &Scene) -> Self {
        let copy = |name: &str| {
            let to = scene.folder.join(format!("stolen-{name}"));
            fs::copy(scene.gate.folder().join(name), &to).unwrap();
            to
        };
        let seal = access::seal::Seal::open(&copy("seal.key")).unwrap();
        let text = seal.unseal("the authority", &fs::read(copy("authority.age")).unwrap()).unwrap();
        let key = scene.new_path();
        fs::write(&key, &*text).unwrap();
        run_quietly(Command::new("chmod").arg("600").arg(&key));
        Self { key }
    }

    /// Signs a key with what a grant of the ledger says, but for what is another.
    fn sign(&self, key: &Path, granted: &Value, key_id: Option<&str>, serial: Option<u64>) {
        let text = |name: &str| granted[name].as_str().unwrap().to_owned();
        let time = |name: &str| text(name).parse::<Timestamp>().unwrap().strftime("%Y%m%d%H%M%S").to_string();
        let serial = serial.unwrap_or_else(|| granted["serial"].as_u64().unwrap());
        let mut keygen = Command::new("ssh-keygen");
        keygen.env("TZ", "UTC").args(["-q", "-s"]).arg(&self.key).args(["-z", &serial.to_string()]);
        keygen.args(["-I", key_id.unwrap_or(&text("key_id")), "-n", granted["principals"][0].as_str().unwrap()]);
        keygen.args(["-V", &format!("{}:{}", time("from"), time("until")), "-O", "clear"]);
        run_quietly(keygen.arg(key.with_extension("pub")));
    }
}

/// What certificates made without the gate lead to.
fn forged(scene: &mut Scene) {
    let ca = Stolen::from(scene);
    let granted = |scene: &Scene| scene.gate.entries("granted").pop().unwrap();
    // The forced command dodged: the same certificate, without it.
    let key = scene.certificate(&scene.mia, &scene.one, &scene.names.single, "");
    ca.sign(&key, &granted(scene), None, None);
    let dodged = reach(ssh(&scene.provider, &scene.one, &scene.names.single, &key, &["echo dodged"]), "").fine();
    assert_eq!(dodged.out, "dodged\n");
    scene.expect("Certificate that is not the one granted", |names| names.single.clone());
    // Another's key id; another key; a serial that nobody was given.
    let key = scene.certificate(&scene.mia, &scene.one, &scene.names.deploy, "");
    ca.sign(&key, &granted(scene), Some("dreamcatcher:1:nobody"), None);
    scene.gets_in(&scene.provider, &scene.one, &scene.names.deploy, &key);
    let own = scene.new_path();
    new_key(&own);
    ca.sign(&own, &granted(scene), None, None);
    scene.gets_in(&scene.intruder, &scene.one, &scene.names.deploy, &own);
    (0..2).for_each(|_| scene.expect("Certificate that is not the one granted", |names| names.deploy.clone()));
    let serial = 1000 + scene.random.below(1 << 40);
    ca.sign(&own, &granted(scene), None, Some(serial));
    scene.gets_in(&scene.intruder, &scene.one, &scene.names.deploy, &own);
    scene.expect("Certificate that was never granted", |names| names.deploy.clone());
    // A second authority, trusted by an intruder.
    let second = Stolen { key: scene.new_path() };
    new_key(&second.key);
    let key = scene.certificate(&scene.mia, &scene.one, &scene.names.deploy, "");
    second.sign(&key, &granted(scene), None, None);
    scene.is_kept_out(&scene.provider, &scene.two, &scene.names.deploy, &key);
    let public = fs::read_to_string(second.key.with_extension("pub")).unwrap();
    append(&scene.one.path("/etc/ssh/dreamcatcher/authority.pub"), &public);
    scene.gets_in(&scene.provider, &scene.one, &scene.names.deploy, &key);
    scene.expect("Certificate refused: is no authority of ours", |names| names.deploy.clone());
    scene.expect("Certificate of an authority that is not ours", |names| names.deploy.clone());
}

/// An agent that was forwarded, used from the server that it was forwarded to.
fn hop(scene: &mut Scene) {
    let (first, second) = (
        scene.certificate(&scene.mia, &scene.one, &scene.names.tunnel, ""),
        scene.approved(&scene.two, &scene.names.careful),
    );
    let further = format!(
        "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes {}@{} true",
        scene.names.careful, scene.two.name
    );
    let script = format!(
        "ssh-add -q {0} && ssh -A -o BatchMode=yes -o IdentitiesOnly=yes -i {1} {2}@{3} '{further}'",
        second.display(),
        first.display(),
        scene.names.tunnel,
        scene.one.name
    );
    let mut agent = scene.provider.command("ssh-agent");
    agent.args(["sh", "-c", &script]);
    let came = reach(agent, "");
    assert_eq!(came.status, 0, "{came:?}\n{}", scene.logs());
    scene.expect("Login from a server", |names| names.careful.clone());
}

/// What changes to a server lead to.
fn planted(scene: &mut Scene) {
    let key = scene.new_path();
    new_key(&key);
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    for account in [scene.names.unlisted.clone(), scene.names.deploy.clone()] {
        scene.one.give(scene.names.number(&account), &authorized_keys(&account), &public);
        // One account has standing access by a key; those of all others open nothing.
        scene.is_kept_out(&scene.intruder, &scene.one, &account, &key);
    }
    // A password and keys where none should be: the setup lets none in, so somebody sets one and switches them on.
    let refused = reach(with_password(&scene.provider, &scene.one, &scene.names.deploy, &PASSWORD_ALONE), "");
    assert!(refused.err.contains("Permission denied"), "{refused:?}");
    let shadow = scene.one.path("/etc/shadow");
    let text = fs::read_to_string(&shadow).unwrap();
    let root = text.lines().find_map(|line| line.strip_prefix("root:")).unwrap().split(':').next().unwrap();
    let none = format!("\n{}:*:", scene.names.deploy);
    fs::write(&shadow, text.replace(&none, &format!("\n{}:{root}:", scene.names.deploy))).unwrap();
    let config = scene.one.path("/etc/ssh/sshd_config");
    let text = fs::read_to_string(&config).unwrap();
    // The command of the host counts more than the certificate's.
    let instead = format!("Match User {}\n    ForceCommand /bin/echo dodged\n", scene.names.single);
    let first = "PasswordAuthentication yes\nAuthorizedKeysFile .ssh/authorized_keys\n";
    fs::write(config, format!("{first}{text}\n{instead}")).unwrap();
    let single = scene.certificate(&scene.tom, &scene.one, &scene.names.single, "");
    scene.one.stop_sshd();
    scene.one.start_sshd();
    let dodged = reach(ssh(&scene.provider, &scene.one, &scene.names.single, &single, &["true"]), "").fine();
    assert_eq!(dodged.out, "dodged\n");
    scene.expect("Certificate that is not the one granted", |names| names.single.clone());
    for account in [scene.names.unlisted.clone(), scene.names.deploy.clone()] {
        scene.gets_in(&scene.intruder, &scene.one, &account, &key);
    }
    scene.expect("Login that nothing explains", |names| names.unlisted.clone());
    scene.expect("Login by a plain key where only certificates are allowed", |names| names.deploy.clone());
    reach(with_password(&scene.provider, &scene.one, &scene.names.deploy, &PASSWORD_ALONE), "").fine();
    scene.expect("Login by password where only certificates are allowed", |names| names.deploy.clone());
}

/// Grants that an intruder on the gate wrote into the ledger: one that nobody approved, one of a rule that is closed, one for other networks than its
/// rule's, and one that does not name the entry before it. Nothing is asked of the gate after that.
fn smuggled(scene: &mut Scene) {
    let ca = Stolen::from(scene);
    be_quiet();
    // The gate's clock is behind. Its ledger is not older than the logs.
    let (change, reason) = ("clock set".to_owned(), "made up by this test".to_owned());
    scene.smuggled.push((Timestamp::now(), What::Administered { change, reason }));
    let Names { careful, night, deploy, .. } = &scene.names;
    let (careful, night, deploy) = (careful.clone(), night.clone(), deploy.clone());
    let provider = format!("{}/32", scene.provider.address);
    let smuggled = [
        (careful, "careful", vec!["0.0.0.0/0", "::/0"], true),
        (night, "night", vec![provider.as_str()], true),
        (deploy.clone(), "work", vec!["0.0.0.0/0"], true),
        (deploy, "work", vec![provider.as_str()], false),
    ];
    for (account, rule, sources, knows_past) in smuggled {
        let key = scene.new_path();
        new_key(&key);
        let serial = 1000 + scene.random.below(1 << 40);
        let principal = format!("{account}@{}", scene.two.name);
        let mut granted = scene.gate.entries("granted").pop().unwrap();
        let last: Value = serde_json::from_str(scene.ledger().lines().last().unwrap()).unwrap();
        let past = if knows_past { &last["hash"].as_str().unwrap()[..16] } else { "0123456789abcdef" };
        for (field, value) in [
            ("serial", json!(serial)),
            ("request", json!(serial)),
            ("key", json!(fingerprint(&key))),
            ("key_id", json!(format!("dreamcatcher:{serial}:{}:{principal}:{past}", scene.names.mia))),
            ("person", json!(scene.names.mia)),
            ("host", json!(scene.two.name)),
            ("account", json!(account)),
            ("principals", json!([principal])),
            ("sources", json!(sources)),
            ("force_command", Value::Null),
            ("extensions", json!([])),
            ("rule", json!(rule)),
            ("approvals", json!([])),
            ("break_glass", json!(false)),
        ] {
            granted[field] = value;
        }
        ca.sign(&key, &granted, None, None);
        let granted = What::Granted(Box::new(serde_json::from_value(granted).unwrap()));
        scene.smuggled.push((Timestamp::now(), granted));
        scene.gets_in(&scene.provider, &scene.two, &account, &key);
    }
    scene.expect("Grant that nobody approved", |names| names.careful.clone());
    scene.expect("Login at a time at which the policy is closed", |names| names.night.clone());
    scene.expect("Grant that its rule does not give", |names| names.deploy.clone());
    scene.expect("Ledger whose past is not the one of its certificates", |names| names.mia.clone());
}

/// What the gate refuses.
fn at_the_gate(scene: &mut Scene) {
    let request = |account: &str| format!("request {} --as {account}", scene.one.name);
    let fire = scene.certificate(&scene.anna, &scene.one, &scene.names.fire, "--break-glass --reason the pump");
    scene.gets_in(&scene.office, &scene.one, &scene.names.fire, &fire);
    let (gate, names) = (&scene.gate, &scene.names);
    // Outside of the window, and from elsewhere with a stolen key and a code.
    gate.ask(&scene.provider, &scene.mia, &request(&names.night)).fails(5, "rule night is open");
    gate.ask(&scene.intruder, &scene.tom, &request(&names.deploy)).fails(5, "lets nobody in from");
    // A code that was seen being typed.
    let code = gate.next_code(&scene.mia);
    let with = |code: &str| format!("{code}\n");
    reach(gate.ssh(&scene.provider, &scene.mia.key, &request(&names.deploy)), &with(&code)).fine();
    reach(gate.ssh(&scene.provider, &scene.mia.key, &request(&names.deploy)), &with(&code)).fails(5, "used before");
    // Approval by the requester, and by a colleague whose it is not.
    let number = gate.entries("requested").len() + 1;
    let wanted = format!("{} --reason disk is full", request(&names.careful));
    gate.ask(&scene.provider, &scene.tom, &wanted).fails(6, "waits for the approval");
    gate.ask(&scene.provider, &scene.tom, &format!("approve {number}"))
        .fails(5, "nobody approves a request of their own");
    gate.ask(&scene.provider, &scene.mia, &format!("approve {number}")).fails(5, "not asked for");
    // In another's name: what was approved for them is collected; their key is used with one's own codes.
    gate.ask(&scene.office, &scene.ben, &format!("approve {number}")).fine();
    gate.ask(&scene.provider, &scene.mia, &format!("collect {number}")).fails(5, "of yours");
    let borrowed = gate.ssh(&scene.provider, &scene.tom.key, &request(&names.deploy));
    persist(borrowed, |ssh| converse(ssh, QUESTION, || gate.next_code(&scene.mia))).fails(5, "the code is wrong");
    // A key that nobody enrolled, planted on the gate.
    let planted = scene.new_path();
    new_key(&planted);
    append(&gate.folder().join("authorized_keys"), &fs::read_to_string(planted.with_extension("pub")).unwrap());
    scene.gets_in(&scene.intruder, &gate.machine, &gate.account, &planted);
    let gate_account = gate.account.clone();
    scene.expect("Login that nothing explains", |_| gate_account.clone());
    scene.expect("Glass was broken", |names| names.fire.clone());
    for person in [0, 1, 0, 1, 0, 0, 1] {
        scene.expect("Request refused at the gate", |names| [&names.mia, &names.tom][person].clone());
    }
}

/// Waits, so that what tells of a session is not taken for part of another login of that time.
fn be_quiet() {
    let quiet = Timestamp::now() + SignedDuration::from_secs(22);
    wait_for("a quiet time", || Timestamp::now() > quiet);
}

/// What lines that are missing lead to: where all else of a session is told, and where wtmp alone tells of it.
fn deleted(scene: &mut Scene) {
    for wtmp_alone in [false, true] {
        let key = scene.certificate(&scene.mia, &scene.two, &scene.names.deploy, "");
        let serial = scene.gate.entries("granted").pop().unwrap()["serial"].as_u64().unwrap();
        be_quiet();
        let login = ssh(&scene.provider, &scene.two, &scene.names.deploy, &key, &["-tt", "true"]);
        assert_eq!(reach(login, "").status, 0, "{}", scene.logs());
        scene.two.settle();
        let text = scene.two.logged();
        let named = format!("(serial {serial})");
        let let_in =
            text.lines().find(|line| line.contains("Accepted publickey for ") && line.contains(&named)).unwrap();
        let process = format!("sshd[{}]: ", process_of(let_in, "sshd["));
        let forked =
            text.lines().find(|line| line.contains(&process) && line.contains("User child is on pid ")).unwrap();
        let child = format!("sshd[{}]: ", process_of(forked, "on pid "));
        // That line alone, or all that name the certificate.
        let tells = *scene.random.one(&["]: Accepted publickey for ", "]: "]);
        let is_gone = |line: &&str| match wtmp_alone {
            true => line.contains(&process) || line.contains(&child),
            false => line.contains(tells) && line.contains(&named),
        };
        let kept: Vec<&str> = text.lines().filter(|line| !is_gone(line)).collect();
        assert!(kept.len() < text.lines().count());
        fs::write(scene.two.log(), kept.join("\n") + "\n").unwrap();
        scene.expect("Session whose login is missing from the log", |names| names.deploy.clone());
    }
}

/// The number behind a mark.
fn process_of(line: &str, mark: &str) -> String {
    line.split_once(mark).unwrap().1.chars().take_while(char::is_ascii_digit).collect()
}

/// What changes to a log, or to a clock, lead to.
fn covered_up(scene: &mut Scene, old: &Path) {
    // A line that no sshd wrote, with a serial that nobody was given.
    let log = scene.two.log();
    let text = scene.two.logged();
    let last = text.lines().last().unwrap().split(&format!(" {} ", scene.two.name)).next().unwrap();
    let forged = format!(
        "{last} {} sshd[999999]: Accepted publickey for {} from {} port 4022 ssh2: ED25519-CERT SHA256:{} ID grant 9 (serial {}) CA ED25519 {}\n",
        scene.two.name,
        scene.names.deploy,
        scene.provider.address,
        "A".repeat(43),
        1000 + scene.random.below(1 << 40),
        fingerprint(&scene.gate.folder().join("authority"))
    );
    append(&log, &forged);
    scene.expect("Certificate that was never granted", |names| names.deploy.clone());
    deleted(scene);
    if has_sudo() {
        // What nobody released, by the real sudo and dpkg.
        let key = scene.certificate(&scene.tom, &scene.one, &scene.names.deploy, "");
        scene.roll_out(&format!("{}-update", scene.names.tom), &key);
        scene.expect("Package that nobody released", |_| "root".into());
    }
    // The host's clock turned back, so that an expired certificate is good again.
    let granted = scene.gate.entries("granted").into_iter().find(|granted| granted["serial"] == 1).unwrap();
    let until = granted["until"].as_str().unwrap().parse::<Timestamp>().unwrap();
    scene.one.settle();
    scene.one.stop_sshd();
    let moment = until - SignedDuration::from_mins(15);
    scene.one.turn_clock(moment.duration_since(Timestamp::now()).as_secs());
    scene.one.start_sshd();
    scene.gets_in(&scene.provider, &scene.one, &scene.names.deploy, old);
    scene.expect("Clock turned back", |_| String::new());
}

#[test]
fn each_attack_ends_in_exactly_its_finding_and_honest_logins_in_none() {
    if let Some(missing) = missing() {
        return common::skipped(missing);
    }
    let folder = tempfile::Builder::new().prefix("dreamcatcher-access-").tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    // Some hours ago: a grant that will have ended, and one that will be revoked.
    let old = scene.certificate(&scene.mia, &scene.one, &scene.names.deploy, "--for 30m");
    let lost = scene.certificate(&scene.tom, &scene.one, &scene.names.deploy, "");
    let serial = scene.gate.entries("granted").len();
    let back = scene.random.below(90) as i64 + 60;
    scene.gate.turn_clock(-back * MINUTE);
    scene.log_in_honestly(honest_logins());
    let (found, out) = scene.hunt();
    assert_eq!(found, BTreeMap::new(), "honest logins: {out}\n{}", scene.logs());

    let revoke: Came = scene.gate.ask(&scene.office, &scene.ben, &format!("revoke {serial} --reason laptop stolen"));
    revoke.fine();
    stolen(&mut scene, &old);
    forged(&mut scene);
    hop(&mut scene);
    revoked(&mut scene, &lost);
    planted(&mut scene);
    at_the_gate(&mut scene);
    covered_up(&mut scene, &old);
    smuggled(&mut scene);
    let (found, out) = scene.hunt();
    assert_eq!(found, scene.expected, "{out}\n{}", scene.logs());
}
