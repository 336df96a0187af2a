import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RecordWriter } from '../../packages/local-trainer/src/storage.ts';
import { temporaryFolder } from './sample-data.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

test('of many writes to one record the last one stays, readable by its owner only', async () => {
  const writer = new RecordWriter();
  const path = join(folder.dir, 'record.json');
  await Promise.all(Array.from({ length: 20 }, (_, number) => writer.write(path, { number })));
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ number: 19 });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
