//! `site.toml`: what only the organisation knows.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use artifact::Organisation;
use evidence::Proxies;
use report::Zone;
use serde::Deserialize;

/// The organisation's own knowledge. Unknown keys are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The zone in which people there read times.
    #[serde(default)]
    timezone: Option<String>,
    /// The zone of times in logs that give none.
    #[serde(default)]
    log_timezone: Option<String>,
    /// The addresses and networks of proxies whose `X-Forwarded-For` is believed.
    #[serde(default)]
    proxies: Vec<String>,
    /// What is known of mail.
    #[serde(default)]
    mail: MailSection,
    /// Whom to tell of incidents.
    #[serde(default)]
    report: ReportSection,
}

/// `[report]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportSection {
    /// Who is to be told of an incident, each with how to reach them, in the order in which they are to be told.
    #[serde(default)]
    contacts: Vec<String>,
}

/// `[mail]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailSection {
    /// The organisation's own domains.
    #[serde(default)]
    domains: Vec<String>,
    /// Those of partners, customers, suppliers.
    #[serde(default)]
    partners: Vec<String>,
    /// Names of its own mail servers, as Authentication-Results has them.
    #[serde(default)]
    receivers: Vec<String>,
}

impl Site {
    /// Reads the file that was given, or the one in the configuration folder if there is one; and tells which.
    pub fn load(given: Option<&Path>) -> Result<Self> {
        let standard = config_folder().map(|folder| folder.join("site.toml"));
        let Some(path) = given.or(standard.as_deref()) else { return Ok(Self::default()) };
        match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound && given.is_none() => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The zone in which times are shown: that of the command line, else the one that it names, else UTC.
    pub fn zone(&self, typed: Option<&Zone>) -> Result<Zone> {
        match typed {
            Some(zone) => Ok(zone.clone()),
            None => Ok(parse("timezone", self.timezone.as_deref())?.unwrap_or_default()),
        }
    }

    /// The proxies whose `X-Forwarded-For` is believed.
    pub fn proxies(&self) -> Result<Proxies> {
        Proxies::parse(self.proxies.iter().map(String::as_str))
            .map_err(|reason| anyhow::anyhow!("site.toml: proxies: {reason}"))
    }

    /// What it says of the organisation's mail.
    pub fn organisation(&self) -> Organisation {
        let MailSection { domains, partners, receivers } = &self.mail;
        let lower = |names: &[String]| names.iter().map(|name| name.trim().to_lowercase()).collect();
        Organisation { domains: lower(domains), partners: lower(partners), receivers: receivers.clone() }
    }

    /// Whom to tell of incidents.
    pub fn contacts(&self) -> &[String] {
        &self.report.contacts
    }

    /// The zone of times in logs that give none, if it names one.
    pub fn log_zone(&self) -> Result<Option<Zone>> {
        parse("log_timezone", self.log_timezone.as_deref())
    }
}

fn parse(key: &str, name: Option<&str>) -> Result<Option<Zone>> {
    let parse = |name: &str| name.parse().map_err(|reason| anyhow::anyhow!("site.toml: {key}: {reason}"));
    name.map(parse).transpose()
}

fn config_folder() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", "APPDATA", ".config")
}

/// Where data of the user is kept: `$XDG_DATA_HOME/dreamcatcher`, `%LOCALAPPDATA%\dreamcatcher` or
/// `~/.local/share/dreamcatcher`.
pub fn data_folder() -> Option<PathBuf> {
    folder("XDG_DATA_HOME", "LOCALAPPDATA", ".local/share")
}

fn folder(xdg: &str, windows: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(below_home));
    let on_windows = || if cfg!(windows) { absolute(windows) } else { None };
    absolute(xdg).or_else(on_windows).or_else(home).map(|folder| folder.join("dreamcatcher"))
}
