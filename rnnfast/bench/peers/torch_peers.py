"""torch: `nn.RNN` eager, in bfloat16, on cuDNN and as `rnnfast.torch.RNN`, and a loop over a compiled cell.

Dynamo refuses `nn.RNN` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import rnnfast
from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.peers.base import BFLOAT16_TOLERANCE, Contender, NotHere, Ready
from rnnfast.typing import Array


def layer(
    case: Case,
    arrays: Mapping[str, Array],
    threads: int,
    *,
    dtype: str = "float32",
    device: str = "cpu",
    replaced: bool = False,
) -> Ready:
    """`nn.RNN`; on a GPU the arrays are there beforehand, and each call waits for the end of its work.

    Args:
        replaced: by rnnfast's.
    """
    import torch

    torch.set_num_threads(threads)
    rnnfast.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise NotHere("torch finds no CUDA device")
    rnn = torch.nn.RNN(case.input_size, case.hidden_size, nonlinearity=case.activation)
    with torch.no_grad():
        for parameter, name in zip(rnn.parameters(), ("w_ih", "w_hh", "b"), strict=False):
            parameter.copy_(torch.from_numpy(arrays[name]))
        rnn.bias_hh_l0.zero_()
    if replaced:
        from rnnfast.torch import replace

        replace(rnn)
    rnn = rnn.to(device, getattr(torch, dtype))
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    weights = rnn.weight_ih_l0, rnn.weight_hh_l0
    return _ready(lambda x: rnn(x)[0], weights, arrays, device, getattr(torch, dtype), wait)


def compiled_cell(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    """The input's product for all steps at once, then a compiled step in a loop."""
    import torch

    torch.set_num_threads(threads)
    w_ih, w_hh, b = (torch.from_numpy(arrays[name]).requires_grad_(name != "b") for name in ("w_ih", "w_hh", "b"))
    f = {"tanh": torch.tanh, "relu": torch.relu}[case.activation]
    step = torch.compile(lambda a, h, w: f(torch.addmm(a, h, w.T)))

    def forward(x: Any) -> Any:
        h, states = torch.zeros(case.batch, case.hidden_size), []
        for a in torch.nn.functional.linear(x, w_ih, b):
            h = step(a, h, w_hh)
            states.append(h)
        return torch.stack(states)

    return _ready(forward, (w_ih, w_hh), arrays, "cpu", torch.float32, lambda: None)


def _ready(
    forward: Callable[[Any], Any],
    weights: tuple[Any, Any],
    arrays: Mapping[str, Array],
    device: str,
    dtype: Any,
    wait: Callable[[], object],
) -> Ready:
    import torch

    x, dy = (torch.from_numpy(arrays[name]).to(device, dtype) for name in ("x", "dy"))
    x.requires_grad_()

    def inference() -> Any:
        with torch.no_grad():
            y = forward(x)
        wait()
        return (y,)

    def both() -> Any:
        for tensor in (x, *weights):
            tensor.grad = None
        y = forward(x)
        y.backward(dy)
        wait()
        return y, x.grad, *(weight.grad for weight in weights)

    def to_numpy(result: Any) -> Sequence[Array]:
        return [tensor.detach().float().cpu().numpy() for tensor in result]

    return Ready({FORWARD: inference, BOTH: both}, to_numpy)


def _replaced(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    return layer(case, arrays, threads, replaced=True)


def _bfloat16(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    return layer(case, arrays, threads, dtype="bfloat16")


def _cudnn(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    return layer(case, arrays, threads, device="cuda")


CONTENDERS = [
    Contender("torch", "torch", {"layer": layer, "memory": layer}, ("torch",)),
    Contender("rnnfast.torch", "torch", {"layer": _replaced, "memory": _replaced}, ("torch",)),
    Contender("torch compiled cell", "torch", {"layer": compiled_cell}, ("torch",)),
    Contender("torch bf16", "torch", {"layer": _bfloat16}, ("torch",), tolerance=BFLOAT16_TOLERANCE),
    Contender("torch cuDNN", "torch", {"layer": _cudnn}, ("torch",), on_gpu=True),
]
