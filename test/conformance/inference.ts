import type { CompletionRequest, Inference } from '../../src/providers/inference.ts';
import { ProviderError } from '../../src/providers/provider-error.ts';

/** A provider whose models a suite may ask. */
export interface InferenceSubject {
  inference: Inference;
  /** A model that answers. */
  model: string;
  close(): Promise<void>;
}

/** Declares the rules that every implementation of the inference port keeps. @param name of the implementation */
export function describeInference(name: string, open: () => Promise<InferenceSubject>): void {
  describe(`inference at ${name}`, () => {
    let subject: InferenceSubject;
    beforeAll(async () => {
      subject = await open();
    });
    afterAll(() => subject.close());

    const ask = (changes: Partial<CompletionRequest> = {}) =>
      subject.inference.complete({
        model: subject.model,
        messages: [{ role: 'user', content: 'my parcel is late' }],
        ...changes,
      });
    const failureOf = (work: Promise<unknown>) =>
      work.then(
        () => undefined,
        (error: unknown) => error,
      );

    test('a model that answers is listed once', async () => {
      const ids = (await subject.inference.listModels()).map(({ id }) => id);
      expect(ids.filter((id) => id === subject.model)).toHaveLength(1);
    });

    test('an answer has a text, the tokens that are charged, and how long it took', async () => {
      const answer = await ask();
      expect(answer.text).not.toBe('');
      expect(answer.promptTokens).toBeGreaterThan(0);
      expect(answer.completionTokens).toBeGreaterThan(0);
      expect(answer.latencyMs).toBeGreaterThan(0);
      expect(answer.serverMs).toBeGreaterThan(0);
      expect(answer.serverMs).toBeLessThanOrEqual(answer.latencyMs);
    });

    test('an answer is no longer than the limit', async () => {
      expect((await ask({ maxOutputTokens: 1 })).completionTokens).toBeLessThanOrEqual(1);
    });

    test('a model that does not exist is an error with status 404', async () => {
      const error = await failureOf(ask({ model: 'no-such-model' }));
      expect(error).toBeInstanceOf(ProviderError);
      expect(error).toMatchObject({ status: 404 });
    });

    test('an aborted question is an error and no answer', async () => {
      expect(await failureOf(ask({ signal: AbortSignal.abort() }))).toBeInstanceOf(ProviderError);
    });

    test('the address names no credentials', () => {
      const { username, password } = new URL(subject.inference.address);
      expect([username, password]).toEqual(['', '']);
    });
  });
}
