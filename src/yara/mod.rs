//! YARA rules: those that come with the program, and those given. A build without the feature `yara` has none, and says so.

#[cfg(not(feature = "yara"))]
mod absent;
#[cfg(feature = "yara")]
mod compiled;

use include_dir::{Dir, include_dir};

#[cfg(not(feature = "yara"))]
pub use absent::Yara;
#[cfg(feature = "yara")]
pub use compiled::Yara;

/// The rules that come with the program.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/yara");

/// The shipped files of rules, by the names that messages have, with their text.
fn shipped() -> impl Iterator<Item = (String, &'static str)> {
    let files = SHIPPED.files().filter(|file| file.path().extension().is_some_and(|ending| ending == "yar"));
    files.filter_map(|file| Some((format!("yara/{}", file.path().display()), file.contents_utf8()?)))
}
