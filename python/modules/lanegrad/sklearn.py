"""An estimator that scikit-learn takes for its own."""

from __future__ import annotations

import inspect
import warnings
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import assert_all_finite
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from lanegrad import _lanegrad

__all__ = ["LogisticRegression"]

_DTYPES = [np.float64, np.float32, np.float16, np.int8, np.uint8]
_MOST_THREADS = 4096
_CLASS_WEIGHT_PARAMETERS = inspect.signature(compute_class_weight).parameters


class LogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression of two classes, with the objective and the parameters of scikit-learn's.

    Minimises ``C`` times the sum of the log-losses + half the sum of the squared coefficients, by L-BFGS on columns
    that are standardised on the way (the data are not touched, and the objective is that of raw columns). The
    coefficients have the same bits on any number of threads and on every machine with fused multiply-add;
    scikit-learn's depend on the BLAS.

    Parameters
    ----------
    C : float, default 1.0
        The inverse of the penalty; ``numpy.inf`` for none.
    tol : float, default 1e-4
        The fit has converged when no entry of the gradient of the mean objective, by the coefficients of standardised
        columns, is larger.
    max_iter : int, default 100
        The largest number of iterations.
    fit_intercept : bool, default True
        True to fit an intercept, which is not penalised.
    class_weight : dict or "balanced", optional
        What sample weights are multiplied by, for each class.
    warm_start : bool, default False
        True to start from the coefficients of the last fit.
    n_jobs : int, optional
        The number of threads; -1 for all. By default those of ``OMP_NUM_THREADS``, which joblib sets in its workers, or
        all.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels. Probabilities and ``coef_`` are those of the second.
    coef_ : ndarray of shape (1, n_features)
        The coefficients, in float64.
    intercept_ : ndarray of shape (1,)
        The intercept.
    n_iter_ : ndarray of shape (1,)
        The iterations that were made.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if ``X`` was a data frame.

    Examples
    --------
    >>> import numpy as np
    >>> from lanegrad.sklearn import LogisticRegression
    >>> X, y = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array(["no", "yes", "no", "yes"])
    >>> LogisticRegression().fit(X, y).predict([[0.0], [5.0]])
    array(['no', 'yes'], dtype='<U3')
    """

    classes_: npt.NDArray[Any]
    coef_: npt.NDArray[np.float64]
    intercept_: npt.NDArray[np.float64]
    n_iter_: npt.NDArray[np.int32]
    n_features_in_: int

    def __init__(
        self,
        *,
        C: float = 1.0,
        tol: float = 1e-4,
        max_iter: int = 100,
        fit_intercept: bool = True,
        class_weight: Any = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LogisticRegression:
        """Fits the model.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            float32, float64, float16, int8 and uint8 in C order are read where they are, and computed with in float64.
        y : array_like of shape (n_samples,)
            Labels of two values.
        sample_weight : array_like of shape (n_samples,), optional
            What each row counts.

        Returns
        -------
        LogisticRegression
            Itself.

        Raises
        ------
        ValueError
            If ``X`` is sparse or has a number that is not finite in a row that counts, ``y`` has not two values, or a
            parameter is out of its range.
        """
        self._check()
        # Numbers that are not finite are found by the fit, which saves a look at all of them.
        X, y = validate_data(self, X, y, dtype=_DTYPES, order="C", ensure_all_finite=False)
        classes, is_second = _two_classes(y)
        labels = is_second.astype(np.float64)
        weights = None
        if sample_weight is not None or self.class_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, copy=True)
            if self.class_weight is not None:
                first, second = _class_weights(self.class_weight, classes, y, weights)
                weights *= np.where(is_second, second, first)
        total = float(X.shape[0]) if weights is None else float(weights.sum())
        # scikit-learn's objective over C times the sum of the weights, in float64 whatever the type of C is.
        C = float(self.C)
        l2 = 0.0 if np.isinf(C) or total == 0.0 else 1.0 / C / total
        start = None
        if self.warm_start and hasattr(self, "coef_") and self.coef_.shape == (1, X.shape[1]):
            start = (self.coef_[0].tolist(), float(self.intercept_[0]) if self.fit_intercept else 0.0)
        try:
            coefficients, intercept, iterations, ending = _lanegrad.fit_rows(
                X,
                labels,
                weights,
                l2=l2,
                bias=bool(self.fit_intercept),
                tol=float(self.tol),
                max_iter=min(int(self.max_iter), 2**63 - 1),
                start=start,
                threads=self._threads(),
            )
        except ValueError:
            # scikit-learn's words for numbers that are not finite.
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
            raise
        if ending != "converged":
            words = {
                "max_iter": f"the fit stopped after max_iter={self.max_iter} iterations, above tol={self.tol}",
                "stalled": f"the fit stopped above tol={self.tol}: no step makes the objective smaller",
            }
            warnings.warn(words.get(ending, "the fit was ended early"), ConvergenceWarning, stacklevel=2)
        self.classes_ = classes
        self.coef_ = coefficients.reshape(1, -1)
        self.intercept_ = np.array([intercept])
        self.n_iter_ = np.array([iterations], dtype=np.int32)
        return self

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """The logit of the second class for each row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_DTYPES, order="C", reset=False)
        logits: npt.NDArray[np.float64] = _lanegrad.logits(
            X, self.coef_[0], float(self.intercept_[0]), threads=self._threads()
        )
        return logits

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The likelier class of each row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        logits = self.decision_function(X)
        return self.classes_[(logits > 0.0).astype(np.intp)]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """The probabilities of the two classes for each row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, 2)
        """
        return self._of_classes(X, _lanegrad.sigmoid)

    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """The logarithms of the probabilities of the two classes for each row.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, 2)
        """
        return self._of_classes(X, _lanegrad.log_sigmoid)

    def _of_classes(self, X: Any, kernel: Any) -> npt.NDArray[np.float64]:
        logits = self.decision_function(X)
        # Each from its own logit, so that small ones are as accurate as large ones.
        both = np.empty((logits.shape[0], 2))
        np.negative(logits, out=both[:, 0])
        both[:, 1] = logits
        kernel(both, out=both, threads=self._threads())
        return both

    def _check(self) -> None:
        """Refuses parameters out of their range."""
        for name in ("C", "tol"):
            value = getattr(self, name)
            if not isinstance(value, Real) or (not value > 0.0 and not (name == "tol" and value == 0.0)):
                raise ValueError(f"{name} is {value!r}, and not a number above 0")
        if not isinstance(self.max_iter, Integral) or self.max_iter < 0:
            raise ValueError(f"max_iter is {self.max_iter!r}, and not a number of iterations")

    def _threads(self) -> int | None:
        if self.n_jobs is None:
            return None
        if not isinstance(self.n_jobs, Integral) or self.n_jobs == 0:
            raise ValueError(f"n_jobs is {self.n_jobs!r}, and not a number of threads")
        if self.n_jobs > 0:
            return min(int(self.n_jobs), _MOST_THREADS)
        return max(1, joblib.cpu_count() + 1 + int(self.n_jobs))


def _class_weights(
    class_weight: Any, classes: npt.NDArray[Any], y: npt.NDArray[Any], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The weights of the two classes; balanced ones count sample weights where this scikit-learn's do."""
    options = {"sample_weight": weights} if "sample_weight" in _CLASS_WEIGHT_PARAMETERS else {}
    found: npt.NDArray[np.float64] = compute_class_weight(class_weight, classes=classes, y=y, **options)
    return found


def _two_classes(y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The two values of labels, and which labels are the second."""
    if y.dtype.kind in "biu" and len(y) > 0:
        # Without a sort.
        low, high = y.min(), y.max()
        is_second = y == high
        if low != high and np.all(is_second | (y == low)):
            return np.array([low, high], dtype=y.dtype), is_second
    check_classification_targets(y)
    classes = np.unique(y)
    if len(classes) == 1:
        raise ValueError(f"the labels are all of one class, {classes[0]!r}, and a fit needs two classes")
    if len(classes) > 2:
        raise ValueError(
            f"Only binary classification is supported. The type of the target is {type_of_target(y)}. The labels have "
            f"{len(classes)} classes: `sklearn.multiclass.OneVsRestClassifier` fits one of these estimators to each"
        )
    return classes, y == classes[1]
