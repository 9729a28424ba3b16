"""Fits of files, arrays and data frames: the models of the program `lanegrad`, byte for byte."""

from __future__ import annotations

import os
import pickle
import subprocess
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import lanegrad as lg

# The golden models are those of fused instruction sets.
fused = pytest.mark.skipif(not lg.info()["fused"], reason="multiply-add rounds twice here")


def cancer(data):
    frame = pd.read_csv(data / "breast_cancer.csv")
    return frame, frame.drop(columns="malignant").to_numpy(), frame["malignant"].to_numpy()


@fused
def test_files_give_the_golden_models(data, tmp_path):
    golden = {path.stem: path.read_text() for path in (data / "golden_models").glob("*.json")}
    path = data / "breast_cancer.csv"
    found = {
        "standardized": lg.fit(path, "malignant", standardize=True, l2=1e-2),
        "single": lg.fit(str(path), "malignant", arithmetic="float32", l2=1e-2),
    }
    header, *rows = (data / "magic04.csv").read_text().splitlines(keepends=True)
    files = [tmp_path / f"{i}.csv" for i in range(3)]
    for file, part in zip(files, (rows[:7000], [], rows[7000:]), strict=True):
        file.write_text(header + "".join(part))
    found["files"] = lg.fit(files, "gamma", l2=1e-3, threads=1)
    assert {name: model.to_json() for name, model in found.items()} == golden


@fused
def test_data_frames_and_arrays_give_the_golden_models(data):
    golden = (data / "golden_models" / "standardized.json").read_text()
    frame, X, y = cancer(data)
    assert lg.fit(frame, "malignant", standardize=True, l2=1e-2).to_json() == golden
    model = lg.fit(X, y, standardize=True, l2=1e-2)
    wanted = lg.Model(golden)
    assert np.array_equal(model.weights, wanted.weights) and model.bias == wanted.bias
    assert model.columns == [str(i) for i in range(30)]
    # Odd layouts are copied, and change nothing.
    for same in (np.asfortranarray(X), X.tolist(), np.concatenate([X, X], axis=1)[:, :30]):
        assert lg.fit(same, y, standardize=True, l2=1e-2) == model
    for labels in (y.astype(bool), 2 * y - 1, y.astype("f4"), y.tolist()):
        assert np.array_equal(lg.fit(X, labels, standardize=True, l2=1e-2).weights, model.weights)


