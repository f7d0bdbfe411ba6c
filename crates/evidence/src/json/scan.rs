//! Finds the values of one JSON record in a single pass, without building a tree.
//!
//! The result is a flat list of scalar values, each with the node of its key in [`Names`]; an array's elements all
//! have the array's node. Nothing is unescaped here. What is checked: that braces, keys, colons and commas
//! stand where they must, and that what is not text is a number, `true`, `false` or `null`.
//!
//! A record may go over many lines. It ends early where a line begins with `{` no deeper than the record's own
//! first line: that is where the next record begins when one was cut short.

use super::{
    names::{Names, NodeId, ROLES, ROOT, Role},
    value::Kind,
};

/// Deepest nesting of arrays and objects that is followed.
pub(super) const MAX_DEPTH: usize = 128;
/// Blanks at a line's beginning that are counted.
pub(super) const MAX_INDENT: usize = 4096;
/// Most values in one record.
const MAX_VALUES: usize = 1_000_000;

/// A scalar value of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) node: NodeId,
    pub(super) kind: Kind,
    /// Where it stands in the text; without quotes.
    pub(super) start: u32,
    pub(super) end: u32,
}

/// For each [`Role`] the number of the leaf that is believed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heads {
    best: [Option<(u8, u32)>; ROLES],
}

impl Heads {
    pub(super) fn get(&self, role: Role) -> Option<usize> {
        self.best.get(role as usize).copied().flatten().map(|(_, leaf)| leaf as usize)
    }

    /// How far the value is to be believed that is believed most; lower is further.
    #[inline]
    pub(super) fn rank(&self, role: Role) -> Option<u8> {
        self.best.get(role as usize).copied().flatten().map(|(rank, _)| rank)
    }

    /// Whether the believed value stands in the `System` section, where no other key can mean the same.
    pub(super) fn in_system(&self, role: Role) -> bool {
        self.rank(role) == Some(0)
    }

    fn offer(&mut self, role: Role, rank: u8, leaf: u32) {
        if let Some(best) = self.best.get_mut(role as usize)
            && best.is_none_or(|(other, _)| rank < other)
        {
            *best = Some((rank, leaf));
        }
    }
}

/// Why a record is none. Boxed where it is returned, since a result is returned for every token.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) reason: String,
}

#[derive(Clone, Copy)]
struct Frame {
    node: NodeId,
    previous: NodeId,
    array: bool,
    /// How many members the object has so far.
    members: u32,
    /// What is in here is the record, and nothing beside it (Elasticsearch's `_source`).
    source: bool,
}

