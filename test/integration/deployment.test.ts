import { readAlias } from '../../packages/app/src/predict/alias-reader.ts';
import type { RunJson } from '../../src/client/runs.ts';
import { deploymentId } from '../../src/contract/ids.ts';
import { deploymentQuery } from '../../src/contract/messages.ts';
import type { Decision } from '../../src/core/deployment/deployment.ts';
import { cli, lastJson, until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { command, providerOf } from '../setup/stack-tools.ts';

jest.setTimeout(180_000);

const NO_CANARY = { canary: { stages: [] } };

describe('a deployment', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());

  /** A pipeline whose winner is better than the original prompt on an untuned model. */
  const pipelineFile = (name: string, promotion: object) =>
    stack.writePipeline(name, shopRows(360), {
      candidates: { models: ['local-mini'] },
      evaluation: { baseline: { live: 'local-base' } },
      promotion,
    });
  const runOf = async (file: string): Promise<RunJson> => {
    const handle = await stack.startRun(file);
    return { ...(await handle.result()), runId: handle.workflowId } as RunJson;
  };
  const state = (name: string) => stack.client.workflow.getHandle(deploymentId(name)).query(deploymentQuery);
  const json = async <T>(...args: string[]) => lastJson<T>(await command(stack, ...args, '--json'));

  test('a winner waits for a person, serves once it is approved, and makes room again by a rollback', async () => {
    const file = pipelineFile('shop', NO_CANARY);
    const run = await runOf(file);
    expect(run).toMatchObject({ recommendation: 'fine-tune', promotion: { promote: true } });
    expect(run.decision).toMatchObject({ number: 1, kind: 'proposed' });
    expect(await readAlias(stack.home, 'shop')).toMatchObject({
      decision: 1,
      champion: null,
      canary: null,
      original: { model: 'local-base' },
    });
    expect(await json('deployments')).toMatchObject([
      { pipeline: 'shop', champion: null, challenger: { model: run.winnerModel, run: run.runId } },
    ]);

    const stale = await command(stack, 'approve', 'shop', '--why', 'good', '--decision', '9');
    expect(stale.stderr).toContain('DEPLOYMENT_CHANGED: shop: decision 1 (proposed by run) came after decision 9');
    expect(stale.code).toBe(2);
    expect((await command(stack, 'approve', 'shop')).stderr).toContain('--why');

    const approved = await json<{ decision: Decision }>('approve', 'shop', '--why', 'good', '--by', 'ana');
    expect(approved.decision).toMatchObject({ kind: 'promoted', by: 'person:ana', why: 'good' });
    // The command answers when readers can see it.
    expect(await readAlias(stack.home, 'shop')).toMatchObject({
      decision: approved.decision.number,
      champion: { model: run.winnerModel, treatment: 'strip', labels: ['account', 'refund', 'shipping'] },
    });

    const asked = await cli(stack.home, ['predict', 'shop', 'refund please, I paid by card', '--json'], {
      [providerOf(file).apiKeyEnv]: 'any',
    });
    expect(lastJson(asked)).toMatchObject({ model: run.winnerModel, arm: 'champion', text: 'refund' });
    expect((await command(stack, 'predict', 'nobody', 'hello')).code).toBe(2);

    const back = await json<{ decision: Decision }>('rollback', 'shop', '--why', 'complaints');
    expect(back.decision).toMatchObject({ kind: 'rolled-back', model: run.winnerModel });
    expect(await readAlias(stack.home, 'shop')).toMatchObject({ decision: back.decision.number, champion: null });
    expect((await json<Decision[]>('history', 'shop')).map(({ kind }) => kind)).toEqual([
      'rolled-back',
      'promoted',
      'approved',
      'proposed',
    ]);
    const nothing = await command(stack, 'rollback', 'shop', '--why', 'again');
    expect(nothing.stderr).toContain('the original prompt serves already');
    expect(nothing.code).toBe(2);

    // A person may bring it back.
    const again = await json<{ decision: Decision }>('propose', run.runId, '--why', 'it was not the model');
    expect(again.decision).toMatchObject({ kind: 'proposed', model: run.winnerModel });
    const rejected = await json<{ decision: Decision }>('reject', 'shop', '--why', 'no');
    expect(rejected.decision).toMatchObject({ kind: 'rejected', model: run.winnerModel });
  });

  test('a later run meets the champion on rows that neither was trained on, and replaces it only for a gain', async () => {
    const file = pipelineFile('again', { by: 'automatic', ...NO_CANARY });
    const first = await runOf(file);
    expect(first.decision).toMatchObject({ kind: 'promoted' });
    const second = await runOf(file);
    expect(second.champion).toMatchObject({ model: first.winnerModel, failure: null });
    expect(second.champion?.comparison?.n).toBe(second.winnerJudged?.n);
    expect(second.promotion?.promote).toBe(false);
    expect(second.decision).toMatchObject({ kind: 'kept' });
    expect(await state('again')).toMatchObject({
      champion: { model: first.winnerModel },
      lastRun: { run: second.runId },
    });
  });

  test('F37 two runs that end together are both kept, and a rollback leads to the champion before', async () => {
    const file = pipelineFile('twins', NO_CANARY);
    const runs = await Promise.all([runOf(file), runOf(file)]);
    const { decisions, challenger } = await state('twins');
    const proposed = decisions.filter(({ kind }) => kind === 'proposed');
    expect(proposed.map(({ run }) => run).sort()).toEqual(runs.map(({ runId }) => runId).sort());
    expect(challenger?.run).toBe(proposed.at(-1)?.run);
    expect(decisions.map(({ number }) => number)).toEqual(decisions.map((_, place) => place + 1));

    // Both want to be the champion: the one that is approved second goes back to the first.
    const [older, newer] = proposed.map(({ run }) => run);
    await command(stack, 'approve', 'twins', '--why', 'the newer one');
    await command(stack, 'propose', older ?? '', '--why', 'the older one too');
    await command(stack, 'approve', 'twins', '--why', 'the older one too');
    expect(await state('twins')).toMatchObject({ champion: { run: older }, previous: [{ run: newer }] });
    await command(stack, 'rollback', 'twins', '--why', 'back');
    expect(await state('twins')).toMatchObject({ champion: { run: newer } });
  });

  test('a winner that no person approves in time is rejected, and the original prompt stays', async () => {
    // About two seconds.
    await runOf(pipelineFile('late', { deadline_hours: 0.0006, ...NO_CANARY }));
    await until(async () => (await state('late')).challenger === null, 'the end of the deadline');
    expect((await state('late')).decisions.map(({ kind }) => kind)).toEqual(['proposed', 'expired']);
    await until(async () => (await readAlias(stack.home, 'late'))?.decision === 2, 'the alias of that');
  });

  test('a canary without calls says so, in the list of deployments', async () => {
    await runOf(pipelineFile('silent', { by: 'automatic', canary: { every_seconds: 1 } }));
    const listed = async () => (await command(stack, 'deployments')).stdout;
    await until(async () => (await listed()).includes('silent, canary: The log holds no call yet'), 'the first look');
  });
});
