"""Language models: which token of a text, a character or a word, comes next.

training = Training(text, Settings(level="character"))
while not training.finished:
    training.step()
print(training.held_out().perplexity, training.model.sample(200, prompt="The ", temperature=0.8))
"""

from rnnfast.language_model.model import LanguageModel, Score
from rnnfast.language_model.settings import DEFAULTS, Settings
from rnnfast.language_model.streams import Streams
from rnnfast.language_model.training import Training
from rnnfast.language_model.vocabulary import UNKNOWN, Vocabulary

__all__ = ["DEFAULTS", "UNKNOWN", "LanguageModel", "Score", "Settings", "Streams", "Training", "Vocabulary"]
