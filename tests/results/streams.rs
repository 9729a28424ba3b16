//! Streams that are kept for many passes: started again, asked for a total on the way, and refused a start.

use crate::support::{Data, Held, Kind, Number, assert_same_bits, for_small, isas, numbers, serial, thin};
use lanegrad::{
    Batch, Element, Engine, Error, Gradient, GradientStream, HessianDiagonal, HessianDiagonalStream,
    HessianProduct, HessianProductStream, Params, Place, Storage, SumStream, Summand, chunk_rows,
};

/// Pushes all rows, in parts of so many.
fn push<S: Storage<T>, T: Element, Q: Summand<T>>(
    stream: &mut SumStream<S, T, Q>,
    batch: &Batch<'_, S, T>,
    part: usize,
) {
    for start in (0..batch.nrows()).step_by(part) {
        stream.push(&batch.slice(start..batch.nrows().min(start + part)).unwrap()).unwrap();
    }
}

fn check_restarts<S: Storage<T> + Held, T: Number>() {
    for cols in thin([0, 1, 8, 20, 64, 100, 300]) {
        let chunk = chunk_rows::<T>(cols);
        // With a rest that is held, with whole chunks alone, and with nothing at all.
        let data = [3 * chunk + 5, 4 * chunk, 0, chunk - 1]
            .map(|rows| Data::<S, T>::of_shape(rows, cols, Kind::PLAIN));
        for isa in isas() {
            let engine = serial(isa);
            let first = data[0].both();
            let mut loss = GradientStream::new(engine, first[0]);
            let mut curvature = HessianProductStream::new(engine, first[0], first[1]).unwrap();
            let mut diagonal = HessianDiagonalStream::new(engine, first[0]);
            let mut out = (Gradient::default(), HessianProduct::default(), HessianDiagonal::default());
            for (data, part) in data.iter().zip([chunk / 2 + 3, 7 * chunk, 1, 100]) {
                let (batch, [params, direction]) = (data.batch(), data.both());
                loss.restart(params);
                curvature.restart(params, direction).unwrap();
                diagonal.restart(params);
                assert_eq!((loss.nrows(), loss.engine().isa()), (0, isa));
                push(&mut loss, &batch, part);
                push(&mut curvature, &batch, part);
                push(&mut diagonal, &batch, part);
                loss.finish_into(&mut out.0).unwrap();
                curvature.finish_into(&mut out.1).unwrap();
                diagonal.finish_into(&mut out.2).unwrap();
                let got = [numbers(&out.0), numbers(&out.1), numbers(&out.2)].concat();
                let want = [
                    numbers(&engine.loss_and_gradient(&batch, params).unwrap()),
                    numbers(&engine.hessian_product(&batch, params, direction).unwrap()),
                    numbers(&engine.hessian_diagonal(&batch, params).unwrap()),
                ]
                .concat();
                let context = || format!("{} x {cols} in parts of {part} on {isa}", data.nrows());
                assert_same_bits(&got, &want, context);
                // What was asked for on the way is still there.
                assert_same_bits(&numbers(&loss.clone().finish().unwrap()), &numbers(&out.0), context);
            }
        }
    }
}

/// A stream that is started again gives the bits of one pass, whatever it held before.
#[test]
fn a_stream_is_started_again() {
    check_restarts::<f32, f32>();
    check_restarts::<f64, f64>();
    check_restarts::<f32, f64>();
    for_small!(check_restarts);
}

/// A total on the way is that of the rows so far, and those to come are added as if nobody had asked.
#[test]
fn totals_on_the_way() {
    let data = Data::<f32, f32>::of_shape(1700, 3, Kind::PLAIN);
    let (batch, params) = (data.batch(), data.params());
    for isa in isas() {
        let mut stream = GradientStream::new(serial(isa), params);
        let mut total = Gradient::default();
        for end in (0..1700).step_by(170) {
            stream.push(&batch.slice(end..end + 170).unwrap()).unwrap();
            stream.finish_into(&mut total).unwrap();
            let so_far = batch.slice(0..end + 170).unwrap();
            let want = serial(isa).loss_and_gradient(&so_far, params).unwrap();
            assert_same_bits(&numbers(&total), &numbers(&want), || format!("{end} rows on {isa}"));
        }
    }
}

/// A stream is started again for another shard and another number of features, and refuses what cannot be.
#[test]
fn restarts_of_shards() {
    let (short, long) = ([1.0_f64], [1.0_f64, -1.0]);
    let (one, two) = (Params::new(&short, 0.5), Params::new(&long, 0.5));
    let chunk = chunk_rows::<f64>(2) as u64;
    let data = Data::<f64, f64>::of_shape(10, 2, Kind::PLAIN);

    let mut stream = GradientStream::new(Engine::serial(), one);
    let mut curvature = HessianProductStream::new(Engine::serial(), two, two).unwrap();
    push(&mut curvature, &data.batch(), 10);
    let error = Error::LengthMismatch { names: ["weights", "direction.weights"], lengths: [2, 1] };
    assert_eq!(curvature.restart(two, one), Err(error));
    assert_eq!(curvature.nrows(), 10, "a stream that cannot start goes on");

    stream.restart_at(two, Place::at_row(3 * chunk)).unwrap();
    push(&mut stream, &data.batch(), 4);
    let place = Place::at_row(chunk + 1);
    let error = Error::NotAChunkBoundary { place, chunk_rows: chunk as usize };
    assert_eq!(stream.restart_at(two, place), Err(error.clone()));
    assert_eq!(curvature.restart_at(two, two, place), Err(error));
    assert_eq!(stream.restart_at(two, Place::at_row((1 << 63) + chunk)), Err(Error::TooManyRows));
    assert_eq!(stream.nrows(), 10);

    let mut out = Gradient::default();
    out.loss = 7.0;
    let missing = Error::MissingRows { place: Place::at_row(0) };
    assert_eq!(stream.finish_into(&mut out), Err(missing));
    assert_eq!(out.loss, 7.0, "a refused total writes nothing");
    let mut shard = GradientStream::starting_at(Engine::serial(), two, Place::at_row(3 * chunk)).unwrap();
    push(&mut shard, &data.batch(), 10);
    assert!(stream.into_sum() == shard.into_sum());
}
