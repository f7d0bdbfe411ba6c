//! What a finding says, by the names of fields.

use event::Finding;

use crate::{context::is_nothing, names, trace::name_of};

/// A finding's fields: those that its rule asked for, and its context.
#[derive(Clone, Copy)]
pub struct Facts<'a>(pub &'a Finding);

impl<'a> Facts<'a> {
    /// The first value of a field; empty where there is none.
    pub fn get(self, field: &str) -> &'a str {
        self.all(field).next().unwrap_or_default()
    }

    /// The first value of the first of these fields that has one.
    pub fn first(self, fields: &[&str]) -> &'a str {
        fields.iter().map(|field| self.get(field)).find(|value| !value.is_empty()).unwrap_or_default()
    }

    /// All values of a field.
    pub fn all(self, field: &str) -> impl Iterator<Item = &'a str> {
        let all = self.0.context.iter().chain(&self.0.matched);
        all.filter(move |one| one.field == field).map(|one| one.value.as_str()).filter(|value| !is_nothing(value))
    }

    /// Whether it tells of a mail, itself or by the events of its correlation.
    pub fn is_mail(self) -> bool {
        let names_one = || ["From", "FromDomain", "LinkDomain"].iter().any(|field| !self.get(field).is_empty());
        self.0.channel == "mail" || self.0.correlated.is_some() && self.0.channel.is_empty() && names_one()
    }

    /// What started, by its number and program, if it tells of a start in one of Windows' logs.
    pub fn started(self) -> Option<(u32, String)> {
        let pid = match self.0.event_id {
            4688 if self.is_security() => self.get("NewProcessId"),
            1 if self.0.provider.contains("Sysmon") => self.get("ProcessId"),
            _ => return None,
        };
        Some((names::pid(pid)?, name_of(self.program()).to_lowercase()))
    }

    /// Whether its record is in Windows' Security log.
    pub fn is_security(self) -> bool {
        self.0.channel.eq_ignore_ascii_case("security")
    }

    /// Whether its record is in a log of PowerShell.
    pub fn is_powershell(self) -> bool {
        self.0.channel.contains("PowerShell")
    }

    /// The program concerned.
    pub fn program(self) -> &'a str {
        match self.0.event_id {
            8 | 10 if self.0.provider.contains("Sysmon") => self.get("SourceImage"),
            _ => self.first(&["NewProcessName", "Image", "ProcessName", "SourceImage", "exe"]),
        }
    }

    /// The command line of the program concerned.
    pub fn command(self) -> &'a str {
        self.first(&["CommandLine", "command_line", "command", "ServiceFileName", "ImagePath"])
    }

    /// The account concerned, as it is written.
    pub fn account(self) -> &'a str {
        self.first(&["User", "SubjectUserName", "user", "TargetUserName", "cs-username", "acct"])
    }
}
