use event::Position;
use proptest::prelude::*;

use super::*;
use crate::{Facts, Kind};

use super::tiny::Tiny;

fn told(name: &str, bytes: &[u8]) -> (Facts, Result<Portrait, String>) {
    let mut told = Facts::new(Kind::File, Position::Record(1), None);
    let portrait = facts(name, bytes, &mut told, &mut Vec::new());
    (told, portrait)
}

fn all() -> Tiny {
    let version = [("CompanyName", "Contoso"), ("ProductName", "Reader"), ("OriginalFilename", "reader.exe.mui")];
    let exports = Tiny::library("own.dll", &["Open", "Close=kernel32.CloseHandle"]).exports;
    let mut all = Tiny { library: true, exports, text: b"..Plugin_1.DLL..".to_vec(), ..Tiny::program(&version) };
    all.pdb = "C:\\src\\reader.pdb".into();
    all.importing("KERNEL32.dll", &["GetProcAddress", "Sleep"]).delaying("Late.dll", &["A", "B", "C"])
}

#[test]
fn facts_of_a_library() {
    let (facts, portrait) = told("Viewer.dll", &all().build());
    let values = |name| facts.values(name).map(|value| value.into_owned()).collect::<Vec<_>>();
    for (field, expected) in [
        ("Machine", &["x64"][..]),
        ("Subsystem", &["GUI"]),
        ("Library", &["true"]),
        ("PdbPath", &["C:\\src\\reader.pdb"]),
        ("Signature", &["none"]),
        ("CompanyName", &["Contoso"]),
        ("FileVersion", &["10.0.0.0"]),
        ("ExportName", &["own.dll"]),
        ("NameDiffersFrom", &["OriginalFilename", "ExportName"]),
        ("Exports", &["2"]),
        ("Export", &["Close", "Open"]),
        ("OwnExports", &["1"]),
        ("ForwardedExports", &["1"]),
        ("ForwardsTo", &["kernel32"]),
        ("Import", &["kernel32.dll"]),
        ("DelayImport", &["late.dll"]),
        ("ImportedFunctions", &["5"]),
        ("ResolvesFunctions", &["true"]),
        ("Section", &[".rdata"]),
    ] {
        assert_eq!(values(field), expected, "{field}");
    }
    assert!(portrait.unwrap().is_library);
}

#[test]
fn libraries_that_a_program_names() {
    let (_, portrait) = told("reader.exe", &Tiny { library: false, ..all() }.build());
    let mentions: Vec<String> = portrait.unwrap().mentions.into_iter().collect();
    assert!(mentions.contains(&"plugin_1.dll".to_owned()), "{mentions:?}");
}

