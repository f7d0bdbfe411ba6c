//! One message: its facts, and those of what it holds.

use event::{Damage, Position, Time};
use mail_parser::{
    Address, HeaderValue, MessageParser, MessagePart, MimeHeaders, PartType, decoders::base64::base64_decode,
};

use super::{
    attached, authentication, cut,
    known::{Known, Organisation},
    links,
    opened::Opener,
    page::{MAX_LINKS, Page, link_limit},
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

/// Most bytes of an invitation that are looked at, and most of those who send it.
const MAX_CALENDAR: usize = 4 << 20;
const MAX_ORGANIZERS: usize = 20;

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
    /// What stayed closed.
    pub(super) notes: Vec<String>,
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
    notes: Vec<String>,
    looks: Vec<(String, Look)>,
    opener: Opener,
    /// How many messages have been read.
    messages: usize,
}

/// A file of a mail.
struct Held<'a> {
    /// The path within the mail: `offer.zip!/Offer/Job.pdf`.
    path: String,
    bytes: &'a [u8],
    /// How many archives it lies in.
    depth: usize,
    is_hidden: bool,
}

impl<'a> Held<'a> {
    /// A file that is attached itself.
    const fn attached(path: String, bytes: &'a [u8]) -> Self {
        Self { path, bytes, depth: 0, is_hidden: false }
    }
}

