//! Programs, documents and shortcuts as they are sent: what a hunt finds in them, and that it finds nothing in honest ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;
#[path = "common/pe.rs"]
mod pe;

use std::{collections::BTreeMap, fs, io::Write, path::PathBuf};

use common::{Place, root, skipped};
use pe::Tiny;
use serde_json::Value;

const WINDOWS: &str = "Microsoft\u{ae} Windows\u{ae} Operating System";

/// The titles of what is found, by level.
fn found(place: &Place, path: &str) -> BTreeMap<String, Vec<String>> {
    let (_, report) = place.report(&[path]);
    let mut found = BTreeMap::<String, Vec<String>>::new();
    for finding in report["findings"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        found.entry(text(&finding["level"])).or_default().push(text(&finding["rule"]["title"]));
    }
    found
}

#[track_caller]
fn is_high(place: &Place, path: &str) {
    let found = found(place, path);
    assert!(found.contains_key("high") || found.contains_key("critical"), "{path}: {found:?}");
}

#[track_caller]
fn is_silent(place: &Place, path: &str) {
    let found = found(place, path);
    assert!(!["medium", "high", "critical"].iter().any(|level| found.contains_key(*level)), "{path}: {found:?}");
}

/// A program of Windows, as its resources say.
fn windows_program(name: &str) -> Tiny {
    Tiny::program(&[("CompanyName", "Microsoft Corporation"), ("ProductName", WINDOWS), ("OriginalFilename", name)])
        .importing("kernel32.dll", &["ExitProcess"])
}

#[test]
fn the_pairs_of_the_dossier() {
    for (folder, program, library) in [
        ("Users/anna/AppData/Roaming/Microsoft/RemoteApp", "wkspbroker.exe", "radcui.dll"),
        ("ProgramData/EMC", "wksprt.exe", "webservices.dll"),
        ("ProgramData/Adobe", "wksprt.exe", "webservices.dll"),
        ("ProgramShared", "PresentationHost.exe", "mscoree.dll"),
        ("ProgramData/Adobe", "colorcpl.exe", "colorui.dll"),
        ("ProgramData/Oracle/Java", "fixmapi.exe", "mapistub.dll"),
        ("ProgramData/Adobe/ARM", "tabcal.exe", "HID.dll"),
        ("ProgramData/PTC", "colorcpl.exe", "colorui.dll"),
        ("Windows/Vss", "WFS.exe", "credui.dll"),
        ("ProgramData/Caphyon", "wsmprovhost.exe", "mi.dll"),
    ] {
        for (number, marker) in [false, true].into_iter().enumerate() {
            for delayed in [false, true] {
                let place = Place::new();
                let program_bytes = match delayed {
                    false => windows_program(program).importing(library, &["Start"]),
                    true => windows_program(program).delaying(library, &["Start"]),
                };
                let foreign = Tiny { marker, ..Tiny::library(library, &["Start"]) };
                place.file(&format!("C{number}/{folder}/{program}"), Tiny { marker, ..program_bytes }.build());
                place.file(&format!("C{number}/{folder}/{library}"), foreign.build());
                is_high(&place, &format!("C{number}"));
            }
        }
    }
}

#[test]
fn the_other_pairs_of_the_dossier() {
    let place = Place::new();
    place.file("phantom/svchost.exe", windows_program("svchost.exe").build());
    place.file("phantom/TSMSISrv.dll", Tiny::library("TSMSISrv.dll", &["ServiceMain"]).build());
    is_high(&place, "phantom");
    let reader =
        Tiny::program(&[("CompanyName", "Artifex"), ("ProductName", "MuPDF"), ("OriginalFilename", "mupdf.exe")]);
    place.file("reader/Reader.exe", reader.importing("libmupdf.dll", &["fz_open"]).build());
    place.file("reader/libmupdf.dll", Tiny::library("libmupdf.dll", &["fz_open", "exportfun"]).build());
    is_high(&place, "reader");
    let merge = Tiny::program(&[("CompanyName", "Thingamahoochie"), ("ProductName", "WinMerge")]);
    place.file("merge/WinMergeU.exe", merge.importing("HideFirstLetter.dll", &["Run"]).build());
    place.file("merge/HideFirstLetter.dll", Tiny::library("HideFirstLetter.dll", &["Run"]).build());
    is_high(&place, "merge");
}

