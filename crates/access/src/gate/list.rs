//! What is open and what holds, for whom it concerns.

use super::{Gate, Session, Terminal, request, review, tell};
use crate::{error::Result, ledger::MOST};

impl Gate {
    /// Open requests and grants that hold, of the last [`MOST`] each: for our own staff all of them, for others their own.
    pub(super) fn list(&self, session: &Session, terminal: &mut Terminal<'_>) -> Result<()> {
        let person = &session.enrolled.person;
        let sees_all = self.is_staff(person);
        let now = (self.clock)();
        let mut shown = 0;
        for request in self.ledger.view().open_requests(now, request::OPEN)? {
            if sees_all || request.requested.person == *person {
                let approved: Vec<&str> = request.approvals.iter().map(|approval| &*approval.person).collect();
                let by =
                    if approved.is_empty() { String::new() } else { format!("; approved by {}", approved.join(", ")) };
                tell(terminal.output, &format!("{}{by}\n", review::sentence(&request.requested)))?;
                shown += 1;
            }
        }
        for granted in self.ledger.view().grants(now)? {
            if sees_all || granted.person == *person {
                let (serial, who, until) = (granted.serial, &granted.person, granted.until);
                let text = format!("grant {serial}: {who} as {} until {until}\n", granted.principals.join(", "));
                tell(terminal.output, &text)?;
                shown += 1;
            }
        }
        match shown {
            0 => tell(terminal.output, "nothing is open, and no grant holds\n"),
            shown if shown >= MOST => tell(terminal.output, "there may be more: these are the latest\n"),
            _ => Ok(()),
        }
    }
}
