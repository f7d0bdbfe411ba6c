use event::Time;
use incident::{Incident, Link, Step, Tactic};

use crate::Zone;

/// What is said beside all resemblance.
pub(crate) const CAUTION: &str = "The following is also known from Operation DreamJob (ATT&CK C0022) and the Lazarus group (G0032). Others do \
     the same: overlap says what to look for next, not who it was.";

/// An attack phase as people write it: `Initial access`.
pub(crate) fn phase(tactic: Tactic) -> String {
    let mut words = tactic.as_str().replace('-', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// An attack phase's number at ATT&CK.
pub(crate) const fn tactic_number(tactic: Tactic) -> &'static str {
    match tactic {
        Tactic::Reconnaissance => "TA0043",
        Tactic::ResourceDevelopment => "TA0042",
        Tactic::InitialAccess => "TA0001",
        Tactic::Execution => "TA0002",
        Tactic::Persistence => "TA0003",
        Tactic::PrivilegeEscalation => "TA0004",
        Tactic::DefenseEvasion => "TA0005",
        Tactic::CredentialAccess => "TA0006",
        Tactic::Discovery => "TA0007",
        Tactic::LateralMovement => "TA0008",
        Tactic::Collection => "TA0009",
        Tactic::CommandAndControl => "TA0011",
        Tactic::Exfiltration => "TA0010",
        Tactic::Impact => "TA0040",
    }
}

/// `from` to `until` as people say it: to the minute, and the day once where it is one; to the second where both lie in one minute.
pub(crate) fn period(span: Option<(Time, Time)>, zone: &Zone) -> String {
    let Some((from, until)) = span else { return "no time".to_owned() };
    let minutes = [from, until].map(|time| zone.format(time, "%Y-%m-%d %H:%M"));
    match &minutes {
        [from_minute, until_minute] if from_minute == until_minute => zone.format(from, "%Y-%m-%d %H:%M:%S"),
        [from_minute, until_minute] if zone.date(from) == zone.date(until) => {
            format!("{from_minute} to {}", until_minute.get(11..).unwrap_or(until_minute))
        }
        [from_minute, until_minute] => format!("{from_minute} to {until_minute}"),
    }
}

/// How often, where it was more than once: `412 times until 09:31:00`.
pub(crate) fn repeated(step: &Step, zone: &Zone) -> Option<String> {
    if step.times <= 1 {
        return None;
    }
    let times = crate::terminal::page::thousands(step.times);
    Some(match step.span {
        Some((from, until)) if from == until => format!("{times} times"),
        Some((from, until)) if zone.date(from) == zone.date(until) => {
            format!("{times} times until {}", zone.clock(until))
        }
        Some((_, until)) => format!("{times} times until {} {}", zone.date(until), zone.clock(until)),
        None => format!("{times} times"),
    })
}

/// Of each step the strongest link to one before it; of several equally strong ones that to the nearest.
pub(crate) fn strongest(incident: &Incident) -> Vec<Option<&Link>> {
    let mut best: Vec<Option<&Link>> = vec![None; incident.steps.len()];
    for link in incident.links.iter().filter(|link| link.from < link.to) {
        let Some(kept) = best.get_mut(link.to) else { continue };
        let stronger = |kept: &Link| {
            let order = link.strength.total_cmp(&kept.strength);
            order.then(link.from.cmp(&kept.from)).then_with(|| kept.why.cmp(&link.why)).is_gt()
        };
        if kept.is_none_or(stronger) {
            *kept = Some(link);
        }
    }
    best
}

/// The names with commas, as many as are wanted, and how many more there are.
pub(crate) fn names(names: &[String], most: usize) -> String {
    let mut shown: Vec<String> = names.iter().take(most).map(|name| crate::plain::shorten(name, 40)).collect();
    if names.len() > most {
        shown.push(format!("{} more", names.len() - most));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn a_period_says_no_more_than_it_must() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let cases = [
            ("2026-11-17T07:41:12Z", "2026-11-17T07:41:12Z", "2026-11-17 08:41:12"),
            ("2026-11-17T07:41:12Z", "2026-11-17T07:41:59Z", "2026-11-17 08:41:12"),
            ("2026-11-17T07:41:12Z", "2026-11-17T13:55:01Z", "2026-11-17 08:41 to 14:55"),
            ("2026-11-17T07:41:12Z", "2026-11-17T23:30:00Z", "2026-11-17 08:41 to 2026-11-18 00:30"),
        ];
        for (from, until, shown) in cases {
            assert_eq!(period(Some((at(from), at(until))), &zone), shown);
        }
        assert_eq!(period(None, &zone), "no time");
    }

    #[test]
    fn phases_are_words() {
        assert_eq!(phase(Tactic::CommandAndControl), "Command and control");
    }

    #[test]
    fn of_many_names_some_are_said() {
        let hosts = ["a", "b", "c\u{202e}"].map(str::to_owned);
        assert_eq!(names(&hosts, 3), "a, b, c\\u{202e}");
        assert_eq!(names(&hosts, 1), "a, 2 more");
    }
}
