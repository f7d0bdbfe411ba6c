//! The facts about a Windows program, and what its neighbours have to know of it.

use std::{collections::BTreeSet, sync::LazyLock};

use aho_corasick::AhoCorasick;

use super::{Exports, Import, Pe, Signature, State, version::Version};
use crate::{
    Facts,
    file::{RANDOM, entropy::hundredths, name::extension},
};

/// Shorter parts have no entropy worth telling.
const ENTROPY_FROM: usize = 4096;

/// Names of libraries in its text that are kept, and those of folders.
const MENTIONS: usize = 256;

/// What names of folders for plug-ins end with, but for an `s`: `plugins`, `MergePlugins`.
const PLUG_INS: [&str; 9] = ["plugin", "plug-in", "addin", "add-in", "addon", "add-on", "extension", "module", "codec"];

/// Finds these, and endings of libraries, in bytes: first as they stand, then in UTF-16.
static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let narrow = || [".dll"].into_iter().chain(PLUG_INS);
    let wide = narrow().map(|word| word.bytes().flat_map(|byte| [byte, 0]).collect());
    let patterns = narrow().map(|word| word.as_bytes().to_vec()).chain(wide).collect::<Vec<_>>();
    AhoCorasick::builder().ascii_case_insensitive(true).build(patterns).ok()
});

/// What is asked of a program when it is looked at together with its neighbours.
#[derive(Clone, Debug)]
pub struct Portrait {
    pub is_library: bool,
    pub signature: Signature,
    pub version: Version,
    pub imports: Vec<Import>,
    /// Libraries that its text names, in lower case.
    pub mentions: BTreeSet<String>,
    /// Folders for plug-ins that its text names, in lower case.
    pub folders: BTreeSet<String>,
    /// Functions that it exports.
    pub exports: u64,
    /// The size of its largest enciphered part: a resource, or what is appended.
    pub enciphered: u64,
    /// Which of its own names the file does not have.
    pub differs_from: Vec<&'static str>,
    /// Versions of linker and Windows.
    pub build: [u16; 3],
}

impl Portrait {
    /// About how many bytes its texts and tables take up.
    pub fn weight(&self) -> usize {
        let imports = self.imports.iter().map(|import| size_of::<Import>() + import.library.len());
        let mentions = self.mentions.iter().chain(&self.folders).map(|name| 32 + name.len());
        let Version { company, product, description, original, internal, file } = &self.version;
        let texts = [company, product, description, original, internal, file, &self.signature.signer];
        imports.chain(mentions).chain(texts.map(String::len)).sum()
    }
}

