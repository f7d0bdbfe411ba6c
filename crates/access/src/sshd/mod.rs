//! sshd's configuration, as sshd reads it: which settings hold for which account, from where.
//!
//! ```text
//! sshd_config, Include ──▶ Config: directives, each under its Match blocks ──values(keyword, who)──▶ what holds, and where it stands
//! ```
//!
//! sshd_config(5): settings of `Match` blocks whose conditions hold come before those that stand outside of any, and of each kind the first counts. What a
//! condition asks of the connection (address, host name, port) may not be known; then several values are possible, each *from some addresses*. The judge
//! is `sshd -T -C …` (the tests beside this). Left to others: what is good (`audit`), writing (`host`).

mod condition;
mod words;

use std::rc::Rc;

use condition::{Condition, hold};
pub(crate) use condition::{Connection, Holds};
pub(crate) use words::fits;

use crate::files::Files;

/// How deep files may include one another, as in OpenSSH.
const DEPTH: usize = 16;
/// How many lines are kept of all files together.
const MOST: usize = 1 << 12;
/// How many files a pattern of `Include` may mean, and how many are read in all.
const FILES: usize = 1 << 10;

/// Keywords by which older versions, or nobody any more, call a setting.
const ALIASES: [(&str, &str); 3] = [
    ("challengeresponseauthentication", "kbdinteractiveauthentication"),
    ("skeyauthentication", "kbdinteractiveauthentication"),
    ("dsaauthentication", "pubkeyauthentication"),
];

/// Where something stands: the file, as it is called on the host, and the line; 0 for the file as a whole.
pub(crate) type Place = (String, usize);

/// An account of the host, and who may be connecting to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Who {
    /// The account's name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its home.
    pub home: String,
    /// The groups it is in.
    pub groups: Vec<String>,
    /// The connection; `None` where any is meant.
    pub from: Option<Connection>,
}

/// A value that a setting may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// The words behind the keyword; empty for sshd's own default.
    pub words: Vec<String>,
    /// Where it stands; `None` for the default.
    pub place: Option<Place>,
    /// Whether it holds wherever the connection comes from.
    pub is_sure: bool,
    /// Whether it stands in a `Match` block.
    pub is_matched: bool,
}

/// One line of a configuration.
#[derive(Debug)]
struct Directive {
    keyword: String,
    words: Vec<String>,
    place: Place,
    /// The `Match` lines that it stands under, all of which have to hold; none for what holds in general.
    under: Vec<Rc<Vec<Condition>>>,
}

/// A configuration.
#[derive(Debug, Default)]
pub(crate) struct Config {
    directives: Vec<Directive>,
    files: usize,
}

impl Config {
    /// Reads a file with all that it includes; `None` if it is not there.
    pub fn read(files: &mut Files, path: &str) -> Option<Self> {
        let mut config = Self::default();
        config.file(files, path, 0, &[]).then_some(config)
    }

    fn file(&mut self, files: &mut Files, path: &str, depth: usize, outer: &[Rc<Vec<Condition>>]) -> bool {
        self.files += 1;
        if depth > DEPTH || self.files > FILES {
            files.unread.push(format!("{path}: expected at most {FILES} files, {DEPTH} deep, found more"));
            return true;
        }
        let Some(text) = files.read(path) else { return false };
        let mut under = outer.to_vec();
        for (number, line) in text.lines().enumerate() {
            let Some((keyword, rest)) = words::keyword(line) else { continue };
            let place = (path.to_owned(), number + 1);
            match keyword.as_str() {
                // A block ends where the next begins; that of an including file goes on behind the included one.
                "match" => {
                    under.truncate(outer.len());
                    under.push(Rc::new(condition::parse(rest)));
                }
                "include" => {
                    for pattern in words::arguments(rest) {
                        let paths = included(files, &pattern);
                        paths.iter().for_each(|path| _ = self.file(files, path, depth + 1, &under));
                    }
                }
                _ if self.directives.len() >= MOST => {
                    files.unread.push(format!("{path}:{}: expected at most {MOST} lines, found more", number + 1));
                    return true;
                }
                _ => {
                    let known = ALIASES.iter().find(|(alias, _)| *alias == keyword);
                    let keyword = known.map_or(keyword, |(_, name)| (*name).to_owned());
                    // A command is all of its line.
                    let is_command = matches!(&*keyword, "authorizedkeyscommand" | "authorizedprincipalscommand");
                    let words = if is_command { vec![rest.to_owned()] } else { words::arguments(rest) };
                    self.directives.push(Directive { keyword, words, place, under: under.clone() });
                }
            }
        }
        true
    }

