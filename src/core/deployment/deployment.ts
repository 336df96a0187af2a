import type { ArtifactRef } from '../run/artifact-ref.ts';
import type { Pipeline } from '../run/pipeline.ts';
import { type DeployedModel, lacksLease, type ServingLease } from './deployed-model.ts';

/**
 * `kept`: a run has ended, and the serving model stays. `starting`: the winner goes on, and a serving lease is made for it first. `superseded`: a newer winner has taken the place of one that still waited.
 * `canary`: from now on a share of the calls goes to the challenger. `rolled-back`: the model that served before serves again, or the
 * canary has ended.
 */
export type DecisionKind =
  | 'kept'
  | 'proposed'
  | 'superseded'
  | 'approved'
  | 'starting'
  | 'rejected'
  | 'expired'
  | 'canary'
  | 'promoted'
  | 'rolled-back';

/** One step in the life of a deployment. */
export interface Decision {
  /** Counts from 1, without gaps. */
  number: number;
  /** ISO 8601. */
  at: string;
  kind: DecisionKind;
  /** The model that the decision is about; null for the original prompt, or for no model. */
  model: string | null;
  run: string | null;
  /** `person:NAME`, or the part that decided: `run`, `promotion`, `canary`, `deadline`. */
  by: string;
  why: string;
}

/** How a winner becomes the champion, from the pipeline of the newest run. */
export interface PromotionPolicy {
  automatic: boolean;
  /** How long a winner waits for a person. */
  deadlineMs: number;
  /** Shares of the calls, more than 0 and less than 1, growing. */
  stages: readonly CanaryStage[];
  /** How often the log is looked at. */
  everyMs: number;
  limits: CanaryLimits;
}

/** When a canary is a regression; see `promotion.canary` of a pipeline. */
export type CanaryLimits = Pick<Pipeline['promotion']['canary'], 'max_errors' | 'max_slowdown' | 'max_quality_loss'>;

export interface CanaryStage {
  share: number;
  minCalls: number;
}

/** The newest run that has ended with a result. */
export interface LastRun {
  run: string;
  definition: ArtifactRef;
  datasetVersion: string;
  manifest: ArtifactRef;
  /** The model that production asks with the original prompt; null where the log does not say. */
  originalModel: string | null;
}

/** A winner that is not the champion yet. */
export interface Challenger extends DeployedModel {
  /** Number of the decision that proposed it. */
  proposedBy: number;
  state: { kind: 'waiting'; deadline: string } | StartingState | CanaryState;
}

/** A challenger whose serving lease starts; then it becomes a canary, or the champion. */
export interface StartingState {
  kind: 'starting';
  /** Who let it go on. */
  by: string;
  why: string;
}

export interface CanaryState {
  kind: 'canary';
  share: number;
  minCalls: number;
  /** Number of the decision that began the stage, and its time. */
  decision: number;
  since: string;
}

/** The whole state of a deployment; plain JSON. */
export interface DeploymentState {
  pipeline: string;
  /** Number of the newest decision; 0 before the first. A change has to name it. */
  decision: number;
  /** The serving model; null for the original prompt. */
  champion: DeployedModel | null;
  /** The models that served before, newest first. */
  previous: DeployedModel[];
  challenger: Challenger | null;
  policy: PromotionPolicy | null;
  lastRun: LastRun | null;
  /** The newest ones, oldest first. */
  decisions: Decision[];
}

/** The result of a run, or a person's proposal of it. */
export interface Proposal extends LastRun {
  by: string;
  /** The model that should serve from now on; null where the serving model stays. */
  winner: DeployedModel | null;
  why: string;
  policy: PromotionPolicy;
}

/** A person's decision about the deployment as they saw it. */
export interface PersonalDecision {
  decision: number;
  by: string;
  why: string;
}

const DECISIONS_KEPT = 200;
const PREVIOUS_KEPT = 5;

export function newDeployment(pipeline: string): DeploymentState {
  return {
    pipeline,
    decision: 0,
    champion: null,
    previous: [],
    challenger: null,
    policy: null,
    lastRun: null,
    decisions: [],
  };
}

