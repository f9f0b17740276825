"""What scikit-learn users call X, as the arrays that a model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import _check_y, validate_data

from rnnfast.typing import Array


def check_sequences(estimator: Any, x: Any, *, reset: bool) -> Array:
    """X as (n, T, F) of float32, or (n, T) of integers where the estimator has a `vocabulary_size`.

    Sequences of different lengths are padded at the end, numbers with NaN and integers with 0. Sets `n_features_in_`
    with `reset`, else compares it: the features of a step; for a table (n, T) of numbers its columns, as scikit-learn
    has it; 1 for integers.

    Raises:
        ValueError: another number of axes or features, an empty sequence, NaN or infinity; an integer outside
            0..vocabulary_size-1. TypeError: no numbers, or no integers where they are expected.
    """
    given = _rows(x)
    if isinstance(given, list) and not given:
        raise ValueError("X: expected at least one sequence, got none")
    if estimator.vocabulary_size is not None:
        array = _padded([_ids(row) for row in given], 0) if isinstance(given, list) else _ids_table(given)
        _check_range(array, estimator.vocabulary_size)
        features = 1
    elif isinstance(given, list):
        rows = [_steps(row, estimator) for row in given]
        if len({row.shape[1] for row in rows}) > 1:
            raise ValueError(f"X: expected the same number of features in every sequence, got {_shapes(rows)}")
        array, features = _padded(rows, np.nan), rows[0].shape[1]
    elif getattr(given, "ndim", 2) < 3:  # a table, or what scikit-learn has its own message for
        table: Array = validate_data(estimator, given, dtype=np.float32, reset=reset)
        _check_features_of_a_step(estimator, 1, reset)
        return np.ascontiguousarray(table)[:, :, None]
    else:
        array = check_array(
            given, dtype=np.float32, ensure_2d=False, allow_nd=True, input_name="X", estimator=estimator
        )
        if array.ndim != 3 or 0 in array.shape:
            raise ValueError(f"X: expected (n, T), (n, T, F) or a list of (T, F), got shape {array.shape}")
        features = array.shape[2]
    if reset:
        estimator.n_features_in_ = features
        vars(estimator).pop("feature_names_in_", None)
    elif features != estimator.n_features_in_:
        name = type(estimator).__name__
        raise ValueError(f"X has {features} features, but {name} is expecting {estimator.n_features_in_} features")
    elif estimator.vocabulary_size is None:
        _check_features_of_a_step(estimator, features, reset)
    return array


def _check_features_of_a_step(estimator: Any, features: int, reset: bool) -> None:
    """ValueError if the model takes another number: T columns of a table are as many as T features in number alone."""
    if not reset and estimator.model_.layers[0].built_for[-1] != features:
        fitted, given = ("a table (n, T)", "sequences") if features > 1 else ("sequences (T, F)", "a table")
        raise ValueError(f"X: expected {fitted}, as in fit, got {given} with {features} feature(s) in a step")


def _rows(x: Any) -> Any:
    """A list of arrays where X is one of sequences that differ in length, else X as it is."""
    if hasattr(x, "to_numpy") and x.ndim == 1:  # a column of a data frame
        x = x.to_numpy()
    is_list = isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1)
    if not is_list or not all(hasattr(row, "__len__") and not isinstance(row, str | bytes | dict) for row in x):
        return np.asarray(x) if is_list else x
    rows = [np.asarray(row) for row in x]
    return rows if len({row.shape for row in rows}) != 1 else np.stack(rows)


def _steps(row: Array, estimator: Any) -> Array:
    """One sequence of numbers, (T, F); one of shape (T,) has one feature."""
    steps = row[:, None] if row.ndim == 1 else row
    array: Array = check_array(steps, dtype=np.float32, input_name="X", estimator=estimator)
    return array


def _ids(row: Array) -> Array:
    if row.dtype.kind not in "iu":
        raise TypeError(f"X: expected integers below vocabulary_size, got dtype {row.dtype}")
    if row.ndim != 1 or not len(row):
        raise ValueError(f"X: expected sequences (T,) of at least one integer, got shape {row.shape}")
    return row


def _ids_table(x: Any) -> Array:
    array: Array = check_array(x, dtype=None, input_name="X")
    if array.dtype.kind not in "iu":
        raise TypeError(f"X: expected integers below vocabulary_size, got dtype {array.dtype}")
    return array


def _check_range(ids: Array, vocabulary_size: int) -> None:
    low, high = ids.min(), ids.max()
    if low < 0 or high >= vocabulary_size:
        raise ValueError(f"X: expected integers in 0..{vocabulary_size - 1}, got {low if low < 0 else high}")


def _padded(rows: list[Array], fill: float) -> Array:
    padded = np.full((len(rows), max(map(len, rows)), *rows[0].shape[1:]), fill, rows[0].dtype)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return padded


def _shapes(rows: list[Array]) -> str:
    return ", ".join(map(str, sorted({row.shape for row in rows})))


def check_targets(estimator: Any, y: Any, **options: Any) -> Array:
    """y as an array without NaN, (n,), or (n, k) with the option `multi_output` of scikit-learn's own check.

    Raises:
        ValueError: another shape, NaN, None.
    """
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"y: {name} requires y to be passed, but the target y is None")
    targets: Array = _check_y(y, estimator=estimator, **options)
    return targets
