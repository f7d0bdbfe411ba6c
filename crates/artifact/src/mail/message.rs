//! One message: its facts, and those of what it holds.

use event::{Damage, Position, Time};
use mail_parser::{Address, HeaderValue, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{
    attached::{self, File},
    authentication,
    known::{Known, Organisation},
    links,
    opened::Opener,
    page::Page,
    sender::{self, Person, Sender},
    text::{MAX_TEXT, beginning, normalised, tricks},
};
use crate::{Facts, Kind, file::Look};

/// Most parts of a mail that are looked at.
const MAX_PARTS: usize = 1000;
/// Most messages that may stand within one another, or behind one another in a digest.
const MAX_MESSAGES: usize = 50;
/// Most messages within one that have facts of their own.
const MAX_DEPTH: usize = 4;

/// Where a message stands, and what is known beside it.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    /// The label of the outermost artifact.
    pub(super) inside: &'a str,
    pub(super) line: u64,
    /// When it came, as its mailbox or file says.
    pub(super) came: Option<Time>,
    pub(super) known: &'a Known,
    pub(super) organisation: &'a Organisation,
}

/// A message that was read.
pub(super) struct Message {
    /// Of the mail, of the files in it, of the messages in it.
    pub(super) facts: Vec<Facts>,
    pub(super) damages: Vec<Damage>,
    /// What neighbours have to know of the files, by their labels.
    pub(super) looks: Vec<(String, Look)>,
    pub(super) time: Option<Time>,
    /// The first sender's address.
    pub(super) from: String,
    /// The addresses it went to openly.
    pub(super) recipients: Vec<String>,
}

/// A message while its facts are taken.
struct Taking<'a> {
    within: Within<'a>,
    position: Position,
    time: Option<Time>,
    facts: Vec<Facts>,
    damages: Vec<Damage>,
    looks: Vec<(String, Look)>,
}

impl Message {
    /// Takes the facts of a message; `None` if it has no header.
    pub(super) fn read(bytes: &[u8], within: &Within<'_>) -> Option<Self> {
        let position = Position::Line(within.line);
        let mut damages = Vec::new();
        let (bytes, is_cut) = without_depth(bytes);
        if is_cut {
            damages.push(limit(position, format!("more than {MAX_MESSAGES} messages within one")));
        }
        let message = MessageParser::default().parse(bytes)?;
        let mut taking =
            Taking { within: *within, position, time: None, facts: Vec::new(), damages, looks: Vec::new() };
        taking.message(&message, 0);
        let from = people(message.from()).into_iter().next().unwrap_or_default().address;
        let recipients = people(message.to()).into_iter().chain(people(message.cc()));
        let recipients = recipients.map(|person| person.address).collect();
        Some(Self {
            facts: taking.facts,
            damages: taking.damages,
            looks: taking.looks,
            time: taking.time,
            from,
            recipients,
        })
    }
}

/// The header as it was sent: a part's offset is where its body begins.
fn header<'m>(message: &'m mail_parser::Message<'_>) -> &'m [u8] {
    let end = message.parts.first().map_or(0, |part| part.offset_body as usize);
    message.raw_message.get(..end).unwrap_or_default()
}

fn limit(position: Position, what: String) -> Damage {
    Damage { position, records: 0, reason: format!("limit: {what}") }
}

/// The bytes up to where too many messages stand within one another: the parser's result is as deep as they are.
fn without_depth(bytes: &[u8]) -> (&[u8], bool) {
    let nests = |at: &usize| {
        let word = bytes.get(at + 1..at + 7).unwrap_or_default();
        [&b"rfc822"[..], b"digest", b"global"].iter().any(|kind| word.eq_ignore_ascii_case(kind))
    };
    match memchr::memchr_iter(b'/', bytes).filter(nests).nth(MAX_MESSAGES) {
        Some(at) => (bytes.get(..at).unwrap_or_default(), true),
        None => (bytes, false),
    }
}

