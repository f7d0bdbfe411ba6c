//! A small writer of event logs, for tests.

use std::collections::HashMap;

use super::walk::{CHUNK, CHUNK_HEADER};

/// Content of an element or attribute.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Element { name: &'static str, dependency: u16, attributes: Vec<(&'static str, Vec<Node>)>, children: Vec<Node> },
    Text(&'static str),
    Cdata(&'static str),
    Char(u16),
    Entity(&'static str),
    Substitution(u16),
    Literal(u8, Vec<u8>),
}

/// A value of a template instance.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Typed(u8, Vec<u8>),
    Instance(Template, Vec<Value>),
    Elements(Vec<Node>),
}

/// A template: its number and its root.
pub(super) type Template = (u8, Node);

pub(super) fn element(name: &'static str, children: Vec<Node>) -> Node {
    Node::Element { name, dependency: 0xffff, attributes: Vec::new(), children }
}

impl Node {
    pub(super) fn with(mut self, attribute: &'static str, value: Vec<Node>) -> Self {
        if let Self::Element { attributes, .. } = &mut self {
            attributes.push((attribute, value));
        }
        self
    }

    pub(super) fn depends_on(mut self, index: u16) -> Self {
        if let Self::Element { dependency, .. } = &mut self {
            *dependency = index;
        }
        self
    }
}

pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(super) fn string(text: &str) -> Value {
    Value::Typed(0x01, utf16(text))
}

/// The `System` section most tests use: substitutions 0 (event id), 1 (time), 2 (record id), and `data` after it.
pub(super) fn event(channel: &'static str, data: Vec<Node>) -> Node {
    let system = vec![
        element("Provider", vec![]).with("Name", vec![Node::Text("Some-Provider")]),
        element("EventID", vec![Node::Substitution(0)]),
        element("TimeCreated", vec![]).with("SystemTime", vec![Node::Substitution(1)]),
        element("EventRecordID", vec![Node::Substitution(2)]),
        element("Channel", vec![Node::Text(channel)]),
        element("Computer", vec![Node::Text("host.example")]),
    ];
    element("Event", [vec![element("System", system)], data].concat())
}

pub(super) const TIME: u64 = 131_124_751_716_816_408;

/// The values of [`event`]'s substitutions, and more.
pub(super) fn values(event_id: u16, more: Vec<Value>) -> Vec<Value> {
    let system = vec![
        Value::Typed(0x06, event_id.to_le_bytes().to_vec()),
        Value::Typed(0x11, TIME.to_le_bytes().to_vec()),
        Value::Typed(0x0a, vec![0; 8]),
    ];
    [system, more].concat()
}

/// Writes one chunk.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    names: HashMap<&'static str, usize>,
    templates: HashMap<u8, usize>,
    pub(super) first_id: u64,
    pub(super) next_id: u64,
    last_at: usize,
    /// Where each record begins.
    pub(super) starts: Vec<usize>,
}

impl Chunk {
    pub(super) fn new(first_id: u64) -> Self {
        Self {
            bytes: vec![0; CHUNK_HEADER],
            names: HashMap::new(),
            templates: HashMap::new(),
            first_id,
            next_id: first_id,
            last_at: CHUNK_HEADER,
            starts: Vec::new(),
        }
    }

    /// Appends a record that is an instance of `template`.
    pub(super) fn record(&mut self, template: &Template, values: &[Value]) -> &mut Self {
        self.write(|chunk| chunk.instance(template, values))
    }

