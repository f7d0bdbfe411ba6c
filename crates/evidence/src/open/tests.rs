use std::{
    fs,
    io::{Cursor, Write},
    time::Instant,
};

use sevenz_rust2::{EncoderMethod, Password, encoder_options::AesEncoderOptions};
use tempfile::TempDir;

use super::*;

/// Makes archives, also such as no honest program makes.
pub(crate) mod make {
    use std::io::Write;

    use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderConfiguration, SourceReader};

    /// A zip member; what is not said is right.
    pub struct Member<'a> {
        pub name: &'a str,
        pub bytes: &'a [u8],
        pub method: u16,
        pub flags: u16,
        pub crc: Option<u32>,
        pub size: Option<u32>,
        /// Points to the local header of another member.
        pub same_as: Option<usize>,
    }

    pub fn member<'a>(name: &'a str, bytes: &'a [u8]) -> Member<'a> {
        Member { name, bytes, method: 8, flags: 0, crc: None, size: None, same_as: None }
    }

    fn pack(member: &Member<'_>) -> Vec<u8> {
        match member.method {
            8 => {
                let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
                out.write_all(member.bytes).unwrap();
                out.finish().unwrap()
            }
            12 => {
                let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                out.write_all(member.bytes).unwrap();
                out.finish().unwrap()
            }
            93 => zstd::encode_all(member.bytes, 1).unwrap(),
            _ => member.bytes.to_vec(),
        }
    }

    pub fn zip(members: &[Member<'_>]) -> Vec<u8> {
        let (mut out, mut directory, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for member in members {
            let packed = pack(member);
            let mut common = Vec::new();
            for number in [20, member.flags, member.method, 0, 0x21] {
                common.extend(u16::to_le_bytes(number));
            }
            let crc = member.crc.unwrap_or_else(|| crc32fast::hash(member.bytes));
            for number in [crc, packed.len() as u32, member.size.unwrap_or(member.bytes.len() as u32)] {
                common.extend(u32::to_le_bytes(number));
            }
            common.extend((member.name.len() as u32).to_le_bytes()); // name, extra
            let place = member.same_as.map_or(out.len() as u32, |other| places[other]);
            places.push(place);
            if member.same_as.is_none() {
                out.extend(b"PK\x03\x04");
                out.extend(&common);
                out.extend(member.name.as_bytes());
                out.extend(&packed);
            }
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&common);
            directory.extend([0; 10]); // comment, disk, attributes
            directory.extend(place.to_le_bytes());
            directory.extend(member.name.as_bytes());
        }
        let (start, count) = (out.len() as u32, members.len() as u16);
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend([0; 2]);
        out
    }

    pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = tar::Builder::new(Vec::new());
        for (name, bytes) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            out.append(&header, *bytes).unwrap();
        }
        out.into_inner().unwrap()
    }

    /// A 7z archive, its members packed together by these methods (a later one is undone first).
    pub fn seven_zip(methods: Vec<EncoderConfiguration>, members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = ArchiveWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
        out.set_encrypt_header(false);
        out.set_content_methods(methods);
        let (empty, packed): (Vec<_>, Vec<_>) = members.iter().partition(|(_, bytes)| bytes.is_empty());
        let entries = packed.iter().map(|(name, _)| {
            let attributes = if name.ends_with("link") { 0o120_777 << 16 | 0x8000 } else { 0x20 };
            ArchiveEntry {
                has_windows_attributes: true,
                windows_attributes: attributes,
                ..ArchiveEntry::new_file(name)
            }
        });
        let sources = packed.iter().map(|(_, bytes)| SourceReader::new(*bytes)).collect();
        out.push_archive_entries(entries.collect(), sources).unwrap();
        for (name, _) in empty {
            out.push_archive_entry::<&[u8]>(ArchiveEntry::new_file(name), None).unwrap();
        }
        out.finish().unwrap().into_inner()
    }

    pub fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }
}

use make::{gzip, member, seven_zip, tar, zip};

