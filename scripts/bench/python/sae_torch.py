"""Median seconds per training step of a dense top-k autoencoder in PyTorch (Gao et al. 2024), with torch.optim.Adam.

Needs torch. Called by `scripts/bench/run sae --python PATH`; by hand:
    python sae_torch.py work.json seconds.json
work.json: d_in, d_sae, k, batch, steps, threads. The loss is FVU; decoder rows keep unit norm, gradients are clipped.
"""

import json
import statistics
import sys
import time

import torch


def main(work_file, result_file):
    with open(work_file) as file:
        work = json.load(file)
    torch.set_num_threads(work["threads"])
    torch.manual_seed(1)
    d_in, d_sae, k = work["d_in"], work["d_sae"], work["k"]
    decoder = torch.nn.functional.normalize(torch.randn(d_sae, d_in), dim=1)
    parameters = [decoder.T.clone(), torch.zeros(d_sae), decoder, torch.zeros(d_in)]
    for parameter in parameters:
        parameter.requires_grad_(True)
    w_enc, b_enc, w_dec, b_dec = parameters
    adam = torch.optim.Adam(parameters, lr=1e-4)
    x = torch.randn(work["batch"], d_in)
    times = []
    for step in range(work["steps"] + 1):
        begin = time.perf_counter()
        pre = torch.relu((x - b_dec) @ w_enc + b_enc)
        top = pre.topk(k, dim=1)
        f = torch.zeros_like(pre).scatter(1, top.indices, top.values)
        r = f @ w_dec + b_dec - x
        loss = (r**2).sum() / ((x - x.mean(0)) ** 2).sum()
        adam.zero_grad()
        loss.backward()
        with torch.no_grad():
            w_dec.grad -= (w_dec.grad * w_dec).sum(1, keepdim=True) * w_dec
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        with torch.no_grad():
            w_dec /= w_dec.norm(dim=1, keepdim=True)
        times.append(time.perf_counter() - begin)
    with open(result_file, "w") as file:
        json.dump({"seconds": statistics.median(times[1:])}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
