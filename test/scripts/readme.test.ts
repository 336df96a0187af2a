import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parsePipeline } from '../../src/config/pipeline-file.ts';
import { ROOT } from '../setup/cli.ts';

const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
const readme = read('README.md');

test('the pipeline file in the README is one that Tuneloop takes', () => {
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(parsePipeline(text, 'README.md').name).toBe('routing');
});

test('the keys that the README calls needed are enough', () => {
  const least =
    'name: a\ntask: classification\nsource: { type: jsonl, path: a }\ncandidates: { models: [local-nano] }\n';
  expect(parsePipeline(least, 'p.yaml').provider).toBe('local');
});

test('every command of the command line is in the README', () => {
  const commands = [...read('src/client.ts').matchAll(/^\s*command\(\s*program,\s*'([a-z]+)/gm)].map(
    ([, name]) => name,
  );
  expect(commands.length).toBeGreaterThan(15);
  expect(commands.filter((name) => !new RegExp(`\`(dataset |schedule )?${name}[ \`]`).test(readme))).toEqual([]);
});

test.each(['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md'])('every npm script that %s names exists', (file) => {
  const { scripts } = JSON.parse(read('package.json'));
  const named = [...read(file).matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => name !== undefined && !(name in scripts))).toEqual([]);
});

test.each(['README.md', 'CONTRIBUTING.md'])('every test that %s says how to run exists', (file) => {
  const named = [...read(file).matchAll(/npx jest (test\/[\w/.-]+)/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
});
