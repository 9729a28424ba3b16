//! The list of kernels: what is here is run on every instruction set, at every length and
//! alignment, next to pages without access rights. A kernel joins by one line.

use super::Number;
use lanegrad::{Element, Isa, Storage};

/// A kernel as the tests call it: two inputs, an output that holds values before, and a result
/// (any fixed number where the kernel has none). All slices have one length.
pub(crate) type Run<S, T> = fn(Isa, x: &[S], y: &[T], out: &mut [T]) -> T;

/// The result of a kernel that has none.
pub(crate) fn zero<T: Element>((): ()) -> T {
    T::nearest(0.0)
}

/// The kernels that read `S` and compute in `T`.
pub(crate) fn mixed<S: Storage<T>, T: Number>() -> Vec<(&'static str, Run<S, T>)> {
    vec![
        ("dot", |isa, x, y, _| isa.dot(x, y).unwrap()),
        ("axpy", |isa, x, y, out| {
            let a = y.first().copied().unwrap_or(zero(()));
            isa.axpy(a, x, out).map(zero).unwrap()
        }),
    ]
}

/// All kernels of one element type.
pub(crate) fn all<T: Number>() -> Vec<(&'static str, Run<T, T>)> {
    let mut list = mixed::<T, T>();
    list.extend([
        ("sigmoid", (|isa, x, _, out| isa.sigmoid(x, out).map(zero).unwrap()) as Run<T, T>),
        ("sigmoid_in_place", |isa, _, _, out| {
            isa.sigmoid_in_place(out);
            zero(())
        }),
        ("softplus", |isa, x, _, out| isa.softplus(x, out).map(zero).unwrap()),
        ("softplus_in_place", |isa, _, _, out| {
            isa.softplus_in_place(out);
            zero(())
        }),
        ("log_sigmoid", |isa, x, _, out| isa.log_sigmoid(x, out).map(zero).unwrap()),
        ("log_sigmoid_in_place", |isa, _, _, out| {
            isa.log_sigmoid_in_place(out);
            zero(())
        }),
        ("logit", |isa, x, _, out| isa.logit(x, out).map(zero).unwrap()),
        ("logit_in_place", |isa, _, _, out| {
            isa.logit_in_place(out);
            zero(())
        }),
        ("log_loss", |isa, x, y, out| isa.log_loss(x, y, out).map(zero).unwrap()),
        ("log_loss_in_place", |isa, _, y, out| isa.log_loss_in_place(out, y).map(zero).unwrap()),
        ("residual", |isa, x, y, out| isa.residual(x, y, out).map(zero).unwrap()),
        ("residual_in_place", |isa, _, y, out| isa.residual_in_place(out, y).map(zero).unwrap()),
    ]);
    list
}
