//! A quotient of two unevaluated sums, to nearly twice the precision, with one division.
//!
//! ```text
//! (n + n') / (d + d')  ~  q + m v,     v = 1/d,  q = n v,  m = (n - q d) + n' - q d'
//! ```
//!
//! q errs by 1.5 ULP at most; m, the remainder that it leaves, is exact in its first term with fused
//! multiply-add (n - q d has hardly more bits than q, and one too many is an error of second order), and
//! m v corrects q. The error of q + m v before it is rounded is of second order too: the rounding errors
//! of v, of m, and of the product, each of relative size u, on a correction that is itself of relative
//! size u.
//!
//! One reciprocal and a multiplication give both q and v. An estimate of 1/d refined by Newton's steps
//! is no alternative: estimates differ between vendors, so bits would.
//!
//! Without fused multiply-add n - q d takes a dozen operations ([`error_free::remainder`]). Leaving it out,
//! with q the correctly rounded n / d, erred by 1.1 ULP on a sample, and softplus was then not
//! monotone; cutting q and d to half of their bits, so that q d is exact, left sigmoid not monotone
//! near 0, and was hardly faster.

use super::error_free;
use crate::simd::Arithmetic;

/// A quotient q + m v; see the module's text for the names.
#[derive(Clone, Copy)]
pub(super) struct Quotient<X> {
    q: X,
    m: X,
    v: X,
}

impl<X: Arithmetic> Quotient<X> {
    /// The quotient of two unevaluated sums.
    #[inline(always)]
    pub(super) fn new([n, n_rest]: [X; 2], [d, d_rest]: [X; 2]) -> Self {
        let v = d.number(1.0) / d;
        let q = n * v;
        Self { q, m: error_free::remainder(n, q, d) + q.neg_mul_add(d_rest, n_rest), v }
    }

    /// The quotient, rounded.
    #[inline(always)]
    pub(super) fn rounded(self) -> X {
        self.m.mul_add(self.v, self.q)
    }

    /// The quotient as an unevaluated sum of a number to within an ULP or so, and a correction.
    #[inline(always)]
    pub(super) fn parts(self) -> [X; 2] {
        [self.q, self.m * self.v]
    }
}
