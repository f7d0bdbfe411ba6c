//! Messages of the forms that are known.

use event::Time;
use serde::Deserialize;

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// The line that it begins on, or its id.
    pub(super) number: u64,
    /// Whether its lines are lines of the file, the first being `number`.
    pub(super) is_of_lines: bool,
    /// Which conversation it belongs to, where there are several.
    pub(super) conversation: String,
    pub(super) person: String,
    pub(super) text: String,
    /// The name of a file that it brings.
    pub(super) file: Option<String>,
    pub(super) time: Option<Time>,
}

/// An export of one chat, or of an account, whose chats stand in lists.
#[derive(Deserialize)]
struct TelegramExport {
    messages: Option<Vec<TelegramMessage>>,
    chats: Option<TelegramList>,
    left_chats: Option<TelegramList>,
}

#[derive(Deserialize)]
struct TelegramList {
    list: Vec<TelegramChat>,
}

#[derive(Deserialize)]
struct TelegramChat {
    #[serde(default)]
    id: i64,
    #[serde(default)]
    messages: Vec<TelegramMessage>,
}

#[derive(Deserialize)]
struct TelegramMessage {
    id: i64,
    #[serde(default)]
    date_unixtime: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    text: serde_json::Value,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    file_name: Option<String>,
}

/// The messages of Telegram's JSON, of one chat or of all.
///
/// # Errors
/// What was expected and what stands there.
pub(super) fn telegram(text: &str) -> Result<Vec<Message>, String> {
    let export: TelegramExport =
        serde_json::from_str(text).map_err(|error| format!("expected Telegram's export: {error}"))?;
    if export.messages.is_none() && export.chats.is_none() {
        return Err("expected messages or chats in Telegram's export, found neither".to_owned());
    }
    let one = export.messages.map(|messages| TelegramChat { id: 0, messages });
    let lists = [export.chats, export.left_chats].into_iter().flatten();
    let chats = one.into_iter().chain(lists.flat_map(|list| list.list));
    let messages = chats.flat_map(|chat| {
        let of_chat = move |message| telegram_message(chat.id, message);
        chat.messages.into_iter().map(of_chat)
    });
    Ok(messages.collect())
}

fn telegram_message(chat: i64, message: TelegramMessage) -> Message {
    let seconds = message.date_unixtime.parse::<i64>().ok();
    // Files that were left out have a remark in place of their path.
    let path = message.file.filter(|path| !path.starts_with('('));
    let name = || path.as_ref().map(|path| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned());
    Message {
        number: message.id.unsigned_abs(),
        is_of_lines: false,
        conversation: chat.to_string(),
        person: message.from.unwrap_or_default(),
        text: telegram_text(&message.text),
        file: message.file_name.or_else(name),
        time: seconds.and_then(|seconds| seconds.checked_mul(1_000_000_000)).map(Time::from_nanos),
    }
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
        let (conversation, person, text) = (value(conversation), value(person), value(content));
        Message { number, is_of_lines: false, conversation, person, text, file, time }
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