#[test]
fn twenty_pairs_that_nobody_has_named() {
    let makers = ["Microsoft Corporation", "Contoso Ltd.", "Fabrikam GmbH", "Nordwerft AG", "Tailspin Toys"];
    for number in 0..20 {
        let place = Place::new();
        let (program, library) = (format!("tool{number}.exe"), format!("part{number}.dll"));
        let maker = makers[number % makers.len()];
        let product = if number % makers.len() == 0 { WINDOWS } else { "Tool" };
        let version = [("CompanyName", maker), ("ProductName", product), ("OriginalFilename", &program)];
        let program_bytes = match number % 2 {
            0 => Tiny::program(&version).importing(&library, &["Open", "Close"]),
            _ => Tiny::program(&version).delaying(&library.to_uppercase(), &["Open"]),
        };
        let mut foreign = Tiny::library(&library, &["Open", "Close", "Extra"]);
        if number % 3 == 1 {
            foreign.version = vec![("CompanyName".into(), "Example Codecs".into())];
        }
        let folder = ["Downloads", "ProgramData/Cache", "Users/Public"][number % 3];
        place.file(&format!("c/{folder}/{program}"), program_bytes.build());
        place.file(&format!("c/{folder}/{library}"), foreign.build());
        is_high(&place, "c");
    }
}

/// A zip of these files, stored.
fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_pair_in_an_archive_is_told_with_what_lies_beside_it() {
    let place = Place::new();
    let random: Vec<u8> =
        (0u32..20_000).flat_map(|n| n.wrapping_mul(0x9e37_79b9).rotate_left(n % 31).to_le_bytes()).collect();
    let files = [
        ("offer/Reader.exe", windows_program("wksprt.exe").importing("webservices.dll", &["WsOpen"]).build()),
        ("offer/webservices.dll", Tiny::library("webservices.dll", &["WsOpen"]).build()),
        ("offer/cache.dat", random),
        ("offer/Offer.pdf", b"%PDF-1.7\n%%EOF\n".to_vec()),
    ];
    place.file("offer.zip", zip(&files));
    let (_, report) = place.report(&["offer.zip"]);
    let finding = &report["findings"][0];
    assert_eq!(finding["level"], "high", "{report:#}");
    assert_eq!(finding["evidence"]["path"], "offer.zip!/offer/webservices.dll");
}

#[test]
fn a_pair_in_a_mail_is_told_too() {
    let place = Place::new();
    let archive = zip(&[
        ("offer/Reader.exe", windows_program("wksprt.exe").importing("webservices.dll", &["WsOpen"]).build()),
        ("offer/webservices.dll", Tiny::library("webservices.dll", &["WsOpen"]).build()),
    ]);
    let attached = data_encoding::BASE64.encode(&archive);
    let mail = format!(
        "From: a@b.example\r\nTo: c@d.example\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: application/zip; name=\"offer.zip\"\r\n\
         Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n{attached}\r\n"
    );
    place.file("offer.eml", mail);
    let (_, report) = place.report(&["offer.eml"]);
    let findings = report["findings"].as_array().unwrap().iter();
    let pairs: Vec<_> = findings
        .filter(|finding| finding["evidence"]["path"] == "offer.eml!/offer.zip!/offer/webservices.dll")
        .collect();
    assert!(pairs.iter().any(|finding| finding["level"] == "high"), "{report:#}");
}

