import type OpenAI from 'openai';
import type { Completion } from '../../core/evaluation/completion.ts';
import { withoutThoughts } from '../../core/evaluation/thoughts.ts';
import { constraintFields } from '../constraint.ts';
import type { CompletionRequest, Inference, Model } from '../inference.ts';
import { modelId, type ProviderProfile, settingsFor } from '../profile.ts';
import { ProviderError } from '../provider-error.ts';
import type { OpenAIApi } from './api.ts';
import { recordOf } from './job-mapping.ts';

/** Models and chat completions by the OpenAI protocol. */
export class OpenAIInference implements Inference {
  readonly address: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly #api: OpenAIApi;
  readonly #catalogue: (() => Promise<Model[]>) | null;
  readonly #profile: ProviderProfile;

  /**
   * @param catalogue the models that can be tuned, of a provider that trains at another address; they are listed beside those that can
   * be called
   */
  constructor(api: OpenAIApi, profile: ProviderProfile, catalogue: (() => Promise<Model[]>) | null = null) {
    this.#catalogue = catalogue;
    this.address = api.address;
    this.settings = settingsFor(profile, 'completion');
    this.#api = api;
    this.#profile = profile;
  }

  async listModels(): Promise<Model[]> {
    if (!this.#catalogue) return listModelsAt(this.#api);
    const callable = listModelsAt(this.#api).catch((error: unknown) => {
      // A server that only answers questions may have no list.
      if (error instanceof ProviderError && error.status === 404) return [];
      throw error;
    });
    const both = (await Promise.all([this.#catalogue(), callable])).flat();
    return [...new Map(both.map((model) => [model.id, model])).values()];
  }

  complete({
    model,
    callAs = model,
    messages,
    maxOutputTokens,
    constraint,
    signal,
  }: CompletionRequest): Promise<Completion> {
    return this.#api.call(async () => {
      const start = performance.now();
      const { data, response } = await this.#api.client.chat.completions
        .create(
          {
            ...this.settings,
            model: modelId(this.#profile, callAs),
            messages: messages as OpenAI.ChatCompletionMessageParam[],
            temperature: 0,
            ...constraintFields(this.#profile, constraint),
            ...(maxOutputTokens === undefined ? {} : { [this.#profile.lengthField]: maxOutputTokens }),
          },
          signal ? { signal } : {},
        )
        .withResponse();
      const latencyMs = performance.now() - start;
      const serverMs = Number.parseFloat(response.headers.get('openai-processing-ms') ?? '');
      const choice = data.choices[0];
      const cut = choice?.finish_reason === 'length';
      const { text, endsInThoughts } = withoutThoughts(choice?.message.content ?? '');
      const hasOnlyThoughts = endsInThoughts || (text === '' && hasThoughts(choice?.message));
      return {
        text,
        cut,
        ...(cut && hasOnlyThoughts ? { cutInThoughts: true } : {}),
        promptTokens: data.usage?.prompt_tokens ?? 0,
        completionTokens: data.usage?.completion_tokens ?? 0,
        latencyMs,
        serverMs: Number.isFinite(serverMs) ? serverMs : latencyMs,
      };
    });
  }
}

export function listModelsAt(api: OpenAIApi): Promise<Model[]> {
  return api.call(async () => {
    const models: Model[] = [];
    for await (const { id, shutdown_date } of api.client.models.list()) {
      models.push({ id, shutdownDate: shutdown_date ? new Date(shutdown_date) : null });
    }
    return models;
  });
}

/** Whether an answer has thoughts in a field of their own, which goes by two names. */
function hasThoughts(message: object | undefined): boolean {
  const { reasoning_content: content, reasoning } = recordOf(message);
  return [content, reasoning].some((thoughts) => typeof thoughts === 'string' && thoughts !== '');
}
