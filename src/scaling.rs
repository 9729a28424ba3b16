//! `Scaling`: columns of integers that stand for numbers, as a scale and an offset for each column.

use crate::error::Error;
use crate::rows::{Element, Params, Passes, Rows, Storage};
use crate::sum::{Gradient, HessianProduct};
use alloc::vec::Vec;

/// What the numbers of quantised columns stand for: `x = scale[j] q + offset[j]`.
///
/// A logit is linear in the features, so that nothing has to be dequantised: the scaling is folded into the parameters
/// before a pass over the rows of q, and out of the gradient after it:
///
/// ```text
/// w·x + b = w'·q + b'     w'[j] = scale[j] w[j]     b' = b + Σ offset[j] w[j]
/// dL/dw[j] = scale[j] dL/dw'[j] + offset[j] dL/db'
/// ```
///
/// Neither is part of a kernel, and both take a few operations for each feature, whatever the number of rows.
///
/// # Numeric contract
///
/// A scaled pass has the bits of the pass over q at the folded parameters, which are computed in `f64` and rounded once.
/// It does not have those of a pass over dequantised rows. By that rounding a logit moves by at most
/// u (|b'| + Σ |w'\[j\] q\[j\]|) to first order, with u the unit roundoff of the arithmetic, and by half the least subnormal
/// times |q\[j\]| for each weight that is subnormal; the error of [`dot`](crate::dot()) comes on top. So do, in `f64`
/// arithmetic, the roundings on the way to w' and b': one of a weight, and two of the bias for each feature.
///
/// A [`HessianDiagonal`](crate::HessianDiagonal) at folded parameters is that by the folded ones: it cannot be unfolded, as
/// Σ s h q\[j\] is not in it.
///
/// # Examples
///
/// ```
/// use lanegrad::{Batch, Engine, Params, Rows, Scaling};
///
/// // Four rows of two columns, as bytes: from 0 to 1 in steps of 1/255, and from -2 to 2.
/// let x = [0.0_f32, -2.0, 0.5, 2.0, 1.0, 0.7, 0.25, -0.1];
/// let rows = Rows::new(&x, 4, 2)?;
/// let scaling = Scaling::of_ranges::<u8>(&[[0.0, 1.0], [-2.0, 2.0]])?;
/// let mut q = [0_u8; 8];
/// scaling.quantize(rows, &mut q)?;
/// assert_eq!(q, [0, 0, 128, 255, 255, 172, 64, 121]);
///
/// let params = Params::new(&[0.5_f32, -0.25], 0.1);
/// let mut folded = [0.0_f32; 2];
/// let bias = scaling.fold(params, &mut folded)?;
/// let batch = Batch::new(Rows::new(&q, 4, 2)?, &[0.0_f32, 1.0, 1.0, 0.0])?;
/// let mut gradient = Engine::new().loss_and_gradient(&batch, Params::new(&folded, bias))?;
/// scaling.unfold_gradient(&mut gradient)?;
///
/// let exact = Engine::new().loss_and_gradient(&Batch::new(rows, batch.labels())?, params)?;
/// assert!((gradient.loss - exact.loss).abs() < 0.01 && (gradient.dw[1] - exact.dw[1]).abs() < 0.01);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    scales: Vec<f64>,
    offsets: Vec<f64>,
}

/// A type of integers that columns are quantised to: `i8` or `u8`.
///
/// Sealed.
pub trait Quantized: Copy + sealed::Sealed {
    /// The least number, as `f64`.
    #[doc(hidden)]
    const LEAST: f64;
    /// The greatest.
    #[doc(hidden)]
    const GREATEST: f64;

    /// The integer that `x` is, or the nearest there is.
    #[doc(hidden)]
    fn of(x: f64) -> Self;
}

mod sealed {
    #[expect(unnameable_types, reason = "what a sealed trait stands on")]
    pub trait Sealed {}
}

