import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { LabellingResult } from '../../src/core/run/labelling.ts';
import { Cli, lastJson, until } from '../setup/cli.ts';
import { type HistoryJson, lintHistory } from '../setup/history-lint.ts';
import { STACK_PRICES, Stack } from '../setup/stack.ts';
import { addressOf, command, executed } from '../setup/stack-tools.ts';

jest.setTimeout(180_000);

const TEACHER = 'local-base';
const CONCURRENCY = 4;
const LABELS = ['refund', 'shipping', 'account'];

/** A log of which the last rows have no answer. */
const rowsWithout = (answered: number, open: number): object[] =>
  Array.from({ length: answered + open }, (_, index) => ({
    id: `row-${index}`,
    messages: [
      { role: 'system', content: 'Name the topic of the message: refund, shipping or account. Answer with one word.' },
      { role: 'user', content: `Message: ${LABELS[index % 3]} question, order ${1000 + index}` },
    ],
    ...(index < answered ? { completion: LABELS[index % 3] } : {}),
  }));

interface Line {
  actual_for: string;
  actual: string;
  by: string;
}

describe('tuneloop label', () => {
  let stack: Stack;
  let files = 0;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());
  beforeEach(() => stack.setFaults([]));

  const newPipeline = (rows: readonly object[], labelling: object = {}) => {
    files += 1;
    const name = `labelling-${files}`;
    const file = stack.writePipeline(name, rows, {
      labelling: { model: TEACHER, concurrency: CONCURRENCY, ...labelling },
    });
    const actualsFile = path.join(path.dirname(file), `${name}.actuals.jsonl`);
    const actuals = (): Line[] =>
      existsSync(actualsFile)
        ? readFileSync(actualsFile, 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line))
        : [];
    return { name, file, actualsFile, actuals, id: `label/${name}` };
  };
  const questions = (from: number) => executed(stack.ledger().slice(from), 'chat');
  const label = (...args: string[]) => new Cli(stack.home, ['label', ...args], { TEMPORAL_ADDRESS: addressOf(stack) });

  test('rows without an answer are labelled once each although the worker is killed in the middle; then nothing is left', async () => {
    const ROWS = 40;
    const { file, actuals, actualsFile, id, name } = newPipeline(rowsWithout(12, ROWS));
    await stack.setFaults([{ endpoint: 'chat', effect: { kind: 'latency', ms: 200 } }]);
    const before = stack.ledger().length;
    const labelling = label(file, '--json');
    await until(() => questions(before).length >= ROWS / 2, 'half of the rows');
    expect(questions(before).length).toBeLessThan(ROWS);
    // Paid answers are not in the file yet, and must not be lost with the worker.
    expect(actuals()).toEqual([]);
    expect(await stack.killWorker()).toBe(true);
    await stack.startWorker();
    const ended = await labelling.ended;
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(/asking the teacher for 40 rows/);
    const result = lastJson<LabellingResult>(ended);
    expect(result).toMatchObject({ status: 'completed', left: 0, stopped: null, file: actualsFile });
    expect(result.labelled + result.doubtful).toBe(ROWS);
    expect(result.labelled).toBeGreaterThan(ROWS / 2);
    expect(questions(before).length).toBeGreaterThanOrEqual(ROWS);
    expect(questions(before).length).toBeLessThanOrEqual(ROWS + CONCURRENCY);
    const ids = actuals().map(({ actual_for }) => actual_for);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(result.labelled);
    for (const { actual, by } of actuals()) {
      expect(LABELS).toContain(actual);
      expect(by).toBe(`model:${TEACHER}`);
    }
    const history: HistoryJson = JSON.parse(historyToJSON(await stack.client.workflow.getHandle(id).fetchHistory()));
    expect(lintHistory(history, ['question, order'])).toEqual([]);

    const after = stack.ledger().length;
    const again = lastJson<LabellingResult>(await label(file, '--json').ended);
    expect(again).toMatchObject({ labelled: 0, left: 0, forPeople: result.doubtful });
    expect(questions(after)).toEqual([]);
    // No paid answers lie about.
    expect(readdirSync(path.join(stack.home, 'runs', 'label', name))).toEqual(
      result.doubtful > 0 ? ['kept-out.jsonl'] : [],
    );
  });

  test('labelling.budget_usd ends a labelling before it is exceeded, with exit code 4, and another one continues it', async () => {
    const rows = rowsWithout(12, 40);
    const budget = 0.0003;
    const { file, actuals } = newPipeline(rows, { budget_usd: budget });
    const before = stack.ledger().length;
    const ended = await label(file, '--json').ended;
    expect(ended.code).toBe(4);
    const result = lastJson<LabellingResult>(ended);
    expect(result.stopped).toMatch(/were reserved are spent/);
    const price = STACK_PRICES.models[TEACHER]?.base ?? { input: 0, output: 0 };
    const usd = questions(before).reduce(
      (sum, { promptTokens, completionTokens }) =>
        sum + ((promptTokens ?? 0) * price.input + (completionTokens ?? 0) * price.output) / 1e6,
      0,
    );
    expect(usd).toBeGreaterThan(budget / 2);
    expect(usd).toBeLessThanOrEqual(budget);
    expect(result.spentUsd).toBeCloseTo(usd, 9);
    expect(result.left).toBe(40 - questions(before).length);
    expect(actuals().length + result.doubtful).toBe(questions(before).length);

    const richer = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...richer, labelling: { ...richer.labelling, budget_usd: 1 } }));
    const rest = await label(file, '--json').ended;
    expect(rest.code).toBe(0);
    expect(lastJson<LabellingResult>(rest)).toMatchObject({ left: 0 });
    expect(questions(before)).toHaveLength(40);
  });

  test('a quota pauses a labelling, and resume continues it', async () => {
    const { file, id } = newPipeline(rowsWithout(12, 10));
    const quota = { kind: 'status', status: 429, code: 'insufficient_quota' } as const;
    await stack.setFaults([{ endpoint: 'chat', effect: quota }]);
    const labelling = label(file, '--json');
    await labelling.says(/PAUSED, PROVIDER_QUOTA/);
    await stack.setFaults([]);
    expect((await command(stack, 'resume', id)).code).toBe(0);
    expect((await labelling.ended).code).toBe(0);
  });

  test('an unknown teacher ends a labelling with the cause', async () => {
    const { file } = newPipeline(rowsWithout(12, 10), { model: 'gpt-none' });
    const ended = await label(file, '--json').ended;
    expect(ended.code).toBe(4);
    expect(lastJson<{ error: object }>(ended).error).toMatchObject({ code: 'PROVIDER_REFUSED' });
  });

  // The last test: questions that were in flight at the cancellation reach the server's ledger after it.
  test('a running labelling is shown and not started again; Ctrl-C ends the display, and cancel ends it with its answers', async () => {
    const { file, actuals, id } = newPipeline(rowsWithout(12, 200));
    // Long enough for the word to reach the worker, which hears it with its next sign of life.
    await stack.setFaults([{ endpoint: 'chat', effect: { kind: 'latency', ms: 1000 } }]);
    const before = stack.ledger().length;
    const first = label(file);
    await until(() => questions(before).length >= 4, 'the first answers');
    const second = label(file);
    await second.says(/is running already/);
    second.child.kill('SIGINT');
    const interrupted = await second.ended;
    expect(interrupted.code).toBe(130);
    expect(interrupted.stderr).toContain(`tuneloop cancel ${id}`);
    expect((await command(stack, 'cancel', id)).code).toBe(0);
    const ended = await first.ended;
    expect(ended.code).toBe(5);
    expect(ended.stdout).toMatch(/^CANCELLED/);
    const answers = questions(before).length;
    expect(answers).toBeLessThan(200);
    expect(actuals().length).toBeGreaterThanOrEqual(answers - CONCURRENCY - 1);
    expect(actuals().length).toBeLessThanOrEqual(answers);
    expect((await stack.client.workflow.getHandle(id).describe()).status.name).toBe('CANCELLED');
  });
});
