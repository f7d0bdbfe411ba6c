//! What a person may ask of the gate: the text that sshd hands on as `SSH_ORIGINAL_COMMAND`. No shell ever sees it.

use jiff::SignedDuration;

use crate::{Error, error::Result};

/// The longest text that is looked at.
const LONGEST: usize = 4096;

/// What is asked of the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// What can be asked.
    Help,
    /// A login.
    Request(Box<Wanted>),
    /// The certificate of a request that was approved in the meantime.
    Collect(u64),
    /// To approve a request.
    Approve(u64),
    /// To deny a request, or take back one's own.
    Deny(u64, String),
    /// Open requests and grants that hold.
    List,
    /// To revoke a grant.
    Revoke(u64, String),
    /// To revoke an enrolled key.
    RevokeKey(String, String),
    /// To enrol a key, with an invitation.
    Enrol(String),
    /// Which certificates and keys are revoked, in OpenSSH's format.
    Krl,
    /// The line of `known_hosts` by which clients trust certified hosts.
    Trust,
    /// To put forward a patch or package.
    Release {
        /// The SHA-256 of the file.
        sha256: String,
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// To approve a release.
    ApproveRelease(u64),
    /// Which authorities hosts are to trust.
    Authorities,
    /// To approve that the ledger's time is taken back.
    ApproveClock(u64),
}

/// A login that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The host, by any name that the policy has for it.
    pub host: String,
    /// The account there.
    pub account: String,
    /// Why.
    pub reason: String,
    /// The ticket that the work belongs to.
    pub ticket: String,
    /// For how long; as long as the rule allows if not said.
    pub length: Option<SignedDuration>,
    /// The key to certify, as in `authorized_keys`; the enrolled key if not said.
    pub key: Option<String>,
    /// How many minutes to wait for approvals.
    pub wait: u64,
    /// Whether to break the glass.
    pub break_glass: bool,
}

/// What can be asked, for the person who asks.
pub const HELP: &str = "\
request HOST --as ACCOUNT [--reason WHY] [--ticket T] [--for 30m] [--key KEY] [--wait MINUTES] [--break-glass]
collect NUMBER              the certificate of a request that was approved
approve NUMBER              approve a request of somebody else
deny NUMBER [--reason WHY]  deny a request, or take back your own
list                        open requests and grants that hold
revoke NUMBER --reason WHY  a grant, by its serial
revoke SHA256:… --reason WHY  an enrolled key that was lost or replaced
release SHA256 NAME --reason WHY   put a patch or package forward
approve-release NUMBER      approve one that somebody else put forward
approve-clock NUMBER        approve that the ledger's time is taken back, where the clock was ahead
krl                         what is revoked, for sshd's RevokedKeys
authorities                 whose certificates hosts trust, for sshd's TrustedUserCAKeys
trust                       the line for known_hosts
enrol KEY                   with an invitation only
";

impl Command {
    /// Reads a command: words between blanks. An option's value reaches to the next option, so that `--reason disk is full` needs no
    /// quotes, which the person's own shell would have taken away.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(usage(format!("expected at most {LONGEST} bytes, found {}", text.len())));
        }
        if let Some(bad) = text.chars().find(|c| !is_harmless(*c)) {
            return Err(usage(format!("expected letters, digits and ASCII marks, found {}", bad.escape_unicode())));
        }
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let Some(verb) = words.next() else { return Ok(Self::Help) };
        let mut words = Words::new(words);
        let command = match verb {
            "help" => Self::Help,
            "request" => Self::Request(Box::new(words.wanted()?)),
            "collect" => Self::Collect(words.number()?),
            "approve" => Self::Approve(words.number()?),
            "deny" => Self::Deny(words.number()?, words.option("--reason").unwrap_or_default()),
            "list" => Self::List,
            "revoke" => words.revoke()?,
            "enrol" => Self::Enrol(std::mem::take(&mut words.plain).join(" ")),
            "krl" => Self::Krl,
            "trust" => Self::Trust,
            "release" => words.release()?,
            "approve-release" => Self::ApproveRelease(words.number()?),
            "approve-clock" => Self::ApproveClock(words.number()?),
            "authorities" => Self::Authorities,
            other => return Err(usage(format!("expected a command, found '{other}'; try help"))),
        };
        words.nothing_left()?;
        Ok(command)
    }
}

/// What may stand in a text that others are shown: no controls, no marks that change how the text around them reads.
pub(super) fn is_harmless(c: char) -> bool {
    c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric()
}

fn usage(reason: impl Into<String>) -> Error {
    Error::Usage(reason.into())
}

/// A command's words: those before the first option, and the options with their values.
struct Words {
    plain: Vec<String>,
    options: Vec<(String, String)>,
}

