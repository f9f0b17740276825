"""A model to ONNX and back, beside ONNX Runtime where that is installed: python examples/onnx_model.py [FILE]"""

import sys
from importlib.util import find_spec

import numpy as np

import rnnfast
import rnnfast.onnx
from rnnfast.layers import Bidirectional, Dense, Embedding, SimpleRNN

path = sys.argv[1] if len(sys.argv) > 1 else "model.onnx"
rng = np.random.default_rng(0)
words = rng.integers(1, 100, (64, 12))
words[:, 8:] = 0  # padding

model = rnnfast.Sequential(
    [Embedding(100, 16, mask_zero=True), Bidirectional(SimpleRNN(8)), Dense(1, activation="sigmoid")], seed=0
)
model.compile("adam", "binary_crossentropy")
model.fit(words, words[:, 0] % 2, epochs=3)
rnnfast.onnx.export(model, path)

loaded = rnnfast.onnx.load(path)
print("inputs:", *loaded.inputs)
print("outputs:", *loaded.outputs)
print(f"largest difference: {np.abs(loaded(words) - model.predict(words)).max():.1e}")

if find_spec("onnxruntime"):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {"x": words})
    print(f"largest difference, ONNX Runtime: {np.abs(outputs - model.predict(words)).max():.1e}")
