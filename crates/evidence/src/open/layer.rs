//! One layer of bytes that lie in memory: for those who hold files that are no files of a disk, as what is attached to mail.

use std::{
    io::{self, Read},
    sync::Arc,
};

use super::{
    bytes::{Headed, Section, Source},
    codec::Codec,
    limits::{Budget, Limits},
    seven_zip::{SevenZip, is_seven_zip},
    tar::{self, Tar},
};

/// What [`layer`] shows files to: the path within, and the bytes or why they are not read. An error of the kind `Unsupported` stands for what is no
/// file, as links, and for what stays closed without a password.
pub type ShowFile<'a> = dyn FnMut(&str, io::Result<&mut dyn Read>) + 'a;

/// Shows the files one layer inside of bytes called `name`: the members of a 7z archive, opened with `password` where that is not empty, or of a tar
/// archive, compressed or not, or else the one file that a compressed stream (gzip, zstd, bzip2, xz) holds, under its name without the stream's ending.
/// Tells how many bytes were unpacked; `None` where the bytes are nothing of that.
pub fn layer(name: &str, bytes: Vec<u8>, password: &str, limits: &Limits, show: &mut ShowFile<'_>) -> Option<u64> {
    let (codec, is_seven_zip) = (Codec::of(&bytes), is_seven_zip(&bytes));
    if codec.is_none() && !is_seven_zip && !tar::is_tar(&bytes) {
        return None;
    }
    let budget = Arc::new(Budget::new(limits, bytes.len() as u64));
    let shown = match codec {
        Some(codec) => codec
            .expand(Section::of_bytes(bytes), &budget)
            .and_then(Headed::new)
            .and_then(|stream| expanded(&codec.strip(name), stream, &budget, show)),
        None if is_seven_zip => packed(name, SevenZip::new(Section::of_bytes(bytes), password, &budget), &budget, show),
        None => members(Source::Section(Section::of_bytes(bytes)), &budget, show),
    };
    if let Err(error) = shown {
        show(name, Err(error));
    }
    Some(budget.expanded())
}

/// Shows what came out of a compressed stream.
fn expanded(
    name: &str,
    mut stream: Headed<Box<dyn Read + Send>>,
    budget: &Arc<Budget>,
    show: &mut ShowFile<'_>,
) -> io::Result<()> {
    if tar::is_tar(stream.head()) {
        return members(Source::Stream(Box::new(stream)), budget, show);
    }
    show(name, Ok(&mut stream));
    Ok(())
}

/// Shows the members of a tar archive.
fn members(source: Source, budget: &Arc<Budget>, show: &mut ShowFile<'_>) -> io::Result<()> {
    let mut archive = Tar::new(source, budget);
    while let Some(entry) = archive.next()? {
        match entry {
            tar::Entry::File { name, mut source, .. } => {
                show(name.strip_prefix("./").unwrap_or(&name), Ok(&mut source))
            }
            tar::Entry::Other { name, reason } => show(&name, Err(io::Error::new(io::ErrorKind::Unsupported, reason))),
        }
    }
    budget.broken().map_or(Ok(()), |reason| Err(io::Error::other(reason.to_owned())))
}

/// Shows the members of a 7z archive.
fn packed(name: &str, mut archive: SevenZip, budget: &Arc<Budget>, show: &mut ShowFile<'_>) -> io::Result<()> {
    while let Some(entry) = archive.next() {
        let path = entry.name.clone();
        match archive.open(entry) {
            Ok(mut source) => show(&path, Ok(&mut source)),
            Err(refused) => show(&path, Err(refused.into())),
        }
    }
    if let Some(refused) = archive.failure.take() {
        show(name, Err(refused.into()));
    }
    budget.broken().map_or(Ok(()), |reason| Err(io::Error::other(reason.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = ::tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = ::tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn shown(name: &str, bytes: Vec<u8>, limits: &Limits) -> (Option<u64>, Vec<String>) {
        let mut shown = Vec::new();
        let out = layer(name, bytes, "", limits, &mut |path, file| {
            let mut bytes = Vec::new();
            let read = file.and_then(|file| file.read_to_end(&mut bytes));
            shown.push(read.map_or_else(|error| format!("{path}: {error}"), |len| format!("{path} {len}")));
        });
        (out, shown)
    }

    #[test]
    fn one_layer_is_shown_and_no_more() {
        let archive = tar(&[("./a.txt", b"hello"), ("b/c.gz", &gzip(b"inner"))]);
        let expected = ["a.txt 5".to_owned(), format!("b/c.gz {}", gzip(b"inner").len())];
        assert_eq!(shown("x.tar", archive.clone(), &Limits::default()), (Some(0), expected.to_vec()));
        assert_eq!(shown("x.tgz", gzip(&archive), &Limits::default()).1, expected);
        assert_eq!(shown("offer.exe.gz", gzip(b"MZ"), &Limits::default()), (Some(2), vec!["offer.exe 2".to_owned()]));
        assert_eq!(shown("x", b"plain".to_vec(), &Limits::default()), (None, vec![]));
    }

    #[test]
    fn limits_hold_and_damage_is_told() {
        let limits = Limits { expanded: 1 << 20, members: 3, ..Limits::default() };
        let (out, told) = shown("x.gz", gzip(&vec![0; 8 << 20]), &limits);
        assert!(out.is_some_and(|out| out < 8 << 20) && told[0].contains("limit: more than 1048576 bytes"), "{told:?}");
        let many: Vec<(&str, &[u8])> = vec![("a", b"x"); 9];
        let (_, told) = shown("x.tar", tar(&many), &limits);
        assert!(told.last().is_some_and(|told| told.contains("limit: more than 3 members")), "{told:?}");
        let whole = gzip(&tar(&[("a", &[7; 9000])]));
        for len in 3..whole.len() {
            assert!(!shown("x.tgz", whole[..len].to_vec(), &limits).1.is_empty());
        }
    }
}
