import fc from 'fast-check';
import { TREATMENTS } from '../../../packages/app/src/prompt/prompt-template.ts';
import { type Candidate, type Combination, planCandidates } from '../../../src/core/run/plan.ts';

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

const jobs = fc.integer({ min: 1, max: 30 });
const seed = fc.nat();
const winner = (baseModel: string, learningRateMultiplier: number, changes: object = {}): Combination => ({
  baseModel,
  hyperparameters: { learningRateMultiplier, epochs: 3, ...changes },
  treatment,
});
const SWEEP = {
  models: ['a', 'b', 'c'],
  learning_rate_multiplier: [0.5, 1, 2],
  epochs: 3,
  batch_size: [8, 16],
  treatment,
} satisfies Grid;
const count = <T>(values: readonly T[]) => [...Map.groupBy(values, (value) => value).values()].map((own) => own.length);
const rateOf = ({ hyperparameters }: Candidate) => hyperparameters.learningRateMultiplier;

test('the same lists, jobs and seed give the same plan', () => {
  fc.assert(
    fc.property(grid, jobs, seed, (values, jobs, seed) => {
      const plan = () => planCandidates({ ...values, jobs }, { seed });
      expect(plan()).toEqual(plan());
    }),
  );
});

test('a plan with jobs has that number of candidates, all different and all of the lists, or every combination', () => {
  fc.assert(
    fc.property(grid, jobs, seed, (values, jobs, seed) => {
      const all = new Map(planCandidates(values).map((candidate) => [candidate.id, candidate]));
      const chosen = planCandidates({ ...values, jobs }, { seed });
      expect(new Set(chosen.map(({ id }) => id)).size).toBe(Math.min(jobs, all.size));
      for (const candidate of chosen) expect(candidate).toEqual(all.get(candidate.id));
    }),
  );
});

