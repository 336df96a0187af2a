import { describeProviders, providerNamed } from '../../src/client/providers.ts';
import { readPrices } from '../../src/config/prices.ts';
import { PROFILE_NAMES } from '../../src/core/run/pipeline.ts';

const ALL = describeProviders(readPrices(undefined));
const modelOf = (provider: string, name: string) => {
  const model = providerNamed(ALL, provider).models.find((one) => one.name === name);
  if (!model) throw new Error(`${provider} has no ${name}`);
  return model;
};

test('every provider that a pipeline can name is described, and the generic one at the end', () => {
  expect(ALL.map(({ name }) => name)).toEqual([...PROFILE_NAMES, 'generic']);
});

test('a price that no source gives is unknown, and one that is not charged is absent', () => {
  // Nobody says what tokens cost at Azure; its developer deployments have no price by the hour.
  expect(modelOf('azure', 'gpt-4.1-mini')).toMatchObject({ trainingPer1M: null, servingPerHour: 0, tuned: 'unknown' });
  // Together charges hours and no tokens.
  expect(modelOf('together', 'gpt-oss-20b')).toMatchObject({
    trainingPer1M: 1.5,
    minimumPerJob: 4,
    servingPerHour: 3.99,
    tuned: null,
    base: null,
  });
  expect(modelOf('crusoe', 'gpt-oss-120b').base).toEqual({ input: 0.05, cached: 0.05, output: 0.2 });
});

test('what a value of an option changes is described once, however many values have this effect', () => {
  const [azure, ...others] = providerNamed(ALL, 'azure').variants;
  expect(others).toEqual([]);
  expect(azure).toMatchObject({
    option: 'deployment_sku',
    values: ['globalstandard', 'standard'],
    lease: { paidByHour: true },
  });
  expect(azure?.models[0]).toMatchObject({ servingPerHour: 1.7 });
});

test('the end of a provider is told', () => {
  const closing = ALL.filter(({ closes }) => closes !== null).map(({ name, closes }) => [name, closes]);
  expect(closing).toEqual([['openai', '2027-01-06']]);
});

test('a provider without a catalogue shows the models of the price file', () => {
  expect(providerNamed(ALL, 'openai').models.map(({ name }) => name)).toContain('gpt-4.1-mini');
});

test('a provider that nobody knows is refused with the names of those that there are', () => {
  expect(() => providerNamed(ALL, 'nobody')).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('local, openai, azure') }),
  );
});
