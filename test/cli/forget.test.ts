import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import fc from 'fast-check';
import { pino } from 'pino';
import { createHalveFile } from '../../src/activities/halve-file.ts';
import { forget } from '../../src/cli/forget.ts';
import { readPrices } from '../../src/config/prices.ts';
import { newDeployment } from '../../src/core/deployment/deployment.ts';
import type { Dataset } from '../../src/core/run/dataset.ts';
import { SHEET_HEAD, sheetLine } from '../../src/data/labels/sheet.ts';
import { answersFile, keptOutFile } from '../../src/data/labels/teacher-files.ts';
import { rowLines } from '../../src/lineage/row-lines.ts';
import type { PlaceKind, RowPlace, RowPlaces } from '../../src/lineage/row-places.ts';
import { freePort } from '../../src/local/ports.ts';
import { writeAlias } from '../../src/stores/aliases.ts';
import { CompletionCache, questionKey } from '../../src/stores/completion-cache.ts';
import { duringPlan } from '../../src/stores/plans-in-progress.ts';
import { runFolder } from '../../src/stores/run-folder.ts';
import { inEnvironment, printedBy } from '../lineage/printed.ts';
import { sampleReport } from '../report/sample-report.ts';
import { DatasetBench } from '../setup/dataset-bench.ts';
import { shopRows } from '../setup/shop-log.ts';

let bench: DatasetBench;
beforeEach(() => {
  bench = new DatasetBench();
});
afterEach(() => bench.remove());

const printed = (id: string | undefined, options: { json?: boolean; input?: string } = {}) =>
  inEnvironment({ TUNELOOP_HOME: bench.home }, () => printedBy(() => forget(id, options)));
const found = async (id: string | undefined, input?: string): Promise<RowPlaces> =>
  JSON.parse(await printed(id, { json: true, ...(input === undefined ? {} : { input }) }));

const placesOf = ({ places }: RowPlaces, kind: PlaceKind) => places.filter((place) => place.kind === kind);
const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n');
/** The text at a place. */
const textsAt = ({ file, lines }: RowPlace) => lines.map((line) => linesOf(file)[line - 1] ?? '');
const sourceOf = (file: string, more: object = {}) => ({ source: { type: 'jsonl', path: file, ...more } });
const artifactFile = (sha256: string) => path.join(bench.home, 'artifacts', sha256.slice(0, 2), sha256);

function rowWith(changes: object, text = 'Where is my parcel, order 77, it was sent last Friday'): object {
  const [row] = shopRows(1);
  const [system] = (row as { messages: object[] }).messages;
  return { ...row, messages: [system, { role: 'user', content: `Message: ${text}` }], ...changes };
}

/** All bytes of the home folder. */
function fingerprint(): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(bench.home, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    hash.update(file);
    if (entry.isFile()) hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** A report of a run on a dataset, with a whole and a half candidate. */
function addReport(runId: string, { summary }: Dataset, flips: string[] = []): void {
  const [candidate] = sampleReport().candidates;
  if (!candidate) throw new Error('no candidate');
  const made = (id: string, half: boolean) => ({
    ...candidate,
    id,
    model: `ft:${id}`,
    jobId: `ftjob-${id}`,
    half,
    checkpoints: [],
  });
  const flip = { input: 'x', expected: 'x', winner: 'x', baseline: 'x', difference: 1 };
  const folder = runFolder(bench.home, runId);
  mkdirSync(folder, { recursive: true });
  const report = sampleReport({
    runId,
    pipeline: 'shop',
    dataset: summary,
    candidates: [made('whole', false), made('half', true)],
    flips: { gained: [], lost: flips.map((id) => ({ ...flip, id })) },
  });
  writeFileSync(path.join(folder, 'report.json'), JSON.stringify(report));
  writeFileSync(path.join(folder, 'report.html'), '<html>');
  writeFileSync(path.join(folder, 'report.md'), '# Report');
}

test('a row is found in the log, the snapshot, and both versions that hold it, with the lines of the training files', async () => {
  const rows = shopRows(90);
  const log = bench.log('calls.jsonl', rows.slice(0, 70));
  const first = await bench.build(sourceOf(log));
  bench.log('calls.jsonl', rows);
  const second = await bench.build(sourceOf(log));
  const trained = (await bench.examples(second.dataset, 'train')).at(-1);
  const before = await bench.examples(first.dataset, 'train');
  const old = before.at(-1);
  if (!trained || !old) throw new Error('no example');

  const all = await found(old.id);
  expect(placesOf(all, 'log')).toMatchObject([{ file: log, lines: [old.line], count: 1 }]);
  expect(placesOf(all, 'snapshot').map(({ of }) => of)).toEqual([['shop@1 segment', 'shop@2 segment']]);
  expect(placesOf(all, 'examples').map(({ of }) => of)).toEqual(
    expect.arrayContaining([['shop@1 train'], ['shop@2 train']]),
  );
  const files = placesOf(all, 'training-file');
  expect(files).toHaveLength(2);
  for (const place of files) expect(textsAt(place)).toEqual([expect.stringContaining(JSON.stringify(old.input))]);
  expect(placesOf(all, 'key')).toHaveLength(4);

  const inSecond = await found(trained.id);
  const version = before.some(({ id }) => id === trained.id) ? 2 : 1;
  expect(placesOf(inSecond, 'training-file')).toHaveLength(version);
});

test('a row that was left out still lies in the snapshot, and in no file that models get', async () => {
  const rows = [...shopRows(60), rowWith({ id: 'empty', completion: '   ', actual: undefined })];
  await bench.build(sourceOf(bench.log('calls.jsonl', rows)));
  const all = await found('empty');
  expect(all.places.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['log', 'snapshot']));
  expect(all.places.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining(['examples']));
  expect(placesOf(all, 'training-file')).toEqual([]);
  expect(all.models).toEqual([]);
});