    /// The values that a setting may have for an account, those of `Match` blocks first; the last holds wherever none before it does. `keyword` is in
    /// lower case.
    pub fn values(&self, keyword: &str, who: &Who) -> Vec<Value> {
        let mut values = Vec::new();
        let mut seen: Vec<&[Rc<Vec<Condition>>]> = Vec::new();
        for directive in self.matched(keyword) {
            match hold(&directive.under, who) {
                Holds::Nowhere => continue,
                // The same conditions again: the first has said it.
                Holds::Somewhere if seen.contains(&directive.under.as_slice()) => continue,
                Holds::Somewhere => {
                    seen.push(&directive.under);
                    values.push(directive.value(false));
                }
                Holds::Everywhere => {
                    let is_sure = values.is_empty();
                    values.push(directive.value(is_sure));
                    return values;
                }
            }
        }
        let is_sure = values.is_empty();
        let general = self.directives.iter().find(|one| one.under.is_empty() && one.keyword == keyword);
        values.push(general.map_or_else(
            || Value { words: Vec::new(), place: None, is_sure, is_matched: false },
            |directive| directive.value(is_sure),
        ));
        values
    }

    /// The words of a setting whose lines add up, such as `AllowUsers`; `None` where they depend on the connection.
    pub fn list(&self, keyword: &str, who: &Who) -> Option<Vec<&str>> {
        let mut lists = [Vec::new(), Vec::new()];
        let [matched, general] = &mut lists;
        for directive in self.directives.iter().filter(|one| one.keyword == keyword) {
            let list = match (directive.under.is_empty(), hold(&directive.under, who)) {
                (true, _) => &mut *general,
                (false, Holds::Everywhere) => &mut *matched,
                (false, Holds::Somewhere) => return None,
                (false, Holds::Nowhere) => continue,
            };
            list.extend(directive.words.iter().map(String::as_str));
        }
        lists.into_iter().find(|list| !list.is_empty()).or(Some(Vec::new()))
    }

    fn matched(&self, keyword: &str) -> impl Iterator<Item = &Directive> {
        self.directives.iter().filter(move |one| !one.under.is_empty() && one.keyword == keyword)
    }

    /// Whether `AllowUsers`, `DenyUsers`, `AllowGroups` and `DenyGroups` let an account in.
    pub fn lets_in(&self, who: &Who) -> Holds {
        let users = |keyword| self.list(keyword, who).map(|list| condition::user_in(&list, who));
        let groups = |keyword| self.list(keyword, who).map(|list| condition::group_in(&list, who));
        let is_empty = |keyword| self.list(keyword, who).is_some_and(|list| list.is_empty());
        let allowed = |keyword, found: Option<Holds>| if is_empty(keyword) { Some(Holds::Everywhere) } else { found };
        let denied = |found: Option<Holds>| found.map(Holds::not);
        let all = [
            denied(users("denyusers")),
            allowed("allowusers", users("allowusers")),
            denied(groups("denygroups")),
            allowed("allowgroups", groups("allowgroups")),
        ];
        all.into_iter().map(|one| one.unwrap_or(Holds::Somewhere)).min().unwrap_or(Holds::Everywhere)
    }
}

impl Directive {
    fn value(&self, is_sure: bool) -> Value {
        let place = Some(self.place.clone());
        Value { words: self.words.clone(), place, is_sure, is_matched: !self.under.is_empty() }
    }
}

impl Value {
    /// Its words as a line, or what sshd takes if nothing is said.
    pub fn text(&self, default: &str) -> String {
        if self.place.is_none() { default.to_owned() } else { self.words.join(" ") }
    }
}

/// A path with its tokens replaced, as sshd does for files of an account; one that is not absolute begins in the account's home.
pub(crate) fn path(pattern: &str, who: &Who) -> String {
    let (mut path, mut rest) = (String::new(), pattern);
    while let Some((before, after)) = rest.split_once('%') {
        path.push_str(before);
        let mut letters = after.chars();
        match letters.next() {
            Some('%') => path.push('%'),
            Some('h') => path.push_str(&who.home),
            Some('u') => path.push_str(&who.name),
            Some('U') => path.push_str(&who.uid.to_string()),
            Some(other) => path.extend(['%', other]),
            None => path.push('%'),
        }
        rest = letters.as_str();
    }
    path.push_str(rest);
    // A tilde is root's home: sshd runs as root when it reads its configuration.
    let path = path.strip_prefix("~/").map(|rest| format!("/root/{rest}")).unwrap_or(path);
    if path.starts_with('/') { path } else { format!("{}/{path}", who.home.trim_end_matches('/')) }
}

/// The files that a pattern of `Include` means, in their order (glob(7): `*`, `?`, `[…]` in any part).
fn included(files: &mut Files, pattern: &str) -> Vec<String> {
    let pattern = match pattern.strip_prefix("~/") {
        Some(rest) => format!("/root/{rest}"),
        None if pattern.starts_with('/') => pattern.to_owned(),
        None => format!("/etc/ssh/{pattern}"),
    };
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if part.contains(['*', '?', '[', '\\']) {
            let fits = |name: &String| words::glob(name, part) && name.starts_with('.') == part.starts_with('.');
            let inside = |folder: String| {
                let names = files.list(if folder.is_empty() { "/" } else { &folder });
                names.into_iter().filter(fits).map(move |name| format!("{folder}/{name}")).collect::<Vec<_>>()
            };
            found = found.into_iter().flat_map(inside).take(FILES).collect();
        } else {
            found.iter_mut().for_each(|path| path.extend(["/", part]));
        }
    }
    found
}

#[cfg(test)]
mod tests;
