//! Which part of a domain somebody registered, by the Public Suffix List (<https://publicsuffix.org>).
//!
//! A crate of its own because the list is some thousand functions, which whoever calls it would compile anew with each change.

/// The part of a domain that somebody registered: `example.co.uk` of `mail.example.co.uk`; `None` where it is a suffix itself.
#[inline(never)]
pub fn registrable(domain: &str) -> Option<&str> {
    psl::domain_str(domain)
}

/// Whether the domain ends in a suffix of the list and has a name before it.
#[inline(never)]
pub fn is_registrable(domain: &str) -> bool {
    psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known()) && psl::domain_str(domain).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_told_from_suffixes_and_from_other_words() {
        assert_eq!(registrable("a.b.example.co.uk"), Some("example.co.uk"));
        assert_eq!(registrable("co.uk"), None);
        assert!(is_registrable("example.com") && !is_registrable("co.uk") && !is_registrable("report.backup"));
    }
}
