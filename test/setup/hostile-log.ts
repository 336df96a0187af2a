import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type ServedCall, servedCallMetadata } from '../../packages/app/src/predict/served-call.ts';
import type { IssueCount, RowIssue } from '../../src/core/dataset/issue.ts';
import { shopRows } from './shop-log.ts';

/** A call that a deployed model has answered. */
const SERVED: ServedCall = {
  deployment: 'shop',
  decision: 3,
  arm: 'champion',
  outcome: 'ok',
  answeredBy: 'champion',
  armLatencyMs: 12,
};

export interface HostileLog {
  lines: number;
  /** Readable rows, and the issues of lines until then. */
  rows: number;
  read: IssueCount[];
  /** Examples that a run with the defaults of a pipeline has left, and all that it has to say. */
  examplesLeft: number;
  expected: IssueCount[];
}

/** Writes a log with rows of every kind that a JSONL file can get wrong, among good rows to train on. */
export async function writeHostileLog(file: string): Promise<HostileLog> {
  const lines = [...hostileLines()];
  await writeFile(
    file,
    lines.flatMap(({ bytes }) => [Buffer.from(bytes), Buffer.from('\n')]),
    { mode: 0o600 },
  );
  const name = path.basename(file);
  return {
    lines: lines.length,
    rows: lines.filter(({ becomes }) => becomes !== 'nothing').length,
    read: tableOf(name, lines, ({ read }) => read),
    examplesLeft: lines.filter(({ becomes }) => becomes === 'example').length,
    expected: tableOf(name, lines, ({ read, prepared }) => [...read, ...prepared]),
  };
}

/** A line of the log, without its line feed. */
interface Line {
  bytes: string | Buffer;
  becomes: 'example' | 'row' | 'nothing';
  /** The issues of reading the line. */
  read: RowIssue[];
  /** The issues that only other rows cause. */
  prepared: RowIssue[];
}

/** The table of a run, counted without the code that is tested. */
function tableOf(file: string, lines: readonly Line[], issuesOf: (line: Line) => RowIssue[]): IssueCount[] {
  const places = new Map<RowIssue, string[]>();
  lines.forEach((line, index) => {
    for (const issue of issuesOf(line)) {
      places.set(issue, [...(places.get(issue) ?? []), `${file}:${index + 1}`]);
    }
  });
  return [...places]
    .map(([issue, all]) => ({ verdict: issue, rows: all.length, places: all.slice(0, 20) }))
    .sort((a, b) => b.rows - a.rows || (a.verdict < b.verdict ? -1 : 1));
}

const GOOD_ROWS = 200;

/** Bad lines, each after some good ones; a byte order mark before the first. */
function* hostileLines(): Iterable<Line> {
  const rows = new FreshRows();
  const bad = [...badLines(rows)];
  const distance = Math.floor((GOOD_ROWS - 1) / bad.length);
  yield example(`\ufeff${rows.text()}`, ['byte-order-mark']);
  for (let good = 1; good < GOOD_ROWS; good += 1) {
    yield example(rows.text());
    const next = good % distance === 0 ? bad[good / distance - 1] : undefined;
    if (next) yield next;
  }
}

