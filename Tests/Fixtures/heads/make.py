"""What Transformers and PyTorch compute in float64 of the golden Llama pair with other heads and embeddings: the values in
Tests/CommandTests/StoredHeadTests.swift and PaddedReferenceTests.swift. Run: python make.py ../golden"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM

root = sys.argv[1]
pairs = json.load(open(root + "/pairs.json"))


def load(name):
    return AutoModelForCausalLM.from_pretrained(f"{root}/llama/{name}", dtype=torch.float64)


def padded(model, count=8):
    """With `count` more rows of vocabulary: ((r · width + c) mod 13 − 6) / 64 at row r and column c."""
    width = model.config.hidden_size
    rows = torch.tensor([[((r * width + c) % 13 - 6) / 64 for c in range(width)] for r in range(count)], dtype=torch.float64)
    for module in (model.model.embed_tokens, model.lm_head):
        module.weight = torch.nn.Parameter(torch.cat([module.weight.data, rows]))
    model.model.embed_tokens.padding_idx = None
    return model


def of_head(model):
    """The embedding is the head, as where a tied model's folder has the head alone."""
    model.model.embed_tokens.weight = torch.nn.Parameter(model.lm_head.weight.data.clone())
    return model


def log_probability(model, pair, name):
    ids, start = pair["prompt_ids"] + pair[name], len(pair["prompt_ids"])
    with torch.no_grad():
        rows = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return sum(rows[i - 1, ids[i]].item() for i in range(start, len(ids)))


def dpo(policy, reference, beta=0.1):
    gains = [
        [log_probability(policy, pair, name) - log_probability(reference, pair, name) for name in ("chosen_ids", "rejected_ids")]
        for pair in pairs
    ]
    margins = torch.tensor([beta * (chosen - rejected) for chosen, rejected in gains], dtype=torch.float64)
    return {
        "loss": torch.nn.functional.softplus(-margins).mean().item(),
        "rewards/chosen": beta * sum(chosen for chosen, _ in gains) / len(pairs),
        "rewards/rejected": beta * sum(rejected for _, rejected in gains) / len(pairs),
    }


print("reference padded", dpo(load("policy"), padded(load("ref"))))
print("policy padded", dpo(padded(load("policy")), load("ref")))
print("policy of its head alone", dpo(of_head(load("policy")), load("ref")))
