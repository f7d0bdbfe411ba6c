//! HTML as mail has it: what is read, where it leads, and what is done so that a reader does not see it.
//!
//! One pass over the bytes, no tree; what is not closed ends with the page.

use mail_parser::decoders::html::add_html_token;

use super::text::MAX_TEXT;

/// Most links that are taken of a page.
pub(super) const MAX_LINKS: usize = 1000;
/// Most bytes of a page that are looked at.
pub(super) const MAX_PAGE: usize = 4 << 20;
/// How deep hidden elements are followed into one another.
const MAX_DEPTH: usize = 256;

/// What a page says.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The text that is seen.
    pub(super) text: String,
    /// How many letters are there that are not seen.
    pub(super) hidden: u64,
    /// Where it leads: address and the text shown for it.
    pub(super) links: Vec<(String, String)>,
    /// What was not looked at.
    pub(super) limits: Vec<String>,
    /// Pictures from elsewhere.
    pub(super) images: u64,
    /// Of these, how many are so small that nobody sees them.
    pub(super) pixels: u64,
    /// Whether there is a form, and whether it asks for a password.
    pub(super) has_form: bool,
    pub(super) asks_password: bool,
    pub(super) has_script: bool,
    /// Whether a script or link makes a file of what the page itself carries.
    pub(super) makes_file: bool,
    /// Where the page goes by itself.
    pub(super) refresh: Option<String>,
    /// Where `<base>` has relative addresses begin.
    pub(super) base: Option<String>,
}

/// An element whose content is not seen.
struct Hidden {
    name: String,
    depth: usize,
}

struct Scanner<'a> {
    page: Page,
    rest: &'a str,
    link: Option<(String, usize)>,
    hidden: Option<Hidden>,
}

impl Page {
    /// Reads a page, or its first [`MAX_PAGE`] bytes.
    pub(super) fn read(html: &str) -> Self {
        let whole = html.len();
        let html = super::text::beginning(html, MAX_PAGE);
        let mut scanner = Scanner { page: Self::default(), rest: html, link: None, hidden: None };
        if html.len() < whole {
            scanner.page.tell_limit(format!("{MAX_PAGE} bytes of a page were looked at, and no more"));
        }
        while !scanner.rest.is_empty() {
            scanner.step();
        }
        scanner.end_link();
        scanner.page
    }

    /// Tells once that something was not looked at.
    fn tell_limit(&mut self, what: String) {
        if !self.limits.contains(&what) {
            self.limits.push(what);
        }
    }
}

/// That there are more links.
pub(super) fn link_limit() -> String {
    format!("the first {MAX_LINKS} links of a page were looked at, and no more")
}

