use event::Level;

/// Colours, or none. The sequences are fixed and closed again; nothing from evidence stands within one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub bool);

impl Paint {
    /// In the level's colour.
    pub fn level(self, level: Level, text: &str) -> String {
        self.sgr(level_sgr(level, false), text)
    }

    /// As a label on the level's colour; without colours the text alone.
    pub fn badge(self, level: Level, text: &str) -> String {
        match self.0 {
            true => self.sgr(level_sgr(level, true), &format!(" {text} ")),
            false => text.to_owned(),
        }
    }

    pub fn bold(self, text: &str) -> String {
        self.sgr("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.sgr("2", text)
    }

    pub fn warn(self, text: &str) -> String {
        self.sgr("1;33", text)
    }

    fn sgr(self, codes: &str, text: &str) -> String {
        match self.0 {
            true => format!("\u{1b}[{codes}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

/// The level's Select Graphic Rendition codes (ECMA-48, 8.3.117), of the sixteen colours that every terminal has.
const fn level_sgr(level: Level, badge: bool) -> &'static str {
    match (level, badge) {
        (Level::Critical, true) => "1;97;41",
        (Level::Critical, false) => "1;31",
        (Level::High, true) => "1;30;43",
        (Level::High, false) => "33",
        (Level::Medium, true) => "30;46",
        (Level::Medium, false) => "36",
        (Level::Low, true) => "30;47",
        (Level::Low, false) => "0",
        (Level::Informational, true) => "7;2",
        (Level::Informational, false) => "2",
    }
}
