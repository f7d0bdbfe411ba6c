//! What one value of a rule asks for, and values of events that give it, nearly give it, or do not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use event::Time;

use super::{
    choices::Choices,
    record::Made,
    theme::{PLACEHOLDER_VALUES, Theme},
};

/// What would satisfy one value of an item.
#[derive(Clone, Debug)]
pub enum Want {
    /// A text as written in the rule, with wildcards and escapes.
    Pattern { written: String, dashes: bool, placeholders: bool },
    /// These bytes in base64, beginning anywhere in a group of three.
    Offset(Vec<u8>),
    /// Exactly this text.
    Literal(String),
    /// What the parts of a regular expression match.
    Regex(Vec<Part>),
    /// An address in a network.
    Address(IpAddr, u32),
    /// Something about this number.
    Near(&'static str),
    /// This moment, or another.
    Moment(&'static str),
    /// What another field says.
    Same(&'static str),
    /// Null.
    Null,
    /// Anything or, if false, nothing.
    Present(bool),
}

/// A part of a regular expression.
#[derive(Clone, Debug)]
pub enum Part {
    /// A literal.
    Text(String),
    /// `.`
    Any,
    /// `\d{1,3}`
    Digits,
    /// `[a-c]+`
    Letters,
    /// `(?:x|y)`
    Either(String, String),
    /// `(?:x)?`
    Perhaps(String),
    /// `(?:x){2}`
    Twice(String),
    /// `\w*`
    Word,
    /// `\s`
    Space,
}

impl Part {
    pub fn source(&self) -> String {
        match self {
            Part::Text(text) => regex::escape(text),
            Part::Any => ".".into(),
            Part::Digits => r"\d{1,3}".into(),
            Part::Letters => "[a-c]+".into(),
            Part::Either(a, b) => format!("(?:{}|{})", regex::escape(a), regex::escape(b)),
            Part::Perhaps(text) => format!("(?:{})?", regex::escape(text)),
            Part::Twice(text) => format!("({}){{2}}", regex::escape(text)),
            Part::Word => r"\w*".into(),
            Part::Space => r"\s".into(),
        }
    }

    fn sample(&self, choices: &mut Choices<'_>) -> String {
        match self {
            Part::Text(text) => text.clone(),
            Part::Any => choices.of(&["x", "\u{1f600}", "\n"]).to_string(),
            Part::Digits => choices.of(&["7", "12", "999", "\u{664}"]).to_string(),
            Part::Letters => choices.of(&["a", "cab"]).to_string(),
            Part::Either(a, b) => if choices.chance(50) { a } else { b }.clone(),
            Part::Perhaps(text) => if choices.chance(50) { text } else { "" }.into(),
            Part::Twice(text) => text.repeat(2),
            Part::Word => choices.of(&["", "w_1"]).to_string(),
            Part::Space => choices.of(&[" ", "\t", "\n"]).to_string(),
        }
    }
}

impl Want {
    /// A value that satisfies it, in so far as the modifiers around do not ask for something else.
    pub fn value(&self, theme: &Theme, choices: &mut Choices<'_>) -> Made {
        let text = match self {
            Want::Pattern { written, dashes, placeholders } => {
                let written = if *placeholders { filled(written, choices) } else { written.clone() };
                let text = described(&written, theme, choices);
                if *dashes { other_dashes(&text, choices) } else { text }
            }
            Want::Offset(bytes) => at_offset(bytes, choices),
            Want::Literal(text) => text.clone(),
            Want::Regex(parts) => parts.iter().map(|part| part.sample(choices)).collect(),
            Want::Address(address, prefix) => inside(*address, *prefix, choices),
            Want::Near(number) => return near(number, choices),
            Want::Moment(moment) => return moment_value(moment, choices),
            Want::Null => return Made::Null,
            Want::Same(_) | Want::Present(_) => theme.text(choices),
        };
        Made::from_text(text, choices)
    }
}

/// A written pattern's text, with something in place of wildcards.
fn described(written: &str, theme: &Theme, choices: &mut Choices<'_>) -> String {
    let (mut text, mut chars) = (String::new(), written.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next @ ('*' | '?' | '\\'))) => {
                text.push(*next);
                chars.next();
            }
            ('*', _) if choices.chance(50) => text.push_str(theme.word(choices)),
            ('*', _) => {}
            ('?', _) => text.push(choices.of(&['x', 'k', '\u{212a}', '\u{1f600}'])),
            _ => text.push(c),
        }
    }
    text
}

fn filled(written: &str, choices: &mut Choices<'_>) -> String {
    PLACEHOLDER_VALUES.iter().fold(written.to_owned(), |text, (name, values)| {
        let value = choices.of(values);
        text.replace(&format!("%{name}%"), value)
    })
}

fn other_dashes(text: &str, choices: &mut Choices<'_>) -> String {
    let dashes = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
    text.chars().map(|c| if dashes.contains(&c) { choices.of(&dashes) } else { c }).collect()
}

fn at_offset(bytes: &[u8], choices: &mut Choices<'_>) -> String {
    let (before, behind) = (choices.below(4), choices.below(3));
    let padded = [b"xyz".get(..before).unwrap_or_default(), bytes, &b"uv"[..behind]].concat();
    base64::engine::general_purpose::STANDARD.encode(padded)
}

/// An address that shares the first `prefix` bits, or all of them but the last.
fn inside(address: IpAddr, prefix: u32, choices: &mut Choices<'_>) -> String {
    let prefix = if choices.chance(20) { prefix.saturating_sub(1) } else { prefix };
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shr(prefix).unwrap_or(0);
            let address = Ipv4Addr::from(u32::from(address) ^ (choices.number() as u32 & mask | (mask / 2 + 1) & mask));
            if choices.chance(20) { format!("::ffff:{address}") } else { address.to_string() }
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shr(prefix).unwrap_or(0);
            let flip = u128::from(choices.number()) & mask | (mask / 2 + 1) & mask;
            let address = Ipv6Addr::from(u128::from(address) ^ flip).to_string();
            if choices.chance(20) { address.to_uppercase() } else { address }
        }
    }
}

/// Numbers around one that was written, in every form.
fn near(written: &str, choices: &mut Choices<'_>) -> Made {
    let real = written.parse::<f64>().unwrap_or(16.0) + choices.of(&[0.0, 1.0, -1.0, 0.5]);
    match choices.below(6) {
        0 => Made::Text(written.to_owned()),
        1 => Made::Int(real as i64),
        2 => Made::UInt(real as u64),
        3 => Made::Hex(real as u64),
        4 => Made::Float(real),
        _ => Made::Text(format!(" {real} ")),
    }
}

/// The moments that rules about time are made for.
pub const MOMENTS: [&str; 5] = [
    "2026-01-01T23:59:30.1234567Z",
    "2024-02-29T00:00:00Z",
    "2020-12-31T12:30:00+02:00",
    "1970-01-04 00:07:00",
    "2027-01-03T18:05:59Z",
];

fn moment_value(moment: &str, choices: &mut Choices<'_>) -> Made {
    let moment = if choices.chance(30) { choices.of(&MOMENTS) } else { moment };
    match Time::parse(moment).filter(|_| choices.chance(50)) {
        Some(time) => Made::Time(time),
        None => Made::Text(moment.to_owned()),
    }
}
