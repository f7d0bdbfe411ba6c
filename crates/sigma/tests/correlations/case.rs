//! Events and correlations made at random, near enough to each other that something is often found.

use proptest::{
    collection::{self, vec},
    option,
    prelude::*,
    sample::select,
};

use crate::{
    fraction::Fraction,
    log::{Line, SECOND},
};

/// How many base rules there are. Rule `n` is satisfied by events that have the field `Rn`.
pub const RULES: usize = 3;
pub const FLAGS: [&str; RULES] = ["R0", "R1", "R2"];

/// What a correlation measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Events,
    Values(&'static [&'static str]),
    Temporal,
    Ordered,
    Sum,
    Average,
    Percentile(u32),
    Share,
}

#[derive(Clone, Debug)]
pub enum Test {
    /// No condition, which `temporal` allows.
    All,
    Compare(Vec<(&'static str, Fraction)>),
    /// An expression, by its place in [`EXPRESSIONS`].
    Expression(usize),
}

/// Whether an expression holds, given which rules were seen.
type Truth = fn(&[bool]) -> bool;

/// Expressions over the first, second and third rule of a list.
pub const EXPRESSIONS: [(&str, Truth); 5] = [
    ("{0} and {1}", |seen| seen[0] && seen[1]),
    ("{0} or {1}", |seen| seen[0] || seen[1]),
    ("{0} and not {1}", |seen| seen[0] && !seen[1]),
    ("not ({0} or {1})", |seen| !(seen[0] || seen[1])),
    ("1 of them and not (all of them)", |seen| seen.iter().any(|seen| *seen) && !seen.iter().all(|seen| *seen)),
];

/// A rule that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    Base(usize),
    /// The correlation before this one.
    Before,
}

#[derive(Clone, Debug)]
pub struct Correlation {
    pub kind: Kind,
    pub rules: Vec<Named>,
    /// Whether rules are named by id rather than by name, and so the aliases.
    pub by_id: bool,
    pub group_by: Vec<&'static str>,
    /// The field that the alias `who` means in events of each base rule.
    pub who: [&'static str; RULES],
    pub seconds: i64,
    pub test: Test,
}

fn number(fraction: Fraction) -> String {
    format!("{:.4}", fraction.over as f64 / fraction.under as f64)
}

impl Correlation {
    /// Its document; `at` is its place in the chain.
    pub fn document(&self, at: usize) -> String {
        let name = |named: &Named| match (named, self.by_id) {
            (Named::Base(rule), false) => format!("rule_{rule}"),
            (Named::Base(rule), true) => format!("id-of-rule-{rule}"),
            (Named::Before, false) => format!("chain_{}", at - 1),
            (Named::Before, true) => format!("id-of-chain-{}", at - 1),
        };
        let kind = match self.kind {
            Kind::Events => "event_count",
            Kind::Values(_) => "value_count",
            Kind::Temporal => "temporal",
            Kind::Ordered => "temporal_ordered",
            Kind::Sum => "value_sum",
            Kind::Average => "value_avg",
            Kind::Percentile(_) | Kind::Share => "value_percentile",
        };
        let field = match self.kind {
            Kind::Events | Kind::Temporal | Kind::Ordered => String::new(),
            Kind::Values(fields) => format!("field: [{}], ", fields.join(", ")),
            Kind::Percentile(percentile) => format!("field: Bytes, percentile: {percentile}, "),
            Kind::Share => "field: User, ".into(),
            Kind::Sum | Kind::Average => "field: Bytes, ".into(),
        };
        let rules: Vec<String> = self.rules.iter().map(name).collect();
        let condition = match &self.test {
            Test::All => String::new(),
            Test::Compare(all) => {
                let all: Vec<String> = all.iter().map(|(key, value)| format!("{key}: {}", number(*value))).collect();
                format!("  condition: {{{field}{}}}\n", all.join(", "))
            }
            Test::Expression(which) => {
                let text = EXPRESSIONS[*which].0.replace("{0}", &rules[0]);
                format!("  condition: {}\n", rules.get(1).map_or(text.clone(), |second| text.replace("{1}", second)))
            }
        };
        let aliases: Vec<String> = self
            .rules
            .iter()
            .filter_map(|named| match named {
                Named::Base(rule) => Some(format!("{}: {}", name(named), self.who[*rule])),
                Named::Before => None,
            })
            .collect();
        format!(
            "---\ntitle: chain {at}\nname: chain_{at}\nid: id-of-chain-{at}\ngenerate: true\ncorrelation:\n  type: {kind}\n  \
             rules: [{}]\n  group-by: [{}]\n  aliases: {{who: {{{}}}}}\n  timespan: {}s\n{condition}",
            rules.join(", "),
            self.group_by.join(", "),
            aliases.join(", "),
            self.seconds,
        )
    }
}

/// The rules of a chain, base rules first.
pub fn documents(chain: &[Correlation]) -> String {
    let base = (0..RULES).map(|rule| {
        format!(
            "---\ntitle: rule {rule}\nname: rule_{rule}\nid: id-of-rule-{rule}\nlogsource: {{product: windows}}\n\
             detection: {{sel: {{R{rule}: y}}, condition: sel}}\n"
        )
    });
    base.chain(chain.iter().enumerate().map(|(at, correlation)| correlation.document(at))).collect()
}

/// Texts in `Bytes`, with the number each is.
pub const BYTES: [(&str, Option<Fraction>); 12] = [
    ("0", Some(Fraction::new(0, 1))),
    ("1", Some(Fraction::new(1, 1))),
    ("2", Some(Fraction::new(2, 1))),
    ("3", Some(Fraction::new(3, 1))),
    ("4.0", Some(Fraction::new(4, 1))),
    (" 5 ", Some(Fraction::new(5, 1))),
    ("-0.25", Some(Fraction::new(-1, 4))),
    ("0x0a", Some(Fraction::new(10, 1))),
    ("1e1", Some(Fraction::new(10, 1))),
    ("2.5", Some(Fraction::new(5, 2))),
    ("many", None),
    ("", None),
];

const USERS: [&str; 5] = ["anna", "Anna", "ANNA", "Bert", "\u{e9}va"];

/// Events at few times, with few users, of which some lack something.
pub fn lines() -> impl Strategy<Value = Vec<Line>> {
    let user = || option::weighted(0.9, select(&USERS[..]));
    let bytes = option::weighted(0.9, select(&BYTES[..]));
    let host = select(&["web", "WEB", "db", ""][..]);
    let line = (0..16_i64, 1..1_usize << RULES, user(), user(), bytes, host);
    let line = line.prop_map(|(time, mask, user, peer, bytes, host)| {
        let flags = FLAGS.iter().enumerate().filter(|(rule, _)| mask >> rule & 1 == 1).map(|(_, flag)| (*flag, "y"));
        let fields = [("User", user), ("Peer", peer), ("Bytes", bytes.map(|(text, _)| text))];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(flags);
        let fields = fields.map(|(name, value)| (name, value.to_owned())).collect();
        Line { time: time * SECOND / 2, host: host.into(), channel: "Security", number: 1, fields }
    });
    vec(line, 1..16)
}

fn test(kind: Kind, rules: usize) -> BoxedStrategy<Test> {
    let whole = (0..5_i128).prop_map(|over| Fraction::new(over, 1));
    let parts = (-2..41_i128).prop_map(|over| Fraction::new(over, 4));
    let percent = prop_oneof![Just(50), Just(100), 0..100_i128].prop_map(|over| Fraction::new(over, 1));
    let value = match kind {
        Kind::Sum | Kind::Average | Kind::Percentile(_) => parts.boxed(),
        Kind::Share => percent.boxed(),
        _ => whole.boxed(),
    };
    let key = prop_oneof![3 => Just("gte"), 1 => select(&["gt", "lt", "lte", "eq", "neq"][..])];
    let compare = prop_oneof![
        4 => (key, value.clone()).prop_map(|one| Test::Compare(vec![one])),
        1 => (value.clone(), value).prop_map(|(a, b)| Test::Compare(vec![("gte", a), ("lt", b)])),
    ];
    match kind {
        Kind::Temporal if rules > 1 => {
            prop_oneof![Just(Test::All), compare, (0..EXPRESSIONS.len()).prop_map(Test::Expression)].boxed()
        }
        Kind::Temporal | Kind::Ordered => prop_oneof![Just(Test::All), compare].boxed(),
        _ => compare.boxed(),
    }
}

/// A correlation of base rules, and of the one before it if there is one.
pub fn correlation(has_before: bool) -> impl Strategy<Value = Correlation> {
    let kind = select(vec![
        Kind::Events,
        Kind::Values(&["User"]),
        Kind::Values(&["User", "Peer"]),
        Kind::Temporal,
        Kind::Ordered,
        Kind::Ordered,
        Kind::Sum,
        Kind::Average,
        Kind::Percentile(0),
        Kind::Percentile(50),
        Kind::Percentile(90),
        Kind::Share,
    ]);
    let named: Vec<Named> = (0..RULES).map(Named::Base).chain(has_before.then_some(Named::Before)).collect();
    let most = named.len();
    let rules = proptest::sample::subsequence(named, 1..=most).prop_shuffle().prop_map(move |mut rules| {
        if has_before && !rules.contains(&Named::Before) {
            rules[0] = Named::Before;
        }
        rules
    });
    let group_by = collection::vec(select(&["User", "Peer", "who", "Computer"][..]), 0..3);
    let who = [(); RULES].map(|()| select(&["User", "Peer"][..]));
    (kind, rules, any::<bool>(), group_by, who, 1..5_i64).prop_flat_map(
        |(kind, rules, by_id, group_by, who, seconds)| {
            test(kind, rules.len()).prop_map(move |test| Correlation {
                kind,
                rules: rules.clone(),
                by_id,
                group_by: group_by.clone(),
                who,
                seconds,
                test,
            })
        },
    )
}
