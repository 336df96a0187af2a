import files from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import fc from 'fast-check';
import { pino } from 'pino';
import type { PromptTemplate } from '../../packages/app/src/prompt/prompt-template.ts';
import { createEvaluate, inTurn } from '../../src/activities/evaluate.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import type { Prediction } from '../../src/activities/support/judged-rows.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { EvaluateInput, Evaluation, Evaluations, Subject } from '../../src/core/run/evaluation.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { sampleManifest } from '../data/rows/sample-manifest.ts';
import { type Answer, rejection, type TinyServer, tinyServer } from '../providers/http-server.ts';
import { providerAt } from '../providers/provider-at.ts';
import { temporaryHome, until } from '../setup/cli.ts';
import { readJsonRows } from '../setup/read-artifact.ts';
import { STACK_PRICES } from '../setup/stack.ts';

const LABELS = ['refund', 'shipping'];
/** Over 1,024 tokens before the slot, so that it would be cached. */
const INSTRUCTIONS = `Name the topic. ${'Answer with one word and nothing else. '.repeat(200)}`;
const TEMPLATE: PromptTemplate = {
  versions: [
    {
      messages: [
        { role: 'system', parts: [INSTRUCTIONS] },
        { role: 'user', parts: ['Message: ', { slot: 0 }] },
      ],
      slots: [{ name: 'input', kind: 'input' }],
      rows: 10,
    },
  ],
};
const PRICES = {
  ...STACK_PRICES,
  models: {
    judge: { training: 0, tuned: { input: 0, output: 0 }, base: { input: 1000, output: 0 } },
    'local-nano': { training: 1, tuned: { input: 1000, output: 0 }, base: { input: 1000, cached: 100, output: 0 } },
  },
};

let server: TinyServer;
let home: string;
let remove: () => void;
/** The providers that were connected, in this order. */
let connected: unknown[] = [];
/** The answer of each model to a text; by default the right one. */
let behave: (model: string, text: string) => Answer | undefined;

beforeEach(async () => {
  ({ home, remove } = temporaryHome());
  server = await tinyServer();
  behave = () => undefined;
  connected = [];
  server.answer = (request) => {
    const { model, text } = asked(request.body);
    return behave(model, text) ?? (text === 'ping' ? says('', 0) : says(rightAnswer(text)));
  };
});
afterEach(async () => {
  await server.close();
  remove();
});

function asked(body: string): { model: string; text: string } {
  const { model, messages } = JSON.parse(body);
  return { model, text: messages.at(-1).content.replace('Message: ', '') };
}
const rightAnswer = (text: string) => LABELS[Number(text.replace(/\D/g, '')) % 2] ?? '';
const says = (content: string, promptTokens = 1000): Answer => ({
  headers: { 'openai-processing-ms': '3' },
  body: {
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: promptTokens, completion_tokens: 1 },
  },
});
const refuses = (status: number, code: string, wait = '1'): Answer => ({
  status,
  headers: { 'retry-after-ms': wait },
  body: { error: { message: 'no', code } },
});
/** The questions about rows, in order; short questions are left out. */
const questions = () => server.received.map(({ body }) => asked(body)).filter(({ text }) => text !== 'ping');
const askedOf = (model: string) => questions().flatMap((question) => (question.model === model ? [question.text] : []));

const tuned = (id: string, limitUsd: number | null = null): Subject => ({
  id,
  model: id,
  limitUsd,
  kind: 'tuned',
  baseModel: 'local-nano',
  treatment: 'strip',
});
const prompted = (id: string): Subject => ({ id, model: 'local-nano', limitUsd: null, kind: 'prompted' });

interface Call {
  rows?: number;
  concurrency?: number;
  run?: string;
  attempt?: number;
  name?: EvaluateInput['name'];
  evaluation?: object;
  judgeLimitUsd?: number | null;
  onStart?: (environment: MockActivityEnvironment) => void;
}

