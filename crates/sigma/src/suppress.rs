//! Suppressions: findings that the organisation can explain, with the reason written down.

use event::{Finding, Record};
use jiff::civil::Date;

use crate::{
    modifier::{self, Unusable},
    plain::{Fields, Judge},
    rule::Placeholders,
    taxonomy::Entry,
    test::Expr,
    yaml::{self, Kind, Node, Problem},
};

/// One explanation: findings of a rule, perhaps only those whose event looks so, are left out of reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppression {
    /// The rule's id or title.
    pub rule: String,
    /// Why such findings need nobody's attention.
    pub reason: String,
    /// The last day on which it holds, if it has one.
    pub expires: Option<Date>,
    fields: Option<Expr>,
}

impl Suppression {
    /// Reads a file: a list of mappings with `rule`, `reason`, and optionally `fields` (as in a Sigma selection,
    /// with modifiers) and `expires` (YYYY-MM-DD).
    ///
    /// # Errors
    /// The first thing that is wrong. A suppression that is not understood must not be guessed at.
    pub fn parse(text: &str) -> Result<Vec<Self>, Problem> {
        let (documents, problem) = yaml::documents(text);
        if let Some(problem) = problem {
            return Err(problem);
        }
        documents.iter().flat_map(Node::items).map(Self::read).collect()
    }

    fn read(node: &Node) -> Result<Self, Problem> {
        const KEYS: [&str; 4] = ["rule", "fields", "reason", "expires"];
        let Kind::Map(entries) = &node.kind else {
            return Err(Problem::new(
                node.line,
                "expected a suppression: `rule: …`, `reason: …`, perhaps `fields` and `expires`",
            ));
        };
        if let Some(entry) = entries.iter().find(|entry| !KEYS.contains(&entry.key.as_str())) {
            return Err(Problem::new(
                entry.line,
                format!("unknown key '{}'; known are: {}", entry.key, KEYS.join(", ")),
            ));
        }
        let text = |key: &str| {
            let text = node.text(key).map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| Problem::new(node.line, format!("the suppression has no {key}")))
        };
        let expires = node.get("expires").map(|node| {
            let date = node.as_str().and_then(|text| text.trim().parse().ok());
            date.ok_or_else(|| Problem::new(node.line, "expires takes a day such as 2027-01-31"))
        });
        let fields = node.get("fields").map(Node::entries).unwrap_or_default();
        let terms: Result<Vec<Expr>, Problem> = fields
            .iter()
            .map(|entry| match modifier::item(entry, &Placeholders::default()) {
                Ok(expr) => Ok(expr),
                Err(Unusable::Refused(problem)) => Err(problem),
                Err(Unusable::NotApplicable(reason)) => Err(Problem::new(entry.line, reason)),
            })
            .collect();
        let terms = terms?;
        let fields = (!terms.is_empty()).then_some(Expr::All(terms));
        Ok(Self { rule: text("rule")?, reason: text("reason")?, expires: expires.transpose()?, fields })
    }

    /// Whether it is over on a day.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|expires| expires < today)
    }

    /// Whether it explains a finding about a record. Fields may be named as in the record or as in the rule.
    pub fn explains(&self, finding: &Finding, record: &dyn Record, judge: &Judge) -> bool {
        let named = self.rule == finding.rule.id || self.rule.eq_ignore_ascii_case(&finding.rule.title);
        named
            && self.fields.as_ref().is_none_or(|expr| {
                let mut fields = Fields::of(record);
                finding.matched.iter().for_each(|matched| fields.add(&matched.field, &matched.value));
                judge.holds(expr, &Entry::default(), &fields)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, part) in [
            ("- rule: a\n", 1, "no reason"),
            ("- rule: a\n  reason: b\n  filds: {}\n", 3, "unknown key 'filds'"),
            ("- rule: a\n  reason: b\n  expires: soon\n", 3, "2027-01-31"),
            ("- rule: a\n  reason: b\n  fields:\n    Image|endwith: x\n", 4, "unknown modifier 'endwith'"),
        ] {
            let problem = Suppression::parse(text).unwrap_err();
            assert!(problem.line == line && problem.message.contains(part), "{problem}");
        }
        let read = Suppression::parse("- rule: a\n  reason: b\n  expires: 2026-11-22\n").unwrap();
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert!(!read[0].is_expired(day("2026-11-22")) && read[0].is_expired(day("2026-11-23")));
    }
}
