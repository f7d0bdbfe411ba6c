//! Domain names: what one can register, how they are shown, and which look like others.

use unicode_security::confusable_detection::skeleton;

/// Names of fewer characters are near to too many others.
const SHORT: usize = 4;

/// The part of a domain that somebody registered: `example.co.uk` of `mail.example.co.uk`. The whole where there is none.
pub(super) fn registrable(domain: &str) -> &str {
    suffix::registrable(domain).unwrap_or(domain)
}

/// A domain with what is asked of it again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Domain {
    /// As it is shown.
    pub(super) name: String,
    /// The part that somebody registered.
    pub(super) registered: String,
    /// The name before the public suffix: `example` of `mail.example.co.uk`.
    pub(super) label: String,
    /// Characters of the label.
    length: usize,
    /// What the label looks like.
    look: String,
}

impl Domain {
    /// Takes a domain, as it is shown, apart.
    pub(super) fn new(name: &str) -> Self {
        let registered = registrable(name).to_owned();
        let label = registered.split('.').next().unwrap_or_default().to_owned();
        Self { name: name.to_owned(), look: look(&label), length: label.chars().count(), registered, label }
    }
}

/// A domain in lower case, with punycode decoded as it would be shown; without a dot at its end.
pub(super) fn shown(domain: &str) -> String {
    let domain = domain.trim().trim_end_matches('.').to_lowercase();
    if domain.is_ascii() && !domain.contains("xn--") {
        return domain;
    }
    idna::domain_to_unicode(&domain).0.to_lowercase()
}

/// The domain behind the `@` of an address.
pub(super) fn of_address(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    let domain = domain.trim_matches(|c: char| c.is_whitespace() || matches!(c, '>' | '<' | '"' | '\'' | ';' | ','));
    (!domain.is_empty()).then(|| shown(domain))
}

/// In which way a domain resembles one that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Letters of other scripts or digits that look like those of the known one.
    SameLook,
    /// One letter more, less, other, or two swapped.
    OneLetter,
    /// The known name with words such as `careers` beside it.
    AddedWords,
    /// The known name under another public suffix.
    OtherEnding,
    /// The known domain stands before the real one: `example.org.login.example`.
    InFront,
    /// The known name stands below another's domain: `example.login.example`. Customers of many services have that.
    Below,
}

impl Likeness {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SameLook => "same look",
            Self::OneLetter => "one letter",
            Self::AddedWords => "added words",
            Self::OtherEnding => "other ending",
            Self::InFront => "in front",
            Self::Below => "below another",
        }
    }
}

/// How `domain` resembles `known`; none if it is `known` or lies below it. `is_added` tells words that are added to names to deceive.
pub(super) fn likeness(domain: &Domain, known: &Domain, is_added: &dyn Fn(&str) -> bool) -> Option<Likeness> {
    let (name, length) = (known.label.as_str(), known.length);
    if domain.registered == known.registered || name.is_empty() {
        return None;
    }
    let front = domain.name.strip_suffix(domain.registered.as_str()).unwrap_or_default();
    let is_in_front = |theirs: &str| front.split_once(theirs).is_some_and(|(_, behind)| behind.starts_with(['.', '-']));
    // Asked of hundreds of names for each mail, so lengths rule out what they can.
    if front.len() > known.registered.len()
        && (is_in_front(&known.registered) || is_in_front(&known.registered.replace('.', "-")))
    {
        return Some(Likeness::InFront);
    }
    if domain.label.len() > name.len() && has_added_words(&domain.label, name, length < SHORT, is_added) {
        return Some(Likeness::AddedWords);
    }
    // Short names are near to too many others.
    if length < SHORT {
        return None;
    }
    match () {
        () if domain.label == name => Some(Likeness::OtherEnding),
        () if domain.look == known.look => Some(Likeness::SameLook),
        () if length >= 6 && domain.length.abs_diff(length) <= 1 && one_letter(&domain.label, name) => {
            Some(Likeness::OneLetter)
        }
        () => front.split('.').any(|label| label == name).then_some(Likeness::Below),
    }
}

/// What a name looks like: confusable characters (UTS #39), accents, digits and pairs of letters replaced by what they resemble.
fn look(name: &str) -> String {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    let plain: String = name.nfd().filter(|c| !is_combining_mark(*c)).collect();
    let skeleton: String = skeleton(&plain).collect();
    let digits: String = skeleton.to_lowercase().replace("rn", "m").replace("vv", "w");
    digits
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | 'i' | '|' => 'l',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            '8' => 'b',
            other => other,
        })
        .collect()
}

