//! The numbers of the rows of a gathered batch.

use core::ops::Range;

/// A type of the numbers of rows: `u32` or `usize`.
///
/// Sealed.
pub trait RowIndex: Copy {
    /// The list as one of its kinds.
    #[doc(hidden)]
    fn indices(list: &[Self]) -> Indices<'_>;
}

impl RowIndex for u32 {
    fn indices(list: &[Self]) -> Indices<'_> {
        Indices(Kind::U32(list))
    }
}

impl RowIndex for usize {
    fn indices(list: &[Self]) -> Indices<'_> {
        Indices(Kind::Usize(list))
    }
}

/// A list of the numbers of rows.
#[derive(Clone, Copy)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Indices<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    U32(&'a [u32]),
    Usize(&'a [usize]),
}

impl Indices<'_> {
    pub(crate) fn len(&self) -> usize {
        match self.0 {
            Kind::U32(list) => list.len(),
            Kind::Usize(list) => list.len(),
        }
    }

    /// Number `i` of the list, as a row's number; a number beyond `usize` is no row's.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize) -> usize {
        match self.0 {
            Kind::U32(list) => usize::try_from(list[i]).unwrap_or(usize::MAX),
            Kind::Usize(list) => list[i],
        }
    }

    /// A part of the list.
    pub(crate) fn range(&self, range: Range<usize>) -> Self {
        Self(match self.0 {
            Kind::U32(list) => Kind::U32(&list[range]),
            Kind::Usize(list) => Kind::Usize(&list[range]),
        })
    }
}
