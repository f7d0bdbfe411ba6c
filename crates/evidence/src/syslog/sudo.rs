//! sudo (`log_line` in sudo's `lib/eventlog/eventlog.c`), pkexec, doas, and su (util-linux, shadow): who became whom, where, for which command.

use std::borrow::Cow;

use super::facts::Facts;

/// `anna : TTY=pts/0 ; PWD=/home/anna ; USER=root ; COMMAND=/usr/bin/id`, with a reason before `TTY` if sudo refused.
///
/// A folder's name may hold ` ; COMMAND=`; what follows the first is the command, so nothing of a command is ever left out.
pub(super) fn sudo<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let Some((user, rest)) = message.split_once(" : ") else { return };
    if user.contains(' ') {
        return;
    }
    if let Some(more) = rest.strip_prefix("(command continued) ") {
        facts.action("sudo_continued");
        facts.user(user);
        facts.add("command", text(more));
        return;
    }
    let (settings, command) = match rest.split_once("COMMAND=") {
        Some((settings, command)) => (settings, Some(command)),
        None => (rest, None),
    };
    let mut reason = "";
    let mut found: [(&str, &str, &str); 5] = [
        ("TTY=", "terminal", ""),
        ("PWD=", "working_directory", ""),
        ("USER=", "run_as_user", ""),
        ("GROUP=", "run_as_group", ""),
        ("ENV=", "environment", ""),
    ];
    let mut is_settings = command.is_some();
    for part in settings.split(" ; ") {
        let known = found.iter_mut().find_map(|(key, _, value)| Some((value, part.strip_prefix(*key)?)));
        match known {
            Some((value, told)) => {
                *value = told;
                is_settings = true;
            }
            None if reason.is_empty() => reason = part.trim_end_matches([' ', ';']),
            None => {}
        }
    }
    if !is_settings {
        return;
    }
    facts.action("sudo");
    facts.add("outcome", if reason.is_empty() { "accepted" } else { "failed" });
    facts.user(text(user));
    found.iter().for_each(|(_, name, value)| facts.add(name, text(value)));
    facts.add("command", text(command.unwrap_or_default()));
    facts.add("reason", reason);
}

/// The user of a message of sudo's, and the rest of a command of the line before, if the message is such.
pub(super) fn continued(message: &str) -> Option<(&str, &str)> {
    message.split_once(" : (command continued) ").filter(|(user, _)| !user.contains(' '))
}

/// Appends the rest of a command to what the line before says of it. sudo breaks a line at its last blank, which it leaves out, or, where there is
/// none, behind as many characters as fit, of which there are at least [`FITTING`] (`do_syslog_sudo` in `eventlog.c`).
pub(super) fn join(message: &mut String, last: &str, rest: &str) {
    /// sudo.conf's `syslog_maxlen` is 980, of which user and frame take some.
    const FITTING: usize = 900;
    if last.contains(' ') || last.len() < FITTING {
        message.push(' ');
    }
    message.push_str(rest);
}

