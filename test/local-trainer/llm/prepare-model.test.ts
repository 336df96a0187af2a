import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PYTHON_FOLDER } from '../../../packages/local-trainer/src/llm/engine-folder.ts';
import { readEnvironment } from '../../../src/config/environment.ts';
import { findPython } from '../../../src/local/engine/python.ts';

/** What needs no package is checked before any is loaded, so that a Python without them will do. */
let python: string | undefined;
let folder: string;

beforeAll(async () => {
  python = await findPython(readEnvironment()).then(
    ({ file }) => file,
    (error: Error) => {
      console.warn(`skipped: ${error.message}`);
      return undefined;
    },
  );
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-prepare-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The exit code and the last line of the error of preparing a folder of the user's. */
function prepare(source: string): { code: number | null; why: string } {
  const args = [
    '-I',
    path.join(PYTHON_FOLDER, 'prepare_model.py'),
    '--name',
    'mine',
    '--out',
    path.join(folder, 'out'),
  ];
  const { status, stderr } = spawnSync(python ?? '', [...args, '--folder', source], { encoding: 'utf8' });
  return { code: status, why: stderr.trim().split('\n').at(-1) ?? '' };
}

test('a folder that is no model is refused with the file that it lacks, and no model is left', () => {
  if (python === undefined) return;
  expect(prepare(path.join(folder, 'nowhere'))).toEqual({ code: 2, why: expect.stringContaining('is not a folder') });
  const empty = path.join(folder, 'empty');
  mkdirSync(empty);
  expect(prepare(empty)).toEqual({ code: 2, why: expect.stringMatching(/config\.json is missing/) });
  writeFileSync(path.join(empty, 'config.json'), '{');
  expect(prepare(empty)).toEqual({ code: 2, why: expect.stringMatching(/config\.json is not JSON/) });
  expect(existsSync(path.join(folder, 'out', 'model.json'))).toBe(false);
});

test('a model that needs code of its own is refused', () => {
  if (python === undefined) return;
  const config = { architectures: ['LlamaForCausalLM'], model_type: 'llama', auto_map: { AutoModel: 'own.Model' } };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  expect(prepare(folder)).toEqual({ code: 2, why: expect.stringMatching(/needs code of its own, which is not run/) });
});

test('the lock files name no host of a package index', () => {
  for (const name of ['trainer.lock', 'vllm.lock']) {
    expect(readFileSync(path.join(PYTHON_FOLDER, name), 'utf8')).not.toMatch(/https?:\/\/|--index-url|--find-links/);
  }
});
