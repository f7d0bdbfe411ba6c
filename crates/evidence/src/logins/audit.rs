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
pub(super) fn step(host: String, fields: Fields) -> Option<Step<'static>> {
    let program = base_name(fields.get("exe"));
    let service = match program {
        "sshd" | "sshd-session" | "sshd-auth" => "ssh",
        "login" | "su" | "gdm-session-worker" | "lightdm" | "sddm-helper" => program,
        _ => return None,
    };
    let kind = fields.get("type");
    let is_success = matches!(fields.get("res"), "success" | "yes" | "1");
    let session = session(service, &fields, is_success || kind == "USER_END");
    if kind == "USER_END" {
        let of = Link { host: Cow::Owned(host), session, ..Link::default() };
        return Some(Step::Logout(Logout { of, ..Logout::default() }));
    }
    let login = Login { session, ..login(host, service, is_success, &fields) };
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

fn login(host: String, service: &str, is_success: bool, fields: &Fields) -> Login<'static> {
    // sshd of RedHat gives the number of the account; enriched logs have its name, too.
    let account = ["acct", "ID"].map(|name| fields.get(name)).into_iter().find(|name| !name.is_empty());
    let user = account.map_or_else(|| numbered(fields.get("id")), str::to_owned);
    let is_unknown = matches!(&*user, "(invalid user)" | "(unknown)" | "(unknown user)");
    let name = fields.get("hostname");
    let source = match fields.get("addr") {
        "" => name,
        known => known,
    };
    let by_user = match fields.get("UID") {
        _ if service != "su" => String::new(),
        "" => numbered(fields.get("uid")),
        name => name.to_owned(),
    };
    Login {
        user: Cow::Owned(if is_unknown { String::new() } else { user }),
        is_unknown,
        by_user: Cow::Owned(by_user),
        host: Cow::Owned(host),
        source: address(source),
        source_host: Cow::Owned(if name == source { "" } else { name }.to_owned()),
        terminal: Cow::Owned(fields.get("terminal").trim_start_matches("/dev/").to_owned()),
        service: Cow::Owned(service.to_owned()),
        outcome: if is_success { Outcome::Accepted } else { Outcome::Failed },
        ..Login::default()
    }
}

/// An account that only its number is known of: `#1000`, as sudo writes it; the number 0 is root's everywhere.
fn numbered(number: &str) -> String {
    match number {
        "" => String::new(),
        "0" => "root".to_owned(),
        number => format!("#{number}"),
    }
}
