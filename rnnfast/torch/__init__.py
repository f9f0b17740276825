"""rnnfast inside torch: drop-ins for `torch.nn.RNN` and `torch.nn.RNNCell`, and the operators that they call.

    model = Model()                # with torch.nn.RNN somewhere in it
    rnnfast.torch.replace(model)   # the same modules, parameters and state_dict, on the kernels of rnnfast

Importing this needs torch: pip install 'rnnfast[torch]'.
"""

from rnnfast.optional import require

require("torch", extra="torch", user="rnnfast.torch")

from rnnfast.torch.cell import RNNCell  # noqa: E402
from rnnfast.torch.functional import rnn_forward  # noqa: E402
from rnnfast.torch.replacement import replace  # noqa: E402
from rnnfast.torch.rnn import RNN  # noqa: E402

__all__ = ["RNN", "RNNCell", "replace", "rnn_forward"]
