import { contendersOf, summarizeRun, verdictOf } from '../../src/report/summarize-run.ts';
import { sampleDataset, sampleEvaluation, sampleOutcome, sampleParts, samplePipeline } from './sample-run.ts';

const failed = {
  state: 'failed',
  jobId: 'ftjob-c',
  reason: 'invalid_file_format',
  trainingUsd: null,
  pause: null,
} as const;
const lost = sampleOutcome('c', { job: failed, evaluation: null });
const NO_TEST_ROWS = 'There are no test rows';

describe('contenders', () => {
  test('a candidate without a model does not contend', () => {
    expect(contendersOf([sampleOutcome('a'), lost])).toEqual([
      { id: 'a', score: 0.9, costPer1kUsd: 0.01, p95Ms: 12, invalid: 0 },
    ]);
  });

  test('a candidate without a score does not contend', () => {
    expect(contendersOf([sampleOutcome('a', { evaluation: sampleEvaluation({ score: null }) })])).toEqual([]);
  });

  test('an unknown cost stays unknown', () => {
    const [contender] = contendersOf([sampleOutcome('a', { evaluation: sampleEvaluation({ costPer1kUsd: null }) })]);
    expect(contender?.costPer1kUsd).toBeNull();
  });
});

describe('the summary', () => {
  test('winner and baseline are compared on the test rows', () => {
    const run = summarizeRun(sampleParts());
    expect(run).toMatchObject({
      runId: 'support/20261123-081530-042',
      pipeline: 'support',
      metric: 'accuracy',
      estimate: 'Estimate: machine time',
      winner: 'a',
      winnerModel: 'ft:local-mini:a',
      test: { winner: 0.92, baseline: 0.88, n: 50 },
      winnerJudged: { model: 'ft:local-mini:a', score: 0.92, n: 50, costPer1kUsd: 0.02 },
      baseline: { kind: 'recorded', model: 'gpt-4o', score: 0.88, p95Ms: 1800 },
    });
    // 0.02 against 0.40 USD, both on the test rows.
    expect(run.savingPercent).toBeCloseTo(95, 9);
  });

  test('each candidate says what became of it', () => {
    const { candidates } = summarizeRun(sampleParts({ outcomes: [...sampleParts().outcomes, lost] }));
    expect(candidates).toMatchObject([
      { id: 'a', status: 'succeeded', reason: null, validation: { score: 0.9, n: 40 }, trainingUsd: 0.5 },
      { id: 'b', status: 'succeeded', reason: 'lower validation score', model: 'ft:local-mini:b' },
      { id: 'c', status: 'failed', reason: 'invalid_file_format', model: null, validation: null, trainingUsd: null },
    ]);
  });

  test('candidates without a model are counted in a note', () => {
    const outcomes = [...sampleParts().outcomes, lost];
    expect(summarizeRun(sampleParts({ outcomes })).notes).toContain('1 of 3 candidates have no model.');
    expect(summarizeRun(sampleParts()).notes.join()).not.toContain('have no model');
  });

  test('without test rows nothing is claimed on them, and the note says so', () => {
    const run = summarizeRun(sampleParts({ winnerOnTest: null, dataset: sampleDataset({ test: 0 }) }));
    expect(run.test).toBeNull();
    expect(run.notes.join()).toContain(NO_TEST_ROWS);
    // The validation rows are what is left to compare with: 0.01 against 0.40 USD.
    expect(run.winnerJudged).toMatchObject({ score: 0.9, n: 40, costPer1kUsd: 0.01 });
    expect(run.savingPercent).toBeCloseTo(97.5, 9);
  });

  test('with test rows but no winner the note about missing test rows is not there', () => {
    const selection = { winner: null, rejected: { a: 'p95 latency above 1 ms', b: 'p95 latency above 1 ms' } };
    const run = summarizeRun(sampleParts({ selection, winnerOnTest: null }));
    expect(run).toMatchObject({ winner: null, winnerModel: null, test: null, winnerJudged: null, savingPercent: null });
    expect(run.notes.join()).not.toContain(NO_TEST_ROWS);
  });

  test('an unknown quality of the baseline is a note and no number', () => {
    const run = summarizeRun(sampleParts({ baseline: sampleEvaluation({ score: null, n: 0 }) }));
    expect(run.test?.baseline).toBeNull();
    expect(run.notes.join()).toContain('quality of the recorded baseline is unknown');
  });

  test('a baseline that is judged on fewer rows than the winner is marked', () => {
    const run = summarizeRun(sampleParts({ baseline: sampleEvaluation({ n: 20 }) }));
    expect(run.winnerJudged?.n).toBe(50);
    expect(run.baseline.n).toBe(20);
    expect(run.notes.join()).toContain('scored on the 20 judging rows');
  });

  test('an unknown cost of the baseline leaves the saving unknown and is a note', () => {
    const run = summarizeRun(sampleParts({ baseline: sampleEvaluation({ costPer1kUsd: null }) }));
    expect(run.savingPercent).toBeNull();
    expect(run.notes.join()).toContain('cost of the baseline is unknown');
  });

  test('a live baseline is called live', () => {
    const { evaluation } = samplePipeline();
    const pipeline = samplePipeline({ evaluation: { ...evaluation, baseline: { live: 'gpt-4o' } } });
    expect(summarizeRun(sampleParts({ pipeline })).baseline.kind).toBe('live');
  });

  test('figures of the local trainer are marked, those of others are not', () => {
    expect(summarizeRun(sampleParts()).localTrainer).toBe(true);
    expect(summarizeRun(sampleParts()).notes.join()).toContain(
      'not an LLM: their cost is machine time at $0.100 an hour',
    );
    const estimate = { ...sampleParts().estimate, machineUsdPerHour: null };
    const remote = summarizeRun(sampleParts({ pipeline: samplePipeline({ provider: 'openai' }), estimate }));
    expect(remote.localTrainer).toBe(false);
    expect(remote.notes.join()).not.toContain('not an LLM');
  });

  test('warnings about the dataset are notes', () => {
    const dataset = sampleDataset({ warnings: ['label x has 1 example'] });
    expect(summarizeRun(sampleParts({ dataset })).notes).toContain('label x has 1 example');
  });
});

describe('the verdict', () => {
  test('names the winner, both scores, the rows and the saving, and marks the local trainer', () => {
    expect(verdictOf(summarizeRun(sampleParts()))).toBe(
      'a won with accuracy 92.0 % against 88.0 % of the baseline on 50 test rows, 95.0 % cheaper (local trainer, not an LLM).',
    );
  });

  test('claims no comparison that was not made', () => {
    const parts = sampleParts({
      pipeline: samplePipeline({ provider: 'openai' }),
      baseline: sampleEvaluation({ score: null, costPer1kUsd: null }),
    });
    expect(verdictOf(summarizeRun(parts))).toBe('a won with accuracy 92.0 % on 50 test rows.');
    const untested = sampleParts({ ...parts, winnerOnTest: null });
    expect(verdictOf(summarizeRun(untested))).toBe('a won.');
  });

  test('says that nobody won', () => {
    const selection = { winner: null, rejected: {} };
    expect(verdictOf(summarizeRun(sampleParts({ selection, winnerOnTest: null })))).toBe(
      'No candidate passed the limits of the pipeline.',
    );
  });
});
