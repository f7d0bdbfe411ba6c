//! `access init`, `gate`, `invite`, `revoke`, `unlock`, `rotate-authority`, `clock-back`, `agent`, `krl`: what is done on the gate's host.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use access::{
    Error, ca,
    gate::{Begin, Connection, Folder, Gate, LOCAL, NewKey, Settings, Terminal, Visitor},
    private, seal,
};
use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr},
};
use ssh_key::PublicKey;
use zeroize::Zeroizing;

use super::{
    cli::{FolderArguments, GateArguments, InitArguments, RotateArguments, VisitorArguments},
    guard_memory,
};
use crate::{confine::confine, status::Status};

/// The shortest passphrase that is taken.
const SHORTEST: usize = 12;

/// How long what is asked may be answered.
const PATIENCE: Duration = Duration::from_secs(600);

/// `access init`.
pub fn init(arguments: &InitArguments) -> Result<Status> {
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => env::current_exe().context("cannot tell where this program is; use --program")?,
    };
    guard_memory();
    let passphrase = arguments.agent.is_some().then(new_passphrase).transpose()?;
    let settings = Settings { program, agent: arguments.agent.clone() };
    let begin = Begin { settings, passphrase: passphrase.as_ref().map(|text| text.as_str()), now: Timestamp::now() };
    let folder = Folder::begin(&arguments.folder.folder, &begin)?;
    println!("the gate's folder is {}", folder.path().display());
    println!("write the policy to  {}", folder.policy_file().display());
    println!("sshd reads its keys from {}", folder.authorized_keys().display());
    Ok(Status::Finished)
}

/// `access gate`.
pub fn serve(arguments: &GateArguments) -> Result<Status> {
    let connection = connection()?;
    let command = env::var("SSH_ORIGINAL_COMMAND").unwrap_or_default();
    let visitor = visitor(&arguments.visitor)?;
    // What comes from here on is written by others: a person, whoever stole a key.
    confine(&[], &[&arguments.folder.folder]);
    guard_memory();
    let mut gate = Gate::open(&arguments.folder.folder, Timestamp::now)?;
    with_terminal(|terminal| gate.serve(&visitor, connection, &command, terminal))
}

fn visitor(arguments: &VisitorArguments) -> Result<Visitor> {
    match (&arguments.key, arguments.invitation, &arguments.host) {
        (Some(key), _, _) => Ok(Visitor::Key(key.clone())),
        (_, Some(number), _) => Ok(Visitor::Invitation(number)),
        (_, _, Some(host)) => Ok(Visitor::Host(host.clone())),
        _ => bail!("expected --key, --invitation or --host"),
    }
}

/// The connection that the visitor came by, as sshd says: its ends, the visitor's first. As ports come again, when sshd's process for it began
/// belongs to what tells it from others.
fn connection() -> Result<Connection> {
    let ends = env::var("SSH_CONNECTION").unwrap_or_default();
    let source = ends.split(' ').next().and_then(|word| word.split('%').next()?.parse().ok());
    let source = source.context("expected to be run by sshd: SSH_CONNECTION holds no address")?;
    Ok(Connection { source, id: format!("{ends} {}", sshd_began().unwrap_or_default()) })
}

/// When the process of sshd that we run below began, in the ticks of proc(5).
fn sshd_began() -> Option<String> {
    /// sshd may put a shell between us.
    const NEAR: usize = 4;
    let mut process = rustix::process::getppid()?.as_raw_nonzero().get().to_string();
    for _ in 0..NEAR {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // Its name may hold anything, but nothing behind it does.
        let (begin, rest) = stat.rsplit_once(") ")?;
        let mut words = rest.split(' ');
        if begin.split_once('(').is_some_and(|(_, name)| name.starts_with("sshd")) {
            return words.nth(19).map(str::to_owned);
        }
        process = words.nth(1)?.to_owned();
    }
    None
}

/// `access invite`.
pub fn invite(folder: &FolderArguments, person: &str, output: &Path) -> Result<Status> {
    // Before anything is written into the ledger.
    if output.exists() {
        bail!("{}: there is a file already", output.display());
    }
    let invited = open(folder)?.invite(person)?;
    private::create(output, invited.private_key.as_bytes())?;
    println!("invitation {} for {person} holds until {}: {}", invited.invitation, invited.until, output.display());
    println!("give the file to {person} by a way that nobody else can read; it opens the gate once:");
    println!("  ssh -i {} access@GATE enrol \"$(cat ~/.ssh/id_ed25519.pub)\"", output.display());
    Ok(Status::Finished)
}

/// `access revoke`.
pub fn revoke(folder: &FolderArguments, what: &str, reason: &str) -> Result<Status> {
    let mut gate = open(folder)?;
    with_terminal(|terminal| match what.parse() {
        Ok(serial) => gate.revoke(LOCAL, serial, reason, terminal),
        Err(_) if what.starts_with("SHA256:") => gate.revoke_key(LOCAL, what, reason, terminal),
        Err(_) => Err(Error::Usage(format!("expected a serial or SHA256:…, found '{what}'"))),
    })
}

/// `access unlock`.
pub fn unlock(folder: &FolderArguments, person: &str, reason: &str) -> Result<Status> {
    open(folder)?.unlock_person(person, reason)?;
    println!("{person} may try again");
    Ok(Status::Finished)
}

