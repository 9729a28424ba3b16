//! How far a pass may be from the exact sums: the bound that the documented contracts add up to.
//!
//! A term that is rounded k times on its way into a sum is off by at most γ(k) = k u / (1 - k u) of its
//! magnitude (Higham, Accuracy and Stability of Numerical Algorithms, 3.1). So, with S = Σ|x w| + |b| of a
//! row, d bounds the error of its logit:
//!
//! ```text
//! d  = γ(k) S                                       k: roundings of a product, and of adding b
//! ```
//!
//! A logit that is off by d moves what is computed from it. As |(ln σ')'| = |1 - 2σ| <= 1, the slope
//! σ' = σ(1 - σ) grows by at most the factor exp(d) on the way, so
//!
//! ```text
//! δr = d exp(d) σ'(z) + ULPs of the residual
//! δL = d (|r| + d exp(d) σ'(z)) + ULPs of the log-loss      because dL/dz = r
//! ```
//!
//! and a sum of s r x, whose terms are rounded k times each, is off by at most
//! Σ s |x| δr + γ(k) Σ s |x| (|r| + δr). The loss and the other sums go likewise.

use crate::support::{Data, Number, Sums, convert, numbers};
use lanegrad::Storage;
use lanegrad::reference::{self, Example};

/// Rows with everything that a pass takes, in `f64`: exactly what the types under test hold.
#[derive(Clone)]
pub(crate) struct Case {
    pub rows: usize,
    pub cols: usize,
    /// Row by row, without gaps.
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// What a row counts.
    pub s: Vec<f64>,
    /// What is added to a row's logit.
    pub offsets: Option<Vec<f64>>,
    pub w: Vec<f64>,
    pub b: f64,
    /// The direction.
    pub v: Vec<f64>,
    pub v_b: f64,
}

impl Case {
    pub(crate) fn of<S: Storage<T> + Number, T: Number>(data: &Data<S, T>) -> Self {
        let [w, v] = [&data.weights[0], &data.weights[1]].map(|weights| convert(weights));
        let [b, v_b] = data.biases.map(T::to_f64);
        let x = data.rows().iter().flatten().map(|x| x.to_f64()).collect();
        let (y, s) = (convert(&data.labels), convert(&data.counts()));
        let offsets = data.offsets.as_deref().map(convert);
        Self { rows: data.nrows(), cols: data.ncols, x, y, s, offsets, w, b, v, v_b }
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.cols..][..self.cols]
    }

    pub(crate) fn weight(&self, i: usize) -> f64 {
        self.s[i]
    }

    pub(crate) fn offset(&self, i: usize) -> f64 {
        self.offsets.as_ref().map_or(0.0, |offsets| offsets[i])
    }

    pub(crate) fn logit(&self, i: usize) -> f64 {
        reference::dot(self.row(i), &self.w) + self.b + self.offset(i)
    }

    /// The sums by `reference`, a few hundred rows at a time, so that its own error stays small.
    pub(crate) fn gradient(&self) -> Sums {
        let mut sums = Sums::zero(self.cols);
        for start in (0..self.rows).step_by(REFERENCE_ROWS) {
            let block = start..self.rows.min(start + REFERENCE_ROWS);
            let mut dw = vec![0.0; self.cols];
            let example = |i| {
                let (x, y) = (self.row(i), self.y[i]);
                Example { x, y, sample_weight: self.weight(i), offset: self.offset(i) }
            };
            let (loss, db) = reference::gradient(block.clone().map(example), &self.w, self.b, &mut dw);
            sums.value += loss;
            sums.by_bias += db;
            sums.weight_sum += block.map(|i| self.weight(i)).sum::<f64>();
            reference::axpy(1.0, &dw, &mut sums.by_weights);
        }
        sums
    }
}

const REFERENCE_ROWS: usize = 512;

/// How often a way to compute rounds.
#[derive(Clone, Copy)]
pub(crate) struct Arithmetic {
    /// Unit roundoff.
    pub u: f64,
    /// Half the least subnormal.
    pub half_least: f64,
    /// Roundings of a product of a logit.
    pub logit: f64,
    /// Errors of the residual, in ULP: for labels of 0 or 1, and for those between.
    pub residual: [f64; 2],
    /// Errors of the log-loss, likewise.
    pub loss: [f64; 2],
    /// Relative error of σ(z) σ(-z) times another number, in u.
    pub curvature: f64,
    /// Absolute error of σ(z) σ(-z), in u.
    pub cancellation: f64,
    /// Roundings of a row's term of the loss, of dL/db and of the weight sum.
    pub values: f64,
    /// Roundings of a row's term of dL/dw.
    pub entries: f64,
}

