//! Fits of random small problems: every one ends within its passes, says so only where it has converged, and is as
//! good as Newton's method, but for what the arithmetic cannot tell.
//!
//! `cargo test -p lanegrad-fit --test random_problems -- --nocapture` prints a table of what came out.

use lanegrad::{Batch, Rows, Storage};
use lanegrad_fit::{Ending, Fit, Number, Options, Warning, fit};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

/// Of 257 000 problems 6 had an objective above what is allowed (the first is number 20 325): in f32 arithmetic, with a
/// column that it cannot resolve, which the fits say, and whose weight at the optimum happens to be next to 0, so that
/// the bound at the optimum's parameters is too.
const PROBLEMS: u64 = 20_000;

/// Points that a line search looks at, at most: a fit's passes are at most 1 + this times its iterations.
const MOST_POINTS: usize = 20;

/// A small problem, with numbers as `f64`.
struct Problem {
    x: Vec<f64>,
    y: Vec<f64>,
    ncols: usize,
    options: Options,
}

impl Problem {
    /// A random one, whose columns are spread by `scale` about `offset`, each by its own.
    fn random(rng: &mut SmallRng) -> Self {
        let (nrows, ncols) = (rng.random_range(4..=40), rng.random_range(1..=3));
        let offsets = [0.0, 2000.0, 1e4, 1.7e9, 1e12];
        let columns: Vec<(f64, f64, f64)> = (0..ncols)
            .map(|_| {
                let scale = 10_f64.powf(rng.random_range(-3.0..1.477));
                (offsets[rng.random_range(0..5)], scale, rng.random_range(-3.0..3.0))
            })
            .collect();
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for _ in 0..nrows {
            let mut z = rng.random_range(-2.0..2.0);
            for &(offset, scale, weight) in &columns {
                let u: f64 = rng.random_range(-1.7..1.7);
                z += weight * u;
                x.push(offset + scale * u);
            }
            y.push(f64::from(u8::from(z > 0.0)));
        }
        let mut options = Options::default();
        options.l2 = [0.0, 1e-6, 1e-4, 1e-2, 0.1, 1.0][rng.random_range(0..6)];
        options.standardize = rng.random();
        options.tolerance = [0.0, 1e-13, options.tolerance][rng.random_range(0..3)];
        options.max_iterations = [3, 100, 1000][rng.random_range(0..3)];
        Self { x, y, ncols, options }
    }

    fn rows(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.x.chunks(self.ncols).zip(self.y.iter().copied())
    }

    /// Mean and standard deviation of each column, by the definition.
    fn moments(&self) -> Vec<(f64, f64)> {
        let nrows = self.y.len() as f64;
        let of = |column: usize| {
            let distances = || self.rows().map(move |(x, _)| x[column] - self.x[column]);
            let mean = distances().sum::<f64>() / nrows;
            let variance = distances().map(|d| (d - mean) * (d - mean)).sum::<f64>() / nrows;
            (self.x[column] + mean, variance.sqrt())
        };
        (0..self.ncols).map(of).collect()
    }
}

/// x + y, and the rounding error of it (Knuth).
fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    let part = sum - x;
    (sum, (x - (sum - part)) + (y - part))
}

/// w·x + b, as if in twice the precision: numbers far from 0 cancel.
fn logit(w: &[f64], x: &[f64], b: f64) -> f64 {
    let (mut sum, mut low) = (b, 0.0);
    for (w, x) in w.iter().zip(x) {
        let product = w * x;
        let (next, error) = two_sum(sum, product);
        (sum, low) = (next, low + error + w.mul_add(*x, -product));
    }
    sum + low
}

/// The log-loss of a logit, and the residual.
fn terms(z: f64, y: f64) -> (f64, f64) {
    let e = (-z.abs()).exp();
    let p = if z > 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
    let loss = e.ln_1p() + if z > 0.0 { (1.0 - y) * z } else { -y * z };
    (loss, p - y)
}

