//! The public recordings that some tests compare with.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

/// A folder of the corpus, or nothing and a remark. Said past the test runner, which hides what a test that passes prints.
pub fn corpus(folder: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let path = std::env::var_os("DREAMCATCHER_CORPUS").map_or(root, PathBuf::from).join(folder);
    if !path.exists() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {} is not there, so a test proves nothing here", path.display());
        return None;
    }
    Some(path)
}
