//! The pass over rows against `reference` in `f64`: within the bound that the documented contracts add up
//! to, for every shape, weighting and instruction set; and what rows that count for nothing, and numbers
//! that are not finite, do to a sum.

use super::bounds::{Arithmetic, Case, assert_within};
use crate::support::{
    Data, Kind, Labels, Number, Sums, assert_same_bits, isas, many, numbers, rng, serial, thin, uniform,
};
use lanegrad::{
    Batch, Engine, Gradient, GradientStream, HessianDiagonal, HessianProduct, Isa, Params, Rows, Storage,
    reference,
};
use rand::RngExt;
use rand::rngs::SmallRng;

/// Random rows, with weights that do not shrink with the width: wide rows have large logits.
fn random_data<S: Storage<T> + Number, T: Number>(
    rng: &mut SmallRng,
    rows: usize,
    cols: usize,
    kind: Kind,
) -> Data<S, T> {
    let mut data = Data::random(rng, rows, cols, kind);
    data.weights = [(); 2].map(|()| many(cols, || uniform(rng)));
    data
}

fn gradient<S: Storage<T> + Number, T: Number>(data: &Data<S, T>, isa: Isa) -> Gradient {
    serial(isa).loss_and_gradient(&data.batch(), data.params()).unwrap()
}

fn product<S: Storage<T> + Number, T: Number>(data: &Data<S, T>, isa: Isa) -> HessianProduct {
    serial(isa).hessian_product(&data.batch(), data.params(), data.direction()).unwrap()
}

/// All sums, of the loss and of its curvature.
fn sums<S: Storage<T> + Number, T: Number>(data: &Data<S, T>, isa: Isa) -> Vec<f64> {
    let diagonal = serial(isa).hessian_diagonal(&data.batch(), data.params()).unwrap();
    [numbers(&gradient(data, isa)), numbers(&product(data, isa)), numbers(&diagonal)].concat()
}

/// The Hessian times v, as a textbook has it.
fn textbook_hessian_product(case: &Case) -> Sums {
    let mut sums = Sums::zero(case.cols);
    for i in 0..case.rows {
        let (x, s) = (case.row(i), case.weight(i));
        let h = reference::d_activation_d_logit(reference::sigmoid(case.logit(i)));
        let q = reference::dot(x, &case.v) + case.v_b;
        sums.value += s * 0.5 * h * q * q;
        sums.by_bias += s * h * q;
        sums.weight_sum += s;
        reference::axpy(s * h * q, x, &mut sums.by_weights);
    }
    sums
}

/// The diagonal of the Hessian, as a textbook has it.
fn textbook_hessian_diagonal(case: &Case) -> Sums {
    let mut sums = Sums::zero(case.cols);
    for i in 0..case.rows {
        let (x, s) = (case.row(i), case.weight(i));
        let h = reference::d_activation_d_logit(reference::sigmoid(case.logit(i)));
        sums.by_bias += s * h;
        sums.weight_sum += s;
        for (sum, x) in sums.by_weights.iter_mut().zip(x) {
            *sum += s * h * x * x;
        }
    }
    sums
}

