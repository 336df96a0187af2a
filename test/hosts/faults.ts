import { randomShares, spread } from '@tuneloop/app/internal/shared/random';
import { z } from 'zod';
import { OPERATIONS, type Operation } from './front.ts';

const ms = z.number().min(0);

const effect = z.discriminatedUnion('kind', [
  /** The connection breaks off before anything was done. */
  z.strictObject({ kind: z.literal('reset') }),
  /** It is done, and the connection breaks off before the answer. */
  z.strictObject({ kind: z.literal('lose_answer') }),
  /** It is done, and the answer comes this much later: time for its client to die. */
  z.strictObject({ kind: z.literal('late_answer'), ms }),
  /** An error before it is done, or in spite of it. */
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(400).max(599),
    executed: z.boolean().optional(),
    retryAfterSeconds: z.number().min(0).optional(),
    code: z.string().optional(),
    message: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('latency'), ms }),
  /** For `jobs.create` and `leases.create`: the new thing is missing from the list for this time. */
  z.strictObject({ kind: z.literal('list_lag'), ms }),
  /** For `jobs.create`: its model is missing for this time after it has succeeded. */
  z.strictObject({ kind: z.literal('model_late'), ms }),
  /** For `jobs.create`: it ends so, in the host's own word for a state, instead of succeeding. */
  z.strictObject({ kind: z.literal('job_ends'), state: z.string(), message: z.string().optional() }),
  /** For `jobs.get` and `jobs.list`: a job that has not ended shows this word for its state. */
  z.strictObject({ kind: z.literal('shown_state'), state: z.string() }),
  /** For `leases.create`, and `leases.load`, where models are loaded one by one: it is ready after this time; null = never. */
  z.strictObject({ kind: z.literal('ready_after'), ms: ms.nullable() }),
  z.strictObject({ kind: z.literal('lease_fails'), message: z.string().optional() }),
  /** For `jobs.metrics`, `jobs.events` and `links.get`: every second report is missing, or half of its numbers. */
  z.strictObject({ kind: z.literal('gaps') }),
  /** For `chat`: this is the answer. */
  z.strictObject({ kind: z.literal('text'), text: z.string(), cut: z.boolean().optional() }),
]);
export type Effect = z.infer<typeof effect>;

const rule = z.strictObject({
  on: z.enum([...OPERATIONS, '*']),
  /** Numbers of matching calls, from 1. */
  calls: z.array(z.int().min(1)).optional(),
  probability: z.number().min(0).max(1).optional(),
  /** The most calls in which it fires. */
  times: z.int().min(0).optional(),
  effect,
});
export type FaultRule = z.infer<typeof rule>;
export type FaultInput = z.input<typeof rule>;

const plan = z.strictObject({ seed: z.int().optional(), rules: z.array(rule) });

interface RuleState {
  readonly rule: FaultRule;
  readonly random: () => number;
  matched: number;
  fired: number;
}

/** Which calls go wrong, and how. The same plan and the same order of calls give the same faults. */
export class Faults {
  #states: RuleState[] = [];

  /** @throws ZodError for no plan */
  set(rules: readonly FaultInput[], seed = 0): void {
    this.#states = plan.parse({ seed, rules }).rules.map((each, index) => ({
      rule: each,
      random: randomShares(spread(seed + index)),
      matched: 0,
      fired: 0,
    }));
  }

  /** As {@link set}, from the body of a request. */
  read(body: unknown): void {
    const { seed, rules } = plan.parse(body);
    this.set(rules, seed);
  }

  /** The effects on the next call of an operation, in the order of the rules. */
  decide(operation: Operation): Effect[] {
    const effects: Effect[] = [];
    for (const state of this.#states) {
      const { on, calls, probability, times, effect: each } = state.rule;
      if (on !== '*' && on !== operation) continue;
      state.matched++;
      const drawn = probability === undefined || state.random() < probability;
      if (!drawn || (calls && !calls.includes(state.matched)) || (times !== undefined && state.fired >= times))
        continue;
      state.fired++;
      effects.push(each);
    }
    return effects;
  }

  /** The plan with how often each rule has fired. */
  show(): (FaultRule & { matched: number; fired: number })[] {
    return this.#states.map(({ rule: each, matched, fired }) => ({ ...each, matched, fired }));
  }
}

/** The first effect of a kind. */
export function effectOf<Kind extends Effect['kind']>(
  effects: readonly Effect[],
  kind: Kind,
): Extract<Effect, { kind: Kind }> | undefined {
  return effects.find((each): each is Extract<Effect, { kind: Kind }> => each.kind === kind);
}
