import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { langfuse } from '../../src/sources/formats/langfuse.ts';
import { type Call, conformsToSource, openFilesIn, readAll } from '../conformance/sources.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
const fromLangfuse = (record: Record<string, unknown>) => langfuse.rows(record)[0];
const dependencies = {
  provider: () => {
    throw new Error('files need no provider');
  },
};

/** As in the export of observations to blob storage. */
const observation = ({ id, timestamp, prompt, completion, model, metadata }: Call) =>
  `${JSON.stringify({
    id,
    trace_id: `trace-of-${id}`,
    type: 'GENERATION',
    start_time: timestamp.replace('T', ' ').replace('Z', '000'),
    end_time: timestamp.replace('T', ' ').replace('.000Z', '.250000'),
    metadata,
    input: JSON.stringify([{ role: 'user', content: prompt }]),
    output: JSON.stringify({ role: 'assistant', content: completion }),
    provided_model_name: model,
    usage_details: { input: 12, output: 3, total: 15 },
    latency: 0.25,
  })}\n`;

conformsToSource({ bad: 'broken-json', incremental: true }, async () => {
  const log = path.join(mkdtempSync(path.join(folder, 'log-')), 'observations.jsonl');
  writeFileSync(log, '');
  return {
    choice: (common) => ({ type: 'langfuse', path: log, ...common }),
    dependencies,
    secrets: [],
    add: async (calls) => appendFileSync(log, calls.map(observation).join('')),
    addBad: async () => appendFileSync(log, '{"type": "GENERATION", "input": "Mrs Secret", oops\n'),
    spoil: async () => rmSync(log),
    handles: async () => openFilesIn(path.dirname(log)),
  };
});

describe('an observation', () => {
  const messages = [
    { role: 'system', content: 'Sort it.' },
    { role: 'user', content: 'hi' },
  ];
  const generation = (fields: object) => fromLangfuse({ id: 'o-1', type: 'GENERATION', ...fields });

  test.each([
    ['a list', messages],
    ['an object', { messages, temperature: 0 }],
    ['JSON in a text', JSON.stringify(messages)],
    ['an object in a text', JSON.stringify({ messages, tools: [] })],
  ])('an observation has its messages as %s', (_name, input) => {
    expect(generation({ input, output: 'yes' })).toEqual({ id: 'o-1', messages, completion: 'yes' });
  });

  test.each(['Sort: hi', '[INST] hi', '{"order": 4}', '{not json'])(
    'an observation has a prompt that is a text: %j',
    (input) => {
      expect(generation({ input, output: 'yes' })).toEqual({ id: 'o-1', prompt: input, completion: 'yes' });
    },
  );

  test.each<[string, unknown, unknown]>([
    ['a text', 'billing', 'billing'],
    ['a message', { role: 'assistant', content: 'billing' }, 'billing'],
    ['a message in a text', '{"role": "assistant", "content": "billing"}', 'billing'],
    ['a list of one message', [{ role: 'assistant', content: 'billing' }], 'billing'],
    ['JSON that is the answer, byte for byte', '{ "label":  "billing" }', '{ "label":  "billing" }'],
    ['an object that is the answer, for the row reader to write as JSON', { label: 'billing' }, { label: 'billing' }],
    ['nothing', '', undefined],
    ['null', null, undefined],
    [
      'a call of a tool, for the row reader to refuse',
      { role: 'assistant', content: null, tool_calls: [{}] },
      { role: 'assistant', content: null, tool_calls: [{}] },
    ],
    [
      'a whole response, for the row reader to look into',
      '{"choices":[{"message":{"content":"x"},"finish_reason":"length"}]}',
      { choices: [{ message: { content: 'x' }, finish_reason: 'length' }] },
    ],
  ])('an observation has answered with %s', (_name, output, completion) => {
    expect(generation({ input: 'hi', output })).toEqual({
      id: 'o-1',
      prompt: 'hi',
      ...(completion === undefined ? {} : { completion }),
    });
  });

  test('an observation may have the names of the API, and has time, tokens and latency', () => {
    expect(
      generation({
        input: 'hi',
        output: 'yes',
        startTime: '2026-08-01T12:00:00.000Z',
        endTime: '2026-08-01T12:00:01.500Z',
        model: 'm',
        usage: { promptTokens: 12, completionTokens: 3 },
        metadata: '{"plan":"pro"}',
        latency: 1.5,
      }),
    ).toEqual({
      id: 'o-1',
      timestamp: '2026-08-01T12:00:00.000Z',
      prompt: 'hi',
      completion: 'yes',
      model: 'm',
      usage: { prompt_tokens: 12, completion_tokens: 3 },
      latency_ms: 1500,
      metadata: { plan: 'pro' },
    });
  });

  test.each(['SPAN', 'EVENT', 'TOOL', 'EMBEDDING'])(
    'an observation that is no call of a model is passed over: %s',
    (type) => {
      expect(fromLangfuse({ id: 'o-1', type, input: 'hi', output: 'yes' })).toBeUndefined();
    },
  );
});

