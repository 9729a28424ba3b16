"""The named tuples that results are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Gradient(NamedTuple):
    """Sums of loss and gradient over rows.

    Examples
    --------
    >>> import lanegrad
    >>> gradient = lanegrad.loss_and_gradient([[1.0], [3.0]], [1.0, 0.0], [0.0])
    >>> gradient.dw, gradient.average().dw
    (array([1.]), array([0.5]))
    """

    loss: float
    """The log-loss."""
    dw: npt.NDArray[np.float64]
    """Its derivatives by the weights."""
    db: float
    """Its derivative by the bias."""
    weight_sum: float
    """The sum of what the rows count: their number, without sample weights."""

    def average(self) -> Gradient:
        """The means: everything divided by the weight sum.

        Returns
        -------
        Gradient

        Raises
        ------
        ValueError
            If the weight sum is not a finite number above 0.
        """
        total = self.weight_sum
        if not 0.0 < total < float("inf"):
            raise ValueError(f"the sample weights add up to {total}, which is no finite number above 0")
        return Gradient(self.loss / total, self.dw / total, self.db / total, 1.0)


class HessianProduct(NamedTuple):
    """The product of the loss's Hessian with a direction, summed over rows."""

    by_weights: npt.NDArray[np.float64]
    """Its entries for the weights."""
    by_bias: float
    """Its entry for the bias."""
    half_quadratic_form: float
    """Half the quadratic form of the direction, whose gradient by the direction is the product."""
    weight_sum: float
    """The sum of what the rows count."""


class Piece(NamedTuple):
    """Rows of one segment of a data set."""

    segment: int
    """The number of the segment."""
    start: int
    """The first row."""
    stop: int
    """One more than the last."""
    ends_segment: bool
    """True where the segment ends with them."""


class Shard(NamedTuple):
    """Rows of a data set that one worker sums."""

    pieces: list[Piece]
    """The rows, segment by segment."""
    ends_data: bool
    """True where the data set ends with them."""


class Progress(NamedTuple):
    """The state of a fit after an iteration."""

    iteration: int
    """The iteration, from 1."""
    loss: float
    """The mean log-loss."""
    objective: float
    """The loss with the penalty."""
    gradient: float
    """The largest entry of the gradient by the weights of standardised columns."""
    passes: int
    """Passes over the data so far."""
    seconds: float
    """The time since the first of them."""


class Report(NamedTuple):
    """What a fit found, beside its model."""

    nrows: int
    """The number of rows."""
    loss: float
    """The mean log-loss."""
    objective: float
    """The loss with the penalty."""
    gradient: float
    """The largest entry of the gradient by the weights of standardised columns."""
    iterations: int
    """Iterations of the optimiser."""
    passes: int
    """Passes over the data, but for those of means, scales and metrics."""
    seconds: float
    """The time of these passes, and of those for means and scales."""
    ending: str
    """``converged``, ``stalled``, ``max_iter`` or ``cancelled``."""
    accuracy: float | None
    """The share of rows on the right side."""
    auc: float | None
    """The area under the ROC curve; ``None`` where all rows are of one class."""
    warnings: list[str]
    """Facts about the result that its user should know."""
