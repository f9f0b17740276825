"""Sentiment of film reviews in Keras, its SimpleRNN replaced: python examples/keras_imdb.py [EPOCHS] [REVIEWS]

KERAS_BACKEND=jax, torch or tensorflow picks what Keras computes with. Without the call of `replace` it is plain Keras.
"""

import sys

import keras

import rnnfast.keras
from rnnfast.datasets import imdb
from rnnfast.text import pad_sequences

NUM_WORDS, MAXLEN, BATCH_SIZE = 20_000, 80, 32
epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
reviews = int(sys.argv[2]) if len(sys.argv) > 2 else 25_000

(x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=NUM_WORDS)
x_train, x_test = (pad_sequences(x[:reviews], maxlen=MAXLEN) for x in (x_train, x_test))

model = keras.Sequential(
    [
        keras.layers.Embedding(NUM_WORDS, 50, mask_zero=True),
        keras.layers.SimpleRNN(5, activation="relu", recurrent_initializer="identity"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
print("Layers replaced:", rnnfast.keras.replace(model))

model.compile("rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train[:reviews], batch_size=BATCH_SIZE, epochs=epochs, verbose=2)
score, accuracy = model.evaluate(x_test, y_test[:reviews], batch_size=BATCH_SIZE, verbose=0)
print("Test score:", score)
print("Test accuracy:", accuracy)
