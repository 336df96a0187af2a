import { TuneloopError } from '../../src/errors.ts';
import { parseJudgingRow, parseLogRow } from '../../src/sources/log-row.ts';

const place = { file: 'logs/a.jsonl', line: 7 };
const log = (row: unknown) => parseLogRow(Buffer.from(JSON.stringify(row)), place);
const judging = (row: unknown) => parseJudgingRow(Buffer.from(JSON.stringify(row)), place);
const messages = [{ role: 'user', content: 'hello' }];

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof TuneloopError && error.code === 'SOURCE_ROW_INVALID') return error.message;
    throw error;
  }
  throw new Error('the row was not refused');
}

describe('a log row', () => {
  test('is read with all it says', () => {
    const row = {
      id: 'req-1',
      timestamp: '2026-08-10T05:48:42.102Z',
      messages: [{ role: 'system', content: 'Name the topic.' }, ...messages],
      completion: 'billing',
      actual: 'repair',
      usage: { prompt_tokens: 60, completion_tokens: 1 },
      model: 'gpt-4.1-mini',
      latency_ms: 0,
    };
    expect(log(row)).toEqual({
      line: 7,
      id: 'req-1',
      timestamp: '2026-08-10T05:48:42.102Z',
      messages: row.messages,
      completion: 'billing',
      actual: 'repair',
      usage: { promptTokens: 60, completionTokens: 1 },
      model: 'gpt-4.1-mini',
      latencyMs: 0,
    });
  });

  test('needs no more than messages and completion', () => {
    expect(log({ messages, completion: '' })).toStrictEqual({ line: 7, id: 'a.jsonl:7', messages, completion: '' });
  });

  test('with a legacy prompt has become one user message', () => {
    expect(log({ prompt: 'Topic of: hello ->', completion: ' billing' })).toStrictEqual({
      line: 7,
      id: 'a.jsonl:7',
      messages: [{ role: 'user', content: 'Topic of: hello ->' }],
      completion: ' billing',
    });
  });

  test('says nothing where its value is null', () => {
    const row = { messages, completion: 'a', actual: null, usage: null, model: null, latency_ms: null };
    expect(log(row)).toStrictEqual({ line: 7, id: 'a.jsonl:7', messages, completion: 'a' });
  });

  test('may have keys that nobody knows: a production log has many', () => {
    const row = { messages: [{ role: 'user', content: 'hello', name: 'Ann' }], completion: 'a', trace: { id: 1 } };
    expect(log(row)).toStrictEqual({ line: 7, id: 'a.jsonl:7', messages, completion: 'a' });
  });

  test('keeps an empty checked answer', () => {
    expect(log({ messages, completion: 'a', actual: '' })).toHaveProperty('actual', '');
  });

  test.each<[string, unknown, string]>([
    ['with both messages and prompt', { messages, prompt: 'hello', completion: 'a' }, 'either messages or prompt'],
    ['with neither messages nor prompt', { completion: 'a' }, 'either messages or prompt'],
    ['without completion', { messages }, 'completion: '],
    ['with no message', { messages: [], completion: 'a' }, 'messages: '],
    ['with a role that is none', { messages: [{ role: 'bot', content: 'x' }], completion: 'a' }, 'messages.0.role: '],
    [
      'with content that is no text',
      { messages: [...messages, { role: 'user', content: null }], completion: 'a' },
      'messages.1.content: ',
    ],
    ['with an empty id', { id: '', messages, completion: 'a' }, 'id: '],
    ['with a completion that is no text', { messages, completion: 4 }, 'completion: '],
    ['with half the usage', { messages, completion: 'a', usage: { prompt_tokens: 1 } }, 'usage.completion_tokens: '],
    [
      'with usage under zero',
      { messages, completion: 'a', usage: { prompt_tokens: -1, completion_tokens: 1 } },
      'usage.prompt_tokens: ',
    ],
    ['with a latency under zero', { messages, completion: 'a', latency_ms: -1 }, 'latency_ms: '],
    ['that is a list', [], 'the row: '],
    ['that is null', null, 'the row: '],
    ['that is a text', 'hello', 'the row: '],
  ])('%s is refused by file, line and key', (_name, row, problem) => {
    const message = refusal(() => log(row));
    expect(message).toMatch(/^logs\/a\.jsonl:7: /);
    expect(message).toContain(problem);
  });

  test('names every problem it has', () => {
    expect(refusal(() => log({ id: '', messages: [], completion: 1 }))).toMatch(/id: .*; messages: .*; completion: /);
  });

  test('is not quoted when it is refused', () => {
    const secret = 'Mrs Secret';
    const rows = [
      { messages: [{ role: secret, content: secret }], completion: secret },
      { messages: secret, completion: [secret] },
      { prompt: secret, messages, completion: secret },
      { prompt: secret, id: 5, [secret]: secret },
    ];
    for (const row of rows) expect(refusal(() => log(row))).not.toContain('Secret');
  });
});

