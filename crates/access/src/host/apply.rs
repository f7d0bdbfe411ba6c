//! On the host: written, checked by sshd itself, kept or taken back.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
    process::Command,
};

use super::{CONFIGURATION, FOLDER, Setup};
use crate::{
    audit::accounts,
    error::{Error, Result},
    files::Files,
    private,
    sshd::{Config, Value, Who},
};

/// What ends our line in PAM's file.
const MARK: &str = "# dreamcatcher";

/// Writes what the host needs. Nothing stays where sshd would not start, or would not do what the setup says for every account but those to `leave`.
pub fn apply(setup: &Setup, sshd: &Path, leave: &[String]) -> Result<()> {
    for file in &setup.files {
        let is_below = file.path.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_below || !(file.path.starts_with(FOLDER) || file.path == Path::new(CONFIGURATION)) {
            return Err(Error::file(&file.path, format!("expected a file in {FOLDER} or {CONFIGURATION}")));
        }
    }
    // As it stands now: a fault that was there before is not to be blamed on the setup, nor hidden by it.
    check(sshd, &setup.etc, &[])?;
    check_standing_keys(setup)?;
    let paths = setup.files.iter().map(|file| setup.etc.join(&file.path)).chain([setup.pam.clone()]);
    let before = paths.map(Before::take).collect::<Result<Vec<_>>>()?;
    let done = write(setup)
        .and_then(|()| check(sshd, &setup.etc, &setup.effective))
        .and_then(|()| check_accounts(setup, leave));
    if let Err(error) = done {
        before.into_iter().try_for_each(Before::restore)?;
        return Err(error);
    }
    remove_principals_of_before(setup)
}

/// Accounts that the policy does not name any more need no principals.
fn remove_principals_of_before(setup: &Setup) -> Result<()> {
    let folder = setup.etc.join(FOLDER).join("principals");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file(&folder, error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| Error::file(&folder, error))?.path();
        if !setup.files.iter().any(|file| setup.etc.join(&file.path) == path) {
            remove(fs::remove_file(&path), &path)?;
        }
    }
    Ok(())
}

/// Takes everything back that `apply` wrote.
pub fn undo(etc: &Path, pam: &Path, sshd: &Path) -> Result<()> {
    let configuration = etc.join(CONFIGURATION);
    remove(fs::remove_file(&configuration), &configuration)?;
    let folder = etc.join(FOLDER);
    remove(fs::remove_dir_all(&folder), &folder)?;
    if let Some(text) = read(pam)? {
        let without = without_mark(&text);
        if without != text {
            replace(pam, without.as_bytes())?;
        }
    }
    check(sshd, etc, &[])
}

/// A file as it was before.
struct Before {
    path: PathBuf,
    /// Its bytes and mode; `None` if it was not there.
    was: Option<(Vec<u8>, u32)>,
}

impl Before {
    fn take(path: PathBuf) -> Result<Self> {
        let was = match (fs::read(&path), fs::metadata(&path)) {
            (Ok(bytes), Ok(meta)) => Some((bytes, meta.permissions().mode())),
            (Err(error), _) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(&path, error)),
            _ => None,
        };
        Ok(Self { path, was })
    }

    fn restore(self) -> Result<()> {
        match self.was {
            Some((bytes, mode)) => private::replace(&self.path, &bytes, mode & 0o7777),
            None => remove(fs::remove_file(&self.path), &self.path),
        }
    }
}

/// Makes a folder that all may look into, whatever the umask is: sshd reads principals as the account that logs in.
fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), make_folder)?;
    let made = fs::create_dir(folder).and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o755)));
    made.map_err(|error| Error::file(folder, error))
}

fn write(setup: &Setup) -> Result<()> {
    for file in &setup.files {
        let path = setup.etc.join(&file.path);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        private::replace(&path, &file.bytes, file.mode)?;
    }
    let Some(text) = read(&setup.pam)? else {
        return Err(Error::file(&setup.pam, "expected PAM's file for sshd, found none"));
    };
    replace(&setup.pam, before_sessions(&without_mark(&text), &setup.pam_line()).as_bytes())
}

/// PAM's configuration with a line before its first session line, of which an `@include` may bring some.
fn before_sessions(text: &str, line: &str) -> String {
    let is_session = |one: &&str| {
        let first = one.split_whitespace().next().unwrap_or_default().trim_start_matches('-');
        first.eq_ignore_ascii_case("session") || first == "@include" && one.contains("session")
    };
    let before = text.split_inclusive('\n').take_while(|one| !is_session(one)).map(str::len).sum();
    let (before, behind) = text.split_at_checked(before).unwrap_or((text, ""));
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{end}{line}\n{behind}")
}

