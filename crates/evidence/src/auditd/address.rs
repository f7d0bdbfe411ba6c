//! The address in a SOCKADDR record: a C `struct sockaddr`, its bytes in hexadecimal.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// AF_INET and AF_INET6.
    Internet { family: &'static str, address: String, port: u16 },
    /// AF_UNIX: a path; in Linux's abstract namespace it begins with `@` here.
    Local(String),
    /// Another family, by name.
    Other(&'static str),
}

impl Address {
    /// The family's name, as auparse has it (`saddr_fam`).
    pub(super) const fn family(&self) -> &'static str {
        match self {
            Self::Internet { family, .. } | Self::Other(family) => family,
            Self::Local(_) => "local",
        }
    }

    /// From its bytes; `None` if they are too short or of an unknown family.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let (family, rest) = bytes.split_first_chunk::<2>()?;
        // The machine's own order: a big endian machine writes the family the other way round.
        let family = match *family {
            [family, 0] | [0, family] => family,
            _ => return None,
        };
        Some(match family {
            1 => Self::Local(path(rest)),
            2 => {
                let (port, rest) = rest.split_first_chunk::<2>()?;
                let address = Ipv4Addr::from(*rest.first_chunk::<4>()?).to_string();
                Self::Internet { family: "inet", address, port: u16::from_be_bytes(*port) }
            }
            10 => {
                let (port, rest) = rest.split_first_chunk::<2>()?;
                let address = Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?);
                let address = address.to_ipv4_mapped().map_or_else(|| address.to_string(), |mapped| mapped.to_string());
                Self::Internet { family: "inet6", address, port: u16::from_be_bytes(*port) }
            }
            16 => Self::Other("netlink"),
            17 => Self::Other("packet"),
            0 => Self::Other("unspec"),
            _ => return None,
        })
    }
}

fn path(bytes: &[u8]) -> String {
    let (sign, bytes) = match bytes {
        [0, name @ ..] => ("@", name),
        name => ("", name),
    };
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    format!("{sign}{}", String::from_utf8_lossy(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_decoded() {
        let inet = |family, address: &str, port| Address::Internet { family, address: address.to_owned(), port };
        assert_eq!(Address::of(&[2, 0, 0, 9, 127, 0, 0, 1, 0, 0]), Some(inet("inet", "127.0.0.1", 9)));
        assert_eq!(Address::of(&[0, 2, 1, 187, 8, 8, 8, 8]), Some(inet("inet", "8.8.8.8", 443)));
        let mut six = vec![10, 0, 0, 80, 0, 0, 0, 0];
        six.extend([0; 15]);
        six.push(1);
        assert_eq!(Address::of(&six), Some(inet("inet6", "::1", 80)));
        assert_eq!(Address::of(b"\x01\x00/run/x\x00y"), Some(Address::Local("/run/x".to_owned())));
        assert_eq!(Address::of(b"\x01\x00\x00x"), Some(Address::Local("@x".to_owned())));
        for short in [&b""[..], b"\x02", b"\x02\x00\x00", b"\x02\x00\x00\x09\x7f", b"\x0a\x00\x00\x09\x7f", b"\x63\x00"]
        {
            assert_eq!(Address::of(short), None);
        }
    }
}