def test_arrays_are_what_files_of_them_are(rng, tmp_path):
    for nrows, dtype in [(3, "f8"), (1001, "f4"), (4097, "f8")]:
        table = rng.normal(size=(nrows, 5)).astype(dtype)
        table[:, 4] = np.arange(nrows) % 2
        table[:, 3] = rng.integers(0, 3, nrows) + 0.5
        path = tmp_path / "table.npy"
        np.save(path, table)
        options = dict(label=-1, sample_weight="3", ignore=[1], l2=0.1)
        assert lg.fit(table, **options) == lg.fit(path, **options)
        # Parts are segments, in memory as in files.
        parts, files = [table[: nrows // 3], table[nrows // 3 :]], [tmp_path / "a.npy", tmp_path / "b.npy"]
        [np.save(file, part) for file, part in zip(files, parts, strict=True)]
        assert lg.fit(parts, **options) == lg.fit(files, **options)
        X, y, s = table[:, [0, 2]], table[:, 4], table[:, 3]
        beside = lg.fit([X[: nrows // 3], X[nrows // 3 :]], [y[: nrows // 3], y[nrows // 3 :]],
                        sample_weight=[s[: nrows // 3], s[nrows // 3 :]], l2=0.1)  # fmt: skip
        assert np.allclose(beside.weights, lg.fit(files, **options).weights)
        np.save(tmp_path / "x.npy", X)
        np.save(tmp_path / "y.npy", y)
        of_files = lg.fit(tmp_path / "x.npy", label_file=tmp_path / "y.npy", l2=0.1)
        assert lg.fit(X, y, l2=0.1) == of_files
        assert np.array_equal(of_files.predict_proba(X), of_files.predict_proba(tmp_path / "x.npy"))


@pytest.mark.skipif("LANEGRAD_CLI" not in os.environ, reason="LANEGRAD_CLI does not name the program `lanegrad`")
def test_the_program_writes_the_same_bytes(rng, data, tmp_path):
    program, model = os.environ["LANEGRAD_CLI"], tmp_path / "model.json"
    np.save(tmp_path / "a.npy", np.c_[rng.normal(size=(777, 4)), np.arange(777) % 2].astype("f4"))
    cases = [
        ([data / "magic04.csv"], ["--label", "gamma", "--l2", "1e-3"], dict(label="gamma", l2=1e-3)),
        ([data / "breast_cancer.csv"], ["--label", "malignant", "--no-bias", "--l2", "0.1", "--max-iter", "3"],
         dict(label="malignant", bias=False, l2=0.1, max_iter=3)),
        ([tmp_path / "a.npy"], ["--label", "-1", "--arithmetic", "f32", "--standardize", "--l2", "0.5"],
         dict(label=-1, arithmetic=np.float32, standardize=True, l2=0.5)),
        ([data / "breast_cancer.csv"], ["--label", "malignant", "--positive", "0", "--l2", "1", "--dtype", "f32"],
         dict(label="malignant", positive=0, l2=1, dtype="f4")),
    ]  # fmt: skip
    for files, arguments, options in cases:
        subprocess.run([program, "fit", "-q", *files, *arguments, "--model", model], check=True, capture_output=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lg.FitWarning)
            found = lg.fit(files, **options)
        assert found.to_json() == model.read_text(), arguments
        printed = subprocess.run([program, "predict", *files, "--model", model], check=True, capture_output=True)
        assert np.array_equal(np.array(printed.stdout.split(), float), found.predict_proba(files))


def test_models_are_kept(data, tmp_path):
    frame, X, y = cancer(data)
    model = lg.fit(frame, "malignant", l2=1e-2)
    path = tmp_path / "model.json"
    model.save(path)
    read = lg.Model.load(path)
    assert read == model and hash(read) == hash(model) and read.report is None and path.read_text() == model.to_json()
    assert pickle.loads(pickle.dumps(model)).report == model.report
    assert model.report.nrows == model.nrows == 569 and model.report.ending == "converged"
    assert 0.9 < model.report.accuracy <= 1 and 0.9 < model.report.auc <= 1 and model.l2 == 1e-2
    p = read.predict_proba(X)
    assert np.mean((p > 0.5) == y) == model.report.accuracy
    # By name, in any order, with other columns.
    assert np.array_equal(read.predict_proba(frame[frame.columns[::-1]]), p)
    assert np.array_equal(read.predict_proba(data / "breast_cancer.csv"), p)
    # An old file stays, with its mode, if writing fails; else it is replaced.
    path.chmod(0o640)
    model.save(path)
    assert path.stat().st_mode & 0o777 == 0o640 and list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError):
        model.save(tmp_path / "no" / "model.json")
    with pytest.raises(FileNotFoundError):
        lg.Model.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_bytes(b"\xff{}")
    with pytest.raises(ValueError, match=r"bad.json is not a model of lanegrad"):
        lg.Model.load(tmp_path / "bad.json")


def test_missing_cells_and_texts(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a;b;kind\n1,5;2;yes\n;1;no\n3;NA;yes\n0,5;4;no\n2;1;no\n1;1;yes\n")
    options = dict(delimiter=";", decimal_comma=True, positive="yes", missing="mean", l2=0.1)
    model = lg.fit(path, "kind", **options)
    np.testing.assert_allclose(model.missing, [1.6, 1.8])
    frame = pd.read_csv(path, sep=";", decimal=",")
    same = lg.fit(frame[["a", "b"]], frame["kind"], positive="yes", missing="mean", l2=0.1)
    assert np.array_equal(same.weights, model.weights) and same.columns == ["a", "b"]
    assert np.array_equal(same.predict_proba(frame), model.predict_proba(path, delimiter=";", decimal_comma=True))
    nullable = frame[["a", "b"]].convert_dtypes()
    assert np.array_equal(
        lg.fit(nullable, frame["kind"], positive="yes", missing="mean", l2=0.1).weights, model.weights
    )


def test_a_fit_is_watched(data, tmp_path):
    _, X, y = cancer(data)
    seen = []
    model = lg.fit(X, y, l2=1e-2, on_iteration=seen.append)
    assert [progress.iteration for progress in seen] == list(range(1, model.report.iterations + 1))
    assert seen[-1].objective == model.report.objective and seen[-1].passes == model.report.passes

    def stop(progress):
        if progress.iteration == 2:
            raise StopIteration

    short = lg.fit(X, y, l2=1e-2, on_iteration=stop)
    assert short.report.ending == "cancelled" and short.report.iterations == 2

    def fail(_):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        lg.fit(X, y, l2=1e-2, on_iteration=fail)
    # A fit that was ended goes on from its checkpoint, to the same model.
    state = tmp_path / "state"
    lg.fit(X, y, l2=1e-2, on_iteration=stop, checkpoint=state)
    resumed = lg.fit(X, y, l2=1e-2, checkpoint=state, resume=True)
    assert resumed == model and resumed.report.iterations == model.report.iterations
    with pytest.raises(ValueError, match="the checkpoint is of a fit with other options"):
        lg.fit(X, y, l2=1e-3, checkpoint=state, resume=True)


def test_warnings(data):
    _, X, y = cancer(data)
    with pytest.warns(lg.FitWarning, match="max_iter"):
        assert lg.fit(X, y, max_iter=1, l2=0.1).report.ending == "max_iter"
    with pytest.warns(lg.FitWarning, match="can be separated: without a penalty"):
        lg.fit([[1.0], [2.0]], [0, 1])
    with pytest.warns(lg.FitWarning, match="of one class"):
        assert lg.fit([[1.0], [2.0]], [1, 1]).report.auc is None


def test_bad_input(data, tmp_path):
    frame, X, y = cancer(data)

    def refused(words, *arguments, **options):
        with pytest.raises(ValueError, match=words):
            lg.fit(*arguments, **options)

    refused("cannot read .*none.csv", tmp_path / "none.csv", "y")
    refused("there is no column `z`", frame, "z")
    refused("either `label` or `label_file`", X)
    refused("either `label` or `label_file`", X, y, label_file="y.npy")
    refused("`label_file` is a path", X, label_file="y.npy")
    refused("`label` is the name or the number of a column", data / "breast_cancer.csv", y)
    refused("`resume` needs", X, y, resume=True)
    refused("label of data has 568 labels|labels of data has 568 labels, but data has 569 rows", X, y[1:])
    refused(
        r"row 5, column 3.*missing cell.*`missing='mean'`|missing cell, in row 5, column 3",
        np.where((np.arange(569)[:, None] == 4) & (np.arange(30) == 2), np.nan, X),
        y,
    )
    refused("inf is not finite", np.where(X[7, 3] == X, np.inf, X), y)
    refused("the label 2 is not between 0 and 1.*`positive=", X, y + 1)
    refused("`label` has the dtype <U1.*`positive`", X, np.where(y > 0, "m", "b"))
    refused("no label is `x`", X, np.where(y > 0, "m", "b"), positive="x")
    refused("`data` has 3 dimensions", np.zeros((2, 2, 2)), y)
    refused("the dtype object", X.astype(object), y)
    refused("`missing` is", X, y, missing="zero")
    refused("`arithmetic` is float16", X, y, arithmetic="float16")
    refused("arithmetic in f32 needs data that are held in f32", X, y, arithmetic="f4", dtype="f8")
    refused("the penalty is -1", X, y, l2=-1.0)
    refused("the tolerance is NaN", X, y, tol=np.nan)
    refused("`threads` is 0", X, y, threads=0)
    refused("`delimiter` is not", data / "breast_cancer.csv", "malignant", delimiter="ab")
    refused("has 1 arrays, and `data` 2", [X, X], [y])
    refused("the dtype", pd.DataFrame({"a": ["x", "y"], "y": [0, 1]}), "y")
    refused("there is no array of data|`data` has", [], y)
    (tmp_path / "bad.csv").write_text("x,y\n1,0\nz,1\n")
    refused("bad.csv, line 3, column 1 .*`z` is not a number", tmp_path / "bad.csv", "y")
    with pytest.raises((TypeError, ValueError)):
        lg.fit(None, None)
    with pytest.raises(ValueError, match="which the model has"):
        lg.fit(frame, "malignant", l2=1.0).predict_proba(frame.drop(columns=frame.columns[3]))
    with pytest.raises(ValueError, match="but the model has 30"):
        lg.fit(X, y, l2=1.0).predict_proba(X[:, :7])
    with pytest.raises(ValueError, match="the model has no value"):
        lg.fit(X, y, l2=1.0).predict_proba(np.full((2, 30), np.nan))


def test_data_frames_as_people_have_them(data):
    frame, X, y = cancer(data)
    frame = frame[[*frame.columns[:3], "malignant"]]
    wanted = lg.fit(frame, "malignant", l2=0.1)
    # Labels of truth values, of categories and of texts; columns that are not used and hold anything.
    for labels in (y.astype(bool), pd.Categorical(y)):
        assert lg.fit(frame.assign(malignant=labels), "malignant", l2=0.1) == wanted
    kinds = frame.assign(malignant=np.where(y > 0, "m", "b"), name=['a"b'] * 569, when=pd.Timestamp("2020-01-01"))
    model = lg.fit(kinds, "malignant", positive="m", ignore=["name", "when"], l2=0.1)
    assert np.array_equal(model.weights, wanted.weights) and "m" in model.to_json()
    assert np.array_equal(model.predict_proba(kinds), wanted.predict_proba(frame))
    assert (
        lg.fit(kinds.drop(columns="when"), "malignant", positive="m", ignore="name", l2=0.1).columns == wanted.columns
    )
    flags = frame.assign(flag=frame.iloc[:, 0] > 15)
    assert lg.fit(flags, "malignant", l2=0.1).predict_proba(flags).shape == (569,)
    assert lg.fit(frame.astype("f4"), "malignant", l2=0.1).report.ending == "converged"
    numbered = pd.DataFrame(X[:, :3])
    assert lg.fit(numbered, y, l2=0.1).predict_proba(numbered).shape == (569,)


def test_what_would_be_lost_or_miscounted_is_refused(data, tmp_path):
    _, X, y = cancer(data)

    def refused(words, *arguments, **options):
        with pytest.raises(ValueError, match=words):
            lg.fit(*arguments, **options)

    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,0\n2,1\n3,0\n")
    for same in (path, tmp_path / "b.csv"):
        if same != path:
            same.hardlink_to(path)
        refused("is the same file as the input", path, "y", l2=0.1, checkpoint=same)
    assert path.read_text().startswith("x,y")
    with pytest.raises(FileNotFoundError, match="st"):
        lg.fit(X, y, l2=0.1, checkpoint=tmp_path / "no" / "st")
    texts = np.array(["yes", "no", "no", "yes"], dtype=object)
    for missing in (None, np.nan, pd.NA, "", " "):
        changed = texts.copy()
        changed[1] = missing
        refused("the label of row 1 is missing", X[:4], changed, positive="yes")
    refused("`label` is a masked array", X, np.ma.masked_array(y, mask=y > 0))
    refused("`sample_weight` is a masked array", X, y, sample_weight=np.ma.masked_array(y.astype("f4"), mask=y > 0))
    refused("`label` is sparse", X, scipy.sparse.csr_matrix(y))
    refused("two columns are called `x`", pd.DataFrame(X[:, :2], columns=["x", "x"]), y)
    refused("has 3 columns, and data.0. has 2", [X[:5, :2], X[5:9, :3]], [y[:5], y[5:9]])
    refused("data has no rows", np.empty((0, 2**58)), np.empty(0))
    with pytest.raises(ValueError, match="data has no rows"):
        lg.fit(X, y, l2=1.0).predict_proba(np.empty((0, 2**58)))
    for options in (dict(max_iter=-1), dict(max_iter=1.5), dict(max_iter="x"), dict(max_iter=None)):
        refused("`max_iter` is", X, y, **options)
    for options in (dict(l2=None), dict(tol="x"), dict(positive=b"y"), dict(positive=[1])):
        with pytest.raises(TypeError, match=next(iter(options))):
            lg.fit(X, y, **options)
    assert lg.fit(X, y, l2=1.0, max_iter=1e3, bias=1) == lg.fit(X, y, l2=1.0)
    tenths = np.where(y > 0, 0.1, 0.2).astype("f4")
    assert np.array_equal(lg.fit(X, tenths, positive=np.float32(0.1), l2=1.0).weights, lg.fit(X, y, l2=1.0).weights)


def test_an_interrupt_of_the_last_iteration_is_no_warning(data):
    _, X, y = cancer(data)
    last = lg.fit(X, y, l2=1.0).report.iterations

    def interrupt(progress):
        if progress.iteration == last:
            raise KeyboardInterrupt

    assert lg.fit(X, y, l2=1.0, on_iteration=interrupt).report.ending == "converged"
