//! Cuts syslog text into blocks of whole records: behind a line end, if the next line does not go on with the record.

use memchr::{memchr_iter, memrchr_iter};

use crate::cut::{Borders, TextCutter};

/// Cuts one piece.
pub(super) type SyslogCutter = TextCutter<LineBorders>;

/// Finds line ends behind which a record may begin.
#[derive(Default)]
pub(super) struct LineBorders {
    /// How much of the buffer holds none.
    searched: usize,
}

/// Whether a line that begins with `first` goes on with the record before it.
pub(super) fn goes_on(first: u8) -> bool {
    matches!(first, b' ' | b'\t')
}

impl LineBorders {
    /// Whether a border stands behind the line end at `at`.
    fn is_border(buffer: &[u8], at: usize, ended: bool) -> bool {
        buffer.get(at + 1).map_or(ended, |first| !goes_on(*first))
    }

    fn none(&mut self, buffer: &[u8]) {
        // The last byte may be a line end of which more is known later.
        self.searched = buffer.len().saturating_sub(1);
    }
}

impl Borders for LineBorders {
    fn last(&mut self, buffer: &[u8], ended: bool) -> Option<usize> {
        let rest = buffer.get(self.searched..).unwrap_or_default();
        let found = memrchr_iter(b'\n', rest).find(|at| Self::is_border(buffer, self.searched + at, ended));
        let border = found.map(|at| self.searched + at + 1);
        if border.is_none() {
            self.none(buffer);
        }
        border
    }

    fn first(&mut self, buffer: &[u8], ended: bool) -> Result<usize, usize> {
        let rest = buffer.get(self.searched..).unwrap_or_default();
        let found = memchr_iter(b'\n', rest).find(|at| Self::is_border(buffer, self.searched + at, ended));
        let border = found.map(|at| self.searched + at + 1);
        border.ok_or_else(|| {
            self.none(buffer);
            self.searched
        })
    }

    fn passed(&mut self, bytes: usize) {
        self.searched = self.searched.saturating_sub(bytes);
    }
}
