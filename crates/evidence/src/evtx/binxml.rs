//! The tokens of binary XML ([MS-EVEN6] 2.2.12) as a tree in which substitutions are still open.
//!
//! Event logs differ from the specification in one respect: names and template definitions stand once
//! in a chunk and are referred to by their offset in it. Where one is used first, it stands right behind
//! the reference.

use std::{collections::HashMap, rc::Rc};

use foldhash::fast::RandomState;

use super::value::{self, BINXML, STRING};

/// Elements that may be open at once in a stream, and streams within one another.
pub(super) const MAX_DEPTH: usize = 128;

/// Why something could not be read: what was expected and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

impl Fault {
    #[cold]
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Bytes of a chunk, as a place and a length relative to some base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    /// The bytes themselves.
    pub(super) fn of<'a>(&self, chunk: &'a [u8], base: usize) -> &'a [u8] {
        let start = base + self.start as usize;
        chunk.get(start..start + self.len as usize).unwrap_or_default()
    }
}

/// An element as it stands in a stream.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: Rc<str>,
    /// The substitution without which the element is left out.
    pub(super) dependency: Option<u16>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) children: Vec<Node>,
}

/// An attribute as it stands in a stream.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: Rc<str>,
    pub(super) value: Vec<Node>,
}

/// A part of an element's or an attribute's content.
#[derive(Debug)]
pub(super) enum Node {
    Element(Element),
    /// UTF-16.
    Text(Span),
    /// A typed value that is no text.
    Literal(u8, Span),
    /// A character or entity reference, resolved.
    Chars(Box<str>),
    /// A substitution by its index.
    Substitution(u16),
    /// A stream within the stream.
    Fragment(Span),
    Instance(Instance),
}

/// A template instance: which template, and where its values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    /// The first four bytes of the template's GUID, as the instance has them.
    pub(super) id: u32,
    /// Where the definition begins in the chunk.
    pub(super) definition: u32,
    /// Number of values.
    pub(super) count: u32,
    /// Where their descriptors begin in the chunk; the values follow them.
    pub(super) descriptors: usize,
}

/// Bytes before a template definition's body: offset of the next definition, GUID, size of the body.
pub(super) const DEFINITION_HEADER: usize = 24;

/// A value within a template instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Substitution {
    pub(super) at: u32,
    pub(super) size: u16,
    pub(super) ty: u8,
}

impl Substitution {
    /// The value's bytes.
    pub(super) fn bytes<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        let start = self.at as usize;
        chunk.get(start..start + usize::from(self.size)).unwrap_or_default()
    }

    /// Whether an element that depends on it is left out.
    pub(super) fn is_null(&self) -> bool {
        self.ty == value::NULL || (self.ty == BINXML && self.size == 0)
    }

    /// Whether it is a stream of its own.
    pub(super) fn is_fragment(&self) -> bool {
        self.ty == BINXML && self.size > 0
    }
}

impl Instance {
    /// Where the body of its template begins in the chunk.
    pub(super) fn base(&self) -> usize {
        self.definition as usize + DEFINITION_HEADER
    }

    /// Appends the instance's values to `out` and tells which kinds are among them and where the last one
    /// ends. No value reaches beyond `end`.
    pub(super) fn values(&self, chunk: &[u8], end: usize, out: &mut Vec<Substitution>) -> Result<(u8, usize), Fault> {
        let first = self.descriptors + 4 * self.count as usize;
        let Some(table) = chunk.get(self.descriptors..first) else {
            return Err(Fault::new(format!("expected {} substitutions, found the end of the record", self.count)));
        };
        let (mut at, mut kinds) = (first, 0);
        out.extend(table.as_chunks::<4>().0.iter().map(|&[low, high, ty, _]| {
            let size = u16::from_le_bytes([low, high]);
            let place = at as u32;
            at += usize::from(size);
            kinds |= value::kind(ty);
            Substitution { at: place, size, ty }
        }));
        if kinds & value::UNKNOWN != 0 {
            return Err(Fault::new("a substitution has a type that does not exist"));
        }
        if at > end {
            return Err(Fault::new(format!("values end at {at} where the record ends at {end}")));
        }
        Ok((kinds, at))
    }
}

/// Reads a chunk from one offset to another.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) chunk: &'a [u8],
    pub(super) at: usize,
    end: usize,
}

impl Cursor<'_> {
    /// Bytes not read yet.
    pub(super) fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }
}

