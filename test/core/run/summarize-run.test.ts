import { contendingModels } from '../../../src/core/run/contenders.ts';
import { summarizeRun } from '../../../src/core/run/summarize-run.ts';
import {
  BETTER,
  sampleCandidate,
  sampleContender,
  sampleDataset,
  sampleEvaluation,
  sampleOutcome,
  sampleParts,
  samplePipeline,
  samplePlan,
  sampleTest,
} from '../../report/sample-run.ts';

const failed = {
  state: 'failed',
  jobId: 'ftjob-c',
  reason: 'invalid_file_format',
  trainingUsd: null,
  pause: null,
} as const;
const lost = sampleOutcome('c', { job: failed, contenders: [] });
/** The terms of leases of the winner's base model, at a price per hour. */
const leasesAt = (usd: number | null) => ({
  traits: { models: 1, atOnce: 1, coldStartMinutes: 10, idleMinutes: 15, paidByHour: true, servesBase: true },
  perHour: { [sampleCandidate('a').baseModel]: usd },
});
const NO_TEST_ROWS = 'There are no test rows';

describe('contenders', () => {
  const trained = sampleOutcome('a');
  const checkpoints = [{ epoch: 2, step: 20, model: 'ft:local-mini:a:2', validLoss: 0.2, validAccuracy: 0.9 }];

  test('contenders are the model of a candidate and its checkpoints, each named by its epoch', () => {
    expect(contendingModels(trained.candidate, trained.job, checkpoints)).toMatchObject([
      { id: 'a', model: 'ft:local-mini:a', epoch: null },
      { id: 'a@2', model: 'ft:local-mini:a:2', epoch: 2 },
    ]);
  });

  test('a candidate without a model has no contenders', () => {
    expect(contendingModels(lost.candidate, lost.job, checkpoints)).toEqual([]);
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
      judgedOn: 'test',
      comparison: BETTER,
      winnerJudged: { model: 'ft:local-mini:a', score: 0.92, n: 50, costPer1kUsd: 0.02 },
      baseline: { kind: 'recorded', model: 'gpt-4o', score: 0.68, p95Ms: 1800 },
      recommendation: 'fine-tune',
    });
    // 0.02 against 0.40 USD, and against 0.25 with a cached prefix, all on the test rows.
    expect(run.savingPercent).toBeCloseTo(95, 9);
    expect(run.cachedSavingPercent).toBeCloseTo(92, 9);
    // 1.25 USD are back after 1.25 / 0.38 thousand requests, or 1.25 / 0.23.
    expect(run.breakEvenRequests).toBeCloseTo(3290, -1);
    expect(run.breakEvenCachedRequests).toBeCloseTo(5435, -1);
  });

  test('a winner that is served by the hour pays for nothing by requests, and the reason says from which rate of calls it is cheaper', () => {
    const run = summarizeRun(sampleParts({ plan: samplePlan({ leases: leasesAt(8) }) }));
    // 0.25 USD for 1,000 calls of the baseline with a cached prefix: 32,000 of them cost 8 USD.
    expect(run.reason).toMatch(
      /a leased machine for \$8\.00 an hour, with or without calls; .* Below 32,000 calls an hour it costs more than the baseline\.$/,
    );
    expect(run).toMatchObject({ breakEvenRequests: null, breakEvenCachedRequests: null });
  });

  test('a lease without a price says so, and one whose calls are charged says nothing', () => {
    const reasonAt = (usd: number | null) =>
      summarizeRun(sampleParts({ plan: samplePlan({ leases: leasesAt(usd) }) })).reason;
    expect(reasonAt(null)).toContain('for an unknown price per hour');
    expect(reasonAt(0)).not.toContain('leased');
  });

  test('the summary leaves out the parts that only the run needs', () => {
    const text = JSON.stringify(summarizeRun(sampleParts()));
    expect(text).not.toContain('predictions');
    expect(text).not.toContain('spentUsd');
  });

  test('each candidate says what became of it', () => {
    const { candidates } = summarizeRun(sampleParts({ outcomes: [...sampleParts().outcomes, lost] }));
    expect(candidates).toMatchObject([
      {
        id: 'a',
        status: 'succeeded',
        reason: null,
        validation: { score: 0.9, n: 40 },
        trainingUsd: 0.5,
        onFront: true,
      },
      { id: 'b', status: 'succeeded', reason: 'lower validation score', model: 'ft:local-mini:b', onFront: false },
      { id: 'c', status: 'failed', reason: 'invalid_file_format', model: null, validation: null, trainingUsd: null },
    ]);
  });

  test('a checkpoint that won is the winner, and its model the winning model', () => {
    const a = sampleCandidate('a');
    const contenders = [sampleContender(a, sampleEvaluation()), sampleContender(a, sampleEvaluation(), 2)];
    const selection = { ...sampleParts().selection, winner: 'a@2' };
    const run = summarizeRun(sampleParts({ outcomes: [sampleOutcome('a', { contenders })], selection }));
    expect(run).toMatchObject({ winner: 'a@2', winnerModel: 'ft:local-mini:a:2' });
    expect(run.candidates[0]?.checkpoints).toMatchObject([{ id: 'a@2', model: 'ft:local-mini:a:2' }]);
  });

  test('epochs count until a job was stopped, and a stopped job says why', () => {
    const job = {
      state: 'stopped',
      jobId: 'ftjob-c',
      reason: 'behind 5 others',
      trainingUsd: 0.1,
    } as const;
    const stop = { candidate: 'c', afterEpoch: 1, reason: 'behind 5 others' } as const;
    const stopped = sampleOutcome('c', { job, stop, contenders: [] });
    const run = summarizeRun(sampleParts({ outcomes: [...sampleParts().outcomes, stopped] }));
    expect(run.spent.epochs).toEqual({ trained: 9, planned: 12 });
    expect(run.candidates[2]).toMatchObject({ status: 'stopped', reason: 'behind 5 others', epochs: 1 });
    expect(run.notes).toContain('1 of 3 jobs were stopped early, because they were behind.');
  });

  test('the cost of the run is training and the rest', () => {
    const { spent } = summarizeRun(sampleParts());
    expect(spent).toMatchObject({ usd: 1.25, trainingUsd: 1, evaluationUsd: 0.25 });
  });

  test('candidates without a model are counted in a note', () => {
    const outcomes = [...sampleParts().outcomes, lost];
    expect(summarizeRun(sampleParts({ outcomes })).notes).toContain('1 of 3 candidates have no model.');
    expect(summarizeRun(sampleParts()).notes.join()).not.toContain('have no model');
  });

  test('without test rows the note says that the winner is flattered', () => {
    const tested = sampleTest({ judgedOn: 'validation' });
    const run = summarizeRun(sampleParts({ tested, dataset: sampleDataset({ test: 0 }) }));
    expect(run.judgedOn).toBe('validation');
    expect(run.notes.join()).toContain(NO_TEST_ROWS);
  });

  test('without a winner nothing is saved, and the recommendation is not to', () => {
    const selection = { winner: null, reason: null, rejected: {}, front: [], optimism: 0 };
    const tested = sampleTest({ winner: { evaluation: null, failure: null }, comparison: null });
    expect(summarizeRun(sampleParts({ selection, tested }))).toMatchObject({
      winner: null,
      winnerModel: null,
      winnerJudged: null,
      optimism: null,
      savingPercent: null,
      breakEvenRequests: null,
      recommendation: 'do-not-fine-tune',
    });
  });

  test('an unknown quality of the baseline is a note, and proves nothing', () => {
    const evaluation = sampleEvaluation({ score: null, n: 0 });
    const run = summarizeRun(
      sampleParts({ tested: sampleTest({ baseline: { evaluation, failure: null }, comparison: null }) }),
    );
    expect(run.recommendation).toBe('inconclusive');
    expect(run.notes.join()).toContain('quality of the recorded baseline is unknown');
  });

  test('a baseline that could not be measured is a note', () => {
    const baseline = { evaluation: null, failure: 'PROVIDER_REFUSED: no such model' };
    const run = summarizeRun(sampleParts({ tested: sampleTest({ baseline, comparison: null }) }));
    expect(run.baseline).toMatchObject({ model: null, score: null, costPer1kUsd: null });
    expect(run.notes.join()).toContain('could not be measured: PROVIDER_REFUSED: no such model');
  });

  test('a baseline that is judged on fewer rows than the winner is marked', () => {
    const run = summarizeRun(sampleParts({ tested: sampleTest({ comparison: { ...BETTER, n: 20 } }) }));
    expect(run.notes.join()).toContain('scored on the 20 judging rows');
  });

  test('an unknown cost of the baseline leaves the saving unknown and is a note', () => {
    const evaluation = sampleEvaluation({ costPer1kUsd: null });
    const run = summarizeRun(sampleParts({ tested: sampleTest({ baseline: { evaluation, failure: null } }) }));
    expect(run.savingPercent).toBeNull();
    expect(run.notes.join()).toContain('cost of the baseline is unknown');
  });

  test('a live baseline is called live', () => {
    const { evaluation } = samplePipeline();
    const pipeline = samplePipeline({ evaluation: { ...evaluation, baseline: { live: 'gpt-4o' } } });
    expect(summarizeRun(sampleParts({ pipeline })).baseline.kind).toBe('live');
  });

  test('the job on half of the rows says whether more rows would help', () => {
    expect(summarizeRun(sampleParts({ halfData: BETTER })).notes.join()).toContain(
      'More rows would probably help: all',
    );
    const half = { ...BETTER, verdict: 'inconclusive' } as const;
    expect(summarizeRun(sampleParts({ halfData: half })).notes.join()).toContain(
      'The rows do not show whether more rows would help',
    );
  });

  test('figures of the local trainer are marked, those of others are not', () => {
    const run = summarizeRun(sampleParts());
    expect(run.localTrainer).toBe(true);
    expect(run.reason).toContain('local trainer, not an LLM');
    expect(run.notes.join()).toContain('not an LLM: their cost is machine time at $0.100 an hour');
    const estimate = { ...samplePlan().estimate, machineUsdPerHour: null };
    const pipeline = samplePipeline({ provider: 'openai' });
    const remote = summarizeRun(sampleParts({ pipeline, plan: samplePlan({ estimate }) }));
    expect(remote.localTrainer).toBe(false);
    expect([remote.reason, ...remote.notes].join()).not.toContain('not an LLM');
  });

  test('answers that were cut off inside thoughts are a note that names the models, the counts and the settings', () => {
    const cut = sampleEvaluation({ model: 'qwen', n: 50, cutInThoughts: 12 });
    const tested = sampleTest({ baseline: { evaluation: cut, failure: null } });
    const validated = sampleContender(
      sampleCandidate('a'),
      sampleEvaluation({ model: 'ft:a', n: 40, cutInThoughts: 3 }),
    );
    const outcomes = [sampleOutcome('a', { contenders: [validated] })];
    const run = summarizeRun(sampleParts({ tested, outcomes }));
    const notes = run.notes.filter((note) => note.includes('thoughts'));
    expect(notes).toEqual([
      "Answers were cut off at the provider's limit of tokens inside the thoughts of the model, and count as invalid: " +
        '12 of 50 on the test rows by qwen; 3 of 40 on the validation rows by ft:a. ' +
        'Set a higher `evaluation.max_output_tokens`, or turn thinking off with ' +
        '`provider.options.chat_template_kwargs: {enable_thinking: false}`.',
    ]);
    expect(run.baseline).not.toHaveProperty('cutInThoughts');

    const pipeline = samplePipeline();
    const limited = { ...pipeline, evaluation: { ...pipeline.evaluation, max_output_tokens: 512 } };
    expect(summarizeRun(sampleParts({ tested, pipeline: limited })).notes.join(' ')).toContain(
      'the limit of 512 tokens',
    );
    expect(summarizeRun(sampleParts()).notes.join(' ')).not.toContain('thoughts');
  });

  test('warnings about the plan and the dataset are notes', () => {
    const dataset = sampleDataset({ warnings: ['label x has 1 example'] });
    const plan = samplePlan({ warnings: ['a model is going to be switched off'] });
    expect(summarizeRun(sampleParts({ dataset, plan })).notes).toEqual(
      expect.arrayContaining(['label x has 1 example', 'a model is going to be switched off']),
    );
  });
});
