#!/usr/bin/env python3
"""Reference values for settings that the folders of the published libraries and make_reference.py leave out.

    python3 make_variants.py [FOLDER ...]      (needs PyTorch; writes beside this file)

Plain float64 renderings as in make_reference.py, whose parts it uses. A weight is made, at random, where a forward pass first
asks for it, so that the forward passes alone say what tensors a family has.
"""
import math
import os
import sys

import torch

import make_reference as base

HERE = base.HERE
SMALL = dict(vocab_size=160, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=96,
             bos_token_id=1, eos_token_id=2)
ACTIVATIONS = dict(relu=torch.relu, silu=torch.nn.functional.silu, gelu=lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
                   gelu_new=base.gelu_tanh, gelu_pytorch_tanh=base.gelu_tanh)


class Maker(base.Model):
    """A model whose missing weights come into being."""

    def __init__(self, config, weights, generator):
        super().__init__(config, weights)
        self.generator = generator

    def need(self, name, shape, norm=False, offset=False):
        if name not in self.w:
            values = torch.randn(shape, generator=self.generator, dtype=torch.float64)
            inner = shape[0] if self.transposed and "wte" not in name else shape[-1]
            values = values * 0.3 + (0 if offset else 1) if norm else values * (0.2 if len(shape) == 1 else 1.2 / math.sqrt(inner))
            self.w[name] = values.float().double()


def dense(m, name, x, out, bias=True):
    if isinstance(m, Maker):
        m.need(name + ".weight", (x.shape[-1], out) if m.transposed else (out, x.shape[-1]))
        if bias:
            m.need(name + ".bias", (out,))
    return m.linear(name, x)


def table(m, name, rows, dim):
    if isinstance(m, Maker):
        m.need(name, (rows, dim))
    return m.w[name]


def layer_norm(m, name, x, epsilon=1e-5, affine=True):
    x = x - x.mean(-1, keepdim=True)
    x = x / torch.sqrt((x * x).mean(-1, keepdim=True) + epsilon)
    if not affine:
        return x
    if isinstance(m, Maker):
        m.need(name + ".weight", (x.shape[-1],), norm=True)
        m.need(name + ".bias", (x.shape[-1],))
    return x * m.w[name + ".weight"] + m.w[name + ".bias"]


def rms(m, name, x, one_plus=False):
    if isinstance(m, Maker):
        m.need(name + ".weight", (x.shape[-1],), norm=True, offset=one_plus)
    w = m.w[name + ".weight"]
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + m.c.get("rms_norm_eps", 1e-5 if m.c["model_type"] == "mixtral" else 1e-6)) * (1 + w if one_plus else w)


