"""The Python side of the LLM engine: trains LoRA adapters for the local trainer, which starts and supervises it."""