test('ids may hold any characters, and neither metadata nor texts are taken for ids', async () => {
  const id = 'a "quoted" \\ id\n{"id":"row-1"}\u2028 ü 😀';
  const rows = [
    ...shopRows(60),
    rowWith({ id }),
    rowWith({ id: 'other', metadata: { id } }, `the id is ${id} and {"id":"${id}"} with other words around it`),
  ];
  const log = bench.log('calls.jsonl', rows);
  const actuals = bench.log('answers.jsonl', [
    { actual_for: id, actual: 'refund' },
    { actual_for: 'other', actual: 'refund' },
  ]);
  await bench.build(sourceOf(log, { actuals }));
  const all = await found(id);
  expect(placesOf(all, 'log')).toMatchObject([{ lines: [61], count: 1 }]);
  expect(placesOf(all, 'later-answers')).toMatchObject([{ file: actuals, lines: [1], count: 1 }]);
  expect(placesOf(all, 'snapshot')).toMatchObject([{ lines: [61], count: 1 }]);
  expect(placesOf(all, 'snapshot-answers')).toMatchObject([{ lines: [1], count: 1 }]);
  expect(placesOf(all, 'examples')).toMatchObject([{ count: 1 }]);
});

test('the lines of any id are found again as they were written', async () => {
  const file = path.join(bench.home, 'rows');
  const text = fc.string({ unit: 'grapheme' });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 8 }), async (rows) => {
      const lines = rows.map(([id, input]) =>
        JSON.stringify({ line: 1, file: input, id, input, metadata: { id: input } }),
      );
      const others = rows.map(([id]) => JSON.stringify({ metadata: { id } }));
      writeFileSync(file, `${[...lines, ...others].join('\n')}\n{"id":"unfinished`);
      for (const [id] of rows) {
        const expected = rows.flatMap(([other], index) => (other === id ? [index + 1] : []));
        const read = await Array.fromAsync(rowLines(file, new Set([id])));
        expect(read.map(({ line }) => line)).toEqual(expected);
      }
    }),
  );
});

test('rows are found by an input that is written like theirs', async () => {
  const rows = [...shopRows(60), rowWith({ id: 'a' }), rowWith({ id: 'b', completion: '  ', actual: undefined })];
  await bench.build(sourceOf(bench.log('calls.jsonl', rows)));
  const all = await found(undefined, ' WHERE is my   parcel, order 77, it was sent last friday ');
  expect(all.ids).toEqual(['a', 'b']);
  expect(placesOf(all, 'log')).toMatchObject([{ lines: [61, 62], count: 2 }]);
  expect((await found(undefined, 'nobody wrote this')).places).toEqual([]);
});

test('after the rows are gone, the hash of the input still shows that it was there', async () => {
  const log = bench.log('calls.jsonl', [...shopRows(60), rowWith({ id: 'a' })]);
  const { manifest } = await bench.build(sourceOf(log));
  bench.log('calls.jsonl', shopRows(60));
  for (const { sha256 } of [manifest.examples.train, manifest.examples.validation, manifest.examples.test]) {
    rmSync(artifactFile(sha256));
  }
  const snapshot = (await found('a')).places.find(({ kind }) => kind === 'snapshot');
  rmSync(snapshot?.file ?? '');
  const all = await found(undefined, 'where is my parcel, order 77, it was sent last friday');
  expect(all.ids).toEqual([]);
  expect(all.places.map(({ kind }) => kind)).toEqual(['key', 'key']);
  expect(all.notes.filter((note) => note.includes('so their rows are unknown'))).toHaveLength(3);
});

