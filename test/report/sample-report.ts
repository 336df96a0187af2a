import { classificationFigures } from '../../src/core/evaluation/classification.ts';
import { type Comparison, compareScores } from '../../src/core/evaluation/comparison.ts';
import { rateInterval } from '../../src/core/evaluation/statistics.ts';
import type { CandidateResult, ContenderResult, Judged } from '../../src/core/run/run-result.ts';
import type { MetricPoint } from '../../src/core/run/training-metrics.ts';
import { signedPoints } from '../../src/core/text/format.ts';
import type { Curve, Flip, Report } from '../../src/report/report.ts';

const MARGIN = 0.01;
const EPOCHS = 4;
const STEPS_PER_EPOCH = 30;

/** Labels of a shop's help desk, how many test rows have them, and with which they are mixed up. */
const LABELS: [label: string, rows: number, similar: string][] = [
  ['delivery_status', 92, 'delivery_delay'],
  ['delivery_delay', 71, 'delivery_status'],
  ['refund_request', 68, 'return_policy'],
  ['return_policy', 60, 'refund_request'],
  ['invoice_copy', 55, 'payment_failed'],
  ['payment_failed', 52, 'double_charge'],
  ['double_charge', 44, 'payment_failed'],
  ['change_address', 41, 'delivery_status'],
  ['cancel_order', 40, 'refund_request'],
  ['account_locked', 36, 'password_reset'],
  ['password_reset', 33, 'account_locked'],
  ['gift_card', 28, 'invoice_copy'],
];

const INPUTS = [
  'my parcel has not moved since tuesday, where is it?',
  'you took the money twice for order 58213',
  'can I send the blue jacket back after three weeks',
  'please send the invoice of last month to my accountant',
  'the code for a new password never arrives',
  'I live somewhere else now, can it still go there?',
];

/** Shares of rows that each model answers correctly; wrong answers are mostly the similar label. */
const QUALITY = { winner: 0.92, baseline: 0.885, cheap: 0.83, strong: 0.91 };
type Answering = keyof typeof QUALITY;

// Its comparisons take a while, and tests ask for many reports.
let made: Report | null = null;

/** The run of a shop that has tried nine candidates; `changes` replace the parts that a test varies. */
export function sampleReport(changes: Partial<Report> = {}): Report {
  made ??= makeReport();
  return { ...made, ...changes };
}

