import fc from 'fast-check';
import {
  type CandidateEnd,
  candidatesToStop,
  type EpochReport,
  fewestEpochs,
  keptAfter,
  plannedEpochs,
  type Stop,
} from '../../../src/core/run/early-stop.ts';
import { type Candidate, planCandidates } from '../../../src/core/run/plan.ts';

const MODELS = ['nano', 'mini', 'base'];
const NINE = planCandidates({ models: MODELS, learning_rate_multiplier: [0.5, 1, 2], epochs: 4, treatment: 'strip' });
const NOBODY: ReadonlyMap<string, CandidateEnd> = new Map();

/** Nine candidates of one model each, `c0` first. */
const loners = (count: number, epochs = 4): Candidate[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `c${index}`,
    baseModel: `model-${index}`,
    hyperparameters: { learningRateMultiplier: 1, epochs },
    treatment: 'strip',
  }));
const siblings = (count: number, epochs = 4) =>
  loners(count, epochs).map((candidate) => ({ ...candidate, baseModel: 'one' }));
const report = (candidate: string, epoch: number, validAccuracy: number | null, validLoss: number | null = null) => ({
  candidate,
  epoch,
  validAccuracy,
  validLoss,
});
/** `c0` has the highest accuracy, and so on. */
const ranked = (count: number, epoch: number): EpochReport[] =>
  Array.from({ length: count }, (_, index) => report(`c${index}`, epoch, 0.9 - index / 100));
const ids = (stops: readonly Stop[]) => stops.map(({ candidate }) => candidate).toSorted();
const toStop = (candidates: readonly Candidate[], reports: readonly EpochReport[], ended = NOBODY) =>
  candidatesToStop(candidates, reports, ended, 'classification');

/** A race as a run sees it: a stopped candidate no longer reports. Events are reports, or ends without a model. */
type Event = EpochReport | { candidate: string; lost: 'failed' | 'cancelled' | 'skipped' };
function race(candidates: readonly Candidate[], events: readonly Event[]): Map<string, CandidateEnd> {
  const ended = new Map<string, CandidateEnd>();
  const reports: EpochReport[] = [];
  for (const event of events) {
    if (ended.has(event.candidate)) continue;
    if ('lost' in event) ended.set(event.candidate, event.lost);
    else reports.push(event);
    for (const { candidate } of toStop(candidates, reports, ended)) ended.set(candidate, 'stopped');
  }
  return ended;
}
const stoppedIn = (ended: ReadonlyMap<string, CandidateEnd>) =>
  [...ended].flatMap(([id, end]) => (end === 'stopped' ? [id] : [])).toSorted();

