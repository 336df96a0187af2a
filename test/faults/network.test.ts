import { setTimeout as delay } from 'node:timers/promises';
import { runJson } from '../../src/client/runs.ts';
import { type Cli, until } from '../setup/cli.ts';
import { countOf, type ProviderProxy, startProxy } from '../setup/http-proxy.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { addressOf, executed, jobsOf, providerOf, startAnotherWorker, statuses } from '../setup/stack-tools.ts';
import { startTcpProxy, type TcpProxy } from '../setup/tcp-proxy.ts';

jest.setTimeout(120_000);

const TWO = { models: ['local-nano', 'local-mini'], learning_rate_multiplier: 1, epochs: 1 };
/** The time in which an attempt counts as lost, and a little. */
const LOST_MS = 18_000;

describe('a bad network', () => {
  let stack: Stack;
  let line: TcpProxy;
  let worker: Cli | undefined;
  let provider: ProviderProxy | undefined;
  let runs = 0;

  beforeAll(async () => {
    stack = await Stack.start({ jobSeconds: 27 });
    // The only worker is one that reaches the server through the line.
    await stack.stopWorker();
    line = await startTcpProxy(addressOf(stack));
    worker = await startAnotherWorker(stack, { TEMPORAL_ADDRESS: line.address });
  });
  afterAll(async () => {
    worker?.child.kill('SIGTERM');
    await worker?.ended;
    await line?.close();
    await provider?.close();
    await stack.stop();
  });

  /** Starts a run whose provider is reached through another address. */
  const startRun = async (through: (trainerURL: string) => Promise<string>) => {
    runs += 1;
    const name = `network-${runs}`;
    const rows = shopRows(60);
    const file = stack.writePipeline(name, rows, { candidates: TWO, split: { seed: runs } });
    const own = providerOf(file);
    const baseURL = await through(own.baseURL);
    stack.writePipeline(name, rows, { candidates: TWO, split: { seed: runs }, provider: { ...own, baseURL } });
    return stack.startRun(file);
  };

  test('F21 worker and server are cut off from each other, with and without an error: no step is done twice, and the run continues', async () => {
    const run = await startRun(async (trainerURL) => {
      provider = await startProxy(new URL(trainerURL).origin);
      return provider.baseURL;
    });
    const polls = () => (provider ? countOf(provider, 'poll') : 0);
    const goesOnWithin15Seconds = async () => {
      const before = polls();
      await until(() => polls() > before + 2, 'questions after the line was healed', 15_000);
    };
    const before = stack.ledger().length;
    const created = () => executed(stack.ledger().slice(before), 'jobs.create');
    await stack.setFaults([{ endpoint: 'jobs.create', effect: { kind: 'execute_then_hang', seconds: 1 } }]);
    // In the moment in which the jobs exist and their ids are still unknown: the results cannot get through.
    await until(() => created().length > 0, 'a creation');
    line.cut('silent');
    await delay(LOST_MS);
    line.heal();
    await goesOnWithin15Seconds();
    expect(created()).toHaveLength(2);
    line.cut('reset');
    await delay(8000);
    line.heal();
    await run.result();
    expect(await runJson(run)).toMatchObject({ status: 'completed' });
    expect(created()).toHaveLength(2);
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['succeeded', 'succeeded']);
    expect(new Set(executed(stack.ledger().slice(before), 'files.create').map(({ name }) => name)).size).toBe(2);
    expect(executed(stack.ledger().slice(before), 'files.create')).toHaveLength(2);
  });

  test('F22 the provider answers slowly, and half of the connections break: correct all the same', async () => {
    await stack.setFaults([]);
    let bad: TcpProxy | undefined;
    const before = stack.ledger().length;
    try {
      const run = await startRun(async (trainerURL) => {
        const url = new URL(trainerURL);
        bad = await startTcpProxy(url.host);
        return `http://${bad.address}${url.pathname}`;
      });
      await until(() => executed(stack.ledger().slice(before), 'files.create').length > 0, 'an upload');
      bad?.disturb({ latencyMs: 300, resetProbability: 0.5, seed: 22 });
      await until(() => (bad?.resets ?? 0) >= 10, 'broken connections');
      bad?.heal();
      await run.result();
      const { status, candidates = [] } = await runJson(run);
      expect(status).toBe('completed');
      expect(candidates.map((candidate) => candidate.status)).toEqual(['succeeded', 'succeeded']);
      expect(candidates.map(({ validation }) => validation?.n)).toEqual([9, 9]);
      const jobs = await jobsOf(stack, run.workflowId);
      expect(jobs.filter(({ status }) => status === 'succeeded')).toHaveLength(2);
      expect(new Set(jobs.map(({ metadata }) => metadata?.tuneloop_key)).size).toBe(2);
      // The list is never behind here, so every look finds the job.
      expect(jobs).toHaveLength(2);
    } finally {
      await bad?.close();
    }
  });
});
