//! What a receiver noted of a mail's authenticity: Authentication-Results (RFC 8601), ARC-Authentication-Results (RFC 8617), Received-SPF
//! (RFC 7208, section 9.1).
//!
//! Only what the organisation's own receiver wrote can be believed, and each receiver writes on top of what was there. Without names of
//! receivers (`site.toml`) the topmost header counts. It may then be the sender's own; so no judgement may rest on a good result.

use super::{
    domains::{registrable, shown},
    known::Organisation,
};
use crate::Facts;

/// What is told of the results, without repeats. Whether one of the organisation's own receivers confirmed that the mail is from `domain` comes back:
/// by DMARC, or by a signature (DKIM) of that domain's.
pub(super) fn tell<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    domain: &str,
    organisation: &Organisation,
    facts: &mut Facts,
) -> bool {
    let (mut results, mut spf, mut arc) = (None, None, None);
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("Authentication-Results") && results.is_none() {
            let server = value.split(';').next().unwrap_or_default().split_whitespace().next().unwrap_or_default();
            let is_trusted = organisation.receivers.is_empty()
                || organisation.receivers.iter().any(|receiver| receiver.eq_ignore_ascii_case(server));
            results = is_trusted.then_some(value);
        } else if name.eq_ignore_ascii_case("Received-SPF") && spf.is_none() && organisation.receivers.is_empty() {
            spf = Some(value);
        } else if name.eq_ignore_ascii_case("ARC-Authentication-Results") && arc.is_none() {
            arc = Some(value);
        }
    }
    for (method, result) in results.map(methods).unwrap_or_default() {
        facts.tell("Authentication", format!("{method}={result}"));
    }
    if let Some(result) = spf.filter(|_| results.is_none()).and_then(|value| value.split_whitespace().next()) {
        facts.tell("Authentication", format!("spf={}", result.to_ascii_lowercase()));
    }
    for (method, result) in arc.map(methods).unwrap_or_default() {
        facts.tell("ArcAuthentication", format!("{method}={result}"));
    }
    !organisation.receivers.is_empty() && results.is_some_and(|value| confirms(value, domain))
}

/// Whether the results say that a mail is from a domain: of each method the properties stand behind its result (RFC 8601, section 2.2).
fn confirms(value: &str, domain: &str) -> bool {
    let is_same =
        |named: &str| registrable(&shown(named.rsplit('@').next().unwrap_or_default())) == registrable(domain);
    without_comments(value).split(';').any(|clause| {
        let mut words = clause.split_whitespace().filter_map(|word| word.split_once('='));
        let result = words.next().filter(|(_, result)| result.eq_ignore_ascii_case("pass"));
        let properties: &[&str] = match result {
            Some((method, _)) if method.eq_ignore_ascii_case("dmarc") => &["header.from"],
            Some((method, _)) if method.eq_ignore_ascii_case("dkim") => &["header.d", "header.i"],
            _ => return false,
        };
        words.any(|(name, value)| properties.iter().any(|known| name.eq_ignore_ascii_case(known)) && is_same(value))
    })
}

/// The results of the methods that are known, in their order. Of several signatures (DKIM) the best counts: mailing lists and relays add theirs.
fn methods(value: &str) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    let value = without_comments(value);
    for clause in value.split(|c: char| c == ';' || c.is_whitespace()) {
        let Some((method, result)) = clause.split_once('=') else { continue };
        let known = ["spf", "dkim", "dmarc", "compauth"].into_iter().find(|known| method.eq_ignore_ascii_case(known));
        let Some(method) = known else { continue };
        let result: String =
            result.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match found.iter_mut().find(|(known, _)| *known == method) {
            Some((_, known)) if result == "pass" => *known = result,
            Some(_) => {}
            None => found.push((method, result)),
        }
    }
    found
}

/// The text without what stands in parentheses (RFC 5322, section 3.2.2).
fn without_comments(value: &str) -> String {
    let mut depth = 0u32;
    let keep = |c: &char| {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    };
    value.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_without_comments() {
        let value = "mx.example.org; spf=none (spf=pass sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=fail\r\n header.d=a; dkim=pass;dmarc=fail action=none";
        let found: Vec<_> = methods(value).into_iter().map(|(method, result)| format!("{method}={result}")).collect();
        assert_eq!(found, ["spf=none", "dkim=pass", "dmarc=fail"]);
    }

    #[test]
    fn a_domain_is_confirmed_by_results_about_itself_alone() {
        for (value, expected) in [
            ("mx; dmarc=pass action=none header.from=a.example", true),
            ("mx; spf=pass smtp.mailfrom=a.example; dkim=pass (2048 bit) header.d=mail.a.example", true),
            ("mx; dkim=pass header.i=@a.example", true),
            ("mx; dkim=pass header.d=mailer.example; dkim=fail header.d=a.example", false),
            ("mx; spf=pass smtp.mailfrom=mailer.example", false),
            ("mx; dmarc=fail header.from=a.example", false),
            ("mx; dkim=none; dmarc=none", false),
        ] {
            assert_eq!(confirms(value, "a.example"), expected, "{value}");
        }
    }
}
