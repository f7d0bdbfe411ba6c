//! A small world of machines: each has processes, a name, an address, accounts and logs of its own, in namespaces that are gone when the test is.
//!
//! All of them hang on one switch. What a machine has of its own: `/etc`, `/home`, `/root`, `/run`, `/dev` and `/var/log`; the rest is this machine's.

pub mod gate;

use std::{
    fs,
    io::Write,
    os::unix::{
        fs::{PermissionsExt, chown},
        net::UnixDatagram,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use crate::gate::Came;

/// Of the first account that a machine has; the others follow.
pub const FIRST_ACCOUNT: u32 = 30_000;

/// A generator of numbers that is told where it began, so that a run can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn new() -> Self {
        let given = std::env::var("DREAMCATCHER_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| Timestamp::now().as_nanosecond() as u64);
        println!("seed: DREAMCATCHER_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// A name that begins like this and that no other has.
    pub fn name(&mut self, prefix: &str) -> String {
        let letters: String = (0..5).map(|_| char::from(b'a' + self.below(26) as u8)).collect();
        format!("{prefix}{letters}")
    }
}

/// Whether this machine can hold such a world.
pub fn missing() -> Option<&'static str> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    let has = |path: &str| Path::new(path).exists();
    if !is_root {
        Some("the namespaces need root")
    } else if !has("/usr/sbin/sshd") || !has("/usr/bin/ssh") {
        Some("openssh-server and openssh-client are not installed")
    } else if faketime().is_none() || !(has("/usr/sbin/ip") || has("/sbin/ip")) {
        Some("faketime or iproute2 is not installed")
    } else if !can_be_made() {
        Some("this machine lets nobody make namespaces, bridges or veth")
    } else {
        None
    }
}

fn can_be_made() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--mount", "--net", "--uts", "--ipc", "sh", "-c"]);
    probe.arg("ip link add one type bridge && ip link add two type veth peer name three && mount -t tmpfs tmpfs /mnt");
    probe.output().is_ok_and(|out| out.status.success())
}

/// The library that turns a program's clock.
pub fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").unwrap().flatten();
    folders.map(|entry| entry.path().join("faketime/libfaketime.so.1")).find(|path| path.exists())
}

pub fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Waits for a condition, which has to come; a machine that has much else to do gets the time for it.
pub fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_there() {
        assert!(begin.elapsed() < Duration::from_secs(600), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs ssh, and again where the connection was lost before anybody was let in or kept out: that says nothing. It happens where a machine's
/// processes are halted and go on, as the call by which the kernel takes up an interrupted wait again is not one that the sandbox of sshd's child lets
/// pass; and where a login takes longer than sshd's LoginGraceTime.
pub fn persist(command: Command, mut run: impl FnMut(Command) -> Came) -> Came {
    let lost = ["Connection closed by ", "Connection reset by ", "kex_exchange_identification: "];
    for _ in 0..10 {
        let mut again = Command::new(command.get_program());
        again.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => again.env(name, value),
                None => again.env_remove(name),
            };
        }
        let came = run(again);
        if came.status != 255 || !came.err.lines().any(|line| lost.iter().any(|lost| line.starts_with(lost))) {
            return came;
        }
        println!("lost, so tried again: {command:?}: {}", came.err);
    }
    panic!("{command:?} was lost ten times");
}

/// A process that holds namespaces, and ends with the test. When it is dropped, all that runs in them is ended.
struct Namespaces(Child);

impl Namespaces {
    fn new(script: &str, ready: &Path) -> Self {
        let mut holder = Command::new("setpriv");
        holder.args(["--pdeathsig", "KILL", "unshare", "--mount", "--net", "--uts", "--ipc", "bash", "-c"]);
        let script = format!("set -e\n{script}\ntouch {}\nexec sleep infinity", ready.display());
        let mut holder = Self(holder.arg(script).stdin(Stdio::null()).spawn().unwrap());
        wait_for("namespaces", || {
            assert_eq!(holder.0.try_wait().unwrap(), None, "what makes them has failed");
            ready.exists()
        });
        holder
    }

    fn id(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
        let own = network(&self.id());
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        for process in all.filter(|process| own.is_some() && network(process) == own) {
            let _ = Command::new("kill").args(["-KILL", &process]).stderr(Stdio::null()).status();
        }
        let _ = self.0.wait();
    }
}

/// One machine.
pub struct Machine {
    pub name: String,
    pub address: String,
    /// What it has of its own, seen from outside.
    folder: PathBuf,
    log: PathBuf,
    inside: Namespaces,
    sshd: Option<Child>,
    /// By how many seconds its clock is wrong.
    clock: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
    syslog: Option<JoinHandle<()>>,
}

/// The world.
pub struct World {
    pub folder: PathBuf,
    switch: Namespaces,
    accounts: Vec<(String, String)>,
    made: usize,
}

