//! What a rule asks of one field: the leaves of its condition.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use event::Time;
use regex::Regex;

use crate::pattern::Pattern;

/// A condition made of tests.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// All of these; true if there are none.
    All(Vec<Expr>),
    /// One of these; false if there are none.
    Any(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
    /// A question about a field.
    Test(Test),
}

impl Expr {
    /// Calls `visit` for every test, whether negated or not.
    pub fn each_test<'e>(&'e self, visit: &mut dyn FnMut(&'e Test)) {
        match self {
            Expr::All(terms) | Expr::Any(terms) => terms.iter().for_each(|term| term.each_test(visit)),
            Expr::Not(term) => term.each_test(visit),
            Expr::Test(test) => visit(test),
        }
    }
}

/// One question about one field: true if any of the field's values satisfies it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Test {
    /// The field by Sigma's name; `None` asks all values of the record (a keyword).
    pub field: Option<Arc<str>>,
    /// What is asked.
    pub matcher: Matcher,
}

/// The ways in which a value can satisfy a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Matcher {
    /// The text is as described; `pattern` is case-folded unless `cased`.
    Pattern {
        /// What the text must be.
        pattern: Pattern,
        /// Whether case matters.
        cased: bool,
    },
    /// A regular expression matches somewhere in the text.
    Regex(RegexSource),
    /// The text is an address in this network.
    Cidr(Network),
    /// The number is less, greater, ….
    Compare(Comparison, Number),
    /// A part of the moment (in UTC) compares so with the number.
    TimePart(TimePart, Comparison, Number),
    /// The text relates to the text of another field (by Sigma's name).
    FieldRef {
        /// The other field.
        other: Arc<str>,
        /// `contains` or `endswith`: anything may stand before.
        open_start: bool,
        /// `contains` or `startswith`: anything may stand after.
        open_end: bool,
        /// Whether case matters.
        cased: bool,
    },
    /// The field is absent or null.
    Null,
    /// The field is there (or, if false, is not), whatever its value.
    Exists(bool),
}

impl Matcher {
    /// Whether null, which has no text, satisfies a matcher about text: only the one for the empty text takes it.
    pub fn takes_null(&self) -> bool {
        matches!(self, Matcher::Pattern { pattern, .. } if pattern.as_literal() == Some(""))
    }

    /// Whether a value's text satisfies a matcher about text (false for others); `folded` is the same text case-folded.
    pub fn matches(&self, text: &str, folded: &str) -> bool {
        match self {
            Matcher::Pattern { pattern, cased } => pattern.matches(if *cased { text } else { folded }),
            Matcher::Regex(regex) => regex.get().is_some_and(|regex| regex.is_match(text)),
            Matcher::Cidr(network) => text.trim().parse().is_ok_and(|address| network.contains(address)),
            Matcher::Compare(comparison, number) => {
                Number::parse(text).is_some_and(|value| comparison.holds(value, *number))
            }
            Matcher::TimePart(part, comparison, number) => {
                Time::parse(text).is_some_and(|time| comparison.holds(Number::Whole(part.of(time).into()), *number))
            }
            Matcher::FieldRef { .. } | Matcher::Null | Matcher::Exists(_) => false,
        }
    }
}

/// A regular expression, compiled when it is first needed: most are never.
#[derive(Clone, Debug)]
pub struct RegexSource {
    source: String,
    compiled: Arc<OnceLock<Option<Regex>>>,
}

impl RegexSource {
    /// More states than this a regular expression of a rule has no reason to have.
    const SIZE_LIMIT: usize = 4 << 20;
    /// Expressions that are certainly below the limit are compiled only when needed.
    const SURELY_SMALL: usize = 2_000;

    /// Checks an expression.
    ///
    /// # Errors
    /// Why it is none.
    pub fn new(source: String) -> Result<Self, String> {
        let hir = regex_syntax::parse(&source).map_err(|error| describe(&error.to_string()))?;
        let regex = Self { source, compiled: Arc::default() };
        if repetition_size(&hir, 0) > Self::SURELY_SMALL {
            regex.compile().map_err(|error| describe(&error.to_string()))?;
        }
        Ok(regex)
    }

    fn compile(&self) -> Result<Regex, regex::Error> {
        regex::RegexBuilder::new(&self.source).size_limit(Self::SIZE_LIMIT).build()
    }

    /// The compiled expression.
    pub fn get(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| self.compile().ok()).as_ref()
    }

    /// The expression as text, with its flags.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl PartialEq for RegexSource {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for RegexSource {}

impl std::hash::Hash for RegexSource {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}

/// The last lines of the regex crate's message hold the reason; the first ones draw the expression.
fn describe(message: &str) -> String {
    let reason = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message);
    format!("not a regular expression that can be used: {}", reason.trim().trim_start_matches("error: "))
}

/// About how many states an expression needs, counting repetitions out.
fn repetition_size(hir: &regex_syntax::hir::Hir, depth: usize) -> usize {
    use regex_syntax::hir::{Class, HirKind};
    if depth > 250 {
        return usize::MAX;
    }
    let sum = |parts: &[regex_syntax::hir::Hir]| {
        parts.iter().fold(0usize, |sum, part| sum.saturating_add(repetition_size(part, depth + 1)))
    };
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => 1 + class.ranges().len() / 8,
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(repetition.min).max(1) as usize;
            repetition_size(&repetition.sub, depth + 1).saturating_mul(times)
        }
        HirKind::Capture(capture) => repetition_size(&capture.sub, depth + 1),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}

/// `lt`, `lte`, `gt`, `gte` and equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Equal.
    Eq,
}

