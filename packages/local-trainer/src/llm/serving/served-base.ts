/** A base model that can be served: by llama.cpp from its `gguf`, by vLLM from its `folder`. */
export interface ServedBase {
  readonly name: string;
  readonly gguf: string | null;
  readonly folder: string;
}
