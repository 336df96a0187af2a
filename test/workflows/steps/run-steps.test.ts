import type { ArtifactRef } from '../../../src/core/run/artifact-ref.ts';
import type { Stop } from '../../../src/core/run/early-stop.ts';
import type { JobOutcome } from '../../../src/core/run/job-outcome.ts';
import { halfDataPair } from '../../../src/workflows/steps/half-data.ts';
import { deployableModel, originalModel } from '../../../src/workflows/steps/proposal.ts';
import { jobShown } from '../../../src/workflows/steps/run-report.ts';
import { refuseIfAllFailed } from '../../../src/workflows/steps/survivors.ts';
import { outcomesOf } from '../../../src/workflows/steps/validation.ts';
import { scoredContender } from '../../../src/workflows/steps/winner.ts';
import {
  sampleCandidate,
  sampleContender,
  sampleDataset,
  sampleEvaluation,
  sampleOutcome,
  samplePipeline,
} from '../../report/sample-run.ts';

const ref = (name: string): ArtifactRef => ({ uri: `sha256:${name}`, sha256: name, bytes: 1, rows: 1 });
const succeeded: JobOutcome = {
  state: 'succeeded',
  jobId: 'ftjob-1',
  model: 'ft:a',
  trainingUsd: 1,
  trainingSeconds: 1,
  checkpoints: [],
};

const stopOf = (candidate: string, afterEpoch: Stop['afterEpoch']): Stop => ({
  candidate,
  afterEpoch,
  reason: 'behind',
});

describe('the run continues while a candidate is left', () => {
  test('one candidate without a failure is enough', () => {
    expect(() => refuseIfAllFailed('no candidate survived', ['too dear', null])).not.toThrow();
  });

  test('the failure of the run names each reason once', () => {
    const failed = () => refuseIfAllFailed('no candidate survived', ['too dear', 'no quota', 'too dear']);
    expect(failed).toThrow('no candidate survived: too dear; no quota');
    expect(failed).toThrow(expect.objectContaining({ type: 'ALL_CANDIDATES_FAILED', nonRetryable: true }));
  });

  test('the reasons have at most 1,000 characters', () => {
    const prefix = 'no candidate survived: ';
    expect(() => refuseIfAllFailed('no candidate survived', ['x'.repeat(5000)])).toThrow(
      expect.objectContaining({ message: `${prefix}${'x'.repeat(1000)}` }),
    );
  });
});

describe('the outcomes of candidates', () => {
  test('a candidate has the job that was trained in its place, and the reason of its stop', () => {
    const stop = stopOf('b', 1);
    const stopped = { state: 'stopped', jobId: 'ftjob-2', reason: 'behind', trainingUsd: 0.5 } as const;
    const outcomes = outcomesOf(
      { candidates: [sampleCandidate('a'), sampleCandidate('b')], checkpoints: null },
      {
        trained: [
          { job: succeeded, forEvaluation: null },
          { job: stopped, forEvaluation: null },
        ],
        stops: new Map([['b', stop]]),
      },
    );
    expect(outcomes.map(({ candidate, job, stop: why }) => [candidate.id, job.jobId, why])).toEqual([
      ['a', 'ftjob-1', null],
      ['b', 'ftjob-2', stop],
    ]);
    expect(outcomes.map(({ contenders }) => contenders.map(({ id }) => id))).toEqual([['a'], []]);
  });

  test('a candidate without a job is a mistake', () => {
    const plan = { candidates: [sampleCandidate('a')], checkpoints: null };
    expect(() => outcomesOf(plan, { trained: [], stops: new Map() })).toThrow('a was not trained');
  });
});

describe('the choice of a winner', () => {
  test('a contender without predictions is not considered for the choice', () => {
    const unscored = sampleContender(sampleCandidate('a'), sampleEvaluation({ predictions: null }));
    expect(scoredContender(unscored)).toEqual([]);
    expect(scoredContender(sampleContender(sampleCandidate('a'), null))).toEqual([]);
  });

  test('an unknown share of invalid answers counts as 0', () => {
    const evaluation = sampleEvaluation({ predictions: ref('p'), invalid: null });
    expect(scoredContender(sampleContender(sampleCandidate('a'), evaluation))).toEqual([
      expect.objectContaining({ id: 'a', predictions: ref('p'), invalid: 0 }),
    ]);
  });
});

describe('all training rows against half of them', () => {
  const half = sampleContender(sampleCandidate('a-half', { half: true }), null);
  const all = sampleContender(sampleCandidate('a'), null);
  const slow = { hyperparameters: { learningRateMultiplier: 9, epochs: 4 } };

  test('the pair has the same settings', () => {
    const other = sampleContender(sampleCandidate('b', slow), null);
    expect(halfDataPair([other, half, all])).toEqual({ all, half });
    expect(halfDataPair([other, half])).toBeNull();
  });

  test('a checkpoint is compared with nothing', () => {
    expect(halfDataPair([half, { ...all, epoch: 2 }])).toBeNull();
  });

  test('a run without a candidate on half of the rows has no pair', () => {
    expect(halfDataPair([all])).toBeNull();
  });
});

describe('the jobs of the report', () => {
  test('a job that was never created has no losses', () => {
    const job = { state: 'skipped', jobId: null, reason: 'the budget' } as const;
    expect(jobShown(sampleOutcome('a', { job }))).toEqual([]);
  });

  test('a stopped job says after which epoch', () => {
    const job = { state: 'stopped', jobId: 'ftjob-1', reason: 'behind', trainingUsd: null } as const;
    const stop = stopOf('a', 2);
    expect(jobShown(sampleOutcome('a', { job, stop }))).toEqual([
      { candidate: 'a', jobId: 'ftjob-1', plannedEpochs: 4, stoppedAfterEpoch: 2 },
    ]);
  });

  test('a job that ended before its stop was trained whole', () => {
    const stop = stopOf('a', 2);
    expect(jobShown(sampleOutcome('a', { job: succeeded, stop }))).toEqual([
      expect.objectContaining({ stoppedAfterEpoch: null }),
    ]);
  });
});

describe('what is proposed to the deployment', () => {
  const { evaluation } = samplePipeline();

  test.each([
    ['the live model, where the baseline is live', { live: 'gpt-4o' }, 'anything', 'gpt-4o'],
    ['the one model of the log', 'recorded', 'gpt-4o', 'gpt-4o'],
    ['none, where the log names several', 'recorded', 'gpt-4o, gpt-4.1', null],
    ['none, where the log names none', 'recorded', null, null],
  ] as const)('the original model is %s', (_, baseline, model, expected) => {
    expect(originalModel({ evaluation: { ...evaluation, baseline } }, { baseline: { model } })).toBe(expected);
  });

  test('a winner without a score or its interval was not judged', () => {
    const given = { plan: { leases: null, monthly: false }, definition: ref('d'), dataset: sampleDataset() };
    const winner = sampleContender(sampleCandidate('a'), null);
    const judgedBy = (winnerJudged: ReturnType<typeof sampleEvaluation> | null) =>
      deployableModel(winner, { runId: 'p/1', winnerJudged }, given).judged;
    expect(judgedBy(null)).toBeNull();
    expect(judgedBy(sampleEvaluation({ scoreInterval: null }))).toBeNull();
    expect(judgedBy(sampleEvaluation())).toEqual({ score: 0.9, interval: { low: 0.8, high: 0.95 } });
  });
});
