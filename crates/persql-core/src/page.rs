//! How long reads are cut into pages.

use crate::{Error, ErrorKind, Rows};

/// Rows of the first page: enough for most reads, and few enough for most rows.
const FIRST: usize = 256;
/// Rows of any page.
const MOST: usize = 4_096;
/// What a page whose answer was too large is divided by. Of 256 rows it leaves 32, which our server always answers.
const SHRINK: usize = 8;
/// Bytes that a page aims at once the size of the rows is known.
const BYTES: usize = 4_000_000;

/// The size of the pages of one long read, by rows and by bytes.
///
/// An answer over HTTP must be bounded, and SQL cannot say "up to 4 MB" without reading every row twice. So the first
/// page is small, and each later one is as large as the rows so far allow. A page that is too large all the same is
/// asked for again, smaller.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    rows: usize,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { rows: FIRST }
    }
}

impl PageSize {
    /// Rows to ask for, when `wanted` would be enough.
    pub fn rows(&self, wanted: usize) -> usize {
        self.rows.min(wanted).max(1)
    }

    /// Takes note of a page that was read.
    pub fn learn(&mut self, page: &Rows) {
        let a_row = page.payload_bytes() / page.len().max(1);
        self.rows = (BYTES / a_row.max(1)).clamp(1, MOST);
    }

    /// Takes note of a page of `wanted` rows that failed; true if fewer may do, because the answer was too large.
    pub fn shrink(&mut self, wanted: usize, error: &Error) -> bool {
        let may_do = error.kind() == ErrorKind::TooLarge && wanted > 1;
        if may_do {
            self.rows = (wanted / SHRINK).max(1);
        }
        may_do
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueRef;

    #[test]
    fn a_page_is_as_large_as_its_rows_allow() {
        let mut size = PageSize::default();
        assert_eq!((size.rows(10), size.rows(usize::MAX), size.rows(0)), (10, FIRST, 1));
        for (bytes, rows) in [(0, MOST), (500, MOST), (40_000, 100), (9_000_000, 1)] {
            let mut page = Rows::with_columns(vec!["text".to_owned()]);
            page.push(ValueRef::Text(&"x".repeat(bytes)));
            size.learn(&page);
            assert_eq!(size.rows(usize::MAX), rows, "{bytes}");
        }
    }

    #[test]
    fn a_page_that_is_too_large_becomes_smaller_until_it_is_one_row() {
        let (mut size, error) = (PageSize::default(), Error::new(ErrorKind::TooLarge, "too large"));
        for rows in [32, 4, 1] {
            assert!(size.shrink(size.rows(usize::MAX), &error));
            assert_eq!(size.rows(usize::MAX), rows);
        }
        assert!(!size.shrink(1, &error), "one row is not to be had in part");
        assert!(!PageSize::default().shrink(FIRST, &Error::new(ErrorKind::Timeout, "late")));
    }
}
