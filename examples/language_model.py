"""A character model that can be stopped at any time: python examples/language_model.py FILE [EPOCHS]

Started again, it goes on from its checkpoint, to the same weights as if it had never been stopped.
"""

import sys
from pathlib import Path

from rnnfast.datasets import text_file
from rnnfast.language_model import Settings, Training

CHECKPOINT = Path("language_model.safetensors")
text = text_file.read(sys.argv[1])
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 6

if CHECKPOINT.exists():
    training = Training.resume(CHECKPOINT, text)
else:
    training = Training(text, Settings(hidden=256, learning_rate=3e-3, epochs=epochs))
print(f"{len(training.model.vocabulary)} characters, {training.steps_per_epoch} steps a pass")

while not training.finished:
    score = training.step()
    if training.steps % 500 == 0:
        training.save(CHECKPOINT)
        print(f"step {training.steps}: {score.bits_per_character:.3f} bits per character")
training.save(CHECKPOINT)

score = training.held_out()
print("Held out, bits per character:", score.bits_per_character)
print("Held out, perplexity:", score.perplexity)
print(training.model.sample(300, prompt=text[:10], temperature=0.8))
