//! What the interface promises beside numbers: what is shared, shown, iterated and kept out of users' scope.

use lanegrad::{Element, Error, Isa, Rows, Storage};
use num_traits::Float;

/// Generic code may have another trait's functions of the same names: none of ours is in its way.
fn scope<S: Storage<T> + Float, T: Element + Float>(x: &[S], w: &[T]) -> Result<T, Error> {
    let z = lanegrad::dot(x, w)?;
    let e = T::exp(-z.abs());
    let (sigmoid, softplus) = (e / (T::one() + e), z.max(T::zero()) + e.ln_1p());
    let first = x[0].to_f64().and_then(T::from);
    Ok(first.unwrap_or_else(T::zero) + T::nearest(z.to_f64().unwrap_or(0.0)) + sigmoid + softplus)
}

#[test]
fn other_traits_of_numbers_are_not_shadowed() {
    // 1 + 0 + 1/2 + ln 2.
    let want = 1.5 + std::f64::consts::LN_2;
    assert!((f64::from(scope(&[1.0_f32, -1.0], &[2.0_f32, 2.0]).unwrap()) - want).abs() < 1e-6);
    assert!((scope(&[1.0_f64, -1.0], &[2.0_f64, 2.0]).unwrap() - want).abs() < 1e-15);
    assert!((scope(&[1.0_f32, -1.0], &[2.0_f64, 2.0]).unwrap() - want).abs() < 1e-15);
}

/// The value nearest to a number, half-way the even one; and the exact way back.
#[test]
fn numbers_of_an_element() {
    fn there_and_back<T: Element>(x: f64) -> f64 {
        T::nearest(x).into()
    }
    for x in [0.0, -0.0, 1.0, 0.1, 1e300, f64::MIN_POSITIVE, f64::from_bits(1), f64::INFINITY] {
        assert_eq!(there_and_back::<f64>(x).to_bits(), x.to_bits());
        assert_eq!(there_and_back::<f32>(x).to_bits(), f64::from(x as f32).to_bits());
    }
    let ulp = f64::from(f32::EPSILON);
    assert_eq!(there_and_back::<f32>(1.0 + 0.5 * ulp), 1.0);
    assert_eq!(there_and_back::<f32>(1.0 + 1.5 * ulp), 1.0 + 2.0 * ulp);
    assert!(there_and_back::<f32>(f64::NAN).is_nan());
}

#[test]
fn rows_are_iterated_from_both_ends() {
    let data: Vec<f32> = (0..11).map(|i| i as f32).collect();
    let rows = Rows::with_stride(&data, 4, 2, 3).unwrap();
    let want = [[0.0, 1.0], [3.0, 4.0], [6.0, 7.0], [9.0, 10.0]];

    let mut seen = Vec::new();
    for row in &rows {
        seen.push(row);
    }
    assert_eq!(seen, want);
    // By value too, as views are `Copy`.
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), want);
    assert_eq!(rows.iter().rev().collect::<Vec<_>>(), [want[3], want[2], want[1], want[0]]);
    assert_eq!(rows.iter().step_by(3).collect::<Vec<_>>(), [want[0], want[3]]);
    assert_eq!((rows.iter().nth(2), rows.iter().nth(4)), (Some(&want[2][..]), None));

    let mut from_both = rows.iter();
    assert_eq!(from_both.len(), 4);
    assert_eq!(from_both.next(), Some(&want[0][..]));
    assert_eq!(from_both.next_back(), Some(&want[3][..]));
    assert_eq!((from_both.len(), from_both.size_hint()), (2, (2, Some(2))));
    let other = from_both.clone();
    assert_eq!(from_both.next_back(), Some(&want[2][..]));
    assert_eq!(from_both.next(), Some(&want[1][..]));
    // At its end it stays there.
    for _ in 0..2 {
        assert_eq!((from_both.next(), from_both.next_back(), from_both.len()), (None, None, 0));
    }
    assert_eq!(other.collect::<Vec<_>>(), want[1..3]);

    // Rows without features are as many, and no rows are none.
    assert_eq!((&Rows::<f32>::new(&[], 5, 0).unwrap()).into_iter().len(), 5);
    assert_eq!((&Rows::<f32>::new(&[], 0, 5).unwrap()).into_iter().next_back(), None);
}

