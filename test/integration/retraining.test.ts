import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import OpenAI from 'openai';
import { jsonlSink } from '../../packages/app/src/capture/index.ts';
import { createPredictor, type PredictorOptions } from '../../packages/app/src/predict/index.ts';
import type { Message } from '../../packages/app/src/prompt/chat-message.ts';
import { deploymentId, retrainingId } from '../../src/contract/ids.ts';
import { deploymentQuery } from '../../src/contract/messages.ts';
import type { RetrainingResult } from '../../src/core/run/retraining-result.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { command, providerOf } from '../setup/stack-tools.ts';

jest.setTimeout(420_000);

const NAME = 'loop';

interface Call {
  messages: Message[];
  actual: string;
}

/** Rows of a log that somebody has checked. */
function checked(rows: readonly object[]): (Call & { completion: string })[] {
  return rows.map((row) => {
    const call = row as Call & { completion: string };
    return { ...call, actual: call.completion };
  });
}

/** A topic that is new to the log. */
function warrantyRows(count: number): (Call & { completion: string })[] {
  const things = ['tablet', 'kettle', 'lamp', 'speaker', 'drill', 'watch', 'toaster'];
  const since = ['since last week', 'from the first day', 'although it is new'];
  const faults = ['stopped working', 'shows a black screen', 'smells of smoke', 'makes a noise', 'does not charge'];
  return Array.from({ length: count }, (_, index) => ({
    id: `warranty-${index}`,
    messages: [
      { role: 'system', content: 'Name the topic of the message: refund, shipping or account. Answer with one word.' },
      {
        role: 'user',
        content: `Message: my ${things[index % things.length]} ${faults[Math.floor(index / 7) % faults.length]} ${since[Math.floor(index / 35)]}, order ${9000 + index}`,
      },
    ],
    completion: 'refund',
    actual: 'warranty',
    usage: { prompt_tokens: 60, completion_tokens: 1 },
    model: 'gpt-4.1-mini',
    latency_ms: 420,
  }));
}

/** An application that calls its deployment all the time, and learns the right answers later. */
class Application {
  readonly #sink: ReturnType<typeof jsonlSink>;
  readonly #done: Promise<void>;
  readonly failures: string[] = [];
  readonly answeredBy = new Set<string>();
  calls = 0;
  pool: Call[];
  #on = true;

  constructor(home: string, baseURL: string, log: string, pool: Call[]) {
    this.pool = pool;
    this.#sink = jsonlSink(log);
    this.#done = this.#call({
      deployment: NAME,
      home,
      client: new OpenAI({ baseURL, apiKey: 'any' }),
      fallback: { model: 'local-base' },
      sink: this.#sink,
      refreshMs: 200,
    });
  }

  async #call(options: PredictorOptions): Promise<void> {
    const predictor = await createPredictor(options);
    while (this.#on) {
      const call = this.pool[this.calls % this.pool.length];
      if (!call) throw new Error('an application needs something to ask');
      this.calls += 1;
      try {
        const { id, answeredBy } = await predictor.predict(call.messages, { key: `user-${this.calls}` });
        this.answeredBy.add(answeredBy);
        predictor.recordActual(id, call.actual, undefined, 'person:ana');
      } catch (error) {
        this.failures.push(String(error));
      }
      await delay(20);
    }
    predictor.close();
  }

  async stop(): Promise<void> {
    this.#on = false;
    await this.#done;
    await this.#sink.close();
  }
}

