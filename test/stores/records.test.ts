import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FileRecords } from '../../src/stores/records.ts';
import { describeRecordStore } from '../../src/testing/records.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = temporaryFolder();
const newFolder = () => path.join(mkdtempSync(path.join(root, 'records-')), 'records');

describeRecordStore('files', () => new FileRecords(newFolder()));

test('record files and their folder are readable by their owner only', async () => {
  const folder = newFolder();
  await new FileRecords(folder).append('support', 1, 'text');
  expect(statSync(path.join(folder, 'support', '000001.json')).mode & 0o777).toBe(0o600);
  expect(statSync(path.join(folder, 'support')).mode & 0o777).toBe(0o700);
});

test('an append leaves nothing but the record, whether it wrote or not', async () => {
  const folder = newFolder();
  const records = new FileRecords(folder);
  await records.append('support', 1, 'first');
  await records.append('support', 1, 'second');
  expect(readdirSync(path.join(folder, 'support'))).toEqual(['000001.json']);
});

test('drafts, copies and other files are not records', async () => {
  const folder = newFolder();
  const records = new FileRecords(folder);
  await records.append('support', 1, 'text');
  for (const name of [
    '000002.json.writing-9-x',
    '2.json',
    '0000002.json',
    '000002.json~',
    '.000002.json',
    'canary.json',
  ])
    writeFileSync(path.join(folder, 'support', name), 'text');
  writeFileSync(path.join(folder, 'notes'), 'text');
  mkdirSync(path.join(folder, 'empty'));
  expect(await records.numbers('support')).toEqual([1]);
  expect(await records.names()).toEqual(['empty', 'support']);
});
