//! Where a file lies, by the label of its piece.

/// A label taken apart: `downloads/offer.zip!/reader/reader.exe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label<'a> {
    /// All of it.
    pub whole: &'a str,
    /// The outermost artifact: `downloads/offer.zip`.
    pub inside: &'a str,
    /// The folder, in whatever it lies: `downloads/offer.zip!/reader`.
    pub folder: &'a str,
    /// The path within the outermost artifact, or all of it where it is in none: `reader/reader.exe`.
    pub path: &'a str,
    /// The name alone: `reader.exe`.
    pub name: &'a str,
}

impl<'a> Label<'a> {
    /// Takes the label of a piece apart.
    pub fn of(label: &'a str) -> Self {
        let (inside, path) = label.split_once("!/").unwrap_or((label, label));
        let (folder, name) = label.rsplit_once(['/', '\\']).unwrap_or(("", label));
        Self { whole: label, inside, folder, path, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let label = Label::of("a/b.zip!/c/d.tar!/e.exe");
        let parts = (label.inside, label.folder, label.path, label.name);
        assert_eq!(parts, ("a/b.zip", "a/b.zip!/c/d.tar!", "c/d.tar!/e.exe", "e.exe"));
        let label = Label::of("e.exe");
        assert_eq!((label.inside, label.folder, label.path, label.name), ("e.exe", "", "e.exe", "e.exe"));
    }
}
