"""Writes rotary.json: what Transformers computes of rotary positions, in float64.

usage: python make.py > rotary.json (with torch and transformers 5 installed)

Each case has fields of config.json, and sequences: their length, the frequencies (radians for each position), the factor of
cosines and sines, and one head before and after it turns at the positions. Heads have the values of `column` below."""
import json
import math
import sys

import torch
import transformers

transformers.logging.set_verbosity_error()

# Transformers computes angles in float32. Here they are float64, so that the tests can be strict.
torch.set_default_dtype(torch.float64)
torch.float = torch.float32 = torch.float64
torch.Tensor.float = torch.Tensor.double

HEAD = dict(hidden_size=32, num_attention_heads=2, num_key_value_heads=2, num_hidden_layers=2, vocab_size=10,
            intermediate_size=32, bos_token_id=1, eos_token_id=2, pad_token_id=0)
SHORT, LONG = [1.0, 1.5, 2.0, 3.5], [1.25, 3.0, 7.5, 20.0]


def rope(**fields):
    return dict(rope_parameters=dict(fields))


# name: (model_type, fields, lengths)
CASES = {
    'default': ('llama', rope(rope_type='default', rope_theta=10000.0), [40]),
    'linear': ('llama', rope(rope_type='linear', rope_theta=500000.0, factor=4.0), [40]),
    'dynamic': ('llama', dict(max_position_embeddings=16, **rope(rope_type='dynamic', rope_theta=10000.0, factor=3.0)),
                [15, 16, 17, 40]),
    'llama3': ('llama', rope(rope_type='llama3', rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                             original_max_position_embeddings=64), [40]),
    'yarn': ('llama', rope(rope_type='yarn', rope_theta=10000.0, factor=4.0, original_max_position_embeddings=256), [40]),
    'yarn narrow': ('llama', rope(rope_type='yarn', rope_theta=100.0, factor=4.0, original_max_position_embeddings=5), [40]),
    'yarn untruncated': ('llama', rope(rope_type='yarn', rope_theta=10000.0, factor=4.0, beta_fast=8.0, beta_slow=2.0,
                                       truncate=False, original_max_position_embeddings=256), [40]),
    'yarn scales': ('llama', rope(rope_type='yarn', rope_theta=10000.0, factor=4.0, mscale=0.7, mscale_all_dim=1.3,
                                  original_max_position_embeddings=256), [40]),
    'yarn attention': ('llama', rope(rope_type='yarn', rope_theta=10000.0, factor=4.0, attention_factor=1.75,
                                     original_max_position_embeddings=256), [40]),
    'longrope': ('phi3', dict(max_position_embeddings=128, original_max_position_embeddings=16,
                              **rope(rope_type='longrope', rope_theta=10000.0, short_factor=SHORT, long_factor=LONG,
                                     partial_rotary_factor=0.5)), [15, 16, 17, 40]),
    'partial': ('stablelm', rope(rope_type='default', rope_theta=10000.0, partial_rotary_factor=0.25), [40]),
    'neighbours': ('cohere', rope(rope_type='default', rope_theta=10000.0), [40]),
    'partial neighbours': ('glm4', dict(head_dim=16, **rope(rope_type='default', rope_theta=10000.0,
                                                            partial_rotary_factor=0.5)), [40]),
    'alpha': ('hunyuan_v1_dense', dict(head_dim=16, **rope(rope_type='dynamic', rope_theta=10000.0, factor=1.0, alpha=1000.0)),
              [40]),
}
# (name, layer type): (model_type, fields), old names and new ones
LAYERED = {
    'gemma3_text': dict(rope_theta=1e6, rope_local_base_freq=5000.0, rope_scaling=dict(rope_type='linear', factor=8.0)),
    'olmo3': dict(rope_theta=500000.0, rope_scaling=dict(rope_type='yarn', factor=8.0, original_max_position_embeddings=64,
                                                         attention_factor=1.25)),
}


def column(index):
    return math.sin(1 + 3 * index)


def embedding(model_type, fields):
    configuration = transformers.AutoConfig.for_model(model_type, **{**HEAD, 'max_position_embeddings': 512, **fields})
    model = transformers.AutoModelForCausalLM.from_config(configuration, attn_implementation='eager')
    return configuration, model.model.rotary_emb


def turned(model_type, module, head, cosine, sine):
    """One head [E], turned by the family's own function, with the columns that don't turn behind."""
    count = cosine.shape[-1]
    query = head.view(1, 1, 1, -1)
    if model_type in ('glm4', 'phi3'):  # these functions split the head themselves
        return module.apply_rotary_pos_emb(query, query, cosine, sine)[0].flatten()
    front = module.apply_rotary_pos_emb(query[..., :count], query[..., :count], cosine, sine)[0].flatten()
    return torch.cat([front, head[count:]])


def sequence(model_type, rotary, length, positions, **layer):
    head = torch.tensor([column(index) for index in range(16)])
    cosine, sine = rotary(torch.zeros(1, 1), torch.arange(length)[None], **layer)
    module = sys.modules[type(rotary).__module__]
    turned_heads = [
        turned(model_type, module, head, cosine[:, p:p + 1], sine[:, p:p + 1]).tolist() for p in positions]
    return dict(length=length, positions=positions, turned=turned_heads)


def main():
    cases = []
    for name, (model_type, fields, lengths) in CASES.items():
        sequences = []
        for length in lengths:
            # A fresh module: dynamic frequencies depend on the longest sequence so far.
            _, rotary = embedding(model_type, fields)
            entry = sequence(model_type, rotary, length, [0, 1, 7, length - 1])
            sequences.append(dict(entry, frequencies=rotary.inv_freq.tolist()))
        cases.append(dict(name=name, model_type=model_type, fields=fields, factor=float(rotary.attention_scaling),
                          sequences=sequences))
    for model_type, fields in LAYERED.items():
        layers = dict(layer_types=['full_attention', 'sliding_attention'])
        configuration, rotary = embedding(model_type, dict(json.loads(json.dumps(fields)), head_dim=16, **layers))
        for layer in layers['layer_types']:
            entry = sequence(model_type, rotary, 40, [0, 7, 39], layer_type=layer)
            entry['frequencies'] = getattr(rotary, f'{layer}_inv_freq').tolist()
            cases.append(dict(name=f'{model_type} {layer}', model_type=model_type, fields=fields,
                              new_fields=dict(rope_parameters=configuration.rope_parameters), layer_type=layer,
                              factor=float(getattr(rotary, f'{layer}_attention_scaling')), sequences=[entry]))
    lines = [json.dumps(case) for case in cases]
    print('[\n' + ',\n'.join(lines) + '\n]')


main()
