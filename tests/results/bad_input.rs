//! Bad input is an error in words, and outputs stay untouched.

use crate::support::isas;
use lanegrad::{Batch, Error, Place, Rows, axpy, dot};
use std::ops::Range;

fn mismatch(names: [&'static str; 2], lengths: [usize; 2]) -> Error {
    Error::LengthMismatch { names, lengths }
}

#[test]
fn dot_of_different_lengths() {
    assert_eq!(dot(&[1.0_f32; 3], &[1.0_f32; 4]), Err(mismatch(["x", "w"], [3, 4])));
    for isa in isas() {
        assert_eq!(isa.dot(&[1.0_f64; 5], &[]), Err(mismatch(["x", "w"], [5, 0])));
        assert_eq!(isa.dot(&[] as &[f32], &[1.0_f64]), Err(mismatch(["x", "w"], [0, 1])));
    }
}

#[test]
fn axpy_of_different_lengths_writes_nothing() {
    let mut y = [7.0_f32; 4];
    assert_eq!(axpy(1.0, &[1.0_f32; 3], &mut y), Err(mismatch(["x", "y"], [3, 4])));
    for isa in isas() {
        assert_eq!(isa.axpy(1.0, &[1.0_f32; 5], &mut y), Err(mismatch(["x", "y"], [5, 4])));
    }
    assert_eq!(y, [7.0; 4]);
}

#[test]
fn elementwise_kernels_of_different_lengths_write_nothing() {
    for isa in isas() {
        let mut out = [7.0_f32; 4];
        assert_eq!(isa.sigmoid(&[1.0; 3], &mut out), Err(mismatch(["z", "out"], [3, 4])));
        assert_eq!(isa.softplus(&[1.0; 5], &mut out), Err(mismatch(["z", "out"], [5, 4])));
        assert_eq!(isa.log_sigmoid(&[1.0; 3], &mut out), Err(mismatch(["z", "out"], [3, 4])));
        assert_eq!(isa.logit(&[0.5; 5], &mut out), Err(mismatch(["p", "out"], [5, 4])));
        for (y, error) in [(3, mismatch(["z", "y"], [4, 3])), (5, mismatch(["z", "y"], [4, 5]))] {
            let y = vec![0.0; y];
            assert_eq!(isa.log_loss(&[1.0; 4], &y, &mut out), Err(error.clone()));
            assert_eq!(isa.residual(&[1.0; 4], &y, &mut out), Err(error.clone()));
            assert_eq!(isa.log_loss_in_place(&mut out, &y), Err(error.clone()));
            assert_eq!(isa.residual_in_place(&mut out, &y), Err(error.clone()));
        }
        assert_eq!(isa.log_loss(&[1.0; 5], &[0.0; 5], &mut out), Err(mismatch(["z", "out"], [5, 4])));
        assert_eq!(isa.residual(&[1.0; 3], &[0.0; 3], &mut out), Err(mismatch(["z", "out"], [3, 4])));
        assert_eq!(out, [7.0; 4]);
    }
}

#[test]
fn the_message_names_both_lengths() {
    let message = dot(&[1.0_f32; 3], &[1.0_f32; 4]).unwrap_err().to_string();
    assert_eq!(message, "lengths disagree: `x` has 3 elements, `w` has 4");
}

#[test]
fn empty_slices_are_no_error() {
    for isa in isas() {
        assert_eq!(isa.dot::<f32, f32>(&[], &[]), Ok(0.0));
        assert_eq!(isa.axpy::<f32, f32>(1.0, &[], &mut []), Ok(()));
    }
}

/// Sizes at which arithmetic on sizes goes wrong.
const SIZES: [usize; 13] = [
    0,
    1,
    2,
    3,
    6,
    1 << 32,
    usize::MAX / 17 + 1,
    1 << 60,
    1 << 61,
    1 << 63,
    usize::MAX / 2,
    usize::MAX - 1,
    usize::MAX,
];

/// Ranges of rows that are not within a view of 3: too long, beyond it, and reversed.
fn bad_ranges() -> impl Iterator<Item = Range<usize>> {
    let ranges = [(0, 4), (3, 4), (4, 4), (7, 9), (2, 1), (3, 0), (usize::MAX, 0), (0, usize::MAX)];
    ranges.into_iter().map(|(start, end)| Range { start, end })
}

#[test]
fn rows_of_another_length() {
    let data = [0.0_f32; 7];
    for (len, rows, cols) in [(5, 2, 3), (7, 2, 3), (0, 1, 1), (1, 0, 3), (1, 3, 0), (7, 1, 6)] {
        let error = Error::ShapeMismatch { len, nrows: rows, ncols: cols, row_stride: cols };
        assert_eq!(Rows::new(&data[..len], rows, cols).err(), Some(error.clone()));
    }
    // With a stride, data may go on after the last row, but not end before it.
    for (len, rows, cols, stride) in [(6, 2, 3, 4), (0, 1, 1, 1), (5, 2, 3, 3), (4, 3, 0, 3)] {
        let error = Error::ShapeMismatch { len, nrows: rows, ncols: cols, row_stride: stride };
        assert_eq!(Rows::with_stride(&data[..len], rows, cols, stride).err(), Some(error.clone()));
        assert!(Rows::with_stride(&data[..(rows - 1) * stride + cols], rows, cols, stride).is_ok());
    }
    for (cols, stride) in [(3, 2), (1, 0), (usize::MAX, 3)] {
        for rows in [0, 1, 2, usize::MAX] {
            let error = Error::StrideTooShort { row_stride: stride, ncols: cols };
            assert_eq!(Rows::with_stride(&data, rows, cols, stride).err(), Some(error.clone()));
        }
    }
}

/// Shapes whose product does not fit, and those without elements, which do at any size.
#[test]
fn rows_of_any_size_at_all() {
    let data = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    for (rows, cols) in SIZES.into_iter().flat_map(|rows| SIZES.map(|cols| (rows, cols))) {
        for data in [&data[..0], &data[..1], &data] {
            let fits = rows as u128 * cols as u128 == data.len() as u128;
            assert_eq!(Rows::new(data, rows, cols).is_ok(), fits, "{rows} x {cols}");
            for stride in SIZES {
                let end = if rows == 0 { 0 } else { (rows - 1) as u128 * stride as u128 + cols as u128 };
                let view = Rows::with_stride(data, rows, cols, stride);
                let fits = stride >= cols && end <= data.len() as u128;
                assert_eq!(view.is_ok(), fits, "{rows} x {cols}, stride {stride}");
                let Ok(view) = view else { continue };
                assert_eq!(view.iter().len(), rows);
                for i in [0, rows / 2, rows.saturating_sub(1)] {
                    let want = (i < rows).then(|| &data[i * stride..][..cols]);
                    assert_eq!(view.row(i), want);
                    assert_eq!(view.slice(i.min(rows)..rows).unwrap().row(0), want);
                }
                assert_eq!(view.row(rows), None);
                assert_eq!(view.slice(rows..rows).unwrap().nrows(), 0);
            }
        }
    }
}

#[test]
fn ranges_out_of_range() {
    let (data, labels) = ([1.0_f32; 6], [0.0_f32; 3]);
    for cols in [0, 2] {
        let rows = Rows::new(&data[..3 * cols], 3, cols).unwrap();
        let batch = Batch::new(rows, &labels).unwrap().with_sample_weights(&labels).unwrap();
        for range in bad_ranges() {
            let error = Error::RowsOutOfRange { start: range.start, end: range.end, nrows: 3 };
            assert_eq!(rows.slice(range.clone()).err(), Some(error.clone()));
            assert_eq!(batch.slice(range).err(), Some(error.clone()));
        }
        for i in [3, 4, usize::MAX] {
            assert_eq!(rows.row(i), None);
        }
    }
}

#[test]
fn labels_and_weights_of_another_length() {
    let (data, ones) = ([1.0_f32; 6], [1.0_f32; 4]);
    let rows = Rows::new(&data, 3, 2).unwrap();
    let batch = Batch::new(rows, &ones[..3]).unwrap();
    for n in [0, 2, 4] {
        assert_eq!(Batch::new(rows, &ones[..n]).err(), Some(mismatch(["rows", "labels"], [3, n])));
        let error = mismatch(["rows", "sample_weights"], [3, n]);
        assert_eq!(batch.with_sample_weights(&ones[..n]).err(), Some(error.clone()));
    }
    let many = Rows::<f32>::new(&[], usize::MAX, 0).unwrap();
    assert_eq!(Batch::new(many, &ones).err(), Some(mismatch(["rows", "labels"], [usize::MAX, 4])));
}

#[test]
fn the_first_bad_label_is_named() {
    let rows = Rows::new(&[1.0_f64; 4], 4, 1).unwrap();
    let above_one = 1.0 + f64::EPSILON;
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -f64::MIN_POSITIVE, above_one, -1.0, 2.0] {
        for index in 0..4 {
            let mut labels = [-0.0, 0.0, 1.0, 0.5];
            assert!(Batch::new(rows, &labels).is_ok());
            labels[index..].fill(bad);
            // Another one behind it is not the first.
            labels[3] = f64::NAN;
            let error = Batch::new(rows, &labels).unwrap_err();
            let bad = labels[index];
            let advice = if bad == -1.0 { "; `labels::from_signs` makes 0 and 1 of -1 and 1" } else { "" };
            let text = format!("`labels[{index}]` is {bad}, which is not between 0 and 1{advice}");
            assert_eq!(error.to_string(), text);
            assert!(matches!(error, Error::Label { index: i, .. } if i == index));
        }
    }
}

