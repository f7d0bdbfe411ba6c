//! laurel's JSON lines (<https://github.com/threathunters-io/laurel>): one event a line, its records already decoded. Each is written back as the records
//! that it was made from, so that there is one way to read them.
//!
//! laurel writes numbers in hexadecimal and octal with `0x` and `0o`, arguments as `ARGV` (or `ARGV_STR`), bytes that are no UTF-8 and `%` as `%xx`, and adds what it
//! knows of the parent (`PPID`), which becomes the fields `parent_exe` and `parent_comm`.

use std::{borrow::Cow, fmt::Write as _};

use serde_json::{Map, Value};

use super::pairs::{is_escaped, lossy};

/// What laurel's lines begin with.
const ID: &str = "\"ID\"";

/// Whether a line is one of laurel's.
pub(super) fn is_line(line: &[u8]) -> bool {
    stamp(line).is_some()
}

/// The event's stamp, if the line begins as laurel's do.
fn stamp(line: &[u8]) -> Option<&[u8]> {
    let rest = line.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(ID.as_bytes())?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let length = rest.iter().take(64).position(|byte| *byte == b'"')?;
    let stamp = rest.get(..length)?;
    let is_stamp = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b':');
    (stamp.contains(&b':') && stamp.iter().all(is_stamp)).then_some(stamp)
}

/// The records of a line, as auditd writes them.
///
/// # Errors
/// What was expected and what stands there.
pub(super) fn records(line: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(line)
        .map_err(|error| format!("expected an event of laurel's, found bad JSON: {error}"))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let node = Some(text("NODE"))
        .filter(|node| !node.is_empty())
        .map(|node| format!("node={} ", node.replace([' ', '\n'], "_")));
    let (node, stamp) = (node.unwrap_or_default(), text("ID"));
    let mut out = String::with_capacity(2 * line.len());
    for (kind, records) in value.as_object().into_iter().flatten() {
        let one = std::slice::from_ref(records);
        for record in records.as_array().map_or(one, Vec::as_slice).iter().filter_map(Value::as_object) {
            let _ = write!(out, "{node}type={} msg=audit({stamp}):", word(kind));
            fields(kind, record, &mut out);
            out.push('\n');
        }
    }
    Ok(out)
}

fn fields(kind: &str, record: &Map<String, Value>, out: &mut String) {
    for (name, value) in record {
        match (name.as_str(), value) {
            ("ARGV", Value::Array(list)) if kind == "PROCTITLE" => field("proctitle", &joined(list, "\0"), out),
            ("ARGV", Value::Array(list)) if kind == "PARENT_INFO" => {
                field("parent_command_line", &joined(list, " "), out)
            }
            ("ARGV_STR", Value::String(text)) if kind == "PROCTITLE" => field("proctitle", text, out),
            ("ARGV", Value::Array(list)) => {
                for (number, value) in list.iter().enumerate() {
                    scalar(kind, &format!("a{number}"), value, out);
                }
            }
            // Where the blanks between arguments stood is not known any more.
            ("ARGV_STR", Value::String(text)) if !record.contains_key("ARGV") => {
                for (number, value) in text.split(' ').enumerate() {
                    field(&format!("a{number}"), value, out);
                }
            }
            ("PPID", Value::Object(parent)) => {
                for (name, own) in [("exe", "parent_exe"), ("comm", "parent_comm")] {
                    parent.get(name).into_iter().for_each(|value| scalar(kind, own, value, out));
                }
            }
            ("denied" | "granted", Value::Array(list)) if kind.ends_with("AVC") => {
                let _ = write!(out, " avc:  {name}  {{ {} }} for ", joined(list, " "));
            }
            ("ENV", Value::Object(variables)) => {
                let variables = variables.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
                variables.for_each(|(name, value)| field("environment", &format!("{name}={value}"), out));
            }
            (name, value) => scalar(kind, &word(name), value, out),
        }
    }
}

/// A name as a word of a record.
fn word(name: &str) -> Cow<'_, str> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | '"' | '\'');
    if name.contains(is_odd) { Cow::Owned(name.replace(is_odd, "_")) } else { Cow::Borrowed(name) }
}

fn joined(list: &[Value], separator: &str) -> String {
    list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(separator)
}

fn scalar(kind: &str, name: &str, value: &Value, out: &mut String) {
    let is_kernel = matches!(kind, "SYSCALL" | "PATH");
    let plain = match value {
        Value::Null => "(null)".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => match (digits(text, "0x", 16), digits(text, "0o", 8)) {
            (Some(digits), _) if is_kernel => digits.to_owned(),
            (_, Some(digits)) if is_kernel => format!("0{}", digits.trim_start_matches('0')),
            _ => return field(name, text, out),
        },
        Value::Array(list) => {
            let scalars = list.iter().filter(|value| !value.is_array() && !value.is_object());
            return scalars.for_each(|value| scalar(kind, name, value, out));
        }
        Value::Object(_) => return,
    };
    out.extend([" ", name, "=", &plain]);
}

/// The digits of a number of this base behind `prefix`.
fn digits<'a>(text: &'a str, prefix: &str, base: u32) -> Option<&'a str> {
    let digits = text.strip_prefix(prefix)?;
    (!digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base))).then_some(digits)
}

/// Writes a field of text as audit does: in quotes, or in hexadecimal if that cannot be.
fn field(name: &str, text: &str, out: &mut String) {
    let bytes = unescape(text);
    let is_safe = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'"';
    let is_argument = || name.strip_prefix('a').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if name == "saddr" || !bytes.iter().all(is_safe) && (is_escaped(name) || is_argument()) {
        let _ = write!(out, " {name}=");
        for byte in bytes {
            let _ = write!(out, "{byte:02X}");
        }
    } else {
        // In names of trusted text the kernel writes no quotes.
        let text = lossy(bytes).replace(['"', '\n'], "'");
        let _ = write!(out, " {name}=\"{text}\"");
    }
}

/// Resolves `%xx`; what is no such sequence stays.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    bytes
}