/** One attempt, as a worker would make it. */
async function attempt(subjects: readonly Subject[], call: Call = {}): Promise<Evaluations> {
  const { rows = 10, concurrency = 1, run = 'run', attempt = 1, name = 'validation', evaluation = {} } = call;
  const artifacts = new FileStore(`${home}/artifacts`);
  const provider = providerAt(server.baseURL);
  const dependencies: Dependencies = {
    artifacts,
    home,
    prices: PRICES,
    connectProvider: (choice) => {
      connected.push(choice);
      return provider;
    },
    temporal: {} as Dependencies['temporal'],
    monthlyBudgetUsd: null,
    log: pino({ level: 'silent' }),
  };
  const definition = await writeJson(
    artifacts,
    pipelineSchema.parse({
      name: 'shop',
      task: 'judge' in evaluation ? 'generation' : 'classification',
      source: { type: 'jsonl', path: 'log.jsonl' },
      candidates: { models: ['local-nano'] },
      evaluation: { concurrency, ...evaluation },
      original_provider: 'openai',
    }),
  );
  const examples = await artifacts.write(
    Array.from({ length: rows }, (_, index) =>
      JSON.stringify({
        id: `row-${index}`,
        line: index,
        input: `text ${index}`,
        completion: rightAnswer(`${index}`),
        version: 0,
      }),
    ),
  );
  const labels =
    'judge' in evaluation
      ? null
      : Object.fromEntries(LABELS.map((label) => [label, { train: 1, validation: 0, test: 0 }]));
  const environment = new MockActivityEnvironment(
    { workflowExecution: { workflowId: `shop/${run}`, runId: `id of ${run}` }, attempt },
    { logger: new DefaultLogger('ERROR') },
  );
  call.onStart?.(environment);
  const input: EvaluateInput = {
    definition,
    name,
    subjects,
    examples,
    template: await writeJson(artifacts, TEMPLATE),
    manifest: await writeJson(artifacts, sampleManifest({ labels })),
    judgeLimitUsd: call.judgeLimitUsd ?? null,
  };
  return environment.run(createEvaluate(dependencies), input);
}

function evaluationOf({ results }: Evaluations, id: string): Evaluation {
  const result = results.find((one) => one.id === id);
  if (!result || !('evaluation' in result)) throw new Error(`no evaluation of ${id}: ${JSON.stringify(results)}`);
  return result.evaluation;
}

async function predictionsOf({ predictions }: Evaluation): Promise<Prediction[]> {
  if (!predictions) throw new Error('no predictions');
  return readJsonRows<Prediction>(new FileStore(`${home}/artifacts`), predictions);
}

describe('taking turns', () => {
  test('all subjects are asked about a row before any is asked about the next', async () => {
    await attempt([tuned('a'), tuned('b'), tuned('c')], { rows: 6 });
    const rows = questions().map(({ text }) => text);
    expect(rows).toEqual(rows.toSorted());
    for (const model of 'abc') expect(askedOf(model)).toHaveLength(6);
  });

  test('over two turns of all subjects each follows every other equally often', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), (size) => {
        const subjects = Array.from({ length: size }, (_, index) => index);
        const followed = new Map<string, number>();
        for (let row = 0; row < 2 * size; row += 1) {
          const order = inTurn(subjects, row);
          expect(order.toSorted((a, b) => a - b)).toEqual(subjects);
          for (const [place, subject] of order.slice(1).entries()) {
            const pair = `${order[place]} ${subject}`;
            followed.set(pair, (followed.get(pair) ?? 0) + 1);
          }
        }
        expect(followed.size).toBe(size * (size - 1));
        expect(new Set(followed.values())).toEqual(new Set([2]));
      }),
    );
  });

  test('one subject is always first, and no subjects give no order', () => {
    expect(inTurn(['a'], 5)).toEqual(['a']);
    expect(inTurn([], 0)).toEqual([]);
  });

  test('a tuned model is asked where it was trained, and a model with the original prompt where production asks it', async () => {
    await attempt([tuned('a'), prompted('b')], { rows: 1 });
    expect(connected).toEqual(['local', 'openai']);
  });

  test('the call before the rows is paid like any other', async () => {
    behave = (_model, text) => (text === 'ping' ? says('', 500) : undefined);
    expect(evaluationOf(await attempt([tuned('a')], { rows: 3 }), 'a')).toMatchObject({ n: 3, spentUsd: 3.5 });
  });

  test('each subject is called once before, and the answer to that call counts for nothing', async () => {
    const { results } = await attempt([tuned('a'), tuned('b')], { rows: 3 });
    const calls = server.received.map(({ body }) => asked(body));
    expect(calls.slice(0, 2).map(({ model, text }) => [model, text])).toEqual([
      ['a', 'ping'],
      ['b', 'ping'],
    ]);
    expect(calls.filter(({ text }) => text === 'ping')).toHaveLength(2);
    expect(results).toHaveLength(2);
    expect(evaluationOf({ results, judgeUsd: 0 }, 'a')).toMatchObject({ n: 3, timed: 3, spentUsd: 3 });
  });

  test('at most as many requests are in flight as the pipeline allows, whatever the number of subjects', async () => {
    let inFlight = 0;
    let most = 0;
    server.answer = ({ body }) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      const { body: json } = says(rightAnswer(asked(body).text)) as { body: object };
      return (response) => {
        setTimeout(() => {
          inFlight -= 1;
          response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json));
        }, 5);
      };
    };
    await attempt([tuned('a'), tuned('b'), tuned('c')], { rows: 20, concurrency: 4 });
    expect(most).toBe(4);
  });
});

