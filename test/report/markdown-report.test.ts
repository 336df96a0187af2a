import fc from 'fast-check';
import { compareScores } from '../../src/core/evaluation/comparison.ts';
import type { AlternativeResult, CandidateResult, ContenderResult, Judged } from '../../src/core/run/run-result.ts';
import { comparisonText, markdownReport } from '../../src/report/markdown-report.ts';
import type { Report } from '../../src/report/report.ts';
import { sampleReport } from './sample-report.ts';

const SAMPLE = sampleReport();
const reportWith = (changes: Partial<Report> = {}): Report => ({ ...SAMPLE, ...changes });

/** The tables of a report, as rows of cells. */
function tablesOf(report: string): string[][][] {
  return report
    .split('\n\n')
    .filter((block) => block.startsWith('| '))
    .map((block) => block.split('\n').map((row) => row.slice(2, -2).split(/(?<=(?<!\\)(?:\\\\)*) \| /)));
}

const judged = (changes: Partial<Judged> = {}): Judged => ({
  model: 'gpt-4.1',
  score: 0.92,
  scoreInterval: { low: 0.85, high: 0.961 },
  n: 50,
  scores: {},
  costPer1kUsd: 0.4,
  cachedCostPer1kUsd: 0.25,
  p50Ms: 900,
  p95Ms: 1800,
  p95Interval: null,
  timed: 50,
  invalid: 0.02,
  ...changes,
});

const contended = (changes: Partial<ContenderResult> = {}): ContenderResult => ({
  id: 'a',
  model: 'ft:a',
  validation: { score: 0.9, n: 40, interval: { low: 0.8, high: 0.95 } },
  costPer1kUsd: 0.02,
  p50Ms: 5,
  p95Ms: 12,
  invalid: 0,
  onFront: true,
  reason: null,
  ...changes,
});

const candidate = (changes: Partial<CandidateResult> = {}): CandidateResult => ({
  ...contended(),
  baseModel: 'local-mini',
  hyperparameters: { learningRateMultiplier: 1, epochs: 4 },
  treatment: 'strip',
  half: false,
  jobId: 'job',
  status: 'succeeded',
  trainingUsd: 0.5,
  trainingSeconds: 90,
  epochs: 4,
  checkpoints: [],
  ...changes,
});

const lineWith = (markdown: string, text: string) => markdown.split('\n').find((line) => line.includes(text)) ?? '';

test('the report begins with the recommendation and its reason', () => {
  const markdown = markdownReport(reportWith({ recommendation: 'do-not-fine-tune', reason: 'The winner is worse.' }));
  expect(markdown.split('\n\n')[1]).toBe('**Do not fine-tune: The winner is worse.**');
});

test('the report shows baseline, alternatives and winner side by side, with intervals and the price of a cached prefix', () => {
  const alternative: AlternativeResult = { model: 'gpt-4.1-nano', judged: null, comparison: null, failure: 'refused' };
  const winnerJudged = judged({ model: 'ft:a', scoreInterval: null, cachedCostPer1kUsd: null, p50Ms: 5.04 });
  const markdown = markdownReport(
    reportWith({
      baseline: { kind: 'live', ...judged() },
      alternatives: [alternative, { ...alternative, model: 'gpt-4.1-mini', judged: judged({ model: null }) }],
      winnerJudged,
      localTrainer: false,
    }),
  );
  const [[, , ...rows] = []] = tablesOf(markdown);
  const figures = ['92.0 % \\[85.0, 96.1\\] (n = 50)', '$0.400', '$0.250', '900 ms', '1800 ms', '2.0 %'];
  expect(rows).toEqual([
    ['baseline (live, whole prompt)', 'gpt-4.1', ...figures],
    ['alternative (whole prompt)', 'gpt-4.1-nano', '–', '–', '–', '–', '–', '–'],
    ['alternative (whole prompt)', 'gpt-4.1-mini', ...figures],
    ['winner (inputs only)', 'ft:a', '92.0 % (n = 50)', '$0.400', '–', '5.0 ms', '1800 ms', '2.0 %'],
  ]);
});

test('the report marks figures of the local trainer', () => {
  const winnerJudged = judged();
  expect(markdownReport(reportWith({ winnerJudged, localTrainer: true }))).toContain(
    '| winner (inputs only; local trainer, not an LLM) |',
  );
  expect(markdownReport(reportWith({ winnerJudged, localTrainer: false, reason: '', notes: [] }))).not.toContain(
    'local trainer',
  );
});

test('the report has one row for each candidate and checkpoint, the winner in bold and the others with their reason', () => {
  const candidates = [
    candidate({
      checkpoints: [
        contended({ id: 'a@2', onFront: false, reason: 'as good, but not cheaper' }),
        contended({ id: 'a@3' }),
      ],
    }),
    candidate({
      id: 'b',
      status: 'stopped',
      epochs: 2,
      validation: null,
      model: null,
      onFront: false,
      reason: 'behind',
    }),
    candidate({ id: 'c', half: true, onFront: false, reason: 'half of the rows' }),
  ];
  const [, [, , ...rows] = []] = tablesOf(markdownReport(reportWith({ candidates, winner: 'a@3' })));
  expect(rows.map((row) => [...row.slice(0, 3), row[4], ...row.slice(-2)])).toEqual([
    ['a', 'succeeded', '4 of 4', '90.0 % \\[80.0, 95.0\\]', 'yes', ''],
    ['a@2', 'checkpoint', '', '90.0 % \\[80.0, 95.0\\]', '', 'as good, but not cheaper'],
    ['**a@3**', 'checkpoint', '', '90.0 % \\[80.0, 95.0\\]', 'yes', 'winner'],
    ['b', 'stopped', '2 of 4', '–', '', 'behind'],
    ['c', 'succeeded, on half of the rows', '4 of 4', '90.0 % \\[80.0, 95.0\\]', '', 'half of the rows'],
  ]);
});

