"""Ham or spam, with TensorFlow 1's initial weights and RMSProp: python examples/sms_spam.py [EPOCHS]"""

import math
import sys

import rnnfast
from rnnfast.datasets import sms_spam
from rnnfast.initializers import Constant, RandomUniform, TruncatedNormal
from rnnfast.layers import Dense, Dropout, Embedding, SimpleRNN
from rnnfast.losses import SparseCategoricalCrossentropy
from rnnfast.optimizers import RMSprop

EMBEDDING, HIDDEN = 50, 10
epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 20

data = sms_spam.load_data(maxlen=25, seed=0)
print(data.texts[:5])
print("Vocabulary size:", data.vocabulary_size)

limit = math.sqrt(6 / (EMBEDDING + 2 * HIDDEN))  # Glorot's rule for one kernel of input and state together
model = rnnfast.Sequential(
    [
        Embedding(data.input_dim, EMBEDDING, embeddings_initializer=RandomUniform(-1, 1)),
        SimpleRNN(
            HIDDEN,
            kernel_initializer=RandomUniform(-limit, limit),
            recurrent_initializer=RandomUniform(-limit, limit),
        ),
        Dropout(0.5),
        Dense(2, kernel_initializer=TruncatedNormal(stddev=0.1), bias_initializer=Constant(0.1)),
    ],
    seed=0,
)
optimizer = RMSprop(learning_rate=0.0005, rho=0.9, epsilon=1e-10)
model.compile(optimizer, SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
test = data.x_test, data.y_test
model.fit(data.x_train, data.y_train, batch_size=250, epochs=epochs, validation_data=test, verbose=2)
print("Test accuracy:", model.evaluate(*test, batch_size=250)[1])
