"""What happens around epochs and batches of `fit`, with the names of Keras, or your own: a subclass of Callback."""

from rnnfast.callbacks.base import Callback, Hooks, Logs
from rnnfast.callbacks.checkpoint import ModelCheckpoint
from rnnfast.callbacks.history import CSVLogger, History
from rnnfast.callbacks.monitor import EarlyStopping, Monitor, ReduceLROnPlateau
from rnnfast.callbacks.progress import EpochLines, ProgressBar, for_verbosity
from rnnfast.callbacks.rate import LearningRateScheduler
from rnnfast.callbacks.simple import LambdaCallback, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "EpochLines",
    "History",
    "Hooks",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "Monitor",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
    "for_verbosity",
]
