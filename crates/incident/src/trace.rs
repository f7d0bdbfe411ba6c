//! Events that no rule asked for and that connect findings: a program started, wrote, loaded, connected; somebody logged in.

use event::{LogSource, Observation, Values};

use crate::common::is_common_domain;

/// The number of observations of traces; rules are counted from zero.
pub const TRACES: u32 = u32::MAX - 2;

/// Kinds of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sysmon 1, also of Linux.
    SysmonProcess,
    /// Security 4688.
    SecurityProcess,
    /// A program started, in Linux's audit log.
    AuditProcess,
    /// Sysmon 11, 15 and 29: a file that can run was written.
    File,
    /// Sysmon 7: a library was loaded that is not Windows' own.
    Library,
    /// Sysmon 3: the machine's address, and that of a domain.
    Connection,
    /// Sysmon 22: addresses of a domain.
    Query,
    /// Security 4624: a login from elsewhere.
    Logon,
    /// What an event says that a correlation may count: fields, each before its value.
    Event,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::SysmonProcess,
        Self::SecurityProcess,
        Self::AuditProcess,
        Self::File,
        Self::Library,
        Self::Connection,
        Self::Query,
        Self::Logon,
        Self::Event,
    ];

    /// What a record may be, by its source.
    pub fn of(source: &LogSource<'_>) -> Option<Self> {
        const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";
        Some(match (source.channel, source.event_id) {
            (SYSMON | "Linux-Sysmon/Operational", 1) => Self::SysmonProcess,
            (SYSMON, 11 | 15 | 29) => Self::File,
            (SYSMON, 7) => Self::Library,
            (SYSMON, 3) => Self::Connection,
            (SYSMON, 22) => Self::Query,
            (channel, 4688) if channel.eq_ignore_ascii_case("Security") => Self::SecurityProcess,
            (channel, 4624) if channel.eq_ignore_ascii_case("Security") => Self::Logon,
            ("auditd", _) if source.provider == "EXECVE" => Self::AuditProcess,
            _ => return None,
        })
    }

    /// The fields that are wanted of it, in the order in which a trace has them.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::SysmonProcess => &[
                "Image",
                "CommandLine",
                "ProcessGuid",
                "ProcessId",
                "ParentProcessGuid",
                "ParentProcessId",
                "ParentImage",
                "User",
                "LogonId",
            ],
            Self::SecurityProcess => &[
                "NewProcessName",
                "CommandLine",
                "",
                "NewProcessId",
                "",
                "ProcessId",
                "ParentProcessName",
                "SubjectUserName",
                "SubjectLogonId",
            ],
            Self::AuditProcess => &["exe", "command_line", "", "pid", "", "ppid", "parent_exe", "auid", "ses"],
            Self::File => &["TargetFilename", "ProcessGuid", "ProcessId", "Contents"],
            Self::Library => &["ImageLoaded", "ProcessGuid", "ProcessId"],
            Self::Connection => &["SourceIp", "DestinationIp", "DestinationHostname", "Initiated"],
            Self::Query => &["QueryName", "QueryResults"],
            Self::Logon => &["IpAddress", "TargetLogonId", "TargetUserName", "WorkstationName", "LogonType"],
            Self::Event => &[],
        }
    }

    /// Whether a record is worth a trace, by the values of its first field and its last.
    pub fn is_wanted(self, first: &str, last: &str) -> bool {
        match self {
            Self::SysmonProcess | Self::SecurityProcess | Self::AuditProcess => !first.is_empty(),
            Self::File => can_run(without_stream(first)),
            Self::Library => !is_windows_own(first),
            Self::Connection => last == "true" && is_address(first),
            Self::Query => first.contains('.') && !last.is_empty() && !is_common_domain(&first.to_lowercase()),
            Self::Logon => matches!(last, "3" | "8" | "9" | "10") && is_address(first),
            Self::Event => true,
        }
    }

    /// Appends a trace, packed as values, the machine first.
    pub fn pack<V: AsRef<str>>(self, host: &str, values: impl IntoIterator<Item = V>, out: &mut Vec<u8>) {
        let kind = Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default();
        Values::pack(Some(host), out);
        Values::pack(Some(&kind.to_string()), out);
        values.into_iter().for_each(|value| Values::pack(Some(value.as_ref()), out));
    }
}

/// A trace, unpacked.
pub struct Trace<'a> {
    pub kind: Kind,
    pub host: &'a str,
    values: Values<'a>,
}

impl<'a> Trace<'a> {
    /// The trace that an observation is, if it is one.
    pub fn unpack(observation: &Observation<'a>) -> Option<Self> {
        let mut values = observation.values;
        let host = values.next()??;
        let kind = values.next()??.parse::<usize>().ok()?;
        Some(Self { kind: *Kind::ALL.get(kind)?, host, values })
    }

    /// Fields and their values, of an event.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (mut names, mut values) = (self.values, self.values);
        values.next();
        std::iter::from_fn(move || {
            let pair = names.next().flatten().zip(values.next().flatten());
            names.next();
            values.next();
            pair
        })
    }

    /// Its values, in the order of [`Kind::fields`]; empty where the record has none.
    pub fn values<const N: usize>(&self) -> [&'a str; N] {
        let mut values = self.values;
        std::array::from_fn(|_| values.next().flatten().unwrap_or_default())
    }
}

/// A file's path without that of a stream in it: `C:\a.iso` of `C:\a.iso:Zone.Identifier`.
pub fn without_stream(path: &str) -> &str {
    let name = name_of(path);
    let stream = name.find(':').map_or(0, |colon| name.len() - colon);
    path.get(..path.len() - stream).unwrap_or(path)
}

/// Whether a file of this name can run, be loaded, or hold what can.
pub fn can_run(path: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "exe", "dll", "sys", "scr", "com", "cpl", "ocx", "drv", "ps1", "psm1", "bat", "cmd", "vbs", "vbe", "js", "jse",
        "wsf", "wsh", "hta", "sct", "xsl", "msi", "lnk", "url", "iso", "img", "vhd", "vhdx", "zip", "rar", "7z", "cab",
        "jar", "py", "pdf", "doc", "docm", "docx", "xls", "xlsm", "xlam", "xll", "xlsx", "ppt", "pptm", "chm", "dat",
        "db", "bin", "tmp", "so", "sh", "elf", "aspx", "asp", "ashx", "php", "jsp", "xml", "csproj", "inf", "dmp",
        "dit",
    ];
    let name = name_of(path);
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.iter().any(|one| one.eq_ignore_ascii_case(ending)))
}

/// Whether a path lies where Windows and installed programs have theirs.
pub fn is_windows_own(path: &str) -> bool {
    let behind = path.get(1..).unwrap_or_default().to_ascii_lowercase();
    let is_temporary = behind.starts_with(":\\windows\\temp\\") || behind.starts_with(":\\windows\\tasks\\");
    !is_temporary && (behind.starts_with(":\\windows\\") || behind.starts_with(":\\program files"))
}

/// The name at the end of a path.
pub fn name_of(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or_default()
}

/// Whether a text is the address of a machine, other than the one that names it.
pub fn is_address(text: &str) -> bool {
    use std::net::IpAddr;
    match text.trim_start_matches("::ffff:").parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast()
                || address.is_link_local())
        }
        Ok(IpAddr::V6(address)) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unicast_link_local())
        }
        Err(_) => false,
    }
}

/// Whether an address is one that many networks have inside.
pub fn is_inside(text: &str) -> bool {
    use std::net::IpAddr;
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_unique_local(),
        Err(_) => false,
    }
}
