//! `access session`: run by PAM on a host, so that a session ends with its certificate.

use std::{
    env,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use access::host::{Watch, until};
use anyhow::{Context, Result};
use jiff::Timestamp;

use super::cli::SessionArguments;
use crate::status::Status;

/// Starts a watch over the session that PAM opens, or is one.
pub fn run(arguments: &SessionArguments) -> Result<Status> {
    if let Some([process, began, second]) = arguments.watch.as_deref() {
        let watch = Watch {
            process: i32::try_from(*process)?,
            began: u64::try_from(*began)?,
            until: Timestamp::from_second(*second)?,
        };
        watch.keep(Timestamp::now);
        return Ok(Status::Finished);
    }
    if env::var("PAM_TYPE").is_ok_and(|kind| kind != "open_session") {
        return Ok(Status::Finished);
    }
    let Some(until) = until(&env::var("SSH_AUTH_INFO_0").unwrap_or_default()) else { return Ok(Status::Finished) };
    let watch = Watch::over_parent(until)?;
    let program = env::current_exe().context("cannot tell where this program is")?;
    Command::new(program)
        .args(["access", "session", "--watch"])
        .args([watch.process.to_string(), watch.began.to_string(), watch.until.as_second().to_string()])
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cannot start the watch")?;
    Ok(Status::Finished)
}
