import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { createFindUnlabelled, type Unlabelled } from '../../src/activities/find-unlabelled.ts';
import { createKeepAnswers } from '../../src/activities/keep-answers.ts';
import { createLabelRows } from '../../src/activities/label-rows.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import type { KeptAnswers, LabelledRows } from '../../src/core/run/labelling.ts';
import { answersFile, keptOutFile } from '../../src/data/labels/teacher-files.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { providerAt } from '../providers/provider-at.ts';
import { failureOf } from '../setup/activity-bench.ts';
import { until } from '../setup/cli.ts';
import { STACK_PRICES } from '../setup/stack.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const home = temporaryFolder();
const artifacts = new FileStore(path.join(home, 'artifacts'));
const TEACHER = 'local-base';
/** At the price of the teacher, 2 and 8 USD per 1M tokens: the cost of each answer of the server below. */
const USAGE = { prompt_tokens: 100, completion_tokens: 10 };
const ROW_USD = (100 * 2 + 10 * 8) / 1e6;

type Reply = { status?: number; text?: string; finish?: string; hang?: boolean };

/** A provider that answers by the last message of the request. */
class Teacher {
  readonly asked: string[] = [];
  inFlight = 0;
  reply: (input: string) => Reply = () => ({});
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const input: string = JSON.parse(body).messages.at(-1).content;
      this.asked.push(input);
      this.inFlight += 1;
      response.on('close', () => {
        this.inFlight -= 1;
      });
      const { status = 200, text = 'refund', finish = 'stop', hang = false } = this.reply(input);
      if (hang) return;
      response.writeHead(status, { 'content-type': 'application/json' }).end(
        JSON.stringify(
          status === 200
            ? {
                choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finish }],
                usage: USAGE,
              }
            : { error: { message: 'no', code: 'refused' } },
        ),
      );
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (typeof address !== 'object' || !address) throw new Error('no port');
    return `http://127.0.0.1:${address.port}/v1`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let teacher: Teacher;
let dependencies: Dependencies;
let count = 0;
let workflowId = '';
let folder = '';

beforeEach(async () => {
  teacher = new Teacher();
  const baseURL = await teacher.listen();
  count += 1;
  workflowId = `label/shop-${count}`;
  folder = path.join(home, `shop-${count}`);
  dependencies = {
    artifacts,
    home,
    prices: STACK_PRICES,
    connectProvider: () => providerAt(baseURL),
    monthlyBudgetUsd: null,
    log: pino({ level: 'silent' }),
  } as unknown as Dependencies;
});
afterEach(() => teacher.close());

const row = (id: string, changes: object = {}) => ({
  id,
  messages: [
    { role: 'system', content: 'Name the topic: refund or shipping.' },
    { role: 'user', content: `message ${id}` },
  ],
  ...changes,
});
const actualsFile = () => `${folder}.actuals.jsonl`;
const actuals = () =>
  (existsSync(actualsFile()) ? readFileSync(actualsFile(), 'utf8') : '')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

