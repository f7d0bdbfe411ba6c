//! What is under release, and what was released.
//!
//! The ledger releases a file by its name and SHA-256. A log tells of names only: a package then counts as released if a released file is called as dpkg and rpm
//! call the files of that package and version (`NAME_VERSION_ARCH.deb`, `NAME-VERSION-RELEASE.ARCH.rpm`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use event::{Finding, LogSource, Piece, Position, Time};

use super::{
    Class,
    told::{Standing, Told},
};
use crate::{policy::Policy, sshd::fits};

/// Programs that install.
const INSTALLERS: [&str; 9] = ["dpkg", "apt", "apt-get", "aptitude", "rpm", "dnf", "yum", "zypper", "apk"];
/// How files of packages end.
const ENDINGS: [&str; 3] = [".deb", ".rpm", ".apk"];
/// How many words of a command are looked at.
const WORDS: usize = 4096;

/// What is under release, and what was released.
#[derive(Clone, Debug, Default)]
pub struct Releases {
    policy: Arc<Policy>,
    /// The hashes of released files, by their names.
    released: BTreeMap<String, BTreeSet<String>>,
    has_ledger: bool,
}

impl Releases {
    /// By a policy; nothing is released yet.
    pub fn new(policy: Arc<Policy>) -> Self {
        Self { policy, ..Self::default() }
    }

    /// A file was released.
    pub(super) fn release(&mut self, name: &str, sha256: &str) {
        self.released.entry(name.to_owned()).or_default().insert(sha256.to_ascii_lowercase());
    }

    /// The ledger was read: what it does not have was not released.
    pub(super) fn has_ledger(&mut self) {
        self.has_ledger = true;
    }

    /// Whether there is anything to be judged.
    pub fn is_judged(&self) -> bool {
        self.has_ledger
    }

    /// The host of the policy that a record of this host name, in this piece, is about.
    pub fn host(&self, name: &str, piece: &str) -> Option<String> {
        self.policy.host_of(name, piece).map(|host| host.id.clone())
    }

    /// What a command installs that was never released: files of packages, and where the policy names packages, those by name.
    pub fn command(&self, command: &str) -> Option<String> {
        command.split([';', '&', '|', '\n']).find_map(|part| self.one_command(part))
    }

    fn one_command(&self, command: &str) -> Option<String> {
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().trim_matches(['"', '\'']).to_owned();
        let mut words = command.split_whitespace().take(WORDS);
        // sudo and its like may stand before it.
        words.by_ref().take(4).find(|word| INSTALLERS.contains(&base(word).as_str()))?;
        if !self.has_ledger {
            return None;
        }
        for word in words.filter(|word| !word.starts_with('-')) {
            let name = base(word);
            let is_file = ENDINGS.iter().any(|ending| name.ends_with(ending));
            if is_file && self.is_under(&name) && !self.released.contains_key(&name) {
                return Some(name);
            }
            let (package, version) = name.split_once('=').unwrap_or((&name, ""));
            if !is_file && let Some(found) = self.package(package, version) {
                return Some(found);
            }
        }
        None
    }

    /// A package, with its version if that is known, that the policy names and nobody released.
    pub fn package(&self, name: &str, version: &str) -> Option<String> {
        let named = self.policy.releases.packages.as_ref().filter(|_| self.has_ledger)?;
        if !named.iter().any(|pattern| fits(name, pattern)) {
            return None;
        }
        // Names of files do not have the epoch.
        let version = version.split_once(':').map_or(version, |(_, version)| version);
        let of_dpkg = format!("{name}_{version}_");
        let of_rpm = format!("{name}-{version}.");
        let is_of = |file: &String| match version {
            "" => file.strip_prefix(name).is_some_and(|rest| rest.starts_with(['_', '-'])),
            // Behind the version of rpm's nothing stands but architecture and ending.
            _ => {
                file.starts_with(&of_dpkg)
                    || file.strip_prefix(&of_rpm).is_some_and(|rest| rest.matches('.').count() == 1)
            }
        };
        let is_released = self.released.keys().any(is_of);
        (!is_released).then(|| format!("{name} {version}").trim_end().to_owned())
    }

    /// What a web server hands out at a path that the policy names and nobody released.
    pub fn path(&self, path: &str) -> Option<String> {
        let is_named = self.has_ledger && self.policy.releases.paths.iter().any(|pattern| fits(path, pattern));
        let name = path.rsplit('/').next().filter(|name| is_named && !name.is_empty())?;
        (!self.released.contains_key(name)).then(|| name.to_owned())
    }

    /// Why a file of this name may have to be compared by its hash; `None` where it is not under release.
    pub fn is_file_judged(&self, name: &str) -> bool {
        let is_package = ENDINGS.iter().any(|ending| name.ends_with(ending));
        let is_named = self.policy.releases.packages.is_some() && is_package && self.is_under(name);
        self.has_ledger && (is_named || self.released.contains_key(name))
    }

