//! What a batch has beside rows and labels: weights of classes count as sample weights, and offsets as a bias of each
//! row, to the bit; gathered rows are their copies; and labels as other programs hold them.

use lanegrad::{Error, labels};

#[cfg(feature = "alloc")]
mod passes {
    use crate::support::{
        Data, Kind, Labels, Number, assert_same_bits, isas, many, numbers, passes, rng, scores_of, serial,
        sums, thin,
    };
    use lanegrad::{Batch, Engine, GradientStream, Params, Rows, Storage};
    use rand::RngExt;

    const WIDTHS: [usize; 9] = [0, 1, 4, 8, 16, 30, 64, 100, 300];

    fn check_class_weights<S: Storage<T> + Number, T: Number>() {
        for cols in thin(WIDTHS) {
            for weighted in [false, true] {
                for labels in [Labels::Hard, Labels::Both] {
                    let kind = Kind { weighted, labels, ..Kind::PLAIN };
                    let data = Data::<S, T>::of_shape(700, cols, kind);
                    let counts = data.counts();
                    let by_row = Data { sample_weights: Some(counts), class_weights: None, ..data.clone() };
                    for isa in isas() {
                        let want = passes(serial(isa), &by_row.batch(), data.both());
                        let got = passes(serial(isa), &data.batch(), data.both());
                        assert_same_bits(&got, &want, || format!("{cols} columns on {isa}, {kind:?}"));
                    }
                }
            }
        }
    }

    /// A row counts by the weight of its label, as if that were its sample weight, also between 0 and 1.
    #[test]
    fn weights_of_classes_are_sample_weights() {
        check_class_weights::<f32, f32>();
        check_class_weights::<f64, f64>();
        check_class_weights::<f32, f64>();
    }

    /// Rows of a class of weight 0 do not count, whatever they and their offsets hold, in a pass or a stream, whose
    /// batches may differ in the weights of their classes.
    #[test]
    fn rows_of_a_class_of_weight_0_add_nothing() {
        for cols in thin(WIDTHS) {
            let kind = Kind { labels: Labels::Hard, weighted: false, ..Kind::PLAIN };
            let mut data =
                Data::<f32, f32> { class_weights: Some([0.0, 2.0]), ..Data::of_shape(700, cols, kind) };
            let params = data.params().weights.to_vec();
            let params = Params::new(&params, 0.5);
            for isa in isas() {
                let want = serial(isa).loss_and_gradient(&data.batch(), params).unwrap();
                assert_eq!(want.weight_sum, 2.0 * data.labels.iter().sum::<f32>() as f64);
                for (i, &y) in data.labels.iter().enumerate().filter(|(_, y)| **y == 0.0) {
                    assert_eq!(y, 0.0);
                    data.x[i * cols..][..cols].fill(f32::NAN);
                    data.offsets.as_mut().unwrap()[i] = f32::MAX;
                }
                let batch = data.batch();
                let got = serial(isa).loss_and_gradient(&batch, params).unwrap();
                assert_same_bits(&numbers(&got), &numbers(&want), || format!("{cols} columns on {isa}"));

                let by_row: Vec<f32> = batch.row_weights().collect();
                let mut stream = GradientStream::new(serial(isa), params);
                stream.push(&batch.slice(0..330).unwrap()).unwrap();
                let unweighted = data.unweighted().with_offsets(batch.offsets().unwrap()).unwrap();
                let rest = unweighted.with_sample_weights(&by_row).unwrap().slice(330..700).unwrap();
                stream.push(&rest).unwrap();
                let got = stream.finish().unwrap();
                assert_same_bits(&numbers(&got), &numbers(&want), || {
                    format!("streamed, {cols} columns on {isa}")
                });
            }
        }
    }

