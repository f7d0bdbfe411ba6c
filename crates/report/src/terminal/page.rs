use std::io::{self, Write};

use crate::{
    Style,
    paint::Paint,
    plain::{columns, plain, shorten, wrap},
};

/// The width of sentences where a line has no limit, in columns.
const COMFORTABLE: usize = 100;

/// The longest entry of a list, in columns.
const ITEM: usize = 1000;

/// Lines that are about to be written.
pub(crate) struct Page<'a> {
    text: String,
    pub style: &'a Style,
    pub paint: Paint,
    /// The width of a line that is a sentence.
    pub width: usize,
}

impl<'a> Page<'a> {
    pub fn new(style: &'a Style) -> Self {
        let width = style.width.unwrap_or(COMFORTABLE).max(40);
        Self { text: String::new(), style, paint: Paint(style.colour), width }
    }

    /// A line as it is.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end_matches(' '));
        self.text.push('\n');
    }

    /// What stands between one thing and the next.
    pub fn border(&mut self) {
        let border = self.paint.dim(&"─".repeat(self.width));
        self.line("");
        self.line(&border);
    }

    /// A sentence, indented, broken into lines of the page's width.
    pub fn text(&mut self, indent: usize, text: &str) {
        let text = plain(text);
        for line in wrap(&text, self.width.saturating_sub(indent)) {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    /// A mark, and behind it a sentence whose further lines stand under its first word.
    pub fn hanging(&mut self, indent: usize, mark: &str, text: &str) {
        self.hang(indent, mark, text, |_, line| line.to_owned());
    }

    /// The same, less striking.
    pub fn hanging_dim(&mut self, indent: usize, mark: &str, text: &str) {
        self.hang(indent, mark, text, Paint::dim);
    }

    fn hang(&mut self, indent: usize, mark: &str, text: &str, paint: fn(Paint, &str) -> String) {
        let text = plain(text);
        let left = indent + columns(mark);
        for (number, line) in wrap(&text, self.width.saturating_sub(left)).into_iter().enumerate() {
            let line = paint(self.paint, line);
            match number {
                0 => self.line(&format!("{:indent$}{}{line}", "", self.paint.dim(mark))),
                _ => self.line(&format!("{:left$}{line}", "")),
            }
        }
    }

    /// An entry of a list: as long as it is where lines have no limit, else broken into lines, all but the first
    /// indented further.
    pub fn item(&mut self, indent: usize, text: &str) {
        let text = shorten(text, ITEM);
        let lines = match self.style.width {
            Some(_) => wrap(&text, self.width.saturating_sub(indent + 2)),
            None => vec![text.as_str()],
        };
        for (number, line) in lines.into_iter().enumerate() {
            let indent = if number == 0 { indent } else { indent + 2 };
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    /// A label, and beside it a value in plain form: broken into lines where lines have a limit, else on one line.
    pub fn labelled(&mut self, indent: usize, label: &str, value: &str) {
        let left = indent + columns(label) + 2;
        let lines = match self.style.width {
            Some(_) => wrap(value, self.width.saturating_sub(left)),
            None => vec![value],
        };
        for (number, line) in lines.into_iter().enumerate() {
            let label = if number == 0 { self.paint.dim(label) } else { " ".repeat(columns(label)) };
            self.line(&format!("{:indent$}{label}  {line}", ""));
        }
    }

    /// Writes the lines and forgets them.
    pub fn write_to(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }
}

/// A number with its noun: `1 rule`, `1,234 rules`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// A number with commas between its thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes as people read it: `1.2 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut rest = bytes as f64;
    let mut shown = counted(bytes, "byte", "bytes");
    for unit in units {
        if rest < 1024.0 {
            break;
        }
        rest /= 1024.0;
        shown = format!("{rest:.1} {unit}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(counted(1, "rule", "rules"), "1 rule");
        assert_eq!(counted(1_234_567, "rule", "rules"), "1,234,567 rules");
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!([size(0), size(1), size(1024), size(1 << 30)], ["0 bytes", "1 byte", "1.0 KiB", "1.0 GiB"]);
        assert_eq!(size(u64::MAX), "16.0 EiB");
    }
}
