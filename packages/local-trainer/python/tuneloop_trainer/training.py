"""
One LoRA training (Hu et al., 2021, https://arxiv.org/abs/2106.09685), an epoch at a time, in a plain PyTorch loop.

Rows of like length make a batch. They are padded on the left, so that the answers stand at the right end and the last matrix of the model,
a fifth of the work of a small one, is computed for the answers alone.
"""

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch.nn.functional import cross_entropy

from .rows import NOT_LEARNED, Row

BASE_LEARNING_RATE = 2e-4
"""Of LoRA in QLoRA (Dettmers et al., 2023, https://arxiv.org/abs/2305.14314, table 9); a job gives a multiple of it."""
WARM_UP = 0.05
"""Share of the steps in which the rate rises from 0. After them it falls to 0 in a straight line."""
LARGEST_GRADIENT = 1.0
"""Norm above which a gradient is scaled down."""
TOKENS_AT_ONCE = {"cpu": 4_096, "cuda": 16_384}
"""A batch of more tokens, padding included, is computed in parts: a bound on memory."""
SECONDS_BETWEEN_STATES = 120
"""A killed training loses about this much work."""
VALIDATION_ROWS = 200
"""A larger validation set is measured on a fixed sample of this many rows."""


@dataclass(frozen=True)
class Settings:
    folder: Path
    """Where the state and the models go."""
    seed: int
    epochs: int
    batch_size: int
    learning_rate_multiplier: float
    lora_rank: int
    lora_alpha: int
    lora_layers: int | None
    """Trained layers, counted from the last; None = all."""


@dataclass
class Progress:
    """What a state on disk says beside the weights."""

    step: int = 0
    """Steps done, in all epochs."""
    loss: float = 0.0
    correct: int = 0
    learned: int = 0
    """Sums over the tokens of this epoch."""


class Stopped(Exception):
    """The training was told to stop, and has saved its state."""


