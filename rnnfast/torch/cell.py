"""`RNNCell`: what `torch.nn.RNNCell` is, on the kernels of rnnfast."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from rnnfast.problem import check_option
from rnnfast.torch.derivatives import recurrence
from rnnfast.torch.inputs import check_kind
from rnnfast.torch.operands import ForwardInputs, Options
from rnnfast.torch.tracing import for_tracers


class RNNCell(nn.RNNCellBase):  # type: ignore[misc]  # torch may not be installed where this is checked
    """One step h' = f(x W_ih^T + b_ih + h W_hh^T + b_hh).

    A drop-in for `torch.nn.RNNCell`. Where all steps of a sequence are there beforehand, `RNN` takes them in one call
    and is many times faster.

    Args:
        input_size, hidden_size: I and H, at least 1.
        bias: whether there are biases.
        nonlinearity: "tanh" or "relu".
        device, dtype: of the parameters.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_option("nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, bias, num_chunks=1, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state, (B, H) or (H,).

        Args:
            input: (B, I), or unbatched (I,).
            hx: state, (B, H), unbatched (H,); zeros by default.

        Raises:
            ValueError, RuntimeError: where torch raises them, naming the argument.
        """
        if (traced := for_tracers(self, nn.RNNCell, input, hx)) is not None:
            return traced
        for name, given in (("input", input), ("hx", hx)):
            if given is not None and given.dim() not in (1, 2):
                raise ValueError(f"{name}: expected 1 or 2 axes, got shape {tuple(given.shape)}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(f"input: expected input_size {self.input_size}, got shape {tuple(input.shape)}")
        check_kind("input", input, self.weight_ih, RuntimeError)
        state_shape = (*input.shape[:-1], self.hidden_size)
        if hx is not None:
            if hx.shape != state_shape:
                raise RuntimeError(f"hx: expected shape {state_shape}, got {tuple(hx.shape)}")
            check_kind("hx", hx, input, RuntimeError)
            hx = hx.view(1, -1, self.hidden_size)
        x = input.view(1, -1, self.input_size)
        given = ForwardInputs(x, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, hx)
        y, _ = recurrence(given, Options(activation=self.nonlinearity))
        return y.view(state_shape)
