//! What others say to a request or a grant: approve, deny, revoke.

use jiff::Timestamp;

use super::{Gate, Session, Terminal, request, tell};
use crate::{
    Error, What,
    entry::Requested,
    error::Result,
    ledger::{Request, View},
    policy::{Decision, Missing, Policy},
};

/// Why a person's approval does not count.
enum Unasked {
    /// Nothing is to be approved.
    Closed(String),
    /// It is not this person's to approve.
    NotYours(String),
}

impl Gate {
    /// Approves somebody else's request.
    pub(super) fn approve(&mut self, session: &Session, number: u64, terminal: &mut Terminal<'_>) -> Result<()> {
        let person = &session.enrolled.person;
        let asked = may_approve(&self.policy, self.ledger.view(), number, person, (self.clock)())?;
        let request = match asked {
            Ok(request) => request,
            Err(Unasked::Closed(reason)) => return Err(Error::Denied(reason)),
            Err(Unasked::NotYours(reason)) => return Err(self.refuse(person, format!("approve {number}"), &reason)),
        };
        tell(terminal.notes, &format!("{}\n", sentence(&request.requested)))?;
        self.once_proved(session, terminal, |under_way, policy, second_factor| {
            // Again, now that nobody else can change anything.
            match may_approve(policy, under_way.view(), number, person, under_way.now())? {
                Ok(_) => {
                    let key = session.enrolled.key.clone();
                    under_way.append(person, What::Approved { request: number, key, second_factor })?;
                    Ok(Ok(()))
                }
                Err(Unasked::Closed(reason) | Unasked::NotYours(reason)) => Ok(Err(reason)),
            }
        })?;
        tell(terminal.output, &format!("request {number} is approved\n"))
    }

    /// Denies a request, or takes back one's own.
    pub(super) fn deny(
        &mut self,
        session: &Session,
        number: u64,
        reason: &str,
        terminal: &mut Terminal<'_>,
    ) -> Result<()> {
        let person = &session.enrolled.person;
        let Some(request) = self.ledger.view().request(number)? else {
            return Err(Error::Denied(format!("there is no request {number}")));
        };
        let requester = request.requested.person;
        let is_own = requester == *person;
        let is_asked = may_approve(&self.policy, self.ledger.view(), number, person, (self.clock)())?.is_ok();
        if !is_own && !is_asked && !self.is_staff(person) {
            return Err(self.refuse(person, format!("deny {number}"), "this request is not yours to deny"));
        }
        self.prove_for(Some(requester.clone()), session, terminal)?;
        let reason = if reason.is_empty() { "denied without a reason" } else { reason };
        let closed = self.write(|under_way| {
            let request = under_way.view().request(number)?;
            if let Some(reason) = request.and_then(|request| request::closed(&request, under_way.now())) {
                return Ok(Some(reason));
            }
            let (asked, reasons) = (requester.clone(), vec![reason.to_owned()]);
            under_way.append(person, What::Denied { request: number, person: asked, reasons })?;
            Ok(None)
        })?;
        closed.map_or_else(
            || tell(terminal.output, &format!("request {number} is denied\n")),
            |reason| Err(Error::Denied(reason)),
        )
    }

    /// Revokes a grant: one's own, or anyone's by our own staff and by `local`.
    pub fn revoke(&mut self, who: &str, serial: u64, reason: &str, terminal: &mut Terminal<'_>) -> Result<()> {
        let Some(granted) = self.ledger.view().granted(serial)? else {
            return Err(Error::Denied(format!("there is no grant {serial}")));
        };
        if who != super::LOCAL && who != granted.person && !self.is_staff(who) {
            return Err(self.refuse(who, format!("revoke {serial}"), "this grant is not yours to revoke"));
        }
        self.write(|under_way| {
            if under_way.view().is_revoked(serial)? {
                return Err(Error::Denied(format!("grant {serial} was revoked before")));
            }
            under_way.append(who, What::Revoked { serial, reason: reason.to_owned() }).map(|_| ())
        })?;
        tell(terminal.output, &format!("grant {serial} is revoked\n"))
    }
}

/// The request, if this person's approval is asked for.
fn may_approve(
    policy: &Policy,
    view: View<'_>,
    number: u64,
    person: &str,
    now: Timestamp,
) -> Result<std::result::Result<Request, Unasked>> {
    let Some(request) = view.request(number)? else {
        return Ok(Err(Unasked::Closed(format!("there is no request {number}"))));
    };
    if let Some(reason) = request::closed(&request, now) {
        return Ok(Err(Unasked::Closed(reason)));
    }
    if request.requested.person == person {
        return Ok(Err(Unasked::NotYours("nobody approves a request of their own".into())));
    }
    let is_asked =
        |missing: &Missing| matches!(missing, Missing::Approvals { by, .. } if by.iter().any(|one| one == person));
    Ok(match request::decide(policy, &request.requested, &request.approvals, now)? {
        Decision::Need(missing) if missing.iter().any(is_asked) => Ok(request),
        Decision::Allow(_) => Err(Unasked::Closed(format!("request {number} needs no further approval"))),
        Decision::Need(_) => Err(Unasked::NotYours("your approval is not asked for".into())),
        Decision::Deny(why) => {
            let why: Vec<String> = why.iter().map(ToString::to_string).collect();
            Err(Unasked::Closed(format!("request {number} cannot be granted now: {}", why.join("; "))))
        }
    })
}

/// A request in a sentence.
pub(super) fn sentence(requested: &Requested) -> String {
    let Requested { request, person, host, account, source, reason, ticket, .. } = requested;
    let mut text = format!("request {request}: {person}, from {source}, wants to log in to {host} as {account}");
    if let Some(seconds) = requested.seconds {
        text.push_str(&format!(" for {} minutes", seconds.div_ceil(60)));
    }
    if requested.break_glass {
        text.push_str(", breaking the glass");
    }
    for (what, said) in [("reason", reason), ("ticket", ticket)] {
        if let Some(said) = said {
            // Quoted, so that it is seen where others' words end.
            text.push_str(&format!("; {what}: {said:?}"));
        }
    }
    text
}
