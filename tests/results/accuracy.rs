//! The error of sigmoid, softplus, logit, log-loss and residual: against correctly rounded values that are
//! committed, and against multi-precision arithmetic. Every `f32` is in `exhaustive.rs`.

#[cfg(feature = "alloc")]
use crate::support::serial;
use crate::support::{Number, assert_same_bits, fewer, isas, rng};
use dashu_float::{FBig, round::mode::HalfEven};
#[cfg(feature = "alloc")]
use lanegrad::{Batch, Params, Rows};
use lanegrad::{Isa, reference};
use rand::{Rng, RngExt};

type Big = FBig<HalfEven, 2>;

/// An exact number, at 128 bits.
fn big(x: f64) -> Big {
    Big::try_from(x).expect("finite").with_precision(128).value()
}

/// sigmoid and softplus of a finite number, to about 120 bits.
fn exact(z: f64) -> [Big; 2] {
    let [sigmoid, softplus, ..] = exact_mirrored(z);
    [sigmoid, softplus]
}

/// sigmoid and softplus of a finite number, and those of the number with the other sign.
fn exact_mirrored(z: f64) -> [Big; 4] {
    // Precision is given anew, as exp(0) is an exact 1 and has none.
    let e = big(-z.abs()).exp().with_precision(128).value();
    let one_plus = big(1.0) + &e;
    let (low, high) = (&e / &one_plus, big(1.0) / &one_plus);
    let ln = e.ln_1p();
    let [softplus, mirrored] = [z, -z].map(|z| big(z.max(0.0)) + &ln);
    if z < 0.0 { [low, softplus, high, mirrored] } else { [high, softplus, low, mirrored] }
}