    /// Why a file is not one that was released, by its SHA-256 in hexadecimal.
    pub fn file(&self, name: &str, sha256: &str) -> Option<String> {
        let is_released = self.released.values().any(|hashes| hashes.contains(sha256));
        (!is_released).then(|| match self.released.contains_key(name) {
            true => format!("{name} is another file than the one released: its SHA-256 is {sha256}"),
            false => format!("the ledger has no release of {name}, nor of its SHA-256 {sha256}"),
        })
    }

    /// Whether files of this name are under release; all are where the policy names none.
    fn is_under(&self, name: &str) -> bool {
        let named = self.policy.releases.packages.as_ref();
        named.is_none_or(|named| named.iter().any(|pattern| fits(name, pattern) || fits(stem(name), pattern)))
    }

    /// A finding of what stands somewhere.
    pub fn finding(&self, host: &str, piece: &Piece, position: Position, time: Option<Time>, why: String) -> Finding {
        let at = Standing::of(piece.path.as_str().into(), position);
        let told = Told { host: host.into(), at, time: time.map_or(0, Time::as_nanos), ..Told::default() };
        let mut finding = told.finding(Class::NotReleased, why);
        finding.time = time;
        finding
    }
}

/// The package's name in that of a file: what stands before the version.
fn stem(name: &str) -> &str {
    let version = name
        .match_indices(['_', '-'])
        .find(|(at, _)| name.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
    version.and_then(|(at, _)| name.get(..at)).unwrap_or(name)
}

/// Whether records of this kind may tell of packages.
pub fn tells_of_packages(source: &LogSource<'_>) -> bool {
    match (source.product, source.channel) {
        ("linux", "packages" | "shell_history") | ("web", "access") => true,
        ("linux", "auditd") => source.provider == "EXECVE",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn releases(policy: &str, names: &[&str]) -> Releases {
        let mut releases = Releases::new(Arc::new(Policy::parse(policy).unwrap()));
        names.iter().for_each(|name| releases.release(name, "AB"));
        releases.has_ledger();
        releases
    }

    #[test]
    fn a_version_is_that_version_only() {
        let releases = releases(
            "[releases]\npackages = [\"agent*\"]\n",
            &["agent_1.2.5_amd64.deb", "agent-2.1-1.el9.x86_64.rpm", "agent-extra_7_all.deb"],
        );
        let is_released = |name, version| releases.package(name, version).is_none();
        assert!(is_released("agent", "1.2.5") && is_released("agent", "3:1.2.5") && is_released("agent", "2.1-1.el9"));
        assert!(is_released("agent-extra", "7") && is_released("agent", "") && is_released("nginx", "1"));
        for version in ["1.2", "1", "1.2.5_amd64", "2.1-1", "2.1", "7"] {
            assert!(!is_released("agent", version), "{version}");
        }
        assert_eq!(releases.package("agentx", ""), Some("agentx".into()));
    }

    #[test]
    fn commands_are_understood_where_something_stands_before_them() {
        let by_default = releases("", &["agent_1_all.deb"]);
        let found = |command: &str| by_default.command(command);
        for command in [
            "dpkg -i a_2_all.deb",
            "cd /tmp && sudo -n /usr/bin/dpkg --install './a_2_all.deb'",
            "true; apt install ./a_2_all.deb",
        ] {
            assert_eq!(found(command), Some("a_2_all.deb".into()), "{command}");
        }
        for command in [
            "dpkg -i agent_1_all.deb",
            "apt install nginx",
            "ls a_2_all.deb",
            "",
            "apt",
            "echo dpkg | cat; rm a_2_all.deb",
        ] {
            assert_eq!(found(command), None, "{command}");
        }
        let named = releases("[releases]\npackages = [\"agent\"]\n", &["agent_1_all.deb"]);
        assert_eq!(named.command("apt-get install -y agent=2 nginx"), Some("agent 2".into()));
        assert_eq!(named.command("apt-get install -y agent=1 nginx"), None);
        assert_eq!(named.command("dpkg -i other_2_all.deb"), None, "the policy names others");
        assert_eq!(named.command("dpkg -i agent_2_all.deb"), Some("agent_2_all.deb".into()));
    }

    #[test]
    fn files_and_paths_are_judged_where_they_are_named() {
        let named = releases("[releases]\npackages = [\"agent\"]\npaths = [\"/up/*\"]\n", &["agent_1_all.deb"]);
        assert!(named.is_file_judged("agent_1_all.deb") && named.is_file_judged("agent_2_all.deb"));
        assert!(!named.is_file_judged("agent_2.txt") && !named.is_file_judged("nginx_2_all.deb"));
        assert_eq!(named.file("anything.deb", "ab"), None, "a hash counts whatever the file is called");
        assert!(named.file("agent_1_all.deb", "cd").unwrap().contains("is another file"));
        assert_eq!(named.path("/up/agent_2_all.deb"), Some("agent_2_all.deb".into()));
        assert!(
            named.path("/up/agent_1_all.deb").is_none()
                && named.path("/other/x").is_none()
                && named.path("/up/").is_none()
        );
        let by_default = releases("", &["agent_1_all.deb"]);
        assert!(by_default.is_file_judged("agent_1_all.deb") && !by_default.is_file_judged("agent_2_all.deb"));
    }
}
