//! Tables: CSV with a header, its columns known by their names.

use std::io::{self, BufRead};

use csv::ByteRecord;

use super::{Loader, moment, techniques};
use crate::{kind::Hint, set::Statement};

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// An indicator, whose kind another column may tell.
    Indicator,
    /// The kind of the indicator.
    Kind,
    /// An indicator of this kind.
    Of(Hint),
    Name,
    Reporter,
    Tags,
    FirstSeen,
    ValidUntil,
    Other,
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Header {
    separator: u8,
}

impl Column {
    fn of(name: &str) -> Self {
        let name: String =
            name.trim().trim_start_matches('#').trim().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        match name.to_ascii_lowercase().as_str() {
            "indicator" | "ioc" | "iocvalue" | "value" | "observable" | "indicatorvalue" => Self::Indicator,
            "type" | "ioctype" | "indicatortype" | "kind" => Self::Kind,
            "md5" | "sha1" | "sha256" | "hash" | "filehash" | "md5hash" | "sha1hash" | "sha256hash" => {
                Self::Of(Hint::Hash)
            }
            "domain" | "domainname" | "hostname" | "fqdn" => Self::Of(Hint::Domain),
            "url" => Self::Of(Hint::Url),
            "ip" | "ipaddress" | "address" | "dstip" | "ipv4" | "ipv6" | "cidr" => Self::Of(Hint::Address),
            "filename" | "filepath" => Self::Of(Hint::File),
            "email" | "emailaddress" | "mail" | "mailaddress" => Self::Of(Hint::Mail),
            "campaign" | "threat" | "malware" | "malwareprintable" | "name" | "title" | "description" | "comment" => {
                Self::Name
            }
            "reportedby" | "reporter" | "source" | "author" => Self::Reporter,
            "tags" | "labels" | "techniques" | "technique" => Self::Tags,
            "firstseen" | "firstseenutc" | "dateadded" | "date" | "validfrom" => Self::FirstSeen,
            "validuntil" | "expires" | "expiration" => Self::ValidUntil,
            _ => Self::Other,
        }
    }

    const fn is_indicator(self) -> bool {
        matches!(self, Self::Indicator | Self::Of(_))
    }
}

impl Header {
    /// The header with which a text begins; `None` where it is no table.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let is_comment = |line: &&[u8]| line.starts_with(b"#") || line.trim_ascii().is_empty();
        let first = text.split(|byte| *byte == b'\n').find(|line| !is_comment(line))?;
        let first = std::str::from_utf8(first).ok()?;
        let separator = [b',', b';', b'\t'].into_iter().find(|separator| first.as_bytes().contains(separator))?;
        let mut names = first.split(char::from(separator)).map(|name| Column::of(name.trim_matches(['"', ' ', '\r'])));
        names.any(Column::is_indicator).then_some(Self { separator })
    }
}

pub(super) fn read(loader: &mut Loader, header: &Header, input: &mut dyn BufRead) -> io::Result<()> {
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(header.separator).has_headers(false).flexible(true).comment(Some(b'#'));
    // Fields longer than any indicator may be a quote that is never closed: the reader's memory is bounded by it.
    let mut table = builder.from_reader(Bounded { input, line: 0 });
    let (mut record, mut columns, mut last) = (ByteRecord::new(), Vec::new(), None);
    while table.read_byte_record(&mut record).map_err(io::Error::other)? {
        let line = record.position().map_or(0, csv::Position::line);
        let fields: Option<Vec<&str>> = record.iter().map(|field| std::str::from_utf8(field).ok()).collect();
        let Some(fields) = fields else {
            loader.problem(line, || "expected UTF-8, found other bytes".into());
            continue;
        };
        if columns.is_empty() {
            columns = fields.iter().map(|name| Column::of(name)).collect();
            continue;
        }
        row(loader, &columns, &fields, line, &mut last);
    }
    Ok(())
}

