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
        let (keeper, _) = Keeper::of(&Mail::and_mailboxes(Arc::clone(&organisation), None).0, mail.as_bytes());
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
    let packed = ["Job description.pdf", "Viewer.exe"].map(|name| format!("more.7z!/Offer/{name}"));
    let paths = [&["offer.zip", "offer.zip!/Job offer.pdf", "more.7z"].map(str::to_owned)[..], &packed].concat();
    assert_eq!(opened.values("Path"), paths);
    assert_eq!(opened.values("Type")[..3], ["ZIP", "ELF", "7Z"]);
    assert_eq!(opened.values("FileTrick"), ["program by content, not by name: Job offer.pdf"]);
    assert!(opened.values("Program").contains(&"Viewer.exe"));
    let closed = mail("The password comes by Signal.");
    assert_eq!((closed.values("PasswordInText").len(), closed.values("EncryptedArchive")), (0, vec!["offer.zip"]));
    assert_eq!(closed.values("Type")[..2], ["ZIP", "7Z"]);
}

/// A mail with files attached.
fn with_files(text: &str, files: &[(&str, &[u8])]) -> String {
    let parts: String = files.iter().map(|(name, bytes)| attached(name, bytes)).collect();
    format!(
        "{HEADER}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n{parts}--b--\r\n"
    )
}

fn zipped(name: &str, bytes: &[u8], options: zip::write::SimpleFileOptions) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file(name, options).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A tar archive of one file (POSIX.1-2017, pax, "ustar Interchange Format").
fn tarred(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let padding = vec![0; bytes.len().next_multiple_of(512) - bytes.len() + 1024];
    [&header[..], bytes, &padding].concat()
}

/// Made by genisoimage: `a.txt` and `sub/long name.bin`.
fn image() -> Vec<u8> {
    use std::io::Read;
    let path = format!("{}/tests/archives/udf-and-iso.iso.gz", env!("CARGO_MANIFEST_DIR"));
    let mut image = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut image).unwrap();
    image
}

#[test]
fn what_lies_in_containers_within_one_another_is_found() {
    let program: &[u8] = b"\x7fELF harmless";
    let plain = zip::write::SimpleFileOptions::default();
    let locked = plain.with_aes_encryption(zip::AesMode::Aes256, "Kestrel-25");
    let zip = zipped("Offer/CV.pdf.exe", program, plain);
    let udf = {
        let mut image = image();
        for sector in 16..20 {
            if &image[sector * 2048 + 1..sector * 2048 + 6] == b"CD001" {
                image[sector * 2048 + 1..sector * 2048 + 6].copy_from_slice(b"BEA01");
            }
        }
        image
    };
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("a.zip", zipped("in.zip", &zip, plain), "a.zip!/in.zip!/Offer/CV.pdf.exe"),
        ("a.zip", zipped("in.zip", &zipped("CV.pdf.exe", program, locked), plain), "a.zip!/in.zip!/CV.pdf.exe"),
        ("a.zip", zipped("in.zip", &zip, locked), "a.zip!/in.zip!/Offer/CV.pdf.exe"),
        ("cv.tgz", gzipped(&tarred("CV.pdf.exe", program)), "cv.tgz!/CV.pdf.exe"),
        ("cv.tar", tarred("in.zip", &zip), "cv.tar!/in.zip!/Offer/CV.pdf.exe"),
        ("CV.pdf.exe.gz", gzipped(program), "CV.pdf.exe.gz!/CV.pdf.exe"),
        ("disk.iso", image(), "disk.iso!/sub/long name.bin"),
        ("disk.zip", zipped("disk.iso", &image(), plain), "disk.zip!/disk.iso!/sub/long name.bin"),
        ("scan.dat", udf, "scan.dat!/sub/long name.bin"),
    ];
    for (name, bytes, path) in cases {
        let keeper = Keeper::mail(&with_files("The password is Kestrel-25.", &[(name, &bytes)]));
        assert!(keeper.values("Path").contains(&path), "{name}: {:?}", keeper.values("Path"));
        assert!(keeper.values("Member").contains(&path.rsplit('/').next().unwrap()), "{name}");
        if path.ends_with("exe") {
            assert_eq!(keeper.values("FileTrick"), ["double ending: CV.pdf.exe"], "{name}");
        } else {
            assert!(keeper.values("Disk").len() == 1, "{name}");
        }
    }
    let mut deep = zip;
    for _ in 0..5 {
        deep = zipped("in.zip", &deep, plain);
    }
    let (_, output) = Keeper::of(&Mail::default(), with_files("", &[("a.zip", &deep)]).as_bytes());
    assert!(output.damages[0].reason.contains("since it lies in 4 archives"), "{:?}", output.damages);
}

