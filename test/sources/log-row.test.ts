import path from 'node:path';
import fc from 'fast-check';
import { type ServedCall, servedCallMetadata } from '../../packages/app/src/predict/served-call.ts';
import { IssueTable } from '../../src/core/dataset/issue.ts';
import { TuneloopError } from '../../src/errors.ts';
import { readJsonLine } from '../../src/sources/json-line.ts';
import { parseJudgingRow, parseLogRow, refusalText } from '../../src/sources/log-row.ts';
import { readLines } from '../../src/stores/lines.ts';
import { writeHostileLog } from '../setup/hostile-log.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
const place = { file: 'a.jsonl', line: 7 };
const log = (value: unknown) => parseLogRow(value, place);
const messages = [{ role: 'user', content: 'hello' }];

/** The row, which has to have no issue. */
function rowOf(value: unknown) {
  const parsed = log(value);
  expect(parsed).toMatchObject({ issues: [] });
  return 'row' in parsed ? parsed.row : undefined;
}

describe('a log row', () => {
  test('a log row is read with all its content', () => {
    const row = {
      id: 'req-1',
      timestamp: '2026-08-10T05:48:42.102Z',
      messages: [{ role: 'system', content: 'Name the topic.' }, ...messages],
      completion: 'billing',
      actual: 'repair',
      quality: 0.5,
      usage: { prompt_tokens: 60, completion_tokens: 1 },
      model: 'gpt-4.1-mini',
      latency_ms: 0,
      metadata: { customer: 'c-1' },
      finish_reason: 'stop',
    };
    expect(rowOf(row)).toStrictEqual({
      line: 7,
      file: 'a.jsonl',
      id: 'req-1',
      timestamp: '2026-08-10T05:48:42.102Z',
      messages: row.messages,
      completion: 'billing',
      actual: 'repair',
      quality: 0.5,
      usage: { promptTokens: 60, completionTokens: 1 },
      model: 'gpt-4.1-mini',
      latencyMs: 0,
      metadata: { customer: 'c-1' },
    });
  });

  test('a log row needs only a prompt', () => {
    expect(rowOf({ messages })).toStrictEqual({ line: 7, file: 'a.jsonl', id: 'a.jsonl:7', messages });
    expect(parseLogRow({ messages }, { line: 7 })).toStrictEqual({
      row: { line: 7, id: 'row 7', messages },
      issues: [],
    });
  });

  test('a log row with a legacy prompt has become one user message', () => {
    expect(rowOf({ prompt: 'Topic of: hello ->', completion: ' billing' })).toMatchObject({
      messages: [{ role: 'user', content: 'Topic of: hello ->' }],
      completion: ' billing',
    });
  });

  test('a key of a log row means nothing where its value is null', () => {
    const row = {
      id: null,
      timestamp: null,
      messages,
      prompt: null,
      completion: null,
      actual: null,
      quality: null,
      usage: null,
      model: null,
      latency_ms: null,
      metadata: null,
      finish_reason: null,
      refusal: null,
    };
    expect(rowOf(row)).toStrictEqual({ line: 7, file: 'a.jsonl', id: 'a.jsonl:7', messages });
    expect(rowOf({ messages, usage: { prompt_tokens: null, completion_tokens: null } })).not.toHaveProperty('usage');
  });

  test('a log row may have unknown keys, because a production log has many', () => {
    const row = { messages: [{ role: 'user', content: 'hello', name: 'Ann' }], trace: { id: 2 ** 60 } };
    expect(rowOf(row)).toStrictEqual({ line: 7, file: 'a.jsonl', id: 'a.jsonl:7', messages });
  });

  test('a log row keeps an empty answer, checked or not', () => {
    expect(rowOf({ messages, completion: '', actual: '' })).toMatchObject({ completion: '', actual: '' });
  });

  test('a log row may have a number as its id', () => {
    expect(rowOf({ messages, id: 9_007_199_254_740_991 })).toHaveProperty('id', '9007199254740991');
    expect(rowOf({ messages, id: 0 })).toHaveProperty('id', '0');
  });

  test('a log row has its time in UTC where it names no zone', () => {
    expect(rowOf({ messages, timestamp: '2026-08-10 05:48:42.5' })).toHaveProperty(
      'timestamp',
      '2026-08-10T05:48:42.5Z',
    );
  });

  test('a log row has texts for metadata: numbers and truth values become texts, and nested values are passed over', () => {
    const metadata = JSON.parse('{"a":"x","b":3,"c":true,"d":null,"e":{"f":1},"g":[1],"constructor":"y"}');
    expect(rowOf({ messages, metadata })).toHaveProperty('metadata', { a: 'x', b: '3', c: 'true', constructor: 'y' });
    expect(rowOf({ messages, metadata: {} })).not.toHaveProperty('metadata');
  });

  test('a log row cannot change inherited properties of objects', () => {
    const value = JSON.parse(
      '{"__proto__":{"completion":"no"},"messages":[{"role":"user","content":"hello"}],"metadata":{"__proto__":"x"}}',
    );
    const row = rowOf(value);
    expect(row?.completion).toBeUndefined();
    expect(Object.getPrototypeOf(row?.metadata ?? {})).toBe(Object.prototype);
  });
});

