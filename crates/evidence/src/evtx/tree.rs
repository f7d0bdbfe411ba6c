//! Whole records, decoded to a tree of elements: slower than a plan, and right for every shape.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
};

use event::Value;
use foldhash::fast::RandomState;

use super::{
    binxml::{self, Cursor, DEFINITION_HEADER, Fault, Instance, MAX_DEPTH, Node, Substitution},
    fields::{self, Place},
    template::Template,
    value::{self, Scalar},
    walk::RecordHeader,
};

/// A decoded element.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element<'a> {
    pub(super) name: Rc<str>,
    pub(super) attributes: Vec<(Rc<str>, Vec<Part<'a>>)>,
    pub(super) children: Vec<Part<'a>>,
}

/// A part of an element's content or of an attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part<'a> {
    Element(Element<'a>),
    Value(Value<'a>),
    Text(Rc<str>),
    /// An array that still has to repeat the element it stands in.
    Array(Rc<[Self]>),
}

impl<'a> From<Scalar<'a>> for Part<'a> {
    fn from(scalar: Scalar<'a>) -> Self {
        match scalar {
            Scalar::Value(value) => Self::Value(value),
            Scalar::Text(text) => Self::Text(text.into()),
        }
    }
}

/// The value of several parts.
pub(super) fn joined<'t>(parts: &'t [Part<'t>]) -> Joined<'t> {
    match parts {
        [] => Joined::Value(Value::Null),
        [Part::Value(value)] => Joined::Value(*value),
        [Part::Text(text)] => Joined::Value(Value::Text(text)),
        parts => {
            let mut text = String::new();
            parts.iter().for_each(|part| write_part(part, &mut text));
            Joined::Text(text)
        }
    }
}

/// See [`joined`].
pub(super) enum Joined<'t> {
    Value(Value<'t>),
    Text(String),
}

impl Joined<'_> {
    pub(super) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Value(value) => *value,
            Self::Text(text) => Value::Text(text),
        }
    }
}

fn write_part(part: &Part<'_>, out: &mut String) {
    match part {
        Part::Element(_) | Part::Array(_) => {}
        Part::Value(value) => value.write_text(out),
        Part::Text(text) => out.push_str(text),
    }
}

/// Elements and values that a record may decode to, and all records of a chunk together. A sound record
/// has no more of them than it has bytes; a crafted one could double them with every fragment it nests.
const MAX_NODES_OF_RECORD: usize = 1 << 16;
const MAX_NODES_OF_CHUNK: usize = 1 << 21;

/// Decodes the records of one chunk.
pub(super) struct Decoder<'c> {
    pub(super) chunk: &'c [u8],
    templates: RefCell<HashMap<u32, Result<Rc<Template>, Fault>, RandomState>>,
    names: RefCell<binxml::Names>,
    /// Bytes of template definitions that may still be read.
    bytes: Cell<usize>,
    nodes: Cell<usize>,
    of_record: Cell<usize>,
    /// Whether templates must be those that the record was written with, as far as that can be known.
    strict: Cell<bool>,
}

/// What a stream is read with.
struct Scope<'s> {
    values: &'s [Substitution],
    /// What spans are relative to.
    base: usize,
    depth: usize,
}

impl<'c> Decoder<'c> {
    /// A decoder of the records in `chunk`.
    pub(super) fn new(chunk: &'c [u8]) -> Self {
        Self {
            chunk,
            templates: RefCell::default(),
            names: RefCell::default(),
            bytes: Cell::new(1 << 20),
            nodes: Cell::new(MAX_NODES_OF_CHUNK),
            of_record: Cell::new(0),
            strict: Cell::new(false),
        }
    }