impl World {
    /// A world without machines. Each will have these accounts, with a password or, where that is empty, with none that is right.
    pub fn new(folder: &Path, accounts: &[(&str, &str)]) -> Self {
        let folder = folder.to_owned();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let hash = |password: &str| match password {
            "" => "*".to_owned(),
            password => run(Command::new("openssl").args(["passwd", "-6", password])).trim().to_owned(),
        };
        let accounts = accounts.iter().map(|(account, password)| ((*account).to_owned(), hash(password))).collect();
        let script = "ip link set lo up\nip link add switch type bridge\nip link set switch up";
        let switch = Namespaces::new(script, &folder.join("switch"));
        Self { folder, switch, accounts, made: 0 }
    }

    /// A further machine, with its address, and a log in lines that begin as rsyslog's do, or did.
    pub fn machine(&mut self, name: &str, address: &str, with_year: bool) -> Machine {
        let folder = self.folder.join("machines").join(name);
        let log = self.folder.join("logs").join(name);
        for below in ["home", "dev", "etc", "root/.ssh"] {
            fs::create_dir_all(folder.join(below)).unwrap();
        }
        fs::create_dir_all(&log).unwrap();
        // Programs write these only where they are there.
        ["wtmp", "btmp"].iter().for_each(|file| fs::write(log.join(file), "").unwrap());
        run(Command::new("cp").args(["-a", "/etc/.", &folder.join("etc").display().to_string()]));
        self.add_accounts(&folder);
        new_host_key(&folder.join("etc/ssh"));
        append(&folder.join("root/.ssh/config"), "StrictHostKeyChecking accept-new\nLogLevel ERROR\n");
        let inside = Namespaces::new(&script(name, &folder, &log), &folder.join("ready"));
        self.made += 1;
        let (plug, first) = (format!("port{}", self.made), inside.id());
        let switch = |arguments: &str| {
            let mut command = Command::new("nsenter");
            command.args(["--target", &self.switch.id(), "--net", "ip", "link"]);
            run(command.args(arguments.split(' ')));
        };
        switch(&format!("add {plug} type veth peer name eth0 netns {first}"));
        switch(&format!("set {plug} master switch up"));
        let (clock, stop) = (Arc::<AtomicI64>::default(), Arc::<AtomicBool>::default());
        let socket = UnixDatagram::bind(folder.join("syslog")).unwrap();
        fs::set_permissions(folder.join("syslog"), fs::Permissions::from_mode(0o666)).unwrap();
        let form = if with_year { "%Y-%m-%dT%H:%M:%S%.6f+00:00" } else { "%b %e %H:%M:%S" };
        let taken = (log.join("auth.log"), name.to_owned(), Arc::clone(&clock), Arc::clone(&stop));
        let syslog = std::thread::spawn(move || take_messages(&socket, form, taken));
        let (name, address) = (name.to_owned(), address.to_owned());
        let machine = Machine { name, address, folder, log, inside, sshd: None, clock, stop, syslog: Some(syslog) };
        // Everybody is on the same wire, whatever their network is called.
        for arguments in
            ["link set eth0 up", &format!("addr add {}/32 dev eth0", machine.address), "route add default dev eth0"]
        {
            run(machine.command("ip").args(arguments.split(' ')));
        }
        machine
    }

    fn add_accounts(&self, folder: &Path) {
        let (mut passwd, mut shadow, mut group) = (String::new(), String::new(), String::new());
        for (id, (account, hash)) in (FIRST_ACCOUNT..).zip(&self.accounts) {
            let home = folder.join("home").join(account);
            fs::create_dir_all(home.join(".ssh")).unwrap();
            for path in [&home, &home.join(".ssh")] {
                fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
                chown(path, Some(id), Some(id)).unwrap();
            }
            passwd += &format!("{account}:x:{id}:{id}::/home/{account}:/bin/sh\n");
            shadow += &format!("{account}:{hash}:19000:0:99999:7:::\n");
            group += &format!("{account}:x:{id}:\n");
        }
        for (file, lines) in [("passwd", passwd), ("shadow", shadow), ("group", group)] {
            append(&folder.join("etc").join(file), &lines);
        }
    }
}

/// Tells each machine what all of them are called.
pub fn introduce(machines: &[&Machine]) {
    let lines: String = machines.iter().map(|one| format!("{} {}\n", one.address, one.name)).collect();
    machines.iter().for_each(|machine| append(&machine.path("/etc/hosts"), &lines));
}

/// Makes a key without a passphrase.
pub fn new_key(path: &Path) {
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(path));
}

/// The fingerprint of a key, by the path of its private half.
pub fn fingerprint(key: &Path) -> String {
    let told = run(Command::new("ssh-keygen").args(["-l", "-f"]).arg(key.with_extension("pub")));
    told.split(' ').nth(1).unwrap().to_owned()
}

