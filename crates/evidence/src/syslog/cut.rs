//! Cuts syslog text into blocks of whole records: behind a line end, if the next line does not go on with the record.

use crate::cut::{LineBorders, LineRule, TextCutter};

/// Cuts one piece.
pub(super) type SyslogCutter = TextCutter<LineBorders<NewRecord>>;

/// A line that does not go on with the record before it begins one.
#[derive(Default)]
pub(super) struct NewRecord;

impl LineRule for NewRecord {
    const AHEAD: usize = 1;

    fn begins(text: &[u8], at: usize) -> bool {
        text.get(at).is_none_or(|first| !goes_on(*first))
    }
}

/// Whether a line that begins with `first` goes on with the record before it.
pub(super) fn goes_on(first: u8) -> bool {
    matches!(first, b' ' | b'\t')
}
