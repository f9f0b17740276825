"""Train a character language model on a text.

Embedding, SimpleRNN layers whose state is carried over the text, Dense; Adam on the next character of every step.
Prints bits per character on the end of the text, which is held out, keeps a checkpoint that --resume goes on from, and
lets the model write.
"""

from functools import partial

from rnnfast.commands import language_model

add_arguments = partial(language_model.add_arguments, level="character")
run = partial(language_model.run, level="character")
