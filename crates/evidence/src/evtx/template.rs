//! Template definitions, read once however many records and chunks use them.

use std::{collections::HashMap, rc::Rc};

use foldhash::fast::RandomState;

use super::binxml::{self, Cursor, DEFINITION_HEADER, Element, Fault, NameReference, Node, Span};

/// A template's number in a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TemplateId(pub(super) u32);

/// A template definition, read. Its spans are relative to the definition's body, so that it holds for every
/// chunk in which the same body stands.
#[derive(Debug)]
pub(super) struct Template {
    /// The first four bytes of its GUID, which its instances repeat.
    pub(super) id: u32,
    pub(super) root: Element,
    /// Whether text is put together of several parts, so that a word may lie across their borders.
    pub(super) mixed: bool,
    /// Whether all its names have the hash that stands before them.
    pub(super) sound: bool,
    /// Size of the body.
    pub(super) size: u32,
    references: Vec<NameReference>,
    names: Vec<u8>,
    /// The body as it was read.
    pub(super) body: Vec<u8>,
    /// Whether an equal body in another chunk is the same template: not where it nests what refers to offsets
    /// that are not compared.
    portable: bool,
}

/// The GUID, body and its place of the definition at `offset`.
fn definition_at(chunk: &[u8], offset: u32) -> Result<([u8; 16], &[u8], usize), Fault> {
    let start = offset as usize;
    let head = chunk.get(start..).and_then(|rest| rest.first_chunk::<DEFINITION_HEADER>());
    let Some(&[_, _, _, _, ref guid @ .., s0, s1, s2, s3]) = head else {
        return Err(Fault::new(format!("expected a template definition at {offset:#x}, found the end of the chunk")));
    };
    let (body, size) = (start + DEFINITION_HEADER, u32::from_le_bytes([s0, s1, s2, s3]) as usize);
    match chunk.get(body..).and_then(|rest| rest.get(..size)) {
        Some(bytes) => Ok((*guid, bytes, body)),
        None => Err(Fault::new(format!("template definition at {offset:#x} says {size} bytes, beyond the chunk"))),
    }
}

impl Template {
    /// Reads the definition at `offset` of a chunk.
    pub(super) fn read(chunk: &[u8], offset: u32) -> Result<Self, Fault> {
        let (guid, bytes, body) = definition_at(chunk, offset)?;
        let stream = binxml::read_definition(Cursor::new(chunk, body, body + bytes.len()), body)?;
        let mut nodes = stream.nodes.into_iter();
        let (Some(Node::Element(root)), None) = (nodes.next(), nodes.next()) else {
            return Err(Fault::new(format!("template definition at {offset:#x} is not one element")));
        };
        let [a, b, c, d, ..] = guid;
        Ok(Self {
            id: u32::from_le_bytes([a, b, c, d]),
            mixed: is_mixed(&root),
            root,
            sound: stream.sound,
            size: bytes.len() as u32,
            references: stream.references,
            names: stream.names,
            body: bytes.to_vec(),
            portable: !stream.nested,
        })
    }

    /// Whether reading the body at `at` of another chunk gives this template.
    fn is_at(&self, chunk: &[u8], bytes: &[u8], at: usize) -> bool {
        if !self.portable || self.body.len() != bytes.len() {
            return false;
        }
        let mut same_from = 0;
        for reference in &self.references {
            let place = reference.at as usize;
            if self.body.get(same_from..place) != bytes.get(same_from..place) {
                return false;
            }
            let Some(offset) = bytes.get(place..).and_then(|rest| rest.first_chunk::<4>()) else { return false };
            let offset = u32::from_le_bytes(*offset);
            let inline = offset as usize == at + place + 4;
            if inline != reference.inline {
                return false;
            }
            if inline {
                // The name is compared as part of the body; the offset of the next name before it says nothing.
                same_from = place + 8;
                continue;
            }
            let name = reference.name.of(&self.names, 0);
            if binxml::name_at(chunk, offset).is_none_or(|(found, _)| found != name) {
                return false;
            }
            same_from = place + 4;
        }
        self.body.get(same_from..) == bytes.get(same_from..)
    }

    /// Places in the chunk of the names that stand outside the body at `at`.
    pub(super) fn outer_names(&self, chunk: &[u8], at: usize) -> impl Iterator<Item = Span> {
        let outer = self.references.iter().filter(|reference| !reference.inline);
        outer.filter_map(move |reference| {
            let place = chunk.get(at + reference.at as usize..)?.first_chunk::<4>()?;
            Some(Span { start: u32::from_le_bytes(*place), len: 8 + reference.name.len })
        })
    }
}

