//! An artifact as an event whose fields are the facts about it.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use event::{Detector, Event, LogSource, Piece, Position, Record, Seen, Time, Value, Wanted};

/// What the facts are about: the category of the rules that judge them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A mail: `category: mail`.
    Mail,
    /// A conversation in a messenger: `category: conversation`.
    Conversation,
    /// A file, by itself or inside something: `category: file`.
    File,
    /// A folder of files that belong together, or a package: `category: tree`.
    Tree,
}

impl Kind {
    /// The name in log sources and taxonomy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Conversation => "conversation",
            Self::File => "file",
            Self::Tree => "tree",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Mail, Self::Conversation, Self::File, Self::Tree].into_iter().find(|kind| kind.name() == name)
    }

    const fn source(self) -> LogSource<'static> {
        LogSource { product: "artifact", channel: self.name(), provider: "", event_id: 0 }
    }
}

/// The facts about one artifact. A name may stand there several times, once for each value.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    kind: Kind,
    position: Position,
    time: Option<Time>,
    fields: Vec<(Cow<'static, str>, Fact)>,
}

/// A value of a fact.
#[derive(Clone, Debug, PartialEq)]
enum Fact {
    Text(String),
    Number(u64),
}

impl Fact {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Number(number) => Value::UInt(*number),
        }
    }
}

impl Facts {
    /// Nothing known yet of the artifact that stands at `position` of its piece and was made, sent or changed at `time`.
    pub const fn new(kind: Kind, position: Position, time: Option<Time>) -> Self {
        Self { kind, position, time, fields: Vec::new() }
    }

    /// Adds a fact, but for an empty text: a field that is there says something.
    pub fn tell(&mut self, name: impl Into<Cow<'static, str>>, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.fields.push((name.into(), Fact::Text(text)));
        }
    }

    /// Adds a fact that is a number.
    pub fn count(&mut self, name: impl Into<Cow<'static, str>>, number: u64) {
        self.fields.push((name.into(), Fact::Number(number)));
    }

    /// The values of a field.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.fields.iter().filter(move |(known, _)| *known == name).map(|(_, fact)| fact.value().text())
    }
}

impl Record for Facts {
    fn source(&self) -> LogSource<'_> {
        self.kind.source()
    }

    fn host(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn position(&self) -> Position {
        self.position
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.fields.iter().for_each(|(name, fact)| visit(name, fact.value()));
    }
}

/// Shows facts to a detector, of which it knows what it wants.
#[derive(Default)]
pub struct Shower {
    wanted: HashMap<Kind, Wanted>,
}

impl Shower {
    /// Whether anything can be found in facts of this kind; if not, they need not be taken.
    pub fn wants(&mut self, kind: Kind, detector: &mut dyn Detector) -> bool {
        self.wanted(kind, detector).interest.wanted
    }

    /// Shows facts to the detector and tells what it saw in `seen`.
    pub fn show(&mut self, piece: &Arc<Piece>, facts: &Facts, detector: &mut dyn Detector, seen: &mut Seen) {
        let wanted = self.wanted(facts.kind, detector);
        if !wanted.interest.wanted {
            return;
        }
        let fields = facts.fields.iter();
        let fields: Vec<_> = fields.filter_map(|(name, fact)| Some((wanted.slot(name)?, fact.value()))).collect();
        let class = wanted.class;
        detector.look(&Event { piece, class, time: facts.time, fields: &fields, text: true, record: facts }, seen);
    }

    fn wanted(&mut self, kind: Kind, detector: &mut dyn Detector) -> &Wanted {
        self.wanted.entry(kind).or_insert_with(|| Wanted::of(&kind.source(), detector))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_empty_is_no_fact() {
        let mut facts = Facts::new(Kind::Mail, Position::Record(1), None);
        facts.tell("Subject", "");
        facts.tell("Link", "one");
        facts.count("Links", 2);
        facts.tell("Link", "two");
        let mut seen = Vec::new();
        facts.visit(&mut |name, value| seen.push(format!("{name}={}", value.text())));
        assert_eq!(seen, ["Link=one", "Links=2", "Link=two"]);
        assert_eq!(facts.values("Link").collect::<Vec<_>>(), ["one", "two"]);
    }
}
