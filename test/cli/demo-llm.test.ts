import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cli, temporaryHome } from '../setup/cli.ts';

const { home, remove } = temporaryHome();
afterAll(remove);

test('the demo of an LLM names the command that installs the engine, and starts nothing', async () => {
  const { code, stderr } = await cli(home, ['demo', '--llm'], { TUNELOOP_ENGINE_DIR: path.join(home, 'none') });
  expect(code).toBe(3);
  expect(stderr).toMatch(/engine for LLMs is not installed: run `npm run -s tuneloop -- engine install`/);
  expect(stderr).not.toMatch(/Temporal server/);
});

test('the demo of an LLM names its base model where that is missing', async () => {
  const engine = path.join(home, 'engine');
  mkdirSync(path.join(engine, 'trainer', 'bin'), { recursive: true });
  writeFileSync(path.join(engine, 'trainer', 'bin', 'python'), '');
  const installed = {
    format: 1,
    device: 'cpu',
    python: '3.12.1',
    lock: 'x',
    vllm: false,
    at: '2026-01-01T00:00:00.000Z',
  };
  writeFileSync(path.join(engine, 'installed.json'), JSON.stringify(installed));
  const { code, stderr } = await cli(home, ['demo', '--llm'], { TUNELOOP_ENGINE_DIR: engine });
  expect(code).toBe(3);
  expect(stderr).toMatch(/base model smollm2-135m is missing/);
});

test('the demo takes its own example or a pipeline of the user, not both', async () => {
  const { code, stderr } = await cli(home, ['demo', '--llm', '--pipeline', 'x.yaml']);
  expect(code).toBe(2);
  expect(stderr).toContain('--llm or --pipeline');
});
