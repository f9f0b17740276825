"""Sentiment of film reviews with a tiny relu network: python examples/imdb_sentiment.py [EPOCHS]"""

import sys

import rnnfast
from rnnfast.datasets import imdb
from rnnfast.initializers import Identity, RandomNormal
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.optimizers import RMSprop
from rnnfast.text import pad_sequences

NUM_WORDS, MAXLEN, BATCH_SIZE = 20_000, 30, 32
epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 10

(x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=NUM_WORDS)
x_train, x_test = pad_sequences(x_train, maxlen=MAXLEN), pad_sequences(x_test, maxlen=MAXLEN)
print("x_train shape:", x_train.shape)

model = rnnfast.Sequential(seed=0)
model.add(Embedding(NUM_WORDS, 50))
model.add(
    SimpleRNN(
        5,
        activation="relu",
        kernel_initializer=RandomNormal(stddev=0.001),
        recurrent_initializer=Identity(gain=1.0),
    )
)
model.add(Dense(1, activation="sigmoid"))
model.summary()

optimizer = RMSprop(learning_rate=1e-4, epsilon_inside=False)  # as tf.keras had it in 2021
model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
score, accuracy = model.evaluate(x_test, y_test, batch_size=BATCH_SIZE)
print("Test score:", score)
print("Test accuracy:", accuracy)