describe('a message', () => {
  test('a message in parts of text is joined, and notes that once', () => {
    const part = (type: string, text: string) => ({ type, text });
    const row = {
      messages: [
        { role: 'system', content: [part('text', 'Name the '), part('input_text', 'topic.')] },
        { role: 'user', content: [part('output_text', 'hello')] },
      ],
      completion: [part('text', 'billing')],
    };
    expect(log(row)).toMatchObject({
      row: { messages: [{ content: 'Name the topic.' }, { content: 'hello' }], completion: 'billing' },
      issues: ['content-parts'],
    });
  });

  test.each(['image_url', 'input_image', 'input_audio', 'file'])(
    'a message with a part of type %s is refused',
    (type) => {
      const content = [
        { type: 'text', text: 'What is this?' },
        { type, [type]: {} },
      ];
      expect(log({ messages: [{ role: 'user', content }] })).toEqual({
        refused: 'unsupported-content',
        detail: 'messages.0.content',
      });
    },
  );

  test.each([
    ['a call of a tool', { role: 'assistant', content: null, tool_calls: [{ id: 'c1' }] }],
    ['an old call of a function', { role: 'assistant', content: null, function_call: { name: 'f' } }],
    ['the answer of a function', { role: 'function', name: 'f', content: '3' }],
  ])('a message that is %s is refused', (_name, message) => {
    expect(log({ messages: [...messages, message, ...messages] })).toEqual({
      refused: 'tool-messages',
      detail: 'messages.1',
    });
  });

  test('a message of a tool may be part of the instructions, and an empty list of calls is none', () => {
    expect(
      rowOf({
        messages: [
          { role: 'tool', content: 'rules' },
          { ...messages[0], tool_calls: [] },
        ],
      }),
    ).toBeDefined();
  });
});

describe('a row without a prompt is refused', () => {
  test.each([{}, { messages: [] }, { prompt: '' }, { prompt: ' \n' }, { messages: [{ role: 'user', content: ' ' }] }])(
    '%j',
    (row) => {
      expect(log({ ...row, completion: 'a' })).toEqual({ refused: 'no-prompt' });
    },
  );
});