/// Whether `label` is `name` with such words before or behind it, with hyphens or without. Of a short name hyphens must part it from them, or the word
/// be a longer one.
fn has_added_words(label: &str, name: &str, is_short: bool, is_added: &dyn Fn(&str) -> bool) -> bool {
    let plain = |text: &str| text.replace('-', "");
    let parted = label.split_once(name).map(|(before, behind)| (before.to_owned(), behind.to_owned()));
    // The name's own hyphens may be left out.
    let joined = || {
        let label = name.contains('-').then(|| plain(label))?;
        let (before, behind) = label.split_once(&plain(name))?;
        Some((before.to_owned(), behind.to_owned()))
    };
    let Some((before, behind)) = parted.or_else(joined) else { return false };
    let is_apart = !is_short
        || (before.is_empty() || before.ends_with('-') || before.len() >= SHORT)
            && (behind.is_empty() || behind.starts_with('-') || behind.len() >= SHORT);
    let words = || before.split('-').chain(behind.split('-')).filter(|word| !word.is_empty());
    let is_all_added = words().all(|word| is_added(word) || !is_short && is_two_added(word, is_added));
    is_apart && is_all_added && (1..=4).contains(&words().count())
}

/// Whether a word is two such words joined: `itsupport`.
fn is_two_added(word: &str, is_added: &dyn Fn(&str) -> bool) -> bool {
    (2..word.len().saturating_sub(1))
        .any(|at| word.split_at_checked(at).is_some_and(|(a, b)| is_added(a) && is_added(b)))
}

/// Whether one insertion, deletion, change or swap of neighbours makes one of the other.
fn one_letter(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let front = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (rest, else_) = (one.get(front..).unwrap_or_default(), other.get(front..).unwrap_or_default());
    let back = rest.iter().rev().zip(else_.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = |rest: &[char]| rest.get(..rest.len() - back).map(<[char]>::to_vec).unwrap_or_default();
    match (middle(rest).as_slice(), middle(else_).as_slice()) {
        ([a, b], [c, d]) => a == d && b == c,
        (a, b) => a.len() <= 1 && b.len() <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_looks_like_another_is_told_from_one_that_does_not() {
        let is_added = |word: &str| ["careers", "jobs", "group", "it", "gmbh", "support"].contains(&word);
        let cases = [
            ("airbus.com", "airbus.com", None),
            ("mail.airbus.com", "airbus.com", None),
            ("airbus-careers.com", "airbus.com", Some(Likeness::AddedWords)),
            ("airbusjobs.net", "airbus.com", Some(Likeness::AddedWords)),
            ("airbus.top", "airbus.com", Some(Likeness::OtherEnding)),
            ("аirbus.com", "airbus.com", Some(Likeness::SameLook)),
            ("rheinmetåll.com", "rheinmetall.com", Some(Likeness::SameLook)),
            ("kestrei-uav.example", "kestrel-uav.example", Some(Likeness::SameLook)),
            ("boelng.com", "boeing.com", Some(Likeness::SameLook)),
            ("kestrle-uav.example", "kestrel-uav.example", Some(Likeness::OneLetter)),
            ("kestrel-uav-it.example", "kestrel-uav.example", Some(Likeness::AddedWords)),
            ("airbus.com.login.top", "airbus.com", Some(Likeness::InFront)),
            ("kestrel-hotel.example", "kestrel-uav.example", None),
            ("airport.com", "airbus.com", None),
            ("saabo.com", "saab.com", None),
            ("kestrel-uav.login-portal.example", "kestrel-uav.example", Some(Likeness::Below)),
            ("mail.kestrel-uav-it.example", "kestrel-uav.example", Some(Likeness::AddedWords)),
            ("kestreluavitsupport.example", "kestrel-uav.example", Some(Likeness::AddedWords)),
            ("kestrel-uavitsupport.example", "kestrel-uav.example", Some(Likeness::AddedWords)),
            ("kestreluavists.example", "kestrel-uav.example", None),
            ("mtu-careers.com", "mtu.de", Some(Likeness::AddedWords)),
            ("mtucareers.com", "mtu.de", Some(Likeness::AddedWords)),
            ("mtuit.com", "mtu.de", None),
            ("smtusupport.com", "mtu.de", None),
            ("mtu.com", "mtu.de", None),
            ("mtv.com", "mtu.de", None),
            ("mtu.login.example", "mtu.de", None),
            ("mtu.de.login.example", "mtu.de", Some(Likeness::InFront)),
        ];
        for (domain, known, expected) in cases {
            assert_eq!(
                likeness(&Domain::new(domain), &Domain::new(known), &is_added),
                expected,
                "{domain} and {known}"
            );
        }
    }

    #[test]
    fn a_domain_is_shown_as_a_reader_sees_it() {
        assert_eq!(shown("XN--RHEINMETLL-85A.com."), "rheinmetåll.com");
        assert_eq!(of_address("x <a@Example.ORG>").as_deref(), Some("example.org"));
        let domain = Domain::new("a.b.example.co.uk");
        assert_eq!((domain.registered.as_str(), domain.label.as_str()), ("example.co.uk", "example"));
    }
}
