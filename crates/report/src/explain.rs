//! What was found, told to the person who got the mail or file: a verdict, the reasons, what to do.
//!
//! The sentences are data (`explain/LANGUAGE.toml`); a reason belongs to every rule that has the tag `explain.NAME`.
//! In HTML everything is escaped, and the page forbids itself to load or run anything.

use std::{
    collections::HashMap,
    fmt,
    io::{self, Write},
    str::FromStr,
};

use event::{Finding, Level};
use serde::Deserialize;

use self::problem::ObstacleTexts;
pub use self::problem::{Obstacle, Problem};
use crate::plain::plain;

mod problem;
mod reason;

/// Most reasons that are told.
const REASONS: usize = 4;
/// Most columns of a value that is told.
const VALUE: usize = 120;

/// A language that explanations are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
    /// Korean.
    Korean,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::Korean];

    /// Its code (ISO 639-1).
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Korean => "ko",
        }
    }

    /// The language of a locale such as `de_DE.UTF-8`; English where it is none of ours.
    pub fn of_locale(locale: &str) -> Self {
        let is_its = |language: &Self| locale.to_ascii_lowercase().starts_with(language.code());
        Self::ALL.into_iter().find(is_its).unwrap_or(Self::English)
    }

    fn texts(self) -> io::Result<Texts> {
        let text = match self {
            Self::English => include_str!("explain/en.toml"),
            Self::German => include_str!("explain/de.toml"),
            Self::Korean => include_str!("explain/ko.toml"),
        };
        toml::from_str(text).map_err(io::Error::other)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|language| language.code() == text);
        known.ok_or_else(|| format!("'{text}' is not a language; use en, de or ko"))
    }
}

/// The form of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainFormat {
    /// Text.
    Text,
    /// One page that needs nothing else.
    Html,
}

impl FromStr for ExplainFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "html" => Ok(Self::Html),
            _ => Err(format!("'{text}' is not a format; use text or html")),
        }
    }
}

/// What is said of a file in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing was found.
    Nothing,
    /// Nothing was found, but not all of it could be looked into.
    Incomplete,
    /// It may be honest, but one should ask.
    Suspicious,
    /// It must not be opened.
    Dangerous,
}

impl Verdict {
    /// What findings of this level and below amount to.
    pub const fn of(worst: Option<Level>) -> Self {
        match worst {
            Some(Level::High | Level::Critical) => Self::Dangerous,
            Some(Level::Medium) => Self::Suspicious,
            _ => Self::Nothing,
        }
    }
}

/// What was found about one file.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// Its path, as it was given.
    pub path: String,
    /// Whether anything of it could be looked into.
    pub is_read: bool,
    /// All findings, also those of signs that say little by themselves.
    pub findings: Vec<Finding>,
    /// What of it could not be looked into.
    pub problems: Vec<Problem>,
}

/// The sentences of a language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    title: String,
    dangerous: String,
    suspicious: String,
    nothing: String,
    incomplete: String,
    not_read: String,
    nothing_means: String,
    incomplete_means: String,
    reasons_are: String,
    course_is: String,
    do_now: Section,
    do_not: Section,
    honest: Section,
    unread: String,
    obstacles: ObstacleTexts,
    technical: String,
    quotes: Quotes,
    other_reason: String,
    /// By the name behind `explain.`; `{}` stands for what was found.
    reasons: HashMap<String, String>,
    /// By the name that the fact `Course` has for a step of a conversation.
    steps: HashMap<String, String>,
    briefing: Briefing,
}

/// What a language puts around words that are somebody else's.
#[derive(Deserialize)]
struct Quotes(String, String);

impl Quotes {
    fn around(&self, words: &str) -> String {
        format!("{}{words}{}", self.0, self.1)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    title: String,
    points: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Briefing {
    title: String,
    sections: Vec<Section>,
}

impl Explanation {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match Verdict::of(self.findings.iter().map(|finding| finding.rule.level).max()) {
            Verdict::Nothing if self.problems.iter().any(|problem| problem.obstacle.hides()) => Verdict::Incomplete,
            verdict => verdict,
        }
    }

    /// The weightiest reasons, each once: the rule's level decides, then the order of the findings.
    fn reasons(&self, texts: &Texts) -> Vec<String> {
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.level));
        let mut told: Vec<&str> = Vec::new();
        let mut reasons = Vec::new();
        for (name, values) in findings.iter().flat_map(|finding| reason::reasons(finding, &texts.quotes)) {
            let sentence = texts.reasons.get(name).map_or(texts.other_reason.as_str(), String::as_str);
            // Where no words are at hand the sentence stands alone, if it can.
            let alone = sentence.replace(": {}", "");
            if told.contains(&name) || values.is_empty() && alone.contains("{}") {
                continue;
            }
            told.push(name);
            reasons.push(if values.is_empty() { alone } else { sentence.replace("{}", &values) });
        }
        reasons.truncate(REASONS);
        reasons
    }

    /// The steps of conversations in their order, with the numbers of their lines and their words.
    fn course(&self, texts: &Texts) -> Vec<String> {
        let steps = reason::courses(&self.findings).into_iter().flat_map(reason::steps);
        let told = |step: reason::Step<'_>| {
            let name = texts.steps.get(step.name).map_or(step.name, String::as_str);
            format!("{}: {name}: {}", step.number, texts.quotes.around(step.words))
        };
        steps.map(told).collect()
    }
}

