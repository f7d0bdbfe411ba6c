//! What is open and what holds, for whom it concerns.

use super::{Gate, Session, Terminal, request, review, tell};
use crate::error::Result;

impl Gate {
    /// Open requests and grants that hold: for our own staff all of them, for others their own.
    pub(super) fn list(&self, session: &Session, terminal: &mut Terminal<'_>) -> Result<()> {
        let person = &session.enrolled.person;
        let sees_all = self.is_staff(person);
        let now = (self.clock)();
        let mut nothing = true;
        for request in self.ledger.view().open_requests(now, request::OPEN)? {
            if sees_all || request.requested.person == *person {
                let approved: Vec<&str> = request.approvals.iter().map(|approval| &*approval.person).collect();
                let by =
                    if approved.is_empty() { String::new() } else { format!("; approved by {}", approved.join(", ")) };
                tell(terminal.output, &format!("{}{by}\n", review::sentence(&request.requested)))?;
                nothing = false;
            }
        }
        for granted in self.ledger.view().grants(now)? {
            if sees_all || granted.person == *person {
                let (serial, who, until) = (granted.serial, &granted.person, granted.until);
                let text = format!("grant {serial}: {who} as {} until {until}\n", granted.principals.join(", "));
                tell(terminal.output, &text)?;
                nothing = false;
            }
        }
        if nothing { tell(terminal.output, "nothing is open, and no grant holds\n") } else { Ok(()) }
    }
}