/// What an opener gives, a line each.
fn listing(opener: Opener) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (path, reason) in opener.unreadable_arguments() {
        lines.push(format!("unreadable {path}: {reason}"));
    }
    for next in opener {
        lines.push(match next {
            Next::Piece(mut opened) => {
                let mut bytes = Vec::new();
                let result = opened.read_to_end(&mut bytes);
                let text = if bytes.len() > 40 {
                    format!("{} bytes", bytes.len())
                } else {
                    String::from_utf8_lossy(&bytes).into()
                };
                let end = result.err().map(|error| format!(" … {}", reason(&error))).unwrap_or_default();
                format!("{} = {text}{end}", opened.piece.path)
            }
            Next::Archive(opened) => format!("{} as it is stored", opened.piece.path),
            Next::Aside(Aside::Skipped { path, reason }) => format!("{path} skipped: {reason}"),
            Next::Aside(Aside::Failed { path, reason }) => format!("{path} failed: {reason}"),
            Next::Aside(Aside::Empty { path }) => format!("{path} is empty"),
        });
    }
    lines
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn list(folder: &TempDir, names: &[&str], limits: &Limits) -> Vec<String> {
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
    let prefix = format!("{}/", folder.path().display());
    listing(Opener::new(&paths, limits)).into_iter().map(|line| line.replace(&prefix, "")).collect()
}

fn write(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

fn only(bytes: &[u8]) -> Vec<String> {
    only_within(bytes, &Limits::default())
}

fn only_within(bytes: &[u8], limits: &Limits) -> Vec<String> {
    let folder = folder();
    write(&folder, "f", bytes);
    list(&folder, &["f"], limits)
}

#[test]
fn the_order_of_arguments_and_files_given_twice_make_no_difference() {
    let folder = folder();
    for name in ["b/2", "b/1", "a", "b/c/3"] {
        write(&folder, name, name);
    }
    let expected = ["a = a", "b/1 = b/1", "b/2 = b/2", "b/c/3 = b/c/3"];
    for names in [&["a", "b"][..], &["b", "a"], &["b/1", "b", "a", "b/../b/2", "b/c/../c"], &["", "b/c/3"]] {
        assert_eq!(list(&folder, names, &Limits::default()), expected, "{names:?}");
    }
}

#[test]
fn missing_and_empty_files_and_folders() {
    let folder = folder();
    write(&folder, "empty", "");
    fs::create_dir(folder.path().join("folder")).unwrap();
    let lines = list(&folder, &["no", "empty", "folder"], &Limits::default());
    assert_eq!(lines, ["unreadable no: no such file or directory", "empty is empty"]);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_unless_given() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "outside").unwrap();
    write(&folder, "d/file", "text");
    symlink("..", folder.path().join("d/loop")).unwrap();
    symlink(outside.path(), folder.path().join("d/away")).unwrap();
    symlink("nowhere", folder.path().join("broken")).unwrap();
    symlink("d/file", folder.path().join("given")).unwrap();
    let lines = list(&folder, &["d", "given", "broken"], &Limits::default());
    let expected = [
        "unreadable broken: no such file or directory",
        "d/away skipped: symbolic link, not followed",
        "d/loop skipped: symbolic link, not followed",
        "given = text", // the same file as d/file, under the shorter name
    ];
    assert_eq!(lines, expected);
    assert_eq!(list(&folder, &["d/loop/given"], &Limits::default()), ["d/loop/given = text"]);
}