    /// The sums of all passes over a batch, and of a stream that is given it in three parts.
    fn streamed_too<S: Storage<T>, T: Number>(
        engine: Engine,
        batch: &Batch<'_, S, T>,
        params: [Params<'_, T>; 2],
    ) -> Vec<f64> {
        let mut all = sums(engine, batch, params);
        all.extend(scores_of(engine, batch, params[0]));
        let mut stream = GradientStream::new(engine, params[0]);
        let nrows = batch.nrows();
        for (start, end) in [(0, nrows / 7), (nrows / 7, nrows / 2), (nrows / 2, nrows)] {
            stream.push(&batch.slice(start..end).unwrap()).unwrap();
        }
        all.extend(numbers(&stream.finish().unwrap()));
        all.extend(batch.row_weights().map(|weight| weight.to_f64()));
        all
    }

    fn check_gathered<S: Storage<T> + Number, T: Number>() {
        let mut rng = rng(5);
        for cols in thin(WIDTHS) {
            for (rows, taken) in
                [(1, 3), (50, 0), (50, 17), (900, 1300), (20_000 / (cols + 1), 60_000 / (cols + 1))]
            {
                for kind in [
                    Kind::PLAIN,
                    Kind { weighted: false, classes: false, offsets: false, gap: 3, ..Kind::PLAIN },
                ] {
                    let data = Data::<S, T>::of_shape(rows, cols, kind);
                    let indices: Vec<usize> = many(taken, || rng.random_range(0..rows));
                    let short: Vec<u32> = indices.iter().map(|&i| i as u32).collect();
                    let copied = data.copied(&indices);
                    for isa in isas() {
                        let want = streamed_too(serial(isa), &copied.batch(), data.both());
                        for engine in [serial(isa), Engine::new().with_isa(isa)] {
                            for batch in [data.batch().gather(&indices), data.batch().gather(&short)] {
                                let got = streamed_too(engine, &batch.unwrap(), data.both());
                                let context = || format!("{taken} of {rows} x {cols} on {isa}, {kind:?}");
                                assert_same_bits(&got, &want, context);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Rows by their numbers are their copies, some more than once, and some not at all.
    #[test]
    fn gathered_rows_are_their_copies() {
        check_gathered::<f32, f32>();
        check_gathered::<f64, f64>();
        check_gathered::<f32, f64>();
    }

    fn check_offsets<S: Storage<T> + Number, T: Number>() {
        let zero = T::nearest(0.0);
        for cols in thin(WIDTHS) {
            let data = Data::<S, T>::of_shape(19, cols, Kind { classes: false, ..Kind::PLAIN });
            let (batch, offsets) = (data.batch(), data.offsets.as_ref().unwrap());
            let weights = batch.sample_weights().unwrap();
            let params = [Params::new(data.params().weights, zero), data.direction()];
            for isa in isas() {
                let engine = serial(isa);
                let mut scores = vec![T::NAN; 19];
                engine.logits_with_offsets(data.rows(), params[0], offsets, &mut scores).unwrap();
                for (i, &offset) in offsets.iter().enumerate() {
                    let with_bias = Params::new(params[0].weights, offset);
                    let (row, label) = (data.rows().slice(i..i + 1).unwrap(), &data.labels[i..=i]);
                    let alone = Batch::new(row, label).unwrap().with_sample_weights(&weights[i..=i]).unwrap();
                    let context = || format!("row {i} of {cols} columns on {isa}");

                    let want = engine.loss_and_gradient(&alone, with_bias).unwrap();
                    let one = batch.slice(i..i + 1).unwrap();
                    let got = engine.loss_and_gradient(&one, params[0]).unwrap();
                    assert_same_bits(&numbers(&got), &numbers(&want), context);

                    let want = engine.hessian_product(&alone, with_bias, params[1]).unwrap();
                    let got = engine.hessian_product(&one, params[0], params[1]).unwrap();
                    assert_same_bits(&numbers(&got), &numbers(&want), context);

                    let want = engine.hessian_diagonal(&alone, with_bias).unwrap();
                    let got = engine.hessian_diagonal(&one, params[0]).unwrap();
                    assert_same_bits(&numbers(&got), &numbers(&want), context);

                    let mut z = [T::NAN];
                    engine.logits(row, with_bias, &mut z).unwrap();
                    assert_same_bits(&scores[i..=i], &z, context);
                }
            }
        }
    }

    /// An offset is a bias of its row's own: w·x + 0 + offset.
    #[test]
    fn offsets_are_biases_of_rows() {
        check_offsets::<f32, f32>();
        check_offsets::<f64, f64>();
        check_offsets::<f32, f64>();
    }

    /// Scores of a batch are those of its rows, with its offsets.
    #[test]
    fn scores_of_a_batch_are_those_of_its_rows() {
        for (rows, cols) in [(0, 3), (1, 0), (700, 1), (300, 20), (300, 100), (20_000, 30)] {
            let data = Data::<f32, f64>::of_shape(rows, cols, Kind::PLAIN);
            let (params, offsets) = (data.params(), data.offsets.as_ref().unwrap());
            for isa in isas() {
                for engine in [serial(isa), Engine::new().with_isa(isa)] {
                    let mut want = vec![f64::NAN; 2 * rows];
                    let (logits, probabilities) = want.split_at_mut(rows);
                    engine.logits(data.rows(), params, logits).unwrap();
                    engine.predict_proba(data.rows(), params, probabilities).unwrap();
                    let context = || format!("{rows} x {cols} on {isa}");
                    assert_same_bits(&scores_of(engine, &data.unweighted(), params), &want, context);
                    let (logits, probabilities) = want.split_at_mut(rows);
                    engine.logits_with_offsets(data.rows(), params, offsets, logits).unwrap();
                    engine.predict_proba_with_offsets(data.rows(), params, offsets, probabilities).unwrap();
                    assert_same_bits(&scores_of(engine, &data.batch(), params), &want, context);
                }
            }
        }
    }

    /// Rows that are held with offsets, and others that came without any.
    #[test]
    fn a_stream_takes_batches_with_offsets_and_without() {
        for cols in [1, 20, 100] {
            let data = Data::<f32, f32>::of_shape(1300, cols, Kind::PLAIN);
            let zeros = vec![0.0; data.nrows()];
            let mut offsets = data.offsets.clone().unwrap();
            let cuts = [0, 7, 60, 700, 705, 1300];
            for part in [1, 3] {
                offsets[cuts[part]..cuts[part + 1]].copy_from_slice(&zeros[cuts[part]..cuts[part + 1]]);
            }
            let whole = data.batch().with_offsets(&offsets).unwrap();
            let without = Data { offsets: None, ..data.clone() };
            for isa in isas() {
                let mut stream = GradientStream::new(serial(isa), data.params());
                for (part, ends) in cuts.windows(2).enumerate() {
                    let batch = if part % 2 == 0 { whole } else { without.batch() };
                    stream.push(&batch.slice(ends[0]..ends[1]).unwrap()).unwrap();
                }
                let want = serial(isa).loss_and_gradient(&whole, data.params()).unwrap();
                let got = stream.finish().unwrap();
                assert_same_bits(&numbers(&got), &numbers(&want), || format!("{cols} columns on {isa}"));
            }
        }
    }

    /// Offsets beyond every logit leave no loss where they are right.
    #[test]
    fn a_large_offset_saturates() {
        let rows = Rows::new(&[1.0_f32, 1.0], 2, 1).unwrap();
        let batch = Batch::new(rows, &[1.0, 0.0]).unwrap().with_offsets(&[f32::MAX, f32::MIN]).unwrap();
        let gradient = serial(isas()[0]).loss_and_gradient(&batch, Params::new(&[0.0], 0.0)).unwrap();
        assert_eq!((gradient.loss, gradient.db), (0.0, 0.0));
    }
}

#[test]
fn labels_of_two_kinds() {
    let mut y = [0.5_f32; 3];
    labels::from_binary(&[false, true, true], &mut y).unwrap();
    assert_eq!(y, [0.0, 1.0, 1.0]);
    labels::from_binary(&[1.0_f64, -0.0, 0.0], &mut y).unwrap();
    assert_eq!(y.map(f32::to_bits), [1.0_f32, 0.0, 0.0].map(f32::to_bits));
    labels::from_signs(&[-1_i64, 1, -1], &mut y).unwrap();
    assert_eq!(y, [0.0, 1.0, 0.0]);
    labels::from_signs::<i8, f32>(&[], &mut []).unwrap();

    let refused = |result: Result<(), Error>, message: &str| {
        assert_eq!(result.unwrap_err().to_string(), message);
    };
    refused(labels::from_signs(&[1_i8, 0, 3], &mut y), "`labels[1]` is 0, which is neither -1 nor 1");
    refused(
        labels::from_binary(&[1.0_f32, 0.0, f32::NAN], &mut y),
        "`labels[2]` is NaN, which is neither 0 nor 1",
    );
    refused(labels::from_binary(&[0_u8], &mut y), "lengths disagree: `labels` has 1 elements, `out` has 3");
    assert_eq!(y, [0.0, 1.0, 0.0], "refused labels write nothing");
}

#[test]
fn indices_out_of_range_are_named() {
    let rows = lanegrad::Rows::new(&[1.0_f32; 6], 3, 2).unwrap();
    let batch = lanegrad::Batch::new(rows, &[0.0_f32; 3]).unwrap();
    let refused = |error: Option<Error>, message: &str| assert_eq!(error.unwrap().to_string(), message);
    refused(batch.gather(&[2_u32, 3, 4]).err(), "`indices[1]` is 3, and there are 3 rows");
    refused(
        batch.gather(&[usize::MAX]).err(),
        &format!("`indices[0]` is {}, and there are 3 rows", usize::MAX),
    );
    let gathered = batch.gather(&[2_u32, 0]).unwrap();
    refused(
        gathered.gather(&[0_u32]).err(),
        "the batch is gathered already: gather from the batch that it came from",
    );
    assert_eq!((gathered.nrows(), gathered.rows().nrows()), (2, 3));
    refused(gathered.slice(1..3).err(), "the range 1..3 is not within the 2 rows");
    assert_eq!(gathered.slice(1..2).unwrap().nrows(), 1);
    let none = lanegrad::Batch::new(lanegrad::Rows::<f32>::new(&[], 0, 2).unwrap(), &[0.0_f32; 0]).unwrap();
    assert_eq!(none.gather::<u32>(&[]).unwrap().nrows(), 0);
    assert!(none.gather(&[0_u32]).is_err());
}
