//! What a place in a JSON record means: its field's name, and whether it says what log source the record is of.
//!
//! Every key of every object is a node of a tree, kept from record to record, so that a key that was met before
//! costs one comparison. The tree is bounded: see [`MAX_NODES`] and [`Names::tidy`].

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use super::{
    elastic::{Field, Row},
    record::Dialect,
    value::unescape,
};

/// Number of a node in [`Names`].
pub(super) type NodeId = u32;

/// The whole record.
pub(super) const ROOT: NodeId = 0;

/// Longest key in bytes; the name of no field of Windows comes near it.
pub(super) const MAX_KEY: usize = 4096;

/// The tree is forgotten at the next record when it has more nodes than this.
const KEEP_NODES: usize = 8192;

/// No record can add nodes beyond this.
pub(super) const MAX_NODES: usize = 65_536;

/// What a value says of the record, beside being a field. Several keys may say the same; the one of the lowest
/// rank is believed, the others are fields under their own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    EventId,
    Channel,
    Provider,
    Computer,
    RecordId,
    /// The time Windows gave the event, always UTC.
    SystemTime,
    /// Sysmon's own time, always UTC.
    UtcTime,
    /// The time of the event as some shipper wrote it, in UTC or not.
    Written,
    /// When the record was collected; some shippers write the time of the event there.
    Collected,
}

impl Role {
    /// The field that the believed value is; `None` where it stays a field under its own name.
    pub(super) const fn field(self) -> Option<&'static str> {
        match self {
            Self::EventId => Some("EventID"),
            Self::Channel => Some("Channel"),
            Self::Provider => Some("Provider_Name"),
            Self::Computer => Some("Computer"),
            Self::RecordId => Some("EventRecordID"),
            Self::SystemTime => Some("SystemTime"),
            Self::UtcTime | Self::Written | Self::Collected => None,
        }
    }
}

/// The ranks of keys of the event's number that tell whose record it is ([`other_role`]).
pub(super) mod rank_of_event_id {
    /// `winlog.event_id`
    pub(in super::super) const WINLOGBEAT: u8 = 1;
    /// `event_id`
    pub(in super::super) const WINLOGBEAT_6: u8 = 5;
    /// `Id`
    pub(in super::super) const GET_WIN_EVENT: u8 = 6;
}

/// Number of variants of [`Role`].
pub(super) const ROLES: usize = 9;

/// Where in the record a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Root,
    Event,
    System,
    SystemElement,
    SystemAttributes,
    /// `EventData`, `UserData` and their like.
    Data,
    Element,
    Attributes,
    Winlog,
    Other,
    Ignored,
}

/// Data of Windows events that is often long, and what stands before it, in records that are flat.
const OWN_KEYS: [&str; 16] = [
    "CallTrace",
    "CommandLine",
    "ContextInfo",
    "HostApplication",
    "Image",
    "NewProcessName",
    "ParentCommandLine",
    "ParentImage",
    "ProcessGuid",
    "ScriptBlockId",
    "ScriptBlockText",
    "SubjectUserName",
    "TargetFilename",
    "TargetObject",
    "TargetUserName",
    "TaskContent",
];

/// A node of the tree of keys.
#[derive(Debug)]
pub(super) struct Node {
    parent: NodeId,
    key: Box<[u8]>,
    section: Section,
    /// The element's name, or the path with dots outside of known sections.
    label: Box<str>,
    /// The field's name; `None` where a value here is no field.
    pub(super) name: Option<Box<str>>,
    /// The field's name in a record of PowerShell's `Get-WinEvent`, where it differs.
    powershell: Option<&'static str>,
    /// The field of Elastic's that it is.
    elastic: Option<&'static Field>,
    /// Whether it is what Winlogbeat calls unnamed data.
    pub(super) is_param: bool,
    /// What a value here says of the record, and how far it is to be believed.
    pub(super) role: Option<(Role, u8)>,
    /// Whether it holds elements, so that a `null` here is no field.
    pub(super) container: bool,
    /// Whether it is the event's own data, which shadows fields of the same name elsewhere.
    pub(super) own: bool,
    /// For `X_1`, `X_2`, …: the node of `X`, of which it is another value where both stand in a record.
    repeats: Option<NodeId>,
    /// The record it was met in last.
    seen: u64,
    /// The key that stood behind it, and the first key within it, when they were met last.
    next: NodeId,
    first: NodeId,
}

