//! Whether a program is signed, by whom, and whether the signature is intact (Microsoft's "Windows Authenticode Portable Executable
//! Signature Format", RFC 5652, RFC 5280).
//!
//! *Intact* means: the file's digest is the one that was signed, the signature is that of the certificate's key, and each certificate up to the last that
//! is there was signed with the key of the next. Whether the last is anybody's to be trusted is another question: the signer's
//! name alone is only what somebody wrote.

use std::ops::Range;

use authenticode::{PeOffsetError, PeOffsets, PeTrait, SpcIndirectDataContent};
use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::ContentInfo,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use der::{Decode, Encode, SliceReader, asn1::ObjectIdentifier};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{Pkcs1v15Sign, RsaPublicKey, pkcs8::DecodePublicKey};
use sha1::Sha1;
use sha2_10::{Digest, Sha256, Sha384, Sha512};
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, ExtendedKeyUsage},
    name::Name,
};

use super::Pe;
use crate::file::read::{u16_at, u32_at};

/// Certificates that are looked at, and steps from one to the next.
const CERTIFICATES: usize = 32;

/// The most parts of one structure within a signature, and how deep they nest.
const PARTS: usize = 128;
const DEPTH: u32 = 64;

/// The largest table of certificates that is read.
const TABLE: usize = 1 << 20;

/// The authorities that issue certificates for signing programs: the SHA-256 of each key (its SubjectPublicKeyInfo), and whose it is.
const ROOTS: &str = include_str!("roots.txt");

const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// What is known of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub state: State,
    /// Whether it leads to an authority that is known; only if it is intact.
    pub is_trusted: bool,
    /// The common name of the signer's certificate.
    pub signer: String,
    /// The hash of the key of who issued that certificate; of its own key where the issuer's is not there. Names can be made up, keys cannot.
    pub key: String,
    /// The common name of the issuer of the last certificate that is there.
    pub authority: String,
}

/// How a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is none within the file; Windows' own files are signed in catalogues.
    None,
    Intact,
    /// The file was changed since it was signed.
    Changed,
    /// The signature is not that of its certificates.
    Forged,
    /// Of a kind that is not checked here, or not to be understood.
    Unchecked,
}

impl State {
    /// The name in facts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Intact => "intact",
            Self::Changed => "changed",
            Self::Forged => "forged",
            Self::Unchecked => "unchecked",
        }
    }
}

impl Pe<'_> {
    /// Looks at the first signature within the file.
    pub fn signature(&self) -> Signature {
        let none = String::new;
        let of = |state| Signature { state, is_trusted: false, signer: none(), key: none(), authority: none() };
        let Some(range) = self.certificates() else { return of(State::None) };
        let table = self.bytes.get(range).filter(|table| table.len() <= TABLE);
        let Some(signed) = table.and_then(signed_data) else { return of(State::Unchecked) };
        let certificates: Vec<&Certificate> = certificates(&signed).collect();
        let info = signed.signer_infos.0.as_slice().first();
        let Some((info, leaf)) = info.and_then(|info| Some((info, leaf(info, &certificates)?))) else {
            return of(State::Unchecked);
        };
        let (chain, last, is_known) = chain(leaf, &certificates);
        let state = match self.is_what_was_signed(&signed, info) {
            Some(true) => {
                signed_by(info, leaf).map_or(State::Unchecked, |right| if right { chain } else { State::Forged })
            }
            Some(false) => State::Changed,
            None => State::Unchecked,
        };
        let is_trusted = state == State::Intact && is_known && signs_programs(leaf);
        let signer = common_name(&leaf.tbs_certificate.subject);
        let issuer = issuer(leaf, &certificates).unwrap_or(leaf);
        Signature { state, is_trusted, signer, key: key_hash(issuer), authority: common_name(last) }
    }

    /// Whether the file has the digest that was signed; `None` where that cannot be told.
    fn is_what_was_signed(&self, signed: &SignedData, info: &SignerInfo) -> Option<bool> {
        let content = signed.encap_content_info.econtent.as_ref()?;
        let indirect: SpcIndirectDataContent = content.decode_as().ok()?;
        let hash = Hash::of(&indirect.message_digest.digest_algorithm.oid)?;
        let is_file = hash.of_file(self)? == indirect.message_digest.digest.as_bytes();
        // What the attribute holds is the digest of the content without its own header.
        let attributes = info.signed_attrs.as_ref()?;
        let attribute = attributes.iter().find(|attribute| attribute.oid == MESSAGE_DIGEST)?;
        let said: der::asn1::OctetString = attribute.values.as_slice().first()?.decode_as().ok()?;
        let is_content = Hash::of(&info.digest_alg.oid)?.digest(content.value()) == said.as_bytes();
        Some(is_file && is_content)
    }
}

