import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { artifactStates } from '../../src/lineage/artifact-states.ts';
import { writeErasureMark } from '../../src/stores/erased-artifacts.ts';
import { answerKey, ErasedRows, idKey, readErasure, rowKey, writeErasure } from '../../src/stores/erased-rows.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { artifactFile, artifactsFolder, erasedRowsFolder } from '../../src/stores/home.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = temporaryFolder();
let homes = 0;
let home: string;
beforeEach(() => {
  homes += 1;
  home = path.join(root, `home-${homes}`);
});

const erasure = (keys: string[]) => ({ keys, erasedAt: '2026-11-30T10:00:00.000Z', logs: [], atProvider: [] });
const row = (id: string, content: string) => ({ id, line: 7, file: 'a.jsonl', messages: [{ role: 'user', content }] });

test('a row with an id of its own is recognized by it, whatever its content', async () => {
  await writeErasure(home, 'ticket-1', erasure([idKey('ticket-1'), answerKey('ticket-1')]));
  const erased = await ErasedRows.read(home);
  expect(erased.has(row('ticket-1', 'changed'))).toBe(true);
  expect(erased.has(row('ticket-2', 'changed'))).toBe(false);
  expect([erased.hasAnswersOf('ticket-1'), erased.hasAnswersOf('ticket-2')]).toEqual([true, false]);
});

test('a row that is named by its line is recognized by its content', async () => {
  const gone = row('a.jsonl:7', 'gone');
  await writeErasure(home, gone.id, erasure([idKey(gone.id), rowKey(gone)]));
  const erased = await ErasedRows.read(home);
  expect(erased.has(gone)).toBe(true);
  expect(erased.has(row('a.jsonl:7', 'another'))).toBe(false);
});

test('a home folder without erased rows leaves out nothing', async () => {
  const erased = await ErasedRows.read(home);
  expect([erased.has(row('ticket-1', 'x')), erased.hasAnswersOf('ticket-1')]).toEqual([false, false]);
  expect(await readErasure(home, 'ticket-1')).toBeNull();
});

test('a record holds no id, and one that cannot be read is an error', async () => {
  await writeErasure(home, 'ticket-1', erasure([idKey('ticket-1')]));
  const [name = ''] = readdirSync(erasedRowsFolder(home));
  const file = path.join(erasedRowsFolder(home), name);
  expect(name + readFileSync(file, 'utf8')).not.toContain('ticket-1');
  writeFileSync(file, '{"format":1,"keys":["x"]}');
  await expect(ErasedRows.read(home)).rejects.toMatchObject({
    code: 'ARTIFACT_CORRUPT',
    message: expect.stringContaining(file),
  });
});

test('an erased artifact is read as its successor, or its reader is told of the erasure', async () => {
  const artifacts = new FileStore(artifactsFolder(home));
  const erasedAt = '2026-11-30T10:00:00.000Z';
  const [gone, replaced] = [await artifacts.write(['a', 'secret']), await artifacts.write(['b', 'secret'])];
  const successor = await artifacts.write(['b']);
  const states = () => artifactStates(home, artifacts, [gone, replaced], { verify: true, onRead: () => {} });
  await writeErasureMark(artifactFile(home, gone.sha256), { erasedAt, successor: null });
  await writeErasureMark(artifactFile(home, replaced.sha256), { erasedAt, successor });
  // A mark alone changes nothing: the erasure was interrupted before it had removed anything.
  expect(await Array.fromAsync(artifacts.rows(gone))).toEqual(['a', 'secret']);
  for (const { sha256 } of [gone, replaced]) rmSync(artifactFile(home, sha256));
  expect(await Array.fromAsync(artifacts.rows(replaced))).toEqual(['b']);
  await expect(artifacts.file(gone)).rejects.toMatchObject({
    code: 'ARTIFACT_ERASED',
    message: expect.stringMatching(/2026-11-30.*start a new run/),
  });
  expect([...(await states()).values()]).toEqual(['erased', 'erased']);
});