/**
 * The rules of a deployment. Every change is a numbered decision, and it is refused unless it follows the newest one: if two changes meet
 * the same state, the first one counts, and the author of the other has to look again. Each question `cannot...` answers with the reason of
 * a refusal, or null; the change itself assumes that the question was asked.
 */
export class Deployment {
  #state: DeploymentState;
  #now: () => number;

  constructor(state: DeploymentState, now: () => number) {
    this.#state = state;
    this.#now = now;
  }

  get state(): DeploymentState {
    return this.#state;
  }

  get canary(): CanaryState | null {
    const state = this.#state.challenger?.state;
    return state?.kind === 'canary' ? state : null;
  }

  /** When a waiting challenger is rejected, in milliseconds since 1970; null where none waits. */
  get deadline(): number | null {
    const state = this.#state.challenger?.state;
    return state?.kind === 'waiting' ? Date.parse(state.deadline) : null;
  }

  cannotPropose({ decision }: { decision: number }): string | null {
    return this.#isStale(decision);
  }

  /** Takes the result of a run. The winner waits for a person, or advances by itself where the policy says so. */
  propose({ by, winner, why, policy, ...run }: Proposal): Decision {
    const { champion, challenger } = this.#state;
    // A person may go back to an older run.
    const lastRun = by === 'run' ? run : (this.#state.lastRun ?? run);
    this.#state = { ...this.#state, lastRun, policy };
    if (!winner) return this.#decide('kept', champion, run.run, by, why);
    if (challenger && challenger.state.kind !== 'waiting') {
      const trying = challenger.state.kind === 'canary' ? 'is being tried on a share of the calls' : 'is being started';
      const busy = `${challenger.model} ${trying}: propose the winner again after that`;
      return this.#decide('kept', champion, run.run, by, `${why} It was not proposed, because ${busy}.`);
    }
    if (challenger) {
      this.#decide('superseded', challenger, challenger.run, by, `${run.run} has a newer winner.`);
    }
    const deadline = new Date(this.#now() + policy.deadlineMs).toISOString();
    const proposed = this.#decide('proposed', winner, run.run, by, why, {
      challenger: { ...winner, proposedBy: this.#state.decision + 1, state: { kind: 'waiting', deadline } },
    });
    return policy.automatic ? this.#goOn('promotion', 'The pipeline promotes by itself.') : proposed;
  }

  cannotApprove({ decision }: PersonalDecision): string | null {
    return this.#isStale(decision) ?? (this.deadline === null ? 'no winner waits for approval' : null);
  }

  approve({ by, why }: PersonalDecision): Decision {
    const { challenger } = this.#state;
    if (challenger) this.#decide('approved', challenger, challenger.run, by, why);
    return this.#goOn(by, why);
  }

  cannotReject({ decision }: PersonalDecision): string | null {
    return this.#isStale(decision) ?? (this.#state.challenger ? null : 'there is no winner to reject');
  }

  reject({ by, why }: PersonalDecision): Decision {
    return this.#drop('rejected', by, why);
  }

  cannotRollBack({ decision }: PersonalDecision): string | null {
    const { champion } = this.#state;
    const nothing = 'the original prompt serves already: there is nothing to go back to';
    return this.#isStale(decision) ?? (champion || this.canary ? null : nothing);
  }

  /** Ends the canary; without a canary, the champion makes room for the model before it, and finally for the original prompt. */
  rollBack({ by, why }: Pick<PersonalDecision, 'by' | 'why'>): Decision {
    if (this.canary) return this.#drop('rolled-back', by, why);
    const { champion, previous } = this.#state;
    const [last = null, ...others] = previous;
    // Its lease was removed when it stopped serving, or soon will be.
    const { lease: _, ...before } = last ?? {};
    return this.#decide('rolled-back', champion, champion?.run ?? null, by, why, {
      champion: last && (before as DeployedModel),
      previous: others,
    });
  }

  cannotSetCanary({ decision, share }: PersonalDecision & { share: number }): string | null {
    const stale = this.#isStale(decision);
    if (stale) return stale;
    const { challenger } = this.#state;
    if (!challenger) return 'there is no winner to try';
    if (lacksLease(challenger))
      return 'the serving lease of the winner has not started: approve the winner, and set the share then';
    return share > 0 && share <= 1 ? null : 'a share is more than 0 and at most 1';
  }

  /** Gives the challenger this share of the calls; the whole share makes it the champion. */
  setCanary({ share, by, why }: PersonalDecision & { share: number }): Decision {
    return share === 1 ? this.#promote(by, why) : this.#beginStage(share, by, why);
  }

  /** The challenger's lease answers: it becomes a canary, or the champion. */
  served(lease: ServingLease): Decision | null {
    const { challenger } = this.#state;
    if (challenger?.state.kind !== 'starting') return null;
    const { by, why } = challenger.state;
    this.#state = { ...this.#state, challenger: { ...challenger, lease } };
    return this.#goOn(by, why);
  }

  /** The challenger's lease did not start: it is dropped. */
  notServed(why: string): Decision | null {
    return this.#state.challenger?.state.kind === 'starting' ? this.#drop('rejected', 'serving', why) : null;
  }

  /** Notes the lease of the champion: after a rollback it needs a new one. */
  champions(lease: ServingLease): void {
    const { champion } = this.#state;
    if (champion) this.#state = { ...this.#state, champion: { ...champion, lease } };
  }

  /** The canary has passed its stage: gives it the next share, or all calls. */
  advance(why: string): Decision {
    return this.#goOn('canary', why);
  }

  /** Rejects a winner that no person has approved by the deadline. */
  expire(): Decision {
    return this.#drop('expired', 'deadline', 'No person approved it in time.');
  }

  #isStale(decision: number): string | null {
    const { decision: newest, decisions } = this.#state;
    if (decision === newest) return null;
    const last = decisions.at(-1);
    const what = last ? ` (${last.kind} by ${last.by})` : '';
    return `decision ${newest}${what} came after decision ${decision}: look at the deployment again`;
  }

  #goOn(by: string, why: string): Decision {
    const { policy, challenger } = this.#state;
    if (challenger && lacksLease(challenger)) {
      return this.#decide('starting', challenger, challenger.run, by, `A serving lease is made for it. ${why}`, {
        challenger: { ...challenger, state: { kind: 'starting', by, why } },
      });
    }
    const share = this.canary?.share ?? 0;
    const next = policy?.stages.find((stage) => stage.share > share);
    return next ? this.#beginStage(next.share, by, why) : this.#promote(by, why);
  }

  #beginStage(share: number, by: string, why: string): Decision {
    const { challenger, policy } = this.#state;
    if (!challenger) throw new Error('there is no challenger');
    const stages = policy?.stages ?? [];
    const minCalls = (stages.findLast((stage) => stage.share <= share) ?? stages[0])?.minCalls ?? 1;
    const decision = this.#state.decision + 1;
    const since = new Date(this.#now()).toISOString();
    return this.#decide(
      'canary',
      challenger,
      challenger.run,
      by,
      `${Math.round(share * 1000) / 10} % of the calls. ${why}`,
      {
        challenger: { ...challenger, state: { kind: 'canary', share, minCalls, decision, since } },
      },
    );
  }

  #promote(by: string, why: string): Decision {
    const { challenger, champion, previous } = this.#state;
    if (!challenger) throw new Error('there is no challenger');
    const { proposedBy: _, state: __, ...model } = challenger;
    return this.#decide('promoted', challenger, challenger.run, by, why, {
      champion: model,
      previous: champion ? [champion, ...previous].slice(0, PREVIOUS_KEPT) : previous,
      challenger: null,
    });
  }

  #drop(kind: DecisionKind, by: string, why: string): Decision {
    const { challenger } = this.#state;
    return this.#decide(kind, challenger, challenger?.run ?? null, by, why, { challenger: null });
  }

  #decide(
    kind: DecisionKind,
    model: Pick<DeployedModel, 'model'> | null,
    run: string | null,
    by: string,
    why: string,
    change: Partial<DeploymentState> = {},
  ): Decision {
    const number = this.#state.decision + 1;
    const at = new Date(this.#now()).toISOString();
    const decision: Decision = { number, at, kind, model: model?.model ?? null, run, by, why };
    const decisions = [...this.#state.decisions, decision].slice(-DECISIONS_KEPT);
    this.#state = { ...this.#state, ...change, decision: number, decisions };
    return decision;
  }
}