impl Comparison {
    fn holds(self, value: Number, limit: Number) -> bool {
        let Some(order) = value.compare(limit) else { return false };
        match self {
            Comparison::Lt => order.is_lt(),
            Comparison::Lte => order.is_le(),
            Comparison::Gt => order.is_gt(),
            Comparison::Gte => order.is_ge(),
            Comparison::Eq => order.is_eq(),
        }
    }
}

/// A number in a rule or in a value: decimal, `0x` hexadecimal, or with a fraction.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Without a fraction.
    Whole(i128),
    /// With one.
    Real(f64),
}

impl Number {
    /// Reads a number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            return u64::from_str_radix(digits, 16).ok().map(|number| Number::Whole(number.into()));
        }
        let whole = text.parse().ok().map(Number::Whole);
        whole.or_else(|| text.parse().ok().filter(|real: &f64| real.is_finite()).map(Number::Real))
    }

    fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.as_real().partial_cmp(&b.as_real()),
        }
    }

    fn as_real(self) -> f64 {
        match self {
            Number::Whole(number) => number as f64,
            Number::Real(number) => number,
        }
    }
}

/// As written, not by value: tests that are equal are asked once for all rules, and whole numbers beyond 2^53 are by
/// value equal to a real that they do not compare like.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => a == b,
            (Number::Real(a), Number::Real(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

impl Eq for Number {}

impl std::hash::Hash for Number {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_real().to_bits().hash(state);
    }
}

/// A network in CIDR notation. Addresses of IPv4 are those of IPv6 that map them (`::ffff:192.0.2.1`), so that either may be
/// written either way; but a network of IPv6 that merely has all of them within (`::/0`) is not about them where they are written as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    bits: u128,
    prefix: u32,
}

/// Where the addresses of IPv4 stand among those of IPv6: the length of their prefix.
const MAPPED: u32 = 96;

impl Network {
    /// Reads `192.0.2.0/24` or `2001:db8::/32`; an address alone is a network of one.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let problem = || format!("'{text}' is not a network such as 192.0.2.0/24 or 2001:db8::/32");
        let address: IpAddr = address.trim().parse().map_err(|_| problem())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(width), |prefix| prefix.trim().parse().map_err(|_| problem()))?;
        if prefix > width {
            return Err(problem());
        }
        let mut network = Self { bits: 0, prefix: prefix + (128 - width) };
        network.bits = network.masked(bits_of(address));
        Ok(network)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let within = self.masked(bits_of(address)) == self.bits;
        within && (self.prefix >= MAPPED || address.is_ipv6())
    }

    fn masked(&self, bits: u128) -> u128 {
        bits.checked_shr(128 - self.prefix).unwrap_or(0)
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// A part of a moment that a rule can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimePart {
    /// 0–59.
    Minute,
    /// 0–23.
    Hour,
    /// Day of the month, 1–31.
    Day,
    /// ISO week, 1–53.
    Week,
    /// 1–12.
    Month,
    /// The year.
    Year,
}

impl TimePart {
    fn of(self, time: Time) -> i32 {
        let utc = time.to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
        match self {
            TimePart::Minute => utc.minute().into(),
            TimePart::Hour => utc.hour().into(),
            TimePart::Day => utc.day().into(),
            TimePart::Week => utc.date().iso_week_date().week().into(),
            TimePart::Month => utc.month().into(),
            TimePart::Year => utc.year().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::/0", "fe80::1", "1.2.3.4"),
            ("::/0", "::ffff:10.1.2.3", "10.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
            ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("::ffff:0:0/96", "10.1.2.3", "::1"),
            ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.5"),
            ("0.0.0.0/0", "::ffff:1.2.3.4", "::1.2.3.4"),
        ] {
            let matcher = Matcher::Cidr(Network::parse(network).unwrap());
            assert!(matcher.matches(inside, ""), "{network} {inside}");
            assert!(!matcher.matches(outside, ""), "{network} {outside}");
        }
        for wrong in ["192.0.2.0/33", "a", "1.2.3/8", "::/129", "1.2.3.4/-1"] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_compare_by_value() {
        let than = |comparison, limit| Matcher::Compare(comparison, Number::parse(limit).unwrap());
        assert!(than(Comparison::Gt, "9").matches("10", "") && !than(Comparison::Gt, "10").matches("9", ""));
        assert!(than(Comparison::Lte, "0x10").matches("16", "") && than(Comparison::Lt, "0.5").matches("-3", ""));
        assert!(!than(Comparison::Gte, "0").matches("many", ""));
    }

    #[test]
    fn parts_of_a_moment_are_in_utc() {
        let at = |part, number| Matcher::TimePart(part, Comparison::Eq, Number::Whole(number));
        let text = "2026-01-01T23:59:30.1234567Z";
        for (part, number) in [
            (TimePart::Minute, 59),
            (TimePart::Hour, 23),
            (TimePart::Day, 1),
            (TimePart::Week, 1),
            (TimePart::Month, 1),
            (TimePart::Year, 2026),
        ] {
            assert!(at(part, number).matches(text, text), "{part:?}");
        }
        assert!(at(TimePart::Hour, 23).matches("2026-01-02 01:59:30+02:00", ""));
    }

    #[test]
    fn expressions_that_are_none_or_too_large_are_refused() {
        assert!(RegexSource::new(r"a(?=b)".into()).unwrap_err().contains("look-around"));
        assert!(RegexSource::new(r"(".into()).is_err());
        assert!(RegexSource::new(r"((\w{500}){500}){500}".into()).is_err());
        assert!(RegexSource::new(r"\\\\[0-9]{1,3}".into()).unwrap().get().is_some());
    }
}
