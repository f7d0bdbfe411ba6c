//! docs/access.md does what it says: each of its commands is run here, in its order, against Debian's own sshd.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;
#[path = "common/gate.rs"]
mod gate;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
};

use common::root;
use gate::{Came, House, Person, me, run, wait_for};

/// A command of the document, and who runs it.
struct Step {
    who: String,
    command: String,
}

/// The document's commands, and its other blocks by name.
fn read() -> (Vec<Step>, BTreeMap<String, String>) {
    let text = fs::read_to_string(root().join("docs/access.md")).unwrap();
    let (mut steps, mut blocks) = (Vec::new(), BTreeMap::<String, String>::new());
    let mut inside: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &inside) {
            (Some(info), None) => {
                let (kind, name) = info.split_once(' ').unwrap();
                inside = Some((kind.to_owned(), name.to_owned()));
            }
            (Some(_), Some(_)) => inside = None,
            (None, Some((kind, who))) if kind == "sh" => {
                steps.push(Step { who: who.clone(), command: line.to_owned() });
            }
            (None, Some((_, name))) => *blocks.entry(name.clone()).or_default() += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    (steps, blocks)
}

/// What would change the machine that tests run on: accounts, services, modes of folders that are made otherwise here.
fn is_for_the_system(command: &str) -> bool {
    ["useradd ", "chmod ", "systemctl "].iter().any(|verb| command.starts_with(verb))
}

/// The document's world, as far as it has come.
struct World {
    house: House,
    people: BTreeMap<String, Person>,
    waiting: Option<Child>,
    agent: Option<Child>,
}

impl World {
    /// A command with the paths, names and configuration of this world.
    fn translated(&self, step: &Step) -> String {
        let house = &self.house;
        let text = |path: &Path| path.display().to_string();
        let key = text(&house.path(&format!("key-{}", step.who)));
        let etc = text(&house.etc("web01"));
        let own = format!("--etc {etc} --pam {} --key-path {etc}/ssh_host_ed25519_key", text(&house.path("web01-pam")));
        let replaced = [
            ("--program /usr/local/bin/dreamcatcher", format!("--program {}", text(&house.path("dreamcatcher")))),
            ("/var/lib/dreamcatcher-access", text(&house.gate())),
            ("/tmp/invitation-", text(&house.path("invitation-"))),
            (
                "--host-key web01.pub",
                format!("--host-key {etc}/ssh_host_ed25519_key.pub --gate-key {} {own}", text(&house.gate_key())),
            ),
            ("--undo", format!("--undo {own}")),
            ("--apply web01.json", format!("--apply web01.json {own}")),
            ("access@gate.example", "gate".into()),
            ("~/.ssh/id_ed25519", key.clone()),
            ("deploy@web01", "web01".into()),
            ("--as deploy", format!("--as {}", me())),
            ("ssh-agent -a", "ssh-agent -D -a".into()),
        ];
        let mut command = step.command.clone();
        for (from, to) in replaced {
            command = command.replace(from, &to);
        }
        let folder = format!("--folder {}", text(&house.gate()));
        for verb in ["init", "invite", "agent", "host-setup", "rotate-authority"] {
            command = command
                .replace(&format!("dreamcatcher access {verb}"), &format!("dreamcatcher access {verb} {folder}"));
        }
        let config = format!("-F {} -o IdentitiesOnly=yes -i {key}", text(&house.path("ssh_config")));
        command = command.replace("dreamcatcher access", &format!("{} access", text(&house.path("dreamcatcher"))));
        if let Some(rest) = command.strip_prefix("ssh ") {
            command = format!("ssh {config} {rest}");
        }
        if step.command.contains("access ssh") {
            command += &format!(" --ssh-config {}", text(&house.path("config-alice")));
        }
        command
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.house.path("")).env("HOME", self.house.path(""));
        shell.env("SSH_AUTH_SOCK", self.house.path("agent")).env("XDG_DATA_HOME", self.house.path("data"));
        shell
    }

    /// The next code of a person's authenticator, where they have one.
    fn code(&self, who: &str) -> String {
        self.people
            .get(who)
            .map(|person| {
                let offset = self.house.now() - jiff::Timestamp::now().as_second();
                self.house.turn_clock(offset + 30);
                format!("{}\n", person.code(self.house.now()))
            })
            .unwrap_or_default()
    }

    fn play(&mut self, step: &Step) {
        let command = self.translated(step);
        if step.command.ends_with("/fetch-revoked") {
            return self.house.fetch_revoked("web01");
        }
        if step.command.contains(" enrol ") {
            let key = self.house.path(&format!("key-{}", step.who));
            self.house.new_key(&key);
            let person = self.house.enrol_through(self.shell(&command), key);
            self.people.insert(step.who.clone(), person);
            // “Bob does the same with his invitation.”
            let bob = self.house.enrol_by(&self.house.path("invitation-bob"), "bob");
            self.people.insert("bob".to_owned(), bob);
            return;
        }
        // What asks for no code must not be given one: a shell would take it for a command.
        let asks = ["request", "collect", "approve", "access ssh"].iter().any(|verb| step.command.contains(verb));
        let code = if asks { self.code(&step.who) } else { String::new() };
        if step.command.contains("access ssh") {
            return self.begin_to_wait(&command, &code);
        }
        if step.command.starts_with("ssh-agent") {
            self.agent = Some(self.shell(&format!("exec {command}")).stdout(Stdio::null()).spawn().unwrap());
            return wait_for("ssh-agent", || self.house.gate().join("agent.sock").exists());
        }
        let input = if step.command.contains("agent") { "correct horse battery staple\n".to_owned() } else { code };
        let came = run(self.shell(&command), &input);
        if step.command.contains(" request ") {
            came.fails(6, "request 2 waits for the approval of bob or carol");
            let bob = &self.people["bob"];
            self.house.ask_anew(bob, "approve 2").fine();
            return;
        }
        came.fine();
        if step.command.contains("approve 1") {
            let done = self.waiting.take().unwrap().wait_with_output().unwrap();
            assert!(
                done.status.success(),
                "{} {}",
                String::from_utf8_lossy(&done.stdout),
                String::from_utf8_lossy(&done.stderr)
            );
        }
    }

    /// Alice's one command waits for Bob.
    fn begin_to_wait(&mut self, command: &str, code: &str) {
        self.house.start_agent("agent");
        let key = self.house.path("key-alice").display().to_string();
        let config = fs::read_to_string(self.house.path("ssh_config")).unwrap();
        let own = format!("Host gate\n  IdentityFile {key}\n  IdentitiesOnly yes\n{config}");
        fs::write(self.house.path("config-alice"), own).unwrap();
        let mut child =
            self.shell(command).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
        self.waiting = Some(child);
        wait_for("the request", || self.house.count("requested") == 1);
    }
}

