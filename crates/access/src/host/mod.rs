//! What a host's sshd needs so that certificates of the gate open it, and nothing but them: files, a check, and the way back.
//!
//! ```text
//! gate: policy ──▶ Setup ──JSON──▶ host: written ──sshd -t, sshd -T──▶ kept, or taken back
//! ```

mod apply;
mod session;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub use apply::{apply, undo};
pub use session::{Watch, certificates, sshd, until};

use crate::{
    error::{Error, Result},
    factor::key,
    grant::principal,
    policy::Policy,
};

/// The folder of our files beside sshd's configuration.
const FOLDER: &str = "dreamcatcher";
/// The file that sshd's `Include` finds; the first value that sshd reads is the one that counts.
const CONFIGURATION: &str = "sshd_config.d/00-dreamcatcher.conf";

/// What the gate is called in the `known_hosts` of [`fetch`], wherever it is reached.
const GATE: &str = "gate";

/// What a host's sshd needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The host, by the policy's name for it.
    pub host: String,
    /// The folder of sshd's configuration.
    pub etc: PathBuf,
    /// Files below that folder.
    pub files: Vec<Item>,
    /// The file of PAM that gets a line, so that sessions end with their certificate.
    pub pam: PathBuf,
    /// This program on the host.
    pub program: PathBuf,
    /// What sshd has to say of itself afterwards: names and values as `sshd -T` prints them.
    pub effective: Vec<(String, String)>,
    /// The accounts of standing access, each with what sshd has to say otherwise of it.
    pub standing: BTreeMap<String, Vec<(String, String)>>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Below the folder of sshd's configuration.
    pub path: PathBuf,
    /// Its mode.
    pub mode: u32,
    /// What stands in it, in Base64 as not all of it is text.
    #[serde(with = "base64")]
    pub bytes: Vec<u8>,
}

/// What the gate knows beside the policy.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The public keys of the authorities that the host is to trust, a line each.
    pub authorities: &'a str,
    /// What is revoked, in OpenSSH's format.
    pub krl: &'a [u8],
    /// The path of the host's private key, on the host, and its certificate, if it has one.
    pub certificate: Option<(&'a Path, &'a str)>,
    /// Where hosts reach the gate, `access@gate.example`, and the public key of its sshd.
    pub gate: Option<(&'a str, &'a str)>,
    /// Where the host keeps keys of standing access, as sshd's `AuthorizedKeysFile` has it.
    pub authorized_keys: &'a str,
    /// The folder of sshd's configuration on the host.
    pub etc: &'a Path,
    /// The file of PAM for sshd on the host.
    pub pam: &'a Path,
    /// This program on the host.
    pub program: &'a Path,
}

impl Setup {
    /// What the host of this name needs.
    pub fn new(policy: &Policy, host: &str, facts: &Facts<'_>) -> Result<Self> {
        let Some(host) = policy.host(host) else {
            return Err(Error::Usage(format!("the policy knows no host called {host}")));
        };
        let folder = facts.etc.join(FOLDER);
        let rules = policy.rules.iter().filter(|rule| rule.scope.hosts.contains(&host.id));
        let accounts: BTreeSet<&String> = rules.flat_map(|rule| &rule.scope.accounts).collect();
        let mut files =
            vec![Item::new("authority.pub", 0o644, facts.authorities), Item::new("revoked", 0o644, facts.krl)];
        for account in accounts {
            let line = format!("{}\n", principal(account, &host.id));
            files.push(Item::new(&format!("principals/{account}"), 0o644, line));
        }
        if let Some((key, certificate)) = facts.certificate {
            files.push(Item::new("host-cert.pub", 0o644, format!("{certificate}\n")));
            if let Some((gate, gate_key)) = facts.gate {
                files.push(Item::new("known_hosts", 0o644, format!("{GATE} {}\n", public_key(gate_key)?)));
                files.push(Item::new("fetch-revoked", 0o755, fetch(gate, key, &folder)));
            }
        }
        let (lines, standing) = (configuration(facts), standing(policy, &host.id, facts));
        let text = written(&host.id, &lines, &standing);
        files.push(Item { path: CONFIGURATION.into(), mode: 0o644, bytes: text.into_bytes() });
        let told = |(name, value): (&str, String)| (name.to_ascii_lowercase(), value);
        let effective = lines.into_iter().map(told).collect();
        let standing = standing.into_iter().map(|(who, lines)| (who, lines.into_iter().map(told).collect())).collect();
        let (etc, pam, program) = (facts.etc.to_owned(), facts.pam.to_owned(), facts.program.to_owned());
        Ok(Self { host: host.id.clone(), etc, files, pam, program, effective, standing })
    }

