"""Mean next-token loss of a Llama base with a PEFT LoRA adapter over token rows, with plain PyTorch and nothing of FineTuneGrid.

usage: check_adapter.py MODEL_FOLDER ADAPTER_FOLDER ROWS.jsonl     (an ADAPTER_FOLDER of "-" leaves the base as it is)
"""
import json, struct, sys
import torch
import torch.nn.functional as F

def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), bytearray(file.read())
    dtypes = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    return {name: torch.frombuffer(data[t["data_offsets"][0]:t["data_offsets"][1]], dtype=dtypes[t["dtype"]]).reshape(t["shape"]).double()
            for name, t in header.items() if name != "__metadata__"}

def main(model, adapter, rows):
    config, w = json.load(open(model + "/config.json")), read_safetensors(model + "/model.safetensors")
    if adapter != "-":
        peft, lora = json.load(open(adapter + "/adapter_config.json")), read_safetensors(adapter + "/adapter_model.safetensors")
        for name in [n for n in lora if n.endswith(".lora_A.weight")]:
            target = name[len("base_model.model."):-len("lora_A.weight")] + "weight"
            w[target] = w[target] + lora[name.replace("lora_A", "lora_B")] @ lora[name] * (peft["lora_alpha"] / peft["r"])
    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]
    size = config["hidden_size"] // heads
    norm = lambda x, scale: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]) * scale
    total, count = 0.0, 0
    for ids in (torch.tensor(json.loads(line)["input_ids"]) for line in open(rows)):
        n, x = len(ids), w["model.embed_tokens.weight"][ids]
        angle = torch.outer(torch.arange(n).double(), config["rope_theta"] ** (-torch.arange(0, size, 2).double() / size)).repeat(1, 2)
        rotate = lambda t: t * angle.cos() + torch.cat((-t[..., size // 2:], t[..., :size // 2]), -1) * angle.sin()
        split = lambda t, h: t.view(n, h, size).transpose(0, 1)
        for i in range(config["num_hidden_layers"]):
            p = f"model.layers.{i}."
            y = norm(x, w[p + "input_layernorm.weight"])
            q, k, v = (split(y @ w[p + f"self_attn.{m}_proj.weight"].T, h) for m, h in (("q", heads), ("k", kv), ("v", kv)))
            k, v = rotate(k).repeat_interleave(heads // kv, 0), v.repeat_interleave(heads // kv, 0)
            scores = rotate(q) @ k.transpose(1, 2) / size ** 0.5 + torch.full((n, n), float("-inf")).triu(1)
            x = x + (scores.softmax(-1) @ v).transpose(0, 1).reshape(n, -1) @ w[p + "self_attn.o_proj.weight"].T
            y = norm(x, w[p + "post_attention_layernorm.weight"])
            x = x + (F.silu(y @ w[p + "mlp.gate_proj.weight"].T) * (y @ w[p + "mlp.up_proj.weight"].T)) @ w[p + "mlp.down_proj.weight"].T
        head = w["model.embed_tokens.weight"] if config.get("tie_word_embeddings") else w["lm_head.weight"]
        total += F.cross_entropy((norm(x, w["model.norm.weight"]) @ head.T)[:-1], ids[1:], reduction="sum").item()
        count += n - 1
    print(repr(total / count))

main(*sys.argv[1:])