impl Taking<'_> {
    fn message(&mut self, message: &mail_parser::Message<'_>, depth: usize) {
        let time = time(message);
        // What lies within has the time of the mail it came with.
        self.time = self.time.or(time).or(self.within.came);
        let mut facts = Facts::new(Kind::Mail, self.position, self.time.or(Some(Time::from_nanos(0))));
        facts.tell("Inside", self.within.inside);
        facts.hold(header(message));
        if depth > 0 {
            facts.count("Depth", depth as u64);
        }
        let sender = sender_of(message);
        let subject = message.subject().unwrap_or_default();
        facts.tell("Subject", beginning(subject, 1000));
        authentication::tell(message.headers_raw(), self.within.organisation, &mut facts);
        sender.tell(self.within.known, self.within.organisation, &mut facts);
        for trick in tricks(subject) {
            facts.tell("SubjectTrick", trick);
        }
        if message.header("List-Id").is_some() || message.header("List-Unsubscribe").is_some() {
            facts.tell("Bulk", "list header");
        }
        let mut nested = Vec::new();
        let body = self.parts(message, &mut facts, &mut nested);
        self.body(&body, &sender, subject, &mut facts);
        self.facts.push(facts);
        for inner in nested {
            if depth < MAX_DEPTH {
                self.message(inner, depth + 1);
            } else {
                self.damages.push(limit(self.position, format!("more than {MAX_DEPTH} messages within one another")));
            }
        }
    }

    /// Goes through the parts: text and pages come back, files are told.
    fn parts<'m>(
        &mut self,
        message: &'m mail_parser::Message<'_>,
        facts: &mut Facts,
        nested: &mut Vec<&'m mail_parser::Message<'m>>,
    ) -> Body {
        let (mut body, mut files) = (Body::default(), Vec::new());
        if message.parts.len() > MAX_PARTS {
            self.damages.push(limit(self.position, format!("more than {MAX_PARTS} parts in a mail")));
        }
        for part in message.parts.iter().take(MAX_PARTS) {
            let name = part.attachment_name();
            let is_text = name.is_none() && !is_attached(part);
            match &part.body {
                PartType::Text(text) if is_text => body.add_text(text),
                PartType::Html(html) if is_text => body.add_page(html),
                PartType::Text(text) | PartType::Html(text) => files.push((part, text.as_bytes())),
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => files.push((part, bytes)),
                PartType::Message(inner) => nested.push(inner),
                PartType::Multipart(_) => {}
            }
        }
        if files.is_empty() {
            return body;
        }
        // Behind the text, which may name their passwords.
        let subject = message.subject().unwrap_or_default();
        let mut opener = Opener::new(format!("{subject}\n{}\n{}", body.text, body.page.text));
        for (part, bytes) in files {
            self.file(part, bytes, facts, &mut body, &mut opener);
        }
        body
    }

    /// Tells a file, and in the mail's facts what it is.
    fn file(&mut self, part: &MessagePart<'_>, bytes: &[u8], mail: &mut Facts, body: &mut Body, opener: &mut Opener) {
        let file = File::read(part.attachment_name().unwrap_or_default(), bytes, opener);
        self.damages.extend(file.damages(self.position));
        match file.kind {
            "PNG" | "JPEG" | "GIF" => body.pictures += 1,
            "ICS" => body.calendar(bytes, mail),
            "HTML" | "SVG" => page_facts("Attached", &Page::read(&String::from_utf8_lossy(bytes)), mail),
            "OOXML" => template(bytes, mail),
            _ => {}
        }
        mail.tell("Attachment", file.name.clone());
        mail.tell("AttachmentType", file.kind);
        named(&file.name, file.kind, mail);
        let mut facts = self.file_facts(&file.name, &file.name, bytes);
        for member in file.members.iter().filter(|_| file.kind != "OOXML") {
            let name = last_part(&member.path);
            mail.tell("Member", name);
            named(name, member.kind, mail);
            // Of other archives the file's own facts have it.
            facts.tell("Member", if file.kind == "ZIP" { name } else { "" });
        }
        if file.is_encrypted {
            mail.tell("EncryptedArchive", file.name.clone());
            facts.tell("Encrypted", if file.kind == "ZIP" { "true" } else { "" });
        }
        if file.password.is_some() {
            mail.tell("PasswordInText", file.name.clone());
        }
        self.facts.push(facts);
        for (path, bytes) in &file.opened {
            let facts = self.file_facts(&format!("{}!/{path}", file.name), last_part(path), bytes);
            self.facts.push(facts);
        }
    }

    /// The facts of a file by itself.
    fn file_facts(&mut self, path: &str, name: &str, bytes: &[u8]) -> Facts {
        let mut facts = Facts::new(Kind::File, self.position, self.time.or(Some(Time::from_nanos(0))));
        facts.tell("Inside", self.within.inside);
        facts.tell("Path", path);
        facts.hold(bytes);
        let position = self.position;
        let mut look = crate::file::facts(name, bytes, &mut facts);
        self.damages.extend(look.damages.drain(..).map(|reason| Damage {
            position,
            records: 0,
            reason: format!("'{path}': {reason}"),
        }));
        self.looks.push((format!("{}!/{path}", self.within.inside), look));
        facts
    }

    /// Tells what is written, and where it leads.
    fn body(&self, body: &Body, sender: &Sender, subject: &str, facts: &mut Facts) {
        let Within { known, organisation, .. } = self.within;
        let mut links = body.page.links.clone();
        links.extend(links::in_text(&body.text).into_iter().map(|address| (address, String::new())));
        let targets = links.iter().map(|(address, _)| address);
        [&body.text, &body.page.text]
            .into_iter()
            .chain(targets)
            .for_each(|text| facts.hold(format!("{text}\n").as_bytes()));
        facts.count("Links", links.len() as u64);
        facts.count("Images", body.page.images + body.pictures);
        for (field, value) in links::facts(&links, &sender.domain(), known, organisation) {
            facts.tell(field, value);
        }
        let read = normalised(beginning(&body.page.text, MAX_TEXT));
        let plain = normalised(beginning(&body.text, MAX_TEXT));
        let read = if read.len() > 20 { read } else { plain.clone() };
        let words = read.split(' ').filter(|word| !word.is_empty()).count() as u64;
        facts.count("Words", words);
        let subject_words = normalised(subject);
        let name = sender.from.first().map(|person| normalised(&person.name)).unwrap_or_default();
        let other = if plain == read { "" } else { plain.as_str() };
        let all = format!("{name}|{subject_words}|{read}|{other}");
        for topic in known.topics.touched(&all) {
            for phrase in &topic.phrases {
                facts.tell("Wording", format!("{}: {phrase}", topic.name));
            }
            if topic.is_enough {
                facts.tell("Topic", topic.name);
            }
        }
        for topic in known.topics.touched(&format!("{name}|{subject_words}")) {
            facts.tell("TopicOfSubject", topic.name);
        }
        sender::foreign_brands(sender, subject, &read, known, facts);
        page_facts("", &body.page, facts);
        if words < 25 && body.page.images + body.pictures > 0 && !links.is_empty() {
            facts.tell("Page", "picture in place of text");
        }
        if words < 25 && !links.is_empty() && body.page.images + body.pictures == 0 {
            facts.tell("Page", "hardly more than a link");
        }
        if body.page.hidden > 400 && body.page.hidden > words {
            facts.tell("Page", "much that is hidden");
        }
    }
}