    /// The record's tree.
    pub(super) fn tree(&self, record: &RecordHeader) -> Result<Element<'c>, Fault> {
        self.of_record.set(MAX_NODES_OF_RECORD.min(self.nodes.get()));
        let given = self.of_record.get();
        let mut parts = Vec::new();
        let (start, end) = record.content();
        let result = self.stream(Cursor::new(self.chunk, start, end), start, 0, &mut parts);
        self.nodes.set(self.nodes.get().saturating_sub(given - self.of_record.get()));
        result?;
        let root = parts.into_iter().find_map(|part| match part {
            Part::Element(element) => Some(element),
            _ => None,
        });
        root.ok_or_else(|| Fault::new("expected an element, found none"))
    }

    /// The record's tree, if the definitions and names it refers to are those it was written with: others may
    /// have been written over them since.
    pub(super) fn strict_tree(&self, record: &RecordHeader) -> Result<Element<'c>, Fault> {
        self.strict.set(true);
        let tree = self.tree(record);
        self.strict.set(false);
        tree
    }

    fn spend(&self, nodes: usize) -> Result<(), Fault> {
        let left = self.of_record.get().checked_sub(nodes);
        self.of_record.set(left.unwrap_or_default());
        left.map(drop).ok_or_else(|| Fault::new("the record decodes to more elements than any sound one"))
    }

    fn template(&self, offset: u32) -> Result<Rc<Template>, Fault> {
        if let Some(known) = self.templates.borrow().get(&offset) {
            return known.clone();
        }
        let template = Template::read(self.chunk, offset);
        let size = template.as_ref().map_or(1024, |template| template.size as usize);
        let template = match self.bytes.get().checked_sub(size) {
            Some(left) => {
                self.bytes.set(left);
                template.map(Rc::new)
            }
            None => return Err(Fault::new("template definitions of the chunk overlap")),
        };
        self.templates.borrow_mut().insert(offset, template.clone());
        template
    }

    fn stream(&self, cursor: Cursor<'c>, base: usize, depth: usize, out: &mut Vec<Part<'c>>) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::new(format!("fragments are nested more than {MAX_DEPTH} deep")));
        }
        // Reading costs too, and a substitution may stand in many places.
        self.spend(cursor.left() / 8)?;
        let stream = binxml::read_stream(cursor, base, &mut self.names.borrow_mut())?;
        if self.strict.get() && !stream.sound {
            return Err(Fault::new("a name does not have the hash that stands before it"));
        }
        let scope = Scope { values: &[], base, depth };
        stream.nodes.iter().try_for_each(|node| self.node(node, &scope, out))
    }

    fn node(&self, node: &Node, scope: &Scope<'_>, out: &mut Vec<Part<'c>>) -> Result<(), Fault> {
        self.spend(1)?;
        match node {
            Node::Element(element) => {
                let null = |index| scope.values.get(usize::from(index)).is_some_and(Substitution::is_null);
                if !element.dependency.is_some_and(null) {
                    self.element(element, scope, out)?;
                }
            }
            Node::Text(span) => {
                out.push(Part::Value(Value::Utf16(value::until_nul(span.of(self.chunk, scope.base)))));
            }
            Node::Literal(ty, span) => out.push(value::scalar(*ty, span.of(self.chunk, scope.base)).into()),
            Node::Chars(chars) => out.push(Part::Text((**chars).into())),
            Node::Substitution(index) => {
                if let Some(substitution) = scope.values.get(usize::from(*index)) {
                    self.substitution(substitution, scope, out)?;
                }
            }
            Node::Fragment(span) => {
                let start = scope.base + span.start as usize;
                let cursor = Cursor::new(self.chunk, start, start + span.len as usize);
                self.stream(cursor, start, scope.depth + 1, out)?;
            }
            Node::Instance(instance) => self.instance(instance, scope.depth, out)?,
        }
        Ok(())
    }

    fn substitution(&self, sub: &Substitution, scope: &Scope<'_>, out: &mut Vec<Part<'c>>) -> Result<(), Fault> {
        let bytes = sub.bytes(self.chunk);
        if sub.is_fragment() {
            let start = sub.at as usize;
            return self.stream(Cursor::new(self.chunk, start, start + bytes.len()), start, scope.depth + 1, out);
        }
        if value::kind(sub.ty) & value::ARRAY == 0 {
            out.push(value::scalar(sub.ty, bytes).into());
            return Ok(());
        }
        let items: Vec<Part<'c>> = value::items(sub.ty, bytes).map(Part::from).collect();
        self.spend(items.len())?;
        match <[Part<'c>; 1]>::try_from(items) {
            Ok([item]) => out.push(item),
            Err(items) if items.is_empty() => {}
            Err(items) => out.push(Part::Array(items.into())),
        }
        Ok(())
    }

    fn instance(&self, instance: &Instance, depth: usize, out: &mut Vec<Part<'c>>) -> Result<(), Fault> {
        let template = self.template(instance.definition)?;
        if self.strict.get() && (template.id != instance.id || !template.sound) {
            return Err(Fault::new("the template definition is not the one that the record was written with"));
        }
        let mut values = Vec::new();
        instance.values(self.chunk, self.chunk.len(), &mut values)?;
        self.spend(values.len())?;
        let base = instance.definition as usize + DEFINITION_HEADER;
        let scope = Scope { values: &values, base, depth };
        self.element(&template.root, &scope, out)
    }

    /// The element, once or, if it holds arrays, once for each of their items ([MS-EVEN6] 3.1.4.7.5).
    fn element(&self, element: &binxml::Element, scope: &Scope<'_>, out: &mut Vec<Part<'c>>) -> Result<(), Fault> {
        self.spend(element.attributes.len())?;
        let (mut attributes, mut children) = (Vec::with_capacity(element.attributes.len()), Vec::new());
        for attribute in &element.attributes {
            let mut parts = Vec::new();
            attribute.value.iter().try_for_each(|node| self.node(node, scope, &mut parts))?;
            if parts.iter().any(|part| matches!(part, Part::Element(_))) {
                return Err(Fault::new(format!("attribute {} holds an element", attribute.name)));
            }
            attributes.push((Rc::clone(&attribute.name), parts));
        }
        element.children.iter().try_for_each(|node| self.node(node, scope, &mut children))?;
        self.repeat(Element { name: Rc::clone(&element.name), attributes, children }, out)
    }

    fn repeat(&self, mut element: Element<'c>, out: &mut Vec<Part<'c>>) -> Result<(), Fault> {
        let Some((place, items)) = first_array(&element) else {
            element.attributes.retain(|(_, parts)| !joined(parts).as_value().is_empty());
            out.push(Part::Element(element));
            return Ok(());
        };
        let size = 1 + element.attributes.len() + element.children.len();
        for item in items.iter() {
            self.spend(size)?;
            let mut copy = element.clone();
            if let Some(part) = copy.part_mut(place) {
                *part = item.clone();
            }
            self.repeat(copy, out)?;
        }
        Ok(())
    }
}

