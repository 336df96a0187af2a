import fc from 'fast-check';
import { type ArmTally, boundsOf, emptyTally, judgeCanary, latencyClass } from '../../src/deployment/canary.ts';
import { seededRandom } from '../../src/trainer/random.ts';

const LIMITS = { max_errors: 0.02, max_slowdown: 2, max_quality_loss: 0.02 };

interface Behaviour {
  errors?: number;
  invalid?: number;
  ms?: number;
  right?: number;
}

/** So many calls of a model that behaves exactly as told. */
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

test('a canary that is as good as its control waits for its calls, then goes on', () => {
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

test('what seems beyond a limit is given three times the calls, and no more', () => {
  const behaviour = { right: 0.87 };
  expect(judge(tally(200, behaviour), tally(1800)).decision).toBe('wait');
  expect(judge(tally(599, behaviour), tally(5400)).decision).toBe('wait');
  expect(judge(tally(600, behaviour), tally(5400))).toMatchObject({
    decision: 'rollback',
    reason: expect.stringMatching(/^Beyond/),
  });
});

test('without right answers or a control that is timed, the rest decides', () => {
  const silent = { ...tally(200), judged: { n: 0, right: 0 } };
  expect(judge(silent, { ...emptyTally(), calls: 3 }).decision).toBe('advance');
  expect(judge(silent, emptyTally()).reason).toContain('no right answers known');
});

// scipy: optimize.brentq(lambda p: stats.binom.logpmf(k, n, p) + log(n + 1) - log(0.05 / 6), ...); the binomial coefficient
// cancels, since its mixture over all p is 1 / (n + 1).
test.each([
  [5, 20, 0.0335846, 0.6377653],
  [90, 100, 0.7483727, 0.9771978],
])('the bounds of %i of %i are those of the beta-binomial mixture', (hits, n, low, high) => {
  const bounds = boundsOf({ hits, n });
  expect(bounds.low).toBeCloseTo(low, 6);
  expect(bounds.high).toBeCloseTo(high, 6);
});

test('the bounds hold the share, mirror each other, and shrink with the calls', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, part) => {
      const hits = Math.round(n * part);
      const { low, high } = boundsOf({ hits, n });
      expect(low).toBeLessThanOrEqual(hits / n + 1e-9);
      expect(high).toBeGreaterThanOrEqual(hits / n - 1e-9);
      const mirrored = boundsOf({ hits: n - hits, n });
      expect(mirrored.low).toBeCloseTo(1 - high, 6);
      const more = boundsOf({ hits: hits * 4, n: n * 4 });
      expect(more.high - more.low).toBeLessThanOrEqual(high - low + 1e-9);
    }),
  );
  expect(boundsOf({ hits: 0, n: 0 })).toEqual({ low: 0, high: 1 });
});

test('a class of latencies holds what is up to a fifth longer than the one before', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 1e7, noNaN: true }), (ms) => {
      const longest = 1.2 ** latencyClass(ms);
      expect(longest).toBeGreaterThanOrEqual(ms * 0.999999);
      expect(longest / 1.2).toBeLessThan(ms * 1.000001);
    }),
  );
});

test('of 400 canaries that equal their control and are looked at after every ten calls, few are ever rolled back for sure', () => {
  const random = seededRandom(11);
  let rolledBack = 0;
  for (let canary = 0; canary < 400; canary += 1) {
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
      if (call % 10 === 0 && judge(arms[0], arms[1], 10_000).decision === 'rollback') {
        rolledBack += 1;
        break;
      }
    }
  }
  expect(rolledBack / 400).toBeLessThanOrEqual(0.05);
});
