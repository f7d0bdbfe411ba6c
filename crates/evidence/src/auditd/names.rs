//! Names for the numbers in audit records. The tables are lists of `number name`.

use std::{collections::HashMap, sync::LazyLock};

type Table = HashMap<u32, &'static str>;

fn table(text: &'static str) -> Table {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(number, name)| Some((number.parse().ok()?, name)))
        .collect()
}

static TYPES: LazyLock<Table> = LazyLock::new(|| table(include_str!("tables/types.txt")));
static X86_64: LazyLock<Table> = LazyLock::new(|| table(include_str!("tables/x86_64.txt")));
static I386: LazyLock<Table> = LazyLock::new(|| table(include_str!("tables/i386.txt")));
static AARCH64: LazyLock<Table> = LazyLock::new(|| table(include_str!("tables/aarch64.txt")));

/// The name of a record's type that is written as a number (`1400`, `UNKNOWN[1420]`); a name is itself.
pub(super) fn kind(written: &str) -> &str {
    let bracketed = written.strip_prefix("UNKNOWN[").and_then(|rest| rest.strip_suffix(']'));
    let number = bracketed.unwrap_or(written);
    if !number.starts_with(|first: char| first.is_ascii_digit()) {
        return written;
    }
    number.parse().ok().and_then(|number| TYPES.get(&number).copied()).unwrap_or(written)
}

/// The name of an architecture (AUDIT_ARCH_* in linux/audit.h, in hexadecimal), as ausearch(8) names it.
pub(super) fn architecture(written: &str) -> Option<&'static str> {
    match written {
        "c000003e" => Some("x86_64"),
        "40000003" => Some("i386"),
        "c00000b7" => Some("aarch64"),
        _ => None,
    }
}

/// The name of a system call.
pub(super) fn system_call(architecture: &str, number: &str) -> Option<&'static str> {
    let table = match architecture {
        "c000003e" => &X86_64,
        "40000003" => &I386,
        "c00000b7" => &AARCH64,
        _ => return None,
    };
    table.get(&number.parse().ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_names_of_the_headers() {
        for (architecture, number, name) in [
            ("c000003e", "59", "execve"),
            ("c000003e", "42", "connect"),
            ("40000003", "11", "execve"),
            ("c00000b7", "221", "execve"),
            ("c00000b7", "56", "openat"),
        ] {
            assert_eq!(system_call(architecture, number), Some(name));
        }
        assert_eq!(system_call("c000003e", "4000"), None);
        assert_eq!(
            [kind("1400"), kind("UNKNOWN[1334]"), kind("SYSCALL"), kind("9999")],
            ["AVC", "BPF", "SYSCALL", "9999"]
        );
    }
}
