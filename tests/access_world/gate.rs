//! A gate on a machine of its own, and what people ask of it from theirs: over ssh, with codes that are typed when it asks for them.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

use jiff::Timestamp;

use super::{FIRST_ACCOUNT, Machine, append, faketime, new_key, persist};
use crate::gate::{Came, Person, run, write_program};

/// What the gate asks where a code is needed.
pub const QUESTION: &str = "code: ";

/// The gate: its account is the machine's first.
pub struct Gate {
    pub machine: Machine,
    pub account: String,
    /// A copy of the program that everybody may run.
    pub program: PathBuf,
    /// By how many seconds its clock is wrong.
    clock: AtomicI64,
}

impl Gate {
    /// Begins as docs/access.md says, with the clock wrong by so many seconds. sshd is yet to be started.
    pub fn new(machine: Machine, account: &str, program: &Path, clock: i64) -> Self {
        let gate = Self::bare(machine, account, program, clock);
        gate.local(&["init", "--program", &gate.wrapper()]).fine();
        gate
    }

    /// A gate that has yet to begin.
    pub fn bare(machine: Machine, account: &str, program: &Path, clock: i64) -> Self {
        let gate =
            Self { machine, account: account.to_owned(), program: program.to_owned(), clock: AtomicI64::new(clock) };
        let folder = gate.folder();
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        chown(&folder, Some(FIRST_ACCOUNT), Some(FIRST_ACCOUNT)).unwrap();
        gate.turn_clock(clock);
        // The clock stands in the gate's folder, as the gate gives up all other files. Modes are to be right whatever the umask is.
        let (inside, library) = (gate.inside(), faketime().unwrap());
        let wrapper = format!(
            "#!/bin/sh\nexport LD_PRELOAD={} FAKETIME_TIMESTAMP_FILE={inside}/clock FAKETIME_NO_CACHE=1 \
             FAKETIME_DONT_FAKE_MONOTONIC=1\numask 000\nexec {} \"$@\"\n",
            library.display(),
            program.display()
        );
        write_program(&gate.machine.path(&gate.wrapper()), &wrapper);
        let config = format!(
            "HostKey /etc/ssh/ssh_host_ed25519_key\nLogLevel VERBOSE\nMatch User {account}\n    \
             AuthorizedKeysFile {inside}/authorized_keys\n    AuthenticationMethods publickey\n"
        );
        fs::write(gate.machine.path("/etc/ssh/sshd_config.d/access.conf"), config).unwrap();
        gate
    }

    fn inside(&self) -> String {
        format!("/home/{}/gate", self.account)
    }

    /// The program as sshd runs it.
    pub fn wrapper(&self) -> String {
        format!("/home/{}/dreamcatcher", self.account)
    }

    /// The gate's folder, seen from outside.
    pub fn folder(&self) -> PathBuf {
        self.machine.path(&self.inside())
    }

    /// What ssh calls it.
    pub fn reached(&self) -> String {
        format!("{}@{}", self.account, self.machine.name)
    }

    pub fn policy(&self, text: &str) {
        fs::write(self.folder().join("access.toml"), text).unwrap();
    }

    /// Makes the gate's clock wrong by so many seconds.
    pub fn turn_clock(&self, seconds: i64) {
        self.clock.store(seconds, Relaxed);
        // The times in the machine's log are the gate's; sshd itself needs none.
        self.machine.clock.store(seconds, Relaxed);
        fs::write(self.folder().join("clock"), format!("{seconds:+}\n")).unwrap();
    }

    /// What its clock shows, in seconds since 1970.
    pub fn now(&self) -> i64 {
        Timestamp::now().as_second() + self.clock.load(Relaxed)
    }

    /// `dreamcatcher access COMMAND …` as the gate's account.
    pub fn local(&self, arguments: &[&str]) -> Came {
        run(self.local_command(arguments), "")
    }

