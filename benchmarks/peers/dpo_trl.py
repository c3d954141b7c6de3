"""Times direct preference optimisation in TRL, for ./launch/benchmark --peers.

    python dpo_trl.py MODEL PAIRS.jsonl --steps 4 --threads 2 --json OUT

MODEL is a Hugging Face folder, the policy and the frozen reference; PAIRS.jsonl holds {"prompt_ids": […], "chosen_ids": […],
"rejected_ids": […]} a line, taken in the file's order, eight a step in two micro-batches of four. beta is 0.1, AdamW is
fused, all in float32; the reference is computed in every step. The first step is not timed. Needs torch, transformers,
trl and datasets; nothing is downloaded.
"""
import argparse
import json
import resource
import tempfile
import time

import torch
import transformers
import trl
from datasets import Dataset
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import DPOConfig, DPOTrainer

PAIRS_PER_STEP, PAIRS_PER_MICRO_BATCH = 8, 4


class TokenTrainer(DPOTrainer):
    """Takes records that are token ids already."""

    def _prepare_dataset(self, dataset, *arguments, **options):
        return dataset


class Clock(TrainerCallback):
    def __init__(self):
        self.seconds, self.losses = [], []

    def on_step_begin(self, *arguments, **options):
        self.start = time.perf_counter()

    def on_step_end(self, *arguments, **options):
        self.seconds.append(time.perf_counter() - self.start)

    def on_log(self, arguments, state, control, logs=None, **options):
        if "loss" in logs:
            self.losses.append(float(logs["loss"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("pairs")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    with open(options.pairs) as file:
        pairs = [json.loads(line) for line in file if line.strip()]
    records = [pairs[index % len(pairs)] for index in range(options.steps * PAIRS_PER_STEP)]
    # The trainer wants a tokenizer, for its padding alone.
    words = Tokenizer(models.WordLevel({"<pad>": 0, "<unk>": 1}, unk_token="<unk>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="<pad>")

    def load():
        return AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation="sdpa")

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        settings = DPOConfig(
            output_dir=folder, use_cpu=True, bf16=False, fp16=False, gradient_checkpointing=False,
            per_device_train_batch_size=PAIRS_PER_MICRO_BATCH,
            gradient_accumulation_steps=PAIRS_PER_STEP // PAIRS_PER_MICRO_BATCH, max_steps=options.steps,
            learning_rate=5e-6, lr_scheduler_type="constant", weight_decay=0.0, max_grad_norm=1.0,
            optim="adamw_torch_fused", beta=0.1, max_length=None, logging_steps=1, save_strategy="no", report_to=[],
            train_sampling_strategy="sequential", dataloader_num_workers=0, dataloader_pin_memory=False,
            disable_tqdm=True, seed=0)
        trainer = TokenTrainer(
            model=load(), ref_model=load(), args=settings, train_dataset=Dataset.from_list(records),
            processing_class=tokenizer, callbacks=[clock])
        trainer.train()
    result = dict(
        seconds=clock.seconds[1:] or clock.seconds, losses=clock.losses,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        versions=f"trl {trl.__version__}, transformers {transformers.__version__}, torch {torch.__version__}")
    with open(options.json, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
