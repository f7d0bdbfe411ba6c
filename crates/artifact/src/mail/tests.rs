use std::sync::Arc;

use event::{Event, Everything, Piece, Time};
use evidence::{Format, Output};

use super::{Mail, Mbox, Organisation, known::Known};

/// Keeps all facts it is shown: the kind, then the fields.
#[derive(Default)]
struct Keeper(Vec<(String, Vec<(String, String)>)>);

impl Keeper {
    fn of(format: &dyn Format, bytes: &[u8]) -> (Self, Output) {
        assert!(format.recognises(bytes, ""), "not recognised: {}", String::from_utf8_lossy(bytes));
        let (mut cutter, mut reader, mut input) = (format.cutter(), format.reader(), bytes);
        let (mut keeper, mut output) = (Self::default(), Output::default());
        let piece = Arc::new(Piece { path: "x.eml".into() });
        let mut keep = Everything(|event: &Event<'_>| keeper.keep(event));
        while let Some(block) = cutter.cut(&mut input).unwrap() {
            reader.read(&piece, &block, &mut keep, &mut output);
        }
        (keeper, output)
    }

    fn keep(&mut self, event: &Event<'_>) {
        let mut fields = Vec::new();
        event.record.visit(&mut |name, value| fields.push((name.to_owned(), value.text().into_owned())));
        fields.push(("time".into(), event.time.map(|time| time.to_string()).unwrap_or_default()));
        self.0.push((event.record.source().channel.to_owned(), fields));
    }

    fn mail(bytes: &str) -> Self {
        let (keeper, output) = Self::of(&Mail::default(), bytes.as_bytes());
        assert_eq!(output.damages, []);
        keeper
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.0.iter().flat_map(|(_, fields)| fields);
        fields.filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }
}

const HEADER: &str = "From: \"Airbus Talent\" <a.b@airbus-jobs.example>\r\nTo: x@y.example\r\nSubject: =?utf-8?B?U3RlbGxlbmFuZ2Vib3Q=?=\r\nDate: Mon, 10 Mar 2025 09:24:00 +0100\r\n";

#[test]
fn the_shipped_data_is_right() {
    let known = Known::shipped();
    assert!(known.brands.all.len() > 100);
    assert_eq!(known.topics.touched(" nothing to see "), []);
    let names: Vec<_> = known.topics.touched(" free job description ").into_iter().map(|topic| topic.name).collect();
    assert_eq!(names, ["job"]);
}

#[test]
fn a_mail_gives_facts_of_sender_words_and_links() {
    let keeper = Keeper::mail(&format!(
        "{HEADER}Reply-To: c@gmail.com\r\nReturn-Path: <z@other.example>\r\nContent-Type: text/html\r\n\r\n\
         <p>Open it only with the PDF reader: <a href=\"https://bit.ly/x\">www.airbus.com</a></p>"
    ));
    assert_eq!(keeper.values("Subject"), ["Stellenangebot"]);
    assert_eq!(keeper.values("time"), ["2025-03-10T08:24:00Z"]);
    assert_eq!(keeper.values("BrandInName"), ["Airbus"]);
    assert_eq!(keeper.values("LookAlikeOfBrand"), ["airbus.com"]);
    assert_eq!(keeper.values("ReplyToPrivate"), ["c@gmail.com"]);
    assert_eq!(keeper.values("EnvelopeDomain"), ["other.example"]);
    assert_eq!(keeper.values("ShortLink"), ["bit.ly"]);
    assert_eq!(keeper.values("DisguisedBrandLink"), ["www.airbus.com → bit.ly"]);
    assert_eq!(keeper.values("Topic"), ["job", "reader"]);
    assert_eq!(keeper.values("Inside"), ["x.eml"]);
}

#[test]
fn attached_files_are_told_by_content() {
    let keeper = Keeper::mail(&format!(
        "{HEADER}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee below\r\n--b\r\n\
         Content-Type: application/pdf; name=\"Offer.pdf.exe\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nTVqQAAMA\r\n--b--\r\n"
    ));
    assert_eq!(keeper.0.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["file", "mail"]);
    assert_eq!((keeper.values("AttachmentType"), keeper.values("Type")), (vec!["PE"], vec!["DOS"]));
    assert_eq!(keeper.values("Program"), ["Offer.pdf.exe"]);
    assert_eq!(keeper.values("FileTrick"), ["double ending: Offer.pdf.exe"]);
    assert_eq!(keeper.values("Inside"), ["x.eml", "x.eml"]);
}

#[test]
fn a_mailbox_is_cut_into_its_messages() {
    let message = |n: u32| {
        format!(
            "From a@b.example Wed Aug 21 16:23:53 2002\nFrom: {n}@b.example\nTo: c@d.example\nSubject: s\n\nText\nFrom here on\n\nFrom there on\n\n"
        )
    };
    let (keeper, output) = Keeper::of(&Mbox::default(), format!("{}{}", message(1), message(2)).as_bytes());
    assert_eq!((output.records, output.damages.len()), (2, 0));
    assert_eq!(keeper.values("From"), ["1@b.example", "2@b.example"]);
    assert_eq!(keeper.values("Inside"), ["x.eml#L1", "x.eml#L11"]);
}

#[test]
fn messages_within_messages_have_facts_of_their_own_up_to_a_limit() {
    let nest = |depth: usize| {
        let inner = "Content-Type: message/rfc822\r\n\r\nFrom: i@i.example\r\n".repeat(depth);
        format!("{HEADER}{inner}Subject: inner\r\n\r\ntext")
    };
    let (keeper, output) = Keeper::of(&Mail::default(), nest(2).as_bytes());
    assert_eq!((keeper.values("Depth"), output.damages.len()), (vec!["1", "2"], 0));
    let (_, output) = Keeper::of(&Mail::default(), nest(50_000).as_bytes());
    let reasons: Vec<_> = output.damages.iter().map(|damage| damage.reason.as_str()).collect();
    assert_eq!(reasons, ["limit: more than 50 messages within one", "limit: more than 4 messages within one another"]);
}

#[test]
fn ten_thousand_parts_cost_little_and_are_told() {
    let part = "--b\r\nContent-Type: application/x\r\n\r\nx\r\n";
    let mail = format!("{HEADER}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", part.repeat(10_000));
    let (keeper, output) = Keeper::of(&Mail::default(), mail.as_bytes());
    assert_eq!(keeper.0.len(), 1000);
    assert_eq!(output.damages[0].reason, "limit: more than 1000 parts in a mail");
}

#[test]
fn the_organisations_own_domains_are_known() {
    let organisation =
        Arc::new(Organisation { domains: vec!["kestrel-uav.example".into()], ..Organisation::default() });
    let of = |from: &str| {
        let mail = format!("From: {from}\r\nTo: x@y.example\r\nSubject: s\r\n\r\ntext");
        let (keeper, _) = Keeper::of(&Mail::and_mailboxes(Arc::clone(&organisation)).0, mail.as_bytes());
        (keeper.values("SenderKind").join(","), keeper.values("LookAlikeOfOurs").join(","))
    };
    assert_eq!(of("a@mail.kestrel-uav.example"), ("own".into(), String::new()));
    assert_eq!(of("a@kestrei-uav.example"), (String::new(), "kestrel-uav.example".into()));
}

#[test]
fn a_mail_without_date_has_the_time_at_which_it_came() {
    let message = "From: a@b.example\nTo: c@d.example\nSubject: s\n\nText\n";
    let mailbox = format!("From a@b.example Wed Aug 21 16:23:53 2002\n{message}");
    let (keeper, _) = Keeper::of(&Mbox::default(), mailbox.as_bytes());
    assert_eq!(keeper.values("time"), ["2002-08-21T16:23:53Z"]);
    let modified = Some(Time::from_nanos(1_700_000_000_000_000_000));
    let mut cutter = Mail::default().cutter();
    cutter.begin(evidence::About { modified, ..evidence::About::default() });
    let block = cutter.cut(&mut message.as_bytes()).unwrap().unwrap();
    let (mut keeper, piece) = (Keeper::default(), Arc::new(Piece { path: "x.eml".into() }));
    let mut keep = Everything(|event: &Event<'_>| keeper.keep(event));
    Mail::default().reader().read(&piece, &block, &mut keep, &mut Output::default());
    assert_eq!(keeper.values("time"), ["2023-11-14T22:13:20Z"]);
}

/// Base64 of a file that is attached to a mail.
fn attached(name: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let digit = |at: usize| {
            if at <= three.len() { char::from(DIGITS[(number >> (18 - 6 * at) & 63) as usize]) } else { '=' }
        };
        text.extend((0..4).map(digit));
    }
    format!(
        "--b\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}\r\n"
    )
}

#[test]
fn archives_are_looked_into_with_the_password_that_the_mail_names() {
    use std::io::Write;
    let options = zip::write::SimpleFileOptions::default().with_aes_encryption(zip::AesMode::Aes256, "Kestrel-25");
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("Job offer.pdf", options).unwrap();
    writer.write_all(b"\x7fELF harmless").unwrap();
    let archive = writer.finish().unwrap().into_inner();
    let list = std::fs::read(format!("{}/tests/archives/packed.7z", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mail = |words: &str| {
        let parts = [attached("offer.zip", &archive), attached("more.7z", &list)].concat();
        Keeper::mail(&format!(
            "{HEADER}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{words}\r\n{parts}--b--\r\n"
        ))
    };
    let opened = mail("The password is Kestrel-25.");
    assert_eq!(opened.values("PasswordInText"), ["offer.zip"]);
    assert_eq!(opened.values("Path"), ["offer.zip", "offer.zip!/Job offer.pdf", "more.7z"]);
    assert_eq!(opened.values("Type"), ["ZIP", "ELF", "7Z"]);
    assert_eq!(opened.values("FileTrick"), ["program by content, not by name: Job offer.pdf"]);
    assert!(opened.values("Program").contains(&"Viewer.exe"));
    let closed = mail("The password comes by Signal.");
    assert_eq!((closed.values("PasswordInText").len(), closed.values("EncryptedArchive")), (0, vec!["offer.zip"]));
    assert_eq!(closed.values("Type"), ["ZIP", "7Z"]);
}

#[test]
fn other_text_is_no_mail() {
    for text in
        ["", "From here", "key: value\nother: value\nthird: x\n", "[a]\nb: c", "2026-01-01 x sshd: y", "Subject: x\n\n"]
    {
        assert!(
            !Mail::default().recognises(text.as_bytes(), "x.eml")
                && !Mbox::default().recognises(text.as_bytes(), "x.mbox"),
            "{text}"
        );
    }
}