/// A document within does not make a document of an archive, nor does a document hide a program.
#[test]
fn archives_that_look_like_documents_are_opened() {
    use std::io::Write;
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let document = zipped("[Content_Types].xml", b"<Types/>", stored);
    let archive = |files: &[(&str, &[u8])]| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, stored).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    let of = |files: &[(&str, &[u8])]| {
        let keeper = Keeper::mail(&with_files("", &[("a.zip", &archive(files))]));
        keeper.values("Path").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let within = of(&[("CV.docx", &document), ("Offer.pdf", b"\x7fELF")]);
    assert_eq!(within, ["a.zip", "a.zip!/CV.docx", "a.zip!/Offer.pdf"]);
    let beside = of(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>"), ("Viewer.exe", b"MZ")]);
    assert_eq!(beside, ["a.zip", "a.zip!/Viewer.exe"]);
}

#[test]
fn what_stays_closed_is_said() {
    for (name, bytes) in
        [("a.cab", &b"MSCF\0\0\0\0"[..]), ("a.ace", b"\0\x01\x02"), ("a.arj", b"\x60\xea\x01\0"), ("a", b"vhdxfile")]
    {
        let (_, output) = Keeper::of(&Mail::default(), with_files("", &[(name, bytes)]).as_bytes());
        assert_eq!(output.notes.len(), 1, "{name}");
        assert!(output.notes[0].contains("whose members were not looked at"), "{:?}", output.notes);
    }
}

#[test]
fn messages_that_are_attached_as_files_are_read_as_such() {
    let inner = with_files("The password is Kestrel-25.", &[("Offer.pdf.exe", b"MZ")]);
    let plain = zip::write::SimpleFileOptions::default();
    for (name, bytes) in [
        ("report.eml", inner.as_bytes().to_vec()),
        ("no-ending", inner.as_bytes().to_vec()),
        ("reported.zip", zipped("a/report.eml", inner.as_bytes(), plain)),
    ] {
        let keeper = Keeper::mail(&with_files("see below", &[(name, &bytes)]));
        assert_eq!(keeper.values("Depth"), ["1"], "{name}");
        assert_eq!(keeper.values("FileTrick"), ["double ending: Offer.pdf.exe"], "{name}");
        assert!(keeper.values("Inside").iter().all(|inside| *inside == "x.eml"));
    }
    let mut deep = inner.clone();
    for _ in 0..5 {
        deep = with_files("", &[("report.eml", deep.as_bytes())]);
    }
    let (keeper, output) = Keeper::of(&Mail::default(), deep.as_bytes());
    assert_eq!(keeper.values("Depth"), ["4", "3", "2", "1"]);
    assert_eq!(output.damages[0].reason, "limit: more than 4 messages within one another");
    let many: Vec<(&str, &[u8])> = vec![("r.eml", inner.as_bytes()); 60];
    let (_, output) = Keeper::of(&Mail::default(), with_files("", &many).as_bytes());
    assert_eq!(output.damages[0].reason, "limit: more than 50 messages within one");
}

#[test]
fn every_limit_that_was_hit_is_told() {
    let of = |body: &str| {
        let (_, output) = Keeper::of(&Mail::default(), format!("{HEADER}{body}").as_bytes());
        output.damages.into_iter().map(|damage| damage.reason).collect::<Vec<_>>()
    };
    let told = |body: &str, what: &str| {
        let reasons = of(body);
        assert!(
            reasons.iter().any(|reason| reason.starts_with("limit: ") && reason.contains(what)),
            "{what}: {reasons:?}"
        );
    };
    let page = "Content-Type: text/html\r\n\r\n";
    told(&format!("\r\n{}", "some words ".repeat(40_000)), "bytes of the text of a mail");
    told(&format!("{page}{}", "<p>some words".repeat(40_000)), "bytes of the text of a page");
    told(&format!("{page}{}", "<i>".repeat(2 << 20)), "bytes of a page");
    told(&format!("{page}{}", "<a href=https://a.example>x</a>".repeat(1001)), "links of a page");
    told(&format!("\r\n{}", "https://a.example ".repeat(1001)), "addresses of a text");
    let hosts: String = (0..300).map(|n| format!("https://a{n}.example ")).collect();
    told(&format!("\r\n{hosts}"), "facts of links");
    assert_eq!(of("\r\nShort."), [""; 0]);
}

#[test]
fn of_a_mail_that_is_too_long_the_beginning_is_read() {
    let mail =
        format!("{}{}", with_files("Open it only with this reader", &[("Offer.pdf.exe", b"MZ")]), "x".repeat(80 << 20));
    let (keeper, output) = Keeper::of(&Mail::default(), mail.as_bytes());
    assert_eq!(keeper.values("FileTrick"), ["double ending: Offer.pdf.exe"]);
    assert!(output.damages[0].reason.starts_with("limit: "), "{:?}", output.damages);
    assert_eq!(output.records, 1);
}

#[test]
fn an_own_domain_counts_where_nothing_disagrees_or_a_receiver_confirms_it() {
    let organisation = Organisation {
        domains: vec!["kestrel-uav.example".into(), "kestrel.example".into()],
        receivers: vec!["mx.kestrel-uav.example".into()],
        ..Organisation::default()
    };
    let organisation = Arc::new(organisation);
    let of = |headers: &str| {
        let mail = format!("From: it@kestrel-uav.example\r\nTo: x@y.example\r\nSubject: s\r\n{headers}\r\ntext");
        let (keeper, _) = Keeper::of(&Mail::and_mailboxes(Arc::clone(&organisation), None).0, mail.as_bytes());
        keeper.values("SenderKind").join(",")
    };
    let doubted = "own, not confirmed";
    let confirmed = "Authentication-Results: mx.kestrel-uav.example; dmarc=pass header.from=kestrel-uav.example\r\n";
    let other = "Authentication-Results: mx.elsewhere.example; dmarc=pass header.from=kestrel-uav.example\r\n";
    for (headers, expected) in [
        ("", "own"),
        ("Reply-To: help@kestrel.example\r\nReturn-Path: <a@mail.kestrel-uav.example>\r\n", "own"),
        ("Return-Path: <>\r\n", "own"),
        ("Reply-To: it.kestrel@gmail.com\r\n", doubted),
        ("Return-Path: <b@bounce.example>\r\n", doubted),
        (&format!("Return-Path: <b@bounce.example>\r\n{confirmed}"), "own"),
        (&format!("Return-Path: <b@bounce.example>\r\n{other}"), doubted),
        ("Authentication-Results: mx.kestrel-uav.example; dmarc=fail header.from=kestrel-uav.example\r\n", doubted),
    ] {
        assert_eq!(of(headers), expected, "{headers}");
    }
}

#[test]
fn what_looks_like_ours_is_told_wherever_it_stands() {
    let organisation =
        Arc::new(Organisation { domains: vec!["kestrel-uav.example".into()], ..Organisation::default() });
    let of = |head: &str, body: &str, field: &str| {
        let mail = format!("{head}To: x@y.example\r\nSubject: s\r\n\r\n{body}");
        let (keeper, _) = Keeper::of(&Mail::and_mailboxes(Arc::clone(&organisation), None).0, mail.as_bytes());
        keeper.values(field).join(",")
    };
    let from = "From: Anna <a@partner.example>\r\n";
    let reply = format!("{from}Reply-To: b@kestrei-uav.example\r\n");
    assert_eq!(of(&reply, "", "LookAlikeReply"), "kestrei-uav.example");
    let envelope = format!("{from}Return-Path: <b@kestrel-uav-it.example>\r\n");
    assert_eq!(of(&envelope, "", "LookAlikeEnvelope"), "kestrel-uav-it.example");
    let link =
        "see https://portal.kestrel-uav-login.example/x and https://kestrel-uav.example/y, https://kestrel-uav.org";
    assert_eq!(of(from, link, "LookAlikeLink"), "portal.kestrel-uav-login.example");
    let shown = "From: \"Anna Berg <a.berg@kestrel-uav.example>\" <a.berg@gmail.com>\r\n";
    assert_eq!(of(shown, "", "NameShowsOurs"), "kestrel-uav.example");
    let below = "From: it@kestrel-uav.login-portal.example\r\n";
    assert_eq!(of(below, "", "LookAlikeHow"), "below another");
    assert_eq!(of(from, "", "LookAlikeOfOurs"), "");
}

#[test]
fn invitations_are_read_with_all_that_they_lead_to() {
    let invitation = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nORGANIZER;CN=\"HR: Airbus\":mailto:hr@elsewhere.example\r\n\
        SUMMARY:Job interview\r\nURL:https://url.example/a\r\nATTACH;FMTTYPE=application/zip:https://atta\r\n ch.example/b\r\n\
        ATTACH;FMTTYPE=application/x;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=\"Test.pdf.exe\":TVqQAAMA\r\n\
        X-ALT-DESC;FMTTYPE=text/html:<a href=\"https://html.example/c\">Join</a>\r\n\
        X-MEETING-JOIN:https://join.example/d\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let keeper = Keeper::mail(&with_files("", &[("invite.ics", invitation.as_bytes())]));
    let mut domains = keeper.values("LinkDomain");
    domains.sort_unstable();
    assert_eq!(domains, ["attach.example", "html.example", "join.example", "url.example"]);
    assert_eq!(keeper.values("OrganizerOther"), ["hr@elsewhere.example"]);
    assert_eq!(keeper.values("FileTrick"), ["double ending: Test.pdf.exe"]);
    assert!(keeper.values("Wording").contains(&"job: job interview") || !keeper.values("Wording").is_empty());
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