#[test]
fn programs_and_their_own_libraries() {
    let place = Place::new();
    let version = [("CompanyName", "Contoso"), ("ProductName", "Tool"), ("OriginalFilename", "tool.exe")];
    let part = [version[0], version[1], ("OriginalFilename", "part.dll")];
    let own = |name: &str| Tiny { library: true, ..Tiny::program(&part) }.importing(name, &["x"]);
    place.file("own/tool.exe", Tiny::program(&version).importing("part.dll", &["Open"]).build());
    place.file(
        "own/part.dll",
        Tiny { exports: Some(("part.dll".into(), vec!["Open".into()])), ..own("kernel32.dll") }.build(),
    );
    is_silent(&place, "own");
    let system = windows_program("wksprt.exe").importing("webservices.dll", &["WsOpen"]);
    place.file("disk/Windows/System32/wksprt.exe", system.build());
    place.file("disk/Windows/System32/webservices.dll", Tiny::library("webservices.dll", &["WsOpen"]).build());
    is_silent(&place, "disk");
    // The library lies elsewhere.
    place.file("apart/a/wksprt.exe", system.build());
    place.file("apart/b/webservices.dll", Tiny::library("webservices.dll", &["WsOpen"]).build());
    is_silent(&place, "apart");
}

#[test]
fn programs_that_are_called_documents() {
    let place = Place::new();
    let program = windows_program("setup.exe").build();
    let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 57]].concat();
    for (name, bytes) in [
        ("HSBC job offer\u{2024}pdf", &elf),
        ("CV.pdf.exe", &program),
        ("Offer_\u{202e}fdp.exe", &program),
        ("Gehalt.docx", &program),
        ("Photo.jpg                       .scr", &program),
    ] {
        is_high(&place, &place.file(name, bytes));
    }
    is_silent(&place, &place.file("setup.exe", &program));
    is_silent(&place, &place.file("report.pdf", b"%PDF-1.4\n%%EOF\n"));
}

#[test]
fn marks_of_the_campaign() {
    let place = Place::new();
    let named = Tiny::library("DroneEXEHijackingLoader.dll", &["exportfun"]);
    is_high(&place, &place.file("a.dll", named.build()));
    let built = Tiny { pdb: "E:\\Work\\Troy\\Loader\\x64\\Loader.pdb".into(), ..Tiny::library("b.dll", &["Run"]) };
    is_high(&place, &place.file("b.dll", built.build()));
    let mut random = 1u64;
    let data = (0..100_000).map(|_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 56) as u8
    });
    let viewer = Tiny { data: data.collect(), ..Tiny::program(&[("ProductName", "TightVNC Viewer")]) };
    is_high(&place, &place.file("tvnviewer.exe", viewer.build()));
    is_silent(&place, &place.file("viewer.exe", Tiny::program(&[("ProductName", "TightVNC Viewer")]).build()));
}

/// A hunt through what `benches/files` has fetched: nothing high, and at most five findings of medium.
#[track_caller]
fn is_honest(set: &str) {
    let cache = std::env::var_os("DREAMCATCHER_FILES").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/dreamcatcher/files")));
    let Some(path) = cache.map(|cache| cache.join(set)).filter(|path| path.exists()) else {
        return skipped(&format!("benches/files has not been run to fetch '{set}'"));
    };
    let place = Place::new();
    let found = found(&place, path.to_str().unwrap());
    assert!(!found.contains_key("high") && !found.contains_key("critical"), "{found:#?}");
    assert!(found.get("medium").map_or(0, Vec::len) <= 5, "{found:#?}");
}

#[test]
fn honest_programs() {
    is_honest("pe");
}

#[test]
fn honest_packages() {
    is_honest("trees");
}

