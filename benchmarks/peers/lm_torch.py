"""Times a language-modelling step in PyTorch, for ./launch/benchmark --peers.

    python lm_torch.py MODEL TEXTS.jsonl --steps 4 --threads 2 --json OUT

MODEL is a Hugging Face folder, TEXTS.jsonl holds {"input_ids": […]} a line, all of one length. A step takes four texts:
forward with scaled dot-product attention, the mean cross entropy, backward, and fused AdamW, in float32. The first step is
not timed. Needs torch and transformers.
"""
import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F
import transformers
from transformers import AutoModelForCausalLM


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("texts")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--texts-per-step", type=int, default=4)
    parser.add_argument("--json", required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    with open(options.texts) as file:
        texts = torch.tensor([json.loads(line)["input_ids"] for line in file if line.strip()])
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation="sdpa").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-6, weight_decay=0.0, fused=True)

    seconds, losses = [], []
    for step in range(options.steps):
        first = step * options.texts_per_step % len(texts)
        batch = texts[first : first + options.texts_per_step]
        start = time.perf_counter()
        logits = model(input_ids=batch, use_cache=False).logits
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        del logits
        seconds.append(time.perf_counter() - start)
        losses.append(loss.item())
    result = dict(
        seconds=seconds[1:] or seconds, losses=losses,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        versions=f"torch {torch.__version__}, transformers {transformers.__version__}")
    with open(options.json, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
