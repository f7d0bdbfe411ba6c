//! The facts about a Windows program, and what its neighbours have to know of it.

use std::collections::BTreeSet;

use super::{Exports, Import, Pe, Signature, State, version::Version};
use crate::{
    Facts,
    file::{RANDOM, entropy::hundredths, name::extension},
};

/// Shorter parts have no entropy worth telling.
const ENTROPY_FROM: usize = 4096;

/// Names of libraries in its text that are kept.
const MENTIONS: usize = 256;

/// What is asked of a program when it is looked at together with its neighbours.
#[derive(Clone, Debug)]
pub struct Portrait {
    pub is_library: bool,
    pub signature: Signature,
    pub version: Version,
    pub imports: Vec<Import>,
    /// Libraries that its text names, in lower case.
    pub mentions: BTreeSet<String>,
    pub exports: u64,
    /// Which of its own names the file does not have.
    pub differs_from: Vec<&'static str>,
    /// Versions of linker and Windows.
    pub build: [u16; 3],
}

impl Portrait {
    /// About how many bytes its texts and tables take up.
    pub fn weight(&self) -> usize {
        let imports = self.imports.iter().map(|import| size_of::<Import>() + import.library.len());
        let mentions = self.mentions.iter().map(|name| 32 + name.len());
        let Version { company, product, description, original, internal, file } = &self.version;
        let texts = [company, product, description, original, internal, file, &self.signature.signer];
        imports.chain(mentions).chain(texts.map(String::len)).sum()
    }
}

/// Tells the facts about the program `name`.
///
/// # Errors
/// When it is none after all: what was expected and what stands there.
pub fn facts(name: &str, bytes: &[u8], facts: &mut Facts) -> Result<Portrait, String> {
    let pe = Pe::read(bytes)?;
    let (resources, exports, imports, signature) = (pe.resources(), pe.exports(), pe.imports(), pe.signature());
    let version = resources.version.map(Version::read).unwrap_or_default();
    facts.tell("Machine", pe.machine());
    facts.tell("Subsystem", pe.subsystem());
    facts.tell("Library", if pe.is_library() { "true" } else { "false" });
    facts.tell("Managed", if pe.is_managed() { "true" } else { "" });
    facts.tell("PdbPath", pe.pdb().unwrap_or_default());
    signature_facts(&signature, facts);
    identity_facts(name, &version, &exports, facts);
    export_facts(&exports, facts);
    for import in &imports.libraries {
        facts.tell(if import.is_delayed { "DelayImport" } else { "Import" }, import.library.as_str());
    }
    facts.count("ImportedFunctions", imports.functions());
    facts.tell("ResolvesFunctions", if imports.resolves { "true" } else { "" });
    entropy_facts(&pe, resources.largest, facts);
    facts.count("ResourceSize", resources.size);
    let mentions = if pe.is_library() { BTreeSet::new() } else { mentions(bytes) };
    let differs_from = differing(name, &version, &exports.name).collect();
    let (is_library, exports, build) = (pe.is_library(), exports.functions, pe.build());
    Ok(Portrait { is_library, signature, version, imports: imports.libraries, mentions, exports, differs_from, build })
}

fn signature_facts(signature: &Signature, facts: &mut Facts) {
    facts.tell("Signature", signature.state.name());
    if signature.state != State::None {
        facts.tell("Signer", signature.signer.as_str());
        facts.tell("SignerAuthority", signature.authority.as_str());
        facts.tell("SignerTrusted", if signature.is_trusted { "true" } else { "false" });
    }
}

fn identity_facts(name: &str, version: &Version, exports: &Exports, facts: &mut Facts) {
    facts.tell("CompanyName", version.company.as_str());
    facts.tell("ProductName", version.product.as_str());
    facts.tell("FileDescription", version.description.as_str());
    facts.tell("FileVersion", version.file.as_str());
    facts.tell("OriginalFilename", version.original.as_str());
    facts.tell("InternalName", version.internal.as_str());
    facts.tell("ExportName", exports.name.as_str());
    differing(name, version, &exports.name).for_each(|field| facts.tell("NameDiffersFrom", field));
}

/// Which of its own names a file does not have.
fn differing(name: &str, version: &Version, export_name: &str) -> impl Iterator<Item = &'static str> {
    let own = stem(name);
    let names =
        [("OriginalFilename", &*version.original), ("InternalName", &version.internal), ("ExportName", export_name)];
    let differs = move |other: &str| !other.is_empty() && stem(other) != own;
    names.map(|(field, other)| differs(other).then_some(field)).into_iter().flatten()
}

/// A file's name without what does not tell it apart: folder, case, ending.
fn stem(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase();
    let name = name.strip_suffix(".mui").unwrap_or(&name);
    match extension(name) {
        ending if ending.is_empty() => name.to_owned(),
        ending => name.get(..name.len() - ending.len() - 1).unwrap_or(name).to_owned(),
    }
}

fn export_facts(exports: &Exports, facts: &mut Facts) {
    facts.count("Exports", exports.functions);
    exports.names.iter().for_each(|name| facts.tell("Export", name.as_str()));
    if exports.forwarders > 0 {
        facts.count("ForwardedExports", exports.forwarders);
        exports.forwards_to.iter().for_each(|library| facts.tell("ForwardsTo", library.as_str()));
    }
}

/// Entropies in hundredths of a bit: of the most random section and of what is appended; and the largest resource that seems to be enciphered.
fn entropy_facts(pe: &Pe<'_>, largest: &[u8], facts: &mut Facts) {
    // Sections that overlap cost no more than the file.
    let mut left = pe.bytes.len();
    let mut most = 0;
    for section in &pe.sections {
        let bytes = pe.bytes.get(section.stored.clone()).unwrap_or_default();
        if bytes.len() >= ENTROPY_FROM && bytes.len() <= left {
            left -= bytes.len();
            most = most.max(hundredths(bytes));
        }
        facts.tell("Section", section.name.as_str());
    }
    facts.count("SectionEntropy", most);
    if largest.len() >= ENTROPY_FROM && hundredths(largest) >= RANDOM {
        facts.count("EncipheredResource", largest.len() as u64);
    }
    let overlay = pe.overlay();
    if overlay.len() >= ENTROPY_FROM {
        facts.count("OverlaySize", overlay.len() as u64);
        facts.count("OverlayEntropy", hundredths(overlay));
    }
}

/// The names of libraries that stand in the file as text, in either encoding: those that it loads by name.
fn mentions(bytes: &[u8]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for ending in [".dll", ".DLL"] {
        let wide: Vec<u8> = ending.bytes().flat_map(|byte| [byte, 0]).collect();
        for (needle, step) in [(ending.as_bytes(), 1), (&wide, 2)] {
            for at in memchr::memmem::find_iter(bytes, needle) {
                if found.len() == MENTIONS {
                    return found;
                }
                let before = name_before(bytes, at, step);
                if !before.is_empty() {
                    found.insert(format!("{before}.dll"));
                }
            }
        }
    }
    found
}

/// The word that ends before a place, in lower case.
fn name_before(bytes: &[u8], at: usize, step: usize) -> String {
    let places = (1..=64).map_while(|back| at.checked_sub(back * step));
    let letters = places.map_while(|at| bytes.get(at).copied().filter(|byte| is_of_name(*byte)));
    let mut letters: Vec<u8> = letters.collect();
    letters.reverse();
    String::from_utf8_lossy(&letters).trim_start_matches(['.', '-', '+']).to_ascii_lowercase()
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+')
}
