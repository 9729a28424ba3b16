//! The kernels on slices: free functions on the best instruction set, and the same as methods of [`Isa`].
//!
//! They check lengths and call the loop; what is computed, and in which order, is in `math` and `pass`.

use crate::error::Error;
use crate::isa::Isa;
use crate::pass;
use crate::rows::{Element, Maps, Params, Passes, Rows, Storage};

/// The dot product `x[0] * w[0] + x[1] * w[1] + …`, on the best instruction set.
///
/// `x` and `w` have one length, from 0 (the sum is then +0). `f32` data may be summed in `f64`
/// arithmetic: `w` decides.
///
/// # Numeric contract
///
/// - On every fused instruction set the same bits, whatever the alignment.
/// - The error is at most `72 u Σ|x[i] w[i]|` in `f32` (u = 2^-24), whatever the length, and
///   `(72 + ceil(log2(n / 2048))) u Σ|x[i] w[i]|` in `f64` (u = 2^-53), to first order in u; and half
///   the least subnormal for each product that underflows. Leaf sums, of 4096 (`f32`) or 2048 (`f64`)
///   products, are made in `T`, and added up in `f64` as a tree.
/// - NaN and infinities follow IEEE arithmetic; which NaN comes out (its sign and payload) is unspecified. A
///   leaf sum that overflows is infinite, even if the whole sum would be finite, and two that overflow with
///   opposite signs make NaN.
///
/// # Errors
///
/// [`Error::LengthMismatch`].
///
/// # Examples
///
/// ```
/// let x = [1.0_f32, 2.0, 3.0];
/// assert_eq!(lanegrad::dot(&x, &[4.0_f32, 5.0, 6.0])?, 32.0);
/// assert_eq!(lanegrad::dot(&x, &[4.0_f64, 5.0, 6.0])?, 32.0); // `f32` data, `f64` arithmetic
/// assert!(lanegrad::dot(&x, &[1.0_f32]).is_err());
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn dot<S: Storage<T>, T: Element>(x: &[S], w: &[T]) -> Result<T, Error> {
    Isa::best().dot(x, w)
}

/// `y[i] += a * x[i]` ("a x plus y"), on the best instruction set.
///
/// `x` and `y` have one length, from 0. `f32` data may be added into `f64`: `y` decides.
///
/// # Numeric contract
///
/// On a fused instruction set `y[i]` becomes `a.mul_add(x[i], y[i])`, rounded once, so the bits are the same
/// on all of them. On an unfused one the product is rounded before it is added. Which NaN comes out (its sign
/// and payload) is unspecified.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `y` is then untouched.
///
/// # Examples
///
/// ```
/// let mut y = [1.0_f32, 1.0, 1.0];
/// lanegrad::axpy(2.0, &[1.0_f32, 2.0, 3.0], &mut y)?;
/// assert_eq!(y, [3.0, 5.0, 7.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn axpy<S: Storage<T>, T: Element>(a: T, x: &[S], y: &mut [T]) -> Result<(), Error> {
    Isa::best().axpy(a, x, y)
}

/// `out[i] = 1 / (1 + exp(-z[i]))`, the probability of a logit, on the best instruction set.
///
/// # Numeric contract
///
/// - On every fused instruction set the same bits, wherever an element stands.
/// - At most 1 ULP from the exact value, on an unfused instruction set too. The repository's `BENCHMARKS.md`
///   has the worst cases.
/// - In \[0, 1\], and monotone. This and the bound are proven over every `f32`, and tested on samples of
///   `f64`. Subnormal results are right: `sigmoid(-100.0_f32)` is 3.8e-44.
/// - sigmoid(-∞) = 0, sigmoid(∞) = 1, sigmoid(NaN) is NaN (of unspecified sign and payload).
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `out` is then untouched.
///
/// # Examples
///
/// ```
/// let mut p = [0.0_f32; 3];
/// lanegrad::sigmoid(&[0.0, -100.0, f32::INFINITY], &mut p)?;
/// assert_eq!(p, [0.5, 3.8e-44, 1.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn sigmoid<T: Element>(z: &[T], out: &mut [T]) -> Result<(), Error> {
    Isa::best().sigmoid(z, out)
}

/// `z[i] = 1 / (1 + exp(-z[i]))`: [`sigmoid()`] in place.
///
/// # Examples
///
/// ```
/// let mut z = [0.0_f64, f64::NEG_INFINITY];
/// lanegrad::sigmoid_in_place(&mut z);
/// assert_eq!(z, [0.5, 0.0]);
/// ```
#[inline]
pub fn sigmoid_in_place<T: Element>(z: &mut [T]) {
    Isa::best().sigmoid_in_place(z);
}