#[test]
fn the_first_bad_weight_is_named() {
    let rows = Rows::new(&[1.0_f32; 4], 4, 1).unwrap();
    let batch = Batch::new(rows, &[0.0_f32; 4]).unwrap();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::from_bits(1), -1.0] {
        for index in 0..4 {
            let mut weights = [-0.0, 0.0, f32::MAX, f32::from_bits(1)];
            assert!(batch.with_sample_weights(&weights).is_ok());
            weights[index..].fill(bad);
            weights[3] = f32::NAN;
            let error = batch.with_sample_weights(&weights).unwrap_err();
            let bad = f64::from(weights[index]);
            let text =
                format!("`sample_weights[{index}]` is {bad}, which is not a finite number of at least 0");
            assert_eq!(error.to_string(), text);
            assert!(matches!(error, Error::SampleWeight { index: i, .. } if i == index));
        }
    }
}

#[test]
fn the_first_bad_offset_and_class_weight_are_named() {
    let rows = Rows::new(&[1.0_f32; 4], 4, 1).unwrap();
    let batch = Batch::new(rows, &[0.0_f32; 4]).unwrap();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in 0..4 {
            let mut offsets = [-0.0, f32::MIN, f32::MAX, f32::from_bits(1)];
            assert!(batch.with_offsets(&offsets).is_ok());
            offsets[index..].fill(bad);
            let error = batch.with_offsets(&offsets).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`offsets[{index}]` is {bad}, which is not a finite number")
            );
            assert!(matches!(error, Error::Offset { index: i, .. } if i == index));
        }
    }
    for n in [0, 3, 5] {
        let error = mismatch(["rows", "offsets"], [4, n]);
        assert_eq!(batch.with_offsets(&[f32::NAN; 5][..n]).err(), Some(error));
    }
    assert!(batch.with_class_weights([0.0, f32::MAX]).is_ok());
    for bad in [f32::NAN, f32::INFINITY, -f32::from_bits(1)] {
        for (class, weights) in [[bad, 1.0], [1.0, bad], [bad, f32::NAN]].into_iter().enumerate() {
            let error = batch.with_class_weights(weights).unwrap_err();
            let bad = f64::from(bad);
            let text = format!(
                "the weight of class {} is {bad}, which is not a finite number of at least 0",
                class % 2
            );
            assert_eq!(error.to_string(), text);
            assert!(matches!(error, Error::ClassWeight { class: c, .. } if c == class % 2));
        }
    }
}