    /// What would be written, for people.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            let path = self.etc.join(&file.path);
            text.push_str(&format!("{} (mode {:04o}):\n", path.display(), file.mode));
            match std::str::from_utf8(&file.bytes) {
                Ok(lines) => lines.lines().for_each(|line| text.push_str(&format!("    {line}\n"))),
                Err(_) => text.push_str(&format!("    {} bytes\n", file.bytes.len())),
            }
        }
        text.push_str(&format!(
            "a line before PAM's session lines in {}:\n    {}\n",
            self.pam.display(),
            self.pam_line()
        ));
        text
    }

    /// The line by which PAM starts the watch over a session, the first of its session lines: what runs before could put variables of the account's
    /// choice (`pam_env.so user_readenv=1`) into its environment, and it runs as root. Optional: a host whose watch fails still lets its administrators in, and
    /// the accounting finds sessions that outlast their grant.
    fn pam_line(&self) -> String {
        let (program, revoked) = (self.program.display(), self.etc.join(FOLDER).join("revoked"));
        format!(
            "session optional pam_exec.so quiet type=open_session {program} access session --revoked {} # dreamcatcher",
            revoked.display()
        )
    }
}

impl Item {
    /// A file in our folder.
    fn new(name: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: Path::new(FOLDER).join(name), mode, bytes: bytes.into() }
    }
}

/// A setting of sshd: its name and value.
type Setting = (&'static str, String);

/// What holds for every account: passwords and plain keys open nothing.
fn configuration(facts: &Facts<'_>) -> Vec<Setting> {
    let at = |name: &str| facts.etc.join(FOLDER).join(name).display().to_string();
    let mut lines = vec![
        ("TrustedUserCAKeys", at("authority.pub")),
        ("AuthorizedPrincipalsFile", at("principals/%u")),
        ("AuthorizedPrincipalsCommand", "none".into()),
        ("RevokedKeys", at("revoked")),
        ("LogLevel", "VERBOSE".into()),
        ("PubkeyAuthentication", "yes".into()),
        ("PasswordAuthentication", "no".into()),
        ("AuthorizedKeysFile", "none".into()),
        ("AuthorizedKeysCommand", "none".into()),
        ("KbdInteractiveAuthentication", "no".into()),
        ("HostbasedAuthentication", "no".into()),
        ("GSSAPIAuthentication", "no".into()),
        ("UsePAM", "yes".into()),
    ];
    if facts.certificate.is_some() {
        lines.push(("HostCertificate", at("host-cert.pub")));
    }
    lines
}

/// What holds otherwise for accounts of standing access.
fn standing(policy: &Policy, host: &str, facts: &Facts<'_>) -> BTreeMap<String, Vec<Setting>> {
    let mut settings = BTreeMap::<String, Vec<Setting>>::new();
    for standing in policy.standing.iter().filter(|standing| standing.scope.hosts.iter().any(|one| one == host)) {
        let keys = (!standing.keys.is_empty()).then(|| ("AuthorizedKeysFile", facts.authorized_keys.to_owned()));
        let password = standing.password.then(|| ("PasswordAuthentication", "yes".to_owned()));
        for setting in keys.into_iter().chain(password) {
            for account in &standing.scope.accounts {
                let known = settings.entry(account.clone()).or_default();
                if !known.contains(&setting) {
                    known.push(setting.clone());
                }
            }
        }
    }
    settings
}

/// The file of sshd's configuration.
fn written(host: &str, lines: &[Setting], standing: &BTreeMap<String, Vec<Setting>>) -> String {
    let mut text = format!("# {host}: written by dreamcatcher access host-setup; taken back by its --undo.\n");
    lines.iter().for_each(|(name, value)| text.push_str(&format!("{name} {value}\n")));
    for (account, lines) in standing {
        text.push_str(&format!("Match User {account}\n"));
        lines.iter().for_each(|(name, value)| text.push_str(&format!("    {name} {value}\n")));
    }
    if !standing.is_empty() {
        text.push_str("Match all\n");
    }
    text
}

/// A key as a line of `known_hosts` has it: its type and the key, without a comment.
fn public_key(line: &str) -> Result<String> {
    let mut key: ssh_key::PublicKey =
        line.parse().map_err(|error| Error::Usage(format!("the gate's key: expected a public key, found: {error}")))?;
    key.set_comment("");
    key::line(&key)
}

/// A script that fetches what is revoked and whom to trust, checks it, and puts it in place whole.
fn fetch(gate: &str, key: &Path, folder: &Path) -> String {
    format!(
        "#!/bin/sh\n# Fetches from the gate what is revoked, and whose certificates to trust; to be run every few minutes by cron or a timer.\n\
         set -eu\nnew=$(mktemp {folder}/revoked.XXXXXX)\ntrap 'rm -f \"$new\"' EXIT\n\
         known='-o UserKnownHostsFile={folder}/known_hosts -o HostKeyAlias={GATE} -o StrictHostKeyChecking=yes'\n\
         ask() {{ ssh -i {key} $known -o IdentitiesOnly=yes -o BatchMode=yes {gate} \"$1\" > \"$new\"; }}\n\
         ask krl\nssh-keygen -Q -l -f \"$new\" > /dev/null\nchmod 644 \"$new\"\nmv \"$new\" {folder}/revoked\n\
         ask authorities\nssh-keygen -l -f \"$new\" > /dev/null\nchmod 644 \"$new\"\nmv \"$new\" {folder}/authority.pub\n",
        folder = folder.display(),
        key = key.display(),
    )
}

/// Bytes as Base64 in JSON.
mod base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)
    }
}
