from typing import Any

from rnnfast.typing import Array

class Activation:
    def __init__(self, name: str, alpha: float, beta: float, clip: float) -> None: ...

class Kernel:
    def __init__(
        self,
        *,
        seq_len: int,
        batch: int,
        input_size: int,
        hidden_size: int,
        heads: int,
        dtype: str,
        activation: Activation,
        reverse: bool,
        bptt_steps: int,
        masked_output: str,
        isa: str,
        precision: str,
        forward: str,
        backward: str,
    ) -> None: ...
    # None: an array is not in the planned form.
    def forward(
        self,
        x: object,
        w_ih: object,
        w_hh: object,
        b: object,
        h0: object,
        lengths: object,
        mask: object,
        out: object = ...,
        cell: tuple[object, ...] | None = ...,
        steps: int = ...,
    ) -> tuple[Any, Any] | None: ...
    def backward(
        self,
        dy: object,
        x: object,
        y: object,
        w_ih: object,
        w_hh: object,
        h0: object,
        dh_n: object,
        lengths: object,
        mask: object,
        cell: tuple[object, ...] | None = ...,
        steps: int = ...,
        position: object = ...,
        sums: tuple[Any, ...] | None = ...,
        wants_dx: bool = ...,
    ) -> tuple[Any, Any, Any, Any, Any, Any] | None: ...
    # The same of tensors that speak DLPack's C exchange API, with states (1, B, H), and b maybe a tuple of biases.
    forward_tensors = forward
    backward_tensors = backward
    @property
    def window_steps(self) -> int: ...
    @property
    def isa(self) -> str: ...

block_words: int

def random_words(*, seed: int, stream: int, first: int, blocks: int, isa: str) -> Array: ...
def fill_mask(
    mask: Array,
    rate: float,
    chosen: float,
    other: float,
    *,
    seed: int,
    stream: int,
    first: int,
    isa: str,
) -> None: ...
def multiply_add_rate(isa: str, threads: int) -> float: ...
def read_rate(isa: str, bytes: int, threads: int) -> float: ...

most_lanes_hidden: int

def lookup_states(
    ids: Array, table: Array, w_hh: Array, activation: Activation, reverse: bool, mask_zero: bool, isa: str
) -> Array: ...
def threads_for(seq_len: int, batch: int, input_size: int, hidden_size: int, heads: int) -> int: ...
def accepts(variant: str, seq_len: int, batch: int, input_size: int, hidden_size: int, heads: int) -> bool: ...
def vector_len(isa: str, dtype: str) -> int: ...
def activation_names() -> list[str]: ...
def variant_names() -> list[str]: ...
def supported_isas() -> list[str]: ...
def default_isa() -> str: ...
def precisions(isa: str) -> list[str]: ...
def jax_handlers() -> dict[str, object]: ...
def num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def combine_rows(ids: Array, values: Array) -> tuple[Array, Array]: ...
def rmsprop_rows(
    weights: Array,
    accumulator: Array,
    mean_gradient: Array | None,
    velocity: Array | None,
    last_step: Array,
    rows: Array,
    sums: Array,
    *,
    step: int,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
    epsilon_inside: bool,
) -> None: ...
def sgd_rows(
    weights: Array,
    velocity: Array | None,
    last_step: Array,
    rows: Array,
    sums: Array,
    *,
    step: int,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
) -> None: ...

# The timers of the passes.
phases: list[str]

def set_profiling(on: bool) -> None: ...
def profiler_totals() -> tuple[Array, Array, Array]: ...
def profiler_events() -> Array: ...
def profiler_thread() -> int: ...
def profiler_ticks() -> int: ...
def profiler_nanoseconds_per_tick() -> float: ...
