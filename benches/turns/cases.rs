//! What is measured: the same call to both commits.

use crate::data::{Numbers, Pages};
use lanegrad::{Element, Isa, Storage, roofline};
use rayon::prelude::*;

/// What is timed.
pub(crate) type Run<'a> = Box<dyn FnMut() + Send + 'a>;

/// One line of the report.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    /// Bytes that a call reads.
    pub(crate) bytes: usize,
    pub(crate) before: Run<'a>,
    pub(crate) now: Run<'a>,
    /// Ways to do no more than read the same bytes.
    pub(crate) reads: Vec<Run<'a>>,
    /// The same work by calls of the kernels alone.
    pub(crate) by_hand: Option<Run<'a>>,
}

#[derive(Clone, Copy, Default)]
pub(crate) enum Call {
    #[default]
    Gradient,
    HessianProduct,
    Logits,
}

/// What the options say.
pub(crate) struct Context {
    pub(crate) isa: Option<String>,
    pub(crate) pages: Pages,
    pub(crate) threads: usize,
    pub(crate) bytes: usize,
    pub(crate) call: Call,
}

impl Default for Context {
    fn default() -> Self {
        Self { isa: None, pages: Pages::Huge, threads: 1, bytes: 768 << 20, call: Call::Gradient }
    }
}

/// The shapes of a group, for which `--shapes` gives others. No rows: as many as `--mb` holds.
fn shapes(group: &str) -> Vec<(usize, usize)> {
    match group {
        "memory" => [16, 30, 64, 128, 256, 384, 768, 1000, 4096].map(|columns| (0, columns)).to_vec(),
        "cache" => {
            let narrow = [1, 2, 4, 8, 16, 30].map(|columns| (4096, columns));
            [&narrow[..], &[(1024, 64), (1024, 128), (512, 256), (64, 1000), (16, 4096)]].concat()
        }
        "small" => [1, 4, 8, 16, 32]
            .into_iter()
            .flat_map(|rows| [4, 64, 256].map(|columns| (rows, columns)))
            .collect(),
        "terms" => vec![(16_384, 0)],
        _ => panic!("{group} is no group"),
    }
}

/// The calls to one commit.
macro_rules! commit {
    ($module:ident, $crate_name:ident) => {
        mod $module {
            use super::{Call, Context, Run};
            use $crate_name::{Batch, Element, Engine, Gradient, HessianProduct, Isa, Params, Rows, Storage};

            pub(super) fn isa(context: &Context) -> Isa {
                context
                    .isa
                    .as_ref()
                    .map_or_else(Isa::best, |name| Isa::from_name(name).expect("an instruction set"))
            }

            pub(super) fn pass<'a, S: Storage<T>, T: Element>(
                context: &Context,
                (rows, columns): (usize, usize),
                x: &'a [S],
                y: &'a [T],
                w: &'a [T],
                bias: T,
            ) -> Run<'a> {
                let engine = if context.threads == 1 { Engine::serial() } else { Engine::new() };
                let engine = engine.with_isa(isa(context));
                let rows = Rows::new(x, rows, columns).expect("rows");
                let batch = Batch::new(rows, y).expect("labels");
                let params = Params::new(w, bias);
                match context.call {
                    Call::Gradient => {
                        let mut out: Gradient = engine.loss_and_gradient(&batch, params).expect("a pass");
                        Box::new(move || {
                            engine.loss_and_gradient_into(&batch, params, &mut out).expect("a pass")
                        })
                    }
                    Call::HessianProduct => {
                        let mut out: HessianProduct =
                            engine.hessian_product(&batch, params, params).expect("a pass");
                        Box::new(move || {
                            engine.hessian_product_into(&batch, params, params, &mut out).expect("a pass");
                        })
                    }
                    Call::Logits => {
                        let mut out = y.to_vec();
                        Box::new(move || engine.logits(rows, params, &mut out).expect("logits"))
                    }
                }
            }

            pub(super) fn dot<'a>(context: &Context, x: &'a [f32], w: &'a [f32]) -> Run<'a> {
                if context.isa.is_none() {
                    return Box::new(move || {
                        std::hint::black_box(
                            $crate_name::dot(std::hint::black_box(x), w).expect("one length"),
                        );
                    });
                }
                let isa = isa(context);
                Box::new(move || {
                    std::hint::black_box(isa.dot(std::hint::black_box(x), w).expect("one length"));
                })
            }
        }
    };
}