/// Decodes control characters, which sudo writes as `#012`; any other `#` is one.
fn text(written: &str) -> Cow<'_, str> {
    if !written.contains('#') {
        return Cow::Borrowed(written);
    }
    let mut out = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((before, behind)) = rest.split_once('#') {
        out.push_str(before);
        let control = behind.get(..3).filter(|digits| digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')));
        let code = control.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii_control);
        match code {
            Some(code) => out.push(char::from(code)),
            None => out.push('#'),
        }
        rest = if code.is_some() { behind.get(3..).unwrap_or_default() } else { behind };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `(to root) anna on pts/0`, `FAILED SU (to root) anna on pts/0`, `Successful su for root by anna`, `+ pts/0 anna:root`.
pub(super) fn su<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let (failed, rest) = match message.strip_prefix("FAILED SU ") {
        Some(rest) => (true, rest),
        None => (false, message),
    };
    let parts = || {
        if let Some(rest) = rest.strip_prefix("(to ") {
            let (target, rest) = rest.split_once(") ")?;
            let (user, terminal) = rest.rsplit_once(" on ").unwrap_or((rest, ""));
            return Some((failed, user, target, if terminal == "none" { "" } else { terminal }));
        }
        let (word, rest) = rest.split_once(' ')?;
        match word {
            "Successful" | "FAILED" => {
                let (target, user) = rest.strip_prefix("su for ")?.split_once(" by ")?;
                Some((word == "FAILED", user, target, ""))
            }
            "+" | "-" => {
                let (terminal, names) = rest.split_once(' ')?;
                let (user, target) = names.split_once(':').or_else(|| names.split_once('-'))?;
                Some((word == "-", user, target, if terminal == "???" { "" } else { terminal }))
            }
            _ => None,
        }
    };
    let Some((failed, user, target, terminal)) = parts() else { return };
    facts.action("su");
    facts.add("outcome", if failed { "failed" } else { "accepted" });
    facts.user(user);
    facts.add("run_as_user", target);
    facts.add("terminal", terminal);
}

/// A command that one account ran, or wanted to run, as another.
#[derive(Default)]
struct Ran<'a> {
    user: &'a str,
    terminal: &'a str,
    folder: &'a str,
    target: &'a str,
    command: &'a str,
    /// Why it was refused, if it was.
    refusal: Option<&'a str>,
}

impl<'a> Ran<'a> {
    fn tell(self, action: &'static str, facts: &mut Facts<'a>) {
        facts.action(action);
        facts.add("outcome", if self.refusal.is_none() { "accepted" } else { "failed" });
        facts.user(self.user);
        facts.add("terminal", self.terminal);
        facts.add("working_directory", self.folder);
        facts.add("run_as_user", self.target);
        facts.add("command", self.command);
        facts.add("reason", self.refusal.unwrap_or_default());
    }
}

/// `anna: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/home/anna] [COMMAND=/usr/bin/id]`, or what was wrong in the place of `Executing command`
/// (`log_message` in polkit's `pkexec.c`).
pub(super) fn pkexec<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let ran = || {
        let (user, rest) = message.split_once(": ")?;
        let (said, rest) = rest.split_once(" [USER=")?;
        let (target, rest) = rest.split_once("] [TTY=")?;
        let (terminal, rest) = rest.split_once("] [CWD=")?;
        let (folder, command) = rest.split_once("] [COMMAND=")?;
        let terminal = if terminal == "unknown" { "" } else { terminal };
        let refusal = (said != "Executing command").then_some(said);
        Some(Ran { user, terminal, folder, target, command: command.strip_suffix(']').unwrap_or(command), refusal })
    };
    ran().into_iter().for_each(|ran| ran.tell("pkexec", facts));
}