/// Writes what was found about some files.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_explanations(
    out: &mut dyn Write,
    language: Language,
    format: ExplainFormat,
    explanations: &[Explanation],
) -> io::Result<()> {
    let texts = language.texts()?;
    let mut page = Page::new(out, language, format, &texts.title)?;
    for explanation in explanations {
        explain(&mut page, &texts, explanation)?;
    }
    page.end()
}

fn explain(page: &mut Page<'_>, texts: &Texts, explanation: &Explanation) -> io::Result<()> {
    let verdict = explanation.verdict();
    page.heading(&explanation.path)?;
    let sentence = match verdict {
        Verdict::Dangerous => &texts.dangerous,
        Verdict::Suspicious => &texts.suspicious,
        _ if !explanation.is_read => &texts.not_read,
        Verdict::Incomplete => &texts.incomplete,
        Verdict::Nothing => &texts.nothing,
    };
    page.verdict(sentence, verdict)?;
    if verdict >= Verdict::Suspicious {
        page.list(&texts.reasons_are, &explanation.reasons(texts))?;
        page.list(&texts.course_is, &explanation.course(texts))?;
        for section in [&texts.do_now, &texts.do_not, &texts.honest] {
            page.list(&section.title, &section.points)?;
        }
    } else if explanation.is_read {
        let means = if verdict == Verdict::Nothing { &texts.nothing_means } else { &texts.incomplete_means };
        page.paragraph(means)?;
    }
    let problems = &explanation.problems;
    page.list(&texts.unread, &texts.obstacles.lines(problems, &explanation.path, &texts.quotes))?;
    page.small(&texts.technical, &problem::reasons(problems))
}

/// Writes a page for a meeting of the staff, in all languages.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_briefing(out: &mut dyn Write, format: ExplainFormat, languages: &[Language]) -> io::Result<()> {
    let all = languages.iter().map(|language| language.texts()).collect::<io::Result<Vec<_>>>()?;
    let (first, title) = match (languages.first(), all.first()) {
        (Some(language), Some(texts)) => (*language, texts.briefing.title.as_str()),
        _ => return Ok(()),
    };
    let mut page = Page::new(out, first, format, title)?;
    for texts in &all {
        page.heading(&texts.briefing.title)?;
        for section in &texts.briefing.sections {
            page.list(&section.title, &section.points)?;
        }
    }
    page.end()
}

