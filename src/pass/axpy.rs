//! axpy: `y += a x`, one fused multiply-add per element.

use crate::math::elementwise::Update;
use crate::simd::{Arithmetic, Lane};

/// `y += a x`, for a given a.
#[derive(Clone, Copy)]
pub(crate) struct Axpy<T>(pub T);

impl<T: Lane> Update<T, 1> for Axpy<T> {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, y: X, [x]: [X; 1]) -> X {
        x.mul_add(x.constant(self.0), y)
    }
}
