//! Who wrote here for the first time. That is known when all mail has been read.

use std::{
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
};

use event::{Piece, Position, Time};

use super::{domains::of_address, domains::registrable, known::Organisation};
use crate::{Facts, Kind};

/// So many bytes of senders are remembered.
const MOST: usize = 32 << 20;

/// Of so many mails it is counted how many came before another.
const COUNTED: usize = 1000;

/// A mail, as far as its contacts have to know of it; in the order of time, then of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    pub(super) time: Time,
    pub(super) piece: Arc<Piece>,
    pub(super) line: u64,
    /// Whether the piece is a mailbox, in which mails are told apart by their lines.
    pub(super) is_in_mailbox: bool,
    /// Whether the organisation itself wrote it.
    is_ours: bool,
}

/// The first mail of each address and of each domain. What is remembered does not depend on the order in which mails came.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    /// By address in lower case, and by `@` and the registered domain.
    first: BTreeMap<Box<str>, Sent>,
    weight: usize,
    /// From this name on nothing is remembered, since there was no room.
    cut: Option<Box<str>>,
    /// When the first mails of all came.
    earliest: BinaryHeap<Time>,
}

/// What is told of all mail together.
pub(super) struct Told {
    pub(super) firsts: Vec<(Arc<Piece>, Facts)>,
    /// What was left out: since which piece, and why.
    pub(super) left_out: Option<(Arc<Piece>, String)>,
}

impl Contacts {
    /// Remembers a mail from `from` to `recipients`. Whom the organisation writes to is known to it.
    pub(super) fn add(&mut self, from: &str, recipients: &[String], organisation: &Organisation, mut sent: Sent) {
        self.earliest.push(sent.time);
        if self.earliest.len() > COUNTED {
            self.earliest.pop();
        }
        let Some(domain) = of_address(from) else { return };
        sent.is_ours = organisation.owns(&domain);
        let known = if sent.is_ours { recipients } else { &[from.to_owned()][..] };
        for address in known {
            let Some(domain) = of_address(address).filter(|domain| !organisation.owns(domain)) else { continue };
            self.remember(address.to_lowercase(), &sent);
            self.remember(format!("@{}", registrable(&domain)), &sent);
        }
    }

    fn remember(&mut self, name: String, sent: &Sent) {
        if self.cut.as_deref().is_some_and(|cut| name.as_str() >= cut) {
            return;
        }
        match self.first.get_mut(name.as_str()) {
            Some(first) if *first <= *sent => {}
            Some(first) => *first = sent.clone(),
            None => {
                self.weight += weight(&name);
                self.first.insert(name.into(), sent.clone());
            }
        }
        while self.weight > MOST {
            let Some((name, _)) = self.first.pop_last() else { break };
            self.weight -= weight(&name);
            self.cut = Some(name);
        }
    }

    /// The mails that were the first of an address, or of a whole domain.
    pub(super) fn told(&self) -> Told {
        let mut earliest: Vec<Time> = self.earliest.iter().copied().collect();
        earliest.sort_unstable();
        let strangers = self.first.iter().filter(|(name, sent)| !name.starts_with('@') && !sent.is_ours);
        let firsts = strangers.map(|(address, sent)| {
            let domain = of_address(address).unwrap_or_default();
            let domain = registrable(&domain);
            let of_domain = self.first.get(format!("@{domain}").as_str());
            let mut facts = Facts::new(Kind::Mail, Position::Line(sent.line), Some(sent.time));
            facts.tell("Inside", sent.inside());
            facts.tell("From", &**address);
            facts.tell("FromDomain", domain);
            facts.tell("FirstContact", "address");
            facts.tell("FirstContact", if of_domain == Some(sent) { "domain" } else { "" });
            facts.count("MailsBefore", earliest.partition_point(|time| *time < sent.time) as u64);
            (Arc::clone(&sent.piece), facts)
        });
        let left_out = self.cut.as_deref().zip(self.first.values().next()).map(|(cut, sent)| {
            let reason = format!("limit: more than {MOST} bytes of senders: from '{cut}' on, in the order of the alphabet, nobody's first mail was looked for");
            (Arc::clone(&sent.piece), reason)
        });
        Told { firsts: firsts.collect(), left_out }
    }
}

impl Sent {
    /// A mail at a line of a piece, which may be a mailbox.
    pub(super) fn new(time: Time, piece: &Arc<Piece>, line: u64, is_in_mailbox: bool) -> Self {
        Self { time, piece: Arc::clone(piece), line, is_in_mailbox, is_ours: false }
    }

    /// The label of the outermost artifact: of the mail.
    pub(super) fn inside(&self) -> String {
        inside(&self.piece, self.line, self.is_in_mailbox)
    }
}

/// The label of the mail at a line of a piece.
pub(super) fn inside(piece: &Piece, line: u64, is_in_mailbox: bool) -> String {
    if is_in_mailbox { format!("{}#L{line}", piece.path) } else { piece.path.clone() }
}

/// About how many bytes a name takes up with its first mail.
const fn weight(name: &str) -> usize {
    200 + name.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(mails: &[(i64, &str, &str)]) -> Vec<String> {
        let ours = Organisation { domains: vec!["ours.example".into()], ..Organisation::default() };
        let mut contacts = Contacts::default();
        for (at, from, to) in mails {
            let piece = Arc::new(Piece { path: format!("{at}.eml") });
            let sent = Sent::new(Time::from_nanos(*at), &piece, 1, false);
            contacts.add(from, &[(*to).to_owned()], &ours, sent);
        }
        let text = |facts: &Facts| {
            let of = |name| facts.values(name).collect::<Vec<_>>().join("+");
            format!("{} {} {} {}", of("Inside"), of("From"), of("FirstContact"), of("MailsBefore"))
        };
        contacts.told().firsts.iter().map(|(_, facts)| text(facts)).collect()
    }

    #[test]
    fn the_first_mail_of_each_is_told_whatever_the_order() {
        let mut mails = [
            (1, "a@ours.example", "known@partner.example"),
            (2, "known@partner.example", "a@ours.example"),
            (3, "B@recruiter.example", "a@ours.example"),
            (4, "other@partner.example", "a@ours.example"),
            (5, "c@mail.recruiter.example", "b@ours.example"),
            (6, "b@recruiter.example", "b@ours.example"),
            (7, "no address", "b@ours.example"),
        ];
        let expected = [
            "3.eml b@recruiter.example address+domain 2",
            "5.eml c@mail.recruiter.example address 4",
            "4.eml other@partner.example address 3",
        ];
        assert_eq!(told(&mails), expected);
        mails.reverse();
        assert_eq!(told(&mails), expected);
    }

    #[test]
    fn memory_is_bounded_and_what_was_left_out_is_told() {
        let mut contacts = Contacts::default();
        let piece = Arc::new(Piece { path: "a".into() });
        for number in 0..200_000 {
            let sent = Sent::new(Time::from_nanos(number), &piece, 1, false);
            contacts.add(&format!("{number:06}@x.example"), &[], &Organisation::default(), sent);
        }
        assert!(contacts.weight <= MOST && contacts.earliest.len() == COUNTED);
        let told = contacts.told();
        assert!(told.left_out.is_some_and(|(_, reason)| reason.starts_with("limit: ")));
        assert!(told.firsts.len() > 100_000);
    }
}