describe('figures', () => {
  test('an evaluation writes one prediction a row, in the order of the rows, and the means over them', async () => {
    behave = (_model, text) => (text === 'text 3' ? says('nonsense') : undefined);
    const evaluation = evaluationOf(await attempt([tuned('a')], { concurrency: 5 }), 'a');
    expect(evaluation).toMatchObject({ model: 'a', n: 10, score: 0.9, invalid: 0.1, timed: 10, costPer1kUsd: 1000 });
    expect(evaluation.scoreInterval).toMatchObject({ low: expect.any(Number), high: expect.any(Number) });
    expect(evaluation.p95Ms).toBeGreaterThanOrEqual(evaluation.p50Ms ?? Number.NaN);
    // Five of each; of one label four were found, and nothing was taken for it: F1 1 and 8/9.
    expect(evaluation.scores.macro_f1).toBeCloseTo((1 + 8 / 9) / 2, 12);
    const predictions = await predictionsOf(evaluation);
    expect(predictions.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(predictions[3]).toMatchObject({ id: 'row-3', answer: 'nonsense', score: 0, invalid: true });
    expect(predictions[4]).toMatchObject({ answer: 'refund', score: 1, promptTokens: 1000, completionTokens: 1 });
  });

  test('an answer of a thinking model is scored by what follows its thoughts', async () => {
    behave = (_model, text) => says(`<think>Is it ${LABELS[0]} or ${LABELS[1]}?</think>\n\n${rightAnswer(text)}`);
    const evaluation = evaluationOf(await attempt([tuned('a')]), 'a');
    expect(evaluation).toMatchObject({ n: 10, score: 1, invalid: 0, scores: { macro_f1: 1 } });
    expect(evaluation).not.toHaveProperty('cutInThoughts');
    expect((await predictionsOf(evaluation))[0]?.answer).toBe(rightAnswer('text 0'));
  });

  test('answers that are cut off inside their thoughts are invalid and counted, also by the next attempt', async () => {
    const content = '<think>It may be a refund, or';
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'length' }];
    behave = (_model, text) => (/[35]$/.test(text) ? { body: { choices } } : undefined);
    const wanted = { n: 10, score: 0.8, invalid: 0.2, cutInThoughts: 2 };
    expect(evaluationOf(await attempt([tuned('a')]), 'a')).toMatchObject(wanted);
    expect(evaluationOf(await attempt([tuned('a')], { attempt: 2 }), 'a')).toMatchObject(wanted);
  });

  test('a tuned model gets the input, any other the original prompt', async () => {
    await attempt([tuned('a'), prompted('baseline')], { rows: 1 });
    const messages = server.received.map(({ body }) => JSON.parse(body).messages).slice(2);
    expect(messages).toContainEqual([{ role: 'user', content: 'text 0' }]);
    expect(messages).toContainEqual([
      { role: 'system', content: INSTRUCTIONS },
      { role: 'user', content: 'Message: text 0' },
    ]);
  });

  test('the prefix that all prompts share is charged as cached, where there is such a price', async () => {
    behave = (_model, text) => says(rightAnswer(text), 2000);
    const evaluations = await attempt([tuned('a'), prompted('baseline')], { rows: 4 });
    expect(evaluationOf(evaluations, 'a').cachedCostPer1kUsd).toBeNull();
    const { costPer1kUsd, cachedCostPer1kUsd } = evaluationOf(evaluations, 'baseline');
    // 1,000 USD for 1M tokens, 100 where they are cached.
    expect(costPer1kUsd).toBeCloseTo(2000, 9);
    const cached = (2000 - (cachedCostPer1kUsd ?? 0)) / 0.9;
    expect(cached % 128).toBeCloseTo(0, 6);
    expect(cached).toBeGreaterThan(1024);
  });

  test('no rows give no figures, and no model is asked', async () => {
    const evaluation = evaluationOf(await attempt([tuned('a')], { rows: 0 }), 'a');
    expect(evaluation).toMatchObject({ n: 0, score: null, p50Ms: null, timed: 0, spentUsd: 0 });
    expect(server.received).toEqual([]);
  });
});