impl Scanner<'_> {
    fn step(&mut self) {
        match memchr::memchr(b'<', self.rest.as_bytes()) {
            Some(0) => self.tag(),
            at => {
                let (text, rest) = self.rest.split_at_checked(at.unwrap_or(self.rest.len())).unwrap_or((self.rest, ""));
                self.rest = rest;
                self.text(text);
            }
        }
    }

    /// Takes text between tags.
    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            self.page.hidden += text.chars().filter(|c| c.is_alphanumeric()).count() as u64;
        } else if self.page.text.len() < MAX_TEXT {
            decode(text, &mut self.page.text);
        } else if !text.trim_ascii().is_empty() {
            self.page.tell_limit(format!("{MAX_TEXT} bytes of the text of a page were looked at, and no more"));
        }
    }

    fn tag(&mut self) {
        if let Some(comment) = self.rest.strip_prefix("<!--") {
            self.rest = comment.split_once("-->").map_or("", |(_, behind)| behind);
            return;
        }
        let Some(end) = tag_end(self.rest) else {
            self.rest = "";
            return;
        };
        let (tag, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        let tag = tag.trim_start_matches('<').trim_end_matches('>');
        let name_end = tag.find(|c: char| c.is_whitespace() || c == '/' && !tag.starts_with('/')).unwrap_or(tag.len());
        let (name, attributes) = tag.split_at_checked(name_end).unwrap_or((tag, ""));
        let name = name.to_ascii_lowercase();
        match name.strip_prefix('/') {
            Some(name) => self.close(name.split('/').next().unwrap_or_default()),
            None => self.open(&name, attributes),
        }
    }

    fn open(&mut self, name: &str, attributes: &str) {
        match name {
            "script" | "style" | "title" => return self.raw(name),
            "br" | "p" | "div" | "tr" | "td" | "li" | "h1" | "h2" | "h3" | "table" => self.text(" "),
            "a" | "area" => self.link(attributes),
            "img" => self.image(attributes),
            "form" => {
                self.page.has_form = true;
                self.target("action", attributes);
            }
            "input" => {
                let kind = attribute(attributes, "type").unwrap_or_default();
                self.page.asks_password |= kind.eq_ignore_ascii_case("password");
            }
            "meta" => self.meta(attributes),
            "base" => self.page.base = attribute(attributes, "href"),
            _ => {}
        }
        if let Some(hidden) = &mut self.hidden {
            if hidden.name == name {
                hidden.depth = (hidden.depth + 1).min(MAX_DEPTH);
            }
        } else if !is_void(name) && !attributes.ends_with('/') && is_hiding(attributes) {
            self.hidden = Some(Hidden { name: name.to_owned(), depth: 1 });
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "a" => self.end_link(),
            "p" | "div" | "tr" | "li" | "h1" | "h2" | "h3" => self.text(" "),
            _ => {}
        }
        if let Some(hidden) = self.hidden.as_mut().filter(|hidden| hidden.name == name) {
            hidden.depth -= 1;
            if hidden.depth == 0 {
                self.hidden = None;
            }
        }
    }

    /// Passes over an element whose content is no text.
    fn raw(&mut self, name: &str) {
        let end = find_close(self.rest, name);
        let (content, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        if name == "script" {
            self.page.has_script = true;
            self.page.makes_file |= makes_file(content);
        }
    }

    fn link(&mut self, attributes: &str) {
        self.end_link();
        let Some(address) = attribute(attributes, "href").filter(|address| !address.is_empty()) else { return };
        // The file stands in the link itself.
        if address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            self.page.makes_file = true;
        } else {
            self.link = Some((address, self.page.text.len()));
        }
    }

    fn end_link(&mut self) {
        let Some((address, from)) = self.link.take() else { return };
        let shown = self.page.text.get(from..).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        self.add_link(address, super::text::beginning(&shown, 1000).to_owned());
    }

    fn add_link(&mut self, address: String, shown: String) {
        if self.page.links.len() < MAX_LINKS {
            self.page.links.push((address, shown));
        } else {
            self.page.tell_limit(link_limit());
        }
    }

    fn target(&mut self, name: &str, attributes: &str) {
        if let Some(address) = attribute(attributes, name).filter(|address| !address.is_empty()) {
            self.add_link(address, String::new());
        }
    }

    fn image(&mut self, attributes: &str) {
        let source = attribute(attributes, "src").unwrap_or_default();
        if !source.trim_start().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http")) {
            return;
        }
        self.page.images += 1;
        let is_tiny =
            |name| attribute(attributes, name).is_some_and(|size| matches!(size.trim_end_matches("px"), "0" | "1"));
        self.page.pixels += u64::from(is_tiny("width") && is_tiny("height"));
    }

    fn meta(&mut self, attributes: &str) {
        let is_refresh = attribute(attributes, "http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("refresh"));
        let content = attribute(attributes, "content").unwrap_or_default();
        let target = content.split_once(['=']).map(|(_, address)| address.trim_matches(['\'', '"', ' ']).to_owned());
        if let Some(address) = target.filter(|_| is_refresh) {
            self.page.refresh = Some(address.clone());
            self.add_link(address, String::new());
        }
    }
}

/// Elements without content (HTML, section 13.1.2).
fn is_void(name: &str) -> bool {
    matches!(name, "img" | "br" | "hr" | "input" | "meta" | "link" | "base" | "area" | "col" | "source" | "wbr")
}

/// Where a tag ends, quoted values passed over.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    let mut last = b'<';
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') if last == b'=' => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            last = byte;
        }
    }
    // A quote that is never closed.
    memchr::memchr(b'>', tag.as_bytes()).map(|at| at + 1)
}

/// Where the closing tag of an element begins.
fn find_close(html: &str, name: &str) -> usize {
    let bytes = html.as_bytes();
    let closes = |at: &usize| {
        let behind = bytes.get(at + 2..at + 2 + name.len()).unwrap_or_default();
        behind.eq_ignore_ascii_case(name.as_bytes())
    };
    memchr::memmem::find_iter(bytes, b"</").find(closes).unwrap_or(bytes.len())
}

/// The value of an attribute, decoded.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    while let Some(at) = memchr::memchr(b'=', rest.as_bytes()) {
        let (before, behind) = rest.split_at_checked(at)?;
        let key = before.trim_end().rsplit(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '/')).next()?;
        let value = behind.get(1..)?.trim_start();
        let (value, next) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value.get(1..)?.split_once(quote).unwrap_or((value.get(1..)?, "")),
            _ => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            let mut out = String::new();
            decode(value.trim(), &mut out);
            return Some(out);
        }
        rest = next;
    }
    None
}

