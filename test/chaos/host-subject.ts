import path from 'node:path';
import type { LedgerEntry, RequestEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { readPrices } from '../../src/config/prices.ts';
import { leaseOwner } from '../../src/contract/ids.ts';
import type { ListedPrice, Prices } from '../../src/core/evaluation/cost.ts';
import { leaseTerms } from '../../src/planning/plan-money.ts';
import type { ProviderProfile } from '../../src/providers/profile.ts';
import { profileOf } from '../../src/providers/profiles/index.ts';
import type { HostLedger, RequestEntry as HostRequest } from '../hosts/ledger.ts';
import type { Violation } from '../hosts/schemas.ts';
import { accessTo, HOST_NAMES, type HostName } from '../hosts/start-host.ts';
import { ROOT } from '../setup/cli.ts';
import type { Stack } from '../setup/stack.ts';
import { hostHazards } from './host-hazards.ts';
import type { Evidence, Subject } from './subject.ts';

/** For every base model. A lease, a job and the answers of a model cost about as much, so that each may break a budget. USD. */
const PRICE = { training: 20, minimum_per_job: 0.05 } as const satisfies ListedPrice;
const BY_THE_HOUR: ListedPrice = { ...PRICE, serving_per_hour: 0.6 };
const BY_TOKENS: ListedPrice = {
  training: PRICE.training,
  tuned: { input: 20, output: 80 },
  base: { input: 10, output: 40 },
};

/** Longer than a new job or lease is ever missing from a list. */
const SETTLING_SECONDS = 3;

/** A host, or one of its ways to serve. */
function hostSubject(name: HostName, serving: Record<string, unknown> = {}): Subject {
  const access = accessTo(name, 'http://127.0.0.1');
  const options = { ...access.provider.options, ...serving };
  const profile = profileOf({ ...access.provider, options });
  const models = profile.models.length === 0 ? ['gpt-4.1-mini', 'gpt-4.1-nano'] : basesOf(profile);
  const isListed = profile.billing.charges === 'tokens' && profile.billing.priceList !== null;
  // The list of OpenAI's prices knows no minimum.
  const byTokens = isListed ? { ...BY_TOKENS, ...PRICE } : BY_TOKENS;
  const price = profile.serving.lease?.paidByHour ? BY_THE_HOUR : byTokens;
  const listed = Object.fromEntries(models.map((model) => [model, price]));
  const prices = pricesOf(profile, listed);
  return {
    hazards: hostHazards(profile),
    costs: {
      candidates: { models, learning_rate_multiplier: [0.5, 1.5], epochs: 2 },
      prices,
      billing: profile.billing,
      leases: leaseTerms(prices, profile, models, true),
    },
    player: {
      args: [path.join(ROOT, 'test/hosts/run-host.ts'), '--host', name, '--lease-ready-ms', '500'],
      prices,
      listed,
      env: access.env,
      provider: (origin) => {
        const { provider } = accessTo(name, origin);
        return { ...provider, options: { ...provider.options, ...serving }, settling_seconds: SETTLING_SECONDS };
      },
    },
    namesFiles: false,
    requests: async (stack, from) =>
      (await ask<HostRequest[]>(stack, `_requests?from=${from}`)).map(({ operation, executed, status }) => ({
        call: operation,
        executed,
        held: status === 'held',
      })),
    evidence,
  };
}

function basesOf({ models }: ProviderProfile): string[] {
  return models.slice(0, 2).map((model) => model.name);
}

function pricesOf({ billing }: ProviderProfile, models: Record<string, ListedPrice>): Prices {
  const prices = readPrices(undefined);
  const list = billing.charges === 'tokens' ? billing.priceList : null;
  if (list === null) return { ...prices, models: models as Prices['models'] };
  return { ...prices, lists: { [list]: { date: prices.date, source: 'made up for tests', models } } };
}

async function ask<T>(stack: Stack, what: string): Promise<T> {
  return (await (await fetch(`${stack.providerOrigin}/${what}`)).json()) as T;
}

/** The host's records in the form in which the oracles read those of the trainer. */
async function evidence(stack: Stack): Promise<Evidence> {
  const ledger = await ask<HostLedger>(stack, '_ledger');
  const violations = await ask<Violation[]>(stack, '_violations');
  const runs = await runsByExecution(stack);
  const jobs = ledger.jobs.map(({ id, suffix, tunedModel }) => ({
    id,
    runId: ownerOf(suffix, runs),
    model: tunedModel,
  }));
  const leases = ledger.leases.map(({ name, models, removedAt, failed, usd }) => {
    // An adapter carries no name of ours, but its model is one of ours.
    const byModel = jobs.find(({ model }) => model !== null && models.includes(model))?.runId;
    return {
      name,
      runId: runs.find(({ executionId }) => executionId === leaseOwner(name))?.runId ?? byModel ?? null,
      open: removedAt === null,
      failed,
      usd,
    };
  });
  const spent = new Map<string, number>();
  const add = (runId: string | null | undefined, usd: number) => {
    if (runId) spent.set(runId, (spent.get(runId) ?? 0) + usd);
  };
  for (const [place, { usd, answersUsd }] of ledger.jobs.entries()) add(jobs[place]?.runId, usd + answersUsd);
  for (const { runId, usd } of leases) add(runId, usd);
  const entries = [...ledger.requests.map(requestEntry), ...ledger.jobs.map(jobEntry)];
  return {
    entries,
    jobs,
    spent,
    leases,
    violations: violations.map(({ method, path: at, problems }) => `${method} ${at}: ${problems.join('; ')}`),
  };
}

/** Every workflow that may own jobs and leases, with its run. */
async function runsByExecution({ client }: Stack): Promise<{ executionId: string; runId: string }[]> {
  const query = 'WorkflowType = "fineTuningJob" OR WorkflowType = "fineTuningPipeline"';
  const workflows = await Array.fromAsync(client.workflow.list({ query }));
  return workflows.map(({ workflowId, runId, type }) => ({
    executionId: runId,
    runId: type === 'fineTuningJob' ? workflowId.slice(0, workflowId.lastIndexOf('/')) : workflowId,
  }));
}

/** The run whose execution a job's suffix names; empty for a job that nobody owns. */
function ownerOf(suffix: string | null, runs: readonly { executionId: string; runId: string }[]): string {
  const end = /-([0-9a-f]{8})$/.exec(suffix ?? '')?.[1];
  return runs.find(({ executionId }) => end !== undefined && executionId.endsWith(end))?.runId ?? '';
}

function requestEntry({ at, operation, status, executed, faults }: HostRequest): LedgerEntry {
  return {
    kind: 'request',
    at,
    endpoint: operation as RequestEntry['endpoint'],
    status: status === 'held' ? 'reset' : status,
    executed,
    fault: (faults[0] ?? null) as RequestEntry['fault'],
    key: null,
    job: null,
    file: null,
    name: null,
    model: null,
    promptTokens: null,
    completionTokens: null,
  };
}

function jobEntry(job: HostLedger['jobs'][number]): LedgerEntry {
  return {
    kind: 'job',
    // A whole second is cut off from the time.
    at: job.finishedAt === null ? Date.now() : job.finishedAt * 1000 + 999,
    job: job.id,
    key: job.key,
    model: job.baseModel as 'local-nano',
    trainingFile: job.trainingFile,
    seed: job.seed ?? 0,
    status: STATUSES[job.state] ?? 'running',
    trainedTokens: job.trainedTokens,
  };
}

const STATUSES: Readonly<Record<string, 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'>> = {
  validating: 'queued',
  queued: 'queued',
  running: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
};

export const HOST_SUBJECTS: Readonly<Record<string, Subject>> = {
  ...Object.fromEntries(HOST_NAMES.map((name) => [name, hostSubject(name)])),
  'crusoe-machines': hostSubject('crusoe', { serving: 'deployment' }),
};
