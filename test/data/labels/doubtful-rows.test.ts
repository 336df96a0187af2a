import path from 'node:path';
import type { Actual, LogRow } from '../../../src/core/dataset/row.ts';
import { type DoubtfulRow, type DoubtOptions, findDoubtfulRows } from '../../../src/data/labels/doubtful-rows.ts';
import { readLog } from '../../../src/data/labels/labelling-log.ts';
import type { Source, SourceItem } from '../../../src/sources/source.ts';
import { FileStore } from '../../../src/stores/file-store.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';

const artifacts = new FileStore(path.join(temporaryFolder(), 'artifacts'));
const SYSTEM = 'Name the topic of the message: refund, shipping or account.';

const row = (id: string, input: string, changes: Partial<LogRow> = {}): LogRow => ({
  line: 1,
  id,
  messages: [
    { role: 'system', content: SYSTEM },
    { role: 'user', content: input },
  ],
  completion: 'refund',
  ...changes,
});
const given = (id: string, actual: string, by?: string): Actual => ({ id, actual, ...(by ? { by } : {}) });

async function doubtfulOf(
  rows: readonly LogRow[],
  {
    later = [],
    keptOut = [],
    ...changes
  }: { later?: Actual[]; keptOut?: Actual[] } & Partial<Omit<DoubtOptions, 'keptOut'>> = {},
): Promise<DoubtfulRow[]> {
  const items: SourceItem[] = [
    ...rows.map((item) => ({ kind: 'row' as const, row: item, issues: [] })),
    ...later.map((actual) => ({ kind: 'actual' as const, actual, issues: [] })),
  ];
  const source: Source = {
    describe: async () => [],
    read: async () => ({
      anew: true,
      items: (async function* () {
        yield* items;
      })(),
      cursor: () => ({ type: 'list' }),
    }),
  };
  const log = await readLog(source, artifacts, () => true, { signal: new AbortController().signal });
  const options: DoubtOptions = {
    task: 'classification',
    instructions: 'auto',
    keptOut: new Map(keptOut.map((actual) => [actual.id, actual])),
    ...changes,
  };
  return Array.fromAsync(findDoubtfulRows(artifacts, log, options));
}

test('a row without issues is not shown', async () => {
  expect(await doubtfulOf([row('1', 'money back'), row('2', 'charged twice', { quality: 0.5 })])).toEqual([]);
});

test('a row without an answer is shown with its input alone, and with the answer of the teacher', async () => {
  const rows = [
    row('1', 'money back'),
    row('2', 'parcel late', { completion: undefined }),
    row('3', 'login', { completion: ' ' }),
    row('4', 'refund please'),
  ];
  expect(await doubtfulOf(rows, { keptOut: [given('2', 'Delivery?', 'model:teacher')] })).toEqual([
    { id: '2', reasons: ['no answer'], input: 'parcel late', completion: '', suggestion: 'Delivery?' },
    { id: '3', reasons: ['no answer'], input: 'login', completion: ' ', suggestion: '' },
  ]);
});

test('a low rating makes a row doubtful, wherever it comes from; the latest counts', async () => {
  const rows = [row('1', 'a', { quality: 0.49 }), row('2', 'b'), row('3', 'c', { quality: 0.1 })];
  const later: Actual[] = [
    { id: '2', quality: 0 },
    { id: '3', quality: 1 },
  ];
  expect((await doubtfulOf(rows, { later })).map(({ id, reasons }) => [id, reasons])).toEqual([
    ['1', ['rated below 0.5']],
    ['2', ['rated below 0.5']],
  ]);
});

test('two labels for one prompt make each of its rows doubtful, and two texts do not', async () => {
  const rows = [
    row('1', 'parcel'),
    row('2', 'parcel', { completion: 'shipping' }),
    row('3', 'parcel', { completion: ' refund\n' }),
    row('4', 'other', { completion: 'shipping' }),
  ];
  const doubtful = await doubtfulOf(rows);
  expect(doubtful.map(({ id }) => id)).toEqual(['1', '2', '3']);
  expect(doubtful[0]?.reasons).toEqual(['the same prompt has another label elsewhere']);
  expect(await doubtfulOf(rows, { task: 'generation' })).toEqual([]);
});

test('labels that differ only in spelling do not contradict each other', async () => {
  const rows = [
    row('1', 'parcel'),
    row('2', 'parcel', { completion: 'Refund.' }),
    ...Array.from({ length: 20 }, (_, index) => row(`more-${index}`, `money back ${index}`)),
  ];
  expect(await doubtfulOf(rows)).toEqual([]);
});

test.each([
  ['a refusal', 'generation', "I'm sorry, but I can't help with that.", /^the model refused to answer/],
  ['an error of the API', 'generation', 'Error code: 429 - {"error": {}}', /^the answer is an error of the API/],
  ['more than a label', 'classification', 'The label is: refund', /^the answer says more than the label/],
] as const)(
  '%s makes a row doubtful, unless a person has given the answer',
  async (_name, task, completion, reason) => {
    const rows = [
      row('odd', 'parcel', { completion }),
      ...Array.from({ length: 20 }, (_, index) => row(`more-${index}`, `money back ${index}`)),
    ];
    const doubtful = await doubtfulOf(rows, { task });
    expect(doubtful.map(({ id, reasons }) => [id, reasons])).toEqual([['odd', [expect.stringMatching(reason)]]]);
    expect(await doubtfulOf(rows, { task, later: [given('odd', completion, 'person:ana')] })).toEqual([]);
  },
);

test('later answers count in contradictions, so that a correction ends them', async () => {
  const rows = [row('1', 'parcel'), row('2', 'parcel', { completion: 'shipping' })];
  expect(await doubtfulOf(rows, { later: [given('1', 'shipping', 'person:ana')] })).toEqual([]);
});

test('a teacher who contradicts production makes a row doubtful, a teacher who agrees does not', async () => {
  const rows = [row('1', 'a'), row('2', 'b')];
  const later = [given('1', 'shipping', 'model:teacher'), given('2', 'refund ', 'model:teacher')];
  expect((await doubtfulOf(rows, { later })).map(({ id, reasons, suggestion }) => [id, reasons, suggestion])).toEqual([
    ['1', ['the teacher has another answer'], 'shipping'],
  ]);
});

test('the answer of a person is final, before and after a teacher', async () => {
  const rows = [row('1', 'a', { quality: 0 }), row('2', 'b'), row('3', 'c', { actual: 'account', quality: 0 })];
  const later = [
    given('1', 'refund', 'person:ana'),
    given('2', 'shipping', 'model:teacher'),
    given('2', 'refund', 'person:ana'),
  ];
  expect(await doubtfulOf(rows, { later })).toEqual([]);
});

test('an id that the log has twice is shown once', async () => {
  const rows = [row('1', 'a', { completion: undefined }), row('1', 'a', { completion: undefined })];
  expect(await doubtfulOf(rows)).toHaveLength(1);
});

test('prompts that share no instructions are shown whole', async () => {
  const rows = ['x', 'y', 'z'].map((text, index) => ({
    ...row(`${index}`, text, { completion: undefined }),
    messages: [
      { role: 'system' as const, content: `of its own ${text}` },
      { role: 'user' as const, content: text },
    ],
  }));
  expect((await doubtfulOf(rows))[0]?.input).toBe('system: of its own x\n\nuser: x');
});