/// `out[i] = ln(1 + exp(z[i]))`, on the best instruction set.
///
/// # Numeric contract
///
/// That of [`sigmoid()`]: at most 1 ULP, monotone, subnormal results right, never negative.
/// softplus(-∞) = 0, softplus(∞) = ∞, softplus(NaN) is NaN.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `out` is then untouched.
///
/// # Examples
///
/// ```
/// let mut s = [0.0_f32; 3];
/// lanegrad::softplus(&[0.0, -100.0, 1000.0], &mut s)?;
/// assert_eq!(s, [std::f32::consts::LN_2, 3.8e-44, 1000.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn softplus<T: Element>(z: &[T], out: &mut [T]) -> Result<(), Error> {
    Isa::best().softplus(z, out)
}

/// `z[i] = ln(1 + exp(z[i]))`: [`softplus`] in place.
///
/// # Examples
///
/// ```
/// let mut z = [1000.0_f64, f64::NEG_INFINITY];
/// lanegrad::softplus_in_place(&mut z);
/// assert_eq!(z, [1000.0, 0.0]);
/// ```
#[inline]
pub fn softplus_in_place<T: Element>(z: &mut [T]) {
    Isa::best().softplus_in_place(z);
}

/// `out[i] = ln(sigmoid(z[i]))`, the logarithm of a logit's probability, on the best instruction set.
///
/// # Numeric contract
///
/// - The bits of [`softplus`] of -z, negated, and so its contract: on every fused instruction set the same bits,
///   at most 1 ULP from the exact value on any, monotone, subnormal results right.
/// - Never positive. log_sigmoid(-∞) = -∞, log_sigmoid(∞) = -0, log_sigmoid(NaN) is NaN.
/// - The other class has ln(1 - sigmoid(z)) = log_sigmoid(-z).
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `out` is then untouched.
///
/// # Examples
///
/// ```
/// let mut l = [0.0_f32; 3];
/// lanegrad::log_sigmoid(&[0.0, 100.0, -1000.0], &mut l)?;
/// assert_eq!(l, [-std::f32::consts::LN_2, -3.8e-44, -1000.0]); // the sigmoid of -1000 is 0
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn log_sigmoid<T: Element>(z: &[T], out: &mut [T]) -> Result<(), Error> {
    Isa::best().log_sigmoid(z, out)
}

/// `z[i] = ln(sigmoid(z[i]))`: [`log_sigmoid`] in place.
///
/// # Examples
///
/// ```
/// let mut z = [-1000.0_f64, f64::INFINITY];
/// lanegrad::log_sigmoid_in_place(&mut z);
/// assert_eq!(z, [-1000.0, -0.0]);
/// ```
#[inline]
pub fn log_sigmoid_in_place<T: Element>(z: &mut [T]) {
    Isa::best().log_sigmoid_in_place(z);
}

/// `out[i] = ln(p[i] / (1 - p[i]))`, the logit of a probability: the inverse of [`sigmoid()`]. On the best
/// instruction set.
///
/// # Numeric contract
///
/// - On every fused instruction set the same bits, wherever an element stands.
/// - At most 1 ULP from the exact value, on an unfused instruction set too. The repository's `BENCHMARKS.md`
///   has the worst cases.
/// - Monotone. This and the bound are proven over every `f32`, and tested on samples of `f64`. Where 1 - p is
///   exact, logit(1 - p) has the bits of -logit(p), but for p = 1/2.
/// - logit(0) = -∞, also of -0; logit(1/2) = +0; logit(1) = ∞. Outside \[0, 1\] and of NaN it is NaN (of
///   unspecified sign and payload).
///
/// Of p = sigmoid(z), logit(p) is within ulp(p) / (p (1 - p)) + ulp(z) of z, to first order: near p = 1, whose ULP is
/// large against 1 - p, that is some e^z ULP of 1. And sigmoid(logit(p)) is within p (1 - p) ulp(z) + ulp(p) of p.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `out` is then untouched.
///
/// # Examples
///
/// ```
/// let mut z = [0.0_f64; 4];
/// lanegrad::logit(&[0.5, 0.0, 1.0, 0.25], &mut z)?;
/// assert_eq!(z, [0.0, f64::NEG_INFINITY, f64::INFINITY, -1.0986122886681098]); // the last is -ln 3
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn logit<T: Element>(p: &[T], out: &mut [T]) -> Result<(), Error> {
    Isa::best().logit(p, out)
}

