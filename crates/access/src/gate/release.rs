//! Releases: two of our own people approve the hash of a patch or package before it is rolled out.

use super::{Gate, Session, Terminal, tell};
use crate::{Error, SecondFactor, What, error::Result, ledger::Change, policy::Policy};

/// How many people it takes, the one who puts it forward among them.
const PEOPLE: usize = 2;

impl Gate {
    /// Puts a file forward: its hash, name, and why.
    pub(super) fn release(
        &mut self,
        session: &Session,
        (sha256, name, reason): (String, String, String),
        terminal: &mut Terminal<'_>,
    ) -> Result<()> {
        let number = self.by_staff(session, format!("release {sha256}"), terminal, |under_way, _, _| {
            let release = under_way.view().next_number("release_requested")?;
            under_way.append(&session.enrolled.person, What::ReleaseRequested { release, name, sha256, reason })?;
            Ok(Ok(release))
        })?;
        tell(
            terminal.output,
            &format!("release {number} waits for the approval of another: approve-release {number}\n"),
        )
    }

    /// Approves what another put forward.
    pub(super) fn approve_release(
        &mut self,
        session: &Session,
        number: u64,
        terminal: &mut Terminal<'_>,
    ) -> Result<()> {
        let person = &session.enrolled.person;
        let Some(release) = self.ledger.view().release(number)? else {
            return Err(Error::Denied(format!("there is no release {number}")));
        };
        if release.approvals.contains(person) {
            let reason = "nobody approves a release twice, or one of their own";
            return Err(self.refuse(person, format!("approve-release {number}"), reason));
        }
        tell(
            terminal.notes,
            &format!(
                "{:?} ({}), put forward by {}: {:?}\n",
                release.name,
                release.sha256,
                release.approvals.join(", "),
                release.reason
            ),
        )?;
        let attempt = format!("approve-release {number}");
        let is_released = self.by_staff(session, attempt, terminal, |under_way, _, second_factor| {
            let Some(release) = under_way
                .view()
                .release(number)?
                .filter(|release| !release.released && !release.approvals.contains(person))
            else {
                return Ok(Err(format!("release {number} is out already")));
            };
            let key = session.enrolled.key.clone();
            under_way.append(person, What::ReleaseApproved { release: number, key, second_factor })?;
            let approvals: Vec<String> = release.approvals.into_iter().chain([person.clone()]).collect();
            let is_released = approvals.len() >= PEOPLE;
            if is_released {
                let (name, sha256, reason) = (release.name, release.sha256, release.reason);
                under_way.append("gate", What::Released { release: number, name, sha256, reason, approvals })?;
            }
            Ok(Ok(is_released))
        })?;
        let state = if is_released { "released" } else { "approved" };
        tell(terminal.output, &format!("release {number} is {state}\n"))
    }

    /// Does what our own staff may do after a second factor.
    fn by_staff<T>(
        &mut self,
        session: &Session,
        attempt: String,
        terminal: &mut Terminal<'_>,
        change: impl FnOnce(&mut Change<'_>, &Policy, SecondFactor) -> Result<std::result::Result<T, String>>,
    ) -> Result<T> {
        if !self.is_staff(&session.enrolled.person) {
            return Err(self.refuse(&session.enrolled.person, attempt, "releases are for our own staff"));
        }
        self.once_proved(session, terminal, change)
    }
}
