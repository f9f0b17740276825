"""Every update against a hand-written one, densely and by rows, over many steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import optimizers
from rnnfast.optimizers import SGD, Adagrad, Adam, AdamW, Nadam, RMSprop
from rnnfast.parameters import Parameter, RowGradient


def sgd(w, gradients, *, learning_rate=0.01, momentum=0.0, nesterov=False):
    w, m = w.copy(), np.zeros_like(w)
    for g in gradients:
        m = momentum * m - learning_rate * g
        w = w + (momentum * m - learning_rate * g if nesterov else m)
    return w


def rmsprop(
    w,
    gradients,
    *,
    learning_rate=1e-3,
    rho=0.9,
    momentum=0.0,
    epsilon=1e-7,
    centered=False,
    epsilon_inside=True,
    initial_accumulator=0.0,
):
    w, m, v, a = w.copy(), np.zeros_like(w), np.full_like(w, initial_accumulator), np.zeros_like(w)
    for g in gradients:
        v = rho * v + (1 - rho) * g**2
        a = rho * a + (1 - rho) * g
        variance = v - a**2 if centered else v
        m = momentum * m + learning_rate * g / (
            np.sqrt(variance + epsilon) if epsilon_inside else np.sqrt(variance) + epsilon
        )
        w = w - m
    return w


def adam(w, gradients, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    w, m, v = w.copy(), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        w = w - learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)
    return w


def adamw(w, gradients, *, learning_rate=1e-3, weight_decay=4e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    w, m, v = w.copy(), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        step = np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)
        w = w - learning_rate * weight_decay * w - learning_rate * step
    return w


def nadam(w, gradients, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    w, m, v = w.copy(), np.zeros_like(w), np.zeros_like(w)
    u = [beta_1 * (1 - 0.96**t / 2) for t in range(1, len(gradients) + 2)]
    for t, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        d = u[t] * m / (1 - np.prod(u[: t + 1])) + (1 - u[t - 1]) * g / (1 - np.prod(u[:t]))
        w = w - learning_rate * d / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
    return w


def adagrad(w, gradients, *, learning_rate=1e-3, initial_accumulator_value=0.1, epsilon=1e-7, epsilon_inside=True):
    w, v = w.copy(), np.full_like(w, initial_accumulator_value)
    for g in gradients:
        v = v + g**2
        w = w - learning_rate * g / (np.sqrt(v + epsilon) if epsilon_inside else np.sqrt(v) + epsilon)
    return w


TF1 = {"rho": 0.9, "epsilon": 1e-10, "initial_accumulator": 1.0}
CASES = [
    (SGD, sgd, {}),
    (SGD, sgd, {"learning_rate": 0.1, "momentum": 0.9}),
    (SGD, sgd, {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    (RMSprop, rmsprop, {}),
    (RMSprop, rmsprop, TF1),
    (RMSprop, rmsprop, {"rho": 0.99, "epsilon": 1e-8, "epsilon_inside": False}),
    (RMSprop, rmsprop, {"momentum": 0.9}),
    (RMSprop, rmsprop, {"centered": True, "epsilon": 1e-3}),
    (RMSprop, rmsprop, {"centered": True, "momentum": 0.5, "epsilon": 1e-3, "initial_accumulator": 0.5}),
    (Adam, adam, {}),
    (Adam, adam, {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    (AdamW, adamw, {}),
    (AdamW, adamw, {"learning_rate": 0.1, "weight_decay": 0.5, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    (Nadam, nadam, {}),
    (Nadam, nadam, {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    (Adagrad, adagrad, {}),
    (Adagrad, adagrad, {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    (Adagrad, adagrad, {"learning_rate": 0.1, "epsilon": 1e-3, "epsilon_inside": False}),
]
cases = pytest.mark.parametrize(("kind", "by_hand", "options"), CASES)


def apply(optimizer, parameters, gradients):
    """Runs the optimizer over a list of steps, each a list with one gradient a parameter."""
    if not optimizer.iterations:
        optimizer.build(parameters)
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.gradient = gradient
        optimizer.step()


@cases
def test_dense_update_is_the_one_by_hand(kind, by_hand, options):
    rng = np.random.default_rng(0)
    starts = [rng.standard_normal(shape) for shape in [(3, 4), (4,), (1, 1)]]
    parameters = [Parameter(str(i), start.copy()) for i, start in enumerate(starts)]
    gradients = [[rng.standard_normal(start.shape) for start in starts] for _ in range(20)]
    kept = [[g.copy() for g in step] for step in gradients]
    apply(kind(**options), parameters, gradients)
    for i, start in enumerate(starts):
        np.testing.assert_allclose(
            parameters[i].read(), by_hand(start, [step[i] for step in kept], **options), rtol=1e-12
        )
        np.testing.assert_array_equal([s[i] for s in gradients], [s[i] for s in kept])  # gradients are not used up


@cases
def test_float32_update_stays_float32(kind, by_hand, options):
    rng = np.random.default_rng(0)
    start = rng.standard_normal((5, 2)).astype(np.float32)
    gradients = [rng.standard_normal((5, 2)).astype(np.float32) for _ in range(5)]
    parameter = Parameter("w", start.copy())
    apply(kind(**options), [parameter], [[g] for g in gradients])
    assert parameter.read().dtype == np.float32
    expected = by_hand(start.astype(float), [g.astype(float) for g in gradients], **options)
    np.testing.assert_allclose(parameter.read(), expected, rtol=1e-5, atol=1e-6)


@cases
@settings(max_examples=25, deadline=None)
@given(
    touched=st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=6), min_size=1, max_size=25),
    seed=st.integers(0, 2**32),
)
def test_rows_move_as_a_dense_update_would_move_them(kind, by_hand, options, touched, seed):
    """Row 8 is never touched; the others are touched after gaps of any length, some twice in a step."""
    rng = np.random.default_rng(seed)
    start = rng.standard_normal((9, 3))
    parameter = Parameter("table", start.copy(), sparse=True)
    sparse, dense = [], []
    for ids in touched:
        values = rng.standard_normal((len(ids), 3))
        sparse.append([RowGradient(np.array(ids), values)])
        dense.append(np.zeros((9, 3)))
        np.add.at(dense[-1], ids, values)
    apply(kind(**options), [parameter], sparse)
    np.testing.assert_allclose(parameter.read(), by_hand(start, dense, **options), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("kind", "by_hand", "options"), [case for case in CASES if "momentum" in case[2]])
def test_a_row_is_settled_before_it_is_read(kind, by_hand, options):
    """Reading between the steps, and writing, does not disturb what follows."""
    rng = np.random.default_rng(1)
    start = rng.standard_normal((4, 2))
    parameter = Parameter("table", start.copy(), sparse=True)
    optimizer = kind(**options)
    dense = []
    for step in range(12):
        ids = np.array([0, 1] if step % 5 == 0 else [2])
        values = rng.standard_normal((ids.size, 2))
        dense.append(np.zeros((4, 2)))
        dense[-1][ids] = values
        apply(optimizer, [parameter], [[RowGradient(ids, values)]])
        if step % 3 == 0:
            parameter.settle(np.array([[1, 0], [1, 3]]))
            expected = by_hand(start, dense, **options)
            np.testing.assert_allclose(parameter.value[[0, 1, 3]], expected[[0, 1, 3]], rtol=1e-9)
        if step == 7:
            parameter.write(parameter.read() + 1)
            start = start + 1
    np.testing.assert_allclose(parameter.read(), by_hand(start, dense, **options), rtol=1e-9)


def test_rows_that_no_batch_touches_are_not_visited():
    """Without momentum not even the state of an untouched row is written."""
    parameter = Parameter("table", np.ones((5, 2)), sparse=True)
    optimizer = RMSprop(initial_accumulator=1.0)
    optimizer.build([parameter])
    for ids in ([1], [1], [3], [1]):
        parameter.gradient = RowGradient(np.array(ids), np.ones((1, 2)))
        optimizer.step()
    state = optimizer.state()
    np.testing.assert_array_equal(state["table0/last_step"], [0, 4, 0, 3, 0])
    np.testing.assert_array_equal(state["table0/accumulator"][[0, 2, 4]], np.ones((3, 2)))
    assert parameter.settle is None


@pytest.mark.parametrize("gradient", [1e-2, 1e-3])
def test_first_step_of_keras_and_of_tensorflow_1(gradient):
    """From v = 0 the first step is 3.16 lr whatever the gradient; from v = 1 it is about 1.05 lr g."""
    keras, tf1 = Parameter("w", np.zeros(1)), Parameter("w", np.zeros(1))
    apply(RMSprop(0.1), [keras], [[np.array([gradient])]])
    apply(RMSprop(0.1, **TF1), [tf1], [[np.array([gradient])]])
    assert -keras.value[0] == pytest.approx(0.1 / np.sqrt(0.1 + 1e-7 / gradient**2))
    assert -tf1.value[0] == pytest.approx(1.054 * 0.1 * gradient, rel=1e-3)


def clipped(gradients, clip, limit):
    if clip == "clipvalue":
        return [np.clip(g, -limit, limit) for g in gradients]
    norms = [np.sqrt((g**2).sum()) for g in gradients]
    if clip == "global_clipnorm":
        norms = [np.sqrt(sum(norm**2 for norm in norms))] * len(gradients)
    return [g * min(1, limit / norm) for g, norm in zip(gradients, norms, strict=True)]


@pytest.mark.parametrize("limit", [0.5, 3.0, 100.0])
@pytest.mark.parametrize("clip", ["clipvalue", "clipnorm", "global_clipnorm"])
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_clipping_dense_and_by_rows(kind, clip, limit):
    """A row that occurs twice is clipped as the sum of its gradients; Adam takes the table densely, SGD by rows."""
    rng = np.random.default_rng(0)
    starts = [rng.standard_normal((5, 2)), rng.standard_normal((3,))]
    parameters = [Parameter("table", starts[0].copy(), sparse=True), Parameter("w", starts[1].copy())]
    ids, values, g = np.array([1, 4, 1]), rng.standard_normal((3, 2)), rng.standard_normal(3)
    table = np.zeros((5, 2))
    np.add.at(table, ids, values)
    apply(kind(0.1, **{clip: limit}), parameters, [[RowGradient(ids, values), g]])
    by_hand = sgd if kind is SGD else adam
    for parameter, start, gradient in zip(parameters, starts, clipped([table, g], clip, limit), strict=True):
        np.testing.assert_allclose(parameter.read(), by_hand(start, [gradient], learning_rate=0.1), rtol=1e-12)


@cases
def test_state_saved_and_loaded_goes_on_to_the_bit(kind, by_hand, options):
    def parameters():
        rng = np.random.default_rng(3)
        return [Parameter("table", rng.standard_normal((6, 2)), sparse=True), Parameter("w", rng.standard_normal(3))]

    rng = np.random.default_rng(4)
    steps = [
        [RowGradient(rng.integers(0, 6, 2), rng.standard_normal((2, 2))), rng.standard_normal(3)] for _ in range(9)
    ]
    whole, first, second = parameters(), parameters(), parameters()
    apply(kind(**options), whole, steps)
    optimizer = kind(**options)
    apply(optimizer, first, steps[:5])
    resumed = kind(**options)
    resumed.build(second)
    resumed.load_state(optimizer.state())
    for there, here in zip(second, first, strict=True):
        there.value[...] = here.value
    apply(resumed, second, steps[5:])
    for expected, parameter in zip(whole, second, strict=True):
        np.testing.assert_array_equal(parameter.read(), expected.read())


def test_state_of_another_optimizer_changes_nothing():
    optimizer, other = RMSprop(), SGD(momentum=0.5)
    apply(optimizer, [Parameter("w", np.ones(2))], [[np.ones(2)]])
    apply(other, [Parameter("w", np.ones(2))], [[np.ones(2)]])
    before = optimizer.state()
    with pytest.raises(ValueError, match=r"state: expected .*accumulator.*got .*velocity"):
        optimizer.load_state(other.state())
    assert optimizer.state().keys() == before.keys()
    np.testing.assert_array_equal(optimizer.state()["dense/accumulator"], before["dense/accumulator"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [AdamW, Adagrad, Nadam])
def test_defaults_are_those_of_keras(kind, keras):
    rng = np.random.default_rng(0)
    start = rng.standard_normal((4, 3)).astype(np.float32)
    gradients = rng.standard_normal((8, 4, 3)).astype(np.float32)
    parameter, variable = Parameter("w", start.copy()), keras.Variable(start)
    theirs = getattr(keras.optimizers, kind.__name__)()
    apply(kind(), [parameter], [[g] for g in gradients])
    for g in gradients:
        theirs.apply([keras.ops.convert_to_tensor(g)], [variable])
    assert kind().learning_rate == pytest.approx(float(theirs.learning_rate))
    np.testing.assert_allclose(parameter.value - start, keras.ops.convert_to_numpy(variable) - start, atol=2e-6)


@pytest.mark.parametrize(
    ("optimizer", "name", "options", "tolerance"),
    [
        # torch adds epsilon to another root, so none
        (AdamW(0.1, weight_decay=0.01, epsilon=0), "AdamW", {"lr": 0.1, "weight_decay": 0.01, "eps": 0}, 1e-12),
        # its NAdam has Keras's momentum with momentum_decay 1, and keeps their product in float32
        (Nadam(0.1, epsilon=1e-8), "NAdam", {"lr": 0.1, "eps": 1e-8, "momentum_decay": 1}, 1e-8),
        (Adagrad(0.01, initial_accumulator_value=0, epsilon=1e-10, epsilon_inside=False), "Adagrad", {}, 1e-12),
    ],
)
def test_updates_are_those_of_torch(optimizer, name, options, tolerance):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal((4, 3)), rng.standard_normal((8, 4, 3))
    parameter, tensor = Parameter("w", start.copy()), torch.tensor(start, requires_grad=True)
    theirs = getattr(torch.optim, name)([tensor], **options)
    apply(optimizer, [parameter], [[g] for g in gradients])
    for g in gradients:
        tensor.grad = torch.tensor(g)
        theirs.step()
    np.testing.assert_allclose(parameter.value, tensor.detach().numpy(), atol=tolerance)


def test_adagrad_visits_no_row_that_no_batch_touches():
    parameter = Parameter("table", np.ones((5, 2)), sparse=True)
    optimizer = Adagrad()
    apply(optimizer, [parameter], [[RowGradient(np.array([1, 3]), np.ones((2, 2)))]])
    np.testing.assert_array_equal(optimizer.state()["table0/accumulator"][[0, 2, 4]], np.full((3, 2), 0.1))
    assert parameter.settle is None


def test_learning_rate_may_change_between_steps():
    parameter = Parameter("w", np.zeros(1))
    optimizer = SGD(0.5)
    apply(optimizer, [parameter], [[np.ones(1)]])
    optimizer.learning_rate = 0.25
    apply(optimizer, [parameter], [[np.ones(1)]])
    assert parameter.value[0] == -0.75


def test_names():
    assert isinstance(optimizers.get("sgd"), SGD)
    assert isinstance(optimizers.get("rmsprop"), RMSprop)
    for name, kind in optimizers.KNOWN.items():
        assert type(optimizers.get(name)).__name__.lower() == name
        assert type(optimizers.get(name)) is kind
    assert optimizers.get("adam") is not optimizers.get("adam")


def built():
    optimizer = SGD()
    optimizer.build([Parameter("w", np.zeros(1))])
    return optimizer


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optimizers.get("lion"), ValueError, "optimizer: expected one of adagrad, adam, .*sgd, got 'lion'"),
        (lambda: optimizers.get(SGD), TypeError, "optimizer: expected a name or an Optimizer"),
        (lambda: SGD(-0.1), ValueError, "learning_rate: expected .*at least 0.*got -0.1"),
        (lambda: SGD("0.1"), TypeError, "learning_rate: expected a number, got '0.1'"),
        (lambda: SGD(float("nan")), ValueError, "learning_rate: .*got nan"),
        (lambda: SGD(momentum=1.0), ValueError, "momentum: expected .*less than 1, got 1.0"),
        (lambda: SGD(nesterov="yes"), TypeError, "nesterov: expected a bool, got 'yes'"),
        (lambda: RMSprop(rho=1.5), ValueError, "rho: expected .*at most 1, got 1.5"),
        (lambda: RMSprop(epsilon=-1), ValueError, "epsilon: expected .*got -1"),
        (lambda: RMSprop(centered=None), TypeError, "centered: expected a bool, got None"),
        (lambda: RMSprop(initial_accumulator=-1), ValueError, "initial_accumulator: expected .*got -1"),
        (lambda: Adam(beta_2=1), ValueError, "beta_2: expected .*less than 1, got 1"),
        (lambda: AdamW(weight_decay=-1), ValueError, "weight_decay: expected .*at least 0, got -1"),
        (lambda: AdamW(weight_decay=None), TypeError, "weight_decay: expected a number, got None"),
        (lambda: Nadam(beta_1=1.0), ValueError, "beta_1: expected .*less than 1, got 1.0"),
        (lambda: Nadam(-1), ValueError, "learning_rate: expected .*got -1"),
        (lambda: Adagrad(initial_accumulator_value=-1), ValueError, "initial_accumulator_value: expected .*got -1"),
        (lambda: Adagrad(epsilon="x"), TypeError, "epsilon: expected a number, got 'x'"),
        (lambda: Adagrad(epsilon_inside=1), TypeError, "epsilon_inside: expected a bool, got 1"),
        (lambda: Adam(clipnorm=-1), ValueError, "clipnorm: expected .*got -1"),
        (
            lambda: Adam(clipnorm=1, clipvalue=1),
            ValueError,
            "expected at most one way of clipping, got clipvalue and clip",
        ),
        (lambda: built().build([]), ValueError, "optimizer: expected one that no model uses"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
