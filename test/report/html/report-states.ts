import { classificationFigures } from '../../../src/core/evaluation/classification.ts';
import { compareScores } from '../../../src/core/evaluation/comparison.ts';
import type { CandidateResult } from '../../../src/core/run/run-result.ts';
import type { Report } from '../../../src/report/report.ts';
import { sampleReport } from '../sample-report.ts';

/** Hostile or unlucky texts of a row. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '</style><script>alert(2)</script>',
  '</title></svg><img src=x onerror=alert(3)>',
  '" onmouseover="alert(4)" x="',
  "' onfocus='alert(5)' autofocus='",
  ']]><!-- <![CDATA[ --!>',
  '\u202egnirts desrever\u2066',
  '\u0000\u001b[31m\ud800 \udfff',
  '&lt;b&gt; &#60;i&#62; javascript:alert(6)',
  'W'.repeat(1_000_000),
] as const;

/** Every state that a report can be in, by name. */
export const STATES: Record<string, () => Report> = {
  'a winner': () => sampleReport(),
  'no winner': () => sampleReport(nobody('No candidate passed the limits of the pipeline.')),
  'all candidates failed': () =>
    sampleReport({
      ...nobody('No candidate passed the limits of the pipeline.'),
      candidates: sampleReport().candidates.map(failed),
      curves: [],
    }),
  'no test rows': () => sampleReport({ judgedOn: 'validation', recommendation: 'inconclusive' }),
  'unknown costs': unknownCosts,
  'the quality of the baseline is unknown': () => {
    const { baseline } = sampleReport();
    return sampleReport({
      baseline: { ...baseline, kind: 'recorded', score: null, scoreInterval: null, n: 0, invalid: null },
      comparison: null,
      alternatives: [],
      flips: null,
      recommendation: 'inconclusive',
    });
  },
  'generation by an LLM': generation,
  '77 labels': manyLabels,
  'one candidate': () => {
    const { candidates, curves } = sampleReport();
    return sampleReport({
      candidates: candidates.slice(0, 1).map((each) => ({ ...each, checkpoints: [] })),
      curves: curves.slice(0, 1),
      alternatives: [],
    });
  },
  '36 contenders': manyContenders,
  'long names': () => renamed((name) => `${name}-${'of-a-very-long-name-without-any-blank'.repeat(4)}`),
  'a cost of nothing': () => {
    const { winnerJudged, candidates } = sampleReport();
    return sampleReport({
      winnerJudged: winnerJudged && { ...winnerJudged, costPer1kUsd: 0 },
      candidates: candidates.map((each) => ({
        ...each,
        costPer1kUsd: each.model === null ? null : 0,
        checkpoints: [],
      })),
    });
  },
  'hostile rows': hostile,
};

function nobody(reason: string): Partial<Report> {
  return {
    winner: null,
    winnerModel: null,
    winnerReason: null,
    winnerJudged: null,
    optimism: null,
    comparison: null,
    alternatives: sampleReport().alternatives.map((each) => ({ ...each, comparison: null })),
    classification: null,
    flips: null,
    savingPercent: null,
    cachedSavingPercent: null,
    breakEvenRequests: null,
    breakEvenCachedRequests: null,
    recommendation: 'do-not-fine-tune',
    reason,
  };
}

function failed(candidate: CandidateResult): CandidateResult {
  return {
    ...candidate,
    status: 'failed',
    model: null,
    validation: null,
    costPer1kUsd: null,
    p50Ms: null,
    p95Ms: null,
    invalid: null,
    onFront: false,
    reason: 'TRAINING_FAILED: the provider has refused the file',
    checkpoints: [],
  };
}

function unknownCosts(): Report {
  const report = sampleReport();
  const without = { costPer1kUsd: null, cachedCostPer1kUsd: null };
  return {
    ...report,
    localTrainer: false,
    baseline: { ...report.baseline, ...without },
    winnerJudged: report.winnerJudged && { ...report.winnerJudged, ...without },
    alternatives: report.alternatives.map((each) => ({
      ...each,
      judged: each.judged && { ...each.judged, ...without },
    })),
    candidates: report.candidates.map((each) => ({
      ...each,
      costPer1kUsd: null,
      checkpoints: each.checkpoints.map((checkpoint) => ({ ...checkpoint, costPer1kUsd: null })),
    })),
    savingPercent: null,
    cachedSavingPercent: null,
    breakEvenRequests: null,
    breakEvenCachedRequests: null,
  };
}

