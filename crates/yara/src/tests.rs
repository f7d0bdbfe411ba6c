#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use artifact::Match;

use super::*;

fn loaded(text: &str) -> (Rules, Vec<Refused>) {
    let mut loader = Loader::default();
    loader.add("test.yar", text.as_bytes());
    let (rules, refused, _) = loader.finish();
    (rules, refused)
}

#[test]
fn what_matches_is_told_with_its_place() {
    let (rules, refused) = loaded(
        "rule viewer : lure trojan { meta: score = 80 strings: $a = \"offer\" wide ascii $b = { 4D 5A } condition: $a and $b at 0 }
         rule other { condition: filesize > 1MB }",
    );
    assert_eq!((rules.count(), refused), (2, vec![]));
    let mut scanner = rules.scanner();
    let found = scanner.scan("a/offer.exe", "offer.exe", b"MZ and an offer\0").unwrap();
    assert_eq!(
        found,
        [Match {
            rule: "viewer".into(),
            tags: vec!["lure".into(), "trojan".into()],
            score: Some(80),
            places: vec!["$a at 10: offer".into(), "$b at 0: MZ".into()],
        }]
    );
    assert_eq!(scanner.scan("b", "b", b"nothing of it").unwrap(), []);
}

#[test]
fn rules_may_ask_the_name() {
    let (rules, _) = loaded(
        "rule named { condition: filename == \"viewer.exe\" and extension == \".exe\" and filepath contains \"downloads\" }",
    );
    let mut scanner = rules.scanner();
    assert_eq!(scanner.scan("downloads/viewer.exe", "viewer.exe", b"x").unwrap().len(), 1);
    assert_eq!(scanner.scan("downloads/reader.exe", "reader.exe", b"x").unwrap().len(), 0);
}

#[test]
fn a_rule_that_is_wrong_costs_itself_alone() {
    let (rules, refused) =
        loaded("rule good { condition: true }\nrule bad {\n  condition: $a\n}\nrule also_good { condition: false }");
    assert_eq!(rules.count(), 2);
    assert_eq!((refused.len(), refused[0].path.as_str(), refused[0].line), (1, "test.yar", Some(3)));
    assert!(refused[0].reason.contains("unknown pattern"), "{refused:?}");
    let (rules, refused) = loaded("include \"/etc/passwd\"\nthis is no rule");
    assert_eq!(rules.count(), 0);
    assert!(!refused.is_empty());
}

#[test]
fn folders_are_gone_through() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("more")).unwrap();
    for (name, text) in [
        ("a.yar", "rule one { condition: true }"),
        ("more/b.yara", "rule one { condition: true }"),
        ("c.txt", "rule x {"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut loader = Loader::default();
    loader.add_path(folder.path());
    loader.add_path(&folder.path().join("not-there"));
    let (rules, refused, is_unreadable) = loader.finish();
    assert_eq!((rules.count(), refused.len(), is_unreadable), (2, 1, true));
}
