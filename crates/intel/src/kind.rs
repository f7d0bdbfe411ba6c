//! What an indicator is, and the one form in which each kind is kept and compared.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use event::Level;

/// What an indicator names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file by its MD5, SHA-1 or SHA-256; kept as its bytes.
    Hash,
    /// A domain and all below it; kept in lower case.
    Domain,
    /// A host with a path, without scheme; kept in lower case: `host[:port]/path[?query]`.
    Url,
    /// An IPv4 or IPv6 address; kept as its bytes.
    Address,
    /// A network; kept as the bytes of its first address and its length in bits.
    Network,
    /// A file by its name alone; kept in lower case.
    FileName,
    /// A file by its name and some of the folders above it; kept in lower case, with `/` between them.
    FilePath,
    /// A mail address; kept in lower case.
    MailAddress,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Hash,
        Self::Domain,
        Self::Url,
        Self::Address,
        Self::Network,
        Self::FileName,
        Self::FilePath,
        Self::MailAddress,
    ];

    /// The kind in a rule's id.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Address => "address",
            Self::Network => "network",
            Self::FileName => "file-name",
            Self::FilePath => "file-path",
            Self::MailAddress => "mail-address",
        }
    }

    /// How much it says when an indicator of this kind stands in a record: see docs/indicators.md.
    pub const fn level(self) -> Level {
        match self {
            Self::Hash | Self::Url => Level::High,
            Self::Domain | Self::FilePath | Self::MailAddress => Level::Medium,
            Self::Address | Self::Network | Self::FileName => Level::Low,
        }
    }

    /// A number of its own.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }
}

/// What a list says of an entry's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hint {
    /// Nothing: what it looks like counts.
    Any,
    /// A hash of any length known.
    Hash,
    /// A domain or a host's name.
    Domain,
    /// A URL, or a host with a path.
    Url,
    /// An address or network.
    Address,
    /// A file's name or path.
    File,
    /// A mail address.
    Mail,
}

/// Why an entry is no indicator: what was expected.
pub(crate) type Refusal = &'static str;

/// Longer entries are none.
pub(crate) const MAX_LENGTH: usize = 2048;

/// Endings, sorted, by which an entry without kind is taken for a file rather than for a domain: those that are no top-level domain.
const FILE_ENDINGS: [&str; 52] = [
    "7z", "asp", "aspx", "bat", "bin", "bmp", "cab", "chm", "cmd", "css", "csv", "dat", "db", "dll", "dmp", "doc",
    "docm", "docx", "elf", "exe", "gif", "hta", "htm", "html", "img", "iso", "jar", "jpeg", "jpg", "js", "json", "jsp",
    "lnk", "log", "msi", "ocx", "pdf", "php", "png", "pptx", "ps1", "rar", "rtf", "scr", "sys", "tmp", "txt", "vbs",
    "vhd", "xls", "xlsx", "xsl",
];

/// Reads an entry into `out`, in the form in which its kind is kept.
pub(crate) fn read(hint: Hint, text: &str, out: &mut Vec<u8>) -> Result<Kind, Refusal> {
    out.clear();
    if text.len() > MAX_LENGTH {
        return Err("expected at most 2,048 bytes");
    }
    let refanged;
    let text = match refang(text.trim()) {
        Some(text) => {
            refanged = text;
            refanged.trim()
        }
        None => text.trim(),
    };
    let hint = if hint == Hint::Any { guess(text) } else { hint };
    match hint {
        Hint::Hash => hash(text, out),
        Hint::Address => address(text, out),
        Hint::Url => url(text, out),
        Hint::File => file(text, out),
        Hint::Mail => mail(text, out),
        Hint::Any | Hint::Domain => {
            domain(text, out)?;
            Ok(Kind::Domain)
        }
    }
}

