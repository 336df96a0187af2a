import { percentText } from '../text/format.ts';
import type { Candidate } from './plan.ts';

/** The report of a job at the end of one of its first epochs, measured on all validation rows. */
export interface EpochReport {
  /** Id of the candidate. */
  candidate: string;
  /** From 1. */
  epoch: number;
  validLoss: number | null;
  /** 0 to 1. */
  validAccuracy: number | null;
}

/** A candidate whose job is not worth training further. */
export interface Stop {
  candidate: string;
  afterEpoch: 1 | 2;
  /** In words and figures, for people. */
  reason: string;
}

/** How a candidate has ended; `stopped`: by this rule, from the moment that its job was told to stop. */
export type CandidateEnd = 'succeeded' | 'stopped' | 'failed' | 'cancelled' | 'skipped';

/** The rule never stops this many candidates. */
const FEWEST_KEPT = 3;

/** How many of `candidates` the rule keeps after an epoch: of nine, five after the first and three after the second. */
export function keptAfter(epoch: 1 | 2, candidates: number): number {
  const share = epoch === 1 ? (5 * candidates) / 9 : candidates / 3;
  return Math.min(candidates, Math.max(FEWEST_KEPT, Math.ceil(share)));
}

/** The fewest epochs that are trained with the early stop, if no job fails. */
export function fewestEpochs(candidates: readonly Candidate[]): number {
  const contenders = candidates.filter(({ half }) => !half);
  const models = new Set(contenders.map(({ baseModel }) => baseModel)).size;
  const afterSecond = keptAfter(2, contenders.length);
  const afterFirst = Math.max(keptAfter(1, contenders.length), models);
  const epochs = contenders.map(({ hyperparameters }) => hyperparameters.epochs).sort((a, b) => a - b);
  const paid = epochs.map((all, place) => {
    if (place < afterSecond) return all;
    return Math.min(all, place < afterFirst ? 2 : 1);
  });
  return plannedEpochs(candidates.filter(({ half }) => half)) + paid.reduce((sum, each) => sum + each, 0);
}

export function plannedEpochs(candidates: readonly Candidate[]): number {
  return candidates.reduce((sum, { hyperparameters }) => sum + hyperparameters.epochs, 0);
}

/**
 * Which candidates to stop now. Successive halving with two rungs (Jamieson and Talwalkar, 2016) for jobs that run at different paces: a
 * candidate is stopped once so many others are ahead of it after the same epoch that no later report can save it. All orders of the same
 * reports therefore stop the same candidates.
 *
 * - A candidate is ahead if its validation accuracy is higher, or at equal accuracy its validation loss lower; for
 * generation, and of two reports without accuracy, if its loss is lower. A report without that figure stops no candidate.
 * - After the first epoch the best of each base model is kept, because larger models may begin slowly.
 * - A lost candidate (failed, cancelled, not paid for) counts as never planned. Three are left, unless more are lost.
 * - A job on half of the rows takes no part.
 *
 * @param reports of any epochs in any order; of several of one candidate and epoch the first counts.
 * @param ended the candidates that no longer run.
 */
export function candidatesToStop(
  candidates: readonly Candidate[],
  reports: readonly EpochReport[],
  ended: ReadonlyMap<string, CandidateEnd>,
  task: 'classification' | 'generation',
): Stop[] {
  const contenders = candidates.filter(({ id, half }) => !half && !isLost(ended.get(id)));
  const first = new Rung(1, contenders, reports, ended, task);
  // Only a candidate that is safe in the first rung may push others out of the second.
  const through = contenders.filter((each) => ended.get(each.id) !== 'stopped' && isThrough(first, each, contenders));
  const second = new Rung(2, contenders, reports, ended, task);

  const stops: Ranked[] = [];
  for (const candidate of contenders) {
    if (ended.has(candidate.id)) continue;
    const isBehindAtFirst =
      first.isOut(candidate, contenders) && first.ahead(candidate, sameModel(candidate, contenders)) > 0;
    const rung = isBehindAtFirst ? first : second.isOut(candidate, through) ? second : null;
    // After the last epoch no job is left to stop.
    if (!rung || candidate.hyperparameters.epochs <= rung.epoch) continue;
    const rivals = rung === first ? contenders : through;
    stops.push({ ahead: rung.ahead(candidate, rivals), stop: rung.stop(candidate, rivals) });
  }
  const left = contenders.filter(({ id }) => ended.get(id) !== 'stopped').length;
  // If others were lost after they had pushed a candidate out, the worst ones are stopped first.
  return stops
    .sort((a, b) => a.stop.afterEpoch - b.stop.afterEpoch || b.ahead - a.ahead)
    .slice(0, Math.max(0, left - FEWEST_KEPT))
    .map(({ stop }) => stop);
}

