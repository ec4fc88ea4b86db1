#!/usr/bin/env python3
"""Reference values for classifiers, beside make_reference.py and from its parts.

    python3 make_classifier_reference.py      (needs PyTorch; writes beside this file)

The published architectures again in plain float64, one sequence at a time: BERT with other sizes, activation and segments than the
one from transformers, and a decoder whose class is told from its last token. golden.json holds two cases of two sequences, lora/ an
adapter and a head that is trained whole, before and after four AdamW steps.
"""
import math
import os

import torch

from make_reference import HERE, VOCAB, Model, keep, llama_like, numbers, save, shapes as decoder_shapes, write

LENGTHS = (48, 31)


def bert(m, ids, types):
    c, w = m.c, m.w
    at = "bert.embeddings."
    x = w[at + "word_embeddings.weight"][ids] + w[at + "position_embeddings.weight"][:len(ids)] + w[at + "token_type_embeddings.weight"][types]
    x = layer_norm(m, at + "LayerNorm", x)
    heads = c["num_attention_heads"]
    for i in range(c["num_hidden_layers"]):
        at = "bert.encoder.layer.%d." % i
        q, k, v = (m.linear(at + "attention.self." + n, x).reshape(len(x), heads, -1).transpose(0, 1) for n in ("query", "key", "value"))
        mixed = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), -1) @ v
        x = layer_norm(m, at + "attention.output.LayerNorm", x + m.linear(at + "attention.output.dense", mixed.transpose(0, 1).reshape(x.shape)))
        middle = torch.relu(m.linear(at + "intermediate.dense", x))
        x = layer_norm(m, at + "output.LayerNorm", x + m.linear(at + "output.dense", middle))
    return m.linear("classifier", torch.tanh(m.linear("bert.pooler.dense", x[0])))


def llama(m, ids, types):
    return llama_like(m, ids)[-1]


def layer_norm(m, name, x):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], m.w[name + ".weight"], m.w[name + ".bias"], m.c["layer_norm_eps"])


def bert_shapes(c):
    h, f = c["hidden_size"], c["intermediate_size"]

    def linear(name, out, inner):
        return [(name + ".weight", (out, inner)), (name + ".bias", (out,))]

    def norm(name):
        return [(name + ".weight", (h,)), (name + ".bias", (h,))]
    result = [("bert.embeddings.%s_embeddings.weight" % n, (rows, h)) for n, rows in (
        ("word", c["vocab_size"]), ("position", c["max_position_embeddings"]), ("token_type", c["type_vocab_size"]))] + norm("bert.embeddings.LayerNorm")
    for i in range(c["num_hidden_layers"]):
        at = "bert.encoder.layer.%d." % i
        for n in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            result += linear(at + n, h, h)
        result += norm(at + "attention.output.LayerNorm") + linear(at + "intermediate.dense", f, h) + linear(at + "output.dense", h, f) + norm(at + "output.LayerNorm")
    return result + linear("bert.pooler.dense", h, h) + linear("classifier", len(c["id2label"]), h)


def llama_shapes(c):
    return [p for p in decoder_shapes(c) if p[0] != "lm_head.weight"] + [("score.weight", (len(c["id2label"]), c["hidden_size"]))]


def labels(count):
    return {str(i): "LABEL_%d" % i for i in range(count)}


MODELS = {
    "bert_relu_seqcls": (dict(
        architectures=["BertForSequenceClassification"], model_type="bert", vocab_size=VOCAB, hidden_size=40, intermediate_size=96, num_hidden_layers=3,
        num_attention_heads=5, max_position_embeddings=64, type_vocab_size=4, layer_norm_eps=1e-5, hidden_act="relu", id2label=labels(5)), bert, bert_shapes, "classifier"),
    "llama_seqcls": (dict(
        architectures=["LlamaForSequenceClassification"], model_type="llama", vocab_size=VOCAB, hidden_size=48, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=96, rms_norm_eps=1e-6, rope_theta=10000.0, hidden_act="silu",
        tie_word_embeddings=False, id2label=labels(3)), llama, llama_shapes, "score"),
}


def random_weights(shapes, generator):
    result = {}
    for name, shape in shapes:
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        is_norm = "norm" in name.lower() and name.endswith(".weight")
        result[name] = (values * 0.3 + 1 if is_norm else values * 0.2 if len(shape) == 1 else values * 1.2 / math.sqrt(shape[-1])).float()
    return result


