import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { readAll } from '../conformance/sources.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';
import { parquetWriteBuffer } from './parquet-fixture.ts';

/*
 * One record of each format, written by the page that documents it, and what it is read as. Each log holds a good call, one that failed or
 * was cut off, and, where the format has such, a record that is no call of a model.
 */
const folder = temporaryFolder();
const dependencies = {
  provider: () => {
    throw new Error('files need no provider');
  },
};

async function read(content: string | Buffer, name = 'log.jsonl', choice: object = {}) {
  const file = path.join(mkdtempSync(path.join(folder, 'format-')), name);
  writeFileSync(file, content);
  const type = name.endsWith('.csv') ? 'csv' : 'jsonl';
  return readAll({ type, path: file, ...choice }, dependencies);
}
const lines = (...records: object[]) => records.map((each) => `${JSON.stringify(each)}\n`).join('');
const SYSTEM = 'Name the topic.';
const PROMPT = [
  { role: 'system', content: SYSTEM },
  { role: 'user', content: 'Where is my parcel?' },
];
const ASKED = { model: 'm-1', messages: PROMPT, temperature: 0 };
const answered = (finish_reason = 'stop') => ({
  id: 'c-1',
  object: 'chat.completion',
  model: 'm-1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'shipping' }, finish_reason }],
  usage: { prompt_tokens: 12, completion_tokens: 1 },
});
const attribute = (key: string, value: unknown) => ({
  key,
  value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: String(value) },
});
const span = (id: string, finish: string, more: object = {}) => ({
  spanId: id,
  startTimeUnixNano: '1770000000000000000',
  endTimeUnixNano: '1770000000250000000',
  attributes: [
    attribute('gen_ai.operation.name', 'chat'),
    attribute('gen_ai.request.model', 'm-1'),
    attribute('gen_ai.usage.input_tokens', 12),
    attribute('gen_ai.usage.output_tokens', 1),
    attribute('gen_ai.system_instructions', JSON.stringify([{ type: 'text', content: SYSTEM }])),
    attribute(
      'gen_ai.input.messages',
      JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: 'Where is my parcel?' }] }]),
    ),
    attribute(
      'gen_ai.output.messages',
      JSON.stringify([{ role: 'assistant', parts: [{ type: 'text', content: 'shipping' }], finish_reason: finish }]),
    ),
  ],
  ...more,
});
const otlp = (...spans: object[]) => ({ resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans }] }] });

