//! Which form of the loops over the features rows of a width go through.

use crate::simd::{Backend, Lane, MOST_LANES};
use crate::tuning::is_small;
use core::ops::Range;

/// True where rows held as `S` go through the columns' form: not small numbers, as rows of at most eight of them are
/// widened first ([`widen`](super::widen)).
pub(super) const fn has_columns<S>() -> bool {
    !is_small::<S>()
}

/// True where rows held as `S` go through the narrow form. Of small numbers only where that was measured to be faster
/// than to widen them first: each form of each type is a large part of the time that it takes to compile this crate.
pub(super) const fn has_narrow<B: Backend, S, T: Lane>() -> bool {
    !is_small::<S>() || (B::UNROLL && T::LANES == MOST_LANES)
}

/// `for_width!(b, S in T, ncols, kernel => expression)`: the expression with the kernel for rows of `ncols`
/// features, whose gradient is 0.
macro_rules! for_width {
    ($b:expr, $S:ident in $T:ident, $ncols:expr, $kernel:ident => $e:expr) => {
        match $ncols {
            _ if const { !$crate::pass::width::has_narrow::<B, $S, $T>() } => for_width!($crate::pass::wide::Wide, $kernel => $e),
            1 if const { $crate::pass::width::has_columns::<$S>() } => for_width!($crate::pass::columns::Columns::<_, $T, 1>::new($b), $kernel => $e),
            2 if const { $crate::pass::width::has_columns::<$S>() } => for_width!($crate::pass::columns::Columns::<_, $T, 2>::new($b), $kernel => $e),
            3..=4 if const { $crate::pass::width::has_columns::<$S>() } => for_width!($crate::pass::columns::Columns::<_, $T, 4>::new($b), $kernel => $e),
            5..=8 if const { <$T>::LANES == 16 && $crate::pass::width::has_columns::<$S>() } => for_width!($crate::pass::columns::Columns::<_, $T, 8>::new($b), $kernel => $e),
            n => match n.div_ceil(<$T>::LANES) {
                1 => for_width!($crate::pass::narrow::Narrow::<_, $T, 1, 4>::new($b), $kernel => $e),
                2 => for_width!($crate::pass::narrow::Narrow::<_, $T, 2, 2>::new($b), $kernel => $e),
                3 => for_width!($crate::pass::narrow::Narrow::<_, $T, 3, 1>::new($b), $kernel => $e),
                4 => for_width!($crate::pass::narrow::Narrow::<_, $T, 4, 1>::new($b), $kernel => $e),
                _ => for_width!($crate::pass::wide::Wide, $kernel => $e),
            },
        }
    };
    ($new:expr, $kernel:ident => $e:expr) => {{
        let $kernel = $new;
        $e
    }};
}
pub(super) use for_width;

/// A range in parts of `len`, of which the last may be shorter.
#[inline(always)]
pub(super) fn ranges(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(len).map(move |start| start..range.end.min(start + len))
}
