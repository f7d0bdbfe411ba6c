//! Who a mail says it is from, and where its headers disagree about it.

use super::{
    domains::{Domain, Likeness, likeness, of_address, registrable, shown},
    known::{Known, Organisation, Services},
    text::{normalised, tricks},
};
use crate::Facts;

/// An address of a header with the name before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) address: String,
}

/// What the headers say of the sender.
#[derive(Debug, Default)]
pub(super) struct Sender {
    pub(super) from: Vec<Person>,
    pub(super) reply_to: Vec<Person>,
    /// The address that failures go to (RFC 5321, Return-Path).
    pub(super) envelope: String,
}

impl Sender {
    /// The domain of the first address.
    pub(super) fn domain(&self) -> String {
        self.from.first().and_then(|person| of_address(&person.address)).unwrap_or_default()
    }

    /// Tells who it is from.
    pub(super) fn tell(&self, known: &Known, organisation: &Organisation, facts: &mut Facts) {
        let first = self.from.first().cloned().unwrap_or_default();
        let domain = Domain::new(&self.domain());
        facts.tell("From", first.address.clone());
        facts.tell("FromName", first.name.clone());
        facts.tell("FromDomain", domain.registered.clone());
        facts.tell("Envelope", self.envelope.clone());
        for trick in tricks(&first.name) {
            facts.tell("NameTrick", trick);
        }
        self.kind(&domain, known, organisation, facts);
        self.disagreements(&first, &domain.name, known, facts);
        look_alike(&domain, known, organisation, facts);
    }

    /// Whose domain it is, as far as that is known.
    fn kind(&self, whole: &Domain, known: &Known, organisation: &Organisation, facts: &mut Facts) {
        let domain = whole.name.as_str();
        let is_private = Services::has(&known.services.private_mail, domain);
        let is_brand = known.brands.own(whole);
        let failed = ["spf=fail", "spf=softfail", "dkim=fail", "dmarc=fail"];
        let is_doubted = facts.values("Authentication").any(|result| failed.contains(&result.as_ref()));
        let kinds = [
            (organisation.owns(domain) && !is_doubted, "own"),
            (organisation.owns(domain) && is_doubted, "own, not confirmed"),
            (organisation.trusts(domain) && !organisation.owns(domain), "partner"),
            (is_private, "private"),
            (is_brand && !is_private, "brand"),
            (Services::has(&known.services.hosting, domain), "hosted"),
            (known.services.cheap_endings.contains(domain.rsplit('.').next().unwrap_or_default()), "cheap ending"),
        ];
        for (_, kind) in kinds.iter().filter(|(is_it, _)| *is_it) {
            facts.tell("SenderKind", *kind);
        }
    }

    fn disagreements(&self, first: &Person, domain: &str, known: &Known, facts: &mut Facts) {
        let own = registrable(domain);
        let envelope = of_address(&self.envelope);
        if let Some(other) = envelope.filter(|other| registrable(other) != own) {
            facts.tell("EnvelopeDomain", registrable(&other));
        }
        for person in self.reply_to.iter().take(5) {
            let Some(other) = of_address(&person.address) else { continue };
            if registrable(&other) != own {
                facts.tell("ReplyToOther", person.address.clone());
                if Services::has(&known.services.private_mail, &other) {
                    facts.tell("ReplyToPrivate", person.address.clone());
                }
            }
        }
        if self.from.iter().skip(1).any(|person| person.address != first.address && !person.address.is_empty()) {
            facts.tell("SenderFault", "several senders");
        }
        if domain.is_empty() || !domain.contains('.') {
            facts.tell("SenderFault", "no address");
        } else if !is_host(domain) {
            facts.tell("SenderFault", "no valid domain");
        }
        if let Some(other) = named_domain(&first.name).filter(|other| registrable(other) != own) {
            facts.tell("NameShowsOther", other);
        }
        let local = first.address.split('@').next().unwrap_or_default();
        if is_random(local) || domain.split('.').any(is_random) {
            facts.tell("SenderFault", "name without sense");
        }
    }
}

