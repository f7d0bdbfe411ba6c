//! Conversations with a line for each message: WhatsApp's and KakaoTalk's text, and what people copy out of a window.

use super::parse::Message;

/// Longest name of a person, in bytes.
const MAX_NAME: usize = 120;
/// Longest date and time, in bytes.
const MAX_STAMP: usize = 60;
/// So many lines tell what a text is.
const HEAD: usize = 12;

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    /// Somebody says something.
    Said { person: &'a str, text: &'a str },
    /// Somebody's name; what is said follows on the next lines.
    Heading { person: &'a str },
    /// What the program itself says.
    Notice,
    /// More of what was said before.
    More,
}

/// Whether a text begins as an export of WhatsApp or KakaoTalk does.
pub(super) fn is_export(head: &str) -> bool {
    let lines: Vec<String> = head.lines().map(cleaned).filter(|line| !line.is_empty()).take(HEAD).collect();
    let begins = lines.first().is_some_and(|line| {
        line.contains("카카오톡") || line.starts_with("KakaoTalk") || !matches!(line_of(line), Line::More)
    });
    begins && lines.iter().any(|line| matches!(line_of(line), Line::Said { .. }))
}

/// The messages of an export.
pub(super) fn export(text: &str) -> Vec<Message> {
    gathered(text, line_of)
}

/// The messages of text that somebody pasted: those of a window, if names and times stand over what is said; else the text is one.
pub(super) fn pasted(text: &str) -> Vec<Message> {
    let messages = gathered(text, |line| match line_of(line) {
        said @ Line::Said { .. } => said,
        other => heading(line).map_or(other, |person| Line::Heading { person }),
    });
    let is_conversation = messages.iter().filter(|message| !message.person.is_empty()).count() > 1;
    if is_conversation {
        messages
    } else {
        vec![Message { number: 1, text: text.to_owned(), is_of_lines: true, ..Message::default() }]
    }
}

/// Messages of lines. What stands before the first one is nobody's.
fn gathered(text: &str, line_of: impl Fn(&str) -> Line<'_>) -> Vec<Message> {
    let mut messages = Vec::<Message>::new();
    let mut is_notice = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = cleaned(line);
        let (person, text) = match line_of(&line) {
            Line::Said { person, text } => (person, text),
            Line::Heading { person } => (person, ""),
            Line::Notice => {
                is_notice = true;
                continue;
            }
            Line::More if is_notice => continue,
            Line::More => match messages.last_mut() {
                Some(last) => {
                    last.file = last.file.take().or_else(|| file(&line));
                    last.text.push('\n');
                    last.text.push_str(&line);
                    continue;
                }
                None if line.trim().is_empty() => continue,
                None => ("", line.as_str()),
            },
        };
        is_notice = false;
        let (person, text, file) = (person.to_owned(), text.to_owned(), file(text));
        messages.push(Message { number, person, text, file, is_of_lines: true, ..Message::default() });
    }
    messages
}

/// A line with plain blanks, and without the marks of direction that telephones put around names and files. Those that turn a name around stay.
fn cleaned(line: &str) -> String {
    let is_mark = |c: char| {
        matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{202a}' | '\u{202b}' | '\u{202c}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
    };
    let plain = |c: char| if matches!(c, '\u{a0}' | '\u{2009}' | '\u{202f}') { ' ' } else { c };
    line.chars().filter(|c| !is_mark(*c)).map(plain).collect()
}

/// What a line of an export is: `DATE, TIME - NAME: TEXT` (WhatsApp, Android), `[DATE, TIME] NAME: TEXT` (iPhone),
/// `DATE TIME, NAME : TEXT` and `[NAME] [TIME] TEXT` (KakaoTalk on telephones and computers).
fn line_of(line: &str) -> Line<'_> {
    let bracket = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    if let Some((first, rest)) = bracket {
        let second = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        return match second {
            Some((time, text)) if is_clock(time) && is_name(first) => {
                Line::Said { person: first.trim(), text: text.trim() }
            }
            _ if is_stamp(first) => said(rest, ": "),
            _ => Line::More,
        };
    }
    if let Some((stamp, rest)) = line.split_once(" - ")
        && is_stamp(stamp)
    {
        return said(rest, ": ");
    }
    let kakao = line.match_indices(", ").take(3).find_map(|(at, _)| {
        let (stamp, rest) = (line.get(..at)?, line.get(at + 2..)?);
        is_stamp(stamp).then_some(rest)
    });
    match kakao.map(|rest| said(rest, " : ")) {
        Some(Line::Said { person, text }) => Line::Said { person, text },
        _ if is_day(line) => Line::Notice,
        _ => Line::More,
    }
}

/// What stands behind date and time.
fn said<'a>(rest: &'a str, colon: &str) -> Line<'a> {
    let parts = rest.split_once(colon).or_else(|| Some((rest.strip_suffix(colon.trim_end())?, "")));
    match parts {
        Some((person, text)) if is_name(person) => Line::Said { person: person.trim(), text: text.trim() },
        _ => Line::Notice,
    }
}