/// A shortcut (MS-SHLLINK) of a relative path and arguments.
fn shortcut(path: &str, arguments: &str) -> Vec<u8> {
    let text = |text: &str| {
        let units: Vec<u16> = text.encode_utf16().collect();
        [(units.len() as u16).to_le_bytes().to_vec(), units.iter().flat_map(|unit| unit.to_le_bytes()).collect()]
            .concat()
    };
    let mut bytes = b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F".to_vec();
    // HasRelativePath, HasArguments, IsUnicode.
    bytes.extend((0x08_u32 | 0x20 | 0x80).to_le_bytes());
    bytes.resize(76, 0);
    [bytes, text(path), text(arguments)].concat()
}

/// An image of a disk (ECMA-119) with one file.
fn image(name: &str, bytes: &[u8]) -> Vec<u8> {
    let record = |name: &[u8], sector: u32, len: usize, flags: u8| {
        let mut record = vec![0; 33];
        record[2..6].copy_from_slice(&sector.to_le_bytes());
        record[10..14].copy_from_slice(&(len as u32).to_le_bytes());
        (record[25], record[32]) = (flags, name.len() as u8);
        record.extend(name);
        record.resize(record.len().next_multiple_of(2), 0);
        record[0] = record.len() as u8;
        record
    };
    let mut image = vec![0; 20 * 2048];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(16 * 2048, b"\x01CD001\x01");
    put(16 * 2048 + 156, &record(&[0], 18, 2048, 2));
    put(17 * 2048, b"\xffCD001\x01");
    put(18 * 2048, &record(name.as_bytes(), 19, bytes.len(), 0));
    put(19 * 2048, bytes);
    image
}

#[test]
fn explain_tells_of_files_and_folders() {
    let place = Place::new();
    let lure = shortcut("..\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe", "-w hidden -c echo harmless");
    let launch = "%PDF-1.7\n1 0 obj<</OpenAction<</S/Launch/F(cmd.exe)/Win<</P(/c echo harmless)>>>>>>endobj\n%%EOF";
    place.file("offer.pdf", launch);
    place.file("Offer.lnk", &lure);
    place.file("offer.iso", image("OFFER.LNK;1", &lure));
    place.file("viewer/wksprt.exe", windows_program("wksprt.exe").importing("webservices.dll", &["Start"]).build());
    place.file("viewer/webservices.dll", Tiny::library("webservices.dll", &["Start"]).build());
    place.file(
        "test/.vscode/tasks.json",
        r#"{"tasks": [{"label": "a", "command": "node .vscode/logo",
        "presentation": {"reveal": "never", "echo": false, "close": true}, "runOptions": {"runOn": "folderOpen"}}]}"#,
    );
    for (path, reasons) in [
        (
            "offer.pdf",
            [
                "Opening it starts a program or a command: “offer.pdf”.",
                "Das Öffnen startet ein Programm oder einen Befehl: „offer.pdf“.",
                "열기만 해도 프로그램이나 명령이 실행됩니다: ‘offer.pdf’.",
            ],
        ),
        (
            "Offer.lnk",
            [
                "Opening it starts a program or a command: “..\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe”.",
                "Befehl: „..\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe“.",
                "실행됩니다: ‘..\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe’.",
            ],
        ),
        (
            "offer.iso",
            [
                "Opening it starts a program or a command: “..",
                "Das Öffnen startet ein Programm oder einen Befehl: „..",
                "열기만 해도 프로그램이나 명령이 실행됩니다: ‘..",
            ],
        ),
        (
            "viewer",
            [
                "a library that is not its maker's, and that the program would run: “webservices.dll”.",
                "liegt eine Bibliothek, die nicht von dessen Hersteller ist und die es ausführen würde: „webservices.dll“.",
                "라이브러리가 있고, 프로그램이 그것을 실행하게 됩니다: ‘webservices.dll’.",
            ],
        ),
        (
            "test",
            [
                "Only opening the folder, or installing the package, runs a command: “node .vscode/logo”.",
                "Schon das Öffnen des Ordners oder die Installation des Pakets führt einen Befehl aus: „node .vscode/logo“.",
                "폴더를 열거나 패키지를 설치하기만 해도 명령이 실행됩니다: ‘node .vscode/logo’.",
            ],
        ),
    ] {
        let verdicts = [
            ("en", ["Dangerous: do not open anything of it", "Suspicious: open nothing"], "What to do now"),
            ("de", ["Gefährlich: Öffnen Sie nichts davon", "Verdächtig: Öffnen Sie nichts"], "Was jetzt zu tun ist"),
            ("ko", ["위험합니다. 아무것도 열지 말고", "의심스럽습니다. 담당자가"], "지금 할 일"),
        ];
        for ((language, verdicts, now), reason) in verdicts.into_iter().zip(reasons) {
            let run = place.run(&["explain", "--language", language, path]);
            run.ends(1, &[reason, now]);
            assert!(verdicts.iter().any(|verdict| run.out.contains(verdict)), "{path}: {}", run.out);
            let is_english = ["Why:", "Opening it", "What to do"].iter().any(|words| run.out.contains(words));
            assert_eq!(is_english, language == "en", "{}", run.out);
        }
    }
    place.file("papers/plain.pdf", "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n%%EOF");
    place.file(
        "papers/tool.exe",
        Tiny::program(&[("CompanyName", "Contoso")]).importing("kernel32.dll", &["ExitProcess"]).build(),
    );
    for (language, sentence) in
        [("en", "Nothing was found."), ("de", "Es wurde nichts gefunden."), ("ko", "발견된 것이 없습니다.")]
    {
        place.run(&["explain", "--language", language, "papers"]).ends(0, &[sentence]);
    }
}