/// An instruction set is shared between threads, and compared, hashed and ordered.
#[test]
fn what_is_shared_between_threads() {
    fn shared<T: Send + Sync + Copy + Eq + Ord + std::hash::Hash + 'static>() {}
    shared::<Isa>();
    fn threads<T: Send + Sync + 'static>() {}
    threads::<Error>();
    threads::<Rows<'static, f64>>();
}

#[cfg(feature = "alloc")]
mod passes {
    use crate::support::{assert_same_bits, numbers};
    use lanegrad::{
        Batch, ColumnSums, Engine, Gradient, GradientStream, HessianDiagonal, HessianDiagonalStream,
        HessianProduct, HessianProductStream, Params, Place, Rows,
    };
    use std::fmt::Debug;

    /// Data that show where they are printed.
    const NUMBER: f32 = 12345.0;
    const ROWS: [f32; 6] = [NUMBER; 6];

    fn batch() -> Batch<'static, f32, f32> {
        Batch::new(Rows::new(&ROWS, 3, 2).unwrap(), &[1.0, 0.0, 1.0]).unwrap()
    }

    fn params() -> Params<'static, f32> {
        Params::new(&[NUMBER, -NUMBER], NUMBER)
    }

    #[test]
    fn an_engine_is_shared_between_threads() {
        fn shared<T: Send + Sync + Copy + 'static>() {}
        shared::<Engine>();
        assert!(size_of::<Engine>() <= 2 * size_of::<usize>());
        let engine = Engine::serial();
        let want = engine.loss_and_gradient(&batch(), params()).unwrap();
        std::thread::scope(|scope| {
            let pass = || engine.loss_and_gradient(&batch(), params()).unwrap();
            let threads = [scope.spawn(pass), scope.spawn(pass)];
            assert!(threads.map(|thread| thread.join().unwrap()).iter().all(|got| *got == want));
        });
    }

    /// Results, streams and sums go from thread to thread.
    #[test]
    fn what_goes_between_threads() {
        fn sent<T: Send + Sync>() {}
        sent::<Gradient>();
        sent::<HessianProduct>();
        sent::<ColumnSums>();
        sent::<GradientStream<f32, f64>>();
        sent::<HessianProductStream<f32, f64>>();
        sent::<HessianDiagonal>();
        sent::<HessianDiagonalStream<f32, f64>>();
        sent::<lanegrad::GradientSum>();
        sent::<lanegrad::PartialSum<HessianProduct>>();
    }

    #[track_caller]
    fn assert_prints_no_data(what: &impl Debug) {
        let text = format!("{what:?}");
        assert!(!text.contains("12345"), "{text}");
        assert!(text.len() < 400, "{text}");
    }

    #[test]
    fn views_streams_and_sums_print_no_data() {
        let view = batch().rows();
        assert_prints_no_data(&view);
        assert_prints_no_data(&view.iter());
        assert_prints_no_data(&batch());
        assert_prints_no_data(&batch().with_sample_weights(&[NUMBER; 3]).unwrap());
        assert_prints_no_data(&params());
        assert_prints_no_data(&Engine::new());

        let mut stream = GradientStream::new(Engine::serial(), params());
        let mut curved = HessianProductStream::new(Engine::serial(), params(), params()).unwrap();
        stream.push(&batch()).unwrap();
        curved.push(&batch()).unwrap();
        assert_prints_no_data(&stream);
        assert_prints_no_data(&curved);
        let (sum, curved) = (stream.into_sum(), curved.into_sum());
        assert_prints_no_data(&sum);
        assert_prints_no_data(&curved);
        // But for what tells one sum from another, and which rows it has.
        assert!(format!("{sum:?}").contains("Loss") && format!("{curved:?}").contains("Curvature"));
        assert!(format!("{sum:?}").contains("end_row: Some(3)"), "{sum:?}");
    }

    /// A result is its numbers: the memory that a pass works in is no part of a clone, of what is compared, and
    /// of what is printed.
    #[test]
    fn a_result_is_its_numbers() {
        let (mut gradient, mut product) = (Gradient::default(), HessianProduct::default());
        let engine = Engine::serial();
        engine.loss_and_gradient_into(&batch(), params(), &mut gradient).unwrap();
        engine.hessian_product_into(&batch(), params(), params(), &mut product).unwrap();
        assert_eq!(gradient.clone(), gradient);
        assert_eq!(product.clone(), product);
        assert_eq!(format!("{:?}", gradient.clone()), format!("{gradient:?}"));
        assert_eq!(format!("{:?}", product.clone()), format!("{product:?}"));

        // One that was never filled by a pass, of the same numbers.
        let mut made = Gradient::default();
        (made.loss, made.dw, made.db) = (gradient.loss, gradient.dw.clone(), gradient.db);
        assert_ne!(made, gradient);
        made.weight_sum = gradient.weight_sum;
        assert_eq!(made, gradient);
        // A clone works as well as the first.
        let mut again = gradient.clone();
        engine.loss_and_gradient_into(&batch(), params(), &mut again).unwrap();
        assert_same_bits(&numbers(&again), &numbers(&gradient), || "a clone, filled again".to_owned());
    }

    /// A penalty is that of the mean, whether it is added to the sums or to the mean.
    #[test]
    fn a_penalty_before_or_after_the_mean() {
        let data: Vec<f64> = (0..30).map(|i| f64::from(i % 7) / 4.0 - 0.7).collect();
        let labels: Vec<f64> = (0..10).map(|i| f64::from(i % 3) / 2.0).collect();
        let weights: Vec<f64> = (0..10).map(|i| f64::from(i % 4) * 0.3).collect();
        let batch = Batch::new(Rows::new(&data, 10, 3).unwrap(), &labels).unwrap();
        let params = Params::new(&[0.3, -1.7, 0.9], 0.2);
        let squares = 0.3 * 0.3 + 1.7 * 1.7 + 0.9 * 0.9;
        for batch in [batch, batch.with_sample_weights(&weights).unwrap()] {
            let engine = Engine::serial();
            let sums = engine.loss_and_gradient(&batch, params).unwrap();
            for lambda in [0.0, 0.125, 3.0] {
                let [mut before, mut after, mut mean] = [sums.clone(), sums.clone(), sums.clone()];
                before.add_l2_penalty(lambda, params).unwrap();
                before.average().unwrap();
                after.average().unwrap();
                after.add_l2_penalty(lambda, params).unwrap();
                mean.average().unwrap();
                assert_eq!(after.loss, mean.loss + 0.5 * lambda * squares, "lambda {lambda}");
                assert_eq!((after.db, after.weight_sum), (mean.db, 1.0));
                for (before, after) in numbers(&before).into_iter().zip(numbers(&after)) {
                    let rounding = 8.0 * f64::EPSILON * (after.abs() + lambda * squares);
                    assert!((before - after).abs() <= rounding, "lambda {lambda}: {before} and {after}");
                }
            }

            let sums = engine.hessian_product(&batch, params, params).unwrap();
            let [mut before, mut after, mut mean] = [sums.clone(), sums.clone(), sums];
            before.add_l2_penalty(0.125, params).unwrap();
            before.average().unwrap();
            after.average().unwrap();
            after.add_l2_penalty(0.125, params).unwrap();
            mean.average().unwrap();
            // The quadratic form has (λ/2) ‖v‖², and its gradient λ v.
            assert_eq!(after.half_quadratic_form, mean.half_quadratic_form + 0.0625 * squares);
            assert_eq!(after.by_weights[1], mean.by_weights[1] - 0.125 * 1.7);
            assert_eq!(after.by_bias, mean.by_bias);
            for (before, after) in numbers(&before).into_iter().zip(numbers(&after)) {
                assert!((before - after).abs() <= 8.0 * f64::EPSILON * (after.abs() + squares));
            }
        }
    }

    #[test]
    fn places_and_extents() {
        assert_eq!(Place::default(), Place::at_row(0));
        assert!(Place::at_row(511) < Place::at_row(512));
        assert_eq!(Place::at_row(u64::MAX).row(), u64::MAX);
        assert_eq!(lanegrad::Extent::of_rows(7).nrows(), 7);
    }

    /// Directions of another length are refused before a stream has a row.
    #[test]
    fn a_direction_of_another_length() {
        type Stream = HessianProductStream<f32, f32>;
        let short = Params::new(&[1.0_f32], 0.5);
        let names = ["weights", "direction.weights"];
        for (params, direction, lengths) in [(params(), short, [2, 1]), (short, params(), [1, 2])] {
            let error = lanegrad::Error::LengthMismatch { names, lengths };
            assert_eq!(Stream::new(Engine::serial(), params, direction).err(), Some(error.clone()));
            let place = Place::at_row(512);
            assert_eq!(
                Stream::starting_at(Engine::serial(), params, direction, place).err(),
                Some(error.clone())
            );
        }
        let stream = Stream::new(Engine::serial(), params(), params()).unwrap();
        assert_eq!(stream.nrows(), 0);
        assert_eq!(numbers(&stream.finish().unwrap()), [0.0; 5]);
    }
}

