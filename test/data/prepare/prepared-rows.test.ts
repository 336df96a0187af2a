import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Example, LogRow } from '../../../src/core/dataset/row.ts';
import { mineTemplate } from '../../../src/data/instructions/template-mining.ts';
import { type PreparedRows, prepareRows } from '../../../src/data/prepare/prepared-rows.ts';
import type { RowSettings } from '../../../src/data/prepare/row-batch.ts';
import { OPENAI } from '../../../src/providers/profiles/openai.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';

const folder = temporaryFolder();
const TOPICS = ['invoice', 'parcel', 'password', 'bicycle', 'refund', 'warranty', 'colour', 'battery'];
const row = (index: number): LogRow => ({
  line: index + 1,
  file: 'log.jsonl',
  id: `row-${index}`,
  messages: [
    { role: 'system', content: 'Name the topic of the message in one word.' },
    { role: 'user', content: `Message: ${TOPICS[index % 8]} ${(index * 7919).toString(36)} ${'z'.repeat(index % 13)}` },
  ],
  completion: `${TOPICS[index % 8]}`,
});
const SETTINGS: RowSettings = {
  template: mineTemplate(Array.from({ length: 50 }, (_, index) => row(index).messages)),
  treatments: ['strip'],
  limits: OPENAI.limits,
  classification: true,
  redact: [],
  phoneRegion: 'US',
  analyzer: null,
  groupBy: null,
  minQuality: null,
};

function segmentOf(rows: readonly LogRow[]): { file: string; bytes: number; rows: number } {
  const file = path.join(mkdtempSync(path.join(folder, 'segment-')), 'rows');
  const text = rows.map((each) => `${JSON.stringify(each)}\n`).join('');
  writeFileSync(file, text);
  return { file, bytes: Buffer.byteLength(text), rows: rows.length };
}

function prepare(
  segments: ReturnType<typeof segmentOf>[],
  changes: Partial<RowSettings> = {},
  actuals: string[] = [],
): Promise<PreparedRows> {
  return prepareRows(
    { segments, actuals, heldOut: [], settings: { ...SETTINGS, ...changes } },
    { scratch: mkdtempSync(path.join(folder, 'scratch-')), signal: new AbortController().signal },
  );
}

test('a log that is large enough for threads gives the same as its rows by themselves, in their order', async () => {
  const rows = Array.from({ length: 45_000 }, (_, index) => row(index));
  const segment = segmentOf(rows);
  expect(segment.bytes).toBeGreaterThan(8 * 2 ** 20);
  const inThreads = await prepare([segment]);
  const ids: string[] = [];
  for await (const line of inThreads.examples()) ids.push((JSON.parse(line) as { id: string }).id);
  expect(ids).toEqual(rows.map(({ id }) => id));
  const few = await prepare([segmentOf(rows.slice(0, 500))]);
  for (const column of ['inputs', 'answers', 'ids', 'labels'] as const) {
    expect(inThreads[column].slice(0, 500)).toEqual(few[column]);
  }
  expect(inThreads.keys.slice(0, few.keys.length)).toEqual(few.keys);
  expect(inThreads.labelNames.toSorted()).toEqual(TOPICS.toSorted());
});

test('rows of several segments are numbered through', async () => {
  const rows = Array.from({ length: 60 }, (_, index) => row(index));
  const parts = await prepare([segmentOf(rows.slice(0, 20)), segmentOf(rows.slice(20))]);
  const whole = await prepare([segmentOf(rows)]);
  expect(parts.count).toBe(60);
  expect(parts.ids).toEqual(whole.ids);
  expect(parts.groups).toEqual(whole.groups);
});

test('an answer of our own counts once it is checked, and never as production’s answer', async () => {
  const rows = Array.from({ length: 20 }, (_, index) => row(index));
  const own = rows.map((each, index): LogRow => (index < 3 ? { ...each, flaw: 'own-answer' } : each));
  const checked = own.map((each, index): LogRow => (index === 1 ? { ...each, actual: 'invoice' } : each));
  const later = path.join(mkdtempSync(path.join(folder, 'actuals-')), 'actuals');
  const actuals = [
    { id: 'row-2', actual: 'password', by: 'person:ana' },
    { id: 'row-0', quality: 1 },
  ];
  writeFileSync(later, actuals.map((actual) => `${JSON.stringify(actual)}\n`).join(''));
  const prepared = await prepare([segmentOf(checked)], {}, [later]);
  const examples = new Map<string, Example>();
  for await (const line of prepared.examples()) {
    const example = JSON.parse(line) as Example;
    examples.set(example.id, example);
  }
  expect(prepared.issues.all()).toEqual([{ verdict: 'own-answer', rows: 1, places: ['log.jsonl:1'] }]);
  expect(examples.get('row-1')).toMatchObject({ completion: 'invoice' });
  expect(examples.get('row-2')).toMatchObject({ completion: 'password', completionBy: 'person:ana' });
  for (const id of ['row-1', 'row-2']) expect(examples.get(id)).not.toHaveProperty('recorded');
  expect(examples.get('row-3')).toMatchObject({ recorded: { completion: 'bicycle', checked: false } });
});

test('the finds of an analyzer are replaced like those of the patterns, and the row keeps the key of its own text', async () => {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { text } = JSON.parse(body) as { text: string };
      const start = text.indexOf('Jane Roe');
      const found = start === -1 ? [] : [{ entity_type: 'PERSON', start, end: start + 8, score: 0.9 }];
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const input = 'Message: I am Jane Roe, jane@example.com';
  const rows = Array.from({ length: 20 }, (_, index) => row(index));
  const [first, ...others] = rows;
  if (!first) throw new Error('there is no row');
  const named = [
    { ...first, messages: [...first.messages.slice(0, 1), { role: 'user' as const, content: input }] },
    ...others,
  ];
  const redacted = await prepare([segmentOf(named)], { redact: ['email'], analyzer: { url } });
  const plain = await prepare([segmentOf(named)]);
  server.closeAllConnections();
  server.close();
  for await (const line of redacted.examples()) {
    expect(JSON.parse(line)).toMatchObject({ input: 'I am [PERSON_1], [EMAIL_1]' });
    break;
  }
  expect(redacted.redactions).toEqual({ person: 1, email: 1 });
  expect(redacted.keys).toEqual(plain.keys);
});

test('an interruption leaves no thread and gives the reason', async () => {
  const ended = new AbortController();
  const segment = segmentOf(Array.from({ length: 45_000 }, (_, index) => row(index)));
  const work = prepareRows(
    { segments: [segment], actuals: [], heldOut: [], settings: SETTINGS },
    {
      scratch: mkdtempSync(path.join(folder, 'scratch-')),
      signal: ended.signal,
      onProgress: () => ended.abort(new Error('enough')),
    },
  );
  await expect(work).rejects.toThrow(/enough|aborted/);
});
