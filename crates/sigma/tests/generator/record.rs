//! Records with values of every kind, and how they lie in raw bytes.

use std::borrow::Cow;

use event::{Encoding, LogSource, Position, Record, Time, Value};

use super::choices::Choices;

/// A value with what it borrows elsewhere.
#[derive(Clone, Debug)]
pub enum Made {
    Null,
    Text(String),
    Utf16(Vec<u8>),
    Int(i64),
    UInt(u64),
    Hex(u64),
    Float(f64),
    Bool(bool),
    Time(Time),
    Guid([u8; 16]),
    Sid(Vec<u8>),
    Bytes(Vec<u8>),
}

impl Made {
    /// A value of this text: as UTF-8, as UTF-16, or as the number that it is.
    pub fn from_text(text: String, choices: &mut Choices<'_>) -> Self {
        match (choices.below(4), text.parse::<i64>(), text.as_str()) {
            (1, ..) => Made::Utf16(utf16(&text)),
            (2 | 3, Ok(number), _) if number.to_string() == text => Made::Int(number),
            (2, _, "true") => Made::Bool(true),
            (2, _, "0x10") => Made::Hex(16),
            (2, _, "null") => Made::Null,
            _ => Made::Text(text),
        }
    }

    /// A value that no rule asked for.
    pub fn noise(choices: &mut Choices<'_>) -> Self {
        match choices.below(12) {
            0 => Made::Null,
            1 => Made::Text(String::new()),
            2 => Made::Float(choices.of(&[f64::NAN, f64::INFINITY, -0.0, 1e300, 0.1])),
            3 => Made::Bool(choices.chance(50)),
            4 => Made::Time(Time::from_nanos(choices.number() as i64)),
            5 => Made::Guid([choices.byte(); 16]),
            6 => Made::Sid([&[1, 1, 0, 0, 0, 0, 0, 5], &choices.number().to_le_bytes()[..4]].concat()),
            7 => Made::Bytes(choices.number().to_le_bytes().into()),
            8 => Made::UInt(choices.number()),
            // A surrogate without its other half, and half a unit.
            9 => Made::Utf16(vec![0x61, 0, 0x3d, 0xd8, 0x62]),
            10 => Made::Hex(choices.number()),
            _ => Made::Int(choices.number() as i64),
        }
    }

    pub fn as_value(&self) -> Value<'_> {
        match self {
            Made::Null => Value::Null,
            Made::Text(text) => Value::Text(text),
            Made::Utf16(units) => Value::Utf16(units),
            Made::Int(number) => Value::Int(*number),
            Made::UInt(number) => Value::UInt(*number),
            Made::Hex(number) => Value::Hex(*number),
            Made::Float(number) => Value::Float(*number),
            Made::Bool(flag) => Value::Bool(*flag),
            Made::Time(time) => Value::Time(*time),
            Made::Guid(guid) => Value::Guid(guid),
            Made::Sid(sid) => Value::Sid(sid),
            Made::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    /// The same, but for one thing that may make it another.
    pub fn altered(&self, choices: &mut Choices<'_>) -> Self {
        let text = self.as_value().text().into_owned();
        let mut chars: Vec<char> = text.chars().collect();
        let at = choices.below(chars.len().max(1));
        match choices.below(9) {
            0 => return Made::noise(choices),
            1 => return Made::Null,
            2 => chars.insert(0, choices.of(&['x', ' ', '-', '*'])),
            3 => chars.push(choices.of(&['x', ' ', '\\', '\u{301}'])),
            4 => drop(chars.pop()),
            5 if !chars.is_empty() => drop(chars.remove(0)),
            6 if !chars.is_empty() => chars[at] = choices.of(&['x', '?', '\u{130}', '\u{17f}', '/']),
            7 if !chars.is_empty() => drop(chars.remove(at)),
            _ => chars.insert(at.min(chars.len()), choices.of(&['x', '\n', '\\', 'k'])),
        }
        Made::from_text(chars.into_iter().collect(), choices)
    }

    /// The same text in another case, as far as letters have one; some in a case that only simple folding knows.
    pub fn other_case(&self, choices: &mut Choices<'_>) -> Self {
        let flip = |c: char| match c {
            'k' | 'K' => '\u{212a}',
            's' | 'S' => '\u{17f}',
            '\u{3c3}' => '\u{3c2}',
            '\u{df}' => '\u{1e9e}',
            c if c.is_lowercase() => c.to_uppercase().next().filter(|_| c.to_uppercase().count() == 1).unwrap_or(c),
            c => c.to_lowercase().next().filter(|_| c.to_lowercase().count() == 1).unwrap_or(c),
        };
        let text = self.as_value().text();
        let text = text.chars().map(|c| if choices.chance(60) { flip(c) } else { c }).collect();
        Made::from_text(text, choices)
    }
}

pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A record as a reader would hand it over.
#[derive(Clone, Debug)]
pub struct MadeRecord {
    pub channel: &'static str,
    pub provider: &'static str,
    pub event_id: u32,
    pub number: u64,
    pub fields: Vec<(&'static str, Made)>,
}

impl Record for MadeRecord {
    fn source(&self) -> LogSource<'_> {
        LogSource { product: "windows", channel: self.channel, provider: self.provider, event_id: self.event_id }
    }

    fn host(&self) -> Cow<'_, str> {
        "host.example".into()
    }

    fn position(&self) -> Position {
        Position::Record(self.number)
    }

    fn visit(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.fields.iter().for_each(|(name, value)| visit(name, value.as_value()));
    }
}

impl MadeRecord {
    /// Appends the record as it might lie in a file: text as it is, but for the characters that some format writes in
    /// another way, everything else in binary; raw text holds all of it as text.
    pub fn write_raw(&self, encoding: Encoding, raw: &mut Vec<u8>) {
        for (name, value) in &self.fields {
            if encoding == Encoding::RawText {
                raw.extend_from_slice(format!("{name}={}\n", value.as_value().text()).as_bytes());
                continue;
            }
            let text = match value {
                Made::Text(_) | Made::Utf16(_) => value.as_value().text().into_owned(),
                Made::Int(number) => write_number(*number as u64, raw),
                Made::UInt(number) | Made::Hex(number) => write_number(*number, raw),
                _ => String::new(),
            };
            let written = format!("\"{name}\":\"{}\",", escaped(&text));
            match encoding {
                Encoding::Utf8 | Encoding::RawText => raw.extend_from_slice(written.as_bytes()),
                Encoding::Utf16Le => {
                    raw.push(0x7f);
                    raw.extend(utf16(&written));
                }
            }
        }
    }
}

fn write_number(number: u64, raw: &mut Vec<u8>) -> String {
    raw.extend_from_slice(&number.to_le_bytes());
    String::new()
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\'' | '\\' | '/' | '&' | '<' | '>' => format!("\\u{:04x}", u32::from(c)),
        c if c.is_ascii_control() => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
