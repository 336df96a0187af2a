import type { Interval } from '../../core/evaluation/statistics.ts';
import type { ContenderResult, Judged } from '../../core/run/run-result.ts';
import { millisecondsText, percentText, usdText } from '../../core/text/format.ts';
import type { Report } from '../report.ts';

export type MarkKind = 'candidate' | 'checkpoint' | 'chosen' | 'winner' | 'baseline' | 'cached' | 'alternative';

/** A model in a chart of quality against something. `chosen` is the winner on the rows that chose it. */
export interface Mark {
  kind: MarkKind;
  name: string;
  score: number | null;
  interval: Interval | null;
  costPer1kUsd: number | null;
  p95Ms: number | null;
  onFront: boolean;
}

/** Everything that was measured, the most important first. */
export function marksOf(report: Report): Mark[] {
  const { baseline, winner, winnerJudged, alternatives, candidates } = report;
  return [
    ...(winnerJudged ? [judgedMark('winner', winner ?? '', winnerJudged)] : []),
    judgedMark('baseline', baseline.model ?? 'unknown model', baseline),
    ...alternatives.flatMap((each) => (each.judged ? [judgedMark('alternative', nameOf(each), each.judged)] : [])),
    ...cachedMark(baseline.model ?? 'unknown model', baseline),
    ...alternatives.flatMap((each) => (each.judged ? cachedMark(nameOf(each), each.judged) : [])),
    ...candidates
      .flatMap(({ checkpoints, ...candidate }) => [
        contendedMark('candidate', candidate, winner),
        ...checkpoints.map((checkpoint) => contendedMark('checkpoint', checkpoint, winner)),
      ])
      .toSorted((a, b) => Number(b.onFront) - Number(a.onFront) || (b.score ?? 0) - (a.score ?? 0)),
  ];
}

function nameOf({ model, constrained }: Report['alternatives'][number]): string {
  return constrained ? `${model}, held to the form` : model;
}

function judgedMark(kind: MarkKind, name: string, { score, scoreInterval, costPer1kUsd, p95Ms }: Judged): Mark {
  return { kind, name, score, interval: scoreInterval, costPer1kUsd, p95Ms, onFront: false };
}

/** The same model if the provider caches the prefix of its prompt: as good and as fast, but cheaper. */
function cachedMark(name: string, { score, cachedCostPer1kUsd }: Judged): Mark[] {
  if (cachedCostPer1kUsd === null) return [];
  return [
    { kind: 'cached', name, score, interval: null, costPer1kUsd: cachedCostPer1kUsd, p95Ms: null, onFront: false },
  ];
}

function contendedMark(kind: 'candidate' | 'checkpoint', contended: ContenderResult, winner: string | null): Mark {
  const { id, validation, costPer1kUsd, p95Ms, onFront } = contended;
  return {
    kind: id === winner ? 'chosen' : kind,
    name: id,
    score: validation?.score ?? null,
    interval: validation?.interval ?? null,
    costPer1kUsd,
    p95Ms,
    onFront,
  };
}

/** A mark in words. */
export function markText({ kind, name, score, costPer1kUsd, p95Ms }: Mark): string {
  const parts = [
    score === null ? 'quality unknown' : percentText(score),
    costPer1kUsd === null ? 'cost unknown' : `${usdText(costPer1kUsd)} per 1,000 requests`,
    ...(p95Ms === null ? [] : [`p95 ${millisecondsText(p95Ms)}`]),
  ];
  return `${KINDS[kind]} ${name}: ${parts.join(', ')}`;
}

/** The meaning of the shapes. */
export const KINDS: Record<MarkKind, string> = {
  winner: 'winner',
  baseline: 'baseline',
  cached: 'with a cached prefix',
  alternative: 'alternative',
  chosen: 'winner on the rows that chose it',
  candidate: 'candidate',
  checkpoint: 'checkpoint',
};

/** A model without a score has no place in a chart, except the baseline, whose cost is always shown. */
export function hasPlace({ score, kind }: Mark): boolean {
  return score !== null || kind === 'baseline' || kind === 'cached';
}
