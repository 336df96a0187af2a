import { randomShares } from '@tuneloop/app/internal/shared/random';
import fc from 'fast-check';
import {
  type ArmTally,
  chanceOfMore,
  emptyTally,
  evidenceAgainst,
  judgeCanary,
  latencyClass,
} from '../../../src/core/deployment/canary.ts';

const LIMITS = { max_errors: 0.02, max_slowdown: 2, max_quality_loss: 0.02 };

interface Behaviour {
  errors?: number;
  invalid?: number;
  ms?: number;
  right?: number;
}

/** This many calls of a model with exactly this behaviour. */
function tally(calls: number, { errors = 0, invalid = 0, ms = 100, right = 0.9 }: Behaviour = {}): ArmTally {
  return {
    calls,
    errors: Math.round(calls * errors),
    invalid: Math.round(calls * invalid),
    latencies: { [latencyClass(ms)]: calls },
    judged: { n: calls, right: Math.round(calls * right) },
  };
}

const judge = (canary: ArmTally, control: ArmTally, minCalls = 200) =>
  judgeCanary({ canary, control, minCalls, limits: LIMITS });

test('a canary that is as good as its control waits for its calls, then advances', () => {
  expect(judge(tally(100), tally(900))).toMatchObject({ decision: 'wait' });
  expect(judge(tally(200), tally(1800))).toMatchObject({ decision: 'advance' });
});

test('an outage is noticed after few calls', () => {
  const outage = (calls: number) => judge(tally(calls, { errors: 1 }), tally(calls * 9)).decision;
  expect(outage(2)).toBe('wait');
  expect(outage(12)).toBe('rollback');
});

test.each<[string, Behaviour]>([
  ['more calls fail', { errors: 0.2 }],
  ['more answers are invalid', { invalid: 0.2 }],
  ['it is much slower', { ms: 400 }],
  ['it is less often right', { right: 0.6 }],
])('a regression is rolled back before the stage ends: %s', (_, behaviour) => {
  const { decision, reason } = judge(tally(180, behaviour), tally(1600));
  expect(decision).toBe('rollback');
  expect(reason).toMatch(/^Regression/);
});

test('a canary may be better, faster and fail less, and slower within the limit', () => {
  for (const behaviour of [{ right: 1 }, { ms: 10 }, { ms: 150 }]) {
    expect(judge(tally(200, behaviour), tally(1800, { errors: 0.1 }))).toMatchObject({ decision: 'advance' });
  }
});

test('a figure beyond a limit extends the stage to three times its calls, and rolls back where chance alone is unlikely', () => {
  const behaviour = { right: 0.86 };
  expect(judge(tally(200, behaviour), tally(1800)).decision).toBe('wait');
  expect(judge(tally(599, behaviour), tally(5400)).decision).toBe('wait');
  expect(judge(tally(600, behaviour), tally(5400))).toMatchObject({
    decision: 'rollback',
    reason: expect.stringMatching(/^Beyond a limit, it is less often right/),
  });
});

test('a canary whose figure beyond a limit may be chance advances after three times the calls', () => {
  const fewJudged = (of: ArmTally, n: number, right: number) => ({ ...of, judged: { n, right } });
  const canary = (calls: number) => fewJudged(tally(calls), 10, 8);
  const control = (calls: number) => fewJudged(tally(calls), 90, 81);
  expect(judge(canary(200), control(1800)).decision).toBe('wait');
  expect(judge(canary(600), control(5400))).toMatchObject({
    decision: 'advance',
    reason: expect.stringContaining('this may be chance'),
  });
});

test('a canary that is slower by more than the limit is rolled back, even if the limit is not exceeded significantly', () => {
  const spread = (ms: number): ArmTally => ({
    ...tally(60),
    latencies: { [latencyClass(ms / 3)]: 20, [latencyClass(ms)]: 20, [latencyClass(ms * 3)]: 20 },
  });
  expect(judge(spread(230), spread(100), 20)).toMatchObject({
    decision: 'rollback',
    reason: expect.stringMatching(/^Beyond a limit, it is slower/),
  });
  expect(judge(spread(180), spread(100), 20)).toMatchObject({ decision: 'advance' });
});

test('an outage of both arms is no regression, and no call that the canary has passed', () => {
  const everybody = judge(tally(1000, { errors: 1 }), tally(9000, { errors: 1 }));
  expect(everybody.decision).toBe('wait');
  expect(everybody.reason).toContain('The stage needs 200 calls');
});

test('a log without calls is reported, because the application may log elsewhere', () => {
  expect(judge(emptyTally(), emptyTally())).toMatchObject({
    decision: 'wait',
    reason: expect.stringContaining('check that the application logs to the source of the pipeline'),
  });
  expect(judge(emptyTally(), tally(3)).reason).toContain('0 calls, 3 of the control');
});

test('a failing canary does not advance while its control has no calls', () => {
  expect(judge(tally(1000, { errors: 0.3 }), emptyTally()).decision).toBe('wait');
});

test('without right answers or a timed control, the other figures decide', () => {
  const silent = { ...tally(200), judged: { n: 0, right: 0 } };
  expect(judge(silent, { ...emptyTally(), calls: 3 }).decision).toBe('advance');
  expect(judge(silent, emptyTally()).reason).toContain('no right answers known');
});