/// The words of every kind of error.
#[test]
fn messages() {
    let shape = |stride| Error::ShapeMismatch { len: 5, nrows: 2, ncols: 3, row_stride: stride };
    let list = [
        (mismatch(["z", "out"], [3, 4]), "lengths disagree: `z` has 3 elements, `out` has 4"),
        (shape(3), "the shape disagrees: `data` has 5 elements, not those of 2 rows of 3 features"),
        (shape(4), "the shape disagrees: `data` has 5 elements, too few for 2 rows of 3 features every 4"),
        (
            Error::StrideTooShort { row_stride: 2, ncols: 3 },
            "rows overlap: `row_stride` is 2, less than the 3 features of a row",
        ),
        (Error::RowsOutOfRange { start: 2, end: 5, nrows: 4 }, "the range 2..5 is not within the 4 rows"),
        (Error::Label { index: 7, value: f64::NAN }, "`labels[7]` is NaN, which is not between 0 and 1"),
        (
            Error::SampleWeight { index: 7, value: -0.5 },
            "`sample_weights[7]` is -0.5, which is not a finite number of at least 0",
        ),
        (
            Error::OtherLabel { index: 7, value: 2.0, classes: [-1.0, 1.0] },
            "`labels[7]` is 2, which is neither -1 nor 1",
        ),
        (
            Error::ClassWeight { class: 1, value: -0.5 },
            "the weight of class 1 is -0.5, which is not a finite number of at least 0",
        ),
        (Error::Offset { index: 7, value: f64::NAN }, "`offsets[7]` is NaN, which is not a finite number"),
        (Error::IndexOutOfRange { place: 7, index: 5, nrows: 5 }, "`indices[7]` is 5, and there are 5 rows"),
        (Error::GatheredTwice, "the batch is gathered already: gather from the batch that it came from"),
        (
            Error::NotRowMajor,
            "the array is not in standard layout: its rows do not follow one another without gaps; copy it, or give \
             the slice of its parent to `Rows::with_stride`",
        ),
        (Error::NoWeight { sum: 0.0 }, "the sample weights add up to 0, which is no finite number above 0"),
        (
            Error::NotAChunkBoundary { place: Place::at_row(100), chunk_rows: 64 },
            "a shard starts at row 100, which is no multiple of the 64 rows of a chunk",
        ),
        (Error::TooManyRows, "there are more than 2^63 rows of a segment, or segments"),
        (
            Error::ForeignSum { difference: "the number of features" },
            "the sums do not belong together: they differ in the number of features",
        ),
        (
            Error::Malformed { reason: "it is truncated" },
            "not the bytes of a sum that this version can go on with: it is truncated",
        ),
        (Error::OtherRows { segments: 3..4 }, "segment 3 was summed with another number of rows than it has"),
        (
            Error::OtherRows { segments: 4..8 },
            "of the segments 4 to 7 one was summed with another number of rows than it has",
        ),
        (Error::OverlappingRows { place: Place::at_row(512) }, "rows from row 512 on are in both sums"),
        (Error::EndedTwice { end: Place::at(2, 5) }, "the end before row 5 of segment 2 is in both sums"),
        (
            Error::RowsAfterEnd { end: Place::at_row(1000) },
            "the segment or the data set ends before row 1000, and there are rows after it",
        ),
        (Error::MissingRows { place: Place::at_row(512) }, "rows from row 512 on are missing"),
        (Error::NoRows, "the data set has no rows"),
        (
            Error::UnknownIsa { available: &["scalar", "portable"] },
            "no such instruction set on this CPU; available: scalar, portable",
        ),
    ];
    for (error, text) in list {
        assert_eq!(error.to_string(), text);
    }
    let names: Vec<_> = lanegrad::Isa::available().map(|isa| isa.to_string()).collect();
    let text = format!("no such instruction set on this CPU; available: {}", names.join(", "));
    assert_eq!(lanegrad::Isa::from_name("sse9").unwrap_err().to_string(), text);
}

/// The engine, and what it makes.
#[cfg(feature = "alloc")]
mod passes {
    use super::{SIZES, mismatch};
    use crate::support::{isas, scalar};
    use lanegrad::{
        Batch, Engine, Error, Extent, Gradient, GradientStream, GradientSum, HessianDiagonal, HessianProduct,
        HessianProductStream, Isa, Params, Place, Rows, chunk_rows,
    };

    /// A gradient that no pass makes.
    fn untouched() -> Gradient {
        let mut gradient = Gradient::default();
        (gradient.loss, gradient.dw, gradient.db, gradient.weight_sum) = (1.5, vec![2.5; 5], 3.5, 4.5);
        gradient
    }

    /// A product that no pass makes.
    fn untouched_product() -> HessianProduct {
        let mut product = HessianProduct::default();
        (product.by_weights, product.by_bias) = (vec![2.5; 5], 3.5);
        (product.half_quadratic_form, product.weight_sum) = (1.5, 4.5);
        product
    }

