//! `Engine`: what it sums over rows stands here, logits and probabilities in `scores`, and elementwise maps over large
//! slices in `maps`.

mod maps;
mod scores;

use crate::error::Error;
use crate::isa::Isa;
use crate::parallel::grain;
use crate::pass;
use crate::rows::{Batch, Element, Params, Passes, Storage};
use crate::sum::{
    At, Centres, ColumnSums, Curvature, Deviations, Diagonal, Finish, Gradient, HessianDiagonal,
    HessianProduct, Leaf, Loss, Summand, Total, Workspace, chunk_rows,
};
use crate::tree::node::{Sums, width};
use crate::tree::{Forest, Tree};
use crate::tuning::{ELEMENT_COST, Source};

/// Runs passes over rows on an instruction set, serially or on the threads of the caller's rayon pool.
///
/// It is small, and `Copy`: threads may share one, or have one each. Results do not depend on the number of
/// threads, nor, among fused instruction sets, on the instruction set.
///
/// The memory that a pass works in is a part of the result that it fills: to fill a result again
/// ([`Engine::loss_and_gradient_into`]) allocates nothing (but for the queues of rayon). Where memory cannot
/// be allocated, the program ends, as with the standard library's collections.
///
/// An engine that is parallel uses the pool that its caller is in (`ThreadPool::install`), or rayon's
/// global one outside of any, and stays on the calling thread where the work is too small to share: below about
/// 2^18 features, or 10 µs of a core. (A mini-batch of 256 rows of 64 features is that small.)
/// (rayon starts its global pool at the first use, and panics where the system gives it no threads.)
///
/// ```
/// use lanegrad::{Batch, Engine, Params, Rows};
///
/// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2)?;
/// let params = Params::new(&[0.5_f32, -0.25], 0.1);
/// let engine = Engine::new();
///
/// let mut probabilities = [0.0; 3];
/// engine.predict_proba(rows, params, &mut probabilities)?;
/// assert_eq!(probabilities[0], 0.5249792);
///
/// let batch = Batch::new(rows, &[1.0, 0.0, 1.0])?;
/// let gradient = engine.loss_and_gradient(&batch, params)?;
/// assert_eq!(gradient.dw.len(), 2);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    isa: Isa,
    parallel: bool,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine on the best instruction set, and in parallel where the feature `rayon` is enabled.
    #[must_use]
    pub fn new() -> Self {
        Self { isa: Isa::best(), parallel: cfg!(feature = "rayon") }
    }

    /// An engine on the best instruction set and the calling thread alone: for threads of the program's own, which a
    /// pool's threads would compete with.
    #[must_use]
    pub fn serial() -> Self {
        Self { parallel: false, ..Self::new() }
    }

    /// This engine on another instruction set.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }

    /// The instruction set that passes run on.
    #[must_use]
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    /// True where large work is shared between threads.
    #[must_use]
    pub const fn is_parallel(&self) -> bool {
        self.parallel
    }

    /// The sums of loss and gradient over the rows of a batch, in one pass over them.
    ///
    /// With z = w·x + b, plus the row's offset if there is one, and s what the row counts (1 in a batch without
    /// weights): Σ s log_loss(z, y), Σ s residual(z, y) x, Σ s residual(z, y) and Σ s. The formulas are derived in
    /// [`reference`](mod@crate::reference).
    ///
    /// Memory: O((features + 3) log2(chunks)) `f64`; in parallel as much for each piece of work, of which
    /// there are at most eight per thread. Where rows are gathered, or held as small numbers in `f64` arithmetic (on
    /// `portable` and `scalar` in any), each piece copies a chunk of them too: 64 rows, or more in up to
    /// 256 KB. Time: O(rows features), at about the speed of memory: each row is
    /// read from memory once, as long as four rows, the weights and the gradient fit into the second-level
    /// cache (40 000 features of `f32` where that has 1 MB). Longer rows are read again, from the third-level
    /// cache or from memory. Of about a dozen rows or more a pass takes less time than [`dot()`](crate::dot()),
    /// [`residual()`](crate::residual()) and [`axpy`](crate::axpy) called for each; of one row it takes some 100 ns
    /// more (`BENCHMARKS.md`).
    ///
    /// # Numeric contract
    ///
    /// - The same bits on every fused instruction set and any number of threads, and those of a
    ///   [`GradientStream`](crate::GradientStream), into whichever batches its rows were cut.
    /// - Logits have the bits of [`Engine::logits`], or of [`Engine::logits_with_offsets`], and residuals those of
    ///   [`residual()`](crate::residual()).
    ///   Products s r x are summed in `T` within a chunk of [`chunk_rows`] rows, and in `f64` above it; losses in `f64`
    ///   throughout. To first order the summation errs by at most `514 u Σ|s r x|` in an entry of the gradient, and by
    ///   `2 u Σ s L` in the loss, whatever the number of rows (`f32`); in `f64` by `(514 + k) u` and
    ///   `(68 + k) u` times the same sums, for 2^k chunks.
    /// - A product that underflows adds to these bounds: half the least subnormal of `T` for each `s r x` and
    ///   `s L`, and |x| times that for each `s r`.
    /// - A row that counts 0, by its sample weight or its class's, adds nothing, whatever it holds. NaN and infinities
    ///   in other rows or in the parameters follow IEEE arithmetic; which NaN comes out (its sign and payload) is
    ///   unspecified.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a weight for each feature.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Params, Rows};
    ///
    /// let batch = Batch::new(Rows::new(&[1.0_f32, 2.0], 1, 2)?, &[1.0_f64])?; // `f64` arithmetic
    /// let gradient = Engine::new().loss_and_gradient(&batch, Params::new(&[0.0, 0.0], 0.0))?;
    /// assert_eq!(gradient.loss, std::f64::consts::LN_2);
    /// assert_eq!((gradient.dw, gradient.db), (vec![-0.5, -1.0], -0.5));
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn loss_and_gradient<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
    ) -> Result<Gradient, Error> {
        let mut out = Gradient::default();
        self.loss_and_gradient_into(batch, params, &mut out)?;
        Ok(out)
    }

    /// Fills a result that is there already with what [`Engine::loss_and_gradient`] returns.
    ///
    /// Called again with the same result, for rows of the same shape and type and as many threads, it does not
    /// allocate (but for the queues of rayon).
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a weight for each feature; `out` is then untouched.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Gradient, Params, Rows};
    ///
    /// let batch = Batch::new(Rows::new(&[1.0_f32, 2.0], 1, 2)?, &[1.0_f32])?;
    /// let mut gradient = Gradient::default();
    /// for bias in [0.0, 0.5, 1.0] {
    ///     Engine::new().loss_and_gradient_into(&batch, Params::new(&[0.0, 0.0], bias), &mut gradient)?;
    /// }
    /// assert_eq!(gradient.dw[1], 2.0 * gradient.dw[0]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn loss_and_gradient_into<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        out: &mut Gradient,
    ) -> Result<(), Error> {
        self.fill::<S, T, Loss>(params, batch, out)
    }

    /// The product of the loss's Hessian with a direction v, summed over the rows of a batch in one pass
    /// over them: what Newton-CG and trust-region methods ask for (scikit-learn's
    /// `gradient_hessian_product` returns a function of v that computes it).
    ///
    /// With q = v·x + v_b (`direction`'s weights and bias) and h = sigmoid(z) sigmoid(-z), the second
    /// derivative of the log-loss by the logit: Σ s h q x, Σ s h q, and half the quadratic form,
    /// ½ vᵀHv = ½ Σ s h q², whose gradient by v is the product; see [`HessianProduct`]. Labels play no part.
    ///
    /// Memory, time and numeric contract are those of [`Engine::loss_and_gradient`], with h q in place of the
    /// residual and ½ h q² in place of the loss. h q errs by at most 5 u |h q|, and ½ h q² by 6 u of it, and by half
    /// the least subnormal where they underflow, however small h and however large q. Only beyond |z| = 128 (`f32`) or
    /// 748 (`f64`), where h is less than 2^-35 or 2^-5 of the least subnormal, it counts as 0.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where the parameters or the direction have not a weight for each feature.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Params, Rows};
    ///
    /// let rows = Rows::new(&[1.0_f64, 2.0], 1, 2)?;
    /// let batch = Batch::new(rows, &[1.0])?;
    /// let (params, direction) = (Params::new(&[0.0, 0.0], 0.0), Params::new(&[1.0, 0.0], 0.0));
    /// let product = Engine::new().hessian_product(&batch, params, direction)?;
    /// assert_eq!(product.by_weights, [0.25, 0.5]); // h = 1/4, q = 1
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn hessian_product<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        direction: Params<'_, T>,
    ) -> Result<HessianProduct, Error> {
        let mut out = HessianProduct::default();
        self.hessian_product_into(batch, params, direction, &mut out)?;
        Ok(out)
    }

    /// Fills a result that is there already with what [`Engine::hessian_product`] returns; as
    /// [`Engine::loss_and_gradient_into`].
    ///
    /// # Errors
    ///
    /// Those of [`Engine::hessian_product`]; `out` is then untouched.
    pub fn hessian_product_into<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        direction: Params<'_, T>,
        out: &mut HessianProduct,
    ) -> Result<(), Error> {
        self.fill::<S, T, Curvature>([params, direction], batch, out)
    }

    /// The diagonal of the loss's Hessian, summed over the rows of a batch in one pass over them: Σ s h x² for each
    /// column and Σ s h, with h = sigmoid(z) sigmoid(-z); see [`HessianDiagonal`] for what it is good for. Labels play
    /// no part, but for the weights of classes.
    ///
    /// # Numeric contract
    ///
    /// The bits are as constant as those of [`Engine::loss_and_gradient`], and a row that counts 0 adds nothing either.
    /// h errs as in [`Engine::hessian_product`]. s h is rounded to `T`; squares and all sums are in `f64`, and err by
    /// at most `(514 + k) u` of the sum, for 2^k chunks.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a weight for each feature.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Params, Rows};
    ///
    /// let batch = Batch::new(Rows::new(&[1.0_f32, 3.0, 2.0, -1.0], 2, 2)?, &[1.0, 0.0])?;
    /// let params = Params::new(&[0.0, 0.0], 0.0); // h = 1/4
    /// let diagonal = Engine::new().hessian_diagonal(&batch, params)?;
    /// assert_eq!((diagonal.by_weights, diagonal.by_bias), (vec![1.25, 2.5], 0.5));
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn hessian_diagonal<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
    ) -> Result<HessianDiagonal, Error> {
        let mut out = HessianDiagonal::default();
        self.hessian_diagonal_into(batch, params, &mut out)?;
        Ok(out)
    }

    /// Fills a result that is there already with what [`Engine::hessian_diagonal`] returns; as
    /// [`Engine::loss_and_gradient_into`].
    ///
    /// # Errors
    ///
    /// Those of [`Engine::hessian_diagonal`]; `out` is then untouched.
    pub fn hessian_diagonal_into<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        out: &mut HessianDiagonal,
    ) -> Result<(), Error> {
        self.fill::<S, T, Diagonal>(params, batch, out)
    }

    /// The sums over the rows of a batch of s (x - c), for each column, with what the row counts, s, and the
    /// centre c of the column: divided by the weight sum, how far the mean is from the centre. Labels play no part.
    ///
    /// With a centre among the column's numbers, equal numbers add up to exactly 0.
    ///
    /// # Numeric contract
    ///
    /// All of it but s ([`Batch::row_weights`]) is computed in `f64`, with the same bits on every instruction set,
    /// those without fused multiply-add too, and any number of threads. The summation errs by at most
    /// `(514 + k) u Σ s |x - c|` for 2^k chunks. A row that counts 0, by its sample weight or its class's, adds
    /// nothing, whatever it holds.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a centre for each column.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Rows};
    ///
    /// let batch = Batch::new(Rows::new(&[1.0_f64, 3.0, 2.0], 3, 1)?, &[0.0, 1.0, 1.0])?;
    /// assert_eq!(Engine::new().deviations(&batch, &[1.0])?.sums, [3.0]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn deviations<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        centres: &[f64],
    ) -> Result<ColumnSums, Error> {
        let mut out = ColumnSums::default();
        self.fill::<S, T, Deviations>(Centres { centres, squared: false }, batch, &mut out)?;
        Ok(out)
    }

    /// The sums over the rows of a batch of s (x - c)², for each column: as [`Engine::deviations`], with at most
    /// `(516 + k) u Σ s (x - c)²` of error.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a centre for each column.
    pub fn squared_deviations<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        centres: &[f64],
    ) -> Result<ColumnSums, Error> {
        let mut out = ColumnSums::default();
        self.fill::<S, T, Deviations>(Centres { centres, squared: true }, batch, &mut out)?;
        Ok(out)
    }

    /// Fills a result with the sums over a batch, working in the memory that the result keeps.
    fn fill<S: Storage<T>, T: Element, Q: Summand<T>>(
        &self,
        at: At<'_, Q, T>,
        batch: &Batch<'_, S, T>,
        out: &mut Q::Total,
    ) -> Result<(), Error> {
        let ncols = batch.rows().ncols();
        Q::Leaf::check(at, ncols)?;
        let mut workspace = core::mem::take(<Q::Total as Total>::Finish::workspace(out));
        let node = self.node::<S, T, Q>(at, batch, pass::source(&batch.rows()), &mut workspace);
        <Q::Total as Total>::Finish::set(out, Sums::of(node), ncols);
        *<Q::Total as Total>::Finish::workspace(out) = workspace;
        Ok(())
    }

    /// The sums over all rows of a batch as a node of the summation tree; an empty slice for a batch without
    /// rows.
    pub(crate) fn node<'w, S: Storage<T>, T: Element, Q: Summand<T>>(
        &self,
        at: At<'_, Q, T>,
        batch: &Batch<'_, S, T>,
        source: Source,
        workspace: &'w mut Workspace,
    ) -> &'w mut [f64] {
        let (nrows, ncols) = (batch.nrows(), batch.rows().ncols());
        let chunk = chunk_rows::<T>(ncols);
        let chunks = nrows.div_ceil(chunk);
        if chunks == 0 {
            return &mut [];
        }
        let tree = Tree {
            leaf: |i: usize, out: &mut [f64], scratch: &mut [f64]| {
                self.leaf::<S, T, Q>(
                    at,
                    &batch.range(i * chunk..nrows.min((i + 1) * chunk)),
                    source,
                    scratch,
                    out,
                );
            },
            width: width(ncols),
            leaf_scratch: leaf_scratch(self.isa, batch),
            grain: grain(self.parallel, chunks, chunk * row_cost(ncols)),
        };
        let (out, scratch) = workspace.take(tree.width + tree.scratch(chunks)).split_at_mut(tree.width);
        tree.evaluate(0..chunks, out, scratch);
        out
    }

    /// The node of some segments, of which there is at least one and each batch is a whole one; an empty slice where
    /// none has rows.
    ///
    /// [`Engine::node`] is that of a single one, and has a tree of its own: through this function a pass over a few
    /// rows took 6 to 13 ns longer, of 120 to 150 (on a Zen 4, by turns).
    pub(crate) fn node_of_segments<'w, S: Storage<T>, T: Element, Q: Summand<T>>(
        &self,
        at: At<'_, Q, T>,
        segments: &[Batch<'_, S, T>],
        workspace: &'w mut Workspace,
    ) -> &'w mut [f64] {
        let ncols = segments.first().map_or(0, |batch| batch.rows().ncols());
        let chunk = chunk_rows::<T>(ncols);
        let chunks = |segment: usize| segments[segment].nrows().div_ceil(chunk);
        let all = (0..segments.len()).map(chunks).sum();
        // They are read one after the other: what fits into the cache by itself does not stay there.
        let bytes = segments.iter().map(|batch| batch.rows().size()).fold(0, usize::saturating_add);
        let source = pass::source_of(bytes);
        let forest = Forest {
            leaf: |segment: usize, i: usize, out: &mut [f64], scratch: &mut [f64]| {
                let batch = &segments[segment];
                let rows = batch.range(i * chunk..batch.nrows().min((i + 1) * chunk));
                self.leaf::<S, T, Q>(at, &rows, source, scratch, out);
            },
            leaves: chunks,
            width: width(ncols),
            leaf_scratch: segments.iter().map(|batch| leaf_scratch(self.isa, batch)).max().unwrap_or(0),
            grain: grain(self.parallel, all, chunk * row_cost(ncols)),
        };
        let len = forest.width + forest.scratch(0..segments.len());
        let (out, scratch) = workspace.take(len).split_at_mut(forest.width);
        if forest.evaluate(0..segments.len(), out, scratch) { out } else { &mut [] }
    }

    /// Writes the node of the rows of a chunk.
    #[inline(always)]
    fn leaf<S: Storage<T>, T: Element, Q: Summand<T>>(
        &self,
        at: At<'_, Q, T>,
        rows: &Batch<'_, S, T>,
        source: Source,
        scratch: &mut [f64],
        out: &mut [f64],
    ) {
        if !rows.is_gathered() {
            return Q::Leaf::leaf(at, self.isa, rows, source, scratch, out);
        }
        let gathered = pass::gather_len::<S, T>(rows.nrows(), rows.rows().ncols());
        let (scratch, memory) = scratch.split_at_mut(scratch.len() - gathered);
        let gathered = S::Passes::gather(self.isa, rows, memory);
        Q::Leaf::leaf(at, self.isa, &gathered, Source::Cache, scratch, out);
    }
}

/// Length of the memory that the pass over a chunk of a batch works in.
fn leaf_scratch<S: Storage<T>, T: Element>(isa: Isa, batch: &Batch<'_, S, T>) -> usize {
    let (nrows, ncols) = (batch.nrows(), batch.rows().ncols());
    let rows = chunk_rows::<T>(ncols).min(nrows);
    let gathered = if batch.is_gathered() { pass::gather_len::<S, T>(rows, ncols) } else { 0 };
    pass::scratch_len(ncols, size_of::<T>()) + S::Passes::widened_len(isa, rows, ncols) + gathered
}

/// Cost of a row in operations on an element: one for each feature, and those that its logit takes.
fn row_cost(ncols: usize) -> usize {
    ncols + 2 * ELEMENT_COST
}
