//! From a YAML document to a rule.

use std::{collections::BTreeMap, sync::Arc};

use event::{Level, RuleInfo};

use crate::{
    condition::{self, Condition},
    correlate::Followed,
    correlation::{self, Correlation},
    modifier::{self, Unusable},
    test::Expr,
    yaml::{self, Entry, Kind, Node, Problem},
};

/// A detection rule, ready to be compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What reports say of it.
    pub info: Arc<RuleInfo>,
    /// Its `name`, by which correlations and filters may refer to it; empty if it has none.
    pub name: String,
    /// The line of the file on which it begins.
    pub line: usize,
    /// Which logs it is about.
    pub logsource: LogSourceSpec,
    /// What it looks for.
    pub expr: Expr,
    /// Whether it is only there for correlations, and not reported on its own.
    pub silent: bool,
    /// What it tells correlations; set when it is compiled.
    pub(crate) followed: Option<Arc<Followed>>,
    /// Whether another rule that says the same tells correlations on its behalf, so that it need not be evaluated; set when it is compiled.
    pub(crate) spoken_for: bool,
}

/// Sigma's `logsource`, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogSourceSpec {
    /// `windows`, `linux`, …
    pub product: Option<String>,
    /// `process_creation`, `webserver`, …
    pub category: Option<String>,
    /// `security`, `sshd`, …
    pub service: Option<String>,
}

impl LogSourceSpec {
    fn read(node: &Node) -> Result<Self, Problem> {
        let text = |key| node.text(key).map(str::to_ascii_lowercase);
        let spec = Self { product: text("product"), category: text("category"), service: text("service") };
        if spec == Self::default() {
            return Err(Problem::new(node.line, "the logsource names no product, category or service"));
        }
        Ok(spec)
    }

    /// Whether everything this one names is named the same by `other` (as a filter's log source must be by a rule's).
    pub fn covers(&self, other: &Self) -> bool {
        let part = |mine: &Option<String>, theirs: &Option<String>| mine.is_none() || mine == theirs;
        part(&self.product, &other.product)
            && part(&self.category, &other.category)
            && part(&self.service, &other.service)
    }
}

impl std::fmt::Display for LogSourceSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [("product", &self.product), ("category", &self.category), ("service", &self.service)];
        let named: Vec<String> =
            parts.iter().filter_map(|(key, value)| value.as_ref().map(|value| format!("{key}={value}"))).collect();
        f.write_str(&named.join(" "))
    }
}

/// A filter: a condition that is added to rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The file it stands in.
    pub path: String,
    /// For messages.
    pub title: String,
    /// The line on which it begins.
    pub line: usize,
    /// Rules of this log source.
    pub logsource: LogSourceSpec,
    /// Ids or names of the rules; `None` means any.
    pub rules: Option<Vec<String>>,
    /// What must hold besides.
    pub expr: Expr,
}

impl Filter {
    /// Whether it is meant for `rule`.
    pub fn applies_to(&self, rule: &Rule) -> bool {
        let meant = |names: &Vec<String>| {
            names.iter().any(|name| *name == rule.info.id || (*name == rule.name && !name.is_empty()))
        };
        self.logsource.covers(&rule.logsource) && self.rules.as_ref().is_none_or(meant)
    }
}

/// One document of a file of rules.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// A detection rule.
    Rule(Box<Rule>),
    /// A correlation rule.
    Correlation(Box<Correlation>),
    /// A filter.
    Filter(Box<Filter>),
}

/// The most texts, and bytes of them, that the placeholders of one value may stand for.
const MAX_EXPANDED: usize = 10_000;
const MAX_EXPANDED_BYTES: usize = 8 << 20;

/// Values for `%placeholders%` in rules with the modifier `expand`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholders(BTreeMap<String, Vec<String>>);

