//! The same bits: whatever shares, cuts, places or sends the work, the result is that of the serial
//! `scalar` engine.
#[cfg(feature = "rayon")]
use crate::support::anything;
use crate::support::{
    Buffer, Data, Held, Kind, Number, any_held, assert_same_bits, for_small, held, isas, many, numbers,
    passes, rng, scalar, serial, thin, uniform, with_all_of,
};
use lanegrad::{
    Batch, Element, Engine, Extent, GradientStream, HessianDiagonalStream, HessianProductStream, Isa, Params,
    PartialSum, Place, Rows, Storage, SumStream, Summand, Total, chunk_rows,
};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// Widths for every form of the kernels, whole vectors and others, one leaf of `dot` and several.
const WIDTHS: [usize; 24] =
    [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 50, 63, 64, 65, 100, 130, 300, 2049, 4097];

/// `of(scalar)` for fused instruction sets; an unfused one has bits of its own, `of` itself.
fn defined<R: Clone>(isa: Isa, by_scalar: &R, of: impl FnOnce(Isa) -> R) -> R {
    if isa.is_fused() { by_scalar.clone() } else { of(isa) }
}

/// The same rows with so much between them that they are taken to come from memory.
fn spread<S: Held>(rows: Rows<'_, S>) -> (Vec<S>, usize) {
    let stride = rows.ncols() + (1 << 21) / size_of::<S>() / rows.nrows();
    let mut data = vec![S::NAN; rows.nrows() * stride];
    for (row, place) in rows.iter().zip(data.chunks_mut(stride)) {
        place[..row.len()].copy_from_slice(row);
    }
    (data, stride)
}

/// One pass over rows that are taken to be in cache, and over the same ones from memory.
fn check_sources<S: Storage<T> + Held, T: Number>() {
    for cols in WIDTHS {
        for rows in [2, 15, 64, 67] {
            for kind in [Kind::PLAIN, Kind::SPECIAL] {
                let data = Data::<S, T>::of_shape(rows, cols, kind);
                for batch in [data.unweighted(), data.batch()] {
                    let (x, stride) = spread(batch.rows());
                    let spread = Rows::with_stride(&x, rows, cols, stride).unwrap();
                    let from_memory = with_all_of(Batch::new(spread, batch.labels()).unwrap(), &batch);
                    for isa in isas() {
                        let want = passes(serial(isa), &batch, data.both());
                        let got = passes(serial(isa), &from_memory, data.both());
                        assert_same_bits(&got, &want, || format!("{rows} x {cols} on {isa}, {batch:?}"));
                    }
                }
            }
        }
    }
}

#[test]
fn rows_from_memory_and_from_cache() {
    check_sources::<f32, f32>();
    check_sources::<f64, f64>();
    check_sources::<f32, f64>();
    for_small!(check_sources);
}

/// A sum that underflowed to -0 stays what it is, whatever rows of weight 0 follow.
#[test]
fn rows_of_weight_0_leave_a_sum_of_minus_0() {
    for cols in [1, 2, 7, 16, 33, 64, 100] {
        let mut x = vec![0.0; 64 * cols];
        x[0] = f32::from_bits(1);
        let mut weights = vec![0.0; 64];
        weights[0] = 1.0;
        let (labels, zeros) = (vec![1.0; 64], vec![0.0; cols]);
        let rows = Rows::new(&x, 64, cols).unwrap();
        let (spread_x, stride) = spread(rows);
        let from_memory = Rows::with_stride(&spread_x, 64, cols, stride).unwrap();
        let gradients = [rows, from_memory].map(|rows| {
            let batch = Batch::new(rows, &labels).unwrap().with_sample_weights(&weights).unwrap();
            serial(scalar()).loss_and_gradient(&batch, Params::new(&zeros, 0.0)).unwrap().dw
        });
        assert_same_bits(&gradients[1], &gradients[0], || format!("{cols} columns"));
    }
}

