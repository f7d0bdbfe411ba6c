//! Rotated logs: `auth.log`, `auth.log.1`, `auth.log.2.gz`; one that is missing between others.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// How many rotated files are remembered.
const MAX: usize = 1 << 16;

/// The rotated files seen, by the name that they share: the number of each with its path.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Rotations {
    families: BTreeMap<String, BTreeMap<u32, String>>,
    files: usize,
}

impl Rotations {
    pub fn piece(&mut self, path: &str) {
        if self.files >= MAX {
            return;
        }
        self.files += 1;
        let (family, number) = parts(path);
        self.families.entry(family.to_owned()).or_default().insert(number, path.to_owned());
    }

    /// What is missing: the path of the file before each gap, and the numbers that are not there.
    pub fn missing(&self) -> Vec<(&str, String)> {
        let mut missing = Vec::new();
        for (family, files) in &self.families {
            let pairs = files.iter().zip(files.iter().skip(1));
            for ((number, path), (next, _)) in pairs.filter(|((number, _), (next, _))| **next > **number + 1) {
                let (first, last) = (number + 1, next - 1);
                let base = family.rsplit(['/', '\\', '!']).next().unwrap_or_default();
                let names =
                    if first == last { format!("{base}.{first}") } else { format!("{base}.{first} to .{last}") };
                missing.push((path.as_str(), names));
            }
        }
        missing
    }

    /// The paths of the files that a family of one of these has.
    pub fn belongs(&self, path: &str, seen: &BTreeSet<&str>) -> bool {
        let files = self.families.get(parts(path).0);
        files.is_some_and(|files| files.values().any(|file| seen.contains(file.as_str())))
    }
}

/// The name that rotated files share, and the number of this one; a log that is not rotated yet is number 0. A compressed file is
/// known by its own name, not by that of what is in it.
fn parts(path: &str) -> (&str, u32) {
    const COMPRESSED: [&str; 4] = [".gz", ".xz", ".bz2", ".zst"];
    let outer = match path.rsplit_once('!') {
        Some((outer, _)) if COMPRESSED.iter().any(|ending| outer.ends_with(ending)) => outer,
        _ => path,
    };
    let name = COMPRESSED.iter().find_map(|ending| outer.strip_suffix(ending)).unwrap_or(outer);
    let numbered = name.rsplit_once('.').and_then(|(family, number)| {
        let is_number = number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
        Some((family, number.parse().ok().filter(|_| is_number)?))
    });
    numbered.unwrap_or((name, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_rotation_is_found() {
        let mut rotations = Rotations::default();
        for path in
            ["a/auth.log", "a/auth.log.1", "a/auth.log.3.gz", "a/auth.log.6.gz!auth.log.6", "b/auth.log.1", "b/x.2026"]
        {
            rotations.piece(path);
        }
        let missing = rotations.missing();
        assert_eq!(
            missing,
            [("a/auth.log.1", "auth.log.2".to_owned()), ("a/auth.log.3.gz", "auth.log.4 to .5".to_owned())]
        );
        assert!(rotations.belongs("a/auth.log.3.gz", &BTreeSet::from(["a/auth.log"])));
        assert!(!rotations.belongs("b/auth.log.1", &BTreeSet::from(["a/auth.log"])));
    }
}