/// The first signature of a table of certificates.
fn signed_data(table: &[u8]) -> Option<SignedData> {
    let len = u32_at(table, 0)? as usize;
    // Revision 2, PKCS #7; what is behind the structure is filling.
    if (u16_at(table, 4), u16_at(table, 6)) != (Some(0x0200), Some(2)) {
        return None;
    }
    let bytes = table.get(8..len).filter(|bytes| is_tame(bytes, 0))?;
    let info = ContentInfo::decode(&mut SliceReader::new(bytes).ok()?).ok()?;
    (info.content_type == SIGNED_DATA).then(|| info.content.decode_as().ok())?
}

/// Whether no structure has more parts than those of signatures have: the library that reads them sorts sets in the square of their length.
fn is_tame(mut bytes: &[u8], depth: u32) -> bool {
    let mut parts = 0;
    while let Some((is_constructed, value, rest)) = element(bytes) {
        parts += 1;
        if parts > PARTS || depth > DEPTH || is_constructed && !is_tame(value, depth + 1) {
            return false;
        }
        bytes = rest;
    }
    true
}

/// The first element of DER (X.690, 8.1): whether it has parts, its value, and what is behind it.
fn element(bytes: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else { return None };
    let (len, rest) = match first {
        0..0x80 => (usize::from(*first), rest),
        _ => {
            let (octets, rest) =
                rest.split_at_checked(usize::from(first & 0x7f)).filter(|(octets, _)| octets.len() <= 4)?;
            (octets.iter().fold(0, |len, octet| len << 8 | usize::from(*octet)), rest)
        }
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((tag & 0x20 != 0, value, rest))
}

fn certificates(signed: &SignedData) -> impl Iterator<Item = &Certificate> {
    let all = signed.certificates.iter().flat_map(|set| set.0.iter()).take(CERTIFICATES);
    all.filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    })
}

/// The signer's own certificate.
fn leaf<'c>(info: &SignerInfo, certificates: &[&'c Certificate]) -> Option<&'c Certificate> {
    let SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber { issuer, serial_number }) = &info.sid else {
        return None;
    };
    let is_leaf = |certificate: &&&Certificate| {
        let certificate = &certificate.tbs_certificate;
        certificate.issuer == *issuer && certificate.serial_number == *serial_number
    };
    certificates.iter().find(is_leaf).copied()
}

/// Follows issuers as far as they are there; how the chain stands, the name at its end, and whether a known authority is part of it.
fn chain<'c>(leaf: &'c Certificate, certificates: &[&'c Certificate]) -> (State, &'c Name, bool) {
    let (mut certificate, mut is_known) = (leaf, false);
    for _ in 0..CERTIFICATES {
        let name = &certificate.tbs_certificate.issuer;
        let Some(next) = issuer(certificate, certificates) else { return (State::Intact, name, is_known) };
        match issued_by(certificate, next) {
            Some(true) if issues(next) => certificate = next,
            Some(_) => return (State::Forged, name, false),
            None => return (State::Unchecked, name, false),
        }
        is_known |= is_authority(next);
    }
    (State::Forged, &certificate.tbs_certificate.issuer, false)
}

/// The certificate of who issued another, if that is not the other itself.
fn issuer<'c>(certificate: &Certificate, certificates: &[&'c Certificate]) -> Option<&'c Certificate> {
    let name = &certificate.tbs_certificate.issuer;
    let is_other = certificate.tbs_certificate.subject != *name;
    certificates.iter().find(|other| is_other && other.tbs_certificate.subject == *name).copied()
}

/// Whether a certificate may issue others (RFC 5280, 4.2.1.9).
fn issues(certificate: &Certificate) -> bool {
    let constraints = certificate.tbs_certificate.get::<BasicConstraints>();
    constraints.is_ok_and(|constraints| constraints.is_some_and(|(_, constraints)| constraints.ca))
}

/// Whether a certificate is for signing programs (RFC 5280, 4.2.1.12).
fn signs_programs(certificate: &Certificate) -> bool {
    let usage = certificate.tbs_certificate.get::<ExtendedKeyUsage>();
    usage.is_ok_and(|usage| usage.is_some_and(|(_, usage)| usage.0.contains(&CODE_SIGNING)))
}

/// Whether a certificate has the key of a known authority.
fn is_authority(certificate: &Certificate) -> bool {
    let hash = key_hash(certificate);
    ROOTS.lines().any(|line| line.split_whitespace().next() == Some(hash.as_str()))
}

/// The SHA-256 of a certificate's key.
fn key_hash(certificate: &Certificate) -> String {
    let key = certificate.tbs_certificate.subject_public_key_info.to_der();
    key.map(|key| super::super::hex(&Sha256::digest(key))).unwrap_or_default()
}