/// Tells the facts about the program `name`, and in `damages` what was not looked at.
///
/// # Errors
/// When it is none after all: what was expected and what stands there.
pub fn facts(name: &str, bytes: &[u8], facts: &mut Facts, damages: &mut Vec<String>) -> Result<Portrait, String> {
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
    export_facts(name, &exports, facts);
    for import in &imports.libraries {
        facts.tell(if import.is_delayed { "DelayImport" } else { "Import" }, import.library.as_str());
    }
    facts.count("ImportedFunctions", imports.functions());
    facts.tell("ResolvesFunctions", if imports.resolves { "true" } else { "" });
    let enciphered = entropy_facts(&pe, resources.largest, facts);
    facts.count("ResourceSize", resources.size);
    let named = if pe.is_library() { Named::default() } else { Named::of(bytes) };
    damages.extend([resources.damage(), exports.damage(), imports.damage(), named.damage()].into_iter().flatten());
    Ok(Portrait {
        is_library: pe.is_library(),
        signature,
        imports: imports.libraries,
        mentions: named.libraries,
        folders: named.folders,
        exports: exports.functions,
        enciphered,
        differs_from: differing(name, &version, &exports.name).collect(),
        build: pe.build(),
        version,
    })
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

fn export_facts(name: &str, exports: &Exports, facts: &mut Facts) {
    facts.count("Exports", exports.functions);
    exports.names.iter().for_each(|name| facts.tell("Export", name.as_str()));
    exports.families.iter().for_each(|family| facts.tell("ExportFamily", family.as_str()));
    if exports.forwarders > 0 {
        facts.count("OwnExports", exports.own());
        facts.count("ForwardedExports", exports.forwarders);
        exports.forwards_to.iter().for_each(|library| facts.tell("ForwardsTo", library.as_str()));
        let is_namesake = exports.forwards_to.iter().any(|library| is_namesake(library, name));
        facts.tell("ForwardsToNamesake", if is_namesake { "true" } else { "" });
    }
}

/// Whether a library's name is a file's own, or made of it: `dinput8_orig`, `C:\Windows\System32\dinput8` beside `dinput8.dll`. One that has only a
/// number more is another version of the same: `python312` beside `python3.dll`.
fn is_namesake(library: &str, name: &str) -> bool {
    let library = library.rsplit(['/', '\\']).next().unwrap_or(library);
    let own = stem(name);
    // Two letters stand in any name.
    let Some((before, behind)) = library.split_once(own.as_str()).filter(|_| own.len() > 2) else { return false };
    let more = || before.bytes().chain(behind.bytes());
    !more().any(|byte| byte.is_ascii_digit()) || more().any(|byte| byte.is_ascii_alphabetic())
}

/// Entropies in hundredths of a bit: of the most random section and of what is appended; and the largest resource that seems to be enciphered.
/// Gives the size of the largest part that is.
fn entropy_facts(pe: &Pe<'_>, largest: &[u8], facts: &mut Facts) -> u64 {
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
    let mut enciphered = 0;
    if largest.len() >= ENTROPY_FROM && hundredths(largest) >= RANDOM {
        enciphered = largest.len() as u64;
        facts.count("EncipheredResource", enciphered);
    }
    let overlay = pe.overlay();
    if overlay.len() >= ENTROPY_FROM {
        let entropy = hundredths(overlay);
        facts.count("OverlaySize", overlay.len() as u64);
        facts.count("OverlayEntropy", entropy);
        if entropy >= RANDOM {
            enciphered = enciphered.max(overlay.len() as u64);
        }
    }
    enciphered
}

/// The names that stand in the file as text, in either encoding: libraries that it loads by name, and folders for plug-ins.
#[derive(Default)]
struct Named {
    libraries: BTreeSet<String>,
    folders: BTreeSet<String>,
    is_cut: bool,
}

impl Named {
    fn of(bytes: &[u8]) -> Self {
        let mut named = Self::default();
        let words = WORDS.as_ref();
        for found in words.into_iter().flat_map(|words| words.find_overlapping_iter(bytes)) {
            let (step, is_library) = match found.pattern().as_usize() {
                number if number <= PLUG_INS.len() => (1, number == 0),
                number => (2, number == PLUG_INS.len() + 1),
            };
            let before = word(bytes, (1..=64).map_while(|back| found.start().checked_sub(back * step)));
            let before: String = before.chars().rev().collect();
            let before = before.trim_start_matches(['.', '-', '+']);
            let ending = bytes.get(found.range()).unwrap_or_default();
            let ending: Vec<u8> = ending.iter().step_by(step).map(u8::to_ascii_lowercase).collect();
            let ending = String::from_utf8_lossy(&ending);
            let behind = word(bytes, (0..64).map(|on| found.end() + on * step));
            match (is_library, behind.as_str()) {
                (true, _) if !before.is_empty() => named.keep(true, format!("{before}{ending}")),
                // The word ends here.
                (false, "" | "s") => named.keep(false, format!("{before}{ending}{behind}")),
                _ => {}
            }
        }
        named
    }

    fn keep(&mut self, is_library: bool, name: String) {
        let names = if is_library { &mut self.libraries } else { &mut self.folders };
        if names.len() < MENTIONS {
            names.insert(name);
        } else {
            self.is_cut |= !names.contains(&name);
        }
    }

    fn damage(&self) -> Option<String> {
        self.is_cut.then(|| {
            format!(
                "limit: {MENTIONS} names of libraries and of folders in the program's text were looked at, and no more"
            )
        })
    }
}

/// The letters of a name at these places, as long as they are such, in lower case.
fn word(bytes: &[u8], places: impl Iterator<Item = usize>) -> String {
    let letters = places.map_while(|at| bytes.get(at).copied().filter(|byte| is_of_name(*byte)));
    letters.map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+')
}
