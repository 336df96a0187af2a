"""
A process that trains jobs, an epoch at a time, for the local trainer.

Commands come as JSON lines on standard input, events go out as JSON lines on descriptor 3:
    {"op": "train", "id", "model_folder", "model_name", "training", "validation" or null, "max_length", "gguf", "reported_step", ...Settings}
        -> started {resumed_step or null}, metrics, then one of: epoch {metrics, folder}, stopped, failed {code, message}
        An epoch that an earlier process has ended after `reported_step` is told again and not computed.
    {"op": "stop"} ends the running command after its present step.
SIGTERM ends the process after the present step, with its state on disk and exit code 75. When standard input closes, the process ends at once:
whoever started it is gone.
"""

import errno
import functools
import gc
import json
import os
import queue
import shutil
import signal
import sys
import threading
import traceback
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from .convert import adapter_to_gguf
from .rows import Row, RowError, load_tokenizer, read_rows
from .training import Settings, Stopped, Training, write_whole

EXIT_STOPPED = 75
"""EX_TEMPFAIL of sysexits.h: to be started again."""
MODELS_KEPT = 3
"""Of a job, as at OpenAI."""


class Worker:
    def __init__(self, device: str):
        self.device = torch.device(device)
        self.commands: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self.stopping = threading.Event()
        self.ending = threading.Event()
        self.events = os.fdopen(3, "w", encoding="utf-8")
        self.base: torch.nn.Module | None = None
        self.base_folder: str | None = None

    def run(self) -> int:
        signal.signal(signal.SIGTERM, lambda *_: self.end())
        threading.Thread(target=self.read_commands, daemon=True).start()
        self.tell("ready", torch=torch.__version__, device=str(self.device))
        while not self.ending.is_set():
            command = self.commands.get()
            if command["op"] == "train":
                self.stopping.clear()
                self.train(command)
        return EXIT_STOPPED

    def end(self) -> None:
        self.ending.set()
        self.stopping.set()
        self.commands.put({"op": "end"})

    def read_commands(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            if command["op"] == "stop":
                self.stopping.set()
            else:
                self.commands.put(command)
        os._exit(0)

    def tell(self, event: str, **values: object) -> None:
        self.events.write(json.dumps({"event": event, **values}) + "\n")
        self.events.flush()

    def train(self, command: dict) -> None:
        """Every ending is told, so that nobody waits in vain."""
        job = command["id"]
        try:
            self.train_epoch(command)
        except Stopped:
            self.tell("stopped", id=job)
        except RowError as error:
            self.tell("failed", id=job, code="invalid_file_format", message=str(error))
        except Exception as error:
            traceback.print_exc()
            code, message = cause(error)
            self.tell("failed", id=job, code=code, message=message)
        gc.collect()

    def train_epoch(self, command: dict) -> None:
        job = command["id"]
        folder = Path(command["folder"])
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = Settings(
            folder=folder,
            seed=command["seed"],
            epochs=command["n_epochs"],
            batch_size=command["batch_size"],
            learning_rate_multiplier=command["learning_rate_multiplier"],
            lora_rank=command["lora_rank"],
            lora_alpha=command["lora_alpha"],
            lora_layers=command.get("lora_layers"),
        )
        rows = rows_of(command["training"], command["model_folder"], command["max_length"])
        validation = [] if command["validation"] is None else rows_of(command["validation"], command["model_folder"], command["max_length"])
        training = Training(self.load_base(command["model_folder"]), settings, rows, validation, self.stopping.is_set)
        try:
            self.tell("started", id=job, resumed_step=training.progress.step if training.resumed else None)
            if command["reported_step"] < training.progress.step and training.at_epoch_end:
                self.tell_epoch(job, training.model_folder())
                return
            for metrics in training.train_epoch():
                if metrics["step"] % training.steps_per_epoch != 0:
                    self.tell("metrics", id=job, metrics=metrics)
            model = training.save_model(command["model_name"])
            if command["gguf"]:
                adapter_to_gguf(model, command["model_folder"])
            report = {
                "format": 1,
                "metrics": metrics,
            }
            write_whole(model / "done.json", lambda path: path.write_text(json.dumps(report), "utf-8"))
            training.save_state()
            remove_old_models(folder)
            self.tell_epoch(job, model)
        finally:
            training.close()

    def tell_epoch(self, job: str, model: Path) -> None:
        report = json.loads((model / "done.json").read_text("utf-8"))
        self.tell("epoch", id=job, folder=str(model), **report)

    def load_base(self, folder: str) -> torch.nn.Module:
        if self.base is None or self.base_folder != folder:
            self.base = None
            gc.collect()
            self.base = AutoModelForCausalLM.from_pretrained(folder, dtype=number_format(self.device), local_files_only=True).to(self.device)
            self.base_folder = folder
        return self.base


@functools.lru_cache(maxsize=2)
def rows_of(file: str, model_folder: str, max_length: int) -> list[Row]:
    """Files never change: the two of a sweep are read once for all of its epochs."""
    return read_rows(file, load_tokenizer(model_folder), max_length)


def number_format(device: torch.device) -> torch.dtype:
    """16 bits where the processor computes them faster than 32."""
    if device.type == "cuda":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("amx_bf16") or able.get("avx512_bf16") else torch.float32


def remove_old_models(folder: Path) -> None:
    models = sorted(folder.glob("step-*"), key=lambda path: int(path.name.removeprefix("step-")))
    for old in models[:-MODELS_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def cause(error: Exception) -> tuple[str, str]:
    """The code and the message of a failed job."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error):
        return "out_of_memory", "The memory is not enough for this job: lower batch_size, max_length or lora_rank."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error):
        return "disk_full", "The disk of the trainer is full: make room, and start the job again."
    return "training_failed", f"Training failed: {type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(Worker(sys.argv[1]).run())
