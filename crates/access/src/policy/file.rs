//! `access.toml` as it is written; what it means is worked out by [`super::build`].

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct File {
    /// The zone of all windows that name none.
    pub timezone: Option<String>,
    /// Fingerprints of the authorities whose certificates are ours.
    #[serde(default)]
    pub authorities: Vec<String>,
    /// How many of our own people have to approve that the ledger's time is taken back.
    #[serde(default)]
    pub clock_approvals: u32,
    #[serde(default)]
    pub releases: Releases,
    pub gate: Option<Gate>,
    #[serde(default)]
    pub staff: Option<Party>,
    #[serde(default)]
    pub providers: BTreeMap<String, Party>,
    #[serde(default)]
    pub hosts: BTreeMap<String, Host>,
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub rules: Vec<Rule>,
    #[serde(default)]
    pub break_glass: Vec<Rule>,
    #[serde(default)]
    pub standing: Vec<Standing>,
}

/// What needs a release before it is installed or handed out.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Releases {
    pub packages: Option<Vec<String>>,
    #[serde(default)]
    pub paths: Vec<String>,
}

/// Where the gate is, if it is on a host that is covered.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Gate {
    #[serde(default)]
    pub host: String,
    #[serde(default)]
    pub account: String,
}

/// A provider, or our own staff.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Party {
    pub name: Option<String>,
    #[serde(default)]
    pub people: Vec<String>,
    #[serde(default)]
    pub networks: Vec<String>,
}

/// A machine.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Host {
    #[serde(default)]
    pub names: Vec<String>,
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// Who gets a grant for what; one of `rules` or of `break_glass`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Rule {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub who: Vec<String>,
    #[serde(default)]
    pub hosts: Vec<String>,
    #[serde(default)]
    pub accounts: Vec<String>,
    #[serde(default)]
    pub from: Vec<String>,
    #[serde(default)]
    pub when: Vec<String>,
    pub timezone: Option<String>,
    #[serde(default)]
    pub except: Vec<String>,
    pub at_most: Option<String>,
    #[serde(default)]
    pub approvals: u32,
    pub approved_by: Option<Vec<String>>,
    pub reason: Option<bool>,
    #[serde(default)]
    pub ticket: bool,
    pub command: Option<String>,
    #[serde(default)]
    pub permit: Vec<String>,
    #[serde(default, rename = "become")]
    pub may_become: Vec<String>,
}

/// Access that needs no grant.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Standing {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub who: Vec<String>,
    #[serde(default)]
    pub hosts: Vec<String>,
    #[serde(default)]
    pub accounts: Vec<String>,
    #[serde(default)]
    pub from: Vec<String>,
    #[serde(default)]
    pub when: Vec<String>,
    pub timezone: Option<String>,
    #[serde(default)]
    pub except: Vec<String>,
    #[serde(default)]
    pub keys: Vec<String>,
    #[serde(default)]
    pub password: bool,
    #[serde(default)]
    pub console: bool,
    #[serde(default, rename = "become")]
    pub may_become: Vec<String>,
}
