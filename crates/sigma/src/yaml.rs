//! YAML as Sigma needs it: a tree of nodes that know their line, so that every complaint can name it.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Deeper nesting is nobody's rule.
const MAX_DEPTH: usize = 64;
/// Aliases may repeat nodes; this many in all are plenty and keep a "billion laughs" small.
const MAX_NODES: usize = 200_000;

/// A value with the line it begins on, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The line.
    pub line: usize,
    /// The value.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// Text, a number or a boolean, as written.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in its order.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key as text; empty for a null key.
    pub key: String,
    /// Its line.
    pub line: usize,
    /// What it maps to.
    pub value: Node,
}

/// Why a file or rule cannot be used, with the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// Lower case, without a full stop.
    pub message: String,
}

impl Problem {
    /// A problem at a line.
    pub fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

impl Node {
    /// The text of a scalar.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The text of a key's scalar.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Node::as_str)
    }

    /// The items of a list; a single value counts as a list of one, null as none.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// The texts among [`Node::items`].
    pub fn texts(&self) -> Vec<String> {
        self.items().iter().filter_map(Node::as_str).map(str::to_owned).collect()
    }
}

/// The documents of a file, and the first problem, if the YAML is wrong from some line on. Documents before it stand.
pub fn documents(text: &str) -> (Vec<Node>, Option<Problem>) {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.add(event, span.start.line()),
            Err(error) => {
                let line = error.marker().line();
                Err(Problem::new(line, format!("not valid YAML: {}", error.info())))
            }
        };
        if let Err(problem) = step {
            return (builder.documents, Some(problem));
        }
    }
    (builder.documents, None)
}

/// A mapping with what its key `<<` merges into it: the entries of a mapping, or of several, the first of which counts. Its own
/// entries stand.
fn with_merged(mut node: Node) -> Result<Node, Problem> {
    let Kind::Map(entries) = &mut node.kind else { return Ok(node) };
    let Some(at) = entries.iter().position(|entry| entry.key == "<<") else { return Ok(node) };
    let merged = entries.remove(at);
    for other in merged.value.items() {
        let Kind::Map(others) = &other.kind else {
            return Err(Problem::new(merged.line, "'<<' merges mappings, found something else"));
        };
        for entry in others {
            if !entries.iter().any(|own| own.key == entry.key) {
                entries.push(entry.clone());
            }
        }
    }
    Ok(node)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<(String, usize)>,
}

impl Builder {
    fn add(&mut self, event: Event<'_>, line: usize) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let kind = if is_null { Kind::Null } else { Kind::Scalar(text.into_owned()) };
                self.complete(Node { line, kind }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(Node { line, kind: Kind::List(Vec::new()) }, anchor),
            Event::MappingStart(anchor, _) => self.begin(Node { line, kind: Kind::Map(Vec::new()) }, anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.complete(with_merged(open.node)?, open.anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node =
                    node.ok_or_else(|| Problem::new(line, "an alias refers to something that is not yet complete"))?;
                self.count(&node)?;
                self.complete(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem::new(node.line, format!("nested more than {MAX_DEPTH} deep")));
        }
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Map(entries), Some((key, line))) => {
                if entries.iter().any(|entry| entry.key == key) {
                    return Err(Problem::new(line, format!("the key '{key}' is given twice")));
                }
                entries.push(Entry { key, line, value: node });
            }
            (_, None) => {
                let key = match node.kind {
                    Kind::Scalar(text) => text,
                    Kind::Null => String::new(),
                    _ => return Err(Problem::new(node.line, "a key must be text, not a list or mapping")),
                };
                open.key = Some((key, node.line));
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, node: &Node) -> Result<(), Problem> {
        fn size(node: &Node) -> usize {
            match &node.kind {
                Kind::List(items) => 1 + items.iter().map(size).sum::<usize>(),
                Kind::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
                _ => 1,
            }
        }
        self.nodes += size(node);
        if self.nodes > MAX_NODES {
            return Err(Problem::new(node.line, "aliases expand to more values than any rule needs"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_lines() {
        let (documents, problem) = documents("a: 1\nb:\n  - x\n  - ~\n---\nc: 'null'\n");
        assert_eq!(problem, None);
        let list = documents[0].get("b").unwrap();
        assert_eq!(list.items().iter().map(|item| item.line).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(list.items()[1].kind, Kind::Null);
        assert_eq!(documents[1].text("c"), Some("null"));
    }

    #[test]
    fn merge_keys_are_merged() {
        let (documents, problem) =
            documents("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  y: 5\n  <<: [*a, *b]\nd:\n  <<: *b\n");
        assert_eq!(problem, None);
        let text = |key: &str, inner: &str| documents[0].get(key).unwrap().text(inner).map(str::to_owned);
        let of = |key| ["x", "y", "z", "<<"].map(|inner| text(key, inner).unwrap_or_default());
        assert_eq!((of("c"), of("d")), (["1", "5", "4", ""].map(Into::into), ["", "3", "4", ""].map(Into::into)));
        let (_, problem) = super::documents("a:\n  b: 1\n  <<: c\n");
        assert_eq!(problem.unwrap().to_string(), "line 3: '<<' merges mappings, found something else");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, part) in
            [("a: 1\na: 2\n", 2, "twice"), ("a: [1, 2\nb: 3\n", 2, "YAML"), ("? [a]\n: b\n", 1, "key must be text")]
        {
            let (_, problem) = documents(text);
            let problem = problem.unwrap();
            assert!(problem.message.contains(part), "{problem}");
            assert_eq!(problem.line, line, "{problem}");
        }
        assert!(documents(&"[".repeat(100_000)).1.is_some());
        assert!(documents(&"- ".repeat(100)).1.unwrap().message.contains("deep"));
        let laughs = (0..30)
            .map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(if n > 0 { 9 } else { 0 })))
            .collect::<String>();
        assert!(documents(&laughs.replace("*a-1,", "")).1.is_some());
    }
}
