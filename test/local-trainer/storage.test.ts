import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JobStore } from '../../packages/local-trainer/src/jobs/jobs.ts';
import { RecordWriter, readJsonLines } from '../../packages/local-trainer/src/stores/storage.ts';
import { temporaryFolder } from './sample-data.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

test('the last of many writes to one record stays, readable by its owner only', async () => {
  const writer = new RecordWriter();
  const path = join(folder.dir, 'record.json');
  await Promise.all(Array.from({ length: 20 }, (_, number) => writer.write(path, { number })));
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ number: 19 });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('lines that are cut short or of another form are left out, and the next line does not join a cut one', () => {
  const path = join(folder.dir, 'lines.jsonl');
  const isNumber = (value: unknown): value is number => typeof value === 'number';
  writeFileSync(path, '1\n"two"\n3\n{"cut');
  expect(readJsonLines(path, isNumber)).toEqual([1, 3]);
  appendFileSync(path, '4\n');
  expect(readJsonLines(path, isNumber)).toEqual([1, 3, 4]);
});

test.each(['{"sequence":1,"job":{"id":"ftjob-a"}}', '[]', 'no JSON'])(
  'the record of a job that reads %s is an error that names the file',
  async (text) => {
    const path = join(folder.dir, 'ftjob-a.json');
    writeFileSync(path, text);
    await expect(JobStore.open(folder.dir)).rejects.toMatchObject({
      code: 'STORED_FORMAT',
      message: expect.stringContaining(path),
    });
  },
);