impl Placeholders {
    /// Reads a YAML mapping from a placeholder's name (without `%`) to a value or list of values.
    ///
    /// # Errors
    /// Where the file is not such a mapping.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (documents, problem) = yaml::documents(text);
        if let Some(problem) = problem {
            return Err(problem);
        }
        let mut values = BTreeMap::new();
        for node in &documents {
            let Kind::Map(entries) = &node.kind else {
                return Err(Problem::new(
                    node.line,
                    "expected placeholder names with their values: `name: [value, …]`",
                ));
            };
            for entry in entries {
                values.insert(entry.key.trim_matches('%').to_owned(), entry.value.texts());
            }
        }
        Ok(Self(values))
    }

    /// All texts that come of `text` when each `%name%` is replaced by each of its values, changed by `change`; or why there are none: a
    /// name has no values, or they would be too many. A `\%` is a percent sign. `line` is for the complaint.
    pub(crate) fn expand(
        &self,
        text: &str,
        line: usize,
        change: &dyn Fn(&str) -> String,
    ) -> Result<Vec<String>, Unusable> {
        let (mut texts, mut rest) = (vec![String::new()], text);
        while let Some((before, name, after)) = placeholder(rest) {
            let values = self.0.get(name).filter(|values| !values.is_empty()).ok_or_else(|| {
                Unusable::NotApplicable(format!(
                    "the placeholder %{name}% has no values; give them with --placeholders FILE"
                ))
            })?;
            let before = before.replace("\\%", "%");
            let values: Vec<String> = values.iter().map(|value| format!("{before}{}", change(value))).collect();
            let bytes = texts.iter().chain(&values).map(String::len).max().unwrap_or_default();
            let count = texts.len().saturating_mul(values.len());
            if count > MAX_EXPANDED || count.saturating_mul(bytes) > MAX_EXPANDED_BYTES {
                let message = format!(
                    "the placeholders stand for {count} or more texts; at most {MAX_EXPANDED} of {} MiB are looked for",
                    MAX_EXPANDED_BYTES >> 20
                );
                return Err(Problem::new(line, message).into());
            }
            texts = texts.iter().flat_map(|text| values.iter().map(move |value| format!("{text}{value}"))).collect();
            rest = after;
        }
        let end = rest.replace("\\%", "%");
        texts.iter_mut().for_each(|text| text.push_str(&end));
        Ok(texts)
    }
}

/// What stands before, in and behind the first placeholder.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut signs = text
        .match_indices('%')
        .map(|(at, _)| at)
        .filter(|at| !text.get(..*at).is_some_and(|before| before.ends_with('\\')));
    let (open, close) = (signs.next()?, signs.next()?);
    let name = text.get(open + 1..close).filter(|name| !name.is_empty())?;
    Some((text.get(..open)?, name, text.get(close + 1..)?))
}

/// Reads one document; `path` is for reports.
pub fn document(node: &Node, path: &str, placeholders: &Placeholders) -> Result<Document, Unusable> {
    let Kind::Map(_) = &node.kind else {
        return Err(Problem::new(node.line, "expected a rule: a mapping with title, logsource and detection").into());
    };
    if let Some(other) = node.text("taxonomy").filter(|taxonomy| !taxonomy.eq_ignore_ascii_case("sigma")) {
        return Err(Unusable::NotApplicable(format!(
            "the rule's fields are of the taxonomy '{other}', only Sigma's own is known"
        )));
    }
    if let Some(correlation) = node.get("correlation") {
        return Ok(Document::Correlation(Box::new(correlation::read(node, correlation, info(node, path)?)?)));
    }
    let logsource = node.get("logsource").ok_or_else(|| Problem::new(node.line, "the rule has no logsource"))?;
    let logsource = LogSourceSpec::read(logsource)?;
    if let Some(filter) = node.get("filter") {
        return Ok(Document::Filter(Box::new(read_filter(node, filter, path, logsource, placeholders)?)));
    }
    let detection = node.get("detection").ok_or_else(|| Problem::new(node.line, "the rule has no detection"))?;
    let expr = expression(detection, placeholders)?;
    let info = Arc::new(info(node, path)?);
    let name = node.text("name").unwrap_or_default().to_owned();
    let line = node.line;
    let rule = Rule { info, name, line, logsource, expr, silent: false, followed: None, spoken_for: false };
    Ok(Document::Rule(Box::new(rule)))
}

fn info(node: &Node, path: &str) -> Result<RuleInfo, Problem> {
    let text = |key: &str| node.text(key).unwrap_or_default().trim().to_owned();
    let title = text("title");
    if title.is_empty() {
        return Err(Problem::new(node.line, "the rule has no title"));
    }
    let level = match node.get("level") {
        // The specification names no default; pySigma and the SigmaHQ tools show such rules as informational.
        None => Level::Informational,
        Some(level) => {
            level.as_str().unwrap_or_default().parse().map_err(|message: String| Problem::new(level.line, message))?
        }
    };
    let id = if text("id").is_empty() { format!("{path}:{}", node.line) } else { text("id") };
    let list = |key: &str| node.get(key).map(Node::texts).unwrap_or_default();
    Ok(RuleInfo {
        id,
        title,
        path: path.to_owned(),
        level,
        status: text("status"),
        description: text("description"),
        author: text("author"),
        tags: list("tags"),
        false_positives: list("falsepositives"),
    })
}

