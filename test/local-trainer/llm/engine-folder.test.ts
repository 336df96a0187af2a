import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  engineFiles,
  MODEL_NAME,
  readInstalled,
  readModel,
  readModels,
} from '../../../packages/local-trainer/src/llm/engine-folder.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'tuneloop-engine-folder-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const INSTALLED = {
  format: 1,
  device: 'cpu',
  python: '3.12.1',
  lock: 'x',
  vllm: false,
  at: '2026-01-01T00:00:00.000Z',
};

function write(file: string, content: unknown): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
}

function writeModel(name: string, changes: object = {}): string {
  const folder = path.join(dir, 'own', name);
  write(path.join(folder, 'config.json'), '{}');
  write(path.join(folder, 'chat_template.jinja'), '');
  const model = { format: 1, name, folder, gguf: null, licence: 'MIT', parameters: 1, context_length: 8, sha256: 'x' };
  write(path.join(engineFiles(dir).model(name), 'model.json'), { ...model, ...changes });
  return folder;
}

test('an empty folder holds no engine and no models', () => {
  expect(readInstalled(dir)).toBeUndefined();
  expect(readInstalled(path.join(dir, 'nowhere'))).toBeUndefined();
  expect(readModels(path.join(dir, 'nowhere'))).toEqual([]);
});

test('an engine whose Python is gone is damaged, and the error names the command that repairs it', () => {
  write(engineFiles(dir).installed, INSTALLED);
  expect(() => readInstalled(dir)).toThrow(/python is missing.*tuneloop engine install/);
  write(engineFiles(dir).trainerPython, '');
  expect(readInstalled(dir)).toEqual(INSTALLED);
});

test('a marker of another format is refused with the key at fault', () => {
  write(engineFiles(dir).trainerPython, '');
  write(engineFiles(dir).installed, { ...INSTALLED, format: 2 });
  expect(() => readInstalled(dir)).toThrow(/installed\.json cannot be used \(format: /);
  write(engineFiles(dir).installed, '{"format"');
  expect(() => readInstalled(dir)).toThrow(/it is not JSON/);
});

test('a model without its description is one that is being made, and is not listed', () => {
  mkdirSync(engineFiles(dir).model('half'), { recursive: true });
  writeModel('whole');
  expect(readModels(dir).map(({ name }) => name)).toEqual(['whole']);
});

test('a model whose files are gone is refused with the missing file', () => {
  const folder = writeModel('mine');
  rmSync(path.join(folder, 'chat_template.jinja'));
  expect(() => readModel(dir, 'mine')).toThrow(/mine lacks .*chat_template\.jinja.*--model mine/);
});

test.each(['local-nano', 'local-x', 'A', '../x', 'a/b', '', '-a'])('%j is no name of an LLM', (name) => {
  expect(MODEL_NAME.test(name)).toBe(false);
});
