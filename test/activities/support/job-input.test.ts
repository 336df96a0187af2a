import fc from 'fast-check';
import { jobIdentity } from '../../../src/activities/support/job-input.ts';
import type { Candidate } from '../../../src/core/run/plan.ts';

interface Parts {
  id: string;
  baseModel: string;
  learningRateMultiplier: number;
  epochs: number;
  batchSize: number | undefined;
  runId: string;
  version: string;
  generation: number;
}

// Texts with the signs that separate parts, so that they might run into each other.
const text = fc.string({ unit: fc.constantFrom('a', 'b', '"', ',', '/', '-', '\\', '1'), maxLength: 5 });
const parts: fc.Arbitrary<Parts> = fc.record({
  id: text,
  baseModel: text,
  learningRateMultiplier: fc.constantFrom(0.5, 1, 2),
  epochs: fc.integer({ min: 1, max: 3 }),
  batchSize: fc.constantFrom(undefined, 1, 2),
  runId: text,
  version: text,
  generation: fc.integer({ min: 1, max: 3 }),
});

function identified({ id, baseModel, learningRateMultiplier, epochs, batchSize, runId, version, generation }: Parts) {
  const hyperparameters = { learningRateMultiplier, epochs, ...(batchSize === undefined ? {} : { batchSize }) };
  const candidate: Candidate = { id, baseModel, hyperparameters, treatment: 'strip' };
  const { key, seed } = jobIdentity({ runId, datasetVersion: version, candidate, generation, trainingFile: 'file-1' });
  return { key, seed };
}

test('the same job has the same key and seed, in every attempt and process', () => {
  fc.assert(fc.property(parts, (job) => expect(identified(structuredClone(job))).toEqual(identified(job))));
  // Written down: a change here loses the jobs of runs that are under way.
  expect(
    identified({
      id: 'local-mini-lr1-e4',
      baseModel: 'local-mini',
      learningRateMultiplier: 1,
      epochs: 4,
      batchSize: undefined,
      runId: 'support/20261123-081530-042',
      version: '0123456789abcdef',
      generation: 1,
    }),
  ).toEqual({ key: '84e259ef9eb9898a4e76885d9c391507663e893f32265fe0bdafc690da88cbbc', seed: 1114713335 });
});

test('any different part makes another key', () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const same = JSON.stringify(Object.entries(a)) === JSON.stringify(Object.entries(b));
      expect(identified(a).key === identified(b).key).toBe(same);
    }),
    { numRuns: 500 },
  );
  const part = fc.constantFrom<keyof Parts>(
    'id',
    'baseModel',
    'learningRateMultiplier',
    'epochs',
    'batchSize',
    'runId',
    'version',
    'generation',
  );
  fc.assert(
    fc.property(parts, parts, part, (job, other, name) => {
      const changed = { ...job, [name]: other[name] };
      expect(identified(changed).key === identified(job).key).toBe(other[name] === job[name]);
    }),
    { numRuns: 500 },
  );
});

test('a text that moves from one part to the next makes another key', () => {
  const job = { learningRateMultiplier: 1, epochs: 1, batchSize: undefined, runId: 'r', version: 'v', generation: 1 };
  expect(identified({ ...job, id: 'ab', baseModel: 'c' }).key).not.toBe(
    identified({ ...job, id: 'a', baseModel: 'bc' }).key,
  );
});

test('a seed is one that the protocol takes: 0 to 2^31 - 1', () => {
  const seeds: number[] = [];
  fc.assert(
    fc.property(parts, (job) => {
      const { seed } = identified(job);
      seeds.push(seed);
      expect(Number.isInteger(seed)).toBe(true);
      expect(seed).toBeGreaterThanOrEqual(0);
      expect(seed).toBeLessThanOrEqual(2 ** 31 - 1);
    }),
    { numRuns: 500 },
  );
  // The whole range is used.
  expect(Math.max(...seeds)).toBeGreaterThan(2 ** 30);
  expect(Math.min(...seeds)).toBeLessThan(2 ** 30);
});

test('a key fits into a metadata value of the protocol', () => {
  fc.assert(fc.property(parts, (job) => expect(identified(job).key.length).toBeLessThanOrEqual(512)));
});