    /// Appends a record whose content `content` writes.
    pub(super) fn write(&mut self, content: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"\x2a\x2a\0\0\0\0\0\0");
        self.bytes.extend_from_slice(&self.next_id.to_le_bytes());
        self.bytes.extend_from_slice(&TIME.to_le_bytes());
        self.bytes.extend_from_slice(&[0x0f, 1, 1, 0]);
        content(self);
        self.bytes.push(0);
        while !(self.bytes.len() + 4).is_multiple_of(8) {
            self.bytes.push(0);
        }
        let size = (self.bytes.len() + 4 - start) as u32;
        self.bytes.extend_from_slice(&size.to_le_bytes());
        self.bytes[start + 4..start + 8].copy_from_slice(&size.to_le_bytes());
        self.next_id += 1;
        self.last_at = start;
        self.starts.push(start);
        self
    }

    /// Room left for records.
    pub(super) fn room(&self) -> usize {
        CHUNK - self.bytes.len()
    }

    pub(super) fn instance(&mut self, (number, root): &Template, values: &[Value]) {
        self.bytes.extend_from_slice(&[0x0c, 1]);
        self.u32(u32::from(*number));
        match self.templates.get(number) {
            Some(at) => self.u32(*at as u32),
            None => {
                let at = self.bytes.len() + 4;
                self.templates.insert(*number, at);
                self.u32(at as u32);
                self.u32(0);
                self.bytes.extend_from_slice(&[*number, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
                self.u32(0);
                let body = self.bytes.len();
                self.bytes.extend_from_slice(&[0x0f, 1, 1, 0]);
                self.node(root, true);
                self.bytes.push(0);
                let size = (self.bytes.len() - body) as u32;
                self.bytes[body - 4..body].copy_from_slice(&size.to_le_bytes());
            }
        }
        self.u32(values.len() as u32);
        let table = self.bytes.len();
        self.bytes.resize(table + 4 * values.len(), 0);
        for (index, value) in values.iter().enumerate() {
            let start = self.bytes.len();
            let ty = match value {
                Value::Typed(ty, bytes) => {
                    self.bytes.extend_from_slice(bytes);
                    *ty
                }
                Value::Instance(template, values) => {
                    self.bytes.extend_from_slice(&[0x0f, 1, 1, 0]);
                    self.instance(template, values);
                    self.bytes.push(0);
                    0x21
                }
                Value::Elements(nodes) => {
                    self.bytes.extend_from_slice(&[0x0f, 1, 1, 0]);
                    nodes.iter().for_each(|node| self.node(node, false));
                    self.bytes.push(0);
                    0x21
                }
            };
            let [low, high] = ((self.bytes.len() - start) as u16).to_le_bytes();
            self.bytes[table + 4 * index..table + 4 * index + 3].copy_from_slice(&[low, high, ty]);
        }
    }

    fn u16(&mut self, number: u16) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        let units = utf16(text);
        self.u16((units.len() / 2) as u16);
        self.bytes.extend_from_slice(&units);
    }

    fn name(&mut self, name: &'static str) {
        if let Some(at) = self.names.get(name) {
            self.u32(*at as u32);
            return;
        }
        let at = self.bytes.len() + 4;
        self.names.insert(name, at);
        self.u32(at as u32);
        self.u32(0);
        self.u16(name.encode_utf16().fold(0u32, |h, c| h.wrapping_mul(65599).wrapping_add(c.into())) as u16);
        self.text(name);
        self.u16(0);
    }

    pub(super) fn node(&mut self, node: &Node, definition: bool) {
        match node {
            Node::Element { name, dependency, attributes, children } => {
                self.bytes.push(if attributes.is_empty() { 0x01 } else { 0x41 });
                if definition {
                    self.u16(*dependency);
                }
                self.u32(0);
                self.name(name);
                if !attributes.is_empty() {
                    self.u32(0);
                }
                for (name, value) in attributes {
                    self.bytes.push(0x06);
                    self.name(name);
                    value.iter().for_each(|node| self.node(node, definition));
                }
                if children.is_empty() {
                    self.bytes.push(0x03);
                } else {
                    self.bytes.push(0x02);
                    children.iter().for_each(|node| self.node(node, definition));
                    self.bytes.push(0x04);
                }
            }
            Node::Text(text) => {
                self.bytes.extend_from_slice(&[0x05, 0x01]);
                self.text(text);
            }
            Node::Cdata(text) => {
                self.bytes.push(0x07);
                self.text(text);
            }
            Node::Char(unit) => {
                self.bytes.push(0x08);
                self.u16(*unit);
            }
            Node::Entity(name) => {
                self.bytes.push(0x09);
                self.name(name);
            }
            Node::Substitution(index) => {
                self.bytes.push(0x0e);
                self.u16(*index);
                self.bytes.push(0);
            }
            Node::Literal(ty, bytes) => {
                self.bytes.extend_from_slice(&[0x05, *ty]);
                self.bytes.extend_from_slice(bytes);
            }
        }
    }

    /// The chunk with its header, checksums and `slack` behind its records.
    pub(super) fn finish_with(&self, slack: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let free = bytes.len();
        bytes.extend_from_slice(slack);
        bytes.resize(CHUNK, 0);
        bytes[..8].copy_from_slice(b"ElfChnk\0");
        for (at, number) in [(8, self.first_id), (16, self.next_id - 1), (24, self.first_id), (32, self.next_id - 1)] {
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        let data = crc32fast::hash(&bytes[CHUNK_HEADER..free]);
        for (at, number) in [(40, 128), (44, self.last_at as u32), (48, free as u32), (52, data)] {
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        seal(&mut bytes);
        bytes
    }

    pub(super) fn finish(&self) -> Vec<u8> {
        self.finish_with(&[])
    }
}

/// Sets the checksum of a chunk's header.
pub(super) fn seal(chunk: &mut [u8]) {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&chunk[..120]);
    hash.update(&chunk[128..CHUNK_HEADER]);
    chunk[124..128].copy_from_slice(&hash.finalize().to_le_bytes());
}

/// A log of these chunks, `blank` chunks of zeros behind them.
pub(super) fn file(chunks: &[Vec<u8>], blank: usize, flags: u32, next_id: u64) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[..8].copy_from_slice(b"ElfFile\0");
    bytes[24..32].copy_from_slice(&next_id.to_le_bytes());
    bytes[32..36].copy_from_slice(&128u32.to_le_bytes());
    bytes[40..42].copy_from_slice(&4096u16.to_le_bytes());
    bytes[42..44].copy_from_slice(&(chunks.len() as u16).to_le_bytes());
    bytes[120..124].copy_from_slice(&flags.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..120]);
    bytes[124..128].copy_from_slice(&checksum.to_le_bytes());
    chunks.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
    bytes.resize(bytes.len() + blank * CHUNK, 0);
    bytes
}
