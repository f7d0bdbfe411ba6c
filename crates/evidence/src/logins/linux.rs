use std::borrow::Cow;

use event::{Certificate, Key, Link, LogSource, Login, Logout, Outcome, Request, Step};

use super::{Fields, address, base_name};

/// Services of PAM by which a person logs in at the machine itself, or at what stands for it.
const AT_THE_MACHINE: [&str; 16] = [
    "login",
    "remote",
    "gdm",
    "gdm-password",
    "gdm-autologin",
    "gdm-fingerprint",
    "gdm-smartcard",
    "lightdm",
    "lightdm-autologin",
    "sddm",
    "sddm-autologin",
    "kdm",
    "xdm",
    "lxdm",
    "cockpit",
    "xrdp-sesman",
];

pub(super) fn tells(source: &LogSource<'_>) -> bool {
    matches!(source.channel, "syslog" | "journal" | "wtmp" | "btmp" | "utmp" | "lastlog")
}

pub(super) fn step<'a>(source: &LogSource<'_>, host: Cow<'a, str>, fields: &'a Fields) -> Option<Step<'a>> {
    match source.channel {
        "wtmp" | "utmp" => wtmp(host, fields),
        "btmp" => Some(btmp(host, fields)),
        "lastlog" => Some(lastlog(host, fields)),
        _ => said(source.provider, host, fields),
    }
}

/// What the message of a program says.
pub(super) fn said<'a>(program: &str, host: Cow<'a, str>, fields: &'a Fields) -> Option<Step<'a>> {
    let program = base_name(program);
    match fields.get("action") {
        "" => None,
        "login" => match program {
            "login" => Some(Step::Login(console(host, fields))),
            "klogind" => Some(Step::Login(common(host, "klogin", fields))),
            "kshd" => Some(Step::Login(common(host, "kshell", fields))),
            "ftpd" | "in.ftpd" => Some(Step::Login(common(host, "ftp", fields))),
            _ => sshd("login", host, fields),
        },
        "su" => Some(su(host, fields)),
        "session_opened" | "session_closed" | "authentication_failure" => pam(program, host, fields),
        action => sshd(action, host, fields),
    }
}

fn session(fields: &Fields) -> Cow<'static, str> {
    match fields.get("pid") {
        "" => Cow::Borrowed(""),
        pid => Cow::Owned(["pid ", pid].concat()),
    }
}

fn link<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Link<'a> {
    let port = fields.get("source_port").parse().ok();
    Link { host, session: session(fields), source: address(fields.get("source_address")), port }
}

fn outcome(fields: &Fields) -> Outcome {
    Outcome::named(fields.get("outcome")).unwrap_or(Outcome::Failed)
}

/// Whether what wtmp has in the place of the client is none: what terminals within a session write there, which come by utempter or screen. tmux writes
/// `tmux(123).%0`, screen `:pts/0:S.0` or `192.0.2.7:S.0`, terminals of X their display: `:0`, `localhost:10.0`.
fn is_no_machine(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if name.parse::<std::net::IpAddr>().is_ok() {
        return false;
    }
    let (before, last) = name.rsplit_once(':').unwrap_or((name, ""));
    let is_window = last.strip_prefix("S.").is_some_and(is_number);
    let is_display = !before.contains(':') && last.split('.').count() <= 2 && last.split('.').all(is_number);
    is_window || is_display || name.starts_with("tmux(")
}

/// What all programs name alike.
fn common<'a>(host: Cow<'a, str>, service: &'a str, fields: &'a Fields) -> Login<'a> {
    let Link { host, session, source, port } = link(host, fields);
    Login {
        user: Cow::Borrowed(fields.find("user").unwrap_or_default()),
        is_unknown: fields.get("invalid_user") == "true",
        host,
        source,
        port,
        terminal: Cow::Borrowed(fields.get("terminal").trim_start_matches("/dev/")),
        service: Cow::Borrowed(service),
        method: fields.take("method"),
        outcome: outcome(fields),
        reason: fields.take("reason"),
        session,
        times: fields.get("repeated").parse().unwrap_or(1),
        ..Login::default()
    }
}

