import assert from 'node:assert/strict';
import type { CompletionRequest, Inference } from '../providers/inference.ts';
import { assertHas, assertSame, providerErrorOf } from './assertions.ts';
import { globalRunner, type TestRunner } from './runner.ts';

/** A provider whose models a suite may ask. */
export interface InferenceSubject {
  inference: Inference;
  /** A model that answers. */
  model: string;
  close(): Promise<void>;
}

/**
 * Declares the rules that every implementation of the inference port keeps.
 *
 * @param name of the implementation, for the names of the tests
 * @param open connects to a provider; called once
 */
export function describeInference(
  name: string,
  open: () => Promise<InferenceSubject>,
  { describe, test, beforeAll, afterAll }: TestRunner = globalRunner(),
): void {
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

    test('a model that answers is listed once', async () => {
      const ids = (await subject.inference.listModels()).map(({ id }) => id);
      assert.equal(ids.filter((id) => id === subject.model).length, 1);
    });

    test('an answer has a text, the tokens that are charged, and how long it took', async () => {
      const answer = await ask();
      assert.notEqual(answer.text, '');
      assert.ok(answer.promptTokens > 0, `${answer.promptTokens} tokens of the prompt`);
      assert.ok(answer.completionTokens > 0, `${answer.completionTokens} tokens of the answer`);
      assert.ok(answer.latencyMs > 0, `a latency of ${answer.latencyMs} ms`);
      assert.ok(answer.serverMs > 0, `${answer.serverMs} ms of the server`);
      assert.ok(answer.serverMs <= answer.latencyMs, `${answer.serverMs} ms of a latency of ${answer.latencyMs} ms`);
    });

    test('an answer is no longer than the limit', async () => {
      const { completionTokens } = await ask({ maxOutputTokens: 1 });
      assert.ok(completionTokens <= 1, `${completionTokens} tokens`);
    });

    test('a model that does not exist is an error with status 404', async () => {
      assertHas(await providerErrorOf(ask({ model: 'no-such-model' })), { status: 404 });
    });

    test('an aborted question is an error and no answer', async () => {
      await providerErrorOf(ask({ signal: AbortSignal.abort() }));
    });

    test('the address names no credentials', async () => {
      const { username, password } = new URL(subject.inference.address);
      assertSame([username, password], ['', '']);
    });
  });
}