test('models that were trained on it are named, and those that are deployed are marked', async () => {
  const { dataset, manifest } = await bench.build(sourceOf(bench.log('calls.jsonl', shopRows(120))));
  addReport('shop/run-1', dataset);
  const [files] = manifest.files;
  if (!files) throw new Error('no training file');
  const halve = createHalveFile({
    artifacts: bench.artifacts,
    home: bench.home,
    prices: readPrices(undefined),
    connectProvider: () => {
      throw new Error('half a file needs no provider');
    },
    temporal: new Client({ connection: Connection.lazy() }),
    monthlyBudgetUsd: null,
    log: pino({ level: 'silent' }),
  });
  const half = await halve({ file: files.train });
  const template = { versions: [] };
  const served = { treatment: 'strip' as const, template, labels: null, shutdownDate: null };
  await writeAlias(bench.home, {
    format: 1,
    pipeline: 'shop',
    task: 'classification',
    decision: 1,
    writtenAt: '2026-11-23T10:00:00.000Z',
    provider: 'local',
    champion: { model: 'ft:whole', ...served },
    canary: { model: 'ft:half', share: 0.1, ...served },
    original: { model: null, template },
    jsonSchema: null,
    maxOutputTokens: null,
    state: newDeployment('shop'),
  });

  const train = await bench.examples(dataset, 'train');
  const halfLines = linesOf(artifactFile(half.sha256));
  const inHalf = (input: string) => halfLines.some((line) => line.includes(JSON.stringify(input)));
  const [both] = train.filter(({ input }) => inHalf(input));
  const [wholeOnly] = train.filter(({ input }) => !inHalf(input));
  const [validation] = await bench.examples(dataset, 'validation');
  const [judging] = await bench.examples(dataset, 'test');
  const all = await found(both?.id);
  expect(all.models).toMatchObject([
    { model: 'ft:whole', use: 'trained', jobId: 'ftjob-whole', serves: [{ deployment: 'shop', as: 'champion' }] },
    { model: 'ft:half', use: 'trained', serves: [{ deployment: 'shop', as: 'canary' }] },
  ]);
  const [halfPlace] = placesOf(all, 'training-file').filter(({ file }) => file === artifactFile(half.sha256));
  expect(halfPlace && textsAt(halfPlace)).toEqual([expect.stringContaining(JSON.stringify(both?.input))]);
  expect((await found(wholeOnly?.id)).models.map(({ model }) => model)).toEqual(['ft:whole']);
  expect((await found(validation?.id)).models.map(({ use }) => use)).toEqual(['validated', 'validated']);
  expect((await found(judging?.id)).models).toEqual([]);
  expect(await printed(both?.id)).toContain('ft:whole, CHAMPION of shop: trained on it');
});

test('predictions, scores, flips of reports and cached answers are found', async () => {
  const { dataset, manifest } = await bench.build(sourceOf(bench.log('calls.jsonl', shopRows(120))));
  const [row, other] = await bench.examples(dataset, 'test');
  if (!row || !other) throw new Error('no test row');
  addReport('shop/run-1', dataset, [row.id]);
  const scores = path.join(runFolder(bench.home, 'shop/run-1'), 'scores.jsonl');
  writeFileSync(scores, [other, row].map(({ id }) => `${JSON.stringify({ id, winner: 1, baseline: 0 })}\n`).join(''));
  const prediction = { index: 0, id: row.id, answer: 'refund', score: 1 };
  const { sha256 } = await bench.artifacts.write([JSON.stringify(prediction)]);
  const address = 'http://127.0.0.1:8484/v1';
  const cache = await CompletionCache.open<unknown>(
    bench.home,
    { address, model: 'ft:whole' },
    'evaluation',
    () => {},
    (value): value is unknown => value !== undefined,
  );
  const ask = (content: string) =>
    questionKey({
      address,
      model: 'ft:whole',
      messages: [{ role: 'user', content }],
      maxOutputTokens: null,
      temperature: 0,
    });
  cache.add(ask(other.input), { text: 'a' });
  cache.add(ask(row.input), { text: 'b' });
  await cache.written();
  await cache.close();

  const all = await found(row.id);
  expect(placesOf(all, 'prediction')).toMatchObject([{ file: artifactFile(sha256), lines: [1] }]);
  expect(placesOf(all, 'scores')).toMatchObject([{ file: scores, lines: [2] }]);
  expect(placesOf(all, 'report').map(({ file }) => path.basename(file))).toEqual([
    'report.html',
    'report.json',
    'report.md',
  ]);
  expect(placesOf(all, 'cached-answer')).toMatchObject([{ lines: [2], count: 1 }]);
  expect(placesOf(await found(other.id), 'report')).toEqual([]);
  expect(manifest.examples.test.rows).toBeGreaterThan(1);
});