/// Results as text and as binary data.
#[cfg(feature = "serde")]
mod serialised {
    use lanegrad::{Batch, Engine, Gradient, HessianProduct, Params, Rows};
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use std::fmt::Debug;

    fn assert_survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(result: &T) {
        let text = serde_json::to_string(result).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *result, "{text}");
        let mut bytes = Vec::new();
        ciborium::into_writer(result, &mut bytes).unwrap();
        assert_eq!(ciborium::from_reader::<T, _>(&bytes[..]).unwrap(), *result, "{text}");
    }

    #[test]
    fn results_survive_serialisation() {
        let data: Vec<f64> = (0..60).map(|i| (f64::from(i) * 0.7).sin() / 3.0).collect();
        let labels: Vec<f64> = (0..20).map(|i| f64::from(i % 2)).collect();
        let batch = Batch::new(Rows::new(&data, 20, 3).unwrap(), &labels).unwrap();
        let params = Params::new(&[0.1, 0.2, -0.3], 0.7);
        let gradient = Engine::serial().loss_and_gradient(&batch, params).unwrap();
        let product = Engine::serial().hessian_product(&batch, params, params).unwrap();
        assert_survives(&gradient);
        assert_survives(&product);
        assert_survives(&Gradient::default());
        assert_survives(&HessianProduct::default());

        // Its public fields, and no other.
        let json = serde_json::to_value(&gradient).unwrap();
        let fields: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["db", "dw", "loss", "weight_sum"]);
        let json = serde_json::to_value(&product).unwrap();
        let fields: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["by_bias", "by_weights", "half_quadratic_form", "weight_sum"]);
    }

    /// Binary data hold what JSON cannot.
    #[test]
    fn numbers_that_are_not_finite_survive_as_binary_data() {
        let mut gradient = Gradient::default();
        gradient.dw = vec![f64::INFINITY, -0.0, f64::from_bits(1)];
        (gradient.loss, gradient.db) = (f64::NEG_INFINITY, f64::MAX);
        let mut bytes = Vec::new();
        ciborium::into_writer(&gradient, &mut bytes).unwrap();
        let got: Gradient = ciborium::from_reader(&bytes[..]).unwrap();
        assert_eq!(got, gradient);
        assert!(got.dw[1].is_sign_negative());
    }
}
