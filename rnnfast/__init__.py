"""rnnfast: plain (Elman) recurrent networks, fast.

Compiled forward and back-propagation-through-time kernels (`rnn_forward`, `rnn_backward`, `plan`) behind a thin
trainer (`Sequential`, `layers`, `losses`, `optimizers`, ...). Importing this needs NumPy alone.
"""

from importlib.metadata import version as _version

from rnnfast import (
    bucketing,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
)
from rnnfast.backends import backends, variants
from rnnfast.checkpoint import load_model
from rnnfast.functional import rnn_backward, rnn_forward
from rnnfast.model import Sequential
from rnnfast.plan import plan
from rnnfast.pointwise import Activation
from rnnfast.processor import get_num_threads, isa, set_num_threads
from rnnfast.profiler import Profile, profile
from rnnfast.reference import Gradients
from rnnfast.rnn import RNN
from rnnfast.segments import checkpointed_backward, checkpointed_forward

__version__ = _version("rnnfast")

__all__ = [
    "RNN",
    "Activation",
    "Gradients",
    "Profile",
    "Sequential",
    "__version__",
    "backends",
    "bucketing",
    "callbacks",
    "checkpointed_backward",
    "checkpointed_forward",
    "constraints",
    "get_num_threads",
    "initializers",
    "isa",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "optimizers",
    "plan",
    "profile",
    "regularizers",
    "rnn_backward",
    "rnn_forward",
    "schedules",
    "set_num_threads",
    "variants",
]
