import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomShares, spread } from '@tuneloop/app/internal/shared/random';
import OpenAI, { toFile } from 'openai';
import type { Example } from '../../packages/local-trainer/src/jobs/training-file.ts';
import { startTrainer, type Trainer, type TrainerOptions } from '../../packages/local-trainer/src/server.ts';

const WORDS: Readonly<Record<string, readonly string[]>> = {
  billing: ['invoice', 'payment', 'charged', 'refund', 'price'],
  crash: ['crashes', 'freezes', 'error', 'screen', 'restart'],
  delivery: ['parcel', 'courier', 'late', 'address', 'tracking'],
};

/** Labelled messages in which two of four words tell the label. */
export function labelled(count: number, seed = 1): Example[] {
  const random = randomShares(spread(seed));
  const labels = Object.keys(WORDS);
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? '';
  return Array.from({ length: count }, (_, row) => {
    const completion = labels[row % labels.length] ?? '';
    const words = WORDS[completion] ?? [];
    return { input: `please ${pick(words)} about my ${pick(words)}`, completion };
  });
}

/** Examples as a chat JSONL file. */
export function jsonl(examples: readonly Example[]): string {
  return examples
    .map(({ input, completion }) =>
      JSON.stringify({
        messages: [
          { role: 'user', content: input },
          { role: 'assistant', content: completion },
        ],
      }),
    )
    .join('\n');
}

export function temporaryFolder(): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'tuneloop-trainer-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A trainer in a folder of its own, with the official client. */
export async function trainerWithClient(options: Partial<TrainerOptions> = {}): Promise<{
  trainer: Trainer;
  dir: string;
  client: OpenAI;
  upload(text: string): Promise<string>;
  ended(jobId: string): Promise<OpenAI.FineTuning.FineTuningJob>;
  until(
    jobId: string,
    reached: (job: OpenAI.FineTuning.FineTuningJob) => boolean,
  ): Promise<OpenAI.FineTuning.FineTuningJob>;
  remove(): Promise<void>;
}> {
  const folder = temporaryFolder();
  const trainer = await startTrainer({ dir: folder.dir, ...options });
  const client = clientOf(trainer);
  const until = (jobId: string, reached: (job: OpenAI.FineTuning.FineTuningJob) => boolean) =>
    jobWhen(client, jobId, reached);
  return {
    trainer,
    dir: folder.dir,
    client,
    upload: async (text) =>
      (await client.files.create({ file: await toFile(Buffer.from(text), 'train.jsonl'), purpose: 'fine-tune' })).id,
    ended: (jobId) => until(jobId, ({ status }) => ['succeeded', 'failed', 'cancelled'].includes(status)),
    until,
    remove: async () => {
      await trainer.close();
      folder.remove();
    },
  };
}

export function clientOf(trainer: Pick<Trainer, 'baseURL'>): OpenAI {
  return new OpenAI({ baseURL: trainer.baseURL, apiKey: 'unused', maxRetries: 0 });
}

/** Asks for a job until it is as wanted; Jest's time limit bounds it. */
export async function jobWhen(
  client: OpenAI,
  jobId: string,
  reached: (job: OpenAI.FineTuning.FineTuningJob) => boolean,
): Promise<OpenAI.FineTuning.FineTuningJob> {
  for (;;) {
    const job = await client.fineTuning.jobs.retrieve(jobId);
    if (reached(job)) return job;
    if (job.finished_at !== null) throw new Error(`The job ended otherwise: ${JSON.stringify(job)}`);
  }
}
