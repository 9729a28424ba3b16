//! Bad input is an error in words, and outputs stay untouched.

mod support;

use lanegrad::{Error, axpy, dot};
use support::isas;

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
        for (y, error) in [(3, mismatch(["z", "y"], [4, 3])), (5, mismatch(["z", "y"], [4, 5]))] {
            let y = vec![0.0; y];
            assert_eq!(isa.log_loss(&[1.0; 4], &y, &mut out), Err(error));
            assert_eq!(isa.residual(&[1.0; 4], &y, &mut out), Err(error));
            assert_eq!(isa.log_loss_in_place(&mut out, &y), Err(error));
            assert_eq!(isa.residual_in_place(&mut out, &y), Err(error));
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