impl Node {
    /// What of Elastic's it is in a dialect.
    pub(super) fn moved(&self, dialect: Dialect) -> Option<&'static Row> {
        self.elastic?.of(dialect.moved()?)
    }

    /// The field's name in a dialect.
    pub(super) fn name(&self, dialect: Dialect) -> Option<&str> {
        let other = match dialect {
            Dialect::Own => None,
            Dialect::GetWinEvent => self.powershell,
            Dialect::Winlogbeat(_) => self.moved(dialect).map(|row| row.name),
        };
        other.or(self.name.as_deref())
    }

    /// Whether it is the field of Elastic's that is called `path`.
    pub(super) fn is_at(&self, path: &str) -> bool {
        self.section == Section::Other && *self.label == *path
    }
}

/// The tree of keys.
pub(super) struct Names {
    nodes: Vec<Node>,
    table: HashTable<NodeId>,
    hasher: RandomState,
    record: u64,
}

impl Names {
    pub(super) fn new() -> Self {
        let mut names = Self { nodes: Vec::new(), table: HashTable::new(), hasher: RandomState::default(), record: 0 };
        names.forget();
        names
    }

    fn forget(&mut self) {
        self.nodes.clear();
        self.table.clear();
        self.nodes.push(Node {
            parent: ROOT,
            key: Box::default(),
            section: Section::Root,
            label: Box::default(),
            name: None,
            powershell: None,
            elastic: None,
            is_param: false,
            role: None,
            container: true,
            own: false,
            repeats: None,
            seen: 0,
            next: ROOT,
            first: ROOT,
        });
    }

    /// To be called before each record. Returns true if all nodes were forgotten.
    pub(super) fn tidy(&mut self) -> bool {
        self.record += 1;
        let full = self.nodes.len() > KEEP_NODES;
        if full {
            self.forget();
        }
        full
    }

    pub(super) fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    /// Whether a node is the key `name` of the record itself.
    pub(super) fn is_top(&self, id: NodeId, name: &str) -> bool {
        self.get(id).is_some_and(|node| node.parent == ROOT && &*node.label == name)
    }

    /// Whether a key was met that only Windows events are known to have.
    pub(super) fn has_key_of_windows(&self) -> bool {
        self.nodes.iter().any(|node| match node.section {
            Section::System | Section::SystemElement | Section::SystemAttributes | Section::Data | Section::Winlog => {
                true
            }
            Section::Other => {
                let role = node.role.filter(|_| !matches!(&*node.label, "Id" | "Source" | "host.name" | "event.code"));
                let is_told =
                    matches!(role, Some((Role::EventId | Role::Channel | Role::Provider | Role::RecordId, _)));
                is_told || OWN_KEYS.contains(&&*node.label)
            }
            _ => false,
        })
    }

    /// Whether a node is an element of the event's own data.
    pub(super) fn is_element(&self, id: NodeId) -> bool {
        self.get(id).is_some_and(|node| node.section == Section::Element)
    }

    /// Whether a node holds an element's attributes.
    pub(super) fn is_attributes(&self, id: NodeId) -> bool {
        self.get(id).is_some_and(|node| node.section == Section::Attributes)
    }

    /// The node of the key that `rest` begins with, and the key's length, if it is the one that stood behind `previous`
    /// (or first in `parent`, if that is `previous`) when they were met last. Most keys need not be looked at more closely.
    #[inline]
    pub(super) fn expected(&mut self, parent: NodeId, previous: NodeId, rest: &[u8]) -> Option<(NodeId, usize)> {
        let before = self.get(previous)?;
        let guess = if previous == parent { before.first } else { before.next };
        let node = self.get(guess).filter(|node| guess != ROOT && node.parent == parent)?;
        let length = node.key.len();
        let (key, behind) = rest.split_at_checked(length)?;
        (*key == *node.key && behind.first() == Some(&b'"')).then(|| (self.meet(guess), length))
    }