/// Whose name stands over what is said, as windows of Teams, Slack and Discord are copied: `NAME  TIME`, `NAME — TIME`, `[TIME] NAME`.
fn heading(line: &str) -> Option<&str> {
    if let Some((time, name)) = line.trim().strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        return ((is_clock(time) || is_stamp(time)) && is_name(name)).then(|| name.trim().trim_end_matches(':'));
    }
    let (name, time) = ["  ", "\t", " — ", " | "].iter().find_map(|gap| line.trim().split_once(gap))?;
    ((is_clock(time.trim()) || is_stamp(time.trim())) && is_name(name)).then(|| name.trim())
}

fn is_name(text: &str) -> bool {
    let text = text.trim();
    (1..=MAX_NAME).contains(&text.len()) && text.contains(char::is_alphanumeric)
}

/// The runs of digits of a text, and what stands around them.
fn numbers(text: &str) -> (Vec<&str>, Vec<&str>) {
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    (numbers.collect(), text.split(|c: char| c.is_ascii_digit()).filter(|run| !run.is_empty()).collect())
}

/// Whether the runs of digits are hours and minutes, and perhaps seconds.
fn are_clock(numbers: &[&str]) -> bool {
    let is_short = |number: &&str, max: u8| number.len() <= 2 && number.parse().is_ok_and(|number: u8| number <= max);
    match numbers {
        [hour, rest @ ..] => {
            is_short(hour, 24)
                && (1..=2).contains(&rest.len())
                && rest.iter().all(|number| number.len() == 2 && is_short(number, 60))
        }
        [] => false,
    }
}

/// Whether the runs of digits are a date, in whichever order.
fn are_date(numbers: &[&str]) -> bool {
    let lens: Vec<usize> = numbers.iter().map(|number| number.len()).collect();
    matches!(lens[..], [1..=2, 1..=2, 2 | 4] | [4, 1..=2, 1..=2])
}

/// Words of another kind than those beside a time (`AM`, `오후`, `klo`, `Uhr`, `Today at`) are longer, or more.
fn are_beside_time(between: &[&str]) -> bool {
    let letters = between.iter().flat_map(|text| text.chars()).filter(|c| c.is_alphabetic()).count();
    let is_plain = |c: char| c.is_alphabetic() || matches!(c, ' ' | '.' | ',' | ':' | '/' | '-');
    letters <= 14 && between.iter().all(|text| text.chars().all(is_plain))
}

/// A date and a time, in any order of day, month and year: `6/3/25, 8:41 AM`, `2025. 6. 3. 오전 8:41`, `2025년 6월 3일 오전 8:41`.
fn is_stamp(text: &str) -> bool {
    let (numbers, between) = numbers(text);
    let Some((date, clock)) = numbers.split_at_checked(3) else { return false };
    text.len() <= MAX_STAMP
        && text.starts_with(|c: char| c.is_ascii_digit())
        && are_date(date)
        && are_clock(clock)
        && are_beside_time(&between)
        && between.iter().any(|text| matches!(*text, ":" | "."))
}

/// A time of the day, perhaps with the name of a day: `8:41 AM`, `오전 8:41`, `Yesterday 8:41 AM`.
fn is_clock(text: &str) -> bool {
    let (numbers, between) = numbers(text);
    text.len() <= MAX_STAMP && text.contains(':') && are_clock(&numbers) && are_beside_time(&between)
}

/// The line of a new day in KakaoTalk's text: `2025년 6월 3일 화요일`, perhaps between dashes.
fn is_day(line: &str) -> bool {
    let line = line.trim_matches(['-', ' ']);
    line.len() <= MAX_STAMP && line.contains('년') && line.contains('월') && line.ends_with("요일")
}

/// The file of `<attached: NAME>`, `NAME (file attached)` and `File: NAME`, in whichever language.
fn file(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some((_, attached)) = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        return attached.split_once(": ").map(|(_, name)| name.trim().to_owned());
    }
    if let Some(name) = ["파일: ", "File: "].iter().find_map(|word| text.strip_prefix(word)) {
        return is_file_name(name).then(|| name.to_owned());
    }
    let (name, remark) = text.rsplit_once(" (")?;
    (remark.ends_with(')') && is_file_name(name)).then(|| name.to_owned())
}

