//! The loops of every elementwise kernel: [`update`], by vectors (several side by side, or one) and the rest by masked
//! access; and [`update_long`], for slices that are rarely short.
//!
//! The rest goes through the same arithmetic as whole vectors, padded with zeros, so the place of an element
//! has no influence on its bits.

use crate::simd::one::One;
use crate::simd::two::{SideBySide, Two};
use crate::simd::{Arithmetic, Backend, Lane, LoadAs, V, Vector};

/// A function of `N` numbers, written once for vectors of every kind.
pub(crate) trait Elementwise<T, const N: usize>: Copy {
    /// The value, lane by lane.
    fn apply<X: Arithmetic<Element = T>>(self, inputs: [X; N]) -> X;
}

/// A function of a number that is to be overwritten and of `N` inputs, written once for vectors of every
/// kind.
pub(crate) trait Update<T, const N: usize>: Copy {
    /// The number's new value, lane by lane.
    fn apply<X: Arithmetic<Element = T>>(self, current: X, inputs: [X; N]) -> X;
}

/// Overwrites a number with the function's value. No load of it is left in the compiled loop.
#[derive(Clone, Copy)]
pub(crate) struct Overwrite<F>(pub F);

impl<T, F: Elementwise<T, N>, const N: usize> Update<T, N> for Overwrite<F> {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, _: X, inputs: [X; N]) -> X {
        self.0.apply(inputs)
    }
}

/// Overwrites a number with the function's value for that number and the inputs.
#[derive(Clone, Copy)]
pub(crate) struct InPlace<F>(pub F);

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
pub(crate) fn update<B: Backend, S: LoadAs<T>, T: Lane, const N: usize>(
    b: B,
    out: &mut [T],
    inputs: [&[S]; N],
    f: impl Update<T, N>,
) {
    if B::UNROLL {
        update_by::<Two<V<B, T>>, B, S, T, N>(b, out, inputs, f);
    } else {
        update_by::<V<B, T>, B, S, T, N>(b, out, inputs, f);
    }
}

/// [`update`] of slices that are rarely short, by a function of many operations: four vectors at a time, or
/// lane by lane on a backend that prefers that.
#[inline(always)]
pub(crate) fn update_long<B: Backend, S: LoadAs<T>, T: Lane, const N: usize>(
    b: B,
    out: &mut [T],
    inputs: [&[S]; N],
    f: impl Update<T, N>,
) {
    if !B::LANE_BY_LANE {
        return if B::UNROLL {
            update_by::<Two<Two<V<B, T>>>, B, S, T, N>(b, out, inputs, f);
        } else {
            update_by::<V<B, T>, B, S, T, N>(b, out, inputs, f);
        };
    }
    let len = inputs.iter().fold(out.len(), |len, input| len.min(input.len()));
    for (i, out) in out[..len].iter_mut().enumerate() {
        let mut values = [One(*out); N];
        for (value, input) in values.iter_mut().zip(inputs) {
            *value = One(input[i].convert());
        }
        *out = f.apply(One(*out), values).0;
    }
}

/// [`update`] by as many vectors at a time as `X` has, and the rest by one.
#[inline(always)]
fn update_by<X: SideBySide<B, T>, B: Backend, S: LoadAs<T>, T: Lane, const N: usize>(
    b: B,
    out: &mut [T],
    inputs: [&[S]; N],
    f: impl Update<T, N>,
) {
    let len = inputs.iter().fold(out.len(), |len, input| len.min(input.len()));
    let step = X::COUNT * T::LANES;
    let first = len / step * step;
    let (whole, rest) = out[..len].split_at_mut(first);

    // Plain loops over the inputs: `map` to vectors is not always inlined.
    let chunks = T::chunks_mut(whole).0;
    let input_chunks = inputs.map(
        #[inline(always)]
        |input| &S::chunks(input).0[..chunks.len()],
    );
    for (i, chunks) in chunks.chunks_exact_mut(X::COUNT).enumerate() {
        let current = X::load::<T>(b, chunks);
        let mut values = [current; N];
        for (value, input) in values.iter_mut().zip(input_chunks) {
            *value = X::load::<S>(b, &input[i * X::COUNT..][..X::COUNT]);
        }
        f.apply(current, values).store(chunks);
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