commit!(before, lanegrad_before);
commit!(now, lanegrad);

/// The cases of a group, for rows of `S` and parameters of `T`. (The traits of the two commits are different ones: a
/// generic function would have to name both.)
macro_rules! group {
    ($name:ident, $S:ty, $T:ty) => {
        pub(crate) fn $name(
            context: &Context,
            group: &str,
            chosen: Option<&[(usize, usize)]>,
            show: &mut dyn FnMut(Case<'_>),
        ) {
            for (rows, columns) in chosen.map_or_else(|| shapes(group), <[_]>::to_vec) {
                let rows = if rows == 0 { context.bytes / (columns * size_of::<$S>()) } else { rows };
                let x = Numbers::random::<$S>(rows * columns, context.pages);
                let x: &[$S] = x.as_slice();
                let y: Vec<$T> = (0..rows).map(|i| f32::from(i % 3 == 0).into()).collect();
                let w: Vec<$T> = (0..columns).map(|j| ((j % 7) as f32 / 50.0 - 0.06).into()).collect();
                show(Case {
                    name: format!("{group} {rows} x {columns}"),
                    bytes: size_of_val(x),
                    before: before::pass::<$S, $T>(context, (rows, columns), x, &y, &w, 0.5),
                    now: now::pass::<$S, $T>(context, (rows, columns), x, &y, &w, 0.5),
                    reads: if group == "memory" { reads(context.threads, x) } else { Vec::new() },
                    by_hand: by_hand(context, group, x, &y, &w),
                });
            }
        }
    };
}

group!(f32, f32, f32);
group!(f64, f64, f64);
group!(mixed, f32, f64);

/// The dot product of two slices that are in the first-level cache.
pub(crate) fn dots(context: &Context, show: &mut dyn FnMut(Case<'_>)) {
    let (x, w) = (Numbers::random::<f32>(4096, context.pages), Numbers::random::<f32>(4096, context.pages));
    for n in [4, 16, 32, 64, 128, 256, 1024, 4096] {
        let (x, w) = (&x.as_slice()[..n], &w.as_slice()[..n]);
        show(Case {
            name: format!("dot {n}"),
            bytes: size_of_val(x) + size_of_val(w),
            before: before::dot(context, x, w),
            now: now::dot(context, x, w),
            reads: Vec::new(),
            by_hand: None,
        });
    }
}

/// A pass as one would write it with the kernels alone, where a group compares with it.
fn by_hand<'a, S: Storage<T>, T: Element>(
    context: &Context,
    group: &str,
    x: &'a [S],
    y: &'a [T],
    w: &'a [T],
) -> Option<Run<'a>> {
    if group != "small" {
        return None;
    }
    let isa = now::isa(context);
    let (mut z, mut gradient) = (y.to_vec(), w.to_vec());
    Some(Box::new(move || {
        for (z, x) in z.iter_mut().zip(x.chunks_exact(w.len())) {
            *z = isa.dot(x, w).expect("a row");
        }
        isa.residual_in_place(&mut z, y).expect("labels");
        for (&c, x) in z.iter().zip(x.chunks_exact(w.len())) {
            isa.axpy(c, x, &mut gradient).expect("a row");
        }
    }))
}

/// Reads of a slice by each thread's part of it, as one stream and as four.
fn reads<T: Element>(threads: usize, x: &[T]) -> Vec<Run<'_>> {
    let isa = Isa::best();
    let parts: Vec<&[T]> = x.chunks(x.len().div_ceil(threads)).collect();
    let one = move |x: &[T]| {
        std::hint::black_box(roofline::read(isa, [x]).expect("a slice"));
    };
    let four = move |x: &[T]| {
        let quarter = x.len() / 4;
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| &x[i * quarter..(i + 1) * quarter]);
        std::hint::black_box(roofline::read(isa, [a, b, c, d]).expect("slices of one length"));
    };
    let parts_again = parts.clone();
    vec![
        Box::new(move || parts.par_iter().for_each(|x| one(x))),
        Box::new(move || parts_again.par_iter().for_each(|x| four(x))),
    ]
}