describe('a line', () => {
  test.each([
    '',
    '{',
    'Mrs Secret',
    '{"prompt": "Mrs Secret" oops}',
    '{"a":1}{"b":2} Mrs Secret',
    "{'prompt': 'Secret'}",
  ])('of broken JSON is refused by file and line and not quoted: %j', (text) => {
    const message = refusal(() => parseLogRow(Buffer.from(text), place));
    expect(message).toMatch(/^logs\/a\.jsonl:7: is not a JSON object on one line( \(broken at position \d+\))?$/);
  });

  test('of broken JSON says where it breaks', () => {
    expect(refusal(() => parseLogRow(Buffer.from('{"prompt": "hello" oops}'), place))).toContain('position 19');
  });

  test.each([
    ['a lone byte', [0xff]],
    ['a cut character', [0x22, 0xf0, 0x9f, 0x22]],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['UTF-16', [...Buffer.from('{}', 'utf16le'), 0xd8]],
  ])('that is not UTF-8 is refused: %s', (_name, bytes) => {
    expect(refusal(() => parseLogRow(Buffer.from(bytes), place))).toBe('logs/a.jsonl:7: is not UTF-8');
    // The next line is read as if nothing had happened.
    expect(log({ messages, completion: 'é' }).completion).toBe('é');
  });
});

describe('a row of a test file', () => {
  test('is an input with its label and further right answers', () => {
    expect(judging({ id: 't-1', input: 'hello', label: 'yes', references: ['yes', 'aye'] })).toStrictEqual({
      line: 7,
      id: 't-1',
      input: 'hello',
      label: 'yes',
      references: ['yes', 'aye'],
    });
  });

  test('needs no more than input and label', () => {
    expect(judging({ input: 'hello', label: '' })).toStrictEqual({ line: 7, id: 'test-7', input: 'hello', label: '' });
  });

  test.each([
    ['messages', { messages, completion: 'a', actual: 'b' }],
    ['a prompt', { prompt: 'hello', completion: 'a', actual: 'b' }],
  ])('with %s is a log row', (_name, row) => {
    expect(judging(row)).toStrictEqual(log(row));
  });

  test.each<[string, unknown, string]>([
    ['without a label', { input: 'hello' }, 'label: '],
    ['without an input', { label: 'yes' }, 'input: '],
    ['with an empty input', { input: '', label: 'yes' }, 'input: '],
    ['with an empty list of references', { input: 'hello', label: 'yes', references: [] }, 'references: '],
    ['with references that are no list', { input: 'hello', label: 'yes', references: 'yes' }, 'references: '],
    ['with a prompt but no completion', { prompt: 'hello', label: 'yes' }, 'completion: '],
    ['that is null', null, 'the row: '],
    ['that is a list', [], 'the row: '],
  ])('%s is refused by file, line and key', (_name, row, problem) => {
    const message = refusal(() => judging(row));
    expect(message).toMatch(/^logs\/a\.jsonl:7: /);
    expect(message).toContain(problem);
  });
});

test('a number from the row itself is not taken for a position', () => {
  expect(refusal(() => parseLogRow(Buffer.from('at position 123'), place))).not.toContain('123');
});
