//! Quantised columns: a scaled pass is the pass over the integers at folded parameters, and near that over dequantised
//! rows, within the bound that is stated.

use crate::support::{Number, assert_same_bits, fewer, many, numbers, rng, serial, uniform};
use lanegrad::{Batch, Error, Gradient, Isa, Params, Quantized, Rows, Scaling, Storage, extend_ranges};
use rand::RngExt;

/// The integer nearest to `x`, by the slow obvious way: the one of least distance, and of two the even one.
fn nearest(x: f64, least: i32, greatest: i32) -> i32 {
    let mut best = least;
    for q in least..=greatest {
        let [distance, of_best] = [q, best].map(|q| (x - f64::from(q)).abs());
        if distance < of_best || (distance == of_best && q % 2 == 0) {
            best = q;
        }
    }
    best
}

fn check_quantize<Q: Quantized + Into<i32> + Default>(least: i32, greatest: i32) {
    let halves = (2 * least - 7..=2 * greatest + 7).map(|x| f64::from(x) / 2.0);
    let x: Vec<f64> = halves.chain([1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324]).collect();
    let mut q = vec![Q::default(); x.len()];
    let scaling = Scaling::new(vec![1.0], vec![0.0]).unwrap();
    scaling.quantize(Rows::new(&x, x.len(), 1).unwrap(), &mut q).unwrap();
    for (&x, q) in x.iter().zip(q) {
        let finite = x.clamp(-1e9, 1e9);
        assert_eq!(q.into(), nearest(finite, least, greatest), "{x}");
    }
}

#[test]
fn numbers_become_the_nearest_integers() {
    check_quantize::<i8>(-128, 127);
    check_quantize::<u8>(0, 255);
}

/// Ranges of any size are mapped to all integers, ends to ends, and what is within errs by half a step.
fn check_ranges<Q: Quantized + Into<i32> + Default>(least: i32, greatest: i32) {
    let rng = &mut rng(1);
    for _ in 0..fewer(2000) {
        let size = f64::from(rng.random_range(-1000..1000)).exp2();
        let low = size * uniform::<f64>(rng);
        let high = low + size * rng.random_range(0.0..2.0);
        let (mut x, mut range) =
            (many(20, || rng.random_range(low..=high)), [[f64::INFINITY, f64::NEG_INFINITY]]);
        x.extend([low, high]);
        let rows = Rows::new(&x, x.len(), 1).unwrap();
        extend_ranges(rows, &mut range).unwrap();
        assert_eq!(range, [[low, high]]);

        let scaling = Scaling::of_ranges::<Q>(&range).unwrap();
        let mut q = vec![Q::default(); x.len()];
        scaling.quantize(rows, &mut q).unwrap();
        let (scale, offset) = (scaling.scales()[0], scaling.offsets()[0]);
        for (&x, &q) in x.iter().zip(&q) {
            let back = scale * f64::from(q.into()) + offset;
            // Half a step, and the roundings of the ends.
            let bound = 0.5 * scale + 1e-13 * (low.abs() + high.abs());
            assert!((back - x).abs() <= bound || low == high && back == x, "{x} of {low} to {high}: {back}");
        }
        if low < high {
            assert_eq!([q[20], q[21]].map(Into::into), [least, greatest], "{low} to {high}");
        }
    }
}

#[test]
fn ranges_are_mapped_to_all_integers() {
    check_ranges::<i8>(-128, 127);
    check_ranges::<u8>(0, 255);
}

/// A range as wide as numbers go, one number, and numbers so small that a scale for them would be none.
fn check_extremes<Q: Quantized + Into<i32> + Default>() {
    let half = f64::MAX / 4.0;
    let scaling = Scaling::of_ranges::<Q>(&[[-half, half], [3.5, 3.5], [0.0, 5e-324]]).unwrap();
    let (x, mut q) = ([-half, 3.5, 5e-324, half, 3.5, 0.0, half / 2.0, 3.5, 0.0], [Q::default(); 9]);
    scaling.quantize(Rows::new(&x, 3, 3).unwrap(), &mut q).unwrap();
    for ((x, q), column) in x.iter().zip(q).zip((0..3).cycle()) {
        let (scale, offset) = (scaling.scales()[column], scaling.offsets()[column]);
        let error = (scale * f64::from(q.into()) + offset - x).abs();
        let bound = [half / 255.0 * 1.001, 0.0, 255.0 * f64::MIN_POSITIVE][column];
        assert!(error <= bound, "{x} of column {column}: {error:e}");
    }
}

