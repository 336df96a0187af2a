"""Rows of a chat file (JSONL) as tokens, with the tokens that a model learns to write marked."""

import json
from dataclasses import dataclass
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

NOT_LEARNED = -100
"""The label of a token that adds nothing to the loss: the value that PyTorch's cross entropy ignores."""


class RowError(Exception):
    """A row that cannot be trained on. The message begins with its line, counted from 1."""


@dataclass(frozen=True)
class Row:
    """One conversation. Both lists have one entry a token; a label is the token itself or NOT_LEARNED."""

    tokens: list[int]
    labels: list[int]


def load_tokenizer(folder: str) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def read_rows(path: str, tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[Row]:
    """All rows of a file. Raises RowError for the first row with more than `max_length` tokens or that the template cannot show."""
    rows = []
    for number, line in enumerate(Path(path).read_text("utf-8").split("\n"), start=1):
        if line.strip() == "":
            continue
        row = to_row(json.loads(line)["messages"], tokenizer, number)
        if len(row.tokens) > max_length:
            raise RowError(
                f"Line {number}: {len(row.tokens)} tokens, and a row may have {max_length}. "
                "Shorten the row, leave it out, or raise max_length."
            )
        rows.append(row)
    return rows


def to_row(messages: list[dict], tokenizer: PreTrainedTokenizerBase, line: int) -> Row:
    """Every assistant message without `weight: 0` is learned, up to the token that ends it."""
    plain = [{"role": each["role"], "content": text_of(each)} for each in messages]
    tokens: list[int] = []
    labels: list[int] = []
    shown = ""
    for at, message in enumerate(messages):
        if message["role"] != "assistant" or message.get("weight", 1) == 0:
            continue
        prompt = render(tokenizer, plain[:at], line, opens_answer=True)
        whole = render(tokenizer, plain[: at + 1], line)
        if not (prompt.startswith(shown) and whole.startswith(prompt)):
            raise RowError(f"Line {line}: the model's chat template shows an earlier message in another way once a later one follows.")
        before = encode(tokenizer, prompt[len(shown) :])
        answer = up_to_end(encode(tokenizer, whole[len(prompt) :]), tokenizer.eos_token_id)
        tokens += before + answer
        labels += [NOT_LEARNED] * len(before) + answer
        shown = prompt + tokenizer.decode(answer)
        # What the template adds behind the end of an answer belongs to the next prompt.
        if not whole.startswith(shown):
            shown = whole
    if not tokens:
        raise RowError(f"Line {line}: no answer of the assistant to learn from.")
    return Row(tokens, labels)


def text_of(message: dict) -> str:
    """The content as text; tool calls as their JSON."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content)
    calls = message.get("tool_calls", message.get("function_call"))
    return "" if calls is None else json.dumps(calls, ensure_ascii=False, separators=(",", ":"))


def render(tokenizer: PreTrainedTokenizerBase, messages: list[dict], line: int, opens_answer: bool = False) -> str:
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=opens_answer)
    except Exception as error:  # Templates raise errors of their own kinds, such as for two user messages in a row.
        raise RowError(f"Line {line}: the model's chat template refuses it: {error}") from error


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def up_to_end(tokens: list[int], end: int) -> list[int]:
    """Answers end with the end token, whether the template writes it or not."""
    return tokens[: tokens.index(end) + 1] if end in tokens else [*tokens, end]
