//! Correlation rules as written (Sigma correlation rules specification v2.1).

use std::sync::Arc;

use event::RuleInfo;

use crate::{
    condition::{self, Condition},
    correlate::Number,
    yaml::{Kind, Node, Problem},
};

/// A correlation rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// What reports say of it.
    pub info: Arc<RuleInfo>,
    /// Its `name`, by which other correlations may refer to it; empty if it has none.
    pub name: String,
    /// The line on which it begins.
    pub line: usize,
    /// Ids or names of the rules it is about, each once.
    pub rules: Vec<String>,
    /// Other names of fields that events of one group have in common.
    pub aliases: Vec<Alias>,
    /// Fields or aliases whose values tell groups apart; none: all events are one group.
    pub group_by: Vec<String>,
    /// How far apart in time, in nanoseconds, the first and the last event of a window may be.
    pub timespan: i64,
    /// What is measured of a window.
    pub measure: Measure,
    /// What the measure must be.
    pub condition: Test,
    /// Whether the rules it is about are reported on their own as well.
    pub generate: bool,
    /// Whether it was not chosen for itself, but is there for other correlations.
    pub silent: bool,
}

/// An alias: in events of which rule (by id or name) which field is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// Rule and field.
    pub fields: Vec<(String, String)>,
}

/// What is measured of the events of one group within a window.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// `event_count`: how many there are.
    Events,
    /// `value_count`: how many different values these fields have (of several fields: combinations).
    Values(Vec<String>),
    /// `temporal`: how many of the rules were seen.
    Rules,
    /// `temporal_ordered`: how many of the rules were seen in their order.
    RulesInOrder,
    /// `value_sum`.
    Sum(String),
    /// `value_avg`.
    Average(String),
    /// `value_percentile` with the percentile (0 to 100) that is asked for: the value below which that part of the values lies, between two
    /// values in proportion.
    Percentile(String, Number),
    /// `value_percentile` without one, as in the specification's example: how many percent of the events have the value that the
    /// newest has.
    Share(String),
}

impl Measure {
    /// The fields it looks at.
    pub fn fields(&self) -> &[String] {
        match self {
            Self::Events | Self::Rules | Self::RulesInOrder => &[],
            Self::Values(fields) => fields,
            Self::Sum(field) | Self::Average(field) | Self::Percentile(field, _) | Self::Share(field) => {
                std::slice::from_ref(field)
            }
        }
    }
}

/// A correlation's condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// All of these comparisons hold.
    Compare(Vec<(Comparison, Number)>),
    /// An expression over the rules, each true if it was seen in the window.
    Seen(Seen),
}

/// How a measure is compared with the number behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
}

impl Comparison {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            _ => return None,
        })
    }

    /// Whether `ordering`, of a measure to a number, is what it asks.
    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Gt => ordering.is_gt(),
            Self::Gte => ordering.is_ge(),
            Self::Lt => ordering.is_lt(),
            Self::Lte => ordering.is_le(),
            Self::Eq => ordering.is_eq(),
            Self::Neq => ordering.is_ne(),
        }
    }
}

/// An expression over the rules of a correlation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All of these.
    All(Vec<Seen>),
    /// One of these.
    Any(Vec<Seen>),
    /// Not this.
    Not(Box<Seen>),
    /// The rule at this place of the list.
    Rule(usize),
}

/// Most rules that one correlation can be about.
const MAX_RULES: usize = 250;
/// The same where their order counts: what is kept of a group grows with the square of it.
const MAX_IN_ORDER: usize = 32;

/// Reads a correlation rule's own section; `info` is what reports say of it.
pub fn read(node: &Node, correlation: &Node, info: RuleInfo) -> Result<Correlation, Problem> {
    const KEYS: [&str; 7] = ["type", "rules", "aliases", "group-by", "timespan", "condition", "generate"];
    if let Some(entry) = correlation.entries().iter().find(|entry| !KEYS.contains(&entry.key.as_str())) {
        let message = format!("unknown key '{}' of a correlation; known are: {}", entry.key, KEYS.join(", "));
        return Err(Problem::new(entry.line, message));
    }
    let rules = rules(correlation)?;
    let timespan =
        correlation.get("timespan").ok_or_else(|| Problem::new(correlation.line, "the correlation has no timespan"))?;
    let (measure, condition) = measure(correlation, &rules)?;
    let generate = correlation.get("generate").or_else(|| node.get("generate"));
    Ok(Correlation {
        info: Arc::new(info),
        name: node.text("name").unwrap_or_default().to_owned(),
        line: node.line,
        aliases: aliases(correlation)?,
        group_by: names(correlation.get("group-by"), "group-by")?,
        timespan: read_timespan(timespan)?,
        measure,
        condition,
        generate: generate.map_or(Ok(false), flag)?,
        silent: false,
        rules,
    })
}

