//! Whole rules as YAML.

use super::{
    choices::Choices,
    item::{Item, quoted, written},
    theme::{SOURCES, Theme},
    want::Want,
};

/// A rule with what its entries ask for.
#[derive(Clone, Debug)]
pub struct MadeRule {
    pub yaml: String,
    /// Index into [`SOURCES`].
    pub source: usize,
    /// All entries of all its selections.
    pub items: Vec<Item>,
}

const NAMES: [&str; 6] = ["selection", "sel_a", "sel_b", "filter_main", "_hidden", "words"];

impl MadeRule {
    /// Rule number `number`. Entries come from `pool` as well, which keeps those of the rules before, so that rules share
    /// tests.
    pub fn make(number: usize, theme: &Theme, pool: &mut Vec<Item>, choices: &mut Choices<'_>) -> Self {
        let source = choices.below(SOURCES.len());
        let (mut items, mut detection, mut names) = (Vec::new(), String::new(), Vec::new());
        for _ in 0..1 + choices.below(4) {
            let name = choices.of(&NAMES);
            if names.contains(&name) {
                continue;
            }
            names.push(name);
            detection.push_str(&format!("  {name}:{}\n", selection(theme, pool, &mut items, choices)));
        }
        for _ in 0..1 + choices.below(5) / 4 {
            detection.push_str(if detection.contains("condition:") { "" } else { "  condition:\n" });
            let condition = condition(&names, 0, choices);
            detection.push_str(&format!("    - {condition}\n"));
        }
        let (logsource, _) = SOURCES[source];
        let yaml = format!("title: rule {number}\nid: {number}\nlogsource: {logsource}\ndetection:\n{detection}");
        Self { yaml, source, items }
    }
}

/// A mapping, a list of mappings and words, or a word.
fn selection(theme: &Theme, pool: &mut Vec<Item>, items: &mut Vec<Item>, choices: &mut Choices<'_>) -> String {
    match choices.below(10) {
        0..=5 => format!("\n{}", map(theme, pool, items, 4, choices)),
        6 | 7 => {
            let mut list = String::from("\n");
            for _ in 0..1 + choices.below(3) {
                let entry = if choices.chance(20) {
                    format!("    - {}\n", word(theme, items, choices))
                } else {
                    let map = map(theme, pool, items, 6, choices);
                    format!("    -{}", map.get(5..).unwrap_or_default())
                };
                list.push_str(&entry);
            }
            list
        }
        8 => {
            let words: Vec<String> = (0..1 + choices.below(3)).map(|_| word(theme, items, choices)).collect();
            format!(" [{}]", words.join(", "))
        }
        _ => {
            let item = Item::words(theme, choices);
            let text = format!("\n    {}\n", entry(&item));
            items.push(item);
            text
        }
    }
}

fn word(theme: &Theme, items: &mut Vec<Item>, choices: &mut Choices<'_>) -> String {
    let text = written(theme, choices);
    items.push(Item {
        key: String::new(),
        values: vec![],
        field: "",
        wants: vec![Want::Pattern { written: text.clone(), dashes: false, placeholders: false }],
        all: false,
        negated: false,
        open: (true, true),
    });
    quoted(&text)
}

/// A mapping of one to three entries, indented.
fn map(theme: &Theme, pool: &mut Vec<Item>, items: &mut Vec<Item>, indent: usize, choices: &mut Choices<'_>) -> String {
    let (mut text, mut keys) = (String::new(), Vec::new());
    for _ in 0..1 + choices.below(3) {
        let item = if !pool.is_empty() && choices.chance(50) {
            pool[choices.below(pool.len())].clone()
        } else {
            Item::make(theme, choices)
        };
        if keys.contains(&item.key) {
            continue;
        }
        keys.push(item.key.clone());
        text.push_str(&format!("{}{}\n", " ".repeat(indent), entry(&item)));
        items.push(item.clone());
        pool.push(item);
        if pool.len() > 200 {
            pool.remove(0);
        }
    }
    text
}

fn entry(item: &Item) -> String {
    match item.values.as_slice() {
        [only] => format!("{}: {only}", quoted(&item.key)),
        several => format!("{}: [{}]", quoted(&item.key), several.join(", ")),
    }
}

fn condition(names: &[&str], depth: usize, choices: &mut Choices<'_>) -> String {
    let shown = names.iter().any(|name| !name.starts_with('_'));
    let like = |start: &str| names.iter().any(|name| name.starts_with(start));
    let kind = if depth > 3 { 0 } else { choices.below(16) };
    let mut inner = || condition(names, depth + 1, choices);
    match kind {
        4 if depth > 0 => format!("not {}", inner()),
        5 | 6 => format!("{} and {}", inner(), inner()),
        7 | 8 => format!("{} OR {}", inner(), inner()),
        9 => format!("({} or {})", inner(), inner()),
        10 => format!("not ({} and {})", inner(), inner()),
        11 | 12 if shown => "1 of them".into(),
        13 if shown => "all of them".into(),
        14 if like("sel") => choices.of(&["1 of sel*", "all of sel*", "any of s*l*"]).to_string(),
        15 if like("_") => "1 of _*".into(),
        _ => choices.of(names).to_string(),
    }
}
