//! `Engine`: the passes over rows, and elementwise maps over large slices.

use crate::chunks::{Tree, chunk_rows, width};
use crate::kernels::pass::{self, Pass, Scoring};
use crate::kernels::terms::{Curvature, Loss, Objective};
use crate::kernels::{InPlace, LogLoss, Overwrite, Residual, Sigmoid, Softplus};
use crate::parallel::{for_parts, grain};
use crate::simd::prefetch::CACHE_LINE;
use crate::{Batch, Element, Error, Gradient, Isa, Params, Rows, Storage};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Runs passes over rows on an instruction set, serially or on the threads of the caller's rayon pool.
///
/// It keeps the memory that a pass works in, so a call after one of at least its size does not allocate
/// (but for the queues of rayon). Results do not depend on the number of threads, nor, among fused
/// instruction sets, on the instruction set.
///
/// An engine that is parallel uses the pool that its caller is in (`ThreadPool::install`), or rayon's
/// global one outside of any, and stays on the calling thread where the work is too small to share.
/// (rayon starts its global pool at the first use, and panics where the system gives it no threads.)
///
/// ```
/// use lanegrad::{Batch, Engine, Gradient, Params, Rows};
///
/// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2)?;
/// let params = Params::new(&[0.5_f32, -0.25], 0.1);
/// let mut engine = Engine::new();
///
/// let mut probabilities = [0.0; 3];
/// engine.predict_proba(rows, params, &mut probabilities)?;
/// assert_eq!(probabilities[0], 0.5249792);
///
/// let batch = Batch::new(rows, &[1.0, 0.0, 1.0])?;
/// let mut gradient = Gradient::default();
/// engine.loss_and_gradient(&batch, params, &mut gradient)?;
/// assert_eq!(gradient.dw.len(), 2);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    isa: Isa,
    parallel: bool,
    /// What a pass works in.
    scratch: Vec<f64>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("isa", &self.isa)
            .field("parallel", &self.parallel)
            .finish_non_exhaustive()
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// On the best instruction set, and in parallel where the feature `rayon` is enabled.
    #[must_use]
    pub fn new() -> Self {
        Self { isa: Isa::best(), parallel: cfg!(feature = "rayon"), scratch: Vec::new() }
    }

    /// On the best instruction set and the calling thread alone.
    #[must_use]
    pub fn serial() -> Self {
        Self { parallel: false, ..Self::new() }
    }

    /// The same on another instruction set.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }

    /// The instruction set.
    #[must_use]
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    /// Whether work is shared between threads.
    #[must_use]
    pub const fn is_parallel(&self) -> bool {
        self.parallel
    }

    /// `out[i] = w·x[i] + b`, the logit of each row.
    ///
    /// # Numeric contract
    ///
    /// Each has the bits of [`dot()`](crate::dot()) of the row and the weights, plus the bias; so a row
    /// scored alone gets the bits that it gets among others.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a weight for each feature, or not a place in `out`
    /// for each row; nothing is written then.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Engine, Params, Rows};
    ///
    /// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0], 2, 2)?;
    /// let mut z = [0.0; 2];
    /// Engine::new().logits(rows, Params::new(&[0.5, -0.25], 1.0), &mut z)?;
    /// assert_eq!(z, [1.0, 1.5]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn logits<S: Storage<T>, T: Element>(
        &self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        self.score(rows, params, out, &|rows, pass, out| S::logits_on(self.isa, rows, pass, out))
    }

    /// `out[i] = sigmoid(w·x[i] + b)`, the probability of each row.
    ///
    /// # Numeric contract
    ///
    /// Each has the bits of [`sigmoid()`](crate::sigmoid()) of the row's logit ([`Engine::logits`]).
    ///
    /// # Errors
    ///
    /// As [`Engine::logits`].
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Engine, Params, Rows};
    ///
    /// let row = Rows::new(&[1.0_f64, 2.0], 1, 2)?;
    /// let mut p = [0.0];
    /// Engine::new().predict_proba(row, Params::new(&[0.5, -0.25], 0.0), &mut p)?;
    /// assert_eq!(p, [0.5]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn predict_proba<S: Storage<T>, T: Element>(
        &self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        self.score(rows, params, out, &|rows, pass, out| S::probabilities_on(self.isa, rows, pass, out))
    }

    /// The sums of loss and gradient over the rows of a batch, in one pass over them.
    ///
    /// With z = w·x + b and the sample weight s of a row (1 where there are none): Σ s log_loss(z, y),
    /// Σ s residual(z, y) x, Σ s residual(z, y) and Σ s. The formulas are derived in
    /// [`reference`](mod@crate::reference).
    ///
    /// Memory: (cols + 3) log2(chunks) `f64`, kept for the next call; in parallel as much for each of some
    /// sixteen pieces of work per thread. Time: O(rows cols), at about the speed of memory: each row is
    /// read from it once, as long as four of them, the weights and the gradient fit into the second-level
    /// cache (40 000 features of `f32` where that has 1 MB). Longer rows are read again, from the
    /// third-level cache or from memory.
    ///
    /// # Numeric contract
    ///
    /// - The same bits on every fused instruction set and any number of threads, and those of a
    ///   [`GradientStream`](crate::GradientStream) however it was cut.
    /// - Logits and residuals have the bits of [`Engine::logits`] and [`residual()`](crate::residual()).
    ///   Products are summed in `T` within a chunk of [`chunk_rows`] rows, and in `f64` above it: to
    ///   first order the summation adds at most `514 u Σ|s r x|` to a gradient entry, and `36 u Σ s L` to
    ///   the loss, whatever the number of rows (`f32`); in `f64` `(514 + k) u` and `(68 + k) u`, for 2^k
    ///   chunks.
    /// - A row of sample weight 0 adds nothing, whatever it holds. NaN and infinities in other rows or
    ///   in the parameters follow IEEE arithmetic.
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
    /// let batch = Batch::new(Rows::new(&[1.0_f32, 2.0], 1, 2)?, &[1.0_f64])?; // `f64` arithmetic
    /// let mut gradient = Gradient::default();
    /// Engine::new().loss_and_gradient(&batch, Params::new(&[0.0, 0.0], 0.0), &mut gradient)?;
    /// assert_eq!(gradient.loss, std::f64::consts::LN_2);
    /// assert_eq!((gradient.dw, gradient.db), (vec![-0.5, -1.0], -0.5));
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn loss_and_gradient<S: Storage<T>, T: Element>(
        &mut self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        out: &mut Gradient,
    ) -> Result<(), Error> {
        self.sum(Loss, batch, params, out)
    }

    /// The product of the loss's Hessian with a direction v, summed over the rows of a batch in one pass
    /// over them: what Newton-CG and trust-region methods ask for (scikit-learn's
    /// `gradient_hessian_product` returns a function of v that computes it).
    ///
    /// With q = v·x + v_b (`direction`'s weights and bias) and h = sigmoid(z) sigmoid(-z), the second
    /// derivative of the log-loss by the logit: `dw` = Σ s h q x, `db` = Σ s h q, and in place of a loss
    /// the quadratic form ½ vᵀHv = ½ Σ s h q², whose gradient by v this is. `weight_sum` is Σ s. Labels play
    /// no part.
    ///
    /// Memory, time and numeric contract are those of [`Engine::loss_and_gradient`], with h q in place of
    /// the residual and ½ h q² in place of the loss.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where parameters or direction have not a weight for each feature; `out`
    /// is then untouched.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Gradient, Params, Rows};
    ///
    /// let rows = Rows::new(&[1.0_f64, 2.0], 1, 2)?;
    /// let batch = Batch::new(rows, &[1.0])?;
    /// let mut product = Gradient::default();
    /// let (params, direction) = (Params::new(&[0.0, 0.0], 0.0), Params::new(&[1.0, 0.0], 0.0));
    /// Engine::new().hessian_product(&batch, params, direction, &mut product)?;
    /// assert_eq!(product.dw, [0.25, 0.5]); // h = 1/4, q = 1
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn hessian_product<S: Storage<T>, T: Element>(
        &mut self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        direction: Params<'_, T>,
        out: &mut Gradient,
    ) -> Result<(), Error> {
        check_features(&batch.rows, "direction.weights", direction)?;
        self.sum(Curvature { direction }, batch, params, out)
    }

    /// Calls `kernel` with the rows that each thread scores, what they are scored with, and the places of
    /// their scores.
    fn score<S: Storage<T>, T: Element>(
        &self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        out: &mut [T],
        kernel: &(impl Fn(Rows<'_, S>, Scoring<'_, T>, &mut [T]) + Sync),
    ) -> Result<(), Error> {
        check_features(&rows, "weights", params)?;
        Error::unless_same_length([("rows", rows.rows()), ("out", out.len())])?;
        let grain = grain(self.parallel, out.len(), row_cost(rows.cols()));
        let pass = Scoring { objective: (), params, ahead: pass::ahead(&rows) };
        for_parts(0, out, grain, &|first, out: &mut [T]| {
            kernel(rows.range(first..first + out.len()), pass, out);
        });
        Ok(())
    }

    /// The sums over all rows of a batch.
    fn sum<S: Storage<T>, T: Element>(
        &mut self,
        objective: impl Objective<T>,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        out: &mut Gradient,
    ) -> Result<(), Error> {
        check_features(&batch.rows, "weights", params)?;
        out.set(self.node(objective, batch, params, pass::ahead(&batch.rows)), batch.rows.cols());
        Ok(())
    }

    /// The sums over all rows of a batch as a node of the summation tree; empty where there are no rows.
    pub(crate) fn node<S: Storage<T>, T: Element, O: Objective<T>>(
        &mut self,
        objective: O,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        ahead: usize,
    ) -> &[f64] {
        let (rows, cols) = (batch.rows.rows(), batch.rows.cols());
        let chunk = chunk_rows::<T>(cols);
        let chunks = rows.div_ceil(chunk);
        if chunks == 0 {
            return &[];
        }
        let isa = self.isa;
        let pass = Pass { objective, params, ahead };
        let tree = Tree {
            leaf: |i: usize, out: &mut [f64], scratch: &mut [f64]| {
                let batch = batch.range(i * chunk..rows.min((i + 1) * chunk));
                let gradient = aligned::<T>(scratch, pass::padded::<T>(cols));
                let sums = O::chunk(isa, pass, &batch, gradient);
                for (out, sum) in out.iter_mut().zip(sums.iter().chain(&*gradient)) {
                    *out = sum.to_f64();
                }
            },
            width: width(cols),
            leaf_scratch: (pass::padded::<T>(cols) * size_of::<T>() + CACHE_LINE).div_ceil(size_of::<f64>()),
            grain: grain(self.parallel, chunks, chunk * row_cost(cols)),
        };
        self.scratch.resize(tree.width + tree.scratch(chunks), 0.0);
        let (out, scratch) = self.scratch.split_at_mut(tree.width);
        tree.evaluate(0..chunks, out, scratch);
        out
    }
}

