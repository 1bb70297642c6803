"""Seconds that Hugging Face transformers needs for the work of `refusal collect`.

Needs torch and transformers. Called by `scripts/bench/run collect --python PATH --model FOLDER`; by hand:
    python collect_transformers.py work.json seconds.json
work.json: model (folder), prompts (lists of token ids), layers (whose outputs are captured), batch, new_tokens, pad_id,
threads, device, dtype. Batches are formed by length and padded on the left; generate() with its KV cache; what is captured
goes to the CPU as float32.
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM


def main(work_file, result_file):
    with open(work_file) as file:
        work = json.load(file)
    torch.set_num_threads(work["threads"])
    model = AutoModelForCausalLM.from_pretrained(work["model"])
    model = model.to(work["device"], getattr(torch, work["dtype"])).eval()
    captured = []
    prefill = [False]

    def hook(module, inputs, output):
        if prefill[0]:
            captured.append((output[0] if isinstance(output, tuple) else output).to("cpu", torch.float32, copy=True))

    for layer in work["layers"]:
        model.model.layers[layer].register_forward_hook(hook)

    def run(prompts, new_tokens):
        for start in range(0, len(prompts), work["batch"]):
            part = prompts[start : start + work["batch"]]
            width = max(map(len, part))
            ids = torch.full((len(part), width), work["pad_id"])
            mask = torch.zeros((len(part), width), dtype=torch.long)
            for row, prompt in enumerate(part):
                ids[row, width - len(prompt) :] = torch.tensor(prompt)
                mask[row, width - len(prompt) :] = 1
            captured.clear()
            prefill[0] = True

            def over(module, inputs, output):
                prefill[0] = False

            end = model.lm_head.register_forward_hook(over)
            with torch.no_grad():
                model.generate(
                    input_ids=ids.to(model.device), attention_mask=mask.to(model.device), max_new_tokens=new_tokens,
                    do_sample=False, pad_token_id=work["pad_id"],
                )
            end.remove()

    prompts = sorted(work["prompts"], key=len)
    run(prompts[: work["batch"]], 2)
    begin = time.perf_counter()
    run(prompts, work["new_tokens"])
    seconds = time.perf_counter() - begin
    with open(result_file, "w") as file:
        json.dump({"seconds": seconds}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
