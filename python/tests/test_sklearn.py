"""The estimator, as scikit-learn judges it, and next to scikit-learn's own."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import lanegrad as lg
from lanegrad.sklearn import LogisticRegression

# Checks that are not run, with the reason of each. `check_array_api_input` is of arrays of other libraries than numpy,
# and runs only where the environment variable SCIPY_ARRAY_API asks for it.
EXPECTED_SKIPS = {"check_array_api_input"}


def cancer(data):
    frame = pd.read_csv(data / "breast_cancer.csv")
    return frame.drop(columns="malignant"), frame["malignant"]


def test_check_estimator():
    results = check_estimator(LogisticRegression(), on_skip=None, on_fail=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert not failed
    skipped = {result["check_name"] for result in results if result["status"] not in ("passed", "failed")}
    assert skipped <= EXPECTED_SKIPS, skipped
    assert len(results) > 45


@pytest.mark.parametrize("options", [
    dict(),
    dict(C=0.01),
    dict(C=100.0, class_weight="balanced"),
    dict(class_weight={0: 2.0, 1: 0.5}),
    dict(fit_intercept=False),
    dict(fit_intercept=False, C=0.01),
])  # fmt: skip
@pytest.mark.parametrize("weighted", [False, True])
def test_coefficients_are_those_of_scikit_learn(data, rng, options, weighted):
    X, y = cancer(data)
    X = StandardScaler().fit_transform(X)[:, :10] + 0.3
    weights = rng.uniform(0.0, 3.0, len(y)) if weighted else None
    ours = LogisticRegression(tol=1e-10, max_iter=1000, **options).fit(X, y, weights)
    theirs = Theirs(solver="newton-cholesky", tol=1e-10, max_iter=1000, **options).fit(X, y, weights)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6, atol=1e-7)
    assert ours.coef_.shape == theirs.coef_.shape and ours.intercept_.shape == theirs.intercept_.shape
    for method in ("predict", "predict_proba", "decision_function"):
        np.testing.assert_allclose(getattr(ours, method)(X), getattr(theirs, method)(X), rtol=1e-4, atol=1e-6)
    # (Theirs takes the logarithm of probabilities that are 0.)
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X), rtol=1e-12, atol=1e-300)
    assert np.all(np.isfinite(ours.predict_log_proba(X)))


def test_bits_are_those_of_any_number_of_threads(data):
    X, y = cancer(data)
    fits = [LogisticRegression(n_jobs=n).fit(X, y) for n in (1, 2, 3, -1, None)]
    assert len({fit.coef_.tobytes() for fit in fits}) == 1
    assert np.array_equal(pickle.loads(pickle.dumps(fits[0])).predict_proba(X), fits[1].predict_proba(X))
    # float32 is computed with in float64: the objective is that of these numbers.
    single = LogisticRegression(max_iter=1000).fit(X.astype("f4"), y)
    double = LogisticRegression(max_iter=1000).fit(X.astype("f4").astype("f8"), y)
    assert np.array_equal(single.coef_, double.coef_)


def test_parameters_of_any_number_type(data):
    X, y = cancer(data)
    wanted = LogisticRegression(C=0.5, max_iter=200).fit(X, y)
    for options in (dict(C=np.float16(0.5)), dict(C=np.float32(0.5), fit_intercept=np.True_), dict(fit_intercept=1)):
        found = LogisticRegression(**({"C": 0.5, "max_iter": np.int32(200)} | options)).fit(X, y)
        assert np.array_equal(found.coef_, wanted.coef_)
    assert LogisticRegression(C=10**30, tol=1.0, max_iter=2**70).fit(X, y).coef_.shape == (1, 30)


def test_it_works_within_scikit_learn(data):
    X, y = cancer(data)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(pipeline, X, y).mean() > 0.95
    assert cross_val_score(pipeline, X, y, n_jobs=2).mean() == cross_val_score(pipeline, X, y).mean()
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.01, 1.0]}, scoring="roc_auc").fit(X, y)
    assert search.best_score_ > 0.98
    fitted = LogisticRegression().fit(X, y)
    assert list(fitted.feature_names_in_) == list(X.columns) and clone(fitted).get_params() == fitted.get_params()
    with pytest.warns(UserWarning, match="feature names"):
        fitted.predict(X.to_numpy())


def test_labels_of_any_two_values(data):
    X, y = cancer(data)
    wanted = LogisticRegression().fit(X, y)
    for low, high in [("benign", "malignant"), (-1, 1), (2, 7), (False, True)]:
        labels = np.where(y == 1, high, low)
        found = LogisticRegression().fit(X, labels)
        assert list(found.classes_) == [low, high] and np.array_equal(found.coef_, wanted.coef_)
        assert set(found.predict(X)) == {low, high}
    assert np.array_equal(LogisticRegression().fit(X, y.astype("category")).coef_, wanted.coef_)


def test_a_warm_start_goes_on(data):
    X, y = cancer(data)
    model = LogisticRegression(warm_start=True, tol=1e-8, max_iter=1000).fit(X, y)
    first = model.n_iter_[0]
    assert model.fit(X, y).n_iter_[0] <= 1 < first
    assert model.set_params(fit_intercept=False).fit(X, y).intercept_[0] == 0.0
    assert model.fit(X.iloc[:, :5], y).coef_.shape == (1, 5)
    assert LogisticRegression(tol=1e-8, max_iter=1000).fit(X, y).n_iter_[0] == first


def test_bad_input(data):
    X, y = cancer(data)

    def refused(words, model, *arguments):
        with pytest.raises((ValueError, TypeError), match=words):
            model.fit(*arguments)

    three = np.arange(len(y)) % 3
    refused("Only binary classification.*OneVsRestClassifier", LogisticRegression(), X, three)
    assert OneVsRestClassifier(LogisticRegression()).fit(X, three).predict_proba(X).shape == (len(y), 3)
    refused("one class", LogisticRegression(), X, np.ones(len(y)))
    refused("[Ss]parse", LogisticRegression(), scipy.sparse.csr_matrix(X), y)
    refused("NaN", LogisticRegression(), np.where(np.arange(30) == 3, np.nan, X), y)
    refused("inconsistent", LogisticRegression(), X, y[1:])
    refused("`sample_weights", LogisticRegression(), X, y, -np.ones(len(y)))
    refused("[Ss]ample weight", LogisticRegression(), X, y, np.zeros(len(y)))
    for options in (dict(C=0.0), dict(C=-1.0), dict(C=np.nan), dict(C="1"), dict(tol=-1.0), dict(tol=np.nan),
                    dict(max_iter=-1), dict(max_iter=1.5), dict(n_jobs=0)):  # fmt: skip
        refused(next(iter(options)), LogisticRegression(**options), X, y)
    refused("Input X contains NaN", LogisticRegression(), np.where((X.index == 3).reshape(-1, 1), np.nan, X), y)
    for options in (dict(n_jobs=1.5), dict(n_jobs="2")):
        refused("n_jobs is", LogisticRegression(**options), X, y)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        assert LogisticRegression(max_iter=2).fit(X, y).n_iter_[0] == 2
    unpenalised = LogisticRegression(C=np.inf, max_iter=20)
    with pytest.warns(ConvergenceWarning):
        unpenalised.fit(X, y)


@pytest.mark.skipif(not lg.info()["fused"], reason="multiply-add rounds twice here")
def test_coefficients_have_the_same_bits_everywhere(data):
    X, y = cancer(data)
    found = LogisticRegression(C=0.5).fit(X, y)
    golden = (data / "golden_models" / "estimator.txt").read_text().split()
    assert [float(x).hex() for x in [*found.coef_[0], found.intercept_[0]]] == golden