#[cfg(unix)]
#[test]
fn special_files_are_named_and_a_given_pipe_is_read() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let lines = list(&folder, &[""], &Limits::default());
    assert_eq!(lines, ["pipe skipped: named pipe", "socket skipped: socket"]);
    let writer = std::thread::spawn(move || fs::write(pipe, gzip(b"through a pipe")).unwrap());
    assert_eq!(list(&folder, &["pipe"], &Limits::default()), ["pipe = through a pipe"]);
    writer.join().unwrap();
    let device = listing(Opener::new(&["/dev/zero".into()], &Limits::default()));
    assert_eq!(device, ["unreadable /dev/zero: expected a file or a folder, found a device"]);
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    write(&folder, "d/locked", "x");
    write(&folder, "d/open", "y");
    write(&folder, "d/sub/file", "z");
    let lock =
        |name: &str, mode| fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    lock("d/locked", 0);
    lock("d/sub", 0);
    if fs::read(folder.path().join("d/locked")).is_ok() {
        eprintln!("SKIPPED: this user (root) may read everything");
        lock("d/sub", 0o755);
        return;
    }
    let lines = list(&folder, &["d", "d/locked"], &Limits::default());
    lock("d/sub", 0o755);
    let expected = [
        "unreadable d/locked: permission denied",
        "d/locked failed: permission denied",
        "d/open = y",
        "d/sub failed: permission denied",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn containers_are_told_by_content_and_opened_in_one_another() {
    let inner = zip(&[member("logs/Security.evtx", b"one"), member("..\\..\\evil", b"two"), member("dir/", b"")]);
    let archive = tar(&[("./var/log/auth.log", b"three"), ("inner.zip", &inner), ("/etc/passwd", b"four")]);
    let packed = [zstd::encode_all(&archive[..], 1).unwrap(), gzip(&archive)];
    for bytes in [&archive, &packed[0], &packed[1]] {
        let lines = only(bytes);
        let expected = [
            "f!/var/log/auth.log = three",
            "f!/inner.zip!/logs/Security.evtx = one",
            "f!/inner.zip!/../../evil = two",
            "f!//etc/passwd = four",
        ];
        assert_eq!(lines, expected);
    }
    let twice = [gzip(b"first, "), gzip(b"second")].concat();
    assert_eq!(only(&twice), ["f = first, second"]);
    let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packed.write_all(b"bz").unwrap();
    assert_eq!(only(&packed.finish().unwrap()), ["f = bz"]);
    let xz = lzma_rust2::XzOptions::with_preset(6);
    let mut packed = lzma_rust2::XzWriter::new(Vec::new(), xz).unwrap();
    packed.write_all(&seven_zip(vec![EncoderMethod::COPY.into()], &[("inner.tar", &archive)])).unwrap();
    let lines = only(&packed.finish().unwrap());
    assert_eq!(
        lines[..2],
        ["f!/inner.tar!/var/log/auth.log = three", "f!/inner.tar!/inner.zip!/logs/Security.evtx = one"]
    );
}

const MEMBERS: [(&str, &[u8]); 4] =
    [("a\\auth.log", b"harmless"), ("to/link", b"/etc/passwd"), ("empty", b""), ("b.log", &[b'b'; 9000])];

#[test]
fn every_way_a_seven_zip_may_be_packed() {
    use EncoderMethod as Method;
    let alone = [Method::COPY, Method::LZMA, Method::LZMA2, Method::PPMD, Method::BZIP2, Method::DEFLATE, Method::ZSTD];
    let filtered = [Method::BCJ_X86_FILTER, Method::BCJ_ARM64_FILTER, Method::DELTA_FILTER];
    let filtered = filtered.map(|filter| vec![filter.into(), Method::LZMA2.into()]);
    for methods in alone.map(|method| vec![method.into()]).into_iter().chain(filtered) {
        let lines = only(&seven_zip(methods.clone(), &MEMBERS));
        let expected = [
            "f!/a/auth.log = harmless",
            "f!/to/link skipped: symbolic link, not followed",
            "f!/b.log = 9000 bytes",
            "f!/empty is empty",
        ];
        assert_eq!(lines, expected, "{methods:?}");
    }
}

#[test]
fn a_seven_zip_that_is_encrypted_or_damaged_is_told() {
    let key = AesEncoderOptions { num_cycles_power: 8, ..AesEncoderOptions::new(Password::new("Kestrel-25!")) };
    let closed = seven_zip(vec![key.into(), EncoderMethod::LZMA2.into()], &MEMBERS);
    let encrypted = ["a/auth.log", "to/link", "b.log"].map(|name| format!("f!/{name} skipped: encrypted"));
    assert_eq!(only(&closed)[..3], encrypted);

    let stored = seven_zip(vec![EncoderMethod::COPY.into()], &MEMBERS);
    let at = |needle: &[u8]| memchr::memmem::find(&stored, needle).unwrap();
    let mut wrong = stored.clone();
    wrong[at(b"harmless")] ^= 0x20;
    let lines = only(&wrong);
    assert!(lines[0].starts_with("f!/a/auth.log = Harmless … expected the 7z member's CRC-32 to be "), "{lines:?}");
    assert_eq!(lines[2], "f!/b.log = 9000 bytes");
    assert!(only(&stored[..stored.len() - 9])[0].starts_with("f failed: the 7z archive is damaged: "));
    let packed = seven_zip(vec![EncoderMethod::LZMA2.into()], &MEMBERS);
    for bytes in [&stored, &packed, &closed] {
        for place in 0..bytes.len().min(400) {
            for bit in [1, 0x80] {
                let place = if place % 2 == 0 { place / 2 } else { bytes.len() - 1 - place / 2 };
                let mut broken = bytes.clone();
                broken[place] ^= bit;
                only(&broken);
            }
        }
    }
}

#[test]
fn a_seven_zip_is_held_to_the_limits() {
    let zeros = vec![0; 90 << 20];
    let bomb = seven_zip(vec![EncoderMethod::LZMA2.into()], &[("a", b"a"), ("zeros", &zeros)]);
    let lines = only(&bomb);
    assert!(lines.last().unwrap().starts_with("f failed: limit: more than 1000 bytes for each byte of"), "{lines:?}");
    let bytes = seven_zip(vec![EncoderMethod::COPY.into()], &MEMBERS);
    let within = |limits| only_within(&bytes, &limits);
    let lines = within(Limits { members: 3, ..Limits::default() });
    assert_eq!(lines, ["f failed: limit: more than 3 members in the archives of one file"]);
    let lines = within(Limits { expanded: 5000, ..Limits::default() });
    assert_eq!(lines, ["f failed: limit: more than 5000 bytes came out of the file"]);
    let lines = within(Limits { spool: 1000, ..Limits::default() });
    assert!(lines[2].ends_with("limit: more than 1000 bytes of an archive to be set aside"), "{lines:?}");
    assert_eq!(lines[0], "f!/a/auth.log = harmless");
}

#[test]
fn standard_input_may_be_an_archive() {
    let bytes = zip(&[member("a", b"in a zip"), member("b", b"too")]);
    let opener = Opener::new(&["-".into(), "-".into()], &Limits::default()).with_stdin(Cursor::new(bytes));
    assert_eq!(listing(opener), ["-!/a = in a zip", "-!/b = too"]);
    let opener = Opener::new(&["-".into()], &Limits::default()).with_stdin(Cursor::new(b"plain"));
    assert_eq!(listing(opener), ["- = plain"]);
}

#[test]
fn every_way_a_zip_may_be_packed() {
    let with = |method| make::Member { method, ..member("m", b"the same") };
    for method in [0, 8, 12, 93] {
        assert_eq!(only(&zip(&[with(method)])), ["f!/m = the same"], "{method}");
    }
    let lzma = only(&zip(&[with(14)]));
    assert!(lzma[0].starts_with("f!/m skipped: compressed by a method that is not read"), "{lzma:?}");
}

#[test]
fn members_that_cannot_be_read_cost_themselves_alone() {
    let bytes = zip(&[
        make::Member { flags: 1, ..member("encrypted", b"x") },
        make::Member { crc: Some(0), ..member("crc", b"x") },
        make::Member { size: Some(1), ..member("long", b"xyz") },
        make::Member { size: Some(9), ..member("short", b"xyz") },
        member("good", b"good"),
        member("good", b"second of its name"),
    ]);
    let expected = [
        "f!/encrypted skipped: encrypted",
        "f!/crc failed: expected the zip member's CRC-32 to be 00000000, found 8cdc1683",
        "f!/long failed: the zip member is longer than the directory says",
        "f!/short = xyz … the zip member ends 6 bytes before the size that the directory gives",
        "f!/good = good",
        "f!/good (2) = second of its name",
    ];
    let lines = only(&bytes);
    assert_eq!(lines[0], expected[0]);
    assert_eq!(lines[4..], expected[4..]);
    assert!(lines[1].contains("expected the zip member's CRC-32 to be 00000000, found 8cdc1683"), "{lines:?}");
    assert!(lines[2].contains("longer than the directory says"), "{lines:?}");
    assert_eq!(lines[3], expected[3]);
}

#[test]
fn truncated_containers_give_what_came_before() {
    let text: Vec<u8> = (0..30_000u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    let packed = gzip(&text);
    let lines = only(&packed[..packed.len() / 2]);
    assert!(lines[0].ends_with("bytes … the gzip stream ends before its end mark"), "{lines:?}");
    let mut wrong = packed.clone();
    *wrong.iter_mut().rev().nth(5).unwrap() ^= 1;
    assert!(only(&wrong)[0].starts_with("f = 120000 bytes … the gzip stream is damaged"), "{:?}", only(&wrong));
    let archive = tar(&[("a", b"whole"), ("b", &text)]);
    let cut = only(&archive[..3000]);
    assert_eq!(cut[0], "f!/a = whole");
    assert_eq!(cut[1], "f!/b = 1464 bytes … the tar archive ends at byte 3000 within this member");
    let unmarked = only(&archive[..1024]);
    assert_eq!(unmarked, ["f!/a = whole", "f failed: the tar archive ends at byte 1024 without its end mark"]);
    let whole = zip(&[member("a", b"whole")]);
    let cut = only(&whole[..whole.len() - 30]);
    assert!(cut.len() == 1 && cut[0].starts_with("f failed: the zip archive is damaged: "), "{cut:?}");
}

#[test]
fn tar_members_that_are_no_files_are_named_and_long_names_kept() {
    let mut out = ::tar::Builder::new(Vec::new());
    let mut header = ::tar::Header::new_gnu();
    header.set_entry_type(::tar::EntryType::Symlink);
    header.set_size(0);
    out.append_link(&mut header, "link", "/etc/passwd").unwrap();
    let long = "d/".repeat(150) + "file";
    let mut header = ::tar::Header::new_gnu();
    header.set_size(4);
    header.set_cksum();
    out.append_data(&mut header, &long, &b"text"[..]).unwrap();
    let bytes = out.into_inner().unwrap();
    let expected = ["f!/link skipped: symbolic link, not followed".to_owned(), format!("f!/{long} = text")];
    assert_eq!(only(&bytes), expected);
    assert_eq!(only(&gzip(&bytes)), expected);
}

#[test]
fn pax_headers_give_name_and_size() {
    let mut bytes = Vec::new();
    let mut put = |kind: ::tar::EntryType, name: &str, size: u64, body: &[u8]| {
        let mut header = ::tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_cksum();
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    };
    put(::tar::EntryType::XHeader, "x", 27, b"17 path=ein/Name\n10 size=5\n");
    put(::tar::EntryType::Regular, "short", 0, b"hello");
    put(::tar::EntryType::Regular, "next", 1, b"!");
    bytes.resize(bytes.len() + 1024, 0);
    assert_eq!(only(&bytes), ["f!/ein/Name = hello", "f!/next = !"]);
}

#[test]
fn the_depth_of_containers_is_limited() {
    let mut bytes = b"core".to_vec();
    for depth in 1..=6 {
        bytes = if depth % 2 == 0 { gzip(&bytes) } else { zip(&[member("z", &bytes)]) };
        let lines = only(&bytes);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].ends_with("= core"), depth <= 4, "{lines:?}");
        assert!(depth <= 4 || lines[0].ends_with("limit: more than 4 containers inside one another"), "{lines:?}");
    }
}