/// Everything that a pass computes, on each instruction set. Returns the largest error as a fraction of
/// its bound.
fn check<S: Storage<T> + Number, T: Number>(data: &Data<S, T>, engine: Engine) -> f64 {
    let case = &Case::of(data);
    let &Case { rows, cols, .. } = case;
    let [params, direction] = data.both();

    let arithmetics = [Arithmetic::engine::<T>(cols), Arithmetic::reference(case)];
    let gradient = case.gradient();
    let gradient_errors = arithmetics.map(|a| a.gradient_errors(case));
    let product = textbook_hessian_product(case);
    let product_errors = arithmetics.map(|a| a.hessian_errors(case));
    let diagonal = textbook_hessian_diagonal(case);
    let diagonal_errors = arithmetics.map(|a| a.diagonal_errors(case));
    let row_errors: Vec<[f64; 2]> = (0..rows)
        .map(|i| {
            let logit: f64 = arithmetics.iter().map(|a| a.logit_error(case, i)).sum();
            [logit, arithmetics.iter().map(|a| a.probability_error(case, i)).sum()]
        })
        .collect();

    let mut worst = 0.0_f64;
    // Results of another instruction set, which are overwritten.
    let (mut gradient_out, mut product_out) = (Gradient::default(), HessianProduct::default());
    let mut diagonal_out = HessianDiagonal::default();
    for isa in isas() {
        let engine = engine.with_isa(isa);
        let context = || {
            let (s, t) = (std::any::type_name::<S>(), std::any::type_name::<T>());
            format!("{isa}, {s} in {t}, {:?}", data.batch())
        };
        engine.loss_and_gradient_into(&data.batch(), params, &mut gradient_out).unwrap();
        worst = worst.max(assert_within(&gradient_out, &gradient, &gradient_errors, context));
        engine.hessian_product_into(&data.batch(), params, direction, &mut product_out).unwrap();
        worst = worst.max(assert_within(&product_out, &product, &product_errors, || context() + ", Hessian"));
        engine.hessian_diagonal_into(&data.batch(), params, &mut diagonal_out).unwrap();
        worst =
            worst.max(assert_within(&diagonal_out, &diagonal, &diagonal_errors, || context() + ", diagonal"));

        let mut z = vec![T::NAN; rows];
        let mut p = vec![T::NAN; rows];
        if let Some(offsets) = &data.offsets {
            engine.logits_with_offsets(data.rows(), params, offsets, &mut z).unwrap();
            engine.predict_proba_with_offsets(data.rows(), params, offsets, &mut p).unwrap();
        } else {
            engine.logits(data.rows(), params, &mut z).unwrap();
            engine.predict_proba(data.rows(), params, &mut p).unwrap();
        }
        for i in 0..rows {
            let want = case.logit(i);
            let pairs = [(z[i].to_f64(), want), (p[i].to_f64(), reference::sigmoid(want))];
            for ((got, want), bound) in pairs.into_iter().zip(row_errors[i]) {
                let error = (got - want).abs();
                assert!(error <= bound, "{}: row {i}: {got}, not {want}: {error:e} > {bound:e}", context());
                worst = worst.max(error / bound.max(f64::MIN_POSITIVE));
            }
        }
    }
    worst
}

/// All widths up to beyond four vectors of the widest kind, and all numbers of rows up to beyond two.
fn small_shapes<S: Storage<T> + Number, T: Number>() {
    let mut rng = rng(1);
    let engine = Engine::serial();
    for (rows, cols) in thin((0..=40).flat_map(|rows| (0..=70).map(move |cols| (rows, cols)))) {
        for kind in Kind::variants() {
            check::<S, T>(&random_data(&mut rng, rows, cols, kind), engine);
        }
    }
}

#[test]
fn small_shapes_f32() {
    small_shapes::<f32, f32>();
}

#[test]
fn small_shapes_f64() {
    small_shapes::<f64, f64>();
}

#[test]
fn small_shapes_f32_in_f64() {
    small_shapes::<f32, f64>();
}

/// Several chunks, groups of rows, leaves of a dot product, and blocks.
fn large_shapes<S: Storage<T> + Number, T: Number>() {
    const SHAPES: [(usize, usize); 10] = [
        (700, 3),
        (513, 0),
        (5000, 1),
        (1100, 64),
        (515, 65),
        (2100, 17),
        (300, 300),
        (70, 4096),
        (10, 5000),
        (5, 9000),
    ];
    let mut rng = rng(2);
    // Parallel where there are threads.
    let engine = Engine::new();
    let mut worst: f64 = 0.0;
    for (rows, cols) in SHAPES {
        for kind in Kind::variants() {
            worst = worst.max(check::<S, T>(&random_data(&mut rng, rows, cols, kind), engine));
        }
    }
    // The bound is of the right size; were it far too generous, this file would say nothing.
    assert!(worst > 0.01, "the worst error is {worst} of the bound");
    assert!(worst < 1.0);
}

#[test]
fn large_shapes_f32() {
    large_shapes::<f32, f32>();
}

#[test]
fn large_shapes_f64() {
    large_shapes::<f64, f64>();
}

#[test]
fn large_shapes_f32_in_f64() {
    large_shapes::<f32, f64>();
}