/// What a file's message is told of it.
struct Holder<'a> {
    facts: &'a mut Facts,
    body: &'a mut Body,
    /// How many messages it lies in.
    depth: usize,
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
        let mut taking = Taking {
            within: *within,
            position,
            time: None,
            facts: Vec::new(),
            damages,
            notes: Vec::new(),
            looks: Vec::new(),
            opener: Opener::default(),
            messages: 0,
        };
        taking.message(&message, 0);
        let from = people(message.from()).into_iter().next().unwrap_or_default().address;
        let recipients = people(message.to()).into_iter().chain(people(message.cc()));
        let recipients = recipients.map(|person| person.address).collect();
        Some(Self {
            facts: taking.facts,
            damages: taking.damages,
            notes: taking.notes,
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

/// A part that is a file, and its bytes.
type Attached<'m> = (&'m MessagePart<'m>, &'m [u8]);

impl Taking<'_> {
    fn message(&mut self, message: &mail_parser::Message<'_>, depth: usize) {
        if depth > MAX_DEPTH {
            return self.limit(format!("more than {MAX_DEPTH} messages within one another"));
        }
        self.messages += 1;
        if self.messages > MAX_MESSAGES + 1 {
            return self.limit(format!("more than {MAX_MESSAGES} messages within one"));
        }
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
        let Within { known, organisation, .. } = self.within;
        let is_confirmed = authentication::tell(message.headers_raw(), &sender.domain(), organisation, &mut facts);
        sender.tell(is_confirmed, known, organisation, &mut facts);
        for trick in tricks(subject) {
            facts.tell("SubjectTrick", trick);
        }
        if message.header("List-Id").is_some() || message.header("List-Unsubscribe").is_some() {
            facts.tell("Bulk", "list header");
        }
        let (mut body, files, nested) = self.parts(message);
        // The text may name the passwords of what is attached to it or to a message within.
        let is_read = !files.is_empty() || !nested.is_empty();
        let around = is_read.then(|| self.opener.read(&format!("{subject}\n{}\n{}", body.text, body.page.text)));
        for (part, bytes) in files {
            let path = part.attachment_name().unwrap_or_default().to_owned();
            self.held(Held::attached(path, bytes), &mut Holder { facts: &mut facts, body: &mut body, depth });
        }
        for (path, bytes) in std::mem::take(&mut body.in_calendar) {
            self.held(Held::attached(path, &bytes), &mut Holder { facts: &mut facts, body: &mut body, depth });
        }
        self.body(&mut body, &sender, subject, &mut facts);
        self.facts.push(facts);
        for inner in nested {
            self.message(inner, depth + 1);
        }
        if let Some(around) = around {
            self.opener.reread(around);
        }
    }

    /// Tells once that a limit was hit.
    fn limit(&mut self, what: String) {
        let damage = limit(self.position, what);
        if !self.damages.contains(&damage) {
            self.damages.push(damage);
        }
    }

    /// Reads a message that is attached as a file, as gateways and people who report one do.
    fn enclosed(&mut self, bytes: &[u8], depth: usize) {
        let (bytes, is_cut) = without_depth(bytes);
        if is_cut {
            self.limit(format!("more than {MAX_MESSAGES} messages within one"));
        }
        if let Some(message) = MessageParser::default().parse(bytes) {
            self.message(&message, depth);
        }
    }

    /// Sorts the parts: text and pages, files, messages.
    fn parts<'m>(
        &mut self,
        message: &'m mail_parser::Message<'_>,
    ) -> (Body, Vec<Attached<'m>>, Vec<&'m mail_parser::Message<'m>>) {
        let (mut body, mut files, mut nested) = (Body::default(), Vec::new(), Vec::new());
        if message.parts.len() > MAX_PARTS {
            self.limit(format!("more than {MAX_PARTS} parts in a mail"));
        }
        for part in message.parts.iter().take(MAX_PARTS) {
            let name = part.attachment_name();
            let is_text = name.is_none() && !is_attached(part);
            match &part.body {
                PartType::Text(text) if is_text => body.add_text(text),
                PartType::Html(html) if is_text => body.add_page(html),
                PartType::Text(text) | PartType::Html(text) => files.push((part, text.as_bytes())),
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => files.push((part, bytes.as_ref())),
                PartType::Message(inner) => nested.push(inner),
                PartType::Multipart(_) => {}
            }
        }
        (body, files, nested)
    }

    /// Tells a file and those within it, and in the mail's facts what they are.
    fn held(&mut self, held: Held<'_>, mail: &mut Holder<'_>) {
        let Held { path, bytes, depth, is_hidden } = held;
        let name = if depth == 0 { path.as_str() } else { last_part(&path) };
        let kind = attached::kind(bytes);
        mail.facts.tell(if depth == 0 { "Attachment" } else { "Member" }, name);
        if depth == 0 {
            mail.facts.tell("AttachmentType", kind);
            self.shown(kind, bytes, mail);
        }
        named(name, kind, mail.facts);
        let opened = self.opener.open(&path, kind, bytes, depth);
        let position = self.position;
        self.damages.extend(opened.damages.into_iter().map(|reason| Damage { position, records: 0, reason }));
        self.notes.extend(opened.note);
        mail.facts.tell("EncryptedArchive", if opened.is_encrypted { name } else { "" });
        mail.facts.tell("PasswordInText", if opened.password.is_some() { name } else { "" });
        let mut facts = self.file_facts(&path, name, bytes);
        facts.tell("Hidden", if is_hidden { "true" } else { "" });
        // Of others the file's own facts have it.
        if !matches!(kind, "7Z" | "RAR" | "OOXML") {
            facts.tell("Encrypted", if opened.is_encrypted { "true" } else { "" });
            opened.members.iter().for_each(|member| facts.tell("Member", last_part(&member.path)));
        }
        self.facts.push(facts);
        for member in opened.members {
            match member.bytes {
                Some(bytes) => {
                    let path = format!("{path}!/{}", member.path);
                    let is_hidden = member.is_hidden;
                    self.held(Held { path, bytes: &bytes, depth: depth + 1, is_hidden }, mail);
                }
                None => {
                    let name = last_part(&member.path);
                    mail.facts.tell("Member", name);
                    named(name, "", mail.facts);
                }
            }
        }
        if cut::is_message(bytes) {
            self.enclosed(bytes, mail.depth + 1);
        }
    }

    /// What is shown with a mail although it is a file.
    fn shown(&mut self, kind: &str, bytes: &[u8], mail: &mut Holder<'_>) {
        match kind {
            "PNG" | "JPEG" | "GIF" => mail.body.pictures += 1,
            "ICS" => mail.body.calendar(bytes, mail.facts),
            "HTML" | "SVG" => {
                let page = Page::read(&String::from_utf8_lossy(bytes));
                page_facts("Attached", &page, mail.facts);
                mail.body.limits.extend(page.limits);
            }
            "OOXML" => template(bytes, mail),
            _ => {}
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
        crate::file::hashes(bytes, &mut |_| true, &mut facts);
        self.damages.extend(look.damages.drain(..).map(|reason| Damage {
            position,
            records: 0,
            reason: format!("'{path}': {reason}"),
        }));
        self.looks.push((format!("{}!/{path}", self.within.inside), look));
        facts
    }

    /// Tells what is written, and where it leads.
    fn body(&mut self, body: &mut Body, sender: &Sender, subject: &str, facts: &mut Facts) {
        let Within { known, organisation, .. } = self.within;
        let mut links = std::mem::take(&mut body.page.links);
        let in_text = links::in_text(&body.text);
        if in_text.len() >= MAX_LINKS {
            body.limits.push(format!("the first {MAX_LINKS} addresses of a text were looked at, and no more"));
        }
        links.extend(in_text.into_iter().map(|address| (address, String::new())));
        let targets = links.iter().map(|(address, _)| address);
        [&body.text, &body.page.text]
            .into_iter()
            .chain(targets)
            .for_each(|text| facts.hold(format!("{text}\n").as_bytes()));
        facts.count("Links", links.len() as u64);
        facts.count("Images", body.page.images + body.pictures);
        let of_links = links::facts(&links, &sender.domain(), known, organisation);
        if of_links.len() >= links::MAX_FACTS {
            body.limits.push(format!("{} facts of links were told, and no more", links::MAX_FACTS));
        }
        of_links.into_iter().for_each(|(field, value)| facts.tell(field, value));
        sender.organizers(&body.organizers, facts);
        sender::look_alike_links(&links, known, organisation, facts);
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
        let limits = body.limits.drain(..).chain(body.page.limits.drain(..));
        limits.for_each(|what| self.limit(what));
    }
}