/// Whether any content of the element or of those within has several parts.
fn is_mixed(element: &Element) -> bool {
    let parts = |nodes: &[Node]| nodes.iter().filter(|node| !matches!(node, Node::Element(_))).count();
    let within = |node: &Node| matches!(node, Node::Element(child) if is_mixed(child));
    parts(&element.children) > 1
        || element.attributes.iter().any(|attribute| attribute.value.len() > 1)
        || element.children.iter().any(within)
}

/// Bytes of definitions that may be read in one chunk. Definitions do not overlap, so that those of a sound
/// chunk have no more bytes than the chunk; this is far more, and keeps overlapping ones from costing much.
const MAX_READ_IN_CHUNK: usize = 1 << 20;
/// Templates kept, and bytes of their bodies and names; beyond that the store begins anew.
const MAX_TEMPLATES: usize = 4096;
const MAX_BYTES: usize = 8 << 20;

/// Templates already read, found again by their place in the current chunk or by their content.
pub(super) struct Store {
    /// The templates that were looked up last, by their offset.
    recent: [(u32, TemplateId); RECENT],
    templates: Vec<Rc<Template>>,
    by_content: HashMap<[u8; 16], Vec<TemplateId>, RandomState>,
    by_offset: HashMap<u32, Result<TemplateId, Fault>, RandomState>,
    bytes: usize,
    read_in_chunk: usize,
}

const RECENT: usize = 64;
/// No definition begins there.
const NOWHERE: (u32, TemplateId) = (u32::MAX, TemplateId(0));

/// Where in the recent ones a template with this offset would be.
fn recent_index(offset: u32) -> usize {
    (offset.wrapping_mul(0x9e37_79b1) >> 26) as usize
}

impl Default for Store {
    fn default() -> Self {
        Self {
            recent: [NOWHERE; RECENT],
            templates: Vec::new(),
            by_content: HashMap::default(),
            by_offset: HashMap::default(),
            bytes: 0,
            read_in_chunk: 0,
        }
    }
}

impl Store {
    /// Forgets where templates stand. Returns true if all templates were forgotten too, since they had become
    /// too many: their ids mean nothing then.
    pub(super) fn next_chunk(&mut self) -> bool {
        self.by_offset.clear();
        self.recent = [NOWHERE; RECENT];
        self.read_in_chunk = 0;
        let full = self.templates.len() > MAX_TEMPLATES || self.bytes > MAX_BYTES;
        if full {
            self.templates.clear();
            self.by_content.clear();
            self.bytes = 0;
        }
        full
    }

    /// The template defined at `offset` of the chunk, if it was asked for before.
    pub(super) fn known(&self, offset: u32) -> Option<TemplateId> {
        self.by_offset.get(&offset)?.as_ref().ok().copied()
    }

    /// The template defined at `offset` of `chunk`.
    pub(super) fn at(&mut self, chunk: &[u8], offset: u32) -> Result<TemplateId, Fault> {
        if let Some((_, id)) = self.recent.get(recent_index(offset)).filter(|(known, _)| *known == offset) {
            return Ok(*id);
        }
        let found = match self.by_offset.get(&offset) {
            Some(known) => known.clone(),
            None => {
                let found = self.find(chunk, offset);
                self.by_offset.insert(offset, found.clone());
                found
            }
        };
        if let (Ok(id), Some(recent)) = (&found, self.recent.get_mut(recent_index(offset))) {
            *recent = (offset, *id);
        }
        found
    }

    fn find(&mut self, chunk: &[u8], offset: u32) -> Result<TemplateId, Fault> {
        let (guid, bytes, at) = definition_at(chunk, offset)?;
        self.read_in_chunk += bytes.len();
        if self.read_in_chunk > MAX_READ_IN_CHUNK {
            return Err(Fault::new("template definitions of the chunk overlap"));
        }
        let known = self.by_content.get(&guid).map(Vec::as_slice).unwrap_or_default();
        let same = |id: &&TemplateId| self.get(**id).is_some_and(|template| template.is_at(chunk, bytes, at));
        if let Some(id) = known.iter().rev().take(MAX_VARIANTS).find(same) {
            return Ok(*id);
        }
        let template = Template::read(chunk, offset)?;
        let id = TemplateId(self.templates.len() as u32);
        self.bytes += bytes.len() + template.names.len();
        self.templates.push(Rc::new(template));
        self.by_content.entry(guid).or_default().push(id);
        Ok(id)
    }

    /// A template by its id.
    pub(super) fn get(&self, id: TemplateId) -> Option<&Rc<Template>> {
        self.templates.get(id.0 as usize)
    }
}

/// Bodies of one GUID to compare with; they differ where names stand inline in one chunk and not in another.
const MAX_VARIANTS: usize = 32;