/// What an entry looks like.
fn guess(text: &str) -> Hint {
    let bytes = text.as_bytes();
    if matches!(bytes.len(), 32 | 40 | 64) && bytes.iter().all(u8::is_ascii_hexdigit) {
        return Hint::Hash;
    }
    let (start, length) = text.split_once('/').unwrap_or((text, "0"));
    let is_number = start.ends_with(|c: char| c.is_ascii_hexdigit() || matches!(c, ':' | ']')) && start.len() <= 45;
    if is_number && start.parse::<IpAddr>().is_ok() && length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Hint::Address;
    }
    if text.contains("://") {
        return Hint::Url;
    }
    if text.contains('\\') || text.starts_with(['/', '%', '~']) {
        return Hint::File;
    }
    if text.contains('/') {
        return Hint::Url;
    }
    if text.contains('@') {
        return Hint::Mail;
    }
    let ending = text.rsplit('.').next().unwrap_or_default();
    let is_known = |ending: &str| FILE_ENDINGS.binary_search(&&*ending.to_ascii_lowercase()).is_ok();
    let is_file = text.contains(' ') || ending.len() <= 4 && is_known(ending);
    if is_file { Hint::File } else { Hint::Domain }
}

/// What an entry stands for that was written so that nobody follows it by mistake: `hxxp`, `[.]`; `None` where it was not.
fn refang(text: &str) -> Option<String> {
    const WRITTEN: [(&str, &str); 14] = [
        ("[://]", "://"),
        ("[.]", "."),
        ("(.)", "."),
        ("{.}", "."),
        ("[dot]", "."),
        ("(dot)", "."),
        ("[DOT]", "."),
        ("[:]", ":"),
        ("[/]", "/"),
        ("[@]", "@"),
        ("(@)", "@"),
        ("[at]", "@"),
        ("(at)", "@"),
        ("[AT]", "@"),
    ];
    let is_hidden = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("hxxp"));
    if !is_hidden && memchr::memchr3(b'[', b'(', b'{', text.as_bytes()).is_none() {
        return None;
    }
    let mut plain = if is_hidden { format!("http{}", text.get(4..).unwrap_or_default()) } else { text.to_owned() };
    for (hidden, meant) in WRITTEN {
        if plain.contains(hidden) {
            plain = plain.replace(hidden, meant);
        }
    }
    Some(plain)
}

fn hash(text: &str, out: &mut Vec<u8>) -> Result<Kind, Refusal> {
    const NO_HASH: Refusal = "expected an MD5, SHA-1 or SHA-256 in hexadecimal";
    if !matches!(text.len(), 32 | 40 | 64) {
        return Err(NO_HASH);
    }
    unhex(text.as_bytes(), out).ok_or(NO_HASH)?;
    if EMPTY.iter().any(|empty| out.starts_with(empty)) || out.iter().all(|byte| *byte == 0) {
        return Err("expected the hash of a file with content, found that of an empty one");
    }
    Ok(Kind::Hash)
}

/// How the MD5, SHA-1 and SHA-256 of nothing at all begin.
const EMPTY: [[u8; 8]; 3] = [
    [0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04],
    [0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d],
    [0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14],
];

/// Appends the bytes that hexadecimal digits, an even number of them, stand for.
pub(crate) fn unhex(digits: &[u8], out: &mut Vec<u8>) -> Option<()> {
    for [high, low] in digits.as_chunks::<2>().0 {
        out.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(())
}

/// The value of a hexadecimal digit.
pub(crate) const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

const NO_ADDRESS: Refusal = "expected an IPv4 or IPv6 address, or a network such as 198.51.100.0/24";

fn address(text: &str, out: &mut Vec<u8>) -> Result<Kind, Refusal> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| NO_ADDRESS)?)),
        None => (text, None),
    };
    let address: IpAddr = address.trim_matches(['[', ']']).parse().map_err(|_| NO_ADDRESS)?;
    let (address, mapped) = match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or((address, false), |four| (IpAddr::V4(four), true)),
        IpAddr::V4(_) => (address, false),
    };
    let length = length.map(|length| if mapped { length.saturating_sub(96) } else { length });
    check(address)?;
    let (bits, shortest) = match address {
        IpAddr::V4(_) => (32, 8),
        IpAddr::V6(_) => (128, 16),
    };
    match length {
        Some(length) if length > bits => return Err(NO_ADDRESS),
        Some(length) if length < shortest => return Err("expected a network of at most a 256th of the internet"),
        _ => {}
    }
    let length = length.filter(|length| *length < bits);
    match address {
        IpAddr::V4(four) => out.extend((u32::from(four) & mask4(length.unwrap_or(32))).to_be_bytes()),
        IpAddr::V6(six) => out.extend((u128::from(six) & mask6(length.unwrap_or(128))).to_be_bytes()),
    }
    out.extend(length);
    Ok(if length.is_some() { Kind::Network } else { Kind::Address })
}

