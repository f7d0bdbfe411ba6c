//! Enrolment: an invitation opens the gate once, for a key and its second factor.

use jiff::{SignedDuration, Timestamp};
use ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair, rand_core::OsRng};
use zeroize::Zeroizing;

use super::{Gate, LOCAL, Terminal, line, tell, whole};
use crate::{
    Error, SecondFactor, What,
    error::Result,
    factor::{key, totp},
    ledger::View,
};

/// How long an invitation holds.
const HOLDS: SignedDuration = SignedDuration::from_hours(24);
/// How often the first code may be typed.
const TRIES: usize = 3;

/// An invitation: to be given to the person by a way that only they can read.
pub struct Invited {
    /// Its number.
    pub invitation: u64,
    /// Until when it holds.
    pub until: Timestamp,
    /// A private key in OpenSSH's form, which opens the gate for enrolment, once.
    pub private_key: Zeroizing<String>,
}

impl Gate {
    /// Invites a person of the policy to enrol a key.
    pub fn invite(&mut self, person: &str) -> Result<Invited> {
        if self.policy.party_of(person).is_none() {
            return Err(Error::Denied(format!("the policy knows nobody called {person}")));
        }
        let mut private = PrivateKey::from(Ed25519Keypair::random(&mut OsRng));
        private.set_comment(format!("invitation of {person}"));
        let text = private.to_openssh(LineEnding::LF).map_err(|error| Error::Failed(error.to_string()))?;
        let (folder, settings) = (&self.folder, &self.settings);
        let (invitation, until) = self.ledger.write(self.clock, |under_way| {
            let invitation = under_way.view().next_number("invited")?;
            let until = whole(under_way.now() + HOLDS)?;
            let public = private.public_key();
            let (key, public_key) = (key::fingerprint(public), key::line(&strip(public))?);
            under_way.append(LOCAL, What::Invited { invitation, person: person.to_owned(), key, public_key, until })?;
            super::keys::write(folder, settings, under_way)?;
            Ok((invitation, until))
        })?;
        Ok(Invited { invitation, until, private_key: text })
    }

    /// Enrols a key, with its second factor proved; a key that is the person's already gets a new secret in the place of the one it had.
    pub(super) fn enrol(&mut self, invitation: u64, text: &str, terminal: &mut Terminal<'_>) -> Result<()> {
        let person = invited(self.ledger.view(), invitation, (self.clock)())?;
        let key = key::parse(text)?;
        let (fingerprint, public_key) = (key::fingerprint(&key), key::line(&key)?);
        self.is_nobodys(&fingerprint)?;
        is_free(self.ledger.view(), &fingerprint, &person)?;
        let second_factor = key::second_factor(&key);
        let secret = match second_factor {
            SecondFactor::Touch => None,
            SecondFactor::Totp => Some(self.agree_on_codes(&person, terminal)?),
        };
        let (folder, settings, seal) = (&self.folder, &self.settings, &self.seal);
        self.ledger.write(self.clock, |under_way| {
            // Again, now that nobody else can use it up.
            invited(under_way.view(), invitation, under_way.now())?;
            is_free(under_way.view(), &fingerprint, &person)?;
            let (person, key) = (person.clone(), fingerprint.clone());
            let enrolled = What::Enrolled { person: person.clone(), invitation, key, public_key, second_factor };
            under_way.append(&person, enrolled)?;
            if let Some((secret, step)) = &secret {
                under_way.keep_secret(&fingerprint, &seal.seal(secret.as_bytes())?)?;
                let key = fingerprint.clone();
                under_way.append(&person, What::CodeAccepted { person: person.clone(), key, step: *step })?;
            }
            super::keys::write(folder, settings, under_way)
        })?;
        tell(terminal.output, &format!("{fingerprint} is enrolled for {person}\n"))
    }

    /// Refuses keys that have another use: whoever enrolled one of these could revoke it.
    fn is_nobodys(&self, fingerprint: &str) -> Result<()> {
        let view = self.ledger.view();
        let is_standing =
            self.policy.standing.iter().any(|standing| standing.keys.iter().any(|key| key == fingerprint));
        if is_standing || view.is_other_key(fingerprint)? {
            return Err(Error::Denied("this key is used for something else; enrol one of your own".into()));
        }
        Ok(())
    }

