import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { LRUCache } from 'lru-cache';
import { AnswerText } from '../answer-text.ts';
import type {
  AnswerEnd,
  AnswerPart,
  AnswerRequest,
  CallableModel,
  Engine,
  Hyperparameters,
  RequestedHyperparameters,
  Training,
  TrainingListener,
  TrainingNews,
  TrainingTask,
  TunedModelPlace,
} from '../engine.ts';
import { automaticEpochs } from '../epochs.ts';
import { EXTENSION } from '../thread-extension.ts';
import { type CountedMessage, chatTokens, truncated } from '../tokens.ts';
import { BASE_MODELS, isBaseModel } from './features.ts';
import { sharedFile, weightsFile } from './model-files.ts';
import { answerFromPrompt } from './prompted.ts';
import { type TunedModel, unpackModel } from './tuned-model.ts';

/** Bytes of model files held in memory for answering. */
const MOST_LOADED = 256 * 1024 * 1024;
const LLM_ONLY = ['lora_rank', 'lora_alpha', 'lora_layers', 'max_length'] as const;

/** Small models of words and letters that train in seconds: for trying and testing, not LLMs. */
export class NgramEngine implements Engine {
  /** Threads that compute at a time. */
  readonly slots = 2;
  /** By file of weights; released when others need the room. */
  readonly #loaded = new LRUCache<string, TunedModel>({ maxSize: MOST_LOADED });

  baseModels(): readonly string[] {
    return BASE_MODELS;
  }

  /**
   * Batch size: 1, as the learner makes best use of many small steps whatever the size of the data. Learning rate multiplier: 1.
   *
   * @throws ApiError 400 for what only an LLM has
   */
  decide(requested: RequestedHyperparameters, examples: number): Hyperparameters {
    const unknown = LLM_ONLY.find((name) => requested[name] !== undefined);
    if (unknown !== undefined) {
      throw invalid(unknown, `${unknown} is for LLMs: the base models ${BASE_MODELS.join(', ')} do not have it.`);
    }
    const { n_epochs, batch_size, learning_rate_multiplier } = requested;
    return {
      n_epochs: n_epochs === 'auto' ? automaticEpochs(examples) : n_epochs,
      batch_size: batch_size === 'auto' ? 1 : batch_size,
      learning_rate_multiplier: learning_rate_multiplier === 'auto' ? 1 : learning_rate_multiplier,
    };
  }

  /** What is well-formed can be trained on. */
  async validate(): Promise<undefined> {}

  /** Training is deterministic and takes seconds, so that one that was broken off begins again and ends the same. */
  train(task: TrainingTask, listener: TrainingListener): Training {
    const thread = new Worker(new URL(`./training-thread.${EXTENSION}`, import.meta.url), { workerData: task });
    thread.on('message', (news: TrainingNews) => listener.onNews(news));
    thread.on('error', (error) => listener.onFailure('server_error', `Training failed: ${error.message}`));
    thread.on('exit', () => listener.onExit());
    return {
      nextEpoch: () => thread.postMessage('go on'),
      stop: async () => {
        await thread.terminate();
      },
    };
  }

  publish(base: string, tuned: TunedModelPlace | null): CallableModel {
    if (!isBaseModel(base)) throw new Error(`${base} is no n-gram model`);
    if (tuned === null) return callable((messages) => answerFromPrompt(base, messages));
    const model = this.#load(tuned);
    return callable((messages) => model.answer(inputOf(messages)));
  }

  async unpublish(_base: string, tuned: TunedModelPlace): Promise<void> {
    const path = join(tuned.modelDir, weightsFile(tuned.step));
    this.#loaded.delete(path);
    rmSync(path, { force: true });
  }

  async close(): Promise<void> {
    this.#loaded.clear();
  }

  #load({ modelDir, step }: TunedModelPlace): TunedModel {
    const path = join(modelDir, weightsFile(step));
    const loaded = this.#loaded.get(path);
    if (loaded !== undefined) return loaded;
    const shared = readFileSync(join(modelDir, sharedFile()));
    const weights = readFileSync(path);
    const model = unpackModel(shared, weights);
    // The cache takes no value over its bound, and a large model that is called again and again is to be read once.
    this.#loaded.set(path, model, { size: Math.min(shared.length + weights.length, MOST_LOADED) });
    return model;
  }
}

function inputOf(messages: readonly CountedMessage[]): string {
  const asked = messages.findLast(({ role }) => role === 'user') ?? messages[messages.length - 1];
  return asked?.content ?? '';
}

/** Its answers come whole, and are the same whatever the temperature and the seed. */
function callable(answerTo: (messages: readonly CountedMessage[]) => string): CallableModel {
  return {
    async *answer(request: AnswerRequest): AsyncGenerator<AnswerPart, AnswerEnd, void> {
      refuseUnknown(request);
      const ended = new AnswerText(request.stop);
      const first = ended.add(answerTo(request.messages), []);
      const full = `${first?.text ?? ''}${ended.end()?.text ?? ''}`;
      const { text, tokens, cut } = truncated(full, request.mostTokens);
      yield { text };
      return {
        finishReason: cut ? 'length' : 'stop',
        promptTokens: chatTokens(request.messages),
        cachedTokens: 0,
        completionTokens: tokens,
      };
    },
  };
}

/** A model of words can still write the format that it has learned; held to a list of answers it would only seem to be. */
function refuseUnknown({ constraint, topLogprobs }: AnswerRequest): void {
  if (topLogprobs !== undefined) {
    throw invalid(
      'logprobs',
      "'logprobs' is for LLMs: an n-gram model has no tokens to give it for.",
      'unsupported_value',
    );
  }
  if (constraint?.kind !== 'choice') return;
  throw invalid(
    'structured_outputs',
    "'structured_outputs' is for LLMs: an n-gram model cannot be held to a list of answers.",
    'unsupported_value',
  );
}