/// dL/dw as the product of its components, on the example of `reference`.
#[test]
fn two_features_component_by_component() {
    use reference::*;
    let (x, w, b, y) = ([1.0, 2.0], [0.5, -0.25], 0.1, 1.0);
    let a = sigmoid(dot(&x, &w) + b);
    let upstream = d_loss_d_activation(a, y) * d_activation_d_logit(a);
    let labels = [y];
    let batch = Batch::new(Rows::new(&x, 1, 2).unwrap(), &labels).unwrap();
    for isa in isas() {
        let out = Engine::new().with_isa(isa).loss_and_gradient(&batch, Params::new(&w, b)).unwrap();
        for (dw, x_i) in out.dw.iter().zip(x) {
            let product = upstream * d_logit_d_weight(x_i);
            assert!((dw - product).abs() <= 1e-15, "{isa}: dL/dw of x = {x_i} is {dw}, not {product}");
        }
        assert!((out.db - upstream * d_logit_d_bias()).abs() <= 1e-15, "{isa}: db is {}", out.db);
        assert!((out.loss - loss(a, y)).abs() <= 1e-15, "{isa}: the loss is {}", out.loss);
    }
}

/// H v is how the gradient changes along v, and H is symmetric.
#[test]
fn the_hessian_is_the_gradients_derivative() {
    let mut rng = rng(3);
    for (rows, cols) in [(1, 1), (7, 2), (40, 5), (33, 16), (600, 9), (100, 40), (65, 70)] {
        for kind in Kind::variants() {
            let data: Data<f64, f64> = random_data(&mut rng, rows, cols, kind);
            // Another direction.
            let mut other = data.clone();
            (other.weights[1], other.biases[1]) = (many(cols, || uniform(&mut rng)), uniform(&mut rng));
            let [case, other_case] = [&data, &other].map(Case::of);
            let (v, v_b, u, u_b) = (&case.v, case.v_b, &other_case.v, other_case.v_b);
            // Central differences err by h²/6 of the third derivative along v, whose share of a row is
            // |σ''| |q|³ |x| <= |q|³ / 10, and by the rounding of the gradient over h.
            const H: f64 = 1e-5;
            let moved = |h: f64| {
                let mut data = data.clone();
                reference::axpy(h, v, &mut data.weights[0]);
                data.biases[0] += h * v_b;
                data
            };
            let [up, down] = [H, -H].map(moved);
            let q_most = v.iter().map(|v| v.abs()).sum::<f64>() + v_b.abs();
            let weights: f64 = (0..rows).map(|i| case.weight(i)).sum();
            let truncation = H * H / 6.0 * weights * q_most.powi(3);
            let errors = Arithmetic::engine::<f64>(cols).gradient_errors(&case);
            let products = Arithmetic::engine::<f64>(cols);
            let products = [&case, &other_case].map(|case| products.hessian_errors(case));
            for isa in isas() {
                let [hv, hu] = [&data, &other].map(|data| product(data, isa));
                let [up, down] = [&up, &down].map(|data| gradient(data, isa));
                let [up, down, allowed, hv, hu] =
                    [(&up).into(), (&down).into(), errors.clone(), (&hv).into(), (&hu).into()];
                let entries =
                    |g: &Sums| -> Vec<f64> { g.by_weights.iter().copied().chain([g.by_bias]).collect() };
                let (up, down, allowed) = (entries(&up), entries(&down), entries(&allowed));
                for (j, hv) in entries(&hv).into_iter().enumerate() {
                    let quotient = (up[j] - down[j]) / (2.0 * H);
                    // Moving w and b rounds them too, like one more operation on a logit.
                    let allowed = truncation + 1.1 * allowed[j] / H;
                    let context = || format!("{isa}, {rows} x {cols}, {kind:?}, entry {j}");
                    assert!((hv - quotient).abs() <= allowed, "{}: {hv}, not {quotient}", context());
                }
                // u·Hv = v·Hu, each entry of the products within its error, and the dot products' own.
                let form =
                    |v: &[f64], v_b: f64, hv: &Sums| reference::dot(v, &hv.by_weights) + v_b * hv.by_bias;
                let size = |v: &[f64], v_b: f64, g: &Sums| {
                    let terms = v.iter().zip(&g.by_weights).map(|(v, g)| (v * g).abs());
                    terms.sum::<f64>() + (v_b * g.by_bias).abs()
                };
                let own = (cols + 2) as f64 * f64::EPSILON;
                let (uhv, vhu) = (form(u, u_b, &hv), form(v, v_b, &hu));
                let allowed = size(u, u_b, &products[0])
                    + size(v, v_b, &products[1])
                    + own * (size(u, u_b, &hv) + size(v, v_b, &hu));
                assert!((uhv - vhu).abs() <= allowed, "{isa}, {rows} x {cols}: {uhv}, not {vhu}");
                let half = 0.5 * form(v, v_b, &hv);
                let allowed = products[0].value + 0.5 * size(v, v_b, &products[0]) + own * size(v, v_b, &hv);
                assert!(
                    (hv.value - half).abs() <= allowed,
                    "{isa}, {rows} x {cols}: {}, not {half}",
                    hv.value
                );
            }
        }
    }
}

