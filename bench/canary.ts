/**
 * How often canaries are rolled back, and after how many of their calls: one that equals its control, and ones that are worse. Stage 1 of
 * the defaults (a tenth of the calls, 200 of them), a look after every 20 calls of the canary; a canary that passes it would advance to
 * stage 2. Exits with 1 where equals are rolled back too often. `npm run bench:canary`
 */

import { randomShares } from '@tuneloop/app/internal/shared/random';
import { type ArmTally, emptyTally, judgeCanary, latencyClass } from '../src/core/deployment/canary.ts';
import { percentile } from '../src/core/evaluation/statistics.ts';
import { percentText } from '../src/core/text/format.ts';

const CANARIES = 2000;
const CONTROL_CALLS_EACH = 9;
const LOOK_EVERY = 20;
const MIN_CALLS = 200;
const LIMITS = { max_errors: 0.02, max_slowdown: 2, max_quality_loss: 0.02 };
const MOST_FALSE_ROLLBACKS = 0.05;

interface Behaviour {
  /** Share of the calls that fail. */
  errors: number;
  /** Median; latencies are lognormal with a deviation of 0.5, so that the p95 is 2.3 times the median. */
  ms: number;
  /** Share of right answers. */
  right: number;
  /** Share of the answers that are checked. */
  checked: number;
}

/** The calls between two looks at the canary, the calls of its stage, and the largest number that it gets. */
interface Stage {
  every: number;
  minCalls: number;
  most: number;
}

const USUAL: Behaviour = { errors: 0.01, ms: 400, right: 0.9, checked: 0.5 };
const random = randomShares(17);

function addCall(tally: ArmTally, { errors, ms, right, checked }: Behaviour): void {
  tally.calls += 1;
  if (random() < errors) {
    tally.errors += 1;
    return;
  }
  const latency = latencyClass(ms * Math.exp(0.5 * normal()));
  tally.latencies[latency] = (tally.latencies[latency] ?? 0) + 1;
  if (random() >= checked) return;
  tally.judged.n += 1;
  if (random() < right) tally.judged.right += 1;
}

/** From the standard normal distribution (G. E. P. Box and M. E. Muller 1958). */
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** The number of calls after which one canary is rolled back; null where it is not. */
function callsUntilRollback(canary: Behaviour, control: Behaviour, { every, minCalls, most }: Stage): number | null {
  const arms = { canary: emptyTally(), control: emptyTally() };
  for (let calls = 1; calls <= most; calls += 1) {
    addCall(arms.canary, canary);
    for (let each = 0; each < CONTROL_CALLS_EACH; each += 1) addCall(arms.control, control);
    if (calls % every !== 0) continue;
    const { decision } = judgeCanary({ ...arms, minCalls, limits: LIMITS });
    if (decision !== 'wait') return decision === 'rollback' ? calls : null;
  }
  return null;
}

/** Prints the outcomes of many canaries. @returns the share that is rolled back. */
function report(name: string, canary: Partial<Behaviour>, stage: Stage, control = USUAL): number {
  const rollbacks = Array.from({ length: CANARIES }, () =>
    callsUntilRollback({ ...control, ...canary }, control, stage),
  ).filter((calls) => calls !== null);
  const share = rollbacks.length / CANARIES;
  const after = [0.5, 0.95].map((p) => (rollbacks.length === 0 ? '-' : percentile(rollbacks, p)));
  console.log(`| ${[name, percentText(share), ...after].join(' | ')} |`);
  return share;
}

console.log(
  `${CANARIES.toLocaleString('en')} canaries each, one call of the canary to ${CONTROL_CALLS_EACH} of the control`,
);
console.log('| canary | rolled back | calls until then: median | 95 % |');
console.log('|---|---:|---:|---:|');
const stage: Stage = { every: LOOK_EVERY, minCalls: MIN_CALLS, most: 3 * MIN_CALLS + LOOK_EVERY };
const endless: Stage = { every: LOOK_EVERY, minCalls: 1e6, most: 1000 };
const hard = { errors: 0.1, ms: 400, right: 0.7, checked: 0.05 };
const equals = [
  report('equals its control, one stage', {}, stage),
  report('equals its control, 1,000 calls', {}, endless),
  report('equals a poor control that is rarely checked, one stage', {}, stage, hard),
];
report('fails on every call (a look after each)', { errors: 1 }, { ...stage, every: 1 });
report('fails on 2 points more, as it may, 1,000 calls', { errors: 0.03 }, endless);
report('fails on 10 points more', { errors: 0.11 }, stage);
report('takes 3 times as long', { ms: 1200 }, stage);
report('is right on 10 points fewer, one stage', { right: 0.8 }, stage);
report('is right on 10 points fewer, 1,000 calls', { right: 0.8 }, endless);
if (Math.max(...equals) > MOST_FALSE_ROLLBACKS) process.exitCode = 1;