function defineLabelling(rows: readonly object[], changes: Record<string, unknown> = {}): Promise<ArtifactRef> {
  writeFileSync(`${folder}.jsonl`, rows.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const pipeline = pipelineSchema.parse({
    name: `shop-${count}`,
    task: 'classification',
    source: { type: 'jsonl', path: `${folder}.jsonl`, actuals: actualsFile() },
    provider: { profile: 'generic', baseURL: 'https://example.com/v1', apiKeyEnv: 'KEY' },
    candidates: { models: [TEACHER] },
    labelling: { model: TEACHER, concurrency: 2 },
    ...changes,
  });
  return writeJson(artifacts, pipeline);
}

function environment(): MockActivityEnvironment {
  return new MockActivityEnvironment(
    { workflowExecution: { workflowId, runId: 'r' } },
    { logger: new DefaultLogger('ERROR') },
  );
}

const find = (definition: ArtifactRef, limit: number | null = null) =>
  environment().run(createFindUnlabelled(dependencies), { definition, limit }) as Promise<Unlabelled>;
const ask = (definition: ArtifactRef, { rows, dearestUsd }: Unlabelled, limitUsd: number | null = null) =>
  environment().run(createLabelRows(dependencies), { definition, rows, limitUsd, dearestUsd }) as Promise<LabelledRows>;
const keep = (definition: ArtifactRef, { labels }: Unlabelled) =>
  environment().run(createKeepAnswers(dependencies), { definition, labels }) as Promise<KeptAnswers>;

/** All three steps. */
async function label(definition: ArtifactRef, limit: number | null = null) {
  const found = await find(definition, limit);
  const asked = await ask(definition, found);
  return { found, asked, kept: await keep(definition, found) };
}

const LOG = [row('1', { completion: 'refund' }), row('2'), row('3', { completion: 'shipping' }), row('4')];

test('rows without an answer are asked for with their original prompt, and their answers are added with their author', async () => {
  teacher.reply = (input) => ({ text: input.endsWith('2') ? ' refund\n' : 'shipping' });
  const { found, asked, kept } = await label(await defineLabelling(LOG));
  expect(found.rows.rows).toBe(2);
  expect(teacher.asked.toSorted()).toEqual(['message 2', 'message 4']);
  expect(asked).toEqual({ left: 0, spentUsd: expect.closeTo(2 * ROW_USD, 9), stopped: null });
  expect(kept).toEqual({ labelled: 2, doubtful: 0, file: actualsFile() });
  expect(actuals()).toEqual(
    expect.arrayContaining([
      { actual_for: '2', actual: 'refund', by: 'model:local-base', timestamp: expect.stringMatching(/^20\d\d-.*Z$/) },
      { actual_for: '4', actual: 'shipping', by: 'model:local-base', timestamp: expect.any(String) },
    ]),
  );
  expect(existsSync(answersFile(home, workflowId, TEACHER))).toBe(false);
});

test('a second labelling finds no row left, and asks and adds nothing', async () => {
  const definition = await defineLabelling(LOG);
  await label(definition);
  const before = readFileSync(actualsFile(), 'utf8');
  teacher.asked.length = 0;
  const { found, kept } = await label(definition);
  expect([found.rows.rows, kept.labelled, teacher.asked]).toEqual([0, 0, []]);
  expect(readFileSync(actualsFile(), 'utf8')).toBe(before);
});

test('answers that were given later count as answers, and a rating does not', async () => {
  const definition = await defineLabelling(LOG);
  writeFileSync(actualsFile(), '{"actual_for":"2","actual":"refund"}\n{"actual_for":"4","quality":0.2}\n');
  await label(definition);
  expect(teacher.asked).toEqual(['message 4']);
});

test('a limit takes the first rows and counts the others; a repeated id is asked for once', async () => {
  const definition = await defineLabelling([...LOG, row('4'), row('5')]);
  const { found } = await label(definition, 2);
  expect(found).toMatchObject({ rows: { rows: 2 }, beyondLimit: 1 });
  expect(teacher.asked.toSorted()).toEqual(['message 2', 'message 4']);
});

test('answers that are no label of the log, empty or cut off are kept out, and not asked for again', async () => {
  const replies: Record<string, Reply> = {
    2: { text: 'Refund!' },
    4: { text: '' },
    5: { text: 'refund', finish: 'length' },
    6: { text: 'shipping' },
  };
  teacher.reply = (input) => replies[input.slice(-1)] ?? {};
  const definition = await defineLabelling([...LOG, row('5'), row('6')]);
  const { kept } = await label(definition);
  expect(kept).toMatchObject({ labelled: 1, doubtful: 3 });
  expect(actuals().map(({ actual_for }) => actual_for)).toEqual(['6']);
  expect(readFileSync(keptOutFile(home, workflowId), 'utf8')).toContain('"actual":"Refund!"');
  teacher.asked.length = 0;
  const { found } = await label(definition);
  expect([found.rows.rows, found.keptOut, teacher.asked]).toEqual([0, 3, []]);
});

test('a label that a dataset would not take is no label of the log: no model learns to refuse, or to chat', async () => {
  const answered = Array.from({ length: 30 }, (_, index) => row(`known-${index}`, { completion: 'refund' }));
  const odd = [
    row('a', { completion: 'The label is: refund' }),
    row('b', { completion: "I'm sorry, I can't help with that." }),
  ];
  const replies: Record<string, Reply> = {
    1: { text: 'The label is: refund' },
    2: { text: "I'm sorry, I can't help with that." },
  };
  teacher.reply = (input) => replies[input.slice(-1)] ?? {};
  const { kept } = await label(await defineLabelling([...answered, ...odd, row('1'), row('2'), row('3')]));
  expect(kept).toMatchObject({ labelled: 1, doubtful: 2 });
});

test('a refusal is no text to learn from', async () => {
  teacher.reply = () => ({ text: "I'm sorry, but I can't help with that." });
  const { kept } = await label(await defineLabelling(LOG, { task: 'generation' }));
  expect(kept).toMatchObject({ labelled: 0, doubtful: 2 });
});

test('another teacher is asked for rows that the one before could not answer', async () => {
  teacher.reply = () => ({ text: 'no idea' });
  await label(await defineLabelling(LOG));
  teacher.reply = () => ({ text: 'refund' });
  const { kept } = await label(await defineLabelling(LOG, { labelling: { model: 'local-mini' } }));
  expect(kept).toMatchObject({ labelled: 2, doubtful: 0 });
});

test.each([
  ['where the log has no label yet', 'classification', [row('1'), row('2')]],
  ['where the task is to write', 'generation', LOG],
])('any answer is acceptable %s', async (_name, task, rows) => {
  teacher.reply = () => ({ text: 'Something new.\n' });
  const { kept } = await label(await defineLabelling(rows, { task }));
  expect(kept).toMatchObject({ labelled: 2, doubtful: 0 });
  expect(actuals()[0].actual).toBe(task === 'generation' ? 'Something new.\n' : 'Something new.');
});

test('a labelling never exceeds its limit in USD, and keeps the answers until then', async () => {
  const rows = Array.from({ length: 20 }, (_, index) => row(`${index}`));
  const definition = await defineLabelling([...rows, row('known', { completion: 'refund' })]);
  const found = await find(definition);
  const limitUsd = 6.5 * ROW_USD;
  const asked = await ask(definition, { ...found, dearestUsd: ROW_USD }, limitUsd);
  expect(asked.stopped).toMatch(/^stopped after \d of 20 rows: the \$0\.0018\d* that were reserved are spent/);
  expect(asked.left).toBe(20 - teacher.asked.length);
  expect(teacher.asked.length).toBeGreaterThanOrEqual(5);
  expect(teacher.asked.length).toBeLessThanOrEqual(6);
  expect(asked.spentUsd).toBeLessThanOrEqual(limitUsd);
  expect(await keep(definition, found)).toMatchObject({ labelled: teacher.asked.length });
});

test('a limit that does not pay for one row asks for none', async () => {
  const definition = await defineLabelling(LOG);
  const found = await find(definition);
  expect(found.dearestUsd).toBeGreaterThan(0);
  expect(await ask(definition, found, found.dearestUsd / 2)).toMatchObject({ left: 2, spentUsd: 0 });
  expect(teacher.asked).toEqual([]);
});

test('the reservation exceeds the cost of the rows by their tokens, and never exceeds labelling.budget_usd', async () => {
  const found = await find(await defineLabelling(LOG));
  // 21 tokens or so of prompt and one of answer.
  expect(found.reserveUsd).toBeGreaterThan((2 * (20 * 2 + 8)) / 1e6);
  expect(found.reserveUsd).toBeLessThan((2 * (40 * 2 + 8)) / 1e6);
  const capped = await find(await defineLabelling(LOG, { labelling: { model: TEACHER, budget_usd: 0.00001 } }));
  expect(capped).toMatchObject({ reserveUsd: 0.00001, budgetUsd: 0.00001 });
});

test('a teacher without a price is refused where there is a budget', async () => {
  const definition = await defineLabelling(LOG, { labelling: { model: 'gpt-none', budget_usd: 1 } });
  expect(await failureOf(find(definition))).toMatchObject({
    code: 'BUDGET_EXCEEDED',
    message: expect.stringMatching(/labelling\.budget_usd is set, .* no price for gpt-none/),
  });
});

test('a row that the provider refuses is left to people, and the others are answered', async () => {
  teacher.reply = (input) => (input.endsWith('2') ? { status: 400 } : {});
  const definition = await defineLabelling(LOG);
  const { kept } = await label(definition);
  expect(kept).toMatchObject({ labelled: 1, doubtful: 1 });
  teacher.asked.length = 0;
  expect((await label(definition)).found).toMatchObject({ rows: { rows: 0 }, keptOut: 1 });
});

test('a provider that refuses every row makes the labelling fail soon, and the rows stay to be asked for', async () => {
  teacher.reply = () => ({ status: 400 });
  const definition = await defineLabelling(Array.from({ length: 60 }, (_, index) => row(`${index}`)));
  const found = await find(definition);
  expect(await failureOf(ask(definition, found))).toMatchObject({ code: 'PROVIDER_REFUSED' });
  expect(teacher.asked.length).toBeLessThan(25);
  expect(await keep(definition, found)).toMatchObject({ labelled: 0, doubtful: 0 });
  expect((await find(definition)).rows.rows).toBe(60);
});

test('a refused key ends the labelling, and answers that came before are kept', async () => {
  teacher.reply = () => (teacher.asked.length > 3 ? { status: 401 } : {});
  const definition = await defineLabelling(Array.from({ length: 10 }, (_, index) => row(`${index}`)));
  const found = await find(definition);
  expect(await failureOf(ask(definition, found))).toMatchObject({ code: 'PROVIDER_REFUSED', status: 401 });
  expect(await keep(definition, found)).toMatchObject({ labelled: 3 });
  expect((await find(definition)).rows.rows).toBe(7);
});

test('an attempt after a failed one asks only for the missing rows', async () => {
  const definition = await defineLabelling(Array.from({ length: 10 }, (_, index) => row(`${index}`)));
  const found = await find(definition);
  teacher.reply = () => (teacher.asked.length > 6 ? { status: 401 } : {});
  await failureOf(ask(definition, found));
  teacher.reply = () => ({});
  teacher.asked.length = 0;
  expect(await ask(definition, found)).toMatchObject({ left: 0, spentUsd: expect.closeTo(10 * ROW_USD, 9) });
  expect(teacher.asked).toHaveLength(4);
});

test('a labelling that was terminated leaves its answers to the next one, whatever the log holds by then', async () => {
  const definition = await defineLabelling(LOG);
  await ask(definition, await find(definition));
  teacher.asked.length = 0;
  const { kept } = await label(await defineLabelling([row('0'), ...LOG]));
  expect(teacher.asked).toEqual(['message 0']);
  expect(kept.labelled).toBe(3);
});

test('a cancellation ends requests that are on their way, and keeps the answers so far', async () => {
  teacher.reply = () => (teacher.asked.length > 2 ? { hang: true } : {});
  const definition = await defineLabelling(Array.from({ length: 10 }, (_, index) => row(`${index}`)));
  const found = await find(definition);
  const running = environment();
  const input = { definition, rows: found.rows, limitUsd: null, dearestUsd: 0 };
  const asked = running.run(createLabelRows(dependencies), input) as Promise<LabelledRows>;
  await until(() => teacher.asked.length === 4, 'two requests that hang');
  running.cancel();
  const failure = await failureOf(asked);
  expect(failure instanceof CancelledFailure || (failure as Error).name === 'AbortError').toBe(true);
  await until(() => teacher.inFlight === 0, 'no request on its way');
  expect(await keep(definition, found)).toMatchObject({ labelled: 2 });
});

describe('keeping answers', () => {
  test('keeping answers a second time adds nothing, because the worker may have died after the first', async () => {
    const definition = await defineLabelling(LOG);
    const found = await find(definition);
    await ask(definition, found);
    const journal = answersFile(home, workflowId, TEACHER);
    const answers = readFileSync(journal, 'utf8');
    const first = await keep(definition, found);
    const before = readFileSync(actualsFile(), 'utf8');
    writeFileSync(journal, answers);
    expect(await keep(definition, found)).toEqual(first);
    expect(readFileSync(actualsFile(), 'utf8')).toBe(before);
  });

  test('keeping answers does not overrule a person who has answered meanwhile', async () => {
    const definition = await defineLabelling(LOG);
    const found = await find(definition);
    await ask(definition, found);
    writeFileSync(actualsFile(), '{"actual_for":"2","actual":"shipping","by":"person:ana"}\n');
    expect(await keep(definition, found)).toMatchObject({ labelled: 1 });
    expect(actuals().map(({ actual_for, by }) => [actual_for, by])).toEqual([
      ['2', 'person:ana'],
      ['4', 'model:local-base'],
    ]);
  });
});

test('a pipeline without a teacher is refused with the key that is missing', async () => {
  const definition = await defineLabelling(LOG, { labelling: undefined });
  expect(await failureOf(find(definition))).toMatchObject({
    code: 'PIPELINE_INVALID',
    message: expect.stringContaining('labelling.model'),
  });
});
