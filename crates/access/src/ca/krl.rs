//! Key revocation lists: what sshd's `RevokedKeys` reads.
//!
//! Format: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.krl>.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ssh_encoding::Encode;
use ssh_key::PublicKey;

use crate::{Error, error::Result};

const MAGIC: &[u8; 8] = b"SSHKRL\n\0";
const FORMAT_VERSION: u32 = 1;
const SECTION_CERTIFICATES: u8 = 1;
const SECTION_EXPLICIT_KEY: u8 = 2;
const CERT_SERIAL_LIST: u8 = 0x20;

/// Which certificates and keys count no more.
#[derive(Debug, Default)]
pub struct Krl {
    /// Serials of certificates; they are told apart by their authority.
    pub serials: BTreeSet<u64>,
    /// Keys that were lost or replaced, whatever certificate they have.
    pub keys: Vec<PublicKey>,
}

impl Krl {
    /// The list in OpenSSH's format. `version` counts up; `made` is when.
    pub fn to_bytes(&self, authority: &PublicKey, version: u64, made: Timestamp) -> Result<Vec<u8>> {
        self.encode(authority, version, made).map_err(|error| Error::Failed(format!("revocation list: {error}")))
    }

    fn encode(&self, authority: &PublicKey, version: u64, made: Timestamp) -> ssh_key::Result<Vec<u8>> {
        let mut out = MAGIC.to_vec();
        FORMAT_VERSION.encode(&mut out)?;
        version.encode(&mut out)?;
        u64::try_from(made.as_second()).unwrap_or_default().encode(&mut out)?;
        0_u64.encode(&mut out)?; // flags: none are defined
        "".encode(&mut out)?; // reserved
        "dreamcatcher".encode(&mut out)?;
        if !self.serials.is_empty() {
            let mut list = Vec::new();
            for serial in &self.serials {
                serial.encode(&mut list)?;
            }
            let mut section = Vec::new();
            authority.to_bytes()?.encode(&mut section)?;
            "".encode(&mut section)?; // reserved
            section.push(CERT_SERIAL_LIST);
            list.encode(&mut section)?;
            out.push(SECTION_CERTIFICATES);
            section.encode(&mut out)?;
        }
        if !self.keys.is_empty() {
            let mut section = Vec::new();
            for key in self.keys.iter().map(PublicKey::to_bytes).collect::<ssh_key::Result<BTreeSet<_>>>()? {
                key.encode(&mut section)?;
            }
            out.push(SECTION_EXPLICIT_KEY);
            section.encode(&mut out)?;
        }
        Ok(out)
    }
}
