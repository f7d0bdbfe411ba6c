//! Blocks of chunks to events.

use std::{collections::HashMap, hash::BuildHasher as _, rc::Rc, sync::Arc};

use event::{Class, Damage, Detector, Encoding, Event, Interest, Piece, Position, Slot, TextGroup, Time, Value};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{
    FILE_SIGNATURE,
    binxml::{self, Cursor, Fault, Instance, Substitution},
    fields::{self, Place},
    plan::{Fields, Inner, Key, MAX_FAST_DEPTH, Plan, Scope, Shown},
    record::{self, EvtxRecord, Names},
    template::{Store, TemplateId},
    tree::{Decoder, Element, Field},
    value,
    walk::{self, CHUNK, ChunkHeader, RecordHeader, Walk},
};
use crate::{Block, Output, Reader};

/// All records of one template, event id, channel and provider: they are of one class, and one plan holds
/// for them.
#[derive(Debug)]
struct Shape {
    template: TemplateId,
    event_id: u32,
    /// In UTF-16.
    channel: Box<[u8]>,
    provider: Box<[u8]>,
    names: Names,
    class: Class,
    interest: Arc<Interest>,
    plan: Rc<Plan>,
    /// Whether the event's own data is of interest.
    own: bool,
}

/// What is remembered of templates and classes; bounded, and only makes reading faster.
#[derive(Default)]
struct Known {
    /// By template, as the root of a record.
    roots: Vec<Option<Rc<Fields>>>,
    /// By template: the shape of the last record that used it.
    last: Vec<Option<Rc<Shape>>>,
    shapes: HashTable<Rc<Shape>>,
    /// Templates of fragments, by where they stand.
    fields: HashMap<(TemplateId, Place), Rc<Fields>, RandomState>,
    plans: HashMap<(TemplateId, Place, Class), Rc<Plan>, RandomState>,
    hasher: RandomState,
    /// Shapes, and steps of plans.
    weight: usize,
}

/// What is remembered at most; looked at between chunks, none of which adds much.
const MAX_KNOWN: usize = 1 << 20;
/// Bytes of a channel's and a provider's name together, beyond which they are not remembered.
const MAX_SOURCE: usize = 2048;
/// Fragments of a record that the fast path opens; a sound one has one or two.
const MAX_OPENED: usize = 64;

/// Reads blocks of chunks. Serves one detector, whose classes it remembers.
#[derive(Default)]
pub(super) struct EvtxReader {
    walk: Walk,
    slack: Slack,
    /// The headers of the block's chunks.
    ranges: Vec<ChunkHeader>,
    state: State,
}

#[derive(Default)]
struct State {
    store: Store,
    known: Known,
    values: Vec<Substitution>,
    /// Fragments of the record opened so far.
    opened: usize,
    shown: Shown<'static>,
    /// By text group; kept from chunk to chunk to save allocations.
    searches: Vec<Search>,
    /// Text put together of several parts.
    pieces: String,
    unpaired: Unpaired,
}

/// What [`Detector::text_hits`] said of a chunk.
struct Search {
    group: TextGroup,
    done: bool,
    /// Whether a record without a hit is ruled out.
    rules_out: bool,
    hits: Vec<usize>,
}

impl Search {
    fn is_hit(&self, from: usize, to: usize) -> bool {
        let first = self.hits.partition_point(|hit| *hit < from);
        self.hits.get(first).is_some_and(|hit| *hit < to)
    }
}

impl Reader for EvtxReader {
    fn read(&mut self, piece: &Arc<Piece>, block: &Block, detector: &mut dyn Detector, output: &mut Output) {
        let start = check_file_header(block, output);
        output.damages.extend(block.damages.iter().cloned());
        self.slack = Slack::default();
        self.ranges.clear();
        let chunks = block.bytes.get(start..).unwrap_or_default().chunks(CHUNK);
        self.ranges.extend(chunks.filter_map(ChunkHeader::read).filter(ChunkHeader::is_plausible));
        let mut offset = block.offset + start as u64;
        for chunk in block.bytes.get(start..).unwrap_or_default().chunks(CHUNK) {
            // The cutter tells of those that should not be blank.
            if !is_blank(chunk) {
                self.read_chunk(piece, chunk, offset, detector, output);
            }
            offset += chunk.len() as u64;
        }
        self.slack.note(output);
        std::mem::take(&mut self.state.unpaired).note(output);
    }
}

