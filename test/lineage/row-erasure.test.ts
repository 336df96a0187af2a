import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { forget } from '../../src/cli/forget.ts';
import type { Manifest } from '../../src/core/dataset/manifest.ts';
import { SIDES } from '../../src/core/dataset/side.ts';
import { TuneloopError } from '../../src/errors.ts';
import { blankLines } from '../../src/lineage/erase-lines.ts';
import { eraseRows, type RowErasureOptions } from '../../src/lineage/row-erasure.ts';
import type { RowPlaces } from '../../src/lineage/row-places.ts';
import { CompletionCache } from '../../src/stores/completion-cache.ts';
import { DatasetVersions } from '../../src/stores/dataset-versions.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { artifactsFolder, keptOutFile, runFolder } from '../../src/stores/home.ts';
import { sampleReport } from '../report/sample-report.ts';
import { temporaryHome } from '../setup/cli.ts';
import { DatasetBench } from '../setup/dataset-bench.ts';
import { readJson } from '../setup/read-artifact.ts';
import { shopRows } from '../setup/shop-log.ts';
import { inEnvironment, printedBy } from './printed.ts';

let bench: DatasetBench;
let outside: { home: string; remove: () => void };
beforeEach(() => {
  bench = new DatasetBench();
  outside = temporaryHome();
});
afterEach(() => {
  bench.remove();
  outside.remove();
});

const SECRET = 'the parcel of Mrs Featherstonehaugh from Ashby-de-la-Zouch';
const sourceOf = (file: string, more: object = {}) => ({ source: { type: 'jsonl', path: file, ...more } });
const secretRow = (changes: object = {}): object => {
  const [row] = shopRows(1);
  const [system] = (row as { messages: object[] }).messages;
  return { ...row, id: 'secret', messages: [system, { role: 'user', content: `Message: ${SECRET}` }], ...changes };
};
const command = <T>(options: object, id = 'secret'): Promise<T> =>
  inEnvironment({ TUNELOOP_HOME: bench.home }, async () =>
    JSON.parse(await printedBy(() => forget(id, { json: true, ...options }))),
  );
const erase = (id?: string) =>
  command<{ versions: string[]; erased: { kind: string }[] }>({ yes: true, server: false }, id);
const list = (id?: string) => command<RowPlaces>({}, id);
/** A log outside of the home folder. */
const ownLog = (rows: readonly object[]) => {
  const file = path.join(outside.home, 'calls.jsonl');
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
};
/** Files of the home folder that hold a text, unpacked. */
function filesWith(text: string, home = bench.home): string[] {
  const entries = readdirSync(home, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => {
      const bytes = readFileSync(file);
      return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).includes(text);
    });
}
const latest = async () => {
  const version = await new DatasetVersions(bench.home).latest('shop');
  if (!version) throw new Error('no version');
  return { version, manifest: await readJson<Manifest>(bench.artifacts, version.manifest) };
};
const sidesOf = async ({ examples }: Manifest) => {
  const sides = new Map<string, string>();
  for (const side of SIDES) {
    for await (const row of bench.artifacts.rows(examples[side])) sides.set(JSON.parse(row).id, side);
  }
  return sides;
};
const options = (more: Partial<RowErasureOptions> = {}): RowErasureOptions => ({
  trainerUrl: 'http://127.0.0.1:1/v1',
  onFile: () => {},
  onStep: () => {},
  openWork: async () => [],
  atProvider: false,
  connect: () => {
    throw new TuneloopError('ENVIRONMENT_INVALID', 'there is no key');
  },
  ...more,
});

test('an erased row is in no byte of the home folder, and a second erasure finds nothing', async () => {
  const log = bench.log('calls.jsonl', [...shopRows(80), secretRow()]);
  const packed = bench.log('old.jsonl.gz', gzipSync(`${JSON.stringify(secretRow())}\n`));
  const actuals = bench.log('answers.jsonl', [{ actual_for: 'secret', actual: 'refund' }]);
  await bench.build({ name: 'packed', ...sourceOf(path.join(path.dirname(packed), '*.jsonl*')) });
  await bench.build(sourceOf(log, { actuals }));
  bench.log('calls.jsonl', [...shopRows(80), secretRow(), ...shopRows(100).slice(80)]);
  await bench.build(sourceOf(log, { actuals }));
  expect(filesWith(SECRET).length).toBeGreaterThan(6);

  await erase();
  expect(filesWith(SECRET)).toEqual([]);
  expect(filesWith('"secret"')).toEqual([]);
  expect((await list()).places).toEqual([]);
  expect((await erase()).erased).toEqual([]);
});

