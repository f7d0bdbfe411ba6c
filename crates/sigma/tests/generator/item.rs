//! Entries of selections: a field, modifiers, values.

use std::net::IpAddr;

use base64::Engine as _;

use super::{
    choices::Choices,
    record::utf16,
    theme::Theme,
    want::{MOMENTS, Part, Want},
};

/// One entry of a selection, as YAML and as what would satisfy it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Field and modifiers.
    pub key: String,
    /// As written in YAML.
    pub values: Vec<String>,
    /// Empty for words anywhere.
    pub field: &'static str,
    /// By value.
    pub wants: Vec<Want>,
    /// Whether all values are wanted (`all`).
    pub all: bool,
    /// Whether none is (`neq`).
    pub negated: bool,
    /// Whether something may stand before, and behind.
    pub open: (bool, bool),
}

/// Text as a YAML scalar in double quotes.
pub fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        c if c.is_ascii_alphanumeric() || " _-./:;,*?%()[]{}|+^$=".contains(c) => c.to_string(),
        c => format!("\\U{:08X}", u32::from(c)),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

impl Item {
    fn new(field: &'static str, modifiers: &str) -> Self {
        let key = format!("{field}{modifiers}");
        Self {
            key,
            values: vec![],
            field,
            wants: vec![],
            all: false,
            negated: false,
            open: (
                modifiers.contains("contains") || modifiers.contains("endswith"),
                modifiers.contains("contains") || modifiers.contains("startswith"),
            ),
        }
    }

    fn add(&mut self, value: String, want: Want) {
        self.values.push(value);
        self.wants.push(want);
    }

    /// Any entry.
    pub fn make(theme: &Theme, choices: &mut Choices<'_>) -> Self {
        let field = theme.field(choices);
        let mut item = match choices.below(20) {
            0..=6 => text_item(field, theme, choices),
            7 | 8 => encoded_item(field, theme, choices),
            9 | 10 => regex_item(field, theme, choices),
            11 => network_item(field, choices),
            12 | 13 => relation_item(field, theme, choices),
            14 => number_item(field, choices),
            15 => time_item(field, choices),
            16 => presence_item(field, choices),
            17 | 18 => source_item(choices),
            _ => null_item(field, theme, choices),
        };
        item.join(choices);
        item
    }

    /// Words that may stand anywhere, with modifiers and without a field.
    pub fn words(theme: &Theme, choices: &mut Choices<'_>) -> Self {
        match choices.below(4) {
            0 => regex_item("", theme, choices),
            _ => {
                let mut item = text_item("", theme, choices);
                item.join(choices);
                if item.key.is_empty() {
                    item.key = "|contains".into();
                }
                item.open = (true, true);
                item
            }
        }
    }

    /// Perhaps `all` and `neq`.
    fn join(&mut self, choices: &mut Choices<'_>) {
        if choices.chance(25) {
            self.key.push_str("|all");
            self.all = true;
        }
        if choices.chance(12) {
            self.key.push_str("|neq");
            self.negated = true;
        }
    }
}

fn count(choices: &mut Choices<'_>) -> usize {
    1 + choices.below(3) * choices.below(2)
}

/// A text as rules write it: words, escaped or not, with wildcards between.
pub fn written(theme: &Theme, choices: &mut Choices<'_>) -> String {
    let mut text = String::new();
    for _ in 0..1 + choices.below(3) {
        match choices.below(8) {
            0 => text.push('*'),
            1 => text.push('?'),
            2 => text.push_str(theme.word(choices)),
            _ => theme.word(choices).chars().for_each(|c| {
                text.push_str(if matches!(c, '*' | '?' | '\\') { "\\" } else { "" });
                text.push(c);
            }),
        }
    }
    text
}

