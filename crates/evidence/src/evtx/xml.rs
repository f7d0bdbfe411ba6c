//! A decoded record as XML text, indented as Event Viewer shows it.

use super::tree::{Element, Part, joined};

/// The record whose root is `root`, a line an element, each ended by a line feed. Characters that XML does
/// not allow, and those that would steer a terminal, become `_` (as Windows writes the former).
pub(super) fn write(root: &Element<'_>, out: &mut String) {
    element(root, 0, out);
}

fn element(element_: &Element<'_>, depth: usize, out: &mut String) {
    indent(depth, out);
    out.push('<');
    name(&element_.name, out);
    for (attribute, parts) in &element_.attributes {
        out.push(' ');
        name(attribute, out);
        out.push_str("=\"");
        text(&joined(parts).as_value().text(), true, out);
        out.push('"');
    }
    if element_.elements().next().is_none() {
        let content = joined(&element_.children);
        let content = content.as_value().text();
        if content.is_empty() {
            out.push_str("/>\n");
            return;
        }
        out.push('>');
        text(&content, false, out);
    } else {
        out.push_str(">\n");
        element_.children.iter().for_each(|part| child(part, depth + 1, out));
        indent(depth, out);
    }
    out.push_str("</");
    name(&element_.name, out);
    out.push_str(">\n");
}

fn child(part: &Part<'_>, depth: usize, out: &mut String) {
    if let Part::Element(within) = part {
        element(within, depth, out);
        return;
    }
    let content = joined(std::slice::from_ref(part));
    let content = content.as_value().text();
    if !content.is_empty() {
        indent(depth, out);
        text(&content, false, out);
        out.push('\n');
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// A name of an element or attribute; what no XML name holds becomes `_`.
fn name(name: &str, out: &mut String) {
    let allowed = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | ':');
    out.extend(name.chars().map(|char| if allowed(char) { char } else { '_' }));
    if name.is_empty() {
        out.push('_');
    }
}

fn text(text: &str, attribute: bool, out: &mut String) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\t' | '\n' if !attribute => out.push(char),
            '\t' | '\n' => out.push(' '),
            // Alone it would overwrite the line on a terminal.
            '\r' => out.push_str("&#13;"),
            '\u{fffe}' | '\u{ffff}' => out.push('_'),
            _ if char.is_control() => out.push('_'),
            _ => out.push(char),
        }
    }
}
