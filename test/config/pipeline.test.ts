import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { pipelineJsonSchema } from '../../src/config/pipeline.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const least = {
  name: 'shop',
  task: 'classification',
  source: { type: 'jsonl', path: 'log.jsonl' },
  candidates: { models: ['local-nano'] },
};

function validate(pipeline: unknown): boolean {
  const ajv = new Ajv({ allErrors: true });
  ajv.addFormat('uri', (text) => URL.canParse(text));
  return ajv.compile(pipelineJsonSchema())(pipeline);
}

test('schema/pipeline.schema.json is current: `npm run schema` writes it', () => {
  const text = readFileSync(path.join(ROOT, 'schema', 'pipeline.schema.json'), 'utf8');
  expect(JSON.parse(text)).toEqual(pipelineJsonSchema());
});

test('the JSON Schema is of draft 07, which editors know', () => {
  expect(pipelineJsonSchema()).toMatchObject({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Tuneloop pipeline',
  });
});

test('the JSON Schema accepts the example', () => {
  expect(validate(parse(readFileSync(path.join(ROOT, 'examples', 'support-triage', 'pipeline.yaml'), 'utf8')))).toBe(
    true,
  );
});

test.each<[string, object]>([
  ['the least', {}],
  ['the key that editors look for', { $schema: '../schema/pipeline.schema.json' }],
  ['a part without the keys that have defaults', { split: {}, clean: {}, evaluation: {}, selection: {} }],
  ['one value instead of a list', { candidates: { models: ['m'], epochs: 3, learning_rate_multiplier: 1 } }],
  ['lists', { candidates: { models: ['m'], epochs: [3], learning_rate_multiplier: [1], batch_size: [8, 16] } }],
  ['a test file', { split: { test: { file: 'test.jsonl' } } }],
  [
    'a provider elsewhere',
    { provider: { profile: 'generic', baseURL: 'https://api.example.com/v1', apiKeyEnv: 'MY_KEY' } },
  ],
])('the JSON Schema accepts %s', (_what, changes) => {
  expect(validate({ ...least, ...changes })).toBe(true);
});

test.each<[string, object]>([
  ['an unknown key', { sources: 1 }],
  ['an unknown key inside', { split: { sead: 1 } }],
  ['a wrong type', { budget_usd: '25' }],
  ['a wrong choice', { task: 'classify' }],
  ['a missing key', { candidates: {} }],
  ['an empty list', { candidates: { models: [] } }],
  ['a share of all', { split: { test: 1 } }],
  [
    'a key in place of the name of its variable',
    { provider: { profile: 'generic', baseURL: 'https://example.com', apiKeyEnv: 'sk-abc' } },
  ],
])('the JSON Schema refuses %s', (_what, changes) => {
  expect(validate({ ...least, ...changes })).toBe(false);
});