describe('a completion', () => {
  const message = (more: object) => ({ role: 'assistant', ...more });

  test.each<[string, unknown]>([
    ['a message', message({ content: 'billing' })],
    [
      'a response of the API',
      { id: 'chatcmpl-1', choices: [{ index: 0, finish_reason: 'stop', message: { content: 'billing' } }] },
    ],
    ['a response of the legacy API', { choices: [{ text: 'billing' }] }],
  ])('a completion that is %s gives its text, and notes that', (_name, completion) => {
    expect(log({ messages, completion })).toMatchObject({
      row: { completion: 'billing' },
      issues: ['raw-completion'],
    });
  });

  test('a completion that is a message of another kind of API is joined from its parts', () => {
    const completion = message({
      type: 'message',
      content: [{ type: 'text', text: 'billing' }],
      stop_reason: 'end_turn',
    });
    expect(log({ messages, completion })).toMatchObject({
      row: { completion: 'billing' },
      issues: ['raw-completion', 'content-parts'],
    });
  });

  test('a completion may stand at the end of the messages, as in training files', () => {
    const answer = message({ content: 'billing' });
    expect(log({ messages: [...messages, answer] })).toMatchObject({
      row: { messages, completion: 'billing' },
      issues: ['answer-in-messages'],
    });
    expect(log({ messages: [...messages, answer], finish_reason: 'length' })).toMatchObject({
      row: { flaw: 'cut-off' },
    });
  });

  test('a completion beside messages that end in the beginning of an answer is joined with it', () => {
    const begun = [...messages, message({ content: 'Topic:' })];
    expect(log({ messages: begun, completion: ' billing' })).toMatchObject({
      row: { messages, completion: 'Topic: billing' },
      issues: ['prefilled-answer'],
    });
    expect(log({ messages: begun, completion: 'Topic: billing' })).toMatchObject({
      row: { completion: 'Topic: billing' },
    });
    expect(rowOf({ messages: begun, actual: 'billing' })).toMatchObject({ messages: begun, actual: 'billing' });
    expect(rowOf({ messages: [message({ content: 'Topic:' })] })).not.toHaveProperty('completion');
  });

  const unusable: [string, string, object][] = [
    ['refusal', 'was refused', { completion: null, refusal: 'No.' }],
    ['refusal', 'was refused in its message', { completion: message({ content: null, refusal: 'No.' }) }],
    [
      'refusal',
      'ended with a refusal',
      { completion: message({ content: [{ type: 'text', text: 'No' }], stop_reason: 'refusal' }) },
    ],
    ['cut-off', 'ran into its limit', { completion: 'The topic i', finish_reason: 'length' }],
    ['cut-off', 'ran into its limit elsewhere', { completion: 'The topic i', finish_reason: 'MAX_TOKENS' }],
    ['cut-off', 'was filtered', { completion: '', finish_reason: 'content_filter' }],
    [
      'cut-off',
      'was cut off in its response',
      { completion: { choices: [{ finish_reason: 'length', message: { content: 'x' } }] } },
    ],
    ['tool-call', 'ended with a call', { completion: null, finish_reason: 'tool_calls' }],
    ['tool-call', 'is a call', { completion: message({ content: null, tool_calls: [{ id: 'c1' }] }) }],
    ['tool-call', 'is an old call', { completion: message({ content: null, function_call: { name: 'f' } }) }],
    ['tool-call', 'holds a call', { completion: message({ content: [{ type: 'tool_use', name: 'f' }] }) }],
    ['unsupported-content', 'is an image', { completion: message({ content: [{ type: 'image', source: {} }] }) }],
    ['api-error', 'is an error', { completion: { error: { message: 'Rate limit reached', type: 'requests' } } }],
  ];

  test.each(unusable)(
    'a completion is flawed as %s, so that a right answer may still be given: it %s',
    (flaw, _name, row) => {
      expect(log({ messages, ...row })).toMatchObject({ row: { flaw } });
    },
  );

  test.each(unusable)(
    'a completion that is no answer (%s: it %s) does no harm if there is a checked answer',
    (_issue, _name, row) => {
      const checked = log({ messages, ...row, actual: 'billing' });
      expect(checked).toMatchObject({ row: { actual: 'billing' } });
      expect(checked).not.toHaveProperty('row.flaw');
    },
  );

  test('a refused completion counts as the production answer if there is a checked answer', () => {
    expect(rowOf({ messages, refusal: 'No.', actual: 'billing' })).toMatchObject({
      completion: 'No.',
      actual: 'billing',
    });
  });
});

describe('a call that was served through a deployment', () => {
  const served = (answeredBy: ServedCall['answeredBy'], row: object = { completion: 'billing' }) => {
    const call = { deployment: 'shop', decision: 1, arm: 'canary', outcome: 'ok', armLatencyMs: 9 } as const;
    return rowOf({ messages, metadata: servedCallMetadata({ ...call, answeredBy }), ...row });
  };

  test.each(['champion', 'canary'] as const)(
    'a call through a deployment has an answer of our own if the %s gave it, checked or not',
    (by) => {
      expect(served(by)).toMatchObject({ completion: 'billing', flaw: 'own-answer' });
      expect(served(by, { completion: 'billing', actual: 'repair' })).toMatchObject({
        actual: 'repair',
        flaw: 'own-answer',
      });
      expect(served(by, { completion: 'bil', finish_reason: 'length' })).toMatchObject({ flaw: 'own-answer' });
    },
  );

  test('a call through a deployment is an ordinary one if the original prompt has answered, or no model', () => {
    expect(served('original')).not.toHaveProperty('flaw');
    expect(served('original', { completion: 'bil', finish_reason: 'length' })).toMatchObject({ flaw: 'cut-off' });
    expect(served(null, {})).not.toHaveProperty('flaw');
  });

  test('a call through a deployment still names its arm', () => {
    expect(served('canary')?.metadata).toMatchObject({ tuneloop_deployment: 'shop', tuneloop_arm: 'canary' });
  });

  test('a call through a deployment judges in a test file only with a right answer', () => {
    const metadata = servedCallMetadata({
      deployment: 'shop',
      decision: 1,
      arm: 'champion',
      outcome: 'ok',
      answeredBy: 'champion',
      armLatencyMs: 9,
    });
    expect(refusal(() => judging({ messages, metadata, completion: 'billing' }))).toMatch(/and unchecked/);
    expect(judging({ messages, metadata, completion: 'billing', actual: 'repair' })).toMatchObject({
      actual: 'repair',
    });
  });
});