/// The document's policy, for this machine: everybody is on loopback, at any hour.
fn policy(text: &str) -> String {
    let text = text.replace("192.0.2.0/24", "127.0.0.0/8").replace("198.51.100.0/24", "127.0.0.0/8");
    text.replace("Mon-Fri 08:00-18:00", "always").replace("\"deploy\"", &format!("\"{}\"", me()))
}

#[test]
fn each_command_of_the_document_works() {
    let (steps, blocks) = read();
    assert!(steps.len() > 20 && blocks["access.conf"].contains("AuthorizedKeysFile"), "{}", steps.len());
    let (main, further): (Vec<&Step>, Vec<&Step>) =
        steps.iter().partition(|step| !needs_a_gate_of_its_own(&step.command));
    let mut world = World { house: House::bare(), people: BTreeMap::new(), waiting: None, agent: None };
    // Each new code turns the gate's clock on by half a minute; it must not come to be ahead of the host's.
    world.house.turn_clock(-240);
    for step in main.into_iter().filter(|step| !is_for_the_system(&step.command)) {
        if step.command == "sshd -t" {
            fs::write(world.house.gate().join("access.toml"), policy(&blocks["access.toml"])).unwrap();
            world.house.open_gate();
            world.house.prepare_server("web01");
            let config = world.house.etc("gate").join("sshd_config");
            let checked: Came = run(world.shell(&format!("/usr/sbin/sshd -t -f {}", config.display())), "");
            checked.fine();
            continue;
        }
        world.play(step);
        if step.command.contains("--apply") {
            world.house.restart_sshd("web01");
        }
    }
    let mut world = World { house: House::bare(), people: BTreeMap::new(), waiting: None, agent: None };
    for step in further {
        world.play(step);
    }
    let _ = world.agent.take().map(|mut agent| agent.kill());
}

/// The gate's account, made as the document says, on a machine whose accounts and homes are its own.
#[test]
fn the_account_of_the_gate_is_made_as_the_document_says() {
    let (steps, _) = read();
    let makes = |step: &&Step| step.who == "root@gate" && is_for_the_system(&step.command);
    let made: Vec<&str> = steps
        .iter()
        .filter(makes)
        .map(|step| step.command.as_str())
        .filter(|one| !one.starts_with("systemctl"))
        .collect();
    assert_eq!(made.len(), 2, "{made:?}");
    let folder = tempfile::tempdir().unwrap();
    let own = format!(
        "cp -a /etc {0}/etc && mount --bind {0}/etc /etc && mount -t tmpfs tmpfs /var/lib",
        folder.path().display()
    );
    let mut alone = Command::new("unshare");
    let is_allowed = alone.args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    if !is_allowed.is_ok_and(|out| out.status.success()) {
        return common::skipped("this machine lets nobody make namespaces");
    }
    let look = "getent passwd access && stat -c '%U %a %F' /var/lib/dreamcatcher-access";
    let script = format!("PATH=/usr/sbin:/usr/bin:/sbin:/bin; set -e; {own}; {}; {look}", made.join("; "));
    let mut machine = Command::new("unshare");
    machine.args(["--mount", "sh", "-c", &script]);
    let told = run(machine, "").fine().out;
    assert!(told.contains(":/var/lib/dreamcatcher-access:/bin/sh\n"), "{told}");
    assert!(told.ends_with("access 700 directory\n"), "{told}");
}

/// The part about an ssh-agent begins anew.
fn needs_a_gate_of_its_own(command: &str) -> bool {
    command.contains("agent.sock") || command == "dreamcatcher access agent"
}