def record(folder, config, forward, shapes, head, seed):
    generator = torch.Generator().manual_seed(seed)
    stored = random_weights(shapes(config), generator)
    model = Model(config, {n: t.double() for n, t in stored.items()})
    model.w["lm_head.weight"] = model.w.get("score.weight")
    kinds, count = config.get("type_vocab_size", 1), len(config["id2label"])
    cases = {}
    for name, segments in (("plain", 1), ("segments_and_padding", kinds)):
        sequences = [torch.randint(3, VOCAB, (n,), generator=generator) for n in LENGTHS]
        types = [torch.randint(0, segments, (n,), generator=generator) for n in LENGTHS]
        cases[name] = (sequences, types, [int(torch.randint(0, count, (1,), generator=generator)) for _ in LENGTHS])
    os.makedirs(os.path.join(folder, "lora"), exist_ok=True)
    write(os.path.join(folder, "config.json"), config)
    save(os.path.join(folder, "model.safetensors"), stored)
    with torch.no_grad():
        write(os.path.join(folder, "golden.json"), dict(cases={name: dict(batch(case), **told(model, forward, case)) for name, case in cases.items()}))
    train(folder, model, forward, shapes(config), cases["segments_and_padding"], head, generator)


def batch(case):
    """As a tokenizer pads it: id 0 after each end, masked."""
    rows, types, wanted = case
    longest = max(LENGTHS)
    return dict(input_ids=[r.tolist() + [0] * (longest - len(r)) for r in rows], attention_mask=[[1] * len(r) + [0] * (longest - len(r)) for r in rows],
                token_type_ids=[t.tolist() + [0] * (longest - len(t)) for t in types], labels=wanted)


def scores(model, forward, case):
    return torch.stack([forward(model, ids, types) for ids, types in zip(case[0], case[1])])


def told(model, forward, case):
    z = scores(model, forward, case)
    p = torch.log_softmax(z, -1)
    losses = [-float(p[i, label]) for i, label in enumerate(case[2])]
    return dict(logits=numbers(z), logprobs=numbers(p), predicted=z.argmax(-1).tolist(), loss=losses, mean_loss=sum(losses) / len(losses))


def train(folder, model, forward, shapes, case, head, generator):
    rank, alpha, rate, steps = 8, 12, 5e-3, 4
    names = [n[:-len(".weight")] for n, s in shapes if len(s) == 2 and "embed" not in n and not n.startswith(head)]
    model.scale = alpha / rank
    for n in names:
        out, inner = model.w[n + ".weight"].shape
        a = (torch.rand(rank, inner, generator=generator, dtype=torch.float64) * 2 - 1) / math.sqrt(inner)
        b = torch.randn(out, rank, generator=generator, dtype=torch.float64) * 0.05
        model.lora[n] = tuple(t.float().double().requires_grad_() for t in (a, b))
    whole = {n: model.w[n].requires_grad_() for n, _ in shapes if n.startswith(head + ".")}
    parameters = [t for pair in model.lora.values() for t in pair] + list(whole.values())
    adapter = dict(base_model_name_or_path=os.path.basename(folder), bias="none", fan_in_fan_out=False, inference_mode=True, lora_alpha=alpha,
                   lora_dropout=0.0, modules_to_save=["classifier", "score"], peft_type="LORA", r=rank, target_modules=sorted({n.rsplit(".", 1)[1] for n in names}),
                   task_type="SEQ_CLS", use_dora=False, use_rslora=False)
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    wanted = torch.tensor(case[2])
    keep(folder, "init", adapter, model, whole)
    losses, norms = [], []
    with torch.no_grad():
        first = numbers(torch.log_softmax(scores(model, forward, case), -1))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(scores(model, forward, case), wanted)
        loss.backward()
        losses.append(float(loss))
        norms.append(math.sqrt(sum(float((p.grad ** 2).sum()) for p in parameters)))
        optimizer.step()
    keep(folder, "final", adapter, model, whole)
    with torch.no_grad():
        after = scores(model, forward, case)
        last = float(torch.nn.functional.cross_entropy(after, wanted))
    write(os.path.join(folder, "lora", "train.json"), dict(
        adapted_modules=names, trainable_parameters=sum(p.numel() for p in parameters), batch=batch(case), loss_before_step=losses, grad_norm=norms,
        loss_after_last_step=last, init_logprobs=first, final_logprobs=numbers(torch.log_softmax(after, -1))))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed, (name, parts) in enumerate(MODELS.items()):
        record(os.path.join(HERE, name), *parts, 300 + seed)
        print(name)
