"""Float64 values of distillation between families: each model of a folder that make_families.py wrote learns from the next.

    python make_distillation.py FOLDER [NAME ...]

writes FOLDER/distillation.json: for each student and teacher the loss (temperature² times the mean over completion tokens,
chosen and rejected, of the divergence from the teacher to the student), and the norm of each tensor's gradient.
"""
import argparse
import json
from pathlib import Path

import torch
import transformers

from make_families import FAMILIES, FILE_NAMES, everything_in_float64, load, renew_constants

TEMPERATURE = 2.0


def rows(model, pairs):
    """Log-probabilities of the whole vocabulary at the temperature, [completion tokens, V]."""
    parts = []
    for pair in pairs:
        for name in ("chosen_ids", "rejected_ids"):
            renew_constants(model)
            ids = torch.tensor([pair["prompt_ids"] + pair[name]])
            logits = model(input_ids=ids, use_cache=False).logits[0, len(pair["prompt_ids"]) - 1:-1]
            parts.append(torch.log_softmax(logits / TEMPERATURE, -1))
    return torch.cat(parts)


def compute(folder, student_name, teacher_name, pairs):
    student, teacher = (load(folder / name / "policy", torch.float64) for name in (student_name, teacher_name))
    with everything_in_float64():
        with torch.no_grad():
            expected = rows(teacher, pairs)
        loss = TEMPERATURE**2 * (expected.exp() * (expected - rows(student, pairs))).sum(-1).mean()
        loss.backward()
    names = FILE_NAMES.get(FAMILIES[student_name][0], {})
    norms = {names.get(name, name): parameter.grad.norm().item() for name, parameter in student.named_parameters()}
    return dict(student=student_name, teacher=teacher_name, loss=loss.item(), gradient_norms=norms)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)

    folder = arguments.folder
    names = arguments.names or [name for name in FAMILIES if (folder / name / "policy").exists()]
    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    cases = [compute(folder, *names, pairs) for names in zip(names, names[1:] + names[:1])]
    (folder / "distillation.json").write_text(json.dumps(cases) + "\n")
    for case in cases:
        print(f"{case['student']:20} from {case['teacher']:20} loss {case['loss']:.6f}")


if __name__ == "__main__":
    main()
