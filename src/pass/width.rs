//! Which form of the loops over the features rows of a width go through.

use crate::tuning::is_small;
use core::ops::Range;

/// True where rows held as `S` have the form of few columns. Those of small numbers have not, as each form of each type
/// takes a large part of the time in which this crate is compiled: their logits go through the narrow form, and for sums
/// they are widened first ([`widen`](super::widen)).
pub(super) const fn has_columns_form<S>() -> bool {
    !is_small::<S>()
}

/// `for_width!(b, S in T, ncols, kernel => expression)`: the expression with the kernel for rows of `ncols`
/// features, whose gradient is 0.
macro_rules! for_width {
    ($b:expr, $S:ident in $T:ident, $ncols:expr, $kernel:ident => $e:expr) => {
        match $ncols {
            1 if const { $crate::pass::width::has_columns_form::<$S>() } => for_width!($crate::pass::columns::Columns::<_, $T, 1>::new($b), $kernel => $e),
            2 if const { $crate::pass::width::has_columns_form::<$S>() } => for_width!($crate::pass::columns::Columns::<_, $T, 2>::new($b), $kernel => $e),
            3..=4 if const { $crate::pass::width::has_columns_form::<$S>() } => for_width!($crate::pass::columns::Columns::<_, $T, 4>::new($b), $kernel => $e),
            5..=8 if const { <$T>::LANES == 16 && $crate::pass::width::has_columns_form::<$S>() } => for_width!($crate::pass::columns::Columns::<_, $T, 8>::new($b), $kernel => $e),
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