    /// Shows a new secret to the person's authenticator, and takes a first code that proves that it came there.
    fn agree_on_codes(&self, person: &str, terminal: &mut Terminal<'_>) -> Result<(totp::Secret, u64)> {
        let secret = totp::Secret::random()?;
        let address = secret.address(person);
        let drawn = totp::qr_code(&address)?;
        tell(terminal.output, "Scan this with an authenticator:\n\n")?;
        tell(terminal.output, &drawn)?;
        tell(terminal.output, "\nor type its secret there: ")?;
        tell(terminal.output, &secret.typed())?;
        tell(terminal.output, "\n\n")?;
        for _ in 0..TRIES {
            tell(terminal.notes, "the code that it shows: ")?;
            let typed = line(terminal.input)?;
            if let Some(step) = secret.step_of(&typed, (self.clock)()) {
                return Ok((secret, step));
            }
            tell(terminal.notes, "the code is wrong\n")?;
        }
        Err(Error::Denied("nothing is enrolled; the invitation still holds".into()))
    }

    /// Revokes an enrolled key with its second factor and the grants that were given for it: one's own, or anyone's by our own staff
    /// and by `local`.
    pub fn revoke_key(&mut self, who: &str, key: &str, reason: &str, terminal: &mut Terminal<'_>) -> Result<()> {
        let Some(enrolled) = self.ledger.view().enrolled(key)? else {
            return Err(Error::Denied(format!("{key} is not enrolled")));
        };
        if who != LOCAL && who != enrolled.person && !self.is_staff(who) {
            return Err(self.refuse(who, format!("revoke {key}"), "this key is not yours to revoke"));
        }
        let (folder, settings) = (&self.folder, &self.settings);
        self.ledger.write(self.clock, |under_way| {
            let (person, reason) = (enrolled.person.clone(), reason.to_owned());
            under_way.append(who, What::KeyRevoked { person, key: key.to_owned(), reason: reason.clone() })?;
            under_way.drop_secret(key)?;
            for granted in under_way.view().grants_of(&enrolled.person, under_way.now())? {
                let request = under_way.view().request(granted.request)?;
                if request.is_some_and(|request| request.requested.enrolled_key == key) {
                    under_way.append(who, What::Revoked { serial: granted.serial, reason: reason.clone() })?;
                }
            }
            super::keys::write(folder, settings, under_way)
        })?;
        tell(terminal.output, &format!("{key} of {} is revoked\n", enrolled.person))
    }

    /// Lets a person who was locked out try codes again.
    pub fn unlock_person(&mut self, person: &str, reason: &str) -> Result<()> {
        let (person, reason) = (person.to_owned(), reason.to_owned());
        self.write(|under_way| under_way.append(LOCAL, What::Unlocked { person, reason }).map(|_| ()))
    }
}

/// Whom an invitation is for, if it holds.
fn invited(view: View<'_>, number: u64, now: Timestamp) -> Result<String> {
    let open = view.invitations(now)?.into_iter().find(|one| one.invitation == number);
    open.map(|one| one.person).ok_or_else(|| Error::Denied("the invitation was used, or is older than a day".into()))
}

/// A key is one person's, and one that was lost does not come back. Its owner may enrol it again where codes prove them beside it: their phone
/// was lost or replaced.
fn is_free(view: View<'_>, fingerprint: &str, person: &str) -> Result<()> {
    if view.is_key_revoked(fingerprint)? {
        return Err(Error::Denied("the key was revoked; enrol another".into()));
    }
    match view.enrolled(fingerprint)? {
        Some(enrolled) if enrolled.person != person || enrolled.second_factor != SecondFactor::Totp => {
            Err(Error::Denied(format!("the key is enrolled for {} already", enrolled.person)))
        }
        _ => Ok(()),
    }
}

fn strip(key: &ssh_key::PublicKey) -> ssh_key::PublicKey {
    ssh_key::PublicKey::new(key.key_data().clone(), "")
}
