//! Which evidence Sigma's log sources mean: categories and services → channel, provider and event id, and what
//! fields are called there. The data is in `taxonomy/`; its README documents the format.

use std::collections::BTreeMap;

use event::LogSource;

use crate::{
    fold::fold,
    rule::LogSourceSpec,
    yaml::{self, Kind, Node, Problem},
};

/// All that is known of log sources. Entries of several files add up.
#[derive(Clone, Debug, Default)]
pub struct Taxonomy {
    entries: Vec<Entry>,
}

/// One place where a category or service is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Sigma's name of it: product with category or service.
    pub meaning: LogSourceSpec,
    /// What kind of record it is.
    pub source: SourcePattern,
    /// Sigma's field name → its names in the record, where they differ. Of several, each has values of the field.
    pub fields: BTreeMap<String, Vec<String>>,
    /// By Sigma's field name: value in the record → value as rules write it; what is in the record is a value of the field too.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// Fields (by their name in the record) that must have one of these values.
    pub conditions: BTreeMap<String, Vec<String>>,
}

/// Which records are meant; an empty list means any. Channels and providers are case-folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcePattern {
    /// See [`LogSource::product`].
    pub product: String,
    /// See [`LogSource::channel`].
    pub channels: Vec<String>,
    /// See [`LogSource::provider`].
    pub providers: Vec<String>,
    /// See [`LogSource::event_id`].
    pub event_ids: Vec<u32>,
}

impl SourcePattern {
    /// Whether a record of this log source is meant.
    pub fn includes(&self, source: &LogSource<'_>) -> bool {
        let named = |names: &[String], name: &str| names.is_empty() || names.contains(&fold(name));
        (self.product.is_empty() || self.product == source.product)
            && (self.event_ids.is_empty() || self.event_ids.contains(&source.event_id))
            && named(&self.channels, source.channel)
            && named(&self.providers, source.provider)
    }
}

impl Taxonomy {
    /// What Dreamcatcher ships.
    pub fn shipped() -> Self {
        let mut taxonomy = Self::default();
        // A test holds that the shipped files have no problem.
        for text in [
            include_str!("../../../taxonomy/windows.yml"),
            include_str!("../../../taxonomy/linux.yml"),
            include_str!("../../../taxonomy/web.yml"),
            include_str!("../../../taxonomy/artifact.yml"),
        ] {
            let _ = taxonomy.add(text);
        }
        taxonomy
    }

