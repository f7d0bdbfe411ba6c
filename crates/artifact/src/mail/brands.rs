//! Names of firms that mail pretends to come from, and the domains that are theirs.

use aho_corasick::AhoCorasick;
use serde::Deserialize;

use super::{
    domains::Domain,
    words::{automaton, pattern},
};

/// Shorter labels stand in too many others.
const LABEL: usize = 5;

/// The data: `[[brand]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrandData {
    brand: Vec<Brand>,
}

/// A firm or service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Brand {
    /// Its names as people write them, the usual one first.
    pub(super) names: Vec<String>,
    /// What it registered.
    domains: Vec<String>,
    /// The same, taken apart.
    #[serde(skip)]
    pub(super) known: Vec<Domain>,
    /// Names that are its own under every country's ending: `amazon` of amazon.de and amazon.co.uk.
    #[serde(default)]
    labels: Vec<String>,
    /// Whether people dream of a job there: makers of aircraft, arms, ships, and other well-known employers.
    #[serde(default)]
    pub(super) employer: bool,
    /// Whether its name is an ordinary word, which says nothing in running text.
    #[serde(default)]
    pub(super) word: bool,
}

impl Brand {
    /// The name that is told.
    pub(super) fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Whether a domain, or one above it, is the brand's.
    pub(super) fn owns(&self, domain: &Domain) -> bool {
        let is_country =
            domain.registered.rsplit('.').next().is_some_and(|ending| ending.len() == 2 || ending == "com");
        self.domains.iter().any(|own| domain.registered == *own || domain.name == *own)
            || is_country && self.labels.contains(&domain.label)
    }
}

/// All of them, ready to be searched for.
pub(super) struct Brands {
    pub(super) all: Vec<Brand>,
    search: AhoCorasick,
    /// The brand of each name.
    owners: Vec<usize>,
    /// The labels of what they registered, and the brand of each.
    labels: AhoCorasick,
    label_owners: Vec<usize>,
}

impl Brands {
    pub(super) fn new(data: BrandData) -> Self {
        let mut all = data.brand;
        for brand in &mut all {
            brand.known = brand.domains.iter().map(|domain| Domain::new(domain)).collect();
        }
        let labels = all
            .iter()
            .enumerate()
            .flat_map(|(at, brand)| brand.known.iter().map(move |known| (at, known.label.clone())));
        let (label_owners, labels): (Vec<_>, Vec<_>) = labels.filter(|(_, label)| label.len() >= LABEL).unzip();
        let names =
            all.iter().enumerate().flat_map(|(at, brand)| brand.names.iter().map(move |name| (at, pattern(name))));
        let (owners, patterns): (Vec<_>, Vec<_>) = names.unzip();
        Self { search: automaton(&patterns), labels: automaton(&labels), owners, label_owners, all }
    }

    /// The brands named in a normalised text, each once, in the order of the data.
    pub(super) fn named<'a>(&'a self, text: &str) -> Vec<&'a Brand> {
        let hits = self.search.find_overlapping_iter(text);
        let mut found: Vec<usize> = hits.filter_map(|hit| self.owners.get(hit.pattern().as_usize()).copied()).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|at| self.all.get(at)).collect()
    }

    /// Whether a domain is a brand's.
    pub(super) fn own(&self, domain: &Domain) -> bool {
        self.all.iter().any(|brand| brand.owns(domain))
    }

    /// Whether a brand's label stands in a domain that is not of that brand.
    pub(super) fn is_label_misused(&self, domain: &Domain) -> bool {
        let hits = self.labels.find_overlapping_iter(&domain.name);
        let mut owners = hits.filter_map(|hit| self.all.get(*self.label_owners.get(hit.pattern().as_usize())?));
        owners.any(|brand| !brand.owns(domain))
    }
}
