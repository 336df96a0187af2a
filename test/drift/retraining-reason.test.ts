import { type RetrainingInput, retrainingReason } from '../../src/drift/retraining-reason.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-23T08:00:00Z');
const DRIFT = { significant: true, text: 'drift in 60 new examples (p = 0.003): words are new' };

function input(changes: Partial<RetrainingInput> = {}): RetrainingInput {
  return {
    trainedOn: { version: 'shop@2', examples: 1000 },
    newExamples: 60,
    drift: { significant: false, text: 'no drift in 60 new examples (p = 0.41)' },
    championScore: null,
    championTest: { score: 0.9, interval: { low: 0.86, high: 0.93 } },
    shutdownDate: null,
    now: NOW,
    settings: { min_new_examples: 200, min_growth: 0.2, shutdown_days: 45 },
    ...changes,
  };
}

const score = (value: number, n = 60) => ({ score: value, interval: { low: value - 0.1, high: value + 0.1 }, n });

test('what was never trained is trained', () => {
  expect(retrainingReason(input({ trainedOn: null })).train).toBe(true);
});

test('nothing new is no reason, and the figures say so', () => {
  expect(retrainingReason(input())).toEqual({
    train: false,
    reason:
      '60 new examples since shop@2, 6.0 % more (200 and 20.0 % are a reason); no drift in 60 new examples (p = 0.41).',
  });
});

test('enough new examples are a reason: so many, and so large a share', () => {
  const grown = (newExamples: number, examples: number) =>
    retrainingReason(input({ newExamples, trainedOn: { version: 'shop@2', examples } })).train;
  expect(grown(200, 1000)).toBe(true);
  expect(grown(199, 500)).toBe(false);
  expect(grown(200, 1001)).toBe(false);
});

test('drift is a reason only where the champion is below the interval of its test, on enough rows', () => {
  const drifted = (changes: Partial<RetrainingInput>) => retrainingReason(input({ drift: DRIFT, ...changes })).train;
  expect(drifted({ championScore: score(0.85) })).toBe(true);
  expect(drifted({ championScore: score(0.86) })).toBe(false);
  expect(drifted({ championScore: score(0.2, 29) })).toBe(false);
  expect(drifted({ championScore: null })).toBe(false);
  expect(drifted({ championScore: score(0.2), championTest: null })).toBe(false);
  expect(drifted({ championScore: score(0.2), drift: { ...DRIFT, significant: false } })).toBe(false);
  expect(retrainingReason(input({ drift: DRIFT, championScore: score(0.5) })).reason).toContain(
    'the champion has 50.0 % on 60 of them, against 86.0 % to 93.0 % in its test',
  );
});

test('the end of the champion at its provider is a reason in time', () => {
  const shutdown = (days: number) =>
    retrainingReason(input({ shutdownDate: new Date(NOW + days * DAY_MS).toISOString() }));
  expect(shutdown(46).train).toBe(false);
  expect(shutdown(45)).toEqual({
    train: true,
    reason: 'The provider switches the champion off in 45 days, on 2027-01-07.',
  });
  expect(shutdown(-1).reason).toBe('The provider switches the champion off since 2026-11-22.');
});