    #[test]
    fn parameters_and_outputs_of_another_length_write_nothing() {
        let rows = Rows::new(&[1.0_f32; 6], 3, 2).unwrap();
        let batch = Batch::new(rows, &[1.0; 3]).unwrap();
        let w = [0.5_f32; 9];
        let good = Params::new(&w[..2], 0.0);
        let gathered = batch.gather(&[2_u32, 0]).unwrap();
        for engine in [Engine::new(), Engine::serial()] {
            let mut out = [7.0; 4];
            let (mut gradient, mut product) = (untouched(), untouched_product());
            let mut diagonal = HessianDiagonal::default();
            diagonal.weight_sum = 4.5;
            let before = diagonal.clone();
            for n in [0, 1, 3, 9] {
                let bad = Params::new(&w[..n], 0.0);
                let error = Err(mismatch(["features", "weights"], [2, n]));
                assert_eq!(engine.logits(rows, bad, &mut out[..3]), error);
                assert_eq!(engine.predict_proba(rows, bad, &mut out[..3]), error);
                assert_eq!(engine.logits_of(&batch, bad, &mut out[..3]), error);
                assert_eq!(engine.predict_proba_of(&gathered, bad, &mut out[..2]), error);
                assert_eq!(engine.hessian_diagonal_into(&batch, bad, &mut diagonal), error);
                assert_eq!(engine.loss_and_gradient_into(&batch, bad, &mut gradient), error);
                assert_eq!(engine.hessian_product_into(&batch, bad, good, &mut product), error);
                let centres = vec![0.5; n];
                let error = Err(mismatch(["features", "centres"], [2, n]));
                assert_eq!(engine.deviations(&batch, &centres), error);
                assert_eq!(engine.squared_deviations(&batch, &centres), error);
                let error = Err(mismatch(["features", "direction.weights"], [2, n]));
                assert_eq!(engine.hessian_product_into(&batch, good, bad, &mut product), error);
            }
            for n in [0, 2, 4] {
                let error = Err(mismatch(["rows", "out"], [3, n]));
                assert_eq!(engine.logits(rows, good, &mut out[..n]), error);
                assert_eq!(engine.predict_proba(rows, good, &mut out[..n]), error);
                assert_eq!(engine.logits_of(&batch, good, &mut out[..n]), error);
                assert_eq!(engine.logits_with_offsets(rows, good, &w[..3], &mut out[..n]), error);
                assert_eq!(engine.predict_proba_with_offsets(rows, good, &w[..3], &mut out[..n]), error);
                let error = Err(mismatch(["rows", "offsets"], [3, n]));
                assert_eq!(engine.logits_with_offsets(rows, good, &w[..n], &mut out[..3]), error);
                assert_eq!(engine.predict_proba_with_offsets(rows, good, &w[..n], &mut out[..3]), error);
            }
            let error = Err(mismatch(["rows", "out"], [2, 3]));
            assert_eq!(engine.logits_of(&gathered, good, &mut out[..3]), error);
            assert_eq!(engine.predict_proba_of(&gathered, good, &mut out[..3]), error);
            let infinite = [0.0, f32::INFINITY, f32::NAN];
            let refused = engine.predict_proba_with_offsets(rows, good, &infinite, &mut out[..3]);
            assert_eq!(refused, Err(Error::Offset { index: 1, value: f64::INFINITY }));
            assert_eq!(out, [7.0; 4]);
            assert_eq!(gradient, untouched());
            assert_eq!(product, untouched_product());
            assert_eq!(diagonal, before);
        }
    }

    #[test]
    fn maps_of_different_lengths_write_nothing() {
        let engine = Engine::new();
        let mut out = [7.0_f64; 4];
        for n in [0, 3, 5] {
            let (z, four) = (vec![1.0; n], [1.0; 4]);
            let error = Err(mismatch(["z", "out"], [n, 4]));
            assert_eq!(engine.sigmoid(&z, &mut out), error);
            assert_eq!(engine.softplus(&z, &mut out), error);
            assert_eq!(engine.log_sigmoid(&z, &mut out), error);
            assert_eq!(engine.logit(&z, &mut out), Err(mismatch(["p", "out"], [n, 4])));
            assert_eq!(engine.log_loss(&z, &z, &mut out), error);
            assert_eq!(engine.residual(&z, &z, &mut out), error);
            let error = Err(mismatch(["z", "y"], [4, n]));
            assert_eq!(engine.log_loss(&four, &z, &mut out), error);
            assert_eq!(engine.residual(&four, &z, &mut out), error);
            assert_eq!(engine.log_loss_in_place(&mut out, &z), error);
            assert_eq!(engine.residual_in_place(&mut out, &z), error);
        }
        assert_eq!(out, [7.0; 4]);
    }