/// Whether a domain holds nothing but what one may (RFC 1123, section 2.1), after decoding.
fn is_host(domain: &str) -> bool {
    domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.')) && !domain.contains("..")
}

/// The domain that a display name shows: of an address, or by itself.
fn named_domain(name: &str) -> Option<String> {
    let word = name.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '"' | ','));
    word.filter(|word| word.contains('.') || word.contains('@')).find_map(|word| {
        let domain = word.rsplit('@').next().unwrap_or_default().trim_matches('.');
        let is_domain = suffix::is_registrable(domain);
        let is_name = domain.split('.').all(|part| part.len() >= 2);
        (is_domain && is_name).then(|| shown(domain))
    })
}

/// Whether a word looks drawn by lot: long, digits among letters in several places, or hardly a vowel.
fn is_random(word: &str) -> bool {
    let word = word.split(['+', '=']).next().unwrap_or_default();
    if word.len() < 8 || !word.is_ascii() {
        return false;
    }
    let bytes = word.as_bytes();
    let turns = bytes.windows(2).filter(|two| matches!(two, [a, b] if a.is_ascii_digit() != b.is_ascii_digit() && a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())).count();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let is_vowel = |byte: &&u8| matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    let vowels = bytes.iter().filter(is_vowel).count();
    turns >= 4 || letters >= 9 && vowels * 6 < letters
}

/// Tells whether the domain resembles one of the organisation's, a partner's, or a well-known one.
fn look_alike(domain: &Domain, known: &Known, organisation: &Organisation, facts: &mut Facts) {
    if domain.name.is_empty() || organisation.trusts(&domain.name) || known.brands.own(domain) {
        return;
    }
    let is_added = |word: &str| known.services.added_words.contains(word);
    for own in organisation.all() {
        if let Some(how) = likeness(domain, &Domain::new(own), &is_added) {
            facts.tell("LookAlikeOfOurs", own);
            facts.tell("LookAlikeHow", how.name());
            return;
        }
    }
    let brands = known.brands.all.iter().flat_map(|brand| brand.known.iter().map(move |own| (brand, own)));
    let mut likeness = brands.filter_map(|(brand, own)| Some((brand, own, likeness(domain, own, &is_added)?)));
    // Of an ordinary word another ending or another word beside it says little.
    let tells = |how: Likeness, is_word: bool| !is_word || matches!(how, Likeness::SameLook | Likeness::InFront);
    if let Some((_, own, how)) = likeness.find(|(brand, _, how)| tells(*how, brand.word)) {
        facts.tell("LookAlikeOfBrand", own.name.as_str());
        facts.tell("LookAlikeHow", how.name());
    }
}

/// Tells the brands that are named by a sender who is not of them.
pub(super) fn foreign_brands(sender: &Sender, subject: &str, text: &str, known: &Known, facts: &mut Facts) {
    let domain = Domain::new(&sender.domain());
    let name = sender.from.first().map(|person| normalised(&person.name)).unwrap_or_default();
    let local =
        sender.from.first().and_then(|person| person.address.split('@').next().map(normalised)).unwrap_or_default();
    let places = [("BrandInName", name), ("BrandInSubject", normalised(subject)), ("BrandInAddress", local)];
    let is_foreign = |brand: &&super::brands::Brand| !brand.owns(&domain);
    for (field, text) in &places {
        for brand in known.brands.named(text).into_iter().filter(is_foreign) {
            facts.tell(field, brand.name());
        }
    }
    for brand in known.brands.named(text).into_iter().filter(is_foreign).filter(|brand| !brand.word).take(20) {
        let field = if brand.employer { "EmployerInText" } else { "BrandInText" };
        facts.tell(field, brand.name());
    }
    let employers =
        places.iter().flat_map(|(_, text)| known.brands.named(text)).filter(is_foreign).filter(|brand| brand.employer);
    for brand in employers.take(5) {
        facts.tell("EmployerNamed", brand.name());
    }
}
