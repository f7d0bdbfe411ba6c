//! Builds tiny Windows programs and libraries: headers, tables, a version resource; no code at all, and no entry point.

/// Where the only section is loaded, and where it stands in the file.
const ADDRESS: u32 = 0x1000;
const START: usize = 0x400;

/// What a file is to hold.
#[derive(Clone, Default)]
pub struct Tiny {
    pub library: bool,
    /// Whether it carries the words by which Wine's own files are known.
    pub marker: bool,
    /// Libraries, each with the functions wanted of it.
    pub imports: Vec<(String, Vec<String>)>,
    pub delayed: Vec<(String, Vec<String>)>,
    /// Its own name, and the functions; one with `=` is forwarded to what stands behind it.
    pub exports: Option<(String, Vec<String>)>,
    pub version: Vec<(String, String)>,
    /// A resource of raw data.
    pub data: Vec<u8>,
    /// Text that stands somewhere in the file.
    pub text: Vec<u8>,
    pub pdb: String,
}

impl Tiny {
    /// A program with these version strings.
    pub fn program(version: &[(&str, &str)]) -> Self {
        let version = version.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self { version, ..Self::default() }
    }

    /// A library that exports these functions.
    pub fn library(name: &str, functions: &[&str]) -> Self {
        let functions = functions.iter().map(|name| (*name).into()).collect();
        Self { library: true, exports: Some((name.into(), functions)), ..Self::default() }
    }

    pub fn importing(mut self, library: &str, functions: &[&str]) -> Self {
        self.imports.push((library.into(), functions.iter().map(|name| (*name).into()).collect()));
        self
    }

    pub fn delaying(mut self, library: &str, functions: &[&str]) -> Self {
        self.delayed.push((library.into(), functions.iter().map(|name| (*name).into()).collect()));
        self
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut body = Body::default();
        let mut tables = [(0u32, 0u32); 16];
        tables[0] = self.exports.as_ref().map_or((0, 0), |(name, functions)| body.exports(name, functions));
        tables[1] = body.imports(&self.imports, 20);
        tables[2] = body.resources(&self.version, &self.data);
        tables[6] = if self.pdb.is_empty() { (0, 0) } else { body.debug(&self.pdb) };
        tables[13] = body.imports(&self.delayed, 32);
        body.0.extend(&self.text);
        body.align(512);
        let mut file = self.headers(&tables, body.0.len() as u32);
        file.resize(START, 0);
        file.extend(body.0);
        file
    }

    fn headers(&self, tables: &[(u32, u32)], size: u32) -> Vec<u8> {
        let mut file = vec![0; 0x80];
        file[..2].copy_from_slice(b"MZ");
        file[60] = 0x80;
        if self.marker {
            file[64..80].copy_from_slice(b"Wine builtin DLL");
        }
        let characteristics: u16 = if self.library { 0x2022 } else { 0x22 };
        file.extend(b"PE\0\0");
        [0x8664u16, 1, 0, 0, 0, 0, 0, 0, 240, characteristics].iter().for_each(|word| file.extend(word.to_le_bytes()));
        let optional = file.len();
        file.resize(optional + 240, 0);
        let mut set = |at: usize, bytes: &[u8]| file[optional + at..optional + at + bytes.len()].copy_from_slice(bytes);
        set(0, &0x20bu16.to_le_bytes());
        set(2, &[14, 0]);
        set(24, &0x1_4000_0000u64.to_le_bytes());
        set(32, &0x1000u32.to_le_bytes());
        set(36, &0x200u32.to_le_bytes());
        set(40, &[6, 0, 0, 0]);
        set(48, &[6, 0, 0, 0]);
        set(56, &(ADDRESS + size.next_multiple_of(0x1000)).to_le_bytes());
        set(60, &(START as u32).to_le_bytes());
        set(68, &2u16.to_le_bytes());
        set(108, &16u32.to_le_bytes());
        for (number, (address, len)) in tables.iter().enumerate() {
            set(112 + 8 * number, &address.to_le_bytes());
            set(116 + 8 * number, &len.to_le_bytes());
        }
        file.extend(b".rdata\0\0");
        [size, ADDRESS, size, START as u32, 0, 0, 0, 0x4000_0040]
            .iter()
            .for_each(|word| file.extend(word.to_le_bytes()));
        file
    }
}

