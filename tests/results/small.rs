//! Small numbers, of 16 and 8 bits: each is widened exactly, and what is made of rows of them has the bits of the same
//! numbers held as `f32`.

#[cfg(feature = "alloc")]
use crate::support::{Data, Kind, Values, fewer, numbers, passes, serial};
use crate::support::{Held, Number, any_held, assert_same_bits, isas, many, rng, thin, uniform};
use half::{bf16, f16};
use lanegrad::Storage;
#[cfg(feature = "alloc")]
use lanegrad::{Engine, GradientStream, chunk_rows};
#[cfg(feature = "alloc")]
use rand::RngExt;

/// `for_all!(check)`: `check::<S, T>()` for every type in either arithmetic.
macro_rules! for_all {
    ($check:ident) => {
        $check::<bf16, f32>();
        $check::<bf16, f64>();
        $check::<f16, f32>();
        $check::<f16, f64>();
        $check::<i8, f32>();
        $check::<i8, f64>();
        $check::<u8, f32>();
        $check::<u8, f64>();
    };
}

/// Every number of the type, in every lane of a vector and in the rest of a slice: `1 x + (-0)` is x.
fn check_every_value<S: Storage<T> + Held, T: Number>() {
    let bits = 8 * size_of::<S>();
    let all: Vec<S> = (0..1_u64 << bits).map(S::of_bits).collect();
    let want: Vec<T> = all.iter().map(|x| T::nearest(x.to_f64())).collect();
    let (one, nothing) = (T::nearest(1.0), T::nearest(-0.0));
    for isa in isas() {
        for first in thin(0..17) {
            let mut out = vec![nothing; all.len() - first];
            isa.axpy(one, &all[first..], &mut out).unwrap();
            assert_same_bits(&out, &want[first..], || {
                format!("{} in {} from {first} on {isa}", S::NAME, T::NAME)
            });
        }
        for len in thin(1..17) {
            for (x, want) in all.chunks(len).zip(want.chunks(len)) {
                let mut out = [nothing; 16];
                isa.axpy(one, x, &mut out[..x.len()]).unwrap();
                assert_same_bits(&out[..x.len()], want, || format!("{} of {len} on {isa}", S::NAME));
            }
        }
    }
}

#[test]
fn every_number_is_widened_exactly() {
    for_all!(check_every_value);
}

/// The dot product of any length and at any alignment is that of the same numbers held wider.
fn check_dot<S: Storage<T> + Held, T: Number>()
where
    f32: Storage<T>,
{
    let rng = &mut rng(1);
    for n in thin((0..=150).chain([1000, 4097, 10_007])) {
        let x: Vec<S> = many(n + 3, || any_held(rng));
        let widened: Vec<f32> = x.iter().map(|x| x.to_f64() as f32).collect();
        let w: Vec<T> = many(n, || uniform(rng));
        for isa in isas() {
            for first in 0..3 {
                let range = first..first + n;
                let [got, want] =
                    [isa.dot(&x[range.clone()], &w), isa.dot(&widened[range], &w)].map(Result::unwrap);
                assert_same_bits(&[got], &[want], || format!("{} in {}, {n} on {isa}", S::NAME, T::NAME));
            }
        }
    }
}

#[test]
fn dot_is_that_of_numbers_held_wider() {
    for_all!(check_dot);
}

/// The same rows, with their gaps, held as `f32`.
#[cfg(feature = "alloc")]
fn widened<S: Held, T: Number>(data: &Data<S, T>) -> Data<f32, T>
where
    f32: Storage<T>,
{
    let Data { ncols, row_stride, x, start, labels, sample_weights, class_weights, offsets, weights, biases } =
        data.clone();
    let x = x.iter().map(|x| x.to_f64() as f32).collect();
    Data { ncols, row_stride, x, start, labels, sample_weights, class_weights, offsets, weights, biases }
}

/// All passes over rows of any shape, with and without gaps, labels between 0 and 1, weights, offsets and numbers that
/// are not finite; and over gathered ones.
#[cfg(feature = "alloc")]
fn check_passes<S: Storage<T> + Held, T: Number>()
where
    f32: Storage<T>,
{
    let widths =
        (0..=20).chain([24, 31, 32, 33, 40, 48, 49, 63, 64, 65, 70, 96, 100, 128, 130, 384, 1000, 4097]);
    let shapes = widths.flat_map(|cols| {
        let chunk = chunk_rows::<T>(cols);
        [1, 2, 5, 16, 37, chunk - 1, 2 * chunk + 5].map(|rows| (rows, cols))
    });
    let kinds: Vec<Kind> =
        Kind::variants().chain([Kind::SPECIAL, Kind { gap: 3, ..Kind::SPECIAL }]).collect();
    for (i, (rows, cols)) in thin(shapes.filter(|(rows, cols)| rows * cols <= 100_000).enumerate()) {
        let kind = kinds[i % kinds.len()];
        let data = Data::<S, T>::of_shape(rows, cols, kind);
        let wide = widened(&data);
        let order: Vec<u32> = (0..rows as u32).map(|i| i.wrapping_mul(7919) % rows as u32).collect();
        for isa in isas() {
            let (batch, wide_batch) = (data.batch(), wide.batch());
            let context = || format!("{} in {}, {rows} x {cols}, {kind:?}, on {isa}", S::NAME, T::NAME);
            let got = passes(serial(isa), &batch, data.both());
            assert_same_bits(&got, &passes(serial(isa), &wide_batch, wide.both()), context);
            let got = passes(serial(isa), &batch.gather(&order).unwrap(), data.both());
            let want = passes(serial(isa), &wide_batch.gather(&order).unwrap(), wide.both());
            assert_same_bits(&got, &want, || format!("gathered, {}", context()));
        }
    }
}

#[cfg(feature = "alloc")]
#[test]
fn passes_are_those_over_numbers_held_wider() {
    for_all!(check_passes);
}

/// Many rows, on several threads, and in a stream of batches of any size.
#[cfg(feature = "alloc")]
fn check_large<S: Storage<T> + Held, T: Number>()
where
    f32: Storage<T>,
{
    let rng = &mut rng(3);
    let shapes = [(40_001, 30), (20_003, 64), (9001, 130), (5003, 384), (300, 4097)];
    for (rows, cols) in thin(shapes) {
        let rows = fewer(rows);
        let kind = Kind { values: Values::Special, gap: rng.random_range(0..2), ..Kind::PLAIN };
        let data = Data::<S, T>::of_shape(rows, cols, kind);
        let wide = widened(&data);
        let engine = Engine::new();
        let context = || format!("{} in {}, {rows} x {cols}", S::NAME, T::NAME);
        let want = passes(engine, &wide.batch(), wide.both());
        assert_same_bits(&passes(engine, &data.batch(), data.both()), &want, context);

        let mut stream = GradientStream::new(engine, data.params());
        let mut first = 0;
        while first < rows {
            let next = (first + rng.random_range(1..=rows / 3)).min(rows);
            stream.push(&data.batch().slice(first..next).unwrap()).unwrap();
            first = next;
        }
        let streamed = numbers(&stream.finish().unwrap());
        assert_same_bits(&streamed, &want[..streamed.len()], || format!("streamed, {}", context()));
    }
}

#[cfg(feature = "alloc")]
#[test]
fn large_passes_are_those_over_numbers_held_wider() {
    for_all!(check_large);
}
