import { setTimeout as delay } from 'node:timers/promises';
import { type WorkflowExecutionDescription, WorkflowNotFoundError } from '@temporalio/client';
import { type RunJson, runJson, statusOf } from '../../src/client/runs.ts';
import { ORPHAN_SWEEP_ID } from '../../src/contract/ids.ts';
import { WORKFLOWS } from '../../src/contract/messages.ts';
import { STAGE } from '../../src/contract/search-attributes.ts';
import type { SweepResult } from '../../src/core/run/sweep-result.ts';
import { type FiredRule, Stack } from '../setup/stack.ts';
import * as oracles from './oracles.ts';
import { type ChaosOptions, type FaultPhase, type KillPlan, planChaos, type RunPlan, type WavePlan } from './plan.ts';
import { budgetFor, chaosRows } from './rows.ts';
import { type Subject, subjectOf } from './subject.ts';

/** The outcome. Everything is right if `problems` is empty, and the test has a meaning if `trivial` is empty too. */
export interface ChaosResult {
  runs: number;
  /** Live processes that were killed. */
  kills: number;
  /** Faults that fired. */
  faults: number;
  duplicates: number;
  orphans: number;
  lost: number;
  overruns: number;
  seconds: number;
  /** Jobs that were created although their key had one, and were cancelled. */
  extras: number;
  /** Creations of jobs that were executed and whose answer was lost, by a fault or with a worker that waited for it. */
  lostAnswers: number;
  /** File names that were uploaded and kept twice; null where the provider's records do not say it. */
  duplicateFiles: number | null;
  /** Serving leases that were created. */
  leases: number;
  /** Leases that a run left open, and how many of them the sweep did not find either. */
  leasesLeft: number;
  leasesLeftAfterSweep: number;
  /** Runs that failed because the provider could not start their serving, and said so. */
  refused: number;
  /** Requests and answers against the provider's document; null where there is none. */
  invalid: number | null;
  /** Completed runs without a budget that have not trained all of their candidates. */
  incomplete: number;
  completed: number;
  cancelled: number;
  /** Candidates that a budget did not pay for. */
  skipped: number;
  /** The most that a run has spent of its budget, from 0. */
  budgetUsed: number;
  workerKills: number;
  serverKills: number;
  /** Kills at a chosen moment, for example while the provider held back the answer to a creation. */
  aimedKills: number;
  seed: number;
  /** The number of times that each kind of fault has fired. */
  fired: Record<string, number>;
  /** The problems, with ids. */
  problems: string[];
  /** Why the figures say little. */
  trivial: string[];
}

export interface ChaosRun extends Omit<ChaosOptions, 'hazards'> {
  /** The host that is played in place of the trainer, such as `fireworks`, or `crusoe-machines`. */
  host?: string;
  /** Is told of the progress. */
  say?: (line: string) => void;
  /** Leaves logs, database and ledger where they are. */
  keepHome?: boolean;
}

/** After the faults of a wave have stopped; longer than the longest pause between two attempts. */
const DEADLINE_MS = 240_000;
/** A job may end so long after its run has closed. */
const ORPHAN_GRACE_MS = 5000;
/** The longest wait of a kill for its chosen moment. */
const AIM_MS = 3500;
const LOOK_MS = 20;
const POLL_MS = 500;
const CALL_MS = 3000;

/**
 * Runs many pipelines while worker, server and provider fail around them, and judges the outcome by the provider's own records. The seed
 * decides the actions; their exact times depend on the clock as well.
 */
export async function runChaos({ say = () => {}, keepHome = false, host, ...given }: ChaosRun): Promise<ChaosResult> {
  const start = performance.now();
  const subject = subjectOf(host);
  const options = { ...given, hazards: subject.hazards };
  const { waves } = planChaos(options);
  const stack = await Stack.start(subject.player ? { player: subject.player } : {});
  const tally = new Tally();
  try {
    say(`seed ${options.seed}, ${options.runs} runs in ${waves.length} waves; ${stack.home}`);
    const runs: FollowedRun[] = [];
    for (const [index, wave] of waves.entries()) {
      runs.push(
        ...(await new Wave({
          stack,
          subject,
          plan: wave,
          tally,
          say: (line) => say(`wave ${index + 1}: ${line}`),
        }).run()),
      );
    }
    await delay(ORPHAN_GRACE_MS);
    const seconds = Math.round((performance.now() - start) / 1000);
    const result = await judge({ stack, subject, tally }, runs, { ...options, seconds });
    if (result.problems.length > 0) say(stack.logTails());
    return result;
  } catch (error) {
    say(stack.logTails());
    throw error;
  } finally {
    await stack.stop({ keepHome });
  }
}

