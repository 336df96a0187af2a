import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startTrainer } from '../../packages/local-trainer/src/server.ts';
import { clientOf, jobWhen, jsonl, labelled, temporaryFolder } from './sample-data.ts';

// Real threads and processes on a machine that may be busy: the usual 5 s are too tight.
jest.setTimeout(30_000);

const SERVER = join(__dirname, '../../packages/local-trainer/src/server.ts');

/** A trainer in a process of its own, so that it can be killed. */
async function inProcess(dir: string): Promise<{ child: ChildProcess; baseURL: string }> {
  const script = `
    import { startTrainer } from ${JSON.stringify(SERVER)};
    console.log((await startTrainer({ dir: ${JSON.stringify(dir)}, jobSeconds: 600 })).baseURL);
  `;
  const file = join(dir, 'serve.mjs');
  writeFileSync(file, script);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [baseURL] = await once(createInterface(child.stdout), 'line');
  return { child, baseURL: String(baseURL) };
}

test('after SIGKILL a running job continues under its id, and the lock left behind is no obstacle', async () => {
  const folder = temporaryFolder();
  const { child, baseURL } = await inProcess(folder.dir);
  let id: string;
  try {
    const client = clientOf({ baseURL });
    const file = await client.files.create({
      file: new File([jsonl(labelled(60))], 'train.jsonl'),
      purpose: 'fine-tune',
    });
    const metadata = { key: 'once' };
    ({ id } = await client.fineTuning.jobs.create({ model: 'local-mini', training_file: file.id, metadata }));
    await jobWhen(client, id, ({ status }) => status === 'running');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  const trainer = await startTrainer({ dir: folder.dir });
  const again = clientOf(trainer);
  await jobWhen(again, id, ({ status }) => status === 'succeeded');
  const { data } = await again.fineTuning.jobs.list({ metadata: { key: 'once' } });
  expect(data.map((job) => job.id)).toEqual([id]);
  await trainer.close();
  folder.remove();
});