fn flag(node: &Node) -> Result<bool, Problem> {
    match node.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "yes") => Ok(true),
        Some("false" | "no") => Ok(false),
        _ => Err(Problem::new(node.line, "generate is true or false")),
    }
}

fn rules(correlation: &Node) -> Result<Vec<String>, Problem> {
    let node = correlation.get("rules");
    let rules = names(node, "rules")?;
    let line = node.map_or(correlation.line, |node| node.line);
    if rules.is_empty() {
        return Err(Problem::new(line, "the correlation names no rules"));
    }
    let most = if correlation.text("type") == Some("temporal_ordered") { MAX_IN_ORDER } else { MAX_RULES };
    if rules.len() > most {
        return Err(Problem::new(line, format!("the correlation names more than {most} rules")));
    }
    match rules.iter().enumerate().find(|(at, rule)| rules.iter().take(*at).any(|before| before == *rule)) {
        Some((_, twice)) => Err(Problem::new(line, format!("the correlation names the rule '{twice}' twice"))),
        None => Ok(rules),
    }
}

/// The names in a list, or a single one.
fn names(node: Option<&Node>, key: &str) -> Result<Vec<String>, Problem> {
    let name = |item: &Node| {
        let name = item.as_str().map(str::trim).filter(|name| !name.is_empty());
        name.map(str::to_owned).ok_or_else(|| Problem::new(item.line, format!("{key} takes a name or a list of names")))
    };
    node.map(Node::items).unwrap_or_default().iter().map(name).collect()
}

fn aliases(correlation: &Node) -> Result<Vec<Alias>, Problem> {
    let Some(node) = correlation.get("aliases") else { return Ok(Vec::new()) };
    let field = |alias: &str, entry: &crate::yaml::Entry| match entry.value.as_str() {
        Some(field) => Ok((entry.key.clone(), field.to_owned())),
        None => Err(Problem::new(entry.line, format!("the alias '{alias}' has no field for '{}'", entry.key))),
    };
    let alias = |entry: &crate::yaml::Entry| {
        let Kind::Map(fields) = &entry.value.kind else {
            return Err(Problem::new(entry.line, "an alias maps names of rules to names of fields"));
        };
        let fields = fields.iter().map(|inner| field(&entry.key, inner)).collect::<Result<_, _>>()?;
        Ok(Alias { name: entry.key.clone(), fields })
    };
    if !matches!(node.kind, Kind::Map(_) | Kind::Null) {
        return Err(Problem::new(node.line, "aliases maps names of aliases to rules with their fields"));
    }
    node.entries().iter().map(alias).collect()
}

/// `30s`, `5m`, `1h`, `7d`; also weeks, and months and years of average length.
fn read_timespan(node: &Node) -> Result<i64, Problem> {
    let text = node.as_str().unwrap_or_default().trim();
    let seconds = |unit| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        'w' => Some(7 * 86_400),
        'M' => Some(2_629_746),
        'y' => Some(31_556_952),
        _ => None,
    };
    let read = || {
        let unit = text.chars().last()?;
        let number: i64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(seconds(unit)?)?.checked_mul(1_000_000_000).filter(|nanos| *nanos > 0)
    };
    read().ok_or_else(|| Problem::new(node.line, format!("'{text}' is not a timespan; write 30s, 5m, 1h or 7d")))
}

const TYPES: [&str; 8] = [
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_median",
    "value_percentile",
];

