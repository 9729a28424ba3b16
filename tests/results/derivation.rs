//! The derivation of `reference`, held against itself: the product of the components, the closed
//! form, and a difference quotient of the loss.

use crate::support::rng;
use lanegrad::reference::*;
use rand::RngExt;

fn assert_close(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance, "{what}: {got}, not {want}");
}

/// The loss of one row as a function of its parameters.
fn loss_at(x: &[f64], w: &[f64], b: f64, y: f64) -> f64 {
    loss(sigmoid(dot(x, w) + b), y)
}

#[test]
fn two_features_number_by_number() {
    let (x, w, b, y) = ([1.0, 2.0], [0.5, -0.25], 0.1, 1.0);
    let z = dot(&x, &w) + b;
    let a = sigmoid(z);
    let close = |got, want, what| assert_close(got, want, 5e-15, what);
    close(z, 0.1, "z");
    close(a, 0.52497918747894, "a");
    close(loss(a, y), 0.644396660073571, "L");
    close(d_loss_d_activation(a, y), -1.90483741803596, "(1)");
    close(d_activation_d_logit(a), 0.249376040192892, "(2)");
    close(d_loss_d_logit(a, y), -0.47502081252106, "(3)");
    close(d_loss_d_activation(a, y) * d_activation_d_logit(a), d_loss_d_logit(a, y), "(1)(2) = (3)");
    assert_eq!(x.map(d_logit_d_weight), x, "(4)");
    assert_eq!(d_logit_d_bias(), 1.0, "(5)");

    let mut dw = [0.0; 2];
    let (l, db) = gradient([Example { x: &x, y, sample_weight: 1.0, offset: 0.0 }], &w, b, &mut dw);
    close(l, 0.644396660073571, "L of the batch");
    close(dw[0], -0.47502081252106, "dL/dw_0");
    close(dw[1], -0.95004162504212, "dL/dw_1");
    close(db, -0.47502081252106, "dL/db");
}

#[test]
fn components_closed_form_and_difference_quotient_agree() {
    let mut rng = rng(1);
    for _ in 0..2000 {
        let cols = rng.random_range(1..6);
        let x: Vec<f64> = (0..cols).map(|_| rng.random_range(-2.0..2.0)).collect();
        let w: Vec<f64> = (0..cols).map(|_| rng.random_range(-1.0..1.0)).collect();
        let (b, y) = (rng.random_range(-1.0..1.0), rng.random_range(0.0..=1.0));
        let a = sigmoid(dot(&x, &w) + b);
        let upstream = d_loss_d_activation(a, y) * d_activation_d_logit(a);
        // Central differences err by h² L'''/6 and by the rounding of L over h.
        let h = 1e-5;
        for i in 0..cols {
            let product = upstream * d_logit_d_weight(x[i]);
            assert_close(product, (a - y) * x[i], 1e-12, "component product");
            let moved = |h: f64| {
                let mut w = w.clone();
                w[i] += h;
                loss_at(&x, &w, b, y)
            };
            assert_close(product, (moved(h) - moved(-h)) / (2.0 * h), 1e-8, "dL/dw");
        }
        let product = upstream * d_logit_d_bias();
        assert_close(product, a - y, 1e-12, "component product of the bias");
        assert_close(
            product,
            (loss_at(&x, &w, b + h, y) - loss_at(&x, &w, b - h, y)) / (2.0 * h),
            1e-8,
            "dL/db",
        );
    }
}

#[test]
fn stable_forms_equal_the_textbook_forms() {
    let mut rng = rng(2);
    for _ in 0..10_000 {
        let (z, y) = (rng.random_range(-8.0..8.0), rng.random_range(0.0..=1.0));
        let a = sigmoid(z);
        assert_close(log_loss(z, y), loss(a, y), 1e-12, "loss");
        assert_close(residual(z, y), d_loss_d_logit(a, y), 1e-15, "residual");
        assert_close(softplus(z), -(1.0 - a).ln(), 1e-12, "softplus");
        assert_close(log_sigmoid(z), a.ln(), 1e-12, "log_sigmoid");
        assert_close(logit(a), z, 1e-12, "logit");
    }
}

/// Where the textbook forms fail, the stable ones do not.
#[test]
fn stable_forms_hold_where_the_activation_is_0_or_1() {
    for z in [40.0, 80.0, 200.0] {
        assert_close(log_loss(z, 1.0) / (-z).exp(), 1.0, 1e-14, "loss of a right prediction");
        assert_close(residual(z, 1.0) / -(-z).exp(), 1.0, 1e-14, "its residual");
        assert_eq!(log_loss(z, 0.0), z, "loss of a wrong one");
        assert_eq!(log_loss(-z, 1.0), z, "loss of a wrong one");
    }
}

#[test]
fn a_batch_is_the_weighted_sum_of_its_rows() {
    let mut rng = rng(3);
    let rows: Vec<[f64; 3]> = (0..20).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0))).collect();
    let (w, b) = ([0.5, -1.0, 0.25], 0.3);
    let example = |i: usize| {
        let (y, sample_weight) = (i as f64 / 19.0, (i % 4) as f64);
        Example { x: &rows[i], y, sample_weight, offset: i as f64 / 10.0 - 1.0 }
    };
    let mut dw = [0.0; 3];
    let (loss, db) = gradient((0..20).map(example), &w, b, &mut dw);
    let (mut want_loss, mut want_db, mut want_dw) = (0.0, 0.0, [0.0; 3]);
    for e in (0..20).map(example) {
        let z = dot(e.x, &w) + b + e.offset;
        want_loss += e.sample_weight * log_loss(z, e.y);
        want_db += e.sample_weight * residual(z, e.y);
        axpy(e.sample_weight * residual(z, e.y), e.x, &mut want_dw);
    }
    assert_close(loss, want_loss, 1e-13, "loss");
    assert_close(db, want_db, 1e-13, "db");
    for i in 0..3 {
        assert_close(dw[i], want_dw[i], 1e-13, "dw");
    }
}
