"""
Compares ways to train on this machine, in CPU seconds: the trainer's own loop with all layers or the last ones, and TRL's SFTTrainer where
`pip install trl datasets accelerate` was run in the engine's environment. One thread each, on the same batches. Prints a JSON line a way.

usage: PYTHON bench/llm_training.py MODEL_FOLDER ROWS.jsonl [--steps 6] [--threads 1]
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")
sys.path.insert(0, str(Path(__file__).parent.parent / "packages" / "local-trainer" / "python"))

import torch
from transformers import AutoModelForCausalLM
from tuneloop_trainer.rows import NOT_LEARNED, load_tokenizer, read_rows
from tuneloop_trainer.training import Settings, Training, epoch_batches, lora_config

BATCH = 8


def load(folder: str, number_format: torch.dtype = torch.float32) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=number_format, local_files_only=True)


def settings(layers: int | None) -> Settings:
    return Settings(Path(tempfile.gettempdir()) / "no-state-here", 1, 3, BATCH, 2.5, 16, 32, layers)


def own_loop(folder: str, batches: list, layers: int | None, number_format: torch.dtype) -> float:
    rows = [row for batch in batches for row in batch]
    training = Training(load(folder, number_format), settings(layers), rows, [], lambda: False)
    training.step(batches[0])
    begun = time.process_time()
    for batch in batches[1:]:
        training.step(batch)
    return time.process_time() - begun


def trl_loop(folder: str, batches: list) -> float:
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Clock(TrainerCallback):
        times: list[float] = []

        def on_step_end(self, *_args: object, **_more: object) -> None:
            self.times.append(time.process_time())

    data = Dataset.from_list([
        {"input_ids": row.tokens, "completion_mask": [int(label != NOT_LEARNED) for label in row.labels]} for batch in batches for row in batch
    ])  # fmt: skip
    base = load(folder)
    with tempfile.TemporaryDirectory() as out:
        config = SFTConfig(
            output_dir=out, max_steps=len(batches), per_device_train_batch_size=BATCH, learning_rate=5e-4, use_cpu=True, bf16=False,
            gradient_checkpointing=False, report_to=[], save_strategy="no", logging_strategy="no", train_sampling_strategy="sequential",
        )  # fmt: skip
        trainer = SFTTrainer(base, args=config, train_dataset=data, peft_config=lora_config(base, settings(None)), processing_class=load_tokenizer(folder), callbacks=[Clock()])
        trainer.train()
    return Clock.times[-1] - Clock.times[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("file")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = read_rows(options.file, load_tokenizer(options.folder), 1024)
    # The first one warms up. Whole batches alone, because TRL cuts the rows into batches again.
    batches = [batch for batch in epoch_batches(rows, settings(None), 0) if len(batch) == BATCH][: options.steps + 1]
    tokens = sum(len(row.tokens) for batch in batches[1:] for row in batch)
    layers = load(options.folder).config.num_hidden_layers
    ways = {
        "own loop, all layers, 32 bits": lambda: own_loop(options.folder, batches, None, torch.float32),
        "own loop, last third of the layers, 32 bits": lambda: own_loop(options.folder, batches, layers // 3, torch.float32),
        "TRL, all layers, 32 bits": lambda: trl_loop(options.folder, batches),
        "own loop, all layers, bf16": lambda: own_loop(options.folder, batches, None, torch.bfloat16),
    }
    for name, run in ways.items():
        try:
            wall = time.monotonic()
            seconds = run()
            print(json.dumps({"way": name, "threads": options.threads, "cpu_seconds_a_step": round(seconds / options.steps, 2), "tokens_a_step": tokens // options.steps, "cpu_ms_a_token": round(seconds * 1000 / tokens, 2), "wall": round(time.monotonic() - wall, 1)}), flush=True)
        except Exception as error:
            print(json.dumps({"way": name, "failed": f"{type(error).__name__}: {error}"[:300]}), flush=True)


if __name__ == "__main__":
    main()
