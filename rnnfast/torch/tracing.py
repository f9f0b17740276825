"""What tracers get that know the modules of torch, and not the operators here."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn


def for_tracers(module: nn.Module, like: type[nn.Module], input: Any, hx: Any) -> Any:
    """What a module's forward is to return where one of them is at work; None: none is.

    `torch.fx` keeps the module as a leaf, as it does modules of torch, and the exporter to ONNX gets what `like`, whose
    parameters the module has, would compute: it writes the operator RNN for that.
    """
    if type(input) is Tensor and torch._C._get_tracing_state() is None and not torch.compiler.is_compiling():
        return None
    if isinstance(input, fx.Proxy):
        given = (input,) if hx is None else (input, hx)
        return input.tracer.create_proxy("call_module", input.tracer.path_of_module(module), given, {})
    return like.forward(module, input, hx) if torch.onnx.is_in_onnx_export() else None
