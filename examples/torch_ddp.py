"""Data-parallel training of a torch model on the kernels of rnnfast, on any number of processes or machines.

Run: torchrun --nproc-per-node 2 examples/torch_ddp.py [WEIGHTS.npz]
Without torchrun it is one process on the whole batch, and ends with the same weights.
"""

import os
import sys

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import rnnfast.torch

if "RANK" in os.environ:
    dist.init_process_group("gloo")
rank, processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
torch.manual_seed(0)  # so that every process draws the same batches, and takes its part of each
rnn = rnnfast.torch.RNN(8, 16, num_layers=2, batch_first=True)
model = DistributedDataParallel(rnn) if processes > 1 else rnn
optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
for step in range(10):
    x = torch.randn(32, 20, 8)
    part = x[rank::processes]
    _, h_n = model(part)
    loss = (h_n[-1] - part.mean(1).repeat(1, 2)).square().mean()  # remember the mean of the sequence
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if rank == 0:
        print(f"Step {step + 1}: loss {loss:.4f} of process 1 of {processes}")
if rank == 0 and len(sys.argv) > 1:
    np.savez(sys.argv[1], **{name: parameter.detach().numpy() for name, parameter in rnn.named_parameters()})
if dist.is_initialized():
    dist.destroy_process_group()