/// Records found behind the live ones of a block's chunks.
#[derive(Default)]
struct Slack {
    /// Those that are whole, with the templates they were written with.
    taken: u64,
    lost: u64,
}

impl Slack {
    fn note(&self, output: &mut Output) {
        if self.taken > 0 {
            output.notes.push(format!("{} records recovered from slack space", self.taken));
        }
        if self.lost > 0 {
            let note =
                format!("{} records in slack space cannot be decoded, since their templates are gone", self.lost);
            output.notes.push(note);
        }
    }
}

/// Records of a block in whose wanted text a surrogate stands without its other half.
#[derive(Default)]
struct Unpaired {
    first: Option<u64>,
    more: u64,
}

impl Unpaired {
    fn look(&mut self, record: &RecordHeader, fields: &[(Slot, Value<'_>)]) {
        if !fields.iter().any(|(_, value)| matches!(value, Value::Utf16(units) if value::has_unpaired(units))) {
            return;
        }
        match self.first {
            None => self.first = Some(record.id),
            Some(_) => self.more += 1,
        }
    }

    fn note(self, output: &mut Output) {
        let Some(first) = self.first else { return };
        let more = if self.more > 0 { format!(" and {} more", self.more) } else { String::new() };
        output.notes.push(format!("record {first}{more}: unpaired surrogates were read as U+FFFD"));
    }
}

/// Whether there is nothing but zeros.
pub(super) fn is_blank(chunk: &[u8]) -> bool {
    chunk.iter().take(8).all(|byte| *byte == 0) && chunk.iter().all(|byte| *byte == 0)
}

/// Says what the header of the file says of its state, and where the chunks begin.
fn check_file_header(block: &Block, output: &mut Output) -> usize {
    let start = record::first_chunk(block);
    if start == 0 {
        return 0;
    }
    if !block.bytes.starts_with(FILE_SIGNATURE) {
        let found: String = block.bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let reason =
            format!("expected the signature of a file's header, found {found}; the first chunk begins at {start}");
        output.damages.push(Damage { position: Position::Offset(0), records: 0, reason });
        return start;
    }
    let flags = walk::u32_at(&block.bytes, 120).unwrap_or_default();
    if flags & 1 != 0 {
        output.notes.push("log was not closed (dirty)".into());
    }
    let (found, expected) = file_checksums(&block.bytes);
    if flags & walk::NO_CHECKSUM == 0 && found != expected {
        let reason = format!("file header's checksum is {found:#010x} where the header says {expected:#010x}");
        output.damages.push(Damage { position: Position::Offset(0), records: 0, reason });
    }
    start
}

/// The checksum of a file's header as it is behind a sound signature, and as the header says it should be.
pub(super) fn file_checksums(header: &[u8]) -> (u32, u32) {
    let mut hash = crc32fast::Hasher::new();
    hash.update(FILE_SIGNATURE);
    hash.update(header.get(FILE_SIGNATURE.len()..120).unwrap_or_default());
    (hash.finalize(), walk::u32_at(header, 124).unwrap_or_default())
}

impl EvtxReader {
    fn read_chunk(
        &mut self,
        piece: &Arc<Piece>,
        chunk: &[u8],
        offset: u64,
        detector: &mut dyn Detector,
        output: &mut Output,
    ) {
        self.walk.walk(chunk, offset);
        output.damages.append(&mut self.walk.damages);
        self.state.next_chunk();
        let decoder = Decoder::new(chunk);
        let mut pass = Pass { state: &mut self.state, piece, chunk, decoder: &decoder, detector, output };
        for record in &self.walk.live {
            if pass.read(record) {
                crate::add_to_runs(&mut pass.output.runs, record.id, record.time());
            }
        }
        let own = ChunkHeader::read(chunk);
        for record in &self.walk.slack {
            let mut others = self.ranges.iter().filter(|header| Some(**header) != own);
            if others.any(|header| (header.first_id..=header.last_id).contains(&record.id)) {
                continue;
            }
            let whole = decoder.strict_tree(record).is_ok() && pass.read(record);
            *(if whole { &mut self.slack.taken } else { &mut self.slack.lost }) += 1;
        }
    }
}

/// What a [`Shape`] is found by.
struct Source<'a> {
    template: TemplateId,
    event_id: u32,
    channel: &'a [u8],
    provider: &'a [u8],
}

impl Source<'_> {
    fn is(&self, shape: &Shape) -> bool {
        shape.event_id == self.event_id
            && shape.template == self.template
            && *shape.channel == *self.channel
            && *shape.provider == *self.provider
    }