fn is_file_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| (2..=5).contains(&ending.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(messages: &[Message]) -> Vec<(u64, &str, &str, Option<&str>)> {
        messages.iter().map(|said| (said.number, &*said.person, &*said.text, said.file.as_deref())).collect()
    }

    #[test]
    fn dates_are_read_as_telephones_of_all_countries_write_them() {
        for stamp in [
            "6/3/25, 8:41\u{202f}AM - ",
            "6/3/25, 8:41 AM - ",
            "12/31/2025, 11:41 PM - ",
            "03.06.25, 08:41 - ",
            "03/06/2025 08:41 - ",
            "03/06/2025 à 08:41 - ",
            "3.6.2025 klo 8.41 - ",
            "2025-06-03, 8:41 a.m. - ",
            "2025. 6. 3. 오전 8:41 - ",
            "[2025. 6. 3. 오전 8:41:12] ",
            "[03.06.25, 08:41:12] ",
            "\u{200e}[6/3/25, 8:41:12\u{202f}AM] \u{200e}",
            "\u{feff}[03/06/2025, 08:41:12] \u{202a}",
        ] {
            let text = format!("{stamp}Messages are encrypted.\n{stamp}Jo Ann: \u{200e}Hello: you\nand more\n");
            assert!(is_export(&text), "{text}");
            assert_eq!(told(&export(&text)), [(2, "Jo Ann", "Hello: you\nand more", None)], "{stamp}");
        }
    }

    #[test]
    fn kakaotalks_text_is_read() {
        let phone = "박지원 님과 카카오톡 대화\n저장한 날짜 : 2025년 6월 3일 오전 9:00\n\n2025년 6월 3일 화요일\n\
                     2025. 6. 3. 오전 8:41, 박지원 : 안녕하세요\n둘째 줄\n2025년 6월 3일 오후 8:42, 나 : 네\n\
                     2025년 6월 3일 오후 8:43, 박지원 : 파일: 직무.zip\n";
        let computer = "KakaoTalk Chats with Jo\nDate Saved : 2025-06-03 09:00:00\n\n--------------- 2025년 6월 3일 화요일 ---------------\n\
                        [Jo] [오전 8:41] Hello\n[나] [8:42 PM] 네\n";
        for text in [phone, computer] {
            assert!(is_export(text), "{text}");
        }
        let of = |person: &str, text: &str| {
            let messages = export(text);
            let of = messages.iter().filter(|message| message.person == person);
            of.map(|message| (message.number, message.text.clone(), message.file.clone())).collect::<Vec<_>>()
        };
        assert_eq!(
            of("박지원", phone),
            [
                (5, "안녕하세요\n둘째 줄".to_owned(), None),
                (8, "파일: 직무.zip".to_owned(), Some("직무.zip".to_owned()))
            ]
        );
        assert_eq!(of("Jo", computer), [(5, "Hello".to_owned(), None)]);
        assert_eq!(of("나", computer), [(6, "네".to_owned(), None)]);
    }

    #[test]
    fn files_are_told_by_the_remark_beside_their_names() {
        for (text, name) in [
            ("a.iso (Datei angehängt)", Some("a.iso")),
            ("\u{200e}<attached: 1-a b.zip>", Some("1-a b.zip")),
            ("Offer.pdf • 3 pages \u{200e}<attached: 0014-Offer.pdf>", Some("0014-Offer.pdf")),
            ("<첨부: 1-직무.7z>", Some("1-직무.7z")),
            ("<Media omitted>", None),
            ("see you (maybe)", None),
            ("if a < b and c > d", None),
        ] {
            let messages = export(&format!("03.06.25, 08:41 - Jo: {text}\n"));
            assert_eq!(messages[0].file.as_deref(), name, "{text}");
        }
    }

    #[test]
    fn what_the_program_says_is_nobodys_and_does_not_run_on() {
        let text =
            "03.06.25, 08:41 - Jo: one\n03.06.25, 08:42 - Jo added Al\nto the group\n03.06.25, 08:43 - Al:\ntwo\n";
        assert_eq!(told(&export(text)), [(1, "Jo", "one", None), (4, "Al", "\ntwo", None)]);
    }

    #[test]
    fn logs_and_letters_are_no_export() {
        for text in [
            "2025-06-03 08:41:12 - started: yes\n2025-06-03 08:41:13 stopped\n".replace(" - ", " "),
            "Dear Jo,\nwe meet on 03.06.25, 08:41 - come: all\n".to_owned(),
            "[Jo] [offer] text\n".to_owned(),
            "192.0.2.1 - - [03/Jun/2025:08:41:12 +0200] \"GET / HTTP/1.1\"\n".to_owned(),
            "06-03 08:41:12.123  1000  1000 I tag: text\n".to_owned(),
        ] {
            assert!(!is_export(&text), "{text}");
        }
    }

    #[test]
    fn what_is_copied_out_of_a_window_is_told_by_its_headings() {
        for (first, second) in [
            ("Jo Ann  8:41 AM", "Al\t09:12"),
            ("Jo Ann — Today at 8:41 AM", "Al — 03.06.2025 08:41"),
            ("[6/3/2025 8:41 AM] Jo Ann", "[6/3/2025 8:42 AM] Al"),
            ("[Gestern 08:41] Jo Ann", "[08:42] Al"),
            ("Jo Ann | 6/3/25, 8:41 AM", "Al | 6/3/25, 8:42 AM"),
        ] {
            let text = format!("{first}\nHello\n\n{second}\nHi\nthere\n");
            let messages = pasted(&text);
            assert_eq!(told(&messages), [(1, "Jo Ann", "\nHello\n", None), (4, "Al", "\nHi\nthere", None)], "{first}");
        }
        for text in ["We meet at the gate at 8:41 AM\nand at 9:12 AM\n", "Lunch  12:00\n", "a\n\nb"] {
            assert_eq!(told(&pasted(text)), [(1, "", text, None)]);
        }
    }
}
