//! From a template, where each field of its records is; and for what a detector wants, a list of steps
//! that hands the values out without decoding anything else.

use std::{collections::HashMap, ops::Range, rc::Rc};

use event::{Interest, Slot, Value};
use foldhash::fast::RandomState;

use super::{
    binxml::{self, Cursor, Element, Node, Span, Substitution},
    fields::{self, Place},
    template::{Store, Template, TemplateId},
    value::{self, Scalar},
};

/// A part of a value that is put together of several.
#[derive(Clone, Debug)]
enum Piece {
    Text(Span),
    Literal(u8, Span),
    Chars(Box<str>),
    Substitution(u16),
}

/// Where a field's value comes from.
#[derive(Clone, Debug)]
enum Source {
    /// It is always empty.
    Nothing,
    /// UTF-16 without a NUL.
    Text(Span),
    Substitution(u16),
    Pieces(Rc<[Piece]>),
}

/// How one field of a template's records is found.
#[derive(Clone, Debug)]
pub(super) struct Step {
    slot: Slot,
    source: Source,
    /// An attribute, which is absent where its value is empty.
    attribute: bool,
    /// Whether the event's own data may have a field of the same name, which then is the one that is meant.
    yields: bool,
    /// Substitutions that must not be null for the field to be there.
    dependencies: Rc<[u16]>,
}

/// A field that a template gives.
#[derive(Clone, Debug)]
struct Given {
    name: Rc<str>,
    system: bool,
    step: Step,
}

/// A substitution in the content of an element, so that a fragment may come in its place.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) substitution: u16,
    /// What the fragment's elements stand in.
    pub(super) place: Place,
    /// How many fields the template gives before it.
    before: usize,
    dependencies: Rc<[u16]>,
}

/// What tells a record's class, and what every event has.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) event_id: Step,
    pub(super) provider: Step,
    pub(super) channel: Step,
    pub(super) computer: Step,
    pub(super) time: Step,
    /// Whether channel and provider are the same for all of the template's records.
    pub(super) fixed: bool,
}

/// All fields that a template gives when its root stands in a certain place.
#[derive(Debug, Default)]
pub(super) struct Fields {
    given: Vec<Given>,
    openings: Vec<Opening>,
    /// Names or elements depend on the record's values, so that no list can be made.
    irregular: bool,
    /// Substitutions that repeat more than a single field if they are arrays.
    no_arrays: Vec<u16>,
    /// Substitutions in whose place no fragment is expected.
    no_fragments: Vec<u16>,
    /// `None` where the template alone does not tell.
    pub(super) key: Option<Key>,
}

impl Fields {
    /// The fields of a template whose root stands in `place`.
    pub(super) fn of(template: &Template, place: Place) -> Self {
        let mut fields = Self::default();
        fields.element(template, &template.root, place, &Rc::from([]));
        if place == Place::Record {
            fields.key = fields.find_key();
        }
        fields
    }

    /// Appends what is put together of several parts, each followed by a NUL: words may lie across their borders.
    pub(super) fn write_pieces(&self, scope: &Scope<'_, '_>, out: &mut String) {
        for step in self.given.iter().map(|given| &given.step) {
            if let Source::Pieces(pieces) = &step.source {
                pieces.iter().for_each(|piece| piece.write(scope, out));
                out.push('\0');
            }
        }
    }

