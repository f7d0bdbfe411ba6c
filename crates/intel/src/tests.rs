//! The filter and the finder against one another and against a plain judge.

use event::Encoding;
use proptest::prelude::*;

use crate::{
    Indicators, Kind, Loaded, Loader,
    filter::Filter,
    find::{Finder, Found},
    kind,
};

/// Indicators, one a line, all of which are some.
pub(crate) fn indicators(list: &str) -> Indicators {
    let loaded = load("list.txt", list);
    assert_eq!(loaded.refused, [], "{list}");
    loaded.indicators
}

pub(crate) fn load(path: &str, text: &str) -> Loaded {
    let mut loader = Loader::default();
    loader.add(path, &mut text.as_bytes()).unwrap();
    loader.finish()
}

/// What stands in a text, as people read it; a star marks those beside which something stands that says more.
fn found(indicators: &Indicators, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    Finder::default().find(indicators, text, &mut found);
    found.sort_unstable();
    found.dedup();
    let shown = |found: &Found| {
        let (kind, bytes) = indicators.get(found.indicator).unwrap();
        format!("{}{}", kind::shown(kind, bytes), if found.is_lesser { "*" } else { "" })
    };
    found.iter().map(shown).collect()
}

const LIST: &str = "\
cc9cf047aec871cefb1c7d4b8d5d3432
28978e987bc59e75ca22562924eab93355cf679e
evil.example
deep.in.other.example
https://site.example/wp-content/x.php
https://site.example/wp-content/x.php?id=7
http://198.51.100.9/start.html
http://ports.example:8080/a
198.51.100.7
203.0.113.0/24
203.0.113.64/26
2001:db8::17
2001:db8:1::/48
hr@people.example
BoeingPDF.exe
HSBC job offer.pdf
\\RemoteApp\\radcui.dll
%APPDATA%\\Microsoft\\RemoteApp\\radcui.dll
~df099.dat
";

