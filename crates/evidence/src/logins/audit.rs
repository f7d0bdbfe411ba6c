use std::borrow::Cow;

use event::{Link, LogSource, Login, Logout, Outcome, Step};

use super::{Fields, address, base_name};

/// What auditd writes for a session that there is not (-1).
const NO_SESSION: &str = "4294967295";

pub(super) fn tells(source: &LogSource<'_>) -> bool {
    // The provider is the type of the first record.
    source.channel == "auditd" && source.provider.starts_with("USER_")
}

/// `USER_LOGIN` where the program tells it (sshd, login, gdm), the session that PAM opens else; sudo and cron open sessions too, which are
/// no logins. What fails is told by `USER_LOGIN` too, and where that is missing or does not say the name, by PAM's `USER_AUTH`.
pub(super) fn step<'a>(host: Cow<'a, str>, fields: &'a Fields) -> Option<Step<'a>> {
    let program = base_name(fields.get("exe"));
    let service = match program {
        "sshd" | "sshd-session" | "sshd-auth" => "ssh",
        "login" | "su" | "gdm-session-worker" | "lightdm" | "sddm-helper" => program,
        _ => return None,
    };
    let kind = fields.get("type");
    let is_success = matches!(fields.get("res"), "success" | "yes" | "1");
    let session = session(service, fields, is_success || kind == "USER_END");
    if kind == "USER_END" {
        let of = Link { host, session, ..Link::default() };
        return Some(Step::Logout(Logout { of, ..Logout::default() }));
    }
    let login = Login { session, ..login(host, service, is_success, fields) };
    match (kind, is_success) {
        // sshd tells twice or more of one name that it does not know, and never which.
        ("USER_LOGIN", false) if service == "ssh" && login.is_unknown => Some(Step::Hint(login)),
        ("USER_LOGIN", _) => Some(Step::Login(login)),
        ("USER_AUTH", false) if service == "su" => Some(Step::Login(login)),
        ("USER_AUTH", false) | ("USER_START", true) => Some(Step::Hint(login)),
        _ => None,
    }
}

/// What the session is called: the audit session's number; by that of the process what has none, or none of its own.
fn session(service: &str, fields: &Fields, has_begun: bool) -> Cow<'static, str> {
    match (fields.get("ses"), fields.get("pid")) {
        (number, _) if has_begun && service != "su" && !matches!(number, "" | NO_SESSION | "unset") => {
            Cow::Owned(format!("audit session {number}"))
        }
        (_, "") => Cow::Borrowed(""),
        (_, pid) if !has_begun || service == "su" => Cow::Owned(format!("pid {pid}")),
        _ => Cow::Borrowed(""),
    }
}

fn login<'a>(host: Cow<'a, str>, service: &'a str, is_success: bool, fields: &'a Fields) -> Login<'a> {
    // sshd of RedHat gives the number of the account; enriched logs have its name, too.
    let account = ["acct", "ID"].map(|name| fields.get(name)).into_iter().find(|name| !name.is_empty());
    let user = account.map_or_else(|| numbered(fields.get("id")), Cow::Borrowed);
    let is_unknown = matches!(&*user, "(invalid user)" | "(unknown)" | "(unknown user)");
    let name = fields.get("hostname");
    let source = match fields.get("addr") {
        "" => name,
        known => known,
    };
    let by_user = match fields.get("UID") {
        _ if service != "su" => "".into(),
        "" => numbered(fields.get("uid")),
        name => name.into(),
    };
    Login {
        user: if is_unknown { "".into() } else { user },
        is_unknown,
        by_user,
        host,
        source: address(source),
        source_host: Cow::Borrowed(if name == source { "" } else { name }),
        terminal: Cow::Borrowed(fields.get("terminal").trim_start_matches("/dev/")),
        service: Cow::Borrowed(service),
        outcome: if is_success { Outcome::Accepted } else { Outcome::Failed },
        ..Login::default()
    }
}

/// An account that only its number is known of: `#1000`, as sudo writes it; the number 0 is root's everywhere.
pub fn numbered(number: &str) -> Cow<'static, str> {
    match number {
        "" => "".into(),
        "0" => "root".into(),
        number => format!("#{number}").into(),
    }
}
