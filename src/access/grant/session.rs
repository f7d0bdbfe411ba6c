//! `access session`: run by PAM on a host, so that a session ends with its certificate.

use std::{
    env,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use access::host::{self, Watch};
use anyhow::{Context, Result};
use jiff::Timestamp;

use super::cli::SessionArguments;
use crate::status::Status;

/// The most that a watch is told of a session, in bytes.
const LONGEST: u64 = 1 << 20;

/// Starts a watch over the session that PAM opens, or is one.
pub fn run(arguments: &SessionArguments) -> Result<Status> {
    if let Some([process, began, second]) = arguments.watch.as_deref() {
        let mut told = String::new();
        io::stdin().lock().take(LONGEST).read_to_string(&mut told).context("cannot read what opened the session")?;
        let watch = Watch {
            process: i32::try_from(*process)?,
            began: u64::try_from(*began)?,
            until: Timestamp::from_second(*second)?,
            certificates: host::certificates(&told),
            revoked: arguments.revoked.clone(),
        };
        watch.keep(Timestamp::now);
        return Ok(Status::Finished);
    }
    if env::var("PAM_TYPE").is_ok_and(|kind| kind != "open_session") {
        return Ok(Status::Finished);
    }
    let told = env::var("SSH_AUTH_INFO_0").unwrap_or_default();
    let Some(until) = host::until(&host::certificates(&told)) else { return Ok(Status::Finished) };
    let (process, began) = host::sshd()?;
    let program = env::current_exe().context("cannot tell where this program is")?;
    let mut watch = Command::new(program);
    watch.args(["access", "session", "--watch"]);
    watch.args([process.to_string(), began.to_string(), until.as_second().to_string()]);
    if let Some(revoked) = &arguments.revoked {
        watch.arg("--revoked").arg(revoked);
    }
    watch
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let mut child = watch.spawn().context("cannot start the watch")?;
    // Certificates are public, and longer than an argument should be.
    let stdin = child.stdin.take().context("the watch takes nothing")?;
    { stdin }.write_all(told.as_bytes()).context("cannot tell the watch what opened the session")?;
    Ok(Status::Finished)
}
