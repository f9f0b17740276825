"""A model: layers one after the other, compiled with a loss and an optimizer, fitted, evaluated, used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from rnnfast import checkpoint, fitting, folding, inputs, losses, optimizers, sample_weights
from rnnfast.arguments import check_count
from rnnfast.callbacks import Callback, History
from rnnfast.configuration import NOTHING, decode, encode
from rnnfast.layers import Dense, Layer
from rnnfast.layers.activity_regularization import ActivityPenalty
from rnnfast.layout import as_rows, from_rows
from rnnfast.losses import Loss, masked_weights
from rnnfast.metrics import Metric, Scored, metric_values, resolve
from rnnfast.optimizers import Optimizer
from rnnfast.parameters import Parameter
from rnnfast.problem import check_size
from rnnfast.profiler.spans import span
from rnnfast.sources import Data, batches
from rnnfast.stack import Stack
from rnnfast.typing import Array, Seed


class Sequential(Stack):
    """Layers one after the other.

    Weights are made when the shape of the input is known: by the first batch, by `build`, or at once where the first
    layer is an Embedding or has an `input_shape`.

    Args:
        layers: to be added in this order.
        seed: of initial weights, shuffling and dropout; with the same seed, data and machine a run has the same bits.
        backend: of the recurrence, for layers that name none; see `rnnfast.backends`. It also says where the model
            lies: with "cupy" weights, activations, gradients and the optimizer's state are arrays on the GPU. Data go
            in and predictions come out as arrays of NumPy all the same; see docs/gpu.md, "Training on the GPU".
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
        self.metrics: list[Metric] = []
        self._regularized: list[Parameter] = []
        super().__init__(layers, seed=seed, backend=backend, dtype=dtype, name=name)

    def add(self, layer: Layer) -> None:
        """As `Stack.add`; a model that is compiled must be compiled again."""
        super().add(layer)
        self._release_optimizer()

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer that the model is compiled with."""
        self.check_compiled()
        assert self._optimizer is not None
        return self._optimizer

    def check_compiled(self) -> None:
        """RuntimeError unless `compile` has been called since the last layer was added."""
        if self._optimizer is None:
            raise RuntimeError("the model is not compiled: call compile(optimizer, loss) first")

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` and `train_on_batch` return, in this order."""
        return [metric.name for metric in self.metrics] if self._optimizer else []

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: str | Loss | None = None,
        metrics: Sequence[str | Metric | Callable[..., Any]] = (),
        weighted_metrics: Sequence[str | Metric] = (),
    ) -> None:
        """Says how to train.

        A last layer Dense with the activation that belongs to the loss (sigmoid, softmax) and no activity_regularizer
        is trained through its logits, exactly; see `rnnfast.losses`.

        Args:
            optimizer: a name in `rnnfast.optimizers.KNOWN`, or an object that no other model uses.
            loss: a name or an object of `rnnfast.losses`.
            metrics: see `rnnfast.metrics.resolve`. Weights of samples do not enter.
            weighted_metrics: the same with the weights of samples.

        Raises:
            ValueError, TypeError: a name that is not known, or another type; the model stays as it was.
        """
        if loss is None:
            raise ValueError(f"loss: expected one of {', '.join(losses.KNOWN)} or a Loss, got None")
        if not self.layers:
            raise ValueError("layers: expected at least one before compile, got none")
        new_optimizer, new_loss = optimizers.get(optimizer), losses.get(loss)
        new_metrics = resolve(metrics, new_loss, weighted=weighted_metrics)
        last, fused = self.layers[-1], None
        if isinstance(last, Dense) and last.activity_regularizer is None:
            fused = losses.on_logits(new_loss, last.function.name)
        self._release_optimizer()
        self._optimizer, self.metrics = new_optimizer, new_metrics
        self._compiled_with = {
            "optimizer": new_optimizer,
            "loss": new_loss,
            "metrics": list(metrics),
            "weighted_metrics": list(weighted_metrics),
        }
        self._loss = fused or new_loss
        self._on_logits = bool(getattr(self._loss, "from_logits", False))
        self._head = last if fused is not None and isinstance(last, Dense) else None
        self._path = [
            (layer, None if layer.activity_regularizer is None else ActivityPenalty(layer.activity_regularizer))
            for layer in self.layers
        ]

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
        y: object = None,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: object = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: object = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
    ) -> History:
        """Trains, and goes on from where an earlier call stopped.

        Losses and metrics of an epoch are those of all its samples while the weights move. The last batch of an epoch
        is smaller where batch_size does not divide the samples.

        Args:
            x: inputs, (n, T) integers for an Embedding, otherwise real numbers (n, ...); or, without y, an iterable
                of batches (x, y) or (x, y, sample_weight), which may differ in size and in length.
            y: targets, see the loss.
            batch_size: samples in a batch, of arrays.
            epochs: number of the last epoch.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch; "auto" a bar on a terminal, else silent.
            callbacks: called after the history, in this order.
            validation_split: fraction 0..1 of the samples, taken from the end before shuffling, to evaluate on.
            validation_data: (x, y), (x, y, sample_weight) or an iterable of such batches to evaluate on after each
                epoch; in place of validation_split.
            shuffle: a new order for each epoch, of arrays.
            class_weight: {class: weight}, what the samples of a class count in the loss; 1 for other classes.
            sample_weight: what each sample counts in the loss, (n,), or each of its steps, (n, T); at least 0.
            initial_epoch: number of epochs that count as done.
            steps_per_epoch: batches of an iterable in an epoch, where the next goes on; by default all of them.
            validation_steps: the same for an iterable as validation_data.

        Returns:
            The history: for each epoch loss and metrics, and with "val_" those of the validation.

        Raises:
            ValueError, TypeError: an argument out of range or of another shape; the weights stay as they were, unless
                it is a later batch of an iterable.
            RuntimeError: the model is not compiled.
        """
        check_size("epochs", epochs)
        check_count("initial_epoch", initial_epoch)
        numbers = range(initial_epoch, epochs)
        training, validation = inputs.for_fit(
            self,
            x,
            y,
            batch_size=batch_size,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            passes=len(numbers),
        )
        return fitting.fit(self, training, validation, epochs=numbers, verbose=verbose, callbacks=callbacks or ())

    def evaluate(
        self,
        x: object,
        y: object = None,
        *,
        batch_size: int = 32,
        sample_weight: object = None,
        steps: int | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over all samples: [loss, *metrics], the loss alone without metrics, or a dict of them.

        Args:
            x, y, batch_size, sample_weight: as for `fit`.
            steps: batches of an iterable; by default all of them.
            return_dict: whether to return a dict.

        Raises:
            ValueError, TypeError: an argument out of range or of another shape. RuntimeError: not compiled.
        """
        source = inputs.for_evaluate(self, x, y, sample_weight=sample_weight, batch_size=batch_size, steps=steps)
        return self._report(fitting.evaluate(self, source), return_dict)

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
            return np.concatenate([self._forward(inputs[batch]) for batch in batches(len(inputs), batch_size)])
        return self._forward(states, self.layers[2:])

    def train_on_batch(
        self,
        x: object,
        y: object,
        *,
        sample_weight: object = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on one batch; loss and metrics before the step, as `evaluate` returns them.

        Raises:
            ValueError, TypeError: an argument out of range or of another shape; nothing is changed then.
            RuntimeError: not compiled.
        """
        statistics = self.train_step(self.batch(x, y, sample_weight, class_weight))
        return self._report(metric_values(self.metrics, statistics), return_dict)

    def test_on_batch(self, x: object, y: object, *, sample_weight: object = None, return_dict: bool = False) -> Any:
        """As `evaluate`, for one batch."""
        statistics = self.test_step(self.batch(x, y, sample_weight))
        return self._report(metric_values(self.metrics, statistics), return_dict)

    def predict_on_batch(self, x: object) -> Array:
        """As `predict`, for one batch."""
        inputs = self.inputs(x)
        self.check_stateful(len(inputs), len(inputs))
        return self._forward(inputs)

    def data(
        self,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> Data:
        """x, y and weights as the first layer and the loss take them, checked; builds the model and the optimizer.

        Raises:
            ValueError, TypeError: an argument does not fit. RuntimeError: not compiled.
        """
        self.check_compiled()
        inputs = self.inputs(x)
        shape = cast(tuple[int, ...], self._output_shape(inputs.shape))  # of known sizes, as that of the inputs
        targets = self._loss.targets(y, shape, self.dtype)
        weights = None
        if class_weight is not None:
            if sample_weight is not None:
                raise ValueError("class_weight: expected None with sample_weight, got both")
            weights = sample_weights.of_classes(class_weight, self._loss, targets, shape[-1], self.dtype)
        elif sample_weight is not None:
            weights = sample_weights.check(sample_weight, shape, self.dtype)
        if not self._optimizer_ready:
            self.build_optimizer([p for layer in self.layers if layer.trainable for p in layer.parameters])
        return Data(inputs, targets, weights)

    def batch(
        self,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> Data:
        """As `data`, for what goes through the layers at once: ValueError also where a stateful one cannot take it."""
        data = self.data(x, y, sample_weight, class_weight)
        self.check_stateful(len(data.x), len(data.x))
        return data

    def build_optimizer(self, parameters: Sequence[Parameter]) -> None:
        """Makes the optimizer's state for these parameters of the model, once."""
        self.optimizer.build(parameters)
        self._regularized = [parameter for parameter in parameters if parameter.regularizer is not None]
        for number, layer in enumerate(self.layers):
            layer.wants_dx = any(before.parameters for before in self.layers[:number])
        self._optimizer_ready = True

    def train_step(self, data: Data) -> list[Array]:
        """One step on one batch that is checked: the statistics of loss and metrics before the step."""
        gradient: Array | None
        statistics, gradient = self._objective(data, training=True)
        head = self._head
        for layer, penalty in reversed(self._path):
            if gradient is None:  # no layer below has weights
                break
            with span(layer.name, "backward"):
                if penalty is not None:
                    gradient = penalty.backward(gradient)
                gradient = layer.affine_backward(gradient) if layer is head else layer.backward(gradient)
        with span("optimizer"):
            for parameter in self._regularized:
                parameter.add_penalty_gradient()
            self.optimizer.step()
        return statistics

    def test_step(self, data: Data) -> list[Array]:
        """The statistics of loss and metrics of one batch that is checked."""
        return self._objective(data, training=False)[0]

    def _objective(self, data: Data, training: bool) -> tuple[list[Array], Array]:
        """Statistics of loss and metrics, and the gradient of the loss by the scores.

        The scores are the logits where the loss and the last layer fuse, else the output.
        """
        upload, head = self.home.upload, self._head
        scores, targets = upload(data.x), upload(data.y)
        sample_weight = None if data.weights is None else upload(data.weights)
        mask: Array | None = None
        added: Any = 0.0
        for layer, penalty in self._path:
            with span(layer.name, "forward"):
                y = layer.affine(scores, training) if layer is head else layer.forward(scores, training, mask)
                scores, mask = y, layer.compute_mask(scores, mask)
                if penalty is not None:
                    added += penalty.forward(scores)
        with span("loss"):
            for parameter in self._regularized:
                added += parameter.penalty()
            loss = self._loss.evaluate(targets=targets, predictions=scores, weights=sample_weight, mask=mask)

        def output() -> Array:
            return scores if head is None else from_rows(head.function.forward(as_rows(scores)), scores.shape)

        counted = None if mask is None else masked_weights(None, mask, scores.dtype)
        weights = sample_weight if mask is None else masked_weights(sample_weight, mask, scores.dtype)
        plain = Scored(targets, scores, self._on_logits, output, loss.value + added, loss.terms, counted)
        batch = plain._replace(weights=weights)
        with span("metrics"):
            statistics = [metric.statistic(batch if metric.weighted else plain) for metric in self.metrics]
        return statistics, loss.gradient

    def _report(self, values: list[float], return_dict: bool) -> Any:
        if return_dict:
            return dict(zip(self.metrics_names, values, strict=True))
        return values if len(values) > 1 else values[0]

    def _release_optimizer(self) -> None:
        """Ends the work of the optimizer so far; what it owed is paid."""
        if self._optimizer is not None:
            self._optimizer.release()
        self._optimizer, self._optimizer_ready = None, False