/// What is written in a mail.
#[derive(Default)]
struct Body {
    text: String,
    page: Page,
    /// Pictures in the mail itself.
    pictures: u64,
}

impl Body {
    fn add_text(&mut self, text: &str) {
        if self.text.len() < MAX_TEXT {
            self.text.push_str(beginning(text, MAX_TEXT));
            self.text.push('\n');
        }
    }

    /// A mail may have several pages, which are shown one below the other.
    fn add_page(&mut self, html: &str) {
        let page = Page::read(html);
        let known = &mut self.page;
        known.text.push_str(&page.text);
        known.text.push(' ');
        let room = super::page::MAX_LINKS.saturating_sub(known.links.len());
        known.links.extend(page.links.into_iter().take(room));
        known.hidden += page.hidden;
        known.images += page.images;
        known.pixels += page.pixels;
        known.has_form |= page.has_form;
        known.asks_password |= page.asks_password;
        known.has_script |= page.has_script;
        known.makes_file |= page.makes_file;
        known.refresh = known.refresh.take().or(page.refresh);
        known.base = known.base.take().or(page.base);
    }

    /// What an invitation says is part of what is written (RFC 5545).
    fn calendar(&mut self, bytes: &[u8], facts: &mut Facts) {
        facts.tell("Calendar", "invitation");
        let text = String::from_utf8_lossy(bytes.get(..MAX_TEXT).unwrap_or(bytes));
        let unfolded = text.replace("\r\n ", "").replace("\n ", "");
        for line in unfolded.lines() {
            if let Some((_, value)) = line.split_once(':').filter(|(name, _)| {
                name.starts_with("DESCRIPTION") || name.starts_with("SUMMARY") || name.starts_with("LOCATION")
            }) {
                self.add_text(&value.replace("\\n", "\n").replace("\\,", ","));
            }
        }
    }
}

