//! Work on several threads: how it is cut, and that it is cut only where that pays.

/// How large the pieces of some work may be before they are shared between threads: `units` of work of
/// a given `cost` each, in about as many operations on an element.
///
/// About eight pieces for each thread, so that a thread that was held up does not keep the others
/// waiting long; but none so small (some 10 µs) that handing it over costs more than doing it.
pub fn grain(parallel: bool, units: usize, cost: usize) -> usize {
    const SMALLEST_PIECE: usize = 1 << 18;
    if !parallel || units.saturating_mul(cost) <= SMALLEST_PIECE {
        return usize::MAX;
    }
    let threads = threads();
    if threads < 2 {
        return usize::MAX;
    }
    let piece = units.div_ceil(8 * threads).max(SMALLEST_PIECE.div_ceil(cost));
    piece.checked_next_power_of_two().unwrap_or(usize::MAX)
}

/// Calls `f` with parts of `out` and the place where each starts: one after the other, or on several
/// threads where there is more than `grain` to do.
pub fn for_parts<T: Send>(first: usize, out: &mut [T], grain: usize, f: &(impl Fn(usize, &mut [T]) + Sync)) {
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
pub fn join(left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
    rayon::join(left, right);
}

/// Calls both.
#[cfg(not(feature = "rayon"))]
pub fn join(left: impl FnOnce(), right: impl FnOnce()) {
    left();
    right();
}

/// The threads of the rayon pool that the caller is in.
fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}
