//! Which name a field has, by where it stands in the record: the table in `docs/fields.md`.

use std::borrow::Cow;

/// What an element stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Nothing: it is the record's root.
    Record,
    Event,
    System,
    EventData,
    /// `UserData`, at any depth; also what stands within an element of `EventData`.
    UserData,
    /// Where nothing has a name.
    Elsewhere,
}

impl Place {
    /// What the content of element `name` stands in, which itself stands in `self`.
    pub(super) fn within(self, name: &str) -> Self {
        match self {
            Self::Record => Self::Event,
            Self::Event => match name {
                "System" => Self::System,
                "EventData" => Self::EventData,
                "UserData" => Self::UserData,
                _ => Self::Elsewhere,
            },
            Self::EventData | Self::UserData => Self::UserData,
            Self::System | Self::Elsewhere => Self::Elsewhere,
        }
    }

    /// Whether what stands here is the `System` section and not the event's own data.
    pub(super) fn is_system(self) -> bool {
        self == Self::System
    }

    /// The field that the content of element `name` is, if it has no child elements.
    pub(super) fn content_name(self, name: &str) -> Option<&str> {
        match self {
            Self::System => {
                let only_attributes = ["Provider", "TimeCreated", "Execution", "Correlation", "Security"];
                (!only_attributes.contains(&name)).then_some(name)
            }
            Self::EventData | Self::UserData => Some(name),
            Self::Record | Self::Event | Self::Elsewhere => None,
        }
    }

    /// Whether element `name` is one whose field is called as its attribute `Name` says.
    pub(super) fn is_named_by_attribute(self, name: &str) -> bool {
        self == Self::EventData && name == "Data"
    }

    /// The field that attribute `attribute` of element `name` is.
    pub(super) fn attribute_name<'a>(self, name: &str, attribute: &'a str) -> Option<Cow<'a, str>> {
        if attribute == "xmlns" || attribute.starts_with("xmlns:") {
            return None;
        }
        match self {
            Self::System => match (name, attribute) {
                ("TimeCreated", "SystemTime") | ("Security", "UserID") => Some(Cow::Borrowed(attribute)),
                _ => Some(Cow::Owned(format!("{name}_{attribute}"))),
            },
            Self::UserData => Some(Cow::Owned(format!("{name}_{attribute}"))),
            Self::Record | Self::Event | Self::EventData | Self::Elsewhere => None,
        }
    }
}

/// Whether a name always means the `System` section, whatever the event's own data calls its fields.
pub(super) fn is_always_system(name: &str) -> bool {
    matches!(name, "EventID" | "Provider_Name")
}