/// A function of the weights of standardised columns and (last) the bias, at a point: value, gradient, and the
/// derivatives of that.
struct Standardized {
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    /// Penalties of these weights, and 0 for the bias.
    penalties: Vec<f64>,
}

impl Standardized {
    /// Columns without a spread are left out.
    fn new(problem: &Problem) -> Self {
        let moments = problem.moments();
        let varying = || moments.iter().enumerate().filter(|(_, (_, scale))| *scale > 0.0);
        let row =
            |x: &[f64]| varying().map(|(j, (mean, scale))| (x[j] - mean) / scale).chain([1.0]).collect();
        let Options { l2, standardize, .. } = problem.options;
        let penalty = |scale: f64| if standardize { l2 } else { l2 / (scale * scale) };
        Self {
            x: problem.rows().map(|(x, _)| row(x)).collect(),
            y: problem.y.clone(),
            penalties: varying().map(|(_, (_, scale))| penalty(*scale)).chain([0.0]).collect(),
        }
    }

    fn at(&self, u: &[f64]) -> (f64, Vec<f64>, Vec<Vec<f64>>) {
        let n = u.len();
        let (mut value, mut gradient, mut hessian) = (0.0, vec![0.0; n], vec![vec![0.0; n]; n]);
        let share = 1.0 / self.y.len() as f64;
        for (x, &y) in self.x.iter().zip(&self.y) {
            let z: f64 = x.iter().zip(u).map(|(x, u)| x * u).sum();
            let (loss, residual) = terms(z, y);
            let e = (-z.abs()).exp();
            let curvature = e / ((1.0 + e) * (1.0 + e));
            value += share * loss;
            for i in 0..n {
                gradient[i] += share * residual * x[i];
                for j in 0..n {
                    hessian[i][j] += share * curvature * x[i] * x[j];
                }
            }
        }
        for i in 0..n {
            value += 0.5 * self.penalties[i] * u[i] * u[i];
            gradient[i] += self.penalties[i] * u[i];
            hessian[i][i] += self.penalties[i];
        }
        (value, gradient, hessian)
    }

    /// Newton's method, halving steps that do not lower the value: the lowest value and where it is; `None` where
    /// there is no finite optimum, or a matrix is singular.
    fn minimum(&self) -> Option<(f64, Vec<f64>)> {
        let mut u = vec![0.0; self.penalties.len()];
        let (mut value, mut gradient, mut hessian) = self.at(&u);
        for _ in 0..60 {
            let step = solve(hessian.clone(), gradient.clone())?;
            let promised: f64 = step.iter().zip(&gradient).map(|(d, g)| d * g).sum();
            if promised.abs() < 1e-22 {
                return Some((value, u));
            }
            let mut length = 1.0;
            loop {
                let next: Vec<f64> = u.iter().zip(&step).map(|(u, d)| u - length * d).collect();
                let found = self.at(&next);
                if found.0 <= value || length < 1e-10 {
                    u = next;
                    (value, gradient, hessian) = found;
                    break;
                }
                length *= 0.5;
            }
        }
        None
    }
}

/// The solution of a system of linear equations with a positive definite matrix, by elimination.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for i in 0..n {
        if a[i][i] <= 1e-14 {
            return None;
        }
        for j in i + 1..n {
            let (pivot, factor) = (a[i].clone(), a[j][i] / a[i][i]);
            a[j].iter_mut().zip(pivot).for_each(|(x, y)| *x -= factor * y);
            b[j] -= factor * b[i];
        }
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[i][k] * b[k];
        }
        b[i] /= a[i][i];
    }
    Some(b)
}

/// What came out of the fits of a kind.
#[derive(Default)]
struct Row {
    fits: u32,
    converged: u32,
    stalled: u32,
    out_of_iterations: u32,
    most_passes: usize,
    compared: u32,
    /// The largest excess over Newton's objective, and that as a part of what is allowed.
    worst: (f64, f64),
    unresolved: u32,
}

