import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { cli, lastJson, temporaryHome } from '../setup/cli.ts';
import { writePipeline } from '../setup/shop-log.ts';

const { home, remove } = temporaryHome();
afterAll(remove);

let folders = 0;
let folder = '';
let pipeline = '';

const row = (id: string, text: string, changes: object = {}) => ({
  id,
  messages: [
    { role: 'system', content: 'Name the topic of the message: refund, shipping or account.' },
    { role: 'user', content: `Message: ${text}` },
  ],
  completion: 'refund',
  ...changes,
});
const ROWS = [
  ...['money back', 'charged twice', 'credit my card', 'return the item'].map((text, index) =>
    row(`good-${index}`, text),
  ),
  row('open', 'where is my parcel', { completion: undefined }),
  row('formula', '=HYPERLINK("http://a.example","click")', { completion: undefined }),
  row('rated', 'late delivery', { quality: 0.1 }),
  row('one', 'tracking number', { completion: 'shipping' }),
  row('two', 'tracking number', { completion: 'refund' }),
];

beforeEach(() => {
  folders += 1;
  folder = path.join(home, `${folders}`);
  pipeline = writePipeline(folder, ROWS);
});

const label = (...args: string[]) => cli(home, ['label', pipeline, ...args]);
const sheet = () => path.join(folder, 'doubtful.csv');
const actuals = () =>
  readFileSync(path.join(folder, 'shop.actuals.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const cells = () => parse(readFileSync(sheet()), { bom: true, columns: true }) as Record<string, string>[];
/** As a person fills it in, in a spreadsheet that has semicolons for commas. */
const fillIn = (answers: Record<string, string>) => {
  const quote = (cell = '') => `"${cell.replaceAll('"', '""')}"`;
  const lines = cells().map((each) =>
    ['id', 'note', 'actual']
      .map((column) => quote(column === 'actual' ? answers[each.id ?? ''] : each[column]))
      .join(';'),
  );
  const file = path.join(folder, 'corrected.csv');
  writeFileSync(file, `\ufeffid;note;actual\r\n${lines.join('\r\n')}\r\n`);
  return file;
};

test('the rows that a person should look at are exported, with reasons, and inputs without instructions', async () => {
  const ended = await label('--export', sheet(), '--json');
  expect(ended.code).toBe(0);
  expect(lastJson(ended)).toEqual({ file: sheet(), rows: 5, of: 9 });
  expect(cells().map(({ id, reason, input, completion, actual }) => [id, reason, input, completion, actual])).toEqual([
    ['open', 'no answer', 'where is my parcel', '', ''],
    ['formula', 'no answer', `'=HYPERLINK("http://a.example","click")`, '', ''],
    ['rated', 'rated below 0.5', 'late delivery', 'refund', ''],
    ['one', 'the same prompt has another label elsewhere', 'tracking number', 'shipping', ''],
    ['two', 'the same prompt has another label elsewhere', 'tracking number', 'refund', ''],
  ]);
  expect(readFileSync(sheet()).subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
  expect(statSync(sheet()).mode & 0o777).toBe(0o600);
  // Neither half a sheet nor a copy of the log stays.
  expect(readdirSync(folder).toSorted()).toEqual(['doubtful.csv', 'log.jsonl', 'pipeline.json']);
  expect(readdirSync(home).filter((name) => name.startsWith('labelling-'))).toEqual([]);
});

test('an existing sheet is left alone, unless --force is given', async () => {
  writeFileSync(sheet(), 'work of a day');
  const refused = await label('--export', sheet(), '--json');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/^USAGE: .*doubtful\.csv exists already: .* --force/m);
  expect(readFileSync(sheet(), 'utf8')).toBe('work of a day');
  expect((await label('--export', sheet(), '--force')).code).toBe(0);
  expect(cells()).toHaveLength(5);
});

test('the answers of people are imported with their authors, and these rows are in order from then on', async () => {
  await label('--export', sheet());
  const corrected = fillIn({ open: ' shipping ', formula: 'refund', two: 'shipping' });
  const ended = await label('--import', corrected, '--by', 'ana', '--json');
  expect(ended.code).toBe(0);
  expect(lastJson(ended)).toMatchObject({ added: 3, unchanged: 0, conflicting: 0, newLabels: [] });
  expect(actuals()).toEqual(
    ['open', 'formula', 'two'].map((id) => ({
      actual_for: id,
      actual: id === 'formula' ? 'refund' : 'shipping',
      by: 'person:ana',
      timestamp: expect.any(String),
    })),
  );
  expect(lastJson(await label('--import', corrected, '--by', 'ana', '--json'))).toMatchObject({
    added: 0,
    unchanged: 3,
  });
  expect(actuals()).toHaveLength(3);
});

test('a sheet with a label that the log does not have is refused, and --accept takes it', async () => {
  await label('--export', sheet());
  const file = fillIn({ open: '02. Jan' });
  const refused = await label('--import', file);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/line 2.*dates.*--accept.*Nothing was imported/s);
  expect((await label('--import', file, '--accept')).code).toBe(0);
  expect(actuals().map(({ actual }) => actual)).toEqual(['02. Jan']);
});

test('--undo takes the latest import back, and no more', async () => {
  await label('--export', sheet());
  await label('--import', fillIn({ open: 'shipping' }), '--by', 'ana');
  await label('--import', fillIn({ open: 'refund', one: 'shipping' }), '--by', 'ben');
  expect(lastJson(await label('--undo', '--json'))).toMatchObject({ removed: 2, by: 'person:ben' });
  expect(actuals().map(({ actual }) => actual)).toEqual(['shipping']);
});

test('an answer that replaces another one is counted, and so are labels that the log does not have', async () => {
  await label('--export', sheet());
  await label('--import', fillIn({ open: 'shipping', one: 'shipping' }));
  const ended = await label(
    '--import',
    fillIn({ open: 'shiping', one: 'shipping' }),
    '--by',
    'ben',
    '--accept',
    '--json',
  );
  expect(lastJson(ended)).toMatchObject({ added: 1, unchanged: 0, conflicting: 1, newLabels: [2] });
  expect(actuals().map(({ actual_for, actual, by }) => [actual_for, actual, by])).toEqual([
    ['open', 'shipping', `person:${userInfo().username}`],
    ['one', 'shipping', `person:${userInfo().username}`],
    ['open', 'shiping', 'person:ben'],
    ['one', 'shipping', 'person:ben'],
  ]);
});

test('an id that the log does not have refuses the whole sheet, with its lines', async () => {
  const file = path.join(folder, 'corrected.csv');
  writeFileSync(file, 'id,actual\nopen,shipping\n1.23E+15,refund\nnone,\nother,refund\n');
  const ended = await label('--import', file, '--json');
  expect(ended.code).toBe(2);
  expect(ended.stderr).toMatch(
    /^USAGE: .*corrected\.csv: the log has no row with the id of line 3, 5: .*Nothing was imported/m,
  );
  expect(readdirSync(folder)).not.toContain('shop.actuals.jsonl');
});

test('a sheet that gives one row two answers is refused with both lines', async () => {
  const file = path.join(folder, 'corrected.csv');
  writeFileSync(file, 'id,actual\nopen,shipping\none,refund\nopen,refund\n');
  const ended = await label('--import', file);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toMatch(/corrected\.csv:4: gives the row of line 2 another answer/);
});

test.each([
  [['--export', 'a.csv', '--import', 'b.csv'], /USAGE: --export and --import are two steps/],
  [['--import', 'none.csv'], /USAGE: none\.csv cannot be read \(ENOENT\)/],
  [['--export', '/nowhere/at/all.csv'], /USAGE: \/nowhere\/at\/all\.csv cannot be written \(ENOENT\)/],
  [[], /PIPELINE_INVALID: .*pipeline\.json: labelling\.model is missing: name the model/],
])('%j is refused with advice', async (args, message) => {
  const ended = await label(...args);
  expect(ended.stderr).toMatch(message);
  expect(ended.code).toBe(2);
});

test('answers need one plain file to be added to', async () => {
  pipeline = writePipeline(folder, ROWS, { source: { type: 'jsonl', path: 'log.jsonl', actuals: 'answers/*.jsonl' } });
  const ended = await label('--export', sheet());
  expect(ended.code).toBe(2);
  expect(ended.stderr).toMatch(
    /source\.actuals is .*answers\/\*\.jsonl, and answers can be added to one plain file only/,
  );
});

test('source.actuals names the file of the answers, which need not exist yet', async () => {
  const source = { type: 'jsonl', path: 'log.jsonl', actuals: 'answers/ours.jsonl', filter: { min_quality: 0.9 } };
  pipeline = writePipeline(folder, ROWS, { source });
  await label('--export', sheet());
  const ended = await label('--import', fillIn({ open: 'shipping' }), '--json');
  expect(lastJson(ended)).toMatchObject({ added: 1, file: path.join(folder, 'answers', 'ours.jsonl') });
  await label('--export', sheet(), '--force');
  expect(cells().map(({ id }) => id)).toEqual(['formula', 'rated', 'one', 'two']);
});

test('a log without doubtful rows gives a sheet with a first line only', async () => {
  pipeline = writePipeline(folder, ROWS.slice(0, 4));
  const { stdout, code } = await label('--export', sheet());
  expect(code).toBe(0);
  expect(stdout).toMatch(/^4 rows, and none of them is doubtful/);
  expect(readFileSync(sheet(), 'utf8').trim().split('\n')).toHaveLength(1);
});