    /// A single row may have any stride, and many rows no features: no sizes overflow on the way.
    #[test]
    fn strides_and_widths_of_any_size() {
        let data = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let w = [0.5_f32; 6];
        for isa in isas() {
            let engine = Engine::serial().with_isa(isa);
            for stride in SIZES {
                for (rows, cols) in [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2), (1, 6), (2, 0), (2, 2), (3, 1)] {
                    let Ok(view) = Rows::with_stride(&data, rows, cols, stride) else { continue };
                    let params = Params::new(&w[..cols], 0.25);
                    let want: Vec<f32> =
                        view.iter().map(|row| row.iter().sum::<f32>() / 2.0 + 0.25).collect();
                    let mut out = vec![0.0; rows];
                    engine.logits(view, params, &mut out).unwrap();
                    assert_eq!(out, want, "{rows} x {cols} on {isa}, stride {stride}");
                    engine.predict_proba(view, params, &mut out).unwrap();
                    let labels = vec![1.0; rows];
                    let batch = Batch::new(view, &labels).unwrap();
                    let product = engine.hessian_product(&batch, params, params).unwrap();
                    assert_eq!(product.weight_sum, rows as f64);
                    let gradient = engine.loss_and_gradient(&batch, params).unwrap();
                    assert_eq!(gradient.weight_sum, rows as f64);
                    let mut stream = GradientStream::new(engine, params);
                    stream.push(&batch).unwrap();
                    assert_eq!(stream.finish().unwrap(), gradient);
                }
            }
            // Features that no slice of weights can have.
            let wide = Rows::<f32>::new(&[], 0, usize::MAX).unwrap();
            let batch = Batch::new(wide, &[]).unwrap();
            let params = Params::new(&w, 0.0);
            let error = Err(mismatch(["features", "weights"], [usize::MAX, 6]));
            assert_eq!(engine.logits(wide, params, &mut []), error);
            assert_eq!(engine.loss_and_gradient_into(&batch, params, &mut untouched()), error);
            assert_eq!(engine.hessian_diagonal(&batch, params).map(|_| ()), error);
            assert_eq!(GradientStream::new(engine, params).push(&batch), error);
            let many = Rows::<f32>::new(&[], usize::MAX, 0).unwrap();
            let error = Err(mismatch(["rows", "out"], [usize::MAX, 2]));
            assert_eq!(engine.predict_proba(many, Params::new(&[], 0.0), &mut [0.0; 2]), error);
        }
        for cols in SIZES {
            assert!((64..=512).contains(&chunk_rows::<f32>(cols)));
            assert!((64..=512).contains(&chunk_rows::<f64>(cols)));
        }
    }

    /// No rows have sums, of 0, but no mean; nor have rows of weight 0.
    #[test]
    fn means_over_nothing() {
        let params = Params::new(&[1.0_f64, -1.0], 0.5);
        for rows in [0, 2] {
            let data = [1.0, 2.0, 3.0, f64::NAN];
            let (labels, zeros) = ([1.0; 2], [0.0, -0.0]);
            let batch = Batch::new(Rows::new(&data[..2 * rows], rows, 2).unwrap(), &labels[..rows]).unwrap();
            let batch = batch.with_sample_weights(&zeros[..rows]).unwrap();
            let mut gradient = untouched();
            Engine::new().loss_and_gradient_into(&batch, params, &mut gradient).unwrap();
            let mut zero = Gradient::default();
            zero.dw = vec![0.0; 2];
            assert_eq!(gradient, zero);
            assert_eq!(gradient.average(), Err(Error::NoWeight { sum: 0.0 }));
            assert_eq!(gradient, zero);
        }
        let mut gradient = untouched();
        gradient.weight_sum = 0.0;
        let before = gradient.clone();
        assert_eq!(gradient.average(), Err(Error::NoWeight { sum: 0.0 }));
        assert_eq!(gradient, before);
    }

    #[test]
    fn a_penalty_of_another_length_changes_nothing() {
        for n in [0, 4, 6] {
            let mut gradient = untouched();
            let error = Err(mismatch(["features", "weights"], [5, n]));
            assert_eq!(gradient.add_l2_penalty(0.5, Params::new(&vec![1.0_f32; n], 1.0)), error);
            assert_eq!(gradient, untouched());
        }
    }

    const COLS: usize = 2;
    const WEIGHTS: [f64; COLS] = [0.5, -0.25];
    /// Rows of a chunk: 512.
    fn chunk() -> usize {
        chunk_rows::<f64>(COLS)
    }

    fn params() -> Params<'static, f64> {
        Params::new(&WEIGHTS, 0.125)
    }

    /// Calls `f` with a batch of `rows` rows.
    fn with_batch<R>(rows: usize, f: impl FnOnce(&Batch<'_, f64, f64>) -> R) -> R {
        let data: Vec<f64> = (0..rows * COLS).map(|i| (i % 13) as f64 - 6.0).collect();
        f(&Batch::new(Rows::new(&data, rows, COLS).unwrap(), &vec![1.0; rows]).unwrap())
    }

    /// Of one instruction set, and fused on every CPU: what is expected below are sums of such ones.
    fn engine() -> Engine {
        Engine::serial().with_isa(scalar())
    }

    /// The sum of a shard of `rows` rows from a chunk on.
    fn shard(first_chunk: usize, rows: usize) -> GradientSum {
        let place = Place::at_row((first_chunk * chunk()) as u64);
        let mut stream = GradientStream::starting_at(engine(), params(), place).unwrap();
        with_batch(rows, |batch| stream.push(batch)).unwrap();
        stream.into_sum()
    }

    fn at(row: u64) -> Result<GradientStream<f64, f64>, Error> {
        GradientStream::starting_at(engine(), params(), Place::at_row(row))
    }

    fn finish(sum: &GradientSum, nrows: u64) -> Result<Gradient, Error> {
        sum.finish(&Extent::of_rows(nrows))
    }

    /// What `finish` says where rows from a row on are missing.
    fn missing(row: u64) -> Result<Gradient, Error> {
        Err(Error::MissingRows { place: Place::at_row(row) })
    }

    /// What it says where there are rows after the last one.
    fn after(end: u64) -> Result<Gradient, Error> {
        Err(Error::RowsAfterEnd { end: Place::at_row(end) })
    }

    #[test]
    fn shards_off_the_boundaries() {
        let chunk = chunk() as u64;
        for row in [1, chunk - 1, chunk + 1, chunk / 2, (1 << 63) + 1, u64::MAX] {
            let (place, chunk_rows) = (Place::at_row(row), chunk as usize);
            assert_eq!(at(row).err(), Some(Error::NotAChunkBoundary { place, chunk_rows }));
        }
        for row in [(1 << 63) + chunk, u64::MAX - chunk + 1] {
            assert_eq!(at(row).err(), Some(Error::TooManyRows));
        }
    }

    #[test]
    fn more_rows_than_can_be_counted() {
        let most = 1_u64 << 63;
        let mut stream = at(most).unwrap();
        with_batch(0, |batch| stream.push(batch)).unwrap();
        assert_eq!(with_batch(1, |batch| stream.push(batch)), Err(Error::TooManyRows));
        assert_eq!(stream.finish(), missing(0));

        for rows in [chunk(), chunk() - 1] {
            let mut stream = at(most - chunk() as u64).unwrap();
            assert_eq!(with_batch(chunk() + 1, |batch| stream.push(batch)), Err(Error::TooManyRows));
            assert_eq!(stream.nrows(), 0);
            with_batch(rows, |batch| stream.push(batch)).unwrap();
            assert_eq!(with_batch(2, |batch| stream.push(batch)), Err(Error::TooManyRows));
            assert_eq!(stream.nrows(), rows as u64);
            let mut sum = stream.into_sum();
            for rows in [0, 1, most, most + 1, u64::MAX] {
                let error = if rows == 0 { after(0) } else { missing(0) };
                assert_eq!(finish(&sum, rows), error);
            }
            sum.merge(&shard(0, chunk())).unwrap();
            assert_eq!(finish(&sum, most), missing(chunk() as u64));
        }
    }

    #[test]
    fn a_batch_of_another_width_adds_nothing() {
        let mut stream = at(0).unwrap();
        with_batch(3, |batch| stream.push(batch)).unwrap();
        let other = Batch::new(Rows::new(&[1.0_f64; 3000], 1000, 3).unwrap(), &[1.0; 1000]).unwrap();
        assert_eq!(stream.push(&other), Err(mismatch(["features", "weights"], [3, 2])));
        assert_eq!(stream.nrows(), 3);
        with_batch(5, |batch| stream.push(batch)).unwrap();
        let mut want = at(0).unwrap();
        with_batch(3, |batch| want.push(batch)).unwrap();
        with_batch(5, |batch| want.push(batch)).unwrap();
        assert_eq!(stream.finish(), want.finish());
    }

    /// `merge` fails both ways and changes neither.
    #[track_caller]
    fn assert_apart(one: &GradientSum, other: &GradientSum, error: Error) {
        for (one, other) in [(one, other), (other, one)] {
            let mut merged = one.clone();
            assert_eq!(merged.merge(other), Err(error.clone()));
            assert_eq!(merged, *one);
        }
    }

    #[test]
    fn sums_of_other_data_do_not_merge() {
        fn empty<T: lanegrad::Element>(isa: Isa, weights: &[T], bias: f64) -> GradientSum {
            let params = Params::new(weights, T::nearest(bias));
            GradientStream::<T, T>::new(Engine::serial().with_isa(isa), params).into_sum()
        }
        let isa = scalar();
        let sum = shard(0, 1000);
        assert!(sum.clone().merge(&empty(isa, &WEIGHTS, 0.125)).is_ok());
        let (params, features) = ("parameters, direction or centres", "the number of features");
        let others = [
            (empty(isa, &WEIGHTS, 0.25), params),
            (empty(isa, &[0.5, 0.25], 0.125), params),
            (empty(isa, &[-0.25, 0.5], 0.125), params),
            (empty(isa, &[0.5, -0.25, 0.0], 0.125), features),
            (empty(isa, &WEIGHTS[..1], -0.25), features),
            (empty(isa, &[0.5_f32, -0.25], 0.125), "the type of the arithmetic"),
        ];
        for (other, difference) in &others {
            assert_apart(&sum, other, Error::ForeignSum { difference });
        }
        for isa in isas() {
            let other = empty(isa, &WEIGHTS, 0.125);
            if isa.is_fused() {
                assert!(sum.clone().merge(&other).is_ok());
            } else {
                assert_apart(&sum, &other, Error::ForeignSum { difference: "fused multiply-add" });
            }
        }
    }

    #[test]
    fn sums_of_another_data_set_do_not_merge() {
        let tagged = |tag| {
            let mut stream = at(0).unwrap().with_tag(tag);
            with_batch(5, |batch| stream.push(batch)).unwrap();
            stream
        };
        assert!(tagged(0).into_sum() == shard(0, 5));
        let foreign = Error::ForeignSum { difference: "the tag of the data set" };
        assert_apart(&tagged(1).into_sum(), &shard(1, 5), foreign.clone());
        assert_apart(&tagged(1).into_sum(), &tagged(2).into_sum(), foreign.clone());
        // The tag stays when a stream starts again.
        let mut stream = tagged(7);
        stream.restart_at(params(), Place::at_row(chunk() as u64)).unwrap();
        with_batch(5, |batch| stream.push(batch)).unwrap();
        let again = stream.into_sum();
        assert_apart(&again, &shard(0, chunk()), foreign);
        let mut first = at(0).unwrap().with_tag(7);
        with_batch(chunk(), |batch| first.push(batch)).unwrap();
        assert!(first.into_sum().merge(&again).is_ok());
    }

    #[test]
    fn sums_of_other_directions_do_not_merge() {
        let sum = |params, direction| {
            let stream = HessianProductStream::<f64, f64>::new(engine(), params, direction);
            stream.unwrap().into_sum()
        };
        let other = Params::new(&[-0.25, 0.5], 0.125);
        let mut of_params = sum(params(), params());
        assert!(of_params.merge(&sum(params(), params())).is_ok());
        for foreign in [sum(params(), other), sum(other, params()), sum(other, other)] {
            let difference = "parameters, direction or centres";
            assert_eq!(of_params.merge(&foreign), Err(Error::ForeignSum { difference }));
        }
    }

    #[test]
    fn sums_of_the_same_rows_do_not_merge() {
        let (n, overlap) =
            (chunk(), |row: usize| Error::OverlappingRows { place: Place::at_row(row as u64) });
        assert_apart(&shard(0, n), &shard(0, n), overlap(0));
        assert_apart(&shard(0, 5), &shard(0, n), overlap(0));
        assert_apart(&shard(1, 3 * n), &shard(3, 1), overlap(3 * n));
        assert_apart(&shard(0, 8 * n), &shard(5, n), overlap(5 * n));
        let mut with_a_hole = shard(0, n);
        with_a_hole.merge(&shard(2, 2 * n)).unwrap();
        assert_apart(&with_a_hole, &shard(1, 2 * n), overlap(2 * n));
    }

    #[test]
    fn sums_with_rows_after_the_end_do_not_merge() {
        let n = chunk();
        for (end, after) in [(5, 2), (n - 1, 2), (n + 1, 2), (2 * n + 1, 3)] {
            for other in [shard(after, n), shard(after, 1), shard(7, 3)] {
                assert_apart(&shard(0, end), &other, Error::RowsAfterEnd { end: Place::at_row(end as u64) });
            }
        }
        // Rows before the last ones are welcome.
        shard(2, 5).merge(&shard(0, n)).unwrap();
    }

    #[test]
    fn a_sum_of_other_rows_is_not_finished() {
        let n = chunk() as u64;

        let whole = shard(0, 2 * chunk());
        assert!(finish(&whole, 2 * n).is_ok());
        for rows in [0, 1, n, 2 * n - 1] {
            assert_eq!(finish(&whole, rows), after(rows));
        }
        for rows in [2 * n + 1, 3 * n, 1 << 63, u64::MAX] {
            assert_eq!(finish(&whole, rows), missing(2 * n));
        }

        let part = shard(0, chunk() + 5);
        assert!(finish(&part, n + 5).is_ok());
        for rows in [0, n, n + 4] {
            assert_eq!(finish(&part, rows), after(rows));
        }
        for rows in [n + 6, 2 * n, u64::MAX] {
            assert_eq!(finish(&part, rows), missing(n + 5));
        }

        let mut holes = shard(0, chunk());
        holes.merge(&shard(2, 5)).unwrap();
        assert_eq!(finish(&holes, 2 * n + 5), missing(n));
        assert_eq!(finish(&holes, n), after(n));
        assert_eq!(finish(&shard(1, chunk()), 2 * n), missing(0));
        assert_eq!(finish(&shard(0, 0), 1), missing(0));
        assert_eq!(finish(&shard(3, 0), 0), Err(Error::NoRows));
        assert_eq!(finish(&shard(1, 3), 0), after(0));
    }

    /// The sum of whole segments of so many rows from one on; the last has not ended.
    fn segments(first: u64, rows: &[usize]) -> GradientSum {
        let mut stream = GradientStream::starting_at(engine(), params(), Place::at(first, 0)).unwrap();
        for (i, &rows) in rows.iter().enumerate() {
            if i > 0 {
                stream.end_segment();
            }
            with_batch(rows, |batch| stream.push(batch)).unwrap();
        }
        stream.into_sum()
    }

    #[test]
    fn segments_that_are_in_both_sums() {
        let n = chunk();
        let overlap = |segment, row: usize| Error::OverlappingRows { place: Place::at(segment, row as u64) };
        // A whole segment and itself, or a part of it; a segment without rows too.
        assert_apart(&segments(0, &[5, 0]), &segments(0, &[5, 0]), overlap(0, 0));
        assert_apart(&segments(2, &[5, 9, 0]), &segments(3, &[5]), overlap(3, 0));
        assert_apart(&segments(2, &[0, 0, 0]), &segments(3, &[0, 1]), overlap(3, 0));
        assert_apart(&segments(0, &[3 * n, 1]), &shard(1, n), overlap(0, n));
        // The same rows of a segment that has not ended.
        assert_apart(&segments(4, &[1, 2 * n]), &segments(5, &[n]), overlap(5, 0));
        // An end that both heard of.
        let end = |place| {
            let mut stream = GradientStream::<f64, f64>::starting_at(engine(), params(), place).unwrap();
            stream.end_segment();
            stream.into_sum()
        };
        let place = Place::at(3, n as u64);
        assert_apart(&end(place), &end(place), Error::EndedTwice { end: place });
        let mut whole = segments(3, &[n]);
        whole.merge(&end(place)).unwrap();
        assert!(whole == segments(3, &[n, 0]));
        // The end of all of them.
        let all = || {
            let mut stream = GradientStream::<f64, f64>::new(engine(), params());
            stream.end_data();
            stream.into_sum()
        };
        assert_apart(&all(), &all(), Error::EndedTwice { end: Place::default() });
    }

    #[test]
    fn segments_beyond_those_that_can_be_counted() {
        let most = 1_u64 << 63;
        let at = |segment| GradientStream::<f64, f64>::starting_at(engine(), params(), Place::at(segment, 0));
        assert_eq!(at(most).err(), Some(Error::TooManyRows));
        let mut last = at(most - 1).unwrap();
        with_batch(5, |batch| last.push_segments(&[*batch])).unwrap();
        assert_eq!(with_batch(1, |batch| last.push(batch)), Err(Error::TooManyRows));
        assert_eq!(with_batch(1, |batch| last.push_segments(&[*batch])), Err(Error::TooManyRows));
        last.end_segment();
        let sum = last.into_sum();
        assert!(GradientSum::from_bytes(&sum.to_bytes()).unwrap() == sum);
    }

    #[test]
    fn no_segments_change_nothing() {
        let mut stream = at(0).unwrap();
        with_batch(700, |batch| stream.push(batch)).unwrap();
        stream.push_segments(&[]).unwrap();
        with_batch(9, |batch| stream.push(batch)).unwrap();
        assert_eq!((stream.nrows(), stream.place()), (709, Place::at_row(709)));
        let mut wanted = at(0).unwrap();
        with_batch(700, |batch| wanted.push(batch)).unwrap();
        with_batch(9, |batch| wanted.push(batch)).unwrap();
        assert!(stream.into_sum() == wanted.into_sum());
    }

    #[test]
    fn rows_after_the_end_of_a_segment_or_of_the_data() {
        let n = chunk();
        let ended = |rows: usize| {
            let mut stream = at(0).unwrap();
            with_batch(rows, |batch| stream.push(batch)).unwrap();
            stream.end_segment();
            stream.into_sum()
        };
        let end = Place::at(0, 2 * n as u64);
        let mut ends_early = GradientStream::<f64, f64>::starting_at(engine(), params(), end).unwrap();
        ends_early.end_segment();
        let ends_early = ends_early.into_sum();
        assert_apart(&ends_early, &shard(2, 1), Error::RowsAfterEnd { end });
        assert_apart(&ends_early, &shard(1, n + 1), Error::RowsAfterEnd { end });
        assert!(ends_early.clone().merge(&shard(0, 2 * n)).is_ok());
        // What is whole holds all its rows.
        let place = Place::at(0, n as u64);
        assert_apart(&ended(5), &shard(1, 3), Error::OverlappingRows { place });

        let all = |rows: &[usize]| {
            let mut stream = GradientStream::starting_at(engine(), params(), Place::default()).unwrap();
            for &rows in rows {
                with_batch(rows, |batch| stream.push(batch)).unwrap();
                stream.end_segment();
            }
            stream.end_data();
            assert_eq!(
                with_batch(1, |batch| stream.push(batch)),
                Err(Error::RowsAfterEnd { end: stream.place() })
            );
            with_batch(1, |batch| {
                let error = Err(Error::RowsAfterEnd { end: stream.place() });
                assert_eq!(stream.push_segments(&[*batch]), error);
            });
            let place = stream.place();
            stream.end_segment();
            stream.end_data();
            assert_eq!(stream.place(), place, "nothing is behind the end");
            stream.into_sum()
        };
        let end = Place::at(2, 0);
        for other in [segments(2, &[1]), segments(7, &[0, 0])] {
            assert_apart(&all(&[5, 0]), &other, Error::RowsAfterEnd { end });
        }
    }

    #[test]
    fn sums_of_segments_with_other_rows_are_not_finished() {
        let sum = segments(0, &[5, 600, 0, 9, 7]);
        let finish = |rows: &[u64]| sum.finish(&Extent::of_segments(rows.iter().copied()));
        let wrong = |segments| Err(Error::OtherRows { segments });
        assert!(finish(&[5, 600, 0, 9, 7]).is_ok());
        for (rows, answer) in [
            (&[4, 600, 0, 9, 7], wrong(0..4)),
            (&[600, 5, 0, 9, 7], wrong(0..4)),
            (&[5, 600, 9, 0, 7], wrong(0..4)),
            (&[5, 600, 0, 9, 8], Err(Error::MissingRows { place: Place::at(4, 7) })),
            (&[5, 600, 0, 9, 6], Err(Error::RowsAfterEnd { end: Place::at(4, 6) })),
        ] {
            assert_eq!(finish(rows), answer, "{rows:?}");
        }
        assert_eq!(finish(&[5, 600, 0, 9]), Err(Error::RowsAfterEnd { end: Place::at(4, 0) }));
        assert_eq!(finish(&[5, 600, 0, 9, 7, 1]), Err(Error::MissingRows { place: Place::at(5, 0) }));
        // A segment without rows need not be there.
        assert_eq!(finish(&[5, 600, 0, 9, 7, 0, 0]), finish(&[5, 600, 0, 9, 7]));
        assert_eq!(segments(1, &[5]).finish(&Extent::of_segments([0, 5])), finish_one(5));
        assert_eq!(segments(1, &[5]).finish(&Extent::of_segments([1, 5])), missing(0));
        assert_eq!(segments(0, &[0, 0]).finish(&Extent::of_segments([0, 0])), Err(Error::NoRows));
        assert_eq!(segments(0, &[]).finish(&Extent::of_segments([])), Err(Error::NoRows));
        // The end of the data is known to be elsewhere.
        let mut stream = at(0).unwrap();
        with_batch(5, |batch| stream.push(batch)).unwrap();
        stream.end_data();
        let ended = stream.into_sum();
        let finish = |rows: &[u64]| ended.finish(&Extent::of_segments(rows.iter().copied()));
        assert_eq!(finish(&[5]), finish_one(5));
        assert_eq!(finish(&[6]), wrong(0..1));
        assert_eq!(finish(&[5, 0]), Err(Error::MissingRows { place: Place::at(1, 0) }));
        assert_eq!(finish(&[]), Err(Error::RowsAfterEnd { end: Place::at(0, 0) }));
    }

    fn finish_one(rows: usize) -> Result<Gradient, Error> {
        finish(&shard(0, rows), rows as u64)
    }
}
