"""Tiny checkpoints of the families of dense models, with float64 values that Transformers computes of them.

    python make_families.py OUT [--small] [--seed N] [NAME ...]

writes OUT/pairs.jsonl (preference pairs of token ids) and for each family a folder OUT/NAME:

    policy/, ref/          Hugging Face folders; the reference has the policy's weights plus noise
    values.json            loss (DPO, sum of log-probabilities), grad_norm, and of each pair the log-probabilities of the
                           completions' tokens by the policy (chosen, rejected) and their sums by the reference
    gradients.safetensors  the loss's gradient of each tensor of policy/model.safetensors, float32 of float64

--small makes the sizes that lie beside this file. All of a run share one seed, so the same command writes the same values.
Needs torch, transformers 5, safetensors and numpy.
"""
import argparse
import contextlib
import json
import os
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")
import torch
import torch.nn.functional as F
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

BETA = 0.2
# Prompt, chosen and rejected: sequences of 5 to 30 tokens, on both sides of a window of 5 and of 8 original positions. The
# second pair has one sequence on each side of the 8.
LENGTHS = [(13, 17, 4), (2, 6, 7), (9, 12, 7), (3, 4, 2)]
WINDOW = 5


def rope(kind="default", theta=10000.0, **more):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **more))


GROUPED = dict(num_attention_heads=6, num_key_value_heads=3)
# Heads of 8 columns where a family derives their width and turns a part of them.
WIDE = dict(hidden_size=48)
# Three heads without groups. GPT-2 has names of its own.
THREE = dict(num_attention_heads=3, num_key_value_heads=3)

