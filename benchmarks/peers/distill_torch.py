"""Times distillation in PyTorch: a frozen teacher, and a student that begins with every third of its layers.

    python distill_torch.py MODEL TEXTS.jsonl --tokens 2048 --steps 5

MODEL is a Hugging Face folder (SmolLM2-135M-Instruct: layers 0, 3, …, 27 of 30), TEXTS.jsonl holds {"input_ids": […]} a
line. A step takes texts in the file's order until the next one would exceed --tokens; the loss is the forward KL at
temperature 1, the mean over all predictions, from the whole logits of both models; then AdamW, in float32.

`packed` puts a step's texts behind each other in one row, positions starting anew, each text seeing itself only;
`padded` makes a row of each. The loss is the same. Needs torch and transformers. For steady figures give glibc
    MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=68719476736 MALLOC_TOP_PAD_=268435456 MALLOC_ARENA_MAX=1
"""
import argparse
import json
import os
import resource
import statistics
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("texts")
    parser.add_argument("--tokens", type=int, default=2048, help="tokens a step, at most")
    parser.add_argument("--steps", type=int, default=5, help="the first one is not timed, where there are more")
    parser.add_argument("--every", type=int, default=3, help="the student has layers 0, EVERY, 2 · EVERY, …")
    parser.add_argument("--layout", choices=["packed", "padded"], default="packed")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    return parser.parse_args()


def batches(path, tokens):
    """The texts of step after step, without end."""
    with open(path) as file:
        texts = [json.loads(line)["input_ids"] for line in file if line.strip()]
    longest = max(map(len, texts), default=0)
    if longest < 2 or longest > tokens:
        raise SystemExit(f"{path}: the longest text has {longest} tokens; a step takes 2 to {tokens}")
    batch, index = [], 0
    while True:
        text = texts[index % len(texts)]
        if sum(map(len, batch)) + len(text) > tokens:
            yield batch
            batch = []
        batch.append(text)
        index += 1


def inputs(texts, layout):
    """A model's inputs, and which of its positions predict a token of the same text, [rows, length]."""
    if layout == "packed":
        positions = [position for text in texts for position in range(len(text))]
        following = [position + 1 < len(text) for text in texts for position in range(len(text))]
        ids = torch.tensor([sum(texts, [])])
        return dict(input_ids=ids, position_ids=torch.tensor([positions])), torch.tensor([following])
    length = max(map(len, texts))
    ids = torch.zeros(len(texts), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    following = torch.cat([mask[:, 1:], torch.zeros(len(texts), 1, dtype=torch.long)], 1) == 1
    return dict(input_ids=ids, attention_mask=mask), following


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")


def student_of(folder, every):
    """A model of every `every`-th layer, and their numbers."""
    model = load(folder)
    layers = list(range(0, len(model.model.layers), every))
    model.model.layers = torch.nn.ModuleList(model.model.layers[layer] for layer in layers)
    for index, layer in enumerate(model.model.layers):
        layer.self_attn.layer_idx = index
    model.config.num_hidden_layers = len(layers)
    return model.train(), layers


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    teacher = load(options.model).eval().requires_grad_(False)
    student, layers = student_of(options.model, options.every)
    count = sum(parameter.numel() for parameter in student.parameters())
    print(f"student of {count:,} parameters: layers {', '.join(map(str, layers))}; {options.threads} threads", flush=True)
    optimizer = torch.optim.AdamW(student.parameters(), lr=options.learning_rate, weight_decay=0.0, fused=True)

    seconds, rates = [], []
    for step, texts in zip(range(1, options.steps + 1), batches(options.texts, options.tokens)):
        start = time.perf_counter()
        model_inputs, following = inputs(texts, options.layout)
        with torch.no_grad():
            target = F.log_softmax(teacher(**model_inputs, use_cache=False).logits[following], -1)
        own = F.log_softmax(student(**model_inputs, use_cache=False).logits[following], -1)
        loss = F.kl_div(own, target, reduction="batchmean", log_target=True)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        del own, target
        took = time.perf_counter() - start
        tokens = sum(map(len, texts))
        if step > 1 or options.steps == 1:
            seconds.append(took)
            rates.append(tokens / took)
        print(
            f"step {step}: loss {loss.item():.6f}, {len(texts)} texts, {tokens} tokens, {took:.3f} s, "
            f"{tokens / took:.1f} tokens/s", flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"median of {len(seconds)}: {statistics.median(seconds):.3f} s a step, {statistics.median(rates):.1f} tokens/s, "
        f"peak RSS {memory:.2f} GiB ({options.layout}, torch {torch.__version__})")


if __name__ == "__main__":
    main()
