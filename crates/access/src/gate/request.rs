//! Requests, and the grants that come of them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ssh_key::PublicKey;

use super::{Gate, RATE, RATE_TIME, Session, Terminal, command::Wanted, factor, note_policy, tell, whole};
use crate::{
    Error, Grant, Granted, What,
    ca::Authority,
    entry::Requested,
    error::Result,
    factor::key,
    grant::{SKEW, key_id, principal},
    ledger::{Change, Request},
    policy::{self, Approval, Decision, Missing, Policy, STAFF, Terms},
};

/// How long a request may be approved and collected.
pub(super) const OPEN: SignedDuration = SignedDuration::from_hours(24);
/// How often to look whether a request has been approved.
const LOOK: Duration = Duration::from_secs(1);
/// How many looks make a minute.
const LOOKS: u32 = 60;

/// What came of a request.
enum Outcome {
    /// A certificate.
    Granted,
    /// It waits for this.
    Waiting(String),
    /// Nothing, and why.
    Refused(String),
}

impl Gate {
    /// Asks for a login.
    pub(super) fn request(&mut self, session: &Session, wanted: &Wanted, terminal: &mut Terminal<'_>) -> Result<()> {
        let subject = key::parse(wanted.key.as_ref().unwrap_or(&session.enrolled.public_key))?;
        let proof = self.ask(session, terminal)?;
        // Before anything is used up or written: where nothing can be signed, nothing is.
        let authority = self.authority()?;
        let mut number = 0;
        let (outcome, grant) = self.ledger.grant(self.clock, |under_way| {
            note_policy(under_way, &self.policy_text)?;
            let (person, since) = (&session.enrolled.person, under_way.now() - RATE_TIME);
            if under_way.view().count_since("requested", person, since, RATE)? >= RATE as usize {
                return Err(Error::Denied(format!("{RATE} requests in ten minutes are enough; wait a while")));
            }
            let second_factor = match factor::check(under_way, &self.seal, session, &proof)? {
                Ok(second_factor) => second_factor,
                Err(reason) => return Ok((Outcome::Refused(reason), None)),
            };
            number = under_way.view().next_number("requested")?;
            let requested = Requested {
                request: number,
                person: person.clone(),
                enrolled_key: session.enrolled.key.clone(),
                key: key::fingerprint(&subject),
                public_key: key::line(&subject)?,
                host: wanted.host.clone(),
                account: wanted.account.clone(),
                source: session.connection.source.to_canonical().to_string(),
                seconds: wanted.length.map(|length| u64::try_from(length.as_secs()).unwrap_or_default()),
                reason: said(&wanted.reason),
                ticket: said(&wanted.ticket),
                second_factor,
                break_glass: wanted.break_glass,
            };
            under_way.append(person, What::Requested(requested.clone()))?;
            settle(under_way, &self.policy, &authority, &requested, &[])
        })?;
        let (outcome, grant) = match outcome {
            Outcome::Waiting(for_what) if wanted.wait > 0 => {
                tell(terminal.notes, &format!("request {number} waits for {for_what}\n"))?;
                self.wait(number, wanted.wait, &authority, terminal)?
            }
            outcome => (outcome, grant),
        };
        hand_out(number, outcome, grant, &authority, &subject, terminal)
    }

    /// Hands out the certificate of a request that was approved in the meantime.
    pub(super) fn collect(&mut self, session: &Session, number: u64, terminal: &mut Terminal<'_>) -> Result<()> {
        let person = &session.enrolled.person;
        let request = self.ledger.view().request(number)?.filter(|request| request.requested.person == *person);
        let Some(request) = request else {
            let reason = format!("there is no request {number} of yours");
            return Err(self.refuse(person, format!("collect {number}"), &reason));
        };
        let subject = key::parse(&request.requested.public_key)?;
        let proof = self.ask(session, terminal)?;
        let authority = self.authority()?;
        let (outcome, grant) = self.ledger.grant(self.clock, |under_way| {
            note_policy(under_way, &self.policy_text)?;
            match factor::check(under_way, &self.seal, session, &proof)? {
                Ok(_) => answer(under_way, &self.policy, &authority, number),
                Err(reason) => Ok((Outcome::Refused(reason), None)),
            }
        })?;
        hand_out(number, outcome, grant, &authority, &subject, terminal)
    }

    /// Waits for approvals, at most so many minutes.
    fn wait(
        &mut self,
        number: u64,
        minutes: u64,
        authority: &Authority,
        terminal: &mut Terminal<'_>,
    ) -> Result<(Outcome, Option<Grant>)> {
        let mut seen = 0;
        for minute in 0..minutes {
            if minute > 0 {
                // Where the person is gone this fails: nobody is left to hand a certificate to.
                tell(terminal.notes, &format!("request {number} still waits\n"))?;
            }
            for _ in 0..LOOKS {
                std::thread::sleep(LOOK);
                let Some(request) = self.ledger.view().request(number)? else {
                    return Err(Error::Ledger(format!("request {number} is gone")));
                };
                if request.approvals.len() > seen || request.denied.is_some() {
                    seen = request.approvals.len();
                    // Read again: it may have been changed since this process began to wait.
                    (self.policy, self.policy_text) = self.folder.policy()?;
                    let (outcome, grant) = self.ledger.grant(self.clock, |under_way| {
                        note_policy(under_way, &self.policy_text)?;
                        answer(under_way, &self.policy, authority, number)
                    })?;
                    if !matches!(outcome, Outcome::Waiting(_)) {
                        return Ok((outcome, grant));
                    }
                }
            }
        }
        Ok((Outcome::Waiting("an approval".into()), None))
    }
}

