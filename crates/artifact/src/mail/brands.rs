//! Names of firms that mail pretends to come from, and the domains that are theirs.

use aho_corasick::AhoCorasick;
use serde::Deserialize;

use super::{
    domains::{label, registrable},
    words::{automaton, pattern},
};

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
    pub(super) domains: Vec<String>,
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
    pub(super) fn owns(&self, domain: &str) -> bool {
        let registered = registrable(domain);
        let is_country = registered.rsplit('.').next().is_some_and(|ending| ending.len() == 2 || ending == "com");
        self.domains.iter().any(|own| registered == own || domain == own)
            || is_country && self.labels.iter().any(|own| label(registered) == own)
    }
}

/// All of them, ready to be searched for.
pub(super) struct Brands {
    pub(super) all: Vec<Brand>,
    search: AhoCorasick,
    /// The brand of each name.
    owners: Vec<usize>,
}

impl Brands {
    pub(super) fn new(data: BrandData) -> Self {
        let all = data.brand;
        let names =
            all.iter().enumerate().flat_map(|(at, brand)| brand.names.iter().map(move |name| (at, pattern(name))));
        let (owners, patterns): (Vec<_>, Vec<_>) = names.unzip();
        Self { search: automaton(&patterns), owners, all }
    }

    /// The brands named in a normalised text, each once, in the order of the data.
    pub(super) fn named<'a>(&'a self, text: &str) -> Vec<&'a Brand> {
        let hits = self.search.find_overlapping_iter(text);
        let mut found: Vec<usize> = hits.filter_map(|hit| self.owners.get(hit.pattern().as_usize()).copied()).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|at| self.all.get(at)).collect()
    }
}