/// The leading bits of an IPv4 address.
pub(crate) const fn mask4(length: u8) -> u32 {
    match 32u8.saturating_sub(length) {
        32 => 0,
        shift => u32::MAX << shift,
    }
}

/// The leading bits of an IPv6 address.
pub(crate) const fn mask6(length: u8) -> u128 {
    match 128u8.saturating_sub(length) {
        128 => 0,
        shift => u128::MAX << shift,
    }
}

/// Refuses addresses that everybody has.
fn check(address: IpAddr) -> Result<(), Refusal> {
    let is_everybodys = match address {
        IpAddr::V4(four) => is_everybodys4(four),
        IpAddr::V6(six) => is_everybodys6(six),
    };
    if is_everybodys {
        return Err("expected an address on the internet, found one that every network has");
    }
    Ok(())
}

const fn is_everybodys4(four: Ipv4Addr) -> bool {
    four.is_unspecified()
        || four.is_loopback()
        || four.is_private()
        || four.is_link_local()
        || four.is_broadcast()
        || four.is_multicast()
}

const fn is_everybodys6(six: Ipv6Addr) -> bool {
    six.is_unspecified()
        || six.is_loopback()
        || six.is_multicast()
        || six.is_unique_local()
        || six.is_unicast_link_local()
}

fn domain(text: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    const NO_DOMAIN: Refusal = "expected a domain such as evil.example in ASCII (punycode)";
    let text = text.strip_prefix("*.").unwrap_or(text).trim_matches('.');
    if text.len() > 253 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    {
        return Err(NO_DOMAIN);
    }
    let Some((before, last)) = text.rsplit_once('.') else { return Err(NO_DOMAIN) };
    let is_top_level = last.len() >= 2 && last.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !is_top_level || before.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(NO_DOMAIN);
    }
    out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
    Ok(())
}

fn url(text: &str, out: &mut Vec<u8>) -> Result<Kind, Refusal> {
    const NO_URL: Refusal = "expected a URL of a host by name or IPv4 address";
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(NO_URL)?;
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| NO_URL)?)),
        None => (authority, None),
    };
    let path = path.split('#').next().unwrap_or_default();
    if path.trim_end_matches('/').is_empty() {
        // A host by itself says no more with a scheme than without.
        return if host.parse::<Ipv4Addr>().is_ok() {
            address(host, out)
        } else {
            domain(host, out).map(|()| Kind::Domain)
        };
    }
    match host.parse::<Ipv4Addr>() {
        Ok(four) => {
            check(IpAddr::V4(four))?;
            out.extend(host.as_bytes());
        }
        Err(_) => domain(host, out).map_err(|_| NO_URL)?,
    }
    let usual = matches!((scheme, port), (_, None | Some(80 | 443)));
    if let Some(port) = port.filter(|_| !usual) {
        out.extend(format!(":{port}").as_bytes());
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    out.extend(slash.bytes().chain(path.trim_end_matches('/').bytes()).map(|byte| byte.to_ascii_lowercase()));
    Ok(Kind::Url)
}

fn mail(text: &str, out: &mut Vec<u8>) -> Result<Kind, Refusal> {
    const NO_MAIL: Refusal = "expected a mail address such as name@evil.example";
    let text = text.strip_prefix("mailto:").unwrap_or(text).trim_matches(['<', '>']);
    let (local, host) = text.rsplit_once('@').ok_or(NO_MAIL)?;
    if local.is_empty() || local.len() > 64 || !local.bytes().all(is_local) {
        return Err(NO_MAIL);
    }
    out.extend(local.bytes().map(|byte| byte.to_ascii_lowercase()));
    out.push(b'@');
    domain(host, out).map_err(|_| NO_MAIL)?;
    Ok(Kind::MailAddress)
}

