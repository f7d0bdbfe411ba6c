//! Key revocation lists: what sshd's `RevokedKeys` reads.
//!
//! Format: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.krl>.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha1::{Digest as _, Sha1};
use sha2::{Digest as _, Sha256};
use ssh_encoding::{Decode, Encode};
use ssh_key::{Certificate, PublicKey};

use crate::{Error, error::Result};

const MAGIC: &[u8; 8] = b"SSHKRL\n\0";
const FORMAT_VERSION: u32 = 1;
const SECTION_CERTIFICATES: u8 = 1;
const SECTION_EXPLICIT_KEY: u8 = 2;
const SECTION_FINGERPRINT_SHA1: u8 = 3;
const SECTION_SIGNATURE: u8 = 4;
const SECTION_FINGERPRINT_SHA256: u8 = 5;
const SECTION_EXTENSION: u8 = 255;
const CERT_SERIAL_LIST: u8 = 0x20;
const CERT_SERIAL_RANGE: u8 = 0x21;
const CERT_SERIAL_BITMAP: u8 = 0x22;
const CERT_KEY_ID: u8 = 0x23;
const CERT_EXTENSION: u8 = 0x39;

/// Which certificates and keys count no more.
#[derive(Debug, Default)]
pub struct Krl {
    /// Serials of certificates, by the authority that signed them.
    pub serials: Vec<(PublicKey, BTreeSet<u64>)>,
    /// Keys that were lost or replaced, whatever certificate they have; an authority's with all that it signed.
    pub keys: Vec<PublicKey>,
}

impl Krl {
    /// The list in OpenSSH's format. `version` counts up; `made` is when.
    pub fn to_bytes(&self, version: u64, made: Timestamp) -> Result<Vec<u8>> {
        self.encode(version, made).map_err(|error| Error::Failed(format!("revocation list: {error}")))
    }