#[test]
fn folders_for_plug_ins_that_a_program_names() {
    let wide: Vec<u8> = "Software\\MergePlugins\\*.dll".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (text, expected) in [
        (&wide[..], &["mergeplugins"][..]),
        (b"..\\Plugins\0..AddIn/x", &["addin", "plugins"]),
        (b"GetModuleHandleW.pluginsettings.", &[]),
    ] {
        let (_, portrait) = told("reader.exe", &Tiny { text: text.to_vec(), ..Tiny::program(&[]) }.build());
        assert_eq!(portrait.unwrap().folders.into_iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_library_that_hands_on_and_has_functions_of_its_own() {
    let forwarded = ["DirectInput8Create", "DllCanUnloadNow", "DllGetClassObject"];
    let forwarded = forwarded.map(|name| format!("{name}=C:\\Windows\\System32\\dinput8.{name}"));
    let own = ["pcre_compile", "pcre_exec", "pcre_free", "exportfun"].map(str::to_owned);
    let names: Vec<&str> = forwarded.iter().chain(&own).map(String::as_str).collect();
    let (facts, _) = told("dinput8.dll", &Tiny::library("pcre.dll", &names).build());
    let values = |name| facts.values(name).map(|value| value.into_owned()).collect::<Vec<_>>();
    assert_eq!(values("ForwardedExports"), ["3"]);
    assert_eq!(values("OwnExports"), ["4"]);
    assert_eq!(values("ExportFamily"), ["pcre"]);
    assert_eq!(values("ForwardsToNamesake"), ["true"]);
    for (name, target, is_namesake) in [
        ("other.dll", "dinput8", false),
        ("python3.dll", "python312", false),
        ("d3dx9.dll", "d3dx9_36", false),
        ("dinput8.dll", "dinput8_", true),
        ("dinput8.dll", "orig_dinput8_2", true),
    ] {
        let (facts, _) = told(name, &Tiny::library(name, &[&format!("Open={target}.Open")]).build());
        assert_eq!(facts.values("ForwardsToNamesake").count(), usize::from(is_namesake), "{name}, {target}");
    }
}

#[test]
fn all_names_of_functions_are_told() {
    let names: Vec<String> = (0..2000).map(|number| format!("f{number:04}")).chain(["zz_mark".to_owned()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (facts, _) = told("a.dll", &Tiny::library("a.dll", &names).build());
    assert_eq!(facts.values("Export").last().unwrap(), "zz_mark");
}

#[test]
fn limits_are_told() {
    let damages = |bytes: &[u8]| {
        let mut damages = Vec::new();
        facts("a.exe", bytes, &mut Facts::new(Kind::File, Position::Record(1), None), &mut damages).unwrap();
        damages
    };
    assert_eq!(damages(&all().build()), [""; 0]);
    let mentions: String = (0..300).map(|number| format!("part{number}.dll\0")).collect();
    let imports = (0..1100).fold(Tiny::program(&[]), |tiny, number| tiny.importing(&format!("{number}.dll"), &["a"]));
    let functions: Vec<String> = (0..70_000).map(|number| number.to_string()).collect();
    let functions: Vec<&str> = functions.iter().map(String::as_str).collect();
    for (word, tiny) in [
        ("text", Tiny { text: mentions.into_bytes(), ..Tiny::program(&[]) }),
        ("needs", imports),
        ("needs", Tiny::program(&[]).importing("a.dll", &functions)),
        ("exported", Tiny::library("a.dll", &functions)),
    ] {
        let told = damages(&tiny.build());
        assert!(told.iter().any(|damage| damage.starts_with("limit: ") && damage.contains(word)), "{word}: {told:?}");
    }
    // A folder of resources that has more entries than are looked at, each of them the one that is there.
    let mut many = Tiny { text: vec![0; 8 << 17], ..all() }.build();
    let root = Pe::read(&many).unwrap().table(Table::Resources).unwrap().0 as usize - 0x1000 + 0x400;
    many[root + 14..root + 16].copy_from_slice(&u16::MAX.to_le_bytes());
    assert!(damages(&many).iter().any(|damage| damage.contains("resources")), "{:?}", damages(&many));
}

#[test]
fn what_is_no_program() {
    assert_eq!(told("x", b"MZ").1.unwrap_err(), "the file ends within the headers of the program");
    let mut many = all().build();
    many[0x86..0x88].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(told("x", &many).1.unwrap_err(), "expected at most 96 sections, found 65535");
}

/// Another reader of the format agrees on the programs of Wine's that `benches/files` fetches.
#[test]
fn imports_and_exports_are_those_of_goblin() {
    let home = std::env::var_os("DREAMCATCHER_FILES").map(std::path::PathBuf::from);
    let home =
        home.or_else(|| Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".cache/dreamcatcher/files")));
    let folder = home.unwrap_or_default().join("pe/libwine/usr/lib/x86_64-linux-gnu/wine/x86_64-windows");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: {} is not there, so this proves nothing here", folder.display());
        return;
    };
    let mut compared = 0;
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let (Ok(ours), Ok(theirs)) = (Pe::read(&bytes), goblin::pe::PE::parse(&bytes)) else { continue };
        let mut libraries: Vec<String> = theirs.libraries.iter().map(|name| name.to_lowercase()).collect();
        let imports = ours.imports();
        let mut own: Vec<String> =
            imports.libraries.iter().filter(|import| !import.is_delayed).map(|import| import.library.clone()).collect();
        libraries.sort();
        own.sort();
        own.dedup();
        libraries.dedup();
        assert_eq!(own, libraries);
        if let Some(data) = &theirs.export_data {
            let exports = ours.exports();
            assert_eq!(Some(exports.name.as_str()), data.name);
        }
        compared += 1;
    }
    assert!(compared > 500, "{compared}");
}

/// A program signed with a certificate of our own making, by OpenSSL and osslsigncode; `None` where these are missing.
fn signed(folder: &std::path::Path, key: &str) -> Option<Vec<u8>> {
    let run = |program: &str, arguments: &str| {
        let output =
            std::process::Command::new(program).args(arguments.split(' ')).current_dir(folder).output().ok()?;
        output.status.success().then_some(())
    };
    std::fs::write(folder.join("plain.exe"), all().build()).unwrap();
    let request = format!(
        "req -x509 -newkey {key} -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=Nordwerft -addext extendedKeyUsage=codeSigning"
    );
    run("openssl", &request)?;
    run("osslsigncode", "sign -certs cert.pem -key key.pem -h sha256 -in plain.exe -out signed.exe")?;
    Some(std::fs::read(folder.join("signed.exe")).unwrap())
}

#[test]
fn signatures() {
    for key in ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384"] {
        let folder = tempfile::tempdir().unwrap();
        let Some(bytes) = signed(folder.path(), key) else {
            eprintln!("SKIPPED: openssl or osslsigncode is missing, so this proves nothing here");
            return;
        };
        is_told_from_changed_and_forged(bytes);
    }
}