/// `p[i] = ln(p[i] / (1 - p[i]))`: [`logit()`] in place.
///
/// # Examples
///
/// ```
/// let mut p = [0.5_f32, 1e-45, 2.0];
/// lanegrad::logit_in_place(&mut p);
/// assert_eq!(p[..2], [0.0, -103.27893]);
/// assert!(p[2].is_nan());
/// ```
#[inline]
pub fn logit_in_place<T: Element>(p: &mut [T]) {
    Isa::best().logit_in_place(p);
}

/// `out[i] = softplus(z[i]) - y[i] z[i]`, the log-loss of a logit z and a label y in \[0, 1\], on the
/// best instruction set.
///
/// Equal to -(y ln a + (1 - y) ln(1 - a)) with a = sigmoid(z), and evaluated without the
/// cancellation of either form.
///
/// # Numeric contract
///
/// - On every fused instruction set the same bits. With y = 0 those of [`softplus`] of z, with y = 1
///   those of softplus of -z, and their bounds; for labels between, at most 3 ULP.
/// - Finite for every finite z, and never negative. An infinite z gives 0 on the right side of a label
///   of 0 or 1, and ∞ otherwise; a NaN in either input gives NaN.
/// - Labels outside \[0, 1\] are not checked; what they give is unspecified, and may be NaN.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `out` is then untouched.
///
/// # Examples
///
/// ```
/// let mut loss = [0.0_f64; 3];
/// lanegrad::log_loss(&[0.0, 50.0, f64::INFINITY], &[0.5, 0.0, 1.0], &mut loss)?;
/// assert_eq!(loss, [std::f64::consts::LN_2, 50.0, 0.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn log_loss<T: Element>(z: &[T], y: &[T], out: &mut [T]) -> Result<(), Error> {
    Isa::best().log_loss(z, y, out)
}

/// `z[i] = softplus(z[i]) - y[i] z[i]`: [`log_loss`] in place of the logits.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `z` is then untouched.
///
/// # Examples
///
/// ```
/// let mut z = [0.0_f64, 50.0];
/// lanegrad::log_loss_in_place(&mut z, &[1.0, 0.0])?;
/// assert_eq!(z, [std::f64::consts::LN_2, 50.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn log_loss_in_place<T: Element>(z: &mut [T], y: &[T]) -> Result<(), Error> {
    Isa::best().log_loss_in_place(z, y)
}

/// `out[i] = sigmoid(z[i]) - y[i]`, the residual of a logit z and a label y in \[0, 1\]: the derivative
/// of [`log_loss`] by the logit. On the best instruction set.
///
/// # Numeric contract
///
/// - On every fused instruction set the same bits. With y = 0 those of sigmoid(z), with y = 1 those of
///   -sigmoid(-z), so within 1 ULP however close the two are; for labels between, within 2 ULP of
///   max(sigmoid(z), y).
/// - A NaN in either input gives NaN. Labels outside \[0, 1\] are not checked; what they give is
///   unspecified, and may be NaN.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `out` is then untouched.
///
/// # Examples
///
/// ```
/// let mut r = [0.0_f64; 2];
/// lanegrad::residual(&[0.0, 80.0], &[0.0, 1.0], &mut r)?;
/// assert_eq!(r[0], 0.5);
/// assert!((r[1] / -(-80.0_f64).exp() - 1.0).abs() < 1e-15); // sigmoid(80) - 1.0 would be 0
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn residual<T: Element>(z: &[T], y: &[T], out: &mut [T]) -> Result<(), Error> {
    Isa::best().residual(z, y, out)
}

/// `z[i] = sigmoid(z[i]) - y[i]`: [`residual()`] in place of the logits.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `z` is then untouched.
///
/// # Examples
///
/// ```
/// let mut z = [0.0_f64, 0.0];
/// lanegrad::residual_in_place(&mut z, &[0.0, 1.0])?;
/// assert_eq!(z, [0.5, -0.5]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn residual_in_place<T: Element>(z: &mut [T], y: &[T]) -> Result<(), Error> {
    Isa::best().residual_in_place(z, y)
}

/// The kernels on a chosen instruction set. Each is the free function of the same name, with the
/// same contract.
impl Isa {
    /// [`dot`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    #[inline]
    pub fn dot<S: Storage<T>, T: Element>(self, x: &[S], w: &[T]) -> Result<T, Error> {
        Error::unless_same_length([("x", x.len()), ("w", w.len())])?;
        Ok(S::Passes::dot(self, x, w))
    }