impl<'a> Cursor<'a> {
    /// Reads `chunk[at..end]`; names and definitions are looked up in all of `chunk`.
    pub(super) fn new(chunk: &'a [u8], at: usize, end: usize) -> Self {
        Self { chunk, at, end: end.min(chunk.len()) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.chunk.get(self.at..self.end).and_then(|rest| rest.first_chunk::<N>());
        let bytes = bytes.ok_or_else(|| self.too_short(N))?;
        self.at += N;
        Ok(*bytes)
    }

    #[cold]
    fn too_short(&self, wanted: usize) -> Fault {
        let left = self.end.saturating_sub(self.at);
        Fault::new(format!("expected {wanted} bytes at {:#x} of the chunk, found {left}", self.at))
    }

    fn u8(&mut self) -> Result<u8, Fault> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, Fault> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        self.take().map(u32::from_le_bytes)
    }

    fn skip(&mut self, len: usize) -> Result<(), Fault> {
        if len > self.end.saturating_sub(self.at) {
            return Err(self.too_short(len));
        }
        self.at += len;
        Ok(())
    }

    /// A reference to a name, and the name itself where it follows.
    fn skip_name(&mut self) -> Result<(), Fault> {
        let offset = self.u32()?;
        if offset as usize == self.at {
            let (units, _) = name_at(self.chunk, offset).ok_or_else(|| self.too_short(8))?;
            self.skip(8 + units.len() + 2)?;
        }
        Ok(())
    }

    /// A record's usual shape is a fragment header and one template instance: that instance, with the
    /// cursor behind its head. `None` for any other shape, the cursor as it was.
    pub(super) fn sole_instance(&mut self) -> Result<Option<Instance>, Fault> {
        let head = self.chunk.get(self.at..self.end).unwrap_or_default();
        let skip = match head {
            [0x0f, _, _, _, 0x0c, ..] => 5,
            [0x0c, ..] => 1,
            _ => return Ok(None),
        };
        self.at += skip;
        self.instance().map(Some)
    }

    /// A template instance, without its token.
    fn instance(&mut self) -> Result<Instance, Fault> {
        self.skip(1)?;
        let (id, definition) = (self.u32()?, self.u32()?);
        if definition as usize == self.at {
            self.skip(DEFINITION_HEADER - 4)?;
            let size = self.u32()?;
            self.skip(size as usize)?;
        }
        let count = self.u32()?;
        let descriptors = self.at;
        if (count as usize) > self.end.saturating_sub(self.at) / 4 {
            return Err(Fault::new(format!("expected {count} substitutions, found the end of the record")));
        }
        self.at += 4 * count as usize;
        Ok(Instance { id, definition, count, descriptors })
    }

    /// Behind an instance that is all of a stream: whether nothing follows its values.
    pub(super) fn ends_after(&self, values_end: usize) -> bool {
        self.chunk.get(values_end..self.end).is_some_and(|rest| matches!(rest, [] | [0, ..]))
    }
}

/// A reference to a name, so that the same definition is recognised where its names stand elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameReference {
    /// Where the reference stands, relative to the stream's base.
    pub(super) at: u32,
    /// Whether the name stands right behind it.
    pub(super) inline: bool,
    /// The name in [`Stream::names`].
    pub(super) name: Span,
}

/// A stream of tokens, read.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// What stands at the top, in order.
    pub(super) nodes: Vec<Node>,
    /// Of a template definition: every reference to a name, in order.
    pub(super) references: Vec<NameReference>,
    /// The names referred to, in UTF-16.
    pub(super) names: Vec<u8>,
    /// Whether every name has the hash that stands before it.
    pub(super) sound: bool,
    /// Whether it holds streams or instances of its own.
    pub(super) nested: bool,
}

/// A name in the chunk's string table ([MS-EVEN6] 2.2.12.3, with the offset of the next one before it):
/// its UTF-16, its hash, and whether it ends as it should.
pub(super) fn name_at(chunk: &[u8], offset: u32) -> Option<(&[u8], u16)> {
    let entry = chunk.get(offset as usize..)?;
    let (&[_, _, _, _, h0, h1, n0, n1], rest) = entry.split_first_chunk::<8>()?;
    let name = rest.get(..2 * usize::from(u16::from_le_bytes([n0, n1])))?;
    Some((name, u16::from_le_bytes([h0, h1])))
}

fn name_hash(name: &[u8]) -> u16 {
    let units = name.as_chunks::<2>().0.iter().map(|unit| u32::from(u16::from_le_bytes(*unit)));
    units.fold(0u32, |hash, unit| hash.wrapping_mul(65599).wrapping_add(unit)) as u16
}

/// Bytes of a name, and of all names referred to in a template definition. A definition may refer to the same
/// long name again and again; no sound one comes near.
const MAX_NAME: usize = 1024;
const MAX_NAMES: usize = 1 << 18;

/// Names that were read before, by their offset in the chunk: streams outside of templates repeat them.
pub(super) type Names = HashMap<u32, (Rc<str>, bool), RandomState>;

