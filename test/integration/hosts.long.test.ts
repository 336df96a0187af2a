import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { createTuneloop, type Tuneloop } from '../../src/client/tuneloop.ts';
import { readPrices } from '../../src/config/prices.ts';
import { deploymentId } from '../../src/contract/ids.ts';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.ts';
import type { ListedPrice, Prices } from '../../src/core/evaluation/cost.ts';
import { connectProvider } from '../../src/providers/connect.ts';
import type { ProviderProfile } from '../../src/providers/profile.ts';
import { PROFILES, profileOf } from '../../src/providers/profiles/index.ts';
import { openArtifacts } from '../../src/stores/open-stores.ts';
import { DATA_CONVERTER } from '../../src/worker/connection.ts';
import { createWorker } from '../../src/worker/create-worker.ts';
import { hasSpecs, NO_SPECS } from '../hosts/schemas.ts';
import { FRONTS, type HostName, type RunningHost, startHost } from '../hosts/start-host.ts';
import { temporaryHome, until } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';
import { sharedWorkflowBundle } from '../setup/workflow-bundle.ts';

jest.setTimeout(240_000);

/** For every base model, so that sums are easy to check; some jobs cost the minimum. USD. */
const PRICE: ListedPrice = {
  training: 20,
  minimum_per_job: 0.05,
  serving_per_hour: 60,
};
const BY_TOKENS: ListedPrice = {
  training: 20,
  tuned: { input: 2, output: 8 },
  base: { input: 1, output: 4 },
};

/** A lease is booked from before its creation until after its removal, which is a moment longer than the host counts. */
const BOOKED_LONGER_USD = (15 / 3600) * 60;

const ROWS = 240;
/** Long enough that jobs can be stopped early. */
const JOB_SECONDS = 6;

let server: TestWorkflowEnvironment;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const cli = process.env.TEMPORAL_CLI;
  if (!cli) throw new Error('the setup of the tests names the server in TEMPORAL_CLI');
  server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: cli }, searchAttributes: [...SEARCH_ATTRIBUTES] },
    client: { dataConverter: DATA_CONVERTER },
  });
});
afterAll(() => server.teardown());

/** A worker and the library, for one host. */
class Project {
  readonly tuneloop: Tuneloop;
  readonly home: string;
  readonly host: RunningHost;
  readonly #remove: () => void;
  readonly #stop: () => Promise<void>;

  static async start({ name, options = {} }: Subject): Promise<Project> {
    const profile = profileOf({ profile: name, options });
    const price = profile.serving.lease?.paidByHour ? PRICE : BY_TOKENS;
    const bases = basesOf(name);
    const models = Object.fromEntries(bases.map((model) => [model, price]));
    const host = await startHost(name, { prices: models, bases, jobSeconds: JOB_SECONDS });
    Object.assign(process.env, host.env);
    const { home, remove } = temporaryHome();
    // One for all, because the account of the month goes on.
    const taskQueue = 'hosts';
    const worker = await createWorker({
      connection: server.nativeConnection,
      namespace: server.namespace ?? 'default',
      taskQueue,
      workflowBundle: sharedWorkflowBundle(),
      dependencies: {
        artifacts: openArtifacts(home),
        home,
        prices: pricesOf(profile, models),
        connectProvider,
        temporal: server.client,
        monthlyBudgetUsd: 50_000,
        log: pino({ level: 'silent' }),
      },
    });
    const ran = worker.run();
    const stop = async () => {
      worker.shutdown();
      await ran;
      await host.close();
    };
    const provider = { ...host.provider, options: { ...host.provider.options, ...options } };
    return new Project(home, taskQueue, { ...host, provider }, remove, stop);
  }

  private constructor(
    home: string,
    taskQueue: string,
    host: RunningHost,
    remove: () => void,
    stop: () => Promise<void>,
  ) {
    this.home = home;
    this.host = host;
    this.#remove = remove;
    this.#stop = stop;
    this.tuneloop = createTuneloop({ home, taskQueue, temporal: server.client });
  }

  async stop(): Promise<void> {
    await this.tuneloop.close();
    await this.#stop();
    this.#remove();
  }
}

function basesOf(name: HostName): string[] {
  const { models }: ProviderProfile = PROFILES[name];
  const names = models.map((model) => model.name);
  return names.length === 0 ? ['gpt-4.1-mini', 'gpt-4.1-nano'] : names.slice(0, 2);
}

function pricesOf({ billing }: ProviderProfile, models: Record<string, ListedPrice>): Prices {
  const prices = readPrices(undefined);
  const list = billing.charges === 'tokens' ? billing.priceList : null;
  if (list === null) return { ...prices, models: models as Prices['models'] };
  return { ...prices, lists: { [list]: { date: prices.date, source: 'made up for tests', models } } };
}

/** Appends the figures of a host to a file, for a table. */
function note(figures: object): void {
  const file = process.env.TUNELOOP_TEST_FIGURES;
  if (file) appendFileSync(file, `${JSON.stringify(figures)}\n`);
}

