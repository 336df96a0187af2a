import { compareScores } from '../../src/core/evaluation/comparison.ts';
import { compareRuns } from '../../src/report/compare-runs.ts';
import type { Report } from '../../src/report/report.ts';
import { sampleReport } from './sample-report.ts';

const SAMPLE = sampleReport();
const reportWith = (changes: Partial<Report> = {}): Report => ({ ...SAMPLE, ...changes });

const NONE = { first: new Map(), second: new Map() };
const scoresOf = (right: number, n: number, from = 0) =>
  new Map(Array.from({ length: n }, (_, row) => [`row-${from + row}`, Number(row < right)] as const));
const compare = (first: Partial<Report>, second: Partial<Report>, scores: Parameters<typeof compareRuns>[2] = NONE) =>
  compareRuns(reportWith({ runId: 'support/1', ...first }), reportWith({ runId: 'support/2', ...second }), scores);

test('the winners are compared on the rows that judged both, the second against the first', () => {
  const scores = { first: scoresOf(50, 100), second: scoresOf(90, 100, 10) };
  const { winners, changes } = compare({ judgedOn: 'test' }, { judgedOn: 'test' }, scores);
  // Rows 10 to 99: of the first run 10 to 49 are right, of the second all.
  expect(winners).toMatchObject({ verdict: 'better', n: 90, gained: 50, lost: 0 });
  expect(changes).toContainEqual(expect.stringMatching(/^The second winner against the first: better, \+55\.6 points/));
});

test('a comparison says that only a part of the rows judged both', () => {
  const { winnerJudged } = reportWith();
  if (!winnerJudged) throw new Error('a winner expected');
  const judged = { winnerJudged: { ...winnerJudged, n: 100 } };
  const scores = { first: scoresOf(50, 100), second: scoresOf(90, 100, 10) };
  expect(compare(judged, judged, scores).changes).toContain('Only 90 rows judged both.');
});

test('rows that also chose a winner make claims harder', () => {
  const scores = { first: scoresOf(90, 100), second: scoresOf(97, 100) };
  const contender = reportWith().candidates[0];
  if (!contender) throw new Error('a candidate expected');
  const candidates = Array.from({ length: 9 }, (_, number) => ({
    ...contender,
    id: `c${number}`,
    checkpoints: [],
    validation: { score: 0.9, n: 100, interval: null },
  }));
  const chosen = compare({ judgedOn: 'validation', candidates }, { judgedOn: 'validation', candidates }, scores);
  expect(compareScores([...scores.second.values()], [...scores.first.values()], 0.01).verdict).toBe('better');
  expect(chosen.winners?.verdict).not.toBe('better');
  expect(chosen.changes).toContain('A winner is judged on the rows that chose it, which flatters it.');
});

describe('winners are not compared', () => {
  const rows = { first: scoresOf(50, 100), second: scoresOf(90, 100) };
  test.each<[string, Partial<Report>, Parameters<typeof compareRuns>[2], RegExp]>([
    ['of different pipelines', { pipeline: 'other' }, rows, /different pipelines/],
    ['of different tasks', { task: 'generation' }, rows, /one task is classification, the other generation/],
    ['by different metrics', { metric: 'exact_match' }, rows, /measured by accuracy, the other by exact_match/],
    ['without a winner', { winnerJudged: null }, rows, /without a judged winner/],
    ['without a row in common', {}, { first: rows.first, second: scoresOf(9, 9, 100) }, /no row has judged both/],
  ])('%s', (_what, changes, scores, reason) => {
    const { winners, changes: said } = compare({}, changes, scores);
    expect(winners).toBeNull();
    expect(said.find((line) => line.startsWith('The winners are not compared'))).toMatch(reason);
  });
});

describe('changes in words', () => {
  test('equal runs have no changes in words', () => {
    const n = SAMPLE.winnerJudged?.n ?? 0;
    const rows = { first: scoresOf(50, n), second: scoresOf(50, n) };
    expect(compare({}, {}, rows).changes).toEqual([
      'Both runs say the same: fine-tune.',
      expect.stringMatching(/^The second winner against the first: .*, 0\.0 points/),
      'Both winners cost the same.',
      expect.stringMatching(/^Both have dataset version/),
      'Both have tried the same candidates.',
    ]);
  });

  test('changes in words name another recommendation with both reasons', () => {
    const { changes } = compare(
      { recommendation: 'inconclusive', reason: 'Too few rows.' },
      { recommendation: 'fine-tune', reason: 'Better.' },
    );
    expect(changes.slice(0, 3)).toEqual([
      'The recommendation has changed.',
      'First: Inconclusive: Too few rows.',
      'Second: Fine-tune: Better.',
    ]);
  });

  test('changes in words count rows and candidates that came and went', () => {
    const { dataset, candidates } = reportWith();
    const [first, ...others] = candidates;
    if (!first) throw new Error('a candidate expected');
    const { changes } = compare(
      {},
      {
        dataset: { ...dataset, version: 'new', train: dataset.train + 20, test: dataset.test - 3 },
        candidates: [...others, { ...first, id: 'x' }, { ...first, id: 'y' }],
      },
    );
    expect(changes).toContain(
      `The data have changed: version ${dataset.version} to new, +20 train, 0 validation, -3 test rows.`,
    );
    expect(changes).toContain('The candidates have changed: 2 came, 1 went.');
  });

  test('changes in words compare the cost of a request', () => {
    const { winnerJudged } = SAMPLE;
    if (!winnerJudged) throw new Error('a winner expected');
    const cost = (costPer1kUsd: number | null) => ({ winnerJudged: { ...winnerJudged, costPer1kUsd } });
    expect(compare(cost(2), cost(1)).changes).toContain('A request to the second winner is 50.0 % cheaper.');
    expect(compare(cost(2), cost(null)).changes.join()).not.toContain('cost');
  });

  test('changes in words warn where only one of the winners is an LLM', () => {
    const { changes } = compare({ localTrainer: true }, { localTrainer: false });
    expect(changes).toContain('One of the winners is of the local trainer, not an LLM.');
  });
});

test('figures stand side by side, with a dash for an unknown one', () => {
  const { figures } = compare({ winner: null, winnerModel: null, winnerJudged: null }, { winner: 'b' });
  expect(figures).toContainEqual({ name: 'winner', first: '-', second: 'b' });
  expect(figures.find(({ name }) => name === 'p95')?.first).toBe('-');
});