/// A cabinet, whose members nobody looks at, and archives of 7-Zip's, whose members are looked at where no password locks them.
#[test]
fn what_explain_did_not_look_into_is_not_nothing() {
    let place = Place::new();
    let archive = |name: &str| fs::read(root().join("crates/artifact/tests/archives").join(name)).unwrap();
    place.file("Papers.7z", archive("plain-list.7z"));
    place.run(&["explain", "--language", "en", "Papers.7z"]).ends(1, &["Dangerous: ", "It brings a program to open"]);
    place.file("Locked.7z", archive("encrypted-list.7z"));
    place.run(&["explain", "--language", "en", "Locked.7z"]).ends(4, &["It is locked with a password: “Locked.7z”"]);
    place.file("Papers.cab", [&b"MSCF\0\0\0\0"[..], &[0; 64]].concat());
    place.file(
        "Papers.zip",
        zip(&[("a/Notes.txt", b"Hello".to_vec()), ("a/b.cab", [&b"MSCF\0\0\0\0"[..], &[0; 64]].concat())]),
    );
    for (path, inside) in [("Papers.cab", "Papers.cab"), ("Papers.zip", "a/b.cab")] {
        for (language, verdicts, told, technical) in [
            (
                "en",
                ["could not be looked into completely", "Dangerous: "],
                format!("It is packed in a way that is not opened here: “{inside}”"),
                "For your administrator:",
            ),
            (
                "de",
                ["konnte nicht vollständig untersucht werden", "Gefährlich: "],
                format!("Auf eine Weise gepackt, die hier nicht geöffnet wird: „{inside}“"),
                "Für Ihre Administratoren:",
            ),
            (
                "ko",
                ["전부 살펴보지는 못했습니다", "위험합니다"],
                format!("여기에서 열 수 없는 방식으로 압축되어 있습니다: ‘{inside}’"),
                "관리자를 위한 상세 내용:",
            ),
        ] {
            let run = place.run(&["explain", "--language", language, path]);
            run.ends(1, &[&told, technical]);
            assert!(verdicts.iter().any(|verdict| run.out.contains(verdict)), "{path}: {}", run.out);
            let before = run.out.split(technical).next().unwrap();
            assert!(!before.contains("members") && !before.contains("archive,"), "{before}");
        }
    }
    // Pictures hold nothing that runs; a folder with one is looked into.
    place.file("papers/plain.pdf", "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n%%EOF");
    place.file("papers/a.png", b"\x89PNG\r\n\x1a\n\0\0");
    place.run(&["explain", "--language", "en", "papers"]).ends(0, &["Nothing was found.", "It is a picture"]);
    place.file("papers/notes.txt", "Notes\n");
    place.file("papers/font.woff", b"wOFF\0\x01\0\0");
    place.file("papers/.git/objects/05/35ff", [0x78, 1, 2, 3, 0]);
    let run = place.run(&["explain", "--language", "en", "papers"]);
    run.ends(0, &["Nothing was found."]);
    assert!(!["notes", "font", "35ff"].iter().any(|name| run.out.contains(name)), "{}", run.out);
    place.file("papers/b.bin", [1_u8, 2, 3, 0]);
    place.run(&["explain", "--language", "en", "papers"]).ends(1, &["completely", "of an unknown kind: “b.bin”"]);
}