    /// The node of the key `raw` (between its quotes, still escaped) in `parent`, behind its sibling `previous`
    /// (`parent` itself if it is the first). `None` if the key is too long or the tree too large.
    pub(super) fn child(&mut self, parent: NodeId, previous: NodeId, raw: &[u8]) -> Option<NodeId> {
        let id = self.find(parent, raw).or_else(|| self.insert(parent, raw))?;
        if let Some(node) = self.nodes.get_mut(previous as usize) {
            if previous == parent { node.first = id } else { node.next = id }
        }
        Some(self.meet(id))
    }

    /// Marks a node as met in this record; gives the one it repeats if that was met too.
    fn meet(&mut self, id: NodeId) -> NodeId {
        let record = self.record;
        let Some(node) = self.nodes.get_mut(id as usize) else { return id };
        node.seen = record;
        let repeats = node.repeats;
        match repeats {
            Some(base) if self.get(base).is_some_and(|node| node.seen == record) => base,
            _ => id,
        }
    }

    fn find(&self, parent: NodeId, raw: &[u8]) -> Option<NodeId> {
        let same = |id: &NodeId| self.get(*id).is_some_and(|node| node.parent == parent && *node.key == *raw);
        self.table.find(self.hasher.hash_one((parent, raw)), same).copied()
    }

    fn insert(&mut self, parent: NodeId, raw: &[u8]) -> Option<NodeId> {
        if raw.len() > MAX_KEY || self.nodes.len() >= MAX_NODES {
            return None;
        }
        let mut key = String::new();
        unescape(&String::from_utf8_lossy(raw), &mut key);
        let mut node = self.node(parent, raw, &key)?;
        if matches!(node.section, Section::Element)
            && let Some(base) = repeated(raw)
        {
            node.repeats = match self.find(parent, base) {
                Some(base) => Some(base),
                None => self.insert(parent, base),
            };
        }
        let id = NodeId::try_from(self.nodes.len()).ok()?;
        self.nodes.push(node);
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        let rehash = |id: &NodeId| nodes.get(*id as usize).map_or(0, |node| hasher.hash_one((node.parent, &*node.key)));
        self.table.insert_unique(hasher.hash_one((parent, raw)), id, rehash);
        Some(id)
    }

    fn node(&self, parent: NodeId, raw: &[u8], key: &str) -> Option<Node> {
        let above = self.get(parent)?;
        let mut place = Place { section: above.section, label: above.label.to_string() };
        let mut rest = key;
        // Winlogbeat's keys may be written with dots instead of nested objects.
        while matches!(place.section, Section::Root | Section::Winlog)
            && let Some((first, behind)) = rest.split_once('.')
        {
            place = place.child(first);
            rest = behind;
        }
        let place = place.child(rest);
        let (name, role) = place.meaning();
        Some(Node {
            parent,
            key: raw.into(),
            section: place.section,
            powershell: powershell_name(place.section, &place.label),
            elastic: Some(place.label.as_str()).filter(|_| place.section == Section::Other).and_then(Field::named),
            is_param: place.section == Section::Element && is_param(&place.label),
            container: place.section == Section::Data,
            own: matches!(place.section, Section::Data | Section::Element | Section::Attributes),
            label: place.label.into(),
            name: name.map(Into::into),
            role,
            repeats: None,
            seen: 0,
            next: ROOT,
            first: ROOT,
        })
    }
}

/// `X` for `X_1`, `X_2`, …, as the `evtx` library names elements that stand several times.
fn repeated(raw: &[u8]) -> Option<&[u8]> {
    let digits = raw.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (base, number) = raw.split_at_checked(raw.len().checked_sub(digits)?)?;
    let base = base.strip_suffix(b"_")?;
    (!base.is_empty() && !number.is_empty() && number.len() < 8 && !number.starts_with(b"0") && !base.contains(&b'\\'))
        .then_some(base)
}

/// A place while it is being found.
struct Place {
    section: Section,
    label: String,
}

impl Place {
    fn new(section: Section, label: impl Into<String>) -> Self {
        Self { section, label: label.into() }
    }

