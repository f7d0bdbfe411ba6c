//! What only the files of one folder tell together: a program, and beside it a library that it loads, or below it one that it takes for a plug-in.
//!
//! Windows looks for a library in the program's own folder first. So a genuine program loads a foreign library if somebody
//! puts both into one folder (MITRE ATT&CK T1574.001). Whether the library is foreign, rules judge by the facts told here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use event::{Damage, Detector, Piece, Position, Time};
use evidence::Output;

use super::{
    Look,
    label::Label,
    pe::{Portrait, State},
};
use crate::{Facts, Kind, Shower};

/// So many bytes of what is known of files are remembered.
const MOST: usize = 64 << 20;

/// Pairs that are told.
const PAIRS: usize = 10_000;

/// In a folder of so many libraries, or fewer, all of them are told of with each program, also those that it does not load.
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
#[derive(Clone, Debug)]
pub struct Neighbours {
    most: usize,
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

impl Default for Neighbours {
    fn default() -> Self {
        Self { most: MOST, files: BTreeMap::new(), weight: 0, cut: None }
    }
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
        while self.weight > self.most {
            let Some((label, (neighbour, _))) = self.files.pop_last() else { break };
            self.weight -= weight(&label, &neighbour);
            self.cut = Some(label);
        }
    }

    /// Shows the pairs of all folders to `detector`; each output with the piece that it is about.
    pub(crate) fn shown(&self, detector: &mut dyn Detector) -> Vec<(Arc<Piece>, Output)> {
        let mut shower = Shower::default();
        let mut show = |Pair { piece, facts }| {
            let mut output = Output::default();
            shower.show(&piece, &facts, detector, &mut output.seen);
            (piece, output)
        };
        let (pairs, left_out) = self.pairs();
        let mut outputs: Vec<_> = pairs.into_iter().map(&mut show).collect();
        outputs.extend(left_out.into_iter().map(|(path, reason)| {
            let damage = Damage { position: Position::Record(1), records: 0, reason };
            (Arc::new(Piece { path }), Output { damages: vec![damage], ..Output::default() })
        }));
        outputs
    }

    /// The pairs of all folders in the order of their labels, and what was left out: from which label on, and why.
    pub fn pairs(&self) -> (Vec<Pair>, Vec<(String, String)>) {
        let mut folders: BTreeMap<&str, Vec<Known<'_>>> = BTreeMap::new();
        for (path, (neighbour, time)) in &self.files {
            let label = Label::of(path);
            folders.entry(label.folder).or_default().push(Known { label, path, neighbour, time: *time });
        }
        let folders: BTreeMap<&str, Folder<'_>> =
            folders.into_iter().map(|(path, files)| (path, Folder::of(&files))).collect();
        let below = Below::of(&folders);
        let mut pairs = Vec::new();
        for (path, folder) in &folders {
            let programs = folder.programs.iter().filter(|program| program.is_somebody());
            let of_both =
                |program: &File<'_>| folder.pairs_of(program).into_iter().chain(below.pairs_of(path, program));
            pairs.extend(programs.flat_map(of_both).take(PAIRS + 1 - pairs.len()));
        }
        let left_out = |label: &str, reason: String| (label.to_owned(), format!("limit: {reason} was looked at"));
        let forgotten = self.cut.as_deref().map(|label| {
            let most = self.most;
            left_out(
                label,
                format!("more than {most} bytes to be remembered of programs: from here on, none with its neighbours"),
            )
        });
        let beyond = pairs.get(PAIRS).map(|pair| {
            left_out(&pair.piece.path, format!("more than {PAIRS} pairs of program and library: from here on, none"))
        });
        pairs.truncate(PAIRS);
        (pairs, forgotten.into_iter().chain(beyond).collect())
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

#[derive(Clone, Copy)]
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
        // Sets of functions that Windows has no files for (`api-ms-win-…`) can lie nowhere.
        let files = || imports.iter().filter(|import| !import.is_of_a_set());
        let beside = files().filter(|import| self.by_name.contains_key(&import.library)).count();
        let percent = (100 * beside).checked_div(files().count()).unwrap_or_default() as u64;
        let pair = |(at, (link, functions)): (&usize, &(&str, u32))| {
            let mut pair = self.pair(program, self.libraries.get(*at)?, link, *functions);
            pair.facts.count("ImportsBeside", percent);
            Some(pair)
        };
        linked.iter().filter_map(pair).collect()
    }

    /// A program and a library of this folder.
    fn pair(&self, program: &File<'_>, library: &File<'_>, link: &str, functions: u32) -> Pair {
        let mut facts = program.beside(library);
        facts.tell("Link", link);
        facts.count("FunctionsUsed", u64::from(functions));
        let share = (100 * u64::from(functions)).checked_div(library.portrait.exports).filter(|_| functions > 0);
        share.into_iter().for_each(|share| facts.count("ShareUsed", share.min(100)));
        self.neighbours(&mut facts);
        Pair { piece: Arc::new(Piece { path: library.path.to_owned() }), facts }
    }