function makeReport(): Report {
  const rows = judgedRows();
  const scores = (model: Answering) => rows.map((row) => Number(row[model] === row.label));
  const compared = (model: Answering) => compareScores(scores('winner'), scores(model), MARGIN);
  const figures = classificationFigures(
    rows.map(({ label, winner }) => ({ expected: label, answer: winner })),
    new Set(LABELS.map(([label]) => label)),
  );
  const rowsOf = (model: Answering) => sampleJudged(scores(model));
  const comparison = compared('baseline');
  return {
    format: 1,
    createdAt: '2026-11-23T08:31:07.000Z',
    runId: 'support-triage/20261123-081530-042',
    pipeline: 'support-triage',
    task: 'classification',
    metric: 'accuracy',
    localTrainer: true,
    dataset: { version: '4f1c2a9be07d', train: 2884, validation: 596, test: rows.length, dropped: 231 },
    estimate: 'Estimate: 36 epochs, about 4 min of machine time, at most $0.0120',
    spent: { usd: 0.4513, trainingUsd: 0.0061, evaluationUsd: 0.4452, epochs: { trained: 19, planned: 36 } },
    candidates: sampleCandidates(),
    baseline: {
      kind: 'live',
      ...rowsOf('baseline'),
      model: 'gpt-4o',
      costPer1kUsd: 5.61,
      cachedCostPer1kUsd: 3.24,
      p50Ms: 742,
      p95Ms: 1460,
      p95Interval: { low: 1310, high: 1712 },
    },
    winner: 'local-base-lr1-e4',
    winnerModel: 'ft:local-base:support-triage:8f3a',
    winnerReason: 'the cheapest that is within 1.0 points of the best, with a probability of at least 90.0 %',
    optimism: 0.0082,
    winnerJudged: {
      ...rowsOf('winner'),
      model: 'ft:local-base:support-triage:8f3a',
      scores: { macro_f1: figures.macroF1 },
      costPer1kUsd: 0.0000021,
      p50Ms: 3.1,
      p95Ms: 6.4,
      p95Interval: { low: 5.8, high: 7.9 },
    },
    judgedOn: 'test',
    champion: null,
    promotion: { promote: true, why: 'The winner is better than the baseline.' },
    comparison,
    alternatives: [
      {
        model: 'gpt-4o-mini',
        judged: { ...rowsOf('cheap'), costPer1kUsd: 0.337, cachedCostPer1kUsd: 0.195, p50Ms: 510, p95Ms: 1105 },
        comparison: compared('cheap'),
        failure: null,
      },
      {
        model: 'gpt-4.1',
        judged: { ...rowsOf('strong'), costPer1kUsd: 4.49, cachedCostPer1kUsd: 1.84, p50Ms: 655, p95Ms: 1320 },
        comparison: compared('strong'),
        failure: null,
      },
    ],
    savingPercent: 99.99996,
    cachedSavingPercent: 99.99994,
    breakEvenRequests: 81,
    breakEvenCachedRequests: 140,
    recommendation: 'fine-tune',
    reason: `The winner is better: ${pointsText(comparison)}, over 99.9 % cheaper, p95 6.4 ms against 1460 ms.`,
    notes: [
      'Candidates come from the local trainer, not an LLM: their cost is machine time at $0.100 an hour.',
      '5 of 9 jobs were stopped early, because they were behind.',
      '1 of 9 candidates have no model.',
      'labels with under 20 validation rows: gift_card',
    ],
    reportPath: '/home/tuneloop/runs/support-triage/20261123-081530-042/report.html',
    curves: sampleCurves(),
    classification: figures,
    flips: {
      gained: flipsOf(rows, (row) => row.winner === row.label && row.baseline !== row.label),
      lost: flipsOf(rows, (row) => row.winner !== row.label && row.baseline === row.label),
    },
    data: {
      rowsRead: 4331,
      verdicts: [
        { verdict: 'crlf', rows: 412, places: ['logs/october.jsonl:1', 'logs/october.jsonl:2'] },
        { verdict: 'exact-duplicate', rows: 118, places: ['logs/october.jsonl:77', 'logs/november.jsonl:4'] },
        { verdict: 'near-duplicate', rows: 74, places: ['logs/october.jsonl:80'] },
        { verdict: 'padded-label', rows: 31, places: ['logs/november.jsonl:12'] },
        { verdict: 'refusal', rows: 23, places: ['logs/november.jsonl:301'] },
        { verdict: 'broken-json', rows: 9, places: ['logs/november.jsonl:1999'] },
        { verdict: 'quarantined', rows: 7, places: ['logs/november.jsonl:2001'] },
      ],
      labels: Object.fromEntries(
        LABELS.map(([label, test]) => [label, { train: test * 5 - 18, validation: test - 2, test }]),
      ),
      groups: { all: 3894, nearDuplicates: 163 },
      split: { by: 'hash', seed: 7 },
      redactions: { email: 96, phone: 41, order_number: 312 },
      templateVersions: 2,
    },
    prices: { date: '2026-11-02', source: 'the price list that comes with Tuneloop' },
  };
}

function pointsText({ difference, interval: { low, high }, n }: Comparison): string {
  return `${signedPoints(difference)} points (95 % interval ${signedPoints(low)} to ${signedPoints(high)}, ${n} rows)`;
}

type Row = { index: number; label: string } & Record<Answering, string>;

function judgedRows(): Row[] {
  const random = mulberry(6);
  return LABELS.flatMap(([label, rows, similar]) =>
    Array.from({ length: rows }, () => ({ label, similar, hardness: random() })),
  ).map(({ label, similar, hardness }, index) => {
    const answer = (model: Answering) => {
      if ((hardness + random() * 0.9) % 1 < QUALITY[model]) return label;
      if (model === 'cheap' && random() < 0.2) return 'Sorry, I cannot tell.';
      return random() < 0.7 ? similar : (LABELS[Math.floor(random() * LABELS.length)]?.[0] ?? similar);
    };
    return {
      index,
      label,
      winner: answer('winner'),
      baseline: answer('baseline'),
      cheap: answer('cheap'),
      strong: answer('strong'),
    };
  });
}

function flipsOf(rows: readonly Row[], flipped: (row: Row) => boolean): Flip[] {
  return rows
    .filter(flipped)
    .map(({ index, label, winner, baseline }) => ({
      id: `logs/november.jsonl:${index + 1}`,
      input: INPUTS[index % INPUTS.length] ?? '',
      expected: label,
      winner,
      baseline,
      difference: Number(winner === label) - Number(baseline === label),
    }))
    .slice(0, 25);
}

function sampleJudged(scores: readonly number[]): Judged {
  const right = scores.reduce((sum, score) => sum + score, 0);
  return {
    model: null,
    score: right / scores.length,
    scoreInterval: rateInterval(right, scores.length),
    n: scores.length,
    scores: {},
    costPer1kUsd: null,
    cachedCostPer1kUsd: null,
    p50Ms: null,
    p95Ms: null,
    p95Interval: null,
    timed: 50,
    invalid: 0,
  };
}

type Sweep = [model: string, rate: number, end: number, stop: number | null, usd: number, p95: number];