impl Arithmetic {
    /// What the documentation of `dot`, `sigmoid`, `residual`, `log_loss` and `loss_and_gradient` says.
    pub(crate) fn engine<T: Number>(cols: usize) -> Self {
        let wide = size_of::<T>() == 8;
        let levels = if wide { (cols as f64 / 2048.0).log2().ceil().max(0.0) } else { 0.0 };
        Self {
            u: T::UNIT_ROUNDOFF,
            half_least: T::HALF_LEAST,
            logit: 72.0 + levels + 1.0,
            residual: [1.0, 2.0],
            loss: [1.0, 3.0],
            // Two sigmoids of 1 ULP = 2 u, and two products.
            curvature: 6.0,
            cancellation: 0.0,
            values: if wide { 68.0 } else { 2.0 },
            entries: 514.0,
        }
    }

    /// The same on inputs that were rounded to T: an x and a w each once more.
    pub(crate) fn engine_on_rounded_inputs<T: Number>(cols: usize) -> Self {
        let engine = Self::engine::<T>(cols);
        Self { logit: engine.logit + 2.0, entries: engine.entries + 1.0, ..engine }
    }

    /// `reference`, as it is written: sums in order, and `exp` and `ln_1p` within 1 ULP.
    pub(crate) fn reference(case: &Case) -> Self {
        let sum = REFERENCE_ROWS.min(case.rows) as f64 + case.rows.div_ceil(REFERENCE_ROWS) as f64;
        Self {
            u: f64::UNIT_ROUNDOFF,
            half_least: f64::HALF_LEAST,
            logit: case.cols as f64 + 1.0,
            // exp 2 u, 1 + e, the quotient, 1 - y, the product, the difference: 7 u of |r|, or of both
            // terms where the label lies between.
            residual: [3.5, 7.0],
            // exp 2 u, ln_1p 2 u, the sum, 1 - y, the product, the sum.
            loss: [4.0, 4.0],
            curvature: 6.0,
            // 1 - a, from an a that is 4 u off.
            cancellation: 5.0,
            values: sum + 1.0,
            entries: sum + 2.0,
        }
    }

    fn gamma(&self, k: f64) -> f64 {
        k * self.u / (1.0 - k * self.u)
    }

    /// So many ULP of a number, or of the least subnormal.
    fn ulps(&self, n: f64, x: f64) -> f64 {
        2.0 * n * (self.u * x).max(self.half_least)
    }

    /// The error of row i's logit, of which an offset is one rounding more.
    pub(crate) fn logit_error(&self, case: &Case, i: usize) -> f64 {
        let d = self.product_error(case, i, &case.w, case.b);
        if case.offsets.is_none() { d } else { d + self.gamma(1.0) * (case.logit(i).abs() + d) }
    }

    /// The error of w·x + b of row i.
    fn product_error(&self, case: &Case, i: usize, w: &[f64], b: f64) -> f64 {
        let size: f64 = case.row(i).iter().zip(w).map(|(x, w)| (x * w).abs()).sum();
        self.gamma(self.logit) * (size + b.abs()) + case.cols as f64 * self.half_least
    }

    /// The error of row i's probability.
    pub(crate) fn probability_error(&self, case: &Case, i: usize) -> f64 {
        let (z, d) = (case.logit(i), self.logit_error(case, i));
        let moved = d * d.exp() * slope(z);
        moved + self.ulps(self.residual[0], reference::sigmoid(z) + moved)
    }

    /// The errors of the sums that `loss_and_gradient` makes.
    pub(crate) fn gradient_errors(&self, case: &Case) -> Sums {
        let term = |i: usize| {
            let (z, y) = (case.logit(i), case.y[i]);
            let d = self.logit_error(case, i);
            let (a, r) = (reference::sigmoid(z), reference::residual(z, y).abs());
            let loss = reference::log_loss(z, y);
            let moved = d * d.exp() * slope(z);
            let moved_loss = d * (r + moved);
            let kind = usize::from(y != 0.0 && y != 1.0);
            // ULPs of a residual between are those of the larger of a and y.
            let size = if kind == 0 { r } else { a.max(y) };
            Term {
                value: loss,
                value_error: moved_loss + self.ulps(self.loss[kind], loss + moved_loss),
                coefficient: r,
                coefficient_error: moved + self.ulps(self.residual[kind], size + moved),
            }
        };
        self.sums(case, term)
    }

