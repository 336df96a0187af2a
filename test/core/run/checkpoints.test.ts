import fc from 'fast-check';
import { checkpointsToEvaluate, mostCheckpoints } from '../../../src/core/run/checkpoints.ts';
import type { Checkpoint } from '../../../src/core/run/training-metrics.ts';

const MANY = { validation: 150, examples: 1000 };
const FEW = { validation: 149, examples: 1000 };
const TINY = { validation: 150, examples: 99 };

/** One of each epoch, from the first. */
const checkpoints = (...losses: (number | null)[]): Checkpoint[] =>
  losses.map((validLoss, index) => ({
    epoch: index + 1,
    step: 10 * (index + 1),
    model: `model@${index + 1}`,
    validLoss,
    validAccuracy: null,
  }));
const epochs = (chosen: readonly Checkpoint[]) => chosen.map(({ epoch }) => epoch);

test('with enough validation rows the checkpoints between the first and the last epoch are evaluated, the best by loss first', () => {
  expect(epochs(checkpointsToEvaluate(checkpoints(0.9, 0.6, 0.4, 0.5), 4, MANY))).toEqual([3, 2]);
  expect(epochs(checkpointsToEvaluate(checkpoints(0.1, 0.6, null, 0.5), 4, MANY))).toEqual([2, 3]);
});

test('a long job has the two checkpoints with the lowest loss evaluated, the later of equal ones', () => {
  expect(epochs(checkpointsToEvaluate(checkpoints(9, 4, 2, 2, 2, 3), 6, MANY))).toEqual([5, 4]);
});

test('with few validation rows only the best checkpoint by loss is evaluated, if it is better than the model at the end', () => {
  expect(epochs(checkpointsToEvaluate(checkpoints(0.1, 0.4, 0.3, 0.5), 4, FEW))).toEqual([3]);
  expect(checkpointsToEvaluate(checkpoints(0.1, 0.5, 0.6, 0.5), 4, FEW)).toEqual([]);
});

test('with few validation rows no checkpoint of unknown loss is evaluated', () => {
  expect(checkpointsToEvaluate(checkpoints(0.1, null, Number.NaN, 0.5), 4, FEW)).toEqual([]);
  expect(checkpointsToEvaluate(checkpoints(0.1, 0.2, 0.3, null), 4, FEW)).toEqual([]);
  // The provider lists the earlier ones only.
  expect(checkpointsToEvaluate(checkpoints(0.1, 0.2, 0.3), 4, FEW)).toEqual([]);
});

test.each([
  ['a tiny dataset', TINY],
  ['a pipeline that wants none', null],
])('%s has no checkpoints to evaluate', (_, rows) => {
  expect(checkpointsToEvaluate(checkpoints(0.9, 0.6, 0.4, 0.5), 4, rows)).toEqual([]);
  expect(mostCheckpoints(4, rows)).toBe(0);
});

test('the evaluated checkpoints are at most as many as the reserved ones', () => {
  const losses = fc.array(fc.option(fc.double({ min: 0, max: 9 })), { maxLength: 12 });
  const rows = fc.record({ validation: fc.nat(300), examples: fc.nat(300) });
  fc.assert(
    fc.property(losses, rows, fc.integer({ min: 1, max: 12 }), (losses, rows, epochs) => {
      const chosen = checkpointsToEvaluate(checkpoints(...losses), epochs, rows);
      expect(chosen.length).toBeLessThanOrEqual(mostCheckpoints(epochs, rows));
      for (const { epoch } of chosen) expect(epoch > 1 && epoch < epochs).toBe(true);
    }),
  );
});