const SWEEP: Sweep[] = [
  ['local-base', 1, 0.946, null, 0.0000021, 6.4],
  ['local-base', 2, 0.951, null, 0.0000024, 6.9],
  ['local-base', 0.5, 0.917, 2, 0.0000021, 6.6],
  ['local-mini', 2, 0.933, null, 0.0000013, 4.8],
  ['local-mini', 1, 0.902, 2, 0.0000013, 4.7],
  ['local-mini', 0.5, 0.87, 1, 0.0000013, 4.7],
  ['local-nano', 2, 0.836, 1, 0.0000008, 3.9],
  ['local-nano', 1, 0.79, 1, 0.0000008, 3.9],
];

function sampleCandidates(): CandidateResult[] {
  const candidates = SWEEP.map(([baseModel, rate, end, stop, usd, p95]): CandidateResult => {
    const id = `${baseModel}-lr${rate}-e${EPOCHS}`;
    const contended = (name: string, score: number, onFront: boolean, reason: string | null): ContenderResult => ({
      id: name,
      model: `ft:${baseModel}:${name}`,
      validation: { score, n: 596, interval: rateInterval(Math.round(score * 596), 596) },
      costPer1kUsd: usd,
      p50Ms: p95 / 2,
      p95Ms: p95,
      invalid: 0,
      onFront,
      reason,
    });
    const common = {
      baseModel,
      hyperparameters: { learningRateMultiplier: rate, epochs: EPOCHS },
      treatment: 'strip' as const,
      half: false,
      jobId: `ftjob-${baseModel}-${rate}`,
      trainingUsd: 0.0008 * ((stop ?? EPOCHS) / EPOCHS),
      trainingSeconds: 7 * (stop ?? EPOCHS),
      epochs: stop ?? EPOCHS,
    };
    if (stop !== null) {
      return {
        ...contended(id, end, false, `behind after epoch ${stop}: ${(end * 100 - 4).toFixed(1)} % of validation rows`),
        ...common,
        model: null,
        validation: null,
        costPer1kUsd: null,
        p50Ms: null,
        p95Ms: null,
        invalid: null,
        status: 'stopped',
        checkpoints: [],
      };
    }
    const isWinner = id === 'local-base-lr1-e4';
    return {
      ...contended(
        id,
        end,
        isWinner || baseModel === 'local-mini' || rate === 2,
        isWinner
          ? null
          : rate === 2 && baseModel === 'local-base'
            ? 'the best, but a cheaper one is within the margin'
            : 'cheaper, but 1.3 points behind, which may be more than the margin of 1.0',
      ),
      ...common,
      status: 'succeeded',
      checkpoints: [2, 3].map((epoch) =>
        contended(
          `${id}@${epoch}`,
          end - 0.006 * (EPOCHS - epoch) ** 2,
          false,
          'another one is at least as good, as cheap and as fast',
        ),
      ),
    };
  });
  return [
    ...candidates,
    {
      id: 'local-nano-lr0.5-e4',
      model: null,
      validation: null,
      costPer1kUsd: null,
      p50Ms: null,
      p95Ms: null,
      invalid: null,
      onFront: false,
      reason: 'TRAINING_FAILED: the server ran out of memory',
      baseModel: 'local-nano',
      hyperparameters: { learningRateMultiplier: 0.5, epochs: EPOCHS },
      treatment: 'strip',
      half: false,
      jobId: 'ftjob-local-nano-0.5',
      status: 'failed',
      trainingUsd: null,
      trainingSeconds: null,
      epochs: null,
      checkpoints: [],
    },
  ];
}

/** The accuracy rises towards that of the end, the loss falls with it; the fastest learners overfit a little. */
function sampleCurves(): Curve[] {
  return SWEEP.map(([baseModel, rate, end, stop]) => {
    const random = mulberry(Math.round(end * 1e4));
    const steps = (stop ?? EPOCHS) * STEPS_PER_EPOCH;
    const points = Array.from({ length: steps }, (_, index): MetricPoint => {
      const epoch = (index + 1) / STEPS_PER_EPOCH;
      const whole = Number.isInteger(epoch);
      const loss = 0.25 + 2.2 * (1 - end) + 2.1 * Math.exp(-epoch * (0.8 + rate));
      return {
        step: index + 1,
        totalSteps: EPOCHS * STEPS_PER_EPOCH,
        trainLoss: loss * (0.85 - epoch * 0.05) + random() * 0.12,
        validLoss: index % 5 === 4 ? loss + random() * 0.05 : null,
        fullValidLoss: whole ? loss + 0.02 * rate * epoch : null,
        fullValidAccuracy: whole ? end - 0.16 * Math.exp(-epoch * (0.5 + rate / 2)) : null,
      };
    });
    return {
      candidate: `${baseModel}-lr${rate}-e${EPOCHS}`,
      points,
      plannedEpochs: EPOCHS,
      stoppedAfterEpoch: stop,
    };
  });
}

/** Random numbers from 0 to 1 (T. Ettinger, mulberry32): the same in each run. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
