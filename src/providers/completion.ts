import { Context } from '@temporalio/activity';
import type { Completion } from '../core/evaluation/completion.ts';
import { questionKey } from '../stores/completion-cache.ts';
import type { CompletionRequest, Inference } from './inference.ts';
import { ProviderError } from './provider-error.ts';

/** A request that fails for a passing reason is sent this many times before the attempt gives up. */
const TRIES_PER_ROW = 4;

/** Asks for one completion, and repeats it where that may help: the wait within the attempt keeps the other rows going. */
export async function completeWithRetries(inference: Inference, request: CompletionRequest): Promise<Completion> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inference.complete(request);
    } catch (error) {
      // A cancelled run has not failed.
      request.signal?.throwIfAborted();
      const mayPass = error instanceof ProviderError && error.retryable;
      if (!mayPass || attempt === TRIES_PER_ROW) throw error;
      await Context.current().sleep(error.retryAfterMs ?? 250 * 4 ** attempt);
    }
  }
}

/** The settings of every request to a provider, so that the same question gets the same answer, if possible. */
const TEMPERATURE = 0;

/** The key under which the answer to a request is kept. */
export function requestKey(
  { address, settings }: Inference,
  { model, messages, maxOutputTokens, constraint }: CompletionRequest,
): string {
  const added = {
    ...(Object.keys(settings).length > 0 && { settings }),
    ...(constraint && { constraint }),
  };
  return questionKey({
    address,
    model,
    messages,
    maxOutputTokens: maxOutputTokens ?? null,
    temperature: TEMPERATURE,
    ...added,
  });
}
