//! Counts the arithmetic of an elementwise kernel, by running it on numbers that keep count.

use crate::math::elementwise::Elementwise;
use crate::simd::{Arithmetic, Lane};
use core::cell::Cell;
use core::ops::{Add, Div, Mul, Neg, Sub};

/// The operations that one element takes: additions, subtractions, multiplications and divisions count
/// one each, a multiply-add two, and moving bits (signs, comparisons, selections, exponents) nothing.
pub(crate) fn flops<T: Lane, const N: usize>(kernel: impl Elementwise<T, N>) -> u32 {
    let count = Cell::new(0);
    let one = Counted { value: T::from_f64(1.0), count: &count };
    kernel.apply([one; N]);
    count.get()
}

/// A number, and the count of operations that all numbers of a run of the kernel share.
#[derive(Clone, Copy)]
struct Counted<'a, T> {
    value: T,
    count: &'a Cell<u32>,
}

impl<T> Counted<'_, T> {
    fn after(self, operations: u32, value: T) -> Self {
        self.count.set(self.count.get() + operations);
        Self { value, ..self }
    }
}

macro_rules! operators {
    ($($operator:ident $method:ident),+) => {
        $(impl<T: Lane> $operator for Counted<'_, T> {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                self.after(1, self.value.$method(other.value))
            }
        })+
    };
}

operators!(Add add, Sub sub, Mul mul, Div div);

impl<T: Lane> Neg for Counted<'_, T> {
    type Output = Self;

    fn neg(self) -> Self {
        self.after(0, -self.value)
    }
}

// No kernel branches on values, so operations that only move bits may return a number as it is.
impl<T: Lane> Arithmetic for Counted<'_, T> {
    type Element = T;
    type Mask = bool;

    const FUSED: bool = true;

    fn constant(self, x: T) -> Self {
        self.after(0, x)
    }

    fn mul_add(self, a: Self, b: Self) -> Self {
        self.after(2, self.value * a.value + b.value)
    }

    fn neg_mul_add(self, a: Self, b: Self) -> Self {
        self.after(2, b.value - self.value * a.value)
    }

    fn abs(self) -> Self {
        self
    }

    fn min(self, _: Self) -> Self {
        self
    }

    fn lt(self, other: Self) -> bool {
        self.value < other.value
    }

    fn eq(self, other: Self) -> bool {
        self.value == other.value
    }

    fn select(mask: bool, yes: Self, no: Self) -> Self {
        if mask { yes } else { no }
    }

    fn scale_by_exponent_in(self, _: Self) -> Self {
        self
    }

    fn exponent(self) -> Self {
        self
    }

    fn leading_half(self) -> Self {
        self
    }
}

mod tests {
    use super::{Counted, flops};
    use crate::math::elementwise::Elementwise;
    use crate::math::log_loss::{Log1pConstants, LogLoss, LogSigmoid, Softplus, loss_terms};
    use crate::math::logit::Logit;
    use crate::math::residual::Residual;
    use crate::math::sigmoid::Sigmoid;
    use crate::roofline::Flops;
    use crate::simd::Arithmetic;
    use core::cell::Cell;

    #[derive(Clone, Copy)]
    struct Example;

    impl Elementwise<f32, 2> for Example {
        fn apply<X: Arithmetic<Element = f32>>(self, [x, y]: [X; 2]) -> X {
            let product = x * y; // 1
            let sum = product + product / y - x; // 3
            let factor = X::select(x.eq(y), x.number(5.0), x);
            -X::select(x.lt(y), sum.abs(), x.number(2.0)).mul_add(factor, y.neg_mul_add(x, y)) // 4
        }
    }

    #[test]
    fn every_operation_is_counted_once() {
        assert_eq!(flops(Example), 8);
    }

    #[test]
    fn arithmetic_is_that_of_numbers() {
        let count = Cell::new(0);
        let value =
            |operands: [f32; 2]| Example.apply(operands.map(|value| Counted { value, count: &count })).value;
        assert_eq!(value([1.5, 2.0]), -(3.0 * 1.5 + (2.0 - 2.0 * 1.5)));
        assert_eq!(value([2.0, 2.0]), -(2.0 * 5.0 + (2.0 - 2.0 * 2.0)));
        assert_eq!(value([3.0, 1.0]), -(2.0 * 3.0 + (1.0 - 1.0 * 3.0)));
    }

    fn counted<T: Log1pConstants>() -> Flops {
        Flops {
            sigmoid: flops::<T, 1>(Sigmoid),
            softplus: flops::<T, 1>(Softplus),
            log_sigmoid: flops::<T, 1>(LogSigmoid),
            logit: flops::<T, 1>(Logit),
            log_loss: flops::<T, 2>(LogLoss),
            residual: flops::<T, 2>(Residual),
            loss_terms: {
                let count = Cell::new(0);
                let one = Counted { value: T::from_f64(1.0), count: &count };
                loss_terms(one, one);
                count.get()
            },
        }
    }

    #[test]
    fn the_constants_are_what_the_kernels_do() {
        assert_eq!(Flops::F32, counted::<f32>());
        assert_eq!(Flops::F64, counted::<f64>());
    }
}
