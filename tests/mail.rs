//! Mail: the lures of tests/lures and the honest mails beside them, public corpora where they are there, and `explain`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use common::{Place, Run, root, shared, skipped};

/// What the firm of the lures knows (tests/lures/README.md).
const SITE: &str = r#"
[mail]
domains = ["kestrel-uav.example"]
partners = ["rotorwerk.example", "hanbit-avionics.example", "halvorsen-composites.example"]
receivers = ["mx.example.org"]
"#;

/// `informational` … `critical` in the order of their weight.
fn weight(level: &str) -> usize {
    ["informational", "low", "medium", "high", "critical"].iter().position(|known| *known == level).unwrap()
}

/// The weightiest finding of each mail below a folder that has one.
fn worst(place: &Place, folder: &Path, more: &[&str]) -> BTreeMap<String, usize> {
    let folder = folder.display().to_string();
    let mut worst = BTreeMap::new();
    for finding in place.findings(&[&[folder.as_str()], more].concat()) {
        let path = finding["evidence"]["path"].as_str().unwrap().to_owned();
        let weight = weight(finding["level"].as_str().unwrap());
        let known = worst.entry(path).or_insert(0);
        *known = weight.max(*known);
    }
    worst
}

fn count(worst: &BTreeMap<String, usize>, level: &str) -> usize {
    worst.values().filter(|found| **found >= weight(level)).count()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn every_lure_is_found_and_no_honest_mail_above_what_a_person_would_accept() {
    let place = Place::new();
    place.file("site.toml", SITE);
    let lures = root().join("tests/lures");
    let expected = fs::read_to_string(lures.join("expected.tsv")).unwrap();
    let mut found = worst(&place, &lures.join("campaign"), &["--site", "site.toml"]);
    found.extend(worst(&place, &lures.join("resembling"), &["--site", "site.toml"]));
    let (mut wrong, mut mails) = (Vec::new(), 0);
    for line in expected.lines().skip(1).filter(|line| line.contains(".eml\t")) {
        let [file, _, _, verdict, _] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let weight = found.get(&lures.join(file).display().to_string()).copied().unwrap_or(0);
        let is_right = match verdict {
            "dangerous" => weight >= 3,
            "suspicious" => weight >= 2,
            "nothing found" => weight < 2,
            "nothing found or suspicious" => weight < 3,
            other => panic!("{other}"),
        };
        mails += 1;
        if !is_right {
            wrong.push(format!("{file}: {verdict}, found {weight}"));
        }
    }
    assert_eq!(mails, 109);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Runs a script of tests/lures; `None` and a loud remark without Python.
fn script(arguments: &[&str]) -> Option<()> {
    let script = root().join("tests/lures").join(arguments[0]);
    match Command::new("python3").arg(script).args(&arguments[1..]).stdout(Stdio::null()).status() {
        Ok(status) => assert!(status.success(), "{arguments:?}"),
        Err(_) => {
            skipped("python3 is not there");
            return None;
        }
    }
    Some(())
}

/// Rates that docs/mail.md promises: at most 1 % of honest mail suspicious and none dangerous; 60 % of phishing found, 45 % of it without traces.
#[test]
fn honest_mail_is_left_alone_and_phishing_is_found() {
    let Some(corpus) = shared("corpus/mail") else { return };
    let place = Place::new();
    let below = |name: &str| place.path().join(name).display().to_string();
    let (honest, phishing) = (corpus.join("legitimate"), corpus.join("phishing"));
    let path = |path: &Path| path.display().to_string();
    if script(&["modernise.py", &path(&honest), &below("modernised")]).is_none() {
        return;
    }
    script(&["strip.py", &path(&phishing), &below("stripped")]).unwrap();
    script(&["modern.py", "--seed", "7", &below("modern")]).unwrap();
    let honest_sets =
        [("honest", honest), ("modernised", below("modernised").into()), ("modern", below("modern").into())];
    for (name, folder) in honest_sets {
        let (worst, mails) = (worst(&place, &folder, &[]), files(&folder).len());
        assert!(mails >= 200, "{name}");
        assert!(count(&worst, "medium") * 100 <= mails, "{name}: {worst:#?} of {mails}");
        assert_eq!(count(&worst, "high"), 0, "{name}: {worst:#?}");
    }
    for (name, folder, percent) in [("phishing", phishing, 60), ("stripped", below("stripped").into(), 45)] {
        let (found, mails) = (count(&worst(&place, &folder, &[]), "medium"), files(&folder).len());
        assert!(found * 100 >= mails * percent, "{name}: {found} of {mails}");
    }
}

fn lure(name: &str) -> String {
    root().join("tests/lures").join(name).display().to_string()
}

#[test]
fn explain_gives_a_verdict_with_the_words_it_rests_on() {
    let place = Place::new();
    let run = place.run(&["explain", "--language", "en", &lure("campaign/01-pdf-and-reader-in-zip.eml")]);
    run.ends(1, &["Dangerous:", "airbus-careers.example", "only with the", "What to do now", "What honest recruiters"]);
    let run = place.run(&["explain", "--language", "de", &lure("campaign/36-de-whatsapp.eml")]);
    run.ends(1, &["Verdächtig:", "wa.me"]);
    let run = place.run(&["explain", "--language", "ko", &lure("campaign/47-ko-telegram.eml")]);
    run.ends(1, &["의심스럽습니다"]);
    let run = place.run(&["explain", "--language", "en", &lure("resembling/44-de-einladung-gespraech.eml")]);
    run.ends(0, &["Nothing was found.", "no proof"]);
    place
        .run(&["explain", "--language", "en", "not-there.eml"])
        .ends(4, &["not-there.eml", "could not be looked into"]);
    place.run(&["explain"]).ends(3, &[]);
}

/// What comes with the program as known from earlier attacks is known to `explain` too.
#[test]
fn explain_knows_earlier_attacks() {
    let place = Place::new();
    let mail = "From: A <a@partner.example>\r\nTo: x@y.example\r\nSubject: Plan\r\nContent-Type: text/plain\r\n\r\n\
                The plan is at https://mnmathleague.org/plan\r\n";
    place.file("a.eml", mail);
    for (language, reason) in [
        ("en", "It is known from an earlier attack: “mnmathleague.org”."),
        ("de", "Es ist aus einem früheren Angriff bekannt: „mnmathleague.org“."),
        ("ko", "이전 공격에서 이미 알려진 것입니다: ‘mnmathleague.org’."),
    ] {
        place.run(&["explain", "--language", language, "a.eml"]).ends(1, &[reason]);
    }
}

/// A reason is filled with words of one kind, in the quotes of the language.
#[test]
fn a_reason_does_not_mix_names_of_programs_and_firms() {
    let place = Place::new();
    let mail = "From: HR <hr@hensoldt-karriere.example>\r\nTo: x@y.example\r\nSubject: Stellenangebot bei Hensoldt\r\nMIME-Version: 1.0\r\n\
                Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
                Die Stellenbeschreibung von Hensoldt und das Gehalt finden Sie im Anhang.\r\n--b\r\n\
                Content-Type: application/octet-stream; name=\"Gehaltstabelle.exe\"\r\nContent-Disposition: attachment\r\n\r\nMZ\r\n--b--\r\n";
    place.file("a.eml", mail);
    for (language, reason) in [
        ("en", "It brings a program: “Gehaltstabelle.exe”. "),
        ("de", "Es bringt ein Programm mit: „Gehaltstabelle.exe“. "),
        ("ko", "프로그램이 들어 있습니다: ‘Gehaltstabelle.exe’. "),
    ] {
        place.run(&["explain", "--language", language, "a.eml"]).ends(1, &[reason]);
    }
}

#[test]
fn explain_shows_the_course_of_a_conversation_in_its_order() {
    let place = Place::new();
    let shown = |language: &str, name: &str, verdict: &str, lines: &[&str]| {
        let run = place.run(&["explain", "--language", language, &lure(&format!("conversations/{name}"))]);
        run.ends(1, &[verdict]);
        let places: Vec<_> = lines.iter().map(|line| run.out.find(line)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {}", run.out);
    };
    shown(
        "en",
        "01-whatsapp-persona.txt",
        "Dangerous:",
        &[
            "4: an offer: “I have to say again how impressed I am by your work on UAVs.",
            "10: money: “Salary is about twice what you have now, fully remote.”",
            "13: an archive: “00000014-Airbus_Senior_UAV_Engineer.zip”",
            "14: how it is to be opened: “Password is Airbus25. Open the PDF only with the reader",
            "16: on to private mail or a private computer: “Then take your private computer",
        ],
    );
    shown(
        "de",
        "02-whatsapp-persona-de.txt",
        "Gefährlich:",
        &[
            "4: Lob: „Ihr Lebenslauf hat mich wirklich beeindruckt",
            "9: ein Datenträgerabbild: „Stellenbeschreibung.iso“",
        ],
    );
    shown(
        "ko",
        "03-telegram-persona-ko.json",
        "위험합니다.",
        &["3: 칭찬: ‘프로필이 정말 인상적이었습니다.", "4: 돈: ‘"],
    );
    // The newest stands first in the table.
    shown(
        "en",
        "05-linkedin-persona.csv",
        "Suspicious:",
        &["8: praise: “Dear Priya", "money: “I recruit for Airbus.", "2: a link: “The job description is here"],
    );
    // In a hunt, the finding has the lines too.
    let run = place.run(&["hunt", "--format", "jsonl", &lure("conversations/05-linkedin-persona.csv")]);
    run.ends(0, &["8 flattery: Dear Priya", " > 2 "]);
}

/// What people paste or export, in forms that no other test has: the same words are found in all of them.
#[test]
fn conversations_are_read_in_the_forms_that_people_have() {
    let place = Place::new();
    let said = [
        "I am impressed by your work",
        "The salary is twice yours",
        "Open it only with the reader",
        "Keep it between us",
    ];
    let of = |stamp: &str| said.iter().map(|said| format!("{stamp}{said}\n")).collect::<String>();
    let telegram = said
        .map(|said| format!(r#"{{"id": 1, "type": "message", "from": "Jo", "from_id": "user1", "text": "{said}"}}"#));
    let telegram = format!(
        r#"{{"about": "Here is the data you requested. Remember: Telegram is ad free", "chats": {{"list": [{{"id": 1, "messages": [{}]}}]}}}}"#,
        telegram.join(",")
    );
    for (name, text) in [
        ("android-us.txt", of("6/3/25, 8:41 AM - Jo: ")),
        ("android-us-narrow.txt", of("6/3/25, 8:41\u{202f}AM - Jo: ")),
        ("iphone.txt", of("\u{200e}[03.06.25, 08:41:12] Jo: \u{200e}")),
        ("kakao.txt", of("2025. 6. 3. 오전 8:41, Jo : ")),
        ("teams.txt", of("Jo  8:41 AM\n")),
        ("result.json", telegram),
    ] {
        place.file(name, text);
        let run = place.run(&["explain", "--language", "en", name]);
        run.ends(
            1,
            &["Suspicious:", ": praise: “I am impressed by your work”", ": to be kept secret: “Keep it between us”"],
        );
        assert!(!run.out.contains("looked into"), "{}", run.out);
    }
}

#[test]
fn explain_follows_the_locale_and_prints_a_briefing() {
    let place = Place::new();
    let mail = lure("resembling/11-rejection.eml");
    let run = Run::of(place.command(&["explain", &mail]).env("LC_ALL", "de_DE.UTF-8").output().unwrap());
    run.ends(0, &["Es wurde nichts gefunden."]);
    let run = place.run(&["explain", "--briefing"]);
    run.ends(0, &["Job offers that are none", "Stellenangebote, die keine sind", "가짜 일자리 제안"]);
}

#[test]
fn explain_reads_standard_input_and_nothing_of_a_mail_comes_alive() {
    let place = Place::new();
    let mail = "From: \"<script>alert(1)</script> Airbus\" <a@airbus-jobs.example>\r\nTo: x@y.example\r\n\
                Subject: \u{1b}[2J <img src=x onerror=alert(1)> job offer\r\nMIME-Version: 1.0\r\n\
                Content-Type: application/octet-stream; name=\"<b>x</b>.pdf.exe\"\r\nContent-Disposition: attachment\r\n\r\nMZ";
    for format in ["text", "html"] {
        let mut command = place.command(&["explain", "--language", "en", "--format", format, "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(mail.as_bytes()).unwrap();
        let run = Run::of(child.wait_with_output().unwrap());
        run.ends(1, &["Dangerous"]);
        assert!(!run.out.contains('\u{1b}'), "{}", run.out);
        if format == "html" {
            assert!(run.out.contains("default-src 'none'"));
            assert!(
                !run.out.contains("<script") && !run.out.contains("<img") && !run.out.contains("<b>"),
                "{}",
                run.out
            );
        }
    }
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn the_conversations_of_the_lures_are_told_from_honest_ones() {
    let place = Place::new();
    let lures = root().join("tests/lures");
    let found = worst(&place, &lures.join("conversations"), &[]);
    let expected = fs::read_to_string(lures.join("expected.tsv")).unwrap();
    let (mut wrong, mut conversations) = (Vec::new(), 0);
    for line in expected.lines().filter(|line| line.starts_with("conversations/")) {
        let [file, _, _, verdict, _] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let weight = found.get(&lures.join(file).display().to_string()).copied().unwrap_or(0);
        let is_right = match verdict {
            "dangerous" => weight >= 3,
            "suspicious" => weight >= 2,
            _ => weight < 2,
        };
        conversations += 1;
        if !is_right {
            wrong.push(format!("{file}: {verdict}, found {weight}"));
        }
    }
    assert_eq!(conversations, 10);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The script of docs/report-mailbox.md, run as Postfix's pipe(8) would: the message on standard input, the sender as argument.
#[cfg(unix)]
#[test]
fn the_report_mailbox_answers_as_its_document_says() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let document = fs::read_to_string(root().join("docs/report-mailbox.md")).unwrap();
    let script = document.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let script = script
        .replace("/usr/sbin/sendmail", &path("sendmail"))
        .replace("/etc/dreamcatcher/site.toml", &path("site.toml"));
    place.file("site.toml", SITE);
    place.file("answer-report", script);
    place.file("sendmail", format!("#!/bin/sh\necho \"$@\" > {0}\ncat >> {0}\n", path("sent")));
    for name in ["answer-report", "sendmail"] {
        fs::set_permissions(place.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_dreamcatcher")).parent().unwrap().display().to_string();
    let answer = |sender: &str, mail: PathBuf| {
        let mail = fs::File::open(mail).unwrap();
        let mut command = Command::new(path("answer-report"));
        command.arg(sender).env_clear().env("PATH", format!("{program}:/usr/bin:/bin")).env("LANG", "C").stdin(mail);
        Run::of(command.output().unwrap()).ends(0, &[]);
    };
    let reported = PathBuf::from(lure("campaign/28-nested-message.eml"));
    answer("stranger@elsewhere.example", reported.clone());
    assert!(!place.path().join("sent").exists(), "a stranger is answered");
    answer("colleague@example.org", reported);
    let sent = place.read("sent");
    assert!(sent.starts_with("-i -f <> -- colleague@example.org\nFrom: report@example.org\n"), "{sent}");
    assert!(sent.contains("Dangerous:") && sent.contains("default-src"), "{sent}");
    // Outlook and gateways attach what is reported as a file.
    fs::remove_file(place.path().join("sent")).unwrap();
    let lure = fs::read(lure("campaign/01-pdf-and-reader-in-zip.eml")).unwrap();
    place.file("as-file.eml", with_files("This looks odd.", &[("report.eml", &lure)]));
    answer("colleague@example.org", place.path().join("as-file.eml"));
    let sent = place.read("sent");
    assert!(sent.contains("Dangerous:"), "{sent}");
    // What cannot be looked into is an answer too: trying again would not change it.
    place.file("noise", [0_u8, 1, 2, 3]);
    answer("colleague@example.org", place.path().join("noise"));
    assert!(place.read("sent").contains("could not be looked into"), "{}", place.read("sent"));
}

/// A mail with files attached.
fn with_files(text: &str, files: &[(&str, &[u8])]) -> String {
    let part = |(name, bytes): &(&str, &[u8])| {
        format!(
            "--b\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\nContent-Disposition: attachment\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            base64(bytes)
        )
    };
    let parts: String = files.iter().map(part).collect();
    format!(
        "From: Anna <anna@elsewhere.example>\r\nTo: reader@kestrel-uav.example\r\nSubject: Files\r\nDate: Tue, 10 Mar 2026 09:24:00 +0100\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n{parts}--b--\r\n"
    )
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |three: &[u8]| {
        let number = three.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let digit = |at: usize| match at <= three.len() {
            true => char::from(DIGITS[(number >> (18 - 6 * at) & 63) as usize]),
            false => '=',
        };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(three).collect()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Files that lie in something that lies in a mail are judged as if they lay bare.
#[test]
fn what_a_mail_brings_in_containers_is_judged_as_if_it_lay_bare() {
    let place = Place::new();
    let inner = zipped(&[("Offer/CV.pdf.exe", b"MZ harmless")]);
    let nested = zipped(&[("in.zip", &inner)]);
    let reported = with_files("", &[("CV.pdf.exe", b"MZ")]);
    for (name, bytes) in [
        ("nested.zip", nested),
        ("reported.zip", zipped(&[("mail/report.eml", reported.as_bytes())])),
        ("report.eml", reported.clone().into_bytes()),
    ] {
        place.file("one.eml", with_files("see below", &[(name, &bytes)]));
        let worst = worst(&place, &place.path().join("one.eml"), &[]);
        assert_eq!(worst.values().max(), Some(&weight("high")), "{name}: {worst:?}");
    }
}

/// Mails made to fill memory, to hang, or to write to the terminal: time and memory hold, and the limit that was hit is told.
#[cfg(target_os = "linux")]
#[test]
fn traps_in_mail_cost_little_and_are_told() {
    let place = Place::new();
    let zeros = vec![0; 200 << 20];
    let bomb = zipped(&[("zeros.bin", &zeros)]);
    drop(zeros);
    let in_itself = (0..6).fold(zipped(&[("a.txt", b"x")]), |inner, _| zipped(&[("in.zip", &inner)]));
    let many: Vec<(String, &[u8])> = (0..5000).map(|n| (format!("{n}.txt"), &b"x"[..])).collect();
    let many = zipped(&many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect::<Vec<_>>());
    let pdf = [b"%PDF-1.7\n".to_vec(), b"1 0 obj<</Filter/FlateDecode/Length 9>>stream\n".repeat(200_000)].concat();
    for (name, bytes, reason) in [
        ("bomb.zip", bomb.clone(), "has more bytes than are unpacked of a mail"),
        ("bomb-in.zip", zipped(&[("in.zip", &bomb)]), "has more bytes than are unpacked of a mail"),
        ("deep.zip", in_itself, "since it lies in 4 archives"),
        ("many.zip", many, "4096 members of archives"),
        ("doc.pdf", pdf, ""),
        ("\u{1b}[2Jname\u{7}.pdf", b"%PDF-1.7".to_vec(), ""),
    ] {
        place.file("trap.eml", with_files("Password: x1", &[(name, &bytes)]));
        let start = std::time::Instant::now();
        let mut child = place
            .command(&["hunt", "--threads", "1", "trap.eml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            let status = fs::read_to_string(&status).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
            peak = peak.max(line.split_whitespace().next().map_or(0, |kib| kib.parse::<u64>().unwrap()));
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let run = Run::of(child.wait_with_output().unwrap());
        assert!(run.err.contains(reason) || run.out.contains(reason), "{name}: {}{}", run.out, run.err);
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "{name}");
        assert!(peak > 0 && peak < 400 << 10, "{name}: {peak} KiB");
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "{name}: {:?}", start.elapsed());
    }
}
