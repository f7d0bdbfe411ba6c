//! A session ends with the certificate that opened it. sshd looks at a certificate's time, and whether it is revoked, when it lets somebody in, and not
//! again; so PAM starts a watch with each session.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use ssh_key::Certificate;

use crate::{
    ca::revokes,
    error::{Error, Result},
};

/// The longest sleep: a clock that is set while a session lasts counts soon.
const LOOK: Duration = Duration::from_secs(10);
/// How long processes get to end by themselves.
const GRACE: Duration = Duration::from_secs(3);

/// The longest list of what is revoked that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// The certificates that opened a session, from what sshd tells PAM in `SSH_AUTH_INFO_0`: a line for each method that succeeded,
/// `publickey ssh-ed25519-cert-v01@openssh.com AAAA…`.
pub fn certificates(authentication: &str) -> Vec<Certificate> {
    let certificate = |line: &str| line.strip_prefix("publickey ").and_then(|key| Certificate::from_openssh(key).ok());
    authentication.lines().filter_map(certificate).collect()
}

/// Until when certificates hold: the first of them to end. `None` where there are none, or they have no end.
pub fn until(certificates: &[Certificate]) -> Option<Timestamp> {
    let ends = certificates.iter().map(Certificate::valid_before);
    ends.filter_map(|second| Timestamp::from_second(i64::try_from(second).ok()?).ok()).min()
}

/// A watch over a session.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The process of sshd that holds the session.
    pub process: i32,
    /// When that process began, as the kernel counts: another process may get its number.
    pub began: u64,
    /// When the session has to be over.
    pub until: Timestamp,
    /// The certificates that opened it.
    pub certificates: Vec<Certificate>,
    /// The list of what is revoked, as sshd's `RevokedKeys` has it.
    pub revoked: Option<PathBuf>,
}

impl Watch {
    /// Waits until the session is over, or its time is, or a certificate of it is revoked, and ends it then. Returns whether it had to.
    pub fn keep(&self, clock: fn() -> Timestamp) -> bool {
        loop {
            if stat(self.process).is_none_or(|stat| stat.began != self.began) {
                return false;
            }
            let left = self.until.duration_since(clock());
            if left <= SignedDuration::ZERO || self.is_revoked() {
                break;
            }
            std::thread::sleep(Duration::try_from(left).unwrap_or(LOOK).min(LOOK));
        }
        let all = self.processes();
        signal(&all, Signal::TERM);
        std::thread::sleep(GRACE);
        // Those of before, and what they have begun since; each only if it is still the same.
        signal(
            &all.union(&self.processes())
                .copied()
                .filter(|one| stat(one.0).is_some_and(|now| now.began == one.1))
                .collect(),
            Signal::KILL,
        );
        true
    }

    /// Whether the list, as it is now, revokes one of the session's certificates. Where it cannot be read the certificate's end still counts.
    fn is_revoked(&self) -> bool {
        let Some(path) = &self.revoked else { return false };
        if fs::metadata(path).is_ok_and(|meta| meta.len() > LONGEST) {
            return false;
        }
        let Ok(list) = fs::read(path) else { return false };
        self.certificates.iter().any(|certificate| revokes(&list, certificate).unwrap_or(false))
    }

    /// The session's processes, each with when it began: sshd's, and all that come of them.
    fn processes(&self) -> BTreeSet<(i32, u64)> {
        let Ok(entries) = fs::read_dir("/proc") else { return BTreeSet::new() };
        let number = |entry: fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let all: Vec<(i32, Stat)> = entries
            .flatten()
            .filter_map(number)
            .filter_map(|process| stat(process).map(|stat| (process, stat)))
            .collect();
        let mut found: BTreeSet<(i32, u64)> = all
            .iter()
            .filter(|(process, stat)| *process == self.process && stat.began == self.began)
            .map(|(process, stat)| (*process, stat.began))
            .collect();
        let mut waiting: Vec<i32> = found.iter().map(|(process, _)| *process).collect();
        while let Some(parent) = waiting.pop() {
            for (process, stat) in all.iter().filter(|(_, stat)| stat.parent == parent) {
                if found.insert((*process, stat.began)) {
                    waiting.push(*process);
                }
            }
        }
        found
    }
}

/// The process of sshd that runs PAM, our parent, and when it began.
///
/// # Errors
/// Where our parent is another program.
pub fn sshd() -> Result<(i32, u64)> {
    let process = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
    match stat(process) {
        Some(stat) if stat.name.starts_with("sshd") => Ok((process, stat.began)),
        _ => Err(Error::Usage("expected to be run by sshd through PAM".into())),
    }
}

/// Sends a signal to processes; one that is gone needs none.
fn signal(processes: &BTreeSet<(i32, u64)>, signal: Signal) {
    for pid in processes.iter().filter_map(|(process, _)| Pid::from_raw(*process)) {
        let _ = kill_process(pid, signal);
    }
}

/// What the kernel tells of a process.
struct Stat {
    name: String,
    parent: i32,
    began: u64,
}

/// Reads `/proc/PID/stat` (proc(5)); a name may hold blanks and parentheses, so it reaches to the last one.
fn stat(process: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (before, after) = text.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split_whitespace().collect();
    Some(Stat { name, parent: fields.get(1)?.parse().ok()?, began: fields.get(19)?.parse().ok()? })
}
