"""Layers, with the names, options and weights of Keras."""

from rnnfast.layers.activity_regularization import ActivityRegularization
from rnnfast.layers.base import Layer
from rnnfast.layers.bidirectional import Bidirectional
from rnnfast.layers.dense import Dense
from rnnfast.layers.dropout import Dropout
from rnnfast.layers.embedding import Embedding
from rnnfast.layers.masking import Masking
from rnnfast.layers.padding import Padding
from rnnfast.layers.simple_rnn import SimpleRNN
from rnnfast.layers.tied_dense import TiedDense
from rnnfast.layers.time_distributed import TimeDistributed

__all__ = [
    "ActivityRegularization",
    "Bidirectional",
    "Dense",
    "Dropout",
    "Embedding",
    "Layer",
    "Masking",
    "Padding",
    "SimpleRNN",
    "TiedDense",
    "TimeDistributed",
]