interface Subject {
  title: string;
  name: HostName;
  options?: Record<string, unknown>;
}

const SUBJECTS: Subject[] = [
  ...(Object.keys(FRONTS) as HostName[]).map((name) => ({ title: name, name })),
  { title: 'crusoe-machines', name: 'crusoe', options: { serving: 'deployment' } },
];

if (!hasSpecs) console.warn(NO_SPECS);

(hasSpecs ? describe : describe.skip).each(SUBJECTS)('a whole pipeline at a server that plays $title', (subject) => {
  const { title, name, options = {} } = subject;
  const profile = profileOf({ profile: name, options });
  let project: Project;
  beforeAll(async () => {
    project = await Project.start(subject);
  });
  afterAll(() => project.stop());

  test('it trains, evaluates, proposes, tries a canary and rolls back; all is paid once, nothing is left, and the bill is the one that was booked', async () => {
    const { tuneloop, host, home } = project;
    const models = basesOf(name);
    const leased = profile.serving.lease !== null;
    const { learningRate } = profile.jobs;
    const file = writePipeline(path.join(home, 'pipeline'), shopRows(ROWS), {
      name: `shop-${title}`,
      provider: host.provider,
      candidates: { models, learning_rate_multiplier: [0.5, 1, 2], epochs: 3, early_stop: true },
      evaluation: { concurrency: 16 },
      budget_usd: 5000,
      promotion: { by: 'approval', canary: { stages: [{ share: 0.5, min_calls: 1000 }], every_seconds: 3600 } },
    });
    const { runId } = await tuneloop.runs.start(file);
    const run = await tuneloop.runs.follow(runId);
    expect(run.error).toBeUndefined();
    expect(run.status).toBe('completed');
    expect(run.candidates).toHaveLength(6);
    expect(run.winner).not.toBeNull();

    const afterRun = await host.ledger();
    expect({ ...summaryOf(afterRun), jobs: afterRun.jobs.length }).toEqual({
      duplicates: 0,
      running: 0,
      openLeases: 0,
      violations: 0,
      jobs: 6,
    });
    expect(host.violations()).toEqual([]);
    // Where a rate is sent it is never a multiplier.
    if (learningRate.takes === 'rate') {
      expect(run.candidates?.map(({ hyperparameters }) => hyperparameters.learningRate)).toEqual(
        run.candidates?.map(({ hyperparameters }) => hyperparameters.learningRateMultiplier * learningRate.base),
      );
    }
    const booked = run.spent?.usd ?? 0;
    expect(booked).toBeGreaterThan(0);
    const gap = booked - afterRun.usd.total;
    expect(gap).toBeGreaterThan(-1e-6);
    expect(gap).toBeLessThan(afterRun.usd.serving > 0 ? BOOKED_LONGER_USD * afterRun.leases.length : 1e-6);

    const pipeline = `shop-${title}`;
    const decision = () => tuneloop.deployments.get(pipeline);
    await tuneloop.deployments.propose(runId, { why: 'test' });
    await tuneloop.deployments.approve(pipeline, { why: 'test' });
    await until(async () => (await decision()).challenger?.state.kind === 'canary', 'the canary');
    const canary = (await decision()).challenger;
    expect(canary?.lease !== undefined).toBe(leased);
    if (leased) expect((await host.ledger()).openLeases).toBe(1);
    await tuneloop.deployments.setCanary(pipeline, 1, { why: 'test' });
    expect(await tuneloop.runs.predict(pipeline, 'refund please, I paid by card')).toMatchObject({
      arm: 'champion',
      text: 'refund',
    });
    const rolledBack = await tuneloop.deployments.rollback(pipeline, { why: 'test' });
    expect(rolledBack.deployment.champion).toBeNull();

    // A deployment whose workflow is ended by force leaves its lease to the sweep.
    await server.client.workflow.getHandle(deploymentId(pipeline)).terminate('test');
    const swept = await tuneloop.budget.sweep();
    expect(swept.failed).toEqual([]);
    const atEnd = await host.ledger();
    // An adapter carries no name of ours, so the sweep leaves it; it costs nothing while nobody asks it.
    const openLeases = title === 'crusoe' ? 1 : 0;
    expect(summaryOf(atEnd)).toEqual({ duplicates: 0, running: 0, openLeases, violations: 0 });
    note({
      host: title,
      jobs: atEnd.jobs.length,
      violations: atEnd.violations,
      openLeases: atEnd.openLeases,
      leases: afterRun.leases.length,
      bookedUsd: booked,
      ledgerUsd: afterRun.usd.total,
      servingUsd: afterRun.usd.serving,
      winner: run.winner,
      score: run.winnerJudged?.score,
      verdict: run.comparison?.verdict,
      stopped: run.candidates?.filter(({ status }) => status === 'stopped').length,
      seconds: run.seconds,
    });
  });
});

function summaryOf({ duplicates, running, openLeases, violations }: Awaited<ReturnType<RunningHost['ledger']>>) {
  return { duplicates, running, openLeases, violations };
}
