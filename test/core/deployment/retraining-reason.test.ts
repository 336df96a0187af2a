import {
  type Champion,
  type RetrainingInput,
  retrainingReason,
} from '../../../src/core/deployment/retraining-reason.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-23T08:00:00Z');
const DRIFT = { significant: true, text: 'drift in 60 new examples (p = 0.003): words are new' };
const RUN = { version: 'shop@2', examples: 1000, endedAt: '2026-06-01T00:00:00Z', madeChampion: true };

function champion(changes: Partial<Champion> = {}): Champion {
  const test = { score: 0.9, interval: { low: 0.86, high: 0.93 } };
  return { test, score: null, listed: true, shutdownDate: null, ...changes };
}

function input(changes: Partial<RetrainingInput> = {}): RetrainingInput {
  return {
    newestRun: RUN,
    newExamples: 60,
    drift: { significant: false, text: 'no drift in 60 new examples (p = 0.41)' },
    champion: champion(),
    now: NOW,
    settings: { min_new_examples: 200, min_growth: 0.2, shutdown_days: 45 },
    ...changes,
  };
}

const score = (value: number, n = 60) => ({ score: value, interval: { low: value - 0.1, high: value + 0.1 }, n });

test('a pipeline that was never trained is trained', () => {
  expect(retrainingReason(input({ newestRun: null })).train).toBe(true);
});

test('an unchanged log is no reason to train, and the figures say so', () => {
  expect(retrainingReason(input())).toEqual({
    train: false,
    because: 'no drift',
    reason:
      '60 new examples since dataset shop@2, 6.0 % more (200 and 20.0 % are a reason); no drift in 60 new examples (p = 0.41).',
  });
  expect(retrainingReason(input({ newExamples: 3, drift: null }))).toMatchObject({ because: 'few new examples' });
});

test('new examples are a reason to train if their number and their share are large enough', () => {
  const grown = (newExamples: number, examples: number) =>
    retrainingReason(input({ newExamples, newestRun: { ...RUN, examples } })).train;
  expect(grown(200, 1000)).toBe(true);
  expect(grown(199, 500)).toBe(false);
  expect(grown(200, 1001)).toBe(false);
});

test('drift is a reason only where the champion is below the interval of its test, on enough rows', () => {
  const drifted = (changes: Partial<Champion>) =>
    retrainingReason(input({ drift: DRIFT, champion: champion(changes) }));
  expect(drifted({ score: score(0.85) }).train).toBe(true);
  expect(drifted({ score: score(0.86) })).toMatchObject({ train: false, because: 'champion copes' });
  expect(drifted({ score: score(0.2, 29) })).toMatchObject({ train: false, because: 'champion not asked' });
  expect(drifted({ score: score(0.2), test: null })).toMatchObject({ train: false, because: 'champion not asked' });
  const calm = input({ champion: champion({ score: score(0.2) }) });
  expect(retrainingReason(calm)).toMatchObject({ train: false, because: 'no drift' });
  expect(drifted({ score: score(0.5) }).reason).toContain(
    'the champion has 50.0 % on 60 of them, against 86.0 % to 93.0 % in its test',
  );
});

test('drift is no reason if the champion cannot be asked, but is one if it is gone', () => {
  const notAsked = 'BUDGET_EXCEEDED: champion on new examples would cost $2.00';
  const refused = input({ drift: DRIFT, champion: champion({ score: { notAsked } }) });
  expect(retrainingReason(refused)).toMatchObject({
    train: false,
    because: 'champion not asked',
    reason: expect.stringContaining(`the champion was not asked: ${notAsked}`),
  });
  const gone = champion({ score: { notAsked: 'there is no such model.' }, listed: false });
  expect(retrainingReason(input({ drift: DRIFT, champion: gone }))).toMatchObject({
    train: true,
    reason: expect.stringContaining('the champion is gone from its provider'),
  });
  expect(retrainingReason(input({ drift: DRIFT, champion: null }))).toMatchObject({
    train: false,
    because: 'no champion',
    reason: expect.stringContaining('the serving model is no model of a run'),
  });
});

describe('the end of the champion at its provider', () => {
  const shutdown = (days: number, newestRun = RUN) => {
    const shutdownDate = new Date(NOW + days * DAY_MS).toISOString();
    return retrainingReason(input({ newestRun, champion: champion({ shutdownDate }) }));
  };
  const ended = (days: number) => ({
    ...RUN,
    madeChampion: false,
    endedAt: new Date(NOW + days * DAY_MS).toISOString(),
  });

  test('the end of the champion is a reason in time', () => {
    expect(shutdown(46).train).toBe(false);
    expect(shutdown(45)).toEqual({
      train: true,
      reason: 'The provider switches the champion off in 45 days, on 2027-01-07.',
    });
    expect(shutdown(0.5).reason).toBe('The provider switches the champion off in 1 day, on 2026-11-23.');
    expect(shutdown(-1).reason).toBe('The provider switches the champion off since 2026-11-22.');
  });

  test('the end of the champion is a reason for one run when it is near, and for one when it is past, and not for one a week', () => {
    expect(shutdown(38, ended(-10)).train).toBe(true);
    expect(shutdown(38, ended(-7))).toMatchObject({
      train: false,
      because: 'no drift',
      reason: expect.stringContaining('in 38 days, on 2026-12-31, and the newest run has not replaced it yet.'),
    });
    expect(shutdown(-1, ended(-7)).train).toBe(true);
    expect(shutdown(-10, ended(-7)).train).toBe(false);
  });

  test('the end of the champion is reported where the provider has forgotten it without a date', () => {
    expect(retrainingReason(input({ champion: champion({ listed: false }) }))).toMatchObject({
      train: false,
      reason: expect.stringContaining('The provider no longer lists the champion'),
    });
  });
});