    fn hash(&self, hasher: &RandomState) -> u64 {
        hasher.hash_one((self.template, self.event_id, self.channel, self.provider))
    }
}

impl Known {
    /// The shape of records of this source, whose template gives `fields`.
    fn shape(&mut self, source: &Source<'_>, fields: &Fields, detector: &mut dyn Detector) -> Rc<Shape> {
        let hash = source.hash(&self.hasher);
        let shape = match self.shapes.find(hash, |shape| source.is(shape)) {
            Some(shape) => Rc::clone(shape),
            None => {
                let shape = Rc::new(self.new_shape(source, fields, detector));
                let rehash = |shape: &Rc<Shape>| shape.source().hash(&self.hasher);
                self.shapes.insert_unique(hash, Rc::clone(&shape), rehash);
                shape
            }
        };
        let index = source.template.0 as usize;
        if self.last.len() <= index {
            self.last.resize(index + 1, None);
        }
        if let Some(last) = self.last.get_mut(index) {
            *last = Some(Rc::clone(&shape));
        }
        shape
    }

    fn new_shape(&mut self, source: &Source<'_>, fields: &Fields, detector: &mut dyn Detector) -> Shape {
        let text = |units| Value::Utf16(units).text().into_owned();
        let names = Names { channel: text(source.channel), provider: text(source.provider), event_id: source.event_id };
        let class = detector.class(&names.source());
        let interest = detector.interest(class);
        self.weight += 4 + (source.channel.len() + source.provider.len()) / 16;
        Shape {
            template: source.template,
            event_id: source.event_id,
            channel: source.channel.into(),
            provider: source.provider.into(),
            names,
            class,
            plan: self.plan((source.template, Place::Record, class), fields, &interest),
            own: interest.fields.iter().any(|name| !fields::is_always_system(name)),
            interest,
        }
    }

    /// The plan for what a template gives to a class where it stands.
    fn plan(&mut self, key: (TemplateId, Place, Class), fields: &Fields, interest: &Interest) -> Rc<Plan> {
        let plan = self.plans.entry(key).or_insert_with(|| {
            let plan = Plan::new(fields, interest);
            self.weight += plan.weight();
            Rc::new(plan)
        });
        Rc::clone(plan)
    }
}

impl Shape {
    fn source(&self) -> Source<'_> {
        Source { template: self.template, event_id: self.event_id, channel: &self.channel, provider: &self.provider }
    }
}

impl State {
    fn search(&self, group: TextGroup) -> Option<&Search> {
        self.searches.iter().find(|search| search.group == group)
    }

    fn next_chunk(&mut self) {
        self.searches.iter_mut().for_each(|search| search.done = false);
        if self.store.next_chunk() || self.known.weight > MAX_KNOWN {
            self.known = Known::default();
        }
    }
}

/// The fast path does not hold for the record; the general one does.
struct Irregular;

/// What the fast path has to say of a record.
type Fast<T> = Result<Result<T, Irregular>, Fault>;

/// One pass over the records of a chunk.
struct Pass<'p, 'c> {
    state: &'p mut State,
    piece: &'p Arc<Piece>,
    chunk: &'c [u8],
    decoder: &'p Decoder<'c>,
    detector: &'p mut dyn Detector,
    output: &'p mut Output,
}

/// A template instance in a record, with its values at `State::values[first..]`.
struct Opened {
    instance: Instance,
    template: TemplateId,
    first: usize,
    kinds: u8,
}

impl Opened {
    fn base(&self) -> usize {
        self.instance.base()
    }
}

