use std::{fmt, str::FromStr, sync::Arc};

use event::{Finding, Level, Time};

use crate::Entity;

/// What came of all findings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incidents {
    /// Worst first.
    pub incidents: Vec<Incident>,
    /// Findings of low level that nothing links to anything, in the order of time.
    pub single: Vec<Arc<Finding>>,
    /// What the linker could not take into account, in sentences: bounds that were reached.
    pub limits: Vec<String>,
}

/// Findings that belong together, as a story.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// The same each time the same evidence is read.
    pub id: IncidentId,
    /// In plain words.
    pub title: String,
    /// That of its most severe finding.
    pub level: Level,
    /// Why it stands where it stands; the sum of all points ranks it.
    pub rank: Vec<Part>,
    /// From its first to its last event.
    pub span: Option<(Time, Time)>,
    /// Machines concerned, in the order in which they appear.
    pub hosts: Vec<String>,
    /// Accounts concerned, in the order in which they appear.
    pub accounts: Vec<String>,
    /// What happened, in the order of time; what repeats itself is folded.
    pub steps: Vec<Step>,
    /// What holds the steps together.
    pub links: Vec<Link>,
    /// Whom and what its steps name, those of most steps first, each with the numbers of these steps.
    pub entities: Vec<(Entity, Vec<usize>)>,
    /// Attack phases reached, in ATT&CK's order.
    pub tactics: Vec<Tactic>,
    /// ATT&CK techniques seen, sorted: `T1059.001`.
    pub techniques: Vec<String>,
    /// What of it is known from the campaign; overlap, not attribution.
    pub resemblance: Vec<Resemblance>,
    /// What to do now, in this order.
    pub actions: Vec<Action>,
}

impl Incident {
    /// How high it ranks.
    pub fn points(&self) -> u32 {
        self.rank.iter().fold(0, |sum, part| sum.saturating_add(part.points))
    }

    /// How many findings it holds.
    pub fn findings(&self) -> usize {
        self.steps.iter().map(|step| step.findings.len()).sum()
    }
}

/// Identifies an incident: of the ids of its findings, the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId(pub [u8; 6]);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for IncidentId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
        let is_hex = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = is_hex.then(|| std::array::from_fn(|at| byte(at).unwrap_or_default()));
        bytes
            .map(Self)
            .ok_or_else(|| format!("'{}' is not the id of an incident: 12 hexadecimal digits", text.escape_default()))
    }
}

/// A reason for an incident's rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How much it weighs.
    pub points: u32,
    /// In words: `5 attack phases in their order`.
    pub reason: String,
}

/// One thing that happened, however often.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When first and last.
    pub span: Option<(Time, Time)>,
    /// How often: more than there are findings, where these stand for several events.
    pub times: u64,
    /// The machine; empty where the evidence does not say.
    pub host: String,
    /// What happened, in a sentence that a non-specialist understands, without time and host. Holds text of the evidence as it is.
    pub sentence: String,
    /// The most severe of its findings' levels.
    pub level: Level,
    /// What says so: at least one.
    pub findings: Vec<Arc<Finding>>,
}

/// Why two steps belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The number of the earlier step.
    pub from: usize,
    /// The number of the later step.
    pub to: usize,
    /// What kind of link it is.
    pub kind: LinkKind,
    /// From 0 to 1.
    pub strength: f32,
    /// In a sentence. Holds text of the evidence as it is.
    pub why: String,
}

/// Kinds of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// The same process did both.
    SameProcess,
    /// One process started the other, or its ancestor.
    ParentProcess,
    /// What the one wrote then ran or was loaded.
    WroteThenRan,
    /// What a mail brought appeared on a disk.
    Delivered,
    /// What was downloaded then ran or was opened.
    Downloaded,
    /// A login led from one machine to the other.
    Login,
    /// Both happened in one session.
    SameSession,
    /// A grant allowed the session.
    Grant,
    /// Both name the same rare thing.
    SameEntity,
    /// The same was seen again, or told by another log.
    Repetition,
}

impl LinkKind {
    /// In lower case, as JSON has it: `parent_process`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameProcess => "same_process",
            Self::ParentProcess => "parent_process",
            Self::WroteThenRan => "wrote_then_ran",
            Self::Delivered => "delivered",
            Self::Downloaded => "downloaded",
            Self::Login => "login",
            Self::SameSession => "same_session",
            Self::Grant => "grant",
            Self::SameEntity => "same_entity",
            Self::Repetition => "repetition",
        }
    }
}

/// An attack phase, as ATT&CK Enterprise names and orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tactic {
    /// TA0043
    Reconnaissance,
    /// TA0042
    ResourceDevelopment,
    /// TA0001
    InitialAccess,
    /// TA0002
    Execution,
    /// TA0003
    Persistence,
    /// TA0004
    PrivilegeEscalation,
    /// TA0005
    DefenseEvasion,
    /// TA0006
    CredentialAccess,
    /// TA0007
    Discovery,
    /// TA0008
    LateralMovement,
    /// TA0009
    Collection,
    /// TA0011
    CommandAndControl,
    /// TA0010
    Exfiltration,
    /// TA0040
    Impact,
}

impl Tactic {
    /// All of them, in their order.
    pub const ALL: [Self; 14] = [
        Self::Reconnaissance,
        Self::ResourceDevelopment,
        Self::InitialAccess,
        Self::Execution,
        Self::Persistence,
        Self::PrivilegeEscalation,
        Self::DefenseEvasion,
        Self::CredentialAccess,
        Self::Discovery,
        Self::LateralMovement,
        Self::Collection,
        Self::CommandAndControl,
        Self::Exfiltration,
        Self::Impact,
    ];

    /// The tactic that one of Sigma's tags names, also by the names of newer versions: what was defence evasion became two.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.strip_prefix("attack.")? {
            "stealth" | "defense-impairment" => Some(Self::DefenseEvasion),
            name => Self::ALL.into_iter().find(|tactic| tactic.as_str() == name),
        }
    }

    /// As Sigma's tags have it, behind `attack.`: `initial-access`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reconnaissance => "reconnaissance",
            Self::ResourceDevelopment => "resource-development",
            Self::InitialAccess => "initial-access",
            Self::Execution => "execution",
            Self::Persistence => "persistence",
            Self::PrivilegeEscalation => "privilege-escalation",
            Self::DefenseEvasion => "defense-evasion",
            Self::CredentialAccess => "credential-access",
            Self::Discovery => "discovery",
            Self::LateralMovement => "lateral-movement",
            Self::Collection => "collection",
            Self::CommandAndControl => "command-and-control",
            Self::Exfiltration => "exfiltration",
            Self::Impact => "impact",
        }
    }
}

/// Something seen that is known from the campaign (C0022, G0032).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resemblance {
    /// What is known: a technique's number, an indicator, a tool.
    pub what: String,
    /// How the campaign uses it.
    pub known_for: String,
    /// The number of the first step in which it was seen.
    pub step: usize,
}

/// Something to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// In a sentence, with the names of this incident.
    pub what: String,
    /// Why, or how.
    pub detail: String,
}