    fn encode(&self, version: u64, made: Timestamp) -> ssh_key::Result<Vec<u8>> {
        let mut out = MAGIC.to_vec();
        FORMAT_VERSION.encode(&mut out)?;
        version.encode(&mut out)?;
        u64::try_from(made.as_second()).unwrap_or_default().encode(&mut out)?;
        0_u64.encode(&mut out)?; // flags: none are defined
        "".encode(&mut out)?; // reserved
        "dreamcatcher".encode(&mut out)?;
        for (authority, serials) in self.serials.iter().filter(|(_, serials)| !serials.is_empty()) {
            let mut list = Vec::new();
            for serial in serials {
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

/// Whether a list in OpenSSH's format, anybody's, revokes a certificate: by its serial, key id or key, or by its authority's key.
///
/// # Errors
/// What is no such list, or has a part that is not known.
pub fn revokes(list: &[u8], certificate: &Certificate) -> Result<bool> {
    Reader::new(certificate)
        .and_then(|reader| reader.list(list))
        .map_err(|error| Error::Failed(format!("revocation list: {error}")))
}

/// What is looked for in a list.
struct Reader<'a> {
    certificate: &'a Certificate,
    authority: Vec<u8>,
    /// The certified key and the authority's, as they are written and by their hashes.
    keys: [Vec<u8>; 2],
    sha1: [Vec<u8>; 2],
    sha256: [Vec<u8>; 2],
}

impl<'a> Reader<'a> {
    fn new(certificate: &'a Certificate) -> ssh_key::Result<Self> {
        let authority = PublicKey::from(certificate.signature_key().clone()).to_bytes()?;
        let keys = [PublicKey::from(certificate.public_key().clone()).to_bytes()?, authority.clone()];
        let sha1 = keys.each_ref().map(|key| Sha1::digest(key).to_vec());
        let sha256 = keys.each_ref().map(|key| Sha256::digest(key).to_vec());
        Ok(Self { certificate, authority, keys, sha1, sha256 })
    }

    fn list(&self, list: &[u8]) -> ssh_key::Result<bool> {
        let mut rest = list.strip_prefix(MAGIC).ok_or(ssh_key::Error::FormatEncoding)?;
        if u32::decode(&mut rest)? != FORMAT_VERSION {
            return Err(ssh_key::Error::FormatEncoding);
        }
        for _ in 0..3 {
            u64::decode(&mut rest)?; // its version, when it was made, flags
        }
        for _ in 0..2 {
            Vec::<u8>::decode(&mut rest)?; // reserved, comment
        }
        while !rest.is_empty() {
            let kind = u8::decode(&mut rest)?;
            let section = string(&mut rest)?;
            let is_revoked = match kind {
                SECTION_CERTIFICATES => self.certificates(section)?,
                SECTION_EXPLICIT_KEY => any_of(section, &self.keys)?,
                SECTION_FINGERPRINT_SHA1 => any_of(section, &self.sha1)?,
                SECTION_FINGERPRINT_SHA256 => any_of(section, &self.sha256)?,
                SECTION_SIGNATURE => false,
                SECTION_EXTENSION => extension(section)?,
                _ => return Err(ssh_key::Error::FormatEncoding),
            };
            if is_revoked {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A section about the certificates of one authority, or where it names none, of all.
    fn certificates(&self, section: &[u8]) -> ssh_key::Result<bool> {
        let mut rest = section;
        let authority = string(&mut rest)?;
        string(&mut rest)?; // reserved
        if !authority.is_empty() && authority != self.authority {
            return Ok(false);
        }
        let serial = self.certificate.serial();
        while !rest.is_empty() {
            let kind = u8::decode(&mut rest)?;
            let mut part = string(&mut rest)?;
            // Serial 0 is what authorities give that do not count.
            let is_revoked = match kind {
                CERT_SERIAL_LIST => {
                    let mut is_listed = false;
                    while !part.is_empty() {
                        is_listed |= u64::decode(&mut part)? == serial;
                    }
                    is_listed && serial != 0
                }
                CERT_SERIAL_RANGE => {
                    let (first, last) = (u64::decode(&mut part)?, u64::decode(&mut part)?);
                    serial != 0 && (first..=last).contains(&serial)
                }
                CERT_SERIAL_BITMAP => {
                    let first = u64::decode(&mut part)?;
                    serial != 0 && is_set(string(&mut part)?, serial.checked_sub(first))
                }
                CERT_KEY_ID => any_of(part, &[self.certificate.key_id().as_bytes().to_vec()])?,
                CERT_EXTENSION => extension(part)?,
                _ => return Err(ssh_key::Error::FormatEncoding),
            };
            if is_revoked {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A string of the format, without copying it.
fn string<'a>(rest: &mut &'a [u8]) -> ssh_key::Result<&'a [u8]> {
    let length = usize::try_from(u32::decode(rest)?).unwrap_or(usize::MAX);
    let (string, behind) = rest.split_at_checked(length).ok_or(ssh_key::Error::FormatEncoding)?;
    *rest = behind;
    Ok(string)
}

/// Whether one of these stands in a section of strings.
fn any_of(section: &[u8], wanted: &[Vec<u8>]) -> ssh_key::Result<bool> {
    let mut rest = section;
    while !rest.is_empty() {
        let found = string(&mut rest)?;
        if wanted.iter().any(|one| one == found) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a bit of a number is set; the last byte has the lowest bits.
fn is_set(number: &[u8], bit: Option<u64>) -> bool {
    let Some(bit) = bit else { return false };
    let byte = usize::try_from(bit / 8).ok().and_then(|at| number.iter().rev().nth(at));
    byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// An extension may be passed over, unless it says that it must not.
fn extension(section: &[u8]) -> ssh_key::Result<bool> {
    let mut rest = section;
    string(&mut rest)?; // its name
    if u8::decode(&mut rest)? == 0 { Ok(false) } else { Err(ssh_key::Error::FormatEncoding) }
}