test('the next version has all other rows on their sides, and takes the row from no log again', async () => {
  const rows = [...shopRows(120), secretRow()];
  const log = ownLog(rows);
  const { manifest: before } = await bench.build(sourceOf(log));
  const { versions } = await erase();
  expect(versions).toEqual(['shop@2']);
  expect(readFileSync(log, 'utf8')).toContain(SECRET);

  const without = await latest();
  const expected = await sidesOf(before);
  expected.delete('secret');
  expect(await sidesOf(without.manifest)).toEqual(expected);
  expect(without.manifest.source.rows).toBe(120);
  expect(without.manifest.counts).toEqual({
    train: without.manifest.examples.train.rows,
    validation: without.manifest.examples.validation.rows,
    test: without.manifest.examples.test.rows,
  });

  // Another first line: the whole log is read anew.
  ownLog([...shopRows(121).slice(120), ...rows]);
  const { manifest: anew } = await bench.build(sourceOf(log));
  const sides = await sidesOf(anew);
  expect(sides.has('secret')).toBe(false);
  for (const [id, side] of expected) expect([id, sides.get(id)]).toEqual([id, side]);
  expect(anew.verdicts.find(({ verdict }) => verdict === 'erased')).toMatchObject({ rows: 1 });
  expect(filesWith(SECRET)).toEqual([]);
});

test('a log in the home from which a row was blanked is not read anew', async () => {
  const log = bench.log('calls.jsonl', [...shopRows(80), secretRow(), ...shopRows(90).slice(80)]);
  await bench.build(sourceOf(log));
  await erase();
  expect(readFileSync(log, 'utf8').split('\n')).toHaveLength(92);
  const { snapshot, rows } = await bench.collect(sourceOf(log));
  expect(snapshot).toMatchObject({ rows: 90, newRows: 0 });
  expect(rows).toHaveLength(90);
});

test('an erasure that ends at any step continues when it is started again', async () => {
  const log = ownLog([...shopRows(80), secretRow()]);
  await bench.build(sourceOf(log));
  ownLog([...shopRows(80), secretRow(), ...shopRows(100).slice(80)]);
  await bench.build(sourceOf(log));
  let stoppedAt = 0;
  for (let isStopped = true; isStopped; ) {
    stoppedAt += 1;
    const copy = path.join(outside.home, `home-${stoppedAt}`);
    cpSync(bench.home, copy, { recursive: true });
    const home = { home: copy, artifacts: new FileStore(artifactsFolder(copy)) };
    let steps = 0;
    const onStep = () => {
      steps += 1;
      if (steps === stoppedAt) throw new Error('stopped');
    };
    isStopped = await eraseRows(home, { id: 'secret' }, options({ onStep })).then(
      () => false,
      (error: Error) => error.message === 'stopped',
    );
    await eraseRows(home, { id: 'secret' }, options());
    expect([stoppedAt, filesWith(SECRET, copy)]).toEqual([stoppedAt, []]);
    expect(await new DatasetVersions(copy).latest('shop')).toMatchObject({ number: 3 });
  }
  expect(stoppedAt).toBeGreaterThan(8);
});

test('a reader of an erased training file is told of the erasure, and old examples come without the row', async () => {
  const { dataset, manifest } = await bench.build(sourceOf(bench.log('calls.jsonl', [...shopRows(80), secretRow()])));
  const side = (await sidesOf(manifest)).get('secret') ?? 'train';
  await erase();
  const file = manifest.files[0]?.[side === 'validation' ? 'validation' : 'train'];
  if (!file) throw new Error('no file');
  const read = bench.artifacts.file(file);
  if (side === 'test') await expect(read).resolves.toBeDefined();
  else
    await expect(read).rejects.toMatchObject({ code: 'ARTIFACT_ERASED', message: expect.stringContaining('new run') });
  const sides = await sidesOf(manifest);
  expect(sides.size).toBe(dataset.summary.train + dataset.summary.validation + dataset.summary.test - 1);
});