/** What is under test, and what was done to it. */
interface Setting {
  stack: Stack;
  subject: Subject;
  tally: Tally;
}

/** Counts the actions on the processes and the provider. */
class Tally {
  readonly kills = { worker: 0, server: 0 };
  aimedKills = 0;
  /** Kills that found no process to kill. */
  misses = 0;
  readonly fired: Record<string, number> = {};
  /** The number of times that each kind should have fired, by its probability and its calls. */
  readonly expected: Record<string, number> = {};

  addFaults(rules: readonly FiredRule[]): void {
    for (const { effect, matched, fired, probability = 1 } of rules) {
      this.fired[effect.kind] = (this.fired[effect.kind] ?? 0) + fired;
      this.expected[effect.kind] = (this.expected[effect.kind] ?? 0) + matched * probability;
    }
  }
}

/** Some runs at a time, the actions on them, and the calm after it in which they end. */
class Wave {
  readonly #stack: Stack;
  readonly #subject: Subject;
  readonly #plan: WavePlan;
  readonly #tally: Tally;
  readonly #say: (line: string) => void;

  constructor({ stack, subject, plan, tally, say }: Setting & { plan: WavePlan; say: (line: string) => void }) {
    this.#stack = stack;
    this.#subject = subject;
    this.#plan = plan;
    this.#tally = tally;
    this.#say = say;
  }

  async run(): Promise<FollowedRun[]> {
    const { runs: plans, kills, phases } = this.#plan;
    const calm = new AbortController();
    const gaveUp = new AbortController();
    const runs = plans.map((plan) => new FollowedRun(this.#stack, this.#subject, plan));
    const started = Promise.all(runs.map((run) => run.start()));
    const closed = started.then(() => Promise.all(runs.map((run) => run.follow(gaveUp.signal))));
    const faults = this.#fail(phases, calm.signal);
    const killer = this.#kill(kills, started, calm.signal);
    this.#say(`${runs.length} runs, ${kills.length} kills`);
    // Failed questions are repeated below, when no part of this wave is running any more.
    await Promise.race([killer, closed, faults]).catch(() => {});
    calm.abort();
    const failed = (await Promise.allSettled([killer, faults, started])).find(({ status }) => status === 'rejected');
    if (failed) {
      gaveUp.abort();
      await closed.catch(() => {});
      throw (failed as PromiseRejectedResult).reason;
    }
    this.#say('no more kills and faults; the runs go on');
    const deadline = setTimeout(() => gaveUp.abort(), DEADLINE_MS);
    await closed.finally(() => clearTimeout(deadline));
    this.#say(runs.map(({ plan, status }) => `${plan.name.slice(-3)} ${status}`).join(', '));
    return runs;
  }

  /** One fault plan after the other, again and again, until it is to be calm. */
  async #fail(phases: readonly FaultPhase[], calm: AbortSignal): Promise<void> {
    for (let index = 0; !calm.aborted; index = (index + 1) % phases.length) {
      const { rules = [], seed, ms } = phases[index] ?? {};
      await this.#stack.setFaults(rules, seed);
      await pause(ms ?? POLL_MS, calm);
      this.#tally.addFaults(await this.#stack.faults());
    }
    await this.#stack.setFaults([]);
  }

  async #kill(kills: readonly KillPlan[], started: Promise<unknown>, calm: AbortSignal): Promise<void> {
    for (const { target, trigger, downMs } of kills) {
      // Starting a run is the one call that is not repeated: the server has to be there for it.
      if (target === 'server') await started;
      const aimed = await this.#moment(trigger, calm);
      if (calm.aborted) return;
      const stack = this.#stack;
      const killed = target === 'worker' ? await stack.killWorker() : await stack.killServer();
      if (killed) this.#tally.kills[target] += 1;
      else this.#tally.misses += 1;
      if (killed && aimed) this.#tally.aimedKills += 1;
      await pause(downMs, calm);
      await (target === 'worker' ? stack.startWorker() : stack.startServer());
    }
  }