    /// The same, not yet run.
    pub fn local_command(&self, arguments: &[&str]) -> Command {
        let id = FIRST_ACCOUNT.to_string();
        let mut command = self.machine.command("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups", &self.wrapper(), "access", arguments[0]]);
        command.args(["--folder", &self.inside()]).args(&arguments[1..]);
        command
    }

    /// ssh to the gate from a machine.
    pub fn ssh(&self, from: &Machine, key: &Path, request: &str) -> Command {
        let mut ssh = from.command("ssh");
        ssh.args(["-T", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        ssh.arg(self.reached()).arg(request);
        ssh
    }

    /// The next code of a person's authenticator: the clock goes on by a step, as each code counts once.
    pub fn next_code(&self, person: &Person) -> String {
        self.turn_clock(self.clock.load(Relaxed) + 30);
        person.code(self.now())
    }

    /// Asks the gate; where it asks for a code it gets a new one.
    pub fn ask(&self, from: &Machine, person: &Person, request: &str) -> Came {
        persist(self.ssh(from, &person.key, request), |ssh| converse(ssh, QUESTION, || self.next_code(person)))
    }

    /// Asks for a certificate of a new key, which is made at a path. The certificate is kept beside it, as ssh looks for it.
    pub fn certificate(&self, from: &Machine, person: &Person, key: &Path, request: &str) -> Came {
        new_key(key);
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        let came = self.ask(from, person, &format!("{request} --key {}", public.trim()));
        if came.status == 0 {
            keep_certificate(key, &came);
        }
        came
    }

    /// Invites a person. The invitation is taken to its owner by a way that nobody else can read.
    pub fn invite(&self, name: &str, key: &Path) -> PathBuf {
        let given = format!("{}/invitation", self.inside());
        self.local(&["invite", name, "--output", &given]).fine();
        let taken = key.with_extension("invitation");
        fs::rename(self.machine.path(&given), &taken).unwrap();
        chown(&taken, Some(0), Some(0)).unwrap();
        taken
    }

    /// Invites and enrols a person with a new key, made at a path, and an authenticator.
    pub fn enrol(&self, from: &Machine, name: &str, key: &Path) -> Person {
        let invitation = self.invite(name, key);
        new_key(key);
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        let mut enrol = self.ssh(from, &invitation, &format!("enrol {}", public.trim()));
        let mut child = enrol.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = shown.find_map(|line| Some(line.unwrap().strip_prefix("or type its secret there: ")?.to_owned()));
        let secret: String = line.unwrap().split_whitespace().collect();
        let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
        let person = Person { key: key.to_owned(), secret };
        writeln!(child.stdin.take().unwrap(), "{}", self.next_code(&person)).unwrap();
        assert!(shown.any(|line| line.unwrap().contains("is enrolled for")));
        assert!(child.wait().unwrap().success());
        person
    }

    /// Sets up a host's sshd as docs/access.md says. Its sshd is yet to be started.
    pub fn set_up(&self, host: &Machine) {
        let (public, setup) = (format!("{}/host.pub", self.inside()), format!("{}/host.json", self.inside()));
        fs::copy(host.path("/etc/ssh/ssh_host_ed25519_key.pub"), self.machine.path(&public)).unwrap();
        let (program, gate) = (self.program.display().to_string(), self.reached());
        let prepare = [
            "host-setup",
            &host.name,
            "--host-key",
            &public,
            "--gate",
            &gate,
            "--output",
            &setup,
            "--program",
            &program,
        ];
        self.local(&prepare).fine();
        fs::copy(self.machine.path(&setup), host.path("/root/setup.json")).unwrap();
        let mut apply = host.command(&program);
        apply.args(["access", "host-setup", &host.name, "--apply", "/root/setup.json", "--program", &program]);
        run(apply, "").fine();
    }

    /// What people's ssh needs to know hosts by their certificates, from the gate itself.
    pub fn trust(&self, from: &Machine, person: &Person) {
        append(&from.path("/root/.ssh/known_hosts"), &self.ask(from, person, "trust").fine().out);
    }

    /// What the ledger holds, as `access ledger export` writes it.
    pub fn export(&self) -> String {
        let mut export = Command::new(&self.program);
        export.args(["access", "ledger", "export"]).arg(self.folder().join("ledger.db"));
        run(export, "").fine().out
    }

    /// The entries of one kind.
    pub fn entries(&self, kind: &str) -> Vec<serde_json::Value> {
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        self.export().lines().filter_map(|text| line(text)["entry"]["what"].get(kind).cloned()).collect()
    }
}

/// Keeps a certificate beside its key.
pub fn keep_certificate(key: &Path, came: &Came) {
    fs::write(format!("{}-cert.pub", key.display()), &came.out).unwrap();
}

/// Runs a command, and answers the question that it asks, as soon as it does.
pub fn converse(mut command: Command, question: &str, answer: impl FnOnce() -> String) -> Came {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut input, mut notes) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
    let (mut err, mut byte) = (Vec::new(), [0]);
    while !err.ends_with(question.as_bytes()) && notes.read(&mut byte).unwrap() == 1 {
        err.push(byte[0]);
    }
    if err.ends_with(question.as_bytes()) {
        writeln!(input, "{}", answer()).unwrap();
    }
    drop(input);
    notes.read_to_end(&mut err).unwrap();
    let done = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Came { status: done.status.code().unwrap_or(-1), out: text(&done.stdout), err: text(&err) }
}