/// What is written in a mail.
#[derive(Default)]
struct Body {
    text: String,
    page: Page,
    /// Pictures in the mail itself.
    pictures: u64,
    /// The addresses of those who send invitations.
    organizers: Vec<String>,
    /// Files that stand in an invitation itself.
    in_calendar: Vec<(String, Vec<u8>)>,
    /// What was not looked at.
    limits: Vec<String>,
}

impl Body {
    fn add_text(&mut self, text: &str) {
        let room = MAX_TEXT.saturating_sub(self.text.len());
        if text.len() > room {
            self.limits.push(text_limit());
        }
        self.text.push_str(beginning(text, room));
        self.text.push('\n');
    }

    /// A mail may have several pages, which are shown one below the other.
    fn add_page(&mut self, html: &str) {
        let page = Page::read(html);
        let known = &mut self.page;
        if known.text.len() + page.text.len() > MAX_TEXT {
            self.limits.push(text_limit());
        }
        known.text.push_str(beginning(&page.text, MAX_TEXT.saturating_sub(known.text.len())));
        known.text.push(' ');
        let room = MAX_LINKS.saturating_sub(known.links.len());
        if page.links.len() > room {
            self.limits.push(link_limit());
        }
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
        self.limits.extend(page.limits);
    }

    /// What an invitation says is part of what is written (RFC 5545).
    fn calendar(&mut self, bytes: &[u8], facts: &mut Facts) {
        facts.tell("Calendar", "invitation");
        if bytes.len() > MAX_CALENDAR {
            self.limits.push(format!("{MAX_CALENDAR} bytes of an invitation were looked at, and no more"));
        }
        let text = String::from_utf8_lossy(bytes.get(..MAX_CALENDAR).unwrap_or(bytes));
        // Lines are folded (3.1).
        let unfolded = text.replace("\r\n ", "").replace("\n ", "").replace("\r\n\t", "").replace("\n\t", "");
        unfolded.lines().filter_map(property).for_each(|property| self.property(&property));
    }

    /// Takes what a person is shown of an invitation, and where it leads.
    fn property(&mut self, Property { name, parameters, value }: &Property<'_>) {
        let plain = || value.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";");
        match name.as_str() {
            "DESCRIPTION" | "SUMMARY" | "LOCATION" | "COMMENT" | "CONTACT" => self.add_text(&plain()),
            "X-ALT-DESC" => self.add_page(&plain()),
            "ORGANIZER" if self.organizers.len() < MAX_ORGANIZERS => {
                let is_mail = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
                self.organizers.extend(value.get(7..).filter(|_| is_mail).map(str::to_owned));
            }
            "ATTACH" if parameters.to_ascii_uppercase().contains("ENCODING=BASE64") => {
                let names = ["FILENAME", "X-FILENAME", "X-APPLE-FILENAME"];
                let mut given = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
                let name = given.find(|(name, _)| names.contains(&name.to_ascii_uppercase().as_str()));
                let name = name.map_or("invitation", |(_, name)| name.trim_matches('"'));
                self.in_calendar.extend(base64_decode(value.as_bytes()).map(|bytes| (name.to_owned(), bytes)));
            }
            // Of any other name, as those of services for meetings.
            _ if value.starts_with("http://") || value.starts_with("https://") => self.add_text(value),
            _ => {}
        }
    }
}

/// A line of an invitation (RFC 5545, section 3.1).
struct Property<'a> {
    /// In upper case.
    name: String,
    parameters: &'a str,
    value: &'a str,
}

/// Takes a line apart; values of parameters in quotes may hold colons.
fn property(line: &str) -> Option<Property<'_>> {
    let mut is_quoted = false;
    let colon = line.bytes().position(|byte| {
        is_quoted ^= byte == b'"';
        byte == b':' && !is_quoted
    })?;
    let (name, value) = line.split_at_checked(colon)?;
    let (name, parameters) = name.split_once(';').unwrap_or((name, ""));
    Some(Property { name: name.to_ascii_uppercase(), parameters, value: value.get(1..)? })
}

fn text_limit() -> String {
    format!("{MAX_TEXT} bytes of the text of a mail were looked at, and no more")
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
fn template(bytes: &[u8], mail: &mut Holder<'_>) {
    const MAX_RELATIONS: u64 = 1 << 20;
    use std::io::Read;
    let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(bytes)) else { return };
    let Ok(relations) = archive.by_name("word/_rels/settings.xml.rels") else { return };
    let mut text = Vec::new();
    // What breaks off gives what came before.
    let _ = relations.take(MAX_RELATIONS).read_to_end(&mut text);
    if text.len() as u64 == MAX_RELATIONS {
        mail.body
            .limits
            .push(format!("{MAX_RELATIONS} bytes of what a document refers to were looked at, and no more"));
    }
    let text = String::from_utf8_lossy(&text);
    let targets = text.split("Target=").skip(1).filter_map(|rest| rest.get(1..)?.split(['"', '\'']).next());
    for target in targets.filter(|target| target.starts_with("http") || target.starts_with("\\\\")) {
        mail.facts.tell("RemoteTemplate", target);
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