/// `anna ran command /usr/bin/id as root from /home/anna`, `failed auth for anna`, `command not permitted for anna: id` (`doas.c`)
pub(super) fn doas<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let ran = || {
        let (user, rest) = message.split_once(" ran command ")?;
        let (rest, folder) = rest.rsplit_once(" from ")?;
        let (command, target) = rest.rsplit_once(" as ")?;
        Some(Ran { user, folder, target, command, ..Ran::default() })
    };
    let refused = || {
        let (reason, rest) = message.split_once(" for ")?;
        let (user, command) = rest.split_once(": ").unwrap_or((rest, ""));
        let is_refusal = matches!(reason, "failed auth" | "command not permitted");
        is_refusal.then_some(Ran { user, command, refusal: Some(reason), ..Ran::default() })
    };
    ran().or_else(refused).into_iter().for_each(|ran| ran.tell("doas", facts));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'a>(tell: impl Fn(&'a str, &mut Facts<'a>), message: &'a str) -> String {
        let mut found = Facts::default();
        tell(message, &mut found);
        found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn sudo_is_read() {
        let cases = [
            (
                "anna : TTY=pts/0 ; PWD=/home/anna ; USER=root ; COMMAND=/usr/bin/id -un",
                "action=sudo|outcome=accepted|user=anna|terminal=pts/0|working_directory=/home/anna|run_as_user=root|\
                 command=/usr/bin/id -un",
            ),
            (
                "intern : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id",
                "action=sudo|outcome=failed|user=intern|terminal=pts/0|working_directory=/|run_as_user=root|\
                 command=/usr/bin/id|reason=user NOT in sudoers",
            ),
            (
                "anna : TTY=pts/0 ; PWD=/ ; USER=#-1 ; COMMAND=/usr/bin/printf 'new#012anna : TTY=pts/9 ; USER=x ; COMMAND=y' #1",
                "action=sudo|outcome=accepted|user=anna|terminal=pts/0|working_directory=/|run_as_user=#-1|\
                 command=/usr/bin/printf 'new\nanna : TTY=pts/9 ; USER=x ; COMMAND=y' #1",
            ),
            (
                "anna : unknown user nobody2 ; TTY=pts/0 ; PWD=/ ; USER=nobody2 ; ",
                "action=sudo|outcome=failed|user=anna|terminal=pts/0|working_directory=/|run_as_user=nobody2|\
                 reason=unknown user nobody2",
            ),
            ("anna : (command continued) BBB", "action=sudo_continued|user=anna|command=BBB"),
            ("some words : and more", ""),
            ("error : x", ""),
        ];
        for (message, expected) in cases {
            assert_eq!(told(sudo, message), expected, "{message}");
        }
    }

    #[test]
    fn pkexec_and_doas_are_read() {
        let cases = [
            (
                "anna: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/home/anna] [COMMAND=/usr/bin/sh -c a ] [TTY=b]]",
                "action=pkexec|outcome=accepted|user=anna|terminal=/dev/pts/0|working_directory=/home/anna|run_as_user=root|\
                 command=/usr/bin/sh -c a ] [TTY=b]",
            ),
            (
                "anna: Error executing command as another user: Not authorized [USER=root] [TTY=unknown] [CWD=/] [COMMAND=/usr/bin/id]",
                "action=pkexec|outcome=failed|user=anna|working_directory=/|run_as_user=root|command=/usr/bin/id|\
                 reason=Error executing command as another user: Not authorized",
            ),
            ("something else", ""),
        ];
        for (message, expected) in cases {
            assert_eq!(told(pkexec, message), expected, "{message}");
        }
        let cases = [
            (
                "anna ran command sh -c run as me from x as root from /home/anna",
                "action=doas|outcome=accepted|user=anna|working_directory=/home/anna|run_as_user=root|command=sh -c run as me from x",
            ),
            ("failed auth for anna", "action=doas|outcome=failed|user=anna|reason=failed auth"),
            (
                "command not permitted for anna: id -u",
                "action=doas|outcome=failed|user=anna|command=id -u|reason=command not permitted",
            ),
            ("looking for anna: x", ""),
        ];
        for (message, expected) in cases {
            assert_eq!(told(doas, message), expected, "{message}");
        }
    }

    #[test]
    fn su_is_read() {
        let cases = [
            ("(to root) anna on pts/0", "action=su|outcome=accepted|user=anna|run_as_user=root|terminal=pts/0"),
            ("FAILED SU (to root) anna on none", "action=su|outcome=failed|user=anna|run_as_user=root"),
            ("Successful su for root by anna", "action=su|outcome=accepted|user=anna|run_as_user=root"),
            ("- pts/0 anna:root", "action=su|outcome=failed|user=anna|run_as_user=root|terminal=pts/0"),
            ("something else", ""),
        ];
        for (message, expected) in cases {
            assert_eq!(told(su, message), expected, "{message}");
        }
    }
}
