"""Whether a Hugging Face folder that Tandem wrote is what Transformers expects. Prints a line; ends with 1 if it is not.

    python compare_export.py EXPORT PAIRS [--values FILE] [--like FOLDER] [--source FOLDER]

EXPORT must load without a missing, unexpected or misshapen tensor. PAIRS is a pairs.jsonl of token ids.

--values: log-probabilities of the completions' tokens by Tandem, a JSON list: pair after pair, chosen before rejected
--like: a folder whose logits of all sequences must be the same, such as the policy of a run with a learning rate of 0
--source: the folder that the run began with; each field of its config.json must be in the export's

Values are float64, and the same within 1e-4. Needs torch, transformers 5 and safetensors.
"""
import argparse
import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM

from make_families import everything_in_float64, log_probabilities, renew_constants

TOLERANCE = 1e-4
# Fields that say how a folder was written, not what its model computes.
OF_WRITING = {"dtype", "torch_dtype", "transformers_version", "use_cache", "_name_or_path"}


def load(folder):
    model, found = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager", output_loading_info=True)
    wrong = {kind: sorted(map(str, names)) for kind, names in found.items() if names}
    if wrong:
        sys.exit(f"{folder}: {wrong}")
    return model.eval()


def largest_difference(values, expected):
    if len(values) != len(expected):
        sys.exit(f"{len(values)} values instead of {len(expected)}")
    return max(abs(value - other) for value, other in zip(values, expected))


def logits(model, pairs):
    rows = []
    for pair in pairs:
        for name in ("chosen_ids", "rejected_ids"):
            renew_constants(model)
            ids = torch.tensor([pair["prompt_ids"] + pair[name]])
            rows += model(input_ids=ids, use_cache=False).logits[0].flatten().tolist()
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("export", type=Path)
    parser.add_argument("pairs", type=Path)
    for name in ["values", "like", "source"]:
        parser.add_argument("--" + name, type=Path)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)

    pairs = [json.loads(line) for line in arguments.pairs.read_text().splitlines()]
    model, differences = load(arguments.export), {}
    with torch.no_grad(), everything_in_float64():
        if arguments.values:
            computed = [
                value for pair in pairs for name in ("chosen_ids", "rejected_ids")
                for value in log_probabilities(model, pair["prompt_ids"], pair[name]).tolist()]
            differences["log-probabilities"] = largest_difference(json.loads(arguments.values.read_text()), computed)
        own = logits(model, pairs)
    if arguments.like:
        other = load(arguments.like)
        with torch.no_grad(), everything_in_float64():
            differences["logits"] = largest_difference(own, logits(other, pairs))
    if arguments.source:
        before, after = (json.loads((folder / "config.json").read_text()) for folder in (arguments.source, arguments.export))
        lost = [
            name for name, value in before.items()
            if name not in OF_WRITING and (name not in after or after[name] != value)]
        if lost:
            sys.exit(f"{arguments.export}/config.json: lost or changed {', '.join(lost)}")
    print(f"{arguments.export}: loads; {differences}")
    if any(difference > TOLERANCE for difference in differences.values()):
        sys.exit(f"{arguments.export}: differs by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
