//! `access ssh`: one command from the wish to the login.

use std::{
    env, fs,
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use access::{ca::agent::Agent, factor::key, private};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use ssh_key::{Certificate, PrivateKey, private::Ed25519Keypair, rand_core::OsRng};

use super::{cli::SshArguments, expect_success, guard_memory, ssh, ssh_to_gate};
use crate::{site, status::Status};

/// Makes a key, asks the gate, hands key and certificate to the ssh-agent, and becomes ssh.
pub fn run(arguments: &SshArguments) -> Result<Status> {
    let socket = env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    let socket = socket.context("no ssh-agent: SSH_AUTH_SOCK is not set; start one with: eval $(ssh-agent)")?;
    // Before a grant is asked for that nobody could use.
    let mut agent = Agent::connect(&socket)?;
    guard_memory();
    let mut private = PrivateKey::from(Ed25519Keypair::random(&mut OsRng));
    private.set_comment(format!("dreamcatcher {}@{}", arguments.account, arguments.host));
    let certificate = ask(arguments, &private)?;
    let left = i64::try_from(certificate.valid_before())?.saturating_sub(Timestamp::now().as_second());
    let lifetime = u64::try_from(left).ok().filter(|left| *left > 0).context("the certificate has expired already")?;
    agent.add(&private, Some(&certificate), Some(Duration::from_secs(lifetime)))?;
    drop(private);
    let file = write(arguments, &certificate)?;
    let mut ssh = ssh(&arguments.reach);
    ssh.args(["-o", "IdentitiesOnly=yes", "-o"]).arg(format!("CertificateFile={}", file.display()));
    ssh.arg("-i").arg(&file).arg(format!("{}@{}", arguments.account, arguments.host)).args(&arguments.rest);
    Err(ssh.exec()).context("cannot run ssh")
}

/// Asks the gate for a certificate of this key. What the gate says beside it, and its question for a code, go to the person directly.
fn ask(arguments: &SshArguments, private: &PrivateKey) -> Result<Certificate> {
    let mut ssh = ssh_to_gate(&arguments.reach);
    ssh.args(["request", &arguments.host, "--as", &arguments.account]);
    ssh.args(["--key", &key::line(private.public_key())?, "--wait", &arguments.wait.to_string()]);
    let options = [("--reason", &arguments.reason), ("--ticket", &arguments.ticket), ("--for", &arguments.length)];
    for (name, value) in options {
        if let Some(value) = value {
            ssh.args([name, value]);
        }
    }
    if arguments.break_glass {
        ssh.arg("--break-glass");
    }
    let output = ssh.stderr(Stdio::inherit()).stdin(Stdio::inherit()).output().context("cannot run ssh")?;
    expect_success(output.status, "the gate gave no certificate")?;
    let text = String::from_utf8(output.stdout).context("expected a certificate from the gate, found no text")?;
    let certificate = Certificate::from_openssh(text.trim()).context("expected a certificate from the gate")?;
    if certificate.public_key() != private.public_key().key_data() {
        bail!("the gate's certificate is for another key");
    }
    Ok(certificate)
}

/// Keeps the certificate where ssh finds it and tells by it which of the agent's keys is meant. It is no secret.
fn write(arguments: &SshArguments, certificate: &Certificate) -> Result<PathBuf> {
    let folder = site::data_folder().context("there is no home folder")?.join("access");
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
    let name = format!("{}-{}-cert.pub", plain(&arguments.account), plain(&arguments.host));
    let file = folder.join(Path::new(&name));
    private::replace(&file, format!("{}\n", certificate.to_openssh()?).as_bytes(), 0o600)?;
    Ok(file)
}
