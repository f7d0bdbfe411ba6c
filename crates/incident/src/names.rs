//! One name for each thing, however records write it.

/// A machine: short, in lower case. An address stays what it is.
pub fn host(name: &str) -> String {
    let name = name.trim().trim_start_matches('\\').to_lowercase();
    match name.split_once('.') {
        Some((short, _)) if name.parse::<std::net::IpAddr>().is_err() && !short.is_empty() => short.to_owned(),
        _ => name,
    }
}

/// An account: without domain or machine, in lower case. SIDs stay.
pub fn account(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = name.rsplit(['\\', '/']).next().unwrap_or_default();
    name.split('@').next().unwrap_or_default().to_owned()
}

/// A file: in lower case, without what only says how Windows was asked for it.
pub fn path(path: &str) -> String {
    let path = path.trim().trim_matches('"').to_lowercase();
    let path = [r"\\?\", r"\??\"].iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(&path);
    let device = path.strip_prefix(r"\device\harddiskvolume").and_then(|rest| rest.split_once('\\'));
    match device {
        Some((_, rest)) => format!(r"c:\{rest}"),
        None => {
            path.strip_prefix(r"\systemroot\").map_or_else(|| path.to_owned(), |rest| format!(r"c:\windows\{rest}"))
        }
    }
}

/// A process number, decimal or as Windows' Security log has it (`0x1a4`); `None` for those of the system itself.
pub fn pid(text: &str) -> Option<u32> {
    let text = text.trim();
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    number.filter(|number| *number > 4)
}

/// A GUID as a number, whether it is written with braces and hyphens or without.
pub fn guid(text: &str) -> Option<u128> {
    let bare = text.trim().trim_matches(['{', '}']);
    let mut digits = bare.bytes().filter(|byte| *byte != b'-');
    let number = digits.try_fold((0u128, 0), |(number, count), digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some((number << 4 | u128::from(digit), count + 1))
    });
    number.filter(|(number, count)| *count == 32 && *number > 0).map(|(number, _)| number)
}

/// A session of Windows (`0x3e7`, or the number) or of Linux.
pub fn session(text: &str) -> String {
    let text = text.trim().to_lowercase();
    match text.parse::<u64>() {
        Ok(number) if number < 1 << 32 && number > 4096 => format!("{number:#x}"),
        _ => text,
    }
}

/// A domain, without a point at its end.
pub fn domain(text: &str) -> String {
    text.trim().trim_end_matches('.').to_lowercase()
}

/// The machine that a URL names, in lower case and without its port.
pub fn host_of_url(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', '"', '\'']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
    host.contains('.').then(|| domain(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_one_name() {
        assert_eq!(host("WS-071.nordwerft.example"), "ws-071");
        assert_eq!(host(r"\\WS-071"), "ws-071");
        assert_eq!(host("192.0.2.7"), "192.0.2.7");
        assert_eq!(account(r"NORDWERFT\M.Keller"), "m.keller");
        assert_eq!(account("m.keller@nordwerft.example"), "m.keller");
        assert_eq!(path(r"\Device\HarddiskVolume3\Windows\a.exe"), r"c:\windows\a.exe");
        assert_eq!(path(r"\??\C:\A.dll"), r"c:\a.dll");
        assert_eq!(pid("0x1a4"), Some(420));
        assert_eq!((pid("4"), pid("x")), (None, None));
        let whole = guid("a1f3c071fb9c691b27a000c1d278fadc");
        assert_eq!(guid("{A1F3C071-FB9C-691B-27A0-00C1D278FADC}"), whole);
        assert!(whole.is_some() && guid("{00000000-0000-0000-0000-000000000000}").is_none() && guid("4711").is_none());
        assert_eq!(session("0x3E7"), "0x3e7");
        assert_eq!(host_of_url("https://a@Share.Example:8443/d?x").as_deref(), Some("share.example"));
        assert_eq!(host_of_url("about:internet"), None);
    }
}