test('a log grows over four looks of a schedule: train and deploy, skip, retrain on drift and promote, keep the champion; then a bad canary is rolled back, and no call fails', async () => {
  const stack = await Stack.start();
  const rows = shopRows(660);
  const write = (candidates: object) =>
    stack.writePipeline(NAME, checked(rows.slice(0, 360)), {
      source: { type: 'jsonl', path: '*.jsonl' },
      candidates,
      evaluation: { baseline: { live: 'local-base' } },
      promotion: { by: 'automatic', canary: { stages: [{ share: 0.5, min_calls: 30 }], every_seconds: 1 } },
      retraining: { cron: '0 3 * * 1' },
    });
  const file = write({ models: ['local-mini'], epochs: 4 });
  const log = path.join(path.dirname(file), 'log.jsonl');
  const application = new Application(
    stack.home,
    providerOf(file).baseURL,
    path.join(path.dirname(file), 'served.jsonl'),
    checked(rows.slice(0, 100)),
  );
  const state = () => stack.client.workflow.getHandle(deploymentId(NAME)).query(deploymentQuery);
  const grow = (more: readonly object[]) => appendFile(log, more.map((row) => `${JSON.stringify(row)}\n`).join(''));

  const seen = new Set<string>();
  /** Lets the schedule look now; resolves when it has. */
  const look = async (): Promise<RetrainingResult> => {
    const triggered = await command(stack, 'schedule', 'trigger', NAME);
    if (triggered.code !== 0) throw new Error(triggered.stderr);
    let id: string | undefined;
    await until(async () => {
      for await (const { workflowId } of stack.client.workflow.list({ query: 'WorkflowType = "retraining"' })) {
        if (workflowId.startsWith(retrainingId(NAME)) && !seen.has(workflowId)) id = workflowId;
      }
      return id !== undefined;
    }, 'a retraining');
    seen.add(id ?? '');
    return stack.client.workflow.getHandle(id ?? '').result();
  };
  const settled = () => until(async () => (await state()).challenger === null, 'the end of the canary');

  try {
    expect((await command(stack, 'schedule', 'create', file)).code).toBe(0);

    const first = await look();
    expect(first).toMatchObject({ outcome: 'trained', run: { recommendation: 'fine-tune' } });
    await settled();
    const { champion } = await state();
    expect(champion).toMatchObject({ run: first.run?.runId });

    const second = await look();
    expect(second).toMatchObject({ outcome: 'skipped', run: null });
    const skipped = 'TuneloopVerdict = "skipped: few new examples"';
    await until(
      async () => (await Array.fromAsync(stack.client.workflow.list({ query: skipped }))).length === 1,
      skipped,
    );

    const warranty = warrantyRows(90);
    await grow(warranty);
    application.pool = [...application.pool, ...warranty];
    const third = await look();
    expect(third).toMatchObject({ outcome: 'trained', run: { promotion: { promote: true } } });
    expect(third.reason).toMatch(/drift/i);
    await settled();
    const promoted = (await state()).champion;
    expect(promoted?.run).toBe(third.run?.runId);

    // Many more rows, and somebody has put weak settings into the file.
    await grow(checked(rows.slice(360)));
    const kept = [...checked(rows.slice(0, 360)), ...warranty, ...checked(rows.slice(360))];
    const weak = stack.writePipeline(NAME, kept, {
      source: { type: 'jsonl', path: '*.jsonl' },
      candidates: { models: ['local-nano'], learning_rate_multiplier: 0.001, epochs: 1 },
      evaluation: { baseline: { live: 'local-base' } },
      promotion: { by: 'automatic', canary: { stages: [{ share: 0.5, min_calls: 30 }], every_seconds: 1 } },
      retraining: { cron: '0 3 * * 1' },
    });
    expect((await command(stack, 'schedule', 'create', weak)).code).toBe(0);
    const fourth = await look();
    expect(fourth).toMatchObject({
      outcome: 'trained',
      run: { promotion: { promote: false }, decision: { kind: 'kept' } },
    });
    // The certainty of the comparison depends on the rows that the application has added until now.
    expect(fourth.run?.promotion.why).toMatch(/worse|too few to decide between winner and champion: -/);
    expect((await state()).champion).toEqual(promoted);

    // The first model, which has never heard of a warranty, is tried on half of the calls again.
    const forced = await command(stack, 'propose', first.run?.runId ?? '', '--why', 'it was good once');
    expect({ code: forced.code, stderr: forced.stderr }).toMatchObject({ code: 0 });
    await settled();
    const { champion: last, decisions } = await state();
    expect(last).toEqual(promoted);
    expect(decisions.slice(-2)).toMatchObject([
      { kind: 'canary' },
      { kind: 'rolled-back', by: 'canary', run: first.run?.runId },
    ]);
    expect(application.answeredBy).toEqual(new Set(['original', 'champion', 'canary']));
  } finally {
    await application.stop();
    await stack.stop();
  }
  expect(application.failures).toEqual([]);
  expect(application.calls).toBeGreaterThan(500);
});
