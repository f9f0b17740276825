"""What each sample, or each step of each sample, counts in the loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnfast.arguments import check_number
from rnnfast.losses import Loss
from rnnfast.typing import Array


def check(sample_weight: object, shape: tuple[int, ...], dtype: str) -> Array:
    """The argument `sample_weight`, (B,) or (B, T), for predictions (B, C) or (B, T, C): in the shape of their rows.

    Raises:
        ValueError: another shape, or a weight that is negative or not finite. TypeError: no numbers.
    """
    weights = np.asarray(sample_weight)
    if weights.dtype.kind not in "fiub":
        raise TypeError(f"sample_weight: expected numbers, got dtype {weights.dtype}")
    rows = shape[:-1]
    if weights.shape not in (rows[:1], rows):
        expected = " or ".join(str(allowed) for allowed in dict.fromkeys((rows[:1], rows)))
        raise ValueError(f"sample_weight: expected shape {expected}, got {weights.shape}")
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        raise ValueError(
            f"sample_weight: expected finite numbers of at least 0, got values in {weights.min()}..{weights.max()}"
        )
    if weights.ndim < len(rows):
        weights = weights[:, None]
    return np.broadcast_to(weights.astype(dtype), rows)


def of_classes(class_weight: object, loss: Loss, targets: Array, units: int, dtype: str) -> Array:
    """The weight of each row of `targets` from the argument `class_weight`, {class: weight}; 1 for other classes.

    Args:
        units: outputs of the model; one output has two classes.

    Raises:
        ValueError: a class that the model has not, a weight out of range, or targets that are no classes.
        TypeError: no dict, or a key or a weight that is no number.
    """
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight: expected a dict of classes and weights, got {class_weight!r}")
    classes = max(units, 2)
    table = np.ones(classes, dtype)
    for key, weight in class_weight.items():
        if isinstance(key, bool) or not isinstance(key, int | np.integer):
            raise TypeError(f"class_weight: expected integer classes, got {key!r}")
        if not 0 <= key < classes:
            raise ValueError(f"class_weight: expected classes in 0..{classes - 1}, got {key}")
        table[key] = check_number(f"class_weight[{key}]", weight, low=0)
    return table[loss.classes(targets)]
