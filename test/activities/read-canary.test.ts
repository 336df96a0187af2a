import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import fc from 'fast-check';
import { pino } from 'pino';
import { type ServedCall, servedCallMetadata } from '../../packages/app/src/predict/served-call.ts';
import { type CanaryTallies, createReadCanary, type ReadCanaryInput } from '../../src/activities/read-canary.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import { readPrices } from '../../src/config/prices.ts';
import { emptyTally, latencyClass } from '../../src/core/deployment/canary.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
const CALL: ServedCall = {
  deployment: 'shop',
  decision: 4,
  arm: 'canary',
  outcome: 'ok',
  answeredBy: 'canary',
  armLatencyMs: 120,
};
const CHAMPION = { arm: 'champion', answeredBy: 'champion' } as const;

/** A log with a deployment, and looks at its canary. */
class Log {
  readonly home = mkdtempSync(path.join(folder, 'home-'));
  readonly folder = path.join(this.home, 'logs');
  readonly state = path.join(this.home, 'deployments', 'shop', 'canary.json');
  readonly #pipeline: Record<string, unknown>;

  constructor(pipeline: { task?: string; source?: object } = {}) {
    mkdirSync(this.folder);
    const source = { type: 'jsonl', path: path.join(this.folder, '*.jsonl'), ...pipeline.source };
    this.#pipeline = {
      name: 'shop',
      task: 'classification',
      candidates: { models: ['local-nano'] },
      ...pipeline,
      source,
    };
    this.write({ messages: [{ role: 'user', content: 'before there was any model' }], completion: 'refund' });
  }

  write(row: object, file = 'log.jsonl'): void {
    appendFileSync(path.join(this.folder, file), `${JSON.stringify(row)}\n`);
  }

  /** A served call, with further keys of its row. */
  serve(id: string, call: Partial<ServedCall> = {}, row: object = {}): void {
    const metadata = servedCallMetadata({ ...CALL, ...call });
    this.write({ id, prompt: `where is ${id}`, completion: 'shipping', metadata, ...row });
  }

  async look(input: Partial<ReadCanaryInput> = {}): Promise<CanaryTallies> {
    const artifacts = new FileStore(path.join(this.home, 'artifacts'));
    const readCanary = createReadCanary({
      artifacts,
      home: this.home,
      prices: readPrices(undefined),
      connectProvider: () => {
        throw new Error('no provider is asked for a file');
      },
      temporal: new Client({ connection: Connection.lazy() }),
      monthlyBudgetUsd: null,
      log: pino({ level: 'silent' }),
    });
    const definition = await writeJson(artifacts, pipelineSchema.parse(this.#pipeline));
    const defaults = { definition, deployment: 'shop', stage: 4, control: 'champion' } as const;
    return new MockActivityEnvironment().run(readCanary as (input: unknown) => Promise<CanaryTallies>, {
      ...defaults,
      ...input,
    });
  }
}

test('the calls of a stage are counted for the arm that they belong to, whichever model answered', async () => {
  const log = new Log();
  log.serve('1');
  log.serve('2', { outcome: 'error', answeredBy: 'champion', armLatencyMs: 7 });
  log.serve('3', { outcome: 'shutdown', answeredBy: 'original', armLatencyMs: null });
  log.serve('4', { outcome: 'invalid', answeredBy: 'champion', armLatencyMs: 300 });
  log.serve('5', CHAMPION);
  log.serve('6', { arm: 'original', answeredBy: 'original' });
  expect(await log.look()).toEqual({
    canary: {
      calls: 4,
      errors: 2,
      invalid: 1,
      latencies: { [latencyClass(120)]: 1, [latencyClass(300)]: 1 },
      judged: { n: 0, right: 0 },
    },
    control: { ...emptyTally(), calls: 1, latencies: { [latencyClass(120)]: 1 } },
  });
});

test('the original prompt is the control where there is no champion', async () => {
  const log = new Log();
  log.serve('1', { arm: 'original', answeredBy: 'original', armLatencyMs: 900 });
  log.serve('2', CHAMPION);
  const { control } = await log.look({ control: 'original' });
  expect(control).toMatchObject({ calls: 1, latencies: { [latencyClass(900)]: 1 } });
});

test('a call whose prompt fits no template is no fault of either', async () => {
  const log = new Log();
  log.serve('1', { outcome: 'unfit', answeredBy: 'original', armLatencyMs: null });
  log.serve('2', { ...CHAMPION, outcome: 'unfit', answeredBy: 'original', armLatencyMs: null });
  expect(await log.look()).toEqual({ canary: emptyTally(), control: emptyTally() });
});

test('calls of other deployments and of earlier stages are not counted', async () => {
  const log = new Log();
  log.serve('1', { deployment: 'billing' });
  log.serve('2', { decision: 3 });
  log.serve('3', { decision: 5 });
  expect((await log.look()).canary.calls).toBe(1);
});

test('metadata that only looks like that of a served call changes nothing', async () => {
  const log = new Log();
  const metadata = servedCallMetadata(CALL);
  for (const [key, value] of [
    ['tuneloop_arm', 'constructor'],
    ['tuneloop_outcome', '__proto__'],
    ['tuneloop_decision', 'Infinity'],
    ['tuneloop_deployment', { shop: true }],
  ] as const) {
    log.write({ id: key, prompt: 'x', completion: 'y', metadata: { ...metadata, [key]: value } });
  }
  log.write({ id: 'late', prompt: 'x', completion: 'y', metadata: { ...metadata, tuneloop_arm_latency_ms: '-1' } });
  log.write({ id: 'list', prompt: 'x', completion: 'y', metadata: [metadata] });
  expect(await log.look()).toEqual({ canary: { ...emptyTally(), calls: 1 }, control: emptyTally() });
});

test('rows that the pipeline does not train on are watched all the same', async () => {
  const log = new Log({ source: { filter: { models: ['gpt-4.1'], to: '2020-01-01' } } });
  log.serve('1', {}, { model: 'ft:tuned', timestamp: '2026-08-10T05:00:00Z' });
  expect((await log.look()).canary.calls).toBe(1);
});

test('a label is right if the right answer is the same but for white space, in the row or later', async () => {
  const log = new Log();
  log.serve('1', {}, { actual: ' shipping' });
  log.serve('2', {}, { actual: 'refund' });
  log.serve('3');
  log.serve('4', CHAMPION);
  log.serve('5', CHAMPION);
  log.write({ actual_for: '3', actual: 'shipping\n' });
  log.write({ actual_for: '4', actual: 'Shipping' });
  log.write({ actual_for: '5', quality: 1 });
  const { canary, control } = await log.look();
  expect(canary.judged).toEqual({ n: 3, right: 2 });
  expect(control.judged).toEqual({ n: 1, right: 0 });
});

test('a text is right if it is rated more good than bad', async () => {
  const log = new Log({ task: 'generation' });
  for (const [id, quality] of [0, 0.49, 0.5, 1].entries()) log.serve(`${id}`, {}, { quality });
  log.serve('later');
  log.serve('corrected');
  log.write({ actual_for: 'later', quality: 0.9 });
  log.write({ actual_for: 'corrected', actual: 'another text' });
  expect((await log.look()).canary.judged).toEqual({ n: 5, right: 3 });
});

test('an answer of another model does not judge the model to which the call belonged', async () => {
  const log = new Log();
  log.serve('1', { outcome: 'error', answeredBy: 'champion' }, { actual: 'shipping' });
  log.serve('2', { outcome: 'error', answeredBy: null }, { completion: null, actual: 'shipping' });
  const { canary, control } = await log.look();
  expect(canary).toMatchObject({ calls: 2, errors: 2, judged: { n: 0 } });
  expect(control.judged.n).toBe(0);
});

test('a right answer counts although its file is read before that of the calls, and counts once', async () => {
  const log = new Log();
  log.serve('1');
  log.write({ actual_for: '1', actual: 'shipping' }, 'answers.jsonl');
  log.write({ actual_for: '2', actual: 'shipping' }, 'answers.jsonl');
  expect((await log.look()).canary.judged).toEqual({ n: 1, right: 1 });
  log.write({ actual_for: '1', actual: 'refund' }, 'answers.jsonl');
  expect((await log.look()).canary.judged).toEqual({ n: 1, right: 1 });
});

test('a later look reads only new rows, and remembers the answers that wait for a judgement', async () => {
  const log = new Log();
  log.serve('1');
  await log.look();
  const file = path.join(log.folder, 'log.jsonl');
  // Rows that were read are not read again, because they may be gone.
  rmSync(file);
  log.write({ actual_for: '1', actual: 'shipping' }, 'new.jsonl');
  expect((await log.look()).canary).toMatchObject({ calls: 1, judged: { n: 1, right: 1 } });
});

test('the next stage counts from its own decision on', async () => {
  const log = new Log();
  log.serve('1');
  expect((await log.look()).canary.calls).toBe(1);
  log.serve('2', { decision: 5 });
  expect((await log.look({ stage: 5 })).canary.calls).toBe(1);
});

test('a log that was rewritten, or a lost memory, makes everything be counted anew', async () => {
  const log = new Log();
  log.serve('1');
  log.serve('2');
  expect((await log.look()).canary.calls).toBe(2);
  writeFileSync(log.state, '{"stage": 4');
  expect((await log.look()).canary.calls).toBe(2);
  writeFileSync(path.join(log.folder, 'log.jsonl'), '');
  log.serve('3');
  expect((await log.look()).canary.calls).toBe(1);
});

test('the memory between looks holds no text of the log', async () => {
  const log = new Log();
  log.serve('1', {}, { completion: 'a secret answer' });
  await log.look();
  expect(readFileSync(log.state, 'utf8')).toContain('"1"');
  expect(readFileSync(log.state, 'utf8')).not.toContain('secret');
});

test('if more answers wait for a judgement than are remembered, the newest are kept', async () => {
  const log = new Log();
  const row = { prompt: 'where is it', completion: 'shipping', metadata: servedCallMetadata(CALL) };
  const text = Array.from({ length: 50_001 }, (_, id) => `${JSON.stringify({ id, ...row })}\n`).join('');
  writeFileSync(path.join(log.folder, 'many.jsonl'), text);
  for (const id of [0, 1, 50_000]) log.write({ actual_for: id, actual: 'shipping' }, 'new.jsonl');
  expect((await log.look()).canary).toMatchObject({ calls: 50_001, judged: { n: 2, right: 2 } });
});

const call = fc.record({
  arm: fc.constantFrom('canary' as const, 'champion' as const),
  outcome: fc.constantFrom('ok' as const, 'error' as const, 'invalid' as const, 'unfit' as const),
  armLatencyMs: fc.option(fc.integer({ min: 0, max: 90_000 })),
  actual: fc.option(fc.constantFrom('shipping', 'refund')),
});

test('several looks at parts of a log find the same as one look at the whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(call, fc.boolean()), { minLength: 1, maxLength: 12 }), async (calls) => {
      const [whole, parts] = [new Log(), new Log()];
      const both = (write: (log: Log) => void) => [whole, parts].map(write);
      for (const [index, [{ actual, ...served }, look]] of calls.entries()) {
        const id = `call-${index}`;
        both((log) => log.serve(id, { ...served, answeredBy: served.arm }));
        if (look) await parts.look();
        if (actual !== null) both((log) => log.write({ actual_for: id, actual }));
      }
      expect(await parts.look()).toEqual(await whole.look());
    }),
    { numRuns: 25 },
  );
});
