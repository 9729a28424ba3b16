"""The model that a fit makes."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from lanegrad import _files, _lanegrad, _tables
from lanegrad._results import Report


class Model:
    """The weights of a logistic regression on columns as they are, and the fit that they come from.

    It is what the program ``lanegrad`` writes and reads: JSON, whose numbers read back to the same bits.

    Parameters
    ----------
    text : str
        A model as JSON.

    Raises
    ------
    ValueError
        If the text is not a model.

    Examples
    --------
    >>> import lanegrad
    >>> model = lanegrad.fit([[1.0], [2.0], [3.0], [4.0]], [0, 1, 0, 1], l2=0.1)
    >>> model.columns, model.report.ending
    (['0'], 'converged')
    >>> lanegrad.Model(model.to_json()) == model
    True
    """

    report: Report | None
    """What the fit found; ``None`` for a model that was read."""

    def __init__(self, text: str) -> None:
        self._json = _lanegrad.read_model(text)
        self._fields: dict[str, Any] = json.loads(self._json)
        self.report = None

    @classmethod
    def _of_fit(cls, text: str, report: Report) -> Model:
        model = cls(text)
        model.report = report
        return model

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """The model in a file.

        Parameters
        ----------
        path : str or os.PathLike
            A file that ``save``, or ``lanegrad fit``, wrote.

        Returns
        -------
        Model

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is not a model.
        """
        with open(path, "rb") as file:
            data = file.read()
        try:
            return cls(data.decode())
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)} is not a model of lanegrad: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model to a file, which is whole or not there.

        Parameters
        ----------
        path : str or os.PathLike
            The file, which replaces an old one.

        Raises
        ------
        OSError
            If the file cannot be written. An old one is then as it was.
        """
        _files.replace(path, self._json.encode())

    def to_json(self) -> str:
        """The model as JSON, byte for byte what ``lanegrad fit`` writes.

        Returns
        -------
        str
        """
        return self._json

    @property
    def columns(self) -> list[str]:
        """The names of the columns, or their numbers."""
        return list(self._fields["columns"])

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """A weight for each column, to be applied to its numbers as they are."""
        return np.array(self._fields["weights"], dtype=np.float64)

    @property
    def bias(self) -> float:
        """The bias."""
        return float(self._fields["bias"])

    @property
    def l2(self) -> float:
        """The penalty."""
        return float(self._fields["l2"])

    @property
    def nrows(self) -> int:
        """The number of rows that it was fitted to."""
        return int(self._fields["rows"])

    @property
    def missing(self) -> npt.NDArray[np.float64] | None:
        """The number for each column that stands for a missing cell; ``None`` if they are refused."""
        values = self._fields["missing"]
        return None if values is None else np.array(values, dtype=np.float64)

    def predict_proba(
        self,
        data: Any,
        *,
        delimiter: str | None = None,
        decimal_comma: bool = False,
        threads: int | None = None,
    ) -> npt.NDArray[np.float64]:
        """The probability of each row.

        Parameters
        ----------
        data : array_like of shape (nrows, ncols), data frame, path or list of paths
            Rows with the model's columns: of a data frame or of a file with names by their names, else in the model's
            order. A file is CSV (also gzip), ``.npy`` or ``.safetensors``. A model of quantised columns is for what
            their integers stand for: of a file with its scales they are found, of an array of integers they are not.
        delimiter, decimal_comma
            How a CSV is written, as in ``fit``.
        threads : int, optional
            The number of threads; by default as many as there are.

        Returns
        -------
        numpy.ndarray of shape (nrows,)
            In float64.

        Raises
        ------
        ValueError
            If a column is not there, a cell is missing and the model has no value for it, or is no finite number; or a
            file cannot be read.
        """
        files = _tables.paths(data)
        if files is not None:
            return _lanegrad.predict_files(self._json, files, delimiter, decimal_comma, threads)
        if _tables.is_frame(data):
            places = {name: place for place, name in enumerate(_tables.names(data))}
            names = [name for name in self.columns if name in places]
            if not names:
                raise ValueError(f"there is no column `{self.columns[0]}`, which the model has")
            rows = _tables.matrix(data, [places[name] for name in names])
            return _lanegrad.predict_array(self._json, rows, names, threads)
        return _lanegrad.predict_array(self._json, data, None, threads)

    def __eq__(self, other: object) -> bool:
        return self._json == other._json if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._json)

    def __repr__(self) -> str:
        return f"<lanegrad.Model of {len(self.columns)} columns, fitted to {self.nrows} rows>"