    fn child(&self, key: &str) -> Self {
        match self.section {
            Section::Root => match key {
                "Event" => Self::new(Section::Event, key),
                "System" => Self::new(Section::System, key),
                "EventData" | "UserData" | "event_data" | "user_data" => Self::new(Section::Data, key),
                "winlog" => Self::new(Section::Winlog, key),
                "Event_attributes" => Self::new(Section::Ignored, key),
                _ => Self::new(Section::Other, key),
            },
            Section::Winlog => match key {
                "event_data" | "user_data" => Self::new(Section::Data, key),
                _ => Self::new(Section::Other, format!("winlog.{key}")),
            },
            Section::Event => match key {
                "System" => Self::new(Section::System, key),
                "EventData" | "UserData" => Self::new(Section::Data, key),
                _ => Self::new(Section::Ignored, key),
            },
            Section::System if key == "#attributes" => Self::new(Section::Ignored, key),
            Section::System => match key.strip_suffix("_attributes") {
                Some(element) => Self::new(Section::SystemAttributes, element),
                None => Self::new(Section::SystemElement, key),
            },
            Section::SystemElement => match key {
                "#text" | "Value" => Self::new(Section::SystemElement, self.label.as_str()),
                "#attributes" => Self::new(Section::SystemAttributes, self.label.as_str()),
                _ => Self::new(Section::SystemAttributes, self.label.as_str()).child(key),
            },
            Section::SystemAttributes => system_attribute(&self.label, key),
            Section::Data | Section::Element => self.element(key),
            Section::Attributes if is_namespace(key) => Self::new(Section::Ignored, key),
            Section::Attributes => Self::new(Section::Element, format!("{}_{key}", self.label)),
            Section::Other => Self::new(Section::Other, format!("{}.{key}", self.label)),
            Section::Ignored => Self::new(Section::Ignored, key),
        }
    }

    /// An element of the event's own data.
    fn element(&self, key: &str) -> Self {
        match (self.section, key) {
            (Section::Data, "#attributes") => Self::new(Section::Ignored, key),
            (_, "#attributes") => Self::new(Section::Attributes, self.label.as_str()),
            (section, "#text") => Self::new(section, self.label.as_str()),
            _ => match key.strip_suffix("_attributes") {
                Some(element) if !element.is_empty() => Self::new(Section::Attributes, element),
                _ => Self::new(Section::Element, key),
            },
        }
    }

    /// The field's name and the role of a value at this place.
    fn meaning(&self) -> (Option<String>, Option<(Role, u8)>) {
        let label = self.label.as_str();
        match self.section {
            Section::SystemElement => system_meaning(label),
            Section::Data => (Some(label.to_owned()), None),
            // These names always mean the `System` section.
            Section::Element if matches!(label, "EventID" | "Provider_Name") => (None, None),
            Section::Element => (Some(label.to_owned()), None),
            Section::Other => (Some(other_name(label).unwrap_or(label).to_owned()), other_role(label)),
            _ => (None, None),
        }
    }
}

