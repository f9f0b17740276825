"""A recurrent layer of rnnfast inside of JAX: which of two numbers came up more often? python examples/jax_rnn.py"""

import jax
import jax.numpy as jnp

from rnnfast.jax import rnn

INPUTS, UNITS, STEPS, BATCH = 2, 16, 15, 256


def init(key):
    inward, outward = jax.random.split(key)
    return {
        "w_ih": 0.1 * jax.random.normal(inward, (UNITS, INPUTS)),
        "w_hh": jnp.eye(UNITS),
        "b": jnp.zeros(UNITS),
        "out": jax.random.normal(outward, (UNITS,)) / UNITS**0.5,
    }


def loss(params, numbers):
    x = jax.nn.one_hot(numbers, INPUTS)  # (T, B, I): time first
    _, h_n = rnn(x, params["w_ih"], params["w_hh"], params["b"])
    logits, more_ones = h_n @ params["out"], numbers.mean(0) > 0.5
    return jnp.mean(jnp.logaddexp(0, -jnp.where(more_ones, logits, -logits)))


@jax.jit
def train(params, key):
    value, grads = jax.value_and_grad(loss)(params, jax.random.randint(key, (STEPS, BATCH), 0, INPUTS))
    return value, jax.tree.map(lambda parameter, grad: parameter - 0.02 * grad, params, grads)


params = init(jax.random.key(0))
for step, key in enumerate(jax.random.split(jax.random.key(1), 501)):
    value, params = train(params, key)
    if step % 100 == 0:
        print(f"step {step}: loss {value:.3f}")