    /// Finds every field of an instance with these values, and of the fragments within it, in their order; false where `inner` does not
    /// know a fragment, or the template alone does not tell.
    pub(super) fn collect<'d, 'c>(
        &'d self,
        scope: &Scope<'c, '_>,
        kinds: u8,
        inner: &Inner<'d, 'c>,
        depth: usize,
        whole: &mut Whole<'d, 'c>,
    ) -> bool {
        if self.irregular || !holds(&self.no_arrays, &self.no_fragments, scope.values, kinds) {
            return false;
        }
        let openings = if kinds & value::FRAGMENT == 0 { &[] } else { self.openings.as_slice() };
        let mut found = fragments(openings, scope.values).peekable();
        let is_known = |(opening, fragment): (&Opening, &Substitution), whole: &mut Whole<'d, 'c>| {
            inner.fragment(fragment, opening.place, depth, whole).unwrap_or(false)
        };
        for (number, given) in self.given.iter().enumerate() {
            while let Some(one) = found.next_if(|(opening, _)| opening.before <= number) {
                if !is_known(one, whole) {
                    return false;
                }
            }
            whole.add(given, scope);
        }
        found.all(|one| is_known(one, whole))
    }

    fn find_key(&self) -> Option<Key> {
        if self.openings.iter().any(|opening| opening.place == Place::System) {
            return None;
        }
        let only = |name: &str| {
            let mut found = self.given.iter().filter(|given| given.system && &*given.name == name);
            let step = found.next().map(|given| given.step.clone());
            found.next().is_none().then_some(step)
        };
        let nothing =
            Step { slot: 0, source: Source::Nothing, attribute: false, yields: false, dependencies: Rc::from([]) };
        let provider = only("Provider_Name")?.unwrap_or_else(|| nothing.clone());
        let channel = only("Channel")?.unwrap_or_else(|| nothing.clone());
        Some(Key {
            event_id: only("EventID")??,
            fixed: provider.is_fixed() && channel.is_fixed(),
            provider,
            channel,
            computer: only("Computer")?.unwrap_or_else(|| nothing.clone()),
            time: only("SystemTime")?.unwrap_or(nothing),
        })
    }

    fn element(&mut self, template: &Template, element: &Element, place: Place, dependencies: &Rc<[u16]>) {
        let within = place.within(&element.name);
        let mut named = false;
        for attribute in &element.attributes {
            let source = source(template, &attribute.value);
            indices(&attribute.value).for_each(|index| {
                self.no_arrays.push(index);
                self.no_fragments.push(index);
            });
            if let Some(name) = place.attribute_name(&element.name, &attribute.name) {
                named = true;
                self.give(&name, place, true, source, dependencies);
            }
        }
        if named || element.children.len() > 1 {
            self.no_arrays.extend(indices(&element.children));
        }
        let leaf = !element.children.iter().any(|node| matches!(node, Node::Element(_)));
        for node in &element.children {
            match node {
                Node::Element(child) => self.child(template, child, within, dependencies),
                Node::Substitution(index) if leaf && element.children.len() > 1 => self.no_fragments.push(*index),
                Node::Substitution(index) => self.openings.push(Opening {
                    substitution: *index,
                    place: within,
                    before: self.given.len(),
                    dependencies: Rc::clone(dependencies),
                }),
                Node::Fragment(_) | Node::Instance(_) => self.irregular = true,
                Node::Text(_) | Node::Literal(..) | Node::Chars(_) => {}
            }
        }
        if leaf {
            self.leaf(template, element, place, dependencies);
        } else if place.content_name(&element.name).is_some() && element.children.iter().any(may_be_left_out) {
            // Left without its children it would be a field after all.
            self.irregular = true;
        }
    }

    fn child(&mut self, template: &Template, child: &Element, place: Place, dependencies: &Rc<[u16]>) {
        let dependencies = match child.dependency.filter(|index| !dependencies.contains(index)) {
            Some(index) => dependencies.iter().copied().chain([index]).collect(),
            None => Rc::clone(dependencies),
        };
        if dependencies.len() > MAX_DEPENDENCIES {
            self.irregular = true;
        } else {
            self.element(template, child, place, &dependencies);
        }
    }