/// `access rotate-authority`.
pub fn rotate(arguments: &RotateArguments) -> Result<Status> {
    let overlap: SignedDuration = arguments
        .overlap
        .parse()
        .ok()
        .with_context(|| format!("expected a length such as 2h, found '{}'", arguments.overlap))?;
    let mut gate = open(&arguments.folder)?;
    let folder = Folder::new(&arguments.folder.folder)?;
    let is_in_agent = folder.settings()?.agent.is_some();
    let key = arguments.public.as_deref().map(PublicKey::read_openssh_file).transpose();
    let key = key.context("cannot read the public key")?;
    let passphrase = (is_in_agent && key.is_none()).then(new_passphrase).transpose()?;
    let new = match (&passphrase, key) {
        (_, Some(key)) => NewKey::InAgent(key),
        (Some(passphrase), None) => NewKey::Passphrase(passphrase),
        (None, None) => NewKey::Sealed,
    };
    println!("{} signs certificates from now on", gate.rotate(&new, overlap, &arguments.reason)?);
    if passphrase.is_some() {
        println!("hand it to the ssh-agent, and take the one before out: dreamcatcher access agent; ssh-add -d");
    }
    println!("hosts learn of it by fetch-revoked, or by host-setup anew; until then they refuse its certificates:");
    print!("{}", gate.authorities()?);
    Ok(Status::Finished)
}

/// `access clock-back`.
pub fn clock_back(folder: &FolderArguments, reason: &str) -> Result<Status> {
    let mut gate = open(folder)?;
    with_terminal(|terminal| gate.clock_back(reason, terminal))
}

/// `access agent`.
pub fn agent(arguments: &FolderArguments) -> Result<Status> {
    let folder = Folder::new(&arguments.folder)?;
    let Some(socket) = folder.settings()?.agent else {
        bail!("gate.toml names no agent: the gate itself holds the authority's key");
    };
    let path = folder.authority_key();
    let sealed = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    guard_memory();
    let passphrase = passphrase("passphrase of the authority's key: ")?;
    let key = seal::unseal_with_passphrase(&passphrase, &path.display().to_string(), &sealed)?;
    ca::unlock(&path, &key, &folder.path().join(socket))?;
    println!("the ssh-agent holds the authority's key");
    Ok(Status::Finished)
}

/// `access krl`.
pub fn krl(folder: &FolderArguments) -> Result<Status> {
    io::stdout().write_all(&open(folder)?.krl()?)?;
    Ok(Status::Finished)
}

/// The gate, for who works on its host. It holds secrets.
pub fn open(arguments: &FolderArguments) -> Result<Gate> {
    guard_memory();
    Ok(Gate::open(&arguments.folder, Timestamp::now)?)
}

/// Does something with standard input, output and error as the terminal.
fn with_terminal(serve: impl FnOnce(&mut Terminal<'_>) -> access::Result<()>) -> Result<Status> {
    let (mut output, mut notes) = (io::stdout().lock(), io::stderr().lock());
    let mut input = BufReader::new(Patient { input: io::stdin(), until: Instant::now() + PATIENCE });
    serve(&mut Terminal { input: &mut input, output: &mut output, notes: &mut notes })?;
    output.flush()?;
    Ok(Status::Finished)
}

/// An input for as long as anyone may be expected to answer: whoever holds a key must not keep processes of the gate.
struct Patient<I> {
    input: I,
    until: Instant,
}

impl<I: AsFd> Read for Patient<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        if rustix::event::poll(&mut [PollFd::new(&self.input, PollFlags::IN)], Some(&left))? == 0 {
            let minutes = PATIENCE.as_secs() / 60;
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("nothing was typed for {minutes} minutes")));
        }
        Ok(rustix::io::read(&self.input, buffer)?)
    }
}

fn new_passphrase() -> Result<Zeroizing<String>> {
    let first = passphrase("passphrase that encrypts the authority's key: ")?;
    if first.chars().count() < SHORTEST {
        bail!("expected a passphrase of at least {SHORTEST} characters");
    }
    if io::stdin().is_terminal() && passphrase("once more: ")? != first {
        bail!("the two passphrases differ");
    }
    Ok(first)
}

/// Reads a passphrase, from a terminal without showing it.
fn passphrase(prompt: &str) -> Result<Zeroizing<String>> {
    let stdin = io::stdin();
    let shown = tcgetattr(&stdin).ok();
    if let Some(shown) = &shown {
        eprint!("{prompt}");
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    let read = stdin.lock().take(1024).read_until(b'\n', &mut bytes);
    if let Some(shown) = shown {
        tcsetattr(&stdin, OptionalActions::Flush, &shown)?;
        eprintln!();
    }
    read.context("cannot read the passphrase")?;
    let text = std::str::from_utf8(&bytes).context("the passphrase is no text")?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_waited_for_without_end() {
        let (input, mut typed) = io::pipe().unwrap();
        let mut patient = Patient { input, until: Instant::now() + Duration::from_millis(20) };
        assert_eq!(patient.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        typed.write_all(b"1").unwrap();
        assert_eq!(patient.read(&mut [0; 8]).unwrap(), 1, "what was typed in time counts");
        drop(typed);
        assert_eq!(patient.read(&mut [0; 8]).unwrap(), 0);
    }
}
