"""A torch model on the kernels of rnnfast: its nn.RNN is swapped in place, and it is trained as before.

Run: python examples/torch_rnn.py [STEPS]
"""

import sys

import torch
from torch import nn

import rnnfast.torch


class Tagger(nn.Module):
    """Says at every step of a sequence whether its values have summed up to more than 0 so far."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 16, batch_first=True)
        self.dense = nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.rnn(x)[0]).squeeze(-1)


torch.manual_seed(0)
model = Tagger()
print(f"Replaced: {rnnfast.torch.replace(model)}")
optimizer = torch.optim.Adam(model.parameters(), 0.01)
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 300):
    x = torch.randn(64, 30, 1)
    loss = nn.functional.binary_cross_entropy_with_logits(model(x), (x.cumsum(1).squeeze(-1) > 0).float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
x = torch.randn(1000, 30, 1)
with torch.no_grad():
    accuracy = ((model(x) > 0) == (x.cumsum(1).squeeze(-1) > 0)).float().mean()
print(f"Accuracy: {accuracy:.3f}")
