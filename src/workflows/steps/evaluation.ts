import { ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { EVALUATION } from '../../contract/activity-options.ts';
import type { DeployedModel } from '../../core/deployment/deployed-model.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Contending } from '../../core/run/contenders.ts';
import type { EvaluateInput, Evaluation, Subject, SubjectResult } from '../../core/run/evaluation.ts';
import type { LeaseTerms } from '../../core/run/lease.ts';
import { type LeaseSubject, planLeases } from '../../core/run/lease-plan.ts';
import { innermost, reasonOf } from './failure-reason.ts';
import type { Leases } from './leases.ts';
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
export function servedAs(id: string, { model, baseModel, treatment, lease, definition }: DeployedModel): UnpaidSubject {
  return { kind: 'tuned', id, model, baseModel, treatment, callAs: lease?.callAs, definition };
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
  leases: Leases;
  /** The terms of serving leases; null where models are called without. */
  terms: LeaseTerms | null;
  /** Requests in flight. */
  concurrency: number;
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
   * Asks all subjects for all examples, and settles their reservations. A failing subject stops none of the others. Where models need
   * serving leases, as many subjects as may be served at the same time are asked at a time, else all.
   *
   * @param forLeases money that was held back for the leases
   */
  async evaluate(
    rows: Pick<EvaluateInput, 'name' | 'examples'>,
    paid: readonly PaidSubject[],
    forLeases: readonly Reservation[] = [],
  ): Promise<Map<string, Evaluated>> {
    const { budget, judge, leases } = this.#input;
    leases.fund(forLeases);
    if (paid.length === 0) {
      await leases.settleFund();
      return new Map();
    }
    const reservations = [...new Set(paid.map(({ reservation }) => reservation))];
    const limits = budget.limitsUsd(judge ? [...reservations, judge.reservation] : reservations);
    const subjects = paid.map(({ subject, reservation }): Subject => {
      const sharing = paid.filter((other) => other.reservation === reservation).length;
      const limit = limits[reservations.indexOf(reservation)] ?? null;
      return { ...subject, limitUsd: limit === null ? null : limit / sharing };
    });
    const judgeCapUsd = limits[reservations.length] ?? null;
    const spent = new Map<Reservation, number | null>(reservations.map((reservation) => [reservation, null]));
    try {
      const results = await this.#askAll(rows, subjects, judgeCapUsd);
      for (const reservation of reservations) spent.set(reservation, 0);
      for (const { subject, reservation } of paid) {
        const result = results.get(subject.id);
        if (!result) continue;
        const usd = 'evaluation' in result ? result.evaluation.spentUsd : result.spentUsd;
        spent.set(reservation, plus(spent.get(reservation) ?? null, usd));
      }
      return new Map([...results].map(([id, result]) => [id, evaluated(result)]));
    } finally {
      await leases.settleFund();
      for (const [reservation, usd] of spent) await budget.settle(reservation, usd);
    }
  }

  /** The result of each subject: of those that need no lease at once, of the others one batch of leases after the other. */
  async #askAll(
    rows: Pick<EvaluateInput, 'name' | 'examples'>,
    subjects: readonly Subject[],
    judgeCapUsd: number | null,
  ): Promise<Map<string, SubjectResult>> {
    const { leases, terms, concurrency } = this.#input;
    const results = new Map<string, SubjectResult>();
    const ask = async (asked: readonly Subject[]) => {
      for (const result of await this.#ask(rows, asked, judgeCapUsd)) results.set(result.id, result);
    };
    const leased = terms ? subjects.filter((subject) => needsLease(subject, terms)) : [];
    const others = subjects.filter((subject) => !leased.includes(subject));
    if (others.length > 0) await ask(others);
    if (!terms || leased.length === 0) return results;
    const size = { rows: rows.examples.rows, concurrency };
    for (const batch of planLeases(
      terms.traits,
      leased.map(servedModel),
      size,
      (model) => terms.perHour[model] ?? null,
    )) {
      const models = new Set(batch.flatMap((lease) => lease.models));
      const asked = leased.filter(({ model }) => models.has(model));
      const fail = (subject: Subject, message: string, spentUsd: number | null) =>
        results.set(subject.id, { id: subject.id, failure: { code: null, message }, spentUsd });
      try {
        await leases.during(batch, async ({ callAs, failures }) => {
          const served = asked.flatMap((subject): Subject[] => {
            const name = callAs.get(subject.model);
            if (name !== undefined) return [{ ...subject, callAs: name }];
            fail(subject, failures.get(subject.model) ?? 'its lease does not serve it', 0);
            return [];
          });
          if (served.length > 0) await ask(served);
        });
      } catch (error) {
        const cause = innermost(error);
        if (!(cause instanceof ApplicationFailure) || cause.type !== 'BUDGET_EXCEEDED') throw error;
        for (const subject of asked) if (!results.has(subject.id)) fail(subject, reasonOf(error), null);
      }
    }
    return results;
  }

  async #ask(
    rows: Pick<EvaluateInput, 'name' | 'examples'>,
    subjects: readonly Subject[],
    judgeCapUsd: number | null,
  ): Promise<SubjectResult[]> {
    const { pause, definition, template, manifest } = this.#input;
    const judgeLimitUsd = this.#leftForJudge(judgeCapUsd);
    const summary = `${subjects.length} models on ${rows.examples.rows} ${rows.name} rows`;
    const { results, judgeUsd } = await pause.around(() =>
      evaluate.executeWithOptions({ summary }, [{ definition, template, manifest, ...rows, subjects, judgeLimitUsd }]),
    );
    this.#judgeUsd = plus(this.#judgeUsd, judgeUsd);
    return results;
  }

  /**
   * The result of production by its log. Only the judge costs money here.
   *
   * @param costExamples show the cost of production where none of `examples` is from the log
   */
  async evaluateRecorded(examples: ArtifactRef, costExamples: ArtifactRef): Promise<Evaluated> {
    const { budget, pause, judge, definition, template, manifest } = this.#input;
    const judgeLimitUsd = judge && this.#leftForJudge(budget.limitUsd(judge.reservation));
    const evaluation = await pause.around(() =>
      evaluateRecorded.executeWithOptions({ summary: 'baseline as the log has it' }, [
        { definition, template, manifest, examples, otherwise: costExamples, judgeLimitUsd },
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

/** A model that is called by a name of its own has a lease already. */
function needsLease(subject: Subject, { traits, perHour }: LeaseTerms): boolean {
  if (subject.callAs !== undefined) return false;
  return servedModel(subject).baseModel in perHour && (subject.kind === 'tuned' || traits.servesBase);
}

function servedModel(subject: Subject): LeaseSubject {
  const tuned = subject.kind === 'tuned';
  return { model: subject.model, baseModel: tuned ? subject.baseModel : subject.model, tuned };
}

function evaluated(result: Awaited<ReturnType<Activities['evaluate']>>['results'][number]): Evaluated {
  if ('evaluation' in result) return { evaluation: result.evaluation, failure: null };
  const { code, message } = result.failure;
  return { evaluation: null, failure: code ? `${code}: ${message}` : message };
}

function plus(total: number | null, usd: number | null): number | null {
  return total === null || usd === null ? null : total + usd;
}