/// Labels between 0 and 1, with sample weights.
const SOFT: Kind = Kind { labels: Labels::Soft, classes: false, offsets: false, ..Kind::PLAIN };

const WIDTHS: [usize; 8] = [1, 5, 16, 33, 64, 65, 100, 300];

/// Whatever a row of weight 0 holds, the bits are those that it would give with features of 0.
fn rows_of_weight_0<S: Storage<T> + Number, T: Number>() {
    let mut rng = rng(4);
    for cols in WIDTHS {
        for rows in thin([1, 3, 17, 600]) {
            let mut data: Data<S, T> = random_data(&mut rng, rows, cols, SOFT);
            let [zero, minus_zero] = [0.0, -0.0].map(T::nearest);
            // All of them, too: nothing is left then but zeros.
            if rows == 3 {
                data.sample_weights = Some(vec![zero, minus_zero, zero]);
            }
            let weights = data.sample_weights.clone().expect("the rows are weighted");
            let fill = |x: &mut [S], value: &dyn Fn(usize) -> S| {
                for i in (0..rows).filter(|&i| weights[i] == zero) {
                    for j in 0..cols {
                        x[i * cols + j] = value(i + j);
                    }
                }
            };
            fill(&mut data.x, &|_| S::nearest(0.0));
            let want: Vec<_> = isas().into_iter().map(|isa| sums(&data, isa)).collect();
            for special in [
                |_| S::NAN,
                |_| S::INFINITY,
                |_| -S::INFINITY,
                |_| S::MAX,
                |k: usize| [S::NAN, S::INFINITY, -S::INFINITY, S::MAX, -S::MAX][k % 5],
            ] {
                fill(&mut data.x, &special);
                for (isa, want) in isas().into_iter().zip(&want) {
                    let got = sums(&data, isa);
                    assert_same_bits(&got, want, || format!("{isa}, {rows} x {cols}"));
                    assert!(got.iter().all(|x| x.is_finite()), "{isa}, {rows} x {cols}");
                }
            }
            if rows == 3 {
                assert!(want.iter().flatten().all(|&x| x == 0.0));
            }
        }
    }
}

#[test]
fn rows_of_weight_0_add_nothing() {
    rows_of_weight_0::<f32, f32>();
    rows_of_weight_0::<f64, f64>();
    rows_of_weight_0::<f32, f64>();
}

fn weights_of_1<S: Storage<T> + Number, T: Number>() {
    let mut rng = rng(5);
    for cols in WIDTHS {
        for rows in thin([1, 16, 17, 600]) {
            let mut data: Data<S, T> = random_data(&mut rng, rows, cols, Kind { weighted: false, ..SOFT });
            let want: Vec<_> = isas().into_iter().map(|isa| sums(&data, isa)).collect();
            data.sample_weights = Some(vec![T::nearest(1.0); rows]);
            for (isa, want) in isas().into_iter().zip(&want) {
                assert_same_bits(&sums(&data, isa), want, || format!("{isa}, {rows} x {cols}"));
            }
        }
    }
}

#[test]
fn weights_of_1_are_no_weights() {
    weights_of_1::<f32, f32>();
    weights_of_1::<f64, f64>();
    weights_of_1::<f32, f64>();
}