/// A part of an element: of which attribute, or of its content, and which one.
type PartPlace = (Option<usize>, usize);

/// The first array that the element holds, content before attributes.
fn first_array<'a>(element: &Element<'a>) -> Option<(PartPlace, Rc<[Part<'a>]>)> {
    let find = |parts: &[Part<'a>]| {
        parts.iter().enumerate().find_map(|(index, part)| match part {
            Part::Array(items) => Some((index, Rc::clone(items))),
            _ => None,
        })
    };
    if let Some((index, items)) = find(&element.children) {
        return Some(((None, index), items));
    }
    let mut attributes = element.attributes.iter().enumerate();
    attributes.find_map(|(number, (_, parts))| find(parts).map(|(index, items)| ((Some(number), index), items)))
}

/// A field of a decoded record.
pub(super) struct Field<'t> {
    system: bool,
    pub(super) name: Cow<'t, str>,
    pub(super) value: Joined<'t>,
}

impl<'a> Element<'a> {
    fn part_mut(&mut self, (attribute, index): PartPlace) -> Option<&mut Part<'a>> {
        match attribute {
            Some(number) => self.attributes.get_mut(number)?.1.get_mut(index),
            None => self.children.get_mut(index),
        }
    }

    /// Child elements, in order.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|part| match part {
            Part::Element(element) => Some(element),
            _ => None,
        })
    }

    /// The fields of the record whose root this is, in order, by the rules of `docs/fields.md`.
    pub(super) fn fields(&self) -> Vec<Field<'_>> {
        let mut fields = Vec::new();
        self.collect(Place::Record, &mut fields);
        // There are few names in `System`, and hardly ever one that stands in the own data too.
        let system: HashSet<&str, RandomState> =
            fields.iter().filter(|field| field.system).map(|field| &*field.name).collect();
        let own = fields.iter().filter(|field| !field.system && system.contains(&*field.name));
        let hidden: HashSet<String, RandomState> = own.map(|field| field.name.to_string()).collect();
        fields.retain(|field| match fields::is_always_system(&field.name) {
            true => field.system,
            false => !(field.system && hidden.contains(&*field.name)),
        });
        fields
    }

    fn collect<'t>(&'t self, place: Place, out: &mut Vec<Field<'t>>) {
        let system = place.is_system();
        for (attribute, parts) in &self.attributes {
            if let Some(name) = place.attribute_name(&self.name, attribute) {
                out.push(Field { system, name, value: joined(parts) });
            }
        }
        if self.elements().next().is_some() {
            let within = place.within(&self.name);
            self.elements().for_each(|element| element.collect(within, out));
            return;
        }
        let value = || joined(&self.children);
        if place.is_named_by_attribute(&self.name) {
            let named = self.attributes.iter().find(|(name, _)| &**name == "Name").map(|(_, parts)| joined(parts));
            let name = named.map(|name| name.as_value().text().into_owned());
            let name = name.map_or(Cow::Borrowed("Data"), Cow::Owned);
            out.push(Field { system, name, value: value() });
        } else if let Some(name) = place.content_name(&self.name) {
            out.push(Field { system, name: Cow::Borrowed(name), value: value() });
        }
    }

    /// The fields of the `System` section.
    pub(super) fn system_fields(&self) -> Vec<Field<'_>> {
        let mut fields = Vec::new();
        let system = self.elements().filter(|element| &*element.name == "System");
        system.for_each(|element| element.collect(Place::Event, &mut fields));
        fields
    }
}
