import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endsEpoch, type Job, type JobRequest, type Training } from '../providers/training.ts';
import { assertHas, assertSame, providerErrorOf } from './assertions.ts';
import { globalRunner, type TestRunner } from './runner.ts';

/** A provider that a suite may train at. */
export interface TrainingSubject {
  training: Training;
  /** A model that can be tuned. */
  baseModel: string;
  /** The provider's own id of it, where that is another than its name. */
  baseModelId?: string;
  /** Whether the ids of jobs follow from their keys, so that a second creation finds the first job; false by default. */
  choosesIds?: boolean;
  close(): Promise<void>;
}

const EPOCHS = 2;
const LOOK_MS = 50;

/**
 * Declares the rules that every implementation of the training port keeps.
 *
 * @param name of the implementation, for the names of the tests
 * @param open connects to a provider without jobs, before each test; `slow` jobs are still running seconds after their
 * creation, `fast` ones end soon
 */
export function describeTraining(
  name: string,
  open: (pace: 'fast' | 'slow') => Promise<TrainingSubject>,
  { describe, test, beforeAll, afterAll, afterEach }: TestRunner = globalRunner(),
): void {
  describe(`training at ${name}`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-conformance-'));
    const file = path.join(folder, 'train');
    const rows = Array.from({ length: 24 }, (_, index) =>
      JSON.stringify({
        messages: [
          { role: 'user', content: `${index % 2 === 0 ? 'my parcel is late' : 'my invoice is wrong'}, order ${index}` },
          { role: 'assistant', content: index % 2 === 0 ? 'delivery' : 'billing' },
        ],
      }),
    );
    const text = `${rows.join('\n')}\n`;
    const fileName = 'train-0123456789abcdef.jsonl';
    let subject: TrainingSubject;
    let keys = 0;

    beforeAll(() => writeFileSync(file, text));
    afterAll(() => rmSync(folder, { recursive: true }));
    afterEach(() => subject.close());

    const request = async (): Promise<JobRequest> => {
      const id = await subject.training.uploadFile(fileName, file);
      keys += 1;
      return {
        key: createHash('sha256').update(`${process.hrtime.bigint()} ${keys}`).digest('hex'),
        seed: 41 + keys,
        baseModel: subject.baseModel,
        trainingFile: id,
        validationFile: id,
        owner: {
          pipeline: 'conformance',
          workflowId: 'conformance/1/a',
          executionId: '5e0f1c2d-0000-4000-8000-000000000001',
        },
        hyperparameters: { learningRateMultiplier: 1, epochs: EPOCHS },
      };
    };
    const ended = async ({ id }: Job): Promise<Job> => {
      for (;;) {
        const job = await subject.training.getJob(id);
        if (job.state !== 'pending') return job;
        await delay(LOOK_MS);
      }
    };
    /** Waits until a job of a slow provider trains. */
    const running = async ({ id }: Job): Promise<void> => {
      while ((await subject.training.getJob(id)).phase !== 'running') await delay(LOOK_MS);
    };
    /** The content of a list once it has caught up. */
    const settled = async <T>(look: () => Promise<T[]>): Promise<T[]> => {
      const deadline = performance.now() + subject.training.settlingMs;
      for (;;) {
        const found = await look();
        if (found.length > 0 || performance.now() > deadline) return found;
        await delay(LOOK_MS);
      }
    };

    test('an uploaded file is found by its name and size, and by no other', async () => {
      subject = await open('fast');
      const { training } = subject;
      const bytes = Buffer.byteLength(text);
      assert.equal(await training.findFile(fileName, bytes), undefined);
      const id = await training.uploadFile(fileName, file);
      assert.equal(await training.findFile(fileName, bytes), id);
      assert.equal(await training.findFile(fileName, bytes + 1), undefined);
      assert.equal(await training.findFile(`x${fileName}`, bytes), undefined);
    });

    test('a deleted file is no longer found, and deleting it again is no error', async () => {
      subject = await open('fast');
      const { training } = subject;
      const bytes = Buffer.byteLength(text);
      const id = await training.uploadFile(fileName, file);
      await training.deleteFile(id);
      assert.equal(await training.findFile(fileName, bytes), undefined);
      assert.equal(await training.deleteFile(id), undefined);
    });

    test('a tuned model is deleted, deleting it again is no error, and a base model is refused', async () => {
      subject = await open('fast');
      const { training, baseModel } = subject;
      const { model } = await ended(await training.createJob(await request()));
      if (model === null) throw new Error('the job has left no model');
      await training.deleteModel(model);
      assert.equal(await training.deleteModel(model), undefined);
      await providerErrorOf(training.deleteModel(subject.baseModelId ?? baseModel));
    });

    test('an account that may fine-tune passes the check', async () => {
      subject = await open('fast');
      assert.equal(await subject.training.checkFineTuning(), undefined);
    });

    test('a created job is found by its identity, and by no other', async () => {
      subject = await open('slow');
      const wanted = await request();
      assertSame(await subject.training.findJobs(wanted), []);
      const job = await subject.training.createJob(wanted);
      assertHas(job, { state: 'pending', known: true, model: null, failure: null, needsPerson: false });
      assertSame(
        (await settled(() => subject.training.findJobs(wanted))).map(({ id }) => id),
        [job.id],
      );
      assertSame(await subject.training.findJobs({ ...wanted, key: 'f'.repeat(64), seed: 1 }), []);
      await running(job);
    });

    test('all jobs of one identity are found, the oldest first', async () => {
      subject = await open('slow');
      const wanted = await request();
      const first = await subject.training.createJob(wanted);
      // Times of creation count in seconds.
      await delay(1100);
      const second = await subject.training.createJob(wanted);
      const ids = subject.choosesIds ? [first.id] : [first.id, second.id];
      const found = await settled(async () => {
        const jobs = await subject.training.findJobs(wanted);
        return jobs.length === ids.length ? jobs : [];
      });
      assertSame(
        found.map(({ id }) => id),
        ids,
      );
      assert.equal(second.id, ids.at(-1));
      await running(second);
    });

    test('a pending job is listed with its owner until it has ended', async () => {
      subject = await open('slow');
      const wanted = await request();
      const job = await subject.training.createJob(wanted);
      const [listed, ...others] = await settled(() => subject.training.listPendingJobs());
      if (!listed) assert.fail('the job is not listed');
      assertHas(listed, { id: job.id });
      assertSame(others, []);
      const { owner } = listed;
      if ('executionEnd' in owner) assert.ok(wanted.owner.executionId.endsWith(owner.executionEnd));
      else assertSame(owner, wanted.owner);
      await running(job);
      await subject.training.cancelJob(job.id);
      await ended(job);
      assertSame(await subject.training.listPendingJobs(), []);
    });

    test('a job that has succeeded has a model, its tokens and its times', async () => {
      subject = await open('fast');
      const job = await ended(await subject.training.createJob(await request()));
      assertHas(job, { state: 'succeeded', known: true, failure: null });
      assert.equal(typeof job.model, 'string');
      assert.ok(Number(job.finishedAt) >= job.createdAt, `created at ${job.createdAt}, finished at ${job.finishedAt}`);
      assert.ok((job.trainedTokens ?? 1) > 0, `${job.trainedTokens} trained tokens`);
      const { startedAt } = await subject.training.getTrainingTime(job.id);
      assert.ok(
        startedAt === null || startedAt >= job.createdAt,
        `created at ${job.createdAt}, started at ${startedAt}`,
      );
    });

    test('metrics come in the order of their steps, with at most one end for each epoch', async () => {
      subject = await open('fast');
      const { training } = subject;
      const job = await ended(await training.createJob(await request()));
      const points = await training.listMetrics(job.id);
      const steps = points.map(({ step }) => step);
      assertSame(
        steps,
        [...new Set(steps)].toSorted((a, b) => a - b),
      );
      assert.ok(points.filter(endsEpoch).length <= EPOCHS, `more than ${EPOCHS} points end an epoch`);
      const middle = steps[Math.floor(steps.length / 2)];
      const newer = await training.listMetrics(job.id, middle);
      assertSame(
        newer.map(({ step }) => step),
        steps.filter((step) => middle === undefined || step > middle),
      );
    });

    test('checkpoints come in the order of their epochs, and the last one is of the last epoch', async () => {
      subject = await open('fast');
      const job = await ended(await subject.training.createJob(await request()));
      const checkpoints = await subject.training.listCheckpoints(job.id);
      const epochs = checkpoints.map(({ epoch }) => epoch);
      assertSame(
        epochs,
        [...new Set(epochs)].toSorted((a, b) => a - b),
      );
      assert.ok(
        epochs.every((epoch) => epoch >= 1 && epoch <= EPOCHS),
        `epochs ${epochs}`,
      );
      if (checkpoints.length > 0) assert.equal(epochs.at(-1), EPOCHS);
    });

    test('a cancelled job ends without a model, and a second cancellation changes nothing', async () => {
      subject = await open('slow');
      const job = await subject.training.createJob(await request());
      await running(job);
      await subject.training.cancelJob(job.id);
      assertHas(await ended(job), { state: 'cancelled', model: null });
      assertHas(await subject.training.cancelJob(job.id), { id: job.id, state: 'cancelled' });
    });

    test('the cancellation of a job that has succeeded leaves it succeeded', async () => {
      subject = await open('fast');
      const job = await ended(await subject.training.createJob(await request()));
      assertHas(await subject.training.cancelJob(job.id), { state: 'succeeded', model: job.model });
    });

    test('a job that does not exist is an error with status 404', async () => {
      subject = await open('slow');
      const job = await subject.training.createJob(await request());
      await running(job);
      const other = `${job.id.slice(0, -4)}none`;
      assertHas(await providerErrorOf(subject.training.getJob(other)), { status: 404, retryable: false });
    });

    test('a refused job is an error that is not retried, and no job exists', async () => {
      subject = await open('slow');
      const wanted = { ...(await request()), baseModel: 'no-such-model' };
      assertHas(await providerErrorOf(subject.training.createJob(wanted)), {
        retryable: false,
        mayHaveExecuted: false,
      });
      assertSame(await subject.training.findJobs(wanted), []);
    });
  });
}