test('a choice has the same number of candidates of each model, or one more', () => {
  fc.assert(
    fc.property(grid, jobs, seed, (values, jobs, seed) => {
      const models = new Set(values.models);
      const counts = count(planCandidates({ ...values, jobs }, { seed }).map(({ baseModel }) => baseModel));
      expect(counts.length).toBe(Math.min(jobs, models.size));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
  );
});

test('nine jobs of three models and three learning rates with two batch sizes try each rate of each model', () => {
  fc.assert(
    fc.property(seed, (seed) => {
      const chosen = planCandidates({ ...SWEEP, jobs: 9 }, { seed });
      for (const model of SWEEP.models) {
        const own = chosen.filter(({ baseModel }) => baseModel === model);
        expect(own.map(rateOf).toSorted()).toEqual([0.5, 1, 2]);
        expect(count(own.map(({ hyperparameters }) => hyperparameters.batchSize)).length).toBe(2);
      }
    }),
  );
});

test('another seed makes another choice', () => {
  const plans = [1, 2, 3].map((seed) => JSON.stringify(planCandidates({ ...SWEEP, jobs: 6 }, { seed })));
  expect(new Set(plans).size).toBeGreaterThan(1);
});

test('past winners come first, newest first, whatever else the lists hold, and take places of the jobs', () => {
  const pastWinners = [winner('b', 0.7), winner('a', 2, { epochs: 9, batchSize: 4 })];
  const plan = planCandidates({ ...SWEEP, jobs: 9 }, { pastWinners });
  expect(plan.slice(0, 2)).toEqual([
    { id: 'b-lr0.7-e3', ...pastWinners[0], pastWinner: true },
    { id: 'a-lr2-e9-b4', ...pastWinners[1], pastWinner: true },
  ]);
  expect(plan).toHaveLength(9);
  expect(count(plan.map(({ baseModel }) => baseModel))).toEqual([3, 3, 3]);
  expect(plan.filter(({ pastWinner }) => pastWinner)).toHaveLength(2);
});

test('a past winner that is in the lists is tried once', () => {
  const plan = planCandidates(SWEEP, { pastWinners: [winner('c', 2, { batchSize: 8 })] });
  expect(plan[0]?.id).toBe('c-lr2-e3-b8');
  expect(plan.map(({ id }) => id).toSorted()).toEqual(
    planCandidates(SWEEP)
      .map(({ id }) => id)
      .toSorted(),
  );
});

test('at most three past winners are tried, each once', () => {
  const pastWinners = [0.1, 0.1, 0.2, 0.3, 0.4].map((rate) => winner('a', rate));
  const plan = planCandidates({ ...SWEEP, jobs: 9 }, { pastWinners });
  expect(plan.filter(({ pastWinner }) => pastWinner).map(rateOf)).toEqual([0.1, 0.2, 0.3]);
});

test('past winners are at most as many as the jobs', () => {
  const pastWinners = [winner('a', 0.1), winner('b', 0.2)];
  expect(planCandidates({ ...SWEEP, jobs: 1 }, { pastWinners }).map(rateOf)).toEqual([0.1]);
});

test('a past winner whose model or treatment is no longer listed is forgotten', () => {
  const pastWinners = [winner('gone', 0.1), { ...winner('a', 0.1), treatment: 'keep-instructions' }];
  expect(planCandidates(SWEEP, { pastWinners })).toEqual(planCandidates(SWEEP));
});

test('a plan with past winners is no larger than the lists make it, and has no two equal candidates', () => {
  const past = fc.array(
    fc.record({
      baseModel: fc.constantFrom('local-mini', 'local-base'),
      hyperparameters: fc.record({ learningRateMultiplier: fc.constantFrom(0.5, 1), epochs: fc.constantFrom(1, 4) }),
      treatment: fc.constantFrom<string>(...TREATMENTS),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(grid, fc.option(jobs, { nil: undefined }), past, (values, jobs, pastWinners) => {
      const lists = { ...values, jobs };
      const ids = planCandidates(lists, { pastWinners }).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      // Beyond the lists only where jobs allows it.
      expect(ids.length).toBeLessThanOrEqual(jobs ?? planCandidates(values).length);
      expect(ids.length).toBeGreaterThanOrEqual(planCandidates(lists).length);
    }),
  );
});

test('a tiny dataset gets three candidates, unless jobs says otherwise', () => {
  expect(planCandidates(SWEEP, { examples: 99 }).map(({ baseModel }) => baseModel)).toEqual(['a', 'b', 'c']);
  expect(planCandidates({ ...SWEEP, jobs: 5 }, { examples: 99 })).toHaveLength(5);
  expect(planCandidates(SWEEP, { examples: 100 })).toHaveLength(18);
  expect(
    planCandidates({ ...SWEEP, models: ['a'], epochs: 3, learning_rate_multiplier: 1 }, { examples: 9 }),
  ).toHaveLength(2);
});

test('the job on half of the rows has the middle learning rate of the last model, and is one more than the jobs', () => {
  const lists = {
    models: ['a', 'b'],
    learning_rate_multiplier: [2, 0.5, 1],
    epochs: 4,
    treatment,
    half_data: true,
  } satisfies Grid;
  const plan = planCandidates(lists);
  expect(plan).toHaveLength(7);
  expect(plan.at(-1)).toEqual({
    id: 'b-lr1-e4-half',
    baseModel: 'b',
    hyperparameters: { learningRateMultiplier: 1, epochs: 4 },
    treatment,
    half: true,
  });
  expect(planCandidates({ ...lists, jobs: 1 }).map(({ id }) => id)).toEqual([
    expect.stringMatching(/^a-/),
    expect.stringMatching(/^a-.*-half$/),
  ]);
});

test('lists of any length are not laid out in full to choose from them', () => {
  const many = Array.from({ length: 3000 }, (_, index) => index + 1);
  const lists = {
    models: ['a', 'b'],
    learning_rate_multiplier: many,
    epochs: many,
    batch_size: many,
    treatment,
  } satisfies Grid;
  expect(planCandidates({ ...lists, jobs: 1000 })).toHaveLength(1000);
});