describe('a comparison in words', () => {
  const rights = (right: number, n: number) => Array.from({ length: n }, (_, row) => Number(row < right));

  test('a comparison in words has the difference, its interval, the flips and the test', () => {
    expect(comparisonText(compareScores(rights(46, 50), rights(34, 50), 0.01))).toMatch(
      /^better, \+24\.0 points \(95 % interval \+\d+\.\d to \+\d+\.\d\) on 50 rows; 12 gained, 0 lost; p = 0\.00049, exact McNemar$/,
    );
  });

  test('a comparison in words says how many rows would decide an inconclusive verdict', () => {
    const comparison = compareScores(rights(35, 50), rights(34, 50), 0.01);
    expect(comparisonText({ ...comparison, rowsNeeded: 870 })).toMatch(/; about 870 rows would decide it$/);
    expect(comparisonText({ ...comparison, rowsNeeded: null })).toMatch(/; more rows alone would hardly decide it$/);
    expect(comparisonText({ ...comparison, rowsNeeded: Infinity })).toMatch(
      /; more rows alone would hardly decide it$/,
    );
  });

  test('a comparison in words is made with the baseline and with each measured alternative', () => {
    const comparison = compareScores(rights(46, 50), rights(34, 50), 0.01);
    const alternatives = [{ model: 'gpt-x', judged: judged(), comparison, failure: null }];
    const markdown = markdownReport(reportWith({ comparison: null, alternatives }));
    expect(markdown).toContain('* The quality of winner and baseline cannot be compared.');
    expect(lineWith(markdown, 'Winner against gpt-x')).toContain('better, +24.0 points');
  });
});

test('the report gives the cost of the run, and the number of requests that pay for it, with and without a cached prefix', () => {
  const markdown = markdownReport(
    reportWith({
      spent: { usd: 1.25, trainingUsd: 1, evaluationUsd: 0.25, epochs: { trained: 20, planned: 36 } },
      estimate: 'Estimate: machine time',
      savingPercent: 95,
      breakEvenRequests: 3289.2,
      cachedSavingPercent: -12,
      breakEvenCachedRequests: null,
    }),
  );
  expect(markdown).toContain(
    '* Spent $1.25: $1.00 for 20 of 36 epochs, $0.250 for the evaluations. Estimate: machine time.\n' +
      '* The winner against the baseline: 95.0 % cheaper, which pays for the run after 3290 requests.\n' +
      '* Against the baseline with a cached prefix: 12.0 % dearer.\n',
  );
});

test('the report says how much the validation score overstates the winner', () => {
  expect(markdownReport(reportWith({ winner: 'a', optimism: 0.021 }))).toContain('here probably by 2.1 points');
  expect(markdownReport(reportWith({ winner: 'a', optimism: null }))).not.toContain('flatters');
});

test('the report names the dataset version and its counts', () => {
  const dataset = { version: '0123456789abcdef', train: 200, validation: 40, test: 50, dropped: 7 };
  expect(markdownReport(reportWith({ dataset }))).toContain(
    'version 0123456789abcdef: 200 examples to train on, 40 to choose the winner, 50 to judge it; 7 rows dropped.',
  );
});

test('the report has notes only where there are any', () => {
  expect(markdownReport(reportWith({ notes: ['first', 'second'] }))).toContain('## Notes\n\n* first\n* second\n');
  expect(markdownReport(reportWith({ notes: [] }))).not.toContain('## Notes');
});

test('a run without a winner can be reported', () => {
  const nothing = { winner: null, winnerModel: null, winnerReason: null, winnerJudged: null, comparison: null };
  const markdown = markdownReport(reportWith({ ...nothing, savingPercent: null, cachedSavingPercent: null }));
  const [before = []] = tablesOf(markdown);
  expect(before.map(([name]) => name).join()).not.toContain('winner');
  expect(markdown).toContain('\n\nNo winner.\n\n');
  expect(markdown).not.toContain('cannot be compared.\n* Against');
});

test('external text stays inert: it adds no row, cell, heading, block, link or tag', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'x | y |\n| z |',
      '\n\n# Owned',
      '<script>alert(1)</script>',
      '[a](javascript:b)',
      '\\|',
      '`|`',
      '~~~',
      '\u202e',
    ),
  );
  const withText = ([pipeline, model, reason, note]: readonly [string, string, string, string]) =>
    markdownReport(
      reportWith({
        pipeline,
        runId: pipeline,
        metric: pipeline,
        reason,
        winner: reason,
        winnerReason: note,
        estimate: model,
        baseline: { kind: 'live', ...judged({ model }) },
        winnerJudged: judged({ model }),
        alternatives: [{ model, judged: null, comparison: null, failure: note }],
        candidates: [candidate(), candidate({ id: model, reason, checkpoints: [contended({ id: note, reason })] })],
        dataset: { version: note, train: 1, validation: 1, test: 1, dropped: 0 },
        notes: [note],
      }),
    );
  const shape = (markdown: string) => tablesOf(markdown).map((rows) => rows.map((row) => row.length));
  const plain = withText(['a', 'b', 'c', 'd']);
  fc.assert(
    fc.property(fc.tuple(text, text, text, text), (texts) => {
      const markdown = withText(texts);
      expect(shape(markdown)).toEqual(shape(plain));
      expect(markdown.split('\n')).toHaveLength(plain.split('\n').length);
      expect(markdown.match(/^#+ /gm)).toEqual(plain.match(/^#+ /gm));
      expect(markdown).not.toMatch(/(?<!\\)(?:\\\\)*[<[~]/);
      expect(markdown).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
    }),
  );
});
