//! Distances of columns from centres, and their squares: the sums of the definition, in the same bits everywhere.

use crate::support::{
    Data, DoubleDouble, Kind, Number, Values, assert_same_bits, centres, fewer, isas, numbers, rng, scalar,
    serial,
};
use lanegrad::{Batch, Engine, Rows, Storage, chunk_rows};
use rand::RngExt;

/// Sums over the rows that count, in twice the precision, with the sums of the absolute values.
fn by_definition<S: Number + Storage<T>, T: Number>(
    data: &Data<S, T>,
    centres: &[f64],
    squared: bool,
) -> Vec<(f64, f64)> {
    let counts = data.counts();
    let column = |j: usize| {
        let (mut sum, mut size) = (DoubleDouble::default(), 0.0);
        for (i, row) in data.rows().iter().enumerate() {
            let weight = counts[i].to_f64();
            if weight > 0.0 {
                let distance = row[j].to_f64() - centres[j];
                let term = if squared { distance * distance } else { distance };
                sum.add_product(weight, term);
                size += weight * term.abs();
            }
        }
        (sum.high, size)
    };
    (0..data.ncols).map(column).collect()
}

fn check<S: Number + Storage<T>, T: Number>(seed: u64) {
    let rng = &mut rng(seed);
    for _ in 0..fewer(300) {
        let ncols = rng.random_range(0..80);
        let nrows = rng.random_range(0..3 * chunk_rows::<T>(ncols));
        for kind in Kind::variants() {
            let data = Data::<S, T>::random(rng, nrows, ncols, kind);
            let (batch, centres) = (data.batch(), centres(data.direction()));
            let pass = |engine: Engine, squared: bool| {
                let sums = if squared {
                    engine.squared_deviations(&batch, &centres)
                } else {
                    engine.deviations(&batch, &centres)
                };
                sums.unwrap()
            };
            for squared in [false, true] {
                let context = || format!("{nrows} x {ncols}, {kind:?}");
                let by_scalar = pass(serial(scalar()), squared);
                // Instruction sets without fused multiply-add too.
                for isa in isas() {
                    for engine in [serial(isa), Engine::new().with_isa(isa)] {
                        assert_same_bits(&numbers(&pass(engine, squared)), &numbers(&by_scalar), context);
                    }
                }
                if kind.values == Values::Special {
                    continue;
                }
                for (got, (want, size)) in by_scalar.sums.iter().zip(by_definition(&data, &centres, squared))
                {
                    let bound = (516.0 + 3.0) * 0.5 * f64::EPSILON * size;
                    assert!((got - want).abs() <= bound, "{}: {got}, not {want}", context());
                }
            }
        }
    }
}

#[test]
fn sums_are_those_of_the_definition_in_the_same_bits() {
    check::<f32, f32>(31);
    check::<f64, f64>(32);
    check::<f32, f64>(33);
}

#[test]
fn equal_numbers_are_no_distance_from_one_of_them() {
    for x in [0.1_f32, 1e12, 1e38, 1e-45] {
        let (data, labels) = (vec![x; 5000], vec![0.0_f32; 5000]);
        let weights: Vec<f32> = (0..5000).map(|i| i as f32 / 7.0).collect();
        let batch = Batch::new(Rows::new(&data, 5000, 1).unwrap(), &labels).unwrap();
        for batch in [batch, batch.with_sample_weights(&weights).unwrap()] {
            assert_eq!(Engine::new().deviations(&batch, &[x.into()]).unwrap().sums, [0.0]);
            assert_eq!(Engine::new().squared_deviations(&batch, &[x.into()]).unwrap().sums, [0.0]);
        }
    }
}

#[test]
fn rows_that_do_not_count_add_nothing() {
    let rows = Rows::new(&[1.0, f64::NAN, 3.0, f64::INFINITY], 4, 1).unwrap();
    let batch = Batch::new(rows, &[0.0; 4]).unwrap().with_sample_weights(&[2.0, 0.0, 1.0, 0.0]).unwrap();
    let sums = Engine::new().deviations(&batch, &[0.5]).unwrap();
    assert_eq!((&sums.sums[..], sums.weight_sum), (&[3.5][..], 3.0));
    assert_eq!(Engine::new().squared_deviations(&batch, &[0.5]).unwrap().sums, [6.75]);
    assert_eq!(format!("{sums:?}"), "ColumnSums { sums: [3.5], weight_sum: 3.0, .. }");
}
