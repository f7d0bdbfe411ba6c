//! What can be typed behind `access` on its granting side.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The subcommands of `access` by which access is granted.
#[derive(Debug, Subcommand)]
pub enum GrantCommand {
    /// On the gate: begin, in a folder of the gate's account: keys of the authorities, the ledger.
    Init(InitArguments),
    /// On the gate: what sshd runs for each enrolled key, as its forced command.
    Gate(GateArguments),
    /// On the gate: invite a person to enrol a key. Writes a private key that opens the gate once, within 24 hours.
    Invite {
        #[command(flatten)]
        folder: FolderArguments,
        /// The person, by the policy's name.
        person: String,
        /// Where to write the invitation (mode 0600).
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// On the gate: revoke a grant by its serial, or an enrolled key by its fingerprint.
    Revoke {
        #[command(flatten)]
        folder: FolderArguments,
        /// A grant's serial, or SHA256:….
        what: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// On the gate: let a person who is locked out after wrong codes try again.
    Unlock {
        #[command(flatten)]
        folder: FolderArguments,
        /// The person.
        person: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// On the gate: have another key sign certificates. The one before is trusted for the overlap, and signs no more.
    RotateAuthority(RotateArguments),
    /// On the gate: go on from the right time, where the clock was ahead when the ledger was written last. Staff have to approve, where the
    /// policy says so (`clock_approvals`).
    ClockBack {
        #[command(flatten)]
        folder: FolderArguments,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// On the gate: decrypt the authority's key with its passphrase and hand it to the ssh-agent that gate.toml names.
    Agent(FolderArguments),
    /// On the gate: what is revoked, in OpenSSH's format, to standard output.
    Krl(FolderArguments),
    /// Log in to a host: makes a key, asks the gate, puts key and certificate into ssh-agent, and connects.
    Ssh(SshArguments),
    /// Put a patch or package forward for release: its SHA-256 goes to the gate, where another person has to approve it.
    Release(ReleaseArguments),
    /// Verify or export the ledger.
    Ledger {
        /// What to do with it.
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// What a host's sshd needs: prints it on the gate, writes it on the host with --apply, takes it back with --undo.
    HostSetup(Box<HostSetupArguments>),
    /// On a host: what PAM runs with each session, so that it ends with its certificate.
    #[command(hide = true)]
    Session(SessionArguments),
}

/// Which gate.
#[derive(Args, Debug)]
pub struct FolderArguments {
    /// The gate's folder.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/dreamcatcher-access")]
    pub folder: PathBuf,
}

/// Arguments of `access init`.
#[derive(Args, Debug)]
pub struct InitArguments {
    #[command(flatten)]
    pub folder: FolderArguments,
    /// The path of this program that enrolled keys run. Default: where it is now.
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// An ssh-agent is to hold the authority's key, at this socket: asks for a passphrase that encrypts the key in the folder (from
    /// standard input, if that is no terminal). `access agent` hands the key over after each start of the machine.
    #[arg(long, value_name = "SOCKET")]
    pub agent: Option<PathBuf>,
}

/// Arguments of `access rotate-authority`.
#[derive(Args, Debug)]
pub struct RotateArguments {
    #[command(flatten)]
    pub folder: FolderArguments,
    /// How long hosts trust the key of before, e.g. 2h: longer than any certificate holds that it signed. 0s, where it was stolen, revokes it at once.
    #[arg(long, value_name = "LENGTH")]
    pub overlap: String,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// The new key is in the ssh-agent that gate.toml names, or on a token behind it: its public key.
    #[arg(long, value_name = "FILE")]
    pub public: Option<PathBuf>,
}

/// Arguments of `access gate`.
#[derive(Args, Debug)]
pub struct GateArguments {
    #[command(flatten)]
    pub folder: FolderArguments,
    /// Who came, as authorized_keys says.
    #[command(flatten)]
    pub visitor: VisitorArguments,
}

/// Who came to the gate.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct VisitorArguments {
    /// One with an enrolled key, by its fingerprint.
    #[arg(long, value_name = "SHA256:…")]
    pub key: Option<String>,
    /// One with an invitation, by its number.
    #[arg(long, value_name = "N")]
    pub invitation: Option<u64>,
    /// A host with its certified key.
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
}

/// How to reach the gate.
#[derive(Args, Debug)]
pub struct ReachArguments {
    /// The gate, as ssh is to reach it, e.g. access@gate.example.
    #[arg(long, value_name = "USER@HOST", env = "DREAMCATCHER_GATE")]
    pub gate: String,
    /// The configuration that ssh is to use instead of your own.
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
}

/// Arguments of `access ssh`.
#[derive(Args, Debug)]
pub struct SshArguments {
    /// The host, by the policy's name.
    pub host: String,
    /// The account there.
    #[arg(long = "as", value_name = "ACCOUNT")]
    pub account: String,
    #[command(flatten)]
    pub reach: ReachArguments,
    /// Why.
    #[arg(long)]
    pub reason: Option<String>,
    /// The ticket that the work belongs to.
    #[arg(long)]
    pub ticket: Option<String>,
    /// For how long, e.g. 30m. Default: as long as the rule allows.
    #[arg(long = "for", value_name = "LENGTH")]
    pub length: Option<String>,
    /// How many minutes to wait for approvals.
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub wait: u64,
    /// Break the glass: an emergency, which is always reported.
    #[arg(long)]
    pub break_glass: bool,
    /// Further arguments of ssh, such as a command.
    #[arg(last = true)]
    pub rest: Vec<String>,
}

/// Arguments of `access release`.
#[derive(Args, Debug)]
pub struct ReleaseArguments {
    /// The patch or package.
    pub file: PathBuf,
    /// Why.
    #[arg(long)]
    pub reason: String,
    #[command(flatten)]
    pub reach: ReachArguments,
}

/// The subcommands of `access ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Find any change to the ledger's past. Prints the last entry's number and hash: note them elsewhere.
    Verify {
        /// The ledger.
        ledger: PathBuf,
        /// An entry's number and hash, noted before: NUMBER:HASH (repeatable).
        #[arg(long, value_name = "NUMBER:HASH")]
        noted: Vec<String>,
        /// An export that was made before: the ledger has to begin with it.
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// Write the ledger as JSON lines, which `hunt --ledger` reads.
    Export {
        /// The ledger.
        ledger: PathBuf,
    },
}

/// Arguments of `access host-setup`.
#[derive(Args, Debug)]
pub struct HostSetupArguments {
    /// The host, by the policy's name.
    pub host: String,
    #[command(flatten)]
    pub folder: FolderArguments,
    /// On the gate: certify the host's public key, a copy of /etc/ssh/ssh_host_ed25519_key.pub, so that clients need not trust it on
    /// first use.
    #[arg(long, value_name = "FILE")]
    pub host_key: Option<PathBuf>,
    /// On the gate: where the host reaches the gate to fetch what is revoked, e.g. access@gate.example.
    #[arg(long, value_name = "USER@HOST", requires = "host_key")]
    pub gate: Option<String>,
    /// On the gate: the public key of its sshd, by which the host knows it then.
    #[arg(long, value_name = "FILE", default_value = "/etc/ssh/ssh_host_ed25519_key.pub")]
    pub gate_key: PathBuf,
    /// On the gate: where the host keeps the keys of standing access, as its sshd's AuthorizedKeysFile says. No other account's keys open anything.
    #[arg(long, value_name = "PATHS", default_value = ".ssh/authorized_keys .ssh/authorized_keys2")]
    pub authorized_keys_file: String,
    /// On the gate: write the setup to this file, for --apply on the host.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// On the host: write what this file says, after a check by sshd.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["host_key", "gate", "output"])]
    pub apply: Option<PathBuf>,
    /// On the host: an account whose Match block in sshd's configuration may say otherwise than the setup (repeatable).
    #[arg(long, value_name = "ACCOUNT", requires = "apply")]
    pub leave: Vec<String>,
    /// On the host: take everything back.
    #[arg(long, conflicts_with_all = ["host_key", "gate", "output", "apply"])]
    pub undo: bool,
    /// The folder of sshd's configuration on the host.
    #[arg(long, value_name = "DIR", default_value = "/etc/ssh")]
    pub etc: PathBuf,
    /// PAM's file for sshd on the host.
    #[arg(long, value_name = "FILE", default_value = "/etc/pam.d/sshd")]
    pub pam: PathBuf,
    /// The host's key on the host.
    #[arg(long, value_name = "FILE", default_value = "/etc/ssh/ssh_host_ed25519_key")]
    pub key_path: PathBuf,
    /// This program on the host.
    #[arg(long, value_name = "FILE", default_value = "/usr/local/bin/dreamcatcher")]
    pub program: PathBuf,
    /// sshd on the host.
    #[arg(long, value_name = "FILE", default_value = "/usr/sbin/sshd")]
    pub sshd: PathBuf,
}

/// Arguments of `access session`.
#[derive(Args, Debug)]
pub struct SessionArguments {
    /// The process to watch, when it began, and the second its session has to end: how the program calls itself.
    #[arg(long, num_args = 3, value_names = ["PID", "BEGAN", "SECOND"])]
    pub watch: Option<Vec<i64>>,
    /// What is revoked, as sshd's RevokedKeys has it: the session ends when its certificate is in it.
    #[arg(long, value_name = "FILE")]
    pub revoked: Option<PathBuf>,
}