describe('an answer that came later', () => {
  test('a later answer belongs to an id', () => {
    const value = {
      actual_for: 'r-1',
      actual: 'billing',
      quality: 1,
      by: 'person:ana',
      timestamp: '2026-08-10 05:48:42',
    };
    expect(log(value)).toStrictEqual({
      actual: { id: 'r-1', actual: 'billing', quality: 1, by: 'person:ana', timestamp: '2026-08-10T05:48:42Z' },
      issues: [],
    });
  });

  test('a later answer may be a rating alone, of a numbered row', () => {
    expect(log({ actual_for: 12, actual: null, quality: 0 })).toStrictEqual({
      actual: { id: '12', quality: 0 },
      issues: [],
    });
  });

  test.each<[string, object, string]>([
    ['says nothing', { actual_for: 'r-1' }, 'wrong-shape'],
    ['names no row', { actual_for: '', actual: 'x' }, 'wrong-shape'],
    ['names a row by a number that lost digits', { actual_for: 2 ** 53, actual: 'x' }, 'unsafe-integer'],
    ['has half a character', { actual_for: 'r-1', actual: '\ud83d' }, 'lone-surrogate'],
  ])('a later answer that %s is refused', (_name, value, refused) => {
    expect(log(value)).toMatchObject({ refused });
  });
});

