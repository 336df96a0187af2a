import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createAwaitJob } from '../../src/activities/await-job.ts';
import { createCancelJobs } from '../../src/activities/cancel-jobs.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { Job } from '../../src/providers/training.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { providerAt } from '../providers/provider-at.ts';
import { temporaryHome } from '../setup/cli.ts';
import { STACK_PRICES } from '../setup/stack.ts';

const JOB: Job = {
  id: 'ftjob-1',
  state: 'pending',
  phase: 'running',
  known: true,
  status: 'running',
  model: null,
  failure: null,
  needsPerson: false,
  createdAt: 1,
  finishedAt: null,
  trainedTokens: null,
};

const { home, remove } = temporaryHome();
afterAll(remove);

/** The activities at a provider with one job, which is cancelled to become another one. */
async function activitiesWith(job: Job, cancelled: Job) {
  const artifacts = new FileStore(home);
  const pipeline = { name: 'bench', task: 'classification', source: { type: 'jsonl', path: 'log.jsonl' } };
  const definition = await writeJson(
    artifacts,
    pipelineSchema.parse({ ...pipeline, candidates: { models: ['local-nano'] } }),
  );
  const provider = providerAt('http://127.0.0.1:9/v1');
  const training: Partial<typeof provider.training> = {
    settlingMs: 0,
    getJob: async () => job,
    findJobs: async () => [job],
    cancelJob: async () => cancelled,
    getTrainingTime: async () => ({ startedAt: null, workedMs: null }),
  };
  const dependencies: Dependencies = {
    artifacts,
    home,
    prices: STACK_PRICES,
    connectProvider: () => ({ ...provider, training: training as typeof provider.training }),
    temporal: {} as Client,
    monthlyBudgetUsd: null,
    log: pino({ level: 'silent' }),
  };
  const input = {
    definition,
    runId: 'bench/run',
    datasetVersion: '0123456789abcdef',
    candidate: {
      id: 'candidate-1',
      baseModel: 'local-nano',
      hyperparameters: { learningRateMultiplier: 1, epochs: 1 },
      treatment: 'strip' as const,
    },
    generation: 1,
    trainingFile: 'file-1',
    validationFile: 'file-2',
    jobId: JOB.id,
  };
  const run = <T>(activity: (given: typeof input) => Promise<T>) =>
    new MockActivityEnvironment().run(activity as (given: unknown) => Promise<T>, input);
  return { awaited: () => run(createAwaitJob(dependencies)), cancelled: () => run(createCancelJobs(dependencies)) };
}

const CANCELLED: Job = { ...JOB, state: 'cancelled', status: 'cancelled', finishedAt: 2 };

test('a cancelled job costs what the provider says, even if it tells no tokens', async () => {
  const { cancelled } = await activitiesWith(JOB, { ...CANCELLED, costUsd: 1.25 });
  expect(await cancelled()).toMatchObject({ cancelled: [JOB.id], trainingUsd: 1.25 });
});

test('the cost of a job that was cancelled while it trained is unknown where the provider says neither cost nor tokens', async () => {
  const { cancelled } = await activitiesWith(JOB, CANCELLED);
  expect(await cancelled()).toMatchObject({ trainingUsd: null });
});

test('a job that somebody else cancelled costs what the provider says', async () => {
  const job = { ...CANCELLED, costUsd: 0.5 };
  const { awaited } = await activitiesWith(job, job);
  expect(await awaited()).toMatchObject({ state: 'cancelled', trainingUsd: 0.5 });
});