/// login(1) calls an account `UNKNOWN` that there is not.
fn console<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Login<'a> {
    let mut login = common(host, "login", fields);
    login.is_unknown = login.user == "UNKNOWN" && login.outcome == Outcome::Failed;
    login
}

fn su<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Step<'a> {
    let mut login = common(host, "su", fields);
    login.by_user = std::mem::replace(&mut login.user, fields.take("run_as_user"));
    // su of shadow-utils tells of each try twice.
    if fields.get("message").starts_with(['+', '-']) { Step::Hint(login) } else { Step::Login(login) }
}

fn pam<'a>(program: &str, host: Cow<'a, str>, fields: &'a Fields) -> Option<Step<'a>> {
    let service = match fields.get("pam_service") {
        // An old PAM is called by the program it serves: `sshd(pam_unix)`.
        "" => program.strip_suffix("(pam_unix)")?,
        service => service,
    };
    let service = match service {
        "sshd" => "ssh",
        "su" | "su-l" => "su",
        "vsftpd" | "proftpd" => "ftp",
        service => AT_THE_MACHINE.into_iter().find(|known| *known == service)?,
    };
    let outcome = match fields.get("action") {
        "session_closed" => return Some(Step::Logout(Logout { of: link(host, fields), ..Logout::default() })),
        "session_opened" => Outcome::Accepted,
        // These say themselves what failed; sshd's PAM may do it in a process of its own. An old sshd's PAM writes where sshd does not.
        _ if matches!(service, "su" | "login") || service == "ssh" && !fields.get("pam_service").is_empty() => {
            return None;
        }
        _ => Outcome::Failed,
    };
    let by_user = match (service, fields.get("by_user"), fields.get("by_uid")) {
        // Without a login name; root's processes have none.
        ("su", "", by_uid) if !matches!(by_uid, "" | "0") => Cow::Owned(format!("#{by_uid}")),
        ("su", by_user, _) => Cow::Borrowed(by_user),
        _ => Cow::Borrowed(""),
    };
    Some(Step::Hint(Login { outcome, by_user, ..common(host, service, fields) }))
}

fn sshd<'a>(action: &str, host: Cow<'a, str>, fields: &'a Fields) -> Option<Step<'a>> {
    let login = |host| common(host, "ssh", fields);
    let hint = |host, method: &'static str| {
        Some(Step::Hint(Login { outcome: Outcome::Failed, method: Cow::Borrowed(method), ..login(host) }))
    };
    let request = |kind: &'a str, what: Cow<'a, str>| {
        let (of, terminal) = (link(host.clone(), fields), fields.take("terminal"));
        Some(Step::Request(Request { of, kind: kind.into(), what, terminal }))
    };
    match action {
        "login" => Some(Step::Login(Login { key: key(fields), certificate: certificate(fields), ..login(host) })),
        "pam_failure" => hint(host, "keyboard-interactive"),
        "invalid_user" | "login_refused" | "too_many_failures" => hint(host, ""),
        "certificate_refused" | "key_refused" => hint(host, ""),
        "disconnect" | "timeout" => disconnect(host, fields),
        "session_started" => request(fields.get("session_type"), fields.take("command")),
        "subsystem_requested" => request("subsystem", fields.take("command")),
        "forwarding_refused" => {
            let (to, port) = (fields.get("destination_address"), fields.get("destination_port"));
            request("forwarding refused", format!("{to}:{port}").into())
        }
        "session_process" => {
            Some(Step::Child(link(host, fields), Cow::Owned(format!("pid {}", fields.get("child_pid")))))
        }
        _ => None,
    }
}

/// The end of a connection; before anyone was let in, it may be all that is told of a try.
fn disconnect<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Option<Step<'a>> {
    let message = fields.get("message");
    let is_before = message.ends_with(" [preauth]");
    if is_before && message.starts_with("Received disconnect") {
        // Whom it was about is told next.
        return None;
    }
    let of = link(host.clone(), fields);
    let told = is_before && fields.find("user").is_some();
    let tried = told.then(|| {
        let reason = fields.take("reason");
        Box::new(Login { outcome: Outcome::Failed, reason, ..common(host, "ssh", fields) })
    });
    Some(Step::Logout(Logout { of, reason: fields.take("reason"), tried }))
}

