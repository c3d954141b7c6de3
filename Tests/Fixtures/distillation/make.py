"""Values of distillation, computed by plain PyTorch in float64: losses, metrics and gradients.

Two students learn from two teachers over the pairs of ../golden/pairs.json; all four share a vocabulary of 512 tokens.
Writes values.json, gradients.safetensors, projections.safetensors and, where they are not there, the tiny models
student/ and teacher/ beside this file. Needs torch, transformers and safetensors; `python make.py` from anywhere.

The forward pass is written out here: Transformers computes norms, rotations and softmax in float32 whatever the model's
type. Its float32 logits are held against these at the end.
"""
import json
import math
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden"
FOLDERS = {
    "policy": GOLDEN / "llama" / "policy",  # a student of width 64, the main teacher's
    "student": HERE / "student",  # a student of width 16, the second teacher's; its head is its embedding
    "qwen2": GOLDEN / "qwen2" / "ref",  # the main teacher, width 64
    "teacher": HERE / "teacher",  # the second teacher, width 16
}
STUDENTS = ["student", "policy"]
VARIANTS = ["completion", "all"]

# A divergence's loss is temperature² · Σ weight · (mean over rows of the divergence from that teacher).
DIVERGENCES = {
    "forward_kl_t1": dict(divergence="forward_kl", temperature=1.0, teachers={"qwen2": 1.0}),
    "forward_kl_t2": dict(divergence="forward_kl", temperature=2.0, teachers={"qwen2": 1.0}),
    "reverse_kl_t2": dict(divergence="reverse_kl", temperature=2.0, teachers={"qwen2": 1.0}),
    "jensen_shannon": dict(divergence="jensen_shannon", beta=0.3, temperature=1.5, teachers={"qwen2": 1.0}),
    "two_teachers": dict(divergence="forward_kl", temperature=1.0, teachers={"qwen2": 0.7, "teacher": 0.3}),
    "with_cross_entropy": dict(
        divergence="forward_kl", temperature=2.0, teachers={"qwen2": 1.0}, cross_entropy_weight=0.5),
}
# Of the residual stream after a block, seen through a matrix [teacher's width, student's width] where widths differ.
HIDDEN = {
    "hidden_mse": dict(distance="mean_squared_error", teacher="qwen2", layers=[0, 0]),
    "hidden_cosine": dict(distance="cosine", teacher="qwen2", layers=[0, 0]),
    "hidden_mse_second": dict(distance="mean_squared_error", teacher="teacher", layers=[0, 0]),
    "hidden_cosine_second": dict(distance="cosine", teacher="teacher", layers=[0, 0]),
    "hidden_mse_deeper": dict(distance="mean_squared_error", teacher="qwen2", layers=[1, 2]),
}


