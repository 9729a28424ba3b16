//! What must hold between the results for related inputs, whatever their values are: properties, on random
//! cases of every shape.
#![cfg(feature = "alloc")]

mod support;

use lanegrad::{Batch, Engine, Gradient, GradientStream, Isa, Params, Rows, Storage, chunk_rows};
use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use support::{TestFloat, assert_same_bits, isas, numbers, rng, thin, uniform};

/// Rows with everything that a pass takes.
#[derive(Clone)]
struct Case<S, T> {
    cols: usize,
    x: Vec<S>,
    labels: Vec<T>,
    sample_weights: Vec<T>,
    weights: Vec<T>,
    bias: T,
}

impl<S: Storage<T> + TestFloat, T: TestFloat> Case<S, T> {
    /// Random numbers, labels of 0 or 1, and sample weights from 0 to 1.
    fn new(rng: &mut SmallRng, rows: usize, cols: usize) -> Self {
        // Logits of a few units at every width.
        let scale = T::from_f64(4.0 / (cols as f64 + 1.0).sqrt());
        Self {
            cols,
            x: (0..rows * cols).map(|_| uniform(rng)).collect(),
            labels: (0..rows).map(|_| T::from_f64(f64::from(u8::from(rng.random::<bool>())))).collect(),
            sample_weights: (0..rows)
                .map(|_| uniform::<T>(rng))
                .map(|s| if s < -s { -s } else { s })
                .collect(),
            weights: (0..cols).map(|_| scale * uniform(rng)).collect(),
            bias: uniform(rng),
        }
    }

    fn batch(&self) -> Batch<'_, S, T> {
        let rows = Rows::new(&self.x, self.labels.len(), self.cols).unwrap();
        Batch::new(rows, &self.labels).unwrap().with_sample_weights(&self.sample_weights).unwrap()
    }

    fn params(&self) -> Params<'_, T> {
        Params::new(&self.weights, self.bias)
    }

    fn logits(&self, isa: Isa) -> Vec<T> {
        let mut out = vec![T::NAN; self.labels.len()];
        Engine::serial().with_isa(isa).logits(self.batch().rows(), self.params(), &mut out).unwrap();
        out
    }

    fn gradient(&self, isa: Isa) -> Gradient {
        let mut out = Gradient::default();
        let mut engine = Engine::serial().with_isa(isa);
        engine.loss_and_gradient(&self.batch(), self.params(), &mut out).unwrap();
        out
    }

    /// The Hessian's product with the parameters.
    fn hessian_product(&self, isa: Isa) -> Gradient {
        let mut out = Gradient::default();
        let mut engine = Engine::serial().with_isa(isa);
        engine.hessian_product(&self.batch(), self.params(), self.params(), &mut out).unwrap();
        out
    }
}

/// Every form of row, and one and several chunks.
fn shapes<T: TestFloat>() -> impl Iterator<Item = (usize, usize)> {
    let widths = [0, 1, 2, 7, 8, 9, 16, 17, 31, 32, 33, 50, 64, 65, 100, 300, 2049, 4097];
    thin(widths.into_iter().flat_map(|cols| {
        let most = 3 * chunk_rows::<T>(cols) + 7;
        [1, 2, 5, 40, most]
            .into_iter()
            .filter(move |rows| rows * cols <= 300_000)
            .map(move |rows| (rows, cols))
    }))
}

/// Columns of X and w in another order: logits move by no more than their bound allows.
fn permuted_columns<S: Storage<T> + TestFloat, T: TestFloat>() {
    let rng = &mut rng(21);
    let mut moved = 0;
    for (rows, cols) in shapes::<T>() {
        let case = Case::<S, T>::new(rng, rows, cols);
        let mut order: Vec<usize> = (0..cols).collect();
        order.shuffle(rng);
        let mut other = case.clone();
        other.weights = order.iter().map(|&j| case.weights[j]).collect();
        other.x = (0..rows)
            .flat_map(|i| order.iter().map(move |&j| (i, j)))
            .map(|(i, j)| case.x[i * cols + j])
            .collect();

        // That of `dot`, with levels enough for every width here, and the addition of the bias.
        let roundings = 72.0 + 4.0 + 1.0;
        for isa in isas() {
            for (i, (z, other)) in case.logits(isa).iter().zip(other.logits(isa)).enumerate() {
                let row = &case.x[i * cols..][..cols];
                let products = row.iter().zip(&case.weights).map(|(x, w)| (x.to_f64() * w.to_f64()).abs());
                let bound = roundings * T::UNIT_ROUNDOFF * (products.sum::<f64>() + case.bias.to_f64().abs());
                let distance = (z.to_f64() - other.to_f64()).abs();
                assert!(distance <= 2.0 * bound, "row {i} of {rows} x {cols} on {isa}: {z} and {other}");
                moved += usize::from(distance > 0.0);
            }
        }
    }
    assert!(moved > 0, "another order of additions was meant to show in some logit");
}

