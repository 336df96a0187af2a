import { randomShares } from '@tuneloop/app/internal/shared/random';
import { compareScores, type Verdict } from '../src/core/evaluation/comparison.ts';
import { selectWinner } from '../src/core/evaluation/selection.ts';
import { mean } from '../src/core/evaluation/statistics.ts';
import { percentText, signedPoints } from '../src/core/text/format.ts';

/** Rows that choose, and as many others that judge. */
const SIZES = [20, 50, 200, 500] as const;
const DRAWS = 2000;
const CANDIDATES = 9;
const MARGIN = 0.01;
/** A verdict `better` about equal models may not be more frequent. */
const MOST_FALSE_WINS = 0.025;
/** Rows are equally hard for all models: a right answer has a probability of Beta(6, 1), so 86 % in the mean. */
const HARDNESS = 6;

interface Row {
  n: number;
  /** How often the best of nine beats the baseline on the rows that chose it. */
  naive: number;
  /** How much the best of nine is overstated, and the estimate of `selectWinner` for that, in the mean. */
  flattered: number;
  optimism: number;
  verdicts: Record<Verdict, number>;
}

/**
 * Nine candidates that are exactly as good as the baseline: how often is one of them called better? By picking the best of
 * nine on the rows that chose it, and by this project's choice and comparison. Exits with 1 where the latter is too often.
 */
export function falseWinsTable(): void {
  console.log(
    `Nine candidates that truly equal the baseline, ${DRAWS.toLocaleString('en')} draws for each size (rows of right and wrong)`,
  );
  console.log(
    '| rows | naive: best of nine beats it | flattered by | its estimate | verdict better | non-inferior | inconclusive | worse |',
  );
  console.log('|---:|---:|---:|---:|---:|---:|---:|---:|');
  for (const n of SIZES) {
    const { naive, flattered, optimism, verdicts } = drawAll(n);
    const cells = [
      n,
      percentText(naive),
      signedPoints(flattered),
      signedPoints(optimism),
      ...(['better', 'non-inferior', 'inconclusive', 'worse'] as const).map((verdict) =>
        percentText(verdicts[verdict]),
      ),
    ];
    console.log(`| ${cells.join(' | ')} |`);
    if (verdicts.better > MOST_FALSE_WINS) process.exitCode = 1;
  }
  const limit = percentText(MOST_FALSE_WINS);
  console.log(process.exitCode === 1 ? `FAILED: more than ${limit} false wins` : `false wins stay within ${limit}`);
}

function drawAll(n: number): Row {
  const random = randomShares(n);
  const row: Row = {
    n,
    naive: 0,
    flattered: 0,
    optimism: 0,
    verdicts: { better: 0, 'non-inferior': 0, worse: 0, inconclusive: 0 },
  };
  const costs = Array.from({ length: CANDIDATES }, (_, candidate) => 0.1 + 0.05 * candidate);
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const choosing = answers(n, random);
    const judging = answers(n, random);
    const contenders = costs.map((costPer1kUsd, candidate) => ({
      id: `candidate-${candidate}`,
      scores: choosing[candidate] ?? [],
      costPer1kUsd,
      p95Ms: 100 + 10 * candidate,
      invalid: 0,
    }));
    const best = Math.max(...contenders.map(({ scores }) => mean(scores)));
    if (best > mean(choosing[CANDIDATES] ?? [])) row.naive += 1 / DRAWS;
    row.flattered += (best - HARDNESS / (HARDNESS + 1)) / DRAWS;
    const { winner, optimism } = selectWinner(contenders, { margin: MARGIN, max_invalid: 0.1 });
    row.optimism += optimism / DRAWS;
    const won = contenders.findIndex(({ id }) => id === winner);
    const { verdict } = compareScores(judging[won] ?? [], judging[CANDIDATES] ?? [], MARGIN);
    row.verdicts[verdict] += 1 / DRAWS;
  }
  return row;
}

/** Scores of the candidates and, last, of the baseline, on rows that are equally hard for all. */
function answers(n: number, random: () => number): number[][] {
  const rows = Array.from({ length: n }, () => random() ** (1 / HARDNESS));
  return Array.from({ length: CANDIDATES + 1 }, () => rows.map((right) => Number(random() < right)));
}

if (import.meta.main) falseWinsTable();