describe('a score', () => {
  const score = (fields: object) =>
    fromLangfuse({ id: 's-1', observation_id: 'o-1', name: 'helpful', value: 1, data_type: 'NUMERIC', ...fields });

  test('a score from 0 to 1 rates its observation', () => {
    expect(score({ value: 0.5, timestamp: '2026-08-01 12:00:00.000000' })).toEqual({
      actual_for: 'o-1',
      quality: 0.5,
      by: 'langfuse:helpful',
      timestamp: '2026-08-01 12:00:00.000000',
    });
    expect(score({ value: 0, data_type: 'BOOLEAN' })).toMatchObject({ quality: 0 });
  });

  test('a correction is the right answer of its observation, whatever value stands beside it', () => {
    expect(score({ value: 0, data_type: 'CORRECTION', string_value: 'account' })).toEqual({
      actual_for: 'o-1',
      actual: 'account',
      by: 'langfuse:helpful',
    });
  });

  test('a score on a scale that the pipeline names counts by it, and ends the reading otherwise', async () => {
    const log = mkdtempSync(path.join(folder, 'stars-'));
    const scores = [
      { observation_id: 'o-1', name: 'stars', value: 5, data_type: 'NUMERIC' },
      { observation_id: 'o-1', name: 'length', value: 0.1, data_type: 'NUMERIC' },
    ];
    writeFileSync(path.join(log, 'a.jsonl'), '{"id":"o-1","type":"GENERATION","input":"hi","output":"yes"}\n');
    writeFileSync(path.join(log, 'b.jsonl'), scores.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const choice = { type: 'langfuse', path: path.join(log, '*.jsonl') };
    const { items } = await readAll({ ...choice, quality: { field: 'stars', scale: [1, 5] } }, dependencies);
    expect(items.slice(1)).toMatchObject([{ kind: 'actual', actual: { id: 'o-1', quality: 1 } }]);
    await expect(readAll(choice, dependencies)).rejects.toMatchObject({
      code: 'SOURCE_ROW_INVALID',
      message: expect.stringMatching(/the row o-1: stars is outside 0 to 1.*scale/),
    });
  });

  test.each([
    ['of a whole trace', { observation_id: null }],
    ['that is a category', { data_type: 'CATEGORICAL', string_value: 'good' }],
    ['that is a text', { data_type: 'TEXT', value: 0 }],
  ])('a score %s rates nothing', (_name, fields) => {
    expect(score(fields)).toBeUndefined();
  });

  test('a score is read from the files beside the observations', async () => {
    const log = mkdtempSync(path.join(folder, 'export-'));
    writeFileSync(
      path.join(log, 'observations.jsonl'),
      '{"id":"o-1","type":"GENERATION","input":"hi","output":"yes"}\n',
    );
    writeFileSync(
      path.join(log, 'scores.jsonl'),
      '{"observation_id":"o-1","name":"helpful","value":1,"data_type":"BOOLEAN","timestamp":"2026-08-01 12:00:00.000000"}\n',
    );
    const { items } = await readAll({ type: 'langfuse', path: path.join(log, '*.jsonl') }, dependencies);
    expect(items).toMatchObject([
      { kind: 'row', row: { id: 'o-1', completion: 'yes' } },
      { kind: 'actual', actual: { id: 'o-1', quality: 1, timestamp: '2026-08-01T12:00:00.000000Z' } },
    ]);
  });
});