# name: (model_type, fields of config.json besides the common ones)
FAMILIES = dict(
    llama3_rope=("llama", dict(head_dim=4, **rope(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8))),
    llama_linear=("llama", dict(head_dim=4, **rope("linear", factor=4.0))),
    llama_dynamic=("llama", dict(head_dim=4, max_position_embeddings=8, **rope("dynamic", factor=4.0))),
    llama_yarn=("llama", dict(head_dim=8, **rope("yarn", factor=4.0, original_max_position_embeddings=8))),
    llama_biases=("llama", dict(head_dim=4, attention_bias=True, mlp_bias=True)),
    qwen2_window=("qwen2", dict(use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1)),
    qwen3=("qwen3", dict(head_dim=4, tie_word_embeddings=False)),
    qwen3_tied=("qwen3", dict(head_dim=6, tie_word_embeddings=True)),
    mistral=("mistral", dict(head_dim=4, sliding_window=None)),
    mistral_window=("mistral", dict(head_dim=4, sliding_window=WINDOW)),
    internlm3=("internlm3", dict(head_dim=4, attention_bias=True, mlp_bias=True)),
    seed_oss=("seed_oss", dict(head_dim=4, attention_dropout=0.0, residual_dropout=0.0)),
    phi3=("phi3", dict(sliding_window=WINDOW, original_max_position_embeddings=64)),
    phi3_longrope=("phi3", dict(
        sliding_window=None, original_max_position_embeddings=8, partial_rotary_factor=0.5, **WIDE,
        **rope("longrope", short_factor=[1.0, 1.25], long_factor=[1.5, 6.0], original_max_position_embeddings=8))),
    phi4_mini=("phi3", dict(
        tie_word_embeddings=True, sliding_window=None, original_max_position_embeddings=64, **WIDE,
        **rope(partial_rotary_factor=0.75))),
    smollm3=("smollm3", dict(no_rope_layer_interval=2)),
    granite=("granite", dict(embedding_multiplier=3.0, logits_scaling=2.0, residual_multiplier=0.5, attention_multiplier=0.2)),
    olmo2=("olmo2", {}),
    olmo3=("olmo3", dict(sliding_window=WINDOW, layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
    gemma=("gemma", dict(head_dim=4, hidden_activation="gelu_pytorch_tanh", tie_word_embeddings=True)),
    gemma2=("gemma2", dict(
        head_dim=4, query_pre_attn_scalar=6, sliding_window=WINDOW, tie_word_embeddings=True, attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0)),
    gemma3=("gemma3_text", dict(
        head_dim=4, query_pre_attn_scalar=6, sliding_window=WINDOW, sliding_window_pattern=2, tie_word_embeddings=True,
        rope_parameters=dict(
            full_attention=dict(rope_type="linear", factor=2.0, rope_theta=100000.0),
            sliding_attention=dict(rope_type="default", rope_theta=10000.0)))),
    glm4=("glm4", dict(head_dim=8, attention_bias=True, **rope(partial_rotary_factor=0.5))),
    hunyuan=("hunyuan_v1_dense", dict(head_dim=4)),
    hunyuan_alpha=("hunyuan_v1_dense", dict(head_dim=4, **rope("dynamic", factor=1.0, alpha=1000.0))),
    exaone4=("exaone4", dict(sliding_window=WINDOW, sliding_window_pattern=3)),
    exaone4_full=("exaone4", dict(sliding_window=None, layer_types=["full_attention"] * 3)),
    stablelm=("stablelm", dict(use_qkv_bias=True, **WIDE, **rope(partial_rotary_factor=0.5))),
    stablelm_parallel=("stablelm", dict(
        qk_layernorm=True, use_parallel_residual=True, **WIDE, **rope(partial_rotary_factor=0.25))),
    starcoder2=("starcoder2", dict(sliding_window=WINDOW, residual_dropout=0.0, embedding_dropout=0.0)),
    cohere=("cohere", dict(logit_scale=0.5, tie_word_embeddings=True)),
    cohere_qk_norm=("cohere", dict(logit_scale=0.5, tie_word_embeddings=True, use_qk_norm=True, attention_bias=True)),
    cohere2=("cohere2", dict(logit_scale=0.5, tie_word_embeddings=True, head_dim=4, sliding_window=WINDOW,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"])),
    gpt2=("gpt2", dict(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, tie_word_embeddings=True)),
    gpt_neox=("gpt_neox", dict(**THREE, **rope(partial_rotary_factor=0.5))),
    gpt_neox_sequential=("gpt_neox", dict(use_parallel_residual=False, **THREE, **rope(partial_rotary_factor=0.5))),
)
# Others have bfloat16 weights.
OF_FLOAT32 = {"llama_linear", "qwen3_tied", "olmo2", "gemma", "phi3_longrope", "stablelm_parallel", "gpt_neox_sequential"}

# Transformers' name of a parameter, and its name in a file, where they differ.
FILE_NAMES = {"gpt_neox": {"lm_head.weight": "embed_out.weight"}}


def sizes(small):
    return (
        dict(vocab_size=61, hidden_size=12, intermediate_size=13, initializer_range=0.3) if small
        else dict(vocab_size=83, hidden_size=24, intermediate_size=29, initializer_range=0.2)
    ) | dict(num_hidden_layers=3, max_position_embeddings=64, **GROUPED)


def make_configuration(name, small):
    kind, fields = FAMILIES[name]
    common = sizes(small) | dict(
        bos_token_id=1, eos_token_id=2, pad_token_id=0, attention_dropout=0.0)
    if kind == "gpt2":
        common = dict(
            vocab_size=common["vocab_size"], n_embd=common["hidden_size"], n_inner=common["intermediate_size"], n_layer=3,
            n_head=3, n_positions=32, bos_token_id=1, eos_token_id=2, pad_token_id=0,
            initializer_range=common["initializer_range"])
    return AutoConfig.for_model(kind, **{**common, **fields})


def make_pairs(generator, vocabulary):
    def ids(count):
        return torch.randint(3, vocabulary, (count,), generator=generator).tolist()

    return [
        dict(prompt_ids=ids(prompt), chosen_ids=ids(chosen - 1) + [2], rejected_ids=ids(rejected - 1) + [2])
        for prompt, chosen, rejected in LENGTHS
    ]


def write_checkpoints(name, folder, small, seed):
    """A policy with all vectors moved off their defaults, and a reference near it."""
    torch.manual_seed(seed)
    kind = torch.float32 if name in OF_FLOAT32 else torch.bfloat16
    model = AutoModelForCausalLM.from_config(make_configuration(name, small), dtype=torch.float32)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.ndim == 1 or "norm" in key:
                parameter.add_(0.2 * torch.randn_like(parameter))
    model.to(kind).save_pretrained(folder / "policy")
    model.to(torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * parameter.std() * torch.randn_like(parameter))
    model.to(kind).save_pretrained(folder / "ref")
    for part in ["policy", "ref"]:
        # A sampler's defaults say nothing here.
        (folder / part / "generation_config.json").unlink(missing_ok=True)


@contextlib.contextmanager
def everything_in_float64():
    """Transformers casts norms, softmax and rotations to float32 whatever the model's type is. Here it finds float64."""
    saved = torch.float32, torch.float, torch.Tensor.float
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = saved
        torch.set_default_dtype(torch.float32)


def load(folder, kind):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=kind, attn_implementation="eager").eval()


def renew_constants(model):
    """Frequencies and factors of a model just made: of no sequence before, and of float64 within that context."""
    for name, module in list(model.named_modules()):
        if type(module).__name__.endswith("RotaryEmbedding"):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, type(module)(config=model.config))
        if hasattr(module, "scalar_embed_scale"):
            module.embed_scale = torch.tensor(module.scalar_embed_scale)


def log_probabilities(model, prompt, completion):
    renew_constants(model)
    ids = torch.tensor([prompt + completion])
    logits = model(input_ids=ids, use_cache=False).logits[0]
    rows = torch.log_softmax(logits[len(prompt) - 1:-1].double(), -1)
    return rows.gather(-1, ids[0, len(prompt):, None])[:, 0]


def values_of_pair(model, pair):
    return [log_probabilities(model, pair["prompt_ids"], pair[name]) for name in ("chosen_ids", "rejected_ids")]


def compute(folder, pairs, kind):
    """The values of `values.json`, and each tensor's gradient under its name in the file."""
    policy, reference = (load(folder / part, torch.float64) for part in ("policy", "ref"))
    losses, records = [], []
    with everything_in_float64():
        for pair in pairs:
            chosen, rejected = values_of_pair(policy, pair)
            with torch.no_grad():
                ref_chosen, ref_rejected = (values.sum() for values in values_of_pair(reference, pair))
            margin = (chosen.sum() - ref_chosen) - (rejected.sum() - ref_rejected)
            losses.append(-F.logsigmoid(BETA * margin))
            records.append(dict(
                chosen=chosen.tolist(), rejected=rejected.tolist(),
                ref_chosen=ref_chosen.item(), ref_rejected=ref_rejected.item()))
        loss = torch.stack(losses).mean()
        loss.backward()
    names = FILE_NAMES.get(kind, {})
    gradients = {names.get(name, name): parameter.grad for name, parameter in policy.named_parameters()}
    assert all(gradient is not None and gradient.dtype == torch.float64 for gradient in gradients.values())
    norm = sum(gradient.pow(2).sum() for gradient in gradients.values()).sqrt().item()

    # How far float32 is away by its own rounding: what a tolerance must allow at least.
    single = load(folder / "policy", torch.float32)
    with torch.no_grad():
        distance = max(
            abs(value - expected)
            for pair, record in zip(pairs, records)
            for values, name in zip(values_of_pair(single, pair), ("chosen", "rejected"))
            for value, expected in zip(values.tolist(), record[name]))
    return dict(loss=loss.item(), grad_norm=norm, records=records, float32_distance=distance), gradients


def check(folder, gradients):
    """Every part counts: a tensor without a gradient would hide a mistake."""
    with safe_open(folder / "policy" / "model.safetensors", "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
    assert shapes == {name: list(gradient.shape) for name, gradient in gradients.items()}, "names differ from the file's"
    for name, gradient in gradients.items():
        # Softmax does not see what all keys have in common.
        if not name.endswith("k_proj.bias"):
            assert gradient.abs().max() > 1e-9, f"{name} has no gradient"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", default=list(FAMILIES))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--seed", type=int, default=16)
    arguments = parser.parse_intermixed_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)

    pairs = make_pairs(torch.Generator().manual_seed(arguments.seed), sizes(arguments.small)["vocab_size"])
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    for name in arguments.names:
        folder = arguments.out / name
        # A family's values do not depend on which others are made.
        write_checkpoints(name, folder, arguments.small, arguments.seed + 1000 * list(FAMILIES).index(name))
        values, gradients = compute(folder, pairs, FAMILIES[name][0])
        check(folder, gradients)
        values = dict(model_type=FAMILIES[name][0], beta=BETA, transformers=transformers.__version__) | values
        (folder / "values.json").write_text(json.dumps(values) + "\n")
        save_file({key: value.float().contiguous() for key, value in gradients.items()}, folder / "gradients.safetensors")
        print(f"{name:20} loss {values['loss']:.6f}  gradient {values['grad_norm']:.4f}  "
            f"float32 is off by {values['float32_distance']:.1e}", flush=True)


if __name__ == "__main__":
    main()
