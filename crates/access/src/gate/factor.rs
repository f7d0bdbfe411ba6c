//! The second factor at the gate: asked for, checked, used up, counted.

use jiff::SignedDuration;
use zeroize::Zeroizing;

use super::{Session, Terminal, line, tell};
use crate::{
    SecondFactor, What,
    error::Result,
    factor::totp::{STEP, Secret},
    ledger::{Change, Enrolled},
    seal::Seal,
};

/// After so many wrong codes in a row the person has to wait before each further one.
const SLOW: usize = 5;
/// How long.
const PAUSE: SignedDuration = SignedDuration::from_mins(15);
/// After so many wrong codes in a row an administrator has to unlock the person: whoever guesses has ten in 333,333 tries at the best.
const LOCKED: usize = 10;

/// What a person gave to prove themselves.
pub(super) enum Proof {
    /// The touch of a FIDO key, which sshd has checked with the key.
    Touch,
    /// A code that was typed.
    Code(Zeroizing<String>),
}

/// Asks for the second factor that goes with the key.
pub(super) fn ask(enrolled: &Enrolled, terminal: &mut Terminal<'_>) -> Result<Proof> {
    match enrolled.second_factor {
        SecondFactor::Touch => Ok(Proof::Touch),
        SecondFactor::Totp => {
            tell(terminal.notes, "code: ")?;
            line(terminal.input).map(Proof::Code)
        }
    }
}

/// Checks a proof and notes it in the ledger, right or wrong. The inner error is why it does not count, for the person.
pub(super) fn check(
    under_way: &mut Change<'_>,
    seal: &Seal,
    session: &Session,
    proof: &Proof,
) -> Result<std::result::Result<SecondFactor, String>> {
    let enrolled = &session.enrolled;
    let code = match (proof, enrolled.second_factor) {
        (Proof::Touch, SecondFactor::Touch) => return touched(under_way, session),
        (Proof::Code(code), SecondFactor::Totp) => code,
        _ => return Ok(Err("the key has another second factor".into())),
    };
    let person = enrolled.person.clone();
    let latest = step(under_way.clock()).saturating_add(1);
    let codes = under_way.view().codes(&person, LOCKED as u32, latest)?;
    if codes.wrong >= LOCKED {
        return Ok(Err(format!("locked after {LOCKED} wrong codes; an administrator has to unlock {person}")));
    }
    let ready = codes.last_wrong.filter(|_| codes.wrong >= SLOW).map(|last| last + PAUSE);
    if let Some(ready) = ready.filter(|ready| under_way.clock() < *ready) {
        return Ok(Err(format!("{} wrong codes; the next try is possible at {}", codes.wrong, super::whole(ready)?)));
    }
    let Some(sealed) = under_way.view().secret(&enrolled.key)? else {
        return Ok(Err("the secret of this key is gone; enrol again".into()));
    };
    let secret = Secret::from_bytes(seal.unseal("the secret of the codes", &sealed)?);
    let reason = match secret.step_of(code, under_way.clock()) {
        // A step counts once, and so do all before it: a code that somebody has looked at is worth nothing.
        Some(step)
            if codes.last_step.is_none_or(|last| last < step) && !under_way.view().is_step_used(&person, step)? =>
        {
            under_way
                .append(&person, What::CodeAccepted { person: person.clone(), key: enrolled.key.clone(), step })?;
            return Ok(Ok(SecondFactor::Totp));
        }
        Some(_) => "the code was used before; wait for the next one",
        None => "the code is wrong",
    };
    let (key, reason) = (enrolled.key.clone(), reason.to_owned());
    under_way.append("gate", What::CodeRefused { person, key, reason: reason.clone() })?;
    Ok(Err(reason))
}

/// A touch opened the connection, and counts for one thing that is asked for over it: others might ask for more over a connection that is
/// kept open.
fn touched(under_way: &mut Change<'_>, session: &Session) -> Result<std::result::Result<SecondFactor, String>> {
    let connection = session.connection.id.clone();
    if under_way.view().is_touch_used(&connection)? {
        return Ok(Err("the touch was used before; connect anew (ssh -S none) and touch the key again".into()));
    }
    let (person, key) = (session.enrolled.person.clone(), session.enrolled.key.clone());
    under_way.append(&person.clone(), What::TouchAccepted { person, key, connection })?;
    Ok(Ok(SecondFactor::Touch))
}

/// The time step that a moment lies in.
fn step(time: jiff::Timestamp) -> u64 {
    u64::try_from(time.as_second() / STEP).unwrap_or_default()
}