#[test]
fn extreme_ranges_are_quantised() {
    check_extremes::<i8>();
    check_extremes::<u8>();
}

/// The scaled pass against formulas in `f64` on dequantised rows, and logits within their bound.
fn check_pass<T: Number>()
where
    u8: Storage<T>,
{
    let rng = &mut rng(2);
    for (rows, cols) in [(1, 1), (7, 3), (50, 20), (33, 70), (9, 300)] {
        let q: Vec<u8> = many(rows * cols, || rng.random());
        let scales: Vec<f64> =
            many(cols, || f64::from(rng.random_range(-12..4)).exp2() * rng.random_range(1.0..2.0));
        let offsets: Vec<f64> = many(cols, || rng.random_range(-2.0..2.0));
        let x: Vec<f64> =
            q.iter().enumerate().map(|(i, &q)| scales[i % cols] * f64::from(q) + offsets[i % cols]).collect();
        let labels: Vec<T> = many(rows, || T::nearest(rng.random_range(0.0..1.0)));
        let [w, v]: [Vec<f64>; 2] =
            [(); 2].map(|()| many(cols, || rng.random_range(-1.0..1.0) / (cols as f64)));
        let (params, direction) = (Params::new(&w, 0.25), Params::new(&v, -0.5));

        let scaling = Scaling::new(scales, offsets).unwrap();
        let mut folded = [(); 2].map(|()| vec![T::nearest(0.0); cols]);
        let bias = scaling.fold(params, &mut folded[0]).unwrap();
        let bias_of_direction = scaling.fold(direction, &mut folded[1]).unwrap();
        let at = [Params::new(&folded[0], bias), Params::new(&folded[1], bias_of_direction)];
        let engine = serial(Isa::best());
        let batch = Batch::new(Rows::new(&q, rows, cols).unwrap(), &labels).unwrap();

        // Logits of dequantised rows, and those at the folded parameters without an error of `dot`: what these parameters
        // move them by.
        let mut logits = vec![T::nearest(0.0); rows];
        engine.logits(batch.rows(), at[0], &mut logits).unwrap();
        let u = T::UNIT_ROUNDOFF;
        for (i, z) in logits.iter().enumerate() {
            let (x, q) = (&x[i * cols..][..cols], &q[i * cols..][..cols]);
            let products = || folded[0].iter().zip(q).map(|(w, q)| w.to_f64() * f64::from(*q));
            let size = bias.to_f64().abs() + products().map(f64::abs).sum::<f64>();
            let exact = x.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>() + 0.25;
            let moved = (products().sum::<f64>() + bias.to_f64() - exact).abs();
            // Sums in `f64` err too, by the number of terms.
            let in_f64 = 4.0 * cols as f64 * f64::UNIT_ROUNDOFF * (size + 10.0);
            assert!(moved <= u * size + in_f64, "{rows} x {cols}, row {i}: {moved:e} of {size}");
            let error = (z.to_f64() - exact).abs();
            assert!(error <= 80.0 * u * size + in_f64, "{rows} x {cols}, row {i}: {z} and {exact}");
        }

        // Derivatives by the parameters themselves: those of a pass over dequantised rows, in `f64`.
        let soft: Vec<f64> = labels.iter().map(|y| y.to_f64()).collect();
        let dequantised = Batch::new(Rows::new(&x, rows, cols).unwrap(), &soft).unwrap();
        let mut gradient = engine.loss_and_gradient(&batch, at[0]).unwrap();
        scaling.unfold_gradient(&mut gradient).unwrap();
        let mut product = engine.hessian_product(&batch, at[0], at[1]).unwrap();
        scaling.unfold_hessian_product(&mut product).unwrap();
        let got = [numbers(&gradient), numbers(&product)].concat();
        let want = [
            numbers(&engine.loss_and_gradient(&dequantised, params).unwrap()),
            numbers(&engine.hessian_product(&dequantised, params, direction).unwrap()),
        ]
        .concat();
        let size = rows as f64 * 1000.0;
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!((got - want).abs() <= 200.0 * u * size, "{rows} x {cols}, number {i}: {got} and {want}");
        }
    }
}