    /// Adds the entries of a file.
    ///
    /// # Errors
    /// The first thing that is not as `taxonomy/README.md` says.
    pub fn add(&mut self, text: &str) -> Result<(), Problem> {
        let (documents, problem) = yaml::documents(text);
        if let Some(problem) = problem {
            return Err(problem);
        }
        for document in &documents {
            let product = document.text("product").unwrap_or_default().to_ascii_lowercase();
            known_keys(document, &["product", "services", "categories"])?;
            if product.is_empty() {
                return Err(Problem::new(document.line, "the file names no product"));
            }
            for (kind, key) in [(MeaningKind::Service, "services"), (MeaningKind::Category, "categories")] {
                for named in document.get(key).map(Node::entries).unwrap_or_default() {
                    for node in named.value.items() {
                        self.entries.push(entry(&product, kind, &named.key, node)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// The entries that a rule's log source means, or a reason why there are none. A rule that names a category and
    /// a service is about records that are both.
    pub fn entries_for(&self, spec: &LogSourceSpec) -> Result<Vec<Entry>, String> {
        let nothing = || format!("no reader yet for the log source {spec}");
        let products: Vec<&str> = self.entries.iter().filter_map(|entry| entry.meaning.product.as_deref()).collect();
        let product = spec.product.as_deref();
        if product.is_some_and(|product| !products.contains(&product)) {
            return Err(nothing());
        }
        let of = |category: Option<&String>, service: Option<&String>| {
            let meant = move |entry: &&Entry| {
                (product.is_none() || entry.meaning.product.as_deref() == product)
                    && (category.is_some() && entry.meaning.category.as_ref() == category
                        || service.is_some() && entry.meaning.service.as_ref() == service)
            };
            self.entries.iter().filter(meant).cloned().collect::<Vec<_>>()
        };
        let found = match (&spec.category, &spec.service) {
            (None, None) => vec![Entry {
                meaning: spec.clone(),
                source: SourcePattern { product: product.unwrap_or_default().to_owned(), ..SourcePattern::default() },
                ..Entry::default()
            }],
            (Some(category), None) => of(Some(category), None),
            (None, Some(service)) => of(None, Some(service)),
            (Some(category), Some(service)) => {
                let services = of(None, Some(service));
                let both =
                    |category: Entry| services.iter().filter_map(move |service| intersection(&category, service));
                of(Some(category), None).into_iter().flat_map(both).collect()
            }
        };
        if found.is_empty() { Err(nothing()) } else { Ok(found) }
    }
}

/// The entry of records that are of both; its field names are the category's.
fn intersection(category: &Entry, service: &Entry) -> Option<Entry> {
    let mut both = category.clone();
    both.source.channels = common(&category.source.channels, &service.source.channels)?;
    both.source.providers = common(&category.source.providers, &service.source.providers)?;
    both.source.event_ids = common(&category.source.event_ids, &service.source.event_ids)?;
    both.conditions.extend(service.conditions.clone());
    Some(both)
}

/// What both lists hold, an empty one meaning anything; `None` if that is nothing.
fn common<T: Clone + PartialEq>(a: &[T], b: &[T]) -> Option<Vec<T>> {
    match (a, b) {
        ([], any) | (any, []) => Some(any.to_vec()),
        _ => {
            let both: Vec<T> = a.iter().filter(|item| b.contains(item)).cloned().collect();
            (!both.is_empty()).then_some(both)
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum MeaningKind {
    Service,
    Category,
}

fn entry(product: &str, kind: MeaningKind, name: &str, node: &Node) -> Result<Entry, Problem> {
    known_keys(node, &["channels", "providers", "event_ids", "fields", "values", "where"])?;
    let texts = |key: &str| node.get(key).map(Node::texts).unwrap_or_default();
    let ids = node.get("event_ids").map(Node::items).unwrap_or_default().iter();
    let id = |node: &Node| {
        node.as_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Problem::new(node.line, "expected the number of an event"))
    };
    let name = Some(name.to_ascii_lowercase());
    let (category, service) = if kind == MeaningKind::Category { (name, None) } else { (None, name) };
    Ok(Entry {
        meaning: LogSourceSpec { product: Some(product.to_owned()), category, service },
        source: SourcePattern {
            product: product.to_owned(),
            channels: texts("channels").iter().map(|channel| fold(channel)).collect(),
            providers: texts("providers").iter().map(|provider| fold(provider)).collect(),
            event_ids: ids.map(id).collect::<Result<_, _>>()?,
        },
        fields: names(node.get("fields"))?,
        values: node
            .get("values")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|field| Ok((field.key.clone(), pairs(Some(&field.value))?)))
            .collect::<Result<_, Problem>>()?,
        conditions: node
            .get("where")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|field| (field.key.clone(), field.value.texts()))
            .collect(),
    })
}

/// Sigma's names, each with one or several names in the record.
fn names(node: Option<&Node>) -> Result<BTreeMap<String, Vec<String>>, Problem> {
    let entries = node.map(Node::entries).unwrap_or_default();
    let named = |entry: &yaml::Entry| match entry.value.texts() {
        names if names.is_empty() || names.len() != entry.value.items().len() => {
            Err(Problem::new(entry.line, format!("'{}' needs the name of a field, or a list of them", entry.key)))
        }
        names => Ok((entry.key.clone(), names)),
    };
    entries.iter().map(named).collect()
}

fn pairs(node: Option<&Node>) -> Result<BTreeMap<String, String>, Problem> {
    let entries = node.map(Node::entries).unwrap_or_default();
    let pair = |entry: &yaml::Entry| match &entry.value.kind {
        Kind::Scalar(text) => Ok((entry.key.clone(), text.clone())),
        _ => Err(Problem::new(entry.line, format!("'{}' needs one text", entry.key))),
    };
    entries.iter().map(pair).collect()
}

fn known_keys(node: &Node, known: &[&str]) -> Result<(), Problem> {
    match node.entries().iter().find(|entry| !known.contains(&entry.key.as_str())) {
        None => Ok(()),
        Some(entry) => {
            Err(Problem::new(entry.line, format!("unknown key '{}'; known are: {}", entry.key, known.join(", "))))
        }
    }
}
