//! What a text is about: phrases by topic, which are data.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::Deserialize;

use super::text::normalised;

/// Most phrases that are told of a topic.
const TOLD: usize = 8;

/// The data: `[[topic]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicData {
    topic: Vec<TopicEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicEntry {
    name: String,
    /// How many different phrases make it the topic of a text.
    needs: usize,
    phrases: Vec<String>,
}

/// Topics, ready to be searched for.
pub(super) struct Topics {
    search: AhoCorasick,
    /// The topic of each phrase.
    owners: Vec<usize>,
    phrases: Vec<String>,
    topics: Vec<(String, usize)>,
}

/// A topic that a text touches.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Touched<'a> {
    pub(super) name: &'a str,
    /// Different phrases of it, in the order in which they stand.
    pub(super) phrases: Vec<&'a str>,
    /// Whether there are enough of them.
    pub(super) is_enough: bool,
}

impl Topics {
    pub(super) fn new(data: TopicData) -> Self {
        let (mut owners, mut phrases, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
        for (owner, topic) in data.topic.iter().enumerate() {
            for phrase in &topic.phrases {
                owners.push(owner);
                patterns.push(pattern(phrase));
                phrases.push(phrase.trim_end_matches('*').to_owned());
            }
        }
        let topics = data.topic.into_iter().map(|topic| (topic.name, topic.needs)).collect();
        Self { search: automaton(&patterns), owners, phrases, topics }
    }

    /// The topics that a normalised text touches, in the order of the data.
    pub(super) fn touched(&self, text: &str) -> Vec<Touched<'_>> {
        let mut found = vec![Vec::new(); self.topics.len()];
        let mut seen = vec![false; self.phrases.len()];
        for hit in self.search.find_overlapping_iter(text) {
            let at = hit.pattern().as_usize();
            let (Some(seen), Some(owner)) = (seen.get_mut(at), self.owners.get(at)) else { continue };
            if !std::mem::replace(seen, true)
                && let (Some(list), Some(phrase)) = (found.get_mut(*owner), self.phrases.get(at))
            {
                list.push(phrase.as_str());
            }
        }
        let with_phrases = self.topics.iter().zip(found).filter(|(_, phrases)| !phrases.is_empty());
        with_phrases
            .map(|((name, needs), mut phrases)| {
                let is_enough = phrases.len() >= *needs;
                phrases.truncate(TOLD);
                Touched { name, phrases, is_enough }
            })
            .collect()
    }
}

/// How a phrase stands in normalised text: between blanks, unless it ends in `*` or in a script that writes endings to words.
pub(super) fn pattern(phrase: &str) -> String {
    let is_open = phrase.ends_with('*') || phrase.chars().any(is_hangul);
    let mut pattern = normalised(phrase);
    if is_open {
        pattern.pop();
    }
    pattern
}

const fn is_hangul(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}')
}

/// An automaton over patterns of ours, which cannot be too many.
#[allow(clippy::panic, reason = "the patterns are compiled in, and a test builds it")]
pub(super) fn automaton(patterns: &[String]) -> AhoCorasick {
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::Standard).kind(Some(AhoCorasickKind::DFA));
    builder.build(patterns).unwrap_or_else(|error| panic!("shipped data: {error}"))
}
