"""What every optimizer does: state for each weight, clipping, the step.

All dense weights of a model lie in one flat buffer, so that a step is a handful of operations however many weights
there are; a Parameter's `value` is a view of it. A table whose gradient touches few rows is updated row by row
(`rnnfast.rows`), exactly as a dense update would have moved it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np

from rnnfast.arguments import check_number
from rnnfast.configuration import Configurable
from rnnfast.home import HOST, ModelHome, to_host
from rnnfast.parameters import Parameter, RowGradient
from rnnfast.schedules import Schedule
from rnnfast.typing import Array

Slots: TypeAlias = dict[str, Array]
"""An optimizer's state for one buffer of weights: arrays of its shape, by name."""


class Table:
    """A weight (V, E) that is updated by rows, with its state."""

    def __init__(self, parameter: Parameter, slots: dict[str, float]) -> None:
        self.parameter = parameter
        self.slots: Slots = {name: np.full_like(parameter.value, initial) for name, initial in slots.items()}
        self.last_step = parameter.home.upload(np.zeros(parameter.value.shape[0], np.int64))


class Dense:
    """The weights that are updated as wholes, in one flat buffer, with their state and two scratch arrays."""

    def __init__(self, parameters: Sequence[Parameter], slots: dict[str, float], home: ModelHome) -> None:
        self.parameters = list(parameters)
        self._rows = home.rows
        size = sum(parameter.value.size for parameter in parameters)
        dtype = parameters[0].value.dtype if parameters else np.dtype(np.float32)
        self.weights = home.upload(np.empty(size, dtype))
        self.gradient, self.scratch = np.zeros_like(self.weights), np.empty_like(self.weights)
        self.slots: Slots = {name: np.full_like(self.weights, initial) for name, initial in slots.items()}
        self.gradients = self.views(self.gradient)
        for parameter, view in zip(parameters, self.views(self.weights), strict=True):
            view[...] = parameter.value
            parameter.value = view

    def views(self, flat: Array) -> list[Array]:
        """The part of a flat array (n,) that belongs to each parameter, in its shape."""
        ends = np.cumsum([parameter.value.size for parameter in self.parameters])
        return [
            flat[end - parameter.value.size : end].reshape(parameter.value.shape)
            for parameter, end in zip(self.parameters, ends, strict=True)
        ]

    def collect(self) -> None:
        """Copies every parameter's gradient into the flat one."""
        for parameter, view in zip(self.parameters, self.gradients, strict=True):
            gradient = parameter.gradient
            if isinstance(gradient, RowGradient):
                rows, sums = self._rows.combine(*gradient)
                view.fill(0)
                self._rows.put(view, rows, sums)
            else:
                np.copyto(view, gradient)  # type: ignore[arg-type]


