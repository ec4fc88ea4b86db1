#!/usr/bin/env python3
"""Reference values for model families that have none from the published libraries.

    python3 make_reference.py [FOLDER ...]      (needs PyTorch; writes beside this file)

A plain rendering of each published architecture in PyTorch, in float64, written for being read: one sequence at a time, no
cache, no packing, heads expanded, every expert run. It shares nothing with the product. Models are small and random; norm
weights and biases are random too, so that nothing hides. Each folder has the layout of a published one, golden.json with
log-probabilities and greedy ids, and lora/ with an adapter before and after four AdamW steps.
"""
import json
import math
import os
import struct
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
VOCAB, LENGTH, PROMPT, NEW = 320, 48, 12, 32


# ---- the parts --------------------------------------------------------------------------------------------------------------

class Model:
    """Weights by name, an optional adapter, and what the families are made of."""

    def __init__(self, config, weights):
        self.c, self.w, self.lora, self.scale = config, weights, {}, 1.0
        self.transposed = config["model_type"] == "gpt2"

    def linear(self, name, x):
        y = x @ (self.w[name + ".weight"] if self.transposed else self.w[name + ".weight"].T)
        if name + ".bias" in self.w:
            y = y + self.w[name + ".bias"]
        if name in self.lora:
            a, b = self.lora[name]
            y = y + self.scale * ((x @ a.T) @ b.T)
        return y

    def rms(self, name, x, one_plus=False):
        w = self.w[name + ".weight"]
        x = x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.c["rms_norm_eps"])
        return x * (1 + w if one_plus else w)

    def attention(self, layer, x, cos, sin, scale, window=None, norm=None, project=None):
        c, at = self.c, "model.layers.%d.self_attn." % layer
        heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
        dim = c.get("head_dim") or c["hidden_size"] // heads
        q, k, v = project(at, x) if project else [self.linear(at + n, x) for n in ("q_proj", "k_proj", "v_proj")]
        if norm == "all":
            q, k = self.rms(at + "q_norm", q), self.rms(at + "k_norm", k)
        q, k, v = (t.reshape(len(x), -1, dim).transpose(0, 1) for t in (q, k, v))
        if norm in ("head", "head1"):
            q, k = (self.rms(at + n, t, norm == "head1") for n, t in (("q_norm", q), ("k_norm", k)))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k, v = (t.repeat_interleave(heads // kv, 0) for t in (k, v))
        i = torch.arange(len(x))
        hidden = i[None, :] > i[:, None]
        if window:
            hidden = hidden | (i[None, :] <= i[:, None] - window)
        scores = (q @ k.transpose(1, 2) * scale).masked_fill(hidden, -math.inf)
        y = torch.softmax(scores, -1) @ v
        return self.linear(at + "o_proj", y.transpose(0, 1).reshape(len(x), heads * dim))

    def gated(self, at, x, act=None):
        act = act or torch.nn.functional.silu
        return self.linear(at + "down_proj", act(self.linear(at + "gate_proj", x)) * self.linear(at + "up_proj", x))


def gelu_tanh(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def rotate(x, cos, sin):
    """[heads, T, dim]; element i is paired with i + half."""
    half = cos.shape[-1]
    a, b, rest = x[..., :half], x[..., half:2 * half], x[..., 2 * half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)


def angles(c, length, theta, scaling=None, dim=None):
    """Cosines and sines [T, dim / 2] of a sequence of this length."""
    dim = dim or c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    scaling, factor, context = scaling or {}, 1.0, c["max_position_embeddings"]
    kind = scaling.get("rope_type", "default")
    exponent = torch.arange(0, dim, 2, dtype=torch.float64) / dim
    if kind == "dynamic" and length > context:
        theta = theta * (scaling["factor"] * length / context - (scaling["factor"] - 1)) ** (dim / (dim - 2))
    freq = theta ** -exponent
    if kind == "linear":
        freq = freq / scaling["factor"]
    if kind == "yarn":
        context = scaling["original_max_position_embeddings"]

        def pair(turns):
            return dim * math.log(context / (turns * 2 * math.pi)) / (2 * math.log(theta))
        low, high = max(math.floor(pair(32)), 0), min(math.ceil(pair(1)), dim - 1)
        ramp = ((torch.arange(dim // 2) - low) / (high - low if high > low else 0.001)).clamp(0, 1)
        freq = freq / scaling["factor"] * ramp + freq * (1 - ramp)
        factor = 0.1 * math.log(scaling["factor"]) + 1
    if kind == "longrope":
        context = c["original_max_position_embeddings"]
        freq = freq / torch.tensor(scaling["long_factor" if length > context else "short_factor"], dtype=torch.float64)
        factor = math.sqrt(1 + math.log(c["max_position_embeddings"] / context) / math.log(context))
    turns = torch.arange(length, dtype=torch.float64)[:, None] * freq
    return turns.cos() * factor, turns.sin() * factor


# ---- the families: ids [T] -> logits [T, vocabulary] ------------------------------------------------------------------------

def llama_like(m, ids, norm=None, multipliers=(1, None, 1, 1), mlp=None):
    c = m.c
    embedding, attention, residual, logits = multipliers
    dim = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    cos, sin = angles(c, len(ids), c["rope_theta"], c.get("rope_scaling"))
    x = m.w["model.embed_tokens.weight"][ids] * embedding
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        h = m.attention(i, m.rms(at + "input_layernorm", x), cos, sin, attention or dim ** -0.5, norm=norm)
        x = x + residual * h
        h = m.rms(at + "post_attention_layernorm", x)
        x = x + residual * (mlp(m, at, h) if mlp else m.gated(at + "mlp.", h))
    return head(m, m.rms("model.norm", x)) / logits


def head(m, x):
    return x @ m.w["model.embed_tokens.weight" if m.c["tie_word_embeddings"] else "lm_head.weight"].T


def granite_multipliers(c):
    return c["embedding_multiplier"], c["attention_multiplier"], c["residual_multiplier"], c["logits_scaling"]


def granite_experts(m, at, x):
    """Every expert on every token; all but the best few get weight 0."""
    at += "block_sparse_moe."
    scores = m.linear(at + "router.layer", x)
    best = scores.topk(m.c["num_experts_per_tok"], -1)
    weights = torch.zeros_like(scores).scatter(-1, best.indices, torch.softmax(best.values, -1))
    total = 0
    for e in range(m.c["num_local_experts"]):
        gate, up = (x @ m.w[at + "input_linear.weight"][e].T).chunk(2, -1)
        y = (torch.nn.functional.silu(gate) * up) @ m.w[at + "output_linear.weight"][e].T
        total = total + weights[:, e:e + 1] * y
    return total


def olmo2(m, ids):
    c = m.c
    cos, sin = angles(c, len(ids), c["rope_theta"])
    x = m.w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        h = m.attention(i, x, cos, sin, (c["hidden_size"] // c["num_attention_heads"]) ** -0.5, norm="all")
        x = x + m.rms(at + "post_attention_layernorm", h)
        x = x + m.rms(at + "post_feedforward_layernorm", m.gated(at + "mlp.", x))
    return head(m, m.rms("model.norm", x))


def gemma3(m, ids):
    c = m.c
    wide = angles(c, len(ids), c["rope_theta"], c["rope_scaling"])
    narrow = angles(c, len(ids), c["rope_local_base_freq"])
    x = m.w["model.embed_tokens.weight"][ids] * math.sqrt(c["hidden_size"])
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        local = (i + 1) % c["sliding_window_pattern"] != 0
        h = m.rms(at + "input_layernorm", x, True)
        h = m.attention(i, h, *(narrow if local else wide), c["query_pre_attn_scalar"] ** -0.5, c["sliding_window"] if local else None, "head1")
        x = x + m.rms(at + "post_attention_layernorm", h, True)
        h = m.gated(at + "mlp.", m.rms(at + "pre_feedforward_layernorm", x, True), gelu_tanh)
        x = x + m.rms(at + "post_feedforward_layernorm", h, True)
    return head(m, m.rms("model.norm", x, True))


def phi3(m, ids):
    c = m.c
    heads, kv, dim = c["num_attention_heads"], c["num_key_value_heads"], c["hidden_size"] // c["num_attention_heads"]
    rotated = int(dim * c.get("partial_rotary_factor", 1))
    cos, sin = angles(c, len(ids), c["rope_theta"], c.get("rope_scaling"), rotated)
    x = m.w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        h = m.attention(i, m.rms(at + "input_layernorm", x), cos, sin, dim ** -0.5, c["sliding_window"],
                        project=lambda a, t: m.linear(a + "qkv_proj", t).split([heads * dim, kv * dim, kv * dim], -1))
        x = x + h
        gate, up = m.linear(at + "mlp.gate_up_proj", m.rms(at + "post_attention_layernorm", x)).chunk(2, -1)
        x = x + m.linear(at + "mlp.down_proj", torch.nn.functional.silu(gate) * up)
    return head(m, m.rms("model.norm", x))


def layer_norm(m, name, x, epsilon):
    x = x - x.mean(-1, keepdim=True)
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + epsilon) * m.w[name + ".weight"]


def cohere(m, ids):
    """Command R+: norms of the heads, pairs of neighbours rotated, both parts on one norm."""
    c, epsilon = m.c, m.c["layer_norm_eps"]
    heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
    dim = c["hidden_size"] // heads
    cos, sin = angles(c, len(ids), c["rope_theta"])

    def turn(t):
        a, b = t[..., 0::2], t[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
    hidden = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(1)
    x = m.w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        h = layer_norm(m, at + "input_layernorm", x, epsilon)
        q, k, v = (m.linear(at + "self_attn." + n, h).reshape(len(ids), -1, dim) for n in ("q_proj", "k_proj", "v_proj"))
        q, k = (turn(layer_norm(m, at + "self_attn." + n, t, epsilon).transpose(0, 1)) for n, t in (("q_norm", q), ("k_norm", k)))
        k, v = (t.repeat_interleave(heads // kv, 0) for t in (k, v.transpose(0, 1)))
        y = torch.softmax((q @ k.transpose(1, 2) / math.sqrt(dim)).masked_fill(hidden, -math.inf), -1) @ v
        x = x + m.linear(at + "self_attn.o_proj", y.transpose(0, 1).flatten(1)) + m.gated(at + "mlp.", h)
    return head(m, layer_norm(m, "model.norm", x, epsilon)) * c["logit_scale"]


def mpt(m, ids):
    """Biases by distance where the number of heads is no power of two; clipped projections."""
    c = m.c
    heads, dim = c["n_heads"], c["d_model"] // c["n_heads"]
    above = 2 ** math.ceil(math.log2(heads))
    slopes = [2.0 ** (-8 * (i + 1) / above) for i in range(above)]
    slopes = torch.tensor((slopes[1::2] + slopes[0::2])[:heads] if above != heads else slopes, dtype=torch.float64)
    i = torch.arange(len(ids))
    bias = (slopes[:, None, None] * (i[None, :] - i[:, None])).masked_fill(i[None, :] > i[:, None], -math.inf)
    x = m.w["transformer.wte.weight"][ids]
    for n in range(c["n_layers"]):
        at = "transformer.blocks.%d." % n
        qkv = m.linear(at + "attn.Wqkv", layer_norm(m, at + "norm_1", x, 1e-5)).clamp(-c["attn_config"]["clip_qkv"], c["attn_config"]["clip_qkv"])
        q, k, v = (t.reshape(len(ids), heads, dim).transpose(0, 1) for t in qkv.chunk(3, -1))
        y = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(dim) + bias, -1) @ v
        x = x + m.linear(at + "attn.out_proj", y.transpose(0, 1).flatten(1))
        h = m.linear(at + "ffn.up_proj", layer_norm(m, at + "norm_2", x, 1e-5))
        x = x + m.linear(at + "ffn.down_proj", h * 0.5 * (1 + torch.erf(h / math.sqrt(2))))
    return layer_norm(m, "transformer.norm_f", x, 1e-5) @ m.w["transformer.wte.weight"].T


# ---- the models -------------------------------------------------------------------------------------------------------------

BASE = dict(vocab_size=VOCAB, hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=96, rms_norm_eps=1e-6, rope_theta=10000.0, hidden_act="silu", tie_word_embeddings=False,
            bos_token_id=1, eos_token_id=2)
SMALL = dict(BASE, hidden_size=32, intermediate_size=48)
GRANITE = dict(embedding_multiplier=3.0, attention_multiplier=0.2, residual_multiplier=0.6, logits_scaling=1.7, rms_norm_eps=1e-5)
MODELS = {
    "qwen3": (dict(BASE, model_type="qwen3", head_dim=16, tie_word_embeddings=True, rope_theta=1e6), lambda m, i: llama_like(m, i, "head")),
    "olmo2": (dict(BASE, model_type="olmo2", rms_norm_eps=1e-5), olmo2),
    "granite": (dict(BASE, **dict(GRANITE, model_type="granite", attention_bias=True, mlp_bias=True)),
                lambda m, i: llama_like(m, i, multipliers=granite_multipliers(m.c))),
    "granitemoe": (dict(BASE, **dict(GRANITE, model_type="granitemoe", num_local_experts=4, num_experts_per_tok=2, tie_word_embeddings=True)),
                   lambda m, i: llama_like(m, i, multipliers=granite_multipliers(m.c), mlp=granite_experts)),
    "gemma3": (dict(SMALL, model_type="gemma3_text", hidden_activation="gelu_pytorch_tanh", head_dim=16, num_hidden_layers=3, tie_word_embeddings=True,
                    query_pre_attn_scalar=24, sliding_window=16, sliding_window_pattern=3, rope_theta=1e6, rope_local_base_freq=10000.0,
                    rope_scaling=dict(rope_type="linear", factor=8.0)), gemma3),
    "phi3_longrope": (dict(BASE, model_type="phi3", original_max_position_embeddings=32, sliding_window=None, partial_rotary_factor=0.5,
                           rope_scaling=dict(rope_type="longrope", short_factor=[1.0, 1.25, 1.5], long_factor=[1.5, 3.0, 6.0])), phi3),
    "cohere_qk_norm": (dict(SMALL, model_type="cohere", layer_norm_eps=1e-5, use_qk_norm=True, logit_scale=0.3, tie_word_embeddings=True), cohere),
    "mpt_6heads": (dict(model_type="mpt", d_model=48, n_heads=6, n_layers=2, expansion_ratio=4, max_seq_len=96, vocab_size=VOCAB, no_bias=True,
                        layer_norm_epsilon=1e-5, attn_config=dict(clip_qkv=1.2), tie_word_embeddings=True), mpt),
    "llama_linear": (dict(SMALL, model_type="llama", rope_scaling=dict(rope_type="linear", factor=4.0)), llama_like),
    "llama_dynamic": (dict(SMALL, model_type="llama", max_position_embeddings=32, rope_scaling=dict(rope_type="dynamic", factor=2.0)), llama_like),
    "llama_yarn": (dict(SMALL, model_type="llama", rope_scaling=dict(rope_type="yarn", factor=3.0, original_max_position_embeddings=32)), llama_like),
}


def shapes(c):
    """Every tensor's name and shape, as the published checkpoints have them."""
    if c["model_type"] == "mpt":
        yield from mpt_shapes(c)
        return
    h, f, kind = c["hidden_size"], c["intermediate_size"], c["model_type"]
    dim = c.get("head_dim") or h // c["num_attention_heads"]
    q, k = c["num_attention_heads"] * dim, c["num_key_value_heads"] * dim
    yield "model.embed_tokens.weight", (c["vocab_size"], h)
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        norms = ([] if kind == "cohere" else ["post_attention_layernorm"]) + ([] if kind == "olmo2" else ["input_layernorm"])
        if kind in ("olmo2", "gemma3_text"):
            norms.append("post_feedforward_layernorm")
        if kind == "gemma3_text":
            norms.append("pre_feedforward_layernorm")
        for n in norms:
            yield at + n + ".weight", (h,)
        if kind in ("qwen3", "gemma3_text", "olmo2"):
            yield at + "self_attn.q_norm.weight", (q if kind == "olmo2" else dim,)
            yield at + "self_attn.k_norm.weight", (k if kind == "olmo2" else dim,)
        if kind == "cohere":
            yield at + "self_attn.q_norm.weight", (c["num_attention_heads"], dim)
            yield at + "self_attn.k_norm.weight", (c["num_key_value_heads"], dim)
        if kind == "phi3":
            layers = [("self_attn.qkv_proj", q + 2 * k, h), ("self_attn.o_proj", h, q), ("mlp.gate_up_proj", 2 * f, h), ("mlp.down_proj", h, f)]
        else:
            layers = [("self_attn.q_proj", q, h), ("self_attn.k_proj", k, h), ("self_attn.v_proj", k, h), ("self_attn.o_proj", h, q)]
            if kind == "granitemoe":
                layers.append(("block_sparse_moe.router.layer", c["num_local_experts"], h))
                yield at + "block_sparse_moe.input_linear.weight", (c["num_local_experts"], 2 * f, h)
                yield at + "block_sparse_moe.output_linear.weight", (c["num_local_experts"], h, f)
            else:
                layers += [("mlp.gate_proj", f, h), ("mlp.up_proj", f, h), ("mlp.down_proj", h, f)]
        for n, out, inner in layers:
            yield at + n + ".weight", (out, inner)
            if c.get("attention_bias") and "attn" in n or c.get("mlp_bias") and "mlp" in n:
                yield at + n + ".bias", (out,)
    yield "model.norm.weight", (h,)
    if not c["tie_word_embeddings"]:
        yield "lm_head.weight", (c["vocab_size"], h)


def mpt_shapes(c):
    h = c["d_model"]
    yield "transformer.wte.weight", (c["vocab_size"], h)
    for i in range(c["n_layers"]):
        at = "transformer.blocks.%d." % i
        yield from ((at + n + ".weight", (h,)) for n in ("norm_1", "norm_2"))
        yield from ((at + n + ".weight", s) for n, s in (
            ("attn.Wqkv", (3 * h, h)), ("attn.out_proj", (h, h)), ("ffn.up_proj", (c["expansion_ratio"] * h, h)), ("ffn.down_proj", (h, c["expansion_ratio"] * h))))
    yield "transformer.norm_f.weight", (h,)


def random_weights(c, generator):
    result = {}
    for name, shape in shapes(c):
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        if "norm" in name:
            values = values * 0.3 + (0 if c["model_type"] == "gemma3_text" else 1)
        elif len(shape) == 1:
            values = values * 0.2
        else:
            values = values * 1.2 / math.sqrt(shape[-1])
        result[name] = values.float()
    return result


# ---- files ------------------------------------------------------------------------------------------------------------------

def save(path, tensors):
    """safetensors: length, JSON header, data; names in order."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name in sorted(tensors):
        t = tensors[name].detach().float().contiguous()
        raw = bytes(t.numpy().astype("<f4").tobytes())
        header[name] = dict(dtype="F32", shape=list(t.shape), data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def numbers(rows):
    return [[round(float(v), 7) for v in row] for row in rows]


class Tie(Exception):
    """Two best ids so close that rounding may decide: another seed is tried."""


# ---- what is recorded -------------------------------------------------------------------------------------------------------

def log_probs(forward, model, ids):
    return torch.log_softmax(forward(model, ids)[:-1], -1).gather(1, ids[1:, None])[:, 0]


def record(folder, config, forward, seed, make=random_weights, last_norm=None):
    generator = torch.Generator().manual_seed(seed)
    stored = make(config, generator)
    sequences = [torch.randint(3, config["vocab_size"], (LENGTH,), generator=generator) for _ in range(2)]
    model = Model(config, {n: t.double() for n, t in stored.items()})
    # Logits with a deviation of 2: by the last norm's factor.
    gain = 2 / float(forward(model, sequences[0]).std())
    name = last_norm or ("transformer.norm_f.weight" if config["model_type"] == "mpt" else "model.norm.weight")
    last = stored[name]
    stored[name] = ((last + 1) * gain - 1) if config["model_type"].startswith("gemma") else last * gain
    model.w[name] = stored[name].double()
    os.makedirs(os.path.join(folder, "lora"), exist_ok=True)
    write(os.path.join(folder, "config.json"), config)
    write(os.path.join(folder, "generation_config.json"), dict(bos_token_id=1, eos_token_id=2))
    save(os.path.join(folder, "model.safetensors"), stored)
    with torch.no_grad():
        write(os.path.join(folder, "golden.json"), golden(model, forward, sequences))
    train(folder, model, forward, sequences, generator)


def golden(model, forward, sequences):
    logits = [forward(model, s) for s in sequences]
    losses = [float(-log_probs(forward, model, s).mean()) for s in sequences]
    ids, chosen, margins = sequences[0][:PROMPT], [], []
    for _ in range(NEW):
        best = forward(model, ids)[-1].topk(2)
        chosen.append(int(best.indices[0]))
        margins.append(float(best.values[0] - best.values[1]))
        ids = torch.cat([ids, best.indices[:1]])
    if min(margins) < 2e-3:
        raise Tie
    tops = [l.topk(2, -1).values for l in logits]
    if min(float((t[:, 0] - t[:, 1]).min()) for t in tops) < 5e-4:
        raise Tie
    return dict(input_ids=[s.tolist() for s in sequences], logprobs=numbers(log_probs(forward, model, s) for s in sequences),
                argmax=[l.argmax(-1).tolist() for l in logits], loss=losses, mean_loss=sum(losses) / 2,
                last_logits=numbers(l[-1] for l in logits), greedy=dict(prompt=sequences[0][:PROMPT].tolist(), ids=chosen))


def train(folder, model, forward, sequences, generator):
    rank, alpha, rate, steps = 8, 12, 5e-3, 4
    tables = ("embed", "wte", "wpe", "lm_head", "router", "norm")
    names = [n[:-len(".weight")] for n, t in model.w.items() if t.dim() == 2 and not any(part in n for part in tables)]
    model.scale = alpha / rank
    for n in names:
        out, inner = model.w[n + ".weight"].shape[::-1 if model.transposed else 1]
        a = (torch.rand(rank, inner, generator=generator, dtype=torch.float64) * 2 - 1) / math.sqrt(inner)
        b = torch.randn(out, rank, generator=generator, dtype=torch.float64) * 0.05
        model.lora[n] = tuple(t.float().double().requires_grad_() for t in (a, b))
    parameters = [t for pair in model.lora.values() for t in pair]
    suffixes = sorted({n.rsplit(".", 1)[1] for n in names})
    adapter = dict(base_model_name_or_path=os.path.basename(folder), bias="none", fan_in_fan_out=model.transposed, inference_mode=True, lora_alpha=alpha,
                   lora_dropout=0.0, modules_to_save=None, peft_type="LORA", r=rank, target_modules=suffixes, task_type="CAUSAL_LM",
                   use_dora=False, use_rslora=False)
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    keep(folder, "init", adapter, model)
    losses, norms, first = [], [], measured(model, forward, sequences)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = -torch.cat([log_probs(forward, model, s) for s in sequences]).mean()
        loss.backward()
        losses.append(float(loss))
        norms.append(math.sqrt(sum(float((p.grad ** 2).sum()) for p in parameters)))
        optimizer.step()
    keep(folder, "final", adapter, model)
    last = measured(model, forward, sequences)
    write(os.path.join(folder, "lora", "train.json"), dict(
        adapted_modules=names, trainable_parameters=sum(p.numel() for p in parameters), loss_before_step=losses, grad_norm=norms,
        loss_after_last_step=-sum(map(sum, last)) / sum(map(len, last)), init_logprobs=first, final_logprobs=last))


def measured(model, forward, sequences):
    with torch.no_grad():
        return numbers(log_probs(forward, model, s) for s in sequences)


def keep(folder, which, adapter, model, whole=None):
    at = os.path.join(folder, "lora", which)
    os.makedirs(at, exist_ok=True)
    write(os.path.join(at, "adapter_config.json"), adapter)
    tensors = {"base_model.model." + n: t for n, t in (whole or {}).items()}
    for n, (a, b) in model.lora.items():
        tensors["base_model.model.%s.lora_A.weight" % n], tensors["base_model.model.%s.lora_B.weight" % n] = a, b
    save(os.path.join(at, "adapter_model.safetensors"), tensors)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed, (name, (config, forward)) in enumerate(MODELS.items()):
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            for again in range(50):
                try:
                    record(os.path.join(HERE, name), config, forward, 100 + seed + 1000 * again)
                    print(name)
                    break
                except Tie:
                    continue
