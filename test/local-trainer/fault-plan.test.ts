import fc from 'fast-check';
import {
  type Effect,
  ENDPOINTS,
  type Endpoint,
  FaultPlan,
  type FaultRule,
} from '../../packages/local-trainer/src/faults/fault-plan.ts';

const STATUS: Effect = { kind: 'status', status: 500 };
const RESET: Effect = { kind: 'reset' };

const plan = (...rules: readonly FaultRule[]) => new FaultPlan(7, rules);
/** The kind of the effect that fires in each of `count` calls. */
const faults = (of: FaultPlan, count: number, endpoint: Endpoint = 'chat') =>
  Array.from({ length: count }, () => of.decide(endpoint).fault);

const anyRule: fc.Arbitrary<FaultRule> = fc.record(
  {
    endpoint: fc.constantFrom(...ENDPOINTS, '*' as const),
    calls: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 10 }),
    probability: fc.double({ min: 0, max: 1, noNaN: true }),
    times: fc.integer({ min: 0, max: 10 }),
    effect: fc.constantFrom<Effect>(STATUS, RESET, { kind: 'latency', ms: 5 }, { kind: 'execute_then_hang' }),
  },
  { requiredKeys: ['endpoint', 'effect'] },
);
const anyRules = fc.array(anyRule, { maxLength: 5 });
const anyCalls = fc.array(fc.constantFrom(...ENDPOINTS), { maxLength: 60 });

test('the same seed, rules and order of calls give the same faults', () => {
  fc.assert(
    fc.property(fc.integer(), anyRules, anyCalls, (seed, rules, calls) => {
      const [first, second] = [new FaultPlan(seed, rules), new FaultPlan(seed, rules)];
      for (const endpoint of calls) expect(second.decide(endpoint)).toEqual(first.decide(endpoint));
      expect(second.show()).toEqual(first.show());
    }),
  );
});

test('another seed gives other faults', () => {
  const rules: FaultRule[] = [{ endpoint: 'chat', probability: 0.5, effect: RESET }];
  expect(faults(new FaultPlan(1, rules), 64)).not.toEqual(faults(new FaultPlan(2, rules), 64));
});

test('a rule fires about as often as its probability says', () => {
  fc.assert(
    fc.property(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, probability) => {
      const of = new FaultPlan(seed, [{ endpoint: 'chat', probability, effect: RESET }]);
      const fired = faults(of, 2_000).filter((fault) => fault !== null).length;
      // Six standard deviations: a chance of 1 in 500 million.
      expect(Math.abs(fired / 2_000 - probability)).toBeLessThanOrEqual(
        6 * Math.sqrt((probability * (1 - probability)) / 2_000) + 0.001,
      );
    }),
  );
});

test('a rule never fires more often than allowed, in a call not named, or for another endpoint', () => {
  fc.assert(
    fc.property(fc.integer(), anyRule, anyCalls, (seed, rule, calls) => {
      const of = new FaultPlan(seed, [rule]);
      let matched = 0;
      let fired = 0;
      for (const endpoint of calls) {
        const matches = rule.endpoint === '*' || rule.endpoint === endpoint;
        if (matches) matched++;
        if (of.decide(endpoint).fault === null) continue;
        fired++;
        expect(matches).toBe(true);
        expect(rule.calls ?? [matched]).toContain(matched);
      }
      expect(fired).toBeLessThanOrEqual(rule.times ?? Number.POSITIVE_INFINITY);
      expect(of.show().rules).toEqual([{ ...rule, matched, fired }]);
    }),
  );
});

test('a rule does not depend on later rules', () => {
  fc.assert(
    fc.property(fc.integer(), anyRules, anyRule, anyCalls, (seed, rules, last, calls) => {
      const [without, withLast] = [new FaultPlan(seed, rules), new FaultPlan(seed, [...rules, last])];
      for (const endpoint of calls) {
        const { effect } = without.decide(endpoint);
        const more = withLast.decide(endpoint);
        if (effect !== null) expect(more.effect).toEqual(effect);
      }
    }),
  );
});

