"""rnnfast inside Keras 3: a drop-in for `keras.layers.SimpleRNN`, on JAX, torch and TensorFlow.

    model = keras.Sequential([...])   # with keras.layers.SimpleRNN somewhere in it
    rnnfast.keras.replace(model)      # the same layers, weights and files, on the kernels of rnnfast

Importing this needs Keras: pip install 'rnnfast[keras]'.
"""

from rnnfast.optional import require

require("keras", extra="keras", user="rnnfast.keras")

from rnnfast.keras.replacement import replace  # noqa: E402
from rnnfast.keras.simple_rnn import SimpleRNN  # noqa: E402

__all__ = ["SimpleRNN", "replace"]