def make_model(seed, deviation, layers, tied):
    """A tiny Llama with random weights; its norms are moved off 1."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=512, hidden_size=16, intermediate_size=40, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        num_hidden_layers=layers, tie_word_embeddings=tied, max_position_embeddings=256, initializer_range=deviation,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, rope_parameters=dict(rope_theta=10000.0, rope_type="default"),
        dtype="float32"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def make_models():
    """The second teacher is the student with noise and two small blocks more, so that the two often agree."""
    student = make_model(11, 0.3, layers=3, tied=True)
    teacher = make_model(12, 0.1, layers=5, tied=False)
    with torch.no_grad():
        own = student.state_dict()
        for name, parameter in teacher.named_parameters():
            if name in own and "norm" not in name:
                parameter.copy_(own[name] + 0.5 * parameter)
    student.save_pretrained(FOLDERS["student"])
    teacher.save_pretrained(FOLDERS["teacher"])


class Model:
    """A decoder of the Llama or Qwen2 family in float64."""

    def __init__(self, folder, learns):
        self.config = json.loads((folder / "config.json").read_text())
        weights = load_file(folder / "model.safetensors")
        self.weights = {name: value.double().requires_grad_(learns) for name, value in sorted(weights.items())}
        self.width = self.config["hidden_size"]

    def norm(self, x, name):
        return self.weights[name] * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.config["rms_norm_eps"])

    def linear(self, x, name):
        return F.linear(x, self.weights[name + ".weight"], self.weights.get(name + ".bias"))

    def run(self, ids):
        """Logits [T, V], and the residual stream [T, D] after each block."""
        config, count = self.config, len(ids)
        heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
        size = config.get("head_dim") or self.width // heads
        theta = config["rope_parameters"]["rope_theta"]
        frequencies = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        angles = torch.outer(torch.arange(count, dtype=torch.float64), frequencies).repeat(1, 2)

        def rotated(x):
            halves = torch.cat([-x[..., size // 2:], x[..., : size // 2]], -1)
            return x * angles.cos() + halves * angles.sin()

        future = torch.full((count, count), -math.inf, dtype=torch.float64).triu(1)
        x = self.weights["model.embed_tokens.weight"][torch.tensor(ids)]
        states = []
        for layer in range(config["num_hidden_layers"]):
            block = f"model.layers.{layer}."
            h = self.norm(x, block + "input_layernorm.weight")
            q, k, v = (
                self.linear(h, f"{block}self_attn.{part}_proj").view(count, -1, size).transpose(0, 1)
                for part in "qkv")
            q, k = rotated(q), rotated(k).repeat_interleave(heads // groups, 0)
            weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(size) + future, -1)
            mixed = weights @ v.repeat_interleave(heads // groups, 0)
            x = x + self.linear(mixed.transpose(0, 1).reshape(count, -1), block + "self_attn.o_proj")
            h = self.norm(x, block + "post_attention_layernorm.weight")
            gated = F.silu(self.linear(h, block + "mlp.gate_proj")) * self.linear(h, block + "mlp.up_proj")
            x = x + self.linear(gated, block + "mlp.down_proj")
            states.append(x)
        head = "lm_head" if "lm_head.weight" in self.weights else "model.embed_tokens"
        return self.linear(self.norm(x, "model.norm.weight"), head), states


def sequences():
    """(ids, prompt's length, is the chosen one) of every pair's two sequences."""
    for pair in json.loads((GOLDEN / "pairs.json").read_text()):
        prompt = pair["prompt_ids"]
        yield prompt + pair["chosen_ids"], len(prompt), True
        yield prompt + pair["rejected_ids"], len(prompt), False


def rows_of(model, variant):
    """Everything at the counted rows of all sequences: a row predicts a token from the position before it.

    `completion`: every completion token. `all`: also every prompt token but the first, once for each sequence.
    """
    logits, targets, chosen, states = [], [], [], []
    for ids, prompt, is_chosen in sequences():
        first = prompt - 1 if variant == "completion" else 0
        row_logits, row_states = model.run(ids)
        logits.append(row_logits[first:-1])
        states.append([state[first:-1] for state in row_states])
        targets += ids[first + 1:]
        chosen += [is_chosen and position >= prompt for position in range(first + 1, len(ids))]
    return dict(
        logits=torch.cat(logits), targets=torch.tensor(targets), chosen=torch.tensor(chosen),
        states=[torch.cat(layer) for layer in zip(*states)])


def kl(p, q):
    """KL(p‖q) of each row, from log-probabilities."""
    return (p.exp() * (p - q)).sum(-1)


def divergence_of(case, student, teacher):
    """[rows], from log-probabilities at the case's temperature."""
    if case["divergence"] == "forward_kl":
        return kl(teacher, student)
    if case["divergence"] == "reverse_kl":
        return kl(student, teacher)
    beta = case["beta"]
    mixture = torch.logsumexp(torch.stack([student + math.log(1 - beta), teacher + math.log(beta)]), 0)
    return beta * kl(teacher, mixture) + (1 - beta) * kl(student, mixture)


def token_losses(rows):
    return -torch.log_softmax(rows["logits"], -1).gather(-1, rows["targets"][:, None])[:, 0]


def divergence_case(case, student, teachers):
    temperature = case["temperature"]
    log_p = torch.log_softmax(student["logits"] / temperature, -1)
    values, loss = {}, 0.0
    for name, weight in case["teachers"].items():
        logits = teachers[name]["logits"]
        log_q = torch.log_softmax(logits / temperature, -1)
        loss = loss + temperature ** 2 * weight * divergence_of(case, log_p, log_q).mean()
        values[name] = dict(
            kl=kl(log_q, log_p).mean().item(),
            teacher_entropy=-(log_q.exp() * log_q).sum(-1).mean().item(),
            top1_agreement=(logits.argmax(-1) == student["logits"].argmax(-1)).double().mean().item())
    losses = token_losses(student)
    result = dict(rows=len(losses), divergence_loss=loss.item(), ce=losses.mean().item())
    for name in ["kl", "teacher_entropy", "top1_agreement"]:
        result[name] = sum(weight * values[teacher][name] for teacher, weight in case["teachers"].items())
    if len(values) > 1:
        result["by_teacher"] = values
    if "cross_entropy_weight" in case:
        chosen = losses[student["chosen"]].mean()
        result["cross_entropy_loss"] = chosen.item()
        loss = loss + case["cross_entropy_weight"] * chosen
    return loss, result


def hidden_case(case, student, teachers, projection):
    mine = student["states"][case["layers"][0]]
    theirs = teachers[case["teacher"]]["states"][case["layers"][1]]
    if projection is not None:
        mine = mine @ projection.T
    if case["distance"] == "cosine":
        loss = (1 - F.cosine_similarity(mine, theirs, dim=-1)).mean()
    else:
        loss = (mine - theirs).pow(2).mean(-1).mean()
    return loss, dict(rows=len(mine))


def projection_of(student, teacher, generator):
    """A matrix whose values are float32, for float64."""
    matrix = torch.randn(teacher.width, student.width, generator=generator, dtype=torch.float64)
    return (matrix / math.sqrt(student.width)).float().double().requires_grad_(True)


def check_against_transformers():
    """The largest difference of the logits from Transformers' own, in float32."""
    worst = 0.0
    for folder in FOLDERS.values():
        peer = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        model = Model(folder, learns=False)
        for ids, _, _ in sequences():
            with torch.no_grad():
                output = peer(input_ids=torch.tensor([ids]), output_hidden_states=True)
            logits, states = model.run(ids)
            worst = max(worst, (output.logits[0] - logits).abs().max().item())
            # The last of Transformers' hidden states has the final norm applied.
            for layer, state in enumerate(states[:-1]):
                worst = max(worst, (output.hidden_states[layer + 1][0] - state).abs().max().item())
    return worst


def main():
    torch.set_num_threads(1)
    if not (FOLDERS["student"].exists() and FOLDERS["teacher"].exists()):
        make_models()
    models = {name: Model(folder, learns=name in STUDENTS) for name, folder in FOLDERS.items()}
    generator = torch.Generator().manual_seed(13)
    projections = {
        f"{student}/{teacher}": projection_of(models[student], models[teacher], generator)
        for student, teacher in [("student", "qwen2"), ("policy", "teacher")]}

    gradients, cases = {}, {}
    for name, case in (DIVERGENCES | HIDDEN).items():
        cases[name] = dict(case, values={})
        for variant in VARIANTS:
            cases[name]["values"][variant] = {}
            with torch.no_grad():
                teachers = {teacher: rows_of(models[teacher], variant) for teacher in ["qwen2", "teacher"]}
            for student in STUDENTS:
                model = models[student]
                rows = rows_of(model, variant)
                inputs = dict(model.weights)
                if name in DIVERGENCES:
                    loss, values = divergence_case(case, rows, teachers)
                else:
                    projection = projections.get(f"{student}/{case['teacher']}")
                    loss, values = hidden_case(case, rows, teachers, projection)
                    if projection is not None:
                        values["projection"] = f"{student}/{case['teacher']}"
                        inputs["projection"] = projection
                found = torch.autograd.grad(loss, list(inputs.values()), allow_unused=True)
                found = {key: value for key, value in zip(inputs, found) if value is not None}
                own = [value for key, value in found.items() if key != "projection"]
                values = dict(loss=loss.item(), **values)
                values["gradient_norm"] = math.sqrt(sum(value.pow(2).sum().item() for value in own))
                if student == "student":
                    gradients |= {f"{name}/{variant}/{key}": value.float() for key, value in found.items()}
                else:
                    values["gradient_norms"] = {key: value.norm().item() for key, value in found.items()}
                cases[name]["values"][variant][student] = values

    models_by_name = {name: os.path.relpath(folder, HERE) for name, folder in FOLDERS.items()}
    document = dict(pairs=os.path.relpath(GOLDEN / "pairs.json", HERE), models=models_by_name, cases=cases)
    (HERE / "values.json").write_text(json.dumps(document, indent=1) + "\n")
    save_file(gradients, HERE / "gradients.safetensors")
    save_file({key: value.detach().float() for key, value in projections.items()}, HERE / "projections.safetensors")
    print(f"largest difference from Transformers' float32 logits and hidden states: {check_against_transformers():.1e}")


if __name__ == "__main__":
    main()