/// Writes down why a request that nobody can decide any more gets nothing, or decides it.
fn answer(
    under_way: &mut Change<'_>,
    policy: &Policy,
    authority: &Authority,
    number: u64,
) -> Result<(Outcome, Option<Granted>)> {
    let Some(request) = under_way.view().request(number)? else {
        return Ok((Outcome::Refused(format!("there is no request {number}")), None));
    };
    if under_way.view().enrolled(&request.requested.enrolled_key)?.is_none() {
        return Ok((Outcome::Refused("the key that it was asked for with is not enrolled any more".into()), None));
    }
    match closed(&request, under_way.now()) {
        Some(reason) => Ok((Outcome::Refused(reason), None)),
        None => settle(under_way, policy, authority, &request.requested, &request.approvals),
    }
}

/// Why a request cannot be approved or collected any more.
pub(super) fn closed(request: &Request, now: Timestamp) -> Option<String> {
    let number = request.requested.request;
    if let Some(reasons) = &request.denied {
        return Some(format!("request {number} was denied: {}", reasons.join("; ")));
    }
    if let Some(serial) = request.serial {
        return Some(format!("request {number} was granted before, by grant {serial}"));
    }
    (now.duration_since(request.at) > OPEN).then(|| format!("request {number} is older than a day; ask again"))
}

/// What the policy says of a request now.
pub(super) fn decide(
    policy: &Policy,
    requested: &Requested,
    approvals: &[Approval],
    at: Timestamp,
) -> Result<Decision> {
    let source = requested.source.parse().map_err(|_| Error::Ledger("a request has no address".into()))?;
    Ok(policy.decide(&policy::Request {
        person: &requested.person,
        host: &requested.host,
        account: &requested.account,
        source,
        at,
        length: requested.seconds.map(|seconds| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))),
        reason: requested.reason.as_deref().unwrap_or_default(),
        ticket: requested.ticket.as_deref().unwrap_or_default(),
        second_factor: true,
        approvals,
        break_glass: requested.break_glass,
    }))
}

/// Asks the policy, and writes down what it says; what it allows is to be written by the caller.
fn settle(
    under_way: &mut Change<'_>,
    policy: &Policy,
    authority: &Authority,
    requested: &Requested,
    approvals: &[Approval],
) -> Result<(Outcome, Option<Granted>)> {
    let reasons: Vec<String> = match decide(policy, requested, approvals, under_way.now())? {
        Decision::Allow(terms) => {
            return Ok((Outcome::Granted, Some(record(under_way, *terms, requested, authority)?)));
        }
        Decision::Need(missing) => {
            let (approvals, rest): (Vec<_>, Vec<_>) =
                missing.iter().partition(|missing| matches!(missing, Missing::Approvals { .. }));
            if rest.is_empty() {
                let approvals: Vec<String> = approvals.iter().map(ToString::to_string).collect();
                return Ok((Outcome::Waiting(approvals.join(" and ")), None));
            }
            rest.iter().map(|missing| format!("it needs {missing}")).collect()
        }
        Decision::Deny(why) => why.iter().map(ToString::to_string).collect(),
    };
    let text = reasons.join("; ");
    under_way.append("gate", What::Denied { request: requested.request, person: requested.person.clone(), reasons })?;
    Ok((Outcome::Refused(format!("request {} is denied: {text}", requested.request)), None))
}

/// The grant that the terms of the policy make of a request.
fn record(under_way: &Change<'_>, terms: Terms, requested: &Requested, authority: &Authority) -> Result<Granted> {
    let serial = under_way.view().next_number("granted")?;
    let principal = principal(&terms.account, &terms.host);
    Ok(Granted {
        serial,
        request: requested.request,
        key_id: key_id(serial, &terms.person, &principal, &under_way.head().hash),
        person: terms.person,
        provider: if terms.party == STAFF { String::new() } else { terms.party },
        host: terms.host,
        account: terms.account,
        key: requested.key.clone(),
        authority: authority.fingerprint(),
        principals: vec![principal],
        sources: terms.sources.iter().map(ToString::to_string).collect(),
        force_command: terms.command,
        extensions: terms.permits.iter().map(|permit| permit.extension().to_owned()).collect(),
        from: whole(terms.from - SKEW)?,
        until: whole(terms.until)?,
        rule: terms.rule,
        reason: requested.reason.clone(),
        ticket: requested.ticket.clone(),
        approvals: terms.approved_by,
        second_factor: requested.second_factor,
        break_glass: terms.break_glass,
    })
}

/// Hands out what came of a request.
fn hand_out(
    number: u64,
    outcome: Outcome,
    grant: Option<Grant>,
    authority: &Authority,
    subject: &PublicKey,
    terminal: &mut Terminal<'_>,
) -> Result<()> {
    let grant = match (outcome, grant) {
        (Outcome::Granted, Some(grant)) => grant,
        (Outcome::Waiting(for_what), _) => {
            let after = format!("request {number} waits for {for_what}; then ask for: collect {number}");
            return Err(Error::Waiting(after));
        }
        (Outcome::Refused(reason), _) => return Err(Error::Denied(reason)),
        (Outcome::Granted, None) => return Err(Error::Ledger("no grant was written".into())),
    };
    let certificate = authority.certify(&grant, subject)?;
    let line = certificate.to_openssh().map_err(|error| Error::Authority(error.to_string()))?;
    let granted = grant.granted();
    let about = format!("grant {}: {} until {}\n", granted.serial, granted.principals.join(", "), granted.until);
    tell(terminal.notes, &about)?;
    tell(terminal.output, &format!("{line}\n"))
}

/// A text, unless it is empty.
fn said(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}
