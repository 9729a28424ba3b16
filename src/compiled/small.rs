//! Passes over rows of small numbers: compiled for those backends that read such rows where they lie. On others, and for
//! rows of few columns, they are the passes over `f32`, to which a chunk is widened first.

use crate::isa::{Isa, dispatch};
use crate::num::Float;
use crate::pass;
use crate::rows::{Batch, Rows};
#[cfg(feature = "alloc")]
use crate::simd::Lane;
use crate::simd::LoadAs;
#[cfg(feature = "alloc")]
use crate::tuning::CACHE_LINE;

/// Length of the memory that a chunk is widened to before a pass, beside that of the pass; 0 where it is not widened.
#[cfg(feature = "alloc")]
pub(super) fn widened_len<T: Lane>(isa: Isa, nrows: usize, ncols: usize) -> usize {
    let passed = dispatch!(isa, b => pass::can_pass::<_, T>(b, ncols));
    if passed { 0 } else { (CACHE_LINE + nrows * ncols * size_of::<f32>()).div_ceil(size_of::<f64>()) }
}

/// A chunk's rows widened to `f32`, in memory behind that of the pass; and the memory of the pass.
pub(super) fn widened<'a, S: LoadAs<f32>, T: Float>(
    isa: Isa,
    batch: &Batch<'a, S, T>,
    scratch: &'a mut [f64],
) -> (Batch<'a, f32, T>, &'a mut [f64]) {
    let (nrows, ncols) = (batch.nrows(), batch.rows().ncols());
    let (scratch, memory) = scratch.split_at_mut(pass::scratch_len(ncols, size_of::<T>()));
    let wide = &mut pass::from_cache_line::<f32>(memory)[..nrows * ncols];
    dispatch!(isa, b => pass::widen(b, batch.rows(), wide));
    let rows = Rows::new(wide, nrows, ncols).expect("the rows that were widened");
    (batch.with_rows(rows), scratch)
}

/// The passes of `storage!`.
macro_rules! small {
    ($s:ident, $t:ident) => {
        #[cfg(feature = "alloc")]
        fn widened_len(isa: Isa, nrows: usize, ncols: usize) -> usize {
            small::widened_len::<$t>(isa, nrows, ncols)
        }

        fn logits(isa: Isa, rows: Rows<'_, $s>, params: Params<'_, $t>, source: Source, out: &mut [$t]) {
            if !dispatch!(isa, b => pass::try_logits(b, rows, params, source, out)) {
                for (row, out) in rows.iter().zip(out) {
                    *out = Self::dot(isa, row, params.weights) + params.bias;
                }
            }
        }

        fn gathered_logits(
            isa: Isa,
            rows: Rows<'_, $s>,
            indices: Indices<'_>,
            first: usize,
            params: Params<'_, $t>,
            out: &mut [$t],
        ) {
            pass::gathered_logits(rows, indices, first, params, out, |x, w| Self::dot(isa, x, w));
        }

        fn probabilities(isa: Isa, rows: Rows<'_, $s>, params: Params<'_, $t>, source: Source, out: &mut [$t]) {
            // By groups, whose logits stay in cache.
            for (group, out) in out.chunks_mut(GROUP).enumerate() {
                let first = group * GROUP;
                Self::logits(isa, rows.range(first..first + out.len()), params, source, out);
                <Self as Maps<$t>>::sigmoid_in_place(isa, out);
            }
        }

        fn loss(
            isa: Isa,
            batch: &Batch<'_, $s, $t>,
            params: Params<'_, $t>,
            source: Source,
            scratch: &mut [f64],
            node: &mut [f64],
        ) {
            if !dispatch!(isa, b => pass::try_leaf(b, LossTerms, batch, params, source, scratch, node)) {
                let (batch, scratch) = small::widened(isa, batch, scratch);
                Self::loss(isa, &batch, params, Source::Cache, scratch, node);
            }
        }

        fn curvature(
            isa: Isa,
            batch: &Batch<'_, $s, $t>,
            [params, direction]: [Params<'_, $t>; 2],
            source: Source,
            scratch: &mut [f64],
            node: &mut [f64],
        ) {
            let terms = CurvatureTerms { direction };
            if !dispatch!(isa, b => pass::try_leaf(b, terms, batch, params, source, scratch, node)) {
                let (batch, scratch) = small::widened(isa, batch, scratch);
                Self::curvature(isa, &batch, [params, direction], Source::Cache, scratch, node);
            }
        }

        fn diagonal(
            isa: Isa,
            batch: &Batch<'_, $s, $t>,
            params: Params<'_, $t>,
            source: Source,
            scratch: &mut [f64],
            node: &mut [f64],
        ) {
            if !dispatch!(isa, b => pass::try_diagonal(b, batch, params, source, scratch, node)) {
                let (batch, scratch) = small::widened(isa, batch, scratch);
                Self::diagonal(isa, &batch, params, Source::Cache, scratch, node);
            }
        }
    };
}
pub(super) use small;
