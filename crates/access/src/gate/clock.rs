//! The way out where the gate's clock was ahead: the ledger's time is taken back, by an entry of its own.
//!
//! A ledger takes no entry before its last one, so that nobody gets grants by turning the clock back. Where the clock was ahead when it wrote, it would wait until the
//! time comes; an administrator can put forward to go on from now, and the policy says how many of our own people have to approve. What was granted and who was
//! invited while the clock was ahead counts no more.

use super::{Gate, LOCAL, Session, Terminal, factor, keys, note_policy, tell, whole};
use crate::{
    Error, What,
    error::Result,
    ledger::{Change, ClockBack},
    policy::STAFF,
};

/// Why what was given while the clock was ahead counts no more.
const AHEAD: &str = "given while the clock was ahead";

impl Gate {
    /// Puts forward, on the gate's host, that the ledger's time is taken back; does it, where the policy asks for no approval.
    pub fn clock_back(&mut self, reason: &str, terminal: &mut Terminal<'_>) -> Result<()> {
        let needed = self.policy.clock_approvals;
        let (folder, settings, text) = (&self.folder, &self.settings, &self.policy_text);
        let number = self.ledger.change(self.clock, |under_way| {
            ahead(under_way)?;
            note_policy(under_way, text)?;
            let clock_back = under_way.view().next_number("clock_back_requested")?;
            under_way.append(LOCAL, What::ClockBackRequested { clock_back, reason: reason.to_owned() })?;
            if needed == 0 {
                take_back(under_way, clock_back, reason, vec![LOCAL.to_owned()])?;
                keys::write(folder, settings, under_way)?;
            }
            Ok(clock_back)
        })?;
        match needed {
            0 => tell(terminal.output, "the ledger goes on from the time of the clock\n"),
            needed => Err(Error::Waiting(format!(
                "clock-back {number} waits for the approval of {needed} of your own people: approve-clock {number}"
            ))),
        }
    }

    /// Approves what an administrator put forward.
    pub(super) fn approve_clock(&mut self, session: &Session, number: u64, terminal: &mut Terminal<'_>) -> Result<()> {
        let person = &session.enrolled.person;
        // Not noted in the ledger, which takes nothing else now.
        if !self.is_staff(person) {
            return Err(Error::Denied(format!("the clock is for our own people ({STAFF})")));
        }
        let wish = open_wish(self.ledger.view().clock_back(number)?, number, person)?;
        tell(terminal.notes, &format!("go on from {}: {:?}\n", whole((self.clock)())?, wish.reason))?;
        let proof = self.ask(session, terminal)?;
        let (seal, needed) = (&self.seal, self.policy.clock_approvals as usize);
        let (folder, settings, text) = (&self.folder, &self.settings, &self.policy_text);
        let done = self.ledger.change(self.clock, |under_way| {
            ahead(under_way)?;
            note_policy(under_way, text)?;
            let second_factor = match factor::check(under_way, seal, session, &proof)? {
                Ok(second_factor) => second_factor,
                Err(reason) => return Ok(Err(reason)),
            };
            let mut wish = open_wish(under_way.view().clock_back(number)?, number, person)?;
            let key = session.enrolled.key.clone();
            under_way.append(person, What::ClockBackApproved { clock_back: number, key, second_factor })?;
            wish.approvals.push(person.clone());
            let is_enough = wish.approvals.len() >= needed;
            if is_enough {
                take_back(under_way, number, &wish.reason, wish.approvals)?;
                keys::write(folder, settings, under_way)?;
            }
            Ok(Ok(is_enough))
        })?;
        match done {
            Ok(true) => tell(terminal.output, "the ledger goes on from the time of the clock\n"),
            Ok(false) => tell(terminal.output, &format!("clock-back {number} is approved; it waits for others\n")),
            Err(reason) => Err(Error::Denied(reason)),
        }
    }
}

/// Fails where the ledger's time is no later than the clock's.
fn ahead(under_way: &Change<'_>) -> Result<()> {
    match under_way.ahead() {
        Some(_) => Ok(()),
        None => Err(Error::Usage(format!(
            "the clock stands at {}, not before the last entry: there is nothing to take back",
            whole(under_way.clock())?
        ))),
    }
}

/// A wish that this person may still approve.
fn open_wish(wish: Option<ClockBack>, number: u64, person: &str) -> Result<ClockBack> {
    let denied = |reason: &str| Err(Error::Denied(format!("clock-back {number} {reason}")));
    match wish {
        None => denied("is not known"),
        Some(wish) if wish.is_done => denied("is done already"),
        Some(wish) if wish.approvals.iter().any(|one| one == person) => denied("was approved by you already"),
        Some(wish) => Ok(wish),
    }
}

/// Takes the ledger's time back, and what was given in the time that was none.
fn take_back(under_way: &mut Change<'_>, clock_back: u64, reason: &str, approvals: Vec<String>) -> Result<()> {
    let (from, to) = (under_way.now(), under_way.clock());
    let (granted, invited) =
        (under_way.view().written_after("granted", to)?, under_way.view().written_after("invited", to)?);
    let what = What::ClockBack { clock_back, from, to, reason: reason.to_owned(), approvals };
    under_way.append("gate", what)?;
    for entry in granted {
        if let What::Granted(granted) = entry.what
            && !under_way.view().is_revoked(granted.serial)?
        {
            under_way.append("gate", What::Revoked { serial: granted.serial, reason: AHEAD.into() })?;
        }
    }
    for entry in invited {
        if let What::Invited { person, key, .. } = entry.what
            && !under_way.view().is_key_revoked(&key)?
        {
            under_way.append("gate", What::KeyRevoked { person, key, reason: AHEAD.into() })?;
        }
    }
    Ok(())
}