/// The bytes of the section.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn here(&self) -> u32 {
        ADDRESS + self.0.len() as u32
    }

    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.align(8);
        let at = self.here();
        self.0.extend(bytes);
        at
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        self.put(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }

    fn text(&mut self, text: &str) -> u32 {
        self.put(&[text.as_bytes(), b"\0"].concat())
    }

    /// Descriptors of 20 bytes (at once) or 32 (when first used).
    fn imports(&mut self, libraries: &[(String, Vec<String>)], descriptor: usize) -> (u32, u32) {
        if libraries.is_empty() {
            return (0, 0);
        }
        let mut table = Vec::new();
        for (library, functions) in libraries {
            let names: Vec<u32> = functions.iter().map(|name| self.text(&format!("\0\0{name}"))).collect();
            let thunks: Vec<u32> = names.iter().flat_map(|name| [*name, 0]).chain([0, 0]).collect();
            let (lookup, addresses, name) = (self.words(&thunks), self.words(&thunks), self.text(library));
            match descriptor {
                20 => table.extend([lookup, 0, 0, name, addresses]),
                _ => table.extend([1, name, 0, addresses, lookup, 0, 0, 0]),
            }
        }
        table.extend(vec![0; descriptor / 4]);
        (self.words(&table), 4 * table.len() as u32)
    }

    fn exports(&mut self, name: &str, functions: &[String]) -> (u32, u32) {
        let start = self.words(&[0; 10]);
        let mut sorted: Vec<&String> = functions.iter().collect();
        sorted.sort();
        let split = |name: &str| name.split_once('=').map(|(name, to)| (name.to_owned(), to.to_owned()));
        let addresses: Vec<u32> =
            sorted.iter().map(|name| split(name).map_or(0x1000_0000, |(_, to)| self.text(&to))).collect();
        let names: Vec<u32> =
            sorted.iter().map(|name| self.text(&split(name).map_or((*name).clone(), |(name, _)| name))).collect();
        let count = functions.len() as u32;
        let (name, addresses, names) = (self.text(name), self.words(&addresses), self.words(&names));
        let ordinals: Vec<u8> = (0..count as u16).flat_map(u16::to_le_bytes).collect();
        let ordinals = self.put(&ordinals);
        let at = (start - ADDRESS) as usize;
        for (number, word) in [0, 0, 0, name, 1, count, count, addresses, names, ordinals].iter().enumerate() {
            self.0[at + 4 * number..at + 4 * number + 4].copy_from_slice(&word.to_le_bytes());
        }
        (start, self.here() - start)
    }

    /// Version (type 16) and raw data (type 10), each with one name and one language.
    fn resources(&mut self, version: &[(String, String)], data: &[u8]) -> (u32, u32) {
        let version = if version.is_empty() { Vec::new() } else { version_resource(version) };
        let all: Vec<(u32, &[u8])> =
            [(10, data), (16, &version[..])].into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
        if all.is_empty() {
            return (0, 0);
        }
        let places: Vec<(u32, u32, u32)> =
            all.iter().map(|(kind, bytes)| (*kind, self.put(bytes), bytes.len() as u32)).collect();
        let folder = |entries: &[(u32, u32)]| {
            let mut words = vec![0, 0, 0, (entries.len() as u32) << 16];
            words.extend(entries.iter().flat_map(|(name, to)| [*name, *to]));
            words
        };
        let count = places.len() as u32;
        let (root, each) = (16 + 8 * count, 24 + 24 + 16);
        let at = |number: u32| root + number * each;
        let kinds: Vec<(u32, u32)> =
            (0..count).zip(&places).map(|(number, (kind, ..))| (*kind, at(number) | 1 << 31)).collect();
        let mut words = folder(&kinds);
        for (number, (_, address, len)) in (0..count).zip(&places) {
            words.extend(folder(&[(1, (at(number) + 24) | 1 << 31)]));
            words.extend(folder(&[(1033, at(number) + 48)]));
            words.extend([*address, *len, 0, 0]);
        }
        (self.words(&words), 4 * words.len() as u32)
    }

    fn debug(&mut self, pdb: &str) -> (u32, u32) {
        let record = self.put(&[b"RSDS", &[0; 20][..], pdb.as_bytes(), b"\0"].concat());
        let offset = record - ADDRESS + START as u32;
        (self.words(&[0, 0, 0, 2, 24 + pdb.len() as u32 + 1, record, offset]), 28)
    }
}

fn version_resource(strings: &[(String, String)]) -> Vec<u8> {
    let text = |text: &str| -> Vec<u8> { text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect() };
    let strings: Vec<u8> = strings
        .iter()
        .flat_map(|(name, value)| {
            let mut part = part(name, value.encode_utf16().count() as u16 + 1, 1, &text(value));
            part.resize(part.len().next_multiple_of(4), 0);
            part
        })
        .collect();
    let table = part("040904b0", 0, 1, &strings);
    let info = part("StringFileInfo", 0, 1, &table);
    let mut fixed = vec![0; 52];
    fixed[..4].copy_from_slice(&0xfeef_04bdu32.to_le_bytes());
    fixed[10] = 10;
    part("VS_VERSION_INFO", 52, 0, &[fixed, info].concat())
}

fn part(key: &str, value: u16, kind: u16, behind: &[u8]) -> Vec<u8> {
    let mut part: Vec<u8> = [0, value, kind].iter().flat_map(|word| word.to_le_bytes()).collect();
    part.extend(key.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    part.resize(part.len().next_multiple_of(4), 0);
    part.extend(behind);
    let len = (part.len() as u16).to_le_bytes();
    part[..2].copy_from_slice(&len);
    part
}
