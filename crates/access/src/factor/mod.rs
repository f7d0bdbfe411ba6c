//! What proves a person: enrolled keys, and one-time codes or the touch of a FIDO key beside them.

pub mod key;
pub mod totp;