impl<'c> Pass<'_, 'c> {
    /// Shows a record to the detector; true if it was whole.
    fn read(&mut self, record: &RecordHeader) -> bool {
        let result = match self.fast(record) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Irregular)) => self.general(record),
            Err(fault) => Err(fault),
        };
        match result {
            Ok(()) => self.output.records += 1,
            Err(Fault(reason)) => {
                self.output.damages.push(Damage { position: Position::Record(record.id), records: 1, reason });
                return false;
            }
        }
        true
    }

    fn fast(&mut self, record: &RecordHeader) -> Fast<()> {
        self.state.values.clear();
        self.state.opened = 0;
        let (start, end) = record.content();
        let Ok(root) = self.open(start, end)? else { return Ok(Err(Irregular)) };
        let Some(shape) = self.shape(&root)? else { return Ok(Err(Irregular)) };
        if !shape.interest.wanted {
            return Ok(Ok(()));
        }
        let mut shown: Shown<'c> = std::mem::take(&mut self.state.shown);
        let group = shape.interest.text;
        let mut text = group.is_some_and(|group| self.holds_hit(group, record, &root));
        let follow =
            Follow { class: shape.class, interest: &shape.interest, own: shape.own, text: group.filter(|_| !text) };
        if self.run(&shape.plan, &root, &follow, &mut shown, &mut text, 0)?.is_err() {
            return Ok(Err(Irregular));
        }
        if shape.interest.text_only && !text {
            self.state.shown = shown.show(|_| {});
            return Ok(Ok(()));
        }
        let time = self.time(&shape, &root).or(record.time());
        let (computer, fields) = (self.computer(&shape, &root), self.root_fields(root.template));
        let scope = self.scope(&root, &self.state.values);
        let inner = Inner { chunk: self.chunk, store: &self.state.store, fields: &self.state.known.fields };
        let instance = fields.map(|fields| record::Instance { fields, inner, scope, kinds: root.kinds });
        let whole = EvtxRecord::new(self.decoder, *record, &shape.names, computer, instance);
        self.state.shown = shown.show(|fields| {
            self.state.unpaired.look(record, fields);
            let event = Event { piece: self.piece, class: shape.class, time, fields, text, record: &whole };
            self.detector.look(&event, &mut self.output.seen);
        });
        Ok(Ok(()))
    }

    /// The instance that is all of the stream in `start..end`.
    fn open(&mut self, start: usize, end: usize) -> Fast<Opened> {
        self.state.opened += 1;
        if self.state.opened > MAX_OPENED {
            return Ok(Err(Irregular));
        }
        let mut cursor = Cursor::new(self.chunk, start, end);
        let Some(instance) = cursor.sole_instance()? else { return Ok(Err(Irregular)) };
        let template = self.state.store.at(self.chunk, instance.definition)?;
        let first = self.state.values.len();
        let (kinds, values_end) = instance.values(self.chunk, end, &mut self.state.values)?;
        if !cursor.ends_after(values_end) {
            return Ok(Err(Irregular));
        }
        Ok(Ok(Opened { instance, template, first, kinds }))
    }

    fn scope<'v>(&self, opened: &Opened, values: &'v [Substitution]) -> Scope<'c, 'v> {
        Scope { chunk: self.chunk, base: opened.base(), values: values.get(opened.first..).unwrap_or_default() }
    }

    /// The record's shape; `None` where its template alone does not tell it.
    fn shape(&mut self, root: &Opened) -> Result<Option<Rc<Shape>>, Fault> {
        let Some(fields) = self.root_fields(root.template) else { return Ok(None) };
        let Some(key) = &fields.key else { return Ok(None) };
        let scope = self.scope(root, &self.state.values);
        let Some(event_id) = key.event_id.single(&scope).map(|value| record::number(&value)) else { return Ok(None) };
        let index = root.template.0 as usize;
        if let Some(Some(last)) = self.state.known.last.get(index).filter(|_| key.fixed)
            && last.event_id == event_id
        {
            return Ok(Some(Rc::clone(last)));
        }
        let (channel, provider) = (utf16(key.channel.single(&scope)), utf16(key.provider.single(&scope)));
        let (Some(channel), Some(provider)) = (channel, provider) else { return Ok(None) };
        if channel.len() + provider.len() > MAX_SOURCE {
            return Ok(None);
        }
        let source = Source { template: root.template, event_id, channel, provider };
        let known = &mut self.state.known;
        if let Some(Some(last)) = known.last.get(index).filter(|last| last.as_ref().is_some_and(|last| source.is(last)))
        {
            return Ok(Some(Rc::clone(last)));
        }
        Ok(Some(known.shape(&source, &fields, self.detector)))
    }

    fn root_fields(&mut self, id: TemplateId) -> Option<Rc<Fields>> {
        let (roots, index) = (&mut self.state.known.roots, id.0 as usize);
        if let Some(Some(known)) = roots.get(index) {
            return Some(Rc::clone(known));
        }
        let fields = Rc::new(Fields::of(self.state.store.get(id)?, Place::Record));
        if roots.len() <= index {
            roots.resize(index + 1, None);
        }
        *roots.get_mut(index)? = Some(Rc::clone(&fields));
        Some(fields)
    }

    fn plan(&mut self, id: TemplateId, place: Place, follow: &Follow<'_>) -> Option<Rc<Plan>> {
        let known = &mut self.state.known;
        if let Some(plan) = known.plans.get(&(id, place, follow.class)) {
            return Some(Rc::clone(plan));
        }
        let template = self.state.store.get(id)?;
        let fields = known.fields.entry((id, place)).or_insert_with(|| Rc::new(Fields::of(template, place)));
        let fields = Rc::clone(fields);
        Some(known.plan((id, place, follow.class), &fields, follow.interest))
    }

    /// Hands out what `plan` says of an instance and of the fragments within it.
    fn run(
        &mut self,
        plan: &Plan,
        opened: &Opened,
        follow: &Follow<'_>,
        shown: &mut Shown<'c>,
        text: &mut bool,
        depth: usize,
    ) -> Fast<()> {
        let values = self.state.values.get(opened.first..).unwrap_or_default();
        if !plan.holds(values, opened.kinds) || depth > MAX_FAST_DEPTH {
            return Ok(Err(Irregular));
        }
        plan.run_own(&self.scope(opened, &self.state.values), shown);
        if opened.kinds & value::FRAGMENT != 0 && (follow.own || follow.text.is_some()) {
            // Beyond its own values come those of the fragments, which are let go of again.
            let end = self.state.values.len();
            for index in 0.. {
                self.state.values.truncate(end);
                let values = self.state.values.get(opened.first..).unwrap_or_default();
                let Some((opening, fragment)) = plan.fragments(values).nth(index) else { break };
                let (place, fragment) = (opening.place, *fragment);
                let (start, size) = (fragment.at as usize, usize::from(fragment.size));
                let Ok(within) = self.open(start, start + size)? else {
                    // Where only words are of interest, a bare fragment need not be decoded: all of its text stands
                    // in the record, in which no such word does.
                    if !follow.own && binxml::is_bare(Cursor::new(self.chunk, start, start + size))? {
                        continue;
                    }
                    return Ok(Err(Irregular));
                };
                let Some(inner) = self.plan(within.template, place, follow) else { return Ok(Err(Irregular)) };
                let fields = self.state.known.fields.get(&(within.template, place)).map(Rc::clone);
                *text |= follow.text.is_some_and(|group| self.uses_hit(group, &within, fields.as_deref()));
                if self.run(&inner, &within, follow, shown, text, depth + 1)?.is_err() {
                    return Ok(Err(Irregular));
                }
            }
            self.state.values.truncate(end);
        }
        plan.run_system(&self.scope(opened, &self.state.values), shown);
        Ok(Ok(()))
    }

    fn key(&self, shape: &Shape) -> Option<&Key> {
        self.state.known.roots.get(shape.template.0 as usize)?.as_ref()?.key.as_ref()
    }

    fn computer(&self, shape: &Shape, root: &Opened) -> Option<Value<'c>> {
        self.key(shape)?.computer.single(&self.scope(root, &self.state.values))
    }

    fn time(&self, shape: &Shape, root: &Opened) -> Option<Time> {
        match self.key(shape)?.time.single(&self.scope(root, &self.state.values))? {
            Value::Time(time) => Some(time),
            Value::Null => None,
            other => Time::parse(&other.text()),
        }
    }
}