// scipy: special.betaln(k + .5, n - k + .5) - special.betaln(.5, .5) - special.xlogy(k, p) - special.xlogy(n - k, 1 - p)
test.each([
  [0.5, 5, 20, 0.8773257233],
  [0.1, 90, 100, 173.2441293],
  [0.02, 0, 45, -1.5693520792],
  [0.999, 3, 3, -1.1601493088],
])(
  'the evidence against a share of %f of %i of %i is that of the Krichevsky-Trofimov mixture',
  (p, hits, n, evidence) => {
    expect(evidenceAgainst(p, { hits, n })).toBeCloseTo(evidence, 6);
  },
);

// scipy: fisher_exact([[a, n - a], [b, m - b]], alternative='greater')
test.each([
  [5, 20, 3, 40, 0.07294519247],
  [60, 300, 270, 2700, 9.17607986e-7],
  [0, 10, 4, 90, 1],
  [12, 12, 0, 108, 9.485092677e-17],
])('the chance of %i of %i beside %i of %i is that of the exact test', (hits, n, others, m, chance) => {
  expect(chanceOfMore({ hits, n }, { hits: others, n: m }) / chance).toBeCloseTo(1, 6);
});

// scipy: optimize.minimize_scalar over the control's share p of the evidence of both arms, at p + 0.02 and p, against
// log(1 / (0.05 / 6)) = 4.787: 4.285 for 21 failures of 200 and 5.535 for 22, beside 18 of 1800.
test('more failures are significant once the evidence against every pair of shares within the limit is enough', () => {
  const failed = (errors: number, calls: number) => ({ ...tally(calls), errors });
  expect(judge(failed(21, 200), failed(18, 1800)).decision).toBe('wait');
  expect(judge(failed(22, 200), failed(18, 1800)).reason).toMatch(/^Regression, more calls fail/);
});

const share = fc
  .tuple(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([n, part]) => ({ n, hits: Math.round(n * part) }));

test('the evidence against the observed share is small, and grows for shares further away', () => {
  fc.assert(
    fc.property(share, fc.double({ min: 0, max: 1, noNaN: true }), (seen, part) => {
      const at = seen.hits / seen.n;
      expect(evidenceAgainst(at, seen)).toBeLessThanOrEqual(1e-6);
      const further = at * part;
      expect(evidenceAgainst(further, seen)).toBeGreaterThanOrEqual(evidenceAgainst(at, seen) - 1e-6);
      expect(evidenceAgainst(further / 2, seen)).toBeGreaterThanOrEqual(evidenceAgainst(further, seen) - 1e-6);
    }),
  );
});

test('a better canary is never called a regression, whatever its figures and those of its control', () => {
  fc.assert(
    fc.property(share, share, fc.integer({ min: 1, max: 500 }), (one, other, minCalls) => {
      const [best, worst] = one.hits * other.n < other.hits * one.n ? [one, other] : [other, one];
      const of = ({ n, hits }: typeof one): ArmTally => ({
        calls: n,
        errors: hits,
        invalid: 0,
        latencies: { [latencyClass(100 + (100 * hits) / n)]: n },
        judged: { n, right: n - hits },
      });
      expect(judge(of(best), of(worst), minCalls).decision).not.toBe('rollback');
    }),
  );
});

test('a class of latencies holds latencies up to a tenth longer than the one before', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 1e7, noNaN: true }), (ms) => {
      const longest = 1.1 ** latencyClass(ms);
      expect(longest).toBeGreaterThanOrEqual(ms * 0.999999);
      expect(longest / 1.1).toBeLessThan(ms * 1.000001);
    }),
  );
});

test('a median is known to within a twentieth', () => {
  fc.assert(
    fc.property(fc.double({ min: 2, max: 1e6, noNaN: true }), (ms) => {
      const [, told] = /p50 about (\d+) ms/.exec(judge(tally(50, { ms }), tally(450)).reason) ?? [];
      expect(Math.abs(Number(told) - ms)).toBeLessThanOrEqual(0.5 + ms * 0.05);
    }),
  );
});

test('of 300 canaries that equal their control and are looked at after every ten calls, few are ever rolled back', () => {
  const random = randomShares(11);
  let rolledBack = 0;
  for (let canary = 0; canary < 300; canary += 1) {
    const arms = [emptyTally(), emptyTally()] as const;
    for (let call = 1; call <= 600; call += 1) {
      for (const arm of arms) {
        arm.calls += 1;
        if (random() < 0.05) arm.errors += 1;
        const latency = latencyClass(100 * 2 ** (random() * 2));
        arm.latencies[latency] = (arm.latencies[latency] ?? 0) + 1;
        arm.judged.n += 1;
        if (random() < 0.8) arm.judged.right += 1;
      }
      if (call % 10 !== 0) continue;
      const { decision } = judge(arms[0], arms[1], 150);
      if (decision === 'rollback') rolledBack += 1;
      if (decision !== 'wait') break;
    }
  }
  expect(rolledBack / 300).toBeLessThanOrEqual(0.05);
});
