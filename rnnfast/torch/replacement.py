"""`replace`: the kernels of rnnfast in a model that is there already."""

from __future__ import annotations

from torch import nn

from rnnfast.torch.rnn import RNN


def replace(model: nn.Module) -> int:
    """Makes every `torch.nn.RNN` in the model, or the model itself if it is one, an `rnnfast.torch.RNN`, in place.

    The modules stay the objects that they are: parameters, their names, an optimizer that has them, hooks, the mode of
    training and whatever else refers to them. Instances of subclasses of `torch.nn.RNN`, parametrized ones among them,
    may compute something else, and are left as they are.

    Returns:
        How many there were.

    Raises:
        TypeError: no module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    found = [module for module in model.modules() if type(module) is nn.RNN]
    for module in found:
        module.__class__ = RNN  # it has no attributes that nn.RNN lacks
    return len(found)