/** The format, its page, its records, and the issue of the call that is none to learn from. */
const FORMATS: [string, string, string, string][] = [
  [
    'langfuse',
    'https://langfuse.com/docs/api-and-data-platform/features/export-from-ui',
    lines(
      {
        id: 'a',
        type: 'GENERATION',
        input: { messages: PROMPT },
        output: { role: 'assistant', content: 'shipping' },
        model: 'm-1',
        level: 'DEFAULT',
      },
      {
        id: 'b',
        type: 'GENERATION',
        input: { messages: PROMPT },
        output: 'litellm.Timeout: timed out',
        level: 'ERROR',
      },
      { id: 'c', type: 'SPAN', input: 'x', output: 'y' },
    ),
    'api-error',
  ],
  [
    'otel-genai',
    'https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/',
    lines(otlp(span('a', 'stop'), span('b', 'length'), { spanId: 'c', attributes: [attribute('http.method', 'GET')] })),
    'cut-off',
  ],
  [
    'helicone',
    'https://docs.helicone.ai/rest/request/post-v1requestquery',
    lines(
      {
        request_id: 'a',
        request_body: ASKED,
        response_body: answered(),
        request_created_at: '2026-08-01T00:00:00Z',
        response_status: 200,
        delay_ms: 250,
      },
      {
        request_id: 'b',
        request_body: ASKED,
        response_body: { error: { message: 'busy', type: 'overloaded' } },
        response_status: 529,
      },
    ),
    'api-error',
  ],
  [
    'langsmith',
    'https://docs.smith.langchain.com/reference/data_formats/run_data_format',
    lines(
      {
        id: 'a',
        run_type: 'llm',
        inputs: {
          messages: [
            [
              {
                lc: 1,
                type: 'constructor',
                id: ['langchain', 'schema', 'messages', 'SystemMessage'],
                kwargs: { content: SYSTEM },
              },
              {
                lc: 1,
                type: 'constructor',
                id: ['langchain', 'schema', 'messages', 'HumanMessage'],
                kwargs: { content: 'Where is my parcel?' },
              },
            ],
          ],
        },
        outputs: {
          generations: [
            [
              {
                text: 'shipping',
                message: {
                  lc: 1,
                  type: 'constructor',
                  id: ['langchain', 'schema', 'messages', 'AIMessage'],
                  kwargs: { content: 'shipping' },
                },
              },
            ],
          ],
        },
      },
      {
        id: 'b',
        run_type: 'llm',
        inputs: { messages: PROMPT },
        outputs: { output: { role: 'assistant', content: 'ship' } },
        error: 'RateLimitError',
      },
      { id: 'c', run_type: 'chain', inputs: { question: 'x' }, outputs: { answer: 'y' } },
    ),
    'api-error',
  ],
  [
    'openpipe',
    'https://docs.openpipe.ai/features/exporting-data',
    lines(
      { input: ASKED, output: answered(), tags: { prompt: 'route' } },
      { input: ASKED, output: answered('content_filter'), tags: {} },
    ),
    'cut-off',
  ],
  [
    'openai-responses',
    'https://platform.openai.com/docs/api-reference/responses/object',
    lines(
      {
        id: 'a',
        object: 'response',
        created_at: 1770000000,
        status: 'completed',
        model: 'm-1',
        instructions: SYSTEM,
        input: [{ role: 'user', content: [{ type: 'input_text', text: 'Where is my parcel?' }] }],
        output: [
          { type: 'reasoning', summary: [] },
          { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'shipping' }] },
        ],
        usage: { input_tokens: 12, output_tokens: 1, input_tokens_details: { cached_tokens: 4 } },
      },
      {
        id: 'b',
        object: 'response',
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        instructions: SYSTEM,
        input: 'Where is my parcel?',
        output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'ship' }] }],
      },
    ),
    'cut-off',
  ],
  [
    'gemini',
    'https://ai.google.dev/api/generate-content',
    lines(
      {
        systemInstruction: { parts: [{ text: SYSTEM }] },
        contents: [{ role: 'user', parts: [{ text: 'Where is my parcel?' }] }],
        candidates: [{ content: { role: 'model', parts: [{ text: 'shipping' }] }, finishReason: 'STOP' }],
        usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 1 },
        modelVersion: 'm-1',
      },
      {
        systemInstruction: { parts: [{ text: SYSTEM }] },
        contents: [{ parts: [{ text: 'Where is my parcel?' }] }],
        candidates: [{ content: { role: 'model', parts: [{ text: 'ship' }] }, finishReason: 'MAX_TOKENS' }],
      },
    ),
    'cut-off',
  ],
  [
    'request-response',
    'https://docs.anthropic.com/en/api/messages',
    lines(
      {
        request: {
          model: 'm-1',
          system: SYSTEM,
          messages: [{ role: 'user', content: 'Where is my parcel?' }],
          max_tokens: 9,
        },
        response: {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'text', text: 'shipping' }],
          stop_reason: 'end_turn',
        },
      },
      {
        request: {
          system: [{ type: 'text', text: SYSTEM }],
          messages: [{ role: 'user', content: 'Where is my parcel?' }],
        },
        response: {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'text', text: 'ship' }],
          stop_reason: 'max_tokens',
        },
      },
    ),
    'cut-off',
  ],
];