/// Walks records and keeps the values of the last one.
pub(super) struct Scanner {
    pub(super) names: Names,
    pub(super) leaves: Vec<Leaf>,
    pub(super) heads: Heads,
    stack: Vec<Frame>,
    sealed: Option<(usize, Heads)>,
    indent: usize,
    /// Where the last line begins that the record reached, if it has more than one.
    pub(super) last_line: Option<usize>,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self {
            names: Names::new(),
            leaves: Vec::new(),
            heads: Heads::default(),
            stack: Vec::new(),
            sealed: None,
            indent: 0,
            last_line: None,
        }
    }

    /// Reads the object that begins at `start` in `bytes`; returns where it ends. `indent`: how many blanks its
    /// first line begins with. What was found before a fault stays.
    pub(super) fn record(&mut self, bytes: &[u8], start: usize, indent: usize) -> Result<usize, Box<Fault>> {
        self.leaves.clear();
        self.stack.clear();
        self.heads = Heads::default();
        self.sealed = None;
        self.indent = indent;
        self.last_line = None;
        let end = self.walk(bytes, start);
        if let Some((leaves, heads)) = self.sealed {
            self.leaves.truncate(leaves);
            self.heads = heads;
        }
        end
    }

    fn walk(&mut self, bytes: &[u8], start: usize) -> Result<usize, Box<Fault>> {
        let mut at = self.value(bytes, start, ROOT, false)?;
        while let Some(frame) = self.stack.last().copied() {
            at = self.blank(bytes, at)?;
            let close = if frame.array { b']' } else { b'}' };
            match bytes.get(at) {
                Some(b',') => at = self.item(bytes, at + 1, frame)?,
                Some(byte) if *byte == close => {
                    self.close(frame, at)?;
                    at += 1;
                }
                _ => return Err(expected(bytes, at, if frame.array { "',' or ']'" } else { "',' or '}'" })),
            }
        }
        Ok(at)
    }

    fn close(&mut self, frame: Frame, at: usize) -> Result<(), Box<Fault>> {
        self.stack.pop();
        if frame.source {
            self.sealed = Some((self.leaves.len(), self.heads));
        }
        // An element that has attributes and nothing else is an empty field, as it is in XML.
        let alone = frame.members == 1 && !frame.array && self.names.is_attributes(frame.previous);
        if alone && self.names.is_element(frame.node) {
            self.leaf(frame.node, Kind::Null, at, at)?;
        }
        Ok(())
    }

    /// An element of an array or a member of an object.
    fn item(&mut self, bytes: &[u8], at: usize, frame: Frame) -> Result<usize, Box<Fault>> {
        let at = self.blank(bytes, at)?;
        if frame.array {
            return self.value(bytes, at, frame.node, false);
        }
        let Some(b'"') = bytes.get(at) else { return Err(expected(bytes, at, "a key")) };
        let (node, end) = self.key(bytes, at + 1, frame)?;
        if let Some(top) = self.stack.last_mut() {
            top.previous = node;
            top.members = top.members.saturating_add(1);
        }
        let mut at = end + 1;
        if bytes.get(at) != Some(&b':') {
            at = self.blank(bytes, at)?;
            if bytes.get(at) != Some(&b':') {
                return Err(expected(bytes, at, "':' behind a key"));
            }
        }
        let at = self.blank(bytes, at + 1)?;
        let source = bytes.get(at) == Some(&b'{') && self.stack.len() == 1 && self.names.is_top(node, "_source");
        self.value(bytes, at, if source { ROOT } else { node }, source)
    }

    /// The node of the key whose text begins at `at`, and where its quote stands.
    #[inline]
    fn key(&mut self, bytes: &[u8], at: usize, frame: Frame) -> Result<(NodeId, usize), Box<Fault>> {
        let rest = bytes.get(at..).unwrap_or_default();
        if let Some((node, length)) = self.names.expected(frame.node, frame.previous, rest) {
            return Ok((node, at + length));
        }
        let end = string_end(bytes, at)?;
        match self.names.child(frame.node, frame.previous, bytes.get(at..end).unwrap_or_default()) {
            Some(node) => Ok((node, end)),
            None => Err(fault("expected a record of fewer and shorter names, found too many or one over 4096 bytes")),
        }
    }

    fn value(&mut self, bytes: &[u8], at: usize, node: NodeId, source: bool) -> Result<usize, Box<Fault>> {
        match bytes.get(at) {
            Some(b'"') => {
                let end = string_end(bytes, at + 1)?;
                self.leaf(node, Kind::Text, at + 1, end)?;
                Ok(end + 1)
            }
            Some(b'{') => self.open(bytes, at, Frame { node, previous: node, array: false, members: 0, source }),
            Some(b'[') => self.open(bytes, at, Frame { node, previous: node, array: true, members: 0, source: false }),
            _ => {
                let (kind, end) = scalar(bytes, at)?;
                self.leaf(node, kind, at, end)?;
                Ok(end)
            }
        }
    }

    fn open(&mut self, bytes: &[u8], at: usize, frame: Frame) -> Result<usize, Box<Fault>> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(fault(format!("expected no more than {MAX_DEPTH} levels of nesting, found one more")));
        }
        if frame.source {
            self.leaves.clear();
            self.heads = Heads::default();
        }
        let inside = self.blank(bytes, at + 1)?;
        self.stack.push(frame);
        match bytes.get(inside) {
            Some(b'}') if !frame.array => self.close(frame, inside)?,
            Some(b']') if frame.array => self.close(frame, inside)?,
            _ => return self.item(bytes, inside, frame),
        }
        Ok(inside + 1)
    }

    fn leaf(&mut self, node: NodeId, kind: Kind, start: usize, end: usize) -> Result<(), Box<Fault>> {
        let number = self.leaves.len();
        let (Ok(start32), Ok(end32), Ok(number32)) = (u32::try_from(start), u32::try_from(end), u32::try_from(number))
        else {
            return Err(fault("expected a record within 4 GiB"));
        };
        if number >= MAX_VALUES {
            return Err(fault(format!("expected no more than {MAX_VALUES} values in a record, found one more")));
        }
        self.leaves.push(Leaf { node, kind, start: start32, end: end32 });
        if let Some((role, rank)) = self.names.get(node).and_then(|node| node.role)
            && !matches!(kind, Kind::Null)
        {
            self.heads.offer(role, rank, number32);
        }
        Ok(())
    }

    /// Skips blanks and line ends; a line end may be the border to the next record.
    #[inline]
    fn blank(&mut self, bytes: &[u8], at: usize) -> Result<usize, Box<Fault>> {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(byte), _) if *byte > b' ' => Ok(at),
            (Some(b' '), Some(byte)) if *byte > b' ' => Ok(at + 1),
            _ => self.blanks(bytes, at),
        }
    }

    fn blanks(&mut self, bytes: &[u8], mut at: usize) -> Result<usize, Box<Fault>> {
        loop {
            match bytes.get(at) {
                Some(b' ' | b'\t' | b'\r') => at += 1,
                Some(b'\n') => at = self.line_end(bytes, at)?,
                _ => return Ok(at),
            }
        }
    }

    fn line_end(&mut self, bytes: &[u8], at: usize) -> Result<usize, Box<Fault>> {
        if begins_record(bytes, at, self.indent) {
            return Err(cut_short("the record's end", "the next record"));
        }
        self.last_line = Some(at + 1);
        Ok(at + 1)
    }
}