function* badLines(rows: FreshRows): Iterable<Line> {
  // Lines that are no row.
  yield nothing('', 'blank-line');
  yield nothing(' \t \r', 'blank-line');
  yield nothing('{"messages": [{"role": "user", "content"', 'broken-json');
  yield nothing(rows.text().slice(0, -1), 'broken-json');
  yield nothing(`${rows.text()},`, 'broken-json');
  yield nothing(`${rows.text()}${rows.text()}`, 'several-values');
  yield nothing(`${rows.text()} ${rows.text()}`, 'several-values');
  yield nothing(rows.text({ quality: 0 }).replace('"quality":0', '"quality":NaN'), 'nan');
  yield nothing(rows.text({ latency_ms: 0 }).replace('"latency_ms":0', '"latency_ms":-Infinity'), 'nan');
  yield nothing(rows.text().replace('{', '{"completion":"refund",'), 'duplicate-key');
  yield nothing(rows.text().replace('"role":"user"', '"role":"user","r\\u006fle":"user"'), 'duplicate-key');
  yield nothing(`{"prompt":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'too-deep');
  yield nothing(`${'{"a":'.repeat(100_000)}1`, 'too-deep');
  yield nothing(rows.text().replace('Message: ', `Message: ${'very '.repeat(2_400_000)}`), 'too-large');
  yield nothing(withByte(rows.text(), 0xff), 'not-utf8');
  yield nothing(Buffer.from(rows.text(), 'utf16le'), 'nul-character');
  yield nothing(withByte(rows.text(), 0x00), 'nul-character');
  yield nothing(rows.text().replace('Message: ', 'Message: \\u0000'), 'nul-character');
  yield nothing(rows.text().replace('Message: ', 'Message: \\ud83d'), 'lone-surrogate');
  yield nothing('["refund"]', 'not-an-object');
  yield nothing('null', 'not-an-object');

  // Objects that are no row.
  const user = { role: 'user', content: 'Message: where is it?' };
  yield nothing(rows.text({ messages: undefined }), 'no-prompt');
  yield nothing(rows.text({ messages: [] }), 'no-prompt');
  yield nothing(rows.text({ messages: [{ ...user, role: 'robot' }] }), 'wrong-shape');
  yield nothing(rows.text({ messages: 4 }), 'wrong-shape');
  yield nothing('{"actual_for":9007199254740993,"actual":"x"}', 'unsafe-integer');
  yield nothing(rows.text({ messages: [{ ...user, content: [{ type: 'image_url' }] }] }), 'unsupported-content');
  yield nothing(
    rows.text({ messages: [user, { role: 'assistant', content: null, tool_calls: [{}] }] }),
    'tool-messages',
  );

  // Rows that are no example.
  yield row(rows.text({ finish_reason: 'length' }), 'cut-off');
  yield row(rows.text({ completion: null, finish_reason: 'tool_calls' }), 'tool-call');
  yield row(rows.text({ completion: null, refusal: 'That is against the rules.' }), 'refusal');
  yield row(rows.text({ completion: { error: { message: 'Rate limit reached', code: 429 } } }), 'api-error');
  yield row(rows.text({ completion: undefined }), 'no-output');
  yield row(rows.text({ metadata: servedCallMetadata(SERVED) }), 'own-answer');
  yield row(rows.text({ completion: ' ' }), 'empty-completion');
  yield row(rows.text({ completion: "I'm sorry, but I can't help with that." }), 'refusal');
  yield row(rows.text({ completion: 'Es tut mir leid, aber ich kann dabei nicht helfen.' }), 'refusal');
  yield row(rows.text({ completion: 'HTTP 503: Service Unavailable' }), 'api-error');
  yield row(rows.text({ completion: '<html><head><title>502 Bad Gateway</title></head></html>' }), 'api-error');
  yield row(rows.text({ completion: 'The label is refund.' }), 'chatty-label');
  yield row(
    rows.text({ completion: 'shipping, because the customer wants to know where the parcel is' }),
    'chatty-label',
  );
  yield row(rows.text({ completion: '{"label":"refund"}' }), 'json-label');
  yield row(rows.text().replace(/Message: [^"]*/, 'Message: '), 'empty-input');
  yield row(rows.text({ messages: [{ role: 'system', content: 'Translate into French.' }, user] }), 'prompt-mismatch');
  yield row(rows.text({ messages: [user, { role: 'assistant', content: 'shipping' }, user] }), 'multi-turn');
  yield row(rows.text().replace('Message: ', `Message: ${'a '.repeat(70_000)}`), 'over-token-limit', ['large-row']);
  const repeated = rows.text();
  yield example(repeated);
  yield row(repeated.replace('"id":"', '"id":"again-'), 'exact-duplicate');

  // Rows that are mended, or need not be.
  yield example(`${rows.text()}\r`, ['crlf']);
  yield example(rows.text({ completion: ' Refund.' }), [], ['padded-label']);
  yield example(rows.text({ completion: '"SHIPPING"' }), [], ['padded-label']);
  yield example(rows.text().replace('Message: ', `Message: ${'once more '.repeat(11_000)}`), ['large-row']);
  yield example(rows.text().replace(/"content":("Message: [^"]*")/, '"content":[{"type":"text","text":$1}]'), [
    'content-parts',
  ]);
  yield example(rows.text({ completion: { role: 'assistant', content: 'refund' } }), ['raw-completion']);
  yield example(rows.text({ completion: { choices: [{ message: { content: 'refund' } }] } }), ['raw-completion']);
  yield example(
    rows
      .text({ completion: undefined })
      .replace(/(\{"role":"user".*?\})\]/, '$1,{"role":"assistant","content":"account"}]'),
    ['answer-in-messages'],
  );
  yield example(rows.text().replace('{', '{"__proto__":{"completion":"refund"},"constructor":null,'));
  yield example(rows.text({ trace: 'NaN {"id":1,"id":2}' }));
}

function nothing(bytes: string | Buffer, issue: RowIssue): Line {
  return { bytes, becomes: 'nothing', read: [issue], prepared: [] };
}

function row(bytes: string, issue: RowIssue, read: RowIssue[] = []): Line {
  return { bytes, becomes: 'row', read, prepared: [issue] };
}

function example(bytes: string, read: RowIssue[] = [], prepared: RowIssue[] = []): Line {
  return { bytes, becomes: 'example', read, prepared };
}

/** With one more byte in the text of its message. */
function withByte(text: string, byte: number): Buffer {
  const [before = '', after = ''] = text.split(/(?<=Message: )/);
  return Buffer.concat([Buffer.from(before), Buffer.from([byte]), Buffer.from(after)]);
}

/** Unchecked rows, each with an input of its own. */
class FreshRows {
  readonly #rows = shopRows(500);
  #taken = 0;

  /** The next row as a line, with some keys changed. */
  text(changes: Record<string, unknown> = {}): string {
    this.#taken += 1;
    return JSON.stringify({ ...this.#rows[this.#taken], actual: undefined, ...changes });
  }
}
