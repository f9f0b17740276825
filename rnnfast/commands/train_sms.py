"""Train a spam classifier on the SMS Spam Collection.

Embedding, SimpleRNN with tanh, dropout, Dense with two logits; RMSprop on the softmax cross-entropy, and TensorFlow 1's
initial weights. TensorFlow 1's own RMSprop, which starts its mean square at 1, is `--initial-accumulator 1`: 20 epochs
of its small first steps end at a test accuracy of 0.88 (there as here), against 0.93. Saves plots of loss and accuracy
over the epochs.
"""

from __future__ import annotations

import argparse
import math
import statistics

import rnnfast
from rnnfast import plots
from rnnfast.commands.epochs import Curves, EpochReport
from rnnfast.commands.options import Failure, add_common, number, require, size
from rnnfast.datasets import sms_spam
from rnnfast.datasets.sms_spam import SmsSpam
from rnnfast.initializers import Constant, RandomUniform, TruncatedNormal
from rnnfast.layers import Dense, Dropout, Embedding, SimpleRNN
from rnnfast.losses import SparseCategoricalCrossentropy
from rnnfast.optimizers import RMSprop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--epochs", type=size, default=20, help="passes over the training messages")
    parser.add_argument("--batch-size", type=size, default=250, help="messages in a step")
    parser.add_argument("--maxlen", type=size, default=25, help="steps of a message; of a longer one the end is kept")
    parser.add_argument("--hidden", type=size, default=10, help="units of the recurrent layer")
    parser.add_argument("--embedding", type=size, default=50, help="length of a word vector")
    parser.add_argument("--learning-rate", type=number(0), default=0.0005, help="of RMSprop")
    parser.add_argument(
        "--keep", type=number(0, 1, above=True), default=0.5, help="part of the outputs that dropout keeps"
    )
    parser.add_argument(
        "--initial-accumulator",
        type=number(0),
        default=0.0,
        help="RMSprop's first mean square: 0 as everywhere but in TensorFlow 1, whose 1 makes the first steps small",
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> None:
    """Trains, and prints as it goes."""
    require("matplotlib")
    try:
        data = sms_spam.load_data(maxlen=arguments.maxlen, seed=arguments.seed)
    except ValueError as error:
        raise Failure(str(error)) from error
    print(data.texts[:5])
    print(data.shape)
    print(data.x_train)
    print(f"Vocabulary Size: {data.vocabulary_size}")
    print(f"80-20 Train Test split: {len(data.y_train)} -- {len(data.y_test)}")
    model = build(arguments, data.input_dim)
    model.summary()
    curves = train(model, data, arguments.batch_size, arguments.epochs)
    print("Test loss:", curves.test_loss[-1])
    print("Test accuracy:", curves.test_accuracy[-1])
    print(f"Seconds of training an epoch: median {statistics.median(curves.seconds):.3f}")
    loss, accuracy = arguments.out / "sms_loss.png", arguments.out / "sms_accuracy.png"
    plots.train_and_test(loss, curves.train_loss, curves.test_loss, title="Softmax Loss", ylabel="Softmax Loss")
    plots.train_and_test(
        accuracy, curves.train_accuracy, curves.test_accuracy, title="Test Accuracy", ylabel="Accuracy"
    )
    print(f"Plots: {loss}, {accuracy}")


def build(arguments: argparse.Namespace, input_dim: int) -> rnnfast.Sequential:
    """The model, compiled.

    TensorFlow 1 has one kernel (embedding + hidden, hidden) for input and state, and draws it by Glorot's rule for
    that shape: both halves come from the same range, which is not the one that either would have alone.
    """
    limit = math.sqrt(6 / (arguments.embedding + 2 * arguments.hidden))
    joint = RandomUniform(-limit, limit)
    model = rnnfast.Sequential(
        [
            Embedding(input_dim, arguments.embedding, embeddings_initializer=RandomUniform(-1, 1)),
            SimpleRNN(arguments.hidden, kernel_initializer=joint, recurrent_initializer=joint),
            Dropout(1 - arguments.keep),
            Dense(2, kernel_initializer=TruncatedNormal(stddev=0.1), bias_initializer=Constant(0.1)),
        ],
        seed=arguments.seed,
        backend=arguments.backend,
    )
    optimizer = RMSprop(
        arguments.learning_rate, rho=0.9, epsilon=1e-10, initial_accumulator=arguments.initial_accumulator
    )
    model.compile(optimizer, SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def train(model: rnnfast.Sequential, data: SmsSpam, batch_size: int, epochs: int) -> Curves:
    """Fits the model; the figures of both sets are from a full pass after each epoch, without dropout."""
    train_set, test_set = (data.x_train, data.y_train), (data.x_test, data.y_test)
    report = EpochReport(test_set, train=train_set)
    model.fit(*train_set, batch_size=batch_size, epochs=epochs, callbacks=[report], verbose=0)
    return report.curves
