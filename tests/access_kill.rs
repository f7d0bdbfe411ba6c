//! The gate killed at random points under load, a thousand times: no grant is lost, none is doubled, the chain verifies.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read,
    os::unix::fs::DirBuilderExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How many gates are killed.
const KILLS: usize = 1000;
/// How many run at a time.
const AT_ONCE: usize = 6;
/// The most requests that the gate takes of a person in ten minutes.
const EACH: usize = 30;

/// How many connections there were to the gate.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// A gate with people whose keys are of the FIDO kind, so that nobody has to type codes.
struct Gate<'a> {
    folder: &'a Path,
    keys: Vec<String>,
}

impl<'a> Gate<'a> {
    fn new(folder: &'a Path, people: usize) -> Self {
        fs::DirBuilder::new().mode(0o700).create(folder).unwrap();
        let mut gate = Self { folder, keys: Vec::new() };
        let done = gate.program(&["init"]).args(["--program", "/usr/local/bin/dreamcatcher"]).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let names: Vec<String> = (0..people).map(|number| format!("\"p{number}\"")).collect();
        let policy = format!(
            "[providers.many]\npeople = [{}]\nnetworks = [\"192.0.2.0/24\"]\n[hosts.web01]\n[[rules]]\nname = \"all\"\nwho = [\"many\"]\n\
             hosts = [\"web01\"]\naccounts = [\"deploy\"]\nwhen = [\"always\"]\nat_most = \"1h\"\n",
            names.join(", ")
        );
        fs::write(folder.join("access.toml"), policy).unwrap();
        for number in 0..people {
            gate.enrol(number);
        }
        gate
    }

    /// `dreamcatcher access COMMAND --folder …`.
    fn program(&self, command: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_dreamcatcher"));
        program.arg("access").args(command).arg("--folder").arg(self.folder);
        // A touch counts for one connection.
        let port = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        program.env("SSH_CONNECTION", format!("192.0.2.7 {port} 192.0.2.1 22")).stdin(Stdio::null());
        program
    }

    fn enrol(&mut self, number: usize) {
        let invitation = self.folder.join(format!("invitation-{number}"));
        let mut invite = self.program(&["invite", &format!("p{number}")]);
        assert!(invite.arg("--output").arg(&invitation).output().unwrap().status.success());
        let mut enrol = self.program(&["gate"]);
        enrol.args(["--invitation", &(number + 1).to_string()]);
        let out = enrol.env("SSH_ORIGINAL_COMMAND", format!("enrol {}", fido_key(number))).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.starts_with("SHA256:"), "{text} {}", String::from_utf8_lossy(&out.stderr));
        self.keys.push(text.split(' ').next().unwrap().to_owned());
    }

    /// Starts a gate that is asked for a login.
    fn ask(&self, person: usize) -> Child {
        let mut gate = self.program(&["gate"]);
        gate.args(["--key", &self.keys[person]]).env("SSH_ORIGINAL_COMMAND", "request web01 --as deploy");
        gate.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn entries(&self) -> Vec<Value> {
        let ledger = self.folder.join("ledger.db");
        let program =
            Command::new(env!("CARGO_BIN_EXE_dreamcatcher")).args(["access", "ledger", "export"]).arg(ledger).output();
        let out = program.unwrap();
        assert!(out.status.success(), "the chain verifies: {}", String::from_utf8_lossy(&out.stderr));
        let lines = String::from_utf8(out.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"]["what"].clone()).collect()
    }
}

/// A public key of the FIDO kind, by its number; nobody has the private one.
fn fido_key(number: usize) -> String {
    let mut blob = Vec::new();
    let mut add = |bytes: &[u8]| {
        blob.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        blob.extend(bytes);
    };
    let mut point = [0; 32];
    point[..8].copy_from_slice(&(number as u64 + 1).to_le_bytes());
    add(b"sk-ssh-ed25519@openssh.com");
    add(&point);
    add(b"ssh:");
    format!("sk-ssh-ed25519@openssh.com {}", data_encoding::BASE64.encode(&blob))
}

/// Kills a gate after some microseconds, if it is not done by then. Returns whether it was killed, and what it had handed out.
fn kill(mut child: Child, after: Duration) -> (bool, String) {
    let end = Instant::now() + after;
    while Instant::now() < end && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    let killed = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.wait().unwrap();
    (killed, out)
}

/// The next number between 0 and 1 (SplitMix64).
fn fraction(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn a_gate_killed_a_thousand_times_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let gate_folder = folder.path().join("gate");
    let gate = Gate::new(&gate_folder, 4 * KILLS / EACH);
    let mut random = u64::from(std::process::id());
    println!("seed {random}");
    // How long one takes that is not killed, so that kills fall into all of its life.
    let mut handed_out = Vec::new();
    let lives = (0..5).map(|_| {
        let begin = Instant::now();
        handed_out.push(kill(gate.ask(0), Duration::from_secs(60)).1);
        begin.elapsed()
    });
    let life = lives.min().unwrap();
    let (mut kills, mut asked) = (0, handed_out.len());
    while kills < KILLS {
        let together = (0..AT_ONCE).map(|more| {
            let person = (asked + more) / EACH;
            assert!(person < gate.keys.len(), "after {asked} requests only {kills} were killed");
            let (child, after) = (gate.ask(person), life.mul_f64(3.0 * fraction(&mut random)));
            std::thread::spawn(move || kill(child, after))
        });
        for (killed, out) in together.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()) {
            kills += usize::from(killed);
            handed_out.push(out);
        }
        asked += AT_ONCE;
    }

    let entries = gate.entries();
    let granted: Vec<&Value> = entries.iter().filter_map(|what| what.get("granted")).collect();
    let serials: Vec<u64> = granted.iter().map(|granted| granted["serial"].as_u64().unwrap()).collect();
    assert_eq!(serials, (1..=granted.len() as u64).collect::<Vec<_>>(), "counted up without a gap");
    let requests: BTreeSet<u64> = granted.iter().map(|granted| granted["request"].as_u64().unwrap()).collect();
    assert_eq!(requests.len(), granted.len(), "one grant a request");
    let by_serial: BTreeMap<u64, &Value> = serials.iter().copied().zip(granted.iter().copied()).collect();
    let mut seen = BTreeSet::new();
    for line in handed_out.iter().filter(|out| out.ends_with('\n')) {
        let certificate = ssh_key::Certificate::from_openssh(line.trim()).unwrap();
        let granted = by_serial[&certificate.serial()];
        assert_eq!(granted["key_id"], certificate.key_id(), "what was handed out stands in the ledger");
        assert!(seen.insert(certificate.serial()), "no serial twice");
    }
    assert!(
        seen.len() > 20 && granted.len() < asked,
        "{} of {asked} were handed out, {} granted",
        seen.len(),
        granted.len()
    );
    println!("{kills} of {asked} gates killed; {} grants, {} certificates handed out", granted.len(), seen.len());
    // And it goes on.
    let (_, out) = kill(gate.ask(gate.keys.len() - 1), Duration::from_secs(60));
    assert!(out.starts_with("sk-ssh-"), "{out}");
}