#[test]
fn a_scaled_pass_is_near_that_over_dequantised_rows() {
    check_pass::<f32>();
    check_pass::<f64>();
}

/// Folded in `f64` and rounded once: offsets that cancel each other leave what `f32` would have lost on the way.
#[test]
fn folding_rounds_once() {
    let small = 1e-9;
    let scaling = Scaling::new(vec![0.1, -2.0], vec![1e8, -1e8]).unwrap();
    let mut folded = [0.0_f32; 2];
    let bias = scaling.fold(Params::new(&[1.0, 1.0 + small], 0.5), &mut folded).unwrap();
    assert_same_bits(&folded, &[0.1, (-2.0 * (1.0 + small)) as f32], || "weights".to_owned());
    assert!((bias - 0.4).abs() < 1e-6, "{bias}");
}

#[test]
fn bad_input_is_refused() {
    let message = |error: Error| error.to_string();
    let new =
        |scales: &[f64], offsets: &[f64]| Scaling::new(scales.to_vec(), offsets.to_vec()).map_err(message);
    assert_eq!(new(&[1.0], &[]).unwrap_err(), "lengths disagree: `scales` has 1 elements, `offsets` has 0");
    assert_eq!(
        new(&[1.0, 0.0], &[0.0; 2]).unwrap_err(),
        "`scales[1]` is 0, which is not a finite number other than 0"
    );
    for value in [f64::NAN, f64::INFINITY, -0.0] {
        assert!(new(&[value], &[0.0]).is_err());
    }
    assert_eq!(new(&[1.0], &[f64::NAN]).unwrap_err(), "`offsets[0]` is NaN, which is not a finite number");

    let endless = [f64::INFINITY, f64::NEG_INFINITY];
    for range in [[1.0, 0.0], [f64::NAN, 0.0], [0.0, f64::INFINITY], endless, [-f64::MAX, f64::MAX]] {
        let error = Scaling::of_ranges::<i8>(&[[0.0, 1.0], range]).unwrap_err();
        assert!(matches!(error, Error::ColumnRange { column: 1, .. }), "{error}");
    }

    let scaling = new(&[1.0, 2.0], &[0.0, 0.5]).unwrap();
    let rows = Rows::new(&[1.0_f32, 2.0, f32::NAN, 4.0], 2, 2).unwrap();
    let mut q = [7_i8; 4];
    let error = scaling.quantize(rows, &mut q).map_err(message).unwrap_err();
    assert_eq!(error, "the number of row 1, column 0 is NaN");
    let mut ranges = [[1.0, 2.0]; 2];
    assert!(extend_ranges(rows, &mut ranges).is_err() && extend_ranges(rows, &mut ranges[..1]).is_err());
    assert_eq!((q, ranges), ([7; 4], [[1.0, 2.0]; 2]));
    assert!(scaling.quantize(rows.slice(0..1).unwrap(), &mut q).is_err());
    assert!(scaling.quantize(Rows::new(&[1.0_f32; 3], 1, 3).unwrap(), &mut q[..3]).is_err());

    let mut weights = [9.0_f32; 2];
    assert!(scaling.fold(Params::new(&[1.0_f64], 0.0), &mut weights).is_err());
    assert!(scaling.fold(Params::new(&[1.0_f64; 2], 0.0), &mut weights[..1]).is_err());
    assert_eq!(weights, [9.0; 2]);
    let mut gradient = Gradient::default();
    gradient.dw = vec![1.0; 3];
    assert!(scaling.unfold_gradient(&mut gradient).is_err());
    assert_eq!(gradient.dw, [1.0; 3]);
}