#[test]
fn an_indicator_is_found_where_a_text_names_it_whole() {
    let list = indicators(LIST);
    let hash = "cc9cf047aec871cefb1c7d4b8d5d3432";
    for (text, expected) in [
        ("MD5=CC9CF047AEC871CEFB1C7D4B8D5D3432,SHA1=x", vec![hash]),
        ("cc9cf047aec871cefb1c7d4b8d5d34321", vec![]),
        ("xcc9cf047aec871cefb1c7d4b8d5d3432", vec![]),
        ("?h=%20cc9cf047aec871cefb1c7d4b8d5d3432%20", vec![hash]),
        ("https://www.Evil.example./path", vec!["evil.example"]),
        ("notevil.example", vec![]),
        ("evil.example.org", vec![]),
        ("\u{e4}evil.example", vec![]),
        ("?u=https%3A%2F%2Fevil.example%2Fx", vec!["evil.example"]),
        ("a.b.deep.in.other.example, in.other.example", vec!["deep.in.other.example"]),
        ("POST https://site.example/wp-content/x.php HTTP/1.1", vec!["site.example/wp-content/x.php"]),
        ("https://site.example:443/wp-content/x.php?id=7&x", vec!["site.example/wp-content/x.php?id=7"]),
        ("https://site.example/WP-content/x.php/more", vec!["site.example/wp-content/x.php"]),
        ("see site.example/wp-content/x.php.", vec!["site.example/wp-content/x.php"]),
        ("https://site.example/wp-content/x.phps", vec![]),
        ("https://site.example/wp-content/", vec![]),
        ("https://www.site.example/wp-content/x.php", vec![]),
        ("GET http://198.51.100.9/start.html", vec!["198.51.100.9/start.html"]),
        ("http://ports.example:8080/a", vec!["ports.example:8080/a"]),
        ("http://ports.example/a http://ports.example:8081/a", vec![]),
        ("from 198.51.100.7 port 22", vec!["198.51.100.7"]),
        ("198.51.100.7:443-198.51.100.8", vec!["198.51.100.7"]),
        ("198.51.100.70, 1198.51.100.7, 198.51.100.7.1, v198.51.100.7", vec![]),
        ("203.0.113.5 203.0.113.65", vec!["203.0.113.0/24", "203.0.113.64/26"]),
        ("[2001:DB8:0:0::17]:443", vec!["2001:db8::17"]),
        ("addr=2001:db8:1:2::3.", vec!["2001:db8:1::/48"]),
        ("2001:db8::171 12:30:15 [Convert]::F", vec![]),
        ("From: <HR@people.example>", vec!["hr@people.example"]),
        ("other.hr@people.example", vec![]),
        (r"C:\Users\a\BoeingPDF.exe", vec!["boeingpdf.exe"]),
        ("rm BoeingPDF.exe.", vec!["boeingpdf.exe"]),
        ("BoeingPDF.exe.bak xBoeingPDF.exe BoeingPDF.exe_", vec![]),
        (r#"start "C:\x\HSBC job offer.pdf""#, vec!["hsbc job offer.pdf"]),
        ("open HSBC%20job%20offer.pdf", vec!["hsbc job offer.pdf"]),
        (r"C:\Users\a\AppData\Roaming\Microsoft\\RemoteApp\radcui.dll", vec!["microsoft/remoteapp/radcui.dll"]),
        (r"D:\RemoteApp\radcui.dll", vec!["remoteapp/radcui.dll"]),
        (r"D:\MyRemoteApp\radcui.dll", vec![]),
        ("C:/x/~DF099.dat", vec!["~df099.dat"]),
    ] {
        assert_eq!(found(&list, text), expected, "{text}");
    }
}

#[test]
fn what_says_more_is_told_apart() {
    let list = indicators("evil.example\nhttps://evil.example/a\nhr@evil.example\nx.exe\n\\a\\x.exe\n");
    assert_eq!(found(&list, "https://evil.example/a"), ["evil.example*", "evil.example/a"]);
    assert_eq!(found(&list, "hr@evil.example"), ["evil.example*", "hr@evil.example"]);
    assert_eq!(found(&list, "c:/a/x.exe"), ["x.exe*", "a/x.exe"]);
    assert_eq!(found(&list, "c:/b/x.exe"), ["x.exe"]);
}

/// The judge: every place where the indicator's characters stand, with what may not be beside them.
fn plainly(kind: Kind, bytes: &[u8], text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let needle = kind::shown(kind, bytes);
    let is_in = |class: fn(char) -> bool, c: Option<char>| c.is_some_and(class);
    text.match_indices(&needle).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let rest = &text[at + needle.len()..];
        let behind = rest.chars().next();
        let second = rest.chars().nth(1);
        let host = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c) || !c.is_ascii();
        let name = |c: char| c.is_ascii_alphanumeric() || "_-~$%+".contains(c) || !c.is_ascii();
        let points_before = text[..at].trim_end_matches('.').chars().next_back();
        let points = rest.trim_start_matches('.').chars().next();
        match kind {
            Kind::Hash => [before, behind].iter().all(|c| !is_in(|c| c.is_ascii_alphanumeric() || !c.is_ascii(), *c)),
            Kind::Domain => !is_in(host, before) && !is_in(host, if behind == Some('.') { points } else { behind }),
            Kind::Address => {
                let whole = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
                let before = if before == Some('.') { points_before } else { before };
                !is_in(whole, before) && !is_in(whole, if behind == Some('.') { points } else { behind })
            }
            Kind::FileName => {
                !is_in(name, before)
                    && before != Some('.')
                    && !is_in(name, if behind == Some('.') { points } else { behind })
            }
            Kind::Url => {
                let word = |c: char| c.is_ascii_alphanumeric() || "-_~%+".contains(c) || !c.is_ascii();
                let in_path = text[..at].ends_with('/') && !text[..at].ends_with("//");
                let before = if before == Some('.') { points_before } else { before };
                let goes_on = is_in(word, behind) || behind == Some('.') && is_in(word, second);
                !in_path && !goes_on && !is_in(host, before)
            }
            _ => unreachable!("not generated"),
        }
    })
}

const PLAIN: [&str; 6] = [
    "cc9cf047aec871cefb1c7d4b8d5d3432",
    "evil.example",
    "site.test/a/x.php",
    "198.51.100.7",
    "offer.pdf",
    "~df099.dat",
];