/// A number that is not finite never gets lost on the way into a sum.
fn not_finite<S: Storage<T> + Number, T: Number>() {
    let mut rng = rng(6);
    for cols in WIDTHS {
        let rows = 77;
        for weighted in [false, true] {
            let mut data: Data<S, T> = random_data(&mut rng, rows, cols, Kind { weighted, ..SOFT });
            let weights = data.sample_weights.iter_mut().flatten();
            weights.filter(|s| **s == T::nearest(0.0)).for_each(|s| *s = T::nearest(0.5));
            for special in [S::NAN, S::INFINITY, -S::INFINITY] {
                for i in [0, 15, 16, 63, rows - 1] {
                    let j = rng.random_range(0..cols);
                    let before = std::mem::replace(&mut data.x[i * cols + j], special);
                    for isa in isas() {
                        let context = format!("{isa}, {special} at ({i}, {j}) of {rows} x {cols}");
                        let got = gradient(&data, isa);
                        // With a soft label an infinite logit is on the wrong side, too.
                        assert!(!got.loss.is_finite(), "{context}: the loss is {}", got.loss);
                        assert!(!got.dw[j].is_finite(), "{context}: dw[{j}] is {}", got.dw[j]);
                        let is_nan = special.to_f64().is_nan();
                        if is_nan {
                            assert!(numbers(&got).iter().enumerate().all(|(k, x)| x.is_nan() || k == 2));
                        } else {
                            // An infinite logit has a finite residual, as has the row in other columns.
                            let others = got.dw.iter().enumerate().filter(|&(k, _)| k != j);
                            assert!(
                                got.db.is_finite() && others.into_iter().all(|(_, x)| x.is_finite()),
                                "{context}"
                            );
                        }
                        assert!(got.weight_sum.is_finite(), "{context}");
                        let got = product(&data, isa);
                        // h = 0 times an infinite q, or NaN.
                        assert!(
                            got.half_quadratic_form.is_nan()
                                && got.by_bias.is_nan()
                                && got.by_weights[j].is_nan(),
                            "{context}: {got:?}"
                        );
                    }
                    data.x[i * cols + j] = before;
                }
            }
        }
    }
}

#[test]
fn what_is_not_finite_shows() {
    not_finite::<f32, f32>();
    not_finite::<f64, f64>();
    not_finite::<f32, f64>();
}

/// Logits where the sigmoid is 0 or 1 to the last bit.
fn saturated<S: Storage<T> + Number, T: Number>() {
    let mut rng = rng(7);
    for cols in [1, 3, 20, 40, 70, 100] {
        for size in thin([1e4, 1e6, 1e12]) {
            for kind in Kind::variants() {
                let rows = 50;
                let mut data: Data<S, T> = random_data(&mut rng, rows, cols, kind);
                let stride = data.row_stride;
                // One feature decides: ±size, with the others adding little to it.
                for i in 0..rows {
                    let sign = if i % 3 == 0 { -1.0 } else { 1.0 };
                    data.x[i * stride] = S::nearest(f64::from((sign * size) as f32));
                }
                data.weights[0][0] = T::nearest(1.0);
                // Along the parameters, whose logits are large.
                data.weights[1] = data.weights[0].clone();
                data.biases[1] = data.biases[0];
                let case = Case::of(&data);
                let arithmetics = [Arithmetic::engine::<T>(cols), Arithmetic::reference(&case)];
                // Where an error of the logit, 1e12 and more, is no small number, all that can be said of
                // the loss is that it is nearly linear in z: d L = |r| d <= d.
                let (mut want, mut allowed) = (0.0, 0.0);
                for i in 0..rows {
                    let (z, y, s) = (case.logit(i), case.y[i], case.weight(i));
                    let loss = reference::log_loss(z, y);
                    want += s * loss;
                    let d: f64 = arithmetics.iter().map(|a| a.logit_error(&case, i)).sum();
                    let slope = reference::residual(z, y).abs();
                    // 3 ULP of the log-loss, and the 68 roundings (`f64`; `f32`: 36) of its sum.
                    allowed += s * (slope * d + (6.0 + 68.0) * T::UNIT_ROUNDOFF * loss);
                    // softplus(z) - y z, which is max(z, 0) - y z here, but for less than a subnormal.
                    let plain = z.max(0.0) - y * z;
                    assert!((loss - plain).abs() <= 8.0 * f64::EPSILON * z.abs());
                }
                for isa in isas() {
                    let context = || format!("{isa}, |z| of {size:e}, {rows} x {cols}, {kind:?}");
                    let got = gradient(&data, isa);
                    assert!(numbers(&got).iter().all(|x| x.is_finite()), "{}: {got:?}", context());
                    let error = (got.loss - want).abs();
                    assert!(
                        error <= allowed,
                        "{}: {}, not {want}: {error:e} > {allowed:e}",
                        context(),
                        got.loss
                    );
                    let product = product(&data, isa);
                    assert!(numbers(&product).iter().all(|x| x.is_finite()), "{}: {product:?}", context());
                    let mut p = vec![T::NAN; rows];
                    serial(isa).predict_proba(data.rows(), data.params(), &mut p).unwrap();
                    for (i, p) in p.into_iter().enumerate() {
                        assert_eq!(p.to_f64(), if i % 3 == 0 { 0.0 } else { 1.0 }, "{}", context());
                    }
                }
            }
        }
    }
}

