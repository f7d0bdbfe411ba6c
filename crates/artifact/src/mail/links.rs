//! Links: where they lead, and what about them deceives.

use super::{
    domains::{Domain, registrable, shown},
    known::{Known, Organisation, Services},
};

/// Most facts that are told of a mail's links.
pub(super) const MAX_FACTS: usize = 200;

/// A link, taken apart as far as it matters here (WHATWG URL, section 4).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// `http`, `https`, `mailto`, …, in lower case.
    pub(super) scheme: String,
    /// As it is shown.
    pub(super) host: String,
    pub(super) path: String,
    /// What stands before an `@` in front of the host.
    pub(super) has_user: bool,
}

impl Link {
    /// Takes an address apart; `None` if it has no scheme and host, as addresses within a page.
    pub(super) fn parse(address: &str) -> Option<Self> {
        let address: String = address.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
        let address = address.trim();
        let (scheme, rest) = match address.split_once(':') {
            Some((scheme, rest))
                if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) =>
            {
                (scheme.to_ascii_lowercase(), rest)
            }
            _ => ("http".to_owned(), address.strip_prefix("//").map_or("", |_| address)),
        };
        if scheme == "mailto" {
            let host = super::domains::of_address(rest.split('?').next()?)?;
            return Some(Self { scheme, host, path: String::new(), has_user: false });
        }
        let rest = rest.trim_start_matches(['/', '\\']);
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (has_user, host) = match authority.rsplit_once('@') {
            Some((_, host)) => (true, host),
            None => (false, authority),
        };
        let host = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(host, |(host, _)| host);
        let is_web = matches!(scheme.as_str(), "http" | "https" | "ftp");
        (is_web && !host.is_empty()).then(|| Self { scheme, host: shown(host), path: path.to_owned(), has_user })
    }

    /// Whether the host is an address, in whichever way a browser takes one.
    fn is_address(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host.parse::<std::net::IpAddr>().is_ok()
            || host.parse::<u64>().is_ok()
            || host.strip_prefix("0x").is_some_and(|digits| u32::from_str_radix(digits, 16).is_ok())
    }
}

/// What a mail's links have about them: field and value, each once.
pub(super) fn facts(
    links: &[(String, String)],
    sender: &str,
    known: &Known,
    organisation: &Organisation,
) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let sender = registrable(sender);
    for (address, text) in links {
        let Some(link) = Link::parse(address) else { continue };
        let mut tell = |name, value: String| {
            if !facts.contains(&(name, value.clone())) && facts.len() < MAX_FACTS {
                facts.push((name, value));
            }
        };
        if link.scheme == "mailto" {
            if Services::has(&known.services.private_mail, &link.host) && sender != registrable(&link.host) {
                tell("PrivateMailLink", address.trim_start_matches("mailto:").to_owned());
            }
            continue;
        }
        let domain = Domain::new(&link.host);
        tell("LinkDomain", domain.registered.clone());
        of_host(&link, &domain, known, &mut tell);
        redirect(&link, &mut tell);
        let displayed = displayed_host(text).map(|host| Domain::new(&host));
        if let Some(displayed) = displayed.filter(|displayed| displayed.registered != domain.registered) {
            let shows = format!("{} → {}", displayed.name, link.host);
            let is_known = organisation.trusts(&displayed.name) || known.brands.own(&displayed);
            if is_known && sender != displayed.registered {
                tell("DisguisedBrandLink", shows.clone());
            }
            tell("DisguisedLink", shows);
        }
    }
    facts
}