/** Candidates of up to four models, and their figures after each epoch; few different ones, so that there are ties. */
const field = fc
  .array(
    fc.record({
      model: fc.integer({ min: 0, max: 3 }),
      epochs: fc.integer({ min: 1, max: 5 }),
      half: fc.boolean(),
      accuracies: fc.array(fc.option(fc.integer({ min: 0, max: 12 }), { freq: 8 }), { minLength: 5, maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((jobs) => {
    const candidates = jobs.map(
      ({ model, epochs, half }, index): Candidate => ({
        id: `c${index}`,
        baseModel: `model-${model}`,
        hyperparameters: { learningRateMultiplier: 1, epochs },
        treatment: 'strip',
        ...(half && index % 5 === 0 ? { half } : {}),
      }),
    );
    const reports = jobs.flatMap(({ epochs, accuracies }, index) =>
      accuracies.slice(0, epochs).map((twelfths, epoch) => report(`c${index}`, epoch + 1, twelfths && twelfths / 12)),
    );
    return { candidates, reports };
  });
/** The same field with its reports in an order in which they may arrive: of each job one epoch after the other. */
const arrivals = field.chain(({ candidates, reports }) =>
  fc
    .array(fc.double({ min: 0.1, max: 10, noNaN: true }), {
      minLength: candidates.length,
      maxLength: candidates.length,
    })
    .map((paces) => {
      const pace = new Map(candidates.map(({ id }, index) => [id, paces[index] ?? 1]));
      const time = ({ candidate, epoch }: EpochReport) => epoch * (pace.get(candidate) ?? 1);
      return { candidates, reports, arrived: reports.toSorted((a, b) => time(a) - time(b)) };
    }),
);

test.each([
  [9, 5, 3],
  [10, 6, 4],
  [12, 7, 4],
  [6, 4, 3],
  [4, 3, 3],
  [3, 3, 3],
  [2, 2, 2],
])('the rule keeps, of %i candidates, %i after the first epoch and %i after the second', (n, first, second) => {
  expect([keptAfter(1, n), keptAfter(2, n)]).toEqual([first, second]);
});

test('five of nine candidates are kept after the first epoch and three after the second', () => {
  const nine = siblings(9);
  expect(ids(toStop(nine, ranked(9, 1)))).toEqual(['c5', 'c6', 'c7', 'c8']);
  const reports = [...ranked(9, 1), ...ranked(5, 2)];
  const stops = toStop(nine, reports);
  expect(ids(stops)).toEqual(['c3', 'c4', 'c5', 'c6', 'c7', 'c8']);
  expect(stops.find(({ candidate }) => candidate === 'c4')).toEqual({
    candidate: 'c4',
    afterEpoch: 2,
    reason: 'validation accuracy 86.0 % after epoch 2: 4 of 9 candidates are ahead, and the best 3 are trained further',
  });
});

test('a job is stopped as soon as enough others are ahead of it, and not before', () => {
  const reports = ranked(5, 1);
  expect(toStop(siblings(9), [...reports.slice(1), report('c8', 1, 0.1)])).toEqual([]);
  expect(toStop(siblings(9), [...reports, report('c8', 1, 0.1)])).toEqual([
    {
      candidate: 'c8',
      afterEpoch: 1,
      reason:
        'validation accuracy 10.0 % after epoch 1: 5 of 9 candidates are ahead, and the best 5 are trained further',
    },
  ]);
});

test('the best of each base model is kept after the first epoch, and judged with the others after the second', () => {
  const nine = siblings(9).map((each, index) => (index < 7 ? each : { ...each, baseModel: 'two' }));
  expect(ids(toStop(nine, ranked(9, 1)))).toEqual(['c5', 'c6', 'c8']);
  const second = [...ranked(5, 2), report('c7', 2, 0.1)];
  expect(ids(toStop(nine, [...ranked(9, 1), ...second]))).toContain('c7');
});

test('while a sibling has not reported, the best of its model so far is kept too', () => {
  const nine = siblings(9).map((each, index) => (index < 7 ? each : { ...each, baseModel: 'two' }));
  expect(ids(toStop(nine, ranked(8, 1)))).toEqual(['c5', 'c6']);
});

test('a job that may still be pushed out of the first rung pushes nobody out of the second', () => {
  const quick = [...ranked(4, 1), ...ranked(4, 2)];
  // Five others may still be ahead of these four after the first epoch.
  expect(toStop(siblings(9), quick)).toEqual([]);
  expect(ids(toStop(siblings(9), [...quick, ...ranked(9, 1)]))).toEqual(['c3', 'c5', 'c6', 'c7', 'c8']);
});

test('a candidate that was stopped after the first epoch is not among those ahead after the second', () => {
  const late = [...ranked(9, 1), ...ranked(5, 2), report('c8', 2, 0.99)];
  const stops = toStop(siblings(9), late, new Map([['c8', 'stopped']]));
  expect(stops.find(({ candidate }) => candidate === 'c3')?.reason).toMatch(/: 3 of 9 candidates are ahead/);
});

test('a job whose first epoch is not known yet pushes nobody out of the second rung', () => {
  const reports = [...ranked(9, 1).slice(3), ...ranked(4, 2)];
  expect(ids(toStop(siblings(9), reports))).not.toContain('c3');
});

test('a job that has ended without a report is no longer waited for', () => {
  const ended = new Map<string, CandidateEnd>(['c4', 'c5', 'c6', 'c7', 'c8'].map((id) => [id, 'succeeded']));
  expect(ids(toStop(siblings(9), [...ranked(4, 1), ...ranked(4, 2)], ended))).toEqual(['c3']);
});

test('the first of several reports on one epoch with a figure counts', () => {
  const corrected = [report('c8', 1, null), ...ranked(9, 1), report('c8', 1, 0.99)];
  expect(ids(toStop(siblings(9), corrected))).toEqual(['c5', 'c6', 'c7', 'c8']);
});

test('equal accuracies are told apart by the loss, and equal figures stop no candidate', () => {
  const tied = Array.from({ length: 9 }, (_, index) => report(`c${index}`, 1, 0.5, index < 5 ? 1 : 2));
  expect(ids(toStop(siblings(9), tied))).toEqual(['c5', 'c6', 'c7', 'c8']);
  expect(
    toStop(
      siblings(9),
      tied.map((each) => ({ ...each, validLoss: 1 })),
    ),
  ).toEqual([]);
  expect(
    toStop(
      siblings(9),
      tied.map((each) => ({ ...each, validLoss: null })),
    ),
  ).toEqual([]);
});

test('for generation the validation loss decides, and accuracy does not count', () => {
  const reports = Array.from({ length: 9 }, (_, index) => report(`c${index}`, 1, index / 10, 1 + index));
  const stops = candidatesToStop(siblings(9), reports, NOBODY, 'generation');
  expect(ids(stops)).toEqual(['c5', 'c6', 'c7', 'c8']);
  expect(stops.find(({ candidate }) => candidate === 'c8')?.reason).toBe(
    'validation loss 9.000 after epoch 1: 8 of 9 candidates are ahead, and the best 5 are trained further',
  );
});

test('where a provider measures no accuracy, the validation loss decides about classification too', () => {
  const reports = Array.from({ length: 9 }, (_, index) => report(`c${index}`, 1, null, 1 + index));
  const stops = toStop(siblings(9), reports);
  expect(ids(stops)).toEqual(['c5', 'c6', 'c7', 'c8']);
  expect(stops[0]?.reason).toContain('validation loss');
});

test('a report without the deciding figure stops no candidate, and its job is not stopped for it', () => {
  const blank = ranked(9, 1).map((each, index) => (index < 5 ? report(each.candidate, 1, null, 0.01) : each));
  expect(toStop(siblings(9), blank)).toEqual([]);
  expect(
    toStop(
      siblings(9),
      blank.map((each) => ({ ...each, validAccuracy: each.validAccuracy ?? Number.NaN })),
    ),
  ).toEqual([]);
});

test('a job is not stopped after its last epoch, but keeps its place', () => {
  const nine = siblings(9).map((each, index) =>
    index % 2 === 0 ? { ...each, hyperparameters: { learningRateMultiplier: 1, epochs: 1 } } : each,
  );
  expect(ids(toStop(nine, ranked(9, 1)))).toEqual(['c5', 'c7']);
});

test('a job on half of the rows is never stopped and stops no other', () => {
  const ten = siblings(10).map((each, index) => (index === 0 || index === 9 ? { ...each, half: true as const } : each));
  expect(ids(toStop(ten, ranked(10, 1)))).toEqual(['c6', 'c7', 'c8']);
});

test('a lost candidate counts as never planned', () => {
  const lost = new Map<string, CandidateEnd>([
    ['c0', 'failed'],
    ['c8', 'cancelled'],
    ['c9', 'skipped'],
  ]);
  const left = siblings(10).slice(1, 8);
  const reports = [...ranked(10, 1), ...ranked(10, 2)];
  expect(toStop(siblings(10), reports, lost)).toEqual(toStop(left, reports));
});

test('a candidate that was stopped after the second epoch pushes no other out where others were lost since', () => {
  const ended = new Map<string, CandidateEnd>(['c4', 'c7', 'c8', 'c9', 'c10', 'c11'].map((id) => [id, 'stopped']));
  const reports = [...ranked(12, 1), ...ranked(6, 2)];
  expect(ids(toStop(siblings(12), reports, ended))).toEqual(['c5']);
  expect(toStop(siblings(12), reports, new Map([...ended, ['c0', 'failed']]))).toEqual([]);
});

test('if fewer than three would be left after losses, the worst are stopped and the others continue', () => {
  const stopped = ['c5', 'c6', 'c7'].map((id) => [id, 'stopped'] as const);
  const lost = ['c0', 'c1', 'c2', 'c3'].map((id) => [id, 'failed'] as const);
  expect(toStop(siblings(9), ranked(9, 1), new Map([...stopped, ...lost]))).toEqual([]);
  const fewer = new Map([...stopped, ...lost].slice(0, -2));
  expect(ids(toStop(siblings(11), ranked(11, 1), new Map([...fewer, ['c4', 'failed']])))).toEqual(
    ['c10', 'c9'].toSorted(),
  );
});

test('a candidate that has ended is not stopped again, and still counts', () => {
  const ended = new Map<string, CandidateEnd>([
    ['c5', 'succeeded'],
    ['c6', 'stopped'],
  ]);
  expect(ids(toStop(siblings(9), ranked(9, 1), ended))).toEqual(['c7', 'c8']);
});

test('the same reports stop the same candidates in whatever order they arrive', () => {
  fc.assert(
    fc.property(arrivals, ({ candidates, reports, arrived }) => {
      expect(stoppedIn(race(candidates, arrived))).toEqual(ids(toStop(candidates, reports)));
    }),
    { numRuns: 1000 },
  );
});

test('a decision before all have reported is the decision after all have reported', () => {
  fc.assert(
    fc.property(field, fc.infiniteStream(fc.boolean()), ({ candidates, reports }, isThere) => {
      const some = reports.filter(() => isThere.next().value);
      const all = ids(toStop(candidates, reports));
      const early = toStop(candidates, some).filter(({ afterEpoch }) => afterEpoch === 1);
      expect(all).toEqual(expect.arrayContaining(ids(early)));
    }),
  );
});

test('a repeated report changes nothing', () => {
  fc.assert(
    fc.property(arrivals, ({ candidates, arrived }) => {
      expect(toStop(candidates, [...arrived, ...arrived])).toEqual(toStop(candidates, arrived));
      const stuttered = arrived.flatMap((each) => [each, each]);
      expect(race(candidates, stuttered)).toEqual(race(candidates, arrived));
    }),
  );
});

test('three are left, or all where there are fewer, unless more were lost', () => {
  const withLosses = arrivals.chain(({ candidates, arrived }) =>
    fc
      .array(fc.record({ at: fc.nat(arrived.length), who: fc.nat(candidates.length - 1) }), { maxLength: 5 })
      .map((losses) => {
        const events: Event[] = [...arrived];
        for (const { at, who } of losses) events.splice(at, 0, { candidate: `c${who}`, lost: 'failed' });
        return { candidates, events };
      }),
  );
  fc.assert(
    fc.property(withLosses, ({ candidates, events }) => {
      const competing = candidates.filter(({ half }) => !half);
      const ended = race(candidates, events);
      const lost = competing.filter(({ id }) => ended.get(id) === 'failed').length;
      const stopped = stoppedIn(ended).length;
      // Candidates may be lost after others were stopped, but a stop itself always leaves three.
      expect(competing.length - stopped).toBeGreaterThanOrEqual(Math.min(3, competing.length));
      if (lost === 0) expect(stopped).toBeLessThanOrEqual(Math.max(0, competing.length - 3));
    }),
    { numRuns: 1000 },
  );
});

test('at each stop at least three others continue or have a model', () => {
  fc.assert(
    fc.property(arrivals, fc.infiniteStream(fc.boolean()), ({ candidates, arrived }, isLost) => {
      const competing = candidates.filter(({ half }) => !half);
      const ended = new Map<string, CandidateEnd>();
      for (const [index, event] of arrived.entries()) {
        if (isLost.next().value) ended.set(event.candidate, 'failed');
        const stops = toStop(candidates, arrived.slice(0, index + 1), ended);
        for (const { candidate } of stops) ended.set(candidate, 'stopped');
        if (stops.length === 0) continue;
        expect(competing.filter(({ id }) => !ended.has(id)).length).toBeGreaterThanOrEqual(3);
      }
    }),
    { numRuns: 1000 },
  );
});

test('the best of each model is never stopped after the first epoch', () => {
  fc.assert(
    fc.property(arrivals, ({ candidates, reports }) => {
      const first = new Map(reports.filter(({ epoch }) => epoch === 1).map((each) => [each.candidate, each]));
      for (const { candidate, afterEpoch } of toStop(candidates, reports)) {
        if (afterEpoch !== 1) continue;
        const model = candidates.find(({ id }) => id === candidate)?.baseModel;
        const better = candidates.filter(
          ({ id, baseModel, half }) =>
            !half &&
            baseModel === model &&
            (first.get(id)?.validAccuracy ?? -1) > (first.get(candidate)?.validAccuracy ?? Number.NaN),
        );
        expect(better.length).toBeGreaterThan(0);
      }
    }),
  );
});

test('the fewest epochs are those of a race in which every rung is full', () => {
  expect(plannedEpochs(NINE)).toBe(36);
  expect(fewestEpochs(NINE)).toBe(4 + 2 * 2 + 3 * 4);
  expect(fewestEpochs(loners(9))).toBe(9 * 2 + 3 * 2);
  expect(fewestEpochs(siblings(3))).toBe(12);
  expect(fewestEpochs(siblings(9, 1))).toBe(9);
  const [twin] = NINE;
  expect(fewestEpochs(twin ? [...NINE, { ...twin, id: 'half', half: true }] : [])).toBe(24);
});

test('no race trains fewer epochs than the fewest', () => {
  fc.assert(
    fc.property(arrivals, ({ candidates, reports, arrived }) => {
      fc.pre(reports.every(({ validAccuracy }) => validAccuracy !== null));
      const stops = new Map(toStop(candidates, arrived).map((stop) => [stop.candidate, stop]));
      const paid = candidates.map(({ id, hyperparameters }) => stops.get(id)?.afterEpoch ?? hyperparameters.epochs);
      expect(paid.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(fewestEpochs(candidates));
    }),
  );
});
