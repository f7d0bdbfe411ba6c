//! What an event tells: the fields of its records, decoded, and what only several of them together say. Names are those of `docs/fields.md`.

use std::{borrow::Cow, cell::OnceCell, ops::Range};

use super::{
    address::Address,
    names,
    pairs::{Pair, Pairs, is_escaped, is_hex, lossy, unhex},
};

/// The third argument and so on of a system call that is given a folder says where a path begins; this number means the
/// current folder (AT_FDCWD in fcntl.h, -100).
const CURRENT_FOLDER: &str = "ffffff9c";

/// A record of an event.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    /// Where its line stands in the block.
    pub(super) line: Range<usize>,
    /// Its type, by name.
    pub(super) kind: &'a str,
    /// Its own words.
    body: &'a str,
    /// The same, taken apart when someone asks.
    pairs: OnceCell<Vec<Pair<'a>>>,
}

impl<'a> Part<'a> {
    pub(super) const fn new(line: Range<usize>, kind: &'a str, body: &'a str) -> Self {
        Self { line, kind, body, pairs: OnceCell::new() }
    }

    fn pairs(&self) -> &[Pair<'a>] {
        self.pairs.get_or_init(|| {
            let mut pairs = Vec::with_capacity(self.body.len() / SHORT_PAIR);
            pairs.extend(Pairs::of(self.body));
            pairs
        })
    }

    fn pair(&self, name: &str) -> Option<Pair<'a>> {
        self.pairs().iter().find(|pair| pair.name == name).copied()
    }

    /// Whether the line does not have all that the record tells as it is.
    fn hides(&self) -> bool {
        let is_hidden = |pair: &Pair<'_>| !pair.quoted && is_hex(pair.value) && is_escaped(pair.name);
        matches!(self.kind, "EXECVE" | "PROCTITLE" | "SOCKADDR") || self.pairs().iter().any(is_hidden)
    }
}

/// Most pairs are longer.
const SHORT_PAIR: usize = 7;

/// Shows fields to whom it concerns: `wants` gives its own key for a name that is wanted.
struct Teller<W, T> {
    wants: W,
    tell: T,
}

impl<W, T> Teller<W, T> {
    fn tell<'a, K>(&mut self, name: &'a str, value: impl FnOnce() -> Option<Cow<'a, str>>)
    where
        W: Fn(&'a str) -> Option<K>,
        T: FnMut(K, Cow<'a, str>),
    {
        if let Some(key) = (self.wants)(name)
            && let Some(value) = value()
        {
            (self.tell)(key, value);
        }
    }
}

/// Tells the fields of an event that are wanted, in the order of its records; then those that are worked out.
pub(super) fn tell<'a, K>(parts: &[Part<'a>], wants: impl Fn(&'a str) -> Option<K>, tell: impl FnMut(K, Cow<'a, str>)) {
    let mut teller = Teller { wants, tell };
    let starts_program = parts.iter().any(|part| part.kind == "EXECVE");
    let mut before = None;
    for part in parts {
        if before.replace(part.kind) != Some(part.kind) {
            teller.tell("type", || Some(Cow::Borrowed(part.kind)));
        }
        match part.kind {
            "SYSCALL" => system_call(part, starts_program, &mut teller),
            "EXECVE" => each(part, |pair| !is_argument(pair.name), &mut teller),
            "SOCKADDR" => each(part, |pair| pair.name != "SADDR", &mut teller),
            "PROCTITLE" => teller.tell("proctitle", || title(part)),
            "AVC" | "USER_AVC" => {
                decision(part, &mut teller);
                each(part, |_| true, &mut teller);
            }
            _ => each(part, |_| true, &mut teller),
        }
    }
    command_line(parts, starts_program, &mut teller);
    addresses(parts, &mut teller);
    created_files(parts, &mut teller);
}

/// Tells what does not stand in the lines as it is: what was decoded, and the command line.
pub(super) fn decoded<'a>(parts: &[Part<'a>], mut told: impl FnMut(Cow<'a, str>)) {
    if !parts.iter().any(Part::hides) {
        return;
    }
    let is_told = |name: &str| matches!(name, "command_line" | "laddr" | "saddr_path");
    let may_be = |name: &'a str| (is_escaped(name) || is_argument(name) || is_told(name)).then_some(name);
    tell(parts, may_be, |name, value| {
        if matches!(value, Cow::Owned(_)) || name == "command_line" {
            told(value);
        }
    });
}