/// Fits a problem in a type of storage and of arithmetic, and judges the fit.
fn judge<S: Number + Storage<T>, T: Number>(
    mut problem: Problem,
    unit_roundoff: f64,
    name: &str,
    row: &mut Row,
) {
    let x: Vec<S> = problem.x.iter().map(|&x| S::nearest(x)).collect();
    let y: Vec<T> = problem.y.iter().map(|&y| T::nearest(y)).collect();
    // The numbers as they are stored.
    problem.x = x.iter().map(|x| x.double()).collect();
    let options = problem.options;
    let batch = Batch::new(Rows::new(&x, y.len(), problem.ncols).unwrap(), &y).unwrap();
    let found = fit(&batch, &options, |_| {}).unwrap();
    let Fit { weights, bias, passes, .. } = &found;

    let most = 1 + MOST_POINTS * usize::try_from(options.max_iterations).unwrap();
    assert!(
        *passes <= most && found.iterations <= options.max_iterations,
        "{name}: {passes} passes of {most}"
    );
    assert!(found.objective.is_finite() && found.gradient.is_finite() && bias.is_finite(), "{name}");
    let moments = problem.moments();
    for (weight, (_, scale)) in weights.iter().zip(&moments) {
        assert!(weight.is_finite() && (*scale > 0.0 || *weight == 0.0), "{name}: {weight} for {scale}");
    }
    row.fits += 1;
    row.most_passes = row.most_passes.max(*passes);
    match found.ending {
        Ending::Converged => row.converged += 1,
        Ending::Stalled => row.stalled += 1,
        Ending::OutOfIterations => row.out_of_iterations += 1,
        _ => panic!("{name}: an ending that this test does not know"),
    }
    let unresolved = found.warnings.iter().find_map(|warning| match warning {
        Warning::Unresolved { column, by_f64 } => Some((*column, *by_f64)),
        _ => None,
    });
    row.unresolved += u32::from(unresolved.is_some());

    // The size of the terms of a logit, at some weights: rounding moves it by u times that.
    let size = |w: &[f64], b: f64| {
        let size = |x: &[f64]| b.abs() + w.iter().zip(x).map(|(w, x)| (w * x).abs()).sum::<f64>();
        problem.rows().map(|(x, _)| size(x)).fold(0.0, f64::max)
    };
    // The objective of the model itself, and the gradient.
    let nrows = y.len() as f64;
    let (mut loss, mut by_bias, mut by_weights) = (0.0, 0.0, vec![0.0; problem.ncols]);
    for (x, y) in problem.rows() {
        let (l, residual) = terms(logit(weights, x, *bias), y);
        loss += l / nrows;
        by_bias += residual / nrows;
        for (j, sum) in by_weights.iter_mut().enumerate().filter(|(j, _)| moments[*j].1 > 0.0) {
            *sum += residual * (x[j] - moments[j].0) / moments[j].1 / nrows;
        }
    }
    let (mut objective, mut slope) = (loss, by_bias.abs());
    for (j, (_, scale)) in moments.iter().enumerate().filter(|(_, (_, scale))| *scale > 0.0) {
        let u = weights[j] * scale;
        let penalty = if options.standardize { options.l2 } else { options.l2 / (scale * scale) };
        objective += 0.5 * penalty * u * u;
        slope = slope.max((by_weights[j] + penalty * u).abs());
    }
    let far = |(j, (_, scale)): (usize, &(f64, f64))| {
        let most = problem.rows().map(|(x, _)| x[j].abs()).fold(0.0, f64::max);
        if *scale > 0.0 { most / scale } else { 0.0 }
    };
    let furthest = moments.iter().enumerate().map(far).fold(1.0, f64::max);
    let slope_error = 100.0 * unit_roundoff * furthest * (1.0 + size(weights, *bias));
    let converged = found.ending == Ending::Converged;
    assert_eq!(converged, found.gradient <= options.tolerance, "{name}");
    assert!(
        !converged || slope <= found.gradient + slope_error,
        "{name}: {slope:e}, not {:e}",
        found.gradient
    );

    // Newton's method.
    let reference = Standardized::new(&problem);
    let Some((lowest, u)) = reference.minimum() else { return };
    let (mut w, mut b, mut next) = (vec![0.0; problem.ncols], u[u.len() - 1], u.iter());
    for (j, (mean, scale)) in moments.iter().enumerate().filter(|(_, (_, scale))| *scale > 0.0) {
        w[j] = next.next().unwrap() / scale;
        b -= w[j] * mean;
    }
    if found.ending == Ending::OutOfIterations && options.max_iterations < 100 {
        return; // it is still on its way
    }
    let by_rounding = 100.0 * unit_roundoff * size(&w, b);
    if by_rounding > 0.01 {
        let by_f64 = 100.0 * 0.5 * f64::EPSILON * size(&w, b) <= 0.01;
        let (column, says) = unresolved.unwrap_or_else(|| panic!("{name}: {by_rounding} is not said"));
        assert!(moments[column].1 > 0.0 && (says == by_f64 || by_rounding > 0.001 / unit_roundoff), "{name}");
    }
    // A gradient g within the tolerance leaves half of g H⁻¹ g, with the derivatives H on the way to the optimum.
    let mut ours: Vec<f64> = Vec::new();
    ours.extend(
        weights.iter().zip(&moments).filter(|(_, (_, scale))| *scale > 0.0).map(|(w, (_, scale))| w * scale),
    );
    ours.push(bias + weights.iter().zip(&moments).map(|(w, (mean, _))| w * mean).sum::<f64>());
    let left = |at: &[f64]| {
        let hessian = reference.at(at).2;
        let unit = |i: usize| (0..u.len()).map(|j| f64::from(u8::from(i == j))).collect();
        let inverse = (0..u.len()).flat_map(|i| solve(hessian.clone(), unit(i)).unwrap_or_default());
        0.5 * options.tolerance * options.tolerance * inverse.map(f64::abs).sum::<f64>()
    };
    let by_tolerance = left(&u).max(left(&ours));
    // Where a column is said to be beyond this arithmetic, the optimum may be without it, and the model not: then what
    // rounding leaves is that of the model's own logits.
    let by_own_rounding =
        if unresolved.is_some() { 100.0 * unit_roundoff * size(weights, *bias) } else { 0.0 };
    let allowed = by_rounding.max(by_own_rounding) + 1e-10 + by_tolerance;
    let excess = objective - lowest;
    assert!(
        excess <= allowed,
        "{name}: {objective}, not {lowest}: off by {excess:e}, and {allowed:e} is allowed"
    );
    row.compared += 1;
    if excess / allowed > row.worst.1 {
        row.worst = (excess, excess / allowed);
    }
}

