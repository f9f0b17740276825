"""Sequences of launches as CUDA graphs: captured once, then replayed with one call of the driver."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from rnnfast.typing import Array

Arrays = dict[str, Array | None]

_MOST_GRAPHS = 8


class Graphs:
    """The graphs of a plan, the latest that were used.

    A graph holds addresses, and a caller's arrays are at others every time. So it works on arrays of its own, and what
    goes in and out is copied, which costs far less than to launch every step anew. Each stream has graphs of its own.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._graphs: OrderedDict[Hashable, tuple[Any, Arrays] | None] = OrderedDict()

    def run(
        self,
        key: Hashable,
        arrays: Arrays,
        launch: Callable[[Arrays], None],
        *,
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
    ) -> None:
        """Does what `launch` puts on the current stream; from the second time on with the same key as a graph.

        Args:
            key: what it depends on beside the arrays and which of them are None: addresses of others, say.
            arrays: by name, for `launch`, which puts kernels, and products into arrays that are there, on the stream.
            inputs, outputs: the names of those that are read and written; others are scratch.
        """
        stream = self._cupy.cuda.get_current_stream()
        key = (key, stream.ptr, tuple(name for name, array in arrays.items() if array is not None))
        if key not in self._graphs:
            launch(arrays)
            self._keep(key, None)
            return
        graph, own = self._graphs[key] or self._captured(arrays, launch)
        self._keep(key, (graph, own))
        _copy(inputs, arrays, own)
        graph.launch(stream)
        _copy(outputs, own, arrays)

    def _keep(self, key: Hashable, value: tuple[Any, Arrays] | None) -> None:
        self._graphs[key] = value
        self._graphs.move_to_end(key)
        if len(self._graphs) > _MOST_GRAPHS:
            self._graphs.popitem(last=False)

    def _captured(self, arrays: Arrays, launch: Callable[[Arrays], None]) -> tuple[Any, Arrays]:
        own: Arrays = {
            name: None if array is None else self._cupy.empty(array.shape, array.dtype)
            for name, array in arrays.items()
        }
        # on a stream of its own, for the default one cannot be captured; nothing runs meanwhile
        with self._cupy.cuda.Stream(non_blocking=True) as stream:
            stream.begin_capture()
            launch(own)
            return stream.end_capture(), own


def _copy(names: tuple[str, ...], source: Arrays, target: Arrays) -> None:
    for name in names:
        to = target[name]
        if to is not None:
            to[...] = source[name]