fn page_facts(prefix: &str, page: &Page, facts: &mut Facts) {
    let field = if prefix.is_empty() { "Page" } else { "AttachedPage" };
    let signs = [
        (page.has_form, "form"),
        (page.asks_password, "asks for a password"),
        (page.has_script, "script"),
        (page.makes_file, "makes a file"),
        (page.refresh.is_some(), "goes elsewhere by itself"),
        (page.base.is_some(), "base address"),
        (page.pixels > 0, "unseen picture"),
    ];
    for (_, sign) in signs.iter().filter(|(is_there, _)| *is_there) {
        facts.tell(field, *sign);
    }
}

/// Tells a template that a document fetches (ECMA-376, part 1, section 11.3.12: attachedTemplate).
fn template(bytes: &[u8], facts: &mut Facts) {
    const MAX_RELATIONS: u64 = 64 << 10;
    use std::io::Read;
    let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(bytes)) else { return };
    let Ok(relations) = archive.by_name("word/_rels/settings.xml.rels") else { return };
    let mut text = String::new();
    if relations.take(MAX_RELATIONS).read_to_string(&mut text).is_err() {
        return;
    }
    let targets = text.split("Target=").skip(1).filter_map(|rest| rest.get(1..)?.split(['"', '\'']).next());
    for target in targets.filter(|target| target.starts_with("http") || target.starts_with("\\\\")) {
        facts.tell("RemoteTemplate", target);
    }
}

/// Tells in the mail's facts what a file is for, by its name and kind, and how its name deceives.
fn named(name: &str, kind: &str, mail: &mut Facts) {
    if let Some(role) = attached::role(name, kind) {
        mail.tell(role, name);
    }
    for trick in attached::tricks(name, kind) {
        mail.tell("FileTrick", format!("{trick}: {name}"));
    }
}

fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Whether a part says that it is a file and no text to be read.
fn is_attached(part: &MessagePart<'_>) -> bool {
    let kind = part
        .content_type()
        .map(|kind| (kind.ctype().to_ascii_lowercase(), kind.subtype().unwrap_or_default().to_ascii_lowercase()));
    let is_calendar = kind.is_some_and(|(kind, subtype)| kind == "text" && subtype == "calendar");
    is_calendar || part.content_disposition().is_some_and(|disposition| disposition.is_attachment())
}

/// When a mail was sent: its Date, or what the newest relay noted.
fn time(message: &mail_parser::Message<'_>) -> Option<Time> {
    let date = message.date().filter(|date| date.is_valid());
    let received = message.received().and_then(|received| received.date());
    let of = |date: &mail_parser::DateTime| moment(date);
    date.and_then(of).or_else(|| received.filter(|date| date.is_valid()).as_ref().and_then(of))
}

/// A date as a moment.
pub(super) fn moment(date: &mail_parser::DateTime) -> Option<Time> {
    date.to_timestamp().checked_mul(1_000_000_000).map(Time::from_nanos)
}

fn sender_of(message: &mail_parser::Message<'_>) -> Sender {
    let envelope = match message.return_path() {
        HeaderValue::Text(text) => text.to_string(),
        HeaderValue::TextList(list) => list.first().map(ToString::to_string).unwrap_or_default(),
        HeaderValue::Address(address) => {
            people(Some(address)).into_iter().next().map(|person| person.address).unwrap_or_default()
        }
        _ => String::new(),
    };
    let envelope = envelope.trim().trim_matches(['<', '>']).to_owned();
    Sender { from: people(message.from()), reply_to: people(message.reply_to()), envelope }
}

/// The people of a header. Words without an address before a name with one belong to that name, whose comma somebody forgot to quote:
/// `Marsh, Helen <h@a.example>`.
fn people(address: Option<&Address<'_>>) -> Vec<Person> {
    let person = |addr: &mail_parser::Addr<'_>| Person {
        name: beginning(addr.name().unwrap_or_default(), 500).to_owned(),
        address: beginning(addr.address().unwrap_or_default(), 500).to_owned(),
    };
    let mut people: Vec<Person> = Vec::new();
    for mut person in address.into_iter().flat_map(|address| address.iter().take(50).map(person)) {
        if person.address.contains('@') && !person.name.is_empty() {
            while let Some(before) = people.pop_if(|before| before.words().is_some()) {
                person.name = format!("{}, {}", before.words().unwrap_or_default(), person.name);
            }
        }
        people.push(person);
    }
    people
}

impl Person {
    /// Words that are no address, if they are all there is.
    fn words(&self) -> Option<&str> {
        match (self.name.as_str(), self.address.as_str()) {
            (words, "") | ("", words) if !words.is_empty() && !words.contains('@') => Some(words),
            _ => None,
        }
    }
}
