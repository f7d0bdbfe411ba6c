//! An artifact as an event whose fields are the facts about it.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use event::{Detector, Encoding, Event, LogSource, Piece, Position, Record, Seen, TextGroup, Time, Value, Wanted};

use crate::strings;

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
    content: Vec<u8>,
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
        Self { kind, position, time, fields: Vec::new(), content: Vec::new() }
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

    /// Adds to what the artifact holds: no fact, but words that may stand anywhere are looked for in it.
    pub fn hold(&mut self, content: &[u8]) {
        self.content.extend_from_slice(content);
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Adds what another artifact's facts tell in fields of these names.
    pub(crate) fn copy(&mut self, other: &Self, names: &[&str]) {
        self.fields.extend(other.fields.iter().filter(|(name, _)| names.contains(&&**name)).cloned());
    }

    /// When the artifact was made, sent or changed.
    pub(crate) const fn time(&self) -> Option<Time> {
        self.time
    }

    /// About how many bytes they take up.
    pub(crate) fn weight(&self) -> usize {
        let text = |fact: &Fact| if let Fact::Text(text) = fact { text.len() } else { 0 };
        self.fields.iter().map(|(_, fact)| 56 + text(fact)).sum()
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

/// Facts, and what the artifact holds as far as any of the words that are looked for may stand there.
struct Artifact<'a> {
    facts: &'a Facts,
    content: &'a [u8],
}

impl Record for Artifact<'_> {
    fn source(&self) -> LogSource<'_> {
        self.facts.source()
    }

    fn host(&self) -> Cow<'_, str> {
        self.facts.host()
    }

    fn position(&self) -> Position {
        self.facts.position
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.facts.visit(visit);
    }

    fn visit_text(&self, visit: &mut dyn FnMut(Value<'_>)) {
        self.facts.visit(&mut |_, value| visit(value));
        strings::visit(self.content, &mut |text| visit(Value::Text(text)));
    }
}

/// Shows facts to a detector, of which it knows what it wants.
#[derive(Default)]
pub struct Shower {
    wanted: HashMap<Kind, Wanted>,
    hits: Vec<usize>,
}

impl Shower {
    /// Whether anything can be found in facts of this kind; if not, they need not be taken.
    pub fn wants(&mut self, kind: Kind, detector: &mut dyn Detector) -> bool {
        self.wanted(kind, detector).interest.wanted
    }

    /// Whether a field of facts of this kind may make a difference: a rule asks for it, or for any text.
    pub fn asks(&mut self, kind: Kind, field: &str, detector: &mut dyn Detector) -> bool {
        let wanted = self.wanted(kind, detector);
        wanted.slot(field).is_some() || wanted.interest.text.is_some()
    }

    /// Shows facts to the detector and tells what it saw in `seen`.
    pub fn show(&mut self, piece: &Arc<Piece>, facts: &Facts, detector: &mut dyn Detector, seen: &mut Seen) {
        self.show_with(piece, facts, &facts.content, detector, seen);
    }

    /// The same for an artifact that holds `content`.
    pub(crate) fn show_with(
        &mut self,
        piece: &Arc<Piece>,
        facts: &Facts,
        content: &[u8],
        detector: &mut dyn Detector,
        seen: &mut Seen,
    ) {
        let wanted = self.wanted(facts.kind, detector);
        let (class, interest) = (wanted.class, Arc::clone(&wanted.interest));
        if !interest.wanted {
            return;
        }
        let fields = facts.fields.iter();
        let fields: Vec<_> = fields.filter_map(|(name, fact)| Some((wanted.slot(name)?, fact.value()))).collect();
        let is_asked = interest.text.is_some_and(|group| self.may_hold(group, content, detector));
        let record = Artifact { facts, content: if is_asked { content } else { &[] } };
        detector.look(&Event { piece, class, time: facts.time, fields: &fields, text: true, record: &record }, seen);
    }

    /// Whether a word of `group` may stand in `content`, in any encoding.
    fn may_hold(&mut self, group: TextGroup, content: &[u8], detector: &mut dyn Detector) -> bool {
        [Encoding::RawText, Encoding::Utf16Le].into_iter().any(|encoding| {
            self.hits.clear();
            !detector.text_hits(group, content, encoding, &mut self.hits) || !self.hits.is_empty()
        })
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