/// Reads the tokens of a template definition into a tree; see [`read_stream`].
pub(super) fn read_definition(cursor: Cursor<'_>, base: usize) -> Result<Stream, Fault> {
    read(cursor, base, None)
}

/// Reads the tokens from `cursor` on into a tree. Spans are relative to `base`. Only within a template
/// definition elements have a dependency, and substitutions may stand.
pub(super) fn read_stream(cursor: Cursor<'_>, base: usize, names: &mut Names) -> Result<Stream, Fault> {
    read(cursor, base, Some(names))
}

fn read(cursor: Cursor<'_>, base: usize, names: Option<&mut Names>) -> Result<Stream, Fault> {
    let mut parser = Parser {
        cursor,
        base,
        definition: names.is_none(),
        names,
        stream: Stream { sound: true, ..Stream::default() },
        open: Vec::new(),
        start: false,
    };
    while parser.cursor.at < parser.cursor.end {
        if !parser.token()? {
            break;
        }
    }
    match parser.open.last() {
        Some(element) => Err(Fault::new(format!("element {} is never closed", element.name))),
        None => Ok(parser.stream),
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    base: usize,
    definition: bool,
    names: Option<&'a mut Names>,
    stream: Stream,
    open: Vec<Element>,
    /// Whether the innermost open element's start tag is still open, so that content goes to its attributes.
    start: bool,
}

impl Parser<'_> {
    /// Reads a token; false at the end of the stream.
    fn token(&mut self) -> Result<bool, Fault> {
        let at = self.cursor.at;
        match self.cursor.u8()? {
            0x00 => return Ok(false),
            token @ (0x01 | 0x41) => self.open_element(token == 0x41)?,
            0x02 => self.close_start()?,
            0x03 => {
                self.close_start()?;
                self.close_element()?;
            }
            0x04 => self.close_element()?,
            0x05 | 0x45 => self.value()?,
            0x06 | 0x46 => self.attribute()?,
            0x07 | 0x47 => self.text()?,
            0x08 | 0x48 => {
                let char = char::from_u32(u32::from(self.cursor.u16()?)).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.content(Node::Chars(char.to_string().into()))?;
            }
            0x09 | 0x49 => self.entity()?,
            0x0a => drop(self.name()?),
            0x0b => {
                let units = self.cursor.u16()?;
                self.cursor.skip(2 * usize::from(units))?;
            }
            0x0c => self.instance()?,
            0x0d | 0x0e => self.substitution()?,
            0x0f => self.cursor.skip(3)?,
            other => return Err(Fault::new(format!("expected a token at {at:#x} of the chunk, found {other:#04x}"))),
        }
        Ok(true)
    }

    fn open_element(&mut self, attributes: bool) -> Result<(), Fault> {
        if self.start {
            return Err(Fault::new("an element begins within a start tag"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::new(format!("elements are nested more than {MAX_DEPTH} deep")));
        }
        let dependency = if self.definition { Some(self.cursor.u16()?).filter(|index| *index != 0xffff) } else { None };
        self.cursor.skip(4)?;
        let name = self.name()?;
        if attributes {
            self.cursor.skip(4)?;
        }
        self.open.push(Element { name, dependency, attributes: Vec::new(), children: Vec::new() });
        self.start = true;
        Ok(())
    }

    fn close_start(&mut self) -> Result<(), Fault> {
        if !std::mem::replace(&mut self.start, false) {
            return Err(Fault::new("a start tag ends that never began"));
        }
        Ok(())
    }

    fn close_element(&mut self) -> Result<(), Fault> {
        if self.start {
            return Err(Fault::new("an element ends within its start tag"));
        }
        let element = self.open.pop().ok_or_else(|| Fault::new("an element ends that never began"))?;
        self.content(Node::Element(element))
    }

    fn attribute(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        match self.open.last_mut().filter(|_| self.start) {
            Some(element) => element.attributes.push(Attribute { name, value: Vec::new() }),
            None => return Err(Fault::new(format!("attribute {name} stands outside a start tag"))),
        }
        Ok(())
    }

    /// Puts a node where the stream is at.
    fn content(&mut self, node: Node) -> Result<(), Fault> {
        let Some(element) = self.open.last_mut() else {
            let top = matches!(node, Node::Element(_) | Node::Instance(_) | Node::Fragment(_));
            if !top {
                return Err(Fault::new("a value stands outside any element"));
            }
            self.stream.nodes.push(node);
            return Ok(());
        };
        if !self.start {
            element.children.push(node);
            return Ok(());
        }
        if matches!(node, Node::Element(_) | Node::Instance(_) | Node::Fragment(_)) {
            return Err(Fault::new("an element stands within a start tag"));
        }
        // What stands before the first attribute belongs to none.
        if let Some(attribute) = element.attributes.last_mut() {
            attribute.value.push(node);
        }
        Ok(())
    }

    fn span(&mut self, len: usize) -> Result<Span, Fault> {
        let start = self.cursor.at.saturating_sub(self.base) as u32;
        self.cursor.skip(len)?;
        Ok(Span { start, len: len as u32 })
    }

    fn text(&mut self) -> Result<(), Fault> {
        let units = self.cursor.u16()?;
        let span = self.span(2 * usize::from(units))?;
        self.content(Node::Text(span))
    }

    fn value(&mut self) -> Result<(), Fault> {
        match self.cursor.u8()? {
            STRING => self.text(),
            BINXML => {
                let len = self.cursor.u16()?;
                let span = self.span(usize::from(len))?;
                self.stream.nested = true;
                if len > 0 { self.content(Node::Fragment(span)) } else { Ok(()) }
            }
            ty => {
                let rest = self.cursor.chunk.get(self.cursor.at..).unwrap_or_default();
                let span = self.span(value::literal_size(ty, rest)?)?;
                self.content(Node::Literal(ty, span))
            }
        }
    }

    fn entity(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        let chars: Box<str> = match &*name {
            "amp" => "&".into(),
            "lt" => "<".into(),
            "gt" => ">".into(),
            "quot" => "\"".into(),
            "apos" => "'".into(),
            other => format!("&{other};").into(),
        };
        self.content(Node::Chars(chars))
    }

    fn instance(&mut self) -> Result<(), Fault> {
        if self.definition {
            return Err(Fault::new("a template instance stands within a template definition"));
        }
        let instance = self.cursor.instance()?;
        let (_, end) = instance.values(self.cursor.chunk, self.cursor.end, &mut Vec::new())?;
        self.cursor.at = end;
        self.stream.nested = true;
        self.content(Node::Instance(instance))
    }

    fn substitution(&mut self) -> Result<(), Fault> {
        if !self.definition {
            return Err(Fault::new("a substitution stands outside a template definition"));
        }
        let index = self.cursor.u16()?;
        self.cursor.skip(1)?;
        self.content(Node::Substitution(index))
    }

    /// A reference to a name, and the name itself where it follows.
    fn name(&mut self) -> Result<Rc<str>, Fault> {
        let at = self.cursor.at.saturating_sub(self.base) as u32;
        let offset = self.cursor.u32()?;
        let inline = offset as usize == self.cursor.at;
        if let Some((name, sound)) = self.names.as_ref().filter(|_| !inline).and_then(|names| names.get(&offset)) {
            self.stream.sound &= sound;
            return Ok(Rc::clone(name));
        }
        let (units, hash) = name_at(self.cursor.chunk, offset)
            .filter(|(units, _)| units.len() <= MAX_NAME)
            .ok_or_else(|| Fault::new(format!("expected a name at {offset:#x} of the chunk, found none")))?;
        if inline {
            // Next, hash, length, characters, NUL.
            self.cursor.skip(8 + units.len() + 2)?;
        }
        let (name, sound) = (Rc::from(decode(units)), hash == name_hash(units));
        self.stream.sound &= sound;
        if let Some(names) = &mut self.names {
            names.insert(offset, (Rc::clone(&name), sound));
        } else {
            if self.stream.names.len() + units.len() > MAX_NAMES {
                return Err(Fault::new(format!("names of the template definition have more than {MAX_NAMES} bytes")));
            }
            let span = Span { start: self.stream.names.len() as u32, len: units.len() as u32 };
            self.stream.names.extend_from_slice(units);
            self.stream.references.push(NameReference { at, inline, name: span });
        }
        Ok(name)
    }
}

/// Whether a stream consists of elements and their attributes alone, each with at most one piece of text as content,
/// so that every text in it stands in one piece in its bytes. Nothing is decoded.
pub(super) fn is_bare(mut cursor: Cursor<'_>) -> Result<bool, Fault> {
    let mut has_text = false;
    while cursor.left() > 0 {
        match cursor.u8()? {
            0x00 => break,
            token @ (0x01 | 0x41) => {
                cursor.skip(4)?;
                cursor.skip_name()?;
                cursor.skip(if token == 0x41 { 4 } else { 0 })?;
                has_text = false;
            }
            0x02..=0x04 => has_text = false,
            0x06 | 0x46 => {
                cursor.skip_name()?;
                has_text = false;
            }
            0x05 | 0x45 if !has_text => {
                if cursor.u8()? != STRING {
                    return Ok(false);
                }
                let units = cursor.u16()?;
                cursor.skip(2 * usize::from(units))?;
                has_text = true;
            }
            0x0f => cursor.skip(3)?,
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// UTF-16 to text; unpaired surrogates become U+FFFD.
pub(super) fn decode(units: &[u8]) -> String {
    event::Value::Utf16(units).text().into_owned()
}
