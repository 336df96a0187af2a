import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { isLast, type TrainingNews, type TrainingTask } from '../engine.ts';
import type { Example } from '../jobs/training-file.ts';
import { readTrainingFile } from '../jobs/training-file.ts';
import { isBaseModel } from './features.ts';
import { sharedFile, weightsFile } from './model-files.ts';
import { train } from './training.ts';

/** Checkpoints kept of a job, as at OpenAI. */
const CHECKPOINTS_KEPT = 3;

/* One thread trains one job and ends; ending it early is how a job is cancelled. */
await run(workerData as TrainingTask);

async function run(task: TrainingTask): Promise<void> {
  mkdirSync(task.modelDir, { recursive: true, mode: 0o700 });
  const steps: number[] = [];
  if (!isBaseModel(task.base)) throw new Error(`${task.base} is no n-gram model`);
  const progress = train({
    base: task.base,
    hyperparameters: task.hyperparameters,
    seed: task.seed,
    training: examplesOf(task.trainingPath),
    validation: task.validationPath === null ? [] : examplesOf(task.validationPath),
  });
  for (const news of progress) {
    if (news.kind === 'shared') {
      write(join(task.modelDir, sharedFile()), news.bytes);
      continue;
    }
    if (news.kind === 'checkpoint') {
      write(join(task.modelDir, weightsFile(news.metrics.step)), news.bytes);
      steps.push(news.metrics.step);
      const old = steps.length > CHECKPOINTS_KEPT ? steps.shift() : undefined;
      if (old !== undefined) rmSync(join(task.modelDir, weightsFile(old)), { force: true });
    }
    tell({ kind: news.kind, metrics: news.metrics });
    if (news.kind === 'checkpoint' && !isLast(news.metrics)) await turn();
  }
  tell({ kind: 'finished' });
}

function examplesOf(path: string): Example[] {
  return Array.from(readTrainingFile(readFileSync(path)), ({ input, completion }) => ({ input, completion }));
}

function write(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.tmp`, bytes, { mode: 0o600, flush: true });
  renameSync(`${path}.tmp`, path);
}

/** Waits for the next turn: any message is one. */
async function turn(): Promise<void> {
  if (parentPort !== null) await once(parentPort, 'message');
}

function tell(news: TrainingNews): void {
  parentPort?.postMessage(news);
}
