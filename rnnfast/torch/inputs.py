"""Checks of what a module is called with: errors of the types that torch raises, which name the argument."""

from __future__ import annotations

import torch
from torch import Tensor


def check_input(given: Tensor, input_size: int, weight: Tensor, *, packed: bool = False) -> None:
    """An input of `RNN`, or the data of a packed one.

    Raises:
        TypeError: no tensor. ValueError: another number of axes or dtype. RuntimeError: another size or device.
    """
    if not isinstance(given, Tensor):
        raise TypeError(f"input: expected a Tensor or a PackedSequence, got {type(given).__name__}")
    if given.dim() not in ((2,) if packed else (2, 3)):
        raise ValueError(f"input: expected {'2' if packed else '2 or 3'} axes, got shape {tuple(given.shape)}")
    if given.shape[-1] != input_size:
        raise RuntimeError(f"input: expected input_size {input_size} on the last axis, got shape {tuple(given.shape)}")
    check_kind("input", given, weight, ValueError)


def check_state(given: Tensor, shape: tuple[int, ...], x: Tensor) -> None:
    """Initial states for the input x.

    Raises:
        TypeError: no tensor. RuntimeError: another shape, dtype or device.
    """
    if not isinstance(given, Tensor):
        raise TypeError(f"hx: expected a Tensor, got {type(given).__name__}")
    if given.shape != shape:
        raise RuntimeError(f"hx: expected shape {shape}, got {tuple(given.shape)}")
    check_kind("hx", given, x, RuntimeError)


def check_kind(name: str, given: Tensor, other: Tensor, wrong_dtype: type[Exception]) -> None:
    """Of the device of `other`, and but under autocast, which casts, of its dtype."""
    if given.dtype != other.dtype and not torch.is_autocast_enabled(other.device.type):
        raise wrong_dtype(f"{name}: expected dtype {other.dtype}, got {given.dtype}")
    if given.device != other.device:
        raise RuntimeError(f"{name}: expected device {other.device}, got {given.device}")
