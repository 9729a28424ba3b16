//! The one loop of every elementwise kernel: whole blocks, then the rest by masked access.
//!
//! The rest goes through the same arithmetic as the blocks, padded with zeros, so where an element
//! stands has no influence on its bits.

use crate::simd::{Backend, V, Vector};
use crate::{Element, Storage};

/// `out[i] = f(out[i], inputs[0][i], inputs[1][i], …)`, a logical vector at a time.
///
/// Slices of one length; where they differ, the shortest ends the work. A kernel that overwrites
/// `out` ignores the first argument, and no load of it is left in the compiled loop.
#[inline(always)]
pub fn update<B: Backend, S: Storage<T>, T: Element, const N: usize>(
    b: B,
    out: &mut [T],
    inputs: [&[S]; N],
    f: impl Fn(V<B, T>, [V<B, T>; N]) -> V<B, T>,
) {
    // The shortest length, so that the compiler sees that all slices have as many blocks.
    let len = inputs.iter().fold(out.len(), |len, input| len.min(input.len()));
    let (blocks, rest) = T::blocks_mut(&mut out[..len]);
    let inputs = inputs.map(|input| {
        let (input, rest) = S::blocks(&input[..len]);
        (&input[..blocks.len()], rest)
    });

    // Plain loops over the inputs: `map` to vectors is not always inlined.
    for (i, block) in blocks.iter_mut().enumerate() {
        let current = V::<B, T>::load(b, block);
        let mut values = [current; N];
        for (value, (input, _)) in values.iter_mut().zip(inputs) {
            *value = S::load(b, &input[i]);
        }
        f(current, values).store(block);
    }
    if !rest.is_empty() {
        let current = V::<B, T>::load_partial(b, rest);
        let mut values = [current; N];
        for (value, (_, input)) in values.iter_mut().zip(inputs) {
            *value = S::load_partial(b, input);
        }
        f(current, values).store_partial(rest);
    }
}