/// Tells a record's pairs, save those that are left out.
fn each<'a, K, W, T>(part: &Part<'a>, keep: impl Fn(&Pair<'a>) -> bool, teller: &mut Teller<W, T>)
where
    W: Fn(&'a str) -> Option<K>,
    T: FnMut(K, Cow<'a, str>),
{
    for pair in part.pairs().iter().copied() {
        let Some(key) = (teller.wants)(pair.name) else { continue };
        if !keep(&pair) {
            continue;
        }
        // Several keys of one rule stand in one value.
        match pair.text() {
            Cow::Owned(keys) if pair.name == "key" && keys.contains('\u{1}') => {
                for one in keys.split('\u{1}') {
                    teller.tell("key", || Some(Cow::Owned(one.to_owned())));
                }
            }
            text => (teller.tell)(key, text),
        }
    }
}

/// A SYSCALL record. Its first arguments have the names of a program's; they are told where no program is started.
fn system_call<'a, K, W, T>(part: &Part<'a>, starts_program: bool, teller: &mut Teller<W, T>)
where
    W: Fn(&'a str) -> Option<K>,
    T: FnMut(K, Cow<'a, str>),
{
    let is_hidden = |name: &str| match name {
        "ARCH" | "SYSCALL" => true,
        "a0" | "a1" | "a2" | "a3" => starts_program,
        _ => false,
    };
    each(part, |pair| !is_hidden(pair.name), teller);
    let call = Call { part };
    teller.tell("ARCH", || call.architecture().map(Cow::Borrowed));
    teller.tell("SYSCALL", || call.name().map(Cow::Borrowed));
    teller.tell("syscall", || call.name().map(Cow::Borrowed));
}

/// A system call.
struct Call<'p, 'a> {
    part: &'p Part<'a>,
}

impl<'a> Call<'_, 'a> {
    fn of<'p>(parts: &'p [Part<'a>]) -> Option<Call<'p, 'a>> {
        parts.iter().find(|part| part.kind == "SYSCALL").map(|part| Call { part })
    }

    fn value(&self, name: &str) -> &'a str {
        self.part.pair(name).map_or("", |pair| pair.value)
    }

    fn architecture(&self) -> Option<&'a str> {
        names::architecture(self.value("arch")).or_else(|| self.part.pair("ARCH").map(|pair| pair.value))
    }

    fn name(&self) -> Option<&'a str> {
        let known = names::system_call(self.value("arch"), self.value("syscall"));
        known.or_else(|| self.part.pair("SYSCALL").map(|pair| pair.value))
    }

    fn succeeded(&self) -> bool {
        self.value("success") != "no"
    }

    /// Whether a relative path begins in the current folder, rather than in one that the record does not tell.
    fn begins_here(&self) -> bool {
        let folder = match self.name() {
            Some("openat" | "openat2" | "mkdirat" | "mknodat") => "a0",
            Some("symlinkat") => "a1",
            Some("renameat" | "renameat2" | "linkat") => "a2",
            Some(_) => return true,
            None => return false,
        };
        self.value(folder).ends_with(CURRENT_FOLDER)
    }
}

/// Whether a name in an EXECVE record is of an argument or a piece of one: `a1`, `a1[0]`, `a1_len`.
fn is_argument(name: &str) -> bool {
    name.strip_prefix('a').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The arguments of a program, those in pieces put together.
fn arguments<'a>(parts: &[Part<'a>], mut argument: impl FnMut(&'a str, Cow<'a, str>)) {
    let mut pieces: Option<(&'a str, Vec<u8>)> = None;
    let pairs = parts.iter().filter(|part| part.kind == "EXECVE").flat_map(|part| part.pairs().iter().copied());
    for pair in pairs.filter(|pair| is_argument(pair.name) && !pair.name.ends_with("_len")) {
        let Some((name, _)) = pair.name.split_once('[') else {
            flush(&mut pieces, &mut argument);
            argument(pair.name, pair.escaped());
            continue;
        };
        if pieces.as_ref().is_none_or(|(before, _)| *before != name) {
            flush(&mut pieces, &mut argument);
        }
        let bytes = if pair.quoted { None } else { unhex(pair.value) };
        let bytes = bytes.unwrap_or_else(|| pair.value.as_bytes().to_vec());
        pieces.get_or_insert((name, Vec::new())).1.extend(bytes);
    }
    flush(&mut pieces, &mut argument);
}

fn flush<'a>(pieces: &mut Option<(&'a str, Vec<u8>)>, argument: &mut impl FnMut(&'a str, Cow<'a, str>)) {
    if let Some((name, bytes)) = pieces.take() {
        argument(name, Cow::Owned(lossy(bytes)));
    }
}

