import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { WorkflowFailedError, WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Dataset } from '../../src/core/run/dataset.ts';
import { innermost } from '../../src/workflows/steps/failure-reason.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';

jest.setTimeout(60_000);

describe('an artifact that is damaged while a run goes on', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());

  /** The dataset of the run, read from its history. */
  const datasetOf = async (run: WorkflowHandle): Promise<Dataset> => {
    const { events } = await stack.client.workflow.getHandle(run.workflowId).fetchHistory();
    const scheduled = events?.find(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'prepare',
    )?.eventId;
    const completed = events?.find((event) =>
      event.activityTaskCompletedEventAttributes?.scheduledEventId?.eq(scheduled ?? -1),
    )?.activityTaskCompletedEventAttributes;
    const payload = completed?.result?.payloads?.[0];
    if (!payload) throw new Error('the run has not prepared its dataset');
    return defaultPayloadConverter.fromPayload<Dataset>(payload);
  };

  test.each<[string, (file: string) => void]>([
    [
      'a bit flip',
      (file) => {
        const bytes = readFileSync(file);
        bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
        writeFileSync(file, bytes);
      },
    ],
    ['a truncation', (file) => truncateSync(file, 1000)],
  ])('F40 %s of the training file is refused by its hash: it is never uploaded or trained on', async (what, damage) => {
    // The run waits here, after it has prepared its files and before it uploads them.
    await stack.setFaults([{ endpoint: 'models.list', times: 1, effect: { kind: 'latency', ms: 3000 } }]);
    const file = stack.writePipeline(what.replaceAll(' ', '-'), shopRows(60), { split: { seed: what.length } });
    const run = await stack.startRun(file);
    await until(async () => (await stack.faults())[0]?.fired === 1, 'the plan');
    const [files] = (await datasetOf(run)).files;
    if (!files) throw new Error('there is no training file');
    const { train } = files;
    damage(path.join(stack.home, 'artifacts', train.sha256.slice(0, 2), train.sha256));

    const error = await run.result().catch(({ cause }: WorkflowFailedError) => innermost(cause));
    expect(error).toMatchObject({
      type: 'ARTIFACT_CORRUPT',
      message: expect.stringMatching(/artifact sha256:[0-9a-f]{64} in .* was changed after it was written/),
    });
    const requests = stack.ledger().flatMap((entry) => (entry.kind === 'request' ? entry : []));
    expect(requests.filter(({ name }) => name?.includes(train.sha256))).toEqual([]);
    expect(requests.filter(({ endpoint }) => endpoint === 'jobs.create')).toEqual([]);
  });
});
