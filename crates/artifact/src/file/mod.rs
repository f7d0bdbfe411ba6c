//! Files that are no logs: programs, documents, shortcuts, scripts, images of disks.
//!
//! ```text
//! bytes ──Type::of──▶ type ──▶ facts of that type ──▶ one event of category `file`
//! ```
//!
//! [`facts`] is a pure function, so that mail can ask it of attachments too. What only the files of one folder tell together is told by [`Neighbours`].

mod entropy;
mod format;
mod kind;
mod label;
mod name;

use sha2::{Digest, Sha256};

pub use self::format::{Files, NAME};
pub(crate) use self::kind::{Class, Type};
use self::name::Name;
use crate::Facts;

/// Tells the facts about a file that is called `name` (without its folder) and holds `bytes`.
pub fn facts(name: &str, bytes: &[u8], facts: &mut Facts) {
    let kind = Type::of(bytes, name);
    name_facts(name, kind, facts);
    facts.count("Size", bytes.len() as u64);
    facts.tell("Sha256", hex(&Sha256::digest(bytes)));
}

fn name_facts(name: &str, kind: Type, facts: &mut Facts) {
    let shown = Name::of(name);
    facts.tell("Name", name);
    facts.tell("Extension", shown.extension);
    facts.tell("NamedAs", shown.class.map_or("", Class::name));
    shown.tricks.into_iter().for_each(|trick| facts.tell("NameTrick", trick));
    facts.tell("Type", kind.name());
    facts.tell("Class", kind.class().name());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