/// What of a record's fragments is of interest, and to which class.
struct Follow<'i> {
    class: Class,
    interest: &'i Interest,
    own: bool,
    text: Option<TextGroup>,
}

fn utf16(value: Option<Value<'_>>) -> Option<&[u8]> {
    match value {
        Some(Value::Utf16(units)) => Some(units),
        Some(Value::Null) => Some(&[]),
        _ => None,
    }
}

/// Where words of rules that want any text may stand.
impl Pass<'_, '_> {
    /// Whether such a word may stand in the record, its fragments' templates left out.
    fn holds_hit(&mut self, group: TextGroup, record: &RecordHeader, root: &Opened) -> bool {
        self.search(group);
        let hit = |search: &Search| !search.rules_out || search.is_hit(record.at, record.end());
        let fields = self.root_fields(root.template);
        self.state.search(group).is_none_or(hit) || self.uses_hit(group, root, fields.as_deref())
    }

    /// Searches the chunk for the words of `group`, unless that was done.
    fn search(&mut self, group: TextGroup) {
        let searches = &mut self.state.searches;
        if !searches.iter().any(|search| search.group == group) {
            searches.push(Search { group, done: false, rules_out: false, hits: Vec::new() });
        }
        for search in searches.iter_mut().filter(|search| search.group == group && !search.done) {
            search.done = true;
            search.hits.clear();
            search.rules_out = self.detector.text_hits(group, self.chunk, Encoding::Utf16Le, &mut search.hits);
        }
    }

