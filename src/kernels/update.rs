//! The one loop of every elementwise kernel: two vectors at a time, and what is left of two by masked
//! access.
//!
//! The rest goes through the same arithmetic as the blocks, padded with zeros, so where an element
//! stands has no influence on its bits.

use crate::simd::two::Two;
use crate::simd::{Arithmetic, Backend, V, Vector};
use crate::{Element, Storage};

/// A function of `N` numbers, written once for vectors of every kind.
pub trait Elementwise<T, const N: usize>: Copy {
    /// The value, lane by lane.
    fn apply<X: Arithmetic<Element = T>>(self, inputs: [X; N]) -> X;
}

/// What a number becomes, given itself and `N` others.
pub trait Update<T, const N: usize>: Copy {
    /// The new number, lane by lane.
    fn apply<X: Arithmetic<Element = T>>(self, current: X, inputs: [X; N]) -> X;
}

/// Overwrites a number with the function's value. No load of it is left in the compiled loop.
#[derive(Clone, Copy)]
pub struct Overwrite<F>(pub F);

impl<T, F: Elementwise<T, N>, const N: usize> Update<T, N> for Overwrite<F> {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, _: X, inputs: [X; N]) -> X {
        self.0.apply(inputs)
    }
}

/// Overwrites a number with the function's value for it, and for the others.
#[derive(Clone, Copy)]
pub struct InPlace<F>(pub F);

impl<T, F: Elementwise<T, 1>> Update<T, 0> for InPlace<F> {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, current: X, []: [X; 0]) -> X {
        self.0.apply([current])
    }
}

impl<T, F: Elementwise<T, 2>> Update<T, 1> for InPlace<F> {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, current: X, [y]: [X; 1]) -> X {
        self.0.apply([current, y])
    }
}

/// `out[i]` becomes `f(out[i], inputs[0][i], inputs[1][i], …)`.
///
/// Slices of one length; where they differ, the shortest ends the work.
#[inline(always)]
pub fn update<B: Backend, S: Storage<T>, T: Element, const N: usize>(
    b: B,
    out: &mut [T],
    inputs: [&[S]; N],
    f: impl Update<T, N>,
) {
    let len = inputs.iter().fold(out.len(), |len, input| len.min(input.len()));
    let step = if B::UNROLL { 2 * T::LANES } else { T::LANES };
    let first = len / step * step;
    let (whole, rest) = out[..len].split_at_mut(first);

    // Plain loops over the inputs: `map` to vectors is not always inlined.
    let blocks = T::blocks_mut(whole).0;
    let inputs_of_blocks = inputs.map(
        #[inline(always)]
        |input| &S::blocks(input).0[..blocks.len()],
    );
    if B::UNROLL {
        for (i, [first, second]) in blocks.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let current = Two(V::<B, T>::load(b, first), V::<B, T>::load(b, second));
            let mut values = [current; N];
            for (value, input) in values.iter_mut().zip(inputs_of_blocks) {
                *value = Two(S::load(b, &input[2 * i]), S::load(b, &input[2 * i + 1]));
            }
            let Two(new_first, new_second) = f.apply(current, values);
            new_first.store(first);
            new_second.store(second);
        }
    } else {
        for (i, block) in blocks.iter_mut().enumerate() {
            let current = V::<B, T>::load(b, block);
            let mut values = [current; N];
            for (value, input) in values.iter_mut().zip(inputs_of_blocks) {
                *value = S::load(b, &input[i]);
            }
            f.apply(current, values).store(block);
        }
    }

    for (i, rest) in rest.chunks_mut(T::LANES).enumerate() {
        let current = V::<B, T>::load_partial(b, rest);
        let mut values = [current; N];
        for (value, input) in values.iter_mut().zip(inputs) {
            *value = S::load_partial(b, &input[first + i * T::LANES..len]);
        }
        f.apply(current, values).store_partial(rest);
    }
}