describe('the cache', () => {
  test('the next run pays for 50 rows that are spread over all, and only these are timed', async () => {
    await attempt([prompted('baseline')], { rows: 200, run: 'first' });
    server.received.length = 0;
    const { results } = await attempt([prompted('baseline')], { rows: 200, run: 'second' });
    const evaluation = evaluationOf({ results, judgeUsd: 0 }, 'baseline');
    expect(evaluation).toMatchObject({ n: 200, score: 1, timed: 50, spentUsd: 50, costPer1kUsd: 1000 });
    const rows = askedOf('local-nano').map((text) => Number(text.replace('text ', '')));
    expect(rows).toEqual(Array.from({ length: 50 }, (_, index) => 4 * index + 3));
    const timed = (await predictionsOf(evaluation)).flatMap(({ index, latencyMs }) =>
      latencyMs === null ? [] : [index],
    );
    expect(timed).toEqual(rows);
  });

  test('with fewer than 50 rows all are asked anew', async () => {
    await attempt([tuned('a')], { run: 'first' });
    expect(evaluationOf(await attempt([tuned('a')], { run: 'second' }), 'a')).toMatchObject({
      timed: 10,
      spentUsd: 10,
    });
  });

  test('another attempt repeats no question, and the measurements of the first one count', async () => {
    const first = evaluationOf(await attempt([tuned('a')], { rows: 70 }), 'a');
    server.received.length = 0;
    const second = evaluationOf(await attempt([tuned('a')], { rows: 70, attempt: 2 }), 'a');
    expect(server.received).toEqual([]);
    expect(second).toEqual(first);
    expect(second).toMatchObject({ timed: 70, spentUsd: 70 });
  });

  test('two subjects of one model are charged for their own answers alone', async () => {
    const two = [prompted('baseline'), prompted('alternative')];
    await attempt(two, { rows: 5 });
    const evaluations = await attempt(two, { rows: 5, attempt: 2 });
    for (const { id } of two) expect(evaluationOf(evaluations, id)).toMatchObject({ spentUsd: 5, timed: 5 });
  });

  test('another limit of tokens is another question', async () => {
    await attempt([tuned('a')], { rows: 100, run: 'first' });
    server.received.length = 0;
    await attempt([tuned('a')], { rows: 100, run: 'second', evaluation: { max_output_tokens: 7 } });
    expect(askedOf('a')).toHaveLength(100);
  });
});

