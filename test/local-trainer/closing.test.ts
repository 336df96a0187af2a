import OpenAI from 'openai';
import { startTrainer } from '../../packages/local-trainer/src/server.ts';
import { clientOf, jobWhen, jsonl, labelled, trainerWithClient } from './sample-data.ts';

// Real threads on a machine that may be busy: the usual 5 s are too tight.
jest.setTimeout(60_000);

/** Files for training and for validation, in the folder of a trainer that has been closed. */
async function closedTrainer() {
  const setup = await trainerWithClient();
  const training_file = await setup.upload(jsonl(labelled(30)));
  const validation_file = await setup.upload(jsonl(labelled(10, 9)));
  await setup.trainer.close();
  return { dir: setup.dir, remove: setup.remove, files: { training_file, validation_file } };
}

test('a trainer that is closed right after a job was created closes, and the job goes on at the next start', async () => {
  const { dir, remove, files } = await closedTrainer();
  const created: string[] = [];
  for (let time = 0; time < 4; time += 1) {
    const trainer = await startTrainer({ dir });
    const job = await clientOf(trainer).fineTuning.jobs.create({ model: 'local-nano', ...files });
    created.push(job.id);
    await trainer.close();
  }
  const last = await startTrainer({ dir });
  for (const id of created) {
    const { status } = await jobWhen(clientOf(last), id, (job) => job.status === 'succeeded');
    expect(status).toBe('succeeded');
  }
  await last.close();
  await remove();
});

test('a trainer that is closed while a job is being created closes, and the job is there whole or not at all', async () => {
  const { dir, remove, files } = await closedTrainer();
  for (let time = 0; time < 4; time += 1) {
    const trainer = await startTrainer({ dir });
    const creation = clientOf(trainer).fineTuning.jobs.create({ model: 'local-nano', ...files });
    const told = creation.then(
      () => 'created',
      (error: unknown) => error instanceof OpenAI.APIConnectionError,
    );
    // As many turns of the event loop as it takes to be at different places of a creation.
    for (let turn = 0; turn < time * 3; turn += 1) await new Promise(setImmediate);
    await trainer.close();
    expect(['created', true]).toContain(await told);
  }
  const last = await startTrainer({ dir });
  for await (const { id } of clientOf(last).fineTuning.jobs.list()) {
    await jobWhen(clientOf(last), id, (job) => job.status === 'succeeded');
  }
  await last.close();
  await remove();
});