  /** Waits for the moment of a kill. @returns whether it was one in the ledger, and came. */
  async #moment(trigger: KillPlan['trigger'], calm: AbortSignal): Promise<boolean> {
    if (trigger.kind === 'delay') {
      await pause(trigger.ms, calm);
      return false;
    }
    const before = (await this.#subject.requests(this.#stack, 0)).length;
    for (const deadline = Date.now() + AIM_MS; Date.now() < deadline && !calm.aborted; await pause(LOOK_MS, calm)) {
      const since = await this.#subject.requests(this.#stack, before);
      const found = since.filter(
        ({ call, executed, held }) => call === trigger.endpoint && (trigger.hanging ? held : executed),
      );
      if (found.length >= (trigger.hanging ? 1 : trigger.nth)) return true;
    }
    return false;
  }
}

/** One run from its start to its end. */
class FollowedRun {
  readonly plan: RunPlan;
  readonly budgetUsd: number | null;
  status: string = 'running';
  closedAt: number | null = null;
  /** The run as commands show it; undefined where it did not end. */
  json: RunJson | undefined;
  /** The reason in words why a run did not end. */
  waitsFor = '';
  readonly #stack: Stack;
  readonly #file: string;
  #id = '';
  #startedAt = 0;
  #trainingSince: number | undefined;
  #cancelSent = false;

  readonly #jobs: number;

  constructor(stack: Stack, { costs }: Subject, plan: RunPlan) {
    const rows = chaosRows(plan);
    const { models, learning_rate_multiplier: rates } = costs.candidates;
    this.#stack = stack;
    this.#jobs = models.length * rates.length;
    this.plan = plan;
    this.budgetUsd = plan.affordable === null ? null : budgetFor(plan.affordable, rows, costs);
    this.#file = stack.writePipeline(plan.name, rows, {
      split: { seed: plan.seed },
      candidates: costs.candidates,
      ...(this.budgetUsd === null ? {} : { budget_usd: this.budgetUsd }),
    });
  }

  get record(): oracles.RunRecord {
    const { status, budgetUsd, closedAt } = this;
    const error = this.json?.error ? JSON.stringify(this.json.error) : null;
    const planned = this.plan.cancel ? 'cancel' : 'complete';
    return { runId: this.#id, planned, status, budgetUsd, closedAt, jobs: this.#jobs, error };
  }

  async start(): Promise<void> {
    await delay(this.plan.startAfterMs);
    this.#id = (await this.#stack.startRun(this.#file)).workflowId;
    this.#startedAt = Date.now();
  }

  /** Looks at the run, and cancels it where that is planned, until it has closed or it took too long. */
  async follow(gaveUp: AbortSignal): Promise<void> {
    while (!gaveUp.aborted) {
      // Killed servers do not answer; the next look may find another one.
      await this.#look().catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) throw error;
      });
      if (this.json) return;
      await pause(POLL_MS, gaveUp);
    }
    this.waitsFor = await waitsFor(this.#stack, this.#id).catch(String);
  }

  async #look(): Promise<void> {
    const { client } = this.#stack;
    const handle = client.workflow.getHandle(this.#id);
    await client.withDeadline(Date.now() + CALL_MS, async () => {
      const description = await handle.describe();
      const status = statusOf(description);
      if (status === 'running' || status === 'unknown') {
        if (!this.#cancelIsDue(description)) return;
        await handle.cancel();
        this.#cancelSent = true;
        return;
      }
      const json = await runJson(handle);
      this.closedAt = description.closeTime?.getTime() ?? Date.now();
      this.status = status;
      this.json = json;
    });
  }

  #cancelIsDue({ typedSearchAttributes }: WorkflowExecutionDescription): boolean {
    const { cancel } = this.plan;
    if (!cancel || this.#cancelSent) return false;
    if (typedSearchAttributes.get(STAGE) === 'train') this.#trainingSince ??= Date.now();
    const since = cancel.after === 'start' ? this.#startedAt : this.#trainingSince;
    return since !== undefined && Date.now() >= since + cancel.ms;
  }
}

/** The activities that a workflow and its children wait for, with the last failure of each. */
async function waitsFor(stack: Stack, workflowId: string): Promise<string> {
  const { raw } = await stack.client.workflow.getHandle(workflowId).describe();
  const own = (raw.pendingActivities ?? []).map(
    ({ activityType, attempt, lastFailure }) =>
      `${activityType?.name}, attempt ${attempt}: ${lastFailure?.message ?? 'no failure yet'}`,
  );
  const children = (raw.pendingChildren ?? []).map(({ workflowId: child }) => waitsFor(stack, child ?? ''));
  return [...own, ...(await Promise.all(children))].join('; ');
}

