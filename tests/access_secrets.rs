//! No secret leaves its place: not into a log, the ledger or its export, what commands say, arguments or environment of any process; and what the
//! gate and its clients write is nobody else's to read.

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
    cell::RefCell,
    collections::HashSet,
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
};

use access_world::{
    Machine, Random, World,
    gate::{Gate, QUESTION, converse, keep_certificate},
    introduce, missing, persist, wait_for,
};
use gate::{Came, Person, run};
use ssh_key::PrivateKey;

/// Looks at the arguments and the environment of every process of this machine, again and again.
struct Watch {
    /// Since it was asked to wait anew, and before that.
    seen: Arc<Mutex<HashSet<Vec<u8>>>>,
    before: Mutex<HashSet<Vec<u8>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    fn new() -> Self {
        let (seen, stop) = (Arc::<Mutex<HashSet<Vec<u8>>>>::default(), Arc::<AtomicBool>::default());
        let (kept, end) = (Arc::clone(&seen), Arc::clone(&stop));
        let look = move || {
            while !end.load(Relaxed) {
                for process in fs::read_dir("/proc").unwrap().flatten() {
                    // Not every entry is a process, and a process may be gone.
                    let all =
                        ["cmdline", "environ"].map(|file| fs::read(process.path().join(file)).unwrap_or_default());
                    kept.lock().unwrap().extend(all);
                }
            }
        };
        Self { seen, before: Mutex::default(), stop, thread: Some(std::thread::spawn(look)) }
    }

    /// Waits until a process with these arguments was seen.
    fn await_process(&self, arguments: &str) {
        self.await_bytes(arguments.replace(' ', "\0").as_bytes());
    }

    fn await_bytes(&self, bytes: &[u8]) {
        let is_seen = || self.seen.lock().unwrap().iter().any(|all| holds(all, bytes));
        wait_for(&String::from_utf8_lossy(bytes), is_seen);
    }

    /// From here on a process has to be seen again to be waited for.
    fn wait_anew(&self) {
        self.before.lock().unwrap().extend(self.seen.lock().unwrap().drain());
    }

    fn end(mut self) -> HashSet<Vec<u8>> {
        self.stop.store(true, Relaxed);
        self.thread.take().unwrap().join().unwrap();
        self.wait_anew();
        std::mem::take(&mut self.before.lock().unwrap())
    }
}

fn holds(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

/// What nobody else may see.
#[derive(Default)]
struct Secrets {
    bytes: Vec<(String, Vec<u8>)>,
    codes: Vec<String>,
}

impl Secrets {
    /// A secret in each way that it may be written.
    fn add(&mut self, what: &str, secret: &[u8]) {
        use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER, HEXUPPER};
        let mut texts = vec![BASE32_NOPAD.encode(secret), HEXLOWER.encode(secret), HEXUPPER.encode(secret)];
        // In Base64 what stands beside it changes its ends.
        texts.extend((0..3).map(|at| BASE64.encode(&secret[at..at + (secret.len() - at) / 3 * 3])));
        self.bytes.push((what.to_owned(), secret.to_vec()));
        self.bytes.extend(texts.into_iter().map(|text| (what.to_owned(), text.into_bytes())));
    }

    fn add_text(&mut self, what: &str, text: &str) {
        self.bytes.push((what.to_owned(), text.as_bytes().to_vec()));
    }

    fn add_key(&mut self, what: &str, text: &[u8]) {
        let key = PrivateKey::from_openssh(text).unwrap();
        self.add(what, key.key_data().ed25519().unwrap().private.as_ref());
    }

    fn add_person(&mut self, who: &str, person: &Person) {
        self.add(&format!("the secret of {who}'s codes"), &person.secret);
        let shown = data_encoding::BASE32_NOPAD.encode(&person.secret);
        let groups: Vec<&str> = shown.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
        self.add_text(&format!("the secret of {who}'s codes"), &groups.join(" "));
        self.add_key(&format!("{who}'s key"), &fs::read(&person.key).unwrap());
        self.add_key(&format!("{who}'s invitation"), &fs::read(person.key.with_extension("invitation")).unwrap());
    }

    /// The secrets that stand in this.
    fn found_in(&self, place: &str, all: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(all);
        let words: HashSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let secrets = self.bytes.iter().filter(|(_, secret)| holds(all, secret)).map(|(what, _)| what.clone());
        let codes = self.codes.iter().filter(|code| words.contains(code.as_str())).map(|code| format!("code {code}"));
        // Of keys that the test does not know, such as that which `access ssh` makes.
        let kinds = ["PRIVATE KEY-----", "AGE-SECRET-KEY-"];
        let keys = kinds.iter().filter(|kind| text.contains(**kind)).map(|kind| (*kind).to_owned());
        secrets.chain(codes).chain(keys).map(|what| format!("{what} in {place}")).collect()
    }
}