fn text_item(field: &'static str, theme: &Theme, choices: &mut Choices<'_>) -> Item {
    let anchor = choices.of(&["|contains", "|startswith", "|endswith", "", "|contains", "|startswith|endswith"]);
    let cased = if choices.chance(20) { "|cased" } else { "" };
    let (dashes, placeholders) = (choices.chance(20), choices.chance(15));
    let windash = if dashes { "|windash" } else { "" };
    let expand = if placeholders { "|expand" } else { "" };
    let mut item = Item::new(field, &format!("{anchor}{windash}{cased}{expand}"));
    for _ in 0..count(choices) {
        let mut text = written(theme, choices);
        if dashes {
            text = format!("{}{text}", choices.of(&[" -", "/", "-a -", "\u{2014}"]));
        }
        if placeholders {
            text.push_str(choices.of(&["%one%", "%two%", "%two%%one%"]));
        }
        let value = if text == "1" || text == "0x10" { text.clone() } else { quoted(&text) };
        item.add(value, Want::Pattern { written: text, dashes, placeholders });
    }
    item
}

fn encoded_item(field: &'static str, theme: &Theme, choices: &mut Choices<'_>) -> Item {
    let (wide, endian) =
        choices.of(&[("", ""), ("|wide", "le"), ("|utf16le", "le"), ("|utf16be", "be"), ("|utf16", "bom")]);
    let how = choices.of(&["|base64offset|contains", "|base64", "|base64|endswith", "|base64offset|contains", ""]);
    let mut item = Item::new(field, &format!("{wide}{how}"));
    for _ in 0..count(choices) {
        let text: String = theme.text(choices).replace(['*', '?', '\\'], "");
        let little = utf16(&text);
        let bytes = match endian {
            "le" => little,
            "be" => little.chunks(2).flat_map(|unit| [unit[1], unit[0]]).collect(),
            "bom" => [&[0xff, 0xfe], little.as_slice()].concat(),
            _ => text.as_bytes().to_vec(),
        };
        let want = match how {
            "|base64offset|contains" => Want::Offset(bytes),
            "" if wide.is_empty() => Want::Literal(text.clone()),
            "" => Want::Literal(bytes.iter().map(|byte| char::from(*byte)).collect()),
            _ => Want::Literal(base64::engine::general_purpose::STANDARD.encode(bytes)),
        };
        item.add(quoted(&text), want);
    }
    item
}

fn regex_item(field: &'static str, theme: &Theme, choices: &mut Choices<'_>) -> Item {
    let flags = choices.of(&["", "|i", "|i|m|s", "|s", "|m|i", "|ignorecase|dotall", "|multiline"]);
    let mut item = Item::new(field, &format!("|re{flags}"));
    for _ in 0..count(choices) {
        let parts: Vec<Part> = (0..1 + choices.below(4)).map(|_| part(theme, choices)).collect();
        let source: String = parts.iter().map(Part::source).collect();
        let (start, end) = choices.of(&[("", ""), ("^", ""), ("", "$"), ("^", "$"), ("(?i)", ""), (r"\b", "")]);
        item.open = (start != "^", end != "$");
        item.add(quoted(&format!("{start}{source}{end}")), Want::Regex(parts));
    }
    item
}

fn part(theme: &Theme, choices: &mut Choices<'_>) -> Part {
    let mut word = || theme.word(choices).to_owned();
    let (a, b) = (word(), word());
    match choices.below(12) {
        0 => Part::Any,
        1 => Part::Digits,
        2 => Part::Letters,
        3 | 4 => Part::Either(a, b),
        5 => Part::Perhaps(a),
        6 => Part::Twice(a),
        7 => Part::Word,
        8 => Part::Space,
        _ => Part::Text(a),
    }
}

fn network_item(field: &'static str, choices: &mut Choices<'_>) -> Item {
    let mut item = Item::new(field, "|cidr");
    for _ in 0..count(choices) {
        let address: IpAddr = match choices.chance(40) {
            true => (u128::from(choices.number()) << 64 | u128::from(choices.number())).to_be_bytes().into(),
            false => (choices.number() as u32).to_be_bytes().into(),
        };
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = if choices.chance(20) { width } else { choices.below(width + 1) };
        let value = if prefix == width { quoted(&address.to_string()) } else { quoted(&format!("{address}/{prefix}")) };
        item.add(value, Want::Address(address, prefix as u32));
    }
    item
}