/// The elementwise kernels over large slices: the methods of [`Isa`] of the same names, shared between
/// threads, with the same contracts.
impl Engine {
    /// [`sigmoid()`](crate::sigmoid()) of each element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn sigmoid<T: Element>(&self, z: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("out", out.len())])?;
        self.map(out, &|range, out| T::update_on(self.isa, out, [&z[range]], Overwrite(Sigmoid)));
        Ok(())
    }

    /// [`sigmoid_in_place`](crate::sigmoid_in_place) of each element.
    pub fn sigmoid_in_place<T: Element>(&self, z: &mut [T]) {
        self.map(z, &|_, z| T::update_on(self.isa, z, [], InPlace(Sigmoid)));
    }

    /// [`softplus`](crate::softplus) of each element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn softplus<T: Element>(&self, z: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("out", out.len())])?;
        self.map(out, &|range, out| T::update_on(self.isa, out, [&z[range]], Overwrite(Softplus)));
        Ok(())
    }

    /// [`softplus_in_place`](crate::softplus_in_place) of each element.
    pub fn softplus_in_place<T: Element>(&self, z: &mut [T]) {
        self.map(z, &|_, z| T::update_on(self.isa, z, [], InPlace(Softplus)));
    }

    /// [`log_loss`](crate::log_loss) of each logit and label.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn log_loss<T: Element>(&self, z: &[T], y: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len()), ("out", out.len())])?;
        self.map(out, &|range, out| {
            T::update_on(self.isa, out, [&z[range.clone()], &y[range]], Overwrite(LogLoss))
        });
        Ok(())
    }

    /// [`log_loss_in_place`](crate::log_loss_in_place) of each logit and label.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `z` is then untouched.
    pub fn log_loss_in_place<T: Element>(&self, z: &mut [T], y: &[T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len())])?;
        self.map(z, &|range, z| T::update_on(self.isa, z, [&y[range]], InPlace(LogLoss)));
        Ok(())
    }

    /// [`residual()`](crate::residual()) of each logit and label.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn residual<T: Element>(&self, z: &[T], y: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len()), ("out", out.len())])?;
        self.map(out, &|range, out| {
            T::update_on(self.isa, out, [&z[range.clone()], &y[range]], Overwrite(Residual))
        });
        Ok(())
    }

    /// [`residual_in_place`](crate::residual_in_place) of each logit and label.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `z` is then untouched.
    pub fn residual_in_place<T: Element>(&self, z: &mut [T], y: &[T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len())])?;
        self.map(z, &|range, z| T::update_on(self.isa, z, [&y[range]], InPlace(Residual)));
        Ok(())
    }

    /// Calls `f` with the parts of `out` that the threads share, and where each of them is.
    fn map<T: Element>(&self, out: &mut [T], f: &(impl Fn(Range<usize>, &mut [T]) + Sync)) {
        let grain = grain(self.parallel, out.len(), ELEMENT_COST);
        for_parts(0, out, grain, &|first, out: &mut [T]| f(first..first + out.len(), out));
    }
}

/// Elements of an elementwise kernel cost about this many operations of a dot product.
const ELEMENT_COST: usize = 16;

/// What a row costs, in operations on an element: its features, and its logit.
fn row_cost(cols: usize) -> usize {
    cols + 2 * ELEMENT_COST
}

/// `len` elements of scratch memory from the start of a cache line on, for vectors to load and store
/// whole.
fn aligned<T: Element>(scratch: &mut [f64], len: usize) -> &mut [T] {
    let start = scratch.as_ptr().align_offset(CACHE_LINE).min(CACHE_LINE / size_of::<f64>());
    &mut bytemuck::cast_slice_mut(&mut scratch[start..])[..len]
}

fn check_features<S, T>(rows: &Rows<'_, S>, name: &'static str, params: Params<'_, T>) -> Result<(), Error> {
    Error::unless_same_length([("features", rows.cols()), (name, params.weights.len())])
}
