use std::fmt;

/// Something or somebody that records name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// What it is called, in the one form that all its names have: hosts short and in lower case, accounts without what only says
    /// where they were seen, paths in lower case. What belongs to one machine only has that in front: `ws-071 c:\users\…`.
    pub name: String,
}

/// Kinds of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A machine.
    Host,
    /// An account, of a machine or a domain.
    Account,
    /// One run of a program.
    Process,
    /// A file on a machine.
    File,
    /// A file's content.
    Hash,
    /// A domain name.
    Domain,
    /// An URL.
    Url,
    /// An IP address.
    Address,
    /// A mail or conversation.
    Mail,
    /// An SSH key, by its fingerprint.
    Key,
    /// An SSH certificate, by its key id.
    Certificate,
    /// A service of a machine.
    Service,
    /// A scheduled task of a machine.
    Task,
    /// A key or value of a registry.
    RegistryKey,
    /// A session: what one login began.
    Session,
}

impl EntityKind {
    /// In lower case, as JSON has it: `registry_key`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Account => "account",
            Self::Process => "process",
            Self::File => "file",
            Self::Hash => "hash",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Address => "address",
            Self::Mail => "mail",
            Self::Key => "key",
            Self::Certificate => "certificate",
            Self::Service => "service",
            Self::Task => "task",
            Self::RegistryKey => "registry_key",
            Self::Session => "session",
        }
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
