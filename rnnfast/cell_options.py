"""What a cell may have beyond the plain recurrence: recurrent dropout, zoneout, layer normalisation."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from rnnfast.typing import Array, ArrayLike

EPSILON = 1e-5
"""What layer normalisation adds to the variance by default: torch's `LayerNorm`; Keras's has 1e-3."""


class CellArguments(TypedDict, total=False):
    """The arguments of `rnn_forward`, and but for `zoneout` of `rnn_backward`, that a plan needs a flag for."""

    recurrent_mask: ArrayLike | None
    zoneout_mask: ArrayLike | None
    zoneout: float
    gain: ArrayLike | None


def given(
    recurrent_mask: ArrayLike | None = None,
    zoneout_mask: ArrayLike | None = None,
    zoneout: float = 0.0,
    gain: ArrayLike | None = None,
) -> CellArguments:
    """The arguments of that name; none at all for a plain cell, which pays nothing for them."""
    if recurrent_mask is None and zoneout_mask is None and gain is None and type(zoneout) is float and not zoneout:
        return {}
    return {"recurrent_mask": recurrent_mask, "zoneout_mask": zoneout_mask, "zoneout": zoneout, "gain": gain}


def flags(
    recurrent_mask: object = None, zoneout_mask: object = None, zoneout: object = 0.0, gain: object = None
) -> tuple[str, ...]:
    """The flags that a plan needs for the arguments of that name."""
    wanted = {
        "recurrent_dropout": recurrent_mask is not None,
        "zoneout": zoneout_mask is not None or not (isinstance(zoneout, int | float) and zoneout == 0),
        "layer_norm": gain is not None,
    }
    return tuple(name for name, needed in wanted.items() if needed)


class CellOptions(NamedTuple):
    """The same, checked: recurrent_mask (B, H), zoneout_mask (T, B, H) of bool, gain (H,)."""

    recurrent_mask: Array | None = None
    zoneout_mask: Array | None = None
    zoneout: float = 0.0
    gain: Array | None = None
    epsilon: float = EPSILON

    def of_steps(self, times: slice) -> CellOptions:
        """For some of the steps."""
        return self if self.zoneout_mask is None else self._replace(zoneout_mask=self.zoneout_mask[times])