/// The spacing of `f64` at an exact result, at least the least subnormal: its exponent.
fn ulp_exponent(exact: &Big) -> i32 {
    let nearest = exact.to_f64().value();
    let exponent = ((nearest.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(-1022);
    // `nearest` may have been rounded up to the next power of two.
    let rounded_up = nearest.to_bits() << 12 == 0 && big(nearest) > *exact && exponent > -1022;
    exponent - i32::from(rounded_up) - 52
}

/// |got - exact| in ULP.
fn ulps(got: f64, exact: &Big) -> f64 {
    let error = (big(got) - exact) >> (ulp_exponent(exact) as isize);
    error.to_f64().value().abs()
}

/// An exact result, to compare many with.
struct Exact {
    nearest: f64,
    /// The rest of the exact result, in ULP.
    rest: f64,
    ulp: f64,
}

impl Exact {
    fn new(exact: &Big) -> Self {
        let (nearest, exponent) = (exact.to_f64().value(), ulp_exponent(exact));
        let rest = ((exact - big(nearest)) >> (exponent as isize)).to_f64().value();
        let bits = if exponent < -1022 { 1 << (exponent + 1074) } else { ((exponent + 1023) as u64) << 52 };
        Self { nearest, rest, ulp: f64::from_bits(bits) }
    }

    /// |got - exact| in ULP: the difference of two numbers of nearly the same size is exact, and so is its
    /// quotient by a power of two.
    fn ulps(&self, got: f64) -> f64 {
        ((got - self.nearest) / self.ulp - self.rest).abs()
    }
}

/// Inputs of all kinds: everyday logits, tiny ones, the subnormal range, and any bits at all.
fn input(rng: &mut impl Rng) -> f64 {
    let z = match rng.random_range(0..8) {
        0..3 => rng.random_range(0.0..40.0),
        3 => rng.random_range(0.0..1.0),
        4 => rng.random_range(700.0..746.0),
        5 => rng.random_range(0.0..800.0),
        6 => rng.random_range(-60.0_f64..0.0).exp2(),
        _ => f64::from_bits(rng.random::<u64>() >> 1),
    };
    let z = if z.is_finite() { z } else { 1.0 };
    if rng.random() { z } else { -z }
}

#[test]
fn f64_within_one_ulp() {
    let mut rng = rng(1);
    let z: Vec<f64> = (0..fewer(120_000)).map(|_| input(&mut rng)).collect();
    let exact: Vec<[Exact; 2]> = z.iter().map(|&z| exact(z).each_ref().map(Exact::new)).collect();
    for isa in isas() {
        let mut out = vec![0.0; z.len()];
        for (f, name) in ["sigmoid", "softplus"].into_iter().enumerate() {
            match f {
                0 => isa.sigmoid(&z, &mut out).unwrap(),
                _ => isa.softplus(&z, &mut out).unwrap(),
            }
            let errors = out.iter().zip(&exact).map(|(&got, exact)| exact[f].ulps(got));
            let (worst, at) = errors
                .zip(&z)
                .fold((0.0, 0.0), |worst, (error, &z)| if error > worst.0 { (error, z) } else { worst });
            let not_nearest = out.iter().zip(&exact).filter(|(got, exact)| **got != exact[f].nearest).count();
            let share = 100.0 * not_nearest as f64 / z.len() as f64;
            println!("{name:8} f64 on {isa:8} worst {worst:.4} ULP at {at:e}; {share:.3} % not the nearest");
            let stated = STATED[usize::from(!isa.is_fused())][f][0];
            assert!(worst <= stated, "{name} on {isa} is off by {worst} ULP at {at:e} ({:#x})", at.to_bits());
        }
    }
}

/// The worst logits that millions of random ones were searched for, of sigmoid and softplus, on fused instruction
/// sets and on unfused ones. At the first three the result is at the edge of the subnormal range, which rounds it
/// twice, and the reduced argument of the exponential is at either end of its range, where its polynomial is
/// farthest off; at the others the result is a normal number, some just below a power of two, where an ULP is
/// smallest against it.
const ADVERSARIAL: [f64; 12] = [
    -708.7919154830319,
    -708.7432020290238,
    -708.7431569894006,
    -190.25832747244206,
    -303.2516464626515,
    -1.0282802541612228,
    -0.823570923957206,
    -0.8495433372783505,
    -0.9447350583530545,
    -518.806876947368,
    -236.69873561574056,
    -704.5737775406731,
];

/// The figures that BENCHMARKS.md states of `f64`, in ULP: the worst error of sigmoid and of softplus, and that among
/// results that are normal numbers; on fused instruction sets, and on others.
const STATED: [[[f64; 2]; 2]; 2] = [[[0.8005, 0.709], [0.857, 0.857]], [[0.8095, 0.7345], [0.9022, 0.9022]]];

/// No worse case than those that are stated; and these are met, so that the figures are no larger than they must
/// be.
#[test]
fn f64_at_adversarial_points() {
    let exact: Vec<[Big; 2]> = ADVERSARIAL.iter().map(|&z| exact(z)).collect();
    let least_normal = big(f64::MIN_POSITIVE);
    for isa in isas() {
        let mut out = [0.0; ADVERSARIAL.len()];
        for (f, name) in ["sigmoid", "softplus"].into_iter().enumerate() {
            match f {
                0 => isa.sigmoid(&ADVERSARIAL, &mut out).unwrap(),
                _ => isa.softplus(&ADVERSARIAL, &mut out).unwrap(),
            }
            let mut worst = [0.0_f64; 2];
            for ((z, &got), exact) in ADVERSARIAL.iter().zip(&out).zip(&exact) {
                let error = ulps(got, &exact[f]);
                assert!(error <= 1.0, "{name} of {z:e} on {isa} is off by {error} ULP");
                println!("{name:8} f64 on {isa:8}: {error:.4} ULP at {z:?}");
                worst[0] = worst[0].max(error);
                if exact[f] >= least_normal {
                    worst[1] = worst[1].max(error);
                }
            }
            for (worst, stated) in worst.into_iter().zip(STATED[usize::from(!isa.is_fused())][f]) {
                assert!(worst <= stated && worst > stated - 0.001, "{name} on {isa}: {worst}, not {stated}");
            }
        }
    }
}

/// The size of the logit of a number in (0, 1), to about 70 bits.
fn exact_logit(p: f64) -> Big {
    let other = big(1.0) - big(p);
    let quotient = if p < 0.5 { other / big(p) } else { big(p) / other };
    // Precision is given anew, as 1 - p and the quotient may be exact, and have less.
    quotient.with_precision(128).value().ln()
}

/// Probabilities of all kinds: everyday ones, near 1/2 on either side, near 0 and 1, of any size, and subnormal.
fn probability(rng: &mut impl Rng) -> f64 {
    let near = rng.random_range(-53.0_f64..-1.0).exp2();
    let p = match rng.random_range(0..8) {
        0..2 => rng.random(),
        2 => 0.5 + near * [0.5, -0.5][usize::from(rng.random::<bool>())],
        3 => 1.0 - near,
        4 => near,
        5 => f64::from_bits(rng.random::<u64>() % 1.0_f64.to_bits()),
        6 => f64::from_bits(rng.random::<u64>() % f64::MIN_POSITIVE.to_bits()),
        // Where ln 2 is taken away for the first times, and the argument of the series is largest.
        _ => rng.random_range(0.05..0.45),
    };
    if p > 0.0 && p < 1.0 && p != 0.5 { p } else { 0.25 }
}

/// The figures that BENCHMARKS.md states of the logit of `f64`, in ULP: on fused instruction sets, and on others.
const STATED_LOGIT: [f64; 2] = [0.561, 0.567];

/// The worst probabilities of a search, for the logit on fused instruction sets and on unfused ones.
const ADVERSARIAL_LOGIT: [f64; 2] = [0.4159564756884196, 0.41582485408177056];

#[test]
fn f64_logit_within_one_ulp() {
    let mut rng = rng(6);
    let drawn = (0..fewer(120_000)).map(|_| probability(&mut rng));
    let p: Vec<f64> = ADVERSARIAL_LOGIT.into_iter().chain(drawn).collect();
    let exact: Vec<Exact> = p.iter().map(|&p| Exact::new(&exact_logit(p))).collect();
    for isa in isas() {
        let mut out = vec![0.0; p.len()];
        isa.logit(&p, &mut out).unwrap();
        let (mut worst, mut at, mut not_nearest) = (0.0, 0.0, 0);
        for ((&p, &z), exact) in p.iter().zip(&out).zip(&exact) {
            assert_eq!(z < 0.0, p < 0.5, "logit of {p:e} on {isa}: {z:e}");
            let error = exact.ulps(z.abs());
            not_nearest += usize::from(z.abs() != exact.nearest);
            if error > worst {
                (worst, at) = (error, p);
            }
        }
        let share = 100.0 * not_nearest as f64 / p.len() as f64;
        println!("logit    f64 on {isa:8} worst {worst:.4} ULP at {at:?}; {share:.3} % not the nearest");
        let stated = STATED_LOGIT[usize::from(!isa.is_fused())];
        assert!(worst <= stated && worst > stated - 0.001, "logit on {isa} is off by {worst} ULP at {at:e}");
    }
}

/// The logit never falls from one `f64` to the next, and that of 1 - p differs in sign where 1 - p is exact.
#[test]
fn f64_logit_between_neighbours_and_mirrored() {
    let mut rng = rng(7);
    for isa in isas() {
        for _ in 0..fewer(6000) {
            let mut p = vec![probability(&mut rng)];
            for i in 0..100 {
                p.push(p[i].next_up().min(1.0));
            }
            let mut logit = p.clone();
            isa.logit_in_place(&mut logit);
            assert!(logit.is_sorted(), "{isa} from {:e}", p[0]);
            let other_classes: Vec<f64> = p.iter().map(|p| 1.0 - p).collect();
            let mut mirrored = other_classes.clone();
            isa.logit_in_place(&mut mirrored);
            for i in 0..p.len() {
                let exact = 1.0 - other_classes[i] == p[i];
                let (one, other) = (logit[i], mirrored[i]);
                assert!(
                    !exact || one == -other,
                    "logit({:e}) and of 1 - p on {isa}: {one} and {other}",
                    p[i]
                );
            }
        }
    }
}

/// There and back: the error of the one function times the derivative of the other, and the error of the other.
fn check_round_trips<T: Number>(largest: f64) {
    let mut rng = rng(8);
    let n = fewer(100_000);
    let z: Vec<T> = (0..n).map(|_| T::nearest(rng.random_range(-largest..largest))).collect();
    // Rounded to `f32` some are 0 or 1.
    let inside = |p: &T| T::default() < *p && *p < T::nearest(1.0);
    let p: Vec<T> = (0..n).map(|_| T::nearest(probability(&mut rng))).filter(inside).collect();
    // An ULP, and the second order.
    let ulp = |x: T| 1.01 * ulp_at::<T>(x.to_f64());
    for isa in isas() {
        let (mut sigmoid, mut back) = (z.clone(), z.clone());
        isa.sigmoid_in_place(&mut sigmoid);
        isa.logit(&sigmoid, &mut back).unwrap();
        for i in 0..n {
            let a = sigmoid[i].to_f64();
            // Near 1, and where a has few bits, the second order is not small.
            if a > 1.0 - 1000.0 * T::UNIT_ROUNDOFF || a < 1000.0 * T::least_subnormal().to_f64() {
                continue;
            }
            let bound = ulp(sigmoid[i]) / (a * (1.0 - a)) + ulp(back[i]);
            let error = (back[i].to_f64() - z[i].to_f64()).abs();
            assert!(error <= bound, "logit(sigmoid({:e})) on {isa}: {:e}", z[i], back[i]);
        }
        let (mut logit, mut back) = (p.clone(), p.clone());
        isa.logit_in_place(&mut logit);
        isa.sigmoid(&logit, &mut back).unwrap();
        for i in 0..p.len() {
            let a = p[i].to_f64();
            let bound = 1.01 * a * (1.0 - a) * ulp(logit[i]) + ulp(p[i]).max(ulp(back[i]));
            let error = (back[i].to_f64() - a).abs();
            assert!(error <= bound, "sigmoid(logit({:e})) on {isa}: {:e}", p[i], back[i]);
        }
    }
}

#[test]
fn logit_is_the_inverse_of_sigmoid() {
    check_round_trips::<f32>(105.0);
    check_round_trips::<f64>(750.0);
}

/// One row of a file of correctly rounded values: x, sigmoid, softplus.
fn rows<T: Number>(csv: &str, from_hex: fn(&str) -> T) -> Vec<[T; 3]> {
    let rows = csv.lines().skip(1).map(|line| {
        let columns: Vec<_> = line.split(',').collect();
        [columns[0], columns[2], columns[3]].map(from_hex)
    });
    rows.collect()
}

fn f32_rows() -> Vec<[f32; 3]> {
    rows(include_str!("../data/sigmoid_f32.csv"), |hex| {
        f32::from_bits(u32::from_str_radix(hex.trim_start_matches("0x"), 16).expect("hexadecimal bits"))
    })
}

fn f64_rows() -> Vec<[f64; 3]> {
    rows(include_str!("../data/sigmoid_f64.csv"), |hex| {
        f64::from_bits(u64::from_str_radix(hex.trim_start_matches("0x"), 16).expect("hexadecimal bits"))
    })
}

/// Equal to the correctly rounded value, or one of its two neighbours.
fn check_rows<T: Number>(rows: &[[T; 3]], neighbours: fn(T) -> [T; 3]) {
    let x: Vec<T> = rows.iter().map(|row| row[0]).collect();
    for isa in isas() {
        let (mut sigmoid, mut softplus) = (x.clone(), vec![T::default(); x.len()]);
        isa.sigmoid_in_place(&mut sigmoid);
        isa.softplus(&x, &mut softplus).unwrap();
        for (i, &[x, want_sigmoid, want_softplus]) in rows.iter().enumerate() {
            for (got, want, name) in
                [(sigmoid[i], want_sigmoid, "sigmoid"), (softplus[i], want_softplus, "softplus")]
            {
                let near = neighbours(want).iter().any(|near| got.same_bits(*near));
                assert!(near, "{name} of {} on {isa} is {}, not {}", x.hex(), got.hex(), want.hex());
            }
        }
    }
}

#[test]
fn f32_next_to_the_correctly_rounded_value() {
    let rows = f32_rows();
    assert_eq!(rows.len(), 2803);
    check_rows(&rows, |x| [x.next_down(), x, x.next_up()]);
}

#[test]
fn f64_next_to_the_correctly_rounded_value() {
    let rows = f64_rows();
    assert_eq!(rows.len(), 3023);
    check_rows(&rows, |x| [x.next_down(), x, x.next_up()]);
}

/// The same inputs by their exact values: being a neighbour leaves up to 1.5 ULP open.
#[test]
fn f64_within_one_ulp_at_the_committed_points() {
    let z: Vec<f64> = f64_rows().iter().map(|row| row[0]).filter(|z| z.is_finite()).collect();
    let exact: Vec<[Big; 2]> = z.iter().map(|&z| exact(z)).collect();
    for isa in isas() {
        let (mut sigmoid, mut softplus) = (z.clone(), z.clone());
        isa.sigmoid_in_place(&mut sigmoid);
        isa.softplus_in_place(&mut softplus);
        for (i, exact) in exact.iter().enumerate() {
            for (got, exact, name) in
                [(sigmoid[i], &exact[0], "sigmoid"), (softplus[i], &exact[1], "softplus")]
            {
                let error = ulps(got, exact);
                assert!(error <= 1.0, "{name} of {:e} on {isa} is off by {error} ULP", z[i]);
            }
        }
    }
}

/// What every element type and instruction set must do at the ends of the range.
fn check_limits<T: Number>() {
    let z = [T::INFINITY, -T::INFINITY, T::NAN, T::nearest(0.0), T::nearest(-0.0), T::MAX, -T::MAX];
    let [zero, half, one, ln_2] = [0.0, 0.5, 1.0, std::f64::consts::LN_2].map(T::nearest);
    for isa in isas() {
        let mut out = [zero; 7];
        isa.sigmoid(&z, &mut out).unwrap();
        assert_same_bits(&out, &[one, zero, T::NAN, half, half, one, zero], || format!("sigmoid, {isa}"));
        isa.softplus(&z, &mut out).unwrap();
        let want = [T::INFINITY, zero, T::NAN, ln_2, ln_2, T::MAX, zero];
        assert_same_bits(&out, &want, || format!("softplus, {isa}"));
        let negated = z.map(|z| -z);
        isa.log_sigmoid(&negated, &mut out).unwrap();
        assert_same_bits(&out, &want.map(|s| -s), || format!("log_sigmoid, {isa}"));
        isa.log_loss(&z, &[one; 7], &mut out).unwrap();
        let want = [zero, T::INFINITY, T::NAN, ln_2, ln_2, zero, T::MAX];
        assert_same_bits(&out, &want, || format!("log_loss with y = 1, {isa}"));
        isa.log_loss(&z, &[half; 7], &mut out).unwrap();
        let half_max = half * T::MAX;
        let want = [T::INFINITY, T::INFINITY, T::NAN, ln_2, ln_2, half_max, half_max];
        assert_same_bits(&out, &want, || format!("log_loss with y = 1/2, {isa}"));
        isa.log_loss(&z, &[T::NAN; 7], &mut out).unwrap();
        assert_same_bits(&out, &[T::NAN; 7], || format!("log_loss with y = NaN, {isa}"));
        isa.residual(&z, &[one; 7], &mut out).unwrap();
        let want = [zero, -one, T::NAN, -half, -half, zero, -one];
        let out = out.map(|r| if r == zero { zero } else { r });
        assert_same_bits(&out, &want, || format!("residual with y = 1, {isa}"));
        let mut out = z;
        isa.residual_in_place(&mut out, &[T::NAN; 7]).unwrap();
        assert_same_bits(&out, &[T::NAN; 7], || format!("residual with y = NaN, {isa}"));
    }
}

/// The same for probabilities.
fn check_limits_of_logit<T: Number>() {
    let [zero, half, one, two] = [0.0, 0.5, 1.0, 2.0].map(T::nearest);
    let least = T::least_subnormal();
    let p = [zero, -zero, half, one, T::NAN, -least, two, -one, T::INFINITY, -T::INFINITY, T::MAX];
    let mut want = [T::NAN; 11];
    want[..4].copy_from_slice(&[-T::INFINITY, -T::INFINITY, zero, T::INFINITY]);
    for isa in isas() {
        let mut out = p;
        isa.logit_in_place(&mut out);
        assert_same_bits(&out, &want, || format!("logit, {isa}"));
        // The least number, the largest below 1, and the neighbours of 1/2: 2 (2 p - 1) and less than an ULP more.
        let u = T::nearest(T::UNIT_ROUNDOFF);
        let p = [least, one - u, half - u * half, half + u];
        let mut out = p;
        isa.logit_in_place(&mut out);
        let want = [least.to_f64().ln(), ((1.0 - T::UNIT_ROUNDOFF) / T::UNIT_ROUNDOFF).ln()];
        for (got, want) in out.iter().zip(want) {
            assert!((got.to_f64() - want).abs() <= ulp_at::<T>(want), "logit, {isa}: {got}, not {want}");
        }
        assert_same_bits(&out[2..], &[-(two * u), two * two * u], || format!("logit near 1/2, {isa}"));
    }
}

#[test]
fn limits_f32() {
    check_limits::<f32>();
    check_limits_of_logit::<f32>();
}

#[test]
fn limits_f64() {
    check_limits::<f64>();
    check_limits_of_logit::<f64>();
}

#[test]
fn subnormal_results_are_right() {
    for isa in isas() {
        let mut z = [-100.0_f32, -103.0, -104.0, -88.0];
        isa.sigmoid_in_place(&mut z);
        assert_eq!(z.map(f32::to_bits), [27, 1, 0, 4_320_708], "{isa}");
        let mut z = [-745.0_f64, -745.2, -710.0];
        isa.softplus_in_place(&mut z);
        assert_eq!(z.map(f64::to_bits), [1, 0, 906_010_418_525_123], "{isa}");
    }
}

/// sigmoid and softplus stay in range and never fall from one `f64` to the next; what holds between z
/// and -z, and between the kernels for hard labels, holds.
#[test]
fn f64_between_neighbours_and_mirrored() {
    let mut rng = rng(2);
    for isa in isas() {
        for _ in 0..fewer(3000) {
            let mut z = vec![input(&mut rng)];
            for i in 0..100 {
                z.push(z[i].next_up());
            }
            let (mut sigmoid, mut softplus) = (z.clone(), z.clone());
            isa.sigmoid_in_place(&mut sigmoid);
            isa.softplus_in_place(&mut softplus);
            for out in [&sigmoid, &softplus] {
                assert!(
                    out.windows(2).all(|pair| 0.0 <= pair[0] && pair[0] <= pair[1]),
                    "{isa} from {:e}",
                    z[0]
                );
            }
            let mirrored: Vec<f64> = z.iter().map(|z| -z).collect();
            let (zeros, ones) = (vec![0.0; z.len()], vec![1.0; z.len()]);
            let mut out = mirrored.clone();
            isa.sigmoid_in_place(&mut out);
            for (a, b) in sigmoid.iter().zip(&out) {
                assert!(*a <= 1.0 && (a + b - 1.0).abs() <= f64::EPSILON, "{isa} from {:e}: {a} + {b}", z[0]);
            }
            let context = || format!("{isa} from {:e}", z[0]);
            isa.residual(&z, &zeros, &mut out).unwrap();
            assert_same_bits(&out, &sigmoid, context);
            isa.residual(&mirrored, &ones, &mut out).unwrap();
            out.iter_mut().for_each(|r| *r = -*r);
            assert_same_bits(&out, &sigmoid, context);
            isa.log_loss(&z, &zeros, &mut out).unwrap();
            assert_same_bits(&out, &softplus, context);
            isa.log_loss(&mirrored, &ones, &mut out).unwrap();
            assert_same_bits(&out, &softplus, context);
            isa.log_sigmoid(&mirrored, &mut out).unwrap();
            out.iter_mut().for_each(|l| *l = -*l);
            assert_same_bits(&out, &softplus, context);
        }
    }
}

/// Logits and labels for the tests below: hard and soft labels, also tiny ones and ones near 1.
fn labelled(rng: &mut impl Rng) -> (f64, f64) {
    let y = match rng.random_range(0..6) {
        0 => 0.0,
        1 => 1.0,
        2 => rng.random_range(-1074.0_f64..0.0).exp2(),
        3 => 1.0 - rng.random_range(-20.0_f64..0.0).exp2(),
        _ => rng.random(),
    };
    let z = input(rng);
    // Now and then a label that the sigmoid hits to within a few ULP: all of the residual cancels.
    let y = if rng.random_range(0..6) == 0 { (reference::sigmoid(z) * (1.0 + 1e-7 * y)).min(1.0) } else { y };
    (z, y)
}

/// The spacing of `T` at an exact value.
fn ulp_at<T: Number>(exact: f64) -> f64 {
    let spacing = 2.0 * T::UNIT_ROUNDOFF * 2_f64.powi(exact.abs().log2().floor() as i32);
    spacing.max(2.0 * T::HALF_LEAST)
}

fn run_labelled(isa: Isa, z: &[f32], y: &[f32]) -> [Vec<f32>; 2] {
    let (mut loss, mut residual) = (z.to_vec(), z.to_vec());
    isa.log_loss_in_place(&mut loss, y).unwrap();
    isa.residual_in_place(&mut residual, y).unwrap();
    [loss, residual]
}

/// f32 against the stable forms of the reference: 1 ULP for hard labels; for soft ones 3 ULP of the
/// loss, and 2 ULP of max(a, y) for the residual.
#[test]
fn f32_log_loss_and_residual() {
    let mut rng = rng(3);
    let n = fewer(2_000_000);
    let (z, y): (Vec<f32>, Vec<f32>) = (0..n)
        .map(|_| labelled(&mut rng))
        .map(|(z, y)| (z as f32, y as f32))
        .filter(|(z, _)| z.is_finite())
        .unzip();
    for isa in isas() {
        let [loss, residual] = run_labelled(isa, &z, &y);
        let mut worst = [0.0_f64; 4];
        for i in 0..z.len() {
            let (z, y) = (f64::from(z[i]), f64::from(y[i]));
            let hard = y == 0.0 || y == 1.0;
            let exact = reference::log_loss(z, y);
            let error = (f64::from(loss[i]) - exact).abs() / ulp_at::<f32>(exact);
            assert!(
                loss[i].is_finite() && error <= if hard { 1.0 } else { 3.0 },
                "loss({z:e}, {y:e}) on {isa}: {error}"
            );
            worst[usize::from(hard)] = worst[usize::from(hard)].max(error);

            let exact = reference::residual(z, y);
            let scale = if hard { exact } else { reference::sigmoid(z).max(y) };
            let error = (f64::from(residual[i]) - exact).abs() / ulp_at::<f32>(scale);
            assert!(error <= if hard { 1.0 } else { 2.0 }, "residual({z:e}, {y:e}) on {isa}: {error}");
            worst[2 + usize::from(hard)] = worst[2 + usize::from(hard)].max(error);
        }
        let [soft_loss, hard_loss, soft_residual, hard_residual] = worst;
        println!("log_loss f32 on {isa}: {hard_loss:.3} ULP, soft labels {soft_loss:.3}");
        println!(
            "residual f32 on {isa}: {hard_residual:.3} ULP, soft labels {soft_residual:.3} of max(a, y)"
        );
    }
}

/// The same for f64, in multi-precision arithmetic.
#[test]
fn f64_log_loss_and_residual() {
    let mut rng = rng(4);
    let (z, y): (Vec<f64>, Vec<f64>) = (0..fewer(30_000)).map(|_| labelled(&mut rng)).unzip();
    let exact: Vec<[Big; 3]> = z
        .iter()
        .zip(&y)
        .map(|(&z, &y)| {
            let [a, softplus, not_a, softplus_mirrored] = exact_mirrored(z);
            let (y, not_y) = (big(y), big(1.0) - big(y));
            let loss = &y * softplus_mirrored + &not_y * softplus;
            let residual = &not_y * &a - &y * not_a;
            [loss, residual, a]
        })
        .collect();
    for isa in isas() {
        let (mut loss, mut residual) = (z.clone(), z.clone());
        isa.log_loss_in_place(&mut loss, &y).unwrap();
        isa.residual_in_place(&mut residual, &y).unwrap();
        for (i, [exact_loss, exact_residual, a]) in exact.iter().enumerate() {
            let hard = y[i] == 0.0 || y[i] == 1.0;
            let error = ulps(loss[i], exact_loss);
            assert!(error <= if hard { 1.0 } else { 3.0 }, "loss({:e}, {:e}) on {isa}: {error}", z[i], y[i]);
            let absolute = big(residual[i]) - exact_residual;
            let label = big(y[i]);
            let scale = if hard {
                exact_residual
            } else if *a > label {
                a
            } else {
                &label
            };
            let scale = if *scale < big(0.0) { -scale.clone() } else { scale.clone() };
            let error = (absolute >> ulp_exponent(&scale) as isize).to_f64().value().abs();
            assert!(
                error <= if hard { 1.0 } else { 2.0 },
                "residual({:e}, {:e}) on {isa}: {error}",
                z[i],
                y[i]
            );
        }
    }
}

/// No cancellation where the sigmoid rounds to the label.
#[test]
fn residual_far_from_the_decision_boundary() {
    for isa in isas() {
        for z in [40.0_f64, 80.0, 200.0] {
            let mut r = [z, -z];
            isa.residual_in_place(&mut r, &[1.0, 0.0]).unwrap();
            let want = (-z).exp();
            assert!(
                (r[0] / -want - 1.0).abs() < 1e-15 && (r[1] / want - 1.0).abs() < 1e-15,
                "{z} on {isa}: {r:?}"
            );
            let mut r = [z as f32, -z as f32];
            isa.residual_in_place(&mut r, &[1.0, 0.0]).unwrap();
            let want = want as f32; // 0 at 200, subnormal at none of these
            assert!(
                (r[0] + want).abs() <= want * 1.2e-7 && (r[1] - want).abs() <= want * 1.2e-7,
                "{z} on {isa}: {r:?}"
            );
        }
    }
}

/// h q and h q² / 2 of single rows: within 5 and 6 u, and half the least subnormal where they underflow, whatever z and
/// q. h is 0 beyond a |z| where it is a small part of the least subnormal.
#[cfg(feature = "alloc")]
fn check_curvature<T: Number>(beyond: f64, part: f64) {
    let mut rng = rng(5);
    let u = T::UNIT_ROUNDOFF;
    let mut worst = [0.0_f64; 2];
    for _ in 0..fewer(20_000) {
        let z = match rng.random_range(0..3) {
            0 => rng.random_range(-3.0..3.0),
            1 => rng.random_range(0.6 * beyond..1.1 * beyond),
            _ => rng.random_range(-beyond..beyond),
        };
        let q = rng.random_range(0.5..1.0)
            * 2_f64.powi(rng.random_range(-100..=if beyond < 200.0 { 100 } else { 500 }));
        let [z, q, zero, one] = [z, -q, 0.0, 1.0].map(T::nearest);
        let (x, y, weights, none) = ([z], [one], [one], [zero]);
        let batch = Batch::new(Rows::new(&x, 1, 1).unwrap(), &y).unwrap();
        let (params, direction) = (Params::new(&weights, zero), Params::new(&none, q));
        let (z, q) = (z.to_f64(), q.to_f64());
        let [p, _, not_p, _] = exact_mirrored(z);
        let slope = p * not_p * big(q);
        let value = &slope * big(q) / big(2.0);
        for isa in isas() {
            let product = serial(isa).hessian_product(&batch, params, direction).unwrap();
            let least = T::least_subnormal().to_f64();
            let zero_h = if z.abs() > beyond { least * q.abs() * part } else { 0.0 };
            for (i, (got, exact, roundings, zero_h)) in [
                (product.by_bias, &slope, 5.0, zero_h),
                (product.half_quadratic_form, &value, 6.0, zero_h * q.abs()),
            ]
            .into_iter()
            .enumerate()
            {
                let size = exact.to_f64().value().abs();
                if size > 0.99 * T::MAX.to_f64() {
                    continue;
                }
                let error = (big(got) - exact).to_f64().value().abs();
                let allowed = roundings * u * size + 0.51 * least + zero_h;
                assert!(error <= allowed, "{i} of z = {z:e}, q = {q:e} on {isa}: {got:e}, off by {error:e}");
                if size > 2.0 * least / u && z.abs() <= beyond {
                    worst[i] = worst[i].max(error / size / u);
                }
            }
        }
    }
    println!("h q within {:.2} u, h q² / 2 within {:.2} u", worst[0], worst[1]);
}

#[cfg(feature = "alloc")]
#[test]
fn curvature_within_its_bound() {
    check_curvature::<f32>(128.0, 2_f64.powi(-35));
    check_curvature::<f64>(748.0, 2_f64.powi(-5));
}
