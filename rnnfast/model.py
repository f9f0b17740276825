"""A model: layers one after the other, compiled with a loss and an optimizer, fitted, evaluated, used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from rnnfast import checkpoint, fitting, folding, losses, optimizers
from rnnfast.arguments import check_number
from rnnfast.callbacks import Callback, History
from rnnfast.configuration import NOTHING, decode, encode
from rnnfast.fitting import Data
from rnnfast.layers import Dense, Layer
from rnnfast.layout import as_rows, from_rows
from rnnfast.losses import Loss
from rnnfast.metrics import Metric, resolve
from rnnfast.optimizers import Optimizer
from rnnfast.parameters import Parameter
from rnnfast.problem import check_size
from rnnfast.stack import Stack
from rnnfast.typing import Array, Seed


class Sequential(Stack):
    """Layers one after the other.

    Weights are made when the shape of the input is known: by the first batch, by `build`, or at once where the first
    layer is an Embedding or has an `input_shape`.

    Args:
        layers: to be added in this order.
        seed: of initial weights, shuffling and dropout; with the same seed, data and machine a run has the same bits.
        backend: of the recurrence, for layers that name none; see `rnnfast.backends`.
        dtype: "float32" or "float64", of weights and activations.
        name: for the summary.

    Attributes:
        epochs_done: the number of epochs that `fit` has finished, also those before the model was saved and loaded.

    Raises:
        ValueError, TypeError: an option that is not known; a layer that does not fit where it stands.
    """

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        *,
        seed: Seed = None,
        backend: str = "auto",
        dtype: str = "float32",
        name: str = "sequential",
    ) -> None:
        self.stop_training = False
        self.epochs_done = 0
        self._optimizer: Optimizer | None = None
        self._optimizer_ready = False
        self._metrics: list[Metric] = []
        super().__init__(layers, seed=seed, backend=backend, dtype=dtype, name=name)

    def add(self, layer: Layer) -> None:
        """As `Stack.add`; a model that is compiled must be compiled again."""
        super().add(layer)
        self._release_optimizer()

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer that the model is compiled with."""
        self._check_compiled()
        return cast(Optimizer, self._optimizer)

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` and `train_on_batch` return, in this order."""
        return ["loss", *(metric.name for metric in self._metrics)] if self._optimizer else []

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: str | Loss | None = None,
        metrics: Sequence[str | Callable[..., Any]] = (),
    ) -> None:
        """Says how to train.

        A last layer Dense with the activation that belongs to the loss (sigmoid, softmax) is trained through its
        logits, exactly; see `rnnfast.losses`.

        Args:
            optimizer: "sgd", "rmsprop", "adam", or an object that no other model uses.
            loss: a name or an object of `rnnfast.losses`.
            metrics: see `rnnfast.metrics.resolve`.

        Raises:
            ValueError, TypeError: a name that is not known, or another type; the model stays as it was.
        """
        if loss is None:
            raise ValueError(f"loss: expected one of {', '.join(losses.KNOWN)} or a Loss, got None")
        if not self.layers:
            raise ValueError("layers: expected at least one before compile, got none")
        new_optimizer, new_loss = optimizers.get(optimizer), losses.get(loss)
        last = self.layers[-1]
        fused = losses.on_logits(new_loss, last.activation.name) if isinstance(last, Dense) else None
        logits = fused is not None or getattr(new_loss, "from_logits", False)
        new_metrics = resolve(metrics, new_loss, scores_are_logits=logits)
        self._release_optimizer()
        self._optimizer, self._metrics = new_optimizer, new_metrics
        self._compiled_with = {"optimizer": new_optimizer, "loss": new_loss, "metrics": list(metrics)}
        self._loss = fused or new_loss
        self._head = last if fused is not None and isinstance(last, Dense) else None

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile` as what JSON can hold; None if the model is not compiled.

        Raises:
            TypeError: a loss or a metric that JSON cannot hold.
        """
        return {name: encode(name, value) for name, value in self._compiled_with.items()} if self._optimizer else None

    def compile_from_config(self, config: Mapping[str, Any], custom_objects: Mapping[str, Any] = NOTHING) -> None:
        """Compiles with what `get_compile_config` returned; raises as `compile` and `Layer.from_config` do."""
        self.compile(**{name: decode(value, custom_objects) for name, value in config.items()})

    def save(self, path: str | Path) -> None:
        """Writes all of the model and of its training to one safetensors file, for `rnnfast.load_model`.

        The file appears whole or not at all, whenever the process is killed. It holds the architecture, the weights,
        the optimizer with its state, the states of stateful layers and of the random generators, and the number of
        epochs: training that goes on from it, after an epoch of `fit` or after any batch of `train_on_batch`, comes to
        the same weights, to the bit, as training that never stopped. Saving changes nothing.

        Raises:
            ValueError: the model is not built. TypeError: an object without a configuration (see
            `rnnfast.configuration`). ImportError: no safetensors. OSError: the folder cannot be written to.
        """
        checkpoint.save(self, path)

    def fit(
        self,
        x: object,
        y: object,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[object, object] | None = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
    ) -> History:
        """Trains, and goes on from where an earlier call stopped.

        Losses and metrics of an epoch are means over its samples while the weights move. The last batch of an epoch
        is smaller where batch_size does not divide the samples.

        Args:
            x: inputs, (n, T) integers for an Embedding, otherwise real numbers (n, ...).
            y: targets, see the loss.
            batch_size: samples in a batch.
            epochs: number of the last epoch.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch; "auto" a bar on a terminal, else silent.
            callbacks: called after the history, in this order.
            validation_split: fraction 0..1 of the samples, taken from the end before shuffling, to evaluate on.
            validation_data: (x, y) to evaluate on after each epoch; in place of validation_split.
            shuffle: a new order for each epoch.
            initial_epoch: number of epochs that count as done.

        Returns:
            The history: for each epoch loss and metrics, and with "val_" those of the validation.

        Raises:
            ValueError, TypeError: an argument out of range or of another shape; the weights stay as they were.
            RuntimeError: the model is not compiled.
        """
        data = self.data(x, y)
        if validation_data is not None:
            if check_number("validation_split", validation_split):
                raise ValueError(f"validation_split: expected 0 with validation_data, got {validation_split}")
            if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
                raise TypeError(f"validation_data: expected (x, y), got {type(validation_data).__name__}")
            validation: Data | None = self.data(*validation_data)
        else:
            data, validation = fitting.split(data, validation_split)
        return fitting.fit(
            self,
            data,
            validation,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks or (),
            shuffle=shuffle,
            initial_epoch=initial_epoch,
        )

    def evaluate(self, x: object, y: object, *, batch_size: int = 32, return_dict: bool = False) -> Any:
        """Loss and metrics over all samples: [loss, *metrics], the loss alone without metrics, or a dict of them.

        Raises:
            ValueError, TypeError: an argument out of range or of another shape. RuntimeError: not compiled.
        """
        check_size("batch_size", batch_size)
        return self._report(fitting.evaluate(self, self.data(x, y), batch_size), return_dict)

    def predict(self, x: object, *, batch_size: int = 32) -> Array:
        """The outputs for all samples, computed in batches; where `rnnfast.folding` applies, all at once.

        Raises:
            ValueError, TypeError: an argument out of range or of another shape.
        """
        check_size("batch_size", batch_size)
        inputs = self.inputs(x)
        self.check_stateful(len(inputs), batch_size)
        states = folding.last_states(self.layers, inputs)
        if states is None:
            return np.concatenate([self._forward(inputs[batch]) for batch in fitting.batches(len(inputs), batch_size)])
        return self._forward(states, self.layers[2:])

    def train_on_batch(self, x: object, y: object, *, return_dict: bool = False) -> Any:
        """One step on one batch; loss and metrics before the step, as `evaluate` returns them.

        Raises:
            ValueError, TypeError: an argument out of range or of another shape; nothing is changed then.
            RuntimeError: not compiled.
        """
        return self._report(self.train_step(self.data(x, y)), return_dict)

    def test_on_batch(self, x: object, y: object, *, return_dict: bool = False) -> Any:
        """As `evaluate`, for one batch."""
        return self._report(self.test_step(self.data(x, y)), return_dict)

    def predict_on_batch(self, x: object) -> Array:
        """As `predict`, for one batch."""
        return self._forward(self.inputs(x))

    def data(self, x: object, y: object) -> Data:
        """x and y as the first layer and the loss take them, checked; builds the model and the optimizer.

        Raises:
            ValueError, TypeError: x or y does not fit. RuntimeError: not compiled.
        """
        self._check_compiled()
        inputs = self.inputs(x)
        shape = cast(tuple[int, ...], self._output_shape(inputs.shape))  # of known sizes, as that of the inputs
        targets = self._loss.targets(y, shape, self.dtype)
        if not self._optimizer_ready:
            self.build_optimizer([p for layer in self.layers if layer.trainable for p in layer.parameters])
        return Data(inputs, targets)

    def build_optimizer(self, parameters: Sequence[Parameter]) -> None:
        """Makes the optimizer's state for these parameters of the model, once."""
        self.optimizer.build(parameters)
        self._optimizer_ready = True

    def train_step(self, data: Data) -> list[float]:
        """One step on one batch that is checked: the loss and the metrics before the step."""
        values, gradient = self._objective(data, training=True)
        layers = self.layers
        if self._head is not None:
            layers = layers[:-1]
            gradient = self._head.affine_backward(gradient)
        for layer in reversed(layers):
            gradient = layer.backward(gradient)  # type: ignore[assignment]  # None only below the first layer
        self.optimizer.step()
        return values

    def test_step(self, data: Data) -> list[float]:
        """The loss and the metrics of one batch that is checked."""
        return self._objective(data, training=False)[0]

    def _objective(self, data: Data, training: bool) -> tuple[list[float], Array]:
        """[loss, *metrics], and the gradient of the loss by the scores: logits where loss and last layer fuse."""
        x = data.x
        for layer in self.layers[:-1]:
            x = layer.forward(x, training)
        head = self._head
        scores = self.layers[-1].forward(x, training) if head is None else head.affine(x, training)
        value, gradient = self._loss.value_and_gradient(targets=data.y, predictions=scores)
        values = [value]
        for metric in self._metrics:
            if metric.on_scores or head is None:
                values.append(metric.function(data.y, scores))
            else:
                predictions = from_rows(head.activation.forward(as_rows(scores)), scores.shape)
                values.append(float(metric.function(data.y, predictions)))
        return values, gradient

    def _report(self, values: list[float], return_dict: bool) -> Any:
        if return_dict:
            return dict(zip(self.metrics_names, values, strict=True))
        return values if self._metrics else values[0]

    def _check_compiled(self) -> None:
        if self._optimizer is None:
            raise RuntimeError("the model is not compiled: call compile(optimizer, loss) first")

    def _release_optimizer(self) -> None:
        """Ends the work of the optimizer so far; what it owed is paid."""
        if self._optimizer is not None:
            self._optimizer.release()
        self._optimizer, self._optimizer_ready = None, False