test('labelling files and sheets beside the log are found, whatever spreadsheets make of the id', async () => {
  const id = '=row;"1"';
  const log = bench.log('calls.jsonl', [...shopRows(60), rowWith({ id })]);
  await bench.build(sourceOf(log));
  const answers = answersFile(bench.home, 'label/shop', 'gpt-4.1');
  const keptOut = keptOutFile(bench.home, 'label/shop');
  mkdirSync(path.dirname(answers), { recursive: true });
  writeFileSync(answers, `${JSON.stringify({ id, text: 'refund', cut: false, timestamp: 'now' })}\n`);
  writeFileSync(
    keptOut,
    `{"actual_for":"x","actual":"a"}\n${JSON.stringify({ actual_for: id, actual: 'a', by: 'b' })}\n`,
  );
  const cells = { reason: 'two\nlines', input: id, completion: '', suggestion: '', actual: '', note: '' };
  const sheet = bench.log('doubtful.csv', SHEET_HEAD + sheetLine({ id: 'y', ...cells }) + sheetLine({ id, ...cells }));
  bench.log('unrelated.csv', `id,reason\n${sheetLine({ id, ...cells })}`);

  const broken = bench.log('broken.csv', `${SHEET_HEAD}"secret"words,`);

  const all = await found(id);
  const notes = all.notes.join('\n');
  expect(notes).toContain(`the sheet ${broken} was not searched to its end`);
  expect(notes).not.toMatch(/secret|words/);
  expect(placesOf(all, 'labelling').map(({ file, lines }) => [file, lines])).toEqual([
    [answers, [1]],
    [keptOut, [2]],
  ]);
  const [place, ...others] = placesOf(all, 'sheet');
  expect(others).toEqual([]);
  expect(place).toMatchObject({ file: sheet, count: 1 });
  expect(place && textsAt(place)).toEqual([expect.stringContaining('row')]);
});

test('logs in CSV and packed logs are searched, and a missing log is reported', async () => {
  const packed = bench.log(
    'packed.jsonl.gz',
    gzipSync(
      shopRows(60)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    ),
  );
  await bench.build({ name: 'packed', ...sourceOf(packed) });
  const records = shopRows(60).map((row) => {
    const { id, completion, messages } = row as { id: string; completion: string; messages: { content: string }[] };
    return [id, `"Sort: \n${messages[1]?.content}"`, completion].join(',');
  });
  const table = bench.log('table.csv', ['id,prompt,completion', ...records].join('\n'));
  await bench.build({ name: 'table', source: { type: 'csv', path: table } });
  expect(placesOf(await found('row-2'), 'log').map(({ file, lines }) => [file, lines])).toEqual([
    [packed, [3]],
    [table, [6]],
  ]);
  rmSync(table);
  const { notes, places } = await found('row-2');
  expect(notes.join('\n')).toContain(`${table}: there is no such file`);
  expect(places.length).toBeGreaterThan(1);
});

test('missing and damaged files are named, and the others are searched', async () => {
  const { dataset, manifest } = await bench.build(sourceOf(bench.log('calls.jsonl', shopRows(90))));
  const [row] = await bench.examples(dataset, 'train');
  addReport('shop/broken', dataset);
  writeFileSync(path.join(runFolder(bench.home, 'shop/broken'), 'report.json'), '{');
  const [files] = manifest.files;
  rmSync(artifactFile(files?.train.sha256 ?? ''));
  rmSync(artifactFile(manifest.examples.test.sha256));
  // In the middle of a line.
  truncateSync(artifactFile(manifest.keys.sha256), 7);
  const scratch = path.join(runFolder(bench.home, 'shop/run-2'), 'scratch', '1');
  mkdirSync(scratch, { recursive: true });
  writeFileSync(path.join(scratch, 'rows'), 'x');

  const all = await found(row?.id);
  expect(placesOf(all, 'log')).toHaveLength(1);
  expect(placesOf(all, 'examples')).toHaveLength(1);
  const notes = all.notes.join('\n');
  expect(notes).toContain('report.json cannot be read');
  expect(notes).toContain(`train-${files?.train.sha256}.jsonl of shop@1 is missing here`);
  expect(notes).toContain('the test examples of shop@1');
  expect(notes).toContain(`${path.dirname(scratch)} is left of an interrupted run`);

  rmSync(artifactFile(dataset.manifest.sha256));
  const less = await found(row?.id);
  expect(less.notes.join('\n')).toContain('shop@1 cannot be read');
  expect(less.places.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['log', 'snapshot', 'examples']));
});

