"""From the arguments of `fit` and `evaluate` to the batches that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnfast.arguments import check_flag, check_number
from rnnfast.problem import check_size
from rnnfast.sources import ArraySource, Data, Source, StreamSource, split

if TYPE_CHECKING:
    import numpy as np

    from rnnfast.model import Sequential


def for_fit(
    model: Sequential,
    x: object,
    y: object,
    *,
    batch_size: int,
    validation_split: float,
    validation_data: Any,
    shuffle: bool,
    class_weight: Mapping[int, float] | None,
    sample_weight: object,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    passes: int,
) -> tuple[Source, Source | None]:
    """What to train on, and what to evaluate on; see `Sequential.fit`. It is iterated over `passes` times.

    Raises:
        ValueError, TypeError: an argument that does not fit. RuntimeError: the model is not compiled.
    """
    check_size("batch_size", batch_size)
    rng = model.shuffle_rng if check_flag("shuffle", shuffle) else None
    validation: Source | None = None
    if check_number("validation_split", validation_split, low=0, below=1):
        if validation_data is not None or y is None:
            other = "an iterable x" if validation_data is None else "validation_data"
            raise ValueError(f"validation_split: expected 0 with {other}, got {validation_split}")
        data, held_out = split(model.data(x, y, sample_weight, class_weight), validation_split)
        validation = _arrays(model, held_out, batch_size)
    elif y is not None:
        data = model.data(x, y, sample_weight, class_weight)
    if validation_data is not None:
        names = "validation_data", "validation_steps"
        if _is_arrays(validation_data):
            _check_no_steps(names[1], validation_steps)
            validation = _arrays(model, model.data(*validation_data), batch_size)
        else:
            validation = _stream(model, validation_data, steps=validation_steps, passes=passes, names=names)
    if y is not None:
        _check_no_steps("steps_per_epoch", steps_per_epoch)
        return _arrays(model, data, batch_size, rng), validation
    names = "x", "steps_per_epoch"
    training = _stream(model, x, sample_weight, class_weight, steps=steps_per_epoch, passes=passes, names=names)
    return training, validation


def for_evaluate(
    model: Sequential, x: object, y: object, *, sample_weight: object, batch_size: int, steps: int | None
) -> Source:
    """What to evaluate on; see `Sequential.evaluate`.

    Raises:
        ValueError, TypeError: an argument that does not fit. RuntimeError: the model is not compiled.
    """
    check_size("batch_size", batch_size)
    if y is None:
        return _stream(model, x, sample_weight, steps=steps, passes=1, names=("x", "steps"))
    _check_no_steps("steps", steps)
    return _arrays(model, model.data(x, y, sample_weight), batch_size)


def _arrays(model: Sequential, data: Data, batch_size: int, shuffle: np.random.Generator | None = None) -> ArraySource:
    model.check_stateful(len(data.x), batch_size)
    return ArraySource(data, batch_size, shuffle)


def _stream(
    model: Sequential,
    given: object,
    sample_weight: object = None,
    class_weight: Mapping[int, float] | None = None,
    *,
    steps: int | None,
    passes: int,
    names: tuple[str, str],
) -> StreamSource:
    if sample_weight is not None:
        raise ValueError("sample_weight: expected None with an iterable, whose batches may be (x, y, sample_weight)")
    model.check_compiled()

    def check(x: object, y: object, sample_weight: object) -> Data:
        return model.batch(x, y, sample_weight, class_weight)

    return StreamSource(given, check, steps=steps, passes=passes, names=names)


def _check_no_steps(name: str, steps: int | None) -> None:
    if steps is not None:
        raise ValueError(f"{name}: expected None with arrays, got {steps!r}")


def _is_arrays(validation_data: object) -> bool:
    """Whether it is (x, y) or (x, y, sample_weight), and not two or three batches of these."""
    return (
        isinstance(validation_data, tuple | list)
        and len(validation_data) in (2, 3)
        and not isinstance(validation_data[0], tuple)
    )
