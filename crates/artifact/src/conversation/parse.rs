//! Messages of the forms that are known.

use event::Time;
use serde::Deserialize;

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// The line that it begins on, or its id.
    pub(super) number: u64,
    /// Which conversation it belongs to, where there are several.
    pub(super) conversation: String,
    pub(super) person: String,
    pub(super) text: String,
    /// The name of a file that it brings.
    pub(super) file: Option<String>,
    pub(super) time: Option<Time>,
}

/// Whether one of the first lines is a message of WhatsApp's with somebody's name.
pub(super) fn is_whatsapp(head: &str) -> bool {
    let mut lines = head.lines().take(5).filter_map(stamped);
    head.lines().next().is_some_and(|line| stamped(line).is_some()) && lines.any(|text| text.contains(": "))
}

/// What stands behind the date and time of a line of WhatsApp's.
fn stamped(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(['\u{200e}', '\u{200f}', '\u{feff}']);
    let is_stamp = |stamp: &str| {
        let digits = stamp.chars().filter(char::is_ascii_digit).count();
        (8..=14).contains(&digits)
            && stamp.len() <= 40
            && stamp.contains(':')
            && stamp.starts_with(|c: char| c.is_ascii_digit())
    };
    let (stamp, text) = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?,
        None => line.split_once(" - ")?,
    };
    is_stamp(stamp).then_some(text)
}

/// The messages of WhatsApp's text. Lines without a date belong to the message before them.
pub(super) fn whatsapp(text: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match stamped(line).map(|rest| rest.split_once(": ")) {
            Some(Some((person, text))) => {
                let text = text.trim_start_matches(['\u{200e}', '\u{200f}']);
                let person = person.trim_matches(['\u{200e}', '\u{200f}', ' ']).to_owned();
                let file = whatsapp_file(text);
                messages.push(Message {
                    number: at as u64 + 1,
                    person,
                    text: text.to_owned(),
                    file,
                    ..Message::default()
                });
            }
            // What the program itself says.
            Some(None) => {}
            None => {
                if let Some(last) = messages.last_mut() {
                    last.text.push('\n');
                    last.text.push_str(line);
                }
            }
        }
    }
    messages
}

/// The file of `<attached: NAME>` and `NAME (file attached)`, in whichever language.
fn whatsapp_file(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some((_, name)) =
        text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).and_then(|rest| rest.split_once(": "))
    {
        return Some(name.trim().to_owned());
    }
    let (name, remark) = text.rsplit_once(" (")?;
    let is_name =
        remark.ends_with(')') && name.rsplit_once('.').is_some_and(|(_, ending)| (2..=5).contains(&ending.len()));
    is_name.then(|| name.to_owned())
}

#[derive(Deserialize)]
struct TelegramChat {
    messages: Vec<TelegramMessage>,
}

#[derive(Deserialize)]
struct TelegramMessage {
    id: u64,
    #[serde(default)]
    date_unixtime: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    text: serde_json::Value,
    #[serde(default)]
    file_name: Option<String>,
}

/// The messages of Telegram's JSON.
///
/// # Errors
/// What was expected and what stands there.
pub(super) fn telegram(text: &str) -> Result<Vec<Message>, String> {
    let chat: TelegramChat =
        serde_json::from_str(text).map_err(|error| format!("expected Telegram's export: {error}"))?;
    let message = |message: TelegramMessage| Message {
        number: message.id,
        person: message.from.unwrap_or_default(),
        text: telegram_text(&message.text),
        file: message.file_name,
        time: message
            .date_unixtime
            .parse::<i64>()
            .ok()
            .and_then(|seconds| seconds.checked_mul(1_000_000_000))
            .map(Time::from_nanos),
        ..Message::default()
    };
    Ok(chat.messages.into_iter().map(message).collect())
}

/// A text, or a list of texts and of objects that have one.
fn telegram_text(text: &serde_json::Value) -> String {
    let part =
        |part: &serde_json::Value| part.as_str().or_else(|| part.get("text")?.as_str()).unwrap_or_default().to_owned();
    match text {
        serde_json::Value::Array(parts) => parts.iter().map(part).collect(),
        other => part(other),
    }
}

/// The messages of LinkedIn's table.
///
/// # Errors
/// What was expected and what stands there.
pub(super) fn linkedin(text: &str) -> Result<Vec<Message>, String> {
    let mut rows = rows(text).into_iter();
    let (_, names) = rows.next().ok_or("expected a line of names, found nothing")?;
    let column = |name: &str| {
        let place = names.iter().position(|known| known == name);
        place.ok_or_else(|| format!("expected a column {name}, found none"))
    };
    let (conversation, person, content) = (column("CONVERSATION ID")?, column("FROM")?, column("CONTENT")?);
    let (date, file) = (column("DATE").ok(), column("ATTACHMENTS").ok());
    let message = |(number, row): (u64, Vec<String>)| {
        let value = |at: usize| row.get(at).cloned().unwrap_or_default();
        let time = date.and_then(|at| Time::parse(value(at).trim_end_matches(" UTC")));
        let file = file.map(value).filter(|file| !file.is_empty());
        Message { number, conversation: value(conversation), person: value(person), text: value(content), file, time }
    };
    Ok(rows.map(message).collect())
}

/// The rows of a table (RFC 4180), each with the line it begins on.
fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begin, mut quoted) = (1, 1, false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        line += u64::from(c == '\n');
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push((begin, std::mem::take(&mut row)));
                begin = line;
            }
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push((begin, row));
    }
    rows
}

/// Text that somebody pasted: one message.
pub(super) fn pasted(text: &str) -> Vec<Message> {
    vec![Message { number: 1, text: text.to_owned(), ..Message::default() }]
}
