import { execFile } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { writeAlias } from '../../src/stores/aliases.ts';
import { ROOT } from '../setup/cli.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';
import { sampleAlias } from './predict/sample-alias.ts';

const ENTRIES = ['packages/app/src/capture/index.ts', 'packages/app/src/predict/index.ts'];
const LAZY = new Set(['ajv', 'ajv/dist/2020.js', 'pg']);
/** Of capture and predictor together. The mining of prompts alone has over half as many. */
const MOST_LINES = 2500;

const { files, packages } = importsOf(ENTRIES);
/** A folder without node_modules. */
const folder = temporaryFolder();

beforeAll(() => {
  for (const file of files) cpSync(path.join(ROOT, file), path.join(folder, file));
});

test('an application loads no code of mining, workflows or providers', () => {
  const lines = files.map((file) => readFileSync(path.join(ROOT, file), 'utf8').split('\n').length - 1);
  expect(files.filter((file) => /mining|explicit|gateway|workflows|activities|providers|config/.test(file))).toEqual(
    [],
  );
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThan(MOST_LINES);
});

test('an application needs no package, except pg and ajv where it uses them', () => {
  expect(packages.filter((name) => !name.startsWith('node:') && !LAZY.has(name))).toEqual([]);
});

test('a predictor answers where no package is installed', async () => {
  await writeAlias(path.join(folder, 'text'), sampleAlias());
  expect(await run(PREDICT, 'text')).toEqual({ label: 'billing', errors: [] });
});

test('a schema without ajv is reported as a missing package', async () => {
  const schema = { type: 'object' };
  await writeAlias(path.join(folder, 'json'), sampleAlias({ task: 'generation', jsonSchema: schema }));
  const { errors } = await run(PREDICT, 'json');
  expect(errors).toEqual([
    { code: 'PACKAGE_MISSING', message: expect.stringMatching(/^[^\n]*npm install ajv[^\n]*$/) },
  ]);
});

test('an address of Postgres without pg is reported as a missing package', async () => {
  const { errors } = await run(RECORD, '');
  expect(errors).toEqual([{ code: 'PACKAGE_MISSING', message: expect.stringMatching(/^[^\n]*npm install pg[^\n]*$/) }]);
});

const PREDICT = `
  import { createPredictor } from './packages/app/src/predict/index.ts';
  const create = async () => ({ id: '1', model: 'm', choices: [{ message: { content: 'billing' }, finish_reason: 'stop' }] });
  const errors = [];
  const onError = ({ code, message }) => errors.push({ code, message });
  const client = { chat: { completions: { create } } };
  const predictor = createPredictor({ deployment: 'desk', home: process.argv[1], client, onError, fallback: { model: 'm' } });
  const { label } = await predictor.predict([{ role: 'user', content: 'my invoice' }]);
  console.log(JSON.stringify({ label, errors }));`;

const RECORD = `
  import { postgresSink } from './packages/app/src/capture/index.ts';
  const errors = [];
  const onError = ({ code, message }) => errors.push({ code, message });
  const sink = postgresSink({ url: 'postgres://nobody@127.0.0.1:1/none', onError });
  sink.recordActual('a', 'right');
  await sink.close();
  console.log(JSON.stringify({ errors }));`;

async function run(program: string, home: string): Promise<{ label?: string; errors: unknown[] }> {
  const args = ['--input-type=module', '-e', program, home];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  return JSON.parse(stdout);
}

/** All files that some files import, by name from the root, themselves too; imports of types as well. */
function importsOf(entries: readonly string[]): { files: string[]; packages: string[] } {
  const files = new Set(entries);
  const packages = new Set<string>();
  for (const file of files) {
    const text = readFileSync(path.join(ROOT, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/^(?!\s*(?:\*|\/[/*])).*?(?:\bfrom|\bimport\()\s*'([^']+)'/gm)) {
      if (name.startsWith('.')) files.add(path.join(path.dirname(file), name));
      else packages.add(name);
    }
  }
  return { files: [...files].sort(), packages: [...packages].sort() };
}