/// Text or a page of HTML, written from top to bottom.
struct Page<'a> {
    out: &'a mut dyn Write,
    format: ExplainFormat,
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44em;margin:2em auto;padding:0 1em;color:#222;background:#fff}\
h1{font-size:1em;color:#555;overflow-wrap:anywhere}h2{font-size:1.05em;margin:1.2em 0 .2em}ul{margin:.2em 0 0}li{overflow-wrap:anywhere}\
small{color:#555}\
p.verdict{font-size:1.25em;font-weight:bold;padding:.6em .8em;border-left:.4em solid #2b7a3d;background:#eef7f0}\
p.incomplete{border-color:#777;background:#f2f2f2}p.suspicious{border-color:#b8860b;background:#fdf6e3}p.dangerous{border-color:#b00020;background:#fdecee}";

impl<'a> Page<'a> {
    fn new(out: &'a mut dyn Write, language: Language, format: ExplainFormat, title: &str) -> io::Result<Self> {
        if format == ExplainFormat::Html {
            write!(
                out,
                "<!DOCTYPE html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\n\
                 <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
                 <meta name=\"referrer\" content=\"no-referrer\"><title>{}</title><style>{STYLE}</style></head><body>\n",
                escaped(title)
            )?;
        }
        Ok(Self { out, format })
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        match self.format {
            ExplainFormat::Text => writeln!(self.out, "{}\n", plain(text)),
            ExplainFormat::Html => writeln!(self.out, "<h1>{}</h1>", escaped(text)),
        }
    }

    fn verdict(&mut self, text: &str, verdict: Verdict) -> io::Result<()> {
        let class = match verdict {
            Verdict::Dangerous => "verdict dangerous",
            Verdict::Suspicious => "verdict suspicious",
            Verdict::Incomplete => "verdict incomplete",
            Verdict::Nothing => "verdict",
        };
        match self.format {
            ExplainFormat::Text => writeln!(self.out, "{text}\n"),
            ExplainFormat::Html => writeln!(self.out, "<p class=\"{class}\">{}</p>", escaped(text)),
        }
    }

    fn paragraph(&mut self, text: &str) -> io::Result<()> {
        match self.format {
            ExplainFormat::Text => writeln!(self.out, "{text}\n"),
            ExplainFormat::Html => writeln!(self.out, "<p>{}</p>", escaped(text)),
        }
    }

    fn list(&mut self, title: &str, points: &[String]) -> io::Result<()> {
        if points.is_empty() {
            return Ok(());
        }
        match self.format {
            ExplainFormat::Text => {
                writeln!(self.out, "{title}")?;
                points.iter().try_for_each(|point| writeln!(self.out, "  - {}", plain(point)))?;
                writeln!(self.out)
            }
            ExplainFormat::Html => {
                writeln!(self.out, "<h2>{}</h2><ul>", escaped(title))?;
                points.iter().try_for_each(|point| writeln!(self.out, "<li>{}</li>", escaped(point)))?;
                writeln!(self.out, "</ul>")
            }
        }
    }

    /// A list that is for somebody else than the reader.
    fn small(&mut self, title: &str, points: &[String]) -> io::Result<()> {
        if self.format == ExplainFormat::Text || points.is_empty() {
            return self.list(title, points);
        }
        write!(self.out, "<small>")?;
        self.list(title, points)?;
        writeln!(self.out, "</small>")
    }

    fn end(self) -> io::Result<()> {
        if self.format == ExplainFormat::Html {
            writeln!(self.out, "</body></html>")?;
        }
        Ok(())
    }
}

/// Text for HTML: plain, and without a character that means something there.
fn escaped(text: &str) -> String {
    let plain = plain(text);
    let mut out = String::with_capacity(plain.len() + 16);
    for c in plain.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_the_same_things() {
        let names = |language: Language| {
            let mut names: Vec<String> = language.texts().unwrap().reasons.into_keys().collect();
            names.sort();
            names
        };
        let english = names(Language::English);
        assert!(english.len() > 15);
        assert_eq!(names(Language::German), english);
        assert_eq!(names(Language::Korean), english);
        for language in Language::ALL {
            let texts = language.texts().unwrap();
            for (name, sentence) in &texts.reasons {
                let filled = Language::English.texts().unwrap().reasons[name].contains("{}");
                assert_eq!(sentence.contains("{}"), filled, "{language} {name}");
            }
            let mut steps: Vec<String> = texts.steps.into_keys().collect();
            steps.sort();
            let mut known: Vec<String> = Language::English.texts().unwrap().steps.into_keys().collect();
            known.sort();
            assert_eq!(steps, known, "{language}");
        }
    }

    fn written(language: Language, explanation: &Explanation) -> String {
        let mut out = Vec::new();
        write_explanations(&mut out, language, ExplainFormat::Text, std::slice::from_ref(explanation)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_was_not_looked_into_is_told_in_plain_words_and_is_not_nothing() {
        let problem =
            |path: &str, obstacle, reason: &str| Problem { path: path.into(), obstacle, reason: reason.into() };
        let mut explanation = Explanation {
            path: "in/a.zip".into(),
            is_read: true,
            problems: vec![
                problem("in/a.zip!/b.7z", Obstacle::Closed, "members were not looked at"),
                problem("in/a.zip!/c.png", Obstacle::Picture, "PNG image"),
            ],
            ..Explanation::default()
        };
        assert_eq!(explanation.verdict(), Verdict::Incomplete);
        for (language, sentence, line) in [
            (Language::English, "could not be looked into completely", "not opened here: “b.7z”"),
            (Language::German, "nicht vollständig untersucht", "hier nicht geöffnet wird: „b.7z“"),
            (Language::Korean, "전부 살펴보지는 못했습니다", "압축되어 있습니다: ‘b.7z’"),
        ] {
            let text = written(language, &explanation);
            assert!(text.contains(sentence) && text.contains(line), "{text}");
            let (told, technical) = text.split_once("in/a.zip!/b.7z: members were not looked at").unwrap();
            assert!(!told.contains("members") && technical.contains("PNG image"), "{text}");
        }
        explanation.problems.remove(0);
        assert_eq!(explanation.verdict(), Verdict::Nothing);
    }

    #[test]
    fn the_language_follows_the_locale() {
        let cases = [
            ("de_DE.UTF-8", Language::German),
            ("ko", Language::Korean),
            ("C", Language::English),
            ("", Language::English),
        ];
        for (locale, expected) in cases {
            assert_eq!(Language::of_locale(locale), expected);
        }
    }

    #[test]
    fn nothing_of_a_file_comes_alive() {
        let explanation = Explanation {
            path: "<script>alert(1)</script>\u{1b}[2J\u{202e}".into(),
            problems: vec![Problem {
                path: "<img src=x>".into(),
                obstacle: Obstacle::Damaged,
                reason: "\"><img src=x onerror=alert(1)>".into(),
            }],
            ..Explanation::default()
        };
        for format in [ExplainFormat::Text, ExplainFormat::Html] {
            let mut out = Vec::new();
            write_explanations(&mut out, Language::English, format, std::slice::from_ref(&explanation)).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
            assert!(format == ExplainFormat::Text || !text.contains("<script") && !text.contains("<img"), "{text}");
        }
    }
}
