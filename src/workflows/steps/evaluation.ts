import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { EVALUATION } from '../../contract/activity-options.ts';
import type { DeployedModel } from '../../core/deployment/deployed-model.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Contending } from '../../core/run/contenders.ts';
import type { EvaluateInput, Evaluation, Subject } from '../../core/run/evaluation.ts';
import type { Pause } from './pause.ts';
import type { Reservation, RunBudget } from './run-budget.ts';

const { evaluate, evaluateRecorded } = proxyActivities<Activities>(EVALUATION);

/** A model that answers, and the reservation for it. Several subjects may share one reservation. */
export interface PaidSubject {
  subject: UnpaidSubject;
  reservation: Reservation;
}

/** A trained model as a subject: it gets the prompts of its training. */
export function tuned(id: string, { model, candidate: { baseModel, treatment } }: Contending): UnpaidSubject {
  return { kind: 'tuned', id, model, baseModel, treatment };
}

/** The serving model as a subject. */
export function servedAs(id: string, { model, baseModel, treatment }: DeployedModel): UnpaidSubject {
  return { kind: 'tuned', id, model, baseModel, treatment };
}

/** Distributed, so that each kind of subject keeps its own keys. */
type UnpaidSubject = Subject extends infer Kind ? (Kind extends Subject ? Omit<Kind, 'limitUsd'> : never) : never;

/** The result of a subject, or why it has none. */
export interface Evaluated {
  evaluation: Evaluation | null;
  failure: string | null;
}

/** What the evaluations of a run have in common. */
export interface EvaluationsInput extends Pick<EvaluateInput, 'definition' | 'template' | 'manifest'> {
  budget: RunBudget;
  pause: Pause;
  /** The reservation for the judge, and the most that it may spend, in USD; null for no limit. */
  judge: { reservation: Reservation; capUsd: number | null } | null;
}

/** The evaluations of a run, and their spending limits. */
export class Evaluations {
  readonly #input: EvaluationsInput;
  /** Null once its price is found to be unknown. */
  #judgeUsd: number | null = 0;

  constructor(input: EvaluationsInput) {
    this.#input = input;
  }

  /**
   * Asks all subjects for all examples, interleaved row by row, so that they all meet the same load, and settles their reservations. A
   * failing subject stops none of the others.
   */
  async evaluate(
    rows: Pick<EvaluateInput, 'name' | 'examples'>,
    paid: readonly PaidSubject[],
  ): Promise<Map<string, Evaluated>> {
    if (paid.length === 0) return new Map();
    const { budget, pause, judge, ...common } = this.#input;
    const reservations = [...new Set(paid.map(({ reservation }) => reservation))];
    const limits = budget.limitsUsd(judge ? [...reservations, judge.reservation] : reservations);
    const subjects = paid.map(({ subject, reservation }): Subject => {
      const sharing = paid.filter((other) => other.reservation === reservation).length;
      const limit = limits[reservations.indexOf(reservation)] ?? null;
      return { ...subject, limitUsd: limit === null ? null : limit / sharing };
    });
    const judgeLimitUsd = this.#leftForJudge(limits[reservations.length] ?? null);
    const spent = new Map<Reservation, number | null>(reservations.map((reservation) => [reservation, null]));
    try {
      const summary = `${subjects.length} models on ${rows.examples.rows} ${rows.name} rows`;
      const { results, judgeUsd } = await pause.around(() =>
        evaluate.executeWithOptions({ summary }, [{ ...common, ...rows, subjects, judgeLimitUsd }]),
      );
      this.#judgeUsd = plus(this.#judgeUsd, judgeUsd);
      for (const reservation of reservations) spent.set(reservation, 0);
      for (const [place, result] of results.entries()) {
        const reservation = paid[place]?.reservation;
        if (!reservation) continue;
        const usd = 'evaluation' in result ? result.evaluation.spentUsd : result.spentUsd;
        spent.set(reservation, plus(spent.get(reservation) ?? null, usd));
      }
      return new Map(results.map((result) => [result.id, evaluated(result)]));
    } finally {
      for (const [reservation, usd] of spent) await budget.settle(reservation, usd);
    }
  }

  /**
   * The result of production by its log. Only the judge costs money here.
   *
   * @param costExamples show the cost of production where none of `examples` is from the log
   */
  async evaluateRecorded(examples: ArtifactRef, costExamples: ArtifactRef): Promise<Evaluated> {
    const { budget, pause, judge, ...common } = this.#input;
    const judgeLimitUsd = judge && this.#leftForJudge(budget.limitUsd(judge.reservation));
    const evaluation = await pause.around(() =>
      evaluateRecorded.executeWithOptions({ summary: 'baseline as the log has it' }, [
        { ...common, examples, otherwise: costExamples, judgeLimitUsd },
      ]),
    );
    this.#judgeUsd = plus(this.#judgeUsd, evaluation.spentUsd);
    return { evaluation, failure: null };
  }

  /** Books the cost of the judge, once nothing is left to judge. */
  async settleJudge(): Promise<void> {
    const { budget, judge } = this.#input;
    if (judge) await budget.settle(judge.reservation, this.#judgeUsd);
  }

  #leftForJudge(limitUsd: number | null): number | null {
    const capUsd = this.#input.judge?.capUsd ?? null;
    const limits = [limitUsd, capUsd].filter((usd) => usd !== null);
    return limits.length === 0 ? null : Math.max(0, Math.min(...limits) - (this.#judgeUsd ?? 0));
  }
}

function evaluated(result: Awaited<ReturnType<Activities['evaluate']>>['results'][number]): Evaluated {
  if ('evaluation' in result) return { evaluation: result.evaluation, failure: null };
  const { code, message } = result.failure;
  return { evaluation: null, failure: code ? `${code}: ${message}` : message };
}

function plus(total: number | null, usd: number | null): number | null {
  return total === null || usd === null ? null : total + usd;
}