    /// An element without child elements, unless a fragment brings them.
    fn leaf(&mut self, template: &Template, element: &Element, place: Place, dependencies: &Rc<[u16]>) {
        let source = source(template, &element.children);
        if !place.is_named_by_attribute(&element.name) {
            if let Some(name) = place.content_name(&element.name) {
                self.give(name, place, false, source, dependencies);
            }
            return;
        }
        match element.attributes.iter().find(|attribute| &*attribute.name == "Name").map(|name| &*name.value) {
            None | Some([]) => self.give("Data", place, false, source, dependencies),
            Some([Node::Text(span)]) => {
                let name = binxml::decode(value::until_nul(span.of(&template.body, 0)));
                let name = if name.is_empty() { "Data" } else { &name };
                self.give(name, place, false, source, dependencies);
            }
            Some(_) => self.irregular = true,
        }
    }

    fn give(&mut self, name: &str, place: Place, attribute: bool, source: Source, dependencies: &Rc<[u16]>) {
        let (system, always) = (place.is_system(), fields::is_always_system(name));
        if system || !always {
            let dependencies = Rc::clone(dependencies);
            let step = Step { slot: 0, source, attribute, yields: system && !always, dependencies };
            self.given.push(Given { name: name.into(), system, step });
        }
    }
}

fn source(template: &Template, nodes: &[Node]) -> Source {
    match nodes {
        [] => Source::Nothing,
        [Node::Text(span)] => {
            let len = value::until_nul(span.of(&template.body, 0)).len() as u32;
            Source::Text(Span { start: span.start, len })
        }
        [Node::Substitution(index)] => Source::Substitution(*index),
        nodes => Source::Pieces(nodes.iter().filter_map(piece).collect()),
    }
}

/// Fragments within fragments that are followed.
pub(super) const MAX_FAST_DEPTH: usize = 8;

/// An element within more dependent ones than this is treated as irregular.
const MAX_DEPENDENCIES: usize = 8;

fn may_be_left_out(node: &Node) -> bool {
    matches!(node, Node::Element(element) if element.dependency.is_some())
}

fn indices(nodes: &[Node]) -> impl Iterator<Item = u16> {
    nodes.iter().filter_map(|node| match node {
        Node::Substitution(index) => Some(*index),
        _ => None,
    })
}

fn piece(node: &Node) -> Option<Piece> {
    Some(match node {
        Node::Text(span) => Piece::Text(*span),
        Node::Literal(ty, span) => Piece::Literal(*ty, *span),
        Node::Chars(chars) => Piece::Chars(chars.clone()),
        Node::Substitution(index) => Piece::Substitution(*index),
        Node::Element(_) | Node::Fragment(_) | Node::Instance(_) => return None,
    })
}

/// What to hand out of a template's records to a detector.
#[derive(Debug)]
pub(super) struct Plan {
    own: Vec<Step>,
    system: Vec<Step>,
    /// Where fragments may bring more.
    openings: Vec<Opening>,
    irregular: bool,
    no_arrays: Vec<u16>,
    no_fragments: Vec<u16>,
}

impl Plan {
    /// The plan for the records whose template gives `fields`.
    pub(super) fn new(fields: &Fields, interest: &Interest) -> Self {
        let (mut own, mut system) = (Vec::new(), Vec::new());
        for given in &fields.given {
            let slots = interest.fields.iter().zip(0..).filter(|(name, _)| **name == *given.name);
            let steps = slots.map(|(_, slot)| Step { slot, ..given.step.clone() });
            if given.system { system.extend(steps) } else { own.extend(steps) }
        }
        Self {
            own,
            system,
            openings: fields.openings.clone(),
            irregular: fields.irregular,
            no_arrays: fields.no_arrays.clone(),
            no_fragments: fields.no_fragments.clone(),
        }
    }

    /// How much memory it takes, in steps or the like.
    pub(super) fn weight(&self) -> usize {
        let lists = [self.own.len(), self.system.len(), self.openings.len(), self.no_arrays.len()];
        1 + lists.iter().sum::<usize>()
    }

