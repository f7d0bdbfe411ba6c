//! A gate and a server with Debian's own sshd on loopback, people with keys and authenticators, and a clock that tests may turn.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use hmac::{Hmac, Mac};
use sha1::Sha1;
use tempfile::TempDir;

/// Whether this may replace files of the system in a namespace; if not, says that a test is skipped.
pub fn is_root() -> bool {
    let is_root = me() == "root";
    if !is_root {
        let _ = writeln!(std::io::stderr(), "SKIPPED: not root, so a test proves nothing here");
    }
    is_root
}

/// A folder with a gate's sshd, a server's sshd, and an ssh configuration that knows both.
pub struct House {
    folder: TempDir,
    sshds: Vec<Child>,
    agents: Vec<Child>,
    config: String,
}

impl Drop for House {
    fn drop(&mut self) {
        for child in self.sshds.iter_mut().chain(&mut self.agents) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Somebody with an enrolled key, and the secret in their authenticator.
pub struct Person {
    pub key: PathBuf,
    pub secret: Vec<u8>,
}

/// What came of a command.
#[derive(Debug)]
pub struct Came {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Came {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Fails unless the command did.
    pub fn fine(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// Fails unless the command failed with this status and these words.
    pub fn fails(self, status: i32, words: &str) -> Self {
        assert!(self.status == status && self.err.contains(words), "expected {status} and '{words}': {self:?}");
        self
    }
}

/// The account that tests run as: sshd without privileges lets in nobody else.
pub fn me() -> String {
    Came::of(Command::new("id").arg("-un").output().unwrap()).out.trim().to_owned()
}

/// sshd, or a failure that says what to do: these tests prove nothing without it.
pub fn sshd() -> PathBuf {
    let path = PathBuf::from("/usr/sbin/sshd");
    assert!(path.exists(), "sshd is missing: apt install openssh-server (ci/test does)");
    if me() == "root" {
        fs::create_dir_all("/run/sshd").unwrap();
    }
    path
}

impl House {
    /// A house with a gate under this policy, in which `ME` stands for the account that tests run as. Its clock is the machine's until
    /// it is turned.
    pub fn new(policy: &str) -> Self {
        Self::begin(policy, &[])
    }

    /// The same, with further arguments of `access init`.
    pub fn begin(policy: &str, init: &[&str]) -> Self {
        let house = Self::bare();
        let (gate, program) = (house.gate().display().to_string(), house.path("dreamcatcher").display().to_string());
        let arguments = [&["init", "--folder", &gate, "--program", &program], init].concat();
        house.access_with_input(&arguments, "correct horse battery staple\n").fine();
        house.policy(policy);
        house
    }

    /// A house whose gate has not begun.
    pub fn bare() -> Self {
        let folder = tempfile::Builder::new().prefix("dreamcatcher-gate-").tempdir().unwrap();
        let house = Self { folder, sshds: Vec::new(), agents: Vec::new(), config: String::new() };
        fs::DirBuilder::new().mode(0o700).create(house.gate()).unwrap();
        house.wrapper();
        house
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn gate(&self) -> PathBuf {
        self.path("gate")
    }

    pub fn policy(&self, policy: &str) {
        fs::write(self.gate().join("access.toml"), policy.replace("ME", &me())).unwrap();
    }

    /// The program as the gate's sshd starts it: with the clock of the house.
    fn wrapper(&self) {
        let path = self.path("dreamcatcher");
        let clock = self.gate().join("clock");
        fs::write(&clock, "+0\n").unwrap();
        let mut libraries =
            fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path().join("faketime/libfaketime.so.1"));
        let library = libraries.find(|path| path.exists());
        let library =
            library.expect("libfaketime is missing: apt install faketime (ci/test does)").display().to_string();
        let text = format!(
            "#!/bin/sh\nexport LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1\nexec {} \"$@\"\n",
            clock.display(),
            env!("CARGO_BIN_EXE_dreamcatcher")
        );
        write_program(&path, &text);
    }

    /// Turns the gate's clock by so many seconds from the machine's.
    pub fn turn_clock(&self, seconds: i64) {
        fs::write(self.gate().join("clock"), format!("{seconds:+}\n")).unwrap();
    }

    /// What the gate's clock shows, in seconds since 1970.
    pub fn now(&self) -> i64 {
        let offset = fs::read_to_string(self.gate().join("clock")).unwrap();
        jiff::Timestamp::now().as_second() + offset.trim().parse::<i64>().unwrap()
    }

    /// `dreamcatcher access …` on the gate's host.
    pub fn access(&self, arguments: &[&str]) -> Came {
        self.access_with_input(arguments, "")
    }

    pub fn access_with_input(&self, arguments: &[&str], input: &str) -> Came {
        let mut command = Command::new(self.path("dreamcatcher"));
        command.arg("access").args(arguments).env("HOME", self.folder.path()).env("XDG_DATA_HOME", self.path("data"));
        run(command, input)
    }

    /// `dreamcatcher access COMMAND --folder GATE …`.
    pub fn local(&self, arguments: &[&str]) -> Came {
        let gate = self.gate().display().to_string();
        self.access(&[&arguments[..1], &["--folder", &gate], &arguments[1..]].concat())
    }

    /// Writes a file of the gate's folder, for the gate's account alone.
    pub fn write_gate(&self, name: &str, bytes: &[u8]) {
        let path = self.gate().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Starts the gate's sshd.
    pub fn open_gate(&mut self) {
        let keys = self.gate().join("authorized_keys").display().to_string();
        self.start_sshd("gate", &format!("AuthorizedKeysFile {keys}\nUsePAM no\nPasswordAuthentication no\n"));
    }

    /// Starts an sshd of this name, with these lines in its configuration; logs go to NAME.log.
    pub fn start_sshd(&mut self, name: &str, lines: &str) {
        let program = sshd();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let etc = self.etc(name);
        fs::create_dir_all(etc.join("sshd_config.d")).unwrap();
        let key = etc.join("ssh_host_ed25519_key");
        if !key.exists() {
            self.new_key(&key);
        }
        let log = self.path(&format!("{name}.log"));
        let text = format!(
            "Include {etc}/sshd_config.d/*.conf\n{lines}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\nStrictModes no\nLogLevel VERBOSE\nPermitRootLogin prohibit-password\n",
            etc = etc.display(),
            key = key.display(),
        );
        fs::write(etc.join("sshd_config"), text).unwrap();
        let child = Command::new(program)
            .args(["-D", "-f"])
            .arg(etc.join("sshd_config"))
            .arg("-E")
            .arg(&log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.sshds.push(child);
        wait_for(name, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        self.config += &format!("Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  HostKeyAlias {name}\n");
        let common = format!(
            "Host *\n  User {}\n  UserKnownHostsFile {}\n  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n  BatchMode yes\n",
            me(),
            self.path("known_hosts").display()
        );
        fs::write(self.path("ssh_config"), format!("{}{common}", self.config)).unwrap();
    }

    /// Ends the sshd that was started last, for it to be started anew.
    pub fn stop_sshd(&mut self) {
        let mut child = self.sshds.pop().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The public key of the gate's sshd.
    pub fn gate_key(&self) -> PathBuf {
        self.etc("gate").join("ssh_host_ed25519_key.pub")
    }

    pub fn etc(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}-etc"))
    }

    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.log"))).unwrap()
    }

    /// ssh with the configuration of the house and this key only.
    pub fn ssh_command(&self, key: &Path, host: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F")
            .arg(self.path("ssh_config"))
            .args(["-o", "IdentitiesOnly=yes", "-i"])
            .arg(key)
            .arg("-T")
            .arg(host);
        ssh.env_remove("SSH_AUTH_SOCK");
        ssh
    }

    pub fn ssh(&self, key: &Path, host: &str, command: &str, input: &str) -> Came {
        let mut ssh = self.ssh_command(key, host);
        ssh.arg(command);
        run(ssh, input)
    }

    /// Asks the gate, with the next code of the person's authenticator where it asks for one.
    pub fn ask(&self, person: &Person, command: &str) -> Came {
        self.ssh(&person.key, "gate", command, &format!("{}\n", person.code(self.now())))
    }

    /// Asks the gate with a code that was not used before: turns the clock on by a step.
    pub fn ask_anew(&self, person: &Person, command: &str) -> Came {
        let offset = self.now() - jiff::Timestamp::now().as_second();
        self.turn_clock(offset + 30);
        self.ask(person, command)
    }

    pub fn new_key(&self, path: &Path) {
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(path).status();
        assert!(made.unwrap().success());
    }

    /// Invites a person; returns the invitation.
    pub fn invite(&self, name: &str) -> PathBuf {
        let file = self.path(&format!("invitation-{name}"));
        let _ = fs::remove_file(&file);
        self.local(&["invite", name, "--output", &file.display().to_string()]).fine();
        file
    }

    /// Invites and enrols a person with a new key and an authenticator.
    pub fn enrol(&self, name: &str) -> Person {
        let invitation = self.invite(name);
        self.enrol_by(&invitation, name)
    }

    /// Enrols a person with a new key and an authenticator.
    pub fn enrol_by(&self, invitation: &Path, name: &str) -> Person {
        let key = self.path(&format!("key-{name}"));
        self.new_key(&key);
        self.enrol_key(invitation, key)
    }

    /// Enrols a person with a key that there is, and an authenticator.
    pub fn enrol_key(&self, invitation: &Path, key: PathBuf) -> Person {
        let mut ssh = self.ssh_command(invitation, "gate");
        ssh.arg(format!("enrol {}", fs::read_to_string(key.with_extension("pub")).unwrap().trim()));
        self.enrol_through(ssh, key)
    }

    /// Enrols a person by this command.
    pub fn enrol_through(&self, mut ssh: Command, key: PathBuf) -> Person {
        let mut child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut shown = String::new();
        let secret = loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                let mut err = String::new();
                child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
                panic!("no secret in: {shown} {err}");
            }
            if let Some(secret) = line.strip_prefix("or type its secret there: ") {
                let secret: String = secret.chars().filter(|c| !c.is_whitespace()).collect();
                break data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
            }
            shown += &line;
        };
        assert!(shown.contains('█'), "a QR code: {shown}");
        let person = Person { key, secret };
        writeln!(child.stdin.take().unwrap(), "{}", person.code(self.now())).unwrap();
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert!(child.wait().unwrap().success() && rest.contains("is enrolled for"), "{rest}");
        person
    }

    /// Starts an ssh-agent; returns its socket.
    pub fn start_agent(&mut self, name: &str) -> PathBuf {
        let socket = self.path(name);
        let child = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        self.agents.push(child);
        wait_for("ssh-agent", || socket.exists());
        socket
    }

    /// Makes what a server has before it is set up: its key, sshd's configuration, PAM's file.
    pub fn prepare_server(&mut self, name: &str) {
        let etc = self.etc(name);
        fs::create_dir_all(etc.join("sshd_config.d")).unwrap();
        self.start_sshd(name, "");
        self.stop_sshd();
        fs::write(self.path(&format!("{name}-pam")), "auth required pam_unix.so\n").unwrap();
    }

    /// Starts a server's sshd again, after its configuration was changed.
    pub fn restart_sshd(&mut self, name: &str) {
        let at = self.config.rfind(&format!("Host {name}\n")).unwrap();
        self.config.truncate(at);
        self.start_sshd(name, "");
    }

    /// Prepares a server on the gate, applies the setup there, and starts its sshd.
    pub fn start_server(&mut self, name: &str) {
        self.prepare_server(name);
        let text = |path: &Path| path.display().to_string();
        let (etc, pam) = (self.etc(name), self.path(&format!("{name}-pam")));
        let key = etc.join("ssh_host_ed25519_key");
        let public = text(&key.with_extension("pub"));
        let place = ["--etc", &text(&etc), "--pam", &text(&pam), "--key-path", &text(&key)].map(str::to_owned);
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let (setup, gate) = (text(&self.path(&format!("{name}.json"))), text(&self.gate()));
        let gate_key = text(&self.gate_key());
        let reach = ["--gate", "gate", "--gate-key", &gate_key];
        let prepare =
            [&["host-setup", name, "--folder", &gate, "--host-key", &public, "--output", &setup], &reach[..]].concat();
        let made = self.access(&[&prepare, &place[..]].concat()).fine();
        let trust = made.out.lines().find(|line| line.contains("@cert-authority")).unwrap().trim().to_owned();
        fs::write(self.path("known_hosts"), format!("{trust}\n")).unwrap();
        self.access(&[&["host-setup", name, "--apply", &setup], &place[..]].concat()).fine();
        self.restart_sshd(name);
    }

    /// Starts a server's sshd again, with this as PAM's file for sshd: in a mount namespace, since that file is the system's, in which `before` is run
    /// first. Takes root.
    pub fn start_with_pam(&mut self, name: &str, pam: &str, before: &str) {
        self.stop_sshd();
        let file = self.path("pam");
        fs::write(&file, pam).unwrap();
        let log = |house: &Self| house.log(name).matches("Server listening").count();
        let listened = log(self);
        let script = format!(r#"{before}; mount --bind "$1" /etc/pam.d/sshd && exec "$2" -D -f "$3" -E "$4""#);
        let mut server = Command::new("unshare");
        server.args(["--mount", "sh", "-ec", &script, "sh"]).arg(file).arg(sshd());
        server.arg(self.etc(name).join("sshd_config")).arg(self.path(&format!("{name}.log")));
        self.sshds.push(server.stdin(Stdio::null()).spawn().unwrap());
        wait_for(name, || log(self) > listened);
    }

    /// Runs the script by which a server fetches what is revoked; its ssh gets the configuration of the house.
    pub fn fetch_revoked(&self, name: &str) {
        let tools = self.path("tools");
        fs::create_dir_all(&tools).unwrap();
        let ssh = tools.join("ssh");
        let text = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", self.path("ssh_config").display());
        write_program(&ssh, &text);
        let mut script = Command::new(self.etc(name).join("dreamcatcher/fetch-revoked"));
        script.env("PATH", format!("{}:/usr/bin:/bin", tools.display()));
        run(script, "").fine();
    }

    /// All entries of the ledger, as exported.
    pub fn entries(&self) -> Vec<serde_json::Value> {
        let out = self.access(&["ledger", "export", &self.ledger()]).fine().out;
        out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["entry"].clone()).collect()
    }

    /// How many entries of a kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.entries().iter().filter(|entry| entry["what"].get(kind).is_some()).count()
    }

    pub fn ledger(&self) -> String {
        self.gate().join("ledger.db").display().to_string()
    }
}

impl Person {
    /// The code that the authenticator shows at a time: RFC 6238, written here again so that it judges ours.
    pub fn code(&self, second: i64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.secret).unwrap();
        mac.update(&(second / 30).to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let at = usize::from(digest[19] & 15);
        let number = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// Writes a program that is run at once. Another process writes it, for a file that we have open for writing is so too in what another
/// thread happens to start just then, and cannot be run as long as it is ("Text file busy").
pub fn write_program(path: &Path, text: &str) {
    let mut install = Command::new("install");
    install.args(["-m", "755", "/dev/stdin"]).arg(path);
    run(install, text).fine();
}

/// Copies our program to where everybody may run it; by another process, as [`write_program`] does.
pub fn install(path: &Path) {
    let mut install = Command::new("install");
    install.args(["-m", "755", env!("CARGO_BIN_EXE_dreamcatcher")]).arg(path);
    run(install, "").fine();
}

/// Runs a command with this input.
pub fn run(mut command: Command, input: &str) -> Came {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whoever does not ask does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Came::of(child.wait_with_output().unwrap())
}

/// Waits for a condition, not for a time.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
