import type { AnswerEnd, AnswerPart, AnswerRequest } from '../../engine.ts';

/** A base model for llama.cpp. */
export interface LlamaBase {
  /** Its weights. */
  readonly gguf: string;
  /** Its folder in Transformers form, which holds the chat template. */
  readonly folder: string;
}

/** What the server tells the process that answers. */
export type ToChild =
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly base: LlamaBase;
      /** File of the adapter; null = the base model itself. */
      readonly adapter: string | null;
      readonly request: AnswerRequest;
    }
  | { readonly kind: 'cancel'; readonly id: number }
  /** Takes an adapter out of memory. */
  | { readonly kind: 'forget'; readonly id: number; readonly adapter: string };

/** What the process that answers tells the server. */
export type FromChild =
  | { readonly kind: 'part'; readonly id: number; readonly part: AnswerPart }
  | { readonly kind: 'end'; readonly id: number; readonly end: AnswerEnd }
  | { readonly kind: 'forgotten'; readonly id: number }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly status: number;
      readonly message: string;
      readonly param: string | null;
      readonly code: string | null;
    };

/** What the process that answers is started with, as JSON in its only argument. */
export interface ChildOptions {
  /** URL of the module `node-llama-cpp`. */
  readonly llama: string;
  /** Threads that compute; 0 = as many as the processor has cores. */
  readonly threads: number;
  /** Contexts held in memory, one for each adapter and base model. */
  readonly contexts: number;
  /** Requests that one context answers at a time. */
  readonly sequences: number;
}