    /// Whether the plan gives what the general decoder would give for a record with these values.
    pub(super) fn holds(&self, values: &[Substitution], kinds: u8) -> bool {
        !self.irregular && holds(&self.no_arrays, &self.no_fragments, values, kinds)
    }

    /// The openings in which a fragment stands, each with it.
    pub(super) fn fragments<'p>(
        &'p self,
        values: &'p [Substitution],
    ) -> impl Iterator<Item = (&'p Opening, &'p Substitution)> {
        fragments(&self.openings, values)
    }

    /// Hands out the event's own data.
    pub(super) fn run_own<'c>(&self, scope: &Scope<'c, '_>, out: &mut Shown<'c>) {
        self.own.iter().for_each(|step| step.run(scope, out));
    }

    /// Hands out the `System` section, once all of the event's own data has been.
    pub(super) fn run_system<'c>(&self, scope: &Scope<'c, '_>, out: &mut Shown<'c>) {
        let own = out.fields.len();
        for step in &self.system {
            let shown = out.fields.get(..own).unwrap_or_default();
            if !(step.yields && shown.iter().any(|(slot, _)| *slot == step.slot)) {
                step.run(scope, out);
            }
        }
    }
}

/// Whether no value is an array or a fragment where none is expected.
fn holds(no_arrays: &[u16], no_fragments: &[u16], values: &[Substitution], kinds: u8) -> bool {
    let get = |index: &u16| values.get(usize::from(*index));
    let is_array = |index: &u16| get(index).is_some_and(|value| value::kind(value.ty) & value::ARRAY != 0);
    let is_fragment = |index: &u16| get(index).is_some_and(Substitution::is_fragment);
    (kinds & value::ARRAY == 0 || !no_arrays.iter().any(is_array))
        && (kinds & value::FRAGMENT == 0 || !no_fragments.iter().any(is_fragment))
}

/// The templates of a chunk, for the fragments in a record.
pub(super) struct Inner<'d, 'c> {
    pub(super) chunk: &'c [u8],
    pub(super) store: &'d Store,
    /// What is known of templates in the place of a fragment.
    pub(super) fields: &'d HashMap<(TemplateId, Place), Rc<Fields>, RandomState>,
}

impl<'d, 'c> Inner<'d, 'c> {
    /// Finds every field of a fragment; false or `None` where that is not known.
    fn fragment(&self, fragment: &Substitution, place: Place, depth: usize, whole: &mut Whole<'d, 'c>) -> Option<bool> {
        let (start, end) = (fragment.at as usize, fragment.at as usize + usize::from(fragment.size));
        let mut cursor = Cursor::new(self.chunk, start, end);
        let instance = cursor.sole_instance().ok().flatten().filter(|_| depth < MAX_FAST_DEPTH)?;
        let mut values = Vec::with_capacity(USUAL);
        let (kinds, values_end) = instance.values(self.chunk, end, &mut values).ok()?;
        let fields = self.fields.get(&(self.store.known(instance.definition)?, place))?;
        let scope = Scope { chunk: self.chunk, base: instance.base(), values: &values };
        Some(cursor.ends_after(values_end) && fields.collect(&scope, kinds, self, depth + 1, whole))
    }
}

/// All fields of a record.
pub(super) struct Whole<'d, 'c> {
    /// By slot.
    given: Vec<&'d Given>,
    shown: Shown<'c>,
}

impl Default for Whole<'_, '_> {
    fn default() -> Self {
        let shown = Shown { fields: Vec::with_capacity(USUAL), ..Shown::default() };
        Self { given: Vec::with_capacity(USUAL), shown }
    }
}

impl<'d, 'c> Whole<'d, 'c> {
    fn add(&mut self, given: &'d Given, scope: &Scope<'c, '_>) {
        let first = self.shown.fields.len();
        given.step.run(scope, &mut self.shown);
        let slot = self.given.len() as Slot;
        self.shown.fields.iter_mut().skip(first).for_each(|(own, _)| *own = slot);
        self.given.push(given);
    }

