//! `dot` and `axpy`: the bits of `scalar` on every fused instruction set, at any alignment; and `axpy` is
//! one multiply-add for each element.
#![no_main]

use arbitrary::Arbitrary;
use lanegrad::{Isa, Storage};
use lanegrad_fuzz::fixtures::{Held, Number, assert_same_bits, scalar};
use lanegrad_fuzz::{Numbers, Small, Types, Value, for_all_types};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    types: Types,
    /// How many elements; up to some leaves of the sum.
    len: u16,
    /// Elements before the first one, at an address of the allocator's choice.
    offsets: [u8; 2],
    a: Value,
    x: Numbers,
    y: Numbers,
    /// Rows of small numbers instead.
    small: Option<Small>,
}

/// The slice after some elements of another one.
fn at<T: Held>(offset: usize, slice: &[T]) -> Vec<T> {
    [&vec![T::default(); offset], slice].concat()
}

fn check<S: Storage<T> + Held, T: Number>(input: &Input) {
    let n = usize::from(input.len) % 9000;
    let (x, y): (Vec<S>, Vec<T>) = (input.x.get(n), input.y.get(n));
    let a: T = input.a.get();
    let [x_offset, y_offset] = input.offsets.map(|offset| usize::from(offset) % 16);
    let (x_moved, y_moved) = (at(x_offset, &x), at(y_offset, &y));

    for isa in Isa::available() {
        let dot = |isa: Isa, x: &[S], y: &[T]| [isa.dot(x, y).expect("one length")];
        let want = dot(if isa.is_fused() { scalar() } else { isa }, &x, &y);
        let got = dot(isa, &x_moved[x_offset..], &y_moved[y_offset..]);
        assert_same_bits(&got, &want, || format!("dot on {isa}, n = {n}"));

        let mut got = y_moved.clone();
        isa.axpy(a, &x_moved[x_offset..], &mut got[y_offset..]).expect("one length");
        let defined = x.iter().zip(&y).map(|(x, &y)| {
            let x = T::nearest(x.to_f64());
            if isa.is_fused() { x.fma(a, y) } else { x * a + y }
        });
        let want: Vec<T> = defined.collect();
        assert_same_bits(&got[y_offset..], &want, || format!("axpy on {isa}, n = {n}"));
        assert_same_bits(&got[..y_offset], &vec![T::default(); y_offset], || "before the slice".to_owned());
    }
}

fuzz_target!(|input: Input| for_all_types!(input.types, input.small, check(&input)));
