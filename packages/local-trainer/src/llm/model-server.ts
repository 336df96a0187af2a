import type { CallableModel } from '../engine.ts';

/** A base model on disk. */
export interface BaseModelPlace {
  readonly name: string;
  /** In Transformers form. */
  readonly folder: string;
  /** For llama.cpp; null where only vLLM serves the model. */
  readonly gguf: string | null;
}

/** What answers for the models of the LLM engine. */
export interface ModelServer {
  /** Requests that it computes at a time without becoming slower in all. */
  readonly concurrency: number;
  /**
   * A base model, or an adapter on it: a folder as the training process writes it.
   *
   * @throws TuneloopError where the program that serves is not installed
   */
  model(base: BaseModelPlace, adapterFolder: string | null): CallableModel;
  /** Takes an adapter out of memory, before its files are removed. */
  forget(adapterFolder: string): Promise<void>;
  close(): Promise<void>;
}