#[test]
fn a_program_of_windows_is_out_of_its_place_whatever_the_folders_are_called() {
    let place = Place::new();
    let program = windows_program("wksprt.exe").importing("webservices.dll", &["WsOpen"]).build();
    let library = Tiny::library("webservices.dll", &["WsOpen"]).build();
    for (number, folder) in ["Windows/System32", "Program Files/Adobe", "x/Windows/SysWOW64"].into_iter().enumerate() {
        let (first, second) = (format!("{folder}/wksprt.exe"), format!("{folder}/webservices.dll"));
        let archive = zip(&[(&first, program.clone()), (&second, library.clone())]);
        is_high(&place, &place.file(&format!("offer{number}.zip"), archive));
    }
    for folder in ["a/Program Files/Adobe", "b/Users/anna/Downloads/offer/Windows/System32"] {
        place.file(&format!("{folder}/wksprt.exe"), &program);
        place.file(&format!("{folder}/webservices.dll"), &library);
        is_high(&place, folder);
    }
    for folder in ["c/Program Files/Windows Media Player", "d/Windows/System32"] {
        place.file(&format!("{folder}/wksprt.exe"), &program);
        place.file(&format!("{folder}/webservices.dll"), &library);
        is_silent(&place, folder.split('/').next().unwrap());
    }
}

/// What is random.
fn random(len: usize) -> Vec<u8> {
    let mut random = 1u64;
    let byte = |_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 56) as u8
    };
    (0..len).map(byte).collect()
}

#[track_caller]
fn is_medium(place: &Place, path: &str) {
    let found = found(place, path);
    assert!(["medium", "high", "critical"].iter().any(|level| found.contains_key(*level)), "{path}: {found:?}");
}

