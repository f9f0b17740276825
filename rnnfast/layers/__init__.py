"""Layers, with the names, options and weights of Keras."""

from rnnfast.layers.activity_regularization import ActivityRegularization
from rnnfast.layers.base import Layer
from rnnfast.layers.dense import Dense
from rnnfast.layers.dropout import Dropout
from rnnfast.layers.embedding import Embedding
from rnnfast.layers.simple_rnn import SimpleRNN
from rnnfast.layers.tied_dense import TiedDense

__all__ = ["ActivityRegularization", "Dense", "Dropout", "Embedding", "Layer", "SimpleRNN", "TiedDense"]