/// One pass on `scalar` and on all others, around the boundaries of chunks.
fn check_instruction_sets<S: Storage<T> + Held, T: Number>() {
    for cols in WIDTHS {
        let chunk = chunk_rows::<T>(cols);
        for rows in thin([0, 1, 2, 19, chunk - 1, chunk, chunk + 1, 2 * chunk + 5, 5 * chunk - 1]) {
            for kind in [Kind::PLAIN, Kind::SPECIAL] {
                let data = Data::<S, T>::of_shape(rows, cols, kind);
                for batch in [data.unweighted(), data.batch()] {
                    let want = passes(serial(scalar()), &batch, data.both());
                    for isa in isas().into_iter().filter(|isa| isa.is_fused()) {
                        let got = passes(serial(isa), &batch, data.both());
                        assert_same_bits(&got, &want, || {
                            format!("{rows} x {cols} on {isa}, {:?}, {batch:?}", kind.values)
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn every_fused_instruction_set() {
    check_instruction_sets::<f32, f32>();
    check_instruction_sets::<f64, f64>();
    check_instruction_sets::<f32, f64>();
    for_small!(check_instruction_sets);
}

/// Rows, labels, weights and parameters at any alignment, and rows with gaps between them.
fn check_layouts<S: Storage<T> + Held, T: Number>() {
    for cols in WIDTHS {
        let (rows, step) = if cols <= 130 { (37, 1) } else { (9, 5) };
        let data = Data::<S, T>::of_shape(rows, cols, Kind::PLAIN);
        let mut x_at = Buffer::for_len(rows * (2 * cols).max(cols + 7));
        let [mut y_at, mut s_at, mut o_at, mut w_at, mut v_at] =
            [rows, rows, rows, cols, cols].map(|len| Buffer::for_len(len));
        for batch in [data.unweighted(), data.batch()] {
            let of = |isa| passes(serial(isa), &batch, data.both());
            let by_scalar = of(scalar());
            for gap in [0, 1, 7, cols] {
                let spread = data.clone().spread(gap);
                for isa in isas() {
                    let want = defined(isa, &by_scalar, of);
                    for offset in thin((0..16).step_by(step)) {
                        let x = x_at.at(offset, &spread.x);
                        let view = Rows::with_stride(x, rows, cols, cols + gap).unwrap();
                        let y = y_at.at((3 * offset + 1) % 16, &data.labels);
                        let mut moved = Batch::new(view, y).unwrap();
                        if let Some(weights) = batch.sample_weights() {
                            let s = s_at.at((5 * offset + 3) % 16, weights);
                            moved = moved.with_sample_weights(s).unwrap();
                        }
                        if let Some(weights) = batch.class_weights() {
                            moved = moved.with_class_weights(weights).unwrap();
                        }
                        if let Some(offsets) = batch.offsets() {
                            moved = moved.with_offsets(o_at.at((13 * offset + 4) % 16, offsets)).unwrap();
                        }
                        let [params, direction] = data.both();
                        let w = w_at.at((7 * offset + 2) % 16, params.weights);
                        let v = v_at.at((11 * offset + 5) % 16, direction.weights);
                        let params = [Params::new(w, params.bias), Params::new(v, direction.bias)];
                        let got = passes(serial(isa), &moved, params);
                        assert_same_bits(&got, &want, || {
                            format!("{rows} x {cols} on {isa}, gap {gap}, offset {offset}")
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn every_alignment_and_stride() {
    check_layouts::<f32, f32>();
    check_layouts::<f64, f64>();
    check_layouts::<f32, f64>();
    for_small!(check_layouts);
}

/// Any number of threads, with enough rows to be shared between them.
#[cfg(feature = "rayon")]
fn check_threads<S: Storage<T> + Held, T: Number>() {
    let pools = pools();
    for (rows, cols) in thin([(40_000, 64), (300_000, 3), (700, 1000), (100, 4097)]) {
        let data = Data::<S, T>::of_shape(rows, cols, Kind::PLAIN);
        for batch in [data.unweighted(), data.batch()] {
            let of = |isa| passes(serial(isa), &batch, data.both());
            let by_scalar = of(scalar());
            for isa in isas() {
                let want = defined(isa, &by_scalar, of);
                // `scalar` is slow; it has been compared with the others on one thread.
                for pool in if isa == scalar() { &pools[2..3] } else { &pools } {
                    let engine = Engine::new().with_isa(isa);
                    assert!(engine.is_parallel());
                    let got = pool.install(|| passes(engine, &batch, data.both()));
                    assert_same_bits(&got, &want, || {
                        format!("{rows} x {cols} on {isa}, {} threads", pool.current_num_threads())
                    });
                }
            }
        }
    }
}

#[cfg(feature = "rayon")]
fn pools() -> Vec<rayon::ThreadPool> {
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    [1, 2, 3, 7, 16].map(pool).into()
}

#[cfg(feature = "rayon")]
#[test]
fn any_number_of_threads() {
    check_threads::<f32, f32>();
    check_threads::<f64, f64>();
    check_threads::<f32, f64>();
    for_small!(check_threads);
}

/// The elementwise maps of an engine, slice to slice and in place: the kernels' bits on any number of
/// threads.
#[cfg(feature = "rayon")]
fn check_maps<T: Number>() {
    type Map<T> = fn(&Engine, &[T], &[T], &mut [T]);
    type Kernel<T> = fn(Isa, &[T], &[T], &mut [T]);
    /// Name, kernel, slice to slice, in place.
    type Forms<T> = (&'static str, Kernel<T>, Map<T>, Map<T>);
    let maps: [Forms<T>; 6] = [
        (
            "sigmoid",
            |isa, z, _, out| isa.sigmoid(z, out).unwrap(),
            |engine, z, _, out| engine.sigmoid(z, out).unwrap(),
            |engine, _, _, z| engine.sigmoid_in_place(z),
        ),
        (
            "softplus",
            |isa, z, _, out| isa.softplus(z, out).unwrap(),
            |engine, z, _, out| engine.softplus(z, out).unwrap(),
            |engine, _, _, z| engine.softplus_in_place(z),
        ),
        (
            "log_sigmoid",
            |isa, z, _, out| isa.log_sigmoid(z, out).unwrap(),
            |engine, z, _, out| engine.log_sigmoid(z, out).unwrap(),
            |engine, _, _, z| engine.log_sigmoid_in_place(z),
        ),
        (
            "logit",
            |isa, p, _, out| isa.logit(p, out).unwrap(),
            |engine, p, _, out| engine.logit(p, out).unwrap(),
            |engine, _, _, p| engine.logit_in_place(p),
        ),
        (
            "log_loss",
            |isa, z, y, out| isa.log_loss(z, y, out).unwrap(),
            |engine, z, y, out| engine.log_loss(z, y, out).unwrap(),
            |engine, _, y, z| engine.log_loss_in_place(z, y).unwrap(),
        ),
        (
            "residual",
            |isa, z, y, out| isa.residual(z, y, out).unwrap(),
            |engine, z, y, out| engine.residual(z, y, out).unwrap(),
            |engine, _, y, z| engine.residual_in_place(z, y).unwrap(),
        ),
    ];
    let rng = &mut rng(11);
    let pools = pools();
    // The last in several pieces, also where it is reduced.
    for n in [0, 1, 1000, crate::support::fewer(1_000_003).max(70_003)] {
        let z: Vec<T> = (0..n).map(|_| anything(rng)).collect();
        let y: Vec<T> = (0..n).map(|_| T::nearest(rng.random_range(0.0..=1.0))).collect();
        let mut out = vec![T::default(); n];
        for (name, kernel, map, in_place) in maps {
            let mut of = |isa| {
                kernel(isa, &z, &y, &mut out);
                out.clone()
            };
            let by_scalar = of(scalar());
            for isa in isas().into_iter().filter(|&isa| isa != scalar()) {
                let want = defined(isa, &by_scalar, &mut of);
                let engine = Engine::new().with_isa(isa);
                for pool in &pools {
                    let context =
                        || format!("{name} on {isa}, n = {n}, {} threads", pool.current_num_threads());
                    let mut got = vec![T::NAN; n];
                    pool.install(|| map(&engine, &z, &y, &mut got));
                    assert_same_bits(&got, &want, context);
                    got.copy_from_slice(&z);
                    pool.install(|| in_place(&engine, &z, &y, &mut got));
                    assert_same_bits(&got, &want, context);
                }
            }
        }
    }
}

#[cfg(feature = "rayon")]
#[test]
fn maps_on_any_number_of_threads() {
    check_maps::<f32>();
    check_maps::<f64>();
}

/// Pushes random batches: of none, one, few and many rows, and around whole chunks.
fn pushed<S: Storage<T>, T: Element, Q: Summand<T>>(
    mut stream: SumStream<S, T, Q>,
    batch: &Batch<'_, S, T>,
    rng: &mut impl Rng,
) -> SumStream<S, T, Q> {
    let rows = batch.rows().nrows();
    let chunk = chunk_rows::<T>(batch.rows().ncols());
    let ones = vec![T::nearest(1.0); rows];
    let mut next = 0;
    while next < rows {
        let n = match rng.random_range(0..8) {
            0 => 0,
            1 => 1,
            2..=3 => rng.random_range(0..40),
            4 => chunk + rng.random_range(0..3) - 1,
            5 => rng.random_range(0..chunk),
            6 => 4 * chunk,
            _ => rng.random_range(0..10 * chunk),
        };
        let range = next..rows.min(next + n);
        next = range.end;
        let mut part = batch.slice(range.clone()).unwrap();
        if batch.sample_weights().is_none() && rng.random() {
            part = part.with_sample_weights(&ones[range]).unwrap();
        }
        stream.push(&part).unwrap();
    }
    assert_eq!(stream.nrows(), rows as u64);
    stream
}

/// What is streamed.
const SUMMED: [&str; 3] = ["loss", "curvature", "diagonal"];

/// Streams of the loss, of its curvature and of the Hessian's diagonal, each cut at random places of its own.
fn streams<'a, S: Storage<T>, T: Element>(
    engine: Engine,
    batch: &Batch<'_, S, T>,
    [params, direction]: [Params<'a, T>; 2],
    first_row: usize,
    rng: &mut impl Rng,
) -> (GradientStream<S, T>, HessianProductStream<S, T>, HessianDiagonalStream<S, T>) {
    let place = Place::at_row(first_row as u64);
    let loss = GradientStream::starting_at(engine, params, place).unwrap();
    let curvature = HessianProductStream::starting_at(engine, params, direction, place).unwrap();
    let diagonal = HessianDiagonalStream::starting_at(engine, params, place).unwrap();
    (pushed(loss, batch, rng), pushed(curvature, batch, rng), pushed(diagonal, batch, rng))
}

/// The sums of one pass over all rows: of the loss, of its curvature, and of the Hessian's diagonal.
fn sums<S: Storage<T>, T: Element>(
    engine: Engine,
    batch: &Batch<'_, S, T>,
    [params, direction]: [Params<'_, T>; 2],
) -> [Vec<f64>; 3] {
    let product = engine.hessian_product(batch, params, direction).unwrap();
    let diagonal = engine.hessian_diagonal(batch, params).unwrap();
    [numbers(&engine.loss_and_gradient(batch, params).unwrap()), numbers(&product), numbers(&diagonal)]
}

/// A stream, however it was cut, against one pass; with rows in and out of the caches, as the pass takes
/// them differently.
fn check_streams<S: Storage<T> + Held, T: Number>() {
    let rng = &mut rng(12);
    for cols in [0, 1, 3, 8, 16, 20, 40, 50, 64, 100, 300, 1000, 5000] {
        let chunk = chunk_rows::<T>(cols);
        let above_one_mb = (1_200_000 / size_of::<S>()).checked_div(cols).unwrap_or(0).min(100_000);
        for rows in thin([0, 1, chunk, 7 * chunk + 3, above_one_mb]) {
            for kind in [Kind::PLAIN, Kind::SPECIAL] {
                let data = Data::<S, T>::of_shape(rows, cols, kind);
                let batch = if rng.random() { data.batch() } else { data.unweighted() };
                let params = data.both();
                let of = |isa| sums(serial(isa), &batch, params);
                let by_scalar = of(scalar());
                for isa in isas() {
                    let want = defined(isa, &by_scalar, of);
                    let one_pass = of(isa);
                    for (one_pass, want) in one_pass.iter().zip(&want) {
                        assert_same_bits(one_pass, want, || format!("{rows} x {cols} on {isa}, one pass"));
                    }
                    for engine in [serial(isa), Engine::new().with_isa(isa)] {
                        let (loss, curvature, diagonal) = streams(engine, &batch, params, 0, rng);
                        let got = [
                            numbers(&loss.finish().unwrap()),
                            numbers(&curvature.finish().unwrap()),
                            numbers(&diagonal.finish().unwrap()),
                        ];
                        for ((got, want), what) in got.iter().zip(&want).zip(SUMMED) {
                            assert_same_bits(got, want, || {
                                format!("{what} of {rows} x {cols} on {isa}, {:?}, {batch:?}", kind.values)
                            });
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn streams_cut_at_random_places() {
    check_streams::<f32, f32>();
    check_streams::<f64, f64>();
    check_streams::<f32, f64>();
    for_small!(check_streams);
}

/// Rows by the megabyte against small parts of them: logits and probabilities.
fn check_large_views<S: Storage<T> + Held, T: Number>() {
    for cols in thin([1, 8, 16, 30, 50, 64, 130, 5000]) {
        let rows = 1_300_000 / size_of::<S>() / cols;
        let data = Data::<S, T>::of_shape(rows, cols, Kind::PLAIN);
        let params = data.params();
        for isa in isas() {
            let engine = serial(isa);
            let mut whole = vec![T::NAN; rows];
            let mut parts = vec![T::NAN; rows];
            engine.logits(data.rows(), params, &mut whole).unwrap();
            for (first, out) in (0..rows).step_by(1000).zip(parts.chunks_mut(1000)) {
                let part = data.rows().slice(first..first + out.len()).unwrap();
                engine.logits(part, params, out).unwrap();
            }
            assert_same_bits(&whole, &parts, || format!("logits of {rows} x {cols} on {isa}"));
            engine.predict_proba(data.rows(), params, &mut whole).unwrap();
            engine.sigmoid_in_place(&mut parts);
            assert_same_bits(&whole, &parts, || format!("probabilities of {rows} x {cols} on {isa}"));
        }
    }
}

#[test]
fn rows_by_the_megabyte() {
    check_large_views::<f32, f32>();
    check_large_views::<f64, f64>();
    check_large_views::<f32, f64>();
    for_small!(check_large_views);
}

/// A sum as it is after a journey: as bytes, as text, as binary data, or as it was.
pub(crate) fn sent<R: Total>(sum: PartialSum<R>, rng: &mut impl Rng) -> PartialSum<R> {
    let bytes = sum.to_bytes();
    let arrived: PartialSum<R> = match rng.random_range(0..4) {
        0 => PartialSum::from_bytes(&bytes).unwrap(),
        #[cfg(feature = "serde")]
        1 => serde_json::from_str(&serde_json::to_string(&sum).unwrap()).unwrap(),
        #[cfg(feature = "serde")]
        2 => {
            let mut bytes = Vec::new();
            ciborium::into_writer(&sum, &mut bytes).unwrap();
            ciborium::from_reader(&bytes[..]).unwrap()
        }
        _ => sum,
    };
    // Equal sums have equal bytes; `==` would find a NaN different from itself.
    assert_eq!(arrived.to_bytes(), bytes);
    arrived
}

/// Sums of all parts of a data set, merged in random order.
fn merged<R: Total>(mut sums: Vec<PartialSum<R>>, nrows: usize, rng: &mut impl Rng) -> R {
    sums.shuffle(rng);
    while sums.len() > 1 {
        // Sums of sums as well, not only one after the other onto the first.
        let other = sums.swap_remove(rng.random_range(0..sums.len()));
        let i = rng.random_range(0..sums.len());
        sums[i].merge(&other).unwrap();
    }
    sent(sums.remove(0), rng).finish(&Extent::of_rows(nrows as u64)).unwrap()
}

/// Shards, summed apart and on different instruction sets, against one pass over all rows.
fn check_shards<S: Storage<T> + Held, T: Number>() {
    let rng = &mut rng(13);
    for cols in [0, 1, 3, 16, 50, 64, 65, 300, 1000] {
        for kind in [Kind::PLAIN, Kind::SPECIAL] {
            for shards in thin(2..=9) {
                let chunk = chunk_rows::<T>(cols);
                let chunks = shards + rng.random_range(0..12);
                // Whole chunks at the end too.
                let end = if rng.random() { 0 } else { rng.random_range(0..chunk) };
                let rows = chunks * chunk - end;
                let data = Data::<S, T>::of_shape(rows, cols, kind);
                let batch = if rng.random() { data.batch() } else { data.unweighted() };
                let params = data.both();
                let want = sums(serial(scalar()), &batch, params);

                // Some shards may be of no rows.
                let mut starts: Vec<usize> =
                    (1..shards).map(|_| chunk * rng.random_range(0..chunks)).chain([0]).collect();
                starts.sort_unstable();
                let ends = starts[1..].iter().copied().chain([rows]);
                let fused: Vec<Isa> = isas().into_iter().filter(|isa| isa.is_fused()).collect();
                let (mut losses, mut curvatures, mut diagonals) = (Vec::new(), Vec::new(), Vec::new());
                for (&start, end) in starts.iter().zip(ends) {
                    let engine = serial(fused[rng.random_range(0..fused.len())]);
                    let part = batch.slice(start..end).unwrap();
                    let (loss, curvature, diagonal) = streams(engine, &part, params, start, rng);
                    losses.push(sent(loss.into_sum(), rng));
                    curvatures.push(sent(curvature.into_sum(), rng));
                    diagonals.push(sent(diagonal.into_sum(), rng));
                }
                let got = [
                    numbers(&merged(losses, rows, rng)),
                    numbers(&merged(curvatures, rows, rng)),
                    numbers(&merged(diagonals, rows, rng)),
                ];
                for ((got, want), what) in got.iter().zip(&want).zip(SUMMED) {
                    assert_same_bits(got, want, || {
                        format!("{what} of {rows} x {cols} in {shards} shards, {:?}", kind.values)
                    });
                }
            }
        }
    }
}

#[test]
fn shards_merged_in_random_order() {
    check_shards::<f32, f32>();
    check_shards::<f64, f64>();
    check_shards::<f32, f64>();
    for_small!(check_shards);
}

/// A row's logit is `dot(x, w) + b` and its probability the sigmoid of that, alone and among others.
fn check_rows_alone<S: Storage<T> + Held, T: Number>() {
    let rng = &mut rng(14);
    let wide = [200, 256, 300, 1000, 1025, 2048, 2049, 4096, 4097, 5000, 8192, 10_000];
    for cols in thin((0..=130).chain(wide)) {
        let n = if cols <= 130 { 35 } else { 17 };
        for specials in [false, true] {
            let special = |rng: &mut SmallRng| specials && rng.random_range(0..20) == 0;
            let x: Vec<S> = many(n * cols, || if special(rng) { any_held(rng) } else { held(rng) });
            let w: Vec<T> = many(cols, || uniform(rng));
            let (rows, params) = (Rows::new(&x, n, cols).unwrap(), Params::new(&w, uniform(rng)));
            for isa in isas() {
                let engine = serial(isa);
                let mut want = Vec::new();
                for row in rows.iter() {
                    want.push(isa.dot(row, &w).unwrap() + params.bias);
                }
                let mut probabilities = vec![T::NAN; n];
                isa.sigmoid(&want, &mut probabilities).unwrap();

                let mut out = vec![T::NAN; n];
                engine.logits(rows, params, &mut out).unwrap();
                assert_same_bits(&out, &want, || format!("logits of {cols} features on {isa}"));
                engine.predict_proba(rows, params, &mut out).unwrap();
                assert_same_bits(&out, &probabilities, || format!("probabilities, {cols} features, {isa}"));
                out.fill(T::NAN);
                isa.logits(rows, params, &mut out).unwrap();
                assert_same_bits(&out, &want, || format!("logits of {cols} features on {isa} itself"));
                for i in [0, 1, n / 2, n - 1] {
                    let row = rows.slice(i..i + 1).unwrap();
                    let mut alone = [T::NAN];
                    engine.logits(row, params, &mut alone).unwrap();
                    assert_same_bits(&alone, &want[i..=i], || format!("row of {cols} features alone, {isa}"));
                    engine.predict_proba(row, params, &mut alone).unwrap();
                    isa.sigmoid(&[want[i]], &mut probabilities[i..=i]).unwrap();
                    assert_same_bits(&alone, &probabilities[i..=i], || {
                        format!("probability of a row of {cols} features alone, {isa}")
                    });
                }
            }
        }
    }
}

#[test]
fn a_row_alone_gets_the_bits_that_it_gets_among_others() {
    check_rows_alone::<f32, f32>();
    check_rows_alone::<f64, f64>();
    check_rows_alone::<f32, f64>();
    for_small!(check_rows_alone);
}