/// A program's arguments, and its command line: the arguments with blanks between them, or what the process calls itself.
fn command_line<'a, K, W, T>(parts: &[Part<'a>], starts_program: bool, teller: &mut Teller<W, T>)
where
    W: Fn(&'a str) -> Option<K>,
    T: FnMut(K, Cow<'a, str>),
{
    if !starts_program {
        let titled = parts.iter().find(|part| part.kind == "PROCTITLE");
        teller.tell("command_line", || title(titled?));
        return;
    }
    let key = (teller.wants)("command_line");
    let mut line = String::new();
    arguments(parts, |name, value| {
        if key.is_some() {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(&value);
        }
        teller.tell(name, || Some(value));
    });
    if let Some(key) = key {
        (teller.tell)(key, Cow::Owned(line));
    }
}

/// What a process calls itself: its arguments, at most 128 bytes of them.
fn title<'a>(part: &Part<'a>) -> Option<Cow<'a, str>> {
    let pair = part.pair("proctitle")?;
    match if pair.quoted { None } else { unhex(pair.value) } {
        None => Some(Cow::Borrowed(pair.value)),
        Some(mut bytes) => {
            bytes.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
            Some(Cow::Owned(lossy(bytes)))
        }
    }
}

/// What SELinux decided: `avc:  denied  { read write }`, by auparse's names.
fn decision<'a, K, W, T>(part: &Part<'a>, teller: &mut Teller<W, T>)
where
    W: Fn(&'a str) -> Option<K>,
    T: FnMut(K, Cow<'a, str>),
{
    let Some((_, rest)) = part.body.split_once("avc:") else { return };
    let Some((result, rest)) = rest.split_once('{') else { return };
    let Some((permissions, _)) = rest.split_once('}') else { return };
    teller.tell("seresult", || Some(Cow::Borrowed(result.trim())));
    teller.tell("seperms", || Some(Cow::Borrowed(permissions.trim())));
}

/// The parts of socket addresses, by auparse's names; and where a connection goes.
fn addresses<'a, K, W, T>(parts: &[Part<'a>], teller: &mut Teller<W, T>)
where
    W: Fn(&'a str) -> Option<K>,
    T: FnMut(K, Cow<'a, str>),
{
    for part in parts.iter().filter(|part| part.kind == "SOCKADDR") {
        let bytes = part.pair("saddr").and_then(|pair| unhex(pair.value));
        let Some(address) = bytes.and_then(|bytes| Address::of(&bytes)) else { continue };
        teller.tell("saddr_fam", || Some(Cow::Borrowed(address.family())));
        match address {
            Address::Internet { address, port, .. } => {
                let port = port.to_string();
                teller.tell("laddr", || Some(Cow::Owned(address.clone())));
                teller.tell("lport", || Some(Cow::Owned(port.clone())));
                if Call::of(parts).is_some_and(|call| call.name() == Some("connect")) {
                    teller.tell("destination_address", || Some(Cow::Owned(address)));
                    teller.tell("destination_port", || Some(Cow::Owned(port)));
                    teller.tell("initiated", || Some(Cow::Borrowed("true")));
                }
            }
            Address::Local(path) => teller.tell("saddr_path", || Some(Cow::Owned(path))),
            Address::Other(_) => {}
        }
    }
}

/// Files (no folders) that were made, with their whole path where the records tell it.
fn created_files<'a, K, W, T>(parts: &[Part<'a>], teller: &mut Teller<W, T>)
where
    W: Fn(&'a str) -> Option<K>,
    T: FnMut(K, Cow<'a, str>),
{
    const NAME: &str = "created_file";
    let is_created = |part: &&Part<'_>| part.kind == "PATH" && part.body.contains("nametype=CREATE");
    if (teller.wants)(NAME).is_none() || !parts.iter().any(|part| is_created(&part)) {
        return;
    }
    let Some(call) = Call::of(parts).filter(Call::succeeded) else { return };
    let folder = || parts.iter().find(|part| part.kind == "CWD")?.pair("cwd").map(|pair| pair.text());
    for part in parts.iter().filter(is_created) {
        let value = |name: &str| part.pair(name).map_or("", |pair| pair.value);
        // S_IFMT and S_IFDIR of stat(2).
        let is_folder = u32::from_str_radix(value("mode"), 8).is_ok_and(|mode| mode & 0o170_000 == 0o040_000);
        if value("nametype") != "CREATE" || is_folder {
            continue;
        }
        let Some(name) = part.pair("name").filter(|pair| pair.value != "(null)").map(|pair| pair.text()) else {
            continue;
        };
        let folder =
            if name.starts_with('/') { Some(Cow::Borrowed("")) } else { folder().filter(|_| call.begins_here()) };
        teller.tell(NAME, || folder.map(|folder| Cow::Owned(whole_path(&folder, &name))));
    }
}

/// A path from the root, without `.` and `..`, as auparse makes it for `ausearch -i`.
fn whole_path(folder: &str, name: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in folder.split('/').chain(name.split('/')) {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    format!("/{}", steps.join("/"))
}
