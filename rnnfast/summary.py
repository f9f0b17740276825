"""The table that `Sequential.summary` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnfast.layers.base import Layer

WIDTHS = (40, 24, 12)


def summary_lines(name: str, layers: Sequence[Layer]) -> Iterator[str]:
    """The lines, for layers that are built."""
    rule = "_" * sum(WIDTHS)
    yield f'Model: "{name}"'
    yield rule
    yield _row("Layer (type)", "Output Shape", "Param #")
    yield rule
    shape = layers[0].built_for
    for layer in layers:
        assert shape is not None
        shape = layer.output_shape(shape)
        yield _row(f"{layer.name} ({type(layer).__name__})", str(shape), f"{layer.count_params():,}")
    yield rule
    total = sum(layer.count_params() for layer in layers)
    trainable = sum(layer.count_params() for layer in layers if layer.trainable)
    yield f"Total params: {total:,}"
    yield f"Trainable params: {trainable:,}"
    yield f"Non-trainable params: {total - trainable:,}"


def _row(*cells: str) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()
