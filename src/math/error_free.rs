//! Error-free transformations: a rounded result together with its rounding error.

use crate::simd::Arithmetic;

/// a + b and the error of that sum, for any two finite numbers (Knuth's TwoSum).
#[inline(always)]
pub(super) fn two_sum<X: Arithmetic>(a: X, b: X) -> [X; 2] {
    let sum = a + b;
    let b_part = sum - a;
    [sum, (a - (sum - b_part)) + (b - b_part)]
}

/// a + b and the error of that sum, for |a| >= |b| or a = 0 (Dekker's FastTwoSum).
#[inline(always)]
pub(super) fn fast_two_sum<X: Arithmetic>(a: X, b: X) -> [X; 2] {
    let sum = a + b;
    [sum, b - (sum - a)]
}

/// n - q d; exact where q is n / d to within an ULP, and nothing underflows.
///
/// Without fused multiply-add q and d are split into halves, whose products have no more bits than a
/// number holds (Dekker 1971). Taken from n one by one, largest first, they leave a difference that
/// loses a leading bit for each trailing bit that it gains, so every step is exact. (In `f64` the last
/// product has one bit too many: an error far below the ULP of the difference.)
#[inline(always)]
pub(super) fn remainder<X: Arithmetic>(n: X, q: X, d: X) -> X {
    if X::FUSED {
        return q.neg_mul_add(d, n);
    }
    let (q_high, d_high) = (q.leading_half(), d.leading_half());
    let (q_low, d_low) = (q - q_high, d - d_high);
    (((n - q_high * d_high) - q_high * d_low) - q_low * d_high) - q_low * d_low
}
