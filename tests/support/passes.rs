//! What the passes of an engine make of rows, as lists of numbers to compare. Shared like `fixtures`.

#![allow(dead_code, reason = "each program uses what it needs of this module")]
#![allow(unreachable_pub, reason = "the library of the fuzz targets passes it on, programs of tests do not")]

use super::fixtures::Number;
use lanegrad::{Batch, ColumnSums, Engine, Gradient, HessianDiagonal, HessianProduct, Isa, Params, Storage};

/// An engine on one thread.
pub fn serial(isa: Isa) -> Engine {
    Engine::serial().with_isa(isa)
}

/// The numbers of a finished sum, whatever was summed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// The loss, or half the quadratic form of the Hessian.
    pub value: f64,
    pub by_bias: f64,
    pub weight_sum: f64,
    pub by_weights: Vec<f64>,
}

impl Sums {
    /// A sum over no rows of `ncols` features.
    pub fn zero(ncols: usize) -> Self {
        Self { by_weights: vec![0.0; ncols], ..Self::default() }
    }
}

impl From<&Sums> for Sums {
    fn from(sums: &Sums) -> Self {
        sums.clone()
    }
}

impl From<&Gradient> for Sums {
    fn from(gradient: &Gradient) -> Self {
        let Gradient { loss, dw, db, weight_sum, .. } = gradient;
        Self { value: *loss, by_bias: *db, weight_sum: *weight_sum, by_weights: dw.clone() }
    }
}

impl From<&HessianProduct> for Sums {
    fn from(product: &HessianProduct) -> Self {
        let HessianProduct { by_weights, by_bias, half_quadratic_form, weight_sum, .. } = product;
        let (value, by_bias, weight_sum) = (*half_quadratic_form, *by_bias, *weight_sum);
        Self { value, by_bias, weight_sum, by_weights: by_weights.clone() }
    }
}

impl From<&HessianDiagonal> for Sums {
    fn from(diagonal: &HessianDiagonal) -> Self {
        let HessianDiagonal { by_weights, by_bias, weight_sum, .. } = diagonal;
        let (by_bias, weight_sum) = (*by_bias, *weight_sum);
        Self { value: 0.0, by_bias, weight_sum, by_weights: by_weights.clone() }
    }
}

impl From<&ColumnSums> for Sums {
    fn from(columns: &ColumnSums) -> Self {
        let ColumnSums { sums, weight_sum, .. } = columns;
        Self { weight_sum: *weight_sum, by_weights: sums.clone(), ..Self::default() }
    }
}

/// The weights of parameters as centres of columns.
pub fn centres<T: Number>(params: Params<'_, T>) -> Vec<f64> {
    params.weights.iter().map(|w| w.to_f64()).collect()
}

/// All numbers of a finished sum.
pub fn numbers(sums: impl Into<Sums>) -> Vec<f64> {
    let Sums { value, by_bias, weight_sum, by_weights } = sums.into();
    [&[value, by_bias, weight_sum], &by_weights[..]].concat()
}

/// All sums over a batch, one after the other.
pub fn sums<S: Storage<T>, T: Number>(
    engine: Engine,
    batch: &Batch<'_, S, T>,
    [params, direction]: [Params<'_, T>; 2],
) -> Vec<f64> {
    let mut all = numbers(&engine.loss_and_gradient(batch, params).expect("a valid batch"));
    all.extend(numbers(&engine.hessian_product(batch, params, direction).expect("a valid batch")));
    all.extend(numbers(&engine.hessian_diagonal(batch, params).expect("a valid batch")));
    let centres = centres(direction);
    all.extend(numbers(&engine.deviations(batch, &centres).expect("a valid batch")));
    all.extend(numbers(&engine.squared_deviations(batch, &centres).expect("a valid batch")));
    all
}

/// The logits and the probabilities of the rows of a batch.
pub fn scores_of<S: Storage<T>, T: Number>(
    engine: Engine,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
) -> Vec<f64> {
    let mut out = vec![T::NAN; 2 * batch.nrows()];
    let (logits, probabilities) = out.split_at_mut(batch.nrows());
    engine.logits_of(batch, params, logits).expect("a place for each row");
    engine.predict_proba_of(batch, params, probabilities).expect("a place for each row");
    out.iter().map(|x| x.to_f64()).collect()
}

/// All that an engine makes of a batch, one after the other; an `f32` as `f64` keeps its value and sign.
pub fn passes<S: Storage<T>, T: Number>(
    engine: Engine,
    batch: &Batch<'_, S, T>,
    params_and_direction: [Params<'_, T>; 2],
) -> Vec<f64> {
    let [params, _] = params_and_direction;
    let mut all = sums(engine, batch, params_and_direction);
    all.extend(scores_of(engine, batch, params));
    let mut out = vec![T::NAN; batch.rows().nrows()];
    engine.logits(batch.rows(), params, &mut out).expect("a place for each row");
    all.extend(out.iter().map(|x| x.to_f64()));
    engine.predict_proba(batch.rows(), params, &mut out).expect("a place for each row");
    all.extend(out.iter().map(|x| x.to_f64()));
    if let Some(offsets) = batch.offsets() {
        engine.logits_with_offsets(batch.rows(), params, offsets, &mut out).expect("a place for each row");
        all.extend(out.iter().map(|x| x.to_f64()));
        engine
            .predict_proba_with_offsets(batch.rows(), params, offsets, &mut out)
            .expect("a place for each row");
        all.extend(out.iter().map(|x| x.to_f64()));
    }
    all
}

/// The totals of segments, added in pairs, level by level; one without rows adds nothing.
pub fn by_definition(totals: Vec<Option<Vec<f64>>>) -> Option<Vec<f64>> {
    let add = |a: Option<Vec<f64>>, b: Option<Vec<f64>>| match (a, b) {
        (Some(a), Some(b)) => Some(a.iter().zip(&b).map(|(a, b)| a + b).collect()),
        (a, b) => a.or(b),
    };
    let mut level = totals;
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| pair.iter().cloned().reduce(add).expect("one or two")).collect();
    }
    level.pop().flatten()
}
