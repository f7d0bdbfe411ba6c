//! Who a mail says it is from, and where its headers disagree about it.

use std::collections::BTreeSet;

use super::{
    domains::{Domain, Likeness, likeness, of_address, registrable, shown},
    known::{Known, Organisation, Services},
    links::Link,
    text::{normalised, tricks},
};
use crate::Facts;

/// Most links that are told to look like ours.
const LINKS: usize = 20;

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

    /// Tells who it is from. `is_confirmed`: a receiver that can be believed says so.
    pub(super) fn tell(&self, is_confirmed: bool, known: &Known, organisation: &Organisation, facts: &mut Facts) {
        let first = self.from.first().cloned().unwrap_or_default();
        let domain = Domain::new(&self.domain());
        facts.tell("From", first.address.clone());
        facts.tell("FromName", first.name.clone());
        facts.tell("FromDomain", domain.registered.clone());
        facts.tell("Envelope", self.envelope.clone());
        for trick in tricks(&first.name) {
            facts.tell("NameTrick", trick);
        }
        self.disagreements(&first, &domain.name, known, organisation, facts);
        self.kind(&domain, is_confirmed, known, organisation, facts);
        let ours = ours(organisation);
        look_alike(&domain, &ours, known, organisation, facts);
        self.look_alike_elsewhere(&ours, known, organisation, facts);
    }

    /// Tells who sends an invitation, where that is somebody of another domain.
    pub(super) fn organizers(&self, organizers: &[String], facts: &mut Facts) {
        let domain = self.domain();
        let own = registrable(&domain);
        for address in organizers {
            if of_address(address).is_some_and(|other| registrable(&other) != own) {
                facts.tell("OrganizerOther", address.as_str());
            }
        }
    }

    /// Tells which of the other addresses look like one of ours or a partner's.
    fn look_alike_elsewhere(&self, ours: &[Domain], known: &Known, organisation: &Organisation, facts: &mut Facts) {
        let answers = self.reply_to.iter().filter_map(|person| of_address(&person.address));
        let all = answers.map(|domain| ("LookAlikeReply", domain));
        for (field, domain) in all.chain(of_address(&self.envelope).map(|domain| ("LookAlikeEnvelope", domain))) {
            if like_ours(&Domain::new(&domain), ours, known, organisation).is_some() {
                facts.tell(field, domain);
            }
        }
    }

    /// Whose domain it is, as far as that is known. That it is the organisation's own anybody can write there: it counts where a receiver confirms it, or
    /// where nothing disagrees.
    fn kind(&self, whole: &Domain, is_confirmed: bool, known: &Known, organisation: &Organisation, facts: &mut Facts) {
        let domain = whole.name.as_str();
        let is_private = Services::has(&known.services.private_mail, domain);
        let is_brand = known.brands.own(whole);
        let failed = ["spf=fail", "spf=softfail", "dkim=fail", "dmarc=fail"];
        let is_foreign = |address: &str| of_address(address).is_some_and(|domain| !organisation.owns(&domain));
        let goes_elsewhere =
            is_foreign(&self.envelope) || self.reply_to.iter().any(|person| is_foreign(&person.address));
        let is_doubted = facts.values("Authentication").any(|result| failed.contains(&result.as_ref()))
            || goes_elsewhere && !is_confirmed;
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

    fn disagreements(
        &self,
        first: &Person,
        domain: &str,
        known: &Known,
        organisation: &Organisation,
        facts: &mut Facts,
    ) {
        let own = registrable(domain);
        let envelope = of_address(&self.envelope);
        if let Some(other) = envelope.filter(|other| registrable(other) != own) {
            facts.tell("EnvelopeDomain", registrable(&other));
        }
        for person in &self.reply_to {
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
        if let Some(other) = named_domain(&first.name, organisation).filter(|other| registrable(other) != own) {
            // Whoever is of ours or a partner's needs no other's mailbox.
            if organisation.trusts(&other) && !organisation.trusts(domain) {
                facts.tell("NameShowsOurs", other.as_str());
            }
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
fn named_domain(name: &str, organisation: &Organisation) -> Option<String> {
    let word = name.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '"' | ','));
    word.filter(|word| word.contains('.') || word.contains('@')).find_map(|word| {
        let domain = word.rsplit('@').next().unwrap_or_default().trim_matches('.');
        let is_domain = suffix::is_registrable(domain) || organisation.trusts(&shown(domain));
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

/// The domain of ours or a partner's that a domain looks like, and how. What stands below the domain of a well-known service may be a customer's own.
fn like_ours<'a>(
    domain: &Domain,
    ours: &'a [Domain],
    known: &Known,
    organisation: &Organisation,
) -> Option<(&'a str, Likeness)> {
    if ours.is_empty() || domain.name.is_empty() || organisation.trusts(&domain.name) || known.brands.own(domain) {
        return None;
    }
    let is_added = |word: &str| known.services.added_words.contains(word);
    let (own, how) = ours.iter().find_map(|own| Some((own.name.as_str(), likeness(domain, own, &is_added)?)))?;
    let Services { hosting, shares, .. } = &known.services;
    let is_customer = how == Likeness::Below && [hosting, shares].iter().any(|set| Services::has(set, &domain.name));
    (!is_customer).then_some((own, how))
}

/// The organisation's and its partners' domains, taken apart.
fn ours(organisation: &Organisation) -> Vec<Domain> {
    organisation.all().map(Domain::new).collect()
}

/// Tells the links whose hosts look like a domain of ours or a partner's. Another ending says little there: many firms have the same name.
pub(super) fn look_alike_links(
    links: &[(String, String)],
    known: &Known,
    organisation: &Organisation,
    facts: &mut Facts,
) {
    let ours = ours(organisation);
    if ours.is_empty() {
        return;
    }
    let hosts: BTreeSet<String> = links.iter().filter_map(|(address, _)| Some(Link::parse(address)?.host)).collect();
    let tells = |how: Likeness| !matches!(how, Likeness::OtherEnding | Likeness::Below);
    let alike =
        |host: &&String| like_ours(&Domain::new(host), &ours, known, organisation).is_some_and(|(_, how)| tells(how));
    hosts.iter().filter(alike).take(LINKS).for_each(|host| facts.tell("LookAlikeLink", host.as_str()));
}

/// Tells whether the domain resembles one of the organisation's, a partner's, or a well-known one.
fn look_alike(domain: &Domain, ours: &[Domain], known: &Known, organisation: &Organisation, facts: &mut Facts) {
    if let Some((own, how)) = like_ours(domain, ours, known, organisation) {
        facts.tell("LookAlikeOfOurs", own);
        facts.tell("LookAlikeHow", how.name());
        return;
    }
    if domain.name.is_empty() || organisation.trusts(&domain.name) || known.brands.own(domain) {
        return;
    }
    let is_added = |word: &str| known.services.added_words.contains(word);
    let brands = known.brands.all.iter().flat_map(|brand| brand.known.iter().map(move |own| (brand, own)));
    let mut likeness = brands.filter_map(|(brand, own)| Some((brand, own, likeness(domain, own, &is_added)?)));
    // Of an ordinary word another ending or another word beside it says little; well-known firms have pages with many services.
    let tells = |how: Likeness, is_word: bool| match how {
        Likeness::SameLook | Likeness::InFront => true,
        Likeness::Below => false,
        _ => !is_word,
    };
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
            facts.tell(*field, brand.name());
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
