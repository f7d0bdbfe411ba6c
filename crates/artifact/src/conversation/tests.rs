use evidence::Format;

use super::{
    Conversation,
    parse::{Message, linkedin, telegram},
};

fn said(messages: &[Message]) -> Vec<(u64, &str, &str, Option<&str>)> {
    messages
        .iter()
        .map(|message| (message.number, message.person.as_str(), message.text.as_str(), message.file.as_deref()))
        .collect()
}

#[test]
fn telegrams_json_is_read_with_texts_in_parts() {
    let json = r#"{"messages": [{"id": 3, "from": "Jo", "from_id": "u", "text": ["see ", {"type": "link", "text": "https://a.example"}]}, {"id": 4, "text": ""}]}"#;
    assert_eq!(said(&telegram(json).unwrap()), [(3, "Jo", "see https://a.example", None), (4, "", "", None)]);
    assert!(telegram("{\"messages\": 1}").is_err());
    assert!(telegram("{\"about\": \"Telegram\"}").is_err());
}

#[test]
fn telegrams_export_of_an_account_is_read_chat_by_chat() {
    let json = r#"{
 "about": "Here is the data you requested. Remember: Telegram is ad free",
 "personal_information": {"user_id": 1},
 "contacts": {"about": "", "list": [{"user_id": 2}]},
 "chats": {"about": "", "list": [
  {"name": "Jo", "type": "personal_chat", "id": 7, "messages": [
   {"id": 1, "type": "message", "from": "Jo", "from_id": "u", "text": "Hello", "file": "files/Offer.zip"},
   {"id": -2, "type": "service", "actor": "Jo", "text": ""}]},
  {"type": "saved_messages", "id": 8}]},
 "left_chats": {"about": "", "list": [{"id": 9, "messages": [
   {"id": 1, "from": "Jo", "text": "Bye", "file": "(File not included.)", "file_name": "b.iso"}]}]}
}"#;
    assert!(Conversation::Telegram.recognises(json.as_bytes(), "result.json"));
    let messages = telegram(json).unwrap();
    assert_eq!(
        said(&messages),
        [(1, "Jo", "Hello", Some("Offer.zip")), (2, "", "", None), (1, "Jo", "Bye", Some("b.iso"))]
    );
    assert_eq!(messages.iter().map(|message| &*message.conversation).collect::<Vec<_>>(), ["7", "7", "9"]);
}

#[test]
fn other_json_is_none_of_telegrams() {
    for json in [
        r#"{"about": "a bot", "text": "hello"}"#,
        r#"{"messages": [], "from": "Telegram"}"#,
        r#"[{"about": "Telegram"}]"#,
    ] {
        assert!(!Conversation::Telegram.recognises(json.as_bytes(), "a.json"), "{json}");
    }
}

#[test]
fn linkedins_table_is_read_with_quoted_cells() {
    let csv = "CONVERSATION ID,FROM,DATE,CONTENT\n1,Jo,2025-03-03 14:10:30 UTC,\"a, \"\"b\"\"\nc\"\n1,Al,,x\n";
    let messages = linkedin(csv).unwrap();
    assert_eq!(said(&messages), [(2, "Jo", "a, \"b\"\nc", None), (4, "Al", "x", None)]);
    assert_eq!(messages[0].time.unwrap().to_string(), "2025-03-03T14:10:30Z");
    assert!(linkedin("A,B\n").is_err());
}