/// Characters that stand beside indicators, and parts of them.
fn beside() -> impl Strategy<Value = String> {
    let parts =
        ["a", "7", ".", "-", "_", "/", "//", "\\", ":", " ", "~", "+", "ä", "@", "?", "\"", "c", "0", "x.", ".y"];
    proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..3).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn the_finder_equals_the_plain_judge(parts in proptest::collection::vec((beside(), 0..PLAIN.len(), any::<bool>()), 1..4), end in beside()) {
        let list = indicators(&PLAIN.join("\n"));
        let mut text = String::new();
        for (before, which, is_upper) in parts {
            text += &before;
            text += &if is_upper { PLAIN[which].to_uppercase() } else { PLAIN[which].to_owned() };
        }
        text += &end;
        let expected: Vec<String> =
            list.all().filter(|(kind, bytes)| plainly(*kind, bytes, &text)).map(|(kind, bytes)| kind::shown(kind, bytes)).collect();
        let found: Vec<String> = found(&list, &text).iter().map(|one| one.trim_end_matches('*').to_owned()).collect();
        prop_assert_eq!(found, expected, "{}", text);
    }

    /// Whatever stands beside an indicator in raw bytes: escapes, other values without anything between.
    #[test]
    fn the_filter_never_rules_an_indicator_out(
        which in 0..15usize,
        before in "[ -~]{0,12}",
        escape in proptest::sample::select(vec!["", "\\n", "\\u000a", "\\u0020", "%20", "%2F", "#012", "\\x22", "1", "1234", "f", "\\"]),
        behind in proptest::sample::select(vec!["", " ", "\\n", "\"", "%20", "&quot;", "#012"]),
        more in "[ -~]{0,12}",
        is_odd in any::<bool>(),
    ) {
        let list = indicators(LIST);
        let filter = Filter::new(&list);
        let written = [
            "CC9CF047AEC871CEFB1C7D4B8D5D3432", "28978e987bc59e75ca22562924eab93355cf679e", "www.evil.Example", "evil.example",
            "deep.in.other.example", "site.example/wp-content/x.php", "198.51.100.9/start.html", "198.51.100.7", "203.0.113.65",
            "2001:db8::17", "2001:db8:1:2:3:4:5:6", "hr@people.example", "BoeingPDF.exe", "HSBC job offer.pdf", "~df099.dat",
        ][which];
        let text = format!("{before}{escape}{written}{behind}{more}");
        // In text, what runs on is another number or name.
        let runs_on = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.') && escape.is_empty()
            || matches!(escape, "1" | "1234" | "f")
            || behind.is_empty() && more.starts_with(|c: char| c.is_ascii_alphanumeric());
        // Of what may be a hash or an IPv6 address the hit may be anywhere in the run; no run goes beyond a record.
        let start = if matches!(which, 0 | 1 | 9 | 10) { 0 } else { before.len() + escape.len() };
        let range = start..text.len() - behind.len() - more.len();
        for encoding in [Encoding::Utf8, Encoding::RawText] {
            let mut hits = Vec::new();
            filter.hits(text.as_bytes(), encoding, &mut hits);
            prop_assert!(hits.is_sorted());
            prop_assert!(runs_on || hits.iter().any(|hit| range.contains(hit)), "{}: {:?}", text, hits);
        }
        let mut raw: Vec<u8> = if is_odd { vec![7] } else { vec![] };
        raw.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let mut hits = Vec::new();
        filter.hits(&raw, Encoding::Utf16Le, &mut hits);
        let odd = usize::from(is_odd);
        prop_assert!(hits.iter().any(|hit| (odd + range.start * 2..odd + range.end * 2).contains(hit)), "{}: {:?}", text, hits);
    }

    #[test]
    fn no_text_makes_the_finder_fail(text in "\\PC{0,200}", list in "\\PC{0,200}") {
        let loaded = load("list", &format!("x\n{list}\n{LIST}"));
        let mut found = Vec::new();
        Finder::default().find(&loaded.indicators, &text, &mut found);
        let mut hits = Vec::new();
        for encoding in [Encoding::Utf8, Encoding::RawText, Encoding::Utf16Le] {
            Filter::new(&loaded.indicators).hits(text.as_bytes(), encoding, &mut hits);
        }
    }
}

#[test]
fn a_long_text_of_many_names_costs_no_more_than_its_length() {
    let list = indicators(&format!("{LIST}\nhttps://a.example/{}\n", "b/".repeat(200)));
    let start = std::time::Instant::now();
    for part in
        ["a.b", "a.b/", "a.b//", "a.b+", "a.b\\", "a.b ", "x@", "1.", "a.example//", ":", "fe80:", "f", "%2f.x", "a-"]
    {
        let text = part.repeat((1 << 20) / part.len());
        assert_eq!(found(&list, &text), Vec::<String>::new(), "{part}");
    }
    // Quadratic time would take hours.
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
}