impl Words {
    fn new<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let (mut plain, mut options) = (Vec::new(), Vec::<(String, String)>::new());
        for word in words {
            match options.last_mut() {
                _ if word.starts_with("--") => options.push((word.to_owned(), String::new())),
                None => plain.push(word.to_owned()),
                Some((_, value)) if value.is_empty() => word.clone_into(value),
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(word);
                }
            }
        }
        Self { plain, options }
    }

    fn word(&mut self, what: &str) -> Result<String> {
        if self.plain.is_empty() {
            Err(usage(format!("expected {what}, found nothing")))
        } else {
            Ok(self.plain.remove(0))
        }
    }

    fn number(&mut self) -> Result<u64> {
        let word = self.word("a number")?;
        word.parse().map_err(|_| usage(format!("expected a number, found '{word}'")))
    }

    fn option(&mut self, name: &str) -> Option<String> {
        let at = self.options.iter().position(|(option, _)| option == name)?;
        Some(self.options.remove(at).1)
    }

    fn needed(&mut self, name: &str) -> Result<String> {
        self.option(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| usage(format!("expected {name} with a value")))
    }

    fn flag(&mut self, name: &str) -> Result<bool> {
        match self.option(name) {
            Some(value) if !value.is_empty() => Err(usage(format!("expected {name} alone, found '{value}' behind it"))),
            found => Ok(found.is_some()),
        }
    }

    fn wanted(&mut self) -> Result<Wanted> {
        let length = |text: String| {
            text.parse::<SignedDuration>().map_err(|_| usage(format!("expected a length such as 30m, found '{text}'")))
        };
        let wait = |text: String| {
            text.parse()
                .ok()
                .filter(|minutes| *minutes <= 120)
                .ok_or_else(|| usage("expected --wait with 0 to 120 minutes"))
        };
        Ok(Wanted {
            host: self.word("a host")?,
            account: self.needed("--as")?,
            reason: self.option("--reason").unwrap_or_default(),
            ticket: self.option("--ticket").unwrap_or_default(),
            length: self.option("--for").map(length).transpose()?,
            key: self.option("--key"),
            wait: self.option("--wait").map(wait).transpose()?.unwrap_or_default(),
            break_glass: self.flag("--break-glass")?,
        })
    }

    fn revoke(&mut self) -> Result<Command> {
        let word = self.word("a grant's serial or a key's fingerprint")?;
        let reason = self.needed("--reason")?;
        if word.starts_with("SHA256:") {
            return Ok(Command::RevokeKey(word, reason));
        }
        let serial = word.parse().map_err(|_| usage(format!("expected a serial or SHA256:…, found '{word}'")))?;
        Ok(Command::Revoke(serial, reason))
    }

    fn release(&mut self) -> Result<Command> {
        let sha256 = self.word("a SHA-256")?.to_ascii_lowercase();
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(usage(format!("expected 64 hexadecimal digits, found '{sha256}'")));
        }
        let name = self.word("a file's name")?;
        if !self.plain.is_empty() || name.contains('/') {
            return Err(usage("expected a file's name without blanks and folders"));
        }
        Ok(Command::Release { sha256, name, reason: self.needed("--reason")? })
    }

    /// What nobody asked for is a mistake of whoever typed it.
    fn nothing_left(&self) -> Result<()> {
        let left = self.plain.first().or_else(|| self.options.first().map(|(name, _)| name));
        left.map_or(Ok(()), |word| Err(usage(format!("expected nothing more, found '{word}'; try help"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_needs_no_quotes() {
        let command = Command::parse("request web01 --as deploy --reason disk is full --for 30m --wait 5").unwrap();
        let Command::Request(wanted) = command else { panic!("{command:?}") };
        assert_eq!((&*wanted.host, &*wanted.account, &*wanted.reason), ("web01", "deploy", "disk is full"));
        assert_eq!((wanted.length, wanted.wait), (Some(SignedDuration::from_mins(30)), 5));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let wrong = [
            "reqest web01",
            "request",
            "request web01",
            "request web01 --as",
            "request web01 web02 --as deploy",
            "request web01 --as deploy --as root",
            "request web01 --as deploy --shell",
            "request web01 --as deploy --break-glass now",
            "request web01 --as deploy --for ever",
            "request web01 --as deploy --wait 100000",
            "approve",
            "approve seventeen",
            "approve -1",
            "approve 17 18",
            "revoke 17",
            "release abc file --reason x",
            "list\nkrl",
            "list \u{202e}",
            "list \u{1b}[2J",
        ];
        for text in wrong {
            assert!(matches!(Command::parse(text), Err(Error::Usage(_))), "{text:?}");
        }
        assert!(Command::parse(&"a".repeat(5000)).is_err());
    }
}