fn relation_item(field: &'static str, theme: &Theme, choices: &mut Choices<'_>) -> Item {
    let anchor = choices.of(&["", "|contains", "|startswith", "|endswith"]);
    let cased = if choices.chance(30) { "|cased" } else { "" };
    let mut item = Item::new(field, &format!("|fieldref{anchor}{cased}"));
    for _ in 0..count(choices) {
        let other = theme.field(choices);
        item.add(other.to_owned(), Want::Same(other));
    }
    item
}

/// Wholes and reals that `f64` cannot tell apart are among them.
const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "-1",
    "5",
    "5.0",
    "5.5",
    "0x10",
    "16",
    "9007199254740993",
    "9007199254740992.0",
    "18446744073709551615",
    "1e3",
];

fn number_item(field: &'static str, choices: &mut Choices<'_>) -> Item {
    let mut item = Item::new(field, choices.of(&["|gt", "|gte", "|lt", "|lte"]));
    for _ in 0..count(choices) {
        let number = choices.of(&NUMBERS);
        item.add(if choices.chance(20) { quoted(number) } else { number.to_owned() }, Want::Near(number));
    }
    item
}

fn time_item(field: &'static str, choices: &mut Choices<'_>) -> Item {
    let part = choices.of(&["|minute", "|hour", "|day", "|week", "|month", "|year"]);
    let comparison = choices.of(&["", "|gte", "|lte", "|gt", "|lt"]);
    let mut item = Item::new(field, &format!("{part}{comparison}"));
    for _ in 0..count(choices) {
        let numbers: &[&'static str] = match part {
            "|minute" => &["59", "0", "30", "7", "5"],
            "|hour" => &["23", "0", "10", "18"],
            "|day" => &["1", "29", "31", "4", "3"],
            "|week" => &["1", "9", "53"],
            "|month" => &["1", "2", "12"],
            _ => &["2026", "2024", "2020", "1970"],
        };
        item.add(choices.of(numbers).to_string(), Want::Moment(choices.of(&MOMENTS)));
    }
    item
}

fn presence_item(field: &'static str, choices: &mut Choices<'_>) -> Item {
    let mut item = Item::new(field, "|exists");
    let (value, present) = choices.of(&[("true", true), ("false", false), ("yes", true), ("no", false)]);
    item.add(value.into(), Want::Present(present));
    item
}

/// What the log source alone decides, or might seem to.
fn source_item(choices: &mut Choices<'_>) -> Item {
    let (field, modifiers, value) = choices.of(&[
        ("EventID", "", "1"),
        ("EventID", "", "4688"),
        ("EventID", "", "'7'"),
        ("EventID", "|contains", "6"),
        ("EventID", "|gte", "5"),
        ("EventID", "", "'4*'"),
        ("Provider_Name", "", "Maker"),
        ("Provider_Name", "", "keeper"),
        ("Provider_Name", "|cased", "Maker"),
        ("Provider_Name", "|endswith", "er"),
        ("Provider_Name", "", "''"),
        ("EventID", "", "01"),
        ("EventID", "", "4"),
        ("EventID", "", "[4, 46, 468]"),
    ]);
    let mut item = Item::new(field, modifiers);
    item.add(value.into(), Want::Present(true));
    item
}

fn null_item(field: &'static str, theme: &Theme, choices: &mut Choices<'_>) -> Item {
    let mut item = Item::new(field, if choices.chance(15) { "|cased" } else { "" });
    for _ in 0..count(choices) {
        match choices.below(5) {
            0 | 1 => item.add("null".into(), Want::Null),
            2 => item.add("''".into(), Want::Literal(String::new())),
            3 => item.add("'*'".into(), Want::Literal(theme.text(choices))),
            _ => item.add("~".into(), Want::Present(false)),
        }
    }
    item
}