describe('F17 an attempt that is lost', () => {
  test('a quota ends it for all subjects, answers on their way are kept, and only open rows are asked again', async () => {
    behave = (model, text) => (model === 'b' && text === 'text 5' ? refuses(429, 'insufficient_quota') : undefined);
    const subjects = [tuned('a'), tuned('b')];
    const call = { rows: 60, concurrency: 4 };
    expect(await rejection(attempt(subjects, call))).toMatchObject({ code: 'PROVIDER_QUOTA', retryable: false });
    const before = questions().length;
    expect(before).toBeLessThan(30);
    behave = () => undefined;
    const evaluations = await attempt(subjects, { ...call, attempt: 2 });
    // The one that was refused is the only one that was asked for in vain.
    expect(questions()).toHaveLength(2 * 60 + 1);
    for (const { id } of subjects)
      expect(evaluationOf(evaluations, id)).toMatchObject({ n: 60, timed: 60, spentUsd: 60 });
  });

  test('the next question waits until the answer before is on disk, so that a killed worker loses only rows in flight', async () => {
    const { appendFile } = files;
    let kept = 0;
    const slowDisk = jest.spyOn(files, 'appendFile').mockImplementation(async (...line) => {
      await delay(30);
      await appendFile(...line);
      kept += 1;
    });
    const keptBefore: number[] = [];
    behave = (_model, text) => {
      if (text !== 'ping') keptBefore.push(kept);
      return undefined;
    };
    try {
      await attempt([tuned('a')], { rows: 4 });
    } finally {
      slowDisk.mockRestore();
    }
    expect(keptBefore).toEqual([0, 1, 2, 3]);
  });

  test('a cancellation stops it at once', async () => {
    behave = (_model, text) => (text === 'ping' ? undefined : () => {});
    let environment: MockActivityEnvironment | undefined;
    const onStart = (started: MockActivityEnvironment) => {
      environment = started;
    };
    const ended = rejection(attempt([tuned('a')], { concurrency: 2, onStart }));
    await until(() => questions().length === 2, 'two requests that hang');
    environment?.cancel();
    expect(await ended).toMatchObject({ name: expect.stringMatching(/Abort|Cancel/) });
    expect(questions()).toHaveLength(2);
  });

  test('a cancellation does not wait for a first call that hangs', async () => {
    behave = () => () => {};
    let environment: MockActivityEnvironment | undefined;
    const onStart = (started: MockActivityEnvironment) => {
      environment = started;
    };
    const ended = rejection(attempt([tuned('a')], { onStart }));
    await until(() => server.received.length === 1, 'a first call');
    environment?.cancel();
    expect(await ended).toMatchObject({ name: expect.stringMatching(/Abort|Cancel/) });
  });
});