fn measure(correlation: &Node, rules: &[String]) -> Result<(Measure, Test), Problem> {
    let kind = correlation.text("type").ok_or_else(|| Problem::new(correlation.line, "the correlation has no type"))?;
    let condition = correlation.get("condition");
    let line = condition.map_or(correlation.line, |node| node.line);
    let fields = names(condition.and_then(|node| node.get("field")), "field")?;
    let field = || match fields.as_slice() {
        [field] => Ok(field.clone()),
        _ => Err(Problem::new(line, format!("{kind} needs one field in its condition"))),
    };
    let measure = match kind {
        "event_count" => Measure::Events,
        "value_count" if fields.is_empty() => {
            return Err(Problem::new(line, "value_count needs a field in its condition"));
        }
        "value_count" => Measure::Values(fields.clone()),
        "temporal" => Measure::Rules,
        "temporal_ordered" => Measure::RulesInOrder,
        "value_sum" => Measure::Sum(field()?),
        "value_avg" => Measure::Average(field()?),
        "value_median" => Measure::Percentile(field()?, Number::from(50)),
        "value_percentile" => match condition.and_then(|node| node.get("percentile")) {
            Some(percentile) => Measure::Percentile(field()?, read_percentile(percentile)?),
            None => Measure::Share(field()?),
        },
        other => {
            let message = format!("unknown type of correlation '{other}'; known are: {}", TYPES.join(", "));
            return Err(Problem::new(correlation.line, message));
        }
    };
    let takes = |key: &str| if key == "field" { !measure.fields().is_empty() } else { kind == "value_percentile" };
    let has = |key: &str| condition.is_some_and(|node| node.get(key).is_some());
    let surplus = ["field", "percentile"].into_iter().find(|key| has(key) && !takes(key));
    if let Some(key) = surplus {
        return Err(Problem::new(line, format!("the condition of {kind} takes no {key}")));
    }
    let test = match (condition, &measure) {
        (Some(node), _) => test(node, &measure, rules)?,
        (None, Measure::Rules | Measure::RulesInOrder) => {
            Test::Compare(vec![(Comparison::Gte, Number::from(rules.len() as u64))])
        }
        (None, _) => return Err(Problem::new(line, format!("{kind} needs a condition"))),
    };
    Ok((measure, test))
}

fn read_percentile(node: &Node) -> Result<Number, Problem> {
    let number = node.as_str().and_then(Number::parse);
    number
        .filter(|number| (Number::from(0)..=Number::from(100)).contains(number))
        .ok_or_else(|| Problem::new(node.line, "percentile takes a number from 0 to 100"))
}

fn test(node: &Node, measure: &Measure, rules: &[String]) -> Result<Test, Problem> {
    if let Some(text) = node.as_str() {
        if *measure != Measure::Rules {
            return Err(Problem::new(node.line, "only a temporal correlation can have an expression as condition"));
        }
        let parsed = condition::parse(text).map_err(|message| Problem::new(node.line, message))?;
        return seen(&parsed, rules).map(Test::Seen).map_err(|message| Problem::new(node.line, message));
    }
    let mut comparisons = Vec::new();
    for entry in node.entries().iter().filter(|entry| !matches!(entry.key.as_str(), "field" | "percentile")) {
        let comparison = Comparison::named(&entry.key).ok_or_else(|| {
            Problem::new(entry.line, format!("'{}' is not a comparison; use gt, gte, lt, lte, eq or neq", entry.key))
        })?;
        let number = entry
            .value
            .as_str()
            .and_then(Number::parse)
            .ok_or_else(|| Problem::new(entry.line, format!("{} takes a number", entry.key)))?;
        comparisons.push((comparison, number));
    }
    if comparisons.is_empty() {
        return Err(Problem::new(node.line, "the condition compares with no number: gt, gte, lt, lte, eq or neq"));
    }
    Ok(Test::Compare(comparisons))
}

fn seen(condition: &Condition, rules: &[String]) -> Result<Seen, String> {
    let all = |terms: &[Condition]| terms.iter().map(|term| seen(term, rules)).collect::<Result<Vec<_>, _>>();
    match condition {
        Condition::And(terms) => all(terms).map(Seen::All),
        Condition::Or(terms) => all(terms).map(Seen::Any),
        Condition::Not(term) => Ok(Seen::Not(Box::new(seen(term, rules)?))),
        Condition::Name(name) => {
            let at = rules.iter().position(|rule| rule == name);
            at.map(Seen::Rule)
                .ok_or_else(|| format!("the condition names '{name}', which is not among the correlation's rules"))
        }
        Condition::Of { all, pattern } => {
            let meant = rules.iter().enumerate().filter(|(_, rule)| condition::names(pattern, rule));
            let terms: Vec<Seen> = meant.map(|(at, _)| Seen::Rule(at)).collect();
            match (terms.is_empty(), all) {
                (true, _) => Err(format!("no rule of the correlation is named like '{pattern}'")),
                (false, true) => Ok(Seen::All(terms)),
                (false, false) => Ok(Seen::Any(terms)),
            }
        }
    }
}