fn key<'a>(fields: &'a Fields) -> Option<Key<'a>> {
    let kind = fields.take("key_type");
    (!kind.is_empty()).then(|| Key { kind, fingerprint: fields.take("key_fingerprint") })
}

fn certificate<'a>(fields: &'a Fields) -> Option<Certificate<'a>> {
    Some(Certificate {
        id: Cow::Borrowed(fields.find("certificate_id").unwrap_or_default()),
        serial: fields.get("certificate_serial").parse().ok()?,
        authority_kind: fields.take("ca_key_type"),
        authority: fields.take("ca_fingerprint"),
    })
}

/// A terminal has one session at a time, and its end is told by the terminal alone: the process may be another one.
fn wtmp<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Option<Step<'a>> {
    let session = Cow::Owned(format!("terminal {}", fields.get("terminal")));
    match fields.get("type") {
        "USER_PROCESS" | "user_process" | "7" => {
            let mut login = terminal_login(host, fields);
            login.outcome = Outcome::Accepted;
            login.session = session;
            Some(Step::Login(login))
        }
        "BOOT_TIME" | "boot_time" | "2" => {
            let of = Link { host, session: Logout::START.into(), ..Link::default() };
            Some(Step::Logout(Logout { of, ..Logout::default() }))
        }
        "DEAD_PROCESS" | "dead_process" | "8" => {
            let of = Link { host, session, ..Link::default() };
            Some(Step::Logout(Logout { of, ..Logout::default() }))
        }
        _ => None,
    }
}

fn btmp<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Step<'a> {
    let mut login = terminal_login(host, fields);
    login.outcome = Outcome::Failed;
    login.is_unknown = login.user == "UNKNOWN";
    Step::Login(login)
}

/// The last login of an account, which is a number there: `#1000`, as sudo writes it.
fn lastlog<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Step<'a> {
    let user = Cow::Owned(format!("#{}", fields.get("uid")));
    Step::Login(Login { user, outcome: Outcome::Accepted, ..terminal_login(host, fields) })
}

fn terminal_login<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Login<'a> {
    let service = if fields.get("terminal").starts_with("ssh") { "ssh" } else { "terminal" };
    let login = common(host, service, fields);
    let name = fields.get("source_host");
    let source = match fields.get("source_address") {
        "" | "0.0.0.0" | "::" if is_no_machine(name) => "",
        "" | "0.0.0.0" | "::" => name.split_once(" via mosh").map_or(name, |(client, _)| client),
        known => known,
    };
    let source_host = Cow::Borrowed(if name == source { "" } else { name });
    Login { source: address(source), source_host, session: Cow::Borrowed(""), port: None, ..login }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_write_in_the_place_of_a_client_is_none() {
        let none = ["tmux(123).%0", ":pts/0:S.0", "192.0.2.7:S.0", ":0", ":0.0", "localhost:10.0"];
        none.into_iter().for_each(|name| assert!(is_no_machine(name), "{name}"));
        let machines =
            ["192.0.2.7", "::1", "2001:db8::10", "pc7.example.org", "", "fe80::1%eth0", "192.0.2.7 via mosh [12]"];
        machines.into_iter().for_each(|name| assert!(!is_no_machine(name), "{name}"));
    }

    #[test]
    fn a_terminal_within_a_session_has_no_source() {
        let login = |host: &str| {
            let mut fields = Fields::default();
            for (name, text) in
                [("type", "USER_PROCESS"), ("user", "anna"), ("terminal", "pts/3"), ("source_host", host)]
            {
                fields.push(name, text);
            }
            let Some(Step::Login(login)) = wtmp("web01".into(), &fields) else { panic!("no login") };
            (login.source.into_owned(), login.source_host.into_owned())
        };
        assert_eq!(login("tmux(123).%0"), (String::new(), "tmux(123).%0".to_owned()));
        assert_eq!(login("192.0.2.7"), ("192.0.2.7".to_owned(), String::new()));
        assert_eq!(login("192.0.2.7 via mosh [12]"), ("192.0.2.7".to_owned(), "192.0.2.7 via mosh [12]".to_owned()));
    }
}