/// A machine's host key is its own.
fn new_host_key(etc: &Path) {
    for file in fs::read_dir(etc).unwrap().map(|entry| entry.unwrap().path()) {
        if file.file_name().unwrap().to_string_lossy().starts_with("ssh_host_") {
            fs::remove_file(file).unwrap();
        }
    }
    new_key(&etc.join("ssh_host_ed25519_key"));
}

/// Adds to a file.
pub fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// What makes a machine of namespaces.
fn script(name: &str, folder: &Path, log: &Path) -> String {
    let (here, log) = (folder.display(), log.display());
    format!(
        "hostname {name}\nip link set lo up\n\
         mount -t tmpfs -o mode=755 dev {here}/dev\ncd {here}/dev\nmkdir pts shm\n\
         for node in null zero full random urandom tty; do touch $node; mount --bind /dev/$node $node; done\n\
         mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts pts\n\
         ln -s pts/ptmx ptmx\nln -s /proc/self/fd fd\nln -s {here}/syslog log\ncd /\n\
         mount --rbind {here}/dev /dev\nmount --bind {here}/home /home\nmount --bind {here}/root /root\nmount --bind {log} /var/log\n\
         mount -t tmpfs -o mode=755 run /run\nmkdir /run/sshd /run/lock\ntouch /run/utmp\n\
         mount --bind {here}/etc /etc"
    )
}

/// Writes what the machine's programs tell syslog into its log, as syslogd does.
fn take_messages(
    socket: &UnixDatagram,
    form: &str,
    (log, name, clock, stop): (PathBuf, String, Arc<AtomicI64>, Arc<AtomicBool>),
) {
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut message = [0; 8192];
    loop {
        match socket.recv(&mut message) {
            Ok(length) => {
                // `<38>Nov 22 05:28:45 sshd[1605]: …`: the time is the host's, its name comes behind it.
                let text = String::from_utf8_lossy(&message[..length]).into_owned();
                let text = text.split_once('>').map_or(text.as_str(), |(_, text)| text);
                let now = Timestamp::now() + SignedDuration::from_secs(clock.load(Relaxed));
                let text = text.get(15..).unwrap_or_default().trim_end_matches(['\n', '\0']);
                append(&log, &format!("{} {name}{text}\n", now.strftime(form)));
            }
            Err(_) if stop.load(Relaxed) => return,
            Err(_) => {}
        }
    }
}

impl Machine {
    /// A command inside, as root.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.inside.id(), "--mount", "--net", "--uts", "--ipc"]);
        command.args(["--wdns=/", program]).env_remove("SSH_AUTH_SOCK").env("HOME", "/root");
        command
    }

    /// Where a path inside is, seen from outside; below `/etc` and `/home`.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.join(inside.trim_start_matches('/'))
    }

    /// The machine's log.
    pub fn log(&self) -> PathBuf {
        self.log.join("auth.log")
    }

    pub fn logged(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// How many lines of the log hold this.
    pub fn count(&self, text: &str) -> usize {
        self.logged().lines().filter(|line| line.contains(text)).count()
    }

    /// Writes a file of an account, as its own.
    pub fn give(&self, account: u32, inside: &str, text: &str) {
        let path = self.path(inside);
        append(&path, text);
        chown(&path, Some(FIRST_ACCOUNT + account), Some(FIRST_ACCOUNT + account)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Makes the machine's clock wrong by so many seconds, for whatever is started from here on and for its log.
    pub fn turn_clock(&self, seconds: i64) {
        self.clock.store(seconds, Relaxed);
        fs::write(self.path("/etc/faketimerc"), format!("{seconds:+}\n")).unwrap();
        fs::write(self.path("/etc/ld.so.preload"), format!("{}\n", faketime().unwrap().display())).unwrap();
    }

    /// Starts sshd with what stands in `/etc/ssh`.
    pub fn start_sshd(&mut self) {
        let before = self.count("Server listening on");
        let mut sshd = self.command("setpriv");
        sshd.args(["--pdeathsig", "KILL", "/usr/sbin/sshd", "-D"]);
        self.sshd = Some(sshd.stdin(Stdio::null()).spawn().unwrap());
        wait_for("sshd", || self.count("Server listening on") > before);
    }

    /// Ends sshd, not its sessions.
    pub fn stop_sshd(&mut self) {
        let mut sshd = self.sshd.take().unwrap();
        run(Command::new("kill").arg(sshd.id().to_string()));
        sshd.wait().unwrap();
    }

    /// Waits until every connection has ended, and what tells of it is in the log.
    pub fn settle(&self) {
        let ends = ["Connection closed by ", "Connection reset by ", "Disconnected from "];
        wait_for("the end of all connections", || {
            let over: usize = ends.iter().map(|end| self.count(&format!(": {end}"))).sum();
            let sessions = |what: &str| self.count(&format!("pam_unix(sshd:session): session {what}"));
            self.count(": Connection from ") <= over && sessions("opened") <= sessions("closed")
        });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(sshd) = &mut self.sshd {
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
        if let Some(syslog) = self.syslog.take() {
            let _ = syslog.join();
        }
    }
}
