import fc from 'fast-check';
import { TREATMENTS } from '../../src/dataset/instructions/template.ts';
import { planCandidates } from '../../src/sweep/plan.ts';

type Grid = Parameters<typeof planCandidates>[0];

const treatment = 'strip';

const oneOrMore = <T>(value: fc.Arbitrary<T>) => fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 4 }));
const grid: fc.Arbitrary<Grid> = fc.record(
  {
    models: fc.array(fc.constantFrom('local-mini', 'local-base', 'gpt-4o-mini-2024-07-18', 'meta-llama/Llama-3.1-8B'), {
      minLength: 1,
      maxLength: 4,
    }),
    learning_rate_multiplier: oneOrMore(fc.double({ min: 1e-9, max: 100, noNaN: true })),
    epochs: oneOrMore(fc.integer({ min: 1, max: 50 })),
    batch_size: oneOrMore(fc.integer({ min: 1, max: 256 })),
    treatment: oneOrMore(fc.constantFrom(...TREATMENTS)),
  },
  { requiredKeys: ['models', 'learning_rate_multiplier', 'epochs', 'treatment'] },
);
const sizeOf = (value: unknown) => (Array.isArray(value) ? new Set(value).size : 1);

test('every combination becomes one candidate, in the order they are written down', () => {
  const plan = planCandidates({ models: ['a', 'b'], learning_rate_multiplier: [0.5, 2], epochs: 3, treatment });
  expect(plan).toEqual([
    { id: 'a-lr0.5-e3', baseModel: 'a', hyperparameters: { learningRateMultiplier: 0.5, epochs: 3 }, treatment },
    { id: 'a-lr2-e3', baseModel: 'a', hyperparameters: { learningRateMultiplier: 2, epochs: 3 }, treatment },
    { id: 'b-lr0.5-e3', baseModel: 'b', hyperparameters: { learningRateMultiplier: 0.5, epochs: 3 }, treatment },
    { id: 'b-lr2-e3', baseModel: 'b', hyperparameters: { learningRateMultiplier: 2, epochs: 3 }, treatment },
  ]);
});

test('a batch size is part of the candidate and its id only where one is given', () => {
  const [given] = planCandidates({
    models: ['a'],
    learning_rate_multiplier: 1,
    epochs: 1,
    batch_size: [8, 16],
    treatment,
  });
  expect(given).toMatchObject({ id: 'a-lr1-e1-b8', hyperparameters: { batchSize: 8 } });
  const [left] = planCandidates({ models: ['a'], learning_rate_multiplier: 1, epochs: 1, treatment });
  expect(left?.hyperparameters).not.toHaveProperty('batchSize');
});

test('a treatment other than strip is part of the candidate and of its id', () => {
  const plan = planCandidates({ models: ['a'], learning_rate_multiplier: 1, epochs: 1, treatment: [...TREATMENTS] });
  expect(plan.map(({ id }) => id)).toEqual(['a-lr1-e1', 'a-lr1-e1-keep-instructions', 'a-lr1-e1-drop-few-shots']);
});

test('repeated values count once', () => {
  const repeated = {
    models: ['a', 'a'],
    learning_rate_multiplier: [1, 1, 1],
    epochs: [2, 2],
    batch_size: [8, 8],
    treatment: [treatment, treatment],
  } satisfies Grid;
  expect(planCandidates(repeated)).toHaveLength(1);
});

test('the number of candidates is the product of the distinct values', () => {
  fc.assert(
    fc.property(grid, (values) => {
      const { models, learning_rate_multiplier, epochs, batch_size, treatment } = values;
      const product = [models, learning_rate_multiplier, epochs, batch_size, treatment]
        .map(sizeOf)
        .reduce((a, b) => a * b);
      expect(planCandidates(values)).toHaveLength(product);
    }),
  );
});

test('ids are unique within a run', () => {
  fc.assert(
    fc.property(grid, (values) => {
      const ids = planCandidates(values).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});

test('models whose names differ only in signs that ids cannot hold have different ids', () => {
  const ids = planCandidates({
    models: ['org/model', 'org:model'],
    learning_rate_multiplier: 1,
    epochs: 1,
    treatment,
  }).map(({ id }) => id);
  expect(new Set(ids).size).toBe(2);
});

test('ids hold no sign that separates parts of a workflow id', () => {
  const names = fc.array(
    fc.string({ unit: fc.constantFrom('a', '/', ':', ' ', 'é', '\u{1f600}', '\n'), minLength: 1 }),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(names, (models) => {
      for (const { id } of planCandidates({ models, learning_rate_multiplier: 1, epochs: 1, treatment })) {
        expect(id).toMatch(/^[\w.-]+$/);
      }
    }),
  );
});

test('the same grid gives the same plan', () => {
  fc.assert(fc.property(grid, (values) => expect(planCandidates(values)).toEqual(planCandidates(values))));
});