    /// [`axpy`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `y` is then untouched.
    #[inline]
    pub fn axpy<S: Storage<T>, T: Element>(self, a: T, x: &[S], y: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("x", x.len()), ("y", y.len())])?;
        S::Passes::axpy(self, a, x, y);
        Ok(())
    }

    /// [`sigmoid()`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    #[inline]
    pub fn sigmoid<T: Element>(self, z: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("out", out.len())])?;
        T::Loops::sigmoid(self, z, out);
        Ok(())
    }

    /// [`sigmoid_in_place`] on this instruction set.
    #[inline]
    pub fn sigmoid_in_place<T: Element>(self, z: &mut [T]) {
        T::Loops::sigmoid_in_place(self, z);
    }

    /// [`softplus`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    #[inline]
    pub fn softplus<T: Element>(self, z: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("out", out.len())])?;
        T::Loops::softplus(self, z, out);
        Ok(())
    }

    /// [`softplus_in_place`] on this instruction set.
    #[inline]
    pub fn softplus_in_place<T: Element>(self, z: &mut [T]) {
        T::Loops::softplus_in_place(self, z);
    }

    /// [`log_sigmoid`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    #[inline]
    pub fn log_sigmoid<T: Element>(self, z: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("out", out.len())])?;
        T::Loops::log_sigmoid(self, z, out);
        Ok(())
    }

    /// [`log_sigmoid_in_place`] on this instruction set.
    #[inline]
    pub fn log_sigmoid_in_place<T: Element>(self, z: &mut [T]) {
        T::Loops::log_sigmoid_in_place(self, z);
    }

    /// [`logit()`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    #[inline]
    pub fn logit<T: Element>(self, p: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("p", p.len()), ("out", out.len())])?;
        T::Loops::logit(self, p, out);
        Ok(())
    }

    /// [`logit_in_place`] on this instruction set.
    #[inline]
    pub fn logit_in_place<T: Element>(self, p: &mut [T]) {
        T::Loops::logit_in_place(self, p);
    }

    /// [`log_loss`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    #[inline]
    pub fn log_loss<T: Element>(self, z: &[T], y: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len()), ("out", out.len())])?;
        T::Loops::log_loss(self, z, y, out);
        Ok(())
    }

    /// [`log_loss_in_place`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `z` is then untouched.
    #[inline]
    pub fn log_loss_in_place<T: Element>(self, z: &mut [T], y: &[T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len())])?;
        T::Loops::log_loss_in_place(self, z, y);
        Ok(())
    }

    /// [`residual()`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    #[inline]
    pub fn residual<T: Element>(self, z: &[T], y: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len()), ("out", out.len())])?;
        T::Loops::residual(self, z, y, out);
        Ok(())
    }

    /// [`residual_in_place`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `z` is then untouched.
    #[inline]
    pub fn residual_in_place<T: Element>(self, z: &mut [T], y: &[T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len())])?;
        T::Loops::residual_in_place(self, z, y);
        Ok(())
    }
}

/// Scores of rows on a chosen instruction set and the calling thread, also where there is no `Engine`, without the
/// feature `alloc`.
impl Isa {
    /// `out[i] = w·x[i] + b`, the logit of each row: with the contract of `Engine::logits`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a weight for each feature, or not a place in `out` for each row;
    /// `out` is then untouched.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Isa, Params, Rows};
    ///
    /// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0], 2, 2)?;
    /// let mut z = [0.0; 2];
    /// Isa::best().logits(rows, Params::new(&[0.5, -0.25], 1.0), &mut z)?;
    /// assert_eq!(z, [1.0, 1.5]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn logits<S: Storage<T>, T: Element>(
        self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        check_scoring([rows.ncols(), rows.nrows()], params, out)?;
        S::Passes::logits(self, rows, params, pass::source(&rows), out);
        Ok(())
    }

    /// `out[i] = sigmoid(w·x[i] + b)`, the probability of each row: with the contract of `Engine::predict_proba`.
    ///
    /// # Errors
    ///
    /// Those of [`Isa::logits`].
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Isa, Params, Rows};
    ///
    /// let mut p = [0.0];
    /// Isa::best().predict_proba(Rows::new(&[1.0_f64, 2.0], 1, 2)?, Params::new(&[0.5, -0.25], 0.0), &mut p)?;
    /// assert_eq!(p, [0.5]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn predict_proba<S: Storage<T>, T: Element>(
        self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        check_scoring([rows.ncols(), rows.nrows()], params, out)?;
        S::Passes::probabilities(self, rows, params, pass::source(&rows), out);
        Ok(())
    }
}

/// `Ok` where there is a weight for each feature, and a place in `out` for each row.
pub(crate) fn check_scoring<T>(
    [ncols, nrows]: [usize; 2],
    params: Params<'_, T>,
    out: &[T],
) -> Result<(), Error> {
    Error::unless_same_length([("features", ncols), ("weights", params.weights.len())])?;
    Error::unless_same_length([("rows", nrows), ("out", out.len())])
}
