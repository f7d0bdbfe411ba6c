//! What only the files of one folder tell together: a program, and beside it a library that it loads.
//!
//! Windows looks for a library in the program's own folder first. So a genuine program loads a foreign library if somebody
//! puts both into one folder (MITRE ATT&CK T1574.001). Whether the library is foreign, rules judge by the facts told here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use event::{Piece, Position, Time};

use super::{
    Look,
    label::Label,
    pe::{Portrait, State},
};
use crate::{Facts, Kind};

/// So many bytes of what is known of files are remembered.
const MOST: usize = 64 << 20;

/// Pairs that are told of one folder, and of one program that loads none of the libraries beside it.
const PAIRS: usize = 1000;
const BESIDE: usize = 16;

/// Neighbours of other kinds that are named.
const NAMED: usize = 4;

/// What is remembered of a file.
#[derive(Clone, Debug)]
pub(super) enum Neighbour {
    Program(Box<Portrait>),
    Document,
    Enciphered,
}

impl Neighbour {
    /// About how many bytes it takes up.
    fn weight(&self) -> usize {
        match self {
            Self::Program(portrait) => size_of::<Portrait>() + portrait.weight(),
            Self::Document | Self::Enciphered => 0,
        }
    }
}

/// The files that were come upon, by their labels. What is remembered does not depend on the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    files: BTreeMap<Box<str>, (Neighbour, Option<Time>)>,
    weight: usize,
    /// From this label on nothing is remembered, since there was no room.
    cut: Option<Box<str>>,
}

/// The facts of one pair, and the piece that they are about: the library.
pub struct Pair {
    /// The library's piece.
    pub piece: Arc<Piece>,
    /// Of the program and the library.
    pub facts: Facts,
}

impl Neighbours {
    /// Remembers a file by the label of its piece, as far as its neighbours have to know of it.
    pub fn add(&mut self, label: &str, look: Look, time: Option<Time>) {
        let Some(neighbour) = look.neighbour else { return };
        if self.cut.as_deref().is_some_and(|cut| label >= cut) {
            return;
        }
        self.weight += weight(label, &neighbour);
        self.files.insert(label.into(), (neighbour, time));
        while self.weight > MOST {
            let Some((label, (neighbour, _))) = self.files.pop_last() else { break };
            self.weight -= weight(&label, &neighbour);
            self.cut = Some(label);
        }
    }

    /// The label from which on files were forgotten, and why.
    pub fn forgotten(&self) -> Option<(&str, String)> {
        let reason = || {
            format!(
                "limit: more than {MOST} bytes to be remembered of programs; from here on none was looked at together with its neighbours"
            )
        };
        self.cut.as_deref().map(|label| (label, reason()))
    }

    /// The pairs of all folders, in the order of their labels.
    pub fn pairs(&self) -> Vec<Pair> {
        let mut folders: BTreeMap<&str, Vec<Known<'_>>> = BTreeMap::new();
        for (path, (neighbour, time)) in &self.files {
            let label = Label::of(path);
            folders.entry(label.folder).or_default().push(Known { label, path, neighbour, time: *time });
        }
        folders.values().flat_map(|files| Folder::of(files).pairs()).collect()
    }
}

fn weight(label: &str, neighbour: &Neighbour) -> usize {
    128 + label.len() + neighbour.weight()
}

/// A file that is remembered.
struct Known<'a> {
    label: Label<'a>,
    path: &'a str,
    neighbour: &'a Neighbour,
    time: Option<Time>,
}

/// The files of one folder.
struct Folder<'a> {
    programs: Vec<File<'a>>,
    libraries: Vec<File<'a>>,
    /// By their names in lower case.
    by_name: HashMap<String, usize>,
    documents: Vec<&'a str>,
    enciphered: Vec<&'a str>,
}

struct File<'a> {
    label: Label<'a>,
    path: &'a str,
    portrait: &'a Portrait,
    time: Option<Time>,
}

