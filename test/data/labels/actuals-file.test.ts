import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { ActualsFile, byModel, isByModel } from '../../../src/data/labels/actuals-file.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';

const folder = temporaryFolder();
let files = 0;
const newFile = () => {
  files += 1;
  return path.join(folder, `${files}.actuals.jsonl`);
};
const answer = (id: string, actual = 'refund') => ({
  id,
  actual,
  by: 'person:ana',
  timestamp: '2026-11-01T12:00:00.000Z',
});
const line = (id: string, actual = 'refund') =>
  `{"actual_for":"${id}","actual":"${actual}","by":"person:ana","timestamp":"2026-11-01T12:00:00.000Z"}\n`;

test('answers are appended, one JSON object a line, readable by their owner only', async () => {
  const file = newFile();
  const actuals = await ActualsFile.open(file);
  await actuals.append([answer('1')]);
  await actuals.append([]);
  await actuals.append([answer('2', 'shipping')]);
  expect(readFileSync(file, 'utf8')).toBe(line('1') + line('2', 'shipping'));
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('the latest answer of an id counts; ratings, other lines and broken ones are passed over', async () => {
  const file = newFile();
  writeFileSync(
    file,
    `\ufeff${line('1')}{"actual_for":"1","quality":0.2}\n{"messages":[]}\nbroken\n\n${line('1', 'shipping')}`,
  );
  const { answers } = await ActualsFile.open(file);
  expect([...answers]).toEqual([['1', { id: '1', actual: 'shipping', by: 'person:ana' }]]);
});

test('the rest of a line after a crash is replaced by the line when it is added again', async () => {
  const whole = Buffer.from(line('1') + line('ä'));
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const file = newFile();
    writeFileSync(file, whole.subarray(0, cut));
    const actuals = await ActualsFile.open(file);
    await actuals.append([answer('1'), answer('ä')].filter(({ id }) => !actuals.answers.has(id)));
    expect(readFileSync(file, 'utf8').trimEnd()).toBe(whole.toString('utf8').trimEnd());
  }
});

test('a foreign last line without a line feed stays unchanged', async () => {
  for (const last of [line('9').trimEnd(), '{"actual_for": "9", "actual', 'a note']) {
    const file = newFile();
    writeFileSync(file, line('1') + last);
    await (await ActualsFile.open(file)).append([answer('2')]);
    expect(readFileSync(file, 'utf8')).toBe(`${line('1')}${last}\n${line('2')}`);
  }
});

test('lines that other programs append between reading and adding are kept', async () => {
  const file = newFile();
  const actuals = await ActualsFile.open(file);
  appendFileSync(file, line('1'));
  await actuals.append([answer('2')]);
  expect(readFileSync(file, 'utf8')).toBe(line('1') + line('2'));
});

test('any id and answer are read back as they were added', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), async (id, actual) => {
      const file = newFile();
      await (await ActualsFile.open(file)).append([answer(id, actual)]);
      const { answers } = await ActualsFile.open(file);
      expect([...answers.values()]).toEqual([{ id, actual, by: 'person:ana' }]);
    }),
    { numRuns: 50 },
  );
});

test('a folder is refused with its key', async () => {
  await expect(ActualsFile.open(folder)).rejects.toMatchObject({
    code: 'PIPELINE_INVALID',
    message: expect.stringContaining('source.actuals'),
  });
});

test('the author of an answer shows whether it was a model', () => {
  expect(isByModel(byModel('gpt-4.1'))).toBe(true);
  expect(isByModel('person:model:x')).toBe(false);
  expect(isByModel(undefined)).toBe(false);
});