describe('what cannot be a row is refused', () => {
  test.each([[[]], [null], ['hello'], [1], [true]])('%j is not an object', (value) => {
    expect(log(value)).toEqual({ refused: 'not-an-object' });
  });

  test.each<[string, object, string]>([
    ['both messages and prompt', { messages, prompt: 'hello' }, 'the row: must have either messages or prompt'],
    ['a role that is none', { messages: [{ role: 'robot', content: 'x' }] }, 'messages.0.role: '],
    ['content that is no text', { messages: [...messages, { role: 'user', content: null }] }, 'messages.1.content: '],
    ['no content', { messages: [{ role: 'user' }] }, 'messages.0.content: '],
    ['no parts', { messages: [{ role: 'user', content: [] }] }, 'messages.0.content: '],
    ['messages that are a number', { messages: 4 }, 'messages: must be a list of messages; found a number'],
  ])('%s, by its key and what was found', (_name, row, detail) => {
    expect(log(row)).toEqual({ refused: 'wrong-shape', detail: expect.stringContaining(detail) });
  });

  test.each<[string, string, object, string]>([
    ['an id that is a list', 'ignored-key', { id: [4] }, 'id: found a list of a number'],
    ['half the usage', 'ignored-key', { usage: { prompt_tokens: 1 } }, 'usage: found an object of prompt_tokens'],
    ['usage under zero', 'ignored-key', { usage: { prompt_tokens: -1, completion_tokens: 1 } }, 'usage: '],
    ['half a token', 'ignored-key', { usage: { prompt_tokens: 0.5, completion_tokens: 1 } }, 'usage: '],
    ['a latency under zero', 'ignored-key', { latency_ms: -1 }, 'latency_ms: found a number'],
    ['a time that is none', 'unread-time', { timestamp: 'yesterday' }, 'timestamp: found a text'],
    ['metadata that is a list', 'ignored-key', { metadata: ['a'] }, 'metadata: found a list of a text'],
    ['a model that is a number', 'ignored-key', { model: 1 }, 'model: found a number'],
    ['a quality that is a word', 'ignored-key', { quality: 'good' }, 'quality: found a text'],
    ['an id that has lost digits', 'unsafe-integer', { id: 2 ** 53 }, 'id'],
    [
      'usage that has lost digits',
      'unsafe-integer',
      { usage: { prompt_tokens: 2 ** 53, completion_tokens: 1 } },
      'usage',
    ],
    ['a latency that has lost digits', 'unsafe-integer', { latency_ms: 2 ** 53 }, 'latency_ms'],
    ['metadata that has lost digits', 'unsafe-integer', { metadata: { customer: -(2 ** 53) } }, 'metadata.customer'],
  ])('%s costs its key and not the row', (_name, issue, row, detail) => {
    expect(log({ messages, ...row })).toMatchObject({
      row: { id: 'a.jsonl:7', messages },
      issues: [issue],
      details: { [issue]: expect.stringContaining(detail) },
    });
  });

  test.each<[string, object, object]>([
    [
      'usage in words of Anthropic',
      { usage: { input_tokens: 8, output_tokens: 2, cache_read_input_tokens: 4 } },
      { usage: { promptTokens: 12, completionTokens: 2 } },
    ],
    [
      'usage in words of Gemini',
      { usage: { promptTokenCount: 8, candidatesTokenCount: 2 } },
      { usage: { promptTokens: 8, completionTokens: 2 } },
    ],
    ['seconds since 1970', { timestamp: 1770000000 }, { timestamp: '2026-02-02T02:40:00.000Z' }],
    ['milliseconds since 1970', { timestamp: 1770000000123 }, { timestamp: '2026-02-02T02:40:00.123Z' }],
    ['microseconds since 1970', { timestamp: 1770000000123000 }, { timestamp: '2026-02-02T02:40:00.123Z' }],
    ['a latency as text', { latency_ms: '700' }, { latencyMs: 700 }],
    ['a rating as text', { quality: '0.5' }, { quality: 0.5 }],
  ])('%s is converted', (_name, row, read) => {
    expect(log({ messages, ...row })).toMatchObject({ row: read, issues: ['converted-key'] });
  });

  test.each([{}, [], '', null])('%j stands for nothing under any optional key', (nothing) => {
    const keys = ['id', 'timestamp', 'usage', 'model', 'latency_ms', 'metadata', 'quality', 'system', 'tools'];
    expect(rowOf({ messages, ...Object.fromEntries(keys.map((key) => [key, nothing])) })).toStrictEqual({
      line: 7,
      file: 'a.jsonl',
      id: 'a.jsonl:7',
      messages,
    });
  });

  test.each<[string, object]>([
    ['a prompt', { prompt: 'cut \ud83d' }],
    ['a message', { messages: [{ role: 'user', content: '\udc00' }] }],
    ['a completion', { messages, completion: '\ud83d ' }],
    ['a checked answer', { messages, actual: '\ud83d' }],
  ])('half a character in %s', (_name, row) => {
    expect(log(row)).toEqual({ refused: 'lone-surrogate' });
    const whole = JSON.parse(JSON.stringify(row).replaceAll(/\\ud83d|\\udc00/g, '\u{1f600}'));
    expect(rowOf(whole)).toBeDefined();
  });

  test.each<[string, object]>([
    ['a prompt', { prompt: 'a\0b' }],
    ['a completion', { messages, completion: '\0' }],
    ['a checked answer', { messages, actual: '\0' }],
  ])('a NUL character in %s', (_name, row) => {
    expect(log(row)).toEqual({ refused: 'nul-character' });
  });

  test('a refused row is not quoted', () => {
    const secret = 'Mrs Secret';
    const rows = [
      { messages: [{ role: secret, content: secret }], completion: secret },
      { messages: secret, completion: [secret] },
      { prompt: secret, messages, completion: secret },
      { prompt: secret, id: { [secret]: secret }, [secret]: secret },
      { prompt: secret, completion: { [secret]: secret } },
      { prompt: secret, metadata: { [secret]: [secret] }, timestamp: secret, usage: { [secret]: secret } },
      { actual_for: secret, by: 5, [secret]: secret },
    ];
    for (const row of rows) {
      const parsed = log(row);
      const told = 'refused' in parsed ? parsed : { issues: parsed.issues, details: parsed.details };
      expect(JSON.stringify(told)).not.toContain('Secret');
    }
  });
});