class Training:
    """A training of `settings` on `base`, continued from the state in its folder where there is one. `close` gives `base` back as it was."""

    def __init__(self, base: torch.nn.Module, settings: Settings, rows: list[Row], validation: list[Row], is_stopping: Callable[[], bool]):
        self.settings = settings
        self.rows = rows
        self.validation = sample(validation)
        self.is_stopping = is_stopping
        self.steps_per_epoch = -(-len(rows) // settings.batch_size)
        self.total_steps = self.steps_per_epoch * settings.epochs
        self.device = next(base.parameters()).device
        torch.manual_seed(settings.seed)
        self.model = get_peft_model(base, lora_config(base, settings))
        for parameter in self.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        self.trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=1.0, weight_decay=0.0)
        self.progress = Progress()
        self.resumed = self.load_state()

    def close(self) -> None:
        self.model.unload()

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.progress.step // self.steps_per_epoch

    @property
    def at_epoch_end(self) -> bool:
        return self.progress.step > 0 and self.progress.step % self.steps_per_epoch == 0

    def model_folder(self) -> Path:
        return self.settings.folder / f"step-{self.progress.step}"

    def train_epoch(self) -> Iterator[dict]:
        """Yields the metrics of each step; those of the last step of the epoch include the validation. The state is on disk then."""
        epoch = self.epoch
        batches = epoch_batches(self.rows, self.settings, epoch)
        saved = time.monotonic()
        for batch in batches[self.progress.step % self.steps_per_epoch :]:
            loss, correct, learned = self.step(batch)
            self.progress.step += 1
            self.progress.loss += loss
            self.progress.correct += correct
            self.progress.learned += learned
            if self.at_epoch_end:
                break
            yield self.metrics(loss / learned, correct / learned)
            if self.is_stopping():
                self.save_state()
                raise Stopped
            if time.monotonic() - saved > SECONDS_BETWEEN_STATES:
                self.save_state()
                saved = time.monotonic()
        metrics = self.metrics(self.progress.loss / self.progress.learned, self.progress.correct / self.progress.learned)
        if self.validation:
            metrics |= self.validate()
        self.progress = Progress(step=self.progress.step)
        yield metrics

    def metrics(self, loss: float, accuracy: float) -> dict:
        """Loss in nats a token; accuracy = share of the learned tokens that are the likeliest ones."""
        return {
            "step": self.progress.step,
            "total_steps": self.total_steps,
            "train_loss": round(loss, 5),
            "train_mean_token_accuracy": round(accuracy, 5),
        }

    def step(self, batch: list[Row]) -> tuple[float, int, int]:
        """One step of the optimizer. Returns the summed loss, the right tokens and the learned tokens of the batch."""
        self.model.train()
        rate = self.learning_rate(self.progress.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        learned = sum(label != NOT_LEARNED for row in batch for label in row.labels)
        total, correct = 0.0, 0
        for part in parts(batch, TOKENS_AT_ONCE[self.device.type]):
            loss, right = self.loss(part)
            (loss / learned).backward()
            total += loss.item()
            correct += right
        torch.nn.utils.clip_grad_norm_(self.trained, LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total, correct, learned

    def learning_rate(self, step: int) -> float:
        highest = BASE_LEARNING_RATE * self.settings.learning_rate_multiplier
        warm_up = max(1, round(WARM_UP * self.total_steps))
        if step < warm_up:
            return highest * (step + 1) / warm_up
        return highest * (self.total_steps - step) / max(1, self.total_steps - warm_up)

    def loss(self, batch: list[Row]) -> tuple[torch.Tensor, int]:
        """The summed loss of the learned tokens, and how many of them are the likeliest ones."""
        width = max(len(row.tokens) for row in batch)
        tokens = torch.zeros(len(batch), width, dtype=torch.long)
        mask = torch.zeros(len(batch), width, dtype=torch.long)
        labels = torch.full((len(batch), width), NOT_LEARNED, dtype=torch.long)
        for at, row in enumerate(batch):
            start = width - len(row.tokens)
            tokens[at, start:] = torch.tensor(row.tokens)
            mask[at, start:] = 1
            labels[at, start:] = torch.tensor(row.labels)
        first = int((labels != NOT_LEARNED).any(0).nonzero()[0])
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        tokens, mask, labels, positions = (each.to(self.device) for each in (tokens, mask, labels, positions))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.model.dtype == torch.bfloat16):
            output = self.model(
                input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=width - first + 1
            )
        # Each position predicts the next token.
        logits = output.logits[:, :-1].float().flatten(0, 1)
        wanted = labels[:, first:].flatten()
        loss = cross_entropy(logits, wanted, ignore_index=NOT_LEARNED, reduction="sum")
        return loss, int(((logits.argmax(1) == wanted) & (wanted != NOT_LEARNED)).sum())

    @torch.no_grad()
    def validate(self) -> dict:
        self.model.eval()
        total, learned = 0.0, 0
        for batch in parts(sorted(self.validation, key=lambda row: len(row.tokens)), TOKENS_AT_ONCE[self.device.type] // 2):
            total += self.loss(batch)[0].item()
            learned += sum(label != NOT_LEARNED for row in batch for label in row.labels)
        # The accuracy is that of whole answers, which the server asks for.
        return {"full_valid_loss": round(total / learned, 5)}

    def save_state(self) -> None:
        """Whole or not at all; earlier states are removed after it."""
        state = {
            "lora": get_peft_model_state_dict(self.model),
            "optimizer": self.optimizer.state_dict(),
            "progress": vars(self.progress),
        }
        target = self.settings.folder / "state.pt"
        write_whole(target, lambda path: torch.save(state, path))

    def load_state(self) -> bool:
        path = self.settings.folder / "state.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        set_peft_model_state_dict(self.model, state["lora"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])
        return True

    def save_model(self, base_name: str) -> Path:
        """The adapter in PEFT's form in a folder of its own. It is whole once its `done.json` is there, which the caller writes."""
        folder = self.model_folder()
        shutil.rmtree(folder, ignore_errors=True)
        self.model.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)
        config = folder / "adapter_config.json"
        values = json.loads(config.read_text("utf-8"))
        config.write_text(json.dumps({**values, "base_model_name_or_path": base_name}, indent=2), "utf-8")
        return folder


def lora_config(base: torch.nn.Module, settings: Settings) -> LoraConfig:
    layers = base.config.num_hidden_layers
    chosen = None
    targets: str | list[str] = "all-linear"
    if settings.lora_layers is not None and settings.lora_layers < layers:
        chosen = list(range(layers - settings.lora_layers, layers))
        # PEFT takes `layers_to_transform` with names only.
        targets = sorted({name.rsplit(".", 1)[-1] for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)} - {"lm_head"})
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=0.0,
        target_modules=targets,
        layers_to_transform=chosen,
        task_type="CAUSAL_LM",
    )


def epoch_batches(rows: list[Row], settings: Settings, epoch: int) -> list[list[Row]]:
    """The same for the same seed and epoch. Rows of like length together, for little padding; the batches in a random order."""
    shuffled = random.Random(f"{settings.seed} {epoch}")
    order = list(rows)
    shuffled.shuffle(order)
    # Not sorted as a whole: the batches of two epochs are to differ.
    window = settings.batch_size * 16
    batches = []
    for start in range(0, len(order), window):
        part = sorted(order[start : start + window], key=lambda row: len(row.tokens))
        batches += [part[at : at + settings.batch_size] for at in range(0, len(part), settings.batch_size)]
    shuffled.shuffle(batches)
    return batches


def parts(batch: list[Row], most_tokens: int) -> Iterator[list[Row]]:
    """Cut where the padded tokens would be more than `most_tokens`; a longer row comes alone."""
    part: list[Row] = []
    longest = 0
    for row in batch:
        longest = max(longest, len(row.tokens))
        if part and longest * (len(part) + 1) > most_tokens:
            yield part
            part, longest = [], len(row.tokens)
        part.append(row)
    yield part


def sample(rows: list[Row]) -> list[Row]:
    return rows if len(rows) <= VALIDATION_ROWS else random.Random(0).sample(rows, VALIDATION_ROWS)


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """The old bytes or the new ones, never a part, and on disk."""
    temporary = path.with_suffix(".tmp")
    write(temporary)
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
