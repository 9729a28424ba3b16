//! Requests for memory, spread evenly over the work on the rows that came before.

use crate::rows::Rows;
use crate::simd::prefetch::{prefetch, prefetch_second_level};
use crate::tuning::{CACHE_LINE, Source, is_small};

/// The next cache lines to ask for, one after the other.
pub(super) struct Requests<'a, S> {
    data: &'a [S],
    /// Place of the next line, in bytes from the start of `data`.
    next: usize,
    on: bool,
}

impl<'a, S> Requests<'a, S> {
    /// The lines that lie `ahead` bytes after the first rows; none if `ahead` is 0, or if most of the memory is gaps between
    /// rows.
    #[inline(always)]
    pub(super) fn new(rows: &Rows<'a, S>, ahead: usize) -> Self {
        Self { data: rows.data(), next: ahead, on: ahead != 0 && rows.row_stride() <= 2 * rows.ncols() }
    }

    /// No lines.
    #[inline(always)]
    pub(super) fn none() -> Self {
        Self { data: &[], next: 0, on: false }
    }

    /// Asks for the next `bytes`. A part of a cache line asks for the line.
    #[inline(always)]
    pub(super) fn ask(&mut self, bytes: usize) {
        if self.on {
            for line in (0..bytes).step_by(CACHE_LINE) {
                let line = self.next + line;
                if is_small::<S>() {
                    prefetch_second_level(self.data, line)
                } else {
                    prefetch(self.data, line)
                }
            }
            self.next += bytes;
        }
    }
}

/// Distance in bytes at which to ask for the memory of rows from this source; 0 if none is asked for.
pub(super) const fn distance<S>(source: Source, narrow: bool) -> usize {
    match source {
        Source::Cache => 0,
        Source::Memory(ahead) if is_small::<S>() => ahead.small,
        Source::Memory(ahead) if narrow => ahead.narrow,
        Source::Memory(ahead) => ahead.wide,
    }
}
