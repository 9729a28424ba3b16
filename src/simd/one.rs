//! A lane by itself: the definition of what an operation does to each lane of a vector.
//!
//! The `scalar` backend's operations are those of its lanes. As an elementwise kernel treats all lanes alike, its
//! loop over a slice takes one number at a time there: a sixteenth of the code that an array of lanes, written out,
//! compiles to, and as fast, as the compiler makes vectors of the loop. (Not so for a few elements: a pass over
//! rows, which has the logits of a block at a time, was slower with it; `BENCHMARKS.md`, "Measured while tuning".)

use super::{Arithmetic, Lane};

/// One number.
#[derive(Clone, Copy)]
pub(crate) struct One<T>(pub(crate) T);

macro_rules! operators {
    ($($operator:ident $method:ident),+) => {
        $(impl<T: Lane> core::ops::$operator for One<T> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(core::ops::$operator::$method(self.0, other.0))
            }
        })+
    };
}

operators!(Add add, Sub sub, Mul mul, Div div);

impl<T: Lane> core::ops::Neg for One<T> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl<T: Lane> Arithmetic for One<T> {
    type Element = T;
    type Mask = bool;

    const FUSED: bool = true;

    #[inline(always)]
    fn constant(self, x: T) -> Self {
        Self(x)
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Self(T::fma(self.0, a.0, b.0))
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Self, b: Self) -> Self {
        Self(T::fma(-self.0, a.0, b.0))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(T::abs(self.0))
    }

    #[inline(always)]
    fn min(self, bound: Self) -> Self {
        if self.0 > bound.0 { bound } else { self }
    }

    #[inline(always)]
    fn lt(self, other: Self) -> bool {
        self.0 < other.0
    }

    #[inline(always)]
    fn eq(self, other: Self) -> bool {
        self.0 == other.0
    }

    #[inline(always)]
    fn select(mask: bool, yes: Self, no: Self) -> Self {
        if mask { yes } else { no }
    }

    #[inline(always)]
    fn scale_by_exponent_in(self, shifted: Self) -> Self {
        Self(T::scale_by_exponent_in(self.0, shifted.0))
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        Self(T::exponent(self.0))
    }

    #[inline(always)]
    fn leading_half(self) -> Self {
        Self(T::leading_half(self.0))
    }
}
