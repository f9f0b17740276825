"""Train a word language model on a text.

Embedding, SimpleRNN layers whose state is carried over the text, and a Dense that shares the vectors of the Embedding;
Adam on the next word of every step. Punctuation marks and line breaks count as words, and rare words as one. Prints the
perplexity on the end of the text, which is held out, keeps a checkpoint that --resume goes on from, and lets the model
write.
"""

from functools import partial

from rnnfast.commands import language_model

add_arguments = partial(language_model.add_arguments, level="word")
run = partial(language_model.run, level="word")
