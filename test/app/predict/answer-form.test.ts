import { openAnswerForm } from '../../../packages/app/src/predict/answer-form.ts';

const whole = (text: string) => ({ text, finishReason: 'stop' });
const INVALID = { valid: false, label: null, json: null };

test('an answer is a label if it is a known one, whatever the white space around it', async () => {
  const form = await openAnswerForm({ task: 'classification', jsonSchema: null });
  expect(form(whole(' billing\n'), ['crash', 'billing '])).toEqual({ valid: true, label: 'billing', json: null });
  expect(form(whole('Billing'), ['crash', 'billing'])).toEqual(INVALID);
  expect(form(whole('weather'), [])).toEqual(INVALID);
});

test('any text is a label if the labels are not known', async () => {
  const form = await openAnswerForm({ task: 'classification', jsonSchema: null });
  expect(form(whole('weather '), null)).toEqual({ valid: true, label: 'weather', json: null });
});

test.each(['classification', 'generation'] as const)('an answer of %s is neither empty nor cut off', async (task) => {
  const form = await openAnswerForm({ task, jsonSchema: null });
  expect(form(whole('text'), null)).toMatchObject({ valid: true });
  expect(form({ text: 'text', finishReason: null }, null)).toMatchObject({ valid: true });
  expect(form(whole(' \n'), null)).toEqual(INVALID);
  expect(form({ text: 'text', finishReason: 'length' }, null)).toEqual(INVALID);
  expect(form({ text: 'text', finishReason: 'content_filter' }, null)).toEqual(INVALID);
});

describe('an answer in JSON', () => {
  const generation = (jsonSchema: unknown) => openAnswerForm({ task: 'generation', jsonSchema });

  test('an answer in JSON fits its schema', async () => {
    const form = await generation({ type: 'array', prefixItems: [{ type: 'integer' }], items: false });
    expect(form(whole('[1]'), null)).toEqual({ valid: true, label: null, json: [1] });
    expect(form(whole('[1, 2]'), null)).toEqual(INVALID);
    expect(form(whole('[1'), null)).toEqual(INVALID);
  });

  test('an answer in JSON fits a schema of draft-07, where its schema says that it is one', async () => {
    const form = await generation({
      $schema: 'http://json-schema.org/draft-07/schema#',
      items: [{ type: 'integer' }],
      additionalItems: false,
    });
    expect(form(whole('[1]'), null)).toMatchObject({ valid: true });
    expect(form(whole('[1, 2]'), null)).toEqual(INVALID);
  });

  test('an answer in JSON that is deeper than the stack does not fit', async () => {
    const form = await generation({ items: { $ref: '#' } });
    expect(form(whole('[[[]]]'), null)).toMatchObject({ valid: true });
    expect(form(whole('['.repeat(50_000) + ']'.repeat(50_000)), null)).toEqual(INVALID);
  });

  test('an answer in JSON needs a valid schema', async () => {
    await expect(generation({ type: 'nothing' })).rejects.toThrow('schema is invalid');
  });
});
