//! The version resource: whose program it says it is (Windows' `VS_VERSIONINFO`).

use crate::file::read::{u16_at, u32_at, wide_text};

/// Texts that are looked at.
const TEXTS: usize = 256;

/// The longest value that is kept, in characters.
const VALUE: usize = 512;

/// What a program says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    pub company: String,
    pub product: String,
    pub description: String,
    pub original: String,
    pub internal: String,
    /// The file's version, as its four numbers.
    pub file: String,
}

impl Version {
    /// Reads a version resource; what cannot be understood is passed over.
    pub fn read(bytes: &[u8]) -> Self {
        let mut version = Self::default();
        let Some(root) = Part::read(bytes) else { return version };
        version.file = numbers(root.value).unwrap_or_default();
        let mut left = TEXTS;
        for info in root.children().filter(|part| part.key == "StringFileInfo") {
            for text in info.children().flat_map(|table| table.children()) {
                if left == 0 {
                    return version;
                }
                left -= 1;
                version.take(&text);
            }
        }
        version
    }

    /// The first text of a name counts: further ones are translations.
    fn take(&mut self, text: &Part<'_>) {
        let field = match text.key.as_str() {
            "CompanyName" => &mut self.company,
            "ProductName" => &mut self.product,
            "FileDescription" => &mut self.description,
            "OriginalFilename" => &mut self.original,
            "InternalName" => &mut self.internal,
            _ => return,
        };
        if field.is_empty() {
            *field = wide_text(text.value, VALUE).trim().to_owned();
        }
    }
}

/// The four numbers of the fixed part.
fn numbers(fixed: &[u8]) -> Option<String> {
    let (high, low) = (u32_at(fixed, 8)?, u32_at(fixed, 12)?);
    let is_fixed = u32_at(fixed, 0) == Some(0xfeef_04bd);
    is_fixed.then(|| format!("{}.{}.{}.{}", high >> 16, high & 0xffff, low >> 16, low & 0xffff))
}

/// A part of the resource: a key, a value, and parts within.
struct Part<'a> {
    key: String,
    value: &'a [u8],
    rest: &'a [u8],
    len: usize,
}

impl<'a> Part<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let len = usize::from(u16_at(bytes, 0)?).max(6);
        let part = bytes.get(..len).unwrap_or(bytes);
        let is_text = u16_at(part, 4)? == 1;
        let value_len = usize::from(u16_at(part, 2)?) * if is_text { 2 } else { 1 };
        let key = wide_text(part.get(6..)?, 64);
        let start = aligned(6 + 2 * (key.encode_utf16().count() + 1));
        let behind = part.get(start..).unwrap_or_default();
        // Some builders count the bytes of a text rather than its characters.
        let value = behind.get(..value_len).unwrap_or(behind);
        let rest = behind.get(aligned(value.len())..).unwrap_or_default();
        Some(Self { key, value, rest, len: aligned(len) })
    }

    fn children(&self) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let mut rest = self.rest;
        let next = move || {
            let part = Part::read(rest)?;
            rest = rest.get(part.len..).unwrap_or_default();
            Some(part)
        };
        std::iter::from_fn(next).take(TEXTS)
    }
}

/// Parts begin at multiples of four bytes.
const fn aligned(at: usize) -> usize {
    at.next_multiple_of(4)
}