/// Whether a style or attribute keeps what is inside from being seen.
fn is_hiding(attributes: &str) -> bool {
    if attributes.split_whitespace().any(|word| word.eq_ignore_ascii_case("hidden")) {
        return true;
    }
    let Some(style) = attribute(attributes, "style") else { return false };
    let style: String = style.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    let hides = |rule: &str| {
        matches!(
            rule,
            "display:none" | "visibility:hidden" | "opacity:0" | "max-height:0" | "max-height:0px" | "mso-hide:all"
        ) || matches!(rule, "font-size:0" | "font-size:0px" | "font-size:1px" | "font-size:0pt" | "font-size:1pt")
    };
    style.split(';').any(|rule| hides(rule.trim_end_matches("!important")))
}

/// Whether a script makes a file of bytes and has it saved (HTML smuggling, ATT&CK T1027.006).
fn makes_file(script: &str) -> bool {
    let has =
        |words: &[&str]| words.iter().any(|word| memchr::memmem::find(script.as_bytes(), word.as_bytes()).is_some());
    let makes =
        has(&["new Blob", "createObjectURL", "msSaveOrOpenBlob", "msSaveBlob", "data:application/", "new File("]);
    let saves = has(&[
        ".download",
        "msSaveOrOpenBlob",
        "msSaveBlob",
        "setAttribute('download'",
        "setAttribute(\"download\"",
        ".click()",
        "location",
    ]);
    let carries = has(&["atob(", "fromCharCode", "Uint8Array", "base64", "charCodeAt"]);
    makes && saves && carries
}

/// Appends text with its entities decoded.
pub(super) fn decode(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        let (before, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        // The longest entity has 31 characters.
        let head = behind.as_bytes().get(..behind.len().min(33)).unwrap_or_default();
        let end = memchr::memchr(b';', head).map(|end| end + 1);
        match end.and_then(|end| behind.split_at_checked(end)).filter(|(entity, _)| is_entity(entity)) {
            Some((entity, next)) => {
                add_html_token(out, entity.as_bytes(), false);
                rest = next;
            }
            None => {
                out.push('&');
                rest = behind.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
}

fn is_entity(entity: &str) -> bool {
    entity.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'&' | b'#' | b';')) && entity.len() > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_what_is_read_and_where_it_leads() {
        let page = Page::read(
            "<html><head><title>no</title><style>p{}</style></head><body><p>Dear&nbsp;you &amp; all<br>\
             <a title=\"x > y\" HREF='https://a.example/?x=1&amp;y=2'><b>Click</b> here</a>\
             <span style=\"display: none !important\">unseen <span>words</span></span> end\
             <img src=https://t.example/p.gif width=\"1\" height=1><form action=\"https://f.example\"><input type=password>",
        );
        assert_eq!(page.text.split_whitespace().collect::<Vec<_>>().join(" "), "Dear you & all Click here end");
        let links: Vec<_> = page.links.iter().map(|(address, shown)| (address.as_str(), shown.as_str())).collect();
        assert_eq!(links, [("https://a.example/?x=1&y=2", "Click here"), ("https://f.example", "")]);
        assert_eq!((page.hidden, page.images, page.pixels), (11, 1, 1));
        assert!(page.has_form && page.asks_password && !page.has_script);
    }

    #[test]
    fn a_script_that_makes_a_file_is_told_from_one_that_does_not() {
        let makes = "<script>var b=new Blob([Uint8Array.from(atob('UEsD'))]);a.href=URL.createObjectURL(b);a.download='x.zip';a.click()</script>";
        assert!(Page::read(makes).makes_file);
        assert!(Page::read("<a download=x.zip href=\"Data:application/zip;base64,UEsD\">x</a>").makes_file);
        assert!(!Page::read("<img src=\"data:image/png;base64,UEsD\">").makes_file);
        assert!(!Page::read("<script>document.title = atob('aGk=')</script>").makes_file);
    }

    #[test]
    fn damaged_pages_end() {
        for html in [
            "<a href=\"x",
            "<!-- never",
            "<script>",
            "</",
            "<",
            "&",
            "&#;",
            "<a href=x><a href=y></a></b></a>",
            "<p style='display:none'>x",
        ] {
            Page::read(html);
        }
        let deep = "<div hidden>".repeat(100_000);
        Page::read(&deep);
    }
}