/// Whether the line behind the line end at `at` begins a record, seen from one whose first line is indented by
/// `indent`.
pub(super) fn begins_record(bytes: &[u8], at: usize, indent: usize) -> bool {
    let line = bytes.get(at + 1..).unwrap_or_default();
    let blanks = line.iter().take(indent + 1).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    blanks <= indent && line.get(blanks) == Some(&b'{')
}

/// The closing quote of the string whose content begins at `from`.
#[inline]
fn string_end(bytes: &[u8], from: usize) -> Result<usize, Box<Fault>> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(found) = near_end(rest).or_else(|| memchr::memchr2(b'"', b'\n', rest)) else {
            return Err(cut_short("a closing '\"'", "the end"));
        };
        at += found;
        if bytes.get(at) == Some(&b'\n') {
            return Err(cut_short("a closing '\"'", "a line end"));
        }
        let before = bytes.get(from..at).unwrap_or_default();
        if before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0 {
            return Ok(at);
        }
        at += 1;
    }
}

/// Where the first quote or line end stands, if within sixteen bytes: most strings are so short that calling a vectorised
/// search costs more than it saves.
#[inline]
fn near_end(rest: &[u8]) -> Option<usize> {
    let (words, _) = rest.get(..16)?.as_chunks::<8>();
    let ends = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        zeros(word ^ u64::from_le_bytes([b'"'; 8])) | zeros(word ^ u64::from_le_bytes([b'\n'; 8]))
    };
    let mut words = words.iter().map(ends).enumerate();
    words.find(|(_, ends)| *ends != 0).map(|(index, ends)| index * 8 + ends.trailing_zeros() as usize / 8)
}

/// Marks the upper bit of the lowest byte that is zero, if there is one (haszero of Anderson's "Bit Twiddling Hacks"; what
/// stands above the lowest mark means nothing).
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(u64::from_le_bytes([0x01; 8])) & !word & u64::from_le_bytes([0x80; 8])
}

fn scalar(bytes: &[u8], at: usize) -> Result<(Kind, usize), Box<Fault>> {
    let rest = bytes.get(at..).unwrap_or_default();
    let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
    // No number needs more; so a long run of anything else is not looked at again and again.
    let length = rest.iter().take(400).position(is_end).unwrap_or_else(|| rest.len().min(400));
    let kind = match rest.get(..length).unwrap_or_default() {
        b"null" => Kind::Null,
        b"true" => Kind::True,
        b"false" => Kind::False,
        number if is_number(number) => Kind::Number,
        _ => return Err(expected(bytes, at, "a value")),
    };
    if at + length == bytes.len() {
        return Err(cut_short("the record's end", "the end"));
    }
    Ok((kind, at + length))
}

fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
}

fn fault(reason: impl Into<String>) -> Box<Fault> {
    Box::new(Fault { reason: reason.into() })
}

#[cold]
fn cut_short(wanted: &str, found: &str) -> Box<Fault> {
    fault(format!("cut short: expected {wanted}, found {found}"))
}

#[cold]
fn expected(bytes: &[u8], at: usize, wanted: &str) -> Box<Fault> {
    match bytes.get(at) {
        Some(b'\n') | None => cut_short(wanted, if at < bytes.len() { "a line end" } else { "the end" }),
        Some(byte) => fault(format!("expected {wanted}, found {}", Shown(*byte))),
    }
}

/// A byte as it is told of in a reason.
pub(super) struct Shown(pub(super) u8);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            byte if byte.is_ascii_graphic() => write!(f, "'{}'", char::from(byte)),
            byte => write!(f, "byte 0x{byte:02x}"),
        }
    }
}
