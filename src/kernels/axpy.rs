//! axpy: `y += a x`, one fused multiply-add per element.

use super::update::update;
use crate::simd::{Backend, V, Vector};
use crate::{Element, Storage};

/// Slices of one length; where they differ, the shorter one ends the work.
#[inline(always)]
pub fn axpy<B: Backend, S: Storage<T>, T: Element>(b: B, a: T, x: &[S], y: &mut [T]) {
    let a = V::<B, T>::splat(b, a);
    update(
        b,
        y,
        [x],
        #[inline(always)]
        |y, [x]: [V<B, T>; 1]| x.mul_add(a, y),
    );
}