    /// Shows them; false, and shows none, where there are too many.
    pub(super) fn visit(self, visit: &mut dyn FnMut(&str, Value<'_>)) -> bool {
        let Self { given, shown } = self;
        if given.len() > usize::from(Slot::MAX) || shown.fields.len() > MAX_WHOLE {
            return false;
        }
        shown.show(|fields| {
            let named = |slot: &Slot| given.get(usize::from(*slot));
            let is_own = |slot: &Slot, name: &str| named(slot).is_some_and(|own| !own.system && *own.name == *name);
            for (slot, value) in fields {
                let Some(one) = named(slot) else { continue };
                if !(one.step.yields && fields.iter().any(|(slot, _)| is_own(slot, &one.name))) {
                    visit(&one.name, *value);
                }
            }
        });
        true
    }
}

/// Of a record of more fields, a tree is made: each of the system section is compared with all others.
const MAX_WHOLE: usize = 256;
/// Few records have more fields.
const USUAL: usize = 48;

/// Those of `openings` in which a fragment stands, each with it.
fn fragments<'p>(
    openings: &'p [Opening],
    values: &'p [Substitution],
) -> impl Iterator<Item = (&'p Opening, &'p Substitution)> {
    openings.iter().filter_map(|opening| {
        let fragment = values.get(usize::from(opening.substitution)).filter(|value| value.is_fragment())?;
        (!is_left_out(&opening.dependencies, values)).then_some((opening, fragment))
    })
}

fn is_left_out(dependencies: &[u16], values: &[Substitution]) -> bool {
    dependencies.iter().any(|index| values.get(usize::from(*index)).is_some_and(Substitution::is_null))
}

/// What a template's steps are run on.
#[derive(Clone, Copy)]
pub(super) struct Scope<'c, 'v> {
    pub(super) chunk: &'c [u8],
    /// Where the template's body begins.
    pub(super) base: usize,
    pub(super) values: &'v [Substitution],
}

/// The fields of a record that are handed out; kept from record to record to save allocations.
#[derive(Default)]
pub(super) struct Shown<'f> {
    fields: Vec<(Slot, Value<'f>)>,
    /// Text that does not stand in the chunk as it is, and whose field it is.
    texts: String,
    made: Vec<(usize, Range<usize>)>,
}

impl<'f> Shown<'f> {
    fn push(&mut self, slot: Slot, scalar: Scalar<'f>) {
        match scalar {
            Scalar::Value(value) => self.fields.push((slot, value)),
            Scalar::Text(text) => self.push_text(slot, |texts| texts.push_str(&text)),
        }
    }

    fn push_text(&mut self, slot: Slot, write: impl FnOnce(&mut String)) {
        let start = self.texts.len();
        write(&mut self.texts);
        self.made.push((self.fields.len(), start..self.texts.len()));
        self.fields.push((slot, Value::Null));
    }