def attend(q, k, v, scale, window=None, bias=None, cap=None):
    """q [T, heads, dim], k and v [T, kv heads, dim] -> [T, heads * dim]; the bias is added to the scaled scores."""
    k, v = (t.repeat_interleave(q.shape[1] // k.shape[1], 1) for t in (k, v))
    q, k, v = (t.transpose(0, 1) for t in (q, k, v))
    scores = q @ k.transpose(1, 2) * scale
    if cap:
        scores = torch.tanh(scores / cap) * cap
    i = torch.arange(q.shape[1])
    hidden = i[None, :] > i[:, None]
    if window:
        hidden = hidden | (i[None, :] <= i[:, None] - window)
    scores = (scores if bias is None else scores + bias).masked_fill(hidden, -math.inf)
    return (torch.softmax(scores, -1) @ v).transpose(0, 1).flatten(1)


def turned(t, cos, sin):
    return base.rotate(t.transpose(0, 1), cos, sin).transpose(0, 1)


def slopes(heads):
    below = 2 ** math.floor(math.log2(heads))
    first = [2.0 ** (-8 * (i + 1) / below) for i in range(below)]
    return torch.tensor(first + [2.0 ** (-4 * (2 * i + 1) / below) for i in range(heads - below)], dtype=torch.float64)


def heads_of(m, at, x, names, heads, keys, dim, bias):
    return [dense(m, at + n, x, h * dim, bias).reshape(len(x), h, dim) for n, h in zip(names, (heads, keys, keys))]


def by_key_head(y, heads, keys, dim):
    y = y.reshape(len(y), keys, heads // keys + 2, dim)
    return y[:, :, :-2].reshape(len(y), heads, dim), y[:, :, -2], y[:, :, -1]


# ---- the families: ids [T] -> logits [T, vocabulary] ------------------------------------------------------------------------

def gpt(m, ids):
    """GPT-2 and GPT-BigCode."""
    c = m.c
    h, heads, conv = c["n_embd"], c["n_head"], m.transposed
    act, middle = ACTIVATIONS[c["activation_function"]], c.get("n_inner") or 4 * h
    tokens = table(m, "transformer.wte.weight", c["vocab_size"], h)
    x = tokens[ids] + table(m, "transformer.wpe.weight", c["n_positions"], h)[:len(ids)]
    for i in range(c["n_layer"]):
        at = "transformer.h.%d." % i
        y = dense(m, at + "attn.c_attn", layer_norm(m, at + "ln_1", x), 3 * h)
        q, k, v = (t.reshape(len(ids), heads, -1) for t in y.chunk(3, -1)) if conv else by_key_head(y, heads, heads, h // heads)
        scale = math.sqrt(heads / h) if c.get("scale_attn_weights", True) else 1
        scale = scale / (i + 1) if c.get("scale_attn_by_inverse_layer_idx") else scale
        x = x + dense(m, at + "attn.c_proj", attend(q, k, v, scale), h)
        y = dense(m, at + "mlp.c_fc", layer_norm(m, at + "ln_2", x), middle)
        x = x + dense(m, at + "mlp.c_proj", act(y), h)
    return layer_norm(m, "transformer.ln_f", x) @ tokens.T


def gpt_neo(m, ids):
    c = m.c
    h, heads = c["hidden_size"], c["num_heads"]
    kinds = [k for kinds, times in c["attention_types"] for _ in range(times) for k in kinds]
    tokens = table(m, "transformer.wte.weight", c["vocab_size"], h)
    x = tokens[ids] + table(m, "transformer.wpe.weight", c["max_position_embeddings"], h)[:len(ids)]
    for i, kind in enumerate(kinds):
        at = "transformer.h.%d." % i
        q, k, v = heads_of(m, at + "attn.attention.", layer_norm(m, at + "ln_1", x), ("q_proj", "k_proj", "v_proj"), heads, heads, h // heads, False)
        x = x + dense(m, at + "attn.attention.out_proj", attend(q, k, v, 1, c["window_size"] if kind == "local" else None), h)
        y = dense(m, at + "mlp.c_fc", layer_norm(m, at + "ln_2", x), c["intermediate_size"])
        x = x + dense(m, at + "mlp.c_proj", ACTIVATIONS[c["activation_function"]](y), h)
    return layer_norm(m, "transformer.ln_f", x) @ tokens.T


def bloom(m, ids):
    """The stream carries what the norms give."""
    c = m.c
    h, heads = c["hidden_size"], c["n_head"]
    bias = slopes(heads)[:, None, None] * torch.arange(len(ids))
    tokens = table(m, "transformer.word_embeddings.weight", c["vocab_size"], h)
    x = layer_norm(m, "transformer.word_embeddings_layernorm", tokens[ids])
    for i in range(c["n_layer"]):
        at = "transformer.h.%d." % i
        x = layer_norm(m, at + "input_layernorm", x)
        q, k, v = by_key_head(dense(m, at + "self_attention.query_key_value", x, 3 * h), heads, heads, h // heads)
        x = x + dense(m, at + "self_attention.dense", attend(q, k, v, math.sqrt(heads / h), bias=bias), h)
        x = layer_norm(m, at + "post_attention_layernorm", x)
        x = x + dense(m, at + "mlp.dense_4h_to_h", base.gelu_tanh(dense(m, at + "mlp.dense_h_to_4h", x, 4 * h)), h)
    return layer_norm(m, "transformer.ln_f", x) @ tokens.T


def falcon(m, ids):
    c = m.c
    h, heads, biased, newer = c["hidden_size"], c["num_attention_heads"], c.get("bias", False), c.get("new_decoder_architecture", False)
    dim, parallel = h // heads, c.get("parallel_attn", True)
    keys = c.get("num_kv_heads") or heads if newer else 1 if c.get("multi_query", True) else heads
    cos, sin = base.angles(dict(c, head_dim=dim), len(ids), c.get("rope_theta", 10000.0), c.get("rope_scaling"))
    bias = None
    if c.get("alibi"):
        # Both factors and the product are bfloat16 numbers.
        bias = (slopes(heads).bfloat16()[:, None] * torch.arange(len(ids)).bfloat16()).double()[:, None, :] / math.sqrt(dim)
    tokens = table(m, "transformer.word_embeddings.weight", c["vocab_size"], h)
    x = tokens[ids]
    for i in range(c["num_hidden_layers"]):
        at = "transformer.h.%d." % i
        two = newer and c.get("num_ln_in_parallel_attn", 2) == 2
        first = layer_norm(m, at + ("ln_attn" if two else "input_layernorm"), x)
        y = dense(m, at + "self_attention.query_key_value", first, (heads + 2 * keys) * dim, biased)
        q, k, v = by_key_head(y, heads, keys, dim)
        if not c.get("alibi"):
            q, k = turned(q, cos, sin), turned(k, cos, sin)
        a = dense(m, at + "self_attention.dense", attend(q, k, v, dim ** -0.5, bias=bias), h, biased)
        second = layer_norm(m, at + "ln_mlp", x) if two else first if parallel else layer_norm(m, at + "post_attention_layernorm", x + a)
        act = ACTIVATIONS[c.get("activation", "gelu")]
        y = dense(m, at + "mlp.dense_h_to_4h", second, c.get("ffn_hidden_size") or 4 * h, biased)
        x = x + a + dense(m, at + "mlp.dense_4h_to_h", act(y), h, biased)
    return layer_norm(m, "transformer.ln_f", x) @ tokens.T


def phi(m, ids):
    c = m.c
    h, heads, keys = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"]
    dim = h // heads
    cos, sin = base.angles(c, len(ids), 10000.0, c.get("rope_scaling"), int(dim * c["partial_rotary_factor"]))
    x = table(m, "model.embed_tokens.weight", c["vocab_size"], h)[ids]
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        y = layer_norm(m, at + "input_layernorm", x)
        q, k, v = heads_of(m, at + "self_attn.", y, ("q_proj", "k_proj", "v_proj"), heads, keys, dim, True)
        q, k = (turned(layer_norm(m, at + "self_attn." + n, t), cos, sin) for n, t in (("q_layernorm", q), ("k_layernorm", k)))
        a = dense(m, at + "self_attn.dense", attend(q, k, v, dim ** -0.5), h)
        x = x + a + dense(m, at + "mlp.fc2", base.gelu_tanh(dense(m, at + "mlp.fc1", y, c["intermediate_size"])), h)
    return dense(m, "lm_head", layer_norm(m, "model.final_layernorm", x), c["vocab_size"])


def opt(m, ids):
    c = m.c
    h, heads, biased, affine = c["hidden_size"], c["num_attention_heads"], c["enable_bias"], c["layer_norm_elementwise_affine"]
    tokens = table(m, "model.decoder.embed_tokens.weight", c["vocab_size"], h)
    places = table(m, "model.decoder.embed_positions.weight", c["max_position_embeddings"] + 2, h)
    x = tokens[ids] + places[2:len(ids) + 2]
    for i in range(c["num_hidden_layers"]):
        at = "model.decoder.layers.%d." % i
        y = layer_norm(m, at + "self_attn_layer_norm", x, affine=affine) if c["do_layer_norm_before"] else x
        q, k, v = heads_of(m, at + "self_attn.", y, ("q_proj", "k_proj", "v_proj"), heads, heads, h // heads, biased)
        x = x + dense(m, at + "self_attn.out_proj", attend(q, k, v, math.sqrt(heads / h)), h, biased)
        x = x if c["do_layer_norm_before"] else layer_norm(m, at + "self_attn_layer_norm", x, affine=affine)
        y = layer_norm(m, at + "final_layer_norm", x, affine=affine) if c["do_layer_norm_before"] else x
        x = x + dense(m, at + "fc2", ACTIVATIONS[c["activation_function"]](dense(m, at + "fc1", y, c["ffn_dim"], biased)), h, biased)
        x = x if c["do_layer_norm_before"] else layer_norm(m, at + "final_layer_norm", x, affine=affine)
    x = layer_norm(m, "model.decoder.final_layer_norm", x, affine=affine) if c["do_layer_norm_before"] else x
    return x @ table(m, "lm_head.weight", c["vocab_size"], h).T


def starcoder2(m, ids):
    c = m.c
    h, heads, keys, biased = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["use_bias"]
    cos, sin = base.angles(c, len(ids), 10000.0)
    tokens = table(m, "model.embed_tokens.weight", c["vocab_size"], h)
    x = tokens[ids]
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        y = layer_norm(m, at + "input_layernorm", x)
        q, k, v = heads_of(m, at + "self_attn.", y, ("q_proj", "k_proj", "v_proj"), heads, keys, h // heads, biased)
        y = attend(turned(q, cos, sin), turned(k, cos, sin), v, math.sqrt(heads / h), c["sliding_window"])
        x = x + dense(m, at + "self_attn.o_proj", y, h, biased)
        y = dense(m, at + "mlp.c_fc", layer_norm(m, at + "post_attention_layernorm", x), c["intermediate_size"], biased)
        x = x + dense(m, at + "mlp.c_proj", base.gelu_tanh(y), h, biased)
    return layer_norm(m, "model.norm", x) @ tokens.T


def feed_gated(m, at, x, act, names=("gate_proj", "up_proj", "down_proj")):
    gate, up = (dense(m, at + n, x, m.c["intermediate_size"], False) for n in names[:2])
    return dense(m, at + names[2], act(gate) * up, x.shape[-1], False)


def experts(m, at, x):
    """Every expert on every token; all but the best few get weight 0."""
    best = torch.softmax(dense(m, at + "gate", x, m.c["num_local_experts"], False), -1).topk(m.c["num_experts_per_tok"], -1)
    weights = torch.zeros(len(x), m.c["num_local_experts"], dtype=x.dtype).scatter(-1, best.indices, best.values / best.values.sum(-1, keepdim=True))
    return sum(weights[:, e:e + 1] * feed_gated(m, at + "experts.%d." % e, x, ACTIVATIONS["silu"], ("w1", "w3", "w2")) for e in range(weights.shape[1]))


def llama(m, ids):
    """Mistral, Mixtral, Qwen2 and Qwen3."""
    c = m.c
    h, heads, keys, kind = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["model_type"]
    dim = c.get("head_dim") or h // heads
    cos, sin = base.angles(c, len(ids), c.get("rope_theta", 1e6 if kind == "mixtral" else 1e4), c.get("rope_scaling"))
    x = table(m, "model.embed_tokens.weight", c["vocab_size"], h)[ids]
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        kinds = c.get("layer_types") or ["sliding_attention" if i >= c.get("max_window_layers", 0) else "full_attention" for i in range(c["num_hidden_layers"])]
        window = c["sliding_window"] if kinds[i] == "sliding_attention" else None
        y = rms(m, at + "input_layernorm", x)
        q, k, v = heads_of(m, at + "self_attn.", y, ("q_proj", "k_proj", "v_proj"), heads, keys, dim, kind == "qwen2")
        if kind == "qwen3":
            q, k = rms(m, at + "self_attn.q_norm", q), rms(m, at + "self_attn.k_norm", k)
        y = attend(turned(q, cos, sin), turned(k, cos, sin), v, dim ** -0.5, window)
        x = x + dense(m, at + "self_attn.o_proj", y, h, False)
        y = rms(m, at + "post_attention_layernorm", x)
        x = x + (experts(m, at + "block_sparse_moe.", y) if kind == "mixtral" else feed_gated(m, at + "mlp.", y, ACTIVATIONS["silu"]))
    return rms(m, "model.norm", x) @ table(m, "lm_head.weight", c["vocab_size"], h).T


def gemma(m, ids):
    """Gemma 2 and 3 with their layers' kinds listed."""
    c = m.c
    h, heads, keys, dim, third = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], c["model_type"] == "gemma3_text"
    rotations = {k: base.angles(c, len(ids), r["rope_theta"], r) for k, r in c["rope_parameters"].items()} if third else {}
    plain = base.angles(c, len(ids), 10000.0)
    tokens = table(m, "model.embed_tokens.weight", c["vocab_size"], h)
    x = tokens[ids] * math.sqrt(h)
    for i, kind in enumerate(c["layer_types"]):
        at = "model.layers.%d." % i
        y = rms(m, at + "input_layernorm", x, True)
        q, k, v = heads_of(m, at + "self_attn.", y, ("q_proj", "k_proj", "v_proj"), heads, keys, dim, False)
        if third:
            q, k = rms(m, at + "self_attn.q_norm", q, True), rms(m, at + "self_attn.k_norm", k, True)
        cos, sin = rotations.get(kind, plain)
        y = attend(turned(q, cos, sin), turned(k, cos, sin), v, c["query_pre_attn_scalar"] ** -0.5,
                   c["sliding_window"] if kind == "sliding_attention" else None, cap=c.get("attn_logit_softcapping"))
        x = x + rms(m, at + "post_attention_layernorm", dense(m, at + "self_attn.o_proj", y, h, False), True)
        y = feed_gated(m, at + "mlp.", rms(m, at + "pre_feedforward_layernorm", x, True), base.gelu_tanh)
        x = x + rms(m, at + "post_feedforward_layernorm", y, True)
    logits = rms(m, "model.norm", x, True) @ tokens.T
    return torch.tanh(logits / c["final_logit_softcapping"]) * c["final_logit_softcapping"]


# ---- the models -------------------------------------------------------------------------------------------------------------

GPT = dict(vocab_size=160, n_embd=32, n_layer=2, n_head=4, n_positions=96, bos_token_id=1, eos_token_id=2)
FALCON = {k: v for k, v in SMALL.items() if k != "intermediate_size"}
GROUPED = dict(SMALL, num_key_value_heads=2, tie_word_embeddings=False)
GEMMA = dict(SMALL, num_key_value_heads=2, head_dim=16, num_hidden_layers=4, query_pre_attn_scalar=24, sliding_window=9, tie_word_embeddings=True,
             final_logit_softcapping=8.0)
MODELS = {
    "gpt2_scales": (dict(GPT, model_type="gpt2", scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True, n_inner=48, activation_function="gelu"), gpt),
    "gpt2_unscaled": (dict(GPT, model_type="gpt2", scale_attn_weights=False, activation_function="gelu_new"), gpt),
    "gpt_bigcode_heads": (dict(GPT, model_type="gpt_bigcode", multi_query=False, n_inner=48, activation_function="gelu"), gpt),
    "gpt_neo_pattern": (dict(vocab_size=160, hidden_size=32, num_heads=4, num_layers=4, max_position_embeddings=96, window_size=8, intermediate_size=48,
                             activation_function="gelu_new", attention_types=[[["local"], 1], [["global", "global", "local"], 1]],
                             model_type="gpt_neo", bos_token_id=1, eos_token_id=2), gpt_neo),
    "bloom_post_norm": (dict(vocab_size=160, hidden_size=32, n_layer=2, n_head=4, apply_residual_connection_post_layernorm=True, model_type="bloom",
                             bos_token_id=1, eos_token_id=2), bloom),
    "falcon_rw_mqa": (dict(FALCON, model_type="falcon", alibi=True, bias=True, parallel_attn=False), falcon),
    "falcon_grouped_alibi": (dict(FALCON, model_type="falcon", new_decoder_architecture=True, num_kv_heads=2, alibi=True, bias=True), falcon),
    "falcon_heads_dynamic": (dict(FALCON, model_type="falcon", multi_query=False, max_position_embeddings=32, ffn_hidden_size=48, activation="relu",
                                  rope_scaling=dict(type="dynamic", rope_type="dynamic", factor=4.0)), falcon),
    "phi_qk_norm": (dict(GROUPED, model_type="phi", hidden_act="gelu_new", qk_layernorm=True, partial_rotary_factor=0.5), phi),
    "opt_bare": (dict(SMALL, model_type="opt", ffn_dim=48, do_layer_norm_before=True, enable_bias=False, layer_norm_elementwise_affine=False,
                      activation_function="gelu", tie_word_embeddings=False), opt),
    "opt_norm_after": (dict(SMALL, model_type="opt", ffn_dim=48, do_layer_norm_before=False, enable_bias=True, layer_norm_elementwise_affine=True,
                            activation_function="relu", tie_word_embeddings=False), opt),
    "starcoder2_window": (dict(SMALL, model_type="starcoder2", num_key_value_heads=2, use_bias=False, sliding_window=9), starcoder2),
    "mistral_full": (dict(GROUPED, model_type="mistral", sliding_window=None, head_dim=16), llama),
    "mixtral_window": (dict(GROUPED, model_type="mixtral", sliding_window=9, num_local_experts=4, num_experts_per_tok=3), llama),
    "qwen2_window": (dict(GROUPED, model_type="qwen2", num_hidden_layers=3, use_sliding_window=True, sliding_window=9, max_window_layers=1), llama),
    "qwen3_layers": (dict(GROUPED, model_type="qwen3", head_dim=16, num_hidden_layers=3, use_sliding_window=True, sliding_window=9,
                          layer_types=["sliding_attention", "full_attention", "sliding_attention"]), llama),
    "llama_longrope": (dict(GROUPED, model_type="llama", max_position_embeddings=96, original_max_position_embeddings=32, sliding_window=None,
                            rope_scaling=dict(rope_type="longrope", short_factor=[1.0, 1.2, 1.4, 1.6], long_factor=[2.0, 3.0, 4.0, 5.0])), llama),
    "gemma2_layers": (dict(GEMMA, model_type="gemma2", attn_logit_softcapping=5.0,
                           layer_types=["full_attention", "sliding_attention", "sliding_attention", "full_attention"]), gemma),
    "gemma3_layers": (dict(GEMMA, model_type="gemma3_text", layer_types=["full_attention", "sliding_attention", "full_attention", "sliding_attention"],
                           rope_parameters=dict(full_attention=dict(rope_type="linear", factor=4.0, rope_theta=5000.0),
                                                sliding_attention=dict(rope_type="default", rope_theta=300.0))), gemma),
}
LAST_NORM = {gpt: "transformer.ln_f", gpt_neo: "transformer.ln_f", bloom: "transformer.ln_f", falcon: "transformer.ln_f", phi: "model.final_layernorm"}


def last_norm(config, forward):
    """What the logits' size is set by: the last norm, or the head where there is none with a factor."""
    if forward is opt:
        return "lm_head.weight"
    return LAST_NORM.get(forward, "model.norm") + ".weight"


def make(forward):
    def weights(config, generator):
        m = Maker(config, {}, generator)
        forward(m, torch.arange(4))
        return {n: t.float() for n, t in m.w.items()}
    return weights


if __name__ == "__main__":
    torch.set_num_threads(1)
    for place, (folder, (config, forward)) in enumerate(MODELS.items()):
        if len(sys.argv) > 1 and folder not in sys.argv[1:]:
            continue
        for again in range(50):
            try:
                base.record(os.path.join(HERE, folder), config, forward, 500 + place + 1000 * again, make(forward), last_norm(config, forward))
                print(folder)
                break
            except base.Tie:
                continue