test('any JSON value is a row, an answer, or refused', () => {
  const key = fc.constantFrom(
    'messages',
    'prompt',
    'completion',
    'actual_for',
    'actual',
    'usage',
    'id',
    'metadata',
    'content',
    'role',
    'choices',
    'error',
  );
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('user', 'assistant', 'text', 'hello'),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(key, tie('node'), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(node, (value) => {
      const parsed = log(value);
      expect('row' in parsed || 'actual' in parsed || 'refused' in parsed).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('each line of a hostile log has the issue that it was made for', async () => {
  const file = path.join(folder, 'hostile.jsonl');
  const hostile = await writeHostileLog(file);
  const table = new IssueTable();
  let [line, rows] = [0, 0];
  for await (const bytes of readLines(file)) {
    line += 1;
    const read = readJsonLine(bytes, line === 1);
    const parsed = 'refused' in read ? read : parseLogRow(read.value, { file: 'hostile.jsonl', line });
    if ('row' in parsed) rows += 1;
    const before = 'refused' in read ? [] : read.issues;
    const found = 'refused' in parsed ? [parsed.refused] : [...before, ...parsed.issues];
    for (const issue of found) table.add(issue, { file: 'hostile.jsonl', line });
  }
  expect(table.all()).toEqual(hostile.read);
  expect([line, rows]).toEqual([hostile.lines, hostile.rows]);
});

test('a refusal names place, reason and, where it is known, the key', () => {
  expect(refusalText('wrong-shape', place, 'id: too short')).toMatch(/^a\.jsonl:7: a key has .* \(id: too short\)$/);
  expect(refusalText('blank-line', { line: 3 })).toBe('row 3: the line is empty');
  expect(refusalText('blank-line', 'a.jsonl:1, a.jsonl:2')).toBe('a.jsonl:1, a.jsonl:2: the line is empty');
});

const testPlace = { file: 'tests/t.jsonl', line: 7 };
const judging = (row: unknown) => parseJudgingRow(Buffer.from(JSON.stringify(row)), testPlace);

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof TuneloopError && error.code === 'SOURCE_ROW_INVALID') return error.message;
    throw error;
  }
  throw new Error('the row was not refused');
}

describe('a row of a test file', () => {
  test('a row of a test file is an input with its label and further right answers', () => {
    expect(judging({ id: 't-1', input: 'hello', label: 'yes', references: ['yes', 'aye'] })).toStrictEqual({
      line: 7,
      id: 't-1',
      input: 'hello',
      label: 'yes',
      references: ['yes', 'aye'],
    });
  });

  test('a row of a test file needs only input and label', () => {
    expect(judging({ input: 'hello', label: '' })).toStrictEqual({ line: 7, id: 'test-7', input: 'hello', label: '' });
  });

  test.each([
    ['messages', { messages, completion: 'a', actual: 'b' }],
    ['a prompt', { prompt: 'hello', actual: 'b' }],
  ])('a row of a test file with %s is a log row', (_name, row) => {
    expect(judging(row)).toStrictEqual({ ...rowOf(row), id: 't.jsonl:7', file: 't.jsonl' });
  });

  test.each<[string, unknown, string]>([
    ['without a label', { input: 'hello' }, 'label: '],
    ['without an input', { label: 'yes' }, 'input: '],
    ['with an empty input', { input: '', label: 'yes' }, 'input: '],
    ['with an empty list of references', { input: 'hello', label: 'yes', references: [] }, 'references: '],
    ['with references that are no list', { input: 'hello', label: 'yes', references: 'yes' }, 'references: '],
    ['with a prompt but no answer', { prompt: 'hello', label: 'yes' }, 'the row has no answer yet'],
    [
      'with a prompt and an answer that was cut off',
      { prompt: 'hello', completion: 'y', finish_reason: 'length' },
      'cut off',
    ],
    ['that is an answer to a call', { actual_for: 'r-1', prompt: 'hello', actual: 'yes' }, 'the row has no answer yet'],
    ['with half a character', { input: 'hello', label: '\ud83d' }, 'half a character'],
    ['that is null', null, 'the row: '],
    ['that is a list', [], 'the row: '],
  ])('%s is refused by file, line and key', (_name, row, problem) => {
    const message = refusal(() => judging(row));
    expect(message).toMatch(/^tests\/t\.jsonl:7: /);
    expect(message).toContain(problem);
  });

  test.each([
    ['', 'the line is empty'],
    ['{"input": "Mrs Secret" oops}', 'is not JSON'],
    ['{"input":"Mrs Secret","input":"b","label":"c"}', 'the same key twice'],
  ])('an unreadable row of a test file is refused and not quoted: %j', (text, problem) => {
    const message = refusal(() => parseJudgingRow(Buffer.from(text), testPlace));
    expect(message).toMatch(/^tests\/t\.jsonl:7: /);
    expect(message).toContain(problem);
    expect(message).not.toContain('Secret');
  });
});