macro_rules! quantized {
    ($($q:ident),+) => {
        $(impl sealed::Sealed for $q {}

        impl Quantized for $q {
            const LEAST: f64 = $q::MIN as f64;
            const GREATEST: f64 = $q::MAX as f64;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $q
            }
        })+
    };
}
quantized!(i8, u8);

impl Scaling {
    /// Scales and offsets, one of each for a column.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; [`Error::Scale`] where one is not finite, or is 0; [`Error::Offset`] where one is not
    /// finite.
    pub fn new(scales: Vec<f64>, offsets: Vec<f64>) -> Result<Self, Error> {
        Error::unless_same_length([("scales", scales.len()), ("offsets", offsets.len())])?;
        if let Some(index) = scales.iter().position(|scale| !scale.is_finite() || *scale == 0.0) {
            return Err(Error::Scale { index, value: scales[index] });
        }
        if let Some(index) = offsets.iter().position(|offset| !offset.is_finite()) {
            return Err(Error::Offset { index, value: offsets[index] });
        }
        Ok(Self { scales, offsets })
    }

    /// The scaling that maps a range of each column, from its least to its greatest number, to all integers of `Q`. The
    /// scale is the 255th part of the range, and what is within it errs by at most half of that (and by roundings, where
    /// the range is a few ULPs of its ends, or smaller than 255 of the least normal number). A column of one number is
    /// exact.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnRange`] where a range ends before it starts, as of a column without rows, or is not of finite width.
    pub fn of_ranges<Q: Quantized>(ranges: &[[f64; 2]]) -> Result<Self, Error> {
        let (mut scales, mut offsets) = (Vec::with_capacity(ranges.len()), Vec::with_capacity(ranges.len()));
        for (column, &[low, high]) in ranges.iter().enumerate() {
            // Of two finite numbers the difference need not be finite.
            if !(low <= high && (high - low).is_finite()) {
                return Err(Error::ColumnRange { column, range: [low, high] });
            }
            let scale = ((high - low) / (Q::GREATEST - Q::LEAST)).max(f64::MIN_POSITIVE);
            let constant = low == high;
            scales.push(if constant { 1.0 } else { scale });
            // What the integer 0 stands for.
            offsets.push(if constant { low } else { low - Q::LEAST * scale });
        }
        Self::new(scales, offsets)
    }

    /// The number of columns.
    #[must_use]
    pub fn ncols(&self) -> usize {
        self.scales.len()
    }

    /// The scale of each column.
    #[must_use]
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// The offset of each column.
    #[must_use]
    pub fn offsets(&self) -> &[f64] {
        &self.offsets
    }

    /// Quantises rows: each number becomes the nearest integer to `(x - offset) / scale`, of two equally near ones the
    /// even one, and the least or the greatest of its type where that is beyond. (So `Q` is the type of
    /// [`of_ranges`](Self::of_ranges): half of another's integers would be beyond.) `out` has the rows one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a place for each number, or not a scale for each column;
    /// [`Error::NotANumber`] where one is NaN. `out` is then untouched.
    pub fn quantize<S: Storage<f64>, Q: Quantized>(
        &self,
        rows: Rows<'_, S>,
        out: &mut [Q],
    ) -> Result<(), Error> {
        let ncols = rows.ncols();
        Error::unless_same_length([("features", ncols), ("scales", self.scales.len())])?;
        // A product that overflows is no slice's length.
        Error::unless_same_length([("rows", rows.nrows().saturating_mul(ncols)), ("out", out.len())])?;
        refuse_nan(rows)?;
        for (row, out) in rows.iter().zip(out.chunks_mut(ncols.max(1))) {
            for (((x, out), scale), offset) in row.iter().zip(out).zip(&self.scales).zip(&self.offsets) {
                *out = quantized((S::Passes::convert(*x) - offset) / scale);
            }
        }
        Ok(())
    }

