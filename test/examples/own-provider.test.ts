import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { startTrainer } from '../../packages/local-trainer/src/server.ts';
import { readPipelineFile } from '../../src/config/pipeline-file.ts';
import { connectProvider } from '../../src/providers/connect.ts';
import { profileOf } from '../../src/providers/profiles/index.ts';
import { temporaryFolder } from '../local-trainer/sample-data.ts';
import { ROOT } from '../setup/cli.ts';

const VARIABLE = 'OWN_PROVIDER_KEY';
const before = process.env[VARIABLE];
afterEach(() => {
  if (before === undefined) delete process.env[VARIABLE];
  else process.env[VARIABLE] = before;
});

test('the pipeline of the example reaches its own server, and keeps the limits that it gives', async () => {
  const { provider } = await readPipelineFile(path.join(__dirname, '../../examples/own-provider/pipeline.yaml'));
  if (typeof provider === 'string') throw new Error('the example names a provider of ours');
  expect(profileOf(provider)).toMatchObject({
    address: 'http://127.0.0.1:9797/v1',
    keyVariable: VARIABLE,
    limits: { fewestExamples: 20, largestFileBytes: 100_000_000, tokensPerExample: 8192 },
    jobs: { settlingMs: 1000 },
  });
  process.env[VARIABLE] = 'any';
  const folder = temporaryFolder();
  const trainer = await startTrainer({ dir: folder.dir });
  try {
    const { training, inference } = connectProvider({ ...provider, baseURL: trainer.baseURL });
    await training.checkFineTuning();
    expect((await inference.listModels()).map(({ id }) => id)).toContain('local-nano');
  } finally {
    await trainer.close();
    folder.remove();
  }
});

test('the test of the example runs all rules of training and inference by node:test, and they hold', async () => {
  const args = ['--test', '--test-reporter=tap', 'examples/own-provider/provider.test.ts'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  expect(stdout).toMatch(/^# tests 20$/m);
  expect(stdout).toMatch(/^# pass 20$/m);
});