/// `param1`, `param2`, …
fn is_param(label: &str) -> bool {
    let number = label.strip_prefix("param").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether an attribute declares a namespace and is thus no field.
pub(crate) fn is_namespace(attribute: &str) -> bool {
    attribute == "xmlns" || attribute.starts_with("xmlns:")
}

fn system_attribute(element: &str, key: &str) -> Place {
    let key = key.strip_prefix('@').unwrap_or(key);
    match system_attribute_name(element, key) {
        Some(name) => Place::new(Section::SystemElement, name),
        None => Place::new(Section::Ignored, key),
    }
}

/// The name of the field that an attribute of an element of `System` is (`docs/fields.md`).
pub(crate) fn system_attribute_name(element: &str, attribute: &str) -> Option<String> {
    match (element, attribute) {
        _ if is_namespace(attribute) => None,
        ("TimeCreated", "SystemTime") => Some("SystemTime".to_owned()),
        ("Security", "UserID") => Some("UserID".to_owned()),
        _ => Some(format!("{element}_{attribute}")),
    }
}

/// Whether an element of `System` has attributes alone, so that its text is no field.
pub(crate) fn has_attributes_alone(element: &str) -> bool {
    matches!(element, "Provider" | "TimeCreated" | "Execution" | "Correlation" | "Security")
}

fn system_meaning(label: &str) -> (Option<String>, Option<(Role, u8)>) {
    let role = match label {
        "EventID" => Role::EventId,
        "Channel" => Role::Channel,
        "Provider_Name" => Role::Provider,
        "Computer" => Role::Computer,
        "EventRecordID" => Role::RecordId,
        "SystemTime" => Role::SystemTime,
        "TimeCreated" => return (None, Some((Role::Written, 0))),
        _ if has_attributes_alone(label) => return (None, None),
        _ => return (Some(label.to_owned()), None),
    };
    (Some(label.to_owned()), Some((role, 0)))
}

/// What a key outside of the sections of Windows events says of the record, and its rank.
fn other_role(label: &str) -> Option<(Role, u8)> {
    const KNOWN: [(Role, &[&str]); ROLES] = [
        (Role::EventId, &["winlog.event_id", "EventID", "EventId", "EventCode", "event_id", "Id", "event.code"]),
        (Role::Channel, &["winlog.channel", "Channel", "LogName", "log_name"]),
        (
            Role::Provider,
            &[
                "winlog.provider_name",
                "Provider_Name",
                "SourceName",
                "source_name",
                "ProviderName",
                "EventSourceName",
                "event.provider",
                "Source",
            ],
        ),
        (
            Role::Computer,
            &[
                "winlog.computer_name",
                "Computer",
                "ComputerName",
                "Hostname",
                "computer_name",
                "MachineName",
                "host.name",
            ],
        ),
        (Role::RecordId, &["winlog.record_id", "EventRecordID", "RecordNumber", "record_number", "RecordId"]),
        (Role::SystemTime, &["SystemTime"]),
        (Role::UtcTime, &["UtcTime"]),
        (Role::Written, &["winlog.time_created", "TimeCreated", "EventTime", "TimeCreated.value", "TimeGenerated"]),
        (Role::Collected, &["@timestamp", "timestamp"]),
    ];
    let rank = |names: &[&str]| names.iter().position(|name| *name == label);
    KNOWN.iter().find_map(|(role, names)| Some((*role, u8::try_from(rank(names)? + 1).ok()?)))
}

/// The name that `docs/fields.md` has for what stands under a shipper's own name.
fn other_name(label: &str) -> Option<&'static str> {
    Some(match label.strip_prefix("winlog.").unwrap_or(label) {
        "provider_guid" | "ProviderGuid" => "Provider_Guid",
        "EventIDQualifiers" => "EventID_Qualifiers",
        "ProviderEventSourceName" => "Provider_EventSourceName",
        "process.pid" if label.starts_with("winlog.") => "Execution_ProcessID",
        "process.thread.id" if label.starts_with("winlog.") => "Execution_ThreadID",
        "process_id" | "ExecutionProcessID" => "Execution_ProcessID",
        "thread_id" | "ExecutionThreadID" => "Execution_ThreadID",
        "activity_id" | "CorrelationActivityID" => "Correlation_ActivityID",
        "related_activity_id" | "CorrelationRelatedActivityID" => "Correlation_RelatedActivityID",
        "user.identifier" => "UserID",
        "version" => "Version",
        "level" => "Level",
        "task" => "Task",
        "opcode" => "Opcode",
        "keywords" => "Keywords",
        "message" => "Message",
        _ => return None,
    })
}

fn powershell_name(section: Section, label: &str) -> Option<&'static str> {
    if section != Section::Other {
        return None;
    }
    Some(match label {
        "ProviderId" => "Provider_Guid",
        "Qualifiers" => "EventID_Qualifiers",
        "ProcessId" => "Execution_ProcessID",
        "ThreadId" => "Execution_ThreadID",
        "UserId" | "UserId.Value" => "UserID",
        "ActivityId" | "ActivityId.Guid" => "Correlation_ActivityID",
        "RelatedActivityId" | "RelatedActivityId.Guid" => "Correlation_RelatedActivityID",
        "Properties" | "Properties.Value" | "Properties.Value.Value" => "Data",
        _ => return None,
    })
}
