import { randomShares, spread } from '@tuneloop/app/internal/shared/random';
import { z } from 'zod';
import { parseBody } from '../api/request-body.ts';

/** The endpoints for which faults can be planned. */
export const ENDPOINTS = [
  'models.list',
  'models.get',
  'files.create',
  'files.list',
  'files.get',
  'jobs.create',
  'jobs.list',
  'jobs.get',
  'jobs.events',
  'jobs.cancel',
  'chat',
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** Longest delay of a Node timer. */
const MOST_MS = 2 ** 31 - 1;
const seconds = z
  .number()
  .min(0)
  .max(Math.floor(MOST_MS / 1000));

const errorAnswer = {
  status: z.int().min(400).max(599),
  code: z.string().optional(),
  message: z.string().optional(),
  headers: z
    .record(
      z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'not the name of a header'),
      z.string().regex(/^[\t\x20-\x7e]*$/, 'not the value of a header'),
    )
    .optional(),
};

const effect = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('status'), ...errorAnswer }),
  z.strictObject({ kind: z.literal('reset') }),
  z.strictObject({ kind: z.literal('execute_then_reset') }),
  z.strictObject({ kind: z.literal('execute_then_status'), ...errorAnswer }),
  z.strictObject({ kind: z.literal('execute_then_hang'), seconds: seconds.optional() }),
  z.strictObject({ kind: z.literal('reset_upload'), after_bytes: z.int().min(0) }),
  z.strictObject({ kind: z.literal('latency'), ms: z.number().min(0).max(MOST_MS) }),
  z.strictObject({ kind: z.literal('list_lag'), seconds }),
  z.strictObject({
    kind: z.literal('job_status'),
    status: z.string().min(1),
    error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  }),
  z.strictObject({
    kind: z.literal('model_ready_after'),
    seconds,
    status: z.union([z.literal(404), z.literal(429)]).optional(),
    null_model: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('completion'),
    text: z.string(),
    finish_reason: z.enum(['stop', 'length']).optional(),
  }),
]);
export type Effect = z.infer<typeof effect>;
export type EffectOf<Kind extends Effect['kind']> = Extract<Effect, { kind: Kind }>;

/** Effects that make sense for one endpoint only. */
const ONLY_ENDPOINT: Partial<Record<Effect['kind'], Endpoint>> = {
  reset_upload: 'files.create',
  list_lag: 'jobs.list',
  job_status: 'jobs.create',
  model_ready_after: 'jobs.create',
  completion: 'chat',
};

const rule = z
  .strictObject({
    endpoint: z.enum([...ENDPOINTS, '*']),
    /** Numbers of matching calls, from 1. */
    calls: z.array(z.int().min(1)).optional(),
    probability: z.number().min(0).max(1).optional(),
    /** The largest number of calls in which it fires. */
    times: z.int().min(0).optional(),
    effect,
  })
  .superRefine(({ endpoint, effect: { kind } }, context) => {
    const only = ONLY_ENDPOINT[kind];
    if (only === undefined || endpoint === only || endpoint === '*') return;
    context.addIssue({ code: 'custom', path: ['endpoint'], message: `'${kind}' is for '${only}' only` });
  });
export type FaultRule = z.infer<typeof rule>;

const plan = z.strictObject({ seed: z.int().optional(), rules: z.array(rule) });

/** The fate of one call. */
export interface Decision {
  /** Milliseconds to wait before anything else. */
  readonly latencyMs: number;
  /** The effect on the call after that; null = it is answered normally. */
  readonly effect: Exclude<Effect, { kind: 'latency' }> | null;
  /** The kind of the effect that fired; null = none. */
  readonly fault: Effect['kind'] | null;
}

interface RuleState {
  readonly rule: FaultRule;
  readonly random: () => number;
  matched: number;
  fired: number;
}

/** Decides which calls go wrong, and how. The same plan and the same order of calls give the same faults. */
export class FaultPlan {
  readonly #seed: number;
  readonly #states: readonly RuleState[];

  /** @param seed - an integer; each rule draws from a generator of its own, seeded with this plus its index */
  constructor(seed: number, rules: readonly FaultRule[]) {
    this.#seed = seed;
    this.#states = rules.map((each, index) => ({
      rule: each,
      random: randomShares(spread(seed + index)),
      matched: 0,
      fired: 0,
    }));
  }

  /**
   * A plan from the body of a request.
   *
   * @throws ApiError 400 that names the mistake
   */
  static parse(body: unknown): FaultPlan {
    const { seed, rules } = parseBody(plan, body);
    return new FaultPlan(seed ?? 0, rules);
  }

  /** The fate of the next call of an endpoint. The first rule that fires counts, but delays add up until then. */
  decide(endpoint: Endpoint): Decision {
    let latencyMs = 0;
    let fault: Effect['kind'] | null = null;
    let decided: Decision['effect'] = null;
    for (const state of this.#states) {
      if (!covers(state.rule, endpoint)) continue;
      // Counted and drawn even when an earlier rule has fired, so that a rule does not depend on others.
      const wants = wantsToFire(state);
      if (!wants || decided !== null) continue;
      state.fired++;
      const { effect: fired } = state.rule;
      fault = fired.kind;
      if (fired.kind === 'latency') latencyMs += fired.ms;
      else decided = fired;
    }
    return { latencyMs: Math.min(latencyMs, MOST_MS), effect: decided, fault };
  }

  /** The plan as it was given, with its effects so far. */
  show(): { seed: number; rules: (FaultRule & { matched: number; fired: number })[] } {
    const rules = this.#states.map(({ rule: each, matched, fired }) => ({ ...each, matched, fired }));
    return { seed: this.#seed, rules };
  }
}

function covers({ endpoint, effect: { kind } }: FaultRule, called: Endpoint): boolean {
  return (endpoint === '*' || endpoint === called) && (ONLY_ENDPOINT[kind] ?? called) === called;
}

/** Counts a matching call and says whether the rule would fire in it. */
function wantsToFire(state: RuleState): boolean {
  const { calls, probability, times } = state.rule;
  state.matched++;
  const drawn = probability === undefined || state.random() < probability;
  return (
    drawn && (calls === undefined || calls.includes(state.matched)) && (times === undefined || state.fired < times)
  );
}
