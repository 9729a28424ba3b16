//! Which form of the loops over the features rows of a width go through.

use core::ops::Range;

/// `for_width!(b, T, ncols, kernel => expression)`: the expression with the kernel for rows of `ncols`
/// features, whose gradient is 0.
macro_rules! for_width {
    ($b:expr, $T:ty, $ncols:expr, $kernel:ident => $e:expr) => {
        match $ncols {
            1 => for_width!($crate::pass::columns::Columns::<_, $T, 1>::new($b), $kernel => $e),
            2 => for_width!($crate::pass::columns::Columns::<_, $T, 2>::new($b), $kernel => $e),
            3..=4 => for_width!($crate::pass::columns::Columns::<_, $T, 4>::new($b), $kernel => $e),
            5..=8 if <$T>::LANES == 16 => for_width!($crate::pass::columns::Columns::<_, $T, 8>::new($b), $kernel => $e),
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
