"""What a training of a language model is told."""

from __future__ import annotations

from dataclasses import dataclass

from rnnfast.arguments import check_flag, check_number, check_seed
from rnnfast.configuration import Configurable
from rnnfast.language_model.vocabulary import LEVELS
from rnnfast.problem import check_option, check_size


@dataclass(frozen=True, kw_only=True)
class Settings(Configurable):
    """The vocabulary, the network, and the way it learns.

    Args:
        level: "character" or "word"; see Vocabulary.
        vocabulary: number of tokens, the most frequent ones; None keeps all.
        embedding: length of a token's vector.
        hidden: units of a recurrent layer.
        layers: recurrent layers, one on the other.
        tied: input and output share the vectors of the tokens (see `TiedDense`); where `embedding` is not `hidden`, a
            linear layer stands between.
        dropout: rate in 0..1, below 1, after every recurrent layer.
        streams: parts of the text that are read side by side: the batch.
        bptt_steps: steps that the gradient reaches back; the state goes on from one chunk of them to the next.
        learning_rate: of Adam, at first; it falls in a straight line.
        clipnorm: 2-norm that all gradients together are scaled down to.
        epochs: passes over the text.
        held_out: part of the text in 0..1, taken from its end, that is not learnt.
        seed: of the initial weights and dropout.
        backend: of the recurrence; see `rnnfast.backends`.

    Raises:
        ValueError, TypeError: an argument out of range.
    """

    level: str = "character"
    vocabulary: int | None = None
    embedding: int = 64
    hidden: int = 256
    layers: int = 1
    tied: bool = False
    dropout: float = 0.0
    streams: int = 16
    bptt_steps: int = 32
    learning_rate: float = 3e-3
    clipnorm: float = 1.0
    epochs: int = 5
    held_out: float = 0.1
    seed: int = 0
    backend: str = "auto"

    def __post_init__(self) -> None:
        check_option("level", self.level, tuple(LEVELS))
        for name in ("embedding", "hidden", "layers", "streams", "bptt_steps", "epochs"):
            check_size(name, getattr(self, name))
        check_flag("tied", self.tied)
        check_number("dropout", self.dropout, low=0, below=1)
        check_number("learning_rate", self.learning_rate, low=0)
        check_number("clipnorm", self.clipnorm, low=0)
        check_number("held_out", self.held_out, low=0, below=1)
        check_seed(self.seed)


DEFAULTS = {
    "character": Settings(level="character"),
    "word": Settings(level="word", vocabulary=4000, embedding=128, hidden=192, tied=True, epochs=2),
}
"""What does well on a text of a million characters in about a minute."""
