//! Two vectors side by side: every operation on the first, then on the second.
//!
//! An elementwise kernel is one long chain of operations that wait for one another. A core looks a limited
//! number of instructions ahead for other work to do meanwhile. With two chains interleaved in the code it
//! finds twice the work within that reach. The pair is itself something to make a pair of: four vectors.

use super::{Arithmetic, Backend, Lane, LoadAs, Vector};

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
    fn exponent(self) -> Self {
        Self(self.0.exponent(), self.1.exponent())
    }

    #[inline(always)]
    fn leading_half(self) -> Self {
        Self(self.0.leading_half(), self.1.leading_half())
    }
}

/// Vectors that are loaded, computed with and stored side by side: one, or [`Two`] of them, or two of two.
pub(crate) trait SideBySide<B: Backend, T: Lane>: Arithmetic<Element = T> {
    /// Number of vectors.
    const COUNT: usize;

    /// The vectors of `COUNT` chunks.
    fn load<S: LoadAs<T>>(b: B, chunks: &[S::Chunk]) -> Self;

    /// The vectors to `COUNT` chunks.
    fn store(self, chunks: &mut [<T as Lane>::Chunk]);
}

impl<B: Backend, T: Lane, X: Vector<Backend = B, Element = T>> SideBySide<B, T> for X
where
    T: Lane<Vector<B> = X>,
{
    const COUNT: usize = 1;

    #[inline(always)]
    fn load<S: LoadAs<T>>(b: B, chunks: &[S::Chunk]) -> Self {
        S::load(b, &chunks[0])
    }

    #[inline(always)]
    fn store(self, chunks: &mut [<T as Lane>::Chunk]) {
        Vector::store(self, &mut chunks[0]);
    }
}

impl<B: Backend, T: Lane, X: SideBySide<B, T>> SideBySide<B, T> for Two<X> {
    const COUNT: usize = 2 * X::COUNT;

    #[inline(always)]
    fn load<S: LoadAs<T>>(b: B, chunks: &[S::Chunk]) -> Self {
        let (first, second) = chunks.split_at(X::COUNT);
        Self(X::load::<S>(b, first), X::load::<S>(b, second))
    }

    #[inline(always)]
    fn store(self, chunks: &mut [<T as Lane>::Chunk]) {
        let (first, second) = chunks.split_at_mut(X::COUNT);
        self.0.store(first);
        self.1.store(second);
    }
}
