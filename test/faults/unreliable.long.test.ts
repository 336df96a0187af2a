import { duplicateFiles, duplicates } from '../chaos/oracles.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { executed, jobsOf, providerOf, statuses } from '../setup/stack-tools.ts';

// Most of the time is spent waiting between attempts: creating a job takes four calls, of which 28 % succeed together, and the seventh
// wait is of two minutes.
jest.setTimeout(600_000);

const RUNS = 2;
/** Two jobs, 18 rows to validate each and 18 to judge the winner. */
const CHANGES = {
  candidates: { models: ['local-nano', 'local-mini'], learning_rate_multiplier: 1, epochs: 1 },
  split: { validation: 0.2, test: 0.2 },
};

describe('the provider fails in 30 % of all calls', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());

  /** Runs at the same time, to their end. Returns how they have ended, and their ids. */
  const runAll = async (prefix: string, seed: number) => {
    const runs = await Promise.all(
      Array.from({ length: RUNS }, (_, index) => {
        const name = `${prefix}-${index}`;
        const changes = { ...CHANGES, split: { ...CHANGES.split, seed: seed + index } };
        const provider = { ...providerOf(stack.writePipeline(name, shopRows(90), changes)), settling_seconds: 0.5 };
        return stack.startRun(stack.writePipeline(name, shopRows(90), { ...changes, provider }));
      }),
    );
    return Promise.all(
      runs.map(async (run) => {
        const { candidates, winner } = await run.result();
        return { runId: run.workflowId, candidates, winner };
      }),
    );
  };

  test('F10 30 % of all calls fail, by every kind of failure: all runs end as they should, with at most three times the calls', async () => {
    // Counts, and does nothing.
    await stack.setFaults([{ endpoint: '*', times: 0, effect: { kind: 'reset' } }]);
    await runAll('reliable', 1);
    const [{ matched: callsWithout } = { matched: 0 }] = await stack.faults();
    const before = stack.ledger().length;

    // Each rule draws anew, so that together they let 0.925^4 = 73 % through, less those that come late.
    await stack.setFaults(
      [
        { endpoint: '*', probability: 0.075, effect: { kind: 'reset' } },
        { endpoint: '*', probability: 0.075, effect: { kind: 'status', status: 500 } },
        { endpoint: '*', probability: 0.075, effect: { kind: 'execute_then_reset' } },
        { endpoint: '*', probability: 0.075, effect: { kind: 'execute_then_status', status: 503 } },
        { endpoint: '*', probability: 0.05, effect: { kind: 'status', status: 429, headers: { 'retry-after': '1' } } },
      ],
      10,
    );
    const runs = await runAll('unreliable', 101);
    const rules = await stack.faults();
    const calls = rules[0]?.matched ?? 0;
    const failed = rules.reduce((sum, { fired }) => sum + fired, 0);
    await stack.setFaults([]);

    for (const { runId, candidates, winner } of runs) {
      expect(candidates.map(({ status, validation }) => [status, validation?.n])).toEqual([
        ['succeeded', 18],
        ['succeeded', 18],
      ]);
      expect(winner).not.toBeNull();
      expect(statuses(await jobsOf(stack, runId))).toEqual(['succeeded', 'succeeded']);
    }
    expect(calls).toBeLessThanOrEqual(3 * callsWithout);
    // It was no quiet time: every kind of failure was met, and as many as planned.
    for (const { fired } of rules) expect(fired).toBeGreaterThan(0);
    expect(failed / calls).toBeGreaterThan(0.2);
    const entries = stack.ledger().slice(before);
    expect(duplicates(entries)).toEqual([]);
    expect(duplicateFiles(entries)).toEqual([]);
    expect(executed(entries, 'jobs.create')).toHaveLength(2 * RUNS);
  });
});