/// Whether sshd would start, and whether it would do what is expected.
fn check(sshd: &Path, etc: &Path, effective: &[(String, String)]) -> Result<()> {
    let configuration = etc.join("sshd_config");
    let run = |option: &str| {
        let output = Command::new(sshd).arg(option).arg("-f").arg(&configuration).output();
        let output = output.map_err(|error| Error::file(sshd, format!("cannot run sshd: {error}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(Error::file(&configuration, format!("sshd {option} refuses it: {said}")))
    };
    run("-t")?;
    if effective.is_empty() {
        return Ok(());
    }
    let said = run("-T")?;
    for (name, value) in effective {
        let has = |line: &str| {
            line.split_once(' ').is_some_and(|(found, rest)| found == name && rest.eq_ignore_ascii_case(value))
        };
        let told = said.lines().find(|line| line.split(' ').next() == Some(name));
        // An sshd that was built without it tells nothing of it.
        let is_absent = told.is_none() && value == "no";
        if !is_absent && !said.lines().any(has) {
            let found = told.unwrap_or("nothing of it");
            let reason = format!(
                "expected '{name} {value}', found '{found}': does it begin with 'Include {}/sshd_config.d/*.conf'?",
                etc.display()
            );
            return Err(Error::file(&configuration, reason));
        }
    }
    Ok(())
}

/// The configuration of sshd as it stands, and the accounts of the host.
fn read_configuration(setup: &Setup) -> Result<(Config, Vec<Who>)> {
    let configuration = setup.etc.join("sshd_config");
    let fail = |error| Error::file(&configuration, error);
    let mut files = Files::below(Path::new("/")).map_err(fail)?;
    let path = configuration.canonicalize().map_err(fail)?;
    let config = Config::read(&mut files, &path.display().to_string()).unwrap_or_default();
    let accounts = accounts::read(&mut files).unwrap_or_default();
    if let Some(unread) = files.unread.first() {
        return Err(Error::file(&configuration, format!("what it says for each account is not known: {unread}")));
    }
    Ok((config, accounts.into_iter().map(|account| account.who).collect()))
}

impl Setup {
    /// What a setting is to be for an account, if that is otherwise than in general.
    fn stands(&self, who: &Who, name: &str) -> Option<&str> {
        let mut lines = self.standing.get(&who.name)?.iter();
        lines.find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

/// Whether keys of standing access stand where the setup will have sshd look for them: else it would lock their owners out.
fn check_standing_keys(setup: &Setup) -> Result<()> {
    let (config, accounts) = read_configuration(setup)?;
    for who in &accounts {
        let Some(keys) = setup.stands(who, "authorizedkeysfile") else { continue };
        let settings = [
            ("authorizedkeysfile", keys, "--authorized-keys-file"),
            ("authorizedkeyscommand", "none", "a file of keys"),
        ];
        for (name, expected, way_out) in settings {
            let values = config.values(name, who);
            let Some(Value { words, place: Some((path, line)), .. }) = values.first() else { continue };
            let found = words.join(" ");
            // What an earlier setup says was compared then.
            if !path.ends_with(CONFIGURATION) && found != expected {
                let reason = format!(
                    "{path}:{line}: expected '{name} {expected}' for {}, which has standing access by a key, found '{found}': use {way_out}",
                    who.name
                );
                return Err(Error::file(&setup.etc.join("sshd_config"), reason));
            }
        }
    }
    Ok(())
}

/// Whether a `Match` block says otherwise for some account: sshd asks these first, whatever stands before them.
fn check_accounts(setup: &Setup, leave: &[String]) -> Result<()> {
    let configuration = setup.etc.join("sshd_config");
    let (config, accounts) = read_configuration(setup)?;
    let mut others: Vec<String> = Vec::new();
    for who in accounts.into_iter().filter(|who| !leave.contains(&who.name)) {
        for (name, general) in &setup.effective {
            let expected = setup.stands(&who, name).unwrap_or(general);
            let is_other = |value: &Value| value.is_matched && !value.words.join(" ").eq_ignore_ascii_case(expected);
            let values = config.values(name, &who);
            others.extend(values.iter().filter(|value| is_other(value)).map(|value| contrary(name, value, &who)));
        }
    }
    let Some(first) = others.first() else { return Ok(()) };
    let more = if others.len() > 1 { format!(", and {} more of the kind", others.len() - 1) } else { String::new() };
    let reason = format!("{first}{more}: take it out, or name the account with --leave");
    Err(Error::file(&configuration, reason))
}

/// That a `Match` block says otherwise.
fn contrary(name: &str, value: &Value, who: &Who) -> String {
    let (path, line) = value.place.clone().unwrap_or_default();
    let from = if value.is_sure { "" } else { " from some addresses" };
    format!("a Match block says '{name} {}' for {}{from} ({path}:{line})", value.words.join(" "), who.name)
}

/// A text without our lines.
fn without_mark(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.trim_end().ends_with(MARK)).collect()
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(path, error)),
    }
}

/// With the mode that the file has.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mode = fs::metadata(path).map_err(|error| Error::file(path, error))?.permissions().mode();
    private::replace(path, bytes, mode & 0o7777)
}

/// What is not there need not be removed.
fn remove(removed: std::io::Result<()>, path: &Path) -> Result<()> {
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is put into PAM's environment by a session module must not reach the watch, which runs as root.
    #[test]
    fn the_watch_is_the_first_of_the_session_modules() {
        for first in
            ["session required pam_env.so user_readenv=1\n", "-session optional x.so\n", "@include common-session\n"]
        {
            let text =
                format!("@include common-auth\naccount required pam_nologin.so\n{first}session optional pam_mail.so\n");
            let before = "@include common-auth\naccount required pam_nologin.so\nWATCH\n";
            assert_eq!(before_sessions(&text, "WATCH"), format!("{before}{first}session optional pam_mail.so\n"));
        }
        assert_eq!(before_sessions("account required x.so", "WATCH"), "account required x.so\nWATCH\n");
    }
}
