//! What is known before any mail is read: data that comes with the program, and what the organisation says of itself.

use std::{collections::HashSet, sync::LazyLock};

use serde::Deserialize;

use super::{brands::Brands, domains::registrable, words::Topics};

/// What only the organisation knows of its mail (`[mail]` in site.toml).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organisation {
    /// Its own domains.
    pub domains: Vec<String>,
    /// Those of its partners, customers and suppliers.
    pub partners: Vec<String>,
    /// Names of its own mail servers, as they write them into Authentication-Results (RFC 8601, authserv-id).
    pub receivers: Vec<String>,
}

impl Organisation {
    /// Whether a domain, or one above it, is the organisation's own.
    pub(super) fn owns(&self, domain: &str) -> bool {
        within(&self.domains, domain)
    }

    /// Whether a domain, or one above it, is the organisation's own or a partner's.
    pub(super) fn trusts(&self, domain: &str) -> bool {
        self.owns(domain) || within(&self.partners, domain)
    }

    /// Its own and its partners' domains.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().chain(&self.partners).map(String::as_str)
    }
}

fn within(domains: &[String], domain: &str) -> bool {
    let is_below =
        |known: &String| domain.strip_suffix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    domains.iter().any(is_below)
}

/// The data that comes with the program.
pub(super) struct Known {
    pub(super) brands: Brands,
    pub(super) topics: Topics,
    pub(super) services: Services,
}

/// Domains by what they are for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Services {
    /// Mailboxes that anybody gets without proof of who they are.
    pub(super) private_mail: HashSet<String>,
    /// Addresses that stand for others.
    pub(super) shorteners: HashSet<String>,
    /// Files that anybody may put there.
    pub(super) shares: HashSet<String>,
    /// Pages that anybody may put there under the service's own name.
    pub(super) hosting: HashSet<String>,
    /// Messengers.
    pub(super) messengers: HashSet<String>,
    /// Source code that anybody may put there.
    pub(super) repositories: HashSet<String>,
    /// Endings of domains that cost next to nothing.
    pub(super) cheap_endings: HashSet<String>,
    /// Words that are added to a firm's name to make another domain look like its own.
    pub(super) added_words: HashSet<String>,
}

impl Services {
    /// Whether a host, or a domain above it, is in the set.
    pub(super) fn has(set: &HashSet<String>, host: &str) -> bool {
        set.contains(host) || set.contains(registrable(host)) || {
            let mut rest = host;
            std::iter::from_fn(|| {
                rest = rest.split_once('.')?.1;
                Some(rest)
            })
            .take(8)
            .any(|above| set.contains(above))
        }
    }
}

impl Known {
    /// The data, read once.
    pub(super) fn shipped() -> &'static Self {
        static KNOWN: LazyLock<Known> = LazyLock::new(|| Known {
            brands: Brands::new(parsed(include_str!("data/brands.toml"))),
            topics: Topics::new(parsed(include_str!("data/words.toml"))),
            services: parsed(include_str!("data/services.toml")),
        });
        &KNOWN
    }
}

/// Data that a test has seen to be right.
#[allow(clippy::panic, reason = "the data is compiled in, and a test reads it")]
fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    toml::from_str(text).unwrap_or_else(|error| panic!("shipped data: {error}"))
}
