//! One-time codes: TOTP of RFC 6238 with HMAC-SHA-1, six digits, steps of 30 seconds, as every authenticator has it.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use sha1::Sha1;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{Error, error::Result};

/// Seconds a code is shown.
pub const STEP: i64 = 30;
/// How many steps a clock may be off, either way.
const DRIFT: i64 = 1;
/// The length of a secret: that of the hash, as RFC 4226, section 4, recommends.
const SECRET: usize = 20;

/// What an authenticator and the gate share.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A new one, from the system's random numbers.
    pub fn random() -> Result<Self> {
        let mut bytes = Zeroizing::new(vec![0; SECRET]);
        random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// One that was kept.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// To be kept, encrypted.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The code of a time step.
    fn code(&self, step: u64) -> u32 {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) else { return u32::MAX };
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        // Dynamic truncation, RFC 4226, section 5.3.
        let offset = usize::from(digest.last().copied().unwrap_or_default() & 15);
        let four = digest.get(offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    }

    /// The time step whose code was typed, if it is now's or one beside it. Takes the same time whichever it is.
    pub fn step_of(&self, typed: &str, now: Timestamp) -> Option<u64> {
        let is_code = typed.len() == 6 && typed.bytes().all(|byte| byte.is_ascii_digit());
        let typed = typed.parse::<u32>().ok().filter(|_| is_code)?;
        let current = now.as_second().div_euclid(STEP);
        let (mut found, mut right) = (0_u64, Choice::from(0));
        for step in (current - DRIFT)..=(current + DRIFT) {
            let Ok(step) = u64::try_from(step) else { continue };
            let equal = self.code(step).ct_eq(&typed);
            found.conditional_assign(&step, equal);
            right |= equal;
        }
        bool::from(right).then_some(found)
    }

    /// The secret in groups of four, to be typed into an authenticator that has no camera.
    pub fn typed(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(BASE32_NOPAD.encode(&self.0));
        let mut text = Zeroizing::new(String::with_capacity(secret.len() * 2));
        for (at, letter) in secret.char_indices() {
            text.push_str(if at > 0 && at % 4 == 0 { " " } else { "" });
            text.push(letter);
        }
        text
    }

    /// The address that an authenticator takes it from, as a QR code.
    pub fn address(&self, person: &str) -> Zeroizing<String> {
        let secret = Zeroizing::new(BASE32_NOPAD.encode(&self.0));
        Zeroizing::new(format!("otpauth://totp/Dreamcatcher:{person}?secret={}&issuer=Dreamcatcher", *secret))
    }
}

/// `address` as a QR code for a terminal: black on white whatever the terminal's colours are.
pub fn qr_code(address: &str) -> Result<Zeroizing<String>> {
    const BLACK_ON_WHITE: &str = "\x1b[30;107m";
    const PLAIN: &str = "\x1b[0m";
    let code = QrCode::with_error_correction_level(address.as_bytes(), EcLevel::L);
    let code = code.map_err(|error| Error::Failed(format!("cannot draw a QR code: {error}")))?;
    let drawn = code.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
    let lines = drawn.lines().map(|line| format!("{BLACK_ON_WHITE}{line}{PLAIN}\n"));
    Ok(Zeroizing::new(lines.collect()))
}

/// Fills `bytes` with the system's random numbers.
fn random(bytes: &mut [u8]) -> Result<()> {
    ssh_key::rand_core::RngCore::try_fill_bytes(&mut ssh_key::rand_core::OsRng, bytes)
        .map_err(|error| Error::Failed(format!("no random numbers: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> Secret {
        Secret(Zeroizing::new(b"12345678901234567890".to_vec()))
    }

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let known = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (second, code) in known {
            let now = Timestamp::from_second(second).unwrap();
            assert_eq!(rfc().step_of(code, now), Some(second as u64 / 30), "{second}");
        }
    }

    #[test]
    fn one_step_of_drift_and_no_more() {
        let at = |second| rfc().step_of("287082", Timestamp::from_second(second).unwrap());
        assert_eq!([0, 29, 30, 59, 60, 89].map(at), [Some(1); 6]);
        assert_eq!(at(90), None);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let now = Timestamp::from_second(59).unwrap();
        for typed in ["", "28708", "2870820", "+87082", " 287082", "２８７０８２", "abcdef"] {
            assert_eq!(rfc().step_of(typed, now), None, "{typed}");
        }
    }
}
