/**
 * Records the histories that test/replay replays: one completed run with its jobs, of which one was stopped early and one had half of the
 * rows, its deployment, a retraining that found no reason, and one run that was cancelled while its jobs were running. Run it with `npm run
 * histories` after a change that is meant to be incompatible with open runs.
 *
 * It needs the services that `tuneloop demo --keep --job-seconds 5` leaves running.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { withSession } from '../src/cli/session.ts';
import { progressOf, type RunHandle, runOptions, startRun } from '../src/client/runs.ts';
import { deploymentId, retrainingId } from '../src/contract/ids.ts';
import { approveUpdate, deploymentQuery, WORKFLOWS } from '../src/contract/messages.ts';
import { writePipeline } from '../test/setup/shop-log.ts';

const folder = path.join(import.meta.dirname, '..', 'test', 'replay', 'histories');
const LOG = path.join(import.meta.dirname, '..', 'examples', 'support-triage', 'log.jsonl');

await withSession(async ({ client, environment }) => {
  const file = writePipeline(path.join(environment.home, 'recording'), readFileSync(LOG, 'utf8'), {
    candidates: {
      models: ['local-nano', 'local-base'],
      learning_rate_multiplier: [0.5, 2],
      epochs: 4,
      early_stop: true,
      half_data: true,
    },
    evaluation: { baseline: { live: 'local-mini' }, alternatives: ['local-base'] },
  });
  const record = async (name: string, workflowId: string) => {
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    // Replay ignores which worker did the work and where in the code, and both differ with each recording.
    const json = historyToJSON(history)
      .replace(/"identity": *"[^"]*"/g, '"identity": "recorder"')
      .replace(/"stackTrace": *"(?:[^"\\]|\\.)*"/g, '"stackTrace": ""');
    writeFileSync(path.join(folder, `${name}.json`), json);
  };
  const recordRun = async (name: string, handle: RunHandle) => {
    const { candidates = [] } = (await progressOf(client, handle)) ?? {};
    await record(`${name}-run`, handle.workflowId);
    for (const { id } of candidates) await record(`${name}-${id}`, `${handle.workflowId}/${id}`);
  };

  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder)) rmSync(path.join(folder, old));

  const completed = await startRun(client, environment, file);
  const { candidates } = await completed.result();
  if (!candidates.some(({ status }) => status === 'stopped')) throw new Error('no job was stopped: record again');
  await recordRun('completed', completed);

  const { pipeline, options } = await runOptions(environment, file);
  const entity = client.workflow.getHandle(deploymentId(pipeline.name));
  const { decision } = await entity.query(deploymentQuery);
  await entity.executeUpdate(approveUpdate, { args: [{ decision, by: 'person:recorder', why: 'to be recorded' }] });
  const look = await client.workflow.start(WORKFLOWS.retraining, {
    workflowId: retrainingId(pipeline.name),
    ...options,
  });
  await look.result();
  await record('deployment', entity.workflowId);
  await record('retraining', look.workflowId);

  const cancelled = await startRun(client, environment, file);
  const training = async () =>
    (await progressOf(client, cancelled))?.candidates.some(({ stage }) => stage === 'training');
  while (!(await training())) await delay(50);
  // Jobs exist a moment after their workflows: a cancellation then takes both ways, through the wait and through the list.
  await delay(1000);
  await cancelled.cancel();
  await cancelled.result().catch(() => {});
  await recordRun('cancelled', cancelled);
});
console.log(readdirSync(folder).join('\n'));