interface Ranked {
  stop: Stop;
  /** The number of candidates ahead of it. */
  ahead: number;
}

/** The candidates after one epoch. */
class Rung {
  readonly epoch: 1 | 2;
  readonly #kept: number;
  readonly #of: number;
  readonly #figures = new Map<string, Figures | null>();
  readonly #ended: ReadonlyMap<string, CandidateEnd>;

  constructor(
    epoch: 1 | 2,
    contenders: readonly Candidate[],
    reports: readonly EpochReport[],
    ended: ReadonlyMap<string, CandidateEnd>,
    task: 'classification' | 'generation',
  ) {
    this.epoch = epoch;
    this.#of = contenders.length;
    this.#kept = keptAfter(epoch, contenders.length);
    this.#ended = ended;
    for (const report of reports) {
      if (report.epoch !== epoch || this.#figures.get(report.candidate)) continue;
      this.#figures.set(report.candidate, figuresOf(report, task));
    }
  }

  /** The number of rivals that are known to be ahead of a candidate. */
  ahead({ id }: Candidate, rivals: readonly Candidate[]): number {
    const own = this.#figures.get(id);
    if (!own) return 0;
    return rivals.filter((rival) => isAhead(this.#figures.get(rival.id), own)).length;
  }

  /** The number of rivals that may still turn out to be ahead. */
  mayGetAhead({ id }: Candidate, rivals: readonly Candidate[]): number {
    return rivals.filter((rival) => rival.id !== id && !this.#figures.has(rival.id) && !this.#ended.has(rival.id))
      .length;
  }

  hasReported({ id }: Candidate): boolean {
    return this.#figures.has(id);
  }

  isOut(candidate: Candidate, rivals: readonly Candidate[]): boolean {
    return this.ahead(candidate, rivals) >= this.#kept;
  }

  /** Whether it is kept whatever is reported later. */
  isSafe(candidate: Candidate, rivals: readonly Candidate[]): boolean {
    return this.ahead(candidate, rivals) + this.mayGetAhead(candidate, rivals) < this.#kept;
  }

  stop(candidate: Candidate, rivals: readonly Candidate[]): Stop {
    const figures = this.#figures.get(candidate.id);
    const accuracy = figures?.accuracy ?? null;
    const figure =
      accuracy === null
        ? `validation loss ${figures?.loss?.toFixed(3)}`
        : `validation accuracy ${percentText(accuracy)}`;
    const ahead = this.ahead(candidate, rivals);
    const reason = `${figure} after epoch ${this.epoch}: ${ahead} of ${this.#of} candidates are ahead, and the best ${this.#kept} are trained further`;
    return { candidate: candidate.id, afterEpoch: this.epoch, reason };
  }
}

/** Whether the first rung can no longer stop a candidate. */
function isThrough(first: Rung, candidate: Candidate, contenders: readonly Candidate[]): boolean {
  if (!first.hasReported(candidate)) return false;
  if (first.isSafe(candidate, contenders)) return true;
  const siblings = sameModel(candidate, contenders);
  return first.ahead(candidate, siblings) + first.mayGetAhead(candidate, siblings) === 0;
}

/** The figures by which candidates are compared: without accuracy, the loss decides. */
interface Figures {
  accuracy: number | null;
  loss: number | null;
}

/** Null where the report lacks the deciding figure. Some providers measure no accuracy. */
function figuresOf({ validAccuracy, validLoss }: EpochReport, task: 'classification' | 'generation'): Figures | null {
  const loss = finiteOrNull(validLoss);
  const accuracy = task === 'generation' ? null : finiteOrNull(validAccuracy);
  return accuracy === null && loss === null ? null : { accuracy, loss };
}

function finiteOrNull(figure: number | null): number | null {
  return figure !== null && Number.isFinite(figure) ? figure : null;
}

/** Equals are not ahead of each other, nor is a report with accuracy ahead of one without. */
function isAhead(rival: Figures | null | undefined, own: Figures): boolean {
  if (!rival) return false;
  if (rival.accuracy !== own.accuracy) {
    return rival.accuracy !== null && own.accuracy !== null && rival.accuracy > own.accuracy;
  }
  return rival.loss !== null && own.loss !== null && rival.loss < own.loss;
}

function isLost(end: CandidateEnd | undefined): boolean {
  return end === 'failed' || end === 'cancelled' || end === 'skipped';
}

function sameModel({ baseModel }: Candidate, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter((other) => other.baseModel === baseModel);
}