async function judge(
  { stack, subject, tally }: Setting,
  followed: readonly FollowedRun[],
  { runs, seed, seconds }: ChaosOptions & { seconds: number },
): Promise<ChaosResult> {
  const { entries, jobs, spent, leases, violations } = await subject.evidence(stack);
  const records = followed.map(({ record }) => record);
  const refused = oracles.refused(records, leases);
  const left = oracles.leasesLeft(leases, records);
  const sweep = await sweepOf(stack, leases.length > 0);
  const { leases: after } = await subject.evidence(stack);
  const found = {
    duplicates: oracles.duplicates(entries),
    orphans: oracles.orphans(entries, records, jobs, ORPHAN_GRACE_MS),
    lost: oracles.lost(records).filter((id) => !refused.includes(id)),
    overruns: oracles.overruns(spent, records),
    incomplete: oracles.incomplete(entries, records, jobs),
    'leases left': left,
    'leases left after a sweep': oracles.leasesLeft(after, records),
    'invalid requests': violations ?? [],
    'failures of the sweep': sweep.failed,
  };
  const detail = (id: string) => {
    const run = followed.find(({ record }) => record.runId === id);
    if (!run) return id;
    const spending = run.budgetUsd === null ? '' : `, ${spent.get(id)} of ${run.budgetUsd} USD`;
    const why = run.json?.error ? `, ${JSON.stringify(run.json.error)}` : run.waitsFor && `, waits for ${run.waitsFor}`;
    return `${id} (${run.status}${spending}${why})`;
  };
  const candidates = followed.flatMap(({ json }) => json?.candidates ?? []);
  const withBudget = records.filter(({ budgetUsd }) => budgetUsd !== null);
  const faults = Object.values(tally.fired).reduce((sum, count) => sum + count, 0);
  const kills = tally.kills.worker + tally.kills.server;
  const completed = records.filter(({ status }) => status === 'completed').length;
  const skipped = candidates.filter(({ status }) => status === 'skipped').length;
  const silent = Object.keys(tally.expected).filter(
    (kind) => (tally.expected[kind] ?? 0) >= SURE && tally.fired[kind] === 0,
  );
  return {
    runs,
    kills,
    faults,
    duplicates: found.duplicates.length,
    orphans: found.orphans.length,
    lost: found.lost.length,
    overruns: found.overruns.length,
    seconds,
    extras: oracles.extras(entries).length,
    lostAnswers: oracles.lostAnswers(entries).length,
    duplicateFiles: subject.namesFiles ? oracles.duplicateFiles(entries).length : null,
    leases: leases.length,
    leasesLeft: left.length,
    leasesLeftAfterSweep: found['leases left after a sweep'].length,
    refused: refused.length,
    invalid: violations?.length ?? null,
    incomplete: found.incomplete.length,
    completed,
    cancelled: records.filter(({ status }) => status === 'cancelled').length,
    skipped,
    budgetUsed: Math.max(0, ...withBudget.map(({ runId, budgetUsd }) => (spent.get(runId) ?? 0) / (budgetUsd ?? 1))),
    workerKills: tally.kills.worker,
    serverKills: tally.kills.server,
    aimedKills: tally.aimedKills,
    seed,
    fired: tally.fired,
    problems: Object.entries(found).flatMap(([what, ids]) => ids.map((id) => `${what}: ${detail(id)}`)),
    trivial: [
      ...(completed === 0 ? ['no run completed'] : []),
      ...(kills < runs ? [`fewer kills than runs; ${tally.misses} kills found no live process`] : []),
      ...(faults === 0 ? ['no fault fired'] : []),
      ...(withBudget.length > 0 && skipped === 0 ? ['no budget was too small'] : []),
      ...silent.map((kind) => `${kind} was planned and never fired`),
    ],
  };
}

/** What the orphan sweep has removed and could not do; runs where there are leases. */
async function sweepOf({ client, environment: { taskQueue } }: Stack, isNeeded: boolean): Promise<SweepResult> {
  if (!isNeeded) return { pending: 0, cancelled: [], removed: [], failed: [] };
  return client.workflow.execute(WORKFLOWS.orphanSweep, {
    workflowId: ORPHAN_SWEEP_ID,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue,
    args: [],
  });
}

/** A kind of fault that should have fired so often has fired at least once, with a probability of over 99 %. */
const SURE = 5;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