describe('a subject that fails', () => {
  test('a subject that fails for good stops no other, and its result gives the reason without the row', async () => {
    behave = (model) => (model === 'b' ? refuses(404, 'model_not_found') : undefined);
    const evaluations = await attempt([tuned('a'), tuned('b'), tuned('c')]);
    for (const id of ['a', 'c']) expect(evaluationOf(evaluations, id)).toMatchObject({ n: 10, score: 1 });
    expect(evaluations.results[1]).toEqual({
      id: 'b',
      failure: { code: 'PROVIDER_REFUSED', message: expect.stringContaining('404 model_not_found') },
      spentUsd: 0,
    });
    expect(JSON.stringify(evaluations.results[1])).not.toContain('text ');
    expect(askedOf('b')).toHaveLength(1);
  });

  test('a subject stops before it spends more than its budget, and the others continue', async () => {
    const evaluations = await attempt([tuned('a', 3.5), tuned('b')]);
    expect(evaluations.results[0]).toMatchObject({ id: 'a', failure: { code: 'BUDGET_EXCEEDED' }, spentUsd: 3 });
    expect(askedOf('a')).toHaveLength(3);
    expect(evaluationOf(evaluations, 'b').n).toBe(10);
  });

  test('the costs of earlier attempts count against the budget of a subject', async () => {
    behave = (model, text) => (model === 'b' && text === 'text 2' ? refuses(429, 'insufficient_quota') : undefined);
    await rejection(attempt([tuned('a', 4.5), tuned('b')]));
    behave = () => undefined;
    const evaluations = await attempt([tuned('a', 4.5), tuned('b')], { attempt: 2 });
    expect(evaluations.results[0]).toMatchObject({ failure: { code: 'BUDGET_EXCEEDED' }, spentUsd: 4 });
    expect(askedOf('a')).toHaveLength(4);
  });

  test('a subject that fails for a passing reason on one row: all others are asked, the attempt fails, and the next asks that row alone', async () => {
    behave = (model, text) => (model === 'b' && text === 'text 4' ? refuses(503, 'overloaded') : undefined);
    const subjects = [tuned('a'), tuned('b')];
    expect(await rejection(attempt(subjects))).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', retryable: true });
    expect(new Set(askedOf('a')).size).toBe(10);
    expect(new Set(askedOf('b')).size).toBe(10);
    server.received.length = 0;
    behave = () => undefined;
    const evaluations = await attempt(subjects, { attempt: 2 });
    expect(questions()).toEqual([{ model: 'b', text: 'text 4' }]);
    for (const { id } of subjects) expect(evaluationOf(evaluations, id)).toMatchObject({ n: 10, score: 1, timed: 10 });
  });

  test('a subject that fails for passing reasons three times in succession is not asked again in this attempt', async () => {
    behave = (model, text) =>
      model === 'b' && Number(text.replace('text ', '')) >= 4 ? refuses(503, 'overloaded') : undefined;
    await rejection(attempt([tuned('a'), tuned('b')]));
    expect(new Set(askedOf('b'))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6].map((row) => `text ${row}`)));
    expect(askedOf('a')).toHaveLength(10);
  });

  test('a subject that fails for passing reasons in the 20th attempt has that as its result', async () => {
    behave = (model, text) => (model === 'b' && text !== 'ping' ? refuses(503, 'overloaded') : undefined);
    const subjects = [tuned('a'), tuned('b')];
    expect(await rejection(attempt(subjects, { attempt: 19 }))).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    const evaluations = await attempt(subjects, { attempt: 20 });
    expect(evaluationOf(evaluations, 'a').n).toBe(10);
    expect(evaluations.results[1]).toMatchObject({ failure: { code: 'PROVIDER_UNAVAILABLE' }, spentUsd: 0 });
  });
});

describe('a judge', () => {
  const JUDGE = { metric: 'judge', judge: { model: 'judge' } };
  const verdict = (model: string, text: string) => {
    if (text === 'ping') return undefined;
    return model === 'judge' ? says('{"winner":"A"}') : says('something else');
  };
  const judged = () => questions().filter(({ model }) => model === 'judge').length;

  test('a verdict of the judge is not paid again in another attempt, and counts against its limit', async () => {
    behave = verdict;
    const first = await attempt([tuned('a')], { rows: 4, evaluation: JUDGE });
    // Each row in both orders.
    expect(judged()).toBe(8);
    expect(first.judgeUsd).toBeGreaterThan(0);
    const second = await attempt([tuned('a')], { rows: 4, evaluation: JUDGE, attempt: 2 });
    expect(judged()).toBe(8);
    expect(second).toEqual(first);
    behave = (model, text) => (model === 'b' ? says('another answer') : verdict(model, text));
    const limit = { judgeLimitUsd: (first.judgeUsd ?? 0) * 1.1 };
    const more = await attempt([tuned('a'), tuned('b')], { rows: 4, evaluation: JUDGE, attempt: 3, ...limit });
    expect(evaluationOf(more, 'a')).toEqual(evaluationOf(first, 'a'));
    expect(more.results[1]).toMatchObject({ id: 'b', failure: { code: 'BUDGET_EXCEEDED' } });
    // A tenth of the limit was left: one question more.
    expect(judged()).toBe(9);
  });

  test('a judge costs nothing in another run where the answers are the same', async () => {
    behave = verdict;
    await attempt([tuned('a')], { rows: 4, evaluation: JUDGE, run: 'first' });
    expect(await attempt([tuned('a')], { rows: 4, evaluation: JUDGE, run: 'second' })).toMatchObject({ judgeUsd: 0 });
    expect(judged()).toBe(8);
  });
});
