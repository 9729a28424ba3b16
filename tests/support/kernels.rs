//! The list of kernels: what is here is run on every instruction set, at every length and
//! alignment, next to pages without access rights. A kernel joins by one line.

use super::TestFloat;
use lanegrad::{Element, Isa, Storage};

/// A kernel as the tests call it: two inputs, an output that holds values before, and a result
/// (any fixed number where the kernel has none). All slices have one length.
pub type Run<S, T> = fn(Isa, x: &[S], y: &[T], out: &mut [T]) -> T;

/// The result of a kernel that has none.
fn zero<T: Element>((): ()) -> T {
    T::from_f64(0.0)
}

/// The kernels that read `S` and compute in `T`.
pub fn mixed<S: Storage<T>, T: TestFloat>() -> Vec<(&'static str, Run<S, T>)> {
    vec![
        ("dot", |isa, x, y, _| isa.dot(x, y).unwrap()),
        ("axpy", |isa, x, y, out| {
            let a = y.first().copied().unwrap_or(zero(()));
            isa.axpy(a, x, out).map(zero).unwrap()
        }),
    ]
}

/// All kernels of one element type.
pub fn all<T: TestFloat>() -> Vec<(&'static str, Run<T, T>)> {
    mixed::<T, T>()
}