test('a row with the same input keeps its side and its key', async () => {
  const twin = secretRow({ id: 'twin' });
  const log = ownLog([...shopRows(80), secretRow(), twin]);
  const { manifest } = await bench.build({ ...sourceOf(log), clean: { duplicates: 'keep' } });
  const before = (await sidesOf(manifest)).get('twin');
  await erase();
  const { manifest: after } = await latest();
  expect(after.ledger.sha256).toBe(manifest.ledger.sha256);
  expect(after.keys.rows).toBe(manifest.keys.rows - 1);
  expect((await sidesOf(after)).get('twin')).toBe(before);
});

test('a row without an id of its own is left out as long as its line has the same content', async () => {
  const { id: _, ...row } = secretRow() as { id: string };
  const log = ownLog([...shopRows(60), row]);
  await bench.build(sourceOf(log));
  await erase('calls.jsonl:61');
  expect(filesWith(SECRET)).toEqual([]);
  const other = JSON.parse(JSON.stringify(row).replace(SECRET, 'quite another matter of mine'));
  ownLog([...shopRows(60), other, ...shopRows(62).slice(60)]);
  const { rows } = await bench.collect(sourceOf(log));
  expect(rows.map(({ id }) => id)).toContain('calls.jsonl:61');
});

test('a row of a test file does not come back from it', async () => {
  const judging = path.join(outside.home, 'test.jsonl');
  const lines = [
    { id: 'secret', input: SECRET, label: 'refund' },
    { id: 'other', input: 'a quite plain matter', label: 'refund' },
  ];
  writeFileSync(judging, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const log = ownLog(shopRows(80));
  const pipeline = { ...sourceOf(log), split: { test: { file: judging } } };
  await bench.build(pipeline);
  await erase();
  ownLog(shopRows(90));
  const { dataset } = await bench.build(pipeline);
  expect((await bench.examples(dataset, 'test')).map(({ id }) => id)).toEqual(['other']);
  expect(filesWith(SECRET)).toEqual([]);
});

test('reports, scores, labellings, predictions and orphans of a cut-off run are freed of the row', async () => {
  const { dataset } = await bench.build(sourceOf(ownLog([...shopRows(80), secretRow()])));
  const folder = runFolder(bench.home, 'shop/run-1');
  mkdirSync(path.join(folder, 'scratch', '1'), { recursive: true });
  writeFileSync(path.join(folder, 'scratch', '1', 'examples.jsonl'), SECRET);
  const flip = (id: string, input: string) => ({ id, input, expected: 'x', winner: 'x', baseline: 'y', difference: 1 });
  const flips = { gained: [flip('secret', SECRET), flip('row-1', 'a plain matter')], lost: [] };
  const report = sampleReport({ runId: 'shop/run-1', pipeline: 'shop', dataset: dataset.summary, flips });
  writeFileSync(path.join(folder, 'report.json'), JSON.stringify(report));
  for (const name of ['report.html', 'report.md']) writeFileSync(path.join(folder, name), SECRET);
  const score = (id: string) => `${JSON.stringify({ id, winner: 1, baseline: 0 })}\n`;
  writeFileSync(path.join(folder, 'scores.jsonl'), score('secret') + score('row-1'));
  const keptOut = keptOutFile(bench.home, 'label/shop');
  mkdirSync(path.dirname(keptOut), { recursive: true });
  writeFileSync(keptOut, `${JSON.stringify({ actual_for: 'secret', actual: SECRET })}\n`);
  await bench.artifacts.write([JSON.stringify({ index: 0, id: 'secret', answer: SECRET, score: 1 })]);
  await bench.artifacts.write([JSON.stringify({ messages: [{ role: 'user', content: `Message: ${SECRET}` }] })]);

  await erase();
  expect(filesWith(SECRET)).toEqual([]);
  expect(existsSync(path.join(folder, 'scratch'))).toBe(false);
  expect(readFileSync(path.join(folder, 'scores.jsonl'), 'utf8')).toBe(score('row-1'));
  for (const name of ['report.html', 'report.json']) {
    expect(readFileSync(path.join(folder, name), 'utf8')).toContain('a plain matter');
  }
});

interface Answer {
  text: string;
}
const isAnswer = (value: unknown): value is Answer => typeof value === 'object' && value !== null && 'text' in value;

test('a blanked answer of the cache is asked for again, and the others are found', async () => {
  const of = { address: 'http://127.0.0.1:1/v1', model: 'm' };
  const keys = ['a', 'b', 'c'].map((letter) => letter.repeat(43));
  const cache = await CompletionCache.open<Answer>(bench.home, of, 'one', () => {}, isAnswer);
  for (const key of keys) cache.add(key, { text: `${SECRET} ${key}` });
  await cache.written();
  const [file = ''] = filesWith(SECRET);
  await blankLines(file, new Map([[2, 1]]));
  const reopened = await CompletionCache.open<Answer>(bench.home, of, 'two', () => {}, isAnswer);
  const found = await Promise.all(keys.map((key) => reopened.find(key)));
  expect(found.map((each) => each !== undefined)).toEqual([true, false, true]);
  await cache.close();
  await reopened.close();
});

test('a line is blanked whatever its length, and the bytes of the other lines stay', async () => {
  const file = bench.log('long.jsonl', ['first', `{"id":"secret",${'é'.repeat(9000)}`, 'third', 'last'].join('\n'));
  const before = readFileSync(file);
  await blankLines(file, new Map([[2, 1]]));
  const after = readFileSync(file);
  expect(after.length).toBe(before.length);
  const lines = after.toString().split('\n');
  expect(lines.map((line) => line.trim())).toEqual(['first', '', 'third', 'last']);
});

test('a record of a CSV log that has line breaks is blanked as a whole', async () => {
  const records = shopRows(60).map((row) => {
    const { id, completion, messages } = row as { id: string; completion: string; messages: { content: string }[] };
    return `${id},"Sort: \n${messages[1]?.content}",${completion}`;
  });
  const secret = `secret,"Sort: \nMessage: ${SECRET}\n, ""again""",refund`;
  const log = bench.log('table.csv', ['id,prompt,completion', ...records, secret, ''].join('\n'));
  await bench.build({ source: { type: 'csv', path: log } });
  await erase();
  expect(filesWith(SECRET)).toEqual([]);
  expect((await bench.collect({ source: { type: 'csv', path: log } })).snapshot.rows).toBe(60);
});

test('nothing is erased while a run of the pipeline is open, and runs of other pipelines do not hinder it', async () => {
  await bench.build(sourceOf(bench.log('calls.jsonl', [...shopRows(80), secretRow()])));
  const before = filesWith(SECRET);
  const home = { home: bench.home, artifacts: bench.artifacts };
  const open = (pipeline: string) => options({ openWork: async () => [{ id: `${pipeline}/run-9`, pipeline }] });
  await expect(eraseRows(home, { id: 'secret' }, open('shop'))).rejects.toMatchObject({
    code: 'ERASURE_BLOCKED',
    message: expect.stringContaining('shop/run-9'),
  });
  expect(filesWith(SECRET)).toEqual(before);
  await eraseRows(home, { id: 'secret' }, open('other'));
  expect(filesWith(SECRET)).toEqual([]);
});

test('a file that the provider does not delete stays on the list until it does', async () => {
  await bench.build(sourceOf(bench.log('calls.jsonl', [...shopRows(80), secretRow({ actual: 'refund' })])));
  const home = { home: bench.home, artifacts: bench.artifacts };
  const first = await eraseRows(home, { id: 'secret' }, options({ atProvider: true }));
  const { atProvider } = await list();
  expect(first.deleted).toEqual([]);
  const deleted: string[] = [];
  const connect: RowErasureOptions['connect'] = () => ({
    findFile: async (name) => (deleted.includes(name) ? undefined : name),
    deleteFile: async (id) => {
      deleted.push(id);
    },
    deleteModel: async () => {},
  });
  await eraseRows(home, { id: 'secret' }, options({ atProvider: true, connect }));
  expect(deleted.sort()).toEqual(atProvider.map(({ name }) => name).sort());
  expect((await list()).atProvider).toEqual([]);
});