/// Whether a byte may stand before the `@` of a mail address.
pub(crate) const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

/// Whether a byte goes on with the name of a file: what stands beside one is none of these.
pub(crate) const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~' | b'$' | b'%' | b'+') || byte >= 0x80
}

/// Whether a character may be in no name of a file on Windows, or parts folders.
pub(crate) const fn parts_names(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | b':' | b'"' | b'*' | b'?' | b'<' | b'>' | b'|') || byte.is_ascii_control()
}

/// The longest name of a file, in bytes.
pub(crate) const MAX_NAME: usize = 255;

fn file(text: &str, out: &mut Vec<u8>) -> Result<Kind, Refusal> {
    const NO_FILE: Refusal = "expected the name or path of a file that ends in a point and an ending, such as .exe";
    let text = text.trim_matches('"');
    let lower = text.to_ascii_lowercase().replace('\\', "/");
    // Before a placeholder (`%TEMP%`, `<USER>`), a drive and a home anything may stand.
    let path = lower.rsplit(['%', '<', '>', ':']).next().unwrap_or_default().trim_start_matches("~/");
    let has_folder = path.starts_with('/') || path.contains('/');
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let name = parts.next_back().unwrap_or_default();
    let run = name.bytes().rev().take_while(|byte| is_name(*byte)).count();
    let ending = name.get(name.len() - run..).unwrap_or(name).rsplit_once('.').map_or("", |(_, ending)| ending);
    if path.ends_with('/') || name.len() > MAX_NAME || name.bytes().any(parts_names) || gram(name.as_bytes()).is_none()
    {
        return Err(NO_FILE);
    }
    if ending.is_empty() || lower.contains([']', '{', '^']) && lower.contains(['[', '$', '(']) {
        return Err("expected the name of a file, found what may be a regular expression");
    }
    let folders: Vec<&str> = parts.collect();
    folders.iter().for_each(|folder| out.extend(folder.bytes().chain([b'/'])));
    out.extend(name.as_bytes());
    Ok(if folders.is_empty() || !has_folder { Kind::FileName } else { Kind::FilePath })
}

/// Whether a byte stands in raw bytes as it is whatever the format, and is never percent-encoded (RFC 3986, section 2.3).
pub(crate) const fn is_gram(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~')
}

/// The characters around a point by which a text is looked for in raw bytes: up to eight before it and two behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gram {
    pub(crate) before: [u8; 8],
    /// How many there are before the point, at the end of `before`.
    pub(crate) length: u8,
    pub(crate) behind: [u8; 2],
}

/// The gram of the point that has the most before it; of equals the last one.
pub(crate) fn gram(text: &[u8]) -> Option<Gram> {
    let points = memchr::memchr_iter(b'.', text);
    points.filter_map(|point| gram_at(text, point)).max_by_key(|gram| gram.length)
}

fn gram_at(text: &[u8], point: usize) -> Option<Gram> {
    let [first, second, ..] = *text.get(point + 1..)? else { return None };
    let (mut before, mut length) = ([0; 8], 0);
    let chars = text.get(..point)?.iter().rev().take_while(|byte| is_gram(**byte));
    for (slot, byte) in before.iter_mut().rev().zip(chars) {
        *slot = byte.to_ascii_lowercase();
        length += 1;
    }
    let behind = [first.to_ascii_lowercase(), second.to_ascii_lowercase()];
    (length > 0 && behind.iter().all(|byte| is_gram(*byte))).then_some(Gram { before, length, behind })
}