#[test]
fn saturated_logits_have_the_right_loss() {
    saturated::<f32, f32>();
    saturated::<f64, f64>();
    saturated::<f32, f64>();
}

/// Ten million rows, where a plain `f32` sum drifts.
#[test]
fn accuracy_does_not_decay_with_the_rows() {
    const ROWS: usize = 10_000_000;
    const BLOCK: usize = 1 << 15;
    const COLS: usize = 3;
    let (w, b) = ([0.5_f32, -1.0, 0.25], 0.125_f32);
    let (w64, b64) = (w.map(f64::from), f64::from(b));
    let mut rng = rng(8);
    let mut stream = GradientStream::new(Engine::new(), Params::new(&w, b));
    // The reference, its sizes, and a plain sum of the loss in `f32`.
    let (mut want, mut sizes) = (Sums::zero(COLS), [0.0; COLS + 1]);
    let mut plain = 0.0_f32;
    let mut left = ROWS;
    while left > 0 {
        let rows = BLOCK.min(left);
        left -= rows;
        // All positive: sums grow with the rows, and errors do not cancel.
        let x: Vec<f32> = (0..rows * COLS).map(|_| rng.random()).collect();
        let y: Vec<f32> = (0..rows).map(|_| f32::from(rng.random::<bool>())).collect();
        stream.push(&Batch::new(Rows::new(&x, rows, COLS).unwrap(), &y).unwrap()).unwrap();
        // A sum for each block, so that the reference does not drift itself.
        let (mut loss, mut db, mut dw) = (0.0, 0.0, [0.0; COLS]);
        for (x, &y) in x.chunks(COLS).zip(&y) {
            let x: [f64; COLS] = std::array::from_fn(|j| x[j].into());
            let z = reference::dot(&x, &w64) + b64;
            let r = reference::residual(z, y.into());
            loss += reference::log_loss(z, y.into());
            plain += reference::log_loss(z, y.into()) as f32;
            db += r;
            reference::axpy(r, &x, &mut dw);
            for (size, x) in sizes.iter_mut().zip(x.iter().chain(&[1.0])) {
                *size += (r * x).abs();
            }
        }
        want.value += loss;
        want.by_bias += db;
        reference::axpy(1.0, &dw, &mut want.by_weights);
    }
    let got = stream.finish().unwrap();
    assert_eq!(got.weight_sum, ROWS as f64);
    let relative = |got: f64| (got - want.value).abs() / want.value;
    let drift = relative(plain.into());
    assert!(drift > 1e-4, "the plain sum was meant to drift, but is off by {drift:e} only");
    assert!(relative(got.loss) <= 1e-6, "the loss is off by {:e}", relative(got.loss));
    let pairs = got.dw.iter().chain([&got.db]).zip(want.by_weights.iter().chain([&want.by_bias]));
    for ((got, want), size) in pairs.zip(sizes) {
        let error = (got - want).abs();
        assert!(error <= 2e-6 * size, "{got}, not {want}: {error:e} of {size:e}");
    }
}
