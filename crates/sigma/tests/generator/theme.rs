//! The few words that the rules and events of one case are made of; few, so that they meet.

use super::choices::Choices;

/// With letters that fold in special ways (K is the Kelvin sign), what Sigma escapes, what looks like
/// a number, dashes, and several that are prefixes of one another.
const WORDS: [&str; 36] = [
    "a",
    "ab",
    "abc",
    "Kiwi",
    "kiwi.exe",
    "mimikatz",
    "K",
    "\u{212a}iwi",
    "\u{17f}et",
    "SET",
    "stra\u{df}e",
    "STRASSE",
    "\u{130}stanbul",
    "i\u{307}",
    "\u{131}",
    "\u{3a9}mega",
    "\u{3c3}\u{3c2}\u{3a3}",
    "e\u{301}",
    "\u{1e9e}",
    "-enc",
    "/c",
    " --flag",
    "\u{2013}x",
    "C:\\Temp\\",
    "\\\\host",
    "a*b",
    "what?",
    "\\",
    "1",
    "0x10",
    "true",
    "null",
    "\n",
    "\u{1f600}",
    "sekurlsa::",
    "<&\"'>",
];

/// Fields by Sigma's names; what they are called in records is up to [`TAXONOMY`].
const FIELDS: [&str; 7] = ["Image", "CommandLine", "Other", "Level", "Kind", "Image", "CommandLine"];

/// What rules may write as `%name%`.
pub const PLACEHOLDERS: &str = "one: [a.b]\ntwo: [Kiwi, 'x*y', -enc]\n";

/// [`PLACEHOLDERS`], as a list.
pub const PLACEHOLDER_VALUES: [(&str, &[&str]); 2] = [("one", &["a.b"]), ("two", &["Kiwi", "x*y", "-enc"])];

/// Log sources that overlap in every way a taxonomy can make them: one record is of several, with fields of other
/// names, translated values, and conditions.
pub const TAXONOMY: &str = "
product: windows
services:
  alpha: {channels: [Alpha]}
  beta: {channels: [Beta/Operational, Gamma]}
categories:
  made:
    - {channels: [Alpha], event_ids: [1], fields: {Image: NewName, Other: Second}}
    - {channels: [Beta/Operational], providers: [Maker], event_ids: [1, 4688], fields: {Image: NewImage},
       values: {Level: {'%%1': Kiwi, '%%2': \"\\u03a9mega\"}}}
    - {channels: [Alpha], event_ids: [1, 4688], fields: {Image: NewImage, CommandLine: [Line, CommandLine]}}
  kept: {channels: [Alpha], fields: {Other: Third}, where: {State: [Start, Stop]}}
";

/// Channel, provider, number.
type Source = (&'static str, &'static str, u32);

/// The log sources of rules, and those of records that they mean, or nearly mean.
pub const SOURCES: [(&str, &[Source]); 6] = [
    ("{product: windows}", &[("Alpha", "Maker", 1), ("Gamma", "Other", 7), ("Delta", "", 0)]),
    ("{product: windows, service: alpha}", &[("Alpha", "Other", 1), ("ALPHA", "Maker", 4688)]),
    (
        "{service: beta}",
        &[("Beta/Operational", "Maker", 1), ("Gamma", "\u{212a}eeper", 7), ("Beta/Operational", "Other", 4688)],
    ),
    ("{category: made}", &[("Alpha", "Maker", 1), ("Beta/Operational", "MAKER", 4688), ("Alpha", "Other", 4688)]),
    ("{category: kept}", &[("Alpha", "Other", 4688), ("alpha", "Maker", 7)]),
    (
        "{category: made, service: beta, product: Windows}",
        &[("Beta/operational", "Maker", 1), ("Beta/Operational", "Other", 1)],
    ),
];

/// What a field may be called in a record.
pub fn native_names(field: &str) -> &'static [&'static str] {
    match field {
        "Image" => &["Image", "NewName", "NewImage"],
        "CommandLine" => &["CommandLine", "Line"],
        "Other" => &["Other", "Second", "Third"],
        "Level" => &["Level"],
        "Kind" => &["Kind"],
        "EventID" => &["EventID"],
        _ => &["Provider_Name"],
    }
}

/// The words and fields of a case.
pub struct Theme {
    pub words: Vec<&'static str>,
    pub fields: Vec<&'static str>,
}

impl Theme {
    pub fn new(choices: &mut Choices<'_>) -> Self {
        let words = (0..3 + choices.below(4)).map(|_| choices.of(&WORDS)).collect();
        let fields = (0..2 + choices.below(3)).map(|_| choices.of(&FIELDS)).collect();
        Self { words, fields }
    }

    pub fn word(&self, choices: &mut Choices<'_>) -> &'static str {
        if choices.chance(15) { choices.of(&WORDS) } else { choices.of(&self.words) }
    }

    pub fn field(&self, choices: &mut Choices<'_>) -> &'static str {
        choices.of(&self.fields)
    }

    /// A text of one to three words.
    pub fn text(&self, choices: &mut Choices<'_>) -> String {
        (0..1 + choices.below(3)).map(|_| self.word(choices)).collect()
    }
}