/// A row's indicators with what it says of them; `last` is what the row before said.
fn row(loader: &mut Loader, columns: &[Column], fields: &[&str], line: u64, last: &mut Option<(Statement, u32)>) {
    let cells = || columns.iter().copied().zip(fields.iter().map(|field| field.trim()));
    let (said, kind) = match said(cells().filter(|(_, field)| !field.is_empty())) {
        Ok(said) => said,
        Err((wanted, field)) => {
            return loader.problem(line, || format!("expected {wanted}, found '{}'", super::shortened(field)));
        }
    };
    let number = match last {
        Some((known, number)) if *known == said => *number,
        _ => {
            let number = loader.statement(said.clone());
            *last = Some((said, number));
            number
        }
    };
    let mut is_any = false;
    for (column, field) in cells().filter(|(column, _)| column.is_indicator()) {
        if field.is_empty() || field.eq_ignore_ascii_case("n/a") {
            continue;
        }
        is_any = true;
        let hint = if let Column::Of(hint) = column { hint } else { kind };
        loader.entry(hint, field, number, line);
    }
    if !is_any {
        loader.problem(line, || "expected an indicator, found none".into());
    }
}

/// What a row says of its indicators, and their kind; or what was expected, and the cell that is something else.
fn said<'f>(cells: impl Iterator<Item = (Column, &'f str)>) -> Result<(Statement, Hint), (&'static str, &'f str)> {
    let (mut said, mut kind) = (Statement::default(), Hint::Any);
    for (column, field) in cells {
        let date = || moment(field).ok_or(("a date", field));
        match column {
            Column::Kind => kind = hint(field).ok_or(("a kind such as sha256, domain or url", field))?,
            Column::Name if said.name.is_empty() => said.name = field.to_owned(),
            Column::Reporter if said.reporter.is_empty() => said.reporter = field.to_owned(),
            Column::Tags => said.techniques.extend(techniques(field)),
            Column::FirstSeen if said.first_seen.is_none() => said.first_seen = Some(date()?),
            Column::ValidUntil => said.valid_until = Some(date()?),
            _ => {}
        }
    }
    Ok((said, kind))
}

/// The kind that a table's word means.
fn hint(word: &str) -> Option<Hint> {
    let word: String = word.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    Some(match word.to_ascii_lowercase().as_str() {
        "md5" | "sha1" | "sha256" | "hash" | "filehash" | "md5hash" | "sha1hash" | "sha256hash" | "filehashmd5"
        | "filehashsha1" | "filehashsha256" => Hint::Hash,
        "domain" | "domainname" | "hostname" | "host" | "fqdn" => Hint::Domain,
        "url" | "uri" => Hint::Url,
        "ip" | "ipv4" | "ipv6" | "address" | "ipaddress" | "ipv4addr" | "ipv6addr" | "cidr" | "network" | "ipdst"
        | "ipsrc" => Hint::Address,
        "filename" | "filepath" | "file" | "path" => Hint::File,
        "email" | "mail" | "emailaddress" | "emailaddr" | "emailsrc" | "emaildst" => Hint::Mail,
        _ => return None,
    })
}

/// Longer lines of a table are cut.
const MAX_LINE: usize = 1 << 20;

/// Ends a line that is too long, and the quote with it.
struct Bounded<'i> {
    input: &'i mut dyn BufRead,
    line: usize,
}

impl io::Read for Bounded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.fill_buf()?;
        let length = bytes.len().min(out.len());
        let (Some(part), Some(to)) = (bytes.get(..length), out.get_mut(..length)) else { return Ok(0) };
        to.copy_from_slice(part);
        match memchr::memrchr(b'\n', part) {
            Some(end) => self.line = part.len() - end,
            None => self.line += part.len(),
        }
        if self.line > MAX_LINE {
            return Err(io::Error::other("expected lines of at most 1 MiB"));
        }
        self.input.consume(length);
        Ok(length)
    }
}
