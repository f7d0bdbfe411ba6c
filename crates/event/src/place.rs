use std::{fmt, sync::Arc};

/// One piece of evidence: a file, a member of an archive, or standard input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piece {
    /// Where it is, as a person would name it: the path given, and behind a `!` the path inside each
    /// archive, e.g. `backup.zip!/logs/Security.evtx`. `-` for standard input. Always `/` as separator inside archives.
    pub path: String,
}

/// Where a record stands within its piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// The record's own number (for Windows event logs the event record id).
    Record(u64),
    /// The line it begins on, counted from 1.
    Line(u64),
    /// The byte it begins at, counted from 0.
    Offset(u64),
}

impl Position {
    /// `record`, `line` or `offset`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Line(_) => "line",
            Self::Offset(_) => "offset",
        }
    }

    /// A number for the kind, by which it is kept: 0 for a record, 1 for a line, 2 for an offset.
    pub const fn tag(self) -> u8 {
        match self {
            Self::Record(_) => 0,
            Self::Line(_) => 1,
            Self::Offset(_) => 2,
        }
    }

    /// The position of that kind and number; `None` where no kind has this tag.
    pub const fn of(tag: u8, number: u64) -> Option<Self> {
        match tag {
            0 => Some(Self::Record(number)),
            1 => Some(Self::Line(number)),
            2 => Some(Self::Offset(number)),
            _ => None,
        }
    }

    /// The number alone.
    pub const fn number(self) -> u64 {
        match self {
            Self::Record(number) | Self::Line(number) | Self::Offset(number) => number,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.number())
    }
}

/// Where an event stands, so that anyone can go back to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The piece of evidence.
    pub piece: Arc<Piece>,
    /// The record in it.
    pub position: Position,
}

/// Something in a piece of evidence that could not be read; everything around it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// Where it begins.
    pub position: Position,
    /// How many records were lost by it, as far as that can be known.
    pub records: u64,
    /// What was expected and what stands there, in lower case and without a full stop.
    pub reason: String,
}