    fn neighbours(&self, facts: &mut Facts) {
        facts.count("LibrariesBeside", self.libraries.len() as u64);
        facts.count("ProgramsBeside", self.programs.len() as u64);
        self.enciphered.iter().take(NAMED).for_each(|name| facts.tell("EncipheredBeside", *name));
        self.documents.iter().take(NAMED).for_each(|name| facts.tell("DocumentBeside", *name));
    }
}

/// A library that lies in a folder below a program's, and that folder.
type Lower<'a> = (&'a Folder<'a>, File<'a>);

/// Libraries by the folders above them.
struct Below<'a> {
    /// By a folder, and in lower case the name of one in it: what that holds, itself or in folders of its own.
    by_folder: HashMap<(&'a str, String), Vec<Lower<'a>>>,
    /// By a folder, and in lower case the library's name: those in the folders right below.
    by_name: HashMap<(&'a str, String), Vec<Lower<'a>>>,
}

impl<'a> Below<'a> {
    fn of(folders: &'a BTreeMap<&'a str, Folder<'a>>) -> Self {
        let mut below = Self { by_folder: HashMap::new(), by_name: HashMap::new() };
        for (path, folder) in folders {
            let Some((above, name)) = path.rsplit_once(['/', '\\']) else { continue };
            let further = above.rsplit_once(['/', '\\']);
            for library in &folder.libraries {
                let lower = (folder, *library);
                below.by_folder.entry((above, name.to_lowercase())).or_default().push(lower);
                below.by_name.entry((above, library.label.name.to_lowercase())).or_default().push(lower);
                // A plug-in may have a folder of its own.
                if let Some((above, name)) = further {
                    below.by_folder.entry((above, name.to_lowercase())).or_default().push(lower);
                }
            }
        }
        below
    }

    /// The plug-ins of a program: libraries in folders that its text names, and those that it needs by their own names.
    fn pairs_of(&self, folder: &'a str, program: &File<'_>) -> Vec<Pair> {
        let Portrait { folders, imports, mentions, .. } = program.portrait;
        let mut found: BTreeMap<&str, (Lower<'a>, u32)> = BTreeMap::new();
        let mut find = |lowers: Option<&Vec<Lower<'a>>>, functions: u32| {
            found.extend(lowers.into_iter().flatten().map(|lower| (lower.1.path, (*lower, functions))));
        };
        folders.iter().for_each(|name| find(self.by_folder.get(&(folder, name.clone())), 0));
        mentions.iter().for_each(|name| find(self.by_name.get(&(folder, name.clone())), 0));
        for import in imports {
            find(self.by_name.get(&(folder, import.library.clone())), import.functions);
        }
        let pair = |((lower, library), functions): &(Lower<'a>, u32)| {
            let mut pair = lower.pair(program, library, "plug-in", *functions);
            let name = library.label.folder.strip_prefix(folder).unwrap_or_default();
            pair.facts.tell("SideLibraryFolder", name.trim_start_matches(['/', '\\']));
            pair
        };
        found.values().map(pair).collect()
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
        let is_same_key = program.signature.key == other.signature.key;
        let signers = same(&program.signature.signer, &other.signature.signer);
        facts.tell("SameSigner", if both_intact && is_same_key { signers } else { "false" });
        program.differs_from.iter().for_each(|field| facts.tell("ProgramNameDiffersFrom", *field));
        other.differs_from.iter().for_each(|field| facts.tell("SideLibraryNameDiffersFrom", *field));
        facts.tell("SideLibraryTrusted", if other.signature.is_trusted { "true" } else { "false" });
        facts.tell("SameCompany", same(&program.version.company, &other.version.company));
        facts.tell("SameProduct", same(&program.version.product, &other.version.product));
        facts.tell("SameVersion", same(&program.version.file, &other.version.file));
        facts.tell("SameBuilder", if program.build == other.build { "true" } else { "false" });
        facts.count("SideLibraryExports", other.exports);
        if other.enciphered > 0 {
            facts.count("SideLibraryEnciphered", other.enciphered);
        }
        facts
    }
}

/// Tells whose a file is, in fields of these names: signature, signer, company, product, original name.
fn identity(names: [&'static str; 5], portrait: &Portrait, facts: &mut Facts) {
    let Portrait { signature, version, .. } = portrait;
    let values = [signature.state.name(), &signature.signer, &version.company, &version.product, &version.original];
    names.into_iter().zip(values).for_each(|(name, value)| facts.tell(name, value));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::pe::tiny::Tiny, *};

    fn labels(neighbours: &Neighbours) -> Vec<&str> {
        neighbours.files.keys().map(|label| &**label).collect()
    }

    proptest! {
        #[test]
        fn what_is_remembered_does_not_depend_on_the_order(
            names in proptest::collection::btree_set("[a-z]{1,300}", 1..40),
            most in 0usize..8000,
            seed in any::<u64>(),
        ) {
            let look = || Look { neighbour: Some(Neighbour::Document), ..Look::default() };
            let fill = |names: &[&String]| {
                let mut neighbours = Neighbours { most, ..Neighbours::default() };
                names.iter().for_each(|name| neighbours.add(name, look(), None));
                neighbours
            };
            let sorted: Vec<&String> = names.iter().collect();
            let mut mixed = sorted.clone();
            mixed.sort_by_key(|name| shuffled(name, seed));
            let (first, second) = (fill(&sorted), fill(&mixed));
            prop_assert_eq!(labels(&first), labels(&second));
            prop_assert!(first.weight <= most);
            prop_assert_eq!(first.files.len() < names.len(), first.cut.is_some());
        }
    }

    fn look(name: &str, tiny: &Tiny) -> Look {
        let mut facts = Facts::new(Kind::File, Position::Record(1), None);
        crate::file::facts(name, &tiny.build(), &mut facts)
    }

    /// The pairs as told: how they are linked, where the library lies, some of their facts.
    fn told(files: &[(&str, Tiny)], fact: &'static str) -> Vec<(String, String, Vec<String>)> {
        let mut neighbours = Neighbours::default();
        for (path, tiny) in files {
            neighbours.add(path, look(Label::of(path).name, tiny), None);
        }
        let first =
            |pair: &Pair, name| pair.facts.values(name).next().map(|value| value.into_owned()).unwrap_or_default();
        let values = |pair: &Pair| pair.facts.values(fact).map(|value| value.into_owned()).collect();
        let pairs = neighbours.pairs().0;
        pairs.iter().map(|pair| (first(pair, "Link"), first(pair, "SideLibraryPath"), values(pair))).collect()
    }

    fn reader() -> Tiny {
        Tiny::program(&[("CompanyName", "Contoso"), ("OriginalFilename", "tool.exe")])
    }

    #[test]
    fn plug_ins_in_folders_below() {
        let named = Tiny { text: b"\\MergePlugins\0".to_vec(), ..reader() };
        let plug_in = || Tiny::library("hide.dll", &["Run"]);
        for (program, library, folder) in [
            (named.clone(), "a.zip!/x/MergePlugins/hide.dll", "MergePlugins"),
            (named.clone(), "a.zip!/x/mergeplugins/hide/hide.dll", "mergeplugins/hide"),
            (reader().importing("HIDE.dll", &["Run"]), "a.zip!/x/lib/hide.dll", "lib"),
            (Tiny { text: b"hide.dll".to_vec(), ..reader() }, "a.zip!/x/lib/hide.dll", "lib"),
        ] {
            let told = told(&[("a.zip!/x/tool.exe", program), (library, plug_in())], "SideLibraryFolder");
            assert_eq!(told, [("plug-in".into(), library.into(), vec![folder.into()])]);
        }
        for library in ["a.zip!/x/other/hide.dll", "a.zip!/MergePlugins/hide.dll", "a.zip!/x/MergePlugins/a/b/hide.dll"]
        {
            assert_eq!(told(&[("a.zip!/x/tool.exe", named.clone()), (library, plug_in())], ""), []);
        }
        // At the outermost, too.
        assert_eq!(told(&[("a.zip!/tool.exe", named.clone()), ("a.zip!/MergePlugins/b.dll", plug_in())], "").len(), 1);
    }

    #[test]
    fn how_much_of_a_library_is_made_for_a_program() {
        let library = || Tiny::library("part.dll", &["a", "b", "c", "d"]);
        let files = |program: Tiny| [("x/tool.exe", program), ("x/part.dll", library())];
        assert_eq!(told(&files(reader().importing("part.dll", &["a"])), "ShareUsed")[0].2, ["25"]);
        assert_eq!(told(&files(reader().importing("part.dll", &["a", "b", "c", "d", "e"])), "ShareUsed")[0].2, ["100"]);
        assert_eq!(told(&files(reader()), "ShareUsed")[0].2, [""; 0]);
        assert_eq!(told(&files(reader().importing("part.dll", &["a"])), "ProgramNameDiffersFrom")[0].2, [""; 0]);
        let renamed = [("x/Reader.exe", reader()), ("x/part.dll", library())];
        assert_eq!(told(&renamed, "ProgramNameDiffersFrom")[0].2, ["OriginalFilename"]);
    }

    #[test]
    fn sets_of_functions_are_no_files() {
        let program = reader().importing("part.dll", &["a"]).importing("api-ms-win-core-file-l1-1-0.dll", &["b"]);
        let files = [("x/tool.exe", program), ("x/part.dll", Tiny::library("part.dll", &["a"]))];
        assert_eq!(told(&files, "ImportsBeside")[0].2, ["100"]);
    }

    /// Any order, by a seed.
    fn shuffled(name: &str, seed: u64) -> u64 {
        name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}
