import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { readPrices } from '../../src/config/prices.ts';
import { leasePerHour, priceOrigin, trainingTariffOf } from '../../src/core/evaluation/cost.ts';
import type { ProviderProfile } from '../../src/providers/profile.ts';
import { PROFILES, profileOf } from '../../src/providers/profiles/index.ts';
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

/** Base models whose training has no price in any source that we know. */
const UNKNOWN_TRAINING = new Set([
  'azure gpt-4.1',
  'azure gpt-4.1-mini',
  'azure gpt-4.1-nano',
  'azure gpt-oss-20b',
  'azure qwen3-32b',
  'azure llama-3.3-70b-instruct',
  'azure ministral-3b',
  'fireworks gpt-oss-120b',
  'together llama-3.3-70b-instruct',
  'together gpt-oss-120b',
]);

test('every base model of a catalogue has a price of training, or is unknown on purpose', () => {
  const prices = readPrices(undefined);
  const unknown = Object.values<ProviderProfile>(PROFILES).flatMap(({ name, models, billing }) =>
    models
      .filter((model) => trainingTariffOf(prices, billing, model.name).kind === 'unknown')
      .map((model) => `${name} ${model.name}`),
  );
  expect(new Set(unknown)).toEqual(UNKNOWN_TRAINING);
});

test('every price list of the package is dated, names its source, and belongs to a provider', () => {
  const { lists = {} } = readPrices(undefined);
  const named = Object.values<ProviderProfile>(PROFILES).flatMap(({ billing, options }) => [
    ...(billing.charges === 'tokens' && billing.priceList !== null ? [billing.priceList] : []),
    ...Object.values(options).flatMap(({ changes = {} }) => Object.values(changes).flatMap((by) => by.priceList ?? [])),
  ]);
  expect(new Set(Object.keys(lists))).toEqual(new Set(named));
  for (const { date, source } of Object.values(lists)) {
    expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(source).not.toBe('');
  }
});

test('a price list has rows for models of the catalogue alone', () => {
  const { lists = {} } = readPrices(undefined);
  for (const { name, models, billing } of Object.values<ProviderProfile>(PROFILES)) {
    if (billing.charges !== 'tokens' || billing.priceList === null) continue;
    const known = models.map((model) => model.name);
    const rows = Object.keys(lists[billing.priceList]?.models ?? {});
    expect({ name, strangers: rows.filter((model) => !known.includes(model)) }).toEqual({ name, strangers: [] });
  }
});

test('an option of a provider may choose another price list', () => {
  const prices = readPrices(undefined);
  const crusoe = (serving: string) => profileOf({ profile: 'crusoe', options: { project: 'p', serving } }).billing;
  expect(leasePerHour(prices, crusoe('lora'), 'llama-3.1-8b-instruct')).toBeNull();
  expect(leasePerHour(prices, crusoe('deployment'), 'llama-3.1-8b-instruct')).toBe(5.5);
  expect(priceOrigin(prices, crusoe('deployment'))?.source).toMatch(/crusoe/);
});

test('a list may leave out the price of training, and say that the price of tokens is not known', () => {
  const models = { ours: { serving_per_hour: 2, tuned: null, base: null } };
  const lists = { ours: { date: '2027-01-31', source: 'our contract', models } };
  expect(readPrices(priceFile({ ...own, lists })).lists).toEqual(lists);
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