    /// Whether such a word may stand in the instance's template, be of one byte a character, or lie across
    /// the borders of values.
    fn uses_hit(&mut self, group: TextGroup, opened: &Opened, fields: Option<&Fields>) -> bool {
        let (template, search) = (self.state.store.get(opened.template), self.state.search(group));
        let (Some(template), Some(search), Some(fields)) = (template, search, fields) else { return true };
        let (base, hit) = (opened.base(), |from, len| search.is_hit(from, from + len));
        let in_template = !search.hits.is_empty()
            && (hit(base, template.size as usize)
                || template.outer_names(self.chunk, base).any(|name| hit(name.start as usize, name.len as usize)));
        let mixed = template.mixed;
        in_template || self.narrow_hit(group, opened) || (mixed && self.pieces_hit(group, opened, fields))
    }

    /// Whether such a word may stand in a value that is not UTF-16: of one byte a character, or bytes.
    fn narrow_hit(&mut self, group: TextGroup, opened: &Opened) -> bool {
        if opened.kinds & (value::NARROW | value::BYTES) == 0 {
            return false;
        }
        let values = self.state.values.get(opened.first..).unwrap_or_default();
        values.iter().any(|value| {
            let (kind, bytes) = (value::kind(value.ty), value.bytes(self.chunk));
            let text = value::without_end(bytes);
            if kind & value::NARROW != 0 {
                // Zeros within are left out of the text.
                return text.contains(&0) || may_hold_word(self.detector, group, text);
            }
            kind & value::BYTES != 0 && may_hold_word(self.detector, group, Value::Bytes(bytes).text().as_bytes())
        })
    }

    /// Whether such a word may stand in what is put together of several parts.
    fn pieces_hit(&mut self, group: TextGroup, opened: &Opened, fields: &Fields) -> bool {
        let mut text = std::mem::take(&mut self.state.pieces);
        text.clear();
        fields.write_pieces(&self.scope(opened, &self.state.values), &mut text);
        let hit = may_hold_word(self.detector, group, text.as_bytes());
        self.state.pieces = text;
        hit
    }
}

fn may_hold_word(detector: &mut dyn Detector, group: TextGroup, narrow: &[u8]) -> bool {
    let mut hits = Vec::new();
    !detector.text_hits(group, narrow, Encoding::Utf8, &mut hits) || !hits.is_empty()
}

/// The general path.
impl Pass<'_, '_> {
    fn general(&mut self, record: &RecordHeader) -> Result<(), Fault> {
        let tree = self.decoder.tree(record)?;
        let (names, time) = {
            let system = tree.system_fields();
            (Names::of(&system), system_time(&system))
        };
        let class = self.detector.class(&names.source());
        let interest = self.detector.interest(class);
        if !interest.wanted {
            return Ok(());
        }
        let whole = EvtxRecord::decoded(self.decoder, *record, &names, tree);
        let given = whole.tree().map(Element::fields).unwrap_or_default();
        let mut fields: Vec<(Slot, Value<'_>)> = Vec::new();
        for field in &given {
            let slots = interest.fields.iter().zip(0..).filter(|(name, _)| **name == *field.name);
            fields.extend(slots.map(|(_, slot)| (slot, field.value.as_value())));
        }
        self.state.unpaired.look(record, &fields);
        let event = Event {
            piece: self.piece,
            class,
            time: time.or(record.time()),
            fields: &fields,
            text: interest.text.is_some(),
            record: &whole,
        };
        self.detector.look(&event, &mut self.output.seen);
        Ok(())
    }
}

fn system_time(system: &[Field<'_>]) -> Option<Time> {
    let field = system.iter().find(|field| field.name == "SystemTime")?;
    match field.value.as_value() {
        Value::Time(time) => Some(time),
        other => Time::parse(&other.text()),
    }
}