    /// Folds the scaling into parameters: writes the weights for q to `weights`, and returns the bias. `P` is the type of
    /// the parameters for x, which an optimiser has in `f64`, and `T` that of the pass.
    ///
    /// A direction of [`Engine::hessian_product`](crate::Engine::hessian_product) is folded likewise.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a weight for each column; `weights` are then untouched.
    pub fn fold<P: Element, T: Element>(&self, params: Params<'_, P>, weights: &mut [T]) -> Result<T, Error> {
        Error::unless_same_length([
            ("scales", self.scales.len()),
            ("params.weights", params.weights.len()),
            ("weights", weights.len()),
        ])?;
        let mut bias = params.bias.into();
        for (((out, &w), scale), offset) in
            weights.iter_mut().zip(params.weights).zip(&self.scales).zip(&self.offsets)
        {
            let w = w.into();
            *out = T::nearest(scale * w);
            bias += offset * w;
        }
        Ok(T::nearest(bias))
    }

    /// Makes the gradient by the folded parameters one by the parameters themselves. Before or after
    /// [`Gradient::average`], and before a penalty on these is added.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a derivative for each column; nothing is changed then.
    pub fn unfold_gradient(&self, gradient: &mut Gradient) -> Result<(), Error> {
        self.unfold(&mut gradient.dw, gradient.db)
    }

    /// Makes the Hessian's product with a folded direction that with the direction itself, likewise. The quadratic form is
    /// the same.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a number for each column; nothing is changed then.
    pub fn unfold_hessian_product(&self, product: &mut HessianProduct) -> Result<(), Error> {
        self.unfold(&mut product.by_weights, product.by_bias)
    }

    /// `by_weights[j] = scale[j] by_weights[j] + offset[j] by_bias`.
    fn unfold(&self, by_weights: &mut [f64], by_bias: f64) -> Result<(), Error> {
        Error::unless_same_length([("scales", self.scales.len()), ("features", by_weights.len())])?;
        for ((by_weight, scale), offset) in by_weights.iter_mut().zip(&self.scales).zip(&self.offsets) {
            *by_weight = scale * *by_weight + offset * by_bias;
        }
        Ok(())
    }
}

/// Extends the range of each column, `[least, greatest]`, by rows, a part of a data set at a time. That of no rows is
/// `[∞, -∞]`.
///
/// # Errors
///
/// [`Error::LengthMismatch`] where there is not a range for each column; [`Error::NotANumber`] where a number is NaN.
/// Ranges are then untouched.
///
/// # Examples
///
/// ```
/// use lanegrad::{Rows, extend_ranges};
///
/// let mut ranges = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
/// extend_ranges(Rows::new(&[1.0_f32, 2.0, 3.0, -4.0], 2, 2)?, &mut ranges)?;
/// extend_ranges(Rows::new(&[0.5_f32, 0.0], 1, 2)?, &mut ranges)?;
/// assert_eq!(ranges, [[0.5, 3.0], [-4.0, 2.0]]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn extend_ranges<S: Storage<f64>>(rows: Rows<'_, S>, ranges: &mut [[f64; 2]]) -> Result<(), Error> {
    Error::unless_same_length([("features", rows.ncols()), ("ranges", ranges.len())])?;
    refuse_nan(rows)?;
    for row in &rows {
        for ([low, high], &x) in ranges.iter_mut().zip(row) {
            let x = S::Passes::convert(x);
            *low = low.min(x);
            *high = high.max(x);
        }
    }
    Ok(())
}

/// `Ok` where no number is NaN.
fn refuse_nan<S: Storage<f64>>(rows: Rows<'_, S>) -> Result<(), Error> {
    for (row, numbers) in rows.iter().enumerate() {
        if let Some(column) = numbers.iter().position(|&x| S::Passes::convert(x).is_nan()) {
            return Err(Error::NotANumber { row, column });
        }
    }
    Ok(())
}

/// The integer nearest to `x`, which is no NaN.
fn quantized<Q: Quantized>(x: f64) -> Q {
    // 1.5 times 2^52: a sum with it is rounded to an integer, to the even one of two.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let x = x.clamp(Q::LEAST, Q::GREATEST);
    Q::of((x + SHIFT) - SHIFT)
}