#[test]
fn the_order_of_columns_moves_logits_within_their_bound() {
    permuted_columns::<f32, f32>();
    permuted_columns::<f64, f64>();
    permuted_columns::<f32, f64>();
}

/// Sample weights times a power of two: every sum is that many times as large, to the last bit.
fn scaled_weights<S: Storage<T> + TestFloat, T: TestFloat>() {
    let rng = &mut rng(22);
    for (rows, cols) in shapes::<T>() {
        let case = Case::<S, T>::new(rng, rows, cols);
        let factor = f64::powi(2.0, rng.random_range(-20..=20));
        let mut other = case.clone();
        other.sample_weights.iter_mut().for_each(|s| *s = *s * T::from_f64(factor));
        for isa in isas() {
            for pass in [Case::gradient, Case::hessian_product] {
                let want: Vec<f64> = numbers(&pass(&case, isa)).iter().map(|sum| factor * sum).collect();
                assert_same_bits(&numbers(&pass(&other, isa)), &want, || {
                    format!("{rows} x {cols} on {isa}, weights times {factor}")
                });
            }
        }
    }
}

#[test]
fn sample_weights_scale_sums_exactly() {
    scaled_weights::<f32, f32>();
    scaled_weights::<f64, f64>();
    scaled_weights::<f32, f64>();
}

/// A stream cut in two at every place.
fn cut_everywhere<S: Storage<T> + TestFloat, T: TestFloat>() {
    let rng = &mut rng(23);
    // Chunks of 64 rows.
    let (rows, cols) = (2 * 64 + 5, 1030);
    assert_eq!(chunk_rows::<T>(cols), 64);
    let case = Case::<S, T>::new(rng, rows, cols);
    for isa in isas() {
        let want = numbers(&case.gradient(isa));
        for cut in thin(0..=rows) {
            let mut stream = GradientStream::new(Engine::serial().with_isa(isa), case.params());
            for part in [0..cut, cut..rows] {
                stream.push(&case.batch().slice(part).unwrap()).unwrap();
            }
            assert_same_bits(&numbers(&stream.finish().unwrap()), &want, || {
                format!("{rows} x {cols} on {isa}, cut at {cut}")
            });
        }
    }
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    cut_everywhere::<f32, f32>();
    cut_everywhere::<f64, f64>();
    cut_everywhere::<f32, f64>();
}

/// Labels 0 and 1 exchanged, and the parameters negated: the same problem, so the same loss, and the
/// gradient negated.
fn flipped_labels<S: Storage<T> + TestFloat, T: TestFloat>() {
    let rng = &mut rng(24);
    for (rows, cols) in shapes::<T>() {
        let case = Case::<S, T>::new(rng, rows, cols);
        let mut other = case.clone();
        other.labels.iter_mut().for_each(|y| *y = T::from_f64(1.0) - *y);
        other.weights.iter_mut().for_each(|w| *w = -*w);
        other.bias = -case.bias;
        for isa in isas() {
            let (one, other) = (case.gradient(isa), other.gradient(isa));
            let context = |what| move || format!("{what} of {rows} x {cols} on {isa}");
            assert_same_bits(&[other.loss], &[one.loss], context("loss"));
            // A sum that is 0 has one sign.
            let negated = |x: f64| if x == 0.0 { x } else { -x };
            let [one, other] = [one, other].map(|gradient| [&gradient.dw[..], &[gradient.db]].concat());
            assert_same_bits(&other, &one.into_iter().map(negated).collect::<Vec<_>>(), context("gradient"));
        }
    }
}

#[test]
fn flipped_labels_have_the_same_loss() {
    flipped_labels::<f32, f32>();
    flipped_labels::<f64, f64>();
    flipped_labels::<f32, f64>();
}