    /// The errors of the sums that `hessian_product` makes with the direction. Each factor of h q q/2 lies within its
    /// own error, and the product is farthest off where all are largest.
    pub(crate) fn hessian_errors(&self, case: &Case) -> Sums {
        let (v, v_b) = (&case.v, case.v_b);
        let term = |i: usize| {
            let (z, q) = (case.logit(i), (reference::dot(case.row(i), v) + v_b).abs());
            let (d, h) = (self.logit_error(case, i), slope(z));
            let q_most = q + self.product_error(case, i, v, v_b);
            let h_most = (h + self.cancellation * self.u) * d.exp() * (1.0 + self.gamma(self.curvature));
            let tiny = 8.0 * self.half_least * (1.0 + q_most) * (1.0 + q_most);
            Term {
                value: 0.5 * h * q * q,
                // Halved and multiplied by q: two roundings more.
                value_error: 0.5 * (h_most * q_most * q_most * (1.0 + self.gamma(2.0)) - h * q * q) + tiny,
                coefficient: h * q,
                coefficient_error: h_most * q_most - h * q + tiny,
            }
        };
        self.sums(case, term)
    }

    /// The errors of the sums that `hessian_diagonal` makes, in `f64` but for h and s h.
    pub(crate) fn diagonal_errors(&self, case: &Case) -> Sums {
        let mut errors = Sums::zero(case.cols);
        for i in (0..case.rows).filter(|&i| case.weight(i) != 0.0) {
            let (d, h, s) = (self.logit_error(case, i), slope(case.logit(i)), case.weight(i));
            let h_most =
                (h + self.cancellation * self.u) * d.exp() * (1.0 + self.gamma(self.curvature + 1.0));
            let error = s * (h_most - h) + 2.0 * self.half_least * (1.0 + s);
            let sums = 516.0_f64.max(self.values) * f64::EPSILON;
            errors.by_bias += error + sums * s * h;
            errors.weight_sum += sums * s;
            for (sum, x) in errors.by_weights.iter_mut().zip(case.row(i)) {
                *sum += x * x * (error + sums * s * h);
            }
        }
        errors
    }

    fn sums(&self, case: &Case, term: impl Fn(usize) -> Term) -> Sums {
        let mut errors = Sums::zero(case.cols);
        for i in (0..case.rows).filter(|&i| case.weight(i) != 0.0) {
            let (s, term) = (case.weight(i), term(i));
            let sum = |k, size, error| error + self.gamma(k) * (size + error) + 2.0 * self.half_least;
            errors.value += sum(self.values, s * term.value, s * term.value_error);
            errors.by_bias += sum(self.values, s * term.coefficient, s * term.coefficient_error);
            errors.weight_sum += self.gamma(self.values) * s;
            for (error, x) in errors.by_weights.iter_mut().zip(case.row(i)) {
                let s = s * x.abs();
                *error += sum(self.entries, s * term.coefficient, s * term.coefficient_error);
            }
        }
        errors
    }
}

/// Magnitudes of what a row adds, and their errors.
struct Term {
    value: f64,
    value_error: f64,
    coefficient: f64,
    coefficient_error: f64,
}

/// σ' = σ(z) σ(-z).
fn slope(z: f64) -> f64 {
    reference::sigmoid(z) * reference::sigmoid(-z)
}

/// Fails where two sums differ by more than the errors allow. Returns the largest difference as a
/// fraction of what is allowed.
#[track_caller]
pub(crate) fn assert_within(
    got: impl Into<Sums>,
    want: &Sums,
    errors: &[Sums],
    context: impl Fn() -> String,
) -> f64 {
    let got = got.into();
    assert_eq!(got.by_weights.len(), want.by_weights.len(), "{}", context());
    let mut allowed = vec![0.0; got.by_weights.len() + 3];
    for errors in errors {
        reference::axpy(1.0, &numbers(errors), &mut allowed);
    }
    let mut worst: f64 = 0.0;
    for (i, ((got, want), allowed)) in numbers(&got).into_iter().zip(numbers(want)).zip(allowed).enumerate() {
        let error = (got - want).abs();
        let name = ["value", "by_bias", "weight_sum"]
            .get(i)
            .map_or_else(|| format!("by_weights[{}]", i - 3), |n| n.to_string());
        // Not `error > allowed`: a NaN is to fail too.
        assert!(error <= allowed, "{}: {name} is {got:e}, not {want:e}: {error:e} > {allowed:e}", context());
        if error > 0.0 {
            worst = worst.max(error / allowed);
        }
    }
    worst
}
