import { createTuneloop, type Tuneloop, TuneloopError } from '../../src/client/tuneloop.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { addressOf } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

describe('the library on a server', () => {
  let stack: Stack;
  let tuneloop: Tuneloop;

  beforeAll(async () => {
    stack = await Stack.start();
    tuneloop = createTuneloop({ home: stack.home, temporal: { address: addressOf(stack) } });
  });
  afterAll(async () => {
    await tuneloop?.close();
    await stack?.stop();
  });

  const UNKNOWN = 'shop/20261123-081530-042';

  test.each<[string, string, (library: Tuneloop) => Promise<unknown>]>([
    ['an unknown run that is read', 'RUN_NOT_FOUND', ({ runs }) => runs.get(UNKNOWN)],
    ['the progress of an unknown run', 'RUN_NOT_FOUND', ({ runs }) => runs.progress(UNKNOWN)],
    ['an unknown run that is followed', 'RUN_NOT_FOUND', ({ runs }) => runs.follow(UNKNOWN)],
    ['an unknown run that is cancelled', 'RUN_NOT_FOUND', ({ runs }) => runs.cancel(UNKNOWN)],
    ['an unknown run that is resumed', 'RUN_NOT_FOUND', ({ runs }) => runs.resume(UNKNOWN)],
    ['the winner of an unknown run', 'RUN_NOT_FOUND', ({ runs }) => runs.predict(UNKNOWN, 'hello')],
    [
      'an unknown run that is proposed',
      'RUN_NOT_FOUND',
      ({ deployments }) => deployments.propose(UNKNOWN, { why: 'x' }),
    ],
    ['an unknown deployment', 'DEPLOYMENT_NOT_FOUND', ({ deployments }) => deployments.get('nobody')],
    [
      'an approval of nothing',
      'DEPLOYMENT_NOT_FOUND',
      ({ deployments }) => deployments.approve('nobody', { why: 'x' }),
    ],
    ['an unknown schedule', 'RUN_NOT_FOUND', ({ schedules }) => schedules.pause('nobody')],
  ])('%s is a TuneloopError', async (_what, code, ask) => {
    const refused = ask(tuneloop);
    await expect(refused).rejects.toBeInstanceOf(TuneloopError);
    await expect(refused).rejects.toMatchObject({ code });
  });

  test('a month without runs has spent nothing, and an explicit cap wins over the variable', async () => {
    const capped = createTuneloop({ home: stack.home, temporal: stack.client, monthlyBudgetUsd: 12 });
    expect(await capped.budget.get()).toEqual({
      account: expect.stringMatching(/^budget\/\d{4}-\d\d$/),
      spentUsd: 0,
      reservedUsd: 0,
      capUsd: 12,
    });
    await capped.close();
  });

  test('a client that was handed in still works after close', async () => {
    const other = createTuneloop({ home: stack.home, temporal: stack.client });
    await other.runs.list();
    await other.close();
    expect(await stack.client.workflow.count()).toBeDefined();
  });

  test('a connection that was opened is closed', async () => {
    const other = createTuneloop({ home: stack.home, temporal: { address: addressOf(stack) } });
    const { connection } = await other.session.client();
    const close = jest.spyOn(connection, 'close');
    await other.close();
    expect(close).toHaveBeenCalledTimes(1);
  });

  test('functions that start at the same time share one connection', async () => {
    const other = createTuneloop({ home: stack.home, temporal: { address: addressOf(stack) } });
    const [first, second] = await Promise.all([other.session.client(), other.session.client()]);
    expect(first).toBe(second);
    await other.close();
  });

  test('an aborted signal ends the following, and the run continues until it is cancelled', async () => {
    const file = stack.writePipeline('aborted', shopRows(60));
    const { runId, status, webUi } = await tuneloop.runs.start(file);
    expect({ status, webUi }).toEqual({ status: 'running', webUi: expect.stringContaining(encodeURIComponent(runId)) });
    const reason = new Error('seen enough');
    const abort = new AbortController();
    const followed = tuneloop.runs.follow(runId, { signal: abort.signal, onLook: () => abort.abort(reason) });
    await expect(followed).rejects.toThrow();
    expect(await tuneloop.runs.get(runId)).toMatchObject({ runId, status: 'running' });
    expect(await tuneloop.runs.list({ limit: 1 })).toEqual([expect.objectContaining({ runId })]);
    expect(await tuneloop.runs.cancel(runId)).toEqual({ runId, status: 'cancelling' });
    expect(await tuneloop.runs.follow(runId)).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    await expect(tuneloop.runs.resume(runId)).rejects.toMatchObject({ code: 'RUN_NOT_PAUSED' });
  });
});