test('calls are counted from 1, separately for each rule that matches them', () => {
  const of = plan({ endpoint: 'chat', calls: [1, 3], effect: RESET }, { endpoint: '*', calls: [2], effect: STATUS });
  expect(of.decide('jobs.list').fault).toBeNull();
  expect(faults(of, 4)).toEqual(['reset', null, 'reset', null]);
  expect(of.show().rules.map(({ matched, fired }) => [matched, fired])).toEqual([
    [4, 2],
    [5, 0],
  ]);
});

test('the first of several rules that fires counts, and a rule that loses has not fired', () => {
  const of = plan({ endpoint: 'chat', calls: [2], effect: RESET }, { endpoint: 'chat', times: 2, effect: STATUS });
  expect(faults(of, 4)).toEqual(['status', 'reset', 'status', null]);
});

test('latency adds up and comes before the effect of the next rule', () => {
  const of = plan(
    { endpoint: 'chat', effect: { kind: 'latency', ms: 20 } },
    { endpoint: '*', effect: { kind: 'latency', ms: 30 } },
    { endpoint: 'chat', calls: [1], effect: RESET },
    { endpoint: 'chat', calls: [1], effect: { kind: 'latency', ms: 1000 } },
  );
  expect(of.decide('chat')).toEqual({ latencyMs: 50, effect: RESET, fault: 'reset' });
  expect(of.decide('chat')).toEqual({ latencyMs: 50, effect: null, fault: 'latency' });
});

test('an effect for one endpoint matches only that one, even under *', () => {
  const of = plan({ endpoint: '*', effect: { kind: 'completion', text: '' } });
  for (const endpoint of ENDPOINTS) {
    expect(of.decide(endpoint).fault).toBe(endpoint === 'chat' ? 'completion' : null);
  }
});

test.each<[string, unknown, string]>([
  ['no rules', {}, 'rules'],
  ['an unknown key', { rules: [], extra: 1 }, 'extra'],
  ['an unknown key of a rule', { rules: [{ endpoint: 'chat', effect: RESET, extra: 1 }] }, 'rules.0.extra'],
  [
    'an unknown key of an effect',
    { rules: [{ endpoint: 'chat', effect: { kind: 'latency', ms: 1, seconds: 1 } }] },
    'rules.0.effect.seconds',
  ],
  ['an unknown endpoint', { rules: [{ endpoint: 'jobs', effect: RESET }] }, 'rules.0.endpoint'],
  ['an unknown effect', { rules: [{ endpoint: 'chat', effect: { kind: 'explode' } }] }, 'rules.0.effect.kind'],
  ['a probability over 1', { rules: [{ endpoint: 'chat', probability: 1.1, effect: RESET }] }, 'rules.0.probability'],
  ['a call 0', { rules: [{ endpoint: 'chat', calls: [0], effect: RESET }] }, 'rules.0.calls.0'],
  [
    'a status of success',
    { rules: [{ endpoint: 'chat', effect: { ...STATUS, status: 200 } }] },
    'rules.0.effect.status',
  ],
  [
    'a header that would break the answer',
    { rules: [{ endpoint: 'chat', effect: { ...STATUS, headers: { a: 'x\r\ny: z' } } }] },
    'rules.0.effect.headers.a',
  ],
  [
    'an effect at the wrong endpoint',
    { rules: [{ endpoint: 'jobs.get', effect: { kind: 'list_lag', seconds: 1 } }] },
    'rules.0.endpoint',
  ],
])('a plan with %s is refused by its name', (_case, body, param) => {
  expect(() => FaultPlan.parse(body)).toThrow(expect.objectContaining({ status: 400, param }));
});

test('a plan is shown as it was given', () => {
  const rules: FaultRule[] = [
    { endpoint: 'jobs.create', probability: 0.5, times: 3, effect: { kind: 'job_status', status: 'queued' } },
    { endpoint: '*', calls: [2], effect: { kind: 'status', status: 429, code: 'x', headers: { 'retry-after': '2' } } },
  ];
  expect(FaultPlan.parse({ seed: 9, rules }).show()).toEqual({
    seed: 9,
    rules: rules.map((rule) => ({ ...rule, matched: 0, fired: 0 })),
  });
});