#[test]
fn a_compressed_stream_of_zeros_ends_early() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..400).for_each(|_| packed.write_all(&zeros).unwrap());
    let lines = only(&packed.finish().unwrap());
    let Some((bytes, reason)) = lines[0].strip_prefix("f = ").unwrap().split_once(" bytes … ") else {
        panic!("{lines:?}")
    };
    assert!(bytes.parse::<u64>().unwrap() < 140 << 20, "{bytes}");
    assert!(reason.starts_with("limit: more than 1000 bytes for each byte of"), "{reason}");
}

#[test]
fn members_that_share_their_bytes_are_refused() {
    let kernel = vec![b'a'; 100_000];
    let mut members = vec![member("0", &kernel)];
    let names: Vec<String> = (1..500).map(|n| n.to_string()).collect();
    members.extend(names.iter().map(|name| make::Member { same_as: Some(0), ..member(name, &kernel) }));
    let lines = only(&zip(&members));
    assert_eq!(lines.len(), 500);
    assert!(lines.iter().all(|line| line.contains("bytes overlap with another's")), "{lines:?}");
}

#[test]
fn an_archive_full_of_what_may_be_directories_costs_bounded_memory() {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend(b"PK\x01\x02".repeat(25 << 20));
    bytes.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0");
    let lines = only(&bytes);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("limit: more than 67108864 bytes to be read for a zip archive's directory"), "{lines:?}");
}

