//! sudo: who may become whom, by all that sudoers includes (sudoers(5)).

use std::collections::{BTreeMap, BTreeSet};

use super::{Auditor, listed, remark};

/// How deep files may include one another, and how many there may be.
const DEPTH: usize = 16;
const FILES: usize = 1 << 10;
/// How many lines are kept, how deep aliases are followed, and how many users are looked at.
const MOST: usize = 1 << 14;
const ALIASES: usize = 16;
const USERS: usize = 1 << 16;

/// A line with all that continues it.
struct Line {
    path: String,
    first: usize,
    last: usize,
    text: String,
}

/// What all files together say.
#[derive(Default)]
struct Sudoers {
    lines: Vec<Line>,
    files: usize,
}

/// Lines of sudoers that let somebody but root run commands.
pub(super) fn check(auditor: &mut Auditor<'_>) {
    let mut sudoers = Sudoers::default();
    sudoers.read(auditor, "/etc/sudoers", 0);
    let aliases: BTreeMap<String, String> = sudoers.lines.iter().flat_map(|line| aliases(&line.text)).collect();
    let mut left = USERS;
    for line in &sudoers.lines {
        let first = line.text.split_whitespace().next().unwrap_or_default();
        if first.starts_with("Defaults") {
            if line.text.contains("!authenticate") {
                let what = format!("sudo asks for no password: {}", line.text);
                found(auditor, line, what);
            }
        } else if !first.ends_with("_Alias") && line.text.contains('=') {
            rule(auditor, line, &aliases, &mut left);
        }
    }
}

impl Sudoers {
    fn read(&mut self, auditor: &mut Auditor<'_>, path: &str, depth: usize) {
        self.files += 1;
        if depth > DEPTH || self.files > FILES {
            auditor.files.unread.push(format!("{path}: expected at most {FILES} files, {DEPTH} deep, found more"));
            return;
        }
        let Some(text) = auditor.files.read(path) else { return };
        for line in joined(&text, path) {
            if self.lines.len() >= MOST {
                auditor.files.unread.push(format!("{path}: expected at most {MOST} lines, found more"));
                return;
            }
            let (word, rest) = line.text.split_once([' ', '\t']).unwrap_or((&line.text, ""));
            let named = || beside(path, rest.trim().trim_matches('"'));
            match word {
                "#include" | "@include" => self.read(auditor, &named(), depth + 1),
                "#includedir" | "@includedir" => {
                    let folder = named();
                    for name in auditor.files.list(&folder) {
                        if !name.contains('.') && !name.ends_with('~') {
                            self.read(auditor, &format!("{folder}/{name}"), depth + 1);
                        }
                    }
                }
                _ if is_remark(&line.text) => {}
                _ => self.lines.push(line),
            }
        }
    }
}

/// A `#` begins a remark, unless digits follow: then it is the number of an account.
fn is_remark(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A path that is not absolute begins beside the file that names it.
fn beside(path: &str, named: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) if !named.starts_with('/') => format!("{folder}/{named}"),
        _ => named.trim_end_matches('/').to_owned(),
    }
}