/// An indicator as people read it.
pub(crate) fn shown(kind: Kind, bytes: &[u8]) -> String {
    match (kind, bytes) {
        (Kind::Hash, _) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        (Kind::Address | Kind::Network, _) => shown_address(bytes).unwrap_or_default(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn shown_address(bytes: &[u8]) -> Option<String> {
    let (address, length) = match bytes.len() {
        4 | 5 => {
            let (four, length) = bytes.split_first_chunk::<4>()?;
            (IpAddr::from(*four), length)
        }
        _ => {
            let (six, length) = bytes.split_first_chunk::<16>()?;
            (IpAddr::from(*six), length)
        }
    };
    Some(length.first().map_or_else(|| address.to_string(), |length| format!("{address}/{length}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(hint: Hint, text: &str) -> Result<(Kind, String), Refusal> {
        let mut out = Vec::new();
        read(hint, text, &mut out).map(|kind| (kind, shown(kind, &out)))
    }

    #[test]
    fn what_an_entry_looks_like_is_what_it_is() {
        for (text, kind, shown) in [
            ("CC9CF047AEC871CEFB1C7D4B8D5D3432", Kind::Hash, "cc9cf047aec871cefb1c7d4b8d5d3432"),
            ("Evil.Example.", Kind::Domain, "evil.example"),
            ("*.evil.example", Kind::Domain, "evil.example"),
            ("evil[.]example", Kind::Domain, "evil.example"),
            ("hxxps[://]evil[.]example/A/b.php#x", Kind::Url, "evil.example/a/b.php"),
            ("http://evil.example:8080/a?b=C", Kind::Url, "evil.example:8080/a?b=c"),
            ("http://evil.example:80/a/", Kind::Url, "evil.example/a"),
            ("https://evil.example/", Kind::Domain, "evil.example"),
            ("http://198.51.100.7/", Kind::Address, "198.51.100.7"),
            ("http://198.51.100.7/x", Kind::Url, "198.51.100.7/x"),
            ("evil.example/a", Kind::Url, "evil.example/a"),
            ("198.51.100[.]7", Kind::Address, "198.51.100.7"),
            ("198.51.100.7/24", Kind::Network, "198.51.100.0/24"),
            ("198.51.100.7/32", Kind::Address, "198.51.100.7"),
            ("2001:DB8:0::1", Kind::Address, "2001:db8::1"),
            ("::ffff:198.51.100.7", Kind::Address, "198.51.100.7"),
            ("2001:db8::/32", Kind::Network, "2001:db8::/32"),
            ("HR[at]Evil.example", Kind::MailAddress, "hr@evil.example"),
            ("BoeingPDF.exe", Kind::FileName, "boeingpdf.exe"),
            ("\\BoeingPDF.exe", Kind::FileName, "boeingpdf.exe"),
            ("HSBC job offer.pdf", Kind::FileName, "hsbc job offer.pdf"),
            ("%TEMP%\\7zO\\Quiz1.exe", Kind::FilePath, "7zo/quiz1.exe"),
            ("C:\\Users\\<USER>\\AppData\\x.dat", Kind::FilePath, "appdata/x.dat"),
            (":\\ProgramData\\~DF1.tmp", Kind::FilePath, "programdata/~df1.tmp"),
            ("/tmp/.x/run.sh", Kind::FilePath, "tmp/.x/run.sh"),
        ] {
            assert_eq!(read_as(Hint::Any, text), Ok((kind, shown.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for (hint, text) in [
            (Hint::Any, ""),
            (Hint::Any, "localhost"),
            (Hint::Any, "com"),
            (Hint::Any, "127.0.0.1"),
            (Hint::Any, "192.168.0.0/16"),
            (Hint::Any, "0.0.0.0/0"),
            (Hint::Any, "198.51.100.0/33"),
            (Hint::Any, "d41d8cd98f00b204e9800998ecf8427e"),
            (Hint::Any, "büro.example"),
            (Hint::Any, "a..example"),
            (Hint::Hash, "cc9c"),
            (Hint::File, "guiconfigd"),
            (Hint::File, "E:\\Work\\Troy\\"),
            (Hint::File, "\\~DF[A-Fa-f0-9]{3,4}.(tmp|dat)$"),
            (Hint::Mail, "a b@evil.example"),
            (Hint::Url, "http:///x"),
        ] {
            assert!(read_as(hint, text).is_err(), "{text}: {:?}", read_as(hint, text));
        }
    }
}