#[test]
fn readers_and_libraries_of_any_size() {
    let version = [("CompanyName", "Artifex"), ("ProductName", "MuPDF"), ("OriginalFilename", "mupdf.exe")];
    let reader = Tiny::program(&version).importing("libmupdf.dll", &["f0"]);
    let names = |count: usize| (0..count).map(|number| format!("f{number}")).collect::<Vec<_>>();
    let library = |count: usize| {
        let names = names(count);
        Tiny::library("libmupdf.dll", &names.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let place = Place::new();
    for count in [2, 31, 60] {
        place.file(&format!("r{count}/Reader.exe"), reader.build());
        place.file(&format!("r{count}/libmupdf.dll"), library(count).build());
        is_high(&place, &format!("r{count}"));
    }
    place.file("many/Reader.exe", reader.build());
    place.file("many/libmupdf.dll", library(2).build());
    for number in 0..9 {
        place.file(&format!("many/other{number}.dll"), Tiny::library("x.dll", &["x"]).build());
    }
    is_high(&place, "many");
    // The real one has many functions, of which a reader uses few.
    place.file("honest/mupdf.exe", reader.build());
    place.file("honest/libmupdf.dll", library(1800).build());
    is_silent(&place, "honest");
    // It copies whose the program is, and brings what it deciphers.
    let copied = Tiny { version: reader.version.clone(), ..library(1) };
    let data = random(50_000);
    let files = [("o/Reader.exe", reader.build()), ("o/libmupdf.dll", copied.build()), ("o/a.dat", data)];
    is_medium(&place, &place.file("copied.zip", zip(&files)));
    // Loaded by its name.
    let naming = Tiny { text: b"..libmupdf.dll..".to_vec(), ..Tiny::program(&version) };
    let pdf = b"%PDF-1.7\n%%EOF\n".to_vec();
    let files = [("o/Reader.exe", naming.build()), ("o/libmupdf.dll", library(60).build()), ("o/Offer.pdf", pdf)];
    is_medium(&place, &place.file("named.zip", zip(&files)));
}

#[test]
fn plug_ins_that_are_odd() {
    let place = Place::new();
    let version = [("CompanyName", "Thingamahoochie"), ("ProductName", "WinMerge")];
    let merge = Tiny { text: b"..\\MergePlugins\\..".to_vec(), ..Tiny::program(&version) };
    let plug_in = Tiny { data: random(40_000), ..Tiny::library("HideFirstLetter.dll", &["Run"]) };
    place.file("disk/Program Files/WinMerge/WinMergeU.exe", merge.build());
    place.file("disk/Program Files/WinMerge/MergePlugins/HideFirstLetter.dll", plug_in.build());
    is_medium(&place, "disk");
    let plain = Tiny::library("HideFirstLetter.dll", &["Run"]);
    place.file("plain/Program Files/WinMerge/WinMergeU.exe", merge.build());
    place.file("plain/Program Files/WinMerge/MergePlugins/HideFirstLetter.dll", plain.build());
    is_silent(&place, "plain");
    assert!(found(&place, "plain").contains_key("low"));
}

#[test]
fn a_library_with_two_sets_of_functions() {
    let place = Place::new();
    let forwarded: Vec<String> =
        (0..6).map(|number| format!("DirectInput{number}=dxorig.DirectInput{number}")).collect();
    let own = ["pcre_compile", "pcre_exec", "pcre_free", "pcre_study"].map(str::to_owned);
    let both: Vec<&str> = forwarded.iter().chain(&own).map(String::as_str).collect();
    is_high(&place, &place.file("a/dinput8.dll", Tiny::library("pcre.dll", &both).build()));
    let wrapper: Vec<&str> = forwarded.iter().map(String::as_str).collect();
    is_silent(&place, &place.file("b/dinput8.dll", Tiny::library("dinput8.dll", &wrapper).build()));
    // A mark behind many others.
    let many: Vec<String> = (0..500).map(|number| format!("a{number:03}")).chain(["exportfun".to_owned()]).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    is_high(&place, &place.file("c.dll", Tiny::library("c.dll", &many).build()));
}

#[test]
fn shortcuts_that_hide_what_they_start() {
    let place = Place::new();
    let command = shortcut("..\\x\\tool.exe", &(" ".repeat(5000) + "/c start reader.exe"));
    is_high(&place, &place.file("Offer.lnk", command));
    let interpreter = shortcut("..\\Windows\\System32\\cmd.exe", &(" ".repeat(50_000) + "/c start reader.exe"));
    is_high(&place, &place.file("CV.lnk", interpreter));
    is_silent(&place, &place.file("tool.lnk", shortcut("..\\x\\tool.exe", "--profile=default")));
}

/// A volume of FAT16 with one file, whose name is eight letters and three.
fn volume(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut volume = vec![0; 56 * 512 + bytes.len().next_multiple_of(512)];
    let mut put = |at: usize, bytes: &[u8]| volume[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &[0xeb, 0x3c, 0x90]);
    // Sectors of 512 bytes, clusters of one, a table of 20 sectors, 64 entries in the root.
    put(11, &[0, 2, 1, 1, 0, 1, 64, 0, 0, 0x20, 0xf8, 20, 0]);
    put(510, &[0x55, 0xaa]);
    let count = bytes.len().div_ceil(512) as u16;
    for cluster in 2..2 + count {
        let next = if cluster == 1 + count { 0xffff } else { cluster + 1 };
        put(512 + 2 * usize::from(cluster), &next.to_le_bytes());
    }
    put(21 * 512, name.as_bytes());
    put(21 * 512 + 11, &[32]);
    put(21 * 512 + 26, &2u16.to_le_bytes());
    put(21 * 512 + 28, &(bytes.len() as u32).to_le_bytes());
    put(25 * 512, bytes);
    volume
}

#[test]
fn images_of_disks_are_looked_into() {
    let place = Place::new();
    let lure = shortcut("..\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe", "-w hidden -c echo harmless");
    let plain = volume("OFFER   LNK", &lure);
    let mut foot = vec![0; 512];
    foot[..8].copy_from_slice(b"conectix");
    foot[60..64].copy_from_slice(&2u32.to_be_bytes());
    for (name, image) in [("offer.img", plain.clone()), ("offer.vhd", [&plain[..], &foot].concat())] {
        place.file(name, &image);
        let (_, report) = place.report(&[name]);
        assert_eq!(report["findings"][0]["level"], "high", "{report:#}");
        assert_eq!(report["findings"][0]["evidence"]["path"], name);
    }
    is_silent(&place, &place.file("paper.img", volume("OFFER   PDF", b"%PDF-1.7\n%%EOF\n")));
    // No log, and no disk either: said.
    place.file("broken.vhd", [&b"conectix"[..], &[0; 2000]].concat());
    let run = place.run(&["hunt", "broken.vhd"]);
    assert!(run.out.contains("virtual disk") && !run.out.contains("lastlog"), "{run:?}");
    // An archive in an image is not opened: said.
    place.file("nested.img", volume("OFFER   ZIP", &zip(&[("a.txt", b"a".to_vec())])));
    let run = place.run(&["hunt", "nested.img"]);
    assert!(run.err.contains("OFFER.ZIP") || run.out.contains("OFFER.ZIP"), "{run:?}");
}

#[test]
fn what_was_compressed_has_its_own_name() {
    let place = Place::new();
    let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 5000]].concat();
    place.file("tool", &elf);
    if !std::process::Command::new("gzip").arg(place.path().join("tool")).status().is_ok_and(|status| status.success())
    {
        return skipped("gzip is missing");
    }
    let packed = std::fs::read(place.path().join("tool.gz")).unwrap();
    is_silent(&place, "tool.gz");
    is_high(&place, &place.file("Offer.pdf.gz", &packed));
    is_medium(&place, &place.file("update.gz", &elf));
}

#[test]
fn notes_and_old_workbooks() {
    let place = Place::new();
    let store = b"\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac";
    let note = |name: &str, bytes: &[u8]| {
        let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let head = b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3\0\0\0\0";
        [&head[..], &name, store, &(bytes.len() as u64).to_le_bytes(), &[0; 12], bytes].concat()
    };
    is_medium(&place, &place.file("a.one", note("Open.hta", b"harmless")));
    is_silent(&place, &place.file("b.one", note("Plan.png", b"\x89PNG\r\n\x1a\n")));
    let mut workbook = [&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &[0; 504]].concat();
    let name: Vec<u8> = "Workbook".encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    workbook.extend([&name[..], &[0; 46], &[name.len() as u8, 0, 2, 0], &[0; 60]].concat());
    workbook.extend(b"\x09\x08\x10\0\0\x06\x05\0\0\0\0\0\0\0\0\0\0\0\0\0");
    workbook.extend(b"\x85\0\x0a\0\0\0\0\0\x02\x01\x02\0A1\x0a\0\0\0");
    is_medium(&place, &place.file("a.xls", workbook));
}