fn is_told_from_changed_and_forged(bytes: Vec<u8>) {
    let signature = |bytes: &[u8]| Pe::read(bytes).unwrap().signature();
    let intact = signature(&bytes);
    let parts = (intact.state, intact.signer.as_str(), intact.authority.as_str(), intact.is_trusted);
    assert_eq!(parts, (State::Intact, "Nordwerft", "Nordwerft", false));
    let mut changed = bytes.clone();
    changed[0x480] ^= 1;
    assert_eq!(signature(&changed).state, State::Changed);
    let mut forged = bytes.clone();
    let certificates = Pe::read(&bytes).unwrap().certificates().unwrap();
    let end = bytes[certificates.clone()].iter().rposition(|byte| *byte != 0).unwrap();
    forged[certificates.start + end - 20] ^= 1;
    assert_eq!(signature(&forged).state, State::Forged);
    let mut cut = bytes;
    cut.truncate(certificates.start + 100);
    assert_eq!(signature(&cut).state, State::Unchecked);
}

/// Microsoft's signatures, as the wheel of debugpy that `benches/files` fetches has them.
#[test]
fn signatures_of_microsoft() {
    let home = std::env::var_os("DREAMCATCHER_FILES").map(std::path::PathBuf::from);
    let home =
        home.or_else(|| Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".cache/dreamcatcher/files")));
    let wheels = std::fs::read_dir(home.unwrap_or_default().join("pe/wheels")).into_iter().flatten();
    let wheel = wheels.flatten().find(|file| file.file_name().to_string_lossy().starts_with("debugpy-"));
    let Some(wheel) = wheel else {
        eprintln!("SKIPPED: the wheel of debugpy is not there, so this proves nothing here");
        return;
    };
    let mut wheel = zip::ZipArchive::new(std::fs::File::open(wheel.path()).unwrap()).unwrap();
    let mut seen = 0;
    for number in 0..wheel.len() {
        let mut member = wheel.by_index(number).unwrap();
        let name = member.name().unwrap().into_owned();
        if [".dll", ".exe", ".pyd"].iter().any(|ending| name.ends_with(ending)) {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
            let signature = Pe::read(&bytes).unwrap().signature();
            let parts = (signature.state, signature.signer.as_str(), signature.is_trusted);
            assert_eq!(parts, (State::Intact, "Microsoft 3rd Party Application Component", true), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_programs_are_read_without_panic(changes in proptest::collection::vec((0usize..2048, any::<u8>()), 1..40), cut in 0usize..4096) {
        let mut bytes = all().build();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(2048)));
        let _ = told("x.dll", &bytes);
    }
}

/// Tables that promise a million entries, all of them the same long text, cost no more than others.
#[test]
fn tables_that_promise_too_much() {
    let mut library = all();
    library.text = vec![b'a'; 4 << 20];
    let mut bytes = library.build();
    let exports = bytes.windows(8).position(|window| window == b"own.dll\0").unwrap();
    assert!(exports > 0x400);
    let table = 0x400;
    for at in [20, 24] {
        bytes[table + at..table + at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    }
    let start = std::time::Instant::now();
    let (facts, _) = told("x.dll", &bytes);
    assert!(facts.values("Export").count() <= 1 << 16);
    assert!(facts.values("Export").map(|name| name.len()).sum::<usize>() <= 1 << 20);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