fn of_host(link: &Link, domain: &Domain, known: &Known, tell: &mut dyn FnMut(&'static str, String)) {
    let services = &known.services;
    let host = link.host.as_str();
    let sets = [
        ("ShortLink", &services.shorteners),
        ("ShareLink", &services.shares),
        ("HostedLink", &services.hosting),
        ("MessengerLink", &services.messengers),
        ("RepositoryLink", &services.repositories),
    ];
    for (name, set) in sets {
        if Services::has(set, host) {
            tell(name, host.to_owned());
        }
    }
    let ending = host.rsplit('.').next().unwrap_or_default();
    if services.cheap_endings.contains(ending) {
        tell("CheapLink", host.to_owned());
    }
    if link.is_address() {
        tell("AddressLink", host.to_owned());
    }
    if link.has_user {
        tell("UserLink", host.to_owned());
    }
    let path = link.path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_program = [
        ".exe", ".msi", ".scr", ".iso", ".img", ".vhd", ".vhdx", ".lnk", ".hta", ".js", ".vbs", ".bat", ".cmd",
        ".msix", ".apk",
    ];
    if is_program.iter().any(|ending| path.ends_with(ending)) {
        tell("ProgramLink", format!("{host}{path}"));
    }
    if known.brands.is_label_misused(domain) {
        tell("BrandLink", host.to_owned());
    }
}

/// A page of a well-known service that leads on to any other.
fn redirect(link: &Link, tell: &mut dyn FnMut(&'static str, String)) {
    let path = link.path.to_ascii_lowercase();
    let is_google = registrable(&link.host).starts_with("google.");
    let leads_on = is_google && (path.starts_with("/amp/") || path.starts_with("/url?"))
        || path.contains("=http://")
        || path.contains("=https://")
        || path.contains("=http%3a")
        || path.contains("=https%3a");
    if leads_on {
        tell("RedirectLink", link.host.clone());
    }
}

/// The host that a link's text shows, if it shows one.
fn displayed_host(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let address = bare.or_else(|| text.starts_with("www.").then_some(text)).unwrap_or(text);
    let end = address.find(['/', '?', '#', ':']).unwrap_or(address.len());
    let host = address.get(..end)?;
    let is_host = host.contains('.')
        && !host.contains(|c: char| c.is_whitespace() || matches!(c, '@' | '…' | ',' | '(' | '&'))
        && suffix::is_registrable(host);
    is_host.then(|| shown(host))
}

/// Addresses that stand in plain text.
pub(super) fn in_text(text: &str) -> Vec<String> {
    let starts = memchr::memmem::find_iter(text.as_bytes(), b"http");
    let is_end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | '|' | '\\');
    let address = |at: usize| {
        let rest = text.get(at..)?;
        let is_address = rest.starts_with("http://") || rest.starts_with("https://");
        let address = rest.split(is_end).next()?.trim_end_matches(['.', ',', ')', ']', ';', '!', '?']);
        is_address.then(|| super::text::beginning(address, 2048).to_owned())
    };
    starts.filter_map(address).take(super::page::MAX_LINKS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_taken_apart_as_a_browser_does() {
        let host = |address: &str| Link::parse(address).map(|link| link.host);
        let cases = [
            ("https://User@Example.ORG:443/x?y", Some("example.org")),
            ("http://www.a.example@0123/", Some("0123")),
            ("//a.example/x", Some("a.example")),
            ("https:\\\\a.example\\x", Some("a.example")),
            ("#top", None),
            ("page.html", None),
            ("javascript:alert(1)", None),
            ("mailto:a@b.example?subject=x", Some("b.example")),
            ("ht\ntps://a.example", Some("a.example")),
        ];
        for (address, expected) in cases {
            assert_eq!(host(address).as_deref(), expected, "{address}");
        }
        assert!(Link::parse("http://0x7f000001/").is_some_and(|link| link.is_address()));
        assert!(Link::parse("http://a@b.example/").is_some_and(|link| link.has_user));
    }

    #[test]
    fn a_text_shows_a_host_only_where_it_is_one() {
        assert_eq!(displayed_host("https://www.boeing.com/jobs").as_deref(), Some("www.boeing.com"));
        assert_eq!(displayed_host("boeing.com").as_deref(), Some("boeing.com"));
        for text in ["Click here", "v1.2.3", "a.b@c.example", "Dr. Smith", "report.backup", "co.uk"] {
            assert_eq!(displayed_host(text), None, "{text}");
        }
    }
}