test('a search deletes and changes nothing, and prints no row', async () => {
  const { dataset } = await bench.build(sourceOf(bench.log('calls.jsonl', shopRows(90))));
  addReport('shop/run-1', dataset);
  const [row] = await bench.examples(dataset, 'train');
  const before = fingerprint();
  const text = await printed(row?.id);
  const json = await printed(row?.id, { json: true });
  expect(fingerprint()).toBe(before);
  expect(text).toContain('Nothing was deleted.');
  expect(text).toContain('Effect of --yes');
  for (const output of [text, json]) expect(output).not.toContain(row?.input);
});

test('an id without any place is found nowhere, also without a home folder', async () => {
  await bench.build(sourceOf(bench.log('calls.jsonl', shopRows(60))));
  expect(await printed('nobody')).toContain('Nothing here holds row "nobody".');
  rmSync(bench.home, { recursive: true });
  expect((await found('nobody')).places).toEqual([]);
});

test('forget takes either an id or an input', async () => {
  for (const [id, input] of [
    [undefined, undefined],
    ['a', 'b'],
    ['', undefined],
    [undefined, '  '],
  ] as const) {
    await expect(found(id, input)).rejects.toMatchObject({ code: 'USAGE' });
  }
});

test('a deletion at the provider needs --yes', async () => {
  const command = inEnvironment({ TUNELOOP_HOME: bench.home }, () => forget('row-1', { atProvider: true }));
  await expect(command).rejects.toMatchObject({ code: 'USAGE' });
});

test('without a Temporal server nothing is erased, unless the command says that none is needed', async () => {
  await bench.build(sourceOf(bench.log('calls.jsonl', shopRows(60))));
  const before = fingerprint();
  const variables = { TUNELOOP_HOME: bench.home, TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` };
  const command = inEnvironment(variables, () => forget('row-1', { yes: true, json: true }));
  await expect(command).rejects.toMatchObject({
    code: 'ERASURE_BLOCKED',
    message: expect.stringContaining('--no-server'),
  });
  expect(fingerprint()).toBe(before);
  const text = await inEnvironment(variables, () => printedBy(() => forget('row-1', { yes: true, server: false })));
  expect(text).toContain('Erased row "row-1" from');
  expect(text).toContain('shop@2');
  expect(await printed('row-1')).toContain('Nothing here holds row "row-1".');
});

test('nothing is erased while a plan of a pipeline with the row is made on this machine', async () => {
  await bench.build(sourceOf(bench.log('calls.jsonl', shopRows(60))));
  const id = 'plan/shop-20261123-081530-042';
  const variables = { TUNELOOP_HOME: bench.home };
  const erase = () => inEnvironment(variables, () => printedBy(() => forget('row-1', { yes: true, server: false })));
  const refused = expect.objectContaining({ code: 'ERASURE_BLOCKED', message: expect.stringContaining(id) });
  await duringPlan(bench.home, id, () => expect(erase()).rejects.toEqual(refused));
  expect(await erase()).toContain('Erased row "row-1" from');
});

test('items left at the provider make the exit code 3, and are named', async () => {
  await bench.build(sourceOf(bench.log('calls.jsonl', shopRows(60))));
  const variables = { TUNELOOP_HOME: bench.home, TUNELOOP_TRAINER_URL: `http://127.0.0.1:${await freePort()}/v1` };
  const { places } = await found('row-1');
  expect(places.map(({ kind }) => kind)).toContain('training-file');
  const output = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const code = await inEnvironment(variables, () =>
    forget('row-1', { yes: true, atProvider: true, server: false }),
  ).finally(() => output.mockRestore());
  expect(code).toBe(3);
  expect((await found('row-1')).atProvider.length).toBeGreaterThan(0);
});
