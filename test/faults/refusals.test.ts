import path from 'node:path';
import { ApplicationFailure, type WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { innermost } from '../../src/workflows/steps/failure-reason.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';

jest.setTimeout(60_000);

const madeUp = (sha256: string): ArtifactRef => ({ uri: `sha256:${sha256}`, sha256, bytes: 1, rows: 1 });
const jobInput = (definition: ArtifactRef, changes: object = {}) => ({
  definition,
  runId: 'shop/made-up',
  datasetVersion: '0123456789abcdef',
  candidate: {
    id: 'a',
    baseModel: 'local-nano',
    hyperparameters: { learningRateMultiplier: 1, epochs: 1 },
    ...changes,
  },
  generation: 1,
  trainingFile: 'file-a',
  validationFile: 'file-b',
});

describe('what is refused before anything is paid', () => {
  let stack: Stack;
  let started = 0;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());

  /** Starts a workflow as any client that reaches the server can. */
  const start = (workflowType: string, input: object): Promise<WorkflowHandle> => {
    started += 1;
    const { taskQueue } = stack.environment;
    return stack.client.workflow.start(workflowType, {
      workflowId: `shop/stranger-${started}`,
      taskQueue,
      args: [input],
    });
  };
  /** The innermost failure of a workflow. */
  const failureOf = (run: WorkflowHandle): Promise<unknown> =>
    run.result().catch(({ cause }: WorkflowFailedError) => innermost(cause));
  /** The largest attempt of all activities. */
  const attemptsOf = async ({ workflowId }: WorkflowHandle): Promise<number> => {
    const { events } = await stack.client.workflow.getHandle(workflowId).fetchHistory();
    const attempts = events?.flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? []) ?? [];
    return Math.max(...attempts);
  };
  const expectNothingPaid = () => expect(stack.ledger()).toEqual([]);

  test('F31 an oversize payload is refused before the paid call: a result, in one attempt', async () => {
    const candidates = { models: ['m'.repeat(70_000)], learning_rate_multiplier: 1, epochs: 1 };
    const run = await stack.startRun(stack.writePipeline('oversize', shopRows(60), { candidates }));
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({
      type: 'PAYLOAD_TOO_LARGE',
      nonRetryable: true,
      message: expect.stringMatching(/the result of loadPipeline has 7\d{4} bytes and at most 65536 are allowed/),
    });
    expect(await attemptsOf(run)).toBe(1);
    expectNothingPaid();
  });

  test('F31 an oversize payload is refused before the paid call: an input, in one attempt', async () => {
    const run = await start('fineTuningJob', jobInput(madeUp('a'.repeat(64)), { padding: 'x'.repeat(70_000) }));
    expect(await failureOf(run)).toMatchObject({
      type: 'PAYLOAD_TOO_LARGE',
      message: expect.stringMatching(/the input of \w+ has 7\d{4} bytes/),
    });
    expect(await attemptsOf(run)).toBe(1);
    expectNothingPaid();
  });

  test.each(['a'.repeat(64), '../../../../etc/passwd', '/etc/passwd', '', 'a'.repeat(300)])(
    "F49 a workflow started over Temporal's API with the made-up definition %j spends nothing",
    async (sha256) => {
      for (const run of [
        await start('fineTuningPipeline', { definition: madeUp(sha256) }),
        await start('fineTuningJob', jobInput(madeUp(sha256))),
      ]) {
        expect(await failureOf(run)).toMatchObject({ type: 'ARTIFACT_CORRUPT' });
      }
      expectNothingPaid();
    },
  );

  test("F49 a workflow started over Temporal's API with an artifact that is no pipeline spends nothing", async () => {
    const store = new FileStore(path.join(stack.home, 'artifacts'));
    const run = await start('fineTuningPipeline', { definition: await writeJson(store, { name: 'no pipeline' }) });
    expect(await failureOf(run)).toBeInstanceOf(ApplicationFailure);
    expectNothingPaid();
  });
});
