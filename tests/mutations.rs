//! The list of mistakes that `ci/mutations/run` makes is kept up with the code: each still has its place.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_mutation_has_exactly_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list: toml::Table =
        toml::from_str(&fs::read_to_string(root.join("ci/mutations/mutations.toml")).unwrap()).unwrap();
    let mutations = list["mutation"].as_array().unwrap();
    assert!(mutations.len() >= 20, "{} mutations", mutations.len());
    let mut names = BTreeSet::new();
    for mutation in mutations {
        let text = |key: &str| mutation[key].as_str().unwrap();
        let source = fs::read_to_string(root.join("crates/sigma/src").join(text("file"))).unwrap();
        assert_eq!(source.matches(text("old")).count(), 1, "'{}' in {}", text("name"), text("file"));
        assert_ne!(text("old"), text("new"), "'{}' changes nothing", text("name"));
        assert!(names.insert(text("name").to_owned()), "'{}' stands twice", text("name"));
    }
}