fn read_filter(
    node: &Node,
    filter: &Node,
    path: &str,
    logsource: LogSourceSpec,
    placeholders: &Placeholders,
) -> Result<Filter, Unusable> {
    let is_any = |rules: &Node| rules.as_str().is_some_and(|text| text.eq_ignore_ascii_case("any"));
    let rules = filter.get("rules").filter(|rules| !is_any(rules)).map(Node::texts);
    let expr = expression(filter, placeholders)?;
    let title = node.text("title").unwrap_or_default().to_owned();
    Ok(Filter { path: path.to_owned(), title, line: node.line, logsource, rules, expr })
}

/// The condition of a detection, with the search identifiers put in place of their names.
fn expression(detection: &Node, placeholders: &Placeholders) -> Result<Expr, Unusable> {
    if let Some(timeframe) = detection.get("timeframe") {
        let message = "a timeframe belongs in a correlation rule; in a detection it would have no effect";
        return Err(Problem::new(timeframe.line, message).into());
    }
    let condition =
        detection.get("condition").ok_or_else(|| Problem::new(detection.line, "the detection has no condition"))?;
    let mut identifiers = Vec::new();
    for entry in detection.entries().iter().filter(|entry| !matches!(entry.key.as_str(), "condition" | "rules")) {
        identifiers.push((entry.key.as_str(), selection(&entry.value, placeholders)?));
    }
    let mut alternatives = Vec::new();
    for text in condition.items() {
        let parsed = condition::parse(text.as_str().unwrap_or_default());
        let parsed = parsed.map_err(|message| Problem::new(text.line, message))?;
        alternatives.push(resolve(&parsed, &identifiers).map_err(|message| Problem::new(text.line, message))?);
    }
    match alternatives.len() {
        0 => Err(Problem::new(condition.line, "the condition is empty").into()),
        1 => Ok(alternatives.remove(0)),
        _ => Ok(Expr::Any(alternatives)),
    }
}

fn resolve(condition: &Condition, identifiers: &[(&str, Expr)]) -> Result<Expr, String> {
    let all = |terms: &[Condition]| terms.iter().map(|term| resolve(term, identifiers)).collect::<Result<Vec<_>, _>>();
    match condition {
        Condition::And(terms) => all(terms).map(Expr::All),
        Condition::Or(terms) => all(terms).map(Expr::Any),
        Condition::Not(term) => Ok(Expr::Not(Box::new(resolve(term, identifiers)?))),
        Condition::Name(name) => {
            let found = identifiers.iter().find(|(other, _)| other == name);
            found.map(|(_, expr)| expr.clone()).ok_or_else(|| {
                let known: Vec<&str> = identifiers.iter().map(|(name, _)| *name).collect();
                format!("the condition names '{name}', but the detection has only: {}", known.join(", "))
            })
        }
        Condition::Of { all, pattern } => {
            let meant = identifiers.iter().filter(|(name, _)| condition::names(pattern, name));
            let terms: Vec<Expr> = meant.map(|(_, expr)| expr.clone()).collect();
            match (terms.is_empty(), all) {
                (true, _) => Err(format!("no search identifier of the detection is named like '{pattern}'")),
                (false, true) => Ok(Expr::All(terms)),
                (false, false) => Ok(Expr::Any(terms)),
            }
        }
    }
}

/// A search identifier: a mapping (all entries), a list of mappings (one of them), or words.
fn selection(node: &Node, placeholders: &Placeholders) -> Result<Expr, Unusable> {
    match &node.kind {
        Kind::Map(entries) if entries.is_empty() => {
            Err(Problem::new(node.line, "an empty mapping asks for nothing, so every record would satisfy it").into())
        }
        Kind::Map(entries) => fields(entries, placeholders),
        Kind::List(items) if items.is_empty() => Err(Problem::new(node.line, "an empty list finds nothing").into()),
        Kind::List(items) => {
            let terms: Result<Vec<Expr>, Unusable> = items.iter().map(|item| selection(item, placeholders)).collect();
            terms.map(Expr::Any)
        }
        Kind::Scalar(_) => Ok(modifier::keyword(node)?),
        Kind::Null => Err(Problem::new(node.line, "expected fields with values, or words to look for").into()),
    }
}

fn fields(entries: &[Entry], placeholders: &Placeholders) -> Result<Expr, Unusable> {
    let mut terms = Vec::new();
    for entry in entries {
        terms.push(modifier::item(entry, placeholders)?);
    }
    if terms.len() == 1 { Ok(terms.remove(0)) } else { Ok(Expr::All(terms)) }
}
