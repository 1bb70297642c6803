"""Held-out FVU of a plain top-k autoencoder in PyTorch (Gao et al. 2024) on activations that `refusal collect` wrote.

Needs torch and safetensors.
    python sae_quality_torch.py RESULTS_DIR MODEL HOOK_POINT --d-sae 2304 --k 32 --steps 800 [--lr 1e-3] [--seed 1]
For comparison with metrics.json of the same hook point: same split, sinks left out, input scale, batch size, number of
steps, learning-rate schedule; no AuxK and no balancing of sides. FVU is about the mean of the tokens measured.
"""

import argparse
import glob
import json
import math

import torch
from safetensors import safe_open
from top_k_sae import TopKSae


def load(results, model, hook):
    rows = {"discovery": [], "heldout": []}
    for file in sorted(glob.glob(f"{results}/activations/{model}_*_activations*.safetensors")):
        category = file.split(f"{model}_")[-1].split("_activations")[0]
        with open(f"{results}/model_outputs/{model}_{category}_outputs.json") as outputs:
            split = {output["prompt_index"]: output["split"] for output in json.load(outputs)}
        with safe_open(file, "pt") as tensors:
            x = tensors.get_tensor(hook).float()
            offsets = tensors.get_tensor("offsets").tolist()
            for i, prompt in enumerate(tensors.get_tensor("prompt_index").tolist()):
                rows[split[prompt]].append(x[offsets[i] : offsets[i + 1]])
    train, held_out = torch.cat(rows["discovery"]), torch.cat(rows["heldout"])
    threshold = 10 * train.norm(dim=1).median()
    return train[train.norm(dim=1) <= threshold], held_out[held_out.norm(dim=1) <= threshold]


def fvu(sae, x):
    """Of all tokens, a part at a time: a dense latent matrix of all of them need not fit."""
    errors = sum(((sae.reconstruct(part) - part) ** 2).sum().item() for part in x.split(4096))
    return errors / ((x - x.mean(0)) ** 2).sum().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("results")
    parser.add_argument("model")
    parser.add_argument("hook")
    parser.add_argument("--d-sae", type=int, default=2304)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    train, held_out = load(options.results, options.model, options.hook)
    d = train.shape[1]
    scale = math.sqrt(d / (train**2).sum(1).mean())
    train, held_out = train * scale, held_out * scale
    sae = TopKSae(d, options.d_sae, options.k, options.lr, b_dec=train.mean(0))
    order = torch.randperm(len(train))
    for step in range(options.steps):
        if len(order) < options.batch:
            order = torch.cat([order, torch.randperm(len(train))])
        x, order = train[order[: options.batch]], order[options.batch :]
        warm_up = max(1, min(1000, math.ceil(options.steps * 0.05)))
        decay = max(1, options.steps * 0.2)
        rate = options.lr * min(1, (step + 1) / warm_up) * min(1, (options.steps - step) / decay)
        sae.step(x, rate)
    with torch.no_grad():
        result = {"train_fvu": fvu(sae, train), "held_out_fvu": fvu(sae, held_out), "tokens": len(train)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
