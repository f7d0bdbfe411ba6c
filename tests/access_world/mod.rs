//! A small world with real sshds: accounts, addresses and logs of its own, in namespaces that are gone when it ends.

use std::{
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

/// A generator of numbers that is told where it began, so that a run can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn new() -> Self {
        let given = std::env::var("DREAMCATCHER_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| jiff::Timestamp::now().as_nanosecond() as u64);
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
    } else if !has("/usr/bin/faketime") || !(has("/usr/sbin/ip") || has("/sbin/ip")) {
        Some("faketime or iproute2 is not installed")
    } else {
        None
    }
}

/// One server: its name, address, and what its sshd trusts.
pub struct Server {
    pub name: String,
    pub address: String,
}

/// The world.
pub struct World {
    pub folder: PathBuf,
    holder: Child,
    stop: Arc<AtomicBool>,
    /// How many minutes the clocks behind all logs are wrong.
    clock: Arc<AtomicI64>,
    logs: Vec<JoinHandle<()>>,
    daemons: Vec<Child>,
    made_dev_log: bool,
}

pub fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Waits for a condition, which has to come.
pub fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_there() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not come");
}

impl World {
    /// A network with these addresses and no other, and accounts that every server has.
    pub fn new(folder: &Path, addresses: &[&str], accounts: &[(&str, &str)]) -> Self {
        let folder = folder.to_owned();
        let mut script = String::from("set -e\nip link set lo up\n");
        addresses.iter().for_each(|address| script += &format!("ip addr add {address}/32 dev lo\n"));
        let (mut passwd, mut shadow) = (String::new(), String::new());
        for (name, line) in [("passwd", &mut passwd), ("shadow", &mut shadow)] {
            *line = fs::read_to_string(format!("/etc/{name}")).unwrap();
        }
        for (number, (account, password)) in accounts.iter().enumerate() {
            let (id, home) = (30_000 + number, folder.join("home").join(account));
            fs::create_dir_all(home.join(".ssh")).unwrap();
            run(Command::new("chown").arg("-R").arg(format!("{id}:{id}")).arg(&home));
            let hash = run(Command::new("openssl").args(["passwd", "-6", password]));
            passwd += &format!("{account}:x:{id}:{id}::{}:/bin/sh\n", home.display());
            shadow += &format!("{account}:{}:19000:0:99999:7:::\n", hash.trim());
        }
        fs::write(folder.join("passwd"), passwd).unwrap();
        fs::write(folder.join("shadow"), shadow).unwrap();
        let here = folder.display();
        script += &format!(
            "mount --bind {here}/passwd /etc/passwd\nmount --bind {here}/shadow /etc/shadow\nmkdir -p /run/sshd\n\
             echo ready > {here}/ready\nexec sleep 3600\n"
        );
        let made_dev_log = !Path::new("/dev/log").exists();
        if made_dev_log {
            fs::write("/dev/log", "").unwrap();
        }
        let holder = Command::new("unshare").args(["--mount", "--net", "bash", "-c", &script]).spawn().unwrap();
        wait_for("the network", || folder.join("ready").exists());
        let stop = Arc::new(AtomicBool::new(false));
        let clock = Arc::default();
        Self { folder, holder, stop, clock, logs: Vec::new(), daemons: Vec::new(), made_dev_log }
    }

    /// A command inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string(), "--mount", "--net", program]);
        command
    }

    /// Where a server's log is written, as syslogd does.
    pub fn log(&self, server: &str) -> PathBuf {
        self.folder.join("logs").join(server).join("auth.log")
    }

    /// Starts what takes a server's messages.
    pub fn syslog(&mut self, server: &str) {
        let log = self.log(server);
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        let socket = UnixDatagram::bind(self.folder.join(format!("{server}.socket"))).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let (stop, clock, server) = (Arc::clone(&self.stop), Arc::clone(&self.clock), server.to_owned());
        let mut file = fs::File::options().create(true).append(true).open(log).unwrap();
        self.logs.push(std::thread::spawn(move || {
            let mut message = [0; 8192];
            loop {
                match socket.recv(&mut message) {
                    Ok(length) => {
                        // `<38>Nov 22 05:28:45 sshd[1605]: …`: the time is the host's, its name comes behind it.
                        let text = String::from_utf8_lossy(&message[..length]).into_owned();
                        let text = text.split_once('>').map_or(text.as_str(), |(_, text)| text);
                        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(clock.load(Relaxed));
                        let time = now.strftime("%b %e %H:%M:%S");
                        writeln!(file, "{time} {server}{}", text.get(15..).unwrap_or_default().trim_end()).unwrap();
                    }
                    Err(_) if stop.load(Relaxed) => return,
                    Err(_) => {}
                }
            }
        }));
    }

    /// Starts an sshd that writes to the log of `server`; `clock` is by how many minutes its clock is wrong, and that of all logs from here on.
    pub fn sshd(&mut self, server: &Server, config: &str, clock: i64) {
        self.clock.store(clock, Relaxed);
        let here = self.folder.display().to_string();
        let name = &server.name;
        let path = self.folder.join(format!("{name}.config"));
        fs::write(&path, config).unwrap();
        let before = if clock == 0 { String::new() } else { format!("faketime -f '{clock:+}m' ") };
        let script = format!(
            "mount --bind {here}/{name}.socket /dev/log && export TZ=UTC && exec {before}/usr/sbin/sshd -D -f {}",
            path.display()
        );
        let mut command = self.command("unshare");
        command.args(["--mount", "bash", "-c", &script]).stderr(Stdio::inherit());
        self.daemons.push(command.spawn().unwrap());
        wait_for("sshd", || {
            self.command("ssh-keyscan")
                .args(["-T", "1", &server.address])
                .output()
                .is_ok_and(|out| !out.stdout.is_empty())
        });
    }

    /// Ends the sshd that was started last.
    pub fn stop_last(&mut self) {
        let mut last = self.daemons.pop().unwrap();
        run(Command::new("kill").arg("--").arg(last.id().to_string()));
        last.wait().unwrap();
    }

    /// Logs in with a key (and its certificate, if there is one beside it), and says whether that worked.
    pub fn login(&self, from: &str, account: &str, to: &Server, key: &Path, what: &str) -> bool {
        let mut command = self.ssh(from, account, to);
        command.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        command.arg("--").arg(what).output().unwrap().status.success()
    }

    /// Logs in with a password.
    pub fn login_by_password(&self, from: &str, account: &str, to: &Server, password: &str) -> bool {
        let ask = self.folder.join("askpass");
        fs::write(&ask, format!("#!/bin/sh\necho '{password}'\n")).unwrap();
        fs::set_permissions(&ask, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = self.ssh(from, account, to);
        command.env("SSH_ASKPASS", &ask).env("SSH_ASKPASS_REQUIRE", "force");
        command.args(["-o", "PreferredAuthentications=password", "-o", "PubkeyAuthentication=no", "true"]);
        command.output().unwrap().status.success()
    }

    fn ssh(&self, from: &str, account: &str, to: &Server) -> Command {
        let mut command = self.command("ssh");
        command.args([
            "-F",
            "none",
            "-b",
            from,
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ]);
        command.args(["-o", "LogLevel=ERROR", &format!("{account}@{}", to.address)]).env_remove("SSH_AUTH_SOCK");
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().chain([&mut self.holder]) {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        self.stop.store(true, Relaxed);
        self.logs.drain(..).for_each(|log| drop(log.join()));
        if self.made_dev_log {
            let _ = fs::remove_file("/dev/log");
        }
    }
}
