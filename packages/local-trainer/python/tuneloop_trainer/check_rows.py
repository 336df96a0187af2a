"""Whether a file can be trained on. Prints one JSON object: {"examples", "tokens"} or {"invalid": message}."""

import argparse
import json

from .rows import RowError, load_tokenizer, read_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_folder")
    parser.add_argument("file")
    parser.add_argument("max_length", type=int)
    options = parser.parse_args()
    try:
        rows = read_rows(options.file, load_tokenizer(options.model_folder), options.max_length)
    except RowError as error:
        print(json.dumps({"invalid": str(error)}))
        return
    print(json.dumps({"examples": len(rows), "tokens": sum(len(row.tokens) for row in rows)}))


if __name__ == "__main__":
    main()