#[test]
fn a_nest_of_zips_costs_bounded_time_and_memory() {
    // As 42.zip: sixteen of the same in one another, at the bottom 160 MiB of zeros.
    let zeros = vec![0; 160 << 20];
    let mut bytes = zip(&[member("0.dll", &zeros)]);
    drop(zeros);
    let names: Vec<String> = (0..16).map(|n| format!("lib {n}.zip")).collect();
    for _ in 0..3 {
        let members: Vec<_> = names.iter().map(|name| member(name, &bytes)).collect();
        bytes = zip(&members);
    }
    let start = Instant::now();
    let lines = only(&bytes);
    assert!(
        lines.last().unwrap().starts_with("f failed: limit: more than 1000 bytes for each byte of the file"),
        "{lines:?}"
    );
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn members_total_bytes_and_what_is_set_aside_are_limited() {
    let limits = Limits { members: 3, ..Limits::default() };
    let too_many = "f failed: limit: more than 3 members in the archives of one file";
    let five: Vec<(&str, &[u8])> = ["a", "b", "c", "d", "e"].map(|name| (name, name.as_bytes())).to_vec();
    let zipped: Vec<_> = five.iter().map(|(name, bytes)| member(name, bytes)).collect();
    for bytes in [tar(&five), zip(&zipped)] {
        assert_eq!(only_within(&bytes, &limits), ["f!/a = a", "f!/b = b", "f!/c = c", too_many]);
    }
    let limits = Limits { expanded: 50_000, ..Limits::default() };
    let big = vec![7; 30_000];
    let lines = only_within(&zip(&[member("a", &big), member("b", &big), member("c", b"c")]), &limits);
    assert_eq!(lines[0], "f!/a = 30000 bytes");
    assert_eq!(lines.last().unwrap(), "f failed: limit: more than 50000 bytes came out of the file");
    assert!(lines.len() == 3, "{lines:?}");
    let limits = Limits { spool: 1000, ..Limits::default() };
    let lines = only_within(&gzip(&zip(&[make::Member { method: 0, ..member("a", &big) }])), &limits);
    assert_eq!(lines, ["f failed: limit: more than 1000 bytes of an archive to be set aside"]);
}

#[test]
fn a_large_nested_archive_is_set_aside_in_a_file() {
    let noise: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    let inner = zip(&[make::Member { method: 0, ..member("noise", &noise) }]);
    assert_eq!(only(&zip(&[make::Member { method: 0, ..member("in", &inner) }])), ["f!/in!/noise = 12000000 bytes"]);
}

#[test]
fn labels_lead_back_to_their_pieces() {
    let folder = folder();
    let inner = zip(&[member("logs/Security.evtx", b"one"), member("logs/Security.evtx", b"two")]);
    let path = write(&folder, "a!/backup.tar.gz", gzip(&tar(&[("x", b"x"), ("in.zip", &inner), ("in.zip!/y", b"y")])));
    let plain = write(&folder, "plain.log.gz", gzip(b"plain"));
    let labels: Vec<String> = Opener::new(&[path.clone(), plain], &Limits::default())
        .filter_map(|next| if let Next::Piece(opened) = next { Some(opened.piece.path.clone()) } else { None })
        .collect();
    assert_eq!(labels.len(), 5);
    for (label, expected) in labels.iter().zip(["x", "one", "two", "y", "plain"]) {
        let mut text = String::new();
        open_one(label, &Limits::default()).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, expected, "{label}");
    }
    let archive = path.display();
    let stored_labels = ["in.zip", "in.zip!/y", "z"].map(|name| format!("{archive}!/{name}")).into_iter();
    let mut seen = Vec::new();
    stored(&stored_labels.chain([labels[4].clone()]).collect(), &Limits::default(), &mut |label, bytes| {
        let mut read = Vec::new();
        let result = bytes.and_then(|bytes| bytes.read_to_end(&mut read));
        seen.push((label.rsplit('/').next().unwrap().to_owned(), result.map(|_| read).map_err(|error| error.kind())));
    });
    let expected = [("in.zip", Ok(inner)), ("y", Ok(b"y".to_vec())), ("z", Err(io::ErrorKind::NotFound))];
    let expected = expected.into_iter().chain([("plain.log.gz", Ok(gzip(b"plain")))]);
    assert_eq!(seen, expected.map(|(name, bytes)| (name.to_owned(), bytes)).collect::<Vec<_>>());
    for wrong in ["nowhere", &format!("{}!/z", path.display())] {
        let error = open_one(wrong, &Limits::default()).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    }
}

#[test]
fn pieces_tell_name_size_layers_and_looks() {
    let folder = folder();
    let text: Vec<u8> = "\u{feff}täglich\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let packed = gzip(&text);
    let path = write(&folder, "Export.TXT.gz", &packed);
    write(&folder, "report.docx", zip(&[member("[Content_Types].xml", b"<x/>")]));
    let mut opener = Opener::new(&[path, folder.path().join("report.docx")], &Limits::default());
    let Some(Next::Piece(opened)) = opener.next() else { panic!() };
    assert_eq!((&opened.name[..], opened.size), ("Export.TXT", Some(packed.len() as u64)));
    assert_eq!(opened.layers, ["gzip", "UTF-16 (little endian)"]);
    assert_eq!((opened.head(), opened.looks_like()), ("täglich\r\n".as_bytes(), "text"));
    let Some(Next::Piece(opened)) = opener.next() else { panic!() };
    assert_eq!(opened.looks_like(), "Office document");
}