/** Graded scores, costs of the same order as those of the baseline, losses without accuracies. */
function generation(): Report {
  const report = sampleReport();
  const graded = (shift: number) => Array.from({ length: 240 }, (_, row) => ((row * 7919) % 97) / 140 + shift);
  const comparison = compareScores(graded(0.21), graded(0.2), 0.02);
  const judged = { score: 0.552, scoreInterval: { low: 0.51, high: 0.594 }, n: 240, invalid: 0.004 };
  return {
    ...report,
    task: 'generation',
    metric: 'rouge_l',
    localTrainer: false,
    recommendation: 'inconclusive',
    comparison: { ...comparison, verdict: 'worse', difference: -0.021, interval: { low: -0.039, high: -0.004 } },
    alternatives: [],
    classification: null,
    baseline: { ...report.baseline, ...judged, score: 0.571, scoreInterval: { low: 0.53, high: 0.61 } },
    winnerJudged: report.winnerJudged && {
      ...report.winnerJudged,
      ...judged,
      scores: { bleu: 0.31, 'exact match': 0.04 },
      costPer1kUsd: 2.11,
      p95Ms: 980,
    },
    savingPercent: 62.4,
    cachedSavingPercent: 34.9,
    candidates: report.candidates.map((each, index) => ({
      ...each,
      validation: each.validation && {
        score: 0.52 + index / 90,
        n: 240,
        interval: { low: 0.48 + index / 90, high: 0.56 + index / 90 },
      },
      costPer1kUsd: each.model === null ? null : 1.9 + index / 10,
      p95Ms: each.model === null ? null : 900 + index * 40,
      checkpoints: [],
    })),
    curves: report.curves.map((curve) => ({
      ...curve,
      points: curve.points.map((point) => ({ ...point, totalSteps: null, fullValidAccuracy: null })),
    })),
    data: { ...report.data, labels: null, split: { by: 'time', seed: 0 } },
  };
}

function manyLabels(): Report {
  const labels = Array.from({ length: 77 }, (_, index) => `card_payment_${index}_not_recognised`);
  const rows = labels.flatMap((expected, index) =>
    Array.from({ length: 8 }, (_, row) => ({
      expected,
      answer: row * 11 < index % 29 ? (labels[(index + 1 + (row % 2)) % 77] ?? '') : expected,
    })),
  );
  return sampleReport({
    classification: classificationFigures([...rows, { expected: labels[0] ?? '', answer: 'no idea' }], new Set(labels)),
  });
}

function manyContenders(): Report {
  const { candidates, curves } = sampleReport();
  const [first] = candidates;
  const [curve] = curves;
  if (!first || !curve) throw new Error('a candidate expected');
  const many = Array.from({ length: 36 }, (_, index): CandidateResult => {
    const score = 0.78 + ((index * 37) % 36) / 210;
    const id = index === 20 ? first.id : `gpt-4.1-mini-lr${index + 1}-e3`;
    return {
      ...first,
      id,
      validation: { score, n: 596, interval: { low: score - 0.02, high: score + 0.018 } },
      costPer1kUsd: 0.2 + ((index * 13) % 36) / 9,
      p95Ms: 300 + ((index * 29) % 36) * 30,
      onFront: index % 7 === 6,
      checkpoints: [],
    };
  });
  const { winnerJudged } = sampleReport();
  return sampleReport({
    localTrainer: false,
    winnerJudged: winnerJudged && { ...winnerJudged, costPer1kUsd: 1.1, p95Ms: 480 },
    candidates: many,
    curves: many.map(({ id }) => ({ ...curve, candidate: id })),
  });
}

/** Every name that comes from outside is another one. */
function renamed(rename: (name: string) => string): Report {
  const report = sampleReport();
  const { classification, data } = report;
  return {
    ...report,
    pipeline: rename(report.pipeline),
    metric: rename(report.metric),
    winner: report.winner && rename(report.winner),
    winnerModel: report.winnerModel && rename(report.winnerModel),
    baseline: { ...report.baseline, model: rename('gpt-4o') },
    alternatives: report.alternatives.map((each) => ({ ...each, model: rename(each.model) })),
    candidates: report.candidates.map((each) => ({
      ...each,
      id: rename(each.id),
      reason: rename('why'),
      checkpoints: each.checkpoints.map((checkpoint) => ({ ...checkpoint, id: rename(checkpoint.id) })),
    })),
    curves: report.curves.map((curve) => ({ ...curve, candidate: rename(curve.candidate) })),
    classification: classification && {
      ...classification,
      labels: classification.labels.map((each) => ({ ...each, label: rename(each.label) })),
      confusion: classification.confusion.map((each) => ({
        ...each,
        label: rename(each.label),
        answer: each.answer && rename(each.answer),
      })),
    },
    data: {
      ...data,
      labels: Object.fromEntries(Object.entries(data.labels ?? {}).map(([label, sides]) => [rename(label), sides])),
      verdicts: data.verdicts.map((each) => ({ ...each, places: each.places.map(rename) })),
    },
  };
}

function hostile(): Report {
  let turn = 0;
  const report = renamed((name) => {
    turn += 1;
    return `${HOSTILE[turn % HOSTILE.length]} ${name}`;
  });
  const flips = HOSTILE.map((text) => ({
    id: text,
    input: text,
    expected: text,
    winner: text,
    baseline: text,
    difference: 1,
  }));
  return {
    ...report,
    runId: HOSTILE[3],
    createdAt: HOSTILE[3],
    reason: HOSTILE.join(' '),
    winnerReason: HOSTILE[2],
    estimate: HOSTILE[1],
    notes: [...HOSTILE],
    prices: { date: HOSTILE[0], source: HOSTILE[2] },
    dataset: { ...report.dataset, version: HOSTILE[1] },
    flips: { gained: flips, lost: flips },
    data: { ...report.data, redactions: { [HOSTILE[2]]: 3 } },
    winnerJudged: report.winnerJudged && { ...report.winnerJudged, scores: { [HOSTILE[3]]: 0.5 } },
  };
}