fn issued_by(certificate: &Certificate, issuer: &Certificate) -> Option<bool> {
    let signed = certificate.tbs_certificate.to_der().ok()?;
    verify(Hash::of(&certificate.signature_algorithm.oid)?, &signed, certificate.signature.as_bytes()?, issuer)
}

/// Whether the attributes (RFC 5652, 5.4) are signed with the certificate's key.
fn signed_by(info: &SignerInfo, certificate: &Certificate) -> Option<bool> {
    let signed = info.signed_attrs.as_ref()?.to_der().ok()?;
    verify(Hash::of(&info.digest_alg.oid)?, &signed, info.signature.as_bytes(), certificate)
}

/// Whether the key of a certificate made a signature; `None` where it is neither an RSA key nor one of NIST's curves P-256 and P-384.
fn verify(hash: Hash, signed: &[u8], signature: &[u8], by: &Certificate) -> Option<bool> {
    let key = by.tbs_certificate.subject_public_key_info.to_der().ok()?;
    let digest = hash.digest(signed);
    if let Ok(key) = RsaPublicKey::from_public_key_der(&key) {
        return Some(key.verify(hash.scheme(), &digest, signature).is_ok());
    }
    // As DER (RFC 3279, 2.2.3); of a digest longer than the key the first bytes count (FIPS 186-5, 6.4.2).
    if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(&key) {
        let signature = p256::ecdsa::Signature::from_der(signature);
        return Some(signature.is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()));
    }
    // The library does not take digests shorter than half of the key.
    let key = p384::ecdsa::VerifyingKey::from_public_key_der(&key).ok().filter(|_| digest.len() >= 24)?;
    let signature = p384::ecdsa::Signature::from_der(signature);
    Some(signature.is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()))
}

/// The name by which a person knows the holder of a certificate.
fn common_name(name: &Name) -> String {
    let parts = || name.0.iter().flat_map(|part| part.0.iter());
    let text = |wanted| {
        let value = &parts().find(|part| part.oid == wanted)?.value;
        Some(String::from_utf8_lossy(value.value()).into_owned())
    };
    text(COMMON_NAME).or_else(|| text(ORGANISATION)).unwrap_or_default()
}

/// The digests that signatures rest on.
#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// By the identifier of a digest, or of RSA or ECDSA with that digest.
    fn of(oid: &ObjectIdentifier) -> Option<Self> {
        match oid.to_string().as_str() {
            "1.3.14.3.2.26" | "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => Some(Self::Sha1),
            "2.16.840.1.101.3.4.2.1" | "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => Some(Self::Sha256),
            "2.16.840.1.101.3.4.2.2" | "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(Self::Sha384),
            "2.16.840.1.101.3.4.2.3" | "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn scheme(self) -> Pkcs1v15Sign {
        match self {
            Self::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
            Self::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
            Self::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
            Self::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        }
    }

    fn of_file(self, pe: &Pe<'_>) -> Option<Vec<u8>> {
        fn hashed<D: Digest + sha2_10::digest::Update>(pe: &Pe<'_>) -> Option<Vec<u8>> {
            let mut hash = <D as Digest>::new();
            authenticode::authenticode_digest(pe, &mut hash).ok()?;
            Some(hash.finalize().to_vec())
        }
        // Sections that overlap would be read again and again.
        if pe.sections.iter().map(|section| section.stored.len()).sum::<usize>() > pe.bytes.len() {
            return None;
        }
        match self {
            Self::Sha1 => hashed::<Sha1>(pe),
            Self::Sha256 => hashed::<Sha256>(pe),
            Self::Sha384 => hashed::<Sha384>(pe),
            Self::Sha512 => hashed::<Sha512>(pe),
        }
    }
}

impl PeTrait for Pe<'_> {
    fn data(&self) -> &[u8] {
        self.bytes
    }

    fn num_sections(&self) -> usize {
        self.sections.len()
    }

    fn section_data_range(&self, index: usize) -> Result<Range<usize>, PeOffsetError> {
        let section = index.checked_sub(1).and_then(|index| self.sections.get(index));
        section.map(|section| section.stored.clone()).ok_or(PeOffsetError)
    }

    fn certificate_table_range(&self) -> Result<Option<Range<usize>>, PeOffsetError> {
        Ok(self.certificates())
    }

    fn offsets(&self) -> Result<PeOffsets, PeOffsetError> {
        let check_sum = self.optional + 64;
        let security_data_dir = self.tables.0 + 32;
        let after_header = u32_at(self.bytes, self.optional + 60).ok_or(PeOffsetError)? as usize;
        Ok(PeOffsets {
            check_sum,
            after_check_sum: check_sum + 4,
            security_data_dir,
            after_security_data_dir: security_data_dir + 8,
            after_header,
        })
    }
}
