"""Losses: the value and the gradient, from probabilities or from logits.

Predictions are (B, C), or (B, T, C) for a loss over every step. `steps="mean"` averages over the steps, as Keras
does; `steps="sum"` adds them up, as the equations of back-propagation through time have it. Over the batch, and for
`binary_crossentropy` and `mse` over C, it is always the mean. Weights of samples, or of their steps, multiply what
each adds; as in Keras, the sum is divided by the number of samples and not by the sum of the weights.

Under a mask the masked steps add nothing, and the mean over the steps is that over the valid ones of the batch: with
weights w, sum w term / (number of valid steps), as in Keras; 0 where no step is valid.

From probabilities the cross-entropies are those of Keras: clipped to 1e-7 .. 1 - 1e-7 (categorical ones divided by
their sum first), with no gradient where the clip binds. From logits they are exact. A model whose last layer is a
Dense with the loss's own activation (`fused_activation`) uses the logits, which is exact too, and does not stall
where the clip would bind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from rnnfast.arguments import check_flag, look_up
from rnnfast.configuration import Configurable
from rnnfast.layout import as_rows, from_rows
from rnnfast.problem import check_option
from rnnfast.typing import Array

CLIP = 1e-7


class Evaluated(NamedTuple):
    """A loss on one batch.

    Attributes:
        value: what is minimized, in float64; where the predictions lie, as all else here.
        gradient: of the value, by and in the shape of the predictions (B, C) or (B, T, C).
        terms: what each row adds before weights and division, (N,) or for each element (N, C); see `as_rows`.
    """

    value: Any
    gradient: Array
    terms: Array


@dataclass(frozen=True, kw_only=True)
class Loss(Configurable, ABC):
    """What a model minimizes.

    Args:
        steps: "mean" or "sum" over the time steps of (B, T, C) predictions.
    """

    fused_activation: ClassVar[str] = ""
    steps: str = "mean"

    def __post_init__(self) -> None:
        check_option("steps", self.steps, ("mean", "sum"))

    @abstractmethod
    def targets(self, y: object, shape: tuple[int, ...], dtype: str) -> Array:
        """`y` checked against predictions of that shape, in the form that `value_and_gradient` takes.

        Raises:
            ValueError: another shape, or a label out of range. TypeError: no numbers.
        """

    @abstractmethod
    def of_rows(self, predictions: Array, targets: Array, scale: float) -> tuple[Array, Array]:
        """Terms, (N,) or (N, C), of predictions (N, C), and the gradient of `scale` times their sum, a new array."""

    def evaluate(
        self, *, targets: Array, predictions: Array, weights: Array | None = None, mask: Array | None = None
    ) -> Evaluated:
        """The loss of predictions (B, C) or (B, T, C).

        `targets` are as `targets()` returned them; `weights` (B,) or (B, T); `mask` (B, T) of bool, the valid steps.
        """
        scale = 1 / self.terms(predictions.shape)
        if mask is not None:
            weights = masked_weights(weights, mask, predictions.dtype)
            if self.steps == "mean":
                weights *= mask.size / np.maximum(mask.sum(), 1)
        terms, gradient = self.of_rows(as_rows(predictions), target_rows(targets, predictions.ndim), scale)
        if weights is None:
            total = terms.sum()
        else:
            row_weights = target_rows(weights, predictions.ndim)
            total = row_weights @ terms.reshape(row_weights.size, -1).sum(axis=1)
            gradient *= row_weights[:, None]
        return Evaluated(total * np.float64(scale), from_rows(gradient, predictions.shape), terms)

    def value_and_gradient(self, *, targets: Array, predictions: Array) -> tuple[Any, Array]:
        """The value and the gradient of `evaluate`."""
        return self.evaluate(targets=targets, predictions=predictions)[:2]

    def classes(self, targets: Array) -> Array:
        """The class, an integer from 0, of each target: (B,) or (B, T).

        Raises:
            ValueError: targets of this loss are no classes.
        """
        raise ValueError(f"class_weight: expected a loss over classes, got {type(self).__name__}")

    def terms(self, shape: tuple[int, ...]) -> int:
        """How many terms the sum over all predictions of that shape is divided by."""
        steps = shape[1] if len(shape) == 3 and self.steps == "mean" else 1
        return shape[0] * steps * self._terms_per_row(shape[-1])

    def _terms_per_row(self, units: int) -> int:
        return 1


class Elementwise(Loss):
    """A loss whose targets have the shape of the predictions; a last axis of 1 may be left out."""

    def targets(self, y: object, shape: tuple[int, ...], dtype: str) -> Array:
        array = np.asarray(y)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"y: expected numbers, got dtype {array.dtype}")
        if array.shape != shape and not (shape[-1] == 1 and array.shape == shape[:-1]):
            raise ValueError(f"y: expected shape {_either(shape)}, got {array.shape}")
        return np.asarray(array.reshape(shape), dtype)

    def _terms_per_row(self, units: int) -> int:
        return units


@dataclass(frozen=True, kw_only=True)
class MeanSquaredError(Elementwise):
    """(p - y)^2, averaged."""

    def of_rows(self, predictions: Array, targets: Array, scale: float) -> tuple[Array, Array]:
        difference = predictions - targets
        terms = difference * difference
        difference *= 2 * scale
        return terms, difference


@dataclass(frozen=True, kw_only=True)
class _OfProbabilities(Elementwise):
    """Targets in 0..1 for every element; predictions are probabilities, or logits."""

    from_logits: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag("from_logits", self.from_logits)

    def targets(self, y: object, shape: tuple[int, ...], dtype: str) -> Array:
        array = super().targets(y, shape, dtype)
        _check_range("y", array, 0, 1)
        return array


@dataclass(frozen=True, kw_only=True)
class BinaryCrossentropy(_OfProbabilities):
    """-(y log p + (1 - y) log(1 - p)), averaged; y in 0..1.

    Args:
        from_logits: predictions are z with p = sigmoid(z).
    """

    fused_activation: ClassVar[str] = "sigmoid"

    def classes(self, targets: Array) -> Array:
        if targets.shape[-1] != 1:
            raise ValueError(f"class_weight: expected one output a sample, got targets of shape {targets.shape}")
        return np.rint(targets[..., 0]).astype(np.int64)

    def of_rows(self, predictions: Array, targets: Array, scale: float) -> tuple[Array, Array]:
        if self.from_logits:
            # log(1 + e^z) - y z, with log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), and sigmoid(z) from the same e^-|z|
            terms, gradient = np.maximum(predictions, 0), np.minimum(predictions, 0)
            small = np.exp(gradient - terms)
            np.exp(gradient, out=gradient)
            gradient /= 1 + small
            terms += np.log1p(small, out=small)
            terms -= targets * predictions
            gradient -= targets
            gradient *= scale
            return terms, gradient
        p = np.clip(predictions, CLIP, 1 - CLIP)
        terms = -(targets * np.log(p) + (1 - targets) * np.log1p(-p))
        gradient = np.where(p == predictions, (p - targets) / (p * (1 - p)) * scale, 0)
        return terms, gradient.astype(predictions.dtype, copy=False)


@dataclass(frozen=True, kw_only=True)
class CategoricalCrossentropy(_OfProbabilities):
    """-sum_c y_c log p_c, averaged over rows; y is one-hot, or a distribution over the C classes.

    Args:
        from_logits: predictions are z with p = softmax(z).
    """

    fused_activation: ClassVar[str] = "softmax"

    def classes(self, targets: Array) -> Array:
        classes: Array = targets.argmax(axis=-1)
        return classes

    def _terms_per_row(self, units: int) -> int:
        return 1

    def of_rows(self, predictions: Array, targets: Array, scale: float) -> tuple[Array, Array]:
        if self.from_logits:
            z = predictions - predictions.max(axis=1, keepdims=True)
            log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            gradient = np.exp(log_p)
            gradient *= targets.sum(axis=1, keepdims=True)
            gradient -= targets
            gradient *= scale
            return -(targets * log_p).sum(axis=1), gradient
        total = predictions.sum(axis=1, keepdims=True)
        u = predictions / total
        p = np.clip(u, CLIP, 1 - CLIP)
        du = np.where(p == u, -scale * targets / p, 0)
        gradient = (du - (du * u).sum(axis=1, keepdims=True)) / total
        return -(targets * np.log(p)).sum(axis=1), gradient.astype(predictions.dtype, copy=False)


@dataclass(frozen=True, kw_only=True)
class SparseCategoricalCrossentropy(Loss):
    """-log p_y, averaged over rows; y is the class, an integer in 0..C-1, one for each row.

    Args:
        from_logits: predictions are z with p = softmax(z).
    """

    fused_activation: ClassVar[str] = "softmax"
    from_logits: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag("from_logits", self.from_logits)

    def targets(self, y: object, shape: tuple[int, ...], dtype: str) -> Array:
        array = np.asarray(y)
        if array.dtype.kind not in "iu":
            raise TypeError(f"y: expected integer classes, got dtype {array.dtype}")
        if array.shape not in (shape[:-1], (*shape[:-1], 1)):
            raise ValueError(f"y: expected shape {_either((*shape[:-1], 1))}, got {array.shape}")
        _check_range("y", array, 0, shape[-1] - 1)
        return np.asarray(array.reshape(shape[:-1]), np.int64)

    def classes(self, targets: Array) -> Array:
        return targets

    def of_rows(self, predictions: Array, targets: Array, scale: float) -> tuple[Array, Array]:
        every_row = np.arange(targets.size, like=targets)
        if self.from_logits:
            top = predictions.max(axis=1, keepdims=True)
            gradient = predictions - top
            chosen = gradient[every_row, targets]
            np.exp(gradient, out=gradient)
            total = gradient.sum(axis=1, keepdims=True)
            terms = np.log(total[:, 0]) - chosen
            total /= scale
            gradient /= total
            gradient[every_row, targets] -= scale
            return terms, gradient
        # d/dp of log(sum p) - log p_y
        total = predictions.sum(axis=1, keepdims=True)
        u = predictions[every_row, targets] / total[:, 0]
        p = np.clip(u, CLIP, 1 - CLIP)
        free = (p == u) * scale
        gradient = np.repeat(free[:, None] / total, predictions.shape[1], axis=1)
        gradient[every_row, targets] -= free / (p * total[:, 0])
        return -np.log(p), gradient.astype(predictions.dtype, copy=False)


KNOWN: dict[str, Callable[[], Loss]] = {
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
}


def get(loss: str | Loss) -> Loss:
    """The loss of that name, or the object itself.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor a Loss.
    """
    return look_up("loss", loss, Loss, KNOWN)


def on_logits(loss: Loss, activation: str) -> Loss | None:
    """The same loss for the logits below an output of that activation; None where the two do not fuse."""
    if activation != loss.fused_activation or getattr(loss, "from_logits", True):
        return None
    return replace(loss, from_logits=True)  # type: ignore[call-arg]  # every loss that names an activation has it


def masked_weights(weights: Array | None, mask: Array, dtype: DTypeLike) -> Array:
    """Weights of samples' steps (B, T), None for 1, and 0 at masked steps."""
    return mask.astype(dtype) if weights is None else weights * mask


def target_rows(targets: Array, ndim: int) -> Array:
    """Targets (B, ...) or (B, T, ...) of predictions with `ndim` axes, in the order of `as_rows`."""
    if ndim == 2:
        return targets
    return targets.T.reshape(-1) if targets.ndim == 2 else as_rows(targets)


def _check_range(name: str, array: Array, low: int, high: int) -> None:
    if array.size and not (array.min() >= low and array.max() <= high):
        raise ValueError(f"{name}: expected values in {low}..{high}, got values in {array.min()}..{array.max()}")


def _either(shape: tuple[int, ...]) -> str:
    return f"{shape} or {shape[:-1]}" if shape[-1] == 1 else f"{shape}"