    /// Calls `look` with the fields, and gives back what can be used again.
    pub(super) fn show(self, look: impl FnOnce(&[(Slot, Value<'_>)])) -> Shown<'static> {
        let (mut fields, mut texts, mut made): (Vec<(Slot, Value<'_>)>, _, _) = (self.fields, self.texts, self.made);
        for (index, range) in &made {
            if let Some((field, text)) = fields.get_mut(*index).zip(texts.get(range.clone())) {
                field.1 = Value::Text(text);
            }
        }
        look(&fields);
        // Collecting nothing into a vector of the same layout keeps its allocation.
        let fields = fields.into_iter().map_while(|_| None).collect();
        made.clear();
        texts.clear();
        Shown { fields, texts, made }
    }
}

impl Step {
    fn is_fixed(&self) -> bool {
        matches!(self.source, Source::Nothing | Source::Text(_)) && self.dependencies.is_empty()
    }

    /// The value, if it is a single one that stands in the chunk; null where the field is absent.
    pub(super) fn single<'c>(&self, scope: &Scope<'c, '_>) -> Option<Value<'c>> {
        if is_left_out(&self.dependencies, scope.values) {
            return Some(Value::Null);
        }
        match &self.source {
            Source::Nothing => Some(Value::Null),
            Source::Text(span) => Some(Value::Utf16(span.of(scope.chunk, scope.base))),
            Source::Pieces(_) => None,
            Source::Substitution(index) => {
                let Some(sub) = scope.values.get(usize::from(*index)) else { return Some(Value::Null) };
                if value::kind(sub.ty) & (value::ARRAY | value::FRAGMENT) != 0 {
                    return None;
                }
                match value::scalar(sub.ty, sub.bytes(scope.chunk)) {
                    Scalar::Value(value) => Some(value),
                    Scalar::Text(_) => None,
                }
            }
        }
    }

    fn run<'c>(&self, scope: &Scope<'c, '_>, out: &mut Shown<'c>) {
        if is_left_out(&self.dependencies, scope.values) {
            return;
        }
        match &self.source {
            Source::Nothing => self.push(Scalar::Value(Value::Null), out),
            Source::Text(span) => {
                self.push(Scalar::Value(Value::Utf16(span.of(scope.chunk, scope.base))), out);
            }
            Source::Substitution(index) => match scope.values.get(usize::from(*index)) {
                Some(sub) => self.run_substitution(sub, scope, out),
                None => self.push(Scalar::Value(Value::Null), out),
            },
            Source::Pieces(pieces) => {
                let start = out.fields.len();
                out.push_text(self.slot, |text| pieces.iter().for_each(|piece| piece.write(scope, text)));
                let empty = out.made.last().is_some_and(|(_, range)| range.is_empty());
                if self.attribute && empty {
                    out.fields.truncate(start);
                    out.made.pop();
                }
            }
        }
    }

    fn run_substitution<'c>(&self, sub: &Substitution, scope: &Scope<'c, '_>, out: &mut Shown<'c>) {
        let bytes = sub.bytes(scope.chunk);
        let kind = value::kind(sub.ty);
        if kind & (value::ARRAY | value::FRAGMENT) == 0 {
            self.push(value::scalar(sub.ty, bytes), out);
        } else if bytes.is_empty() {
            self.push(Scalar::Value(Value::Null), out);
        } else if kind & value::ARRAY != 0 {
            value::items(sub.ty, bytes).for_each(|item| self.push(item, out));
        }
        // A fragment brings elements of its own, so that this one is no field.
    }

    fn push<'c>(&self, scalar: Scalar<'c>, out: &mut Shown<'c>) {
        let empty = match &scalar {
            Scalar::Value(value) => value.is_empty(),
            Scalar::Text(text) => text.is_empty(),
        };
        if !(self.attribute && empty) {
            out.push(self.slot, scalar);
        }
    }
}

impl Piece {
    fn write(&self, scope: &Scope<'_, '_>, out: &mut String) {
        let mut write = |scalar: Scalar<'_>| match scalar {
            Scalar::Value(value) => value.write_text(out),
            Scalar::Text(text) => out.push_str(&text),
        };
        match self {
            Self::Text(span) => write(Scalar::Value(Value::Utf16(value::until_nul(span.of(scope.chunk, scope.base))))),
            Self::Literal(ty, span) => write(value::scalar(*ty, span.of(scope.chunk, scope.base))),
            Self::Chars(chars) => out.push_str(chars),
            Self::Substitution(index) => {
                let Some(sub) = scope.values.get(usize::from(*index)) else { return };
                let bytes = sub.bytes(scope.chunk);
                // A plan does not hold for arrays and fragments here.
                if value::kind(sub.ty) & (value::ARRAY | value::FRAGMENT) == 0 {
                    write(value::scalar(sub.ty, bytes));
                }
            }
        }
    }
}
