use std::sync::Arc;

use crate::{Finding, Observation, Piece, Time};

/// Watches over time: is shown the observations of all files and hosts in the order of time, those of one time in the order of the evidence.
///
/// In a hunt they are merged when all is read; live, the time moves on. What a follower keeps is bounded.
pub trait Follower {
    /// Takes one observation, not earlier than the one before it, and appends what is found by now.
    fn observe(&mut self, piece: &Arc<Piece>, observation: &Observation<'_>, findings: &mut Vec<Finding>);

    /// Nothing earlier than `time` will come any more.
    fn advance(&mut self, time: Time, findings: &mut Vec<Finding>);

    /// Nothing at all will come any more.
    fn end(&mut self, findings: &mut Vec<Finding>);

    /// What it keeps, in a form of its own.
    fn save(&self) -> Vec<u8>;

    /// Goes on where one like it was saved.
    ///
    /// # Errors
    /// When the bytes are not what one like it, of the same rules, saved; nothing is changed then.
    fn restore(&mut self, saved: &[u8]) -> Result<(), String>;
}