describe('a record of another tool', () => {
  test.each(FORMATS)(
    'a record of %s (%s) is known, and gives its prompt, its answer and its end',
    async (name, _page, log, flaw) => {
      const { items, rows } = await read(log);
      expect(items.map((item) => item.kind === 'row' && item.format)).toEqual([name, name]);
      expect(rows.map(({ messages }) => messages)).toEqual([PROMPT, PROMPT]);
      expect(rows[0]).toMatchObject({ completion: 'shipping' });
      expect(rows.map((row) => row.flaw)).toEqual([undefined, flaw]);
    },
  );

  test.each(FORMATS)(
    'a record of %s (%s) may stand in a list, in an object, in UTF-16, packed, or be named',
    async (name, _page, log) => {
      const records = log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const expected = (await read(log)).rows.map(({ messages, completion }) => ({ messages, completion }));
      const list = JSON.stringify(records, null, 1);
      for (const [content, choice] of [
        [list, {}],
        [list, { format: name }],
        [JSON.stringify({ data: records }), { format: name }],
        [Buffer.from(`\ufeff${log}`, 'utf16le'), {}],
        [gzipSync(list), {}],
        [zstdCompressSync(log), {}],
      ] as const) {
        const { rows } = await read(content, 'export', choice);
        expect(rows.map(({ messages, completion }) => ({ messages, completion }))).toEqual(expected);
      }
    },
  );

  test('spans of OpenLLMetry by their older names are read', async () => {
    // https://github.com/traceloop/semantic-conventions
    const attributes = [
      attribute('llm.request.type', 'chat'),
      attribute('gen_ai.prompt.0.role', 'system'),
      attribute('gen_ai.prompt.0.content', SYSTEM),
      attribute('gen_ai.prompt.1.role', 'user'),
      attribute('gen_ai.prompt.1.content', 'Where is my parcel?'),
      attribute('gen_ai.completion.0.content', 'shipping'),
    ];
    const { rows } = await read(lines(otlp({ spanId: 'a', attributes })));
    expect(rows).toMatchObject([{ messages: PROMPT, completion: 'shipping' }]);
  });

  test('a CSV export of Langfuse is known by its columns', async () => {
    const cell = (value: unknown) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
    const log = `id,type,input,output,level\na,GENERATION,${cell(PROMPT)},${cell({ role: 'assistant', content: 'shipping' })},DEFAULT\n`;
    for (const choice of [{}, { type: 'langfuse' }]) {
      expect((await read(log, 'export.csv', choice)).rows).toMatchObject([
        { id: 'a', messages: PROMPT, completion: 'shipping' },
      ]);
    }
  });
});

describe('a file is known by its content', () => {
  test('a Parquet file is read, later readings included', async () => {
    const file = path.join(mkdtempSync(path.join(folder, 'parquet-')), 'log.parquet');
    writeFileSync(file, parquetWriteBuffer());
    const choice = { type: 'parquet', path: file };
    const { rows, cursor } = await readAll(choice, dependencies);
    expect(rows).toMatchObject([{ id: 'r-1', messages: [{ role: 'user', content: 'hi' }], completion: 'yes' }]);
    expect((await readAll(choice, dependencies, cursor)).rows).toEqual([]);
  });

  test.each([
    ['a zip archive', 'PK\x03\x04abc', /zip archive or an Excel workbook: unpack it/],
    ['a database', 'SQLite format 3\0', /SQLite database: write its rows/],
    ['a page', '<!DOCTYPE html><p>Sign in</p>', /page in HTML/],
    ['a damaged Parquet file', 'PAR1 damaged', /Parquet file that cannot be read/],
  ])('%s is named with what to do', async (_name, content, message) => {
    await expect(read(Buffer.from(content, 'latin1'))).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ['semicolons', 'prompt;completion\n"a; b";yes\n'],
    ['tabs', 'prompt\tcompletion\na; b\tyes\n'],
    ['bars', 'prompt|completion\na; b|yes\n'],
    ['a delimiter that Excel names', 'sep=;\r\nprompt;completion\r\n"a; b";yes\r\n'],
  ])('fields of a table may end at %s', async (_name, log) => {
    expect((await read(log, 'log.csv')).rows).toMatchObject([{ messages: [{ content: 'a; b' }], completion: 'yes' }]);
  });
});
