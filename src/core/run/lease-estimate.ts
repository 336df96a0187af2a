import { type CheckpointRows, mostCheckpoints } from './checkpoints.ts';
import type { LeaseTerms } from './lease.ts';
import {
  type LeaseBatch,
  type LeaseLoad,
  type LeaseSubject,
  leasesUsd,
  type PlannedLease,
  planLeases,
} from './lease-plan.ts';
import type { Candidate } from './plan.ts';

export interface LeaseEstimateInput {
  /** Null where models are called without leases. */
  leases: LeaseTerms | null;
  /** Requests in flight. */
  concurrency: number;
  candidates: readonly Candidate[];
  /** The rule for the evaluated checkpoints; null for no checkpoints. */
  checkpoints: CheckpointRows | null;
  validationRows: number;
  testRows: number;
  baselineModel: string | null;
  /** The serving model; one with a lease needs no other. */
  champion: { baseModel: string; lease?: object } | null;
  alternatives: readonly string[];
}

export interface LeaseEstimate {
  usd: number | null;
  hours: number;
  /** The share of each candidate in the leases of the validation rows. */
  candidates: (number | null)[];
  /** The leases of the final test. */
  final: number | null;
  /** Models whose hours have no known price. */
  unknownPrices: string[];
}

/** The leases of both evaluations, if no candidate is stopped and all its checkpoints are evaluated. */
export function estimateLeases(
  { leases: terms, concurrency, candidates, checkpoints, validationRows, testRows, ...others }: LeaseEstimateInput,
  judgedRows: number,
): LeaseEstimate {
  if (!terms) return { usd: 0, hours: 0, candidates: candidates.map(() => 0), final: 0, unknownPrices: [] };
  const plan = (subjects: readonly LeaseSubject[], rows: number) => leasesOf(terms, subjects, { rows, concurrency });
  const validation = validationLeases(terms, candidates, { concurrency, checkpoints, validationRows });
  // The winner is not known yet: the most expensive one is assumed. Without test rows its answers exist already.
  const finals = [...new Set(candidates.map(({ baseModel }) => baseModel))].map((baseModel) => {
    const winner = testRows > 0 ? [{ model: 'winner', baseModel, tuned: true }] : [];
    const batches = plan([...winner, ...othersOf(others)], judgedRows);
    return { usd: leasesUsd(batches), leases: batches.flat() };
  });
  const final = finals.reduce((most, one) => (dearer(one.usd, most.usd) ? one : most));
  return {
    usd: sum([...validation.map(({ usd }) => usd), final.usd]),
    hours: [...validation, ...final.leases].reduce((minutes, lease) => minutes + lease.minutes, 0) / 60,
    candidates: candidates.map((_, place) => sum(validation.map((lease) => shareOf(lease, `${place}/`)))),
    final: final.usd,
    unknownPrices: [...validation, ...final.leases].flatMap(({ usd, baseModel }) => (usd === null ? [baseModel] : [])),
  };
}

/** What decides about the leases of the validation rows, besides the candidates. */
export type ValidationLeases = Pick<LeaseEstimateInput, 'leases' | 'concurrency' | 'checkpoints' | 'validationRows'>;

/**
 * What the leases of the validation rows cost for these candidates, in USD, reserve included; an unknown price counts as 0. Two candidates
 * in one lease cost hardly more than one.
 */
export function validationLeasesUsd(
  { leases: terms, ...rows }: ValidationLeases,
  candidates: readonly Candidate[],
): number {
  return terms ? (leasesUsd([validationLeases(terms, candidates, rows)]) ?? 0) : 0;
}

function validationLeases(
  terms: LeaseTerms,
  candidates: readonly Candidate[],
  { concurrency, checkpoints, validationRows }: Omit<ValidationLeases, 'leases'>,
): PlannedLease[] {
  const subjects = candidates.flatMap(({ baseModel, half, hyperparameters: { epochs } }, place): LeaseSubject[] =>
    Array.from({ length: half ? 1 : 1 + mostCheckpoints(epochs, checkpoints) }, (_, model) => ({
      model: `${place}/${model}`,
      baseModel,
      tuned: true,
    })),
  );
  return leasesOf(terms, subjects, { rows: validationRows, concurrency }).flat();
}

function leasesOf({ traits, perHour }: LeaseTerms, subjects: readonly LeaseSubject[], load: LeaseLoad): LeaseBatch[] {
  return planLeases(
    traits,
    subjects.filter(({ baseModel }) => baseModel in perHour),
    load,
    (model) => perHour[model] ?? null,
  );
}

/** The models that answer the judging rows beside the winner. */
function othersOf({
  baselineModel,
  champion,
  alternatives,
}: Pick<LeaseEstimateInput, 'baselineModel' | 'champion' | 'alternatives'>): LeaseSubject[] {
  const prompted = [...(baselineModel === null ? [] : [baselineModel]), ...alternatives];
  return [
    ...(champion && !champion.lease ? [{ model: 'champion', baseModel: champion.baseModel, tuned: true }] : []),
    ...prompted.map((model) => ({ model, baseModel: model, tuned: false })),
  ];
}

/** The share in a lease of the models whose names begin so; 0 where it serves none of them. */
function shareOf({ models, usd }: PlannedLease, prefix: string): number | null {
  const own = models.filter((model) => model.startsWith(prefix)).length;
  if (own === 0) return 0;
  return usd === null ? null : (usd * own) / models.length;
}

/** An unknown price counts as the highest. */
function dearer(usd: number | null, than: number | null): boolean {
  return than !== null && (usd === null || usd > than);
}

function sum(amounts: readonly (number | null)[]): number | null {
  return amounts.reduce<number | null>((total, usd) => (total === null || usd === null ? null : total + usd), 0);
}
