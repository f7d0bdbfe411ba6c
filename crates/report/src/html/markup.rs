use std::fmt::{Display, Write};

use crate::plain::plain;

/// An attribute: its name, which is ours, and its value, which need not be.
pub(super) type Attribute<'a> = (&'static str, &'a dyn Display);

/// Markup that is being written. Names of elements and attributes are constants of this program; everything else goes through
/// [`Html::text`], so that nothing of the evidence can become markup.
#[derive(Default)]
pub(super) struct Html {
    pub written: String,
}

impl Html {
    /// Markup of our own, as it is.
    pub fn raw(&mut self, markup: &'static str) {
        self.written.push_str(markup);
    }

    /// Text: in [`plain`] form, so that nothing hidden is in it, and nothing of it is markup, within elements as within attributes.
    pub fn text(&mut self, text: &str) {
        for character in plain(text).chars() {
            match character {
                '&' => self.written.push_str("&amp;"),
                '<' => self.written.push_str("&lt;"),
                '>' => self.written.push_str("&gt;"),
                '"' => self.written.push_str("&quot;"),
                '\'' => self.written.push_str("&#39;"),
                _ => self.written.push(character),
            }
        }
    }

    /// An element and what stands in it.
    pub fn element(&mut self, name: &'static str, attributes: &[Attribute<'_>], inside: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        inside(self);
        self.written.push_str("</");
        self.written.push_str(name);
        self.written.push('>');
    }

    /// An element with nothing but text in it.
    pub fn words(&mut self, name: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.element(name, attributes, |html| html.text(text));
    }

    /// An element of HTML that has no end, or of which the end may be left out.
    pub fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.written.push('<');
        self.written.push_str(name);
        let mut value = String::new();
        for (name, shown) in attributes {
            value.clear();
            // Writing to a string does not fail.
            let _ = write!(value, "{shown}");
            self.written.push(' ');
            self.written.push_str(name);
            self.written.push_str("=\"");
            self.text(&value);
            self.written.push('"');
        }
        self.written.push('>');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        let mut html = Html::default();
        html.element("p", &[("title", &"\"><script>'"), ("data-n", &7)], |html| html.text("<b>&\u{202e}\u{0}\n'\""));
        let expected =
            "<p title=\"&quot;&gt;&lt;script&gt;&#39;\" data-n=\"7\">&lt;b&gt;&amp;\\u{202e}\\u{0}↵&#39;&quot;</p>";
        assert_eq!(html.written, expected);
    }
}
