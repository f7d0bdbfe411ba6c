use super::parse::{Message, linkedin, telegram, whatsapp};

fn said(messages: &[Message]) -> Vec<(u64, &str, &str, Option<&str>)> {
    messages
        .iter()
        .map(|message| (message.number, message.person.as_str(), message.text.as_str(), message.file.as_deref()))
        .collect()
}

#[test]
fn whatsapps_text_is_read_as_android_and_iphone_write_it() {
    let android = "03.06.25, 08:41 - Nachrichten sind verschlüsselt.\n03.06.25, 08:42 - Jo: Hallo\nund noch\n03.06.25, 08:43 - Jo: a.iso (Datei angehängt)\n";
    assert_eq!(
        said(&whatsapp(android)),
        [(2, "Jo", "Hallo\nund noch", None), (4, "Jo", "a.iso (Datei angehängt)", Some("a.iso"))]
    );
    let iphone = "\u{200e}[12/03/2025, 09:14:02] Jo: \u{200e}<attached: 1-a.zip>\n";
    assert_eq!(said(&whatsapp(iphone)), [(1, "Jo", "<attached: 1-a.zip>", Some("1-a.zip"))]);
}

#[test]
fn telegrams_json_is_read_with_texts_in_parts() {
    let json = r#"{"messages": [{"id": 3, "from": "Jo", "from_id": "u", "text": ["see ", {"type": "link", "text": "https://a.example"}]}, {"id": 4, "text": ""}]}"#;
    assert_eq!(said(&telegram(json).unwrap()), [(3, "Jo", "see https://a.example", None), (4, "", "", None)]);
    assert!(telegram("{\"messages\": 1}").is_err());
}

#[test]
fn linkedins_table_is_read_with_quoted_cells() {
    let csv = "CONVERSATION ID,FROM,DATE,CONTENT\n1,Jo,2025-03-03 14:10:30 UTC,\"a, \"\"b\"\"\nc\"\n1,Al,,x\n";
    let messages = linkedin(csv).unwrap();
    assert_eq!(said(&messages), [(2, "Jo", "a, \"b\"\nc", None), (4, "Al", "x", None)]);
    assert_eq!(messages[0].time.unwrap().to_string(), "2025-03-03T14:10:30Z");
    assert!(linkedin("A,B\n").is_err());
}
