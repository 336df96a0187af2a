import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { readPrices } from '../../src/config/prices.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
const own = {
  date: '2027-01-31',
  source: 'our contract',
  local: { machine_usd_per_hour: 0 },
  models: { ours: { training: 1, tuned: { input: 2, output: 3 }, base: { input: 4, output: 5 } } },
};

function priceFile(content: unknown): string {
  const file = path.join(folder, 'prices.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

test('the prices of the package can be read and are dated', () => {
  const prices = readPrices(undefined);
  expect(prices.date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  expect(prices.models['gpt-4.1-mini']).toMatchObject({ training: expect.any(Number) });
});

test('a price file replaces all of them', () => {
  expect(readPrices(priceFile(own))).toEqual(own);
});

test('prices of cached input are optional, for tuned models and for others', () => {
  const { training } = own.models.ours;
  const models = {
    ours: { training, tuned: { input: 2, cached: 1, output: 3 }, base: { input: 4, cached: 2, output: 5 } },
  };
  expect(readPrices(priceFile({ ...own, models })).models).toEqual(models);
});

test.each<[string, unknown, string]>([
  ['is not JSON', '{ "date": ', 'SyntaxError'],
  ['is no object', [], 'expected object'],
  ['has a price under zero', { ...own, local: { machine_usd_per_hour: -1 } }, 'local.machine_usd_per_hour'],
  [
    'has a price that is no number',
    { ...own, models: { m: { ...own.models.ours, training: '1' } } },
    'models.m.training',
  ],
  [
    'has a price of cached input that is no number',
    { ...own, models: { m: { ...own.models.ours, base: { input: 4, cached: null, output: 5 } } } },
    'models.m.base.cached',
  ],
  ['lacks a price', { ...own, models: { m: { training: 1, tuned: { input: 2, output: 3 } } } }, 'models.m.base'],
  ['has an unknown key', { ...own, currency: 'EUR' }, 'currency'],
  ['has a date that is none', { ...own, date: 'today' }, 'date'],
])('a price file that %s is refused by its name and the fault', (_fault, content, reason) => {
  const file = priceFile(content);
  expect(() => readPrices(file)).toThrow(
    expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(reason) }),
  );
  expect(() => readPrices(file)).toThrow(`TUNELOOP_PRICES names ${file}, which cannot be used`);
});

test('a missing price file is refused by its name', () => {
  const file = path.join(folder, 'missing.json');
  expect(() => readPrices(file)).toThrow(
    expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(file) }),
  );
});