/// All files below a folder, and the folders.
fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
    all.push(folder.to_owned());
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => walk(&entry.path(), all),
            kind if kind.is_file() => all.push(entry.path()),
            _ => {}
        }
    }
}

/// An ssh-agent.
struct Agent(Child);

impl Agent {
    fn start(command: &mut Command, socket: &Path) -> Self {
        let agent = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        wait_for("ssh-agent", || socket.exists());
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Scene {
    folder: PathBuf,
    random: Random,
    gate: Gate,
    web: Machine,
    provider: Machine,
    office: Machine,
    account: String,
    /// It holds the authority's key.
    agent: Option<Agent>,
    watch: Watch,
    secrets: Secrets,
    /// What commands said.
    said: String,
    _world: World,
}

impl Scene {
    fn new(folder: &Path) -> Self {
        let mut random = Random::new();
        let (account, gate_account) = (random.name("d"), random.name("g"));
        let mut world = World::new(folder, &[(&gate_account, ""), (&account, "")]);
        let program = folder.join("dreamcatcher");
        gate::install(&program);
        let mut machine = |prefix: &str, address: &str| world.machine(&random.name(prefix), address, false);
        let [gate, web, provider, office] =
            [("gate", "10.0.0.5"), ("web", "10.0.0.11"), ("pc", "198.51.100.7"), ("desk", "192.0.2.7")]
                .map(|(prefix, address)| machine(prefix, address));
        introduce(&[&gate, &web, &provider, &office]);
        let gate = Gate::bare(gate, &gate_account, &program, -600);
        let policy = format!(
            "timezone = \"UTC\"\n[staff]\npeople = [\"bob\", \"carol\"]\nnetworks = [\"192.0.2.0/24\"]\n[providers.webcare]\npeople = [\"alice\"]\n\
             networks = [\"198.51.100.0/24\"]\n[hosts.{}]\naddresses = [\"{}\"]\n[[rules]]\nname = \"upkeep\"\nwho = [\"webcare\"]\nhosts = [\"{0}\"]\n\
             accounts = [\"{account}\"]\nwhen = [\"always\"]\nat_most = \"1h\"\n",
            web.name, web.address
        );
        gate.policy(&policy);
        let (watch, secrets, said) = (Watch::new(), Secrets::default(), String::new());
        let folder = folder.to_owned();
        Self { folder, random, gate, web, provider, office, account, agent: None, watch, secrets, said, _world: world }
    }

    fn note(&mut self, came: &Came) {
        self.said += &format!("{came:?}\n{}\n", came.out);
    }

    /// Types something into a command, once it was seen among the processes.
    fn type_into(&mut self, mut command: Command, arguments: &str, text: &str) {
        self.watch.wait_anew();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.watch.await_process(arguments);
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.said += &(text(&done.stdout) + &text(&done.stderr));
    }

    /// Asks the gate with a code, which is typed once the gate was seen among the processes.
    fn ask(&mut self, from: fn(&Self) -> &Machine, person: &Person, request: &str) -> Came {
        self.watch.wait_anew();
        let code = RefCell::default();
        let came = persist(self.gate.ssh(from(self), &person.key, request), |ssh| {
            converse(ssh, QUESTION, || {
                self.watch.await_process("access gate --folder");
                code.replace(self.gate.next_code(person));
                code.borrow().clone()
            })
        });
        self.secrets.codes.extend(Some(code.into_inner()).filter(|code| !code.is_empty()));
        self.note(&came);
        came
    }

    /// Begins, with an agent that holds the authority's key, behind a passphrase.
    fn begin(&mut self) {
        let random = &mut self.random;
        let passphrase = format!("{} {} {}", random.name("pass"), random.name("phrase"), random.name("of"));
        self.secrets.add_text("the passphrase", &passphrase);
        let wrapper = self.gate.wrapper();
        let init = self.gate.local_command(&["init", "--program", &wrapper, "--agent", "agent.sock"]);
        self.type_into(init, "access init --folder", &format!("{passphrase}\n{passphrase}\n"));
        let socket = self.gate.folder().join("agent.sock");
        let mut agent = self.gate.machine.command("setpriv");
        agent.args(["--reuid", "30000", "--regid", "30000", "--clear-groups", "ssh-agent", "-D", "-a"]).arg(&socket);
        self.agent = Some(Agent::start(&mut agent, &socket));
        let agent = self.gate.local_command(&["agent"]);
        self.type_into(agent, "access agent --folder", &format!("{passphrase}\n"));
        let sealed = fs::read(self.gate.folder().join("authority.age")).unwrap();
        let key = access::seal::unseal_with_passphrase(&passphrase, "it", &sealed).unwrap();
        self.secrets.add_key("the authority", &key);
        // A copy: the gate's own belongs to its account.
        let seal = self.folder.join("seal.key");
        fs::copy(self.gate.folder().join("seal.key"), &seal).unwrap();
        let text = fs::read_to_string(&seal).unwrap();
        self.secrets.add_text("the seal", text.trim());
        let seal = access::seal::Seal::open(&seal).unwrap();
        let hosts = seal.unseal("it", &fs::read(self.gate.folder().join("host-authority.age")).unwrap()).unwrap();
        self.secrets.add_key("the hosts' authority", &hosts);
        self.gate.machine.start_sshd();
    }

    fn enrol(&mut self, from: fn(&Self) -> &Machine, name: &str) -> Person {
        let person = self.gate.enrol(from(self), name, &self.folder.join(name));
        self.secrets.codes.push(person.code(self.gate.now()));
        self.secrets.add_person(name, &person);
        person
    }

    /// `access ssh`, and what is on the host meanwhile: a session under watch.
    fn log_in(&mut self, alice: &Person) {
        let socket = self.folder.join("agent");
        let mut agent = self.provider.command("ssh-agent");
        let _agent = Agent::start(agent.args(["-D", "-a"]).arg(&socket), &socket);
        let own = format!("Host {}\n  IdentityFile {}\n", self.gate.machine.name, alice.key.display());
        let config = self.provider.path("/root/.ssh/config");
        let usual = fs::read_to_string(&config).unwrap();
        fs::write(&config, own + &usual).unwrap();
        self.watch.wait_anew();
        let mut command = self.provider.command("sh");
        command.args(["-c", "umask 000; exec \"$@\"", "sh"]).arg(&self.gate.program);
        command.env("SSH_AUTH_SOCK", &socket).args(["access", "ssh", &self.web.name, "--as", &self.account]);
        command.args(["--gate", &self.gate.reached(), "--", "sleep 1; id -un"]);
        let came = persist(command, |command| {
            converse(command, QUESTION, || {
                self.watch.await_process("access ssh");
                self.watch.await_process("access gate --folder");
                self.gate.next_code(alice)
            })
        });
        self.secrets.codes.push(alice.code(self.gate.now()));
        assert!(came.status == 0 && came.out.contains(&self.account), "{came:?}\n{}", self.web.logged());
        self.watch.await_process("access session --watch");
        self.note(&came);
        fs::write(&config, usual).unwrap();
    }
}

/// Everything that people and administrators do.
fn play(scene: &mut Scene) {
    scene.begin();
    let alice = scene.enrol(|scene| &scene.provider, "alice");
    let (bob, carol) = (scene.enrol(|scene| &scene.office, "bob"), scene.enrol(|scene| &scene.office, "carol"));
    scene.gate.set_up(&scene.web);
    scene.web.start_sshd();
    scene.gate.trust(&scene.provider, &alice);
    scene.log_in(&alice);
    let request = format!("request {} --as {}", scene.web.name, scene.account);
    let came = scene.ask(|scene| &scene.provider, &alice, &request).fine();
    keep_certificate(&alice.key, &came);
    // Errors too: a code that counts no more, one that never did, an invitation that was used.
    let used = scene.secrets.codes.last().unwrap().clone();
    let alice_again = |scene: &Scene| scene.gate.ssh(&scene.provider, &alice.key, &request);
    let came = run(alice_again(scene), &format!("{used}\n")).fails(5, "used before");
    scene.note(&came);
    let wrong = format!("{:06}", (used.parse::<u32>().unwrap() + 123_457) % 1_000_000);
    let came = run(alice_again(scene), &format!("{wrong}\n")).fails(5, "the code is wrong");
    scene.note(&came);
    scene.secrets.codes.push(wrong);
    let again = scene.gate.ssh(&scene.provider, &alice.key.with_extension("invitation"), "help");
    scene.note(&run(again, "").fails(255, "Permission denied"));
    let release = format!("release {} patch.deb --reason tested", "0".repeat(64));
    scene.ask(|scene| &scene.office, &bob, &release).fine();
    scene.ask(|scene| &scene.office, &carol, "approve-release 1").fine();
    scene.ask(|scene| &scene.office, &bob, "list").fine();
    scene.ask(|scene| &scene.office, &bob, "revoke 2 --reason done").fine();
    for arguments in [&["krl"][..], &["unlock", "alice", "--reason", "she called"]] {
        let came = scene.gate.local(arguments).fine();
        scene.note(&came);
    }
    scene.said += &scene.gate.export();
    let ledger = scene.gate.folder().join("ledger.db");
    let mut verify = Command::new(&scene.gate.program);
    verify.args(["access", "ledger", "verify"]).arg(ledger);
    let came = run(verify, "").fine();
    scene.note(&came);
    scene.gate.machine.settle();
    scene.web.settle();
}

#[test]
fn no_secret_is_in_logs_ledger_errors_or_processes_and_files_are_nobody_elses() {
    if let Some(reason) = missing() {
        return common::skipped(reason);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    // That the watch sees an environment is seen by one that is known.
    let mut known = Command::new("sleep").arg("600").env("KNOWN", "to the test").spawn().unwrap();
    scene.watch.await_bytes(b"KNOWN=to the test");
    known.kill().unwrap();
    known.wait().unwrap();
    play(&mut scene);

    // What is looked for is found where it is meant to be.
    let seal = scene.gate.folder().join("seal.key");
    let found = scene.secrets.found_in("seal.key", &fs::read(&seal).unwrap());
    assert_eq!(found, ["the seal in seal.key", "AGE-SECRET-KEY- in seal.key"]);
    let planted = format!("{} {}", scene.secrets.codes[0], data_encoding::BASE64.encode(b"xyz"));
    assert_eq!(scene.secrets.found_in("", planted.as_bytes()).len(), 1);
    for (what, secret) in &scene.secrets.bytes {
        let within = [b"\0".as_slice(), secret, b"\n"].concat();
        assert!(scene.secrets.found_in("", &within).iter().any(|found| found.starts_with(what)), "{what}");
    }

    let mut found = scene.secrets.found_in("what commands said", scene.said.as_bytes());
    let written = [
        scene.gate.folder(),
        scene.folder.join("logs"),
        scene.web.path("/etc/ssh/dreamcatcher"),
        scene.web.path("/etc/ssh/sshd_config.d"),
        scene.web.path("/root"),
        scene.provider.path("/root"),
        scene.office.path("/root"),
    ];
    let mut files = Vec::new();
    written.iter().for_each(|folder| walk(folder, &mut files));
    for path in files.iter().filter(|path| path.is_file() && **path != seal) {
        found.extend(scene.secrets.found_in(&path.display().to_string(), &fs::read(path).unwrap()));
    }
    let (secrets, watch) = (scene.secrets, scene.watch);
    for process in watch.end() {
        let place = format!("process {}", String::from_utf8_lossy(&process).replace('\0', " "));
        found.extend(secrets.found_in(&place, &process));
    }
    assert_eq!(found, Vec::<String>::new());

    // The gate's folder, and what `access ssh` keeps. What the test itself put there is not theirs.
    let ours = ["clock", "access.toml", "host.pub"];
    let (mut files, mut open) = (Vec::new(), Vec::new());
    walk(&scene.gate.folder(), &mut files);
    walk(&scene.provider.path("/root/.local/share/dreamcatcher/access"), &mut files);
    for path in files.iter().filter(|path| !ours.iter().any(|own| path.ends_with(own))) {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        open.extend((mode != expected).then(|| format!("{mode:04o} {}", path.display())));
    }
    assert_eq!(open, Vec::<String>::new());
    assert!(files.len() > 10, "{files:?}");
}