#[test]
fn random_problems_end_and_are_fitted_as_well_as_the_arithmetic_can() {
    let mut table: BTreeMap<String, Row> = BTreeMap::new();
    for seed in 0..PROBLEMS {
        let problem = Problem::random(&mut SmallRng::seed_from_u64(seed));
        let types = ["f32", "f32 in f64", "f64"][seed as usize % 3];
        let name = format!("problem {seed}, {types}, {:?}", problem.options);
        let row = table.entry(format!("{types}, tolerance {:e}", problem.options.tolerance)).or_default();
        match types {
            "f32" => judge::<f32, f32>(problem, 0.5 * f64::from(f32::EPSILON), &name, row),
            "f64" => judge::<f64, f64>(problem, 0.5 * f64::EPSILON, &name, row),
            _ => judge::<f32, f64>(problem, 0.5 * f64::EPSILON, &name, row),
        }
    }
    println!(
        "fits, converged, stalled, out of iterations, most passes, unresolved, compared, worst (of allowed)"
    );
    for (kind, row) in &table {
        let Row { fits, converged, stalled, out_of_iterations, most_passes, compared, worst, unresolved } =
            row;
        println!(
            "{kind}: {fits}, {converged}, {stalled}, {out_of_iterations}, {most_passes}, {unresolved}, {compared}, {:.1e} ({:.2})",
            worst.0, worst.1
        );
        assert!(*fits > 100 && *compared > 50, "{kind}: too few");
    }
}
