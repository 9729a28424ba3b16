//! What must hold between the results for related inputs, whatever their values are: properties, on random
//! cases of every shape.
use crate::support::{Data, Kind, Labels, Number, assert_same_bits, isas, numbers, rng, serial, thin};
use lanegrad::{Batch, Gradient, GradientStream, Isa, Params, Rows, Storage, chunk_rows};
use rand::RngExt;
use rand::seq::SliceRandom;

/// Hard labels, so that they can be flipped.
const KIND: Kind = Kind { labels: Labels::Hard, classes: false, offsets: false, ..Kind::PLAIN };

fn logits<S: Storage<T> + Number, T: Number>(data: &Data<S, T>, isa: Isa) -> Vec<T> {
    let mut out = vec![T::NAN; data.nrows()];
    serial(isa).logits(data.rows(), data.params(), &mut out).unwrap();
    out
}

fn gradient<S: Storage<T> + Number, T: Number>(data: &Data<S, T>, isa: Isa) -> Gradient {
    serial(isa).loss_and_gradient(&data.batch(), data.params()).unwrap()
}

/// All sums: of the loss, and of its curvature.
fn sums<S: Storage<T> + Number, T: Number>(data: &Data<S, T>, isa: Isa) -> Vec<f64> {
    let product = serial(isa).hessian_product(&data.batch(), data.params(), data.direction()).unwrap();
    [numbers(&gradient(data, isa)), numbers(&product)].concat()
}

/// Every form of row, and one and several chunks.
fn shapes<T: Number>() -> impl Iterator<Item = (usize, usize)> {
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
fn permuted_columns<S: Storage<T> + Number, T: Number>() {
    let rng = &mut rng(21);
    let mut moved = 0;
    for (rows, cols) in shapes::<T>() {
        let case = Data::<S, T>::random(rng, rows, cols, KIND);
        let mut order: Vec<usize> = (0..cols).collect();
        order.shuffle(rng);
        let mut other = case.clone();
        other.weights[0] = order.iter().map(|&j| case.weights[0][j]).collect();
        other.x = (0..rows)
            .flat_map(|i| order.iter().map(move |&j| (i, j)))
            .map(|(i, j)| case.x[i * cols + j])
            .collect();

        // That of `dot`, with levels enough for every width here, and the addition of the bias.
        let roundings = 72.0 + 4.0 + 1.0;
        for isa in isas() {
            for (i, (z, other)) in logits(&case, isa).iter().zip(logits(&other, isa)).enumerate() {
                let row = &case.x[i * cols..][..cols];
                let products = row.iter().zip(&case.weights[0]).map(|(x, w)| (x.to_f64() * w.to_f64()).abs());
                let bound =
                    roundings * T::UNIT_ROUNDOFF * (products.sum::<f64>() + case.biases[0].to_f64().abs());
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
fn scaled_weights<S: Storage<T> + Number, T: Number>() {
    let rng = &mut rng(22);
    for (rows, cols) in shapes::<T>() {
        let case = Data::<S, T>::random(rng, rows, cols, KIND);
        let factor = f64::powi(2.0, rng.random_range(-20..=20));
        let mut other = case.clone();
        let weights = other.sample_weights.iter_mut().flatten();
        weights.for_each(|s| *s = *s * T::nearest(factor));
        for isa in isas() {
            let want: Vec<f64> = sums(&case, isa).iter().map(|sum| factor * sum).collect();
            assert_same_bits(&sums(&other, isa), &want, || {
                format!("{rows} x {cols} on {isa}, weights times {factor}")
            });
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
fn cut_everywhere<S: Storage<T> + Number, T: Number>() {
    let rng = &mut rng(23);
    // Chunks of 64 rows.
    let (rows, cols) = (2 * 64 + 5, 1030);
    assert_eq!(chunk_rows::<T>(cols), 64);
    // The first batches have hard labels, the last ones soft labels among them.
    let mut case = Data::<S, T>::random(rng, rows, cols, KIND);
    case.labels[80..].iter_mut().step_by(3).for_each(|y| *y = T::nearest(rng.random()));
    for isa in isas() {
        let want = numbers(&gradient(&case, isa));
        for cut in thin(0..=rows) {
            let mut stream = GradientStream::new(serial(isa), case.params());
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
fn flipped_labels<S: Storage<T> + Number, T: Number>() {
    let rng = &mut rng(24);
    for (rows, cols) in shapes::<T>() {
        let case = Data::<S, T>::random(rng, rows, cols, KIND);
        let mut other = case.clone();
        other.labels.iter_mut().for_each(|y| *y = T::nearest(1.0) - *y);
        other.weights[0].iter_mut().for_each(|w| *w = -*w);
        other.biases[0] = -case.biases[0];
        for isa in isas() {
            let (one, other) = (gradient(&case, isa), gradient(&other, isa));
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

/// A pass makes of each row the loss and the residual that the functions alone make of its logit, in their bits,
/// wherever the row stands, with hard labels and soft ones side by side. The other rows add 0: they have a sample
/// weight of 0, or a label that is certain.
fn terms_of_functions<T: Number>() {
    let rng = &mut rng(25);
    let n = 4 * 16 + 16 + 5;
    let soft = |i: usize| [0.0, 1.0, 0.5, 1e-3, 1.0 - 1e-4][i % 5];
    let z: Vec<T> = (0..n).map(|_| T::nearest(rng.random_range(-30.0..30.0))).collect();
    let y: Vec<T> = (0..n).map(|i| T::nearest(soft(i))).collect();
    let [zero, one] = [0.0, 1.0].map(T::nearest);
    for isa in isas() {
        let (mut loss, mut residual) = (z.clone(), z.clone());
        isa.log_loss_in_place(&mut loss, &y).unwrap();
        isa.residual_in_place(&mut residual, &y).unwrap();
        for i in 0..n {
            let context = || format!("row {i} on {isa}, z = {}, y = {}", z[i], y[i]);
            let check = |x: &[T], y: &[T], weights: Option<&[T]>| {
                let batch = Batch::new(Rows::new(x, x.len(), 1).unwrap(), y).unwrap();
                let batch = weights.map_or(batch, |weights| batch.with_sample_weights(weights).unwrap());
                let sums =
                    serial(isa).loss_and_gradient(&batch, Params::new(&[one], zero)).expect("one feature");
                assert_same_bits(&[sums.loss, sums.db], &[loss[i].to_f64(), residual[i].to_f64()], context);
            };
            let weights: Vec<T> = (0..n).map(|j| if i == j { one } else { zero }).collect();
            check(&z, &y, Some(&weights));
            let certain = |x: &[T], rest: T| -> Vec<T> {
                x.iter().enumerate().map(|(j, &x)| if i == j { x } else { rest }).collect()
            };
            check(&certain(&z, T::nearest(-1e9)), &certain(&y, zero), None);
            check(&z[i..=i], &y[i..=i], None);
        }
    }
}

#[test]
fn a_pass_has_the_terms_of_the_functions() {
    terms_of_functions::<f32>();
    terms_of_functions::<f64>();
}
