//! Work on several threads: cut into pieces, and only where that pays.

use crate::tuning::{PIECES_PER_THREAD, SMALLEST_PIECE};

/// Largest piece of work, in units, that one thread does alone. There are `units` of them, each of which
/// costs as much as `cost` operations on an element.
///
/// At most [`PIECES_PER_THREAD`] pieces for each thread come of it, and none of less than [`SMALLEST_PIECE`]
/// but the last.
pub(crate) fn grain(parallel: bool, units: usize, cost: usize) -> usize {
    if !parallel || units.saturating_mul(cost) <= SMALLEST_PIECE {
        return usize::MAX;
    }
    let threads = threads();
    if threads < 2 {
        return usize::MAX;
    }
    let piece = units.div_ceil(PIECES_PER_THREAD * threads).max(SMALLEST_PIECE.div_ceil(cost));
    piece.checked_next_power_of_two().unwrap_or(usize::MAX)
}

/// Calls `f` with `out` and the index of its first element; where it is longer than `grain`, with parts of
/// it, on several threads.
pub(crate) fn for_parts<T: Send>(
    first: usize,
    out: &mut [T],
    grain: usize,
    f: &(impl Fn(usize, &mut [T]) + Sync),
) {
    if out.len() <= grain {
        return f(first, out);
    }
    // A power of two: every part but the last begins and ends with a whole vector.
    let middle = out.len().next_power_of_two() / 2;
    let (left, right) = out.split_at_mut(middle);
    join(|| for_parts(first, left, grain, f), || for_parts(first + middle, right, grain, f));
}

/// Calls both, on two threads where there is one to spare.
#[cfg(feature = "rayon")]
pub(crate) fn join(left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
    rayon::join(left, right);
}

/// Calls both, one after the other.
#[cfg(not(feature = "rayon"))]
pub(crate) fn join(left: impl FnOnce(), right: impl FnOnce()) {
    left();
    right();
}

/// Number of threads of the rayon pool that the caller is in; 1 without rayon.
fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}