/// Lines that are not empty, each with those that a backslash at its end joins to it.
fn joined(text: &str, path: &str) -> Vec<Line> {
    let (mut lines, mut open) = (Vec::<Line>::new(), None::<Line>);
    for (number, text) in text.lines().enumerate() {
        let number = number + 1;
        let new = Line { path: path.to_owned(), first: number, last: number, text: String::new() };
        let mut line = open.take().unwrap_or(new);
        line.last = number;
        let text = text.trim_end_matches('\r');
        match text.strip_suffix('\\') {
            Some(begin) => {
                line.text.push_str(begin);
                open = Some(line);
            }
            None => {
                line.text.push_str(text);
                line.text = line.text.trim().to_owned();
                lines.push(line);
            }
        }
    }
    lines.extend(open);
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// `User_Alias A = anna, ben : B = carl`: names of aliases of any kind, and what they mean.
fn aliases(text: &str) -> Vec<(String, String)> {
    let Some((kind, rest)) = text.split_once([' ', '\t']) else { return Vec::new() };
    if !matches!(kind, "User_Alias" | "Runas_Alias" | "Host_Alias" | "Cmnd_Alias" | "Cmd_Alias") {
        return Vec::new();
    }
    // A colon within a command stands behind a backslash.
    let parts = rest.replace("\\:", "\u{0}");
    let one = |part: &str| {
        let (name, means) = part.split_once('=')?;
        Some((name.trim().to_owned(), means.trim().replace('\u{0}', ":")))
    };
    parts.split(':').filter_map(one).collect()
}

/// A line that says who may run what.
fn rule(auditor: &mut Auditor<'_>, line: &Line, aliases: &BTreeMap<String, String>, left: &mut usize) {
    let Some((who, what)) = line.text.split_once('=') else { return };
    let users = users(who);
    let no_password = what.contains("NOPASSWD");
    let mut people = People { auditor, aliases, no_password, found: BTreeSet::new(), left };
    users.iter().for_each(|user| people.resolve(user, 0));
    let mut accounts = people.found;
    if *left == 0 {
        let why = format!("{}:{}: expected fewer users and aliases, found too many", line.path, line.first);
        auditor.files.unread.push(why);
    }
    let before = accounts.len();
    accounts.retain(|account| account == "ALL" || !auditor.may_be_root(account));
    auditor.audit.explained += before - accounts.len();
    if accounts.is_empty() {
        return;
    }
    let by: Vec<&str> = users.into_iter().filter(|user| !accounts.contains(*user)).collect();
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let how = if no_password { " without a password" } else { "" };
    let accounts: Vec<String> = accounts.into_iter().collect();
    let means = meanings(what, aliases);
    found(auditor, line, format!("{}{by} may use sudo{how}: {}{means}", listed(&accounts), line.text));
}

/// The list of users that a line begins with: it ends at the first blank that no comma stands beside.
fn users(who: &str) -> Vec<&str> {
    let mut users = Vec::new();
    for part in who.split(',') {
        let mut words = part.split_whitespace();
        users.extend(words.next());
        if words.next().is_some() {
            break;
        }
    }
    users
}

/// The accounts that users of sudoers stand for.
struct People<'a> {
    auditor: &'a Auditor<'a>,
    aliases: &'a BTreeMap<String, String>,
    no_password: bool,
    found: BTreeSet<String>,
    /// How many may still be looked at.
    left: &'a mut usize,
}

impl People<'_> {
    /// Takes `anna`, `#1000`, `%group`, or an alias of these. The groups whose members are told of by themselves are left out, unless no password is asked.
    fn resolve(&mut self, user: &str, depth: usize) {
        let user = user.trim().trim_matches('"');
        if *self.left == 0 || depth > ALIASES {
            return;
        }
        *self.left -= 1;
        if let Some(means) = self.aliases.get(user) {
            return means.split(',').for_each(|one| self.resolve(one, depth + 1));
        }
        let mut all = self.auditor.accounts.iter().map(|account| &account.who);
        match user.strip_prefix('%') {
            Some("sudo" | "wheel" | "admin") if !self.no_password => {}
            Some(group) => {
                let members = all.filter(|who| who.groups.iter().any(|one| one == group));
                let members: Vec<String> = members.map(|who| who.name.clone()).collect();
                self.found.extend(if members.is_empty() { vec![user.to_owned()] } else { members });
            }
            None => {
                let number = user.strip_prefix('#').and_then(|number| number.parse::<u32>().ok());
                let named = number.and_then(|number| all.find(|who| who.uid == number));
                let named = named.map_or(user, |who| &who.name);
                // What is taken out by `!` gives nothing.
                if named != "root" && !named.is_empty() && !named.starts_with('!') {
                    self.found.insert(named.to_owned());
                }
            }
        }
    }
}

/// What the aliases in a line mean.
fn meanings(what: &str, aliases: &BTreeMap<String, String>) -> String {
    let words = what.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    let known: BTreeSet<&str> = words.filter(|word| aliases.contains_key(*word)).collect();
    let means = known.iter().filter_map(|word| Some(format!("; {word} is {}", aliases.get(*word)?)));
    means.take(super::NAMES).collect()
}

fn found(auditor: &mut Auditor<'_>, line: &Line, what: String) {
    let place = (line.path.as_str(), line.first);
    auditor.found(place, what, format!("{} && visudo -c", remark(place, line.last)));
}
