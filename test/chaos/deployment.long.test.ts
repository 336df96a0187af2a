import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { readAlias } from '../../packages/app/src/predict/alias-reader.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import { deploymentId } from '../../src/contract/ids.ts';
import { approveUpdate, deploymentQuery, type ProposeInput, proposeUpdate } from '../../src/contract/messages.ts';
import { promotionPolicy } from '../../src/core/deployment/promotion.ts';
import type { RunResult } from '../../src/core/run/run-result.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';

jest.setTimeout(300_000);

const PIPELINE = 'killed';
const NO_CANARY = { canary: { stages: [] } };

describe('SIGKILL of worker and server between the approval and the alias', () => {
  let stack: Stack;
  let handle: WorkflowHandle;
  let result: RunResult;

  beforeAll(async () => {
    stack = await Stack.start();
    const file = stack.writePipeline(PIPELINE, shopRows(180), {
      candidates: { models: ['local-nano'], epochs: 1 },
      promotion: NO_CANARY,
    });
    result = await (await stack.startRun(file)).result();
    handle = stack.client.workflow.getHandle(deploymentId(PIPELINE));
  });
  afterAll(() => stack.stop());

  const state = () => handle.query(deploymentQuery);

  /** Lets a winner of this name wait for approval; returns the number of the newest decision. */
  const propose = async (model: string): Promise<number> => {
    const { deployable } = result;
    if (!deployable) throw new Error('the run has no winner');
    const { run, definition, datasetVersion, manifest } = deployable;
    const { promotion } = pipelineSchema.parse({
      name: PIPELINE,
      task: 'classification',
      source: { type: 'jsonl', path: 'log.jsonl' },
      candidates: { models: ['local-nano'] },
      promotion: NO_CANARY,
    });
    const proposal: ProposeInput = {
      ...{ run, definition, datasetVersion, manifest, originalModel: null },
      winner: { ...deployable, model },
      by: 'person:test',
      why: 'to be approved',
      policy: promotionPolicy(promotion),
      decision: (await state()).decision,
    };
    return (await handle.executeUpdate(proposeUpdate, { args: [proposal] })).number;
  };

  /** Reads the alias as often as it can; every read is whole, and no older than an earlier read. */
  const watchAlias = () => {
    const seen = new Set<string | null>();
    let newest = 0;
    let on = true;
    const done = (async () => {
      while (on) {
        const alias = await readAlias(stack.home, PIPELINE);
        if ((alias?.decision ?? 0) < newest) throw new Error(`decision ${alias?.decision} came after ${newest}`);
        newest = alias?.decision ?? 0;
        seen.add(alias?.champion?.model ?? null);
        await delay(1);
      }
    })();
    return async () => {
      on = false;
      await done;
      return [...seen];
    };
  };

  const killBoth = () => Promise.all([stack.killWorker(), stack.killServer()]);
  const restart = async () => {
    await stack.startServer();
    await stack.startWorker();
  };

  const approve = (decision: number) =>
    handle.startUpdate(approveUpdate, {
      args: [{ decision, by: 'person:test', why: 'good' }],
      waitForStage: 'ACCEPTED',
      updateId: randomUUID(),
    });

  test.each([0, 20])(
    'killed %i ms after the approval, the alias is the old one or the new one, and ends new',
    async (ms) => {
      const before = (await readAlias(stack.home, PIPELINE))?.champion?.model ?? null;
      const model = `ft:local-nano:after-${ms}`;
      const decision = await propose(model);
      const stopWatching = watchAlias();
      await approve(decision);
      await delay(ms);
      await killBoth();
      const between = await readAlias(stack.home, PIPELINE);
      expect([before, model]).toContain(between?.champion?.model ?? null);
      await restart();
      await until(async () => (await readAlias(stack.home, PIPELINE))?.champion?.model === model, 'the new alias');
      const seen = await stopWatching();
      expect([before, model]).toEqual(expect.arrayContaining(seen));
    },
  );

  test('killed while the alias cannot be written, readers keep the old one, and the new one follows', async () => {
    const folder = path.join(stack.home, 'deployments', PIPELINE);
    const before = await readAlias(stack.home, PIPELINE);
    const model = 'ft:local-nano:blocked';
    const decision = await propose(model);
    // A file in place of the folder: no process can write anything.
    await rename(folder, `${folder}-aside`);
    await writeFile(folder, '');
    await approve(decision);
    await until(async () => (await state()).champion?.model === model, 'the decision');
    await killBoth();
    await rm(folder);
    await mkdir(path.dirname(folder), { recursive: true });
    await rename(`${folder}-aside`, folder);
    expect((await readAlias(stack.home, PIPELINE))?.champion).toEqual(before?.champion);
    await restart();
    await until(async () => (await readAlias(stack.home, PIPELINE))?.champion?.model === model, 'the new alias');
    expect((await state()).decisions.at(-1)).toMatchObject({ kind: 'promoted', model });
  });
});