impl<'a> Folder<'a> {
    fn of(files: &[Known<'a>]) -> Self {
        let mut folder = Self {
            programs: Vec::new(),
            libraries: Vec::new(),
            by_name: HashMap::new(),
            documents: Vec::new(),
            enciphered: Vec::new(),
        };
        for &Known { label, path, neighbour, time } in files {
            match neighbour {
                Neighbour::Document => folder.documents.push(label.name),
                Neighbour::Enciphered => folder.enciphered.push(label.name),
                Neighbour::Program(portrait) => {
                    let file = File { label, path, portrait, time };
                    if portrait.is_library {
                        folder.by_name.insert(label.name.to_lowercase(), folder.libraries.len());
                        folder.libraries.push(file);
                    } else {
                        folder.programs.push(file);
                    }
                }
            }
        }
        folder
    }

    fn pairs(&self) -> Vec<Pair> {
        let of = |program| self.pairs_of(program);
        self.programs.iter().filter(|program| program.is_somebody()).flat_map(of).take(PAIRS).collect()
    }

    fn pairs_of(&self, program: &File<'a>) -> Vec<Pair> {
        let imports = &program.portrait.imports;
        let mut linked: BTreeMap<usize, (&str, u32)> = BTreeMap::new();
        for mention in &program.portrait.mentions {
            linked.extend(self.by_name.get(mention).map(|at| (*at, ("names", 0))));
        }
        for import in imports {
            let link = if import.is_delayed { "delay-imports" } else { "imports" };
            linked.extend(self.by_name.get(&import.library).map(|at| (*at, (link, import.functions))));
        }
        if self.libraries.len() <= BESIDE {
            for at in 0..self.libraries.len() {
                linked.entry(at).or_insert(("beside", 0));
            }
        }
        let beside = imports.iter().filter(|import| self.by_name.contains_key(&import.library)).count();
        let percent = (100 * beside).checked_div(imports.len()).unwrap_or_default() as u64;
        let pair = |(at, (link, functions)): (&usize, &(&str, u32))| {
            let library = self.libraries.get(*at)?;
            let mut facts = program.beside(library);
            facts.tell("Link", *link);
            facts.count("FunctionsUsed", u64::from(*functions));
            facts.count("ImportsBeside", percent);
            self.neighbours(&mut facts);
            Some(Pair { piece: Arc::new(Piece { path: library.path.to_owned() }), facts })
        };
        linked.iter().filter_map(pair).collect()
    }

    fn neighbours(&self, facts: &mut Facts) {
        facts.count("LibrariesBeside", self.libraries.len() as u64);
        facts.count("ProgramsBeside", self.programs.len() as u64);
        self.enciphered.iter().take(NAMED).for_each(|name| facts.tell("EncipheredBeside", *name));
        self.documents.iter().take(NAMED).for_each(|name| facts.tell("DocumentBeside", *name));
    }
}

impl File<'_> {
    /// Whether it says whose it is: by an intact signature or its resources.
    fn is_somebody(&self) -> bool {
        let Portrait { signature, version, .. } = self.portrait;
        signature.state == State::Intact || !version.company.is_empty() || !version.original.is_empty()
    }

    /// What is known of this program and a library in its folder.
    fn beside(&self, library: &Self) -> Facts {
        let time = self.time.max(library.time).unwrap_or(Time::from_nanos(0));
        let mut facts = Facts::new(Kind::File, Position::Record(1), Some(time));
        facts.tell("Inside", library.label.inside);
        facts.tell("Program", self.label.name);
        facts.tell("ProgramPath", self.path);
        facts.tell("SideLibrary", library.label.name);
        facts.tell("SideLibraryPath", library.path);
        let (program, other) = (self.portrait, library.portrait);
        let own = ["ProgramSignature", "ProgramSigner", "ProgramCompany", "ProgramProduct", "ProgramOriginalFilename"];
        identity(own, program, &mut facts);
        let its = [
            "SideLibrarySignature",
            "SideLibrarySigner",
            "SideLibraryCompany",
            "SideLibraryProduct",
            "SideLibraryOriginalFilename",
        ];
        identity(its, other, &mut facts);
        let same = |a: &str, b: &str| if !a.is_empty() && a.eq_ignore_ascii_case(b) { "true" } else { "false" };
        let both_intact = [program, other].iter().all(|file| file.signature.state == State::Intact);
        let signers = same(&program.signature.signer, &other.signature.signer);
        facts.tell("SameSigner", if both_intact { signers } else { "false" });
        facts.tell("SideLibraryTrusted", if other.signature.is_trusted { "true" } else { "false" });
        facts.tell("SameCompany", same(&program.version.company, &other.version.company));
        facts.tell("SameProduct", same(&program.version.product, &other.version.product));
        facts.tell("SameVersion", same(&program.version.file, &other.version.file));
        facts.tell("SameBuilder", if program.build == other.build { "true" } else { "false" });
        facts.count("SideLibraryExports", other.exports);
        facts
    }
}

/// Tells whose a file is, in fields of these names: signature, signer, company, product, original name.
fn identity(names: [&'static str; 5], portrait: &Portrait, facts: &mut Facts) {
    let Portrait { signature, version, .. } = portrait;
    let values = [signature.state.name(), &signature.signer, &version.company, &version.product, &version.original];
    names.into_iter().zip(values).for_each(|(name, value)| facts.tell(name, value));
}
