"""Median seconds per training step of a dense top-k autoencoder in PyTorch, with torch.optim.Adam.

Needs torch. Called by `scripts/bench/run sae --python PATH`; by hand:
    python sae_torch.py work.json seconds.json
work.json: d_in, d_sae, k, batch, steps, threads, device. The first step warms up; every batch comes from the CPU's memory.
"""

import json
import statistics
import sys
import time

import torch
from top_k_sae import TopKSae


def main(work_file, result_file):
    with open(work_file) as file:
        work = json.load(file)
    torch.set_num_threads(work["threads"])
    torch.manual_seed(1)
    x = torch.randn(work["batch"], work["d_in"])
    torch.set_default_device(work["device"])
    sae = TopKSae(work["d_in"], work["d_sae"], work["k"], learning_rate=1e-4)
    times = []
    for _ in range(work["steps"] + 1):
        begin = time.perf_counter()
        sae.step(x.to(work["device"]))
        times.append(time.perf_counter() - begin)
    with open(result_file, "w") as file:
        json.dump({"seconds": statistics.median(times[1:])}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
