//! A whole fit of a small table: it ends within its passes, and either there is a model, all of whose numbers are
//! finite, or an error.
#![no_main]

use arbitrary::Arbitrary;
use lanegrad::{Batch, Rows, Storage};
use lanegrad_fit::{Ending, Fit, Model, Options, Warning, fit};
use lanegrad_fuzz::fixtures::{Number, many, rng};
use lanegrad_fuzz::{Types, for_types};
use libfuzzer_sys::fuzz_target;
use rand::RngExt;

/// The numbers of a column.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Column {
    /// About an offset, both of any magnitude.
    Spread {
        offset: f64,
        scale: f64,
    },
    /// About an offset of the size of people's data, in units of a thousandth.
    Usual {
        offset: i32,
        scale: u16,
    },
    Constant(f64),
    /// 0 and 1.
    Indicator,
    /// The same as the column before.
    Duplicate,
    /// Any bits, so that few are of one magnitude.
    Bits,
}

/// The sample weights.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Weights {
    None,
    /// 0, 1 and 2.
    Counts,
    /// Any magnitude.
    Scaled(f64),
}

#[derive(Arbitrary, Debug)]
struct Input {
    types: Types,
    seed: u64,
    nrows: u8,
    ncols: u8,
    columns: [Column; 4],
    /// The labels: all alike, by the first column, at random, or soft.
    labels: u8,
    weights: Weights,
    l2: u8,
    standardize: bool,
    tolerance: u8,
    max_iterations: u8,
}

fn check<S: Number + lanegrad_fit::Number + Storage<T>, T: Number + lanegrad_fit::Number>(input: &Input) {
    let rng = &mut rng(input.seed);
    let (nrows, ncols) = (usize::from(input.nrows % 65), usize::from(input.ncols % 5));
    let columns = &input.columns[..ncols];
    let mut x: Vec<S> = Vec::new();
    for _ in 0..nrows {
        for (j, column) in columns.iter().enumerate() {
            let u: f64 = rng.random_range(-1.0..1.0);
            let number = match *column {
                Column::Spread { offset, scale } => offset + scale * u,
                Column::Usual { offset, scale } => f64::from(offset) + f64::from(scale) / 1000.0 * u,
                Column::Constant(x) => x,
                Column::Indicator => f64::from(u8::from(u > 0.0)),
                Column::Duplicate => x.last().filter(|_| j > 0).map_or(u, |x| x.double()),
                Column::Bits => f64::from_bits(rng.random()),
            };
            x.push(S::nearest(number));
        }
    }
    let label = |i: usize, u: f64| match input.labels % 4 {
        0 => f64::from(input.labels % 8 / 4),
        1 => f64::from(u8::from(x.get(i * ncols).is_some_and(|x| x.double() > 0.0))),
        2 => f64::from(u8::from(u > 0.0)),
        _ => u.abs(),
    };
    let labels: Vec<T> = (0..nrows).map(|i| T::nearest(label(i, rng.random_range(-1.0..1.0)))).collect();
    let weights: Option<Vec<T>> = match input.weights {
        Weights::None => None,
        Weights::Counts => Some(many(nrows, || T::nearest(f64::from(rng.random_range(0..3))))),
        Weights::Scaled(scale) => {
            Some(many(nrows, || T::nearest((scale * rng.random_range(0.0..1.0)).abs())))
        }
    };
    let Ok(mut batch) = Rows::new(&x, nrows, ncols).and_then(|rows| Batch::new(rows, &labels)) else {
        panic!("labels between 0 and 1")
    };
    if let Some(weights) = &weights {
        // They may have overflowed.
        let Ok(weighted) = batch.with_sample_weights(weights) else { return };
        batch = weighted;
    }
    let mut options = Options::default();
    options.l2 = [0.0, 1e-300, 1e-6, 1e-3, 0.1, 1.0, 1e3, 1e300][usize::from(input.l2 % 8)];
    options.standardize = input.standardize;
    options.tolerance = [1e-6, 0.0, 1e-13, 1e-2][usize::from(input.tolerance % 4)];
    options.max_iterations = u64::from(input.max_iterations);

    let mut iterations = 0;
    let Ok(found) = fit(&batch, &options, |progress| iterations = progress.iteration) else { return };
    let Fit { weights, bias, loss, objective, gradient, passes, .. } = &found;
    assert!(iterations <= found.iterations && found.iterations <= options.max_iterations);
    assert!(*passes as u64 <= 1 + 20 * options.max_iterations, "{passes} passes");
    assert!([*bias, *loss, *objective, *gradient].iter().chain(weights).all(|x| x.is_finite()), "{found:?}");
    assert!(
        found.means.iter().all(|x| x.is_finite()) && found.scales.iter().all(|&x| x > 0.0 && x.is_finite())
    );
    assert_eq!(found.ending == Ending::Converged, *gradient <= options.tolerance);
    let metrics = found.metrics.expect("rows in memory");
    assert!(metrics.log_loss.is_finite() && (0.0..=1.0).contains(&metrics.accuracy), "{found:?}");
    assert!(metrics.auc.is_none_or(|auc| (0.0..=1.0).contains(&auc.value)), "{found:?}");
    // What is said of the classes is so.
    let counts = |i: usize| batch.sample_weights().map_or(1.0, |weights| weights[i].double());
    let has = |class: f64| (0..nrows).any(|i| counts(i) > 0.0 && labels[i].double() != 1.0 - class);
    assert_eq!(found.warnings.contains(&Warning::OneClass), !(has(0.0) && has(1.0)), "{found:?}");
    // A constant column counts for nothing.
    for (j, (weight, scale)) in weights.iter().zip(&found.scales).enumerate() {
        let mut counted = (0..nrows).filter(|&i| batch.sample_weights().is_none_or(|s| s[i].double() > 0.0));
        let first = counted.next().map(|i| x[i * ncols + j].double());
        if counted.all(|i| Some(x[i * ncols + j].double()) == first) {
            assert_eq!((*weight, *scale), (0.0, 1.0));
        }
    }
    let names = (0..ncols).map(|j| j.to_string()).collect();
    let model = Model::new(&found, &options, names).expect("as many names as weights");
    assert_eq!(Model::from_json(&model.to_json()).expect("what was written"), model);
}

fuzz_target!(|input: Input| for_types!(input.types, check(&input)));
