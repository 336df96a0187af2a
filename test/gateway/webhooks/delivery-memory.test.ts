import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { DeliveryMemory } from '../../../src/gateway/webhooks/delivery-memory.ts';
import { temporaryHome } from '../../setup/cli.ts';

const HOUR = 60 * 60 * 1000;
const NOW = Date.UTC(2026, 10, 23);
const { home: folder, remove } = temporaryHome();
const file = path.join(folder, 'deliveries.txt');
const at = (time: number) => jest.spyOn(Date, 'now').mockReturnValue(time);

beforeEach(() => {
  rmSync(file, { force: true });
  at(NOW);
});
afterEach(() => jest.restoreAllMocks());
afterAll(remove);

test('a delivery is remembered, and no other one', async () => {
  const memory = await DeliveryMemory.open(folder);
  await memory.add('wh_1');
  expect([memory.has('wh_1'), memory.has('wh_2')]).toEqual([true, false]);
});

test('a restart forgets nothing for 72 hours, and then all', async () => {
  await (await DeliveryMemory.open(folder)).add('wh_1');
  at(NOW + 72 * HOUR - 1);
  expect((await DeliveryMemory.open(folder)).has('wh_1')).toBe(true);
  at(NOW + 72 * HOUR);
  expect((await DeliveryMemory.open(folder)).has('wh_1')).toBe(false);
  expect(readFileSync(file, 'utf8')).toBe('');
});

test('a process that runs for long forgets after 72 hours too', async () => {
  const memory = await DeliveryMemory.open(folder);
  await memory.add('wh_1');
  at(NOW + 72 * HOUR);
  expect(memory.has('wh_1')).toBe(false);
});

test('a line that was cut short anywhere loses itself alone', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(30), async (cut) => {
      rmSync(file, { force: true });
      const memory = await DeliveryMemory.open(folder);
      await memory.add('wh_before');
      const before = readFileSync(file);
      await memory.add('wh_torn');
      writeFileSync(file, readFileSync(file).subarray(0, before.length + cut));
      await (await DeliveryMemory.open(folder)).add('wh_after');
      const later = await DeliveryMemory.open(folder);
      expect([later.has('wh_before'), later.has('wh_after')]).toEqual([true, true]);
    }),
    { numRuns: 40 },
  );
});

test('a line that was cut short while the process runs does not swallow the next one', async () => {
  const memory = await DeliveryMemory.open(folder);
  await memory.add('wh_1');
  appendFileSync(file, `\n${NOW} wh_to`);
  await memory.add('wh_2');
  const later = await DeliveryMemory.open(folder);
  expect([later.has('wh_1'), later.has('wh_2')]).toEqual([true, true]);
});

test('a foreign line is left out', async () => {
  writeFileSync(file, `${NOW} wh_1\n\u0000\u0000\n${NOW} \nx wh_2\n${NOW} wh 3\n${'9'.repeat(99)} wh_4\n`);
  const memory = await DeliveryMemory.open(folder);
  expect(['wh_1', 'wh_2', 'wh', 'wh_4'].map((id) => memory.has(id))).toEqual([true, false, false, false]);
});

test('the file does not grow without end', async () => {
  const memory = await DeliveryMemory.open(folder);
  for (let day = 0; day < 12; day += 1) {
    at(NOW + day * 24 * HOUR);
    for (let count = 0; count < 200; count += 1) await memory.add(`wh_${day}_${count}`);
  }
  // 3 days are known, and at most 1,000 lines more are there.
  expect(readFileSync(file, 'utf8').split('\n').filter(Boolean).length).toBeLessThanOrEqual(600 + 1000 + 1);
  expect(memory.has('wh_11_199')).toBe(true);
  expect((await DeliveryMemory.open(folder)).has('wh_11_0')).toBe(true);
});

test('the file is readable by its owner only', async () => {
  await (await DeliveryMemory.open(folder)).add('wh_1');
  expect(statSync(file).mode & 0o777).toBe(0o600);
});
