import { readFileSync } from 'node:fs';
import { WorkflowFailedError } from '@temporalio/client';
import { monthlyBudgetId } from '../../src/contract/ids.ts';
import { labellingProgressQuery, spendingQuery } from '../../src/contract/messages.ts';
import type { LabellingResult } from '../../src/core/run/labelling.ts';
import { lastJson, until } from '../setup/cli.ts';
import { Stack } from '../setup/stack.ts';
import { command, executed } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

/** Pays for the teacher of one log of this file, but not for two. */
const MONTH_USD = 0.009;

describe('a labelling', () => {
  let stack: Stack;
  let files = 0;

  beforeAll(async () => {
    stack = await Stack.start({ workerEnv: { TUNELOOP_MONTHLY_BUDGET_USD: `${MONTH_USD}` } });
  });
  afterAll(() => stack.stop());

  const newPipeline = (changes: object = {}): { file: string; id: string } => {
    files += 1;
    const rows = Array.from({ length: 40 }, (_, index) => ({
      id: `row-${index}`,
      messages: [
        {
          role: 'system',
          content: 'Name the topic of the message: refund, shipping or account. Answer with one word.',
        },
        { role: 'user', content: `Message: shipping question, order ${1000 + index}` },
      ],
    }));
    const name = `month-${files}`;
    return {
      file: stack.writePipeline(name, rows, { labelling: { model: 'local-base' }, ...changes }),
      id: `label/${name}`,
    };
  };
  const spent = () => stack.client.workflow.getHandle(monthlyBudgetId(new Date())).query(spendingQuery);
  const questions = () => executed(stack.ledger(), 'chat').length;

  test('a labelling is paid from the budget of the month, which books its cost', async () => {
    const ended = await command(stack, 'label', newPipeline().file, '--json');
    const { labelled, spentUsd } = lastJson<LabellingResult>(ended);
    expect(labelled).toBe(40);
    expect(spentUsd).toBeGreaterThan(0);
    expect(await spent()).toEqual({ spentUsd, reservedUsd: 0 });
  });

  test('a labelling asks for nothing if the month does not pay for its rows, and for some of them with a limit', async () => {
    const { file } = newPipeline();
    const [asked, before] = [questions(), await spent()];
    const refused = await command(stack, 'label', file, '--json');
    expect(refused.code).toBe(4);
    expect(lastJson<{ error: object }>(refused).error).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      message: expect.stringMatching(/labelling of .* needs .* \(monthly budget\)/),
    });
    expect(questions()).toBe(asked);
    expect(await spent()).toEqual(before);
    const some = await command(stack, 'label', file, '--limit', '5', '--json');
    expect(lastJson<LabellingResult>(some)).toMatchObject({ labelled: 5, left: 35, stopped: null });
    expect(some.code).toBe(0);
  });

  test('a labelling that is cancelled while it is paused ends as cancelled, and keeps the answers it has', async () => {
    const { file, id } = newPipeline({ labelling: { model: 'local-base', concurrency: 1 } });
    const quota = { kind: 'status', status: 429, code: 'insufficient_quota' } as const;
    await stack.setFaults([
      { endpoint: 'chat', calls: [1, 2, 3], effect: { kind: 'latency', ms: 1 } },
      { endpoint: 'chat', calls: Array.from({ length: 40 }, (_, index) => index + 4), effect: quota },
    ]);
    const labelling = command(stack, 'label', file, '--limit', '6', '--json');
    const handle = stack.client.workflow.getHandle(id);
    await until(async () => (await handle.query(labellingProgressQuery).catch(() => null))?.paused != null, 'a pause');
    await handle.cancel();
    const error: unknown = await handle.result().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    const ended = await labelling;
    expect(ended.code).toBe(5);
    expect(
      readFileSync(file.replace('pipeline.json', `${id.slice('label/'.length)}.actuals.jsonl`), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(3);
  });
});