class Optimizer(Configurable, ABC):
    """Moves the weights against their gradients.

    Args:
        learning_rate: at least 0, or a Schedule.
        clipvalue: clip every element of the gradient to -clipvalue..clipvalue.
        clipnorm: scale each weight's gradient down to this 2-norm where it is longer.
        global_clipnorm: scale all gradients together down to this 2-norm where they are longer.

    Raises:
        ValueError: a value out of range, or more than one way of clipping. TypeError: no number.
    """

    lazy: ClassVar[bool] = True
    """Whether a row that a step does not touch can be caught up later in closed form."""

    def __init__(
        self,
        learning_rate: float | Schedule,
        *,
        clipvalue: float | None = None,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        clips = {"clipvalue": clipvalue, "clipnorm": clipnorm, "global_clipnorm": global_clipnorm}
        given = [name for name, value in clips.items() if value is not None]
        for name in given:
            check_number(name, clips[name], low=0)
        if len(given) > 1:
            raise ValueError(f"{given[0]}: expected at most one way of clipping, got {' and '.join(given)}")
        self.clipvalue, self.clipnorm, self.global_clipnorm = clipvalue, clipnorm, global_clipnorm
        self._clips = bool(given)
        self.iterations = 0
        self.learning_rate = learning_rate
        self._built = False

    @property
    def learning_rate(self) -> float:
        """The size of the next step; may be set between steps, to a number or a Schedule, which ends a schedule."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | Schedule) -> None:
        schedule = value if isinstance(value, Schedule) else None
        self._learning_rate = check_number("learning_rate", schedule(self.iterations) if schedule else value, low=0)
        self._schedule = schedule

    @property
    def schedule(self) -> Schedule | None:
        """What sets the learning rate before each step; None where it is a number."""
        return self._schedule

    def arguments(self) -> dict[str, Any]:
        return {**super().arguments(), "learning_rate": self.schedule or self.learning_rate}

    @abstractmethod
    def slots(self) -> dict[str, float]:
        """The state that each weight has: names and initial values."""

    def scalars(self) -> dict[str, float]:
        """What else the steps depend on, one number each: names and initial values of `scalar_state`."""
        return {}

    @abstractmethod
    def update(self, weights: Array, gradient: Array, slots: Slots, scratch: Array) -> None:
        """Moves `weights` in place; all arrays have one shape, and `gradient` and `scratch` are used up."""

    def update_rows(self, table: Table, rows: Array, sums: Array) -> None:
        """Moves the given rows, as `rnnfast.rows` has it; `sums` is used up."""
        raise NotImplementedError

    def settle_rows(self, table: Table, rows: Array) -> None:
        """Applies the steps that the given rows missed."""
        raise NotImplementedError

    def owes(self) -> bool:
        """Whether a step moves rows that it does not touch, so that they must be settled before they are read."""
        return False

    def build(self, parameters: Sequence[Parameter]) -> None:
        """Makes the state for these parameters, once; their values move into the optimizer's buffer.

        Raises:
            ValueError: it already has the state of other parameters.
        """
        if self._built:
            raise ValueError("optimizer: expected one that no model uses, got one that already has state")
        tables = [parameter for parameter in parameters if parameter.by_rows and self.lazy]
        dense = [parameter for parameter in parameters if parameter not in tables]
        self._home = parameters[0].home if parameters else HOST
        self._dense = Dense(dense, self.slots(), self._home)
        self._tables = [Table(parameter, self.slots()) for parameter in tables]
        self.scalar_state = {name: np.array(initial) for name, initial in self.scalars().items()}
        if self.owes():
            for table in self._tables:
                table.parameter.settle = partial(self._settle, table)
        self._constrained = [parameter for parameter in parameters if parameter.constraint is not None]
        self._built = True

    @property
    def parameters(self) -> list[Parameter]:
        """Those that it was built for, the dense ones first; built for them in this order, it has the same state."""
        return [*self._dense.parameters, *(table.parameter for table in self._tables)] if self._built else []

    def step(self) -> None:
        """Moves every parameter by its `gradient`, and then to where its constraint lets it be."""
        dense = self._dense
        dense.collect()
        sparse = []
        for table in self._tables:
            assert isinstance(table.parameter.gradient, RowGradient)
            sparse.append(self._home.rows.combine(*table.parameter.gradient))
        if self._clips:
            self._clip([*dense.gradients, *(sums for _, sums in sparse)])
        self.iterations += 1
        self.update(dense.weights, dense.gradient, dense.slots, dense.scratch)
        for table, (rows, sums) in zip(self._tables, sparse, strict=True):
            self.update_rows(table, rows, sums)
        for parameter in self._constrained:
            parameter.constrain()
        if self._schedule is not None:
            self.learning_rate = self._schedule

    def release(self) -> None:
        """Pays everything that is owed and lets the parameters go."""
        if self._built:
            for table in self._tables:
                if table.parameter.settle is not None:
                    table.parameter.settle(None)
                    table.parameter.settle = None

    def state(self) -> dict[str, Array]:
        """Copies on the CPU of all that the next steps depend on, by name: "iterations", and "<index>/<slot>"."""
        copies = {name: to_host(array.copy()) for name, array in self._state_arrays().items()}
        return {"iterations": np.array(self.iterations, np.int64), **copies}

    def load_state(self, state: dict[str, Array]) -> None:
        """Takes what `state` returned, of an optimizer with the same options and parameters.

        Raises:
            ValueError: other names or shapes; nothing is changed then.
        """
        own = self._state_arrays()
        expected = {"iterations": (), **{name: array.shape for name, array in own.items()}}
        given = {name: np.shape(array) for name, array in state.items()}
        if given != expected:
            raise ValueError(f"state: expected {expected}, got {given}")
        self.iterations = int(state["iterations"])
        for name, array in own.items():
            array[...] = state[name] if name in self.scalar_state else self._home.upload(np.asarray(state[name]))
        if self._schedule is not None:
            self.learning_rate = self._schedule

    def _state_arrays(self) -> dict[str, Array]:
        if not self._built:
            return {}
        arrays = {**self.scalar_state, **{f"dense/{name}": slot for name, slot in self._dense.slots.items()}}
        for index, table in enumerate(self._tables):
            arrays |= {f"table{index}/{name}": slot for name, slot in table.slots.items()}
            arrays[f"table{index}/last_step"] = table.last_step
        return arrays

    def _settle(self, table: Table, rows: Array | None) -> None:
        if rows is None:
            rows = np.arange(table.last_step.size, like=table.last_step)
        self.settle_rows(table, rows.reshape(-1))

    def _clip(self, gradients: list[Array]) -> None:
        if self.clipvalue is not None:
            for gradient in gradients:
                np.clip(gradient, -self.clipvalue, self.clipvalue, out=gradient)
            return
        squares: list[Any] = [np.vdot(gradient, gradient).astype(np.float64) for gradient in gradients]
        if self.global_clipnorm is not None:
            squares = [sum(squares)] * len(squares)
        limit = self.clipnorm if self.global_clipnorm is None else self.global_clipnorm
        assert limit is not None
        # No branch on what may lie on a GPU. With fmax a norm that is no number scales nothing.
        floor = max(limit, np.finfo(np.float64).tiny)
        for gradient, square in zip(gradients, squares, strict=True):
            gradient *= (limit / np.fmax(np.sqrt(square), floor)).astype(gradient.dtype)
