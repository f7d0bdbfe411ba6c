//! What traces tell beside processes and logins: which domain an address is, where a file was downloaded from, what the events of
//! correlations say. In bounded tables.

use std::sync::Arc;

use event::{Correlated, Matched, Place};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use crate::{
    common::is_common_domain,
    names,
    trace::{Trace, is_address, is_inside, without_stream},
};

/// Entries of each table.
const MAX_ENTRIES: usize = 100_000;
/// Domains of an address; of one that has more, none says anything.
const MAX_DOMAINS: usize = 3;

/// All of it.
#[derive(Default, Serialize, Deserialize)]
pub struct Told {
    domains: HashMap<String, Vec<String>>,
    /// By machine and path.
    downloads: HashMap<(String, String), String>,
    /// Saved apart, with all other places.
    #[serde(skip)]
    pub events: HashMap<Place, Arc<[Matched]>>,
    /// What there was no room for.
    pub beyond: u64,
}

impl Told {
    /// Takes note that a domain has an address.
    pub fn domain(&mut self, domain: &str, address: &str) {
        let (domain, address) = (names::domain(domain), address.trim().trim_start_matches("::ffff:"));
        let is_rare = domain.contains('.') && !is_address(&domain) && !is_common_domain(&domain);
        if !is_rare || !is_address(address) || is_inside(address) {
            return;
        }
        if self.domains.len() >= MAX_ENTRIES && !self.domains.contains_key(address) {
            self.beyond += 1;
            return;
        }
        let domains = self.domains.entry(address.to_owned()).or_default();
        if domains.len() <= MAX_DOMAINS && !domains.contains(&domain) {
            domains.push(domain);
        }
    }

    /// The domains that an address was seen to be.
    pub fn domains(&self, address: &str) -> &[String] {
        self.domains.get(address).filter(|domains| domains.len() <= MAX_DOMAINS).map_or(&[], Vec::as_slice)
    }

    /// Takes note of where a file came from, as the stream that Windows adds to it says.
    pub fn download(&mut self, trace: &Trace<'_>) {
        let [path, _, _, contents] = trace.values();
        let urls = contents.split_whitespace().filter_map(|line| line.split_once("HostUrl="));
        let Some((_, url)) = urls.into_iter().next() else { return };
        let Some(host) = names::host_of_url(url) else { return };
        if self.downloads.len() < MAX_ENTRIES {
            let file = (names::host(trace.host), names::path(without_stream(path)));
            self.downloads.entry(file).or_insert(host);
        } else {
            self.beyond += 1;
        }
    }

    /// The machine that a file was downloaded from, if a trace told it.
    pub fn downloaded_from(&self, host: &str, path: &str) -> Option<&str> {
        if self.downloads.is_empty() {
            return None;
        }
        self.downloads.get(&(host.to_owned(), path.to_owned())).map(String::as_str)
    }

    /// Takes what an event says of which correlations may be.
    pub fn event(&mut self, place: Place, trace: &Trace<'_>) {
        self.keep(place, trace.fields().collect());
    }

    /// Takes what an audit log says of a start.
    pub fn audited(&mut self, place: Place, trace: &Trace<'_>) {
        let values: [&str; 9] = trace.values();
        let fields = trace.kind.fields().iter().copied().zip(values);
        self.keep(place, fields.filter(|(field, value)| !field.is_empty() && !value.is_empty()).collect());
    }

    fn keep(&mut self, place: Place, fields: Vec<(&str, &str)>) {
        if self.events.len() < MAX_ENTRIES {
            let whole = |(field, value): (&str, &str)| Matched { field: field.to_owned(), value: value.to_owned() };
            self.events.insert(place, fields.into_iter().map(whole).collect());
        } else {
            self.beyond += 1;
        }
    }

    /// What the events of a correlation say, as far as traces told it.
    pub fn context(&self, correlated: &Correlated) -> Arc<[Matched]> {
        let events = correlated.firsts.iter().chain([&correlated.last]);
        let mut places: Vec<&Place> = events.map(|event| &event.place).collect();
        places.sort_unstable();
        places.dedup();
        let told = places.into_iter().filter_map(|place| self.events.get(place));
        told.flat_map(|context| context.iter().cloned()).collect()
    }
}
