use proptest::prelude::*;

use super::{AnyLine, FishItem, History, TimeLine, Unjoined};
use crate::{
    Format,
    cut::{Borders, LineBorders},
    testing::{read, read_blocks, smallest_blocks},
};

fn commands(history: History, text: &[u8]) -> Vec<String> {
    let (keeper, _) = read(&history, "x", text);
    let cut = |line: &String| {
        let (_, rest) = line.split_once(" line ").unwrap();
        rest.split_once(" program=").map_or(rest, |(rest, _)| rest).to_owned()
    };
    keeper.shown.iter().map(cut).collect()
}

#[test]
fn times_of_bash_belong_to_the_commands_behind_them() {
    let text = b"before\nmore\n#1700000000\nfor i in 1; do\n\n  id\ndone\n#1700000001\n#1600000000\n#1700000002\n#1700000003\nlast\n";
    assert_eq!(
        commands(History::Timed, text),
        [
            "1  command=before",
            "2  command=more",
            "3 2023-11-14T22:13:20Z command=for i in 1; do\n\n  id\ndone",
            "8 2023-11-14T22:13:21Z command=#1600000000",
            "11 2023-11-14T22:13:23Z command=last",
        ]
    );
    let (_, output) = read(&History::Timed, "x", text);
    assert_eq!(
        output.notes,
        ["the history has no times", "line 10: a time without a command, which may have been removed"]
    );
}

#[test]
fn zsh_fish_and_powershell_are_read() {
    // PSReadLine's lines are composed by hand, from its documentation; those of the others are recorded, too (tests/recordings).
    let zsh = b": 1700000000:5;echo two\\\nlines\n\\: 1;x\necho \\\\ \n: 1700000001:0;a\x83\xbfb\n";
    assert_eq!(
        commands(History::Zsh, zsh),
        [
            "1 2023-11-14T22:13:20Z command=echo two\nlines",
            "3  command=: 1;x",
            "4  command=echo \\\\",
            "5 2023-11-14T22:13:21Z command=a\u{fffd}b",
        ]
    );
    let fish = b"- cmd: echo a\\\\nb\\nc\n  when: 1700000000\n  paths:\n    - c\nstray\n- cmd: id\n";
    assert_eq!(commands(History::Fish, fish), ["1 2023-11-14T22:13:20Z command=echo a\\nb\nc", "6  command=id"]);
    assert_eq!(read(&History::Fish, "x", fish).1.damages.len(), 1);
    let powershell = "\u{feff}whoami\r\nif (1) {`\r\n  dir`\r\n}\r\n";
    assert_eq!(
        commands(History::PowerShell, powershell.as_bytes()),
        ["1  command=whoami", "2  command=if (1) {\n  dir\n}"]
    );
}

#[test]
fn content_or_name_decide() {
    let cases = [
        ("#1700000000\nid\n", "x", Some(History::Timed)),
        (": 1700000000:0;id\n", "x", Some(History::Zsh)),
        ("- cmd: id\n  when: 1700000000\n", "x", Some(History::Fish)),
        ("id\n", ".zsh_history", Some(History::Zsh)),
        ("id\n", ".zhistory", Some(History::Zsh)),
        ("id\n", ".bash_history", Some(History::Lines)),
        ("id\n#1700000000\nls\n", "alice-bash_history.1", Some(History::Lines)),
        ("id\n", ".python_history.old", Some(History::Lines)),
        ("id\n", "ConsoleHost_history.txt", Some(History::PowerShell)),
        ("id\n", "notes.txt", None),
        ("id\n", "read_history.c", None),
        ("id\n", "_history", None),
        ("\0\u{1}\u{2}", ".bash_history", None),
    ];
    for (text, name, expected) in cases {
        assert_eq!(History::of(text.as_bytes(), name), expected, "{name}: {text}");
    }
}

#[test]
fn a_path_may_tell_whose_it_is() {
    for (path, user) in [
        ("home/alice/.bash_history", "alice"),
        ("b.tar!/home/alice/.local/share/fish/fish_history", "alice"),
        ("C:\\Users\\bob\\AppData\\Roaming\\ConsoleHost_history.txt", "bob"),
        ("/root/.bash_history", "root"),
        ("root/.bash_history", "root"),
        ("/home/root/.bash_history", "root"),
        ("/root/case/home/eve/.bash_history", "eve"),
        ("evidence/.bash_history", ""),
    ] {
        let (keeper, _) = read(&History::Lines, path, b"id\n");
        let expected = if user.is_empty() { "program=bash".to_owned() } else { format!("user={user}") };
        let told =
            keeper.shown[0].ends_with(&expected) || path.contains("ConsoleHost") && keeper.shown[0].contains(&expected);
        assert!(told || path.contains("fish"), "{path}: {}", keeper.shown[0]);
        assert!(user.is_empty() || keeper.shown[0].contains(&format!("user={user}")), "{path}: {}", keeper.shown[0]);
    }
}

fn same_in_blocks<B: Borders>(history: History, bytes: &[u8]) {
    let whole = read(&history, "x", bytes);
    let parts = read_blocks(&history, "x", &smallest_blocks::<B>(bytes));
    assert_eq!(whole.0.shown, parts.0.shown, "{history:?}");
    assert_eq!(whole.1.records, parts.1.records);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is in a history: no panic, and the size of blocks does not matter.
    #[test]
    fn anything_is_survived(lines in prop::collection::vec(prop_oneof![
        "#170000000[0-9]", ": 170000000[0-9]:0;[a\\\\]{0,3}", "- cmd: [a\\\\n]{0,4}", "  when: 1700000000", "[a`\\\\ ]{0,4}", "\\PC{0,5}",
    ], 0..12), bytes in prop::collection::vec(any::<u8>(), 0..20), at in 0usize..50) {
        let mut text = lines.join("\n").into_bytes();
        let at = at.min(text.len());
        text.splice(at..at, bytes);
        for history in History::ALL {
            let _ = history.recognises(&text, ".bash_history");
        }
        same_in_blocks::<LineBorders<AnyLine>>(History::Lines, &text);
        same_in_blocks::<LineBorders<Unjoined<b'\\'>>>(History::Zsh, &text);
        same_in_blocks::<LineBorders<Unjoined<b'`'>>>(History::PowerShell, &text);
        same_in_blocks::<LineBorders<FishItem>>(History::Fish, &text);
        same_in_blocks::<LineBorders<TimeLine>>(History::Timed, &text);
    }
}
