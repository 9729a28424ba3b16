//! Two vectors side by side: every operation on the first, then on the second.
//!
//! An elementwise kernel is one long chain of operations that wait for one another. A core looks a limited
//! number of instructions ahead for other work to do meanwhile. With two chains interleaved in the code it
//! finds twice the work within that reach.

use super::Arithmetic;

/// Two values that go through the same operations.
#[derive(Clone, Copy)]
pub(crate) struct Two<X>(pub X, pub X);

macro_rules! operators {
    ($($operator:ident $method:ident),+) => {
        $(impl<X: Arithmetic> core::ops::$operator for Two<X> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(core::ops::$operator::$method(self.0, other.0), core::ops::$operator::$method(self.1, other.1))
            }
        })+
    };
}

operators!(Add add, Sub sub, Mul mul, Div div);

impl<X: Arithmetic> core::ops::Neg for Two<X> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl<X: Arithmetic> Arithmetic for Two<X> {
    type Element = X::Element;
    type Mask = Two<X::Mask>;

    const FUSED: bool = X::FUSED;

    #[inline(always)]
    fn constant(self, x: X::Element) -> Self {
        Self(self.0.constant(x), self.1.constant(x))
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Self(self.0.mul_add(a.0, b.0), self.1.mul_add(a.1, b.1))
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Self, b: Self) -> Self {
        Self(self.0.neg_mul_add(a.0, b.0), self.1.neg_mul_add(a.1, b.1))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs(), self.1.abs())
    }

    #[inline(always)]
    fn min(self, bound: Self) -> Self {
        Self(self.0.min(bound.0), self.1.min(bound.1))
    }

    #[inline(always)]
    fn lt(self, other: Self) -> Two<X::Mask> {
        Two(self.0.lt(other.0), self.1.lt(other.1))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> Two<X::Mask> {
        Two(self.0.eq(other.0), self.1.eq(other.1))
    }

    #[inline(always)]
    fn select(mask: Two<X::Mask>, yes: Self, no: Self) -> Self {
        Self(X::select(mask.0, yes.0, no.0), X::select(mask.1, yes.1, no.1))
    }

    #[inline(always)]
    fn scale_by_exponent_in(self, shifted: Self) -> Self {
        Self(self.0.scale_by_exponent_in(shifted.0), self.1.scale_by_exponent_in(shifted.1))
    }

    #[inline(always)]
    fn leading_half(self) -> Self {
        Self(self.0.leading_half(), self.1.leading_half())
    }
}
